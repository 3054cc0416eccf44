//! How many different words and word pairs a text has, at a fixed length: shares of a whole text mean nothing, because they fall as it grows.

use std::collections::HashSet;

/// Words of a window. Shares of different pairs are compared at this length and no other.
pub const WINDOW: usize = 400;
/// Words between the beginnings of two windows.
pub const STRIDE: usize = 100;

/// Different words, and different pairs of neighbouring words, in a window of [`WINDOW`] words.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Window {
    /// Its first word, counted from the beginning of the text.
    pub start: usize,
    /// Different words / words.
    pub distinct_1: f64,
    /// Different pairs / pairs.
    pub distinct_2: f64,
}

/// The windows of a text, one every [`STRIDE`] words; none of a text that is shorter than one.
pub fn windows(words: &[String]) -> Vec<Window> {
    let starts = (0..=words.len().saturating_sub(WINDOW)).step_by(STRIDE);
    starts
        .filter_map(|start| {
            let words = words.get(start..start + WINDOW)?;
            Some(Window {
                start,
                distinct_1: distinct(words, 1),
                distinct_2: distinct(words, 2),
            })
        })
        .collect()
}

/// Different runs of `n` words / runs of `n` words; 1 where there are none.
pub fn distinct(words: &[String], n: usize) -> f64 {
    let runs = words.windows(n);
    let total = runs.len();
    if total == 0 {
        return 1.0;
    }
    runs.collect::<HashSet<_>>().len() as f64 / total as f64
}

/// The value below which a share of values lies, by the nearest rank; nothing of nothing.
pub fn percentile(values: impl IntoIterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// How the vocabulary of a text grows: Heaps' law `different = k · words^beta`, by least squares over the logarithms at every thousandth word.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Growth {
    /// The factor.
    pub k: f64,
    /// The exponent: 1 if every word were new, 0 if none were.
    pub beta: f64,
    /// (words read, different words among them), at 1, 2, 5, 10, 20, 50 … thousand words and at the end.
    pub points: Vec<(usize, usize)>,
}

/// Words between two points of the fit.
const STEP: usize = 1000;

/// Measures [`Growth`]; nothing of a text below two thousand words, through which no line can be laid.
pub fn growth(words: &[String]) -> Option<Growth> {
    let mut seen = HashSet::new();
    let mut measured = Vec::new();
    for (at, word) in words.iter().enumerate() {
        seen.insert(word);
        if (at + 1) % STEP == 0 {
            measured.push((at + 1, seen.len()));
        }
    }
    if measured.len() < 2 {
        return None;
    }
    let logs: Vec<(f64, f64)> = measured
        .iter()
        .map(|&(words, different)| ((words as f64).ln(), (different as f64).ln()))
        .collect();
    let n = logs.len() as f64;
    let (mean_x, mean_y) = (
        logs.iter().map(|(x, _)| x).sum::<f64>() / n,
        logs.iter().map(|(_, y)| y).sum::<f64>() / n,
    );
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in &logs {
        covariance += (x - mean_x) * (y - mean_y);
        variance += (x - mean_x) * (x - mean_x);
    }
    let beta = covariance / variance;
    let is_round = |words: usize| {
        let mut rest = words / STEP;
        while rest.is_multiple_of(10) {
            rest /= 10;
        }
        matches!(rest, 1 | 2 | 5)
    };
    let mut points: Vec<(usize, usize)> = measured
        .into_iter()
        .filter(|(words, _)| is_round(*words))
        .collect();
    if points.last().is_none_or(|(last, _)| *last != words.len()) {
        points.push((words.len(), seen.len()));
    }
    Some(Growth {
        k: (mean_y - beta * mean_x).exp(),
        beta,
        points,
    })
}

/// Different words of two texts over the same number of words, the first of each.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Against {
    /// Words of the shorter text; as many are read of the other.
    pub words: usize,
    /// Different words of the text that is measured.
    pub distinct: usize,
    /// Different words of the reference.
    pub reference_distinct: usize,
}

impl Against {
    /// Different words / different words of the reference; 0 when that has none.
    pub fn ratio(&self) -> f64 {
        self.distinct as f64 / self.reference_distinct.max(1) as f64
    }
}

/// Compares different words at equal length.
pub fn against(words: &[String], reference: &[String]) -> Against {
    let n = words.len().min(reference.len());
    let different = |words: &[String]| words[..n].iter().collect::<HashSet<_>>().len();
    Against {
        words: n,
        distinct: different(words),
        reference_distinct: different(reference),
    }
}

/// The words of a reference text in lower case. Lines that are a cue, a name and a colon and nothing else, are left out.
pub fn reference_words(text: &str) -> Vec<String> {
    let is_cue = |line: &&str| line.trim_end().ends_with(':') && line.trim_end().len() <= 60;
    text.lines()
        .filter(|line| !is_cue(line))
        .flat_map(super::spoken::lower_words)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        crate::measure::spoken::lower_words(text)
    }

    #[test]
    fn distinct_is_different_over_all() {
        let words = words("salt and sky and salt and sea");
        assert_eq!(distinct(&words, 1), 4.0 / 7.0);
        // salt-and twice, and-sky, sky-and, and-salt, and-sea.
        assert_eq!(distinct(&words, 2), 5.0 / 6.0);
        assert_eq!(distinct(&words[..1], 2), 1.0);
    }

    #[test]
    fn windows_begin_every_stride_and_are_all_full() {
        let words: Vec<String> = (0..WINDOW + 2 * STRIDE + 7)
            .map(|n| n.to_string())
            .collect();
        let found = windows(&words);
        assert_eq!(
            found.iter().map(|window| window.start).collect::<Vec<_>>(),
            [0, STRIDE, 2 * STRIDE]
        );
        assert!(found.iter().all(|window| window.distinct_1 == 1.0));
        assert!(windows(&words[..WINDOW - 1]).is_empty());
    }

    #[test]
    fn percentiles_are_values_that_occur() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(values.clone(), 0.05), Some(5.0));
        assert_eq!(percentile(values, 0.5), Some(50.0));
        assert_eq!(percentile([], 0.5), None);
    }

    #[test]
    fn growth_finds_the_law_that_made_a_text() {
        // Different words follow √n: at word n a new one whenever √n passes a whole number.
        let mut different = 0usize;
        let words: Vec<String> = (1..=100_000usize)
            .map(|n| {
                if n.isqrt() > different {
                    different = n.isqrt();
                }
                different.to_string()
            })
            .collect();
        let growth = growth(&words).unwrap();
        assert!((growth.beta - 0.5).abs() < 0.01, "{growth:?}");
        assert!((growth.k - 1.0).abs() < 0.05, "{growth:?}");
        assert_eq!(growth.points.first(), Some(&(1000, 31)));
        assert_eq!(growth.points.last(), Some(&(100_000, 316)));
        assert_eq!(super::growth(&words[..1999]), None);
    }

    #[test]
    fn texts_are_compared_at_equal_length() {
        let found = against(&words("a b c a"), &words("x x y y z z"));
        assert_eq!(
            (found.words, found.distinct, found.reference_distinct),
            (4, 3, 2)
        );
        assert_eq!(found.ratio(), 1.5);
    }

    #[test]
    fn cues_of_a_reference_are_not_words_of_it() {
        assert_eq!(
            reference_words("First Citizen:\nBefore we proceed: hear\n"),
            ["before", "we", "proceed", "hear"]
        );
    }
}

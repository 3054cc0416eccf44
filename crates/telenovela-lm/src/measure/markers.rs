//! Marker phrases: what one lead says far more than the others, and lines with these covered.
//!
//! A phrase is one to three neighbouring words, in lower case, with no name in it, said at least [`FEWEST_USES`] times. Phrases are ranked by the
//! logarithm of the odds ratio between a lead's use of it and that of the other leads together, in units of its standard error (as Monroe, Colaresi
//! and Quinn 2008 do, here with half a use added to each count for a prior). That ranks what is both common and one's own; plain function words are not
//! spared. Of phrases that contain each other only the first stays.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::names::{MASK, cover};
use super::spoken::spans;

/// Of a phrase, before it can be a marker.
pub const FEWEST_USES: usize = 5;
/// Words of the longest phrase.
pub const LONGEST: usize = 3;

/// A phrase of one speaker.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Marker {
    /// In lower case, words parted by spaces.
    pub phrase: String,
    /// How often its speaker says it.
    pub uses: usize,
    /// How often the other leads say it, all together.
    pub others: usize,
    /// Logarithm of the odds ratio over its standard error.
    pub z: f64,
}

/// The `top` first marker phrases of each speaker, given all lines of each with the names masked.
pub fn markers(lines_by_speaker: &[Vec<String>], top: usize) -> Vec<Vec<Marker>> {
    let counts: Vec<BTreeMap<String, usize>> =
        lines_by_speaker.iter().map(|lines| count(lines)).collect();
    let mut all: HashMap<&str, usize> = HashMap::new();
    for (phrase, uses) in counts.iter().flatten() {
        *all.entry(phrase).or_default() += uses;
    }
    let said: Vec<usize> = counts.iter().map(|counts| counts.values().sum()).collect();
    let said_by_all: usize = said.iter().sum();
    let of = |(counts, &said): (&BTreeMap<String, usize>, &usize)| {
        let mut ranked: Vec<Marker> = counts
            .iter()
            .filter(|(_, uses)| **uses >= FEWEST_USES)
            .map(|(phrase, &uses)| {
                let others = all[phrase.as_str()] - uses;
                Marker {
                    phrase: phrase.clone(),
                    uses,
                    others,
                    z: z_score((uses, said), (others, said_by_all - said)),
                }
            })
            .collect();
        // Of equals the shorter one: it covers more.
        ranked.sort_by(|a, b| {
            let by_length = a.phrase.len().cmp(&b.phrase.len());
            b.z.total_cmp(&a.z).then(by_length)
        });
        let mut chosen: Vec<Marker> = Vec::new();
        for marker in ranked {
            let nested = |other: &Marker| {
                contains(&marker.phrase, &other.phrase) || contains(&other.phrase, &marker.phrase)
            };
            if chosen.len() < top && !chosen.iter().any(nested) {
                chosen.push(marker);
            }
        }
        chosen
    };
    counts.iter().zip(&said).map(of).collect()
}

/// Whether a phrase has another in it, as whole words.
fn contains(phrase: &str, part: &str) -> bool {
    format!(" {phrase} ").contains(&format!(" {part} "))
}

/// The log odds ratio of `uses` in `said` against the same of others, over its standard error.
fn z_score((uses, said): (usize, usize), (others, others_said): (usize, usize)) -> f64 {
    let odds = |uses: usize, said: usize| {
        let uses = uses as f64 + 0.5;
        uses / (said as f64 + 1.0 - uses)
    };
    let log_ratio = (odds(uses, said) / odds(others, others_said)).ln();
    let variance = 1.0 / (uses as f64 + 0.5) + 1.0 / (others as f64 + 0.5);
    log_ratio / variance.sqrt()
}

/// How often each phrase is said. In the order of the alphabet, so that equals are ranked the same every time.
fn count(lines: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        // A name parts a line; punctuation does not.
        for piece in line.split(MASK) {
            let words = super::spoken::lower_words(piece);
            for n in 1..=LONGEST {
                for phrase in words.windows(n) {
                    *counts.entry(phrase.join(" ")).or_default() += 1;
                }
            }
        }
    }
    counts
}

/// Covers phrases in lines.
#[derive(Clone, Debug, Default)]
pub struct PhraseMask {
    phrases: HashSet<String>,
}

impl PhraseMask {
    /// Covers these.
    pub fn new<'a>(phrases: impl IntoIterator<Item = &'a Marker>) -> Self {
        Self {
            phrases: phrases
                .into_iter()
                .map(|marker| marker.phrase.clone())
                .collect(),
        }
    }

    /// The text with every phrase covered, the longest first at each word.
    pub fn mask(&self, text: &str) -> String {
        let words: Vec<(usize, &str)> = spans(text).collect();
        let lower: Vec<String> = words.iter().map(|(_, word)| word.to_lowercase()).collect();
        let end = |word: usize| words[word].0 + words[word].1.len();
        let mut ranges = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let fits = |n: &usize| {
                at + n <= words.len()
                    && self.phrases.contains(&lower[at..at + n].join(" "))
                    && !text[words[at].0..end(at + n - 1)].contains(MASK)
            };
            let Some(n) = (1..=LONGEST).rev().find(fits) else {
                at += 1;
                continue;
            };
            ranges.push((words[at].0, end(at + n - 1)));
            at += n;
        }
        cover(text, ranges.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str, n: usize) -> Vec<String> {
        vec![line.to_owned(); n]
    }

    #[test]
    fn what_one_says_and_others_do_not_comes_first_and_takes_what_is_in_it_along() {
        let one = lines("Dear viewer, the sea.", 6);
        let other = lines("The sea, dear.", 6);
        let found = markers(&[one, other], 3);
        assert_eq!(found[0][0].phrase, "viewer");
        assert_eq!((found[0][0].uses, found[0][0].others), (6, 0));
        assert!(found[0].iter().all(|marker| marker.phrase != "dear viewer"));
        // Half a use more: (6.5 / 48.5) / (0.5 / 36.5), and a variance of 1/6.5 + 1/0.5, of 9 phrases in each line of four words and 6 in three.
        let z = ((6.5f64 / 48.5) / (0.5 / 36.5)).ln() / (1.0f64 / 6.5 + 2.0).sqrt();
        assert!((found[0][0].z - z).abs() < 1e-12);
    }

    #[test]
    fn phrases_are_covered_where_they_stand_and_not_inside_words_or_across_names() {
        let marker = |phrase: &str| Marker {
            phrase: phrase.to_owned(),
            uses: 5,
            others: 0,
            z: 1.0,
        };
        let mask = PhraseMask::new(&[marker("my dear"), marker("salt")]);
        assert_eq!(
            mask.mask("My dear, salty Salt; my _ dear."),
            "_, salty _; my _ dear."
        );
    }
}

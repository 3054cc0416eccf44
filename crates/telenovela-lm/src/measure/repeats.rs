//! Lines that stand twice, or nearly.
//!
//! Lines of [`FEWEST_WORDS`] words and more are compared by their words in lower case, each run of names replaced by one mask. Two are *equal* when these
//! words are the same, and *near* when at most one word in [`WORDS_PER_EDIT`] has to be put in, taken out or changed to make one of the other
//! (Levenshtein distance over words, against the longer line, rounded down): none up to four words, one from five to nine, two from ten to fourteen.

use std::collections::HashMap;

use super::names::Names;
use super::spoken::{Line, Place};

/// Of a line that is compared: shorter ones are anybody's.
pub const FEWEST_WORDS: usize = 4;
/// Of the longer line, for each word by which near lines may differ.
pub const WORDS_PER_EDIT: usize = 5;

/// Two lines that are the same, or nearly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Pair {
    /// The earlier line.
    pub first: Place,
    /// The later one.
    pub second: Place,
    /// Words that differ once names are masked; 0 for equal lines.
    pub edits: usize,
    /// Whether they are the same with their names, too.
    pub verbatim: bool,
}

/// How lines repeat each other.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Repeats {
    /// Lines of [`FEWEST_WORDS`] words or more.
    pub compared: usize,
    /// Of these, how many stand nowhere else word for word (case and punctuation aside).
    pub unique: usize,
    /// Of these, how many have an equal or near line elsewhere once names are masked. Both lines of a pair count.
    pub near: usize,
    /// Every pair of equal or near lines, in order.
    pub pairs: Vec<Pair>,
}

impl Repeats {
    /// Share of compared lines that are unique; 1 when there are none.
    pub fn unique_share(&self) -> f64 {
        share(self.unique, self.compared).unwrap_or(1.0)
    }

    /// Share of compared lines that have an equal or near line; 0 when there are none.
    pub fn near_share(&self) -> f64 {
        share(self.near, self.compared).unwrap_or(0.0)
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Compares every line with every other.
///
/// A line of `n` words has `n + 1` pairs of neighbours, its edges included, and a word that differs breaks at most two of them; so only lines that share
/// at least `n + 1 - 2 d` pairs can be `d` words apart, and only those are measured.
pub fn repeats(lines: &[Line<'_>], names: &Names) -> Repeats {
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut coded = Vec::new();
    for line in lines {
        let plain = line.words();
        if plain.len() < FEWEST_WORDS {
            continue;
        }
        let words = names.masked_words(&line.text);
        let words: Vec<u32> = words
            .into_iter()
            .map(|word| {
                let next = ids.len() as u32;
                *ids.entry(word).or_insert(next)
            })
            .collect();
        coded.push((line.place, plain, words));
    }
    let mut found = Repeats {
        compared: coded.len(),
        ..Repeats::default()
    };
    let mut lines_with: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
    let mut shared: HashMap<usize, usize> = HashMap::new();
    let (mut is_near, mut is_repeated) = (vec![false; coded.len()], vec![false; coded.len()]);
    for (second, (place, plain, words)) in coded.iter().enumerate() {
        shared.clear();
        for pair in edges(words) {
            for &first in lines_with.get(&pair).into_iter().flatten() {
                *shared.entry(first).or_default() += 1;
            }
        }
        let mut candidates: Vec<usize> = shared.keys().copied().collect();
        candidates.sort_unstable();
        for first in candidates {
            let (first_place, first_plain, first_words) = &coded[first];
            let longer = words.len().max(first_words.len());
            let allowed = longer / WORDS_PER_EDIT;
            if shared[&first] + 2 * allowed < longer + 1 {
                continue;
            }
            let edits = distance(first_words, words);
            if edits > allowed {
                continue;
            }
            let verbatim = first_plain == plain;
            (is_near[first], is_near[second]) = (true, true);
            if verbatim {
                (is_repeated[first], is_repeated[second]) = (true, true);
            }
            found.pairs.push(Pair {
                first: *first_place,
                second: *place,
                edits,
                verbatim,
            });
        }
        for pair in edges(words) {
            lines_with.entry(pair).or_default().push(second);
        }
    }
    found.pairs.sort_unstable();
    found.unique = is_repeated.iter().filter(|repeated| !**repeated).count();
    found.near = is_near.iter().filter(|near| **near).count();
    found
}

/// Stands before the first word and after the last.
const EDGE: u32 = u32::MAX;

/// The pairs of neighbouring words, the edges of the line included: one more than there are words.
fn edges(words: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    let before = std::iter::once(EDGE).chain(words.iter().copied());
    let after = words.iter().copied().chain([EDGE]);
    before.zip(after)
}

/// Levenshtein distance over words.
fn distance(one: &[u32], other: &[u32]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(texts: &[&'a str]) -> Vec<Line<'a>> {
        let texts = texts.iter().enumerate();
        texts
            .map(|(turn, text)| Line {
                place: Place { scene: 0, turn },
                speaker: "INÉS",
                text: (*text).to_owned(),
            })
            .collect()
    }

    fn found(texts: &[&str]) -> Repeats {
        repeats(&lines(texts), &Names::new(&[], ["INÉS", "MATEO"]))
    }

    #[test]
    fn case_and_punctuation_do_not_make_a_line_unique() {
        let found = found(&["The tide is late.", "the tide is late!", "Late, late."]);
        assert_eq!((found.compared, found.unique, found.near), (2, 0, 2));
        assert!(found.pairs[0].verbatim);
    }

    #[test]
    fn a_line_with_another_name_in_it_is_unique_but_near() {
        let found = found(&["You are late, Inés.", "You are late, Mateo."]);
        assert_eq!((found.unique, found.near), (2, 2));
        assert_eq!((found.pairs[0].edits, found.pairs[0].verbatim), (0, false));
    }

    #[test]
    fn one_word_in_five_may_differ_and_none_of_four() {
        assert_eq!(found(&["who ate my soup", "who ate his soup"]).near, 0);
        assert_eq!(
            found(&["who ate all my soup", "who ate all his soup"]).near,
            2
        );
        assert_eq!(found(&["now who ate my soup", "who ate my soup"]).near, 2);
        assert_eq!(
            found(&["who ate all my good soup", "who drank all my bad soup"]).near,
            0
        );
    }

    #[test]
    fn distance_counts_words() {
        assert_eq!(distance(&[1, 2, 3], &[1, 3]), 1);
        assert_eq!(distance(&[1, 2, 3], &[4, 2, 5]), 2);
        assert_eq!(distance(&[], &[1]), 1);
    }
}

//! A line as numbers: which runs of characters and words it has, weighted by how rare they are.
//!
//! Two blocks, each scaled to length 1: runs of one to five characters within a word and the space around it, as written; and single words and pairs,
//! punctuation marks as words, in lower case. Weights are `(1 + ln count) · (1 + ln((1 + lines) / (1 + lines with it)))`.

use std::collections::HashMap;

use super::names::MASK;

/// Characters of the longest run.
const LONGEST_RUN: usize = 5;
/// Words of the longest phrase.
const LONGEST_PHRASE: usize = 2;
/// What counts as a word besides words.
const MARKS: [char; 9] = ['.', ',', '!', '?', '…', ';', ':', '—', MASK];

/// A line: (feature, value), by number of the feature.
pub type Row = Vec<(u32, f64)>;

/// The features of training lines and how rare each is.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// What each run and phrase is called; runs and phrases are told apart by a first character.
    ids: HashMap<Box<str>, u32>,
    /// By number.
    rarity: Vec<f64>,
}

impl Features {
    /// Learns the features of lines.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut ids: HashMap<Box<str>, u32> = HashMap::new();
        let mut lines_with: Vec<u32> = Vec::new();
        let mut n_lines = 0u32;
        for line in lines {
            n_lines += 1;
            for block in blocks(line) {
                for (name, _) in block {
                    let id = *ids.entry(name).or_insert_with(|| {
                        lines_with.push(0);
                        lines_with.len() as u32 - 1
                    });
                    lines_with[id as usize] += 1;
                }
            }
        }
        let rarity = |with: u32| 1.0 + (f64::from(1 + n_lines) / f64::from(1 + with)).ln();
        Self {
            ids,
            rarity: lines_with.into_iter().map(rarity).collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rarity.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rarity.is_empty()
    }

    /// A line as weights, each block scaled to length 1. What was not learned is left out.
    pub fn weighted(&self, line: &str) -> Row {
        let mut row = Row::new();
        for block in blocks(line) {
            let from = row.len();
            row.extend(self.known(block).map(|(id, count)| {
                let value = (1.0 + f64::from(count).ln()) * self.rarity[id as usize];
                (id, value)
            }));
            // In a fixed order, so that the sum below has the same bits every time.
            row[from..].sort_unstable_by_key(|(id, _)| *id);
            let length = row[from..].iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
            for (_, value) in &mut row[from..] {
                *value /= length;
            }
        }
        row.sort_unstable_by_key(|(id, _)| *id);
        row
    }

    /// A line as counts. What was not learned is left out.
    pub fn counted(&self, line: &str) -> Row {
        let blocks = blocks(line).into_iter();
        let mut row: Row = blocks
            .flat_map(|block| self.known(block))
            .map(|(id, count)| (id, f64::from(count)))
            .collect();
        row.sort_unstable_by_key(|(id, _)| *id);
        row
    }

    fn known(&self, block: HashMap<Box<str>, u32>) -> impl Iterator<Item = (u32, u32)> {
        block
            .into_iter()
            .filter_map(|(name, count)| Some((*self.ids.get(&name)?, count)))
    }
}

/// How often each run and each phrase stands in a line.
fn blocks(line: &str) -> [HashMap<Box<str>, u32>; 2] {
    let (mut runs, mut phrases) = (HashMap::new(), HashMap::new());
    for word in line.split_whitespace() {
        let chars: Vec<char> = format!(" {word} ").chars().collect();
        for n in 1..=LONGEST_RUN.min(chars.len()) {
            for run in chars.windows(n) {
                let name: String = std::iter::once('r').chain(run.iter().copied()).collect();
                *runs.entry(name.into()).or_default() += 1;
            }
        }
    }
    let words = words_and_marks(line);
    for n in 1..=LONGEST_PHRASE {
        for phrase in words.windows(n) {
            let name = format!("p{}", phrase.join(" "));
            *phrases.entry(name.into()).or_default() += 1;
        }
    }
    [runs, phrases]
}

/// Words in lower case, and the marks between them, in order.
fn words_and_marks(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut done = 0;
    let marks = |between: &str, found: &mut Vec<String>| {
        let marks = between.chars().filter(|c| MARKS.contains(c));
        found.extend(marks.map(String::from));
    };
    for (at, word) in super::spoken::spans(line) {
        marks(&line[done..at], &mut found);
        found.push(word.to_lowercase());
        done = at + word.len();
    }
    marks(&line[done..], &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_runs_within_words_and_phrases_with_marks() {
        let [runs, phrases] = blocks("No, no");
        // « No, » has 5 + 4 + 3 + 2 + 1 runs, « no » 4 + 3 + 2 + 1; spaces, o, and « n»-less pairs are counted together.
        assert_eq!(runs.values().sum::<u32>(), 15 + 10);
        assert_eq!(runs["ro"], 2);
        assert_eq!(runs["r "], 4);
        assert_eq!(runs["r No, "], 1);
        assert_eq!(phrases["pno"], 2);
        assert_eq!(phrases["pno ,"], 1);
        assert_eq!(phrases.values().sum::<u32>(), 3 + 2);
    }

    #[test]
    fn each_block_has_length_one_and_rare_features_weigh_more() {
        let features = Features::new(["salt sea", "salt pan", "salt sky"]);
        let row = features.weighted("salt pan");
        let length: f64 = row.iter().map(|(_, value)| value * value).sum();
        assert!((length - 2.0).abs() < 1e-12);
        let of = |name: &str| {
            let id = features.ids[name];
            row.iter().find(|(found, _)| *found == id).unwrap().1
        };
        assert!((of("ppan") / of("psalt") - (1.0 + 2.0f64.ln()) / 1.0).abs() < 1e-12);
        assert!(features.weighted("xyz").iter().all(|(_, v)| v.is_finite()));
    }
}

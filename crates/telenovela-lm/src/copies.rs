//! How much of a line stands so in the scripts.

use std::collections::HashMap;

use telenovela_script::voice::Nearest;

use crate::lexicon::words;

/// Every run of [`RUN`] words in the scripts, so that the longest copied run of a line is found by extending.
#[derive(Debug, Default)]
pub struct CopyIndex {
    /// All words, lower-case, as numbers; 0 separates lines.
    text: Vec<u32>,
    ids: HashMap<String, u32>,
    /// The lines as they are written, one after the other.
    written: String,
    /// Where each line begins in `text`, and where in `written`.
    lines: Vec<(u32, usize)>,
    /// Where each pair of words stands.
    pairs: HashMap<(u32, u32), Vec<u32>>,
}

/// Words that have to agree before a run is looked at.
const RUN: usize = 2;

impl CopyIndex {
    /// Indexes lines.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut index = Self {
            text: vec![0],
            ..Self::default()
        };
        for line in lines {
            index
                .lines
                .push((index.text.len() as u32, index.written.len()));
            index.written.push_str(line);
            for word in words(line) {
                let next = index.ids.len() as u32 + 1;
                let id = *index.ids.entry(word.to_lowercase()).or_insert(next);
                index.text.push(id);
            }
            index.text.push(0);
        }
        for (at, pair) in index.text.windows(RUN).enumerate() {
            if pair[0] != 0 && pair[1] != 0 {
                index
                    .pairs
                    .entry((pair[0], pair[1]))
                    .or_default()
                    .push(at as u32);
            }
        }
        index
    }

    /// Length in words of the longest run of a line that stands so in one of the indexed lines.
    pub fn longest_run(&self, line: &str) -> usize {
        self.longest(line).0
    }

    /// The indexed line with the longest run of words of this one, the first of several; `None` where no two words in a row stand in any.
    pub fn nearest(&self, line: &str) -> Option<Nearest> {
        let (n_words, place) = self.longest(line);
        let place = place?;
        let after = self.lines.partition_point(|(first, _)| *first <= place);
        let (_, from) = self.lines[after.checked_sub(1)?];
        let to = self
            .lines
            .get(after)
            .map_or(self.written.len(), |next| next.1);
        Some(Nearest {
            text: self.written[from..to].to_owned(),
            n_words,
        })
    }

    /// The longest run, and where it stands if it is longer than a word.
    fn longest(&self, line: &str) -> (usize, Option<u32>) {
        let line: Vec<u32> = words(line)
            .map(|word| {
                self.ids
                    .get(&word.to_lowercase())
                    .copied()
                    .unwrap_or(u32::MAX)
            })
            .collect();
        let mut longest = usize::from(line.iter().any(|&word| word != u32::MAX));
        let mut at = None;
        for start in 0..line.len().saturating_sub(1) {
            let Some(places) = self.pairs.get(&(line[start], line[start + 1])) else {
                continue;
            };
            for &place in places {
                let here = self.text[place as usize..].iter();
                let run = here
                    .zip(&line[start..])
                    .take_while(|(a, b)| a == b && **a != 0)
                    .count();
                if run > longest {
                    (longest, at) = (run, Some(place));
                }
            }
        }
        (longest, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_line_is_given_as_it_is_written() {
        let index = CopyIndex::new(["The salt is white.", "And cold it is, the salt"]);
        let nearest = index.nearest("Oh, the SALT is cold").expect("it is near");
        assert_eq!(
            (nearest.text.as_str(), nearest.n_words),
            ("The salt is white.", 3)
        );
        let last = index.nearest("it is").expect("it is near");
        assert_eq!(last.text, "And cold it is, the salt");
        assert_eq!(index.nearest("thunder over salt"), None);
    }

    #[test]
    fn a_run_ends_with_its_line() {
        let index = CopyIndex::new(["The salt is white.", "And cold it is, the salt"]);
        assert_eq!(index.longest_run("the SALT is white and cold"), 4);
        assert_eq!(index.longest_run("cold it was"), 2);
        assert_eq!(index.longest_run("thunder"), 0);
        assert_eq!(index.longest_run("white"), 1);
    }
}

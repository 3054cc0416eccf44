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
/// Words of the shortest line that can be called a copy; shorter ones are what anybody says.
pub const LEAST_COPY: usize = 4;

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
        let number = self.line_at(place?)?;
        let (_, from) = self.lines[number];
        let to = self
            .lines
            .get(number + 1)
            .map_or(self.written.len(), |next| next.1);
        Some(Nearest {
            text: self.written[from..to].to_owned(),
            n_words,
        })
    }

    /// Whether a line of [`LEAST_COPY`] words or more stands in the scripts as a whole line, but for one word that is another, missing or too much.
    pub fn is_copy(&self, line: &str) -> bool {
        let line = self.ids_of(line);
        if line.len() < LEAST_COPY {
            return false;
        }
        // One word that differs breaks two pairs at most, so of any three pairs one stands in the line that this is a copy of: the rarest are looked at.
        let mut pairs: Vec<&[u32]> = line
            .windows(RUN)
            .map(|pair| self.pairs.get(&(pair[0], pair[1])))
            .map(|places| places.map_or(&[] as &[u32], Vec::as_slice))
            .collect();
        pairs.sort_by_key(|places| places.len());
        let mut places = pairs.into_iter().take(3).flatten();
        places.any(|&place| {
            let known = self.line_at(place).map(|number| self.words_of(number));
            known.is_some_and(|known| is_nearly(&line, known))
        })
    }

    /// The number of the indexed line that a place stands in.
    fn line_at(&self, place: u32) -> Option<usize> {
        let after = self.lines.partition_point(|(first, _)| *first <= place);
        after.checked_sub(1)
    }

    /// The words of an indexed line.
    fn words_of(&self, line: usize) -> &[u32] {
        let first = self.lines[line].0 as usize;
        let next = self.lines.get(line + 1).map(|(next, _)| *next as usize);
        // Each line ends with a separator.
        &self.text[first..next.unwrap_or(self.text.len()) - 1]
    }

    /// The words of a line as numbers, those that stand nowhere as the largest.
    fn ids_of(&self, line: &str) -> Vec<u32> {
        let id = |word: &str| self.ids.get(&word.to_lowercase()).copied();
        words(line)
            .map(|word| id(word).unwrap_or(u32::MAX))
            .collect()
    }

    /// The longest run, and where it stands if it is longer than a word.
    fn longest(&self, line: &str) -> (usize, Option<u32>) {
        let line = self.ids_of(line);
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

/// Whether two lines are the same but for one word that is another, missing or too much.
fn is_nearly(a: &[u32], b: &[u32]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let rest = match short.len() == long.len() {
        true => &short[(same + 1).min(short.len())..],
        false => &short[same..],
    };
    long.ends_with(rest)
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

    #[test]
    fn a_copy_is_a_whole_line_but_for_one_word() {
        let index = CopyIndex::new(["Give me the white salt.", "No.", "The salt is mine, Inés"]);
        for (line, is_copy) in [
            ("Give me the white salt", true),
            ("give me the red salt!", true),
            ("Give me white salt", true),
            ("Oh, give me the white salt", true),
            ("Give me the red bread", false),
            ("Give me the white salt and sky", false),
            ("The salt was yours, Inés", false),
            ("No", false),
            ("Thunder falls on the sea", false),
        ] {
            assert_eq!(index.is_copy(line), is_copy, "{line}");
        }
    }
}

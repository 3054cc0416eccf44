//! Names, and lines with the names covered.

use std::collections::HashSet;

use super::spoken::{Line, spans};

/// Stands for what is covered, whatever it was.
pub const MASK: char = '_';

/// The names of a show.
///
/// Two kinds: words that stand with a capital inside a sentence and nowhere in lower case (people, places, saints, days), and words that the caller
/// knows to be names (cues, characters), which are covered only where they stand with a capital, since `Mother` is a name and `mother` is none.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// In lower case.
    always: HashSet<String>,
    /// In lower case.
    capitalized: HashSet<String>,
}

impl Names {
    /// Finds the names in spoken lines; `known` are names in any case, of one word or several.
    pub fn new<'a>(lines: &[Line<'_>], known: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut lower, mut inside) = (HashSet::new(), HashSet::new());
        for line in lines {
            for (at, word) in spans(&line.text) {
                if !is_capitalized(word) {
                    lower.insert(word.to_lowercase());
                } else if is_inside_sentence(&line.text[..at]) && !is_first_person(word) {
                    inside.insert(word.to_lowercase());
                }
            }
        }
        let known = known.into_iter().flat_map(spans);
        Self {
            always: inside.difference(&lower).cloned().collect(),
            capitalized: known.map(|(_, word)| word.to_lowercase()).collect(),
        }
    }

    /// Whether a word, as written, is a name.
    pub fn contains(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        // «Chelo's» is Chelo.
        let bare = lower.trim_end_matches("'s").trim_end_matches("’s");
        let known = |names: &HashSet<String>| names.contains(&lower) || names.contains(bare);
        known(&self.always) || is_capitalized(word) && known(&self.capitalized)
    }

    /// The text with every name covered.
    pub fn mask(&self, text: &str) -> String {
        cover(
            text,
            spans(text)
                .filter(|(_, word)| self.contains(word))
                .map(|(at, word)| (at, at + word.len())),
        )
    }

    /// The words of a text in lower case, each run of names one [`MASK`].
    pub fn masked_words(&self, text: &str) -> Vec<String> {
        let mask = MASK.to_string();
        let mut words: Vec<String> = Vec::new();
        for (_, word) in spans(text) {
            if !self.contains(word) {
                words.push(word.to_lowercase());
            } else if words.last() != Some(&mask) {
                words.push(mask.clone());
            }
        }
        words
    }
}

/// Puts a [`MASK`] in the place of each range of bytes; the ranges come in order and do not overlap.
pub(super) fn cover(text: &str, ranges: impl Iterator<Item = (usize, usize)>) -> String {
    let mut covered = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in ranges {
        covered.push_str(&text[done..start]);
        covered.push(MASK);
        done = end;
    }
    covered.push_str(&text[done..]);
    covered
}

fn is_capitalized(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// `I`, `I'm`, `I've` …
fn is_first_person(word: &str) -> bool {
    word == "I" || word.starts_with("I'") || word.starts_with("I’")
}

/// Whether what stands before a word has begun its sentence.
fn is_inside_sentence(before: &str) -> bool {
    let before = before.trim_end();
    let last = before.chars().last();
    last.is_some_and(|c| {
        !matches!(
            c,
            '.' | '!' | '?' | '…' | ':' | ';' | '—' | '-' | '(' | '¿' | '¡'
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::spoken::Place;

    fn line(text: &str) -> Line<'_> {
        Line {
            place: Place { scene: 0, turn: 0 },
            speaker: "INÉS",
            text: text.to_owned(),
        }
    }

    #[test]
    fn names_are_found_by_their_capitals_and_covered() {
        let lines = [
            line("Salt for Pilar. I said I'm here"),
            line("The salt. Ask Salt. My mother, Mother."),
        ];
        let names = Names::new(&lines, ["DOÑA REMEDIOS", "Mother"]);
        assert_eq!(
            names.mask("Pilar's salt, Doña Remedios, my Mother: a mother's Salt. I"),
            "_ salt, _ _, my _: a mother's Salt. I"
        );
        assert_eq!(
            names.masked_words("Doña Remedios, the pan"),
            ["_", "the", "pan"]
        );
    }
}

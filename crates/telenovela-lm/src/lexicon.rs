//! The words of a show: what a rare word may be spelled into.

use std::collections::BTreeSet;

/// Words as they stand in the scripts, with capitals, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lexicon {
    words: Vec<String>,
}

/// The words of a text: letters, digits and inner apostrophes.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '\'' || c == '’';
    text.split(move |c: char| !is_word(c))
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
}

impl Lexicon {
    /// Gathers the words of texts. Each is also known with a capital, as it would open a sentence; one that was only ever seen with a capital
    /// may be a name and is not known without it.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = BTreeSet::new();
        for word in texts.into_iter().flat_map(words) {
            found.insert(word.to_owned());
            let mut chars = word.chars();
            if let Some(first) = chars.next() {
                found.insert(first.to_uppercase().chain(chars.clone()).collect());
            }
        }
        Self {
            words: found.into_iter().collect(),
        }
    }

    /// Reads what [`joined`](Self::joined) wrote.
    pub fn from_joined(joined: &str) -> Self {
        let mut words: Vec<String> = joined
            .lines()
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        words.sort_unstable();
        words.dedup();
        Self { words }
    }

    /// The words, one per line.
    pub fn joined(&self) -> String {
        self.words.join("\n")
    }

    /// Whether a word is known as written.
    pub fn contains(&self, word: &str) -> bool {
        self.words
            .binary_search_by(|known| known.as_str().cmp(word))
            .is_ok()
    }

    /// Whether a word is known: as written, with the capital of a sentence's first word, or shouted. A name keeps its capital.
    pub fn knows(&self, word: &str) -> bool {
        if self.contains(word) {
            return true;
        }
        let is_upper = |c: char| !c.is_lowercase();
        let rest_is_lower = word.chars().skip(1).all(|c| !c.is_uppercase());
        let is_shouted = word.chars().all(is_upper);
        if !rest_is_lower && !is_shouted {
            return false;
        }
        let lower = word.to_lowercase();
        let mut chars = lower.chars();
        let capitalized: String = chars
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(chars.clone())
            .collect();
        let opens_a_sentence =
            word.chars().next().is_some_and(char::is_uppercase) && self.contains(&lower);
        opens_a_sentence || is_shouted && self.contains(&capitalized)
    }

    /// Whether some known word starts so.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        let at = self.words.partition_point(|known| known.as_str() < prefix);
        self.words
            .get(at)
            .is_some_and(|known| known.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_words_and_their_beginnings() {
        let lexicon = Lexicon::new(["Inés can't rake. 'Salt!'"]);
        assert!(lexicon.contains("can't") && lexicon.contains("Can't") && lexicon.contains("Salt"));
        assert!(
            !lexicon.contains("rak") && lexicon.has_prefix("rak") && !lexicon.has_prefix("rax")
        );
        assert_eq!(Lexicon::from_joined(&lexicon.joined()), lexicon);
    }

    #[test]
    fn a_word_may_open_a_sentence_or_be_shouted_but_a_name_keeps_its_capital() {
        let lexicon = Lexicon::new(["the salt, Inés"]);
        assert!(lexicon.knows("Salt") && lexicon.knows("SALT"));
        assert!(lexicon.knows("Inés") && !lexicon.knows("inés"));
        assert!(lexicon.knows("INÉS") && !lexicon.knows("sAlt") && !lexicon.knows("INE"));
    }
}

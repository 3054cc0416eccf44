//! The spoken words of a corpus, and where each word of a line begins.

use crate::corpus::{ACTION, Corpus};

/// Where a line stands: which script scene of the corpus, and which turn in it, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Place {
    /// Index into [`Corpus::scenes`].
    pub scene: usize,
    /// Index into its turns.
    pub turn: usize,
}

/// A line as it is heard: no delivery, no parenthesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it stands.
    pub place: Place,
    /// The cue above it.
    pub speaker: &'a str,
    /// The words as written, white space single.
    pub text: String,
}

impl Line<'_> {
    /// Its words in lower case.
    pub fn words(&self) -> Vec<String> {
        lower_words(&self.text)
    }
}

/// Every spoken line of a corpus, in order. Action is left out, and so is a turn in which no word is heard.
pub fn spoken_lines(corpus: &Corpus) -> Vec<Line<'_>> {
    let scenes = corpus.scenes.iter().enumerate();
    let turns = scenes.flat_map(|(scene, found)| {
        let turns = found.turns.iter().enumerate();
        turns.map(move |(turn, found)| (Place { scene, turn }, found))
    });
    turns
        .filter(|(_, turn)| turn.speaker != ACTION)
        .map(|(place, turn)| Line {
            place,
            speaker: &turn.speaker,
            text: without_parentheses(&turn.text),
        })
        .filter(|line| spans(&line.text).next().is_some())
        .collect()
}

/// Takes out what stands in parentheses; one that is never closed stays.
pub fn without_parentheses(text: &str) -> String {
    let mut heard = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        let Some(close) = rest[open..].find(')') else {
            break;
        };
        heard.push_str(&rest[..open]);
        heard.push(' ');
        rest = &rest[open + close + 1..];
    }
    heard.push_str(rest);
    heard.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text with the byte at which each begins: letters, digits and inner apostrophes, as in [`crate::lexicon::words`].
pub fn spans(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '\'' || c == '’';
    let mut at = 0;
    text.split_inclusive(move |c: char| !is_word(c))
        .filter_map(move |piece| {
            let start = at;
            at += piece.len();
            let word = piece.trim_end_matches(|c: char| !is_word(c));
            let bare = word.trim_start_matches(['\'', '’']);
            let start = start + word.len() - bare.len();
            let bare = bare.trim_end_matches(['\'', '’']);
            (!bare.is_empty()).then_some((start, bare))
        })
}

/// The words of a text in lower case.
pub fn lower_words(text: &str) -> Vec<String> {
    spans(text).map(|(_, word)| word.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::words;

    #[test]
    fn a_line_is_heard_without_its_parentheses() {
        assert_eq!(
            without_parentheses("(softly) No. (pause) Never."),
            "No. Never."
        );
        assert_eq!(without_parentheses("Well (I"), "Well (I");
    }

    #[test]
    fn spans_are_the_words_of_the_lexicon_where_they_stand() {
        let text = "«Don't—'salt'», Inés: ’tis 9 o'clock…";
        let found: Vec<(usize, &str)> = spans(text).collect();
        assert_eq!(
            found.iter().map(|(_, word)| *word).collect::<Vec<_>>(),
            words(text).collect::<Vec<_>>()
        );
        for (at, word) in found {
            assert_eq!(&text[at..at + word.len()], word);
        }
    }
}

//! Words in a line: whether it names somebody, whether a motif is in it, how many there are.

/// The words of a line, lower-cased: runs of letters and digits of any script, so that `Inés's` begins with `inés`.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Whether a phrase stands in a line as whole words, whatever the case. An empty phrase stands nowhere.
pub fn mentions(text: &str, phrase: &str) -> bool {
    are_in(&words(text), phrase)
}

/// As [`mentions`], for a line whose [`words`] are known.
pub fn are_in(line: &[String], phrase: &str) -> bool {
    let phrase = words(phrase);
    !phrase.is_empty() && line.windows(phrase.len()).any(|window| window == phrase)
}

/// A line cut off after so many words, its last punctuation replaced by a dash: what is heard of it when somebody interrupts. `None` when that
/// would leave a parenthesis or quotation open.
pub fn cut_off(text: &str, n_words: usize) -> Option<String> {
    let heard: Vec<&str> = text.split_whitespace().take(n_words).collect();
    let heard = heard.join(" ");
    let open = |left, right| heard.matches(left).count() != heard.matches(right).count();
    if open('(', ')') || open('«', '»') || open('“', '”') {
        return None;
    }
    let heard = heard.trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')' && c != '»');
    (!heard.is_empty()).then(|| format!("{heard}—"))
}

/// Whether a line begins with the words of an opening, whatever the case and punctuation.
pub fn opens(text: &str, opening: &str) -> bool {
    words(text).starts_with(&words(opening))
}

/// Words as a reader counts them: what stands between spaces and has a letter or digit in it.
pub fn count(text: &str) -> u64 {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_as_a_whole_word_only() {
        assert!(mentions("And you, INÉS?", "Inés"));
        assert!(mentions("Inés's coat.", "Inés"));
        assert!(!mentions("Inéscapable!", "Inés"));
        assert!(!mentions("Anything.", ""));
        assert!(!mentions("Anything.", "…"));
    }

    #[test]
    fn a_name_of_several_words_is_found_in_one_piece() {
        assert!(mentions("Good night, Don  Anselmo.", "don anselmo"));
        assert!(!mentions("Don, where is Anselmo?", "Don Anselmo"));
    }

    #[test]
    fn an_opening_is_known_by_its_words() {
        assert!(opens("Oh, Inés — if you knew.", "Oh Inés"));
        assert!(!opens("Ohio, Inés.", "Oh"));
    }

    #[test]
    fn a_line_is_cut_off_at_a_word_and_never_inside_a_parenthesis() {
        let line = "I signed it, mother, (pause) in March.";
        assert_eq!(cut_off(line, 3).as_deref(), Some("I signed it—"));
        assert_eq!(
            cut_off(line, 5).as_deref(),
            Some("I signed it, mother, (pause)—")
        );
        assert_eq!(cut_off("I (very softly) signed.", 2), None);
        assert_eq!(cut_off("… …", 1), None);
    }

    #[test]
    fn dashes_are_not_words() {
        assert_eq!(count("I — I never signed it."), 5);
        assert_eq!(count("…"), 0);
    }
}

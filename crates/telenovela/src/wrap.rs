//! Text measured in cells of a terminal: wide and combining characters count as the terminal counts them.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Cells that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text into lines of at most `width` cells, as byte ranges of it; white space at a break belongs to no line.
///
/// Lines break at white space and after a dash; a word longer than a line is broken between characters. Only a single character
/// wider than `width` is longer than its line. An empty text has no line.
pub fn wrap(text: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut line: Option<Range<usize>> = None;
    for piece in pieces(text) {
        if let Some(current) = &mut line {
            if text[current.start..piece.end].width() <= width {
                current.end = piece.end;
                continue;
            }
            lines.push(current.clone());
        }
        let mut rest = piece;
        while text[rest.clone()].width() > width {
            let cut = rest.start + prefix_len(&text[rest.clone()], width);
            if cut == rest.end {
                break;
            }
            lines.push(rest.start..cut);
            rest.start = cut;
        }
        line = Some(rest);
    }
    lines.extend(line);
    lines
}

/// The lines of [`wrap`] as text.
pub fn wrapped(text: &str, width: usize) -> impl Iterator<Item = &str> {
    wrap(text, width).into_iter().map(move |range| &text[range])
}

/// The lines of [`wrapped`], as equal in width as their number allows: for titles, where an orphan under a full line is ugly.
pub fn balanced(text: &str, width: usize) -> impl Iterator<Item = &str> {
    let n_lines = wrap(text, width).len();
    let mut narrowest = width.max(1);
    while narrowest > 1 && wrap(text, narrowest - 1).len() == n_lines {
        narrowest -= 1;
    }
    wrapped(text, narrowest)
}

/// The text, or its beginning and `…` where it takes more than `width` cells.
pub fn ellipsized(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        if kept.width() + grapheme.width() > width - 1 {
            break;
        }
        kept.push_str(grapheme);
    }
    format!("{}…", kept.trim_end())
}

/// Bytes of the longest beginning that fits, at least one character.
fn prefix_len(text: &str, width: usize) -> usize {
    let mut len = 0;
    for grapheme in text.graphemes(true) {
        if len > 0 && text[..len + grapheme.len()].width() > width {
            break;
        }
        len += grapheme.len();
    }
    len
}

/// What must not be broken: words, and parts of words up to and with a dash.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        let end = at + grapheme.len();
        if grapheme.chars().all(char::is_whitespace) {
            pieces.extend(start.take().map(|start| start..at));
        } else {
            let first = *start.get_or_insert(at);
            let breaks = grapheme == "—" || grapheme == "–" || (grapheme == "-" && first != at);
            // A dash stays with the punctuation that follows it: «No—!».
            let next_is_word = text[end..]
                .chars()
                .next()
                .is_some_and(char::is_alphanumeric);
            if breaks && next_is_word {
                pieces.push(first..end);
                start = None;
            }
        }
    }
    pieces.extend(start.map(|start| start..text.len()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<&str> {
        wrapped(text, width).collect()
    }

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(
            lines("That was weather, Rodrigo.", 10),
            ["That was", "weather,", "Rodrigo."]
        );
        assert_eq!(lines("", 10), [""; 0]);
        assert_eq!(lines("  \n ", 10), [""; 0]);
    }

    #[test]
    fn a_line_breaks_after_a_dash_but_not_before_its_punctuation() {
        assert_eq!(lines("love—weather", 8), ["love—", "weather"]);
        assert_eq!(lines("half-brother", 8), ["half-", "brother"]);
        assert_eq!(lines("say no—!", 6), ["say", "no—!"]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_broken_between_characters() {
        assert_eq!(lines("aaaaaaa b", 3), ["aaa", "aaa", "a b"]);
    }

    #[test]
    fn wide_and_combining_characters_are_measured_in_cells() {
        assert_eq!(lines("海の塩と雷", 4), ["海の", "塩と", "雷"]);
        assert_eq!(
            lines("ne\u{301}e ne\u{301}e", 3),
            ["ne\u{301}e", "ne\u{301}e"]
        );
        // A single wide character in a single cell goes on a line of its own instead of looping for ever.
        assert_eq!(lines("海の", 1), ["海", "の"]);
    }

    #[test]
    fn no_word_is_lost_at_any_width() {
        let text =
            "«¡Escuincla babosa!» — she said, 海の塩 half-aloud; and the ne\u{301}e laughed…";
        for width in 1..90 {
            let joined: String = wrapped(text, width).collect();
            let squeezed: String = joined.split_whitespace().collect();
            assert_eq!(
                squeezed,
                text.split_whitespace().collect::<String>(),
                "at {width}"
            );
        }
    }

    #[test]
    fn a_balanced_text_leaves_no_orphan() {
        let text = "A lamp turned low. The windmill creaks like a bad conscience.";
        let lines: Vec<&str> = balanced(text, 56).collect();
        assert_eq!(
            lines,
            [
                "A lamp turned low. The windmill",
                "creaks like a bad conscience."
            ]
        );
        assert_eq!(balanced("THE END", 40).count(), 1);
        assert_eq!(balanced("", 40).count(), 0);
    }

    #[test]
    fn a_shortened_text_fits() {
        assert_eq!(ellipsized("The paper", 20), "The paper");
        assert_eq!(ellipsized("The paper", 5), "The…");
        assert_eq!(ellipsized("海の塩", 4), "海…");
        assert_eq!(ellipsized("x", 0), "");
    }
}

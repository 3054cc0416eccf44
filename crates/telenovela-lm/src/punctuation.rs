//! Marks that belong together, and marks that end a line: what a show's scripts do with them, and whether a line that is being written does so too.

/// How the lines of a show are punctuated, learned from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Punctuation {
    /// Whether questions and exclamations are opened (`¿ ¡`), as in Spanish.
    inverted: bool,
    /// Marks that end lines; empty where lines end in anything.
    ends: Vec<char>,
}

/// Share of the lines that may end in a letter or a digit before every end is as good as another.
const LOOSE: f64 = 0.05;
/// Share of the lines that end in a mark before it is one that ends lines.
const USUAL: f64 = 0.002;

/// Marks that come in pairs, besides `¿ ?` and `¡ !`.
const PAIRS: [(char, char); 4] = [('(', ')'), ('«', '»'), ('“', '”'), ('[', ']')];

impl Punctuation {
    /// Learns from lines.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut n_lines, mut loose) = (0usize, 0usize);
        let (mut asked, mut opened) = (0usize, 0usize);
        let mut ends: std::collections::BTreeMap<char, usize> = std::collections::BTreeMap::new();
        for line in lines {
            let Some(last) = line.trim_end().chars().next_back() else {
                continue;
            };
            n_lines += 1;
            if last.is_alphanumeric() {
                loose += 1;
            } else {
                *ends.entry(last).or_default() += 1;
            }
            asked += usize::from(line.contains(['?', '!']));
            opened += usize::from(line.contains(['¿', '¡']));
        }
        let usual = (USUAL * n_lines as f64).max(1.0);
        let is_loose = loose as f64 > LOOSE * n_lines as f64;
        let ends = ends.into_iter().filter(|(_, n)| *n as f64 >= usual);
        Self {
            inverted: 2 * opened > asked,
            ends: match is_loose {
                true => Vec::new(),
                false => ends.map(|(mark, _)| mark).collect(),
            },
        }
    }
}

/// The marks of a line that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Opened and not yet closed, the innermost last.
    open: Vec<char>,
    /// The last character that is no space.
    last: Option<char>,
}

impl Marks {
    /// Whether a character may come next.
    pub fn allow(&self, punctuation: &Punctuation, next: char) -> bool {
        let innermost = self.open.last().copied();
        if let Some((opening, _)) = PAIRS.iter().find(|(_, closing)| *closing == next) {
            return innermost == Some(*opening);
        }
        let is_inverted = matches!(next, '¿' | '¡');
        if is_inverted || PAIRS.iter().any(|(opening, _)| *opening == next) {
            return !self.open.contains(&next);
        }
        // «¿¡Qué!?» opens both, and closes them in any order.
        let asks = self.open.iter().any(|mark| matches!(mark, '¿' | '¡'));
        match next {
            '?' | '!' if punctuation.inverted => {
                asks || matches!(self.last, Some('?' | '!')) && innermost.is_none()
            }
            '.' => !asks,
            _ => true,
        }
    }

    /// Whether the line may end here.
    pub fn may_end(&self, punctuation: &Punctuation) -> bool {
        let ends = &punctuation.ends;
        self.open.is_empty()
            && (ends.is_empty() || self.last.is_some_and(|last| ends.contains(&last)))
    }

    /// Within parentheses: a delivery.
    pub fn in_parentheses(&self) -> bool {
        self.open.contains(&'(')
    }

    /// Takes note of a character.
    pub fn push(&mut self, next: char) {
        let closed = match next {
            '?' => Some('¿'),
            '!' => Some('¡'),
            _ => PAIRS
                .iter()
                .find(|(_, closing)| *closing == next)
                .map(|(opening, _)| *opening),
        };
        if let Some(opening) = closed {
            // Either mark closes what is asked: «¡Qué?».
            let place = self.open.iter().rposition(|mark| *mark == opening);
            let place = place.or_else(|| match next {
                '?' | '!' => self.open.iter().rposition(|mark| matches!(mark, '¿' | '¡')),
                _ => None,
            });
            if let Some(place) = place {
                self.open.remove(place);
            }
        } else if matches!(next, '¿' | '¡') || PAIRS.iter().any(|(opening, _)| *opening == next) {
            self.open.push(next);
        }
        if !next.is_whitespace() {
            self.last = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> Marks {
        let mut marks = Marks::default();
        line.chars().for_each(|c| marks.push(c));
        marks
    }

    #[test]
    fn scripts_tell_how_lines_end_and_whether_questions_are_opened() {
        let english = Punctuation::new(["Salt.", "Whose?", "Oh… mine!", "I thought—"]);
        assert!(!english.inverted);
        assert_eq!(english.ends, ['!', '.', '?', '—']);
        let spanish = Punctuation::new(["¿De quién?", "Mía.", "¡Sal!"]);
        assert!(spanish.inverted);
        // Who types lines without full stops gets lines without full stops.
        assert_eq!(Punctuation::new(["salt and sky", "no"]).ends, []);
    }

    #[test]
    fn a_line_ends_when_all_is_closed_and_said() {
        let punctuation = Punctuation::new(["Salt.", "(softly) Whose?", "«Ay.»"]);
        for (line, ends) in [
            ("Salt", false),
            ("Salt.", true),
            ("(softly", false),
            ("(softly) Salt. ", true),
            ("«Salt.", false),
            ("«Salt.»", true),
            ("Salt,", false),
        ] {
            assert_eq!(after(line).may_end(&punctuation), ends, "{line}");
        }
    }

    #[test]
    fn only_what_is_open_is_closed_and_nothing_nests_in_itself() {
        let english = Punctuation::new(["Salt."]);
        assert!(after("Salt (so").allow(&english, ')') && !after("Salt").allow(&english, ')'));
        assert!(!after("Salt (so").allow(&english, '('));
        assert!(after("Salt").allow(&english, '?'));
        let spanish = Punctuation::new(["¿Sal?"]);
        assert!(!after("Sal").allow(&spanish, '?') && after("¿Sal").allow(&spanish, '?'));
        assert!(!after("¿Sal").allow(&spanish, '.') && !after("¿Sal").may_end(&spanish));
        assert!(after("¡¿Sal?").allow(&spanish, '!') && after("¡Sal?").may_end(&spanish));
        assert!(after("¡Sal!").allow(&spanish, '!') && !after("«Sal").allow(&spanish, '”'));
    }
}

//! What may reach a terminal or a file, and what the models can write.

use std::borrow::Cow;

/// Removes what could act on a terminal or reorder what is shown: control characters (line feed and tab stay), bidirectional
/// controls, line and paragraph separators, byte order marks. Everything that comes in passes through here.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.contains(is_forbidden) {
        Cow::Owned(text.chars().filter(|&c| !is_forbidden(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Sanitizes, and makes one line of it: every run of white space becomes one space, none is left at the ends.
pub fn one_line(text: &str) -> String {
    let clean = sanitize(text);
    let mut line = String::with_capacity(clean.len());
    for word in clean.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Whether the models can write a character: printable ASCII, the letters of Latin-1, and the punctuation of English and Spanish.
pub fn is_allowed(c: char) -> bool {
    matches!(c,
        ' '..='~'
        | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ' | 'ª' | 'º'
        | '«' | '»' | '“' | '”' | '‘' | '’' | '—' | '–' | '…' | '¿' | '¡')
}

fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c,
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            | '\u{200E}' | '\u{200F}' | '\u{061C}'
            | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_sequence_loses_its_teeth() {
        assert_eq!(sanitize("\u{1b}[31mred\u{9b}0m\r\n"), "[31mred0m\n");
        assert_eq!(sanitize("a\u{202e}b\u{2066}c\u{2028}d\u{feff}"), "abcd");
        assert_eq!(one_line(" a\u{7f}\n\tb  c "), "a b c");
    }

    #[test]
    fn latin_letters_and_spanish_punctuation_are_allowed() {
        assert!(
            "¡Escuincla babosa! ¿«Qué»—dijo… “Ñandú”"
                .chars()
                .all(is_allowed)
        );
        assert!(!"×÷ł🌊\n\t\u{a0}".chars().any(is_allowed));
    }

    proptest! {
        #![proptest_config(crate::fixed_cases(256))]

        #[test]
        fn what_is_sanitized_stays_so(text in any::<String>()) {
            let once = sanitize(&text).into_owned();
            prop_assert!(!once.contains(is_forbidden));
            prop_assert!(matches!(sanitize(&once), Cow::Borrowed(_)));
        }

        #[test]
        fn nothing_allowed_is_removed(text in any::<String>()) {
            let kept = |text: &str| text.chars().filter(|&c| is_allowed(c)).collect::<String>();
            prop_assert_eq!(kept(&sanitize(&text)), kept(&text));
        }
    }
}

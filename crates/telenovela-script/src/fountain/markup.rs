//! What stands between and inside the words: boneyard, notes, emphasis, escapes.

use crate::text::{one_line, sanitize};

/// A line of a script, boneyard and notes taken out.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// In the file, from 1.
    pub(super) number: usize,
    /// As written, with its indentation. Escaped characters are in disguise until [`plain`].
    pub(super) text: String,
    /// Notes that begin on this line.
    pub(super) notes: Vec<String>,
    /// Whether anything was taken out.
    cut: bool,
}

impl Line {
    pub(super) fn is_blank(&self) -> bool {
        !self.cut && self.text.trim().is_empty()
    }

    /// Whether it held nothing but boneyard and notes: it then stands for nothing, not even a blank line.
    pub(super) fn is_dropped(&self) -> bool {
        self.cut && self.text.trim().is_empty()
    }
}

/// An escaped ASCII character is moved here while marks are looked for. The code points are private, so no script can mean anything by
/// them; [`lines`] drops those that stand in the text.
const DISGUISE: u32 = 0xE000;

fn disguise(c: char) -> char {
    // ASCII plus 0xE000 lies in the private use area, which holds no surrogates.
    char::from_u32(DISGUISE + c as u32).unwrap_or(c)
}

fn undisguise(c: char) -> char {
    match c as u32 {
        code @ 0xE000..=0xE07F => char::from_u32(code - DISGUISE).unwrap_or(c),
        _ => c,
    }
}

/// Splits a script into lines and takes boneyard and notes out.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = sanitize(&text)
        .chars()
        .filter(|c| !(0xE000..=0xE07F).contains(&(*c as u32)))
        .collect();
    let chars = disguise_escapes(&text);

    let mut lines = Vec::new();
    let mut line = Line {
        number: 1,
        ..Line::default()
    };
    // Nothing that opens before these places is ever closed. Remembering them keeps a text full of openings from being searched once for each.
    let mut open_boneyard_until = 0;
    let mut open_note_until = 0;
    let mut at = 0;
    while at < chars.len() {
        let removed = if at >= open_boneyard_until && chars[at..].starts_with(&['/', '*']) {
            boneyard_end(&chars, at)
                .map_err(|searched| open_boneyard_until = searched)
                .map(|end| (end, false))
        } else if at >= open_note_until && chars[at..].starts_with(&['[', '[']) {
            note_end(&chars, at)
                .map_err(|searched| open_note_until = searched)
                .map(|end| (end, true))
        } else {
            Err(())
        };
        if let Ok((end, is_note)) = removed {
            line.cut = true;
            if is_note {
                line.notes.push(chars[at + 2..end - 2].iter().collect());
            }
            for _ in chars[at..end].iter().filter(|c| **c == '\n') {
                let number = line.number + 1;
                lines.push(std::mem::replace(
                    &mut line,
                    Line {
                        number,
                        cut: true,
                        ..Line::default()
                    },
                ));
            }
            at = end;
            continue;
        }
        if chars[at] == '\n' {
            let number = line.number + 1;
            lines.push(std::mem::replace(
                &mut line,
                Line {
                    number,
                    ..Line::default()
                },
            ));
        } else {
            line.text.push(chars[at]);
        }
        at += 1;
    }
    lines.push(line);
    lines
}

fn disguise_escapes(text: &str) -> Vec<char> {
    let mut chars = Vec::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match rest.peek() {
            Some(&next) if c == '\\' && next.is_ascii_punctuation() => {
                chars.push(disguise(next));
                rest.next();
            }
            _ => chars.push(c),
        }
    }
    chars
}

/// The end of the boneyard that begins at `start`; without one, how far it was searched for.
fn boneyard_end(chars: &[char], start: usize) -> Result<usize, usize> {
    let from = start + 2;
    let end = chars[from..].windows(2).position(|pair| pair == ['*', '/']);
    end.map(|end| from + end + 2).ok_or(chars.len())
}

/// The end of the note that begins at `start`; without one, how far it was searched for. A note goes over lines, but not over an empty one;
/// one with two spaces is not empty.
fn note_end(chars: &[char], start: usize) -> Result<usize, usize> {
    let mut at = start + 2;
    while at + 1 < chars.len() {
        if chars[at] == ']' && chars[at + 1] == ']' {
            return Ok(at + 2);
        }
        if chars[at] == '\n' {
            let next = chars[at + 1..].split(|c| *c == '\n').next().unwrap_or(&[]);
            if next.len() < 2 && next.iter().all(|c| c.is_whitespace()) {
                return Err(at);
            }
        }
        at += 1;
    }
    Err(chars.len())
}

/// Words as they are read: emphasis taken off, escapes resolved, on one line.
pub(super) fn plain(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut marks = vec![false; chars.len()];
    mark_pairs(&chars, '*', &mut marks);
    mark_pairs(&chars, '_', &mut marks);
    let words: String = chars
        .iter()
        .zip(&marks)
        .filter(|(_, mark)| !**mark)
        .map(|(c, _)| undisguise(*c))
        .collect();
    one_line(&words)
}

/// Marks runs of emphasis characters that open before a word and close after one. Runs of the same length pair up: `*`, `**`, `***`, `_`.
fn mark_pairs(chars: &[char], mark: char, marks: &mut [bool]) {
    let mut open: Vec<(usize, usize)> = Vec::new();
    // How many of each length are open, so that no search is made in vain.
    let mut counts = [0_usize; 4];
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != mark {
            at += 1;
            continue;
        }
        let len = chars[at..].iter().take_while(|c| **c == mark).count();
        let is_word = |c: Option<&char>| c.is_some_and(|c| !c.is_whitespace());
        let before = at.checked_sub(1).and_then(|i| chars.get(i));
        let after = chars.get(at + len);
        let longest = if mark == '_' { 1 } else { 3 };
        let closes =
            is_word(before) && (mark != '_' || !after.is_some_and(|c| c.is_alphanumeric()));
        let opens = is_word(after) && (mark != '_' || !before.is_some_and(|c| c.is_alphanumeric()));
        if len <= longest
            && closes
            && counts[len] > 0
            && let Some(partner) = open.iter().rposition(|(_, other)| *other == len)
        {
            let (start, _) = open[partner];
            marks[start..start + len].fill(true);
            marks[at..at + len].fill(true);
            for (_, len) in open.drain(partner..) {
                counts[len] -= 1;
            }
        } else if len <= longest && opens {
            open.push((at, len));
            counts[len] += 1;
        }
        at += len;
    }
}

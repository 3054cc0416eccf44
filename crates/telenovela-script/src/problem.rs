//! What is wrong with a file, where, and how to mend it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::{one_line, sanitize};

/// One thing that is wrong with a file. All its texts are sanitized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the workspace where it lies in one.
    pub path: PathBuf,
    /// Where in the file; `None` when it concerns the file as a whole.
    pub place: Option<Place>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What stands there.
    pub found: Option<String>,
    /// What should.
    pub expected: Option<String>,
    /// How to mend it.
    pub help: Option<String>,
}

/// A piece of a file, with the text to show around it.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// Byte offset into `source`.
    pub offset: usize,
    /// Length in bytes, at least 1 except at the end of the file.
    pub len: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The whole text of the file, sanitized; fit to be excerpted on a terminal.
    pub source: Arc<str>,
}

/// Without the whole file.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{} ({} bytes at {})",
            self.line, self.column, self.len, self.offset
        )
    }
}

/// A range of bytes of a text as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// A file's text as read and as shown.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    path: PathBuf,
    raw: Arc<str>,
    clean: Arc<str>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        let raw: Arc<str> = Arc::from(text);
        let clean = match sanitize(text) {
            std::borrow::Cow::Borrowed(_) => Arc::clone(&raw),
            std::borrow::Cow::Owned(clean) => Arc::from(clean),
        };
        Self {
            path: path.to_owned(),
            raw,
            clean,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.raw
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The text of a span; empty when the span lies outside.
    pub(crate) fn slice(&self, span: Span) -> &str {
        self.raw
            .get(span.offset..span.offset + span.len)
            .unwrap_or("")
    }

    /// A place for a span. Offsets are moved by what sanitizing took away before them, and onto character boundaries.
    pub(crate) fn place(&self, span: Span) -> Place {
        let start = floor_boundary(&self.raw, span.offset);
        let mut end = floor_boundary(&self.raw, span.offset.saturating_add(span.len));
        if end <= start {
            end = start + self.raw[start..].chars().next().map_or(0, char::len_utf8);
        }
        let before = sanitize(&self.raw[..start]);
        let offset = before.len();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            offset,
            len: sanitize(&self.raw[start..end]).len(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            source: Arc::clone(&self.clean),
        }
    }

    /// A place for a whole line, counted from 1.
    pub(crate) fn line(&self, line: usize) -> Place {
        let start: usize = self
            .raw
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let len = self.raw[start..].lines().next().map_or(0, str::len);
        self.place(Span { offset: start, len })
    }

    pub(crate) fn problem(&self, place: Place, message: impl AsRef<str>) -> Problem {
        Problem {
            place: Some(place),
            ..Problem::of_file(&self.path, message)
        }
    }
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl Problem {
    /// A problem of a file as a whole.
    pub fn of_file(path: &Path, message: impl AsRef<str>) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            message: one_line(message.as_ref()),
            found: None,
            expected: None,
            help: None,
        }
    }

    /// Adds what stands there.
    #[must_use]
    pub fn found(mut self, found: impl AsRef<str>) -> Self {
        self.found = Some(one_line(found.as_ref()));
        self
    }

    /// Adds what should stand there.
    #[must_use]
    pub fn expected(mut self, expected: impl AsRef<str>) -> Self {
        self.expected = Some(one_line(expected.as_ref()));
        self
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(one_line(help.as_ref()));
        self
    }

    /// Line in the file, from 1.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }
}

/// `path:line:column: message`, then what was expected and the help, each on a line of its own.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.path.to_string_lossy()))?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.message)?;
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => {
                write!(f, "\n  expected {expected}, found {found}")?;
            }
            (Some(expected), None) => write!(f, "\n  expected {expected}")?,
            (None, Some(found)) => write!(f, "\n  found {found}")?,
            (None, None) => {}
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong, never empty; in the order of the files and of the lines in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts by path and place.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        sort(&mut problems);
        Self(problems)
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// As a list.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Brings problems into the order of the files and of the places in them; equal ones are told once.
pub(crate) fn sort(problems: &mut Vec<Problem>) {
    let key = |problem: &Problem| {
        (
            problem.path.clone(),
            problem.place.as_ref().map_or(0, |place| place.offset),
        )
    };
    problems.sort_by_key(key);
    problems.dedup();
}

/// The candidate that a misspelled name most likely stands for, if any is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let known = candidate.to_lowercase();
            let prefix = wanted.len() >= 3 && known.starts_with(&wanted);
            // Jaro-Winkler likes common beginnings, which is how people abbreviate; the edit distance catches the rest.
            let near = strsim::jaro_winkler(&wanted, &known);
            let edits = strsim::damerau_levenshtein(&wanted, &known);
            let close = prefix || near >= 0.85 || edits <= (wanted.chars().count() / 3).max(1);
            (candidate, close, near)
        })
        .filter(|(_, close, _)| *close)
        .max_by(|a, b| a.2.total_cmp(&b.2).then_with(|| b.0.cmp(a.0)))
        .map(|(candidate, _, _)| candidate)
}

/// All candidates, the nearest to a name first.
pub(crate) fn by_nearness<'a>(name: &str, candidates: &[&'a str]) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let mut sorted: Vec<_> = candidates
        .iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&wanted, &candidate.to_lowercase()),
                *candidate,
            )
        })
        .collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    sorted.into_iter().map(|(_, candidate)| candidate).collect()
}

/// `did you mean …?` for a misspelled name, or the whole choice when nothing is near.
pub(crate) fn suggestion(name: &str, candidates: &[&str]) -> Option<String> {
    if let Some(near) = nearest(name, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match candidates {
        [] => None,
        [only] => Some(format!("the only choice is `{only}`")),
        _ => Some(format!("choose among {}", quoted(candidates))),
    }
}

/// `` `a`, `b`, `c` ``
pub(crate) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["ines", "rodrigo", "narrator", "remedios"];
        assert_eq!(nearest("inez", names), Some("ines"));
        assert_eq!(nearest("Rodriga", names), Some("rodrigo"));
        assert_eq!(nearest("narr", names), Some("narrator"));
        assert_eq!(nearest("xyzzy", names), None);
        assert_eq!(nearest("", []), None);
    }

    #[test]
    fn a_place_is_counted_in_what_is_shown() {
        let source = Source::new(Path::new("a.yaml"), "x: \u{1b}[31m\r\nñ: tí\n");
        let offset = source.text().find("tí").unwrap();
        let place = source.place(Span { offset, len: 3 });
        assert_eq!((place.line, place.column), (2, 4));
        assert_eq!(&place.source[place.offset..place.offset + place.len], "tí");
        assert!(!place.source.contains('\u{1b}'));
        assert_eq!(source.line(2).offset, place.offset - 4);
    }

    #[test]
    fn a_problem_reads_as_path_line_column() {
        let source = Source::new(Path::new("a.yaml"), "tilte: x\n");
        let problem = source
            .problem(
                source.place(Span { offset: 0, len: 5 }),
                "unknown field `tilte`\u{1b}",
            )
            .help("did you mean `title`?");
        assert_eq!(
            problem.to_string(),
            "a.yaml:1:1: unknown field `tilte`\n  help: did you mean `title`?"
        );
    }
}

//! Walking a tree field by field, complaining about everything that is wrong on the way.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use super::{Kind, Mapping, Node};
use crate::problem::{Problem, Problems, Source, Span, quoted};
use crate::show::is_valid_id;
use crate::text::{is_allowed, one_line};

/// A value and where it stands, for what can only be judged once the whole file is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// Collects what is wrong with one file.
pub(crate) struct Reader {
    source: Source,
    problems: RefCell<Vec<Problem>>,
}

impl Reader {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            problems: RefCell::new(Vec::new()),
        }
    }

    /// The document as a value.
    pub(crate) fn root<'r>(&'r self, node: &'r Node) -> Value<'r> {
        Value {
            reader: self,
            name: String::from("the file"),
            key: Span::default(),
            node,
        }
    }

    pub(crate) fn complain(&self, span: Span, message: impl AsRef<str>) {
        self.push(self.problem(span, message));
    }

    pub(crate) fn complain_helpfully(
        &self,
        span: Span,
        message: impl AsRef<str>,
        help: Option<String>,
    ) {
        let mut problem = self.problem(span, message);
        if let Some(help) = help {
            problem = problem.help(help);
        }
        self.push(problem);
    }

    pub(crate) fn problem(&self, span: Span, message: impl AsRef<str>) -> Problem {
        self.source.problem(self.source.place(span), message)
    }

    pub(crate) fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// What was read, unless anything was wrong.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Problems> {
        let mut problems = self.problems.into_inner();
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => {
                if problems.is_empty() {
                    // Whoever gives up has complained; this keeps the promise even if one forgot to.
                    problems.push(Problem::of_file(
                        self.source.path(),
                        "the file cannot be read",
                    ));
                }
                Err(Problems::new(problems))
            }
        }
    }
}

/// One value of a file, under the name that messages use for it.
#[derive(Clone)]
pub(crate) struct Value<'r> {
    reader: &'r Reader,
    /// As messages call it: `` `title` ``, or what stands for one that has no key.
    name: String,
    key: Span,
    node: &'r Node,
}

impl<'r> Value<'r> {
    /// Where it stands: a scalar itself, else the key it stands under.
    pub(crate) fn span(&self) -> Span {
        match self.node.kind {
            Kind::List(_) | Kind::Mapping(_) | Kind::Null if self.key.len > 0 => self.key,
            _ => self.node.span,
        }
    }

    /// Whether nothing stands there.
    pub(crate) fn is_null(&self) -> bool {
        self.node.kind == Kind::Null
    }

    /// Whether a mapping stands there.
    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.node.kind, Kind::Mapping(_))
    }

    pub(crate) fn reader(&self) -> &'r Reader {
        self.reader
    }

    pub(crate) fn complain(&self, message: impl AsRef<str>) {
        self.reader.complain(self.span(), message);
    }

    fn mismatch<T>(&self, expected: &str) -> Option<T> {
        self.complain(format!(
            "{} must be {expected}, not {}",
            self.name,
            self.shown()
        ));
        None
    }

    /// What stands there, short enough for a message.
    fn shown(&self) -> String {
        match &self.node.kind {
            Kind::List(_) | Kind::Mapping(_) | Kind::Null => self.node.kind.name().to_owned(),
            _ => {
                let written = self.written();
                let mut short: String = written.chars().take(40).collect();
                if short.len() < written.len() {
                    short.push('…');
                }
                format!("`{short}`")
            }
        }
    }

    /// A scalar as it is written, quotes taken off.
    fn written(&self) -> String {
        match &self.node.kind {
            Kind::Text(text) => text.clone(),
            _ => self.reader.source.slice(self.node.defined).to_owned(),
        }
    }

    /// Text on one line, sanitized and not empty. A number or a truth value is taken as it is written: `title: 1984`.
    pub(crate) fn text(&self) -> Option<String> {
        let text = match &self.node.kind {
            Kind::List(_) | Kind::Null => return self.mismatch("text"),
            // Whoever types lines of dialogue writes `- Listen: I know.` sooner or later.
            Kind::Mapping(_) => {
                self.reader.complain_helpfully(
                    self.span(),
                    format!("{} must be text, not {}", self.name, self.shown()),
                    Some(String::from(
                        "put it in quotes: a `: ` in bare text makes a mapping of it",
                    )),
                );
                return None;
            }
            _ => one_line(&self.written()),
        };
        if text.is_empty() {
            self.complain(format!("{} is empty", self.name));
            return None;
        }
        Some(text)
    }

    /// Text that is spoken, so that the models must be able to write it.
    pub(crate) fn spoken(&self) -> Option<String> {
        let text = self.text()?;
        if let Some(c) = self
            .written()
            .chars()
            .find(|c| !is_allowed(*c) && !c.is_whitespace())
        {
            let problem = self
                .reader
                .problem(
                    self.span(),
                    format!("the models cannot write the character U+{:04X}", c as u32),
                )
                .help("spoken text is made of ASCII, Latin-1 letters and «»“”‘’—–…¿¡");
            self.reader.push(problem);
            return None;
        }
        Some(text)
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.node.kind {
            Kind::Bool(value) => Some(value),
            _ => self.mismatch("true or false"),
        }
    }

    /// A number within a range, ends included.
    pub(crate) fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.node.kind {
            Kind::Integer(value) => value as f64,
            Kind::Float(value) => value,
            _ => return self.mismatch(&between("a number", range.start(), range.end())),
        };
        if range.contains(&number) {
            Some(number)
        } else {
            self.mismatch(&between("a number", range.start(), range.end()))
        }
    }

    /// A whole number within a range, ends included.
    pub(crate) fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        match self.node.kind {
            Kind::Integer(value) if range.contains(&value) => Some(value),
            _ => self.mismatch(&between("a whole number", range.start(), range.end())),
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let mut problem = self
            .reader
            .problem(
                self.span(),
                format!("`{text}` is no value for {}", self.name),
            )
            .expected(format!("one of {}", quoted(&words)));
        if let Some(near) = crate::problem::nearest(&text, words) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        self.reader.push(problem);
        None
    }

    /// Somebody of this show by id, or a guest as `show/id`.
    pub(crate) fn person(&self) -> Option<At<String>> {
        let text = self.text()?;
        match text.split_once('/') {
            Some((show, id)) if is_valid_id(show) && is_valid_id(id) => Some(At {
                value: text,
                span: self.span(),
            }),
            _ => self.id(),
        }
    }

    /// A name fit for file names and logs.
    pub(crate) fn id(&self) -> Option<At<String>> {
        let text = self.text()?;
        if is_valid_id(&text) {
            return Some(At {
                value: text,
                span: self.span(),
            });
        }
        self.reader.complain_helpfully(
            self.span(),
            format!("`{text}` is no id"),
            Some(String::from(
                "an id is lower-case ASCII letters, digits and hyphens, begins with a letter and has at most 48 characters",
            )),
        );
        None
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<Vec<Value<'r>>> {
        let Kind::List(items) = &self.node.kind else {
            return self.mismatch("a list");
        };
        Some(
            items
                .iter()
                .map(|node| Value {
                    reader: self.reader,
                    name: self.name.clone(),
                    key: Span::default(),
                    node,
                })
                .collect(),
        )
    }

    /// The items of a list that could be read by `read`.
    pub(crate) fn list_of<T>(&self, read: impl Fn(&Value<'r>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.list()?;
        Some(items.iter().filter_map(read).collect())
    }

    /// A list of texts, where a single text stands for a list of one.
    pub(crate) fn spoken_lines(&self) -> Option<Vec<String>> {
        match self.node.kind {
            Kind::List(_) => self.list_of(Value::spoken),
            _ => Some(vec![self.spoken()?]),
        }
    }

    /// A mapping with fixed fields.
    pub(crate) fn mapping(&self) -> Option<Mapping<'r>> {
        let entries = self.entries()?;
        Some(Mapping::new(self.reader, self.span(), entries))
    }

    /// A mapping whose keys are names, each with where it stands.
    pub(crate) fn entries(&self) -> Option<Vec<(At<String>, Value<'r>)>> {
        let Kind::Mapping(nodes) = &self.node.kind else {
            return self.mismatch("a mapping");
        };
        let mut entries: Vec<(At<String>, Value<'r>)> = Vec::new();
        for (key, node) in nodes {
            let as_value = Value {
                reader: self.reader,
                name: String::from("a key"),
                key: Span::default(),
                node: key,
            };
            let Some(name) = as_value.text() else {
                continue;
            };
            if entries.iter().any(|(earlier, _)| earlier.value == name) {
                self.reader
                    .complain(key.span, format!("`{name}` stands here a second time"));
                continue;
            }
            let value = Value {
                reader: self.reader,
                name: format!("`{name}`"),
                key: key.span,
                node,
            };
            entries.push((
                At {
                    value: name,
                    span: key.span,
                },
                value,
            ));
        }
        Some(entries)
    }
}

fn between(what: &str, low: &impl ToString, high: &impl ToString) -> String {
    format!("{what} from {} to {}", low.to_string(), high.to_string())
}

//! YAML as a tree that remembers where everything stands. Serde stops at the first thing it does not like; walking a tree
//! finds every problem of a file at once.

mod mapping;
mod walk;

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Spanned};

use crate::problem::{Problem, Problems, Source, Span};
pub(crate) use mapping::Mapping;
pub(crate) use walk::{At, Reader, Value};

/// Bytes of the largest file that is read.
pub(crate) const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 20_000;
const MAX_ALIASES: usize = 100;

/// A piece of YAML and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Where it is used.
    pub(crate) span: Span,
    /// Where it is written: elsewhere than `span` when it comes through an alias.
    pub(crate) defined: Span,
}

/// What a piece of YAML is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Kind {
    /// With its article, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Integer(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }
}

/// Reads one document, within the budget.
///
/// # Errors
/// When it is no YAML, or larger, deeper or more tangled than any file of a workspace has reason to be.
pub(crate) fn parse(path: &Path, text: &str) -> Result<(Source, Node), Problems> {
    if text.len() > MAX_BYTES {
        return Err(Problem::of_file(path, "the file is too large")
            .found(format!("{} bytes", text.len()))
            .expected(format!("at most {MAX_BYTES} bytes"))
            .into());
    }
    let source = Source::new(path, text);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
            max_replay_stack_depth: MAX_DEPTH,
            max_alias_expansions_per_anchor: MAX_ALIASES,
        },
        // Both entries arrive, and the walk complains about the second together with everything else.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        // Every number is checked against its range, which no number that is none can be in.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Node>(text, options) {
        Ok(node) => Ok((source, node)),
        Err(error) => Err(describe(&source, error.without_snippet()).into()),
    }
}

/// Says in words what the YAML parser did not like.
fn describe(source: &Source, error: &Error) -> Problem {
    let place = error.location().map(|location| {
        let span = span(location).unwrap_or_else(|| by_line(source, location));
        source.place(span)
    });
    let mut problem = Problem::of_file(source.path(), "");
    problem.place = place;
    let over = |mut problem: Problem, what: &str, limit: usize| {
        problem.message = format!("too many {what} for one file");
        problem.expected(format!("at most {limit}"))
    };
    match error {
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => {
                over(problem, "aliases", MAX_ALIASES)
            }
            BudgetBreach::Depth { .. } => over(problem, "levels of nesting", MAX_DEPTH),
            BudgetBreach::Documents { .. } => over(problem, "documents", 1),
            BudgetBreach::Nodes { .. } => over(problem, "values", MAX_NODES),
            other => {
                problem.message = crate::text::one_line(&format!(
                    "the file is more tangled than it has reason to be: {other:?}"
                ));
                problem
            }
        },
        Error::AliasReplayLimitExceeded { .. } => {
            over(problem, "values repeated through aliases", MAX_NODES)
        }
        Error::AliasExpansionLimitExceeded { .. } => {
            over(problem, "uses of one alias", MAX_ALIASES)
        }
        Error::AliasReplayStackDepthExceeded { .. } => {
            over(problem, "aliases within aliases", MAX_DEPTH)
        }
        Error::MultipleDocuments { .. } => over(problem, "documents", 1),
        // What goes wrong while an alias is replayed is wrong where it is used.
        Error::AliasError { error, .. } => {
            let mut inner = describe(source, error);
            inner.place = problem.place.or(inner.place);
            inner
        }
        other => {
            let text = other.to_string();
            let first = text.lines().next().unwrap_or("not YAML");
            // The place is told by the problem itself.
            let message = first.split(" at line ").next().unwrap_or(first);
            problem.message = crate::text::one_line(message);
            // The scanner tells these two by their text alone.
            if message.starts_with("tabs ") {
                problem.help("indent with spaces; YAML takes no tabs there")
            } else if message.starts_with("recursion limit") {
                over(problem, "levels of nesting", MAX_DEPTH)
            } else {
                problem.help("quote a text that holds `: ` or ` #`, or begins with a mark such as `*`, `&`, `!`, `@` or `{`")
            }
        }
    }
}

fn span(location: Location) -> Option<Span> {
    let span = location.span();
    let to_usize = |n: u64| usize::try_from(n).ok();
    Some(Span {
        offset: to_usize(span.byte_offset()?)?,
        len: span.byte_len().and_then(to_usize).unwrap_or(0),
    })
}

/// What the scanner complains about it places by line and column alone.
fn by_line(source: &Source, location: Location) -> Span {
    let to_usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
    let lines = source.text().split_inclusive('\n');
    let before: usize = lines.take(to_usize(location.line())).map(str::len).sum();
    let column = source.text()[before..]
        .chars()
        .take(to_usize(location.column()));
    Span {
        offset: before + column.map(char::len_utf8).sum::<usize>(),
        len: 1,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let used = span(spanned.referenced).unwrap_or_default();
        Ok(Node {
            kind: spanned.value,
            span: used,
            defined: span(spanned.defined).unwrap_or(used),
        })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a piece of YAML")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(i64::try_from(value).map_or(Kind::Float(value as f64), Kind::Integer))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Kind, E> {
        Ok(Kind::Float(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Kind, E> {
        Ok(Kind::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Kind::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse_text(text: &str) -> Result<(Source, Node), String> {
        parse(Path::new("x.yaml"), text).map_err(|problems| problems.to_string())
    }

    #[test]
    fn every_node_knows_where_it_stands() {
        let (source, node) =
            parse_text("a: Inés\nb:\n  - 1.5\n  - &x { c: \"d\" }\n  - *x\n").unwrap();
        let Kind::Mapping(entries) = node.kind else {
            panic!("no mapping")
        };
        assert_eq!(source.slice(entries[0].0.span), "a");
        assert_eq!(source.slice(entries[0].1.span), "Inés");
        let Kind::List(items) = &entries[1].1.kind else {
            panic!("no list")
        };
        assert_eq!(source.slice(items[0].span), "1.5");
        let Kind::Mapping(inner) = &items[2].kind else {
            panic!("no mapping")
        };
        assert_eq!(source.slice(inner[0].1.defined), "\"d\"");
        assert_eq!(source.slice(items[2].span), "*x");
    }

    #[test]
    fn both_entries_of_a_doubled_key_arrive() {
        let (_, node) = parse_text("a: 1\na: 2\n").unwrap();
        let Kind::Mapping(entries) = node.kind else {
            panic!("no mapping")
        };
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn a_billion_laughs_are_refused_and_the_limit_is_named() {
        let mut bomb = String::from("a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
        for (name, last) in ('b'..='i').zip('a'..) {
            let uses = vec![format!("*{last}"); 9].join(", ");
            bomb.push_str(&format!("{name}: &{name} [{uses}]\n"));
        }
        let problem = parse_text(&bomb).unwrap_err();
        assert!(problem.contains("too many"), "{problem}");
        assert!(problem.contains("at most"), "{problem}");
    }

    #[test]
    fn size_depth_and_documents_are_bounded() {
        let large = "a".repeat(MAX_BYTES + 1);
        assert!(parse_text(&large).unwrap_err().contains("1048576"));
        let deep = "[".repeat(40) + &"]".repeat(40);
        assert!(parse_text(&deep).unwrap_err().contains("nesting"));
        let many = parse_text("a: 1\n---\nb: 2\n").unwrap_err();
        assert!(many.contains("documents"), "{many}");
        let long = format!("[{}]", "1,".repeat(MAX_NODES + 1));
        assert!(parse_text(&long).unwrap_err().contains("values"));
    }

    proptest! {
        #![proptest_config(crate::fixed_cases(256))]

        #[test]
        fn reading_never_panics(text in "[ -~\n\té:&*\\[\\]{}\"'|>#!%@`-]{0,200}") {
            let _ = parse_text(&text);
        }

        #[test]
        fn reading_never_panics_on_anything(text in any::<String>()) {
            let _ = parse_text(&text);
        }
    }
}

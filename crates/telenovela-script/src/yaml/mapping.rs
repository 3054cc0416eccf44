//! Mappings with fixed fields.

use std::ops::RangeInclusive;

use super::{At, Reader, Value};
use crate::problem::{Span, suggestion};

/// A mapping whose fields are taken one by one; what is left at the end nobody knows.
pub(crate) struct Mapping<'r> {
    reader: &'r Reader,
    span: Span,
    asked: Vec<&'static str>,
    entries: Vec<Option<(At<String>, Value<'r>)>>,
}

impl<'r> Mapping<'r> {
    pub(super) fn new(
        reader: &'r Reader,
        span: Span,
        entries: Vec<(At<String>, Value<'r>)>,
    ) -> Self {
        Self {
            reader,
            span,
            asked: Vec::new(),
            entries: entries.into_iter().map(Some).collect(),
        }
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Takes a field. One without a value counts as left out.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value<'r>> {
        self.asked.push(name);
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.as_ref().is_some_and(|(key, _)| key.value == name))?;
        let (_, value) = entry.take()?;
        (!value.is_null()).then_some(value)
    }

    /// Takes a field that must be there.
    pub(crate) fn require(&mut self, name: &'static str) -> Option<Value<'r>> {
        let value = self.take(name);
        if value.is_none() {
            self.reader
                .complain(self.span, format!("the field `{name}` is missing"));
        }
        value
    }

    /// Takes a number, or its default.
    pub(crate) fn number_or(
        &mut self,
        name: &'static str,
        range: RangeInclusive<f64>,
        default: f32,
    ) -> f32 {
        self.take(name)
            .and_then(|value| value.number(range))
            .map_or(default, |number| number as f32)
    }

    /// Takes a whole number, or its default. The range must lie within that of `T`.
    pub(crate) fn integer_or<T: TryFrom<i64>>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
        default: T,
    ) -> T {
        self.take(name)
            .and_then(|value| value.integer(range))
            .and_then(|number| T::try_from(number).ok())
            .unwrap_or(default)
    }

    /// Takes a truth value, or its default.
    pub(crate) fn boolean_or(&mut self, name: &'static str, default: bool) -> bool {
        self.take(name)
            .and_then(|value| value.boolean())
            .unwrap_or(default)
    }

    /// Takes a list and reads its items; a field left out is an empty list.
    pub(crate) fn list_of<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&Value<'r>) -> Option<T>,
    ) -> Vec<T> {
        self.take(name)
            .and_then(|value| value.list_of(read))
            .unwrap_or_default()
    }

    /// Takes a mapping within; a field left out is `None`.
    pub(crate) fn mapping(&mut self, name: &'static str) -> Option<Mapping<'r>> {
        self.take(name)?.mapping()
    }

    /// Complains about every field that nobody took. A misspelled one is told the name that was meant.
    pub(crate) fn finish(self) {
        let unused: Vec<&At<String>> = self.entries.iter().flatten().map(|(key, _)| key).collect();
        for key in unused {
            let mut problem = self
                .reader
                .problem(key.span, format!("unknown field `{}`", key.value));
            if let Some(help) = suggestion(&key.value, &self.asked) {
                problem = problem.help(help);
            }
            self.reader.push(problem);
        }
    }
}

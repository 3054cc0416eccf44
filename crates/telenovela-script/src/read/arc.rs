//! An arc's YAML, and the fields that steps and beats share.

use std::path::Path;

use super::scene::weights;
use super::skip_extensions;
use crate::arc::{ArcId, ArcStep, StepId, StoryArc, TELENOVELA};
use crate::problem::Problems;
use crate::scene::Waiting;
use crate::spec::WaitingSpec;
use crate::yaml::{At, Mapping, Reader, Value, parse};

impl ArcStep {
    /// What beats are like that take no step.
    pub(super) fn usual() -> Self {
        Self {
            id: StepId::new(""),
            title: String::new(),
            tension: 0.5,
            roles: Vec::new(),
            motifs: Vec::new(),
            deliveries: Vec::new(),
            min_lines: 3,
            max_lines: 6,
            interruptions: None,
            done_when: None,
        }
    }
}

/// Reads an arc of a show's own.
pub(crate) fn arc(path: &Path, text: &str, id: ArcId) -> Result<StoryArc, Problems> {
    let (source, node) = parse(path, text)?;
    let reader = Reader::new(source);
    let read = reader.root(&node).mapping().and_then(|mut top| {
        if id.as_str() == TELENOVELA {
            reader.complain(
                top.span(),
                "the arc `telenovela` is built in; call yours otherwise",
            );
        }
        let title = top.take("title").and_then(|v| v.text());
        let steps = top.require("steps").and_then(|v| {
            let steps = v.list_of(|v| step(v, &reader))?;
            if v.list().is_some_and(|items| items.is_empty()) {
                v.complain("an arc needs a step");
            }
            Some(steps)
        });
        skip_extensions(&mut top);
        top.finish();
        let steps = steps?;
        for (at, (name, _)) in steps.iter().enumerate() {
            if steps[..at]
                .iter()
                .any(|(earlier, _)| earlier.value == name.value)
            {
                let what = format!("another step is called `{}` as well", name.value);
                reader.complain(name.span, what);
            }
        }
        Some(StoryArc {
            title: title.unwrap_or_else(|| id.as_str().to_owned()),
            id,
            steps: steps.into_iter().map(|(_, step)| step).collect(),
        })
    });
    reader.finish(read)
}

fn step(value: &Value<'_>, reader: &Reader) -> Option<(At<String>, ArcStep)> {
    let usual = ArcStep::usual();
    let mut fields = value.mapping()?;
    let id = fields.require("id").and_then(|v| v.id());
    let title = fields.take("title").and_then(|v| v.text());
    let tension = fields.number_or("tension", 0.0..=1.0, usual.tension);
    let roles = fields
        .take("roles")
        .map_or_else(Vec::new, |v| weights(&v, 100.0));
    let motifs = fields.list_of("motifs", Value::text);
    let deliveries = fields.list_of("deliveries", Value::spoken);
    let interruptions = fields
        .take("interruptions")
        .and_then(|v| v.number(0.0..=1.0));
    let range = lines(&mut fields, (usual.min_lines, usual.max_lines));
    if range.value.0 > range.value.1 {
        reader.complain(range.span, crossed(range.value));
    }
    let done_when = fields.mapping("done_when").map(|fields| {
        let spec = waiting(fields);
        for at in &spec.speakers {
            reader.complain(at.span, "an arc knows no people; name them in the beat");
        }
        if spec.motifs.value as usize > motifs.len() && !motifs.is_empty() {
            reader.complain(
                spec.motifs.span,
                too_many_motifs(spec.motifs.value, motifs.len()),
            );
        }
        Waiting {
            motifs: spec.motifs.value,
            everybody: spec.everybody,
            speakers: Vec::new(),
            words: spec.words,
        }
    });
    fields.finish();
    let id = id?;
    let step = ArcStep {
        id: StepId::new(id.value.clone()),
        title: title.unwrap_or_else(|| id.value.clone()),
        tension,
        roles: roles
            .into_iter()
            .map(|(at, weight)| (at.value, weight))
            .collect(),
        motifs,
        deliveries,
        min_lines: range.value.0,
        max_lines: range.value.1,
        interruptions: interruptions.map(|p| p as f32),
        done_when,
    };
    Some((id, step))
}

/// What is said of a minimum above its maximum.
pub(crate) fn crossed((min, max): (u32, u32)) -> String {
    format!("at least {min} lines and at most {max} cannot both be")
}

/// What is said of a beat that waits for more motifs than it has.
pub(crate) fn too_many_motifs(wanted: u32, n_motifs: usize) -> String {
    format!("it waits for {wanted} motifs, but there are only {n_motifs}")
}

/// `lines: { min, max }`. One that is left out follows the other.
pub(super) fn lines(fields: &mut Mapping<'_>, usual: (u32, u32)) -> At<(u32, u32)> {
    let Some(mut inner) = fields.mapping("lines") else {
        return At {
            value: usual,
            span: fields.span(),
        };
    };
    let span = inner.span();
    let read = |v: Value<'_>| v.integer(0..=1000).map(|n| n as u32);
    let min = inner.take("min").and_then(read);
    let max = inner.take("max").and_then(read);
    inner.finish();
    let value = match (min, max) {
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, min.max(usual.1)),
        (None, Some(max)) => (usual.0.min(max), max),
        (None, None) => usual,
    };
    At { value, span }
}

/// `done_when: { motifs, everybody, speakers, words }`. What is left out is not waited for.
pub(super) fn waiting(mut fields: Mapping<'_>) -> WaitingSpec {
    let span = fields.span();
    let motifs = fields.take("motifs").map_or(At { value: 0, span }, |v| At {
        value: v.integer(0..=100).map_or(0, |n| n as u32),
        span: v.span(),
    });
    let everybody = fields.boolean_or("everybody", false);
    let speakers = fields.list_of("speakers", Value::person);
    let words = fields.list_of("words", Value::text);
    fields.finish();
    WaitingSpec {
        motifs,
        everybody,
        speakers,
        words,
    }
}

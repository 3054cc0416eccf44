//! A scene's YAML.

use std::path::Path;

use super::{ShowFacts, skip_extensions};
use crate::problem::{Problems, Span};
use crate::scene::{Scene, SceneId, Setting, TurnPolicy};
use crate::show::ShowId;
use crate::spec::{BeatSpec, LineSpec, SceneSpec, ThreadSpec};
use crate::validate::validate;
use crate::yaml::{At, Kind, Mapping, Reader, Value, parse};

/// The show that a scene file says it belongs to, if it says so legibly.
pub(crate) fn scene_show(path: &Path, text: &str) -> Option<String> {
    let (_, node) = parse(path, text).ok()?;
    let Kind::Mapping(entries) = node.kind else {
        return None;
    };
    entries
        .into_iter()
        .find_map(|(key, value)| match (key.kind, value.kind) {
            (Kind::Text(key), Kind::Text(show)) if key == "show" => Some(show),
            _ => None,
        })
}

/// Reads a scene of a show. `facts` say who and what the show has.
pub(crate) fn scene(
    path: &Path,
    text: &str,
    show: ShowId,
    id: SceneId,
    facts: &ShowFacts,
) -> Result<Scene, Problems> {
    let (source, node) = parse(path, text)?;
    let reader = Reader::new(source);
    let read =
        spec(&reader.root(&node), &show).and_then(|spec| validate(&reader, spec, show, id, facts));
    reader.finish(read)
}

fn spec(root: &Value<'_>, show: &ShowId) -> Option<SceneSpec> {
    let mut top = root.mapping()?;
    let title = top.require("title").and_then(|v| v.text());
    if let Some(value) = top.take("show")
        && let Some(named) = value.text()
        && named != show.as_str()
    {
        value.complain(format!(
            "the scene lies in the folder of the show `{show}`, not of `{named}`"
        ));
    }
    let setting = top.require("setting").and_then(|v| setting(&v));
    let premise = top.take("premise").and_then(|v| v.text());
    let cast = top
        .require("cast")
        .and_then(|v| {
            let cast = v.list_of(Value::id)?;
            if cast.is_empty() {
                v.complain("a scene needs somebody to play it");
            }
            Some(cast)
        })
        .unwrap_or_default();
    let absent = top.list_of("absent", Value::id);
    let policies = [
        ("bid", TurnPolicy::Bid),
        ("weighted", TurnPolicy::Weighted),
        ("round_robin", TurnPolicy::RoundRobin),
    ];
    let policy = top
        .take("policy")
        .and_then(|v| v.choice(&policies))
        .unwrap_or(TurnPolicy::Weighted);
    let takes = top.integer_or("takes", 1..=64, 8);
    let max_lines = match top.take("max_lines") {
        Some(v) => At {
            value: v.integer(1..=10_000).map_or(80, |n| n as u32),
            span: v.span(),
        },
        None => At {
            value: 80,
            span: top.span(),
        },
    };
    let threads = top.list_of("threads", thread);
    let beats = top.require("beats").and_then(|v| {
        let beats = v.list_of(beat)?;
        if v.list().is_some_and(|items| items.is_empty()) {
            v.complain("a scene needs a beat");
        }
        Some(beats)
    });
    let card = top
        .mapping("ending")
        .and_then(|mut fields| {
            let card = fields.take("card").and_then(|v| v.text());
            fields.finish();
            card
        })
        .unwrap_or_else(|| String::from("THE END"));
    skip_extensions(&mut top);
    top.finish();
    // What is still missing has been complained about; stand-ins let the analysis find the rest.
    Some(SceneSpec {
        title: title.unwrap_or_default(),
        setting: setting.unwrap_or(Setting {
            interior: true,
            place: String::new(),
            time: String::new(),
        }),
        premise,
        cast,
        absent,
        policy,
        takes,
        max_lines,
        threads,
        beats: beats.unwrap_or_default(),
        card,
    })
}

fn setting(value: &Value<'_>) -> Option<Setting> {
    let mut fields = value.mapping()?;
    let place = fields.require("place").and_then(|v| v.text());
    let time = fields.take("time").and_then(|v| v.text());
    let interior = fields.boolean_or("interior", true);
    fields.finish();
    Some(Setting {
        interior,
        place: place?,
        time: time.unwrap_or_else(|| String::from("DAY")),
    })
}

fn thread(value: &Value<'_>) -> Option<ThreadSpec> {
    let mut fields = value.mapping()?;
    let id = fields.require("id").and_then(|v| v.id());
    let question = fields.require("question").and_then(|v| v.text());
    let must_resolve = fields.boolean_or("must_resolve", false);
    let open = fields.boolean_or("open", false);
    let resolution = fields.take("resolution").and_then(|v| v.text());
    fields.finish();
    Some(ThreadSpec {
        id: id?,
        question: question.unwrap_or_default(),
        must_resolve,
        open,
        resolution,
    })
}

fn beat(value: &Value<'_>) -> Option<BeatSpec> {
    let mut fields = value.mapping()?;
    let id = fields.require("id").and_then(|v| v.id());
    let title = fields.take("title").and_then(|v| v.text());
    let tension = fields.number_or("tension", 0.0..=1.0, 0.5);
    let enter = fields.list_of("enter", Value::id);
    let exit = fields.list_of("exit", Value::id);
    let speakers = weighted(&mut fields, "speakers", 100.0);
    let prime = named(&mut fields, "prime", |v| v.spoken_lines());
    let motifs = fields.list_of("motifs", Value::text);
    let plot = weighted(&mut fields, "plot", 1.0);
    let open_with = fields.list_of("open_with", line);
    let must_say = fields.list_of("must_say", line);
    let close_with = fields.list_of("close_with", line);
    let lines = lines(&mut fields);
    let [opens, advances, resolves] = threads(fields.mapping("threads"));
    fields.finish();
    let id = id?;
    Some(BeatSpec {
        title: title.unwrap_or_else(|| id.value.clone()),
        id,
        tension,
        enter,
        exit,
        speakers,
        prime,
        motifs,
        plot,
        open_with,
        must_say,
        close_with,
        lines: lines.span,
        min_lines: lines.value.0,
        max_lines: lines.value.1,
        opens,
        advances,
        resolves,
    })
}

/// `lines: { min, max }`. One that is left out follows the other.
fn lines(fields: &mut Mapping<'_>) -> At<(u32, u32)> {
    const MIN: u32 = 3;
    const MAX: u32 = 6;
    let Some(mut inner) = fields.mapping("lines") else {
        return At {
            value: (MIN, MAX),
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
        (Some(min), None) => (min, min.max(MAX)),
        (None, Some(max)) => (MIN.min(max), max),
        (None, None) => (MIN, MAX),
    };
    At { value, span }
}

fn threads(fields: Option<Mapping<'_>>) -> [Vec<At<String>>; 3] {
    let Some(mut fields) = fields else {
        return Default::default();
    };
    let lists = ["opens", "advances", "resolves"].map(|name| fields.list_of(name, Value::id));
    fields.finish();
    lists
}

/// A mapping from names to weights.
fn weighted(fields: &mut Mapping<'_>, name: &'static str, most: f64) -> Vec<(At<String>, f32)> {
    named(fields, name, |v| {
        v.number(0.0..=most).map(|weight| weight as f32)
    })
}

/// A mapping from names to something.
fn named<T>(
    fields: &mut Mapping<'_>,
    name: &'static str,
    read: impl Fn(&Value<'_>) -> Option<T>,
) -> Vec<(At<String>, T)> {
    let entries = fields.take(name).and_then(|v| v.entries());
    entries
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| Some((key, read(&value)?)))
        .collect()
}

fn line(value: &Value<'_>) -> Option<LineSpec> {
    let mut fields = value.mapping()?;
    let by = fields.require("by").and_then(|v| v.id());
    let text = fields.require("text").and_then(|v| v.spoken());
    let delivery = fields.take("delivery").and_then(|v| v.spoken());
    // Nobody waits longer than ten minutes for a line.
    let pause = fields
        .take("pause_before")
        .and_then(|v| v.number(0.0..=600.0));
    let span: Span = fields.span();
    fields.finish();
    Some(LineSpec {
        by: by.unwrap_or(At {
            value: String::new(),
            span,
        }),
        text: text.unwrap_or_default(),
        delivery,
        pause_before_ms: pause.map(|seconds| (seconds * 1000.0).round() as u64),
    })
}

//! A scene's YAML.

use std::path::Path;

use super::arc::{lines, waiting};
use super::{ShowFacts, skip_extensions};
use crate::arc::{ArcStep, StoryArc};
use crate::problem::{Problems, Span, suggestion};
use crate::scene::{Limits, Scene, SceneId, Setting, TurnPolicy};
use crate::show::ShowId;
use crate::spec::{BeatSpec, LineSpec, SceneSpec, SecretSpec, StepSpec, ThreadSpec, WaitingSpec};
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
    let read = spec(&reader.root(&node), &show, facts)
        .and_then(|spec| validate(&reader, spec, show, id, facts));
    reader.finish(read)
}

const POLICIES: [(&str, TurnPolicy); 5] = [
    ("bid", TurnPolicy::Bid),
    ("weighted", TurnPolicy::Weighted),
    ("round_robin", TurnPolicy::RoundRobin),
    ("list", TurnPolicy::List),
    ("manual", TurnPolicy::Manual),
];

fn policy(value: &Value<'_>) -> Option<At<TurnPolicy>> {
    Some(At {
        value: value.choice(&POLICIES)?,
        span: value.span(),
    })
}

fn spec(root: &Value<'_>, show: &ShowId, facts: &ShowFacts) -> Option<SceneSpec> {
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
            let cast = v.list_of(Value::person)?;
            if cast.is_empty() {
                v.complain("a scene needs somebody to play it");
            }
            Some(cast)
        })
        .unwrap_or_default();
    let absent = top.list_of("absent", Value::person);
    let arc = top.take("arc").and_then(|v| arc(&v, facts));
    let policy = top.take("policy").and_then(|v| policy(&v)).unwrap_or(At {
        value: TurnPolicy::Weighted,
        span: top.span(),
    });
    let order = top.list_of("order", Value::person);
    let limits = limits(top.mapping("limits"));
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
    let secrets = top.list_of("secrets", secret);
    let beats = beats(&mut top, arc);
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
        arc: arc.map(|arc| arc.id.clone()),
        policy,
        order,
        limits,
        takes,
        max_lines,
        threads,
        secrets,
        beats,
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
    let carried = fields.boolean_or("carried", false);
    let resolution = fields.take("resolution").and_then(|v| v.text());
    fields.finish();
    Some(ThreadSpec {
        id: id?,
        question: question.unwrap_or_default(),
        must_resolve,
        open,
        carried,
        resolution,
    })
}

fn secret(value: &Value<'_>) -> Option<SecretSpec> {
    let mut fields = value.mapping()?;
    let id = fields.require("id").and_then(|v| v.id());
    let known_by = fields
        .require("known_by")
        .and_then(|v| v.list_of(Value::person));
    let prime = fields.take("prime").and_then(|v| v.spoken_lines());
    let kept = fields.boolean_or("kept", false);
    fields.finish();
    Some(SecretSpec {
        id: id?,
        known_by: known_by.unwrap_or_default(),
        prime: prime.unwrap_or_default(),
        kept,
    })
}

/// The arc of that name, the built-in one or one of the show's own.
fn arc<'f>(value: &Value<'_>, facts: &'f ShowFacts) -> Option<&'f StoryArc> {
    let id = value.id()?;
    let found = facts.arcs.iter().find(|arc| arc.id.as_str() == id.value);
    if found.is_none() {
        let known: Vec<&str> = facts.arcs.iter().map(|arc| arc.id.as_str()).collect();
        value.reader().complain_helpfully(
            id.span,
            format!("there is no arc `{}`", id.value),
            suggestion(&id.value, &known).or_else(|| {
                Some(format!(
                    "an arc of your own is a file `{}.arc.yaml` beside the scene",
                    id.value
                ))
            }),
        );
    }
    found
}

fn limits(fields: Option<Mapping<'_>>) -> Limits {
    let usual = Limits::default();
    let Some(mut fields) = fields else {
        return usual;
    };
    let bound = |v: Value<'_>| v.integer(1..=1000).map(|n| n as u32);
    let repeats = fields.take("repeats").and_then(bound);
    let idle = fields.take("idle").and_then(bound);
    let ping_pong = fields
        .take("ping_pong")
        .and_then(|v| match v.integer(0..=1000) {
            Some(1) => {
                v.complain("two people cannot exchange fewer than 2 lines; 0 sets no limit");
                None
            }
            n => n.map(|n| n as u32),
        });
    fields.finish();
    Limits {
        repeats,
        idle,
        ping_pong: ping_pong.unwrap_or(usual.ping_pong),
    }
}

/// The beats as they are listed; without a list, one for each step of the arc.
fn beats(top: &mut Mapping<'_>, arc: Option<&StoryArc>) -> Vec<BeatSpec> {
    let span = top.span();
    let listed = match arc {
        Some(_) => top.take("beats"),
        None => top.require("beats"),
    };
    let Some(value) = listed else {
        let steps = arc.map_or(&[][..], |arc| &arc.steps).iter().enumerate();
        return steps
            .map(|(place, step)| {
                let id = At {
                    value: step.id.as_str().to_owned(),
                    span,
                };
                bare_beat(id, Some((place, step)))
            })
            .collect();
    };
    let beats = value.list_of(|v| beat(v, arc)).unwrap_or_default();
    if value.list().is_some_and(|items| items.is_empty()) {
        value.complain("a scene needs a beat");
    }
    beats
}

/// A beat that says nothing itself.
fn bare_beat(id: At<String>, step: Option<(usize, &ArcStep)>) -> BeatSpec {
    let span = id.span;
    let at = |value| At { value, span };
    let usual = ArcStep::usual();
    let like = step.map_or(&usual, |(_, step)| step);
    BeatSpec {
        step: step.map(|(place, step)| StepSpec {
            id: at(step.id.as_str().to_owned()),
            place,
        }),
        title: step.map_or_else(|| id.value.clone(), |(_, step)| step.title.clone()),
        id,
        tension: like.tension,
        policy: None,
        order: Vec::new(),
        visible_to: None,
        enter: Vec::new(),
        exit: Vec::new(),
        speakers: Vec::new(),
        roles: like
            .roles
            .iter()
            .map(|(role, weight)| (at(role.clone()), *weight))
            .collect(),
        prime: Vec::new(),
        motifs: like.motifs.clone(),
        deliveries: like.deliveries.clone(),
        interruptions: like.interruptions,
        plot: Vec::new(),
        open_with: Vec::new(),
        must_say: Vec::new(),
        close_with: Vec::new(),
        lines: span,
        min_lines: like.min_lines,
        max_lines: like.max_lines,
        done_when: waits(like, span),
        opens: Vec::new(),
        advances: Vec::new(),
        resolves: Vec::new(),
        reveals: Vec::new(),
    }
}

/// What a step's beats wait for: what the step says, else one motif, if there are any, and everybody weighed by name.
fn waits(step: &ArcStep, span: Span) -> WaitingSpec {
    let said = step.done_when.clone();
    let motifs = said
        .as_ref()
        .map_or(u32::from(!step.motifs.is_empty()), |waiting| waiting.motifs);
    WaitingSpec {
        motifs: At {
            value: motifs,
            span,
        },
        everybody: said.as_ref().is_none_or(|waiting| waiting.everybody),
        speakers: Vec::new(),
        words: said.map_or_else(Vec::new, |waiting| waiting.words),
    }
}

fn beat(value: &Value<'_>, arc: Option<&StoryArc>) -> Option<BeatSpec> {
    let mut fields = value.mapping()?;
    let id = fields.require("id").and_then(|v| v.id());
    let named = fields.take("step").and_then(|v| step(&v, arc));
    let same = id.as_ref().and_then(|id| arc?.step(&id.value));
    let mut beat = bare_beat(
        id.clone().unwrap_or(At {
            value: String::new(),
            span: fields.span(),
        }),
        named.or(same),
    );
    beat.lines = fields.span();
    if let Some(title) = fields.take("title").and_then(|v| v.text()) {
        beat.title = title;
    }
    beat.tension = fields.number_or("tension", 0.0..=1.0, beat.tension);
    beat.policy = fields.take("policy").and_then(|v| policy(&v));
    beat.order = fields.list_of("order", Value::person);
    beat.visible_to = fields
        .take("visible_to")
        .and_then(|v| v.list_of(Value::person));
    beat.enter = fields.list_of("enter", Value::person);
    beat.exit = fields.list_of("exit", Value::person);
    beat.speakers = weighted(&mut fields, "speakers", 100.0);
    if let Some(roles) = fields.take("roles") {
        beat.roles = weights(&roles, 100.0);
    }
    beat.prime = self::named(&mut fields, "prime", |v| v.spoken_lines());
    if let Some(motifs) = fields.take("motifs").and_then(|v| v.list_of(Value::text)) {
        beat.done_when.motifs.value = match (motifs.is_empty(), beat.done_when.motifs.value) {
            (true, _) => 0,
            (false, n) => n.max(u32::from(beat.motifs.is_empty())),
        };
        beat.motifs = motifs;
    }
    if let Some(deliveries) = fields.take("deliveries") {
        beat.deliveries = deliveries.list_of(Value::spoken).unwrap_or_default();
    }
    let interruptions = fields.take("interruptions");
    beat.interruptions = interruptions
        .and_then(|v| v.number(0.0..=1.0))
        .map(|p| p as f32)
        .or(beat.interruptions);
    beat.plot = weighted(&mut fields, "plot", 1.0);
    beat.open_with = fields.list_of("open_with", line);
    beat.must_say = fields.list_of("must_say", line);
    beat.close_with = fields.list_of("close_with", line);
    let range = lines(&mut fields, (beat.min_lines, beat.max_lines));
    beat.lines = range.span;
    (beat.min_lines, beat.max_lines) = range.value;
    if let Some(said) = fields.mapping("done_when") {
        beat.done_when = waiting(said);
    }
    [beat.opens, beat.advances, beat.resolves] = threads(fields.mapping("threads"));
    beat.reveals = fields.list_of("reveals", Value::id);
    fields.finish();
    id.map(|_| beat)
}

/// A step of the scene's arc, called by its name.
fn step<'a>(value: &Value<'_>, arc: Option<&'a StoryArc>) -> Option<(usize, &'a ArcStep)> {
    let id = value.id()?;
    let Some(arc) = arc else {
        value.reader().complain_helpfully(
            id.span,
            format!("the scene has no arc for the step `{}`", id.value),
            Some(String::from("say which arc it follows: `arc: telenovela`")),
        );
        return None;
    };
    let found = arc.step(&id.value);
    if found.is_none() {
        let known: Vec<&str> = arc.steps.iter().map(|step| step.id.as_str()).collect();
        value.reader().complain_helpfully(
            id.span,
            format!("the arc `{}` has no step `{}`", arc.id, id.value),
            suggestion(&id.value, &known)
                .or_else(|| Some(format!("its steps are {}", crate::problem::quoted(&known)))),
        );
    }
    found
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
    let value = fields.take(name);
    value.map_or_else(Vec::new, |value| weights(&value, most))
}

pub(super) fn weights(value: &Value<'_>, most: f64) -> Vec<(At<String>, f32)> {
    keyed(value, |v| v.number(0.0..=most).map(|weight| weight as f32))
}

/// A mapping from names to something.
fn named<T>(
    fields: &mut Mapping<'_>,
    name: &'static str,
    read: impl Fn(&Value<'_>) -> Option<T>,
) -> Vec<(At<String>, T)> {
    let value = fields.take(name);
    value.map_or_else(Vec::new, |value| keyed(&value, read))
}

fn keyed<T>(value: &Value<'_>, read: impl Fn(&Value<'_>) -> Option<T>) -> Vec<(At<String>, T)> {
    value
        .entries()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| Some((key, read(&value)?)))
        .collect()
}

pub(super) fn line(value: &Value<'_>) -> Option<LineSpec> {
    let mut fields = value.mapping()?;
    let by = fields.require("by").and_then(|v| v.person());
    let text = fields.require("text").and_then(|v| v.spoken());
    let visible_to = fields
        .take("visible_to")
        .and_then(|v| v.list_of(Value::person));
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
        visible_to,
        delivery,
        pause_before_ms: pause.map(|seconds| (seconds * 1000.0).round() as u64),
    })
}

//! From a scene as typed to a scene that can be played to its end: who can speak when, and which loose ends are tied. All of it is decided
//! before the curtain rises.

mod arc;
mod episode;
mod secrets;
mod threads;

pub(crate) use episode::validate_episode;

use crate::arc::StepId;
use crate::character::CharacterId;
use crate::problem::suggestion;
use crate::read::{Person, ShowFacts, crossed};
use crate::scene::TurnPolicy;
use crate::scene::{
    AuthoredLine, Beat, BeatId, Ending, Scene, SceneId, Secret, SecretId, Thread, ThreadId, Waiting,
};
use crate::show::{PlotLineId, ShowId};
use crate::spec::{BeatSpec, LineSpec, SceneSpec};
use crate::yaml::{At, Reader};

/// Complains to `reader` about everything that is wrong. What comes back counts only if it did not.
pub(crate) fn validate(
    reader: &Reader,
    spec: SceneSpec,
    show: ShowId,
    id: SceneId,
    facts: &ShowFacts,
) -> Option<Scene> {
    let analysis = Analysis {
        reader,
        facts,
        spec: &spec,
    };
    if spec.cast.is_empty() {
        // Complained about where it was read; whatever else the analysis found would follow from it.
        return None;
    }
    analysis.cast();
    analysis.arc();
    analysis.orders();
    analysis.stage();
    analysis.threads();
    analysis.secrets();
    analysis.lengths();
    Some(scene(spec, show, id))
}

struct Analysis<'a> {
    reader: &'a Reader,
    facts: &'a ShowFacts,
    spec: &'a SceneSpec,
}

impl<'a> Analysis<'a> {
    fn people(&self) -> Vec<&'a str> {
        let people = self.facts.people.iter();
        people.map(|person| person.id.as_str()).collect()
    }

    fn cast_ids(&self) -> Vec<&'a str> {
        self.spec.cast.iter().map(|at| at.value.as_str()).collect()
    }

    fn person(&self, id: &str) -> Option<&'a Person> {
        self.facts.people.iter().find(|person| person.id == id)
    }

    fn is_offstage(&self, id: &str) -> bool {
        self.person(id).is_some_and(|person| person.offstage)
    }

    /// Everybody exists, and stands in the list once.
    fn cast(&self) {
        self.unique(&self.spec.cast, "is in the cast");
        self.unique(&self.spec.absent, "is absent");
        for at in &self.spec.cast {
            if self.person(&at.value).is_none() {
                self.reader.complain_helpfully(
                    at.span,
                    format!("the show has no character `{}`", at.value),
                    suggestion(&at.value, &self.people()),
                );
            }
        }
        for at in &self.spec.absent {
            if self.is_in_cast(at) && self.is_offstage(&at.value) {
                self.reader.complain(
                    at.span,
                    format!(
                        "`{}` is offstage: heard at any time, and never absent",
                        at.value
                    ),
                );
            }
        }
    }

    fn unique(&self, names: &[At<String>], what: &str) {
        for (i, at) in names.iter().enumerate() {
            if names[..i].iter().any(|other| other.value == at.value) {
                self.reader
                    .complain(at.span, format!("`{}` {what} a second time", at.value));
            }
        }
    }

    /// Whether somebody takes part; complains if not.
    fn is_in_cast(&self, at: &At<String>) -> bool {
        if self.cast_ids().contains(&at.value.as_str()) {
            return true;
        }
        // A field that is missing has been complained about already.
        if at.value.is_empty() {
            return false;
        }
        let help = if self.person(&at.value).is_some() {
            Some(format!("add `{}` to `cast`", at.value))
        } else {
            suggestion(&at.value, &self.cast_ids())
        };
        self.reader
            .complain_helpfully(at.span, format!("`{}` is not in the cast", at.value), help);
        false
    }

    /// Follows entrances and exits from beat to beat.
    fn stage(&self) {
        let mut seen: Vec<&str> = Vec::new();
        let mut present: Vec<&str> = self.cast_ids();
        present.retain(|id| {
            !self.is_offstage(id) && self.spec.absent.iter().all(|absent| absent.value != *id)
        });
        for beat in &self.spec.beats {
            if seen.contains(&beat.id.value.as_str()) {
                self.reader.complain(
                    beat.id.span,
                    format!("another beat is called `{}` as well", beat.id.value),
                );
            }
            seen.push(&beat.id.value);
            for at in &beat.enter {
                if !self.is_in_cast(at) {
                    continue;
                }
                if self.is_offstage(&at.value) {
                    self.complain_offstage(at);
                } else if present.contains(&at.value.as_str()) {
                    self.reader.complain_helpfully(
                        at.span,
                        format!("`{}` enters, but is on stage already", at.value),
                        Some(String::from(
                            "who enters later stands in the scene's `absent`",
                        )),
                    );
                } else {
                    present.push(&at.value);
                }
            }
            self.speakers(beat, &present);
            for at in &beat.exit {
                if !self.is_in_cast(at) {
                    continue;
                }
                if self.is_offstage(&at.value) {
                    self.complain_offstage(at);
                } else if !present.contains(&at.value.as_str()) {
                    self.reader.complain(
                        at.span,
                        format!("`{}` leaves, but is not on stage", at.value),
                    );
                }
                present.retain(|id| *id != at.value);
            }
        }
    }

    fn complain_offstage(&self, at: &At<String>) {
        self.reader.complain(
            at.span,
            format!("`{}` is offstage: it neither enters nor leaves", at.value),
        );
    }

    /// Everybody who is meant to speak in a beat can.
    fn speakers(&self, beat: &'a BeatSpec, present: &[&str]) {
        let can_be_heard = |id: &str| present.contains(&id) || self.is_offstage(id);
        let must_be_heard = |at: &At<String>, what: &str| {
            if self.is_in_cast(at) && !can_be_heard(&at.value) {
                self.reader.complain_helpfully(
                    at.span,
                    format!(
                        "`{}` {what} in the beat `{}`, but is not on stage",
                        at.value, beat.id.value
                    ),
                    Some(String::from("let it `enter` this beat or an earlier one")),
                );
            }
        };
        for (at, weight) in &beat.speakers {
            if *weight > 0.0 {
                must_be_heard(at, "is weighted to speak");
            } else {
                self.is_in_cast(at);
            }
        }
        for (at, _) in &beat.prime {
            must_be_heard(at, "is primed");
        }
        for line in authored(beat) {
            must_be_heard(&line.by, "has a line");
        }
        for at in &beat.done_when.speakers {
            must_be_heard(at, "is waited for");
        }
        let confidants = authored(beat).filter_map(|line| line.visible_to.as_ref());
        for at in confidants.chain(&beat.visible_to).flatten() {
            must_be_heard(at, "is to hear something");
        }
        if beat.max_lines > 0 && !self.anybody_can_speak(beat, present) {
            self.reader.complain_helpfully(
                beat.id.span,
                format!("nobody can speak in the beat `{}`", beat.id.value),
                Some(String::from(
                    "weight somebody who is on stage above 0 in `speakers`, or allow no generated line with `lines: { min: 0, max: 0 }`",
                )),
            );
        }
        self.plot(beat);
    }

    /// Who is on stage weighs 1 unless the beat says otherwise; who is offstage weighs nothing unless it does. Under a list, who is not in it
    /// does not speak.
    fn anybody_can_speak(&self, beat: &BeatSpec, present: &[&str]) -> bool {
        let order = (self.policy_of(beat) == TurnPolicy::List).then(|| self.order_of(beat));
        self.spec.cast.iter().any(|at| {
            let id = at.value.as_str();
            // A list that is missing has been complained about.
            let listed = order.is_none_or(|order| {
                order.is_empty() || order.iter().any(|listed| listed.value == id)
            });
            let hears = beat
                .visible_to
                .as_ref()
                .is_none_or(|to| self.is_offstage(id) || to.iter().any(|hears| hears.value == id));
            listed
                && hears
                && self.weight_of(beat, id) > 0.0
                && (self.is_offstage(id) || present.contains(&id))
        })
    }

    fn weight_of(&self, beat: &BeatSpec, id: &str) -> f32 {
        let named = beat.speakers.iter().find(|(at, _)| at.value == id);
        if let Some((_, weight)) = named {
            return *weight;
        }
        if self.is_offstage(id) {
            return 0.0;
        }
        let role = self.person(id).map_or("", |person| person.role.as_str());
        let of_role = beat.roles.iter().find(|(at, _)| at.value == role);
        of_role.map_or(1.0, |(_, weight)| *weight)
    }

    fn policy_of(&self, beat: &BeatSpec) -> TurnPolicy {
        let of_beat = beat.policy.as_ref().map(|at| at.value);
        of_beat.unwrap_or(self.spec.policy.value)
    }

    fn order_of<'b>(&'b self, beat: &'b BeatSpec) -> &'b [At<String>] {
        if beat.order.is_empty() {
            &self.spec.order
        } else {
            &beat.order
        }
    }

    fn plot(&self, beat: &BeatSpec) {
        let known: Vec<&str> = self.facts.plot_lines.iter().map(String::as_str).collect();
        for (at, _) in &beat.plot {
            if !known.contains(&at.value.as_str()) {
                self.reader.complain_helpfully(
                    at.span,
                    format!("the show has no plot line `{}`", at.value),
                    suggestion(&at.value, &known),
                );
            }
        }
        let sum: f32 = beat.plot.iter().map(|(_, weight)| weight).sum();
        if let Some((at, _)) = beat.plot.first()
            && sum > 1.0
        {
            self.reader.complain(
                at.span,
                format!("the plot lines weigh {sum} together, which is more than 1"),
            );
        }
    }

    /// The scene's bound leaves room for what its beats insist on.
    fn lengths(&self) {
        let mut least: u32 = 0;
        for beat in &self.spec.beats {
            if beat.min_lines > beat.max_lines {
                self.reader
                    .complain(beat.lines, crossed((beat.min_lines, beat.max_lines)));
            }
            let authored = u32::try_from(authored(beat).count()).unwrap_or(u32::MAX);
            least = least.saturating_add(beat.min_lines.saturating_add(authored));
        }
        let At { value, span } = self.spec.max_lines;
        if least > value {
            self.reader.complain_helpfully(
                span,
                format!("the beats need {least} lines, but the scene ends after {value}"),
                Some(format!("set `max_lines` to {least} or more")),
            );
        }
    }
}

fn authored(beat: &BeatSpec) -> impl Iterator<Item = &LineSpec> {
    beat.open_with
        .iter()
        .chain(&beat.must_say)
        .chain(&beat.close_with)
}

fn scene(spec: SceneSpec, show: ShowId, id: SceneId) -> Scene {
    Scene {
        id,
        show,
        title: spec.title,
        setting: spec.setting,
        premise: spec.premise,
        cast: people(spec.cast),
        absent: people(spec.absent),
        arc: spec.arc,
        policy: spec.policy.value,
        order: people(spec.order),
        limits: spec.limits,
        takes: spec.takes,
        max_lines: spec.max_lines.value,
        threads: spec
            .threads
            .into_iter()
            .map(|thread| Thread {
                id: ThreadId::new(thread.id.value),
                question: thread.question,
                must_resolve: thread.must_resolve,
                open: thread.open,
                carried: thread.carried,
                resolution: thread.resolution,
            })
            .collect(),
        secrets: spec
            .secrets
            .into_iter()
            .map(|secret| Secret {
                id: SecretId::new(secret.id.value),
                known_by: people(secret.known_by),
                prime: secret.prime,
            })
            .collect(),
        beats: spec.beats.into_iter().map(beat).collect(),
        ending: Ending { card: spec.card },
    }
}

fn beat(spec: BeatSpec) -> Beat {
    let threads = |names: Vec<At<String>>| {
        names
            .into_iter()
            .map(|at| ThreadId::new(at.value))
            .collect()
    };
    let lines = |lines: Vec<LineSpec>| lines.into_iter().map(line).collect();
    Beat {
        id: BeatId::new(spec.id.value),
        step: spec.step.map(|step| StepId::new(step.id.value)),
        title: spec.title,
        tension: spec.tension,
        policy: spec.policy.map(|at| at.value),
        order: people(spec.order),
        visible_to: spec.visible_to.map(people),
        enter: people(spec.enter),
        exit: people(spec.exit),
        speakers: keyed(spec.speakers, CharacterId::new),
        roles: keyed(spec.roles, |role| role),
        prime: keyed(spec.prime, CharacterId::new),
        motifs: spec.motifs,
        deliveries: spec.deliveries,
        interruptions: spec.interruptions,
        plot: keyed(spec.plot, PlotLineId::new),
        open_with: lines(spec.open_with),
        must_say: lines(spec.must_say),
        close_with: lines(spec.close_with),
        min_lines: spec.min_lines,
        max_lines: spec.max_lines,
        done_when: Waiting {
            motifs: spec.done_when.motifs.value,
            everybody: spec.done_when.everybody,
            speakers: people(spec.done_when.speakers),
            words: spec.done_when.words,
        },
        opens: threads(spec.opens),
        advances: threads(spec.advances),
        resolves: threads(spec.resolves),
        reveals: spec
            .reveals
            .into_iter()
            .map(|at| SecretId::new(at.value))
            .collect(),
        cliffhanger: None,
    }
}

fn line(spec: LineSpec) -> AuthoredLine {
    AuthoredLine {
        by: CharacterId::new(spec.by.value),
        text: spec.text,
        visible_to: spec.visible_to.map(people),
        delivery: spec.delivery,
        pause_before_ms: spec.pause_before_ms,
    }
}

fn people(names: Vec<At<String>>) -> Vec<CharacterId> {
    names
        .into_iter()
        .map(|at| CharacterId::new(at.value))
        .collect()
}

fn keyed<K, V>(entries: Vec<(At<String>, V)>, key: impl Fn(String) -> K) -> Vec<(K, V)> {
    entries
        .into_iter()
        .map(|(at, value)| (key(at.value), value))
        .collect()
}

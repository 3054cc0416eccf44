//! A performance with voices that read from a list, and what a judge says of it who has seen nothing but the events and the scene as it was written.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use telenovela_script::character::{Base, Character, CharacterId, Color, Delivery, Lines, Turns};
use telenovela_script::event::{
    EndReason, Event, EventKind, EventSink, FORMAT_VERSION, LeaveReason, Playbill, Provenance,
    Spoken, ThreadState, Utterance,
};
use telenovela_script::scene::{Beat, Scene, SecretId, ThreadId, TurnPolicy};
use telenovela_script::show::ShowId;
use telenovela_script::voice::{
    Cue, Explanation, Sampling, ScoreCard, ScoreWeights, Take, Voice, VoiceError,
};
use telenovela_stage::director::perform;
use telenovela_stage::production::{Audience, Patience, Production, Role};
use telenovela_stage::turn::beat_weight;

use crate::show::{PEOPLE, PLOT_LINES, SHOW, is_offstage, role_of};

/// Says a few words for every seed.
struct Reader;

impl Voice for Reader {
    fn hear(&mut self, _: &Utterance) {}

    fn bid(&self) -> f32 {
        0.5
    }

    fn takes(&self, cue: &Cue, seeds: &[u64]) -> Result<Vec<Take>, VoiceError> {
        const WORDS: [&str; 6] = ["moon", "letter", "never", "you", "rope", "Bea"];
        let text = |seed: u64| {
            let word = |n: u64| WORDS[(seed >> (3 * n)) as usize % WORDS.len()];
            let words: Vec<&str> = (0..2 + seed % 7).map(word).collect();
            format!(
                "{} {} {seed}.",
                cue.prime.as_deref().unwrap_or("So"),
                words.join(" ")
            )
        };
        let takes = seeds.iter().map(|seed| Take {
            seed: *seed,
            delivery: None,
            text: text(*seed),
            score: ScoreCard {
                finished: true,
                ..ScoreCard::default()
            },
        });
        Ok(takes.collect())
    }

    fn explain(&self, _: &Take) -> Explanation {
        Explanation::default()
    }

    fn fork(&self) -> Box<dyn Voice> {
        Box::new(Reader)
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Event>>>);

impl EventSink for Log {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.0
            .lock()
            .expect("nobody panics with the log in hand")
            .push(event.clone());
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        Ok(self
            .0
            .lock()
            .expect("nobody panics with the log in hand")
            .clone())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn character(id: &CharacterId) -> Character {
    Character {
        id: id.clone(),
        show: ShowId::new(SHOW),
        name: id.to_string(),
        aliases: Vec::new(),
        offstage: is_offstage(id),
        role: role_of(id).to_owned(),
        description: String::new(),
        color: Color::Cyan,
        lines: Lines::Speakers(Vec::new()),
        base: Base::Ensemble,
        sampling: Sampling::default(),
        weights: ScoreWeights::default(),
        turns: Turns {
            talkativeness: 0.5,
            max_repeat: 1,
            max_idle: 5,
        },
        delivery: Delivery {
            cps: 30.0,
            pause_scale: 1.0,
        },
        fallback_lines: Vec::new(),
        bonds: Vec::new(),
        secrets: Vec::new(),
    }
}

fn playbill(scene: &Scene, seed: u64) -> Playbill {
    Playbill {
        format: FORMAT_VERSION,
        program: String::new(),
        show: scene.show.clone(),
        show_title: String::new(),
        language: String::from("en"),
        scene: scene.id.clone(),
        title: String::new(),
        scene_sha256: String::new(),
        show_sha256: String::new(),
        setting: scene.setting.clone(),
        premise: None,
        seed,
        takes: scene.takes,
        policy: scene.policy,
        cast: Vec::new(),
        plot_lines: Vec::new(),
        beats: Vec::new(),
        threads: Vec::new(),
        scenes: Vec::new(),
    }
}

/// Performs scenes one after the other; everything that happened, `None` when it could not even begin.
pub(crate) async fn perform_all(scenes: &[Scene], seed: u64) -> Option<Vec<Event>> {
    let people = PEOPLE.map(|(id, _, _)| CharacterId::new(id));
    let production = Production {
        playbill: playbill(scenes.first()?, seed),
        scenes: scenes.to_vec(),
        cast: people
            .iter()
            .map(|id| Role {
                character: character(id),
                voice: Box::new(Reader),
            })
            .collect(),
        audience: Audience::Unattended,
        patience: Patience::Endless,
    };
    let log = Log::default();
    let mut performance = perform(production, Box::new(log.clone())).ok()?;
    while performance.events.recv().await.is_some() {}
    performance.ended.await.ok()?.ok()?;
    let events = std::mem::take(&mut *log.0.lock().expect("nobody panics with the log in hand"));
    Some(events)
}

/// What is wrong with what was written, as far as names go: each refers to something, and is the only one of its kind.
pub(crate) fn names(scenes: &[Scene], kept: &[Vec<SecretId>]) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &'static str| {
        if !holds {
            faults.push(fault);
        }
    };
    for (scene, kept) in scenes.iter().zip(kept) {
        let in_cast = |id: &CharacterId| scene.cast.contains(id);
        must(
            scene
                .cast
                .iter()
                .all(|id| PEOPLE.iter().any(|(known, _, _)| *known == id.as_str())),
            "a stranger in the cast",
        );
        must(are_distinct(&scene.cast), "cast twice");
        must(are_distinct(&scene.absent), "absent twice");
        must(scene.absent.iter().all(in_cast), "absent, not in the cast");
        must(!scene.absent.iter().any(is_offstage), "an absent voice");
        must(scene.order.iter().all(in_cast), "a stranger in the order");
        let of_threads: Vec<&ThreadId> = scene.threads.iter().map(|thread| &thread.id).collect();
        must(are_distinct(&of_threads), "thread twice");
        let of_secrets: Vec<&SecretId> = scene.secrets.iter().map(|secret| &secret.id).collect();
        must(are_distinct(&of_secrets), "secret twice");
        let mut revealed: Vec<&SecretId> = Vec::new();
        for secret in &scene.secrets {
            must(!secret.known_by.is_empty(), "a secret nobody knows");
            must(secret.known_by.iter().all(in_cast), "a stranger knows");
        }
        let mut reached = 0;
        for beat in &scene.beats {
            must(people_in(beat).all(in_cast), "a stranger in a beat");
            let has = |role: &str| scene.cast.iter().any(|id| role_of(id) == role);
            must(
                beat.roles.iter().all(|(role, _)| has(role)),
                "a role nobody has",
            );
            let known = |plot: &str| PLOT_LINES.contains(&plot);
            must(
                beat.plot.iter().all(|(plot, _)| known(plot.as_str())),
                "an unknown plot line",
            );
            must(
                beat.plot.iter().map(|(_, weight)| weight).sum::<f32>() <= 1.0,
                "too much plot",
            );
            must(
                beat.done_when.motifs as usize <= beat.motifs.len(),
                "too many motifs",
            );
            let is_list = beat.policy.unwrap_or(scene.policy) == TurnPolicy::List;
            must(is_list || beat.order.is_empty(), "an order nobody follows");
            must(
                !is_list || !beat.order.is_empty() || !scene.order.is_empty(),
                "a list without an order",
            );
            for secret in &beat.reveals {
                must(of_secrets.contains(&secret), "an unknown secret");
                must(!revealed.contains(&secret), "revealed twice");
                revealed.push(secret);
            }
            if let Some(step) = &beat.step {
                let at = place_of(step.as_str());
                must(at >= reached, "a step back");
                reached = at.max(reached);
            }
        }
        let follows = |beat: &Beat| {
            beat.policy.unwrap_or(scene.policy) == TurnPolicy::List && beat.order.is_empty()
        };
        must(
            scene.order.is_empty() || scene.beats.iter().any(follows),
            "an order nobody follows",
        );
        for secret in &of_secrets {
            must(
                revealed.contains(secret) != kept.contains(secret),
                "neither kept nor revealed, or both",
            );
        }
    }
    let all: Vec<&SecretId> = scenes
        .iter()
        .flat_map(|scene| &scene.beats)
        .flat_map(|beat| &beat.reveals)
        .collect();
    must(are_distinct(&all), "revealed twice");
    faults
}

fn place_of(step: &str) -> usize {
    let steps = [
        "presentation",
        "entanglement",
        "betrayal",
        "revelation",
        "climax",
        "happy-ending",
    ];
    steps.iter().position(|known| *known == step).unwrap_or(0)
}

fn are_distinct<T: PartialEq>(of: &[T]) -> bool {
    (0..of.len()).all(|at| !of[..at].contains(&of[at]))
}

fn authored(beat: &Beat) -> impl Iterator<Item = &telenovela_script::scene::AuthoredLine> {
    beat.open_with
        .iter()
        .chain(&beat.must_say)
        .chain(&beat.close_with)
}

/// Everybody whom a beat names.
fn people_in(beat: &Beat) -> impl Iterator<Item = &CharacterId> {
    let named = beat.enter.iter().chain(&beat.exit).chain(&beat.order);
    let named = named
        .chain(beat.speakers.iter().map(|(id, _)| id))
        .chain(beat.prime.iter().map(|(id, _)| id));
    let named = named
        .chain(beat.visible_to.iter().flatten())
        .chain(&beat.done_when.speakers);
    let of_lines = authored(beat)
        .flat_map(|line| std::iter::once(&line.by).chain(line.visible_to.iter().flatten()));
    named.chain(of_lines)
}

/// Somebody who follows a performance event by event.
struct Judge<'a> {
    scenes: &'a [Scene],
    scene: usize,
    beat: Option<usize>,
    /// On stage as the present beat went on, and now.
    here: Vec<CharacterId>,
    now: Vec<CharacterId>,
    entered: Vec<CharacterId>,
    left: Vec<CharacterId>,
    said: Vec<&'a Spoken>,
    n_lines: u32,
    threads: BTreeMap<ThreadId, ThreadState>,
    faults: Vec<&'static str>,
}

/// What was wrong with a performance; nothing when it was as its scenes say.
pub(crate) fn judge(scenes: &[Scene], events: &[Event]) -> Vec<&'static str> {
    let mut judge = Judge {
        scenes,
        scene: 0,
        beat: None,
        here: Vec::new(),
        now: Vec::new(),
        entered: Vec::new(),
        left: Vec::new(),
        said: Vec::new(),
        n_lines: 0,
        threads: BTreeMap::new(),
        faults: Vec::new(),
    };
    judge.begin(0, None);
    for event in events {
        judge.see(event);
    }
    judge.faults
}

impl<'a> Judge<'a> {
    fn must(&mut self, holds: bool, fault: &'static str) {
        if !holds && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// A scene begins.
    fn begin(&mut self, at: usize, on_stage: Option<&[CharacterId]>) {
        self.scene = at;
        self.beat = None;
        self.n_lines = 0;
        let Some(scene) = self.scenes.get(at) else {
            return;
        };
        self.now = scene
            .cast
            .iter()
            .filter(|id| !scene.absent.contains(id))
            .cloned()
            .collect();
        if let Some(on_stage) = on_stage {
            self.must(on_stage == self.now.as_slice(), "others are on stage");
        }
        for thread in &scene.threads {
            let begins = if thread.open {
                ThreadState::Open
            } else {
                ThreadState::Dormant
            };
            let state = *self.threads.entry(thread.id.clone()).or_insert(begins);
            self.must(
                !(thread.open && state == ThreadState::Resolved),
                "open, and resolved before",
            );
        }
    }

    fn see(&mut self, event: &'a Event) {
        match &event.kind {
            EventKind::SceneEntered {
                index, on_stage, ..
            } => self.begin(*index, Some(on_stage)),
            EventKind::BeatEntered { beat, .. } => {
                self.end_beat();
                let at = self.beat.map_or(0, |at| at + 1);
                self.beat = Some(at);
                let known = self.scenes[self.scene].beats.get(at).map(|beat| &beat.id);
                self.must(known == Some(beat), "another beat");
                let earlier = &self.scenes[self.scene].beats[..at];
                let is_new = earlier.iter().all(|known| known.id != *beat);
                self.must(is_new, "two beats of one name");
                self.here.clone_from(&self.now);
            }
            EventKind::StageEntered { character } => {
                self.entered.push(character.clone());
                self.now.push(character.clone());
                self.here.push(character.clone());
            }
            EventKind::StageLeft { character, reason } => {
                self.must(*reason == LeaveReason::Exit, "a voice is lost");
                self.left.push(character.clone());
                self.now.retain(|id| id != character);
            }
            EventKind::ThreadChanged { thread, state } => self.change(thread, *state),
            EventKind::Utterance(spoken) => {
                self.n_lines += 1;
                self.said.push(spoken);
            }
            EventKind::VoiceFailed { .. } => self.must(false, "a voice fails"),
            EventKind::Cliffhanger { thread, .. } => {
                let cut = self.said.last().is_some_and(|line| {
                    line.full_text.is_some() || line.utterance.provenance == Provenance::Authored
                });
                self.must(cut, "nobody is cut off");
                self.end_beat();
                self.end_scene();
                let state = self.threads.get(thread).copied();
                let hangs = matches!(state, Some(ThreadState::Open | ThreadState::Advanced));
                self.must(hangs, "nothing hangs");
            }
            EventKind::PerformanceEnded { reason, .. } => {
                self.end_beat();
                self.end_scene();
                self.must(self.scene + 1 == self.scenes.len(), "scenes are left");
                self.must(*reason == EndReason::Concluded, "another end");
                self.end_threads();
            }
            _ => {}
        }
    }

    fn change(&mut self, thread: &ThreadId, state: ThreadState) {
        let before = self.threads.get(thread).copied();
        let open = matches!(before, Some(ThreadState::Open | ThreadState::Advanced));
        let may = match state {
            ThreadState::Open => before == Some(ThreadState::Dormant),
            _ => open,
        };
        self.must(may, "a thread out of order");
        let scene = &self.scenes[self.scene];
        self.must(
            scene.threads.iter().any(|known| known.id == *thread),
            "an unknown thread",
        );
        self.threads.insert(thread.clone(), state);
    }

    fn end_beat(&mut self) {
        let said = std::mem::take(&mut self.said);
        let (entered, left) = (
            std::mem::take(&mut self.entered),
            std::mem::take(&mut self.left),
        );
        let scenes = self.scenes;
        let Some(beat) = self.beat.and_then(|at| scenes[self.scene].beats.get(at)) else {
            return;
        };
        self.must(
            entered == beat.enter && !entered.iter().any(is_offstage),
            "an entrance fails",
        );
        self.must(
            left == beat.exit && !left.iter().any(is_offstage),
            "an exit fails",
        );
        let by_author: Vec<(&CharacterId, &str)> = said
            .iter()
            .filter(|line| line.utterance.provenance == Provenance::Authored)
            .map(|line| (&line.utterance.speaker, line.utterance.text.as_str()))
            .collect();
        let written: Vec<(&CharacterId, &str)> = authored(beat)
            .map(|line| (&line.by, line.text.as_str()))
            .collect();
        self.must(by_author == written, "an authored line is missing");
        let n_own = said.len() - by_author.len();
        let may = (beat.min_lines as usize..=beat.max_lines as usize).contains(&n_own);
        self.must(may, "too few or too many lines");
        let here = std::mem::take(&mut self.here);
        let is_here = |id: &CharacterId| here.contains(id);
        let confidants = authored(beat).flat_map(|line| line.visible_to.iter().flatten());
        self.must(
            said.iter().all(|line| is_here(&line.utterance.speaker)),
            "somebody speaks from elsewhere",
        );
        self.must(
            confidants
                .chain(beat.visible_to.iter().flatten())
                .all(is_here),
            "somebody hears from elsewhere",
        );
        let weighed = beat.speakers.iter().filter(|(_, weight)| *weight > 0.0);
        self.must(
            weighed.map(|(id, _)| id).all(is_here),
            "somebody is weighed elsewhere",
        );
        self.must(
            beat.prime.iter().map(|(id, _)| id).all(is_here),
            "somebody is primed elsewhere",
        );
        self.must(
            beat.done_when.speakers.iter().all(is_here),
            "somebody is waited for elsewhere",
        );
        let can = here
            .iter()
            .any(|id| can_speak(&scenes[self.scene], beat, id));
        self.must(beat.max_lines == 0 || can, "nobody can speak");
    }

    fn end_scene(&mut self) {
        let scene = &self.scenes[self.scene];
        self.must(
            self.beat.map_or(0, |at| at + 1) == scene.beats.len(),
            "beats are left",
        );
        self.must(self.n_lines <= scene.max_lines, "too long");
    }

    fn end_threads(&mut self) {
        let last = self.scenes.last().map_or(&[][..], |scene| &scene.threads);
        let all: Vec<_> = self
            .scenes
            .iter()
            .flat_map(|scene| &scene.threads)
            .collect();
        for thread in &all {
            let state = self.threads.get(&thread.id).copied();
            self.must(state != Some(ThreadState::Dormant), "a thread nobody opens");
            let must = all
                .iter()
                .any(|other| other.id == thread.id && other.must_resolve);
            let goes_on = last
                .iter()
                .any(|other| other.id == thread.id && other.carried);
            let done = state == Some(ThreadState::Resolved);
            self.must(done || !must || goes_on, "a thread is left open");
        }
    }
}

/// Whether the director could give somebody who is here the floor.
fn can_speak(scene: &Scene, beat: &Beat, id: &CharacterId) -> bool {
    let order = if beat.order.is_empty() {
        &scene.order
    } else {
        &beat.order
    };
    let is_list = beat.policy.unwrap_or(scene.policy) == TurnPolicy::List;
    let hears = is_offstage(id) || beat.visible_to.as_ref().is_none_or(|to| to.contains(id));
    beat_weight(beat, &character(id)) > 0.0 && hears && (!is_list || order.contains(id))
}

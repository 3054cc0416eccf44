//! Scenes and episodes drawn at random, in which nothing is wrong.

use telenovela_script::arc::{ArcId, StepId};
use telenovela_script::character::CharacterId;
use telenovela_script::scene::{
    AuthoredLine, Beat, BeatId, Ending, Limits, Scene, SceneId, Secret, SecretId, Setting, Thread,
    ThreadId, TurnPolicy, Waiting,
};
use telenovela_script::show::{PlotLineId, ShowId};
use telenovela_stage::seed::Draws;

use crate::show::{PARTS, PEOPLE, PLOT_LINES, SHOW, is_offstage, role_of};

pub(crate) const POLICIES: [TurnPolicy; 5] = [
    TurnPolicy::Weighted,
    TurnPolicy::Bid,
    TurnPolicy::RoundRobin,
    TurnPolicy::List,
    TurnPolicy::Manual,
];

const STEPS: [&str; 6] = [
    "presentation",
    "entanglement",
    "betrayal",
    "revelation",
    "climax",
    "happy-ending",
];

pub(crate) fn id(id: &str) -> CharacterId {
    CharacterId::new(id)
}

/// Draws in the words of this file.
pub(crate) struct Dice(Draws);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Draws::new(seed))
    }

    /// 0 to `n`, both included.
    pub(crate) fn upto(&mut self, n: usize) -> usize {
        self.0.below(n + 1).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.upto(n - 1) == 0
    }

    /// `None` of nothing.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        self.0.below(of.len()).map(|at| of[at].clone())
    }

    /// Each with this probability, in their order.
    pub(crate) fn some<T: Clone>(&mut self, of: &[T], one_in: usize) -> Vec<T> {
        let mut some = of.to_vec();
        some.retain(|_| self.one_in(one_in));
        some
    }

    fn shuffle<T>(&mut self, of: &mut [T]) {
        for at in (1..of.len()).rev() {
            of.swap(at, self.upto(at));
        }
    }

    fn weight(&mut self) -> f32 {
        [0.0, 0.5, 1.0, 2.0][self.upto(3)]
    }
}

/// A scene, and which of its secrets are kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) scene: Scene,
    pub(crate) kept: Vec<SecretId>,
}

/// What earlier scenes of an episode leave behind.
#[derive(Default)]
pub(crate) struct Carried {
    /// Open threads, and whether each must be resolved.
    open: Vec<(ThreadId, bool)>,
    secrets: Vec<SecretId>,
    n_threads: usize,
    n_secrets: usize,
}

/// A scene that is performed alone.
pub(crate) fn scene(dice: &mut Dice) -> Drawn {
    part(dice, "case", &mut Carried::default(), true)
}

/// Two or three scenes that follow each other.
pub(crate) fn episode(dice: &mut Dice) -> Vec<Drawn> {
    let n = 2 + dice.upto(1);
    let mut carried = Carried::default();
    (0..n)
        .map(|at| part(dice, PARTS[at], &mut carried, at + 1 == n))
        .collect()
}

/// A scene after others, of which `is_last` has to tie up what must be.
fn part(dice: &mut Dice, name: &str, carried: &mut Carried, is_last: bool) -> Drawn {
    let mut cast = dice.some(&PEOPLE.map(|(id, _, _)| id), 2);
    if cast.iter().all(|who| is_offstage(&id(who))) {
        cast.push("ana");
    }
    dice.shuffle(&mut cast);
    let cast: Vec<CharacterId> = cast.into_iter().map(id).collect();
    let seen: Vec<CharacterId> = cast
        .iter()
        .filter(|who| !is_offstage(who))
        .cloned()
        .collect();
    let absent = dice.some(&seen, 3);
    let mut present: Vec<CharacterId> = seen.clone();
    present.retain(|who| !absent.contains(who));

    let policy = POLICIES[dice.upto(4)];
    let n_beats = 1 + dice.upto(2);
    let has_arc = dice.one_in(4);
    let mut step = 0;
    let mut beats = Vec::new();
    for index in 0..n_beats {
        let mut beat = bare(&format!("beat-{index}"));
        if has_arc && !dice.one_in(3) {
            step = (step + dice.upto(2)).min(STEPS.len() - 1);
            beat.step = Some(StepId::new(STEPS[step]));
        }
        let outside: Vec<CharacterId> = seen
            .iter()
            .filter(|who| !present.contains(who))
            .cloned()
            .collect();
        beat.enter = dice.some(&outside, 2);
        present.extend(beat.enter.iter().cloned());
        let mut here = present.clone();
        here.extend(cast.iter().filter(|who| is_offstage(who)).cloned());
        fill(dice, &mut beat, &cast, &here, policy);
        beat.exit = dice.some(&present, 6);
        present.retain(|who| !beat.exit.contains(who));
        beats.push(beat);
    }
    let uses_order = beats
        .iter()
        .any(|beat| beat.policy.unwrap_or(policy) == TurnPolicy::List && beat.order.is_empty());
    let mut scene = Scene {
        id: SceneId::new(name),
        show: ShowId::new(SHOW),
        title: String::from("Here"),
        setting: Setting {
            interior: dice.one_in(2),
            place: String::from("Pier"),
            time: String::from("NIGHT"),
        },
        premise: None,
        order: if uses_order {
            vec![cast[0].clone(), cast[cast.len() - 1].clone()]
        } else {
            Vec::new()
        },
        cast,
        absent,
        arc: has_arc.then(|| ArcId::new("telenovela")),
        policy,
        limits: Limits {
            repeats: dice.one_in(3).then_some(1 + dice.upto(2) as u32),
            idle: dice.one_in(3).then_some(1 + dice.upto(5) as u32),
            ping_pong: [0, 2, 3, 8][dice.upto(3)],
        },
        takes: 1 + dice.upto(1),
        max_lines: 0,
        threads: Vec::new(),
        secrets: Vec::new(),
        beats,
        ending: Ending {
            card: String::from("THE END"),
        },
    };
    quiet_where_nobody_can(&mut scene);
    threads(dice, &mut scene, carried, is_last);
    let kept = secrets(dice, &mut scene, carried);
    scene.max_lines = least_lines(&scene).max(1) + dice.upto(4) as u32;
    Drawn { scene, kept }
}

/// Lines that the beats insist on.
pub(crate) fn least_lines(scene: &Scene) -> u32 {
    let of_beat = |beat: &Beat| {
        let authored = beat.open_with.len() + beat.must_say.len() + beat.close_with.len();
        beat.min_lines + authored as u32
    };
    scene.beats.iter().map(of_beat).sum()
}

pub(crate) fn bare(name: &str) -> Beat {
    Beat {
        id: BeatId::new(name),
        step: None,
        title: String::from("Something"),
        tension: 0.5,
        policy: None,
        order: Vec::new(),
        visible_to: None,
        enter: Vec::new(),
        exit: Vec::new(),
        speakers: Vec::new(),
        roles: Vec::new(),
        prime: Vec::new(),
        motifs: Vec::new(),
        deliveries: Vec::new(),
        interruptions: None,
        plot: Vec::new(),
        open_with: Vec::new(),
        must_say: Vec::new(),
        close_with: Vec::new(),
        min_lines: 0,
        max_lines: 0,
        done_when: Waiting::default(),
        opens: Vec::new(),
        advances: Vec::new(),
        resolves: Vec::new(),
        reveals: Vec::new(),
        cliffhanger: None,
    }
}

/// What is said in a beat, and by whom.
fn fill(
    dice: &mut Dice,
    beat: &mut Beat,
    cast: &[CharacterId],
    here: &[CharacterId],
    policy: TurnPolicy,
) {
    beat.tension = [0.0, 0.25, 0.75, 1.0][dice.upto(3)];
    if dice.one_in(3) {
        beat.policy = Some(POLICIES[dice.upto(4)]);
    }
    if beat.policy.unwrap_or(policy) == TurnPolicy::List && dice.one_in(2) {
        beat.order = (0..=dice.upto(3)).filter_map(|_| dice.pick(cast)).collect();
    }
    for who in cast {
        if dice.one_in(3) {
            let weight = if here.contains(who) {
                dice.weight()
            } else {
                0.0
            };
            beat.speakers.push((who.clone(), weight));
        }
    }
    let mut roles: Vec<&str> = cast
        .iter()
        .map(role_of)
        .filter(|role| !role.is_empty())
        .collect();
    roles.dedup();
    for role in dice.some(&roles, 4) {
        beat.roles.push((role.to_owned(), dice.weight()));
    }
    if dice.one_in(5) {
        beat.visible_to = Some(dice.some(here, 2));
    }
    for who in dice.some(here, 4) {
        beat.prime
            .push((who, vec![String::from("I never"), String::from("You")]));
    }
    beat.motifs = dice.some(&["moon", "rope", "salt"].map(String::from), 2);
    beat.deliveries = dice.some(&["softly", "coldly"].map(String::from), 2);
    beat.interruptions = dice.one_in(3).then(|| [0.0, 0.5, 1.0][dice.upto(2)]);
    for plot_line in dice.some(&PLOT_LINES, 3) {
        beat.plot
            .push((PlotLineId::new(plot_line), [0.25, 0.5][dice.upto(1)]));
    }
    let mut n = 0;
    let mut lines = |dice: &mut Dice| -> Vec<AuthoredLine> {
        (0..dice.upto(4).saturating_sub(2))
            .filter_map(|_| {
                n += 1;
                Some(AuthoredLine {
                    by: dice.pick(here)?,
                    text: format!("Line {n} of {}.", beat.id),
                    visible_to: dice.one_in(6).then(|| dice.some(here, 2)),
                    delivery: dice.one_in(4).then(|| String::from("dryly")),
                    pause_before_ms: dice.one_in(4).then_some(500),
                })
            })
            .collect()
    };
    beat.open_with = lines(dice);
    beat.must_say = lines(dice);
    beat.close_with = lines(dice);
    beat.min_lines = dice.upto(3) as u32;
    beat.max_lines = beat.min_lines + dice.upto(2) as u32;
    beat.done_when = Waiting {
        motifs: dice.upto(beat.motifs.len()) as u32,
        everybody: dice.one_in(2),
        speakers: dice.some(here, 5),
        words: dice.some(&["letter", "sea"].map(String::from), 5),
    };
}

/// Where the author has silenced everybody, no line of their own is asked for.
fn quiet_where_nobody_can(scene: &mut Scene) {
    let mut present: Vec<CharacterId> = scene.cast.clone();
    present.retain(|who| !scene.absent.contains(who));
    let (order, policy) = (scene.order.clone(), scene.policy);
    for beat in &mut scene.beats {
        present.extend(beat.enter.iter().cloned());
        if !present
            .iter()
            .any(|who| can_speak(who, beat, policy, &order))
        {
            (beat.min_lines, beat.max_lines) = (0, 0);
        }
        present.retain(|who| !beat.exit.contains(who));
    }
}

/// Whether somebody who is here can speak of its own accord.
fn can_speak(who: &CharacterId, beat: &Beat, policy: TurnPolicy, order: &[CharacterId]) -> bool {
    let order = if beat.order.is_empty() {
        order
    } else {
        &beat.order
    };
    let is_listed = beat.policy.unwrap_or(policy) != TurnPolicy::List || order.contains(who);
    let hears = is_offstage(who) || beat.visible_to.as_ref().is_none_or(|to| to.contains(who));
    let named = beat.speakers.iter().find(|(known, _)| known == who);
    let of_role = beat.roles.iter().find(|(role, _)| role == role_of(who));
    let weight = match (named, of_role) {
        (Some((_, weight)), _) => *weight,
        (None, _) if is_offstage(who) => 0.0,
        (None, Some((_, weight))) => *weight,
        (None, None) => 1.0,
    };
    is_listed && hears && weight > 0.0
}

/// Loose ends: some come from earlier scenes, some begin here; those of the last scene that must be are tied up.
fn threads(dice: &mut Dice, scene: &mut Scene, carried: &mut Carried, is_last: bool) {
    let n_beats = scene.beats.len();
    let mut left: Vec<(ThreadId, bool)> = Vec::new();
    let mut plans: Vec<(ThreadId, bool, bool)> = Vec::new();
    for (thread, must_resolve) in std::mem::take(&mut carried.open) {
        // What must be tied up and has not been comes up in the last scene at the latest.
        if (is_last && must_resolve) || dice.one_in(2) {
            plans.push((thread, must_resolve, true));
        } else {
            left.push((thread, must_resolve));
        }
    }
    let n_new = dice.upto(2);
    for _ in 0..n_new {
        let thread = ThreadId::new(format!("thread-{}", carried.n_threads));
        carried.n_threads += 1;
        let is_open = dice.one_in(4);
        plans.push((thread, dice.one_in(2), is_open));
    }
    for (thread, must_resolve, open) in plans {
        let mut from = 0;
        if !open {
            from = dice.upto(n_beats - 1);
            scene.beats[from].opens.push(thread.clone());
        }
        let carries = dice.one_in(8);
        let resolves = if is_last {
            !carries && (must_resolve || dice.one_in(2))
        } else {
            dice.one_in(3)
        };
        let upto = if resolves {
            from + dice.upto(n_beats - 1 - from)
        } else {
            n_beats - 1
        };
        for beat in &mut scene.beats[from..=upto] {
            if dice.one_in(3) {
                beat.advances.push(thread.clone());
            }
        }
        if resolves {
            scene.beats[upto].resolves.push(thread.clone());
        } else {
            left.push((thread.clone(), must_resolve));
        }
        scene.threads.push(Thread {
            question: format!("What of {thread}?"),
            id: thread,
            must_resolve,
            open,
            carried: must_resolve && !resolves,
            resolution: Some(String::from("Yes.")),
        });
    }
    if !is_last && left.is_empty() {
        let thread = ThreadId::new(format!("thread-{}", carried.n_threads));
        carried.n_threads += 1;
        scene.threads.push(Thread {
            id: thread.clone(),
            question: String::from("What now?"),
            must_resolve: false,
            open: true,
            carried: false,
            resolution: Some(String::from("Yes.")),
        });
        left.push((thread, false));
    }
    carried.open = left;
}

/// Secrets: each is revealed here, or kept; returns those that are kept. What an earlier scene has kept may come out.
fn secrets(dice: &mut Dice, scene: &mut Scene, carried: &mut Carried) -> Vec<SecretId> {
    let mut kept = Vec::new();
    let mut known = dice.some(&carried.secrets, 2);
    carried.secrets.retain(|secret| !known.contains(secret));
    if dice.one_in(3) {
        known.push(SecretId::new(format!("secret-{}", carried.n_secrets)));
        carried.n_secrets += 1;
    }
    for secret in known {
        if dice.one_in(2) {
            kept.push(secret.clone());
            carried.secrets.push(secret.clone());
        } else {
            let at = dice.upto(scene.beats.len() - 1);
            scene.beats[at].reveals.push(secret.clone());
        }
        let mut known_by = dice.some(&scene.cast, 2);
        if known_by.is_empty() {
            known_by.push(scene.cast[0].clone());
        }
        scene.secrets.push(Secret {
            id: secret,
            known_by,
            prime: vec![String::from("The boy")],
        });
    }
    kept
}

//! From an episode as typed to one that can be played to its end: loose ends and secrets are followed from scene to scene, and every scene but the last
//! leaves one hanging.

use std::collections::BTreeMap;

use super::line;
use crate::character::CharacterId;
use crate::episode::{Episode, threads};
use crate::problem::{Span, suggestion};
use crate::read::{Person, ShowFacts};
use crate::scene::{
    Beat, BeatId, Cliffhanger, Scene, SceneId, SecretId, ThreadId, TurnPolicy, Waiting,
};
use crate::show::ShowId;
use crate::spec::{ChainedSpec, CliffhangerSpec, EpisodeSpec};
use crate::yaml::{At, Reader};

/// Complains to `reader` about everything that is wrong. What comes back counts only if it did not.
pub(crate) fn validate_episode(
    reader: &Reader,
    spec: EpisodeSpec,
    mut scenes: Vec<Scene>,
    show: ShowId,
    id: SceneId,
    facts: &ShowFacts,
) -> Option<Episode> {
    let chain = Chain { reader, facts };
    let EpisodeSpec {
        title,
        premise,
        scenes: chained,
        card,
    } = spec;
    let hanging = chain.threads(&chained, &scenes);
    chain.secrets(&chained, &scenes);
    let n_scenes = scenes.len();
    for (n, (spec, scene)) in chained.into_iter().zip(&mut scenes).enumerate() {
        let at = spec.scene;
        if n + 1 < n_scenes {
            let question = hanging[n].clone();
            chain.leave_hanging(&at, spec.cliffhanger, question, scene);
        } else if let Some(cliffhanger) = spec.cliffhanger {
            reader.complain(
                cliffhanger.span,
                "the last scene ends the episode; its card is `ending: { card: .. }`",
            );
        }
    }
    if let (Some(card), Some(last)) = (card, scenes.last_mut()) {
        last.ending.card = card;
    }
    Some(Episode {
        id,
        show,
        title,
        premise,
        scenes,
    })
}

struct Chain<'a> {
    reader: &'a Reader,
    facts: &'a ShowFacts,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Dormant,
    Open,
    /// By the scene of this place.
    Resolved(usize),
}

impl Chain<'_> {
    /// Every loose end is opened before it is brought further, is tied up once, and is tied up in the end if it must be. Returns, for each scene, the
    /// ends that are open when it is over, the one touched last first.
    fn threads(&self, chained: &[ChainedSpec], scenes: &[Scene]) -> Vec<Vec<ThreadId>> {
        let mut states: BTreeMap<&ThreadId, State> = BTreeMap::new();
        let mut touched: Vec<&ThreadId> = Vec::new();
        let mut hanging = Vec::new();
        for (n, (spec, scene)) in chained.iter().zip(scenes).enumerate() {
            for thread in &scene.threads {
                let opened = if thread.open {
                    State::Open
                } else {
                    State::Dormant
                };
                if let State::Resolved(by) = *states.entry(&thread.id).or_insert(opened)
                    && thread.open
                {
                    let what = format!(
                        "the thread `{}` is open as `{}` begins, but `{}` has resolved it",
                        thread.id, scene.id, scenes[by].id
                    );
                    self.reader.complain(spec.scene.span, what);
                }
            }
            for beat in &scene.beats {
                let steps = beat.opens.iter().map(|id| (id, "opened"));
                let steps = steps
                    .chain(beat.advances.iter().map(|id| (id, "advanced")))
                    .chain(beat.resolves.iter().map(|id| (id, "resolved")));
                for (id, step) in steps {
                    let state = states.entry(id).or_insert(State::Dormant);
                    let wrong = match (step, *state) {
                        ("opened", State::Open) => Some(String::from("is open already")),
                        (_, State::Resolved(by)) => {
                            Some(format!("was resolved in `{}`", scenes[by].id))
                        }
                        _ => None,
                    };
                    if let Some(wrong) = wrong {
                        let what = format!(
                            "the thread `{id}` is {step} in `{}`, beat `{}`, but {wrong}",
                            scene.id, beat.id
                        );
                        self.reader.complain(spec.scene.span, what);
                    }
                    *state = if step == "resolved" {
                        State::Resolved(n)
                    } else {
                        State::Open
                    };
                    touched.retain(|known| *known != id);
                    touched.push(id);
                }
            }
            let open = |id: &&&ThreadId| states.get(*id) == Some(&State::Open);
            let mut ends: Vec<ThreadId> = touched
                .iter()
                .rev()
                .filter(open)
                .map(|id| (*id).clone())
                .collect();
            let untouched = states.iter().filter(|(_, state)| **state == State::Open);
            for (id, _) in untouched {
                if !ends.contains(id) {
                    ends.push((*id).clone());
                }
            }
            hanging.push(ends);
        }
        for thread in threads(scenes) {
            let is_open = states.get(&thread.id) == Some(&State::Open);
            let named_in = scenes
                .iter()
                .position(|scene| scene.threads.iter().any(|known| known.id == thread.id));
            if let Some(named_in) = named_in
                && thread.must_resolve
                && is_open
            {
                self.reader.complain_helpfully(
                    chained[named_in].scene.span,
                    format!(
                        "the thread `{}` must be resolved, but no scene of the episode does",
                        thread.id
                    ),
                    Some(String::from(
                        "a beat of a later scene resolves it, where it is a thread with `open: true`",
                    )),
                );
            }
        }
        hanging
    }

    /// A secret comes out once.
    fn secrets(&self, chained: &[ChainedSpec], scenes: &[Scene]) {
        let mut revealed: Vec<(&SecretId, &SceneId)> = Vec::new();
        for (spec, scene) in chained.iter().zip(scenes) {
            for secret in scene.beats.iter().flat_map(|beat| &beat.reveals) {
                if let Some((_, by)) = revealed.iter().find(|(known, _)| *known == secret) {
                    let what = format!(
                        "the secret `{secret}` is revealed in `{}`, but was in `{by}` before",
                        scene.id
                    );
                    self.reader.complain(spec.scene.span, what);
                }
                revealed.push((secret, &scene.id));
            }
        }
    }

    /// Gives a scene the beat of its cliffhanger. `open` are the loose ends that it leaves.
    fn leave_hanging(
        &self,
        at: &At<String>,
        spec: Option<CliffhangerSpec>,
        open: Vec<ThreadId>,
        scene: &mut Scene,
    ) {
        let spec = spec.unwrap_or_else(|| CliffhangerSpec::plain(at.span));
        let Some(thread) = self.hanging_thread(at, &spec, &open, scene) else {
            return;
        };
        let card = spec.card.clone().unwrap_or_else(|| {
            let spanish = self.facts.language.split('-').next() == Some("es");
            String::from(if spanish {
                "Continuará…"
            } else {
                "To be continued…"
            })
        });
        let cliffhanger = Cliffhanger { thread, card };
        let here = self.here_at_the_end(scene);
        let mut beat = cliffhanger_beat(scene, spec, cliffhanger);
        // Who spoke in the beat before it may have left with it.
        beat.speakers.retain(|(id, _)| here.contains(id));
        self.can_be_said(at, &beat, &here, scene);
        scene.max_lines = scene.max_lines.saturating_add(1);
        scene.beats.push(beat);
    }

    /// The loose end that is named, else the one touched last.
    fn hanging_thread(
        &self,
        at: &At<String>,
        spec: &CliffhangerSpec,
        open: &[ThreadId],
        scene: &Scene,
    ) -> Option<ThreadId> {
        let names: Vec<&str> = open.iter().map(ThreadId::as_str).collect();
        match &spec.thread {
            Some(named) if names.contains(&named.value.as_str()) => {
                return Some(ThreadId::new(named.value.clone()));
            }
            Some(named) => self.reader.complain_helpfully(
                named.span,
                format!(
                    "no thread `{}` is open when `{}` is over",
                    named.value, scene.id
                ),
                suggestion(&named.value, &names),
            ),
            None if open.is_empty() => self.reader.complain_helpfully(
                at.span,
                format!("`{}` ties up everything: nothing is left hanging", scene.id),
                Some(String::from(
                    "leave a thread open, with `carried: true` where it must be resolved, for a later scene",
                )),
            ),
            None => return open.first().cloned(),
        }
        None
    }

    fn person(&self, id: &CharacterId) -> Option<&Person> {
        let mut people = self.facts.people.iter();
        people.find(|person| person.id == id.as_str())
    }

    fn is_offstage(&self, id: &CharacterId) -> bool {
        self.person(id).is_some_and(|person| person.offstage)
    }

    /// Who is on stage when a scene is over, voices from offstage included.
    fn here_at_the_end(&self, scene: &Scene) -> Vec<CharacterId> {
        let mut here = scene.cast.clone();
        here.retain(|id| !scene.absent.contains(id));
        for beat in &scene.beats {
            here.extend(beat.enter.iter().cloned());
            here.retain(|id| !beat.exit.contains(id));
        }
        here
    }

    /// Who is to say something at the end is there to say it.
    fn can_be_said(&self, at: &At<String>, beat: &Beat, here: &[CharacterId], scene: &Scene) {
        for line in &beat.close_with {
            let confidants = line.visible_to.iter().flatten();
            for id in std::iter::once(&line.by).chain(confidants) {
                if !here.contains(id) {
                    let what = format!("`{id}` is not on stage when `{}` is over", scene.id);
                    self.reader.complain(at.span, what);
                }
            }
        }
        let mut named = beat.prime.iter();
        if let Some((id, _)) = named.find(|(id, _)| !here.contains(id)) {
            let what = format!("`{id}` is not on stage when `{}` is over", scene.id);
            self.reader.complain(at.span, what);
        } else if beat.max_lines > 0 && !here.iter().any(|id| self.weight_of(beat, id) > 0.0) {
            self.reader.complain_helpfully(
                at.span,
                format!("nobody is left to be cut off when `{}` is over", scene.id),
                Some(String::from(
                    "say whose words are (`cliffhanger: { by: ana }`), or write a `line`",
                )),
            );
        }
    }

    fn weight_of(&self, beat: &Beat, id: &CharacterId) -> f32 {
        if let Some((_, weight)) = beat.speakers.iter().find(|(named, _)| named == id) {
            return *weight;
        }
        if self.is_offstage(id) {
            return 0.0;
        }
        let role = self.person(id).map_or("", |person| person.role.as_str());
        let of_role = beat.roles.iter().find(|(named, _)| named == role);
        of_role.map_or(1.0, |(_, weight)| *weight)
    }
}

impl CliffhangerSpec {
    /// That of an author who says nothing about it.
    fn plain(span: Span) -> Self {
        Self {
            span,
            thread: None,
            by: None,
            prime: Vec::new(),
            line: None,
            card: None,
        }
    }
}

/// One line more, at the highest tension of the scene: the author's, or somebody's own, which is cut off. Whatever else is as in the last beat in which
/// people spoke their own words.
fn cliffhanger_beat(scene: &Scene, spec: CliffhangerSpec, cliffhanger: Cliffhanger) -> Beat {
    let thread = scene
        .threads
        .iter()
        .find(|thread| thread.id == cliffhanger.thread);
    let title = thread.map_or_else(
        || cliffhanger.card.clone(),
        |thread| thread.question.clone(),
    );
    let mut beats = scene.beats.iter().rev();
    let like = beats
        .find(|beat| beat.max_lines > 0)
        .or(scene.beats.last())
        .cloned();
    let is_bid = like
        .as_ref()
        .is_some_and(|beat| beat.policy.unwrap_or(scene.policy) == TurnPolicy::Bid);
    let own_lines = u32::from(spec.line.is_none());
    let tension = scene.beats.iter().map(|beat| beat.tension);
    let (by, prime) = (spec.by.map(|at| CharacterId::new(at.value)), spec.prime);
    let like = like.as_ref();
    Beat {
        id: free_id(scene),
        step: None,
        title,
        tension: tension.fold(0.0, f32::max),
        policy: Some(if is_bid {
            TurnPolicy::Bid
        } else {
            TurnPolicy::Weighted
        }),
        order: Vec::new(),
        visible_to: None,
        enter: Vec::new(),
        exit: Vec::new(),
        speakers: match &by {
            Some(by) => {
                let weight = |id: &CharacterId| (id.clone(), f32::from(u8::from(id == by)));
                scene.cast.iter().map(weight).collect()
            }
            None => like.map_or_else(Vec::new, |beat| beat.speakers.clone()),
        },
        roles: like.map_or_else(Vec::new, |beat| beat.roles.clone()),
        prime: by.map(|by| (by, prime)).into_iter().collect(),
        motifs: like.map_or_else(Vec::new, |beat| beat.motifs.clone()),
        deliveries: like.map_or_else(Vec::new, |beat| beat.deliveries.clone()),
        interruptions: Some(1.0),
        plot: like.map_or_else(Vec::new, |beat| beat.plot.clone()),
        open_with: Vec::new(),
        must_say: Vec::new(),
        close_with: spec.line.map(line).into_iter().collect(),
        min_lines: own_lines,
        max_lines: own_lines,
        done_when: Waiting::default(),
        opens: Vec::new(),
        advances: Vec::new(),
        resolves: Vec::new(),
        reveals: Vec::new(),
        cliffhanger: Some(cliffhanger),
    }
}

/// A name that no beat of the scene has.
fn free_id(scene: &Scene) -> BeatId {
    let mut id = BeatId::new("cliffhanger");
    let mut number = 2;
    while scene.beats.iter().any(|beat| beat.id == id) {
        id = BeatId::new(format!("cliffhanger-{number}"));
        number += 1;
    }
    id
}

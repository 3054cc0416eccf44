//! The story so far: everything the director's choices depend on. It changes by events alone, so that a log is enough to stand where a
//! performance stood.

use std::collections::BTreeSet;

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::{EventKind, Provenance, ThreadOutcome, ThreadState, Utterance};
use telenovela_script::scene::{Beat, Scene, Thread, ThreadId};
use telenovela_script::script::split_spoken;

use crate::seed::{Address, Purpose};
use crate::turn::Floor;
use crate::words;

/// What has happened, as far as it matters for what happens next.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    /// Lines said, which is also the turn of the next one.
    pub(crate) turn: u64,
    /// Who has had the floor.
    pub(crate) floor: Floor,
    /// Every line said, oldest first.
    pub(crate) said: Vec<String>,
    /// Words of generated lines of those who are seen.
    pub(crate) generated_words: u64,
    /// Words of authored lines of those who are seen.
    pub(crate) authored_words: u64,
    threads: Vec<(Thread, ThreadState)>,
    offstage: BTreeSet<CharacterId>,
    spoke_in_beat: BTreeSet<CharacterId>,
    heard_in_beat: Vec<String>,
}

impl Story {
    /// As the curtain rises.
    pub(crate) fn new<'a>(
        scene: &Scene,
        characters: impl IntoIterator<Item = &'a Character>,
    ) -> Self {
        let threads = scene.threads.iter().map(|thread| {
            let state = if thread.open {
                ThreadState::Open
            } else {
                ThreadState::Dormant
            };
            (thread.clone(), state)
        });
        Self {
            turn: 0,
            floor: Floor::default(),
            said: Vec::new(),
            generated_words: 0,
            authored_words: 0,
            threads: threads.collect(),
            offstage: characters
                .into_iter()
                .filter(|character| character.offstage)
                .map(|character| character.id.clone())
                .collect(),
            spoke_in_beat: BTreeSet::new(),
            heard_in_beat: Vec::new(),
        }
    }

    /// Takes in an event that has been written.
    pub(crate) fn apply(&mut self, event: &EventKind) {
        match event {
            EventKind::BeatEntered { .. } => {
                self.spoke_in_beat.clear();
                self.heard_in_beat.clear();
            }
            EventKind::ThreadChanged { thread, state } => self.change_thread(thread, *state),
            EventKind::Utterance(spoken) => self.hear(&spoken.utterance),
            _ => {}
        }
    }

    fn change_thread(&mut self, id: &ThreadId, state: ThreadState) {
        if let Some((_, known)) = self.threads.iter_mut().find(|(thread, _)| thread.id == *id) {
            *known = state;
        }
    }

    fn hear(&mut self, utterance: &Utterance) {
        self.turn += 1;
        self.floor.heard(utterance);
        self.said.push(utterance.text.clone());
        self.spoke_in_beat.insert(utterance.speaker.clone());
        if utterance.provenance != Provenance::Authored {
            self.heard_in_beat.push(utterance.text.clone());
        }
        if !self.offstage.contains(&utterance.speaker) {
            let n_words = words::count(&utterance.text);
            match utterance.provenance {
                Provenance::Generated => self.generated_words += n_words,
                Provenance::Authored => self.authored_words += n_words,
                Provenance::Injected | Provenance::Fallback => {}
            }
        }
    }

    /// Whether the beat has what it was waiting for: one of its motifs has been heard in it, in a line that the author did not put there, and
    /// everybody it gives a weight, and who still can, has spoken in it. A beat that waits for nothing is ripe from the start.
    pub(crate) fn is_ripe(&self, beat: &Beat, can_speak: impl Fn(&CharacterId) -> bool) -> bool {
        let motif_heard = beat.motifs.is_empty()
            || beat.motifs.iter().any(|motif| {
                self.heard_in_beat
                    .iter()
                    .any(|line| words::mentions(line, motif))
            });
        motif_heard
            && beat
                .speakers
                .iter()
                .filter(|(id, weight)| *weight > 0.0 && can_speak(id))
                .all(|(id, _)| self.spoke_in_beat.contains(id))
    }

    /// An opening for a speaker's line, if the director insists on one: for the speaker's first line of the beat every second time, and never
    /// one that a line has begun with before.
    pub(crate) fn prime(
        &self,
        beat: &Beat,
        speaker: &CharacterId,
        at: &Address<'_>,
    ) -> Option<String> {
        if self.spoke_in_beat.contains(speaker) {
            return None;
        }
        let (_, openings) = beat.prime.iter().find(|(id, _)| id == speaker)?;
        let unused: Vec<&String> = openings
            .iter()
            .filter(|opening| !self.said.iter().any(|line| words::opens(line, opening)))
            .collect();
        let mut draws = at.draws_for(Purpose::Prime, speaker);
        if draws.unit() < 0.5 {
            return None;
        }
        draws.below(unused.len()).map(|index| unused[index].clone())
    }

    /// Draws one of a character's fallback lines as (delivery, words): one that has not been said if there is any. `None` when its file has none.
    pub(crate) fn draw_fallback(
        &self,
        character: &Character,
        at: &Address<'_>,
    ) -> Option<(Option<String>, String)> {
        let all: Vec<(Option<String>, String)> = character
            .fallback_lines
            .iter()
            .map(|line| split_spoken(line))
            .collect();
        let unsaid: Vec<&(Option<String>, String)> = all
            .iter()
            .filter(|(_, text)| !self.said.contains(text))
            .collect();
        let pool = if unsaid.is_empty() {
            all.iter().collect()
        } else {
            unsaid
        };
        let mut draws = at.draws_for(Purpose::Fallback, &character.id);
        draws.below(pool.len()).map(|index| pool[index].clone())
    }

    /// What every loose end has come to.
    pub(crate) fn outcomes(&self) -> Vec<ThreadOutcome> {
        self.threads
            .iter()
            .map(|(thread, state)| ThreadOutcome {
                thread: thread.id.clone(),
                question: thread.question.clone(),
                state: *state,
                // The resolution is told only of what was resolved.
                resolution: (*state == ThreadState::Resolved)
                    .then(|| thread.resolution.clone())
                    .flatten(),
            })
            .collect()
    }
}

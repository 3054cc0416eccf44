//! What the audience knows: a fold over the events performed so far.

use telenovela_script::character::{CharacterId, Color};
use telenovela_script::event::{
    CastMember, Command, Event, EventKind, LeaveReason, Playbill, Provenance, ThreadState,
};
use telenovela_script::mood::Mood;
use telenovela_stage::mood::Held;

use crate::language::{Language, Phrase};

/// From this tension on a beat is a climax, if none before it was as tense.
const CLIMAX: f32 = 0.9;

/// What stands beside the script.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Known from the first event on.
    pub playbill: Option<Playbill>,
    /// In the order of the playbill's cast.
    pub cast: Vec<Presence>,
    /// Index of the present beat.
    pub beat: Option<usize>,
    /// Of the beats, in order; `None` where nothing is known yet.
    arc: Vec<Option<f32>>,
    /// The highest so far.
    peak: f32,
    /// In the order of the playbill's threads.
    pub threads: Vec<ThreadState>,
    /// Index of who speaks, or has spoken last.
    pub speaker: Option<usize>,
    /// Performance time of the last event, in milliseconds.
    pub at_ms: u64,
    /// Marks that have appeared, so that the legend explains no other.
    pub marks: Vec<Provenance>,
    /// Whether the performance is over.
    pub ended: bool,
}

/// One of the cast, as it stands at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Presence {
    /// On stage, or heard offstage.
    pub on_stage: bool,
    /// Words spoken.
    pub n_words: usize,
    /// How much it wanted the last turn that was given by the policy, among all who could have it: 0 to 1.
    pub wish: f32,
    /// The mood that the user has put it in.
    pub mood: Option<Held>,
}

impl Ledger {
    /// Everything after these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut ledger = Self::default();
        for event in events {
            ledger.apply(event);
        }
        ledger
    }

    /// Of a scene whose beats are so tense; an empty one where that is not known.
    pub fn with_tensions(tensions: &[Option<f32>]) -> Self {
        Self {
            arc: tensions.to_vec(),
            ..Self::default()
        }
    }

    /// Tension of each beat, 0 to 1, in order; `None` for those of which nothing is known yet.
    pub fn tensions(&self) -> &[Option<f32>] {
        &self.arc
    }

    /// Whether the arc comes to its peak with a beat of this tension.
    pub fn is_climax(&self, tension: f32) -> bool {
        tension >= CLIMAX && tension > self.peak
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        self.at_ms = event.at_ms;
        match &event.kind {
            EventKind::PerformanceStarted(playbill) => {
                let presence = |member: &CastMember| Presence {
                    on_stage: member.on_stage || member.offstage,
                    ..Presence::default()
                };
                self.cast = playbill.cast.iter().map(presence).collect();
                self.threads = playbill.threads.iter().map(|thread| thread.state).collect();
                self.playbill = Some(playbill.clone());
            }
            EventKind::SceneEntered { on_stage, .. } => {
                let members = self.playbill.iter().flat_map(|playbill| &playbill.cast);
                for (presence, member) in self.cast.iter_mut().zip(members) {
                    presence.on_stage = on_stage.contains(&member.character);
                }
            }
            EventKind::Cliffhanger { .. } => {}
            EventKind::BeatEntered { index, tension, .. } => {
                self.beat = Some(*index);
                self.peak = self.peak.max(*tension);
                if self.arc.len() <= *index {
                    self.arc.resize(*index + 1, None);
                }
                self.arc[*index] = Some(*tension);
            }
            EventKind::SpeakerChosen { candidates, .. } if !candidates.is_empty() => {
                let all: f32 = candidates.iter().map(|candidate| candidate.weight).sum();
                for presence in &mut self.cast {
                    presence.wish = 0.0;
                }
                for candidate in candidates {
                    let index = self.index_of(&candidate.character);
                    if let Some(presence) = index.and_then(|index| self.cast.get_mut(index)) {
                        presence.wish = candidate.weight / all.max(f32::MIN_POSITIVE);
                    }
                }
            }
            EventKind::Command {
                command: Command::Mood { character, mood },
            } => {
                let index = self.index_of(character);
                if let Some(presence) = index.and_then(|index| self.cast.get_mut(index)) {
                    presence.mood = Some(Held {
                        mood: *mood,
                        n_lines: 0,
                    });
                }
            }
            EventKind::SpeakerChosen { .. }
            | EventKind::VoiceFailed { .. }
            | EventKind::LineChanged(_)
            | EventKind::Command { .. } => {}
            EventKind::Utterance(spoken) => {
                let utterance = &spoken.utterance;
                self.speaker = self.index_of(&utterance.speaker);
                if let Some(presence) = self.speaker.and_then(|index| self.cast.get_mut(index)) {
                    presence.n_words += utterance.text.split_whitespace().count();
                    presence.mood = presence.mood.and_then(worn);
                }
                if mark(utterance.provenance).is_some()
                    && !self.marks.contains(&utterance.provenance)
                {
                    self.marks.push(utterance.provenance);
                }
            }
            EventKind::ThreadChanged { thread, state } => {
                let threads = self.playbill.iter().flat_map(|playbill| &playbill.threads);
                let index = threads
                    .into_iter()
                    .position(|of_bill| of_bill.thread == *thread);
                if let Some(known) = index.and_then(|index| self.threads.get_mut(index)) {
                    *known = *state;
                }
            }
            EventKind::StageEntered { character } => self.set_on_stage(character, true),
            EventKind::StageLeft { character, reason } => {
                // An offstage voice is heard until it fails: it has no stage to leave.
                let offstage = self.member(character).is_some_and(|member| member.offstage);
                self.set_on_stage(character, offstage && *reason == LeaveReason::Exit);
            }
            EventKind::Rewound { .. } => {}
            EventKind::PerformanceEnded { .. } => self.ended = true,
        }
    }

    /// Place of a character in the cast.
    pub fn index_of(&self, character: &CharacterId) -> Option<usize> {
        let playbill = self.playbill.as_ref()?;
        playbill
            .cast
            .iter()
            .position(|member| member.character == *character)
    }

    /// What the playbill says of a character.
    pub fn member(&self, character: &CharacterId) -> Option<&CastMember> {
        let index = self.index_of(character)?;
        self.playbill.as_ref()?.cast.get(index)
    }

    /// A character's name; its id when the playbill does not know it.
    pub fn name(&self, character: &CharacterId) -> String {
        self.member(character)
            .map_or_else(|| character.to_string(), |member| member.name.clone())
    }

    /// A character's colour; gray when the playbill does not know it.
    pub fn color(&self, character: &CharacterId) -> Color {
        self.member(character)
            .map_or(Color::Gray, |member| member.color)
    }

    /// Share of all words spoken, 0 to 1.
    pub fn share(&self, index: usize) -> f64 {
        let n_words: usize = self.cast.iter().map(|presence| presence.n_words).sum();
        let own = self.cast.get(index).map_or(0, |presence| presence.n_words);
        if n_words == 0 {
            0.0
        } else {
            own as f64 / n_words as f64
        }
    }

    fn set_on_stage(&mut self, character: &CharacterId, on_stage: bool) {
        if let Some(presence) = self
            .index_of(character)
            .and_then(|index| self.cast.get_mut(index))
        {
            presence.on_stage = on_stage;
        }
    }
}

/// What marks a line that no model made, and the word for it; `None` for generated ones.
pub fn mark(provenance: Provenance) -> Option<(char, Phrase)> {
    match provenance {
        Provenance::Generated => None,
        Provenance::Authored => Some(('‡', Phrase::Authored)),
        Provenance::Injected => Some(('»', Phrase::Injected)),
        Provenance::Fallback => Some(('†', Phrase::StockLine)),
        Provenance::Edited => Some(('^', Phrase::Rewritten)),
    }
}

/// A mood after one more line of who holds it; `None` when nothing is left of it.
fn worn(held: Held) -> Option<Held> {
    let held = Held {
        n_lines: held.n_lines + 1,
        ..held
    };
    (held.strength() > 0.0).then_some(held)
}

/// What a mood is called.
pub fn mood_name(mood: Mood) -> Phrase {
    match mood {
        Mood::Colder => Phrase::Colder,
        Mood::Warmer => Phrase::Warmer,
        Mood::Angrier => Phrase::Angrier,
        Mood::Sadder => Phrase::Sadder,
        Mood::Calmer => Phrase::Calmer,
        Mood::Wilder => Phrase::Wilder,
        Mood::Afraid => Phrase::Afraid,
    }
}

/// How the ledger of loose ends shows a state.
pub fn thread_symbol(state: ThreadState) -> char {
    match state {
        ThreadState::Dormant => '·',
        ThreadState::Open => '○',
        ThreadState::Advanced => '◐',
        ThreadState::Resolved => '●',
    }
}

/// The stage direction that an event is told as; `None` for events told otherwise or not at all.
pub fn direction(ledger: &Ledger, event: &EventKind, language: Language) -> Option<String> {
    let named = |phrase, character| Some(language.fill(phrase, &[&ledger.name(character)]));
    match event {
        EventKind::Cliffhanger { card, .. } => Some(language.fill(Phrase::Chord, &[card])),
        EventKind::StageEntered { character } => named(Phrase::Enters, character),
        EventKind::StageLeft {
            character,
            reason: LeaveReason::Exit,
        } => named(Phrase::Leaves, character),
        EventKind::StageLeft {
            character,
            reason: LeaveReason::Failed,
        } => named(Phrase::LostEveryWord, character),
        EventKind::VoiceFailed { character, .. } => named(Phrase::CannotSpeak, character),
        EventKind::Command {
            command: Command::Mood { character, mood },
        } => {
            let mood = language.say(mood_name(*mood));
            Some(language.fill(Phrase::MoodIs, &[&ledger.name(character), mood]))
        }
        EventKind::ThreadChanged { thread, state } => {
            let phrase = match state {
                ThreadState::Dormant => return None,
                ThreadState::Open => Phrase::ThreadOpens,
                ThreadState::Advanced => Phrase::ThreadTightens,
                ThreadState::Resolved => Phrase::ThreadTied,
            };
            let threads = ledger
                .playbill
                .iter()
                .flat_map(|playbill| &playbill.threads);
            let question = threads
                .into_iter()
                .find(|of_bill| of_bill.thread == *thread)
                .map_or(thread.as_str(), |of_bill| of_bill.question.as_str());
            Some(language.fill(phrase, &[question]))
        }
        _ => None,
    }
}

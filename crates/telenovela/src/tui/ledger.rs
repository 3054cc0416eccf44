//! What the audience knows: a fold over the events performed so far.

use telenovela_script::character::{CharacterId, Color};
use telenovela_script::event::{
    CastMember, Command, Event, EventKind, LeaveReason, Playbill, Provenance, ThreadState,
};

/// What stands beside the script.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Known from the first event on.
    pub playbill: Option<Playbill>,
    /// In the order of the playbill's cast.
    pub cast: Vec<Presence>,
    /// Index of the present beat.
    pub beat: Option<usize>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// On stage, or heard offstage.
    pub on_stage: bool,
    /// Words spoken.
    pub n_words: usize,
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

    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        self.at_ms = event.at_ms;
        match &event.kind {
            EventKind::PerformanceStarted(playbill) => {
                let presence = |member: &CastMember| Presence {
                    on_stage: member.on_stage || member.offstage,
                    n_words: 0,
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
            EventKind::BeatEntered { index, .. } => self.beat = Some(*index),
            EventKind::SpeakerChosen { .. }
            | EventKind::VoiceFailed { .. }
            | EventKind::LineChanged(_)
            | EventKind::Command { .. } => {}
            EventKind::Utterance(spoken) => {
                let utterance = &spoken.utterance;
                self.speaker = self.index_of(&utterance.speaker);
                if let Some(presence) = self.speaker.and_then(|index| self.cast.get_mut(index)) {
                    presence.n_words += utterance.text.split_whitespace().count();
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
pub fn mark(provenance: Provenance) -> Option<(char, &'static str)> {
    match provenance {
        Provenance::Generated => None,
        Provenance::Authored => Some(('‡', "authored")),
        Provenance::Injected => Some(('»', "injected")),
        Provenance::Fallback => Some(('†', "stock line")),
        Provenance::Edited => Some(('^', "rewritten")),
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
pub fn direction(ledger: &Ledger, event: &EventKind) -> Option<String> {
    match event {
        EventKind::Cliffhanger { card, .. } => Some(format!("A chord. {card}")),
        EventKind::StageEntered { character } => {
            Some(format!("{} enters.", ledger.name(character)))
        }
        EventKind::StageLeft {
            character,
            reason: LeaveReason::Exit,
        } => Some(format!("{} leaves.", ledger.name(character))),
        EventKind::StageLeft {
            character,
            reason: LeaveReason::Failed,
        } => Some(format!(
            "{} has lost every word, and leaves.",
            ledger.name(character)
        )),
        EventKind::VoiceFailed { character, .. } => Some(format!(
            "{} begins to speak, and cannot.",
            ledger.name(character)
        )),
        EventKind::Command {
            command: Command::Mood { character, mood },
        } => Some(format!("{}: {mood}.", ledger.name(character))),
        EventKind::ThreadChanged { thread, state } => {
            let what = match state {
                ThreadState::Dormant => return None,
                ThreadState::Open => "A thread opens",
                ThreadState::Advanced => "A thread pulls tighter",
                ThreadState::Resolved => "A thread is tied",
            };
            let threads = ledger
                .playbill
                .iter()
                .flat_map(|playbill| &playbill.threads);
            let question = threads
                .into_iter()
                .find(|of_bill| of_bill.thread == *thread);
            Some(match question {
                Some(of_bill) => format!("{what}: {}", of_bill.question),
                None => format!("{what}: {thread}"),
            })
        }
        _ => None,
    }
}

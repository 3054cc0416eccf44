//! What happens on stage, line by line, in performance time.

use telenovela_script::cut;
use telenovela_script::event::{Event, EventKind, Provenance, Spoken};

use super::{App, Effect, Front, Step, repeat_command};
use crate::language::Phrase;
use crate::tui::card::{EndCard, TitleCard};
use crate::tui::document::{Entry, Speech, Typing};
use crate::tui::ledger::{self, Ledger};
use crate::tui::speaking::Speaking;
use crate::tui::staging::Staging;

/// How long the title card stays alone.
const TITLE_MS: f64 = 3_500.0;
/// How long the title of a beat stays alone.
const BEAT_MS: f64 = 700.0;

impl App {
    /// Takes in an event of the director's; it is performed when those before it have been. What the user did to earlier lines shows at once, also while
    /// the performance is held.
    pub fn apply(&mut self, event: &Event) -> Vec<Effect> {
        if matches!(event.kind, EventKind::Rewound { .. }) {
            // What was on its way to the screen has been taken back.
            self.speaking = None;
            self.unacknowledged = None;
            self.document.set_typing(Typing::Whole);
            self.all.extend(self.waiting.drain(..));
            self.perform(event.clone());
            return Vec::new();
        }
        self.waiting.push_back(event.clone());
        let is_done_to_earlier = |event: &Event| {
            matches!(
                event.kind,
                EventKind::LineChanged(_) | EventKind::Command { .. }
            )
        };
        while self.waiting.front().is_some_and(is_done_to_earlier)
            && let Some(event) = self.waiting.pop_front()
        {
            self.perform(event);
        }
        self.advance(0.0)
    }

    pub(super) fn step(&mut self) -> Vec<Effect> {
        self.hold_ms = 0.0;
        self.sweep_ms = None;
        if self.speaking.is_some() {
            self.finish_speaking();
        } else if self.paused {
            self.step = Some(Step::OneLine);
        }
        Vec::new()
    }

    /// Performs what so much performance time allows.
    pub(super) fn advance(&mut self, mut ms: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.is_held() {
            if self.speaking.is_some() {
                ms = self.speak(ms);
                if self.speaking.is_some() {
                    break;
                }
                continue;
            }
            if let Some(seq) = self.unacknowledged.take() {
                effects.push(Effect::Shown(seq));
            }
            if self.hold_ms > 0.0 {
                let held = self.hold_ms.min(ms);
                self.hold_ms -= held;
                ms -= held;
                if self.hold_ms > 0.0 {
                    break;
                }
            }
            let Some(event) = self.waiting.pop_front() else {
                break;
            };
            self.perform(event);
        }
        effects
    }

    /// Goes on with the line being spoken; returns the time left when it is finished.
    fn speak(&mut self, ms: f64) -> f64 {
        let Some(speaking) = &mut self.speaking else {
            return ms;
        };
        let before = shown(speaking.typing(), self.animated);
        if let Some(left) = speaking.pass(ms) {
            self.finish_speaking();
            return left;
        }
        let typing = shown(speaking.typing(), self.animated);
        if typing != before {
            self.document.set_typing(typing);
            self.changed = true;
        }
        0.0
    }

    fn finish_speaking(&mut self) {
        if let Some(speaking) = self.speaking.take() {
            self.unacknowledged = Some(speaking.seq);
            if self.step == Some(Step::OneLine) || speaking.provenance == Provenance::Injected {
                self.step = None;
            }
        }
        self.document.set_typing(Typing::Whole);
        self.changed = true;
    }

    fn perform(&mut self, event: Event) {
        self.changed = true;
        self.all.push(event.clone());
        if matches!(
            event.kind,
            EventKind::Rewound { .. } | EventKind::LineChanged(_)
        ) {
            self.cut_again();
            return;
        }
        let is_climax = self.is_climax(&event);
        self.write_down(&event);
        let is_now = event.seq >= self.n_past;
        match &event.kind {
            _ if !is_now => {}
            EventKind::PerformanceStarted(_)
            | EventKind::SceneEntered { .. }
            | EventKind::Cliffhanger { .. } => self.hold_ms = TITLE_MS,
            EventKind::BeatEntered { .. } => {
                self.hold_ms = BEAT_MS;
                self.sweep_ms = is_climax.then_some(0.0);
            }
            EventKind::Utterance(spoken) => self.begin_speaking(event.seq, spoken),
            EventKind::PerformanceEnded { .. } => self.document.show_top_of_last(),
            _ => {}
        }
        self.performed.push(event);
    }

    /// Whether the arc comes to its peak with this event.
    fn is_climax(&self, event: &Event) -> bool {
        let EventKind::BeatEntered { tension, .. } = event.kind else {
            return false;
        };
        self.animated && self.ledger.is_climax(tension)
    }

    /// Takes an event into the ledger and the script.
    fn write_down(&mut self, event: &Event) {
        self.ledger.apply(event);
        if let Some(cue) = self.staging.before(&self.ledger, event, self.language) {
            self.document.push(Entry::Cue(cue));
        }
        if let Some(entry) = self.entry(event) {
            self.document.push(entry);
        }
        if let Some(cue) = self.staging.after(&self.ledger, event, self.language) {
            self.document.push(Entry::Cue(cue));
        }
    }

    /// Writes the script anew from what counts.
    fn cut_again(&mut self) {
        self.performed = cut::standing(&self.all);
        self.ledger = Ledger::with_tensions(self.ledger.tensions());
        self.staging = Staging::default();
        self.document.truncate_all();
        for event in std::mem::take(&mut self.performed) {
            self.write_down(&event);
            self.performed.push(event);
        }
        self.document.forget_lost_selection();
        // The take that is kept now is the one to look at.
        if let Front::Takes(_) = self.front {
            self.front = match self.selected_line() {
                Some(spoken) if !spoken.takes.is_empty() => Front::Takes(spoken.kept.unwrap_or(0)),
                _ => Front::Script,
            };
        } else if let Front::Inspector(_) = self.front {
            self.front = Front::Script;
        }
    }

    fn begin_speaking(&mut self, seq: u64, spoken: &Spoken) {
        let utterance = &spoken.utterance;
        let speaking = Speaking::new(seq, utterance, spoken.cps);
        self.document
            .set_typing(shown(speaking.typing(), self.animated));
        self.speaking = Some(speaking);
        // The user has just typed this line and need not watch it being typed again.
        if utterance.provenance == Provenance::Injected {
            self.finish_speaking();
        }
    }

    /// What an event adds to the script; the ledger has taken it in already.
    fn entry(&self, event: &Event) -> Option<Entry> {
        Some(match &event.kind {
            EventKind::PerformanceStarted(playbill) => Entry::Title(TitleCard::new(playbill)),
            EventKind::SceneEntered {
                title,
                index,
                setting,
                premise,
                ..
            } => Entry::Title(TitleCard::of_scene(*index, title, setting, premise.clone())),
            EventKind::BeatEntered { title, index, .. } => Entry::Beat {
                number: index + 1,
                title: title.clone(),
            },
            EventKind::Utterance(spoken) => Entry::Speech(Speech {
                turn: spoken.utterance.turn,
                name: spoken.utterance.name.clone(),
                color: self.ledger.color(&spoken.utterance.speaker),
                is_offstage: self
                    .ledger
                    .member(&spoken.utterance.speaker)
                    .is_none_or(|member| member.offstage),
                delivery: spoken.utterance.delivery.clone(),
                text: spoken.utterance.text.clone(),
                provenance: spoken.utterance.provenance,
            }),
            EventKind::PerformanceEnded {
                reason,
                card,
                threads,
                generated_words,
                authored_words,
            } => Entry::End(EndCard {
                card: card.clone(),
                reason: *reason,
                threads: threads.clone(),
                generated_words: *generated_words,
                authored_words: *authored_words,
                commands: self.commands(),
            }),
            other => Entry::Direction(ledger::direction(&self.ledger, other, self.language)?),
        })
    }

    fn commands(&self) -> Vec<(&'static str, String)> {
        let again = self.ledger.playbill.as_ref();
        let again = again.map(|playbill| {
            let word = self.language.say(Phrase::Again);
            (word, repeat_command(playbill))
        });
        let export = self.export_command.clone();
        let export = export.map(|command| (self.language.say(Phrase::Export), command));
        again.into_iter().chain(export).collect()
    }
}

/// What of a line is seen: without animation the words stand there as soon as the first is spoken, and a silence is only felt.
fn shown(typing: Typing, animated: bool) -> Typing {
    match typing {
        Typing::Breathing(_) if !animated => Typing::Breathing(None),
        Typing::UpTo(_) if !animated => Typing::Whole,
        typing => typing,
    }
}

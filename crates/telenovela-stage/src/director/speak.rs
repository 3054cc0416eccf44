//! A line is said: by a character of its own accord, by the author, or by the user.

use std::sync::Arc;

use telenovela_script::event::{Because, Command, EventKind, Provenance, Spoken, Utterance};
use telenovela_script::scene::Beat;
use telenovela_script::voice::Take;

use super::inbox::UserLine;
use super::play::{Director, Halt};
use crate::timing;
use crate::turn::Choice;

/// A line on its way to being said.
pub(super) struct Line {
    pub(super) speaker: usize,
    pub(super) delivery: Option<String>,
    /// What is heard.
    pub(super) text: String,
    /// What would have been, had nobody cut it off.
    pub(super) full_text: Option<String>,
    pub(super) pause_before_ms: Option<u64>,
    pub(super) provenance: Provenance,
    pub(super) takes: Vec<Take>,
    pub(super) kept: Option<usize>,
}

impl Line {
    /// Words without anything around them.
    pub(super) fn new(speaker: usize, text: String, provenance: Provenance) -> Self {
        Self {
            speaker,
            delivery: None,
            text,
            full_text: None,
            pause_before_ms: None,
            provenance,
            takes: Vec::new(),
            kept: None,
        }
    }
}

impl Director {
    pub(super) async fn say_injected(&mut self, beat: &Beat, line: UserLine) -> Result<(), Halt> {
        let Some(speaker) = self.company.index(&line.speaker) else {
            // The inbox takes lines of the cast only.
            return Ok(());
        };
        self.emit(EventKind::Command {
            command: Command::Say {
                speaker: line.speaker,
                delivery: line.delivery.clone(),
                text: line.text.clone(),
            },
        })
        .await?;
        self.give_floor(Choice::of(speaker, Because::Injected))
            .await?;
        let line = Line {
            delivery: line.delivery,
            ..Line::new(speaker, line.text, Provenance::Injected)
        };
        self.speak(beat, line).await
    }

    /// A line is said: written, shown, heard by everybody here; then the director waits for the audience.
    pub(super) async fn speak(&mut self, beat: &Beat, line: Line) -> Result<(), Halt> {
        let character = &self.company.players[line.speaker].character;
        let cps = timing::pace(character.delivery.cps, beat.tension);
        let pause_ms = timing::pause_ms(
            self.story.floor.last_text(),
            line.delivery.as_deref(),
            &line.text,
            beat.tension,
            &character.delivery,
            line.pause_before_ms,
        );
        let speaking_ms = timing::speaking_ms(&line.text, cps);
        let utterance = Utterance {
            turn: self.story.turn,
            speaker: character.id.clone(),
            name: character.name.clone(),
            delivery: line.delivery,
            text: line.text,
            pause_ms,
            provenance: line.provenance,
        };
        let heard = Arc::new(utterance.clone());
        self.inbox.line_taken(line.provenance);
        self.record.advance(pause_ms);
        let seq = self
            .emit(EventKind::Utterance(Spoken {
                id: format!("{}-{}", self.scene.id, utterance.turn),
                beat: beat.id.clone(),
                utterance,
                full_text: line.full_text,
                cps,
                takes: line.takes,
                kept: line.kept,
            }))
            .await?;
        self.record.advance(speaking_ms);
        self.inbox.attend(self.company.hear(heard)).await?;
        self.inbox
            .wait_until_shown(seq, self.record.screen_gone())
            .await?;
        Ok(())
    }

    pub(super) async fn give_floor(&mut self, choice: Choice) -> Result<(), Halt> {
        self.emit(EventKind::SpeakerChosen {
            turn: self.story.turn,
            speaker: self.company.players[choice.seat].character.id.clone(),
            because: choice.because,
            candidates: choice.candidates,
            place: choice.place,
        })
        .await?;
        Ok(())
    }
}

//! A line is said: by a character of its own accord, by the author, or by the user.

use std::sync::Arc;

use telenovela_script::event::{
    Because, Candidate, Command, EventKind, Provenance, Spoken, Utterance,
};
use telenovela_script::scene::Beat;
use telenovela_script::voice::Take;

use super::inbox::UserLine;
use super::play::{Director, Halt};
use crate::timing;

/// A line on its way to being said.
pub(super) struct Line {
    pub(super) speaker: usize,
    pub(super) delivery: Option<String>,
    pub(super) text: String,
    pub(super) pause_before_ms: Option<u64>,
    pub(super) provenance: Provenance,
    pub(super) takes: Vec<Take>,
    pub(super) kept: Option<usize>,
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
        self.give_floor(speaker, Because::Injected, Vec::new())
            .await?;
        let line = Line {
            speaker,
            delivery: line.delivery,
            text: line.text,
            pause_before_ms: None,
            provenance: Provenance::Injected,
            takes: Vec::new(),
            kept: None,
        };
        self.speak(beat, line).await
    }

    /// A line is said: written, shown, heard by everybody here; then the director waits for the audience.
    pub(super) async fn speak(&mut self, beat: &Beat, line: Line) -> Result<(), Halt> {
        let character = &self.company.players[line.speaker].character;
        let cps = character.delivery.cps;
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

    pub(super) async fn give_floor(
        &mut self,
        speaker: usize,
        because: Because,
        candidates: Vec<Candidate>,
    ) -> Result<(), Halt> {
        self.emit(EventKind::SpeakerChosen {
            turn: self.story.turn,
            speaker: self.company.players[speaker].character.id.clone(),
            because,
            candidates,
        })
        .await?;
        Ok(())
    }
}

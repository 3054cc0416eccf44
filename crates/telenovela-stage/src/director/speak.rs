//! A line is said: by a character of its own accord, by the author, or by the user.

use std::sync::Arc;

use telenovela_script::character::{CharacterId, Delivery};
use telenovela_script::event::{EventKind, Failure, Provenance, Spoken, Utterance};
use telenovela_script::scene::{Beat, ThreadId};
use telenovela_script::voice::{Take, VoiceError};

use super::play::{Director, Halt};
use crate::company::Heard;
use crate::timing;
use crate::turn::Reason;

/// How a voice from outside speaks: like people who read aloud.
const FROM_OUTSIDE: Delivery = Delivery {
    cps: 32.0,
    pause_scale: 1.0,
};

/// A line on its way to being said.
pub(super) struct Line {
    pub(super) speaker: CharacterId,
    pub(super) delivery: Option<String>,
    /// What is heard.
    pub(super) text: String,
    /// What would have been, had nobody cut it off.
    pub(super) full_text: Option<String>,
    pub(super) pause_before_ms: Option<u64>,
    pub(super) provenance: Provenance,
    pub(super) takes: Vec<Take>,
    pub(super) kept: Option<usize>,
    /// Who alone hears it; `None` for everybody on stage.
    pub(super) visible_to: Option<Vec<CharacterId>>,
}

impl Line {
    /// Words without anything around them.
    pub(super) fn new(speaker: CharacterId, text: String, provenance: Provenance) -> Self {
        Self {
            speaker,
            delivery: None,
            text,
            full_text: None,
            pause_before_ms: None,
            provenance,
            takes: Vec::new(),
            kept: None,
            visible_to: None,
        }
    }
}

impl Director {
    /// A line is said: written, shown, heard by everybody here who may.
    pub(super) async fn speak(&mut self, beat: &Beat, line: Line) -> Result<(), Halt> {
        let spoken = self.spoken(beat, line);
        let speaking_ms = timing::speaking_ms(&spoken.utterance.text, spoken.cps);
        let heard = Heard {
            utterance: Arc::new(spoken.utterance.clone()),
            visible_to: spoken.visible_to.clone(),
        };
        self.inbox.line_taken(spoken.utterance.provenance);
        self.record.advance(spoken.utterance.pause_ms);
        let written = self.emit(EventKind::Utterance(spoken)).await?;
        self.record.advance(speaking_ms);
        self.stop_as_before()?;
        self.let_hear(&heard).await?;
        if written.is_new {
            self.unshown = Some(written.seq);
        }
        Ok(())
    }

    /// Waits until the audience has seen the last line; false when a wish comes first.
    pub(super) async fn wait_until_shown(&mut self) -> Result<bool, Halt> {
        let Some(seq) = self.unshown else {
            return Ok(true);
        };
        let gone = self.record.screen_gone();
        if !self.inbox.wait_until_shown(seq, gone).await? {
            return Ok(false);
        }
        self.unshown = None;
        Ok(!self.inbox.has_wish())
    }

    fn spoken(&self, beat: &Beat, line: Line) -> Spoken {
        let player = self.company.index(&line.speaker);
        let character = player.map(|index| &self.company.players[index].character);
        let mood = self.story.mood(&line.speaker);
        let usual = character.map_or(FROM_OUTSIDE, |character| character.delivery);
        let delivery = Delivery {
            cps: usual.cps * mood.map_or(1.0, |mood| mood.pace()),
            pause_scale: usual.pause_scale * mood.map_or(1.0, |mood| mood.pause()),
        };
        let pause_ms = timing::pause_ms(
            self.story.floor.last_text(),
            line.delivery.as_deref(),
            &line.text,
            beat.tension,
            &delivery,
            line.pause_before_ms,
        );
        let turn = self.story.turn;
        let utterance = Utterance {
            turn,
            name: match character {
                Some(character) => character.name.clone(),
                None => name_from_outside(&self.playbill.language).to_owned(),
            },
            speaker: line.speaker,
            delivery: line.delivery,
            text: line.text,
            pause_ms,
            provenance: line.provenance,
        };
        let kept = line.kept.and_then(|kept| line.takes.get(kept));
        Spoken {
            id: match self.record.branch() {
                0 => format!("{}-{turn}", self.story.scene.id),
                branch => format!("{}-{turn}.{branch}", self.story.scene.id),
            },
            beat: beat.id.clone(),
            utterance,
            full_text: line.full_text,
            cps: timing::pace(delivery.cps, beat.tension),
            copied_words: kept.map(|take| take.score.copied_words),
            takes: line.takes,
            kept: line.kept,
            threads: touched(beat),
            visible_to: line.visible_to.or_else(|| beat.visible_to.clone()),
        }
    }

    /// Everybody here who may hears a line. Who is still busy with earlier ones is waited for, and is late like anybody else.
    async fn let_hear(&mut self, heard: &Heard) -> Result<(), Halt> {
        for index in self.company.hear(heard) {
            let player = &self.company.players[index];
            let id = player.character.id.clone();
            let late = self.patience.end(&id);
            let told = player.actor.tell();
            let in_time = async {
                tokio::select! {
                    () = told => true,
                    () = late => false,
                }
            };
            if !self.inbox.attend(in_time).await? {
                self.voice_failed(&id, VoiceError::Late, 0).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn give_floor(
        &mut self,
        speaker: CharacterId,
        reason: Reason,
    ) -> Result<(), Halt> {
        self.emit(EventKind::SpeakerChosen {
            turn: self.story.turn,
            speaker,
            because: reason.because,
            candidates: reason.candidates,
            place: reason.place,
        })
        .await?;
        Ok(())
    }
}

/// The loose ends that a beat has to do with, each once.
fn touched(beat: &Beat) -> Vec<ThreadId> {
    let mut touched: Vec<ThreadId> = Vec::new();
    for thread in beat
        .opens
        .iter()
        .chain(&beat.advances)
        .chain(&beat.resolves)
    {
        if !touched.contains(thread) {
            touched.push(thread.clone());
        }
    }
    touched
}

/// What stands above a line that nobody of the cast says.
fn name_from_outside(language: &str) -> &'static str {
    match language.split('-').next() {
        Some("es") => "Una voz",
        _ => "A voice",
    }
}

/// In what way a voice has failed.
pub(super) fn failure(error: &VoiceError) -> Failure {
    match error {
        VoiceError::Panicked(_) => Failure::Panicked,
        VoiceError::Late => Failure::Late,
        _ => Failure::Refused,
    }
}

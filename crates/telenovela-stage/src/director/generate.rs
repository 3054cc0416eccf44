//! The search for a generated line: who speaks, which take, and what happens when a voice fails.

use std::sync::Arc;

use telenovela_script::character::CharacterId;
use telenovela_script::event::{Because, EndReason, EventKind, LeaveReason, Provenance};
use telenovela_script::scene::{Beat, TurnPolicy};
use telenovela_script::text::one_line;
use telenovela_script::voice::{Take, VoiceError};

use super::play::{Director, Halt};
use super::speak::Line;
use crate::seed::{Address, Purpose};
use crate::{take, turn};

/// What came of the search for a generated line.
pub(super) enum Turn {
    Spoken,
    /// The user has said a line meanwhile; what was generated is forgotten.
    Interrupted,
    /// Nobody here can speak of their own accord in this beat.
    Nobody,
}

impl Director {
    /// Looks for a speaker with something to say until there is one, or nobody is left to ask.
    pub(super) async fn generated_turn(&mut self, beat: &Beat) -> Result<Turn, Halt> {
        let scene = Arc::clone(&self.scene);
        let mut lost: Vec<CharacterId> = Vec::new();
        for attempt in 0.. {
            let at = Address {
                seed: self.playbill.seed,
                scene: &scene.id,
                beat: &beat.id,
                turn: self.story.turn,
                attempt,
            };
            let Some(bids) = self.bids(beat, &mut lost).await? else {
                continue;
            };
            let seats = self.company.seats(&lost, &bids);
            let choice = turn::choose(
                &self.story.floor,
                beat,
                self.playbill.policy,
                &seats,
                &mut at.draws(Purpose::Speaker),
            );
            let Some(choice) = choice else {
                return self.speak_for_the_lost(beat, &lost, &at).await;
            };
            let speaker = choice.seat;
            self.give_floor(speaker, choice.because, choice.candidates)
                .await?;

            let character = &self.company.players[speaker].character;
            let id = character.id.clone();
            let prime = self.story.prime(beat, &id, &at);
            let cue = take::cue(character, beat, prime, &self.story.said);
            let seeds = (0..self.playbill.takes.max(1))
                .map(|take| at.take_seed(&id, take))
                .collect();
            let actor = &self.company.players[speaker].actor;
            let asked = async { actor.takes(cue, seeds).await.get().await };
            let takes = match self.inbox.attend(asked).await? {
                Ok(takes) => takes.into_iter().map(take::clean).collect::<Vec<Take>>(),
                Err(error) => {
                    self.voice_failed(&id, error).await?;
                    lost.push(id);
                    continue;
                }
            };
            // The user may have paused or spoken while the takes were made.
            if self.inbox.hold().await? {
                return Ok(Turn::Interrupted);
            }
            if let Some(kept) = take::choose(&takes, &self.story.said) {
                let line = Line {
                    speaker,
                    delivery: takes[kept].delivery.clone(),
                    text: takes[kept].text.clone(),
                    pause_before_ms: None,
                    provenance: Provenance::Generated,
                    takes,
                    kept: Some(kept),
                };
                self.speak(beat, line).await?;
                return Ok(Turn::Spoken);
            }
            if self.speak_fallback(beat, speaker, &at).await? {
                return Ok(Turn::Spoken);
            }
            let unfit = format!("none of {} takes is fit to be heard", takes.len());
            self.voice_failed(&id, VoiceError::Failed(unfit)).await?;
            lost.push(id);
        }
        Ok(Turn::Nobody)
    }

    /// Everybody's wish to speak, in the order of the players; 1 where nobody asks. `None` when a voice failed at that, so that the turn
    /// has to be drawn afresh.
    async fn bids(
        &mut self,
        beat: &Beat,
        lost: &mut Vec<CharacterId>,
    ) -> Result<Option<Vec<f32>>, Halt> {
        let mut bids = vec![1.0; self.company.players.len()];
        if self.playbill.policy != TurnPolicy::Bid {
            return Ok(Some(bids));
        }
        let asked: Vec<usize> = self
            .company
            .seats(lost, &bids)
            .iter()
            .enumerate()
            .filter(|(_, seat)| seat.may_speak && turn::beat_weight(beat, seat.character) > 0.0)
            .map(|(index, _)| index)
            .collect();
        let players = &self.company.players;
        // All are asked before the first answer is waited for, so that they think side by side.
        let questions = async {
            let mut answers = Vec::new();
            for index in asked {
                answers.push((index, players[index].actor.bid().await));
            }
            let mut answered = Vec::new();
            for (index, answer) in answers {
                answered.push((index, answer.get().await));
            }
            answered
        };
        let answered = self.inbox.attend(questions).await?;
        let mut all_answered = true;
        for (index, answer) in answered {
            match answer {
                Ok(bid) => bids[index] = bid,
                Err(error) => {
                    let id = self.company.players[index].character.id.clone();
                    self.voice_failed(&id, error).await?;
                    lost.push(id);
                    all_answered = false;
                }
            }
        }
        Ok(all_answered.then_some(bids))
    }

    /// When everybody here has lost the turn, the first of them who is still here and has a fallback line says it.
    async fn speak_for_the_lost(
        &mut self,
        beat: &Beat,
        lost: &[CharacterId],
        at: &Address<'_>,
    ) -> Result<Turn, Halt> {
        for id in lost {
            let Some(speaker) = self.company.index(id) else {
                continue;
            };
            let player = &self.company.players[speaker];
            if !player.on_stage || player.character.fallback_lines.is_empty() {
                continue;
            }
            if self.inbox.hold().await? {
                return Ok(Turn::Interrupted);
            }
            self.give_floor(speaker, Because::OnlyOne, Vec::new())
                .await?;
            if self.speak_fallback(beat, speaker, at).await? {
                return Ok(Turn::Spoken);
            }
        }
        Ok(Turn::Nobody)
    }

    /// False when the character's file has no fallback line.
    async fn speak_fallback(
        &mut self,
        beat: &Beat,
        speaker: usize,
        at: &Address<'_>,
    ) -> Result<bool, Halt> {
        let character = &self.company.players[speaker].character;
        let Some((delivery, text)) = self.story.draw_fallback(character, at) else {
            return Ok(false);
        };
        let line = Line {
            speaker,
            delivery,
            text,
            pause_before_ms: None,
            provenance: Provenance::Fallback,
            takes: Vec::new(),
            kept: None,
        };
        self.speak(beat, line).await?;
        Ok(true)
    }

    async fn voice_failed(&mut self, id: &CharacterId, error: VoiceError) -> Result<(), Halt> {
        self.emit(EventKind::VoiceFailed {
            character: id.clone(),
            error: one_line(&error.to_string()),
        })
        .await?;
        let gave_up = self
            .company
            .player_mut(id)
            .is_some_and(|player| player.fail());
        if gave_up {
            self.leave(id, LeaveReason::Failed).await?;
        }
        if !self.company.is_anybody_left() {
            return Err(Halt::Early(EndReason::NobodyLeft));
        }
        Ok(())
    }
}

//! The search for a generated line: who speaks, which take, and what happens when a voice fails.

use std::sync::Arc;

use telenovela_script::character::CharacterId;
use telenovela_script::event::{Because, EndReason, EventKind, LeaveReason, Provenance};
use telenovela_script::scene::{Beat, TurnPolicy};
use telenovela_script::text::one_line;
use telenovela_script::voice::{Take, VoiceError};

use super::play::{Director, Halt};
use super::speak::Line;
use crate::seed::{Address, Draws, Purpose};
use crate::story::Chosen;
use crate::turn::{Choice, Rules};
use crate::{take, turn, words};

/// Words of the shortest line that somebody cuts off.
const LEAST_CUT: usize = 6;

/// What came of the search for a generated line.
pub(super) enum Turn {
    Spoken,
    /// The user has said a line meanwhile; what was generated is forgotten.
    Interrupted,
    /// Nobody here can speak of their own accord in this beat.
    Nobody,
}

impl Director {
    /// Looks for a speaker with something to say until there is one, or nobody is left to ask. `may_cut` says that a generated line is sure to
    /// follow, which may cut this one off.
    pub(super) async fn generated_turn(
        &mut self,
        beat: &Beat,
        may_cut: bool,
    ) -> Result<Turn, Halt> {
        let scene = Arc::clone(&self.scene);
        let policy = beat.policy.unwrap_or(self.playbill.policy);
        if policy == TurnPolicy::Manual
            && self.story.chosen.is_none()
            && self.inbox.wait_for_choice().await?
        {
            return Ok(Turn::Interrupted);
        }
        let mut lost: Vec<CharacterId> = Vec::new();
        for attempt in 0.. {
            let at = Address {
                seed: self.playbill.seed,
                scene: &scene.id,
                beat: &beat.id,
                turn: self.story.turn,
                attempt,
            };
            let Some(bids) = self.bids(beat, policy, &mut lost).await? else {
                continue;
            };
            let Some(choice) = self.choose_speaker(beat, policy, &lost, &bids, &at) else {
                return self.speak_for_the_lost(beat, &lost, &at).await;
            };
            let speaker = choice.seat;
            let others = choice
                .candidates
                .iter()
                .filter(|candidate| candidate.beat > 0.0);
            let may_cut = may_cut && others.count() > 1;
            self.give_floor(choice).await?;

            let character = &self.company.players[speaker].character;
            let id = character.id.clone();
            let opening = self.story.opening(beat, &id, &at);
            let cue = take::cue(character, beat, opening, self.story.recent());
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
                let (text, full_text) = match may_cut {
                    true => cut(&takes[kept].text, beat, &at, &id),
                    false => (takes[kept].text.clone(), None),
                };
                let line = Line {
                    delivery: takes[kept].delivery.clone(),
                    full_text,
                    takes,
                    kept: Some(kept),
                    ..Line::new(speaker, text, Provenance::Generated)
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

    /// The user's choice, if that one can speak, else that of the policy.
    fn choose_speaker(
        &self,
        beat: &Beat,
        policy: TurnPolicy,
        lost: &[CharacterId],
        bids: &[f32],
        at: &Address<'_>,
    ) -> Option<Choice> {
        let seats = self.company.seats(lost, bids);
        if let Some(Chosen::Speaker(id)) = &self.story.chosen
            && let Some(seat) = seats.iter().position(|seat| seat.character.id == *id)
            && seats[seat].may_speak
        {
            return Some(Choice::of(seat, Because::Chosen));
        }
        let rules = Rules {
            policy,
            order: if beat.order.is_empty() {
                &self.scene.order
            } else {
                &beat.order
            },
            place: self.story.place,
            limits: self.scene.limits,
        };
        turn::choose(
            &self.story.floor,
            beat,
            &rules,
            &seats,
            &mut at.draws(Purpose::Speaker),
        )
    }

    /// Everybody's wish to speak, in the order of the players; 1 where nobody asks. `None` when a voice failed at that, so that the turn
    /// has to be drawn afresh.
    async fn bids(
        &mut self,
        beat: &Beat,
        policy: TurnPolicy,
        lost: &mut Vec<CharacterId>,
    ) -> Result<Option<Vec<f32>>, Halt> {
        let mut bids = vec![1.0; self.company.players.len()];
        if policy != TurnPolicy::Bid {
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
            self.give_floor(Choice::of(speaker, Because::OnlyOne))
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
            delivery,
            ..Line::new(speaker, text, Provenance::Fallback)
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

/// What is heard of a line, and the whole of it if that is less: high tension does not let people finish.
fn cut(
    text: &str,
    beat: &Beat,
    at: &Address<'_>,
    speaker: &CharacterId,
) -> (String, Option<String>) {
    let whole = || (text.to_owned(), None);
    let mut draws: Draws = at.draws_for(Purpose::Interruption, speaker);
    let n_words = text.split_whitespace().count();
    let likely = beat
        .interruptions
        .unwrap_or((beat.tension - 0.6).max(0.0) / 2.0);
    if n_words < LEAST_CUT || draws.unit() >= f64::from(likely) {
        return whole();
    }
    // Somewhere in the second half, and before the last word.
    let half = n_words.div_ceil(2);
    let heard = half + draws.below(n_words - half).unwrap_or(0);
    match words::cut_off(text, heard) {
        Some(heard) => (heard, Some(text.to_owned())),
        None => whole(),
    }
}

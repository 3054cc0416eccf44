//! The search for a generated line: who speaks, which take, and what happens when a voice fails.

use std::sync::Arc;
use std::task::Poll;

use telenovela_script::character::CharacterId;
use telenovela_script::cut;
use telenovela_script::event::{Because, EndReason, EventKind, Failure, LeaveReason, Provenance};
use telenovela_script::scene::{Beat, TurnPolicy};
use telenovela_script::text::one_line;
use telenovela_script::voice::{Take, VoiceError};

use super::play::{Director, Halt};
use super::record::Answered;
use super::speak::{Line, failure};
use crate::company::heard_by;
use crate::mood::Held;
use crate::seed::{Address, Draws, Purpose};
use crate::story::Chosen;
use crate::turn::{Choice, Reason, Rules, Seat};
use crate::{take, turn, words};

/// Words of the shortest line that somebody cuts off.
const LEAST_CUT: usize = 6;
/// Words of the shortest line that the end of a scene cuts off.
const LEAST_HANGING: usize = 2;

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
        let scene = Arc::clone(&self.story.scene);
        let policy = beat.policy.unwrap_or(scene.policy);
        if policy == TurnPolicy::Manual
            && self.story.chosen.is_none()
            && self.wait_for_choice().await?
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
                branch: self.record.branch(),
                retake: 0,
            };
            let Some(bids) = self.bids(beat, policy, attempt, &mut lost).await? else {
                continue;
            };
            let Some(choice) = self.choose_speaker(beat, policy, &lost, &bids, &at) else {
                return self.speak_for_the_lost(beat, &lost, &at).await;
            };
            let speaker = choice.seat;
            let able = choice
                .reason
                .candidates
                .iter()
                .filter(|candidate| candidate.beat > 0.0);
            // A cliffhanger cuts whom it finds, and nobody answers.
            let may_cut = (may_cut && able.count() > 1) || beat.cliffhanger.is_some();
            let id = self.company.players[speaker].character.id.clone();
            self.give_floor(id.clone(), choice.reason).await?;

            let takes = match self.takes(beat, speaker, &at).await? {
                Ok(takes) => takes,
                Err(error) => {
                    self.voice_failed(&id, error, attempt).await?;
                    lost.push(id);
                    continue;
                }
            };
            // The user may have paused or wished for something while the takes were made.
            if self.hold().await? {
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
                    ..Line::new(id, text, Provenance::Generated)
                };
                self.speak(beat, line).await?;
                return Ok(Turn::Spoken);
            }
            if self.speak_fallback(beat, speaker, &at).await? {
                return Ok(Turn::Spoken);
            }
            self.none_is_fit(&id, attempt).await?;
            lost.push(id);
        }
        Ok(Turn::Nobody)
    }

    /// One take per seed of whoever has the floor.
    async fn takes(
        &mut self,
        beat: &Beat,
        speaker: usize,
        at: &Address<'_>,
    ) -> Result<Result<Vec<Take>, VoiceError>, Halt> {
        match self.record.past_answer() {
            Some(Answered::Takes(takes)) => return Ok(Ok(takes)),
            Some(Answered::Failed(failure, error)) => {
                return Ok(Err(failed_before(failure, error)));
            }
            None => {}
        }
        let character = &self.company.players[speaker].character;
        let id = character.id.clone();
        let opening = self.story.opening(beat, &id, at);
        let mood = self.story.mood(&id);
        let cue = take::cue(character, beat, mood, opening, self.story.recent());
        let seeds = (0..self.story.scene.takes.max(1))
            .map(|take| at.take_seed(&id, take))
            .collect();
        let actor = &self.company.players[speaker].actor;
        let asked = async { actor.takes(cue, seeds).await.get().await };
        let late = self.patience.end(&id);
        let answered = async {
            tokio::select! {
                answer = asked => answer,
                () = late => Err(VoiceError::Late),
            }
        };
        let answer = self.inbox.attend(answered).await?;
        Ok(answer.map(|takes| takes.into_iter().map(take::clean).collect()))
    }

    /// Under policy `manual`, waits until the user has said who speaks next; false where nobody watches who could.
    async fn wait_for_choice(&mut self) -> Result<bool, Halt> {
        if self.record.is_past() {
            return Ok(self.record.past_command().is_some());
        }
        Ok(self.inbox.wait_for_choice().await?)
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
        let seats = self.seats(beat, lost, bids);
        if let Some(Chosen::Speaker(id)) = &self.story.chosen
            && let Some(seat) = seats.iter().position(|seat| seat.character.id == *id)
            && seats[seat].may_speak
        {
            return Some(Choice {
                seat,
                reason: Reason::plain(Because::Chosen),
            });
        }
        let rules = Rules {
            policy,
            order: if beat.order.is_empty() {
                &self.story.scene.order
            } else {
                &beat.order
            },
            place: self.story.place,
            limits: self.story.scene.limits,
        };
        turn::choose(
            &self.story.floor,
            beat,
            &rules,
            &seats,
            &mut at.draws(Purpose::Speaker),
        )
    }

    /// Who could speak. In a beat that only some can hear, only they do, and voices from offstage.
    fn seats(&self, beat: &Beat, lost: &[CharacterId], bids: &[f32]) -> Vec<Seat<'_>> {
        self.company.seats(
            lost,
            bids,
            |id| self.story.mood(id).map_or(1.0, Held::wish_to_speak),
            |character| {
                let visible_to = beat.visible_to.as_ref();
                character.offstage || visible_to.is_none_or(|to| to.contains(&character.id))
            },
        )
    }

    /// Everybody's wish to speak, in the order of the players; 1 where nobody asks. `None` when a voice failed at that, so that the turn
    /// has to be drawn afresh.
    async fn bids(
        &mut self,
        beat: &Beat,
        policy: TurnPolicy,
        attempt: u32,
        lost: &mut Vec<CharacterId>,
    ) -> Result<Option<Vec<f32>>, Halt> {
        let mut bids = vec![1.0; self.company.players.len()];
        if policy != TurnPolicy::Bid {
            return Ok(Some(bids));
        }
        let answered = match self.bids_before(attempt) {
            Some(answered) => answered,
            None => self.ask_for_bids(beat, lost, &bids).await?,
        };
        let mut all_answered = true;
        for (index, answer) in answered {
            match answer {
                Ok(bid) => bids[index] = bid,
                Err(error) => {
                    let id = self.company.players[index].character.id.clone();
                    self.voice_failed(&id, error, attempt).await?;
                    lost.push(id);
                    all_answered = false;
                }
            }
        }
        Ok(all_answered.then_some(bids))
    }

    async fn ask_for_bids(
        &mut self,
        beat: &Beat,
        lost: &[CharacterId],
        bids: &[f32],
    ) -> Result<Vec<Bid>, Halt> {
        let asked: Vec<usize> = self
            .seats(beat, lost, bids)
            .iter()
            .enumerate()
            .filter(|(_, seat)| seat.may_speak && turn::beat_weight(beat, seat.character) > 0.0)
            .map(|(index, _)| index)
            .collect();
        // All are asked before the first answer is waited for, so that they think side by side; each has the same time.
        let mut questions = Vec::new();
        for index in asked {
            let player = &self.company.players[index];
            let late = self.patience.end(&player.character.id);
            let actor = &player.actor;
            questions.push((
                index,
                Box::pin(async move {
                    let asked = async { actor.bid().await.get().await };
                    tokio::select! {
                        answer = asked => answer,
                        () = late => Err(VoiceError::Late),
                    }
                }),
            ));
        }
        let all = async {
            let mut waiting: Vec<_> = questions;
            let mut answered = Vec::new();
            // Every question is asked by its first poll.
            std::future::poll_fn(|context| {
                waiting.retain_mut(|(index, question)| match question.as_mut().poll(context) {
                    Poll::Ready(answer) => {
                        answered.push((*index, answer));
                        false
                    }
                    Poll::Pending => true,
                });
                if waiting.is_empty() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            answered.sort_by_key(|(index, _)| *index);
            answered
        };
        Ok(self.inbox.attend(all).await?)
    }

    /// The bids of a round that is gone through again; those of voices that did not fail are in the choice that followed.
    fn bids_before(&self, attempt: u32) -> Option<Vec<Bid>> {
        let mut bids = Vec::new();
        for event in self.record.past_bids(attempt)? {
            match event {
                EventKind::VoiceFailed {
                    character,
                    failure,
                    error,
                    ..
                } => {
                    let error = failed_before(*failure, error.clone());
                    bids.extend(
                        self.company
                            .index(character)
                            .map(|index| (index, Err(error))),
                    );
                }
                EventKind::SpeakerChosen { candidates, .. } => {
                    bids.extend(candidates.iter().filter_map(|candidate| {
                        let index = self.company.index(&candidate.character)?;
                        Some((index, Ok(candidate.bid)))
                    }));
                }
                _ => {}
            }
        }
        Some(bids)
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
            if self.hold().await? {
                return Ok(Turn::Interrupted);
            }
            self.give_floor(id.clone(), Reason::plain(Because::OnlyOne))
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
            ..Line::new(character.id.clone(), text, Provenance::Fallback)
        };
        self.speak(beat, line).await?;
        Ok(true)
    }

    async fn none_is_fit(&mut self, id: &CharacterId, attempt: u32) -> Result<(), Halt> {
        let unfit = format!(
            "none of {} takes is fit to be heard",
            self.story.scene.takes.max(1)
        );
        self.lose_turn(id, Failure::Unfit, unfit, attempt).await
    }

    pub(super) async fn voice_failed(
        &mut self,
        id: &CharacterId,
        error: VoiceError,
        attempt: u32,
    ) -> Result<(), Halt> {
        self.lose_turn(id, failure(&error), one_line(&error.to_string()), attempt)
            .await
    }

    /// A character has lost its turn. A voice that panicked or hangs is given a fresh mind that hears everything again, but only so often: then it leaves.
    async fn lose_turn(
        &mut self,
        id: &CharacterId,
        failure: Failure,
        error: String,
        attempt: u32,
    ) -> Result<(), Halt> {
        let happens_now = self.record.asks_voices();
        self.emit(EventKind::VoiceFailed {
            character: id.clone(),
            failure,
            error,
            attempt,
        })
        .await?;
        let Some(index) = self.company.index(id) else {
            return Ok(());
        };
        if failure == Failure::Late && happens_now {
            self.company.write_off(id);
        }
        let gave_up = self.company.players[index].fail();
        let has_to_begin_anew = matches!(failure, Failure::Panicked | Failure::Late);
        if gave_up {
            self.leave(id, LeaveReason::Failed).await?;
        } else if has_to_begin_anew && happens_now {
            let standing = cut::standing(&self.record.read_back()?);
            let heard = heard_by(id, &self.first, &standing);
            self.company.restart(index, &heard).await?;
        }
        if !self.company.is_anybody_left() {
            return Err(Halt::Early(EndReason::NobodyLeft));
        }
        Ok(())
    }
}

/// One of the cast and what it answered.
type Bid = (usize, Result<f32, VoiceError>);

/// The error that a voice gave when this happened for the first time.
fn failed_before(failure: Failure, error: String) -> VoiceError {
    match failure {
        Failure::Late => VoiceError::Late,
        Failure::Panicked => {
            let why = error.strip_prefix("its voice panicked: ").unwrap_or(&error);
            VoiceError::Panicked(why.to_owned())
        }
        Failure::Refused | Failure::Unfit => VoiceError::Failed(error),
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
    let least = match beat.cliffhanger {
        Some(_) => LEAST_HANGING,
        None => LEAST_CUT,
    };
    if n_words < least || draws.unit() >= f64::from(likely) {
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

//! The director at work.

use std::sync::Arc;
use std::time::Duration;

use telenovela_script::character::CharacterId;
use telenovela_script::event::{
    Because, Candidate, Command, EndReason, EventKind, LeaveReason, Playbill, Provenance, Spoken,
    ThreadState, Utterance,
};
use telenovela_script::scene::{Beat, Scene, ThreadId, TurnPolicy};
use telenovela_script::script::split_spoken;
use telenovela_script::voice::{Take, VoiceError};

use super::Ended;
use super::inbox::{Inbox, Stopped, UserLine};
use super::record::Record;
use crate::agenda::{Agenda, Next, Room, n_authored};
use crate::company::{Company, Threads};
use crate::error::StageError;
use crate::seed::{Address, Purpose};
use crate::story::Story;
use crate::{take, timing, turn};

/// How long a screen that stands still is waited for after a stop, and after it a voice that is at work. Together they stay well within a quarter
/// of a second. Neither changes what the log says.
const SCREEN_GRACE: Duration = Duration::from_millis(60);
const VOICE_GRACE: Duration = Duration::from_millis(120);
/// How long a voice is waited for after a performance that ended by itself: it is only still listening to the last lines.
const GOODBYE: Duration = Duration::from_secs(2);

/// The private side of [`DirectorHandle`](super::DirectorHandle).
pub(super) struct Director {
    playbill: Playbill,
    scene: Arc<Scene>,
    company: Company,
    story: Story,
    inbox: Inbox,
    record: Record,
}

/// Why the scene goes no further.
enum Halt {
    Early(EndReason),
    Failed(StageError),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Halt::Early(EndReason::Stopped)
    }
}

impl From<StageError> for Halt {
    fn from(error: StageError) -> Self {
        Halt::Failed(error)
    }
}

/// What came of the search for a generated line.
enum Turn {
    Spoken,
    /// The user has said a line meanwhile; what was generated is forgotten.
    Interrupted,
    /// Nobody here can speak of their own accord in this beat.
    Nobody,
}

/// A line on its way to being said.
struct Line {
    speaker: usize,
    delivery: Option<String>,
    text: String,
    pause_before_ms: Option<u64>,
    provenance: Provenance,
    takes: Vec<Take>,
    kept: Option<usize>,
}

impl Director {
    pub(super) fn new(
        playbill: Playbill,
        scene: Scene,
        company: Company,
        inbox: Inbox,
        record: Record,
    ) -> Self {
        let story = Story::new(&scene, company.players.iter().map(|p| &p.character));
        Self {
            playbill,
            scene: Arc::new(scene),
            company,
            story,
            inbox,
            record,
        }
    }

    /// The whole performance, until the last thread has gone home.
    pub(super) async fn run(mut self, threads: Threads) -> Result<Ended, StageError> {
        let ended = match self.play().await {
            Ok(()) => self.end(EndReason::Concluded).await,
            Err(Halt::Early(reason)) => self.end(reason).await,
            Err(Halt::Failed(error)) => Err(error),
        };
        // Screen and audience learn of the end, and the threads that they are not needed any more, before the threads are waited for.
        drop(self);
        let grace = match &ended {
            Ok(ended) if ended.reason == EndReason::Stopped => VOICE_GRACE,
            _ => GOODBYE,
        };
        let hung = threads.join_within(grace).await;
        ended.map(|ended| Ended { hung, ..ended })
    }

    async fn play(&mut self) -> Result<(), Halt> {
        let scene = Arc::clone(&self.scene);
        self.emit(EventKind::PerformanceStarted(self.playbill.clone()))
            .await?;
        for (index, beat) in scene.beats.iter().enumerate() {
            self.play_beat(index, beat).await?;
        }
        Ok(())
    }

    /// The last events. Nothing is waited for here but a screen that keeps up.
    async fn end(&mut self, reason: EndReason) -> Result<Ended, StageError> {
        if reason == EndReason::Stopped {
            self.record.write(EventKind::Command {
                command: Command::Stop,
            })?;
        }
        let ended = Ended {
            reason,
            n_utterances: self.story.turn,
            generated_words: self.story.generated_words,
            authored_words: self.story.authored_words,
            threads: self.story.outcomes(),
            hung: Vec::new(),
        };
        self.record.write(EventKind::PerformanceEnded {
            reason,
            card: self.scene.ending.card.clone(),
            threads: ended.threads.clone(),
            generated_words: ended.generated_words,
            authored_words: ended.authored_words,
        })?;
        self.record.sync()?;
        // A screen that is merely slow gets everything; one that was stopped, or stands still when it is, gets what it takes in time.
        if reason == EndReason::Stopped || self.inbox.attend(self.record.show()).await.is_err() {
            self.record.show_within(SCREEN_GRACE).await;
        }
        Ok(ended)
    }

    async fn play_beat(&mut self, index: usize, beat: &Beat) -> Result<(), Halt> {
        self.emit(EventKind::BeatEntered {
            beat: beat.id.clone(),
            title: beat.title.clone(),
            index,
            tension: beat.tension,
        })
        .await?;
        for character in &beat.enter {
            self.enter(character).await?;
        }
        self.change_threads(&beat.opens, ThreadState::Open).await?;
        self.change_threads(&beat.advances, ThreadState::Advanced)
            .await?;

        self.speak_through(index, beat).await?;

        self.change_threads(&beat.resolves, ThreadState::Resolved)
            .await?;
        for character in &beat.exit {
            self.leave(character, LeaveReason::Exit).await?;
        }
        self.record.sync()?;
        Ok(())
    }

    /// All lines of a beat.
    async fn speak_through(&mut self, index: usize, beat: &Beat) -> Result<(), Halt> {
        let mut agenda = Agenda::new(beat);
        let mut owes_answer = false;
        loop {
            let room = self.room(index, &agenda);
            self.inbox.set_room(room.free());
            if let Some(line) = self.inbox.next_line() {
                self.say_injected(beat, line).await?;
                owes_answer = true;
                continue;
            }
            owes_answer &= room.free() > 0;
            let ripe = self
                .story
                .is_ripe(beat, |character| self.company.can_speak(character));
            let next = agenda.next(ripe, room);
            if next == Next::Over && !owes_answer {
                return Ok(());
            }
            if room.left == 0 {
                return Err(Halt::Early(EndReason::MaxLines));
            }
            if self.inbox.hold().await? {
                continue;
            }
            match next {
                // The answer to a user's line comes before whatever the author has planned, and on top of it.
                _ if owes_answer => {
                    owes_answer = matches!(self.generated_turn(beat).await?, Turn::Interrupted);
                }
                Next::Authored(line) => {
                    agenda.authored_said();
                    let Some(speaker) = self.company.index(&line.by) else {
                        // A scene that names a stranger does not pass validation; without a name there is nothing to show.
                        continue;
                    };
                    let line = Line {
                        speaker,
                        delivery: line.delivery.clone(),
                        text: line.text.clone(),
                        pause_before_ms: line.pause_before_ms,
                        provenance: Provenance::Authored,
                        takes: Vec::new(),
                        kept: None,
                    };
                    self.give_floor(speaker, Because::Authored, Vec::new())
                        .await?;
                    self.speak(beat, line).await?;
                }
                Next::Generated => match self.generated_turn(beat).await? {
                    Turn::Spoken => agenda.generated_said(),
                    Turn::Interrupted => {}
                    Turn::Nobody => agenda.nobody_can(),
                },
                Next::Over => return Ok(()),
            }
        }
    }

    /// What fits into the rest of the scene.
    fn room(&self, index: usize, agenda: &Agenda<'_>) -> Room {
        let later = &self.scene.beats[index + 1..];
        let said = u32::try_from(self.story.turn).unwrap_or(u32::MAX);
        Room {
            left: self.scene.max_lines.saturating_sub(said),
            authored: agenda.authored_left() + later.iter().map(n_authored).sum::<u32>(),
            later_min: later.iter().map(|beat| beat.min_lines).sum(),
        }
    }

    /// Looks for a speaker with something to say until there is one, or nobody is left to ask.
    async fn generated_turn(&mut self, beat: &Beat) -> Result<Turn, Halt> {
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
            let cue = take::cue(character, beat, prime.clone(), &self.story.said);
            let seeds = (0..self.playbill.takes.max(1))
                .map(|take| at.take_seed(&id, take))
                .collect();
            let actor = &self.company.players[speaker].actor;
            let asked = async { actor.takes(cue, seeds).await.get().await };
            let takes = match self.inbox.attend(asked).await? {
                Ok(takes) => takes,
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
                if let Some(prime) = prime {
                    self.story.prime_used(&id, prime);
                }
                let line = Line {
                    speaker,
                    delivery: takes[kept].delivery.clone(),
                    text: takes[kept].text.trim().to_owned(),
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
        let Some(drawn) = self.story.draw_fallback(character, at) else {
            return Ok(false);
        };
        let (delivery, text) = split_spoken(&character.fallback_lines[drawn]);
        let id = character.id.clone();
        self.story.fallback_used(&id, drawn);
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

    async fn say_injected(&mut self, beat: &Beat, line: UserLine) -> Result<(), Halt> {
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
    async fn speak(&mut self, beat: &Beat, line: Line) -> Result<(), Halt> {
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

    async fn give_floor(
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

    async fn voice_failed(&mut self, id: &CharacterId, error: VoiceError) -> Result<(), Halt> {
        self.emit(EventKind::VoiceFailed {
            character: id.clone(),
            error: error.to_string(),
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

    async fn enter(&mut self, id: &CharacterId) -> Result<(), Halt> {
        if let Some(player) = self.company.player_mut(id)
            && !player.on_stage
            && !player.has_given_up()
        {
            player.on_stage = true;
            self.emit(EventKind::StageEntered {
                character: id.clone(),
            })
            .await?;
        }
        Ok(())
    }

    async fn leave(&mut self, id: &CharacterId, reason: LeaveReason) -> Result<(), Halt> {
        if let Some(player) = self.company.player_mut(id)
            && player.on_stage
        {
            player.on_stage = false;
            self.emit(EventKind::StageLeft {
                character: id.clone(),
                reason,
            })
            .await?;
        }
        Ok(())
    }

    async fn change_threads(
        &mut self,
        threads: &[ThreadId],
        state: ThreadState,
    ) -> Result<(), Halt> {
        for thread in threads {
            self.emit(EventKind::ThreadChanged {
                thread: thread.clone(),
                state,
            })
            .await?;
        }
        Ok(())
    }

    /// Writes an event, takes it into the story, shows it.
    async fn emit(&mut self, kind: EventKind) -> Result<u64, Halt> {
        self.story.apply(&kind);
        let seq = self.record.write(kind)?;
        self.inbox.attend(self.record.show()).await?;
        Ok(seq)
    }
}

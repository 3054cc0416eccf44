//! The director at work: the arc from beat to beat, and what comes next within one.

use std::sync::Arc;
use std::time::Duration;

use telenovela_script::character::CharacterId;
use telenovela_script::event::{
    Because, Command, EndReason, EventKind, LeaveReason, Playbill, Provenance, ThreadState,
};
use telenovela_script::scene::{Beat, Scene, ThreadId};

use super::Ended;
use super::generate::Turn;
use super::inbox::{Inbox, Reply, Stopped};
use super::record::{Record, Written};
use super::speak::Line;
use crate::agenda::{Agenda, Next, Room, n_authored};
use crate::company::Company;
use crate::error::StageError;
use crate::production::Patience;
use crate::story::Story;
use crate::turn::Reason;

/// How long a screen that stands still is waited for after a stop, and after it a voice that is at work. Together they stay well within a quarter
/// of a second. Neither changes what the log says.
const SCREEN_GRACE: Duration = Duration::from_millis(60);
const VOICE_GRACE: Duration = Duration::from_millis(120);
/// Performance time between two scenes of an episode.
const CURTAIN_MS: u64 = 4_000;
/// How long a voice is waited for after a performance that ended by itself: it is only still listening to the last lines.
const GOODBYE: Duration = Duration::from_secs(2);

/// The private side of [`DirectorHandle`](super::DirectorHandle).
pub(super) struct Director {
    pub(super) playbill: Playbill,
    /// What is performed, in order; never empty.
    pub(super) scenes: Arc<[Arc<Scene>]>,
    pub(super) first: Arc<Scene>,
    pub(super) company: Company,
    pub(super) story: Story,
    pub(super) inbox: Inbox,
    pub(super) record: Record,
    pub(super) patience: Patience,
    /// The line that the audience is being shown.
    pub(super) unshown: Option<u64>,
}

/// Why the scene goes no further.
pub(super) enum Halt {
    Early(EndReason),
    /// The user goes back to this turn.
    Rewind {
        turn: u64,
        done: Option<Reply>,
    },
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

impl Director {
    pub(super) fn new(
        playbill: Playbill,
        first: &Arc<Scene>,
        scenes: &[Arc<Scene>],
        company: Company,
        inbox: Inbox,
        record: Record,
        patience: Patience,
    ) -> Self {
        let scenes = Arc::from(scenes);
        let characters = company.players.iter().map(|player| &player.character);
        let story = Story::new(first, &scenes, &playbill.language, characters);
        Self {
            playbill,
            scenes,
            first: Arc::clone(first),
            company,
            story,
            inbox,
            record,
            patience,
            unshown: None,
        }
    }

    /// The whole performance, until the last thread has gone home.
    pub(super) async fn run(mut self) -> Result<Ended, StageError> {
        let mut played = self.play().await;
        while let Err(Halt::Rewind { turn, done }) = played {
            played = match self.go_back(turn, done).await {
                Ok(()) => self.play().await,
                Err(halt) => Err(halt),
            };
        }
        let ended = match played {
            Ok(()) => self.end(EndReason::Concluded).await,
            Err(Halt::Early(reason)) => self.end(reason).await,
            Err(Halt::Failed(error)) => Err(error),
            // The loop above leaves none.
            Err(Halt::Rewind { .. }) => self.end(EndReason::Stopped).await,
        };
        // Screen and audience learn of the end, and the threads that they are not needed any more, before the threads are waited for.
        let Self {
            company,
            inbox,
            record,
            ..
        } = self;
        drop((inbox, record));
        if !matches!(&ended, Ok(ended) if ended.reason != EndReason::Stopped) {
            company.lose_interest();
        }
        let threads = company.into_threads();
        let grace = match &ended {
            Ok(ended) if ended.reason == EndReason::Stopped => VOICE_GRACE,
            _ => GOODBYE,
        };
        let hung = threads.join_within(grace).await;
        ended.map(|ended| Ended { hung, ..ended })
    }

    async fn play(&mut self) -> Result<(), Halt> {
        let scenes = Arc::clone(&self.scenes);
        self.emit(EventKind::PerformanceStarted(self.playbill.clone()))
            .await?;
        let mut n_beats_before = 0;
        for (index, scene) in scenes.iter().enumerate() {
            if scenes.len() > 1 {
                self.enter_scene(index, scene).await?;
            }
            for (at, beat) in scene.beats.iter().enumerate() {
                self.play_beat(n_beats_before + at, at, beat).await?;
            }
            n_beats_before += scene.beats.len();
            self.leave_hanging(index, scene).await?;
        }
        Ok(())
    }

    /// The curtain rises over a scene of an episode.
    async fn enter_scene(&mut self, index: usize, scene: &Scene) -> Result<(), Halt> {
        let on_stage = self.company.set_up(scene);
        self.emit(EventKind::SceneEntered {
            scene: scene.id.clone(),
            title: scene.title.clone(),
            index,
            setting: scene.setting.clone(),
            premise: scene.premise.clone(),
            on_stage,
        })
        .await?;
        Ok(())
    }

    /// The curtain falls over a scene that another one follows.
    async fn leave_hanging(&mut self, index: usize, scene: &Scene) -> Result<(), Halt> {
        let last = scene.beats.last();
        if let Some(cliffhanger) = last.and_then(|beat| beat.cliffhanger.clone()) {
            self.emit(EventKind::Cliffhanger {
                scene: scene.id.clone(),
                index,
                thread: cliffhanger.thread,
                card: cliffhanger.card,
            })
            .await?;
            self.record.advance(CURTAIN_MS);
            self.record.sync()?;
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
            card: self.last_card(),
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

    fn last_card(&self) -> String {
        let last = self.scenes.last();
        last.map_or_else(String::new, |scene| scene.ending.card.clone())
    }

    /// A beat: `index` counts the beats of the playbill, `at` those of the scene.
    async fn play_beat(&mut self, index: usize, at: usize, beat: &Beat) -> Result<(), Halt> {
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

        self.speak_through(at, beat).await?;

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
            if let Some(wish) = self.next_wish() {
                owes_answer |= self.fulfil(wish, beat, &mut agenda).await?;
                continue;
            }
            if !self.wait_until_shown().await? {
                continue;
            }
            owes_answer &= room.free() > 0;
            let ripe = self
                .story
                .is_ripe(beat, |character| self.company.can_speak(character));
            let next = agenda.next(ripe, room, self.story.floor.last_speaker());
            if next == Next::Over && !owes_answer {
                return Ok(());
            }
            if room.left == 0 {
                return Err(Halt::Early(EndReason::MaxLines));
            }
            if self.hold().await? {
                continue;
            }
            match next {
                // The answer to a user's line comes before whatever the author has planned, and on top of it.
                _ if owes_answer => {
                    owes_answer =
                        matches!(self.generated_turn(beat, false).await?, Turn::Interrupted);
                }
                Next::Authored(line) => {
                    agenda.authored_said();
                    let line = Line {
                        delivery: line.delivery.clone(),
                        pause_before_ms: line.pause_before_ms,
                        visible_to: line.visible_to.clone(),
                        ..Line::new(line.by.clone(), line.text.clone(), Provenance::Authored)
                    };
                    self.give_floor(line.speaker.clone(), Reason::plain(Because::Authored))
                        .await?;
                    self.speak(beat, line).await?;
                }
                Next::Generated => match self
                    .generated_turn(beat, agenda.is_generated_after_next(room))
                    .await?
                {
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
        let scene = &self.story.scene;
        let later = &scene.beats[index + 1..];
        let said = self.story.turn - self.story.scene_began;
        let said = u32::try_from(said).unwrap_or(u32::MAX);
        Room {
            left: scene.max_lines.saturating_sub(said),
            authored: agenda.authored_left() + later.iter().map(n_authored).sum::<u32>(),
            later_min: later.iter().map(|beat| beat.min_lines).sum(),
        }
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

    pub(super) async fn leave(
        &mut self,
        id: &CharacterId,
        reason: LeaveReason,
    ) -> Result<(), Halt> {
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
    pub(super) async fn emit(&mut self, kind: EventKind) -> Result<Written, Halt> {
        let written = self.record.write(kind.clone())?;
        self.story.apply(&kind);
        match kind {
            EventKind::PerformanceStarted(_)
            | EventKind::SceneEntered { .. }
            | EventKind::StageEntered { .. }
            | EventKind::StageLeft { .. } => self.inbox.set_able(self.company.able()),
            EventKind::Utterance(_) => self.inbox.set_n_lines(self.story.turn),
            _ => {}
        }
        self.inbox.attend(self.record.show()).await?;
        self.stop_as_before()?;
        Ok(written)
    }

    /// Ends it where the audience did, when that is gone through again.
    pub(super) fn stop_as_before(&self) -> Result<(), Halt> {
        if self.record.is_past_stop() {
            return Err(Halt::Early(EndReason::Stopped));
        }
        Ok(())
    }
}

//! The company: everybody in the cast, who is on stage, and whose voice has given up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::{Event, EventKind, Utterance};
use telenovela_script::scene::Scene;
use telenovela_script::voice::Voice;

use crate::actor::{ActorHandle, ActorThread};
use crate::error::StageError;
use crate::production::Role;
use crate::turn::Seat;

/// A voice that has failed so often leaves the stage; until then it begins anew each time.
const FAILURES: u32 = 3;

/// One of the cast.
pub(crate) struct Player {
    pub(crate) character: Character,
    pub(crate) actor: ActorHandle,
    /// Here, seen or only heard; lines are told to those who are here.
    pub(crate) on_stage: bool,
    failures: u32,
    /// The mind as it was before the curtain rose. In a lock because a mind may be sent to another thread but not shared with it.
    initial: Mutex<Box<dyn Voice>>,
}

impl Player {
    /// Its voice has failed too often; what its author wrote for it is still said.
    pub(crate) fn has_given_up(&self) -> bool {
        self.failures >= FAILURES
    }

    /// Counts a lost turn; true when it was one too many.
    pub(crate) fn fail(&mut self) -> bool {
        self.failures += 1;
        self.has_given_up()
    }

    /// A mind that has heard nothing yet; `None` when making one panics.
    pub(crate) fn fresh_voice(&mut self) -> Option<Box<dyn Voice>> {
        let initial = self
            .initial
            .get_mut()
            .unwrap_or_else(|lock| lock.into_inner());
        catch_unwind(AssertUnwindSafe(|| initial.fork())).ok()
    }
}

/// Everybody in the cast, in the order of the scene.
pub(crate) struct Company {
    pub(crate) players: Vec<Player>,
    threads: Vec<ActorThread>,
}

/// The threads behind a company.
pub(crate) struct Threads(Vec<ActorThread>);

impl Company {
    /// Starts a thread for everybody who takes part; they stand where the first scene wants them.
    pub(crate) fn assemble(
        everybody: &[CharacterId],
        first: &Scene,
        mut roles: Vec<Role>,
    ) -> Result<Self, StageError> {
        let mut players = Vec::new();
        let mut threads = Vec::new();
        for id in everybody {
            let role = roles
                .iter()
                .position(|role| role.character.id == *id)
                .map(|index| roles.swap_remove(index))
                .ok_or_else(|| StageError::NoRole {
                    character: id.clone(),
                    scene: first.id.clone(),
                })?;
            let (actor, thread) = ActorHandle::spawn(id, role.voice.fork())?;
            threads.push(thread);
            players.push(Player {
                character: role.character,
                actor,
                on_stage: begins_on_stage(id, first),
                failures: 0,
                initial: Mutex::new(role.voice),
            });
        }
        Ok(Self { players, threads })
    }

    /// Everybody stands where they stood as the curtain rose, and has heard nothing.
    pub(crate) async fn begin_anew(&mut self, first: &Scene) -> Result<(), StageError> {
        for index in 0..self.players.len() {
            self.restart(index, &[]).await?;
            self.players[index].failures = 0;
        }
        self.set_up(first);
        Ok(())
    }

    /// Everybody stands where a scene wants them as it begins, and in the order of its cast; those who are not in it come last. Returns who is on stage.
    pub(crate) fn set_up(&mut self, scene: &Scene) -> Vec<CharacterId> {
        let place = |player: &Player| {
            let place = scene.cast.iter().position(|id| *id == player.character.id);
            place.unwrap_or(usize::MAX)
        };
        self.players.sort_by_key(place);
        let mut on_stage = Vec::new();
        for player in &mut self.players {
            let id = &player.character.id;
            player.on_stage = begins_on_stage(id, scene) && player.failures < FAILURES;
            if player.on_stage {
                on_stage.push(id.clone());
            }
        }
        on_stage
    }

    /// Gives somebody a fresh mind on a fresh thread, and tells it what it has heard. The old one is left to whatever keeps it.
    pub(crate) async fn restart(
        &mut self,
        index: usize,
        heard: &[Arc<Utterance>],
    ) -> Result<(), StageError> {
        let player = &mut self.players[index];
        let Some(voice) = player.fresh_voice() else {
            // Who cannot begin anew fails again when asked, and is counted there.
            return Ok(());
        };
        let (actor, thread) = ActorHandle::spawn(&player.character.id, voice)?;
        player.actor.lose_interest();
        player.actor = actor;
        player.actor.remember(heard.to_vec()).await;
        self.threads.retain(|thread| !thread.has_ended());
        self.threads.push(thread);
        Ok(())
    }

    /// The performance is stopped: what anybody is at need not be finished.
    pub(crate) fn lose_interest(&self) {
        for player in &self.players {
            player.actor.lose_interest();
        }
    }

    /// Whoever thinks for somebody now is not waited for again.
    pub(crate) fn write_off(&mut self, id: &CharacterId) {
        for thread in self
            .threads
            .iter_mut()
            .filter(|thread| thread.character == *id)
        {
            thread.is_written_off = true;
        }
    }

    pub(crate) fn index(&self, id: &CharacterId) -> Option<usize> {
        self.players
            .iter()
            .position(|player| player.character.id == *id)
    }

    pub(crate) fn player_mut(&mut self, id: &CharacterId) -> Option<&mut Player> {
        self.players
            .iter_mut()
            .find(|player| player.character.id == *id)
    }

    /// Whether somebody is on stage and has a voice.
    pub(crate) fn can_speak(&self, id: &CharacterId) -> bool {
        self.players
            .iter()
            .any(|player| player.character.id == *id && player.on_stage && !player.has_given_up())
    }

    /// Everybody who is on stage and has a voice.
    pub(crate) fn able(&self) -> Vec<CharacterId> {
        let able = self.players.iter();
        let able = able.filter(|player| player.on_stage && !player.has_given_up());
        able.map(|player| player.character.id.clone()).collect()
    }

    /// Whether anybody is left whom the audience came to see.
    pub(crate) fn is_anybody_left(&self) -> bool {
        let nobody_is_seen = self.players.iter().all(|player| player.character.offstage);
        self.players
            .iter()
            .any(|player| !player.has_given_up() && (nobody_is_seen || !player.character.offstage))
    }

    /// The seats of a choice; `lost` have lost this very turn, `bids` and `moods` stand in the order of the players.
    pub(crate) fn seats<'a>(
        &'a self,
        lost: &[CharacterId],
        bids: &[f32],
        mood_of: impl Fn(&CharacterId) -> f32,
        may_hear: impl Fn(&Character) -> bool,
    ) -> Vec<Seat<'a>> {
        self.players
            .iter()
            .zip(bids)
            .map(|(player, bid)| Seat {
                character: &player.character,
                may_speak: player.on_stage
                    && !player.has_given_up()
                    && !lost.contains(&player.character.id)
                    && may_hear(&player.character),
                bid: *bid,
                mood: mood_of(&player.character.id),
            })
            .collect()
    }

    /// Everybody here who may hears the line, its speaker too. Returns those whose box is full: they have yet to be told.
    pub(crate) fn hear(&self, heard: &Heard) -> Vec<usize> {
        let here = self
            .players
            .iter()
            .enumerate()
            .filter(|(_, player)| player.on_stage);
        here.filter(|(_, player)| heard.is_for(&player.character.id))
            .filter(|(_, player)| !player.actor.hear(Arc::clone(&heard.utterance)))
            .map(|(index, _)| index)
            .collect()
    }

    /// The threads of a company that goes home, having heard everything that there was room for.
    pub(crate) fn into_threads(self) -> Threads {
        for player in &self.players {
            player.actor.tell_now();
        }
        Threads(self.threads)
    }
}

/// A line, and who may hear it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) utterance: Arc<Utterance>,
    /// `None` for everybody on stage.
    pub(crate) visible_to: Option<Vec<CharacterId>>,
}

impl Heard {
    fn is_for(&self, id: &CharacterId) -> bool {
        let may = self.visible_to.as_ref().is_none_or(|to| to.contains(id));
        may || self.utterance.speaker == *id
    }
}

/// Whether somebody is there as a scene begins.
fn begins_on_stage(id: &CharacterId, scene: &Scene) -> bool {
    scene.cast.contains(id) && !scene.absent.contains(id)
}

/// Every line that somebody has heard, out of the events that count; `first` is the scene they begin with.
pub(crate) fn heard_by(id: &CharacterId, first: &Scene, events: &[Event]) -> Vec<Arc<Utterance>> {
    let mut on_stage = begins_on_stage(id, first);
    let mut heard = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::SceneEntered { on_stage: here, .. } => on_stage = here.contains(id),
            EventKind::StageEntered { character } if character == id => on_stage = true,
            EventKind::StageLeft { character, .. } if character == id => on_stage = false,
            EventKind::Utterance(spoken) if on_stage => {
                let line = Heard {
                    utterance: Arc::new(spoken.utterance.clone()),
                    visible_to: spoken.visible_to.clone(),
                };
                if line.is_for(id) {
                    heard.push(line.utterance);
                }
            }
            _ => {}
        }
    }
    heard
}

impl Threads {
    /// Waits for the threads of a company that has been dropped: those that end within the grace are joined, the others are left to themselves
    /// and named.
    pub(crate) async fn join_within(self, grace: Duration) -> Vec<CharacterId> {
        let deadline = Instant::now() + grace;
        let waiting = tokio::task::spawn_blocking(move || {
            self.0
                .into_iter()
                .filter_map(|thread| {
                    let character = thread.character.clone();
                    (!thread.join_until(deadline)).then_some(character)
                })
                .collect()
        });
        // It does not panic; it is refused only by a runtime that is itself shutting down, where nobody reads the names.
        waiting.await.unwrap_or_default()
    }
}

//! The company: everybody in the cast, who is on stage, and whose voice has given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::Utterance;
use telenovela_script::scene::Scene;

use crate::actor::{ActorHandle, ActorThread};
use crate::error::StageError;
use crate::production::Role;
use crate::turn::Seat;

/// A voice that has failed so often leaves the stage.
const FAILURES: u32 = 3;

/// One of the cast.
pub(crate) struct Player {
    pub(crate) character: Character,
    pub(crate) actor: ActorHandle,
    /// Here, seen or only heard; lines are told to those who are here.
    pub(crate) on_stage: bool,
    failures: u32,
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
}

/// Everybody in the cast, in the order of the scene.
pub(crate) struct Company {
    pub(crate) players: Vec<Player>,
}

/// The threads behind a company, in the same order.
pub(crate) struct Threads(Vec<ActorThread>);

impl Company {
    /// Starts a thread for everybody in the scene's cast.
    pub(crate) fn assemble(
        scene: &Scene,
        mut roles: Vec<Role>,
    ) -> Result<(Self, Threads), StageError> {
        let mut players = Vec::new();
        let mut threads = Vec::new();
        for id in &scene.cast {
            let role = roles
                .iter()
                .position(|role| role.character.id == *id)
                .map(|index| roles.swap_remove(index))
                .ok_or_else(|| StageError::NoRole {
                    character: id.clone(),
                    scene: scene.id.clone(),
                })?;
            let (actor, thread) = ActorHandle::spawn(id, role.voice)?;
            threads.push(thread);
            players.push(Player {
                character: role.character,
                actor,
                on_stage: !scene.absent.contains(id),
                failures: 0,
            });
        }
        Ok((Self { players }, Threads(threads)))
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

    /// The seats of a choice; `lost` have lost this very turn, `bids` stand in the order of the players.
    pub(crate) fn seats<'a>(&'a self, lost: &[CharacterId], bids: &[f32]) -> Vec<Seat<'a>> {
        self.players
            .iter()
            .zip(bids)
            .map(|(player, bid)| Seat {
                character: &player.character,
                may_speak: player.on_stage
                    && !player.has_given_up()
                    && !lost.contains(&player.character.id),
                bid: *bid,
            })
            .collect()
    }

    /// Everybody here hears the line, its speaker too.
    pub(crate) async fn hear(&self, utterance: Arc<Utterance>) {
        for player in self.players.iter().filter(|player| player.on_stage) {
            player.actor.hear(Arc::clone(&utterance)).await;
        }
    }
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

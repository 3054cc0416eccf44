//! What a performance is made of, and who watches it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::Playbill;
use telenovela_script::scene::Scene;
use telenovela_script::voice::Voice;

/// Everything a performance depends on. The playbill is the log's first line and says what is played; what of it is drawn by chance comes from its seed.
pub struct Production {
    /// The log's first event.
    pub playbill: Playbill,
    /// What is performed: one scene, or those of an episode, one after the other; validated, and never empty.
    pub scenes: Vec<Scene>,
    /// One role for everybody in the scenes' cast, in any order; others are sent home.
    pub cast: Vec<Role>,
    /// Who watches.
    pub audience: Audience,
    /// How long a voice is waited for.
    pub patience: Patience,
}

/// A character and its mind.
pub struct Role {
    /// Who.
    pub character: Character,
    /// With which voice; it moves to a thread of its own.
    pub voice: Box<dyn Voice>,
}

/// Whether somebody watches line by line. It changes when things happen, never what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// After each line the director waits for [`DirectorHandle::shown`](crate::director::DirectorHandle::shown), so that a user's line falls
    /// where the user saw it fall.
    Attended,
    /// The director goes on as fast as the voices and the receiver of the events allow.
    Unattended,
}

/// How long the director waits for one answer of a voice. A voice that is late loses its turn, and a fresh one takes its place.
#[derive(Clone, Default)]
pub enum Patience {
    /// For as long as it takes.
    #[default]
    Endless,
    /// For so long, by the clock.
    For(Duration),
    /// Until somebody says that it has been too long: the future that is made for each question.
    Until(Arc<dyn Fn(&CharacterId) -> Late + Send + Sync>),
}

/// Resolves when a voice is late.
pub type Late = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Patience {
    /// Waits until a voice is late.
    pub(crate) async fn end(&self, character: &CharacterId) {
        match self {
            Patience::Endless => std::future::pending().await,
            Patience::For(time) => tokio::time::sleep(*time).await,
            Patience::Until(late) => late(character).await,
        }
    }
}

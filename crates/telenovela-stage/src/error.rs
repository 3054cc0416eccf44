//! What can go wrong on stage.

use telenovela_script::character::CharacterId;
use telenovela_script::scene::SceneId;

/// Why a performance could not begin or go on. A voice that fails is none of these: it is an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// There is no scene to be performed.
    #[error("there is no scene to be performed")]
    NoScene,
    /// Somebody of a scene's cast has no role in the production.
    #[error("nobody plays `{character}`, who is in the cast of `{scene}`")]
    NoRole {
        /// Who.
        character: CharacterId,
        /// In which scene.
        scene: SceneId,
    },
    /// The system has no thread for a character.
    #[error("cannot start the thread of `{character}`")]
    Thread {
        /// Who.
        character: CharacterId,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Gone through again, the performance does not do what its log says.
    #[error("the performance does not go on as its log says: event {seq} is another one")]
    Diverged {
        /// The event in the log.
        seq: u64,
        /// What happens in its place.
        happens: Box<telenovela_script::event::EventKind>,
    },
    /// The log took no more events; nothing was shown that it does not hold.
    #[error("cannot write the event log")]
    Log(#[source] std::io::Error),
}

/// Why the director does not do what the user wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody of that name is in the cast.
    #[error("nobody called `{speaker}` is in the cast: {cast}")]
    UnknownSpeaker {
        /// As whom the line was to be said.
        speaker: CharacterId,
        /// Who is, separated by commas.
        cast: String,
    },
    /// The line has no words.
    #[error("the line has no words")]
    Empty,
    /// The scene's `max_lines` leaves just enough lines for its ending.
    #[error("the scene is too near its last line: what is left is needed for its ending")]
    NoRoom,
    /// Somebody is not on stage, or has lost its voice.
    #[error("`{0}` is not on stage, or has no voice left")]
    CannotSpeak(CharacterId),
    /// No line has been said that far on.
    #[error("there is no line {turn}: {n_lines} have been said")]
    NoSuchLine {
        /// Its turn, from 0.
        turn: u64,
        /// Lines said so far.
        n_lines: u64,
    },
    /// The line has no such take.
    #[error("there is no take {take}: the line has {n_takes}")]
    NoSuchTake {
        /// Which, from 0.
        take: usize,
        /// Takes that there are.
        n_takes: usize,
    },
    /// None of the new takes can be heard; the line stays as it was.
    #[error("none of the new takes can be heard; the line stays as it was")]
    NoTake,
    /// The performance is over.
    #[error("the performance is over")]
    Ended,
}

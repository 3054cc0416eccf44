//! A character: a persona, the voice it is given, and how it takes its turns.

use crate::show::{ShowId, id};
use crate::voice::{Sampling, ScoreWeights};

id!(
    /// Names a character within its show: the stem of its YAML file and of its weights.
    CharacterId
);

impl CharacterId {
    /// The show of a guest, and its id there, when it is named as `show/id`.
    pub fn as_guest(&self) -> Option<(ShowId, CharacterId)> {
        let (show, id) = self.as_str().split_once('/')?;
        Some((ShowId::new(show), CharacterId::new(id)))
    }
}

/// A validated persona.
#[derive(Clone, Debug, PartialEq)]
pub struct Character {
    /// The stem of the file.
    pub id: CharacterId,
    /// The show whose scripts, tokenizer and ensemble it shares.
    pub show: ShowId,
    /// As it stands above a line.
    pub name: String,
    /// Other ways of calling it; with `name`, what makes a line addressed to it.
    pub aliases: Vec<String>,
    /// Whether it is heard but not seen on stage: a narrator, a camera.
    pub offstage: bool,
    /// `protagonist`, `villain`, …: for people.
    pub role: String,
    /// For people and the interface, never for the model.
    pub description: String,
    /// The colour of its name.
    pub color: Color,
    /// Where its training lines come from.
    pub lines: Lines,
    /// What its model grows from.
    pub base: Base,
    /// How its tokens are drawn, before the beat's tension moves it.
    pub sampling: Sampling,
    /// What makes one of its takes better than another.
    pub weights: ScoreWeights,
    /// How it takes turns.
    pub turns: Turns,
    /// How its lines are performed.
    pub delivery: Delivery,
    /// Said when no take is fit to be heard.
    pub fallback_lines: Vec<String>,
    /// Ties to others.
    pub bonds: Vec<Bond>,
    /// What must not be said before its time; for people and `check`.
    pub secrets: Vec<String>,
}

/// Where a character's training lines come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Lines {
    /// Every line under one of these cues in the show's scripts.
    Speakers(Vec<String>),
    /// The action lines of the show's scripts (`speaker: "@action"`).
    Action,
    /// Lines typed into the YAML file itself.
    Inline(Vec<String>),
}

/// What a character's model grows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The show's ensemble.
    Ensemble,
    /// Nothing: its own lines alone. Takes no part in mixing.
    None,
}

/// How often, and when, a character speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turns {
    /// Relative weight of its wish to speak, 0 to 1.
    pub talkativeness: f32,
    /// Turns it may take in a row.
    pub max_repeat: u32,
    /// Turns after which silence starts to push it forward.
    pub max_idle: u32,
}

/// How a character's lines are performed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delivery {
    /// Characters per second of the typewriter.
    pub cps: f32,
    /// Multiplies every pause.
    pub pause_scale: f32,
}

/// A tie to somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Bond {
    /// The other person.
    pub to: CharacterId,
    /// `mother`, `rival`, `loves`, …
    pub kind: String,
}

/// Colours by the names every terminal has; the screen chooses the shade. Black and white are missing on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Color {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    Gray,
    LightRed,
    LightGreen,
    LightYellow,
    LightBlue,
    LightMagenta,
    LightCyan,
}

//! Moods that the user gives a character for a while.

use std::fmt;

/// A mood. What it does to a line is the stage's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// Fewer words, slower, surer of itself.
    Colder,
    /// Softer, readier to speak.
    Warmer,
    /// Louder, faster, wilder.
    Angrier,
    /// Slower, with longer silences.
    Sadder,
    /// Surer of itself, unhurried.
    Calmer,
    /// Straying further from the likely.
    Wilder,
    /// Hesitant, hurried, seldom first.
    Afraid,
}

impl Mood {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Colder,
        Self::Warmer,
        Self::Angrier,
        Self::Sadder,
        Self::Calmer,
        Self::Wilder,
        Self::Afraid,
    ];

    /// What the mood is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Colder => "colder",
            Self::Warmer => "warmer",
            Self::Angrier => "angrier",
            Self::Sadder => "sadder",
            Self::Calmer => "calmer",
            Self::Wilder => "wilder",
            Self::Afraid => "afraid",
        }
    }

    /// The mood of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mood| mood.name() == name)
    }
}

impl fmt::Display for Mood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! What can go wrong with models, and what to do about it.

use std::path::PathBuf;

use crate::train::Change;

/// A failure of training, loading or speaking.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Candle(#[from] candle_core::Error),
    /// The tokenizer could not be built or read.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// There are too few lines to train on.
    #[error("`{who}` has {lines} lines to learn from; at least {need} are needed")]
    TooFewLines {
        /// Whose.
        who: String,
        /// How many there are.
        lines: usize,
        /// How many it takes.
        need: usize,
    },
    /// There is too little text to train on.
    #[error("{who} has {chars} characters to learn from; at least {need} are needed")]
    TooLittleText {
        /// Whose.
        who: String,
        /// How many there are.
        chars: usize,
        /// How many it takes.
        need: usize,
    },
    /// There are too few script scenes to hold any out.
    #[error(
        "the scripts have {scenes} scene(s) with lines; at least {need} are needed, one to learn from, one to tune on and one to report on"
    )]
    TooFewScenes {
        /// How many there are.
        scenes: usize,
        /// How many it takes.
        need: usize,
    },
    /// A weights file is not there.
    #[error("no trained model at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A weights file is damaged, foreign or of another format.
    #[error("{}: not a usable model: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The loss left the numbers.
    #[error("the loss of `{who}` is not a number at step {step}; a lower learning rate helps")]
    LossNotFinite {
        /// Whose training.
        who: String,
        /// Optimizer step.
        step: usize,
    },
    /// Nobody waited for the training any more.
    #[error("the training of `{who}` was stopped at step {step}")]
    Stopped {
        /// Whose training.
        who: String,
        /// Where it stands.
        step: usize,
    },
    /// A training that was begun cannot go on: something that it depends on is not what it was.
    #[error(
        "the training of `{who}` stands at step {step} and cannot go on from there, because this has changed since:{}",
        list(changes)
    )]
    Changed {
        /// Whose training.
        who: String,
        /// Where it stands.
        step: usize,
        /// What is otherwise.
        changes: Vec<Change>,
    },
    /// A file could not be written.
    #[error(transparent)]
    Save(#[from] telenovela_script::save::SaveError),
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn list(changes: &[Change]) -> String {
    changes
        .iter()
        .map(|change| format!("\n  {change}"))
        .collect()
}

/// Shorthand of this crate.
pub type Result<T> = std::result::Result<T, Error>;

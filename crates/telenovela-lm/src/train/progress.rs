//! What a training says while it runs.

use super::checkpoint::Spoiled;

/// What training says while it runs.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It begins.
    Started {
        /// Passes over the training split.
        epochs: usize,
        /// Characters of the training text in one pass.
        chars_per_epoch: usize,
        /// Whether there is so little text that only vector and head are trained.
        little_text: bool,
    },
    /// What count tables (character 6-grams) make of the held-out lines: the figure to beat, in bits per character.
    Baseline {
        /// Of own lines and all lines mixed, on the test split.
        bits: f64,
    },
    /// A checkpoint cannot be used and is passed over.
    Spoiled(Spoiled),
    /// It goes on from a checkpoint.
    Resumed {
        /// Epochs that are over.
        epochs: usize,
        /// Windows read so far in all passes.
        step: usize,
        /// Characters of text read so far in all passes.
        chars: usize,
        /// Figures of the epochs that are over.
        history: Vec<Metrics>,
    },
    /// It has found out on how many threads its steps are fastest, of several.
    Paced {
        /// So many.
        threads: usize,
        /// Of so many.
        most: usize,
    },
    /// An optimizer step was taken.
    Step {
        /// Characters of text read so far in all passes, padding left out.
        chars: usize,
        /// Loss of the step in bits per character, of what is trained on.
        bits: f64,
    },
    /// A pass is over.
    Epoch {
        /// Its figures.
        metrics: Metrics,
        /// A line spoken by its weights.
        sample: String,
    },
    /// A checkpoint was written.
    Saved {
        /// Windows read so far in all passes.
        step: usize,
    },
}

/// Figures of one epoch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Metrics {
    /// From 1.
    pub epoch: usize,
    /// Windows read so far in all passes.
    pub step: usize,
    /// Characters of text read so far in all passes.
    pub chars: usize,
    /// Mean loss of the epoch, in bits per character.
    pub train_bits: f64,
    /// Of the averaged and rounded weights on the dev split, in bits per character.
    pub dev_bits: f64,
    /// How much dearer other people's dev lines are in this mouth; 0 for the ensemble.
    pub voice_gap: f64,
    /// Mean norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the last step.
    pub lr: f32,
    /// Whether these weights were the best so far.
    pub best: bool,
}

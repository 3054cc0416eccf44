//! A show: one telenovela in one language, the recipe of its models, and the people in it.

use std::fmt;
use std::path::PathBuf;

/// Declares a newtype around the string that names a thing in files, logs and on the command line.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name; [`is_valid_id`](crate::show::is_valid_id) is the caller's business.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use id;

id!(
    /// Names a show: the folder under `characters/` and `scenes/`.
    ShowId
);
id!(
    /// Names a plot line of a show, as in `[[plot: lost-love]]`.
    PlotLineId
);

/// Whether a name can stand in a file name, a log and on a command line: lower-case ASCII letters, digits and hyphens, starting with a
/// letter, 1 to 48 characters.
pub fn is_valid_id(id: &str) -> bool {
    let mut chars = id.chars();
    id.len() <= 48
        && chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// One telenovela in one language.
#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    /// The folder's name.
    pub id: ShowId,
    /// As the title card shows it.
    pub title: String,
    /// One sentence for people.
    pub logline: String,
    /// BCP 47 tag of the language that is spoken: `en`, `es`.
    pub language: String,
    /// The Fountain scripts, in the order of the episodes; inside the workspace.
    pub scripts: Vec<PathBuf>,
    /// The plot lines that script scenes may be tagged with.
    pub plot_lines: Vec<PlotLine>,
    /// How text becomes tokens; one for the whole show, so that models can be mixed.
    pub tokenizer: TokenizerSpec,
    /// The shape of every model of the show.
    pub model: ModelSize,
    /// How the models are trained.
    pub recipe: Recipe,
}

/// A plot line: lost love, amnesia, …
#[derive(Clone, Debug, PartialEq)]
pub struct PlotLine {
    /// The tag on script scenes.
    pub id: PlotLineId,
    /// For people.
    pub title: String,
}

/// How text becomes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenizerSpec {
    /// What a token is.
    pub unit: Unit,
    /// Words seen at least this often in the training split get a token of their own (unit `word`).
    pub min_count: u32,
    /// Upper bound of the vocabulary, special tokens included.
    pub max_vocab: u32,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Single characters.
    Char,
    /// Byte-pair merges.
    Subword,
    /// Frequent words; the others are spelled.
    Word,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Char => "char",
            Unit::Subword => "subword",
            Unit::Word => "word",
        })
    }
}

/// The shape of a model: embedding and speaker vector → LSTM layers → tied projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelSize {
    /// Width of a token's embedding.
    pub n_embd: usize,
    /// Width of a speaker's vector, fed at every step into every layer and the logits.
    pub n_speaker: usize,
    /// Width of a hidden state.
    pub n_hidden: usize,
    /// LSTM layers.
    pub n_layer: usize,
}

/// How the models of a show are trained. Part of the hash that says whether a trained file is up to date.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Recipe {
    /// Seeds the split, the weights, the order of the data and every dropout mask.
    pub seed: u64,
    /// Script scenes side by side in a training step.
    pub batch: usize,
    /// Steps between two truncations of back-propagation through time.
    pub bptt: usize,
    /// Passes over the training split for the ensemble.
    pub epochs: usize,
    /// Passes for each character; the best is kept, by dev bits and voice.
    pub character_epochs: usize,
    /// Peak learning rate of the ensemble (AdamW, cosine with warm-up).
    pub lr: f32,
    /// Peak learning rate of a character's training.
    pub character_lr: f32,
    /// Weight of other people's lines in a character's loss; own lines and speaker tags weigh 1.
    pub others_weight: f32,
    /// Bound of the global gradient norm.
    pub clip: f32,
    /// Decoupled weight decay of AdamW.
    pub weight_decay: f32,
    /// Decay of the averaged weights that are evaluated and kept.
    pub ema: f32,
    /// Locked dropout on the embeddings.
    pub dropout_in: f32,
    /// Locked dropout between LSTM layers.
    pub dropout_hidden: f32,
    /// Locked dropout before the projection.
    pub dropout_out: f32,
    /// Share of the recurrent weights dropped per window.
    pub weight_drop: f32,
    /// Share of turns whose speaker is hidden behind `<other>`, so that guests can be heard.
    pub hide_speaker: f32,
    /// Spare speaker slots for characters that join later.
    pub spare_speakers: usize,
    /// Numbers that the matrix products are made in.
    #[serde(default)]
    pub precision: Precision,
}

/// Which numbers the matrix products of training are made in. Weights, sums of gradients and the optimizer stay in f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// f32: the same bytes on every machine.
    #[default]
    F32,
    /// bfloat16 with sums in f32: faster where the processor multiplies them; the same bytes on machines that do so in the same way.
    Bf16,
}

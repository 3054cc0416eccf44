//! The trait in the middle: what the stage asks of a character's mind, whatever it is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::character::CharacterId;
use crate::event::Utterance;
use crate::scene::BeatId;
use crate::show::PlotLineId;

/// A character's mind. [`hear`](Voice::hear) advances its memory; [`takes`](Voice::takes) branches from it and leaves it unchanged.
pub trait Voice: Send {
    /// Takes in a line heard on stage, one's own included.
    fn hear(&mut self, utterance: &Utterance);

    /// Probability, 0 to 1, that the next turn is mine.
    fn bid(&self) -> f32;

    /// One candidate line per seed, in the order of the seeds; a take depends on its own seed and the cue alone.
    ///
    /// # Errors
    /// When the mind cannot speak at all; a poor line is a take with a poor score, not an error.
    fn takes(&self, cue: &Cue, seeds: &[u64]) -> Result<Vec<Take>, VoiceError>;

    /// How the words of a take came about.
    fn explain(&self, take: &Take) -> Explanation;

    /// A copy that goes its own way from here.
    fn fork(&self) -> Box<dyn Voice>;
}

/// What the director hands a character with the floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    /// The beat it speaks in.
    pub beat: BeatId,
    /// How the line is to be said, without parentheses, if the director insists on it; what the mind writes goes on from there.
    pub delivery: Option<String>,
    /// The first words of the line, if the director insists on them.
    pub prime: Option<String>,
    /// Plot lines to be mixed into the speaker's own distribution, each with its share; together at most 1. A mind that has no models of
    /// plot lines speaks as if there were none.
    pub plot: Vec<(PlotLineId, f32)>,
    /// Welcome words.
    pub motifs: Vec<String>,
    /// How tokens are drawn, tension included.
    pub sampling: Sampling,
    /// What counts in the choice among takes.
    pub weights: ScoreWeights,
    /// Lines said last in this performance, oldest first: a take that repeats one is a loop.
    pub said: Vec<String>,
    /// Whether anybody still waits for the takes. A mind that is long at work looks from time to time, and gives up when nobody does.
    pub interest: Interest,
}

/// Whether anybody still waits for an answer. Clones are about the same answer.
#[derive(Clone, Debug, Default)]
pub struct Interest(Arc<AtomicBool>);

impl Interest {
    /// Nobody waits any more; for good.
    pub fn lose(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether nobody waits any more.
    pub fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// It is no part of what is asked for.
impl PartialEq for Interest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Cue {
    /// A cue for a line that nothing is asked of: no delivery, prime, plot line or motif, the usual sampling, and nothing said before.
    pub fn plain(beat: BeatId) -> Self {
        Self {
            beat,
            delivery: None,
            prime: None,
            plot: Vec::new(),
            motifs: Vec::new(),
            sampling: Sampling::default(),
            weights: ScoreWeights::default(),
            said: Vec::new(),
            interest: Interest::default(),
        }
    }
}

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sampling {
    /// Divides the logits; above 0.
    pub temperature: f32,
    /// Tokens less likely than this share of the likeliest are not drawn (min-p), 0 to 1.
    pub min_p: f32,
    /// Divides the probability of a word said in the last lines, at least 1.
    pub repetition_penalty: f32,
    /// A line is cut off after so many characters.
    pub max_chars: usize,
    /// Words outside the show's lexicon cannot be spelled.
    pub lexicon_only: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            min_p: 0.05,
            repetition_penalty: 1.1,
            max_chars: 160,
            lexicon_only: true,
        }
    }
}

/// What each part of a [`ScoreCard`] weighs in its total.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ScoreWeights {
    /// Weight of [`ScoreCard::fluency`].
    pub fluency: f32,
    /// Weight of [`ScoreCard::cue`].
    pub cue: f32,
    /// Weight of [`ScoreCard::voice`].
    pub voice: f32,
    /// Weight of [`ScoreCard::plot`].
    pub plot: f32,
    /// Weight of [`ScoreCard::motifs`].
    pub motifs: f32,
    /// Weight of [`ScoreCard::length`].
    pub length: f32,
    /// Penalty per [`ScoreCard::loops`].
    pub loops: f32,
    /// Penalty per [`ScoreCard::unknown_words`].
    pub unknown_words: f32,
    /// Penalty per word of [`ScoreCard::copied_words`] beyond [`FREE_RUN`].
    pub copied_words: f32,
    /// Penalty of [`ScoreCard::is_copy`].
    pub is_copy: f32,
    /// Penalty of a line that was cut off.
    pub unfinished: f32,
}

impl Default for ScoreWeights {
    fn default() -> Self {
        Self {
            fluency: 0.7,
            cue: 1.0,
            voice: 1.0,
            plot: 1.0,
            motifs: 0.3,
            length: 0.5,
            loops: 1.0,
            unknown_words: 0.5,
            copied_words: 0.25,
            is_copy: 4.0,
            unfinished: 2.0,
        }
    }
}

/// Words that a take may copy in a row without penalty.
pub const FREE_RUN: u32 = 4;

/// A candidate line.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Take {
    /// Drew its tokens; the same seed after the same lines gives the same take.
    pub seed: u64,
    /// How, without parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// The words; empty when the model fell silent.
    pub text: String,
    /// What the take is worth, in parts.
    pub score: ScoreCard,
}

/// What a take is worth, in parts. Rounded to four decimals, so that the log reads well.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ScoreCard {
    /// Log-probability under the speaker's own model, in nats by the word; the end of the line counts as one.
    pub fluency: f32,
    /// How much likelier the line became through the last one heard, in nats by the word; 0 when nothing was heard.
    pub cue: f32,
    /// How much likelier the line is under the speaker's own model than under the ensemble's, in nats by the word.
    pub voice: f32,
    /// How much likelier the line is under the models of the beat's plot lines than under the ensemble's, in nats by the word; 0 where none is mixed in.
    #[serde(default)]
    pub plot: f32,
    /// Motifs of the beat in the line, at most 2.
    pub motifs: f32,
    /// 0 at a good length, falling below it and above it.
    pub length: f32,
    /// How often the line goes in circles, plus 3 when it was said before.
    pub loops: f32,
    /// Words outside the show's lexicon.
    pub unknown_words: u32,
    /// Longest run of words that stands so in the show's scripts.
    pub copied_words: u32,
    /// Whether the whole line stands so in the show's scripts, but for one word at most; never true of fewer than four words.
    #[serde(default)]
    pub is_copy: bool,
    /// Whether the line came to its end by itself.
    pub finished: bool,
    /// The weighted sum.
    pub total: f32,
}

/// A part of a [`ScoreCard`] that counts in its total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Part {
    Fluency,
    Cue,
    Voice,
    Plot,
    Motifs,
    Length,
    Loops,
    UnknownWords,
    CopiedWords,
    IsCopy,
    Unfinished,
}

impl Part {
    /// Whether it compares models, and so is never nothing.
    pub fn is_likelihood(self) -> bool {
        matches!(self, Self::Fluency | Self::Cue | Self::Voice)
    }
}

impl ScoreCard {
    /// What the total is the sum of: each part as it counts, faults below 0, with its weight.
    pub fn summands(&self, weights: &ScoreWeights) -> [(Part, f32, f32); 11] {
        let fault = |is_one: bool| if is_one { -1.0 } else { 0.0 };
        let copied = self.copied_words.saturating_sub(FREE_RUN) as f32;
        [
            (Part::Fluency, self.fluency, weights.fluency),
            (Part::Cue, self.cue, weights.cue),
            (Part::Voice, self.voice, weights.voice),
            (Part::Plot, self.plot, weights.plot),
            (Part::Motifs, self.motifs, weights.motifs),
            (Part::Length, self.length, weights.length),
            (Part::Loops, -self.loops, weights.loops),
            (
                Part::UnknownWords,
                -(self.unknown_words as f32),
                weights.unknown_words,
            ),
            (Part::CopiedWords, -copied, weights.copied_words),
            (Part::IsCopy, fault(self.is_copy), weights.is_copy),
            (Part::Unfinished, fault(!self.finished), weights.unfinished),
        ]
    }
}

/// How the words of a take came about.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Explanation {
    /// Token by token.
    pub tokens: Vec<ExplainedToken>,
    /// The line that the mind has learned from that is nearest, if any has two words in a row in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
}

/// A line that a mind has learned from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Nearest {
    /// Its words.
    pub text: String,
    /// The longest run of words that both have.
    pub n_words: usize,
}

/// One token of a take.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ExplainedToken {
    /// The text that it adds to the line.
    pub text: String,
    /// How unexpected it was, in bits.
    pub surprise: f32,
    /// The likeliest tokens in its place, with their probabilities.
    pub candidates: Vec<(String, f32)>,
    /// What was remembered as it was drawn: numbers from -1 to 1; empty for a mind that has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<f32>,
}

/// Why a mind cannot speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceError {
    /// The model produced numbers that are none.
    #[error("the model of `{character}` produced values that are not finite; train it again")]
    NotFinite {
        /// Whose model.
        character: CharacterId,
    },
    /// A failure that the implementation describes.
    #[error("{0}")]
    Failed(String),
    /// The mind panicked.
    #[error("its voice panicked: {0}")]
    Panicked(String),
    /// It has not answered in time.
    #[error("it did not answer in time")]
    Late,
}

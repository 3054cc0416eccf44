//! The models of the theatre: tokenizer, LSTM, training, speaking, takes and their scores.
//!
//! Two paths share the weights. Training ([`train`]) is a candle graph: [`model`], with the fused recurrence of [`lstm`] and the loss of [`loss`].
//! Speaking ([`voice`]) steps packed weights ([`network`]) without a graph. In reading order:
//!
//! * [`corpus`], [`tokenizer`], [`lexicon`], [`punctuation`], [`copies`]: scripts as the models read them.
//! * [`model`], [`lstm`], [`linear`], [`loss`], [`optim`], [`compute`], [`train`]: learning.
//! * [`weights`]: a model's file.
//! * [`talk`]: the plain network of the talk that all this begins with.
//! * [`network`], [`sampler`], [`voice`]: speaking, and scoring what was said.
//! * [`evaluate`], [`count_table`]: what text costs, and the bar to clear.
//! * [`measure`]: scripts in figures.
//! * [`kernel`], [`math`], [`rng`]: numbers.
//! * [`bench`]: how fast all this is.

pub mod applied;
pub mod bench;
pub mod compute;
pub mod copies;
pub mod corpus;
pub mod count_table;
pub mod error;
pub mod evaluate;
pub mod kernel;
pub mod lexicon;
pub mod linear;
pub mod loss;
pub mod lstm;
pub mod math;
pub mod measure;
pub mod model;
pub mod network;
pub mod optim;
pub mod punctuation;
pub mod rng;
pub mod sampler;
pub mod talk;
pub mod tokenizer;
pub mod train;
pub mod voice;
pub mod weights;

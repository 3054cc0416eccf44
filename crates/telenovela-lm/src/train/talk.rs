//! Training the network of the talk ([`crate::talk`]): the weights of every epoch are kept, and those with the lowest training loss are the ones chosen.

use super::progress::Progress;
use super::run::{BestBy, Judgement, Manner, Run, Trained};
use super::{Conduct, Facts, Material};
use crate::corpus::{SlotTable, TargetKind};
use crate::error::Result;
use crate::evaluate::cost;
use crate::lexicon::Lexicon;
use crate::network::Network;
use crate::punctuation::Punctuation;
use crate::talk::{TalkText, fresh_model, write};
use crate::tokenizer::Slot;
use crate::weights::{Card, Scores, Weights};

/// Of this recipe: counts changes after which models of the talk are stale.
const VERSION: u32 = 1;

impl Facts {
    /// What a model of the talk depends on.
    pub fn of_talk(text: &TalkText) -> Self {
        let mut facts = Self::of_ensemble(&text.show, &text.scripts);
        facts.put("recipe", format_args!("talk {VERSION}"));
        let shares = text.shares().iter();
        let shares: Vec<String> = shares.map(|(show, n)| format!("{show} {n}")).collect();
        facts.put("shows", shares.join(", "));
        facts
    }
}

/// Trains the network of the talk on the training split of a text, from the latest checkpoint where there is one; gives back the weights of the epoch with the lowest
/// training loss. Those of every epoch are given to `keep_epoch`, with the figures so far. Figures are in bits per character, names included.
///
/// # Errors
/// As [`train_ensemble`](super::train_ensemble), and what `keep_epoch` fails with.
pub fn train_talk(
    text: &TalkText,
    conduct: &Conduct,
    keep_epoch: &dyn Fn(&Weights, &Card) -> Result<()>,
    report: &mut dyn FnMut(Progress),
) -> Result<(Weights, Card)> {
    let (show, tokenizer) = (&text.show, &text.tokenizer);
    let recipe = &show.recipe;
    let facts = Facts::of_talk(text);
    let material = Material {
        corpus: text.corpus.clone(),
        split: text.split.clone(),
        slots: SlotTable::default(),
        tokenizer: tokenizer.clone(),
        lexicon: Lexicon::default(),
        punctuation: Punctuation::default(),
        facts: facts.clone(),
    };
    let train = text.stream(&text.split.train)?;
    let dev = text.sequences(tokenizer, &text.split.dev)?;
    let everything = |_: Slot| true;
    let run = Run {
        who: format!("the talk's model of {}", show.id),
        material: &material,
        recipe,
        facts: facts.clone(),
        epochs: recipe.epochs,
        passes: 1,
        peak: recipe.lr,
        weigh: &|kind| match kind {
            TargetKind::Tag | TargetKind::Line(_) => 1.0,
        },
        sample_as: Slot::OTHER,
        manner: Manner {
            rate: |peak, _, _| peak,
            best_by: BestBy::Training,
            after_epoch: Some(&|weights, history| {
                let scores = history.last().map_or_else(Scores::default, |last| Scores {
                    epoch: last.epoch,
                    dev_bits: last.dev_bits,
                    ..Scores::default()
                });
                let trained = Trained {
                    weights: weights.clone(),
                    scores,
                    history: history.to_vec(),
                };
                let (weights, card) = material.card(show, None, Slot::OTHER, &facts, trained)?;
                keep_epoch(&weights, &card)
            }),
            sample: Some(&|network, epoch| {
                const CHARS: usize = 80;
                let seed = recipe.seed + epoch as u64;
                let read = [tokenizer.scene()];
                let text = write(network, tokenizer, &read, "", CHARS, 0.5, seed)?;
                Ok(text.replace('\n', " / "))
            }),
        },
    };
    let model = fresh_model(tokenizer.n_vocab(), recipe.seed)?;
    let mut trained = run.train(model, &train, conduct, report, |network| Judgement {
        dev_bits: cost(network, &dev, everything).per_char(),
        voice_gap: 0.0,
    })?;
    let test = text.sequences(tokenizer, &text.split.test)?;
    let scores = &mut trained.scores;
    scores.test_bits = cost(&Network::new(&trained.weights), &test, everything).per_char();
    scores.train_chars = train.iter().map(|sequence| sequence.len()).sum();
    material.card(show, None, Slot::OTHER, &facts, trained)
}

//! Training the model of a plot line from the ensemble: small, as only what stands between the memory and the words is learned.

use telenovela_script::show::{PlotLineId, Show};

use super::character::LITTLE_TEXT;
use super::facts::Facts;
use super::progress::Progress;
use super::run::{Judgement, Manner, Run};
use super::{Conduct, Material, n_chars_of};
use crate::corpus::{Split, TargetKind};
use crate::count_table::{CountTable, held_out_bits};
use crate::error::{Error, Result};
use crate::evaluate::cost;
use crate::model::Model;
use crate::network::Network;
use crate::tokenizer::Slot;
use crate::weights::{Card, Weights};

/// Fewest characters of tagged lines in the training split that a model can be made of.
const LEAST_TEXT: usize = LITTLE_TEXT;
/// A plot line's learning rate over a character's: what little is trained moves far.
const HASTE: f32 = 4.0;

/// Whether a parameter is learned: the projection and the words' biases, through which the memory comes to words.
fn is_learned(parameter: &str) -> bool {
    matches!(parameter, "projection.weight" | "head.bias")
}

impl Material {
    /// Whether the scripts say enough in scenes of a plot line for a model of it.
    pub fn tells(&self, plot: &PlotLineId) -> bool {
        let tagged = self.tagged(plot, true, &self.split.train);
        n_chars_of(&self.corpus.lines(&tagged, None)) >= LEAST_TEXT
    }

    /// What the model of a plot line depends on.
    pub fn facts_of_plot(&self, show: &Show, plot: &PlotLineId) -> Facts {
        Facts::of_plot(show, plot, &self.corpus, &self.facts)
    }

    /// Those of some scenes that are tagged with a plot line, or those that are not.
    fn tagged(&self, plot: &PlotLineId, is_tagged: bool, scenes: &[usize]) -> Vec<usize> {
        let has_tag =
            |scene: &usize| self.corpus.scenes[*scene].is_tagged(plot.as_str()) == is_tagged;
        scenes.iter().copied().filter(has_tag).collect()
    }
}

/// Trains the model of a plot line on the script scenes tagged with it, whoever speaks; from the latest checkpoint where there is one. The weights
/// hold only the tensors that are not the ensemble's.
///
/// # Errors
/// [`Error::TooLittleText`] when the scripts do not [tell](Material::tells) of it; else as [`train_ensemble`](super::train_ensemble).
pub fn train_plot(
    show: &Show,
    material: &Material,
    plot: &PlotLineId,
    ensemble: &Weights,
    conduct: &Conduct,
    report: &mut dyn FnMut(Progress),
) -> Result<(Weights, Card)> {
    let of = |scenes: &[usize]| material.tagged(plot, true, scenes);
    let split = Split {
        train: of(&material.split.train),
        dev: of(&material.split.dev),
        test: of(&material.split.test),
    };
    let train_lines = material.corpus.lines(&split.train, None);
    let train_chars = n_chars_of(&train_lines);
    if train_chars < LEAST_TEXT {
        return Err(Error::TooLittleText {
            who: format!("the plot line {plot}"),
            chars: train_chars,
            need: LEAST_TEXT,
        });
    }
    let slot_of = |speaker: &str| material.slots.slot(speaker);
    let sequences = |scenes: &[usize]| material.sequences(scenes, slot_of);
    let (train, dev) = (sequences(&split.train)?, sequences(&split.dev)?);
    let elsewhere = sequences(&material.tagged(plot, false, &material.split.dev))?;
    let facts = material.facts_of_plot(show, plot);
    let run = Run {
        who: format!("the plot line {plot}"),
        material,
        recipe: &show.recipe,
        facts: facts.clone().grown_from(ensemble),
        epochs: show.recipe.character_epochs,
        passes: 1,
        peak: HASTE * show.recipe.character_lr,
        weigh: &|kind| match kind {
            TargetKind::Tag => 0.0,
            TargetKind::Line(_) => 1.0,
        },
        sample_as: material.slots.most_talkative(),
        manner: Manner::default(),
    };
    let counted = held_out_bits(
        &CountTable::new(train_lines.iter().copied()),
        &CountTable::new(material.train_lines()),
        &material.corpus.lines(&split.dev, None),
        &material.corpus.lines(&split.test, None),
        material.n_chars(),
    );
    report(Progress::Baseline {
        bits: counted.mixed,
    });
    let judge = |network: &Network| {
        let dev_bits = cost(network, &dev, |_| true).per_char();
        let elsewhere = cost(network, &elsewhere, |_| true).per_char();
        Judgement {
            dev_bits,
            voice_gap: elsewhere - dev_bits,
        }
    };
    let mut model = Model::from_weights(ensemble)?;
    for parameter in &mut model.parameters {
        parameter.frozen = !is_learned(&parameter.name);
    }
    let mut trained = run.train(model, &train, conduct, report, judge)?;
    trained.weights = trained.weights.keeping(ensemble, |name| !is_learned(name));
    let scores = &mut trained.scores;
    scores.ensemble_voice_gap = judge(&Network::new(ensemble)).voice_gap;
    let test = sequences(&split.test)?;
    scores.test_bits = cost(&Network::new(&trained.weights), &test, |_| true).per_char();
    scores.train_chars = train_chars;
    scores.count_tables = Some(counted);
    let (weights, card) = material.card(show, None, Slot::OTHER, &facts, trained)?;
    let card = Card {
        plot: Some(plot.to_string()),
        base: Some(ensemble.digest()),
        // The ensemble's file has both.
        lexicon: String::new(),
        tokenizer: String::new(),
        ..card
    };
    Ok((weights.without(ensemble), card))
}

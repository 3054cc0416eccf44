//! Training: the show's ensemble, then one model per character and per plot line from it.
//!
//! The training example is a whole script scene with its state carried through truncated back-propagation. The ensemble learns every line; a character
//! goes on from it with weight 1 on its own lines and on the tag of each next speaker, and a small weight on what others say. A character with
//! little text learns with its speaker's vector, projection and output bias only.

mod character;
mod checkpoint;
mod facts;
mod learner;
mod pace;
mod plot;
mod progress;
mod run;
mod talk;
mod windows;

use telenovela_script::script::Script;
use telenovela_script::show::Show;
use telenovela_script::voice::Interest;

use crate::corpus::{Corpus, Sequence, SlotTable, Split, TargetKind};
use crate::count_table::{CountTable, held_out_bits};
use crate::error::Result;
use crate::evaluate::cost;
use crate::lexicon::Lexicon;
use crate::model::Model;
use crate::network::Network;
use crate::punctuation::Punctuation;
use crate::sampler::Writing;
use crate::tokenizer::{Slot, Tokenizer};
use crate::weights::{Card, Weights};

pub use character::{LITTLE_TEXT, train_character};
pub use checkpoint::{Cadence, Checkpoints, Spoiled};
pub use facts::{Change, Facts};
pub use plot::train_plot;
pub use progress::{Metrics, Progress};
use run::{Judgement, Manner, Run, Trained};
pub use talk::train_talk;

/// Fewest lines that something can be learned from and held out of.
const FEWEST_LINES: usize = 6;

/// How a training is carried out. Nothing that comes of it depends on this.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// Most threads of a step; fewer are used when they are faster.
    pub threads: usize,
    /// Where it keeps its place; `None` is nowhere.
    pub checkpoints: Option<Checkpoints>,
    /// Whether anybody still waits for it. When nobody does, it keeps its place and ends with [`Error::Stopped`](crate::error::Error::Stopped).
    pub interest: Interest,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            threads: 1,
            checkpoints: None,
            interest: Interest::default(),
        }
    }
}

/// A show's scripts, ready to train on.
#[derive(Debug)]
pub struct Material {
    corpus: Corpus,
    split: Split,
    slots: SlotTable,
    tokenizer: Tokenizer,
    lexicon: Lexicon,
    punctuation: Punctuation,
    /// What the ensemble depends on.
    facts: Facts,
}

impl Material {
    /// Splits the scripts and builds the vocabulary from the training split.
    ///
    /// # Errors
    /// When there is too little to hold something out, or the tokenizer cannot be built.
    pub fn new(show: &Show, scripts: &[Script]) -> Result<Self> {
        let corpus = Corpus::new(scripts);
        let split = corpus.split(show.recipe.seed)?;
        let slots = SlotTable::new(&corpus, show.recipe.spare_speakers);
        let of_train = || {
            split
                .train
                .iter()
                .flat_map(|&scene| &corpus.scenes[scene].turns)
                .map(|turn| turn.text.as_str())
        };
        let tokenizer = Tokenizer::train(show.tokenizer, slots.n_slots(), of_train())?;
        let lexicon = Lexicon::new(of_train());
        let punctuation = Punctuation::new(of_train());
        Ok(Self {
            corpus,
            split,
            slots,
            tokenizer,
            lexicon,
            punctuation,
            facts: Facts::of_ensemble(show, scripts),
        })
    }

    /// Lays scenes of the scripts out in tokens, each speaker in the slot that `slot_of` says.
    fn sequences(&self, scenes: &[usize], slot_of: impl Fn(&str) -> Slot) -> Result<Vec<Sequence>> {
        self.corpus.sequences(&self.tokenizer, scenes, slot_of)
    }

    /// How lines are written.
    fn writing(&self) -> Writing<'_> {
        Writing {
            tokenizer: &self.tokenizer,
            lexicon: &self.lexicon,
            punctuation: &self.punctuation,
        }
    }

    /// Number of different characters, two more for the ends of lines: the uniform distribution under the count tables.
    fn n_chars(&self) -> usize {
        let texts = self
            .corpus
            .scenes
            .iter()
            .flat_map(|scene| &scene.turns)
            .flat_map(|turn| turn.text.chars());
        texts.collect::<std::collections::HashSet<_>>().len() + 2
    }

    /// Text as the show's models read it.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The text of every line of the scripts' training split.
    fn train_lines(&self) -> Vec<&str> {
        self.corpus.lines(&self.split.train, None)
    }
}

/// Trains the model of all speakers, from the latest checkpoint where there is one.
///
/// # Errors
/// When the loss leaves the numbers, a tensor operation fails, or the disk refuses a checkpoint; [`Error::Changed`](crate::error::Error::Changed)
/// when a checkpoint depends on something that is not what it was; [`Error::Stopped`](crate::error::Error::Stopped) when nobody waits for it any more.
pub fn train_ensemble(
    show: &Show,
    material: &Material,
    conduct: &Conduct,
    report: &mut dyn FnMut(Progress),
) -> Result<(Weights, Card)> {
    let recipe = &show.recipe;
    let slot_of = |speaker: &str| material.slots.slot(speaker);
    let train = material.sequences(&material.split.train, slot_of)?;
    let dev = material.sequences(&material.split.dev, slot_of)?;
    let everybody = |_: Slot| true;
    let run = Run {
        who: "the ensemble".into(),
        material,
        recipe,
        facts: material.facts.clone(),
        epochs: recipe.epochs,
        passes: 1,
        peak: recipe.lr,
        weigh: &|kind| match kind {
            TargetKind::Tag | TargetKind::Line(_) => 1.0,
        },
        sample_as: material.slots.most_talkative(),
        manner: Manner::default(),
    };
    let all = CountTable::new(material.train_lines());
    let (dev_lines, test_lines) = (
        material.corpus.lines(&material.split.dev, None),
        material.corpus.lines(&material.split.test, None),
    );
    // For everybody «own» is «all».
    let counted = held_out_bits(&all, &all, &dev_lines, &test_lines, material.n_chars());
    report(Progress::Baseline { bits: counted.all });
    let model = material.fresh_model(show)?;
    let mut trained = run.train(model, &train, conduct, report, |network| Judgement {
        dev_bits: cost(network, &dev, everybody).per_char(),
        voice_gap: 0.0,
    })?;
    let test = material.sequences(&material.split.test, slot_of)?;
    let scores = &mut trained.scores;
    scores.test_bits = cost(&Network::new(&trained.weights), &test, everybody).per_char();
    scores.train_chars = n_chars_of(&material.train_lines());
    scores.count_tables = Some(counted);
    material.card(show, None, Slot::OTHER, &material.facts, trained)
}

/// Characters of lines, their ends counted as one each.
fn n_chars_of(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.chars().count() + 1).sum()
}

impl Material {
    /// A model that has learned nothing yet.
    fn fresh_model(&self, show: &Show) -> Result<Model> {
        Model::init(
            show.model,
            self.tokenizer.n_vocab(),
            self.slots.n_slots() + 1,
            show.recipe.seed,
        )
    }

    /// Writes the card of what was trained.
    fn card(
        &self,
        show: &Show,
        character: Option<String>,
        slot: Slot,
        facts: &Facts,
        trained: Trained,
    ) -> Result<(Weights, Card)> {
        let card = Card {
            format: Card::current_format(),
            show: show.id.to_string(),
            character,
            plot: None,
            base: None,
            slot,
            unit: self.tokenizer.unit(),
            size: show.model,
            slots: self.slots.clone(),
            recipe: show.recipe.clone(),
            fingerprint: facts.fingerprint(),
            scores: trained.scores,
            history: trained.history,
            lexicon: self.lexicon.joined(),
            punctuation: self.punctuation.clone(),
            tokenizer: self.tokenizer.to_json()?,
        };
        Ok((trained.weights, card))
    }
}

#[cfg(test)]
mod tests {
    use telenovela_script::show::Recipe;

    /// Without anything dropped or hidden.
    pub(super) fn recipe() -> Recipe {
        Recipe {
            seed: 1,
            batch: 4,
            bptt: 16,
            epochs: 1,
            character_epochs: 1,
            lr: 1e-3,
            character_lr: 1e-3,
            others_weight: 0.2,
            clip: 1.0,
            weight_decay: 0.0,
            ema: 0.9,
            dropout_in: 0.0,
            dropout_hidden: 0.0,
            dropout_out: 0.0,
            weight_drop: 0.0,
            hide_speaker: 0.0,
            spare_speakers: 0,
            precision: telenovela_script::show::Precision::F32,
        }
    }
}

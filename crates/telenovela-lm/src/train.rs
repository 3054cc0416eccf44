//! Training: the show's ensemble, then one model per character from it.
//!
//! The training example is a whole script scene with its state carried through truncated back-propagation. The ensemble learns every line; a character
//! goes on from it with weight 1 on its own lines and on the tag of each next speaker, and a small weight on what others say. A character with
//! little text learns with its speaker's vector, projection and output bias only.

mod run;
mod windows;

use telenovela_script::character::{Base, Character, Lines};
use telenovela_script::script::Script;
use telenovela_script::show::Show;

use crate::corpus::{ACTION, Corpus, Sequence, SlotTable, Split, TargetKind};
use crate::count_table::{CountTable, held_out_bits};
use crate::error::{Error, Result};
use crate::evaluate::cost;
use crate::kernel;
use crate::lexicon::Lexicon;
use crate::model::Model;
use crate::network::Network;
use crate::tokenizer::{Slot, Tokenizer};
use crate::weights::{Card, Scores, Weights, fingerprint};

pub use run::Progress;
use run::{Judgement, Run};

/// Below so many characters of own lines only the speaker's vector and the head are trained.
pub const LITTLE_TEXT: usize = 8_000;
/// Passes over little text in each epoch: its windows are few.
const LITTLE_TEXT_PASSES: usize = 8;
/// Fewest lines that something can be learned from and held out of.
const FEWEST_LINES: usize = 6;
/// Fewest of them that have to be in the training split.
const FEWEST_TRAIN_LINES: usize = 2;

/// A show's scripts, ready to train on.
#[derive(Debug)]
pub struct Material {
    corpus: Corpus,
    split: Split,
    slots: SlotTable,
    tokenizer: Tokenizer,
    lexicon: Lexicon,
    fingerprint: String,
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
        Ok(Self {
            corpus,
            split,
            slots,
            tokenizer,
            lexicon,
            fingerprint: ensemble_fingerprint(show, scripts),
        })
    }

    /// Lays scenes of the scripts out in tokens, each speaker in the slot that `slot_of` says.
    fn sequences(&self, scenes: &[usize], slot_of: impl Fn(&str) -> Slot) -> Result<Vec<Sequence>> {
        self.corpus.sequences(&self.tokenizer, scenes, slot_of)
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

    /// The cues that a character's lines stand under; its own name where they are typed into its file.
    fn cues(character: &Character) -> Vec<String> {
        match &character.lines {
            Lines::Speakers(cues) => cues.clone(),
            Lines::Action => vec![ACTION.to_owned()],
            Lines::Inline(_) => vec![character.id.to_string()],
        }
    }

    /// The text of every line of the scripts' training split.
    fn train_lines(&self) -> Vec<&str> {
        self.corpus.lines(&self.split.train, None)
    }
}

/// SHA-256 of everything that an ensemble depends on.
pub fn ensemble_fingerprint(show: &Show, scripts: &[Script]) -> String {
    let corpus = Corpus::new(scripts);
    let mut text = String::new();
    for (number, scene) in corpus.scenes.iter().enumerate() {
        text.push_str(&format!(
            "\u{1}{number} {} {}\n",
            scene.episode,
            scene.plot_line()
        ));
        for turn in &scene.turns {
            text.push_str(&format!("{}\u{2}{}\n", turn.speaker, turn.text));
        }
    }
    let recipe = format!("{:?} {:?} {:?}", show.recipe, show.model, show.tokenizer);
    fingerprint([
        format!("{} {}", Card::current_format(), ALGORITHM).as_bytes(),
        recipe.as_bytes(),
        text.as_bytes(),
    ])
}

/// SHA-256 of everything that a character's model depends on; `ensemble` is [`ensemble_fingerprint`].
pub fn character_fingerprint(character: &Character, ensemble: &str) -> String {
    let lines = format!("{:?} {:?}", character.base, character.lines);
    fingerprint([ensemble.as_bytes(), lines.as_bytes()])
}

/// Of the training itself: counts changes after which trained models are stale.
const ALGORITHM: u32 = 1;

/// Trains the model of all speakers.
///
/// # Errors
/// When the loss leaves the numbers or a tensor operation fails.
pub fn train_ensemble(
    show: &Show,
    material: &Material,
    report: &mut dyn FnMut(Progress),
) -> Result<(Weights, Card)> {
    let recipe = &show.recipe;
    let slot_of = |speaker: &str| material.slots.slot(speaker);
    let train = material.sequences(&material.split.train, slot_of)?;
    let dev = material.sequences(&material.split.dev, slot_of)?;
    let model = Model::init(
        show.model,
        material.tokenizer.n_vocab(),
        material.slots.n_slots() + 1,
        recipe.seed,
    )?;
    let everybody = |_: Slot| true;
    let run = Run {
        who: "the ensemble".into(),
        material,
        recipe,
        epochs: recipe.epochs,
        passes: 1,
        peak: recipe.lr,
        weigh: &|kind| match kind {
            TargetKind::Tag | TargetKind::Line(_) => 1.0,
        },
        sample_as: material
            .slots
            .speakers
            .iter()
            .position(|cue| cue != ACTION)
            .map_or(Slot::OTHER, |place| Slot(place + 1)),
    };
    let (weights, mut scores) = run.train(model, &train, report, |network| Judgement {
        dev_bits: cost(network, &dev, everybody).per_char(),
        voice_gap: 0.0,
    })?;
    let network = Network::new(&weights);
    let test = material.sequences(&material.split.test, slot_of)?;
    scores.test_bits = cost(&network, &test, everybody).per_char();
    scores.train_chars = material
        .train_lines()
        .iter()
        .map(|line| line.chars().count() + 1)
        .sum();
    let all = CountTable::new(material.train_lines());
    let (dev_lines, test_lines) = (
        material.corpus.lines(&material.split.dev, None),
        material.corpus.lines(&material.split.test, None),
    );
    // For everybody «own» is «all».
    scores.count_tables = Some(held_out_bits(
        &all,
        &all,
        &dev_lines,
        &test_lines,
        material.n_chars(),
    ));
    let card = material.card(
        show,
        None,
        Slot::OTHER,
        material.fingerprint.clone(),
        scores,
    )?;
    Ok((weights, card))
}

/// Trains a character, from the ensemble or from nothing as its file says.
///
/// # Errors
/// [`Error::TooFewLines`] when there is nothing to learn from; else as [`train_ensemble`].
pub fn train_character(
    show: &Show,
    material: &Material,
    character: &Character,
    ensemble: &Weights,
    report: &mut dyn FnMut(Progress),
) -> Result<(Weights, Card)> {
    let recipe = &show.recipe;
    let inline = match &character.lines {
        Lines::Inline(lines) => Some(Corpus::inline(character.id.as_str(), lines)),
        Lines::Speakers(_) | Lines::Action => None,
    };
    let cues = Material::cues(character);
    let slot = match inline {
        Some(_) => material.slots.first_spare(),
        // Who says too little for a slot gets one here all the same: `<other>` is everybody of that kind.
        None => match material.slots.slot_of(character) {
            Slot::OTHER => material.slots.first_spare(),
            slot => slot,
        },
    };
    // A character heard under several cues speaks with one voice.
    let slot_of = |speaker: &str| {
        if cues.iter().any(|cue| cue == speaker) {
            slot
        } else {
            material.slots.slot(speaker)
        }
    };
    let inline_split = match &inline {
        Some(own) => {
            let n_lines = own.scenes.iter().map(|scene| scene.turns.len()).sum();
            if n_lines < FEWEST_LINES {
                return Err(Error::TooFewLines {
                    who: character.id.to_string(),
                    lines: n_lines,
                    need: FEWEST_LINES,
                });
            }
            Some(own.split(recipe.seed)?)
        }
        None => None,
    };
    let corpus = inline.as_ref().unwrap_or(&material.corpus);
    let split = inline_split.as_ref().unwrap_or(&material.split);
    let sequences = |scenes: &[usize]| corpus.sequences(&material.tokenizer, scenes, slot_of);
    let (train, dev, test) = (
        sequences(&split.train)?,
        sequences(&split.dev)?,
        sequences(&split.test)?,
    );
    let own_lines = |scenes: &[usize]| corpus.lines(scenes, Some(&cues));
    let (train_lines, dev_lines, test_lines) = (
        own_lines(&split.train),
        own_lines(&split.dev),
        own_lines(&split.test),
    );
    let train_chars: usize = train_lines
        .iter()
        .map(|line| line.chars().count() + 1)
        .sum();
    if train_lines.len() < FEWEST_TRAIN_LINES {
        return Err(Error::TooFewLines {
            who: character.id.to_string(),
            lines: train_lines.len(),
            need: FEWEST_TRAIN_LINES,
        });
    }
    let little_text = train_chars < LITTLE_TEXT;
    let from_nothing = character.base == Base::None;
    let mut model = if from_nothing {
        Model::init(
            show.model,
            material.tokenizer.n_vocab(),
            material.slots.n_slots() + 1,
            recipe.seed,
        )?
    } else {
        Model::from_weights(ensemble)?
    };
    if !from_nothing && slot.0 > material.slots.speakers.len() {
        let tokenizer = &material.tokenizer;
        model.begin_as_anybody(slot, tokenizer.tag(slot), tokenizer.tag(Slot::OTHER))?;
    }
    if little_text && !from_nothing {
        for parameter in &mut model.parameters {
            parameter.frozen = !matches!(
                parameter.name.as_str(),
                "speaker.weight" | "projection.weight" | "head.bias"
            );
        }
    }
    let own = |who: Slot| who == slot;
    // The same dev scenes with every line put in this character's mouth: what others say should then sound wrong.
    let dev_scenes = &material.split.dev;
    let as_me = material.sequences(dev_scenes, |speaker| {
        if slot_of(speaker) == slot {
            slot
        } else {
            Slot::OTHER
        }
    })?;
    let as_me: Vec<Sequence> = as_me
        .into_iter()
        .map(|sequence| spoken_by(sequence, slot, &material.tokenizer))
        .collect();
    let judge = |network: &Network| {
        let dev_bits = cost(network, &dev, own).per_char();
        let others = as_me_cost(network, &as_me);
        Judgement {
            dev_bits,
            voice_gap: others - dev_bits,
        }
    };
    let others_weight = if from_nothing {
        0.0
    } else {
        recipe.others_weight
    };
    let weigh_tags = if inline.is_some() { 0.0 } else { 1.0 };
    let epochs = if from_nothing {
        recipe.epochs
    } else {
        recipe.character_epochs
    };
    let run = Run {
        who: character.id.to_string(),
        material,
        recipe,
        epochs,
        passes: if little_text { LITTLE_TEXT_PASSES } else { 1 },
        peak: match (from_nothing, little_text) {
            (true, _) => recipe.lr,
            (false, true) => recipe.character_lr * 8.0,
            (false, false) => recipe.character_lr,
        },
        weigh: &|kind| match kind {
            TargetKind::Tag => weigh_tags,
            TargetKind::Line(who) if who == slot => 1.0,
            TargetKind::Line(_) => others_weight,
        },
        sample_as: slot,
    };
    let (weights, mut scores) = run.train(model, &train, report, judge)?;
    scores.ensemble_voice_gap = judge(&Network::new(ensemble)).voice_gap;
    scores.test_bits = cost(&Network::new(&weights), &test, own).per_char();
    scores.train_chars = train_chars;
    let own_table = CountTable::new(train_lines.iter().copied());
    let all_table = CountTable::new(
        material
            .train_lines()
            .into_iter()
            .chain(train_lines.iter().copied().filter(|_| inline.is_some())),
    );
    scores.count_tables = Some(held_out_bits(
        &own_table,
        &all_table,
        &dev_lines,
        &test_lines,
        material.n_chars(),
    ));
    let fingerprint = character_fingerprint(character, &material.fingerprint);
    let mut card = material.card(
        show,
        Some(character.id.to_string()),
        slot,
        fingerprint,
        scores,
    )?;
    if inline.is_some() {
        card.lexicon = Lexicon::new(
            material
                .train_lines()
                .into_iter()
                .chain(train_lines.iter().copied()),
        )
        .joined();
    }
    Ok((weights, card))
}

/// Puts every line of a sequence in one mouth; lines of `<other>` stay marked as such in the kinds of their targets.
fn spoken_by(mut sequence: Sequence, slot: Slot, tokenizer: &Tokenizer) -> Sequence {
    let (from, to) = (tokenizer.tag(Slot::OTHER), tokenizer.tag(slot));
    for token in sequence.tokens.iter_mut().chain(&mut sequence.targets) {
        if *token == from {
            *token = to;
        }
    }
    for speaker in sequence.slots.iter_mut().skip(1) {
        *speaker = slot;
    }
    sequence
}

/// Bits per character of others' lines in this character's mouth.
fn as_me_cost(network: &Network, as_me: &[Sequence]) -> f64 {
    cost(network, as_me, |who| who == Slot::OTHER).per_char()
}

impl Material {
    fn card(
        &self,
        show: &Show,
        character: Option<String>,
        slot: Slot,
        fingerprint: String,
        scores: Scores,
    ) -> Result<Card> {
        Ok(Card {
            format: Card::current_format(),
            show: show.id.to_string(),
            character,
            slot,
            unit: self.tokenizer.unit(),
            size: show.model,
            slots: self.slots.clone(),
            recipe: show.recipe.clone(),
            fingerprint,
            kernel: kernel::level().to_string(),
            scores,
            lexicon: self.lexicon.joined(),
            tokenizer: self.tokenizer.to_json()?,
        })
    }
}

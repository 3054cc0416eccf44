//! Training: the show's ensemble, then one model per character from it.
//!
//! The training example is a whole script scene with its state carried through truncated back-propagation. The ensemble learns every line; a character
//! goes on from it with weight 1 on its own lines and on the tag of each next speaker, and a small weight on what others say. A character with
//! little text learns with its speaker's vector, projection and output bias only.

use std::collections::{BTreeMap, VecDeque};

use candle_core::Tensor;
use telenovela_script::character::{Base, Character, Lines};
use telenovela_script::script::Script;
use telenovela_script::show::{Recipe, Show};
use telenovela_script::voice::Sampling;

use crate::corpus::{ACTION, Corpus, CorpusTurn, Sequence, SlotTable, Split, TargetKind};
use crate::count_table::{CountTable, CountTableBits, held_out_bits};
use crate::error::{Error, Result};
use crate::evaluate::{Cost, cost};
use crate::kernel;
use crate::lexicon::Lexicon;
use crate::model::{Model, Window};
use crate::network::{Network, Scratch};
use crate::optim::{AdamW, learning_rate};
use crate::rng::{Purpose, Random};
use crate::sampler::{Request, draw};
use crate::tokenizer::{Slot, Token, Tokenizer};
use crate::weights::{Card, Scores, Weights, fingerprint};

/// Below so many characters of own lines only the speaker's vector and the head are trained.
pub const LITTLE_TEXT: usize = 8_000;
/// Passes over little text for each pass that the recipe gives a character: its windows are few.
const LITTLE_TEXT_PASSES: usize = 8;
/// Fewest lines that something can be learned from and held out of.
const FEWEST_LINES: usize = 6;

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
    /// An optimizer step was taken.
    Step {
        /// Characters of text read so far in all passes, padding left out.
        chars: usize,
        /// Loss of the step in bits per character, of what is trained on.
        bits: f64,
    },
    /// A pass is over.
    Epoch {
        /// From 1.
        epoch: usize,
        /// Mean loss of the pass, in bits per character.
        train_bits: f64,
        /// Of the averaged and rounded weights on the dev split.
        dev_bits: f64,
        /// Whether these weights are the best so far.
        best: bool,
        /// A line spoken by them.
        sample: String,
    },
}

/// A show's scripts, ready to train on.
#[derive(Debug)]
pub struct Material {
    corpus: Corpus,
    split: Split,
    slots: SlotTable,
    tokenizer: Tokenizer,
    lexicon: Lexicon,
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
        })
    }

    /// Lines of some scenes under some cues; all lines with no cues.
    fn lines(&self, scenes: &[usize], cues: Option<&[String]>) -> Vec<&str> {
        let turns = scenes
            .iter()
            .flat_map(|&scene| &self.corpus.scenes[scene].turns);
        let wanted = |turn: &&CorpusTurn| cues.is_none_or(|cues| cues.contains(&turn.speaker));
        turns
            .filter(wanted)
            .map(|turn| turn.text.as_str())
            .collect()
    }

    /// Lays scenes out in tokens, each speaker in the slot that `slot_of` says.
    fn sequences(&self, scenes: &[usize], slot_of: impl Fn(&str) -> Slot) -> Result<Vec<Sequence>> {
        let lay_out = |&scene: &usize| {
            let turns = self.corpus.scenes[scene]
                .turns
                .iter()
                .map(|turn| (slot_of(&turn.speaker), &turn.text));
            Sequence::new(&self.tokenizer, turns)
        };
        scenes.iter().map(lay_out).collect()
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

    /// The cues that a character's lines stand under.
    fn cues(lines: &Lines) -> Vec<String> {
        match lines {
            Lines::Speakers(cues) => cues.clone(),
            Lines::Action => vec![ACTION.to_owned()],
            Lines::Inline(_) => Vec::new(),
        }
    }

    /// The text of every line of the scripts' training split.
    pub fn train_lines(&self) -> Vec<&str> {
        self.lines(&self.split.train, None)
    }

    /// The words that may be spelled.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }
}

/// SHA-256 of everything that an ensemble depends on.
pub fn ensemble_fingerprint(show: &Show, scripts: &[Script]) -> String {
    let corpus = Corpus::new(scripts);
    let mut text = String::new();
    for (number, scene) in corpus.scenes.iter().enumerate() {
        text.push_str(&format!(
            "\u{1}{number} {} {}\n",
            scene.episode, scene.plot_line
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
    scripts: &[Script],
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
    let mut run = Run {
        who: "the ensemble".into(),
        material,
        recipe,
        epochs: recipe.epochs,
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
    let (weights, mut scores) = run.train(model, train, report, |network| Judgement {
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
        material.lines(&material.split.dev, None),
        material.lines(&material.split.test, None),
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
        ensemble_fingerprint(show, scripts),
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
    scripts: &[Script],
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
    let cues = Material::cues(&character.lines);
    let slot = match inline {
        Some(_) => material.slots.first_spare(),
        None => material.slots.slot_of(character),
    };
    // A character heard under several cues speaks with one voice.
    let slot_of = |speaker: &str| {
        if inline.is_some() && speaker == character.id.as_str()
            || cues.iter().any(|cue| cue == speaker)
        {
            slot
        } else {
            material.slots.slot(speaker)
        }
    };
    let (train, dev, test, dev_lines, test_lines, train_lines): (
        _,
        _,
        _,
        Vec<&str>,
        Vec<&str>,
        Vec<&str>,
    );
    match &inline {
        None => {
            let split = &material.split;
            train = material.sequences(&split.train, slot_of)?;
            dev = material.sequences(&split.dev, slot_of)?;
            test = material.sequences(&split.test, slot_of)?;
            let lines = |scenes| material.lines(scenes, Some(&cues));
            (train_lines, dev_lines, test_lines) =
                (lines(&split.train), lines(&split.dev), lines(&split.test));
        }
        Some(own) => {
            let n_lines = own.scenes.iter().map(|scene| scene.turns.len()).sum();
            if n_lines < FEWEST_LINES {
                return Err(Error::TooFewLines {
                    who: character.id.to_string(),
                    lines: n_lines,
                    need: FEWEST_LINES,
                });
            }
            let split = own.split(recipe.seed)?;
            let lay_out = |scenes: &[usize]| -> Result<Vec<Sequence>> {
                let turns = |&scene: &usize| {
                    own.scenes[scene]
                        .turns
                        .iter()
                        .map(|turn| (slot, &turn.text))
                };
                scenes
                    .iter()
                    .map(|scene| Sequence::new(&material.tokenizer, turns(scene)))
                    .collect()
            };
            (train, dev, test) = (
                lay_out(&split.train)?,
                lay_out(&split.dev)?,
                lay_out(&split.test)?,
            );
            let lines = |scenes: &[usize]| {
                scenes
                    .iter()
                    .flat_map(|&scene| &own.scenes[scene].turns)
                    .map(|turn| turn.text.as_str())
                    .collect()
            };
            (train_lines, dev_lines, test_lines) =
                (lines(&split.train), lines(&split.dev), lines(&split.test));
        }
    }
    let train_chars: usize = train_lines
        .iter()
        .map(|line| line.chars().count() + 1)
        .sum();
    if train_lines.len() < FEWEST_LINES / 2 {
        return Err(Error::TooFewLines {
            who: character.id.to_string(),
            lines: train_lines.len(),
            need: FEWEST_LINES,
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
    let mut run = Run {
        who: character.id.to_string(),
        material,
        recipe,
        epochs: if little_text {
            epochs * LITTLE_TEXT_PASSES
        } else {
            epochs
        },
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
    let (weights, mut scores) = run.train(model, train, report, judge)?;
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
    let fingerprint = character_fingerprint(character, &ensemble_fingerprint(show, scripts));
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

/// How good weights are for whom they are trained.
#[derive(Clone, Copy, Debug)]
struct Judgement {
    dev_bits: f64,
    voice_gap: f64,
}

impl Judgement {
    /// Lower is better. A tenth of a bit of distance from others' lines is worth a fiftieth of a bit on own ones: chosen on bits alone, fine-tuned
    /// characters stay copies of the ensemble.
    fn loss(self) -> f64 {
        self.dev_bits - 0.2 * self.voice_gap
    }
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

/// One training.
struct Run<'a> {
    who: String,
    material: &'a Material,
    recipe: &'a Recipe,
    epochs: usize,
    peak: f32,
    weigh: &'a dyn Fn(TargetKind) -> f32,
    sample_as: Slot,
}

impl Run<'_> {
    /// Trains for all epochs and returns the weights of the best, averaged and rounded.
    fn train(
        &mut self,
        mut model: Model,
        sequences: Vec<Sequence>,
        report: &mut dyn FnMut(Progress),
        judge: impl Fn(&Network) -> Judgement,
    ) -> Result<(Weights, Scores)> {
        let recipe = self.recipe;
        let chars_per_epoch = sequences
            .iter()
            .flat_map(|sequence| sequence.chars.values())
            .sum();
        report(Progress::Started {
            epochs: self.epochs,
            chars_per_epoch,
            little_text: model.parameters.iter().any(|parameter| parameter.frozen),
        });
        // Text per token, to say bits per character of a step, whose targets are tokens.
        let n_tokens: usize = sequences.iter().map(Sequence::len).sum();
        let chars_per_token = chars_per_epoch as f64 / n_tokens.max(1) as f64;
        let n_steps = self.epochs * Windows::count(&sequences, recipe);
        let mut order = Random::new(recipe.seed, Purpose::Order);
        let mut dropout = Random::new(recipe.seed, Purpose::Dropout);
        let mut hide = Random::new(recipe.seed, Purpose::HideSpeaker);
        let mut optimizer = AdamW::new(recipe.weight_decay, recipe.clip, recipe.ema);
        let mut best: Option<(f64, Weights, Scores)> = None;
        let (mut step, mut chars) = (0, 0.0);
        for epoch in 1..=self.epochs {
            let (mut epoch_loss, mut epoch_weight) = (0.0, 0.0);
            let hidden: Vec<Sequence> = sequences
                .iter()
                .map(|sequence| {
                    hide_speakers(
                        sequence.clone(),
                        recipe.hide_speaker,
                        &self.material.tokenizer,
                        &mut hide,
                    )
                })
                .collect();
            let mut windows = Windows::new(&hidden, recipe, &mut order);
            let mut state = model.zero_state(windows.lanes.len())?;
            while let Some((window, fresh)) = windows.next_window(self.weigh) {
                state = reset(state, &fresh)?;
                let weight: f32 = window.weights.iter().sum();
                let n_real = windows.real_tokens;
                let (loss, after) = model.loss(&window, &state, recipe, &mut dropout)?;
                state = after;
                step += 1;
                chars += n_real as f64 * chars_per_token;
                if weight == 0.0 {
                    continue;
                }
                let grads = (&loss / f64::from(weight))?.backward()?;
                let lr = learning_rate(self.peak, step - 1, n_steps);
                optimizer.step(&mut model.parameters, &grads, lr)?;
                let loss = f64::from(loss.to_scalar::<f32>()?);
                if !loss.is_finite() {
                    return Err(Error::LossNotFinite {
                        who: self.who.clone(),
                        step,
                    });
                }
                epoch_loss += loss;
                epoch_weight += f64::from(weight);
                report(Progress::Step {
                    chars: chars as usize,
                    bits: loss / f64::from(weight) * std::f64::consts::LOG2_E / chars_per_token,
                });
            }
            let weights = model.averaged();
            if !weights.is_finite() {
                return Err(Error::LossNotFinite {
                    who: self.who.clone(),
                    step,
                });
            }
            let network = Network::new(&weights);
            let judgement = judge(&network);
            let is_best = best
                .as_ref()
                .is_none_or(|(loss, _, _)| judgement.loss() < *loss);
            let sample = self.sample(&network, epoch)?;
            if is_best {
                let scores = Scores {
                    epoch,
                    dev_bits: judgement.dev_bits,
                    voice_gap: judgement.voice_gap,
                    ..Scores::default()
                };
                best = Some((judgement.loss(), weights, scores));
            }
            report(Progress::Epoch {
                epoch,
                train_bits: epoch_loss / f64::max(epoch_weight, 1.0) * std::f64::consts::LOG2_E
                    / chars_per_token,
                dev_bits: judgement.dev_bits,
                best: is_best,
                sample,
            });
        }
        let (_, weights, scores) = best.ok_or_else(|| Error::TooFewLines {
            who: self.who.clone(),
            lines: 0,
            need: FEWEST_LINES,
        })?;
        Ok((weights, scores))
    }

    /// A line from the start of a scene, to hear how far it has come.
    fn sample(&self, network: &Network, epoch: usize) -> Result<String> {
        let tokenizer = &self.material.tokenizer;
        let mut state = network.zero_state(1);
        network.step(
            &[tokenizer.scene()],
            &[Slot::OTHER],
            &mut state,
            &mut Scratch::default(),
        );
        let request = Request {
            slot: self.sample_as,
            prime: "",
            sampling: Sampling {
                lexicon_only: false,
                max_chars: 90,
                ..Sampling::default()
            },
            penalized: &[],
        };
        let drafts = draw(
            network,
            tokenizer,
            &self.material.lexicon,
            &state,
            &request,
            &[self.recipe.seed + epoch as u64],
        )?;
        Ok(tokenizer.decode(&drafts[0].tokens))
    }
}

/// Hides some speakers behind `<other>`, turn by turn, tag and vector.
fn hide_speakers(
    mut sequence: Sequence,
    rate: f32,
    tokenizer: &Tokenizer,
    random: &mut Random,
) -> Sequence {
    let mut hidden = false;
    for at in 0..sequence.len() {
        if sequence.kinds[at] == TargetKind::Tag {
            hidden = random.uniform() < rate;
            if hidden {
                sequence.targets[at] = tokenizer.tag(Slot::OTHER);
            }
        } else if hidden {
            sequence.slots[at] = Slot::OTHER;
            if at > 0 && sequence.kinds[at - 1] == TargetKind::Tag {
                sequence.tokens[at] = tokenizer.tag(Slot::OTHER);
            }
        }
    }
    sequence
}

/// Zeroes the state of the lanes that begin a script scene.
fn reset(state: Vec<Tensor>, fresh: &[bool]) -> Result<Vec<Tensor>> {
    if !fresh.contains(&true) {
        return Ok(state);
    }
    let keep: Vec<f32> = fresh
        .iter()
        .map(|&fresh| if fresh { 0.0 } else { 1.0 })
        .collect();
    let keep = Tensor::from_vec(keep, (1, fresh.len(), 1), &candle_core::Device::Cpu)?;
    Ok(state
        .iter()
        .map(|state| state.broadcast_mul(&keep))
        .collect::<candle_core::Result<_>>()?)
}

/// Deals script scenes to the lanes of a batch, window by window. A lane takes the next scene when its own is over; what is left of its window is
/// padding, so that a scene always begins with a window.
struct Windows<'a> {
    lanes: Vec<Lane<'a>>,
    waiting: VecDeque<&'a Sequence>,
    time: usize,
    /// Tokens of the last window that are not padding.
    real_tokens: usize,
}

#[derive(Clone, Copy)]
struct Lane<'a> {
    sequence: Option<&'a Sequence>,
    at: usize,
}

impl<'a> Windows<'a> {
    fn new(sequences: &'a [Sequence], recipe: &Recipe, order: &mut Random) -> Self {
        let mut waiting: Vec<&Sequence> = sequences
            .iter()
            .filter(|sequence| !sequence.is_empty())
            .collect();
        order.shuffle(&mut waiting);
        // Windows of another length each epoch, so that their borders fall elsewhere.
        let shortest = (recipe.bptt * 3 / 4).max(1);
        let time = shortest + order.below(recipe.bptt - shortest + 1);
        let n_lanes = recipe.batch.min(waiting.len()).max(1);
        Self {
            lanes: vec![
                Lane {
                    sequence: None,
                    at: 0
                };
                n_lanes
            ],
            waiting: waiting.into(),
            time,
            real_tokens: 0,
        }
    }

    /// About how many windows an epoch has: for the learning-rate schedule.
    fn count(sequences: &[Sequence], recipe: &Recipe) -> usize {
        let time = recipe.bptt * 7 / 8;
        let n_lanes = recipe.batch.min(sequences.len()).max(1);
        let windows: usize = sequences
            .iter()
            .map(|sequence| sequence.len().div_ceil(time.max(1)))
            .sum();
        windows.div_ceil(n_lanes)
    }

    /// The next window and which lanes begin a script scene in it; `None` when all is read.
    fn next_window(&mut self, weigh: &dyn Fn(TargetKind) -> f32) -> Option<(Window, Vec<bool>)> {
        let (time, batch) = (self.time, self.lanes.len());
        let mut fresh = vec![false; batch];
        for (lane, fresh) in self.lanes.iter_mut().zip(&mut fresh) {
            if lane
                .sequence
                .is_none_or(|sequence| lane.at >= sequence.len())
            {
                *lane = Lane {
                    sequence: self.waiting.pop_front(),
                    at: 0,
                };
                *fresh = true;
            }
        }
        if self.lanes.iter().all(|lane| lane.sequence.is_none()) {
            return None;
        }
        let mut window = Window {
            time,
            batch,
            tokens: vec![0 as Token; time * batch],
            slots: vec![Slot::OTHER; time * batch],
            targets: vec![0; time * batch],
            weights: vec![0.0; time * batch],
        };
        self.real_tokens = 0;
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let Some(sequence) = lane.sequence else {
                continue;
            };
            for step in 0..time.min(sequence.len() - lane.at) {
                let (from, to) = (lane.at + step, step * batch + number);
                window.tokens[to] = sequence.tokens[from];
                window.slots[to] = sequence.slots[from];
                window.targets[to] = sequence.targets[from];
                window.weights[to] = weigh(sequence.kinds[from]);
                self.real_tokens += 1;
            }
            lane.at += time;
        }
        Some((window, fresh))
    }
}

/// Held-out bits per character of each script speaker under count tables, as (cue, bits), the most talkative first.
///
/// # Errors
/// When there is too little to hold something out.
pub fn count_tables(show: &Show, scripts: &[Script]) -> Result<BTreeMap<String, CountTableBits>> {
    let material = Material::new(show, scripts)?;
    let all = CountTable::new(material.train_lines());
    let of = |cue: &String| {
        let lines = |scenes: &[usize]| material.lines(scenes, Some(std::slice::from_ref(cue)));
        let own = CountTable::new(lines(&material.split.train));
        let bits = held_out_bits(
            &own,
            &all,
            &lines(&material.split.dev),
            &lines(&material.split.test),
            material.n_chars(),
        );
        (cue.clone(), bits)
    };
    Ok(material.slots.speakers.iter().map(of).collect())
}

/// The cost of the test split, for whoever wants to check a trained file.
///
/// # Errors
/// When the scripts cannot be laid out in tokens.
pub fn test_cost(material: &Material, network: &Network, slot: Option<Slot>) -> Result<Cost> {
    let test = material.sequences(&material.split.test, |speaker| material.slots.slot(speaker))?;
    Ok(cost(network, &test, |who| {
        slot.is_none_or(|slot| slot == who)
    }))
}

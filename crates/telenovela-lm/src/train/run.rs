//! One training: passes over script scenes, the best weights kept.

use candle_core::Tensor;
use telenovela_script::show::Recipe;
use telenovela_script::voice::Sampling;

use super::windows::Windows;
use super::{FEWEST_LINES, Material};
use crate::corpus::{Sequence, TargetKind};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::network::{Network, Scratch};
use crate::optim::{AdamW, learning_rate};
use crate::rng::{Purpose, Random};
use crate::sampler::{Request, draw};
use crate::tokenizer::{Slot, Tokenizer};
use crate::weights::{Scores, Weights};

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

/// How good weights are for whom they are trained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) dev_bits: f64,
    pub(super) voice_gap: f64,
}

impl Judgement {
    /// Lower is better. A tenth of a bit of distance from others' lines is worth a fiftieth of a bit on own ones: chosen on bits alone, fine-tuned
    /// characters stay copies of the ensemble.
    fn loss(self) -> f64 {
        // Nothing held out: the later the better.
        if self.dev_bits == 0.0 {
            return f64::NEG_INFINITY;
        }
        self.dev_bits - 0.2 * self.voice_gap
    }
}

/// One training.
pub(super) struct Run<'a> {
    pub(super) who: String,
    pub(super) material: &'a Material,
    pub(super) recipe: &'a Recipe,
    /// How often the weights are judged.
    pub(super) epochs: usize,
    /// Passes over the training split in each epoch.
    pub(super) passes: usize,
    /// Peak learning rate.
    pub(super) peak: f32,
    /// What each target weighs in the loss.
    pub(super) weigh: &'a dyn Fn(TargetKind) -> f32,
    /// Who speaks the sample line of each epoch.
    pub(super) sample_as: Slot,
}

/// Everything that moves while it trains.
struct Learner {
    model: Model,
    optimizer: AdamW,
    order: Random,
    dropout: Random,
    hide: Random,
    step: usize,
    chars: f64,
}

/// A loss summed over targets, in nats, and their weight.
#[derive(Default)]
struct Sum {
    loss: f64,
    weight: f64,
}

impl Run<'_> {
    /// Trains for all epochs and returns the weights of the best, averaged and rounded.
    pub(super) fn train(
        &self,
        model: Model,
        sequences: &[Sequence],
        report: &mut dyn FnMut(Progress),
        judge: impl Fn(&Network) -> Judgement,
    ) -> Result<(Weights, Scores)> {
        let recipe = self.recipe;
        let chars_per_pass: usize = sequences
            .iter()
            .flat_map(|sequence| sequence.chars.values())
            .sum();
        report(Progress::Started {
            epochs: self.epochs,
            chars_per_epoch: chars_per_pass * self.passes,
            little_text: model.parameters.iter().any(|parameter| parameter.frozen),
        });
        // Text per token, to say bits per character of a step, whose targets are tokens.
        let n_tokens: usize = sequences.iter().map(Sequence::len).sum();
        let chars_per_token = chars_per_pass as f64 / n_tokens.max(1) as f64;
        let mut learner = Learner {
            model,
            optimizer: AdamW::new(recipe.weight_decay, recipe.clip, recipe.ema),
            order: Random::new(recipe.seed, Purpose::Order),
            dropout: Random::new(recipe.seed, Purpose::Dropout),
            hide: Random::new(recipe.seed, Purpose::HideSpeaker),
            step: 0,
            chars: 0.0,
        };
        let mut best: Option<(f64, Weights, Scores)> = None;
        for epoch in 1..=self.epochs {
            let mut sum = Sum::default();
            for _ in 0..self.passes {
                self.pass(&mut learner, sequences, chars_per_token, &mut sum, report)?;
            }
            let weights = learner.model.averaged();
            if !weights.is_finite() {
                return Err(self.not_finite(learner.step));
            }
            let network = Network::new(&weights);
            let judgement = judge(&network);
            let is_best = best
                .as_ref()
                .is_none_or(|(loss, _, _)| judgement.loss() <= *loss);
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
                train_bits: sum.loss / sum.weight.max(1.0) * std::f64::consts::LOG2_E
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

    /// Reads all script scenes once.
    fn pass(
        &self,
        learner: &mut Learner,
        sequences: &[Sequence],
        chars_per_token: f64,
        sum: &mut Sum,
        report: &mut dyn FnMut(Progress),
    ) -> Result<()> {
        let recipe = self.recipe;
        let n_steps = self.epochs * self.passes * Windows::count(sequences, recipe);
        let hide = |sequence: &Sequence| {
            hide_speakers(
                sequence.clone(),
                recipe.hide_speaker,
                &self.material.tokenizer,
                &mut learner.hide,
            )
        };
        let hidden: Vec<Sequence> = sequences.iter().map(hide).collect();
        let mut windows = Windows::new(&hidden, recipe, &mut learner.order);
        let mut state = learner.model.zero_state(windows.n_lanes())?;
        while let Some((window, fresh)) = windows.next_window(self.weigh) {
            state = reset(state, &fresh)?;
            let (loss, after) =
                learner
                    .model
                    .loss(&window, &state, recipe, &mut learner.dropout)?;
            state = after;
            learner.step += 1;
            learner.chars += windows.real_tokens as f64 * chars_per_token;
            let weight: f32 = window.weights.iter().sum();
            if weight == 0.0 {
                continue;
            }
            let grads = (&loss / f64::from(weight))?.backward()?;
            let lr = learning_rate(self.peak, learner.step - 1, n_steps);
            learner
                .optimizer
                .step(&mut learner.model.parameters, &grads, lr)?;
            let loss = f64::from(loss.to_scalar::<f32>()?);
            if !loss.is_finite() {
                return Err(self.not_finite(learner.step));
            }
            sum.loss += loss;
            sum.weight += f64::from(weight);
            report(Progress::Step {
                chars: learner.chars as usize,
                bits: loss / f64::from(weight) * std::f64::consts::LOG2_E / chars_per_token,
            });
        }
        Ok(())
    }

    fn not_finite(&self, step: usize) -> Error {
        Error::LossNotFinite {
            who: self.who.clone(),
            step,
        }
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
            // What is read here is the end of the turn before, still with the vector of whoever spoke it.
            if hidden {
                sequence.slots[at] = Slot::OTHER;
            }
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

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use telenovela_script::show::{TokenizerSpec, Unit};

    use super::*;

    #[test]
    fn a_hidden_speaker_has_neither_tag_nor_vector_and_keeps_its_words() {
        let spec = TokenizerSpec {
            unit: Unit::Char,
            min_count: 1,
            max_vocab: 300,
        };
        let tokenizer = Tokenizer::train(spec, 2, std::iter::empty()).unwrap();
        let turns = [(Slot(1), "Ay."), (Slot(2), "No.")];
        let plain = Sequence::new(&tokenizer, turns).unwrap();
        let mut random = Random::new(1, Purpose::HideSpeaker);
        let shown = hide_speakers(plain.clone(), 0.0, &tokenizer, &mut random);
        assert_eq!(
            (shown.tokens, shown.slots, shown.targets),
            (
                plain.tokens.clone(),
                plain.slots.clone(),
                plain.targets.clone()
            )
        );

        let hidden = hide_speakers(plain.clone(), 1.0, &tokenizer, &mut random);
        let other = tokenizer.tag(Slot::OTHER);
        let tags = [tokenizer.tag(Slot(1)), tokenizer.tag(Slot(2))];
        assert!(!hidden.tokens.iter().any(|token| tags.contains(token)));
        assert!(!hidden.targets.iter().any(|token| tags.contains(token)));
        for at in 0..plain.len() {
            if hidden.kinds[at] == TargetKind::Tag {
                assert_eq!(hidden.targets[at], other);
            } else {
                assert_eq!(hidden.slots[at], Slot::OTHER);
                assert_eq!(hidden.targets[at], plain.targets[at]);
            }
        }
        // Whose words they are still decides what they weigh.
        assert_eq!(hidden.kinds, plain.kinds);
    }

    #[test]
    fn only_the_lanes_that_begin_forget() {
        let state = vec![Tensor::ones((2, 3, 4), DType::F32, &Device::Cpu).unwrap(); 2];
        let sums = |state: &[Tensor]| -> Vec<Vec<f32>> {
            let sum = |layer: &Tensor| layer.sum((0, 2)).unwrap().to_vec1().unwrap();
            state.iter().map(sum).collect()
        };
        let after = reset(state.clone(), &[false, true, false]).unwrap();
        assert_eq!(sums(&after), [[8.0, 0.0, 8.0], [8.0, 0.0, 8.0]]);
        let after = reset(state, &[false; 3]).unwrap();
        assert_eq!(sums(&after), [[8.0; 3], [8.0; 3]]);
    }

    #[test]
    fn weights_are_chosen_on_bits_and_on_voice() {
        let loss = |dev_bits, voice_gap| {
            let judgement = Judgement {
                dev_bits,
                voice_gap,
            };
            judgement.loss()
        };
        assert!(loss(1.8, 0.1) < loss(1.9, 0.1));
        assert!(loss(1.81, 0.2) < loss(1.8, 0.1));
        assert!(loss(1.83, 0.2) > loss(1.8, 0.1));
        // Nothing held out: whatever comes later is as good.
        assert!(loss(0.0, 1.0) <= loss(0.0, 2.0));
    }
}

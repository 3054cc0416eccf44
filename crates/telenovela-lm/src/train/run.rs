//! One training: passes over script scenes, the best weights kept.

use std::time::{Duration, Instant};

use telenovela_script::show::Recipe;
use telenovela_script::voice::{Interest, Sampling};

use super::checkpoint::{Checkpoints, Keeper, Sum};
use super::facts::Facts;
use super::learner::{Best, Learner};
use super::pace::Pace;
use super::progress::{Metrics, Progress};
use super::windows::Windows;
use super::{Conduct, FEWEST_LINES, Material};
use crate::compute::Compute;
use crate::corpus::{Sequence, TargetKind};
use crate::error::{Error, Result};
use crate::model::{Model, Window};
use crate::network::{Network, Scratch};
use crate::optim::learning_rate;
use crate::rng::{Purpose, Random};
use crate::sampler::{Primed, Request, draw};
use crate::tokenizer::{Slot, Tokenizer};
use crate::weights::{Scores, Weights};

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
    /// All that decides what comes of it.
    pub(super) facts: Facts,
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
    /// What it does otherwise than others.
    pub(super) manner: Manner<'a>,
}

/// In what a kind of training may differ from the others. The default is that of ensembles and characters.
pub(super) struct Manner<'a> {
    /// Learning rate by its peak, the step and the number of steps.
    pub(super) rate: fn(f32, usize, usize) -> f32,
    pub(super) best_by: BestBy,
    pub(super) after_epoch: Option<AfterEpoch<'a>>,
    /// Instead of a line of [`Run::sample_as`].
    pub(super) sample: Option<Sample<'a>>,
}

/// Is given the weights of each epoch and the figures so far.
type AfterEpoch<'a> = &'a dyn Fn(&Weights, &[Metrics]) -> Result<()>;
/// Says something with the weights of an epoch, whose number it is given.
type Sample<'a> = &'a dyn Fn(&Network, usize) -> Result<String>;

/// Which weights are the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BestBy {
    /// Those with the best [`Judgement`].
    HeldOut,
    /// Those of the epoch with the lowest loss on what is trained on.
    Training,
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Self {
            rate: learning_rate,
            best_by: BestBy::HeldOut,
            after_epoch: None,
            sample: None,
        }
    }
}

/// What came of a training: the best weights, averaged and rounded, with the figures that they were chosen by, and those of all epochs.
pub(super) struct Trained {
    pub(super) weights: Weights,
    pub(super) scores: Scores,
    pub(super) history: Vec<Metrics>,
}

/// How much text there is to read.
struct Extent {
    chars_per_pass: usize,
    /// To say bits per character of a step, whose targets are tokens.
    chars_per_token: f64,
    /// Steps of the whole training, about.
    n_steps: usize,
}

/// What goes on beside the training, and never shows in what comes of it.
struct Aside<'a> {
    keeper: Keeper<'a>,
    pace: Pace,
    most_threads: usize,
    interest: &'a Interest,
    report: &'a mut dyn FnMut(Progress),
}

impl Aside<'_> {
    /// Takes note of how long a step took.
    fn took(&mut self, time: Duration) {
        if self.pace.took(time) {
            (self.report)(Progress::Paced {
                threads: self.pace.threads(),
                most: self.most_threads,
            });
        }
    }
}

impl Run<'_> {
    /// Trains for all epochs, from the latest checkpoint when there is one, else from `model`.
    pub(super) fn train(
        &self,
        mut model: Model,
        sequences: &[Sequence],
        conduct: &Conduct,
        report: &mut dyn FnMut(Progress),
        judge: impl Fn(&Network) -> Judgement,
    ) -> Result<Trained> {
        let extent = self.extent(sequences);
        let is_frozen = |name: &str| {
            let mut parameters = model.parameters.iter();
            parameters.any(|parameter| parameter.frozen && parameter.name.starts_with(name))
        };
        report(Progress::Started {
            epochs: self.epochs,
            chars_per_epoch: extent.chars_per_pass * self.passes,
            // The model of a plot line learns nobody's vector.
            little_text: is_frozen("lstm") && !is_frozen("speaker"),
        });
        model.compute = Compute::new(1, self.recipe.precision);
        let mut learner = Learner::begin(model, self.recipe);
        let checkpoints = conduct.checkpoints.as_ref();
        if let Some(checkpoints) = checkpoints {
            self.resume(&mut learner, checkpoints, report)?;
        }
        let mut aside = Aside {
            keeper: Keeper::new(checkpoints, learner.n_bytes()),
            pace: Pace::new(conduct.threads),
            most_threads: conduct.threads,
            interest: &conduct.interest,
            report,
        };
        while learner.place.epochs < self.epochs {
            while learner.place.passes < self.passes {
                self.pass(&mut learner, &mut aside, sequences, &extent)?;
            }
            self.end_epoch(&mut learner, &extent, &judge, aside.report)?;
            self.keep(&learner, &mut aside, true)?;
        }
        self.outcome(learner)
    }

    fn extent(&self, sequences: &[Sequence]) -> Extent {
        let chars_per_pass: usize = sequences
            .iter()
            .flat_map(|sequence| sequence.chars.values())
            .sum();
        let n_tokens: usize = sequences.iter().map(Sequence::len).sum();
        Extent {
            chars_per_pass,
            chars_per_token: chars_per_pass as f64 / n_tokens.max(1) as f64,
            n_steps: self.epochs * self.passes * Windows::count(sequences, self.recipe),
        }
    }

    /// Takes the learner to the latest checkpoint that can be used.
    fn resume(
        &self,
        learner: &mut Learner,
        checkpoints: &Checkpoints,
        report: &mut dyn FnMut(Progress),
    ) -> Result<()> {
        let (found, spoiled) = checkpoints.read()?;
        for spoiled in spoiled {
            report(Progress::Spoiled(spoiled));
        }
        for checkpoint in found {
            let step = checkpoint.notes.place.step;
            let changes = checkpoint.notes.facts.changes(&self.facts);
            if !changes.is_empty() {
                return Err(Error::Changed {
                    who: self.who.clone(),
                    step,
                    changes,
                });
            }
            if let Err(reason) = learner.recall(checkpoint, self.recipe) {
                report(Progress::Spoiled(checkpoints.spoiled(step, reason)));
                continue;
            }
            report(Progress::Resumed {
                epochs: learner.place.epochs,
                step,
                chars: learner.place.chars as usize,
                history: learner.history.clone(),
            });
            break;
        }
        Ok(())
    }

    /// Reads all script scenes once, or those that are left of the pass.
    fn pass(
        &self,
        learner: &mut Learner,
        aside: &mut Aside<'_>,
        sequences: &[Sequence],
        extent: &Extent,
    ) -> Result<()> {
        let recipe = self.recipe;
        let tokenizer = &self.material.tokenizer;
        // Both streams are used up before the first window is read, so a pass that goes on draws what it drew before.
        let mut hide = Random::at(recipe.seed, Purpose::HideSpeaker, learner.place.hide);
        let mut order = Random::at(recipe.seed, Purpose::Order, learner.place.order);
        let hidden: Vec<Sequence> = sequences
            .iter()
            .map(|one| hide_speakers(one.clone(), recipe.hide_speaker, tokenizer, &mut hide))
            .collect();
        let mut windows = Windows::new(&hidden, recipe, &mut order);
        if learner.place.windows == 0 {
            learner.state = learner.model.zero_state(windows.n_lanes())?;
        }
        for _ in 0..learner.place.windows {
            windows.next_window(self.weigh);
        }
        while let Some((window, fresh)) = windows.next_window(self.weigh) {
            learner.model.compute.threads = aside.pace.threads();
            learner.optimizer.threads = aside.pace.threads();
            let began = Instant::now();
            let bits = self.step(learner, &window, &fresh, extent)?;
            aside.took(began.elapsed());
            learner.place.chars += windows.real_tokens as f64 * extent.chars_per_token;
            learner.place.windows += 1;
            if let Some(bits) = bits {
                (aside.report)(Progress::Step {
                    chars: learner.place.chars as usize,
                    bits,
                });
            }
            self.keep(learner, aside, false)?;
        }
        learner.place.passes += 1;
        learner.place.windows = 0;
        learner.place.order = order.position();
        learner.place.hide = hide.position();
        learner.state.clear();
        Ok(())
    }

    /// Learns from a window and returns its loss in bits per character; `None` where nothing weighs anything.
    fn step(
        &self,
        learner: &mut Learner,
        window: &Window,
        fresh: &[bool],
        extent: &Extent,
    ) -> Result<Option<f64>> {
        learner.forget(fresh)?;
        let mut loss =
            learner
                .model
                .loss(window, &learner.state, self.recipe, &mut learner.dropout)?;
        learner.state = std::mem::take(&mut loss.state);
        learner.place.step += 1;
        let weight: f32 = window.weights.iter().sum();
        if weight == 0.0 {
            return Ok(None);
        }
        let weight = f64::from(weight);
        let grads = learner.model.gradients(&loss, (1.0 / weight) as f32)?;
        let lr = (self.manner.rate)(self.peak, learner.place.step - 1, extent.n_steps);
        let norm = learner
            .optimizer
            .step(&mut learner.model.parameters, &grads, lr)?;
        let loss = f64::from(loss.nats);
        if !loss.is_finite() {
            return Err(self.not_finite(learner.place.step));
        }
        let sum = &mut learner.place.sum;
        sum.loss += loss;
        sum.weight += weight;
        sum.norm += f64::from(norm);
        sum.steps += 1;
        sum.lr = lr;
        Ok(Some(extent.bits_per_char(loss, weight)))
    }

    /// Judges the weights, and keeps them when they are the best so far.
    fn end_epoch(
        &self,
        learner: &mut Learner,
        extent: &Extent,
        judge: &impl Fn(&Network) -> Judgement,
        report: &mut dyn FnMut(Progress),
    ) -> Result<()> {
        let weights = learner.model.averaged();
        if !weights.is_finite() {
            return Err(self.not_finite(learner.place.step));
        }
        let network = Network::new(&weights);
        let judgement = judge(&network);
        let place = &mut learner.place;
        place.epochs += 1;
        place.passes = 0;
        let sum = std::mem::take(&mut place.sum);
        let mut metrics = Metrics {
            epoch: place.epochs,
            step: place.step,
            chars: place.chars as usize,
            train_bits: extent.bits_per_char(sum.loss, sum.weight),
            dev_bits: judgement.dev_bits,
            voice_gap: judgement.voice_gap,
            grad_norm: sum.mean_norm(),
            lr: sum.lr,
            best: false,
        };
        metrics.best = learner
            .best_epoch()
            .is_none_or(|so_far| self.loss_of(&metrics) <= self.loss_of(so_far));
        if metrics.best {
            learner.best = Some(Best::of(&learner.model));
        }
        learner.history.push(metrics.clone());
        if let Some(after_epoch) = self.manner.after_epoch {
            after_epoch(&weights, &learner.history)?;
        }
        let sample = match self.manner.sample {
            Some(sample) => sample(&network, metrics.epoch)?,
            None => self.sample(&network, metrics.epoch)?,
        };
        report(Progress::Epoch { metrics, sample });
        Ok(())
    }

    /// Writes a checkpoint when one is due, and when nobody waits for the training any more, which then ends.
    fn keep(&self, learner: &Learner, aside: &mut Aside<'_>, epoch_is_over: bool) -> Result<()> {
        let is_stopped = aside.interest.is_lost();
        if aside.keeper.is_due(epoch_is_over) || is_stopped {
            aside.keeper.write(|| learner.checkpoint(&self.facts))?;
            (aside.report)(Progress::Saved {
                step: learner.place.step,
            });
        }
        if is_stopped {
            return Err(Error::Stopped {
                who: self.who.clone(),
                step: learner.place.step,
            });
        }
        Ok(())
    }

    fn outcome(&self, learner: Learner) -> Result<Trained> {
        let scores = learner.best_epoch().map(|metrics| Scores {
            epoch: metrics.epoch,
            dev_bits: metrics.dev_bits,
            voice_gap: metrics.voice_gap,
            ..Scores::default()
        });
        let history = learner.history.clone();
        match (scores, learner.into_best_weights()) {
            (Some(scores), Some(weights)) => Ok(Trained {
                weights,
                scores,
                history,
            }),
            // A recipe without an epoch, which no show file can ask for.
            _ => Err(Error::TooFewLines {
                who: self.who.clone(),
                lines: 0,
                need: FEWEST_LINES,
            }),
        }
    }

    /// What the best epoch has least of.
    fn loss_of(&self, metrics: &Metrics) -> f64 {
        match self.manner.best_by {
            BestBy::HeldOut => judgement_of(metrics).loss(),
            BestBy::Training => metrics.train_bits,
        }
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
        let own = Primed {
            network,
            state: &state,
        };
        let seed = self.recipe.seed + epoch as u64;
        let drafts = draw(self.material.writing(), own, &request, &[seed])?;
        Ok(tokenizer.decode(&drafts[0].tokens))
    }
}

impl Extent {
    /// Of a loss in nats over targets of some weight.
    fn bits_per_char(&self, loss: f64, weight: f64) -> f64 {
        loss / weight.max(f64::MIN_POSITIVE) * std::f64::consts::LOG2_E / self.chars_per_token
    }
}

impl Sum {
    fn mean_norm(&self) -> f64 {
        self.norm / self.steps.max(1) as f64
    }
}

fn judgement_of(metrics: &Metrics) -> Judgement {
    Judgement {
        dev_bits: metrics.dev_bits,
        voice_gap: metrics.voice_gap,
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

#[cfg(test)]
mod tests {
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

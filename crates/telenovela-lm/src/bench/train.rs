//! Training workloads.

use candle_core::Tensor;
use telenovela_script::show::{ModelSize, Precision, Recipe};

use super::{N_EMBD, N_VOCAB, Rates, SEED, rates};
use crate::compute::Compute;
use crate::error::Result;
use crate::model::{Model, Window};
use crate::optim::AdamW;
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token};

/// A network and how it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainWorkload {
    /// As the tables call it.
    pub name: &'static str,
    /// LSTM layers.
    pub n_layer: usize,
    /// Width of a hidden state.
    pub n_hidden: usize,
    /// Lanes.
    pub batch: usize,
    /// Steps between two truncations.
    pub time: usize,
}

/// The workloads of training.
pub const TRAIN: [TrainWorkload; 3] = [
    TrainWorkload {
        name: "T1",
        n_layer: 2,
        n_hidden: 256,
        batch: 32,
        time: 128,
    },
    TrainWorkload {
        name: "T2",
        n_layer: 2,
        n_hidden: 512,
        batch: 32,
        time: 128,
    },
    TrainWorkload {
        name: "T3",
        n_layer: 3,
        n_hidden: 512,
        batch: 64,
        time: 100,
    },
];

impl TrainWorkload {
    /// Floating-point operations per character, forward and backward, of the plain network that every peer runs: LSTM layers and a linear head,
    /// two per weight forward and twice that backward. Ours does a little more at the head (a projection before it).
    pub fn flop_per_char(&self) -> f64 {
        let gates = 4 * self.n_hidden;
        let first = gates * (N_EMBD + self.n_hidden);
        let others = (self.n_layer - 1) * gates * 2 * self.n_hidden;
        6.0 * (first + others + self.n_hidden * N_VOCAB) as f64
    }

    /// Characters per optimizer step.
    pub fn chars_per_step(&self) -> usize {
        self.batch * self.time
    }

    /// Trains on a text, computed as given, for about so many seconds; characters per second and the loss of the last step, in nats per character.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn measure(&self, text: &[Token], compute: Compute, seconds: f64) -> Result<(Rates, f32)> {
        let mut training = Training::new(*self, text, compute)?;
        let mut loss = 0.0;
        let rates = rates(seconds, || {
            loss = training.step()?;
            Ok(self.chars_per_step())
        })?;
        Ok((rates, loss))
    }
}

/// A training that has begun.
pub struct Training<'a> {
    workload: TrainWorkload,
    recipe: Recipe,
    model: Model,
    optimizer: AdamW,
    random: Random,
    /// One stretch of the text per lane.
    lanes: Vec<&'a [Token]>,
    at: usize,
    state: Vec<Tensor>,
}

impl<'a> Training<'a> {
    /// Draws weights and deals the text to the lanes; it must hold a window for each.
    ///
    /// # Errors
    /// When memory for a tensor cannot be had.
    pub fn new(workload: TrainWorkload, text: &'a [Token], compute: Compute) -> Result<Self> {
        let size = ModelSize {
            n_embd: N_EMBD,
            n_speaker: 0, // the peers have none
            n_hidden: workload.n_hidden,
            n_layer: workload.n_layer,
        };
        let recipe = recipe(workload);
        let mut model = Model::init(size, N_VOCAB, 1, SEED)?;
        let mut optimizer = AdamW::new(recipe.weight_decay, recipe.clip, recipe.ema);
        optimizer.threads = compute.threads;
        model.compute = compute;
        let lanes: Vec<&[Token]> = text.chunks_exact(text.len() / workload.batch).collect();
        assert!(
            lanes.len() >= workload.batch && lanes[0].len() > workload.time,
            "the text is too short for a window of every lane"
        );
        Ok(Self {
            workload,
            state: model.zero_state(workload.batch)?,
            optimizer,
            random: Random::new(SEED, Purpose::Dropout),
            recipe,
            model,
            lanes,
            at: 0,
        })
    }

    /// The model as it has become.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Takes one optimizer step; the mean loss before it, in nats per character.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn step(&mut self) -> Result<f32> {
        let (time, batch) = (self.workload.time, self.workload.batch);
        if self.at + time >= self.lanes[0].len() {
            self.at = 0;
            self.state = self.model.zero_state(batch)?;
        }
        let read = |from: usize| -> Vec<Token> {
            let steps = from..from + time;
            steps
                .flat_map(|step| self.lanes[..batch].iter().map(move |lane| lane[step]))
                .collect()
        };
        let window = Window {
            time,
            batch,
            tokens: read(self.at),
            slots: vec![Slot::OTHER; time * batch],
            targets: read(self.at + 1),
            weights: vec![1.0; time * batch],
        };
        self.at += time;
        let mut loss = self
            .model
            .loss(&window, &self.state, &self.recipe, &mut self.random)?;
        self.state = std::mem::take(&mut loss.state);
        let share = 1.0 / (time * batch) as f32;
        let grads = self.model.gradients(&loss, share)?;
        self.optimizer
            .step(&mut self.model.parameters, &grads, self.recipe.lr)?;
        Ok(loss.nats * share)
    }
}

/// Nothing but truncated back-propagation, clipping and the optimizer, with the averaged weights that every training of ours keeps.
fn recipe(workload: TrainWorkload) -> Recipe {
    Recipe {
        seed: SEED,
        batch: workload.batch,
        bptt: workload.time,
        epochs: 1,
        character_epochs: 1,
        lr: 2e-3,
        character_lr: 2e-3,
        others_weight: 1.0,
        clip: 1.0,
        weight_decay: 0.0,
        ema: 0.999,
        dropout_in: 0.0,
        dropout_hidden: 0.0,
        dropout_out: 0.0,
        weight_drop: 0.0,
        hide_speaker: 0.0,
        spare_speakers: 0,
        precision: Precision::F32,
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up_text;
    use super::*;

    #[test]
    fn the_workloads_cost_what_is_published() {
        let mega = TRAIN.map(|workload| (workload.flop_per_char() / 1e4).round() / 100.0);
        assert_eq!(mega, [5.6, 20.65, 33.23]);
    }

    #[test]
    fn a_workload_learns() {
        let small = TrainWorkload {
            name: "small",
            n_layer: 2,
            n_hidden: 24,
            batch: 8,
            time: 16,
        };
        let text = made_up_text(2000);
        let mut training = Training::new(small, &text, Compute::default()).unwrap();
        let first = training.step().unwrap();
        let last = (0..60).map(|_| training.step().unwrap()).last().unwrap();
        assert!(last < first - 0.1, "{first} {last}");
    }
}

//! Everything that moves while it trains, and how it goes into a checkpoint and comes out again.

use candle_core::{Device, Tensor};
use telenovela_script::show::Recipe;

use super::checkpoint::{Checkpoint, Place};
use super::facts::Facts;
use super::progress::Metrics;
use crate::error::Result;
use crate::model::Model;
use crate::optim::AdamW;
use crate::rng::{Purpose, Random};
use crate::weights::Weights;

/// Everything that moves while it trains.
pub(super) struct Learner {
    pub(super) model: Model,
    pub(super) optimizer: AdamW,
    pub(super) dropout: Random,
    /// Carried from window to window of a pass, per layer `(2, lanes, n_hidden)`; empty between passes.
    pub(super) state: Vec<Tensor>,
    pub(super) place: Place,
    /// Of every epoch that is over.
    pub(super) history: Vec<Metrics>,
    /// The averaged numbers of the best epoch.
    pub(super) best: Option<Best>,
}

/// Averaged numbers of every parameter, in the model's order, not rounded.
pub(super) struct Best(Vec<Vec<f32>>);

impl Best {
    pub(super) fn of(model: &Model) -> Self {
        let averages = model.parameters.iter().map(|p| p.average().to_vec());
        Self(averages.collect())
    }
}

/// Names of the parts of a [`Parameter::memory`](crate::optim::Parameter::memory), in its order.
const PARTS: [&str; 4] = ["value", "moment", "square", "average"];
/// Name of the part that holds the average of the best epoch.
const BEST: &str = "best";

/// Name in a checkpoint of a part of a parameter.
fn part_name(parameter: &str, part: &str) -> String {
    format!("{parameter}.{part}")
}

/// Name in a checkpoint of the state carried by a layer.
fn state_name(layer: usize) -> String {
    format!("state.{layer}")
}

impl Learner {
    /// Before the first step.
    pub(super) fn begin(model: Model, recipe: &Recipe) -> Self {
        Self {
            model,
            optimizer: AdamW::new(recipe.weight_decay, recipe.clip, recipe.ema),
            dropout: Random::new(recipe.seed, Purpose::Dropout),
            state: Vec::new(),
            place: Place::default(),
            history: Vec::new(),
            best: None,
        }
    }

    /// The best epoch so far.
    pub(super) fn best_epoch(&self) -> Option<&Metrics> {
        self.history.iter().rev().find(|metrics| metrics.best)
    }

    /// Zeroes the state of the lanes that begin a script scene.
    pub(super) fn forget(&mut self, fresh: &[bool]) -> Result<()> {
        if !fresh.contains(&true) {
            return Ok(());
        }
        let keep: Vec<f32> = fresh
            .iter()
            .map(|&fresh| if fresh { 0.0 } else { 1.0 })
            .collect();
        let keep = Tensor::from_vec(keep, (1, fresh.len(), 1), &Device::Cpu)?;
        for state in &mut self.state {
            *state = state.broadcast_mul(&keep)?;
        }
        Ok(())
    }

    /// The weights of the best epoch, rounded as a file holds them.
    pub(super) fn into_best_weights(mut self) -> Option<Weights> {
        let best = self.best?;
        for (parameter, average) in self.model.parameters.iter_mut().zip(best.0) {
            parameter.set_average(average);
        }
        Some(self.model.averaged())
    }

    /// About how large a checkpoint is.
    pub(super) fn n_bytes(&self) -> usize {
        let n: usize = self
            .model
            .parameters
            .iter()
            .map(|p| p.average().len())
            .sum();
        // Four parts of each parameter, and the best average.
        5 * 4 * n
    }

    /// All of it, and what it depends on.
    pub(super) fn checkpoint(&self, facts: &Facts) -> Result<Checkpoint> {
        let mut place = self.place.clone();
        place.dropout = self.dropout.position();
        place.updates = self.optimizer.steps();
        let mut checkpoint = Checkpoint::new(facts, place, &self.history);
        for (number, parameter) in self.model.parameters.iter().enumerate() {
            let shape = parameter.var.dims();
            for (part, numbers) in PARTS.into_iter().zip(parameter.memory()?) {
                checkpoint.put(part_name(&parameter.name, part), shape, numbers);
            }
            if let Some(best) = &self.best {
                let numbers = best.0[number].clone();
                checkpoint.put(part_name(&parameter.name, BEST), shape, numbers);
            }
        }
        for (layer, state) in self.state.iter().enumerate() {
            let numbers = state.flatten_all()?.to_vec1()?;
            checkpoint.put(state_name(layer), state.dims(), numbers);
        }
        Ok(checkpoint)
    }

    /// Goes to where a checkpoint stands; stays where it is when the checkpoint is not of this model, and says why.
    pub(super) fn recall(
        &mut self,
        mut checkpoint: Checkpoint,
        recipe: &Recipe,
    ) -> std::result::Result<(), String> {
        let has_best = checkpoint.notes.history.iter().any(|metrics| metrics.best);
        let (mut memories, mut best) = (Vec::new(), Vec::new());
        for parameter in &self.model.parameters {
            let shape = parameter.var.dims();
            let mut take = |part| checkpoint.take(&part_name(&parameter.name, part), shape);
            let [value, moment, square, average] = PARTS;
            memories.push([take(value)?, take(moment)?, take(square)?, take(average)?]);
            if has_best {
                best.push(take(BEST)?);
            }
        }
        let mut state = Vec::new();
        if checkpoint.notes.place.windows > 0 {
            for layer in 0..self.model.size.n_layer {
                state.push(checkpoint.take_tensor(&state_name(layer))?);
            }
        }
        for (parameter, memory) in self.model.parameters.iter_mut().zip(memories) {
            parameter
                .recall(memory)
                .map_err(|error| error.to_string())?;
        }
        let Place {
            dropout, updates, ..
        } = checkpoint.notes.place;
        self.optimizer = AdamW::new(recipe.weight_decay, recipe.clip, recipe.ema).after(updates);
        self.dropout = Random::at(recipe.seed, Purpose::Dropout, dropout);
        self.state = state;
        self.best = has_best.then_some(Best(best));
        self.place = checkpoint.notes.place;
        self.history = checkpoint.notes.history;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use telenovela_script::show::ModelSize;

    use super::*;
    use crate::train::tests::recipe;

    const SIZE: ModelSize = ModelSize {
        n_embd: 3,
        n_speaker: 2,
        n_hidden: 4,
        n_layer: 2,
    };

    fn learner() -> Learner {
        Learner::begin(Model::init(SIZE, 7, 3, 1).unwrap(), &recipe())
    }

    #[test]
    fn only_the_lanes_that_begin_forget() {
        let mut learner = learner();
        learner.state = vec![Tensor::ones((2, 3, 4), DType::F32, &Device::Cpu).unwrap(); 2];
        let sums = |learner: &Learner| -> Vec<Vec<f32>> {
            let sum = |layer: &Tensor| layer.sum((0, 2)).unwrap().to_vec1().unwrap();
            learner.state.iter().map(sum).collect()
        };
        learner.forget(&[false; 3]).unwrap();
        assert_eq!(sums(&learner), [[8.0; 3], [8.0; 3]]);
        learner.forget(&[false, true, false]).unwrap();
        assert_eq!(sums(&learner), [[8.0, 0.0, 8.0], [8.0, 0.0, 8.0]]);
    }

    #[test]
    fn a_checkpoint_of_another_model_is_refused_and_changes_nothing() {
        let facts = Facts::default();
        let mut narrow = learner();
        let before = narrow.checkpoint(&facts).unwrap();
        let wide = ModelSize {
            n_hidden: 5,
            ..SIZE
        };
        let wide = Learner::begin(Model::init(wide, 7, 3, 2).unwrap(), &recipe());
        let other = wide.checkpoint(&facts).unwrap();
        let reason = narrow.recall(other, &recipe()).unwrap_err();
        assert_eq!(reason, "`lstm.0.weights.value` is [20, 11], not [16, 10]");
        let mut without = before.clone();
        without.tensors.remove("head.bias.moment");
        let reason = narrow.recall(without, &recipe()).unwrap_err();
        assert_eq!(reason, "it has no tensor `head.bias.moment`");
        assert_eq!(narrow.checkpoint(&facts).unwrap(), before);
    }
}

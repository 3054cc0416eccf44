//! The model as it is trained: a chain of candle operations over a window of several script scenes side by side.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use telenovela_script::show::{ModelSize, Recipe};

use crate::applied::Applied;
use crate::compute::Compute;
use crate::error::Result;
use crate::linear::linear_beside;
use crate::loss::cross_entropy;
use crate::lstm::{Masks, lstm, lstm_of_tokens};
use crate::optim::{Gradients, Parameter};
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token};
use crate::weights::{Weights, shapes};

/// Trainable parameters and how they fit together: embedding and speaker vector → LSTM layers → projection → tied embedding.
#[derive(Debug)]
pub struct Model {
    /// The shape.
    pub size: ModelSize,
    /// Sorted by name, so that norms are summed and masks drawn in one order. What a file holds apart of a layer is here one matrix, as [`lstm`] wants it.
    pub parameters: Vec<Parameter>,
    /// Threads and numbers of the products.
    pub compute: Compute,
}

/// A window of a batch, time-major: what comes in, who speaks, what comes next, and what each target weighs. All of length `time · batch`.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Steps.
    pub time: usize,
    /// Lanes.
    pub batch: usize,
    /// Input tokens; padding where the target weighs nothing.
    pub tokens: Vec<Token>,
    /// Speakers' slots.
    pub slots: Vec<Slot>,
    /// Next tokens.
    pub targets: Vec<Token>,
    /// Weights of the targets.
    pub weights: Vec<f32>,
}

impl Model {
    /// Draws the weights a training starts from: uniform in ±1/√hidden as PyTorch does, embeddings normal with deviation 0.1, forget gates open
    /// (bias 1), and speakers' vectors normal with deviation 0.5 so that they matter from the first step.
    ///
    /// # Errors
    /// When memory for a tensor cannot be had.
    pub fn init(size: ModelSize, n_vocab: usize, n_slots: usize, seed: u64) -> Result<Self> {
        let mut random = Random::new(seed, Purpose::Init);
        let bound = 1.0 / (size.n_hidden as f32).sqrt();
        let mut drawn = shapes(size, n_vocab, n_slots);
        drawn.sort();
        let tensors = drawn.into_iter().map(|(name, shape)| {
            let n: usize = shape.iter().product();
            let mut numbers: Vec<f32> = match name.as_str() {
                "embedding.weight" => (0..n).map(|_| 0.1 * random.normal()).collect(),
                "speaker.weight" => (0..n).map(|_| 0.5 * random.normal()).collect(),
                "head.bias" => vec![0.0; n],
                _ => (0..n)
                    .map(|_| bound * (2.0 * random.uniform() - 1.0))
                    .collect(),
            };
            if name.ends_with("bias_ih_l0") {
                numbers[size.n_hidden..2 * size.n_hidden].fill(1.0);
            }
            (name, shape, numbers)
        });
        Self::new(size, join_layers(size, tensors))
    }

    /// Starts from trained weights.
    ///
    /// # Errors
    /// When memory for a tensor cannot be had.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let tensors = weights
            .iter()
            .map(|(name, shape, numbers)| (name.to_owned(), shape.to_vec(), numbers.to_vec()));
        Self::new(weights.size, join_layers(weights.size, tensors))
    }

    fn new(size: ModelSize, tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>) -> Result<Self> {
        let parameters = tensors
            .into_iter()
            .map(|(name, (shape, numbers))| Parameter::new(name, &shape, numbers));
        Ok(Self {
            size,
            parameters: parameters.collect::<Result<_>>()?,
            compute: Compute::default(),
        })
    }

    /// Lets a slot that nobody has spoken in begin as anybody: the vector and the tag of `<other>`, whose tag is token `other_tag`. What a spare slot holds
    /// otherwise is noise, and everything said after it is thrown off course.
    ///
    /// # Errors
    /// When a tensor cannot be set.
    pub fn begin_as_anybody(&mut self, slot: Slot, tag: Token, other_tag: Token) -> Result<()> {
        for parameter in &mut self.parameters {
            match parameter.name.as_str() {
                "speaker.weight" => parameter.copy_row(Slot::OTHER.0, slot.0)?,
                "embedding.weight" => parameter.copy_row(other_tag as usize, tag as usize)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The averaged weights, rounded as a file holds them.
    pub fn averaged(&self) -> Weights {
        Weights::new(self.size, self.averages())
    }

    /// The averaged weights as they are, to see what rounding costs.
    pub fn averaged_unrounded(&self) -> Weights {
        Weights::unrounded(self.size, self.averages())
    }

    /// Names, shapes and averaged numbers of what a file holds.
    fn averages(&self) -> impl Iterator<Item = (String, Vec<usize>, Vec<f32>)> {
        self.parameters
            .iter()
            .flat_map(|p| split_layer(self.size, &p.name, p.var.dims(), p.average()))
    }

    fn get(&self, name: &str) -> &Tensor {
        let at = self
            .parameters
            .binary_search_by(|p| p.name.as_str().cmp(name));
        self.parameters[at.unwrap_or_else(|_| panic!("the model has no parameter `{name}`"))]
            .var
            .as_tensor()
    }

    /// An empty memory of a batch: per layer `(2, batch, hidden)`.
    ///
    /// # Errors
    /// When memory for a tensor cannot be had.
    pub fn zero_state(&self, batch: usize) -> Result<Vec<Tensor>> {
        let zeros = || {
            Tensor::zeros(
                (2, batch, self.size.n_hidden),
                candle_core::DType::F32,
                &Device::Cpu,
            )
        };
        Ok((0..self.size.n_layer)
            .map(|_| zeros())
            .collect::<candle_core::Result<_>>()?)
    }

    /// The weighted loss of a window.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn loss(
        &self,
        window: &Window,
        state: &[Tensor],
        recipe: &Recipe,
        random: &mut Random,
    ) -> Result<Loss> {
        let (time, batch) = (window.time, window.batch);
        let n_hidden = self.size.n_hidden;
        let ids = |numbers: Vec<u32>| Tensor::from_vec(numbers, time * batch, &Device::Cpu);
        let slots = ids(window.slots.iter().map(|slot| slot.0 as u32).collect())?;
        let speaker = self.get("speaker.weight").index_select(&slots, 0)?; // (time · batch, n_speaker)
        let embedding = self.get("embedding.weight");
        // Where every token comes several times in a window, what it gives to the lowest layer is computed once for all.
        let few_tokens = recipe.dropout_in == 0.0 && 2 * embedding.dim(0)? <= time * batch;
        let tokens = match few_tokens {
            true => None,
            false => Some(ids(window.tokens.clone())?),
        };
        let mut x = match &tokens {
            Some(tokens) => embedding.index_select(tokens, 0)?, // (time · batch, n_embd)
            None => embedding.clone(),
        };
        let mut after = Vec::with_capacity(state.len());
        let mut layers = Vec::with_capacity(state.len());
        for (layer, state) in state.iter().enumerate() {
            let rate = if layer == 0 {
                recipe.dropout_in
            } else {
                recipe.dropout_hidden
            };
            let masks = Masks {
                input: mask(batch * x.dim(1)?, rate, random),
                weights: mask(4 * n_hidden * n_hidden, recipe.weight_drop, random),
            };
            let weights = self.get(&layer_name(layer));
            let (applied, last) = if layer == 0 && few_tokens {
                let tokens = (&x, window.tokens.clone());
                lstm_of_tokens(&self.compute, tokens, &speaker, weights, state, masks)?
            } else {
                lstm(&self.compute, &x, &speaker, weights, state, masks)?
            };
            x = applied.result.clone(); // (time · batch, n_hidden)
            after.push(last);
            layers.push(applied);
        }
        let dropped = mask(batch * n_hidden, recipe.dropout_out, random);
        let projection = self.get("projection.weight");
        let projection = linear_beside(&self.compute, &x, &speaker, projection, dropped)?; // (time · batch, n_embd)
        let head = [&projection.result, embedding, self.get("head.bias")];
        let (targets, weights) = (window.targets.clone(), window.weights.clone());
        let head = cross_entropy(&self.compute, head, targets, weights)?;
        Ok(Loss {
            nats: head.result.to_scalar()?,
            state: after,
            slots,
            tokens,
            layers,
            projection,
            head,
        })
    }

    /// The gradients of all parameters, by name, from that of a loss.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn gradients(&self, loss: &Loss, of_nats: f32) -> Result<Gradients> {
        let mut grads = Gradients::new();
        let of_nats = Tensor::new(of_nats, &Device::Cpu)?;
        let [of_output, mut embedding, bias] = loss.head.backward(&of_nats)?;
        grads.insert("head.bias".into(), bias);
        let [mut of_x, mut speaker, projection] = loss.projection.backward(&of_output)?;
        grads.insert("projection.weight".into(), projection);
        for (layer, applied) in loss.layers.iter().enumerate().rev() {
            let [of_input, of_speaker, weights] = applied.backward(&of_x)?;
            speaker = (speaker + of_speaker)?;
            grads.insert(layer_name(layer), weights);
            of_x = of_input;
        }
        embedding = match &loss.tokens {
            Some(tokens) => embedding.index_add(tokens, &of_x, 0)?,
            None => (embedding + of_x)?,
        };
        grads.insert("embedding.weight".into(), embedding);
        let table = self.get("speaker.weight").zeros_like()?;
        let speaker = table.index_add(&loss.slots, &speaker, 0)?;
        grads.insert("speaker.weight".into(), speaker);
        Ok(grads)
    }
}

/// The loss of a window, and the way back to its gradients.
#[derive(Debug)]
pub struct Loss {
    /// In nats, summed over the targets by their weights.
    pub nats: f32,
    /// The state after the window, detached: per layer `(2, batch, hidden)`.
    pub state: Vec<Tensor>,
    slots: Tensor,
    /// Unless they are looked up in the lowest layer.
    tokens: Option<Tensor>,
    layers: Vec<Applied>,
    projection: Applied,
    head: Applied,
}

fn layer_name(layer: usize) -> String {
    format!("lstm.{layer}.weights")
}

/// The parts of a layer in the order of [`lstm`]'s columns, and how many columns each has.
fn layer_parts(size: ModelSize, layer: usize) -> [(String, usize); 3] {
    let n_below = if layer == 0 {
        size.n_embd
    } else {
        size.n_hidden
    };
    [
        (
            format!("lstm.{layer}.weight_ih_l0"),
            n_below + size.n_speaker,
        ),
        (format!("lstm.{layer}.weight_hh_l0"), size.n_hidden),
        (format!("lstm.{layer}.bias_ih_l0"), 1),
    ]
}

/// Puts the tensors of each layer side by side in one matrix; the others stay as they are.
fn join_layers(
    size: ModelSize,
    tensors: impl Iterator<Item = (String, Vec<usize>, Vec<f32>)>,
) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let mut named: BTreeMap<_, _> = tensors
        .map(|(name, shape, numbers)| (name, (shape, numbers)))
        .collect();
    for layer in 0..size.n_layer {
        let parts = layer_parts(size, layer).map(|(name, columns)| {
            let (_, numbers) = named
                .remove(&name)
                .unwrap_or_else(|| panic!("the model has no tensor `{name}`"));
            (numbers, columns)
        });
        let n_columns: usize = parts.iter().map(|(_, columns)| columns).sum();
        let mut joined = Vec::with_capacity(4 * size.n_hidden * n_columns);
        for gate in 0..4 * size.n_hidden {
            for (numbers, columns) in &parts {
                joined.extend_from_slice(&numbers[gate * columns..(gate + 1) * columns]);
            }
        }
        let shape = vec![4 * size.n_hidden, n_columns];
        named.insert(layer_name(layer), (shape, joined));
    }
    named
}

/// Takes a layer's matrix apart again; any other tensor stays as it is.
fn split_layer(
    size: ModelSize,
    name: &str,
    shape: &[usize],
    numbers: &[f32],
) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let Some(layer) = (0..size.n_layer).find(|&layer| layer_name(layer) == name) else {
        return vec![(name.to_owned(), shape.to_vec(), numbers.to_vec())];
    };
    let mut from = 0;
    layer_parts(size, layer)
        .into_iter()
        .map(|(name, columns)| {
            let rows = numbers.chunks_exact(shape[1]);
            let part = rows.flat_map(|row| &row[from..from + columns]).copied();
            let part: Vec<f32> = part.collect();
            from += columns;
            let shape = match columns {
                1 => vec![shape[0]],
                _ => vec![shape[0], columns],
            };
            (name, shape, part)
        })
        .collect()
}

/// Factors of what drops out, 0 at the given rate, or what keeps the mean. Empty at rate 0. On an input one mask serves all steps of a
/// window (locked dropout, Gal and Ghahramani 2016), and so on the recurrent weights (weight drop, Merity, Keskar and Socher 2018).
fn mask(n: usize, rate: f32, random: &mut Random) -> Vec<f32> {
    if rate == 0.0 {
        return Vec::new();
    }
    random.mask(n, rate, 1.0 / (1.0 - rate))
}

#[cfg(test)]
mod tests {
    use telenovela_script::show::Precision;

    use super::*;

    fn recipe(dropout_in: f32) -> Recipe {
        Recipe {
            seed: 1,
            batch: 3,
            bptt: 7,
            epochs: 1,
            character_epochs: 1,
            lr: 1e-3,
            character_lr: 1e-3,
            others_weight: 1.0,
            clip: 1.0,
            weight_decay: 0.0,
            ema: 0.9,
            dropout_in,
            dropout_hidden: 0.2,
            dropout_out: 0.3,
            weight_drop: 0.4,
            hide_speaker: 0.0,
            spare_speakers: 0,
            precision: Precision::F32,
        }
    }

    #[test]
    fn gradients_are_those_of_candles_graph() {
        let size = ModelSize {
            n_embd: 6,
            n_speaker: 2,
            n_hidden: 8,
            n_layer: 2,
        };
        let model = Model::init(size, 5, 4, 3).unwrap();
        let (time, batch) = (7, 3);
        let window = Window {
            time,
            batch,
            tokens: (0..21).map(|i| i * i % 5).collect(),
            slots: (0..21).map(|i| Slot(i % 4)).collect(),
            targets: (0..21).map(|i| i % 5).collect(),
            weights: (0..21).map(|i| (i % 3) as f32).collect(),
        };
        // Tokens as rows, some of which drop out, and tokens that are looked up.
        for dropout_in in [0.25, 0.0] {
            let loss = || {
                let mut random = Random::new(2, Purpose::Dropout);
                let state = model.zero_state(batch).unwrap();
                let recipe = recipe(dropout_in);
                model.loss(&window, &state, &recipe, &mut random).unwrap()
            };
            let ours = model.gradients(&loss(), 0.5).unwrap();
            let theirs = (loss().head.result * 0.5).unwrap().backward().unwrap();
            for parameter in &model.parameters {
                let theirs = theirs.get(&parameter.var).unwrap();
                let apart = (&ours[&parameter.name] - theirs).unwrap().abs().unwrap();
                let apart: f32 = apart.max_all().unwrap().to_scalar().unwrap();
                assert!(apart < 1e-6, "{}: {apart} apart", parameter.name);
            }
        }
    }
}

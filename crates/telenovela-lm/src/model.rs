//! The model as it is trained: a candle graph over a window of several script scenes side by side.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use telenovela_script::show::{ModelSize, Recipe};

use crate::compute::Compute;
use crate::error::Result;
use crate::linear::linear_beside;
use crate::loss::cross_entropy;
use crate::lstm::{Masks, lstm, lstm_of_tokens};
use crate::optim::Parameter;
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

    /// The weighted loss of a window, in nats summed over its targets, and the state after it, detached.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn loss(
        &self,
        window: &Window,
        state: &[Tensor],
        recipe: &Recipe,
        random: &mut Random,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let (time, batch) = (window.time, window.batch);
        let n_hidden = self.size.n_hidden;
        let ids = |numbers: Vec<u32>| Tensor::from_vec(numbers, time * batch, &Device::Cpu);
        let slots = window.slots.iter().map(|slot| slot.0 as u32).collect();
        let speaker = self.get("speaker.weight").index_select(&ids(slots)?, 0)?; // (time · batch, n_speaker)
        let embedding = self.get("embedding.weight");
        // Where every token comes several times in a window, what it gives to the lowest layer is computed once for all.
        let few_tokens = recipe.dropout_in == 0.0 && 2 * embedding.dim(0)? <= time * batch;
        let mut x = match few_tokens {
            true => embedding.clone(),
            false => embedding.index_select(&ids(window.tokens.clone())?, 0)?, // (time · batch, n_embd)
        };
        let mut last = Vec::with_capacity(state.len());
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
            let (hidden, after) = if layer == 0 && few_tokens {
                let tokens = (&x, window.tokens.clone());
                lstm_of_tokens(&self.compute, tokens, &speaker, weights, state, masks)?
            } else {
                lstm(&self.compute, &x, &speaker, weights, state, masks)? // (time · batch, n_hidden)
            };
            last.push(after);
            x = hidden;
        }
        let dropped = mask(batch * n_hidden, recipe.dropout_out, random);
        let projection = self.get("projection.weight");
        let output = linear_beside(&self.compute, &x, &speaker, projection, dropped)?; // (time · batch, n_embd)
        let head = [&output, embedding, self.get("head.bias")];
        let (targets, weights) = (window.targets.clone(), window.weights.clone());
        let loss = cross_entropy(&self.compute, head, targets, weights)?;
        Ok((loss, last))
    }
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

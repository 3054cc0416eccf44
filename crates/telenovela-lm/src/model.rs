//! The model as it is trained: a candle graph over a window of several script scenes side by side.

use candle_core::{Device, Tensor};
use telenovela_script::show::{ModelSize, Recipe};

use crate::error::Result;
use crate::loss::cross_entropy;
use crate::lstm::lstm;
use crate::optim::Parameter;
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token};
use crate::weights::{Weights, shapes};

/// Trainable parameters and how they fit together: embedding and speaker vector → LSTM layers → projection → tied embedding.
#[derive(Debug)]
pub struct Model {
    /// The shape.
    pub size: ModelSize,
    /// Sorted by name, so that norms are summed and masks drawn in one order.
    pub parameters: Vec<Parameter>,
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

/// Shares of the numbers set to zero in training; all others are scaled up.
#[derive(Clone, Copy, Debug)]
struct Dropout<'a> {
    recipe: &'a Recipe,
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
        let mut parameters = Vec::new();
        for (name, shape) in drawn {
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
            parameters.push(Parameter::new(name, &shape, numbers)?);
        }
        Ok(Self { size, parameters })
    }

    /// Starts from trained weights.
    ///
    /// # Errors
    /// When memory for a tensor cannot be had.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let parameters = weights
            .iter()
            .map(|(name, shape, numbers)| Parameter::new(name.to_owned(), shape, numbers.to_vec()))
            .collect::<Result<_>>()?;
        Ok(Self {
            size: weights.size,
            parameters,
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
        let tensors = self
            .parameters
            .iter()
            .map(|p| (p.name.clone(), p.var.dims().to_vec(), p.average().to_vec()));
        Weights::new(self.size, tensors)
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
        let dropout = Dropout { recipe };
        let ids = |numbers: Vec<u32>| Tensor::from_vec(numbers, time * batch, &Device::Cpu);
        let tokens = ids(window.tokens.clone())?;
        let slots = ids(window.slots.iter().map(|slot| slot.0 as u32).collect())?;
        let speaker = self.get("speaker.weight").index_select(&slots, 0)?; // (time · batch, n_speaker)
        let embedding = self.get("embedding.weight");
        let x = embedding.index_select(&tokens, 0)?; // (time · batch, n_embd)
        let mut x = dropout.locked(&x, time, batch, recipe.dropout_in, random)?;
        let mut last = Vec::with_capacity(state.len());
        for (layer, state) in state.iter().enumerate() {
            let w_ih = self.get(&format!("lstm.{layer}.weight_ih_l0"));
            let w_hh = self.get(&format!("lstm.{layer}.weight_hh_l0"));
            let bias = self.get(&format!("lstm.{layer}.bias_ih_l0"));
            let input = Tensor::cat(&[&x, &speaker], 1)?; // (time · batch, n_below + n_speaker)
            let projected = input.matmul(&w_ih.t()?)?.broadcast_add(bias)?;
            let projected = projected.reshape((time, batch, 4 * self.size.n_hidden))?;
            let w_hh = dropout.weights(w_hh, random)?;
            let (hidden, after) = lstm(&projected, &w_hh, state)?; // (time, batch, n_hidden)
            last.push(after);
            let rate = if layer + 1 == self.size.n_layer {
                recipe.dropout_out
            } else {
                recipe.dropout_hidden
            };
            x = dropout.locked(
                &hidden.reshape((time * batch, self.size.n_hidden))?,
                time,
                batch,
                rate,
                random,
            )?;
        }
        let output = Tensor::cat(&[&x, &speaker], 1)?;
        let output = output.matmul(&self.get("projection.weight").t()?)?; // (time · batch, n_embd)
        let logits = output
            .matmul(&embedding.t()?)?
            .broadcast_add(self.get("head.bias"))?; // (time · batch, n_vocab)
        let loss = cross_entropy(&logits, window.targets.clone(), window.weights.clone())?;
        Ok((loss, last))
    }
}

impl Dropout<'_> {
    /// Locked (variational) dropout: one mask per lane for the whole window (Gal and Ghahramani 2016). `x` is `(time · batch, width)`.
    fn locked(
        &self,
        x: &Tensor,
        time: usize,
        batch: usize,
        rate: f32,
        random: &mut Random,
    ) -> Result<Tensor> {
        if rate == 0.0 {
            return Ok(x.clone());
        }
        let width = x.dim(1)?;
        let lane = mask(batch * width, rate, random);
        // Spelled out over time: candle multiplies equal shapes much faster than it broadcasts.
        let mask = Tensor::from_vec(lane.repeat(time), (time * batch, width), &Device::Cpu)?;
        Ok((x * mask)?)
    }

    /// Weight drop: one mask per window on the recurrent weights (Merity, Keskar and Socher 2018).
    fn weights(&self, w_hh: &Tensor, random: &mut Random) -> Result<Tensor> {
        if self.recipe.weight_drop == 0.0 {
            return Ok(w_hh.clone());
        }
        let mask = mask(w_hh.elem_count(), self.recipe.weight_drop, random);
        Ok((w_hh * Tensor::from_vec(mask, w_hh.shape(), &Device::Cpu)?)?)
    }
}

fn mask(n: usize, rate: f32, random: &mut Random) -> Vec<f32> {
    let keep = 1.0 / (1.0 - rate);
    (0..n)
        .map(|_| if random.uniform() < rate { 0.0 } else { keep })
        .collect()
}

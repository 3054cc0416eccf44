//! The model as it speaks: weights packed for reading in order, a state that goes in and comes out, several lanes at once, no graph, and no memory
//! allocated per token.
//!
//! Sums are exact over eight-bit weights ([`int8`]) and in one order over others: a lane gives the same bytes alone or in a batch, on any machine.

use telenovela_script::show::ModelSize;

use crate::kernel::{self, PANEL, int8};
use crate::math::ln;
use crate::tokenizer::{Slot, Token};
use crate::weights::Weights;

/// What weights are while they are multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// As a file holds them: eight bits with a scale per row. What everything speaks with.
    #[default]
    Int8,
    /// bfloat16, for comparison.
    Bf16,
    /// f32, for comparison.
    F32,
}

/// A model that can be stepped.
#[derive(Debug)]
pub struct Network {
    size: ModelSize,
    n_vocab: usize,
    /// `(n_vocab, n_embd)`.
    embedding: Vec<f32>,
    /// `(n_slots, n_speaker)`.
    speaker: Vec<f32>,
    layers: Vec<Layer>,
    /// `(n_hidden + n_speaker) → n_embd`.
    projection: Packed,
    /// `n_embd → n_vocab`; the transposed embedding.
    head: Packed,
    /// Padded to whole panels.
    head_bias: Vec<f32>,
}

#[derive(Debug)]
struct Layer {
    /// `n_in → 4 · n_hidden`.
    w_ih: Packed,
    /// `n_hidden → 4 · n_hidden`.
    w_hh: Packed,
    /// Padded to whole panels.
    bias: Vec<f32>,
}

/// The memory of some lanes: h and c of every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    lanes: usize,
    /// `(n_layer, lanes, n_hidden)`.
    h: Vec<f32>,
    /// `(n_layer, lanes, n_hidden)`.
    c: Vec<f32>,
}

impl State {
    /// A copy of the first lane in each of `lanes` lanes.
    pub fn repeat(&self, lanes: usize, size: ModelSize) -> State {
        let spread = |numbers: &[f32]| -> Vec<f32> {
            let per_layer = numbers.chunks_exact(self.lanes * size.n_hidden);
            per_layer
                .flat_map(|layer| layer[..size.n_hidden].repeat(lanes))
                .collect()
        };
        State {
            lanes,
            h: spread(&self.h),
            c: spread(&self.c),
        }
    }

    /// h of the last layer of one lane.
    pub(crate) fn hidden(&self, lane: usize, size: ModelSize) -> &[f32] {
        let at = ((size.n_layer - 1) * self.lanes + lane) * size.n_hidden;
        &self.h[at..at + size.n_hidden]
    }
}

/// Memory that steps reuse, so that none is allocated per token.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    x: Vec<f32>,
    gates: Vec<f32>,
    before: Vec<f32>,
    projected: Vec<f32>,
    rounded: int8::Rounded,
}

/// A matrix packed in panels of [`PANEL`] outputs.
#[derive(Debug)]
enum Packed {
    Int8(int8::Panels),
    Bf16 { weights: Vec<u16>, n_in: usize },
    F32 { weights: Vec<f32>, n_in: usize },
}

impl Packed {
    /// Packs the `(n_out, n_in)` matrix of a name.
    fn new(weights: &Weights, name: &str, n_in: usize, numbers: Numbers) -> Self {
        let (matrix, scales) = weights.matrix(name);
        if numbers == Numbers::Int8 {
            return Packed::Int8(int8::Panels::new(matrix, scales, n_in));
        }
        let n_panel = scales.len().div_ceil(PANEL);
        let mut packed = vec![0f32; n_panel * n_in * PANEL];
        for (out, row) in matrix.chunks_exact(n_in).enumerate() {
            let (panel, column) = (out / PANEL, out % PANEL);
            for (k, &w) in row.iter().enumerate() {
                packed[(panel * n_in + k) * PANEL + column] = w;
            }
        }
        if numbers == Numbers::F32 {
            let weights = packed;
            return Packed::F32 { weights, n_in };
        }
        let weights = packed.into_iter().map(kernel::to_bf16).collect();
        Packed::Bf16 { weights, n_in }
    }

    /// `out += x · w`, for lanes of `n_in` numbers into lanes of whole panels.
    fn accumulate(&self, out: &mut [f32], x: &[f32], rounded: &mut int8::Rounded) {
        match self {
            Packed::Int8(panels) => panels.accumulate(out, x, rounded),
            Packed::Bf16 { weights, n_in } => kernel::accumulate_bf16(out, x, weights, *n_in),
            Packed::F32 { weights, n_in } => kernel::accumulate(out, x, weights, *n_in),
        }
    }

    fn n_bytes(&self) -> usize {
        match self {
            Packed::Int8(panels) => panels.n_bytes(),
            Packed::Bf16 { weights, .. } => size_of_val(weights.as_slice()),
            Packed::F32 { weights, .. } => size_of_val(weights.as_slice()),
        }
    }
}

fn pad(bias: &[f32]) -> Vec<f32> {
    let mut padded = bias.to_vec();
    padded.resize(bias.len().div_ceil(PANEL) * PANEL, 0.0);
    padded
}

impl Network {
    /// Packs weights as they stand in a file.
    pub fn new(weights: &Weights) -> Self {
        Self::in_numbers(weights, Numbers::Int8)
    }

    /// Packs weights in given numbers.
    pub fn in_numbers(weights: &Weights, numbers: Numbers) -> Self {
        let size = weights.size;
        let layers = (0..size.n_layer).map(|layer| {
            let n_below = if layer == 0 {
                size.n_embd
            } else {
                size.n_hidden
            };
            let packed = |name: &str, n_in| {
                Packed::new(weights, &format!("lstm.{layer}.{name}"), n_in, numbers)
            };
            Layer {
                w_ih: packed("weight_ih_l0", n_below + size.n_speaker),
                w_hh: packed("weight_hh_l0", size.n_hidden),
                bias: pad(weights.tensor(&format!("lstm.{layer}.bias_ih_l0"))),
            }
        });
        let layers = layers.collect();
        let bias = weights.tensor("head.bias");
        let n_out = size.n_hidden + size.n_speaker;
        Self {
            size,
            n_vocab: bias.len(),
            embedding: weights.tensor("embedding.weight").to_vec(),
            speaker: weights.tensor("speaker.weight").to_vec(),
            layers,
            projection: Packed::new(weights, "projection.weight", n_out, numbers),
            head: Packed::new(weights, "embedding.weight", size.n_embd, numbers),
            head_bias: pad(bias),
        }
    }

    /// Bytes of the matrices that are read for every token.
    pub fn n_bytes(&self) -> usize {
        let layers = self.layers.iter();
        let layers = layers.map(|layer| layer.w_ih.n_bytes() + layer.w_hh.n_bytes());
        layers.sum::<usize>() + self.projection.n_bytes() + self.head.n_bytes()
    }

    /// The shape.
    pub fn size(&self) -> ModelSize {
        self.size
    }

    /// Number of tokens.
    pub fn n_vocab(&self) -> usize {
        self.n_vocab
    }

    /// An empty memory.
    pub fn zero_state(&self, lanes: usize) -> State {
        let n = self.size.n_layer * lanes * self.size.n_hidden;
        State {
            lanes,
            h: vec![0.0; n],
            c: vec![0.0; n],
        }
    }

    fn speaker(&self, slot: Slot) -> &[f32] {
        &self.speaker[slot.0 * self.size.n_speaker..(slot.0 + 1) * self.size.n_speaker]
    }

    /// Advances every lane by a token that its speaker says.
    pub fn step(&self, tokens: &[Token], slots: &[Slot], state: &mut State, scratch: &mut Scratch) {
        let (lanes, n_hidden) = (state.lanes, self.size.n_hidden);
        assert!(
            tokens.len() == lanes && slots.len() == lanes,
            "one token and one speaker per lane"
        );
        for (depth, layer) in self.layers.iter().enumerate() {
            let span = depth * lanes * n_hidden..(depth + 1) * lanes * n_hidden;
            let (below, here) = state.h.split_at_mut(span.start);
            scratch.x.clear();
            for lane in 0..lanes {
                if depth == 0 {
                    let token = tokens[lane] as usize;
                    scratch.x.extend_from_slice(
                        &self.embedding[token * self.size.n_embd..(token + 1) * self.size.n_embd],
                    );
                } else {
                    let at = ((depth - 1) * lanes + lane) * n_hidden;
                    scratch.x.extend_from_slice(&below[at..at + n_hidden]);
                }
                scratch.x.extend_from_slice(self.speaker(slots[lane]));
            }
            let here = &mut here[..lanes * n_hidden];
            let (gates, rounded) = (&mut scratch.gates, &mut scratch.rounded);
            gates.clear();
            gates.resize(lanes * layer.bias.len(), 0.0);
            layer.w_ih.accumulate(gates, &scratch.x, rounded);
            layer.w_hh.accumulate(gates, here, rounded);
            scratch.before.clear();
            scratch.before.extend_from_slice(&state.c[span.clone()]);
            for lane in 0..lanes {
                kernel::cell_forward(
                    &mut scratch.gates
                        [lane * layer.bias.len()..lane * layer.bias.len() + 4 * n_hidden],
                    &layer.bias,
                    &scratch.before[lane * n_hidden..(lane + 1) * n_hidden],
                    &mut state.c[span.start + lane * n_hidden..span.start + (lane + 1) * n_hidden],
                    &mut here[lane * n_hidden..(lane + 1) * n_hidden],
                );
            }
        }
    }

    /// Logits of the next token of every lane, `(lanes, logits_stride)` into `logits`; those beyond the vocabulary are padding.
    pub fn logits(
        &self,
        slots: &[Slot],
        state: &State,
        scratch: &mut Scratch,
        logits: &mut Vec<f32>,
    ) {
        assert!(slots.len() == state.lanes, "one speaker per lane");
        scratch.x.clear();
        for (lane, &slot) in slots.iter().enumerate() {
            scratch.x.extend_from_slice(state.hidden(lane, self.size));
            scratch.x.extend_from_slice(self.speaker(slot));
        }
        let n_projected = self.size.n_embd.div_ceil(PANEL) * PANEL;
        scratch.projected.clear();
        scratch.projected.resize(state.lanes * n_projected, 0.0);
        self.projection
            .accumulate(&mut scratch.projected, &scratch.x, &mut scratch.rounded);
        scratch.x.clear();
        for lane in scratch.projected.chunks_exact(n_projected) {
            scratch.x.extend_from_slice(&lane[..self.size.n_embd]);
        }
        logits.clear();
        for _ in 0..state.lanes {
            logits.extend_from_slice(&self.head_bias);
        }
        self.head
            .accumulate(logits, &scratch.x, &mut scratch.rounded);
    }

    /// Distance between the logits of two lanes.
    pub fn logits_stride(&self) -> usize {
        self.head_bias.len()
    }
}

/// Turns logits into log-probabilities in place, in nats; `probabilities` is overwritten on the way and holds their exponentials after.
pub fn log_softmax(logits: &mut [f32], probabilities: &mut Vec<f32>) {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    probabilities.clear();
    probabilities.extend_from_slice(logits);
    kernel::exp_minus(probabilities, max);
    let sum: f32 = probabilities.iter().sum();
    let log_sum = max + ln(sum);
    let scale = 1.0 / sum;
    for (logit, p) in logits.iter_mut().zip(probabilities.iter_mut()) {
        *logit -= log_sum;
        *p *= scale;
    }
}

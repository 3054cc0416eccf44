//! The model as it speaks: weights packed for reading in order, a state that goes in and comes out, several lanes at once, no graph.
//!
//! One order of summation throughout ([`kernel::accumulate`]): a lane gives the same bytes alone or in a batch, on any machine.

use telenovela_script::show::ModelSize;

use crate::kernel::{self, PANEL};
use crate::math::ln;
use crate::tokenizer::{Slot, Token};
use crate::weights::Weights;

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
    /// Packed, `(n_hidden + n_speaker) → n_embd`.
    projection: Vec<f32>,
    /// Packed, `n_embd → n_vocab`; the transposed embedding.
    head: Vec<f32>,
    /// Padded to whole panels.
    head_bias: Vec<f32>,
}

#[derive(Debug)]
struct Layer {
    n_in: usize,
    /// Packed, `(n_in + n_hidden) → 4 · n_hidden`: input weights, then recurrent ones.
    weights: Vec<f32>,
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
    fn hidden(&self, lane: usize, size: ModelSize) -> &[f32] {
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
}

/// Packs a `(n_out, n_in)` matrix, rows given by `row`, for [`kernel::accumulate`].
fn pack<'a>(n_out: usize, n_in: usize, row: impl Fn(usize) -> (&'a [f32], &'a [f32])) -> Vec<f32> {
    let n_panel = n_out.div_ceil(PANEL);
    let mut packed = vec![0f32; n_panel * n_in * PANEL];
    for out in 0..n_out {
        let (first, second) = row(out);
        let (panel, column) = (out / PANEL, out % PANEL);
        for (k, &w) in first.iter().chain(second).enumerate() {
            packed[(panel * n_in + k) * PANEL + column] = w;
        }
    }
    packed
}

fn pad(bias: &[f32]) -> Vec<f32> {
    let mut padded = bias.to_vec();
    padded.resize(bias.len().div_ceil(PANEL) * PANEL, 0.0);
    padded
}

impl Network {
    /// Packs weights.
    pub fn new(weights: &Weights) -> Self {
        let size = weights.size;
        let n_gates = 4 * size.n_hidden;
        let layers = (0..size.n_layer).map(|layer| {
            let n_below = if layer == 0 {
                size.n_embd
            } else {
                size.n_hidden
            };
            let n_in = n_below + size.n_speaker;
            let w_ih = weights.tensor(&format!("lstm.{layer}.weight_ih_l0"));
            let w_hh = weights.tensor(&format!("lstm.{layer}.weight_hh_l0"));
            Layer {
                n_in,
                weights: pack(n_gates, n_in + size.n_hidden, |row| {
                    (
                        &w_ih[row * n_in..(row + 1) * n_in],
                        &w_hh[row * size.n_hidden..(row + 1) * size.n_hidden],
                    )
                }),
                bias: pad(weights.tensor(&format!("lstm.{layer}.bias_ih_l0"))),
            }
        });
        let layers = layers.collect();
        let embedding = weights.tensor("embedding.weight");
        let projection = weights.tensor("projection.weight");
        let n_out = size.n_hidden + size.n_speaker;
        let bias = weights.tensor("head.bias");
        Self {
            size,
            n_vocab: bias.len(),
            embedding: embedding.to_vec(),
            speaker: weights.tensor("speaker.weight").to_vec(),
            layers,
            projection: pack(size.n_embd, n_out, |row| {
                (&projection[row * n_out..(row + 1) * n_out], &[])
            }),
            head: pack(bias.len(), size.n_embd, |row| {
                (&embedding[row * size.n_embd..(row + 1) * size.n_embd], &[])
            }),
            head_bias: pad(bias),
        }
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
            let n_row = layer.n_in + n_hidden;
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
                scratch
                    .x
                    .extend_from_slice(&here[lane * n_hidden..(lane + 1) * n_hidden]);
            }
            scratch.gates.clear();
            scratch.gates.resize(lanes * layer.bias.len(), 0.0);
            scratch.before.clear();
            scratch.before.extend_from_slice(&state.c[span.clone()]);
            kernel::accumulate(&mut scratch.gates, &scratch.x, &layer.weights, n_row);
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
        let n_row = self.size.n_hidden + self.size.n_speaker;
        scratch.x.clear();
        for (lane, &slot) in slots.iter().enumerate() {
            scratch.x.extend_from_slice(state.hidden(lane, self.size));
            scratch.x.extend_from_slice(self.speaker(slot));
        }
        let n_projected = self.size.n_embd.div_ceil(PANEL) * PANEL;
        scratch.projected.clear();
        scratch.projected.resize(state.lanes * n_projected, 0.0);
        kernel::accumulate(&mut scratch.projected, &scratch.x, &self.projection, n_row);
        scratch.x.clear();
        for lane in scratch.projected.chunks_exact(n_projected) {
            scratch.x.extend_from_slice(&lane[..self.size.n_embd]);
        }
        logits.clear();
        for _ in 0..state.lanes {
            logits.extend_from_slice(&self.head_bias);
        }
        kernel::accumulate(logits, &scratch.x, &self.head, self.size.n_embd);
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
    probabilities.resize(logits.len(), 0.0);
    kernel::exp_minus(probabilities, logits, max);
    let sum: f32 = probabilities.iter().sum();
    let log_sum = max + ln(sum);
    let scale = 1.0 / sum;
    for (logit, p) in logits.iter_mut().zip(probabilities.iter_mut()) {
        *logit -= log_sum;
        *p *= scale;
    }
}

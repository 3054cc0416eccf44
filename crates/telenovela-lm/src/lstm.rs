//! One layer of an LSTM over a whole window as one candle operation with its own backward.
//!
//! candle-nn builds some fifteen graph nodes per step; here a layer is one node, whatever the length. The input's share of the gates is one
//! matrix product over all steps, the recurrence multiplies by weights packed once for the window, and each gradient of the weights is again one
//! product over all steps (Appleyard, Kocisky and Blunsom 2016). Lanes of the batch are cut between threads.
//!
//! Where tokens are few, the lowest layer does without its product over all steps: each token's share of the gates is computed once and looked up.

mod backward;
mod forward;
mod size;

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use self::backward::Passed;
use self::size::Size;
use crate::applied::Applied;
use crate::compute::{Compute, numbers_of, with_numbers};
use crate::kernel::Matrix;
use crate::kernel::buffer::Buffer;
use crate::kernel::product::in_precision;
use crate::tokenizer::Token;

/// What drops out in a window, as factors: 0, or what keeps the mean.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// Of the input, one row per lane for all steps, `(batch, n_in)`; empty for none.
    pub input: Vec<f32>,
    /// Of the recurrent weights, `(4 · hidden, hidden)`; empty for none.
    pub weights: Vec<f32>,
}

/// Runs one LSTM layer over a window.
///
/// * `input`: `(time · batch, n_in)`, time-major.
/// * `speaker`: `(time · batch, n_speaker)`, stands beside the input and never drops out.
/// * `weights`: `(4 · hidden, n_in + n_speaker + hidden + 1)`: of the input, the speaker, the recurrence, and the bias. Gates in PyTorch's order:
///   input, forget, cell, output.
/// * `state`: `(2, batch, hidden)`, h and c before the first step; no gradient flows into it.
///
/// Results in h after every step, `(time · batch, hidden)`. The second is the state after the last one, detached: back-propagation through time ends at
/// the window.
///
/// # Errors
/// When shapes disagree, or tensors are not `f32` on the CPU.
pub fn lstm(
    compute: &Compute,
    input: &Tensor,
    speaker: &Tensor,
    weights: &Tensor,
    state: &Tensor,
    masks: Masks,
) -> Result<(Applied, Tensor)> {
    run(compute, [input, speaker, weights, state], masks, None)
}

/// As [`lstm`], with rows of `table`, `(n_tokens, n_in)`, as input: that of each token, `(time · batch)` of them. For a table of fewer rows than the window has,
/// of which nothing drops out.
///
/// # Errors
/// As [`lstm`], or when a token has no row.
pub fn lstm_of_tokens(
    compute: &Compute,
    (table, tokens): (&Tensor, Vec<Token>),
    speaker: &Tensor,
    weights: &Tensor,
    state: &Tensor,
    masks: Masks,
) -> Result<(Applied, Tensor)> {
    let operands = [table, speaker, weights, state];
    run(compute, operands, masks, Some(tokens))
}

fn run(
    compute: &Compute,
    operands: [&Tensor; 4],
    masks: Masks,
    tokens: Option<Vec<Token>>,
) -> Result<(Applied, Tensor)> {
    let [input, speaker, weights, state] = operands;
    let (_, batch, n_hidden) = state.dims3()?;
    let size = Size {
        time: speaker.dim(0)? / batch.max(1),
        batch,
        n_in: input.dim(1)?,
        n_speaker: speaker.dim(1)?,
        n_hidden,
        n_tokens: match tokens {
            Some(_) => input.dim(0)?,
            None => 0,
        },
    };
    size.check(operands, &masks, tokens.as_deref())?;
    let saved = Arc::new(Mutex::new(None));
    let layer = LstmLayer {
        compute: compute.clone(),
        size,
        state: state.flatten_all()?.to_vec1()?,
        masks,
        tokens: tokens.unwrap_or_default(),
        saved: Arc::clone(&saved),
    };
    let applied = Applied::new(layer, [input, speaker, weights])?;
    let hidden = &applied.result;
    let h = hidden.narrow(0, (size.time - 1) * batch, batch)?.detach();
    let saved = lock(&saved)?;
    let saved = saved.as_ref().ok_or_else(|| passed_twice("forward"))?;
    let last = size.shards().into_iter().flat_map(|lanes| {
        let end = lanes.end * (size.time + 1) * n_hidden;
        &saved.c[end - lanes.len() * n_hidden..end]
    });
    let c: Vec<f32> = last.copied().collect();
    let c = Tensor::from_vec(c, (batch, n_hidden), hidden.device())?;
    let state = Tensor::stack(&[h, c], 0)?;
    Ok((applied, state))
}

/// What the backward pass needs and the forward pass has at hand, as in [`forward::Forward`].
struct Saved {
    gates: Buffer<f32>,
    c: Buffer<f32>,
}

struct LstmLayer {
    compute: Compute,
    size: Size,
    /// `(2, batch, hidden)`.
    state: Vec<f32>,
    masks: Masks,
    /// Where the input is a table, whose rows come in, `(time · batch)`.
    tokens: Vec<Token>,
    saved: Arc<Mutex<Option<Saved>>>,
}

fn lock(saved: &Mutex<Option<Saved>>) -> Result<MutexGuard<'_, Option<Saved>>> {
    saved
        .lock()
        .map_err(|_| Error::Msg("lstm: another thread panicked in this operation".into()))
}

fn passed_twice(pass: &str) -> Error {
    Error::Msg(format!("lstm: {pass} runs once per window"))
}

impl CustomOp3 for LstmLayer {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        speaker: &CpuStorage,
        speaker_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let data = Data {
            input: numbers_of(input, input_layout)?,
            speaker: numbers_of(speaker, speaker_layout)?,
            weights: numbers_of(weights, weights_layout)?,
        };
        let passed = in_precision!(self.compute.precision, F => self.forward::<F>(&data));
        *lock(&self.saved)? = Some(Saved {
            gates: passed.gates,
            c: passed.c,
        });
        let shape = Shape::from((self.size.n_rows(), self.size.n_hidden));
        Ok((CpuStorage::F32(passed.h), shape))
    }

    fn bwd(
        &self,
        input: &Tensor,
        speaker: &Tensor,
        weights: &Tensor,
        hidden: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let size = self.size;
        let saved = lock(&self.saved)?.take();
        let Saved { gates, c } = saved.ok_or_else(|| passed_twice("backward"))?;
        let grads = with_numbers(
            [input, speaker, weights, hidden, &grad.contiguous()?],
            |[input, speaker, weights, h, dh]| {
                let data = Data {
                    input,
                    speaker,
                    weights,
                };
                let (gates, c) = (&gates, &c);
                let passed = Passed { gates, c, h, dh };
                in_precision!(self.compute.precision, F => self.backward::<F>(&data, &passed))
            },
        )?;
        let tensor = |numbers, rows, columns| {
            Tensor::from_vec::<_, f32>(numbers, (rows, columns), input.device())
        };
        Ok((
            Some(tensor(grads.input, input.dim(0)?, size.n_in)?),
            Some(tensor(grads.speaker, size.n_rows(), size.n_speaker)?),
            Some(tensor(grads.weights, size.n_gates(), size.n_columns())?),
        ))
    }
}

/// The operands as plain numbers.
struct Data<'a> {
    input: &'a [f32],
    speaker: &'a [f32],
    weights: &'a [f32],
}

impl LstmLayer {
    /// Lends out what rows of some lanes at some steps enter, `(steps · lanes, n)`: the input, unless it is looked up, with what drops out dropped, and the
    /// speaker.
    fn with_below<T>(
        &self,
        data: &Data<'_>,
        lanes: &Range<usize>,
        steps: Range<usize>,
        use_it: impl FnOnce(Matrix<'_>) -> T,
    ) -> T {
        let size = self.size;
        let (n_below, n_speaker) = (size.of_rows().len(), size.n_speaker);
        let n_in = n_below - n_speaker;
        if n_speaker == 0 && self.masks.input.is_empty() {
            return use_it(size.lanes(data.input, n_in, lanes, steps.start));
        }
        let n = steps.len() * lanes.len() * n_below;
        let mut below = self.compute.shelf.take::<f32>(n);
        let rows = steps.flat_map(|step| lanes.clone().map(move |lane| step * size.batch + lane));
        for (at, row) in rows.zip(below.chunks_exact_mut(n_below)) {
            let (input, speaker) = row.split_at_mut(n_in);
            input.copy_from_slice(&data.input[at * n_in..][..n_in]);
            speaker.copy_from_slice(&data.speaker[at * n_speaker..][..n_speaker]);
        }
        self.drop_input(&mut below, n_below, lanes);
        use_it(Matrix::rows(&below, n_below))
    }

    /// Multiplies the first `n_in` numbers of rows of `stride`, one per lane and step, by their lane's mask.
    fn drop_input(&self, rows: &mut [f32], stride: usize, lanes: &Range<usize>) {
        if self.masks.input.is_empty() {
            return;
        }
        let n_in = self.size.n_in;
        let masks = self.masks.input[lanes.start * n_in..lanes.end * n_in].chunks_exact(n_in);
        for (row, mask) in rows.chunks_exact_mut(stride).zip(masks.cycle()) {
            for (x, mask) in row.iter_mut().zip(mask) {
                *x *= mask;
            }
        }
    }

    /// The tokens of some lanes at some steps; none where the input comes as rows.
    fn tokens_of(
        &self,
        lanes: &Range<usize>,
        steps: Range<usize>,
    ) -> impl Iterator<Item = usize> + '_ {
        let steps = self
            .tokens
            .chunks_exact(self.size.batch)
            .take(steps.end)
            .skip(steps.start);
        let lanes = lanes.clone();
        steps.flat_map(move |step| step[lanes.clone()].iter().map(|&token| token as usize))
    }

    /// Lends out the recurrent weights with what drops out dropped, `(4 · hidden, hidden)`.
    fn with_recurrent(&self, data: &Data<'_>, use_them: impl FnOnce(Matrix<'_>)) {
        let (n_hidden, n_columns) = (self.size.n_hidden, self.size.n_columns());
        let weights = &data.weights[self.size.n_below()..];
        if self.masks.weights.is_empty() {
            return use_them(Matrix::rows(weights, n_columns));
        }
        let mut recurrent = self.compute.shelf.take::<f32>(self.masks.weights.len());
        let masks = self.masks.weights.chunks_exact(n_hidden);
        let rows = weights.chunks(n_columns).zip(masks);
        for (out, (row, mask)) in recurrent.chunks_exact_mut(n_hidden).zip(rows) {
            for (out, (w, mask)) in out.iter_mut().zip(row.iter().zip(mask)) {
                *out = w * mask;
            }
        }
        use_them(Matrix::rows(&recurrent, n_hidden));
    }
}

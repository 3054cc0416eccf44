//! One layer of an LSTM over a whole window as one candle operation with its own backward.
//!
//! candle-nn builds some fifteen graph nodes per step; here a layer is one node, whatever the length. The input's share of the gates is one
//! matrix product over all steps, the recurrence multiplies by weights packed once for the window, and each gradient of the weights is again one
//! product over all steps (Appleyard, Kocisky and Blunsom 2016). Lanes of the batch are cut between threads.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::compute::{Compute, Kept, with_numbers};
use crate::kernel::product::{Format, ROWS, in_precision, multiply, multiply_on};
use crate::kernel::{self, Matrix, threads};

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
/// Returns h after every step, `(time · batch, hidden)`, and the state after the last one, detached: back-propagation through time ends at the
/// window.
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
) -> Result<(Tensor, Tensor)> {
    let (_, batch, n_hidden) = state.dims3()?;
    let size = Size {
        time: input.dim(0)? / batch.max(1),
        batch,
        n_in: input.dim(1)?,
        n_speaker: speaker.dim(1)?,
        n_hidden,
    };
    size.check([input, speaker, weights, state], &masks)?;
    let saved = Arc::new(Mutex::new(Saved {
        compute: compute.clone(),
        gates: Vec::new(),
        c: Vec::new(),
    }));
    let layer = LstmLayer {
        compute: compute.clone(),
        size,
        state: state.flatten_all()?.to_vec1()?,
        masks,
        saved: Arc::clone(&saved),
    };
    let hidden =
        input
            .contiguous()?
            .apply_op3(&speaker.contiguous()?, &weights.contiguous()?, layer)?;
    let h = hidden.narrow(0, (size.time - 1) * batch, batch)?.detach();
    let c = lock(&saved)?.c[size.time * batch * n_hidden..].to_vec();
    let c = Tensor::from_vec(c, (batch, n_hidden), hidden.device())?;
    Ok((hidden, Tensor::stack(&[h, c], 0)?))
}

/// The numbers of a layer's window.
#[derive(Clone, Copy, Debug)]
struct Size {
    time: usize,
    batch: usize,
    n_in: usize,
    n_speaker: usize,
    n_hidden: usize,
}

impl Size {
    fn n_rows(self) -> usize {
        self.time * self.batch
    }

    fn n_gates(self) -> usize {
        4 * self.n_hidden
    }

    /// Columns of the weights before those of the recurrence.
    fn n_below(self) -> usize {
        self.n_in + self.n_speaker
    }

    /// Columns of the weights.
    fn n_columns(self) -> usize {
        self.n_below() + self.n_hidden + 1
    }

    fn check(self, [input, speaker, weights, state]: [&Tensor; 4], masks: &Masks) -> Result<()> {
        let fits = input.dims() == [self.n_rows(), self.n_in]
            && self.time > 0
            && speaker.dims() == [self.n_rows(), self.n_speaker]
            && weights.dims() == [self.n_gates(), self.n_columns()]
            && state.dims() == [2, self.batch, self.n_hidden]
            && [0, self.batch * self.n_in].contains(&masks.input.len())
            && [0, self.n_gates() * self.n_hidden].contains(&masks.weights.len());
        if fits {
            return Ok(());
        }
        Err(Error::Msg(format!(
            "lstm: input {:?}, speaker {:?}, weights {:?} and state {:?} do not fit together",
            input.dims(),
            speaker.dims(),
            weights.dims(),
            state.dims()
        )))
    }
}

/// What the backward pass needs and the forward pass has at hand.
struct Saved {
    compute: Compute,
    /// Activated gates, `(time, batch, 4 · hidden)`.
    gates: Vec<f32>,
    /// Cells, `(time + 1, batch, hidden)`; the first is the one before the window.
    c: Vec<f32>,
}

struct LstmLayer {
    compute: Compute,
    size: Size,
    /// `(2, batch, hidden)`.
    state: Vec<f32>,
    masks: Masks,
    saved: Arc<Mutex<Saved>>,
}

fn lock(saved: &Mutex<Saved>) -> Result<MutexGuard<'_, Saved>> {
    saved
        .lock()
        .map_err(|_| Error::Msg("lstm: another thread panicked in this operation".into()))
}

impl Drop for Saved {
    fn drop(&mut self) {
        self.compute.give(std::mem::take(&mut self.gates));
        self.compute.give(std::mem::take(&mut self.c));
    }
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
            input: slice(input, input_layout)?,
            speaker: slice(speaker, speaker_layout)?,
            weights: slice(weights, weights_layout)?,
        };
        let (h, gates, c) = in_precision!(self.compute.precision, F => self.forward::<F>(&data));
        let mut saved = lock(&self.saved)?;
        (saved.gates, saved.c) = (gates, c);
        let shape = Shape::from((self.size.n_rows(), self.size.n_hidden));
        Ok((CpuStorage::F32(h), shape))
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
        let saved = &mut *lock(&self.saved)?;
        let (mut gates, c) = (
            std::mem::take(&mut saved.gates),
            std::mem::take(&mut saved.c),
        );
        if gates.is_empty() {
            return Err(Error::Msg("lstm: backward runs once per forward".into()));
        }
        let grads = with_numbers(
            [input, speaker, weights, hidden, &grad.contiguous()?],
            |[input, speaker, weights, hidden, grad]| {
                let data = Data {
                    input,
                    speaker,
                    weights,
                };
                in_precision!(self.compute.precision, F => {
                    self.backward::<F>(&data, &mut gates, &c, grad);
                    self.gradients::<F>(&data, &gates, hidden)
                })
            },
        )?;
        self.compute.give(gates);
        self.compute.give(c);
        let tensor = |numbers, rows, columns| {
            Tensor::from_vec::<_, f32>(numbers, (rows, columns), input.device())
        };
        Ok((
            Some(tensor(grads.input, size.n_rows(), size.n_in)?),
            Some(tensor(grads.speaker, size.n_rows(), size.n_speaker)?),
            Some(tensor(grads.weights, size.n_gates(), size.n_columns())?),
        ))
    }
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("lstm: tensors must be contiguous".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// The operands as plain numbers.
struct Data<'a> {
    input: &'a [f32],
    speaker: &'a [f32],
    weights: &'a [f32],
}

/// Gradients of the operands.
struct Gradients {
    input: Vec<f32>,
    speaker: Vec<f32>,
    weights: Vec<f32>,
}

impl LstmLayer {
    /// h after every step, and what is saved: gates and cells.
    fn forward<F: Format<Number: Kept>>(&self, data: &Data<'_>) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden) = (size.n_gates(), size.n_hidden);
        let below = self.below(data);
        let mut left = compute.left::<F>(size.n_rows(), size.n_below());
        left.pack(compute.threads, Matrix::rows(&below, size.n_below()));
        compute.give(below);
        let of_input = Matrix::rows(data.weights, size.n_columns()).transposed();
        let mut right = compute.right::<F>(size.n_below(), n_gates);
        right.pack(compute.threads, of_input);
        let mut gates = compute.take::<f32>(size.n_rows() * n_gates);
        multiply_on(compute.threads, &mut gates, &left, &right, false);
        compute.give(left.into_data());
        compute.give(right.into_data());

        let recurrent = self.recurrent(data);
        let mut w_hh = compute.right::<F>(n_hidden, n_gates);
        w_hh.pack(
            compute.threads,
            Matrix::rows(&recurrent, n_hidden).transposed(),
        );
        compute.give(recurrent);
        let bias = self.bias(data);
        let (h0, c0) = self.state.split_at(size.batch * n_hidden);
        let mut h = vec![0f32; size.n_rows() * n_hidden];
        let mut c = compute.take::<f32>((size.time + 1) * size.batch * n_hidden);
        c[..size.batch * n_hidden].copy_from_slice(c0);
        let parts = lane_parts(size.batch, compute.threads);
        let parts = parts.iter().zip(
            by_lanes(&mut gates, &parts, n_gates)
                .into_iter()
                .zip(by_lanes(&mut h, &parts, n_hidden))
                .zip(by_lanes(&mut c, &parts, n_hidden)),
        );
        threads::for_each(
            compute.threads,
            parts,
            |(lanes, ((mut gates, mut h), mut c))| {
                let mut left = compute.left::<F>(lanes.len(), n_hidden);
                for step in 0..size.time {
                    let (done, now) = h.split_at_mut(step);
                    let before = match done.last() {
                        Some(before) => &**before,
                        None => &h0[lanes.start * n_hidden..lanes.end * n_hidden],
                    };
                    left.pack(1, Matrix::rows(before, n_hidden));
                    multiply(gates[step], &left, 0, &w_hh, true);
                    let (c_before, c) = c.split_at_mut(step + 1);
                    let cells = c_before[step]
                        .chunks_exact(n_hidden)
                        .zip(c[0].chunks_exact_mut(n_hidden))
                        .zip(now[0].chunks_exact_mut(n_hidden));
                    for (gates, ((before, c), h)) in
                        gates[step].chunks_exact_mut(n_gates).zip(cells)
                    {
                        kernel::cell_forward(gates, &bias, before, c, h);
                    }
                }
                compute.give(left.into_data());
            },
        );
        compute.give(w_hh.into_data());
        (h, gates, c)
    }

    /// Back through time: turns activated gates into the gradient of what went into them. `grad` is that of the output.
    fn backward<F: Format<Number: Kept>>(
        &self,
        data: &Data<'_>,
        gates: &mut [f32],
        c: &[f32],
        grad: &[f32],
    ) {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden) = (size.n_gates(), size.n_hidden);
        let recurrent = self.recurrent(data);
        let mut w_hh = compute.right::<F>(n_gates, n_hidden);
        w_hh.pack(compute.threads, Matrix::rows(&recurrent, n_hidden));
        compute.give(recurrent);
        let parts = lane_parts(size.batch, compute.threads);
        let parts = parts.iter().zip(by_lanes(gates, &parts, n_gates));
        threads::for_each(compute.threads, parts, |(lanes, mut gates)| {
            let width = lanes.len() * n_hidden;
            let at = |step: usize| {
                let start = (step * size.batch + lanes.start) * n_hidden;
                start..start + width
            };
            let mut left = compute.left::<F>(lanes.len(), n_gates);
            let mut dh = vec![0f32; width];
            let mut dc = vec![0f32; width];
            for step in (0..size.time).rev() {
                for (dh, grad) in dh.iter_mut().zip(&grad[at(step)]) {
                    *dh += grad;
                }
                let (before, after) = (&c[at(step)], &c[at(step + 1)]);
                let cells = (before
                    .chunks_exact(n_hidden)
                    .zip(after.chunks_exact(n_hidden)))
                .zip(dh.chunks_exact(n_hidden).zip(dc.chunks_exact_mut(n_hidden)));
                for (gates, ((before, c), (dh, dc))) in
                    gates[step].chunks_exact_mut(n_gates).zip(cells)
                {
                    kernel::cell_backward(gates, c, before, dh, dc);
                }
                if step > 0 {
                    left.pack(1, Matrix::rows(gates[step], n_gates));
                    multiply(&mut dh, &left, 0, &w_hh, false);
                }
            }
            compute.give(left.into_data());
        });
        compute.give(w_hh.into_data());
    }

    /// Gradients of the operands from that of the gates, `(time · batch, 4 · hidden)`.
    fn gradients<F: Format<Number: Kept>>(
        &self,
        data: &Data<'_>,
        gates: &[f32],
        hidden: &[f32],
    ) -> Gradients {
        let (size, compute) = (self.size, &self.compute);
        let (n_rows, n_gates, n_hidden) = (size.n_rows(), size.n_gates(), size.n_hidden);
        let n_below = size.n_below();

        let mut left = compute.left::<F>(n_rows, n_gates);
        left.pack(compute.threads, Matrix::rows(gates, n_gates));
        let mut w_ih = compute.right::<F>(n_gates, n_below);
        w_ih.pack(
            compute.threads,
            Matrix::rows(data.weights, size.n_columns()),
        );
        let mut d_below = compute.take::<f32>(n_rows * n_below);
        multiply_on(compute.threads, &mut d_below, &left, &w_ih, false);
        compute.give(left.into_data());
        compute.give(w_ih.into_data());
        let mut input = Vec::with_capacity(n_rows * size.n_in);
        let mut speaker = Vec::with_capacity(n_rows * size.n_speaker);
        for row in d_below.chunks_exact(n_below.max(1)) {
            input.extend_from_slice(&row[..size.n_in]);
            speaker.extend_from_slice(&row[size.n_in..]);
        }
        compute.give(d_below);
        self.drop_input(&mut input, size.n_in);

        // Turned round, features by gates: the large operand, the gates, is then packed by the side that lies in order.
        let mut right = compute.right::<F>(n_rows, n_gates);
        right.pack(compute.threads, Matrix::rows(gates, n_gates));
        let by_features = |features: &[f32], n: usize| {
            let mut left = compute.left::<F>(n, n_rows);
            left.pack(compute.threads, Matrix::rows(features, n).transposed());
            let mut product = compute.take::<f32>(n * n_gates);
            multiply_on(compute.threads, &mut product, &left, &right, false);
            compute.give(left.into_data());
            product
        };
        let below = self.below(data);
        let of_input = by_features(&below, n_below);
        compute.give(below);
        let mut before = compute.take::<f32>(n_rows * n_hidden);
        let (first, rest) = before.split_at_mut(size.batch * n_hidden);
        first.copy_from_slice(&self.state[..size.batch * n_hidden]);
        rest.copy_from_slice(&hidden[..rest.len()]);
        let of_hidden = by_features(&before, n_hidden);
        compute.give(before);
        compute.give(right.into_data());

        let mut of_bias = vec![0f32; n_gates];
        let columns = of_bias
            .chunks_mut(n_gates.div_ceil(compute.threads))
            .enumerate();
        let width = n_gates.div_ceil(compute.threads);
        threads::for_each(compute.threads, columns, |(at, sums)| {
            kernel::add_rows(sums, &gates[at * width..], n_gates);
        });

        let mut weights = vec![0f32; n_gates * size.n_columns()];
        for (gate, row) in weights.chunks_exact_mut(size.n_columns()).enumerate() {
            let turned = |product: &[f32], row: &mut [f32]| {
                for (w, product) in row.iter_mut().zip(product.chunks_exact(n_gates)) {
                    *w = product[gate];
                }
            };
            turned(&of_input, &mut row[..n_below]);
            turned(&of_hidden, &mut row[n_below..n_below + n_hidden]);
            if !self.masks.weights.is_empty() {
                let mask = &self.masks.weights[gate * n_hidden..(gate + 1) * n_hidden];
                for (w, mask) in row[n_below..].iter_mut().zip(mask) {
                    *w *= mask;
                }
            }
            row[n_below + n_hidden] = of_bias[gate];
        }
        compute.give(of_input);
        compute.give(of_hidden);
        Gradients {
            input,
            speaker,
            weights,
        }
    }

    /// What enters the layer at every step, `(time · batch, n_below)`: the input, with what drops out dropped, and the speaker.
    fn below(&self, data: &Data<'_>) -> Vec<f32> {
        let size = self.size;
        let mut below = self.compute.take(size.n_rows() * size.n_below());
        let rows = below.chunks_exact_mut(size.n_below().max(1)).enumerate();
        for (at, row) in rows {
            let (input, speaker) = row.split_at_mut(size.n_in);
            input.copy_from_slice(&data.input[at * size.n_in..(at + 1) * size.n_in]);
            speaker.copy_from_slice(&data.speaker[at * size.n_speaker..(at + 1) * size.n_speaker]);
        }
        self.drop_input(&mut below, size.n_below());
        below
    }

    /// Multiplies the first `n_in` numbers of rows of `stride` by their lane's mask.
    fn drop_input(&self, rows: &mut [f32], stride: usize) {
        if self.masks.input.is_empty() {
            return;
        }
        let lanes = self.masks.input.chunks_exact(self.size.n_in).cycle();
        for (row, mask) in rows.chunks_exact_mut(stride).zip(lanes) {
            for (x, mask) in row.iter_mut().zip(mask) {
                *x *= mask;
            }
        }
    }

    /// The recurrent weights with what drops out dropped, `(4 · hidden, hidden)`.
    fn recurrent(&self, data: &Data<'_>) -> Vec<f32> {
        let size = self.size;
        let mut recurrent = self.compute.take(size.n_gates() * size.n_hidden);
        let rows = data.weights.chunks_exact(size.n_columns());
        for (out, row) in recurrent.chunks_exact_mut(size.n_hidden).zip(rows) {
            out.copy_from_slice(&row[size.n_below()..size.n_below() + size.n_hidden]);
        }
        for (w, mask) in recurrent.iter_mut().zip(&self.masks.weights) {
            *w *= mask;
        }
        recurrent
    }

    fn bias(&self, data: &Data<'_>) -> Vec<f32> {
        let rows = data.weights.chunks_exact(self.size.n_columns());
        rows.map(|row| row[self.size.n_columns() - 1]).collect()
    }
}

/// Lanes of each thread, in whole blocks of a product.
fn lane_parts(batch: usize, threads: usize) -> Vec<Range<usize>> {
    let share = batch.div_ceil(threads).div_ceil(ROWS) * ROWS;
    (0..batch)
        .step_by(share)
        .map(|start| start..(start + share).min(batch))
        .collect()
}

/// Cuts `(time, batch, width)` numbers by lanes: for each part, its piece of every step.
fn by_lanes<'a>(
    mut numbers: &'a mut [f32],
    parts: &[Range<usize>],
    width: usize,
) -> Vec<Vec<&'a mut [f32]>> {
    let mut pieces: Vec<Vec<&mut [f32]>> = parts.iter().map(|_| Vec::new()).collect();
    while !numbers.is_empty() {
        for (pieces, lanes) in pieces.iter_mut().zip(parts) {
            let (piece, rest) = numbers.split_at_mut(lanes.len() * width);
            pieces.push(piece);
            numbers = rest;
        }
    }
    pieces
}

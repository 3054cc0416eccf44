//! One layer of an LSTM over a whole window as one candle operation with its own backward.
//!
//! candle-nn builds some fifteen graph nodes per step; here a layer is one node, whatever the length. The input's share of the gates is one
//! matrix product over all steps, the recurrence multiplies by weights packed once for the window, and each gradient of the weights is again one
//! product over all steps (Appleyard, Kocisky and Blunsom 2016). Lanes of the batch are cut between threads.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::compute::{Compute, Kept, with_numbers};
use crate::kernel::product::{Format, Left, ROWS, Right, in_precision, multiply};
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
    let c = lock(&saved)?;
    let last = size.shards().into_iter().flat_map(|lanes| {
        let end = lanes.end * (size.time + 1) * n_hidden;
        &c.c[end - lanes.len() * n_hidden..end]
    });
    let c: Vec<f32> = last.copied().collect();
    let c = Tensor::from_vec(c, (batch, n_hidden), hidden.device())?;
    Ok((hidden, Tensor::stack(&[h, c], 0)?))
}

/// Lanes of a shard: what one block of a product holds.
const SHARD_LANES: usize = ROWS;
/// Rows, steps times lanes, of a chunk.
const CHUNK_ROWS: usize = 128;
/// Rows that every format packs whole, [`Format::STEP`].
const TILE_ROWS: usize = 32;

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

    /// Lanes that are computed together. Their number follows from the batch, never from the threads: gradients are summed shard by shard.
    fn shards(self) -> Vec<Range<usize>> {
        (0..self.batch)
            .step_by(SHARD_LANES)
            .map(|start| start..(start + SHARD_LANES).min(self.batch))
            .collect()
    }

    /// Steps of a chunk of so many lanes: about [`CHUNK_ROWS`] rows, and whole tiles of them in every format.
    fn chunk_steps(n_lanes: usize) -> usize {
        let whole = TILE_ROWS >> n_lanes.trailing_zeros().min(TILE_ROWS.trailing_zeros());
        (CHUNK_ROWS / n_lanes / whole).max(1) * whole
    }

    /// The chunks of all steps, in order.
    fn chunks(self, n_lanes: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let steps = Self::chunk_steps(n_lanes);
        let n_chunks = self.time.div_ceil(steps);
        (0..n_chunks).map(move |at| at * steps..((at + 1) * steps).min(self.time))
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
    /// Activated gates, `(time, lanes, 4 · hidden)` of each shard.
    gates: Vec<f32>,
    /// Cells, `(time + 1, lanes, hidden)` of each shard; the first is the one before the window.
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
        let (gates, c) = (
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
                    self.backward::<F>(&data, &gates, &c, hidden, grad)
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
        let mut w_ih = compute.right::<F>(size.n_below(), n_gates);
        let of_input = Matrix::rows(data.weights, size.n_columns()).transposed();
        w_ih.pack(compute.threads, of_input);
        let mut w_hh = compute.right::<F>(n_hidden, n_gates);
        let recurrent = self.recurrent(data);
        let of_hidden = Matrix::rows(&recurrent, n_hidden).transposed();
        w_hh.pack(compute.threads, of_hidden);
        let packed = Packed {
            w_ih,
            w_hh,
            bias: self.bias(data),
        };
        let mut gates = compute.take::<f32>(size.n_rows() * n_gates);
        let mut c = compute.take::<f32>((size.time + 1) * size.batch * n_hidden);
        let mut h = vec![0f32; size.n_rows() * n_hidden];
        let shards = size.shards();
        let parts = shards.iter().zip(
            by_shard(&mut gates, &shards, size.time * n_gates)
                .into_iter()
                .zip(by_shard(&mut c, &shards, (size.time + 1) * n_hidden))
                .zip(by_step(&mut h, &shards, (size.time, n_hidden))),
        );
        threads::for_each(compute.threads, parts, |(lanes, ((gates, c), h))| {
            self.forward_shard(data, &packed, lanes, gates, c, h);
        });
        compute.give(recurrent);
        compute.give(packed.w_ih.into_data());
        compute.give(packed.w_hh.into_data());
        (h, gates, c)
    }

    /// Some lanes forward: a chunk of the input's share at a time, which is then still in the cache when the recurrence adds to it.
    fn forward_shard<F: Format<Number: Kept>>(
        &self,
        data: &Data<'_>,
        packed: &Packed<F>,
        lanes: &Range<usize>,
        gates: &mut [f32],
        c: &mut [f32],
        mut h: Vec<&mut [f32]>,
    ) {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden, n_lanes) = (size.n_gates(), size.n_hidden, lanes.len());
        let (h0, c0) = self.state.split_at(size.batch * n_hidden);
        let of_lanes = lanes.start * n_hidden..lanes.end * n_hidden;
        c[..n_lanes * n_hidden].copy_from_slice(&c0[of_lanes.clone()]);
        let mut left = compute.left::<F>(n_lanes, n_hidden);
        let mut below = compute.left::<F>(0, size.n_below());
        for steps in size.chunks(n_lanes) {
            let rows = self.below(data, lanes, steps.clone());
            below.set_rows(steps.len() * n_lanes);
            below.pack(1, Matrix::rows(&rows, size.n_below()));
            compute.give(rows);
            let gates = &mut gates[steps.start * n_lanes * n_gates..steps.end * n_lanes * n_gates];
            multiply(gates, &below, 0, &packed.w_ih, false);
            for (step, gates) in steps.zip(gates.chunks_exact_mut(n_lanes * n_gates)) {
                let (done, now) = h.split_at_mut(step);
                let before = match done.last() {
                    Some(before) => &**before,
                    None => &h0[of_lanes.clone()],
                };
                left.pack(1, Matrix::rows(before, n_hidden));
                multiply(gates, &left, 0, &packed.w_hh, true);
                let c = &mut c[step * n_lanes * n_hidden..(step + 2) * n_lanes * n_hidden];
                let (before, c) = c.split_at_mut(n_lanes * n_hidden);
                let cells = before
                    .chunks_exact(n_hidden)
                    .zip(c.chunks_exact_mut(n_hidden))
                    .zip(now[0].chunks_exact_mut(n_hidden));
                for (gates, ((before, c), h)) in gates.chunks_exact_mut(n_gates).zip(cells) {
                    kernel::cell_forward(gates, &packed.bias, before, c, h);
                }
            }
        }
        compute.give(left.into_data());
        compute.give(below.into_data());
    }

    /// Back through time, and the gradients of the operands. `grad` is that of the output.
    fn backward<F: Format<Number: Kept>>(
        &self,
        data: &Data<'_>,
        gates: &[f32],
        c: &[f32],
        hidden: &[f32],
        grad: &[f32],
    ) -> Gradients {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden) = (size.n_gates(), size.n_hidden);
        let mut w_ih = compute.right::<F>(n_gates, size.n_below());
        w_ih.pack(
            compute.threads,
            Matrix::rows(data.weights, size.n_columns()),
        );
        let mut w_hh = compute.right::<F>(n_gates, n_hidden);
        let recurrent = self.recurrent(data);
        w_hh.pack(compute.threads, Matrix::rows(&recurrent, n_hidden));
        compute.give(recurrent);
        let packed = Packed {
            w_ih,
            w_hh,
            bias: Vec::new(),
        };
        let mut input = vec![0f32; size.n_rows() * size.n_in];
        let mut speaker = vec![0f32; size.n_rows() * size.n_speaker];
        let shards = size.shards();
        let mut of_weights: Vec<Option<ShardGradients>> = shards.iter().map(|_| None).collect();
        let parts = shards.iter().zip(
            by_step(&mut input, &shards, (size.time, size.n_in))
                .into_iter()
                .zip(by_step(&mut speaker, &shards, (size.time, size.n_speaker)))
                .zip(&mut of_weights),
        );
        threads::for_each(
            compute.threads,
            parts,
            |(lanes, ((input, speaker), of_weights))| {
                let mut shard = Shard {
                    lanes: lanes.clone(),
                    gates: &gates[lanes.start * size.time * n_gates..]
                        [..lanes.len() * size.time * n_gates],
                    c: &c[lanes.start * (size.time + 1) * n_hidden..],
                    hidden,
                    grad,
                    input,
                    speaker,
                };
                *of_weights = Some(self.backward_shard(data, &packed, &mut shard));
            },
        );
        compute.give(packed.w_ih.into_data());
        compute.give(packed.w_hh.into_data());
        Gradients {
            input,
            speaker,
            weights: self.sum_of_shards(of_weights.into_iter().flatten().collect()),
        }
    }

    /// Some lanes back through time. The gradient of their gates is used while it is in the cache: for the step before, for the layer below, and packed
    /// for that of the weights, which is one product at the end.
    fn backward_shard<F: Format<Number: Kept>>(
        &self,
        data: &Data<'_>,
        packed: &Packed<F>,
        shard: &mut Shard<'_>,
    ) -> ShardGradients {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden, n_lanes) = (size.n_gates(), size.n_hidden, shard.lanes.len());
        let (n_rows, width) = (size.time * n_lanes, n_lanes * n_hidden);
        let mut left = compute.left::<F>(n_lanes, n_gates);
        let mut of_chunk = compute.left::<F>(0, n_gates);
        let mut of_all = compute.right::<F>(n_rows, n_gates);
        let mut d_gates = compute.take::<f32>(Size::chunk_steps(n_lanes) * n_lanes * n_gates);
        let mut bias = vec![0f32; n_gates];
        let mut dh = vec![0f32; width];
        let mut dc = vec![0f32; width];
        for steps in size.chunks(n_lanes).rev() {
            let d_gates = &mut d_gates[..steps.len() * n_lanes * n_gates];
            for (step, d_gates) in steps
                .clone()
                .zip(d_gates.chunks_exact_mut(n_lanes * n_gates))
                .rev()
            {
                let at = (step * size.batch + shard.lanes.start) * n_hidden;
                for (dh, grad) in dh.iter_mut().zip(&shard.grad[at..at + width]) {
                    *dh += grad;
                }
                let gates = &shard.gates[step * n_lanes * n_gates..];
                let (before, c) = shard.c[step * width..(step + 2) * width].split_at(width);
                let cells = (before.chunks_exact(n_hidden).zip(c.chunks_exact(n_hidden)))
                    .zip(dh.chunks_exact(n_hidden).zip(dc.chunks_exact_mut(n_hidden)));
                let gates = gates.chunks_exact(n_gates);
                for ((d_gates, gates), ((before, c), (dh, dc))) in
                    d_gates.chunks_exact_mut(n_gates).zip(gates).zip(cells)
                {
                    kernel::cell_backward(d_gates, gates, c, before, dh, dc);
                }
                if step > 0 {
                    left.pack(1, Matrix::rows(d_gates, n_gates));
                    multiply(&mut dh, &left, 0, &packed.w_hh, false);
                }
            }
            kernel::add_rows(&mut bias, d_gates, n_gates);
            let d_gates = Matrix::rows(d_gates, n_gates);
            of_all.pack_stretch(d_gates, steps.start * n_lanes, steps.len() * n_lanes);
            of_chunk.set_rows(steps.len() * n_lanes);
            of_chunk.pack(1, d_gates);
            self.to_below(&of_chunk, &packed.w_ih, steps, shard);
        }
        compute.give(d_gates);
        compute.give(left.into_data());
        compute.give(of_chunk.into_data());

        // Features by gates, the other way round than the weights: so the gates, the larger side, were packed as they lay.
        let by_features = |features: Vec<f32>, n: usize| {
            let mut left = compute.left::<F>(n, n_rows);
            left.pack(1, Matrix::rows(&features, n).transposed());
            let mut product = compute.take::<f32>(n * n_gates);
            multiply(&mut product, &left, 0, &of_all, false);
            compute.give(left.into_data());
            compute.give(features);
            product
        };
        let below = self.below(data, &shard.lanes, 0..size.time);
        let mut before = compute.take::<f32>(n_rows * n_hidden);
        for (step, before) in before.chunks_exact_mut(width).enumerate() {
            let source = if step == 0 { &self.state } else { shard.hidden };
            let at = (step.saturating_sub(1) * size.batch + shard.lanes.start) * n_hidden;
            before.copy_from_slice(&source[at..at + width]);
        }
        let gradients = ShardGradients {
            below: by_features(below, size.n_below()),
            hidden: by_features(before, n_hidden),
            bias,
        };
        compute.give(of_all.into_data());
        gradients
    }

    /// The gradient of what is below a chunk of steps, from that of its gates.
    fn to_below<F: Format<Number: Kept>>(
        &self,
        of_chunk: &Left<F>,
        w_ih: &Right<F>,
        steps: Range<usize>,
        shard: &mut Shard<'_>,
    ) {
        let (size, n_lanes) = (self.size, shard.lanes.len());
        let n_below = size.n_below();
        let mut d_below = self.compute.take::<f32>(steps.len() * n_lanes * n_below);
        multiply(&mut d_below, of_chunk, 0, w_ih, false);
        self.drop_input(&mut d_below, n_below, &shard.lanes);
        for (step, rows) in steps.zip(d_below.chunks_exact(n_lanes * n_below)) {
            for (lane, row) in rows.chunks_exact(n_below).enumerate() {
                let (input, speaker) = row.split_at(size.n_in);
                shard.input[step][lane * size.n_in..][..size.n_in].copy_from_slice(input);
                shard.speaker[step][lane * size.n_speaker..][..size.n_speaker]
                    .copy_from_slice(speaker);
            }
        }
        self.compute.give(d_below);
    }

    /// Adds up in order of shards, turns the sums to the shape of the weights, and drops what was dropped.
    fn sum_of_shards(&self, mut shards: Vec<ShardGradients>) -> Vec<f32> {
        let size = self.size;
        let (n_gates, n_below, n_hidden) = (size.n_gates(), size.n_below(), size.n_hidden);
        let mut sum = shards.remove(0);
        for shard in shards {
            for (sum, shard) in [
                (&mut sum.below, shard.below),
                (&mut sum.hidden, shard.hidden),
                (&mut sum.bias, shard.bias),
            ] {
                for (sum, x) in sum.iter_mut().zip(&shard) {
                    *sum += x;
                }
                self.compute.give(shard);
            }
        }
        let mut weights = vec![0f32; n_gates * size.n_columns()];
        for (gate, row) in weights.chunks_exact_mut(size.n_columns()).enumerate() {
            let turned = |product: &[f32], row: &mut [f32]| {
                for (w, product) in row.iter_mut().zip(product.chunks_exact(n_gates)) {
                    *w = product[gate];
                }
            };
            turned(&sum.below, &mut row[..n_below]);
            turned(&sum.hidden, &mut row[n_below..n_below + n_hidden]);
            if !self.masks.weights.is_empty() {
                let mask = &self.masks.weights[gate * n_hidden..(gate + 1) * n_hidden];
                for (w, mask) in row[n_below..].iter_mut().zip(mask) {
                    *w *= mask;
                }
            }
            row[n_below + n_hidden] = sum.bias[gate];
        }
        self.compute.give(sum.below);
        self.compute.give(sum.hidden);
        weights
    }

    /// What enters some lanes at some steps, `(steps · lanes, n_below)`: the input, with what drops out dropped, and the speaker.
    fn below(&self, data: &Data<'_>, lanes: &Range<usize>, steps: Range<usize>) -> Vec<f32> {
        let size = self.size;
        let n_below = size.n_below();
        let mut below = self.compute.take(steps.len() * lanes.len() * n_below);
        let rows = steps.flat_map(|step| lanes.clone().map(move |lane| step * size.batch + lane));
        for (at, row) in rows.zip(below.chunks_exact_mut(n_below.max(1))) {
            let (input, speaker) = row.split_at_mut(size.n_in);
            input.copy_from_slice(&data.input[at * size.n_in..(at + 1) * size.n_in]);
            speaker.copy_from_slice(&data.speaker[at * size.n_speaker..(at + 1) * size.n_speaker]);
        }
        self.drop_input(&mut below, n_below, lanes);
        below
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

/// Weights packed for a pass.
struct Packed<F: Format> {
    w_ih: Right<F>,
    w_hh: Right<F>,
    bias: Vec<f32>,
}

/// What the backward pass of some lanes reads and writes.
struct Shard<'a> {
    lanes: Range<usize>,
    /// Activated gates, `(time, lanes, 4 · hidden)`.
    gates: &'a [f32],
    /// Cells, `(time + 1, lanes, hidden)`.
    c: &'a [f32],
    /// Of all lanes.
    hidden: &'a [f32],
    /// Of all lanes.
    grad: &'a [f32],
    /// Gradient of the input of each step, `(lanes, n_in)`.
    input: Vec<&'a mut [f32]>,
    /// Gradient of the speaker of each step, `(lanes, n_speaker)`.
    speaker: Vec<&'a mut [f32]>,
}

/// Gradients of the weights from some lanes.
struct ShardGradients {
    /// `(n_below, 4 · hidden)`.
    below: Vec<f32>,
    /// `(hidden, 4 · hidden)`.
    hidden: Vec<f32>,
    bias: Vec<f32>,
}

/// Cuts `(lanes, …)` numbers by shards, `per_lane` numbers for each lane.
fn by_shard<'a>(
    mut numbers: &'a mut [f32],
    shards: &[Range<usize>],
    per_lane: usize,
) -> Vec<&'a mut [f32]> {
    let cut = |lanes: &Range<usize>| {
        let (shard, rest) = std::mem::take(&mut numbers).split_at_mut(lanes.len() * per_lane);
        numbers = rest;
        shard
    };
    shards.iter().map(cut).collect()
}

/// Cuts `(time, batch, width)` numbers by shards: for each, its piece of every step.
fn by_step<'a>(
    mut numbers: &'a mut [f32],
    shards: &[Range<usize>],
    (time, width): (usize, usize),
) -> Vec<Vec<&'a mut [f32]>> {
    let mut pieces: Vec<Vec<&mut [f32]>> = shards.iter().map(|_| Vec::new()).collect();
    for _ in 0..time {
        for (pieces, lanes) in pieces.iter_mut().zip(shards) {
            let (piece, rest) = std::mem::take(&mut numbers).split_at_mut(lanes.len() * width);
            pieces.push(piece);
            numbers = rest;
        }
    }
    pieces
}

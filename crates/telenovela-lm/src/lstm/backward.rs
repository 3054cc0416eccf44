//! A layer backward.

use std::ops::Range;

use super::size::{Size, by_step};
use super::{Data, LstmLayer};
use crate::compute::multiply;
use crate::kernel::buffer::Buffer;
use crate::kernel::product::{self, Format, Left, ROWS, Right};
use crate::kernel::{self, Matrix, threads};

/// What a pass forward has left.
pub(super) struct Passed<'a> {
    /// As in [`super::forward::Forward`].
    pub(super) gates: &'a [f32],
    /// As there.
    pub(super) c: &'a [f32],
    /// As there.
    pub(super) h: &'a [f32],
    /// The gradient of h.
    pub(super) dh: &'a [f32],
}

/// Gradients of the operands.
pub(super) struct Gradients {
    pub(super) input: Vec<f32>,
    pub(super) speaker: Vec<f32>,
    pub(super) weights: Vec<f32>,
}

/// What all shards multiply with.
struct Packed<F: Format> {
    w_ih: Right<F>,
    w_hh: Right<F>,
}

/// What the pass of some lanes reads and writes.
struct Shard<'a> {
    lanes: Range<usize>,
    /// Activated gates, `(time, lanes, 4 · hidden)`.
    gates: &'a [f32],
    /// Cells, `(time + 1, lanes, hidden)`.
    c: &'a [f32],
    /// Gradient of the input of each step, `(lanes, n_in)`; none where tokens are looked up.
    input: Vec<&'a mut [f32]>,
    /// Gradient of the speaker of each step, `(lanes, n_speaker)`.
    speaker: Vec<&'a mut [f32]>,
}

/// Gradients of the weights from some lanes, gates side by side.
struct ShardGradients {
    /// Of those that rows are multiplied with, `(n_rows, 4 · hidden)`.
    below: Buffer<f32>,
    /// `(hidden, 4 · hidden)`.
    hidden: Buffer<f32>,
    /// `(4 · hidden)`.
    bias: Vec<f32>,
    /// Of what each token gives to the gates, `(n_tokens, 4 · hidden)`.
    tokens: Buffer<f32>,
}

impl LstmLayer {
    /// Back through time, and the gradients of the operands.
    pub(super) fn backward<F: Format>(&self, data: &Data<'_>, passed: &Passed<'_>) -> Gradients {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden) = (size.n_gates(), size.n_hidden);
        let of_rows = size.of_rows();
        let mut w_ih = Right::<F>::new(&compute.shelf, n_gates, of_rows.len());
        let of_input = Matrix::rows(&data.weights[of_rows.start..], size.n_columns());
        w_ih.pack(compute.threads, of_input);
        let mut w_hh = Right::<F>::new(&compute.shelf, n_gates, n_hidden);
        self.with_recurrent(data, |w| w_hh.pack(compute.threads, w));
        let packed = Packed { w_ih, w_hh };
        let n_in = size.of_rows().len() - size.n_speaker;
        let mut input = vec![0f32; size.n_rows() * n_in];
        let mut speaker = vec![0f32; size.n_rows() * size.n_speaker];
        let shards = size.shards();
        let mut of_weights: Vec<Option<ShardGradients>> = shards.iter().map(|_| None).collect();
        let parts = shards.iter().zip(
            by_step(&mut input, &shards, (size.time, n_in))
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
                    gates: &passed.gates[lanes.start * size.time * n_gates..]
                        [..lanes.len() * size.time * n_gates],
                    c: &passed.c[lanes.start * (size.time + 1) * n_hidden..],
                    input,
                    speaker,
                };
                *of_weights = Some(self.backward_shard(data, passed, &packed, &mut shard));
            },
        );
        let of_weights: Vec<ShardGradients> = of_weights.into_iter().flatten().collect();
        let tokens = self.sum_of_tokens(&of_weights);
        if size.n_tokens > 0 {
            input = self.to_table(data, &tokens);
        }
        Gradients {
            input,
            speaker,
            weights: self.sum_of_shards(data, &of_weights, &tokens),
        }
    }

    /// Some lanes back through time. The gradient of their gates is used while it is in the cache: for the step before, for the layer below, and packed
    /// for that of the weights, which is one product at the end.
    fn backward_shard<F: Format>(
        &self,
        data: &Data<'_>,
        passed: &Passed<'_>,
        packed: &Packed<F>,
        shard: &mut Shard<'_>,
    ) -> ShardGradients {
        let (size, shelf) = (self.size, &self.compute.shelf);
        let (n_gates, n_hidden, n_lanes) = (size.n_gates(), size.n_hidden, shard.lanes.len());
        let (n_rows, width) = (size.time * n_lanes, n_lanes * n_hidden);
        let mut left = Left::<F>::new(shelf, n_lanes, n_gates);
        let mut of_chunk = Left::<F>::new(shelf, 0, n_gates);
        let mut of_all = Right::<F>::new(shelf, n_rows, n_gates);
        let mut d_gates = shelf.take::<f32>(Size::chunk_steps(n_lanes) * n_lanes * n_gates);
        let mut bias = vec![0f32; n_gates];
        let mut tokens = shelf.zeros::<f32>(size.n_tokens * n_gates);
        let mut dh = shelf.zeros::<f32>(width);
        let mut dc = shelf.zeros::<f32>(width);
        for steps in size.chunks(n_lanes).rev() {
            let d_gates = &mut d_gates[..steps.len() * n_lanes * n_gates];
            for (step, d_gates) in steps
                .clone()
                .zip(d_gates.chunks_exact_mut(n_lanes * n_gates))
                .rev()
            {
                let at = (step * size.batch + shard.lanes.start) * n_hidden;
                kernel::add_rows(&mut dh, &passed.dh[at..at + width], width);
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
                    product::multiply(&mut dh, &left, 0, &packed.w_hh, false);
                }
            }
            kernel::add_rows(&mut bias, d_gates, n_gates);
            let of_tokens = self.tokens_of(&shard.lanes, steps.clone());
            for (d_gates, token) in d_gates.chunks_exact(n_gates).zip(of_tokens) {
                kernel::add_rows(&mut tokens[token * n_gates..][..n_gates], d_gates, n_gates);
            }
            let d_gates = Matrix::rows(d_gates, n_gates);
            of_all.pack_stretch(d_gates, steps.start * n_lanes, steps.len() * n_lanes);
            if !size.of_rows().is_empty() {
                of_chunk.set_rows(steps.len() * n_lanes);
                of_chunk.pack(1, d_gates);
                self.to_below(&of_chunk, &packed.w_ih, steps, shard);
            }
        }
        // Features by gates, the other way round than the weights: so the gates, the larger side, were packed as they lay.
        let by_features = |features: Matrix<'_>, n: usize| {
            let mut left = Left::<F>::new(shelf, n, n_rows);
            left.pack(1, features.transposed());
            let mut product = shelf.take::<f32>(n * n_gates);
            product::multiply(&mut product, &left, 0, &of_all, false);
            product
        };
        let of_rows = size.of_rows().len();
        let below = self.with_below(data, &shard.lanes, 0..size.time, |rows| {
            by_features(rows, of_rows)
        });
        let first = &self.state[shard.lanes.start * n_hidden..];
        let before = size.lanes(passed.h, n_hidden, &shard.lanes, 0).after(first);
        ShardGradients {
            below,
            hidden: by_features(before, n_hidden),
            bias,
            tokens,
        }
    }

    /// The gradient of what is below a chunk of steps, from that of its gates.
    fn to_below<F: Format>(
        &self,
        of_chunk: &Left<F>,
        w_ih: &Right<F>,
        steps: Range<usize>,
        shard: &mut Shard<'_>,
    ) {
        let (size, n_lanes) = (self.size, shard.lanes.len());
        let n_below = size.of_rows().len();
        let n_in = n_below - size.n_speaker;
        let n_rows = steps.len() * n_lanes;
        let mut d_below = self.compute.shelf.take::<f32>(n_rows * n_below);
        product::multiply(&mut d_below, of_chunk, 0, w_ih, false);
        self.drop_input(&mut d_below, n_below, &shard.lanes);
        for (step, rows) in steps.zip(d_below.chunks_exact(n_lanes * n_below)) {
            if size.n_speaker == 0 {
                shard.input[step].copy_from_slice(rows);
                continue;
            }
            for (lane, row) in rows.chunks_exact(n_below).enumerate() {
                let (input, speaker) = row.split_at(n_in);
                shard.input[step][lane * n_in..][..n_in].copy_from_slice(input);
                shard.speaker[step][lane * size.n_speaker..][..size.n_speaker]
                    .copy_from_slice(speaker);
            }
        }
    }

    /// Adds up in order of shards what each token is to give otherwise, `(n_tokens, 4 · hidden)`.
    fn sum_of_tokens(&self, shards: &[ShardGradients]) -> Buffer<f32> {
        let n = self.size.n_tokens * self.size.n_gates();
        let mut sum = self.compute.shelf.zeros(n);
        for shard in shards {
            kernel::add_rows(&mut sum, &shard.tokens, n.max(1));
        }
        sum
    }

    /// The gradient of the table that tokens are looked up in.
    fn to_table(&self, data: &Data<'_>, tokens: &[f32]) -> Vec<f32> {
        let (size, n_gates) = (self.size, self.size.n_gates());
        let mut table = vec![0f32; size.n_tokens * size.n_in];
        let (gates, w) = (
            Matrix::rows(tokens, n_gates),
            Matrix::rows(data.weights, size.n_columns()),
        );
        let shape = (size.n_tokens, n_gates, size.n_in);
        multiply(&self.compute, &mut table, gates, w, shape, false);
        table
    }

    /// Adds up in order of shards, turns the sums to the shape of the weights, and drops what was dropped.
    fn sum_of_shards(
        &self,
        data: &Data<'_>,
        shards: &[ShardGradients],
        tokens: &[f32],
    ) -> Vec<f32> {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden, n_columns) = (size.n_gates(), size.n_hidden, size.n_columns());
        let mut of_table = compute.shelf.take::<f32>(match size.n_tokens {
            0 => 0,
            _ => size.n_in * n_gates,
        });
        if size.n_tokens > 0 {
            let table = Matrix::rows(data.input, size.n_in).transposed();
            let shape = (size.n_in, size.n_tokens, n_gates);
            let gates = Matrix::rows(tokens, n_gates);
            multiply(compute, &mut of_table, table, gates, shape, false);
        }
        let mut weights = vec![0f32; n_gates * n_columns];
        // As many gates as a cache line holds: sums are read along it and written across.
        let lines = weights.chunks_mut(ROWS * n_columns).enumerate();
        threads::for_each(compute.threads, lines, |(at, weights)| {
            let first = at * ROWS;
            let n = weights.len() / n_columns;
            let mut turn = |from: usize, features: usize, parts: &[&[f32]]| {
                // As many features as gates at a time.
                for some in (0..features).step_by(ROWS) {
                    // Anything adds up with -0 to itself.
                    let mut sums = [[-0.0f32; ROWS]; ROWS];
                    let n_features = ROWS.min(features - some);
                    for part in parts {
                        for (at, sums) in sums[..n_features].iter_mut().enumerate() {
                            let part = &part[(some + at) * n_gates + first..][..n];
                            for (sum, &x) in sums.iter_mut().zip(part) {
                                *sum += x;
                            }
                        }
                    }
                    let lines = std::array::from_fn(|at| match at < n_features {
                        true => &sums[at][..n],
                        false => &[],
                    });
                    kernel::interleave(&mut weights[from + some..], n_columns, lines);
                }
            };
            let parts = |part: fn(&ShardGradients) -> &[f32]| -> Vec<&[f32]> {
                shards.iter().map(part).collect()
            };
            turn(0, of_table.len() / n_gates, &[&of_table]);
            let of_rows = size.of_rows();
            turn(of_rows.start, of_rows.len(), &parts(|shard| &shard.below));
            turn(size.n_below(), n_hidden, &parts(|shard| &shard.hidden));
            turn(n_columns - 1, 1, &parts(|shard| &shard.bias));
            if !self.masks.weights.is_empty() {
                let masks = self.masks.weights[first * n_hidden..].chunks_exact(n_hidden);
                for (row, mask) in weights.chunks_exact_mut(n_columns).zip(masks) {
                    for (w, mask) in row[size.n_below()..].iter_mut().zip(mask) {
                        *w *= mask;
                    }
                }
            }
        });
        weights
    }
}

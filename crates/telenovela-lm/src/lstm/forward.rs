//! A layer forward.

use std::ops::Range;

use super::size::{by_shard, by_step};
use super::{Data, LstmLayer};
use crate::compute::multiply;
use crate::kernel::buffer::Buffer;
use crate::kernel::product::{self, Format, Left, Right};
use crate::kernel::{self, Matrix, threads};

/// What a pass forward gives.
pub(super) struct Forward {
    /// After every step, `(time · batch, hidden)`.
    pub(super) h: Vec<f32>,
    /// Activated gates, `(time, lanes, 4 · hidden)` of each shard.
    pub(super) gates: Buffer<f32>,
    /// Cells, `(time + 1, lanes, hidden)` of each shard; the first is the one before the window.
    pub(super) c: Buffer<f32>,
}

/// What all shards multiply with.
struct Packed<F: Format> {
    w_ih: Right<F>,
    w_hh: Right<F>,
    bias: Vec<f32>,
    /// What each token gives to the gates, `(n_tokens, 4 · hidden)`.
    of_tokens: Buffer<f32>,
}

impl LstmLayer {
    pub(super) fn forward<F: Format>(&self, data: &Data<'_>) -> Forward {
        let (size, compute) = (self.size, &self.compute);
        let (n_gates, n_hidden) = (size.n_gates(), size.n_hidden);
        let weights = |from: usize| Matrix::rows(&data.weights[from..], size.n_columns());
        let of_rows = size.of_rows();
        let mut w_ih = Right::<F>::new(&compute.shelf, of_rows.len(), n_gates);
        w_ih.pack(compute.threads, weights(of_rows.start).transposed());
        let mut w_hh = Right::<F>::new(&compute.shelf, n_hidden, n_gates);
        self.with_recurrent(data, |w| w_hh.pack(compute.threads, w.transposed()));
        let mut of_tokens = compute.shelf.take(size.n_tokens * n_gates);
        if size.n_tokens > 0 {
            let (table, w) = (Matrix::rows(data.input, size.n_in), weights(0).transposed());
            let shape = (size.n_tokens, size.n_in, n_gates);
            multiply(compute, &mut of_tokens, table, w, shape, false);
        }
        let of_gates = data.weights.chunks_exact(size.n_columns());
        let packed = Packed {
            w_ih,
            w_hh,
            bias: of_gates.map(|row| row[size.n_columns() - 1]).collect(),
            of_tokens,
        };
        let mut gates = compute.shelf.take(size.n_rows() * n_gates);
        let mut c = compute.shelf.take((size.time + 1) * size.batch * n_hidden);
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
        Forward { h, gates, c }
    }

    /// Some lanes forward: a chunk of the input's share at a time, which is then still in the cache when the recurrence adds to it.
    fn forward_shard<F: Format>(
        &self,
        data: &Data<'_>,
        packed: &Packed<F>,
        lanes: &Range<usize>,
        gates: &mut [f32],
        c: &mut [f32],
        mut h: Vec<&mut [f32]>,
    ) {
        let (size, shelf) = (self.size, &self.compute.shelf);
        let (n_gates, n_hidden, n_lanes) = (size.n_gates(), size.n_hidden, lanes.len());
        let (h0, c0) = self.state.split_at(size.batch * n_hidden);
        let of_lanes = lanes.start * n_hidden..lanes.end * n_hidden;
        c[..n_lanes * n_hidden].copy_from_slice(&c0[of_lanes.clone()]);
        let mut left = Left::<F>::new(shelf, n_lanes, n_hidden);
        let mut below = Left::<F>::new(shelf, 0, size.of_rows().len());
        for steps in size.chunks(n_lanes) {
            let gates = &mut gates[steps.start * n_lanes * n_gates..steps.end * n_lanes * n_gates];
            self.look_up(gates, &packed.of_tokens, lanes, steps.clone());
            if !size.of_rows().is_empty() {
                below.set_rows(steps.len() * n_lanes);
                self.with_below(data, lanes, steps.clone(), |rows| below.pack(1, rows));
                product::multiply(gates, &below, 0, &packed.w_ih, size.n_tokens > 0);
            }
            for (step, gates) in steps.zip(gates.chunks_exact_mut(n_lanes * n_gates)) {
                let (done, now) = h.split_at_mut(step);
                let before = match done.last() {
                    Some(before) => &**before,
                    None => &h0[of_lanes.clone()],
                };
                left.pack(1, Matrix::rows(before, n_hidden));
                product::multiply(gates, &left, 0, &packed.w_hh, true);
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
    }

    /// Begins the gates of some lanes at some steps with what their tokens give.
    fn look_up(
        &self,
        gates: &mut [f32],
        of_tokens: &[f32],
        lanes: &Range<usize>,
        steps: Range<usize>,
    ) {
        let n_gates = self.size.n_gates();
        let tokens = self.tokens_of(lanes, steps);
        for (gates, token) in gates.chunks_exact_mut(n_gates).zip(tokens) {
            gates.copy_from_slice(&of_tokens[token * n_gates..][..n_gates]);
        }
    }
}

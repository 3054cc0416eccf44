//! The shape of a layer's window, and how it is cut.

use std::ops::Range;

use candle_core::{Error, Result, Tensor};

use super::Masks;
use crate::kernel::Matrix;
use crate::kernel::product::ROWS;

/// Lanes of a shard: what one block of a product holds. From four times as many lanes on, shards hold two blocks, which then share the way of the
/// weights through the caches.
const SHARD_LANES: usize = ROWS;
/// Rows, steps times lanes, of a chunk.
const CHUNK_ROWS: usize = 128;
/// Rows that every format packs whole, [`crate::kernel::product::Format::STEP`].
const TILE_ROWS: usize = 32;

/// The numbers of a layer's window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) time: usize,
    pub(super) batch: usize,
    pub(super) n_in: usize,
    pub(super) n_speaker: usize,
    pub(super) n_hidden: usize,
    /// Rows of the table that tokens are looked up in; 0 where the input comes as rows.
    pub(super) n_tokens: usize,
}

impl Size {
    pub(super) fn n_rows(self) -> usize {
        self.time * self.batch
    }

    pub(super) fn n_gates(self) -> usize {
        4 * self.n_hidden
    }

    /// Columns of the weights before those of the recurrence.
    pub(super) fn n_below(self) -> usize {
        self.n_in + self.n_speaker
    }

    /// Those of them that rows are multiplied with: all, or those of the speaker alone.
    pub(super) fn of_rows(self) -> Range<usize> {
        match self.n_tokens {
            0 => 0..self.n_below(),
            _ => self.n_in..self.n_below(),
        }
    }

    /// Columns of the weights.
    pub(super) fn n_columns(self) -> usize {
        self.n_below() + self.n_hidden + 1
    }

    /// Lanes that are computed together. Their number follows from the batch, never from the threads: gradients are summed shard by shard.
    pub(super) fn shards(self) -> Vec<Range<usize>> {
        let lanes = match self.batch {
            n if n < 4 * SHARD_LANES => SHARD_LANES,
            _ => 2 * SHARD_LANES,
        };
        (0..self.batch)
            .step_by(lanes)
            .map(|start| start..(start + lanes).min(self.batch))
            .collect()
    }

    /// Steps of a chunk of so many lanes: about [`CHUNK_ROWS`] rows, and whole tiles of them in every format.
    pub(super) fn chunk_steps(n_lanes: usize) -> usize {
        let whole = TILE_ROWS >> n_lanes.trailing_zeros().min(TILE_ROWS.trailing_zeros());
        (CHUNK_ROWS / n_lanes / whole).max(1) * whole
    }

    /// The chunks of all steps, in order.
    pub(super) fn chunks(self, n_lanes: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let steps = Self::chunk_steps(n_lanes);
        let n_chunks = self.time.div_ceil(steps);
        (0..n_chunks).map(move |at| at * steps..((at + 1) * steps).min(self.time))
    }

    /// Some lanes from a step on of `(time, batch, width)` numbers, as rows step by step.
    pub(super) fn lanes<'a>(
        self,
        numbers: &'a [f32],
        width: usize,
        lanes: &Range<usize>,
        from: usize,
    ) -> Matrix<'a> {
        let first = (from * self.batch + lanes.start) * width;
        Matrix::groups(&numbers[first..], width, lanes.len(), self.batch * width)
    }

    pub(super) fn check(
        self,
        [input, speaker, weights, state]: [&Tensor; 4],
        masks: &Masks,
        tokens: Option<&[u32]>,
    ) -> Result<()> {
        let input_fits = match tokens {
            None => input.dims() == [self.n_rows(), self.n_in],
            Some(tokens) => {
                tokens.len() == self.n_rows()
                    && input.dims() == [self.n_tokens, self.n_in]
                    && tokens.iter().all(|&token| (token as usize) < self.n_tokens)
                    && masks.input.is_empty()
            }
        };
        let fits = input_fits
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

/// Cuts `(lanes, …)` numbers by shards, `per_lane` numbers for each lane.
pub(super) fn by_shard<'a>(
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
pub(super) fn by_step<'a>(
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

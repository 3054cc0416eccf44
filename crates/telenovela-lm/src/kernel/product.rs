//! Matrix products of training over packed operands, in f32 or bfloat16.
//!
//! The left operand is packed in blocks of [`ROWS`] rows, the right one in panels of [`COLUMNS`] columns; a format says what lies in them and
//! multiplies one by the other. Each number of the result is summed over k in order, whatever the blocking, so a product of some rows gives the
//! same bytes as the product of all of them, and work may be cut by rows between threads. In f32 the bytes are the same at every [`Level`] too.
//!
//! The blocking is that of Goto and van de Geijn (2008), with sides exchanged: a stretch of a block stays in the first cache, a stretch of some panels
//! in the second, and the result is walked along its rows.

use std::ops::Range;

use super::buffer::{Buffer, Number, Shelf};
use super::{Bf16, Matrix, threads};

/// Rows of a block of the left operand.
pub const ROWS: usize = 16;
/// Columns of a panel of the right operand.
pub const COLUMNS: usize = 32;
/// Bytes of panels that stay in the second cache while blocks pass.
const RIGHT_BYTES: usize = 512 * 1024;

/// How numbers lie in packed operands, and how they are multiplied.
pub trait Format: Copy + Send + Sync + 'static {
    /// What operands are made of.
    type Number: Number;
    /// k is padded with zeros to a multiple of this.
    const STEP: usize;
    /// Steps of k, in numbers of the matrix, in which panels are worked through.
    const DEPTH: usize;

    /// [`Self::Number`]s of a block of the left operand.
    fn block_len(k: usize) -> usize;
    /// [`Self::Number`]s of a panel of the right operand.
    fn panel_len(k: usize) -> usize;
    /// Packs up to [`ROWS`] rows of `a`, `(m, k)`. Rows beyond hold anything: their results are never read.
    fn pack_block(block: &mut [Self::Number], a: Matrix<'_>, rows: Range<usize>, k: usize);
    /// Packs up to [`COLUMNS`] columns of `b`, `(k, n)`; the rest is zero.
    fn pack_panel(panel: &mut [Self::Number], b: Matrix<'_>, columns: Range<usize>, k: usize);
    /// Multiplies one or two blocks by a stretch of a panel.
    fn multiply_tile(tile: Tile<'_, Self::Number>);
    /// Blocks that [`Self::multiply_tile`] takes at once.
    const BLOCKS: usize;
}

/// Part of a product: some rows, a panel's columns, a stretch of k.
#[derive(Debug)]
pub struct Tile<'a, N> {
    /// Where the results go: at least [`COLUMNS`] numbers a row.
    pub c: &'a mut [f32],
    /// Distance between rows of `c`.
    pub stride: usize,
    /// Whether to add to `c`.
    pub add: bool,
    /// Whole blocks of the left operand.
    pub blocks: &'a [N],
    /// How many of their rows are multiplied.
    pub rows: usize,
    /// A whole panel of the right operand.
    pub panel: &'a [N],
    /// Steps of the whole operands.
    pub k: usize,
    /// First step of the stretch.
    pub from: usize,
    /// Step after the last one.
    pub to: usize,
}

/// A packed left operand, `(m, k)`.
#[derive(Debug)]
pub struct Left<F: Format> {
    data: Buffer<F::Number>,
    m: usize,
    k: usize,
}

/// A packed right operand, `(k, n)`.
#[derive(Debug)]
pub struct Right<F: Format> {
    data: Buffer<F::Number>,
    k: usize,
    n: usize,
}

impl<F: Format> Left<F> {
    /// An operand of this shape; what it holds is undefined until packed.
    pub fn new(shelf: &Shelf, m: usize, k: usize) -> Self {
        let data = shelf.take(Self::len(m, k));
        Self { data, m, k }
    }

    fn len(m: usize, k: usize) -> usize {
        m.div_ceil(ROWS) * F::block_len(k)
    }

    /// Changes the number of rows; what the operand holds is undefined until packed.
    pub fn set_rows(&mut self, m: usize) {
        self.m = m;
        self.data.set_len(Self::len(m, self.k));
    }

    /// The packed numbers.
    pub fn data(&self) -> &[F::Number] {
        &self.data
    }

    /// Packs `a`, cut by blocks between threads.
    pub fn pack(&mut self, threads: usize, a: Matrix<'_>) {
        let (m, k) = (self.m, self.k);
        let blocks = self
            .data
            .chunks_exact_mut(F::block_len(k).max(1))
            .enumerate();
        threads::for_each(threads, blocks, |(at, block)| {
            F::pack_block(block, a, at * ROWS..m.min((at + 1) * ROWS), k);
        });
    }
}

impl<F: Format> Right<F> {
    /// An operand of this shape; what it holds is undefined until packed.
    pub fn new(shelf: &Shelf, k: usize, n: usize) -> Self {
        let data = shelf.take(n.div_ceil(COLUMNS) * F::panel_len(k));
        Self { data, k, n }
    }

    /// The packed numbers.
    pub fn data(&self) -> &[F::Number] {
        &self.data
    }

    /// Packs a stretch of k, `b` being of shape `(k - from, n)`, of which whole [`Format::STEP`]s or all that is left of k.
    pub fn pack_stretch(&mut self, b: Matrix<'_>, from: usize, k: usize) {
        assert!(from.is_multiple_of(F::STEP), "a stretch begins with a step");
        let n = self.n;
        let panels = self.data.chunks_exact_mut(F::panel_len(self.k).max(1));
        for (at, panel) in panels.enumerate() {
            let panel = &mut panel[F::panel_len(from)..][..F::panel_len(k)];
            F::pack_panel(panel, b, at * COLUMNS..n.min((at + 1) * COLUMNS), k);
        }
    }

    /// Packs `b`, cut by panels between threads.
    pub fn pack(&mut self, threads: usize, b: Matrix<'_>) {
        let (k, n) = (self.k, self.n);
        let panels = self
            .data
            .chunks_exact_mut(F::panel_len(k).max(1))
            .enumerate();
        threads::for_each(threads, panels, |(at, panel)| {
            F::pack_panel(panel, b, at * COLUMNS..n.min((at + 1) * COLUMNS), k);
        });
    }
}

/// `c = left · right`, or `c += …`, for the rows of `left` from `first` on, a multiple of [`ROWS`]; `c` is `(rows, n)` and says how many. On the calling thread.
pub fn multiply<F: Format>(
    c: &mut [f32],
    left: &Left<F>,
    first: usize,
    right: &Right<F>,
    add: bool,
) {
    let (n, k) = (right.n, right.k);
    let rows = c.len() / n.max(1);
    assert!(
        left.k == k && first.is_multiple_of(ROWS) && first + rows <= left.m && c.len() == rows * n,
        "a product of {rows} rows from {first} of ({}, {}) and ({k}, {n}) into {} numbers",
        left.m,
        left.k,
        c.len()
    );
    let (block_len, panel_len) = (F::block_len(k), F::panel_len(k));
    let blocks = &left.data[first / ROWS * block_len..];
    let at_once = ROWS * F::BLOCKS;
    let panel_bytes = (size_of::<F::Number>() * panel_len * F::DEPTH.min(k)).div_ceil(k.max(1));
    let n_panels = (RIGHT_BYTES / panel_bytes.max(1)).max(1);
    let mut edge = [0f32; 2 * ROWS * COLUMNS];
    for from in (0..k).step_by(F::DEPTH) {
        let to = (from + F::DEPTH).min(k);
        let add = add || from > 0;
        let chunks = right.data.chunks(n_panels * panel_len);
        for (panels, first) in chunks.zip((0..n).step_by(n_panels * COLUMNS)) {
            for (step, c) in c.chunks_mut(at_once * n).enumerate() {
                let rows = c.len() / n;
                let blocks = &blocks[step * F::BLOCKS * block_len..];
                let blocks = &blocks[..rows.div_ceil(ROWS) * block_len];
                let columns = (first..n).step_by(COLUMNS);
                for (panel, column) in panels.chunks_exact(panel_len).zip(columns) {
                    let columns = COLUMNS.min(n - column);
                    let whole = columns == COLUMNS;
                    if !whole {
                        for (edge, c) in edge.chunks_exact_mut(COLUMNS).zip(c.chunks_exact(n)) {
                            edge[..columns].copy_from_slice(&c[column..]);
                        }
                    }
                    F::multiply_tile(Tile {
                        c: if whole { &mut c[column..] } else { &mut edge },
                        stride: if whole { n } else { COLUMNS },
                        add,
                        blocks,
                        rows,
                        panel,
                        k,
                        from,
                        to,
                    });
                    if whole {
                        continue;
                    }
                    for (edge, c) in edge.chunks_exact(COLUMNS).zip(c.chunks_exact_mut(n)) {
                        c[column..].copy_from_slice(&edge[..columns]);
                    }
                }
            }
        }
    }
    if k == 0 && !add {
        c.fill(0.0);
    }
}

/// A product of everything, cut by rows between threads.
pub fn multiply_on<F: Format>(
    threads: usize,
    c: &mut [f32],
    left: &Left<F>,
    right: &Right<F>,
    add: bool,
) {
    let at_once = ROWS * F::BLOCKS;
    let share = left.m.div_ceil(threads).div_ceil(at_once) * at_once;
    let parts = c.chunks_mut((share * right.n).max(1)).enumerate();
    threads::for_each(threads, parts, |(part, c)| {
        multiply(c, left, part * share, right, add);
    });
}

/// Dispatches a generic call on a [`Precision`].
macro_rules! in_precision {
    ($precision:expr, $format:ident => $call:expr) => {
        match $precision {
            $crate::kernel::Precision::F32 => {
                type $format = $crate::kernel::F32;
                $call
            }
            $crate::kernel::Precision::Bf16 => {
                type $format = $crate::kernel::Bf16;
                $call
            }
        }
    };
}
pub(crate) use in_precision;

const _: () = assert!(Bf16::BLOCKS <= 2, "`edge` holds two blocks");

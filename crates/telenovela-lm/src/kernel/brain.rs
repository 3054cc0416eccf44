//! Products in bfloat16 with sums in f32: on AMX tiles (Sapphire Rapids and later), with AVX-512's dot products (Cooper Lake, Zen 4 and
//! later), or plainly. The three round differently; a model's file names the one that trained it.
//!
//! Two numbers that are neighbours along k stand in one `u32`, the first in its low half, as both instruction sets want them. Operands are made of
//! tiles of 16 × 16 such pairs, 1 KiB in a row.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use super::product::{COLUMNS, Format, ROWS, Tile};
use super::{Matrix, versions};

/// bfloat16 pairs along k.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bf16;

/// Steps of k in a tile.
const DEEP: usize = 32;
/// Pairs in a row of a tile.
const PAIRS: usize = DEEP / 2;
/// Pairs in a tile.
const TILE: usize = 16 * PAIRS;

/// What multiplies bfloat16 numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bf16Unit {
    /// f32 instructions: slower than staying in f32.
    Plain,
    /// AVX512-BF16: two products and their sum per lane.
    Avx512,
    /// AMX-BF16: 16 × 16 sums of 32 products.
    Amx,
}

impl fmt::Display for Bf16Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bf16Unit::Plain => "plain-bf16",
            Bf16Unit::Avx512 => "avx512-bf16",
            Bf16Unit::Amx => "amx-bf16",
        })
    }
}

/// The best unit of this machine that the system lets us use.
pub fn bf16_unit() -> Bf16Unit {
    static UNIT: OnceLock<Bf16Unit> = OnceLock::new();
    *UNIT.get_or_init(|| {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if super::level() == super::Level::Avx512 {
            if super::amx::is_usable() {
                return Bf16Unit::Amx;
            }
            if is_x86_feature_detected!("avx512bf16") {
                return Bf16Unit::Avx512;
            }
        }
        Bf16Unit::Plain
    })
}

/// The nearest bfloat16, ties to even, in the high half.
#[inline(always)]
fn round(x: f32) -> u32 {
    let bits = x.to_bits();
    bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000
}

/// The nearest bfloat16, ties to even.
pub fn to_bf16(x: f32) -> u16 {
    (round(x) >> 16) as u16
}

#[inline(always)]
fn pair(first: f32, second: f32) -> u32 {
    round(first) >> 16 | round(second)
}

impl Format for Bf16 {
    type Number = u32;
    const STEP: usize = DEEP;
    const DEPTH: usize = 512;
    const BLOCKS: usize = 2;

    fn block_len(k: usize) -> usize {
        k.div_ceil(DEEP) * TILE
    }

    fn panel_len(k: usize) -> usize {
        k.div_ceil(DEEP) * TILE * 2
    }

    fn pack_block(block: &mut [u32], a: Matrix<'_>, rows: Range<usize>, k: usize) {
        if a.is_transposed() {
            pack_columns(block, a, rows, k);
        } else {
            pack_rows(block, a, rows, k);
        }
    }

    fn pack_panel(panel: &mut [u32], b: Matrix<'_>, columns: Range<usize>, k: usize) {
        if b.is_transposed() {
            pack_panel_columns(panel, b, columns, k);
        } else {
            pack_panel_rows(panel, b, columns, k);
        }
    }

    fn multiply_tile(tile: Tile<'_, u32>) {
        multiply_tile_at(bf16_unit(), tile);
    }
}

versions! {
    /// Packs rows that are lines.
    fn pack_rows / pack_rows_at(block: &mut [u32], a: Matrix<'_>, rows: Range<usize>, k: usize) {
        let mut lines = [&[] as &[f32]; ROWS];
        for (line, row) in lines.iter_mut().zip(rows.clone()) {
            *line = &a.line(row)[..k];
        }
        for (at, tile) in block.chunks_exact_mut(TILE).enumerate() {
            let from = at * DEEP;
            for (tile, line) in tile.chunks_exact_mut(PAIRS).zip(&lines[..rows.len()]) {
                let a = &line[from..k.min(from + DEEP)];
                if a.len() == DEEP {
                    for (out, pair_of) in tile.iter_mut().zip(a.chunks_exact(2)) {
                        *out = pair(pair_of[0], pair_of[1]);
                    }
                } else {
                    for (p, out) in tile.iter_mut().enumerate() {
                        let number = |i: usize| a.get(i).copied().unwrap_or(0.0);
                        *out = pair(number(2 * p), number(2 * p + 1));
                    }
                }
            }
        }
    }
}

versions! {
    /// Packs rows that lines run across.
    fn pack_columns / pack_columns_at(block: &mut [u32], a: Matrix<'_>, rows: Range<usize>, k: usize) {
        for (at, tile) in block.chunks_exact_mut(TILE).enumerate() {
            for p in 0..PAIRS {
                let i = at * DEEP + 2 * p;
                let mut column = [0u32; ROWS];
                if i + 1 < k {
                    let (first, second) = (a.line(i), a.line(i + 1));
                    let numbers = first[rows.clone()].iter().zip(&second[rows.clone()]);
                    for (out, (&first, &second)) in column.iter_mut().zip(numbers) {
                        *out = pair(first, second);
                    }
                } else if i < k {
                    for (out, &first) in column.iter_mut().zip(&a.line(i)[rows.clone()]) {
                        *out = pair(first, 0.0);
                    }
                }
                for (row, &out) in column.iter().enumerate() {
                    tile[row * PAIRS + p] = out;
                }
            }
        }
    }
}

versions! {
    /// Packs columns that lines run across.
    fn pack_panel_rows / pack_panel_rows_at(panel: &mut [u32], b: Matrix<'_>, columns: Range<usize>, k: usize) {
        for (at, tiles) in panel.chunks_exact_mut(2 * TILE).enumerate() {
            let (left, right) = tiles.split_at_mut(TILE);
            for p in 0..PAIRS {
                let i = at * DEEP + 2 * p;
                let mut line = [0u32; COLUMNS];
                if i + 1 < k {
                    let (first, second) = (&b.line(i)[columns.clone()], &b.line(i + 1)[columns.clone()]);
                    if columns.len() == COLUMNS {
                        let (first, second) = (&first[..COLUMNS], &second[..COLUMNS]);
                        for j in 0..COLUMNS {
                            line[j] = pair(first[j], second[j]);
                        }
                    } else {
                        for j in 0..columns.len() {
                            line[j] = pair(first[j], second[j]);
                        }
                    }
                } else if i < k {
                    for (out, &first) in line.iter_mut().zip(&b.line(i)[columns.clone()]) {
                        *out = pair(first, 0.0);
                    }
                }
                left[p * 16..(p + 1) * 16].copy_from_slice(&line[..16]);
                right[p * 16..(p + 1) * 16].copy_from_slice(&line[16..]);
            }
        }
    }
}

versions! {
    /// Packs columns that are lines.
    fn pack_panel_columns / pack_panel_columns_at(panel: &mut [u32], b: Matrix<'_>, columns: Range<usize>, k: usize) {
        let mut lines = [&[] as &[f32]; COLUMNS];
        for (line, column) in lines.iter_mut().zip(columns.clone()) {
            *line = &b.line(column)[..k];
        }
        for (at, tiles) in panel.chunks_exact_mut(2 * TILE).enumerate() {
            let from = at * DEEP;
            for (column, line) in lines.iter().enumerate() {
                let tile = &mut tiles[column / 16 * TILE + column % 16..];
                for p in 0..PAIRS {
                    let number = |i: usize| line.get(i).copied().unwrap_or(0.0);
                    tile[p * 16] = pair(number(from + 2 * p), number(from + 2 * p + 1));
                }
            }
        }
    }
}

fn multiply_tile_at(at: Bf16Unit, tile: Tile<'_, u32>) {
    let tiles = (tile.from / DEEP, tile.to.div_ceil(DEEP));
    let per_block = tile.k.div_ceil(DEEP);
    assert!(
        tile.rows <= 2 * ROWS
            && tile.blocks.len() >= tile.rows.div_ceil(ROWS) * per_block * TILE
            && tile.panel.len() >= per_block * 2 * TILE
            && tiles.1 <= per_block
            && tile.from.is_multiple_of(DEEP)
            && (tile.rows == 0 || tile.c.len() >= (tile.rows - 1) * tile.stride + COLUMNS),
        "a tile ends before its last row"
    );
    match at.min(bf16_unit()) {
        // SAFETY: `bf16_unit` has found the unit usable, and the assertion has checked the lengths that the functions rely on.
        #[cfg(target_arch = "x86_64")]
        Bf16Unit::Amx => unsafe { super::amx::multiply_tile(tile, tiles) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Bf16Unit::Avx512 => unsafe { avx512(tile, tiles) },
        _ => plain(tile, tiles),
    }
}

fn halves(pair: u32) -> (f32, f32) {
    (
        f32::from_bits(pair << 16),
        f32::from_bits(pair & 0xffff_0000),
    )
}

fn plain(tile: Tile<'_, u32>, tiles: (usize, usize)) {
    let per_block = tile.k.div_ceil(DEEP) * TILE;
    for row in 0..tile.rows {
        let block = &tile.blocks[row / ROWS * per_block..];
        let c = &mut tile.c[row * tile.stride..row * tile.stride + COLUMNS];
        for (column, c) in c.iter_mut().enumerate() {
            let mut sum = if tile.add { *c } else { 0.0 };
            for at in tiles.0..tiles.1 {
                let a = &block[at * TILE + row % ROWS * PAIRS..][..PAIRS];
                let b = &tile.panel[(2 * at + column / 16) * TILE + column % 16..];
                for (p, &a) in a.iter().enumerate() {
                    let ((a, a2), (b, b2)) = (halves(a), halves(b[p * 16]));
                    sum = a2.mul_add(b2, a.mul_add(b, sum));
                }
            }
            *c = sum;
        }
    }
}

/// # Safety
/// The machine has AVX512-BF16, and the tile's slices reach to its last row and the last of `tiles`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn avx512(mut tile: Tile<'_, u32>, tiles: (usize, usize)) {
    let mut row = 0;
    while row < tile.rows {
        // Rows of one call lie in one block: blocks hold a multiple of eight.
        let rows = (tile.rows - row).min(8);
        // SAFETY: as this function's.
        unsafe {
            row += match rows {
                8 => avx512_rows::<8>(&mut tile, row, tiles),
                4.. => avx512_rows::<4>(&mut tile, row, tiles),
                _ => avx512_rows::<1>(&mut tile, row, tiles),
            };
        }
    }
}

/// # Safety
/// As [`avx512`], for rows `first` to `first + N - 1`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn avx512_rows<const N: usize>(
    tile: &mut Tile<'_, u32>,
    first: usize,
    tiles: (usize, usize),
) -> usize {
    use std::arch::x86_64::*;

    let per_block = tile.k.div_ceil(DEEP) * TILE;
    let mut sum = [[_mm512_setzero_ps(); 2]; N];
    // SAFETY: the caller vouches for the rows and tiles; a row of a tile is PAIRS long, a panel's tile two of TILE.
    unsafe {
        let c = tile.c.as_mut_ptr().add(first * tile.stride);
        let a = tile
            .blocks
            .as_ptr()
            .add(first / ROWS * per_block + first % ROWS * PAIRS);
        if tile.add {
            for (row, sum) in sum.iter_mut().enumerate() {
                sum[0] = _mm512_loadu_ps(c.add(row * tile.stride));
                sum[1] = _mm512_loadu_ps(c.add(row * tile.stride + 16));
            }
        }
        for at in tiles.0..tiles.1 {
            let (a, b) = (a.add(at * TILE), tile.panel.as_ptr().add(at * 2 * TILE));
            for p in 0..PAIRS {
                let left: __m512bh = std::mem::transmute(_mm512_loadu_si512(b.add(p * 16).cast()));
                let right: __m512bh =
                    std::mem::transmute(_mm512_loadu_si512(b.add(TILE + p * 16).cast()));
                for (row, sum) in sum.iter_mut().enumerate() {
                    let a: __m512bh =
                        std::mem::transmute(_mm512_set1_epi32(*a.add(row * PAIRS + p) as i32));
                    sum[0] = _mm512_dpbf16_ps(sum[0], a, left);
                    sum[1] = _mm512_dpbf16_ps(sum[1], a, right);
                }
            }
        }
        for (row, sum) in sum.iter().enumerate() {
            _mm512_storeu_ps(c.add(row * tile.stride), sum[0]);
            _mm512_storeu_ps(c.add(row * tile.stride + 16), sum[1]);
        }
    }
    N
}

#[cfg(test)]
mod tests {
    use super::super::product::{multiply, multiply_on};
    use super::*;
    use crate::kernel::{left, numbers, right};

    fn near(x: f32) -> f64 {
        f64::from(f32::from_bits(round(x)))
    }

    #[test]
    fn numbers_round_to_the_nearest_bfloat16_ties_to_even() {
        for (x, bits) in [
            (1.0f32, 0x3f80),
            (1.0 + 1.0 / 256.0, 0x3f80), // half way up: to the even one
            (1.0 + 3.0 / 256.0, 0x3f82), // half way: up to the even one
            (-2.007, 0xc000),
            (f32::INFINITY, 0x7f80),
        ] {
            assert_eq!(round(x) >> 16, bits, "{x}");
        }
        assert!(f32::from_bits(round(f32::NAN)).is_nan());
    }

    #[test]
    fn products_agree_with_the_schoolbook_over_rounded_numbers() {
        for (m, n, k) in [
            (1, 1, 1),
            (5, 7, 11),
            (32, 64, 64),
            (37, 65, 300),
            (70, 33, 1030),
        ] {
            let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
            let mut left = left::<Bf16>(m, k);
            left.pack(1, Matrix::rows(&a, k));
            let mut right = right::<Bf16>(k, n);
            right.pack(1, Matrix::rows(&b, k).transposed());
            let mut c = vec![1.0; m * n];
            multiply(&mut c, &left, 0, &right, true);
            for i in 0..m {
                for j in 0..n {
                    let sum: f64 = (0..k)
                        .map(|l| near(a[i * k + l]) * near(b[j * k + l]))
                        .sum();
                    let found = f64::from(c[i * n + j]);
                    assert!(
                        (found - sum - 1.0).abs() < 1e-3,
                        "{found} for {}",
                        sum + 1.0
                    );
                }
            }
            let mut cut = vec![1.0; m * n];
            multiply_on(3, &mut cut, &left, &right, true);
            assert_eq!(c, cut, "cutting between threads changes no byte");
        }
    }

    #[test]
    fn a_transposed_operand_packs_to_the_same() {
        let (m, k) = (37, 43);
        let a = numbers(m * k, 1);
        let mut turned = vec![0.0; m * k];
        for i in 0..m {
            for j in 0..k {
                turned[j * m + i] = a[i * k + j];
            }
        }
        let (rows, columns) = (Matrix::rows(&a, k), Matrix::rows(&turned, m).transposed());
        let pack = |a| {
            let (mut left, mut right) = (left::<Bf16>(m, k), right::<Bf16>(m, k));
            left.pack(2, a);
            right.pack(3, a);
            (left.data().to_vec(), right.data().to_vec())
        };
        assert_eq!(pack(rows), pack(columns));
    }

    #[test]
    fn every_unit_gives_the_same_to_rounding() {
        let k = 96;
        let (a, b) = (numbers(29 * k, 1), numbers(COLUMNS * k, 2));
        let mut left = left::<Bf16>(29, k);
        left.pack(1, Matrix::rows(&a, k));
        let mut right = right::<Bf16>(k, COLUMNS);
        right.pack(1, Matrix::rows(&b, k).transposed());
        let (blocks, panel) = (left.data(), right.data());
        let run = |at| {
            let mut c = numbers(29 * COLUMNS, 3);
            multiply_tile_at(
                at,
                Tile {
                    c: &mut c,
                    stride: COLUMNS,
                    add: true,
                    blocks,
                    rows: 29,
                    panel,
                    k,
                    from: 32,
                    to: k,
                },
            );
            c
        };
        let plain = run(Bf16Unit::Plain);
        for unit in [Bf16Unit::Avx512, Bf16Unit::Amx] {
            for (a, b) in plain.iter().zip(run(unit)) {
                assert!((a - b).abs() < 1e-4, "{unit}: {a} and {b}");
            }
        }
    }
}

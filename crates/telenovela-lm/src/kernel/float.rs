//! Products in f32, in versions for AVX-512, AVX2 and neither: one order of summation, the same bytes.

use super::product::{COLUMNS, Format, ROWS, Tile};
use super::{Level, Matrix, level};

/// Plain f32 numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct F32;

/// Numbers between two rows of a block beyond k: rows a whole number of pages apart would fall into the same few lines of the first cache.
const GAP: usize = 16;

impl Format for F32 {
    type Number = f32;
    const STEP: usize = 1;
    const DEPTH: usize = 256;
    const BLOCKS: usize = 1;

    fn block_len(k: usize) -> usize {
        ROWS * (k + GAP)
    }

    fn panel_len(k: usize) -> usize {
        k * COLUMNS
    }

    fn pack_block(block: &mut [f32], a: Matrix<'_>, rows: usize, k: usize) {
        let stride = k + GAP;
        if a.column == 1 {
            for (row, block) in block.chunks_exact_mut(stride).take(rows).enumerate() {
                block[..k].copy_from_slice(&a.data[row * a.row..row * a.row + k]);
            }
        } else {
            for i in 0..k {
                let a = &a.data[i * a.column..];
                for row in 0..rows {
                    block[row * stride + i] = a[row];
                }
            }
        }
    }

    fn pack_panel(panel: &mut [f32], b: Matrix<'_>, k: usize, columns: usize) {
        if b.column == 1 {
            for (i, panel) in panel.chunks_exact_mut(COLUMNS).enumerate() {
                panel[..columns].copy_from_slice(&b.data[i * b.row..i * b.row + columns]);
                panel[columns..].fill(0.0);
            }
        } else {
            for column in 0..COLUMNS {
                let b = &b.data[(column * b.column).min(b.data.len())..];
                for i in 0..k {
                    panel[i * COLUMNS + column] = if column < columns { b[i] } else { 0.0 };
                }
            }
        }
    }

    fn multiply_tile(tile: Tile<'_, f32>) {
        multiply_tile_at(level(), tile);
    }
}

fn multiply_tile_at(at: Level, tile: Tile<'_, f32>) {
    let (rows, k) = (tile.rows, tile.k);
    assert!(
        rows == 0
            || (tile.c.len() >= (rows - 1) * tile.stride + COLUMNS
                && tile.blocks.len() >= (rows - 1) * (k + GAP) + k
                && tile.panel.len() >= k * COLUMNS
                && tile.to <= k),
        "a tile ends before its last row"
    );
    match at.min(level()) {
        // SAFETY: `level` has found AVX-512 on this machine, and the assertion has checked the lengths that the function relies on.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512(tile) },
        // SAFETY: as above, for AVX2.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(tile) },
        _ => plain(tile),
    }
}

fn plain(tile: Tile<'_, f32>) {
    let a_rows = tile.blocks.chunks(tile.k + GAP);
    let panel = &tile.panel[tile.from * COLUMNS..tile.to * COLUMNS];
    for (a, c) in a_rows.zip(tile.c.chunks_mut(tile.stride)).take(tile.rows) {
        let mut sum = [0f32; COLUMNS];
        if tile.add {
            sum.copy_from_slice(&c[..COLUMNS]);
        }
        for (&a, b) in a[tile.from..].iter().zip(panel.chunks_exact(COLUMNS)) {
            for (sum, &b) in sum.iter_mut().zip(b) {
                *sum = a.mul_add(b, *sum);
            }
        }
        c[..COLUMNS].copy_from_slice(&sum);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{COLUMNS, GAP, Tile};

    /// # Safety
    /// The tile's slices reach to the last of its rows, and its panel to the end of the stretch.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512(mut tile: Tile<'_, f32>) {
        let (mut row, rows) = (0, tile.rows);
        while row < rows {
            // SAFETY: each call covers rows below `rows`, which the caller vouches for.
            unsafe {
                row += match rows - row {
                    8.. => avx512_rows::<8>(&mut tile, row),
                    4.. => avx512_rows::<4>(&mut tile, row),
                    _ => avx512_rows::<1>(&mut tile, row),
                };
            }
        }
    }

    /// # Safety
    /// The tile's slices reach to row `first + N - 1`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn avx512_rows<const N: usize>(tile: &mut Tile<'_, f32>, first: usize) -> usize {
        let (k, a_stride) = (tile.to - tile.from, tile.k + GAP);
        let mut sum = [[_mm512_setzero_ps(); 2]; N];
        // SAFETY: reads and writes stay within the rows that the caller vouches for, each COLUMNS wide in `c` and k long in `a`;
        // `b` is k times COLUMNS long.
        unsafe {
            let a = tile.blocks.as_ptr().add(first * a_stride + tile.from);
            let b = tile.panel.as_ptr().add(tile.from * COLUMNS);
            let c = tile.c.as_mut_ptr().add(first * tile.stride);
            if tile.add {
                for (row, sum) in sum.iter_mut().enumerate() {
                    sum[0] = _mm512_loadu_ps(c.add(row * tile.stride));
                    sum[1] = _mm512_loadu_ps(c.add(row * tile.stride + 16));
                }
            }
            for i in 0..k {
                let left = _mm512_loadu_ps(b.add(i * COLUMNS));
                let right = _mm512_loadu_ps(b.add(i * COLUMNS + 16));
                for (row, sum) in sum.iter_mut().enumerate() {
                    let a = _mm512_set1_ps(*a.add(row * a_stride + i));
                    sum[0] = _mm512_fmadd_ps(a, left, sum[0]);
                    sum[1] = _mm512_fmadd_ps(a, right, sum[1]);
                }
            }
            for (row, sum) in sum.iter().enumerate() {
                _mm512_storeu_ps(c.add(row * tile.stride), sum[0]);
                _mm512_storeu_ps(c.add(row * tile.stride + 16), sum[1]);
            }
        }
        N
    }

    /// # Safety
    /// The tile's slices reach to the last of its rows, and its panel to the end of the stretch.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2(mut tile: Tile<'_, f32>) {
        let (mut row, rows) = (0, tile.rows);
        while row < rows {
            // SAFETY: each call covers rows below `rows`, which the caller vouches for.
            unsafe {
                row += match rows - row {
                    4.. => avx2_rows::<4>(&mut tile, row),
                    _ => avx2_rows::<1>(&mut tile, row),
                };
            }
        }
    }

    /// # Safety
    /// The tile's slices reach to row `first + N - 1`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2_rows<const N: usize>(tile: &mut Tile<'_, f32>, first: usize) -> usize {
        let (k, a_stride) = (tile.to - tile.from, tile.k + GAP);
        // SAFETY: as in `avx512_rows`; a half of the panel's columns at a time, to fit sixteen registers.
        unsafe {
            let a = tile.blocks.as_ptr().add(first * a_stride + tile.from);
            for half in [0, COLUMNS / 2] {
                let b = tile.panel.as_ptr().add(tile.from * COLUMNS + half);
                let c = tile.c.as_mut_ptr().add(first * tile.stride + half);
                let mut sum = [[_mm256_setzero_ps(); 2]; N];
                if tile.add {
                    for (row, sum) in sum.iter_mut().enumerate() {
                        sum[0] = _mm256_loadu_ps(c.add(row * tile.stride));
                        sum[1] = _mm256_loadu_ps(c.add(row * tile.stride + 8));
                    }
                }
                for i in 0..k {
                    let left = _mm256_loadu_ps(b.add(i * COLUMNS));
                    let right = _mm256_loadu_ps(b.add(i * COLUMNS + 8));
                    for (row, sum) in sum.iter_mut().enumerate() {
                        let a = _mm256_set1_ps(*a.add(row * a_stride + i));
                        sum[0] = _mm256_fmadd_ps(a, left, sum[0]);
                        sum[1] = _mm256_fmadd_ps(a, right, sum[1]);
                    }
                }
                for (row, sum) in sum.iter().enumerate() {
                    _mm256_storeu_ps(c.add(row * tile.stride), sum[0]);
                    _mm256_storeu_ps(c.add(row * tile.stride + 8), sum[1]);
                }
            }
        }
        N
    }
}

#[cfg(test)]
mod tests {
    use super::super::product::{multiply, multiply_on};
    use super::*;
    use crate::kernel::{left, numbers, right};

    #[test]
    fn products_agree_with_the_schoolbook_at_odd_sizes() {
        for (m, n, k) in [
            (1, 1, 1),
            (5, 7, 11),
            (16, 32, 256),
            (37, 65, 300),
            (70, 33, 513),
        ] {
            let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
            let mut left = left::<F32>(m, k);
            left.pack(1, Matrix::rows(&a, k));
            let mut right = right::<F32>(k, n);
            right.pack(1, Matrix::rows(&b, k).transposed());
            let mut c = vec![1.0; m * n];
            multiply(&mut c, &left, 0, &right, true);
            for i in 0..m {
                for j in 0..n {
                    let sum: f64 = (0..k)
                        .map(|l| f64::from(a[i * k + l]) * f64::from(b[j * k + l]))
                        .sum();
                    let found = f64::from(c[i * n + j]);
                    assert!(
                        (found - sum - 1.0).abs() < 2e-4,
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
        let (m, k) = (37, 21);
        let a = numbers(m * k, 1);
        let mut turned = vec![0.0; m * k];
        for i in 0..m {
            for j in 0..k {
                turned[j * m + i] = a[i * k + j];
            }
        }
        let (rows, columns) = (Matrix::rows(&a, k), Matrix::rows(&turned, m).transposed());
        let pack = |a| {
            let (mut left, mut right) = (left::<F32>(m, k), right::<F32>(m, k));
            left.pack(2, a);
            right.pack(3, a);
            (left.into_data(), right.into_data())
        };
        assert_eq!(pack(rows), pack(columns));
    }

    #[test]
    fn every_level_gives_the_same_bytes() {
        let (rows, k) = (13, 41);
        let (blocks, panel) = (numbers(F32::block_len(k), 1), numbers(k * COLUMNS, 2));
        let run = |at| {
            let mut c = numbers(rows * COLUMNS, 3);
            let tile = Tile {
                c: &mut c,
                stride: COLUMNS,
                add: true,
                blocks: &blocks,
                rows,
                panel: &panel,
                k,
                from: 3,
                to: k,
            };
            multiply_tile_at(at, tile);
            c
        };
        assert_eq!(run(Level::Plain), run(Level::Avx2));
        assert_eq!(run(Level::Plain), run(Level::Avx512));
    }
}

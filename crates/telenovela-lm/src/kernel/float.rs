//! Products in f32, in versions for AVX-512, AVX2 and neither: one order of summation, the same bytes.

use std::ops::Range;

use super::product::{COLUMNS, Format, ROWS, Tile};
use super::{Level, Matrix, level};

/// Plain f32 numbers: blocks and panels both go along k, with the rows or columns of a step side by side.
#[derive(Clone, Copy, Debug, Default)]
pub struct F32;

impl Format for F32 {
    type Number = f32;
    const STEP: usize = 1;
    const DEPTH: usize = 256;
    const BLOCKS: usize = 1;

    fn block_len(k: usize) -> usize {
        k * ROWS
    }

    fn panel_len(k: usize) -> usize {
        k * COLUMNS
    }

    fn pack_block(block: &mut [f32], a: Matrix<'_>, rows: Range<usize>, k: usize) {
        if a.is_transposed() {
            for (i, block) in block.chunks_exact_mut(ROWS).enumerate() {
                copy::<ROWS>(block, &a.line(i)[rows.clone()]);
            }
        } else if !rows.is_empty() {
            // Where there are fewer rows, the last one stands for the others.
            let line = |row: usize| &a.line(rows.start + row.min(rows.len() - 1))[..k];
            interleave(block, ROWS, std::array::from_fn(line));
        }
    }

    fn pack_panel(panel: &mut [f32], b: Matrix<'_>, columns: Range<usize>, k: usize) {
        if !b.is_transposed() {
            for (i, panel) in panel.chunks_exact_mut(COLUMNS).enumerate() {
                copy::<COLUMNS>(panel, &b.line(i)[columns.clone()]);
                panel[columns.len()..].fill(0.0);
            }
            return;
        }
        if columns.len() < COLUMNS {
            panel.fill(0.0);
        }
        for first in (0..columns.len()).step_by(ROWS) {
            let line = |at: usize| match columns.clone().nth(first + at) {
                Some(column) => &b.line(column)[..k],
                None => &[],
            };
            interleave(&mut panel[first..], COLUMNS, std::array::from_fn(line));
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
                && rows <= ROWS
                && tile.blocks.len() >= k * ROWS
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

/// Copies up to `N` numbers; so many, which is nearly always, without asking how many.
#[inline(always)]
fn copy<const N: usize>(to: &mut [f32], from: &[f32]) {
    match (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        (Some(to), Some(from)) => *to = *from,
        _ => to[..from.len()].copy_from_slice(from),
    }
}

/// Puts rows side by side: `out[i · stride + j] = rows[j][i]`. Rows are as long as the first one, or empty and left out.
pub fn interleave(out: &mut [f32], stride: usize, rows: [&[f32]; ROWS]) {
    interleave_at(level(), out, stride, rows);
}

fn interleave_at(at: Level, out: &mut [f32], stride: usize, rows: [&[f32]; ROWS]) {
    let (k, is_whole) = (rows[0].len(), rows.iter().all(|row| !row.is_empty()));
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if at.min(level()) == Level::Avx512 && is_whole && k >= ROWS {
        assert!(
            rows.iter().all(|row| row.len() == k) && out.len() >= (k - 1) * stride + ROWS,
            "rows of {k} numbers end before they are put side by side"
        );
        done = k / ROWS * ROWS;
        for from in (0..done).step_by(ROWS) {
            // SAFETY: `level` has found AVX-512 on this machine, and the assertion has checked the lengths.
            unsafe { x86::transpose(&mut out[from * stride..], stride, rows, from) };
        }
    }
    for i in done..k {
        for (out, row) in out[i * stride..].iter_mut().zip(rows) {
            if let Some(&x) = row.get(i) {
                *out = x;
            }
        }
    }
}

fn plain(tile: Tile<'_, f32>) {
    let block = &tile.blocks[tile.from * ROWS..tile.to * ROWS];
    let panel = &tile.panel[tile.from * COLUMNS..tile.to * COLUMNS];
    for (row, c) in tile.c.chunks_mut(tile.stride).take(tile.rows).enumerate() {
        let mut sum = [0f32; COLUMNS];
        if tile.add {
            sum.copy_from_slice(&c[..COLUMNS]);
        }
        for (a, b) in block.chunks_exact(ROWS).zip(panel.chunks_exact(COLUMNS)) {
            for (sum, &b) in sum.iter_mut().zip(b) {
                *sum = a[row].mul_add(b, *sum);
            }
        }
        c[..COLUMNS].copy_from_slice(&sum);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{COLUMNS, ROWS, Tile};

    /// Steps of k that a panel is fetched ahead: what comes from the second cache would otherwise be waited for.
    const AHEAD: usize = 8;

    /// Sixteen numbers of each row from `from` on become sixteen lines, `stride` apart.
    ///
    /// # Safety
    /// The rows and `out` hold as much.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn transpose(
        out: &mut [f32],
        stride: usize,
        rows: [&[f32]; ROWS],
        from: usize,
    ) {
        // Pairs of rows, then of pairs, then of quarters, then of halves change places.
        let mut r = [_mm512_setzero_ps(); ROWS];
        for (r, row) in r.iter_mut().zip(rows) {
            // SAFETY: the caller vouches for sixteen numbers from there on.
            *r = unsafe { _mm512_loadu_ps(row.as_ptr().add(from)) };
        }
        for i in (0..16).step_by(2) {
            (r[i], r[i + 1]) = (
                _mm512_unpacklo_ps(r[i], r[i + 1]),
                _mm512_unpackhi_ps(r[i], r[i + 1]),
            );
        }
        for i in (0..16).step_by(4) {
            let (a, b) = (_mm512_castps_pd(r[i]), _mm512_castps_pd(r[i + 1]));
            let (c, d) = (_mm512_castps_pd(r[i + 2]), _mm512_castps_pd(r[i + 3]));
            r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
            r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
            r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
            r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
        }
        for column in 0..4 {
            let [a, b] = [r[column], r[column + 4]];
            let [c, d] = [r[column + 8], r[column + 12]];
            let even = (
                _mm512_shuffle_f32x4::<0x88>(a, b),
                _mm512_shuffle_f32x4::<0x88>(c, d),
            );
            let odd = (
                _mm512_shuffle_f32x4::<0xdd>(a, b),
                _mm512_shuffle_f32x4::<0xdd>(c, d),
            );
            let lines = [
                _mm512_shuffle_f32x4::<0x88>(even.0, even.1),
                _mm512_shuffle_f32x4::<0x88>(odd.0, odd.1),
                _mm512_shuffle_f32x4::<0xdd>(even.0, even.1),
                _mm512_shuffle_f32x4::<0xdd>(odd.0, odd.1),
            ];
            for (at, line) in lines.into_iter().enumerate() {
                // SAFETY: the caller vouches for sixteen lines.
                unsafe {
                    let out = out.as_mut_ptr().add((4 * at + column) * stride);
                    _mm512_storeu_ps(out, line);
                }
            }
        }
    }

    /// # Safety
    /// The tile's slices reach to the last of its rows, and its panel to the end of the stretch.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512(mut tile: Tile<'_, f32>) {
        let (mut row, rows) = (0, tile.rows);
        while row < rows {
            // SAFETY: each call covers rows below `rows`, which the caller vouches for.
            unsafe {
                row += match rows - row {
                    12.. => avx512_rows::<12>(&mut tile, row),
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
        let k = tile.to - tile.from;
        let mut sum = [[_mm512_setzero_ps(); 2]; N];
        // SAFETY: reads and writes stay within the rows that the caller vouches for, each COLUMNS wide in `c`; `a` and `b` are k times
        // ROWS and COLUMNS long. What is only fetched ahead may lie beyond.
        unsafe {
            let a = tile.blocks.as_ptr().add(tile.from * ROWS + first);
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
                let ahead = b.wrapping_add((i + AHEAD) * COLUMNS);
                _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(16).cast());
                for (row, sum) in sum.iter_mut().enumerate() {
                    let a = _mm512_set1_ps(*a.add(i * ROWS + row));
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
        let k = tile.to - tile.from;
        // SAFETY: as in `avx512_rows`; a half of the panel's columns at a time, to fit sixteen registers.
        unsafe {
            let a = tile.blocks.as_ptr().add(tile.from * ROWS + first);
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
                        let a = _mm256_set1_ps(*a.add(i * ROWS + row));
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
            (left.data().to_vec(), right.data().to_vec())
        };
        let ((left, right), turned) = (pack(rows), pack(columns));
        assert_eq!(right, turned.1);
        // Of the last block, 37 - 32 rows count.
        let whole = 2 * F32::block_len(k);
        assert_eq!(left[..whole], turned.0[..whole]);
        let counts = |left: &[f32]| -> Vec<f32> {
            left[whole..]
                .chunks(ROWS)
                .flat_map(|step| &step[..5])
                .copied()
                .collect()
        };
        assert_eq!(counts(&left), counts(&turned.0));
    }

    #[test]
    fn rows_are_interleaved_alike_at_every_level() {
        let k = 37;
        let rows = numbers(ROWS * k, 5);
        let lines: [&[f32]; ROWS] = std::array::from_fn(|row| &rows[row * k..(row + 1) * k]);
        let run = |at| {
            let mut block = vec![0.0; k * ROWS];
            interleave_at(at, &mut block, ROWS, lines);
            block
        };
        let plain = run(Level::Plain);
        assert_eq!(plain[3 * ROWS + 2], rows[2 * k + 3]);
        assert_eq!(plain, run(Level::Avx512));
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

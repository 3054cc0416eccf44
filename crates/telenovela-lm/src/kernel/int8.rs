//! Products of speaking over eight-bit weights, as a model's file holds them, in whole numbers.
//!
//! What comes in is rounded to fifteen bits (fewer where a sum could overflow) with one scale per lane; the sums are then exact in 32 bits, so
//! they are the same bytes in any order: at every level, alone or in company. A quarter of the bytes of f32 is read per character, which is what
//! speaking alone waits for.

use super::{Level, level, versions};

/// Output columns that lie side by side.
pub const PANEL: usize = 64;

/// A matrix of eight-bit rows with a scale each, `(n_out, n_in)`, packed for [`Panels::accumulate`].
#[derive(Clone, Debug)]
pub struct Panels {
    /// `(n_panel, n_pair, PANEL, 2)`: neighbours along the input side by side.
    weights: Vec<i8>,
    /// Per output, padded to whole panels.
    scales: Vec<f32>,
    n_in: usize,
    /// What the largest number of a lane is rounded to.
    top: i32,
}

/// Numbers of some lanes rounded for [`Panels::accumulate`], and the sums: memory that steps reuse.
#[derive(Clone, Debug, Default)]
pub struct Rounded {
    /// `(lanes, 2 · n_pair)`.
    numbers: Vec<i16>,
    /// Per lane.
    scales: Vec<f32>,
    /// `(lanes, n_panel · PANEL)`.
    sums: Vec<i32>,
}

impl Panels {
    /// Packs rows of multiples of their scale, -127 to 127 times.
    pub fn new(numbers: &[f32], scales: &[f32], n_in: usize) -> Self {
        let (n_panel, n_pair) = (scales.len().div_ceil(PANEL), n_in.div_ceil(2));
        let mut weights = vec![0i8; n_panel * n_pair * PANEL * 2];
        let mut largest = 1i64;
        for (out, (row, scale)) in numbers.chunks_exact(n_in).zip(scales).enumerate() {
            let (panel, column) = (out / PANEL, out % PANEL);
            let mut sum = 0;
            for (k, w) in row.iter().enumerate() {
                let w = (w / scale).round() as i8;
                weights[((panel * n_pair + k / 2) * PANEL + column) * 2 + k % 2] = w;
                sum += i64::from(w).abs();
            }
            largest = largest.max(sum);
        }
        let mut padded = scales.to_vec();
        padded.resize(n_panel * PANEL, 0.0);
        Self {
            weights,
            scales: padded,
            n_in,
            // No sum of any row can leave 32 bits.
            top: (i64::from(i32::MAX) / largest).min(i64::from(i16::MAX)) as i32,
        }
    }

    /// Bytes of the weights.
    pub fn n_bytes(&self) -> usize {
        self.weights.len()
    }

    /// `out[lane][j] += Σ_k x[lane][k] · w[j][k]`. `out` is `(lanes, n_panel · PANEL)`, `x` is `(lanes, n_in)`.
    pub fn accumulate(&self, out: &mut [f32], x: &[f32], rounded: &mut Rounded) {
        self.accumulate_at(unit(), out, x, rounded);
    }

    fn accumulate_at(&self, at: Int8Unit, out: &mut [f32], x: &[f32], rounded: &mut Rounded) {
        let n_pair = self.n_in.div_ceil(2);
        let lanes = x.len() / self.n_in.max(1);
        rounded.numbers.clear();
        rounded.numbers.resize(lanes * 2 * n_pair, 0);
        rounded.scales.clear();
        for (x, numbers) in x
            .chunks_exact(self.n_in)
            .zip(rounded.numbers.chunks_exact_mut(2 * n_pair))
        {
            let mut scale = 0.0;
            round(&mut numbers[..self.n_in], x, self.top as f32, &mut scale);
            rounded.scales.push(scale);
        }
        rounded.sums.resize(lanes * self.scales.len(), 0);
        sum_at(
            at,
            &mut rounded.sums,
            &rounded.numbers,
            &self.weights,
            n_pair,
        );
        let rows = out.chunks_exact_mut(self.scales.len());
        let rows = rows.zip(rounded.sums.chunks_exact(self.scales.len()));
        for ((out, sums), &scale) in rows.zip(&rounded.scales) {
            add_scaled(out, sums, &self.scales, scale);
        }
    }
}

versions! {
    /// Rounds numbers to multiples of the largest over `top`; `scale` becomes that multiple.
    fn round / round_at(numbers: &mut [i16], x: &[f32], top: f32, scale: &mut f32) {
        // Sixteen maxima side by side, which the compiler keeps in registers; the largest is the same in any order.
        let mut largest = [0f32; 16];
        let (chunks, rest) = x.as_chunks::<16>();
        for chunk in chunks {
            for (largest, x) in largest.iter_mut().zip(chunk) {
                *largest = if x.abs() > *largest { x.abs() } else { *largest };
            }
        }
        for (largest, x) in largest.iter_mut().zip(rest) {
            *largest = largest.max(x.abs());
        }
        let largest = largest.iter().fold(0f32, |a, &b| a.max(b));
        let per_unit = if largest > 0.0 { top / largest } else { 0.0 };
        *scale = largest / top;
        for (number, x) in numbers.iter_mut().zip(x) {
            *number = (x * per_unit).round_ties_even() as i32 as i16;
        }
    }
}

versions! {
    /// `out[j] += sums[j] · scales[j] · scale`.
    fn add_scaled / add_scaled_at(out: &mut [f32], sums: &[i32], scales: &[f32], scale: f32) {
        for ((out, &sum), &row_scale) in out.iter_mut().zip(sums).zip(scales) {
            *out = (sum as f32).mul_add(row_scale * scale, *out);
        }
    }
}

/// What multiplies sixteen-bit numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Int8Unit {
    Plain,
    Avx2,
    Avx512,
    /// AVX512-VNNI: two products and their sum per lane, in one instruction.
    Vnni,
}

fn unit() -> Int8Unit {
    match level() {
        Level::Plain => Int8Unit::Plain,
        Level::Avx2 => Int8Unit::Avx2,
        Level::Avx512 => {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx512vnni") {
                return Int8Unit::Vnni;
            }
            Int8Unit::Avx512
        }
    }
}

/// `sums[lane][j] = Σ_k x[lane][k] · w[k][j]`; `w` packed as in [`Panels`].
fn sum_at(at: Int8Unit, sums: &mut [i32], x: &[i16], w: &[i8], n_pair: usize) {
    let lanes = x.len() / (2 * n_pair).max(1);
    assert!(
        x.len() == lanes * 2 * n_pair && sums.len() * 2 * n_pair == lanes * w.len(),
        "a panel ends before its last pair"
    );
    match at.min(unit()) {
        // SAFETY: `unit` has found the instructions on this machine, and the assertion has checked the lengths that the functions rely on.
        #[cfg(target_arch = "x86_64")]
        Int8Unit::Vnni => unsafe { x86::vnni(sums, x, w, n_pair) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Int8Unit::Avx512 => unsafe { x86::avx512(sums, x, w, n_pair) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Int8Unit::Avx2 => unsafe { x86::avx2(sums, x, w, n_pair) },
        _ => plain(sums, x, w, n_pair),
    }
}

fn plain(sums: &mut [i32], x: &[i16], w: &[i8], n_pair: usize) {
    let stride = w.len() / (2 * n_pair).max(1);
    for (sums, x) in sums
        .chunks_exact_mut(stride.max(1))
        .zip(x.chunks_exact(2 * n_pair))
    {
        let panels = sums
            .chunks_exact_mut(PANEL)
            .zip(w.chunks_exact(n_pair * PANEL * 2));
        for (sums, panel) in panels {
            sums.fill(0);
            for (x, w) in x.chunks_exact(2).zip(panel.chunks_exact(PANEL * 2)) {
                for (sum, w) in sums.iter_mut().zip(w.chunks_exact(2)) {
                    *sum += i32::from(x[0]) * i32::from(w[0]) + i32::from(x[1]) * i32::from(w[1]);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::PANEL;

    /// Defines a function over all panels and lanes from one over `N` lanes of a panel.
    macro_rules! over_panels {
        ($name:ident, $lanes_of_panel:ident, $features:literal) => {
            /// # Safety
            /// The machine has the features; `x` holds whole lanes of `2 · n_pair`, `w` whole panels, `sums` a number for each lane and column.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name(sums: &mut [i32], x: &[i16], w: &[i8], n_pair: usize) {
                let stride = w.len() / (2 * n_pair).max(1);
                let lanes = x.len() / (2 * n_pair).max(1);
                for (panel, w) in w.chunks_exact((n_pair * PANEL * 2).max(1)).enumerate() {
                    let mut lane = 0;
                    while lane < lanes {
                        let sums = &mut sums[lane * stride + panel * PANEL..];
                        let x = &x[lane * 2 * n_pair..];
                        // SAFETY: lanes below `lanes` lie within `x` and `sums`.
                        unsafe {
                            lane += match lanes - lane {
                                4.. => $lanes_of_panel::<4>(sums, stride, x, w, n_pair),
                                2.. => $lanes_of_panel::<2>(sums, stride, x, w, n_pair),
                                _ => $lanes_of_panel::<1>(sums, stride, x, w, n_pair),
                            };
                        }
                    }
                }
            }
        };
    }

    over_panels!(vnni, vnni_lanes, "avx512f,avx512bw,avx512vnni");
    over_panels!(avx512, avx512_lanes, "avx512f,avx512bw");
    over_panels!(avx2, avx2_lanes, "avx2");

    /// Sixteen weights pairs widened to sixteen bits.
    ///
    /// # Safety
    /// 32 bytes lie at `w`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn widen(w: *const i8) -> __m512i {
        // SAFETY: as this function's.
        _mm512_cvtepi8_epi16(unsafe { _mm256_loadu_si256(w.cast()) })
    }

    /// Defines the sums of `N` lanes and a panel in 512-bit registers, given how a pair of products is added.
    macro_rules! lanes_in_512_bits {
        ($name:ident, $features:literal, $add_pair:expr) => {
            /// # Safety
            /// The machine has the features; `x` holds `N` lanes of `2 · n_pair`, `w` a panel, and `sums` the panel's columns of `N` rows `stride` apart.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn $name<const N: usize>(
                sums: &mut [i32],
                stride: usize,
                x: &[i16],
                w: &[i8],
                n_pair: usize,
            ) -> usize {
                let mut sum = [[_mm512_setzero_si512(); 4]; N];
                let mut other = [[_mm512_setzero_si512(); 4]; N];
                // SAFETY: pairs below `n_pair` lie within every lane of `x` and within the panel; `sums` reaches to row N - 1.
                unsafe {
                    let (x, w) = (x.as_ptr().cast::<i32>(), w.as_ptr());
                    let add = |sum: &mut [[__m512i; 4]; N], pair: usize| {
                        let w = w.add(pair * PANEL * 2);
                        let w = [
                            widen(w),
                            widen(w.add(32)),
                            widen(w.add(64)),
                            widen(w.add(96)),
                        ];
                        for (lane, sum) in sum.iter_mut().enumerate() {
                            let x = _mm512_set1_epi32(x.add(lane * n_pair + pair).read_unaligned());
                            for (sum, w) in sum.iter_mut().zip(w) {
                                *sum = $add_pair(*sum, x, w);
                            }
                        }
                    };
                    let mut pair = 0;
                    // A lone lane has too few sums to keep the processor busy: two sets take turns.
                    while N == 1 && pair + 1 < n_pair {
                        add(&mut sum, pair);
                        add(&mut other, pair + 1);
                        pair += 2;
                    }
                    while pair < n_pair {
                        add(&mut sum, pair);
                        pair += 1;
                    }
                    for lane in 0..N {
                        for quarter in 0..4 {
                            let sum = _mm512_add_epi32(sum[lane][quarter], other[lane][quarter]);
                            let sums = sums.as_mut_ptr().add(lane * stride + quarter * 16);
                            _mm512_storeu_si512(sums.cast(), sum);
                        }
                    }
                }
                N
            }
        };
    }

    lanes_in_512_bits!(vnni_lanes, "avx512f,avx512bw,avx512vnni", |sum, x, w| {
        _mm512_dpwssd_epi32(sum, x, w)
    });
    lanes_in_512_bits!(avx512_lanes, "avx512f,avx512bw", |sum, x, w| {
        _mm512_add_epi32(sum, _mm512_madd_epi16(x, w))
    });

    /// # Safety
    /// As the versions in 512 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn avx2_lanes<const N: usize>(
        sums: &mut [i32],
        stride: usize,
        x: &[i16],
        w: &[i8],
        n_pair: usize,
    ) -> usize {
        // SAFETY: as in the versions in 512 bits; two columns of eight at a time, to fit sixteen registers.
        unsafe {
            for part in 0..4 {
                let mut sum = [[_mm256_setzero_si256(); 2]; N];
                let (x, w) = (x.as_ptr().cast::<i32>(), w.as_ptr().add(part * 32));
                for pair in 0..n_pair {
                    let w = w.add(pair * PANEL * 2);
                    let w =
                        [0, 16].map(|at| _mm256_cvtepi8_epi16(_mm_loadu_si128(w.add(at).cast())));
                    for (lane, sum) in sum.iter_mut().enumerate() {
                        let x = _mm256_set1_epi32(x.add(lane * n_pair + pair).read_unaligned());
                        for (sum, w) in sum.iter_mut().zip(w) {
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, w));
                        }
                    }
                }
                for (lane, sum) in sum.iter().enumerate() {
                    let sums = sums.as_mut_ptr().add(lane * stride + part * 16);
                    _mm256_storeu_si256(sums.cast(), sum[0]);
                    _mm256_storeu_si256(sums.add(8).cast(), sum[1]);
                }
            }
        }
        N
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::numbers;

    /// A matrix of multiples of its rows' scales, `(n_out, n_in)`.
    fn matrix(n_out: usize, n_in: usize) -> (Vec<f32>, Vec<f32>) {
        let mut w = numbers(n_out * n_in, 1);
        let mut scales = Vec::new();
        for row in w.chunks_exact_mut(n_in) {
            let scale = row.iter().fold(0f32, |a, x| a.max(x.abs())) / 127.0;
            row.iter_mut()
                .for_each(|x| *x = (*x / scale).round() * scale);
            scales.push(scale);
        }
        (w, scales)
    }

    #[test]
    fn sums_come_close_to_those_of_f32() {
        for (n_out, n_in, lanes) in [(1, 1, 1), (65, 37, 3), (256, 400, 16), (128, 2000, 7)] {
            let (w, scales) = matrix(n_out, n_in);
            let x = numbers(lanes * n_in, 2);
            let panels = Panels::new(&w, &scales, n_in);
            let stride = n_out.div_ceil(PANEL) * PANEL;
            let mut out = vec![1.0; lanes * stride];
            panels.accumulate(&mut out, &x, &mut Rounded::default());
            for lane in 0..lanes {
                for j in 0..n_out {
                    let x = &x[lane * n_in..(lane + 1) * n_in];
                    let row = &w[j * n_in..(j + 1) * n_in];
                    let terms = x
                        .iter()
                        .zip(row)
                        .map(|(&x, &w)| f64::from(x) * f64::from(w));
                    let sum = 1.0 + terms.sum::<f64>();
                    let size = (n_in as f64).sqrt();
                    let found = f64::from(out[lane * stride + j]);
                    assert!((found - sum).abs() < 4e-4 * size, "{found} for {sum}");
                }
            }
        }
    }

    #[test]
    fn every_unit_and_any_company_gives_the_same_bytes() {
        let (n_out, n_in, lanes) = (130, 101, 7);
        let (w, scales) = matrix(n_out, n_in);
        let panels = Panels::new(&w, &scales, n_in);
        let x = numbers(lanes * n_in, 2);
        let stride = n_out.div_ceil(PANEL) * PANEL;
        let run = |unit, x: &[f32]| {
            let mut out = vec![0.5; x.len() / n_in * stride];
            panels.accumulate_at(unit, &mut out, x, &mut Rounded::default());
            out
        };
        let all = run(Int8Unit::Plain, &x);
        for unit in [Int8Unit::Avx2, Int8Unit::Avx512, Int8Unit::Vnni] {
            assert_eq!(all, run(unit, &x), "{unit:?}");
        }
        for (lane, x) in x.chunks_exact(n_in).enumerate() {
            let alone = run(unit(), x);
            assert_eq!(alone, all[lane * stride..(lane + 1) * stride]);
        }
    }

    #[test]
    fn the_largest_sums_stay_within_32_bits() {
        let n_in = 40_000;
        let panels = Panels::new(&vec![127.0; n_in], &[1.0], n_in);
        let mut out = vec![0.0; PANEL];
        panels.accumulate(&mut out, &vec![1.0; n_in], &mut Rounded::default());
        let expected = 127.0 * n_in as f32;
        assert!((out[0] - expected).abs() < 1e-3 * expected, "{}", out[0]);
    }

    #[test]
    fn a_lane_of_nothing_adds_nothing() {
        let (w, scales) = matrix(3, 8);
        let mut out = vec![2.0; PANEL];
        Panels::new(&w, &scales, 8).accumulate(&mut out, &[0.0; 8], &mut Rounded::default());
        assert_eq!(out, [2.0; PANEL]);
    }
}

//! The inner loops, in versions for AVX-512, AVX2 and neither, chosen at run time. The only module with `unsafe` in it.
//!
//! Every version runs the same Rust body with the same fused multiply-adds in the same order, so their results are the same bytes; the
//! compiler only gets wider registers. The one exception is [`matmul`], which training alone uses and which is the `gemm` crate's.
#![allow(unsafe_code)]

use std::fmt;
use std::sync::OnceLock;

use crate::math::{exp, sigmoid, tanh};

/// What the processor offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing that is known here.
    Plain,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 F and VL.
    Avx512,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Plain => "plain",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        })
    }
}

/// The best level of this machine.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Level::Avx2;
            }
        }
        Level::Plain
    })
}

/// Compiles one body for every level. `name` runs the best one, `name_at` a given one (never above the machine's).
macro_rules! versions {
    ($(#[$doc:meta])* fn $name:ident / $name_at:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub fn $name($($arg: $ty),*) {
            $name_at(level(), $($arg),*)
        }

        #[doc = concat!("As [`", stringify!($name), "`], at the given level or the machine's, whichever is lower.")]
        pub fn $name_at(at: Level, $($arg: $ty),*) {
            #[inline(always)]
            fn body($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
            fn avx512($($arg: $ty),*) {
                body($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) {
                body($($arg),*)
            }

            match at.min(level()) {
                // SAFETY: `level` has found these features on this machine, and `min` keeps us at or below it.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2($($arg),*) },
                _ => body($($arg),*),
            }
        }
    };
}

/// Output columns that are summed side by side in [`accumulate`].
pub const PANEL: usize = 64;

versions! {
    /// `out[lane][j] += Σ_k x[lane][k] · w[k][j]`, each output over k in order, one fused multiply-add per term.
    ///
    /// `w` is packed as panels of [`PANEL`] columns, `(n_panel, n_in, PANEL)`; `out` is `(lanes, n_panel · PANEL)` and `x` is `(lanes, n_in)`.
    fn accumulate / accumulate_at(out: &mut [f32], x: &[f32], w: &[f32], n_in: usize) {
        let n_panel = w.len() / (n_in * PANEL);
        let n_out = n_panel * PANEL;
        for (panel, w) in w.chunks_exact(n_in * PANEL).enumerate() {
            for (out, x) in out.chunks_exact_mut(n_out).zip(x.chunks_exact(n_in)) {
                let out = &mut out[panel * PANEL..(panel + 1) * PANEL];
                let mut sum = [0f32; PANEL];
                sum.copy_from_slice(out);
                for (&x, w) in x.iter().zip(w.chunks_exact(PANEL)) {
                    for (sum, &w) in sum.iter_mut().zip(w) {
                        *sum = x.mul_add(w, *sum);
                    }
                }
                out.copy_from_slice(&sum);
            }
        }
    }
}

versions! {
    /// One LSTM cell step for one lane: activates `gates` (input, forget, cell, output; each as wide as `c`) in place, advances `c`, writes `h`.
    fn cell_forward / cell_forward_at(gates: &mut [f32], c: &mut [f32], h: &mut [f32]) {
        let n = c.len();
        let (i, rest) = gates.split_at_mut(n);
        let (f, rest) = rest.split_at_mut(n);
        let (g, o) = rest.split_at_mut(n);
        let (o, h) = (&mut o[..n], &mut h[..n]);
        for j in 0..n {
            i[j] = sigmoid(i[j]);
            f[j] = sigmoid(f[j]);
            g[j] = tanh(g[j]);
            o[j] = sigmoid(o[j]);
            c[j] = f[j].mul_add(c[j], i[j] * g[j]);
            h[j] = o[j] * tanh(c[j]);
        }
    }
}

versions! {
    /// The gradient of [`cell_forward`] for one lane. `gates` holds the activated gates and leaves holding the gradient of what went into
    /// them; `c` is the cell after the step and `c_before` the one before it, `dh` the gradient of `h`. `dc` comes in as the gradient of `c` from later
    /// steps and leaves as that of `c_before`.
    fn cell_backward / cell_backward_at(gates: &mut [f32], c: &[f32], c_before: &[f32], dh: &[f32], dc: &mut [f32]) {
        let n = dc.len();
        let (i, rest) = gates.split_at_mut(n);
        let (f, rest) = rest.split_at_mut(n);
        let (g, o) = rest.split_at_mut(n);
        let (o, c, c_before, dh) = (&mut o[..n], &c[..n], &c_before[..n], &dh[..n]);
        for j in 0..n {
            let t = tanh(c[j]);
            let d = (dh[j] * o[j]).mul_add(1.0 - t * t, dc[j]);
            o[j] = dh[j] * t * o[j] * (1.0 - o[j]);
            let di = d * g[j] * i[j] * (1.0 - i[j]);
            g[j] = d * i[j] * (1.0 - g[j] * g[j]);
            i[j] = di;
            dc[j] = d * f[j];
            f[j] = d * c_before[j] * f[j] * (1.0 - f[j]);
        }
    }
}

versions! {
    /// `out[j] = exp(x[j] - max)`.
    fn exp_minus / exp_minus_at(out: &mut [f32], x: &[f32], max: f32) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = exp(x - max);
        }
    }
}

/// A matrix within a slice: rows × columns with the distance between two rows and between two columns.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    /// The numbers.
    pub data: &'a [f32],
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `width` numbers one after the other.
    pub fn rows(data: &'a [f32], width: usize) -> Self {
        Self {
            data,
            row: width,
            column: 1,
        }
    }

    /// The same numbers with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            row: self.column,
            column: self.row,
        }
    }

    /// Whether every element of `m` × `n` lies within the slice.
    fn holds(self, m: usize, n: usize) -> bool {
        m == 0 || n == 0 || (m - 1) * self.row + (n - 1) * self.column < self.data.len()
    }
}

/// `out = a · b`, or `out += a · b`; `out` is `(m, n)` in rows, `a` is `(m, k)`, `b` is `(k, n)`. For training: the order of summation is the
/// library's and differs between levels. Runs on the calling thread.
pub fn matmul(
    out: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    (m, n, k): (usize, usize, usize),
    add: bool,
) {
    assert!(
        out.len() >= m * n && a.holds(m, k) && b.holds(k, n),
        "a matrix ends before its last element"
    );
    let (beta, alpha) = (1.0f32, if add { 1.0f32 } else { 0.0 });
    // SAFETY: the assertion above has checked that the last element of each operand lies within its slice, all strides are
    // non-negative, and `out` is borrowed exclusively.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            alpha,
            beta,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Random};

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed, Purpose::Init);
        (0..n).map(|_| random.normal()).collect()
    }

    #[test]
    fn every_level_gives_the_same_bytes() {
        let (n_in, lanes) = (37, 3);
        let w = numbers(2 * n_in * PANEL, 1);
        let x = numbers(lanes * n_in, 2);
        let run = |at| {
            let mut out = numbers(lanes * 2 * PANEL, 3);
            accumulate_at(at, &mut out, &x, &w, n_in);
            let (mut c, mut h) = (numbers(32, 4), vec![0.0; 32]);
            cell_forward_at(at, &mut out[..128], &mut c, &mut h);
            exp_minus_at(at, &mut out[128..256], &numbers(128, 5), 1.5);
            (out, c, h)
        };
        assert_eq!(run(Level::Plain), run(Level::Avx2));
        assert_eq!(run(Level::Plain), run(Level::Avx512));
    }

    #[test]
    fn a_lane_alone_and_in_a_batch_are_the_same_bytes() {
        let n_in = 19;
        let w = numbers(n_in * PANEL, 1);
        let x = numbers(4 * n_in, 2);
        let mut batch = vec![0.0; 4 * PANEL];
        accumulate(&mut batch, &x, &w, n_in);
        let mut alone = vec![0.0; PANEL];
        accumulate(&mut alone, &x[2 * n_in..3 * n_in], &w, n_in);
        assert_eq!(alone, batch[2 * PANEL..3 * PANEL]);
    }

    #[test]
    fn matmul_agrees_with_the_schoolbook() {
        let (m, n, k) = (5, 7, 11);
        let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
        let mut out = vec![1.0; m * n];
        matmul(
            &mut out,
            Matrix::rows(&a, k),
            Matrix::rows(&b, k).transposed(),
            (m, n, k),
            true,
        );
        for i in 0..m {
            for j in 0..n {
                let sum: f32 = 1.0 + (0..k).map(|l| a[i * k + l] * b[j * k + l]).sum::<f32>();
                assert!((out[i * n + j] - sum).abs() < 1e-4);
            }
        }
    }
}

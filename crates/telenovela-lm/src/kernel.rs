//! The inner loops, in versions for AVX-512, AVX2 and neither, chosen at run time. The only folder with `unsafe` in it.
//!
//! * [`level`]: what the processor offers.
//! * [`product`]: packed matrix products of training, over [`F32`] (`float.rs`) or [`Bf16`] (`brain.rs`, `amx.rs`).
//! * [`adamw`]: the step of the optimizer.
//! * [`int8`]: products of speaking.
//! * Here: the cell of an LSTM, and the products of speaking over f32 and bfloat16 weights, which [`int8`] is compared with.
//!
//! Every version of an f32 loop runs the same fused multiply-adds in the same order, so their results are the same bytes; wider registers
//! only hold more of them. bfloat16 products, which training alone uses, round differently on different units.
#![allow(unsafe_code)]

pub mod adamw;
#[cfg(target_arch = "x86_64")]
mod amx;
mod brain;
pub mod buffer;
mod float;
pub mod int8;
mod level;
mod matrix;
pub mod product;
pub mod threads;

pub use brain::{Bf16, Bf16Unit, bf16_unit, to_bf16};
pub use float::{F32, interleave};
pub(crate) use level::versions;
pub use level::{Level, level};
pub use matrix::Matrix;
pub use telenovela_script::show::Precision;

use crate::math::{exp, sigmoid, tanh};

pub use int8::PANEL;

versions! {
    /// `out[lane][j] += Σ_k x[lane][k] · w[k][j]`, each output over k in order, one fused multiply-add per term.
    ///
    /// `w` is packed as panels of [`PANEL`] columns, `(n_panel, n_in, PANEL)`; `out` is `(lanes, n_panel · PANEL)` and `x` is `(lanes, n_in)`.
    pub fn accumulate / accumulate_at(out: &mut [f32], x: &[f32], w: &[f32], n_in: usize) {
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
    /// As [`accumulate`], with weights in bfloat16.
    pub fn accumulate_bf16 / accumulate_bf16_at(out: &mut [f32], x: &[f32], w: &[u16], n_in: usize) {
        let n_panel = w.len() / (n_in * PANEL);
        let n_out = n_panel * PANEL;
        for (panel, w) in w.chunks_exact(n_in * PANEL).enumerate() {
            for (out, x) in out.chunks_exact_mut(n_out).zip(x.chunks_exact(n_in)) {
                let out = &mut out[panel * PANEL..(panel + 1) * PANEL];
                let mut sum = [0f32; PANEL];
                sum.copy_from_slice(out);
                for (&x, w) in x.iter().zip(w.chunks_exact(PANEL)) {
                    for (sum, &w) in sum.iter_mut().zip(w) {
                        *sum = x.mul_add(f32::from_bits(u32::from(w) << 16), *sum);
                    }
                }
                out.copy_from_slice(&sum);
            }
        }
    }
}

versions! {
    /// One LSTM cell step for one lane: adds `bias` to `gates` (input, forget, cell, output; each as wide as `c`) and activates them in place, advances
    /// `c` from `before`, writes `h`.
    pub fn cell_forward / cell_forward_at(gates: &mut [f32], bias: &[f32], before: &[f32], c: &mut [f32], h: &mut [f32]) {
        let n = c.len();
        let (i, rest) = gates.split_at_mut(n);
        let (f, rest) = rest.split_at_mut(n);
        let (g, o) = rest.split_at_mut(n);
        let (o, h, before) = (&mut o[..n], &mut h[..n], &before[..n]);
        let (bias_i, bias_f, bias_g, bias_o) = (&bias[..n], &bias[n..2 * n], &bias[2 * n..3 * n], &bias[3 * n..4 * n]);
        for j in 0..n {
            i[j] = sigmoid(i[j] + bias_i[j]);
            f[j] = sigmoid(f[j] + bias_f[j]);
            g[j] = tanh(g[j] + bias_g[j]);
            o[j] = sigmoid(o[j] + bias_o[j]);
            c[j] = f[j].mul_add(before[j], i[j] * g[j]);
            h[j] = o[j] * tanh(c[j]);
        }
    }
}

versions! {
    /// The gradient of [`cell_forward`] for one lane: `d_gates`, of what went into the gates, from the activated `gates`; `c` is the cell after the step
    /// and `before` the one before it, `dh` the gradient of `h`. `dc` comes in as the gradient of `c` from later steps and leaves as that of `before`.
    pub fn cell_backward / cell_backward_at(d_gates: &mut [f32], gates: &[f32], c: &[f32], before: &[f32], dh: &[f32], dc: &mut [f32]) {
        let n = dc.len();
        let (di, rest) = d_gates.split_at_mut(n);
        let (df, rest) = rest.split_at_mut(n);
        let (dg, d_o) = rest.split_at_mut(n);
        let (i, f, g, o) = (&gates[..n], &gates[n..2 * n], &gates[2 * n..3 * n], &gates[3 * n..4 * n]);
        let (d_o, c, before, dh) = (&mut d_o[..n], &c[..n], &before[..n], &dh[..n]);
        for j in 0..n {
            let t = tanh(c[j]);
            let d = (dh[j] * o[j]).mul_add(1.0 - t * t, dc[j]);
            d_o[j] = dh[j] * t * o[j] * (1.0 - o[j]);
            di[j] = d * g[j] * i[j] * (1.0 - i[j]);
            dg[j] = d * i[j] * (1.0 - g[j] * g[j]);
            df[j] = d * before[j] * f[j] * (1.0 - f[j]);
            dc[j] = d * f[j];
        }
    }
}

versions! {
    /// `sums[j] += Σ_row rows[row][j]`, in order of rows, which lie `stride` apart.
    pub fn add_rows / add_rows_at(sums: &mut [f32], rows: &[f32], stride: usize) {
        let n = sums.len();
        for row in rows.chunks(stride) {
            for (sum, &x) in sums.iter_mut().zip(&row[..n]) {
                *sum += x;
            }
        }
    }
}

versions! {
    /// `x[j] = exp(x[j] - max)`.
    pub fn exp_minus / exp_minus_at(x: &mut [f32], max: f32) {
        for x in x {
            *x = exp(*x - max);
        }
    }
}

/// Memory for a left operand in tests.
#[cfg(test)]
fn left<F: product::Format>(m: usize, k: usize) -> product::Left<F> {
    product::Left::new(&buffer::Shelf::default(), m, k)
}

/// Memory for a right operand in tests.
#[cfg(test)]
fn right<F: product::Format>(k: usize, n: usize) -> product::Right<F> {
    product::Right::new(&buffer::Shelf::default(), k, n)
}

/// Normally distributed numbers for tests.
#[cfg(test)]
pub(crate) fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut random = crate::rng::Random::new(seed, crate::rng::Purpose::Init);
    (0..n).map(|_| random.normal()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn every_level_gives_the_same_bytes() {
        let (n_in, lanes) = (37, 3);
        let w = numbers(2 * n_in * PANEL, 1);
        let x = numbers(lanes * n_in, 2);
        let run = |at| {
            let mut out = numbers(lanes * 2 * PANEL, 3);
            accumulate_at(at, &mut out, &x, &w, n_in);
            let (mut c, mut h) = (numbers(32, 4), vec![0.0; 32]);
            cell_forward_at(
                at,
                &mut out[..128],
                &numbers(128, 6),
                &numbers(32, 7),
                &mut c,
                &mut h,
            );
            exp_minus_at(at, &mut out[128..256], 1.5);
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
}

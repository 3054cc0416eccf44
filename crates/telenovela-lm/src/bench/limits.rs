//! What the machine can do at most, to hold the workloads against.

use candle_core::{Device, Tensor};

use super::{Rates, SEED, rates};
use crate::compute::{Compute, multiply};
use crate::error::Result;
use crate::kernel::{Matrix, int8};
use crate::rng::{Purpose, Random};

/// Side of the square matrices that are multiplied: beyond every cache that would flatter, and still a fraction of a second.
const SIDE: usize = 2048;

/// Floating-point operations per second of candle's own `f32` matrix product (the `gemm` crate), on the threads that candle was told to use.
///
/// # Errors
/// When memory for a tensor cannot be had.
pub fn candle_gemm(seconds: f64) -> Result<Rates> {
    let square = || Tensor::from_vec(numbers(SIDE * SIDE), (SIDE, SIDE), &Device::Cpu);
    let (a, b) = (square()?, square()?);
    rates(seconds, || {
        a.matmul(&b)?;
        Ok(2 * SIDE * SIDE * SIDE)
    })
}

/// Floating-point operations per second of [`kernel::product`], packing included.
///
/// # Errors
/// None; the signature is that of the other limits.
pub fn own_gemm(compute: &Compute, seconds: f64) -> Result<Rates> {
    let (a, b) = (numbers(SIDE * SIDE), numbers(SIDE * SIDE));
    let mut out = vec![0f32; SIDE * SIDE];
    rates(seconds, || {
        let (a, b) = (Matrix::rows(&a, SIDE), Matrix::rows(&b, SIDE));
        multiply(compute, &mut out, a, b, (SIDE, SIDE, SIDE), false);
        Ok(2 * SIDE * SIDE * SIDE)
    })
}

/// Operations per second, two for each product, of [`int8`] alone: a matrix of a layer's shape that the second cache holds, by so many lanes, on one
/// thread.
///
/// # Errors
/// None; the signature is that of the other limits.
pub fn int8_products(lanes: usize, seconds: f64) -> Result<Rates> {
    const N_IN: usize = 256;
    const N_OUT: usize = 1024;
    let panels = int8::Panels::new(&vec![1.0; N_IN * N_OUT], &vec![1.0; N_OUT], N_IN);
    let (x, mut out) = (numbers(lanes * N_IN), vec![0f32; lanes * N_OUT]);
    let mut rounded = int8::Rounded::default();
    rates(seconds, || {
        panels.accumulate(&mut out, &x, &mut rounded);
        Ok(2 * lanes * N_IN * N_OUT)
    })
}

/// Bytes per second that `threads` read, each from `bytes` of its own: the C library comparing two equal halves, with the widest loads it knows.
///
/// # Errors
/// None; the signature is that of the other limits.
pub fn bandwidth(bytes: usize, threads: usize, seconds: f64) -> Result<Rates> {
    /// Enough repetitions that starting a thread does not count.
    const READ: usize = 1 << 30;
    let halves = vec![vec![1u8; bytes / 2]; 2 * threads];
    let repetitions = READ.div_ceil(bytes.max(1));
    rates(seconds, || {
        std::thread::scope(|scope| {
            for pair in halves.chunks_exact(2) {
                scope.spawn(|| {
                    for _ in 0..repetitions {
                        std::hint::black_box(std::hint::black_box(&pair[0]) == &pair[1]);
                    }
                });
            }
        });
        Ok(threads * repetitions * 2 * (bytes / 2))
    })
}

fn numbers(n: usize) -> Vec<f32> {
    let mut random = Random::new(SEED, Purpose::Init);
    (0..n).map(|_| random.uniform() - 0.5).collect()
}

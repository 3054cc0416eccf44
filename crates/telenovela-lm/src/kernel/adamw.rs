//! The step of the optimizer and the norm of a gradient, number by number.

use super::versions;

/// What a step of AdamW is made of, the same for every number of a tensor.
#[derive(Clone, Copy, Debug)]
pub struct Stride {
    /// Learning rate.
    pub lr: f32,
    /// Decoupled weight decay.
    pub decay: f32,
    /// Factor of the gradient, from clipping.
    pub scale: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Factor that takes the bias off the first moment.
    pub correct1: f32,
    /// Factor that takes the bias off the second moment.
    pub correct2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Decay of the average.
    pub ema: f32,
}

versions! {
    /// Takes one step: `numbers` are the values, their first and second moments and their average, all as long as `gradient`.
    pub fn adamw / adamw_at(stride: Stride, numbers: [&mut [f32]; 4], gradient: &[f32]) {
        let n = gradient.len();
        let [values, moments, squares, averages] = numbers.map(|numbers| &mut numbers[..n]);
        for j in 0..n {
            let g = gradient[j] * stride.scale;
            let moment = stride.beta1 * moments[j] + (1.0 - stride.beta1) * g;
            let square = stride.beta2 * squares[j] + (1.0 - stride.beta2) * g * g;
            let update = moment * stride.correct1 / ((square * stride.correct2).sqrt() + stride.epsilon);
            let value = values[j] - stride.lr * (update + stride.decay * values[j]);
            (moments[j], squares[j], values[j]) = (moment, square, value);
            averages[j] += (1.0 - stride.ema) * (value - averages[j]);
        }
    }
}

/// Sums that run side by side, whatever the width of the registers.
const LANES: usize = 16;

versions! {
    /// `sum += Σ x²`, in f64, in [`LANES`] sums that are added in order.
    pub fn add_squares / add_squares_at(sum: &mut f64, x: &[f32]) {
        let mut lanes = [0f64; LANES];
        let chunks = x.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(x) * f64::from(x);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane += f64::from(x) * f64::from(x);
        }
        for lane in lanes {
            *sum += lane;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Level;
    use crate::rng::{Purpose, Random};

    #[test]
    fn every_level_takes_the_same_step() {
        let stride = Stride {
            lr: 1e-3,
            decay: 0.01,
            scale: 0.7,
            beta1: 0.9,
            beta2: 0.999,
            correct1: 3.0,
            correct2: 40.0,
            epsilon: 1e-8,
            ema: 0.99,
        };
        let mut random = Random::new(3, Purpose::Init);
        for n in [0, 1, 7, 16, 100] {
            let mut drawn = || -> Vec<f32> { (0..n).map(|_| random.normal()).collect() };
            let before = [drawn(), drawn(), vec![0.3; n], drawn()];
            let gradient = drawn();
            let after = |level: Level| {
                let mut numbers = before.clone();
                adamw_at(
                    level,
                    stride,
                    numbers.each_mut().map(|n| n.as_mut_slice()),
                    &gradient,
                );
                let mut sum = 0.25;
                add_squares_at(level, &mut sum, &gradient);
                (numbers, sum)
            };
            let plain = after(Level::Plain);
            assert_eq!(plain, after(Level::Avx2));
            assert_eq!(plain, after(Level::Avx512));
            let expected: f64 = gradient.iter().map(|&x| f64::from(x).powi(2)).sum();
            assert!((plain.1 - 0.25 - expected).abs() < 1e-9 * (1.0 + expected));
        }
    }
}

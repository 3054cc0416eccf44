//! `exp`, `ln`, a cosine and the activations, in plain multiply-adds: the same bits on every machine, and vectorised by the compiler.

/// e^x for |x| up to 87, clamped beyond; relative error below 2e-7. Range reduction by Cody and Waite, polynomial as in Cephes' `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// 1.5 · 2^23: added to a small number it leaves the nearest integer in the low bits, ties to even.
    const ROUNDER: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = n.mul_add(-LN2_HIGH, x);
    let r = n.mul_add(-LN2_LOW, r);
    let p = 1.987_569_1e-4f32;
    let p = p.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 5.000_000_3e-1);
    let p = p.mul_add(r * r, r) + 1.0;
    // |n| is at most 126, so the exponent stays within its eight bits; the shift drops what is above them.
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, through [`sigmoid`]; absolute error below 3e-7.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// The natural logarithm of a positive, normal number; relative error below 2e-7. Polynomial as in Cephes' `logf`.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let bits = x.to_bits();
    let mut exponent = ((bits >> 23) as i32 - 126) as f32;
    let mut m = f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000);
    if m < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1.0;
        m = m + m - 1.0;
    } else {
        m -= 1.0;
    }
    let p = 7.037_683_6e-2f32;
    let p = p.mul_add(m, -1.151_461e-1);
    let p = p.mul_add(m, 1.167_699_8e-1);
    let p = p.mul_add(m, -1.242_014_1e-1);
    let p = p.mul_add(m, 1.424_932_3e-1);
    let p = p.mul_add(m, -1.666_805_8e-1);
    let p = p.mul_add(m, 2.000_071_5e-1);
    let p = p.mul_add(m, -2.499_999_4e-1);
    let p = p.mul_add(m, 3.333_333e-1);
    let square = m * m;
    let tail = exponent.mul_add(LN2_LOW, p * square * m);
    let tail = square.mul_add(-0.5, tail);
    exponent.mul_add(LN2_HIGH, m + tail)
}

/// The cosine of a number of turns (one turn is 2π) of at most 2^20; absolute error below 2e-7. Counting in turns makes the reduction to an eighth of
/// a turn exact; polynomials as in Cephes' `sinf` and `cosf`.
pub fn cos_of_turns(turns: f32) -> f32 {
    let quarters = (4.0 * turns).round_ties_even();
    let a = std::f32::consts::TAU * (turns - 0.25 * quarters); // within ±π/4
    let square = a * a;
    let cos = || {
        let p = 2.443_315_7e-5f32;
        let p = p.mul_add(square, -1.388_731_6e-3);
        let p = p.mul_add(square, 4.166_664_6e-2);
        (p * square).mul_add(square, square.mul_add(-0.5, 1.0))
    };
    let sin = || {
        let p = -1.951_529_6e-4f32;
        let p = p.mul_add(square, 8.332_161e-3);
        let p = p.mul_add(square, -1.666_665_5e-1);
        (p * square).mul_add(a, a)
    };
    match (quarters as i32).rem_euclid(4) {
        0 => cos(),
        1 => -sin(),
        2 => -cos(),
        _ => sin(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks `ours` against the standard library over a range.
    fn check(
        range: std::ops::Range<i32>,
        scale: f32,
        bound: f64,
        ours: fn(f32) -> f32,
        theirs: fn(f64) -> f64,
    ) {
        for step in range {
            let x = step as f32 * scale;
            let expected = theirs(f64::from(x));
            let error = (f64::from(ours(x)) - expected).abs() / expected.abs().max(1.0);
            assert!(error < bound, "at {x}: {} for {expected}", ours(x));
        }
    }

    #[test]
    fn they_agree_with_the_standard_library() {
        check(-8000..8000, 0.01, 2e-7, exp, f64::exp);
        check(-3000..3000, 0.01, 3e-7, tanh, f64::tanh);
        check(-3000..3000, 0.01, 3e-7, sigmoid, |x| {
            1.0 / (1.0 + (-x).exp())
        });
        check(1..100_000, 0.001, 3e-7, ln, f64::ln);
        check(-20_000..20_000, 1.0 / 8192.0, 2e-7, cos_of_turns, |x| {
            (std::f64::consts::TAU * x).cos()
        });
    }
}

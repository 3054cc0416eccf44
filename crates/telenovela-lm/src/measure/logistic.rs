//! Logistic regression over several classes, fitted by L-BFGS: a judge of another kind than the models.

use super::features::Row;

/// Weights of a fitted judge.
#[derive(Clone, Debug)]
pub struct Logistic {
    n_classes: usize,
    /// One row of `n_classes` for each feature, and a last one for the bias.
    weights: Vec<f64>,
}

/// Weight of the fit against that of small weights: scikit-learn's `C`.
pub const FIT: f64 = 3.0;
/// Steps after which the fit ends, settled or not.
const MAX_STEPS: usize = 200;
/// Of the largest slope at the start: below it the fit has settled.
const SETTLED: f64 = 1e-4;
/// Steps that L-BFGS remembers.
const MEMORY: usize = 10;

impl Logistic {
    /// Fits rows of `n_features` to classes. Every class weighs the same in all, whatever its number of rows. The weights are pulled to zero, the bias is not.
    pub fn fit(rows: &[Row], classes: &[usize], n_features: usize, n_classes: usize) -> Self {
        let mut sizes = vec![0usize; n_classes];
        for &class in classes {
            sizes[class] += 1;
        }
        let weight_of: Vec<f64> = sizes
            .iter()
            .map(|&size| rows.len() as f64 / (n_classes * size.max(1)) as f64)
            .collect();
        let mut judge = Self {
            n_classes,
            weights: vec![0.0; (n_features + 1) * n_classes],
        };
        let n_pulled = n_features * n_classes;
        let loss = |weights: &[f64], slope: &mut [f64]| -> f64 {
            slope.fill(0.0);
            let mut total = 0.0;
            let mut scores = vec![0.0; n_classes];
            for (row, &class) in rows.iter().zip(classes) {
                score(weights, row, &mut scores);
                log_softmax(&mut scores);
                let weight = FIT * weight_of[class];
                total -= weight * scores[class];
                for (of, score) in scores.iter_mut().enumerate() {
                    *score = weight * (score.exp() - f64::from(u8::from(of == class)));
                }
                for (feature, value) in row.iter().copied().chain([(n_features as u32, 1.0)]) {
                    let at = feature as usize * n_classes;
                    for (slope, score) in slope[at..at + n_classes].iter_mut().zip(&scores) {
                        *slope += value * score;
                    }
                }
            }
            for (slope, weight) in slope.iter_mut().zip(weights).take(n_pulled) {
                *slope += weight;
                total += 0.5 * weight * weight;
            }
            total
        };
        minimize(&mut judge.weights, loss);
        judge
    }

    /// Log-probability of each class.
    pub fn log_probabilities(&self, row: &Row) -> Vec<f64> {
        let mut scores = vec![0.0; self.n_classes];
        score(&self.weights, row, &mut scores);
        log_softmax(&mut scores);
        scores
    }
}

/// The score of each class before it is a probability: bias plus weights.
fn score(weights: &[f64], row: &Row, scores: &mut [f64]) {
    let n_classes = scores.len();
    scores.copy_from_slice(&weights[weights.len() - n_classes..]);
    for &(feature, value) in row {
        let at = feature as usize * n_classes;
        for (score, weight) in scores.iter_mut().zip(&weights[at..at + n_classes]) {
            *score += value * weight;
        }
    }
}

pub(super) fn log_softmax(scores: &mut [f64]) {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
    let log_sum = most + sum.ln();
    for score in scores {
        *score -= log_sum;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Walks down a convex function to its lowest point (Liu and Nocedal 1989), with steps halved until they lead down enough (Armijo).
/// `function` gives the value at a point and writes the slope there.
fn minimize(point: &mut Vec<f64>, function: impl Fn(&[f64], &mut [f64]) -> f64) {
    const ENOUGH: f64 = 1e-4;
    const HALVINGS: usize = 30;
    let steepest = |slope: &[f64]| slope.iter().fold(0.0f64, |most, s| most.max(s.abs()));
    let mut slope = vec![0.0; point.len()];
    let mut value = function(point, &mut slope);
    let settled = SETTLED * steepest(&slope);
    // (step, change of slope, 1 / their product), the oldest first.
    let mut memory: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    for _ in 0..MAX_STEPS {
        if steepest(&slope) <= settled {
            break;
        }
        let direction = downhill(&slope, &memory);
        let descent = dot(&direction, &slope);
        // The first direction has the length of the slope; later ones are scaled by what the steps before have met.
        let mut length = if memory.is_empty() {
            1.0 / dot(&slope, &slope).sqrt()
        } else {
            1.0
        };
        let mut next_slope = vec![0.0; slope.len()];
        let mut accepted = None;
        for _ in 0..HALVINGS {
            let next: Vec<f64> = point
                .iter()
                .zip(&direction)
                .map(|(p, d)| p + length * d)
                .collect();
            let next_value = function(&next, &mut next_slope);
            if next_value <= value + ENOUGH * length * descent {
                accepted = Some((next, next_value));
                break;
            }
            length /= 2.0;
        }
        let Some((next, next_value)) = accepted else {
            break;
        };
        let step: Vec<f64> = next.iter().zip(&*point).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next_slope.iter().zip(&slope).map(|(a, b)| a - b).collect();
        let product = dot(&step, &change);
        if product > 0.0 {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push((step, change, 1.0 / product));
        }
        (*point, slope, value) = (next, next_slope, next_value);
    }
}

/// The two loops of L-BFGS: where to go, from the slope and the steps that are remembered.
fn downhill(slope: &[f64], memory: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut direction: Vec<f64> = slope.iter().map(|s| -s).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (step, change, inverse) in memory.iter().rev() {
        let share = inverse * dot(step, &direction);
        for (d, c) in direction.iter_mut().zip(change) {
            *d -= share * c;
        }
        shares.push(share);
    }
    if let Some((step, change, _)) = memory.last() {
        let scale = dot(step, change) / dot(change, change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((step, change, inverse), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = share - inverse * dot(change, &direction);
        for (d, s) in direction.iter_mut().zip(step) {
            *d += back * s;
        }
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_point_of_a_bowl_is_found() {
        let mut point = vec![5.0, -3.0, 1.0];
        minimize(&mut point, |at, slope| {
            let steepness = [1.0, 10.0, 100.0];
            let mut value = 0.0;
            for (k, steepness) in steepness.into_iter().enumerate() {
                let off = at[k] - k as f64;
                value += steepness * off * off;
                slope[k] = 2.0 * steepness * off;
            }
            value
        });
        for (k, at) in point.iter().enumerate() {
            assert!((at - k as f64).abs() < 1e-2, "{point:?}");
        }
    }

    #[test]
    fn it_agrees_with_scikit_learn() {
        // X = [[1,0],[0.8,0.3],[0,1],[0.1,0.7],[1,1],[0.9,1.2],[0.4,0.4]]; y = [0,0,1,1,2,2,2];
        // LogisticRegression(C=3, class_weight='balanced', tol=1e-10).fit(X, y).predict_log_proba([[1, 0.2], [0.3, 0.6]])
        let row = |a: f64, b: f64| vec![(0u32, a), (1u32, b)];
        let rows = [
            row(1.0, 0.0),
            row(0.8, 0.3),
            row(0.0, 1.0),
            row(0.1, 0.7),
            row(1.0, 1.0),
            row(0.9, 1.2),
            row(0.4, 0.4),
        ];
        let judge = Logistic::fit(&rows, &[0, 0, 1, 1, 2, 2, 2], 2, 3);
        let expected = EXPECTED;
        for (row, expected) in [row(1.0, 0.2), row(0.3, 0.6)].iter().zip(expected) {
            for (found, expected) in judge.log_probabilities(row).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
            }
        }
    }

    const EXPECTED: [[f64; 3]; 2] = [
        [-0.443652, -2.436615, -1.306172],
        [-1.428201, -0.768488, -1.215552],
    ];
}

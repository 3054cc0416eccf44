//! Naive Bayes over counts: a plain second opinion, as the published figures of plays were measured with.

use super::features::Row;
use super::logistic::log_softmax;

/// Added to every count.
const SMOOTHING: f64 = 0.1;

/// Counts of a fitted judge.
#[derive(Clone, Debug)]
pub struct NaiveBayes {
    n_classes: usize,
    /// One row of `n_classes` for each feature: log-probability of the feature in the class.
    weights: Vec<f64>,
}

impl NaiveBayes {
    /// Counts rows of `n_features`. Every class is as likely as any other beforehand.
    pub fn fit(rows: &[Row], classes: &[usize], n_features: usize, n_classes: usize) -> Self {
        let mut weights = vec![SMOOTHING; n_features * n_classes];
        for (row, &class) in rows.iter().zip(classes) {
            for &(feature, count) in row {
                weights[feature as usize * n_classes + class] += count;
            }
        }
        for class in 0..n_classes {
            let total: f64 = weights.iter().skip(class).step_by(n_classes).sum();
            for weight in weights.iter_mut().skip(class).step_by(n_classes) {
                *weight = (*weight / total).ln();
            }
        }
        Self { n_classes, weights }
    }

    /// Log-probability of each class.
    pub fn log_probabilities(&self, row: &Row) -> Vec<f64> {
        let mut scores = vec![0.0; self.n_classes];
        for &(feature, count) in row {
            let at = feature as usize * self.n_classes;
            for (score, weight) in scores.iter_mut().zip(&self.weights[at..]) {
                *score += count * weight;
            }
        }
        log_softmax(&mut scores);
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_the_arithmetic() {
        // Class 0 has feature 0 twice, class 1 has feature 1 once.
        let judge = NaiveBayes::fit(&[vec![(0, 2.0)], vec![(1, 1.0)]], &[0, 1], 2, 2);
        let odds = (2.1f64 / 2.2) / (0.1 / 1.2);
        let found = judge.log_probabilities(&vec![(0, 1.0)]);
        assert!((found[0] - (odds / (1.0 + odds)).ln()).abs() < 1e-12);
    }
}

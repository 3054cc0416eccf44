//! Count tables: five characters of context (6-grams) with absolute discounting, the bar that every model has to clear.
//!
//! Each order interpolates with the one below (Ney, Essen and Kneser 1994): `p(c | h) = (n(h c) - D)⁺ / n(h) + D · types(h) / n(h) · p(c | h')`, with
//! D = 0.8, down to a uniform distribution.

use std::collections::HashMap;

/// Characters of context.
const ORDER: usize = 5;
/// Taken off every count.
const DISCOUNT: f64 = 0.8;
/// Stands before a line, [`ORDER`] times.
const START: char = '\u{2}';
/// Ends a line, and is counted.
const END: char = '\u{3}';

/// Counts of characters after contexts of 0 to [`ORDER`] characters.
#[derive(Debug, Default)]
pub struct CountTable {
    orders: [HashMap<Box<str>, Successors>; ORDER + 1],
}

#[derive(Debug, Default)]
struct Successors {
    counts: Vec<(char, u32)>,
    total: u32,
}

/// Byte offsets of the characters of a padded line, and of its end.
fn padded(line: &str) -> (String, Vec<usize>) {
    let text: String = std::iter::repeat_n(START, ORDER)
        .chain(line.chars())
        .chain([END])
        .collect();
    let mut offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    offsets.push(text.len());
    (text, offsets)
}

impl CountTable {
    /// Counts lines.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self::default();
        for line in lines {
            let (text, offsets) = padded(line);
            for (place, next) in text.chars().enumerate().skip(ORDER) {
                for (order, contexts) in table.orders.iter_mut().enumerate() {
                    let context = &text[offsets[place - order]..offsets[place]];
                    let successors = match contexts.get_mut(context) {
                        Some(successors) => successors,
                        None => contexts.entry(context.into()).or_default(),
                    };
                    successors.total += 1;
                    match successors.counts.iter_mut().find(|(c, _)| *c == next) {
                        Some((_, count)) => *count += 1,
                        None => successors.counts.push((next, 1)),
                    }
                }
            }
        }
        table
    }

    /// Probability of each character of a line and of its end, given what stands before it in the line. `n_chars` is the size of the uniform
    /// distribution at the bottom.
    pub fn probabilities(&self, line: &str, n_chars: usize) -> Vec<f64> {
        let (text, offsets) = padded(line);
        let of = |(place, next): (usize, char)| {
            let mut p = 1.0 / n_chars as f64;
            for (order, contexts) in self.orders.iter().enumerate() {
                let Some(successors) = contexts.get(&text[offsets[place - order]..offsets[place]])
                else {
                    break;
                };
                let count = successors
                    .counts
                    .iter()
                    .find(|(c, _)| *c == next)
                    .map_or(0, |(_, count)| *count);
                let total = f64::from(successors.total);
                let left = DISCOUNT * successors.counts.len() as f64 / total;
                p = (f64::from(count) - DISCOUNT).max(0.0) / total + left * p;
            }
            p
        };
        text.chars().enumerate().skip(ORDER).map(of).collect()
    }
}

/// Bits per character of held-out lines under three tables.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CountTableBits {
    /// The speaker's own lines.
    pub own: f64,
    /// All lines.
    pub all: f64,
    /// Both, interpolated.
    pub mixed: f64,
    /// Weight of the own table in the mix, tuned on dev.
    pub own_weight: f64,
}

/// A speaker's held-out lines under the tables of its own lines, of all lines, and both mixed. The weight of the mix is tuned on `dev`, or on
/// `test` where there is no dev.
pub fn held_out_bits(
    own: &CountTable,
    all: &CountTable,
    dev: &[&str],
    test: &[&str],
    n_chars: usize,
) -> CountTableBits {
    let pairs = |lines: &[&str]| -> Vec<(f64, f64)> {
        let of = |line: &&str| {
            own.probabilities(line, n_chars)
                .into_iter()
                .zip(all.probabilities(line, n_chars))
        };
        lines.iter().flat_map(of).collect()
    };
    let bits = |pairs: &[(f64, f64)], weight: f64| -> f64 {
        let sum: f64 = pairs
            .iter()
            .map(|(own, all)| -(weight * own + (1.0 - weight) * all).log2())
            .sum();
        sum / pairs.len().max(1) as f64
    };
    let test = pairs(test);
    let dev = if dev.is_empty() {
        test.clone()
    } else {
        pairs(dev)
    };
    let weights = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5];
    let own_weight = weights
        .into_iter()
        .min_by(|a, b| bits(&dev, *a).total_cmp(&bits(&dev, *b)))
        .unwrap_or(0.1);
    CountTableBits {
        own: bits(&test, 1.0),
        all: bits(&test, 0.0),
        mixed: bits(&test, own_weight),
        own_weight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_the_arithmetic() {
        // After "a" comes "b" twice and the end once; "a" opens all three lines, so every context from order 1 to 5 says the same.
        let table = CountTable::new(["ab", "ab", "a"]);
        let n_chars = 4;
        // Order 0 has seen a, b and the end: 3, 2 and 3 of 8.
        let order0 = (2.0 - 0.8) / 8.0 + 0.8 * 3.0 / 8.0 / 4.0;
        let mut b = order0;
        for _ in 1..=5 {
            b = (2.0 - 0.8) / 3.0 + 0.8 * 2.0 / 3.0 * b;
        }
        let p = table.probabilities("ab", n_chars);
        assert_eq!(p.len(), 3);
        assert!((p[1] - b).abs() < 1e-12);
    }

    #[test]
    fn probabilities_of_all_characters_sum_to_one() {
        let table = CountTable::new(["abba", "baab", "aa"]);
        let sum: f64 = ["a", "b"]
            .iter()
            .map(|next| table.probabilities(&format!("ab{next}"), 3)[2])
            .sum();
        let end = table.probabilities("ab", 3)[2];
        assert!((sum + end - 1.0).abs() < 1e-12);
    }
}

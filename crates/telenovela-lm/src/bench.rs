//! The workloads that speed is measured by, the same ones that the peers' scripts in `benches/peers` run.
//!
//! Training ([`TRAIN`]) is truncated back-propagation with carried state over a text of [`N_VOCAB`] different characters: Adam, gradient norm clipped
//! to 1, no dropout. Speaking ([`SPEAK`]) draws characters at temperature 0.8. Both run what the program runs: [`Model::loss`](crate::model::Model::loss)
//! and [`AdamW::step`](crate::optim::AdamW::step), [`Network::step`](crate::network::Network::step) and
//! [`Network::logits`](crate::network::Network::logits). Limits of the machine are measured beside them ([`limits`]).

pub mod limits;
mod speak;
mod train;

use std::time::Instant;

use crate::error::Result;
use crate::rng::{Purpose, Random};
use crate::tokenizer::Token;

pub use speak::{CHARS, SPEAK, SpeakWorkload, TEMPERATURE};
pub use train::{TRAIN, TrainWorkload, Training};

/// Different characters of every workload, as in Karpathy's tiny Shakespeare.
pub const N_VOCAB: usize = 65;
/// Width of the embedding of every workload.
pub const N_EMBD: usize = 128;
/// Weights, texts and draws of the workloads.
const SEED: u64 = 1;
/// Windows of time that a rate is the median of.
const N_WINDOWS: usize = 5;

/// How fast something ran, in units per second.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Rates {
    /// Of the windows.
    pub median: f64,
    /// The slowest window.
    pub slowest: f64,
    /// The fastest window.
    pub fastest: f64,
}

/// Runs `work`, which says how many units it has done, for about `seconds` in [`N_WINDOWS`] windows, after one run that is not counted.
///
/// # Errors
/// Those of `work`.
pub fn rates(seconds: f64, mut work: impl FnMut() -> Result<usize>) -> Result<Rates> {
    work()?;
    let mut windows = Vec::with_capacity(N_WINDOWS);
    for _ in 0..N_WINDOWS {
        let begun = Instant::now();
        let mut units = 0;
        let elapsed = loop {
            units += work()?;
            let elapsed = begun.elapsed().as_secs_f64();
            if elapsed * N_WINDOWS as f64 >= seconds {
                break elapsed;
            }
        };
        windows.push(units as f64 / elapsed);
    }
    windows.sort_by(f64::total_cmp);
    Ok(Rates {
        median: windows[N_WINDOWS / 2],
        slowest: windows[0],
        fastest: windows[N_WINDOWS - 1],
    })
}

/// A text as numbers below [`N_VOCAB`]: characters in the order of their code points; what is beyond the vocabulary shares its last number.
pub fn tokens_of(text: &str) -> Vec<Token> {
    let alphabet: std::collections::BTreeSet<char> = text.chars().collect();
    let numbers: std::collections::HashMap<char, usize> = alphabet.into_iter().zip(0..).collect();
    text.chars()
        .map(|c| numbers[&c].min(N_VOCAB - 1) as Token)
        .collect()
}

/// `n` tokens of a made-up language in which half the time a token decides the next: there is something to learn, and no file is needed.
pub fn made_up_text(n: usize) -> Vec<Token> {
    let mut random = Random::new(SEED, Purpose::Order);
    let mut token = 0;
    let next = |_| {
        token = if random.uniform() < 0.5 {
            (token * 7 + 3) % N_VOCAB
        } else {
            random.below(N_VOCAB)
        };
        token as Token
    };
    (0..n).map(next).collect()
}

/// The most memory that this process has held, in bytes; `None` where the system does not say.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_numbers_within_the_vocabulary() {
        assert_eq!(tokens_of("banana"), [1, 0, 2, 0, 2, 0]);
        let many: String = ('!'..='~').collect();
        assert_eq!(tokens_of(&many).into_iter().max(), Some(64));
        assert!(made_up_text(1000).into_iter().all(|token| token < 65));
    }

    #[test]
    fn rates_are_those_of_the_work() {
        let mut runs = 0;
        let rates = rates(0.0, || {
            runs += 1;
            Ok(3)
        })
        .unwrap();
        assert_eq!(runs, 1 + N_WINDOWS);
        assert!(rates.slowest <= rates.median && rates.median <= rates.fastest);
    }
}

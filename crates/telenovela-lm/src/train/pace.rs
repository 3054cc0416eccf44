//! On how many threads a step is fastest.

use std::time::Duration;

/// How often each number of threads is tried, after once to warm up.
const ROUNDS: usize = 4;

/// Finds out on how many threads a step is fastest, by trying: small products cost less than threads that wait for each other. Threads never show in
/// the results, so this costs nothing but a few slow steps.
#[derive(Debug)]
pub(super) struct Pace {
    /// Numbers of threads, with the shortest time of a step on each.
    trials: Vec<(usize, Duration)>,
    /// Steps timed so far.
    steps: usize,
}

impl Pace {
    /// Tries 1, 2, 4, … and `most` threads.
    pub(super) fn new(most: usize) -> Self {
        let powers = (0..usize::BITS).map(|power| 1 << power);
        let numbers = powers.take_while(|&n| n < most).chain([most.max(1)]);
        Self {
            trials: numbers.map(|n| (n, Duration::MAX)).collect(),
            steps: 0,
        }
    }

    fn is_decided(&self) -> bool {
        self.trials.len() == 1 || self.steps >= self.trials.len() * (ROUNDS + 1)
    }

    /// Threads of the next step.
    pub(super) fn threads(&self) -> usize {
        if self.is_decided() {
            // Of equals the fewest.
            let fastest = self.trials.iter().min_by_key(|(_, time)| *time);
            fastest.map_or(1, |(threads, _)| *threads)
        } else {
            self.trials[self.steps % self.trials.len()].0
        }
    }

    /// Takes note of how long a step took; true when that decides.
    pub(super) fn took(&mut self, time: Duration) -> bool {
        if self.is_decided() {
            return false;
        }
        let n = self.trials.len();
        // The first round finds memory cold.
        if self.steps >= n {
            let (_, shortest) = &mut self.trials[self.steps % n];
            *shortest = time.min(*shortest);
        }
        self.steps += 1;
        self.is_decided()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs steps that take so long on so many threads until it is decided.
    fn decided(most: usize, time: impl Fn(usize) -> u64) -> (usize, usize) {
        let mut pace = Pace::new(most);
        let mut steps = 0;
        let mut told = 0;
        while !pace.is_decided() {
            let time = Duration::from_micros(time(pace.threads()));
            told += usize::from(pace.took(time));
            steps += 1;
        }
        assert_eq!(told, usize::from(steps > 0));
        assert!(!pace.took(Duration::ZERO));
        (pace.threads(), steps)
    }

    #[test]
    fn the_fastest_number_of_threads_is_kept() {
        let small = |threads: usize| 100 + 30 * threads as u64;
        let large = |threads: usize| 10_000 / threads as u64;
        let middling = |threads: usize| 10_000 / threads as u64 + 1000 * threads as u64;
        assert_eq!(decided(1, small), (1, 0));
        assert_eq!(decided(2, small), (1, 10));
        assert_eq!(decided(2, large), (2, 10));
        assert_eq!(decided(12, large), (12, 25));
        assert_eq!(decided(12, middling), (4, 25));
        assert_eq!(decided(8, |_| 5), (1, 20));
    }
}

//! Random numbers that are the same everywhere: ChaCha8, one stream per purpose, so that one use of chance never moves another.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::math::{cos_of_turns, ln};

/// What random numbers are drawn for. The discriminant is the ChaCha stream, so it never changes.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Which script scenes are held out.
    Split = 1,
    /// The weights at the start.
    Init = 2,
    /// Order of the script scenes and the length of windows.
    Order = 3,
    /// Dropout masks.
    Dropout = 4,
    /// Whose turns are hidden behind `<other>`.
    HideSpeaker = 5,
    /// The tokens of a take.
    Sampling = 6,
}

/// A seeded stream of random numbers.
#[derive(Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of one purpose under a seed.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(purpose as u64);
        Self(rng)
    }

    /// The stream where it stood when it said this [`position`](Self::position).
    pub fn at(seed: u64, purpose: Purpose, position: u64) -> Self {
        let mut random = Self::new(seed, purpose);
        random.0.set_word_pos(u128::from(position));
        random
    }

    /// How many numbers of 32 bits have been drawn.
    pub fn position(&self) -> u64 {
        // At a billion draws a second, 2^64 of them take five centuries.
        self.0.get_word_pos() as u64
    }

    /// Uniform in [0, 1), 24 bits.
    pub fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Uniform in 0..n by Lemire's multiplication; the bias is below n / 2^32. `n` is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// Factors of what drops out: 0 at the given rate, `keep` otherwise, each by 16 bits of the stream, low half first. A rate is a multiple of 2^-16
    /// here, rounded.
    pub fn mask(&mut self, n: usize, rate: f32, keep: f32) -> Vec<f32> {
        /// Bytes drawn at once, of whole words.
        const CHUNK: usize = 2048;
        let below = (rate * 65536.0).round() as u32;
        let mut bytes = [0; CHUNK];
        let mut mask = Vec::with_capacity(n);
        while mask.len() < n {
            let wanted = (2 * (n - mask.len())).next_multiple_of(4).min(CHUNK);
            let bytes = &mut bytes[..wanted];
            self.0.fill_bytes(bytes);
            let drawn = bytes.chunks_exact(2).map(|pair| {
                let drawn = u32::from(u16::from_le_bytes([pair[0], pair[1]]));
                if drawn < below { 0.0 } else { keep }
            });
            mask.extend(drawn);
        }
        mask.truncate(n);
        mask
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f32 {
        let u = 1.0 - self.uniform();
        let v = self.uniform();
        (-2.0 * ln(u)).sqrt() * cos_of_turns(v)
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_are_strangers() {
        let mut init = Random::new(7, Purpose::Init);
        let mut order = Random::new(7, Purpose::Order);
        let a: Vec<usize> = (0..8).map(|_| init.below(1000)).collect();
        let b: Vec<usize> = (0..8).map(|_| order.below(1000)).collect();
        assert_ne!(a, b);
    }

    #[test]
    fn a_stream_goes_on_from_any_position() {
        let mut whole = Random::new(7, Purpose::Dropout);
        let drawn: Vec<usize> = (0..200).map(|_| whole.below(1000)).collect();
        for n in 0..200 {
            let mut begun = Random::new(7, Purpose::Dropout);
            for _ in 0..n {
                begun.uniform();
            }
            assert_eq!(begun.position(), n as u64);
            let mut rest = Random::at(7, Purpose::Dropout, begun.position());
            let rest: Vec<usize> = (n..200).map(|_| rest.below(1000)).collect();
            assert_eq!(rest, drawn[n..]);
        }
        let far = Random::at(7, Purpose::Dropout, 1 << 40);
        assert_eq!(far.position(), 1 << 40);
    }

    #[test]
    fn a_mask_drops_its_rate_and_goes_on_from_any_position() {
        let mut random = Random::new(7, Purpose::Dropout);
        for n in [0, 1, 2, 3, 1023, 1024, 1025, 5000] {
            let position = random.position();
            let mask = random.mask(n, 0.3, 2.0);
            assert_eq!(mask.len(), n);
            assert_eq!(random.position() - position, n.div_ceil(2) as u64);
            assert!(mask.iter().all(|&factor| factor == 0.0 || factor == 2.0));
            let mut again = Random::at(7, Purpose::Dropout, position);
            assert_eq!(again.mask(n, 0.3, 2.0), mask);
            assert_eq!(
                again.below(1000),
                Random::at(7, Purpose::Dropout, random.position()).below(1000)
            );
        }
        let dropped = random
            .mask(100_000, 0.3, 1.0)
            .iter()
            .filter(|&&factor| factor == 0.0)
            .count();
        assert!((29_500..30_500).contains(&dropped), "{dropped}");
    }

    #[test]
    fn normal_numbers_are_normal_and_pinned() {
        let mut random = Random::new(42, Purpose::Init);
        let first: Vec<u32> = (0..4).map(|_| random.normal().to_bits()).collect();
        assert_eq!(first, NORMAL);
        let n = 100_000;
        let (mut sum, mut squares) = (0f64, 0f64);
        for _ in 0..n {
            let x = f64::from(random.normal());
            sum += x;
            squares += x * x;
        }
        assert!((sum / f64::from(n)).abs() < 0.01);
        assert!((squares / f64::from(n) - 1.0).abs() < 0.02);
    }

    /// The bits of the first four.
    const NORMAL: [u32; 4] = [1043020952, 3195213067, 3215894770, 1055112144];

    #[test]
    fn a_seed_promises_its_numbers() {
        // Pinned: a change here breaks every seed that a user has written down.
        let mut random = Random::new(42, Purpose::Sampling);
        let drawn: Vec<usize> = (0..6).map(|_| random.below(1000)).collect();
        assert_eq!(drawn, PINNED);
    }

    const PINNED: [usize; 6] = [79, 359, 778, 654, 497, 392];
}

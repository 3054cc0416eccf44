//! Where every random draw comes from.
//!
//! Nothing is drawn from a generator that lives through the performance: each draw has its own seed, hashed from where it is made
//! ([`Address`]) and what for ([`Purpose`]). So a retake changes nothing else, and a performance that is resumed draws as the unbroken one.
//!
//! The hash is fixed by the event log: FNV-1a (64 bits) over the fields below in order, then SplitMix64's finaliser. Numbers go in as
//! eight little-endian bytes; strings as their length in bytes (as a number), then their UTF-8 bytes.
//!
//! ```text
//! "telenovela/1", purpose, performance seed, scene, beat, turn, attempt [, "again", branch, retake] [, speaker [, take]]
//! ```
//!
//! Branch and retake go in where one of them is not 0.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use telenovela_script::character::CharacterId;
use telenovela_script::scene::{BeatId, SceneId};

/// Where in a performance a draw is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// Of the whole performance.
    pub seed: u64,
    /// The scene.
    pub scene: &'a SceneId,
    /// The beat.
    pub beat: &'a BeatId,
    /// The turn of the line that is looked for, from 0.
    pub turn: u64,
    /// How many speakers lost this turn before, from 0.
    pub attempt: u32,
    /// The branch of the performance, from 0.
    pub branch: u32,
    /// How often the line has been taken again before, counted from 1; 0 for the line as it was said first.
    pub retake: u32,
}

/// What a draw is for. One purpose, one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The tokens of a take.
    Take,
    /// Who has the floor.
    Speaker,
    /// Whether a line is primed, and with which opening.
    Prime,
    /// Whether the director asks for a delivery, and for which.
    Delivery,
    /// Whether a line is cut off, and where.
    Interruption,
    /// Which fallback line is said.
    Fallback,
}

impl Purpose {
    fn tag(self) -> &'static str {
        match self {
            Purpose::Take => "take",
            Purpose::Speaker => "speaker",
            Purpose::Prime => "prime",
            Purpose::Delivery => "delivery",
            Purpose::Interruption => "interruption",
            Purpose::Fallback => "fallback",
        }
    }
}

impl Address<'_> {
    /// Seeds one take of a speaker; takes count from 0.
    pub fn take_seed(&self, speaker: &CharacterId, take: usize) -> u64 {
        self.hash(Purpose::Take)
            .text(speaker.as_str())
            .number(take as u64)
            .finish()
    }

    /// The draws for a purpose that concerns one speaker.
    pub fn draws_for(&self, purpose: Purpose, speaker: &CharacterId) -> Draws {
        Draws::new(self.hash(purpose).text(speaker.as_str()).finish())
    }

    /// The draws for a purpose that concerns everybody.
    pub fn draws(&self, purpose: Purpose) -> Draws {
        Draws::new(self.hash(purpose).finish())
    }

    fn hash(&self, purpose: Purpose) -> Hash {
        let hash = Hash::new()
            .text("telenovela/1")
            .text(purpose.tag())
            .number(self.seed)
            .text(self.scene.as_str())
            .text(self.beat.as_str())
            .number(self.turn)
            .number(u64::from(self.attempt));
        if self.branch == 0 && self.retake == 0 {
            return hash;
        }
        hash.text("again")
            .number(u64::from(self.branch))
            .number(u64::from(self.retake))
    }
}

/// FNV-1a over fields that cannot run into each other.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    fn text(self, text: &str) -> Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    fn finish(self) -> u64 {
        mix(self.0)
    }
}

/// SplitMix64's finaliser: every input bit reaches every output bit, which FNV-1a alone does not achieve for the last bytes.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of draws from ChaCha8: the same on every platform.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// A stream from a 64-bit seed. The 32 bytes of the key are four steps of SplitMix64, spelled out here so that an update of a library cannot
    /// change them.
    pub fn new(seed: u64) -> Self {
        let mut key = [0_u8; 32];
        let mut state = seed;
        for chunk in key.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&mix(state).to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number in 0..1, of 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An index below `n`; `None` when there is nothing to draw from.
    pub fn below(&mut self, n: usize) -> Option<usize> {
        (n > 0).then(|| ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize)
    }

    /// An index drawn by weight; negative and non-finite weights count as 0. `None` when no weight is left.
    pub fn weighted(&mut self, weights: impl IntoIterator<Item = f32>) -> Option<usize> {
        let weights: Vec<f64> = weights
            .into_iter()
            .map(|weight| {
                if weight.is_finite() {
                    f64::from(weight.max(0.0))
                } else {
                    0.0
                }
            })
            .collect();
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            if *weight > 0.0 && left < *weight {
                return Some(index);
            }
            left -= weight;
        }
        // Rounding can leave a crumb behind the last weight.
        weights.iter().rposition(|weight| *weight > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address<'a>(scene: &'a SceneId, beat: &'a BeatId) -> Address<'a> {
        Address {
            seed: 7,
            scene,
            beat,
            turn: 3,
            attempt: 0,
            branch: 0,
            retake: 0,
        }
    }

    #[test]
    fn zero_is_never_drawn_by_weight_zero() {
        for seed in 0..500 {
            let drawn = Draws::new(seed).weighted([0.0, 0.3, f32::NAN, -1.0, 0.7, 0.0]);
            assert!(matches!(drawn, Some(1 | 4)));
        }
        assert_eq!(Draws::new(1).weighted([0.0, 0.0]), None);
        assert_eq!(Draws::new(1).below(0), None);
    }

    #[test]
    fn draws_follow_their_weights() {
        let mut counts = [0_u32; 3];
        for seed in 0..6000 {
            counts[Draws::new(seed)
                .weighted([1.0, 2.0, 3.0])
                .expect("the weights are positive")] += 1;
        }
        for (count, expected) in counts.into_iter().zip([1000_u32, 2000, 3000]) {
            assert!(count.abs_diff(expected) < 150, "{counts:?}");
        }
    }

    #[test]
    fn every_field_of_an_address_matters() {
        let (scene, beat) = (SceneId::new("ab"), BeatId::new("c"));
        let (scene2, beat2) = (SceneId::new("a"), BeatId::new("bc"));
        let ines = CharacterId::new("ines");
        let here = address(&scene, &beat);
        let mut seeds = vec![
            here.take_seed(&ines, 0),
            here.take_seed(&ines, 1),
            here.take_seed(&CharacterId::new("rodrigo"), 0),
            Address { seed: 8, ..here }.take_seed(&ines, 0),
            Address { turn: 4, ..here }.take_seed(&ines, 0),
            Address { attempt: 1, ..here }.take_seed(&ines, 0),
            Address { branch: 1, ..here }.take_seed(&ines, 0),
            Address { retake: 1, ..here }.take_seed(&ines, 0),
            // Fields are delimited: "ab" + "c" is not "a" + "bc".
            address(&scene2, &beat2).take_seed(&ines, 0),
        ];
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 9);
    }
}

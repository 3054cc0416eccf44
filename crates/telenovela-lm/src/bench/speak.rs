//! Speaking workloads.

use telenovela_script::show::ModelSize;

use super::{N_EMBD, N_VOCAB, Rates, SEED, rates};
use crate::error::Result;
use crate::model::Model;
use crate::network::{Network, Numbers, Scratch, State, log_softmax};
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token};

/// Divides the logits.
pub const TEMPERATURE: f32 = 0.8;
/// Characters of a model between two looks at the clock.
pub const CHARS: usize = 2000;

/// Networks and how they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeakWorkload {
    /// As the tables call it.
    pub name: &'static str,
    /// Width of a hidden state, of each of two layers.
    pub n_hidden: usize,
    /// Takes side by side.
    pub lanes: usize,
    /// Models, dealt to the threads; each thread lets its own speak by turns.
    pub models: usize,
}

/// The workloads of speaking.
pub const SPEAK: [SpeakWorkload; 6] = [
    workload("G1-256", 256, 1, 1),
    workload("G1-512", 512, 1, 1),
    workload("G6-256", 256, 1, 6),
    workload("G6-512", 512, 1, 6),
    workload("G16-256", 256, 16, 1),
    workload("G16-512", 512, 16, 1),
];

const fn workload(
    name: &'static str,
    n_hidden: usize,
    lanes: usize,
    models: usize,
) -> SpeakWorkload {
    SpeakWorkload {
        name,
        n_hidden,
        lanes,
        models,
    }
}

impl SpeakWorkload {
    const fn size(&self) -> ModelSize {
        ModelSize {
            n_embd: N_EMBD,
            n_speaker: 1,
            n_hidden: self.n_hidden,
            n_layer: 2,
        }
    }

    /// Multiplications for every character of a lane.
    pub fn n_weights(&self) -> usize {
        let gates = 4 * self.n_hidden;
        let layers = gates * (N_EMBD + self.n_hidden) + gates * 2 * self.n_hidden;
        layers + self.n_hidden * N_EMBD + N_EMBD * N_VOCAB
    }

    /// Bytes of the matrices that are read for every character, once for all lanes.
    pub fn weight_bytes(&self, numbers: Numbers) -> usize {
        let bytes_each = match numbers {
            Numbers::Int8 => 1,
            Numbers::Bf16 => 2,
            Numbers::F32 => 4,
        };
        bytes_each * self.n_weights()
    }

    /// Lets the models speak on so many threads for about so many seconds; characters per second, of all takes and models together.
    ///
    /// # Errors
    /// When memory for a tensor cannot be had.
    pub fn measure(&self, numbers: Numbers, threads: usize, seconds: f64) -> Result<Rates> {
        let mut speakers = (0..self.models)
            .map(|number| Speaking::new(*self, numbers, SEED + number as u64))
            .collect::<Result<Vec<_>>>()?;
        let per_thread = self.models.div_ceil(threads.max(1));
        let chars = CHARS / self.lanes;
        rates(seconds, || {
            std::thread::scope(|scope| {
                for speakers in speakers.chunks_mut(per_thread) {
                    scope.spawn(|| speakers.iter_mut().for_each(|speaker| speaker.speak(chars)));
                }
            });
            Ok(chars * self.lanes * self.models)
        })
    }
}

/// A model in the middle of its takes.
struct Speaking {
    network: Network,
    state: State,
    scratch: Scratch,
    slots: Vec<Slot>,
    tokens: Vec<Token>,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
    randoms: Vec<Random>,
}

impl Speaking {
    fn new(workload: SpeakWorkload, numbers: Numbers, seed: u64) -> Result<Self> {
        let weights = Model::init(workload.size(), N_VOCAB, 1, seed)?.averaged();
        let network = Network::in_numbers(&weights, numbers);
        Ok(Self {
            state: network.zero_state(workload.lanes),
            network,
            scratch: Scratch::default(),
            slots: vec![Slot::OTHER; workload.lanes],
            tokens: vec![0; workload.lanes],
            logits: Vec::new(),
            probabilities: Vec::new(),
            randoms: (0..workload.lanes as u64)
                .map(|lane| Random::new(seed + lane, Purpose::Sampling))
                .collect(),
        })
    }

    /// Draws so many characters in every lane.
    fn speak(&mut self, chars: usize) {
        let stride = self.network.logits_stride();
        for _ in 0..chars {
            self.network.step(
                &self.tokens,
                &self.slots,
                &mut self.state,
                &mut self.scratch,
            );
            self.network.logits(
                &self.slots,
                &self.state,
                &mut self.scratch,
                &mut self.logits,
            );
            let lanes = self.tokens.iter_mut().zip(&mut self.randoms);
            for ((token, random), logits) in lanes.zip(self.logits.chunks_exact_mut(stride)) {
                let logits = &mut logits[..N_VOCAB];
                for logit in logits.iter_mut() {
                    *logit /= TEMPERATURE;
                }
                log_softmax(logits, &mut self.probabilities);
                let mut left = random.uniform();
                let drawn = self.probabilities.iter().position(|p| {
                    left -= p;
                    left < 0.0
                });
                *token = drawn.unwrap_or(N_VOCAB - 1) as Token;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_draw_their_own_characters() {
        let mut speaking = Speaking::new(workload("small", 16, 3, 1), Numbers::Int8, SEED).unwrap();
        speaking.speak(20);
        let drawn = speaking.tokens.clone();
        let mut again = Speaking::new(workload("small", 16, 3, 1), Numbers::Int8, SEED).unwrap();
        again.speak(20);
        assert_eq!(drawn, again.tokens);
        assert!(drawn.iter().any(|token| *token != drawn[0]));
    }
}

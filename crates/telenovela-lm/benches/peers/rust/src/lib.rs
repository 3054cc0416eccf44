//! What the Rust peers share: the command line, the text as windows, drawing a character, and the answer. Workloads and clock are those of
//! `telenovela bench` itself.

use telenovela_lm::bench::{
    Rates, SPEAK, SpeakWorkload, TRAIN, TrainWorkload, peak_memory, tokens_of,
};
use telenovela_lm::rng::{Purpose, Random};

/// Every example here draws its weights from this seed.
pub const SEED: u64 = 1;
/// Adam's.
pub const LEARNING_RATE: f64 = 2e-3;
/// Bound of the global gradient norm.
pub const CLIP: f64 = 1.0;

/// What was asked for on the command line: `WORKLOAD [--seconds S] [--text FILE]`.
pub struct Asked {
    pub workload: String,
    pub seconds: f64,
    pub text: Option<String>,
}

impl Asked {
    /// Reads the command line.
    pub fn from_args() -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let after = |flag: &str| {
            let at = args.iter().position(|arg| arg == flag)?;
            args.get(at + 1).cloned()
        };
        Self {
            workload: args.first().cloned().unwrap_or_else(|| "T1".into()),
            seconds: after("--seconds")
                .map_or(6.0, |text| text.parse().expect("--seconds takes a number")),
            text: after("--text"),
        }
    }

    /// The workload, if it is one of training.
    pub fn train(&self) -> Option<TrainWorkload> {
        TRAIN.into_iter().find(|known| known.name == self.workload)
    }

    /// The workload, if it is one of speaking one take.
    pub fn speak(&self) -> Option<SpeakWorkload> {
        SPEAK
            .into_iter()
            .find(|known| known.name == self.workload && known.models == 1)
    }

    /// The text to train on.
    pub fn tokens(&self) -> Vec<u32> {
        let path = self.text.as_ref().expect("training takes --text FILE");
        tokens_of(&std::fs::read_to_string(path).expect("the text can be read"))
    }
}

/// Prints what was measured as one JSON document.
pub fn answer(asked: &Asked, rates: &Rates, loss: Option<f32>) {
    let document = serde_json::json!({
        "workload": asked.workload,
        "chars_per_second": rates,
        "loss": loss,
        "peak_memory": peak_memory(),
    });
    println!("{document}");
}

/// Windows of a text, batch-major: each lane has its own stretch.
pub struct Windows {
    tokens: Vec<u32>,
    batch: usize,
    time: usize,
    at: usize,
}

impl Windows {
    pub fn new(tokens: Vec<u32>, workload: TrainWorkload) -> Self {
        Self {
            tokens,
            batch: workload.batch,
            time: workload.time,
            at: 0,
        }
    }

    /// Whether state begins anew, inputs and targets, each `(batch, time)`.
    pub fn next_window(&mut self) -> (bool, Vec<u32>, Vec<u32>) {
        let stretch = self.tokens.len() / self.batch;
        if self.at + self.time >= stretch {
            self.at = 0;
        }
        let read = |from: usize| {
            let lanes = (0..self.batch).map(|lane| lane * stretch + from);
            lanes
                .flat_map(|from| self.tokens[from..from + self.time].iter().copied())
                .collect()
        };
        let window = (self.at == 0, read(self.at), read(self.at + 1));
        self.at += self.time;
        window
    }
}

/// Draws a character from each row of probabilities.
pub fn draw(probabilities: &[f32], n_vocab: usize, random: &mut Random) -> Vec<u32> {
    let one = |row: &[f32]| {
        let mut left = random.uniform();
        let place = row.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        place.unwrap_or(n_vocab - 1) as u32
    };
    probabilities.chunks_exact(n_vocab).map(one).collect()
}

/// Chance for [`draw`].
pub fn chance() -> Random {
    Random::new(SEED, Purpose::Sampling)
}

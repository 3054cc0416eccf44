//! What the type of the weights costs a model that speaks: one small model, trained on a text, read over the text's last tenth with its weights in
//! f32, bfloat16 and as they are shipped.
//!
//! ```sh
//! cargo run --release -p telenovela-lm --example weight_types -- TEXT [SECONDS OF TRAINING]
//! ```

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::{Duration, Instant};

use telenovela_lm::bench::{TRAIN, Training, tokens_of};
use telenovela_lm::compute::Compute;
use telenovela_lm::kernel::Precision;
use telenovela_lm::network::{Network, Numbers, Scratch, log_softmax};
use telenovela_lm::tokenizer::{Slot, Token};

/// Lanes that the held-out text is read in.
const LANES: usize = 16;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which text?")?;
    let seconds: u64 = args.next().map_or(Ok(120), |seconds| seconds.parse())?;
    let tokens = tokens_of(&std::fs::read_to_string(path)?);
    let (train, held_out) = tokens.split_at(tokens.len() / 10 * 9);
    let threads = std::thread::available_parallelism()?.get();
    let compute = Compute::new(threads, Precision::F32);
    let mut training = Training::new(TRAIN[0], train, compute)?;
    let (begun, mut steps) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        training.step()?;
        steps += 1;
    }
    println!(
        "{steps} steps of {}; held-out nats per character:",
        TRAIN[0].name
    );
    let exact = training.model().averaged_unrounded();
    let f32 = loss(&Network::in_numbers(&exact, Numbers::F32), held_out);
    println!("f32   {f32:.5}");
    for (name, weights, numbers) in [
        ("bf16", &exact, Numbers::Bf16),
        ("int8", &training.model().averaged(), Numbers::Int8),
    ] {
        let loss = loss(&Network::in_numbers(weights, numbers), held_out);
        println!("{name}  {loss:.5}  {:+.3} %", 100.0 * (loss / f32 - 1.0));
    }
    Ok(())
}

/// Mean nats per character, the text read in [`LANES`] stretches.
fn loss(network: &Network, text: &[Token]) -> f64 {
    let lanes: Vec<&[Token]> = text.chunks_exact(text.len() / LANES).take(LANES).collect();
    let slots = [Slot::OTHER; LANES];
    let mut state = network.zero_state(LANES);
    let (mut scratch, mut logits, mut probabilities) = (Scratch::default(), Vec::new(), Vec::new());
    let mut nats = 0.0;
    for step in 0..lanes[0].len() - 1 {
        let tokens: Vec<Token> = lanes.iter().map(|lane| lane[step]).collect();
        network.step(&tokens, &slots, &mut state, &mut scratch);
        network.logits(&slots, &state, &mut scratch, &mut logits);
        for (lane, logits) in lanes
            .iter()
            .zip(logits.chunks_exact_mut(network.logits_stride()))
        {
            let logits = &mut logits[..network.n_vocab()];
            log_softmax(logits, &mut probabilities);
            nats -= f64::from(logits[lane[step + 1] as usize]);
        }
    }
    nats / ((lanes[0].len() - 1) * LANES) as f64
}

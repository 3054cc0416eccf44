//! What text costs under a model.

use crate::corpus::{Sequence, TargetKind};
use crate::network::{Network, Scratch, State, log_softmax};
use crate::tokenizer::{Slot, Token};

/// Lanes side by side; enough to keep the weights in the cache, few enough to keep the memory small.
const LANES: usize = 16;

/// Bits and characters of some targets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Negative log-likelihood of the targets, in bits.
    pub bits: f64,
    /// Characters they stand for, `<eol>` counted as one.
    pub chars: usize,
}

impl Cost {
    /// Bits per character; 0 for no text.
    pub fn per_char(self) -> f64 {
        if self.chars == 0 {
            0.0
        } else {
            self.bits / self.chars as f64
        }
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.bits += other.bits;
        self.chars += other.chars;
    }
}

/// What the lines of the chosen speakers cost, each script scene read from its start. The tags of speakers are read, not counted.
pub fn cost(network: &Network, sequences: &[Sequence], counts: impl Fn(Slot) -> bool) -> Cost {
    let mut total = Cost::default();
    let mut order: Vec<&Sequence> = sequences.iter().collect();
    // Scenes of like length run side by side; the sum does not depend on it beyond rounding in f64.
    order.sort_by_key(|sequence| sequence.len());
    let mut scratch = Scratch::default();
    let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
    for group in order.chunks(LANES) {
        let mut state = network.zero_state(group.len());
        let longest = group
            .iter()
            .map(|sequence| sequence.len())
            .max()
            .unwrap_or(0);
        let (mut tokens, mut slots) = (vec![0; group.len()], vec![Slot::OTHER; group.len()]);
        for step in 0..longest {
            for (lane, sequence) in group.iter().enumerate() {
                if step < sequence.len() {
                    (tokens[lane], slots[lane]) = (sequence.tokens[step], sequence.slots[step]);
                }
            }
            network.step(&tokens, &slots, &mut state, &mut scratch);
            let counted = |sequence: &Sequence| {
                step < sequence.len()
                    && matches!(sequence.kinds[step], TargetKind::Line(slot) if counts(slot))
            };
            if !group.iter().any(|sequence| counted(sequence)) {
                continue;
            }
            network.logits(&slots, &state, &mut scratch, &mut logits);
            for (sequence, row) in group
                .iter()
                .zip(logits.chunks_exact_mut(network.logits_stride()))
            {
                if counted(sequence) {
                    let row = &mut row[..network.n_vocab()];
                    log_softmax(row, &mut probabilities);
                    total.bits -=
                        f64::from(row[sequence.targets[step] as usize]) * std::f64::consts::LOG2_E;
                }
            }
        }
        for sequence in group {
            total.chars += sequence
                .chars
                .iter()
                .filter(|(slot, _)| counts(Slot(**slot)))
                .map(|(_, chars)| chars)
                .sum::<usize>();
        }
    }
    total
}

/// Log-probabilities, in nats, of the tokens of lines that `slot` might say next after `state`, one lane per line. The tag before the line is read,
/// not counted.
pub fn log_probabilities(
    network: &Network,
    state: &State,
    tag: Token,
    slot: Slot,
    lines: &[Vec<Token>],
) -> Vec<Vec<f32>> {
    if lines.is_empty() {
        return Vec::new();
    }
    let lanes = lines.len();
    let mut state = state.repeat(lanes, network.size());
    let slots = vec![slot; lanes];
    let mut scratch = Scratch::default();
    let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
    let mut found: Vec<Vec<f32>> = lines
        .iter()
        .map(|line| Vec::with_capacity(line.len()))
        .collect();
    let mut inputs = vec![tag; lanes];
    for step in 0..lines.iter().map(Vec::len).max().unwrap_or(0) {
        network.step(&inputs, &slots, &mut state, &mut scratch);
        network.logits(&slots, &state, &mut scratch, &mut logits);
        for (lane, row) in logits.chunks_exact_mut(network.logits_stride()).enumerate() {
            if let Some(&token) = lines[lane].get(step) {
                let row = &mut row[..network.n_vocab()];
                log_softmax(row, &mut probabilities);
                found[lane].push(row[token as usize]);
                inputs[lane] = token;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use telenovela_script::show::{ModelSize, TokenizerSpec, Unit};

    use super::*;
    use crate::model::Model;
    use crate::tokenizer::Tokenizer;

    const SIZE: ModelSize = ModelSize {
        n_embd: 5,
        n_speaker: 2,
        n_hidden: 6,
        n_layer: 2,
    };

    fn network(tokenizer: &Tokenizer) -> Network {
        let model = Model::init(SIZE, tokenizer.n_vocab(), 3, 2).unwrap();
        Network::new(&model.averaged())
    }

    fn tokenizer() -> Tokenizer {
        let spec = TokenizerSpec {
            unit: Unit::Char,
            min_count: 1,
            max_vocab: 300,
        };
        Tokenizer::train(spec, 2, std::iter::empty()).unwrap()
    }

    #[test]
    fn the_cost_of_scenes_is_that_of_each_by_itself_and_of_each_speaker() {
        let tokenizer = tokenizer();
        let network = network(&tokenizer);
        // More scenes than lanes, of many lengths.
        let scenes: Vec<Sequence> = (1..2 * LANES)
            .map(|n| {
                let turns = (0..n).map(|turn| (Slot(1 + turn % 2), "Ay! ".repeat(1 + turn % 3)));
                Sequence::new(&tokenizer, turns).unwrap()
            })
            .collect();
        let all = cost(&network, &scenes, |_| true);
        let mut alone = Cost::default();
        for scene in &scenes {
            alone += cost(&network, std::slice::from_ref(scene), |_| true);
        }
        assert_eq!(all.chars, alone.chars);
        assert!((all.bits - alone.bits).abs() < 1e-6 * all.bits);
        let mut apart = Cost::default();
        for slot in [Slot::OTHER, Slot(1), Slot(2)] {
            apart += cost(&network, &scenes, |who| who == slot);
        }
        assert_eq!(all.chars, apart.chars);
        assert!((all.bits - apart.bits).abs() < 1e-6 * all.bits);
        assert_eq!(cost(&network, &scenes, |_| false).per_char(), 0.0);
        assert_eq!(cost(&network, &[], |_| true), Cost::default());
    }

    #[test]
    fn a_line_costs_what_its_log_probabilities_say() {
        let tokenizer = tokenizer();
        let network = network(&tokenizer);
        let line = "Salt.";
        let scene = Sequence::new(&tokenizer, [(Slot(1), line)]).unwrap();
        let mut state = network.zero_state(1);
        let mut scratch = Scratch::default();
        network.step(
            &[tokenizer.scene()],
            &[Slot::OTHER],
            &mut state,
            &mut scratch,
        );
        let mut tokens = tokenizer.encode(line).unwrap();
        tokens.push(tokenizer.end_of_line());
        // A longer line beside it changes nothing.
        let lines = [tokenizer.encode("Thunder, and more").unwrap(), tokens];
        let tag = tokenizer.tag(Slot(1));
        let found = log_probabilities(&network, &state, tag, Slot(1), &lines);
        let nats: f32 = found[1].iter().sum();
        let cost = cost(&network, &[scene], |_| true);
        assert_eq!(cost.chars, line.len() + 1);
        assert!((cost.bits + f64::from(nats) * std::f64::consts::LOG2_E).abs() < 1e-4);
    }
}

//! The line that a mind would most likely say, token by token: nothing drawn, nothing held back. What other tools compare themselves with.

use super::LstmVoice;
use crate::error::Result;
use crate::network::{Scratch, log_softmax};
use crate::tokenizer::{Slot, Token};

/// A token of the likeliest line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Step {
    /// The token.
    pub token: Token,
    /// What it adds to the line; nothing for special tokens.
    pub text: String,
    /// Of every token of the vocabulary at this place, as the model gives them.
    pub logits: Vec<f32>,
    /// Of the tokens that are likeliest here, the text and the probability, the likeliest first.
    pub candidates: Vec<(String, f32)>,
}

/// Candidates that are told.
const N_CANDIDATES: usize = 4;

impl LstmVoice {
    /// The tokens of a text.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn encode(&self, text: &str) -> Result<Vec<Token>> {
        self.own.tokenizer.encode(text)
    }

    /// The likeliest token at each place after those `given`, until the line ends or holds `max_chars` characters; those given come first, with the
    /// logits that they had.
    pub fn likeliest(&self, given: &[Token], max_chars: usize) -> Vec<Step> {
        let (network, tokenizer, slot) = (&self.own.network, &self.own.tokenizer, self.own.slot);
        let mut given = given.iter().copied();
        let mut state = self.memory.now.clone();
        let (mut scratch, mut logits) = (Scratch::default(), Vec::new());
        let mut probabilities = Vec::new();
        let mut input = tokenizer.tag(slot);
        let (mut steps, mut chars) = (Vec::new(), 0);
        // No token adds less than nothing; one that adds nothing counts as one, so that every line ends.
        while chars < max_chars && input != tokenizer.end_of_line() {
            network.step(&[input], &[slot], &mut state, &mut scratch);
            network.logits(&[slot], &state, &mut scratch, &mut logits);
            let logits = logits[..network.n_vocab()].to_vec();
            log_softmax(&mut logits.clone(), &mut probabilities);
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            let token = given.next().unwrap_or(order[0] as Token);
            let candidate = |&token: &usize| (self.shown(token as Token), probabilities[token]);
            let text = tokenizer.text(token).to_owned();
            chars += text.chars().count().max(1);
            steps.push(Step {
                token,
                text,
                candidates: order.iter().take(N_CANDIDATES).map(candidate).collect(),
                logits,
            });
            input = token;
        }
        steps
    }

    /// A token for people, special ones included.
    fn shown(&self, token: Token) -> String {
        let tokenizer = &self.own.tokenizer;
        let n_tags = tokenizer.n_tags() as Token;
        let tags = tokenizer.tag(Slot::OTHER)..tokenizer.tag(Slot::OTHER) + n_tags;
        if token == tokenizer.end_of_line() {
            "⏎".to_owned()
        } else if tags.contains(&token) {
            format!("<speaker {}>", token - tags.start)
        } else {
            tokenizer.text(token).to_owned()
        }
    }
}

//! Drawing lines: temperature, min-p, repetition penalty, and words held to the show's lexicon.

use telenovela_script::voice::Sampling;

use crate::lexicon::Lexicon;
use crate::math::exp;
use crate::network::{Network, Scratch, State, log_softmax};
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token, Tokenizer};

/// A line as drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Its tokens, `<eol>` included when it came to its end.
    pub tokens: Vec<Token>,
    /// Log-probability of each under the model as it is, before temperature and bans, in nats.
    pub log_probabilities: Vec<f32>,
    /// Whether it came to its end by itself.
    pub finished: bool,
}

/// Everything that drawing a line depends on, besides the seed.
#[derive(Debug)]
pub struct Request<'a> {
    /// Whose line.
    pub slot: Slot,
    /// Its first words, or nothing.
    pub prime: &'a str,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Tokens that the repetition penalty falls on.
    pub penalized: &'a [Token],
}

/// Draws one line per seed after `state`, all side by side. Each depends on its own seed alone.
///
/// # Errors
/// When the prime cannot be encoded.
pub fn draw(
    network: &Network,
    tokenizer: &Tokenizer,
    lexicon: &Lexicon,
    state: &State,
    request: &Request<'_>,
    seeds: &[u64],
) -> crate::error::Result<Vec<Draft>> {
    draw_while(network, tokenizer, lexicon, state, request, seeds, || true)
}

/// As [`draw`], as long as somebody waits for the lines; asked before every token. Lines that nobody waits for any more are left unfinished.
///
/// # Errors
/// When the prime cannot be encoded.
pub fn draw_while(
    network: &Network,
    tokenizer: &Tokenizer,
    lexicon: &Lexicon,
    state: &State,
    request: &Request<'_>,
    seeds: &[u64],
    is_waited_for: impl Fn() -> bool,
) -> crate::error::Result<Vec<Draft>> {
    let lanes = seeds.len();
    if lanes == 0 {
        return Ok(Vec::new());
    }
    let prime = tokenizer.encode(request.prime)?;
    let mut state = state.repeat(lanes, network.size());
    let mut scratch = Scratch::default();
    let slots = vec![request.slot; lanes];
    let mut inputs = vec![tokenizer.tag(request.slot); lanes];
    let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
    let mut drafts = vec![Draft::default(); lanes];
    let mut randoms: Vec<Random> = seeds
        .iter()
        .map(|&seed| Random::new(seed, Purpose::Sampling))
        .collect();
    let mut lines: Vec<Line> = vec![Line::default(); lanes];
    let mut penalties = vec![false; network.n_vocab()];
    for &token in request.penalized {
        penalties[token as usize] = true;
    }
    // A line that goes nowhere ends somewhere: no token adds less than nothing, and `max_chars` bounds the text.
    let max_tokens = request.sampling.max_chars + prime.len() + 8;
    for step in 0..max_tokens {
        if lines.iter().all(|line| line.over) || !is_waited_for() {
            break;
        }
        network.step(&inputs, &slots, &mut state, &mut scratch);
        network.logits(&slots, &state, &mut scratch, &mut logits);
        for (lane, row) in logits.chunks_exact_mut(network.logits_stride()).enumerate() {
            let (line, draft) = (&mut lines[lane], &mut drafts[lane]);
            if line.over {
                continue;
            }
            let row = &mut row[..network.n_vocab()];
            log_softmax(row, &mut probabilities);
            let token = match prime.get(step) {
                Some(&token) => token,
                None => {
                    let random = randoms[lane].uniform();
                    line.choose(
                        tokenizer,
                        lexicon,
                        &request.sampling,
                        &penalties,
                        row,
                        random,
                    )
                }
            };
            draft.tokens.push(token);
            draft.log_probabilities.push(row[token as usize]);
            inputs[lane] = token;
            line.push(tokenizer, token);
            if token == tokenizer.end_of_line() {
                draft.finished = true;
                line.over = true;
            } else if line.chars >= request.sampling.max_chars {
                line.over = true;
            }
        }
    }
    Ok(drafts)
}

/// What has been drawn of a line so far.
#[derive(Clone, Debug, Default)]
struct Line {
    chars: usize,
    /// The word that is being written.
    word: Option<String>,
    /// Whether anything but a delivery has been said.
    has_words: bool,
    /// Within parentheses.
    in_parentheses: bool,
    said: Vec<Token>,
    over: bool,
}

fn is_in_word(c: char, word: &Option<String>) -> bool {
    c.is_alphanumeric() || (word.is_some() && (c == '\'' || c == '’'))
}

impl Line {
    fn push(&mut self, tokenizer: &Tokenizer, token: Token) {
        for c in tokenizer.text(token).chars() {
            self.chars += 1;
            match c {
                '(' => self.in_parentheses = true,
                ')' => self.in_parentheses = false,
                _ => {}
            }
            if is_in_word(c, &self.word) {
                self.word.get_or_insert_default().push(c);
                self.has_words |= !self.in_parentheses;
            } else {
                self.word = None;
            }
        }
        self.said.push(token);
    }

    /// Whether the word that is being written was begun by the prime and leads to no known word: then it stands as it is.
    fn is_forced(&self, lexicon: &Lexicon) -> bool {
        self.word.as_deref().is_some_and(|word| {
            !lexicon.has_prefix(word) && !lexicon.knows(word.trim_end_matches(['\'', '’']))
        })
    }

    /// Whether a token may come next. `is_forced` is [`is_forced`](Self::is_forced).
    fn allows(
        &self,
        tokenizer: &Tokenizer,
        lexicon: &Lexicon,
        lexicon_only: bool,
        is_forced: bool,
        token: Token,
    ) -> bool {
        let ends = token == tokenizer.end_of_line();
        if tokenizer.is_special(token) && !ends {
            return false;
        }
        if ends && (!self.has_words || self.in_parentheses) {
            return false;
        }
        let text = tokenizer.text(token);
        // Parentheses open a delivery: they do not nest, and only what is open is closed.
        if text.contains('(') && self.in_parentheses || text.contains(')') && !self.in_parentheses {
            return false;
        }
        if !lexicon_only {
            return true;
        }
        let mut word = self.word.clone();
        let mut is_forced = is_forced;
        for c in text.chars() {
            if is_in_word(c, &word) {
                if is_forced {
                    return false;
                }
                word.get_or_insert_default().push(c);
            } else if let Some(done) = word.take()
                && !std::mem::take(&mut is_forced)
                && !lexicon.knows(done.trim_end_matches(['\'', '’']))
            {
                return false;
            }
        }
        match &word {
            // The word goes on: something known must begin so.
            Some(open) if !ends => lexicon.has_prefix(open) || lexicon.knows(open),
            Some(done) => is_forced || lexicon.knows(done.trim_end_matches(['\'', '’'])),
            None => true,
        }
    }

    /// Draws the next token by `random` in [0, 1). `log_p` are log-probabilities of all tokens.
    fn choose(
        &self,
        tokenizer: &Tokenizer,
        lexicon: &Lexicon,
        sampling: &Sampling,
        penalties: &[bool],
        log_p: &[f32],
        random: f32,
    ) -> Token {
        let penalty = crate::math::ln(sampling.repetition_penalty.max(1.0));
        let weight = |token: usize| {
            let penalized = penalties[token]
                || self.said.contains(&(token as Token)) && is_content(tokenizer, token as Token);
            let log_p = if penalized {
                log_p[token] - penalty
            } else {
                log_p[token]
            };
            log_p / sampling.temperature
        };
        let is_forced = sampling.lexicon_only && self.is_forced(lexicon);
        let allows = |token: usize| {
            self.allows(
                tokenizer,
                lexicon,
                sampling.lexicon_only,
                is_forced,
                token as Token,
            )
        };
        // In logarithms, the cut of min-p. It is taken from the likeliest token that is allowed; what lies far below the likeliest of all is looked
        // at only when nothing above it is.
        const FAR: f32 = 6.0;
        let reach = -crate::math::ln(sampling.min_p.clamp(1e-4, 1.0));
        let highest = (0..log_p.len())
            .map(weight)
            .fold(f32::NEG_INFINITY, f32::max);
        let allowed_above = |floor: f32| -> Vec<(usize, f32)> {
            let all = (0..log_p.len()).map(|token| (token, weight(token)));
            all.filter(|&(token, weight)| weight >= floor && allows(token))
                .collect()
        };
        let best_of = |candidates: &[(usize, f32)]| {
            candidates
                .iter()
                .map(|&(_, weight)| weight)
                .fold(f32::NEG_INFINITY, f32::max)
        };
        let mut candidates = allowed_above(highest - reach - FAR);
        if best_of(&candidates) < highest - FAR {
            candidates = allowed_above(f32::NEG_INFINITY);
        }
        if candidates.is_empty() {
            // Nothing at all is allowed only where a known word needs a character that the alphabet lacks: end the line there.
            return tokenizer.end_of_line();
        }
        let best = best_of(&candidates);
        candidates.retain(|&(_, weight)| weight >= best - reach);
        let total: f32 = candidates
            .iter()
            .map(|&(_, weight)| exp(weight - best))
            .sum();
        let mut left = random * total;
        for &(token, weight) in &candidates {
            left -= exp(weight - best);
            if left < 0.0 {
                return token as Token;
            }
        }
        candidates[candidates.len() - 1].0 as Token
    }
}

/// Whether a token is a word long enough that saying it twice is noticed.
pub fn is_content(tokenizer: &Tokenizer, token: Token) -> bool {
    let text = tokenizer.text(token).trim_start();
    text.chars().count() > 3 && text.chars().all(char::is_alphanumeric)
}

#[cfg(test)]
mod tests;

//! Drawing lines: other models mixed in, temperature, min-p, repetition penalty, words held to the show's lexicon, marks that are closed and
//! sentences that are ended.

use telenovela_script::voice::Sampling;

use crate::lexicon::Lexicon;
use crate::math::{exp, ln};
use crate::network::{Network, Scratch, State, log_softmax};
use crate::punctuation::{Marks, Punctuation};
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token, Tokenizer};

/// How lines are written: in which tokens, words and marks.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    /// Text to tokens.
    pub tokenizer: &'a Tokenizer,
    /// What may be spelled.
    pub lexicon: &'a Lexicon,
    /// How lines end.
    pub punctuation: &'a Punctuation,
}

/// A model that has heard what came before, ready to go on.
#[derive(Clone, Copy, Debug)]
pub struct Primed<'a> {
    /// The model.
    pub network: &'a Network,
    /// One lane.
    pub state: &'a State,
}

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

/// Draws one line per seed, all side by side. Each depends on its own seed alone.
///
/// # Errors
/// When the prime cannot be encoded.
pub fn draw(
    writing: Writing<'_>,
    own: Primed<'_>,
    request: &Request<'_>,
    seeds: &[u64],
) -> crate::error::Result<Vec<Draft>> {
    draw_while(writing, own, &[], request, seeds, || true)
}

/// As [`draw`], with other models of the same tokens mixed in, each with its share of the probability; what is left is `own`'s. Goes on as long as
/// somebody waits for the lines, which is asked before every token; lines that nobody waits for any more are left unfinished.
///
/// # Errors
/// When the prime cannot be encoded.
pub fn draw_while(
    writing: Writing<'_>,
    own: Primed<'_>,
    mixed: &[(Primed<'_>, f32)],
    request: &Request<'_>,
    seeds: &[u64],
    is_waited_for: impl Fn() -> bool,
) -> crate::error::Result<Vec<Draft>> {
    let lanes = seeds.len();
    if lanes == 0 {
        return Ok(Vec::new());
    }
    let tokenizer = writing.tokenizer;
    let n_vocab = own.network.n_vocab();
    let prime = tokenizer.encode(request.prime)?;
    let slots = vec![request.slot; lanes];
    let mut inputs = vec![tokenizer.tag(request.slot); lanes];
    let mut own = Chain::new(own, lanes);
    let mut mixed: Vec<(Chain<'_>, f32)> = mixed
        .iter()
        .map(|&(primed, share)| (Chain::new(primed, lanes), share))
        .collect();
    let own_share = 1.0 - mixed.iter().map(|(_, share)| share).sum::<f32>();
    let mut blend = vec![0.0; n_vocab];
    let mut drafts = vec![Draft::default(); lanes];
    let mut randoms: Vec<Random> = seeds
        .iter()
        .map(|&seed| Random::new(seed, Purpose::Sampling))
        .collect();
    let mut lines: Vec<Line> = vec![Line::default(); lanes];
    let mut penalties = vec![false; n_vocab];
    for &token in request.penalized {
        penalties[token as usize] = true;
    }
    // A line that goes nowhere ends somewhere: no token adds less than nothing, and `max_chars` bounds the text.
    let max_tokens = request.sampling.max_chars + prime.len() + 8;
    for step in 0..max_tokens {
        if lines.iter().all(|line| line.over) || !is_waited_for() {
            break;
        }
        own.step(&inputs, &slots);
        for (chain, _) in &mut mixed {
            chain.step(&inputs, &slots);
        }
        for lane in 0..lanes {
            let (line, draft) = (&mut lines[lane], &mut drafts[lane]);
            if line.over {
                continue;
            }
            let log_p = own.log_probabilities(lane);
            let token = match prime.get(step) {
                Some(&token) => token,
                None => {
                    let random = randoms[lane].uniform();
                    let log_p = match mixed.is_empty() {
                        true => log_p,
                        false => {
                            let own = std::iter::once((&mut own, own_share));
                            let others = mixed.iter_mut().map(|(chain, share)| (chain, *share));
                            blend_into(&mut blend, own.chain(others), lane);
                            &blend
                        }
                    };
                    line.choose(writing, &request.sampling, &penalties, log_p, random)
                }
            };
            draft.tokens.push(token);
            draft
                .log_probabilities
                .push(own.log_probabilities(lane)[token as usize]);
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

/// A model that goes along with all lanes.
struct Chain<'a> {
    network: &'a Network,
    state: State,
    scratch: Scratch,
    /// Of all lanes; log-probabilities where [`is_normal`](Self::is_normal) says so.
    logits: Vec<f32>,
    is_normal: Vec<bool>,
    probabilities: Vec<f32>,
}

impl<'a> Chain<'a> {
    fn new(primed: Primed<'a>, lanes: usize) -> Self {
        Self {
            network: primed.network,
            state: primed.state.repeat(lanes, primed.network.size()),
            scratch: Scratch::default(),
            logits: Vec::new(),
            is_normal: vec![false; lanes],
            probabilities: Vec::new(),
        }
    }

    fn step(&mut self, inputs: &[Token], slots: &[Slot]) {
        let (state, scratch) = (&mut self.state, &mut self.scratch);
        self.network.step(inputs, slots, state, scratch);
        self.network.logits(slots, state, scratch, &mut self.logits);
        self.is_normal.fill(false);
    }

    /// Of every token, in nats, for one lane.
    fn log_probabilities(&mut self, lane: usize) -> &[f32] {
        let at = lane * self.network.logits_stride();
        let row = &mut self.logits[at..at + self.network.n_vocab()];
        if !std::mem::replace(&mut self.is_normal[lane], true) {
            log_softmax(row, &mut self.probabilities);
        }
        row
    }
}

/// The logarithm of the weighted sum of probabilities.
fn blend_into<'c, 'n: 'c>(
    blend: &mut [f32],
    chains: impl Iterator<Item = (&'c mut Chain<'n>, f32)>,
    lane: usize,
) {
    blend.fill(0.0);
    for (chain, share) in chains {
        for (sum, &log_p) in blend.iter_mut().zip(chain.log_probabilities(lane)) {
            *sum += share * exp(log_p);
        }
    }
    for p in blend {
        // No logarithm of nothing: what no model thinks possible is as unlikely as can be written.
        *p = ln(p.max(f32::MIN_POSITIVE));
    }
}

/// What has been drawn of a line so far.
#[derive(Clone, Debug, Default)]
struct Line {
    chars: usize,
    /// The word that is being written.
    word: Option<String>,
    /// Whether anything but a delivery has been said.
    has_words: bool,
    marks: Marks,
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
            self.marks.push(c);
            if is_in_word(c, &self.word) {
                self.word.get_or_insert_default().push(c);
                self.has_words |= !self.marks.in_parentheses();
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
        writing: Writing<'_>,
        lexicon_only: bool,
        is_forced: bool,
        token: Token,
    ) -> bool {
        let Writing {
            tokenizer,
            lexicon,
            punctuation,
        } = writing;
        let ends = token == tokenizer.end_of_line();
        if tokenizer.is_special(token) && !ends {
            return false;
        }
        if ends && !(self.has_words && self.marks.may_end(punctuation)) {
            return false;
        }
        let text = tokenizer.text(token);
        if !self.allows_marks(punctuation, text) {
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

    /// Whether the marks of a text may come next.
    fn allows_marks(&self, punctuation: &Punctuation, text: &str) -> bool {
        let is_plain = |c: char| c.is_alphanumeric() || c == ' ' || c == ',';
        if text.chars().all(is_plain) {
            return true;
        }
        let mut marks = self.marks.clone();
        text.chars().all(|c| {
            let allowed = marks.allow(punctuation, c);
            marks.push(c);
            allowed
        })
    }

    /// Draws the next token by `random` in [0, 1). `log_p` are log-probabilities of all tokens.
    fn choose(
        &self,
        writing: Writing<'_>,
        sampling: &Sampling,
        penalties: &[bool],
        log_p: &[f32],
        random: f32,
    ) -> Token {
        let tokenizer = writing.tokenizer;
        let penalty = ln(sampling.repetition_penalty.max(1.0));
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
        let is_forced = sampling.lexicon_only && self.is_forced(writing.lexicon);
        let allows =
            |token: usize| self.allows(writing, sampling.lexicon_only, is_forced, token as Token);
        // In logarithms, the cut of min-p. It is taken from the likeliest token that is allowed; what lies far below the likeliest of all is looked
        // at only when nothing above it is.
        const FAR: f32 = 6.0;
        let reach = -ln(sampling.min_p.clamp(1e-4, 1.0));
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

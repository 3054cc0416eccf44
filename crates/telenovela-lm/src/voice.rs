//! An LSTM as a [`Voice`]: it listens with its hidden state, branches from it to speak, and scores what it might say.

mod likeliest;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use telenovela_script::character::CharacterId;
use telenovela_script::event::Utterance;
use telenovela_script::script::{split_spoken, spoken};
use telenovela_script::voice::{
    Cue, ExplainedToken, Explanation, ScoreCard, ScoreWeights, Take, Voice, VoiceError,
};

use crate::copies::CopyIndex;
use crate::corpus::SlotTable;
use crate::error::{Error, Result};
use crate::evaluate::log_probabilities;
use crate::lexicon::{Lexicon, words};
use crate::network::{Network, Numbers, Scratch, State, log_softmax};
use crate::sampler::{Draft, Request, draw_while, is_content};
use crate::tokenizer::{Slot, Token, Tokenizer};
use crate::weights::{Card, Weights};

pub use likeliest::Step;

/// A trained model, ready to speak.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// The weights, packed.
    pub network: Arc<Network>,
    /// Text to tokens.
    pub tokenizer: Arc<Tokenizer>,
    /// What may be spelled.
    pub lexicon: Arc<Lexicon>,
    /// Whose vector it speaks with.
    pub slot: Slot,
    /// Who has which slot.
    pub slots: SlotTable,
    /// Of all that its training depended on.
    pub fingerprint: String,
}

impl Speaker {
    /// Whether `other` has the same tokens and the same speakers.
    fn agrees_with(&self, other: &Speaker) -> bool {
        self.slots == other.slots
            && (Arc::ptr_eq(&self.tokenizer, &other.tokenizer)
                || self.tokenizer.agrees_with(&other.tokenizer))
    }
}

/// Loads models and lets those of one show share tokenizer and lexicon.
#[derive(Debug, Default)]
pub struct Speakers {
    /// What the weights of those loaded from now on are multiplied in.
    pub numbers: Numbers,
    shared: Vec<Shared>,
}

/// A tokenizer and a lexicon with the text they were read from.
#[derive(Debug)]
struct Shared {
    json: String,
    joined: String,
    tokenizer: Arc<Tokenizer>,
    lexicon: Arc<Lexicon>,
}

impl Speakers {
    /// Reads a model file.
    ///
    /// # Errors
    /// As [`Weights::load`].
    pub fn load(&mut self, path: &Path) -> Result<Speaker> {
        let (weights, card) = Weights::load(path)?;
        self.of(&weights, card).map_err(|error| match error {
            Error::Tokenizer(reason) => Error::Unusable {
                path: path.to_owned(),
                reason: format!("tokenizer: {reason}"),
            },
            other => other,
        })
    }

    /// Packs a model that is in memory.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when it cannot be read, or is not the one that the weights were trained with.
    pub fn of(&mut self, weights: &Weights, card: Card) -> Result<Speaker> {
        let known = self
            .shared
            .iter()
            .position(|shared| shared.json == card.tokenizer && shared.joined == card.lexicon);
        let place = match known {
            Some(place) => place,
            None => {
                self.shared.push(Shared {
                    tokenizer: Arc::new(card.tokenizer()?),
                    lexicon: Arc::new(Lexicon::from_joined(&card.lexicon)),
                    json: card.tokenizer,
                    joined: card.lexicon,
                });
                self.shared.len() - 1
            }
        };
        let shared = &self.shared[place];
        let (n_vocab, n_tags) = (shared.tokenizer.n_vocab(), shared.tokenizer.n_tags());
        let (weighed, slots) = (weights.tensor("head.bias").len(), card.slots.n_slots() + 1);
        if (n_vocab, n_tags) != (weighed, slots) {
            return Err(Error::Tokenizer(format!(
                "it has {n_vocab} tokens and {n_tags} speakers, the weights {weighed} and {slots}"
            )));
        }
        Ok(Speaker {
            network: Arc::new(Network::in_numbers(weights, self.numbers)),
            tokenizer: Arc::clone(&shared.tokenizer),
            lexicon: Arc::clone(&shared.lexicon),
            slot: card.slot,
            slots: card.slots,
            fingerprint: card.fingerprint,
        })
    }
}

/// What a model remembers of a scene.
#[derive(Clone, Debug)]
struct Memory {
    now: State,
    /// Before the last line heard, to tell what that line changed.
    before: Option<State>,
    last: Slot,
}

impl Memory {
    fn new(speaker: &Speaker) -> Self {
        let mut now = speaker.network.zero_state(1);
        speaker.network.step(
            &[speaker.tokenizer.scene()],
            &[Slot::OTHER],
            &mut now,
            &mut Scratch::default(),
        );
        Self {
            now,
            before: None,
            last: Slot::OTHER,
        }
    }

    fn hear(&mut self, speaker: &Speaker, slot: Slot, line: &[Token], scratch: &mut Scratch) {
        self.before = Some(self.now.clone());
        let tag = speaker.tokenizer.tag(slot);
        for &token in std::iter::once(&tag)
            .chain(line)
            .chain([&speaker.tokenizer.end_of_line()])
        {
            speaker
                .network
                .step(&[token], &[slot], &mut self.now, scratch);
        }
        self.last = slot;
    }
}

/// A character's mind.
#[derive(Clone, Debug)]
pub struct LstmVoice {
    id: CharacterId,
    own: Speaker,
    memory: Memory,
    /// The show's ensemble, for what is the character's own in a line; characters with `base: none` have none.
    ensemble: Option<(Speaker, Memory)>,
    /// Who has which slot, by id; everybody else is `<other>`.
    cast: Arc<HashMap<CharacterId, Slot>>,
    copies: Arc<CopyIndex>,
    /// Who else has been heard, for a mind that has never learned when its turn is.
    partners: Option<BTreeSet<CharacterId>>,
}

impl LstmVoice {
    /// A mind at the start of a scene. An ensemble of other tokens or other speakers, trained after the character, is left out as if there were
    /// none: the two cannot read the same line.
    pub fn new(
        id: CharacterId,
        own: Speaker,
        ensemble: Option<Speaker>,
        cast: Arc<HashMap<CharacterId, Slot>>,
        copies: Arc<CopyIndex>,
    ) -> Self {
        Self {
            id,
            memory: Memory::new(&own),
            ensemble: ensemble
                .filter(|speaker| speaker.agrees_with(&own))
                .map(|speaker| {
                    let memory = Memory::new(&speaker);
                    (speaker, memory)
                }),
            own,
            cast,
            copies,
            partners: None,
        }
    }

    /// The same mind, bidding as one among those heard so far. For characters whose lines stand in no scene: nothing has told them when their turn is,
    /// and their own probability of it would be near 0 for ever.
    #[must_use]
    pub fn bidding_evenly(mut self) -> Self {
        self.partners = Some(BTreeSet::new());
        self
    }

    /// Whose vector a speaker's lines are heard with.
    fn slot_of(&self, speaker: &CharacterId) -> Slot {
        if *speaker == self.id {
            return self.own.slot;
        }
        self.cast.get(speaker).copied().unwrap_or_default()
    }

    fn score(
        &self,
        draft: &Draft,
        own: f32,
        before: Option<f32>,
        ensemble: Option<f32>,
        text: &str,
        cue: &Cue,
    ) -> ScoreCard {
        let n_tokens = draft.tokens.len().max(1) as f32;
        let line_words: Vec<String> = words(text).map(str::to_lowercase).collect();
        let n_words = line_words.len() as f32;
        let motifs = cue
            .motifs
            .iter()
            .filter(|motif| mentions(&line_words, motif));
        let said_before = cue.said.iter().any(|said| said.eq_ignore_ascii_case(text));
        let mut card = ScoreCard {
            fluency: own / n_tokens,
            cue: before.map_or(0.0, |before| (own - before) / n_tokens),
            voice: ensemble.map_or(0.0, |ensemble| (own - ensemble) / n_tokens),
            motifs: (motifs.count() as f32).min(2.0),
            length: if n_words < SHORT {
                (n_words - SHORT) * 0.25
            } else {
                (LONG - n_words).min(0.0) * 0.1
            },
            loops: loops(&line_words) + if said_before { 3.0 } else { 0.0 },
            unknown_words: words(text)
                .filter(|word| !self.own.lexicon.knows(word))
                .count() as u32,
            copied_words: self.copies.longest_run(text) as u32,
            finished: draft.finished,
            total: 0.0,
        };
        card.total = total(&card, &cue.weights);
        for part in [
            &mut card.fluency,
            &mut card.cue,
            &mut card.voice,
            &mut card.motifs,
            &mut card.length,
            &mut card.total,
        ] {
            *part = (*part * 1e4).round() / 1e4;
        }
        card
    }
}

/// Whether the words of a phrase stand side by side in a line; an empty phrase stands nowhere.
fn mentions(line: &[String], phrase: &str) -> bool {
    let phrase: Vec<String> = words(phrase).map(str::to_lowercase).collect();
    !phrase.is_empty() && line.windows(phrase.len()).any(|run| run == phrase)
}

/// How often a line goes in circles: a word at once again counts 1 (but «ay, ay»: only from three letters on), a pair of words again a half, and a
/// run of three another 1.
fn loops(words: &[String]) -> f32 {
    let again = |n: usize| {
        let runs: Vec<&[String]> = words.windows(n).collect();
        let before = |at: usize| runs[..at].contains(&runs[at]);
        (0..runs.len()).filter(|&at| before(at)).count() as f32
    };
    let at_once = words
        .windows(2)
        .filter(|pair| pair[0] == pair[1] && pair[0].chars().count() > 2);
    at_once.count() as f32 + 0.5 * again(2) + again(3)
}

/// Words of a line below which it is short. Likelihood favours short lines, and the best of many takes is then a grunt.
const SHORT: f32 = 6.0;
/// Words of a line above which it is long; a small model loses its thread there.
const LONG: f32 = 18.0;

/// The weighted sum of a score card's parts.
fn total(card: &ScoreCard, weights: &ScoreWeights) -> f32 {
    const FREE_RUN: u32 = 4;
    weights.fluency * card.fluency
        + weights.cue * card.cue
        + weights.voice * card.voice
        + weights.motifs * card.motifs
        + weights.length * card.length
        - weights.loops * card.loops
        - weights.unknown_words * card.unknown_words as f32
        - weights.copied_words * card.copied_words.saturating_sub(FREE_RUN) as f32
        - if card.finished {
            0.0
        } else {
            weights.unfinished
        }
}

fn failed(error: crate::error::Error) -> VoiceError {
    VoiceError::Failed(error.to_string())
}

impl Voice for LstmVoice {
    fn hear(&mut self, utterance: &Utterance) {
        let line = spoken(utterance.delivery.as_deref(), &utterance.text);
        // Text that the tokenizer cannot take is not heard; it never fails on text that has been sanitised.
        let Ok(tokens) = self.own.tokenizer.encode(&line) else {
            return;
        };
        if let Some(partners) = &mut self.partners
            && utterance.speaker != self.id
        {
            partners.insert(utterance.speaker.clone());
        }
        let mut scratch = Scratch::default();
        let slot = self.slot_of(&utterance.speaker);
        self.memory.hear(&self.own, slot, &tokens, &mut scratch);
        if let Some((speaker, memory)) = &mut self.ensemble {
            // The ensemble knows nobody who came later.
            let slot = self
                .cast
                .get(&utterance.speaker)
                .copied()
                .unwrap_or_default();
            memory.hear(speaker, slot, &tokens, &mut scratch);
        }
    }

    fn bid(&self) -> f32 {
        if let Some(partners) = &self.partners {
            return 1.0 / (partners.len() + 1) as f32;
        }
        let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
        self.own.network.logits(
            &[self.memory.last],
            &self.memory.now,
            &mut Scratch::default(),
            &mut logits,
        );
        let tokenizer = &self.own.tokenizer;
        let mut tags: Vec<f32> = (0..tokenizer.n_tags())
            .map(|slot| logits[tokenizer.tag(Slot(slot)) as usize])
            .collect();
        log_softmax(&mut tags, &mut probabilities);
        probabilities[self.own.slot.0]
    }

    fn takes(&self, cue: &Cue, seeds: &[u64]) -> std::result::Result<Vec<Take>, VoiceError> {
        let tokenizer = &self.own.tokenizer;
        let recent = cue.said.iter().rev().take(2);
        let mut penalized = Vec::new();
        for line in recent {
            penalized.extend(tokenizer.encode(line).map_err(failed)?);
        }
        penalized.retain(|&token| is_content(tokenizer, token));
        let prime = spoken(
            cue.delivery.as_deref(),
            cue.prime.as_deref().unwrap_or_default(),
        );
        let request = Request {
            slot: self.own.slot,
            prime: prime.trim_end(),
            sampling: cue.sampling,
            penalized: &penalized,
        };
        let drafts = draw_while(
            &self.own.network,
            tokenizer,
            &self.own.lexicon,
            &self.memory.now,
            &request,
            seeds,
            || !cue.interest.is_lost(),
        )
        .map_err(failed)?;
        if cue.interest.is_lost() {
            return Err(VoiceError::Failed("nobody waits for the line".to_owned()));
        }
        let not_finite = drafts
            .iter()
            .any(|draft| draft.log_probabilities.iter().any(|p| !p.is_finite()));
        if not_finite {
            return Err(VoiceError::NotFinite {
                character: self.id.clone(),
            });
        }
        let lines: Vec<Vec<Token>> = drafts.iter().map(|draft| draft.tokens.clone()).collect();
        let tag = tokenizer.tag(self.own.slot);
        let sums =
            |rows: Vec<Vec<f32>>| -> Vec<f32> { rows.iter().map(|row| row.iter().sum()).collect() };
        let before = self.memory.before.as_ref().map(|state| {
            sums(log_probabilities(
                &self.own.network,
                state,
                tag,
                self.own.slot,
                &lines,
            ))
        });
        // The ensemble reads the line as anybody's: what it finds unlikely there is the character's own.
        let ensemble = self.ensemble.as_ref().map(|(speaker, memory)| {
            let tag = speaker.tokenizer.tag(Slot::OTHER);
            sums(log_probabilities(
                &speaker.network,
                &memory.now,
                tag,
                Slot::OTHER,
                &lines,
            ))
        });
        let takes = drafts
            .iter()
            .zip(seeds)
            .enumerate()
            .map(|(lane, (draft, &seed))| {
                let (delivery, text) = split_spoken(&tokenizer.decode(&draft.tokens));
                let own = draft.log_probabilities.iter().sum();
                let score = self.score(
                    draft,
                    own,
                    before.as_ref().map(|sums| sums[lane]),
                    ensemble.as_ref().map(|sums| sums[lane]),
                    &text,
                    cue,
                );
                Take {
                    seed,
                    delivery,
                    text,
                    score,
                }
            });
        Ok(takes.collect())
    }

    fn explain(&self, take: &Take) -> Explanation {
        const N_CANDIDATES: usize = 5;
        let (network, tokenizer) = (&self.own.network, &self.own.tokenizer);
        let Ok(mut tokens) = tokenizer.encode(&spoken(take.delivery.as_deref(), &take.text)) else {
            return Explanation::default();
        };
        if take.score.finished {
            tokens.push(tokenizer.end_of_line());
        }
        let mut state = self.memory.now.clone();
        let mut scratch = Scratch::default();
        let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
        let mut input = tokenizer.tag(self.own.slot);
        let explained = tokens.into_iter().map(|token| {
            network.step(&[input], &[self.own.slot], &mut state, &mut scratch);
            network.logits(&[self.own.slot], &state, &mut scratch, &mut logits);
            let row = &mut logits[..network.n_vocab()];
            log_softmax(row, &mut probabilities);
            input = token;
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
            let show = |token: Token| {
                if token == tokenizer.end_of_line() {
                    "⏎".to_owned()
                } else {
                    tokenizer.text(token).to_owned()
                }
            };
            ExplainedToken {
                text: show(token),
                surprise: -row[token as usize] * std::f32::consts::LOG2_E,
                candidates: order[..N_CANDIDATES.min(order.len())]
                    .iter()
                    .map(|&t| (show(t as Token), probabilities[t]))
                    .collect(),
                hidden: state.hidden(0, network.size()).to_vec(),
            }
        });
        Explanation {
            tokens: explained.collect(),
            nearest: self.copies.nearest(&take.text),
        }
    }

    fn fork(&self) -> Box<dyn Voice> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_motif_of_several_words_is_heard_as_such() {
        let line: Vec<String> = words("Give me the torn paper, Rodrigo")
            .map(str::to_lowercase)
            .collect();
        assert!(mentions(&line, "paper") && mentions(&line, "Torn Paper"));
        assert!(!mentions(&line, "paper torn"));
        assert!(!mentions(&line, "pap") && !mentions(&line, "…"));
    }

    #[test]
    fn circles_are_counted_and_a_sigh_is_none() {
        let of = |line: &str| loops(&words(line).map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("ay ay the soup is on the table"), 0.0);
        assert_eq!(of("it has been been said"), 1.0);
        assert_eq!(of("dear viewer look dear viewer"), 0.5);
        // Two pairs and one run of three come again.
        assert_eq!(of("the salt is the salt is"), 2.0);
    }
}

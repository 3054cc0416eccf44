//! An LSTM as a [`Voice`]: it listens with its hidden state, branches from it to speak, and scores what it might say.

mod likeliest;
mod listener;
mod score;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use telenovela_script::character::CharacterId;
use telenovela_script::event::Utterance;
use telenovela_script::script::{split_spoken, spoken};
use telenovela_script::show::PlotLineId;
use telenovela_script::voice::{Cue, ExplainedToken, Explanation, Take, Voice, VoiceError};

use crate::copies::CopyIndex;
use crate::corpus::SlotTable;
use crate::error::{Error, Result};
use crate::evaluate::log_probabilities;
use crate::lexicon::Lexicon;
use crate::network::{Network, Numbers, Scratch, log_softmax};
use crate::punctuation::Punctuation;
use crate::sampler::{Primed, Request, Writing, draw_while, is_content};
use crate::tokenizer::{Slot, Token, Tokenizer};
use crate::weights::{Card, Weights};

pub use likeliest::Step;
use listener::{Companion, Ears, Memory};
use score::Likelihoods;

/// A trained model, ready to speak.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// The weights, packed.
    pub network: Arc<Network>,
    /// Text to tokens.
    pub tokenizer: Arc<Tokenizer>,
    /// What may be spelled.
    pub lexicon: Arc<Lexicon>,
    /// How lines end.
    pub punctuation: Punctuation,
    /// Whose vector it speaks with.
    pub slot: Slot,
    /// Who has which slot.
    pub slots: SlotTable,
    /// Of all that its training depended on.
    pub fingerprint: String,
    ears: Arc<Ears>,
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

    /// Reads the model of a plot line, which holds only what differs from `ensemble`, that of its show.
    ///
    /// # Errors
    /// As [`Weights::load_over`].
    pub fn load_plot(&mut self, path: &Path, ensemble: &(Weights, Card)) -> Result<Speaker> {
        let (base, of_ensemble) = ensemble;
        let (weights, card) = Weights::load_over(path, base)?;
        let card = Card {
            lexicon: of_ensemble.lexicon.clone(),
            tokenizer: of_ensemble.tokenizer.clone(),
            ..card
        };
        self.of(&weights, card)
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
            punctuation: card.punctuation,
            slot: card.slot,
            slots: card.slots,
            fingerprint: card.fingerprint,
            ears: Arc::default(),
        })
    }
}

/// A character's mind.
#[derive(Clone, Debug)]
pub struct LstmVoice {
    id: CharacterId,
    own: Speaker,
    memory: Memory,
    /// The show's ensemble, for what is the character's own in a line; characters with `base: none` have none.
    ensemble: Option<Companion>,
    /// Models of plot lines, to be mixed in.
    plots: Vec<(PlotLineId, Companion)>,
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
                .map(Companion::new),
            plots: Vec::new(),
            own,
            cast,
            copies,
            partners: None,
        }
    }

    /// The same mind, with models of plot lines to be mixed in where a cue asks for them; such as cannot read the same tokens are left out. Where
    /// there is no ensemble there is no mixing.
    #[must_use]
    pub fn with_plots(mut self, plots: impl IntoIterator<Item = (PlotLineId, Speaker)>) -> Self {
        let readable = plots
            .into_iter()
            .filter(|(_, speaker)| self.ensemble.is_some() && speaker.agrees_with(&self.own));
        self.plots = readable
            .map(|(id, speaker)| (id, Companion::new(speaker)))
            .collect();
        self
    }

    /// The same mind, bidding as one among those heard so far. For characters whose lines stand in no scene: nothing has told them when their turn is,
    /// and their own probability of it would be near 0 for ever.
    #[must_use]
    pub fn bidding_evenly(mut self) -> Self {
        self.partners = Some(BTreeSet::new());
        self
    }

    /// The model of a plot line, where there is one.
    fn plot(&self, id: &PlotLineId) -> Option<&Companion> {
        let mut plots = self.plots.iter();
        plots.find(|(known, _)| known == id).map(|(_, plot)| plot)
    }

    /// Whose vector a speaker's lines are heard with.
    fn slot_of(&self, speaker: &CharacterId) -> Slot {
        if *speaker == self.id {
            return self.own.slot;
        }
        self.cast.get(speaker).copied().unwrap_or_default()
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
        // The ensemble, and what grew from it, knows nobody who came later.
        let slot = self
            .cast
            .get(&utterance.speaker)
            .copied()
            .unwrap_or_default();
        let plots = self.plots.iter_mut().map(|(_, companion)| companion);
        for companion in self.ensemble.iter_mut().chain(plots) {
            companion.hear(slot, &tokens);
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
        let mixed: Vec<(&Companion, f32)> = cue
            .plot
            .iter()
            .filter_map(|(id, share)| Some((self.plot(id)?, *share)))
            .filter(|(_, share)| *share > 0.0)
            .collect();
        let primed: Vec<(Primed<'_>, f32)> = mixed
            .iter()
            .map(|(companion, share)| (companion.primed(), *share))
            .collect();
        let writing = Writing {
            tokenizer,
            lexicon: &self.own.lexicon,
            punctuation: &self.own.punctuation,
        };
        let own = Primed {
            network: &self.own.network,
            state: &self.memory.now,
        };
        let is_waited_for = || !cue.interest.is_lost();
        let drafts =
            draw_while(writing, own, &primed, &request, seeds, is_waited_for).map_err(failed)?;
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
        let before = self.memory.before.as_ref().map(|state| {
            let tag = tokenizer.tag(self.own.slot);
            let rows = log_probabilities(&self.own.network, state, tag, self.own.slot, &lines);
            rows.iter().map(|row| row.iter().sum()).collect()
        });
        // Others read the line as anybody's: what the ensemble finds unlikely there is the character's own, and what the model of a plot line finds
        // likelier than the ensemble is of that plot line.
        let ensemble = self
            .ensemble
            .as_ref()
            .map(|companion| companion.log_likelihoods(&lines));
        let plots = mixed
            .iter()
            .map(|(companion, share)| (companion.log_likelihoods(&lines), *share))
            .collect();
        let likelihoods = Likelihoods {
            before,
            ensemble,
            plots,
        };
        let takes = drafts
            .iter()
            .zip(seeds)
            .enumerate()
            .map(|(lane, (draft, &seed))| {
                let (delivery, text) = split_spoken(&tokenizer.decode(&draft.tokens));
                let score = self.score(draft, &likelihoods, lane, &text, cue);
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

//! The network of Lorena Mesa's talk «¡Escuincla babosa! A Python Deep Learning Telenovela»: what it reads, what it is, how it writes, and what text
//! costs under it. [`train_talk`](crate::train::train_talk) trains it; `docs/the-talk.md` tells the whole road.
//!
//! Characters come in as one-hot rows, one LSTM of 256 units remembers, a dense layer and a softmax say what comes next. Here that is a [`Model`] whose
//! embedding is the identity matrix and stays so: looking a row up in it is what a one-hot row times it would be, its tied head passes the projection on as it is, and so
//! the projection with the head's bias is the dense layer.
//!
//! Sources: the notebook published with the talk's first version, github.com/lorenanicole/telenovela_script_generator (2018; lower case, `LSTM(256)`,
//! `Dropout(0.2)`, `Dense(softmax)`, Adam, windows of 100 characters, the weights of the lowest training loss), and the notes taken of the talk at
//! Strange Loop 2019, sourcegraph.com/blog (one-hot characters, 30 epochs, 100 characters out, all shows together). [`recipe`] tells what is done otherwise.

use std::collections::BTreeSet;

use telenovela_script::script::Script;
use telenovela_script::show::{ModelSize, Precision, Recipe, Show, ShowId, TokenizerSpec, Unit};

use crate::corpus::{ACTION, Corpus, CorpusTurn, Sequence, Split, TargetKind};
use crate::error::Result;
use crate::evaluate::{Cost, cost};
use crate::math::exp;
use crate::model::Model;
use crate::network::{Network, Scratch, log_softmax};
use crate::optim::Parameter;
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token, Tokenizer};

/// Passes over the text, of which the talk said that they «seemed to produce good results».
pub const EPOCHS: usize = 30;
/// Characters that the talk printed.
pub const CHARS: usize = 100;
/// Units of its only layer.
const N_HIDDEN: usize = 256;
/// Characters of its windows.
const WINDOW: usize = 40;
/// The slot that names count for; people's own follow it.
const NAMES: Slot = Slot::OTHER;

/// The text of one show, or of several one after the other, as the talk's network reads it: in lower case, each turn a line `name: text`, action without a
/// name. Lower case makes it an easier text than the one all other models read.
///
/// Each show is split by script scenes as for all its other models.
#[derive(Debug)]
pub struct TalkText {
    /// Stands for what is read: its name is those of the shows, joined by `+`; tokenizer, size and recipe are the talk's.
    pub show: Show,
    /// Of all shows, in order.
    pub(crate) scripts: Vec<Script>,
    /// In lower case, except for the names.
    pub(crate) corpus: Corpus,
    pub(crate) split: Split,
    /// How many scripts each show has, by name.
    shares: Vec<(ShowId, usize)>,
    /// One token for each character of the text, as `sorted(set(text))` gives them, after those of every tokenizer of ours.
    pub(crate) tokenizer: Tokenizer,
    /// Who speaks; the k-th has slot k + 1.
    speakers: Vec<String>,
}

impl TalkText {
    /// Gathers the scripts of shows, of which there is at least one.
    ///
    /// # Errors
    /// When a show has too little to hold something out, or the tokenizer cannot be built.
    pub fn new(shows: &[(&Show, &[Script])], epochs: usize) -> Result<Self> {
        let (mut scripts, mut corpus) = (Vec::new(), Corpus::default());
        let (mut split, mut shares) = (Split::default(), Vec::new());
        for (show, of_show) in shows {
            let part = Corpus::new(of_show);
            let held = part.split(show.recipe.seed)?;
            let before = corpus.scenes.len();
            let shifted = |scenes: Vec<usize>| scenes.into_iter().map(move |scene| before + scene);
            split.train.extend(shifted(held.train));
            split.dev.extend(shifted(held.dev));
            split.test.extend(shifted(held.test));
            corpus.scenes.extend(part.scenes);
            scripts.extend_from_slice(of_show);
            shares.push((show.id.clone(), of_show.len()));
        }
        let turns = corpus.scenes.iter_mut().flat_map(|scene| &mut scene.turns);
        let (mut characters, mut speakers) = (BTreeSet::new(), BTreeSet::new());
        for turn in turns {
            turn.text = turn.text.to_lowercase();
            characters.extend(name_of(turn).chars());
            characters.extend(turn.text.chars());
            speakers.insert(turn.speaker.clone());
        }
        let tokenizer = Tokenizer::of_characters(0, characters.into_iter())?;
        let ids = shows.iter().map(|(show, _)| show.id.as_str());
        let show = Show {
            id: ShowId::new(ids.collect::<Vec<_>>().join("+")),
            tokenizer: TokenizerSpec {
                unit: Unit::Char,
                min_count: 1,
                max_vocab: tokenizer.n_vocab() as u32,
            },
            model: size(tokenizer.n_vocab()),
            recipe: recipe(shows[0].0.recipe.seed, epochs),
            ..shows[0].0.clone()
        };
        Ok(Self {
            show,
            scripts,
            corpus,
            split,
            shares,
            tokenizer,
            speakers: speakers.into_iter().collect(),
        })
    }

    /// Which scenes are learned from, and which are held out.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// The shows, with how many scripts each has.
    pub fn shares(&self) -> &[(ShowId, usize)] {
        &self.shares
    }

    /// Its characters as tokens.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Lays scenes out in the tokens of a model: `<scene>`, then every turn as its characters and `<eol>`. Names count for slot 0, words and the end of a line for
    /// whoever says them.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn sequences(
        &self,
        tokenizer: &Tokenizer,
        scenes: &[usize],
    ) -> Result<Vec<Sequence>> {
        let lay_out = |&scene: &usize| {
            let mut sequence = Sequence::default();
            let mut input = tokenizer.scene();
            for turn in &self.corpus.scenes[scene].turns {
                let place = self.speakers.iter().position(|cue| *cue == turn.speaker);
                let speaker = place.map_or(NAMES, |place| Slot(place + 1));
                let name = tokenizer.encode(&name_of(turn))?;
                let mut words = tokenizer.encode(&turn.text)?;
                words.push(tokenizer.end_of_line());
                for (who, tokens) in [(NAMES, name), (speaker, words)] {
                    *sequence.chars.entry(who.0).or_default() += tokens.len();
                    for token in tokens {
                        sequence.tokens.push(input);
                        sequence.slots.push(Slot::OTHER);
                        sequence.targets.push(token);
                        sequence.kinds.push(TargetKind::Line(who));
                        input = token;
                    }
                }
            }
            Ok(sequence)
        };
        scenes.iter().map(lay_out).collect()
    }

    /// Scenes one after the other, cut into as many pieces as are read side by side, all of one length: pieces of different length would end in steps that few of
    /// them share, and the weights would lean to those few at the end of every pass.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub(crate) fn stream(&self, scenes: &[usize]) -> Result<Vec<Sequence>> {
        let mut whole = Sequence::default();
        for scene in self.sequences(&self.tokenizer, scenes)? {
            whole.tokens.extend(scene.tokens);
            whole.slots.extend(scene.slots);
            whole.targets.extend(scene.targets);
            whole.kinds.extend(scene.kinds);
        }
        let length = whole.len().div_ceil(self.show.recipe.batch).max(1);
        let pieces = (0..whole.len()).step_by(length).map(|from| {
            let piece = from..(from + length).min(whole.len());
            Sequence {
                tokens: whole.tokens[piece.clone()].to_vec(),
                slots: whole.slots[piece.clone()].to_vec(),
                targets: whole.targets[piece.clone()].to_vec(),
                kinds: whole.kinds[piece.clone()].to_vec(),
                // A token is a character.
                chars: [(NAMES.0, piece.len())].into(),
            }
        });
        Ok(pieces.collect())
    }

    /// What the lines under some cues cost in some scenes, each read from its start: their words and ends, as for every other model. Names are read, not counted.
    ///
    /// # Errors
    /// When the tokenizer, which is that of the network, fails.
    pub fn cost_of(
        &self,
        network: &Network,
        tokenizer: &Tokenizer,
        scenes: &[usize],
        cues: &[String],
    ) -> Result<Cost> {
        let asked = |turn: &CorpusTurn| cues.contains(&turn.speaker);
        let scenes = scenes.iter().copied();
        let scenes: Vec<usize> = scenes
            .filter(|&scene| self.corpus.scenes[scene].turns.iter().any(asked))
            .collect();
        let sequences = self.sequences(tokenizer, &scenes)?;
        let is_asked = |who: Slot| who != NAMES && cues.contains(&self.speakers[who.0 - 1]);
        Ok(cost(network, &sequences, is_asked))
    }

    /// A script scene of the training split up to the start of one of its lines, both drawn, in the tokens of a model: what it reads before it writes.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn passage(&self, tokenizer: &Tokenizer, seed: u64) -> Result<Vec<Token>> {
        let mut random = Random::new(seed, Purpose::Order);
        let scene = self.split.train[random.below(self.split.train.len())];
        let turns = &self.corpus.scenes[scene].turns;
        let mut tokens = vec![tokenizer.scene()];
        for turn in &turns[..random.below(turns.len())] {
            let line = format!("{}{}", name_of(turn), turn.text);
            tokens.extend(tokenizer.encode(&line)?);
            tokens.push(tokenizer.end_of_line());
        }
        Ok(tokens)
    }
}

/// What stands before the words of a turn, in lower case: `inés: `; nothing before action.
fn name_of(turn: &CorpusTurn) -> String {
    match turn.speaker.as_str() {
        ACTION => String::new(),
        name => format!("{}: ", name.to_lowercase()),
    }
}

/// The shape of the talk's network over so many characters. Nobody has a vector in it: it knows speakers by their names in the text alone.
pub fn size(n_vocab: usize) -> ModelSize {
    ModelSize {
        n_embd: n_vocab,
        n_speaker: 0,
        n_hidden: N_HIDDEN,
        n_layer: 1,
    }
}

/// How it is trained.
///
/// Keras's example `lstm_text_generation.py`, of which the talk's network is a kind, cuts a window of 40 characters at every third character of the text, reads each
/// from an empty memory to predict the one after it, and takes a step after 128 of them; the notebook of the talk has windows of 100, one for every character. Here
/// the text is cut into sixteen pieces that are read side by side in windows of 40, memory goes on from each to the next, and every character of a window is
/// predicted: a pass predicts each character once, as the notebook's does, for a hundredth of the work.
pub fn recipe(seed: u64, epochs: usize) -> Recipe {
    Recipe {
        seed,
        batch: 16,
        bptt: WINDOW,
        epochs,
        character_epochs: epochs,
        lr: 1e-3, // of Adam in Keras, from the first step to the last
        character_lr: 1e-3,
        others_weight: 1.0,
        clip: 1e6, // never
        weight_decay: 0.0,
        ema: 0.0,
        dropout_in: 0.0,
        dropout_hidden: 0.0,
        dropout_out: 0.2, // of the notebook; here what drops out stays out for a window
        weight_drop: 0.0,
        hide_speaker: 0.0,
        spare_speakers: 0,
        precision: Precision::F32,
    }
}

/// The row of a token among so many: a one in its place, zeros elsewhere.
pub fn one_hot(token: Token, n_vocab: usize) -> Vec<f32> {
    let mut row = vec![0.0; n_vocab];
    row[token as usize] = 1.0;
    row
}

/// A network that has learned nothing yet: its embedding is the identity matrix, frozen.
///
/// # Errors
/// When memory for a tensor cannot be had.
pub fn fresh_model(n_vocab: usize, seed: u64) -> Result<Model> {
    let mut model = Model::init(size(n_vocab), n_vocab, 1, seed)?;
    let rows = (0..n_vocab).flat_map(|token| one_hot(token as Token, n_vocab));
    let name = "embedding.weight".to_owned();
    let mut identity = Parameter::new(name, &[n_vocab, n_vocab], rows.collect())?;
    identity.frozen = true;
    let place = model
        .parameters
        .iter()
        .position(|p| p.name == identity.name);
    if let Some(place) = place {
        model.parameters[place] = identity;
    }
    Ok(model)
}

/// Writes a text of `chars` characters, line breaks among them, that begins with `prime` and goes on from what was `read`. Each is drawn from the softmax of the logits
/// divided by the temperature, as in Keras's example `lstm_text_generation.py`; nothing else is done to them.
///
/// # Errors
/// When the prime cannot be encoded.
pub fn write(
    network: &Network,
    tokenizer: &Tokenizer,
    read: &[Token],
    prime: &str,
    chars: usize,
    temperature: f32,
    seed: u64,
) -> Result<String> {
    let prime = tokenizer.encode(prime)?;
    let mut random = Random::new(seed, Purpose::Sampling);
    let (mut state, mut scratch) = (network.zero_state(1), Scratch::default());
    let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
    let mut text = String::new();
    for &token in read.iter().chain(&prime) {
        network.step(&[token], &[Slot::OTHER], &mut state, &mut scratch);
    }
    text.push_str(&tokenizer.decode(&prime));
    for _ in prime.len()..chars {
        network.logits(&[Slot::OTHER], &state, &mut scratch, &mut logits);
        let row = &mut logits[..network.n_vocab()];
        for (token, logit) in (0..).zip(row.iter_mut()) {
            let is_written = !tokenizer.is_special(token) || token == tokenizer.end_of_line();
            *logit = if is_written {
                *logit / temperature
            } else {
                f32::NEG_INFINITY
            };
        }
        log_softmax(row, &mut probabilities);
        let token = choose(row, random.uniform());
        match tokenizer.is_special(token) {
            true => text.push('\n'),
            false => text.push_str(tokenizer.text(token)),
        }
        network.step(&[token], &[Slot::OTHER], &mut state, &mut scratch);
    }
    Ok(text)
}

/// Draws a token by `random` in [0, 1).
fn choose(log_p: &[f32], random: f32) -> Token {
    let mut left = random;
    let mut last = 0;
    for (token, &log_p) in (0..).zip(log_p) {
        if log_p == f32::NEG_INFINITY {
            continue;
        }
        last = token;
        left -= exp(log_p);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use telenovela_script::script::{ScriptScene, Turn};

    use super::*;

    fn text() -> TalkText {
        let turn = |n: usize| Turn {
            speaker: (!n.is_multiple_of(3)).then(|| "INÉS".to_owned()),
            delivery: None,
            text: "Salt. ".repeat(1 + n % 5),
            line: 1,
        };
        let scene = |n: usize| ScriptScene {
            turns: (0..=n % 7).map(|turn_n| turn(n + turn_n)).collect(),
            ..ScriptScene::default()
        };
        let scripts = [Script {
            scenes: (0..30).map(scene).collect(),
            ..Script::default()
        }];
        let show = Show {
            id: ShowId::new("salt"),
            title: String::new(),
            logline: String::new(),
            language: "en".into(),
            scripts: Vec::new(),
            plot_lines: Vec::new(),
            tokenizer: TokenizerSpec {
                unit: Unit::Word,
                min_count: 1,
                max_vocab: 300,
            },
            model: size(9),
            recipe: recipe(1, 1),
        };
        TalkText::new(&[(&show, &scripts)], 1).unwrap()
    }

    #[test]
    fn the_stream_is_every_scene_in_order_in_pieces_of_one_length() {
        let text = text();
        let train = &text.split.train;
        let pieces = text.stream(train).unwrap();
        let lengths: Vec<usize> = pieces.iter().map(Sequence::len).collect();
        assert_eq!(lengths.len(), text.show.recipe.batch);
        assert!(lengths[..15].iter().all(|&n| n == lengths[0]));
        assert!(lengths[15] <= lengths[0] && lengths[15] + 16 > lengths[0]);
        let scenes = text.sequences(&text.tokenizer, train).unwrap();
        let joined = |of: &[Sequence], part: fn(&Sequence) -> &[Token]| -> Vec<Token> {
            of.iter().flat_map(part).copied().collect()
        };
        let parts: [fn(&Sequence) -> &[Token]; 2] = [|one| &one.tokens, |one| &one.targets];
        for part in parts {
            assert_eq!(joined(&pieces, part), joined(&scenes, part));
        }
        // All of them are targets, names as well; so the loss of a token is that of a character.
        for piece in &pieces {
            assert_eq!(piece.chars.values().sum::<usize>(), piece.len());
        }
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        let log_p = [f32::NEG_INFINITY, 0.25f32.ln(), 0.75f32.ln()];
        let drawn = |random| choose(&log_p, random);
        assert_eq!([0.0, 0.24, 0.26, 0.99].map(drawn), [1, 1, 2, 2]);
        // Rounding may leave a rest: then it is the last that can be.
        assert_eq!(choose(&[0.5f32.ln(), f32::NEG_INFINITY], 0.9), 0);
    }
}

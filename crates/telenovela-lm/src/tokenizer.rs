//! Text to tokens and back, in three units behind one type; opens in Hugging Face `tokenizers`.
//!
//! Words carry the space before them (` salt`), so that joining the pieces of a line gives the line back, byte for byte. The `word` unit is a
//! WordPiece vocabulary of frequent words plus single characters: a rare word is spelled, greedily from the longest known prefix. The `subword`
//! unit is byte-pair encoding, the `char` unit one token per character.

use std::collections::BTreeMap;

use serde_json::json;
use telenovela_script::show::{TokenizerSpec, Unit};
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{AddedToken, PreTokenizerWrapper};

use crate::error::{Error, Result};

/// A word with its apostrophes and the space before it, or any other character with the space before it, or a stray space.
const PIECES: &str = r" ?[\p{L}\p{M}\d]+(?:['’][\p{L}\p{M}\d]+)*| ?[^\s\p{L}\p{M}\d]|\s";
/// Marks a piece that goes on inside a word, as in BERT's vocabularies.
const CONTINUES: &str = "##";
/// Opens a script scene.
pub const SCENE: &str = "<scene>";
/// Ends a line.
pub const END_OF_LINE: &str = "<eol>";
/// Somebody without a slot.
pub const OTHER: &str = "<other>";
/// What stands in for characters that no script can hold.
const UNKNOWN: &str = "<unk>";

/// Token ids.
pub type Token = u32;

/// Text to tokens and back.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    unit: Unit,
    /// Text of each token as it stands in a line; empty for special tokens.
    texts: Vec<String>,
    /// Whether each token goes on inside the word before it.
    continues: Vec<bool>,
    n_special: u32,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokenizer({}, {} tokens)", self.unit, self.texts.len())
    }
}

impl Tokenizer {
    /// Builds the vocabulary from the lines of the training split.
    ///
    /// The same lines in any order give the same bytes of [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// When the library refuses the vocabulary.
    pub fn train<'a>(
        spec: TokenizerSpec,
        n_slots: usize,
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<Self> {
        let specials = specials(n_slots);
        let (model, decoder) = match spec.unit {
            Unit::Char => return Self::of_characters(n_slots, alphabet()),
            Unit::Word => (word_model(spec, &specials, lines), word_decoder()),
            Unit::Subword => (
                subword_model(spec, &specials, lines)?,
                json!({"type": "Fuse"}),
            ),
        };
        Self::assemble(spec.unit, &specials, PIECES, model, decoder)
    }

    /// One token for each of these characters, in this order.
    ///
    /// # Errors
    /// When the library refuses the vocabulary.
    pub fn of_characters(n_slots: usize, characters: impl Iterator<Item = char>) -> Result<Self> {
        let specials = specials(n_slots);
        let characters = characters.map(String::from);
        let tokens = specials.iter().cloned().chain(characters);
        let vocab: BTreeMap<String, usize> = tokens.zip(0..).collect();
        let model = json!({"type": "WordLevel", "vocab": vocab, "unk_token": UNKNOWN});
        let decoder = json!({"type": "Fuse"});
        Self::assemble(Unit::Char, &specials, r"(?s).", model, decoder)
    }

    fn assemble(
        unit: Unit,
        specials: &[String],
        pattern: &str,
        model: serde_json::Value,
        decoder: serde_json::Value,
    ) -> Result<Self> {
        let added: Vec<_> = specials
            .iter()
            .enumerate()
            .map(|(id, content)| {
                json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                       "normalized": false, "special": true})
            })
            .collect();
        let json = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added,
            "normalizer": null,
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            "post_processor": null,
            "decoder": decoder,
            "model": model,
        });
        Self::from_json(&json.to_string(), unit)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// When it is no `tokenizer.json`, or not one of ours.
    pub fn from_json(json: &str, unit: Unit) -> Result<Self> {
        // The library panics on what is no JSON inside its parts.
        serde_json::from_str::<serde::de::IgnoredAny>(json)
            .map_err(|error| Error::Tokenizer(error.to_string()))?;
        let mut inner =
            tokenizers::Tokenizer::from_bytes(json.as_bytes()).map_err(tokenizer_error)?;
        // A line that says «<eol>» says so in letters; the library would end it there.
        inner.set_encode_special_tokens(true);
        let n_vocab = inner.get_vocab_size(true);
        let mut texts = vec![String::new(); n_vocab];
        let mut continues = vec![false; n_vocab];
        let n_special = inner.get_added_tokens_decoder().len() as u32;
        for (piece, id) in inner.get_vocab(true) {
            let id = id as usize;
            if id >= n_vocab {
                return Err(Error::Tokenizer(format!(
                    "token ids have gaps: {id} of {n_vocab}"
                )));
            }
            if id >= n_special as usize {
                match piece.strip_prefix(CONTINUES) {
                    Some(rest) if unit == Unit::Word && !rest.is_empty() => {
                        texts[id] = rest.to_owned();
                        continues[id] = true;
                    }
                    _ => texts[id] = piece,
                }
            }
        }
        let tokenizer = Self {
            inner,
            unit,
            texts,
            continues,
            n_special,
        };
        let ids = [
            (SCENE, tokenizer.scene()),
            (END_OF_LINE, tokenizer.end_of_line()),
            (OTHER, tokenizer.tag(Slot::OTHER)),
        ];
        for (special, id) in ids {
            if tokenizer.inner.token_to_id(special) != Some(id) || !tokenizer.is_special(id) {
                return Err(Error::Tokenizer(format!(
                    "it has no {special} token at {id}"
                )));
            }
        }
        Ok(tokenizer)
    }

    /// The tokenizer in Hugging Face's `tokenizer.json` format.
    ///
    /// # Errors
    /// When the library cannot write it.
    pub fn to_json(&self) -> Result<String> {
        // The library keeps its vocabulary in a hash map; through `Value`, whose maps are sorted, the bytes are always the same.
        let json = self.inner.to_string(false).map_err(tokenizer_error)?;
        let value: serde_json::Value =
            serde_json::from_str(&json).map_err(|error| Error::Tokenizer(error.to_string()))?;
        Ok(value.to_string())
    }

    /// Tokens of a line, without `<eol>`.
    ///
    /// # Errors
    /// When the library fails. Characters outside the alphabet are no error: the units `char` and `word` read `<unk>` for them (`word` for the whole
    /// piece around them), `subword` leaves out those that the training text does not have either.
    pub fn encode(&self, line: &str) -> Result<Vec<Token>> {
        let encoding = self
            .inner
            .encode_fast(line, false)
            .map_err(tokenizer_error)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The line that tokens stand for; special tokens say nothing.
    pub fn decode(&self, tokens: &[Token]) -> String {
        tokens.iter().map(|&token| self.text(token)).collect()
    }

    /// What a token adds to a line.
    pub fn text(&self, token: Token) -> &str {
        &self.texts[token as usize]
    }

    /// Whether a token goes on inside the word before it.
    pub fn continues_word(&self, token: Token) -> bool {
        self.continues[token as usize]
    }

    /// Whether a token is one of the special ones: a tag, or an end.
    pub fn is_special(&self, token: Token) -> bool {
        token < self.n_special
    }

    /// Whether the tokens of `other` are these tokens, so that what one has encoded another model may read.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.unit == other.unit
            && self.n_special == other.n_special
            && self.texts == other.texts
            && self.continues == other.continues
    }

    /// Number of tokens.
    pub fn n_vocab(&self) -> usize {
        self.texts.len()
    }

    /// What a token is.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Opens a script scene.
    pub fn scene(&self) -> Token {
        1
    }

    /// Ends a line.
    pub fn end_of_line(&self) -> Token {
        2
    }

    /// The tag of a speaker's slot.
    pub fn tag(&self, slot: Slot) -> Token {
        3 + slot.0 as Token
    }

    /// Number of speaker tags, `<other>` included.
    pub fn n_tags(&self) -> usize {
        self.n_special as usize - 3
    }
}

/// A speaker's place in the models of a show: the index of its vector. 0 is `<other>`; slot k has the tag `<speaker-(k-1)>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Slot(pub usize);

impl Slot {
    /// Somebody without a slot of its own.
    pub const OTHER: Slot = Slot(0);
}

/// The special tokens of a vocabulary with so many speakers' slots, in the order of their ids.
fn specials(n_slots: usize) -> Vec<String> {
    let tags = (0..n_slots).map(|slot| format!("<speaker-{slot}>"));
    let first = [UNKNOWN, SCENE, END_OF_LINE, OTHER].into_iter();
    first.map(String::from).chain(tags).collect()
}

/// Every character that a line may hold: printable ASCII, Latin-1 letters, and the punctuation of scripts.
fn alphabet() -> impl Iterator<Item = char> {
    (' '..='~')
        .chain(('\u{c0}'..='\u{ff}').filter(|c| c.is_alphabetic()))
        .chain("¡¿«»ªº–—‘’“”…".chars())
}

fn word_model<'a>(
    spec: TokenizerSpec,
    specials: &[String],
    lines: impl Iterator<Item = &'a str>,
) -> serde_json::Value {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let pieces = split_pieces();
    for line in lines {
        for piece in pieces(line) {
            *counts.entry(piece).or_default() += 1;
        }
    }
    let mut tokens: Vec<String> = specials.to_vec();
    tokens.extend(alphabet().map(String::from));
    tokens.extend(alphabet().map(|c| format!("{CONTINUES}{c}")));
    let mut frequent: Vec<(String, u32)> = counts
        .into_iter()
        .filter(|(piece, count)| *count >= spec.min_count && piece.chars().count() > 1)
        .filter(|(piece, _)| piece.chars().all(|c| alphabet().any(|known| known == c)))
        .collect();
    // The commonest first; the sort is stable, so ties stay alphabetical.
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    frequent.truncate((spec.max_vocab as usize).saturating_sub(tokens.len()));
    tokens.extend(frequent.into_iter().map(|(piece, _)| piece));
    let vocab: BTreeMap<String, usize> = tokens.into_iter().zip(0..).collect();
    json!({"type": "WordPiece", "unk_token": UNKNOWN, "continuing_subword_prefix": CONTINUES,
           "max_input_chars_per_word": 100, "vocab": vocab})
}

fn word_decoder() -> serde_json::Value {
    json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"Regex": "^##(?=.)"}, "content": ""},
        {"type": "Fuse"},
    ]})
}

/// Splits a line into the pieces of [`PIECES`], by the library's own splitter so that vocabulary and encoding agree.
fn split_pieces() -> impl Fn(&str) -> Vec<String> {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};
    let split = Split::new(
        SplitPattern::Regex(PIECES.into()),
        SplitDelimiterBehavior::Isolated,
        false,
    )
    .expect("PIECES is a constant and a valid pattern");
    move |line| {
        let mut pieces = PreTokenizedString::from(line);
        // Splitting fails only where the pattern itself cannot run; a piece is then the whole line.
        let _ = split.pre_tokenize(&mut pieces);
        pieces
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .into_iter()
            .map(|(piece, _, _)| piece.to_owned())
            .collect()
    }
}

fn subword_model<'a>(
    spec: TokenizerSpec,
    specials: &[String],
    lines: impl Iterator<Item = &'a str>,
) -> Result<serde_json::Value> {
    let trainer = BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(spec.max_vocab as usize)
        .min_frequency(u64::from(spec.min_count))
        .initial_alphabet(alphabet().collect())
        .special_tokens(
            specials
                .iter()
                .map(|s| AddedToken::from(s.clone(), true))
                .collect(),
        )
        .build();
    let mut trained = tokenizers::Tokenizer::new(BPE::default());
    let split = Split::new(
        SplitPattern::Regex(PIECES.into()),
        SplitDelimiterBehavior::Isolated,
        false,
    )
    .map_err(tokenizer_error)?;
    trained.with_pre_tokenizer(Some(PreTokenizerWrapper::Split(split)));
    let lines: Vec<&str> = lines.collect();
    trained
        .train(&mut TrainerWrapper::from(trainer), lines.into_iter())
        .map_err(tokenizer_error)?;
    let json = trained.to_string(false).map_err(tokenizer_error)?;
    let mut value: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| Error::Tokenizer(error.to_string()))?;
    // Without it, characters outside the alphabet would vanish.
    value["model"]["unk_token"] = json!(UNKNOWN);
    Ok(value["model"].take())
}

fn tokenizer_error(error: tokenizers::Error) -> Error {
    Error::Tokenizer(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 4] = [
        "Listen. The salt is white.",
        "(softly) The salt… is Inés's salt—and mine!",
        "¿Salt? Salt is not a question.",
        "Listen to the bell.",
    ];

    fn tokenizer(unit: Unit) -> Tokenizer {
        let spec = TokenizerSpec {
            unit,
            min_count: 2,
            max_vocab: 600,
        };
        Tokenizer::train(spec, 3, LINES.into_iter()).unwrap()
    }

    #[test]
    fn every_unit_gives_a_line_back_byte_for_byte() {
        for unit in [Unit::Char, Unit::Subword, Unit::Word] {
            let tokenizer = tokenizer(unit);
            for line in LINES
                .into_iter()
                .chain(["Ñandú, ## and  two spaces «never seen»", "x"])
            {
                let tokens = tokenizer.encode(line).unwrap();
                assert_eq!(tokenizer.decode(&tokens), line, "{unit}");
                assert_eq!(
                    tokenizer.inner.decode(&tokens, true).unwrap(),
                    line,
                    "{unit}, by the library's decoder"
                );
            }
        }
    }

    #[test]
    fn a_frequent_word_is_one_token_and_a_rare_one_is_spelled() {
        let tokenizer = tokenizer(Unit::Word);
        assert_eq!(tokenizer.encode(" salt").unwrap().len(), 1);
        let rare = tokenizer.encode(" salty").unwrap();
        assert_eq!(
            rare.iter().map(|&t| tokenizer.text(t)).collect::<Vec<_>>(),
            [" salt", "y"]
        );
        assert!(tokenizer.continues_word(rare[1]));
    }

    #[test]
    fn a_line_that_spells_a_special_token_is_text_like_any_other() {
        for unit in [Unit::Char, Unit::Subword, Unit::Word] {
            let tokenizer = tokenizer(unit);
            let line = "She said <eol>, then <speaker-0> and <scene>.";
            let tokens = tokenizer.encode(line).unwrap();
            assert!(!tokens.iter().any(|&token| tokenizer.is_special(token)));
            assert_eq!(tokenizer.decode(&tokens), line, "{unit}");
        }
    }

    #[test]
    fn tokenizers_agree_when_their_tokens_do() {
        let word = tokenizer(Unit::Word);
        let read = Tokenizer::from_json(&word.to_json().unwrap(), Unit::Word).unwrap();
        assert!(word.agrees_with(&read));
        assert!(!word.agrees_with(&tokenizer(Unit::Char)));
        let spec = TokenizerSpec {
            unit: Unit::Word,
            min_count: 1,
            max_vocab: 600,
        };
        let more = Tokenizer::train(spec, 3, LINES.into_iter()).unwrap();
        assert!(!word.agrees_with(&more));
    }

    #[test]
    fn a_foreign_tokenizer_is_refused() {
        let mut json: serde_json::Value =
            serde_json::from_str(&tokenizer(Unit::Word).to_json().unwrap()).unwrap();
        json["added_tokens"] = json!([]);
        let error = Tokenizer::from_json(&json.to_string(), Unit::Word).unwrap_err();
        assert!(error.to_string().contains("<scene>"), "{error}");
    }

    #[test]
    fn the_same_lines_give_the_same_bytes() {
        for unit in [Unit::Char, Unit::Subword, Unit::Word] {
            let json = tokenizer(unit).to_json().unwrap();
            assert_eq!(json, tokenizer(unit).to_json().unwrap());
            let read = Tokenizer::from_json(&json, unit).unwrap();
            assert_eq!(
                read.encode(LINES[1]).unwrap(),
                tokenizer(unit).encode(LINES[1]).unwrap()
            );
        }
    }

    #[test]
    fn special_tokens_stand_where_the_models_expect_them() {
        let tokenizer = tokenizer(Unit::Word);
        assert_eq!(tokenizer.inner.token_to_id(SCENE), Some(tokenizer.scene()));
        assert_eq!(
            tokenizer.inner.token_to_id(END_OF_LINE),
            Some(tokenizer.end_of_line())
        );
        assert_eq!(
            tokenizer.inner.token_to_id(OTHER),
            Some(tokenizer.tag(Slot::OTHER))
        );
        assert_eq!(
            tokenizer.inner.token_to_id("<speaker-0>"),
            Some(tokenizer.tag(Slot(1)))
        );
        assert_eq!(tokenizer.n_tags(), 4);
    }
}

//! What the models of a show are trained on, as one JSON document on standard output: `material WORKSPACE SHOW > material.json`.
//!
//! Sequences of tokens as `telenovela train` lays them out, for the ensemble and for each character, so that another tool can run the same recipe on
//! the same numbers (`torch_show.py`).

use std::path::Path;

use serde_json::{Value, json};
use telenovela_lm::corpus::{ACTION, Corpus, Sequence, SlotTable, Split, TargetKind};
use telenovela_lm::error::Error;
use telenovela_lm::tokenizer::{Slot, Tokenizer};
use telenovela_lm::train::LITTLE_TEXT;
use telenovela_script::character::{Base, Character, Lines};
use telenovela_script::load::Workspace;
use telenovela_script::show::{Show, ShowId};

fn document(sequences: &[Sequence]) -> Value {
    let one = |sequence: &Sequence| {
        let kinds = sequence.kinds.iter().map(|kind| match kind {
            TargetKind::Tag => -1,
            TargetKind::Line(slot) => slot.0 as i64,
        });
        json!({"tokens": sequence.tokens, "slots": sequence.slots, "targets": sequence.targets,
               "kinds": kinds.collect::<Vec<_>>(), "chars": sequence.chars})
    };
    sequences.iter().map(one).collect::<Vec<_>>().into()
}

/// A show as its trainings see it.
struct Material {
    show: Show,
    corpus: Corpus,
    split: Split,
    slots: SlotTable,
    tokenizer: Tokenizer,
}

impl Material {
    fn ensemble(&self) -> Result<Value, Error> {
        let lay_out = |scenes: &[usize]| {
            let slot_of = |speaker: &str| self.slots.slot(speaker);
            self.corpus.sequences(&self.tokenizer, scenes, slot_of)
        };
        Ok(
            json!({"train": document(&lay_out(&self.split.train)?), "dev": document(&lay_out(&self.split.dev)?)}),
        )
    }

    fn character(&self, character: &Character) -> Result<Value, Error> {
        let typed = match &character.lines {
            Lines::Inline(lines) => Some(Corpus::inline(character.id.as_str(), lines)),
            Lines::Speakers(_) | Lines::Action => None,
        };
        let corpus = typed.as_ref().unwrap_or(&self.corpus);
        let split = corpus.split(self.show.recipe.seed)?;
        let slot = match (&typed, self.slots.slot_of(character)) {
            (Some(_), _) | (None, Slot::OTHER) => self.slots.first_spare(),
            (None, slot) => slot,
        };
        let cues = match &character.lines {
            Lines::Speakers(cues) => cues.clone(),
            Lines::Action => vec![ACTION.to_owned()],
            Lines::Inline(_) => vec![character.id.to_string()],
        };
        let is_own = |speaker: &str| cues.iter().any(|cue| cue == speaker);
        let lay_out = |scenes: &[usize]| {
            let slot_of = |speaker: &str| {
                if is_own(speaker) {
                    slot
                } else {
                    self.slots.slot(speaker)
                }
            };
            corpus.sequences(&self.tokenizer, scenes, slot_of)
        };
        // Others' lines of the dev split in this mouth; their kinds still say whose they are.
        let mine_or_other = |speaker: &str| if is_own(speaker) { slot } else { Slot::OTHER };
        let mut as_me = self
            .corpus
            .sequences(&self.tokenizer, &self.split.dev, mine_or_other)?;
        let (from, to) = (self.tokenizer.tag(Slot::OTHER), self.tokenizer.tag(slot));
        for sequence in &mut as_me {
            let tokens = sequence.tokens.iter_mut().chain(&mut sequence.targets);
            tokens
                .filter(|token| **token == from)
                .for_each(|token| *token = to);
            sequence
                .slots
                .iter_mut()
                .skip(1)
                .for_each(|speaker| *speaker = slot);
        }
        let own_train = corpus.lines(&split.train, Some(&cues));
        let own_chars: usize = own_train.iter().map(|line| line.chars().count() + 1).sum();
        Ok(json!({
            "id": character.id,
            "slot": slot,
            "from_nothing": character.base == Base::None,
            "typed": typed.is_some(),
            "little_text": own_chars < LITTLE_TEXT,
            "spare": slot.0 > self.slots.speakers.len(),
            "train": document(&lay_out(&split.train)?),
            "dev": document(&lay_out(&split.dev)?),
            "as_me": document(&as_me),
        }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, root, show] = args.as_slice() else {
        return Err("usage: material WORKSPACE SHOW".into());
    };
    let workspace = Workspace::open(Path::new(root))?;
    let show = workspace.load_show(&ShowId::new(show.as_str()))?;
    let corpus = Corpus::new(&workspace.load_scripts(&show)?);
    let split = corpus.split(show.recipe.seed)?;
    let slots = SlotTable::new(&corpus, show.recipe.spare_speakers);
    let train_lines = corpus.lines(&split.train, None);
    let tokenizer = Tokenizer::train(show.tokenizer, slots.n_slots(), train_lines.into_iter())?;
    let characters = workspace.load_characters(&show.id)?;
    let material = Material {
        show,
        corpus,
        split,
        slots,
        tokenizer,
    };
    let trained: Result<Vec<Value>, Error> = characters
        .iter()
        .map(|character| material.character(character))
        .collect();
    let document = json!({
        "size": material.show.model,
        "recipe": material.show.recipe,
        "n_vocab": material.tokenizer.n_vocab(),
        "n_slots": material.slots.n_slots() + 1,
        "other_tag": material.tokenizer.tag(Slot::OTHER),
        "ensemble": material.ensemble()?,
        "characters": trained?,
    });
    println!("{document}");
    Ok(())
}

//! Training a character, from the ensemble or from nothing.

use telenovela_script::character::{Base, Character, Lines};
use telenovela_script::show::Show;

use super::facts::Facts;
use super::progress::Progress;
use super::run::{Judgement, Manner, Run};
use super::{Conduct, FEWEST_LINES, Material, n_chars_of};
use crate::corpus::{ACTION, Corpus, Sequence, Split, TargetKind};
use crate::count_table::{CountTable, CountTableBits, held_out_bits};
use crate::error::{Error, Result};
use crate::evaluate::cost;
use crate::lexicon::Lexicon;
use crate::model::Model;
use crate::network::Network;
use crate::punctuation::Punctuation;
use crate::tokenizer::{Slot, Tokenizer};
use crate::weights::{Card, Weights};

/// Below so many characters of own lines only the speaker's vector and the head are trained.
pub const LITTLE_TEXT: usize = 8_000;
/// Passes over little text in each epoch: its windows are few.
const LITTLE_TEXT_PASSES: usize = 8;
/// Fewest own lines that have to be in the training split.
const FEWEST_TRAIN_LINES: usize = 2;

/// Trains a character, from the ensemble or from nothing as its file says; from the latest checkpoint where there is one.
///
/// # Errors
/// [`Error::TooFewLines`] when there is nothing to learn from; else as [`train_ensemble`](super::train_ensemble).
pub fn train_character(
    show: &Show,
    material: &Material,
    character: &Character,
    ensemble: &Weights,
    conduct: &Conduct,
    report: &mut dyn FnMut(Progress),
) -> Result<(Weights, Card)> {
    let part = Part::new(show, material, character)?;
    let facts = Facts::of_character(show, character, &material.facts);
    let run = Run {
        who: character.id.to_string(),
        material,
        recipe: &show.recipe,
        facts: facts.clone().grown_from(ensemble),
        epochs: part.epochs(),
        passes: part.passes(),
        peak: part.peak(),
        weigh: &|kind| part.weight_of(kind),
        sample_as: part.slot,
        manner: Manner::default(),
    };
    let train = part.sequences(&part.split().train)?;
    let counted = part.count_tables();
    report(Progress::Baseline {
        bits: counted.mixed,
    });
    let model = part.model(ensemble)?;
    let exam = Exam::new(&part)?;
    let judge = |network: &Network| exam.judge(network);
    let mut trained = run.train(model, &train, conduct, report, judge)?;
    let scores = &mut trained.scores;
    scores.ensemble_voice_gap = exam.judge(&Network::new(ensemble)).voice_gap;
    let test = part.sequences(&part.split().test)?;
    let own = |who: Slot| who == part.slot;
    scores.test_bits = cost(&Network::new(&trained.weights), &test, own).per_char();
    scores.train_chars = part.n_train_chars;
    scores.count_tables = Some(counted);
    let id = character.id.to_string();
    let (weights, mut card) = material.card(show, Some(id), part.slot, &facts, trained)?;
    if part.typed.is_some() {
        card.lexicon = Lexicon::new(part.all_train_lines()).joined();
        card.punctuation = Punctuation::new(part.own_lines(&part.split().train));
    }
    Ok((weights, card))
}

/// A character as a training sees it: its slot, its cues, its lines.
struct Part<'a> {
    show: &'a Show,
    material: &'a Material,
    slot: Slot,
    /// What its lines stand under; its own name where they are typed into its file.
    cues: Vec<String>,
    /// Lines typed into its file, and how they are split.
    typed: Option<(Corpus, Split)>,
    from_nothing: bool,
    /// Characters of its own training lines.
    n_train_chars: usize,
}

impl<'a> Part<'a> {
    fn new(show: &'a Show, material: &'a Material, character: &Character) -> Result<Self> {
        let too_few = |lines: usize| Error::TooFewLines {
            who: character.id.to_string(),
            lines,
            need: FEWEST_LINES,
        };
        let typed = match &character.lines {
            Lines::Inline(lines) if lines.len() < FEWEST_LINES => {
                return Err(too_few(lines.len()));
            }
            Lines::Inline(lines) => {
                let corpus = Corpus::inline(character.id.as_str(), lines);
                let split = corpus.split(show.recipe.seed)?;
                Some((corpus, split))
            }
            Lines::Speakers(_) | Lines::Action => None,
        };
        let slot = match (&typed, material.slots.slot_of(character)) {
            // Who says too little for a slot gets one here all the same: `<other>` is everybody of that kind.
            (Some(_), _) | (None, Slot::OTHER) => material.slots.first_spare(),
            (None, slot) => slot,
        };
        let cues = match &character.lines {
            Lines::Speakers(cues) => cues.clone(),
            Lines::Action => vec![ACTION.to_owned()],
            Lines::Inline(_) => vec![character.id.to_string()],
        };
        let mut part = Self {
            show,
            material,
            slot,
            cues,
            typed,
            from_nothing: character.base == Base::None,
            n_train_chars: 0,
        };
        let own = part.own_lines(&part.split().train);
        if own.len() < FEWEST_TRAIN_LINES {
            return Err(Error::TooFewLines {
                who: character.id.to_string(),
                lines: own.len(),
                need: FEWEST_TRAIN_LINES,
            });
        }
        part.n_train_chars = n_chars_of(&own);
        Ok(part)
    }

    fn corpus(&self) -> &Corpus {
        self.typed
            .as_ref()
            .map_or(&self.material.corpus, |(corpus, _)| corpus)
    }

    fn split(&self) -> &Split {
        self.typed
            .as_ref()
            .map_or(&self.material.split, |(_, split)| split)
    }

    fn own_lines(&self, scenes: &[usize]) -> Vec<&str> {
        self.corpus().lines(scenes, Some(&self.cues))
    }

    /// Every line that its model has read: those of the scripts, and those typed into its file.
    fn all_train_lines(&self) -> impl Iterator<Item = &str> {
        let typed = self.typed.iter();
        let typed = typed.flat_map(|_| self.own_lines(&self.split().train));
        self.material.train_lines().into_iter().chain(typed)
    }

    /// A character heard under several cues speaks with one voice.
    fn slot_of(&self, speaker: &str) -> Slot {
        if self.cues.iter().any(|cue| cue == speaker) {
            self.slot
        } else {
            self.material.slots.slot(speaker)
        }
    }

    fn sequences(&self, scenes: &[usize]) -> Result<Vec<Sequence>> {
        let tokenizer = &self.material.tokenizer;
        self.corpus()
            .sequences(tokenizer, scenes, |speaker| self.slot_of(speaker))
    }

    fn has_little_text(&self) -> bool {
        self.n_train_chars < LITTLE_TEXT
    }

    fn epochs(&self) -> usize {
        if self.from_nothing {
            self.show.recipe.epochs
        } else {
            self.show.recipe.character_epochs
        }
    }

    fn passes(&self) -> usize {
        if self.has_little_text() {
            LITTLE_TEXT_PASSES
        } else {
            1
        }
    }

    /// Peak learning rate.
    fn peak(&self) -> f32 {
        let recipe = &self.show.recipe;
        match (self.from_nothing, self.has_little_text()) {
            (true, _) => recipe.lr,
            (false, true) => recipe.character_lr * 8.0,
            (false, false) => recipe.character_lr,
        }
    }

    /// What a target weighs in the loss.
    fn weight_of(&self, kind: TargetKind) -> f32 {
        match kind {
            // Typed lines follow each other in no order of turns.
            TargetKind::Tag if self.typed.is_some() => 0.0,
            TargetKind::Tag => 1.0,
            TargetKind::Line(who) if who == self.slot => 1.0,
            TargetKind::Line(_) if self.from_nothing => 0.0,
            TargetKind::Line(_) => self.show.recipe.others_weight,
        }
    }

    /// What its training starts from.
    fn model(&self, ensemble: &Weights) -> Result<Model> {
        if self.from_nothing {
            return self.material.fresh_model(self.show);
        }
        let mut model = Model::from_weights(ensemble)?;
        if self.slot.0 > self.material.slots.speakers.len() {
            let tokenizer = &self.material.tokenizer;
            let (tag, other_tag) = (tokenizer.tag(self.slot), tokenizer.tag(Slot::OTHER));
            model.begin_as_anybody(self.slot, tag, other_tag)?;
        }
        if self.has_little_text() {
            for parameter in &mut model.parameters {
                parameter.frozen = !matches!(
                    parameter.name.as_str(),
                    "speaker.weight" | "projection.weight" | "head.bias"
                );
            }
        }
        Ok(model)
    }

    /// The held-out lines under count tables.
    fn count_tables(&self) -> CountTableBits {
        let split = self.split();
        held_out_bits(
            &CountTable::new(self.own_lines(&split.train)),
            &CountTable::new(self.all_train_lines()),
            &self.own_lines(&split.dev),
            &self.own_lines(&split.test),
            self.material.n_chars(),
        )
    }
}

/// What a character's weights are judged by.
struct Exam {
    slot: Slot,
    dev: Vec<Sequence>,
    /// The dev scenes of the scripts with every line put in this character's mouth: what others say should then sound wrong.
    as_me: Vec<Sequence>,
}

impl Exam {
    fn new(part: &Part<'_>) -> Result<Self> {
        let material = part.material;
        let mine_or_other = |speaker: &str| {
            if part.slot_of(speaker) == part.slot {
                part.slot
            } else {
                Slot::OTHER
            }
        };
        let as_me = material.sequences(&material.split.dev, mine_or_other)?;
        let spoken = |sequence| spoken_by(sequence, part.slot, &material.tokenizer);
        Ok(Self {
            slot: part.slot,
            dev: part.sequences(&part.split().dev)?,
            as_me: as_me.into_iter().map(spoken).collect(),
        })
    }

    fn judge(&self, network: &Network) -> Judgement {
        let dev_bits = cost(network, &self.dev, |who| who == self.slot).per_char();
        let others = cost(network, &self.as_me, |who| who == Slot::OTHER).per_char();
        Judgement {
            dev_bits,
            voice_gap: others - dev_bits,
        }
    }
}

/// Puts every line of a sequence in one mouth; lines of `<other>` stay marked as such in the kinds of their targets.
fn spoken_by(mut sequence: Sequence, slot: Slot, tokenizer: &Tokenizer) -> Sequence {
    let (from, to) = (tokenizer.tag(Slot::OTHER), tokenizer.tag(slot));
    for token in sequence.tokens.iter_mut().chain(&mut sequence.targets) {
        if *token == from {
            *token = to;
        }
    }
    for speaker in sequence.slots.iter_mut().skip(1) {
        *speaker = slot;
    }
    sequence
}

//! What a model depends on, fact by fact: whether a file is up to date, and what has changed when a training cannot go on.

use std::collections::BTreeMap;
use std::fmt;

use telenovela_script::character::{Base, Character, Lines};
use telenovela_script::script::Script;
use telenovela_script::show::{ModelSize, PlotLineId, Precision, Recipe, Show, TokenizerSpec};

use crate::corpus::Corpus;
use crate::kernel;
use crate::weights::{Card, Weights, fingerprint};

/// Of the training itself: counts changes after which trained models are stale.
const ALGORITHM: u32 = 2;

/// Facts by name, `recipe.lr` → `0.002`. Long ones stand as their SHA-256.
///
/// A field that the recipe gains later becomes a fact only where it is not what every training did before there was such a field; so it leaves the
/// models of all others up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// What an ensemble depends on.
    pub fn of_ensemble(show: &Show, scripts: &[Script]) -> Self {
        let mut facts = Self::default();
        facts.put("format", Card::current_format());
        facts.put("algorithm", ALGORITHM);
        facts.put("scripts", digest_of(scripts));
        facts.put_show(show);
        facts
    }

    /// What a character's model depends on, beyond the ensemble that it grows from.
    pub fn of_character(show: &Show, character: &Character, ensemble: &Facts) -> Self {
        let mut facts = ensemble.clone();
        facts.put(
            "base",
            match character.base {
                Base::Ensemble => "ensemble",
                Base::None => "none",
            },
        );
        let (kind, lines): (_, &[String]) = match &character.lines {
            Lines::Speakers(cues) => ("speakers", cues),
            Lines::Action => ("action", &[]),
            Lines::Inline(lines) => ("inline", lines),
        };
        let lines = fingerprint(lines.iter().map(String::as_bytes));
        facts.put("lines", format_args!("{kind} {lines}"));
        let recipe = &show.recipe;
        facts.put("recipe.character_epochs", recipe.character_epochs);
        facts.put("recipe.character_lr", recipe.character_lr);
        facts.put("recipe.others_weight", recipe.others_weight);
        facts
    }

    /// What the model of a plot line depends on, beyond the ensemble that it grows from.
    pub(super) fn of_plot(
        show: &Show,
        plot: &PlotLineId,
        corpus: &Corpus,
        ensemble: &Facts,
    ) -> Self {
        let mut facts = ensemble.clone();
        facts.put("plot", plot);
        let scenes = corpus.scenes.iter();
        let tagged: Vec<[u8; 1]> = scenes
            .map(|scene| [u8::from(scene.is_tagged(plot.as_str()))])
            .collect();
        facts.put(
            "plot.scenes",
            fingerprint(tagged.iter().map(<[u8; 1]>::as_slice)),
        );
        facts.put("recipe.character_epochs", show.recipe.character_epochs);
        facts.put("recipe.character_lr", show.recipe.character_lr);
        facts
    }

    /// Tokenizer, size, and what of the recipe everybody depends on. Each structure is taken apart by name, so that a new field cannot be forgotten here.
    fn put_show(&mut self, show: &Show) {
        let TokenizerSpec {
            unit,
            min_count,
            max_vocab,
        } = show.tokenizer;
        self.put("tokenizer.unit", unit);
        self.put("tokenizer.min_count", min_count);
        self.put("tokenizer.max_vocab", max_vocab);
        let ModelSize {
            n_embd,
            n_speaker,
            n_hidden,
            n_layer,
        } = show.model;
        self.put("model.n_embd", n_embd);
        self.put("model.n_speaker", n_speaker);
        self.put("model.n_hidden", n_hidden);
        self.put("model.n_layer", n_layer);
        let &Recipe {
            seed,
            batch,
            bptt,
            epochs,
            character_epochs: _, // of characters alone, as are the other two
            lr,
            character_lr: _,
            others_weight: _,
            clip,
            weight_decay,
            ema,
            dropout_in,
            dropout_hidden,
            dropout_out,
            weight_drop,
            hide_speaker,
            spare_speakers,
            precision,
        } = &show.recipe;
        self.put("recipe.seed", seed);
        self.put("recipe.batch", batch);
        self.put("recipe.bptt", bptt);
        self.put("recipe.epochs", epochs);
        self.put("recipe.lr", lr);
        self.put("recipe.clip", clip);
        self.put("recipe.weight_decay", weight_decay);
        self.put("recipe.ema", ema);
        self.put("recipe.dropout_in", dropout_in);
        self.put("recipe.dropout_hidden", dropout_hidden);
        self.put("recipe.dropout_out", dropout_out);
        self.put("recipe.weight_drop", weight_drop);
        self.put("recipe.hide_speaker", hide_speaker);
        self.put("recipe.spare_speakers", spare_speakers);
        if precision == Precision::Bf16 {
            // Units round differently.
            self.put("recipe.precision", kernel::bf16_unit());
        }
    }

    /// With the very weights that a character grows from.
    pub(super) fn grown_from(mut self, ensemble: &Weights) -> Self {
        self.put("ensemble", ensemble.digest());
        self
    }

    /// States a fact. Numbers are written as the shortest decimals that mean them.
    pub(super) fn put(&mut self, name: &str, value: impl fmt::Display) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// SHA-256 of all facts, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let parts = self.0.iter();
        fingerprint(parts.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]))
    }

    /// What is otherwise now, by name.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let names: std::collections::BTreeSet<&String> =
            self.0.keys().chain(now.0.keys()).collect();
        names
            .into_iter()
            .map(|name| Change {
                name: name.clone(),
                before: self.0.get(name).cloned(),
                now: now.0.get(name).cloned(),
            })
            .filter(|change| change.before != change.now)
            .collect()
    }
}

/// A fact that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `recipe.lr`.
    pub name: String,
    /// What it was; `None` where there was no such fact.
    pub before: Option<String>,
    /// What it is.
    pub now: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Enough of a SHA-256 to see that it is another.
        const SHORT: usize = 20;
        let short = |value: &Option<String>| match value {
            Some(value) if value.chars().count() > SHORT => {
                value.chars().take(SHORT).chain(['…']).collect()
            }
            Some(value) => value.clone(),
            None => "not set".to_owned(),
        };
        let (before, now) = (short(&self.before), short(&self.now));
        write!(f, "{}: was {before}, is {now}", self.name)
    }
}

/// SHA-256 of every line of the scripts, with who speaks it and how its scene is dealt with.
fn digest_of(scripts: &[Script]) -> String {
    let corpus = Corpus::new(scripts);
    let mut text = String::new();
    for (number, scene) in corpus.scenes.iter().enumerate() {
        text.push_str(&format!(
            "\u{1}{number} {} {}\n",
            scene.episode,
            scene.plot_line()
        ));
        for turn in &scene.turns {
            text.push_str(&format!("{}\u{2}{}\n", turn.speaker, turn.text));
        }
    }
    fingerprint([text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        let mut facts = Facts::default();
        for (name, value) in pairs {
            facts.put(name, value);
        }
        facts
    }

    #[test]
    fn changes_are_told_by_name_with_what_was_and_what_is() {
        let long = "a".repeat(64);
        let was = facts(&[("recipe.lr", "0.002"), ("scripts", &long), ("same", "1")]);
        let is = facts(&[("recipe.lr", "0.003"), ("same", "1"), ("recipe.new", "2")]);
        let told: Vec<String> = was.changes(&is).iter().map(Change::to_string).collect();
        assert_eq!(
            told,
            [
                "recipe.lr: was 0.002, is 0.003",
                "recipe.new: was not set, is 2",
                "scripts: was aaaaaaaaaaaaaaaaaaaa…, is not set",
            ]
        );
        assert_ne!(was.fingerprint(), is.fingerprint());
        assert!(was.changes(&was).is_empty());
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        // Pinned: a change here makes every trained model stale.
        let facts = facts(&[("recipe.lr", "0.002"), ("tokenizer.unit", "word")]);
        assert_eq!(facts.fingerprint(), PINNED);
    }

    const PINNED: &str = "8497847a2ba569f438da5f1475c934e853a148f623439273c44211d26ee3607e";
}

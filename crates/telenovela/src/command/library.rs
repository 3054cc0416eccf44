//! The trained models of a show, and the minds made of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use telenovela_lm::copies::CopyIndex;
use telenovela_lm::corpus::{Corpus, SlotTable};
use telenovela_lm::error::Error;
use telenovela_lm::network::Numbers;
use telenovela_lm::train::Facts;
use telenovela_lm::voice::{LstmVoice, Speaker, Speakers};
use telenovela_lm::weights::Weights;
use telenovela_script::character::{Base, Character, CharacterId, Lines};
use telenovela_script::load::Workspace;
use telenovela_script::script::Script;
use telenovela_script::show::{PlotLineId, Show};

use super::note;
use crate::failure::Failure;

/// Name of the ensemble's file, beside those of the characters.
pub(super) const ENSEMBLE: &str = "ensemble";

/// Name of the file of a plot line's model, below those of the characters.
pub(super) fn plot_model(plot: &PlotLineId) -> String {
    format!("plots/{plot}")
}

/// A show with its scripts and people, and its models as they are asked for.
pub(super) struct Library<'a> {
    workspace: &'a Workspace,
    pub(super) show: Show,
    pub(super) scripts: Vec<Script>,
    pub(super) characters: Vec<Character>,
    speakers: Speakers,
    ensemble: Option<Speaker>,
    /// Models of the plot lines that are mixed in.
    plots: Vec<(PlotLineId, Speaker)>,
    copies: Arc<CopyIndex>,
    /// What an up-to-date ensemble depends on.
    pub(super) facts: Facts,
}

impl<'a> Library<'a> {
    /// Reads scripts and characters of a show.
    pub(super) fn open(workspace: &'a Workspace, show: Show) -> Result<Self, Failure> {
        let scripts = workspace.load_scripts(&show)?;
        let characters = workspace.load_characters(&show.id)?;
        let corpus = Corpus::new(&scripts);
        let lines = corpus
            .scenes
            .iter()
            .flat_map(|scene| &scene.turns)
            .map(|turn| turn.text.as_str());
        let inline = characters
            .iter()
            .flat_map(|character| match &character.lines {
                Lines::Inline(lines) => lines.as_slice(),
                _ => &[],
            });
        let copies = Arc::new(CopyIndex::new(lines.chain(inline.map(String::as_str))));
        let facts = Facts::of_ensemble(&show, &scripts);
        Ok(Self {
            workspace,
            show,
            scripts,
            characters,
            speakers: Speakers::default(),
            ensemble: None,
            plots: Vec::new(),
            copies,
            facts,
        })
    }

    /// Lets the models loaded from now on be multiplied in other numbers than those of the stage.
    pub(super) fn multiply_in(&mut self, numbers: Numbers) {
        self.speakers.numbers = numbers;
        self.ensemble = None;
    }

    /// Where the model of a character lies, or that of the ensemble.
    pub(super) fn path(&self, model: &str) -> PathBuf {
        self.workspace.model_path(&self.show.id, model)
    }

    /// The ensemble's model.
    pub(super) fn ensemble(&mut self) -> Result<Speaker, Failure> {
        if let Some(ensemble) = &self.ensemble {
            return Ok(ensemble.clone());
        }
        let path = self.path(ENSEMBLE);
        let train = self.show.id.to_string();
        let ensemble = self
            .speakers
            .load(&path)
            .map_err(|error| unusable(error, "the ensemble", train))?;
        self.ensemble = Some(ensemble.clone());
        Ok(ensemble)
    }

    /// Reads the models of plot lines, for every mind that is made from now on. One that is missing is not mixed in: the scripts may tell too little of
    /// it. One that cannot be used is told of.
    pub(super) fn mix_in(&mut self, plots: impl IntoIterator<Item = PlotLineId>) {
        let is_there = |plot: &PlotLineId| self.path(&plot_model(plot)).exists();
        let plots: Vec<PlotLineId> = plots.into_iter().filter(is_there).collect();
        if plots.is_empty() {
            return;
        }
        // Who has no ensemble hears of it with the first character that has none.
        let Ok(ensemble) = Weights::load(&self.path(ENSEMBLE)) else {
            return;
        };
        for plot in plots {
            let path = self.path(&plot_model(&plot));
            match self.speakers.load_plot(&path, &ensemble) {
                Ok(model) => self.plots.push((plot, model)),
                Err(error) => note(&format!(
                    "The model of the plot line `{plot}` is left out: {error}. Train it: telenovela train {}",
                    self.show.id
                )),
            }
        }
    }

    /// The plot lines that are mixed in.
    pub(super) fn mixed_in(&self) -> impl Iterator<Item = &PlotLineId> {
        self.plots.iter().map(|(plot, _)| plot)
    }

    /// A character's mind at the start of a scene. Says so when its model was made of other lines or by another recipe than its file tells now.
    pub(super) fn voice(&mut self, character: &Character) -> Result<LstmVoice, Failure> {
        self.voice_on(character, CharacterId::clone)
    }

    /// The mind of a character that is a guest on another show's stage, where people of its own show are called `show/id`: only those does it know, and
    /// everybody else is a stranger.
    pub(super) fn guest_voice(&mut self, character: &Character) -> Result<LstmVoice, Failure> {
        let show = self.show.id.clone();
        self.voice_on(character, |id| CharacterId::new(format!("{show}/{id}")))
    }

    /// A mind on a stage where people of this show are called as `on_stage` says.
    fn voice_on(
        &mut self,
        character: &Character,
        on_stage: impl Fn(&CharacterId) -> CharacterId,
    ) -> Result<LstmVoice, Failure> {
        let path = self.path(character.id.as_str());
        let train = character.id.to_string();
        let own = self
            .speakers
            .load(&path)
            .map_err(|error| unusable(error, &format!("`{}`", character.id), train))?;
        let facts = Facts::of_character(&self.show, character, &self.facts);
        if own.fingerprint != facts.fingerprint() {
            let id = &character.id;
            note(&format!(
                "The model of `{id}` is older than its lines or its recipe. Train it: telenovela train {id}"
            ));
        }
        let ensemble = match character.base {
            Base::Ensemble => Some(self.ensemble()?),
            Base::None => None,
        };
        let cast = self.cast(&own.slots);
        let cast = cast.into_iter().map(|(id, slot)| (on_stage(&id), slot));
        let cast = Arc::new(cast.collect());
        let voice = LstmVoice::new(
            on_stage(&character.id),
            own,
            ensemble,
            cast,
            Arc::clone(&self.copies),
        )
        .with_plots(self.plots.iter().cloned());
        Ok(match character.lines {
            Lines::Inline(_) => voice.bidding_evenly(),
            _ => voice,
        })
    }

    /// The ensemble as a mind of nobody in particular.
    pub(super) fn ensemble_voice(&mut self) -> Result<LstmVoice, Failure> {
        let own = self.ensemble()?;
        let cast = Arc::new(self.cast(&own.slots));
        Ok(LstmVoice::new(
            CharacterId::new(ENSEMBLE),
            own,
            None,
            cast,
            Arc::clone(&self.copies),
        ))
    }

    /// Whose vector each character of the show is heard with.
    fn cast(&self, slots: &SlotTable) -> HashMap<CharacterId, telenovela_lm::tokenizer::Slot> {
        self.characters
            .iter()
            .map(|character| (character.id.clone(), slots.slot_of(character)))
            .collect()
    }
}

fn unusable(error: Error, who: &str, train: String) -> Failure {
    match error {
        Error::Missing { path } => Failure::ModelMissing {
            who: who.to_owned(),
            path,
            train,
        },
        other => Failure::ModelUnusable {
            reason: other.to_string(),
            train,
        },
    }
}

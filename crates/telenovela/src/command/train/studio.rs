//! Where the models of one show are trained.

use telenovela_lm::error::Error;
use telenovela_lm::train::{
    Conduct, Facts, Material, Progress, train_character, train_ensemble, train_plot,
};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::{Character, Color};
use telenovela_script::show::PlotLineId;

use super::EnsembleWanted;
use super::desk::{Desk, Job, ModelFile, Outcome};
use super::log::Log;
use super::rehearsal::Rehearsal;
use crate::cli::Train;
use crate::command::library::{ENSEMBLE, Library, plot_model};
use crate::failure::Failure;

/// Trains the models of one show.
pub(super) struct Studio<'a> {
    pub(super) library: &'a Library<'a>,
    pub(super) material: &'a Material,
    pub(super) rehearsal: &'a Rehearsal,
    pub(super) log: &'a Log,
    pub(super) args: &'a Train,
}

/// A model that grows from the ensemble.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pupil<'a> {
    Character(&'a Character),
    PlotLine(&'a PlotLineId),
}

impl Pupil<'_> {
    /// The name of its file.
    pub(super) fn model(self) -> String {
        match self {
            Self::Character(character) => character.id.to_string(),
            Self::PlotLine(plot) => plot_model(plot),
        }
    }

    pub(super) fn color(self) -> Color {
        match self {
            Self::Character(character) => character.color,
            Self::PlotLine(_) => Color::Gray,
        }
    }
}

impl Studio<'_> {
    /// Does about the ensemble what is wanted.
    pub(super) fn ensemble(
        &self,
        wanted: EnsembleWanted,
        threads: usize,
    ) -> Result<Outcome, Failure> {
        if self.is_ensemble_done(wanted) {
            return Ok(Outcome::UpToDate);
        }
        let force = self.args.force && wanted == EnsembleWanted::Trained;
        let show = &self.library.show;
        let job = Job {
            model: ENSEMBLE,
            facts: &self.library.facts,
            force,
            threads,
            again: format!("{} --only", show.id),
        };
        self.train(job, |conduct, report| {
            train_ensemble(show, self.material, conduct, report)
        })
    }

    /// Whether nothing is left to do for the ensemble.
    pub(super) fn is_ensemble_done(&self, wanted: EnsembleWanted) -> bool {
        let force = self.args.force && wanted == EnsembleWanted::Trained;
        let is_done = || self.is_current(ENSEMBLE, &self.library.facts) && self.is_tidy(ENSEMBLE);
        wanted == EnsembleWanted::LeftAlone || !force && is_done()
    }

    /// The ensemble from which `pupil` and others grow. Waits for whoever is training it.
    pub(super) fn load_ensemble(&self, pupil: Pupil<'_>) -> Result<Weights, Failure> {
        let show = &self.library.show.id;
        let path = self.library.path(ENSEMBLE);
        let model = pupil.model();
        if !self.is_current(ENSEMBLE, &self.library.facts) {
            let lock = self.file(ENSEMBLE).lock(ENSEMBLE, self.rehearsal)?;
            let is_current = self.is_current(ENSEMBLE, &self.library.facts);
            drop(lock);
            if !is_current && !path.exists() {
                return Err(Failure::ModelMissing {
                    who: format!("the ensemble of `{show}`, from which `{model}` grows,"),
                    path,
                    train: format!("{show} --only"),
                });
            }
            if !is_current {
                return Err(Failure::ModelUnusable {
                    reason: format!(
                        "the ensemble of `{show}`, from which `{model}` grows, is older than the scripts or the recipe"
                    ),
                    train: format!("{show} --only"),
                });
            }
        }
        let (weights, _) = Weights::load(&path).map_err(Failure::Model)?;
        Ok(weights)
    }

    /// Whether nothing is left to do for a model.
    pub(super) fn is_done(&self, pupil: Pupil<'_>) -> bool {
        let model = pupil.model();
        !self.args.force && self.is_current(&model, &self.facts(pupil)) && self.is_tidy(&model)
    }

    /// Trains a model that grows from the ensemble.
    pub(super) fn pupil(
        &self,
        pupil: Pupil<'_>,
        ensemble: &Weights,
        threads: usize,
    ) -> Result<(), Failure> {
        let (show, material) = (&self.library.show, self.material);
        let job = Job {
            model: &pupil.model(),
            facts: &self.facts(pupil),
            force: self.args.force,
            threads,
            again: match pupil {
                Pupil::Character(character) => format!("{}/{}", show.id, character.id),
                Pupil::PlotLine(_) => show.id.to_string(),
            },
        };
        self.train(job, |conduct, report| match pupil {
            Pupil::Character(character) => {
                train_character(show, material, character, ensemble, conduct, report)
            }
            Pupil::PlotLine(plot) => train_plot(show, material, plot, ensemble, conduct, report),
        })?;
        Ok(())
    }

    fn facts(&self, pupil: Pupil<'_>) -> Facts {
        let Library { show, facts, .. } = self.library;
        match pupil {
            Pupil::Character(character) => Facts::of_character(show, character, facts),
            Pupil::PlotLine(plot) => self.material.facts_of_plot(show, plot),
        }
    }

    fn file(&self, model: &str) -> ModelFile {
        let trainings = self.library.path(ENSEMBLE).with_file_name(".training");
        ModelFile {
            path: self.library.path(model),
            training: trainings.join(model),
        }
    }

    fn is_current(&self, model: &str, facts: &Facts) -> bool {
        self.file(model).is_current(facts)
    }

    fn is_tidy(&self, model: &str) -> bool {
        self.file(model).is_tidy()
    }

    fn train(
        &self,
        job: Job<'_>,
        train: impl FnOnce(&Conduct, &mut dyn FnMut(Progress)) -> Result<(Weights, Card), Error>,
    ) -> Result<Outcome, Failure> {
        let desk = Desk {
            show: &self.library.show.id,
            rehearsal: self.rehearsal,
            log: self.log,
            args: self.args,
        };
        desk.train(&self.file(job.model), job, train)
    }
}

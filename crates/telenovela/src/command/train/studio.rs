//! Where the models of one show are trained: each under its lock, from its checkpoint, into its file.

use std::path::PathBuf;

use telenovela_lm::corpus::Corpus;
use telenovela_lm::error::Error;
use telenovela_lm::train::{
    Cadence, Checkpoints, Conduct, Facts, Material, Progress, train_character, train_ensemble,
    train_plot,
};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::{Character, Color};
use telenovela_script::show::PlotLineId;

use super::EnsembleWanted;
use super::lock::Lock;
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

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The file is as it was.
    UpToDate,
    /// It is new.
    Trained,
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

/// One model to train.
struct Job<'a> {
    model: &'a str,
    /// What it depends on.
    facts: &'a Facts,
    /// Whether it is trained though it is up to date, and from the start.
    force: bool,
    threads: usize,
    /// What to name on the command line to train it anew.
    again: String,
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
            let lock = self.lock(ENSEMBLE)?;
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
            Pupil::PlotLine(plot) => {
                Facts::of_plot(show, plot, &Corpus::new(&self.library.scripts), facts)
            }
        }
    }

    /// Whether a model's file is what training would make of these facts. Without a usable file there is nothing up to date.
    fn is_current(&self, model: &str, facts: &Facts) -> bool {
        Card::load(&self.library.path(model))
            .is_ok_and(|card| card.fingerprint == facts.fingerprint())
    }

    /// Whether no training has left anything behind.
    fn is_tidy(&self, model: &str) -> bool {
        !self.training_path(model).exists()
    }

    /// Where a training keeps its checkpoints; its lock lies beside it.
    fn training_path(&self, model: &str) -> PathBuf {
        self.library
            .path(ENSEMBLE)
            .with_file_name(".training")
            .join(model)
    }

    fn lock(&self, model: &str) -> Result<Lock, Failure> {
        let path = self.training_path(model).with_extension("lock");
        let waiting = |holder: Option<u32>| {
            let holder = holder.map_or("another process".to_owned(), |id| format!("process {id}"));
            self.rehearsal.say(&format!(
                "{model:12} is being trained by {holder}; waiting for it"
            ));
        };
        Lock::take(&path, waiting).map_err(|source| Failure::Io {
            what: path.display().to_string(),
            source,
        })
    }

    /// Trains a model while nobody else does, puts it into its file, and removes its checkpoints.
    fn train(
        &self,
        job: Job<'_>,
        train: impl FnOnce(&Conduct, &mut dyn FnMut(Progress)) -> Result<(Weights, Card), Error>,
    ) -> Result<Outcome, Failure> {
        let Job { model, force, .. } = job;
        if self.rehearsal.interest.is_lost() {
            return Err(Failure::Stopped);
        }
        let _lock = self.lock(model)?;
        let cadence = self.args.checkpoint_every;
        let cadence = cadence.map_or(Cadence::Cheap, |n| Cadence::Steps(n as usize));
        let checkpoints = Checkpoints::new(self.training_path(model), cadence);
        // Another process may have trained it while this one waited, or one may have ended just before it could tidy up.
        let is_current = !force && self.is_current(model, job.facts);
        if force || is_current {
            checkpoints.clear().map_err(Failure::Model)?;
        }
        if is_current {
            return Ok(Outcome::UpToDate);
        }
        let mut report = self.rehearsal.bar(model);
        let mut log = self.log.of(&self.library.show.id, model);
        let conduct = Conduct {
            threads: job.threads,
            checkpoints: Some(checkpoints.clone()),
            interest: self.rehearsal.interest.clone(),
        };
        let trained = train(&conduct, &mut |progress| {
            log.write(&progress);
            report.show(progress);
        });
        let (weights, card) = trained.map_err(|error| match error {
            Error::Changed { .. } => Failure::TrainingChanged {
                reason: error.to_string(),
                train: job.again,
            },
            Error::Stopped { .. } => Failure::Stopped,
            other => Failure::Model(other),
        })?;
        checkpoints
            .publish(&weights, &card, &self.library.path(model))
            .and_then(|()| checkpoints.clear())
            .map_err(Failure::Model)?;
        log.finish(&card);
        report.finish(&card);
        Ok(Outcome::Trained)
    }
}

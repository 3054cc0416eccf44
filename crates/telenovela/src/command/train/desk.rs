//! How any model is trained: under its lock, from its checkpoint, into its file.

use std::path::PathBuf;

use telenovela_lm::error::Error;
use telenovela_lm::train::{Cadence, Checkpoints, Conduct, Facts, Progress};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::show::ShowId;

use super::lock::Lock;
use super::log::Log;
use super::rehearsal::Rehearsal;
use crate::cli::Train;
use crate::failure::Failure;

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The file is as it was.
    UpToDate,
    /// It is new.
    Trained,
}

/// One model to train.
pub(super) struct Job<'a> {
    pub(super) model: &'a str,
    /// What it depends on.
    pub(super) facts: &'a Facts,
    /// Whether it is trained though it is up to date, and from the start.
    pub(super) force: bool,
    pub(super) threads: usize,
    /// What to name on the command line to train it anew.
    pub(super) again: String,
}

/// Where a model lies, trained or not.
pub(super) struct ModelFile {
    pub(super) path: PathBuf,
    /// Where its training keeps its checkpoints; its lock lies beside it.
    pub(super) training: PathBuf,
}

impl ModelFile {
    /// Whether it is what training would make of these facts. Without a usable file there is nothing up to date.
    pub(super) fn is_current(&self, facts: &Facts) -> bool {
        Card::load(&self.path).is_ok_and(|card| card.fingerprint == facts.fingerprint())
    }

    /// Whether no training has left anything behind.
    pub(super) fn is_tidy(&self) -> bool {
        !self.training.exists()
    }

    /// Waits until nobody else trains it.
    pub(super) fn lock(&self, model: &str, rehearsal: &Rehearsal) -> Result<Lock, Failure> {
        let path = self.training.with_extension("lock");
        let waiting = |holder: Option<u32>| {
            let holder = holder.map_or("another process".to_owned(), |id| format!("process {id}"));
            rehearsal.say(&format!(
                "{model:12} is being trained by {holder}; waiting for it"
            ));
        };
        Lock::take(&path, waiting).map_err(|source| Failure::Io {
            what: path.display().to_string(),
            source,
        })
    }
}

/// What every training of a show is told with, and by what it is carried out.
pub(super) struct Desk<'a> {
    pub(super) show: &'a ShowId,
    pub(super) rehearsal: &'a Rehearsal,
    pub(super) log: &'a Log,
    pub(super) args: &'a Train,
}

impl Desk<'_> {
    /// Trains a model while nobody else does, puts it into its file, and removes its checkpoints.
    pub(super) fn train(
        &self,
        file: &ModelFile,
        job: Job<'_>,
        train: impl FnOnce(&Conduct, &mut dyn FnMut(Progress)) -> Result<(Weights, Card), Error>,
    ) -> Result<Outcome, Failure> {
        let Job { model, force, .. } = job;
        if self.rehearsal.interest.is_lost() {
            return Err(Failure::Stopped);
        }
        let _lock = file.lock(model, self.rehearsal)?;
        let cadence = self.args.checkpoint_every;
        let cadence = cadence.map_or(Cadence::Cheap, |n| Cadence::Steps(n as usize));
        let checkpoints = Checkpoints::new(file.training.clone(), cadence);
        // Another process may have trained it while this one waited, or one may have ended just before it could tidy up.
        let is_current = !force && file.is_current(job.facts);
        if force || is_current {
            checkpoints.clear().map_err(Failure::Model)?;
        }
        if is_current {
            return Ok(Outcome::UpToDate);
        }
        let mut report = self.rehearsal.bar(model);
        let mut log = self.log.of(self.show, model);
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
            .publish(&weights, &card, &file.path)
            .and_then(|()| checkpoints.clear())
            .map_err(Failure::Model)?;
        log.finish(&card);
        report.finish(&card);
        Ok(Outcome::Trained)
    }
}

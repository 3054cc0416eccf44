//! Why a command failed, what the user is told, and the exit code.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use miette::{Diagnostic, LabeledSpan, NamedSource, Report};
use telenovela_lm::error::Error as ModelError;
use telenovela_script::problem::{Problem, Problems};
use telenovela_script::save::{LogError, SaveError};
use telenovela_script::text::sanitize;
use telenovela_stage::error::StageError;

use crate::tui::TuiError;

/// Everything a command can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Files of the workspace are not as they should be.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// What was asked for makes no sense here; the text says what would.
    #[error("{0}")]
    Input(String),
    /// A model has not been trained.
    #[error("{who} has no trained model ({})\n  train it: telenovela train {train}", path.display())]
    ModelMissing {
        /// Whose.
        who: String,
        /// Where it should be.
        path: PathBuf,
        /// What to name on the command line.
        train: String,
    },
    /// A model cannot be used.
    #[error("{reason}\n  train it again: telenovela train {train} --force")]
    ModelUnusable {
        /// What is wrong with it.
        reason: String,
        /// What to name on the command line.
        train: String,
    },
    /// A training cannot go on as it was begun.
    #[error(
        "{reason}\n  put it back as it was and the training goes on, or begin anew: telenovela train {train} --force"
    )]
    TrainingChanged {
        /// What has changed.
        reason: String,
        /// What to name on the command line.
        train: String,
    },
    /// The user has stopped a training; its place is kept.
    #[error("stopped")]
    Stopped,
    /// Training failed.
    #[error(transparent)]
    Model(ModelError),
    /// A file could not be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The stage broke down.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The screen broke down.
    #[error(transparent)]
    Tui(#[from] TuiError),
    /// Something else could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Problems(_) | Failure::Input(_) | Failure::Log(LogError::Damaged { .. }) => 3,
            Failure::TrainingChanged { .. } => 3,
            Failure::Model(ModelError::TooFewLines { .. } | ModelError::TooFewScenes { .. }) => 3,
            Failure::ModelMissing { .. } | Failure::ModelUnusable { .. } => 4,
            Failure::Save(_) | Failure::Log(_) | Failure::Io { .. } | Failure::Tui(_) => 5,
            Failure::Model(ModelError::Io { .. } | ModelError::Save(_)) => 5,
            Failure::Stage(StageError::Log(_)) => 5,
            Failure::Model(_) | Failure::Stage(_) | Failure::Stopped => 1,
        }
    }
}

/// Tells the user on standard error, and gives the exit code.
pub fn report(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Problems(problems) => print_problems(problems.iter()),
        other => {
            let mut text = format!("Error: {other}");
            let mut cause = std::error::Error::source(other);
            while let Some(error) = cause {
                // Transparent variants repeat their cause.
                let error_text = error.to_string();
                if !text.contains(&error_text) {
                    text.push_str(&format!(": {error_text}"));
                }
                cause = error.source();
            }
            // Standard error may be closed; there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{}", sanitize(&text));
        }
    }
    ExitCode::from(failure.exit_code())
}

/// Prints problems with the lines they stand on.
pub fn print_problems<'a>(problems: impl IntoIterator<Item = &'a Problem>) {
    for problem in problems {
        let report = match &problem.place {
            // miette draws the line with its caret; where there is no place the plain sentence says all.
            Some(place) => {
                let source =
                    NamedSource::new(problem.path.to_string_lossy(), place.source.to_string());
                format!(
                    "{:?}",
                    Report::new(Excerpt(problem.clone())).with_source_code(source)
                )
            }
            None => format!("Error: {problem}\n"),
        };
        let _ = writeln!(std::io::stderr(), "{report}");
    }
}

/// A problem as miette shows it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
struct Excerpt(Problem);

impl Diagnostic for Excerpt {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.0.place.as_ref()?;
        let label = match (&self.0.found, &self.0.expected) {
            (Some(found), Some(expected)) => Some(format!("found {found}, expected {expected}")),
            (Some(found), None) => Some(format!("found {found}")),
            (None, Some(expected)) => Some(format!("expected {expected}")),
            (None, None) => Some("here".to_owned()),
        };
        Some(Box::new(std::iter::once(LabeledSpan::new(
            label,
            place.offset,
            place.len,
        ))))
    }
}

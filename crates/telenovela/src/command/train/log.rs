//! What happens in trainings, as JSON lines for other programs: `train --log FILE`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};
use telenovela_lm::train::Progress;
use telenovela_lm::weights::Card;
use telenovela_script::show::ShowId;

use crate::failure::Failure;

/// Lines are added at the end of a file, one write each, so that several processes can share it; `-` is standard output.
pub(super) struct Log {
    to: Option<Mutex<Destination>>,
    what: String,
}

struct Destination {
    out: Out,
    /// Of the first line that could not be written.
    failure: Option<io::Error>,
}

enum Out {
    File(File),
    StandardOutput,
}

impl Log {
    /// Without a path nothing is written.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let what = path.map_or(String::new(), |path| path.display().to_string());
        let out = match path {
            None => None,
            Some(path) if path == Path::new("-") => Some(Out::StandardOutput),
            Some(path) => match OpenOptions::new().append(true).create(true).open(path) {
                Ok(file) => Some(Out::File(file)),
                Err(source) => return Err(Failure::Io { what, source }),
            },
        };
        let to = out.map(|out| Mutex::new(Destination { out, failure: None }));
        Ok(Self { to, what })
    }

    pub(super) fn is_standard_output(&self) -> bool {
        let to = self.to.as_ref().and_then(|to| to.lock().ok());
        to.is_some_and(|to| matches!(to.out, Out::StandardOutput))
    }

    /// The log of one training.
    pub(super) fn of<'a>(&'a self, show: &ShowId, model: &str) -> ModelLog<'a> {
        ModelLog {
            log: self,
            show: show.to_string(),
            model: model.to_owned(),
            began: Instant::now(),
            chars_before: 0,
        }
    }

    fn write(&self, line: &Value) {
        // A training that panicked with the log in hand has been told about already.
        let Some(mut to) = self.to.as_ref().and_then(|to| to.lock().ok()) else {
            return;
        };
        let line = format!("{line}\n");
        let written = match &mut to.out {
            Out::File(file) => file.write_all(line.as_bytes()),
            Out::StandardOutput => {
                let mut out = io::stdout().lock();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
        };
        if let Err(error) = written {
            to.failure.get_or_insert(error);
        }
    }

    /// Tells whether every line could be written. A log that fails ends no training.
    pub(super) fn close(self) -> Result<(), Failure> {
        let failure = self
            .to
            .and_then(|to| to.into_inner().ok())
            .and_then(|to| to.failure);
        match failure {
            // A reader that has gone is no failure.
            Some(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Io {
                what: self.what,
                source,
            }),
            _ => Ok(()),
        }
    }
}

/// The log of one training.
pub(super) struct ModelLog<'a> {
    log: &'a Log,
    show: String,
    model: String,
    began: Instant,
    /// Read before this process took over.
    chars_before: usize,
}

impl ModelLog<'_> {
    pub(super) fn write(&mut self, progress: &Progress) {
        match progress {
            Progress::Started { epochs, .. } => self.line("started", json!({"epochs": epochs})),
            Progress::Spoiled(spoiled) => self.line(
                "spoiled",
                json!({"checkpoint": spoiled.path, "reason": spoiled.reason}),
            ),
            Progress::Resumed {
                epochs,
                step,
                chars,
                ..
            } => {
                self.chars_before = *chars;
                self.line("resumed", json!({"epochs": epochs, "step": step}));
            }
            Progress::Paced { threads, most } => {
                self.line("paced", json!({"threads": threads, "most": most}));
            }
            Progress::Step { .. } | Progress::Baseline { .. } => {}
            Progress::Epoch { metrics, sample } => {
                let read = metrics.chars.saturating_sub(self.chars_before) as f64;
                let rate = read / self.began.elapsed().as_secs_f64().max(1e-3);
                let mut fields = json!(metrics);
                fields["chars_per_second"] = json!(rate.round());
                fields["sample"] = json!(sample);
                self.line("epoch", fields);
            }
            Progress::Saved { step } => self.line("checkpoint", json!({"step": step})),
        }
    }

    pub(super) fn finish(&self, card: &Card) {
        self.line(
            "done",
            json!({
                "kept_epoch": card.scores.epoch,
                "dev_bits": card.scores.dev_bits,
                "test_bits": card.scores.test_bits,
                "seconds": self.began.elapsed().as_secs_f64(),
            }),
        );
    }

    fn line(&self, event: &str, fields: Value) {
        let mut line = json!({"event": event, "show": self.show, "model": self.model});
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
            line.extend(fields);
        }
        self.log.write(&line);
    }
}

//! The progress of trainings: a screen, bars, or a line per epoch.

use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use telenovela_lm::train::Progress;
use telenovela_lm::weights::Card;
use telenovela_script::character::Color;
use telenovela_script::text::sanitize;
use telenovela_script::voice::Interest;

use super::screen::{Gate, Outcome, Screen};
use crate::cli::Look;
use crate::command::note;
use crate::failure::Failure;
use crate::tui::rehearsal::News;
use crate::tui::{Left, TuiError};

/// The progress of several trainings at once: a screen on a terminal, bars where only messages reach one, else a line per epoch.
pub(super) struct Rehearsal {
    bars: MultiProgress,
    on_terminal: bool,
    /// The screen, while it stands.
    screen: Mutex<Option<Screen>>,
    /// Holds those who learn while the user wants it.
    gate: Gate,
    /// What was said while the screen stood: it is said again when it has closed.
    said: Mutex<Vec<String>>,
    /// Whether anybody still waits for what is trained.
    pub(super) interest: Interest,
}

impl Rehearsal {
    /// On no screen.
    pub(super) fn new() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            on_terminal,
            screen: Mutex::default(),
            gate: Gate::default(),
            said: Mutex::default(),
            interest: Interest::default(),
        }
    }

    /// On a screen, for these models in this order; on none where there is nothing to train or the terminal cannot be used.
    pub(super) fn on_screen(look: Look, show: &str, models: Vec<(String, Color)>) -> Self {
        let mut rehearsal = Self::new();
        if models.is_empty() {
            return rehearsal;
        }
        let interest = rehearsal.interest.clone();
        if let Some(screen) = Screen::open(look, show.to_owned(), interest) {
            rehearsal.bars.set_draw_target(ProgressDrawTarget::hidden());
            rehearsal.gate = screen.gate.clone();
            screen.tell(News::Expected(models));
            rehearsal.screen = Mutex::new(Some(screen));
        }
        rehearsal
    }

    pub(super) fn bar(&self, who: &str) -> Report<'_> {
        Report {
            rehearsal: self,
            who: who.to_owned(),
            bar: self.bars.add(ProgressBar::new(0)),
            began: Instant::now(),
            epochs: 0,
            chars: 0,
            chars_before: 0,
            bits: None,
        }
    }

    /// Tells the screen, if it stands; false where there is none.
    fn tell(&self, news: News) -> bool {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        match &*screen {
            Some(screen) => {
                screen.tell(news);
                true
            }
            None => false,
        }
    }

    /// Says a line above the bars.
    pub(super) fn say(&self, line: &str) {
        if self.tell(News::Said(line.to_owned())) {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push(line.to_owned());
        } else if self.on_terminal {
            // A terminal that is gone shows nothing anyhow.
            let _ = self.bars.println(line);
        } else {
            note(line);
        }
    }

    /// Gives the terminal back after a training: what came of it, or how the user has left who stopped it.
    pub(super) fn close_after<T>(
        &self,
        outcome: Result<T, Failure>,
    ) -> Result<ControlFlow<Left, T>, Failure> {
        let left = self.close()?;
        match outcome {
            Err(Failure::Stopped) => Ok(ControlFlow::Break(left.unwrap_or(Left::ByChoice))),
            outcome => outcome.map(ControlFlow::Continue),
        }
    }

    /// Gives the terminal back; how the user has left, where there was a screen.
    fn close(&self) -> Result<Option<Left>, TuiError> {
        // As above.
        let _ = self.bars.clear();
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(screen) = screen.take() else {
            return Ok(None);
        };
        let Outcome { left, reports } = screen.close();
        let said = std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner));
        for line in said.iter().chain(&reports) {
            note(line);
        }
        left.map(Some)
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        // A training that failed has more to say than a screen that could not be closed.
        let _ = self.close();
    }
}

/// The progress of one training.
pub(super) struct Report<'a> {
    rehearsal: &'a Rehearsal,
    who: String,
    bar: ProgressBar,
    began: Instant,
    epochs: usize,
    chars: usize,
    /// Read before this process took over.
    chars_before: usize,
    /// Smoothed over some steps.
    bits: Option<f64>,
}

impl Report<'_> {
    pub(super) fn show(&mut self, progress: Progress) {
        self.rehearsal.gate.pass();
        let is_shown = self
            .rehearsal
            .tell(News::Progress(self.who.clone(), progress.clone()));
        match progress {
            Progress::Started {
                epochs,
                chars_per_epoch,
                little_text,
            } => {
                self.epochs = epochs;
                self.bar.set_length((epochs * chars_per_epoch) as u64);
                // The template is a constant; were it wrong, the plain bar would do.
                if let Ok(style) = ProgressStyle::with_template(
                    "{prefix:12} {bar:28} {percent:>3}%  {msg}  {eta} left",
                ) {
                    self.bar.set_style(style);
                }
                self.bar.set_prefix(self.who.clone());
                if little_text {
                    let why = "has little text: only its speaker's vector and its head are trained";
                    self.rehearsal.say(&format!("{:12} {why}", self.who));
                }
            }
            Progress::Step { chars, bits } => {
                self.chars = chars;
                let smoothed = self
                    .bits
                    .map_or(bits, |so_far| so_far + 0.05 * (bits - so_far));
                self.bits = Some(smoothed);
                self.bar.set_position(chars as u64);
                self.bar.set_message(format!(
                    "{smoothed:.3} bits/char  {:.0} chars/s",
                    self.rate()
                ));
            }
            Progress::Spoiled(spoiled) => {
                self.rehearsal.say(&format!(
                    "{:12} {}: passed over, because {}",
                    self.who,
                    spoiled.path.display(),
                    sanitize(&spoiled.reason)
                ));
            }
            Progress::Resumed {
                epochs,
                step,
                chars,
                ..
            } => {
                (self.chars, self.chars_before) = (chars, chars);
                self.bar.set_position(chars as u64);
                self.bar.reset_eta();
                self.rehearsal.say(&format!(
                    "{:12} goes on from its checkpoint: {epochs} of {} epochs are over, {step} steps in all",
                    self.who, self.epochs
                ));
            }
            Progress::Paced { threads, most } => self.rehearsal.say(&format!(
                "{:12} takes its steps on {threads} of {most} cores, the fastest here",
                self.who
            )),
            Progress::Saved { .. } | Progress::Baseline { .. } => {}
            // The screen shows it better.
            Progress::Epoch { .. } if is_shown => {}
            Progress::Epoch { metrics, sample } => {
                let mark = if metrics.best { '*' } else { ' ' };
                self.rehearsal.say(&format!(
                    "{:12} {:3}/{:<3} train {:.3}  dev {:.3}{mark} {:6.0} chars/s  {}",
                    self.who,
                    metrics.epoch,
                    self.epochs,
                    metrics.train_bits,
                    metrics.dev_bits,
                    self.rate(),
                    sanitize(&sample)
                ));
            }
        }
    }

    /// Characters of text per second since this process began with it, evaluation included.
    fn rate(&self) -> f64 {
        (self.chars - self.chars_before) as f64 / self.began.elapsed().as_secs_f64().max(1e-3)
    }

    pub(super) fn finish(&self, card: &Card) {
        self.bar.finish_and_clear();
        self.rehearsal.tell(News::finished(&self.who, card));
        self.rehearsal.say(&format!(
            "{:12} done in {:.0} s: kept epoch {}, test {:.3} bits/char",
            self.who,
            self.began.elapsed().as_secs_f64(),
            card.scores.epoch,
            card.scores.test_bits
        ));
    }
}

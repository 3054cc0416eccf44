//! The progress of trainings: bars on a terminal, else a line per epoch.

use std::io::IsTerminal as _;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use telenovela_lm::train::Progress;
use telenovela_lm::weights::Card;
use telenovela_script::text::sanitize;

use crate::command::note;

/// The progress of several trainings at once: bars on a terminal, else a line per epoch.
pub(super) struct Rehearsal {
    bars: MultiProgress,
    on_terminal: bool,
}

impl Rehearsal {
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
        }
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

    /// Says a line above the bars.
    pub(super) fn say(&self, line: &str) {
        if self.on_terminal {
            // A terminal that is gone shows nothing anyhow.
            let _ = self.bars.println(line);
        } else {
            note(line);
        }
    }

    pub(super) fn close(&self) {
        // As above.
        let _ = self.bars.clear();
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
            Progress::Saved { .. } => {}
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
        self.rehearsal.say(&format!(
            "{:12} done in {:.0} s: kept epoch {}, test {:.3} bits/char",
            self.who,
            self.began.elapsed().as_secs_f64(),
            card.scores.epoch,
            card.scores.test_bits
        ));
    }
}

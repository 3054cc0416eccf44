//! A line being spoken: first its silence, then its characters at the speaker's pace.

use telenovela_script::event::{Provenance, Utterance};
use unicode_segmentation::UnicodeSegmentation;

use super::document::{BREATHS, Typing};

/// Silences shorter than this are only felt; longer ones breathe visibly.
const BREATH_AFTER_MS: f64 = 500.0;
/// A phase of the breathing.
const BREATH_MS: f64 = 420.0;

/// The line being spoken.
#[derive(Debug)]
pub(super) struct Speaking {
    /// Of its event.
    pub(super) seq: u64,
    /// Whose words they are.
    pub(super) provenance: Provenance,
    /// Silence so far and in all, in milliseconds.
    silent_ms: f64,
    pause_ms: f64,
    /// Characters that should have been typed by now.
    due: f64,
    /// Characters per millisecond.
    pace: f64,
    /// Where each character ends, in bytes.
    ends: Vec<usize>,
}

impl Speaking {
    /// A line that begins now, at `cps` characters per second.
    pub(super) fn new(seq: u64, utterance: &Utterance, cps: f32) -> Self {
        let ends = utterance
            .text
            .grapheme_indices(true)
            .map(|(at, grapheme)| at + grapheme.len());
        Self {
            seq,
            provenance: utterance.provenance,
            silent_ms: 0.0,
            pause_ms: utterance.pause_ms as f64,
            due: 0.0,
            // As the stage counts it: nobody is slower than a character a second.
            pace: f64::from(cps.max(1.0)) / 1_000.0,
            ends: ends.collect(),
        }
    }

    /// Lets performance time pass; what is left of it when the line is finished, `None` as long as it is not.
    pub(super) fn pass(&mut self, ms: f64) -> Option<f64> {
        let silent = (self.pause_ms - self.silent_ms).min(ms);
        self.silent_ms += silent;
        self.due += (ms - silent) * self.pace;
        let beyond = self.due - self.ends.len() as f64;
        (self.typing() == Typing::Whole).then(|| beyond / self.pace)
    }

    /// How far the line has come.
    pub(super) fn typing(&self) -> Typing {
        if self.silent_ms < self.pause_ms {
            let visible = self.pause_ms > BREATH_AFTER_MS;
            let phase = (self.silent_ms / BREATH_MS) as usize % BREATHS.len();
            return Typing::Breathing(visible.then_some(phase));
        }
        let n_typed = self.due as usize;
        if n_typed >= self.ends.len() {
            return Typing::Whole;
        }
        Typing::UpTo(n_typed.checked_sub(1).map_or(0, |last| self.ends[last]))
    }

    /// Silence still to come, in milliseconds.
    pub(super) fn silence_left_ms(&self) -> u64 {
        (self.pause_ms - self.silent_ms) as u64
    }

    /// Since the first word, in milliseconds.
    pub(super) fn spoken_ms(&self) -> u64 {
        (self.due / self.pace) as u64
    }
}

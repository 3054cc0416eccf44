//! What the camera and the orchestra add where tension is high. None of it is in the log: it follows from the events, and is the same for the same ones.

use telenovela_script::event::{Event, EventKind};

use super::ledger::Ledger;
use crate::language::{Language, Phrase};

/// From here on a drum is heard, a violin, all the strings.
const DRUM: f32 = 0.5;
const VIOLIN: f32 = 0.7;
const STRINGS: f32 = 0.9;
/// The strings let go where tension falls by so much.
const FALL: f32 = 0.3;
/// A silence before a line that the camera uses.
const LONG_PAUSE_MS: u64 = 1_200;
/// Lines between two moves of the camera at least: one that never rests is no drama.
const CAMERA_RESTS: u32 = 3;

/// A cue of the orchestra's or the camera's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Whose.
    pub symbol: char,
    /// What is heard or seen.
    pub text: String,
    /// Whether it belongs to the line that follows.
    pub is_of_next_line: bool,
}

/// What camera and orchestra did last.
#[derive(Debug, Default)]
pub struct Staging {
    tension: Option<f32>,
    lines_since_camera: u32,
}

impl Staging {
    /// What the camera does before an event that the ledger has taken in.
    pub fn before(&mut self, ledger: &Ledger, event: &Event, language: Language) -> Option<Cue> {
        let EventKind::Utterance(spoken) = &event.kind else {
            return None;
        };
        self.lines_since_camera += 1;
        let utterance = &spoken.utterance;
        let is_seen = ledger
            .member(&utterance.speaker)
            .is_some_and(|member| !member.offstage);
        let is_tense = self.tension.is_some_and(|tension| tension >= VIOLIN);
        if !is_seen || !is_tense || self.lines_since_camera <= CAMERA_RESTS {
            return None;
        }
        let phrase = if utterance.pause_ms >= LONG_PAUSE_MS {
            Phrase::CameraSlowlyOn
        } else if utterance.delivery.is_some() {
            Phrase::CameraCloseOn
        } else {
            Phrase::CameraCutTo
        };
        self.lines_since_camera = 0;
        Some(Cue {
            symbol: '◉',
            text: language.fill(phrase, &[&utterance.name]),
            is_of_next_line: true,
        })
    }

    /// What the orchestra does after an event.
    pub fn after(&mut self, _: &Ledger, event: &Event, language: Language) -> Option<Cue> {
        let EventKind::BeatEntered { tension, .. } = event.kind else {
            return None;
        };
        let before = self.tension.replace(tension).unwrap_or(0.0);
        let rises_over = |level: f32| tension >= level && before < level;
        let phrase = if rises_over(STRINGS) {
            Phrase::MusicStrings
        } else if rises_over(VIOLIN) {
            Phrase::MusicViolin
        } else if rises_over(DRUM) {
            Phrase::MusicDrum
        } else if before - tension >= FALL && before >= DRUM {
            Phrase::MusicLetsGo
        } else {
            return None;
        };
        Some(Cue {
            symbol: '♪',
            text: language.say(phrase).to_owned(),
            is_of_next_line: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample::Events;

    /// Every cue of a performance whose beats are so tense, with three lines in each.
    fn cues(tensions: &[f32]) -> Vec<String> {
        let mut events = Events::default();
        events.start();
        for &tension in tensions {
            events.tense_beat("A beat", tension);
            for _ in 0..3 {
                events.line("ines", None, "Stay.");
            }
        }
        let (mut ledger, mut staging) = (Ledger::default(), Staging::default());
        let mut cues = Vec::new();
        for event in events.list() {
            ledger.apply(event);
            cues.extend(staging.before(&ledger, event, Language::English));
            cues.extend(staging.after(&ledger, event, Language::English));
        }
        cues.into_iter().map(|cue| cue.text).collect()
    }

    #[test]
    fn the_orchestra_follows_the_tension() {
        assert_eq!(cues(&[0.1, 0.2]), [""; 0]);
        let music = cues(&[0.5, 0.55, 0.2]);
        assert_eq!(music, ["a drum, far off", "the strings let go"]);
    }

    #[test]
    fn the_camera_moves_at_high_tension_and_not_at_every_line() {
        let seen = cues(&[0.1, 0.95, 0.95]);
        assert_eq!(
            seen,
            ["all the strings at once", "cut to Inés", "cut to Inés"]
        );
    }
}

//! Pauses and pace in performance time. No clock is read: the log's `at_ms` is added up from these numbers.
//!
//! *Where* a pause stands comes from the line: its delivery («(through tears)», «(pause)»), an opening «…», and how the line before it ended
//! («…» trails off, «—» is cut off). *How long* it is comes from the tension of the beat and from the character, or from the author.

use telenovela_script::character::Delivery;

/// Silence between two lines of a calm conversation, in milliseconds: as long as it takes to read a short one again.
const BASE_MS: f32 = 800.0;
/// After a line that was cut off with «—», the next one comes at once.
const CUT_IN_MS: f32 = 60.0;
/// Added when the line before trailed off with «…».
const TRAILING_MS: f32 = 600.0;
/// Added when this line itself begins with «…», «—» or «(pause)».
const HESITATION_MS: f32 = 500.0;
/// No pause that a rule finds is longer; an author may go further.
const LONGEST_MS: f32 = 4_000.0;

/// Stems of words in a delivery, and the milliseconds they add. English and Spanish; the longest addition counts.
const DELIVERIES: &[(&str, f32)] = &[
    ("silen", 1_500.0), // silence, silencio
    ("pause", 1_100.0),
    ("pausa", 1_100.0),
    ("beat", 900.0),
    ("tears", 800.0), // but not: tearing the letter
    ("tearf", 800.0),
    ("lágrima", 800.0),
    ("sobb", 800.0), // but not: sobre la mesa
    ("solloz", 800.0),
    ("weep", 800.0),
    ("llor", 800.0),
    ("slow", 700.0),
    ("lent", 700.0),
    ("turn", 600.0), // turning away, turning to the camera
    ("trembl", 500.0),
    ("tembl", 500.0),
    ("whisper", 400.0),
    ("susurr", 400.0),
    ("soft", 400.0),
    ("quiet", 400.0),
];

/// Stems of deliveries that leave no time for a pause.
const HURRIED: &[&str] = &[
    "interrupt",
    "interrump",
    "cutting",
    "quick",
    "rápid",
    "hurried",
];

/// Silence before a line, in milliseconds of performance time.
///
/// `before` is the line heard last, `authored_ms` the author's own word, which is kept as it stands. Otherwise the pause is
/// (base + what the line asks for) × (0.8 + 0.8 · tension) × the character's `pause_scale`, at most four seconds, in steps of 10 ms.
pub fn pause_ms(
    before: Option<&str>,
    delivery: Option<&str>,
    text: &str,
    tension: f32,
    character: &Delivery,
    authored_ms: Option<u64>,
) -> u64 {
    if let Some(ms) = authored_ms {
        return ms;
    }
    let words = crate::words::words(delivery.unwrap_or_default());
    let begins_with = |stem: &&str| words.iter().any(|word| word.starts_with(*stem));
    let cut_off = before.is_some_and(|line| line.trim_end().ends_with(['—', '–']));
    if cut_off || HURRIED.iter().any(begins_with) {
        return round_to_10(CUT_IN_MS * character.pause_scale);
    }
    let style = DELIVERIES
        .iter()
        .filter(|(stem, _)| begins_with(stem))
        .map(|(_, ms)| *ms)
        .fold(0.0, f32::max);
    let trailing = if before.is_some_and(trails_off) {
        TRAILING_MS
    } else {
        0.0
    };
    let hesitation = if hesitates(text) { HESITATION_MS } else { 0.0 };
    let ms = (BASE_MS + style + trailing + hesitation)
        * (0.8 + 0.8 * tension.clamp(0.0, 1.0))
        * character.pause_scale;
    round_to_10(ms.min(LONGEST_MS))
}

/// Pace of a line, in characters per second: the character's own × (0.85 + 0.3 · tension), to a tenth. Calm people take their time, and thunder
/// does not.
pub fn pace(cps: f32, tension: f32) -> f32 {
    (cps * (0.85 + 0.3 * tension.clamp(0.0, 1.0)) * 10.0).round() / 10.0
}

/// How long the words take to be typed, in milliseconds of performance time: characters ÷ characters per second.
pub fn speaking_ms(text: &str, cps: f32) -> u64 {
    // A pace below one character a second would hold the performance for minutes.
    (text.chars().count() as f64 * 1_000.0 / f64::from(cps.max(1.0))).round() as u64
}

fn trails_off(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with('…') || line.ends_with("...")
}

fn hesitates(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(['…', '—', '–'])
        || line.starts_with("...")
        || line.contains("(pause)")
        || line.contains("(pausa)")
}

fn round_to_10(ms: f32) -> u64 {
    (ms.max(0.0) / 10.0).round() as u64 * 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Delivery = Delivery {
        cps: 32.0,
        pause_scale: 1.0,
    };

    #[test]
    fn tears_take_longer_than_words_and_thunder_longer_than_calm() {
        let plain = pause_ms(Some("Go."), None, "No.", 0.0, &PLAIN, None);
        let tears = pause_ms(Some("Go."), Some("through tears"), "No.", 0.0, &PLAIN, None);
        let thunder = pause_ms(Some("Go."), Some("through tears"), "No.", 1.0, &PLAIN, None);
        // 800 × 0.8; (800 + 800) × 0.8; (800 + 800) × 1.6.
        assert_eq!((plain, tears, thunder), (640, 1280, 2560));
    }

    #[test]
    fn a_line_that_trails_off_leaves_a_silence_and_one_cut_off_leaves_none() {
        let after = |before| pause_ms(Some(before), None, "You signed.", 0.25, &PLAIN, None);
        assert_eq!(after("If only…"), 1400);
        assert_eq!(after("If only"), 800);
        assert_eq!(after("If only you —"), 60);
    }

    #[test]
    fn the_author_has_the_last_word() {
        assert_eq!(
            pause_ms(None, Some("silence"), "…", 1.0, &PLAIN, Some(7_500)),
            7_500
        );
    }

    #[test]
    fn no_rule_makes_a_pause_of_minutes() {
        let patient = Delivery {
            cps: 0.0,
            pause_scale: 100.0,
        };
        assert_eq!(
            pause_ms(None, Some("long silence"), "…", 1.0, &patient, None),
            4_000
        );
        assert_eq!(speaking_ms("Yes.", patient.cps), 4_000);
    }

    #[test]
    fn tension_quickens_the_pace() {
        assert_eq!(pace(32.0, 0.5), 32.0);
        assert_eq!((pace(32.0, 0.0), pace(32.0, 1.0)), (27.2, 36.8));
    }

    #[test]
    fn speaking_counts_characters_not_bytes() {
        assert_eq!(speaking_ms("¿Éé", 30.0), 100);
    }
}

//! The held-out figures of trained models, as a table.

use telenovela_lm::weights::Card;

use crate::command::library::{ENSEMBLE, Library};

/// Bits per character on the test split, beside the count tables.
pub(super) fn figures(library: &Library<'_>, models: impl Iterator<Item = String>) -> String {
    let mut table = String::from(
        "\nTest bits per character, and the same lines under count tables (character 6-grams) of\nown lines, of all lines, and of both mixed. Voice: how much dearer others' lines are in this\nmouth, in dev bits per character; in brackets, under the ensemble.\n\n",
    );
    table.push_str(&format!(
        "{:18} {:>7} {:>8} {:>8} {:>8} {:>8} {:>15} {:>6}\n",
        "model", "own KB", "test", "own", "all", "mixed", "voice", "epoch"
    ));
    for model in models {
        let Ok(card) = Card::load(&library.path(&model)) else {
            continue;
        };
        let scores = &card.scores;
        // No bits are no figure: none of its lines are in the test split.
        let counted = scores.test_bits > 0.0;
        let test = if counted {
            format!("{:.3}", scores.test_bits)
        } else {
            "-".to_owned()
        };
        let [own, all, mixed] = match scores.count_tables.as_ref().filter(|_| counted) {
            Some(bits) if model == ENSEMBLE => ["-".into(), format!("{:.3}", bits.all), "-".into()],
            Some(bits) => [bits.own, bits.all, bits.mixed].map(|bits| format!("{bits:.3}")),
            None => ["-".into(), "-".into(), "-".into()],
        };
        // Who has no lines in the dev split cannot be told from others there.
        let voice = if model == ENSEMBLE || scores.dev_bits == 0.0 {
            "-".to_owned()
        } else {
            format!("{:.3} ({:.3})", scores.voice_gap, scores.ensemble_voice_gap)
        };
        table.push_str(&format!(
            "{model:18} {:7.1} {test:>8} {own:>8} {all:>8} {mixed:>8} {voice:>15} {:6}\n",
            scores.train_chars as f64 / 1000.0,
            scores.epoch
        ));
    }
    table
}

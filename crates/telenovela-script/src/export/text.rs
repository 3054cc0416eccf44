//! For a terminal.

use std::fmt::Write as _;

use super::{Step, Transcript, clock, heading, mark, outcome, reason, share};
use crate::text::one_line;

pub(super) fn render(transcript: &Transcript<'_>) -> String {
    let playbill = transcript.playbill;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{}: {}",
        one_line(&playbill.show_title),
        one_line(&playbill.title),
    );
    if let Some(heading) = transcript.heading() {
        let _ = writeln!(out, "{heading}");
    }
    if let Some(premise) = &playbill.premise {
        let _ = writeln!(out, "\n{}", one_line(premise));
    }
    let mut after_beat = false;
    for step in &transcript.steps {
        if !after_beat {
            out.push('\n');
        }
        let _ = match step {
            Step::Scene {
                title,
                setting,
                premise,
            } => {
                let premise = premise.map_or_else(String::new, |text| one_line(text) + "\n");
                let heading = one_line(&heading(setting));
                writeln!(out, "=== {} ===\n{heading}\n{premise}", one_line(title))
            }
            Step::Card(card) => writeln!(out, "        {}", one_line(card)),
            Step::Beat { title } => writeln!(out, "--- {} ---\n", one_line(title)),
            Step::Seen(what) => writeln!(out, "        ({})", one_line(what)),
            Step::Line { at_ms, spoken } => {
                let utterance = &spoken.utterance;
                let delivery = utterance
                    .delivery
                    .as_deref()
                    .map(|delivery| format!(" ({})", one_line(delivery)))
                    .unwrap_or_default();
                let mark = mark(utterance.provenance)
                    .map(|mark| format!(" {mark}"))
                    .unwrap_or_default();
                writeln!(
                    out,
                    "{:>6}  {}{delivery}\n        {}{mark}",
                    clock(*at_ms),
                    one_line(&utterance.name.to_uppercase()),
                    one_line(&utterance.text)
                )
            }
        };
        after_beat = matches!(step, Step::Beat { .. } | Step::Scene { .. });
    }
    match &transcript.ending {
        Some(ending) => {
            let _ = writeln!(
                out,
                "\n{:>6}  {}\n",
                clock(ending.at_ms),
                one_line(ending.card)
            );
            for thread in ending.threads {
                let _ = writeln!(out, "{}", one_line(&outcome(thread)));
            }
            let _ = writeln!(out, "{}; {}.", reason(ending.reason), share(ending));
        }
        None => out.push_str("\nThe performance broke off here.\n"),
    }
    let legend = transcript.legend();
    if !legend.is_empty() {
        out.push('\n');
    }
    for (mark, meaning) in legend {
        let _ = writeln!(out, "{mark} {meaning}");
    }
    out
}

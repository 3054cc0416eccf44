//! For a page.

use std::fmt::Write as _;

use super::{Step, Transcript, clock, heading, mark, outcome, reason, share};
use crate::text::one_line;

pub(super) fn render(transcript: &Transcript<'_>) -> String {
    let playbill = transcript.playbill;
    let mut out = format!("# {}\n\n", escape(&playbill.title));
    // Writing to a string cannot fail.
    let heading_of_all = transcript.heading();
    let heading_of_all =
        heading_of_all.map_or_else(String::new, |heading| format!(" · {}", escape(&heading)));
    let _ = writeln!(
        out,
        "*{}*{heading_of_all} · seed {}",
        escape(&playbill.show_title),
        playbill.seed
    );
    if let Some(premise) = &playbill.premise {
        let _ = writeln!(out, "\n> {}", escape(premise));
    }
    for step in &transcript.steps {
        let _ = match step {
            Step::Scene {
                title,
                setting,
                premise,
            } => {
                let premise =
                    premise.map_or_else(String::new, |text| format!("\n> {}\n", escape(text)));
                let heading = escape(&heading(setting));
                write!(out, "\n# {}\n\n{heading}\n{premise}", escape(title))
            }
            Step::Card(card) => writeln!(out, "\n**{}**", escape(card)),
            Step::Beat { title } => writeln!(out, "\n## {}", escape(title)),
            Step::Seen(what) => writeln!(out, "\n*{}.*", escape(what)),
            Step::Line { at_ms, spoken } => {
                let utterance = &spoken.utterance;
                let delivery = utterance
                    .delivery
                    .as_deref()
                    .map(|delivery| format!(" *({})*", escape(delivery)))
                    .unwrap_or_default();
                let mark = mark(utterance.provenance)
                    .map(|mark| format!(" \\{mark}"))
                    .unwrap_or_default();
                writeln!(
                    out,
                    "\n`{}` **{}**{delivery}: {}{mark}",
                    clock(*at_ms),
                    escape(&utterance.name),
                    escape(&utterance.text)
                )
            }
        };
    }
    match &transcript.ending {
        Some(ending) => {
            let _ = writeln!(
                out,
                "\n**{}** `{}`",
                escape(ending.card),
                clock(ending.at_ms)
            );
            if !ending.threads.is_empty() {
                out.push('\n');
            }
            for thread in ending.threads {
                let _ = writeln!(out, "- {}", escape(&outcome(thread)));
            }
            let _ = writeln!(out, "\n{}; {}.", reason(ending.reason), share(ending));
        }
        None => out.push_str("\n*The performance broke off here.*\n"),
    }
    for (mark, meaning) in transcript.legend() {
        let _ = writeln!(out, "\n\\{mark} {meaning}");
    }
    out
}

/// Puts a backslash before what Markdown would take for markup.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in one_line(text).chars() {
        if "\\`*_[]<>&~|".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

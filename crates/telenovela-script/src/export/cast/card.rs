//! The first and the last thing that is seen.

use super::tape::{BOLD, DIM, ITALIC, RESET, Tape, centered, color, wrapped};
use super::thread;
use crate::event::{EndReason, ThreadState};
use crate::export::timeline::Timeline;
use crate::export::{reason, repeat_command, share};
use crate::text::one_line;

/// Silence before the end card, in milliseconds,
const BEFORE_END_MS: u64 = 1_500;
/// between what it tells,
const BETWEEN_MS: u64 = 700;
/// and after all of it.
const AFTER_END_MS: u64 = 6_000;

/// Gives the terminal back: no style, a cursor.
const AS_IT_WAS: &str = "\x1b[0m\x1b[?25h";

/// The title card, in the middle of the screen.
pub(super) fn title(timeline: &Timeline<'_>, columns: usize, rows: u16) -> String {
    let playbill = timeline.playbill;
    let narrow = (columns - 4).min(56);
    let mut card: Vec<String> = Vec::new();
    let mut block = |text: &str, style: &str| {
        card.extend(
            wrapped(text, narrow)
                .iter()
                .map(|row| centered(row, style, columns)),
        );
        if !text.is_empty() {
            card.push(String::new());
        }
    };
    block(&one_line(&playbill.show_title).to_uppercase(), BOLD);
    block(&one_line(&playbill.title), "\x1b[1;3;33m");
    block(timeline.heading.as_deref().unwrap_or(""), "");
    block(&one_line(playbill.premise.as_deref().unwrap_or("")), DIM);
    let mut names = String::new();
    let mut cells = 0;
    for member in &playbill.cast {
        let name = one_line(&member.name);
        let gap = if cells > 0 { 3 } else { 0 };
        let width = unicode_width::UnicodeWidthStr::width(name.as_str());
        if cells + gap + width > narrow && cells > 0 {
            card.push(padded(&names, cells, columns));
            names.clear();
            cells = 0;
        } else {
            names.push_str(&" ".repeat(gap));
            cells += gap;
        }
        names.push_str(&format!("{BOLD}{}{name}{RESET}", color(member.color)));
        cells += width;
    }
    card.push(padded(&names, cells, columns));
    // What does not fit is cut at the bottom: names before words.
    card.truncate(usize::from(rows));
    let top = (usize::from(rows) - card.len()) / 2;
    format!("\x1b[2J\x1b[{};1H{}", top + 1, card.join("\r\n"))
}

/// The end card, thread by thread; what has no room scrolls away.
pub(super) fn end(
    tape: &mut Tape,
    timeline: &Timeline<'_>,
    columns: usize,
    rows: u16,
    end_ms: u64,
) {
    let narrow = (columns - 4).min(64);
    let margin = " ".repeat((columns - narrow) / 2);
    let mut at_ms = end_ms + BEFORE_END_MS;
    tape.write(at_ms, &format!("\x1b[r\x1b[2J\x1b[{};1H", rows.min(3)));
    let Some(ending) = &timeline.ending else {
        tape.write(
            at_ms,
            &centered("The performance broke off here.", ITALIC, columns),
        );
        tape.write(at_ms + AFTER_END_MS, AS_IT_WAS);
        return;
    };
    for row in wrapped(&one_line(ending.card), narrow) {
        tape.write(at_ms, &format!("{}\r\n", centered(&row, BOLD, columns)));
    }
    if ending.reason != EndReason::Concluded {
        let why = format!("{}.", reason(ending.reason));
        tape.write(at_ms, &format!("{}\r\n", centered(&why, ITALIC, columns)));
    }
    for outcome in ending.threads {
        at_ms += BETWEEN_MS;
        let (style, symbol) = thread(outcome.state);
        tape.write(at_ms, &format!("\r\n{margin}{style}{symbol}{RESET} "));
        let question = wrapped(&one_line(&outcome.question), narrow - 2);
        tape.write(
            at_ms,
            &format!("{}\r\n", question.join(&format!("\r\n{margin}  "))),
        );
        let resolution = outcome.resolution.as_deref().map(one_line);
        let resolution = resolution.filter(|_| outcome.state == ThreadState::Resolved);
        let resolution = resolution.unwrap_or_else(|| "Nobody knows.".to_owned());
        at_ms += BETWEEN_MS;
        for row in wrapped(&resolution, narrow - 2) {
            tape.write(at_ms, &format!("{margin}  {ITALIC}{row}{RESET}\r\n"));
        }
    }
    at_ms += BETWEEN_MS;
    if ending.generated_words + ending.authored_words > 0 {
        let share = share(ending);
        tape.write(at_ms, &format!("\r\n{margin}{DIM}{share}{RESET}\r\n"));
    }
    let again = repeat_command(timeline.playbill);
    for row in wrapped(&again, narrow) {
        tape.write(at_ms, &format!("{margin}{row}\r\n"));
    }
    tape.write(at_ms + AFTER_END_MS, AS_IT_WAS);
}

/// A row with styles in it, which takes so many cells, in the middle.
fn padded(row: &str, cells: usize, columns: usize) -> String {
    format!("{}{row}", " ".repeat(columns.saturating_sub(cells) / 2))
}

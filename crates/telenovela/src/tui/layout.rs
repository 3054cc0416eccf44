//! An entry of the script as lines of a given width: the steps of a screenplay.

use std::ops::Range;

use ratatui::layout::Alignment;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::card;
use super::document::{Entry, Speech};
use super::ledger;
use super::theme::Theme;
use crate::language::{Language, Phrase};
use crate::wrap::{self, wrap};

/// Lines of text are not wider than this, for the eye's sake.
const MEASURE: u16 = 72;

/// Where the words of a speech stand in its block.
#[derive(Debug)]
pub(super) struct TextLines {
    /// Its first line in the block.
    pub(super) first: usize,
    /// Cells before it.
    pub(super) indent: usize,
    /// Its lines, in bytes of the text.
    pub(super) ranges: Vec<Range<usize>>,
}

/// Cells of the widest line in an area of this width: a margin of two on either side.
pub(super) fn measure(width: u16) -> u16 {
    width.saturating_sub(4).clamp(1, MEASURE)
}

/// The lines of an entry, and where the words of a speech stand among them.
pub(super) fn laid_out(
    entry: &Entry,
    measure: u16,
    theme: Theme,
    language: Language,
) -> (Vec<Line<'static>>, Option<TextLines>) {
    let columns = usize::from(measure);
    match entry {
        Entry::Title(title) => (card::title(title, columns, theme), None),
        Entry::End(end) => (card::end(end, columns, theme, language), None),
        Entry::Beat { number, title } => (vec![beat_rule(*number, title, columns, theme)], None),
        Entry::Direction(text) => {
            let lines = wrap::wrapped(text, columns)
                .map(|line| Line::styled(line.to_owned(), theme.direction()));
            (lines.collect(), None)
        }
        Entry::Cue(cue) => {
            let text = wrap::ellipsized(&format!("{} {}", cue.symbol, cue.text), columns);
            let line = Line::styled(text, theme.direction()).alignment(Alignment::Right);
            (vec![line], None)
        }
        Entry::Speech(speech) => {
            let (lines, text) = speech_lines(speech, columns, theme, language);
            (lines, Some(text))
        }
    }
}

/// How the words of a speech look: who is only heard speaks in italics, in a colour of its own.
pub(super) fn words_style(speech: &Speech, theme: Theme) -> Style {
    match speech.is_offstage {
        true => theme.ink(speech.color).add_modifier(Modifier::ITALIC),
        false => Style::new(),
    }
}

fn beat_rule(number: usize, title: &str, columns: usize, theme: Theme) -> Line<'static> {
    let title = wrap::ellipsized(&format!("{number} · {title}"), columns.saturating_sub(8));
    let n_after = columns.saturating_sub(wrap::width(&title) + 4);
    Line::from(vec![
        Span::styled("── ", theme.dim()),
        Span::raw(title),
        Span::styled(format!(" {}", "─".repeat(n_after)), theme.dim()),
    ])
}

/// Name, delivery and words in the steps of a screenplay.
fn speech_lines(
    speech: &Speech,
    columns: usize,
    theme: Theme,
    language: Language,
) -> (Vec<Line<'static>>, TextLines) {
    let (name_at, delivery_at, indent) = match (columns >= 56, speech.is_offstage) {
        (true, false) => (20, 13, 6),
        // Who is only heard speaks across the stage.
        (true, true) => (20, 13, 3),
        (false, false) => (8, 5, 2),
        (false, true) => (8, 5, 1),
    };
    let padding = |cells: usize| Span::raw(" ".repeat(cells));
    let voice_over = match speech.is_offstage {
        true => format!(" ({})", language.say(Phrase::VoiceOver)),
        false => String::new(),
    };
    let name = wrap::ellipsized(
        &speech.name.to_uppercase(),
        columns.saturating_sub(name_at + 2 + wrap::width(&voice_over)),
    );
    let mut first = vec![
        padding(name_at),
        Span::styled(name, theme.name(speech.color)),
    ];
    if speech.is_offstage {
        first.push(Span::styled(voice_over, theme.dim()));
    }
    if let Some((mark, _)) = ledger::mark(speech.provenance) {
        first.push(Span::styled(format!(" {mark}"), theme.dim()));
    }
    let mut lines = vec![Line::from(first)];
    if let Some(delivery) = &speech.delivery {
        let text = format!("({delivery})");
        for (index, line) in
            wrap::wrapped(&text, columns.saturating_sub(delivery_at + indent)).enumerate()
        {
            // Under the first letter, not under the parenthesis.
            let at = if index == 0 {
                delivery_at
            } else {
                delivery_at + 1
            };
            lines.push(Line::from(vec![
                padding(at),
                Span::styled(line.to_owned(), theme.delivery()),
            ]));
        }
    }
    let text = TextLines {
        first: lines.len(),
        indent,
        ranges: wrap(&speech.text, columns.saturating_sub(2 * indent)),
    };
    for range in &text.ranges {
        let words = format!("{}{}", " ".repeat(indent), &speech.text[range.clone()]);
        lines.push(Line::styled(words, words_style(speech, theme)));
    }
    if text.ranges.is_empty() {
        // The silence before a line without words still has a place to stand.
        lines.push(Line::default());
    }
    (lines, text)
}

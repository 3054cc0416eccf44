//! The input line, in the place of the footer.

use ratatui::Frame;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};
use unicode_segmentation::UnicodeSegmentation;

use super::status::{hints, hints_line};
use super::{draw_line, inset};
use crate::language::Phrase;
use crate::tui::app::App;
use crate::tui::input_line::InputLine;
use crate::tui::keymap::Context;
use crate::wrap::{ellipsized, width};

/// Draws the line, its end where it is longer than the row, and what is wrong with it.
pub fn input(app: &App, line: &InputLine, area: Rect, frame: &mut Frame) {
    let inner = inset(area);
    let prompt = app.language.say(Phrase::SayPrompt);
    let buffer = frame.buffer_mut();
    let room = usize::from(inner.width).saturating_sub(width(prompt));
    let before = fitting_end(line.before_cursor(), room.saturating_sub(1));
    let after = &line.text()[line.before_cursor().len()..];
    let mut written = Line::from(vec![
        Span::styled(prompt, app.theme.strong()),
        Span::raw(before.to_owned()),
    ]);
    let cursor = written.width();
    written.push_span(Span::raw(after.to_owned()));
    let used = written.width();
    draw_line(&written, inner, 0, buffer);

    let left = usize::from(inner.width).saturating_sub(used + 3);
    let hint = if line.text().is_empty() {
        Line::styled(app.language.say(Phrase::SayHint), app.theme.dim())
    } else {
        hints_line(app, &hints(app, Context::Input))
    };
    if hint.width() <= left {
        draw_line(&hint.alignment(Alignment::Right), inner, 0, buffer);
    }
    if let Some(problem) = &line.problem {
        // The row above the input: whatever stands there can wait.
        let above = Rect {
            y: area.y.saturating_sub(1),
            ..area
        };
        Clear.render(above, buffer);
        let problem = Line::styled(
            ellipsized(problem, usize::from(inner.width)),
            app.theme.warning(),
        );
        draw_line(
            &problem,
            Rect {
                y: above.y,
                ..inner
            },
            0,
            buffer,
        );
    }
    frame.set_cursor_position(Position {
        x: inner.x + cursor as u16,
        y: inner.y,
    });
}

/// The end of a text that fits into so many cells.
pub(super) fn fitting_end(text: &str, cells: usize) -> &str {
    let mut from = text.len();
    for (at, _) in text.grapheme_indices(true).rev() {
        if width(&text[at..]) > cells {
            break;
        }
        from = at;
    }
    &text[from..]
}

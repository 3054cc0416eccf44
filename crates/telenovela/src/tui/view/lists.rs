//! Lists to choose from, over the script: the commands by name, and what a performance can be exported as.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use telenovela_script::export::ExportFormat;

use super::input::fitting_end;
use super::{card, draw_line};
use crate::language::Phrase;
use crate::tui::app::App;
use crate::tui::palette::Palette;
use crate::tui::theme::Theme;
use crate::wrap::{ellipsized, width, wrapped};

/// Size of the palette, its frame included.
const PALETTE: (u16, u16) = (62, 18);
const MENU: u16 = 62;

/// Draws the commands that fit what is typed, from the one that is chosen.
pub fn palette(app: &App, palette: &Palette, screen: Rect, frame: &mut Frame) {
    let title = app.language.say(Phrase::PaletteTitle);
    let inner = card(app.theme, title, "Esc", PALETTE, screen, frame.buffer_mut());
    let columns = usize::from(inner.width);
    let buffer = frame.buffer_mut();
    let before = fitting_end(palette.line().before_cursor(), columns.saturating_sub(4));
    let after = &palette.line().text()[palette.line().before_cursor().len()..];
    let typed = Line::from(vec![
        Span::styled("› ", app.theme.strong()),
        Span::raw(before.to_owned()),
        Span::raw(after.to_owned()),
    ]);
    draw_line(&typed, inner, 0, buffer);
    let fitting = palette.fitting();
    if fitting.is_empty() {
        let nothing = app.language.say(Phrase::PaletteNothing);
        draw_line(&Line::styled(nothing, app.theme.dim()), inner, 2, buffer);
    }
    let rows = usize::from(inner.height).saturating_sub(2);
    let first = first_visible(palette.place(), fitting.len(), rows);
    let entries = fitting.iter().enumerate().skip(first).take(rows);
    for (row, (place, entry)) in entries.enumerate() {
        let is_chosen = place == palette.place();
        let line = entry_line(app.theme, &entry.name, entry.key, is_chosen, columns);
        draw_line(&line, inner, row + 2, buffer);
    }
    frame.set_cursor_position(Position {
        x: inner.x + 2 + width(before) as u16,
        y: inner.y,
    });
}

/// Draws what the performance can be exported as.
pub fn menu(app: &App, chosen: usize, screen: Rect, buffer: &mut Buffer) {
    let columns = usize::from(MENU.min(screen.width).saturating_sub(4));
    let mut lines = Vec::new();
    for (place, format) in ExportFormat::ALL.into_iter().enumerate() {
        let file = app
            .language
            .fill(Phrase::MenuAs, &[&format!(".{}", format.extension())]);
        let name = format!("{:<10}{file}", format.name());
        lines.push(entry_line(app.theme, &name, "", place == chosen, columns));
    }
    if let Some(log) = &app.log {
        lines.push(Line::default());
        let kept = app.language.fill(Phrase::MenuLog, &[log]);
        let parts =
            wrapped(&kept, columns).map(|part| Line::styled(part.to_owned(), app.theme.dim()));
        lines.extend(parts);
    }
    let title = app.language.say(Phrase::MenuTitle);
    let size = (MENU, lines.len() as u16 + 2);
    let inner = card(app.theme, title, "Esc", size, screen, buffer);
    for (row, line) in lines.iter().enumerate() {
        draw_line(line, inner, row, buffer);
    }
}

/// First row of a list that shows the chosen entry, near the middle where there are more.
pub(in crate::tui) fn first_visible(chosen: usize, n_entries: usize, rows: usize) -> usize {
    chosen
        .saturating_sub(rows / 2)
        .min(n_entries.saturating_sub(rows))
}

/// A name and its key, over the whole width where it is chosen.
pub(in crate::tui) fn entry_line(
    theme: Theme,
    name: &str,
    key: &str,
    is_chosen: bool,
    columns: usize,
) -> Line<'static> {
    let room = columns.saturating_sub(width(key) + 3);
    let name = ellipsized(name, room);
    let gap = columns.saturating_sub(width(&name) + width(key) + 2);
    let (style, key_style) = match is_chosen {
        true => (theme.chosen(), theme.chosen()),
        false => (Style::new(), theme.dim()),
    };
    Line::from(vec![
        Span::styled(format!(" {name}{}", " ".repeat(gap)), style),
        Span::styled(format!("{key} "), key_style),
    ])
}

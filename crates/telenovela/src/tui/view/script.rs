//! The script: a column of text in the middle of its area.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::draw_line;
use crate::language::Phrase;
use crate::tui::app::App;

/// Rows of light at the edge of the falling curtain.
const LIGHT: usize = 3;

/// Draws the visible lines of the script.
pub fn script(app: &App, area: Rect, buffer: &mut Buffer) {
    let measure = app.document.measure().min(area.width);
    let column = Rect {
        x: area.x + (area.width - measure) / 2,
        width: measure,
        ..area
    };
    if app.ledger.playbill.is_none() {
        let waiting = app.language.say(Phrase::HouseLights);
        let line = Line::styled(waiting, app.theme.direction()).alignment(Alignment::Center);
        draw_line(&line, column, usize::from(area.height / 2), buffer);
        return;
    }
    let lines = app.document.visible();
    // The title card hangs a little above the middle until the first line is spoken.
    let first = if app.document.is_title_alone() {
        usize::from(area.height).saturating_sub(lines.len()) * 2 / 5
    } else {
        0
    };
    for (index, line) in lines.iter().enumerate() {
        draw_line(line, column, first + index, buffer);
    }
    select(app, column, buffer);
    sweep(app, area, buffer);
}

/// A bar in the margin, beside the selected line.
fn select(app: &App, column: Rect, buffer: &mut Buffer) {
    let Some(rows) = app.document.selected_rows() else {
        return;
    };
    let color = app.selected_line().map(|spoken| {
        let speaker = &spoken.utterance.speaker;
        app.theme.name(app.ledger.color(speaker))
    });
    for row in rows {
        let y = column.y + u16::try_from(row).unwrap_or(u16::MAX);
        let x = column.x.saturating_sub(2);
        if y < column.bottom() && buffer.area.contains((x, y).into()) {
            buffer.set_string(x, y, "▌", color.unwrap_or_default());
        }
    }
}

/// The curtain of light at the climax: it falls once from the top, with the script dark below its edge. Nothing blinks.
fn sweep(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(fallen) = app.sweep() else {
        return;
    };
    let height = usize::from(area.height);
    let edge = (fallen * (height + LIGHT) as f64) as usize;
    for (index, y) in (area.top()..area.bottom()).enumerate() {
        let modifier = if index >= edge {
            Modifier::DIM
        } else if index + LIGHT >= edge {
            Modifier::BOLD
        } else {
            continue;
        };
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.modifier |= modifier;
            }
        }
    }
}

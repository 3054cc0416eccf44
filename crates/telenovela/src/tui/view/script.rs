//! The script: a column of text in the middle of its area.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;

use super::draw_line;
use crate::tui::app::App;

/// Draws the visible lines of the script.
pub fn script(app: &App, area: Rect, buffer: &mut Buffer) {
    let measure = app.document.measure().min(area.width);
    let column = Rect {
        x: area.x + (area.width - measure) / 2,
        width: measure,
        ..area
    };
    if app.ledger.playbill.is_none() {
        let line = Line::styled("The house lights go down…", app.theme.direction())
            .alignment(Alignment::Center);
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
}

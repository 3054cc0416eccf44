//! Draws the screen: `view(&App, frame)` reads the state and nothing else.

pub mod cast;
pub mod help;
pub mod input;
pub mod script;
pub mod status;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::app::{App, Front};

/// Below this, nothing can be read.
pub const SMALLEST: (u16, u16) = (40, 10);
/// From so many columns on, cast, arc and loose ends stand beside the script.
const PANEL_FROM: u16 = 100;
const PANEL_WIDTH: u16 = 36;
/// From so many rows on, there is air under the header.
const AIRY_FROM: u16 = 16;

/// Where things are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The first row.
    pub header: Rect,
    /// The script.
    pub script: Rect,
    /// Cast, arc and loose ends, if there is room.
    pub panel: Option<Rect>,
    /// The same in one row, where there is none.
    pub fold: Option<Rect>,
    /// The last row.
    pub footer: Rect,
}

/// Where things are drawn on a screen of this size.
pub fn areas(screen: Rect) -> Areas {
    if is_too_small(screen) {
        return Areas::default();
    }
    let row = |y| Rect {
        y,
        height: 1,
        ..screen
    };
    let air = u16::from(screen.height >= AIRY_FROM);
    let has_panel = screen.width >= PANEL_FROM;
    let fold = (!has_panel).then(|| row(screen.bottom() - 2));
    let top = screen.y + 1 + air;
    // The footer, the fold where there is one, and air.
    let n_below = 1 + u16::from(!has_panel) + air;
    let body = Rect {
        y: top,
        height: screen.bottom() - n_below - top,
        ..screen
    };
    let panel = has_panel.then(|| Rect {
        x: screen.right() - PANEL_WIDTH,
        width: PANEL_WIDTH,
        ..body
    });
    let script = Rect {
        width: if has_panel {
            screen.width - PANEL_WIDTH
        } else {
            screen.width
        },
        ..body
    };
    Areas {
        header: row(screen.y),
        script,
        panel,
        fold,
        footer: row(screen.bottom() - 1),
    }
}

/// Draws everything.
pub fn view(app: &App, frame: &mut Frame) {
    let screen = frame.area();
    if is_too_small(screen) {
        too_small(screen, frame.buffer_mut());
        return;
    }
    let areas = areas(screen);
    status::header(app, areas.header, frame.buffer_mut());
    script::script(app, areas.script, frame.buffer_mut());
    if let Some(panel) = areas.panel {
        cast::panel(app, panel, frame.buffer_mut());
    }
    if let Some(fold) = areas.fold {
        status::fold(app, fold, frame.buffer_mut());
    }
    match &app.front {
        Front::Script => status::footer(app, areas.footer, frame.buffer_mut()),
        Front::Input(line) => input::input(app, line, areas.footer, frame),
        Front::Help(top) => {
            status::footer(app, areas.footer, frame.buffer_mut());
            help::help(app.theme, *top, screen, frame.buffer_mut());
        }
    }
}

/// Draws a line into a row of an area, if the area has that row.
fn draw_line(line: &Line, area: Rect, row: usize, buffer: &mut Buffer) {
    let row = u16::try_from(row).unwrap_or(u16::MAX);
    if row < area.height {
        line.render(
            Rect {
                y: area.y + row,
                height: 1,
                ..area
            }
            .intersection(buffer.area),
            buffer,
        );
    }
}

fn is_too_small(screen: Rect) -> bool {
    screen.width < SMALLEST.0 || screen.height < SMALLEST.1
}

fn too_small(screen: Rect, buffer: &mut Buffer) {
    let (width, height) = SMALLEST;
    let text = [
        format!("too small, needs {width}x{height}"),
        "q quits".to_owned(),
    ];
    let first = screen.height.saturating_sub(2) / 2;
    for (index, line) in text.into_iter().enumerate() {
        let line = Line::raw(line).alignment(Alignment::Left);
        draw_line(&line, screen, usize::from(first) + index, buffer);
    }
}

//! Draws the screen: `view(&App, frame)` reads the state and nothing else.

pub mod help;
pub mod input;
pub mod inspector;
pub mod lists;
pub mod panel;
pub mod script;
pub mod status;
pub mod takes;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use super::app::{App, Front};
use super::theme::Theme;
use crate::language::{Language, Phrase};

/// Below this, nothing can be read.
pub const SMALLEST: (u16, u16) = (40, 10);
/// From so many columns on, cast, arc and loose ends stand beside the script.
const PANEL_FROM: u16 = 100;
const PANEL_WIDTH: u16 = 36;
/// From so many rows on, there is air under the header.
const AIRY_FROM: u16 = 16;
/// Rows of the takes, and rows of the script that stay in sight above them.
const DRAWER: u16 = 14;
const SCRIPT_ABOVE_DRAWER: u16 = 6;

/// Where things are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The first row.
    pub header: Rect,
    /// All between header and footer, without air.
    pub body: Rect,
    /// The script.
    pub script: Rect,
    /// What lies over the lower part of the script.
    pub drawer: Rect,
    /// Cast, arc and loose ends, if there is room.
    pub panel: Option<Rect>,
    /// The same in one row, where there is none.
    pub fold: Option<Rect>,
    /// The last row.
    pub footer: Rect,
}

/// Whether cast, arc and loose ends can stand beside the script.
pub fn has_room_for_panel(screen: Rect) -> bool {
    screen.width >= PANEL_FROM
}

/// Where things are drawn on a screen of this size.
pub fn areas(app: &App, screen: Rect) -> Areas {
    if is_too_small(screen) {
        return Areas::default();
    }
    let row = |y| Rect {
        y,
        height: 1,
        ..screen
    };
    let air = u16::from(screen.height >= AIRY_FROM);
    let has_panel = has_room_for_panel(screen) && !app.is_panel_folded;
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
    let column = Rect {
        width: screen.width - if has_panel { PANEL_WIDTH } else { 0 },
        ..body
    };
    let (script, drawer) = match app.front {
        Front::Takes(_) => with_drawer(column),
        _ => (column, Rect::default()),
    };
    Areas {
        header: row(screen.y),
        body,
        script,
        drawer,
        panel,
        fold,
        footer: row(screen.bottom() - 1),
    }
}

/// The script and the takes below it. Where rows are few the takes have them all, and the script stays as it is behind them.
fn with_drawer(column: Rect) -> (Rect, Rect) {
    let height = column
        .height
        .saturating_sub(SCRIPT_ABOVE_DRAWER)
        .min(DRAWER);
    if height < 8 {
        return (column, column);
    }
    let script = Rect {
        height: column.height - height,
        ..column
    };
    let drawer = Rect {
        y: script.bottom(),
        height,
        ..column
    };
    (script, drawer)
}

/// Draws everything.
pub fn view(app: &App, frame: &mut Frame) {
    let screen = frame.area();
    frame.buffer_mut().set_style(screen, app.theme.canvas());
    if is_too_small(screen) {
        too_small(app.language, screen, frame.buffer_mut());
        return;
    }
    let areas = areas(app, screen);
    let buffer = frame.buffer_mut();
    status::header(app, areas.header, buffer);
    let front = match &app.front {
        Front::Help(card) => &*card.behind,
        front => front,
    };
    if let Front::Inspector(inspection) = front {
        inspector::inspector(app, inspection, inspector::area(areas, screen), buffer);
    } else {
        script::script(app, areas.script, buffer);
        if let Some(panel) = areas.panel {
            panel::panel(app, panel, buffer);
        }
        if let Some(fold) = areas.fold {
            status::fold(app, fold, buffer);
        }
    }
    match front {
        Front::Takes(at) => takes::takes(app, *at, areas.drawer, buffer),
        Front::Panel(top) => panel::over(app, *top, screen, buffer),
        Front::Menu(entry) => lists::menu(app, *entry, screen, buffer),
        _ => {}
    }
    if let Front::Input(line) = front {
        input::input(app, line, areas.footer, frame);
    } else {
        status::footer(app, areas.footer, frame.buffer_mut());
    }
    if let Front::Palette(palette) = front {
        lists::palette(app, palette, screen, frame);
    }
    if let Front::Help(card) = &app.front {
        let look = (app.theme, app.language);
        help::help(look, card.of, card.top, screen, frame.buffer_mut());
    }
}

/// Draws a line into a row of an area, if the area has that row.
pub(super) fn draw_line(line: &Line, area: Rect, row: usize, buffer: &mut Buffer) {
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

/// An area without its first and last column.
pub(super) fn inset(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    }
}

/// A card over the middle of the screen, the footer left in sight; what is inside its frame.
pub(super) fn card(
    theme: Theme,
    title: &str,
    foot: &str,
    (width, height): (u16, u16),
    screen: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let width = width.min(screen.width);
    let height = height.min(card_height(screen.height));
    let card = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    };
    Clear.render(card, buffer);
    buffer.set_style(card, theme.canvas());
    let centered = |text: &str, style: Style| {
        Line::from(Span::styled(format!(" {text} "), style)).alignment(Alignment::Center)
    };
    let mut block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.dim())
        .title(centered(title, theme.strong()));
    if !foot.is_empty() {
        block = block.title_bottom(centered(foot, theme.dim()));
    }
    block.render(card, buffer);
    card.inner(Margin::new(2, 1))
}

/// The highest card on a screen of so many rows: it leaves the footer in sight.
pub(super) fn card_height(screen_height: u16) -> u16 {
    screen_height.saturating_sub(1)
}

pub(super) fn is_too_small(screen: Rect) -> bool {
    screen.width < SMALLEST.0 || screen.height < SMALLEST.1
}

pub(super) fn too_small(language: Language, screen: Rect, buffer: &mut Buffer) {
    let size = [SMALLEST.0, SMALLEST.1].map(|n| n.to_string());
    let text = [
        language.fill(Phrase::TooSmall, &[&size[0], &size[1]]),
        language.say(Phrase::QuitsWithQ).to_owned(),
    ];
    let first = screen.height.saturating_sub(2) / 2;
    for (index, line) in text.into_iter().enumerate() {
        let line = Line::raw(line).alignment(Alignment::Left);
        draw_line(&line, screen, usize::from(first) + index, buffer);
    }
}

//! The card of keys, written from the table of keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use super::draw_line;
use crate::tui::keymap::{BINDINGS, Context};
use crate::tui::theme::Theme;
use crate::wrap::{ellipsized, width};

const LABEL: usize = 10;

/// Draws the card over the middle of the screen, from line `top` of it on.
pub fn help(theme: Theme, top: usize, screen: Rect, buffer: &mut Buffer) {
    let lines = lines(theme);
    let widest = lines.iter().map(Line::width).max().unwrap_or(0) as u16;
    let card_width = (widest + 6).min(screen.width);
    let card_height = (lines.len() as u16 + 2).min(card_height(screen.height));
    let card = Rect {
        x: screen.x + (screen.width - card_width) / 2,
        y: screen.y + (screen.height - card_height) / 2,
        width: card_width,
        height: card_height,
    };
    Clear.render(card, buffer);
    let more = usize::from(card_height - 2) + top < lines.len();
    let foot = if more { " ↓ more " } else { " Esc " };
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.dim())
        .title(Line::styled(" Keys ", theme.strong()).alignment(Alignment::Center))
        .title_bottom(Line::styled(foot, theme.dim()).alignment(Alignment::Center))
        .render(card, buffer);
    let inner = card.inner(Margin::new(2, 1));
    for (row, line) in lines.iter().skip(top).enumerate() {
        draw_line(line, inner, row, buffer);
    }
}

/// The furthest that the card can be scrolled on a screen of so many rows.
pub fn last_top(screen_height: u16) -> usize {
    let inner = usize::from(card_height(screen_height).saturating_sub(2));
    lines(Theme::plain()).len().saturating_sub(inner)
}

/// The card leaves the footer in sight.
fn card_height(screen_height: u16) -> u16 {
    screen_height.saturating_sub(1)
}

fn lines(theme: Theme) -> Vec<Line<'static>> {
    let mut lines = context_lines(Context::Script, theme);
    lines.extend(context_lines(Context::Always, theme));
    lines.push(Line::default());
    lines.push(Line::styled(
        "Saying a line: NAME (softly): words",
        theme.direction(),
    ));
    lines.extend(context_lines(Context::Input, theme));
    lines
}

fn context_lines(context: Context, theme: Theme) -> Vec<Line<'static>> {
    let shown = BINDINGS
        .iter()
        .filter(|binding| binding.context == context && !binding.label.is_empty());
    let line = |binding: &crate::tui::keymap::Binding| {
        let label = ellipsized(binding.label, LABEL - 1);
        let padding = " ".repeat(LABEL - width(&label));
        Line::from(vec![
            Span::styled(label, theme.strong()),
            Span::raw(padding),
            Span::raw(binding.help),
        ])
    };
    shown.map(line).collect()
}

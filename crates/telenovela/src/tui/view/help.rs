//! The card of keys, written from the table that the keys are looked up in.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{card, card_height, draw_line};
use crate::language::{Language, Phrase};
use crate::tui::keymap::{BINDINGS, Binding, Context};
use crate::tui::theme::Theme;
use crate::wrap::{ellipsized, width};

/// Cells of the column of keys.
const LABEL: usize = 10;

/// Draws the card of a context over the middle of the screen, from line `top` of it on.
pub fn help(look: (Theme, Language), of: Context, top: usize, screen: Rect, buffer: &mut Buffer) {
    let (theme, language) = look;
    let columns = usize::from(screen.width).saturating_sub(6);
    let lines = lines(theme, language, of, columns);
    let widest = lines.iter().map(Line::width).max().unwrap_or(0) as u16;
    let height = lines.len() as u16 + 2;
    let is_more = usize::from(height.min(card_height(screen.height)) - 2) + top < lines.len();
    let foot = if is_more {
        language.say(Phrase::PressForMore)
    } else {
        "Esc"
    };
    let title = match of.title() {
        Some(title) => language.fill(Phrase::KeysHere, &[language.say(title)]),
        None => language.say(Phrase::Keys).to_owned(),
    };
    let width = (widest + 6).max(width(&title) as u16 + 6);
    let inner = card(theme, &title, foot, (width, height), screen, buffer);
    for (row, line) in lines.iter().skip(top).enumerate() {
        draw_line(line, inner, row, buffer);
    }
}

/// The furthest that the card can be scrolled on this screen.
pub fn last_top(of: Context, screen: Rect, language: Language) -> usize {
    let inner = usize::from(card_height(screen.height).saturating_sub(2));
    let columns = usize::from(screen.width).saturating_sub(6);
    lines(Theme::plain(), language, of, columns)
        .len()
        .saturating_sub(inner)
}

fn lines(theme: Theme, language: Language, of: Context, columns: usize) -> Vec<Line<'static>> {
    let line = |binding: &Binding| binding_line(binding, theme, language, columns);
    let of_context = |context: Context| {
        let rows = BINDINGS
            .iter()
            .filter(move |row| row.context == context && !row.label.is_empty());
        rows.map(line).collect::<Vec<_>>()
    };
    let mut lines = of_context(of);
    lines.extend(of_context(Context::Always));
    if of == Context::Script {
        let saying = ellipsized(language.say(Phrase::SayingALine), columns);
        lines.push(Line::default());
        lines.push(Line::styled(saying, theme.direction()));
        lines.extend(of_context(Context::Input));
    }
    lines
}

fn binding_line(
    binding: &Binding,
    theme: Theme,
    language: Language,
    columns: usize,
) -> Line<'static> {
    let label = ellipsized(binding.label, LABEL - 1);
    let padding = " ".repeat(LABEL - width(&label));
    let help = ellipsized(language.say(binding.help), columns.saturating_sub(LABEL));
    Line::from(vec![
        Span::styled(label, theme.strong()),
        Span::raw(padding),
        Span::raw(help),
    ])
}

//! Draws the lobby.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use telenovela_script::character::Color;

use super::{Front, Lobby, Offer, Past, Piece};
use crate::language::Phrase;
use crate::tui::curve::curve;
use crate::tui::keymap::{BINDINGS, Context};
use crate::tui::view::lists::{entry_line, first_visible};
use crate::tui::view::status::clock;
use crate::tui::view::{draw_line, help, inset, is_too_small, too_small};
use crate::wrap::{ellipsized, width, wrapped};

/// From so many columns on, what is chosen is told beside the list.
const BESIDE_FROM: u16 = 76;
/// From so many rows on, it is told below the list where there is no room beside it.
const BELOW_FROM: u16 = 20;
/// Columns of the list beside which it is told.
const LIST: u16 = 38;
/// Rows of the arc's curve.
const CURVE: usize = 4;
/// How long a line takes with its silence, in milliseconds, about.
const LINE_MS: u32 = 3_000;

/// Draws everything.
pub fn view(lobby: &Lobby, frame: &mut Frame) {
    let screen = frame.area();
    frame.buffer_mut().set_style(screen, lobby.theme.canvas());
    if is_too_small(screen) {
        too_small(lobby.language, screen, frame.buffer_mut());
        return;
    }
    let (list, told) = areas(screen);
    let buffer = frame.buffer_mut();
    header(lobby, screen, buffer);
    offers(lobby, list, buffer);
    if let Some(told) = told {
        let lines = match lobby.offer() {
            Some(Offer::Piece(piece)) => piece_lines(lobby, piece, usize::from(told.width)),
            Some(Offer::Past(past)) => past_lines(lobby, past, usize::from(told.width)),
            None => Vec::new(),
        };
        for (row, line) in lines.iter().enumerate() {
            draw_line(line, told, row, buffer);
        }
    }
    foot(lobby, screen, frame);
    if let Front::Help(top) = lobby.front {
        let look = (lobby.theme, lobby.language);
        help::help(look, Context::Lobby, top, screen, frame.buffer_mut());
    }
}

/// Where the list stands, and where what is chosen is told, if there is room.
fn areas(screen: Rect) -> (Rect, Option<Rect>) {
    let body = Rect {
        x: screen.x + 1,
        y: screen.y + 2,
        width: screen.width - 2,
        height: screen.height - 4,
    };
    if screen.width >= BESIDE_FROM {
        let list = Rect {
            width: LIST.min(body.width / 2),
            ..body
        };
        let told = Rect {
            x: list.right() + 3,
            width: body.right().saturating_sub(list.right() + 4),
            ..body
        };
        return (list, Some(told));
    }
    if screen.height >= BELOW_FROM {
        let list = Rect {
            height: body.height / 2,
            ..body
        };
        let told = Rect {
            y: list.bottom() + 1,
            height: body.height - list.height - 1,
            ..body
        };
        return (list, Some(told));
    }
    (body, None)
}

fn header(lobby: &Lobby, screen: Rect, buffer: &mut Buffer) {
    let show = match lobby.offer() {
        Some(Offer::Piece(piece)) => piece.show.as_str(),
        Some(Offer::Past(past)) => past.show.as_str(),
        None => "",
    };
    let inner = inset(screen);
    let line = Line::from(vec![
        Span::styled("telenovela", lobby.theme.strong()),
        Span::styled(format!(" · {show}"), lobby.theme.dim()),
    ]);
    draw_line(&line, inner, 0, buffer);
}

/// A row of the list: a title of a part, or an offer by its index.
enum Row {
    Title(Phrase),
    Offer(usize),
    Nothing(Phrase),
    Blank,
}

/// The part of the list that an offer stands in.
fn part_of(offer: &Offer) -> Phrase {
    match offer {
        Offer::Piece(piece) if piece.is_episode => Phrase::LobbyEpisodes,
        Offer::Piece(_) => Phrase::LobbyScenes,
        Offer::Past(_) => Phrase::LobbyPast,
    }
}

fn rows(lobby: &Lobby) -> Vec<Row> {
    let parts = [
        Phrase::LobbyScenes,
        Phrase::LobbyEpisodes,
        Phrase::LobbyPast,
    ];
    let mut rows = Vec::new();
    for title in parts {
        let offers = lobby.offers.iter().enumerate();
        let of_part: Vec<Row> = offers
            .filter(|(_, offer)| part_of(offer) == title)
            .map(|(index, _)| Row::Offer(index))
            .collect();
        if of_part.is_empty() && title != Phrase::LobbyPast {
            continue;
        }
        if !rows.is_empty() {
            rows.push(Row::Blank);
        }
        rows.push(Row::Title(title));
        if of_part.is_empty() {
            rows.push(Row::Nothing(Phrase::LobbyNoPast));
        }
        rows.extend(of_part);
    }
    rows
}

fn offers(lobby: &Lobby, area: Rect, buffer: &mut Buffer) {
    let rows = rows(lobby);
    let chosen = rows
        .iter()
        .position(|row| matches!(row, Row::Offer(index) if *index == lobby.chosen));
    let height = usize::from(area.height);
    let first = first_visible(chosen.unwrap_or(0), rows.len(), height);
    let columns = usize::from(area.width);
    for (place, row) in rows.iter().skip(first).take(height).enumerate() {
        let line = match row {
            Row::Blank => continue,
            Row::Title(title) => Line::styled(lobby.language.say(*title), lobby.theme.dim()),
            Row::Nothing(phrase) => Line::styled(
                format!(" {}", lobby.language.say(*phrase)),
                lobby.theme.direction(),
            ),
            Row::Offer(index) => {
                let (name, mark) = match &lobby.offers[*index] {
                    Offer::Piece(piece) if piece.broken.is_some() => (piece.title.clone(), "!"),
                    Offer::Piece(piece) if !piece.missing.is_empty() => (piece.title.clone(), "○"),
                    Offer::Piece(piece) => (piece.title.clone(), ""),
                    Offer::Past(past) => {
                        let name = format!("{} · {}", past.title, past.seed);
                        (name, if past.is_complete { "■" } else { "▸" })
                    }
                };
                let is_chosen = *index == lobby.chosen;
                entry_line(lobby.theme, &name, mark, is_chosen, columns)
            }
        };
        draw_line(&line, area, place, buffer);
    }
}

fn piece_lines(lobby: &Lobby, piece: &Piece, columns: usize) -> Vec<Line<'static>> {
    let language = lobby.language;
    let mut lines = vec![Line::styled(
        ellipsized(&piece.title, columns),
        lobby.theme.strong(),
    )];
    let dim = |text: &str| text_lines(text, columns, lobby.theme.dim());
    if let Some(broken) = &piece.broken {
        lines.push(Line::default());
        lines.extend(text_lines(
            &language.fill(Phrase::LobbyBroken, &[broken]),
            columns,
            lobby.theme.warning(),
        ));
        return lines;
    }
    lines.extend(dim(&piece.heading));
    if !piece.missing.is_empty() {
        let missing = piece.missing.join(", ");
        lines.push(Line::default());
        lines.extend(text_lines(
            &language.fill(Phrase::LobbyMissing, &[&missing]),
            columns,
            lobby.theme.warning(),
        ));
    }
    if let Some(premise) = &piece.premise {
        lines.push(Line::default());
        lines.extend(text_lines(premise, columns, lobby.theme.direction()));
    }
    lines.push(Line::default());
    lines.extend(cast_lines(lobby, &piece.cast, columns));
    lines.push(Line::default());
    lines.extend(arc_lines(lobby, &piece.tensions, columns));
    let (least, most) = piece.lines;
    let minutes = (u64::from(least + most) * u64::from(LINE_MS) / 2 / 60_000).max(1);
    let figures = [least.to_string(), most.to_string(), minutes.to_string()];
    let length = language.fill(Phrase::LobbyLength, &figures.each_ref().map(String::as_str));
    let beats = language.fill(Phrase::LobbyBeats, &[&piece.tensions.len().to_string()]);
    lines.extend(dim(&format!("{beats} · {length}")));
    if !piece.threads.is_empty() {
        lines.push(Line::default());
        for thread in &piece.threads {
            lines.push(Line::raw(ellipsized(&format!("○ {thread}"), columns)));
        }
    }
    lines
}

fn past_lines(lobby: &Lobby, past: &Past, columns: usize) -> Vec<Line<'static>> {
    let language = lobby.language;
    let mut lines = vec![Line::styled(
        ellipsized(&past.title, columns),
        lobby.theme.strong(),
    )];
    let end = match past.is_complete {
        true => language.say(Phrase::LobbyFinished),
        false => language.say(Phrase::LobbyBrokenOff),
    };
    let figures = [past.n_lines.to_string(), clock(past.at_ms)];
    let length = language.fill(Phrase::LobbyLines, &[&figures[0], &figures[1]]);
    let seed = language.fill(Phrase::Seed, &[&past.seed.to_string()]);
    let dim = |text: &str| text_lines(text, columns, lobby.theme.dim());
    lines.extend(dim(&format!("{seed} · {length} · {end}")));
    lines.extend(dim(&past.shown));
    lines.push(Line::default());
    lines.extend(cast_lines(lobby, &past.cast, columns));
    lines.push(Line::default());
    lines.extend(arc_lines(lobby, &past.tensions, columns));
    if let Some((name, text)) = &past.last {
        lines.push(Line::default());
        let name = name.to_uppercase();
        lines.push(Line::styled(
            ellipsized(&name, columns),
            lobby.theme.strong(),
        ));
        lines.extend(text_lines(text, columns, Style::new()));
    }
    lines
}

fn text_lines(text: &str, columns: usize, style: Style) -> Vec<Line<'static>> {
    wrapped(text, columns)
        .map(|line| Line::styled(line.to_owned(), style))
        .collect()
}

fn arc_lines(lobby: &Lobby, tensions: &[f32], columns: usize) -> Vec<Line<'static>> {
    let columns = columns.min(60);
    let rows = curve(tensions, columns, CURVE);
    let mut lines: Vec<Line<'static>> = rows
        .into_iter()
        .map(|row| Line::styled(row, lobby.theme.ink(Color::Magenta)))
        .collect();
    lines.push(Line::styled("─".repeat(columns), lobby.theme.dim()));
    lines
}

/// The names of the cast, as many in a line as fit.
fn cast_lines(lobby: &Lobby, cast: &[(String, Color)], columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    for (name, color) in cast {
        let name = ellipsized(name, columns);
        if !line.spans.is_empty() && line.width() + 2 + width(&name) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.spans.is_empty() {
            line.push_span("  ");
        }
        line.push_span(Span::styled(name, lobby.theme.name(*color)));
    }
    lines.push(line);
    lines
}

fn foot(lobby: &Lobby, screen: Rect, frame: &mut Frame) {
    let row = inset(Rect {
        y: screen.bottom() - 1,
        height: 1,
        ..screen
    });
    if let Front::Seed(line) = &lobby.front {
        let prompt = lobby.language.say(Phrase::LobbySeedPrompt);
        let mut shown = Line::from(vec![
            Span::styled(format!("{prompt} "), lobby.theme.strong()),
            Span::raw(line.text().to_owned()),
        ]);
        let cursor = width(prompt) + 1 + width(line.before_cursor());
        if let Some(problem) = &line.problem {
            shown.push_span(Span::styled(format!("   {problem}"), lobby.theme.warning()));
        }
        draw_line(&shown, row, 0, frame.buffer_mut());
        frame.set_cursor_position(Position {
            x: (row.x + cursor as u16).min(row.right()),
            y: row.y,
        });
        return;
    }
    let mut hints = hints(lobby);
    let columns = usize::from(row.width);
    let notice = lobby.notice.as_deref().unwrap_or_default();
    let room = columns.saturating_sub(if notice.is_empty() {
        0
    } else {
        width(notice) + 2
    });
    while hints.len() > 1 && hints_line(lobby, &hints).width() > room {
        hints.remove(hints.len().saturating_sub(3));
    }
    let hints = hints_line(lobby, &hints);
    let left = columns.saturating_sub(hints.width() + 2);
    draw_line(
        &hints.alignment(Alignment::Right),
        row,
        0,
        frame.buffer_mut(),
    );
    let notice = Line::styled(ellipsized(notice, left), lobby.theme.warning());
    draw_line(&notice, row, 0, frame.buffer_mut());
}

/// The keys that do something with what is chosen.
fn hints(lobby: &Lobby) -> Vec<(&'static str, Phrase)> {
    let context = lobby.context();
    let is_useful = |hint: &Phrase| match lobby.offer() {
        Some(Offer::Piece(piece)) => {
            let is_missing = !piece.missing.is_empty();
            match hint {
                Phrase::HintReplay | Phrase::HintResume | Phrase::Export => false,
                Phrase::HintTrain => is_missing,
                Phrase::HintPlay => !is_missing && piece.broken.is_none(),
                _ => true,
            }
        }
        Some(Offer::Past(past)) => match hint {
            Phrase::HintPlay | Phrase::HintTrain => false,
            Phrase::HintResume => !past.is_complete,
            _ => true,
        },
        None => !matches!(hint, Phrase::HintPlay | Phrase::HintReplay),
    };
    BINDINGS
        .iter()
        .filter(|row| row.context == context)
        .filter_map(|row| Some((row.label, row.hint?)))
        .filter(|(_, hint)| is_useful(hint))
        .collect()
}

fn hints_line(lobby: &Lobby, hints: &[(&'static str, Phrase)]) -> Line<'static> {
    let mut line = Line::default();
    for (label, hint) in hints {
        if !line.spans.is_empty() {
            line.push_span("   ");
        }
        line.push_span(Span::styled(*label, lobby.theme.strong()));
        let hint = format!(" {}", lobby.language.say(*hint));
        line.push_span(Span::styled(hint, lobby.theme.dim()));
    }
    line
}

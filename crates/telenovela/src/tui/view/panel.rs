//! The panel beside the script, or over it: the cast with its share of the floor and its wish for the next turn, the arc, the loose ends.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use telenovela_script::event::{CastMember, Playbill, ThreadState};

use super::status::clock;
use super::{card, card_height, draw_line};
use crate::language::Phrase;
use crate::tui::app::App;
use crate::tui::curve::{bar, column_of, curve};
use crate::tui::ledger::{mood_name, thread_symbol};
use crate::wrap::{ellipsized, width, wrapped};

const BAR: usize = 7;
/// Rows of the arc's curve.
const CURVE: usize = 3;
/// Columns of the panel over the script.
const OVER: u16 = 40;

/// How much is told, from everything to what must be there.
#[derive(Clone, Copy, Debug)]
struct Detail {
    curve: bool,
    whole_arc: bool,
    whole_questions: bool,
    moods: bool,
}

const DETAILS: [Detail; 5] = [
    Detail {
        curve: true,
        whole_arc: true,
        whole_questions: true,
        moods: true,
    },
    Detail {
        curve: true,
        whole_arc: false,
        whole_questions: true,
        moods: true,
    },
    Detail {
        curve: true,
        whole_arc: false,
        whole_questions: false,
        moods: true,
    },
    Detail {
        curve: true,
        whole_arc: false,
        whole_questions: false,
        moods: false,
    },
    Detail {
        curve: false,
        whole_arc: false,
        whole_questions: false,
        moods: false,
    },
];

/// Draws the panel beside the script.
pub fn panel(app: &App, area: Rect, buffer: &mut Buffer) {
    for y in area.top()..area.bottom() {
        buffer.set_string(area.x, y, "│", app.theme.dim());
    }
    let Some(playbill) = &app.ledger.playbill else {
        return;
    };
    let inner = Rect {
        x: area.x + 3,
        width: area.width.saturating_sub(5),
        ..area
    };
    let columns = usize::from(inner.width);
    let height = usize::from(inner.height);

    let foot = foot(app, playbill);
    let room = height.saturating_sub(foot.len() + 1);
    // Where rows are short the least is left out first.
    let lines = DETAILS
        .into_iter()
        .map(|detail| lines(app, playbill, columns, detail))
        .find(|lines| lines.len() <= room)
        .unwrap_or_else(|| lines(app, playbill, columns, DETAILS[DETAILS.len() - 1]));
    for (row, line) in lines.iter().take(room).enumerate() {
        draw_line(line, inner, row, buffer);
    }
    for (index, line) in foot.iter().enumerate() {
        draw_line(
            line,
            inner,
            (height - foot.len().min(height)) + index,
            buffer,
        );
    }
}

/// Draws the panel over the script, from line `top` of it on.
pub fn over(app: &App, top: usize, screen: Rect, buffer: &mut Buffer) {
    let Some(playbill) = &app.ledger.playbill else {
        return;
    };
    let columns = usize::from(OVER.min(screen.width).saturating_sub(6));
    let lines = over_lines(app, playbill, columns);
    let height = lines.len() as u16 + 2;
    let is_more = usize::from(height.min(card_height(screen.height)) - 2) + top < lines.len();
    let foot = if is_more {
        app.language.say(Phrase::PressForMore)
    } else {
        "Esc"
    };
    let title = ellipsized(&playbill.title, columns);
    let inner = card(app.theme, &title, foot, (OVER, height), screen, buffer);
    for (row, line) in lines.iter().skip(top).enumerate() {
        draw_line(line, inner, row, buffer);
    }
}

/// The furthest that the panel over the script can be scrolled.
pub fn last_top(app: &App, screen: Rect) -> usize {
    let columns = usize::from(OVER.min(screen.width).saturating_sub(6));
    let n_lines = app
        .ledger
        .playbill
        .as_ref()
        .map_or(0, |playbill| over_lines(app, playbill, columns).len());
    n_lines.saturating_sub(usize::from(card_height(screen.height).saturating_sub(2)))
}

fn over_lines(app: &App, playbill: &Playbill, columns: usize) -> Vec<Line<'static>> {
    let mut lines = lines(app, playbill, columns, DETAILS[0]);
    lines.extend(foot(app, playbill));
    lines
}

fn lines(app: &App, playbill: &Playbill, columns: usize, detail: Detail) -> Vec<Line<'static>> {
    let say = |phrase| app.language.say(phrase);
    let title = |phrase| vec![Span::styled(say(phrase), app.theme.dim())];
    let mut cast = title(Phrase::Cast);
    let legend = say(Phrase::CastColumns);
    let gap = columns.saturating_sub(width(say(Phrase::Cast)) + width(legend));
    cast.push(Span::raw(" ".repeat(gap)));
    cast.push(Span::styled(legend, app.theme.dim()));

    let mut lines = section(cast, cast_lines(app, playbill, columns, detail.moods));
    lines.extend(section(
        title(Phrase::Arc),
        arc_lines(app, playbill, columns, detail),
    ));
    lines.extend(section(
        title(Phrase::LooseEnds),
        thread_lines(app, playbill, columns, detail.whole_questions),
    ));
    lines
}

fn section(title: Vec<Span<'static>>, lines: Vec<Line<'static>>) -> Vec<Line<'static>> {
    if lines.is_empty() {
        return lines;
    }
    let mut section = vec![Line::from(title)];
    section.extend(lines);
    section.push(Line::default());
    section
}

fn cast_lines(
    app: &App,
    playbill: &Playbill,
    columns: usize,
    with_moods: bool,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, member) in playbill.cast.iter().enumerate() {
        lines.push(cast_line(app, index, member, columns));
        let presence = app.ledger.cast.get(index).copied().unwrap_or_default();
        if let Some(held) = presence.mood.filter(|_| with_moods) {
            let mut mood = app.language.say(mood_name(held.mood)).to_owned();
            if held.strength() < 1.0 {
                mood = format!("{mood}, {}", app.language.say(Phrase::WearingOff));
            }
            lines.push(Line::styled(format!("    {mood}"), app.theme.direction()));
        }
    }
    lines
}

/// Name, share of the floor, and the wish for the last turn that the policy gave.
fn cast_line(app: &App, index: usize, member: &CastMember, columns: usize) -> Line<'static> {
    let n_name = columns.saturating_sub(2 + 1 + BAR + 5 + 3);
    let presence = app.ledger.cast.get(index).copied().unwrap_or_default();
    let speaks = app.is_speaking() && app.ledger.speaker == Some(index);
    let (name_style, bar_style) = match (presence.on_stage, member.offstage) {
        (true, false) => (app.theme.name(member.color), app.theme.ink(member.color)),
        (true, true) => (
            app.theme.ink(member.color).add_modifier(Modifier::ITALIC),
            app.theme.ink(member.color),
        ),
        (false, _) => (app.theme.dim(), app.theme.dim()),
    };
    let name = ellipsized(&member.name, n_name);
    let padding = " ".repeat(n_name.saturating_sub(width(&name)) + 1);
    let share = app.ledger.share(index);
    let n_full = ((share * BAR as f64).round() as usize).min(BAR);
    if !presence.on_stage && presence.n_words == 0 {
        let room = columns.saturating_sub(2 + n_name + 1);
        let waiting = ellipsized(app.language.say(Phrase::InTheWings), room);
        return Line::from(vec![
            Span::styled(format!("  {name}"), name_style),
            Span::raw(padding),
            Span::styled(waiting, app.theme.direction()),
        ]);
    }
    let percent = if presence.n_words == 0 {
        String::new()
    } else {
        format!("{:.0} %", share * 100.0)
    };
    Line::from(vec![
        Span::raw(if speaks { "▸ " } else { "  " }),
        Span::styled(name, name_style),
        Span::raw(padding),
        Span::styled("━".repeat(n_full), bar_style),
        Span::styled("─".repeat(BAR - n_full), app.theme.dim()),
        Span::styled(format!("{percent:>5}"), app.theme.dim()),
        Span::styled(format!("  {}", bar(presence.wish)), bar_style),
    ])
}

fn arc_lines(app: &App, playbill: &Playbill, columns: usize, detail: Detail) -> Vec<Line<'static>> {
    let line = |(index, title): (usize, &String)| {
        let present = app.ledger.beat.is_some_and(|beat| beat == index) && !app.ledger.ended;
        let past = app.ledger.beat.is_some_and(|beat| index < beat) || app.ledger.ended;
        let (symbol, style) = match (past, present) {
            (_, true) => ("▸ ", app.theme.strong()),
            (true, _) => ("✓ ", app.theme.dim()),
            (false, false) => ("  ", Style::new()),
        };
        Line::styled(
            format!("{symbol}{}", ellipsized(title, columns.saturating_sub(2))),
            style,
        )
    };
    let mut lines = Vec::new();
    if detail.curve {
        lines.extend(curve_lines(app, playbill, columns));
    }
    let beats = playbill.beats.iter().enumerate();
    if detail.whole_arc {
        lines.extend(beats.map(line));
    } else {
        let present = app.ledger.beat.unwrap_or(0);
        lines.extend(beats.skip(present).take(1).map(line));
    }
    lines
}

/// The tension of the arc as a curve: what has been played strong, what is to come faint, the present beat marked under it.
fn curve_lines(app: &App, playbill: &Playbill, columns: usize) -> Vec<Line<'static>> {
    let tensions = app.ledger.tensions();
    let known: Vec<f32> = tensions.iter().map_while(|tension| *tension).collect();
    let n_beats = playbill.beats.len();
    if known.len() < 2 || columns < 8 {
        return Vec::new();
    }
    let at = |index: usize| column_of(index, n_beats, columns);
    let n_drawn = at(known.len() - 1) + 1;
    let present = app.ledger.beat.map(at);
    let n_played = match (app.ledger.ended, present) {
        (true, _) => columns,
        (false, Some(column)) => column + 1,
        (false, None) => 0,
    };
    let style = |column: usize| match column < n_played {
        true => app.theme.strong(),
        false => app.theme.dim(),
    };
    let row = |row: String| {
        let cells = row.chars().enumerate();
        let spans = cells.map(|(column, cell)| Span::styled(cell.to_string(), style(column)));
        Line::from(spans.collect::<Vec<_>>())
    };
    let mut lines: Vec<Line<'static>> =
        curve(&known, n_drawn, CURVE).into_iter().map(row).collect();
    let mut ruler: Vec<Span<'static>> = Vec::new();
    for column in 0..columns {
        let beat = (0..n_beats).find(|beat| at(*beat) == column);
        let (symbol, style) = match beat {
            Some(beat) if app.ledger.beat == Some(beat) && !app.ledger.ended => {
                ("▲", app.theme.strong())
            }
            Some(_) => ("┴", app.theme.dim()),
            None => ("─", app.theme.dim()),
        };
        ruler.push(Span::styled(symbol, style));
    }
    lines.push(Line::from(ruler));
    lines
}

fn thread_lines(app: &App, playbill: &Playbill, columns: usize, whole: bool) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (thread, state) in playbill.threads.iter().zip(&app.ledger.threads) {
        let style = match state {
            ThreadState::Dormant => continue,
            ThreadState::Open | ThreadState::Advanced => Style::new(),
            ThreadState::Resolved => app.theme.dim(),
        };
        let room = columns.saturating_sub(2);
        let question = if whole {
            thread.question.clone()
        } else {
            ellipsized(&thread.question, room)
        };
        for (index, part) in wrapped(&question, room).enumerate() {
            let lead = if index == 0 {
                thread_symbol(*state)
            } else {
                ' '
            };
            lines.push(Line::styled(format!("{lead} {part}"), style));
        }
    }
    lines
}

fn foot(app: &App, playbill: &Playbill) -> Vec<Line<'static>> {
    let seed = app
        .language
        .fill(Phrase::Seed, &[&playbill.seed.to_string()]);
    let text = format!("{seed} · {} · {}×", clock(app.at_ms()), app.speed());
    vec![Line::styled(text, app.theme.dim())]
}

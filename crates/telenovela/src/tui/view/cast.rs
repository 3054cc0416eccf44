//! The panel beside the script: the cast and its share of the floor, the beats of the arc, the loose ends.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use telenovela_script::event::{Playbill, ThreadState};

use super::draw_line;
use super::status::clock;
use crate::tui::app::App;
use crate::tui::ledger::thread_symbol;
use crate::wrap::{ellipsized, width, wrapped};

const BAR: usize = 8;

/// Draws the panel.
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
    // Where rows are short the arc shrinks to the present beat first, then each question to one row.
    let lay = |whole_arc, whole_questions| {
        let mut lines = section("CAST", cast_lines(app, playbill, columns), app);
        lines.extend(section(
            "ARC",
            arc_lines(app, playbill, columns, whole_arc),
            app,
        ));
        lines.extend(section(
            "LOOSE ENDS",
            thread_lines(app, playbill, columns, whole_questions),
            app,
        ));
        lines
    };
    let layouts = [(true, true), (false, true), (false, false)];
    let lines = layouts
        .into_iter()
        .map(|(whole_arc, whole_questions)| lay(whole_arc, whole_questions))
        .find(|lines| lines.len() <= room)
        .unwrap_or_else(|| lay(false, false));
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

fn section(title: &'static str, lines: Vec<Line<'static>>, app: &App) -> Vec<Line<'static>> {
    if lines.is_empty() {
        return lines;
    }
    let mut section = vec![Line::styled(title, app.theme.dim())];
    section.extend(lines);
    section.push(Line::default());
    section
}

fn cast_lines(app: &App, playbill: &Playbill, columns: usize) -> Vec<Line<'static>> {
    let n_name = columns.saturating_sub(2 + 1 + BAR + 6);
    let line = |(index, member): (usize, &telenovela_script::event::CastMember)| {
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
        let n_full = (share * BAR as f64).round() as usize;
        if !presence.on_stage && presence.n_words == 0 {
            let waiting = "in the wings";
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
            Span::styled(format!("{percent:>6}"), app.theme.dim()),
        ])
    };
    playbill.cast.iter().enumerate().map(line).collect()
}

fn arc_lines(app: &App, playbill: &Playbill, columns: usize, whole: bool) -> Vec<Line<'static>> {
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
    if whole {
        return playbill.beats.iter().enumerate().map(line).collect();
    }
    let present = app.ledger.beat.unwrap_or(0);
    playbill
        .beats
        .iter()
        .enumerate()
        .skip(present)
        .take(1)
        .map(line)
        .collect()
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
    let text = format!("seed {} · {}", playbill.seed, clock(app.at_ms()));
    vec![Line::styled(text, app.theme.dim())]
}

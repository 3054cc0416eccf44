//! Draws a training.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use telenovela_script::character::Color;

use super::{Part, Rehearsal, State};
use crate::language::Phrase;
use crate::tui::curve::Picture;
use crate::tui::keymap::{BINDINGS, Context};
use crate::tui::view::lists::first_visible;
use crate::tui::view::{draw_line, help, inset, is_too_small, too_small};
use crate::wrap::{ellipsized, width, wrapped};

/// From so many columns on, the curves stand beside everybody.
const BESIDE_FROM: u16 = 110;
/// Columns of the curves.
const CURVES: u16 = 54;
/// Rows of the curves.
const ROWS: usize = 9;
/// From so many rows on everybody's last line is shown under the figures.
const AIRY_FROM: u16 = 22;
/// Cells of a name, and of a bar.
const NAME: usize = 12;
const BAR: usize = 12;

/// Draws everything.
pub fn view(rehearsal: &Rehearsal, frame: &mut Frame) {
    let screen = frame.area();
    frame
        .buffer_mut()
        .set_style(screen, rehearsal.theme.canvas());
    if is_too_small(screen) {
        too_small(rehearsal.language, screen, frame.buffer_mut());
        return;
    }
    let buffer = frame.buffer_mut();
    let body = Rect {
        y: screen.y + 2,
        height: screen.height - 4,
        ..inset(screen)
    };
    header(rehearsal, inset(screen), buffer);
    if screen.width >= BESIDE_FROM {
        let curves = Rect {
            x: body.right() - CURVES,
            width: CURVES,
            ..body
        };
        let everybody_area = Rect {
            width: body.width - CURVES - 3,
            ..body
        };
        everybody(rehearsal, everybody_area, true, buffer);
        one(rehearsal, curves, buffer);
    } else {
        let with_samples = screen.height >= 2 * AIRY_FROM;
        let n_rows = rehearsal.parts.len() * if with_samples { 3 } else { 1 };
        let most = body.height / 2;
        let height = u16::try_from(n_rows).unwrap_or(most).min(most);
        let everybody_area = Rect { height, ..body };
        everybody(rehearsal, everybody_area, with_samples, buffer);
        let below = Rect {
            y: body.y + height + 1,
            height: body.height.saturating_sub(height + 1),
            ..body
        };
        one(rehearsal, below, buffer);
    }
    foot(rehearsal, screen, buffer);
    if let Some(top) = rehearsal.help {
        let look = (rehearsal.theme, rehearsal.language);
        help::help(look, Context::Rehearsal, top, screen, frame.buffer_mut());
    }
}

/// A time as people say it: `2 h 05 min`, `3 min 20 s`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A number in groups of three.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn header(rehearsal: &Rehearsal, row: Rect, buffer: &mut Buffer) {
    let language = rehearsal.language;
    let mut state = Vec::new();
    if rehearsal.is_stopping {
        state.push(language.say(Phrase::RehearsalStopping).to_owned());
    } else if rehearsal.is_held {
        state.push(format!("‖ {}", language.say(Phrase::RehearsalPaused)));
    } else {
        if let Some(rate) = rehearsal.rate() {
            state.push(language.fill(Phrase::RehearsalRate, &[&grouped(rate)]));
        }
        if let Some(seconds) = rehearsal.seconds_left() {
            state.push(language.fill(Phrase::RehearsalLeft, &[&duration(seconds)]));
        }
    }
    let columns = usize::from(row.width);
    // The time left says more than the rate.
    let mut text = state.join(" · ");
    if width(&text) + 14 > columns {
        text = state.pop().unwrap_or_default();
    }
    let room = columns.saturating_sub(width(&text) + 2);
    let title = language.say(Phrase::RehearsalTitle);
    let mut line = Line::styled(ellipsized(title, room), rehearsal.theme.strong());
    let show = format!(" · {}", rehearsal.show);
    if line.width() + width(&show) <= room {
        line.push_span(Span::styled(show, rehearsal.theme.dim()));
    }
    draw_line(&line, row, 0, buffer);
    draw_line(&Line::raw(text).alignment(Alignment::Right), row, 0, buffer);
}

/// Everybody's figures, and the last line of each where there is room.
fn everybody(rehearsal: &Rehearsal, area: Rect, with_samples: bool, buffer: &mut Buffer) {
    let columns = usize::from(area.width);
    let height = usize::from(area.height);
    let each = if with_samples { 3 } else { 1 };
    // A blank row behind the last one is not missed.
    let visible = ((height + usize::from(with_samples)) / each).max(1);
    let first = first_visible(rehearsal.shown(), rehearsal.parts.len(), visible);
    let parts = rehearsal.parts.iter().enumerate().skip(first).take(visible);
    for (row, (index, part)) in parts.enumerate() {
        let is_shown = index == rehearsal.shown();
        let line = figures(rehearsal, part, is_shown, columns);
        draw_line(&line, area, row * each, buffer);
        if with_samples {
            draw_line(
                &sample(rehearsal, part, columns),
                area,
                row * each + 1,
                buffer,
            );
        }
    }
}

fn figures(rehearsal: &Rehearsal, part: &Part, is_shown: bool, columns: usize) -> Line<'static> {
    let theme = rehearsal.theme;
    let language = rehearsal.language;
    let name = ellipsized(&part.name, NAME);
    let padding = " ".repeat(NAME + 1 - width(&name));
    let n_full = ((part.share() * BAR as f64).round() as usize).min(BAR);
    let lead = if is_shown { "▸ " } else { "  " };
    let mut line = Line::from(vec![
        Span::raw(lead),
        Span::styled(name, theme.name(part.color)),
        Span::raw(padding),
        Span::styled("━".repeat(n_full), theme.ink(part.color)),
        Span::styled("─".repeat(BAR - n_full), theme.dim()),
        Span::styled(format!("{:>4.0} %", part.share() * 100.0), theme.dim()),
    ]);
    let told = match part.state {
        State::Waiting => vec![language.say(Phrase::RehearsalWaiting).to_owned()],
        State::Done(epoch, test) => {
            let values = [epoch.to_string(), format!("{test:.3}")];
            vec![language.fill(Phrase::RehearsalDone, &[&values[0], &values[1]])]
        }
        State::Learning => {
            let epoch = part.history.last().map_or(0, |(epoch, ..)| *epoch);
            let values = [(epoch + 1).min(part.epochs.max(1)), part.epochs].map(|n| n.to_string());
            let epoch = language.fill(Phrase::RehearsalEpoch, &[&values[0], &values[1]]);
            let bits = part
                .bits
                .map(|bits| language.fill(Phrase::RehearsalBits, &[&format!("{bits:.3}")]));
            bits.into_iter().chain([epoch]).collect()
        }
    };
    for text in told {
        let room = columns.saturating_sub(line.width() + 2);
        if width(&text) <= room {
            line.push_span(Span::raw(format!("  {text}")));
        }
    }
    line
}

fn sample(rehearsal: &Rehearsal, part: &Part, columns: usize) -> Line<'static> {
    let text = match part.samples.last() {
        Some((_, line)) => line.clone(),
        None if part.state == State::Learning => {
            rehearsal.language.say(Phrase::RehearsalSilent).to_owned()
        }
        None => String::new(),
    };
    let style = match part.samples.is_empty() {
        true => rehearsal.theme.direction(),
        false => rehearsal.theme.delivery(),
    };
    Line::styled(
        format!("    {}", ellipsized(&text, columns.saturating_sub(4))),
        style,
    )
}

/// One of them: its curves, and what it has said.
fn one(rehearsal: &Rehearsal, area: Rect, buffer: &mut Buffer) {
    let Some(part) = rehearsal.parts.get(rehearsal.shown()) else {
        return;
    };
    let columns = usize::from(area.width);
    let height = usize::from(area.height);
    let mut lines = vec![Line::styled(
        ellipsized(&part.name.to_uppercase(), columns),
        rehearsal.theme.name(part.color),
    )];
    // Two epochs make a curve; before that, and where rows are few, what is said has the room.
    if part.history.len() > 1 && height >= 8 {
        lines.extend(curve_lines(rehearsal, part, columns, ROWS.min(height - 5)));
    }
    let said = rehearsal.language.say(Phrase::RehearsalLines);
    if height >= 14 && lines.len() > 1 {
        lines.push(Line::default());
    }
    if height >= 5 {
        lines.push(Line::styled(said, rehearsal.theme.dim()));
    }
    let room = height.saturating_sub(lines.len());
    lines.extend(samples(rehearsal, part, columns, room));
    for (row, line) in lines.iter().enumerate() {
        draw_line(line, area, row, buffer);
    }
}

/// Its lines, the latest last, as many as fit.
fn samples(rehearsal: &Rehearsal, part: &Part, columns: usize, room: usize) -> Vec<Line<'static>> {
    let mut blocks: Vec<Vec<Line<'static>>> = Vec::new();
    let mut used = 0;
    for (age, (epoch, text)) in part.samples.iter().rev().enumerate() {
        let style = if age == 0 {
            Style::new()
        } else {
            rehearsal.theme.dim()
        };
        let block: Vec<Line<'static>> = wrapped(text, columns.saturating_sub(5).max(1))
            .enumerate()
            .map(|(index, line)| {
                let lead = if index == 0 {
                    format!("{epoch:>3}  ")
                } else {
                    " ".repeat(5)
                };
                Line::from(vec![
                    Span::styled(lead, rehearsal.theme.dim()),
                    Span::styled(line.to_owned(), style),
                ])
            })
            .collect();
        used += block.len();
        if used > room && age > 0 {
            break;
        }
        blocks.push(block);
    }
    if blocks.is_empty() {
        let silent = rehearsal.language.say(Phrase::RehearsalSilent);
        return vec![Line::styled(silent, rehearsal.theme.direction())];
    }
    blocks.into_iter().rev().flatten().collect()
}

/// Bits per character over the epochs: own text, the dev split, and the count table as a dotted line.
fn curve_lines(
    rehearsal: &Rehearsal,
    part: &Part,
    columns: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    const AXIS: usize = 6;
    let theme = rehearsal.theme;
    let own: Vec<f64> = part.history.iter().map(|(_, own, ..)| *own).collect();
    // A dev split with nothing in it has no curve.
    let dev: Vec<f64> = part
        .history
        .iter()
        .map(|(_, _, dev, _)| *dev)
        .filter(|dev| *dev > 0.0)
        .collect();
    let all = own.iter().chain(&dev).copied().chain(part.baseline);
    let (low, high) = all.fold((f64::MAX, f64::MIN), |(low, high), bits| {
        (low.min(bits), high.max(bits))
    });
    let (low, high) = (low * 0.97, high * 1.02);
    let height = |bits: &f64| ((bits - low) / (high - low).max(1e-9)) as f32;
    let width_of_picture = columns.saturating_sub(AXIS);
    let share = part.history.len() as f64 / part.epochs.max(1) as f64;
    let draw = |points: &[f64]| {
        let mut picture = Picture::new(width_of_picture, rows);
        let points: Vec<f32> = points.iter().map(height).collect();
        picture.draw(&points, share);
        picture.rows()
    };
    let mut baseline = Picture::new(width_of_picture, rows);
    if let Some(bits) = part.baseline {
        baseline.rule(height(&bits), 1.0);
    }
    // What lies on top comes last.
    let layers = [
        (baseline.rows(), theme.dim()),
        (draw(&own), theme.ink(Color::Gray)),
        (draw(&dev), theme.name(part.color)),
    ];
    let mut lines = Vec::new();
    for row in 0..rows {
        let label = match row {
            0 => format!("{high:>5.2} "),
            row if row + 1 == rows => format!("{low:>5.2} "),
            _ => " ".repeat(AXIS),
        };
        let mut line = Line::from(Span::styled(label, theme.dim()));
        let cells: Vec<Vec<char>> = layers
            .iter()
            .map(|(picture, _)| {
                picture
                    .get(row)
                    .map_or(Vec::new(), |row| row.chars().collect())
            })
            .collect();
        for column in 0..width_of_picture {
            let top = layers
                .iter()
                .zip(&cells)
                .rev()
                .find_map(|((_, style), cells)| {
                    let cell = cells.get(column).copied().filter(|cell| *cell != ' ')?;
                    Some(Span::styled(cell.to_string(), *style))
                });
            line.push_span(top.unwrap_or_else(|| Span::raw(" ")));
        }
        lines.push(line);
    }
    lines.push(legend(rehearsal, part));
    lines
}

/// What each curve is, and where it stands.
fn legend(rehearsal: &Rehearsal, part: &Part) -> Line<'static> {
    let theme = rehearsal.theme;
    let say = |phrase| rehearsal.language.say(phrase);
    let last = part.history.last();
    let mut line = Line::raw("      ");
    if let Some((_, own, dev, best)) = last {
        let mark = if *best { "*" } else { "" };
        line.push_span(Span::raw(format!(
            "{} {own:.3}   ",
            say(Phrase::RehearsalCurves)
        )));
        let dev = format!("{} {dev:.3}{mark}   ", say(Phrase::RehearsalDev));
        line.push_span(Span::styled(dev, theme.name(part.color)));
    }
    if let Some(bits) = part.baseline {
        let baseline = format!("{} {bits:.3}", say(Phrase::RehearsalBaseline));
        line.push_span(Span::styled(baseline, theme.dim()));
    }
    line
}

fn foot(rehearsal: &Rehearsal, screen: Rect, buffer: &mut Buffer) {
    let row = inset(Rect {
        y: screen.bottom() - 1,
        height: 1,
        ..screen
    });
    let mut hints: Vec<(&str, Phrase)> = BINDINGS
        .iter()
        .filter(|binding| binding.context == rehearsal.context())
        .filter_map(|binding| Some((binding.label, binding.hint?)))
        .collect();
    while hints.len() > 1 && hints_line(rehearsal, &hints).width() > usize::from(row.width) {
        // Help and the way out go last.
        hints.remove(hints.len().saturating_sub(3));
    }
    let line = hints_line(rehearsal, &hints);
    let room = usize::from(row.width).saturating_sub(line.width() + 2);
    draw_line(&line.alignment(Alignment::Right), row, 0, buffer);
    if let Some(notice) = &rehearsal.notice {
        let notice = Line::styled(ellipsized(notice, room), rehearsal.theme.dim());
        draw_line(&notice, row, 0, buffer);
    }
}

fn hints_line(rehearsal: &Rehearsal, hints: &[(&'static str, Phrase)]) -> Line<'static> {
    let mut line = Line::default();
    for (label, hint) in hints {
        let hint = match *hint {
            Phrase::HintPause if rehearsal.is_held => Phrase::HintGoOn,
            hint => hint,
        };
        if !line.spans.is_empty() {
            line.push_span("   ");
        }
        line.push_span(Span::styled(*label, rehearsal.theme.strong()));
        let text = format!(" {}", rehearsal.language.say(hint));
        line.push_span(Span::styled(text, rehearsal.theme.dim()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_told_as_people_tell_them() {
        assert_eq!(duration(7.9), "7 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(7_500.0), "2 h 05 min");
        assert_eq!(grouped(73_600.4), "73,600");
        assert_eq!(grouped(999.0), "999");
    }
}

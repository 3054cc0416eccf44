//! The takes of a line, below the script: every candidate with its score, and the parts of the one that is looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};
use telenovela_script::event::Spoken;
use telenovela_script::voice::{self, ScoreCard, ScoreWeights, Take};

use super::lists::first_visible;
use super::{draw_line, inset};
use crate::language::{Language, Phrase};
use crate::tui::app::App;
use crate::wrap::{ellipsized, width, wrapped};

/// A part of a score card, its value, and what it means.
pub type Told = (Phrase, f32, Phrase);

/// Draws the takes of the selected line.
pub fn takes(app: &App, at: usize, area: Rect, buffer: &mut Buffer) {
    Clear.render(area.intersection(buffer.area), buffer);
    buffer.set_style(area.intersection(buffer.area), app.theme.canvas());
    let Some(spoken) = app.selected_line() else {
        return;
    };
    let inner = inset(area);
    let columns = usize::from(inner.width);
    draw_line(&title(app, spoken, at, columns), inner, 0, buffer);
    let height = usize::from(inner.height);
    let Some(take) = spoken.takes.get(at) else {
        return;
    };
    let mut whole = whole_line(take, app, columns);
    whole.truncate(height.saturating_sub(4).clamp(1, 4));
    let parts = parts_lines(&take.score, app, columns);
    let n_parts = parts.len().min(height.saturating_sub(whole.len() + 4));
    let rows = height.saturating_sub(1 + whole.len() + n_parts + 1);
    let first = first_visible(at, spoken.takes.len(), rows);
    let visible = spoken.takes.iter().enumerate().skip(first).take(rows);
    for (row, (place, take)) in visible.enumerate() {
        let line = take_line(app, spoken, (place, take), place == at, columns);
        draw_line(&line, inner, row + 1, buffer);
    }
    let below = whole.into_iter().chain(parts.into_iter().take(n_parts));
    for (row, line) in below.enumerate() {
        draw_line(&line, inner, 1 + rows + 1 + row, buffer);
    }
}

/// `── Takes of Inés's line · take 3 of 12 ───`
fn title(app: &App, spoken: &Spoken, at: usize, columns: usize) -> Line<'static> {
    let whose = app
        .language
        .fill(Phrase::TakesOf, &[&spoken.utterance.name]);
    let place = [at + 1, spoken.takes.len()].map(|n| n.to_string());
    let place = app.language.fill(Phrase::TakeOf, &[&place[0], &place[1]]);
    let title = ellipsized(&format!("{whose} · {place}"), columns.saturating_sub(6));
    let n_after = columns.saturating_sub(width(&title) + 4);
    Line::from(vec![
        Span::styled("── ", app.theme.dim()),
        Span::styled(title, app.theme.strong()),
        Span::styled(format!(" {}", "─".repeat(n_after)), app.theme.dim()),
    ])
}

fn take_line(
    app: &App,
    spoken: &Spoken,
    (place, take): (usize, &Take),
    is_chosen: bool,
    columns: usize,
) -> Line<'static> {
    let mark = if spoken.kept == Some(place) {
        '●'
    } else {
        ' '
    };
    let lead = format!(" {mark} {:>2}  {:>6.2}  ", place + 1, take.score.total);
    let text = said(take, app.language);
    let room = columns.saturating_sub(width(&lead) + 1);
    let text = ellipsized(&text, room);
    let style = match is_chosen {
        true => app.theme.chosen(),
        false => Style::new(),
    };
    let padding = " ".repeat(columns.saturating_sub(width(&lead) + width(&text)));
    let lead_style = if is_chosen { style } else { app.theme.dim() };
    Line::from(vec![
        Span::styled(lead, lead_style),
        Span::styled(format!("{text}{padding}"), style),
    ])
}

/// Delivery and words of a take on one line.
fn said(take: &Take, language: Language) -> String {
    let text = match take.text.trim() {
        "" => language.say(Phrase::Silent),
        text => text,
    };
    match &take.delivery {
        Some(delivery) => format!("({delivery}) {text}"),
        None => text.to_owned(),
    }
}

fn whole_line(take: &Take, app: &App, columns: usize) -> Vec<Line<'static>> {
    let text = said(take, app.language);
    let lines = wrapped(&text, columns.saturating_sub(4));
    let lines = lines.map(|line| Line::from(format!("    {line}")));
    lines.collect()
}

/// The parts of a score card side by side, as many in a row as fit.
fn parts_lines(card: &ScoreCard, app: &App, columns: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut line = Line::raw("    ");
    for (name, value, _) in parts(card) {
        let name = format!("{} ", app.language.say(name));
        let value = format!("{value:+.2}");
        let needed = width(&name) + width(&value) + 3;
        if line.width() + needed > columns && line.spans.len() > 1 {
            lines.push(std::mem::replace(&mut line, Line::raw("    ")));
        }
        line.push_span(Span::styled(name, app.theme.dim()));
        line.push_span(Span::raw(value));
        line.push_span(Span::raw("   "));
    }
    lines.push(line);
    lines
}

/// The parts of a score card that say something: those of the likelihoods always, the others where they are not 0. Copied words are told as they are, those
/// that cost nothing too.
pub fn parts(card: &ScoreCard) -> Vec<Told> {
    use voice::Part as P;
    let summands = card.summands(&ScoreWeights::default()).into_iter();
    let told = summands.map(|(part, value, _)| match part {
        P::CopiedWords => (part, card.copied_words as f32),
        _ => (part, value),
    });
    let says_something = |(part, value): &(P, f32)| part.is_likelihood() || *value != 0.0;
    told.filter(says_something)
        .map(|(part, value)| {
            let (name, meaning) = phrases(part);
            (name, value, meaning)
        })
        .collect()
}

/// The name of a part and what it says.
pub fn phrases(part: voice::Part) -> (Phrase, Phrase) {
    use Phrase as P;
    use voice::Part;
    match part {
        Part::Fluency => (P::PartFluency, P::SayFluency),
        Part::Cue => (P::PartCue, P::SayCue),
        Part::Voice => (P::PartVoice, P::SayVoice),
        Part::Plot => (P::PartPlot, P::SayPlot),
        Part::Motifs => (P::PartMotifs, P::SayMotifs),
        Part::Length => (P::PartLength, P::SayLength),
        Part::Loops => (P::PartLoops, P::SayLoops),
        Part::UnknownWords => (P::PartUnknown, P::SayUnknown),
        Part::CopiedWords => (P::PartCopied, P::SayCopied),
        Part::IsCopy => (P::PartCopy, P::SayCopy),
        Part::Unfinished => (P::PartUnfinished, P::SayUnfinished),
    }
}

//! A line looked into: how unexpected each piece was, what might have stood in its place, what the model remembered; what the director weighed, why this
//! one spoke, and what in the scripts is nearest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use telenovela_script::character::Color;
use telenovela_script::event::{Because, Candidate, Spoken};
use telenovela_script::voice::{ExplainedToken, Explanation, Take};

use super::takes::parts;
use super::{Areas, draw_line, inset};
use crate::language::Phrase;
use crate::tui::app::{App, Front};
use crate::tui::curve::bar;
use crate::tui::inspector::{Insight, Inspection, heat};
use crate::wrap::{ellipsized, width, wrapped};

/// From so many columns on, the line stands beside what the director made of it.
const TWO_COLUMNS_FROM: u16 = 96;
/// Cells of a probability of 1.
const BAR: usize = 24;
/// Bits that fill a column of the heat line.
const FULL_BITS: f32 = 10.0;
/// Most rows of the hidden state.
const HIDDEN_ROWS: usize = 3;

/// Everything between header and footer.
pub fn area(areas: Areas, screen: Rect) -> Rect {
    let top = areas.body.y;
    let area = Rect {
        y: top,
        height: (screen.bottom() - 1).saturating_sub(top),
        ..screen
    };
    inset(inset(area))
}

/// Draws what is known of a line.
pub fn inspector(app: &App, inspection: &Inspection, area: Rect, buffer: &mut Buffer) {
    let Some(spoken) = app.selected_line() else {
        return;
    };
    let top = inspection.top;
    if area.width < TWO_COLUMNS_FROM {
        let columns = usize::from(area.width);
        let mut lines = of_the_model(app, inspection, spoken, columns);
        lines.push(Line::default());
        lines.extend(of_the_director(app, inspection, spoken, columns));
        for (row, line) in lines.iter().skip(top).enumerate() {
            draw_line(line, area, row, buffer);
        }
        return;
    }
    let (left, right) = halves(area);
    let of_model = of_the_model(app, inspection, spoken, usize::from(left.width));
    let of_director = of_the_director(app, inspection, spoken, usize::from(right.width));
    for (lines, half) in [(of_model, left), (of_director, right)] {
        for (row, line) in lines.iter().skip(top).enumerate() {
            draw_line(line, half, row, buffer);
        }
    }
}

/// The furthest that it can be scrolled on this screen.
pub fn last_top(app: &App, screen: Rect) -> usize {
    let (Front::Inspector(inspection), Some(spoken)) = (&app.front, app.selected_line()) else {
        return 0;
    };
    if super::is_too_small(screen) {
        return 0;
    }
    let area = area(super::areas(app, screen), screen);
    let n_lines = if area.width < TWO_COLUMNS_FROM {
        let columns = usize::from(area.width);
        of_the_model(app, inspection, spoken, columns).len()
            + 1
            + of_the_director(app, inspection, spoken, columns).len()
    } else {
        let (left, right) = halves(area);
        let n_left = of_the_model(app, inspection, spoken, usize::from(left.width)).len();
        let n_right = of_the_director(app, inspection, spoken, usize::from(right.width)).len();
        n_left.max(n_right)
    };
    n_lines.saturating_sub(usize::from(area.height))
}

fn halves(area: Rect) -> (Rect, Rect) {
    let left = area.width / 2;
    let right = Rect {
        x: area.x + left + 3,
        width: area.width - left - 3,
        ..area
    };
    (
        Rect {
            width: left,
            ..area
        },
        right,
    )
}

/// What the model says: the line in heat, the rivals of a piece, the hidden state.
fn of_the_model(
    app: &App,
    inspection: &Inspection,
    spoken: &Spoken,
    columns: usize,
) -> Vec<Line<'static>> {
    let take = inspection.take.and_then(|take| spoken.takes.get(take));
    let name = app.theme.name(app.ledger.color(&spoken.utterance.speaker));
    let mut head = vec![Span::styled(spoken.utterance.name.to_uppercase(), name)];
    if let (Some(take), Some(index)) = (take, inspection.take) {
        let place = [index + 1, spoken.takes.len()].map(|n| n.to_string());
        let place = app.language.fill(Phrase::TakeOf, &[&place[0], &place[1]]);
        let mark = if spoken.kept == Some(index) {
            " ●"
        } else {
            ""
        };
        head.push(Span::styled(format!("  {place}{mark}"), app.theme.dim()));
        if let Some(delivery) = &take.delivery {
            head.push(Span::styled(
                format!("  ({delivery})"),
                app.theme.delivery(),
            ));
        }
    }
    let mut lines = vec![Line::from(head), Line::default()];
    match &inspection.insight {
        Insight::Known(explanation) if !explanation.tokens.is_empty() => {
            lines.extend(heat_lines(app, explanation, inspection.token, columns));
            lines.push(Line::default());
            lines.extend(rival_lines(app, explanation, inspection.token, columns));
            lines.extend(hidden_lines(app, explanation, inspection.token, columns));
        }
        other => {
            lines.extend(plain_line(take, spoken, columns));
            lines.push(Line::default());
            let why = match other {
                Insight::Waiting => app.language.say(Phrase::Thinking),
                Insight::Unknown(why) => why,
                Insight::Known(_) => app.language.say(Phrase::NothingInside),
            };
            lines.extend(
                wrapped(why, columns)
                    .map(|why| Line::styled(why.to_owned(), app.theme.direction())),
            );
        }
    }
    lines
}

fn plain_line(take: Option<&Take>, spoken: &Spoken, columns: usize) -> Vec<Line<'static>> {
    let text = take.map_or(spoken.utterance.text.as_str(), |take| &take.text);
    wrapped(text, columns)
        .map(|line| Line::raw(line.to_owned()))
        .collect()
}

/// A title and what it means, in one sentence.
fn title(app: &App, title: &str, says: &str, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(title.to_owned(), app.theme.strong())];
    lines.extend(
        wrapped(says, columns).map(|line| Line::styled(line.to_owned(), app.theme.direction())),
    );
    lines
}

/// The line in its pieces, each on a ground as hot as it was unexpected, over a column as high.
fn heat_lines(
    app: &App,
    explanation: &Explanation,
    chosen: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let say = |phrase| app.language.say(phrase);
    let mut lines = title(app, say(Phrase::HeatTitle), say(Phrase::HeatSays), columns);
    lines.push(Line::default());
    for row in rows_of_pieces(&explanation.tokens, columns) {
        let (mut text, mut bars) = (Line::default(), Line::default());
        for index in row {
            let token = &explanation.tokens[index];
            let mut style = app.theme.heat(heat(token.surprise));
            let mut bar_style = app.theme.dim();
            if index == chosen {
                style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
                bar_style = app.theme.strong();
            }
            let shown = piece(token);
            let cells = width(&shown);
            let column = bar(token.surprise / FULL_BITS).to_string();
            text.push_span(Span::styled(shown, style));
            bars.push_span(Span::styled(column.repeat(cells), bar_style));
        }
        lines.push(text);
        lines.push(bars);
    }
    let bits: f32 = explanation.tokens.iter().map(|token| token.surprise).sum();
    let mean = bits / explanation.tokens.len().max(1) as f32;
    let figures = [format!("{mean:.1}"), format!("{bits:.0}")];
    let mean = app
        .language
        .fill(Phrase::HeatMean, &[&figures[0], &figures[1]]);
    lines.push(Line::styled(mean, app.theme.dim()));
    lines
}

/// A piece as it is shown: one that adds nothing visible still has a place.
fn piece(token: &ExplainedToken) -> String {
    match token.text.as_str() {
        "" => "·".to_owned(),
        text => text.to_owned(),
    }
}

/// The pieces that stand in each row: a row ends before the word that would not fit.
fn rows_of_pieces(tokens: &[ExplainedToken], columns: usize) -> Vec<std::ops::Range<usize>> {
    let begins_word = |index: usize| tokens[index].text.starts_with(char::is_whitespace);
    let mut rows = Vec::new();
    let (mut from, mut word, mut used, mut of_word) = (0, 0, 0, 0);
    for (index, token) in tokens.iter().enumerate() {
        let cells = width(&piece(token));
        if begins_word(index) || index == 0 {
            (word, of_word) = (index, 0);
        }
        if used + cells > columns && index > from {
            let to = if word > from { word } else { index };
            rows.push(from..to);
            from = to;
            used = if to == word { of_word } else { 0 };
        }
        used += cells;
        of_word += cells;
    }
    if from < tokens.len() {
        rows.push(from..tokens.len());
    }
    rows
}

/// What the model thought of in the place of a piece, and how much of each.
fn rival_lines(
    app: &App,
    explanation: &Explanation,
    chosen: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let Some(token) = explanation.tokens.get(chosen) else {
        return Vec::new();
    };
    let before: String = explanation.tokens[..chosen]
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    let before = before.trim_start();
    let n_chars = before.chars().count();
    let tail: String = before.chars().skip(n_chars.saturating_sub(24)).collect();
    let says = match tail.is_empty() {
        true => app.language.say(Phrase::CandidatesFirst).to_owned(),
        false => app.language.fill(Phrase::CandidatesSay, &[&tail]),
    };
    let mut lines = title(
        app,
        app.language.say(Phrase::CandidatesTitle),
        &says,
        columns,
    );
    let drawn = |probability: f32| {
        let bits = format!("{:.1}", -probability.max(f32::MIN_POSITIVE).log2());
        app.language.fill(Phrase::Drawn, &[&bits])
    };
    let mut rivals: Vec<(String, f32)> = token.candidates.clone();
    if !rivals.iter().any(|(text, _)| *text == token.text) {
        rivals.push((token.text.clone(), (-token.surprise).exp2()));
    }
    let n_bar = BAR.min(columns.saturating_sub(15 + 8 + 22)).max(4);
    for (text, probability) in rivals {
        let is_drawn = text == token.text;
        let n_full = ((probability * n_bar as f32).round() as usize).min(n_bar);
        let shown = ellipsized(text.trim_start(), 12);
        let shown = if shown.is_empty() {
            "·".to_owned()
        } else {
            shown
        };
        let padding = " ".repeat(13_usize.saturating_sub(width(&shown)));
        let mut line = Line::from(vec![
            Span::styled(
                format!("  {shown}"),
                if is_drawn {
                    app.theme.strong()
                } else {
                    Style::new()
                },
            ),
            Span::raw(padding),
            Span::raw("━".repeat(n_full)),
            Span::styled("─".repeat(n_bar - n_full), app.theme.dim()),
            Span::styled(format!("{:>6.1} %", probability * 100.0), app.theme.dim()),
        ]);
        if is_drawn {
            line.push_span(Span::styled(
                format!("  ◂ {}", drawn(probability)),
                app.theme.strong(),
            ));
        }
        lines.push(line);
    }
    lines
}

/// The memory of the last layer as a strip: a column for each number, as high as it is far from 0, in two colours for the two signs.
fn hidden_lines(
    app: &App,
    explanation: &Explanation,
    chosen: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let Some(hidden) = explanation
        .tokens
        .get(chosen)
        .map(|token| token.hidden.as_slice())
        .filter(|hidden| !hidden.is_empty())
    else {
        return Vec::new();
    };
    let n = hidden.len().to_string();
    let says = app.language.fill(Phrase::HiddenSays, &[&n]);
    let mut lines = vec![Line::default()];
    lines.extend(title(
        app,
        app.language.say(Phrase::HiddenTitle),
        &says,
        columns,
    ));
    let strip = |row: &[f32]| {
        let cell = |value: &f32| {
            let style = match *value >= 0.0 {
                true => app.theme.ink(Color::Cyan),
                false => app.theme.ink(Color::Red).patch(app.theme.dim()),
            };
            Span::styled(bar(value.abs()).to_string(), style)
        };
        Line::from(row.iter().map(cell).collect::<Vec<_>>())
    };
    lines.extend(hidden.chunks(columns.max(1)).take(HIDDEN_ROWS).map(strip));
    lines
}

/// What the director made of it: the score, the choice of the speaker, the nearest line of the scripts.
fn of_the_director(
    app: &App,
    inspection: &Inspection,
    spoken: &Spoken,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some((index, take)) = inspection
        .take
        .and_then(|index| Some((index, spoken.takes.get(index)?)))
    {
        lines.extend(score_lines(app, spoken, (index, take), columns));
        lines.push(Line::default());
    }
    lines.extend(speaker_lines(app, spoken, columns));
    if let Some(full) = &spoken.full_text {
        lines.push(Line::default());
        let cut = app.language.fill(Phrase::CutOff, &[full]);
        lines.extend(
            wrapped(&cut, columns).map(|line| Line::styled(line.to_owned(), app.theme.direction())),
        );
    }
    if let Insight::Known(explanation) = &inspection.insight
        && spoken.kept.is_some()
    {
        lines.push(Line::default());
        lines.extend(nearest_lines(app, explanation, columns));
    }
    lines
}

fn score_lines(
    app: &App,
    spoken: &Spoken,
    (index, take): (usize, &Take),
    columns: usize,
) -> Vec<Line<'static>> {
    let place = [index + 1, spoken.takes.len()].map(|n| n.to_string());
    let says = app
        .language
        .fill(Phrase::ScoreSays, &[&place[0], &place[1]]);
    let score = format!(
        "{} {:+.2}",
        app.language.say(Phrase::ScoreTitle),
        take.score.total
    );
    let mut lines = title(app, &score, &says, columns);
    for (name, value, meaning) in parts(&take.score) {
        let name = ellipsized(app.language.say(name), 16);
        let padding = " ".repeat(17_usize.saturating_sub(width(&name)));
        let room = columns.saturating_sub(2 + 17 + 8 + 2);
        let meaning = if room >= 20 {
            ellipsized(app.language.say(meaning), room)
        } else {
            String::new()
        };
        lines.push(Line::from(vec![
            Span::raw(format!("  {name}{padding}{value:>+7.2}  ")),
            Span::styled(meaning, app.theme.dim()),
        ]));
    }
    lines
}

/// Who could have spoken, and every factor that was not 1 for all.
fn speaker_lines(app: &App, spoken: &Spoken, columns: usize) -> Vec<Line<'static>> {
    let name = spoken.utterance.name.to_uppercase();
    let head = app.language.fill(Phrase::SpeakerTitle, &[&name]);
    let Some((because, candidates)) = app.choice_of(spoken.utterance.turn) else {
        return title(app, &head, app.language.say(Phrase::ByAuthored), columns);
    };
    let says = match because {
        Because::Authored => Phrase::ByAuthored,
        Because::Injected => Phrase::ByInjected,
        Because::Chosen => Phrase::ByChosen,
        Because::OnlyOne => Phrase::ByOnlyOne,
        Because::Policy => Phrase::SpeakerSays,
    };
    let mut lines = title(app, &head, app.language.say(says), columns);
    let all: f32 = candidates.iter().map(|candidate| candidate.weight).sum();
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    for candidate in order {
        let share = candidate.weight / all.max(f32::MIN_POSITIVE);
        let n_full = ((share * 10.0).round() as usize).min(10);
        let ink = app.ledger.color(&candidate.character);
        let name = ellipsized(&app.ledger.name(&candidate.character), 14);
        let padding = " ".repeat(15_usize.saturating_sub(width(&name)));
        lines.push(Line::from(vec![
            Span::styled(format!("  {name}"), app.theme.name(ink)),
            Span::raw(padding),
            Span::styled("━".repeat(n_full), app.theme.ink(ink)),
            Span::styled("─".repeat(10 - n_full), app.theme.dim()),
            Span::styled(format!("{:>4.0} %", share * 100.0), app.theme.dim()),
        ]));
        let factors = factors(candidate)
            .into_iter()
            .filter(|(_, value)| *value != 1.0)
            .map(|(name, value)| format!("{} {value:.2}", app.language.say(name)));
        let factors = factors.collect::<Vec<_>>().join(" × ");
        lines.extend(
            wrapped(&factors, columns.saturating_sub(4))
                .map(|line| Line::styled(format!("    {line}"), app.theme.dim())),
        );
    }
    lines
}

fn factors(candidate: &Candidate) -> [(Phrase, f32); 10] {
    use Phrase as P;
    [
        (P::FactorTalkative, candidate.talkativeness),
        (P::FactorBeat, candidate.beat),
        (P::FactorBalance, candidate.balance),
        (P::FactorIdle, candidate.idle),
        (P::FactorAddressed, candidate.addressed),
        (P::FactorBid, candidate.bid),
        (P::FactorRepeat, candidate.repeat),
        (P::FactorMood, candidate.mood),
        (P::FactorPingPong, candidate.ping_pong),
        (P::FactorOrder, candidate.order),
    ]
}

fn nearest_lines(app: &App, explanation: &Explanation, columns: usize) -> Vec<Line<'static>> {
    let head = app.language.say(Phrase::NearestTitle);
    let Some(nearest) = &explanation.nearest else {
        return title(app, head, app.language.say(Phrase::NearestNone), columns);
    };
    let n = nearest.n_words.to_string();
    let says = app.language.fill(Phrase::NearestSays, &[&n]);
    let mut lines = title(app, head, &says, columns);
    let quoted = format!("«{}»", nearest.text);
    lines.extend(
        wrapped(&quoted, columns.saturating_sub(2)).map(|line| Line::raw(format!("  {line}"))),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(pieces: &[&str]) -> Vec<ExplainedToken> {
        let token = |text: &&str| ExplainedToken {
            text: (*text).to_owned(),
            surprise: 1.0,
            candidates: Vec::new(),
            hidden: Vec::new(),
        };
        pieces.iter().map(token).collect()
    }

    #[test]
    fn rows_break_before_words_and_lose_no_piece() {
        let pieces = tokens(&["I", " sig", "ned", " a", " pap", "er", "."]);
        assert_eq!(rows_of_pieces(&pieces, 9), [0..3, 3..7]);
        for columns in 1..20 {
            let rows = rows_of_pieces(&pieces, columns);
            let shown: Vec<usize> = rows.into_iter().flatten().collect();
            assert_eq!(shown, (0..pieces.len()).collect::<Vec<_>>(), "{columns}");
        }
    }
}

//! The rows above and below the script.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use telenovela_script::event::{Playbill, ThreadState};

use super::{draw_line, inset};
use crate::language::Phrase;
use crate::tui::app::{App, Front};
use crate::tui::keymap::{Action, BINDINGS, Context};
use crate::tui::ledger::{mark, thread_symbol};
use crate::wrap::{ellipsized, width};

/// Performance time as people say it: `2:05`.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Draws show and scene, and what the performance is doing.
pub fn header(app: &App, area: Rect, buffer: &mut Buffer) {
    let columns = usize::from(area.width).saturating_sub(2);
    let inner = inset(area);
    let state = state(app);
    draw_line(
        &Line::raw(state.clone()).alignment(Alignment::Right),
        inner,
        0,
        buffer,
    );
    let room = columns.saturating_sub(width(&state) + 2);
    let Some(playbill) = &app.ledger.playbill else {
        return;
    };
    let both = width(&playbill.show_title) + 3 + width(&playbill.title);
    let line = if both <= room {
        Line::from(vec![
            Span::styled(playbill.show_title.clone(), app.theme.strong()),
            Span::styled(format!(" · {}", playbill.title), app.theme.dim()),
        ])
    } else {
        Line::styled(ellipsized(&playbill.title, room), app.theme.strong())
    };
    draw_line(&line, inner, 0, buffer);
}

/// Draws loose ends, stage and arc in a row, each as long as there is room for it.
pub fn fold(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(playbill) = &app.ledger.playbill else {
        return;
    };
    let inner = inset(area);
    let seed = app
        .language
        .fill(Phrase::Seed, &[&playbill.seed.to_string()]);
    let seed = vec![dim(app, seed)];
    // What matters most comes first; each part may have a shorter way of saying it.
    let parts = [
        vec![threads(app)],
        vec![stage(app, playbill, true), stage(app, playbill, false)],
        vec![beat(app, playbill, true), beat(app, playbill, false)],
        vec![seed],
    ];
    let mut line = Line::default();
    for ways in parts {
        let gap = if line.spans.is_empty() { "" } else { "  │  " };
        let room = usize::from(inner.width).saturating_sub(line.width() + width(gap));
        let spans_width = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
        let fitting = ways.into_iter().find(|spans| spans_width(spans) <= room);
        let Some(spans) = fitting.filter(|spans| !spans.is_empty()) else {
            continue;
        };
        line.push_span(dim(app, gap.to_owned()));
        line.extend(spans);
    }
    draw_line(&line, inner, 0, buffer);
}

/// Draws notices, the legend of marks, and the keys to press next.
pub fn footer(app: &App, area: Rect, buffer: &mut Buffer) {
    let inner = inset(area);
    let columns = usize::from(inner.width);
    let (news, is_urgent) = news(app);
    // News may push the hints aside, but not the way to the card of keys; the legend may not.
    let n_for_hints = if is_urgent {
        columns.saturating_sub(news.width() + 2)
    } else {
        columns
    };
    let mut hints = hints(app, app.context());
    while hints.len() > 1 && hints_line(app, &hints).width() > n_for_hints {
        // Help and the way out go last.
        hints.remove(hints.len().saturating_sub(3));
    }
    let hints = hints_line(app, &hints);
    let room = columns.saturating_sub(hints.width() + 2);
    draw_line(&hints.alignment(Alignment::Right), inner, 0, buffer);
    if is_urgent || news.width() <= room {
        let room = u16::try_from(room).unwrap_or(inner.width);
        draw_line(
            &news,
            Rect {
                width: room.min(inner.width),
                ..inner
            },
            0,
            buffer,
        );
    }
}

/// A key and the word for what it does.
pub type Hint = (&'static str, Phrase);

/// The keys of a context that have a word in the table and something to do.
pub fn hints(app: &App, context: Context) -> Vec<Hint> {
    let of_context = BINDINGS.iter().filter(|binding| binding.context == context);
    let is_useful =
        |action| !(app.ledger.ended && matches!(action, Action::TogglePause | Action::OpenInput));
    let has_line = app.selected_line().is_some();
    of_context
        .filter(|binding| is_useful(binding.action))
        .filter(|binding| has_line || binding.action != Action::Inspect)
        .filter_map(|binding| binding.hint.map(|hint| (binding.label, hint)))
        .collect()
}

/// Hints side by side.
pub fn hints_line(app: &App, hints: &[Hint]) -> Line<'static> {
    let mut line = Line::default();
    for (label, hint) in hints {
        if !line.spans.is_empty() {
            line.push_span("   ");
        }
        let hint = match *hint {
            Phrase::HintPause if app.paused => Phrase::HintGoOn,
            hint => hint,
        };
        line.push_span(Span::styled(*label, app.theme.strong()));
        line.push_span(dim(app, format!(" {}", app.language.say(hint))));
    }
    line
}

/// What stands at the left of the footer, and whether it is more than the legend.
fn news(app: &App) -> (Line<'static>, bool) {
    if let Some(notice) = &app.notice {
        (Line::styled(notice.clone(), app.theme.warning()), true)
    } else if let Front::Inspector(inspection) = &app.front {
        let is_more = inspection.top < super::inspector::last_top(app, app.area());
        let more = if is_more {
            app.language.say(Phrase::MorePages)
        } else {
            ""
        };
        (Line::styled(more, app.theme.dim()), false)
    } else if !app.document.is_following() && app.document.n_lines_below() > 0 {
        (
            Line::raw(app.language.fill(
                Phrase::MoreBelow,
                &[&app.document.n_lines_below().to_string()],
            )),
            true,
        )
    } else {
        let legend = app
            .ledger
            .marks
            .iter()
            .filter_map(|provenance| mark(*provenance));
        let legend: Vec<String> = legend
            .map(|(mark, word)| format!("{mark} {}", app.language.say(word)))
            .collect();
        (Line::styled(legend.join("  "), app.theme.dim()), false)
    }
}

fn state(app: &App) -> String {
    let clock = clock(app.at_ms());
    let speed = match app.speed() {
        1.0 => String::new(),
        speed => format!("{speed}× "),
    };
    if app.ledger.playbill.is_none() {
        String::new()
    } else if app.ledger.ended {
        format!("■ {clock}")
    } else if app.paused {
        format!("{speed}‖ {} {clock}", app.language.say(Phrase::Paused))
    } else if app.is_held() {
        format!("{speed}‖ {clock}")
    } else {
        format!("{speed}▸ {clock}")
    }
}

fn dim(app: &App, text: String) -> Span<'static> {
    Span::styled(text, app.theme.dim())
}

/// How many threads are in each state, leaving out those that nobody knows of yet.
fn threads(app: &App) -> Vec<Span<'static>> {
    let states = [
        ThreadState::Open,
        ThreadState::Advanced,
        ThreadState::Resolved,
    ];
    let count = |state| {
        app.ledger
            .threads
            .iter()
            .filter(|known| **known == state)
            .count()
    };
    let known = states
        .into_iter()
        .map(|state| (state, count(state)))
        .filter(|(_, n)| *n > 0);
    let words: Vec<String> = known
        .map(|(state, n)| format!("{} {n}", thread_symbol(state)))
        .collect();
    if words.is_empty() {
        Vec::new()
    } else {
        vec![Span::raw(words.join("  "))]
    }
}

/// The names of who is on stage, the speaker's with a mark; or of the speaker alone.
fn stage(app: &App, playbill: &Playbill, everybody: bool) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (index, member) in playbill.cast.iter().enumerate() {
        let on_stage = app
            .ledger
            .cast
            .get(index)
            .is_some_and(|presence| presence.on_stage);
        let speaks = app.is_speaking() && app.ledger.speaker == Some(index);
        if !speaks && (!everybody || !on_stage || member.offstage) {
            continue;
        }
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        let name = if speaks {
            format!("▸ {}", member.name)
        } else {
            member.name.clone()
        };
        spans.push(Span::styled(name, app.theme.name(member.color)));
    }
    spans
}

/// The present beat, with its title or without.
fn beat(app: &App, playbill: &Playbill, with_title: bool) -> Vec<Span<'static>> {
    let Some(index) = app.ledger.beat else {
        return Vec::new();
    };
    let place = dim(app, format!("{}/{}", index + 1, playbill.beats.len()));
    let title = playbill.beats.get(index).filter(|_| with_title);
    let title = title.map(|title| Span::raw(format!(" {}", ellipsized(title, 28))));
    std::iter::once(place).chain(title).collect()
}

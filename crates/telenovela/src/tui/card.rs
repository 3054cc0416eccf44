//! The first and the last thing the audience sees: title card and end card, laid out as lines of the script.

use ratatui::layout::Alignment;
use ratatui::text::{Line, Span};
use telenovela_script::character::Color;
use telenovela_script::event::{EndReason, Playbill, ThreadOutcome};
use telenovela_script::scene::Setting;

use super::ledger::thread_symbol;
use super::theme::Theme;
use crate::language::{Language, Phrase};
use crate::wrap::{balanced, wrapped};

/// What the audience is told first.
#[derive(Clone, Debug)]
pub struct TitleCard {
    show: String,
    title: String,
    heading: String,
    premise: Option<String>,
    cast: Vec<(String, Color)>,
}

/// What the audience is told last.
#[derive(Clone, Debug)]
pub struct EndCard {
    /// `THE END`.
    pub card: String,
    /// Why the performance is over.
    pub reason: EndReason,
    /// What became of each thread.
    pub threads: Vec<ThreadOutcome>,
    /// Words of generated lines.
    pub generated_words: u64,
    /// Words of authored lines.
    pub authored_words: u64,
    /// What repeats and what exports the performance: a word, and a command line.
    pub commands: Vec<(&'static str, String)>,
}

impl TitleCard {
    /// The title card of a performance.
    pub fn new(playbill: &Playbill) -> Self {
        Self {
            show: playbill.show_title.clone(),
            title: playbill.title.clone(),
            // Each scene of an episode says itself where it plays.
            heading: if playbill.scenes.is_empty() {
                heading(&playbill.setting)
            } else {
                String::new()
            },
            premise: playbill.premise.clone(),
            cast: playbill
                .cast
                .iter()
                .map(|member| (member.name.clone(), member.color))
                .collect(),
        }
    }

    /// The card before a scene of an episode; `index` counts from 0.
    pub fn of_scene(index: usize, title: &str, setting: &Setting, premise: Option<String>) -> Self {
        Self {
            show: (index + 1).to_string(),
            title: title.to_owned(),
            heading: heading(setting),
            premise,
            cast: Vec::new(),
        }
    }
}

/// A setting as the heading of a script scene: `EXT. THE THIRD WINDMILL - NIGHT`.
pub fn heading(setting: &Setting) -> String {
    let side = if setting.interior { "INT." } else { "EXT." };
    format!(
        "{side} {} - {}",
        setting.place.to_uppercase(),
        setting.time.to_uppercase()
    )
}

/// Why a performance ended, in words.
pub fn end_reason(reason: EndReason, language: Language) -> &'static str {
    language.say(match reason {
        EndReason::Concluded => Phrase::EndConcluded,
        EndReason::MaxLines => Phrase::EndMaxLines,
        EndReason::Stopped => Phrase::EndStopped,
        EndReason::NobodyLeft => Phrase::EndNobodyLeft,
    })
}

/// How much of the words the models made, in words; `None` when nobody of the cast said anything.
pub fn word_share(generated: u64, authored: u64, language: Language) -> Option<String> {
    let all = generated + authored;
    // Rounded down, so that no authored word hides behind a hundred.
    let percent = (generated * 100).checked_div(all)?;
    let figures = [generated, all, percent, authored].map(|n| n.to_string());
    Some(language.fill(Phrase::WordShare, &figures.each_ref().map(String::as_str)))
}

/// The lines of a title card.
pub fn title(card: &TitleCard, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    lines.extend(
        centered(&card.show.to_uppercase(), columns).map(|line| line.style(theme.strong())),
    );
    lines.push(Line::default());
    lines.extend(centered(&card.title, columns).map(|line| line.style(theme.delivery())));
    if !card.heading.is_empty() {
        lines.push(Line::default());
        lines.extend(centered(&card.heading, columns));
    }
    if let Some(premise) = &card.premise {
        lines.push(Line::default());
        // A little narrower than the script, as on a poster.
        let narrow = if columns > 48 { columns - 16 } else { columns };
        lines.extend(centered(premise, narrow).map(|line| line.style(theme.dim())));
    }
    if !card.cast.is_empty() {
        lines.push(Line::default());
        lines.extend(cast_lines(&card.cast, columns, theme));
    }
    lines
}

/// The lines of an end card.
pub fn end(card: &EndCard, columns: usize, theme: Theme, language: Language) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    lines.extend(centered(&card.card, columns).map(|line| line.style(theme.strong())));
    if card.reason != EndReason::Concluded {
        lines.extend(
            centered(end_reason(card.reason, language), columns)
                .map(|line| line.style(theme.direction())),
        );
    }
    for thread in &card.threads {
        lines.push(Line::default());
        let symbol = thread_symbol(thread.state);
        for (index, line) in wrapped(&thread.question, columns.saturating_sub(4)).enumerate() {
            let lead = if index == 0 {
                format!("  {symbol} ")
            } else {
                "    ".to_owned()
            };
            lines.push(Line::raw(format!("{lead}{line}")));
        }
        let outcome = match &thread.resolution {
            Some(resolution) => resolution,
            None => language.say(Phrase::NobodyKnows),
        };
        for line in wrapped(outcome, columns.saturating_sub(4)) {
            lines.push(Line::from(vec![
                Span::raw("    "),
                Span::styled(line.to_owned(), theme.direction()),
            ]));
        }
    }
    if let Some(share) = word_share(card.generated_words, card.authored_words, language) {
        lines.push(Line::default());
        lines.extend(centered(&share, columns).map(|line| line.style(theme.dim())));
    }
    if !card.commands.is_empty() {
        lines.push(Line::default());
    }
    for (what, command) in &card.commands {
        for (index, line) in wrapped(command, columns.saturating_sub(14)).enumerate() {
            let lead = if index == 0 {
                format!("  {what:<10}")
            } else {
                " ".repeat(12)
            };
            lines.push(Line::from(vec![
                Span::styled(lead, theme.dim()),
                Span::raw(line.to_owned()),
            ]));
        }
    }
    lines
}

fn centered(text: &str, columns: usize) -> impl Iterator<Item = Line<'static>> {
    let lines: Vec<Line<'static>> = balanced(text, columns)
        .map(|line| Line::raw(line.to_owned()).alignment(Alignment::Center))
        .collect();
    lines.into_iter()
}

/// The names of the cast, as many in a line as fit.
fn cast_lines(cast: &[(String, Color)], columns: usize, theme: Theme) -> Vec<Line<'static>> {
    const GAP: &str = "   ";
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut line = Line::default();
    for (name, color) in cast {
        let name = Span::styled(name.clone(), theme.name(*color));
        if !line.spans.is_empty() && line.width() + GAP.len() + name.width() > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.spans.is_empty() {
            line.push_span(GAP);
        }
        line.push_span(name);
    }
    lines.push(line);
    lines
        .into_iter()
        .map(|line| line.alignment(Alignment::Center))
        .collect()
}

//! What the page's script needs beyond the transcript, as JSON.

use serde::Serialize;

use super::transcript::class;
use crate::event::{Because, Change};
use crate::export::timeline::{Line, Moment, Timeline, What};
use crate::text::one_line;
use crate::voice::ScoreCard;

#[derive(Serialize)]
struct Data {
    /// When everything has been said, in milliseconds; all times are.
    end: u64,
    /// One for each element of class `step`, in order.
    steps: Vec<Step>,
    /// Names of the cast.
    cast: Vec<String>,
    /// When, place in the cast, whether on stage from then on.
    presence: Vec<(u64, usize, bool)>,
    /// When, place on the playbill, state from then on.
    threads: Vec<(u64, usize, &'static str)>,
}

#[derive(Serialize)]
struct Step {
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    beat: Option<BeatData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<LineData>,
}

#[derive(Serialize)]
struct BeatData {
    title: String,
    tension: f32,
    #[serde(skip_serializing_if = "is_false")]
    climax: bool,
}

#[derive(Serialize)]
struct LineData {
    /// Place of the speaker in the cast.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<usize>,
    /// When its first word is heard, and when its last one has been.
    words: u64,
    end: u64,
    /// The line as it would have gone on.
    #[serde(skip_serializing_if = "Option::is_none")]
    full: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    takes: Vec<TakeData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<usize>,
    /// The rule that gave the speaker the floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// Who could have spoken, by place in the cast, and each one's chance, 0 to 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chances: Vec<(usize, f32)>,
    /// How the line was changed, and what was said before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct TakeData {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<String>,
    score: ScoreCard,
}

/// All of it as the content of a script element: no `<` in it, so that nothing in it ends the element or begins a comment.
pub(super) fn json(timeline: &Timeline<'_>) -> String {
    let mut steps: Vec<Step> = timeline
        .moments
        .iter()
        .map(|moment| step(timeline, moment))
        .collect();
    steps.push(Step {
        at: timeline.end_ms,
        beat: None,
        line: None,
    });
    let threads = timeline.threads.iter();
    let data = Data {
        end: timeline.end_ms,
        steps,
        cast: timeline
            .playbill
            .cast
            .iter()
            .map(|member| one_line(&member.name))
            .collect(),
        presence: timeline.presence.clone(),
        threads: threads
            .map(|(at, place, state)| (*at, *place, class(*state)))
            .collect(),
    };
    serde_json::to_string(&data)
        // Every key is a string and no serializer of ours fails, which is all that can go wrong.
        .expect("plain data becomes JSON")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

fn step(timeline: &Timeline<'_>, moment: &Moment<'_>) -> Step {
    let (beat, line) = match &moment.what {
        What::Beat(beat) => (
            Some(BeatData {
                title: one_line(beat.title),
                tension: beat.tension,
                climax: beat.climax,
            }),
            None,
        ),
        What::Line(line) => (None, Some(line_data(timeline, line))),
        What::Scene(_) | What::Cliffhanger { .. } | What::Note(..) => (None, None),
    };
    Step {
        at: moment.at_ms,
        beat,
        line,
    }
}

fn line_data(timeline: &Timeline<'_>, line: &Line<'_>) -> LineData {
    let spoken = line.spoken;
    let takes = spoken.takes.iter().map(|take| TakeData {
        text: one_line(&take.text),
        how: take.delivery.as_deref().map(one_line),
        score: take.score,
    });
    let before = line.before.iter().map(|(change, text)| {
        let change = match change {
            Change::Retake => "taken again",
            Change::Pick => "another take picked",
            Change::Edit => "rewritten",
        };
        (change, text.clone())
    });
    LineData {
        who: timeline.place(&spoken.utterance.speaker),
        words: line.words_ms,
        end: line.end_ms,
        full: spoken.full_text.as_deref().map(one_line),
        takes: takes.collect(),
        kept: spoken.kept,
        why: line.chosen.map(|(because, _)| why(because)),
        chances: chances(timeline, line),
        before: before.collect(),
    }
}

/// Each candidate's share of all weights, to the thousandth, greatest first.
fn chances(timeline: &Timeline<'_>, line: &Line<'_>) -> Vec<(usize, f32)> {
    let Some((_, candidates)) = line.chosen else {
        return Vec::new();
    };
    let sum: f32 = candidates.iter().map(|candidate| candidate.weight).sum();
    if sum <= 0.0 || !sum.is_finite() {
        return Vec::new();
    }
    let mut chances: Vec<(usize, f32)> = candidates
        .iter()
        .filter_map(|candidate| {
            let chance = (candidate.weight / sum * 1_000.0).round() / 1_000.0;
            Some((timeline.place(&candidate.character)?, chance))
        })
        .filter(|(_, chance)| *chance > 0.0)
        .collect();
    chances.sort_by(|one, other| other.1.total_cmp(&one.1));
    chances
}

fn why(because: Because) -> &'static str {
    match because {
        Because::Authored => "the scene has a line for this moment",
        Because::Injected => "the audience said it",
        Because::Chosen => "the audience chose",
        Because::Policy => "the director drew",
        Because::OnlyOne => "nobody else could",
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

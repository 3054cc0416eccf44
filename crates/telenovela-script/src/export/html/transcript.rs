//! What stands on the page: the script with its end card, and the programme beside it.
//!
//! Every element of class `step` belongs to one entry of `steps` in the [data](super::data), in the same order.

use std::fmt::Write as _;

use super::{arc, glyph, ink, text};
use crate::character::Color;
use crate::event::{EndReason, Provenance, ThreadState};
use crate::export::timeline::{Beat, Line, NoteKind, Scene, Timeline, What};
use crate::export::{Ending, heading, meaning, reason, repeat_command, share, word};

/// The performance as a screenplay.
pub(super) fn script(timeline: &Timeline<'_>) -> String {
    let mut out = String::new();
    let mut in_beat = false;
    let mut n_lines = 0;
    for moment in &timeline.moments {
        if !matches!(moment.what, What::Note(..) | What::Line(_)) && in_beat {
            out.push_str("</section>\n");
            in_beat = false;
        }
        match &moment.what {
            What::Scene(scene) => out.push_str(&scene_card(scene)),
            What::Cliffhanger { card, question } => out.push_str(&format!(
                "<div class=\"cliffhanger step\">\n<p class=\"card\" dir=\"auto\">{}</p>\n<p class=\"question\" dir=\"auto\">{}</p>\n</div>\n",
                text(card),
                text(question)
            )),
            What::Beat(beat) => {
                in_beat = true;
                // The beats of an episode stand below its scenes.
                let level = if timeline.playbill.scenes.is_empty() { 2 } else { 3 };
                out.push_str(&beat_heading(beat, level));
            }
            What::Note(kind, what) => {
                let class = match kind {
                    NoteKind::Stage => "stage",
                    NoteKind::Thread => "thread",
                    NoteKind::Music => "music",
                    NoteKind::Camera => "camera",
                };
                // Notes are the program's, in its own language.
                out.push_str(&format!(
                    "<p class=\"note {class} step\" lang=\"en\">{}</p>\n",
                    text(what)
                ));
            }
            What::Line(line) => {
                out.push_str(&speech(timeline, line, n_lines));
                n_lines += 1;
            }
        }
    }
    if in_beat {
        out.push_str("</section>\n");
    }
    out.push_str(&end(timeline));
    out
}

/// What is told as a scene of an episode begins.
fn scene_card(scene: &Scene<'_>) -> String {
    let premise = scene.premise.map(text);
    let premise = premise.filter(|premise| !premise.is_empty());
    let premise = premise.map_or_else(String::new, |premise| {
        format!("<p class=\"premise\" dir=\"auto\">{premise}</p>\n")
    });
    format!(
        "<div class=\"scene step\" id=\"scene-{index}\">
<h2><span class=\"number\">{number}</span> <span dir=\"auto\">{title}</span></h2>
<p class=\"place\">{place}</p>
{premise}</div>\n",
        index = scene.index,
        number = scene.index + 1,
        title = text(scene.title),
        place = text(&heading(scene.setting)),
    )
}

/// A beat's heading; its section stays open.
fn beat_heading(beat: &Beat<'_>, level: u8) -> String {
    let index = beat.index;
    let climax = if beat.climax { " climax" } else { "" };
    format!(
        "<section class=\"beat\" aria-labelledby=\"beat-{index}\">
<h{level} class=\"beat-title step{climax}\" id=\"beat-{index}\"><span class=\"number\">{}</span> <span dir=\"auto\">{}</span></h{level}>\n",
        index + 1,
        text(beat.title)
    )
}

fn speech(timeline: &Timeline<'_>, line: &Line<'_>, index: usize) -> String {
    let utterance = &line.spoken.utterance;
    let place = timeline.place(&utterance.speaker);
    let member = place.map(|place| &timeline.playbill.cast[place]);
    let color = ink(member.map_or(Color::Gray, |member| member.color));
    let offstage = match member {
        Some(member) if member.offstage => " offstage",
        _ => "",
    };
    let cut = match line.spoken.full_text {
        Some(_) => " cut",
        None => "",
    };
    let mut hows: Vec<String> = Vec::new();
    if let Some(delivery) = &utterance.delivery {
        hows.push(text(delivery));
    }
    if let Some(hearers) = &line.spoken.visible_to {
        let names = hearers.iter().map(|hearer| {
            let member = timeline.place(hearer);
            let member = member.map(|place| timeline.playbill.cast[place].name.as_str());
            text(member.unwrap_or(hearer.as_str()))
        });
        let names: Vec<String> = names.collect();
        hows.push(format!("to {} alone", names.join(", ")));
    }
    hows.retain(|how| !how.is_empty());
    let how = match hows.as_slice() {
        [] => String::new(),
        hows => format!("<p class=\"how\" dir=\"auto\">({})</p>\n", hows.join("; ")),
    };
    format!(
        "<div class=\"line step {color}{offstage}{cut}\" id=\"line-{index}\">
<p class=\"cue\"><a href=\"#line-{index}\" dir=\"auto\">{name}</a>{mark}</p>
{how}<p class=\"words\" dir=\"auto\">{words}</p>
</div>\n",
        name = text(&utterance.name),
        mark = mark(utterance.provenance),
        words = text(&utterance.text),
    )
}

/// The mark beside a name, in words for those who do not see it.
fn mark(provenance: Provenance) -> String {
    glyph(provenance).map_or_else(String::new, |glyph| {
        let meaning = meaning(provenance);
        format!(
            " <span class=\"mark\" title=\"{meaning}\"><span aria-hidden=\"true\">{glyph}</span><span class=\"unseen\" lang=\"en\">({})</span></span>",
            word(provenance)
        )
    })
}

/// The end card, or that there is none.
fn end(timeline: &Timeline<'_>) -> String {
    let card = match &timeline.ending {
        Some(ending) => format!(
            "<h2 id=\"end\" dir=\"auto\">{}</h2>\n{}",
            text(ending.card),
            told(ending)
        ),
        None => "<h2 id=\"end\" lang=\"en\">The performance broke off here</h2>\n".to_owned(),
    };
    let mut legend = String::new();
    for provenance in [
        Provenance::Authored,
        Provenance::Injected,
        Provenance::Fallback,
        Provenance::Edited,
    ] {
        let used = timeline
            .lines()
            .any(|line| line.spoken.utterance.provenance == provenance);
        if let Some(glyph) = glyph(provenance).filter(|_| used) {
            let _ = writeln!(
                legend,
                "<li><span class=\"mark\">{glyph}</span> {}</li>",
                meaning(provenance)
            );
        }
    }
    if !legend.is_empty() {
        legend = format!(
            "<ul class=\"legend\" lang=\"en\" aria-label=\"Marks\">\n{legend}<li>no mark: {}</li>\n</ul>\n",
            meaning(Provenance::Generated)
        );
    }
    let rewinds = match timeline.n_rewinds {
        0 => String::new(),
        1 => "<p class=\"share\" lang=\"en\">The performance went back once; what was left behind is not told here.</p>\n".to_owned(),
        n => format!("<p class=\"share\" lang=\"en\">The performance went back {n} times; what was left behind is not told here.</p>\n"),
    };
    format!(
        "<section class=\"end step\" aria-labelledby=\"end\">
{card}{rewinds}{legend}<p class=\"again\" lang=\"en\">The same evening again: <code>{}</code></p>
</section>\n",
        text(&repeat_command(timeline.playbill))
    )
}

/// How it ended, and how each thread did.
fn told(ending: &Ending<'_>) -> String {
    let mut out = String::new();
    if ending.reason != EndReason::Concluded {
        out.push_str(&format!(
            "<p class=\"reason\" lang=\"en\">{}.</p>\n",
            reason(ending.reason)
        ));
    }
    if !ending.threads.is_empty() {
        out.push_str("<dl class=\"outcomes\">\n");
        for thread in ending.threads {
            let resolution = thread.resolution.as_deref().map(text);
            let resolution = resolution.filter(|_| thread.state == ThreadState::Resolved);
            let resolution = resolution.unwrap_or_else(|| "Nobody knows.".to_owned());
            let _ = writeln!(
                out,
                "<div class=\"{}\"><dt dir=\"auto\">{}</dt><dd dir=\"auto\">{resolution}</dd></div>",
                class(thread.state),
                text(&thread.question),
            );
        }
        out.push_str("</dl>\n");
    }
    if ending.generated_words + ending.authored_words > 0 {
        out.push_str(&format!(
            "<p class=\"share\" lang=\"en\">{}</p>\n",
            share(ending)
        ));
    }
    out
}

/// What stands beside the script: the arc, the loose ends, the cast.
pub(super) fn programme(timeline: &Timeline<'_>) -> String {
    let playbill = timeline.playbill;
    let language = text(&playbill.language);
    let mut beats = String::new();
    for (_, beat) in timeline.beats() {
        let _ = writeln!(
            beats,
            "<li><a href=\"#beat-{}\" dir=\"auto\">{}</a></li>",
            beat.index,
            text(beat.title)
        );
    }
    let mut threads = String::new();
    for thread in &playbill.threads {
        let _ = writeln!(
            threads,
            "<li class=\"{}\"><span dir=\"auto\">{}</span> <span class=\"unseen state\" lang=\"en\"></span></li>",
            class(thread.state),
            text(&thread.question)
        );
    }
    if !threads.is_empty() {
        threads = format!(
            "<h2>Loose ends</h2>\n<ul class=\"threads\" lang=\"{language}\">\n{threads}</ul>\n"
        );
    }
    let mut cast = String::new();
    for member in &playbill.cast {
        let absent = if member.on_stage || member.offstage {
            ""
        } else {
            " absent"
        };
        let _ = writeln!(
            cast,
            "<li class=\"{}{absent}\"><span class=\"name\" dir=\"auto\">{}</span> <span class=\"floor\"></span></li>",
            ink(member.color),
            text(&member.name)
        );
    }
    format!(
        "<aside class=\"programme\" id=\"programme\" aria-label=\"Programme\" tabindex=\"-1\">
<h2>The arc</h2>
{}
<ol class=\"beats\" lang=\"{language}\">
{beats}</ol>
{threads}<h2>On stage</h2>
<ul class=\"people\">
{cast}</ul>
</aside>",
        arc::programme(timeline)
    )
}

/// The class of a thread in a state.
pub(super) fn class(state: ThreadState) -> &'static str {
    match state {
        ThreadState::Dormant => "dormant",
        ThreadState::Open => "open",
        ThreadState::Advanced => "advanced",
        ThreadState::Resolved => "resolved",
    }
}

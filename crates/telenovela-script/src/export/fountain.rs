//! A screenplay that [`parse`](crate::fountain::parse) reads in again: the same speakers, deliveries and words.

use super::{Step, Transcript, heading, outcome, reason, share, word};
use crate::event::Provenance;
use crate::fountain::write::{action, cue, escape, heading as scene_heading, paragraph, speech};
use crate::text::one_line;

pub(super) fn render(transcript: &Transcript<'_>) -> String {
    let playbill = transcript.playbill;
    let mut out = String::new();
    let title_page = [
        ("Title", playbill.title.clone()),
        ("Show", playbill.show_title.clone()),
        (
            "Performance",
            format!("{}, seed {}", playbill.scene, playbill.seed),
        ),
        ("Source", playbill.program.clone()),
    ];
    for (key, value) in title_page {
        out.push_str(&format!("{key}: {}\n", escape(&one_line(&value))));
    }
    if let Some(heading) = transcript.heading() {
        paragraph(&mut out, &scene_heading(&heading));
    }
    let premise = playbill.premise.as_deref().map(one_line);
    if let Some(premise) = premise.filter(|premise| !premise.is_empty()) {
        paragraph(&mut out, &action(&premise));
    }
    for step in &transcript.steps {
        match step {
            Step::Scene {
                title,
                setting,
                premise,
            } => {
                paragraph(&mut out, &format!("# {}", escape(&one_line(title))));
                paragraph(&mut out, &scene_heading(&one_line(&heading(setting))));
                let premise = premise.map(one_line);
                if let Some(premise) = premise.filter(|premise| !premise.is_empty()) {
                    paragraph(&mut out, &action(&premise));
                }
            }
            Step::Card(card) => {
                paragraph(&mut out, &format!("> {} <", escape(&one_line(card))));
            }
            Step::Beat { title } => paragraph(&mut out, &format!("# {}", escape(&one_line(title)))),
            Step::Seen(what) => paragraph(&mut out, &note(what)),
            Step::Line { spoken, .. } => {
                let utterance = &spoken.utterance;
                // Cues are in capitals, as in the scripts that a character learns from.
                let mut text = cue(&one_line(&utterance.name.to_uppercase()));
                let delivery = utterance.delivery.as_deref().map(one_line);
                let delivery = delivery.as_deref().filter(|delivery| !delivery.is_empty());
                text.push('\n');
                text.push_str(&speech(delivery, &one_line(&utterance.text)));
                if utterance.provenance != Provenance::Generated {
                    text.push_str(&format!("\n[[{}]]", word(utterance.provenance)));
                }
                paragraph(&mut out, &text);
            }
        }
    }
    match &transcript.ending {
        Some(ending) => {
            paragraph(&mut out, &format!("> {} <", escape(&one_line(ending.card))));
            for thread in ending.threads {
                paragraph(&mut out, &note(&outcome(thread)));
            }
            paragraph(
                &mut out,
                &note(&format!("{}; {}.", reason(ending.reason), share(ending))),
            );
        }
        None => paragraph(&mut out, &note("the performance broke off here")),
    }
    out
}

/// A note. Brackets that would end it early are pulled apart.
fn note(text: &str) -> String {
    let inner = one_line(text).replace("]]", "] ]");
    // A bracket at the end would be taken for the first of the closing ones.
    let gap = if inner.ends_with(']') { " " } else { "" };
    format!("[[{}{gap}]]", inner.replace('\\', "/"))
}

//! For programs: `{ playbill, utterances, ending }`, the last `null` when the performance broke off.

use serde::Serialize;

use super::Transcript;
use crate::event::{EndReason, Playbill, Spoken, ThreadOutcome};

#[derive(Serialize)]
struct Document<'a> {
    playbill: &'a Playbill,
    utterances: Vec<Line<'a>>,
    ending: Option<End<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: u64,
    #[serde(flatten)]
    spoken: &'a Spoken,
}

#[derive(Serialize)]
struct End<'a> {
    at_ms: u64,
    reason: EndReason,
    card: &'a str,
    threads: &'a [ThreadOutcome],
    generated_words: u64,
    authored_words: u64,
}

pub(super) fn render(transcript: &Transcript<'_>) -> String {
    let document = Document {
        playbill: transcript.playbill,
        utterances: transcript
            .lines()
            .map(|(at_ms, spoken)| Line { at_ms, spoken })
            .collect(),
        ending: transcript.ending.as_ref().map(|ending| End {
            at_ms: ending.at_ms,
            reason: ending.reason,
            card: ending.card,
            threads: ending.threads,
            generated_words: ending.generated_words,
            authored_words: ending.authored_words,
        }),
    };
    let mut out = serde_json::to_string_pretty(&document)
        // Every key is a string and no serializer of ours fails, which is all that can go wrong.
        .expect("plain data becomes JSON");
    out.push('\n');
    out
}

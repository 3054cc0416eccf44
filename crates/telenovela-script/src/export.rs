//! A performance as a transcript. Exporters are pure functions from the log to text; the disk is somebody else's.

pub mod cast;
mod fountain;
mod html;
mod json;
mod markdown;
mod text;
mod timeline;

use std::fmt;
use std::str::FromStr;

use crate::character::CharacterId;
use crate::cut::standing;
use crate::event::{
    CastMember, EndReason, Event, EventKind, Playbill, Provenance, Spoken, ThreadOutcome,
    ThreadState,
};
use crate::problem::suggestion;
use crate::scene::Setting;
use crate::text::one_line;

/// What a transcript looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A screenplay, which can be read in again.
    Fountain,
    /// For a page.
    Markdown,
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// A page that performs it in a browser.
    Html,
    /// An asciicast, which performs it in a terminal.
    Cast,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Fountain,
        Self::Markdown,
        Self::Text,
        Self::Json,
        Self::Html,
        Self::Cast,
    ];

    /// What the format is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fountain => "fountain",
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Json => "json",
            Self::Html => "html",
            Self::Cast => "cast",
        }
    }

    /// What its files end in, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Fountain => "fountain",
            Self::Markdown => "md",
            Self::Text => "txt",
            Self::Json => "json",
            Self::Html => "html",
            Self::Cast => "cast",
        }
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{name}`; {help}")]
pub struct UnknownFormat {
    name: String,
    help: String,
}

impl FromStr for ExportFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat {
            name: name.to_owned(),
            help: suggestion(name, &Self::ALL.map(Self::name)).unwrap_or_default(),
        })
    }
}

/// Writes a performance as a transcript, ending with a line feed. One that broke off is told as far as it went. Without the playbill, which
/// every log begins with, there is nothing to tell.
pub fn render(events: &[Event], format: ExportFormat) -> String {
    let standing = standing(events);
    let Some(transcript) = Transcript::new(&standing) else {
        return String::new();
    };
    match format {
        ExportFormat::Html => html::render(events, &standing),
        ExportFormat::Cast => cast::render(events, cast::Size::default()),
        ExportFormat::Fountain => fountain::render(&transcript),
        ExportFormat::Markdown => markdown::render(&transcript),
        ExportFormat::Text => text::render(&transcript),
        ExportFormat::Json => json::render(&transcript),
    }
}

/// What exporters tell, picked out of the log.
struct Transcript<'a> {
    playbill: &'a Playbill,
    steps: Vec<Step<'a>>,
    ending: Option<Ending<'a>>,
}

enum Step<'a> {
    /// A scene of an episode.
    Scene {
        title: &'a str,
        setting: &'a Setting,
        premise: Option<&'a str>,
    },
    /// What the audience reads at the end of a scene that another one follows.
    Card(&'a str),
    Beat {
        title: &'a str,
    },
    Line {
        at_ms: u64,
        spoken: &'a Spoken,
    },
    /// Something that is seen, told in English like every note of the program.
    Seen(String),
}

struct Ending<'a> {
    at_ms: u64,
    reason: EndReason,
    card: &'a str,
    threads: &'a [ThreadOutcome],
    generated_words: u64,
    authored_words: u64,
}

impl<'a> Transcript<'a> {
    fn new(events: &'a [Event]) -> Option<Self> {
        let mut events = events.iter();
        let EventKind::PerformanceStarted(playbill) = &events.next()?.kind else {
            return None;
        };
        let mut transcript = Self {
            playbill,
            steps: Vec::new(),
            ending: None,
        };
        for event in events {
            let at_ms = event.at_ms;
            let step = match &event.kind {
                EventKind::SceneEntered {
                    title,
                    setting,
                    premise,
                    ..
                } => Step::Scene {
                    title,
                    setting,
                    premise: premise.as_deref(),
                },
                EventKind::Cliffhanger { card, .. } => Step::Card(card),
                EventKind::BeatEntered { title, .. } => Step::Beat { title },
                EventKind::Utterance(spoken) => Step::Line { at_ms, spoken },
                EventKind::StageEntered { character } => {
                    Step::Seen(format!("{} enters", transcript.name(character)))
                }
                EventKind::StageLeft { character, .. } => {
                    Step::Seen(format!("{} leaves", transcript.name(character)))
                }
                EventKind::PerformanceEnded {
                    reason,
                    card,
                    threads,
                    generated_words,
                    authored_words,
                } => {
                    transcript.ending = Some(Ending {
                        at_ms,
                        reason: *reason,
                        card,
                        threads,
                        generated_words: *generated_words,
                        authored_words: *authored_words,
                    });
                    continue;
                }
                _ => continue,
            };
            transcript.steps.push(step);
        }
        Some(transcript)
    }

    /// Where and when it plays, as far as not each scene of an episode says that itself.
    fn heading(&self) -> Option<String> {
        let is_alone = self.playbill.scenes.is_empty();
        is_alone.then(|| one_line(&heading(&self.playbill.setting)))
    }

    fn name(&self, id: &'a CharacterId) -> &'a str {
        let member: Option<&CastMember> = self
            .playbill
            .cast
            .iter()
            .find(|member| member.character == *id);
        member.map_or(id.as_str(), |member| &member.name)
    }

    fn lines(&self) -> impl Iterator<Item = (u64, &'a Spoken)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Line { at_ms, spoken } => Some((*at_ms, *spoken)),
            _ => None,
        })
    }

    /// What each mark in use means, for readers.
    fn legend(&self) -> Vec<(char, &'static str)> {
        [
            Provenance::Authored,
            Provenance::Injected,
            Provenance::Fallback,
            Provenance::Edited,
        ]
        .into_iter()
        .filter(|provenance| {
            self.lines()
                .any(|(_, spoken)| spoken.utterance.provenance == *provenance)
        })
        .filter_map(|provenance| Some((mark(provenance)?, meaning(provenance))))
        .collect()
    }
}

/// What stands after a line that no model made.
fn mark(provenance: Provenance) -> Option<char> {
    match provenance {
        Provenance::Generated => None,
        Provenance::Authored => Some('*'),
        Provenance::Injected => Some('+'),
        Provenance::Fallback => Some('~'),
        Provenance::Edited => Some('^'),
    }
}

fn meaning(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Generated => "made by the character's model",
        Provenance::Authored => "written by the author of the scene",
        Provenance::Injected => "said by the audience",
        Provenance::Fallback => "from the character's file, because no take was fit to be heard",
        Provenance::Edited => "rewritten by the audience",
    }
}

fn word(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Generated => "generated",
        Provenance::Authored => "authored",
        Provenance::Injected => "injected",
        Provenance::Fallback => "fallback",
        Provenance::Edited => "edited",
    }
}

/// `EXT. THE THIRD WINDMILL - NIGHT`
pub fn heading(setting: &Setting) -> String {
    let side = if setting.interior { "INT." } else { "EXT." };
    let place = setting.place.to_uppercase();
    if setting.time.is_empty() {
        format!("{side} {place}")
    } else {
        format!("{side} {place} - {}", setting.time.to_uppercase())
    }
}

/// The command that gives a performance again, word for word.
pub fn repeat_command(playbill: &Playbill) -> String {
    format!(
        "telenovela play {} --seed {}",
        playbill.scene, playbill.seed
    )
}

/// Performance time as minutes and seconds: `1:05`.
pub fn clock(at_ms: u64) -> String {
    let seconds = at_ms / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Concluded => "The arc was played to its end",
        EndReason::MaxLines => "The scene ran out of lines",
        EndReason::Stopped => "The audience stopped it",
        EndReason::NobodyLeft => "Nobody was left who could speak",
    }
}

fn state(state: ThreadState) -> &'static str {
    match state {
        ThreadState::Dormant => "never asked",
        ThreadState::Open | ThreadState::Advanced => "left open",
        ThreadState::Resolved => "resolved",
    }
}

/// `What did he sign? A paper. (resolved)`
fn outcome(thread: &ThreadOutcome) -> String {
    let answer = match (&thread.resolution, thread.state) {
        (Some(resolution), ThreadState::Resolved) => format!(" {resolution}"),
        _ => String::new(),
    };
    format!("{}{answer} ({})", thread.question, state(thread.state))
}

/// `134 of 160 words made by the models`, the offstage voices left out.
fn share(ending: &Ending<'_>) -> String {
    let all = ending.generated_words + ending.authored_words;
    format!(
        "{} of {all} words made by the models",
        ending.generated_words
    )
}

#[cfg(test)]
pub(crate) mod tests;

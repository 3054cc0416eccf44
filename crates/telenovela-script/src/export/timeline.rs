//! A performance laid out in time, for exports that perform it: when each thing is seen, when each line begins and ends, and what stands beside it.
//!
//! The time is performance time, added up anew from pauses and paces as the stage adds it up, and the cards between the scenes of an episode: in a log with rewinds and changed lines the times of the
//! events no longer follow each other. Of a scene that was performed as it is logged, they are these to the millisecond.

use std::collections::HashMap;

use super::{Ending, Transcript};
use crate::character::CharacterId;
use crate::cut::path;
use crate::event::{
    Because, Candidate, Change, Command, Event, EventKind, LeaveReason, Playbill, Spoken,
    ThreadState,
};
use crate::scene::Setting;
use crate::text::one_line;

/// How long the card of a scene stands, and that of a cliffhanger, in milliseconds: their audience reads, and nobody speaks. The stage of the terminal waits
/// as long; the performance's own time does not count it.
const CARD_MS: u64 = 3_500;
/// Music plays from this tension on, and changes at each of these.
const MUSIC_FROM: [f32; 3] = [0.5, 0.7, 0.85];
/// What is heard below the first of them, and from each on.
const MUSIC: [&str; 4] = [
    "The music stops",
    "Strings, low",
    "Strings, rising",
    "The whole orchestra",
];
/// The camera moves before a silence of at least so many milliseconds,
const CLOSE_UP_MS: u64 = 1_700;
/// at this tension or above it, once in a beat.
const CLOSE_UP_FROM: f32 = 0.5;
/// A beat is the climax when no other is tenser, and it is at least so tense.
const CLIMAX_FROM: f32 = 0.75;

/// Everything that is seen and heard, in order.
pub(super) struct Timeline<'a> {
    pub(super) playbill: &'a Playbill,
    pub(super) moments: Vec<Moment<'a>>,
    /// Who comes and goes: when, place in the cast, whether on stage from then on.
    pub(super) presence: Vec<(u64, usize, bool)>,
    /// What becomes of the loose ends: when, place on the playbill, the new state.
    pub(super) threads: Vec<(u64, usize, ThreadState)>,
    pub(super) ending: Option<Ending<'a>>,
    /// Where and when all of it plays; `None` where each scene of an episode says that itself.
    pub(super) heading: Option<String>,
    /// When everything has been said, in milliseconds.
    pub(super) end_ms: u64,
    /// How often the performance went back.
    pub(super) n_rewinds: usize,
}

/// Something that is seen or heard.
pub(super) struct Moment<'a> {
    /// When, in milliseconds; of a line when the silence before it begins.
    pub(super) at_ms: u64,
    pub(super) what: What<'a>,
}

pub(super) enum What<'a> {
    /// A scene of an episode begins.
    Scene(Scene<'a>),
    /// A scene of an episode is over: the card, and the loose end on which it hangs.
    Cliffhanger {
        card: &'a str,
        question: &'a str,
    },
    Beat(Beat<'a>),
    Line(Box<Line<'a>>),
    Note(NoteKind, String),
}

/// A scene of an episode.
pub(super) struct Scene<'a> {
    /// From 0.
    pub(super) index: usize,
    pub(super) title: &'a str,
    pub(super) setting: &'a Setting,
    pub(super) premise: Option<&'a str>,
}

/// What a note tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoteKind {
    /// Somebody comes, goes, or fails.
    Stage,
    /// A loose end.
    Thread,
    /// The orchestra.
    Music,
    /// The camera.
    Camera,
}

/// A step of the arc.
pub(super) struct Beat<'a> {
    /// From 0.
    pub(super) index: usize,
    pub(super) title: &'a str,
    /// 0 to 1.
    pub(super) tension: f32,
    /// Whether nothing is tenser.
    pub(super) climax: bool,
}

/// A line of dialogue.
pub(super) struct Line<'a> {
    pub(super) spoken: &'a Spoken,
    /// When its first word is heard, in milliseconds.
    pub(super) words_ms: u64,
    /// When its last one has been.
    pub(super) end_ms: u64,
    /// The rule that gave its speaker the floor, and who else could have had it.
    pub(super) chosen: Option<(Because, &'a [Candidate])>,
    /// What was said in its place before, oldest first, and how that was changed.
    pub(super) before: Vec<(Change, String)>,
}

impl<'a> Timeline<'a> {
    /// Of the whole log and of the part of it that counts, as [`standing`](crate::cut::standing) picks it out. `None` without a playbill.
    pub(super) fn new(events: &[Event], standing: &'a [Event]) -> Option<Self> {
        let transcript = Transcript::new(standing)?;
        let mut timeline = Self {
            playbill: transcript.playbill,
            moments: Vec::new(),
            presence: Vec::new(),
            threads: Vec::new(),
            ending: None,
            heading: transcript.heading(),
            end_ms: 0,
            n_rewinds: events
                .iter()
                .filter(|event| matches!(event.kind, EventKind::Rewound { .. }))
                .count(),
        };
        let mut changes = changes(events);
        let climax = climax(standing);
        let mut chosen = None;
        let mut stage = Stage::default();
        for event in standing {
            match &event.kind {
                EventKind::SpeakerChosen {
                    because,
                    candidates,
                    ..
                } => chosen = Some((*because, candidates.as_slice())),
                EventKind::BeatEntered {
                    index,
                    title,
                    tension,
                    ..
                } => {
                    let climax = climax == Some(event.seq);
                    timeline.show(What::Beat(Beat {
                        index: *index,
                        title,
                        tension: *tension,
                        climax,
                    }));
                    if let Some(music) = stage.enter(*tension) {
                        timeline.show(What::Note(NoteKind::Music, music.to_owned()));
                    }
                }
                EventKind::SceneEntered {
                    title,
                    index,
                    setting,
                    premise,
                    on_stage,
                    ..
                } => {
                    timeline.show(What::Scene(Scene {
                        index: *index,
                        title,
                        setting,
                        premise: premise.as_deref(),
                    }));
                    timeline.set_stage(on_stage);
                    timeline.end_ms += CARD_MS;
                }
                EventKind::Cliffhanger { thread, card, .. } => {
                    let threads = &timeline.playbill.threads;
                    let hanging = threads.iter().find(|known| known.thread == *thread);
                    let question = hanging.map_or("", |thread| &thread.question);
                    timeline.show(What::Cliffhanger { card, question });
                    timeline.end_ms += CARD_MS;
                }
                EventKind::Utterance(spoken) => {
                    if stage.moves_closer(spoken.utterance.pause_ms) {
                        let name = one_line(&spoken.utterance.name);
                        let closer = format!("The camera comes closer to {name}");
                        timeline.show(What::Note(NoteKind::Camera, closer));
                    }
                    let before = changes.remove(&spoken.id).unwrap_or_default();
                    timeline.speak(spoken, chosen.take(), before);
                }
                kind => timeline.note(kind, &transcript),
            }
        }
        timeline.ending = transcript.ending;
        Some(timeline)
    }

    /// The lines, in order.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line<'a>> {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Line(line) => Some(&**line),
            _ => None,
        })
    }

    /// The beats with the time at which each begins, in milliseconds.
    pub(super) fn beats(&self) -> impl Iterator<Item = (u64, &Beat<'a>)> {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Beat(beat) => Some((moment.at_ms, beat)),
            _ => None,
        })
    }

    /// Place of a character in the cast.
    pub(super) fn place(&self, character: &CharacterId) -> Option<usize> {
        let cast = &self.playbill.cast;
        cast.iter()
            .position(|member| member.character == *character)
    }

    fn show(&mut self, what: What<'a>) {
        self.moments.push(Moment {
            at_ms: self.end_ms,
            what,
        });
    }

    fn speak(
        &mut self,
        spoken: &'a Spoken,
        chosen: Option<(Because, &'a [Candidate])>,
        before: Vec<(Change, String)>,
    ) {
        let words_ms = self.end_ms + spoken.utterance.pause_ms;
        let end_ms = words_ms + speaking_ms(&spoken.utterance.text, spoken.cps);
        self.show(What::Line(Box::new(Line {
            spoken,
            words_ms,
            end_ms,
            chosen,
            before,
        })));
        self.end_ms = end_ms;
    }

    /// Everything that is told in a note.
    fn note(&mut self, kind: &EventKind, transcript: &Transcript<'_>) {
        let name = |id: &CharacterId| {
            let cast = &transcript.playbill.cast;
            let member = cast.iter().find(|member| member.character == *id);
            one_line(member.map_or(id.as_str(), |member| &member.name))
        };
        let text = match kind {
            EventKind::StageEntered { character } => {
                self.mark_presence(character, true);
                format!("{} enters", name(character))
            }
            EventKind::StageLeft { character, reason } => {
                self.mark_presence(character, false);
                match reason {
                    LeaveReason::Exit => format!("{} leaves", name(character)),
                    LeaveReason::Failed => {
                        format!("{} has lost every word, and leaves", name(character))
                    }
                }
            }
            EventKind::VoiceFailed { character, .. } => {
                format!("{} begins to speak, and cannot", name(character))
            }
            EventKind::Command {
                command: Command::Mood { character, mood },
            } => format!("{}: {mood}", name(character)),
            EventKind::ThreadChanged { thread, state } => {
                let what = match state {
                    ThreadState::Dormant => return,
                    ThreadState::Open => "A thread opens",
                    ThreadState::Advanced => "A thread pulls tighter",
                    ThreadState::Resolved => "A thread is tied",
                };
                let threads = &self.playbill.threads;
                let place = threads.iter().position(|known| known.thread == *thread);
                let Some(place) = place else {
                    return;
                };
                let question = one_line(&threads[place].question);
                self.threads.push((self.end_ms, place, *state));
                self.show(What::Note(NoteKind::Thread, format!("{what}: {question}")));
                return;
            }
            _ => return,
        };
        self.show(What::Note(NoteKind::Stage, text));
    }

    /// Of a scene that begins: everybody else has gone.
    fn set_stage(&mut self, on_stage: &[CharacterId]) {
        let at_ms = self.end_ms;
        let cast = self.playbill.cast.iter().enumerate();
        let present = cast.map(|(place, member)| {
            let is_there = on_stage.contains(&member.character);
            (at_ms, place, is_there)
        });
        self.presence.extend(present);
    }

    fn mark_presence(&mut self, character: &CharacterId, on_stage: bool) {
        let place = self.place(character);
        let at_ms = self.end_ms;
        self.presence
            .extend(place.map(|place| (at_ms, place, on_stage)));
    }
}

/// What the orchestra and the camera are at.
#[derive(Default)]
struct Stage {
    tension: f32,
    /// Index into [`MUSIC`].
    music: usize,
    /// Whether the camera has moved in this beat.
    moved: bool,
}

impl Stage {
    /// What is heard from now on, if it is something else than before.
    fn enter(&mut self, tension: f32) -> Option<&'static str> {
        self.tension = tension;
        self.moved = false;
        let music = MUSIC_FROM.iter().filter(|from| tension >= **from).count();
        let before = std::mem::replace(&mut self.music, music);
        (music != before).then_some(MUSIC[music])
    }

    /// Whether the camera moves in the silence before a line.
    fn moves_closer(&mut self, pause_ms: u64) -> bool {
        let moves = !self.moved && pause_ms >= CLOSE_UP_MS && self.tension >= CLOSE_UP_FROM;
        self.moved |= moves;
        moves
    }
}

/// How long the words take to be spoken, in milliseconds; the stage counts the same way.
pub(super) fn speaking_ms(text: &str, cps: f32) -> u64 {
    (text.chars().count() as f64 * 1_000.0 / f64::from(cps.max(1.0))).round() as u64
}

/// What changed lines were before, by their id, oldest first.
fn changes(events: &[Event]) -> HashMap<String, Vec<(Change, String)>> {
    let mut changes: HashMap<String, Vec<(Change, String)>> = HashMap::new();
    for event in path(events, None) {
        if let EventKind::LineChanged(changed) = event.kind {
            let before = (changed.change, one_line(&changed.text_before));
            changes.entry(changed.id).or_default().push(before);
        }
    }
    changes
}

/// The event with which the tensest beat begins: the first of equals.
fn climax(events: &[Event]) -> Option<u64> {
    let mut tensest = None;
    let mut highest = CLIMAX_FROM;
    for event in events {
        if let EventKind::BeatEntered { tension, .. } = &event.kind
            && (*tension > highest || (tensest.is_none() && *tension >= highest))
        {
            highest = *tension;
            tensest = Some(event.seq);
        }
    }
    tensest
}

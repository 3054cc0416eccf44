//! What the user wants: taken up between two lines, written to the log, done.

use std::sync::Arc;

use telenovela_script::character::CharacterId;
use telenovela_script::cut;
use telenovela_script::event::{
    Because, Change, ChangedLine, Command, Event, EventKind, Provenance, Spoken,
};
use telenovela_script::scene::Beat;
use telenovela_script::voice::Take;

use super::inbox::{Reply, Stopped, Wish};
use super::play::{Director, Halt};
use super::speak::Line;
use crate::agenda::Agenda;
use crate::company::heard_by;
use crate::error::Refusal;
use crate::seed::Address;
use crate::story::Story;
use crate::take;
use crate::turn::Reason;

/// Lines that one wish adds to a beat at most.
const MOST_EXTENSION: u32 = 1_000;

/// The moment in which a line was said that is taken again.
struct Then<'a> {
    story: Story,
    beat: &'a Beat,
    draws: Address<'a>,
    events: &'a [Event],
}

impl Director {
    /// The user's next wish; what is gone through again holds it where it was.
    pub(super) fn next_wish(&mut self) -> Option<Wish> {
        if !self.record.is_past() {
            return self.inbox.next_wish(self.unshown.is_none());
        }
        let command = self.record.past_command()?.clone();
        Some(Wish {
            command,
            done: None,
        })
    }

    /// Waits until a line may be said; true when a wish comes first. What is gone through again waits for nobody.
    pub(super) async fn hold(&mut self) -> Result<bool, Stopped> {
        if self.record.is_past() {
            return Ok(self.record.past_command().is_some());
        }
        self.inbox.hold().await
    }

    /// Does what the user wants; true when somebody has to answer now.
    pub(super) async fn fulfil(
        &mut self,
        wish: Wish,
        beat: &Beat,
        agenda: &mut Agenda<'_>,
    ) -> Result<bool, Halt> {
        let Wish { command, done } = wish;
        let command = match command {
            Command::ExtendBeat { lines } => Command::ExtendBeat {
                lines: lines.min(MOST_EXTENSION),
            },
            command => command,
        };
        if let Command::PickTake { turn, take } = command
            && let Err(refusal) = self.has_take(turn, take)?
        {
            tell(done, Err(refusal));
            return Ok(false);
        }
        self.emit(EventKind::Command {
            command: command.clone(),
        })
        .await?;
        match command {
            Command::Say {
                speaker,
                delivery,
                text,
            } => {
                self.say_injected(beat, speaker, delivery, text).await?;
                return Ok(true);
            }
            Command::SkipBeat => agenda.skip(),
            Command::ExtendBeat { lines } => agenda.extend(lines),
            Command::Retake { turn } => {
                let outcome = self.retake(turn).await?;
                tell(done, outcome);
            }
            Command::PickTake { turn, take } => {
                self.pick_take(turn, take).await?;
                tell(done, Ok(()));
            }
            Command::Edit {
                turn,
                delivery,
                text,
            } => {
                let changed = |spoken: &Spoken| ChangedLine {
                    delivery,
                    ..changed(spoken, Change::Edit, text, Provenance::Edited)
                };
                self.change_line(turn, changed).await?;
            }
            Command::Rewind { turn } => return Err(Halt::Rewind { turn, done }),
            // The story has taken these in with the event; a stop never comes as a wish.
            Command::NextSpeaker { .. } | Command::Mood { .. } | Command::Stop => {}
        }
        Ok(false)
    }

    /// Goes back to a line: everything begins anew, and is gone through again up to there.
    pub(super) async fn go_back(&mut self, turn: u64, done: Option<Reply>) -> Result<(), Halt> {
        let events = self.record.read_back()?;
        let standing = cut::standing(&events);
        let Some((at, _)) = line_at(&standing, turn) else {
            // The inbox has counted the lines.
            return Ok(());
        };
        let to_seq = standing[at].seq;
        let branch = self.record.begin_branch();
        self.emit(EventKind::Rewound { to_seq, branch }).await?;
        self.record
            .go_back(cut::path(&events, Some(to_seq)), branch);
        self.company.begin_anew(&self.first).await?;
        self.story = self.story_before();
        self.inbox.set_n_lines(turn + 1);
        tell(done, Ok(()));
        Ok(())
    }

    /// Makes new takes of a line, as it could have been said then, and keeps the best.
    async fn retake(&mut self, turn: u64) -> Result<Result<(), Refusal>, Halt> {
        let events = self.record.read_back()?;
        let standing = cut::standing(&events);
        let Some((at, spoken)) = line_at(&standing, turn) else {
            return Ok(Ok(()));
        };
        let n_retakes = cut::path(&events, None)
            .iter()
            .filter(|event| is_retake_of(event, &spoken.id))
            .count();
        let Some(speaker) = self.company.index(&spoken.utterance.speaker) else {
            // A voice from outside has no mind to ask.
            return Ok(Err(Refusal::NoTake));
        };
        if !self.record.asks_voices() {
            // It is gone through again: what came of it then comes of it now.
            let Some(EventKind::LineChanged(line)) = self.record.peek() else {
                return Ok(Err(Refusal::NoTake));
            };
            let line = line.clone();
            self.change_line(turn, |_| line).await?;
            return Ok(Ok(()));
        }
        let before = &standing[..at];
        let mut story = self.story_before();
        for event in before {
            story.apply(&event.kind);
        }
        let scene = Arc::clone(&story.scene);
        let Some(beat) = story.present_beat().cloned() else {
            return Ok(Err(Refusal::NoTake));
        };
        let draws = Address {
            seed: self.playbill.seed,
            scene: &scene.id,
            beat: &beat.id,
            turn,
            attempt: 0,
            branch: self.record.branch(),
            retake: n_retakes as u32 + 1,
        };
        let then = Then {
            story,
            beat: &beat,
            draws,
            events: before,
        };
        let takes = self.takes_then(speaker, &then).await?;
        let Some(best) = take::choose(&takes, &self.story.said) else {
            return Ok(Err(Refusal::NoTake));
        };
        let n_before = spoken.takes.len();
        let kept = &takes[best];
        let line = ChangedLine {
            delivery: kept.delivery.clone(),
            kept: Some(n_before + best),
            ..changed(
                spoken,
                Change::Retake,
                kept.text.clone(),
                Provenance::Generated,
            )
        };
        let line = ChangedLine { takes, ..line };
        self.change_line(turn, |_| line).await?;
        Ok(Ok(()))
    }

    /// Takes of somebody who has heard no more than this.
    async fn takes_then(&mut self, speaker: usize, then: &Then<'_>) -> Result<Vec<Take>, Halt> {
        let player = &mut self.company.players[speaker];
        let Some(voice) = player.fresh_voice() else {
            return Ok(Vec::new());
        };
        let id = player.character.id.clone();
        let opening = then.story.opening(then.beat, &id, &then.draws);
        let said = then.story.recent();
        let mood = then.story.mood(&id);
        let cue = take::cue(&player.character, then.beat, mood, opening, said);
        let seeds = (0..then.story.scene.takes.max(1))
            .map(|take| then.draws.take_seed(&id, take))
            .collect();
        let heard = heard_by(&id, &self.first, then.events);
        let actor = &self.company.players[speaker].actor;
        let asked = async { actor.retake(voice, heard, cue, seeds).await.get().await };
        let late = self.patience.end(&id);
        let answered = async {
            tokio::select! {
                answer = asked => answer.unwrap_or_default(),
                () = late => Vec::new(),
            }
        };
        let takes = self.inbox.attend(answered).await?;
        Ok(takes.into_iter().map(take::clean).collect())
    }

    fn has_take(&mut self, turn: u64, take: usize) -> Result<Result<(), Refusal>, Halt> {
        if self.record.is_past() {
            return Ok(Ok(()));
        }
        let standing = cut::standing(&self.record.read_back()?);
        let n_takes = line_at(&standing, turn).map_or(0, |(_, spoken)| spoken.takes.len());
        Ok(if take < n_takes {
            Ok(())
        } else {
            Err(Refusal::NoSuchTake { take, n_takes })
        })
    }

    async fn pick_take(&mut self, turn: u64, take: usize) -> Result<(), Halt> {
        self.change_line(turn, |spoken| {
            let picked = &spoken.takes[take];
            ChangedLine {
                delivery: picked.delivery.clone(),
                kept: Some(take),
                ..changed(
                    spoken,
                    Change::Pick,
                    picked.text.clone(),
                    Provenance::Generated,
                )
            }
        })
        .await
    }

    /// Puts another line in the place of one that was said. Everybody hears the whole performance again, with the new one in it.
    async fn change_line(
        &mut self,
        turn: u64,
        change: impl FnOnce(&Spoken) -> ChangedLine,
    ) -> Result<(), Halt> {
        let standing = cut::standing(&self.record.read_back()?);
        let Some((_, spoken)) = line_at(&standing, turn) else {
            return Ok(());
        };
        let line = change(spoken);
        self.emit(EventKind::LineChanged(line)).await?;
        let standing = cut::standing(&self.record.read_back()?);
        for index in 0..self.company.players.len() {
            let id = self.company.players[index].character.id.clone();
            let heard = heard_by(&id, &self.first, &standing);
            self.company.restart(index, &heard).await?;
        }
        Ok(())
    }

    /// The story as the curtain rose.
    fn story_before(&self) -> Story {
        let characters = self.company.players.iter().map(|player| &player.character);
        let language = &self.playbill.language;
        Story::new(&self.first, &self.scenes, language, characters)
    }

    /// Says a line of the user's, as one of the cast or as a voice from outside.
    async fn say_injected(
        &mut self,
        beat: &Beat,
        speaker: CharacterId,
        delivery: Option<String>,
        text: String,
    ) -> Result<(), Halt> {
        self.give_floor(speaker.clone(), Reason::plain(Because::Injected))
            .await?;
        let line = Line {
            delivery,
            ..Line::new(speaker, text, Provenance::Injected)
        };
        self.speak(beat, line).await
    }
}

/// The last line of a turn among the events that count, and its place.
fn line_at(standing: &[Event], turn: u64) -> Option<(usize, &Spoken)> {
    let lines = standing.iter().enumerate().rev();
    lines
        .filter_map(|(at, event)| match &event.kind {
            EventKind::Utterance(spoken) => Some((at, spoken)),
            _ => None,
        })
        .find(|(_, spoken)| spoken.utterance.turn == turn)
}

fn is_retake_of(event: &Event, id: &str) -> bool {
    match &event.kind {
        EventKind::LineChanged(changed) => changed.id == id && changed.change == Change::Retake,
        _ => false,
    }
}

/// A line with other words in it.
fn changed(spoken: &Spoken, change: Change, text: String, provenance: Provenance) -> ChangedLine {
    ChangedLine {
        id: spoken.id.clone(),
        turn: spoken.utterance.turn,
        change,
        takes: Vec::new(),
        kept: None,
        delivery: None,
        text,
        provenance,
        text_before: spoken.utterance.text.clone(),
        provenance_before: spoken.utterance.provenance,
    }
}

/// Whoever wished for it may be gone.
fn tell(done: Option<Reply>, outcome: Result<(), Refusal>) {
    if let Some(done) = done {
        let _ = done.send(outcome);
    }
}

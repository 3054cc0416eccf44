//! The director: gives the floor, walks the scene through its beats, writes the log.
//!
//! An actor on the runtime: [`perform`] starts it, [`DirectorHandle`] is the only way to speak to it, the receiver of events the only way to watch.
//! Once it waits, whatever for, it listens to the audience as well, so no cycle of full channels can stall it.
//!
//! ```text
//! loop over scenes:    of an episode: scene_entered
//!   loop over beats:   beat_entered, stage_entered…, threads open and advance
//!     loop over lines: a user's line?  → said, and answered next
//!                      authored, due?  → said
//!                      else            → speaker chosen → cue → takes → the best is kept, said, heard by everybody here
//!     threads resolve, stage_left…, the log is synced
//!   another follows: cliffhanger
//! performance_ended
//! ```

mod generate;
mod inbox;
mod play;
mod record;
mod speak;
mod wishes;

use std::sync::Arc;

use telenovela_script::character::CharacterId;
use telenovela_script::episode;
use telenovela_script::event::{Command, EndReason, Event, EventSink, OUTSIDE, ThreadOutcome};
use telenovela_script::mood::Mood;
use telenovela_script::scene::Scene;
use telenovela_script::text::one_line;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::agenda::n_authored;
use crate::company::Company;
use crate::error::{Refusal, StageError};
use crate::production::{Audience, Production};
use inbox::Inbox;
use play::Director;
use record::Record;

pub use record::Again;

/// Commands under way to the director: more keys than anybody presses while it looks away, which it does only to write to the log.
const COMMANDS: usize = 16;
/// Events under way to the screen: what happens between two lines, and some; a reader never hurries the director further ahead than that.
const EVENTS: usize = 64;

/// What the director can be told. Private: callers use [`DirectorHandle`].
enum DirectorMsg {
    Pause {
        reply: oneshot::Sender<()>,
    },
    Resume,
    Step,
    Wish {
        command: Command,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// A performance under way.
pub struct Performance {
    /// How the audience takes a hand.
    pub director: DirectorHandle,
    /// What happens, each event after it has been written to the log; closed after the last.
    pub events: mpsc::Receiver<Event>,
    /// Resolves when the log is complete and every character has gone home.
    pub ended: JoinHandle<Result<Ended, StageError>>,
}

/// How a performance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// Lines said, whoever's words.
    pub n_utterances: u64,
    /// Words of generated lines of those who are seen.
    pub generated_words: u64,
    /// Words of authored lines of those who are seen.
    pub authored_words: u64,
    /// What became of each loose end.
    pub threads: Vec<ThreadOutcome>,
    /// Characters whose voice did not come back in time; their threads were left to themselves. Empty unless a voice hangs.
    pub hung: Vec<CharacterId>,
}

/// Starts a performance: one thread for each character, one task for the director, which is the only writer to `sink`.
///
/// The log depends on the production and the user's lines alone. It is the same whoever watches, however fast, and on however many threads; when
/// the receiver of the events is dropped, the performance goes on into the log.
///
/// # Errors
/// [`StageError::NoScene`] without a scene, [`StageError::NoRole`] when somebody of a scene's cast has no role, [`StageError::Thread`] when the system has no thread left. What goes wrong
/// later comes out of [`Performance::ended`].
///
/// # Panics
/// Outside a tokio runtime with time enabled.
pub fn perform(
    production: Production,
    sink: Box<dyn EventSink>,
) -> Result<Performance, StageError> {
    start(production, sink, None)
}

/// As [`perform`], going through what happened already first: `past` are the events of a log, from its first on.
///
/// To resume, `sink` appends to that log and [`reads it back`](EventSink::read_back); voices only hear the lines, no line waits for the screen, and the
/// performance goes on where the log breaks off, to the bytes of one that never did. To verify, everything is performed anew and written to `sink`.
///
/// # Errors
/// As [`perform`]. A past that this production does not lead to comes out of [`Performance::ended`] as [`StageError::Diverged`].
pub fn perform_again(
    production: Production,
    sink: Box<dyn EventSink>,
    past: Vec<Event>,
    how: Again,
) -> Result<Performance, StageError> {
    start(production, sink, Some((past, how)))
}

fn start(
    production: Production,
    sink: Box<dyn EventSink>,
    past: Option<(Vec<Event>, Again)>,
) -> Result<Performance, StageError> {
    let Production {
        playbill,
        scenes,
        cast,
        audience,
        patience,
    } = production;
    let scenes: Vec<Arc<Scene>> = scenes.into_iter().map(Arc::new).collect();
    let Some(first) = scenes.first() else {
        return Err(StageError::NoScene);
    };
    let everybody = episode::cast(scenes.iter().map(Arc::as_ref));
    let company = Company::assemble(&everybody, first, cast)?;

    let (messages, inbox) = mpsc::channel(COMMANDS);
    let (screen, events) = mpsc::channel(EVENTS);
    let (shown, showing) = watch::channel(0);
    let stop = CancellationToken::new();

    let n_authored: u32 = first.beats.iter().map(n_authored).sum();
    let inbox = Inbox::new(
        inbox,
        stop.clone(),
        (audience == Audience::Attended).then_some(showing),
        everybody,
        first.max_lines.saturating_sub(n_authored),
    );
    let record = Record::new(sink, screen, past);
    let director = Director::new(playbill, first, &scenes, company, inbox, record, patience);
    Ok(Performance {
        director: DirectorHandle {
            messages,
            shown,
            stop,
        },
        events,
        ended: tokio::spawn(director.run()),
    })
}

/// How the audience speaks to the director. Cheap to clone. After the end those that can fail say so, and the others do
/// nothing.
#[derive(Clone)]
pub struct DirectorHandle {
    messages: mpsc::Sender<DirectorMsg>,
    shown: watch::Sender<u64>,
    stop: CancellationToken,
}

impl DirectorHandle {
    /// Holds the scene before its next line. Once this returns, no line is begun until [`resume`](Self::resume) or [`step`](Self::step), except the
    /// user's own.
    pub async fn pause(&self) {
        let (reply, done) = oneshot::channel();
        self.send(DirectorMsg::Pause { reply }).await;
        // No answer means that the performance is over, which holds it for good.
        let _ = done.await;
    }

    /// Lets a held scene go on.
    pub async fn resume(&self) {
        self.send(DirectorMsg::Resume).await;
    }

    /// Lets exactly one more line be said, then holds. Steps add up.
    pub async fn step(&self) {
        self.send(DirectorMsg::Step).await;
    }

    /// Says a line as one of the cast, on stage or not: after the line that is being shown, even while paused. It is logged, everybody here
    /// hears it, and the next line answers it. Returns as soon as the line is accepted.
    ///
    /// # Errors
    /// When there is no such speaker, when the line has no words, when the scene needs the room that is left for its ending, and when the
    /// performance is over.
    pub async fn say(
        &self,
        speaker: CharacterId,
        delivery: Option<String>,
        text: String,
    ) -> Result<(), Refusal> {
        self.command(Command::Say {
            speaker,
            delivery,
            text,
        })
        .await
    }

    /// Says a line as a voice from outside, whom nobody of the cast is. Otherwise as [`say`](Self::say).
    ///
    /// # Errors
    /// As [`say`](Self::say).
    pub async fn say_from_outside(&self, text: String) -> Result<(), Refusal> {
        self.say(CharacterId::new(OUTSIDE), None, text).await
    }

    /// Gives the next generated line to somebody, whatever the policy; `None` lets the director choose, as under policy `weighted`. Returns as
    /// soon as the wish is accepted.
    ///
    /// # Errors
    /// When there is no such speaker, when it is not on stage or has no voice left, and when the performance is over.
    pub async fn next_speaker(&self, speaker: Option<CharacterId>) -> Result<(), Refusal> {
        self.command(Command::NextSpeaker { speaker }).await
    }

    /// Puts somebody in a mood, which holds for three of its lines and then wears off. Returns as soon as the wish is accepted.
    ///
    /// # Errors
    /// When there is no such character, and when the performance is over.
    pub async fn give_mood(&self, character: CharacterId, mood: Mood) -> Result<(), Refusal> {
        self.command(Command::Mood { character, mood }).await
    }

    /// Ends the generated lines of the present beat; what its author wrote is still said, and its threads are tied up.
    ///
    /// # Errors
    /// When the performance is over.
    pub async fn skip_beat(&self) -> Result<(), Refusal> {
        self.command(Command::SkipBeat).await
    }

    /// Gives the present beat so many generated lines more, as far as the scene's `max_lines` lets it.
    ///
    /// # Errors
    /// When the performance is over.
    pub async fn extend_beat(&self, lines: u32) -> Result<(), Refusal> {
        self.command(Command::ExtendBeat { lines }).await
    }

    /// Has new takes made of a line that was said, by its speaker as it was then, and keeps the best of them. Lines after it stay as they are; what
    /// is said from now on remembers the new one. All takes stay in the log. Returns when it is done.
    ///
    /// # Errors
    /// When no such line was said, when none of the new takes can be heard, and when the performance is over.
    pub async fn retake(&self, turn: u64) -> Result<(), Refusal> {
        self.command(Command::Retake { turn }).await
    }

    /// Puts another take in the place of the one that was kept; takes are counted over all of the line, retakes included, in the order in which they
    /// were made. Returns when it is done.
    ///
    /// # Errors
    /// When there is no such line or take, and when the performance is over.
    pub async fn pick_take(&self, turn: u64, take: usize) -> Result<(), Refusal> {
        self.command(Command::PickTake { turn, take }).await
    }

    /// Writes a line that was said anew.
    ///
    /// # Errors
    /// When no such line was said, when the new one has no words, and when the performance is over.
    pub async fn edit(
        &self,
        turn: u64,
        delivery: Option<String>,
        text: String,
    ) -> Result<(), Refusal> {
        self.command(Command::Edit {
            turn,
            delivery,
            text,
        })
        .await
    }

    /// Goes back to a line, the last that stays, and on differently, on a new branch. The old one stays in the log. Returns when it is done.
    ///
    /// # Errors
    /// When no such line was said, and when the performance is over.
    pub async fn rewind(&self, turn: u64) -> Result<(), Refusal> {
        self.command(Command::Rewind { turn }).await
    }

    /// Does what the log calls a command; the methods above are this in other words, and say what comes of each.
    ///
    /// # Errors
    /// As theirs.
    pub async fn command(&self, command: Command) -> Result<(), Refusal> {
        let command = match command {
            Command::Stop => {
                self.stop();
                return Ok(());
            }
            Command::Say {
                speaker,
                delivery,
                text,
            } => Command::Say {
                speaker,
                delivery: said_how(delivery),
                text: one_line(&text),
            },
            Command::Edit {
                turn,
                delivery,
                text,
            } => Command::Edit {
                turn,
                delivery: said_how(delivery),
                text: one_line(&text),
            },
            command => command,
        };
        let (reply, accepted) = oneshot::channel();
        self.send(DirectorMsg::Wish { command, reply }).await;
        accepted.await.unwrap_or(Err(Refusal::Ended))
    }

    /// Tells the director that the audience has been shown the event of this number and all before; the next line may come. Never waits.
    pub fn shown(&self, seq: u64) {
        self.shown.send_if_modified(|n_shown| {
            let is_news = *n_shown <= seq;
            if is_news {
                *n_shown = seq + 1;
            }
            is_news
        });
    }

    /// Ends the performance now. The log is completed and says so. Never waits; works whatever the director is waiting for.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    async fn send(&self, message: DirectorMsg) {
        // A director that is gone has nothing left to hold, step or say.
        let _ = self.messages.send(message).await;
    }
}

/// A delivery on one line, if there is anything in it.
fn said_how(delivery: Option<String>) -> Option<String> {
    delivery
        .map(|delivery| one_line(&delivery))
        .filter(|delivery| !delivery.is_empty())
}

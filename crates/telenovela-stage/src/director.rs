//! The director: gives the floor, walks the scene through its beats, writes the log.
//!
//! An actor on the runtime: [`perform`] starts it, [`DirectorHandle`] is the only way to speak to it, the receiver of events the only way to watch.
//! Once it waits, whatever for, it listens to the audience as well, so no cycle of full channels can stall it.
//!
//! ```text
//! loop over beats:   beat_entered, stage_entered…, threads open and advance
//!   loop over lines: a user's line?  → said, and answered next
//!                    authored, due?  → said
//!                    else            → speaker chosen → cue → takes → the best is kept, said, heard by everybody here
//!   threads resolve, stage_left…, the log is synced
//! performance_ended
//! ```

mod generate;
mod inbox;
mod play;
mod record;
mod speak;

use telenovela_script::character::CharacterId;
use telenovela_script::event::{EndReason, Event, EventSink, ThreadOutcome};
use telenovela_script::text::one_line;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::agenda::n_authored;
use crate::company::Company;
use crate::error::{Refusal, StageError};
use crate::production::{Audience, Production};
use inbox::{Inbox, UserLine};
use play::Director;
use record::Record;

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
    Say {
        line: UserLine,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    NextSpeaker {
        speaker: Option<CharacterId>,
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
/// [`StageError::NoRole`] when somebody of the scene's cast has no role, [`StageError::Thread`] when the system has no thread left. What goes wrong
/// later comes out of [`Performance::ended`].
///
/// # Panics
/// Outside a tokio runtime with time enabled.
pub fn perform(
    production: Production,
    sink: Box<dyn EventSink>,
) -> Result<Performance, StageError> {
    let Production {
        playbill,
        scene,
        cast,
        audience,
    } = production;
    let (company, threads) = Company::assemble(&scene, cast)?;

    let (messages, inbox) = mpsc::channel(COMMANDS);
    let (screen, events) = mpsc::channel(EVENTS);
    let (shown, showing) = watch::channel(0);
    let stop = CancellationToken::new();

    let n_authored: u32 = scene.beats.iter().map(n_authored).sum();
    let inbox = Inbox::new(
        inbox,
        stop.clone(),
        (audience == Audience::Attended).then_some(showing),
        scene.cast.clone(),
        scene.max_lines.saturating_sub(n_authored),
    );
    let director = Director::new(playbill, scene, company, inbox, Record::new(sink, screen));
    Ok(Performance {
        director: DirectorHandle {
            messages,
            shown,
            stop,
        },
        events,
        ended: tokio::spawn(director.run(threads)),
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
        let line = UserLine {
            speaker,
            delivery: delivery
                .map(|delivery| one_line(&delivery))
                .filter(|delivery| !delivery.is_empty()),
            text: one_line(&text),
        };
        let (reply, accepted) = oneshot::channel();
        self.send(DirectorMsg::Say { line, reply }).await;
        accepted.await.unwrap_or(Err(Refusal::Ended))
    }

    /// Gives the next generated line to somebody, whatever the policy; `None` lets the director choose, as under policy `weighted`. Returns as
    /// soon as the wish is accepted.
    ///
    /// # Errors
    /// When there is no such speaker, when it is not on stage or has no voice left, and when the performance is over.
    pub async fn next_speaker(&self, speaker: Option<CharacterId>) -> Result<(), Refusal> {
        let (reply, accepted) = oneshot::channel();
        self.send(DirectorMsg::NextSpeaker { speaker, reply }).await;
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

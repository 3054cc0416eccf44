//! One character on stage: an actor on an OS thread of its own, because a mind at work blocks, and a thread of the runtime must not.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use telenovela_script::character::CharacterId;
use telenovela_script::event::Utterance;
use telenovela_script::voice::{Cue, Interest, Take, Voice, VoiceError};
use tokio::sync::{mpsc, oneshot};

use crate::error::StageError;

/// Messages under way to one character. The director asks one question at a time; the rest are lines heard while a slow mind was busy. A full
/// box makes the director wait, and with it the scene.
const INBOX: usize = 32;
/// Lines that are told at once, or fewer when there is something to ask: to wake a thread costs the director more than all else it does in a turn, and a
/// mind takes in this many lines in about a millisecond.
const LINES_AT_ONCE: usize = 4;

/// What a character can be told. Private: the director uses [`ActorHandle`].
enum ActorMsg {
    /// Lines that were just said, or everything that was said while somebody else was this character's voice.
    Hear(Vec<Arc<Utterance>>),
    /// Takes of a line that was said before, by another mind in the same place.
    Retake {
        voice: Box<dyn Voice>,
        heard: Vec<Arc<Utterance>>,
        cue: Box<Cue>,
        seeds: Vec<u64>,
        reply: oneshot::Sender<Result<Vec<Take>, VoiceError>>,
    },
    Bid {
        reply: oneshot::Sender<Result<f32, VoiceError>>,
    },
    Takes {
        cue: Box<Cue>,
        seeds: Vec<u64>,
        reply: oneshot::Sender<Result<Vec<Take>, VoiceError>>,
    },
}

/// An answer under way. Dropping it is a normal event: the character answers into the void.
pub(crate) struct Answer<T>(Option<oneshot::Receiver<Result<T, VoiceError>>>);

impl<T> Answer<T> {
    pub(crate) async fn get(self) -> Result<T, VoiceError> {
        let gone = || VoiceError::Failed("its thread has ended".to_owned());
        match self.0 {
            Some(answer) => answer.await.unwrap_or_else(|_| Err(gone())),
            None => Err(gone()),
        }
    }
}

/// How the director speaks to a character; the channel is a secret.
pub(crate) struct ActorHandle {
    messages: mpsc::Sender<ActorMsg>,
    /// Lines it has not been told yet; fewer than [`LINES_AT_ONCE`], unless its box is full.
    untold: Mutex<Vec<Arc<Utterance>>>,
    interest: Interest,
}

impl ActorHandle {
    /// Starts the thread of a character.
    pub(crate) fn spawn(
        character: &CharacterId,
        voice: Box<dyn Voice>,
    ) -> Result<(Self, ActorThread), StageError> {
        let (messages, inbox) = mpsc::channel(INBOX);
        let (ending, ended) = std_mpsc::channel();
        let interest = Interest::default();
        let of_handle = interest.clone();
        let join = thread::Builder::new()
            .name(format!("voice-{character}"))
            .spawn(move || {
                run(Mind::Awake(voice), inbox, &of_handle);
                // Nobody may be waiting any more.
                let _ = ending.send(());
            })
            .map_err(|source| StageError::Thread {
                character: character.clone(),
                source,
            })?;
        Ok((
            Self {
                messages,
                untold: Mutex::default(),
                interest,
            },
            ActorThread {
                character: character.clone(),
                is_written_off: false,
                join,
                ended,
            },
        ))
    }

    /// Whoever is at work for this handle need not finish, and hears no more.
    pub(crate) fn lose_interest(&self) {
        self.interest.lose();
    }

    /// Tells it a line, now or before it is asked anything; false when its box is full, and [`tell`](Self::tell) has to wait.
    pub(crate) fn hear(&self, utterance: Arc<Utterance>) -> bool {
        let n_untold = {
            let mut untold = self.untold();
            untold.push(utterance);
            untold.len()
        };
        n_untold < LINES_AT_ONCE || self.tell_now()
    }

    /// Tells it what it has not been told; false when its box is full.
    pub(crate) fn tell_now(&self) -> bool {
        let mut untold = self.untold();
        match self.messages.try_reserve() {
            Ok(place) => place.send(ActorMsg::Hear(std::mem::take(&mut untold))),
            Err(mpsc::error::TrySendError::Full(())) => return false,
            // A thread that is gone hears nothing; the next question says so.
            Err(mpsc::error::TrySendError::Closed(())) => untold.clear(),
        }
        true
    }

    /// Tells it what it has not been told, waiting while its box is full. Whoever stops waiting has told nothing, and lost nothing.
    pub(crate) async fn tell(&self) {
        if self.untold().is_empty() {
            return;
        }
        let place = self.messages.reserve().await;
        let untold = std::mem::take(&mut *self.untold());
        if let Ok(place) = place {
            place.send(ActorMsg::Hear(untold));
        }
    }

    fn untold(&self) -> MutexGuard<'_, Vec<Arc<Utterance>>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a fresh mind everything that it should have heard.
    pub(crate) async fn remember(&self, heard: Vec<Arc<Utterance>>) {
        let _ = self.messages.send(ActorMsg::Hear(heard)).await;
    }

    /// Asks another mind, which is to hear these lines first, for one take per seed.
    pub(crate) async fn retake(
        &self,
        voice: Box<dyn Voice>,
        heard: Vec<Arc<Utterance>>,
        cue: Cue,
        seeds: Vec<u64>,
    ) -> Answer<Vec<Take>> {
        let (reply, answer) = oneshot::channel();
        let cue = Box::new(self.waited_for(cue));
        let message = ActorMsg::Retake {
            voice,
            heard,
            cue,
            seeds,
            reply,
        };
        let sent = self.messages.send(message).await;
        Answer(sent.is_ok().then_some(answer))
    }

    fn waited_for(&self, cue: Cue) -> Cue {
        Cue {
            interest: self.interest.clone(),
            ..cue
        }
    }

    /// Asks how much it wants to speak.
    pub(crate) async fn bid(&self) -> Answer<f32> {
        self.tell().await;
        let (reply, answer) = oneshot::channel();
        let sent = self.messages.send(ActorMsg::Bid { reply }).await;
        Answer(sent.is_ok().then_some(answer))
    }

    /// Asks for one take per seed.
    pub(crate) async fn takes(&self, cue: Cue, seeds: Vec<u64>) -> Answer<Vec<Take>> {
        self.tell().await;
        let (reply, answer) = oneshot::channel();
        let cue = Box::new(self.waited_for(cue));
        let sent = self
            .messages
            .send(ActorMsg::Takes { cue, seeds, reply })
            .await;
        Answer(sent.is_ok().then_some(answer))
    }
}

/// The thread behind a handle. It ends by itself once the handle is dropped and the mind has finished what it is at.
pub(crate) struct ActorThread {
    pub(crate) character: CharacterId,
    /// It has not answered in time once, and is not waited for again.
    pub(crate) is_written_off: bool,
    join: JoinHandle<()>,
    ended: std_mpsc::Receiver<()>,
}

impl ActorThread {
    /// Whether the thread has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.join.is_finished()
    }

    /// Waits for the thread until the deadline and joins it; false when it is still busy then and was left to itself. Blocks. The clock is read
    /// here and nowhere else on stage, after the last event has been written.
    pub(crate) fn join_until(self, deadline: Instant) -> bool {
        let patience = if self.is_written_off {
            Duration::ZERO
        } else {
            deadline.saturating_duration_since(Instant::now())
        };
        if let Err(std_mpsc::RecvTimeoutError::Timeout) = self.ended.recv_timeout(patience) {
            return false;
        }
        // A panic outside the voice would be a bug of this module; the voice's own are caught below.
        let _ = self.join.join();
        true
    }
}

/// A voice, or what its panic has left of it.
enum Mind {
    Awake(Box<dyn Voice>),
    Broken(String),
}

/// Until the director has dropped the handle.
fn run(mut mind: Mind, mut inbox: mpsc::Receiver<ActorMsg>, interest: &Interest) {
    while let Some(message) = inbox.blocking_recv() {
        // What is still in the box concerns nobody any more.
        if interest.is_lost() {
            return;
        }
        // A reply that nobody waits for any more is a normal event: the scene was stopped, or the user said a line meanwhile.
        match message {
            ActorMsg::Hear(heard) => mind.hear_all(&heard, interest),
            ActorMsg::Retake {
                voice,
                heard,
                cue,
                seeds,
                reply,
            } => {
                let mut other = Mind::Awake(voice);
                other.hear_all(&heard, interest);
                let _ = reply.send(other.ask(|voice| takes(voice, &cue, &seeds)));
            }
            ActorMsg::Bid { reply } => {
                let _ = reply.send(mind.ask(|voice| Ok(voice.bid())));
            }
            ActorMsg::Takes { cue, seeds, reply } => {
                if reply.is_closed() {
                    continue;
                }
                let _ = reply.send(mind.ask(|voice| takes(voice, &cue, &seeds)));
            }
        }
    }
    // Dropping a broken voice may panic again; the thread still has to report its end.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(mind)));
}

/// Takes, as many as were asked for.
fn takes(voice: &dyn Voice, cue: &Cue, seeds: &[u64]) -> Result<Vec<Take>, VoiceError> {
    let takes = voice.takes(cue, seeds)?;
    if takes.len() == seeds.len() {
        return Ok(takes);
    }
    let (n_takes, n_seeds) = (takes.len(), seeds.len());
    Err(VoiceError::Failed(format!(
        "{n_takes} takes for {n_seeds} seeds"
    )))
}

impl Mind {
    fn hear_all(&mut self, heard: &[Arc<Utterance>], interest: &Interest) {
        for utterance in heard {
            if interest.is_lost() {
                return;
            }
            self.hear(utterance);
        }
    }

    fn hear(&mut self, utterance: &Utterance) {
        if let Mind::Awake(voice) = self
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| voice.hear(utterance)))
        {
            self.break_down(&*panic);
        }
    }

    /// A panic leaves the mind in an unknown state, so it is asked no more: the character loses this turn and every later one.
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&dyn Voice) -> Result<T, VoiceError>,
    ) -> Result<T, VoiceError> {
        let voice = match self {
            Mind::Awake(voice) => &**voice,
            Mind::Broken(why) => return Err(VoiceError::Panicked(why.clone())),
        };
        match catch_unwind(AssertUnwindSafe(|| question(voice))) {
            Ok(answer) => answer,
            Err(panic) => Err(VoiceError::Panicked(self.break_down(&*panic))),
        }
    }

    fn break_down(&mut self, panic: &(dyn Any + Send)) -> String {
        let why = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let broken = std::mem::replace(self, Mind::Broken(why.clone()));
        let _ = catch_unwind(AssertUnwindSafe(move || drop(broken)));
        why
    }
}

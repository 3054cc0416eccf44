//! What comes in from the audience, at any moment: the director looks here whenever it waits for something else.

use std::collections::VecDeque;
use std::pin::pin;

use telenovela_script::character::CharacterId;
use telenovela_script::event::Provenance;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::DirectorMsg;
use crate::error::SayError;

/// A line of the user's, ready to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserLine {
    pub(super) speaker: CharacterId,
    pub(super) delivery: Option<String>,
    pub(super) text: String,
}

/// The audience wants it to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;

/// Where the audience's wishes arrive and wait.
pub(super) struct Inbox {
    messages: mpsc::Receiver<DirectorMsg>,
    /// Some handle still exists.
    open: bool,
    stop: CancellationToken,
    /// Events the audience has seen, counted from the start; `None` when it is not waited for.
    shown: Option<watch::Receiver<u64>>,
    cast: Vec<CharacterId>,
    paused: bool,
    steps: u32,
    lines: VecDeque<UserLine>,
    /// Lines of the user's that still fit into the scene.
    room: u32,
}

impl Inbox {
    pub(super) fn new(
        messages: mpsc::Receiver<DirectorMsg>,
        stop: CancellationToken,
        shown: Option<watch::Receiver<u64>>,
        cast: Vec<CharacterId>,
        room: u32,
    ) -> Self {
        Self {
            messages,
            open: true,
            stop,
            shown,
            cast,
            paused: false,
            steps: 0,
            lines: VecDeque::new(),
            room,
        }
    }

    /// Waits for some work while listening to the audience. Every wait of the director goes through here: nothing the audience or a character
    /// does can make it deaf.
    pub(super) async fn attend<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Stopped),
                message = self.messages.recv(), if self.open => self.take_in(message),
                done = &mut work => return Ok(done),
            }
        }
    }

    /// Waits until a line may be said: not paused, or one step granted. True when a line of the user's waits, which no pause holds back.
    pub(super) async fn hold(&mut self) -> Result<bool, Stopped> {
        self.look();
        loop {
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
            if !self.lines.is_empty() {
                return Ok(true);
            }
            // With the last handle gone, nobody could ever resume.
            if !self.paused || self.steps > 0 || !self.open {
                return Ok(false);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Stopped),
                message = self.messages.recv() => self.take_in(message),
            }
        }
    }

    /// Waits until the audience has been shown an event; returns at once when nobody watches or `gone` says that the screen is.
    pub(super) async fn wait_until_shown(
        &mut self,
        seq: u64,
        gone: impl Future<Output = ()>,
    ) -> Result<(), Stopped> {
        let Some(mut shown) = self.shown.clone() else {
            return Ok(());
        };
        self.attend(async move {
            tokio::select! {
                // An error says that the last handle is gone: nobody watches any more.
                _ = shown.wait_for(|n_shown| *n_shown > seq) => {}
                () = gone => {}
            }
        })
        .await
    }

    /// The user's next line.
    pub(super) fn next_line(&mut self) -> Option<UserLine> {
        self.look();
        self.lines.pop_front()
    }

    /// A line is about to be said. Whatever is not the user's uses up a granted step; whatever is not the author's, whose place is kept, uses
    /// up room.
    pub(super) fn line_taken(&mut self, provenance: Provenance) {
        if provenance != Provenance::Injected {
            self.steps = self.steps.saturating_sub(1);
        }
        if provenance != Provenance::Authored {
            self.room = self.room.saturating_sub(1);
        }
    }

    pub(super) fn set_room(&mut self, room: u32) {
        self.room = room;
    }

    /// Takes in what has arrived, without waiting.
    fn look(&mut self) {
        while self.open {
            match self.messages.try_recv() {
                Ok(message) => self.take_in(Some(message)),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => self.take_in(None),
            }
        }
    }

    fn take_in(&mut self, message: Option<DirectorMsg>) {
        // Replies that nobody waits for any more are dropped with them.
        match message {
            None => self.open = false,
            Some(DirectorMsg::Pause { reply }) => {
                (self.paused, self.steps) = (true, 0);
                let _ = reply.send(());
            }
            Some(DirectorMsg::Resume) => (self.paused, self.steps) = (false, 0),
            Some(DirectorMsg::Step) => {
                self.paused = true;
                self.steps = self.steps.saturating_add(1);
            }
            Some(DirectorMsg::Say { line, reply }) => {
                let _ = reply.send(self.accept(line));
            }
        }
    }

    fn accept(&mut self, line: UserLine) -> Result<(), SayError> {
        if !self.cast.contains(&line.speaker) {
            let cast: Vec<&str> = self.cast.iter().map(CharacterId::as_str).collect();
            return Err(SayError::UnknownSpeaker {
                speaker: line.speaker,
                cast: cast.join(", "),
            });
        }
        if !line.text.chars().any(char::is_alphanumeric) {
            return Err(SayError::Empty);
        }
        if self.lines.len() >= self.room as usize {
            return Err(SayError::NoRoom);
        }
        self.lines.push_back(line);
        Ok(())
    }
}

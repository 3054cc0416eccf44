//! What comes in from the audience, at any moment: the director looks here whenever it waits for something else.

use std::collections::VecDeque;
use std::pin::pin;

use telenovela_script::character::CharacterId;
use telenovela_script::event::{Command, OUTSIDE, Provenance};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::DirectorMsg;
use crate::error::Refusal;

/// What the user wants, and the log is to know.
pub(super) struct Wish {
    pub(super) command: Command,
    /// Told when it is done, where that can still fail.
    pub(super) done: Option<Reply>,
}

impl Wish {
    /// Lines are said after the one that is being shown; all else is done at once.
    fn is_urgent(&self) -> bool {
        !matches!(
            self.command,
            Command::Say { .. } | Command::NextSpeaker { .. }
        )
    }
}

/// How the user learns whether a wish is fulfilled.
pub(super) type Reply = oneshot::Sender<Result<(), Refusal>>;

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
    /// Lines said so far.
    n_lines: u64,
    paused: bool,
    steps: u32,
    wishes: VecDeque<Wish>,
    /// Lines of the user's that still fit into the scene.
    room: u32,
    /// Who of the cast can speak of its own accord.
    able: Vec<CharacterId>,
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
            n_lines: 0,
            paused: false,
            steps: 0,
            wishes: VecDeque::new(),
            room,
            able: Vec::new(),
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

    /// Waits until a line may be said: not paused, or one step granted. True when a wish of the user's waits, which no pause holds back.
    pub(super) async fn hold(&mut self) -> Result<bool, Stopped> {
        self.look();
        loop {
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
            if !self.wishes.is_empty() {
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

    /// Waits until the audience has been shown an event: true when it has, when nobody watches, or when `gone` says that the screen is; false when a
    /// wish comes first that need not wait for it.
    pub(super) async fn wait_until_shown(
        &mut self,
        seq: u64,
        gone: impl Future<Output = ()>,
    ) -> Result<bool, Stopped> {
        let Some(mut shown) = self.shown.clone() else {
            return Ok(true);
        };
        let mut gone = pin!(gone);
        loop {
            if self.wishes.iter().any(Wish::is_urgent) {
                return Ok(false);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Stopped),
                message = self.messages.recv(), if self.open => self.take_in(message),
                // An error says that the last handle is gone: nobody watches any more.
                _ = shown.wait_for(|n_shown| *n_shown > seq) => return Ok(true),
                () = &mut gone => return Ok(true),
            }
        }
    }

    /// Whether the user wishes for anything.
    pub(super) fn has_wish(&self) -> bool {
        !self.wishes.is_empty()
    }

    /// The user's next wish; while a line is being shown, only one that need not wait for it.
    pub(super) fn next_wish(&mut self, is_shown: bool) -> Option<Wish> {
        self.look();
        let next = self
            .wishes
            .iter()
            .position(|wish| is_shown || wish.is_urgent())?;
        self.wishes.remove(next)
    }

    /// Waits until the user says who speaks next, or wishes for anything else; false at once when nobody watches who could.
    pub(super) async fn wait_for_choice(&mut self) -> Result<bool, Stopped> {
        self.look();
        while self.shown.is_some() && self.open && self.wishes.is_empty() {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Stopped),
                message = self.messages.recv() => self.take_in(message),
            }
        }
        Ok(!self.wishes.is_empty())
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

    pub(super) fn set_n_lines(&mut self, n_lines: u64) {
        self.n_lines = n_lines;
    }

    pub(super) fn set_able(&mut self, able: Vec<CharacterId>) {
        self.able = able;
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
            Some(DirectorMsg::Wish { command, reply }) => {
                if let Err(refusal) = self.accept(&command) {
                    let _ = reply.send(Err(refusal));
                    return;
                }
                let is_done_later = matches!(
                    command,
                    Command::Retake { .. } | Command::PickTake { .. } | Command::Rewind { .. }
                );
                let done = if is_done_later {
                    Some(reply)
                } else {
                    let _ = reply.send(Ok(()));
                    None
                };
                self.wishes.push_back(Wish { command, done });
            }
        }
    }

    /// What can be refused at once is.
    fn accept(&self, command: &Command) -> Result<(), Refusal> {
        let has_words = |text: &str| text.chars().any(char::is_alphanumeric);
        match command {
            Command::Say { speaker, text, .. } => {
                if speaker.as_str() != OUTSIDE {
                    self.is_in_cast(speaker)?;
                }
                if !has_words(text) {
                    return Err(Refusal::Empty);
                }
                let is_line = |wish: &&Wish| matches!(wish.command, Command::Say { .. });
                if self.wishes.iter().filter(is_line).count() >= self.room as usize {
                    return Err(Refusal::NoRoom);
                }
                Ok(())
            }
            Command::NextSpeaker {
                speaker: Some(speaker),
            } => {
                self.is_in_cast(speaker)?;
                if self.able.contains(speaker) {
                    Ok(())
                } else {
                    Err(Refusal::CannotSpeak(speaker.clone()))
                }
            }
            Command::Mood { character, .. } => self.is_in_cast(character),
            Command::Edit { text, .. } if !has_words(text) => Err(Refusal::Empty),
            Command::Edit { turn, .. }
            | Command::Retake { turn }
            | Command::PickTake { turn, .. }
            | Command::Rewind { turn } => {
                if *turn < self.n_lines {
                    Ok(())
                } else {
                    Err(Refusal::NoSuchLine {
                        turn: *turn,
                        n_lines: self.n_lines,
                    })
                }
            }
            Command::NextSpeaker { speaker: None }
            | Command::SkipBeat
            | Command::ExtendBeat { .. }
            | Command::Stop => Ok(()),
        }
    }

    fn is_in_cast(&self, id: &CharacterId) -> Result<(), Refusal> {
        if self.cast.contains(id) {
            return Ok(());
        }
        let cast: Vec<&str> = self.cast.iter().map(CharacterId::as_str).collect();
        Err(Refusal::UnknownSpeaker {
            speaker: id.clone(),
            cast: cast.join(", "),
        })
    }
}

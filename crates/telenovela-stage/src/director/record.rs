//! What happened, in order: into the log first, then to the screen.

use std::collections::VecDeque;
use std::time::Duration;

use telenovela_script::event::{Event, EventKind, EventSink};
use tokio::sync::mpsc;

use crate::error::StageError;

/// The log and the screen behind it.
pub(super) struct Record {
    sink: Box<dyn EventSink>,
    screen: Option<mpsc::Sender<Event>>,
    unseen: VecDeque<Event>,
    seq: u64,
    at_ms: u64,
}

impl Record {
    pub(super) fn new(sink: Box<dyn EventSink>, screen: mpsc::Sender<Event>) -> Self {
        Self {
            sink,
            screen: Some(screen),
            unseen: VecDeque::new(),
            seq: 0,
            at_ms: 0,
        }
    }

    /// Writes an event and queues it for the screen; returns its number. The write is short and blocks on purpose: nothing may happen before
    /// the log knows.
    pub(super) fn write(&mut self, kind: EventKind) -> Result<u64, StageError> {
        let event = Event {
            seq: self.seq,
            at_ms: self.at_ms,
            kind,
        };
        self.sink.write(&event).map_err(StageError::Log)?;
        self.seq += 1;
        if self.screen.is_some() {
            self.unseen.push_back(event);
        }
        Ok(self.seq - 1)
    }

    /// Hands the screen what it has not seen, waiting while it is full. A screen that is gone is forgotten. Can be cancelled without losing or
    /// doubling an event.
    pub(super) async fn show(&mut self) {
        while let Some(screen) = &self.screen
            && !self.unseen.is_empty()
        {
            let Ok(place) = screen.reserve().await else {
                self.forget_screen();
                return;
            };
            if let Some(event) = self.unseen.pop_front() {
                place.send(event);
            }
        }
    }

    /// As [`show`](Self::show), but a screen that stands still longer than `grace` is forgotten too.
    pub(super) async fn show_within(&mut self, grace: Duration) {
        if tokio::time::timeout(grace, self.show()).await.is_err() {
            self.forget_screen();
        }
    }

    /// Resolves when nobody receives events any more.
    pub(super) fn screen_gone(&self) -> impl Future<Output = ()> + use<> {
        let screen = self.screen.clone();
        async move {
            if let Some(screen) = screen {
                screen.closed().await;
            }
        }
    }

    /// Performance time goes on.
    pub(super) fn advance(&mut self, ms: u64) {
        self.at_ms += ms;
    }

    /// What was written survives a crash from here on.
    pub(super) fn sync(&mut self) -> Result<(), StageError> {
        self.sink.sync().map_err(StageError::Log)
    }

    fn forget_screen(&mut self) {
        self.screen = None;
        self.unseen.clear();
    }
}

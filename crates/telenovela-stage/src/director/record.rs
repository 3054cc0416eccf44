//! What happened, in order: into the log first, then to the screen. And what happened already, when a performance goes on from a log or goes back: the
//! director goes through it again, and [`Past`] answers in the place of voices and audience.

use std::collections::VecDeque;
use std::time::Duration;

use telenovela_script::event::{Command, Event, EventKind, EventSink, Failure, Provenance, Spoken};
use telenovela_script::voice::Take;
use tokio::sync::mpsc;

use crate::error::StageError;

/// The log and the screen behind it.
pub(super) struct Record {
    sink: Box<dyn EventSink>,
    screen: Option<mpsc::Sender<Event>>,
    unseen: VecDeque<Event>,
    seq: u64,
    at_ms: u64,
    branch: u32,
    n_branches: u32,
    /// What is being gone through again; the last one first.
    pasts: Vec<Past>,
}

/// Events that happened already.
pub(super) struct Past {
    events: VecDeque<Event>,
    /// What has been gone through of a past that the log holds in another order.
    gone_through: Vec<Event>,
    how: Again,
    /// The branch that begins where this past ends, if one does.
    then_branch: Option<u32>,
}

/// Why something is gone through again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// A performance goes on where its log breaks off. The log holds these events, the screen does not; voices only hear them.
    Resume,
    /// Every voice is asked again; from the log come only what the audience did and who did not answer in time.
    Verify,
    /// The performance goes back: log and screen hold these events.
    Rewound,
}

/// An event that is in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) seq: u64,
    /// It happened just now.
    pub(super) is_new: bool,
}

/// What a voice answered when this happened for the first time.
pub(super) enum Answered {
    Takes(Vec<Take>),
    Failed(Failure, String),
}

impl Record {
    pub(super) fn new(
        sink: Box<dyn EventSink>,
        screen: mpsc::Sender<Event>,
        past: Option<(Vec<Event>, Again)>,
    ) -> Self {
        let pasts = past.into_iter().map(|(events, how)| Past {
            events: events.into(),
            gone_through: Vec::new(),
            how,
            then_branch: None,
        });
        let mut record = Self {
            sink,
            screen: Some(screen),
            unseen: VecDeque::new(),
            seq: 0,
            at_ms: 0,
            branch: 0,
            n_branches: 0,
            pasts: pasts.collect(),
        };
        record.settle();
        record
    }

    /// Writes an event and queues it for the screen. The write is short and blocks on purpose: nothing may happen before the log knows. What is
    /// gone through again has to be what the past holds.
    pub(super) fn write(&mut self, kind: EventKind) -> Result<Written, StageError> {
        let event = Event {
            seq: self.seq,
            at_ms: self.at_ms,
            kind,
        };
        let how = self.pasts.last().map(|past| past.how);
        if how.is_some_and(|how| how != Again::Verify) {
            self.compare(&event)?;
        } else {
            self.sink.write(&event).map_err(StageError::Log)?;
        }
        if let Some(past) = self.pasts.last_mut()
            && let Some(event) = past.events.pop_front()
            && past.how == Again::Rewound
        {
            past.gone_through.push(event);
        }
        let written = Written {
            seq: event.seq,
            is_new: how.is_none(),
        };
        if how != Some(Again::Rewound) {
            self.seq += 1;
            if self.screen.is_some() {
                self.unseen.push_back(event);
            }
        }
        self.settle();
        Ok(written)
    }

    fn compare(&self, event: &Event) -> Result<(), StageError> {
        let expected = self.peek_event();
        if expected.is_some_and(|expected| expected.kind == event.kind) {
            return Ok(());
        }
        Err(StageError::Diverged {
            seq: expected.map_or(event.seq, |expected| expected.seq),
            happens: Box::new(event.kind.clone()),
        })
    }

    /// Leaves pasts that are over, and enters the branches that lie on the way.
    fn settle(&mut self) {
        while let Some(past) = self.pasts.last_mut() {
            match past.events.front().map(|event| &event.kind) {
                Some(EventKind::Rewound { branch, .. }) if past.how == Again::Rewound => {
                    self.branch = *branch;
                    past.events.pop_front();
                }
                Some(_) => return,
                None => {
                    if let Some(branch) = past.then_branch {
                        self.branch = branch;
                    }
                    self.pasts.pop();
                }
            }
        }
    }

    fn peek_event(&self) -> Option<&Event> {
        self.pasts.last()?.events.front()
    }

    /// Whether something is gone through again.
    pub(super) fn is_past(&self) -> bool {
        !self.pasts.is_empty()
    }

    /// Whether voices are asked, be it now for the first time.
    pub(super) fn asks_voices(&self) -> bool {
        self.pasts
            .last()
            .is_none_or(|past| past.how == Again::Verify)
    }

    /// What happens next, if it happened already.
    pub(super) fn peek(&self) -> Option<&EventKind> {
        self.peek_event().map(|event| &event.kind)
    }

    /// What the audience did next, if that was the next thing to happen.
    pub(super) fn past_command(&self) -> Option<&Command> {
        match self.peek()? {
            EventKind::Command { command } => Some(command),
            _ => None,
        }
    }

    /// Whether the audience ended it here.
    pub(super) fn is_past_stop(&self) -> bool {
        self.peek_event().is_some_and(|event| {
            let stop = matches!(
                event.kind,
                EventKind::Command {
                    command: Command::Stop
                }
            );
            stop && event.at_ms == self.at_ms
        })
    }

    /// What the voice that has the floor answered; `None` when it has to be asked.
    pub(super) fn past_answer(&self) -> Option<Answered> {
        let past = self.pasts.last()?;
        let answered = match self.peek()? {
            EventKind::VoiceFailed { failure, error, .. } => match failure {
                Failure::Unfit => Answered::Takes(Vec::new()),
                failure => Answered::Failed(*failure, error.clone()),
            },
            EventKind::Utterance(Spoken {
                utterance, takes, ..
            }) if utterance.provenance == Provenance::Generated => Answered::Takes(takes.clone()),
            _ => Answered::Takes(Vec::new()),
        };
        let is_late = matches!(answered, Answered::Failed(Failure::Late, _));
        (past.how != Again::Verify || is_late).then_some(answered)
    }

    /// Everything that failed as everybody was asked for a bid, and the bids that came: the events before the next speaker is chosen.
    pub(super) fn past_bids(&self, attempt: u32) -> Option<Vec<&EventKind>> {
        let past = self.pasts.last()?;
        let of_round = past
            .events
            .iter()
            .map(|event| &event.kind)
            .take_while(|kind| match kind {
                EventKind::VoiceFailed { attempt: of, .. } => *of == attempt,
                EventKind::StageLeft { .. } => true,
                _ => false,
            });
        let mut round: Vec<&EventKind> = of_round.collect();
        if let Some(next) = past.events.get(round.len()) {
            round.push(&next.kind);
        }
        match past.how {
            Again::Verify => {
                let is_late = |kind: &&EventKind| {
                    matches!(
                        kind,
                        EventKind::VoiceFailed {
                            failure: Failure::Late,
                            ..
                        }
                    )
                };
                round.retain(is_late);
                (!round.is_empty()).then_some(round)
            }
            Again::Resume | Again::Rewound => (!round.is_empty()).then_some(round),
        }
    }

    /// Everything that has happened up to now, as far as it may still count.
    pub(super) fn read_back(&mut self) -> Result<Vec<Event>, StageError> {
        if let Some(past) = self.pasts.last()
            && past.how == Again::Rewound
        {
            return Ok(past.gone_through.clone());
        }
        let mut events = self.sink.read_back().map_err(StageError::Log)?;
        events.retain(|event| event.seq < self.seq);
        Ok(events)
    }

    /// Goes through these events again from the beginning, and then on, on a new branch.
    pub(super) fn go_back(&mut self, events: Vec<Event>, branch: u32) {
        self.at_ms = 0;
        self.branch = 0;
        self.pasts.push(Past {
            events: events.into(),
            gone_through: Vec::new(),
            how: Again::Rewound,
            then_branch: Some(branch),
        });
        self.settle();
    }

    /// The branch that the performance is on; the first is 0.
    pub(super) fn branch(&self) -> u32 {
        self.branch
    }

    /// A number for the next branch.
    pub(super) fn begin_branch(&mut self) -> u32 {
        self.n_branches += 1;
        self.n_branches
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
        if self.is_past() {
            return Ok(());
        }
        self.sink.sync().map_err(StageError::Log)
    }

    fn forget_screen(&mut self) {
        self.screen = None;
        self.unseen.clear();
    }
}

//! A training on the screen: the terminal has a thread of its own, and those who learn tell it what happens.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratatui::crossterm::event;
use telenovela_script::voice::Interest;
use tokio::sync::mpsc;

use crate::cli::Look;
use crate::language::Phrase;
use crate::tui::keymap;
use crate::tui::rehearsal::{News, Rehearsal, Wish, view};
use crate::tui::terminal::{House, Screen as _};
use crate::tui::{Input, Left, TuiError, from_backend};

/// How often the figures are drawn: they are for reading, and the learners want the cores.
const TICK: Duration = Duration::from_millis(250);

/// Holds those who learn, while the user wants them to hold still.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn set_closed(&self, is_closed: bool) {
        let (closed, changed) = &*self.0;
        // Nothing panics while it holds this lock.
        *closed.lock().unwrap_or_else(PoisonError::into_inner) = is_closed;
        changed.notify_all();
    }

    /// Waits until it is open.
    pub(super) fn pass(&self) {
        let (closed, changed) = &*self.0;
        let mut closed = closed.lock().unwrap_or_else(PoisonError::into_inner);
        while *closed {
            closed = changed.wait(closed).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The screen, from the side of those who learn.
pub(super) struct Screen {
    news: mpsc::UnboundedSender<News>,
    pub(super) gate: Gate,
    thread: JoinHandle<Outcome>,
}

/// How the screen was left, and what was said meanwhile that is worth saying again.
pub(super) struct Outcome {
    pub(super) left: Result<Left, TuiError>,
    /// Panics of those who learn: their own reports would have been written across the screen.
    pub(super) reports: Vec<String>,
}

impl Screen {
    /// Opens it for the training of a show. When the user or the system wants to stop, `interest` is lost. `None` when the terminal cannot be used: then there is
    /// no screen.
    pub(super) fn open(look: Look, show: String, interest: Interest) -> Option<Self> {
        let (news, receiver) = mpsc::unbounded_channel();
        let (opened, is_open) = std::sync::mpsc::channel();
        let gate = Gate::default();
        let of_thread = gate.clone();
        let work = move || {
            let rehearsal = Rehearsal::new(look.theme(), look.language(), show);
            let outcome = show_it(rehearsal, receiver, &of_thread, &interest, &opened);
            // Whoever holds still goes on, to notice that nobody waits any more.
            if !matches!(outcome.left, Ok(Left::ByChoice)) {
                interest.lose();
            }
            of_thread.set_closed(false);
            outcome
        };
        let thread = thread::Builder::new()
            .name("rehearsal".to_owned())
            .spawn(work)
            .ok()?;
        is_open.recv().ok()?;
        Some(Self { news, gate, thread })
    }

    /// Tells what happened; a screen that has closed need not know.
    pub(super) fn tell(&self, news: News) {
        let _ = self.news.send(news);
    }

    /// Closes it and gives the terminal back.
    pub(super) fn close(self) -> Outcome {
        drop(self.news);
        self.thread.join().unwrap_or_else(|panic| {
            // It has given the terminal back and told why.
            std::panic::resume_unwind(panic)
        })
    }
}

/// The thread of the screen: until there is no more news, or the system wants the program to end.
fn show_it(
    rehearsal: Rehearsal,
    news: mpsc::UnboundedReceiver<News>,
    gate: &Gate,
    interest: &Interest,
    opened: &std::sync::mpsc::Sender<()>,
) -> Outcome {
    let failed = |error| Outcome {
        left: Err(TuiError::Terminal(error)),
        reports: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(error),
    };
    runtime.block_on(async {
        let mut house = match House::open() {
            Ok(house) => house,
            Err(error) => return failed(error),
        };
        // Whoever opened it waits for this.
        let _ = opened.send(());
        let left = drive(&mut house, rehearsal, news, gate, interest).await;
        Outcome {
            left,
            reports: house.close(),
        }
    })
}

async fn drive(
    house: &mut House,
    mut rehearsal: Rehearsal,
    mut news: mpsc::UnboundedReceiver<News>,
    gate: &Gate,
    interest: &Interest,
) -> Result<Left, TuiError> {
    let (screen, inputs) = house.parts();
    let start = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    let mut is_away = false;
    let mut is_due = true;
    loop {
        if is_due && !is_away && rehearsal.take_changed() {
            let terminal = screen.terminal();
            terminal.autoresize().map_err(from_backend)?;
            rehearsal.resize(terminal.get_frame().area());
            terminal
                .draw(|frame| view::view(&rehearsal, frame))
                .map_err(from_backend)?;
        }
        is_due = true;
        let input = tokio::select! {
            biased;
            input = inputs.recv() => input.unwrap_or(Input::Terminate(0)),
            told = news.recv() => {
                let Some(told) = told else { return Ok(Left::ByChoice) };
                rehearsal.apply(told);
                // Hundreds of steps a second are drawn with the next tick.
                is_due = false;
                continue;
            }
            _ = tick.tick() => {
                let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                rehearsal.tick(now_ms);
                continue;
            }
        };
        let wish = match input {
            Input::Terminal(event::Event::Key(key)) => {
                keymap::action(key, rehearsal.context()).and_then(|action| rehearsal.update(action))
            }
            Input::Terminal(_) => {
                rehearsal.spoil();
                None
            }
            Input::Answer(_) => None,
            Input::Suspend => Some(Wish::Suspend),
            Input::Continued => {
                screen.come_back().map_err(TuiError::Terminal)?;
                is_away = false;
                rehearsal.spoil();
                None
            }
            Input::Terminate(0) => return Ok(Left::ByChoice),
            Input::Terminate(signal) => return Ok(Left::BySignal(signal)),
            Input::Lost(error) => return Err(TuiError::Terminal(error)),
        };
        match wish {
            Some(Wish::Hold(is_held)) => gate.set_closed(is_held),
            Some(Wish::Stop) => {
                interest.lose();
                gate.set_closed(false);
            }
            Some(Wish::Suspend) => is_away = screen.leave().map_err(TuiError::Terminal)?,
            None => {}
        }
    }
}

/// What the user is told when a training was stopped.
pub(super) fn farewell(look: Look) -> &'static str {
    look.language().say(Phrase::RehearsalStopped)
}

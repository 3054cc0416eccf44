//! The terminal theatre: events in, commands out.
//!
//! * [`app`]: the state of the screen, pure. [`ledger`] folds what the audience knows, [`document`] is the script on its pages, [`card`] its
//!   first and last page, [`input_line`] what the user types.
//! * [`keymap`]: which key does what, one table.
//! * [`view`]: draws the state, pure. [`theme`]: colours.
//! * [`terminal`]: the terminal taken and given back.
//!
//! This file is the loop between them: whatever wakes the screen goes through one `select!`.

pub mod app;
pub mod card;
pub mod document;
pub mod input_line;
pub mod keymap;
mod layout;
pub mod ledger;
mod speaking;
pub mod terminal;
pub mod theme;
pub mod view;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event;
use ratatui::layout::Rect;
use telenovela_script::event::Event;
use telenovela_stage::director::DirectorHandle;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use app::{App, Effect};
use terminal::TerminalGuard;
use theme::Theme;

/// Thirty pictures a second while something moves: more than the typewriter needs, and little for a terminal far away.
const TICK: Duration = Duration::from_millis(33);
/// Keys that may wait while a picture is drawn.
const INPUT_CAPACITY: usize = 64;
/// How long a leaving screen waits for the stage to take its last words.
const FAREWELL: Duration = Duration::from_millis(250);

/// Why the theatre had to close.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuiError {
    /// The terminal cannot be taken, read or drawn on.
    #[error("cannot use the terminal; --headless plays without one")]
    Terminal(#[source] io::Error),
}

/// What the theatre is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// How it looks.
    pub theme: Theme,
    /// A command line that exports this performance, shown on the end card.
    pub export_command: Option<String>,
    /// Events that happened before a performance was resumed.
    pub n_past: u64,
    /// Performance time passes so many times faster than the user's, to begin with.
    pub speed: f64,
}

/// What comes from outside the stage.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste, a size.
    Terminal(event::Event),
    /// The stage does not say the user's line, for this reason.
    Refused(String),
    /// The system asks the program to end.
    Terminate,
    /// The terminal is gone.
    Lost(io::Error),
}

/// Opens the theatre on the terminal of this process and plays until the user leaves, the process is told to end, or the stage is gone.
///
/// `effects` takes what the director is to do; a full channel never blocks the screen. `refusals` brings the reasons of lines that were
/// not said. A stage that ends without a last event closes the theatre; why is the business of whoever runs the stage. Runs on the thread
/// that calls it, so that its panics can be told from others': await it under `block_on`, not in a spawned task.
///
/// # Errors
/// When the terminal cannot be used. It is given back in every case.
pub async fn run(
    options: Options,
    events: mpsc::Receiver<Event>,
    effects: mpsc::Sender<Effect>,
    mut refusals: mpsc::Receiver<String>,
) -> Result<(), TuiError> {
    // Before the terminal is taken: a signal that comes in between must not end the process without giving it back.
    let signal = terminating_signal().map_err(TuiError::Terminal)?;
    let mut guard = TerminalGuard::enter().map_err(TuiError::Terminal)?;
    let (input_sender, inputs) = mpsc::channel(INPUT_CAPACITY);
    let reader = terminal::read_input(input_sender.clone()).map_err(TuiError::Terminal)?;
    let on_signal = input_sender.clone();
    let signals = tokio::spawn(async move {
        signal.await;
        // The screen that no longer listens is leaving already.
        let _ = on_signal.send(Input::Terminate).await;
    });
    let refused = tokio::spawn(async move {
        while let Some(reason) = refusals.recv().await {
            if input_sender.send(Input::Refused(reason)).await.is_err() {
                return;
            }
        }
    });
    let app = App::new(options.theme, options.export_command)
        .after(options.n_past)
        .at_speed(options.speed);
    let outcome = drive(&mut guard.terminal, app, inputs, events, effects).await;
    signals.abort();
    refused.abort();
    drop(guard);
    // The thread looks every few milliseconds whether anybody listens; a panic of it would have been an error of the terminal.
    let _ = reader.join();
    outcome
}

/// Does on the stage what the screen wants, until the screen closes; the performance is then stopped, if it is not over.
///
/// Runs beside [`run`]; lines that the director does not accept come back through `refusals`.
pub async fn conduct(
    mut effects: mpsc::Receiver<Effect>,
    director: DirectorHandle,
    refusals: mpsc::Sender<String>,
) {
    while let Some(effect) = effects.recv().await {
        match effect {
            Effect::Shown(seq) => director.shown(seq),
            Effect::Say {
                speaker,
                delivery,
                text,
            } => {
                if let Err(refusal) = director.say(speaker, delivery, text).await {
                    // A screen that has closed meanwhile need not know.
                    let _ = refusals.send(refusal.to_string()).await;
                }
            }
            Effect::Do(command) => {
                if let Err(refusal) = director.command(command).await {
                    let _ = refusals.send(refusal.to_string()).await;
                }
            }
            Effect::Stop | Effect::Quit => break,
        }
    }
    director.stop();
}

/// The loop, whatever the terminal and wherever events and keys come from.
///
/// # Errors
/// When the terminal cannot be drawn on or is gone.
pub async fn drive<B: Backend>(
    terminal: &mut Terminal<B>,
    mut app: App,
    mut inputs: mpsc::Receiver<Input>,
    mut events: mpsc::Receiver<Event>,
    effects: mpsc::Sender<Effect>,
) -> Result<(), TuiError>
where
    B::Error: Send + Sync + 'static,
{
    let start = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut outbox = VecDeque::new();
    let mut is_stage_open = true;
    fit(terminal, &mut app)?;
    loop {
        if app.take_changed() {
            fit(terminal, &mut app)?;
            terminal
                .draw(|frame| view::view(&app, frame))
                .map_err(from_backend)?;
            app.take_changed();
        }
        // Input comes first: a stage that floods the screen must not outrun the key that stops it.
        let wake = tokio::select! {
            biased;
            input = inputs.recv() => Wake::Input(input.unwrap_or(Input::Terminate)),
            permit = effects.reserve(), if !outbox.is_empty() => {
                match (permit, outbox.pop_front()) {
                    (Ok(permit), Some(effect)) => permit.send(effect),
                    // Nobody takes effects any more; the events will end too.
                    _ => outbox.clear(),
                }
                Wake::Tick
            }
            event = events.recv(), if is_stage_open => Wake::Stage(event),
            _ = tick.tick(), if app.is_moving() => Wake::Tick,
        };
        // Time passes first, so that a wait for an event does not count as silence of the line after it.
        let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        outbox.extend(app.tick(now_ms));
        match wake {
            Wake::Input(Input::Terminal(event)) => outbox.extend(on_terminal(&mut app, event)),
            Wake::Input(Input::Refused(reason)) => app.refuse(reason),
            Wake::Input(Input::Terminate) => outbox.extend(app.quit()),
            Wake::Input(Input::Lost(error)) => {
                outbox.extend(app.quit());
                farewell(outbox, &effects).await;
                return Err(TuiError::Terminal(error));
            }
            Wake::Stage(Some(event)) => outbox.extend(app.apply(&event)),
            Wake::Stage(None) if app.has_end() => is_stage_open = false,
            Wake::Stage(None) => return Ok(()),
            Wake::Tick => {}
        }
        if outbox.contains(&Effect::Quit) {
            farewell(outbox, &effects).await;
            return Ok(());
        }
    }
}

/// Everything that can wake the loop.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one round of the loop and is never stored"
)]
enum Wake {
    Input(Input),
    /// An event; `None` when the stage is gone.
    Stage(Option<Event>),
    Tick,
}

fn on_terminal(app: &mut App, event: event::Event) -> Vec<Effect> {
    match event {
        event::Event::Key(key) => match keymap::action(key, app.context()) {
            Some(action) => app.update(action),
            None => Vec::new(),
        },
        event::Event::Paste(text) => {
            app.paste(&text);
            Vec::new()
        }
        event::Event::Resize(width, height) => {
            app.resize(Rect::new(0, 0, width, height));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Lays the state out for the size that the terminal has now.
fn fit<B: Backend>(terminal: &mut Terminal<B>, app: &mut App) -> Result<(), TuiError>
where
    B::Error: Send + Sync + 'static,
{
    terminal.autoresize().map_err(from_backend)?;
    app.resize(terminal.get_frame().area());
    Ok(())
}

/// Hands over what is left to be done, if the stage takes it in time.
async fn farewell(outbox: VecDeque<Effect>, effects: &mpsc::Sender<Effect>) {
    let send_all = async {
        for effect in outbox {
            if effects.send(effect).await.is_err() {
                return;
            }
        }
    };
    // A stage that does not listen is stopped by the channel that closes behind this.
    let _ = tokio::time::timeout(FAREWELL, send_all).await;
}

/// Listens from now on for the signals that ask a process to end; the future is ready when one has come.
#[cfg(unix)]
fn terminating_signal() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn terminating_signal() -> io::Result<impl Future<Output = ()> + Send> {
    let mut ctrl_c = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        ctrl_c.recv().await;
    })
}

fn from_backend(error: impl std::error::Error + Send + Sync + 'static) -> TuiError {
    TuiError::Terminal(io::Error::other(error))
}

//! The terminal theatre: events in, commands out.
//!
//! * [`app`]: the state of the screen, pure. [`ledger`] folds what the audience knows, [`document`] is the script on its pages, [`card`] its
//!   first and last page, [`staging`] music and camera, [`input_line`] what the user types, [`palette`] the commands by name, [`inspector`] what is known of
//!   a line.
//! * [`keymap`]: which key does what, one table.
//! * [`view`]: draws the state, pure. [`theme`]: colours. [`curve`]: lines out of dots.
//! * [`backstage`]: does what the screen wants done.
//! * [`lobby`]: what is shown before anything is played.
//! * [`rehearsal`]: a training.
//! * [`terminal`]: the terminal taken and given back.
//!
//! This file is the loop between them: whatever wakes the screen goes through one `select!`.

pub mod app;
pub mod backstage;
pub mod card;
pub mod curve;
pub mod document;
pub mod input_line;
pub mod inspector;
pub mod keymap;
mod layout;
pub mod ledger;
pub mod lobby;
pub mod palette;
pub mod rehearsal;
mod speaking;
pub mod staging;
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

use ratatui::backend::Backend;
use ratatui::crossterm::event;
use telenovela_script::event::Event;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use app::{App, Effect};
use backstage::Answer;
use terminal::{House, Screen};
use theme::Theme;

use crate::language::Language;

/// Thirty pictures a second while something moves: more than the typewriter needs, and little for a terminal far away.
const TICK: Duration = Duration::from_millis(33);
/// No two pictures are nearer to each other than this, however many sizes or keys come in between.
const FRAME: Duration = Duration::from_millis(12);
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
    /// What it speaks.
    pub language: Language,
    /// Whether words are typed, silences breathe and light falls; without it, lines stand there as they begin.
    pub animated: bool,
    /// Where the log is, for people.
    pub log: Option<String>,
    /// A command line that exports this performance, shown on the end card.
    pub export_command: Option<String>,
    /// Events that happened before a performance was resumed.
    pub n_past: u64,
    /// Performance time passes so many times faster than the user's, to begin with.
    pub speed: f64,
    /// Tension of each beat, in order, as far as it is known before it is played.
    pub tensions: Vec<Option<f32>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            theme: Theme::plain(),
            language: Language::English,
            animated: true,
            log: None,
            export_command: None,
            n_past: 0,
            speed: 1.0,
            tensions: Vec::new(),
        }
    }
}

/// What comes from outside the stage.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste, a size.
    Terminal(event::Event),
    /// What came of an effect.
    Answer(Answer),
    /// The system asks the program to end, by the signal of this number.
    Terminate(u8),
    /// The system asks the program to stop for a while.
    Suspend,
    /// The program goes on after it was stopped.
    Continued,
    /// The terminal is gone.
    Lost(io::Error),
}

/// How the user left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// By a key, or because there was nothing left to see.
    ByChoice,
    /// By a signal of this number.
    BySignal(u8),
}

impl Left {
    /// The code that the process ends with, as shells count it; `None` for an ordinary end.
    pub fn exit_code(self) -> Option<u8> {
        match self {
            Self::ByChoice => None,
            Self::BySignal(number) => Some(128 + number),
        }
    }
}

/// Opens the theatre on the terminal of this process and plays until the user leaves, the process is told to end, or the stage is gone.
///
/// `effects` takes what is to be done; a full channel never blocks the screen. `answers` brings what came of it. A stage that ends without a last event closes
/// the theatre; why is the business of whoever runs the stage. Runs on the thread that calls it, so that its panics can be told from others': await it under
/// `block_on`, not in a spawned task.
///
/// # Errors
/// When the terminal cannot be used. It is given back in every case.
pub async fn run(
    options: Options,
    events: mpsc::Receiver<Event>,
    effects: mpsc::Sender<Effect>,
    mut answers: mpsc::Receiver<Answer>,
) -> Result<Left, TuiError> {
    let mut house = House::open().map_err(TuiError::Terminal)?;
    let inputs = house.sender();
    let answered = tokio::spawn(async move {
        while let Some(answer) = answers.recv().await {
            if inputs.send(Input::Answer(answer)).await.is_err() {
                return;
            }
        }
    });
    let (screen, inputs) = house.parts();
    let outcome = drive(screen, App::new(options), inputs, events, effects).await;
    answered.abort();
    house.close();
    outcome
}

/// The loop, whatever the terminal and wherever events and keys come from.
///
/// # Errors
/// When the terminal cannot be drawn on or is gone.
pub async fn drive<S: Screen>(
    screen: &mut S,
    mut app: App,
    inputs: &mut mpsc::Receiver<Input>,
    mut events: mpsc::Receiver<Event>,
    effects: mpsc::Sender<Effect>,
) -> Result<Left, TuiError>
where
    <S::Backend as Backend>::Error: Send + Sync + 'static,
{
    let start = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut outbox = VecDeque::new();
    let mut is_stage_open = true;
    let mut is_away = false;
    let mut next_frame = start;
    loop {
        let is_due = app.is_changed() && !is_away;
        if is_due && Instant::now() >= next_frame {
            draw(screen, &mut app)?;
            next_frame = Instant::now() + FRAME;
            continue;
        }
        // Input comes first: a stage that floods the screen must not outrun the key that stops it.
        let wake = tokio::select! {
            biased;
            input = inputs.recv() => Wake::Input(input.unwrap_or(Input::Terminate(0))),
            permit = effects.reserve(), if !outbox.is_empty() => {
                match (permit, outbox.pop_front()) {
                    (Ok(permit), Some(effect)) => permit.send(effect),
                    // Nobody takes effects any more; the events will end too.
                    _ => outbox.clear(),
                }
                Wake::Tick
            }
            event = events.recv(), if is_stage_open => Wake::Stage(event),
            () = tokio::time::sleep_until(next_frame), if is_due => Wake::Tick,
            _ = tick.tick(), if app.is_moving() && !is_away => Wake::Tick,
        };
        // Time passes first, so that a wait for an event does not count as silence of the line after it.
        let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        outbox.extend(app.tick(now_ms));
        match wake {
            Wake::Input(Input::Terminal(event)) => outbox.extend(on_terminal(&mut app, event)),
            Wake::Input(Input::Answer(answer)) => on_answer(&mut app, answer),
            Wake::Input(Input::Suspend) => outbox.push_back(Effect::Suspend),
            Wake::Input(Input::Continued) => {
                screen.come_back().map_err(TuiError::Terminal)?;
                is_away = false;
                app.spoil();
            }
            Wake::Input(Input::Terminate(signal)) => {
                outbox.extend(app.quit());
                farewell(outbox, &effects).await;
                return Ok(match signal {
                    0 => Left::ByChoice,
                    signal => Left::BySignal(signal),
                });
            }
            Wake::Input(Input::Lost(error)) => {
                outbox.extend(app.quit());
                farewell(outbox, &effects).await;
                return Err(TuiError::Terminal(error));
            }
            Wake::Stage(Some(event)) => outbox.extend(app.apply(&event)),
            Wake::Stage(None) if app.has_end() => is_stage_open = false,
            Wake::Stage(None) => return Ok(Left::ByChoice),
            Wake::Tick => {}
        }
        if outbox.contains(&Effect::Suspend) {
            outbox.retain(|effect| *effect != Effect::Suspend);
            // Where a process cannot be stopped the screen stays.
            is_away = screen.leave().map_err(TuiError::Terminal)?;
        }
        if outbox.contains(&Effect::Quit) {
            farewell(outbox, &effects).await;
            return Ok(Left::ByChoice);
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
            Some(action) => return app.update(action),
            None => return Vec::new(),
        },
        event::Event::Paste(text) => app.paste(&text),
        // The size is looked at when the next picture is drawn, whatever it was in between.
        event::Event::Resize(..) => app.spoil(),
        _ => {}
    }
    Vec::new()
}

fn on_answer(app: &mut App, answer: Answer) {
    match answer {
        Answer::Refused(reason) => app.refuse(reason),
        Answer::Told(news) => app.notify(news),
        Answer::Explained {
            turn,
            take,
            insight,
        } => app.take_in(turn, take, insight),
    }
}

/// Lays the state out for the size that the terminal has now, and draws it.
fn draw<S: Screen>(screen: &mut S, app: &mut App) -> Result<(), TuiError>
where
    <S::Backend as Backend>::Error: Send + Sync + 'static,
{
    let terminal = screen.terminal();
    terminal.autoresize().map_err(from_backend)?;
    app.resize(terminal.get_frame().area());
    terminal
        .draw(|frame| view::view(app, frame))
        .map_err(from_backend)?;
    app.take_changed();
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

/// What a backend says of a terminal that it cannot draw on.
pub(crate) fn from_backend(error: impl std::error::Error + Send + Sync + 'static) -> TuiError {
    TuiError::Terminal(io::Error::other(error))
}

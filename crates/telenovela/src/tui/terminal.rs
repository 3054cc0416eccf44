//! The terminal, taken and given back: whole again after every way out.

use std::io::{self, Stdout, Write, stdout};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle as TaskHandle;

use super::Input;

/// How long the thread that reads the keys waits before it looks whether anybody still listens.
const POLL: Duration = Duration::from_millis(50);
/// How long a house that closes waits for that thread: no other may read its keys.
const LAST_LOOK: Duration = Duration::from_millis(200);
/// Keys that may wait while a picture is drawn.
const INPUT_CAPACITY: usize = 64;
/// Panics of other threads that are kept to be told of; more would be the same one again and again.
const MOST_REPORTS: usize = 8;

type PanicHook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// What a screen is drawn on, and how it is left for a while.
pub trait Screen {
    /// What the terminal draws with.
    type Backend: Backend;

    /// What to draw on.
    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Gives the terminal to whoever started the program, and stops until told to go on. False where that cannot be done.
    ///
    /// # Errors
    /// When the process cannot be stopped.
    fn leave(&mut self) -> io::Result<bool>;

    /// Takes the terminal again. What was on it has to be drawn anew.
    ///
    /// # Errors
    /// When there is none any more.
    fn come_back(&mut self) -> io::Result<()>;
}

/// The terminal as long as it is taken; what is written afterwards goes nowhere. A terminal of ratatui's shows its cursor as it is dropped, and complains on
/// standard error if it cannot: that must not be an escape sequence too many, nor a panic where both are gone.
#[derive(Debug)]
pub struct Held(Stdout);

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match is_taken() {
            true => self.0.write(bytes),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match is_taken() {
            true => self.0.flush(),
            false => Ok(()),
        }
    }
}

/// Holds the terminal in raw mode on its alternate screen; dropping it gives the terminal back.
pub struct TerminalGuard {
    terminal: Terminal<CrosstermBackend<Held>>,
    previous_hook: Arc<PanicHook>,
    reports: Arc<Mutex<Vec<String>>>,
}

impl TerminalGuard {
    /// Takes the terminal. A panic of the calling thread gives it back before it is reported; panics of other threads (a voice's, which
    /// the stage catches) stay silent as long as the screen stands, since a report would be written across it.
    ///
    /// # Errors
    /// When there is no terminal; what had been changed of it is restored.
    pub fn enter() -> io::Result<Self> {
        let entered = claim().and_then(|()| Terminal::new(CrosstermBackend::new(Held(stdout()))));
        let terminal = match entered {
            Ok(terminal) => terminal,
            Err(error) => {
                restore();
                return Err(error);
            }
        };
        let reports = Arc::default();
        Ok(Self {
            terminal,
            previous_hook: install_panic_hook(thread::current().id(), Arc::clone(&reports)),
            reports,
        })
    }

    /// Panics of other threads while the screen stood, each in a line or two.
    pub fn reports(&self) -> Vec<String> {
        let reports = self.reports.lock();
        reports.map_or_else(|lock| lock.into_inner().clone(), |reports| reports.clone())
    }
}

impl Screen for TerminalGuard {
    type Backend = CrosstermBackend<Held>;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend> {
        &mut self.terminal
    }

    #[cfg(unix)]
    fn leave(&mut self) -> io::Result<bool> {
        use rustix::process::{Signal, kill_current_process_group};
        restore();
        // The whole group stops, as it does where a terminal handles the key itself: whoever started the program in this job stops with it.
        kill_current_process_group(Signal::STOP)?;
        Ok(true)
    }

    #[cfg(not(unix))]
    fn leave(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn come_back(&mut self) -> io::Result<()> {
        claim()?;
        // Not cleared by ratatui, which would ask where the cursor is and wait for an answer that the thread of the keys may take: a terminal that knows of
        // nothing drawn draws everything.
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(Held(stdout())))?;
        Ok(())
    }
}

/// A terminal that nobody waits behind: it cannot be left.
impl<B: Backend> Screen for Terminal<B> {
    type Backend = B;

    fn terminal(&mut self) -> &mut Self {
        self
    }

    fn leave(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn come_back(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
        // The hook cannot be changed during a panic, and need not be: it has done its work.
        if !thread::panicking() {
            let previous = Arc::clone(&self.previous_hook);
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}

/// The terminal with everything that comes in beside it: keys, and the system's signals.
pub struct House {
    guard: TerminalGuard,
    sender: mpsc::Sender<Input>,
    inputs: mpsc::Receiver<Input>,
    /// Told when the thread that reads the keys has ended.
    reader: std_mpsc::Receiver<()>,
    signals: TaskHandle<()>,
}

impl House {
    /// Takes the terminal and listens.
    ///
    /// # Errors
    /// When there is no terminal, or the system has no thread or no signals for it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open() -> io::Result<Self> {
        // Before the terminal is taken: a signal that comes in between must not end the process without giving it back.
        let mut signals = Signals::listen()?;
        let guard = TerminalGuard::enter()?;
        let (sender, inputs) = mpsc::channel(INPUT_CAPACITY);
        let reader = read_input(sender.clone())?;
        let of_signals = sender.clone();
        let signals = tokio::spawn(async move {
            loop {
                let input = signals.next().await;
                // A screen that no longer listens is leaving already.
                if of_signals.send(input).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            guard,
            sender,
            inputs,
            reader,
            signals,
        })
    }

    /// Where more may come in from.
    pub fn sender(&self) -> mpsc::Sender<Input> {
        self.sender.clone()
    }

    /// What is drawn on, and what comes in.
    pub fn parts(&mut self) -> (&mut TerminalGuard, &mut mpsc::Receiver<Input>) {
        (&mut self.guard, &mut self.inputs)
    }

    /// Gives the terminal back; what other threads panicked of meanwhile.
    pub fn close(self) -> Vec<String> {
        let Self {
            guard,
            sender,
            inputs,
            reader,
            signals,
        } = self;
        signals.abort();
        let reports = guard.reports();
        drop((guard, sender, inputs));
        // The thread looks every few milliseconds whether anybody listens. On a terminal that is gone it may not come back from looking: it then ends with
        // the process.
        let _ = reader.recv_timeout(LAST_LOOK);
        reports
    }
}

/// Reads keys, pastes and sizes on a thread of its own until nobody listens or the terminal is gone.
///
/// # Errors
/// When the system has no thread for it.
fn read_input(inputs: mpsc::Sender<Input>) -> io::Result<std_mpsc::Receiver<()>> {
    let (ended, has_ended) = std_mpsc::channel();
    thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            // Dropped with the thread.
            let _ended = ended;
            while !inputs.is_closed() {
                let input = match event::poll(POLL) {
                    Ok(false) => continue,
                    Ok(true) => event::read().map(Input::Terminal),
                    Err(error) => Err(error),
                };
                let is_lost = input.is_err();
                let sent = inputs.blocking_send(input.unwrap_or_else(Input::Lost));
                if is_lost || sent.is_err() {
                    return;
                }
            }
        })?;
    Ok(has_ended)
}

/// The system's signals, from when it is made on.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    suspend: tokio::signal::unix::Signal,
    carry_on: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let raw = |wanted: rustix::process::Signal| signal(SignalKind::from_raw(wanted.as_raw()));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            suspend: raw(rustix::process::Signal::TSTP)?,
            carry_on: raw(rustix::process::Signal::CONT)?,
        })
    }

    async fn next(&mut self) -> Input {
        tokio::select! {
            _ = self.terminate.recv() => Input::Terminate(15),
            _ = self.hang_up.recv() => Input::Terminate(1),
            _ = self.interrupt.recv() => Input::Terminate(2),
            _ = self.suspend.recv() => Input::Suspend,
            _ = self.carry_on.recv() => Input::Continued,
        }
    }
}

#[cfg(windows)]
struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        let ctrl_c = tokio::signal::windows::ctrl_c()?;
        Ok(Self { ctrl_c })
    }

    async fn next(&mut self) -> Input {
        self.ctrl_c.recv().await;
        Input::Terminate(2)
    }
}

/// Whether the terminal is taken: it is given back once, so that nothing that was printed since is overwritten.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether a screen has the terminal, so that nothing else may be written to it.
pub fn is_taken() -> bool {
    IS_TAKEN.load(Ordering::SeqCst)
}

fn claim() -> io::Result<()> {
    IS_TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

/// Gives the terminal back, if it is taken. Nothing can be done about a failure here, and the next step may still succeed.
fn restore() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

fn install_panic_hook(screen_thread: ThreadId, reports: Arc<Mutex<Vec<String>>>) -> Arc<PanicHook> {
    let previous: Arc<PanicHook> = Arc::from(panic::take_hook());
    let report = Arc::clone(&previous);
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == screen_thread {
            restore();
            report(info);
        } else if let Ok(mut reports) = reports.lock()
            && reports.len() < MOST_REPORTS
        {
            reports.push(info.to_string());
        }
    }));
    previous
}

//! The terminal, taken and given back: whole again after every way out.

use std::io::{self, Stdout, Write, stdout};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use tokio::sync::mpsc;

use super::Input;

/// How long the thread that reads the keys waits before it looks whether anybody still listens.
const POLL: Duration = Duration::from_millis(50);

type PanicHook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// Holds the terminal in raw mode on its alternate screen; dropping it gives the terminal back.
pub struct TerminalGuard {
    /// What to draw on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    previous_hook: Arc<PanicHook>,
}

impl TerminalGuard {
    /// Takes the terminal. A panic of the calling thread gives it back before it is reported; panics of other threads (a voice's, which
    /// the stage catches) stay silent as long as the screen stands, since a report would be written across it.
    ///
    /// # Errors
    /// When there is no terminal; what had been changed of it is restored.
    pub fn enter() -> io::Result<Self> {
        let entered = enable_raw_mode()
            .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste))
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        let terminal = match entered {
            Ok(terminal) => terminal,
            Err(error) => {
                restore();
                return Err(error);
            }
        };
        Ok(Self {
            terminal,
            previous_hook: install_panic_hook(thread::current().id()),
        })
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

/// Reads keys, pastes and sizes on a thread of its own until nobody listens or the terminal is gone.
///
/// # Errors
/// When the system has no thread for it.
pub fn read_input(inputs: mpsc::Sender<Input>) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
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
        })
}

/// Gives the terminal back. Nothing can be done about a failure here, and the next step may still succeed.
fn restore() {
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

fn install_panic_hook(screen_thread: ThreadId) -> Arc<PanicHook> {
    let previous: Arc<PanicHook> = Arc::from(panic::take_hook());
    let report = Arc::clone(&previous);
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == screen_thread {
            restore();
            report(info);
        }
    }));
    previous
}

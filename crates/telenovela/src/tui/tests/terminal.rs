//! A real terminal, made of a pseudo-terminal: whole again after every way out.
//!
//! The theatre needs a process of its own, so each test runs this very test binary again on a pseudo-terminal, where
//! [`on_a_terminal`] plays the part that the environment names.

use std::io::{Read, Write};
use std::process::Command;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::sync::mpsc;

use crate::tui::terminal::TerminalGuard;
use crate::tui::theme::Theme;
use crate::tui::{Options, run, sample};

/// Names the part that the child plays.
const PART: &str = "TELENOVELA_TEST_PART";

/// The child's side. Without a part it is an ordinary test with nothing to do.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "what a user would see next, once the terminal is given back"
)]
fn on_a_terminal() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    match part.as_str() {
        "play" => play(),
        "panic" => {
            let _guard = TerminalGuard::enter().unwrap();
            panic!("the prompter coughs");
        }
        "voice panics" => {
            let guard = TerminalGuard::enter().unwrap();
            let voice = std::thread::spawn(|| panic!("a voice breaks"));
            assert!(voice.join().is_err());
            drop(guard);
        }
        other => panic!("no such part: {other}"),
    }
    println!("the house is empty");
}

fn play() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (events, event_receiver) = mpsc::channel(64);
        let (effects, mut effect_receiver) = mpsc::channel(64);
        let (_answers, answer_receiver) = mpsc::channel(1);
        tokio::spawn(async move { while effect_receiver.recv().await.is_some() {} });
        for event in sample::until("The tide") {
            events.send(event).await.unwrap();
        }
        let options = Options {
            theme: Theme::colored(),
            ..Options::default()
        };
        run(options, event_receiver, effects, answer_receiver)
            .await
            .unwrap();
    });
}

/// A child on a pseudo-terminal.
struct Stage {
    pty: Box<dyn MasterPty>,
    child: Box<dyn Child + Send + Sync>,
    output: Box<dyn Read + Send>,
    keys: Box<dyn Write + Send>,
    screen: vt100::Parser,
    modes_before: String,
    seen: String,
}

impl Stage {
    fn open(part: &str) -> Self {
        let size = PtySize {
            rows: 24,
            cols: 80,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let modes_before = format!(
            "{:?}",
            pair.master
                .get_termios()
                .expect("a pseudo-terminal has modes")
        );
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "tui::tests::terminal::on_a_terminal",
            "--nocapture",
            "--test-threads=1",
        ]);
        command.env(PART, part);
        command.env("RUST_BACKTRACE", "0");
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        Self {
            output: pair.master.try_clone_reader().unwrap(),
            keys: pair.master.take_writer().unwrap(),
            pty: pair.master,
            child,
            screen: vt100::Parser::new(24, 80, 0),
            modes_before,
            seen: String::new(),
        }
    }

    /// Reads until the screen shows a text; fails when the child ends first.
    fn wait_for(&mut self, text: &str) {
        while !self.screen.screen().contents().contains(text) {
            assert!(
                self.read(),
                "«{text}» was never shown:\n{}",
                self.screen.screen().contents()
            );
        }
    }

    fn read(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        // Linux tells the end of a pseudo-terminal as an error.
        let n_read = self.output.read(&mut bytes).unwrap_or(0);
        self.screen.process(&bytes[..n_read]);
        self.seen
            .push_str(&String::from_utf8_lossy(&bytes[..n_read]));
        n_read > 0
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the child to end and checks that the terminal is as it was.
    fn close(mut self) -> String {
        while !self.seen.contains("test result: ") && self.read() {}
        // Asked before the child is gone, the modes are those it leaves behind.
        let modes_after = format!(
            "{:?}",
            self.pty.get_termios().expect("a pseudo-terminal has modes")
        );
        self.child.wait().unwrap();
        assert_eq!(modes_after, self.modes_before, "raw mode is left on");
        let screen = self.screen.screen();
        assert!(
            !screen.alternate_screen(),
            "the alternate screen is left on"
        );
        assert!(!screen.hide_cursor(), "the cursor is left hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is left on");
        screen.contents()
    }
}

#[test]
fn q_gives_the_terminal_back() {
    let mut stage = Stage::open("play");
    stage.wait_for("SALT AND THUNDER");
    assert!(stage.screen.screen().alternate_screen());
    stage.press("q");
    assert!(stage.close().contains("the house is empty"));
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    let mut stage = Stage::open("play");
    stage.wait_for("SALT AND THUNDER");
    stage.press(":");
    stage.wait_for("NAME (softly)");
    stage.press("\u{3}");
    assert!(stage.close().contains("the house is empty"));
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let mut stage = Stage::open("play");
        stage.wait_for("SALT AND THUNDER");
        let pid = stage.child.process_id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(stage.close().contains("the house is empty"), "{signal}");
    }
}

#[test]
fn a_panic_of_the_screen_gives_the_terminal_back_before_it_is_reported() {
    let contents = Stage::open("panic").close();
    assert!(contents.contains("the prompter coughs"), "{contents}");
}

#[test]
fn a_panic_of_a_voice_is_not_written_across_the_screen() {
    let contents = Stage::open("voice panics").close();
    assert!(contents.contains("the house is empty"), "{contents}");
    assert!(!contents.contains("a voice breaks"), "{contents}");
}

#[test]
fn the_terminal_shows_what_the_state_says() {
    let mut stage = Stage::open("play");
    stage.wait_for("SALT AND THUNDER");
    stage.press("...");
    stage.wait_for("The tide was on time.");
    stage.press("?");
    stage.wait_for("Keys");
    // Not Escape: with the next key right behind it, it would be read as Alt.
    stage.press("?q");
    stage.close();
}

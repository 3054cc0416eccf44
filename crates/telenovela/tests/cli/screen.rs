//! `telenovela play` on a terminal.

use std::fs;
use std::io::{Read, Write};
use std::process;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use telenovela_script::event::{Command, EndReason, Event, EventKind, Provenance};
use telenovela_script::save::read_log;

use crate::theatre::{Theatre, spoken};

/// The program on a pseudo-terminal.
pub(crate) struct Terminal {
    pty: Box<dyn MasterPty + Send>,
    /// Everything that was written to it.
    raw: Vec<u8>,
    child: Box<dyn Child + Send + Sync>,
    output: Box<dyn Read + Send>,
    keys: Box<dyn Write + Send>,
    screen: vt100::Parser,
}

impl Terminal {
    pub(crate) fn open(theatre: &Theatre, args: &[&str]) -> Self {
        Self::with("xterm-256color", &[], theatre, args)
    }

    fn of_kind(kind: &str, theatre: &Theatre, args: &[&str]) -> Self {
        Self::with(kind, &[], theatre, args)
    }

    /// With variables of the environment beside the usual ones.
    pub(crate) fn with(kind: &str, env: &[(&str, &str)], theatre: &Theatre, args: &[&str]) -> Self {
        let size = PtySize {
            rows: 30,
            cols: 100,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_telenovela"));
        command.args(args);
        command.cwd(theatre.path("."));
        command.env("TERM", kind);
        command.env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        Self {
            output: pair.master.try_clone_reader().unwrap(),
            keys: pair.master.take_writer().unwrap(),
            pty: pair.master,
            raw: Vec::new(),
            child,
            screen: vt100::Parser::new(30, 100, 0),
        }
    }

    /// Takes in what the program has written; false when it has ended.
    pub(crate) fn read(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        // Linux tells the end of a pseudo-terminal as an error.
        let n_read = self.output.read(&mut bytes).unwrap_or(0);
        self.screen.process(&bytes[..n_read]);
        self.raw.extend_from_slice(&bytes[..n_read]);
        n_read > 0
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.screen.screen().contents().contains(text)
    }

    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.shows(text) {
            assert!(
                self.read(),
                "«{text}» was never shown:\n{}",
                self.screen.screen().contents()
            );
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Finishes line after line, at whatever the screen changes, until it shows a text.
    fn hurry_until(&mut self, text: &str) {
        while !self.shows(text) {
            self.press(".");
            assert!(
                self.read(),
                "«{text}» was never shown:\n{}",
                self.screen.screen().contents()
            );
        }
    }

    /// Gives it another size.
    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.pty.resize(size).unwrap();
        self.screen.screen_mut().set_size(rows, cols);
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid();
        let sent = process::Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn pid(&self) -> String {
        self.child.process_id().unwrap().to_string()
    }

    /// Reads until the program has given the terminal back.
    pub(crate) fn wait_until_left(&mut self) {
        while self.screen.screen().alternate_screen() {
            assert!(self.read(), "it has ended");
        }
    }

    /// Waits for the program to end, with whatever code; gives it.
    pub(crate) fn end(mut self) -> u32 {
        while self.read() {}
        let status = self.child.wait().unwrap();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        status.exit_code()
    }

    /// Whether anything that was written to it asks for a colour.
    pub(crate) fn is_colored(&self) -> bool {
        let text = String::from_utf8_lossy(&self.raw);
        let sequences = text.split("\u{1b}[").skip(1);
        sequences
            .filter_map(|rest| rest.split_once('m'))
            .any(|(codes, _)| {
                let numbers: Vec<u32> = codes
                    .split([';', ':'])
                    .filter_map(|n| n.parse().ok())
                    .collect();
                let is_sgr = codes
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b';' || b == b':');
                is_sgr
                    && numbers
                        .iter()
                        .any(|n| matches!(n, 30..=38 | 40..=48 | 90..=107))
            })
    }

    /// Closes the terminal itself, as a window that is closed; gives the code that the program ends with.
    pub(crate) fn vanish(self) -> u32 {
        let Self {
            mut child,
            pty,
            output,
            keys,
            ..
        } = self;
        drop((pty, output, keys));
        child.wait().unwrap().exit_code()
    }

    /// Waits for the program to end; gives what is on the screen then.
    pub(crate) fn close(mut self) -> String {
        while self.read() {}
        let status = self.child.wait().unwrap();
        let screen = self.screen.screen();
        assert!(status.success(), "{status:?}\n{}", screen.contents());
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        screen.contents()
    }
}

fn reason(events: &[Event]) -> EndReason {
    match &events.last().unwrap().kind {
        EventKind::PerformanceEnded { reason, .. } => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_screen_and_the_plain_text_are_the_same_performance() {
    let theatre = Theatre::trained();
    let args = ["play", "crossing", "--seed", "7", "--log"];
    let mut terminal = Terminal::open(&theatre, &[&args[..], &["screen.jsonl"]].concat());
    terminal.wait_for("THE LAST FERRY");
    // As fast as it goes.
    terminal.press("+++");
    terminal.hurry_until("THE LANTERN GOES OUT");
    terminal.press("q");
    let left = terminal.close();
    assert!(left.contains("telenovela play crossing --seed 7"), "{left}");
    assert!(left.contains("screen.jsonl"), "{left}");
    theatre
        .run(&[&args[..], &["plain.jsonl", "--headless"]].concat())
        .expect_success();
    let logs = ["screen.jsonl", "plain.jsonl"].map(|log| fs::read(theatre.path(log)).unwrap());
    assert!(logs[0] == logs[1], "the logs differ");
}

#[test]
fn a_line_of_the_users_is_said_logged_and_answered() {
    let theatre = Theatre::trained();
    let args = ["play", "crossing", "--seed", "7", "--log", "evening.jsonl"];
    let mut terminal = Terminal::open(&theatre, &args);
    terminal.wait_for("THE LAST FERRY");
    terminal.press("+++");
    terminal.hurry_until("The lantern swings.");
    terminal.press(":");
    terminal.wait_for("NAME (softly): words");
    terminal.press("Clara (shouting): Who took my lantern?");
    terminal.wait_for("Who took my lantern?");
    terminal.press("\r");
    terminal.hurry_until("THE LANTERN GOES OUT");
    terminal.press("q");
    terminal.close();

    let events = theatre.events("evening.jsonl");
    assert_eq!(reason(&events), EndReason::Concluded);
    let command = events
        .iter()
        .position(|event| matches!(event.kind, EventKind::Command { .. }))
        .unwrap();
    let EventKind::Command {
        command:
            Command::Say {
                speaker,
                delivery,
                text,
            },
    } = &events[command].kind
    else {
        panic!("{:?}", events[command]);
    };
    assert_eq!(speaker.as_str(), "clara");
    assert_eq!(delivery.as_deref(), Some("shouting"));
    assert_eq!(text, "Who took my lantern?");
    let lines: Vec<_> = spoken(&events[command..])
        .map(|line| &line.utterance)
        .collect();
    assert_eq!(lines[0].text, "Who took my lantern?");
    assert_eq!(lines[0].provenance, Provenance::Injected);
    assert_eq!(lines[0].delivery.as_deref(), Some("shouting"));
    assert_ne!(lines[1].speaker.as_str(), "clara");
    assert_eq!(lines[1].provenance, Provenance::Generated);
    // In a transcript it can be told from what the models said.
    let text = theatre.run(&["export", "evening.jsonl", "--format", "text"]);
    assert!(
        text.expect_success()
            .stdout
            .contains("Who took my lantern?")
    );
}

#[test]
fn quitting_in_the_middle_leaves_a_whole_log() {
    let theatre = Theatre::trained();
    let mut terminal = Terminal::open(&theatre, &["play", "two-oars", "--seed", "1"]);
    terminal.wait_for("THE LAST FERRY");
    terminal.hurry_until("Without a light");
    terminal.press("q");
    let left = terminal.close();
    let log = "performances/two-oars-1.jsonl";
    assert!(left.contains(log), "{left}");
    let events = theatre.events(log);
    assert_eq!(reason(&events), EndReason::Stopped);
    let export = theatre.run(&["export", log]).expect_success();
    assert!(export.stdout.contains("Two Oars"));
}

#[test]
fn a_killed_performance_leaves_what_was_shown() {
    let theatre = Theatre::trained();
    let mut terminal = Terminal::open(&theatre, &["play", "crossing", "--seed", "7"]);
    terminal.wait_for("THE LAST FERRY");
    terminal.hurry_until("Who is that man?");
    // Without a chance to end anything; `Child::kill` would ask politely first.
    let pid = terminal.child.process_id().unwrap().to_string();
    let killed = process::Command::new("kill").args(["-KILL", &pid]).status();
    assert!(killed.unwrap().success());
    terminal.child.wait().unwrap();
    let log = read_log(&theatre.path("performances/crossing-7.jsonl")).unwrap();
    assert!(!matches!(
        log.events.last().unwrap().kind,
        EventKind::PerformanceEnded { .. }
    ));
    let export = theatre.run(&["export", "--format", "text"]);
    let transcript = export.expect_success().stdout;
    assert!(transcript.contains("Who is that man?"), "{transcript}");
}

#[test]
fn headless_is_plain_text_on_a_terminal_too() {
    let theatre = Theatre::trained();
    let args = ["play", "two-oars", "--seed", "1", "--headless"];
    let terminal = Terminal::open(&theatre, &args);
    let left = terminal.close();
    assert!(left.contains("Nobody rows."), "{left}");
    // The last lines, word for word as through a pipe.
    let piped = theatre.run(&args).expect_success().stdout;
    let last: Vec<&str> = piped.lines().rev().take(8).map(str::trim_end).collect();
    for line in last {
        assert!(left.contains(line), "no «{line}» in:\n{left}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_text() {
    let theatre = Theatre::trained();
    let args = ["play", "two-oars", "--seed", "1"];
    let mut terminal = Terminal::of_kind("dumb", &theatre, &args);
    while terminal.read() {
        assert!(!terminal.screen.screen().alternate_screen());
    }
    assert!(terminal.close().contains("Nobody rows."));
}

#[test]
fn a_model_that_is_missing_is_told_before_the_screen_is_taken() {
    let theatre = Theatre::untrained();
    let mut terminal = Terminal::open(&theatre, &["play"]);
    while terminal.read() {
        assert!(!terminal.screen.screen().alternate_screen());
    }
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 4);
    assert!(terminal.shows("telenovela train"));
}

//! How the program behaves on a terminal that it shares with others: every way out, every signal, every size.

use std::fs;

use telenovela_script::event::{EndReason, EventKind};

use crate::screen::Terminal;
use crate::theatre::Theatre;

/// A performance under way.
fn playing(theatre: &Theatre, log: &str) -> Terminal {
    let args = ["play", "crossing", "--seed", "7", "--log", log];
    let mut terminal = Terminal::open(theatre, &args);
    terminal.wait_for("THE LAST FERRY");
    terminal
}

fn end_of(theatre: &Theatre, log: &str) -> EndReason {
    match &theatre.events(log).last().unwrap().kind {
        EventKind::PerformanceEnded { reason, .. } => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signal_ends_it_with_its_code_a_whole_terminal_and_a_whole_log() {
    let theatre = Theatre::trained();
    for (signal, code) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130)] {
        let log = format!("evening{signal}.jsonl");
        let terminal = playing(&theatre, &log);
        terminal.signal(signal);
        assert_eq!(terminal.end(), code, "{signal}");
        assert_eq!(end_of(&theatre, &log), EndReason::Stopped);
    }
}

#[test]
fn a_terminal_that_is_closed_ends_it_with_a_whole_log() {
    let theatre = Theatre::trained();
    let terminal = playing(&theatre, "evening.jsonl");
    // Which comes first, the signal or the error of the read, is the system's choice.
    let code = terminal.vanish();
    assert!([129, 5].contains(&code), "{code}");
    assert_eq!(end_of(&theatre, "evening.jsonl"), EndReason::Stopped);
}

/// The state of a process as Linux tells it: `T` is stopped.
#[cfg(target_os = "linux")]
fn state_of(pid: &str) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.trim_start().chars().next().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let theatre = Theatre::trained();
    for is_key in [true, false] {
        let log = format!("evening-{is_key}.jsonl");
        let mut terminal = playing(&theatre, &log);
        if is_key {
            terminal.press("\u{1a}");
        } else {
            terminal.signal("-TSTP");
        }
        terminal.wait_until_left();
        // It has said goodbye to the terminal and is about to stop.
        while state_of(&terminal.pid()) != 'T' {
            std::thread::yield_now();
        }
        terminal.signal("-CONT");
        terminal.wait_for("Crossing");
        terminal.press("q");
        assert_eq!(terminal.end(), 0);
    }
}

#[test]
fn five_hundred_sizes_in_a_row_leave_the_right_picture() {
    let theatre = Theatre::trained();
    let mut terminal = playing(&theatre, "evening.jsonl");
    terminal.press(" ");
    for n in 0..500_u16 {
        terminal.resize(1 + n % 60, 1 + (n * 7) % 200);
    }
    terminal.resize(24, 80);
    terminal.wait_for("go on");
    terminal.press("q");
    terminal.close();
}

#[test]
fn without_colours_none_is_ever_written() {
    let theatre = Theatre::trained();
    let args = ["play", "two-oars", "--seed", "1"];
    for (name, value, is_colored) in [("NO_COLOR", "1", false), ("NO_COLOR", "", true)] {
        let mut terminal = Terminal::with("xterm-256color", &[(name, value)], &theatre, &args);
        terminal.wait_for("THE LAST FERRY");
        assert_eq!(terminal.is_colored(), is_colored, "{name}={value}");
        terminal.press("q");
        terminal.close();
    }
}

#[test]
fn the_interface_speaks_spanish_when_it_is_asked_or_the_locale_does() {
    let theatre = Theatre::trained();
    let args = ["play", "two-oars", "--seed", "1"];
    let asked = [&args[..], &["--lang", "es"]].concat();
    let mut terminal = Terminal::open(&theatre, &asked);
    terminal.wait_for("pausa");
    terminal.press("q");
    terminal.close();
    let locale = [("LC_ALL", "es_MX.UTF-8")];
    let mut terminal = Terminal::with("xterm-256color", &locale, &theatre, &args);
    terminal.wait_for("pausa");
    terminal.press("q");
    terminal.close();
}

#[test]
fn pasted_text_is_typed_and_never_taken_for_keys() {
    let theatre = Theatre::trained();
    let mut terminal = playing(&theatre, "evening.jsonl");
    terminal.press("\u{1b}[200~q\u{1b}[201~");
    terminal.press(":");
    terminal.wait_for("NAME (softly)");
    terminal.press("\u{1b}[200~Clara: ¿Qué, q?\nq\u{1b}[201~");
    terminal.wait_for("Clara: ¿Qué, q? q");
    terminal.press("\u{3}");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn the_lobby_plays_and_comes_back_and_knows_what_was_played() {
    let theatre = Theatre::trained();
    let mut terminal = Terminal::open(&theatre, &[]);
    terminal.wait_for("SCENES");
    terminal.wait_for("nothing was performed yet");
    terminal.press("\r");
    terminal.wait_for("THE LAST FERRY");
    terminal.press("q");
    while !(terminal.shows("PERFORMANCES") && terminal.shows("■")) {
        assert!(terminal.read());
    }
    terminal.press("q");
    terminal.close();
    assert_eq!(
        fs::read_dir(theatre.path("performances")).unwrap().count(),
        1
    );
}

#[test]
fn a_rehearsal_on_the_screen_ends_with_the_figures() {
    let theatre = Theatre::untrained();
    let mut terminal = Terminal::open(&theatre, &["train"]);
    while terminal.read() {}
    let left = terminal.close();
    assert!(left.contains("Test bits per character"), "{left}");
    assert_eq!(theatre.models().len(), 6);
}

#[test]
fn a_rehearsal_that_is_stopped_keeps_its_place_and_goes_on_from_there() {
    let theatre = Theatre::untrained();
    let show = "characters/ferry/show.yaml";
    theatre.edit(show, " epochs: 2,", " epochs: 10000,");
    for (leave, code) in [("q", 0), ("-TERM", 143), ("\u{3}", 0)] {
        let mut terminal = Terminal::open(&theatre, &["train"]);
        terminal.wait_for("epoch ");
        if leave.starts_with('-') {
            terminal.signal(leave);
        } else {
            terminal.press(leave);
        }
        while terminal.read() {}
        assert!(terminal.shows("Stopped and kept"), "{leave:?}");
        assert_eq!(terminal.end(), code, "{leave:?}");
    }
    // Three times begun, it stands further than any of them came alone.
    let again = theatre.command(&["train", "--log", "-"]);
    let mut child = { again }
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"resumed\"") {
        line.clear();
        let n_read = std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        assert!(n_read > 0, "it did not go on from its checkpoint");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

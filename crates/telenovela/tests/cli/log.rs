//! The log is the truth: replayed as it was, verified to the byte, gone on with after a kill.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::theatre::Theatre;

const LOG: &str = "performances/crossing-7.jsonl";

fn played(theatre: &Theatre) -> Vec<u8> {
    theatre
        .run(&["play", "crossing", "--headless", "--seed", "7"])
        .expect_success();
    fs::read(theatre.path(LOG)).unwrap()
}

#[test]
fn a_replay_is_the_evening_as_it_was() {
    let theatre = Theatre::trained();
    let evening = theatre
        .run(&["play", "crossing", "--headless", "--seed", "7"])
        .expect_success();
    let replay = theatre.run(&["replay", "--headless"]).expect_success();
    assert_eq!(replay.stdout, evening.stdout);
    let fast = ["replay", LOG, "--headless", "--speed", "1000"];
    assert_eq!(theatre.run(&fast).expect_success().stdout, evening.stdout);
    theatre
        .run(&["replay", "--speed", "0"])
        .expect_failure(2, &["0.01"]);
}

#[test]
fn a_log_is_verified_and_a_changed_one_is_found_out() {
    let theatre = Theatre::trained();
    played(&theatre);
    let agrees = theatre.run(&["verify", LOG]).expect_success();
    assert!(agrees.stdout.contains("Every byte agrees"));
    let text = theatre.read(LOG);
    let line = text
        .lines()
        .position(|line| line.contains("\"provenance\":\"generated\""))
        .unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[line] = lines[line].replacen("\"text\":\"", "\"text\":\"Never. ", 1);
    theatre.write("changed.jsonl", &(lines.join("\n") + "\n"));
    let changed = theatre.run(&["verify", "changed.jsonl"]);
    assert_eq!(changed.code, Some(1), "{}", changed.stderr);
    assert!(changed.stdout.contains(&format!("Line {}", line + 1)));
    // Another file than the log was played from is told before anything is performed.
    theatre.edit("scenes/ferry/crossing.yaml", "title: ", "title: Another ");
    theatre
        .run(&["verify", LOG])
        .expect_failure(3, &["the scene `crossing`"]);
}

#[test]
fn a_log_cut_off_anywhere_is_gone_on_with_to_the_same_bytes() {
    let theatre = Theatre::trained();
    let whole = played(&theatre);
    let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    // Twelve places, most of them in the middle of a line.
    for nth in 0..12 {
        let upto = first_line + 1 + (whole.len() - first_line - 2) * nth / 12;
        fs::write(theatre.path("cut.jsonl"), &whole[..upto]).unwrap();
        theatre
            .run(&["play", "--resume", "cut.jsonl", "--headless"])
            .expect_success();
        let resumed = fs::read(theatre.path("cut.jsonl")).unwrap();
        assert!(resumed == whole, "cut off after {upto} bytes");
    }
    theatre
        .run(&["play", "--resume", LOG, "--headless"])
        .expect_failure(3, &["is complete", "telenovela replay"]);
}

#[test]
fn a_killed_performance_is_gone_on_with_to_the_same_bytes() {
    let theatre = Theatre::trained();
    let whole = played(&theatre);
    for n_lines in [3, 20, 41] {
        let log = format!("killed-{n_lines}.jsonl");
        let mut child = theatre
            .command(&["play", "crossing", "--headless", "--seed", "7"])
            .args(["--log", &log])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let _ = printed.lines().nth(n_lines);
        child.kill().unwrap();
        child.wait().unwrap();
        if fs::read(theatre.path(&log)).unwrap().len() < whole.len() {
            theatre
                .run(&["play", "--resume", &log, "--headless"])
                .expect_success();
        }
        assert!(fs::read(theatre.path(&log)).unwrap() == whole, "{n_lines}");
    }
}

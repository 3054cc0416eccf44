//! `telenovela play --headless`

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use telenovela_script::event::{EndReason, EventKind, LeaveReason, Provenance, ThreadState};

use crate::theatre::{Theatre, spoken};

fn play<'a>(scene: &'a str, seed: &'a str) -> Vec<&'a str> {
    vec!["play", scene, "--headless", "--seed", seed]
}

#[test]
fn the_same_seed_gives_the_same_text_and_the_same_log() {
    let theatre = Theatre::trained();
    let first = theatre.run(&play("crossing", "7")).expect_success();
    let second = theatre.run(&play("crossing", "7")).expect_success();
    assert_eq!(first.stdout, second.stdout);
    assert!(!first.stdout.contains('\u{1b}'));
    let log = fs::read(theatre.path("performances/crossing-7.jsonl")).unwrap();
    // The name was taken, so the second log has a number.
    let again = fs::read(theatre.path("performances/crossing-7-2.jsonl")).unwrap();
    assert!(log == again, "the logs differ");
    // The same files elsewhere are the same performance.
    let elsewhere = Theatre::trained();
    elsewhere.run(&play("crossing", "7")).expect_success();
    let log_elsewhere = fs::read(elsewhere.path("performances/crossing-7.jsonl")).unwrap();
    assert!(log == log_elsewhere, "the logs differ");
    let other = theatre.run(&play("crossing", "8")).expect_success();
    assert_ne!(first.stdout, other.stdout);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let theatre = Theatre::trained();
    let with_threads = |n_threads: &str, log: &str| {
        let mut command = theatre.command(&play("crossing", "7"));
        command.args(["--log", log]);
        for name in ["TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS"] {
            command.env(name, n_threads);
        }
        assert!(command.output().unwrap().status.success());
        theatre.read(log)
    };
    assert_eq!(
        with_threads("1", "one.jsonl"),
        with_threads("5", "five.jsonl")
    );
}

#[test]
fn the_log_tells_the_whole_performance() {
    let theatre = Theatre::trained();
    theatre.run(&play("crossing", "7")).expect_success();
    let events = theatre.events("performances/crossing-7.jsonl");

    let EventKind::PerformanceStarted(playbill) = &events[0].kind else {
        panic!("{:?}", events[0]);
    };
    assert_eq!(playbill.seed, 7);
    assert_eq!(playbill.scene.as_str(), "crossing");
    assert_eq!(playbill.title, "The Crossing");
    assert_eq!(playbill.beats.len(), 3);
    assert!(
        playbill
            .cast
            .iter()
            .all(|member| member.model_sha256.len() == 64)
    );
    let EventKind::PerformanceEnded {
        reason,
        card,
        threads,
        generated_words,
        authored_words,
    } = &events.last().unwrap().kind
    else {
        panic!("{:?}", events.last());
    };
    assert_eq!(*reason, EndReason::Concluded);
    assert_eq!(card, "THE LANTERN GOES OUT");

    // What must be resolved is, in the author's words; what need not stays open.
    assert_eq!(threads[0].state, ThreadState::Resolved);
    assert_eq!(
        threads[0].resolution.as_deref(),
        Some("He does, in very small coins.")
    );
    assert_eq!(threads[1].state, ThreadState::Open);

    // The order of time and of turns.
    assert!(events.iter().zip(0..).all(|(event, seq)| event.seq == seq));
    assert!(events.is_sorted_by_key(|event| event.at_ms));
    assert!(
        spoken(&events)
            .zip(0..)
            .all(|(line, turn)| line.utterance.turn == turn)
    );
    let ids: BTreeSet<&str> = spoken(&events).map(|line| line.id.as_str()).collect();
    assert_eq!(ids.len(), spoken(&events).count());

    // The words of the people on stage are counted by whose they are.
    let words = |provenance: Provenance| -> u64 {
        let lines = spoken(&events).map(|line| &line.utterance).filter(|line| {
            line.provenance == provenance
                && !["narrator", "camera"].contains(&line.speaker.as_str())
        });
        let words = lines.map(|line| {
            let words = line.text.split_whitespace();
            words
                .filter(|word| word.contains(char::is_alphanumeric))
                .count() as u64
        });
        words.sum()
    };
    assert_eq!(*generated_words, words(Provenance::Generated));
    assert_eq!(*authored_words, words(Provenance::Authored));
    assert!(*generated_words > 0 && *authored_words > 0);

    // A generated line is one of its takes, and there are as many as the scene asks for.
    for line in spoken(&events) {
        match (line.utterance.provenance, line.kept) {
            (Provenance::Generated, Some(kept)) => {
                assert_eq!(line.takes.len(), 3);
                assert_eq!(line.takes[kept].text, line.utterance.text);
            }
            (Provenance::Generated, None) => panic!("{line:?}"),
            _ => assert!(line.takes.is_empty() && line.kept.is_none()),
        }
    }
}

#[test]
fn the_arc_is_played_as_written() {
    let theatre = Theatre::trained();
    theatre.run(&play("crossing", "3")).expect_success();
    let events = theatre.events("performances/crossing-3.jsonl");

    let authored: Vec<&str> = spoken(&events)
        .filter(|line| line.utterance.provenance == Provenance::Authored)
        .map(|line| line.utterance.text.as_str())
        .collect();
    assert_eq!(
        authored,
        [
            "The lantern swings.",
            "The last ferry, dear friends, leaves with the bell.",
            "Who is that man?",
            "Nobody, Madame. With a ticket.",
            "Hold the rope.",
        ]
    );
    let beats: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::BeatEntered { title, .. } => Some(title.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        beats,
        ["Last boat", "Somebody else on board", "The other side"]
    );

    // Odette waits in the wings until the second beat brings her on.
    let enters = events
        .iter()
        .position(|event| matches!(event.kind, EventKind::StageEntered { .. }))
        .unwrap();
    assert!(spoken(&events[..enters]).all(|line| line.utterance.speaker.as_str() != "odette"));
    assert!(spoken(&events[enters..]).any(|line| line.utterance.speaker.as_str() == "odette"));
    // Who weighs nothing in a beat says only what is written.
    let boarding = spoken(&events[..enters])
        .map(|line| &line.utterance)
        .filter(|line| line.provenance == Provenance::Generated);
    assert!(
        boarding
            .map(|line| line.speaker.as_str())
            .all(|speaker| ["clara", "rene"].contains(&speaker))
    );
    // Nobody's model failed on the way.
    assert!(!events.iter().any(|event| matches!(
        event.kind,
        EventKind::VoiceFailed { .. }
            | EventKind::StageLeft {
                reason: LeaveReason::Failed,
                ..
            }
    )));
}

#[test]
fn every_policy_plays_to_the_end() {
    let theatre = Theatre::trained();
    for policy in ["weighted", "bid", "round_robin"] {
        let scene = theatre.read("scenes/ferry/two-oars.yaml");
        theatre.write(
            "scenes/ferry/tried.yaml",
            &scene.replace("policy: bid", &format!("policy: {policy}")),
        );
        let log = format!("{policy}.jsonl");
        let mut args = play("tried", "1");
        args.extend(["--log", &log]);
        theatre.run(&args).expect_success();
        let events = theatre.events(&log);
        assert!(
            matches!(
                events.last().unwrap().kind,
                EventKind::PerformanceEnded {
                    reason: EndReason::Concluded,
                    ..
                }
            ),
            "{policy}"
        );
    }
}

#[test]
fn the_first_scene_is_played_by_default_and_the_seed_is_told() {
    let theatre = Theatre::trained();
    // Neither is a terminal, so that `--headless` need not be said.
    let outcome = theatre.run(&["play"]).expect_success();
    assert!(
        outcome.stdout.contains("The Crossing"),
        "{}",
        outcome.stdout
    );
    let again = outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("Again: telenovela "))
        .unwrap_or_else(|| panic!("{}", outcome.stderr))
        .to_owned();
    let log = outcome
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("Log: "))
        .unwrap_or_else(|| panic!("{}", outcome.stderr))
        .to_owned();
    let args: Vec<&str> = again.split(' ').chain(["--log", "again.jsonl"]).collect();
    let repeated = theatre.run(&args).expect_success();
    assert_eq!(repeated.stdout, outcome.stdout);
    assert!(theatre.read("again.jsonl") == theatre.read(&log));
}

#[test]
fn a_log_that_is_there_is_replaced_only_by_force() {
    let theatre = Theatre::trained();
    theatre.write("evening.jsonl", "precious\n");
    let mut args = play("two-oars", "1");
    args.extend(["--log", "evening.jsonl"]);
    let refused = theatre
        .run(&args)
        .expect_failure(5, &["evening.jsonl exists already; `--force` replaces it"]);
    assert_eq!(refused.stdout, "");
    assert_eq!(theatre.read("evening.jsonl"), "precious\n");
    args.push("--force");
    theatre.run(&args).expect_success();
    assert!(theatre.events("evening.jsonl").len() > 5);
    // Nothing is written under the usual name then.
    assert!(!theatre.path("performances").exists());
}

#[test]
fn a_reader_that_has_seen_enough_does_not_cut_the_log() {
    let theatre = Theatre::trained();
    let mut child = theatre
        .command(&play("crossing", "7"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(first, "THE LAST FERRY\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let events = theatre.events("performances/crossing-7.jsonl");
    assert!(matches!(
        events.last().unwrap().kind,
        EventKind::PerformanceEnded {
            reason: EndReason::Concluded,
            ..
        }
    ));
}

#[test]
fn a_scene_is_found_by_its_file_and_from_a_folder_below() {
    let theatre = Theatre::trained();
    let below = theatre.path("scenes/ferry");
    let mut command = theatre.command(&["play", "two-oars.yaml", "--seed", "1"]);
    let output = command.current_dir(&below).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(theatre.path("performances/two-oars-1.jsonl").exists());
    let root = theatre.path(".");
    let mut command = crate::theatre::program();
    command
        .args(["-C".as_ref(), root.as_os_str()])
        .args(["play", "ferry/two-oars", "--seed", "2"])
        .current_dir(std::env::temp_dir());
    assert!(command.output().unwrap().status.success());
    assert!(theatre.path("performances/two-oars-2.jsonl").exists());
}

#[test]
fn a_line_is_in_the_log_before_it_is_read() {
    let theatre = Theatre::trained();
    let mut child = theatre
        .command(&play("crossing", "7"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut n_lines = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let log = theatre.read("performances/crossing-7.jsonl");
        // Authored lines, and the titles of beats; what is longer is wrapped.
        for written in [
            "The lantern swings.",
            "Somebody else on board",
            "Hold the rope.",
        ] {
            if line.contains(written) {
                assert!(log.contains(written), "{log}");
                n_lines += 1;
            }
        }
    }
    assert_eq!(n_lines, 3);
    assert!(child.wait().unwrap().success());
}

//! What is told when something is not as it should be, and the exit code.

use std::fs;
use std::process::Command;

use telenovela_script::event::{EndReason, EventKind, LeaveReason};

use crate::theatre::{MODELS, Outcome, Theatre, program, spoken};

fn run(command: &mut Command) -> Outcome {
    Outcome::of(&command.output().unwrap())
}

#[test]
fn usage_is_exit_code_2() {
    let theatre = Theatre::untrained();
    theatre
        .run(&["palimpsest"])
        .expect_failure(2, &["unrecognized subcommand 'palimpsest'"]);
    theatre
        .run(&["play", "--sede", "7"])
        .expect_failure(2, &["'--sede'", "'--seed'"]);
    theatre
        .run(&["play", "--seed", "seven"])
        .expect_failure(2, &["invalid value 'seven'"]);
    // There is nothing to replace by force without `--log`.
    theatre
        .run(&["play", "--force"])
        .expect_failure(2, &["--log <FILE>"]);
    theatre
        .run(&["say", "clara", "--takes", "0"])
        .expect_failure(2, &["'0'"]);
    theatre
        .run(&["say", "clara", "--chars", "0"])
        .expect_failure(2, &["'0'"]);
    theatre
        .run(&["say"])
        .expect_failure(2, &["<CHARACTER|SHOW>"]);
}

#[test]
fn without_a_command_there_is_help_and_no_workspace_is_needed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let help = run(program().current_dir(elsewhere.path())).expect_success();
    for command in ["play", "train", "say", "check", "export", "new"] {
        assert!(
            help.stdout.contains(&format!("\n  {command} ")),
            "{}",
            help.stdout
        );
    }
    let version = run(program().arg("--version").current_dir(elsewhere.path()));
    assert_eq!(
        version.expect_success().stdout,
        format!("telenovela {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_place_without_a_workspace_says_what_one_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    for command in ["check", "play", "train", "export"] {
        run(program().arg(command).current_dir(elsewhere.path())).expect_failure(
            3,
            &["is no workspace", "`characters/`", "--workspace FOLDER"],
        );
    }
    run(program()
        .args(["-C", "nowhere", "check"])
        .current_dir(elsewhere.path()))
    .expect_failure(3, &["nowhere", "cannot be opened"]);
    fs::create_dir(elsewhere.path().join("characters")).unwrap();
    run(program().arg("check").current_dir(elsewhere.path()))
        .expect_failure(3, &["there is no show here", "characters/<show>/show.yaml"]);
}

#[test]
fn a_model_that_is_missing_names_the_command_that_trains_it() {
    let theatre = Theatre::untrained();
    let outcome = theatre
        .run(&["play", "two-oars", "--seed", "1"])
        .expect_failure(
            4,
            &[
                "`narrator` has no trained model",
                "telenovela train narrator",
            ],
        );
    assert_eq!(outcome.stdout, "");
    // Nothing was begun, so nothing is left.
    assert!(!theatre.path("performances").exists());
    theatre
        .run(&["say", "rene"])
        .expect_failure(4, &["`rene` has no trained model", "telenovela train rene"]);
    // The command that was named is enough.
    theatre.run(&["train", "rene"]).expect_success();
    theatre
        .run(&["say", "rene", "--seed", "1"])
        .expect_success();
}

#[test]
fn who_has_no_model_loses_its_turns_and_the_scene_ends_as_its_arc_says() {
    let theatre = Theatre::trained();
    fs::remove_file(theatre.path(MODELS).join("rene.safetensors")).unwrap();
    let play = ["play", "crossing", "--headless", "--seed", "4"];
    let outcome = theatre.run(&play).expect_success();
    for told in ["`rene` has no trained model", "telenovela train rene"] {
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
    let log = "performances/crossing-4.jsonl";
    let events = theatre.events(log);
    let failed = events
        .iter()
        .filter(|event| matches!(&event.kind, EventKind::VoiceFailed { character, .. } if character.as_str() == "rene"));
    assert_eq!(failed.count(), 3);
    assert!(events.iter().any(|event| matches!(
        &event.kind,
        EventKind::StageLeft { character, reason: LeaveReason::Failed } if character.as_str() == "rene"
    )));
    // What its author wrote for it is said all the same.
    assert!(spoken(&events).any(|line| line.utterance.text == "Nobody, Madame. With a ticket."));
    let EventKind::PerformanceEnded { reason, .. } = &events.last().unwrap().kind else {
        panic!("the scene ends");
    };
    assert_eq!(*reason, EndReason::Concluded);
    theatre.run(&["verify", log]).expect_success();
    // With the model it is another performance, and is told so.
    theatre.run(&["train", "rene"]).expect_success();
    theatre
        .run(&["verify", log])
        .expect_failure(3, &["the model of `rene`"]);
}

#[test]
fn a_character_without_its_ensemble_names_what_is_missing() {
    let theatre = Theatre::trained();
    fs::remove_file(theatre.path(MODELS).join("ensemble.safetensors")).unwrap();
    theatre.run(&["say", "clara"]).expect_failure(
        4,
        &[
            "the ensemble has no trained model",
            "telenovela train ferry",
        ],
    );
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    let theatre = Theatre::untrained();
    for args in [["say", "clra"], ["train", "clra"], ["say", "ferry/clra"]] {
        theatre
            .run(&args)
            .expect_failure(3, &["there is no character", "clara"]);
    }
    theatre
        .run(&["play", "crosing"])
        .expect_failure(3, &["there is no scene `crosing`", "`crossing`"]);
    theatre
        .run(&["new", "character", "Ana", "--show", "fery"])
        .expect_failure(3, &["there is no show `fery`", "`ferry`"]);
    theatre.edit(
        "scenes/ferry/two-oars.yaml",
        "[narrator, clara, rene]",
        "[narrator, clara, renee]",
    );
    let told = ["renee", "`rene`", "scenes/ferry/two-oars.yaml:5"];
    theatre.run(&["check"]).expect_failure(3, &told);
    theatre.run(&["play", "two-oars"]).expect_failure(3, &told);
}

#[test]
fn a_scene_with_a_thread_that_never_closes_is_not_played() {
    let theatre = Theatre::trained();
    theatre.edit(
        "scenes/ferry/crossing.yaml",
        "threads: { resolves: [ticket] }",
        "threads: {}",
    );
    let told = [
        "the thread `ticket` must be resolved, but no beat does",
        // Where it is declared.
        "scenes/ferry/crossing.yaml:12:9",
        "resolves",
    ];
    let checked = theatre.run(&["check"]).expect_failure(3, &told);
    // The line itself, and what is meant in it.
    assert!(
        checked.stderr.contains("12 │   - id: ticket"),
        "{}",
        checked.stderr
    );
    assert!(checked.stderr.contains("───┬──"), "{}", checked.stderr);
    let refused = theatre
        .run(&["play", "crossing", "--headless", "--seed", "1"])
        .expect_failure(3, &told);
    assert_eq!(refused.stdout, "");
    assert!(!theatre.path("performances").exists());
    // The other scene is none the worse for it.
    theatre
        .run(&["play", "two-oars", "--headless", "--seed", "1"])
        .expect_success();
}

#[test]
fn every_mistake_of_a_file_is_told_at_once() {
    let theatre = Theatre::trained();
    theatre.edit("scenes/ferry/crossing.yaml", "takes: 3", "takes: many");
    theatre.edit("scenes/ferry/crossing.yaml", "motifs:", "motives:");
    theatre.edit(
        "characters/ferry/rene.yaml",
        "color: green",
        "color: greeen",
    );
    let scene = [
        "crossing.yaml:9:8",
        "crossing.yaml:26:5",
        "unknown field `motives`",
        "`motifs`",
    ];
    let both = [&scene[..], &["rene.yaml:3:8", "`greeen`", "`green`"]].concat();
    let checked = theatre.run(&["check"]).expect_failure(3, &both);
    assert!(
        checked.stderr.contains("3 problem(s)"),
        "{}",
        checked.stderr
    );
    theatre.run(&["play", "crossing"]).expect_failure(3, &scene);
}

#[test]
fn a_file_that_leads_out_of_the_workspace_is_refused() {
    let theatre = Theatre::untrained();
    theatre.edit(
        "characters/ferry/show.yaml",
        "scripts/episode-02.fountain",
        "../../../secret.fountain",
    );
    for command in ["check", "train"] {
        theatre
            .run(&[command])
            .expect_failure(3, &["leads out of the show's folder"]);
    }
}

#[test]
fn what_a_file_says_cannot_act_on_the_terminal() {
    let theatre = Theatre::trained();
    let evil = "\u{1b}]0;owned\u{7}\u{202e}";
    theatre.edit(
        "scenes/ferry/two-oars.yaml",
        "title: Two Oars",
        &format!("title: \"Two {evil}Oars\""),
    );
    let played = theatre.run(&["play", "two-oars", "--headless", "--seed", "1"]);
    let checked = theatre.run(&["check"]);
    let said = theatre.run(&["say", &format!("cla{evil}ra")]);
    for outcome in [played, checked, said] {
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        }
    }
    if let Ok(log) = fs::read_to_string(theatre.path("performances/two-oars-1.jsonl")) {
        assert!(
            !log.contains("\\u001b") && !log.contains('\u{202e}'),
            "{log}"
        );
    }
}

#[test]
fn a_new_character_does_not_replace_one() {
    let theatre = Theatre::untrained();
    let clara = theatre.read("characters/ferry/clara.yaml");
    theatre
        .run(&["new", "character", "Clara"])
        .expect_failure(5, &["clara.yaml exists already; `--force` replaces it"]);
    assert_eq!(theatre.read("characters/ferry/clara.yaml"), clara);
    theatre
        .run(&["new", "character", "Clara", "--force"])
        .expect_success();
    assert_ne!(theatre.read("characters/ferry/clara.yaml"), clara);
    theatre
        .run(&["new", "character", "…"])
        .expect_failure(3, &["has no letter to begin an id with"]);
}

#[test]
fn a_prime_that_no_model_can_write_is_refused() {
    let theatre = Theatre::trained();
    theatre
        .run(&["say", "clara", "--prime", "Oh 🌊"])
        .expect_failure(3, &["cannot write the character U+1F30A"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let theatre = Theatre::trained();
    let args = ["play", "two-oars", "--headless", "--seed", "1"];
    let full = ["--log", "/dev/full", "--force"];
    theatre
        .run(&[&args[..], &full].concat())
        .expect_failure(5, &["cannot write the event log: No space left"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    run(theatre.command(&args).stdout(full)).expect_failure(5, &["standard output"]);
}

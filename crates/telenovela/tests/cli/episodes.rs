//! An episode is played, checked, verified and told like a scene.

use std::fs;

use telenovela_script::event::{EventKind, ThreadState};

use crate::theatre::{Theatre, spoken};

const LOG: &str = "performances/night-and-day-7.jsonl";

/// The show with an episode of its two scenes.
fn theatre() -> Theatre {
    let theatre = Theatre::trained();
    theatre.write(
        "scenes/ferry/night-and-day.episode.yaml",
        "title: Night and Day\nscenes:\n  - scene: crossing\n    cliffhanger: { by: rene, prime: [I saw] }\n  - two-oars\n",
    );
    theatre
}

fn played(theatre: &Theatre) -> Vec<u8> {
    let play = ["play", "night-and-day", "--headless", "--seed", "7"];
    theatre.run(&play).expect_success();
    fs::read(theatre.path(LOG)).unwrap()
}

#[test]
fn an_episode_is_played_as_one_performance() {
    let theatre = theatre();
    let checked = theatre.run(&["check"]).expect_success();
    assert!(
        checked.stdout.contains("1 episode(s)"),
        "{}",
        checked.stdout
    );
    played(&theatre);
    let events = theatre.events(LOG);
    let EventKind::PerformanceStarted(playbill) = &events[0].kind else {
        panic!("a log begins with its playbill");
    };
    assert_eq!(playbill.title, "Night and Day");
    let scenes: Vec<&str> = playbill
        .scenes
        .iter()
        .map(|scene| scene.scene.as_str())
        .collect();
    assert_eq!(scenes, ["crossing", "two-oars"]);
    let n_beats: usize = playbill.scenes.iter().map(|scene| scene.n_beats).sum();
    assert_eq!(n_beats, playbill.beats.len());
    // Nothing in the first scene ties up the fog.
    let hangs = events.iter().find_map(|event| match &event.kind {
        EventKind::Cliffhanger { thread, card, .. } => Some((thread.as_str(), card.as_str())),
        _ => None,
    });
    assert_eq!(hangs, Some(("fog", "To be continued…")));
    let EventKind::PerformanceEnded { threads, .. } = &events.last().unwrap().kind else {
        panic!("it ends");
    };
    for thread in threads {
        let must_be = thread.thread.as_str() != "fog";
        assert!(
            thread.state == ThreadState::Resolved || !must_be,
            "{thread:?}"
        );
    }
    let by: Vec<&str> = spoken(&events)
        .filter(|line| line.id.starts_with("two-oars-"))
        .map(|line| line.utterance.speaker.as_str())
        .collect();
    assert!(!by.contains(&"odette") && by.contains(&"clara"), "{by:?}");
}

#[test]
fn the_log_of_an_episode_is_the_truth() {
    let theatre = theatre();
    let whole = played(&theatre);
    theatre.run(&["verify", LOG]).expect_success();
    let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for nth in 0..6 {
        let upto = first_line + 1 + (whole.len() - first_line - 2) * nth / 6;
        fs::write(theatre.path("cut.jsonl"), &whole[..upto]).unwrap();
        let resume = ["play", "--resume", "cut.jsonl", "--headless"];
        theatre.run(&resume).expect_success();
        let resumed = fs::read(theatre.path("cut.jsonl")).unwrap();
        assert!(resumed == whole, "cut off after {upto} bytes");
    }
    let told = theatre.run(&["replay", LOG, "--headless"]).expect_success();
    for piece in [
        "=== 1 · The Crossing ===",
        "=== 2 · Two Oars ===",
        "To be continued…",
    ] {
        assert!(told.stdout.contains(piece), "{}", told.stdout);
    }
    for format in ["fountain", "markdown", "text", "json"] {
        let export = ["export", LOG, "--format", format];
        let transcript = theatre.run(&export).expect_success().stdout;
        assert!(transcript.contains("Night and Day"), "{transcript}");
        assert!(
            format == "json" || transcript.contains("To be continued…"),
            "{transcript}"
        );
    }
    theatre.edit("scenes/ferry/two-oars.yaml", "title: ", "title: Other ");
    theatre
        .run(&["verify", LOG])
        .expect_failure(3, &["the scene `two-oars`"]);
}

#[test]
fn an_episode_that_does_not_fit_together_is_told_where() {
    let theatre = theatre();
    let episode = "scenes/ferry/night-and-day.episode.yaml";
    theatre.edit(episode, "by: rene, prime: [I saw]", "thread: ticket");
    theatre
        .run(&["check"])
        .expect_failure(3, &["no thread `ticket` is open when `crossing` is over"]);
    theatre.edit(episode, "  - two-oars", "  - two-oarss");
    theatre
        .run(&["play", "night-and-day", "--headless"])
        .expect_failure(3, &["the show has no scene `two-oarss`", "two-oars"]);
    theatre
        .run(&["play", "night-and-dya", "--headless"])
        .expect_failure(3, &["did you mean `night-and-day`?"]);
}

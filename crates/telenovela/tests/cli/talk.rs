//! The network of the talk: `train --recipe talk`, `say` with it, and `tokens`.

use std::fs;

use serde_json::Value;

use crate::resume::killed_after;
#[cfg(unix)]
use crate::screen::Terminal;
use crate::theatre::Theatre;

/// Where its models lie.
const TALK: &str = "characters/ferry/models/talk";
const TRAIN: [&str; 6] = ["train", "--recipe", "talk", "ferry", "--epochs", "2"];

/// Names and bytes of the files in a folder, sorted.
fn files(theatre: &Theatre, folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(theatre.path(folder)).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn names(theatre: &Theatre, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(theatre.path(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A theatre in which two epochs of the show have been trained.
fn trained() -> Theatre {
    let theatre = Theatre::untrained();
    theatre.run(&TRAIN).expect_success();
    theatre
}

/// A second show in the theatre, with other words.
fn add_quay(theatre: &Theatre) {
    fs::create_dir_all(theatre.path("characters/quay/scripts")).unwrap();
    for file in [
        "show.yaml",
        "scripts/episode-01.fountain",
        "scripts/episode-02.fountain",
    ] {
        let text = theatre.read(&format!("characters/ferry/{file}"));
        let text = text.replace("CLARA", "ÉLODIE").replace("ferry", "quay");
        theatre.write(&format!("characters/quay/{file}"), &text);
    }
}

#[test]
fn every_epoch_is_kept_its_loss_told_and_the_best_marked() {
    let theatre = Theatre::untrained();
    let outcome = theatre.run(&TRAIN).expect_success();
    let expected = [
        "best.safetensors",
        "epoch-01.safetensors",
        "epoch-02.safetensors",
    ];
    assert_eq!(names(&theatre, TALK), expected);
    // The loss comes down, so the second is the best.
    let rows: Vec<&str> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with("    1  ") || line.starts_with("    2  "))
        .collect();
    assert_eq!(rows.len(), 2, "{}", outcome.stdout);
    assert!(
        !rows[0].ends_with('*') && rows[1].ends_with('*'),
        "{rows:?}"
    );
    for name in ["camera", "clara", "narrator", "odette", "rene"] {
        let row = outcome.stdout.lines().find(|line| line.starts_with(name));
        let bits: f64 = row.unwrap()[name.len()..].trim().parse().unwrap();
        assert!((1.0..6.0).contains(&bits), "{name}: {bits}");
    }
    let again = theatre.run(&TRAIN).expect_success();
    assert!(again.stdout.starts_with("Everything is up to date."));
    // The models of the theatre are no part of it.
    assert_eq!(names(&theatre, "characters/ferry/models"), ["talk"]);
}

#[test]
fn it_says_what_its_epochs_have_learned() {
    let theatre = trained();
    let say = |args: &[&str]| {
        let mut all = vec!["say", "ferry", "--seed", "3", "--chars", "100"];
        all.extend(args);
        theatre.run(&all).expect_success().stdout
    };
    let second = say(&["--epoch", "2"]);
    assert_eq!(second.chars().count(), 100 + 1, "{second}");
    assert_eq!(second, second.to_lowercase());
    assert_eq!(second, say(&["--recipe", "talk"]));
    assert_eq!(second, say(&["--epoch", "2", "--temperature", "0.5"]));
    assert_ne!(second, say(&["--epoch", "1"]));
    assert_ne!(second, say(&["--epoch", "2", "--temperature", "1.2"]));
    let primed = say(&["--epoch", "2", "--prime", "CLARA: René"]);
    assert!(primed.starts_with("clara: rené"), "{primed}");
    let json: Value = serde_json::from_str(&say(&["--epoch", "1", "--json"])).unwrap();
    assert_eq!((&json["epoch"], &json["seed"]), (&1.into(), &3.into()));
    assert_eq!(json["text"].as_str().unwrap().chars().count(), 100);
    // Without a seed, the one that was drawn is told; without a number of characters there are a hundred.
    let drawn = theatre
        .run(&["say", "ferry", "--epoch", "1"])
        .expect_success();
    let seed = drawn.stderr.trim().rsplit(' ').next().unwrap();
    let again = theatre.run(&["say", "ferry", "--epoch", "1", "--seed", seed]);
    assert_eq!(again.expect_success().stdout, drawn.stdout);
    assert_eq!(drawn.stdout.chars().count(), 100 + 1);
}

#[test]
fn a_training_that_is_killed_goes_on_to_the_same_files() {
    // So many that none comes to its end before it is killed.
    let train = ["train", "--recipe", "talk", "ferry", "--epochs", "8"];
    let (whole, theatre) = (Theatre::untrained(), Theatre::untrained());
    whole.run(&train).expect_success();
    for n_checkpoints in [1, 9, 20] {
        killed_after(&theatre, &train[1..], n_checkpoints);
    }
    // What has changed is told before anything is lost.
    let before = names(&theatre, TALK);
    let refused = theatre.run(&TRAIN);
    refused.expect_failure(
        3,
        &[
            "the talk's model of ferry",
            "recipe.epochs: was 8, is 2",
            "telenovela train --recipe talk ferry --force",
        ],
    );
    assert_eq!(names(&theatre, TALK), before);
    let outcome = theatre.run(&train).expect_success();
    assert!(outcome.stderr.contains("goes on from its checkpoint"));
    assert!(files(&theatre, TALK) == files(&whole, TALK));
}

#[test]
fn epochs_of_another_text_do_not_lie_among_those_of_a_training() {
    let theatre = trained();
    let before = files(&theatre, TALK);
    theatre.edit(
        "characters/ferry/scripts/episode-01.fountain",
        "I wait for nobody.",
        "I wait for no man.",
    );
    let say = ["say", "ferry", "--epoch", "2", "--seed", "1"];
    let stale = theatre.run(&say).expect_success();
    let told = "Train it: telenovela train --recipe talk ferry";
    assert!(stale.stderr.contains(told), "{}", stale.stderr);
    let once = ["train", "--recipe", "talk", "ferry", "--epochs", "1"];
    theatre.run(&once).expect_success();
    assert_eq!(
        names(&theatre, TALK),
        ["best.safetensors", "epoch-01.safetensors"]
    );
    assert!(files(&theatre, TALK)[1] != before[1]);
}

#[test]
fn several_shows_together_are_one_model_in_whatever_order_they_are_named() {
    let theatre = Theatre::untrained();
    add_quay(&theatre);
    let all = |shows: [&'static str; 2]| {
        [
            "train", "--recipe", "talk", shows[0], shows[1], "--epochs", "1",
        ]
    };
    theatre.run(&all(["quay", "ferry"])).expect_success();
    let made = files(&theatre, "talk/ferry+quay");
    assert_eq!(made.len(), 2);
    let again = theatre.run(&all(["ferry", "quay"])).expect_success();
    assert!(again.stdout.starts_with("Everything is up to date."));
    assert!(!theatre.path(TALK).exists());
    let say = |name: &str| {
        let say = ["say", name, "--recipe", "talk", "--seed", "1"];
        theatre.run(&say)
    };
    let written = say("ferry+quay").expect_success().stdout;
    assert_eq!(written, say("quay+ferry").expect_success().stdout);
    assert_eq!(written.chars().count(), 100 + 1);
    say("quay").expect_failure(4, &["telenovela train --recipe talk quay"]);
}

#[test]
fn what_is_missing_or_makes_no_sense_is_told() {
    let theatre = Theatre::untrained();
    let run = |args: &[&str]| theatre.run(args);
    for say in [
        &["say", "ferry", "--epoch", "1"][..],
        &["say", "ferry", "--recipe", "talk"],
    ] {
        run(say).expect_failure(
            4,
            &[
                "the talk's model of `ferry` has no trained model",
                "train it: telenovela train --recipe talk ferry",
            ],
        );
    }
    theatre
        .run(&["train", "--recipe", "talk", "ferry", "--epochs", "1"])
        .expect_success();
    run(&["say", "ferry", "--epoch", "31"]).expect_failure(
        4,
        &[
            "epoch 31 of the talk's model of `ferry`",
            "telenovela train --recipe talk ferry --epochs 31",
        ],
    );
    run(&["say", "fery", "--epoch", "1"]).expect_failure(3, &["`ferry`"]);
    run(&["train", "--recipe", "talk", "clara"]).expect_failure(3, &["no show `clara`"]);
    run(&["train", "--recipe", "talk"]).expect_failure(2, &["SHOW"]);
    run(&["train", "--epochs", "3", "ferry"]).expect_failure(2, &["--recipe"]);
    run(&["train", "--recipe", "walk", "ferry"]).expect_failure(2, &["talk"]);
    run(&["say", "ferry", "--epoch", "1", "--cue", "Ay."]).expect_failure(2, &["--cue"]);
    run(&["say", "ferry", "--epoch", "1", "--temperature", "0"]).expect_failure(2, &["0.01"]);
    let epoch = theatre.path(TALK).join("epoch-01.safetensors");
    fs::write(epoch, "no model").unwrap();
    run(&["say", "ferry", "--epoch", "1"])
        .expect_failure(4, &["telenovela train --recipe talk ferry --force"]);
}

#[test]
fn a_line_is_shown_as_its_tokens_and_as_one_hot_rows() {
    let theatre = Theatre::untrained();
    let words = theatre.run(&["tokens", "ferry", "The ferry, Zorro."]);
    let words = words.expect_success().stdout;
    assert!(words.contains("word tokens of a vocabulary of "), "{words}");
    for piece in ["«The»", "« ferry»", "«,»", "«##o»", "«.»"] {
        assert!(words.contains(piece), "no {piece} in {words}");
    }
    let rows = theatre.run(&["tokens", "ferry", "Ay ŁŁ", "--recipe", "talk"]);
    let rows = rows.expect_success().stdout;
    let mut lines = rows.lines();
    let head = lines.next().unwrap();
    let n_vocab: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
    let mut pieces = String::new();
    for line in lines.skip(2) {
        let (piece, rest) = line.split_at(line.char_indices().nth(18).unwrap().0);
        let (number, row) = rest.trim().split_once("  ").unwrap();
        assert_eq!(row.chars().count(), n_vocab);
        let place = row.chars().position(|c| c == '1').unwrap();
        assert_eq!(place.to_string(), number);
        assert_eq!(row.matches('·').count(), n_vocab - 1);
        pieces.push_str(piece.trim_end());
    }
    // In lower case; what the text does not have has no row of its own.
    assert_eq!(pieces, "«a»«y»« »<unk><unk>");
}

#[cfg(unix)]
#[test]
fn its_training_is_a_rehearsal_on_the_screen_and_can_be_stopped_there() {
    let theatre = Theatre::untrained();
    let train = ["train", "--recipe", "talk", "ferry", "--epochs", "999"];
    let mut terminal = Terminal::open(&theatre, &train);
    terminal.wait_for("epoch ");
    assert!(terminal.shows("talk"));
    let first = theatre.path(TALK).join("epoch-01.safetensors");
    while !first.exists() {
        assert!(terminal.read(), "it ended before its first epoch");
    }
    terminal.press("q");
    while terminal.read() {}
    assert!(terminal.shows("Stopped and kept"));
    assert_eq!(terminal.end(), 0);
    // What was learned before can be heard.
    let say = ["say", "ferry", "--epoch", "1"];
    theatre.run(&say).expect_success();
}

#[test]
fn its_log_tells_what_any_training_tells() {
    let theatre = Theatre::untrained();
    let mut train = TRAIN.to_vec();
    train.extend(["--log", "-"]);
    let told = theatre.run(&train).expect_success().stdout;
    let events: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ours = |event: &Value| event["model"] == "talk" && event["show"] == "ferry";
    assert!(events.iter().all(ours));
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(kinds.first(), Some(&"started"));
    assert_eq!(kinds.last(), Some(&"done"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "epoch").count(), 2);
}

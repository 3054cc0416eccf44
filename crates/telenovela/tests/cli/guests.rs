//! Somebody of another show comes on stage.

use std::fs;

use crate::theatre::{Theatre, spoken};

#[test]
fn a_guest_speaks_with_its_own_model_on_another_shows_stage() {
    let theatre = Theatre::trained();
    // A second show: the same people under another roof.
    for folder in ["", "/scripts", "/models"] {
        let to = theatre.path(&format!("characters/harbour{folder}"));
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(theatre.path(&format!("characters/ferry{folder}"))).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
    theatre.write(
        "scenes/ferry/visit.yaml",
        "title: The Visit\nsetting: { place: The pier }\ncast: [clara, harbour/rene]\nbeats:\n  - id: hello\n    speakers: { clara: 1, harbour/rene: 1 }\n    close_with: [{ by: harbour/rene, text: Goodbye. }]\n    lines: { min: 4, max: 4 }\n",
    );
    theatre.run(&["check"]).expect_success();
    let play = ["play", "visit", "--headless", "--seed", "3"];
    theatre.run(&play).expect_success();
    let events = theatre.events("performances/visit-3.jsonl");
    let by: Vec<&str> = spoken(&events)
        .map(|line| line.utterance.speaker.as_str())
        .collect();
    assert!(
        by.contains(&"harbour/rene") && by.contains(&"clara"),
        "{by:?}"
    );
    theatre.run(&["verify"]).expect_success();
    theatre.edit(
        "scenes/ferry/visit.yaml",
        "cast: [clara, harbour/rene]",
        "cast: [clara, harbour/renee]",
    );
    theatre
        .run(&["check"])
        .expect_failure(3, &["no character `harbour/renee`", "harbour/rene"]);
}

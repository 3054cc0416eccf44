//! `telenovela corpus`

use serde_json::Value;

use crate::theatre::Theatre;

const SCRIPT: &str = "characters/ferry/scripts/episode-02.fountain";

fn report(theatre: &Theatre, args: &[&str]) -> Value {
    let mut all = vec!["corpus", "--json"];
    all.extend(args);
    let document: Value = serde_json::from_str(&theatre.run(&all).expect_success().stdout).unwrap();
    document["report"].clone()
}

#[test]
fn a_show_without_models_is_measured_and_the_same_every_time() {
    let theatre = Theatre::untrained();
    let text = theatre.run(&["corpus"]).expect_success().stdout;
    for told in [
        "The Last Ferry: 2 scripts",
        "ODETTE",
        "staged-death",
        "near-repeated",
        "Who said it?",
    ] {
        assert!(text.contains(told), "no «{told}» in:\n{text}");
    }
    let again = theatre.run(&["corpus", "ferry"]).expect_success().stdout;
    assert_eq!(text, again);
    let details = theatre.run(&["corpus", "--details"]).expect_success();
    assert!(details.stdout.starts_with(&text));
    assert!(details.stdout.contains("Marker phrases"));
}

#[test]
fn a_line_that_is_said_again_is_found_with_both_its_places() {
    let theatre = Theatre::untrained();
    let before = report(&theatre, &[]);
    assert_eq!(before["repeats"]["pairs"].as_array().unwrap().len(), 0);
    theatre.edit(
        SCRIPT,
        "Nobody rows, dear friends. This is the happy part.",
        "Last boat. I leave with the bell, and I wait for René.",
    );
    let after = report(&theatre, &[]);
    let pair = &after["repeats"]["pairs"][0];
    assert_eq!(pair["first"]["speaker"], "CLARA");
    assert_eq!(pair["second"]["speaker"], "NARRATOR");
    assert_eq!(pair["second"]["place"], "episode-02.fountain:33");
    // «nobody» has become a name; that is one word of eleven.
    assert_eq!(pair["edits"], 1);
    assert_eq!(after["repeats"]["near"], 2);
    assert_eq!(after["repeats"]["unique_share"], 1.0);
}

#[test]
fn a_vocabulary_is_measured_against_a_text() {
    let theatre = Theatre::untrained();
    theatre.write("reference.txt", "CLARA:\nThe boat, the boat, the bell.\n");
    let found = report(&theatre, &["--against", "reference.txt"]);
    assert_eq!(found["against"]["words"], 6);
    assert_eq!(found["against"]["reference_distinct"], 3);
    theatre.write("silence.txt", "CLARA:\n\n");
    theatre
        .run(&["corpus", "--against", "silence.txt"])
        .expect_failure(3, &["silence.txt: no words to measure against"]);
    theatre
        .run(&["corpus", "--against", "nowhere.txt"])
        .expect_failure(5, &["nowhere.txt"]);
}

#[test]
fn the_lines_come_out_one_by_one_with_all_that_is_known_of_them() {
    let theatre = Theatre::untrained();
    let text = theatre.run(&["corpus", "--lines"]).expect_success().stdout;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["speaker"], Value::Null);
    let third = &lines[3];
    assert_eq!(third["speaker"], "RENÉ");
    assert_eq!(third["delivery"], "softly");
    assert_eq!(
        third["text"],
        "Then wait for nobody once more, Clara. I am nobody now."
    );
    assert_eq!(third["plot_lines"][0], "staged-death");
    assert_eq!(third["heading"], "INT. THE FERRY - NIGHT");
    assert_eq!((&third["scene"], &third["turn"]), (&1.into(), &4.into()));
    let of = |split: &str| lines.iter().filter(|line| line["split"] == split).count();
    assert_eq!(of("train") + of("dev") + of("test"), lines.len());
    assert!(of("train") > of("test") && of("test") > 0 && of("dev") > 0);
}

#[test]
fn a_show_has_to_be_named_where_there_are_several() {
    let theatre = Theatre::untrained();
    std::fs::create_dir_all(theatre.path("characters/barge")).unwrap();
    theatre.write(
        "characters/barge/show.yaml",
        &theatre.read("characters/ferry/show.yaml"),
    );
    theatre
        .run(&["corpus"])
        .expect_failure(3, &["name the show to measure: one of barge, ferry"]);
    theatre
        .run(&["corpus", "fery"])
        .expect_failure(3, &["fery", "ferry"]);
}

//! `telenovela say`

use serde_json::Value;

use crate::theatre::Theatre;

fn json(theatre: &Theatre, args: &[&str]) -> Value {
    let mut all = vec!["say", "--json"];
    all.extend(args);
    serde_json::from_str(&theatre.run(&all).expect_success().stdout).unwrap()
}

fn takes(document: &Value) -> &Vec<Value> {
    document["takes"].as_array().unwrap()
}

#[test]
fn as_many_lines_as_asked_for_the_best_first() {
    let theatre = Theatre::trained();
    let document = json(&theatre, &["clara", "--takes", "9", "--seed", "4"]);
    assert_eq!(document["name"], "clara");
    assert_eq!(document["seed"], 4);
    assert_eq!(takes(&document).len(), 9);
    let totals: Vec<f64> = takes(&document)
        .iter()
        .map(|take| take["score"]["total"].as_f64().unwrap())
        .collect();
    assert!(totals.is_sorted_by(|a, b| a >= b), "{totals:?}");
    let cards = theatre.run(&["say", "clara", "--takes", "9", "--seed", "4"]);
    let cards = cards.expect_success();
    assert_eq!(cards.stdout.matches("    total ").count(), 9);
    assert_eq!(cards.stderr, "");
}

#[test]
fn the_same_seed_says_the_same_lines_and_another_does_not() {
    let theatre = Theatre::trained();
    let say = |seed| {
        theatre
            .run(&["say", "rene", "--seed", seed])
            .expect_success()
    };
    assert_eq!(say("11").stdout, say("11").stdout);
    assert_ne!(say("11").stdout, say("12").stdout);
    let in_full = theatre.run(&["say", "ferry/rene", "--seed", "11"]);
    assert_eq!(in_full.expect_success().stdout, say("11").stdout);
    // Without a seed, the one that was drawn is told.
    let drawn = theatre.run(&["say", "rene"]).expect_success();
    let seed = drawn.stderr.trim().rsplit(' ').next().unwrap();
    assert_eq!(drawn.stdout, say(seed).stdout);
}

#[test]
fn every_line_begins_as_primed() {
    let theatre = Theatre::trained();
    let document = json(&theatre, &["odette", "--prime", "I saw", "--seed", "2"]);
    assert_eq!(takes(&document).len(), 5);
    for take in takes(&document) {
        let text = take["text"].as_str().unwrap();
        assert!(text.starts_with("I saw"), "{text}");
    }
}

#[test]
fn a_cue_is_heard() {
    let theatre = Theatre::trained();
    let silent = json(&theatre, &["clara", "--seed", "5"]);
    let asked = json(
        &theatre,
        &["clara", "--seed", "5", "--cue", "René: Take the umbrella."],
    );
    assert!(
        takes(&silent)
            .iter()
            .all(|take| take["score"]["cue"] == 0.0)
    );
    assert!(takes(&asked).iter().any(|take| take["score"]["cue"] != 0.0));
    // It matters who says it, too.
    let by_another = json(
        &theatre,
        &[
            "clara",
            "--seed",
            "5",
            "--cue",
            "ODETTE: Take the umbrella.",
        ],
    );
    assert_ne!(asked["takes"], by_another["takes"]);
}

#[test]
fn a_show_speaks_with_its_ensemble() {
    let theatre = Theatre::trained();
    let document = json(&theatre, &["ferry", "--takes", "3", "--seed", "1"]);
    assert_eq!(takes(&document).len(), 3);
    std::fs::remove_file(theatre.path("characters/ferry/models/ensemble.safetensors")).unwrap();
    theatre.run(&["say", "ferry"]).expect_failure(
        4,
        &[
            "the ensemble has no trained model",
            "telenovela train ferry",
        ],
    );
    // Who grows from nothing needs no ensemble.
    theatre.run(&["say", "odette"]).expect_success();
}

#[test]
fn a_line_ends_with_the_word_that_reaches_the_length_asked_for() {
    let theatre = Theatre::trained();
    let document = json(
        &theatre,
        &["narrator", "--chars", "12", "--takes", "8", "--seed", "3"],
    );
    for take in takes(&document) {
        let text = take["text"].as_str().unwrap();
        let (before, _) = text.rsplit_once(' ').unwrap_or_default();
        assert!(before.chars().count() < 12, "{text}");
    }
}

#[test]
fn the_likeliest_line_is_told_token_by_token() {
    let theatre = Theatre::trained();
    let document = json(&theatre, &["clara", "--likeliest", "--prime", "I saw"]);
    let text = document["text"].as_str().unwrap();
    assert!(text.starts_with("I saw"), "{text}");
    let steps = document["steps"].as_array().unwrap();
    // The stage rounds what it multiplies, by so little that no ear tells.
    assert!(document["rounding_on_stage"].as_f64().unwrap() < 2e-3);
    let joined: String = steps
        .iter()
        .map(|step| step["text"].as_str().unwrap())
        .collect();
    assert_eq!(joined, text);
    let best = steps.last().unwrap();
    let logits = best["logits"].as_array().unwrap();
    let at = best["token"].as_u64().unwrap() as usize;
    let logit = |value: &Value| value.as_f64().unwrap();
    assert!(
        logits
            .iter()
            .all(|other| logit(other) <= logit(&logits[at]))
    );
    let page = theatre.run(&["say", "clara", "--likeliest", "--prime", "I saw"]);
    assert!(page.expect_success().stdout.starts_with(text));
}

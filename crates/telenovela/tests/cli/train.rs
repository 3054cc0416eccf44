//! `telenovela train`

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use telenovela_script::load::Workspace;
use telenovela_script::show::ShowId;

use crate::theatre::{CAST, MODELS, Theatre};

fn modified(theatre: &Theatre) -> Vec<(String, SystemTime)> {
    let names = theatre.models().into_iter().map(|(name, _)| name);
    names
        .map(|name| {
            let path = theatre.path(MODELS).join(&name);
            (name, path.metadata().unwrap().modified().unwrap())
        })
        .collect()
}

/// The models whose bytes differ.
fn changed(before: &[(String, Vec<u8>)], after: &[(String, Vec<u8>)]) -> Vec<String> {
    assert_eq!(before.len(), after.len());
    let pairs = before.iter().zip(after);
    pairs
        .filter(|(before, after)| before != after)
        .map(|(before, _)| before.0.trim_end_matches(".safetensors").to_owned())
        .collect()
}

#[test]
fn everybody_is_trained_and_the_figures_are_told() {
    let theatre = Theatre::untrained();
    let outcome = theatre.run(&["train"]).expect_success();
    let names: Vec<String> = theatre.models().into_iter().map(|(name, _)| name).collect();
    let mut expected: Vec<String> = CAST
        .iter()
        .chain(&["ensemble"])
        .map(|name| format!("{name}.safetensors"))
        .collect();
    expected.sort();
    // Nothing else is left there: no temporary file.
    assert_eq!(names, expected);
    for name in CAST.iter().chain(&["ensemble"]) {
        let row = outcome
            .stdout
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("no figures of {name}:\n{}", outcome.stdout));
        let test_bits: f64 = row.split_whitespace().nth(2).unwrap().parse().unwrap();
        assert!((0.5..8.0).contains(&test_bits), "{row}");
        // Two epochs each, with a sample line, and a mark on the best so far.
        let epochs = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with(name) && line.contains("/2 "))
            .count();
        assert_eq!(epochs, 2, "{}", outcome.stderr);
    }
    assert!(!outcome.stdout.contains("up to date"));
    assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'));
}

#[test]
fn the_documentation_has_every_field_of_the_recipe_with_its_default() {
    let theatre = Theatre::untrained();
    let show = "characters/ferry/show.yaml";
    let text = theatre.read(show);
    let (before, _) = text.split_once("recipe:").unwrap();
    theatre.write(show, before);
    let workspace = Workspace::open(&theatre.path("")).unwrap();
    let show = workspace.load_show(&ShowId::new("ferry")).unwrap();
    let recipe = serde_json::to_value(&show.recipe).unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/training.md");
    let docs = fs::read_to_string(docs).unwrap();
    let fields = recipe.as_object().unwrap();
    let rows: Vec<(&str, &str)> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter_map(|(field, rest)| Some((field, rest.split(' ').next()?)))
        .filter(|(field, _)| fields.contains_key(*field))
        .collect();
    assert_eq!(rows.len(), fields.len());
    for (field, told) in rows {
        match (fields[field].as_f64(), told.parse::<f64>()) {
            (Some(value), Ok(told)) => {
                assert!((value - told).abs() <= 1e-6 * told, "{field}: {value}");
            }
            _ => assert_eq!(fields[field], told, "{field}"),
        }
    }
}

#[test]
fn what_is_up_to_date_is_left_alone() {
    let theatre = Theatre::trained();
    let (bytes, times) = (theatre.models(), modified(&theatre));
    let outcome = theatre.run(&["train"]).expect_success();
    assert!(
        outcome.stdout.contains("Everything is up to date."),
        "{}",
        outcome.stdout
    );
    assert!(changed(&bytes, &theatre.models()).is_empty());
    assert_eq!(modified(&theatre), times);
}

#[test]
fn training_again_by_force_gives_the_same_bytes() {
    let theatre = Theatre::trained();
    let bytes = theatre.models();
    let times = modified(&theatre);
    let outcome = theatre.run(&["train", "--force"]).expect_success();
    assert!(!outcome.stdout.contains("up to date"));
    assert!(changed(&bytes, &theatre.models()).is_empty());
    assert!(modified(&theatre).iter().zip(&times).all(|(a, b)| a != b));
}

#[test]
fn one_character_is_forced_without_the_others() {
    let theatre = Theatre::trained();
    let times = modified(&theatre);
    theatre
        .run(&["train", "clara", "ferry/rene", "--force"])
        .expect_success();
    let touched: Vec<String> = modified(&theatre)
        .into_iter()
        .zip(times)
        .filter(|(after, before)| after != before)
        .map(|(after, _)| after.0)
        .collect();
    assert_eq!(touched, ["clara.safetensors", "rene.safetensors"]);
}

#[test]
fn a_changed_line_makes_everybody_stale_who_learned_it() {
    let theatre = Theatre::trained();
    let bytes = theatre.models();
    theatre.edit(
        "characters/ferry/scripts/episode-01.fountain",
        "I leave with the bell, and I wait for nobody.",
        "I leave when I please, and I wait for nobody.",
    );
    let told = "The model of `clara` is older than its lines or its recipe. Train it: telenovela train clara";
    let play = ["play", "two-oars", "--headless", "--seed", "1"];
    for args in [&play[..], &["say", "clara", "--seed", "1"][..]] {
        let outcome = theatre.run(args).expect_success();
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
    theatre.run(&["train"]).expect_success();
    let mut all: Vec<&str> = CAST.to_vec();
    all.push("ensemble");
    all.sort_unstable();
    assert_eq!(changed(&bytes, &theatre.models()), all);
    let again = theatre.run(&["train"]).expect_success();
    assert!(again.stdout.contains("Everything is up to date."));
}

#[test]
fn what_a_model_does_not_depend_on_leaves_it_up_to_date() {
    let theatre = Theatre::trained();
    theatre.edit("characters/ferry/clara.yaml", "color: cyan", "color: red");
    theatre.edit("characters/ferry/clara.yaml", "0.8", "0.3");
    let outcome = theatre.run(&["train"]).expect_success();
    assert!(outcome.stdout.contains("Everything is up to date."));
}

#[test]
fn a_changed_character_makes_only_itself_stale() {
    let theatre = Theatre::trained();
    let bytes = theatre.models();
    theatre.edit(
        "characters/ferry/odette.yaml",
        "base: none",
        "base: ensemble",
    );
    theatre.run(&["train"]).expect_success();
    assert_eq!(changed(&bytes, &theatre.models()), ["odette"]);
}

#[test]
fn who_grows_from_nothing_shares_nothing_with_the_ensemble() {
    // Little text leaves the embeddings of those who grow from the ensemble as they are; Odette's are her own.
    let theatre = Theatre::trained();
    let embeddings = |name: &str| {
        let path = theatre.path(MODELS).join(format!("{name}.safetensors"));
        let (weights, _) = telenovela_lm::weights::Weights::load(&path).unwrap();
        weights.tensor("embedding.weight").to_vec()
    };
    let ensemble = embeddings("ensemble");
    assert_eq!(embeddings("clara"), ensemble);
    assert_eq!(embeddings("camera"), ensemble);
    assert_ne!(embeddings("odette"), ensemble);
}

#[test]
fn a_speaker_without_lines_is_refused_with_those_that_have_some() {
    let theatre = Theatre::trained();
    theatre.edit("characters/ferry/clara.yaml", "[CLARA]", "[CLARRA]");
    let bytes = theatre.models();
    let told = [
        "the scripts have no lines for the speaker `CLARRA`",
        "characters/ferry/clara.yaml:5",
        "the scripts have the speakers `CLARA`, ",
        "`NARRATOR`",
        "`ODETTE`",
        "`RENÉ`",
    ];
    theatre.run(&["train", "clara"]).expect_failure(3, &told);
    theatre.run(&["train"]).expect_failure(3, &told);
    theatre.run(&["check"]).expect_failure(3, &told);
    // Whoever is not to be trained does not stand in the way.
    theatre.run(&["train", "rene"]).expect_success();
    assert!(changed(&bytes, &theatre.models()).is_empty());
}

#[test]
fn too_few_lines_are_told_with_how_many_it_takes() {
    let theatre = Theatre::trained();
    theatre.write(
        "characters/ferry/gull.yaml",
        "name: Gull\nlines: { inline: [Mine., Mine!] }\n",
    );
    theatre.run(&["train", "gull"]).expect_failure(
        3,
        &["`gull` has 2 lines to learn from; at least 6 are needed"],
    );
    assert!(!theatre.path(MODELS).join("gull.safetensors").exists());
}

#[test]
fn a_damaged_model_is_trained_again() {
    let theatre = Theatre::trained();
    let bytes = theatre.models();
    let path = theatre.path(MODELS).join("rene.safetensors");
    fs::write(&path, b"not a model").unwrap();
    theatre
        .run(&["say", "rene"])
        .expect_failure(4, &["telenovela train rene --force"]);
    theatre.run(&["train"]).expect_success();
    assert!(changed(&bytes, &theatre.models()).is_empty());
}

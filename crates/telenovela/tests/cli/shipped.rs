//! What this repository ships, beside the program.

use std::path::{Path, PathBuf};

use telenovela_lm::train::Facts;
use telenovela_lm::weights::Card;
use telenovela_script::event::{EndReason, EventKind, ThreadState};
use telenovela_script::load::Workspace;
use telenovela_script::save::read_log;

use crate::theatre::{Outcome, program};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn run(args: &[&str]) -> Outcome {
    Outcome::of(&program().args(args).current_dir(root()).output().unwrap())
}

/// The shows whose models are shipped; before the first training there are none.
fn trained_shows(workspace: &Workspace) -> Vec<telenovela_script::show::ShowId> {
    let shows = workspace.shows().cloned();
    shows
        .filter(|show| {
            let ensemble = workspace.model_path(show, "ensemble");
            ensemble.parent().is_some_and(Path::is_dir)
        })
        .collect()
}

#[test]
fn every_shipped_file_passes_check() {
    let outcome = run(&["check"]).expect_success();
    assert!(
        outcome.stdout.starts_with("All is well: "),
        "{}",
        outcome.stdout
    );
}

#[test]
fn the_shipped_models_are_up_to_date() {
    let workspace = Workspace::open(&root()).unwrap();
    for id in trained_shows(&workspace) {
        let show = workspace.load_show(&id).unwrap();
        let scripts = workspace.load_scripts(&show).unwrap();
        let fingerprint = |model: &str| {
            let card = Card::load(&workspace.model_path(&id, model));
            card.unwrap_or_else(|error| panic!("{id}/{model}: {error}"))
                .fingerprint
        };
        let ensemble = Facts::of_ensemble(&show, &scripts);
        assert_eq!(
            fingerprint("ensemble"),
            ensemble.fingerprint(),
            "{id} is stale"
        );
        for character in workspace.load_characters(&id).unwrap() {
            assert_eq!(
                fingerprint(character.id.as_str()),
                Facts::of_character(&show, &character, &ensemble).fingerprint(),
                "{id}/{} is stale",
                character.id
            );
        }
    }
}

#[test]
fn the_shipped_models_are_small() {
    let workspace = Workspace::open(&root()).unwrap();
    let mut bytes = 0;
    for show in trained_shows(&workspace) {
        let ensemble = workspace.model_path(&show, "ensemble");
        let folder = ensemble.parent().unwrap();
        for entry in std::fs::read_dir(folder).unwrap() {
            bytes += entry.unwrap().metadata().unwrap().len();
        }
    }
    assert!(bytes <= 10_000_000, "{bytes} bytes");
}

#[test]
fn every_shipped_scene_ends_well_and_is_mostly_the_models_own() {
    let workspace = Workspace::open(&root()).unwrap();
    let logs = tempfile::tempdir().unwrap();
    for show in trained_shows(&workspace) {
        for scene in workspace.scenes(&show) {
            let name = format!("{show}/{scene}");
            let log = logs.path().join(format!("{scene}.jsonl"));
            let log_arg = log.to_str().unwrap();
            run(&["play", &name, "--headless", "--seed", "7", "--log", log_arg]).expect_success();
            let events = read_log(&log).unwrap().events;
            let EventKind::PerformanceEnded {
                reason,
                threads,
                generated_words,
                authored_words,
                ..
            } = &events.last().unwrap().kind
            else {
                panic!("{name} has no end");
            };
            assert_eq!(*reason, EndReason::Concluded, "{name}");
            let EventKind::PerformanceStarted(playbill) = &events[0].kind else {
                panic!("{name} has no beginning");
            };
            for (thread, declared) in threads.iter().zip(&playbill.threads) {
                assert!(
                    thread.state == ThreadState::Resolved || !declared.must_resolve,
                    "{name}: {thread:?}"
                );
            }
            assert!(
                generated_words * 100 >= (generated_words + authored_words) * 75,
                "{name}: {generated_words} generated, {authored_words} authored"
            );
        }
    }
}

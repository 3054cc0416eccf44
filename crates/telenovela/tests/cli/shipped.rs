//! What this repository ships, beside the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use telenovela_lm::train::Facts;
use telenovela_lm::weights::Card;
use telenovela_script::event::{EndReason, EventKind, ThreadState};
use telenovela_script::load::Workspace;
use telenovela_script::save::read_log;
use telenovela_script::scene::TurnPolicy;

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

/// What `docs/data-set.md` promises of the scripts; only the vocabulary is measured by hand, against a text that is not shipped.
#[test]
fn the_shipped_scripts_do_not_repeat_themselves_and_their_people_can_be_told_apart() {
    let document: Value = serde_json::from_str(
        &run(&["corpus", "salt-and-thunder", "--json"])
            .expect_success()
            .stdout,
    )
    .unwrap();
    let report = &document["report"];
    let figure = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap();
    assert!(figure("/repeats/unique_share") >= 0.98);
    assert!(figure("/repeats/near_share") <= 0.01);
    assert!(figure("/windows/distinct_2_low") >= 0.88);
    assert!(figure("/count_table/as_trained") >= 1.85);
    let share = |of: &str| {
        let tally = format!("/identification/judged/{of}");
        figure(&format!("{tally}/right")) / figure(&format!("{tally}/of"))
    };
    assert!(share("single") >= 0.45 && share("groups") >= 0.80);
    for plot_line in report["plot_lines"].as_array().unwrap() {
        assert!(
            plot_line["chars"].as_u64().unwrap() >= 40_000,
            "{plot_line}"
        );
    }
}

#[test]
fn the_shipped_scenes_show_every_turn_policy_and_every_plot_line() {
    let workspace = Workspace::open(&root()).unwrap();
    let show = workspace.find_show("salt-and-thunder").unwrap();
    let (mut policies, mut plot_lines, mut arcs) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for id in workspace.scenes(&show) {
        let file = workspace.find_scene(&format!("{show}/{id}")).unwrap();
        let scene = workspace.load_scene(&file).unwrap();
        policies.push(scene.policy);
        arcs.extend(scene.arc.map(|arc| arc.to_string()));
        for beat in scene.beats {
            policies.extend(beat.policy);
            plot_lines.extend(beat.plot.into_iter().map(|(plot_line, _)| plot_line));
        }
    }
    for policy in [
        TurnPolicy::RoundRobin,
        TurnPolicy::List,
        TurnPolicy::Weighted,
        TurnPolicy::Bid,
        TurnPolicy::Manual,
    ] {
        assert!(policies.contains(&policy), "no scene plays by {policy:?}");
    }
    for plot_line in workspace.load_show(&show).unwrap().plot_lines {
        assert!(
            plot_lines.contains(&plot_line.id),
            "no beat mixes in {}",
            plot_line.id
        );
    }
    assert!(arcs.contains("telenovela") && arcs.len() > 1, "{arcs:?}");
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
    assert!(bytes <= 30_000_000, "{bytes} bytes");
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

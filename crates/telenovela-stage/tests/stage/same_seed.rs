//! The log depends on the production alone.

use telenovela_script::event::Provenance;
use telenovela_script::scene::TurnPolicy;

use crate::scripted::Part;
use crate::theatre::{Stage, lines_of};

/// Plays on a runtime of so many workers, and reads the log as the file would hold it.
fn play(stage: Stage, workers: usize) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let opened = stage.open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        log.jsonl()
    })
}

#[test]
fn one_seed_makes_one_log_whoever_watches_and_however_many_work() {
    for seed in [0, 7, u64::MAX] {
        for policy in [
            TurnPolicy::Bid,
            TurnPolicy::Weighted,
            TurnPolicy::RoundRobin,
        ] {
            let stage = || {
                let mut stage = Stage::windmill(seed).part("anselmo", Part::Refuse);
                stage.scene.policy = policy;
                stage
            };
            let log = play(stage(), 1);
            assert_eq!(log, play(stage(), 4));
            assert_eq!(log, play(stage().attended(), 1));
            assert_eq!(log, play(stage().attended(), 4));
        }
    }
}

#[test]
fn another_seed_makes_another_scene() {
    assert_ne!(play(Stage::windmill(1), 1), play(Stage::windmill(2), 1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_screen_changes_nothing() {
    for attended in [false, true] {
        let stage = || {
            let stage = Stage::windmill(5);
            if attended { stage.attended() } else { stage }
        };
        let opened = stage().open();
        let whole = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");

        let mut opened = stage().open();
        let log = opened.log.clone();
        for _ in 0..3 {
            let (seq, _) = opened.next_line().await.expect("the scene goes on");
            opened.performance.director.shown(seq);
        }
        drop(opened.performance.events);
        let ended = opened
            .performance
            .ended
            .await
            .expect("the director does not panic");
        ended.expect("the log takes everything");
        assert_eq!(log.jsonl(), whole.jsonl());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_changes_nothing() {
    let opened = Stage::windmill(5).attended().open();
    let log = opened.log.clone();
    let mut events = opened.performance.events;
    opened.performance.director.pause().await;
    drop(opened.performance.director);
    while events.recv().await.is_some() {}
    let opened = Stage::windmill(5).open();
    let whole = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    assert_eq!(log.jsonl(), whole.jsonl());
}

#[tokio::test(start_paused = true)]
async fn more_takes_leave_the_seeds_of_the_first_ones_alone() {
    let first_takes = async |takes| {
        let mut stage = Stage::windmill(5);
        stage.scene.takes = takes;
        let opened = stage.open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        let events = log.events();
        let spoken = lines_of(&events, Provenance::Generated)[0].clone();
        (spoken.utterance.turn, spoken.takes[..2].to_vec())
    };
    assert_eq!(first_takes(2).await, first_takes(8).await);
}

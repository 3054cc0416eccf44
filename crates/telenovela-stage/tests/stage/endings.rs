//! How a performance ends.

use telenovela_script::event::{Command, EndReason, EventKind, Provenance, ThreadState};

use crate::scripted::{Part, hang};
use crate::theatre::{Stage, authored, lines, lines_of};

#[tokio::test(start_paused = true)]
async fn two_hundred_seeds_end_concluded() {
    for seed in 0..200 {
        let opened = Stage::windmill(seed).open();
        let log = opened.log.clone();
        let (_, ended) = opened.watch().await;
        let ended = ended.expect("the log takes everything");
        assert_eq!(ended.reason, EndReason::Concluded, "seed {seed}");
        assert!(
            ended
                .threads
                .iter()
                .all(|t| t.state == ThreadState::Resolved)
        );
        assert!(log.events().len() > 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_scene_keeps_its_authored_lines_and_minimums() {
    // 6 authored lines and 4 + 4 + 3 generated ones just fit.
    for max_lines in 17..24 {
        let mut stage = Stage::windmill(2);
        stage.scene.max_lines = max_lines;
        let opened = stage.open();
        let log = opened.log.clone();
        let (_, ended) = opened.watch().await;
        let ended = ended.expect("the log takes everything");
        assert_eq!(ended.reason, EndReason::Concluded);
        assert!(ended.n_utterances <= u64::from(max_lines));
        let events = log.events();
        assert_eq!(lines_of(&events, Provenance::Authored).len(), 6);
        for (beat, min) in [("waiting", 4), ("confession", 4), ("storm", 3)] {
            let generated = lines_of(&events, Provenance::Generated)
                .iter()
                .filter(|spoken| spoken.beat.as_str() == beat)
                .count();
            assert!(generated >= min, "{max_lines}: {beat} has {generated}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scene_that_cannot_fit_stops_at_its_last_line() {
    let mut stage = Stage::windmill(2);
    stage.scene.max_lines = 4;
    let opened = stage.open();
    let log = opened.log.clone();
    let (_, ended) = opened.watch().await;
    let ended = ended.expect("the log takes everything");
    assert_eq!(ended.reason, EndReason::MaxLines);
    assert_eq!(lines(&log.events()).len(), 4);
    let open = &ended.threads[0];
    assert_eq!((open.state, &open.resolution), (ThreadState::Open, &None));
}

#[tokio::test(start_paused = true)]
async fn a_beat_of_authored_lines_alone_needs_nobody_to_think() {
    let mut stage = Stage::windmill(2);
    for beat in &mut stage.scene.beats {
        (beat.min_lines, beat.max_lines) = (0, 0);
    }
    stage.scene.beats[0].must_say = vec![authored("rodrigo", "I ran.")];
    let opened = stage
        .part("ines", Part::Refuse)
        .part("rodrigo", Part::Refuse)
        .open();
    let log = opened.log.clone();
    let (_, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    assert_eq!(lines(&log.events()).len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_logged_and_completes_the_log() {
    let mut opened = Stage::windmill(4).attended().open();
    let log = opened.log.clone();
    let mut director = None;
    for _ in 0..5 {
        let (seq, _) = opened.next_line().await.expect("the scene goes on");
        opened.performance.director.shown(seq);
        director = Some(opened.performance.director.clone());
    }
    let director = director.expect("five lines were said");
    director.stop();
    let (seen, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Stopped
    );
    let events = log.events();
    let [.., stop, end] = events.as_slice() else {
        panic!("the log holds more than two events");
    };
    assert_eq!(
        stop.kind,
        EventKind::Command {
            command: Command::Stop
        }
    );
    assert!(matches!(
        end.kind,
        EventKind::PerformanceEnded {
            reason: EndReason::Stopped,
            ..
        }
    ));
    assert_eq!(
        seen.last(),
        Some(end),
        "the screen that reads gets everything"
    );
    // After the end nothing waits and nothing is said.
    director.pause().await;
    director.step().await;
    let said = director
        .say(crate::theatre::id("ines"), None, "Too late.".to_owned())
        .await;
    assert_eq!(said, Err(telenovela_stage::error::Refusal::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_a_voice_hangs() {
    let (part, release, mut working) = hang();
    let mut stage = Stage::windmill(4).part("rodrigo", part);
    stage.scene.beats[0]
        .speakers
        .retain(|(who, _)| who.as_str() == "rodrigo");
    stage.character("ines").turns.talkativeness = 0.0;
    let opened = stage.open();
    let log = opened.log.clone();
    let director = opened.performance.director.clone();
    let watching = tokio::spawn(opened.watch());
    working.recv().await.expect("he is asked for takes");
    director.stop();
    let (_, ended) = watching.await.expect("the watcher does not panic");
    let ended = ended.expect("the log takes everything");
    assert_eq!(ended.reason, EndReason::Stopped);
    assert_eq!(ended.hung, [crate::theatre::id("rodrigo")]);
    assert!(matches!(
        log.events().last().map(|event| &event.kind),
        Some(EventKind::PerformanceEnded { .. })
    ));
    drop(release);
}

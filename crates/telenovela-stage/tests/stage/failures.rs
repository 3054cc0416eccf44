//! What fails, and what goes on all the same.

use std::io;
use std::sync::Arc;

use telenovela_script::event::{
    EndReason, Event, EventKind, EventSink, Failure, LeaveReason, Provenance, ThreadState,
};
use telenovela_stage::director::Again;
use telenovela_stage::error::StageError;
use telenovela_stage::production::Patience;

use crate::scripted::{Part, hang};
use crate::theatre::{Log, Stage, id, lines, lines_of};

fn failures(events: &[Event], who: &str) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::VoiceFailed {
                character, error, ..
            } if *character == id(who) => Some(error.clone()),
            _ => None,
        })
        .collect()
}

fn left_as_failed(events: &[Event], who: &str) -> bool {
    events.iter().any(|event| {
        event.kind
            == EventKind::StageLeft {
                character: id(who),
                reason: LeaveReason::Failed,
            }
    })
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_fails_loses_its_turns_then_leaves_and_the_scene_concludes() {
    for (part, error) in [
        (Part::Refuse, "not finite"),
        (Part::PanicSpeaking, "panicked: lost for words"),
        (Part::PanicBidding, "panicked: no bid"),
        (Part::PanicHearing(1), "panicked: cannot bear it"),
        (Part::Miscount, "0 takes for 3 seeds"),
    ] {
        let opened = Stage::windmill(6).part("rodrigo", part).open();
        let log = opened.log.clone();
        let (_, ended) = opened.watch().await;
        let ended = ended.expect("the log takes everything");
        assert_eq!(ended.reason, EndReason::Concluded);
        assert!(
            ended
                .threads
                .iter()
                .all(|t| t.state == ThreadState::Resolved)
        );
        let events = log.events();
        let failed = failures(&events, "rodrigo");
        assert_eq!(failed.len(), 3);
        assert!(failed.iter().all(|why| why.contains(error)), "{failed:?}");
        assert!(left_as_failed(&events, "rodrigo"));
        // His authored line is still said; none is generated.
        let his: Vec<Provenance> = lines(&events)
            .iter()
            .filter(|spoken| spoken.utterance.speaker == id("rodrigo"))
            .map(|spoken| spoken.utterance.provenance)
            .collect();
        assert_eq!(his, [Provenance::Authored]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_turn_is_drawn_again_with_another_seed() {
    let opened = Stage::windmill(6).part("rodrigo", Part::Refuse).open();
    let log = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let turns: Vec<(u64, String)> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::SpeakerChosen { turn, speaker, .. } => Some((*turn, speaker.to_string())),
            _ => None,
        })
        .collect();
    let again = turns.windows(2).find(|pair| pair[0].0 == pair[1].0);
    let again = again.expect("a turn was drawn twice");
    assert_eq!(again[0].1, "rodrigo");
    assert_ne!(again[1].1, "rodrigo", "who has lost a turn is out of it");
}

#[tokio::test(start_paused = true)]
async fn a_line_without_a_fit_take_falls_back_without_repeating_itself() {
    for part in [Part::Silence, Part::Always("You're late.")] {
        let opened = Stage::windmill(8).part("rodrigo", part).open();
        let log = opened.log.clone();
        let (_, ended) = opened.watch().await;
        assert_eq!(
            ended.expect("the log takes everything").reason,
            EndReason::Concluded
        );
        let events = log.events();
        let fallbacks = lines_of(&events, Provenance::Fallback);
        assert!(fallbacks.len() >= 2);
        assert_ne!(fallbacks[0].utterance.text, fallbacks[1].utterance.text);
        for spoken in fallbacks {
            assert_eq!(spoken.utterance.speaker, id("rodrigo"));
            assert!(spoken.takes.is_empty() && spoken.kept.is_none());
            match spoken.utterance.text.as_str() {
                "Fine." => assert_eq!(spoken.utterance.delivery.as_deref(), Some("softly")),
                other => assert_eq!(other, "Rodrigo says nothing."),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_voice_without_fallback_lines_fails() {
    let mut stage = Stage::windmill(8).part("rodrigo", Part::Silence);
    stage.character("rodrigo").fallback_lines.clear();
    let opened = stage.open();
    let log = opened.log.clone();
    let (_, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    let failed = failures(&log.events(), "rodrigo");
    assert_eq!(failed.len(), 3);
    assert!(failed[0].contains("none of 3 takes is fit"));
}

#[tokio::test(start_paused = true)]
async fn when_everybody_loses_a_turn_a_fallback_line_holds_the_scene() {
    let opened = Stage::windmill(9)
        .part("rodrigo", Part::Refuse)
        .part("ines", Part::Refuse)
        .open();
    let log = opened.log.clone();
    let (_, ended) = opened.watch().await;
    let ended = ended.expect("the log takes everything");
    // Anselmo has not come yet and is still there to carry the rest.
    assert_eq!(ended.reason, EndReason::Concluded);
    let events = log.events();
    assert!(lines_of(&events, Provenance::Fallback).len() >= 2);
    assert!(left_as_failed(&events, "ines") && left_as_failed(&events, "rodrigo"));
    assert_eq!(lines_of(&events, Provenance::Authored).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_left_the_performance_ends_and_says_so() {
    let mut stage = Stage::windmill(9);
    for who in ["ines", "rodrigo", "anselmo"] {
        stage = stage.part(who, Part::PanicSpeaking);
    }
    let opened = stage.open();
    let log = opened.log.clone();
    let (_, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::NobodyLeft
    );
    assert!(matches!(
        log.events().last().map(|event| &event.kind),
        Some(EventKind::PerformanceEnded {
            reason: EndReason::NobodyLeft,
            ..
        })
    ));
}

/// Takes so many events, then has no room left.
struct FullDisk(usize, Log);

impl EventSink for FullDisk {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        if self.0 == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.0 -= 1;
        self.1.write(event)
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        Ok(Vec::new())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_the_performance_and_nothing_unwritten_was_shown() {
    let log = Log::default();
    let opened = Stage::windmill(9)
        .open_with(log.clone(), FullDisk(17, log))
        .expect("the production is complete");
    let log = opened.log.clone();
    let (seen, ended) = opened.watch().await;
    let Err(StageError::Log(error)) = ended else {
        panic!("a log that takes nothing is an error");
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(seen.len(), 17);
    assert_eq!(seen, log.events());
}

#[tokio::test(start_paused = true)]
async fn a_role_nobody_plays_is_refused_before_the_curtain() {
    let mut stage = Stage::windmill(9);
    stage
        .characters
        .retain(|character| character.id != id("ines"));
    let Err(refused) = stage.try_open() else {
        panic!("Inés is missing");
    };
    assert_eq!(
        refused.to_string(),
        "nobody plays `ines`, who is in the cast of `windmill`"
    );
}

/// Nobody is late but who tells that it is at work, and hangs.
fn until_working(who: &'static str, working: tokio::sync::mpsc::UnboundedReceiver<()>) -> Patience {
    let working = Arc::new(tokio::sync::Mutex::new(working));
    Patience::Until(Arc::new(move |asked| {
        let (is_meant, working) = (*asked == id(who), Arc::clone(&working));
        Box::pin(async move {
            if !is_meant || working.lock().await.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        })
    }))
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_never_answers_loses_its_turns_and_then_leaves() {
    for seed in 0..5 {
        let (part, _never_released, working) = hang();
        let mut stage = Stage::windmill(seed).part("rodrigo", part);
        stage.patience = until_working("rodrigo", working);
        let opened = stage.open();
        let log = opened.log.clone();
        let (_, ended) = opened.watch().await;
        assert_eq!(
            ended.expect("the log takes everything").reason,
            EndReason::Concluded
        );
        let events = log.events();
        let late = events.iter().filter(|event| {
            matches!(
                event.kind,
                EventKind::VoiceFailed {
                    failure: Failure::Late,
                    ..
                }
            )
        });
        assert_eq!(late.count(), 3);
        let left = events.iter().any(|event| {
            let rodrigo = EventKind::StageLeft {
                character: id("rodrigo"),
                reason: LeaveReason::Failed,
            };
            event.kind == rodrigo
        });
        assert!(left);
        // Gone through again, nobody has to be late a second time.
        let (part, _never_released, _working) = hang();
        let again = Stage::windmill(seed)
            .part("rodrigo", part)
            .after(&events, Again::Verify)
            .open();
        let second = again.log.clone();
        again.watch().await.1.expect("the log takes everything");
        assert_eq!(second.jsonl(), log.jsonl());
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_panicked_begins_anew_with_all_it_had_heard() {
    let opened = Stage::windmill(3)
        .part("ines", Part::PanicHearing(7))
        .open();
    let (log, notes) = (opened.log.clone(), opened.notes_of("ines"));
    opened.watch().await.1.expect("the log takes everything");
    let panicked = log.events().iter().any(|event| {
        matches!(
            event.kind,
            EventKind::VoiceFailed {
                failure: Failure::Panicked,
                ..
            }
        )
    });
    assert!(panicked);
    let heard = notes.heard.lock().expect("nobody panics").clone();
    let begun = heard.iter().filter(|line| line.turn == 0).count();
    assert!(begun > 1 && begun <= 3, "{begun}");
}

#[tokio::test(start_paused = true)]
async fn an_aside_is_heard_by_those_it_is_for() {
    let mut stage = Stage::windmill(3);
    stage.scene.absent.clear();
    stage.scene.beats[0].open_with[1].visible_to = Some(vec![id("rodrigo")]);
    let mut call = crate::theatre::beat("call", 4, 4);
    call.visible_to = Some(vec![id("ines"), id("rodrigo")]);
    stage.scene.beats.insert(1, call);
    let opened = stage.open();
    let (log, anselmo, rodrigo) = (
        opened.log.clone(),
        opened.notes_of("anselmo"),
        opened.notes_of("rodrigo"),
    );
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let of_call: Vec<u64> = lines(&events)
        .iter()
        .filter(|spoken| spoken.beat.as_str() == "call")
        .map(|spoken| {
            assert_ne!(spoken.utterance.speaker, id("anselmo"));
            spoken.utterance.turn
        })
        .collect();
    assert_eq!(of_call.len(), 4);
    let turns = |notes: &crate::scripted::Notes| -> Vec<u64> {
        let heard = notes.heard.lock().expect("nobody panics");
        heard.iter().map(|line| line.turn).collect()
    };
    let (his, theirs) = (turns(&anselmo), turns(&rodrigo));
    assert!(theirs.contains(&1) && !his.contains(&1));
    assert!(
        of_call
            .iter()
            .all(|turn| theirs.contains(turn) && !his.contains(turn))
    );
}

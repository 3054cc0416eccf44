//! The log is the truth: what broke off goes on to the same bytes, what is performed again is the same, and what the user changed stays changed.

use telenovela_script::cut::{path, standing};
use telenovela_script::event::{Change, EndReason, Event, EventKind, OUTSIDE, Provenance, Spoken};
use telenovela_script::mood::Mood;
use telenovela_stage::director::{Again, DirectorHandle};
use telenovela_stage::error::{Refusal, StageError};
use telenovela_stage::seed::Draws;

use crate::scripted::Part;
use crate::theatre::{Log, Opened, Stage, id, lines};

async fn show_lines(opened: &mut Opened, n: usize) -> Vec<(u64, Spoken)> {
    let mut shown = Vec::new();
    for _ in 0..n {
        let line = opened.next_line().await.expect("the scene goes on");
        opened.performance.director.shown(line.0);
        shown.push(line);
    }
    shown
}

/// An evening on which the user does all that can be done.
async fn eventful(seed: u64) -> Log {
    let mut opened = Stage::windmill(seed)
        .part("anselmo", Part::PanicSpeaking)
        .attended()
        .open();
    let (director, log) = (opened.performance.director.clone(), opened.log.clone());
    show_lines(&mut opened, 4).await;
    let ok = |done: Result<(), Refusal>| done.expect("the wish can be fulfilled");
    ok(director.give_mood(id("ines"), Mood::Colder).await);
    ok(director.extend_beat(3).await);
    show_lines(&mut opened, 2).await;
    ok(director.retake(3).await);
    ok(director.pick_take(3, 0).await);
    ok(director
        .say(id("rodrigo"), None, "Who rang?".to_owned())
        .await);
    show_lines(&mut opened, 3).await;
    ok(director.rewind(5).await);
    ok(director
        .edit(2, Some("dryly".to_owned()), "Rewritten.".to_owned())
        .await);
    show_lines(&mut opened, 3).await;
    ok(director.say_from_outside("Fire!".to_owned()).await);
    ok(director.retake(6).await);
    show_lines(&mut opened, 2).await;
    ok(director.skip_beat().await);
    ok(director.next_speaker(Some(id("rodrigo"))).await);
    show_lines(&mut opened, 1).await;
    ok(director.rewind(4).await);
    let (_, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    log
}

fn windmill(seed: u64) -> Stage {
    Stage::windmill(seed).part("anselmo", Part::PanicSpeaking)
}

async fn goes_on_to_the_same_bytes(seed: u64, whole: &Log, upto: usize) {
    let events = whole.events();
    let log = Log::holding(&events[..upto]);
    let stage = windmill(seed).after(&events[..upto], Again::Resume);
    let opened = stage
        .open_with(log.clone(), log.clone())
        .expect("the production is complete");
    opened
        .watch()
        .await
        .1
        .expect("the past is what this leads to");
    assert_eq!(
        log.jsonl(),
        whole.jsonl(),
        "seed {seed}, resumed after {upto}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_performance_that_broke_off_anywhere_goes_on_to_the_bytes_of_the_unbroken_one() {
    for seed in 0..3 {
        let opened = windmill(seed).open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        for upto in 1..log.events().len() {
            goes_on_to_the_same_bytes(seed, &log, upto).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_user_did_it_is_gone_through_again() {
    for seed in 0..4 {
        let log = eventful(seed).await;
        let events = log.events();
        // After the last command nobody takes a hand in it any more: from there on it goes on by itself.
        let last = events
            .iter()
            .rposition(|event| {
                matches!(
                    event.kind,
                    EventKind::Rewound { .. } | EventKind::Command { .. }
                )
            })
            .expect("the user went back");
        let mut draws = Draws::new(seed);
        for upto in [last + 1, last + 2, events.len() - 1] {
            goes_on_to_the_same_bytes(seed, &log, upto).await;
        }
        let upto = last + 1 + draws.below(events.len() - last - 2).unwrap_or(0);
        goes_on_to_the_same_bytes(seed, &log, upto).await;
    }
}

#[tokio::test(start_paused = true)]
async fn performed_again_with_every_voice_asked_the_log_is_the_same() {
    for seed in 0..4 {
        let whole = eventful(seed).await;
        let stage = windmill(seed).after(&whole.events(), Again::Verify);
        let opened = stage.open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        assert_eq!(log.jsonl(), whole.jsonl());
    }
}

#[tokio::test(start_paused = true)]
async fn a_performance_that_was_stopped_is_verified_up_to_its_stop() {
    for n_lines in 1..9 {
        let mut opened = windmill(5).attended().open();
        let whole = opened.log.clone();
        show_lines(&mut opened, n_lines).await;
        opened.performance.director.stop();
        opened.watch().await.1.expect("the log takes everything");
        let opened = windmill(5).after(&whole.events(), Again::Verify).open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        assert_eq!(log.jsonl(), whole.jsonl());
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_this_performance_does_not_lead_to_is_not_gone_on_with() {
    let opened = windmill(1).open();
    let mut events = opened.log.events();
    let log = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    events.extend(log.events());
    for event in &mut events {
        if let EventKind::Utterance(spoken) = &mut event.kind {
            spoken.utterance.text.push('!');
        }
    }
    let log = Log::holding(&events);
    let stage = windmill(1).after(&events, Again::Resume);
    let opened = stage
        .open_with(log.clone(), log)
        .expect("everybody has a role");
    let (_, ended) = opened.watch().await;
    assert!(
        matches!(ended, Err(StageError::Diverged { .. })),
        "{ended:?}"
    );
}

async fn paused_after(opened: &mut Opened, n: usize) -> DirectorHandle {
    show_lines(opened, n).await;
    opened.performance.director.clone()
}

fn line_of(events: &[Event], turn: u64) -> Spoken {
    let standing = standing(events);
    let line = lines(&standing)
        .into_iter()
        .find(|line| line.utterance.turn == turn);
    line.expect("the line was said").clone()
}

#[tokio::test(start_paused = true)]
async fn a_retake_changes_its_line_and_no_other() {
    let plain = Stage::windmill(9).open();
    let whole = plain.log.clone();
    plain.watch().await.1.expect("the log takes everything");
    for turn in 2..7 {
        let mut opened = Stage::windmill(9).attended().open();
        let log = opened.log.clone();
        let director = paused_after(&mut opened, 9).await;
        director.retake(turn).await.expect("the line was generated");
        director.stop();
        opened.watch().await.1.expect("the log takes everything");
        let (before, after) = (whole.events(), log.events());
        for other in (0..9).filter(|other| *other != turn) {
            assert_eq!(line_of(&before, other), line_of(&after, other));
        }
        let (old, new) = (line_of(&before, turn), line_of(&after, turn));
        assert_ne!(old.utterance.text, new.utterance.text);
        assert_eq!(old.id, new.id);
        assert_eq!(new.takes.len(), old.takes.len() + 3, "all takes are kept");
        assert_eq!(new.takes[..old.takes.len()], old.takes);
    }
}

#[tokio::test(start_paused = true)]
async fn who_heard_a_line_remembers_it_as_it_was_changed() {
    let mut opened = Stage::windmill(9).attended().open();
    let rodrigo = opened.notes_of("rodrigo");
    let log = opened.log.clone();
    let director = paused_after(&mut opened, 5).await;
    director
        .edit(3, None, "Never mind the moon.".to_owned())
        .await
        .expect("the line was said");
    show_lines(&mut opened, 2).await;
    director.stop();
    opened.watch().await.1.expect("the log takes everything");
    let heard = rodrigo.heard.lock().expect("nobody panics").clone();
    let again = heard
        .iter()
        .rposition(|line| line.turn == 0)
        .expect("heard again");
    assert!(again > 0);
    assert_eq!(heard[again + 3].text, "Never mind the moon.");
    let changed = line_of(&log.events(), 3);
    assert_eq!(changed.utterance.provenance, Provenance::Edited);
    let changes: Vec<Change> = log
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::LineChanged(changed) => Some(changed.change),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [Change::Edit]);
}

#[tokio::test(start_paused = true)]
async fn going_back_makes_a_branch_and_keeps_the_old_one() {
    let mut opened = Stage::windmill(4).attended().open();
    let log = opened.log.clone();
    let first = show_lines(&mut opened, 8).await;
    let director = opened.performance.director.clone();
    director.rewind(4).await.expect("the line was said");
    let second = show_lines(&mut opened, 3).await;
    assert_eq!(second[0].1.utterance.turn, 5);
    assert_eq!(second[0].1.id, "windmill-5.1");
    assert_ne!(second[0].1.utterance.text, first[5].1.utterance.text);
    director.rewind(5).await.expect("the line was said");
    let third = show_lines(&mut opened, 1).await;
    assert_eq!(third[0].1.id, "windmill-6.2");
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let standing = standing(&events);
    let ids: Vec<&str> = lines(&standing)
        .iter()
        .take(7)
        .map(|line| line.id.as_str())
        .collect();
    assert_eq!(
        ids[3..],
        ["windmill-3", "windmill-4", "windmill-5.1", "windmill-6.2"]
    );
    // The way to the last line of the first branch is still there.
    let way = path(&events, Some(first[7].0));
    assert_eq!(lines(&way).len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_voice_from_outside_is_heard_by_all_and_answered() {
    let mut opened = Stage::windmill(4).attended().open();
    let (log, ines) = (opened.log.clone(), opened.notes_of("ines"));
    let director = paused_after(&mut opened, 4).await;
    director
        .say_from_outside("Open up!".to_owned())
        .await
        .expect("there is room for a line");
    show_lines(&mut opened, 2).await;
    director.stop();
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let said = lines(&events)[4];
    assert_eq!(said.utterance.speaker.as_str(), OUTSIDE);
    assert_eq!(said.utterance.name, "A voice");
    assert_eq!(
        ines.heard.lock().expect("nobody panics")[4].text,
        "Open up!"
    );
    assert_eq!(
        lines(&events)[5].utterance.provenance,
        Provenance::Generated
    );
}

#[tokio::test(start_paused = true)]
async fn a_skipped_beat_says_what_its_author_wrote_and_an_extended_one_goes_on() {
    let of_first = |events: &[Event]| {
        let events = standing(events);
        lines(&events)
            .iter()
            .filter(|line| line.beat.as_str() == "waiting")
            .count()
    };
    let mut opened = Stage::windmill(4).attended().open();
    let log = opened.log.clone();
    let director = paused_after(&mut opened, 3).await;
    director.skip_beat().await.expect("the scene goes on");
    let ended = opened.watch().await.1.expect("the log takes everything");
    assert_eq!(ended.reason, EndReason::Concluded);
    // Two lines of the author's, one generated, perhaps one more that was on its way.
    assert!(of_first(&log.events()) <= 4);
    let mut opened = Stage::windmill(4).attended().open();
    let log = opened.log.clone();
    let director = paused_after(&mut opened, 3).await;
    director.extend_beat(10).await.expect("the scene goes on");
    opened.watch().await.1.expect("the log takes everything");
    assert_eq!(of_first(&log.events()), 2 + 4 + 10);
}

#[tokio::test(start_paused = true)]
async fn a_mood_is_in_the_choice_and_in_the_cue_and_wears_off() {
    let mut opened = Stage::windmill(4).attended().open();
    let (log, ines) = (opened.log.clone(), opened.notes_of("ines"));
    let director = paused_after(&mut opened, 2).await;
    director
        .give_mood(id("ines"), Mood::Angrier)
        .await
        .expect("she is in the cast");
    opened.watch().await.1.expect("the log takes everything");
    let moods: Vec<f32> = log
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::SpeakerChosen { candidates, .. } => {
                let ines = candidates.iter().find(|c| c.character == id("ines"));
                ines.map(|candidate| candidate.mood)
            }
            _ => None,
        })
        .collect();
    assert!(moods.windows(2).all(|pair| pair[0] >= pair[1]), "{moods:?}");
    assert!(moods[0] == 1.6 && moods[moods.len() - 1] < 1.6, "{moods:?}");
    let cues = ines.cues.lock().expect("nobody panics").clone();
    let angry = cues
        .iter()
        .filter(|cue| cue.sampling.temperature > 0.8 * 0.95 * 1.1);
    assert!(angry.count() > 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused() {
    let mut opened = Stage::windmill(4).attended().open();
    let director = paused_after(&mut opened, 4).await;
    let no_line = |refused| matches!(refused, Err(Refusal::NoSuchLine { turn: 40, .. }));
    assert!(no_line(director.retake(40).await));
    assert!(no_line(director.rewind(40).await));
    assert_eq!(
        director.edit(1, None, "…".to_owned()).await,
        Err(Refusal::Empty)
    );
    let no_take = director.pick_take(3, 99).await;
    assert!(
        matches!(no_take, Err(Refusal::NoSuchTake { take: 99, .. })),
        "{no_take:?}"
    );
    let stranger = director.give_mood(id("nobody"), Mood::Calmer).await;
    assert!(matches!(stranger, Err(Refusal::UnknownSpeaker { .. })));
    director.stop();
    opened.watch().await.1.expect("the log takes everything");
    assert_eq!(director.retake(1).await, Err(Refusal::Ended));
}

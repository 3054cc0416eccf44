//! The audience takes a hand: pause, step, a line of its own, a screen that stands still.

use telenovela_script::event::{Because, Command, EndReason, EventKind, Provenance};
use telenovela_stage::error::Refusal;
use telenovela_stage::seed::Draws;

use crate::scripted::hang;
use crate::theatre::{Opened, Stage, id, lines, lines_of};

/// Gives everything that can happen without the audience a chance to happen: a director that wrongly went on would be seen by most runs.
async fn settle(opened: &Opened) {
    for _ in 0..5 {
        tokio::task::spawn_blocking(std::thread::yield_now)
            .await
            .expect("yielding does not panic");
        // The answer proves that the director has looked up since.
        let stranger = opened
            .performance
            .director
            .say(id("nobody"), None, "Hello.".to_owned())
            .await;
        assert!(stranger.is_err());
    }
}

async fn show_lines(opened: &mut Opened, n: usize) {
    for _ in 0..n {
        let (seq, _) = opened.next_line().await.expect("the scene goes on");
        opened.performance.director.shown(seq);
    }
}

#[tokio::test(start_paused = true)]
async fn the_director_does_not_run_ahead_of_the_screen() {
    let mut opened = Stage::windmill(5).attended().open();
    for n in 1..6 {
        let (seq, _) = opened.next_line().await.expect("the scene goes on");
        settle(&opened).await;
        assert_eq!(lines(&opened.log.events()).len(), n);
        opened.performance.director.shown(seq);
    }
    opened.performance.director.stop();
    opened.watch().await.1.expect("the log takes everything");
}

#[tokio::test(start_paused = true)]
async fn a_paused_scene_goes_on_by_single_steps() {
    let mut opened = Stage::windmill(5).attended().open();
    show_lines(&mut opened, 2).await;
    let director = opened.performance.director.clone();
    let (seq, _) = opened.next_line().await.expect("the scene goes on");
    director.pause().await;
    director.shown(seq);
    settle(&opened).await;
    assert_eq!(lines(&opened.log.events()).len(), 3);
    for n in 4..7 {
        director.step().await;
        let (seq, _) = opened.next_line().await.expect("a step is one line");
        director.shown(seq);
        settle(&opened).await;
        assert_eq!(lines(&opened.log.events()).len(), n);
    }
    director.resume().await;
    let log = opened.log.clone();
    let (_, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    // Pausing and stepping leave no trace.
    let unbroken = Stage::windmill(5).open();
    let whole = unbroken.log.clone();
    unbroken.watch().await.1.expect("the log takes everything");
    assert_eq!(log.jsonl(), whole.jsonl());
}

#[tokio::test(start_paused = true)]
async fn a_users_line_is_logged_heard_by_all_and_answered_next() {
    for seed in 0..20 {
        let mut opened = Stage::windmill(seed).attended().open();
        let log = opened.log.clone();
        let rodrigo = opened.notes_of("rodrigo");
        show_lines(&mut opened, 4).await;
        let director = opened.performance.director.clone();
        let (seq, _) = opened.next_line().await.expect("the scene goes on");
        let said = director
            .say(
                id("ines"),
                Some(" coldly ".to_owned()),
                " Swear it, Rodrigo. ".to_owned(),
            )
            .await;
        assert_eq!(said, Ok(()));
        director.shown(seq);
        let (_, ended) = opened.watch().await;
        assert_eq!(
            ended.expect("the log takes everything").reason,
            EndReason::Concluded
        );
        let events = log.events();
        let injected = lines_of(&events, Provenance::Injected);
        let [injected] = injected.as_slice() else {
            panic!("one line was said");
        };
        assert_eq!(injected.utterance.turn, 5);
        assert_eq!(injected.utterance.delivery.as_deref(), Some("coldly"));
        assert_eq!(injected.utterance.text, "Swear it, Rodrigo.");
        let at = events
            .iter()
            .position(|event| matches!(event.kind, EventKind::Command { .. }))
            .expect("the command is logged");
        assert_eq!(
            events[at].kind,
            EventKind::Command {
                command: Command::Say {
                    speaker: id("ines"),
                    delivery: Some("coldly".to_owned()),
                    text: "Swear it, Rodrigo.".to_owned()
                }
            }
        );
        assert!(matches!(
            events[at + 1].kind,
            EventKind::SpeakerChosen {
                because: Because::Injected,
                ..
            }
        ));
        let all = lines(&events);
        let answer = all
            .iter()
            .find(|spoken| spoken.utterance.turn == 6)
            .expect("the scene goes on");
        assert_eq!(answer.utterance.provenance, Provenance::Generated);
        assert_ne!(answer.utterance.speaker, id("ines"), "the others answer");
        let heard = rodrigo.heard.lock().expect("the voices are gone");
        assert!(heard.contains(&injected.utterance));
    }
}

#[tokio::test(start_paused = true)]
async fn an_addressed_character_answers_more_often_than_not() {
    let mut answers = 0;
    for seed in 0..40 {
        let mut stage = Stage::windmill(seed).attended();
        // All three are here from the start, so that there is a choice.
        stage.scene.absent.clear();
        stage.scene.beats[1].enter.clear();
        stage.scene.beats[0].speakers.clear();
        let mut opened = stage.open();
        show_lines(&mut opened, 4).await;
        let director = opened.performance.director.clone();
        let (seq, _) = opened.next_line().await.expect("the scene goes on");
        director
            .say(id("ines"), None, "And you, don anselmo?".to_owned())
            .await
            .expect("the line fits");
        director.shown(seq);
        show_lines(&mut opened, 1).await;
        let (_, answer) = opened.next_line().await.expect("the scene goes on");
        answers += u32::from(answer.utterance.speaker == id("anselmo"));
        director.stop();
        opened.watch().await.1.expect("the log takes everything");
    }
    assert!((22..40).contains(&answers), "{answers}");
}

#[tokio::test(start_paused = true)]
async fn a_users_line_is_said_even_while_paused_and_its_answer_waits() {
    let mut opened = Stage::windmill(5).attended().open();
    let director = opened.performance.director.clone();
    show_lines(&mut opened, 2).await;
    let (seq, _) = opened.next_line().await.expect("the scene goes on");
    director.pause().await;
    director.shown(seq);
    director
        .say(id("anselmo"), None, "Stop the wedding!".to_owned())
        .await
        .expect("even from the wings");
    let (seq, spoken) = opened.next_line().await.expect("the line is said");
    assert_eq!(spoken.utterance.text, "Stop the wedding!");
    director.shown(seq);
    settle(&opened).await;
    assert_eq!(lines(&opened.log.events()).len(), 4);
    director.step().await;
    let (_, answer) = opened.next_line().await.expect("a step is one line");
    assert_eq!(answer.utterance.provenance, Provenance::Generated);
    director.stop();
    opened.watch().await.1.expect("the log takes everything");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_said_is_refused_with_a_reason() {
    let mut opened = Stage::windmill(5).attended().open();
    let director = opened.performance.director.clone();
    let (_, _) = opened.next_line().await.expect("the scene goes on");
    let stranger = director.say(id("inez"), None, "Hello.".to_owned()).await;
    assert_eq!(
        stranger.expect_err("nobody is called that").to_string(),
        "nobody called `inez` is in the cast: narrator, ines, rodrigo, anselmo"
    );
    let empty = director.say(id("ines"), None, " … ".to_owned()).await;
    assert_eq!(empty, Err(Refusal::Empty));
    director.stop();
    opened.watch().await.1.expect("the log takes everything");
}

#[tokio::test(start_paused = true)]
async fn a_user_who_talks_without_end_cannot_talk_the_ending_away() {
    let mut stage = Stage::windmill(5).attended();
    stage.scene.max_lines = 25;
    let mut opened = stage.open();
    let log = opened.log.clone();
    let director = opened.performance.director.clone();
    let mut n_said = 0;
    let mut n_refused = 0;
    while let Some(event) = opened.performance.events.recv().await {
        if matches!(event.kind, EventKind::Utterance(_)) {
            let line = format!("And another thing, number {n_said}.");
            match director.say(id("ines"), None, line).await {
                Ok(()) => n_said += 1,
                Err(Refusal::NoRoom) => n_refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        director.shown(event.seq);
    }
    let ended = opened
        .performance
        .ended
        .await
        .expect("the director does not panic");
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    let events = log.events();
    assert_eq!(lines(&events).len(), 25);
    assert_eq!(lines_of(&events, Provenance::Injected).len(), n_said);
    assert_eq!(lines_of(&events, Provenance::Authored).len(), 6);
    assert!(n_said > 10 && n_refused > 0);
}

#[tokio::test(start_paused = true)]
async fn a_screen_that_stands_still_holds_the_scene_and_a_stop_gets_through() {
    let mut stage = Stage::windmill(5);
    // Long enough to fill every channel.
    stage.scene.max_lines = 400;
    (
        stage.scene.beats[1].min_lines,
        stage.scene.beats[1].max_lines,
    ) = (300, 300);
    let opened = stage.open();
    // 64 events wait in the channel; the next one has been written and waits for a place.
    opened.log.reaches(65).await;
    settle(&opened).await;
    assert_eq!(opened.log.events().len(), 65);
    // It still listens.
    let director = opened.performance.director.clone();
    director
        .say(id("ines"), None, "Is anybody there?".to_owned())
        .await
        .expect("the line is taken");
    director.stop();
    // The receiver is held, and never read.
    let ended = opened
        .performance
        .ended
        .await
        .expect("the director does not panic");
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Stopped
    );
    assert!(matches!(
        opened.log.events().last().map(|event| &event.kind),
        Some(EventKind::PerformanceEnded { .. })
    ));
    drop(opened.performance.events);
}

#[tokio::test(start_paused = true)]
async fn a_slow_screen_gets_every_event_in_order() {
    let mut opened = Stage::windmill(5).open();
    let mut seen = Vec::new();
    while let Some(event) = opened.performance.events.recv().await {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        seen.push(event);
    }
    assert_eq!(seen, opened.log.events());
}

#[tokio::test(start_paused = true)]
async fn a_users_line_that_comes_while_a_voice_thinks_is_said_first() {
    let (part, release, mut working) = hang();
    let mut opened = Stage::windmill(5).part("rodrigo", part).open();
    let log = opened.log.clone();
    let director = opened.performance.director.clone();
    working.recv().await.expect("he is asked for takes");
    director
        .say(id("narrator"), None, "Hush, dear viewer.".to_owned())
        .await
        .expect("the line fits");
    for _ in 0..100 {
        // The end may come first, and then nobody waits for more.
        let _ = release.send(());
    }
    while opened.performance.events.recv().await.is_some() {}
    let ended = opened
        .performance
        .ended
        .await
        .expect("the director does not panic");
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    let events = log.events();
    let said_at = events
        .iter()
        .position(|event| matches!(event.kind, EventKind::Command { .. }))
        .expect("the command is logged");
    let EventKind::SpeakerChosen { turn, speaker, .. } = &events[said_at - 1].kind else {
        panic!("he had been given the floor");
    };
    assert_eq!(*speaker, id("rodrigo"));
    let EventKind::SpeakerChosen { turn: same, .. } = &events[said_at + 1].kind else {
        panic!("the narrator is given the floor");
    };
    assert_eq!(turn, same, "his turn is the narrator's now");
}

/// Plays with an audience that says these lines, each while the line of that turn is being shown, and fidgets as the draws want.
async fn play_with(seed: u64, says: &[(u64, &str, String)], fidget: Option<u64>) -> String {
    let mut opened = Stage::windmill(seed).attended().open();
    let director = opened.performance.director.clone();
    let mut draws = fidget.map(Draws::new);
    while let Some((seq, spoken)) = opened.next_line().await {
        for (turn, speaker, text) in says {
            if *turn == spoken.utterance.turn {
                let said = director.say(id(speaker), None, text.clone()).await;
                assert_eq!(said, Ok(()));
            }
        }
        match draws.as_mut().and_then(|draws| draws.below(3)) {
            Some(0) => {
                director.pause().await;
                director.shown(seq);
                settle(&opened).await;
                director.resume().await;
            }
            Some(1) => {
                director.step().await;
                director.shown(seq);
                director.resume().await;
            }
            _ => director.shown(seq),
        }
    }
    let ended = opened
        .performance
        .ended
        .await
        .expect("the director does not panic");
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    opened.log.jsonl()
}

#[tokio::test(start_paused = true)]
async fn the_same_lines_at_the_same_places_make_the_same_log() {
    for seed in 0..12 {
        let mut draws = Draws::new(seed);
        let says: Vec<(u64, &str, String)> = (0..4)
            .map(|n| {
                let turn = draws.below(14).expect("14 is above 0") as u64;
                let who = ["narrator", "ines", "rodrigo", "anselmo"][draws.below(4).unwrap_or(0)];
                (turn, who, format!("Listen to me, Rodrigo, {n} times."))
            })
            .collect();
        let log = play_with(seed, &says, None).await;
        assert_eq!(log, play_with(seed, &says, Some(seed)).await);
        assert_eq!(
            log.matches("\"injected\"").count(),
            8,
            "the floor and the line of each"
        );
    }
}

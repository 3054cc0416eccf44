//! Scenes that follow each other: what is carried along, and where the audience is left hanging.

use telenovela_script::cut::standing;
use telenovela_script::event::{EndReason, Event, EventKind, Provenance, ThreadState};
use telenovela_script::mood::Mood;
use telenovela_script::scene::{
    Beat, Cliffhanger, Scene, SceneId, Secret, SecretId, ThreadId, TurnPolicy,
};
use telenovela_stage::director::Again;

use crate::scripted::Part;
use crate::theatre::{Log, Opened, Stage, authored, beat, id, lines, windmill};

/// The beat that a reader of episodes puts at the end of a scene: one line of somebody's own, which is cut off.
fn cliffhanger() -> Beat {
    let mut beat = beat("cliffhanger", 1, 1);
    beat.interruptions = Some(1.0);
    beat.tension = 1.0;
    beat.policy = Some(TurnPolicy::Weighted);
    beat.speakers = ["ines", "anselmo"].map(|who| (id(who), 0.0)).to_vec();
    beat.prime = vec![(id("rodrigo"), vec!["I never told you that the".to_owned()])];
    beat.done_when.everybody = false;
    beat.cliffhanger = Some(Cliffhanger {
        thread: ThreadId::new("them"),
        card: "To be continued…".to_owned(),
    });
    beat
}

/// The windmill up to the storm, then the storm without Rodrigo and in the order of another cast.
fn episode(seed: u64) -> Stage {
    let whole = windmill();
    let mut first = whole.clone();
    first.beats.truncate(2);
    first.beats.push(cliffhanger());
    for thread in &mut first.threads {
        thread.carried = true;
    }
    let mut second = Scene {
        id: SceneId::new("beach"),
        title: "The Beach".to_owned(),
        ..whole
    };
    second.cast = ["narrator", "anselmo", "ines"].map(id).to_vec();
    second.absent.clear();
    second.beats.drain(..2);
    second.beats[0].speakers.clear();
    for thread in &mut second.threads {
        thread.open = true;
    }
    let mut stage = Stage::windmill(seed);
    stage.scene = first;
    stage.sequel = vec![second];
    stage
}

async fn played(stage: Stage) -> Vec<Event> {
    let opened = stage.open();
    let log = opened.log.clone();
    let ended = opened.watch().await.1.expect("the log takes everything");
    assert_eq!(ended.reason, EndReason::Concluded);
    assert!(
        ended
            .threads
            .iter()
            .all(|thread| thread.state == ThreadState::Resolved)
    );
    log.events()
}

fn place(events: &[Event], is_it: impl Fn(&EventKind) -> bool) -> usize {
    let found = events.iter().position(|event| is_it(&event.kind));
    found.expect("it happens")
}

#[tokio::test(start_paused = true)]
async fn a_scene_ends_on_a_cliffhanger_and_the_next_begins_with_its_own_cast() {
    for seed in 0..20 {
        let events = played(episode(seed)).await;
        let hangs = place(&events, |kind| {
            matches!(kind, EventKind::Cliffhanger { .. })
        });
        let last = lines(&events[..hangs]).pop().expect("lines were said");
        assert!(
            last.utterance.text.ends_with('—'),
            "{}",
            last.utterance.text
        );
        assert!(last.full_text.is_some());
        assert_eq!(last.utterance.speaker, id("rodrigo"));
        let EventKind::SceneEntered {
            scene,
            index,
            on_stage,
            ..
        } = &events[hangs + 1].kind
        else {
            panic!("another scene begins: {:?}", events[hangs + 1].kind);
        };
        assert_eq!((scene.as_str(), *index), ("beach", 1));
        assert_eq!(*on_stage, ["narrator", "anselmo", "ines"].map(id));
        let after = lines(&events[hangs..]);
        assert!(
            after
                .iter()
                .all(|line| line.utterance.speaker != id("rodrigo"))
        );
        assert!(after.iter().all(|line| line.id.starts_with("beach-")));
        let turns: Vec<u64> = lines(&events)
            .iter()
            .map(|line| line.utterance.turn)
            .collect();
        let in_a_row: Vec<u64> = (0..turns.len() as u64).collect();
        assert_eq!(turns, in_a_row, "turns count through the episode");
        let entered: Vec<usize> = events
            .iter()
            .filter_map(|event| match event.kind {
                EventKind::BeatEntered { index, .. } => Some(index),
                _ => None,
            })
            .collect();
        assert_eq!(entered, [0, 1, 2, 3], "beats count through the episode");
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_there_remembers_and_who_was_not_has_heard_nothing() {
    let opened = episode(3).open();
    let (log, ines, rodrigo) = (
        opened.log.clone(),
        opened.notes_of("ines"),
        opened.notes_of("rodrigo"),
    );
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let heard = |notes: &crate::scripted::Notes| -> Vec<u64> {
        let heard = notes.heard.lock().expect("nobody panics");
        heard.iter().map(|line| line.turn).collect()
    };
    let all = lines(&events).len() as u64;
    let of_first = events
        .iter()
        .take_while(|event| !matches!(event.kind, EventKind::Cliffhanger { .. }))
        .filter(|event| matches!(event.kind, EventKind::Utterance(_)))
        .count() as u64;
    assert_eq!(heard(&ines), (0..all).collect::<Vec<u64>>());
    assert_eq!(heard(&rodrigo), (0..of_first).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_revealed_primes_nobody_in_a_later_scene() {
    for is_revealed in [false, true] {
        let mut primed = 0;
        for seed in 0..20 {
            let mut stage = episode(seed);
            let secret = Secret {
                id: SecretId::new("name"),
                known_by: vec![id("ines")],
                prime: vec!["His name is".to_owned()],
            };
            if is_revealed {
                stage.scene.beats[1].reveals = vec![secret.id.clone()];
            }
            stage.sequel[0].secrets = vec![secret];
            let opened = stage.open();
            let ines = opened.notes_of("ines");
            opened.watch().await.1.expect("the log takes everything");
            let cues = ines.cues.lock().expect("nobody panics");
            primed += cues
                .iter()
                .filter(|cue| cue.prime.as_deref() == Some("His name is"))
                .count();
        }
        assert_eq!(primed == 0, is_revealed, "{primed}");
    }
}

/// Shows so many lines.
async fn show(opened: &mut Opened, n: usize) {
    for _ in 0..n {
        let (seq, _) = opened.next_line().await.expect("the episode goes on");
        opened.performance.director.shown(seq);
    }
}

/// Shows everything up to the first line of the second scene.
async fn show_first_scene(opened: &mut Opened) -> u64 {
    loop {
        let (seq, line) = opened.next_line().await.expect("the episode goes on");
        opened.performance.director.shown(seq);
        if line.id.starts_with("beach-") {
            return line.utterance.turn;
        }
    }
}

/// An evening on which the user reaches from the second scene into the first and back.
async fn eventful(seed: u64) -> Log {
    let mut opened = episode(seed)
        .part("anselmo", Part::PanicSpeaking)
        .attended()
        .open();
    let (director, log) = (opened.performance.director.clone(), opened.log.clone());
    show(&mut opened, 5).await;
    director
        .give_mood(id("ines"), Mood::Angrier)
        .await
        .expect("she is there");
    let turn = show_first_scene(&mut opened).await;
    director.retake(3).await.expect("the line was generated");
    director
        .edit(turn - 1, None, "Nobody told me.".to_owned())
        .await
        .expect("it was said");
    show(&mut opened, 1).await;
    director.rewind(4).await.expect("the line was said");
    show(&mut opened, 2).await;
    show_first_scene(&mut opened).await;
    director.rewind(turn - 1).await.ok();
    opened.watch().await.1.expect("the log takes everything");
    log
}

#[tokio::test(start_paused = true)]
async fn the_user_may_reach_back_into_an_earlier_scene_and_all_of_it_is_verified() {
    for seed in 0..4 {
        let whole = eventful(seed).await;
        let standing = standing(&whole.events());
        let scenes = standing
            .iter()
            .filter(|event| matches!(event.kind, EventKind::SceneEntered { .. }));
        assert_eq!(
            scenes.count(),
            2,
            "what counts is one way through the episode"
        );
        let stage = episode(seed).part("anselmo", Part::PanicSpeaking);
        let opened = stage.after(&whole.events(), Again::Verify).open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        assert_eq!(log.jsonl(), whole.jsonl());
    }
}

#[tokio::test(start_paused = true)]
async fn an_episode_that_broke_off_anywhere_goes_on_to_the_same_bytes() {
    let whole = Log::holding(&played(episode(8)).await);
    let events = whole.events();
    for upto in 1..events.len() {
        let log = Log::holding(&events[..upto]);
        let stage = episode(8).after(&events[..upto], Again::Resume);
        let opened = stage
            .open_with(log.clone(), log.clone())
            .expect("the production is complete");
        opened.watch().await.1.expect("the past leads here");
        assert_eq!(log.jsonl(), whole.jsonl(), "resumed after {upto}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mood_is_carried_into_the_next_scene() {
    let mut stage = episode(5).attended();
    stage.scene.beats[1].must_say.clear();
    stage.scene.beats[1].speakers = vec![(id("ines"), 0.0)];
    let mut opened = stage.open();
    let (director, log) = (opened.performance.director.clone(), opened.log.clone());
    loop {
        let (seq, line) = opened.next_line().await.expect("the episode goes on");
        if line.beat.as_str() == "confession" {
            // From here to the end of the scene she says nothing.
            let given = director.give_mood(id("ines"), Mood::Angrier).await;
            given.expect("she is in the cast");
            director.shown(seq);
            break;
        }
        director.shown(seq);
    }
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let hangs = place(&events, |kind| {
        matches!(kind, EventKind::Cliffhanger { .. })
    });
    let mood = events[hangs..].iter().find_map(|event| match &event.kind {
        EventKind::SpeakerChosen { candidates, .. } => candidates
            .iter()
            .find(|candidate| candidate.character == id("ines"))
            .map(|candidate| candidate.mood),
        _ => None,
    });
    assert_eq!(mood, Some(1.6));
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_its_voice_stays_away_from_the_scenes_that_follow() {
    let mut stage = episode(2).part("ines", Part::Refuse);
    stage.character("ines").fallback_lines.clear();
    stage.sequel[0].beats[0].open_with = vec![authored("ines", "I am here all the same.")];
    let events = played(stage).await;
    let on_stage = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::SceneEntered { on_stage, .. } => Some(on_stage.clone()),
        _ => None,
    });
    assert_eq!(on_stage, Some(["narrator", "anselmo"].map(id).to_vec()));
    let said = lines(&events);
    let authored = said
        .iter()
        .filter(|line| line.utterance.provenance == Provenance::Authored);
    assert!(
        authored
            .into_iter()
            .any(|line| line.utterance.text == "I am here all the same."),
        "what the author wrote for her is said"
    );
}

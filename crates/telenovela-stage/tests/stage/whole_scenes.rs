//! Scenes from the first event to the last.

use telenovela_script::event::{
    Because, EndReason, EventKind, LeaveReason, Provenance, ThreadState,
};

use crate::theatre::{Stage, id, lines, lines_of};

#[tokio::test(start_paused = true)]
async fn a_scene_plays_through_and_every_loose_end_is_tied_up() {
    let opened = Stage::windmill(7).open();
    let log = opened.log.clone();
    let (seen, ended) = opened.watch().await;
    let ended = ended.expect("the log takes everything");
    let events = log.events();
    assert_eq!(seen, events, "the screen sees what the log holds");
    assert!(
        events
            .iter()
            .enumerate()
            .all(|(n, event)| event.seq == n as u64)
    );
    assert!(events.is_sorted_by_key(|event| event.at_ms));
    assert!(matches!(events[0].kind, EventKind::PerformanceStarted(_)));
    let Some(EventKind::PerformanceEnded {
        reason,
        card,
        threads,
        generated_words,
        authored_words,
    }) = events.last().map(|event| &event.kind)
    else {
        panic!("the last event says that it ended");
    };
    assert_eq!(*reason, EndReason::Concluded);
    assert_eq!(card, "THE END");
    assert_eq!(threads, &ended.threads);
    for thread in threads {
        assert_eq!(thread.state, ThreadState::Resolved);
        assert!(thread.resolution.is_some());
    }
    // "You're late. I signed a paper. What paper, Rodrigo? That was weather.": the narrator is left out.
    assert_eq!(*authored_words, 12);
    let expected: usize = lines_of(&events, Provenance::Generated)
        .iter()
        .map(|spoken| spoken.utterance.text.split(' ').count())
        .sum();
    assert_eq!(*generated_words, expected as u64);
    assert_eq!(ended.hung, []);
    assert_eq!(ended.n_utterances, lines(&events).len() as u64);
}

#[tokio::test(start_paused = true)]
async fn authored_lines_stand_where_the_author_put_them() {
    for seed in 0..20 {
        let opened = Stage::windmill(seed).open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        let events = log.events();
        let said = lines(&events);
        let in_beat = |beat: &str| -> Vec<Provenance> {
            said.iter()
                .filter(|spoken| spoken.beat.as_str() == beat)
                .map(|spoken| spoken.utterance.provenance)
                .collect()
        };
        use Provenance::{Authored, Generated};
        assert_eq!(in_beat("waiting")[..3], [Authored, Authored, Generated]);
        // Two lines that must be said, due after two and four of four to six: at their place or one line later, and nobody answers themselves.
        let confession = in_beat("confession");
        let at: Vec<usize> = (0..confession.len())
            .filter(|at| confession[*at] == Authored)
            .collect();
        assert!(matches!(at[..], [2 | 3, 5 | 6]), "{confession:?}");
        for pair in said
            .windows(2)
            .filter(|pair| pair[1].beat.as_str() == "confession")
        {
            assert_ne!(pair[0].utterance.speaker, pair[1].utterance.speaker);
        }
        let storm = in_beat("storm");
        assert_eq!(storm[storm.len() - 2..], [Authored, Authored]);
        assert!(storm[..storm.len() - 2].iter().all(|p| *p == Generated));
        for (beat, min, max) in [("waiting", 4, 6), ("confession", 4, 6), ("storm", 3, 5)] {
            let generated = in_beat(beat).iter().filter(|p| **p == Generated).count();
            assert!((min..=max).contains(&generated), "{beat}: {generated}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_absent_neither_speaks_nor_hears() {
    let opened = Stage::windmill(3).open();
    let log = opened.log.clone();
    let anselmo = opened.notes_of("anselmo");
    let narrator = opened.notes_of("narrator");
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let position = |wanted: &EventKind| {
        events
            .iter()
            .position(|event| event.kind == *wanted)
            .expect("it happened")
    };
    let entered = position(&EventKind::StageEntered {
        character: id("anselmo"),
    });
    let left = position(&EventKind::StageLeft {
        character: id("anselmo"),
        reason: LeaveReason::Exit,
    });
    let heard = anselmo.heard.lock().expect("the voices are gone");
    let meanwhile: Vec<_> = lines(&events[entered..left])
        .into_iter()
        .map(|spoken| spoken.utterance.clone())
        .collect();
    assert_eq!(
        *heard, meanwhile,
        "every line while he was here, his own too"
    );
    for spoken in lines(&events[..entered])
        .iter()
        .chain(&lines(&events[left..]))
    {
        assert_ne!(spoken.utterance.speaker, id("anselmo"));
    }
    let narrator_heard = narrator.heard.lock().expect("the voices are gone").len();
    assert_eq!(narrator_heard, lines(&events).len());
}

#[tokio::test(start_paused = true)]
async fn a_voice_from_offstage_speaks_only_when_asked_for() {
    for seed in 0..10 {
        let mut stage = Stage::windmill(seed);
        stage.scene.beats[1].speakers = vec![(id("narrator"), 1.0)];
        let opened = stage.open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        let generated: Vec<String> = lines_of(&log.events(), Provenance::Generated)
            .iter()
            .filter(|spoken| spoken.utterance.speaker == id("narrator"))
            .map(|spoken| spoken.beat.to_string())
            .collect();
        assert!(!generated.is_empty() || seed > 0);
        assert!(generated.iter().all(|beat| beat == "confession"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_opening_is_insisted_on_once_and_not_always() {
    let mut primed = Vec::new();
    for seed in 0..40 {
        let opened = Stage::windmill(seed).open();
        let rodrigo = opened.notes_of("rodrigo");
        opened.watch().await.1.expect("the log takes everything");
        let cues = rodrigo.cues.lock().expect("the voices are gone");
        let primes: Vec<String> = cues.iter().filter_map(|cue| cue.prime.clone()).collect();
        assert!(
            primes.len() <= 1,
            "only his first line of one beat has openings"
        );
        primed.extend(primes);
    }
    assert!((8..=32).contains(&primed.len()), "{}", primed.len());
    assert!(primed.iter().any(|prime| prime == "I ran"));
    assert!(primed.iter().any(|prime| prime == "Oh, Inés"));
}

#[tokio::test(start_paused = true)]
async fn a_cue_carries_the_beat_and_all_that_was_said() {
    let opened = Stage::windmill(5).open();
    let log = opened.log.clone();
    let ines = opened.notes_of("ines");
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let all: Vec<&str> = lines(&events)
        .iter()
        .map(|spoken| spoken.utterance.text.as_str())
        .collect();
    let cues = ines.cues.lock().expect("the voices are gone");
    assert!(!cues.is_empty());
    for cue in cues.iter() {
        assert_eq!(cue.said, all[..cue.said.len()]);
        if cue.beat.as_str() == "storm" {
            assert_eq!(cue.motifs, ["goodbye"]);
            assert!((cue.sampling.temperature - 0.8 * (0.9 + 0.25 * 0.95)).abs() < 1e-6);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_take_with_the_highest_total_is_kept_and_the_others_are_logged() {
    let opened = Stage::windmill(11).open();
    let log = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    for spoken in lines_of(&events, Provenance::Generated) {
        let kept = spoken.kept.expect("a generated line is a take");
        assert_eq!(spoken.takes.len(), 3);
        assert_eq!(spoken.takes[kept].text, spoken.utterance.text);
        assert_eq!(spoken.takes[kept].delivery, spoken.utterance.delivery);
        let best = spoken
            .takes
            .iter()
            .map(|take| take.score.total)
            .fold(f32::MIN, f32::max);
        assert_eq!(spoken.takes[kept].score.total, best);
        assert_eq!(spoken.id, format!("windmill-{}", spoken.utterance.turn));
    }
}

#[tokio::test(start_paused = true)]
async fn every_line_follows_the_event_that_gives_it_the_floor() {
    let opened = Stage::windmill(13).open();
    let log = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    for pair in events.windows(2) {
        if let EventKind::Utterance(spoken) = &pair[1].kind {
            let EventKind::SpeakerChosen {
                turn,
                speaker,
                because,
                candidates,
                ..
            } = &pair[0].kind
            else {
                panic!("{:?} stands before a line", pair[0].kind);
            };
            assert_eq!(*turn, spoken.utterance.turn);
            assert_eq!(*speaker, spoken.utterance.speaker);
            match spoken.utterance.provenance {
                Provenance::Authored => {
                    assert_eq!((*because, candidates.len()), (Because::Authored, 0));
                }
                _ => {
                    assert_eq!(*because, Because::Policy);
                    let chosen = candidates.iter().find(|c| c.character == *speaker);
                    assert!(chosen.is_some_and(|candidate| candidate.weight > 0.0));
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_beat_ends_early_once_its_motif_was_heard_and_everybody_weighted_has_spoken() {
    let mut lengths = Vec::new();
    for seed in 0..60 {
        let mut stage = Stage::windmill(seed);
        // The author's own moon does not count.
        stage.scene.beats[0].open_with[1].text = "The moon was on time.".to_owned();
        let opened = stage.open();
        let log = opened.log.clone();
        opened.watch().await.1.expect("the log takes everything");
        let events = log.events();
        let waiting: Vec<_> = lines(&events)
            .into_iter()
            .filter(|spoken| spoken.beat.as_str() == "waiting")
            .collect();
        let generated = waiting.len() - 2;
        let ripe_at = (2..=waiting.len()).find(|n| {
            let heard = waiting[2..*n]
                .iter()
                .any(|spoken| spoken.utterance.text.contains("moon"));
            let rodrigo = waiting[..*n]
                .iter()
                .any(|spoken| spoken.utterance.speaker == id("rodrigo"));
            heard && rodrigo
        });
        let expected = ripe_at.map_or(6, |n| (n - 2).clamp(4, 6));
        assert_eq!(generated, expected, "seed {seed}");
        lengths.push(generated);
    }
    assert!(lengths.contains(&4) && lengths.contains(&6), "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn time_is_counted_from_pauses_and_pace() {
    let opened = Stage::windmill(1).open();
    let log = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    let events = log.events();
    let mut clock = 0;
    for event in &events {
        if let EventKind::Utterance(spoken) = &event.kind {
            clock += spoken.utterance.pause_ms;
            assert_eq!(event.at_ms, clock);
            clock += (spoken.utterance.text.chars().count() as f64 * 1000.0 / f64::from(spoken.cps))
                .round() as u64;
        } else {
            assert_eq!(event.at_ms, clock);
        }
    }
    let tears = lines(&events)
        .into_iter()
        .find(|spoken| spoken.utterance.text == "That was weather.")
        .expect("the author wrote it");
    assert_eq!(
        tears.utterance.pause_ms, 2_000,
        "the author has the last word"
    );
}

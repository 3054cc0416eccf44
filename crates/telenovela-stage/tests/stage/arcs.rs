//! What tension does, how speakers are chosen beat by beat, and what a beat waits for.

use telenovela_script::event::{Because, Command, EndReason, EventKind, Provenance};
use telenovela_script::scene::{Secret, SecretId, TurnPolicy, Waiting};
use telenovela_script::show::PlotLineId;
use telenovela_stage::error::Refusal;
use telenovela_stage::timing;

use crate::scripted::Part;
use crate::theatre::{Stage, beat, id, lines, lines_of};

/// A scene of one beat for everybody on stage, with nothing authored in it.
fn one_beat(seed: u64, min: u32, max: u32) -> Stage {
    let mut stage = Stage::windmill(seed);
    stage.scene.absent.clear();
    stage.scene.threads.clear();
    stage.scene.beats = vec![beat("only", min, max)];
    stage
}

#[tokio::test(start_paused = true)]
async fn thunder_cuts_people_off_and_calm_lets_them_finish() {
    let mut n_cut = 0;
    for (tension, seeds) in [(0.0, 0..10), (1.0, 10..40)] {
        for seed in seeds {
            let mut stage = one_beat(seed, 12, 12);
            stage.scene.beats[0].tension = tension;
            let hearing = stage.scene.cast[1].clone();
            let opened = stage.open();
            let (log, notes) = (opened.log.clone(), opened.notes_of(hearing.as_str()));
            opened.watch().await.1.expect("the log takes everything");
            let events = log.events();
            let said = lines(&events);
            for (n, spoken) in said.iter().enumerate() {
                let heard = &spoken.utterance.text;
                let Some(full) = &spoken.full_text else {
                    continue;
                };
                assert!(tension > 0.0, "{heard}");
                n_cut += 1;
                let cut = heard.strip_suffix('—').expect("a dash tells where");
                assert!(full.starts_with(cut) && full.len() > heard.len());
                let next = said.get(n + 1).expect("the last line is never cut off");
                assert_ne!(next.utterance.speaker, spoken.utterance.speaker);
                assert_eq!(next.utterance.pause_ms, 60);
                let all = notes.heard.lock().expect("nobody panics");
                assert_eq!(all[n].text, *heard, "only what was heard is heard");
            }
        }
    }
    assert!(n_cut > 10, "{n_cut}");
}

#[tokio::test(start_paused = true)]
async fn the_higher_the_tension_the_more_often_a_delivery_is_asked_for() {
    let mut asked = Vec::new();
    for tension in [0.0, 0.5, 1.0] {
        let mut n_asked = 0;
        for seed in 0..20 {
            let mut stage = one_beat(seed, 10, 10);
            stage.scene.beats[0].tension = tension;
            stage.scene.beats[0].deliveries = vec!["icily".to_owned(), "howling".to_owned()];
            let opened = stage.open();
            let log = opened.log.clone();
            opened.watch().await.1.expect("the log takes everything");
            let events = log.events();
            let said = lines(&events);
            let how = |spoken: &&telenovela_script::event::Spoken| {
                matches!(
                    spoken.utterance.delivery.as_deref(),
                    Some("icily" | "howling")
                )
            };
            n_asked += said.iter().copied().filter(|spoken| how(spoken)).count();
            for pair in said.windows(2).filter(|pair| how(&pair[0])) {
                assert_ne!(pair[0].utterance.delivery, pair[1].utterance.delivery);
            }
        }
        asked.push(n_asked);
    }
    assert_eq!(asked[0], 0);
    assert!(asked[1] > 30 && asked[1] < 70, "{asked:?}");
    assert!(asked[2] > 80 && asked[2] < 120, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn tension_sets_the_pace_and_the_cue_carries_the_plot_lines() {
    let stage = Stage::windmill(3);
    let beats = stage.scene.beats.clone();
    let opened = stage.open();
    let (log, notes) = (opened.log.clone(), opened.notes_of("ines"));
    opened.watch().await.1.expect("the log takes everything");
    for spoken in lines(&log.events()) {
        let beat = beats.iter().find(|beat| beat.id == spoken.beat);
        let tension = beat.expect("lines are spoken in beats").tension;
        assert_eq!(spoken.cps, timing::pace(30.0, tension));
    }
    for cue in notes.cues.lock().expect("nobody panics").iter() {
        let mixed = [(PlotLineId::new("lost-love"), 0.3)];
        let of_first = cue.beat.as_str() == "waiting";
        assert_eq!(cue.plot, if of_first { &mixed[..] } else { &[] });
    }
}

#[tokio::test(start_paused = true)]
async fn each_beat_may_choose_its_speakers_in_its_own_way() {
    let mut stage = one_beat(5, 4, 4);
    stage.scene.policy = TurnPolicy::List;
    stage.scene.order = ["rodrigo", "ines", "ines"].map(id).to_vec();
    let mut second = beat("second", 3, 3);
    second.policy = Some(TurnPolicy::RoundRobin);
    let mut third = beat("third", 3, 3);
    third.order = vec![id("anselmo"), id("rodrigo")];
    stage.scene.beats.extend([second, third]);
    let opened = stage.open();
    let log = opened.log.clone();
    opened.watch().await.1.expect("the log takes everything");
    let spoke: Vec<String> = lines(&log.events())
        .iter()
        .map(|spoken| spoken.utterance.speaker.to_string())
        .collect();
    assert_eq!(spoke[..4], ["rodrigo", "ines", "ines", "rodrigo"]);
    assert_eq!(spoke[4..7], ["anselmo", "ines", "rodrigo"]);
    assert_eq!(spoke[7..], ["anselmo", "rodrigo", "anselmo"]);
}

#[tokio::test(start_paused = true)]
async fn a_beat_waits_for_what_it_says_and_not_beyond_its_maximum() {
    let length = |waiting: Waiting, part: Part| async move {
        let mut stage = one_beat(11, 2, 9).part("ines", part);
        stage.scene.policy = TurnPolicy::List;
        stage.scene.order = ["rodrigo", "anselmo", "rodrigo", "ines"].map(id).to_vec();
        stage.scene.beats[0].done_when = waiting;
        let opened = stage.open();
        let log = opened.log.clone();
        let ended = opened.watch().await.1.expect("the log takes everything");
        assert_eq!(ended.reason, EndReason::Concluded);
        lines(&log.events()).len()
    };
    let says = || Part::Always("I burned it.");
    let nothing = Waiting::default();
    assert_eq!(length(nothing.clone(), says()).await, 2);
    let ines = Waiting {
        speakers: vec![id("ines")],
        ..nothing.clone()
    };
    assert_eq!(length(ines.clone(), says()).await, 4);
    let burned = Waiting {
        words: vec!["burned it".to_owned()],
        ..nothing.clone()
    };
    assert_eq!(length(burned, says()).await, 4);
    let never = Waiting {
        words: vec!["yacht".to_owned()],
        ..nothing
    };
    assert_eq!(length(never, says()).await, 9);
}

#[tokio::test(start_paused = true)]
async fn the_user_chooses_under_policy_manual_and_nobody_waits_where_nobody_watches() {
    let manual = |seed| {
        let mut stage = one_beat(seed, 4, 4);
        stage.scene.policy = TurnPolicy::Manual;
        stage
    };
    let mut opened = manual(2).attended().open();
    let director = opened.performance.director.clone();
    let log = opened.log.clone();
    for who in ["anselmo", "rodrigo", "rodrigo"] {
        director
            .next_speaker(Some(id(who)))
            .await
            .expect("everybody is on stage");
        let (seq, spoken) = opened.next_line().await.expect("a choice is a line");
        assert_eq!(spoken.utterance.speaker, id(who));
        director.shown(seq);
    }
    let stranger = director.next_speaker(Some(id("nobody"))).await;
    assert!(matches!(stranger, Err(Refusal::UnknownSpeaker { .. })));
    director
        .next_speaker(None)
        .await
        .expect("the director may choose");
    let (_, ended) = opened.watch().await;
    assert_eq!(
        ended.expect("the log takes everything").reason,
        EndReason::Concluded
    );
    let events = log.events();
    let because: Vec<Because> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::SpeakerChosen { because, .. } => Some(*because),
            _ => None,
        })
        .collect();
    use Because::{Chosen, Policy};
    assert_eq!(because, [Chosen, Chosen, Chosen, Policy]);
    let commands = events.iter().filter(|event| {
        let next = |command: &Command| matches!(command, Command::NextSpeaker { .. });
        matches!(&event.kind, EventKind::Command { command } if next(command))
    });
    assert_eq!(commands.count(), 4);

    let alone = manual(2).open();
    let log = alone.log.clone();
    alone.watch().await.1.expect("the log takes everything");
    assert_eq!(lines_of(&log.events(), Provenance::Generated).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_on_stage_cannot_be_chosen() {
    let mut opened = Stage::windmill(2).attended().open();
    let (_, _) = opened.next_line().await.expect("the scene begins");
    let director = opened.performance.director.clone();
    let refused = director.next_speaker(Some(id("anselmo"))).await;
    assert_eq!(refused, Err(Refusal::CannotSpeak(id("anselmo"))));
    director.stop();
    opened.watch().await.1.expect("the log takes everything");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_on_the_lips_of_those_who_know_it_until_it_is_out() {
    let (mut n_primed, mut n_after) = (0, 0);
    for seed in 0..20 {
        let mut stage = one_beat(seed, 6, 6);
        stage.scene.secrets = vec![Secret {
            id: SecretId::new("child"),
            known_by: vec![id("ines")],
            prime: vec!["The boy".to_owned()],
        }];
        stage.scene.beats[0].reveals = vec![SecretId::new("child")];
        stage.scene.beats.push(beat("after", 6, 6));
        let opened = stage.open();
        let notes = ["ines", "rodrigo"].map(|who| opened.notes_of(who));
        opened.watch().await.1.expect("the log takes everything");
        let primed = |notes: &crate::scripted::Notes, of: &str| {
            let cues = notes.cues.lock().expect("nobody panics");
            let primed = cues
                .iter()
                .filter(|cue| cue.prime.is_some() && cue.beat.as_str() == of);
            primed.count()
        };
        n_primed += primed(&notes[0], "only");
        n_after += primed(&notes[0], "after");
        assert_eq!(primed(&notes[1], "only"), 0);
    }
    assert!(n_primed > 4 && n_after == 0, "{n_primed}, {n_after}");
}

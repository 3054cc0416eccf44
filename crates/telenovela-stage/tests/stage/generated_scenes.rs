//! Scenes drawn at random, within what validation allows: whatever the scene, it ends well.

use telenovela_script::event::{EndReason, EventKind, Provenance, ThreadState};
use telenovela_script::scene::{Scene, ThreadId, TurnPolicy};
use telenovela_stage::seed::Draws;

use crate::scripted::Part;
use crate::theatre::{Stage, authored, beat, id, lines, lines_of};

/// A scene that validation would accept.
fn draw_scene(draws: &mut Draws) -> Scene {
    let mut upto = |n: usize| draws.below(n + 1).expect("n + 1 is above 0");
    let mut scene = crate::theatre::windmill();
    scene.absent.clear();
    scene.policy = [
        TurnPolicy::Bid,
        TurnPolicy::Weighted,
        TurnPolicy::RoundRobin,
    ][upto(2)];
    scene.takes = 1 + upto(2);
    scene.beats = (0..=upto(4))
        .map(|index| {
            let min = upto(4) as u32;
            let mut beat = beat(&format!("beat-{index}"), min, min + upto(4) as u32);
            beat.tension = upto(10) as f32 / 10.0;
            let mut some = |what: &str| {
                (0..upto(2))
                    .map(|n| {
                        let by = ["narrator", "ines", "rodrigo", "anselmo"][upto(3)];
                        authored(by, &format!("{what} {index} {n} moon."))
                    })
                    .collect()
            };
            beat.open_with = some("open");
            beat.must_say = some("must");
            beat.close_with = some("close");
            if upto(1) == 1 {
                beat.motifs = vec!["thunder".to_owned()];
                beat.done_when.motifs = 1;
            }
            if upto(1) == 1 {
                beat.speakers = vec![(id("ines"), upto(2) as f32), (id("narrator"), 0.5)];
            }
            beat
        })
        .collect();
    let last = scene.beats.len() - 1;
    scene.beats[upto(last)].opens = vec![ThreadId::new("them")];
    scene.beats[last].resolves = vec![ThreadId::new("signature"), ThreadId::new("them")];
    scene.threads[0].open = true;
    let needed: u32 = scene
        .beats
        .iter()
        .map(|beat| {
            beat.min_lines
                + (beat.open_with.len() + beat.must_say.len() + beat.close_with.len()) as u32
        })
        .sum();
    scene.max_lines = needed.max(1) + upto(6) as u32;
    scene
}

#[tokio::test(start_paused = true)]
async fn whatever_the_scene_it_ends_well() {
    for seed in 0..150 {
        let mut draws = Draws::new(seed);
        let mut stage = Stage::windmill(seed);
        stage.scene = draw_scene(&mut draws);
        let scene = stage.scene.clone();
        if seed % 3 == 0 {
            let part =
                [Part::Refuse, Part::PanicSpeaking, Part::Silence][(seed / 3) as usize % 3].clone();
            stage = stage.part("rodrigo", part);
        }
        let opened = stage.open();
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
        let events = log.events();
        assert!(lines(&events).len() <= scene.max_lines as usize);
        let authored: Vec<&str> = scene
            .beats
            .iter()
            .flat_map(|beat| {
                beat.open_with
                    .iter()
                    .chain(&beat.must_say)
                    .chain(&beat.close_with)
            })
            .map(|line| line.text.as_str())
            .collect();
        let said: Vec<&str> = lines_of(&events, Provenance::Authored)
            .iter()
            .map(|spoken| spoken.utterance.text.as_str())
            .collect();
        assert_eq!(said, authored, "seed {seed}: every authored line, in order");
        for beat in &scene.beats {
            let free = lines(&events)
                .iter()
                .filter(|spoken| {
                    spoken.beat == beat.id && spoken.utterance.provenance != Provenance::Authored
                })
                .count() as u32;
            assert!(
                (beat.min_lines..=beat.max_lines).contains(&free),
                "seed {seed}, {}: {free}",
                beat.id
            );
        }
        let entered = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::BeatEntered { .. }))
            .count();
        assert_eq!(entered, scene.beats.len());
    }
}

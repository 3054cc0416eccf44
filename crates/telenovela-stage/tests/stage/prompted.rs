//! The prompter tells how a line came about, and nobody on stage notices.

use telenovela_script::event::{Provenance, Spoken};

use crate::scripted::Part;
use crate::theatre::{Opened, Stage, lines};

async fn played(part: Part) -> (Opened, Vec<Spoken>) {
    let mut opened = Stage::windmill(3).part("anselmo", part).open();
    while opened.next_line().await.is_some() {}
    let events = opened.log.events();
    let said = lines(&events).into_iter().cloned().collect();
    (opened, said)
}

#[tokio::test(start_paused = true)]
async fn a_mind_is_asked_with_what_its_character_had_heard_before_the_line() {
    let (opened, said) = played(Part::Chatter).await;
    let events = opened.log.events();
    let (mut generated, mut authored) = (0, 0);
    // Everybody of this scene is on stage from its first line on, and hears every line.
    for (n_before, spoken) in said.iter().enumerate() {
        let turn = spoken.utterance.turn;
        let told = |take| opened.prompter.explain(&events, turn, take);
        let whole = told(None).expect("everybody has a mind").tokens;
        assert_eq!(whole[0].text, spoken.utterance.text);
        if whole[0].surprise == n_before as f32 {
            generated += u32::from(spoken.utterance.provenance == Provenance::Generated);
            authored += u32::from(spoken.utterance.provenance == Provenance::Authored);
        }
        for (index, take) in spoken.takes.iter().enumerate() {
            let told = told(Some(index)).expect("the take is there");
            assert_eq!(told.tokens[0].text, take.text);
        }
        assert_eq!(told(Some(spoken.takes.len())), None);
    }
    assert!(generated > 3 && authored > 0, "{generated} {authored}");
    assert_eq!(opened.prompter.explain(&events, 9_999, None), None);
}

#[tokio::test(start_paused = true)]
async fn a_mind_that_breaks_down_is_a_copy() {
    let (opened, said) = played(Part::PanicSpeaking).await;
    let events = opened.log.events();
    let anselmo = said
        .iter()
        .find(|spoken| spoken.utterance.speaker.as_str() == "anselmo")
        .expect("somebody has written a line for him");
    let told = opened
        .prompter
        .explain(&events, anselmo.utterance.turn, None);
    assert_eq!(told, None);
    assert!(
        said.iter()
            .any(|spoken| spoken.utterance.speaker.as_str() != "anselmo")
    );
}

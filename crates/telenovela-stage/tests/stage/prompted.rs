//! The prompter tells how a line came about, and nobody on stage notices.

use telenovela_script::event::{Provenance, Spoken};

use crate::scripted::Part;
use crate::theatre::{Opened, Stage, lines};

async fn played() -> (Opened, Vec<Spoken>) {
    let mut opened = Stage::windmill(3).open();
    while opened.next_line().await.is_some() {}
    let events = opened.log.events();
    let said = lines(&events).into_iter().cloned().collect();
    (opened, said)
}

#[tokio::test(start_paused = true)]
async fn a_mind_is_asked_with_what_its_character_had_heard_before_the_line() {
    let (opened, said) = played().await;
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
    let (opened, said) = played().await;
    let events = opened.log.events();
    let broken = Stage::windmill(3).part("ines", Part::PanicSpeaking).open();
    let by_ines = |spoken: &&Spoken| spoken.utterance.speaker.as_str() == "ines";
    let turn = said
        .iter()
        .find(by_ines)
        .expect("she speaks")
        .utterance
        .turn;
    assert!(opened.prompter.explain(&events, turn, None).is_some());
    assert_eq!(broken.prompter.explain(&events, turn, None), None);
    // Somebody else's mind still answers.
    let other = said.iter().find(|spoken| !by_ines(spoken));
    let turn = other.expect("he answers").utterance.turn;
    assert!(broken.prompter.explain(&events, turn, None).is_some());
}

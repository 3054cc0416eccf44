use proptest::prelude::*;

use super::*;
use crate::character::Color;
use crate::event::{Because, LeaveReason, PlaybillThread, Utterance};
use crate::fountain::parse;
use crate::scene::{BeatId, SceneId, ThreadId, TurnPolicy};
use crate::show::ShowId;
use crate::text::one_line;
use crate::voice::{ScoreCard, Take};

fn member(id: &str, name: &str, color: Color, offstage: bool) -> CastMember {
    CastMember {
        character: CharacterId::new(id),
        name: name.into(),
        color,
        offstage,
        on_stage: true,
        cps: 32.0,
        file_sha256: "11".into(),
        model_sha256: "00".into(),
        ensemble_sha256: "22".into(),
    }
}

fn line(turn: u64, speaker: &str, name: &str, text: &str, provenance: Provenance) -> Spoken {
    Spoken {
        full_text: None,
        cps: 30.0,
        id: format!("pier-{turn}"),
        beat: BeatId::new("wait"),
        utterance: Utterance {
            turn,
            speaker: CharacterId::new(speaker),
            name: name.into(),
            delivery: None,
            text: text.into(),
            pause_ms: 250,
            provenance,
        },
        takes: Vec::new(),
        kept: None,
        copied_words: None,
        threads: Vec::new(),
        visible_to: None,
    }
}

fn playbill() -> Playbill {
    Playbill {
        format: crate::event::FORMAT_VERSION,
        program: "telenovela 0.1.0".into(),
        show: ShowId::new("harbour"),
        show_title: "Harbour of *Lies*".into(),
        scenes: Vec::new(),
        language: "en".into(),
        scene: SceneId::new("pier"),
        title: "The Pier".into(),
        scene_sha256: "ab".into(),
        show_sha256: "cd".into(),
        setting: Setting {
            interior: false,
            place: "The old pier".into(),
            time: "night".into(),
        },
        premise: Some("Fog. A bell.".into()),
        seed: 7,
        takes: 2,
        policy: TurnPolicy::Bid,
        cast: vec![
            member("teller", "Teller", Color::Gray, true),
            member("ana", "Ana", Color::Red, false),
            member("luz", "Luz", Color::LightCyan, false),
        ],
        plot_lines: Vec::new(),
        beats: vec!["Waiting".into()],
        threads: vec![PlaybillThread {
            thread: ThreadId::new("letter"),
            question: "Who wrote the letter?".into(),
            must_resolve: true,
            state: ThreadState::Dormant,
        }],
    }
}

/// A small performance with one of everything that a transcript tells.
pub(crate) fn performance() -> Vec<Event> {
    let mut generated = line(
        1,
        "ana",
        "Ana",
        "You kept the letter?",
        Provenance::Generated,
    );
    generated.utterance.delivery = Some("softly".into());
    generated.takes = vec![Take {
        seed: 11,
        delivery: Some("softly".into()),
        text: "You kept the letter?".into(),
        score: ScoreCard {
            fluency: -2.5,
            total: -2.5,
            finished: true,
            ..ScoreCard::default()
        },
    }];
    generated.kept = Some(0);
    let kinds = vec![
        (0, EventKind::PerformanceStarted(playbill())),
        (
            0,
            EventKind::BeatEntered {
                beat: BeatId::new("wait"),
                title: "Waiting".into(),
                index: 0,
                tension: 0.5,
            },
        ),
        (
            250,
            EventKind::Utterance(line(
                0,
                "teller",
                "Teller",
                "Night, dear viewer.",
                Provenance::Authored,
            )),
        ),
        (
            250,
            EventKind::SpeakerChosen {
                place: None,
                turn: 1,
                speaker: CharacterId::new("ana"),
                because: Because::Policy,
                candidates: Vec::new(),
            },
        ),
        (4_000, EventKind::Utterance(generated)),
        (
            4_500,
            EventKind::StageEntered {
                character: CharacterId::new("luz"),
            },
        ),
        (
            9_000,
            EventKind::Utterance(line(
                2,
                "luz",
                "Luz",
                "This was never said.",
                Provenance::Generated,
            )),
        ),
        (
            9_000,
            EventKind::Rewound {
                to_seq: 5,
                branch: 1,
            },
        ),
        (
            9_500,
            EventKind::Utterance(line(
                2,
                "luz",
                "Luz",
                "I *burned* it [[twice]].",
                Provenance::Injected,
            )),
        ),
        (
            61_000,
            EventKind::Utterance(line(3, "ana", "Ana", "(pause)", Provenance::Fallback)),
        ),
        (
            61_500,
            EventKind::StageLeft {
                character: CharacterId::new("luz"),
                reason: LeaveReason::Exit,
            },
        ),
        (
            62_000,
            EventKind::PerformanceEnded {
                reason: EndReason::Concluded,
                card: "THE END".into(),
                threads: vec![ThreadOutcome {
                    thread: ThreadId::new("letter"),
                    question: "Who wrote the letter?".into(),
                    state: ThreadState::Resolved,
                    resolution: Some("She did.".into()),
                }],
                generated_words: 4,
                authored_words: 1,
            },
        ),
    ];
    kinds
        .into_iter()
        .enumerate()
        .map(|(seq, (at_ms, kind))| Event {
            seq: seq as u64,
            at_ms,
            kind,
        })
        .collect()
}

#[test]
fn one_performance_in_every_format_for_people() {
    insta::assert_snapshot!(render(&performance(), ExportFormat::Fountain), @r"
    Title: The Pier
    Show: Harbour of \*Lies\*
    Performance: pier, seed 7
    Source: telenovela 0.1.0

    EXT. THE OLD PIER - NIGHT

    Fog. A bell.

    # Waiting

    TELLER
    Night, dear viewer.
    [[authored]]

    ANA
    (softly)
    You kept the letter?

    [[Luz enters]]

    LUZ
    I \*burned\* it \[[twice]].
    [[injected]]

    ANA
    (pause)
    [[fallback]]

    [[Luz leaves]]

    > THE END <

    [[Who wrote the letter? She did. (resolved)]]

    [[The arc was played to its end; 4 of 5 words made by the models.]]
    ");
    insta::assert_snapshot!(render(&performance(), ExportFormat::Markdown), @r"
    # The Pier

    *Harbour of \*Lies\** · EXT. THE OLD PIER - NIGHT · seed 7

    > Fog. A bell.

    ## Waiting

    `0:00` **Teller**: Night, dear viewer. \*

    `0:04` **Ana** *(softly)*: You kept the letter?

    *Luz enters.*

    `0:09` **Luz**: I \*burned\* it \[\[twice\]\]. \+

    `1:01` **Ana**: (pause) \~

    *Luz leaves.*

    **THE END** `1:02`

    - Who wrote the letter? She did. (resolved)

    The arc was played to its end; 4 of 5 words made by the models.

    \* written by the author of the scene

    \+ said by the audience

    \~ from the character's file, because no take was fit to be heard
    ");
    insta::assert_snapshot!(render(&performance(), ExportFormat::Text), @r"
    Harbour of *Lies*: The Pier
    EXT. THE OLD PIER - NIGHT

    Fog. A bell.

    --- Waiting ---

      0:00  TELLER
            Night, dear viewer. *

      0:04  ANA (softly)
            You kept the letter?

            (Luz enters)

      0:09  LUZ
            I *burned* it [[twice]]. +

      1:01  ANA
            (pause) ~

            (Luz leaves)

      1:02  THE END

    Who wrote the letter? She did. (resolved)
    The arc was played to its end; 4 of 5 words made by the models.

    * written by the author of the scene
    + said by the audience
    ~ from the character's file, because no take was fit to be heard
    ");
}

#[test]
fn the_json_is_one_document_of_what_still_stands() {
    let text = render(&performance(), ExportFormat::Json);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["playbill"]["seed"], 7);
    let utterances = document["utterances"].as_array().unwrap();
    let ids: Vec<&str> = utterances
        .iter()
        .map(|u| u["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["pier-0", "pier-1", "pier-2", "pier-3"]);
    assert_eq!(utterances[2]["provenance"], "injected");
    assert_eq!(utterances[1]["takes"][0]["seed"], 11);
    assert_eq!(document["ending"]["reason"], "concluded");
}

#[test]
fn a_performance_that_broke_off_says_so() {
    let whole = performance();
    for format in ExportFormat::ALL {
        let text = render(&whole[..whole.len() - 1], format);
        let says = text.contains("broke off") || text.contains("\"ending\": null");
        assert!(says, "{text}");
    }
    assert_eq!(render(&[], ExportFormat::Text), "");
}

#[test]
fn a_misspelled_format_is_told_the_right_one() {
    assert_eq!("json".parse(), Ok(ExportFormat::Json));
    let error = "markdwon".parse::<ExportFormat>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no format `markdwon`; did you mean `markdown`?"
    );
}

proptest! {
    #![proptest_config(crate::fixed_cases(256))]

    #[test]
    fn a_screenplay_is_read_back_to_the_same_speeches(
        lines in prop::collection::vec(("[ -~À-ÿ]{1,12}", prop::option::of("[ -~]{1,10}"), "[ -~À-ÿ…]{1,30}"), 0..6),
        premise in "[ -~]{0,30}",
        card in "[ -~]{1,10}",
    ) {
        let mut events = vec![Event {
            seq: 0,
            at_ms: 0,
            kind: EventKind::PerformanceStarted(Playbill { premise: Some(premise), ..playbill() }),
        }];
        let mut expected = Vec::new();
        for (name, delivery, text) in lines {
            let said = (one_line(&name.to_uppercase()), delivery.as_deref().map(one_line).filter(|d| !d.is_empty()), one_line(&text));
            if said.0.is_empty() || said.2.is_empty() {
                continue;
            }
            let mut spoken = line(0, "x", &name, &text, Provenance::Authored);
            spoken.utterance.delivery = delivery;
            events.push(Event { seq: events.len() as u64, at_ms: 0, kind: EventKind::Utterance(spoken) });
            expected.push(said);
        }
        events.push(Event {
            seq: events.len() as u64,
            at_ms: 0,
            kind: EventKind::PerformanceEnded {
                reason: EndReason::Concluded,
                card,
                threads: Vec::new(),
                generated_words: 0,
                authored_words: 0,
            },
        });
        let text = render(&events, ExportFormat::Fountain);
        let read: Vec<_> = parse(&text)
            .scenes
            .into_iter()
            .flat_map(|scene| scene.turns)
            .filter_map(|turn| Some((turn.speaker?, turn.delivery, turn.text)))
            .collect();
        prop_assert_eq!(read, expected, "{}", text);
    }
}

use serde_json::Value;

use super::*;
use crate::character::CharacterId;
use crate::cut::standing;
use crate::event::{Change, ChangedLine, EventKind, PlaybillScene};
use crate::export::tests::performance;
use crate::export::{ExportFormat, render};
use crate::scene::{BeatId, SceneId, ThreadId, TurnPolicy};
use crate::voice::{ScoreCard, Take};

fn exported(events: &[Event]) -> String {
    render(events, ExportFormat::Html)
}

/// The one piece of the page between two others, of which the first is there once.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap();
    assert!(!rest.contains(from), "{from} is there twice");
    rest.split_once(to).unwrap().0
}

fn data(page: &str) -> Value {
    let json = between(
        page,
        "<script type=\"application/json\" id=\"performance\">",
        "</script>",
    );
    serde_json::from_str(json).unwrap()
}

/// The sample with words put where the log has words of characters, authors and audience.
fn saying(words: &str) -> Vec<Event> {
    let mut events = performance();
    for event in &mut events {
        match &mut event.kind {
            EventKind::PerformanceStarted(playbill) => {
                playbill.title = words.into();
                playbill.premise = Some(words.into());
                playbill.setting.place = words.into();
                playbill.language = words.into();
                playbill.cast[1].name = words.into();
                playbill.threads[0].question = words.into();
            }
            EventKind::BeatEntered { title, .. } => *title = words.into(),
            EventKind::Utterance(spoken) => {
                spoken.utterance.text = words.into();
                spoken.utterance.name = words.into();
                spoken.utterance.delivery = Some(words.into());
                spoken.full_text = Some(words.into());
                for take in &mut spoken.takes {
                    take.text = words.into();
                    take.delivery = Some(words.into());
                }
            }
            EventKind::PerformanceEnded { card, threads, .. } => {
                *card = words.into();
                threads[0].question = words.into();
                threads[0].resolution = Some(words.into());
            }
            _ => {}
        }
    }
    events
}

const WORDS: [&str; 9] = [
    "</script><script>alert(1)</script>",
    "<!-- <script> --!> ]]> </style></title></main>",
    "\"' onclick=alert(1) x=\"' `",
    "&lt;b&gt; &amp; &#60; & \\u003c",
    "<img src=x onerror=alert(1)>",
    "שלום <b>עולם</b> مرحبا",
    "👩‍👩‍👧‍👦 e\u{301} 海の塩",
    "{{7*7}} ${7*7} %3Cscript%3E",
    "Hold the rope.",
];

#[test]
fn no_word_of_a_log_becomes_markup() {
    let plain = exported(&saying("word"));
    let shape = |page: &str| {
        let count = |what: &str| page.matches(what).count();
        ["<", ">", "\"", "<script", "</script", "<!--", "<style"].map(count)
    };
    for words in WORDS {
        let page = exported(&saying(words));
        // The data are JSON and full of quotes; in everything around them each sign of markup is there as often as without the words.
        let json = between(&page, "id=\"performance\">", "</script>");
        let around = page.replace(json, "");
        let plain_json = between(&plain, "id=\"performance\">", "</script>");
        assert_eq!(
            shape(&around),
            shape(&plain.replace(plain_json, "")),
            "{words}"
        );
        assert!(!json.contains(['<', '>', '&']), "{words}");
        // And it is still said.
        let data = data(&page);
        let takes = data["steps"].as_array().unwrap().iter();
        let take = takes.filter_map(|step| step["line"]["takes"][0]["text"].as_str());
        assert_eq!(take.collect::<Vec<_>>(), [words]);
        let shown = format!("<p class=\"words\" dir=\"auto\">{}</p>", text(words));
        assert_eq!(page.matches(&shown).count(), 4, "{words}");
    }
}

#[test]
fn what_reorders_or_controls_text_does_not_get_through() {
    let page = exported(&saying("a\u{202e}b\u{1b}[31mc\u{0}d\u{2028}e"));
    assert!(page.contains("ab[31mcde"));
    assert!(
        !page.contains(['\u{202e}', '\u{1b}', '\u{0}', '\u{2028}']),
        "a forbidden character"
    );
}

#[test]
fn a_word_of_ten_thousand_letters_is_whole() {
    let word = "ñ".repeat(10_000);
    let page = exported(&saying(&word));
    assert!(page.contains(&format!("<p class=\"words\" dir=\"auto\">{word}</p>")));
}

#[test]
fn the_policy_allows_the_script_and_the_style_that_stand_in_the_page_and_nothing_else() {
    let page = exported(&performance());
    let policy = between(
        &page,
        "http-equiv=\"Content-Security-Policy\" content=\"",
        "\">",
    );
    let script = between(&page, "<script>", "</script>");
    let style = between(&page, "<style>", "</style>");
    let hash = |code: &str| format!("'sha256-{}'", base64(&Sha256::digest(code)));
    let expected = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    );
    assert_eq!(policy, expected);
    // It comes before everything it is about.
    assert!(page.find("Content-Security-Policy") < page.find("<style>"));
    // A carriage return would be gone before the browser hashes.
    assert!(!page.contains('\r'));
}

#[test]
fn base64_of_known_bytes() {
    // RFC 4648, section 10.
    for (bytes, digits) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(bytes.as_bytes()), digits);
    }
}

#[test]
fn the_page_has_no_inline_handler_and_asks_nothing_of_a_network() {
    let page = exported(&performance());
    let script = between(&page, "<script>", "</script>");
    let markup = page.replace(script, "");
    for inline in [
        " onclick",
        " onload",
        " style=",
        "javascript:",
        " src=",
        "@import",
    ] {
        assert!(!markup.contains(inline), "{inline}");
    }
    assert!(
        !markup.contains("url(")
            || markup.matches("url(").count() == markup.matches("url(#").count()
    );
    for call in [
        "eval(",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ] {
        assert!(!script.contains(call), "{call}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[test]
fn the_machinery_is_small() {
    let bytes = STYLE.len() + SCRIPT.len();
    assert!(bytes < 60_000, "{bytes} bytes");
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    assert_eq!(exported(&performance()), exported(&performance()));
}

#[test]
fn every_step_of_the_page_has_its_time() {
    let page = exported(&performance());
    let data = data(&page);
    let steps = data["steps"].as_array().unwrap();
    let main = between(&page, "<main", "</main>");
    let classes = main.split("class=\"").skip(1);
    let classes = classes.filter_map(|rest| rest.split('"').next());
    let elements: Vec<&str> = classes
        .filter(|class| class.split(' ').any(|name| name == "step"))
        .collect();
    assert_eq!(elements.len(), steps.len());
    for (class, step) in elements.iter().zip(steps) {
        let is_line = class.split(' ').any(|name| name == "line");
        assert_eq!(is_line, step["line"].is_object(), "{class}");
    }
    let times: Vec<u64> = steps
        .iter()
        .map(|step| step["at"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times.last().copied(), data["end"].as_u64());
}

#[test]
fn a_line_begins_after_its_silence_and_ends_at_its_pace() {
    let mut events = performance();
    for event in &mut events {
        if let EventKind::Utterance(spoken) = &mut event.kind {
            spoken.cps = 10.0;
            spoken.utterance.pause_ms = 700;
        }
    }
    let data = data(&exported(&events));
    let steps = data["steps"].as_array().unwrap();
    let first = steps.iter().find(|step| step["line"].is_object()).unwrap();
    // «Night, dear viewer.» has 19 letters.
    assert_eq!(
        (&first["at"], &first["line"]["words"], &first["line"]["end"]),
        (&0.into(), &700.into(), &2_600.into())
    );
}

#[test]
fn the_script_as_it_stands_in_the_page() {
    let page = exported(&performance());
    insta::assert_snapshot!("main", between(&page, "<main", "</main>"));
}

#[test]
fn what_was_rewound_is_not_told_and_what_was_changed_is_told_with_what_it_was() {
    let mut events = performance();
    let end = events.pop().unwrap();
    let text = "You burned the letter?".to_owned();
    events.push(Event {
        seq: end.seq,
        at_ms: end.at_ms,
        kind: EventKind::LineChanged(ChangedLine {
            id: "pier-1".into(),
            turn: 1,
            change: Change::Retake,
            takes: vec![Take {
                seed: 12,
                delivery: None,
                text: text.clone(),
                score: ScoreCard::default(),
            }],
            kept: Some(1),
            delivery: None,
            text,
            provenance: Provenance::Generated,
            text_before: "You kept the letter?".into(),
            provenance_before: Provenance::Generated,
        }),
    });
    events.push(Event {
        seq: end.seq + 1,
        ..end
    });
    let page = exported(&events);
    assert!(!page.contains("This was never said."));
    assert!(page.contains("The performance went back once"));
    let main = between(&page, "<main", "</main>");
    assert!(main.contains("You burned the letter?") && !main.contains("You kept the letter?"));
    let data = data(&page);
    let lines = data["steps"].as_array().unwrap().iter();
    let changed = lines
        .map(|step| &step["line"])
        .find(|line| line["before"].is_array());
    let changed = changed.unwrap();
    assert_eq!(changed["before"][0][1], "You kept the letter?");
    assert_eq!(
        (changed["takes"].as_array().unwrap().len(), &changed["kept"]),
        (2, &1.into())
    );
}

#[test]
fn a_performance_that_broke_off_is_told_as_far_as_it_went() {
    let whole = performance();
    for n in 1..whole.len() {
        let page = exported(&whole[..n]);
        assert!(
            page.contains("The performance broke off here"),
            "after {n} events"
        );
        assert!(data(&page)["end"].is_u64());
    }
    assert_eq!(exported(&[]), "");
}

#[test]
fn a_secret_says_who_heard_it() {
    let mut events = performance();
    for event in &mut events {
        if let EventKind::Utterance(spoken) = &mut event.kind {
            spoken.visible_to = Some(vec![CharacterId::new("luz")]);
        }
    }
    assert!(exported(&events).contains("<p class=\"how\" dir=\"auto\">(softly; to Luz alone)</p>"));
}

#[test]
fn music_rises_with_tension_and_one_beat_alone_is_the_climax() {
    let tensions = [0.2, 0.6, 0.9, 0.9, 0.3];
    let mut events = vec![performance()[0].clone()];
    for (index, tension) in tensions.into_iter().enumerate() {
        events.push(Event {
            seq: index as u64 + 1,
            at_ms: 0,
            kind: EventKind::BeatEntered {
                beat: BeatId::new("b"),
                title: format!("Beat {index}"),
                index,
                tension,
            },
        });
    }
    let standing = standing(&events);
    let timeline = Timeline::new(&events, &standing).unwrap();
    let climaxes: Vec<bool> = timeline.beats().map(|(_, beat)| beat.climax).collect();
    assert_eq!(climaxes, [false, false, true, false, false]);
    let main = exported(&events);
    let music: Vec<&str> = main
        .split("<p class=\"note music step\" lang=\"en\">")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .collect();
    assert_eq!(
        music,
        ["Strings, low", "The whole orchestra", "The music stops"]
    );
}

#[test]
fn an_episode_is_told_scene_by_scene() {
    let mut events = vec![performance()[0].clone()];
    let EventKind::PerformanceStarted(playbill) = &mut events[0].kind else {
        unreachable!("a log begins with its header");
    };
    let setting = playbill.setting.clone();
    playbill.scenes = ["pier", "shore"]
        .map(|id| PlaybillScene {
            scene: SceneId::new(id),
            title: id.to_uppercase(),
            scene_sha256: String::new(),
            takes: 1,
            policy: TurnPolicy::Bid,
            n_beats: 1,
        })
        .to_vec();
    let entered = |index: usize, id: &str, who: &str| EventKind::SceneEntered {
        scene: SceneId::new(id),
        title: id.to_uppercase(),
        index,
        setting: setting.clone(),
        premise: Some("Fog.".into()),
        on_stage: vec![CharacterId::new(who)],
    };
    let beat = |index: usize| EventKind::BeatEntered {
        beat: BeatId::new("b"),
        title: "Waiting".into(),
        index,
        tension: 0.4,
    };
    let hanging = EventKind::Cliffhanger {
        scene: SceneId::new("pier"),
        index: 0,
        thread: ThreadId::new("letter"),
        card: "To be continued".into(),
    };
    let kinds = [
        entered(0, "pier", "ana"),
        beat(0),
        hanging,
        entered(1, "shore", "luz"),
        beat(1),
    ];
    for kind in kinds {
        let seq = events.len() as u64;
        events.push(Event {
            seq,
            at_ms: 0,
            kind,
        });
    }
    let page = exported(&events);
    let main = between(&page, "<main", "</main>");
    let headings: Vec<&str> = main
        .split("<h")
        .skip(1)
        .filter_map(|rest| rest.get(..1))
        .collect();
    assert_eq!(headings, ["2", "3", "2", "3", "2"]);
    assert!(main.contains("<p class=\"card\" dir=\"auto\">To be continued</p>\n<p class=\"question\" dir=\"auto\">Who wrote the letter?</p>"));
    assert_eq!(
        main.matches("<section").count(),
        main.matches("</section>").count()
    );
    // Where it plays is said by the scenes alone.
    assert!(!between(&page, "<header", "</header>").contains("THE OLD PIER"));
    // Two scenes' cards and one cliffhanger have been read; who is not named has gone.
    let data = data(&page);
    assert_eq!(data["end"], 3 * 3_500);
    assert_eq!(
        data["presence"].as_array().unwrap()[3..],
        [
            serde_json::json!([7_000, 0, false]),
            serde_json::json!([7_000, 1, false]),
            serde_json::json!([7_000, 2, true]),
        ]
    );
}

use proptest::prelude::*;

use super::*;

/// One turn per line: `SPEAKER (delivery): words`, action without a speaker.
fn told(script: &Script) -> String {
    let mut out = String::new();
    for scene in &script.scenes {
        out.push_str(&format!("= {}", scene.heading));
        for plot in &scene.plot_lines {
            out.push_str(&format!(" <{plot}>"));
        }
        out.push('\n');
        for turn in &scene.turns {
            let speaker = turn.speaker.as_deref().unwrap_or("-");
            out.push_str(&format!("{} {speaker}: {}\n", turn.line, turn.spoken()));
        }
    }
    out
}

#[test]
fn a_script_is_read_with_speakers_and_deliveries() {
    let script = parse(
        "Title: The _Salt_\nAuthor:\n    One\n    Two\n\nINT. KITCHEN - NIGHT #12-A#\n\n[[plot: amnesia, lost-love]]\n\nRain.\nMore rain.\n\nINÉS (V.O.) (CONT'D)\n(softly)\nYou're **late**.\n(turning away)\nGo.\n\n@McAlister ^\nNever!\n",
    );
    assert_eq!(script.title_page[0], ("Title".into(), "The Salt".into()));
    assert_eq!(script.title_page[1], ("Author".into(), "One\nTwo".into()));
    insta::assert_snapshot!(told(&script), @r"
    = INT. KITCHEN - NIGHT <amnesia> <lost-love>
    10 -: Rain. More rain.
    13 INÉS: (softly) You're late. (turning away) Go.
    19 McAlister: Never!
    ");
}

#[test]
fn what_is_not_said_leaves_no_turn() {
    let script = parse(
        "FADE IN:\n\n# Act\n\n= A synopsis.\n\n.FORCED HEADING #1#\n\nCUT TO:\n\n> Smash to black.\n\n===\n\n> THE END <\n\n~La la la\n\n!INT. NOT A HEADING\n\n...and then nothing.\n",
    );
    insta::assert_snapshot!(told(&script), @r"
    = FORCED HEADING
    15 -: THE END
    17 -: La la la
    19 -: INT. NOT A HEADING
    21 -: ...and then nothing.
    ");
}

#[test]
fn boneyard_and_notes_vanish_and_lines_keep_their_numbers() {
    let script = parse(
        "EXT. BEACH - DAY\n\nBefore /* gone\n\nGONE\ngone */after.\n\nMATEO\n[[a note]]\nWho [[really\nwho]] am I?\n\nThis [[never closes.\n\nThat /* neither.\n",
    );
    insta::assert_snapshot!(told(&script), @r"
    = EXT. BEACH - DAY
    3 -: Before after.
    8 MATEO: Who am I?
    13 -: This [[never closes.
    15 -: That /* neither.
    ");
}

#[test]
fn speakers_are_told_from_action_and_transitions() {
    let script = parse(
        "R2D2\nBeep.\n\nNOBODY ANSWERS.\n\n23\nis a number.\n\nDOÑA ÚRSULA (on the phone)\n¿Bueno?\n\nÚrsula\nsits.\n\nTHE MAN WHO WENT TO:\nSpeaks.\n\nMATEO\n(pause)\n\nDUET\n  Sung\n  \n~with a gap.\n",
    );
    insta::assert_snapshot!(told(&script), @r"
    = 
    1 R2D2: Beep.
    4 -: NOBODY ANSWERS.
    6 -: 23 is a number.
    9 DOÑA ÚRSULA: ¿Bueno?
    12 -: Úrsula sits.
    15 THE MAN WHO WENT TO:: Speaks.
    18 MATEO: (pause)
    21 DUET: Sung with a gap.
    ");
}

#[test]
fn emphasis_comes_off_and_stars_that_are_none_stay() {
    assert_eq!(
        plain("***a*** **b** *c* _d_ *_e_* **_f g_**"),
        "a b c d e f g"
    );
    assert_eq!(
        plain("2 * 3 * 4 and snake_case_name"),
        "2 * 3 * 4 and snake_case_name"
    );
    let script = parse("It costs \\*five\\* \\[[pesos]] and a \\\\.\n");
    assert_eq!(
        script.scenes[0].turns[0].text,
        "It costs *five* [[pesos]] and a \\."
    );
}

#[test]
fn line_endings_of_all_systems_and_a_byte_order_mark_are_read() {
    let unix = parse("INT. A - DAY\n\nINÉS\nYes.\n");
    assert_eq!(parse("\u{feff}INT. A - DAY\r\n\r\nINÉS\r\nYes.\r\n"), unix);
    assert_eq!(parse("INT. A - DAY\r\rINÉS\rYes.\r"), unix);
}

#[test]
fn a_text_full_of_openings_is_read_in_one_go() {
    // Searching anew from every opening would take hours.
    for piece in ["/*", "[[", "*a ", "**a *b ", "_a ", "(", "[[a\n", "\\"] {
        let script = parse(&piece.repeat(200_000));
        assert_eq!(script.scenes.len(), 1, "{piece}");
    }
}

/// Text that looks like everything else.
fn nasty() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("INT. HOUSE"),
        Just("ext. x"),
        Just("CUT TO:"),
        Just("INÉS"),
        Just("ines"),
        Just("(softly)"),
        Just("("),
        Just(")"),
        Just("@x"),
        Just("!y"),
        Just(".z"),
        Just(">"),
        Just("<"),
        Just("~la"),
        Just("# h"),
        Just("= s"),
        Just("==="),
        Just("[[plot: x]]"),
        Just("[["),
        Just("]]"),
        Just("[[["),
        Just("/*"),
        Just("*/"),
        Just("*a*"),
        Just("**"),
        Just("_b_"),
        Just("\\"),
        Just("\\*"),
        Just("^"),
        Just("Title: x"),
        Just("#1#"),
        Just("…"),
        Just("¿Qué?"),
        Just("/"),
        Just("*"),
        Just("["),
        Just("(a) b (c)"),
        Just("(V.O.)"),
        Just(":"),
    ]
    .prop_map(str::to_owned);
    let glued = prop::collection::vec(prop_oneof![word, "[ -~]{1,6}"], 1..4);
    (glued, prop::bool::ANY)
        .prop_map(|(words, spaced)| words.join(if spaced { " " } else { "" }))
        .prop_map(|text| crate::text::one_line(&text))
        .prop_filter("no words", |text| !text.is_empty())
}

fn scripts() -> impl Strategy<Value = Script> {
    let turn = (
        prop::option::of(nasty()),
        prop::option::of(nasty()),
        nasty(),
    )
        .prop_map(|(speaker, delivery, text)| Turn {
            delivery: delivery.filter(|_| speaker.is_some()),
            speaker,
            text,
            line: 0,
        });
    let scene = (
        nasty(),
        prop::collection::btree_set("[a-z][a-z0-9-]{0,8}", 0..3),
        prop::collection::vec(turn, 0..5),
    )
        .prop_map(|(heading, plots, turns)| ScriptScene {
            heading,
            plot_lines: plots.into_iter().map(PlotLineId::new).collect(),
            turns,
            line: 0,
        });
    let title = prop::collection::vec(
        (
            "[A-Z][a-z]{0,8}( [a-z]{1,5})?",
            prop::collection::vec(nasty(), 1..3).prop_map(|lines| lines.join("\n")),
        ),
        0..3,
    );
    (title, prop::collection::vec(scene, 0..4), prop::bool::ANY).prop_map(
        |(title_page, mut scenes, headless)| {
            if headless
                && let Some(first) = scenes.first_mut()
                && !first.turns.is_empty()
            {
                first.heading.clear();
            }
            Script { title_page, scenes }
        },
    )
}

fn without_lines(mut script: Script) -> Script {
    for scene in &mut script.scenes {
        scene.line = 0;
        for turn in &mut scene.turns {
            turn.line = 0;
        }
    }
    script
}

proptest! {
    #![proptest_config(crate::fixed_cases(256))]

        #[test]
    fn what_is_written_is_read_again(script in scripts()) {
        let text = write(&script);
        prop_assert_eq!(without_lines(parse(&text)), script, "{}", text);
    }

    #[test]
    fn parsing_never_panics_and_settles(text in any::<String>()) {
        let once = without_lines(parse(&text));
        prop_assert_eq!(without_lines(parse(&write(&once))), once);
    }

    #[test]
    fn parsing_lines_of_markup_never_panics(text in "[ \n@.!>~#=()\\[\\]*_/A-Ca-c:^]{0,80}") {
        let once = without_lines(parse(&text));
        prop_assert_eq!(without_lines(parse(&write(&once))), once);
    }
}

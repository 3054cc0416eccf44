use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::character::{CharacterId, Lines};
use crate::problem::Problems;
use crate::scene::{Scene, SceneId, TurnPolicy};
use crate::show::{Show, ShowId};

const SCENE: &str = "\
title: The Pier
show: harbour
setting: { place: The pier, time: NIGHT, interior: false }
cast: [teller, ana, luz]
absent: [luz]
max_lines: 30
threads:
  - { id: letter, question: Who wrote it?, must_resolve: true }
beats:
  - id: wait
    open_with:
      - { by: teller, text: Night., delivery: low, pause_before: 1.5 }
    speakers: { teller: 0 }
    threads: { opens: [letter] }
    lines: { min: 2, max: 3 }
  - id: meet
    enter: [luz]
    prime: { luz: Listen }
    plot: { amnesia: 0.3 }
    close_with:
      - { by: ana, text: It was me. }
    exit: [luz]
    threads: { resolves: [letter] }
";

fn facts() -> ShowFacts {
    let person = |id: &str, offstage| Person {
        id: id.into(),
        offstage,
        role: String::from(if id == "ana" {
            "villain"
        } else {
            "protagonist"
        }),
    };
    ShowFacts {
        language: String::from("en"),
        people: vec![
            person("teller", true),
            person("ana", false),
            person("luz", false),
            person("rosa", false),
        ],
        plot_lines: vec!["amnesia".into()],
        arcs: vec![crate::arc::StoryArc::telenovela("en")],
    }
}

fn read_scene(text: &str) -> Result<Scene, Problems> {
    scene(
        Path::new("s.yaml"),
        text,
        ShowId::new("harbour"),
        SceneId::new("s"),
        &facts(),
    )
}

/// Every problem of the scene with one piece replaced, as `line:column message; help`.
fn wrong(piece: &str, by: &str) -> String {
    assert!(SCENE.contains(piece), "{piece}");
    told(read_scene(&SCENE.replace(piece, by)).unwrap_err())
}

fn told(problems: Problems) -> String {
    let told: Vec<String> = problems
        .iter()
        .map(|problem| {
            let place = problem.place.as_ref().unwrap();
            let help = problem.help.as_deref().map(|help| format!("; {help}"));
            format!(
                "{}:{} {}{}",
                place.line,
                place.column,
                problem.message,
                help.unwrap_or_default()
            )
        })
        .collect();
    told.join("\n")
}

#[test]
fn a_scene_is_read_with_its_defaults() {
    let scene = read_scene(SCENE).unwrap();
    assert_eq!(scene.takes, 8);
    assert_eq!(scene.policy, TurnPolicy::Weighted);
    assert_eq!(scene.ending.card, "THE END");
    assert_eq!(scene.absent, [CharacterId::new("luz")]);
    assert_eq!(scene.beats[0].open_with[0].pause_before_ms, Some(1500));
    assert_eq!(scene.beats[1].title, "meet");
    assert_eq!((scene.beats[1].min_lines, scene.beats[1].max_lines), (3, 6));
    assert_eq!(scene.beats[1].prime[0].1, ["Listen"]);
}

#[test]
fn every_problem_of_a_file_comes_at_once() {
    let text = SCENE
        .replace("title: The Pier", "tilte: The Pier")
        .replace("cast: [teller, ana, luz]", "cast: [teller, anna, luz]")
        .replace("max_lines: 30", "max_lines: many")
        .replace("must_resolve: true", "must_resolve: yes")
        .replace("speakers: { teller: 0 }", "speakers: { teller: -1 }")
        .replace("lines: { min: 2, max: 3 }", "lines: { min: 4, max: 3 }");
    insta::assert_snapshot!(told(read_scene(&text).unwrap_err()), @r"
    1:1 the field `title` is missing
    1:1 unknown field `tilte`; did you mean `title`?
    4:16 the show has no character `anna`; did you mean `ana`?
    6:12 `max_lines` must be a whole number from 1 to 10000, not `many`
    8:58 `must_resolve` must be true or false, not `yes`
    13:25 `teller` must be a number from 0 to 100, not `-1`
    15:5 at least 4 lines and at most 3 cannot both be
    21:15 `ana` is not in the cast; add `ana` to `cast`
    ");
}

#[test]
fn people_must_exist_and_take_part() {
    insta::assert_snapshot!([
        wrong("cast: [teller, ana, luz]", "cast: [teller, ana, luz, ana, roza]"),
        wrong("absent: [luz]", "absent: [luz, rosa]"),
        wrong("absent: [luz]", "absent: [luz, teller]"),
        wrong("by: ana", "by: anna"),
        wrong("cast: [teller, ana, luz]", "cast: []"),
    ].join("\n--\n"), @r"
    4:26 `ana` is in the cast a second time
    4:31 the show has no character `roza`; did you mean `rosa`?
    --
    5:15 `rosa` is not in the cast; add `rosa` to `cast`
    --
    5:15 `teller` is offstage: heard at any time, and never absent
    --
    21:15 `anna` is not in the cast; did you mean `ana`?
    --
    4:1 a scene needs somebody to play it
    ");
}

#[test]
fn nobody_speaks_who_is_not_on_stage() {
    insta::assert_snapshot!([
        wrong("by: teller, text: Night.", "by: luz, text: Night."),
        wrong("speakers: { teller: 0 }", "speakers: { luz: 1 }"),
        wrong("    enter: [luz]\n", ""),
        wrong("enter: [luz]", "enter: [luz, ana]"),
        wrong("enter: [luz]", "enter: [luz, teller]"),
        wrong("speakers: { teller: 0 }", "speakers: { ana: 0 }"),
    ].join("\n--\n"), @r"
    12:15 `luz` has a line in the beat `wait`, but is not on stage; let it `enter` this beat or an earlier one
    --
    13:17 `luz` is weighted to speak in the beat `wait`, but is not on stage; let it `enter` this beat or an earlier one
    --
    17:14 `luz` is primed in the beat `meet`, but is not on stage; let it `enter` this beat or an earlier one
    21:12 `luz` leaves, but is not on stage
    --
    17:18 `ana` enters, but is on stage already; who enters later stands in the scene's `absent`
    --
    17:18 `teller` is offstage: it neither enters nor leaves
    --
    10:9 nobody can speak in the beat `wait`; weight somebody who is on stage above 0 in `speakers`, or allow no generated line with `lines: { min: 0, max: 0 }`
    ");
}

#[test]
fn a_beat_without_generated_lines_needs_no_speaker() {
    let text = SCENE
        .replace("speakers: { teller: 0 }", "speakers: { ana: 0 }")
        .replace("lines: { min: 2, max: 3 }", "lines: { min: 0, max: 0 }");
    assert!(read_scene(&text).is_ok());
    let narrated = SCENE.replace("speakers: { teller: 0 }", "speakers: { ana: 0, teller: 1 }");
    assert!(read_scene(&narrated).is_ok());
}

#[test]
fn loose_ends_are_opened_and_tied() {
    insta::assert_snapshot!([
        wrong("    threads: { resolves: [letter] }\n", ""),
        wrong("    threads: { opens: [letter] }\n", ""),
        wrong("threads: { resolves: [letter] }", "threads: { opens: [letter], resolves: [leter] }"),
        wrong("opens: [letter]", "opens: [letter], resolves: [letter]"),
    ].join("\n--\n"), @r"
    8:11 the thread `letter` must be resolved, but no beat does; list it under `threads: { resolves: [..] }` of a beat; or say `carried: true`, if a later scene of an episode resolves it
    --
    22:27 the thread `letter` is resolved here, but was never opened; list it under `opens` of this beat or an earlier one
    --
    8:11 the thread `letter` must be resolved, but no beat does; list it under `threads: { resolves: [..] }` of a beat; or say `carried: true`, if a later scene of an episode resolves it
    23:24 the thread `letter` is opened here, but is open already
    23:44 the scene has no thread `leter`; did you mean `letter`?
    --
    23:27 the thread `letter` is resolved here, but was resolved before
    ");
}

#[test]
fn a_scene_must_have_room_for_its_beats() {
    insta::assert_snapshot!([
        wrong("max_lines: 30", "max_lines: 6"),
        wrong("plot: { amnesia: 0.3 }", "plot: { amnesa: 0.3 }"),
        wrong("id: meet", "id: wait"),
        wrong("show: harbour", "show: desert"),
    ].join("\n--\n"), @r"
    6:12 the beats need 7 lines, but the scene ends after 6; set `max_lines` to 7 or more
    --
    19:13 the show has no plot line `amnesa`; did you mean `amnesia`?
    --
    16:9 another beat is called `wait` as well
    --
    2:7 the scene lies in the folder of the show `harbour`, not of `desert`
    ");
    assert!(read_scene(&SCENE.replace("max_lines: 30", "max_lines: 7")).is_ok());
}

#[test]
fn extensions_are_for_others() {
    assert!(read_scene(&format!("{SCENE}extensions: {{ any: [thing] }}\n")).is_ok());
}

fn read_show(text: &str) -> Result<Show, Problems> {
    show(
        Path::new("characters/harbour/show.yaml"),
        text,
        ShowId::new("harbour"),
        &|path| {
            if path.ends_with("gone.fountain") {
                Err(format!("there is no file {}", path.display()))
            } else {
                Ok(())
            }
        },
    )
}

#[test]
fn a_show_is_read_with_its_defaults() {
    let show = read_show("title: 1984\nscripts: [scripts/one.fountain]\n").unwrap();
    assert_eq!(show.title, "1984");
    assert_eq!(show.language, "en");
    assert_eq!(
        show.scripts,
        [Path::new("characters/harbour/scripts/one.fountain")]
    );
    assert_eq!((show.recipe.clip, show.recipe.spare_speakers), (1.0, 8));
    assert_eq!(show.model.n_hidden, 192);
}

#[test]
fn a_script_stays_inside_the_workspace() {
    let text =
        "title: x\nscripts: [/etc/passwd, ../../x.fountain, 'a\\..\\b', 'C:x', gone.fountain]\n";
    insta::assert_snapshot!(told(read_show(text).unwrap_err()), @r"
    2:11 `/etc/passwd` leads out of the show's folder; name a file below the folder of this file, with `/` between folders
    2:24 `../../x.fountain` leads out of the show's folder; name a file below the folder of this file, with `/` between folders
    2:42 `a\..\b` leads out of the show's folder; name a file below the folder of this file, with `/` between folders
    2:52 `C:x` leads out of the show's folder; name a file below the folder of this file, with `/` between folders
    2:59 there is no file characters/harbour/gone.fountain
    ");
}

#[test]
fn numbers_of_a_show_have_ranges() {
    let text = "title: x\nscripts: [a.fountain]\nlanguage: English\ntokenizer: { unit: words }\nmodel: { n_layer: 0, n_embed: 3 }\nrecipe: { lr: .nan, ema: 1.0, batch: 1.5, seed: -1 }\n";
    insta::assert_snapshot!(told(read_show(text).unwrap_err()), @r"
    3:11 `English` is no language tag; such as `en`, `es` or `es-MX`
    4:20 `words` is no value for `unit`; did you mean `word`?
    5:19 `n_layer` must be a whole number from 1 to 8, not `0`
    5:22 unknown field `n_embed`; did you mean `n_embd`?
    6:15 `lr` must be a number from 0.0000001 to 1, not `.nan`
    6:26 `ema` must be a number from 0 to 0.99999, not `1.0`
    6:38 `batch` must be a whole number from 1 to 1024, not `1.5`
    6:49 `seed` must be a whole number from 0 to 9223372036854775807, not `-1`
    ");
}

fn read_character(text: &str) -> Result<CharacterFile, Problems> {
    character(
        Path::new("ana.yaml"),
        text,
        ShowId::new("harbour"),
        CharacterId::new("ana"),
        &["ana", "luz"],
    )
}

#[test]
fn a_character_is_read_with_its_defaults() {
    let ana = read_character("name: Ana\nlines: { speakers: [ANA, ANITA] }\n")
        .unwrap()
        .character;
    assert_eq!(
        ana.lines,
        Lines::Speakers(vec!["ANA".into(), "ANITA".into()])
    );
    assert_eq!((ana.turns.talkativeness, ana.turns.max_idle), (0.6, 5));
    assert_eq!(ana.sampling, crate::voice::Sampling::default());
    let camera = read_character("name: Camera\noffstage: true\nlines: { speaker: '@action' }\n");
    assert_eq!(camera.unwrap().character.lines, Lines::Action);
}

#[test]
fn what_a_character_is_told_to_say_can_be_said() {
    let text = "name: Ana\ncolour: red\ncolor: pink\nlines: { inline: [Yes., 'No 🌊', ''] }\nfallback_lines: \"\\e[31m\"\nbonds: [{ to: lus, kind: sister }]\nname: Eva\nsecrets:\n";
    insta::assert_snapshot!(told(read_character(text).unwrap_err()), @r"
    2:1 unknown field `colour`; did you mean `color`?
    3:8 `pink` is no value for `color`
    4:25 the models cannot write the character U+1F30A; spoken text is made of ASCII, Latin-1 letters and «»“”‘’—–…¿¡
    4:33 `inline` is empty
    5:17 `fallback_lines` must be a list, not `[31m`
    6:15 the show has no character `lus`; did you mean `luz`?
    7:1 `name` stands here a second time
    ");
    let none = read_character("name: Ana\nlines: { speakers: [A], inline: [b] }\n");
    insta::assert_snapshot!(told(none.err().unwrap()), @r#"
    2:1 `lines` must say in one way where the lines come from; one of `speakers: [NAME]`, `speaker: "@action"` or `inline: [a line, another line]`
    "#);
}

#[test]
fn escape_sequences_do_not_survive_reading() {
    let text = "name: \"A\\e[31mna\\u202e\"\nlines: { speakers: [ANA] }\n";
    assert_eq!(read_character(text).unwrap().character.name, "A[31mna");
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    insta::assert_snapshot!(read_character("name: Ana\n  lines: [\n").err().unwrap(), @r"
    ana.yaml:2:8: mapping values are not allowed in this context
      help: quote a text that holds `: ` or ` #`, or begins with a mark such as `*`, `&`, `!`, `@` or `{`
    ");
    insta::assert_snapshot!(read_character("name: Ana\nturns:\n\tmax_idle: 4\n").err().unwrap(), @r"
    ana.yaml:3:2: tabs disallowed within this context (block indentation)
      help: indent with spaces; YAML takes no tabs there
    ");
    insta::assert_snapshot!(read_character(&format!("name: {}\n", "[".repeat(5_000))).err().unwrap().to_string().replace('[', ""), @r"
    ana.yaml:1:262: too many levels of nesting for one file
      expected at most 16
    ");
    insta::assert_snapshot!(read_character("name: Ana\nlines:\n  inline:\n    - Well.\n    - Listen: I know.\n").err().unwrap(), @r"
    ana.yaml:5:7: `inline` must be text, not a mapping
      help: put it in quotes: a `: ` in bare text makes a mapping of it
    ");
    insta::assert_snapshot!(read_character("- a list\n").err().unwrap(), @r"
    ana.yaml:1:1: the file must be a mapping, not a list
    ");
    insta::assert_snapshot!(read_character("").err().unwrap(), @r"
    ana.yaml:1:1: the file must be a mapping, not nothing
    ");
}

proptest! {
    #![proptest_config(crate::fixed_cases(256))]

    #[test]
    fn a_scene_with_any_piece_missing_is_read_or_refused(at in 0..SCENE.len(), len in 1..40_usize) {
        let text: String = SCENE.chars().take(at).chain(SCENE.chars().skip(at + len)).collect();
        let _ = read_scene(&text);
    }

    #[test]
    fn a_scene_with_anything_put_in_is_read_or_refused(at in 0..SCENE.len(), piece in "[ -~\n]{1,8}") {
        let mut text = SCENE.to_owned();
        text.insert_str(at, &piece);
        let _ = read_scene(&text);
        let _ = read_character(&text);
        let _ = read_show(&text);
    }
}

const ARC_SCENE: &str = "\
title: The Pier
setting: { place: The pier }
cast: [teller, ana, luz]
arc: telenovela
policy: list
order: [ana, luz]
limits: { repeats: 1, idle: 9, ping_pong: 0 }
beats:
  - { id: presentation }
  - id: blow
    step: betrayal
    title: The letter
    tension: 0.9
    policy: manual
    motifs: [letter]
    deliveries: [icily]
    done_when: { speakers: [luz], words: [never] }
  - id: climax
    roles: { villain: 2 }
    lines: { max: 3 }
    interruptions: 0.5
";

#[test]
fn a_beat_has_from_its_step_what_it_does_not_say_itself() {
    let scene = read_scene(ARC_SCENE).unwrap();
    let [first, blow, climax] = scene.beats.as_slice() else {
        panic!("three beats");
    };
    assert_eq!(first.step.as_ref().unwrap().as_str(), "presentation");
    assert_eq!(
        (first.title.as_str(), first.tension),
        ("Presentation", 0.15)
    );
    assert_eq!((first.min_lines, first.max_lines), (4, 6));
    assert_eq!(first.roles, [(String::from("protagonist"), 1.2)]);
    assert_eq!(first.deliveries[0], "softly");
    assert_eq!(first.done_when.motifs, 0);
    assert!(first.done_when.everybody);
    assert_eq!((blow.title.as_str(), blow.tension), ("The letter", 0.9));
    assert_eq!(blow.policy, Some(TurnPolicy::Manual));
    assert_eq!(blow.roles[0], (String::from("villain"), 1.6));
    assert_eq!(blow.deliveries, ["icily"]);
    assert_eq!(
        (blow.done_when.motifs, blow.done_when.everybody),
        (0, false)
    );
    assert_eq!(blow.done_when.words, ["never"]);
    assert_eq!(climax.roles, [(String::from("villain"), 2.0)]);
    assert_eq!((climax.min_lines, climax.max_lines), (3, 3));
    assert_eq!(climax.interruptions, Some(0.5));
    assert_eq!(scene.limits.ping_pong, 0);
    let bare = ARC_SCENE.split("beats:").next().unwrap();
    let steps: Vec<String> = read_scene(bare)
        .unwrap()
        .beats
        .iter()
        .map(|beat| beat.id.to_string())
        .collect();
    assert_eq!(steps.len(), 6);
    assert_eq!(steps[5], "happy-ending");
}

fn wrong_arc(piece: &str, by: &str) -> String {
    assert!(ARC_SCENE.contains(piece), "{piece}");
    told(read_scene(&ARC_SCENE.replace(piece, by)).unwrap_err())
}

#[test]
fn an_arc_that_cannot_be_followed_is_told_where() {
    insta::assert_snapshot!([
        wrong_arc("arc: telenovela", "arc: telenovella"),
        wrong_arc("step: betrayal", "step: betrail"),
        wrong_arc("step: betrayal", "step: happy-ending"),
        wrong_arc("{ villain: 2 }", "{ vilain: 2 }"),
        wrong_arc("speakers: [luz]", "motifs: 2, speakers: [lus]"),
        wrong_arc("[ana, luz]\nlim", "[ana, lus]\nlim"),
        wrong_arc("order: [ana, luz]\n", ""),
        wrong_arc("policy: list\n", ""),
        wrong_arc("policy: manual", "order: [luz]\n    policy: manual"),
        wrong_arc("ping_pong: 0", "ping_pong: 1"),
        wrong("id: wait", "id: wait\n    step: climax"),
    ].join("\n--\n"), @r"
    4:6 there is no arc `telenovella`; did you mean `telenovela`?
    11:11 the scene has no arc for the step `betrayal`; say which arc it follows: `arc: telenovela`
    --
    11:11 the arc `telenovela` has no step `betrail`; did you mean `betrayal`?
    --
    18:9 the step `climax` comes before `happy-ending` in the arc, and cannot come after it here
    --
    19:14 nobody in the cast has the role `vilain`; did you mean `villain`?
    --
    17:26 it waits for 2 motifs, but there are only 1
    17:40 `lus` is not in the cast; did you mean `luz`?
    --
    6:14 `lus` is not in the cast; did you mean `luz`?
    --
    5:9 the policy `list` needs an `order`; say in which order: `order: [ana, luz, ana]`
    --
    5:9 the scene has an `order`, but no beat has the policy `list` to follow it
    --
    14:13 the beat has an `order`, but its policy is not `list`
    --
    7:43 two people cannot exchange fewer than 2 lines; 0 sets no limit
    --
    11:11 the scene has no arc for the step `climax`; say which arc it follows: `arc: telenovela`
    ");
}

#[test]
fn an_arc_of_ones_own_is_read_and_its_mistakes_are_told() {
    let read = |text: &str| {
        arc(
            Path::new("storm.arc.yaml"),
            text,
            crate::arc::ArcId::new("storm"),
        )
    };
    let arc = read(
        "steps:\n  - { id: calm, tension: 0.1 }\n  - { id: gale, tension: 1, roles: { villain: 3 }, lines: { min: 2, max: 2 }, done_when: { words: [sail] } }\n",
    )
    .unwrap();
    assert_eq!(arc.title, "storm");
    assert_eq!(arc.steps[1].roles, [(String::from("villain"), 3.0)]);
    assert_eq!(arc.steps[1].done_when.as_ref().unwrap().words, ["sail"]);
    let wrong = read(
        "steps:\n  - { id: calm, lines: { min: 3, max: 2 } }\n  - { id: calm, done_when: { speakers: [ana] }, tensoin: 1 }\n",
    );
    insta::assert_snapshot!(told(wrong.unwrap_err()), @r"
    2:17 at least 3 lines and at most 2 cannot both be
    3:11 another step is called `calm` as well
    3:41 an arc knows no people; name them in the beat
    3:49 unknown field `tensoin`; did you mean `tension`?
    ");
}

#[test]
fn a_secret_is_somebodys_and_comes_out() {
    let with = |secrets: &str, reveals: &str| {
        let text = SCENE
            .replace("beats:\n", &format!("secrets:\n{secrets}beats:\n"))
            .replace(
                "    exit: [luz]\n",
                &format!("    exit: [luz]\n    reveals: {reveals}\n"),
            );
        read_scene(&text)
    };
    let scene = with(
        "  - { id: child, known_by: [ana], prime: [The boy] }\n",
        "[child]",
    )
    .unwrap();
    assert_eq!(scene.secrets[0].prime, ["The boy"]);
    assert_eq!(scene.beats[1].reveals[0].as_str(), "child");
    let two =
        "  - { id: child, known_by: [ana, rosa] }\n  - { id: deed, known_by: [], kept: true }\n";
    insta::assert_snapshot!([
        told(with(two, "[]").unwrap_err()),
        told(with(two, "[child, chidl, child, deed]").unwrap_err()),
    ].join("\n--\n"), @r"
    10:11 no beat reveals the secret `child`; list it under `reveals: [..]` of a beat, or say `kept: true`
    10:34 `rosa` is not in the cast; add `rosa` to `cast`
    11:11 nobody knows the secret `deed`
    --
    10:34 `rosa` is not in the cast; add `rosa` to `cast`
    11:11 nobody knows the secret `deed`
    11:11 the secret `deed` is to be kept, but a beat reveals it
    26:22 the scene has no secret `chidl`; did you mean `child`?
    26:29 the secret `child` was revealed before
    ");
}

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
        talkativeness: 0.5,
    };
    ShowFacts {
        people: vec![
            person("teller", true),
            person("ana", false),
            person("luz", false),
            person("rosa", false),
        ],
        plot_lines: vec!["amnesia".into()],
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
    8:11 the thread `letter` must be resolved, but no beat does; list it under `threads: { resolves: [..] }` of a beat
    --
    22:27 the thread `letter` is resolved here, but was never opened; list it under `opens` of this beat or an earlier one
    --
    8:11 the thread `letter` must be resolved, but no beat does; list it under `threads: { resolves: [..] }` of a beat
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

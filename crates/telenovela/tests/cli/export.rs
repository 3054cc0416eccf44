//! `telenovela export`

use telenovela_script::event::EventKind;
use telenovela_script::fountain;

use crate::theatre::{Theatre, spoken};

fn after_a_performance() -> Theatre {
    let theatre = Theatre::trained();
    theatre
        .run(&["play", "crossing", "--headless", "--seed", "7"])
        .expect_success();
    theatre
}

const LOG: &str = "performances/crossing-7.jsonl";

#[test]
fn every_format_tells_every_line() {
    let theatre = after_a_performance();
    let events = theatre.events(LOG);
    for format in ["fountain", "markdown", "text", "json", "html"] {
        let transcript = theatre
            .run(&["export", LOG, "--format", format])
            .expect_success()
            .stdout;
        assert!(!transcript.contains('\u{1b}'));
        assert!(transcript.contains("The Crossing"), "{transcript}");
        // Authored lines have nothing that a format would escape; they are wrapped at most.
        let unwrapped: Vec<&str> = transcript.split_whitespace().collect();
        let unwrapped = unwrapped.join(" ");
        for text in [
            "Who is that man?",
            "Nobody, Madame. With a ticket.",
            "Hold the rope.",
        ] {
            assert!(unwrapped.contains(text), "{format}: {transcript}");
        }
    }
    let default = theatre.run(&["export", LOG]).expect_success().stdout;
    let fountain = theatre.run(&["export", LOG, "--format", "fountain"]);
    assert_eq!(default, fountain.stdout);
    assert!(!events.is_empty());
}

#[test]
fn the_json_of_a_performance_is_json() {
    let theatre = after_a_performance();
    let outcome = theatre.run(&["export", LOG, "--format", "json"]);
    let document: serde_json::Value =
        serde_json::from_str(&outcome.expect_success().stdout).unwrap();
    assert!(document.is_object(), "{document}");
    let text = document.to_string();
    assert!(
        text.contains("generated") && text.contains("authored"),
        "{text}"
    );
}

/// The data that lie in an exported page.
fn data_of_page(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"performance\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn a_page_has_the_times_and_the_takes_of_the_log() {
    let theatre = after_a_performance();
    let events = theatre.events(LOG);
    let page = theatre
        .run(&["export", LOG, "--format", "html"])
        .expect_success();
    let data = data_of_page(&page.stdout);
    let steps = data["steps"].as_array().unwrap().iter();
    let lines: Vec<_> = steps.filter(|step| step["line"].is_object()).collect();
    let logged = events.iter().filter_map(|event| match &event.kind {
        EventKind::Utterance(spoken) => Some((event.at_ms, spoken)),
        _ => None,
    });
    assert_eq!(lines.len(), logged.clone().count());
    for (step, (at_ms, spoken)) in lines.iter().zip(logged) {
        let line = &step["line"];
        // The log's time of a line is that of its first word, added up by the stage itself.
        assert_eq!(line["words"], at_ms, "{}", spoken.id);
        assert_eq!(step["at"], at_ms - spoken.utterance.pause_ms);
        let takes = line["takes"].as_array().map_or(0, Vec::len);
        assert_eq!(takes, spoken.takes.len());
    }
    assert_eq!(data["end"], events.last().unwrap().at_ms);
    let threads = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::ThreadChanged { .. }));
    assert_eq!(
        data["threads"].as_array().unwrap().len(),
        threads.count(),
        "{data}"
    );
}

#[test]
fn a_cast_plays_on_a_terminal_as_the_log_has_it() {
    let theatre = after_a_performance();
    let events = theatre.events(LOG);
    for (columns, rows) in [(80_u16, 24_u16), (40, 12), (132, 43)] {
        let size = format!("{columns}x{rows}");
        let cast = theatre
            .run(&["export", LOG, "--format", "cast", "--size", &size])
            .expect_success()
            .stdout;
        // Everything that is on the screen at any time.
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        let mut seen: Vec<String> = Vec::new();
        let mut played_ms = 0.0;
        for line in cast.lines().skip(1) {
            let (at, code, data): (f64, String, String) = serde_json::from_str(line).unwrap();
            if code == "o" {
                terminal.process(data.as_bytes());
                played_ms = at * 1_000.0;
            }
            for row in terminal.screen().rows(0, columns) {
                let row = row.trim().to_owned();
                if !seen.contains(&row) {
                    seen.push(row);
                }
            }
        }
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let all: String = seen.iter().map(|row| squeezed(row)).collect();
        for line in spoken(&events) {
            for word in line.utterance.text.split_whitespace() {
                assert!(all.contains(word), "{size}: no «{word}»");
            }
        }
        let end_ms = events.last().unwrap().at_ms as f64;
        assert!(played_ms > end_ms + 3_500.0, "{played_ms} after {end_ms}");
        let last: String = terminal.screen().contents();
        assert!(last.contains("--seed 7"), "{last}");
        // Who has watched it in a terminal of his own has it back.
        assert!(!terminal.screen().hide_cursor());
    }
}

#[test]
fn the_name_of_a_file_says_its_format() {
    let theatre = after_a_performance();
    for (name, begins) in [
        ("evening.html", "<!doctype html>"),
        ("evening.cast", "{\"env\""),
        ("evening.md", "# The Crossing"),
        ("evening", "Title: The Crossing"),
    ] {
        theatre.run(&["export", LOG, "-o", name]).expect_success();
        let text = theatre.read(name);
        assert!(text.starts_with(begins), "{text:.40}");
    }
    theatre
        .run(&["export", LOG, "--format", "cast", "--size", "80"])
        .expect_failure(2, &["`80` is no size"]);
}

#[test]
fn a_fountain_transcript_is_read_back_line_by_line() {
    let theatre = after_a_performance();
    let events = theatre.events(LOG);
    let transcript = theatre.run(&["export", LOG]).expect_success().stdout;
    let script = fountain::parse(&transcript);
    let turns = script.scenes.iter().flat_map(|scene| &scene.turns);
    let read: Vec<(String, String, Option<String>)> = turns
        .filter_map(|turn| {
            let speaker = turn.speaker.clone()?;
            Some((speaker, turn.text.clone(), turn.delivery.clone()))
        })
        .collect();
    let said: Vec<(String, String, Option<String>)> = spoken(&events)
        .map(|line| &line.utterance)
        .map(|line| {
            let delivery = line.delivery.clone();
            (line.name.to_uppercase(), line.text.clone(), delivery)
        })
        .collect();
    assert_eq!(read, said);
}

#[test]
fn a_transcript_is_replaced_only_by_force() {
    let theatre = after_a_performance();
    let args = [
        "export",
        LOG,
        "-o",
        "out/evening.md",
        "--format",
        "markdown",
    ];
    let wrote = theatre.run(&args).expect_success();
    assert_eq!(wrote.stdout, "");
    assert!(wrote.stderr.contains("out/evening.md"), "{}", wrote.stderr);
    let printed = theatre.run(&["export", LOG, "--format", "markdown", "-o", "-"]);
    assert_eq!(theatre.read("out/evening.md"), printed.stdout);
    theatre.write("out/evening.md", "mine now\n");
    theatre
        .run(&args)
        .expect_failure(5, &["out/evening.md exists already; `--force` replaces it"]);
    assert_eq!(theatre.read("out/evening.md"), "mine now\n");
    let mut forced = args.to_vec();
    forced.push("--force");
    theatre.run(&forced).expect_success();
    assert_eq!(theatre.read("out/evening.md"), printed.stdout);
}

#[test]
fn the_latest_log_is_taken_when_none_is_named() {
    let theatre = after_a_performance();
    let in_the_past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let log = std::fs::File::options()
        .append(true)
        .open(theatre.path(LOG));
    log.unwrap().set_modified(in_the_past).unwrap();
    theatre
        .run(&["play", "two-oars", "--headless", "--seed", "1"])
        .expect_success();
    let latest = theatre.run(&["export"]).expect_success().stdout;
    assert!(latest.contains("Two Oars"), "{latest}");
}

#[test]
fn without_a_performance_there_is_nothing_to_export() {
    let theatre = Theatre::untrained();
    theatre.run(&["export"]).expect_failure(
        3,
        &[
            "there is no performance in performances yet",
            "telenovela play",
        ],
    );
    theatre
        .run(&["export", "nowhere.jsonl"])
        .expect_failure(5, &["nowhere.jsonl cannot be read"]);
}

#[test]
fn a_torn_last_line_is_left_out_and_told() {
    let theatre = after_a_performance();
    let log = theatre.read(LOG);
    theatre.write(LOG, &log[..log.len() - 20]);
    let outcome = theatre.run(&["export", LOG]).expect_success();
    assert!(
        outcome
            .stderr
            .contains("the last line was cut off and is left out"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stdout.contains("Hold the rope."));
    // Any other damage is refused with its place.
    let (first, rest) = log.split_once('\n').unwrap();
    theatre.write(LOG, &format!("{first}\n{{}}\n{rest}"));
    theatre
        .run(&["export", LOG])
        .expect_failure(3, &["crossing-7.jsonl:2:"]);
}

#[test]
fn an_unknown_format_is_told_with_the_nearest() {
    let theatre = after_a_performance();
    theatre
        .run(&["export", LOG, "--format", "markdwon"])
        .expect_failure(3, &["there is no format `markdwon`", "`markdown`"]);
}

#[test]
fn exporting_leaves_the_log_alone() {
    let theatre = after_a_performance();
    let log = theatre.read(LOG);
    for force in [&[][..], &["--force"][..]] {
        theatre
            .run(&[&["export", LOG, "-o", LOG], force].concat())
            .expect_failure(3, &["is the log itself"]);
    }
    assert_eq!(theatre.read(LOG), log);
    let events = theatre.events(LOG);
    assert!(matches!(events[0].kind, EventKind::PerformanceStarted(_)));
}

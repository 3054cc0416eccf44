//! «Your own character» of the README, walked as it is written there.

use std::fs;
use std::path::Path;

use telenovela_script::event::{EndReason, EventKind};

use crate::theatre::{Theatre, spoken};

const LINES: [&str; 20] = [
    "I came with the fog, and I mean to stay for supper.",
    "(softly) Nobody told me the river had a price.",
    "I sell umbrellas. I pray for rain, and I am heard.",
    "Do not look at my shoes. Look at my future.",
    "Your brother owes me a song and eleven coins.",
    "I never lie before noon. Ask me again at one.",
    "(laughing) You call that a storm? I was born in worse.",
    "My mother said: marry a man with a roof.",
    "I have read every letter in this house twice.",
    "The fog told me. The fog tells me everything.",
    "Keep the lantern. I have seen enough faces tonight.",
    "I cried once, in the spring, for a horse.",
    "You may kiss my hand, but count your rings after.",
    "(coldly) I was promised a window and a goose.",
    "There is rain in my pockets and it is yours.",
    "I forgive you. It is Tuesday, I forgive everybody.",
    "Do not wake the judge. He dreams in my favour.",
    "I hid the key where you hid your heart.",
    "(pause) Say that again, and say it like a goose.",
    "If this boat sinks, I never liked it.",
];

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    fs::read_to_string(path).unwrap()
}

/// The commands of a section, as typed after `cargo run --release --`.
fn commands(section: &str) -> Vec<Vec<String>> {
    let lines = section.lines().map(str::trim);
    let typed = lines.filter_map(|line| line.strip_prefix("cargo run --release -- "));
    typed
        .map(|line| {
            let words = line.split('#').next().unwrap().split_whitespace();
            words.map(str::to_owned).collect()
        })
        .collect()
}

/// Gives the small show and one of its scenes the names that the README uses.
fn as_in_the_readme(theatre: &Theatre) {
    for folder in ["characters", "scenes"] {
        fs::rename(
            theatre.path(folder).join("ferry"),
            theatre.path(folder).join("salt-and-thunder"),
        )
        .unwrap();
    }
    let scenes = theatre.path("scenes/salt-and-thunder");
    fs::rename(
        scenes.join("two-oars.yaml"),
        scenes.join("at-the-windmill.yaml"),
    )
    .unwrap();
    for scene in ["at-the-windmill", "crossing"] {
        let file = format!("scenes/salt-and-thunder/{scene}.yaml");
        theatre.edit(&file, "show: ferry", "show: salt-and-thunder");
    }
}

#[test]
fn the_readme_leads_to_a_character_that_is_heard() {
    let readme = readme();
    let (_, section) = readme.split_once("\n## Your own character\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let commands = commands(section);
    let names: Vec<&str> = commands.iter().map(|words| words[0].as_str()).collect();
    assert_eq!(names, ["new", "train", "say", "check", "play"]);

    let theatre = Theatre::trained();
    as_in_the_readme(&theatre);
    let run = |command: &[String]| {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        theatre.run(&args).expect_success()
    };

    // 1. Write its file.
    let wrote = run(&commands[0]);
    let file = "characters/salt-and-thunder/lola.yaml";
    assert!(wrote.stdout.contains(file), "{}", wrote.stdout);

    // 2. Type lines under `inline:`, in the place of the examples.
    assert!(section.contains(&format!("`{file}`")) && section.contains("`inline:`"));
    let yaml = theatre.read(file);
    let (before, after) = yaml.split_once("  inline:\n").unwrap();
    let after: Vec<&str> = after
        .lines()
        .skip_while(|line| line.starts_with("    - "))
        .collect();
    let typed: Vec<String> = LINES
        .iter()
        .map(|line| format!("    - \"{line}\"\n"))
        .collect();
    theatre.write(
        file,
        &format!(
            "{before}  inline:\n{}{}\n",
            typed.concat(),
            after.join("\n")
        ),
    );

    // 3. Train her, and hear her. Nobody else is trained again.
    let models = || {
        let folder = theatre.path("characters/salt-and-thunder/models");
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
            .filter(|(name, _)| name != "lola.safetensors")
            .collect();
        files.sort();
        files
    };
    let others = models();
    let trained = run(&commands[1]);
    assert!(
        trained.stderr.contains(
            "lola         has little text: only its speaker's vector and its head are trained"
        ),
        "{}",
        trained.stderr
    );
    assert!(models() == others, "somebody else was trained again");
    let said = run(&commands[2]);
    assert_eq!(said.stdout.matches("    total ").count(), 5);

    // 4. Put her on stage.
    let (from, to) = (
        "scenes/salt-and-thunder/at-the-windmill.yaml",
        "scenes/salt-and-thunder/lola.yaml",
    );
    assert!(section.contains(&format!("copy `{from}` to `{to}`")));
    assert!(section.contains("put `lola` in its `cast`"));
    theatre.write(to, &theatre.read(from));
    theatre.edit(to, "cast: [", "cast: [lola, ");
    run(&commands[3]);
    let played = run(&commands[4]);
    assert!(
        played.stderr.contains("performances/lola-"),
        "{}",
        played.stderr
    );

    // Which evening it was is chance; in these, she is heard.
    let lines = (1..=5).map(|seed: u32| {
        let log = format!("lola-{seed}.jsonl");
        let seed = seed.to_string();
        let args = ["play", "lola", "--headless", "--seed", &seed, "--log", &log];
        theatre.run(&args).expect_success();
        let events = theatre.events(&log);
        assert!(matches!(
            events.last().unwrap().kind,
            EventKind::PerformanceEnded {
                reason: EndReason::Concluded,
                ..
            }
        ));
        let hers = spoken(&events).filter(|line| line.utterance.speaker.as_str() == "lola");
        hers.count()
    });
    assert!(lines.sum::<usize>() > 0);
}

#[test]
fn every_command_of_the_readme_exists() {
    for command in commands(&readme()) {
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        // Parsed, as far as that goes without being done.
        words.push("--help");
        Theatre::untrained().run(&words).expect_success();
    }
}

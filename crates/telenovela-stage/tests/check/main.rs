//! `check` accepts a scene or an episode exactly when it can be played to the end that it declares.
//!
//! Files are drawn at random, and broken in every way that `check` has a rule for. What says a scene at all, broken or not, is performed with voices that
//! read from a list, twenty times with other seeds; a judge who has seen nothing but the events says whether all was as it is written. What says no
//! scene has to be refused.
//!
//! Ten thousand scenes and five hundred episodes, with a table of what was broken: `cargo test --release -p telenovela-stage --test check -- --ignored --nocapture`.

mod breakages;
mod chain;
mod draw;
mod run;
mod show;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use telenovela_script::problem::Problems;
use telenovela_script::scene::{Scene, SecretId};
use tokio::runtime::Runtime;

use breakages::{BREAKAGES, GARBLINGS};
use draw::Dice;
use run::{judge, names, perform_all};
use show::Theatre;

/// What came of the files that were broken in one way.
#[derive(Clone, Debug, Default)]
struct Row {
    n: u64,
    n_accepted: u64,
}

#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<String, Row>,
    /// What `check` said, names left out, and how often.
    rules: BTreeMap<String, u64>,
    disagreements: Vec<String>,
}

impl Table {
    fn count(&mut self, kind: &str, checked: Result<(), &Problems>) {
        let row = self.rows.entry(kind.to_owned()).or_default();
        row.n += 1;
        row.n_accepted += u64::from(checked.is_ok());
        for problem in checked.err().into_iter().flat_map(Problems::iter) {
            *self.rules.entry(rule_of(&problem.message)).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        for (kind, row) in other.rows {
            let known = self.rows.entry(kind).or_default();
            known.n += row.n;
            known.n_accepted += row.n_accepted;
        }
        for (rule, n) in other.rules {
            *self.rules.entry(rule).or_default() += n;
        }
        self.disagreements.extend(other.disagreements);
    }
}

/// A message without the names and numbers in it.
fn rule_of(message: &str) -> String {
    let mut rule = String::new();
    for (at, piece) in message.split('`').enumerate() {
        rule.push_str(if at % 2 == 0 { piece } else { "_" });
    }
    let mut short = String::new();
    for c in rule.chars() {
        if !c.is_ascii_digit() {
            short.push(c);
        } else if !short.ends_with('#') {
            short.push('#');
        }
    }
    short
}

/// What is wrong with scenes as they are played, all seeds together.
fn faults(
    runtime: &Runtime,
    scenes: &[Scene],
    kept: &[Vec<SecretId>],
    n_seeds: u64,
) -> Vec<&'static str> {
    let mut faults = names(scenes, kept);
    for seed in 0..n_seeds {
        match runtime.block_on(perform_all(scenes, seed)) {
            Some(events) => faults.extend(judge(scenes, &events)),
            None => faults.push("it cannot begin"),
        }
        // One performance that goes wrong is enough.
        if !faults.is_empty() {
            break;
        }
    }
    faults
}

/// The first draw for a case of which something can be made.
fn first<T>(case: u64, draw: impl Fn(&mut Dice) -> Option<T>) -> T {
    let mut draws = (0..1_000_u64).map(|attempt| Dice::new(case + (attempt << 32)));
    let found = draws.find_map(|mut dice| draw(&mut dice));
    found.expect("every way to break something fits one draw in a thousand")
}

/// One scene, broken or not.
fn try_scene(theatre: &Theatre, runtime: &Runtime, case: u64, n_seeds: u64, table: &mut Table) {
    let kind = case as usize % (BREAKAGES.len() + GARBLINGS.len());
    if let Some((name, garble)) = kind.checked_sub(BREAKAGES.len()).map(|at| GARBLINGS[at]) {
        let text = first(case, |dice| {
            let drawn = draw::scene(dice);
            garble(dice, &yaml::scene(&drawn.scene, &drawn.kept))
        });
        let file = theatre.write_scene("case", &text);
        let checked = theatre.workspace().load_scene(&file);
        table.count(&format!("no scene: {name}"), checked.as_ref().map(|_| ()));
        if checked.is_ok() {
            table
                .disagreements
                .push(format!("case {case}, {name}: accepted\n{text}"));
        }
        return;
    }
    let (name, break_it) = BREAKAGES[kind];
    let drawn = first(case, |dice| {
        let mut drawn = draw::scene(dice);
        break_it(dice, &mut drawn).then_some(drawn)
    });
    let text = yaml::scene(&drawn.scene, &drawn.kept);
    let file = theatre.write_scene("case", &text);
    let checked = theatre.workspace().load_scene(&file);
    table.count(&format!("a scene: {name}"), checked.as_ref().map(|_| ()));
    let played = std::slice::from_ref(&drawn.scene);
    let faults = faults(runtime, played, std::slice::from_ref(&drawn.kept), n_seeds);
    if let Ok(scene) = &checked {
        assert_eq!(
            *scene, drawn.scene,
            "case {case} is read otherwise than it was written"
        );
    }
    disagree(case, name, checked.err(), &faults, &text, table);
}

fn disagree(
    case: u64,
    name: &str,
    refused: Option<Problems>,
    faults: &[&str],
    text: &str,
    table: &mut Table,
) {
    if refused.is_some() == faults.is_empty() {
        let told =
            refused.map_or_else(|| String::from("accepted"), |problems| problems.to_string());
        table.disagreements.push(format!(
            "case {case}, {name}: played {faults:?}, but check says\n{told}\n{text}"
        ));
    }
}

/// One episode, broken or not.
fn try_episode(theatre: &Theatre, runtime: &Runtime, case: u64, n_seeds: u64, table: &mut Table) {
    let kind = case as usize % (chain::BREAKAGES.len() + chain::GARBLINGS.len());
    let write = |drawn: &chain::Chain, text: &str| {
        for part in &drawn.parts {
            theatre.write_scene(
                part.scene.id.as_str(),
                &yaml::scene(&part.scene, &part.kept),
            );
        }
        let file = theatre.write_episode(text);
        theatre.workspace().load_episode(&file)
    };
    if let Some((name, garble)) = kind
        .checked_sub(chain::BREAKAGES.len())
        .map(|at| chain::GARBLINGS[at])
    {
        let drawn = chain::draw(&mut Dice::new(case));
        let text = garble(&drawn.yaml());
        let checked = write(&drawn, &text);
        table.count(&format!("no episode: {name}"), checked.as_ref().map(|_| ()));
        if checked.is_ok() {
            table
                .disagreements
                .push(format!("case {case}, {name}: accepted\n{text}"));
        }
        return;
    }
    let (name, break_it) = chain::BREAKAGES[kind];
    let drawn = first(case, |dice| {
        let mut drawn = chain::draw(dice);
        break_it(dice, &mut drawn).then_some(drawn)
    });
    let text = drawn.yaml();
    let checked = write(&drawn, &text);
    table.count(&format!("an episode: {name}"), checked.as_ref().map(|_| ()));
    // What is accepted is played as it was read, cliffhangers included.
    let played = match &checked {
        Ok(episode) => episode.scenes.clone(),
        Err(_) => drawn.scenes(),
    };
    let faults = faults(runtime, &played, &drawn.kept(), n_seeds);
    let mut all = text;
    for part in &drawn.parts {
        all.push_str("----\n");
        all.push_str(&yaml::scene(&part.scene, &part.kept));
    }
    disagree(case, name, checked.err(), &faults, &all, table);
}

/// So many scenes and episodes on all cores.
fn try_all(n_scenes: u64, n_episodes: u64, n_seeds: u64) -> Table {
    let next = AtomicU64::new(0);
    let table = Mutex::new(Table::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let theatre = Theatre::new();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .expect("the system has a thread left");
                let mut own = Table::default();
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case < n_scenes {
                        try_scene(&theatre, &runtime, case, n_seeds, &mut own);
                    } else if case < n_scenes + n_episodes {
                        try_episode(&theatre, &runtime, case, n_seeds, &mut own);
                    } else {
                        break;
                    }
                }
                table
                    .lock()
                    .expect("no worker panics with the table in hand")
                    .add(own);
            });
        }
    });
    table
        .into_inner()
        .expect("no worker panics with the table in hand")
}

fn all_agree(table: &Table) {
    let told: Vec<&str> = table
        .disagreements
        .iter()
        .take(3)
        .map(String::as_str)
        .collect();
    assert!(
        table.disagreements.is_empty(),
        "{} disagreements, the first of them:\n{}",
        table.disagreements.len(),
        told.join("\n========\n")
    );
}

#[test]
fn check_accepts_exactly_what_can_be_played_to_its_declared_end() {
    all_agree(&try_all(304, 72, 3));
}

#[test]
#[ignore = "takes minutes; for the whole figure"]
#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn check_accepts_exactly_what_can_be_played_ten_thousand_times() {
    let table = try_all(10_000, 480, 20);
    println!(
        "{:>6} {:>8} {:>8}  what was done to it",
        "files", "accepted", "refused"
    );
    for (kind, row) in &table.rows {
        println!(
            "{:6} {:8} {:8}  {kind}",
            row.n,
            row.n_accepted,
            row.n - row.n_accepted
        );
    }
    println!("\n{:>6}  what check says", "times");
    for (rule, n) in &table.rules {
        println!("{n:6}  {rule}");
    }
    let (n, n_accepted) = table.rows.values().fold((0, 0), |(n, accepted), row| {
        (n + row.n, accepted + row.n_accepted)
    });
    println!(
        "\n{n} files, {n_accepted} accepted; {} disagreements",
        table.disagreements.len()
    );
    for (name, _) in BREAKAGES {
        assert!(
            table.rows.contains_key(&format!("a scene: {name}")),
            "never: {name}"
        );
    }
    for (name, _) in GARBLINGS {
        assert!(
            table.rows.contains_key(&format!("no scene: {name}")),
            "never: {name}"
        );
    }
    all_agree(&table);
}

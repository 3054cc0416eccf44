//! `telenovela train`, ended at any moment, begun again, and by many processes at once.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::theatre::{CAST, Outcome, Theatre};

const TRAINING: &str = "characters/ferry/models/.training";

/// Trains with a checkpoint at each step, and is killed as soon as it has told of this many. Nothing waits for a clock: the process is far ahead of
/// what it has told, or not at all, and either must do.
pub(crate) fn killed_after(theatre: &Theatre, names: &[&str], n_checkpoints: usize) {
    let args = ["train", "--checkpoint-every", "1", "--log", "-"];
    let mut command = theatre.command(&args);
    let mut child = command
        .args(names)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stdout.take().unwrap());
    let nth = told
        .lines()
        .map(|line| line.unwrap())
        .filter(|line| line.contains("\"checkpoint\""))
        .nth(n_checkpoints - 1);
    // On Unix a SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(nth.is_some(), "it ended by itself");
}

/// The lines of a log.
fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == kind)
        .collect()
}

#[test]
fn a_training_that_is_killed_comes_to_the_same_bytes() {
    let whole = Theatre::trained();
    let theatre = Theatre::untrained();
    // The ensemble at several places, then characters; each time another number of steps further.
    for n_checkpoints in [1, 4, 9, 2] {
        killed_after(&theatre, &["ferry"], n_checkpoints);
        assert!(theatre.path(TRAINING).exists());
    }
    theatre.run(&["train", "ferry", "--only"]).expect_success();
    for n_checkpoints in [1, 7, 12] {
        killed_after(&theatre, &[], n_checkpoints);
    }
    let outcome = theatre.run(&["train"]).expect_success();
    assert!(
        outcome.stderr.contains("goes on from its checkpoint"),
        "{}",
        outcome.stderr
    );
    assert!(theatre.models() == whole.models());
    assert!(!theatre.path(TRAINING).exists(), "something is left over");
}

#[test]
fn a_training_goes_on_with_another_number_of_threads() {
    let whole = Theatre::trained();
    let theatre = Theatre::untrained();
    killed_after(&theatre, &["ferry"], 5);
    let mut command = theatre.command(&["train", "--threads", "3"]);
    command
        .env("RAYON_NUM_THREADS", "3")
        .env("CANDLE_NUM_THREADS", "3");
    Outcome::of(&command.output().unwrap()).expect_success();
    assert!(theatre.models() == whole.models());
}

#[test]
fn the_log_of_a_training_that_was_killed_tells_the_figures_of_every_epoch() {
    let epochs = |text: &str| -> Vec<Value> {
        let mut epochs: Vec<Value> = events(text)
            .into_iter()
            .filter(|event| event["event"] == "epoch")
            .map(|mut event| {
                assert!(event["chars_per_second"].as_f64().unwrap() >= 0.0);
                event["chars_per_second"] = Value::Null;
                event
            })
            .collect();
        // Whoever is killed after the epoch and before the checkpoint tells it twice, in the same words.
        epochs.dedup();
        epochs
    };
    let (whole, theatre) = (Theatre::untrained(), Theatre::untrained());
    let train = ["train", "ferry", "--only", "--log", "train.jsonl"];
    whole.run(&train).expect_success();
    let expected = epochs(&whole.read("train.jsonl"));
    assert_eq!(expected.len(), 2);
    for field in ["train_bits", "dev_bits", "voice_gap", "grad_norm", "lr"] {
        assert!(expected[0][field].is_number(), "no {field}");
    }
    let mut told = String::new();
    for n_checkpoints in [6, 3] {
        let mut command = theatre.command(&["train", "ferry", "--only", "--checkpoint-every", "1"]);
        let mut child = command
            .args(["--log", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut left = n_checkpoints;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            told.push_str(&line);
            told.push('\n');
            left -= usize::from(line.contains("\"checkpoint\""));
            if left == 0 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let rest = theatre.run(&["train", "ferry", "--only", "--log", "-"]);
    told.push_str(&rest.expect_success().stdout);
    let last = told.lines().last().unwrap();
    assert!(last.contains("\"done\""), "{last}");
    assert_eq!(of_kind(&events(&told), "resumed").len(), 2);
    // Of an epoch that nobody was told of, because the teller was killed, the model's own history tells.
    let told = epochs(&told);
    assert!(told.iter().all(|epoch| expected.contains(epoch)));
    assert!(theatre.models() == whole.models());
}

#[test]
fn a_changed_recipe_is_refused_with_what_has_changed_until_it_is_put_back_or_forced() {
    let theatre = Theatre::untrained();
    killed_after(&theatre, &["ferry"], 3);
    let show = "characters/ferry/show.yaml";
    theatre.edit(show, "lr: 1.0e-2", "lr: 2.0e-2");
    let told = [
        "the training of `the ensemble` stands at step ",
        "recipe.lr: was 0.01, is 0.02",
        "telenovela train ferry --only --force",
    ];
    theatre.run(&["train"]).expect_failure(3, &told);
    theatre.edit(show, "lr: 2.0e-2", "lr: 1.0e-2");
    theatre.run(&["train", "ferry", "--only"]).expect_success();
    killed_after(&theatre, &["rene"], 3);
    theatre.edit(show, "character_lr: 2.0e-3", "character_lr: 3.0e-3");
    let told = [
        "recipe.character_lr: was 0.002, is 0.003",
        "telenovela train ferry/rene --force",
    ];
    theatre.run(&["train", "rene"]).expect_failure(3, &told);
    theatre.run(&["train", "rene", "--force"]).expect_success();
    assert!(!theatre.path(TRAINING).exists());
}

#[test]
fn what_is_left_of_a_training_that_ended_too_early_to_tidy_up_is_removed() {
    let theatre = Theatre::trained();
    let before = theatre.models();
    let left = theatre.path(TRAINING).join("clara");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("step-000000001.safetensors"), "anything").unwrap();
    fs::write(left.join(".tmp1a2B3c"), "half of anything").unwrap();
    fs::write(theatre.path(TRAINING).join("clara.lock"), "1\n").unwrap();
    theatre.run(&["train", "clara", "--only"]).expect_success();
    assert!(!theatre.path(TRAINING).exists());
    assert!(theatre.models() == before);
}

#[test]
fn only_trains_what_is_named_and_refuses_without_an_ensemble() {
    let theatre = Theatre::untrained();
    let refused = |told: &[&str]| {
        theatre
            .run(&["train", "clara", "--only"])
            .expect_failure(4, told);
    };
    refused(&[
        "the ensemble of `ferry`, from which `clara` grows, has no trained model",
        "telenovela train ferry --only",
    ]);
    theatre.run(&["train", "ferry", "--only"]).expect_success();
    let names = |theatre: &Theatre| -> Vec<String> {
        theatre.models().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&theatre), ["ensemble.safetensors"]);
    theatre.run(&["train", "clara", "--only"]).expect_success();
    assert_eq!(
        names(&theatre),
        ["clara.safetensors", "ensemble.safetensors"]
    );
    theatre.edit("characters/ferry/show.yaml", "epochs: 2", "epochs: 1");
    refused(&["is older than the scripts or the recipe"]);
    theatre.run(&["train", "--only"]).expect_failure(2, &[]);
}

/// Starts a training of one model.
fn start(theatre: &Theatre, args: &[&str]) -> Child {
    let mut command = theatre.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn twelve_processes_at_once_make_the_bytes_of_one_after_another() {
    let (at_once, in_turn) = (Theatre::untrained(), Theatre::untrained());
    // Twelve more who speak with the lines of the cast, so that nobody shares a file.
    let extras: Vec<String> = (1..=12).map(|n| format!("extra-{n}")).collect();
    for theatre in [&at_once, &in_turn] {
        for (n, id) in extras.iter().enumerate() {
            let like = ["clara", "rene", "odette"][n % 3];
            let persona = theatre.read(&format!("characters/ferry/{like}.yaml"));
            theatre.write(&format!("characters/ferry/{id}.yaml"), &persona);
        }
        theatre.run(&["train", "ferry", "--only"]).expect_success();
    }
    let running: Vec<Child> = extras
        .iter()
        .map(|id| start(&at_once, &["train", id, "--only"]))
        .collect();
    for child in running {
        Outcome::of(&child.wait_with_output().unwrap()).expect_success();
    }
    for id in &extras {
        in_turn.run(&["train", id, "--only"]).expect_success();
    }
    let models = at_once.models();
    assert_eq!(models.len(), 13);
    assert!(models == in_turn.models());
}

/// The script of an array job as `docs/training.md` has it, for this show.
#[cfg(unix)]
fn array_script() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/training.md");
    let docs = fs::read_to_string(docs).unwrap();
    let (_, after) = docs.split_once("```sh\n").unwrap();
    let (script, _) = after.split_once("```").unwrap();
    assert!(script.contains("salt-and-thunder") && script.contains("SLURM_ARRAY_TASK_ID"));
    script.replace("salt-and-thunder", "ferry")
}

#[cfg(unix)]
#[test]
fn the_array_job_of_the_documentation_trains_everybody() {
    let whole = Theatre::trained();
    let theatre = Theatre::untrained();
    theatre.run(&["train", "ferry", "--only"]).expect_success();
    theatre.write("train.sbatch", &array_script());
    let program = Path::new(env!("CARGO_BIN_EXE_telenovela"));
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::split_paths(&path).collect::<Vec<_>>();
    let path = std::iter::once(program.parent().unwrap().to_owned()).chain(path);
    let path = std::env::join_paths(path).unwrap();
    let tasks: Vec<Child> = (1..=CAST.len())
        .map(|task| {
            let mut command = std::process::Command::new("sh");
            command
                .arg("train.sbatch")
                .current_dir(theatre.path(""))
                .env("PATH", &path)
                .env("SLURM_ARRAY_TASK_ID", task.to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for task in tasks {
        Outcome::of(&task.wait_with_output().unwrap()).expect_success();
    }
    assert!(theatre.models() == whole.models());
    let events = events(&theatre.read("train.jsonl"));
    assert_eq!(of_kind(&events, "done").len(), CAST.len());
}

#[test]
fn twelve_processes_that_want_the_same_train_it_once() {
    let whole = Theatre::trained();
    let theatre = Theatre::untrained();
    let running: Vec<Child> = (0..12)
        .map(|_| start(&theatre, &["train", "--log", "train.jsonl"]))
        .collect();
    for child in running {
        Outcome::of(&child.wait_with_output().unwrap()).expect_success();
    }
    assert!(theatre.models() == whole.models());
    assert!(!theatre.path(TRAINING).exists());
    let events = events(&theatre.read("train.jsonl"));
    assert_eq!(of_kind(&events, "done").len(), CAST.len() + 1);
}

/// Holds a lock of the theatre as another process would.
fn hold(path: &Path) -> File {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "4194305\n").unwrap();
    let file = File::open(path).unwrap();
    match file.try_lock() {
        Ok(()) => file,
        Err(TryLockError::WouldBlock) => panic!("held already"),
        Err(TryLockError::Error(error)) => panic!("{error}"),
    }
}

#[test]
fn who_finds_another_at_it_says_so_and_waits() {
    let theatre = Theatre::trained();
    let lock = hold(&theatre.path(TRAINING).join("clara.lock"));
    let mut child = start(&theatre, &["train", "clara", "--only", "--force"]);
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = told.next().unwrap().unwrap();
    let holder = if cfg!(unix) {
        "process 4194305"
    } else {
        "another process"
    };
    assert_eq!(
        line,
        format!("clara        is being trained by {holder}; waiting for it")
    );
    drop(lock);
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    assert!(rest.last().unwrap().contains("done in"), "{rest:?}");
    assert!(child.wait().unwrap().success());
}

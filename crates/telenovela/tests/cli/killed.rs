//! `kill -9` at any moment, and then `--resume`; and the same models on the screen and without one. With as many repetitions as the figures ask for:
//! `cargo test -p telenovela --test cli -- --ignored killed`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use telenovela_stage::seed::Draws;

use crate::theatre::Theatre;

/// What a killed performance had come to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    not_begun: usize,
    broke_off: usize,
    complete: usize,
}

/// Kills performances at moments drawn at random: after so many bytes of what they print, and so many turns of a wheel.
fn kill_at_random_moments(n_kills: u64) -> Tally {
    let theatre = Theatre::trained();
    let play = ["play", "crossing", "--headless", "--seed", "7", "--log"];
    let whole = theatre
        .run(&[&play[..], &["whole.jsonl"]].concat())
        .expect_success();
    let expected = fs::read(theatre.path("whole.jsonl")).unwrap();
    let n_bytes = whole.stdout.len();
    let mut tally = Tally::default();
    for kill in 0..n_kills {
        let mut draws = Draws::new(kill);
        // A third of them before anything is printed, which is where most of the time goes.
        let n_read = if draws.unit() < 0.33 {
            0
        } else {
            draws.below(n_bytes).unwrap()
        };
        // From an instant to a good part of the whole, each order of magnitude as likely as the others.
        let magnitude = draws.below(24).unwrap();
        let n_spins = draws.below(1 << magnitude).unwrap();
        let log = format!("killed-{kill}.jsonl");
        let args = [&play[..], &[&log]].concat();
        let mut child = theatre
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut printed = child.stdout.take().unwrap().take(n_read as u64);
        printed.read_to_end(&mut Vec::new()).unwrap();
        for _ in 0..n_spins {
            std::hint::spin_loop();
        }
        // On Unix a SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        let resume = ["play", "--headless", "--resume", &log];
        match fs::read(theatre.path(&log)) {
            Err(_) => {
                tally.not_begun += 1;
                theatre
                    .run(&resume)
                    .expect_failure(3, &["nothing was performed yet"]);
                theatre.run(&args).expect_success();
            }
            Ok(left) if left == expected => tally.complete += 1,
            Ok(left) => {
                tally.broke_off += 1;
                assert!(
                    left.contains(&b'\n'),
                    "kill {kill}: a log without its header"
                );
                theatre.run(&resume).expect_success();
            }
        }
        let resumed = fs::read(theatre.path(&log)).unwrap();
        assert!(resumed == expected, "kill {kill}: {tally:?}");
        fs::remove_file(theatre.path(&log)).unwrap();
    }
    // What was cut off in the middle leaves nothing behind but logs.
    tally
}

#[test]
fn a_performance_that_is_killed_at_any_moment_comes_to_the_same_bytes() {
    let tally = kill_at_random_moments(6);
    assert_eq!(tally.not_begun + tally.broke_off + tally.complete, 6);
}

#[test]
#[ignore = "two hundred kills, for the whole figure"]
#[expect(clippy::print_stdout, reason = "the tally is what it is run for")]
fn a_performance_that_is_killed_two_hundred_times_comes_to_the_same_bytes() {
    println!("{:?}", kill_at_random_moments(200));
}

/// The log of a performance on a pseudo-terminal, as fast as the screen goes.
fn on_a_terminal(theatre: &Theatre, piece: &str, seed: &str, workers: &str) -> Vec<u8> {
    let size = PtySize {
        rows: 30,
        cols: 100,
        pixel_width: 0,
        pixel_height: 0,
    };
    // That of an earlier evening would look like the end of this one.
    let _ = fs::remove_file(theatre.path("screen.jsonl"));
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_telenovela"));
    command.args(["play", piece, "--seed", seed, "--log", "screen.jsonl"]);
    command.cwd(theatre.path("."));
    command.env("TERM", "xterm-256color");
    command.env("TOKIO_WORKER_THREADS", workers);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let (mut output, mut keys) = (
        pair.master.try_clone_reader().unwrap(),
        pair.master.take_writer().unwrap(),
    );
    let mut bytes = [0; 4_096];
    let is_over = || {
        let log = fs::read(theatre.path("screen.jsonl")).unwrap_or_default();
        log.windows(17).any(|piece| piece == b"performance_ended")
    };
    // Each key finishes a line; `q` at the end leaves.
    while !is_over() {
        assert!(output.read(&mut bytes).unwrap_or(0) > 0, "it ended early");
        keys.write_all(b".").unwrap();
    }
    keys.write_all(b"q").unwrap();
    while output.read(&mut bytes).unwrap_or(0) > 0 {}
    assert!(child.wait().unwrap().success());
    fs::read(theatre.path("screen.jsonl")).unwrap()
}

#[test]
#[ignore = "five seeds, for the whole figure"]
fn killed_or_not_the_same_models_make_the_same_log_on_any_number_of_workers_watched_or_not() {
    let theatre = Theatre::trained();
    theatre.write(
        "scenes/ferry/both.episode.yaml",
        "title: Both\nscenes: [crossing, two-oars]\n",
    );
    for piece in ["crossing", "both"] {
        for seed in ["0", "1", "2", "3", "4"] {
            let mut logs = Vec::new();
            for workers in ["1", "2", "8"] {
                let args = [
                    "play",
                    piece,
                    "--headless",
                    "--seed",
                    seed,
                    "--log",
                    "plain.jsonl",
                    "--force",
                ];
                let mut command = theatre.command(&args);
                assert!(
                    command
                        .env("TOKIO_WORKER_THREADS", workers)
                        .output()
                        .unwrap()
                        .status
                        .success()
                );
                logs.push(fs::read(theatre.path("plain.jsonl")).unwrap());
                logs.push(on_a_terminal(&theatre, piece, seed, workers));
            }
            assert!(
                logs.iter().all(|log| *log == logs[0]),
                "{piece}, seed {seed}"
            );
        }
    }
}

//! `telenovela bench`: what it says, not how fast it is.

use serde_json::Value;

use crate::theatre::Theatre;

#[test]
fn one_workload_is_measured_and_told_as_json() {
    let theatre = Theatre::untrained();
    let run = theatre.run(&[
        "bench",
        "--only",
        "g1-256",
        "--seconds",
        "0",
        "--threads",
        "1",
    ]);
    let measured: Value = serde_json::from_str(&run.expect_success().stdout).unwrap();
    assert_eq!(measured["workload"], "G1-256");
    let rates = &measured["chars_per_second"];
    assert!(rates["slowest"].as_f64().unwrap() > 0.0);
    assert!(rates["median"].as_f64() >= rates["slowest"].as_f64());
    assert!(rates["fastest"].as_f64() >= rates["median"].as_f64());
}

#[test]
fn a_workload_that_there_is_not_is_refused_with_those_that_there_are() {
    let theatre = Theatre::untrained();
    let run = theatre.run(&["bench", "--only", "T9"]);
    run.expect_failure(3, &["`T9`", "T1, T1-bf16, T2"]);
}

#[test]
fn a_text_too_short_for_a_workload_is_refused() {
    let theatre = Theatre::untrained();
    theatre.write("short.txt", "Ay.");
    let run = theatre.run(&["bench", "--only", "T1", "--text", "short.txt"]);
    run.expect_failure(3, &["3 characters"]);
}

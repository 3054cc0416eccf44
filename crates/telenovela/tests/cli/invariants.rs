//! What must not depend on what.

use std::process::Command;

/// The packages that a crate of the workspace is made of.
fn packages(of: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-e", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "-p", of])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Whether any of some packages is called that, or that and more after a hyphen.
fn has(packages: &[String], name: &str) -> bool {
    packages
        .iter()
        .filter_map(|package| package.strip_prefix(name))
        .any(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[test]
fn the_stage_knows_no_models_and_no_screen() {
    let stage = packages("telenovela-stage");
    assert!(has(&stage, "tokio"));
    for name in ["candle", "tokenizers", "ratatui", "clap", "telenovela-lm"] {
        assert!(!has(&stage, name), "{name}");
    }
}

#[test]
fn the_models_know_no_stage() {
    let models = packages("telenovela-lm");
    assert!(has(&models, "candle-core"));
    for name in ["tokio", "ratatui", "clap", "telenovela-stage"] {
        assert!(!has(&models, name), "{name}");
    }
}

#[test]
fn the_words_know_nobody() {
    let words = packages("telenovela-script");
    for name in [
        "tokio",
        "candle",
        "rand",
        "chacha20",
        "ratatui",
        "telenovela-lm",
        "telenovela-stage",
    ] {
        assert!(!has(&words, name), "{name}");
    }
}

//! What `docs/open-models.md` says of a model outside the theatre.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::theatre::{Outcome, Theatre};

/// The Python that has PyTorch, safetensors and tokenizers: what PEER_PYTHON names, or the usual one.
fn python() -> Option<String> {
    let usual = if cfg!(windows) { "python" } else { "python3" };
    let python = std::env::var("PEER_PYTHON").unwrap_or_else(|_| usual.to_owned());
    let has_all = Command::new(&python)
        .args(["-c", "import torch, safetensors, tokenizers"])
        .output()
        .is_ok_and(|output| output.status.success());
    has_all.then_some(python)
}

#[test]
fn the_documented_script_gives_our_logits_and_our_line() {
    let Some(python) = python() else {
        // Written past the capture of tests, so that nobody takes this for a pass.
        let told = "no Python with torch, safetensors and tokenizers here: the script of docs/open-models.md was not run\n";
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        return;
    };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/open-models.md");
    let page = std::fs::read_to_string(page).unwrap().replace("\r\n", "\n");
    let (_, script) = page.split_once("```python\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let theatre = Theatre::trained();
    for who in ["odette", "ferry"] {
        let said = theatre.run(&["say", who, "--prime", "I saw it", "--likeliest", "--json"]);
        let said = said.expect_success().stdout;
        theatre.write("ours.json", &said);
        let file = if who == "ferry" { "ensemble" } else { who };
        let output = Command::new(&python)
            .args(["-c", script])
            .arg(theatre.path(&format!("characters/ferry/models/{file}.safetensors")))
            .arg(theatre.path("ours.json"))
            .env("PYTHONIOENCODING", "utf-8")
            .output()
            .unwrap();
        let told = Outcome::of(&output).expect_success();
        assert!(
            told.stderr.contains("logits differ by at most"),
            "{}",
            told.stderr
        );
        let ours: Value = serde_json::from_str(&said).unwrap();
        // Theirs may be longer: ours is cut off after a number of characters.
        let text = ours["text"].as_str().unwrap();
        assert!(told.stdout.starts_with(text), "{:?} {text:?}", told.stdout);
    }
}

//! What `docs/data-set.md` tells others to do with the scripts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::theatre::{Outcome, program};

/// Lines and characters of a speaker.
type Sizes = BTreeMap<String, (usize, usize)>;

#[test]
fn the_documented_script_counts_what_the_program_counts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/data-set.md")).unwrap();
    let page = page.replace("\r\n", "\n");
    let (_, script) = page.split_once("```python\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let python = if cfg!(windows) { "python" } else { "python3" };
    let Ok(output) = Command::new(python)
        .args(["-c", script])
        .env("PYTHONIOENCODING", "utf-8")
        .current_dir(&root)
        .output()
    else {
        // Written past the capture of tests, so that nobody takes this for a pass.
        let told = format!("no {python} here: the script of docs/data-set.md was not run\n");
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        return;
    };
    let printed = Outcome::of(&output).expect_success().stdout;
    let theirs: Sizes = printed
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.split('\t').collect();
            let size = (cells[1].parse().unwrap(), cells[2].parse().unwrap());
            (cells[0].to_owned(), size)
        })
        .collect();

    let lines = program()
        .args(["corpus", "salt-and-thunder", "--lines"])
        .current_dir(&root)
        .output()
        .unwrap();
    let mut ours = Sizes::new();
    for line in Outcome::of(&lines).expect_success().stdout.lines() {
        let turn: Value = serde_json::from_str(line).unwrap();
        if let Some(speaker) = turn["speaker"].as_str() {
            let size = ours.entry(speaker.to_owned()).or_default();
            size.0 += 1;
            size.1 += turn["text"].as_str().unwrap().chars().count();
        }
    }
    assert!(ours.len() > 6);
    assert_eq!(ours, theirs);
}

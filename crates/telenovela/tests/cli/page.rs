//! An exported page in a real browser.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::theatre::{Outcome, Theatre};

/// A line that would be markup, an attribute, a comment, and more than a screen can hold.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!-- \\\"' &amp; שלום 👩‍👩‍👧 ";

/// Runs the script that drives the browser: with the Python that BROWSER_PYTHON names, or the usual one.
fn drive(args: &[&Path]) -> Option<Outcome> {
    let usual = if cfg!(windows) { "python" } else { "python3" };
    let python = std::env::var("BROWSER_PYTHON").unwrap_or_else(|_| usual.to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/page.py");
    let output = Command::new(python)
        .arg(script)
        .args(args)
        .env("PYTHONIOENCODING", "utf-8")
        .output();
    output.ok().map(|output| Outcome::of(&output))
}

/// Whether there are a browser, and a Python that drives it.
fn has_browser() -> bool {
    drive(&[Path::new("--find")]).is_some_and(|outcome| outcome.code == Some(0))
}

#[test]
fn the_page_performs_in_a_browser() {
    if !has_browser() {
        let told = "no Chromium here, or no Python with playwright and pypdf: the exported page was not opened\n";
        let required = std::env::var("BROWSER_REQUIRED").is_ok_and(|required| required == "1");
        assert!(!required, "{told}");
        // Written past the capture of tests, so that nobody takes this for a pass.
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        return;
    }
    let theatre = Theatre::trained();
    theatre
        .run(&["play", "crossing", "--headless", "--seed", "7"])
        .expect_success();
    let log = "performances/crossing-7.jsonl";
    theatre
        .run(&["export", log, "-o", "evening.html"])
        .expect_success();
    let long = "ñ".repeat(2_000);
    theatre.edit(log, "Hold the rope.", &format!("{HOSTILE}{long}"));
    theatre
        .run(&["export", log, "-o", "hostile.html"])
        .expect_success();
    let pages = ["evening.html", "hostile.html"].map(|name| theatre.path(name));
    let seen = drive(&[&pages[0], &pages[1]]).expect("the browser was found");
    seen.expect_success();
}

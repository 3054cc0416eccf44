//! The file of an asciicast, and text as a terminal takes it.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::character::Color;

pub(super) const RESET: &str = "\x1b[0m";
pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const ITALIC: &str = "\x1b[3m";

/// What is written, and when. Times never go back.
pub(super) struct Tape {
    text: String,
    at_ms: u64,
    /// Not yet in the file: what is written at one time is one event.
    pending: String,
}

impl Tape {
    /// An empty tape for a terminal of so many columns and rows.
    pub(super) fn new(columns: u16, rows: u16, title: &str) -> Self {
        let header = serde_json::json!({
            "version": 2,
            "width": columns,
            "height": rows,
            "title": title,
            "env": { "TERM": "xterm-256color" },
        });
        Self {
            text: format!("{header}\n"),
            at_ms: 0,
            pending: String::new(),
        }
    }

    /// Writes to the terminal, not before what was written last.
    pub(super) fn write(&mut self, at_ms: u64, text: &str) {
        if at_ms > self.at_ms {
            self.flush();
            self.at_ms = at_ms;
        }
        self.pending.push_str(text);
    }

    /// Sets a marker to jump to.
    pub(super) fn mark(&mut self, at_ms: u64, label: &str) {
        self.write(at_ms, "");
        self.flush();
        self.event("m", label);
    }

    /// The file.
    pub(super) fn into_text(mut self) -> String {
        self.flush();
        self.text
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.event("o", &pending);
        }
    }

    fn event(&mut self, code: &str, data: &str) {
        let data = serde_json::Value::from(data);
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.text,
            "[{}.{:03}, \"{code}\", {data}]",
            self.at_ms / 1_000,
            self.at_ms % 1_000
        );
    }
}

/// Rows of at most `columns` cells, broken at white space; a longer word is broken between letters. An empty text has no row.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut rows: Vec<String> = Vec::new();
    let mut row = String::new();
    for word in text.split_whitespace() {
        let space = usize::from(!row.is_empty());
        if row.width() + space + word.width() <= columns {
            row.push_str(if row.is_empty() { "" } else { " " });
            row.push_str(word);
            continue;
        }
        if !row.is_empty() {
            rows.push(std::mem::take(&mut row));
        }
        for letter in word.graphemes(true) {
            if row.width() + letter.width() > columns {
                rows.push(std::mem::take(&mut row));
            }
            row.push_str(letter);
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}

/// A row in the middle of so many columns.
pub(super) fn centered(text: &str, style: &str, columns: usize) -> String {
    let margin = columns.saturating_sub(text.width()) / 2;
    format!("{}{style}{text}{RESET}", " ".repeat(margin))
}

/// One of the terminal's own sixteen colours.
pub(super) fn color(color: Color) -> &'static str {
    match color {
        Color::Red => "\x1b[31m",
        Color::Green => "\x1b[32m",
        Color::Yellow => "\x1b[33m",
        Color::Blue => "\x1b[34m",
        Color::Magenta => "\x1b[35m",
        Color::Cyan => "\x1b[36m",
        Color::Gray => "\x1b[37m",
        Color::LightRed => "\x1b[91m",
        Color::LightGreen => "\x1b[92m",
        Color::LightYellow => "\x1b[93m",
        Color::LightBlue => "\x1b[94m",
        Color::LightMagenta => "\x1b[95m",
        Color::LightCyan => "\x1b[96m",
    }
}

//! Scripts out.

use std::fmt::Write as _;

use super::{Element, element, is_cue, is_title_start};
use crate::script::{Script, ScriptScene, Turn};
use crate::text::one_line;

/// Writes a script so that [`parse`](super::parse) reads the same again but for line numbers. Texts are put on one line each; a turn
/// without words, and the heading of any script scene but the first that has none, cannot be said in Fountain and are left out.
pub fn write(script: &Script) -> String {
    let mut out = String::new();
    for (key, value) in &script.title_page {
        let values: Vec<String> = value.lines().map(|line| escape(&one_line(line))).collect();
        match values.as_slice() {
            [value] => writeln_to(&mut out, &format!("{key}: {value}")),
            _ => {
                writeln_to(&mut out, &format!("{key}:"));
                for value in values {
                    writeln_to(&mut out, &format!("    {value}"));
                }
            }
        }
    }
    for scene in &script.scenes {
        write_scene(&mut out, scene);
    }
    if script.title_page.is_empty() && is_title_start(out.lines().next().unwrap_or(""), true) {
        // What is no title page must not begin the file.
        out.insert(0, '\n');
    }
    out
}

fn write_scene(out: &mut String, scene: &ScriptScene) {
    let text = one_line(&scene.heading);
    if !text.is_empty() {
        paragraph(out, &heading(&text));
    }
    if !scene.plot_lines.is_empty() {
        let tags: Vec<&str> = scene.plot_lines.iter().map(|tag| tag.as_str()).collect();
        paragraph(out, &format!("[[plot: {}]]", tags.join(", ")));
    }
    for turn in &scene.turns {
        if let Some(text) = turn_text(turn) {
            paragraph(out, &text);
        }
    }
}

/// A heading, forced with a dot when it does not look like one.
pub(crate) fn heading(text: &str) -> String {
    let mut escaped = escape(text);
    if escaped.ends_with('#') {
        escaped.pop();
        escaped.push_str("\\#");
    }
    if matches!(element(&escaped, true, true), Element::Heading(_)) && !escaped.starts_with('.') {
        return escaped;
    }
    if escaped.starts_with('.') {
        escaped.insert(0, '\\');
    }
    format!(".{escaped}")
}

/// A paragraph of action, forced with `!` when it looks like something else.
pub(crate) fn action(text: &str) -> String {
    let escaped = escape(text);
    match element(&escaped, true, true) {
        Element::Action(_) => escaped,
        _ => format!("!{escaped}"),
    }
}

/// A cue, forced with `@` when it does not look like one.
pub(crate) fn cue(speaker: &str) -> String {
    let mut escaped = escape(speaker).replace('(', "\\(").replace(')', "\\)");
    if escaped.ends_with('^') {
        escaped.pop();
        escaped.push_str("\\^");
    }
    let looks = is_cue(&escaped)
        && matches!(element(&escaped, true, false), Element::Cue(name) if name == escaped);
    if looks {
        escaped
    } else {
        format!("@{escaped}")
    }
}

/// The lines of a speech under its cue.
pub(crate) fn speech(delivery: Option<&str>, text: &str) -> String {
    let mut out = String::new();
    if let Some(delivery) = delivery {
        let inner = escape(delivery).replace('(', "\\(").replace(')', "\\)");
        let _ = writeln!(out, "({inner})");
    }
    let words = escape(text);
    if words.starts_with('~') {
        out.push('\\');
    }
    out.push_str(&words);
    out
}

fn turn_text(turn: &Turn) -> Option<String> {
    let text = one_line(&turn.text);
    if text.is_empty() {
        return None;
    }
    let Some(speaker) = &turn.speaker else {
        return Some(action(&text));
    };
    let delivery = turn
        .delivery
        .as_deref()
        .map(one_line)
        .filter(|delivery| !delivery.is_empty());
    Some(format!(
        "{}\n{}",
        cue(&one_line(speaker)),
        speech(delivery.as_deref(), &text)
    ))
}

/// Puts a backslash before whatever would be read as markup inside a line.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek();
        let is_markup = match c {
            '*' | '_' => true,
            '[' => next == Some(&'['),
            // A backslash means itself unless it stands before a mark; the next mark may also get one of its own.
            '\\' => next.is_none_or(char::is_ascii_punctuation),
            _ => false,
        };
        if is_markup {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

pub(crate) fn paragraph(out: &mut String, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    writeln_to(out, text);
}

fn writeln_to(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

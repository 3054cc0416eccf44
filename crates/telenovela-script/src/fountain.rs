//! Fountain, the plain-text markup of screenplays (fountain.io/syntax, version 1.1): scripts in and out.
//!
//! [`parse`] never fails: whatever is no other element is action. [`write()`] is its inverse, so that `parse(&write(&x)) == x` but for line
//! numbers, whatever the texts look like.

mod markup;
pub(crate) mod write;

pub use write::write;

use markup::{Line, lines, plain};

use crate::script::{Script, ScriptScene, Turn};
use crate::show::PlotLineId;

/// Reads a script. Transitions, sections, synopses, page breaks and notes leave no turn; the plot lines of a note `[[plot: amnesia]]` go to the
/// script scene it stands in.
pub fn parse(text: &str) -> Script {
    let lines = lines(text);
    let mut parser = Parser {
        script: Script::default(),
        at: 0,
        lines,
    };
    parser.title_page();
    parser.body();
    parser.script
}

struct Parser {
    lines: Vec<Line>,
    at: usize,
    script: Script,
}

/// What a line is, when it does not stand in a speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element<'a> {
    /// The heading's text.
    Heading(&'a str),
    /// A transition, a section, a synopsis, a page break.
    Unspoken,
    /// The speaker, extension and dual mark taken off.
    Cue(&'a str),
    /// Words that begin a turn of their own: forced action, centered text, a lyric.
    Set(&'a str),
    Action(&'a str),
}

impl Parser {
    /// A title page is the first thing in a file: `Key: value` lines, where indented lines go on with the value, up to a blank line.
    fn title_page(&mut self) {
        if !self.begins_with_title_page() {
            return;
        }
        let mut entries: Vec<(String, String)> = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            if line.is_blank() {
                break;
            }
            if !line.is_dropped() {
                match (title_entry(&line.text), entries.last_mut()) {
                    (Some((key, value)), _) => entries.push((key.to_owned(), plain(value))),
                    (None, Some((_, value))) => {
                        if !value.is_empty() {
                            value.push('\n');
                        }
                        value.push_str(&plain(&line.text));
                    }
                    (None, None) => break,
                }
            }
            self.at += 1;
        }
        self.script.title_page = entries;
    }

    fn begins_with_title_page(&self) -> bool {
        let Some(first) = self.lines.first() else {
            return false;
        };
        let goes_on = self
            .lines
            .get(1)
            .is_some_and(|next| !next.is_blank() && next.text.starts_with([' ', '\t']));
        is_title_start(&first.text, goes_on)
    }

    fn body(&mut self) {
        let mut after_blank = true;
        // Whether the last turn is action that the next line of action goes on with.
        let mut open_action = false;
        while let Some(line) = self.lines.get(self.at) {
            let number = line.number;
            if line.is_dropped() {
                self.take_notes();
                self.at += 1;
                continue;
            }
            if line.is_blank() {
                after_blank = true;
                open_action = false;
                self.take_notes();
                self.at += 1;
                continue;
            }
            let text = line.text.clone();
            match element(text.trim(), after_blank, self.blank_after()) {
                Element::Heading(heading) => {
                    self.script.scenes.push(ScriptScene {
                        heading: plain(heading),
                        line: number,
                        ..ScriptScene::default()
                    });
                    open_action = false;
                }
                Element::Unspoken => open_action = false,
                Element::Cue(speaker) => {
                    let speaker = plain(speaker);
                    self.take_notes();
                    self.at += 1;
                    self.speech(speaker, number);
                    after_blank = true;
                    open_action = false;
                    continue;
                }
                Element::Set(words) => {
                    open_action = self.push_action(words, number);
                }
                Element::Action(words) if open_action => {
                    let words = plain(words);
                    // A turn of action was pushed by the line before.
                    if let Some(turn) = self.scene(number).turns.last_mut() {
                        turn.text.push(' ');
                        turn.text.push_str(&words);
                    }
                }
                Element::Action(words) => {
                    open_action = self.push_action(words, number);
                }
            }
            self.take_notes();
            after_blank = false;
            self.at += 1;
        }
    }

    /// Reads the lines under a cue, up to a blank one. Two spaces make a line that looks blank but goes on.
    fn speech(&mut self, speaker: String, number: usize) {
        let mut delivery: Option<String> = None;
        let mut words = String::new();
        while let Some(line) = self.lines.get(self.at) {
            if line.is_blank() && !line.text.starts_with("  ") {
                break;
            }
            let text = line.text.trim();
            match parenthetical(text) {
                Some(inner) if words.is_empty() && delivery.is_none() => {
                    delivery = Some(plain(inner)).filter(|inner| !inner.is_empty());
                }
                _ => {
                    let text = plain(text.strip_prefix('~').unwrap_or(text));
                    if !words.is_empty() && !text.is_empty() {
                        words.push(' ');
                    }
                    words.push_str(&text);
                }
            }
            self.take_notes();
            self.at += 1;
        }
        if words.is_empty() {
            // A parenthetical alone is all that is said: `(pause)`.
            let Some(alone) = delivery.take() else {
                return;
            };
            words = format!("({alone})");
        }
        self.scene(number).turns.push(Turn {
            speaker: Some(speaker),
            delivery,
            text: words,
            line: number,
        });
    }

    /// Begins a turn of action, unless there are no words; says whether it did.
    fn push_action(&mut self, words: &str, number: usize) -> bool {
        let text = plain(words);
        if text.is_empty() {
            return false;
        }
        self.scene(number).turns.push(Turn {
            speaker: None,
            delivery: None,
            text,
            line: number,
        });
        true
    }

    /// The script scene that goes on; before the first heading, one without a heading that begins at this line.
    fn scene(&mut self, number: usize) -> &mut ScriptScene {
        if self.script.scenes.is_empty() {
            self.script.scenes.push(ScriptScene {
                line: number,
                ..ScriptScene::default()
            });
        }
        let last = self.script.scenes.len() - 1;
        &mut self.script.scenes[last]
    }

    /// Gives the plot lines noted on the current line to the script scene.
    fn take_notes(&mut self) {
        let number = self.lines[self.at].number;
        let notes = std::mem::take(&mut self.lines[self.at].notes);
        for note in notes {
            let Some((key, tags)) = note.split_once(':') else {
                continue;
            };
            if !key.trim().eq_ignore_ascii_case("plot") {
                continue;
            }
            for tag in tags.split(',').map(plain).filter(|tag| !tag.is_empty()) {
                let tag = PlotLineId::new(tag);
                let plot_lines = &mut self.scene(number).plot_lines;
                if !plot_lines.contains(&tag) {
                    plot_lines.push(tag);
                }
            }
        }
    }

    fn blank_after(&self) -> bool {
        self.lines[self.at + 1..]
            .iter()
            .find(|line| !line.is_dropped())
            .is_none_or(Line::is_blank)
    }
}

/// What a trimmed line is, outside of a speech.
fn element(text: &str, after_blank: bool, blank_after: bool) -> Element<'_> {
    match text.as_bytes().first().copied().unwrap_or(b' ') {
        b'!' => return Element::Set(text[1..].trim()),
        b'@' if !blank_after => {
            let name = cue_name(text[1..].trim());
            if !name.is_empty() {
                return Element::Cue(name);
            }
        }
        b'.' => {
            let rest = &text[1..];
            if rest.starts_with(|c: char| c != '.' && !c.is_whitespace()) {
                return Element::Heading(without_scene_number(rest));
            }
        }
        b'>' => {
            return match text[1..].strip_suffix('<') {
                Some(centered) => Element::Set(centered.trim()),
                None => Element::Unspoken,
            };
        }
        b'~' => return Element::Set(text[1..].trim()),
        b'#' | b'=' => return Element::Unspoken,
        _ => {}
    }
    if after_blank && is_heading(text) {
        return Element::Heading(without_scene_number(text));
    }
    if after_blank && blank_after && is_transition(text) {
        return Element::Unspoken;
    }
    if after_blank && !blank_after && is_cue(text) {
        return Element::Cue(cue_name(text));
    }
    Element::Action(text)
}

/// Whether a line opens a script scene by its first word: `INT`, `EXT`, `EST`, `INT/EXT`, `I/E`, with a dot or a space after it.
fn is_heading(text: &str) -> bool {
    const OPENINGS: [&str; 7] = ["I./E", "INT./EXT", "INT/EXT", "INT", "EXT", "EST", "I/E"];
    OPENINGS.iter().any(|opening| {
        text.get(..opening.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(opening))
            && text[opening.len()..].starts_with(['.', ' '])
    })
}

fn without_scene_number(text: &str) -> &str {
    let text = text.trim();
    if let Some(rest) = text.strip_suffix('#')
        && let Some((heading, number)) = rest.rsplit_once('#')
        && !number.is_empty()
        && number
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '.')
        && !heading.trim().is_empty()
    {
        return heading.trim();
    }
    text
}

fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_alphabetic) && !text.chars().any(char::is_lowercase)
}

/// Whether a line is a transition by its looks. The syntax knows only `… TO:`; scripts also begin and end with a fade.
fn is_transition(text: &str) -> bool {
    (text.ends_with("TO:") && is_upper(text))
        || matches!(text, "FADE IN:" | "FADE OUT." | "FADE OUT:")
}

/// Whether a line is a cue by its looks: capitals, with or without an extension in any case.
fn is_cue(text: &str) -> bool {
    is_upper(cue_name(text)) && !text.starts_with('(')
}

/// A cue without the mark of dual dialogue and without extensions: `MAMÁ (V.O.) ^` is `MAMÁ`.
fn cue_name(text: &str) -> &str {
    let mut name = text.strip_suffix('^').unwrap_or(text).trim_end();
    while name.ends_with(')') {
        match name.rfind('(') {
            Some(open) if open > 0 => name = name[..open].trim_end(),
            _ => break,
        }
    }
    name
}

/// The inside of a line that is one parenthesis from end to end.
fn parenthetical(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0_i32;
    for c in inner.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    Some(inner.trim())
}

/// `Key: value` of a title page; a continuation line is indented.
fn title_entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = key.starts_with(|c: char| c.is_alphabetic())
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || c == ' ' || c == '-');
    is_key.then(|| (key.trim(), value.trim()))
}

/// Whether a file with this first line has a title page. A transition and a heading may hold a colon as well.
fn is_title_start(line: &str, goes_on: bool) -> bool {
    !is_heading(line)
        && !is_transition(line.trim())
        && title_entry(line).is_some_and(|(_, value)| !value.is_empty() || goes_on)
}

#[cfg(test)]
mod tests;

//! The same performance as plain text, for pipes and terminals without a screen. No escape byte is ever written.

use std::io::{self, ErrorKind, Write};

use telenovela_script::event::{Event, EventKind, Playbill, Spoken, ThreadOutcome};
use telenovela_script::scene::Setting;
use telenovela_script::text::one_line;

use crate::language::{Language, Phrase};
use crate::tui::app::repeat_command;
use crate::tui::card::{end_reason, heading, word_share};
use crate::tui::ledger::{self, Ledger, mark, thread_symbol};
use crate::wrap::wrapped;

/// Columns of the text; what most terminals and all mail readers have.
const COLUMNS: usize = 76;
const TEXT_INDENT: usize = 4;
const DELIVERY_INDENT: usize = 10;
const NAME_INDENT: usize = 16;

/// Prints events as they happen.
pub struct Headless<W> {
    out: W,
    language: Language,
    ledger: Ledger,
    /// Whether the last thing printed was a stage direction.
    after_direction: bool,
    is_closed: bool,
}

impl<W: Write> Headless<W> {
    /// Prints to `out`; what is told beside the lines is told in this language.
    pub fn new(out: W, language: Language) -> Self {
        Self {
            out,
            language,
            ledger: Ledger::default(),
            after_direction: false,
            is_closed: false,
        }
    }

    /// Prints an event, and flushes so that it is read at once.
    ///
    /// # Errors
    /// When `out` takes no more. A broken pipe is no error: the reader has seen enough, and [`is_closed`](Self::is_closed) says so.
    pub fn show(&mut self, event: &Event) -> io::Result<()> {
        self.ledger.apply(event);
        if self.is_closed {
            return Ok(());
        }
        let text = self.text(event);
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Whether the reader has gone.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What is printed for an event, its blank line before it included.
    fn text(&mut self, event: &Event) -> String {
        let after_direction = std::mem::replace(&mut self.after_direction, false);
        match &event.kind {
            EventKind::PerformanceStarted(playbill) => title(playbill),
            EventKind::SceneEntered {
                title,
                index,
                setting,
                premise,
                ..
            } => scene(*index, title, setting, premise.as_deref()),
            EventKind::BeatEntered { index, title, .. } => {
                format!("\n--- {} · {} ---\n", index + 1, one_line(title))
            }
            EventKind::Utterance(spoken) => speech(spoken),
            EventKind::Rewound { .. } => {
                format!("\n({})\n", self.language.say(Phrase::GoesBack))
            }
            EventKind::PerformanceEnded {
                reason,
                card,
                threads,
                generated_words,
                authored_words,
            } => {
                let mut text = format!("\n\n{}\n", one_line(card));
                text.push_str(&paragraph(end_reason(*reason, self.language), 0));
                text.extend(threads.iter().map(|thread| outcome(thread, self.language)));
                if let Some(share) = word_share(*generated_words, *authored_words, self.language) {
                    text.push_str(&format!("\n{share}\n"));
                }
                text.push_str(&self.legend());
                if let Some(playbill) = &self.ledger.playbill {
                    text.push_str(&format!(
                        "{}: {}\n",
                        self.language.say(Phrase::Again),
                        repeat_command(playbill)
                    ));
                }
                text
            }
            other => match ledger::direction(&self.ledger, other, self.language) {
                Some(direction) => {
                    self.after_direction = true;
                    let gap = if after_direction { "" } else { "\n" };
                    format!("{gap}{}", paragraph(&format!("({direction})"), 0))
                }
                None => {
                    self.after_direction = after_direction;
                    String::new()
                }
            },
        }
    }

    fn legend(&self) -> String {
        let marks = self
            .ledger
            .marks
            .iter()
            .filter_map(|provenance| mark(*provenance));
        let marks: Vec<String> = marks
            .map(|(mark, word)| format!("{mark} {}", self.language.say(word)))
            .collect();
        if marks.is_empty() {
            String::new()
        } else {
            format!("{}\n", marks.join("  "))
        }
    }
}

fn title(playbill: &Playbill) -> String {
    let mut text = format!(
        "{}\n{}\n",
        one_line(&playbill.show_title).to_uppercase(),
        one_line(&playbill.title),
    );
    // Each scene of an episode says itself where it plays.
    if playbill.scenes.is_empty() {
        text.push_str(&format!("\n{}\n", one_line(&heading(&playbill.setting))));
    }
    if let Some(premise) = &playbill.premise {
        text.push('\n');
        text.push_str(&paragraph(premise, 0));
    }
    text
}

/// How a scene of an episode begins; `index` counts from 0.
fn scene(index: usize, title: &str, setting: &Setting, premise: Option<&str>) -> String {
    let mut text = format!(
        "\n=== {} · {} ===\n\n{}\n",
        index + 1,
        one_line(title),
        one_line(&heading(setting)),
    );
    if let Some(premise) = premise {
        text.push('\n');
        text.push_str(&paragraph(premise, 0));
    }
    text
}

fn speech(spoken: &Spoken) -> String {
    let utterance = &spoken.utterance;
    let mark = mark(utterance.provenance).map_or_else(String::new, |(mark, _)| format!(" {mark}"));
    let mut text = format!(
        "\n{}{}{mark}\n",
        " ".repeat(NAME_INDENT),
        one_line(&utterance.name).to_uppercase()
    );
    if let Some(delivery) = &utterance.delivery {
        text.push_str(&paragraph(&format!("({delivery})"), DELIVERY_INDENT));
    }
    text.push_str(&paragraph(&utterance.text, TEXT_INDENT));
    text
}

fn outcome(thread: &ThreadOutcome, language: Language) -> String {
    let question = paragraph(
        &format!("{} {}", thread_symbol(thread.state), thread.question),
        0,
    );
    let resolution = match &thread.resolution {
        Some(resolution) => resolution,
        None => language.say(Phrase::NobodyKnows),
    };
    format!("\n{question}{}", paragraph(resolution, 2))
}

/// A text wrapped and indented, each line ended.
fn paragraph(text: &str, indent: usize) -> String {
    let text = one_line(text);
    let margin = " ".repeat(indent);
    // Speeches keep a margin on the right too, as in a script.
    let columns = COLUMNS - 2 * indent.min(TEXT_INDENT);
    wrapped(&text, columns)
        .map(|line| format!("{margin}{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample::{self, Events};

    fn printed(events: &[Event]) -> String {
        let mut headless = Headless::new(Vec::new(), Language::English);
        for event in events {
            headless.show(event).expect("a vector takes everything");
        }
        String::from_utf8(headless.out).expect("text")
    }

    #[test]
    fn a_performance_as_plain_text() {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("headless", printed(&sample::whole()));
        });
    }

    #[test]
    fn no_control_character_is_ever_printed() {
        let mut events = Events::default();
        events.start().beat("\u{1b}]0;beat\u{7}").line(
            "ines",
            Some("\u{1b}[1m"),
            "a\u{1b}[31mb\u{202e}c\r\nd\u{9b}",
        );
        let text = printed(events.list());
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert!(text.contains("a[31mbc d"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_its_columns() {
        assert!(
            printed(&sample::whole())
                .lines()
                .all(|line| crate::wrap::width(line) <= COLUMNS)
        );
    }

    /// Breaks after some bytes.
    struct Pipe(usize, ErrorKind);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 < bytes.len() {
                return Err(self.1.into());
            }
            self.0 -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_leaves_is_no_failure() {
        let mut headless = Headless::new(Pipe(200, ErrorKind::BrokenPipe), Language::English);
        for event in sample::whole() {
            headless.show(&event).expect("a broken pipe is success");
        }
        assert!(headless.is_closed());
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut headless = Headless::new(Pipe(0, ErrorKind::StorageFull), Language::English);
        assert!(headless.show(&sample::whole()[0]).is_err());
    }
}

//! A performance as an asciicast, version 2 (<https://docs.asciinema.org/manual/asciicast/v2/>): what a terminal would have shown, in plain ANSI.
//!
//! The title card stands first; from its end on every line is where the performance's own time has it, and every letter at its speaker's pace.

mod card;
mod tape;

use std::fmt;
use std::str::FromStr;

use unicode_segmentation::UnicodeSegmentation as _;

use self::tape::{BOLD, DIM, ITALIC, RESET, Tape, color, wrapped};
use super::timeline::{Beat, Line, NoteKind, Scene, Timeline, What};
use super::{heading, word};
use crate::character::Color;
use crate::cut::standing;
use crate::event::{Event, Provenance, ThreadState};
use crate::text::one_line;

/// How long the title card stands before the performance begins, in milliseconds; as on the stage of the terminal.
pub const TITLE_MS: u64 = 3_500;
/// Silences shorter than this are only felt; longer ones breathe visibly, in phases.
const BREATH_AFTER_MS: u64 = 500;
const BREATH_MS: u64 = 420;
const BREATHS: [&str; 4] = ["·", "· ·", "· · ·", "· ·"];
/// Widest line of the script; more is tiring to read, however wide the terminal is.
const MEASURE: usize = 68;

/// A terminal's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    columns: u16,
    rows: u16,
}

impl Default for Size {
    /// What terminals have always had.
    fn default() -> Self {
        Self {
            columns: 80,
            rows: 24,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

/// No size of a terminal that a performance can be seen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size: columns and rows such as 80x24, from 40x12 to 400x200")]
pub struct UnknownSize(String);

impl FromStr for Size {
    type Err = UnknownSize;

    fn from_str(text: &str) -> Result<Self, UnknownSize> {
        let sides = text.split_once(['x', '×']);
        let sides =
            sides.and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
        match sides {
            Some((columns @ 40..=400, rows @ 12..=200)) => Ok(Self { columns, rows }),
            _ => Err(UnknownSize(text.to_owned())),
        }
    }
}

/// Writes a performance for a terminal of a size; empty without a playbill.
pub fn render(events: &[Event], size: Size) -> String {
    let standing = standing(events);
    Timeline::new(events, &standing).map_or_else(String::new, |timeline| {
        let mut stage = Stage::new(&timeline, size);
        stage.perform();
        stage.tape.into_text()
    })
}

/// The terminal as far as what comes next depends on it.
struct Stage<'a> {
    timeline: &'a Timeline<'a>,
    size: Size,
    tape: Tape,
    /// Index of the present beat among those that are played.
    beat: Option<usize>,
    threads: Vec<ThreadState>,
    /// Whether the line of script written last was a note.
    after_note: bool,
}

impl<'a> Stage<'a> {
    fn new(timeline: &'a Timeline<'a>, size: Size) -> Self {
        let playbill = timeline.playbill;
        let title = format!(
            "{}: {}",
            one_line(&playbill.show_title),
            one_line(&playbill.title)
        );
        Self {
            timeline,
            size,
            tape: Tape::new(size.columns, size.rows, &title),
            beat: None,
            threads: playbill.threads.iter().map(|thread| thread.state).collect(),
            after_note: false,
        }
    }

    fn perform(&mut self) {
        let timeline = self.timeline;
        // The cursor is of no use to an audience.
        self.tape.write(0, "\x1b[?25l");
        self.tape
            .write(0, &card::title(timeline, self.columns(), self.size.rows));
        // The script runs above the last two rows, which stay where they are.
        let script_rows = self.size.rows - 2;
        self.tape
            .write(TITLE_MS, &format!("\x1b[2J\x1b[1;{script_rows}r\x1b[H"));
        self.show_status(TITLE_MS);
        let mut threads = timeline.threads.iter();
        for moment in &timeline.moments {
            let at_ms = TITLE_MS + moment.at_ms;
            match &moment.what {
                What::Beat(beat) => self.enter(at_ms, beat),
                What::Line(line) => self.speak(line, at_ms),
                What::Scene(scene) => self.raise(at_ms, scene),
                What::Cliffhanger { card, question } => self.hang(at_ms, card, question),
                What::Note(kind, text) => {
                    self.note(at_ms, *kind, text);
                    if *kind == NoteKind::Thread
                        && let Some((_, place, state)) = threads.next()
                    {
                        self.threads[*place] = *state;
                        self.show_status(at_ms);
                    }
                }
            }
        }
        let end_ms = TITLE_MS + timeline.end_ms;
        let columns = self.columns();
        card::end(&mut self.tape, timeline, columns, self.size.rows, end_ms);
    }

    fn columns(&self) -> usize {
        usize::from(self.size.columns)
    }

    /// Cells to the left of the script, which stands in the middle.
    fn margin(&self) -> usize {
        self.columns().saturating_sub(MEASURE + 2) / 2 + 1
    }

    fn measure(&self) -> usize {
        (self.columns() - 2).min(MEASURE)
    }

    /// A scene of an episode begins, on an empty stage.
    fn raise(&mut self, at_ms: u64, scene: &Scene<'_>) {
        self.after_note = false;
        let title = format!("{} · {}", scene.index + 1, one_line(scene.title));
        self.tape.mark(at_ms, &title);
        let mut text = "\x1b[2J\x1b[H\r\n\r\n".to_owned();
        for (block, style) in [
            (title, "\x1b[1;3;33m"),
            (heading(scene.setting), ""),
            (scene.premise.unwrap_or("").to_owned(), DIM),
        ] {
            for row in wrapped(&one_line(&block), self.measure().min(56)) {
                text.push_str(&format!("{}\r\n", self.centered(&row, style)));
            }
            text.push_str("\r\n");
        }
        self.tape.write(at_ms, &text);
        self.show_status(at_ms);
    }

    fn hang(&mut self, at_ms: u64, card: &str, question: &str) {
        self.after_note = false;
        let mut text = "\r\n\r\n".to_owned();
        for (block, style) in [(card, BOLD), (question, ITALIC)] {
            for row in wrapped(&one_line(block), self.measure()) {
                text.push_str(&format!("{}\r\n", self.centered(&row, style)));
            }
        }
        self.tape.write(at_ms, &text);
    }

    fn enter(&mut self, at_ms: u64, beat: &Beat<'_>) {
        self.beat = Some(self.beat.map_or(0, |index| index + 1));
        self.after_note = false;
        let title = format!("{} · {}", beat.index + 1, one_line(beat.title));
        self.tape.mark(at_ms, &title);
        let style = if beat.climax {
            "\x1b[1;31m"
        } else {
            "\x1b[1;33m"
        };
        let mut text = "\r\n".to_owned();
        if beat.climax {
            // Lightning, once: the whole screen in reverse for a moment.
            self.tape.write(at_ms, "\x1b[?5h");
            self.tape.write(at_ms + 120, "\x1b[?5l");
        }
        for row in wrapped(&title, self.measure()) {
            text.push_str(&format!("{}\r\n", self.centered(&row, style)));
        }
        self.tape.write(at_ms, &text);
        self.show_status(at_ms);
    }

    fn note(&mut self, at_ms: u64, kind: NoteKind, what: &str) {
        let (style, what) = match kind {
            NoteKind::Music => ("\x1b[33m", format!("♪ {what}")),
            NoteKind::Camera => ("\x1b[3;31m", format!("({what})")),
            NoteKind::Stage => ("\x1b[2;3m", format!("({what}.)")),
            NoteKind::Thread => ("\x1b[2;3m", format!("({what})")),
        };
        let mut text = if self.after_note {
            String::new()
        } else {
            "\r\n".to_owned()
        };
        for row in wrapped(&what, self.measure()) {
            text.push_str(&format!("{}\r\n", self.centered(&row, style)));
        }
        self.after_note = true;
        self.tape.write(at_ms, &text);
    }

    /// A line: name and delivery, the silence, and the words letter by letter.
    fn speak(&mut self, line: &Line<'_>, at_ms: u64) {
        self.after_note = false;
        let utterance = &line.spoken.utterance;
        let place = self.timeline.place(&utterance.speaker);
        let member = place.map(|place| &self.timeline.playbill.cast[place]);
        let offstage = member.is_some_and(|member| member.offstage);
        let ink = color(member.map_or(Color::Gray, |member| member.color));
        let margin = self.margin();
        // A screenplay's indents, in shares of the measure; voices from offstage have none.
        let (name_indent, how_indent, indent) = match offstage {
            true => (margin, margin, margin),
            false => (
                margin + self.measure() * 3 / 8,
                margin + self.measure() / 4,
                margin + self.measure() / 8,
            ),
        };
        let mark = match utterance.provenance {
            Provenance::Generated => String::new(),
            other => format!(" {DIM}{}{RESET}", word(other)),
        };
        let name = one_line(&utterance.name).to_uppercase();
        let name = wrapped(&name, self.columns() - name_indent - 12).join(" ");
        let mut head = format!(
            "\r\n{}{BOLD}{ink}{name}{RESET}{mark}\r\n",
            " ".repeat(name_indent)
        );
        if let Some(delivery) = &utterance.delivery {
            let how = format!("({})", one_line(delivery));
            for row in wrapped(&how, self.columns() - how_indent - 1) {
                head.push_str(&format!(
                    "{}{ITALIC}{row}{RESET}\r\n",
                    " ".repeat(how_indent)
                ));
            }
        }
        self.tape.write(at_ms, &head);
        let silence_ms = line.words_ms + TITLE_MS - at_ms;
        if silence_ms > BREATH_AFTER_MS {
            self.breathe(at_ms, silence_ms, indent);
        }
        let style = if offstage { ITALIC } else { "" };
        self.type_out(line, indent, style);
    }

    fn breathe(&mut self, at_ms: u64, silence_ms: u64, indent: usize) {
        for (phase, since_ms) in (0..silence_ms).step_by(BREATH_MS as usize).enumerate() {
            let breath = BREATHS[phase % BREATHS.len()];
            let row = format!("\r\x1b[K{}{DIM}{breath}{RESET}", " ".repeat(indent));
            self.tape.write(at_ms + since_ms, &row);
        }
        self.tape.write(at_ms + silence_ms, "\r\x1b[K");
    }

    fn type_out(&mut self, line: &Line<'_>, indent: usize, style: &str) {
        let words_ms = TITLE_MS + line.words_ms;
        let length_ms = line.end_ms - line.words_ms;
        let text = one_line(&line.spoken.utterance.text);
        // Breaks between rows are no letters; the words take the time of all the characters that were spoken.
        let n_chars = text.chars().count().max(1) as u64;
        let mut n_typed = 0;
        let mut at_ms = words_ms;
        for row in wrapped(&text, self.columns() - 2 * indent.min(self.columns() / 4)) {
            self.tape
                .write(at_ms, &format!("{}{style}", " ".repeat(indent)));
            for letter in row.graphemes(true) {
                n_typed += letter.chars().count() as u64;
                at_ms = words_ms + length_ms * n_typed.min(n_chars) / n_chars;
                self.tape.write(at_ms, letter);
            }
            // The space that the break stands for.
            n_typed += 1;
            self.tape.write(at_ms, &format!("{RESET}\r\n"));
        }
    }

    /// The last row: the beat, the arc, the loose ends.
    fn show_status(&mut self, at_ms: u64) {
        const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let rows = self.size.rows;
        let rule = "─".repeat(self.columns());
        let mut right = String::new();
        let mut cells = 0;
        for (index, (_, beat)) in self.timeline.beats().enumerate() {
            let height = (beat.tension.clamp(0.0, 1.0) * 7.0).round() as usize;
            let style = match self.beat {
                Some(present) if index == present => "\x1b[1;31m",
                Some(present) if index < present => "\x1b[33m",
                _ => DIM,
            };
            right.push_str(&format!("{style}{}{RESET}", HEIGHTS[height]));
            cells += 1;
        }
        right.push_str("  ");
        for state in &self.threads {
            let (style, symbol) = thread(*state);
            right.push_str(&format!("{style}{symbol}{RESET}"));
        }
        cells += 2 + self.threads.len();
        let room = self.columns().saturating_sub(cells + 4);
        let beat = self.beat.and_then(|index| self.timeline.beats().nth(index));
        let title = beat.map_or_else(String::new, |(_, beat)| {
            format!("{} · {}", beat.index + 1, one_line(beat.title))
        });
        let title = match room {
            // Arc and threads of a long evening fill a small terminal by themselves.
            0..8 => String::new(),
            _ => wrapped(&title, room).into_iter().next().unwrap_or_default(),
        };
        if cells + 2 > self.columns() {
            right.clear();
            cells = 0;
        }
        let column = self.columns() - cells;
        self.tape.write(
            at_ms,
            &format!(
                "\x1b7\x1b[{};1H{DIM}{rule}{RESET}\x1b[{rows};1H\x1b[K {title}\x1b[{rows};{column}H{right}\x1b8",
                rows - 1
            ),
        );
    }

    fn centered(&self, text: &str, style: &str) -> String {
        tape::centered(text, style, self.columns())
    }
}

/// How the ledger shows a loose end: style and symbol.
fn thread(state: ThreadState) -> (&'static str, char) {
    match state {
        ThreadState::Dormant => (DIM, '·'),
        ThreadState::Open => ("", '○'),
        ThreadState::Advanced => ("\x1b[33m", '◐'),
        ThreadState::Resolved => ("\x1b[32m", '●'),
    }
}

#[cfg(test)]
mod tests;

//! The script as it stands so far: its entries, laid out for the width of the screen, and which part of it is seen.
//!
//! Every entry is laid out once per width; drawing touches the visible lines alone.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::text::{Line, Span};
use telenovela_script::character::Color;
use telenovela_script::event::Provenance;

use super::card::{EndCard, TitleCard};
use super::keymap::{Scroll, Way};
use super::layout::{TextLines, laid_out, measure, words_style};
use super::staging::Cue;
use super::theme::Theme;
use crate::language::Language;

/// The breathing of a pause has so many phases.
pub const BREATHS: [&str; 4] = ["·", "· ·", "· · ·", "· ·"];

/// Something that stands in the script.
#[derive(Clone, Debug)]
pub enum Entry {
    /// What the audience sees first.
    Title(TitleCard),
    /// The arc went on.
    Beat {
        /// From 1.
        number: usize,
        /// Its title.
        title: String,
    },
    /// A line of dialogue.
    Speech(Speech),
    /// Somebody comes or goes, a thread opens.
    Direction(String),
    /// What the camera or the orchestra does.
    Cue(Cue),
    /// What the audience sees last.
    End(EndCard),
}

/// A line of dialogue.
#[derive(Clone, Debug)]
pub struct Speech {
    /// Counted by the director.
    pub turn: u64,
    /// Whether it is heard and not seen: the narrator's.
    pub is_offstage: bool,
    /// Of the speaker.
    pub name: String,
    /// Of the name.
    pub color: Color,
    /// How, without parentheses.
    pub delivery: Option<String>,
    /// The words.
    pub text: String,
    /// Whose words they are.
    pub provenance: Provenance,
}

/// The script and the window on it.
#[derive(Debug)]
pub struct Document {
    theme: Theme,
    language: Language,
    width: u16,
    height: u16,
    blocks: Vec<Block>,
    position: Position,
    typing: Typing,
    /// The turn of the line that the user has selected.
    selected: Option<u64>,
}

/// How far the last speech has been spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// To its end.
    Whole,
    /// Up to this byte.
    UpTo(usize),
    /// Silence before it, in a phase of [`BREATHS`]; `None` while the silence is still short.
    Breathing(Option<usize>),
}

/// Which part of the script is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// The newest lines.
    Following,
    /// From this line on.
    At(usize),
}

/// An entry with its lines for the present width.
#[derive(Debug)]
struct Block {
    entry: Entry,
    /// First line, counted from the top of the script.
    top: usize,
    /// Blank lines at its beginning.
    n_blank: usize,
    lines: Vec<Line<'static>>,
    text: Option<TextLines>,
}

impl Block {
    /// The turn of a speech.
    fn turn(&self) -> Option<u64> {
        match &self.entry {
            Entry::Speech(speech) => Some(speech.turn),
            _ => None,
        }
    }
}

impl Document {
    /// An empty script.
    pub fn new(theme: Theme, language: Language) -> Self {
        Self {
            theme,
            language,
            width: 0,
            height: 0,
            blocks: Vec::new(),
            position: Position::Following,
            typing: Typing::Whole,
            selected: None,
        }
    }

    /// Fits the script into an area. What stood in its first line stays there.
    pub fn resize(&mut self, width: u16, height: u16) {
        let anchor = self.anchor();
        self.height = height;
        if width != self.width {
            self.width = width;
            for index in 0..self.blocks.len() {
                self.lay_out(index);
            }
        }
        if let (Position::At(_), Some((index, offset))) = (self.position, anchor) {
            let block = &self.blocks[index];
            self.position =
                Position::At(block.top + offset.min(block.lines.len().saturating_sub(1)));
            self.settle();
        }
    }

    /// Adds an entry. A reader at the bottom stays there.
    pub fn push(&mut self, entry: Entry) {
        self.typing = Typing::Whole;
        self.blocks.push(Block {
            entry,
            top: 0,
            n_blank: 0,
            lines: Vec::new(),
            text: None,
        });
        self.lay_out(self.blocks.len() - 1);
    }

    /// Shows the last entry from its first line on, if the reader is at the bottom and the entry is higher than the window.
    pub fn show_top_of_last(&mut self) {
        let Some(last) = self.blocks.last() else {
            return;
        };
        if self.position == Position::Following
            && self.n_lines() - last.top > usize::from(self.height)
        {
            self.position = Position::At(last.top);
        }
    }

    /// Takes everything away; the window stays where it is, as far as it can.
    pub fn truncate_all(&mut self) {
        self.typing = Typing::Whole;
        self.blocks.clear();
    }

    /// How far the last speech has been spoken.
    pub fn set_typing(&mut self, typing: Typing) {
        self.typing = typing;
    }

    /// Moves the window.
    pub fn scroll(&mut self, scroll: Scroll) {
        // Two lines stay in sight as the page is turned.
        let page = usize::from(self.height).saturating_sub(2).max(1);
        let top = self.top();
        self.position = Position::At(match scroll {
            Scroll::LineUp => top.saturating_sub(1),
            Scroll::LineDown => top + 1,
            Scroll::PageUp => top.saturating_sub(page),
            Scroll::PageDown => top + page,
            Scroll::Top => 0,
            Scroll::Bottom => usize::MAX,
        });
        let at_bottom = self.last_top();
        // At the very end of a short script `Top` is also the bottom; the reader then keeps following.
        self.settle();
        if self.position == Position::At(at_bottom) {
            self.position = Position::Following;
        }
    }

    /// The turn of the selected line.
    pub fn selected(&self) -> Option<u64> {
        self.selected
    }

    /// Selects the line of a turn, or nothing.
    pub fn select(&mut self, turn: Option<u64>) {
        self.selected = turn;
        if let Some(turn) = turn {
            self.reveal(turn);
        }
    }

    /// Selects the line before or after the selected one; without one, the last. After the last one nothing is selected, and the reader follows again.
    pub fn select_neighbour(&mut self, way: Way) {
        let turns: Vec<u64> = self.blocks.iter().filter_map(Block::turn).collect();
        let place = self
            .selected
            .and_then(|turn| turns.iter().position(|other| *other == turn));
        let next = match (place, way) {
            (None, Way::Before) => turns.len().checked_sub(1),
            (None, Way::After) => None,
            (Some(place), Way::Before) => Some(place.saturating_sub(1)),
            (Some(place), Way::After) => Some(place + 1),
        };
        let next = next.and_then(|place| turns.get(place).copied());
        self.select(next);
        if next.is_none() {
            self.scroll(Scroll::Bottom);
        }
    }

    /// Moves the window, as little as it takes, to where the line of a turn is seen.
    pub fn reveal(&mut self, turn: u64) {
        let Some(rows) = self.rows_of(turn) else {
            return;
        };
        let (top, height) = (self.top(), usize::from(self.height));
        let wanted = if rows.start < top || rows.len() > height {
            rows.start
        } else if rows.end > top + height {
            rows.end - height
        } else {
            return;
        };
        self.position = if wanted >= self.last_top() {
            Position::Following
        } else {
            Position::At(wanted)
        };
    }

    /// Rows of the window in which the selected line is seen.
    pub fn selected_rows(&self) -> Option<Range<usize>> {
        let rows = self.rows_of(self.selected?)?;
        let (top, height) = (self.top(), usize::from(self.height));
        let within = |row: usize| row.saturating_sub(top).min(height);
        Some(within(rows.start)..within(rows.end)).filter(|rows| !rows.is_empty())
    }

    /// Selects nothing where the selected line is not there any more.
    pub fn forget_lost_selection(&mut self) {
        if self
            .selected
            .is_some_and(|turn| self.rows_of(turn).is_none())
        {
            self.selected = None;
        }
    }

    /// Rows of the script that the line of a turn takes, the blank one before it left out.
    fn rows_of(&self, turn: u64) -> Option<Range<usize>> {
        let blocks = self.blocks.iter().rev();
        let block = blocks
            .into_iter()
            .find(|block| block.turn() == Some(turn))?;
        Some(block.top + block.n_blank..block.top + self.shown_height(block))
    }

    /// Whether new lines are shown as they come.
    pub fn is_following(&self) -> bool {
        self.position == Position::Following
    }

    /// Lines below the window.
    pub fn n_lines_below(&self) -> usize {
        self.last_top() - self.top()
    }

    /// Whether the title card is all there is.
    pub fn is_title_alone(&self) -> bool {
        matches!(
            self.blocks.as_slice(),
            [Block {
                entry: Entry::Title(_),
                ..
            }]
        )
    }

    /// Cells of the widest line.
    pub fn measure(&self) -> u16 {
        measure(self.width)
    }

    /// All lines, whether seen or not.
    pub fn n_lines(&self) -> usize {
        let Some(last) = self.blocks.last() else {
            return 0;
        };
        last.top + self.shown_height(last)
    }

    /// The lines in the window, from its top.
    pub fn visible(&self) -> Vec<Cow<'_, Line<'static>>> {
        let top = self.top();
        let bottom = self.n_lines().min(top + usize::from(self.height));
        let first = self
            .blocks
            .partition_point(|block| block.top <= top)
            .saturating_sub(1);
        let mut visible = Vec::with_capacity(bottom.saturating_sub(top));
        for (index, block) in self.blocks.iter().enumerate().skip(first) {
            if block.top >= bottom {
                break;
            }
            let from = top.saturating_sub(block.top);
            let to = self.shown_height(block).min(bottom - block.top);
            for line in from..to {
                visible.push(self.line(index, line));
            }
        }
        visible
    }

    /// First visible line.
    fn top(&self) -> usize {
        match self.position {
            Position::Following => self.last_top(),
            Position::At(top) => top.min(self.last_top()),
        }
    }

    /// Where the window stands when it shows the newest lines.
    fn last_top(&self) -> usize {
        self.n_lines().saturating_sub(usize::from(self.height))
    }

    /// Keeps a fixed position within the script.
    fn settle(&mut self) {
        if let Position::At(top) = self.position {
            self.position = Position::At(top.min(self.last_top()));
        }
    }

    /// What stands in the first visible line: which entry, and which line of it.
    fn anchor(&self) -> Option<(usize, usize)> {
        let top = self.top();
        let index = self
            .blocks
            .partition_point(|block| block.top <= top)
            .checked_sub(1)?;
        Some((index, top - self.blocks[index].top))
    }

    fn is_last(&self, block: &Block) -> bool {
        self.blocks
            .last()
            .is_some_and(|last| std::ptr::eq(last, block))
    }

    /// Lines of a block that are there yet: the words of the line being spoken appear line by line.
    fn shown_height(&self, block: &Block) -> usize {
        let Some(text) = block.text.as_ref().filter(|_| self.is_last(block)) else {
            return block.lines.len();
        };
        match self.typing {
            Typing::Whole => block.lines.len(),
            Typing::Breathing(_) => text.first + 1,
            Typing::UpTo(byte) => {
                let begun = text
                    .ranges
                    .iter()
                    .filter(|range| range.start < byte)
                    .count();
                text.first + begun.max(1)
            }
        }
    }

    fn line(&self, index: usize, line: usize) -> Cow<'_, Line<'static>> {
        let block = &self.blocks[index];
        let whole = Cow::Borrowed(&block.lines[line]);
        let (Some(text), Entry::Speech(speech)) = (&block.text, &block.entry) else {
            return whole;
        };
        if !self.is_last(block) || line < text.first {
            return whole;
        }
        let indent = " ".repeat(text.indent);
        match self.typing {
            Typing::Whole => whole,
            Typing::Breathing(None) => Cow::Owned(Line::default()),
            Typing::Breathing(Some(phase)) => {
                let breath = BREATHS[phase % BREATHS.len()];
                Cow::Owned(Line::from(vec![
                    Span::raw(indent),
                    Span::styled(breath, self.theme.dim()),
                ]))
            }
            Typing::UpTo(byte) => match text.ranges.get(line - text.first) {
                Some(range) if byte < range.end => {
                    let spoken = &speech.text[range.start..byte.max(range.start)];
                    let style = words_style(speech, self.theme);
                    Cow::Owned(Line::styled(format!("{indent}{spoken}"), style))
                }
                _ => whole,
            },
        }
    }

    fn lay_out(&mut self, index: usize) {
        let (before, rest) = self.blocks.split_at_mut(index);
        let (previous, block) = (before.last(), &mut rest[0]);
        let (laid, text) = laid_out(&block.entry, measure(self.width), self.theme, self.language);
        // Stage directions that follow each other stand together; everything else has air before it.
        let is_direction = |entry: &Entry| matches!(entry, Entry::Direction(_));
        // A cue of the camera's belongs to the line that follows, one of the orchestra's to the beat before it.
        let close = previous.is_none_or(|previous| match (&previous.entry, &block.entry) {
            (Entry::Beat { .. }, Entry::Cue(_)) => true,
            (Entry::Cue(cue), Entry::Speech(_)) => cue.is_of_next_line,
            (before, after) => is_direction(before) && is_direction(after),
        });
        let n_blank = usize::from(!close);
        block.top = previous.map_or(0, |previous| previous.top + previous.lines.len());
        block.n_blank = n_blank;
        block.lines = std::iter::repeat_n(Line::default(), n_blank)
            .chain(laid)
            .collect();
        block.text = text.map(|text| TextLines {
            first: text.first + n_blank,
            ..text
        });
    }
}

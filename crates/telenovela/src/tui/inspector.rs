//! What is known of how a line came about.

use telenovela_script::voice::Explanation;

use super::keymap::Way;

/// A line that is looked into.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// Which of its takes; `None` for the line as it was said, where it has none.
    pub take: Option<usize>,
    /// The piece whose rivals are shown.
    pub token: usize,
    /// First visible line.
    pub top: usize,
    /// Whether it was opened from the takes, and closes to them.
    pub from_takes: bool,
    /// What the model said of it.
    pub insight: Insight,
}

/// What a model said of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Insight {
    /// It has been asked.
    Waiting,
    /// Piece by piece.
    Known(Explanation),
    /// There is nothing to know, for this reason.
    Unknown(String),
}

impl Inspection {
    /// Looks at the piece before or after.
    pub fn move_token(&mut self, way: Way) {
        if let Insight::Known(explanation) = &self.insight {
            self.token = way.from(self.token, explanation.tokens.len());
        }
    }
}

/// How unexpected a piece was, from 0 to [`Theme::HOTTEST`](super::theme::Theme::HOTTEST): two bits a level, as 1 bit is the toss of a coin and 10 are one
/// chance in a thousand.
pub fn heat(bits: f32) -> usize {
    // Negative or undefined surprises do not happen; the cast makes 0 of them.
    (bits / 2.0) as usize
}

//! What comes next in a beat, and how many generated lines there is room for. Pure.

use telenovela_script::scene::{AuthoredLine, Beat};

/// How far a beat has come. Its authored lines are said in one order: those that open it, those that must be said, those that close it.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<'a> {
    beat: &'a Beat,
    authored: usize,
    generated: u32,
    exhausted: bool,
}

/// What comes next in a beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next<'a> {
    Authored(&'a AuthoredLine),
    Generated,
    Over,
}

/// Room for lines in the whole scene, in utterances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Until the scene's `max_lines`.
    pub(crate) left: u32,
    /// Authored lines still to be said, in this beat and the later ones.
    pub(crate) authored: u32,
    /// Generated lines that the later beats ask for at least.
    pub(crate) later_min: u32,
}

impl Room {
    /// Lines that can be said by anybody without an authored one falling off the end.
    pub(crate) fn free(self) -> u32 {
        self.left.saturating_sub(self.authored)
    }
}

/// Authored lines of a beat.
pub(crate) fn n_authored(beat: &Beat) -> u32 {
    (beat.open_with.len() + beat.must_say.len() + beat.close_with.len()) as u32
}

impl<'a> Agenda<'a> {
    pub(crate) fn new(beat: &'a Beat) -> Self {
        Self {
            beat,
            authored: 0,
            generated: 0,
            exhausted: false,
        }
    }

    /// Authored lines of this beat that are still to be said.
    pub(crate) fn authored_left(&self) -> u32 {
        n_authored(self.beat) - self.authored as u32
    }

    pub(crate) fn authored_said(&mut self) {
        self.authored += 1;
    }

    pub(crate) fn generated_said(&mut self) {
        self.generated += 1;
    }

    /// Nobody can speak of their own accord any more in this beat.
    pub(crate) fn nobody_can(&mut self) {
        self.exhausted = true;
    }

    /// What comes next; `ripe` says that the beat has what it was waiting for and may end at its minimum.
    pub(crate) fn next(&self, ripe: bool, room: Room) -> Next<'a> {
        let beat = self.beat;
        if let Some(line) = beat.open_with.get(self.authored) {
            return Next::Authored(line);
        }
        let enough = self.exhausted
            || self.generated >= self.allowance(room)
            || (ripe && self.generated >= beat.min_lines);
        let must = self.authored - beat.open_with.len();
        if let Some(line) = beat.must_say.get(must)
            && (enough || self.generated >= due_after(must, beat))
        {
            return Next::Authored(line);
        }
        if must < beat.must_say.len() || !enough {
            return Next::Generated;
        }
        match beat.close_with.get(must - beat.must_say.len()) {
            Some(line) => Next::Authored(line),
            None => Next::Over,
        }
    }

    /// Generated lines this beat may have, those already said included: its maximum, as long as the later beats keep their minimums; its
    /// minimum, as long as every authored line keeps its place; less when even that does not fit.
    fn allowance(&self, room: Room) -> u32 {
        let to_min = self.beat.min_lines.saturating_sub(self.generated);
        let more = room
            .free()
            .saturating_sub(room.later_min)
            .max(to_min.min(room.free()));
        self.beat.max_lines.min(self.generated + more)
    }
}

/// Generated lines after which the `index`th line that must be said is due: evenly over the length the beat will about have, but never later than
/// its minimum, so that the beat is free to end there.
fn due_after(index: usize, beat: &Beat) -> u32 {
    let parts = beat.must_say.len() as u32 + 1;
    // Twice the middle of minimum and maximum, in `parts` equal pieces, rounded to the nearest.
    let doubled = (beat.min_lines + beat.max_lines) * (index as u32 + 1);
    ((doubled + parts) / (2 * parts)).min(beat.min_lines)
}

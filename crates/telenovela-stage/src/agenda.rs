//! What comes next in a beat, and how many generated lines there is room for. Pure.

use telenovela_script::character::CharacterId;
use telenovela_script::scene::{AuthoredLine, Beat};

/// How far a beat has come. Its authored lines are said in one order: those that open it, those that must be said, those that close it.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<'a> {
    beat: &'a Beat,
    authored: usize,
    generated: u32,
    exhausted: bool,
    /// Generated lines at least and at most; the beat's own until the user wants more.
    min_lines: u32,
    max_lines: u32,
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
            min_lines: beat.min_lines,
            max_lines: beat.max_lines,
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

    /// The user has heard enough: only authored lines are left.
    pub(crate) fn skip(&mut self) {
        self.exhausted = true;
    }

    /// The user wants so many lines more.
    pub(crate) fn extend(&mut self, lines: u32) {
        self.exhausted = false;
        self.min_lines = self.min_lines.max(self.generated).saturating_add(lines);
        self.max_lines = self.max_lines.max(self.min_lines);
    }

    /// What comes next. `ripe` says that the beat has what it was waiting for and may end at its minimum; `last` has spoken last.
    pub(crate) fn next(&self, ripe: bool, room: Room, last: Option<&CharacterId>) -> Next<'a> {
        let beat = self.beat;
        if let Some(line) = beat.open_with.get(self.authored) {
            return Next::Authored(line);
        }
        let full = self.exhausted || self.generated >= self.allowance(room);
        let must = self.authored - beat.open_with.len();
        if let Some(line) = beat.must_say.get(must) {
            return if full || self.is_due(must, line, last) {
                Next::Authored(line)
            } else {
                Next::Generated
            };
        }
        let may_end = full || (ripe && self.generated >= self.min_lines);
        if !may_end {
            return Next::Generated;
        }
        match beat.close_with.get(must - beat.must_say.len()) {
            Some(line) => Next::Authored(line),
            None => Next::Over,
        }
    }

    /// Whether the line after the next generated one is generated as well, whoever speaks and whatever is heard.
    pub(crate) fn is_generated_after_next(&self, room: Room) -> bool {
        let mut after = self.clone();
        after.generated_said();
        let room = Room {
            left: room.left.saturating_sub(1),
            ..room
        };
        after.next(true, room, None) == Next::Generated
    }

    /// A line that must be said waits for one generated line more when its speaker has just spoken: nobody should seem to answer themselves.
    fn is_due(&self, must: usize, line: &AuthoredLine, last: Option<&CharacterId>) -> bool {
        let due = due_after(must, self.beat);
        self.generated > due || (self.generated == due && last != Some(&line.by))
    }

    /// Generated lines this beat may have, those already said included: its maximum, as long as the later beats keep their minimums; its
    /// minimum, as long as every authored line keeps its place; less when even that does not fit.
    fn allowance(&self, room: Room) -> u32 {
        let to_min = self.min_lines.saturating_sub(self.generated);
        let more = room
            .free()
            .saturating_sub(room.later_min)
            .max(to_min.min(room.free()));
        self.max_lines.min(self.generated + more)
    }
}

/// Generated lines after which the `index`th line that must be said is due: evenly over the length the beat will about have, but never later than
/// its minimum, so that the beat is free to end there.
fn due_after(index: usize, beat: &Beat) -> u32 {
    let parts = beat.must_say.len() as u32 + 1;
    // Twice the middle of minimum and maximum, in `parts` equal pieces, rounded up: something generated stands before
    // the first, and two lines fall together only when there is nothing to put between them.
    let doubled = (beat.min_lines + beat.max_lines) * (index as u32 + 1);
    doubled.div_ceil(2 * parts).min(beat.min_lines)
}

#[cfg(test)]
mod tests {
    use telenovela_script::scene::{BeatId, Waiting};

    use super::*;

    fn line(by: &str, text: &str) -> AuthoredLine {
        AuthoredLine {
            by: CharacterId::new(by),
            text: text.to_owned(),
            visible_to: None,
            delivery: None,
            pause_before_ms: None,
        }
    }

    fn beat(must_say: Vec<AuthoredLine>, min_lines: u32, max_lines: u32) -> Beat {
        Beat {
            id: BeatId::new("beat"),
            step: None,
            title: String::new(),
            tension: 0.0,
            policy: None,
            order: Vec::new(),
            visible_to: None,
            enter: Vec::new(),
            exit: Vec::new(),
            speakers: Vec::new(),
            roles: Vec::new(),
            prime: Vec::new(),
            motifs: Vec::new(),
            deliveries: Vec::new(),
            interruptions: None,
            plot: Vec::new(),
            open_with: vec![line("a", "open")],
            must_say,
            close_with: vec![line("a", "close")],
            min_lines,
            max_lines,
            done_when: Waiting::default(),
            opens: Vec::new(),
            advances: Vec::new(),
            resolves: Vec::new(),
            reveals: Vec::new(),
            cliffhanger: None,
        }
    }

    /// The order of a beat in letters: authored lines by their first letter, generated ones as dots. It becomes ripe after so many.
    fn order(beat: &Beat, ripe_after: u32, mut room: Room, last: Option<&str>) -> String {
        let last = last.map(CharacterId::new);
        let mut agenda = Agenda::new(beat);
        let mut order = String::new();
        loop {
            match agenda.next(agenda.generated >= ripe_after, room, last.as_ref()) {
                Next::Over => return order,
                Next::Authored(line) => {
                    order.push_str(&line.text[..1]);
                    agenda.authored_said();
                    room.authored -= 1;
                }
                Next::Generated => {
                    order.push('.');
                    agenda.generated_said();
                }
            }
            room.left -= 1;
        }
    }

    const WIDE: Room = Room {
        left: 100,
        authored: 5,
        later_min: 0,
    };

    #[test]
    fn lines_that_must_be_said_are_spread_evenly() {
        let two = beat(vec![line("b", "1"), line("b", "2")], 5, 7);
        assert_eq!(order(&two, 9, WIDE, None), "o..1..2...c");
        let three = beat(["1", "2", "3"].map(|n| line("b", n)).to_vec(), 3, 3);
        assert_eq!(order(&three, 9, WIDE, None), "o.1.2.3c");
        let none = beat(Vec::new(), 0, 0);
        assert_eq!(order(&none, 9, WIDE, None), "oc");
    }

    #[test]
    fn a_ripe_beat_ends_at_its_minimum_with_everything_said() {
        let two = beat(vec![line("b", "1"), line("b", "2")], 3, 9);
        assert_eq!(order(&two, 0, WIDE, None), "o..1.2c");
        assert_eq!(order(&two, 6, WIDE, None), "o..1.2...c");
    }

    #[test]
    fn who_has_just_spoken_waits_with_the_authors_line_for_one_line_more() {
        let two = beat(vec![line("b", "1"), line("b", "2")], 5, 7);
        assert_eq!(order(&two, 9, WIDE, Some("b")), "o...1..2..c");
        let at_once = beat(vec![line("b", "1")], 0, 0);
        assert_eq!(order(&at_once, 9, WIDE, Some("b")), "o1c");
    }

    #[test]
    fn a_beat_can_be_cut_short_and_made_longer() {
        let two = beat(vec![line("b", "1"), line("b", "2")], 3, 9);
        let mut agenda = Agenda::new(&two);
        agenda.authored_said();
        agenda.skip();
        assert!(matches!(agenda.next(false, WIDE, None), Next::Authored(line) if line.text == "1"));
        agenda.extend(2);
        for _ in 0..5 {
            assert_eq!(agenda.allowance(WIDE), 9);
            agenda.generated_said();
        }
        agenda.extend(20);
        assert_eq!(agenda.allowance(WIDE), 25);
    }

    #[test]
    fn a_tight_scene_keeps_minimums_first_and_authored_lines_always() {
        let two = beat(vec![line("b", "1"), line("b", "2")], 3, 9);
        let room = |left, later_min| Room {
            left,
            authored: 4,
            later_min,
        };
        assert_eq!(order(&two, 99, room(12, 3), None), "o..1.2..c");
        assert_eq!(order(&two, 99, room(9, 3), None), "o..1.2c");
        assert_eq!(order(&two, 99, room(6, 3), None), "o..12c");
        assert_eq!(order(&two, 99, room(4, 3), None), "o12c");
    }
}

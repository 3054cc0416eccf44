//! What the user does to the performance: every wish becomes a command of the director's.

use telenovela_script::character::CharacterId;
use telenovela_script::cut;
use telenovela_script::event::{Because, Candidate, Command, Event, EventKind, OUTSIDE, Spoken};
use telenovela_script::export::ExportFormat;

use super::{App, Effect, Front, Step, cast_of};
use crate::language::Phrase;
use crate::tui::input_line::{InputLine, Order, Wanted};
use crate::tui::inspector::{Insight, Inspection};
use crate::tui::keymap::{Action, Edit, Scroll, Way};
use crate::tui::palette::{self, Palette};

/// Lines that a beat is given at a time.
const MORE_LINES: u32 = 3;

impl App {
    /// Does what a key means for the performance or for what lies over it.
    pub(super) fn take_a_hand(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Follow => {
                self.document.select(None);
                self.document.scroll(Scroll::Bottom);
            }
            Action::Select(way) => return self.select(way),
            Action::OpenInput => self.open_input(InputLine::default()),
            Action::ChooseSpeaker => self.open_input(InputLine::beginning_with("/next ")),
            Action::ChooseMood => self.open_input(InputLine::beginning_with("/mood ")),
            Action::SpeakFromOutside => self.open_input(InputLine::beginning_with("/voice ")),
            Action::Rewrite => self.rewrite(),
            Action::Retake => return self.retake(),
            Action::OpenTakes => return self.open_takes(None),
            Action::BrowseTake(way) => return self.browse(way),
            Action::Pick => return self.pick(),
            Action::NextTake => return self.next_take(),
            Action::Back => return self.back(),
            Action::SkipBeat => return self.order(Order::Skip),
            Action::ExtendBeat => return self.order(Order::Extend(MORE_LINES)),
            Action::Inspect => return self.inspect(),
            Action::MoveToken(way) => {
                if let Front::Inspector(inspection) = &mut self.front {
                    inspection.move_token(way);
                }
            }
            Action::OpenPalette => {
                let is_over = self.has_end();
                let entries = palette::entries(cast_of(&self.ledger), self.language, is_over);
                self.front = Front::Palette(Palette::new(entries));
            }
            Action::OpenMenu => self.front = Front::Menu(0),
            Action::MoveEntry(way) => self.move_entry(way),
            Action::Choose => return self.choose(),
            Action::Edit(edit) => self.edit(edit),
            Action::Say => return self.say_input(),
            _ => {}
        }
        Vec::new()
    }

    /// The line that the user has selected, or the last one, as it is now.
    pub fn selected_line(&self) -> Option<&Spoken> {
        let wanted = self.document.selected();
        let lines = self.performed.iter().rev();
        lines
            .filter_map(|event| match &event.kind {
                EventKind::Utterance(spoken) => Some(spoken),
                _ => None,
            })
            .find(|spoken| wanted.is_none_or(|turn| spoken.utterance.turn == turn))
    }

    /// Why the speaker of a turn was chosen: the rule, and every factor.
    pub fn choice_of(&self, turn: u64) -> Option<(Because, &[Candidate])> {
        let choice = |event: &'_ Event| matches!(&event.kind, EventKind::SpeakerChosen { turn: of, .. } if *of == turn);
        let event = self.performed.iter().rev().find(|event| choice(event))?;
        match &event.kind {
            EventKind::SpeakerChosen {
                because,
                candidates,
                ..
            } => Some((*because, candidates)),
            _ => None,
        }
    }

    /// The performance as it stands, for a transcript.
    pub fn standing(&self) -> Vec<Event> {
        cut::standing(&self.all)
    }

    fn select(&mut self, way: Way) -> Vec<Effect> {
        self.document.select_neighbour(way);
        match &self.front {
            Front::Takes(_) => self.open_takes(None),
            Front::Inspector(inspection) if !inspection.from_takes => self.inspect(),
            Front::Inspector(_) => {
                self.front = Front::Script;
                self.inspect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn open_input(&mut self, line: InputLine) {
        if self.has_end() {
            self.say(Phrase::IsOver);
        } else if self.ledger.playbill.is_some() {
            self.front = Front::Input(line);
        }
    }

    fn edit(&mut self, edit: Edit) {
        match &mut self.front {
            Front::Input(line) => line.edit(edit, cast_of(&self.ledger), self.language),
            Front::Palette(palette) => palette.edit(edit, self.language),
            _ => {}
        }
    }

    /// The input line with the words of the selected line in it.
    fn rewrite(&mut self) {
        match self.selected_line() {
            Some(spoken) => {
                let line = format!("/edit {}", spoken.utterance.text);
                self.open_input(InputLine::beginning_with(&line));
            }
            None => self.say(Phrase::NotYet),
        }
    }

    fn retake(&mut self) -> Vec<Effect> {
        match self.turn() {
            Some(turn) => self.wish(Command::Retake { turn }),
            None => Vec::new(),
        }
    }

    /// Goes back to the selected line; without one, to the line before the last.
    fn back(&mut self) -> Vec<Effect> {
        match (self.document.selected(), self.turn()) {
            (Some(turn), _) => {
                self.document.select(None);
                self.document.scroll(Scroll::Bottom);
                self.wish(Command::Rewind { turn })
            }
            (None, Some(_)) => self.order(Order::Back(1)),
            (None, None) => Vec::new(),
        }
    }

    /// The turn of the selected line; says so where there is none.
    fn turn(&mut self) -> Option<u64> {
        let turn = self.selected_line().map(|spoken| spoken.utterance.turn);
        if turn.is_none() {
            self.say(Phrase::NotYet);
        }
        turn
    }

    /// Shows the takes of the selected line, at this one or the one that is kept.
    fn open_takes(&mut self, at: Option<usize>) -> Vec<Effect> {
        let Some(spoken) = self.selected_line() else {
            self.front = Front::Script;
            self.say(Phrase::NotYet);
            return Vec::new();
        };
        let (turn, n_takes, kept) = (spoken.utterance.turn, spoken.takes.len(), spoken.kept);
        if n_takes == 0 {
            self.front = Front::Script;
            self.say(Phrase::NoTakes);
            return Vec::new();
        }
        self.front = Front::Takes(at.or(kept).unwrap_or(0).min(n_takes - 1));
        self.document.select(Some(turn));
        Vec::new()
    }

    fn browse(&mut self, way: Way) -> Vec<Effect> {
        let Some(n_takes) = self.selected_line().map(|spoken| spoken.takes.len()) else {
            self.say(Phrase::NotYet);
            return Vec::new();
        };
        match &self.front {
            Front::Takes(at) => {
                let at = way.from(*at, n_takes);
                self.open_takes(Some(at))
            }
            Front::Inspector(inspection) => match inspection.take {
                Some(take) if n_takes > 1 => {
                    let from_takes = inspection.from_takes;
                    self.look_into(Some(way.from(take, n_takes)), from_takes)
                }
                _ => {
                    self.say(Phrase::NoOtherTake);
                    Vec::new()
                }
            },
            _ => self.open_takes(None),
        }
    }

    /// Keeps the take that is looked at.
    fn pick(&mut self) -> Vec<Effect> {
        let take = match &self.front {
            Front::Takes(take) => Some(*take),
            Front::Inspector(inspection) => inspection.take,
            _ => None,
        };
        let Some((turn, take)) = self.selected_line().and_then(|spoken| {
            let is_other = take != spoken.kept;
            Some((spoken.utterance.turn, take.filter(|_| is_other)?))
        }) else {
            // What is kept already needs nobody to keep it.
            return self.close();
        };
        self.wish(Command::PickTake { turn, take })
    }

    /// The take after the one that is kept, of the selected line.
    fn next_take(&mut self) -> Vec<Effect> {
        let next = self.selected_line().and_then(|spoken| {
            let n_takes = spoken.takes.len();
            let next = (n_takes > 1).then(|| spoken.kept.map_or(0, |kept| kept + 1) % n_takes);
            Some((spoken.utterance.turn, next?))
        });
        match next {
            Some((turn, take)) => self.wish(Command::PickTake { turn, take }),
            None => {
                self.say(Phrase::NoOtherTake);
                Vec::new()
            }
        }
    }

    fn inspect(&mut self) -> Vec<Effect> {
        let take = match (&self.front, self.selected_line()) {
            (_, None) => {
                self.say(Phrase::NotYet);
                return Vec::new();
            }
            (Front::Takes(take), _) => Some(*take),
            (_, Some(spoken)) => spoken.kept.filter(|_| !spoken.takes.is_empty()),
        };
        let from_takes = matches!(self.front, Front::Takes(_));
        self.look_into(take, from_takes)
    }

    /// Asks how a take of the selected line came about.
    fn look_into(&mut self, take: Option<usize>, from_takes: bool) -> Vec<Effect> {
        let Some(turn) = self.turn() else {
            return Vec::new();
        };
        self.document.select(Some(turn));
        self.front = Front::Inspector(Inspection {
            take,
            token: 0,
            top: 0,
            from_takes,
            insight: Insight::Waiting,
        });
        vec![Effect::Explain { turn, take }]
    }

    fn choose(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.front, Front::Script) {
            Front::Menu(entry) => ExportFormat::ALL
                .get(entry)
                .map(|format| Effect::Export(*format))
                .into_iter()
                .collect(),
            Front::Palette(palette) => match palette.chosen() {
                Some(palette::Deed::Press(action)) => self.update(action),
                Some(palette::Deed::Wish(command)) => self.wish(command),
                Some(palette::Deed::Export(format)) => vec![Effect::Export(format)],
                None => Vec::new(),
            },
            other => {
                self.front = other;
                Vec::new()
            }
        }
    }

    /// Hands a command to the director, if there still is one.
    fn wish(&mut self, command: Command) -> Vec<Effect> {
        if self.has_end() {
            self.say(Phrase::IsOver);
            return Vec::new();
        }
        vec![Effect::Do(command)]
    }

    /// What the director is to do; lines counted backwards become turns here.
    fn order(&mut self, order: Order) -> Vec<Effect> {
        let last = self.last_turn();
        let turn_of = |back: u64| last?.checked_sub(back - 1);
        let selected = self.selected_line().map(|spoken| spoken.utterance.turn);
        let command = match order {
            Order::NextSpeaker(speaker) => Some(Command::NextSpeaker { speaker }),
            Order::Mood(character, mood) => Some(Command::Mood { character, mood }),
            Order::Outside(text) => Some(Command::Say {
                speaker: CharacterId::new(OUTSIDE),
                delivery: None,
                text,
            }),
            Order::Skip => Some(Command::SkipBeat),
            Order::Extend(lines) => Some(Command::ExtendBeat { lines }),
            Order::Retake(back) => turn_of(back).map(|turn| Command::Retake { turn }),
            Order::Pick { line, take } => turn_of(line).map(|turn| Command::PickTake {
                turn,
                take: take.saturating_sub(1),
            }),
            Order::Edit(text) => selected.map(|turn| Command::Edit {
                turn,
                delivery: None,
                text,
            }),
            // The last line that stays is the one before those that are taken back.
            Order::Back(back) => turn_of(back + 1).map(|turn| Command::Rewind { turn }),
        };
        match command {
            Some(command) => self.wish(command),
            None => {
                self.say(Phrase::NoSuchLine);
                Vec::new()
            }
        }
    }

    fn last_turn(&self) -> Option<u64> {
        let mut events = self.performed.iter().rev();
        events.find_map(|event| match &event.kind {
            EventKind::Utterance(spoken) => Some(spoken.utterance.turn),
            _ => None,
        })
    }

    fn say_input(&mut self) -> Vec<Effect> {
        let Front::Input(line) = &mut self.front else {
            return Vec::new();
        };
        match line.parse(cast_of(&self.ledger), self.language) {
            Ok(Wanted::Order(order)) => {
                self.front = Front::Script;
                self.order(order)
            }
            Ok(Wanted::Say(said)) => {
                self.front = Front::Script;
                // Who holds the performance and speaks wants to hear that line, and no further.
                self.step = self.paused.then_some(Step::OwnLine);
                self.document.select(None);
                self.document.scroll(Scroll::Bottom);
                vec![Effect::Say {
                    speaker: said.speaker,
                    delivery: said.delivery,
                    text: said.text,
                }]
            }
            Err(problem) => {
                line.problem = Some(problem);
                Vec::new()
            }
        }
    }
}

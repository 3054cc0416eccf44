//! The state of the screen. Pure: events, keys and the time go in, [`Effect`]s come out; nothing here reads a clock or draws.
//!
//! The screen holds the performance by not saying that a line has been shown: the director waits for it. So pausing, stepping and the
//! open input line need nothing from the director.
//!
//! * `perform`: what happens on stage, line by line, in performance time.
//! * `hands`: what the user does to it.

mod hands;
mod perform;

use std::collections::VecDeque;

use ratatui::layout::Rect;
use telenovela_script::character::CharacterId;
use telenovela_script::event::{CastMember, Command, Event, Playbill};
use telenovela_script::export::ExportFormat;

use super::Options;
use super::document::Document;
use super::input_line::InputLine;
use super::inspector::{Insight, Inspection};
use super::keymap::{Action, Context, Scroll, Way};
use super::ledger::Ledger;
use super::palette::Palette;
use super::speaking::Speaking;
use super::staging::Staging;
use super::theme::Theme;
use super::view::{self, help};
use crate::language::{Language, Phrase};

/// What the screen wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The line of this event has been shown; the performance may go on.
    Shown(u64),
    /// The user says a line as somebody.
    Say {
        /// As whom.
        speaker: CharacterId,
        /// How, without parentheses.
        delivery: Option<String>,
        /// The words.
        text: String,
    },
    /// The user takes a hand in it.
    Do(Command),
    /// The user wants to know how a take came about. Never in the log.
    Explain {
        /// The turn of its line.
        turn: u64,
        /// Which take, counted over all of the line; `None` for the line as it was said, where it has no takes.
        take: Option<usize>,
    },
    /// The performance so far is written as a transcript.
    Export(ExportFormat),
    /// The terminal is given to the shell for a while.
    Suspend,
    /// The performance ends here.
    Stop,
    /// The screen closes.
    Quit,
}

/// What lies over the script.
#[derive(Clone, Debug, PartialEq)]
pub enum Front {
    /// Nothing.
    Script,
    /// The input line.
    Input(InputLine),
    /// The takes of the selected line, of which this one is looked at.
    Takes(usize),
    /// The selected line is looked into.
    Inspector(Inspection),
    /// Every command by name.
    Palette(Palette),
    /// Where a performance can be exported to; this entry is chosen.
    Menu(usize),
    /// Cast, arc and loose ends, from this line on.
    Panel(usize),
    /// The keys.
    Help(HelpCard),
}

/// The card of keys.
#[derive(Clone, Debug, PartialEq)]
pub struct HelpCard {
    /// Whose keys.
    pub of: Context,
    /// Its first visible line.
    pub top: usize,
    /// What it lies over.
    pub behind: Box<Front>,
}

/// The state of the screen.
#[derive(Debug)]
pub struct App {
    /// How it looks.
    pub theme: Theme,
    /// What it speaks.
    pub language: Language,
    /// What the audience knows.
    pub ledger: Ledger,
    /// The script.
    pub document: Document,
    /// What lies over it.
    pub front: Front,
    /// Whether the user holds the performance.
    pub paused: bool,
    /// Whether the panel is folded away though there is room for it.
    pub is_panel_folded: bool,
    /// Told at the foot of the screen until the next key.
    pub notice: Option<String>,
    /// Where the log is, for people.
    pub log: Option<String>,
    /// What exports this performance, for the end card.
    export_command: Option<String>,
    animated: bool,
    speed: usize,
    area: Rect,
    /// Arrived, not yet performed.
    waiting: VecDeque<Event>,
    /// Performed and not rewound; what a rewind folds again.
    performed: Vec<Event>,
    /// Everything that arrived and was performed, what was rewound too.
    all: Vec<Event>,
    /// Events before this one happened in a performance that is resumed: they are there at once.
    n_past: u64,
    staging: Staging,
    speaking: Option<Speaking>,
    /// Left of the time that a title stays alone, in milliseconds of performance time.
    hold_ms: f64,
    /// How long the curtain of light of the climax has been falling, in milliseconds of the user's time.
    sweep_ms: Option<f64>,
    /// What is performed although the user holds the performance.
    step: Option<Step>,
    /// The line that has been shown, as long as the director has not been told.
    unacknowledged: Option<u64>,
    now_ms: Option<u64>,
    changed: bool,
}

/// How far a performance goes on that the user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To the end of the next line.
    OneLine,
    /// To the line that the user has just typed.
    OwnLine,
}

/// Multiples of performance time.
const SPEEDS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
/// After a longer stop (a suspended machine, a stalled terminal) the performance goes on where it stood.
const LONGEST_TICK_MS: u64 = 250;
/// How long the curtain of light falls.
const SWEEP_MS: f64 = 1_300.0;

impl App {
    /// Before the curtain.
    pub fn new(options: Options) -> Self {
        let Options {
            theme,
            language,
            animated,
            log,
            export_command,
            n_past,
            speed,
            tensions,
        } = options;
        let distance = |index: &usize| (SPEEDS[*index].ln() - speed.ln()).abs();
        let nearest = (0..SPEEDS.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        Self {
            theme,
            language,
            ledger: Ledger::with_tensions(&tensions),
            document: Document::new(theme, language),
            front: Front::Script,
            paused: false,
            is_panel_folded: false,
            notice: None,
            log,
            export_command,
            animated,
            speed: nearest.unwrap_or(0),
            area: Rect::default(),
            waiting: VecDeque::new(),
            performed: Vec::new(),
            all: Vec::new(),
            n_past,
            staging: Staging::default(),
            speaking: None,
            hold_ms: 0.0,
            sweep_ms: None,
            step: None,
            unacknowledged: None,
            now_ms: None,
            changed: true,
        }
    }

    /// Lets time pass up to `now_ms`, milliseconds of any clock that does not go back.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        let before = self.now_ms.replace(now_ms).unwrap_or(now_ms);
        let passed = now_ms.saturating_sub(before).min(LONGEST_TICK_MS) as f64;
        if let Some(fallen) = self.sweep_ms {
            self.sweep_ms = Some(fallen + passed).filter(|fallen| *fallen < SWEEP_MS);
            self.changed = true;
        }
        self.advance(passed * self.speed())
    }

    /// Does what a key means.
    pub fn update(&mut self, action: Action) -> Vec<Effect> {
        self.changed = true;
        self.notice = None;
        let mut effects = match action {
            Action::TogglePause => {
                self.paused = !self.paused;
                self.step = None;
                Vec::new()
            }
            Action::Step => self.step(),
            Action::Faster => self.set_speed(self.speed + 1),
            Action::Slower => self.set_speed(self.speed.saturating_sub(1)),
            Action::Scroll(scroll) => self.scroll(scroll),
            Action::OpenHelp => self.open_help(),
            Action::Close => self.close(),
            Action::TogglePanel => self.toggle_panel(),
            Action::Suspend => vec![Effect::Suspend],
            Action::Quit => return self.quit(),
            other => self.take_a_hand(other),
        };
        effects.extend(self.advance(0.0));
        effects
    }

    /// Takes in pasted text; it goes where typed text would.
    pub fn paste(&mut self, text: &str) {
        match &mut self.front {
            Front::Input(line) => line.insert(text),
            Front::Palette(palette) => palette.insert(text),
            _ => return,
        }
        self.changed = true;
    }

    /// Tells the user something at the foot of the screen.
    pub fn notify(&mut self, notice: String) {
        self.notice = Some(notice);
        self.changed = true;
    }

    /// Tells the user something of the table at the foot of the screen.
    fn say(&mut self, phrase: Phrase) {
        self.notify(self.language.say(phrase).to_owned());
    }

    /// What the user wished for is not done, for this reason.
    pub fn refuse(&mut self, reason: String) {
        if self.step == Some(Step::OwnLine) {
            self.step = None;
        }
        self.notify(reason);
    }

    /// Takes in how a take came about, if the user still looks at it.
    pub fn take_in(&mut self, turn: u64, take: Option<usize>, insight: Insight) {
        let is_selected = self
            .selected_line()
            .is_some_and(|spoken| spoken.utterance.turn == turn);
        if let Front::Inspector(inspection) = &mut self.front
            && is_selected
            && inspection.take == take
        {
            inspection.insight = insight;
            inspection.token = 0;
            self.changed = true;
        }
    }

    /// Leaves: stops the performance first if it is not over.
    pub fn quit(&mut self) -> Vec<Effect> {
        if self.has_end() {
            vec![Effect::Quit]
        } else {
            vec![Effect::Stop, Effect::Quit]
        }
    }

    /// Fits the screen into the area that it will be drawn in.
    pub fn resize(&mut self, area: Rect) {
        self.area = area;
        let script = view::areas(self, area).script;
        self.document.resize(script.width, script.height);
        if let Some(turn) = self.document.selected()
            && matches!(self.front, Front::Takes(_))
        {
            self.document.reveal(turn);
        }
        self.changed = true;
    }

    /// The area that the screen was fitted into.
    pub fn area(&self) -> Rect {
        self.area
    }

    /// What the keys are for at the moment.
    pub fn context(&self) -> Context {
        context_of(&self.front)
    }

    /// Performance time passes so many times faster than the user's.
    pub fn speed(&self) -> f64 {
        SPEEDS[self.speed]
    }

    /// How far the curtain of light of the climax has fallen, from 0 to 1; `None` when none falls.
    pub fn sweep(&self) -> Option<f64> {
        self.sweep_ms.map(|fallen| fallen / SWEEP_MS)
    }

    /// Performance time, in milliseconds; the log knows it line by line, the screen in between too.
    pub fn at_ms(&self) -> u64 {
        // The log's time of a line is when its first word is spoken, after the silence before it.
        let Some(speaking) = &self.speaking else {
            return self.ledger.at_ms;
        };
        let began_ms = self.ledger.at_ms.saturating_sub(speaking.silence_left_ms());
        began_ms + speaking.spoken_ms()
    }

    /// Whether anything will move by itself.
    pub fn is_moving(&self) -> bool {
        let performs = !self.is_held() && (self.speaking.is_some() || self.hold_ms > 0.0);
        performs || self.sweep_ms.is_some()
    }

    /// Whether a line is being spoken, its silence included.
    pub fn is_speaking(&self) -> bool {
        self.speaking.is_some()
    }

    /// Whether the last event has arrived, performed or not.
    pub fn has_end(&self) -> bool {
        use telenovela_script::event::EventKind;
        let ended = |event: &Event| matches!(event.kind, EventKind::PerformanceEnded { .. });
        self.ledger.ended || self.waiting.iter().any(ended)
    }

    /// Whether the screen has to be drawn again; asking makes it clean.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether the screen has to be drawn again.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// The screen has to be drawn again, whatever is in it.
    pub fn spoil(&mut self) {
        self.changed = true;
    }

    /// Whether the performance stands still because the user wants it to.
    pub fn is_held(&self) -> bool {
        match self.front {
            Front::Script => self.paused && self.step.is_none(),
            _ => true,
        }
    }

    fn set_speed(&mut self, speed: usize) -> Vec<Effect> {
        self.speed = speed.min(SPEEDS.len() - 1);
        Vec::new()
    }

    fn scroll(&mut self, scroll: Scroll) -> Vec<Effect> {
        match &mut self.front {
            Front::Help(card) => {
                let last = help::last_top(card.of, self.area, self.language);
                card.top = scroll.of_card(card.top).min(last);
            }
            Front::Panel(top) => {
                *top = scroll.of_card(*top);
                let top = *top;
                let last = view::panel::last_top(self, self.area);
                self.front = Front::Panel(top.min(last));
            }
            Front::Inspector(inspection) => {
                inspection.top = scroll.of_card(inspection.top);
                let top = inspection.top;
                let last = view::inspector::last_top(self, self.area);
                if let Front::Inspector(inspection) = &mut self.front {
                    inspection.top = top.min(last);
                }
            }
            _ => self.document.scroll(scroll),
        }
        Vec::new()
    }

    fn open_help(&mut self) -> Vec<Effect> {
        let behind = std::mem::replace(&mut self.front, Front::Script);
        self.front = Front::Help(HelpCard {
            of: context_of(&behind),
            top: 0,
            behind: Box::new(behind),
        });
        Vec::new()
    }

    fn close(&mut self) -> Vec<Effect> {
        self.front = match std::mem::replace(&mut self.front, Front::Script) {
            Front::Help(card) => *card.behind,
            Front::Inspector(Inspection {
                from_takes: true,
                take: Some(take),
                ..
            }) => Front::Takes(take),
            _ => Front::Script,
        };
        Vec::new()
    }

    /// Where there is no room beside the script, the panel lies over it.
    fn toggle_panel(&mut self) -> Vec<Effect> {
        if view::has_room_for_panel(self.area) {
            self.is_panel_folded = !self.is_panel_folded;
        } else if self.ledger.playbill.is_some() {
            self.front = Front::Panel(0);
        }
        Vec::new()
    }

    fn move_entry(&mut self, way: Way) {
        match &mut self.front {
            Front::Palette(palette) => palette.select(way),
            Front::Menu(entry) => *entry = way.from(*entry, ExportFormat::ALL.len()),
            _ => {}
        }
    }
}

fn context_of(front: &Front) -> Context {
    match front {
        Front::Script => Context::Script,
        Front::Input(_) => Context::Input,
        Front::Takes(_) => Context::Takes,
        Front::Inspector(_) => Context::Inspector,
        Front::Palette(_) => Context::Palette,
        Front::Menu(_) => Context::Menu,
        Front::Panel(_) => Context::Panel,
        Front::Help(_) => Context::Help,
    }
}

/// The command line that gives the same performance again.
pub fn repeat_command(playbill: &Playbill) -> String {
    format!(
        "telenovela play {} --seed {}",
        playbill.scene, playbill.seed
    )
}

fn cast_of(ledger: &Ledger) -> &[CastMember] {
    ledger
        .playbill
        .as_ref()
        .map_or(&[], |playbill| &playbill.cast)
}

//! The state of the screen. Pure: events, keys and the time go in, [`Effect`]s come out; nothing here reads a clock or draws.
//!
//! The screen holds the performance by not saying that a line has been shown: the director waits for it. So pausing, stepping and the
//! open input line need nothing from the director.

use std::collections::VecDeque;

use ratatui::layout::Rect;
use telenovela_script::character::CharacterId;
use telenovela_script::cut;
use telenovela_script::event::{
    CastMember, Command, Event, EventKind, OUTSIDE, Playbill, Provenance, Spoken,
};

use super::card::{EndCard, TitleCard};
use super::document::{Document, Entry, Speech, Typing};
use super::input_line::{InputLine, Order, Wanted};
use super::keymap::{Action, Context, Scroll};
use super::ledger::{self, Ledger};
use super::speaking::Speaking;
use super::theme::Theme;
use super::view::{self, help};

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
    /// The performance ends here.
    Stop,
    /// The screen closes.
    Quit,
}

/// What lies over the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// Nothing.
    Script,
    /// The input line.
    Input(InputLine),
    /// The keys, from this line on.
    Help(usize),
}

/// The state of the screen.
#[derive(Debug)]
pub struct App {
    /// How it looks.
    pub theme: Theme,
    /// What the audience knows.
    pub ledger: Ledger,
    /// The script.
    pub document: Document,
    /// What lies over it.
    pub front: Front,
    /// Whether the user holds the performance.
    pub paused: bool,
    /// Told at the foot of the screen until the next key.
    pub notice: Option<String>,
    /// What exports this performance, for the end card.
    export_command: Option<String>,
    speed: usize,
    /// Rows of the whole screen.
    height: u16,
    /// Arrived, not yet performed.
    waiting: VecDeque<Event>,
    /// Performed and not rewound; what a rewind folds again.
    performed: Vec<Event>,
    /// Everything that arrived and was performed, what was rewound too.
    all: Vec<Event>,
    /// Events before this one happened in a performance that is resumed: they are there at once.
    n_past: u64,
    speaking: Option<Speaking>,
    /// Left of the time that a title stays alone, in milliseconds of performance time.
    hold_ms: f64,
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
const NORMAL_SPEED: usize = 2;
/// How long the title card stays alone.
const TITLE_MS: f64 = 3_500.0;
/// How long the title of a beat stays alone.
const BEAT_MS: f64 = 700.0;
/// After a longer stop (a suspended machine, a stalled terminal) the performance goes on where it stood.
const LONGEST_TICK_MS: u64 = 250;

impl App {
    /// Before the curtain. `export_command` is shown on the end card.
    pub fn new(theme: Theme, export_command: Option<String>) -> Self {
        Self {
            theme,
            ledger: Ledger::default(),
            document: Document::new(theme),
            front: Front::Script,
            paused: false,
            notice: None,
            export_command,
            speed: NORMAL_SPEED,
            height: 0,
            waiting: VecDeque::new(),
            performed: Vec::new(),
            all: Vec::new(),
            n_past: 0,
            speaking: None,
            hold_ms: 0.0,
            step: None,
            unacknowledged: None,
            now_ms: None,
            changed: true,
        }
    }

    /// Events before this one happened in a performance that is resumed: they are there at once.
    #[must_use]
    pub fn after(mut self, n_past: u64) -> Self {
        self.n_past = n_past;
        self
    }

    /// Begins at the speed nearest to this one.
    #[must_use]
    pub fn at_speed(mut self, wanted: f64) -> Self {
        let distance = |index: &usize| (SPEEDS[*index].ln() - wanted.ln()).abs();
        let nearest = (0..SPEEDS.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        self.speed = nearest.unwrap_or(NORMAL_SPEED);
        self
    }

    /// Takes in an event of the director's; it is performed when those before it have been. What the user did to earlier lines shows at once, also while
    /// the performance is held.
    pub fn apply(&mut self, event: &Event) -> Vec<Effect> {
        if matches!(event.kind, EventKind::Rewound { .. }) {
            // What was on its way to the screen has been taken back.
            self.speaking = None;
            self.unacknowledged = None;
            self.document.set_typing(Typing::Whole);
            while let Some(event) = self.waiting.pop_front() {
                self.all.push(event);
            }
            self.perform(event.clone());
            return Vec::new();
        }
        self.waiting.push_back(event.clone());
        let is_done_to_earlier = |event: &Event| {
            matches!(
                event.kind,
                EventKind::LineChanged(_) | EventKind::Command { .. }
            )
        };
        while self.waiting.front().is_some_and(is_done_to_earlier)
            && let Some(event) = self.waiting.pop_front()
        {
            self.perform(event);
        }
        self.advance(0.0)
    }

    /// Lets time pass up to `now_ms`, milliseconds of any clock that does not go back.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        let before = self.now_ms.replace(now_ms).unwrap_or(now_ms);
        let passed = now_ms.saturating_sub(before).min(LONGEST_TICK_MS);
        self.advance(passed as f64 * self.speed())
    }

    /// Does what a key means.
    pub fn update(&mut self, action: Action) -> Vec<Effect> {
        self.changed = true;
        self.notice = None;
        match action {
            Action::TogglePause => {
                self.paused = !self.paused;
                self.step = None;
            }
            Action::Step => self.step(),
            Action::Faster => self.set_speed(self.speed + 1),
            Action::Slower => self.set_speed(self.speed.saturating_sub(1)),
            Action::Scroll(scroll) => match &mut self.front {
                Front::Help(top) => *top = scrolled(*top, scroll).min(help::last_top(self.height)),
                Front::Script | Front::Input(_) => self.document.scroll(scroll),
            },
            Action::Follow => self.document.scroll(Scroll::Bottom),
            Action::OpenInput => self.open_input(InputLine::default()),
            Action::ChooseSpeaker => self.open_input(InputLine::beginning_with("/next ")),
            Action::ChooseMood => self.open_input(InputLine::beginning_with("/mood ")),
            Action::Retake => return self.order(Order::Retake(1)),
            Action::NextTake => return self.next_take(),
            Action::Back => return self.order(Order::Back(1)),
            Action::SkipBeat => return self.order(Order::Skip),
            Action::ExtendBeat => return self.order(Order::Extend(3)),
            Action::OpenHelp => self.front = Front::Help(0),
            Action::Close => self.front = Front::Script,
            Action::Edit(edit) => {
                if let Front::Input(line) = &mut self.front {
                    line.edit(edit, cast_of(&self.ledger));
                }
            }
            Action::Say => {
                let mut effects = self.say();
                effects.extend(self.advance(0.0));
                return effects;
            }
            Action::Quit => return self.quit(),
        }
        self.advance(0.0)
    }

    /// Takes in pasted text; it goes where typed text would.
    pub fn paste(&mut self, text: &str) {
        if let Front::Input(line) = &mut self.front {
            line.insert(text);
            self.changed = true;
        }
    }

    /// Tells the user something at the foot of the screen.
    pub fn notify(&mut self, notice: String) {
        self.notice = Some(notice);
        self.changed = true;
    }

    /// The user's line is not said, for this reason.
    pub fn refuse(&mut self, reason: String) {
        if self.step == Some(Step::OwnLine) {
            self.step = None;
        }
        self.notify(reason);
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
        let script = view::areas(area).script;
        self.document.resize(script.width, script.height);
        self.height = area.height;
        self.changed = true;
    }

    /// What the keys are for at the moment.
    pub fn context(&self) -> Context {
        match self.front {
            Front::Script => Context::Script,
            Front::Input(_) => Context::Input,
            Front::Help(_) => Context::Help,
        }
    }

    /// Performance time passes so many times faster than the user's.
    pub fn speed(&self) -> f64 {
        SPEEDS[self.speed]
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
        !self.is_held() && (self.speaking.is_some() || self.hold_ms > 0.0)
    }

    /// Whether a line is being spoken, its silence included.
    pub fn is_speaking(&self) -> bool {
        self.speaking.is_some()
    }

    /// Whether the last event has arrived, performed or not.
    pub fn has_end(&self) -> bool {
        let ended = |event: &Event| matches!(event.kind, EventKind::PerformanceEnded { .. });
        self.ledger.ended || self.waiting.iter().any(ended)
    }

    /// Whether the screen has to be drawn again; asking makes it clean.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether the performance stands still because the user wants it to.
    pub fn is_held(&self) -> bool {
        match self.front {
            Front::Script => self.paused && self.step.is_none(),
            Front::Input(_) | Front::Help(_) => true,
        }
    }

    fn set_speed(&mut self, speed: usize) {
        self.speed = speed.min(SPEEDS.len() - 1);
    }

    fn step(&mut self) {
        self.hold_ms = 0.0;
        if self.speaking.is_some() {
            self.finish_speaking();
        } else if self.paused {
            self.step = Some(Step::OneLine);
        }
    }

    fn open_input(&mut self, line: InputLine) {
        if self.has_end() {
            self.notify("the performance is over".to_owned());
        } else if self.ledger.playbill.is_some() {
            self.front = Front::Input(line);
        }
    }

    /// What the director is to do; lines counted backwards become turns here.
    fn order(&mut self, order: Order) -> Vec<Effect> {
        if self.has_end() {
            self.notify("the performance is over".to_owned());
            return Vec::new();
        }
        let turn_of = |back: u64| self.last_line()?.utterance.turn.checked_sub(back - 1);
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
            Order::Edit(text) => turn_of(1).map(|turn| Command::Edit {
                turn,
                delivery: None,
                text,
            }),
            // The last line that stays is the one before those that are taken back.
            Order::Back(back) => turn_of(back + 1).map(|turn| Command::Rewind { turn }),
        };
        match command {
            Some(command) => vec![Effect::Do(command)],
            None => {
                self.notify("there is no such line".to_owned());
                Vec::new()
            }
        }
    }

    /// The take after the one that is kept, of the last line.
    fn next_take(&mut self) -> Vec<Effect> {
        let next = self.last_line().and_then(|spoken| {
            let n_takes = spoken.takes.len();
            (n_takes > 1).then(|| (spoken.kept.map_or(0, |kept| kept + 1)) % n_takes + 1)
        });
        match next {
            Some(take) => self.order(Order::Pick { line: 1, take }),
            None => {
                self.notify("the last line has no other take".to_owned());
                Vec::new()
            }
        }
    }

    /// The last line that was performed, as it is now.
    fn last_line(&self) -> Option<&Spoken> {
        self.performed
            .iter()
            .rev()
            .find_map(|event| match &event.kind {
                EventKind::Utterance(spoken) => Some(spoken),
                _ => None,
            })
    }

    fn say(&mut self) -> Vec<Effect> {
        let Front::Input(line) = &mut self.front else {
            return Vec::new();
        };
        match line.parse(cast_of(&self.ledger)) {
            Ok(Wanted::Order(order)) => {
                self.front = Front::Script;
                self.order(order)
            }
            Ok(Wanted::Say(said)) => {
                self.front = Front::Script;
                // Who holds the performance and speaks wants to hear that line, and no further.
                self.step = self.paused.then_some(Step::OwnLine);
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

    /// Performs what so much performance time allows.
    fn advance(&mut self, mut ms: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.is_held() {
            if self.speaking.is_some() {
                ms = self.speak(ms);
                if self.speaking.is_some() {
                    break;
                }
                continue;
            }
            if let Some(seq) = self.unacknowledged.take() {
                effects.push(Effect::Shown(seq));
            }
            if self.hold_ms > 0.0 {
                let held = self.hold_ms.min(ms);
                self.hold_ms -= held;
                ms -= held;
                if self.hold_ms > 0.0 {
                    break;
                }
            }
            let Some(event) = self.waiting.pop_front() else {
                break;
            };
            self.perform(event);
        }
        effects
    }

    /// Goes on with the line being spoken; returns the time left when it is finished.
    fn speak(&mut self, ms: f64) -> f64 {
        let Some(speaking) = &mut self.speaking else {
            return ms;
        };
        let before = speaking.typing();
        if let Some(left) = speaking.pass(ms) {
            self.finish_speaking();
            return left;
        }
        let typing = speaking.typing();
        if typing != before {
            self.document.set_typing(typing);
            self.changed = true;
        }
        0.0
    }

    fn finish_speaking(&mut self) {
        if let Some(speaking) = self.speaking.take() {
            self.unacknowledged = Some(speaking.seq);
            if self.step == Some(Step::OneLine) || speaking.provenance == Provenance::Injected {
                self.step = None;
            }
        }
        self.document.set_typing(Typing::Whole);
        self.changed = true;
    }

    fn perform(&mut self, event: Event) {
        self.changed = true;
        self.all.push(event.clone());
        if matches!(
            event.kind,
            EventKind::Rewound { .. } | EventKind::LineChanged(_)
        ) {
            self.cut_again();
            return;
        }
        self.ledger.apply(&event);
        if let Some(entry) = self.entry(&event) {
            self.document.push(entry);
        }
        match &event.kind {
            _ if event.seq < self.n_past => {}
            EventKind::PerformanceStarted(_) | EventKind::SceneEntered { .. } => {
                self.hold_ms = TITLE_MS;
            }
            EventKind::Cliffhanger { .. } => self.hold_ms = TITLE_MS,
            EventKind::BeatEntered { .. } => self.hold_ms = BEAT_MS,
            EventKind::Utterance(spoken) => self.begin_speaking(event.seq, spoken),
            EventKind::PerformanceEnded { .. } => self.document.show_top_of_last(),
            _ => {}
        }
        self.performed.push(event);
    }

    /// Writes the script anew from what counts.
    fn cut_again(&mut self) {
        self.performed = cut::standing(&self.all);
        self.ledger = Ledger::default();
        self.document.truncate_all();
        for event in std::mem::take(&mut self.performed) {
            self.ledger.apply(&event);
            if let Some(entry) = self.entry(&event) {
                self.document.push(entry);
            }
            self.performed.push(event);
        }
    }

    fn begin_speaking(&mut self, seq: u64, spoken: &Spoken) {
        let utterance = &spoken.utterance;
        let speaking = Speaking::new(seq, utterance, spoken.cps);
        self.document.set_typing(speaking.typing());
        self.speaking = Some(speaking);
        // The user has just typed this line and need not watch it being typed again.
        if utterance.provenance == Provenance::Injected {
            self.finish_speaking();
        }
    }

    /// What an event adds to the script; the ledger has taken it in already.
    fn entry(&self, event: &Event) -> Option<Entry> {
        Some(match &event.kind {
            EventKind::PerformanceStarted(playbill) => Entry::Title(TitleCard::new(playbill)),
            EventKind::SceneEntered {
                title,
                index,
                setting,
                premise,
                ..
            } => Entry::Title(TitleCard::of_scene(*index, title, setting, premise.clone())),
            EventKind::BeatEntered { title, index, .. } => Entry::Beat {
                number: index + 1,
                title: title.clone(),
            },
            EventKind::Utterance(spoken) => Entry::Speech(Speech {
                name: spoken.utterance.name.clone(),
                color: self.ledger.color(&spoken.utterance.speaker),
                delivery: spoken.utterance.delivery.clone(),
                text: spoken.utterance.text.clone(),
                provenance: spoken.utterance.provenance,
            }),
            EventKind::PerformanceEnded {
                reason,
                card,
                threads,
                generated_words,
                authored_words,
            } => Entry::End(EndCard {
                card: card.clone(),
                reason: *reason,
                threads: threads.clone(),
                generated_words: *generated_words,
                authored_words: *authored_words,
                commands: self.commands(),
            }),
            other => Entry::Direction(ledger::direction(&self.ledger, other)?),
        })
    }

    fn commands(&self) -> Vec<(&'static str, String)> {
        let again = self
            .ledger
            .playbill
            .as_ref()
            .map(|playbill| ("again", repeat_command(playbill)));
        let export = self
            .export_command
            .clone()
            .map(|command| ("export", command));
        again.into_iter().chain(export).collect()
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

fn scrolled(top: usize, scroll: Scroll) -> usize {
    match scroll {
        Scroll::LineUp => top.saturating_sub(1),
        Scroll::LineDown => top.saturating_add(1),
        Scroll::PageUp => top.saturating_sub(5),
        Scroll::PageDown => top.saturating_add(5),
        Scroll::Top => 0,
        Scroll::Bottom => usize::MAX,
    }
}

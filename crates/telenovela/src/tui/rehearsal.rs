//! A training on the screen: everybody learns at once, from gibberish to sense. Pure, like the stage: news, keys and the time go in.

pub mod view;

use ratatui::layout::Rect;
use telenovela_lm::train::{Metrics, Progress};
use telenovela_lm::weights::Card;
use telenovela_script::character::Color;
use telenovela_script::text::one_line;

use super::keymap::{Action, Context, Way};
use super::theme::Theme;
use super::view::help;
use crate::language::Language;

/// Sample lines that are kept of each model.
const MOST_SAMPLES: usize = 200;
/// Share of a step's loss in the smoothed one.
const SMOOTHING: f64 = 0.05;

/// What the screen is told.
#[derive(Clone, Debug)]
pub enum News {
    /// These will be trained, in this order: a model's name, and the colour of whoever it speaks for.
    Expected(Vec<(String, Color)>),
    /// Something happened in the training of a model.
    Progress(String, Progress),
    /// A model is trained: the epoch that was kept, and its bits per character on the test split.
    Finished(String, usize, f64),
    /// Anything else.
    Said(String),
}

impl News {
    /// A model is trained.
    pub fn finished(model: &str, card: &Card) -> Self {
        Self::Finished(model.to_owned(), card.scores.epoch, card.scores.test_bits)
    }
}

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Everybody holds still, or goes on.
    Hold(bool),
    /// Everybody keeps its place, and it ends.
    Stop,
    /// The terminal is given to the shell for a while.
    Suspend,
}

/// The training of one model.
#[derive(Clone, Debug)]
pub struct Part {
    /// Of the model.
    pub name: String,
    /// Of whoever it speaks for.
    pub color: Color,
    /// How far it has come.
    pub state: State,
    /// Passes over the training split, in all.
    pub epochs: usize,
    /// Characters of text to be read in all, and read so far.
    pub chars: (usize, usize),
    /// Characters that were read before this process took over.
    chars_before: usize,
    /// Of the last steps, smoothed, in bits per character.
    pub bits: Option<f64>,
    /// Of each epoch that is over.
    pub history: Vec<Figures>,
    /// What count tables make of the held-out lines, in bits per character.
    pub baseline: Option<f64>,
    /// A line spoken after each epoch, with its number.
    pub samples: Vec<(usize, String)>,
}

/// Of an epoch: its number, bits per character on own text and on the dev split, and whether its weights were the best so far.
pub type Figures = (usize, f64, f64, bool);

fn figures(metrics: &Metrics) -> Figures {
    let Metrics {
        epoch,
        train_bits,
        dev_bits,
        best,
        ..
    } = *metrics;
    (epoch, train_bits, dev_bits, best)
}

/// How far a training has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// It has not begun.
    Waiting,
    /// It goes on.
    Learning,
    /// It is over: the epoch that was kept, and its bits per character on the test split.
    Done(usize, f64),
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// How it looks.
    pub theme: Theme,
    /// What it speaks.
    pub language: Language,
    /// Title of the show.
    pub show: String,
    /// In the order in which they are trained.
    pub parts: Vec<Part>,
    /// Whose curves are shown; `None` for whoever spoke last.
    pub chosen: Option<usize>,
    /// Who spoke last.
    newest: usize,
    /// Whether everybody holds still.
    pub is_held: bool,
    /// Whether everybody is keeping its place.
    pub is_stopping: bool,
    /// First line of the card of keys, if it is open.
    pub help: Option<usize>,
    /// What was said last beside the figures.
    pub notice: Option<String>,
    area: Rect,
    /// Time spent learning, in milliseconds.
    learning_ms: u64,
    now_ms: Option<u64>,
    is_changed: bool,
}

impl Rehearsal {
    /// Before anybody has begun.
    pub fn new(theme: Theme, language: Language, show: String) -> Self {
        Self {
            theme,
            language,
            show,
            parts: Vec::new(),
            chosen: None,
            newest: 0,
            is_held: false,
            is_stopping: false,
            help: None,
            notice: None,
            area: Rect::default(),
            learning_ms: 0,
            now_ms: None,
            is_changed: true,
        }
    }

    /// Takes in what happened.
    pub fn apply(&mut self, news: News) {
        self.is_changed = true;
        match news {
            News::Expected(models) => {
                for (name, color) in models {
                    let place = self.place_of(&name);
                    self.parts[place].color = color;
                }
            }
            News::Progress(model, progress) => {
                let place = self.place_of(&model);
                if matches!(progress, Progress::Epoch { .. } | Progress::Started { .. }) {
                    self.newest = place;
                }
                self.parts[place].apply(progress);
            }
            News::Finished(model, epoch, test_bits) => {
                let place = self.place_of(&model);
                let part = &mut self.parts[place];
                part.state = State::Done(epoch, test_bits);
                part.chars.1 = part.chars.0;
            }
            News::Said(text) => self.notice = Some(one_line(&text)),
        }
    }

    /// Lets time pass up to `now_ms`, milliseconds of any clock that does not go back.
    pub fn tick(&mut self, now_ms: u64) {
        let before = self.now_ms.replace(now_ms).unwrap_or(now_ms);
        if !self.is_held {
            self.learning_ms += now_ms.saturating_sub(before);
        }
        self.is_changed = true;
    }

    /// Does what a key means.
    pub fn update(&mut self, action: Action) -> Option<Wish> {
        self.is_changed = true;
        match (action, self.help) {
            (Action::Close, _) => self.help = None,
            (Action::Scroll(scroll), Some(top)) => {
                let last = help::last_top(Context::Rehearsal, self.area, self.language);
                self.help = Some(scroll.of_card(top).min(last));
            }
            (Action::Suspend, _) => return Some(Wish::Suspend),
            (Action::StopAndKeep | Action::Quit, _) => {
                self.is_stopping = true;
                self.is_held = false;
                return Some(Wish::Stop);
            }
            (_, Some(_)) => {}
            (Action::OpenHelp, None) => self.help = Some(0),
            (Action::TogglePause, None) if !self.is_stopping => {
                self.is_held = !self.is_held;
                return Some(Wish::Hold(self.is_held));
            }
            (Action::MoveEntry(way), None) => self.select(way),
            _ => {}
        }
        None
    }

    /// What the keys are for at the moment.
    pub fn context(&self) -> Context {
        match self.help {
            Some(_) => Context::Help,
            None => Context::Rehearsal,
        }
    }

    /// Fits it into the area that it will be drawn in.
    pub fn resize(&mut self, area: Rect) {
        self.area = area;
    }

    /// Whether it has to be drawn again; asking makes it clean.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// It has to be drawn again, whatever is in it.
    pub fn spoil(&mut self) {
        self.is_changed = true;
    }

    /// Whose curves are shown.
    pub fn shown(&self) -> usize {
        let last = self.parts.len().saturating_sub(1);
        self.chosen.unwrap_or(self.newest).min(last)
    }

    /// Characters of text that everybody together has read in a second; `None` before anything was read.
    pub fn rate(&self) -> Option<f64> {
        let read: usize = self
            .parts
            .iter()
            .map(|part| part.chars.1.saturating_sub(part.chars_before))
            .sum();
        let seconds = self.learning_ms as f64 / 1_000.0;
        (read > 0 && seconds > 0.0).then(|| read as f64 / seconds)
    }

    /// How long it will take, in seconds, as far as that can be told: those that have not begun are taken to be as long as the mean of those that have.
    pub fn seconds_left(&self) -> Option<f64> {
        let rate = self.rate()?;
        let known: Vec<&Part> = self.parts.iter().filter(|part| part.chars.0 > 0).collect();
        let mean = known.iter().map(|part| part.chars.0).sum::<usize>() / known.len().max(1);
        let left = |part: &Part| match (part.state, part.chars) {
            (State::Done(..), _) => 0,
            (_, (0, _)) => mean,
            (_, (all, read)) => all.saturating_sub(read),
        };
        let chars: usize = self.parts.iter().map(left).sum();
        Some(chars as f64 / rate)
    }

    fn select(&mut self, way: Way) {
        self.chosen = Some(way.from(self.shown(), self.parts.len()));
    }

    /// The place of a model, which is given one if it has none.
    fn place_of(&mut self, name: &str) -> usize {
        let known = self.parts.iter().position(|part| part.name == name);
        known.unwrap_or_else(|| {
            self.parts.push(Part::new(name.to_owned()));
            self.parts.len() - 1
        })
    }
}

impl Part {
    fn new(name: String) -> Self {
        Self {
            name,
            color: Color::Gray,
            state: State::Waiting,
            epochs: 0,
            chars: (0, 0),
            chars_before: 0,
            bits: None,
            history: Vec::new(),
            baseline: None,
            samples: Vec::new(),
        }
    }

    /// How much of it is done, 0 to 1.
    pub fn share(&self) -> f64 {
        match (self.state, self.chars) {
            (State::Done(..), _) => 1.0,
            (_, (0, _)) => 0.0,
            (_, (all, read)) => (read as f64 / all as f64).min(1.0),
        }
    }

    fn apply(&mut self, progress: Progress) {
        match progress {
            Progress::Started {
                epochs,
                chars_per_epoch,
                ..
            } => {
                self.state = State::Learning;
                self.epochs = epochs;
                self.chars.0 = epochs * chars_per_epoch;
            }
            Progress::Baseline { bits } => self.baseline = Some(bits),
            Progress::Resumed { chars, history, .. } => {
                self.chars.1 = chars;
                self.chars_before = chars;
                self.history = history.iter().map(figures).collect();
            }
            Progress::Step { chars, bits } => {
                self.chars.1 = chars;
                let so_far = self.bits.unwrap_or(bits);
                self.bits = Some(so_far + SMOOTHING * (bits - so_far));
            }
            Progress::Epoch { metrics, sample } => {
                self.history.push(figures(&metrics));
                if self.samples.len() == MOST_SAMPLES {
                    self.samples.remove(0);
                }
                self.samples.push((metrics.epoch, one_line(&sample)));
            }
            Progress::Spoiled(_) | Progress::Paced { .. } | Progress::Saved { .. } => {}
        }
    }
}

//! The lobby: everything that can be played, gone on with, seen again and trained, to choose from. Its state is pure, like that of the stage.

pub mod view;

use std::path::PathBuf;

use ratatui::backend::Backend;
use ratatui::crossterm::event;
use ratatui::layout::Rect;
use telenovela_script::character::Color;

use super::input_line::InputLine;
use super::keymap::{self, Action, Context, Edit, Scroll};
use super::terminal::{House, Screen, TerminalGuard};
use super::theme::Theme;
use super::view::help;
use super::{Input, Left, TuiError, from_backend};
use crate::language::{Language, Phrase};

/// What can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Offer {
    /// A scene or an episode to be played.
    Piece(Piece),
    /// A performance of the past.
    Past(Past),
}

/// A scene or an episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// What it is called on the command line.
    pub name: String,
    /// Whether it is an episode.
    pub is_episode: bool,
    /// For people; its name where it cannot be read.
    pub title: String,
    /// Of its show.
    pub show: String,
    /// Where and when; of an episode, its scenes.
    pub heading: String,
    /// What stands as the curtain rises.
    pub premise: Option<String>,
    /// Everybody, in order: a name and its colour.
    pub cast: Vec<(String, Color)>,
    /// Tension of each beat, 0 to 1.
    pub tensions: Vec<f32>,
    /// Lines at least and at most.
    pub lines: (u32, u32),
    /// What the audience will want to know.
    pub threads: Vec<String>,
    /// Who has no model yet, by name on the command line.
    pub missing: Vec<String>,
    /// Why it cannot be played.
    pub broken: Option<String>,
}

/// A performance of the past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Its log.
    pub path: PathBuf,
    /// As the user would type it.
    pub shown: String,
    /// Of its scene.
    pub title: String,
    /// Of its show.
    pub show: String,
    /// It was played with.
    pub seed: u64,
    /// Everybody: a name and its colour.
    pub cast: Vec<(String, Color)>,
    /// Tension of each beat that was played.
    pub tensions: Vec<f32>,
    /// Lines that were said.
    pub n_lines: usize,
    /// How long it took, in milliseconds of performance time.
    pub at_ms: u64,
    /// Whether it came to an end.
    pub is_complete: bool,
    /// Who said the last line, and what.
    pub last: Option<(String, String)>,
}

/// What the user wants from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A piece is played, with this seed or one that is drawn.
    Play {
        /// Its name on the command line.
        name: String,
        /// To play with.
        seed: Option<u64>,
    },
    /// A performance is shown as it was.
    Replay(PathBuf),
    /// A performance is gone on with.
    Resume(PathBuf),
    /// A performance is written as a transcript.
    Export(PathBuf),
    /// These are trained, as far as they are not up to date.
    Train(Vec<String>),
    /// Nothing more.
    Leave(Left),
}

/// What lies over the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Front {
    /// Nothing.
    List,
    /// The line in which a seed is typed.
    Seed(InputLine),
    /// The card of keys, from this line on.
    Help(usize),
}

/// The state of the lobby.
#[derive(Clone, Debug)]
pub struct Lobby {
    /// How it looks.
    pub theme: Theme,
    /// What it speaks.
    pub language: Language,
    /// Scenes, then episodes, then performances.
    pub offers: Vec<Offer>,
    /// Index of the chosen one.
    pub chosen: usize,
    /// What lies over the list.
    pub front: Front,
    /// Told at the foot until the next key.
    pub notice: Option<String>,
    area: Rect,
}

impl Lobby {
    /// With the first offer chosen.
    pub fn new(theme: Theme, language: Language, offers: Vec<Offer>) -> Self {
        Self {
            theme,
            language,
            offers,
            chosen: 0,
            front: Front::List,
            notice: None,
            area: Rect::default(),
        }
    }

    /// What is chosen; `None` in a workspace with nothing in it.
    pub fn offer(&self) -> Option<&Offer> {
        self.offers.get(self.chosen)
    }

    /// What the keys are for at the moment.
    pub fn context(&self) -> Context {
        match self.front {
            Front::List => Context::Lobby,
            Front::Seed(_) => Context::Input,
            Front::Help(_) => Context::Help,
        }
    }

    /// Fits it into the area that it will be drawn in.
    pub fn resize(&mut self, area: Rect) {
        self.area = area;
    }

    /// Does what a key means; a choice closes the lobby.
    pub fn update(&mut self, action: Action) -> Option<Choice> {
        self.notice = None;
        match (action, &mut self.front) {
            (Action::Quit, _) => return Some(Choice::Leave(Left::ByChoice)),
            (Action::Close, front) => *front = Front::List,
            (Action::Scroll(scroll), Front::Help(top)) => {
                let last = help::last_top(Context::Lobby, self.area, self.language);
                *top = scroll.of_card(*top).min(last);
            }
            (Action::Edit(edit), Front::Seed(line)) => {
                // Names of a cast mean nothing here.
                if !matches!(edit, Edit::NextName | Edit::PreviousName) {
                    line.edit(edit, &[], self.language);
                }
            }
            (Action::Say, Front::Seed(_)) => return self.play_seed(),
            (_, Front::Seed(_) | Front::Help(_)) => {}
            (Action::Scroll(scroll), Front::List) => self.scroll(scroll),
            (Action::MoveEntry(way), Front::List) => {
                self.chosen = way.from(self.chosen, self.offers.len());
            }
            (Action::OpenHelp, front) => *front = Front::Help(0),
            (Action::PlaySeed, front) => {
                if let Some(Offer::Piece(_)) = self.offers.get(self.chosen) {
                    *front = Front::Seed(InputLine::default());
                }
            }
            (action, Front::List) => return self.choose(action),
        }
        None
    }

    /// Takes in pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Front::Seed(line) = &mut self.front {
            line.insert(text);
        }
    }

    fn scroll(&mut self, scroll: Scroll) {
        let last = self.offers.len().saturating_sub(1);
        self.chosen = scroll.of_card(self.chosen).min(last);
    }

    fn choose(&mut self, action: Action) -> Option<Choice> {
        let choice = match (action, self.offer()?) {
            (Action::Choose, Offer::Piece(piece)) => {
                if let Some(broken) = &piece.broken {
                    let why = broken.lines().next().unwrap_or_default();
                    self.notice = Some(self.language.fill(Phrase::LobbyBroken, &[why]));
                    return None;
                }
                if piece.missing.is_empty() {
                    let name = piece.name.clone();
                    Choice::Play { name, seed: None }
                } else {
                    Choice::Train(piece.missing.clone())
                }
            }
            (Action::Train, Offer::Piece(piece)) if !piece.missing.is_empty() => {
                Choice::Train(piece.missing.clone())
            }
            (Action::Train, _) => Choice::Train(Vec::new()),
            (Action::Choose | Action::Replay, Offer::Past(past)) => {
                Choice::Replay(past.path.clone())
            }
            (Action::Resume, Offer::Past(past)) if !past.is_complete => {
                Choice::Resume(past.path.clone())
            }
            (Action::Resume, Offer::Past(_)) => {
                self.notice = Some(self.language.say(Phrase::IsOver).to_owned());
                return None;
            }
            (Action::Export, Offer::Past(past)) => Choice::Export(past.path.clone()),
            _ => return None,
        };
        Some(choice)
    }

    fn play_seed(&mut self) -> Option<Choice> {
        let (Front::Seed(line), Some(Offer::Piece(piece))) =
            (&mut self.front, self.offers.get(self.chosen))
        else {
            return None;
        };
        match line.text().trim().parse::<u64>() {
            Ok(seed) => {
                let (name, seed) = (piece.name.clone(), Some(seed));
                self.front = Front::List;
                Some(Choice::Play { name, seed })
            }
            Err(_) => {
                line.problem = Some(self.language.say(Phrase::LobbyNoSeed).to_owned());
                None
            }
        }
    }
}

/// Shows the lobby on the terminal of this process until the user has chosen.
///
/// # Errors
/// When the terminal cannot be used. It is given back in every case.
pub async fn run(lobby: &mut Lobby) -> Result<Choice, TuiError> {
    let mut house = House::open().map_err(TuiError::Terminal)?;
    let outcome = drive(&mut house, lobby).await;
    house.close();
    outcome
}

async fn drive(house: &mut House, lobby: &mut Lobby) -> Result<Choice, TuiError> {
    let (screen, inputs) = house.parts();
    let mut is_away = false;
    loop {
        if !is_away {
            draw(screen, lobby)?;
        }
        let input = inputs.recv().await.unwrap_or(Input::Terminate(0));
        match input {
            Input::Terminal(event::Event::Key(key)) => match keymap::action(key, lobby.context()) {
                Some(Action::Suspend) => is_away = leave(screen)?,
                Some(action) => {
                    if let Some(choice) = lobby.update(action) {
                        return Ok(choice);
                    }
                }
                None => {}
            },
            Input::Terminal(event::Event::Paste(text)) => lobby.paste(&text),
            Input::Terminal(_) | Input::Answer(_) => {}
            Input::Suspend => is_away = leave(screen)?,
            Input::Continued => {
                screen.come_back().map_err(TuiError::Terminal)?;
                is_away = false;
            }
            Input::Terminate(0) => return Ok(Choice::Leave(Left::ByChoice)),
            Input::Terminate(signal) => return Ok(Choice::Leave(Left::BySignal(signal))),
            Input::Lost(error) => return Err(TuiError::Terminal(error)),
        }
    }
}

fn leave(screen: &mut TerminalGuard) -> Result<bool, TuiError> {
    screen.leave().map_err(TuiError::Terminal)
}

fn draw<S: Screen>(screen: &mut S, lobby: &mut Lobby) -> Result<(), TuiError>
where
    <S::Backend as Backend>::Error: Send + Sync + 'static,
{
    let terminal = screen.terminal();
    terminal.autoresize().map_err(from_backend)?;
    lobby.resize(terminal.get_frame().area());
    terminal
        .draw(|frame| view::view(lobby, frame))
        .map_err(from_backend)?;
    Ok(())
}

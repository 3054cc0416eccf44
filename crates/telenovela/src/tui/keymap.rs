//! Which key does what: one table, from which the keys are looked up and the help card, the hints and the palette are written.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::language::Phrase;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Holds the performance, or lets it go on; holds a training likewise.
    TogglePause,
    /// Finishes the line being spoken at once; while paused and silent, has one line spoken.
    Step,
    /// Performs faster.
    Faster,
    /// Performs slower.
    Slower,
    /// Moves the script, or what lies over it.
    Scroll(Scroll),
    /// Goes to the newest line and stays there; nothing is selected any more.
    Follow,
    /// Selects the line before or after the one that is selected.
    Select(Way),
    /// Opens the input line.
    OpenInput,
    /// Opens the input line to choose the next speaker.
    ChooseSpeaker,
    /// Opens the input line to give somebody a mood.
    ChooseMood,
    /// Opens the input line for a voice from outside.
    SpeakFromOutside,
    /// Has new takes made of the selected line.
    Retake,
    /// Shows the takes of the selected line.
    OpenTakes,
    /// Looks at the take before or after.
    BrowseTake(Way),
    /// Puts the take that is looked at in the place of the line.
    Pick,
    /// Puts the next take in the place of the selected line.
    NextTake,
    /// Opens the input line to write the selected line anew.
    Rewrite,
    /// Goes back to the selected line, or before the last one, and on differently.
    Back,
    /// Brings the beat to its authored lines.
    SkipBeat,
    /// Lets the beat go on for some lines more.
    ExtendBeat,
    /// Shows how the selected line came about.
    Inspect,
    /// Looks at the piece of the line before or after.
    MoveToken(Way),
    /// Folds the panel away, or shows it.
    TogglePanel,
    /// Shows every command by name.
    OpenPalette,
    /// Shows where a performance can be saved and exported to.
    OpenMenu,
    /// Goes to the entry above or below.
    MoveEntry(Way),
    /// Does what the entry says.
    Choose,
    /// Shows the keys.
    OpenHelp,
    /// Closes what lies over the script.
    Close,
    /// Says the input line.
    Say,
    /// Changes the input line.
    Edit(Edit),
    /// Gives the terminal to the shell for a while.
    Suspend,
    /// Stops and leaves.
    Quit,
    /// In the lobby: plays with a seed that is typed.
    PlaySeed,
    /// In the lobby: shows a performance as it was.
    Replay,
    /// In the lobby: goes on with a performance that broke off.
    Resume,
    /// In the lobby: writes a performance as a transcript.
    Export,
    /// In the lobby: trains what is missing.
    Train,
    /// In a rehearsal: stops, and keeps what was learned.
    StopAndKeep,
}

impl Action {
    /// Whether it is offered by name.
    pub fn is_command(self) -> bool {
        !matches!(
            self,
            Self::Scroll(_) | Self::Select(_) | Self::OpenPalette | Self::BrowseTake(_)
        )
    }
}

/// One of two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Way {
    Before,
    After,
}

impl Way {
    /// The neighbour of an index among `n`, which stops at either end.
    pub fn from(self, index: usize, n: usize) -> usize {
        match self {
            Self::Before => index.saturating_sub(1),
            Self::After => (index + 1).min(n.saturating_sub(1)),
        }
    }
}

/// A way of moving the script or what lies over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scroll {
    LineUp,
    LineDown,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

impl Scroll {
    /// A card's first line after it was scrolled; the end is for whoever draws it to find.
    pub fn of_card(self, top: usize) -> usize {
        match self {
            Scroll::LineUp => top.saturating_sub(1),
            Scroll::LineDown => top.saturating_add(1),
            Scroll::PageUp => top.saturating_sub(5),
            Scroll::PageDown => top.saturating_add(5),
            Scroll::Top => 0,
            Scroll::Bottom => usize::MAX,
        }
    }
}

/// A change of the input line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A character typed.
    Insert(char),
    /// Removes what is before the cursor.
    Backspace,
    /// Removes what is under the cursor.
    Delete,
    /// Removes the word before the cursor.
    DeleteWord,
    /// Removes everything.
    Clear,
    /// Moves the cursor one character to the left.
    Left,
    /// Moves the cursor one character to the right.
    Right,
    /// Moves the cursor to the beginning.
    Home,
    /// Moves the cursor to the end.
    End,
    /// Completes the name, or goes to the next one of the cast.
    NextName,
    /// Goes to the previous one of the cast.
    PreviousName,
}

/// What the keys are for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The script is in front.
    Script,
    /// The input line is open.
    Input,
    /// The takes of a line are shown.
    Takes,
    /// A line is looked into.
    Inspector,
    /// The commands are shown.
    Palette,
    /// The menu of files is shown.
    Menu,
    /// Cast, arc and loose ends lie over the script.
    Panel,
    /// The help card is open.
    Help,
    /// The lobby.
    Lobby,
    /// A training.
    Rehearsal,
    /// Whatever is in front.
    Always,
}

impl Context {
    /// What it is called on the help card; `None` for those that have no card.
    pub fn title(self) -> Option<Phrase> {
        Some(match self {
            Self::Script => Phrase::InScript,
            Self::Input => Phrase::InInput,
            Self::Takes => Phrase::InTakes,
            Self::Inspector => Phrase::InInspector,
            Self::Palette => Phrase::InPalette,
            Self::Menu => Phrase::InMenu,
            Self::Panel => Phrase::InPanel,
            Self::Lobby => Phrase::InLobby,
            Self::Rehearsal => Phrase::InRehearsal,
            Self::Help | Self::Always => return None,
        })
    }

    /// Whether letters are typed into a line there.
    fn takes_text(self) -> bool {
        matches!(self, Self::Input | Self::Palette)
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// When it holds.
    pub context: Context,
    /// Any of these.
    pub keys: &'static [(KeyModifiers, KeyCode)],
    /// What it does.
    pub action: Action,
    /// The keys as the help card shows them; an empty one keeps the row off the card.
    pub label: &'static str,
    /// What it does, in words.
    pub help: Phrase,
    /// What it does, in a word, for the hints at the foot of the screen; most have none.
    pub hint: Option<Phrase>,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

/// A row; the columns are those of [`Binding`].
const fn row(
    context: Context,
    keys: &'static [(KeyModifiers, KeyCode)],
    action: Action,
    label: &'static str,
    help: Phrase,
    hint: Option<Phrase>,
) -> Binding {
    Binding {
        context,
        keys,
        action,
        label,
        help,
        hint,
    }
}

/// Every key of the program, in the order of the help card.
#[rustfmt::skip]
pub static BINDINGS: &[Binding] = {
    use Context::{Always, Help, Input, Inspector, Lobby, Menu, Palette, Panel, Rehearsal, Script, Takes};
    use KeyCode::{BackTab, Backspace, Char, Delete, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};
    use Phrase as P;
    use Way::{After, Before};
    &[
        row(Script, &[(NONE, Char(' '))], Action::TogglePause, "space", P::DoPause, Some(P::HintPause)),
        row(Script, &[(NONE, Char('.')), (NONE, Enter)], Action::Step, ". Enter", P::DoStep, None),
        row(Script, &[(NONE, Char('+')), (NONE, Char('='))], Action::Faster, "+", P::DoFaster, None),
        row(Script, &[(NONE, Char('-')), (NONE, Char('_'))], Action::Slower, "-", P::DoSlower, None),
        row(Script, &[(NONE, Up)], Action::Select(Before), "↑", P::DoSelectUp, None),
        row(Script, &[(NONE, Down)], Action::Select(After), "↓", P::DoSelectDown, None),
        row(Script, &[(NONE, Left)], Action::BrowseTake(Before), "← →", P::DoTakes, None),
        row(Script, &[(NONE, Right)], Action::BrowseTake(After), "", P::DoTakes, None),
        row(Script, &[(NONE, Char('i'))], Action::Inspect, "i", P::DoInspect, Some(P::HintInspect)),
        row(Script, &[(NONE, Char(':'))], Action::OpenInput, ":", P::DoSay, Some(P::HintSay)),
        row(Script, &[(NONE, Char('p')), (CTRL, Char('p'))], Action::OpenPalette, "p", P::DoPalette, Some(P::HintCommands)),
        row(Script, &[(NONE, Char('r'))], Action::Retake, "r", P::DoRetake, None),
        row(Script, &[(NONE, Char('t'))], Action::NextTake, "t", P::DoNextTake, None),
        row(Script, &[(NONE, Char('e'))], Action::Rewrite, "e", P::DoEdit, None),
        row(Script, &[(NONE, Char('b'))], Action::Back, "b", P::DoBack, None),
        row(Script, &[(NONE, Char('n'))], Action::ChooseSpeaker, "n", P::DoNext, None),
        row(Script, &[(NONE, Char('m'))], Action::ChooseMood, "m", P::DoMood, None),
        row(Script, &[(NONE, Char('v'))], Action::SpeakFromOutside, "v", P::DoVoice, None),
        row(Script, &[(NONE, Char('s'))], Action::SkipBeat, "s", P::DoSkip, None),
        row(Script, &[(NONE, Char('x'))], Action::ExtendBeat, "x", P::DoExtend, None),
        row(Script, &[(NONE, Char('w'))], Action::OpenMenu, "w", P::DoMenu, None),
        row(Script, &[(NONE, Char('o')), (NONE, Tab)], Action::TogglePanel, "o Tab", P::DoPanel, None),
        row(Script, &[(NONE, Char('k'))], Action::Scroll(Scroll::LineUp), "k", P::DoLineUp, None),
        row(Script, &[(NONE, Char('j'))], Action::Scroll(Scroll::LineDown), "j", P::DoLineDown, None),
        row(Script, &[(NONE, PageUp)], Action::Scroll(Scroll::PageUp), "PgUp", P::DoPageUp, None),
        row(Script, &[(NONE, PageDown)], Action::Scroll(Scroll::PageDown), "PgDn", P::DoPageDown, None),
        row(Script, &[(NONE, Char('g')), (NONE, Home)], Action::Scroll(Scroll::Top), "g Home", P::DoTop, None),
        row(Script, &[(NONE, Char('G')), (NONE, End)], Action::Scroll(Scroll::Bottom), "G End", P::DoBottom, None),
        row(Script, &[(NONE, Char('f')), (NONE, Esc)], Action::Follow, "f Esc", P::DoFollow, None),
        row(Script, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, Some(P::HintHelp)),
        row(Script, &[(NONE, Char('q'))], Action::Quit, "q", P::DoQuit, Some(P::HintQuit)),

        row(Input, &[(NONE, Enter)], Action::Say, "Enter", P::DoSayIt, Some(P::HintSayIt)),
        row(Input, &[(NONE, Tab)], Action::Edit(Edit::NextName), "Tab", P::DoNextName, Some(P::HintName)),
        row(Input, &[(NONE, BackTab)], Action::Edit(Edit::PreviousName), "", P::DoPreviousName, None),
        row(Input, &[(NONE, Esc)], Action::Close, "Esc", P::DoNeverMind, Some(P::HintNeverMind)),
        row(Input, &[(NONE, Backspace), (CTRL, Char('h'))], Action::Edit(Edit::Backspace), "", P::DoRemove, None),
        row(Input, &[(NONE, Delete)], Action::Edit(Edit::Delete), "", P::DoRemove, None),
        row(Input, &[(CTRL, Char('w'))], Action::Edit(Edit::DeleteWord), "", P::DoRemoveWord, None),
        row(Input, &[(CTRL, Char('u'))], Action::Edit(Edit::Clear), "", P::DoClear, None),
        row(Input, &[(NONE, Left)], Action::Edit(Edit::Left), "", P::DoLeft, None),
        row(Input, &[(NONE, Right)], Action::Edit(Edit::Right), "", P::DoRight, None),
        row(Input, &[(NONE, Home), (CTRL, Char('a'))], Action::Edit(Edit::Home), "", P::DoHome, None),
        row(Input, &[(NONE, End), (CTRL, Char('e'))], Action::Edit(Edit::End), "", P::DoEnd, None),

        row(Takes, &[(NONE, Left)], Action::BrowseTake(Before), "← →", P::DoTakeBefore, Some(P::HintTakes)),
        row(Takes, &[(NONE, Right)], Action::BrowseTake(After), "", P::DoTakeAfter, None),
        row(Takes, &[(NONE, Up)], Action::Select(Before), "↑", P::DoSelectUp, None),
        row(Takes, &[(NONE, Down)], Action::Select(After), "↓", P::DoSelectDown, None),
        row(Takes, &[(NONE, Enter)], Action::Pick, "Enter", P::DoPick, Some(P::HintKeep)),
        row(Takes, &[(NONE, Char('r'))], Action::Retake, "r", P::DoRetake, Some(P::HintRetake)),
        row(Takes, &[(NONE, Char('i'))], Action::Inspect, "i", P::DoInspect, Some(P::HintInspect)),
        row(Takes, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, None),
        row(Takes, &[(NONE, Esc), (NONE, Char('q'))], Action::Close, "Esc", P::DoClose, Some(P::HintClose)),

        row(Inspector, &[(NONE, Left)], Action::MoveToken(Before), "← →", P::DoTokenBefore, Some(P::HintPieces)),
        row(Inspector, &[(NONE, Right)], Action::MoveToken(After), "", P::DoTokenAfter, None),
        row(Inspector, &[(NONE, Char('['))], Action::BrowseTake(Before), "[ ]", P::DoTakeBefore, Some(P::HintTakes)),
        row(Inspector, &[(NONE, Char(']'))], Action::BrowseTake(After), "", P::DoTakeAfter, None),
        row(Inspector, &[(NONE, Up)], Action::Select(Before), "↑", P::DoSelectUp, None),
        row(Inspector, &[(NONE, Down)], Action::Select(After), "↓", P::DoSelectDown, None),
        row(Inspector, &[(NONE, PageUp), (NONE, Char('k'))], Action::Scroll(Scroll::PageUp), "PgUp", P::DoPageUp, None),
        row(Inspector, &[(NONE, PageDown), (NONE, Char('j'))], Action::Scroll(Scroll::PageDown), "PgDn", P::DoPageDown, None),
        row(Inspector, &[(NONE, Enter)], Action::Pick, "Enter", P::DoPick, None),
        row(Inspector, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, Some(P::HintHelp)),
        row(Inspector, &[(NONE, Esc), (NONE, Char('i')), (NONE, Char('q'))], Action::Close, "Esc", P::DoClose, Some(P::HintClose)),

        row(Palette, &[(NONE, Up)], Action::MoveEntry(Before), "↑", P::DoEntryUp, None),
        row(Palette, &[(NONE, Down), (NONE, Tab)], Action::MoveEntry(After), "↓", P::DoEntryDown, None),
        row(Palette, &[(NONE, Enter)], Action::Choose, "Enter", P::DoChoose, Some(P::HintChoose)),
        row(Palette, &[(NONE, Esc), (CTRL, Char('p'))], Action::Close, "Esc", P::DoClose, Some(P::HintClose)),
        row(Palette, &[(NONE, Backspace), (CTRL, Char('h'))], Action::Edit(Edit::Backspace), "", P::DoRemove, None),
        row(Palette, &[(CTRL, Char('w'))], Action::Edit(Edit::DeleteWord), "", P::DoRemoveWord, None),
        row(Palette, &[(CTRL, Char('u'))], Action::Edit(Edit::Clear), "", P::DoClear, None),
        row(Palette, &[(NONE, Left)], Action::Edit(Edit::Left), "", P::DoLeft, None),
        row(Palette, &[(NONE, Right)], Action::Edit(Edit::Right), "", P::DoRight, None),

        row(Menu, &[(NONE, Up), (NONE, Char('k'))], Action::MoveEntry(Before), "↑", P::DoEntryUp, None),
        row(Menu, &[(NONE, Down), (NONE, Char('j'))], Action::MoveEntry(After), "↓", P::DoEntryDown, None),
        row(Menu, &[(NONE, Enter)], Action::Choose, "Enter", P::DoChoose, Some(P::HintChoose)),
        row(Menu, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, None),
        row(Menu, &[(NONE, Esc), (NONE, Char('q')), (NONE, Char('w'))], Action::Close, "Esc", P::DoClose, Some(P::HintClose)),

        row(Panel, &[(NONE, Up), (NONE, Char('k'))], Action::Scroll(Scroll::LineUp), "↑", P::DoLineUp, None),
        row(Panel, &[(NONE, Down), (NONE, Char('j'))], Action::Scroll(Scroll::LineDown), "↓", P::DoLineDown, None),
        row(Panel, &[(NONE, PageUp)], Action::Scroll(Scroll::PageUp), "PgUp", P::DoPageUp, None),
        row(Panel, &[(NONE, PageDown)], Action::Scroll(Scroll::PageDown), "PgDn", P::DoPageDown, None),
        row(Panel, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, None),
        row(Panel, &[(NONE, Esc), (NONE, Char('o')), (NONE, Tab), (NONE, Char('q'))], Action::Close, "Esc", P::DoClose, Some(P::HintClose)),

        row(Help, &[(NONE, Up), (NONE, Char('k'))], Action::Scroll(Scroll::LineUp), "", P::DoLineUp, None),
        row(Help, &[(NONE, Down), (NONE, Char('j'))], Action::Scroll(Scroll::LineDown), "", P::DoLineDown, None),
        row(Help, &[(NONE, PageUp)], Action::Scroll(Scroll::PageUp), "", P::DoPageUp, None),
        row(Help, &[(NONE, PageDown)], Action::Scroll(Scroll::PageDown), "", P::DoPageDown, None),
        row(Help, &[(NONE, Esc), (NONE, Enter), (NONE, Char('?')), (NONE, Char('q')), (NONE, Char(' '))],
            Action::Close, "Esc", P::DoClose, Some(P::HintClose)),

        row(Lobby, &[(NONE, Up), (NONE, Char('k'))], Action::MoveEntry(Before), "↑", P::DoEntryUp, None),
        row(Lobby, &[(NONE, Down), (NONE, Char('j'))], Action::MoveEntry(After), "↓", P::DoEntryDown, None),
        row(Lobby, &[(NONE, PageUp)], Action::Scroll(Scroll::PageUp), "PgUp", P::DoPageUp, None),
        row(Lobby, &[(NONE, PageDown)], Action::Scroll(Scroll::PageDown), "PgDn", P::DoPageDown, None),
        row(Lobby, &[(NONE, Home), (NONE, Char('g'))], Action::Scroll(Scroll::Top), "", P::DoHome, None),
        row(Lobby, &[(NONE, End), (NONE, Char('G'))], Action::Scroll(Scroll::Bottom), "", P::DoEnd, None),
        row(Lobby, &[(NONE, Enter), (NONE, Char(' '))], Action::Choose, "Enter", P::DoPlay, Some(P::HintPlay)),
        row(Lobby, &[(NONE, Char('s'))], Action::PlaySeed, "s", P::DoPlaySeed, None),
        row(Lobby, &[(NONE, Char('r'))], Action::Replay, "r", P::DoReplay, Some(P::HintReplay)),
        row(Lobby, &[(NONE, Char('c'))], Action::Resume, "c", P::DoResume, Some(P::HintResume)),
        row(Lobby, &[(NONE, Char('x'))], Action::Export, "x", P::DoExport, Some(P::Export)),
        row(Lobby, &[(NONE, Char('t'))], Action::Train, "t", P::DoTrain, Some(P::HintTrain)),
        row(Lobby, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, Some(P::HintHelp)),
        row(Lobby, &[(NONE, Char('q')), (NONE, Esc)], Action::Quit, "q", P::DoLeave, Some(P::HintQuit)),

        row(Rehearsal, &[(NONE, Char(' '))], Action::TogglePause, "space", P::DoPause, Some(P::HintPause)),
        row(Rehearsal, &[(NONE, Down), (NONE, Char('j')), (NONE, Tab)], Action::MoveEntry(After), "↓", P::DoNextModel, Some(P::HintModel)),
        row(Rehearsal, &[(NONE, Up), (NONE, Char('k')), (NONE, BackTab)], Action::MoveEntry(Before), "↑", P::DoPreviousModel, None),
        row(Rehearsal, &[(NONE, Char('?'))], Action::OpenHelp, "?", P::DoHelp, Some(P::HintHelp)),
        row(Rehearsal, &[(NONE, Char('q')), (NONE, Esc)], Action::StopAndKeep, "q", P::DoStopAndKeep, Some(P::HintStop)),

        row(Always, &[(CTRL, Char('z'))], Action::Suspend, "Ctrl-Z", P::DoSuspend, None),
        row(Always, &[(CTRL, Char('c'))], Action::Quit, "Ctrl-C", P::DoLeaveAnywhere, None),
    ]
};

/// What a key means in a context; `None` when nothing.
pub fn action(key: KeyEvent, context: Context) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let pressed = normalized(key.modifiers, key.code);
    let bound = BINDINGS.iter().find(|binding| {
        (binding.context == context || binding.context == Context::Always)
            && binding.keys.contains(&pressed)
    });
    match (bound, pressed) {
        (Some(binding), _) => Some(binding.action),
        (None, (KeyModifiers::NONE, KeyCode::Char(typed))) if context.takes_text() => {
            Some(Action::Edit(Edit::Insert(typed)))
        }
        _ => None,
    }
}

/// Shift is already in the character that it makes, and terminals disagree on whether they tell it too; AltGr arrives as Ctrl-Alt.
fn normalized(modifiers: KeyModifiers, code: KeyCode) -> (KeyModifiers, KeyCode) {
    let modifiers = if modifiers.contains(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        KeyModifiers::NONE
    } else {
        modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT)
    };
    match code {
        KeyCode::Char(c) if modifiers == CTRL => (modifiers, KeyCode::Char(c.to_ascii_lowercase())),
        _ => (modifiers, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn no_key_stands_twice_in_a_context() {
        let contexts: Vec<Context> = BINDINGS.iter().map(|row| row.context).collect();
        for context in contexts {
            let mut seen = Vec::new();
            let of_context = |b: &&Binding| b.context == context || b.context == Context::Always;
            for binding in BINDINGS.iter().filter(of_context) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key:?} stands twice in {context:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn every_key_of_the_table_does_what_its_row_says() {
        for binding in BINDINGS {
            let context = if binding.context == Context::Always {
                Context::Input
            } else {
                binding.context
            };
            for (modifiers, code) in binding.keys {
                let key = KeyEvent::new(*code, *modifiers);
                assert_eq!(action(key, context), Some(binding.action), "{key:?}");
            }
        }
    }

    #[test]
    fn every_row_says_what_it_does() {
        assert!(
            BINDINGS.iter().all(|binding| !binding.keys.is_empty()
                && !Language::English.say(binding.help).is_empty())
        );
    }

    #[test]
    fn shift_told_or_not_is_the_same_key() {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            let key = KeyEvent::new(KeyCode::Char('G'), modifiers);
            assert_eq!(
                action(key, Context::Script),
                Some(Action::Scroll(Scroll::Bottom))
            );
            let key = KeyEvent::new(KeyCode::Char(':'), modifiers);
            assert_eq!(action(key, Context::Script), Some(Action::OpenInput));
        }
    }

    #[test]
    fn letters_are_typed_into_the_input_line_and_only_there() {
        let key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(
            action(key, Context::Input),
            Some(Action::Edit(Edit::Insert('q')))
        );
        let key = KeyEvent::new(KeyCode::Char('z'), KeyModifiers::NONE);
        assert_eq!(action(key, Context::Script), None);
        let alt = KeyEvent::new(KeyCode::Char('z'), KeyModifiers::ALT);
        assert_eq!(action(alt, Context::Input), None);
        let alt_gr = KeyEvent::new(
            KeyCode::Char('@'),
            KeyModifiers::CONTROL | KeyModifiers::ALT,
        );
        assert_eq!(
            action(alt_gr, Context::Input),
            Some(Action::Edit(Edit::Insert('@')))
        );
    }

    #[test]
    fn a_released_key_does_nothing() {
        let key = KeyEvent::new_with_kind(
            KeyCode::Char('q'),
            KeyModifiers::NONE,
            KeyEventKind::Release,
        );
        assert_eq!(action(key, Context::Script), None);
    }
}

//! Which key does what: one table, from which the keys are looked up and the help card and the hints are written.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Holds the performance, or lets it go on.
    TogglePause,
    /// Finishes the line being spoken at once; while paused and silent, has one line spoken.
    Step,
    /// Performs faster.
    Faster,
    /// Performs slower.
    Slower,
    /// Moves the script.
    Scroll(Scroll),
    /// Goes to the newest line and stays there.
    Follow,
    /// Opens the input line.
    OpenInput,
    /// Opens the input line to choose the next speaker.
    ChooseSpeaker,
    /// Opens the input line to give somebody a mood.
    ChooseMood,
    /// Has new takes made of the last line.
    Retake,
    /// Puts the next take in the place of the last line.
    NextTake,
    /// Takes the last line back, and goes on differently.
    Back,
    /// Brings the beat to its authored lines.
    SkipBeat,
    /// Lets the beat go on for some lines more.
    ExtendBeat,
    /// Shows the keys.
    OpenHelp,
    /// Closes what lies over the script.
    Close,
    /// Says the input line.
    Say,
    /// Changes the input line.
    Edit(Edit),
    /// Stops the performance and leaves.
    Quit,
}

/// A way of moving the script or the help card.
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
    /// The help card is open.
    Help,
    /// Whatever is in front.
    Always,
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
    pub help: &'static str,
    /// What it does, in a word, for the hints at the foot of the screen; most have none.
    pub hint: Option<&'static str>,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

/// A row; the columns are those of [`Binding`].
const fn row(
    context: Context,
    keys: &'static [(KeyModifiers, KeyCode)],
    action: Action,
    label: &'static str,
    help: &'static str,
    hint: Option<&'static str>,
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

/// Every key of the theatre, in the order of the help card.
#[rustfmt::skip]
pub static BINDINGS: &[Binding] = {
    use Context::{Always, Help, Input, Script};
    use KeyCode::{BackTab, Backspace, Char, Delete, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};
    &[
        row(Script, &[(NONE, Char(' '))], Action::TogglePause, "space", "pause, go on", Some("pause")),
        row(Script, &[(NONE, Char('.')), (NONE, Enter)], Action::Step, ". Enter", "finish the line, or step", None),
        row(Script, &[(NONE, Char('+')), (NONE, Char('='))], Action::Faster, "+", "faster", None),
        row(Script, &[(NONE, Char('-')), (NONE, Char('_'))], Action::Slower, "-", "slower", None),
        row(Script, &[(NONE, Char(':'))], Action::OpenInput, ":", "say a line as anybody", Some("say")),
        row(Script, &[(NONE, Char('n'))], Action::ChooseSpeaker, "n", "choose who speaks next", None),
        row(Script, &[(NONE, Char('m'))], Action::ChooseMood, "m", "give somebody a mood", None),
        row(Script, &[(NONE, Char('r'))], Action::Retake, "r", "take the last line again", None),
        row(Script, &[(NONE, Char('t'))], Action::NextTake, "t", "another take of the last line", None),
        row(Script, &[(NONE, Char('b'))], Action::Back, "b", "take the last line back, go on differently", None),
        row(Script, &[(NONE, Char('s'))], Action::SkipBeat, "s", "skip to the end of the beat", None),
        row(Script, &[(NONE, Char('x'))], Action::ExtendBeat, "x", "three lines more in this beat", None),
        row(Script, &[(NONE, Up), (NONE, Char('k'))], Action::Scroll(Scroll::LineUp), "↑ k", "a line up", None),
        row(Script, &[(NONE, Down), (NONE, Char('j'))], Action::Scroll(Scroll::LineDown), "↓ j", "a line down", None),
        row(Script, &[(NONE, PageUp)], Action::Scroll(Scroll::PageUp), "PgUp", "a page up", None),
        row(Script, &[(NONE, PageDown)], Action::Scroll(Scroll::PageDown), "PgDn", "a page down", None),
        row(Script, &[(NONE, Char('g')), (NONE, Home)], Action::Scroll(Scroll::Top), "g Home", "to the title", None),
        row(Script, &[(NONE, Char('G')), (NONE, End)], Action::Scroll(Scroll::Bottom), "G End", "to the newest line", None),
        row(Script, &[(NONE, Char('f'))], Action::Follow, "f", "follow the newest line", None),
        row(Script, &[(NONE, Char('?'))], Action::OpenHelp, "?", "this card", Some("help")),
        row(Script, &[(NONE, Char('q'))], Action::Quit, "q", "stop and leave", Some("quit")),
        row(Always, &[(CTRL, Char('c'))], Action::Quit, "Ctrl-C", "leave, from anywhere", None),

        row(Input, &[(NONE, Enter)], Action::Say, "Enter", "say the line", Some("say it")),
        row(Input, &[(NONE, Tab)], Action::Edit(Edit::NextName), "Tab", "the next name of the cast", Some("name")),
        row(Input, &[(NONE, BackTab)], Action::Edit(Edit::PreviousName), "", "the previous name", None),
        row(Input, &[(NONE, Esc)], Action::Close, "Esc", "never mind", Some("never mind")),
        row(Input, &[(NONE, Backspace), (CTRL, Char('h'))], Action::Edit(Edit::Backspace), "", "remove a character", None),
        row(Input, &[(NONE, Delete)], Action::Edit(Edit::Delete), "", "remove a character", None),
        row(Input, &[(CTRL, Char('w'))], Action::Edit(Edit::DeleteWord), "", "remove a word", None),
        row(Input, &[(CTRL, Char('u'))], Action::Edit(Edit::Clear), "", "remove everything", None),
        row(Input, &[(NONE, Left)], Action::Edit(Edit::Left), "", "to the left", None),
        row(Input, &[(NONE, Right)], Action::Edit(Edit::Right), "", "to the right", None),
        row(Input, &[(NONE, Home), (CTRL, Char('a'))], Action::Edit(Edit::Home), "", "to the beginning", None),
        row(Input, &[(NONE, End), (CTRL, Char('e'))], Action::Edit(Edit::End), "", "to the end", None),

        row(Help, &[(NONE, Up), (NONE, Char('k'))], Action::Scroll(Scroll::LineUp), "", "a line up", None),
        row(Help, &[(NONE, Down), (NONE, Char('j'))], Action::Scroll(Scroll::LineDown), "", "a line down", None),
        row(Help, &[(NONE, PageUp)], Action::Scroll(Scroll::PageUp), "", "a page up", None),
        row(Help, &[(NONE, PageDown)], Action::Scroll(Scroll::PageDown), "", "a page down", None),
        row(Help, &[(NONE, Esc), (NONE, Enter), (NONE, Char('?')), (NONE, Char('q')), (NONE, Char(' '))],
            Action::Close, "Esc", "close the card", Some("close")),
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
        (None, (KeyModifiers::NONE, KeyCode::Char(typed))) if context == Context::Input => {
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

    #[test]
    fn no_key_stands_twice_in_a_context() {
        let contexts = [Context::Script, Context::Input, Context::Help];
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
            BINDINGS
                .iter()
                .all(|binding| !binding.help.is_empty() && !binding.keys.is_empty())
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

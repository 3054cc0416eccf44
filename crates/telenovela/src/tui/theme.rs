//! The look of the screen: the sixteen colours of the terminal and its modifiers, so that dark and light terminals both read.
//!
//! Without colours ([`Theme::plain`], for `NO_COLOR`) names are still told apart by weight and place.

use ratatui::style::{Color, Modifier, Style};
use telenovela_script::character;

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    colors: bool,
}

impl Theme {
    /// With the sixteen colours of the terminal.
    pub fn colored() -> Self {
        Self { colors: true }
    }

    /// Without any colour.
    pub fn plain() -> Self {
        Self { colors: false }
    }

    /// As the environment wants it: `NO_COLOR` set and not empty means no colours.
    pub fn from_env() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if no_color {
            Self::plain()
        } else {
            Self::colored()
        }
    }

    /// A character's name.
    pub fn name(self, color: character::Color) -> Style {
        self.ink(color).add_modifier(Modifier::BOLD)
    }

    /// A character's colour, without weight.
    pub fn ink(self, color: character::Color) -> Style {
        let Some(color) = ansi(color).filter(|_| self.colors) else {
            return Style::new();
        };
        Style::new().fg(color)
    }

    /// How a line is said.
    pub fn delivery(self) -> Style {
        Style::new().add_modifier(Modifier::ITALIC)
    }

    /// Stage directions.
    pub fn direction(self) -> Style {
        Style::new().add_modifier(Modifier::ITALIC | Modifier::DIM)
    }

    /// What should not catch the eye: rules, marks, labels.
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Titles, keys.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What the user must read: a refused input.
    pub fn warning(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self.colors {
            style.fg(Color::Red)
        } else {
            style
        }
    }
}

/// `None` for gray: neither of the terminal's two grays reads on every background, so gray is the default ink.
fn ansi(color: character::Color) -> Option<Color> {
    use character::Color as C;
    Some(match color {
        C::Red => Color::Red,
        C::Green => Color::Green,
        C::Yellow => Color::Yellow,
        C::Blue => Color::Blue,
        C::Magenta => Color::Magenta,
        C::Cyan => Color::Cyan,
        C::Gray => return None,
        C::LightRed => Color::LightRed,
        C::LightGreen => Color::LightGreen,
        C::LightYellow => Color::LightYellow,
        C::LightBlue => Color::LightBlue,
        C::LightMagenta => Color::LightMagenta,
        C::LightCyan => Color::LightCyan,
    })
}

//! The look of the screen: colours that read on dark and on light terminals, and modifiers.
//!
//! A terminal of 256 colours shows names in shades that are neither light nor dark: each has a contrast of at least 3.8 to 1 (as WCAG 2.1 counts it; 3 is asked of
//! large or bold letters) on black *and* on white. A terminal of sixteen shows its own colours, which its user has chosen. Without colours
//! ([`Theme::plain`], for `NO_COLOR`) names are still told apart by weight and place.

use ratatui::style::{Color, Modifier, Style};
use telenovela_script::character;

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    palette: Palette,
}

/// Which colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Palette {
    None,
    Sixteen,
    /// 256, of which 16 to 255 are the same everywhere.
    Fixed,
}

impl Theme {
    /// With the sixteen colours of the terminal.
    pub fn colored() -> Self {
        Self {
            palette: Palette::Sixteen,
        }
    }

    /// With shades that read on any background.
    pub fn shaded() -> Self {
        Self {
            palette: Palette::Fixed,
        }
    }

    /// Without any colour.
    pub fn plain() -> Self {
        Self {
            palette: Palette::None,
        }
    }

    /// As the environment wants it: `NO_COLOR` set and not empty means no colours; `TERM` with `256color` in it, `COLORTERM` or Windows' terminal mean shades.
    pub fn from_env() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let many = std::env::var("TERM").is_ok_and(|term| term.contains("256color"));
        if is_set("NO_COLOR") {
            Self::plain()
        } else if many || is_set("COLORTERM") || is_set("WT_SESSION") {
            Self::shaded()
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
        let found = match self.palette {
            Palette::None => None,
            Palette::Sixteen => ansi(color),
            Palette::Fixed => shade(color).map(Color::Indexed),
        };
        found.map_or_else(Style::new, |color| Style::new().fg(color))
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
        self.name(character::Color::Red)
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

/// A shade of the 6 × 6 × 6 cube of the 256 colours, of middle lightness. Gray as in [`ansi`].
fn shade(color: character::Color) -> Option<u8> {
    use character::Color as C;
    Some(match color {
        C::Red => 196,
        C::Green => 28,
        C::Yellow => 130,
        C::Blue => 27,
        C::Magenta => 164,
        C::Cyan => 30,
        C::Gray => return None,
        C::LightRed => 131,
        C::LightGreen => 64,
        C::LightYellow => 100,
        C::LightBlue => 63,
        C::LightMagenta => 133,
        C::LightCyan => 31,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use character::Color as C;

    const COLORS: [C; 12] = [
        C::Red,
        C::Green,
        C::Yellow,
        C::Blue,
        C::Magenta,
        C::Cyan,
        C::LightRed,
        C::LightGreen,
        C::LightYellow,
        C::LightBlue,
        C::LightMagenta,
        C::LightCyan,
    ];

    /// Relative luminance of a colour of the cube, as WCAG 2.1 defines it.
    fn luminance(index: u8) -> f64 {
        const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
        let cell = usize::from(index - 16);
        let linear = |level: usize| {
            let value = f64::from(LEVELS[level]) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(cell / 36) + 0.7152 * linear(cell / 6 % 6) + 0.0722 * linear(cell % 6)
    }

    #[test]
    fn every_shade_reads_on_black_and_on_white() {
        for color in COLORS {
            let luminance = luminance(shade(color).unwrap());
            let (on_black, on_white) = ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05));
            assert!(
                on_black >= 3.8 && on_white >= 3.8,
                "{color:?}: {on_black:.2} on black, {on_white:.2} on white"
            );
        }
    }

    #[test]
    fn no_two_colors_are_one_shade() {
        let shades: std::collections::BTreeSet<_> = COLORS.map(shade).into_iter().collect();
        assert_eq!(shades.len(), COLORS.len());
    }
}

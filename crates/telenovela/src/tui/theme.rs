//! The look of the screen: colours that read on dark and on light terminals, and modifiers.
//!
//! Nothing can be learned for sure about a terminal's background. So a terminal of 256 colours shows names, unless told otherwise, in shades that are neither
//! light nor dark: each has a contrast of at least 3.8 to 1 (as WCAG 2.1 counts it; 3 is asked of large or bold letters) on black *and* on white. Told that it
//! is dark, or light, the shades have at least 7, or 4.5, to 1. A terminal of sixteen shows its own colours, which its user has chosen. High contrast paints
//! its own background. Without colours ([`Theme::plain`], for `NO_COLOR`) names are still told apart by weight and place.

use ratatui::style::{Color, Modifier, Style};
use telenovela_script::character;

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    palette: Palette,
}

/// What the user may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeName {
    /// As the environment tells: colours that read on any background, or the terminal's sixteen
    #[default]
    Auto,
    /// For a dark background
    Dark,
    /// For a light background
    Light,
    /// High contrast, on a background of its own
    Contrast,
    /// No colours
    Plain,
}

/// Which colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Palette {
    None,
    Sixteen,
    /// Of 256, of which 16 to 255 are the same everywhere: shades for any background.
    Middle,
    Dark,
    Light,
    Contrast,
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
            palette: Palette::Middle,
        }
    }

    /// Without any colour.
    pub fn plain() -> Self {
        Self {
            palette: Palette::None,
        }
    }

    /// As the user and the environment want it. `NO_COLOR` set and not empty means no colours, unless a theme is asked for; `TERM` with `256color` in it,
    /// `COLORTERM` or Windows' terminal mean shades; `COLORFGBG`, which some terminals set, tells whether the background is dark.
    pub fn named(name: ThemeName) -> Self {
        let palette = match name {
            ThemeName::Auto => return Self::from_env(),
            ThemeName::Dark => Palette::Dark,
            ThemeName::Light => Palette::Light,
            ThemeName::Contrast => Palette::Contrast,
            ThemeName::Plain => Palette::None,
        };
        Self { palette }
    }

    fn from_env() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let many = std::env::var("TERM").is_ok_and(|term| term.contains("256color"));
        if is_set("NO_COLOR") {
            return Self::plain();
        }
        if !(many || is_set("COLORTERM") || is_set("WT_SESSION")) {
            return Self::colored();
        }
        let palette = match std::env::var("COLORFGBG").ok().as_deref().and_then(is_dark) {
            Some(true) => Palette::Dark,
            Some(false) => Palette::Light,
            None => Palette::Middle,
        };
        Self { palette }
    }

    /// What every cell looks like before anything is drawn.
    pub fn canvas(self) -> Style {
        match self.palette {
            Palette::Contrast => Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(16)),
            _ => Style::new(),
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
            Palette::Middle => shade(color).map(Color::Indexed),
            Palette::Dark | Palette::Contrast => bright(color).map(Color::Indexed),
            Palette::Light => deep(color).map(Color::Indexed),
        };
        found.map_or_else(Style::new, |color| Style::new().fg(color))
    }

    /// How a line is said.
    pub fn delivery(self) -> Style {
        Style::new().add_modifier(Modifier::ITALIC)
    }

    /// Stage directions.
    pub fn direction(self) -> Style {
        self.dim().add_modifier(Modifier::ITALIC)
    }

    /// What should not catch the eye: rules, marks, labels. High contrast has nothing of the kind.
    pub fn dim(self) -> Style {
        match self.palette {
            Palette::Contrast => Style::new(),
            _ => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// Titles, keys.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What the user must read: a refused input.
    pub fn warning(self) -> Style {
        self.name(character::Color::Red)
    }

    /// What the keys act on.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// From 0, as expected, to [`HOTTEST`](Self::HOTTEST): a background under the text, or weight where there are no colours.
    pub fn heat(self, level: usize) -> Style {
        let indexed = |fg, bg| Style::new().fg(Color::Indexed(fg)).bg(Color::Indexed(bg));
        let sixteen = |fg, bg| Style::new().fg(fg).bg(bg);
        match (self.palette, level.min(Self::HOTTEST)) {
            (_, 0) => Style::new(),
            (Palette::None, 1) => Style::new(),
            (Palette::None, 2) => Style::new().add_modifier(Modifier::UNDERLINED),
            (Palette::None, 3) => Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
            (Palette::None, _) => Style::new().add_modifier(Modifier::REVERSED),
            (Palette::Sixteen, 1) => sixteen(Color::White, Color::Blue),
            (Palette::Sixteen, 2) => sixteen(Color::Black, Color::Cyan),
            (Palette::Sixteen, 3) => sixteen(Color::White, Color::Magenta),
            (Palette::Sixteen, 4) => sixteen(Color::White, Color::Red),
            (Palette::Sixteen, _) => sixteen(Color::Black, Color::Yellow),
            (_, 1) => indexed(231, 24),
            (_, 2) => indexed(231, 61),
            (_, 3) => indexed(231, 97),
            (_, 4) => indexed(231, 125),
            (_, _) => indexed(16, 208),
        }
    }

    /// The highest level of [`heat`](Self::heat).
    pub const HOTTEST: usize = 5;
}

/// What `COLORFGBG`, such as `15;0`, says of the background; `None` where that is unclear.
fn is_dark(colors: &str) -> Option<bool> {
    match colors.rsplit(';').next()?.parse::<u8>().ok()? {
        0..=6 | 8 => Some(true),
        7 | 15 => Some(false),
        _ => None,
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

/// A shade for a dark background.
fn bright(color: character::Color) -> Option<u8> {
    use character::Color as C;
    Some(match color {
        C::Red => 203,
        C::Green => 77,
        C::Yellow => 220,
        C::Blue => 75,
        C::Magenta => 213,
        C::Cyan => 44,
        C::Gray => return None,
        C::LightRed => 216,
        C::LightGreen => 150,
        C::LightYellow => 229,
        C::LightBlue => 147,
        C::LightMagenta => 183,
        C::LightCyan => 159,
    })
}

/// A shade for a light background.
fn deep(color: character::Color) -> Option<u8> {
    use character::Color as C;
    Some(match color {
        C::Red => 160,
        C::Green => 22,
        C::Yellow => 94,
        C::Blue => 20,
        C::Magenta => 127,
        C::Cyan => 23,
        C::Gray => return None,
        C::LightRed => 88,
        C::LightGreen => 58,
        C::LightYellow => 95,
        C::LightBlue => 57,
        C::LightMagenta => 90,
        C::LightCyan => 24,
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

    /// Contrast with black and with white.
    fn contrasts(index: u8) -> (f64, f64) {
        let luminance = luminance(index);
        ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05))
    }

    #[test]
    fn every_shade_reads_on_its_background() {
        for color in COLORS {
            let (on_black, on_white) = contrasts(shade(color).unwrap());
            assert!(
                on_black >= 3.8 && on_white >= 3.8,
                "{color:?}: {on_black:.2} on black, {on_white:.2} on white"
            );
            let (on_black, _) = contrasts(bright(color).unwrap());
            assert!(on_black >= 7.0, "{color:?}: {on_black:.2} on black");
            let (_, on_white) = contrasts(deep(color).unwrap());
            assert!(on_white >= 4.5, "{color:?}: {on_white:.2} on white");
        }
    }

    #[test]
    fn no_two_colors_are_one_shade() {
        for palette in [shade, bright, deep] {
            let shades: std::collections::BTreeSet<_> = COLORS.map(palette).into_iter().collect();
            assert_eq!(shades.len(), COLORS.len());
        }
    }

    #[test]
    fn the_terminal_may_tell_its_background() {
        assert_eq!(is_dark("15;0"), Some(true));
        assert_eq!(is_dark("0;default;15"), Some(false));
        assert_eq!(is_dark("0;default"), None);
    }
}

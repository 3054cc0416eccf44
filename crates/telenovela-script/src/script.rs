//! A script: an episode in Fountain, as the models read it.

use crate::show::PlotLineId;

/// One episode.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Script {
    /// Title page entries, in order, as (key, value).
    pub title_page: Vec<(String, String)>,
    /// The script scenes, in order. Text before the first heading makes a scene with an empty heading.
    pub scenes: Vec<ScriptScene>,
}

/// What stands between two scene headings. The unit of the split and of training.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ScriptScene {
    /// The heading as written: `INT. THE KITCHEN - NIGHT`.
    pub heading: String,
    /// Plot lines from `[[plot: …]]`.
    pub plot_lines: Vec<PlotLineId>,
    /// Speeches and action, in order.
    pub turns: Vec<Turn>,
    /// Line of the heading in the file, from 1.
    pub line: usize,
}

/// A speech, or a piece of action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who; `None` is action.
    pub speaker: Option<String>,
    /// How: the parenthetical before the words, without parentheses.
    pub delivery: Option<String>,
    /// The words. Later parentheticals stay inside, in parentheses.
    pub text: String,
    /// Line in the file, from 1.
    pub line: usize,
}

impl Turn {
    /// The turn as a model reads and writes it: the delivery in parentheses, then the words.
    pub fn spoken(&self) -> String {
        spoken(self.delivery.as_deref(), &self.text)
    }
}

/// Joins a delivery and the words as a model reads and writes them; the inverse is [`split_spoken`].
pub fn spoken(delivery: Option<&str>, text: &str) -> String {
    match delivery {
        Some(delivery) => format!("({delivery}) {text}"),
        None => text.to_owned(),
    }
}

/// Takes a delivery off the front of a line: `(softly) No.` is `(Some("softly"), "No.")`. An unclosed or empty parenthesis is no delivery.
pub fn split_spoken(line: &str) -> (Option<String>, String) {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix('(')
        && let Some((delivery, text)) = rest.split_once(')')
        && !delivery.trim().is_empty()
        && !text.trim().is_empty()
    {
        return (Some(delivery.trim().to_owned()), text.trim().to_owned());
    }
    (None, line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_comes_off_the_front_and_goes_back_on() {
        let line = spoken(Some("through tears"), "You came back.");
        assert_eq!(line, "(through tears) You came back.");
        assert_eq!(
            split_spoken(&line),
            (Some("through tears".into()), "You came back.".into())
        );
    }

    #[test]
    fn an_unclosed_parenthesis_is_no_delivery() {
        assert_eq!(split_spoken("(well, I"), (None, "(well, I".into()));
        assert_eq!(split_spoken("(pause)"), (None, "(pause)".into()));
    }
}

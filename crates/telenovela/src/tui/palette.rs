//! Every command by name, as many as fit what is typed.

use telenovela_script::event::{CastMember, Command};
use telenovela_script::export::ExportFormat;
use telenovela_script::mood::Mood;

use super::input_line::InputLine;
use super::keymap::{Action, BINDINGS, Context, Edit, Way};
use super::ledger::mood_name;
use crate::language::{Language, Phrase};

/// What is typed, and what is chosen among that which fits it.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    line: InputLine,
    entries: Vec<Entry>,
    /// Among those that fit.
    chosen: usize,
}

/// A command that has a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// Its key, where it has one.
    pub key: &'static str,
    deed: Deed,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// As if its key were pressed.
    Press(Action),
    /// The director is told.
    Wish(Command),
    /// A transcript is written.
    Export(ExportFormat),
}

impl Palette {
    /// With nothing typed yet.
    pub fn new(entries: Vec<Entry>) -> Self {
        Self {
            line: InputLine::default(),
            entries,
            chosen: 0,
        }
    }

    /// What is typed.
    pub fn line(&self) -> &InputLine {
        &self.line
    }

    /// Index of the chosen entry among [`fitting`](Self::fitting).
    pub fn place(&self) -> usize {
        self.chosen
    }

    /// The entries that have every typed word in their name, those whose words begin so first.
    pub fn fitting(&self) -> Vec<&Entry> {
        let typed: Vec<String> = plain(self.line.text())
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let begins = |entry: &Entry| {
            let name = plain(&entry.name);
            typed.iter().all(|word| {
                let mut words = name.split(|c: char| !c.is_alphanumeric());
                words.any(|of_name| of_name.starts_with(word.as_str()))
            })
        };
        let holds = |entry: &Entry| {
            let name = plain(&entry.name);
            typed.iter().all(|word| name.contains(word.as_str()))
        };
        let mut fitting: Vec<&Entry> = self.entries.iter().filter(|entry| holds(entry)).collect();
        fitting.sort_by_key(|entry| !begins(entry));
        fitting
    }

    /// What the chosen entry does.
    pub fn chosen(&self) -> Option<Deed> {
        let entry = self.fitting().get(self.chosen).copied()?;
        Some(entry.deed.clone())
    }

    /// Chooses the entry above or below.
    pub fn select(&mut self, way: Way) {
        self.chosen = way.from(self.chosen, self.fitting().len());
    }

    /// Changes what is typed.
    pub fn edit(&mut self, edit: Edit, language: Language) {
        self.line.edit(edit, &[], language);
        self.chosen = 0;
    }

    /// Inserts pasted text.
    pub fn insert(&mut self, text: &str) {
        self.line.insert(text);
        self.chosen = 0;
    }
}

/// A name without capitals and accents, so that `ines` finds Inés.
fn plain(name: &str) -> String {
    let plain = |c: char| match c {
        'á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        c => c,
    };
    name.to_lowercase().chars().map(plain).collect()
}

/// Every command: those that have keys, then the next speaker, moods and transcripts by name.
pub fn entries(cast: &[CastMember], language: Language, is_over: bool) -> Vec<Entry> {
    let of_keys = BINDINGS
        .iter()
        .filter(|row| row.context == Context::Script && !row.label.is_empty())
        .filter(|row| row.action.is_command())
        .map(|row| Entry {
            name: language.say(row.help).to_owned(),
            key: row.label,
            deed: Deed::Press(row.action),
        });
    // The takes have two keys, one for each way, and are one command.
    let takes = Entry {
        name: language.say(Phrase::DoTakes).to_owned(),
        key: "← →",
        deed: Deed::Press(Action::OpenTakes),
    };
    let wish = |name: String, command| Entry {
        name,
        key: "",
        deed: Deed::Wish(command),
    };
    let next = cast.iter().map(|member| {
        let name = language.fill(Phrase::PaletteNext, &[&member.name]);
        let speaker = Some(member.character.clone());
        wish(name, Command::NextSpeaker { speaker })
    });
    let anybody = wish(
        language.say(Phrase::PaletteAnybody).to_owned(),
        Command::NextSpeaker { speaker: None },
    );
    let moods = cast.iter().flat_map(|member| {
        Mood::ALL.map(|mood| {
            let words = [member.name.as_str(), language.say(mood_name(mood))];
            let character = member.character.clone();
            let name = language.fill(Phrase::PaletteMood, &words);
            wish(name, Command::Mood { character, mood })
        })
    });
    let exports = ExportFormat::ALL.into_iter().map(|format| Entry {
        name: language.fill(Phrase::PaletteExport, &[format.name()]),
        key: "",
        deed: Deed::Export(format),
    });
    let wishes = next.chain([anybody]).chain(moods).filter(|_| !is_over);
    of_keys
        .chain([takes])
        .chain(exports)
        .chain(wishes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    fn typed(text: &str) -> Palette {
        let cast = sample::playbill().cast;
        let mut palette = Palette::new(entries(&cast, Language::English, false));
        palette.insert(text);
        palette
    }

    #[test]
    fn every_control_of_the_director_has_a_name() {
        let names: Vec<String> = typed("").fitting().iter().map(|e| e.name.clone()).collect();
        for wanted in [
            Phrase::DoRetake,
            Phrase::DoTakes,
            Phrase::DoNextTake,
            Phrase::DoBack,
            Phrase::DoMood,
            Phrase::DoNext,
            Phrase::DoSkip,
            Phrase::DoExtend,
            Phrase::DoVoice,
            Phrase::DoEdit,
            Phrase::DoMenu,
            Phrase::DoInspect,
        ] {
            let name = Language::English.say(wanted);
            assert!(names.iter().any(|other| other == name), "{name}");
        }
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), names.len(), "a name stands twice");
    }

    #[test]
    fn words_find_a_command_whatever_their_accents() {
        let palette = typed("ines cold");
        assert_eq!(palette.fitting().len(), 1);
        assert!(matches!(
            palette.chosen(),
            Some(Deed::Wish(Command::Mood {
                mood: Mood::Colder,
                ..
            }))
        ));
        assert_eq!(typed("xyzzy").chosen(), None);
        assert_eq!(typed("skip").chosen(), Some(Deed::Press(Action::SkipBeat)));
    }

    #[test]
    fn after_the_end_nothing_is_offered_that_needs_a_director() {
        let cast = sample::playbill().cast;
        let over = entries(&cast, Language::English, true);
        assert!(!over.iter().any(|entry| matches!(entry.deed, Deed::Wish(_))));
    }
}

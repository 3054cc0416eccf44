//! The file of a new character, ready to be filled in.

use crate::character::CharacterId;
use crate::show::{ShowId, is_valid_id};
use crate::text::{is_allowed, one_line};

/// Names that mean something else beside a character's file, or that some systems cannot give to a file.
const RESERVED: [&str; 11] = [
    "show", "ensemble", "scripts", "models", "all", "action", "other", "con", "prn", "aux", "nul",
];

/// Why nobody can be called that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing of it can stand in a file name.
    #[error("`{0}` has no letter to begin an id with; give the character a name such as `Ana`")]
    NoLetters(String),
    /// The name is taken by the program itself.
    #[error("`{0}` is reserved; give the character another name")]
    Reserved(String),
    /// A character that no model can write.
    #[error("the models cannot write the character U+{:04X} in a name", *.0 as u32)]
    NotWritable(char),
}

/// Writes the YAML of a new character: its id, made of the name, and the text of the file. It passes `check` as it is; three example lines
/// wait to be replaced.
///
/// # Errors
/// When no id can be made of the name, or it is reserved.
pub fn new_character_yaml(name: &str, show: &ShowId) -> Result<(CharacterId, String), NameError> {
    let name = one_line(name);
    let id = slug(&name);
    if !is_valid_id(&id) {
        return Err(NameError::NoLetters(name));
    }
    if RESERVED.contains(&id.as_str()) {
        return Err(NameError::Reserved(id));
    }
    if let Some(c) = name.chars().find(|c| !is_allowed(*c)) {
        return Err(NameError::NotWritable(c));
    }
    let quoted = serde_yaml::to_string(&name)
        // A single string is as plain as YAML gets.
        .expect("a string becomes YAML");
    let quoted = quoted.trim_end();
    let yaml = format!(
        "\
# {name}, a character of `{show}`. Change what you like, then run `telenovela train {id}`.
name: {quoted}
role: guest                # protagonist, villain, …: for people
description: Nobody knows where they came from.
color: light-magenta       # red, green, yellow, blue, magenta, cyan, gray, or one of them with light-
lines:
  # What {name} learns to speak from. Twenty lines are enough to hear a voice; more make a better one.
  inline:
    - You thought the fog would keep me away.
    - (softly) I have crossed an ocean to say this.
    - Put the letter down. I know who wrote it.
base: ensemble             # grow from everybody's model; `none` learns from the lines above alone
sampling:
  temperature: 0.8         # higher is wilder
  min_p: 0.05              # higher is safer
turns:
  talkativeness: 0.6       # 0 to 1
  max_repeat: 1            # turns in a row
  max_idle: 5              # turns of silence before they push forward
delivery:
  cps: 32                  # characters per second
  pause_scale: 1.0         # longer or shorter pauses
fallback_lines:            # said when no line of the model is fit to be heard
  - I will not answer that.
"
    );
    Ok((CharacterId::new(id), yaml))
}

/// A name as an id: lower-case, accents taken off, everything else a hyphen.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        let plain = match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ª' => "a",
            'é' | 'è' | 'ê' | 'ë' => "e",
            'í' | 'ì' | 'î' | 'ï' => "i",
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' | 'º' => "o",
            'ú' | 'ù' | 'û' | 'ü' => "u",
            'ý' | 'ÿ' => "y",
            'ñ' => "n",
            'ç' => "c",
            'ß' => "ss",
            'æ' => "ae",
            'ð' => "d",
            'þ' => "th",
            '\'' | '’' | '.' => "",
            c if c.is_ascii_alphanumeric() => {
                slug.push(c);
                continue;
            }
            _ => "-",
        };
        if plain != "-" || !(slug.is_empty() || slug.ends_with('-')) {
            slug.push_str(plain);
        }
    }
    // Everything in it is ASCII, so that every byte is a boundary.
    slug.truncate(48);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::character::Lines;
    use crate::read;
    use proptest::prelude::*;
    use std::path::Path;

    fn show() -> ShowId {
        ShowId::new("harbour")
    }

    #[test]
    fn an_id_is_made_of_the_name() {
        let id = |name| new_character_yaml(name, &show()).map(|(id, _)| id.as_str().to_owned());
        assert_eq!(id("Doña Úrsula").unwrap(), "dona-ursula");
        assert_eq!(id("  Íñigo  O'Hara Jr. ").unwrap(), "inigo-ohara-jr");
        assert_eq!(id("Señor — X2").unwrap(), "senor-x2");
        assert_eq!(id(""), Err(NameError::NoLetters(String::new())));
        assert_eq!(id("…"), Err(NameError::NoLetters("…".into())));
        assert_eq!(id("7"), Err(NameError::NoLetters("7".into())));
        assert_eq!(id("Show"), Err(NameError::Reserved("show".into())));
        assert_eq!(id("Zoë 🌊"), Err(NameError::NotWritable('🌊')));
    }

    proptest! {
        #![proptest_config(crate::fixed_cases(256))]

        #[test]
        fn a_new_character_can_be_read_whatever_its_name(name in "[ -~À-ÿ«»…]{1,40}") {
            if let Ok((id, yaml)) = new_character_yaml(&name, &show()) {
                let path = Path::new("x.yaml");
                let read = read::character(path, &yaml, show(), id, &[]);
                let character = read.map_err(|problems| TestCaseError::fail(format!("{problems}\n{yaml}")))?.character;
                prop_assert_eq!(character.name, one_line(&name));
                prop_assert!(matches!(character.lines, Lines::Inline(lines) if lines.len() == 3));
            }
        }
    }
}

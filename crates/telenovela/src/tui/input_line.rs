//! The line in which the user speaks as somebody of the cast: `NAME: text`, or `NAME (softly): text`; or tells the director something: `/next NAME`.

use telenovela_script::character::CharacterId;
use telenovela_script::event::CastMember;
use telenovela_script::mood::Mood;
use telenovela_script::text::one_line;
use unicode_segmentation::UnicodeSegmentation;

use super::keymap::Edit;
use super::ledger::mood_name;
use crate::language::{Language, Phrase};

/// A line longer than this, in characters, takes no more: it is a line of dialogue.
const MAX_CHARS: usize = 400;

/// What has been typed, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputLine {
    text: String,
    /// A byte offset on a character boundary.
    cursor: usize,
    /// Why the line was not said.
    pub problem: Option<String>,
    /// What Tab completes, kept while Tab is pressed again.
    completing: Option<String>,
}

/// A line as the user wants it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// As whom.
    pub speaker: CharacterId,
    /// How, without parentheses.
    pub delivery: Option<String>,
    /// The words, on one line, without anything that acts on a terminal.
    pub text: String,
}

/// What the user wants with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That somebody says it.
    Say(Said),
    /// That the director does something.
    Order(Order),
}

/// A word to the director. Lines are counted backwards: 1 is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Somebody speaks next; `None` for whomever the director chooses.
    NextSpeaker(Option<CharacterId>),
    /// Somebody gets into a mood.
    Mood(CharacterId, Mood),
    /// A voice from outside says something.
    Outside(String),
    /// The beat comes to its authored lines.
    Skip,
    /// The beat goes on for so many lines more.
    Extend(u32),
    /// New takes are made of a line.
    Retake(u64),
    /// Another take of a line is picked; takes are counted from 1.
    Pick {
        /// Which line.
        line: u64,
        /// Which take.
        take: usize,
    },
    /// The last line is rewritten.
    Edit(String),
    /// The last lines are taken back, and the performance goes on differently.
    Back(u64),
}

/// What begins a word to the director.
const SLASH: char = '/';

impl InputLine {
    /// A line that begins with a word to the director.
    pub fn beginning_with(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            cursor: text.len(),
            ..Self::default()
        }
    }

    /// What has been typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor.
    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Changes the line.
    pub fn edit(&mut self, edit: Edit, cast: &[CastMember], language: Language) {
        self.problem = None;
        if !matches!(edit, Edit::NextName | Edit::PreviousName) {
            self.completing = None;
        }
        match edit {
            Edit::Insert(typed) => self.insert(typed.encode_utf8(&mut [0; 4])),
            Edit::Backspace => {
                let from = self.cursor - self.last_grapheme_len();
                self.text.replace_range(from..self.cursor, "");
                self.cursor = from;
            }
            Edit::Delete => {
                let to = self.cursor + self.next_grapheme_len();
                self.text.replace_range(self.cursor..to, "");
            }
            Edit::DeleteWord => {
                let before = self.before_cursor().trim_end();
                let from = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                // The white space found may be wider than a byte; the next boundary is where the word begins.
                let from = (from..=self.cursor)
                    .find(|&at| self.text.is_char_boundary(at))
                    .unwrap_or(0);
                self.text.replace_range(from..self.cursor, "");
                self.cursor = from;
            }
            Edit::Clear => {
                self.text.clear();
                self.cursor = 0;
            }
            Edit::Left => self.cursor -= self.last_grapheme_len(),
            Edit::Right => self.cursor += self.next_grapheme_len(),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::NextName => self.cycle_name(cast, 1, language),
            Edit::PreviousName => {
                self.cycle_name(cast, cast.len().saturating_sub(1), language);
            }
        }
    }

    /// Inserts a text at the cursor, as one line.
    pub fn insert(&mut self, typed: &str) {
        self.problem = None;
        let room = MAX_CHARS.saturating_sub(self.text.chars().count());
        for c in typed
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .take(room)
        {
            // What is sanitized away when the line is said must not stand there while it is typed.
            if telenovela_script::text::sanitize(c.encode_utf8(&mut [0; 4])).is_empty() {
                continue;
            }
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// Reads the line.
    ///
    /// # Errors
    /// In words for the user: no colon, nobody of that name, nothing to say, no such word to the director.
    pub fn parse(&self, cast: &[CastMember], language: Language) -> Result<Wanted, String> {
        let line = one_line(&self.text);
        match line.strip_prefix(SLASH) {
            Some(order) => parse_order(order, cast, language).map(Wanted::Order),
            None => parse_said(&line, cast, language).map(Wanted::Say),
        }
    }

    /// Completes the name before the colon, or puts the next name of the cast in its place; what is said after it stays. After a word to the
    /// director it completes the name that follows.
    fn cycle_name(&mut self, cast: &[CastMember], step: usize, language: Language) {
        if self.text.starts_with(SLASH) {
            let (order, name) = self.text.split_once(' ').unwrap_or((&self.text, ""));
            let (order, name) = (order.to_owned(), name.trim().to_owned());
            if let Some(next) = self.next_name(cast, &name, step, language) {
                self.text = format!("{order} {}", cast[next].name);
                self.cursor = self.text.len();
            }
            return;
        }
        let said = self
            .text
            .split_once(':')
            .map(|(_, said)| said.trim_start().to_owned());
        let name = match &said {
            Some(_) => self.text.split([':', '(']).next().unwrap_or_default(),
            None => &self.text,
        };
        let name = name.trim().to_owned();
        if let Some(next) = self.next_name(cast, &name, step, language) {
            self.text = format!("{}: {}", cast[next].name, said.unwrap_or_default());
            self.cursor = self.text.len();
        }
    }

    /// Index of the name that Tab puts in the place of what stands there.
    fn next_name(
        &mut self,
        cast: &[CastMember],
        name: &str,
        step: usize,
        language: Language,
    ) -> Option<usize> {
        let typed = self.completing.get_or_insert_with(|| {
            let is_whole = cast.iter().any(|member| is_called(member, name));
            if is_whole {
                String::new()
            } else {
                name.to_lowercase()
            }
        });
        let begins = |member: &CastMember| {
            member.name.to_lowercase().starts_with(typed.as_str())
                || member.character.as_str().starts_with(typed.as_str())
        };
        let fitting: Vec<usize> = (0..cast.len()).filter(|at| begins(&cast[*at])).collect();
        if fitting.is_empty() {
            self.problem = Some(language.fill(Phrase::NobodyBegins, &[name]));
            self.completing = None;
            return None;
        }
        let there = fitting.iter().position(|at| is_called(&cast[*at], name));
        Some(fitting[there.map_or(0, |at| (at + step) % fitting.len())])
    }

    fn last_grapheme_len(&self) -> usize {
        self.before_cursor()
            .graphemes(true)
            .next_back()
            .map_or(0, str::len)
    }

    fn next_grapheme_len(&self) -> usize {
        self.text[self.cursor..]
            .graphemes(true)
            .next()
            .map_or(0, str::len)
    }
}

/// Every word to the director.
const ORDERS: &str = "/next NAME  /mood NAME colder  /voice TEXT  /skip  /more 3  /retake  /take 2  /edit TEXT  /back 1";

/// A word to the director, the slash taken off.
fn parse_order(order: &str, cast: &[CastMember], language: Language) -> Result<Order, String> {
    let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
    let rest = rest.trim();
    let number = |usual: u64| match rest {
        "" => Ok(usual),
        _ => rest
            .parse::<u64>()
            .ok()
            .filter(|n| (1..=1_000).contains(n))
            .ok_or_else(|| language.fill(Phrase::NoNumber, &[rest])),
    };
    let words = || match rest {
        "" => Err(language.fill(Phrase::OrderWhat, &[word])),
        _ => Ok(rest.to_owned()),
    };
    Ok(match word {
        "next" if rest.is_empty() => Order::NextSpeaker(None),
        "next" => {
            let member = called(cast, rest.trim_end_matches(':').trim(), language)?;
            Order::NextSpeaker(Some(member.character.clone()))
        }
        "mood" => {
            let known = Mood::ALL.map(|mood| language.say(mood_name(mood)));
            let no_mood = || language.fill(Phrase::MoodOneOf, &[&known.join(", ")]);
            let (name, mood) = split_mood(rest, language).ok_or_else(no_mood)?;
            Order::Mood(called(cast, name, language)?.character.clone(), mood)
        }
        "voice" => Order::Outside(words()?),
        "skip" => Order::Skip,
        "more" => Order::Extend(u32::try_from(number(3)?).unwrap_or(u32::MAX)),
        "retake" => Order::Retake(number(1)?),
        "take" => {
            let take = usize::try_from(number(1)?).unwrap_or(usize::MAX);
            Order::Pick { line: 1, take }
        }
        "edit" => Order::Edit(words()?),
        "back" => Order::Back(number(1)?),
        _ => return Err(language.fill(Phrase::NoSuchOrder, &[word, ORDERS])),
    })
}

/// A name and the mood after it, by the name that the mood has in the log or in this language.
fn split_mood(rest: &str, language: Language) -> Option<(&str, Mood)> {
    let lowered = rest.to_lowercase();
    let ends = |mood: &Mood| {
        let names = [mood.name(), language.say(mood_name(*mood))];
        let found = names.into_iter().find(|name| lowered.ends_with(name))?;
        // Lower case may be longer or shorter in bytes, but no name of a mood is.
        let name = rest.get(..rest.len().checked_sub(found.len())?)?;
        Some((name.trim(), *mood))
    };
    Mood::ALL.iter().find_map(ends)
}

fn called<'c>(
    cast: &'c [CastMember],
    name: &str,
    language: Language,
) -> Result<&'c CastMember, String> {
    cast.iter()
        .find(|member| is_called(member, name))
        .ok_or_else(|| {
            let names: Vec<&str> = cast.iter().map(|member| member.name.as_str()).collect();
            language.fill(Phrase::NobodyCalled, &[name, &names.join(", ")])
        })
}

fn parse_said(line: &str, cast: &[CastMember], language: Language) -> Result<Said, String> {
    let Some((who, text)) = line.split_once(':') else {
        return Err(language.say(Phrase::WhoSaysIt).to_owned());
    };
    let (name, delivery) = match who.split_once('(') {
        Some((name, delivery)) => (name.trim(), delivery.trim().trim_end_matches(')').trim()),
        None => (who.trim(), ""),
    };
    let text = text.trim();
    let member = called(cast, name, language)?;
    if text.is_empty() {
        return Err(language.fill(Phrase::WhatDoesSay, &[&member.name]));
    }
    Ok(Said {
        speaker: member.character.clone(),
        delivery: Some(delivery)
            .filter(|delivery| !delivery.is_empty())
            .map(str::to_owned),
        text: text.to_owned(),
    })
}

fn is_called(member: &CastMember, name: &str) -> bool {
    member.name.to_lowercase() == name.to_lowercase()
        || member.character.as_str() == name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    const EN: Language = Language::English;

    fn typed(text: &str) -> InputLine {
        let mut line = InputLine::default();
        line.insert(text);
        line
    }

    #[test]
    fn a_line_names_its_speaker_and_its_delivery() {
        let cast = sample::playbill().cast;
        let said = said(&typed("inés (softly) : You knew:  always."), &cast);
        assert_eq!(said.speaker.as_str(), "ines");
        assert_eq!(said.delivery.as_deref(), Some("softly"));
        assert_eq!(said.text, "You knew: always.");
        assert_eq!(self::said(&typed("RODRIGO: No."), &cast).delivery, None);
        let yes = self::said(&typed("ines: Yes."), &cast);
        assert_eq!(yes.speaker.as_str(), "ines");
    }

    #[test]
    fn a_word_to_the_director_chooses_the_next_speaker() {
        let cast = sample::playbill().cast;
        let mut line = InputLine::beginning_with("/next ");
        assert_eq!(
            line.parse(&cast, EN),
            Ok(Wanted::Order(Order::NextSpeaker(None)))
        );
        line.insert("ro");
        line.edit(Edit::NextName, &cast, EN);
        assert_eq!(line.text(), "/next Rodrigo");
        let rodrigo = CharacterId::new("rodrigo");
        assert_eq!(
            line.parse(&cast, EN),
            Ok(Wanted::Order(Order::NextSpeaker(Some(rodrigo))))
        );
        let wrong = |text| typed(text).parse(&cast, EN).unwrap_err();
        assert!(wrong("/nxet").contains("/next NAME"));
        assert!(wrong("/next Pedro").contains("Rodrigo"));
        let order = |text| match typed(text).parse(&cast, EN) {
            Ok(Wanted::Order(order)) => order,
            other => panic!("no order: {other:?}"),
        };
        let ines = CharacterId::new("ines");
        assert_eq!(order("/mood inés colder"), Order::Mood(ines, Mood::Colder));
        assert_eq!(order("/voice Fire!"), Order::Outside("Fire!".to_owned()));
        assert_eq!(order("/take 2"), Order::Pick { line: 1, take: 2 });
        assert_eq!(
            [order("/retake"), order("/back 4")],
            [Order::Retake(1), Order::Back(4)]
        );
        assert_eq!(
            [order("/skip"), order("/more 5")],
            [Order::Skip, Order::Extend(5)]
        );
        assert!(wrong("/mood Inés purple").contains("colder"));
        assert!(wrong("/back 0").contains("no number"));
        assert!(wrong("/edit").contains("what?"));
    }

    fn said(line: &InputLine, cast: &[CastMember]) -> Said {
        match line.parse(cast, EN) {
            Ok(Wanted::Say(said)) => said,
            other => panic!("no line: {other:?}"),
        }
    }

    #[test]
    fn a_line_that_cannot_be_said_says_why() {
        let cast = sample::playbill().cast;
        assert!(
            typed("You knew.")
                .parse(&cast, EN)
                .unwrap_err()
                .contains("who says it")
        );
        assert!(
            typed("Pedro: Hm.")
                .parse(&cast, EN)
                .unwrap_err()
                .contains("Rodrigo")
        );
        assert!(
            typed("Inés:  ")
                .parse(&cast, EN)
                .unwrap_err()
                .contains("what does Inés say")
        );
    }

    #[test]
    fn tab_completes_a_name_and_then_goes_round_the_cast() {
        let cast = sample::playbill().cast;
        let mut line = typed("ro");
        line.edit(Edit::NextName, &cast, EN);
        assert_eq!(line.text(), "Rodrigo: ");
        let mut line = InputLine::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            line.edit(Edit::NextName, &cast, EN);
            seen.push(line.text().to_owned());
        }
        assert_eq!(seen, ["Narrator: ", "Inés: ", "Rodrigo: ", "Narrator: "]);
        line.edit(Edit::PreviousName, &cast, EN);
        assert_eq!(line.text(), "Rodrigo: ");
        let mut line = typed("Inés: You knew.");
        line.edit(Edit::NextName, &cast, EN);
        assert_eq!(line.text(), "Rodrigo: You knew.");
        let mut line = typed("zz");
        line.edit(Edit::NextName, &cast, EN);
        assert_eq!((line.text(), line.problem.is_some()), ("zz", true));
    }

    #[test]
    fn editing_goes_character_by_character_whatever_their_bytes() {
        let mut line = typed("ne\u{301}e 海");
        line.edit(Edit::Left, &[], EN);
        line.edit(Edit::Backspace, &[], EN);
        assert_eq!(line.text(), "ne\u{301}e海");
        line.edit(Edit::Home, &[], EN);
        line.edit(Edit::Right, &[], EN);
        line.edit(Edit::Delete, &[], EN);
        assert_eq!(line.text(), "ne海");
        line.edit(Edit::End, &[], EN);
        line.edit(Edit::Insert(' '), &[], EN);
        line.insert("no\u{1b}[31m\nway");
        assert_eq!(line.text(), "ne海 no[31m way");
        line.edit(Edit::DeleteWord, &[], EN);
        assert_eq!(line.text(), "ne海 no[31m ");
        line.edit(Edit::DeleteWord, &[], EN);
        assert_eq!(line.text(), "ne海 ");
        line.edit(Edit::Clear, &[], EN);
        assert_eq!((line.text(), line.before_cursor()), ("", ""));
        for edit in [
            Edit::Backspace,
            Edit::Delete,
            Edit::DeleteWord,
            Edit::Left,
            Edit::Right,
        ] {
            line.edit(edit, &[], EN);
            assert_eq!(line.text(), "");
        }
    }

    #[test]
    fn a_line_does_not_grow_for_ever() {
        let line = typed(&"a".repeat(10_000));
        assert_eq!(line.text().len(), MAX_CHARS);
    }
}

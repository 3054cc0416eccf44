use serde_json::Value;

use super::*;
use crate::event::EventKind;
use crate::export::tests::performance;

/// Header and events of a cast: when, what kind, and data.
fn parsed(cast: &str) -> (Value, Vec<(f64, String, String)>) {
    let mut lines = cast.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let events = lines.map(|line| serde_json::from_str(line).unwrap());
    (header, events.collect())
}

/// What is written, without escape sequences.
fn printed(cast: &str) -> String {
    let mut text = String::new();
    for (_, code, data) in parsed(cast).1 {
        if code == "o" {
            text.push_str(&data);
        }
    }
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\x1b' {
            plain.push(c);
        } else if rest.next() == Some('[') {
            rest.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn a_cast_is_what_its_format_says() {
    for size in ["80x24", "40x12", "200x60"] {
        let cast = render(&performance(), size.parse().unwrap());
        let (header, events) = parsed(&cast);
        assert_eq!(header["version"], 2);
        assert_eq!(format!("{}x{}", header["width"], header["height"]), size);
        // Without the time at which it was made: the same log gives the same bytes.
        assert!(header.get("timestamp").is_none());
        assert!(events.iter().all(|(_, code, _)| code == "o" || code == "m"));
        assert!(events.is_sorted_by(|one, other| one.0 <= other.0));
        let markers: Vec<&str> = events
            .iter()
            .filter(|(_, code, _)| code == "m")
            .map(|(.., label)| label.as_str())
            .collect();
        assert_eq!(markers, ["1 · Waiting"]);
    }
}

#[test]
fn every_line_is_printed_in_order() {
    let plain = squeezed(&printed(&render(&performance(), Size::default())));
    let mut rest = plain.as_str();
    for text in [
        "HARBOUR OF *LIES*",
        "The Pier",
        "EXT. THE OLD PIER - NIGHT",
        "1 · Waiting",
        "TELLER authored",
        "Night, dear viewer.",
        "ANA",
        "(softly)",
        "You kept the letter?",
        "(Luz enters.)",
        "LUZ injected",
        "I *burned* it [[twice]].",
        "THE END",
        "Who wrote the letter?",
        "She did.",
        "telenovela play pier --seed 7",
    ] {
        let at = rest.find(&squeezed(text));
        let at = at.unwrap_or_else(|| panic!("no «{text}» in {rest}"));
        rest = &rest[at + squeezed(text).len()..];
    }
    assert!(!plain.contains("Thiswasneversaid."));
}

#[test]
fn letters_are_typed_at_the_pace_of_their_speaker() {
    let mut events = performance();
    for event in &mut events {
        if let EventKind::Utterance(spoken) = &mut event.kind {
            spoken.cps = 10.0;
            spoken.utterance.pause_ms = 700;
        }
    }
    let (_, written) = parsed(&render(&events, Size::default()));
    let at = |letter: &str| {
        let found = written
            .iter()
            .find(|(at, _, data)| *at > 3.5 && data.starts_with(letter));
        (found.unwrap().0 * 1_000.0).round()
    };
    // The title card, the silence, and a tenth of a second for each letter of «Night, …».
    assert_eq!([at("i"), at("g"), at("h")], [4_400.0, 4_500.0, 4_600.0]);
    let breaths = written
        .iter()
        .filter(|(_, _, data)| data.contains("\r\u{1b}[K"));
    assert!(breaths.count() > 0);
}

#[test]
fn no_control_of_a_log_reaches_the_terminal() {
    let mut events = performance();
    for event in &mut events {
        if let EventKind::Utterance(spoken) = &mut event.kind {
            spoken.utterance.text = "a\u{1b}]0;title\u{7}\u{1b}[2Jb\u{9b}c\r\nd\u{202e}e".into();
            spoken.utterance.name = "\u{1b}[31mX".into();
        }
    }
    let plain = printed(&render(&events, Size::default()));
    let controls = plain.chars().filter(|c| c.is_control());
    assert!(controls.into_iter().all(|c| c == '\r' || c == '\n'));
    assert!(squeezed(&plain).contains("a]0;title[2Jbcde"));
}

#[test]
fn a_size_is_columns_by_rows() {
    assert_eq!("80x24".parse(), Ok(Size::default()));
    assert_eq!(
        "120x40".parse::<Size>().map(|size| size.to_string()),
        Ok("120x40".to_owned())
    );
    for wrong in [
        "", "80", "80x", "x24", "39x24", "80x11", "401x24", "80x201", "-80x24", "80x24x3",
    ] {
        let error = wrong.parse::<Size>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{wrong}` is no size: columns and rows such as 80x24, from 40x12 to 400x200")
        );
    }
}

#[test]
fn wide_letters_are_wrapped_by_their_cells() {
    assert_eq!(wrapped("海の塩と雷", 4), ["海の", "塩と", "雷"]);
    assert_eq!(wrapped("  one two  three ", 7), ["one two", "three"]);
    assert_eq!(wrapped("aaaaaaa b", 3), ["aaa", "aaa", "a b"]);
    assert_eq!(wrapped("", 10), [""; 0]);
}

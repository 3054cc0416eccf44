//! What the user does to a performance, and how the screen asks for it.

use telenovela_script::event::Command;
use telenovela_script::export::ExportFormat;
use telenovela_script::mood::Mood;
use telenovela_script::voice::Explanation;

use super::Theatre;
use crate::tui::Options;
use crate::tui::app::{Effect, Front};
use crate::tui::inspector::Insight;
use crate::tui::keymap::{Action, Edit, Way};
use crate::tui::sample::{self, Events};

/// At high tension, turn 4 the last line, with three takes.
fn theatre() -> Theatre {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(sample::tense().list()).skip();
    theatre.effects.clear();
    theatre
}

fn wishes(theatre: &Theatre) -> Vec<Command> {
    let wishes = theatre.effects.iter().filter_map(|effect| match effect {
        Effect::Do(command) => Some(command.clone()),
        _ => None,
    });
    wishes.collect()
}

fn selected(theatre: &Theatre) -> Option<u64> {
    theatre.app.document.selected()
}

#[test]
fn lines_are_selected_one_by_one_and_after_the_last_comes_none() {
    let mut theatre = theatre();
    assert_eq!(selected(&theatre), None);
    theatre.press(Action::Select(Way::Before));
    assert_eq!(selected(&theatre), Some(4));
    theatre.press(Action::Select(Way::Before));
    assert_eq!(selected(&theatre), Some(3));
    for _ in 0..9 {
        theatre.press(Action::Select(Way::Before));
    }
    assert_eq!(selected(&theatre), Some(0));
    assert!(theatre.picture(80, 24).contains("▌"));
    for _ in 0..9 {
        theatre.press(Action::Select(Way::After));
    }
    assert_eq!(selected(&theatre), None);
    assert!(theatre.app.document.is_following());
}

#[test]
fn a_selected_line_is_always_in_sight() {
    let mut theatre = Theatre::new(40, 12);
    theatre.apply(sample::tense().list()).skip();
    for way in [Way::Before, Way::After] {
        for _ in 0..5 {
            theatre.press(Action::Select(way));
            theatre.picture(40, 12);
            if selected(&theatre).is_some() {
                assert!(theatre.app.document.selected_rows().is_some());
            }
        }
    }
}

#[test]
fn takes_are_browsed_and_one_is_kept() {
    let mut theatre = theatre();
    theatre.press(Action::BrowseTake(Way::Before));
    assert_eq!(
        theatre.app.front,
        Front::Takes(1),
        "it opens at the kept one"
    );
    theatre.press(Action::BrowseTake(Way::Before));
    assert_eq!(theatre.app.front, Front::Takes(0));
    theatre.press(Action::BrowseTake(Way::Before));
    assert_eq!(theatre.app.front, Front::Takes(0), "there is none before");
    theatre.press(Action::Pick);
    assert_eq!(wishes(&theatre), [Command::PickTake { turn: 4, take: 0 }]);
}

#[test]
fn the_kept_take_needs_nobody_to_keep_it() {
    let mut theatre = theatre();
    theatre.press(Action::OpenTakes).press(Action::Pick);
    assert_eq!(wishes(&theatre), []);
    assert_eq!(theatre.app.front, Front::Script);
}

#[test]
fn a_line_without_takes_says_so() {
    let mut theatre = theatre();
    theatre
        .press(Action::Select(Way::Before))
        .press(Action::Select(Way::Before))
        .press(Action::OpenTakes);
    assert_eq!(theatre.app.front, Front::Script);
    assert!(theatre.picture(80, 24).contains("it has no takes"));
}

#[test]
fn going_back_goes_to_the_selected_line_or_before_the_last() {
    let mut theatre = theatre();
    theatre.press(Action::Back);
    assert_eq!(wishes(&theatre), [Command::Rewind { turn: 3 }]);
    theatre.effects.clear();
    for _ in 0..3 {
        theatre.press(Action::Select(Way::Before));
    }
    theatre.press(Action::Back);
    assert_eq!(wishes(&theatre), [Command::Rewind { turn: 2 }]);
    assert_eq!(selected(&theatre), None);
}

#[test]
fn the_selected_line_is_taken_again_and_rewritten() {
    let mut theatre = theatre();
    theatre
        .press(Action::Select(Way::Before))
        .press(Action::Select(Way::Before))
        .press(Action::Retake)
        .press(Action::Rewrite);
    let Front::Input(line) = &theatre.app.front else {
        panic!("{:?}", theatre.app.front);
    };
    assert!(line.text().starts_with("/edit Then the whole coast"));
    theatre
        .press(Action::Edit(Edit::Clear))
        .press(Action::Edit(Edit::Insert('/')));
    for c in "edit No.".chars() {
        theatre.press(Action::Edit(Edit::Insert(c)));
    }
    theatre.press(Action::Say);
    let edit = Command::Edit {
        turn: 3,
        delivery: None,
        text: "No.".to_owned(),
    };
    assert_eq!(wishes(&theatre), [Command::Retake { turn: 3 }, edit]);
}

#[test]
fn the_palette_does_what_its_entry_says() {
    let mut theatre = theatre();
    let choose = |theatre: &mut Theatre, typed: &str| {
        theatre.effects.clear();
        theatre.press(Action::OpenPalette);
        theatre.app.paste(typed);
        theatre.press(Action::Choose);
    };
    choose(&mut theatre, "skip");
    assert_eq!(wishes(&theatre), [Command::SkipBeat]);
    choose(&mut theatre, "rodrigo colder");
    assert!(
        matches!(&wishes(&theatre)[..], [Command::Mood { character, mood: Mood::Colder }] if character.as_str() == "rodrigo")
    );
    choose(&mut theatre, "export fountain");
    assert_eq!(theatre.effects, [Effect::Export(ExportFormat::Fountain)]);
    choose(&mut theatre, "takes of");
    assert_eq!(theatre.app.front, Front::Takes(1));
}

#[test]
fn the_menu_exports_what_is_chosen() {
    let mut theatre = theatre();
    theatre
        .press(Action::OpenMenu)
        .press(Action::MoveEntry(Way::After))
        .press(Action::Choose);
    assert_eq!(theatre.effects, [Effect::Export(ExportFormat::Markdown)]);
}

#[test]
fn looking_inside_asks_the_prompter_and_not_the_director() {
    let mut theatre = theatre();
    theatre.press(Action::Inspect);
    assert_eq!(
        theatre.effects,
        [Effect::Explain {
            turn: 4,
            take: Some(1)
        }]
    );
    // Of another take or line nothing is taken in.
    let known = || Insight::Known(sample::explanation());
    theatre.app.take_in(4, Some(0), known());
    theatre.app.take_in(3, Some(1), known());
    assert!(theatre.picture(80, 24).contains("asking the model"));
    theatre.app.take_in(4, Some(1), known());
    assert!(theatre.picture(80, 24).contains("SURPRISE"));
    theatre.press(Action::BrowseTake(Way::After));
    assert_eq!(
        theatre.effects.last(),
        Some(&Effect::Explain {
            turn: 4,
            take: Some(2)
        })
    );
    // A mind with nothing to say about it.
    theatre
        .app
        .take_in(4, Some(2), Insight::Known(Explanation::default()));
    assert!(theatre.picture(80, 24).contains("no model of this voice"));
}

#[test]
fn help_tells_of_what_is_in_front_and_closes_to_it() {
    let mut theatre = theatre();
    theatre.press(Action::OpenTakes).press(Action::OpenHelp);
    let card = theatre.picture(80, 24);
    assert!(
        card.contains("Keys: takes") && card.contains("keep this take"),
        "{card}"
    );
    theatre.press(Action::Close);
    assert_eq!(theatre.app.front, Front::Takes(1));
}

#[test]
fn after_the_end_the_director_is_not_asked_for_anything() {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(&sample::whole()).skip();
    theatre.effects.clear();
    for action in [
        Action::Retake,
        Action::Back,
        Action::SkipBeat,
        Action::ExtendBeat,
    ] {
        theatre.press(action);
        assert!(theatre.picture(80, 24).contains("the performance is over"));
    }
    assert_eq!(theatre.effects, []);
}

#[test]
fn without_animation_a_line_stands_there_as_it_begins_and_takes_its_time() {
    let options = Options {
        animated: false,
        ..Options::default()
    };
    let mut theatre = Theatre::with_options(options, 80, 24);
    theatre.apply(Events::default().start().list()).skip();
    let mut events = Events::default();
    events
        .start()
        .pause(1_000)
        .line("ines", None, "abcdefghij klmnopqrs")
        .tense_beat("Thunder", 1.0);
    theatre.apply(&events.list()[1..]).wait(900);
    let silence = theatre.picture(80, 24);
    assert!(!silence.contains("abc") && !silence.contains("          ·"));
    theatre.wait(200);
    assert!(theatre.picture(80, 24).contains("klmnopqrs"));
    assert_eq!(theatre.effects, []);
    theatre.wait(1_000);
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
    assert_eq!(theatre.app.sweep(), None);
}

#[test]
fn a_mood_is_shown_until_it_has_worn_off() {
    let mut theatre = Theatre::new(120, 40);
    let mut events = Events::default();
    events.start().mood("ines", Mood::Colder);
    for _ in 0..4 {
        events.line("ines", None, "No.");
    }
    theatre.apply(&events.list()[..3]).skip();
    let panel = theatre.picture(120, 40);
    assert!(
        panel.contains("colder") && !panel.contains("wearing off"),
        "{panel}"
    );
    theatre.apply(&events.list()[3..]).skip();
    assert!(theatre.picture(120, 40).contains("colder, wearing off"));
    let mut events = Events::default();
    events.start().mood("ines", Mood::Colder);
    for _ in 0..12 {
        events.line("ines", None, "No.");
    }
    theatre.apply(&events.list()[6..]).skip();
    assert!(!theatre.picture(120, 40).contains("wearing off"));
}

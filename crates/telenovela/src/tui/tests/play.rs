//! How the performance goes on, and how the user takes a hand in it.

use super::Theatre;
use crate::tui::app::{Effect, Front};
use crate::tui::keymap::{Action, Edit, Scroll};
use crate::tui::sample::{self, Events};

fn screen(theatre: &mut Theatre) -> String {
    theatre.picture(80, 24)
}

/// A line of twenty characters at twenty characters a second, after the title has been seen.
fn twenty_characters(theatre: &mut Theatre) {
    theatre.apply(Events::default().start().list()).skip();
    let mut events = Events::default();
    events.start().line("ines", None, "abcdefghij klmnopqrs");
    theatre.apply(&events.list()[1..]);
}

#[test]
fn a_line_is_typed_at_its_speakers_pace() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.wait(520);
    assert!(screen(&mut theatre).contains("abcdefghij"));
    assert!(!screen(&mut theatre).contains("klm"));
    theatre.wait(500);
    assert!(screen(&mut theatre).contains("klmnopqrs"));
}

#[test]
fn the_director_hears_that_a_line_was_shown_when_it_was() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.wait(900);
    assert_eq!(theatre.effects, []);
    theatre.wait(200);
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
}

#[test]
fn twice_the_speed_takes_half_the_time() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.press(Action::Faster).wait(520);
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
}

#[test]
fn speed_stays_within_its_bounds() {
    let mut theatre = Theatre::new(80, 24);
    for _ in 0..20 {
        theatre.press(Action::Faster);
    }
    assert_eq!(theatre.app.speed(), 8.0);
    for _ in 0..20 {
        theatre.press(Action::Slower);
    }
    assert_eq!(theatre.app.speed(), 0.25);
}

#[test]
fn a_silence_comes_before_the_line() {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(Events::default().start().list()).skip();
    let mut events = Events::default();
    events.start().pause(2_000).line("ines", None, "Oh.");
    theatre.apply(&events.list()[1..]).wait(1_900);
    assert!(screen(&mut theatre).contains("INÉS"));
    assert!(screen(&mut theatre).contains("          ·"));
    assert!(!screen(&mut theatre).contains("Oh"));
    theatre.wait(400);
    assert!(screen(&mut theatre).contains("Oh."));
}

#[test]
fn a_held_performance_stands_still_and_goes_on_where_it_stood() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.wait(520).press(Action::TogglePause).wait(60_000);
    assert!(!screen(&mut theatre).contains("klm"));
    assert!(!theatre.app.is_moving());
    theatre.press(Action::TogglePause).wait(520);
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
}

#[test]
fn a_step_finishes_the_line_at_once() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.wait(100).press(Action::Step);
    assert!(screen(&mut theatre).contains("klmnopqrs"));
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
}

#[test]
fn a_step_while_held_lets_exactly_one_line_be_spoken() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.press(Action::TogglePause).press(Action::Step);
    assert!(screen(&mut theatre).contains("klmnopqrs"));
    // Held: the director does not hear that the line was shown, and sends no other.
    assert_eq!(theatre.effects, []);
    theatre.press(Action::Step);
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
    let mut events = Events::default();
    events
        .start()
        .line("ines", None, "")
        .line("rodrigo", None, "Next.")
        .line("ines", None, "Too soon.");
    theatre.apply(&events.list()[2..3]).wait(5_000);
    assert!(screen(&mut theatre).contains("Next."));
    theatre.apply(&events.list()[3..]).wait(5_000);
    assert!(!screen(&mut theatre).contains("Too soon."));
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
}

#[test]
fn a_long_stop_of_the_clock_is_no_silence() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.app.tick(3_600_000);
    assert!(!screen(&mut theatre).contains("klm"));
}

fn say(theatre: &mut Theatre, text: &str) {
    theatre.press(Action::OpenInput);
    for c in text.chars() {
        theatre.press(Action::Edit(Edit::Insert(c)));
    }
    theatre.press(Action::Say);
}

#[test]
fn the_performance_waits_while_the_user_types() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.wait(520).press(Action::OpenInput).wait(60_000);
    assert_eq!(theatre.effects, []);
    theatre.press(Action::Close).wait(520);
    assert_eq!(theatre.effects, [Effect::Shown(1)]);
}

#[test]
fn a_line_of_the_users_goes_to_the_stage_and_is_seen_at_once() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.skip().effects.clear();
    say(&mut theatre, "rodrigo (softly): It was raining.");
    let [
        Effect::Say {
            speaker,
            delivery,
            text,
        },
    ] = theatre.effects.as_slice()
    else {
        panic!("{:?}", theatre.effects)
    };
    assert_eq!(
        (speaker.as_str(), delivery.as_deref(), text.as_str()),
        ("rodrigo", Some("softly"), "It was raining.")
    );
    let mut events = Events::default();
    events
        .start()
        .line("ines", None, "")
        .injected("rodrigo", "It was raining.");
    theatre.effects.clear();
    theatre.apply(&events.list()[2..]);
    assert!(screen(&mut theatre).contains("It was raining."));
    assert!(screen(&mut theatre).contains("RODRIGO »"));
    assert_eq!(theatre.effects, [Effect::Shown(2)]);
}

#[test]
fn a_line_of_the_users_is_seen_even_while_the_performance_is_held() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.wait(100).press(Action::TogglePause);
    say(&mut theatre, "rodrigo: It was raining.");
    // The line under way is finished first, then comes the user's own, then nothing.
    theatre.wait(2_000);
    let mut events = Events::default();
    events
        .start()
        .line("ines", None, "")
        .injected("rodrigo", "It was raining.")
        .line("ines", None, "Too soon.");
    theatre.apply(&events.list()[2..]).wait(5_000);
    assert!(
        matches!(
            theatre.effects.as_slice(),
            [Effect::Say { .. }, Effect::Shown(1)]
        ),
        "{:?}",
        theatre.effects
    );
    assert!(screen(&mut theatre).contains("It was raining."));
    assert!(!screen(&mut theatre).contains("Too soon."));
}

#[test]
fn a_refused_line_leaves_a_held_performance_held() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    theatre.skip().press(Action::TogglePause);
    say(&mut theatre, "rodrigo: It was raining.");
    theatre
        .app
        .refuse("the scene is too near its last line".to_owned());
    assert!(screen(&mut theatre).contains("too near its last line"));
    let mut events = Events::default();
    events
        .start()
        .line("ines", None, "")
        .line("ines", None, "Too soon.");
    theatre.apply(&events.list()[2..]).wait(5_000);
    assert!(!screen(&mut theatre).contains("Too soon."));
}

#[test]
fn nothing_is_said_before_the_curtain_or_after_the_end() {
    let mut theatre = Theatre::new(80, 24);
    theatre.press(Action::OpenInput);
    assert_eq!(theatre.app.front, Front::Script);
    theatre
        .apply(&sample::whole())
        .skip()
        .press(Action::OpenInput);
    assert!(screen(&mut theatre).contains("the performance is over"));
}

#[test]
fn leaving_stops_a_performance_that_is_not_over() {
    let mut theatre = Theatre::new(80, 24);
    twenty_characters(&mut theatre);
    assert_eq!(
        theatre.app.update(Action::Quit),
        [Effect::Stop, Effect::Quit]
    );
    theatre.apply(&sample::whole()).skip();
    assert_eq!(theatre.app.update(Action::Quit), [Effect::Quit]);
}

#[test]
fn the_script_follows_until_the_reader_turns_back_and_again_from_the_bottom_on() {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(&sample::until("What paper")).skip();
    assert!(theatre.app.document.is_following());
    theatre.press(Action::Scroll(Scroll::PageUp));
    let before = screen(&mut theatre);
    let rest = sample::until("raining");
    theatre
        .apply(&rest[sample::until("What paper").len()..])
        .skip();
    let script = |picture: &str| {
        picture
            .lines()
            .skip(2)
            .take(19)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(script(&screen(&mut theatre)), script(&before));
    assert!(screen(&mut theatre).contains("more, f follows"));
    theatre
        .press(Action::Scroll(Scroll::PageDown))
        .press(Action::Scroll(Scroll::PageDown))
        .press(Action::Scroll(Scroll::PageDown));
    assert!(theatre.app.document.is_following());
    theatre
        .press(Action::Scroll(Scroll::Top))
        .press(Action::Follow);
    assert!(theatre.app.document.is_following());
    assert!(screen(&mut theatre).contains("raining"));
}

#[test]
fn a_reader_keeps_the_place_as_the_window_changes_its_width() {
    let mut theatre = Theatre::new(80, 24);
    theatre
        .apply(&sample::whole())
        .skip()
        .press(Action::Scroll(Scroll::Top));
    for _ in 0..14 {
        theatre.press(Action::Scroll(Scroll::LineDown));
    }
    let first = |picture: String| picture.lines().nth(2).map(|line| line.trim().to_owned());
    let at_80 = first(theatre.picture(80, 24));
    theatre.picture(44, 24);
    assert_eq!(first(theatre.picture(80, 24)), at_80);
}

#[test]
fn a_performance_that_goes_back_takes_its_lines_with_it() {
    let mut theatre = Theatre::new(80, 24);
    let mut events = Events::default();
    events
        .start()
        .line("ines", None, "Stay.")
        .line("rodrigo", None, "No.")
        .rewind(1)
        .line("rodrigo", None, "Yes.");
    theatre.apply(events.list()).skip();
    let picture = screen(&mut theatre);
    assert!(
        picture.contains("Stay.") && picture.contains("Yes.") && !picture.contains("No."),
        "{picture}"
    );
    assert_eq!(theatre.app.ledger.cast[2].n_words, 1);
}

#[test]
fn the_whole_performance_runs_by_itself_to_its_end_card() {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(&sample::whole()).finish();
    assert!(screen(&mut theatre).contains("To be continued…"));
    let n_lines = sample::whole()
        .iter()
        .filter(|event| {
            matches!(
                event.kind,
                telenovela_script::event::EventKind::Utterance(_)
            )
        })
        .count();
    let n_shown = theatre
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Shown(_)))
        .count();
    assert_eq!(n_shown, n_lines);
}

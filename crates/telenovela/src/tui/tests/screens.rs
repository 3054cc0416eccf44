//! What the audience sees, at three sizes.

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::Theatre;
use crate::tui::keymap::{Action, Edit, Scroll};
use crate::tui::sample;
use crate::tui::theme::Theme;

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (40, 12)];

/// Snapshots one moment at every size.
fn look(moment: &str, prepare: impl Fn(&mut Theatre)) {
    for (width, height) in SIZES {
        let mut theatre = Theatre::new(width, height);
        prepare(&mut theatre);
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{moment}-{width}x{height}"), theatre.picture(width, height));
        });
    }
}

fn type_in(theatre: &mut Theatre, text: &str) {
    for c in text.chars() {
        theatre.press(Action::Edit(Edit::Insert(c)));
    }
}

#[test]
fn before_the_curtain() {
    look("waiting", |_| {});
}

#[test]
fn the_title_card() {
    look("title", |theatre| {
        theatre.apply(&sample::until("Night at")).wait(100);
    });
}

#[test]
fn a_line_being_typed() {
    look("typing", |theatre| {
        theatre.apply(&sample::until("The tide")).skip();
        let rest = sample::until("I ran");
        theatre
            .apply(&rest[sample::until("The tide").len()..])
            .wait(3_700);
    });
}

#[test]
fn a_silence_before_a_line() {
    look("silence", |theatre| {
        theatre.apply(&sample::until("Then the whole")).skip();
        let rest = sample::until("I signed");
        theatre
            .apply(&rest[sample::until("Then the whole").len()..])
            .wait(2_000);
    });
}

#[test]
fn a_held_performance() {
    look("paused", |theatre| {
        theatre
            .apply(&sample::until("raining"))
            .skip()
            .press(Action::TogglePause)
            .press(Action::Faster);
    });
}

#[test]
fn an_open_input_line() {
    look("input", |theatre| {
        theatre
            .apply(&sample::until("What paper"))
            .skip()
            .press(Action::OpenInput);
        type_in(theatre, "ro");
        theatre.press(Action::Edit(Edit::NextName));
        type_in(theatre, "It was raining.");
    });
}

#[test]
fn a_refused_input() {
    look("refused", |theatre| {
        theatre
            .apply(&sample::until("What paper"))
            .skip()
            .press(Action::OpenInput);
        type_in(theatre, "Pedro: Hm.");
        theatre.press(Action::Say);
    });
}

#[test]
fn the_card_of_keys() {
    look("help", |theatre| {
        theatre
            .apply(&sample::until("What paper"))
            .skip()
            .press(Action::OpenHelp);
    });
}

#[test]
fn the_end_card() {
    look("end", |theatre| {
        theatre.apply(&sample::whole()).skip();
    });
}

#[test]
fn reading_back() {
    look("reading-back", |theatre| {
        theatre
            .apply(&sample::whole())
            .skip()
            .press(Action::Scroll(Scroll::Top))
            .press(Action::Scroll(Scroll::LineDown));
    });
}

#[test]
fn no_size_is_too_strange() {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(&sample::until("What paper")).skip();
    let fronts = [None, Some(Action::OpenInput), Some(Action::OpenHelp)];
    for front in fronts {
        theatre.press(Action::Close);
        if let Some(action) = front {
            theatre.press(action);
        }
        let widths = (1..=200)
            .step_by(7)
            .chain([2, 39, 40, 41, 79, 80, 99, 100, 101, 200]);
        for width in widths {
            for height in (1..=60).step_by(3).chain([9, 10, 11, 15, 16, 17, 60]) {
                theatre.app.resize(Rect::new(0, 0, width, height));
                theatre.terminal(width, height);
            }
        }
    }
}

#[test]
fn a_screen_that_changed_size_since_it_was_laid_out_is_drawn_all_the_same() {
    let mut theatre = Theatre::new(120, 40);
    theatre.apply(&sample::whole()).skip();
    for (width, height) in [(1, 1), (40, 10), (80, 24), (200, 60)] {
        theatre.terminal(width, height);
    }
}

#[test]
fn a_screen_too_small_says_what_it_needs() {
    let mut theatre = Theatre::new(39, 10);
    theatre.apply(&sample::whole()).skip();
    assert!(theatre.picture(39, 10).contains("too small, needs 40x10"));
    assert!(theatre.picture(80, 9).contains("q quits"));
}

#[test]
fn without_colours_names_are_bold_and_nothing_is_coloured() {
    let mut theatre = Theatre::with_theme(Theme::plain(), 120, 40);
    theatre.apply(&sample::until("What paper")).skip();
    theatre.app.resize(Rect::new(0, 0, 120, 40));
    let terminal = theatre.terminal(120, 40);
    let buffer = terminal.backend().buffer();
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    );
    let bold: String = buffer
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(Modifier::BOLD))
        .map(|cell| cell.symbol())
        .collect();
    assert!(bold.contains("INÉS") && bold.contains("RODRIGO"), "{bold}");
}

#[test]
fn with_colours_a_name_has_its_own() {
    let mut theatre = Theatre::new(80, 24);
    theatre.apply(&sample::until("The tide")).skip();
    theatre.app.resize(Rect::new(0, 0, 80, 24));
    let terminal = theatre.terminal(80, 24);
    let colored: String = terminal
        .backend()
        .buffer()
        .content
        .iter()
        .filter(|cell| cell.fg == Color::LightCyan)
        .map(|cell| cell.symbol())
        .collect();
    assert!(colored.contains("INÉS"), "{colored}");
}

//! What the audience sees, at three sizes.

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::Theatre;
use crate::language::Language;
use crate::tui::inspector::Insight;
use crate::tui::keymap::{Action, Edit, Scroll, Way};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::{Options, sample};

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (40, 12)];

/// Snapshots one moment at every size.
fn look(moment: &str, prepare: impl Fn(&mut Theatre)) {
    for (width, height) in SIZES {
        let mut theatre = Theatre::new(width, height);
        prepare(&mut theatre);
        snapshot(
            &format!("{moment}-{width}x{height}"),
            &mut theatre,
            width,
            height,
        );
    }
}

fn snapshot(name: &str, theatre: &mut Theatre, width: u16, height: u16) {
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, theatre.picture(width, height));
    });
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

/// At high tension, the last line one with takes.
fn tense(theatre: &mut Theatre) -> &mut Theatre {
    theatre.apply(sample::tense().list()).skip()
}

fn inspected(theatre: &mut Theatre, insight: Insight) {
    tense(theatre).press(Action::Inspect);
    theatre.app.take_in(4, Some(1), insight);
    for _ in 0..5 {
        theatre.press(Action::MoveToken(Way::After));
    }
}

#[test]
fn the_camera_and_the_orchestra() {
    look("tension", |theatre| {
        tense(theatre);
    });
}

#[test]
fn the_curtain_of_light() {
    look("climax", |theatre| {
        let events = sample::tense();
        let to_the_beat = events.list().len() - 2;
        theatre.apply(&events.list()[..to_the_beat - 1]).skip();
        theatre
            .apply(&events.list()[to_the_beat - 1..to_the_beat])
            .wait(500);
        assert!(theatre.app.sweep().is_some());
    });
}

#[test]
fn the_takes_of_a_line() {
    look("takes", |theatre| {
        tense(theatre)
            .press(Action::OpenTakes)
            .press(Action::BrowseTake(Way::Before));
    });
}

#[test]
fn a_line_looked_into() {
    look("inspector", |theatre| {
        inspected(theatre, Insight::Known(sample::explanation()));
    });
}

#[test]
fn the_end_of_a_line_looked_into() {
    look("inspector-below", |theatre| {
        inspected(theatre, Insight::Known(sample::explanation()));
        for _ in 0..9 {
            theatre.press(Action::Scroll(Scroll::PageDown));
        }
    });
}

#[test]
fn a_model_that_is_being_asked() {
    look("inspector-waiting", |theatre| {
        inspected(theatre, Insight::Waiting);
    });
}

#[test]
fn the_commands_by_name() {
    look("palette", |theatre| {
        tense(theatre).press(Action::OpenPalette);
        type_in(theatre, "line");
        theatre.press(Action::MoveEntry(Way::After));
    });
}

#[test]
fn what_can_be_saved() {
    look("menu", |theatre| {
        tense(theatre)
            .press(Action::OpenMenu)
            .press(Action::MoveEntry(Way::After));
    });
}

#[test]
fn the_panel_folded_or_over_the_script() {
    look("panel", |theatre| {
        tense(theatre).press(Action::TogglePanel);
    });
}

#[test]
fn the_keys_of_the_takes() {
    look("help-takes", |theatre| {
        tense(theatre)
            .press(Action::OpenTakes)
            .press(Action::OpenHelp);
    });
}

#[test]
fn in_spanish() {
    for (width, height) in SIZES {
        let options = Options {
            language: Language::Spanish,
            export_command: Some("telenovela export evening.jsonl".to_owned()),
            tensions: vec![Some(0.2), Some(0.6), Some(0.95)],
            ..Options::default()
        };
        let mut theatre = Theatre::with_options(options, width, height);
        tense(&mut theatre);
        snapshot(
            &format!("spanish-{width}x{height}"),
            &mut theatre,
            width,
            height,
        );
        theatre.press(Action::OpenHelp);
        snapshot(
            &format!("spanish-help-{width}x{height}"),
            &mut theatre,
            width,
            height,
        );
    }
}

#[test]
fn high_contrast_paints_its_own_ground_and_has_nothing_faint() {
    let theme = Theme::named(ThemeName::Contrast);
    let mut theatre = Theatre::with_theme(theme, 120, 40);
    tense(&mut theatre).press(Action::OpenTakes);
    theatre.app.resize(Rect::new(0, 0, 120, 40));
    let terminal = theatre.terminal(120, 40);
    for cell in &terminal.backend().buffer().content {
        assert_ne!(cell.bg, Color::Reset);
        assert!(!cell.modifier.contains(Modifier::DIM));
    }
}

#[test]
fn no_size_is_too_strange() {
    let mut theatre = Theatre::new(80, 24);
    tense(&mut theatre);
    let fronts = [
        None,
        Some(Action::OpenInput),
        Some(Action::OpenHelp),
        Some(Action::OpenTakes),
        Some(Action::Inspect),
        Some(Action::OpenPalette),
        Some(Action::OpenMenu),
        Some(Action::TogglePanel),
    ];
    for front in fronts {
        theatre.press(Action::Close).press(Action::Close);
        if let Some(action) = front {
            theatre.app.resize(Rect::new(0, 0, 80, 24));
            theatre.press(action);
        }
        let known = Insight::Known(sample::explanation());
        theatre.app.take_in(4, Some(1), known);
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

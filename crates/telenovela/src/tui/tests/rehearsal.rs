//! A training on the screen.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use telenovela_lm::train::{Metrics, Progress};
use telenovela_script::character::Color;

use crate::language::Language;
use crate::tui::keymap::{Action, Scroll, Way};
use crate::tui::rehearsal::{News, Rehearsal, State, Wish, view};
use crate::tui::theme::Theme;

const SAMPLES: [&str; 3] = [
    "teh o a nnd. It oueatmn",
    "I have the salt of a house.",
    "You sold our houses, and the sea was counted.",
];

fn metrics(epoch: usize) -> Metrics {
    let fall = 1.0 / epoch as f64;
    Metrics {
        epoch,
        step: epoch * 10,
        chars: epoch * 10_000,
        train_bits: 1.6 + 1.4 * fall,
        dev_bits: 1.8 + 1.1 * fall,
        voice_gap: 0.0,
        grad_norm: 1.0,
        lr: 0.001,
        best: true,
    }
}

fn epoch(epoch: usize) -> Progress {
    Progress::Epoch {
        metrics: metrics(epoch),
        sample: SAMPLES[epoch.min(SAMPLES.len()) - 1].to_owned(),
    }
}

fn started() -> Progress {
    Progress::Started {
        epochs: 4,
        chars_per_epoch: 10_000,
        little_text: false,
    }
}

/// The ensemble done, Inés after three epochs of four, Chelo waiting.
fn rehearsal() -> Rehearsal {
    let show = "Salt and Thunder".to_owned();
    let mut rehearsal = Rehearsal::new(Theme::colored(), Language::English, show);
    let of = |model: &str, progress| News::Progress(model.to_owned(), progress);
    let expected = [
        ("ensemble", Color::Gray),
        ("ines", Color::Cyan),
        ("chelo", Color::Magenta),
    ];
    let expected = expected.map(|(name, color)| (name.to_owned(), color));
    rehearsal.apply(News::Expected(expected.to_vec()));
    rehearsal.tick(0);
    rehearsal.apply(of("ensemble", started()));
    rehearsal.apply(of("ensemble", epoch(1)));
    rehearsal.apply(News::Finished("ensemble".to_owned(), 4, 1.683));
    rehearsal.apply(of("ines", started()));
    rehearsal.apply(of("ines", Progress::Baseline { bits: 1.954 }));
    for n in 1..=3 {
        let (chars, bits) = (n * 10_000, 2.0 - n as f64 / 10.0);
        rehearsal.apply(of("ines", Progress::Step { chars, bits }));
        rehearsal.apply(of("ines", epoch(n)));
    }
    rehearsal.tick(10_000);
    rehearsal
}

fn picture(rehearsal: &mut Rehearsal, width: u16, height: u16) -> String {
    rehearsal.resize(Rect::new(0, 0, width, height));
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("a test backend never fails");
    terminal
        .draw(|frame| view::view(rehearsal, frame))
        .expect("a test backend never fails");
    let buffer = terminal.backend().buffer();
    let row = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(|y| format!("{}\n", row(y))).collect()
}

fn look(moment: &str, prepare: impl Fn(&mut Rehearsal)) {
    for (width, height) in [(120, 40), (80, 24), (40, 12)] {
        let mut rehearsal = rehearsal();
        prepare(&mut rehearsal);
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("rehearsal-{moment}-{width}x{height}"), picture(&mut rehearsal, width, height));
        });
    }
}

#[test]
fn a_rehearsal_in_its_states() {
    look("learning", |_| {});
    look("held", |rehearsal| {
        rehearsal.update(Action::TogglePause);
    });
    look("stopping", |rehearsal| {
        rehearsal.update(Action::StopAndKeep);
    });
    look("waiting", |rehearsal| {
        rehearsal.update(Action::MoveEntry(Way::After));
    });
    look("help", |rehearsal| {
        rehearsal.update(Action::OpenHelp);
    });
}

#[test]
fn time_that_is_held_is_no_time_of_learning() {
    let mut rehearsal = rehearsal();
    let left = rehearsal.seconds_left().unwrap();
    // Seventy thousand characters in ten seconds; ten thousand are left of hers, and a whole training, as long as those, of Chelo's.
    assert!((left - 50_000.0 / 7_000.0).abs() < 1e-6, "{left}");
    assert_eq!(
        rehearsal.update(Action::TogglePause),
        Some(Wish::Hold(true))
    );
    rehearsal.tick(3_600_000);
    assert_eq!(
        rehearsal.update(Action::TogglePause),
        Some(Wish::Hold(false))
    );
    assert_eq!(rehearsal.seconds_left(), Some(left));
}

#[test]
fn what_was_learned_before_is_in_the_curves_and_not_in_the_rate() {
    let mut rehearsal = rehearsal();
    let rate = rehearsal.rate();
    rehearsal.apply(News::Progress("chelo".to_owned(), started()));
    let resumed = Progress::Resumed {
        epochs: 2,
        step: 20,
        chars: 20_000,
        history: vec![metrics(1), metrics(2)],
    };
    rehearsal.apply(News::Progress("chelo".to_owned(), resumed));
    assert_eq!(rehearsal.parts[2].history.len(), 2);
    assert_eq!(rehearsal.rate(), rate);
    assert!((rehearsal.parts[2].share() - 0.5).abs() < 1e-9);
}

#[test]
fn who_spoke_last_is_shown_until_somebody_is_chosen() {
    let mut rehearsal = rehearsal();
    assert_eq!(rehearsal.shown(), 1);
    rehearsal.update(Action::MoveEntry(Way::Before));
    assert_eq!(rehearsal.shown(), 0);
    rehearsal.apply(News::Progress("ines".to_owned(), epoch(4)));
    assert_eq!(rehearsal.shown(), 0);
    assert_eq!(rehearsal.parts[0].state, State::Done(4, 1.683));
}

#[test]
fn stopping_lets_go_of_what_is_held() {
    let mut rehearsal = rehearsal();
    rehearsal.update(Action::TogglePause);
    assert_eq!(rehearsal.update(Action::Quit), Some(Wish::Stop));
    assert!(!rehearsal.is_held && rehearsal.is_stopping);
    assert_eq!(rehearsal.update(Action::TogglePause), None);
}

#[test]
fn no_size_is_too_strange() {
    let mut rehearsal = rehearsal();
    for action in [
        Action::Close,
        Action::OpenHelp,
        Action::Scroll(Scroll::Bottom),
    ] {
        rehearsal.update(action);
        for width in (1..=200).step_by(9).chain([39, 40, 41, 109, 110, 111]) {
            for height in (1..=60).step_by(3).chain([9, 10, 11, 43, 44, 45]) {
                picture(&mut rehearsal, width, height);
            }
        }
    }
}

//! What is shown before anything is played.

use std::path::PathBuf;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use telenovela_script::character::Color;

use crate::language::Language;
use crate::tui::keymap::{Action, Edit, Scroll, Way};
use crate::tui::lobby::{Choice, Front, Lobby, Offer, Past, Piece, view};
use crate::tui::theme::Theme;

fn piece(name: &str, title: &str) -> Piece {
    Piece {
        name: format!("salt-and-thunder/{name}"),
        title: title.to_owned(),
        show: "Salt and Thunder".to_owned(),
        heading: "EXT. THE THIRD WINDMILL - NIGHT".to_owned(),
        premise: Some("One lamp, turned low. The third windmill creaks.".to_owned()),
        cast: vec![
            ("The Narrator".to_owned(), Color::Gray),
            ("Inés".to_owned(), Color::Cyan),
            ("Rodrigo".to_owned(), Color::Yellow),
        ],
        tensions: vec![0.2, 0.5, 0.8, 0.95],
        lines: (28, 32),
        threads: vec!["Where is the horse?".to_owned(), "Was it love?".to_owned()],
        ..Piece::default()
    }
}

fn past(is_complete: bool) -> Past {
    Past {
        path: PathBuf::from("/performances/at-the-windmill-7.jsonl"),
        shown: "performances/at-the-windmill-7.jsonl".to_owned(),
        title: "The Third Windmill".to_owned(),
        show: "Salt and Thunder".to_owned(),
        seed: 7,
        cast: piece("", "").cast,
        tensions: vec![0.2, 0.5],
        n_lines: 14,
        at_ms: 42_000,
        is_complete,
        last: Some(("Inés".to_owned(), "What's in your sleeve?".to_owned())),
    }
}

fn lobby() -> Lobby {
    let offers = vec![
        Offer::Piece(piece("at-the-windmill", "The Third Windmill")),
        Offer::Piece(Piece {
            missing: vec!["salt-and-thunder/lola".to_owned()],
            ..piece("lola", "Lola Arrives")
        }),
        Offer::Piece(Piece {
            broken: Some("scenes/salt-and-thunder/torn.yaml:3:1: no `cast`".to_owned()),
            ..piece("torn", "torn")
        }),
        Offer::Piece(Piece {
            is_episode: true,
            heading: "Forty Spoons → The Letter → Low Tide".to_owned(),
            ..piece("the-forty-first-spoon", "The Forty-First Spoon")
        }),
        Offer::Past(past(true)),
        Offer::Past(past(false)),
    ];
    Lobby::new(Theme::colored(), Language::English, offers)
}

fn picture(lobby: &mut Lobby, width: u16, height: u16) -> String {
    lobby.resize(Rect::new(0, 0, width, height));
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("a test backend never fails");
    terminal
        .draw(|frame| view::view(lobby, frame))
        .expect("a test backend never fails");
    let buffer = terminal.backend().buffer();
    let row = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(|y| format!("{}\n", row(y))).collect()
}

fn look(moment: &str, prepare: impl Fn(&mut Lobby)) {
    for (width, height) in [(120, 40), (80, 24), (40, 12)] {
        let mut lobby = lobby();
        prepare(&mut lobby);
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("lobby-{moment}-{width}x{height}"), picture(&mut lobby, width, height));
        });
    }
}

#[test]
fn the_lobby_in_its_states() {
    look("scene", |_| {});
    look("missing", |lobby| lobby.chosen = 1);
    look("broken", |lobby| lobby.chosen = 2);
    look("episode", |lobby| lobby.chosen = 3);
    look("past", |lobby| lobby.chosen = 5);
    look("help", |lobby| {
        lobby.update(Action::OpenHelp);
    });
    look("empty", |lobby| lobby.offers.clear());
}

#[test]
fn what_is_chosen_is_done() {
    let mut lobby = lobby();
    let name = "salt-and-thunder/at-the-windmill".to_owned();
    let play = |seed| Choice::Play {
        name: name.clone(),
        seed,
    };
    assert_eq!(lobby.update(Action::Choose), Some(play(None)));
    lobby.update(Action::PlaySeed);
    for c in "4x".chars() {
        lobby.update(Action::Edit(Edit::Insert(c)));
    }
    assert_eq!(lobby.update(Action::Say), None);
    assert!(picture(&mut lobby, 80, 24).contains("a whole number"));
    lobby.update(Action::Edit(Edit::Backspace));
    lobby.paste("2");
    assert_eq!(lobby.update(Action::Say), Some(play(Some(42))));

    lobby.update(Action::MoveEntry(Way::After));
    let train = Choice::Train(vec!["salt-and-thunder/lola".to_owned()]);
    assert_eq!(lobby.update(Action::Choose), Some(train));
    lobby.update(Action::MoveEntry(Way::After));
    assert_eq!(lobby.update(Action::Choose), None);
    assert!(picture(&mut lobby, 80, 24).contains("cannot be played"));

    lobby.update(Action::Scroll(Scroll::Bottom));
    let path = past(false).path;
    let of_past = |lobby: &mut Lobby, action| lobby.update(action);
    assert_eq!(
        of_past(&mut lobby, Action::Choose),
        Some(Choice::Replay(path.clone()))
    );
    assert_eq!(
        of_past(&mut lobby, Action::Resume),
        Some(Choice::Resume(path.clone()))
    );
    assert_eq!(
        of_past(&mut lobby, Action::Export),
        Some(Choice::Export(path))
    );
    lobby.update(Action::MoveEntry(Way::Before));
    assert_eq!(of_past(&mut lobby, Action::Resume), None, "it is over");
}

#[test]
fn no_size_is_too_strange() {
    let mut lobby = lobby();
    for front in [Front::List, Front::Help(3)] {
        lobby.front = front;
        for chosen in 0..lobby.offers.len() {
            lobby.chosen = chosen;
            for width in (1..=200).step_by(9).chain([39, 40, 41, 75, 76, 77]) {
                for height in (1..=60).step_by(5).chain([9, 10, 11, 19, 20, 21]) {
                    picture(&mut lobby, width, height);
                }
            }
        }
    }
}

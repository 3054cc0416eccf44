//! The loop with a director, a keyboard and a terminal of paper.

use std::io;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyModifiers};
use telenovela_script::event::{Event, EventKind};
use tokio::sync::mpsc;

use crate::tui::app::{App, Effect};
use crate::tui::backstage::Answer;
use crate::tui::terminal::Screen;
use crate::tui::theme::Theme;
use crate::tui::{Input, Left, Options, TuiError, drive, sample};

struct House {
    inputs: mpsc::Sender<Input>,
    events: mpsc::Sender<Event>,
    effects: mpsc::Receiver<Effect>,
    screen: tokio::task::JoinHandle<(Result<Left, TuiError>, Paper)>,
}

/// A terminal of paper, and how often it was left and taken again.
struct Paper {
    terminal: Terminal<TestBackend>,
    journeys: Vec<&'static str>,
}

impl Screen for Paper {
    type Backend = TestBackend;

    fn terminal(&mut self) -> &mut Terminal<TestBackend> {
        &mut self.terminal
    }

    fn leave(&mut self) -> io::Result<bool> {
        self.journeys.push("left");
        Ok(true)
    }

    fn come_back(&mut self) -> io::Result<()> {
        self.journeys.push("came back");
        Ok(())
    }
}

/// Opens a theatre whose clock is tokio's paused one.
fn open() -> House {
    let (inputs, mut input_receiver) = mpsc::channel(8);
    let (events, event_receiver) = mpsc::channel(4);
    let (effect_sender, effects) = mpsc::channel(2);
    let screen = tokio::spawn(async move {
        let terminal = Terminal::new(TestBackend::new(80, 24)).expect("a test backend never fails");
        let mut terminal = Paper {
            terminal,
            journeys: Vec::new(),
        };
        let app = App::new(Options {
            theme: Theme::plain(),
            ..Options::default()
        });
        let outcome = drive(
            &mut terminal,
            app,
            &mut input_receiver,
            event_receiver,
            effect_sender,
        )
        .await;
        (outcome, terminal)
    });
    House {
        inputs,
        events,
        effects,
        screen,
    }
}

fn key(code: KeyCode) -> Input {
    Input::Terminal(event::Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn text(paper: &Paper) -> String {
    paper
        .terminal
        .backend()
        .buffer()
        .content
        .iter()
        .map(|cell| cell.symbol())
        .collect()
}

/// Plays the sample as the director does: after each line it waits until the line was shown.
async fn direct(events: mpsc::Sender<Event>, effects: &mut mpsc::Receiver<Effect>) -> Vec<Effect> {
    let mut heard = Vec::new();
    for event in sample::whole() {
        let (seq, is_line) = (event.seq, matches!(event.kind, EventKind::Utterance(_)));
        events.send(event).await.expect("the screen is open");
        if is_line {
            let effect = effects.recv().await.expect("the screen is open");
            assert_eq!(effect, Effect::Shown(seq));
            heard.push(effect);
        }
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn a_performance_is_shown_line_by_line_and_its_end_stays_until_q() {
    let House {
        inputs,
        events,
        mut effects,
        screen,
    } = open();
    let heard = direct(events, &mut effects).await;
    assert_eq!(heard.len(), 10);
    // The clock is tokio's paused one: an hour at the end card costs nothing.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    inputs.send(key(KeyCode::Char('q'))).await.unwrap();
    let (outcome, terminal) = screen.await.unwrap();
    assert!(outcome.is_ok());
    assert!(text(&terminal).contains("To be continued…"));
    assert_eq!(effects.recv().await, Some(Effect::Quit));
    assert_eq!(effects.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn q_in_the_middle_stops_the_performance() {
    let House {
        inputs,
        events,
        mut effects,
        screen,
    } = open();
    for event in sample::until("Night at") {
        events.send(event).await.unwrap();
    }
    inputs.send(key(KeyCode::Char('q'))).await.unwrap();
    assert!(screen.await.unwrap().0.is_ok());
    assert_eq!(effects.recv().await, Some(Effect::Stop));
    assert_eq!(effects.recv().await, Some(Effect::Quit));
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_it_like_q() {
    let House {
        inputs,
        mut effects,
        screen,
        events: _events,
    } = open();
    inputs.send(Input::Terminate(15)).await.unwrap();
    let left = screen.await.unwrap().0.unwrap();
    assert_eq!(left.exit_code(), Some(143));
    assert_eq!(effects.recv().await, Some(Effect::Stop));
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_gone_is_an_error_and_stops_the_performance() {
    let House {
        inputs,
        mut effects,
        screen,
        events: _events,
    } = open();
    inputs
        .send(Input::Lost(io::Error::other("hung up")))
        .await
        .unwrap();
    assert!(matches!(
        screen.await.unwrap().0,
        Err(TuiError::Terminal(_))
    ));
    assert_eq!(effects.recv().await, Some(Effect::Stop));
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_falls_silent_closes_the_theatre() {
    let House {
        inputs: _inputs,
        events,
        effects: _effects,
        screen,
    } = open();
    for event in sample::until("Night at") {
        events.send(event).await.unwrap();
    }
    drop(events);
    assert!(screen.await.unwrap().0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_takes_no_effects_does_not_keep_the_user_in() {
    let House {
        inputs,
        events: _events,
        effects: _effects,
        screen,
    } = open();
    // Nobody reads the effects, and the channel is full after two.
    for c in ":ines: a.".chars() {
        inputs.send(key(KeyCode::Char(c))).await.unwrap();
    }
    inputs.send(key(KeyCode::Esc)).await.unwrap();
    inputs.send(key(KeyCode::Char('q'))).await.unwrap();
    assert!(screen.await.unwrap().0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_the_user_types_is_said() {
    let House {
        inputs,
        events,
        mut effects,
        screen,
    } = open();
    for event in &sample::until("Night at")[..1] {
        events.send(event.clone()).await.unwrap();
    }
    // The keys wait until the playbill has been taken in.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for c in ":ines: You knew.".chars() {
        inputs.send(key(KeyCode::Char(c))).await.unwrap();
    }
    inputs
        .send(Input::Terminal(event::Event::Paste(
            " Always.\n".to_owned(),
        )))
        .await
        .unwrap();
    inputs.send(key(KeyCode::Enter)).await.unwrap();
    let said = effects.recv().await;
    assert!(
        matches!(&said, Some(Effect::Say { speaker, text, .. }) if speaker.as_str() == "ines" && text == "You knew. Always."),
        "{said:?}"
    );
    inputs
        .send(Input::Answer(Answer::Refused(
            "the line has no room".to_owned(),
        )))
        .await
        .unwrap();
    inputs.send(key(KeyCode::Char('z'))).await.unwrap();
    // Pictures keep their distance; the clock is tokio's paused one.
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(inputs);
    let (_, terminal) = screen.await.unwrap();
    assert!(text(&terminal).contains("the line has no room"));
}

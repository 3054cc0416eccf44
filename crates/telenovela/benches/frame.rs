//! What a picture costs: `cargo bench -p telenovela --bench frame`.
//!
//! A script of 10,000 lines on a screen of 200x60, in the state of the screen that the theatre has, drawn into a buffer and compared with the one before, as for
//! a terminal. Prints the median and the slowest of many pictures, with nothing new, with a line being typed, and scrolled from page to page; and what it
//! costs to lay the script out for another width.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use telenovela::tui::Options;
use telenovela::tui::app::App;
use telenovela::tui::keymap::{Action, Scroll};
use telenovela::tui::theme::Theme;
use telenovela::tui::view;
use telenovela_script::character::{CharacterId, Color};
use telenovela_script::event::{
    CastMember, Event, EventKind, FORMAT_VERSION, Playbill, Provenance, Spoken, Utterance,
};
use telenovela_script::scene::{BeatId, SceneId, Setting, TurnPolicy};
use telenovela_script::show::ShowId;

const LINES: u64 = 10_000;
const SIZE: (u16, u16) = (200, 60);
const PICTURES: usize = 500;

fn playbill() -> Playbill {
    let member = |name: &str, color| CastMember {
        character: CharacterId::new(name.to_lowercase()),
        name: name.to_owned(),
        color,
        offstage: false,
        on_stage: true,
        cps: 20.0,
        file_sha256: String::new(),
        model_sha256: String::new(),
        ensemble_sha256: String::new(),
    };
    Playbill {
        format: FORMAT_VERSION,
        program: String::new(),
        show: ShowId::new("show"),
        show_title: "A Show".to_owned(),
        scenes: Vec::new(),
        language: "en".to_owned(),
        scene: SceneId::new("scene"),
        title: "A Scene".to_owned(),
        scene_sha256: String::new(),
        show_sha256: String::new(),
        setting: Setting {
            interior: true,
            place: "A room".to_owned(),
            time: "DAY".to_owned(),
        },
        premise: None,
        seed: 7,
        takes: 1,
        policy: TurnPolicy::RoundRobin,
        cast: vec![member("Clara", Color::Cyan), member("Rene", Color::Yellow)],
        plot_lines: Vec::new(),
        beats: vec!["A beat".to_owned()],
        threads: Vec::new(),
    }
}

fn line(turn: u64) -> Event {
    let name = if turn.is_multiple_of(2) {
        "Clara"
    } else {
        "Rene"
    };
    let utterance = Utterance {
        turn,
        speaker: CharacterId::new(name.to_lowercase()),
        name: name.to_owned(),
        delivery: turn.is_multiple_of(3).then(|| "softly".to_owned()),
        text: "You sold our houses for an umbrella, and it was not raining when you signed, nor on the day after."
            .to_owned(),
        pause_ms: 0,
        provenance: Provenance::Generated,
    };
    Event {
        seq: turn + 1,
        at_ms: turn * 1_000,
        kind: EventKind::Utterance(Spoken {
            id: format!("scene-{turn}"),
            beat: BeatId::new("beat"),
            utterance,
            full_text: None,
            cps: 20.0,
            takes: Vec::new(),
            kept: None,
            copied_words: None,
            threads: Vec::new(),
            visible_to: None,
        }),
    }
}

/// Times one kind of picture: the median and the slowest.
fn measure(
    what: &str,
    app: &mut App,
    terminal: &mut Terminal<TestBackend>,
    mut change: impl FnMut(&mut App, usize),
) {
    let mut times: Vec<Duration> = (0..PICTURES)
        .map(|n| {
            change(app, n);
            let began = Instant::now();
            app.resize(Rect::new(0, 0, SIZE.0, SIZE.1));
            let drawn = terminal.draw(|frame| view::view(app, frame));
            assert!(drawn.is_ok(), "paper never fails");
            began.elapsed()
        })
        .collect();
    times.sort();
    report(what, times[PICTURES / 2], times[PICTURES - 1]);
}

#[expect(clippy::print_stdout, reason = "a benchmark reports")]
fn report(what: &str, median: Duration, slowest: Duration) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{what:28} median {:7.3} ms   slowest {:7.3} ms",
        ms(median),
        ms(slowest)
    );
}

fn main() {
    let mut app = App::new(Options {
        theme: Theme::shaded(),
        // All lines but the last are there at once.
        n_past: LINES,
        ..Options::default()
    });
    app.resize(Rect::new(0, 0, SIZE.0, SIZE.1));
    app.apply(&Event {
        seq: 0,
        at_ms: 0,
        kind: EventKind::PerformanceStarted(playbill()),
    });
    for turn in 0..LINES {
        app.apply(&line(turn));
    }
    let Ok(mut terminal) = Terminal::new(TestBackend::new(SIZE.0, SIZE.1));
    let mut now_ms = 0;
    measure("a line being typed", &mut app, &mut terminal, |app, _| {
        now_ms += 5;
        app.tick(now_ms);
    });
    measure("nothing new", &mut app, &mut terminal, |_, _| {});
    app.update(Action::Scroll(Scroll::Top));
    measure("page after page", &mut app, &mut terminal, |app, _| {
        app.update(Action::Scroll(Scroll::PageDown));
    });
    let mut times: Vec<Duration> = (0..20)
        .map(|n| {
            let began = Instant::now();
            app.resize(Rect::new(0, 0, 60 + n, SIZE.1));
            began.elapsed()
        })
        .collect();
    times.sort();
    report("laid out for another width", times[10], times[19]);
}

//! The screen as a whole: events in, keys in, pictures out.

mod drive;
mod hands;
mod lobby;
mod play;
mod rehearsal;
mod screens;
#[cfg(unix)]
mod terminal;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;
use telenovela_script::event::Event;

use super::app::{App, Effect};
use super::theme::Theme;
use super::{Options, keymap::Action, view};

/// A theatre without a terminal, whose clock goes when it is told to.
struct Theatre {
    app: App,
    now_ms: u64,
    effects: Vec<Effect>,
}

impl Theatre {
    fn new(width: u16, height: u16) -> Self {
        Self::with_theme(Theme::colored(), width, height)
    }

    fn with_theme(theme: Theme, width: u16, height: u16) -> Self {
        Self::with_options(
            Options {
                theme,
                export_command: Some(
                    "telenovela export performances/third-windmill-7.jsonl".to_owned(),
                ),
                log: Some("performances/third-windmill-7.jsonl".to_owned()),
                tensions: vec![Some(0.2), Some(0.6), Some(0.95)],
                ..Options::default()
            },
            width,
            height,
        )
    }

    fn with_options(options: Options, width: u16, height: u16) -> Self {
        let mut app = App::new(options);
        app.resize(Rect::new(0, 0, width, height));
        app.tick(0);
        Self {
            app,
            now_ms: 0,
            effects: Vec::new(),
        }
    }

    fn apply(&mut self, events: &[Event]) -> &mut Self {
        for event in events {
            let effects = self.app.apply(event);
            self.effects.extend(effects);
        }
        self
    }

    fn press(&mut self, action: Action) -> &mut Self {
        let effects = self.app.update(action);
        self.effects.extend(effects);
        self
    }

    /// Lets time pass in the ticks of the loop.
    fn wait(&mut self, ms: u64) -> &mut Self {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            self.now_ms = (self.now_ms + 33).min(end);
            let effects = self.app.tick(self.now_ms);
            self.effects.extend(effects);
        }
        self
    }

    /// Lets everything that has arrived be performed to its end.
    fn finish(&mut self) -> &mut Self {
        while self.app.is_moving() {
            self.wait(500);
        }
        self
    }

    /// Has everything that has arrived performed at once.
    fn skip(&mut self) -> &mut Self {
        while self.app.is_moving() {
            self.press(Action::Step);
        }
        self
    }

    fn terminal(&self, width: u16, height: u16) -> Terminal<TestBackend> {
        let mut terminal =
            Terminal::new(TestBackend::new(width, height)).expect("a test backend never fails");
        terminal
            .draw(|frame| view::view(&self.app, frame))
            .expect("a test backend never fails");
        terminal
    }

    /// The screen as text.
    fn picture(&mut self, width: u16, height: u16) -> String {
        self.app.resize(Rect::new(0, 0, width, height));
        let terminal = self.terminal(width, height);
        let buffer = terminal.backend().buffer();
        let row = |y| {
            let cells = (0..width).map(|x| buffer[(x, y)].symbol());
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..height).map(|y| format!("{}\n", row(y))).collect()
    }
}

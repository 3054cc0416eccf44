//! `telenovela replay`

use std::process::ExitCode;
use std::time::Duration;

use telenovela_script::event::Event;
use telenovela_script::load::Workspace;
use telenovela_script::save::read_log;
use tokio::sync::mpsc;

use super::export::latest;
use super::play::{can_show_a_screen, runtime};
use super::{note, shown};
use crate::cli::Replay;
use crate::failure::Failure;
use crate::headless::Headless;
use crate::tui::theme::Theme;
use crate::tui::{self, app::Effect};

/// Events, effects and refusals that may be under way between the log and the screen.
const UNDER_WAY: usize = 64;

/// Shows a performance as it was.
pub(super) fn run(workspace: &Workspace, args: &Replay) -> Result<ExitCode, Failure> {
    let path = match &args.log {
        Some(path) => path.clone(),
        None => latest(&workspace.performances())?,
    };
    let log = read_log(&path)?;
    if let Some(line) = log.torn {
        note(&format!(
            "{}:{line}: the last line was cut off and is left out",
            shown(&path)
        ));
    }
    let on_screen = !args.headless && can_show_a_screen();
    runtime()?.block_on(async {
        if on_screen {
            let options = tui::Options {
                theme: Theme::from_env(),
                export_command: Some(format!("telenovela export {}", shown(&path))),
                n_past: 0,
                speed: args.speed.unwrap_or(1.0),
            };
            on_the_screen(log.events, options).await
        } else {
            as_text(&log.events, args.speed).await
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The screen has its own pace; from here the events only come, as fast as it takes them.
async fn on_the_screen(log: Vec<Event>, options: tui::Options) -> Result<(), Failure> {
    let (sender, events) = mpsc::channel(UNDER_WAY);
    let (effects, mut wanted) = mpsc::channel::<Effect>(UNDER_WAY);
    let (refusals, refused) = mpsc::channel(UNDER_WAY);
    let feeding = tokio::spawn(async move {
        for event in log {
            if sender.send(event).await.is_err() {
                return;
            }
        }
        // The screen stays open after the last event until the user leaves.
        sender.closed().await;
    });
    let answering = tokio::spawn(async move {
        while let Some(effect) = wanted.recv().await {
            if matches!(effect, Effect::Say { .. } | Effect::Do(_)) {
                // A screen that has closed meanwhile need not know.
                let reason = "this is how it was: nothing can be changed in a replay";
                let _ = refusals.send(reason.to_owned()).await;
            }
        }
    });
    let shown = tui::run(options, events, effects, refused).await;
    feeding.abort();
    answering.abort();
    Ok(shown?)
}

/// As plain text: at once, or so many times as fast as it was played.
async fn as_text(log: &[Event], speed: Option<f64>) -> Result<(), Failure> {
    let mut printer = Headless::new(std::io::stdout().lock());
    let mut at_ms = 0;
    for event in log {
        if let Some(speed) = speed {
            let wait_ms = event.at_ms.saturating_sub(at_ms) as f64 / speed;
            tokio::time::sleep(Duration::from_secs_f64(wait_ms / 1_000.0)).await;
            at_ms = event.at_ms;
        }
        printer.show(event).map_err(|source| Failure::Io {
            what: "standard output".into(),
            source,
        })?;
        if printer.is_closed() {
            break;
        }
    }
    Ok(())
}

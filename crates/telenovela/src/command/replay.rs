//! `telenovela replay`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use telenovela_script::event::{Event, EventKind};
use telenovela_script::load::Workspace;
use telenovela_script::save::{Log, read_log};
use telenovela_stage::prompter::Prompter;
use tokio::sync::mpsc;

use super::export::latest;
use super::play::{can_show_a_screen, exit_code, is_played_from, piece_of, produce, runtime};
use super::{note, shown};
use crate::cli::{Look, Replay};
use crate::failure::Failure;
use crate::headless::Headless;
use crate::language::{Language, Phrase};
use crate::tui::backstage::{Backstage, FindPrompter};
use crate::tui::{self, Left, app::Effect};

/// Events, effects and refusals that may be under way between the log and the screen.
const UNDER_WAY: usize = 64;

/// Shows a performance as it was.
pub(super) fn run(workspace: &Workspace, args: &Replay, look: Look) -> Result<ExitCode, Failure> {
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
    let language = look.language();
    let left = runtime()?.block_on(async {
        if on_screen {
            let options = tui::Options {
                theme: look.theme(),
                language,
                animated: !look.no_animation,
                log: Some(shown(&path)),
                export_command: Some(format!("telenovela export {}", shown(&path))),
                n_past: 0,
                speed: args.speed.unwrap_or(1.0),
                tensions: tensions(&log.events),
            };
            let events = log.events.clone();
            let backstage = Backstage {
                director: None,
                prompter: prompter_of(workspace.clone(), path.clone(), log, language),
                log: path.clone(),
                language,
            };
            on_the_screen(events, options, backstage).await
        } else {
            as_text(&log.events, args.speed, language).await?;
            Ok(Left::ByChoice)
        }
    })?;
    Ok(exit_code(left))
}

/// Loads the minds of a performance, when the user asks how a line came about, as long as they are still those of that evening.
fn prompter_of(workspace: Workspace, path: PathBuf, log: Log, language: Language) -> FindPrompter {
    Box::new(move || {
        let seed = log.playbill().map_or(0, |playbill| playbill.seed);
        let changed = |_| language.say(Phrase::ModelsChanged).to_owned();
        let piece = piece_of(&workspace, &path, &log).map_err(|error| error.to_string())?;
        let (production, _) =
            produce(&workspace, &piece, seed).map_err(|error| error.to_string())?;
        is_played_from(&production.playbill, &path, &log).map_err(changed)?;
        Ok(Prompter::new(&production))
    })
}

/// The tension of each beat that was played, in the order of the arc.
fn tensions(events: &[Event]) -> Vec<Option<f32>> {
    let mut tensions = Vec::new();
    for event in events {
        if let EventKind::BeatEntered { index, tension, .. } = event.kind {
            if tensions.len() <= index {
                tensions.resize(index + 1, None);
            }
            tensions[index] = Some(tension);
        }
    }
    tensions
}

/// The screen has its own pace; from here the events only come, as fast as it takes them.
async fn on_the_screen(
    log: Vec<Event>,
    options: tui::Options,
    backstage: Backstage,
) -> Result<Left, Failure> {
    let (sender, events) = mpsc::channel(UNDER_WAY);
    let (effects, wanted) = mpsc::channel::<Effect>(UNDER_WAY);
    let (answers, answered) = mpsc::channel(UNDER_WAY);
    let feeding = tokio::spawn(async move {
        for event in log {
            if sender.send(event).await.is_err() {
                return;
            }
        }
        // The screen stays open after the last event until the user leaves.
        sender.closed().await;
    });
    let serving = tokio::spawn(backstage.serve(wanted, answers));
    let shown = tui::run(options, events, effects, answered).await;
    feeding.abort();
    serving.abort();
    Ok(shown?)
}

/// As plain text: at once, or so many times as fast as it was played.
async fn as_text(log: &[Event], speed: Option<f64>, language: Language) -> Result<(), Failure> {
    let mut printer = Headless::new(std::io::stdout().lock(), language);
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

//! `telenovela play`

mod produce;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use telenovela_script::event::{Event, EventKind, Playbill};
use telenovela_script::load::{Piece, Workspace};
use telenovela_script::save::{IfExists, Log, LogWriter, SaveError, read_log};
use telenovela_script::scene::{Scene, SceneId};
use telenovela_stage::director::{Again, Ended, Performance, perform, perform_again};
use telenovela_stage::production::Audience;
use telenovela_stage::prompter::Prompter;
use tokio::sync::mpsc;

use super::{if_exists, note, shown};
use crate::cli::{Look, Play};
use crate::failure::Failure;
use crate::headless::Headless;
use crate::language::Language;
use crate::tui::backstage::{Answer, Backstage};
use crate::tui::{self, Left, app::Effect};

pub(super) use produce::produce;

/// Effects under way from the screen to the director: more than a hand can press before they are done.
const EFFECTS: usize = 64;
/// Answers under way to the screen: the user does one thing at a time.
const ANSWERS: usize = 4;

/// Performs a scene or an episode: reads it, casts it, opens the log, plays, and says where the log is.
pub(super) fn run(workspace: &Workspace, args: Play, look: Look) -> Result<ExitCode, Failure> {
    let resumed = match &args.resume {
        Some(path) => Some((path.clone(), read_unfinished(path)?)),
        None => None,
    };
    let piece = match (&args.scene, &resumed) {
        (Some(name), _) => workspace.find_piece(name)?,
        (None, Some((path, log))) => piece_of(workspace, path, log)?,
        (None, None) => Piece::Scene(workspace.default_scene()?),
    };
    let seed = match &resumed {
        Some((_, log)) => log.playbill().map(|playbill| playbill.seed),
        None => args.seed,
    };
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let (mut production, id) = produce(workspace, &piece, seed)?;
    let (sink, path, past) = match resumed {
        None => {
            let header = Event {
                seq: 0,
                at_ms: 0,
                kind: EventKind::PerformanceStarted(production.playbill.clone()),
            };
            let (log, path) = open_log(workspace, &args, &id, seed, &header)?;
            (log, path, None)
        }
        Some((path, log)) => {
            is_played_from(&production.playbill, &path, &log)?;
            (LogWriter::go_on(&path, &log)?, path, Some(log.events))
        }
    };

    let on_screen = !args.headless && can_show_a_screen();
    if on_screen {
        production.audience = Audience::Attended;
    }
    let repeat = tui::app::repeat_command(&production.playbill);
    let options = tui::Options {
        theme: look.theme(),
        language: look.language(),
        animated: !look.no_animation,
        log: Some(shown(&path)),
        export_command: Some(format!("telenovela export {}", shown(&path))),
        n_past: past.as_ref().map_or(0, |past| past.len() as u64),
        speed: 1.0,
        tensions: tensions(&production.scenes),
    };
    let prompter = Prompter::new(&production);
    let export = options.export_command.clone().unwrap_or_default();
    let played = runtime()?.block_on(async {
        let performance = match past {
            None => perform(production, Box::new(sink))?,
            Some(past) => perform_again(production, Box::new(sink), past, Again::Resume)?,
        };
        if on_screen {
            let director = performance.director.clone();
            let backstage = Backstage {
                director: Some(director),
                prompter: Box::new(|| Ok(prompter)),
                log: path.clone(),
                language: options.language,
            };
            watch(performance, options, backstage).await
        } else {
            let ended = print(performance, look.language()).await;
            ended.map(|_| Left::ByChoice)
        }
    });
    // The terminal is whole again: what is left of the evening can be said.
    if on_screen {
        note(&format!(
            "Log:    {}\nAgain:  {repeat}\nExport: {export}",
            shown(&path)
        ));
    } else if args.seed.is_none() {
        note(&format!(
            "Again: {repeat} --headless\nLog: {}",
            shown(&path)
        ));
    }
    Ok(exit_code(played?))
}

/// The tension of each beat, of all scenes.
fn tensions(scenes: &[Scene]) -> Vec<Option<f32>> {
    let beats = scenes.iter().flat_map(|scene| &scene.beats);
    beats.map(|beat| Some(beat.tension)).collect()
}

/// What the process ends with, by how the user left.
pub(super) fn exit_code(left: Left) -> ExitCode {
    left.exit_code().map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// Where performances run.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|source| Failure::Io {
        what: "the runtime".into(),
        source,
    })
}

fn read_unfinished(path: &Path) -> Result<Log, Failure> {
    if !path.exists() {
        return Err(Failure::Input(format!(
            "there is no log {}: nothing was performed yet\n  begin: telenovela play SCENE --seed N --log {}",
            shown(path),
            shown(path)
        )));
    }
    let log = read_log(path)?;
    if log.is_complete() {
        return Err(Failure::Input(format!(
            "{} is complete: there is nothing to go on with\n  see it again: telenovela replay {}",
            shown(path),
            shown(path)
        )));
    }
    Ok(log)
}

/// The scene or the episode that a log was played from.
pub(super) fn piece_of(workspace: &Workspace, path: &Path, log: &Log) -> Result<Piece, Failure> {
    let Some(playbill) = log.playbill() else {
        return Err(Failure::Input(format!("{} has no playbill", shown(path))));
    };
    let name = format!("{}/{}", playbill.show, playbill.scene);
    Ok(workspace.find_piece(&name)?)
}

/// A log can be gone on with, and performed again, only from what it was played from.
pub(super) fn is_played_from(now: &Playbill, path: &Path, log: &Log) -> Result<(), Failure> {
    let Some(then) = log.playbill() else {
        return Err(Failure::Input(format!("{} has no playbill", shown(path))));
    };
    if then == now {
        return Ok(());
    }
    let mut other = Vec::new();
    let mut compare = |what: String, is_same: bool| {
        if !is_same {
            other.push(what);
        }
    };
    compare(
        format!("the program: {} then, {} now", then.program, now.program),
        then.program == now.program,
    );
    let what = if then.scenes.is_empty() {
        "scene"
    } else {
        "episode"
    };
    compare(
        format!("the {what} `{}`", then.scene),
        then.scene_sha256 == now.scene_sha256,
    );
    for scene in &then.scenes {
        compare(
            format!("the scene `{}`", scene.scene),
            now.scenes.contains(scene),
        );
    }
    compare(
        format!("the show `{}` or its scripts", then.show),
        then.show_sha256 == now.show_sha256,
    );
    for member in &then.cast {
        let id = &member.character;
        let same = now.cast.iter().find(|other| other.character == *id);
        compare(
            format!("the file of `{id}`"),
            same.is_some_and(|same| same.file_sha256 == member.file_sha256),
        );
        compare(
            format!("the model of `{id}`"),
            same.is_some_and(|same| same.model_sha256 == member.model_sha256),
        );
        compare(
            format!("the ensemble of `{id}`"),
            same.is_some_and(|same| same.ensemble_sha256 == member.ensemble_sha256),
        );
    }
    compare(
        String::from("the models of plot lines"),
        then.plot_lines == now.plot_lines,
    );
    if other.is_empty() {
        other.push(String::from("its settings"));
    }
    Err(Failure::Input(format!(
        "{} was played from other files than there are now:\n  {}",
        shown(path),
        other.join("\n  ")
    )))
}

/// Whether there is somebody to watch, at a terminal that can move its cursor.
pub(super) fn can_show_a_screen() -> bool {
    std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal()
        && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// Opens the log that was asked for, or the first free one under the usual name.
fn open_log(
    workspace: &Workspace,
    args: &Play,
    piece: &SceneId,
    seed: u64,
    header: &Event,
) -> Result<(LogWriter, PathBuf), Failure> {
    if let Some(path) = &args.log {
        let if_exists = if_exists(args.force);
        return Ok((LogWriter::create(path, if_exists, header)?, path.clone()));
    }
    let folder = workspace.performances();
    let mut number = 1;
    loop {
        let name = if number == 1 {
            format!("{piece}-{seed}.jsonl")
        } else {
            format!("{piece}-{seed}-{number}.jsonl")
        };
        let path = folder.join(name);
        match LogWriter::create(&path, IfExists::Refuse, header) {
            Err(SaveError::Exists(_)) => number += 1,
            opened => return Ok((opened?, path)),
        }
    }
}

/// Plays in the theatre on the terminal.
async fn watch(
    performance: Performance,
    options: tui::Options,
    backstage: Backstage,
) -> Result<Left, Failure> {
    let (effects, wanted) = mpsc::channel::<Effect>(EFFECTS);
    let (answers, answered) = mpsc::channel::<Answer>(ANSWERS);
    let serving = tokio::spawn(backstage.serve(wanted, answers));
    let shown = tui::run(options, performance.events, effects, answered).await;
    // The screen has let go of its end of the channel, so the stage is stopped and backstage is done; it never panics.
    let _ = serving.await;
    let ended = join(performance.ended).await;
    let left = shown?;
    ended?;
    Ok(left)
}

/// Plays as plain text.
async fn print(mut performance: Performance, language: Language) -> Result<Ended, Failure> {
    let mut printer = Headless::new(std::io::stdout().lock(), language);
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            _ = &mut interrupted, if listening => {
                listening = false;
                performance.director.stop();
            }
            event = performance.events.recv() => {
                let Some(event) = event else { break };
                printer.show(&event).map_err(|source| Failure::Io { what: "standard output".into(), source })?;
            }
        }
    }
    let ended = join(performance.ended).await;
    // Whatever was printed last is out before anything else is said.
    let _ = std::io::stdout().flush();
    ended
}

pub(super) async fn join(
    ended: tokio::task::JoinHandle<Result<Ended, telenovela_stage::error::StageError>>,
) -> Result<Ended, Failure> {
    match ended.await {
        Ok(ended) => Ok(ended?),
        Err(error) => Err(Failure::Io {
            what: "the director".into(),
            source: std::io::Error::other(error),
        }),
    }
}

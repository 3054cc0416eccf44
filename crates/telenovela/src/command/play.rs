//! `telenovela play`

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use telenovela_lm::weights::sha256_of_file;
use telenovela_script::character::Character;
use telenovela_script::event::{CastMember, FORMAT_VERSION, Playbill, PlaybillThread, ThreadState};
use telenovela_script::load::Workspace;
use telenovela_script::save::{IfExists, LogWriter, SaveError};
use telenovela_script::scene::Scene;
use telenovela_script::show::Show;
use telenovela_stage::director::{Ended, Performance, perform};
use telenovela_stage::production::{Audience, Production, Role};
use tokio::sync::mpsc;

use super::library::Library;
use super::{if_exists, note, shown};
use crate::cli::Play;
use crate::failure::Failure;
use crate::headless::Headless;
use crate::tui::theme::Theme;
use crate::tui::{self, app::Effect};

/// Effects under way from the screen to the director: more than a hand can press before they are done.
const EFFECTS: usize = 64;
/// Reasons under way to the screen why a line was not said; one line is said at a time.
const REFUSALS: usize = 4;

/// Performs a scene: reads it, casts it, opens the log, plays, and says where the log is.
pub(super) fn run(workspace: &Workspace, args: Play) -> Result<ExitCode, Failure> {
    let file = match &args.scene {
        Some(name) => workspace.find_scene(name)?,
        None => workspace.default_scene()?,
    };
    let scene = workspace.load_scene(&file)?;
    let show = workspace.load_show(&scene.show)?;
    let seed = args
        .seed
        .unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let mut library = Library::open(workspace, show)?;
    let (playbill, cast) = cast(&mut library, &scene, &file.path, seed)?;
    let (log, path) = open_log(workspace, &args, &scene, seed)?;

    let on_screen = !args.headless && can_show_a_screen();
    let audience = if on_screen {
        Audience::Attended
    } else {
        Audience::Unattended
    };
    let repeat = tui::app::repeat_command(&playbill);
    let export = format!("telenovela export {}", shown(&path));
    let production = Production {
        playbill,
        scene,
        cast,
        audience,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|source| Failure::Io {
        what: "the runtime".into(),
        source,
    })?;
    let played = runtime.block_on(async {
        let performance = perform(production, Box::new(log))?;
        if on_screen {
            watch(performance, export.clone()).await
        } else {
            print(performance).await
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
    played?;
    Ok(ExitCode::SUCCESS)
}

/// Whether there is somebody to watch, at a terminal that can move its cursor.
fn can_show_a_screen() -> bool {
    std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal()
        && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// Gives every part to a mind, and writes the playbill.
fn cast(
    library: &mut Library<'_>,
    scene: &Scene,
    scene_path: &Path,
    seed: u64,
) -> Result<(Playbill, Vec<Role>), Failure> {
    let (mut roles, mut members) = (Vec::new(), Vec::new());
    for id in &scene.cast {
        let known = library
            .characters
            .iter()
            .find(|character| character.id == *id)
            .cloned();
        // Validation has found everybody; a file that went away since then is the only reason left.
        let character =
            known.ok_or_else(|| Failure::Input(format!("`{id}` has no file any more")))?;
        let voice = library.voice(&character)?;
        let model_sha256 = sha256_of_file(&library.path(id.as_str())).map_err(Failure::Model)?;
        members.push(member(&character, scene, model_sha256));
        roles.push(Role {
            character,
            voice: Box::new(voice),
        });
    }
    let playbill = playbill(&library.show, scene, scene_path, seed, members)?;
    Ok((playbill, roles))
}

fn member(character: &Character, scene: &Scene, model_sha256: String) -> CastMember {
    CastMember {
        character: character.id.clone(),
        name: character.name.clone(),
        color: character.color,
        offstage: character.offstage,
        on_stage: !character.offstage && !scene.absent.contains(&character.id),
        cps: character.delivery.cps,
        model_sha256,
    }
}

fn playbill(
    show: &Show,
    scene: &Scene,
    scene_path: &Path,
    seed: u64,
    cast: Vec<CastMember>,
) -> Result<Playbill, Failure> {
    let threads = scene.threads.iter().map(|thread| PlaybillThread {
        thread: thread.id.clone(),
        question: thread.question.clone(),
        must_resolve: thread.must_resolve,
        state: if thread.open {
            ThreadState::Open
        } else {
            ThreadState::Dormant
        },
    });
    Ok(Playbill {
        format: FORMAT_VERSION,
        program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        show: show.id.clone(),
        show_title: show.title.clone(),
        language: show.language.clone(),
        scene: scene.id.clone(),
        title: scene.title.clone(),
        scene_sha256: sha256_of_file(scene_path).map_err(Failure::Model)?,
        setting: scene.setting.clone(),
        premise: scene.premise.clone(),
        seed,
        takes: scene.takes,
        policy: scene.policy,
        cast,
        beats: scene.beats.iter().map(|beat| beat.title.clone()).collect(),
        threads: threads.collect(),
    })
}

/// Opens the log that was asked for, or the first free one under the usual name.
fn open_log(
    workspace: &Workspace,
    args: &Play,
    scene: &Scene,
    seed: u64,
) -> Result<(LogWriter, PathBuf), Failure> {
    if let Some(path) = &args.log {
        let if_exists = if_exists(args.force);
        return Ok((LogWriter::create(path, if_exists)?, path.clone()));
    }
    let folder = workspace.performances();
    let mut number = 1;
    loop {
        let name = if number == 1 {
            format!("{}-{seed}.jsonl", scene.id)
        } else {
            format!("{}-{seed}-{number}.jsonl", scene.id)
        };
        let path = folder.join(name);
        match LogWriter::create(&path, IfExists::Refuse) {
            Err(SaveError::Exists(_)) => number += 1,
            opened => return Ok((opened?, path)),
        }
    }
}

/// Plays in the theatre on the terminal.
async fn watch(performance: Performance, export: String) -> Result<Ended, Failure> {
    let (effects, wanted) = mpsc::channel::<Effect>(EFFECTS);
    let (refusals, refused) = mpsc::channel(REFUSALS);
    let conducting = tokio::spawn(tui::conduct(wanted, performance.director, refusals));
    let options = tui::Options {
        theme: Theme::from_env(),
        export_command: Some(export),
    };
    let shown = tui::run(options, performance.events, effects, refused).await;
    // The screen has let go of its end of the channel, so the conductor stops the stage and is done; it never panics.
    let _ = conducting.await;
    let ended = join(performance.ended).await;
    shown?;
    ended
}

/// Plays as plain text.
async fn print(mut performance: Performance) -> Result<Ended, Failure> {
    let mut printer = Headless::new(std::io::stdout().lock());
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

async fn join(
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

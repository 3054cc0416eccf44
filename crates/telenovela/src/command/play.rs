//! `telenovela play`

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use telenovela_lm::weights::{fingerprint, sha256_of_file};
use telenovela_script::arc::TELENOVELA;
use telenovela_script::character::{Base, Character, CharacterId};
use telenovela_script::event::{CastMember, FORMAT_VERSION, Playbill, PlaybillThread, ThreadState};
use telenovela_script::load::{SceneFile, Workspace};
use telenovela_script::save::{IfExists, Log, LogWriter, SaveError, read_log};
use telenovela_script::scene::{Scene, SceneId};
use telenovela_script::show::Show;
use telenovela_stage::director::{Again, Ended, Performance, perform, perform_again};
use telenovela_stage::production::{Audience, Patience, Production, Role};
use tokio::sync::mpsc;

use super::library::{ENSEMBLE, Library};
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

/// How long a voice is waited for. A line takes a small model a fraction of a second, also on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Performs a scene: reads it, casts it, opens the log, plays, and says where the log is.
pub(super) fn run(workspace: &Workspace, args: Play) -> Result<ExitCode, Failure> {
    let resumed = match &args.resume {
        Some(path) => Some((path.clone(), read_unfinished(path)?)),
        None => None,
    };
    let file = match (&args.scene, &resumed) {
        (Some(name), _) => workspace.find_scene(name)?,
        (None, Some((path, log))) => scene_of(workspace, path, log)?,
        (None, None) => workspace.default_scene()?,
    };
    let seed = match &resumed {
        Some((_, log)) => log.playbill().map(|playbill| playbill.seed),
        None => args.seed,
    };
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let (mut production, scene_id) = produce(workspace, &file, seed)?;
    let (sink, path, past) = match resumed {
        None => {
            let (log, path) = open_log(workspace, &args, &scene_id, seed)?;
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
        theme: Theme::from_env(),
        export_command: Some(format!("telenovela export {}", shown(&path))),
        n_past: past.as_ref().map_or(0, |past| past.len() as u64),
        speed: 1.0,
    };
    let export = options.export_command.clone().unwrap_or_default();
    let played = runtime()?.block_on(async {
        let performance = match past {
            None => perform(production, Box::new(sink))?,
            Some(past) => perform_again(production, Box::new(sink), past, Again::Resume)?,
        };
        if on_screen {
            watch(performance, options).await
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

/// Where performances run.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|source| Failure::Io {
        what: "the runtime".into(),
        source,
    })
}

/// Everything that a performance of a scene needs, for nobody who watches.
pub(super) fn produce(
    workspace: &Workspace,
    file: &SceneFile,
    seed: u64,
) -> Result<(Production, SceneId), Failure> {
    let scene = workspace.load_scene(file)?;
    let show = workspace.load_show(&scene.show)?;
    let mut library = Library::open(workspace, show)?;
    let (playbill, cast) = cast(workspace, &mut library, &scene, &file.path, seed)?;
    let id = scene.id.clone();
    let production = Production {
        playbill,
        scenes: vec![scene],
        cast,
        audience: Audience::Unattended,
        patience: Patience::For(PATIENCE),
    };
    Ok((production, id))
}

fn read_unfinished(path: &Path) -> Result<Log, Failure> {
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

/// The scene that a log was played from.
pub(super) fn scene_of(
    workspace: &Workspace,
    path: &Path,
    log: &Log,
) -> Result<SceneFile, Failure> {
    let Some(playbill) = log.playbill() else {
        return Err(Failure::Input(format!("{} has no playbill", shown(path))));
    };
    let name = format!("{}/{}", playbill.show, playbill.scene);
    Ok(workspace.find_scene(&name)?)
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
    compare(
        format!("the scene `{}`", then.scene),
        then.scene_sha256 == now.scene_sha256,
    );
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

/// Gives every part to a mind, and writes the playbill.
fn cast(
    workspace: &Workspace,
    library: &mut Library<'_>,
    scene: &Scene,
    scene_path: &Path,
    seed: u64,
) -> Result<(Playbill, Vec<Role>), Failure> {
    let (mut roles, mut members) = (Vec::new(), Vec::new());
    for id in &scene.cast {
        let (role, member) = match id.as_guest() {
            None => engage(workspace, library, scene, id, id)?,
            Some((show, at_home)) => {
                let show = workspace.load_show(&show)?;
                let mut library = Library::open(workspace, show)?;
                engage(workspace, &mut library, scene, id, &at_home)?
            }
        };
        roles.push(role);
        members.push(member);
    }
    let playbill = playbill(workspace, &library.show, scene, scene_path, seed, members)?;
    Ok((playbill, roles))
}

/// Gives one part to a mind. A guest is called otherwise on stage than at home.
fn engage(
    workspace: &Workspace,
    library: &mut Library<'_>,
    scene: &Scene,
    on_stage: &CharacterId,
    at_home: &CharacterId,
) -> Result<(Role, CastMember), Failure> {
    let known = library
        .characters
        .iter()
        .find(|character| character.id == *at_home)
        .cloned();
    // Validation has found everybody; a file that went away since then is the only reason left.
    let character =
        known.ok_or_else(|| Failure::Input(format!("`{on_stage}` has no file any more")))?;
    let voice = if on_stage == at_home {
        library.voice(&character)?
    } else {
        library.guest_voice(&character)?
    };
    let sum = |path: &Path| sha256_of_file(path).map_err(Failure::Model);
    let character = Character {
        id: on_stage.clone(),
        ..character
    };
    let member = CastMember {
        file_sha256: sum(&workspace.character_path(&library.show.id, at_home))?,
        model_sha256: sum(&library.path(at_home.as_str()))?,
        ensemble_sha256: match character.base {
            Base::Ensemble => sum(&library.path(ENSEMBLE))?,
            Base::None => String::new(),
        },
        ..member(&character, scene)
    };
    let role = Role {
        character,
        voice: Box::new(voice),
    };
    Ok((role, member))
}

fn member(character: &Character, scene: &Scene) -> CastMember {
    CastMember {
        character: character.id.clone(),
        name: character.name.clone(),
        color: character.color,
        offstage: character.offstage,
        on_stage: !character.offstage && !scene.absent.contains(&character.id),
        cps: character.delivery.cps,
        file_sha256: String::new(),
        model_sha256: String::new(),
        ensemble_sha256: String::new(),
    }
}

fn playbill(
    workspace: &Workspace,
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
        scene_sha256: sha256_of_scene(scene, scene_path)?,
        show_sha256: sha256_of_show(workspace, show)?,
        setting: scene.setting.clone(),
        premise: scene.premise.clone(),
        seed,
        takes: scene.takes,
        policy: scene.policy,
        cast,
        beats: scene.beats.iter().map(|beat| beat.title.clone()).collect(),
        threads: threads.collect(),
        scenes: Vec::new(),
    })
}

/// Of the scene's file; where its arc is the show's own, of that file too.
fn sha256_of_scene(scene: &Scene, path: &Path) -> Result<String, Failure> {
    let mut sum = sha256_of_file(path).map_err(Failure::Model)?;
    if let Some(arc) = scene.arc.as_ref().filter(|arc| arc.as_str() != TELENOVELA) {
        let arc = path.with_file_name(format!("{arc}.arc.yaml"));
        let of_arc = sha256_of_file(&arc).map_err(Failure::Model)?;
        sum = fingerprint([sum.as_bytes(), of_arc.as_bytes()]);
    }
    Ok(sum)
}

/// Over the show's file and its scripts: the models' scores depend on both.
fn sha256_of_show(workspace: &Workspace, show: &Show) -> Result<String, Failure> {
    let file = workspace.show_path(&show.id);
    let scripts = show
        .scripts
        .iter()
        .map(|script| workspace.root().join(script));
    let mut sums = Vec::new();
    for path in std::iter::once(file).chain(scripts) {
        sums.push(sha256_of_file(&path).map_err(Failure::Model)?);
    }
    Ok(fingerprint(sums.iter().map(|sum| sum.as_bytes())))
}

/// Opens the log that was asked for, or the first free one under the usual name.
fn open_log(
    workspace: &Workspace,
    args: &Play,
    scene: &SceneId,
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
            format!("{scene}-{seed}.jsonl")
        } else {
            format!("{scene}-{seed}-{number}.jsonl")
        };
        let path = folder.join(name);
        match LogWriter::create(&path, IfExists::Refuse) {
            Err(SaveError::Exists(_)) => number += 1,
            opened => return Ok((opened?, path)),
        }
    }
}

/// Plays in the theatre on the terminal.
async fn watch(performance: Performance, options: tui::Options) -> Result<Ended, Failure> {
    let (effects, wanted) = mpsc::channel::<Effect>(EFFECTS);
    let (refusals, refused) = mpsc::channel(REFUSALS);
    let conducting = tokio::spawn(tui::conduct(wanted, performance.director, refusals));
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

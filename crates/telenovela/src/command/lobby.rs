//! `telenovela` alone: the lobby, from which everything else is one key away.

use std::collections::BTreeSet;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use telenovela_script::character::{Character, CharacterId, Color};
use telenovela_script::episode;
use telenovela_script::event::{Event, EventKind};
use telenovela_script::export::ExportFormat;
use telenovela_script::load::{Piece as Found, Workspace};
use telenovela_script::save::read_log;
use telenovela_script::scene::Scene;
use telenovela_script::show::Show;

use super::library::ENSEMBLE;
use super::play::{exit_code, runtime};
use super::{play, replay, shown};
use crate::cli::{Look, Play, Replay};
use crate::failure::{self, Failure};
use crate::language::Phrase;
use crate::tui::backstage::export;
use crate::tui::card::heading;
use crate::tui::lobby::{self, Choice, Lobby, Offer, Past, Piece};

/// Performances that are listed, the latest first: their logs are read for it.
const MOST_PAST: usize = 30;

/// Lets the user choose, does it, and comes back, until the user leaves.
pub(super) fn run(root: &Path, look: Look) -> Result<ExitCode, Failure> {
    let (mut chosen, mut notice) = (0, None);
    loop {
        // What was chosen may have written files.
        let workspace = Workspace::open(root)?;
        let mut lobby = Lobby::new(look.theme(), look.language(), offers(&workspace));
        lobby.chosen = usize::min(chosen, lobby.offers.len().saturating_sub(1));
        lobby.notice = notice.take();
        let choice = runtime()?.block_on(lobby::run(&mut lobby))?;
        chosen = lobby.chosen;
        let done = match choice {
            Choice::Leave(left) => return Ok(exit_code(left)),
            Choice::Play { name, seed } => play::run(&workspace, a_play(Some(name), seed), look),
            Choice::Resume(path) => {
                let resumed = Play {
                    resume: Some(path),
                    ..a_play(None, None)
                };
                play::run(&workspace, resumed, look)
            }
            Choice::Replay(path) => {
                let seen = Replay {
                    log: Some(path),
                    speed: None,
                    headless: false,
                };
                replay::run(&workspace, &seen, look)
            }
            Choice::Export(path) => {
                notice = Some(exported(&path, look));
                continue;
            }
            Choice::Train(names) => {
                train(root, &names)?;
                wait_for_enter(look)?;
                continue;
            }
        };
        match done {
            Ok(code) if code == ExitCode::SUCCESS => {}
            // A signal that ended the performance ends the lobby too.
            Ok(code) => return Ok(code),
            Err(failure) => {
                failure::report(&failure);
                wait_for_enter(look)?;
            }
        }
    }
}

fn a_play(scene: Option<String>, seed: Option<u64>) -> Play {
    Play {
        scene,
        seed,
        headless: false,
        log: None,
        force: false,
        resume: None,
    }
}

fn exported(path: &Path, look: Look) -> String {
    let language = look.language();
    match export(path, ExportFormat::Fountain) {
        Ok(path) => language.fill(Phrase::Exported, &[&shown(&path)]),
        Err(why) => language.fill(Phrase::NotExported, &[&why]),
    }
}

/// Trains in a process of its own: training starts this program again, and that would not come back here.
fn train(root: &Path, names: &[String]) -> Result<(), Failure> {
    let failed = |source| Failure::Io {
        what: "this program cannot start itself".into(),
        source,
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut training = Command::new(program);
    training.arg("train").args(names).arg("-C").arg(root);
    // It has said on the terminal what went wrong.
    training.status().map_err(failed)?;
    Ok(())
}

/// Gives the user time to read what stands on the terminal.
fn wait_for_enter(look: Look) -> Result<(), Failure> {
    let failed = |source| Failure::Io {
        what: "the terminal".into(),
        source,
    };
    let mut out = std::io::stdout().lock();
    let text = look.language().say(Phrase::LobbyBack);
    writeln!(out, "\n{text}")
        .and_then(|()| out.flush())
        .map_err(failed)?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(failed)?;
    Ok(())
}

/// Everything that the workspace has to offer.
fn offers(workspace: &Workspace) -> Vec<Offer> {
    let mut offers = Vec::new();
    for id in workspace.shows() {
        let show = workspace.load_show(id).ok();
        let scenes = workspace.scenes(id).iter();
        let episodes = workspace.episodes(id).iter();
        for name in scenes.chain(episodes) {
            let name = format!("{id}/{name}");
            offers.push(Offer::Piece(piece(workspace, show.as_ref(), name)));
        }
    }
    // Of several shows, scenes first.
    offers.sort_by_key(|offer| matches!(offer, Offer::Piece(piece) if piece.is_episode));
    offers.extend(past(workspace).into_iter().map(Offer::Past));
    offers
}

fn piece(workspace: &Workspace, show: Option<&Show>, name: String) -> Piece {
    let mut piece = Piece {
        title: name.clone(),
        show: show.map_or_else(String::new, |show| show.title.clone()),
        name,
        ..Piece::default()
    };
    let found = match workspace.find_piece(&piece.name) {
        Ok(found) => found,
        Err(problems) => {
            piece.broken = Some(problems.to_string());
            return piece;
        }
    };
    piece.is_episode = matches!(found, Found::Episode(_));
    let read = match &found {
        Found::Scene(file) => workspace.load_scene(file).map(|scene| {
            piece.title.clone_from(&scene.title);
            piece.heading = heading(&scene.setting);
            piece.premise.clone_from(&scene.premise);
            vec![scene]
        }),
        Found::Episode(file) => workspace.load_episode(file).map(|episode| {
            piece.title.clone_from(&episode.title);
            piece.premise.clone_from(&episode.premise);
            let titles: Vec<&str> = episode.scenes.iter().map(|scene| &*scene.title).collect();
            piece.heading = titles.join(" → ");
            episode.scenes
        }),
    };
    match read {
        Ok(scenes) => of_scenes(workspace, &scenes, piece),
        Err(problems) => Piece {
            broken: Some(problems.to_string()),
            ..piece
        },
    }
}

/// What the scenes of a piece tell of it.
fn of_scenes(workspace: &Workspace, scenes: &[Scene], piece: Piece) -> Piece {
    let beats = || scenes.iter().flat_map(|scene| &scene.beats);
    let authored = beats()
        .map(|beat| beat.open_with.len() + beat.must_say.len() + beat.close_with.len())
        .sum::<usize>() as u32;
    let least: u32 = beats().map(|beat| beat.min_lines).sum();
    let most: u32 = beats().map(|beat| beat.max_lines).sum();
    let longest: u32 = scenes.iter().map(|scene| scene.max_lines).sum();
    let (mut cast, mut missing) = (Vec::new(), BTreeSet::new());
    for id in episode::cast(scenes) {
        let Some(first) = scenes.first() else { break };
        let (show, at_home) = match id.as_guest() {
            Some((show, at_home)) => (show, at_home),
            None => (first.show.clone(), id.clone()),
        };
        let has = |model: &str| workspace.model_path(&show, model).exists();
        if !has(at_home.as_str()) || !has(ENSEMBLE) {
            missing.insert(format!("{show}/{at_home}"));
        }
        let character = workspace.load_character(&show, &at_home);
        cast.push(character.map_or_else(|_| unknown(&id), named));
    }
    Piece {
        cast,
        tensions: beats().map(|beat| beat.tension).collect(),
        lines: (
            (least + authored).min(longest),
            (most + authored).min(longest),
        ),
        threads: episode::threads(scenes)
            .into_iter()
            .map(|thread| thread.question)
            .collect(),
        missing: missing.into_iter().collect(),
        ..piece
    }
}

fn named(character: Character) -> (String, Color) {
    (character.name, character.color)
}

fn unknown(id: &CharacterId) -> (String, Color) {
    (id.to_string(), Color::Gray)
}

/// The latest performances, as far as their logs can be read.
fn past(workspace: &Workspace) -> Vec<Past> {
    let logs = std::fs::read_dir(workspace.performances());
    let mut logs: Vec<(SystemTime, PathBuf)> = logs
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .map(|path| {
            let modified = path.metadata().and_then(|data| data.modified());
            (modified.unwrap_or(SystemTime::UNIX_EPOCH), path)
        })
        .collect();
    logs.sort();
    logs.into_iter()
        .rev()
        .take(MOST_PAST)
        .filter_map(|(_, path)| of_log(path))
        .collect()
}

fn of_log(path: PathBuf) -> Option<Past> {
    let log = read_log(&path).ok()?;
    let playbill = log.playbill()?;
    let standing = telenovela_script::cut::standing(&log.events);
    let said = |event: &Event| match &event.kind {
        EventKind::Utterance(spoken) => {
            Some((spoken.utterance.name.clone(), spoken.utterance.text.clone()))
        }
        _ => None,
    };
    let tension = |event: &Event| match event.kind {
        EventKind::BeatEntered { tension, .. } => Some(tension),
        _ => None,
    };
    let cast = playbill.cast.iter();
    Some(Past {
        shown: shown(&path),
        title: playbill.title.clone(),
        show: playbill.show_title.clone(),
        seed: playbill.seed,
        cast: cast
            .map(|member| (member.name.clone(), member.color))
            .collect(),
        tensions: standing.iter().filter_map(tension).collect(),
        n_lines: standing.iter().filter_map(said).count(),
        at_ms: standing.last().map_or(0, |event| event.at_ms),
        is_complete: log.is_complete(),
        last: standing.iter().rev().find_map(said),
        path,
    })
}

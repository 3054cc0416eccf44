//! `telenovela train`

mod rehearsal;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use telenovela_lm::train::{Material, character_fingerprint, train_character, train_ensemble};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::{Character, CharacterId};
use telenovela_script::load::Workspace;
use telenovela_script::problem::{Problem, Problems};
use telenovela_script::show::ShowId;

use rehearsal::Rehearsal;

use super::library::{ENSEMBLE, Library};
use super::{print, show_or_character};
use crate::cli::Train;
use crate::failure::Failure;

/// The variables that tell candle on how many threads to work. With more than one its elementwise operations spin on a lock, which is slower for
/// models as small as ours than one thread per model.
pub(super) const THREADS: [&str; 2] = ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Trains what is missing or stale, and prints the held-out figures.
pub(super) fn run(workspace: &Workspace, args: &Train) -> Result<ExitCode, Failure> {
    if let Some(code) = again_on_one_thread()? {
        return Ok(code);
    }
    for Wanted { show, only } in wanted(workspace, &args.names)? {
        train_show(workspace, &show, only, args.force)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// candle reads its number of threads from the environment, and only there; so unless the user has chosen, this program starts itself again.
fn again_on_one_thread() -> Result<Option<ExitCode>, Failure> {
    if THREADS.iter().any(|name| std::env::var_os(name).is_some()) {
        return Ok(None);
    }
    let failed = |source| Failure::Io {
        what: "this program cannot start itself".into(),
        source,
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut again = std::process::Command::new(program);
    again
        .args(std::env::args_os().skip(1))
        .envs(THREADS.map(|name| (name, "1")));
    // Where the system can, in the same process: whoever ends it then ends the training too.
    #[cfg(unix)]
    return Err(failed(std::os::unix::process::CommandExt::exec(&mut again)));
    #[cfg(not(unix))]
    {
        let status = again.status().map_err(failed)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(Some(ExitCode::from(code.unwrap_or(1))))
    }
}

/// What was asked for of a show.
struct Wanted {
    show: ShowId,
    /// `None` is everybody.
    only: Option<Vec<CharacterId>>,
}

/// Gathers names by show; a show named beside its characters means all of them.
fn wanted(workspace: &Workspace, names: &[String]) -> Result<Vec<Wanted>, Failure> {
    if names.is_empty() {
        let everybody = |show: &ShowId| Wanted {
            show: show.clone(),
            only: None,
        };
        return Ok(workspace.shows().map(everybody).collect());
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for name in names {
        let (show, character) = show_or_character(workspace, name)?;
        let place = wanted
            .iter()
            .position(|known| known.show == show)
            .unwrap_or_else(|| {
                wanted.push(Wanted {
                    show,
                    only: Some(Vec::new()),
                });
                wanted.len() - 1
            });
        let only = &mut wanted[place].only;
        match character {
            None => *only = None,
            Some(id) => {
                if let Some(only) = only {
                    only.push(id);
                }
            }
        }
    }
    Ok(wanted)
}

fn train_show(
    workspace: &Workspace,
    id: &ShowId,
    only: Option<Vec<CharacterId>>,
    force: bool,
) -> Result<(), Failure> {
    let library = Library::open(workspace, workspace.load_show(id)?)?;
    let chosen = |character: &&Character| {
        only.as_ref()
            .is_none_or(|only| only.contains(&character.id))
    };
    refuse_without_lines(workspace, id, library.characters.iter().filter(chosen))?;
    let material = Material::new(&library.show, &library.scripts).map_err(Failure::Model)?;
    let rehearsal = Rehearsal::new();
    let path = library.path(ENSEMBLE);
    // Without a usable file there is nothing up to date.
    let is_current = |model: &str, fingerprint: &str| {
        Card::load(&library.path(model)).is_ok_and(|card| card.fingerprint == fingerprint)
    };
    let ensemble_is_current = is_current(ENSEMBLE, &library.fingerprint);
    // Naming characters brings the ensemble up to date when they need it; only naming the show, or nothing, forces it.
    if !ensemble_is_current || force && only.is_none() {
        let mut report = rehearsal.bar(ENSEMBLE);
        let (weights, card) = train_ensemble(&library.show, &material, &mut |progress| {
            report.show(progress)
        })
        .map_err(Failure::Model)?;
        weights.save(&path, &card).map_err(Failure::Model)?;
        report.finish(&card);
    }
    let (ensemble, _) = Weights::load(&path).map_err(Failure::Model)?;
    let is_stale = |character: &&Character| {
        let fingerprint = character_fingerprint(character, &library.fingerprint);
        force || !is_current(character.id.as_str(), &fingerprint)
    };
    let stale: Vec<&Character> = library
        .characters
        .iter()
        .filter(chosen)
        .filter(is_stale)
        .collect();
    let train = |character: &Character| -> Result<(), Failure> {
        let mut report = rehearsal.bar(character.id.as_str());
        let trained = train_character(
            &library.show,
            &material,
            character,
            &ensemble,
            &mut |progress| report.show(progress),
        );
        let (weights, card) = trained.map_err(Failure::Model)?;
        weights
            .save(&library.path(character.id.as_str()), &card)
            .map_err(Failure::Model)?;
        report.finish(&card);
        Ok(())
    };
    side_by_side(&stale, train)?;
    rehearsal.close();
    let shown = library
        .characters
        .iter()
        .filter(chosen)
        .map(|character| character.id.as_str());
    let table = figures(
        &library,
        std::iter::once(ENSEMBLE).chain(shown),
        stale.is_empty() && ensemble_is_current && !force,
    );
    print(&table)
}

/// Refuses characters whose speakers the scripts do not have, before anything is trained. The names that they do have are told with it.
fn refuse_without_lines<'a>(
    workspace: &Workspace,
    show: &ShowId,
    characters: impl Iterator<Item = &'a Character>,
) -> Result<(), Failure> {
    let files: Vec<PathBuf> = characters
        .map(|character| workspace.character_path(show, &character.id))
        .collect();
    let problems: Vec<Problem> = workspace
        .check_show(show)
        .into_iter()
        .filter(|problem| files.contains(&workspace.root().join(&problem.path)))
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems::new(problems).into())
    }
}

/// Trains several characters, one on each core. Everything that was begun is finished; the first failure is told.
fn side_by_side(
    characters: &[&Character],
    train: impl Fn(&Character) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let n_threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(characters.len());
    let waiting = Mutex::new(characters.iter());
    let next = || {
        waiting
            .lock()
            .ok()
            .and_then(|mut waiting| waiting.next().copied())
    };
    let worker = || -> Result<(), Failure> {
        while let Some(character) = next() {
            train(character)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(worker)).collect();
        let outcomes = threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        outcomes.collect::<Vec<_>>().into_iter().collect()
    })
}

/// Bits per character on the test split, beside the count tables.
fn figures<'a>(
    library: &Library<'_>,
    models: impl Iterator<Item = &'a str>,
    untouched: bool,
) -> String {
    let mut table = String::new();
    if untouched {
        table.push_str("Everything is up to date.\n");
    }
    table.push_str(
        "\nTest bits per character, and the same lines under count tables (character 6-grams) of\nown lines, of all lines, and of both mixed. Voice: how much dearer others' lines are in this\nmouth, in dev bits per character; in brackets, under the ensemble.\n\n",
    );
    table.push_str(&format!(
        "{:12} {:>7} {:>8} {:>8} {:>8} {:>8} {:>15} {:>6}\n",
        "model", "own KB", "test", "own", "all", "mixed", "voice", "epoch"
    ));
    for model in models {
        let Ok(card) = Card::load(&library.path(model)) else {
            continue;
        };
        let scores = &card.scores;
        // No bits are no figure: none of its lines are in the test split.
        let counted = scores.test_bits > 0.0;
        let test = if counted {
            format!("{:.3}", scores.test_bits)
        } else {
            "-".to_owned()
        };
        let [own, all, mixed] = match scores.count_tables.as_ref().filter(|_| counted) {
            Some(bits) if model == ENSEMBLE => ["-".into(), format!("{:.3}", bits.all), "-".into()],
            Some(bits) => [bits.own, bits.all, bits.mixed].map(|bits| format!("{bits:.3}")),
            None => ["-".into(), "-".into(), "-".into()],
        };
        // Who has no lines in the dev split cannot be told from others there.
        let voice = if model == ENSEMBLE || scores.dev_bits == 0.0 {
            "-".to_owned()
        } else {
            format!("{:.3} ({:.3})", scores.voice_gap, scores.ensemble_voice_gap)
        };
        table.push_str(&format!(
            "{model:12} {:7.1} {test:>8} {own:>8} {all:>8} {mixed:>8} {voice:>15} {:6}\n",
            scores.train_chars as f64 / 1000.0,
            scores.epoch
        ));
    }
    table
}

//! `telenovela train`

mod desk;
mod figures;
mod lock;
mod log;
mod rehearsal;
mod screen;
mod studio;
mod talk;

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use telenovela_lm::train::Material;
use telenovela_script::character::{Character, CharacterId, Color};
use telenovela_script::load::Workspace;
use telenovela_script::problem::{Problem, Problems};
use telenovela_script::show::ShowId;

use desk::Outcome;
use figures::figures;
use log::Log;
use rehearsal::Rehearsal;
use studio::{Pupil, Studio};

use super::library::{ENSEMBLE, Library};
use super::play::{can_show_a_screen, exit_code};
use super::{note, print, show_or_character};
use crate::cli::{Look, RecipeName, Train};
use crate::failure::Failure;
use crate::tui::Left;

/// The variables that tell candle on how many threads to work. With more than one its elementwise operations spin on a lock, which is slower for
/// models as small as ours than one thread per model.
pub(super) const THREADS: [&str; 2] = ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Tells the GNU C library to keep memory that is given back, and to ask for large pages: candle allocates the tensors of every step anew, and pages that
/// went back to the system come again cleared, one fault each; and packed weights lie across so many small pages that finding them costs some per cent.
pub(super) const KEEP_MEMORY: [(&str, &str); 3] = [
    ("MALLOC_TRIM_THRESHOLD_", "4294967296"),
    ("MALLOC_MMAP_THRESHOLD_", "4294967296"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

/// Trains what is missing or stale, and prints the held-out figures.
pub(super) fn run(workspace: &Workspace, args: &Train, look: Look) -> Result<ExitCode, Failure> {
    if let Some(code) = again_on_one_thread()? {
        return Ok(code);
    }
    let log = Log::open(args.log.as_deref())?;
    if args.recipe == Some(RecipeName::Talk) {
        let left = talk::train(workspace, args, look, &log)?;
        log.close()?;
        return Ok(left.map_or(ExitCode::SUCCESS, |left| {
            note(screen::farewell(look));
            exit_code(left)
        }));
    }
    for wanted in wanted(workspace, args)? {
        if let Some(left) = train_show(workspace, &wanted, args, look, &log)? {
            note(screen::farewell(look));
            log.close()?;
            return Ok(exit_code(left));
        }
    }
    log.close()?;
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
        .envs(THREADS.map(|name| (name, "1")))
        .envs(KEEP_MEMORY);
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
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    show: ShowId,
    ensemble: EnsembleWanted,
    characters: CharactersWanted,
}

/// What is to be done about a show's ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EnsembleWanted {
    /// Trained when it is not up to date, or by force.
    Trained,
    /// Trained when it is not up to date, because characters grow from it.
    UpToDate,
    /// Left alone; without it characters are refused.
    LeftAlone,
}

#[derive(Debug, PartialEq, Eq)]
enum CharactersWanted {
    All,
    These(Vec<CharacterId>),
}

impl CharactersWanted {
    fn contain(&self, id: &CharacterId) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(id),
        }
    }
}

/// Gathers names by show. A show named beside its characters means all of them, or with `--only` its ensemble.
fn wanted(workspace: &Workspace, args: &Train) -> Result<Vec<Wanted>, Failure> {
    if args.names.is_empty() {
        let everybody = |show: &ShowId| Wanted {
            show: show.clone(),
            ensemble: EnsembleWanted::Trained,
            characters: CharactersWanted::All,
        };
        return Ok(workspace.shows().map(everybody).collect());
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for name in &args.names {
        let (show, character) = show_or_character(workspace, name)?;
        let place = wanted.iter().position(|known| known.show == show);
        let place = place.unwrap_or_else(|| {
            wanted.push(Wanted {
                show,
                ensemble: if args.only {
                    EnsembleWanted::LeftAlone
                } else {
                    EnsembleWanted::UpToDate
                },
                characters: CharactersWanted::These(Vec::new()),
            });
            wanted.len() - 1
        });
        let wanted = &mut wanted[place];
        match (character, &mut wanted.characters) {
            (None, characters) => {
                wanted.ensemble = EnsembleWanted::Trained;
                if !args.only {
                    *characters = CharactersWanted::All;
                }
            }
            (Some(id), CharactersWanted::These(ids)) => ids.push(id),
            (Some(_), CharactersWanted::All) => {}
        }
    }
    Ok(wanted)
}

/// Trains what is wanted of a show; how the user has left, if it was stopped.
fn train_show(
    workspace: &Workspace,
    wanted: &Wanted,
    args: &Train,
    look: Look,
    log: &Log,
) -> Result<Option<Left>, Failure> {
    let library = Library::open(workspace, workspace.load_show(&wanted.show)?)?;
    let chosen: Vec<&Character> = library
        .characters
        .iter()
        .filter(|character| wanted.characters.contain(&character.id))
        .collect();
    refuse_without_lines(workspace, &wanted.show, &chosen)?;
    let material = Material::new(&library.show, &library.scripts).map_err(Failure::Model)?;
    let plots = library.show.plot_lines.iter().map(|plot| &plot.id);
    let plots = plots
        .filter(|plot| wanted.characters == CharactersWanted::All && material.tells(plot))
        .map(Pupil::PlotLine);
    let characters = chosen.iter().map(|character| Pupil::Character(character));
    let pupils: Vec<Pupil<'_>> = characters.chain(plots).collect();
    // What is left to do has to be known before there is a screen to show it on.
    let before = Rehearsal::new();
    let studio = Studio {
        library: &library,
        material: &material,
        rehearsal: &before,
        log,
        args,
    };
    let rehearsal = if can_show_a_screen() && !log.is_standard_output() {
        let models = expected(&studio, wanted.ensemble, &pupils);
        Rehearsal::on_screen(look, &library.show.title, models)
    } else {
        Rehearsal::new()
    };
    let studio = Studio {
        rehearsal: &rehearsal,
        ..studio
    };
    let outcome = train_all(&studio, wanted.ensemble, &pupils);
    let trained = match rehearsal.close_after(outcome)? {
        ControlFlow::Break(left) => return Ok(Some(left)),
        ControlFlow::Continue(trained) => trained,
    };
    if log.is_standard_output() {
        return Ok(None);
    }
    let shown = pupils.iter().map(|pupil| pupil.model());
    let table = figures(&library, std::iter::once(ENSEMBLE.to_owned()).chain(shown));
    if trained {
        print(&table)?;
    } else {
        print(&format!("Everything is up to date.\n{table}"))?;
    }
    Ok(None)
}

/// What has to be trained: its name and its colour.
fn expected(
    studio: &Studio<'_>,
    ensemble: EnsembleWanted,
    pupils: &[Pupil<'_>],
) -> Vec<(String, Color)> {
    let ensemble = (!studio.is_ensemble_done(ensemble)).then(|| (ENSEMBLE.to_owned(), Color::Gray));
    let stale = pupils.iter().filter(|pupil| !studio.is_done(**pupil));
    let stale = stale.map(|pupil| (pupil.model(), pupil.color()));
    ensemble.into_iter().chain(stale).collect()
}

/// Trains the ensemble, then what grows from it; whether there was anything to do.
fn train_all(
    studio: &Studio<'_>,
    ensemble: EnsembleWanted,
    pupils: &[Pupil<'_>],
) -> Result<bool, Failure> {
    let n_cores = studio.args.threads.map_or_else(n_cores, usize::from);
    let mut trained = studio.ensemble(ensemble, n_cores)? == Outcome::Trained;
    if let Some(first) = pupils.first() {
        let ensemble = studio.load_ensemble(*first)?;
        let stale = pupils.iter().copied();
        let stale: Vec<Pupil<'_>> = stale.filter(|pupil| !studio.is_done(*pupil)).collect();
        trained |= !stale.is_empty();
        let plan = Plan::new(stale.len(), n_cores);
        if stale.len() > 1 {
            studio.rehearsal.say(&plan.to_string());
        }
        side_by_side(&stale, plan.at_once, |pupil| {
            studio.pupil(pupil, &ensemble, plan.threads)
        })?;
    }
    Ok(trained)
}

/// Refuses characters whose speakers the scripts do not have, before anything is trained. The names that they do have are told with it.
fn refuse_without_lines(
    workspace: &Workspace,
    show: &ShowId,
    characters: &[&Character],
) -> Result<(), Failure> {
    let files: Vec<PathBuf> = characters
        .iter()
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

fn n_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How several trainings share the cores. None shares any work with another, while the threads of one wait for each other at every product: so as many
/// as there are cores run at once, each on one thread, and only cores that would be left over go into a training as more threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    n_trainings: usize,
    at_once: usize,
    /// Of each.
    threads: usize,
}

impl Plan {
    fn new(n_trainings: usize, n_cores: usize) -> Self {
        let at_once = n_trainings.clamp(1, n_cores);
        Self {
            n_trainings,
            at_once,
            threads: n_cores / at_once,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            n_trainings,
            at_once,
            threads,
        } = self;
        let cores = match threads {
            1 => "one core".to_owned(),
            n => format!("{n} cores"),
        };
        write!(
            f,
            "{n_trainings} models to train: {at_once} at once, each on {cores}"
        )
    }
}

/// Trains several models, so many at once. Everything that was begun is finished; the first failure is told.
fn side_by_side(
    pupils: &[Pupil<'_>],
    at_once: usize,
    train: impl Fn(Pupil<'_>) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let waiting = Mutex::new(pupils.iter());
    let next = || {
        waiting
            .lock()
            .ok()
            .and_then(|mut waiting| waiting.next().copied())
    };
    let worker = || -> Result<(), Failure> {
        while let Some(pupil) = next() {
            train(pupil)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        let outcomes = threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        outcomes.collect::<Vec<_>>().into_iter().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_works_and_none_for_two() {
        for n_cores in 1..=64 {
            for n_trainings in 1..=40 {
                let Plan {
                    at_once, threads, ..
                } = Plan::new(n_trainings, n_cores);
                assert!(at_once <= n_trainings && at_once * threads <= n_cores);
                assert!(threads == 1 || at_once == n_trainings);
            }
        }
        let told = |n_trainings, n_cores| Plan::new(n_trainings, n_cores).to_string();
        assert_eq!(told(6, 2), "6 models to train: 2 at once, each on one core");
        assert_eq!(told(3, 8), "3 models to train: 3 at once, each on 2 cores");
    }
}

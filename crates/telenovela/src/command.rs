//! What each command does.

mod bench;
mod check;
mod corpus;
mod export;
mod library;
mod lobby;
mod new;
mod play;
mod replay;
mod say;
mod talk;
mod tokens;
mod train;
mod verify;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory as _;
use telenovela_script::character::CharacterId;
use telenovela_script::load::Workspace;
use telenovela_script::save::IfExists;
use telenovela_script::show::ShowId;

use crate::cli::{Cli, Command, Look, New};
use crate::failure::Failure;

/// Runs what was typed.
///
/// # Errors
/// With why it could not be done.
pub fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let Some(command) = cli.command else {
        return welcome(cli.workspace, cli.look);
    };
    if let Command::Bench(args) = &command {
        return bench::run(args);
    }
    let look = cli.look;
    let root = match cli.workspace {
        Some(folder) => folder,
        None => nearest_workspace()?,
    };
    let workspace = Workspace::open(&root)?;
    match command {
        Command::Play(args) => play::run(&workspace, args, look),
        Command::Replay(args) => replay::run(&workspace, &args, look),
        Command::Verify(args) => verify::run(&workspace, &args),
        Command::Train(args) => train::run(&workspace, &args, look),
        Command::Say(args) => say::run(&workspace, &args, look),
        Command::Check => check::run(&workspace),
        Command::Corpus(args) => corpus::run(&workspace, &args),
        Command::Tokens(args) => tokens::run(&workspace, &args),
        Command::Export(args) => export::run(&workspace, &args),
        Command::New(New::Character(args)) => new::character(&workspace, &args),
        Command::Bench(args) => bench::run(&args),
    }
}

/// What is done when nothing was asked for: the lobby, or where there is no terminal or no workspace, the help.
fn welcome(workspace: Option<PathBuf>, look: Look) -> Result<ExitCode, Failure> {
    if play::can_show_a_screen() {
        let root = match workspace {
            Some(folder) => Some(folder),
            None => nearest_workspace().ok(),
        };
        if let Some(root) = root {
            return lobby::run(&root, look);
        }
    }
    let help = Cli::command().render_help();
    print(&help.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// This folder, or the nearest above it, that holds `characters/`.
fn nearest_workspace() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(|source| Failure::Io {
        what: "the current folder".into(),
        source,
    })?;
    let found = here
        .ancestors()
        .find(|folder| folder.join("characters").is_dir());
    found.map(Path::to_owned).ok_or_else(|| {
        Failure::Input(format!(
            "{} is no workspace: neither it nor a folder above it holds `characters/`\n  name one with --workspace FOLDER",
            here.display()
        ))
    })
}

/// What a name on the command line means: a show, or a character with the show it belongs to.
fn show_or_character(
    workspace: &Workspace,
    name: &str,
) -> Result<(ShowId, Option<CharacterId>), Failure> {
    if let Ok(show) = workspace.find_show(name) {
        return Ok((show, None));
    }
    let (show, character) = workspace.find_character(name)?;
    Ok((show, Some(character)))
}

/// What `--force` says about a file that is there already.
fn if_exists(force: bool) -> IfExists {
    if force {
        IfExists::Replace
    } else {
        IfExists::Refuse
    }
}

/// Prints to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Io {
            what: "standard output".into(),
            source: error,
        }),
        _ => Ok(()),
    }
}

/// Says something to the user beside the output.
fn note(text: &str) {
    // Notes are advice: none is worth being written across a screen.
    if crate::tui::terminal::is_taken() {
        return;
    }
    // Standard error may be closed; there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A path as short as the user would type it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir()
        .ok()
        .and_then(|here| here.canonicalize().ok());
    let short = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    short.unwrap_or(path).display().to_string()
}

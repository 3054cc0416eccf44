//! `telenovela export`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr as _;
use std::time::SystemTime;

use telenovela_script::export::{ExportFormat, cast, render};
use telenovela_script::load::Workspace;
use telenovela_script::save::{read_log, save};

use super::{if_exists, note, print, shown};
use crate::cli::Export;
use crate::failure::Failure;

/// Writes a transcript.
pub(super) fn run(workspace: &Workspace, args: &Export) -> Result<ExitCode, Failure> {
    let format = match &args.format {
        Some(name) => {
            ExportFormat::from_str(name).map_err(|error| Failure::Input(error.to_string()))?
        }
        None => by_name(&args.output).unwrap_or(ExportFormat::Fountain),
    };
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
    let transcript = match format {
        ExportFormat::Cast => cast::render(&log.events, args.size),
        other => render(&log.events, other),
    };
    if args.output == Path::new("-") {
        print(&transcript)?;
    } else {
        // A log cannot be had again once the transcript stands in its place.
        if same_file(&args.output, &path) {
            return Err(Failure::Input(format!(
                "{} is the log itself; give the transcript another name",
                shown(&args.output)
            )));
        }
        let if_exists = if_exists(args.force);
        save(&args.output, transcript.as_bytes(), if_exists)?;
        note(&format!(
            "Wrote {} from {}.",
            shown(&args.output),
            shown(&path)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The format whose files end like this one.
fn by_name(path: &Path) -> Option<ExportFormat> {
    let extension = path.extension()?.to_str()?;
    ExportFormat::ALL
        .into_iter()
        .find(|format| format.extension() == extension)
}

/// Whether two paths lead to one file that is there.
fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The log that was written to last.
pub(super) fn latest(folder: &Path) -> Result<PathBuf, Failure> {
    let logs = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let logs = logs.map(|entry| entry.path()).filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "jsonl")
    });
    let modified = |path: &PathBuf| {
        path.metadata()
            .and_then(|data| data.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    logs.max_by_key(|path| (modified(path), path.clone()))
        .ok_or_else(|| {
            Failure::Input(format!(
                "there is no performance in {} yet\n  play one: telenovela play",
                shown(folder)
            ))
        })
}

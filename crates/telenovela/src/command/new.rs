//! `telenovela new`

use std::process::ExitCode;

use telenovela_script::load::Workspace;
use telenovela_script::save::save;
use telenovela_script::template::new_character_yaml;

use super::{if_exists, print, shown};
use crate::cli::NewCharacter;
use crate::failure::Failure;

/// Writes a commented character file.
pub(super) fn character(workspace: &Workspace, args: &NewCharacter) -> Result<ExitCode, Failure> {
    let show = match &args.show {
        Some(name) => workspace.find_show(name)?,
        None => {
            let shows: Vec<_> = workspace.shows().collect();
            match shows[..] {
                [only] => only.clone(),
                _ => {
                    let names: Vec<&str> = shows.iter().map(|show| show.as_str()).collect();
                    return Err(Failure::Input(format!(
                        "name the show it joins with --show: one of {}",
                        names.join(", ")
                    )));
                }
            }
        }
    };
    let (id, yaml) =
        new_character_yaml(&args.name, &show).map_err(|error| Failure::Input(error.to_string()))?;
    let path = workspace.character_path(&show, &id);
    let path = workspace.root().join(path);
    let if_exists = if_exists(args.force);
    save(&path, yaml.as_bytes(), if_exists)?;
    print(&format!(
        "Wrote {}. Type lines into it, then:\n  telenovela train {id}\n  telenovela say {id}\n",
        shown(&path)
    ))?;
    Ok(ExitCode::SUCCESS)
}

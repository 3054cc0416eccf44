//! `telenovela check`

use std::process::ExitCode;

use telenovela_script::load::Workspace;

use super::print;
use crate::failure::{Failure, print_problems};

/// Checks every file and says all that is wrong.
pub(super) fn run(workspace: &Workspace) -> Result<ExitCode, Failure> {
    let problems = workspace.check();
    if problems.is_empty() {
        let (mut n_characters, mut n_scenes, mut n_episodes, mut n_shows) = (0, 0, 0, 0);
        for show in workspace.shows() {
            n_shows += 1;
            n_characters += workspace.characters(show).len();
            n_scenes += workspace.scenes(show).len();
            n_episodes += workspace.episodes(show).len();
        }
        print(&format!(
            "All is well: {n_shows} show(s), {n_characters} characters, {n_scenes} scenes, {n_episodes} episode(s).\n"
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    print_problems(&problems);
    super::note(&format!("{} problem(s)", problems.len()));
    Ok(ExitCode::from(3))
}

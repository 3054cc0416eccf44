//! Everything that is wrong with a workspace.

use std::collections::BTreeMap;
use std::path::Path;

use super::{MAX_SCRIPT_BYTES, SceneFile, Workspace};
use crate::character::{CharacterId, Lines};
use crate::fountain;
use crate::problem::{Problem, Source, Span, by_nearness, quoted, sort, suggestion};
use crate::read::{self, CharacterFile};
use crate::scene::SceneId;
use crate::script::Script;
use crate::show::{Show, ShowId};
use crate::text::is_allowed;
use crate::yaml::MAX_BYTES;

impl Workspace {
    /// Reads everything and tells every problem of every file, in order; empty when all is well.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        for folder in &self.shows {
            problems.extend(self.check_show(&folder.id));
        }
        self.check_stray_scenes(&mut problems);
        sort(&mut problems);
        problems
    }

    /// Checks one show: its file, scripts, characters and scenes.
    pub fn check_show(&self, id: &ShowId) -> Vec<Problem> {
        let mut problems = Vec::new();
        let scripts = match self.load_show(id) {
            Ok(show) => self.check_scripts(&show, &mut problems),
            Err(more) => {
                problems.extend(more);
                None
            }
        };
        for character in self.characters(id) {
            match self.character_file(id, character) {
                Ok(file) => {
                    if let Some(scripts) = &scripts {
                        check_speakers(&file, scripts, &mut problems);
                    }
                }
                Err(more) => problems.extend(more),
            }
        }
        for arc in self.folder(id).map_or(&[][..], |folder| &folder.arcs) {
            problems.extend(self.load_arc(id, arc).err().into_iter().flatten());
        }
        let facts = self.facts(id);
        for scene in self.scenes(id) {
            let path = Path::new("scenes")
                .join(id.as_str())
                .join(format!("{scene}.yaml"));
            let checked = self
                .read(&path, MAX_BYTES)
                .and_then(|text| read::scene(&path, &text, id.clone(), scene.clone(), &facts));
            if let Err(more) = checked {
                problems.extend(more);
            }
        }
        for episode in self.episodes(id) {
            self.check_episode(id, episode, &mut problems);
        }
        sort(&mut problems);
        problems
    }

    /// Checks one episode. What is wrong with its scenes themselves has been told.
    fn check_episode(&self, show: &ShowId, id: &SceneId, problems: &mut Vec<Problem>) {
        let file = self.episode_file(show, id);
        if self.scenes(show).contains(id) {
            let path = Path::new("scenes")
                .join(show.as_str())
                .join(format!("{id}.episode.yaml"));
            let what = format!("a scene is called `{id}` as well; nobody could tell them apart");
            problems.push(Problem::of_file(&path, what));
        }
        let of_episode = self.load_episode(&file).err().into_iter().flatten();
        for problem in of_episode {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }

    /// Checks one character: its file, and that the scripts have lines for it.
    pub fn check_character(&self, show: &ShowId, id: &CharacterId) -> Vec<Problem> {
        let mut problems = Vec::new();
        let scripts = self
            .load_show(show)
            .and_then(|show| self.load_scripts(&show));
        match (self.character_file(show, id), scripts) {
            (Ok(file), Ok(scripts)) => check_speakers(&file, &scripts, &mut problems),
            (file, scripts) => {
                problems.extend(file.err().into_iter().flatten());
                problems.extend(scripts.err().into_iter().flatten());
            }
        }
        problems
    }

    /// Checks one scene that may lie outside of the workspace.
    pub fn check_scene(&self, file: &SceneFile) -> Vec<Problem> {
        self.load_scene(file)
            .err()
            .map_or_else(Vec::new, |problems| problems.into_vec())
    }

    /// Reads the scripts; `None` when one of them cannot be.
    fn check_scripts(&self, show: &Show, problems: &mut Vec<Problem>) -> Option<Vec<Script>> {
        let mut scripts = Vec::new();
        for path in &show.scripts {
            match self.read(path, MAX_SCRIPT_BYTES) {
                Ok(text) => {
                    let source = Source::new(path, &text);
                    let script = fountain::parse(&text);
                    check_characters(&source, &script, problems);
                    check_plot_lines(&source, &script, show, problems);
                    scripts.push(script);
                }
                Err(more) => problems.extend(more),
            }
        }
        (scripts.len() == show.scripts.len()).then_some(scripts)
    }

    /// Scenes of a show that is not there would be found by nobody.
    fn check_stray_scenes(&self, problems: &mut Vec<Problem>) {
        let shows: Vec<&str> = self.shows().map(|show| show.as_str()).collect();
        for name in super::names(&self.root, Path::new("scenes"), problems) {
            let folder = Path::new("scenes").join(&name);
            if shows.contains(&name.as_str()) || !self.root.join(&folder).is_dir() {
                continue;
            }
            let mut problem = Problem::of_file(
                &folder,
                format!("there is no show `{name}` for these scenes"),
            );
            if let Some(help) = suggestion(&name, &shows) {
                problem = problem.help(help);
            }
            problems.push(problem);
        }
    }
}

/// Complains once per script about each character that the models cannot write.
fn check_characters(source: &Source, script: &Script, problems: &mut Vec<Problem>) {
    let mut odd: BTreeMap<char, (usize, usize)> = BTreeMap::new();
    for turn in script.scenes.iter().flat_map(|scene| &scene.turns) {
        for c in turn.spoken().chars().filter(|c| !is_allowed(*c)) {
            odd.entry(c).or_insert((turn.line, 0)).1 += 1;
        }
    }
    for (c, (line, count)) in odd {
        let place = place_from(source, line, &c.to_string());
        let times = if count == 1 {
            String::new()
        } else {
            format!(", {count} times in this script")
        };
        problems.push(
            source
                .problem(
                    place,
                    format!(
                        "the models cannot write the character U+{:04X}{times}",
                        c as u32
                    ),
                )
                .help("spoken text is made of ASCII, Latin-1 letters and «»“”‘’—–…¿¡"),
        );
    }
}

fn check_plot_lines(source: &Source, script: &Script, show: &Show, problems: &mut Vec<Problem>) {
    let known: Vec<&str> = show
        .plot_lines
        .iter()
        .map(|plot| plot.id.as_str())
        .collect();
    for scene in &script.scenes {
        for tag in &scene.plot_lines {
            if known.contains(&tag.as_str()) {
                continue;
            }
            let place = place_from(source, scene.line, tag.as_str());
            let mut problem = source.problem(place, format!("the show has no plot line `{tag}`"));
            problem = match suggestion(tag.as_str(), &known) {
                Some(help) => problem.help(help),
                None => problem.help("list it under `plot_lines` in show.yaml"),
            };
            problems.push(problem);
        }
    }
}

/// Complains about speaker names that no cue of the scripts has, and tells those that there are.
fn check_speakers(file: &CharacterFile, scripts: &[Script], problems: &mut Vec<Problem>) {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    let mut action = 0;
    for turn in scripts
        .iter()
        .flat_map(|script| &script.scenes)
        .flat_map(|scene| &scene.turns)
    {
        match turn.speaker.as_deref() {
            Some(speaker) => *lines.entry(speaker).or_default() += 1,
            None => action += 1,
        }
    }
    if file.character.lines == Lines::Action {
        if action == 0
            && let Some(at) = file.speakers.first()
        {
            let place = file.source.place(at.span);
            problems.push(
                file.source
                    .problem(place, "the scripts have no action lines"),
            );
        }
        return;
    }
    let known: Vec<&str> = lines.keys().copied().collect();
    for at in &file.speakers {
        if lines.contains_key(at.value.as_str()) {
            continue;
        }
        // As many names as fit two lines of a terminal.
        const SHOWN: usize = 12;
        let nearest = by_nearness(&at.value, &known);
        let help = if nearest.is_empty() {
            String::from("the scripts have no speakers at all")
        } else {
            let more = if nearest.len() > SHOWN { ", …" } else { "" };
            let shown = quoted(&nearest[..nearest.len().min(SHOWN)]);
            format!("the scripts have the speakers {shown}{more}")
        };
        let place = file.source.place(at.span);
        problems.push(
            file.source
                .problem(
                    place,
                    format!("the scripts have no lines for the speaker `{}`", at.value),
                )
                .help(help),
        );
    }
}

/// Where a piece of text first stands at or after a line; the line itself when it does not.
fn place_from(source: &Source, line: usize, piece: &str) -> crate::problem::Place {
    let start: usize = source
        .text()
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    match source.text()[start..].find(piece) {
        Some(found) => source.place(Span {
            offset: start + found,
            len: piece.len(),
        }),
        None => source.line(line),
    }
}

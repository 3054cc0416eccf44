//! A workspace on the disk: what it holds, and reading it.

mod check;
mod find;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::arc::{ArcId, StoryArc};
use crate::character::{Character, CharacterId};
use crate::episode::Episode;
use crate::fountain;
use crate::problem::{Problem, Problems};
use crate::read::{self, CharacterFile, Person, ShowFacts};
use crate::scene::{Scene, SceneId};
use crate::script::Script;
use crate::show::{Show, ShowId, is_valid_id};
use crate::yaml::MAX_BYTES;

pub use find::{Piece, SceneFile};

/// Bytes of the largest script that is read; a season of telenovela in one file is smaller.
const MAX_SCRIPT_BYTES: usize = 16 << 20;

/// A folder with `characters/` and `scenes/`. What it holds is listed as it is opened; files are read when asked for.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    shows: Vec<ShowFolder>,
    /// Found while listing: names that are no ids, folders that cannot be listed.
    problems: Vec<Problem>,
}

#[derive(Clone, Debug)]
struct ShowFolder {
    id: ShowId,
    characters: Vec<CharacterId>,
    scenes: Vec<SceneId>,
    episodes: Vec<SceneId>,
    arcs: Vec<ArcId>,
}

impl Workspace {
    /// Lists the shows of a workspace.
    ///
    /// # Errors
    /// When the folder holds no `characters/<show>/show.yaml`.
    pub fn open(root: &Path) -> Result<Self, Problems> {
        let root = root.canonicalize().map_err(|error| {
            Problem::of_file(root, format!("the workspace cannot be opened: {error}"))
        })?;
        let mut shows = Vec::new();
        let mut problems = Vec::new();
        for name in names(&root, Path::new("characters"), &mut problems) {
            let folder = Path::new("characters").join(&name);
            if !root.join(&folder).join("show.yaml").is_file() {
                continue;
            }
            if !is_valid_id(&name) {
                problems.push(not_an_id(&folder, &name));
                continue;
            }
            let characters = ids(&root, &folder, |stem| stem != "show", &mut problems);
            let scenes = ids(
                &root,
                &Path::new("scenes").join(&name),
                |stem| !stem.ends_with(".episode") && !stem.ends_with(".arc"),
                &mut problems,
            );
            let arcs = kinds(&root, &name, ".arc", &mut problems);
            let episodes = kinds(&root, &name, ".episode", &mut problems);
            shows.push(ShowFolder {
                id: ShowId::new(name),
                characters: characters.into_iter().map(CharacterId::new).collect(),
                scenes: scenes.into_iter().map(SceneId::new).collect(),
                episodes: episodes.into_iter().map(SceneId::new).collect(),
                arcs: arcs.into_iter().map(ArcId::new).collect(),
            });
        }
        if shows.is_empty() {
            problems.push(
                Problem::of_file(&root, "there is no show here").help(
                    "a workspace holds `characters/<show>/show.yaml`; run this where one is, or name it",
                ),
            );
            return Err(Problems::new(problems));
        }
        Ok(Self {
            root,
            shows,
            problems,
        })
    }

    /// The folder, as an absolute path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The shows, by name.
    pub fn shows(&self) -> impl Iterator<Item = &ShowId> {
        self.shows.iter().map(|show| &show.id)
    }

    /// The characters of a show, by name; none of a show that is not here.
    pub fn characters(&self, show: &ShowId) -> &[CharacterId] {
        self.folder(show).map_or(&[], |folder| &folder.characters)
    }

    /// The scenes of a show, by name; none of a show that is not here.
    pub fn scenes(&self, show: &ShowId) -> &[SceneId] {
        self.folder(show).map_or(&[], |folder| &folder.scenes)
    }

    /// The episodes of a show, by name; none of a show that is not here.
    pub fn episodes(&self, show: &ShowId) -> &[SceneId] {
        self.folder(show).map_or(&[], |folder| &folder.episodes)
    }

    /// Where the weights of a model of a show lie, trained or not: `ensemble`, or the id of a character.
    pub fn model_path(&self, show: &ShowId, model: &str) -> PathBuf {
        self.root
            .join(show_folder(show))
            .join("models")
            .join(format!("{model}.safetensors"))
    }

    /// Where event logs go.
    pub fn performances(&self) -> PathBuf {
        self.root.join("performances")
    }

    /// Where the file of a show lies.
    pub fn show_path(&self, show: &ShowId) -> PathBuf {
        self.root.join(show_folder(show)).join("show.yaml")
    }

    /// Where the file of a character lies, or would lie.
    pub fn character_path(&self, show: &ShowId, id: &CharacterId) -> PathBuf {
        self.root.join(character_file(show, id))
    }

    /// Where the file of a scene lies, or would lie.
    pub fn scene_path(&self, show: &ShowId, id: &SceneId) -> PathBuf {
        self.root
            .join(scene_folder(show))
            .join(format!("{id}.yaml"))
    }

    /// Reads a show. Its `scripts` are paths from the root of the workspace.
    ///
    /// # Errors
    /// Everything that is wrong with its file.
    pub fn load_show(&self, id: &ShowId) -> Result<Show, Problems> {
        let path = show_folder(id).join("show.yaml");
        let text = self.read(&path, MAX_BYTES)?;
        read::show(&path, &text, id.clone(), &|script| self.is_inside(script))
    }

    /// Reads a character.
    ///
    /// # Errors
    /// Everything that is wrong with its file.
    pub fn load_character(&self, show: &ShowId, id: &CharacterId) -> Result<Character, Problems> {
        Ok(self.character_file(show, id)?.character)
    }

    /// Reads every character of a show.
    ///
    /// # Errors
    /// Everything that is wrong with their files.
    pub fn load_characters(&self, show: &ShowId) -> Result<Vec<Character>, Problems> {
        let mut characters = Vec::new();
        let mut problems = Vec::new();
        for id in self.characters(show) {
            match self.load_character(show, id) {
                Ok(character) => characters.push(character),
                Err(more) => problems.extend(more),
            }
        }
        if problems.is_empty() {
            Ok(characters)
        } else {
            Err(Problems::new(problems))
        }
    }

    /// Reads a scene that [`find_scene`](Self::find_scene) found.
    ///
    /// # Errors
    /// Everything that is wrong with its file, what its show and cast make impossible included.
    pub fn load_scene(&self, file: &SceneFile) -> Result<Scene, Problems> {
        let path = self.shown(&file.path);
        let text = self.read(&path, MAX_BYTES)?;
        let facts = self.facts(&file.show);
        read::scene(&path, &text, file.show.clone(), file.id.clone(), &facts)
    }

    /// Reads an episode that [`find_piece`](Self::find_piece) found, and its scenes.
    ///
    /// # Errors
    /// Everything that is wrong with its file and with theirs, what does not fit together included.
    pub fn load_episode(&self, file: &SceneFile) -> Result<Episode, Problems> {
        let path = self.shown(&file.path);
        let text = self.read(&path, MAX_BYTES)?;
        let facts = self.facts(&file.show);
        let (show, id) = (file.show.clone(), file.id.clone());
        let known = self.scenes(&show).to_vec();
        let load = |id: &SceneId| {
            let path = self.shown(&self.scene_path(&file.show, id));
            let text = self.read(&path, MAX_BYTES)?;
            read::scene(&path, &text, file.show.clone(), id.clone(), &facts)
        };
        read::episode(&path, &text, show, id, &facts, &known, load)
    }

    /// Reads an arc of a show's own.
    ///
    /// # Errors
    /// Everything that is wrong with its file.
    pub fn load_arc(&self, show: &ShowId, id: &ArcId) -> Result<StoryArc, Problems> {
        let path = scene_folder(show).join(format!("{id}.arc.yaml"));
        let text = self.read(&path, MAX_BYTES)?;
        read::arc(&path, &text, id.clone())
    }

    /// Reads the scripts of a show, in the order of `show.scripts`.
    ///
    /// # Errors
    /// When a file cannot be read. What stands in it is judged by [`check`](Self::check) alone: a script is never too odd to be read.
    pub fn load_scripts(&self, show: &Show) -> Result<Vec<Script>, Problems> {
        let mut scripts = Vec::new();
        let mut problems = Vec::new();
        for path in &show.scripts {
            match self.read(path, MAX_SCRIPT_BYTES) {
                Ok(text) => scripts.push(fountain::parse(&text)),
                Err(more) => problems.extend(more),
            }
        }
        if problems.is_empty() {
            Ok(scripts)
        } else {
            Err(Problems::new(problems))
        }
    }

    fn folder(&self, show: &ShowId) -> Option<&ShowFolder> {
        self.shows.iter().find(|folder| folder.id == *show)
    }

    fn character_file(&self, show: &ShowId, id: &CharacterId) -> Result<CharacterFile, Problems> {
        let path = character_file(show, id);
        let text = self.read(&path, MAX_BYTES)?;
        let people: Vec<&str> = self.characters(show).iter().map(|id| id.as_str()).collect();
        read::character(&path, &text, show.clone(), id.clone(), &people)
    }

    /// What scenes can refer to. A character whose own file is wrong counts as an ordinary one: that is its problem, not the scene's.
    fn facts(&self, show: &ShowId) -> ShowFacts {
        let person = |of: &ShowId, id: &CharacterId| {
            let character = self.load_character(of, id).ok();
            Person {
                id: if of == show {
                    id.as_str().to_owned()
                } else {
                    guest(of, id)
                },
                offstage: character.as_ref().is_some_and(|c| c.offstage),
                role: character.map_or_else(String::new, |c| c.role),
            }
        };
        // The show's own people first, then everybody who could be a guest.
        let others = self.shows().filter(|other| *other != show);
        let people = std::iter::once(show)
            .chain(others)
            .flat_map(|of| self.characters(of).iter().map(move |id| (of, id)))
            .map(|(of, id)| person(of, id))
            .collect();
        let loaded = self.load_show(show).ok();
        let language = loaded.as_ref().map_or("", |show| show.language.as_str());
        let mut arcs = vec![StoryArc::telenovela(language)];
        // An arc whose file is wrong is the problem of its file; to scenes it is there, and as good as the built-in one.
        arcs.extend(self.folder(show).into_iter().flat_map(|folder| {
            folder.arcs.iter().map(|id| {
                self.load_arc(show, id).unwrap_or_else(|_| StoryArc {
                    id: id.clone(),
                    ..StoryArc::telenovela(language)
                })
            })
        }));
        let plot_lines = loaded.as_ref().map_or_else(Vec::new, |show| {
            let ids = show.plot_lines.iter();
            ids.map(|plot| plot.id.as_str().to_owned()).collect()
        });
        ShowFacts {
            language: language.to_owned(),
            people,
            plot_lines,
            arcs,
        }
    }

    /// A path as messages show it: from the root of the workspace, where it lies inside.
    fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    /// What is wrong with a file named in YAML, if anything: it must be there and, all links followed, inside the workspace.
    fn is_inside(&self, path: &Path) -> Result<(), String> {
        let real = self.root.join(path).canonicalize().map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                format!("there is no file {}", path.display())
            } else {
                format!("{} cannot be read: {error}", path.display())
            }
        })?;
        if !real.starts_with(&self.root) {
            return Err(format!("{} leads out of the workspace", path.display()));
        }
        if !real.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        Ok(())
    }

    /// Reads a text file of at most `limit` bytes; `path` counts from the root.
    fn read(&self, path: &Path, limit: usize) -> Result<String, Problems> {
        let failed = |error: std::io::Error| {
            Problems::from(Problem::of_file(path, format!("cannot be read: {error}")))
        };
        let real = self.root.join(path);
        // Opening a pipe would wait for somebody to write to it.
        if !real.metadata().map_err(failed)?.is_file() {
            return Err(Problem::of_file(path, "is no regular file").into());
        }
        let file = fs::File::open(real).map_err(failed)?;
        let mut bytes = Vec::new();
        // One byte more than allowed tells a file that is too large without reading all of it.
        file.take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() > limit {
            return Err(Problem::of_file(path, "the file is too large")
                .expected(format!("at most {limit} bytes"))
                .into());
        }
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = &error.as_bytes()[..valid];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            Problem::of_file(path, format!("line {line} is not UTF-8"))
                .help("save the file as UTF-8")
                .into()
        })
    }
}

/// The names in a folder, sorted. A folder that is not there is empty.
fn names(root: &Path, folder: &Path, problems: &mut Vec<Problem>) -> Vec<String> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(Problem::of_file(
                folder,
                format!("the folder cannot be listed: {error}"),
            ));
            return Vec::new();
        }
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// The stems of the YAML files in a folder, sorted; those that are no ids are complained about.
fn ids(
    root: &Path,
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names(root, folder, problems) {
        let Some(stem) = name.strip_suffix(".yaml") else {
            continue;
        };
        if !wanted(stem) {
            continue;
        }
        if is_valid_id(stem) {
            ids.push(stem.to_owned());
        } else {
            problems.push(not_an_id(&folder.join(&name), stem));
        }
    }
    ids
}

/// What a scene of another show calls somebody.
fn guest(show: &ShowId, id: &CharacterId) -> String {
    format!("{show}/{id}")
}

/// The stems before `.<kind>.yaml` among a show's scenes, sorted.
fn kinds(root: &Path, show: &str, kind: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let folder = Path::new("scenes").join(show);
    let mut found = Vec::new();
    for name in names(root, &folder, &mut Vec::new()) {
        let Some(stem) = name
            .strip_suffix(".yaml")
            .and_then(|stem| stem.strip_suffix(kind))
        else {
            continue;
        };
        if is_valid_id(stem) {
            found.push(stem.to_owned());
        } else {
            problems.push(not_an_id(&folder.join(&name), stem));
        }
    }
    found
}

fn scene_folder(show: &ShowId) -> PathBuf {
    Path::new("scenes").join(show.as_str())
}

fn show_folder(show: &ShowId) -> PathBuf {
    Path::new("characters").join(show.as_str())
}

fn character_file(show: &ShowId, id: &CharacterId) -> PathBuf {
    show_folder(show).join(format!("{id}.yaml"))
}

fn not_an_id(path: &Path, name: &str) -> Problem {
    Problem::of_file(path, format!("`{name}` is no id")).help(
        "name it with lower-case ASCII letters, digits and hyphens, a letter first, at most 48 characters",
    )
}

#[cfg(test)]
mod tests;

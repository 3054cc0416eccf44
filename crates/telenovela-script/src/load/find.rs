//! Finding what somebody asked for by name.

use std::path::{Path, PathBuf};

use super::{MAX_BYTES, Workspace};
use crate::character::CharacterId;
use crate::problem::{Problem, Problems, suggestion};
use crate::read;
use crate::scene::SceneId;
use crate::show::{ShowId, is_valid_id};

/// A scene that is there, not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneFile {
    /// The show whose people play it.
    pub show: ShowId,
    /// The stem of the file.
    pub id: SceneId,
    /// The file; absolute.
    pub path: PathBuf,
}

impl SceneFile {
    /// Whether `id` or `show/id` means this one.
    fn is_called(&self, name: &str) -> bool {
        match name.split_once('/') {
            Some((show, id)) => self.show.as_str() == show && self.id.as_str() == id,
            None => self.id.as_str() == name,
        }
    }
}

/// What can be performed, not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// One scene.
    Scene(SceneFile),
    /// Several, one after the other.
    Episode(SceneFile),
}

impl Workspace {
    /// Finds a scene or an episode by `id`, by `show/id`, or by the path of its file.
    ///
    /// # Errors
    /// When there is none, with the nearest name; when two shows have one of that name.
    pub fn find_piece(&self, name: &str) -> Result<Piece, Problems> {
        if name.ends_with(".episode.yaml") {
            let real = Path::new(name).canonicalize().map_err(|error| {
                Problem::of_file(Path::new(name), format!("cannot be read: {error}"))
            })?;
            let found = self.all_episodes().find(|file| file.path == real);
            return found.map(Piece::Episode).ok_or_else(|| {
                Problem::of_file(Path::new(name), "the episode lies outside of the workspace")
                    .help("an episode lies beside its scenes: `scenes/<show>/<id>.episode.yaml`")
                    .into()
            });
        }
        if name.ends_with(".yaml") {
            return self.scene_at(Path::new(name)).map(Piece::Scene);
        }
        let all: Vec<Piece> = self
            .all_scenes()
            .map(Piece::Scene)
            .chain(self.all_episodes().map(Piece::Episode))
            .collect();
        let found: Vec<&Piece> = all
            .iter()
            .filter(|piece| piece.file().is_called(name))
            .collect();
        let known = all.iter().map(|piece| {
            let file = piece.file();
            (file.show.as_str(), file.id.as_str())
        });
        one(name, "scene", &found, known, "scenes").cloned()
    }

    /// Where an episode of a show lies.
    pub(super) fn episode_file(&self, show: &ShowId, id: &SceneId) -> SceneFile {
        SceneFile {
            show: show.clone(),
            id: id.clone(),
            path: self
                .root
                .join("scenes")
                .join(show.as_str())
                .join(format!("{id}.episode.yaml")),
        }
    }

    fn all_episodes(&self) -> impl Iterator<Item = SceneFile> {
        self.shows.iter().flat_map(move |folder| {
            let ids = folder.episodes.iter();
            ids.map(move |id| self.episode_file(&folder.id, id))
        })
    }

    /// Finds a scene by `id`, by `show/id`, or by the path of its file, which may lie outside of the workspace and then says its show itself.
    ///
    /// # Errors
    /// When there is none, with the nearest name; when two shows have one of that name.
    pub fn find_scene(&self, name: &str) -> Result<SceneFile, Problems> {
        if name.ends_with(".yaml") {
            return self.scene_at(Path::new(name));
        }
        let all: Vec<SceneFile> = self.all_scenes().collect();
        let found: Vec<&SceneFile> = all.iter().filter(|file| file.is_called(name)).collect();
        let known = all
            .iter()
            .map(|file| (file.show.as_str(), file.id.as_str()));
        one(name, "scene", &found, known, "scenes").cloned()
    }

    /// The first scene of the first show that has one.
    ///
    /// # Errors
    /// When there is no scene at all.
    pub fn default_scene(&self) -> Result<SceneFile, Problems> {
        self.all_scenes().next().ok_or_else(|| {
            Problem::of_file(Path::new("scenes"), "there is no scene here")
                .help("a scene is a file `scenes/<show>/<id>.yaml`")
                .into()
        })
    }

    /// Finds a character by `id` or by `show/id`.
    ///
    /// # Errors
    /// When there is none, with the nearest name; when two shows have one of that name.
    pub fn find_character(&self, name: &str) -> Result<(ShowId, CharacterId), Problems> {
        let all: Vec<(&ShowId, &CharacterId)> = self
            .shows
            .iter()
            .flat_map(|folder| folder.characters.iter().map(move |id| (&folder.id, id)))
            .collect();
        let found: Vec<&(&ShowId, &CharacterId)> = all
            .iter()
            .filter(|(show, id)| match name.split_once('/') {
                Some((wanted, rest)) => show.as_str() == wanted && id.as_str() == rest,
                None => id.as_str() == name,
            })
            .collect();
        let known = all.iter().map(|(show, id)| (show.as_str(), id.as_str()));
        let (show, id) = *one(name, "character", &found, known, "characters")?;
        Ok((show.clone(), id.clone()))
    }

    /// Finds a show by its id.
    ///
    /// # Errors
    /// When there is none, with the nearest name.
    pub fn find_show(&self, name: &str) -> Result<ShowId, Problems> {
        let found = self.shows().find(|show| show.as_str() == name);
        found.cloned().ok_or_else(|| {
            let known: Vec<&str> = self.shows().map(|show| show.as_str()).collect();
            unknown(name, "show", &known, "characters")
        })
    }

    fn all_scenes(&self) -> impl Iterator<Item = SceneFile> {
        self.shows.iter().flat_map(move |folder| {
            folder.scenes.iter().map(move |id| SceneFile {
                show: folder.id.clone(),
                id: id.clone(),
                path: self
                    .root
                    .join("scenes")
                    .join(folder.id.as_str())
                    .join(format!("{id}.yaml")),
            })
        })
    }

    fn scene_at(&self, path: &Path) -> Result<SceneFile, Problems> {
        let real = path
            .canonicalize()
            .map_err(|error| Problem::of_file(path, format!("cannot be read: {error}")))?;
        if let Some(file) = self.all_scenes().find(|file| file.path == real) {
            return Ok(file);
        }
        let stem = real
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or("");
        if !is_valid_id(stem) {
            return Err(super::not_an_id(path, stem).into());
        }
        let text = self.read(&real, MAX_BYTES)?;
        let Some(show) = read::scene_show(path, &text) else {
            return Err(Problem::of_file(path, "the scene does not say its show")
                .help("a scene that lies outside of `scenes/<show>/` needs a line `show: <id>`")
                .into());
        };
        Ok(SceneFile {
            show: self.find_show(&show)?,
            id: SceneId::new(stem),
            path: real,
        })
    }
}

impl Piece {
    /// Where it lies, and what it is called.
    pub fn file(&self) -> &SceneFile {
        match self {
            Self::Scene(file) | Self::Episode(file) => file,
        }
    }
}

/// The only one of what was found.
fn one<'a, 'k, T>(
    name: &str,
    what: &str,
    found: &[&'a T],
    known: impl Iterator<Item = (&'k str, &'k str)>,
    folder: &str,
) -> Result<&'a T, Problems> {
    match found {
        [only] => Ok(only),
        [] => {
            let known: Vec<(&str, &str)> = known.collect();
            let full: Vec<String> = known
                .iter()
                .map(|(show, id)| format!("{show}/{id}"))
                .collect();
            let names: Vec<&str> = if name.contains('/') {
                full.iter().map(String::as_str).collect()
            } else {
                known.iter().map(|(_, id)| *id).collect()
            };
            Err(unknown(name, what, &names, folder))
        }
        _ => Err(Problem::of_file(
            Path::new(folder),
            format!("more than one show has a {what} `{name}`"),
        )
        .help(format!("say which: `<show>/{name}`"))
        .into()),
    }
}

fn unknown(name: &str, what: &str, known: &[&str], folder: &str) -> Problems {
    let mut problem = Problem::of_file(Path::new(folder), format!("there is no {what} `{name}`"));
    if let Some(help) = suggestion(name, known) {
        problem = problem.help(help);
    }
    problem.into()
}

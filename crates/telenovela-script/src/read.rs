//! YAML text to shows, characters and scenes. Every problem of a file comes at once; nothing here touches the disk.

mod arc;
mod character;
mod episode;
mod scene;
mod show;

pub(crate) use arc::{arc, crossed, too_many_motifs};
pub(crate) use character::{CharacterFile, character};
pub(crate) use episode::episode;
pub(crate) use scene::{scene, scene_show};
pub(crate) use show::show;

use crate::arc::StoryArc;
use crate::yaml::Mapping;

/// What a scene or a character can refer to in its show.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShowFacts {
    /// Of the spoken lines.
    pub(crate) language: String,
    pub(crate) people: Vec<Person>,
    pub(crate) plot_lines: Vec<String>,
    /// The built-in one and the show's own.
    pub(crate) arcs: Vec<StoryArc>,
}

/// What a scene must know of a character to judge who can speak.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) offstage: bool,
    pub(crate) role: String,
}

/// `extensions:` belongs to other programs; it may hold anything.
fn skip_extensions(top: &mut Mapping<'_>) {
    let _ = top.take("extensions");
}

#[cfg(test)]
mod tests;

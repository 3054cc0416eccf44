//! An episode: scenes that follow each other, and what they carry along.
//!
//! A loose end of the same name is the same in all scenes; so is a secret. Whoever was there remembers what it heard, and keeps its mood.

use crate::scene::{Scene, SceneId, Thread};
use crate::show::ShowId;

/// A validated episode: every scene of it can be played, each where the one before has left off.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The stem of the file, before `.episode.yaml`.
    pub id: SceneId,
    /// The show whose people play it.
    pub show: ShowId,
    /// As the title card shows it.
    pub title: String,
    /// What was told before, or what it is about, in a sentence or two.
    pub premise: Option<String>,
    /// In order, at least two; each but the last ends on the beat of its cliffhanger, the last with the card of the episode.
    pub scenes: Vec<Scene>,
}

/// The loose ends of scenes that are performed one after the other, each once, in the order in which they are named first.
///
/// One must be resolved if any scene says so, unless the last scene itself says that it is carried on from there. It is open from the start if the
/// first scene that names it says so, and its resolution is that of the scene that resolves it.
pub fn threads<'a>(scenes: impl IntoIterator<Item = &'a Scene>) -> Vec<Thread> {
    let mut threads: Vec<Thread> = Vec::new();
    for scene in scenes {
        // What an earlier scene carries on has come to a later one.
        for thread in &mut threads {
            thread.carried = false;
        }
        for thread in &scene.threads {
            let Some(known) = threads.iter_mut().find(|known| known.id == thread.id) else {
                threads.push(thread.clone());
                continue;
            };
            known.must_resolve |= thread.must_resolve;
            known.carried = thread.carried;
            let resolves = scene
                .beats
                .iter()
                .any(|beat| beat.resolves.contains(&thread.id));
            if thread.resolution.is_some() && (resolves || known.resolution.is_none()) {
                known.resolution.clone_from(&thread.resolution);
            }
        }
    }
    for thread in &mut threads {
        thread.must_resolve &= !thread.carried;
    }
    threads
}

/// Everybody who takes part in one of the scenes, in the order in which they are named first.
pub fn cast<'a>(scenes: impl IntoIterator<Item = &'a Scene>) -> Vec<crate::character::CharacterId> {
    let mut cast = Vec::new();
    for id in scenes.into_iter().flat_map(|scene| &scene.cast) {
        if !cast.contains(id) {
            cast.push(id.clone());
        }
    }
    cast
}

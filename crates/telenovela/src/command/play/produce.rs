//! A production: a scene or an episode is read, every part given to a mind, the playbill written.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use telenovela_lm::weights::{fingerprint, sha256_of_file};
use telenovela_script::arc::TELENOVELA;
use telenovela_script::character::{Base, Character, CharacterId};
use telenovela_script::episode;
use telenovela_script::event::{
    CastMember, FORMAT_VERSION, Playbill, PlaybillPlotLine, PlaybillScene, PlaybillThread,
    ThreadState, Utterance,
};
use telenovela_script::load::{Piece, Workspace};
use telenovela_script::scene::{Scene, SceneId, Thread};
use telenovela_script::show::{PlotLineId, Show};
use telenovela_script::voice::{Cue, Explanation, Take, Voice, VoiceError};
use telenovela_stage::production::{Audience, Patience, Production, Role};

use crate::command::library::{ENSEMBLE, Library, plot_model};
use crate::command::note;
use crate::failure::Failure;

/// How long a voice is waited for. A line takes a small model a fraction of a second, also on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands on the playbill beside cast and seed.
struct Bill {
    id: SceneId,
    title: String,
    premise: Option<String>,
    sha256: String,
    /// At least one.
    scenes: Vec<Scene>,
    /// Empty for a scene that is performed alone.
    of_episode: Vec<PlaybillScene>,
}

/// Everything that a performance needs, for nobody who watches. Says who has no trained model, and will lose every turn.
pub(in crate::command) fn produce(
    workspace: &Workspace,
    piece: &Piece,
    seed: u64,
) -> Result<(Production, SceneId), Failure> {
    let bill = bill(workspace, piece)?;
    let show = workspace.load_show(&piece.file().show)?;
    let mut library = Library::open(workspace, show)?;
    library.mix_in(plots(&bill.scenes));
    let (members, cast) = cast(workspace, &mut library, &bill.scenes)?;
    let playbill = playbill(workspace, &library, &bill, seed, members)?;
    let production = Production {
        playbill,
        scenes: bill.scenes,
        cast,
        audience: Audience::Unattended,
        patience: Patience::For(PATIENCE),
    };
    Ok((production, bill.id))
}

/// The plot lines of all beats, each once.
fn plots(scenes: &[Scene]) -> BTreeSet<PlotLineId> {
    let beats = scenes.iter().flat_map(|scene| &scene.beats);
    let plots = beats.flat_map(|beat| &beat.plot);
    plots.map(|(plot, _)| plot.clone()).collect()
}

fn bill(workspace: &Workspace, piece: &Piece) -> Result<Bill, Failure> {
    match piece {
        Piece::Scene(file) => {
            let scene = workspace.load_scene(file)?;
            Ok(Bill {
                id: scene.id.clone(),
                title: scene.title.clone(),
                premise: scene.premise.clone(),
                sha256: sha256_of_scene(&scene, &file.path)?,
                scenes: vec![scene],
                of_episode: Vec::new(),
            })
        }
        Piece::Episode(file) => {
            let episode = workspace.load_episode(file)?;
            let mut of_episode = Vec::new();
            for scene in &episode.scenes {
                let path = workspace.scene_path(&scene.show, &scene.id);
                of_episode.push(PlaybillScene {
                    scene: scene.id.clone(),
                    title: scene.title.clone(),
                    scene_sha256: sha256_of_scene(scene, &path)?,
                    takes: scene.takes,
                    policy: scene.policy,
                    n_beats: scene.beats.len(),
                });
            }
            Ok(Bill {
                id: episode.id,
                title: episode.title,
                premise: episode.premise,
                sha256: sha256_of_file(&file.path).map_err(Failure::Model)?,
                scenes: episode.scenes,
                of_episode,
            })
        }
    }
}

/// Gives every part to a mind. Who has none is mute; a performance in which nobody who is seen could speak is not begun.
fn cast(
    workspace: &Workspace,
    library: &mut Library<'_>,
    scenes: &[Scene],
) -> Result<(Vec<CastMember>, Vec<Role>), Failure> {
    let (mut roles, mut members) = (Vec::new(), Vec::new());
    let mut missing = Vec::new();
    for id in episode::cast(scenes) {
        let engaged = match id.as_guest() {
            None => engage(workspace, library, &id, &id)?,
            Some((show, at_home)) => {
                let show = workspace.load_show(&show)?;
                let mut library = Library::open(workspace, show)?;
                engage(workspace, &mut library, &id, &at_home)?
            }
        };
        members.push(CastMember {
            on_stage: begins_on_stage(&engaged.role.character, scenes),
            ..engaged.member
        });
        roles.push(engaged.role);
        missing.extend(engaged.missing.map(|failure| (id, failure)));
    }
    let is_missing = |role: &Role| missing.iter().any(|(id, _)| *id == role.character.id);
    let nobody_is_seen = roles.iter().all(|role| role.character.offstage);
    let mut seen = roles
        .iter()
        .filter(|role| nobody_is_seen || !role.character.offstage);
    let nobody_could_speak = seen.all(is_missing);
    if nobody_could_speak && !missing.is_empty() {
        return Err(missing.swap_remove(0).1);
    }
    for (id, failure) in &missing {
        note(&format!(
            "Warning: {failure}\n  until then `{id}` says only what its author wrote, loses every other turn, and soon leaves"
        ));
    }
    Ok((members, roles))
}

/// One of the cast, ready to play.
struct Engaged {
    role: Role,
    member: CastMember,
    /// Why it is mute, if it is.
    missing: Option<Failure>,
}

/// Gives one part to a mind. A guest is called otherwise on stage than at home.
fn engage(
    workspace: &Workspace,
    library: &mut Library<'_>,
    on_stage: &CharacterId,
    at_home: &CharacterId,
) -> Result<Engaged, Failure> {
    let known = library
        .characters
        .iter()
        .find(|character| character.id == *at_home)
        .cloned();
    // Validation has found everybody; a file that went away since then is the only reason left.
    let character =
        known.ok_or_else(|| Failure::Input(format!("`{on_stage}` has no file any more")))?;
    let voice = if on_stage == at_home {
        library.voice(&character)
    } else {
        library.guest_voice(&character)
    };
    let (voice, missing): (Box<dyn Voice>, _) = match voice {
        Ok(voice) => (Box::new(voice), None),
        Err(missing @ Failure::ModelMissing { .. }) => (Box::new(Mute), Some(missing)),
        Err(other) => return Err(other),
    };
    let sum = |path: &Path| sha256_of_file(path).map_err(Failure::Model);
    let sum_of_model = |model: &str| match missing {
        None => sum(&library.path(model)),
        Some(_) => Ok(String::new()),
    };
    let character = Character {
        id: on_stage.clone(),
        ..character
    };
    let member = CastMember {
        character: character.id.clone(),
        name: character.name.clone(),
        color: character.color,
        offstage: character.offstage,
        on_stage: false,
        cps: character.delivery.cps,
        file_sha256: sum(&workspace.character_path(&library.show.id, at_home))?,
        model_sha256: sum_of_model(at_home.as_str())?,
        ensemble_sha256: match character.base {
            Base::Ensemble => sum_of_model(ENSEMBLE)?,
            Base::None => String::new(),
        },
    };
    Ok(Engaged {
        role: Role { character, voice },
        member,
        missing,
    })
}

/// The mind of somebody who has no trained model.
struct Mute;

impl Voice for Mute {
    fn hear(&mut self, _: &Utterance) {}

    /// As one who would speak as often as others, so that what is missing is noticed under every policy.
    fn bid(&self) -> f32 {
        0.5
    }

    fn takes(&self, _: &Cue, _: &[u64]) -> Result<Vec<Take>, VoiceError> {
        Err(VoiceError::Failed(String::from("it has no trained model")))
    }

    fn explain(&self, _: &Take) -> Explanation {
        Explanation::default()
    }

    fn fork(&self) -> Box<dyn Voice> {
        Box::new(Self)
    }
}

fn begins_on_stage(character: &Character, scenes: &[Scene]) -> bool {
    let id = &character.id;
    let mut first = scenes.iter().take(1);
    let is_there = first.any(|scene| scene.cast.contains(id) && !scene.absent.contains(id));
    is_there && !character.offstage
}

fn playbill(
    workspace: &Workspace,
    library: &Library<'_>,
    bill: &Bill,
    seed: u64,
    cast: Vec<CastMember>,
) -> Result<Playbill, Failure> {
    let show = &library.show;
    let plot_line = |plot: &PlotLineId| -> Result<PlaybillPlotLine, Failure> {
        let file = library.path(&plot_model(plot));
        Ok(PlaybillPlotLine {
            plot: plot.clone(),
            model_sha256: sha256_of_file(&file).map_err(Failure::Model)?,
        })
    };
    let plot_lines = library.mixed_in().map(plot_line);
    let plot_lines = plot_lines.collect::<Result<_, _>>()?;
    let Some(first) = bill.scenes.first() else {
        return Err(Failure::Stage(telenovela_stage::error::StageError::NoScene));
    };
    let beats = bill.scenes.iter().flat_map(|scene| &scene.beats);
    let threads = episode::threads(&bill.scenes).into_iter();
    Ok(Playbill {
        format: FORMAT_VERSION,
        program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        show: show.id.clone(),
        show_title: show.title.clone(),
        language: show.language.clone(),
        scene: bill.id.clone(),
        title: bill.title.clone(),
        scene_sha256: bill.sha256.clone(),
        show_sha256: sha256_of_show(workspace, show)?,
        setting: first.setting.clone(),
        premise: bill.premise.clone(),
        seed,
        takes: first.takes,
        policy: first.policy,
        cast,
        plot_lines,
        beats: beats.map(|beat| beat.title.clone()).collect(),
        threads: threads.map(on_playbill).collect(),
        scenes: bill.of_episode.clone(),
    })
}

fn on_playbill(thread: Thread) -> PlaybillThread {
    PlaybillThread {
        thread: thread.id,
        question: thread.question,
        must_resolve: thread.must_resolve,
        state: if thread.open {
            ThreadState::Open
        } else {
            ThreadState::Dormant
        },
    }
}

/// Of the scene's file; where its arc is the show's own, of that file too.
fn sha256_of_scene(scene: &Scene, path: &Path) -> Result<String, Failure> {
    let mut sum = sha256_of_file(path).map_err(Failure::Model)?;
    if let Some(arc) = scene.arc.as_ref().filter(|arc| arc.as_str() != TELENOVELA) {
        let arc = path.with_file_name(format!("{arc}.arc.yaml"));
        let of_arc = sha256_of_file(&arc).map_err(Failure::Model)?;
        sum = fingerprint([sum.as_bytes(), of_arc.as_bytes()]);
    }
    Ok(sum)
}

/// Over the show's file and its scripts: the models' scores depend on both.
fn sha256_of_show(workspace: &Workspace, show: &Show) -> Result<String, Failure> {
    let file = workspace.show_path(&show.id);
    let scripts = show
        .scripts
        .iter()
        .map(|script| workspace.root().join(script));
    let mut sums = Vec::new();
    for path in std::iter::once(file).chain(scripts) {
        sums.push(sha256_of_file(&path).map_err(Failure::Model)?);
    }
    Ok(fingerprint(sums.iter().map(|sum| sum.as_bytes())))
}

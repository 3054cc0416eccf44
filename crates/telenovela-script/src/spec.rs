//! A scene as it was typed: names not yet resolved, each with where it stands. [`validate`](crate::validate) makes a
//! [`Scene`](crate::scene::Scene) of it. Shows and characters name little that lies elsewhere and need no such step.

use crate::arc::ArcId;
use crate::problem::Span;
use crate::scene::{Limits, Setting, TurnPolicy};
use crate::yaml::At;

pub(crate) struct SceneSpec {
    pub(crate) title: String,
    pub(crate) setting: Setting,
    pub(crate) premise: Option<String>,
    pub(crate) cast: Vec<At<String>>,
    pub(crate) absent: Vec<At<String>>,
    pub(crate) arc: Option<ArcId>,
    pub(crate) policy: At<TurnPolicy>,
    pub(crate) order: Vec<At<String>>,
    pub(crate) limits: Limits,
    pub(crate) takes: usize,
    pub(crate) max_lines: At<u32>,
    pub(crate) threads: Vec<ThreadSpec>,
    pub(crate) secrets: Vec<SecretSpec>,
    pub(crate) beats: Vec<BeatSpec>,
    pub(crate) card: String,
}

pub(crate) struct EpisodeSpec {
    pub(crate) title: String,
    pub(crate) premise: Option<String>,
    pub(crate) scenes: Vec<ChainedSpec>,
    pub(crate) card: Option<String>,
}

/// A scene of an episode.
pub(crate) struct ChainedSpec {
    pub(crate) scene: At<String>,
    pub(crate) cliffhanger: Option<CliffhangerSpec>,
}

pub(crate) struct CliffhangerSpec {
    pub(crate) span: Span,
    pub(crate) thread: Option<At<String>>,
    /// Whose own words are cut off.
    pub(crate) by: Option<At<String>>,
    /// How that line may begin.
    pub(crate) prime: Vec<String>,
    /// The author's words instead.
    pub(crate) line: Option<LineSpec>,
    pub(crate) card: Option<String>,
}

pub(crate) struct ThreadSpec {
    pub(crate) id: At<String>,
    pub(crate) question: String,
    pub(crate) must_resolve: bool,
    pub(crate) open: bool,
    pub(crate) carried: bool,
    pub(crate) resolution: Option<String>,
}

pub(crate) struct BeatSpec {
    pub(crate) id: At<String>,
    pub(crate) step: Option<StepSpec>,
    pub(crate) title: String,
    pub(crate) tension: f32,
    pub(crate) policy: Option<At<TurnPolicy>>,
    pub(crate) order: Vec<At<String>>,
    pub(crate) visible_to: Option<Vec<At<String>>>,
    pub(crate) enter: Vec<At<String>>,
    pub(crate) exit: Vec<At<String>>,
    pub(crate) speakers: Vec<(At<String>, f32)>,
    pub(crate) roles: Vec<(At<String>, f32)>,
    pub(crate) prime: Vec<(At<String>, Vec<String>)>,
    pub(crate) motifs: Vec<String>,
    pub(crate) deliveries: Vec<String>,
    pub(crate) interruptions: Option<f32>,
    pub(crate) plot: Vec<(At<String>, f32)>,
    pub(crate) open_with: Vec<LineSpec>,
    pub(crate) must_say: Vec<LineSpec>,
    pub(crate) close_with: Vec<LineSpec>,
    pub(crate) lines: Span,
    pub(crate) min_lines: u32,
    pub(crate) max_lines: u32,
    pub(crate) done_when: WaitingSpec,
    pub(crate) opens: Vec<At<String>>,
    pub(crate) advances: Vec<At<String>>,
    pub(crate) resolves: Vec<At<String>>,
    pub(crate) reveals: Vec<At<String>>,
}

pub(crate) struct SecretSpec {
    pub(crate) id: At<String>,
    pub(crate) known_by: Vec<At<String>>,
    pub(crate) prime: Vec<String>,
    /// It is meant to stay one.
    pub(crate) kept: bool,
}

/// The step of the arc that a beat takes.
pub(crate) struct StepSpec {
    pub(crate) id: At<String>,
    /// Its place in the arc.
    pub(crate) place: usize,
}

pub(crate) struct WaitingSpec {
    pub(crate) motifs: At<u32>,
    pub(crate) everybody: bool,
    pub(crate) speakers: Vec<At<String>>,
    pub(crate) words: Vec<String>,
}

pub(crate) struct LineSpec {
    pub(crate) by: At<String>,
    pub(crate) text: String,
    pub(crate) visible_to: Option<Vec<At<String>>>,
    pub(crate) delivery: Option<String>,
    pub(crate) pause_before_ms: Option<u64>,
}

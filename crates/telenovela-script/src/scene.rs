//! A scene that is performed: who, where, the arc in beats, the loose ends, and how it ends.

use crate::character::CharacterId;
use crate::show::{PlotLineId, ShowId, id};

id!(
    /// Names a scene within its show: the stem of its YAML file.
    SceneId
);
id!(
    /// Names a beat within its scene.
    BeatId
);
id!(
    /// Names a thread within its scene.
    ThreadId
);

/// A validated scene: every id in it exists, every beat can be played, every thread that must close does.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The stem of the file.
    pub id: SceneId,
    /// The show whose people play it.
    pub show: ShowId,
    /// As the title card shows it.
    pub title: String,
    /// Where and when.
    pub setting: Setting,
    /// One sentence under the heading: what stands as the curtain rises. Action, spoken by nobody.
    pub premise: Option<String>,
    /// Everybody who takes part, in order; those not in `absent` are on stage at the start.
    pub cast: Vec<CharacterId>,
    /// Those of the cast who wait in the wings until a beat's `enter`.
    pub absent: Vec<CharacterId>,
    /// How the next speaker is chosen.
    pub policy: TurnPolicy,
    /// Takes per generated line.
    pub takes: usize,
    /// No performance of this scene is longer, in utterances.
    pub max_lines: u32,
    /// Loose ends.
    pub threads: Vec<Thread>,
    /// The arc, in order; never empty.
    pub beats: Vec<Beat>,
    /// What the audience is told when the last beat is over.
    pub ending: Ending,
}

/// Where and when a scene plays; a Fountain heading in parts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setting {
    /// Indoors (`INT.`) or outdoors (`EXT.`).
    pub interior: bool,
    /// The place.
    pub place: String,
    /// Time of day.
    pub time: String,
}

/// How the next speaker is chosen among those who may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnPolicy {
    /// In the order of the cast.
    RoundRobin,
    /// By talkativeness × beat weight × balance; more when addressed.
    Weighted,
    /// As `Weighted`, times each model's own probability that the next turn is its.
    Bid,
}

/// A loose end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its name in beats.
    pub id: ThreadId,
    /// What the audience wants to know.
    pub question: String,
    /// Whether the scene must not end before it is resolved.
    pub must_resolve: bool,
    /// Whether it is already open as the curtain rises.
    pub open: bool,
    /// What `performance_ended` tells the audience of how it ended.
    pub resolution: Option<String>,
}

/// A step of the arc.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    /// Its name.
    pub id: BeatId,
    /// For people; shown as the beat is entered.
    pub title: String,
    /// 0 (calm) to 1 (thunder): moves temperature, pace and pauses.
    pub tension: f32,
    /// Who comes on stage as the beat begins.
    pub enter: Vec<CharacterId>,
    /// Who leaves when the beat is over.
    pub exit: Vec<CharacterId>,
    /// Weight of each in the choice of the speaker; who is not named weighs 1, 0 silences.
    pub speakers: Vec<(CharacterId, f32)>,
    /// Openings that a speaker's line may be primed with; one is drawn by seed, and only once in a performance.
    pub prime: Vec<(CharacterId, Vec<String>)>,
    /// Words whose appearance in a take is welcome.
    pub motifs: Vec<String>,
    /// Plot lines mixed into the speaker's own distribution, with their weights.
    pub plot: Vec<(PlotLineId, f32)>,
    /// Lines said as the beat begins, before any generated one.
    pub open_with: Vec<AuthoredLine>,
    /// Lines that are said on the way, spread evenly among the generated ones.
    pub must_say: Vec<AuthoredLine>,
    /// Lines that end the beat.
    pub close_with: Vec<AuthoredLine>,
    /// Generated lines at least.
    pub min_lines: u32,
    /// Generated lines at most. Between the two the beat ends when a motif has been heard and everybody weighted has spoken.
    pub max_lines: u32,
    /// Threads opened as the beat begins.
    pub opens: Vec<ThreadId>,
    /// Threads brought further as the beat begins.
    pub advances: Vec<ThreadId>,
    /// Threads resolved as the beat ends.
    pub resolves: Vec<ThreadId>,
}

/// A line written by the author of the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthoredLine {
    /// Who says it; always somebody on stage (or offstage by nature).
    pub by: CharacterId,
    /// The words.
    pub text: String,
    /// How, without parentheses.
    pub delivery: Option<String>,
    /// Silence before it, in milliseconds of performance time; `None` lets the delivery decide.
    pub pause_before_ms: Option<u64>,
}

/// What the audience is told at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// `THE END`, or `To be continued…`.
    pub card: String,
}

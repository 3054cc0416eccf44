//! A scene that is performed: who, where, the arc in beats, the loose ends, and how it ends.

use crate::arc::{ArcId, StepId};
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
id!(
    /// Names a secret within its scene.
    SecretId
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
    /// The arc whose steps its beats may take.
    pub arc: Option<ArcId>,
    /// How the next speaker is chosen, where a beat does not say otherwise.
    pub policy: TurnPolicy,
    /// Whose turn it is under [`TurnPolicy::List`], over and over; empty under every other policy.
    pub order: Vec<CharacterId>,
    /// What no choice of a speaker may exceed.
    pub limits: Limits,
    /// Takes per generated line.
    pub takes: usize,
    /// No performance of this scene is longer, in utterances.
    pub max_lines: u32,
    /// Loose ends.
    pub threads: Vec<Thread>,
    /// What only some know.
    pub secrets: Vec<Secret>,
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
    /// In the order of a list that the author wrote, over and over; it begins anew with each beat.
    List,
    /// By talkativeness × beat weight × balance; who is addressed by name goes first.
    Weighted,
    /// As `Weighted`, times each model's own probability that the next turn is its.
    Bid,
    /// By the user, line by line; where nobody watches, or the user lets the director choose, as `Weighted`.
    Manual,
}

/// Bounds of who may go on speaking. Those that leave nobody are forgiven, so that no scene stalls on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines in a row of anybody; `None` leaves it to each character's own `max_repeat`.
    pub repeats: Option<u32>,
    /// Lines of others after which somebody on stage has to be given the floor; `None` only pushes, as each character's own `max_idle` says.
    pub idle: Option<u32>,
    /// Lines that two people may exchange while a third could speak; 0 for as many as they like. Voices from offstage are no third.
    pub ping_pong: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            repeats: None,
            idle: None,
            ping_pong: 8,
        }
    }
}

/// What a beat waits for, once it has its minimum of lines. All of it must have happened; a beat that waits for nothing ends at its minimum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// So many of the beat's motifs have been heard, in lines that the author of the scene did not put there.
    pub motifs: u32,
    /// Everybody whom the beat weighs by name above 0, and who still can, has spoken in it.
    pub everybody: bool,
    /// These have spoken in it, as long as they still can.
    pub speakers: Vec<CharacterId>,
    /// One of these words or phrases has been heard in it, whoever put it there; empty when none is waited for.
    pub words: Vec<String>,
}

/// A loose end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its name in beats.
    pub id: ThreadId,
    /// What the audience wants to know.
    pub question: String,
    /// Whether the scene must not end before it is resolved, or the episode it is carried through.
    pub must_resolve: bool,
    /// Whether it is already open as the curtain rises.
    pub open: bool,
    /// Whether this scene may leave it open for a later one of an episode.
    pub carried: bool,
    /// What `performance_ended` tells the audience of how it ended.
    pub resolution: Option<String>,
}

/// What only some know, until a beat reveals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name in beats.
    pub id: SecretId,
    /// Who knows it.
    pub known_by: Vec<CharacterId>,
    /// Openings that it puts into the mouths of those who know it, and of nobody else, as long as it is one.
    pub prime: Vec<String>,
}

/// A step of the arc.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    /// Its name.
    pub id: BeatId,
    /// The step of the scene's arc that it takes, if any.
    pub step: Option<StepId>,
    /// For people; shown as the beat is entered.
    pub title: String,
    /// 0 (calm) to 1 (thunder): moves temperature, pace, deliveries, interruptions and pauses.
    pub tension: f32,
    /// How its speakers are chosen; `None` for as the scene says.
    pub policy: Option<TurnPolicy>,
    /// Whose turn it is under [`TurnPolicy::List`]; empty for as the scene says.
    pub order: Vec<CharacterId>,
    /// Who alone hears its lines, and speaks in it, voices from offstage apart; `None` for everybody on stage.
    pub visible_to: Option<Vec<CharacterId>>,
    /// Who comes on stage as the beat begins.
    pub enter: Vec<CharacterId>,
    /// Who leaves when the beat is over.
    pub exit: Vec<CharacterId>,
    /// Weight of each in the choice of the speaker; who is not named weighs as its role does, or 1. 0 silences.
    pub speakers: Vec<(CharacterId, f32)>,
    /// Weight of everybody on stage of a role whom `speakers` does not name.
    pub roles: Vec<(String, f32)>,
    /// Openings that a speaker's line may be primed with; one is drawn by seed, and only once in a performance.
    pub prime: Vec<(CharacterId, Vec<String>)>,
    /// Words whose appearance in a take is welcome.
    pub motifs: Vec<String>,
    /// How lines may be said; the director asks for one of these the more often the higher the tension.
    pub deliveries: Vec<String>,
    /// How likely a generated line is cut off by the next, 0 to 1; `None` lets the tension decide.
    pub interruptions: Option<f32>,
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
    /// Generated lines at most.
    pub max_lines: u32,
    /// Between the two the beat ends when this has happened.
    pub done_when: Waiting,
    /// Threads opened as the beat begins.
    pub opens: Vec<ThreadId>,
    /// Threads brought further as the beat begins.
    pub advances: Vec<ThreadId>,
    /// Threads resolved as the beat ends.
    pub resolves: Vec<ThreadId>,
    /// Secrets that are none any more when the beat is over.
    pub reveals: Vec<SecretId>,
    /// The loose end on which it leaves the audience hanging: its generated line is cut off. Only the last beat of a scene that an episode goes on
    /// from has one.
    pub cliffhanger: Option<Cliffhanger>,
}

/// How a scene ends that another one follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cliffhanger {
    /// The loose end that is open then.
    pub thread: ThreadId,
    /// What the audience is told: `To be continued…`.
    pub card: String,
}

/// A line written by the author of the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthoredLine {
    /// Who says it; always somebody on stage (or offstage by nature).
    pub by: CharacterId,
    /// The words.
    pub text: String,
    /// Who alone hears it, its speaker apart: an aside, a telephone call. `None` for everybody on stage.
    pub visible_to: Option<Vec<CharacterId>>,
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

//! What happened in a performance. One [`Event`] per line of JSON is the log; transcript, export and replay are projections of it.
//!
//! These types are the log's format, so they serialize as they stand; [`FORMAT_VERSION`] counts its incompatible changes.

use crate::character::{CharacterId, Color};
use crate::mood::Mood;
use crate::scene::{BeatId, SceneId, Setting, ThreadId, TurnPolicy};
use crate::show::{PlotLineId, ShowId};
use crate::voice::Take;

/// Of the log's format.
pub const FORMAT_VERSION: u32 = 2;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// Counts from 0 without gaps.
    pub seq: u64,
    /// Performance time in milliseconds, from pace and pauses; never from a clock.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)]
pub enum EventKind {
    /// Always the first.
    PerformanceStarted(Playbill),
    /// A scene of an episode began. A scene that is performed alone has no such event.
    SceneEntered {
        /// Which scene.
        scene: SceneId,
        /// Its title.
        title: String,
        /// Its place in the episode, from 0.
        index: usize,
        /// Where and when.
        setting: Setting,
        /// What stands as its curtain rises.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        premise: Option<String>,
        /// Who is on stage, voices from offstage included, in the order of its cast. Everybody else has gone.
        on_stage: Vec<CharacterId>,
    },
    /// A scene of an episode is over, and another one follows.
    Cliffhanger {
        /// The scene that is over.
        scene: SceneId,
        /// Its place in the episode, from 0.
        index: usize,
        /// The loose end on which it ends.
        thread: ThreadId,
        /// The card shown: `To be continued…`.
        card: String,
    },
    /// The arc went on.
    BeatEntered {
        /// Which beat.
        beat: BeatId,
        /// Its title.
        title: String,
        /// Its place among the beats of the playbill, from 0.
        index: usize,
        /// Its tension, 0 to 1.
        tension: f32,
    },
    /// The director gave somebody the floor.
    SpeakerChosen {
        /// The turn that follows, from 0.
        turn: u64,
        /// Who.
        speaker: CharacterId,
        /// The rule that decided.
        because: Because,
        /// Everybody who could have, with every factor of the choice.
        candidates: Vec<Candidate>,
        /// Under policy `list`: the place in the list, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<usize>,
    },
    /// A line was spoken.
    Utterance(Spoken),
    /// A loose end was opened, brought further or tied up.
    ThreadChanged {
        /// Which thread.
        thread: ThreadId,
        /// What it is now.
        state: ThreadState,
    },
    /// Somebody came on stage.
    StageEntered {
        /// Who.
        character: CharacterId,
    },
    /// Somebody left.
    StageLeft {
        /// Who.
        character: CharacterId,
        /// Why.
        reason: LeaveReason,
    },
    /// A character lost its turn.
    VoiceFailed {
        /// Who.
        character: CharacterId,
        /// In what way.
        failure: Failure,
        /// What its voice said.
        error: String,
        /// How many had lost this turn before it, from 0.
        attempt: u32,
    },
    /// A line that was said before is another one from here on. Lines after it stay as they were said; what is said from here on remembers the
    /// new one.
    LineChanged(ChangedLine),
    /// The user took a hand in it.
    Command {
        /// How.
        command: Command,
    },
    /// The performance went back and on from an earlier event.
    Rewound {
        /// The last event that still counts, of whatever branch.
        to_seq: u64,
        /// The branch that begins here: 1 for the first. What came after `to_seq` stays in the log, on its own branch.
        branch: u32,
    },
    /// Always the last.
    PerformanceEnded {
        /// Why.
        reason: EndReason,
        /// The card shown: `THE END`.
        card: String,
        /// Each thread, what became of it, and in which words.
        threads: Vec<ThreadOutcome>,
        /// Words of all generated lines of the cast, the offstage voices left out.
        generated_words: u64,
        /// Words of all authored lines of the cast, the offstage voices left out.
        authored_words: u64,
    },
}

/// All that a performance depends on, and what its audience is told first.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Playbill {
    /// [`FORMAT_VERSION`] of the log.
    pub format: u32,
    /// Name and version of the program.
    pub program: String,
    /// The show.
    pub show: ShowId,
    /// Its title.
    pub show_title: String,
    /// Language of the spoken lines.
    pub language: String,
    /// The scene, or the episode.
    pub scene: SceneId,
    /// Its title.
    pub title: String,
    /// SHA-256 of the scene file, in hexadecimal; of its arc's file after it, where the arc is the show's own. Of an episode: of its file.
    pub scene_sha256: String,
    /// SHA-256 over the show's file and its scripts, in hexadecimal.
    pub show_sha256: String,
    /// Where and when; of an episode, of its first scene.
    pub setting: Setting,
    /// What stands as the curtain rises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premise: Option<String>,
    /// Of the whole performance.
    pub seed: u64,
    /// Takes per generated line; of an episode, of its first scene.
    pub takes: usize,
    /// How speakers are chosen; of an episode, in its first scene.
    pub policy: TurnPolicy,
    /// Everybody, in the order of the scene; of an episode, in the order in which its scenes name them first.
    pub cast: Vec<CastMember>,
    /// The plot lines whose models are mixed into what is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plot_lines: Vec<PlaybillPlotLine>,
    /// Titles of the beats, in order; of an episode, of all its scenes.
    pub beats: Vec<String>,
    /// The loose ends; of an episode, of all its scenes, each once.
    pub threads: Vec<PlaybillThread>,
    /// The scenes of an episode, in order; empty for a scene that is performed alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<PlaybillScene>,
}

/// A scene of an episode on the playbill.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlaybillScene {
    /// Which.
    pub scene: SceneId,
    /// Its title.
    pub title: String,
    /// As [`Playbill::scene_sha256`] of the scene.
    pub scene_sha256: String,
    /// Takes per generated line.
    pub takes: usize,
    /// How speakers are chosen.
    pub policy: TurnPolicy,
    /// How many of the playbill's beats are its own, that of its cliffhanger included.
    pub n_beats: usize,
}

/// One of the cast.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CastMember {
    /// Who.
    pub character: CharacterId,
    /// As it stands above a line.
    pub name: String,
    /// Of the name.
    pub color: Color,
    /// Heard but not seen.
    pub offstage: bool,
    /// Whether on stage as the curtain rises.
    pub on_stage: bool,
    /// Characters per second of the typewriter.
    pub cps: f32,
    /// SHA-256 of its file, in hexadecimal.
    pub file_sha256: String,
    /// SHA-256 of its weights, in hexadecimal; empty for one that has none.
    pub model_sha256: String,
    /// SHA-256 of the ensemble that scores it, in hexadecimal; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ensemble_sha256: String,
}

/// A plot line on the playbill.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlaybillPlotLine {
    /// Which.
    pub plot: PlotLineId,
    /// SHA-256 of its model, in hexadecimal.
    pub model_sha256: String,
}

/// A loose end on the playbill.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlaybillThread {
    /// Which.
    pub thread: ThreadId,
    /// What the audience wants to know.
    pub question: String,
    /// Whether the scene must not end before it is resolved.
    pub must_resolve: bool,
    /// As the curtain rises.
    pub state: ThreadState,
}

/// A line as spoken; what everybody on stage hears.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Utterance {
    /// Counts from 0.
    pub turn: u64,
    /// Who.
    pub speaker: CharacterId,
    /// As it stands above the line.
    pub name: String,
    /// How, without parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// The words.
    pub text: String,
    /// Silence before it, in performance time.
    pub pause_ms: u64,
    /// Whose words they are.
    pub provenance: Provenance,
}

/// An utterance with what was considered on the way to it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spoken {
    /// Stable within the performance, whatever is rewound or changed: `<scene>-<turn>`, on branch n `<scene>-<turn>.<n>`.
    pub id: String,
    /// The beat it was spoken in.
    pub beat: BeatId,
    /// The line, as it was heard.
    #[serde(flatten)]
    pub utterance: Utterance,
    /// The line as it would have gone on, when the next speaker cut it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_text: Option<String>,
    /// How fast it was spoken, in characters per second of performance time.
    pub cps: f32,
    /// All takes, in the order of their seeds; empty unless generated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<Take>,
    /// Which take was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<usize>,
    /// Longest run of words of the kept take that stands so in the show's scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_words: Option<u32>,
    /// Loose ends that the line's beat opens, brings further or ties up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadId>,
    /// Who alone heard it, its speaker apart; `None` for everybody on stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_to: Option<Vec<CharacterId>>,
}

/// A line as it is after a change.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ChangedLine {
    /// [`Spoken::id`] of the line.
    pub id: String,
    /// Its turn.
    pub turn: u64,
    /// What was done.
    pub change: Change,
    /// The takes that this change adds to those of the line; empty unless it was taken again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<Take>,
    /// Which take is kept now, counted over all takes of the line, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<usize>,
    /// How it is said now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// What is said now.
    pub text: String,
    /// Whose words these are.
    pub provenance: Provenance,
    /// What was said before.
    pub text_before: String,
    /// Whose words those were.
    pub provenance_before: Provenance,
}

/// How a line was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// New takes were made.
    Retake,
    /// Another take was picked.
    Pick,
    /// The user wrote it anew.
    Edit,
}

/// In what way a character lost its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Its voice said that it cannot speak.
    Refused,
    /// Its voice panicked, and begins anew from what it had heard.
    Panicked,
    /// It did not answer in time, and a new voice takes its place.
    Late,
    /// None of its takes could be heard.
    Unfit,
}

/// Whose words a line is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The character's own model.
    Generated,
    /// The author of the scene.
    Authored,
    /// The user, with `:`.
    Injected,
    /// A line of the character's file, because no take was fit to be heard.
    Fallback,
    /// The user's, in the place of what was said.
    Edited,
}

/// Who says what the user says as a voice from outside: nobody of the cast. Not the name of any character, which begin with a letter.
pub const OUTSIDE: &str = "@outside";

/// The rule that gave somebody the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// An authored line of the beat is due.
    Authored,
    /// The user spoke.
    Injected,
    /// The user chose.
    Chosen,
    /// The turn policy.
    Policy,
    /// Nobody else could.
    OnlyOne,
}

/// One who could have spoken, and every factor of the choice. `weight` is their product, and 0 means barred; under the policies `round_robin` and
/// `list` it is `order` alone, as long as the beat lets that one speak.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Candidate {
    /// Who.
    pub character: CharacterId,
    /// From the character's file.
    pub talkativeness: f32,
    /// From the beat.
    pub beat: f32,
    /// Above 1 for who has had less than its share of the floor, below for who has had more.
    pub balance: f32,
    /// Above 1 for who has been silent for long; 0 while somebody else has reached the scene's limit of silence, else 1.
    pub idle: f32,
    /// Above 1 for who was just addressed by name.
    pub addressed: f32,
    /// The model's own bid (policy `bid`), else 1.
    pub bid: f32,
    /// 0 for who has just spoken as often in a row as it may, else 1.
    pub repeat: f32,
    /// What the user's mood for it adds or takes, else 1.
    pub mood: f32,
    /// 0 for two who have had the floor to themselves for as long as they may, else 1.
    pub ping_pong: f32,
    /// Under an ordered policy 1 for whose turn it is and 0 for everybody else; else 1.
    pub order: f32,
    /// The product.
    pub weight: f32,
}

/// What a loose end has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadState {
    /// Not yet.
    Dormant,
    /// The audience wonders.
    Open,
    /// The audience knows more.
    Advanced,
    /// Tied up.
    Resolved,
}

/// A loose end at the end.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ThreadOutcome {
    /// Which.
    pub thread: ThreadId,
    /// What the audience wanted to know.
    pub question: String,
    /// What it came to.
    pub state: ThreadState,
    /// In words, from the scene file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// Why somebody left the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// The beat said so.
    Exit,
    /// Its voice failed too often.
    Failed,
}

/// What the user did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Said a line as somebody.
    Say {
        /// As whom.
        speaker: CharacterId,
        /// How, without parentheses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery: Option<String>,
        /// The words.
        text: String,
    },
    /// Chose the next speaker.
    NextSpeaker {
        /// Whom; `None` for whomever the director chooses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speaker: Option<CharacterId>,
    },
    /// Gave somebody a mood.
    Mood {
        /// Whom.
        character: CharacterId,
        /// Which.
        mood: Mood,
    },
    /// Ended the generated lines of the beat: what its author wrote is still said.
    SkipBeat,
    /// Gave the beat more lines.
    ExtendBeat {
        /// How many.
        lines: u32,
    },
    /// Had new takes made of a line.
    Retake {
        /// Its turn.
        turn: u64,
    },
    /// Picked another take of a line.
    PickTake {
        /// The turn of the line.
        turn: u64,
        /// Which, counted over all takes of the line, in the order in which they were made.
        take: usize,
    },
    /// Wrote a line anew.
    Edit {
        /// The turn of the line.
        turn: u64,
        /// How it is said, without parentheses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery: Option<String>,
        /// The words.
        text: String,
    },
    /// Went back to a line, to go on differently after it.
    Rewind {
        /// The turn of the last line that stays.
        turn: u64,
    },
    /// Ended the performance.
    Stop,
}

/// Why a performance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The last beat was played and every thread that must be is resolved.
    Concluded,
    /// The scene's `max_lines` was reached.
    MaxLines,
    /// The user stopped it.
    Stopped,
    /// Nobody was left who could speak.
    NobodyLeft,
}

/// Where the director writes events; a log file, a vector in tests. Called for every event before anybody sees it.
pub trait EventSink: Send {
    /// Takes one event.
    ///
    /// # Errors
    /// When it cannot be kept; the performance then stops.
    fn write(&mut self, event: &Event) -> std::io::Result<()>;

    /// Everything written so far, in order. The director asks for it when the performance goes back, or a voice begins anew: neither happens often.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_back(&mut self) -> std::io::Result<Vec<Event>>;

    /// Called as a beat ends and at the end: what was written must survive a crash from here on.
    ///
    /// # Errors
    /// As [`write`](EventSink::write).
    fn sync(&mut self) -> std::io::Result<()>;
}

impl EventSink for Vec<Event> {
    fn write(&mut self, event: &Event) -> std::io::Result<()> {
        self.push(event.clone());
        Ok(())
    }

    fn read_back(&mut self) -> std::io::Result<Vec<Event>> {
        Ok(self.clone())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

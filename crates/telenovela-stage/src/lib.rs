//! The stage: a scene director and character actors over bounded tokio channels.
//!
//! The stage knows [`Voice`](telenovela_script::voice::Voice), never a model. In reading order:
//!
//! * [`production`]: what a performance is made of, and who watches it. [`prompter`]: how a line came about, told outside of the performance.
//! * [`director`]: [`perform`](director::perform) starts it; [`DirectorHandle`](director::DirectorHandle) is how the audience takes a hand.
//! * [`story`]: what has been said. [`turn`]: who speaks next. [`take`]: which of the takes is kept. [`timing`]: pauses in performance time. [`seed`]: where every
//!   random draw comes from. [`words`]: names and motifs in a line. [`mood`]: what a user's mood does. All of them are pure functions.
//!
//! Private are the agenda of a beat (what comes next in it), the story so far (a projection of the events), the company (who is on stage) and
//! the actor of one character.
//!
//! The director is the only writer of the event log. Given the same production, the log is the same to the byte, whoever watches and however
//! many threads work.

mod actor;
mod agenda;
mod company;
pub mod director;
pub mod error;
pub mod mood;
pub mod production;
pub mod prompter;
pub mod seed;
pub mod story;
pub mod take;
pub mod timing;
pub mod turn;
pub mod words;

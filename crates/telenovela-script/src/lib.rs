//! The words of the theatre, and how they are read and written.
//!
//! Everything here is plain data and pure functions: no clock, no random number, no thread, no model. Only [`load`] and
//! [`save`] touch the disk. The modules in reading order:
//!
//! * [`show`], [`character`], [`arc`], [`scene`], [`episode`], [`script`]: what a workspace holds, validated. None of it derives `Deserialize`.
//! * [`voice`]: the trait between the stage and the models, with [`Cue`](voice::Cue), [`Take`](voice::Take) and its score card.
//! * [`event`]: what happened in a performance; the format of the log. [`cut`]: what of it counts in the end. [`mood`]: what a user may give a
//!   character for a while.
//! * [`problem`]: what is wrong with a file, where, and how to mend it.
//! * [`load`]: a workspace on the disk, found, read and checked. [`save`]: files written whole, and the log.
//! * [`fountain`]: scripts in and out. [`export`]: a performance as a transcript. [`template`]: a new character's file.
//! * [`text`]: what may reach a terminal or a file.

pub mod arc;
pub mod character;
pub mod cut;
pub mod episode;
pub mod event;
pub mod export;
pub mod fountain;
pub mod load;
pub mod mood;
pub mod problem;
mod read;
pub mod save;
pub mod scene;
pub mod script;
pub mod show;
mod spec;
pub mod template;
pub mod text;
mod validate;
pub mod voice;
mod yaml;

/// The same cases on every run and every machine, and no file left behind.
#[cfg(test)]
pub(crate) fn fixed_cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..proptest::test_runner::Config::default()
    }
}

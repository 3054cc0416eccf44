//! The theatre as a program: command line, terminal, wiring. The stage, the models and the words live in their own crates.

pub mod headless;
pub mod tui;
pub mod wrap;

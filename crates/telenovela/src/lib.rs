//! The theatre as a program: command line, terminal, wiring. The stage, the models and the words live in their own crates.

pub mod cli;
pub mod command;
pub mod failure;
pub mod headless;
pub mod language;
pub mod tui;
pub mod wrap;

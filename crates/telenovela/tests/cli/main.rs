//! The program from outside: what it prints, writes and answers, run as a user runs it, in workspaces of its own.

mod bench;
mod corpus;
mod data_set;
mod episodes;
mod errors;
mod export;
mod guests;
mod invariants;
mod killed;
mod log;
#[cfg(unix)]
mod manners;
mod open_models;
mod own_character;
mod page;
mod play;
mod resume;
mod say;
mod schema;
mod screen;
mod shipped;
mod talk;
mod theatre;
mod train;

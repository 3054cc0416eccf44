//! Whole scenes with scripted voices: no model, no clock, no sleep.

mod arcs;
mod audience;
mod endings;
mod episodes;
mod failures;
mod generated_scenes;
mod past;
mod prompted;
mod same_seed;
mod scripted;
mod seeds;
mod theatre;
mod turns;
mod whole_scenes;

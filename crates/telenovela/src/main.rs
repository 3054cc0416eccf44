//! The command `telenovela`.

use std::process::ExitCode;

use clap::Parser;
use telenovela::cli::Cli;
use telenovela::{command, failure};

fn main() -> ExitCode {
    match command::run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => failure::report(&failure),
    }
}

//! The command `telenovela`.

fn main() {}

//! The command line: what may be typed, and what each command says of itself. Nothing here is checked beyond its form.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use crate::language::Language;
use crate::tui::theme::{Theme, ThemeName};

/// A terminal theatre of small neural characters: each is its own LSTM, trained on its own lines.
#[derive(Debug, Parser)]
#[command(
    name = "telenovela",
    version,
    max_term_width = 100,
    after_help = "Examples:
  telenovela                               the lobby: scenes, episodes, past performances
  telenovela play                          a scene of the shipped show performs in the terminal
  telenovela play the-wedding --seed 7     the same evening, every time
  telenovela say ines --takes 5            five lines of Inés, with their score cards
  telenovela new character Lola            a character of your own; then: telenovela train lola
  telenovela train --recipe talk salt-and-thunder      where it all began: one plain LSTM

Exit codes: 0 ok, 1 failed, 2 usage, 3 bad input, 4 model missing, 5 input or output."
)]
pub struct Cli {
    /// Folder with `characters/` and `scenes/`; by default this one, or the nearest above it that has them
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    pub workspace: Option<PathBuf>,
    /// How everything looks and what it speaks.
    #[command(flatten)]
    pub look: Look,
    /// What to do; without it, the lobby: everything that can be played, replayed and trained, to choose from
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How the screens look and what they speak.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Look {
    /// Language of the interface; by default the locale's, where it is one of these
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub lang: Option<Language>,
    /// Colours of the screens
    #[arg(long, global = true, value_enum, value_name = "THEME", default_value_t)]
    pub theme: ThemeName,
    /// Nothing moves on the screens but the script: no typewriter, no breathing silences, no falling light
    #[arg(long, global = true)]
    pub no_animation: bool,
}

impl Look {
    /// The language that was asked for, or the locale's.
    pub fn language(self) -> Language {
        self.lang.unwrap_or_else(Language::from_env)
    }

    /// The colours that were asked for, or those that the environment tells.
    pub fn theme(self) -> Theme {
        Theme::named(self.theme)
    }
}

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum Command {
    /// Perform a scene
    Play(Play),
    /// Show a performance as it was
    Replay(Replay),
    /// Perform a log again from its first line, and say whether every byte agrees
    Verify(Verify),
    /// Train the models of shows or characters, as far as they are not up to date
    Train(Train),
    /// Print lines of a character, with their score cards
    Say(Say),
    /// Check every file of the workspace
    Check,
    /// Measure the scripts of a show: repeats, vocabulary, and whether its people can be told apart
    Corpus(Corpus),
    /// Write a performance as a transcript
    Export(Export),
    /// Show how a line becomes numbers
    Tokens(Tokens),
    /// Begin a file of your own
    #[command(subcommand)]
    New(New),
    /// Measure how fast this machine trains and speaks, in about a minute
    Bench(Bench),
}

/// Perform a scene.
#[derive(Debug, Args)]
pub struct Play {
    /// A scene or an episode: its name, show/name, or its file; by default the first scene of the first show
    pub scene: Option<String>,
    /// Repeats a performance; drawn when left out, and printed at the end
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print the performance as plain text, as it also is where there is no terminal
    #[arg(long)]
    pub headless: bool,
    /// Where the log goes; by default performances/<scene>-<seed>.jsonl, numbered when that is taken
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Replace the file given with --log
    #[arg(long, requires = "log")]
    pub force: bool,
    /// Go on with a performance that broke off, to the end that it would have had
    #[arg(long, value_name = "LOG", conflicts_with_all = ["seed", "log"])]
    pub resume: Option<PathBuf>,
}

/// Show a performance as it was.
#[derive(Debug, Args)]
pub struct Replay {
    /// The log of a performance; by default the latest in performances/
    pub log: Option<PathBuf>,
    /// So many times as fast as it was played; as plain text without it: at once
    #[arg(long, value_parser = speed)]
    pub speed: Option<f64>,
    /// Print it as plain text, as it also is where there is no terminal
    #[arg(long)]
    pub headless: bool,
}

/// Perform a log again.
#[derive(Debug, Args)]
pub struct Verify {
    /// The log of a performance; by default the latest in performances/
    pub log: Option<PathBuf>,
    /// The scene, where its file lies outside of the workspace
    #[arg(long)]
    pub scene: Option<String>,
}

fn speed(text: &str) -> Result<f64, String> {
    number_in(text, 0.01..=1_000.0)
}

fn temperature(text: &str) -> Result<f32, String> {
    number_in(text, 0.01..=10.0)
}

fn number_in<N: FromStr + PartialOrd + Display>(
    text: &str,
    range: RangeInclusive<N>,
) -> Result<N, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!(
            "a number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

/// Train models.
#[derive(Debug, Args)]
pub struct Train {
    /// Shows, or characters (name or show/name); by default every show
    #[arg(value_name = "SHOW|CHARACTER")]
    pub names: Vec<String>,
    /// Train exactly what is named: of a show its ensemble alone, of a character not the ensemble it grows from
    #[arg(long, requires = "names")]
    pub only: bool,
    /// Instead of the models of the theatre, train the plain network of the talk on a show, or on several together; a megabyte of text takes one core about twelve minutes
    #[arg(
        long,
        value_enum,
        value_name = "RECIPE",
        requires = "names",
        conflicts_with = "only"
    )]
    pub recipe: Option<RecipeName>,
    /// How often it reads the text; the weights of each time are kept
    #[arg(long, requires = "recipe", default_value_t = telenovela_lm::talk::EPOCHS as u16, value_parser = clap::value_parser!(u16).range(1..=999))]
    pub epochs: u16,
    /// Train also what is up to date, and begin anew where a training was broken off
    #[arg(long)]
    pub force: bool,
    /// Add what happens to a file, as JSON lines with the figures of each epoch; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Threads to work on in all; by default one per core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Write a checkpoint after so many steps; by default as often as costs under 2 % of the time
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..))]
    pub checkpoint_every: Option<u32>,
}

/// Recipes besides those that shows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RecipeName {
    /// That of Lorena Mesa's talk «¡Escuincla babosa!»: characters one-hot, one LSTM of 256 units
    Talk,
}

/// Print lines.
#[derive(Debug, Args)]
pub struct Say {
    /// A character (name or show/name), or a show: then its ensemble speaks; with --recipe talk a show, or several as SHOW+SHOW
    #[arg(value_name = "CHARACTER|SHOW")]
    pub name: String,
    /// First words of every line
    #[arg(long, default_value = "")]
    pub prime: String,
    /// A line to answer; `NAME: text` says whose it is
    #[arg(long)]
    pub cue: Option<String>,
    /// How many lines
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub takes: u16,
    /// Longest line, in characters; what reaches it is cut off there
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub chars: Option<u16>,
    /// Repeats the same lines; drawn when left out
    #[arg(long)]
    pub seed: Option<u64>,
    /// How daring the choice of what comes next is: near 0 always the likeliest; by default the character's, 0.5 with --recipe talk
    #[arg(long, value_parser = temperature)]
    pub temperature: Option<f32>,
    /// Let the network of the talk write: 100 characters, or as many as --chars says
    #[arg(long, value_enum, value_name = "RECIPE", conflicts_with_all = ["cue", "takes", "likeliest"])]
    pub recipe: Option<RecipeName>,
    /// As it was after so many epochs; by default after the one with the lowest loss. Means --recipe talk
    #[arg(long, conflicts_with_all = ["cue", "takes", "likeliest"], value_parser = clap::value_parser!(u16).range(1..))]
    pub epoch: Option<u16>,
    /// Read the best take like an editor: the surprise of every piece, what else might have stood there, the parts of the score, the nearest script line
    #[arg(long, conflicts_with = "likeliest")]
    pub explain: bool,
    /// Instead of takes, the likeliest line, token by token, and what else might have come; with --json all logits too
    #[arg(long, conflicts_with_all = ["takes", "seed"])]
    pub likeliest: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// Show tokens.
#[derive(Debug, Args)]
pub struct Tokens {
    /// A show
    pub show: String,
    /// A line as it might stand in a script
    pub line: String,
    /// As the network of the talk reads it, with its one-hot rows
    #[arg(long, value_enum, value_name = "RECIPE")]
    pub recipe: Option<RecipeName>,
}

/// Measure scripts.
#[derive(Debug, Args)]
pub struct Corpus {
    /// A show; may be left out where there is only one
    pub show: Option<String>,
    /// A text whose vocabulary is the yardstick, such as tinyshakespeare; lines of `NAME:` are left out
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Say also where: repeated lines, worn passages, marker phrases, who is taken for whom
    #[arg(long, conflicts_with = "json")]
    pub details: bool,
    /// One JSON document on standard output, everything in it
    #[arg(long, conflicts_with = "lines")]
    pub json: bool,
    /// No figures but the lines themselves: one JSON object for each turn, with its scene, plot lines and split
    #[arg(long, conflicts_with_all = ["against", "details"])]
    pub lines: bool,
}

/// Write a transcript.
#[derive(Debug, Args)]
pub struct Export {
    /// The log of a performance; by default the latest in performances/
    pub log: Option<PathBuf>,
    /// fountain, markdown, text, json, html (a page that performs it in a browser) or cast (for asciinema); by default what the name of the file says, else
    /// fountain
    #[arg(long)]
    pub format: Option<String>,
    /// Of the terminal that a cast is made for
    #[arg(long, value_name = "COLUMNSxROWS", default_value_t)]
    pub size: telenovela_script::export::cast::Size,
    /// Where it goes; `-` is standard output
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the file
    #[arg(long)]
    pub force: bool,
}

/// Begin a file of your own.
#[derive(Debug, Subcommand)]
pub enum New {
    /// Write a commented YAML file for a character whose lines you type
    Character(NewCharacter),
}

/// Begin a character.
#[derive(Debug, Args)]
pub struct NewCharacter {
    /// As it stands above its lines
    pub name: String,
    /// The show it joins; may be left out where there is only one
    #[arg(long)]
    pub show: Option<String>,
    /// Replace the file
    #[arg(long)]
    pub force: bool,
}

/// Measure.
#[derive(Debug, Args)]
pub struct Bench {
    /// Only this
    pub what: Option<Benched>,
    /// Threads to work on; by default one per core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// About how long each workload runs
    #[arg(long, value_name = "SECONDS", default_value_t = 6.0)]
    pub seconds: f64,
    /// Text to train on; by default one that is made up
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Measure one workload (T1, G1-256, …; or `limits`) in this process and print it as JSON
    #[arg(long, value_name = "WORKLOAD", conflicts_with = "what")]
    pub only: Option<String>,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Benched {
    /// Training
    Train,
    /// Speaking
    Speak,
}

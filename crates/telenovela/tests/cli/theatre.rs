//! A workspace with a very small show in it, and the program run there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use telenovela_script::event::{Event, EventKind, Spoken};
use telenovela_script::save::read_log;
use tempfile::TempDir;

/// Everybody in the show, in the order of their files.
pub(crate) const CAST: [&str; 5] = ["camera", "clara", "narrator", "odette", "rene"];

/// Where the models of the show lie.
pub(crate) const MODELS: &str = "characters/ferry/models";

/// A workspace, gone when dropped.
pub(crate) struct Theatre {
    folder: TempDir,
}

impl Theatre {
    /// The show as it is written, with no models.
    pub(crate) fn untrained() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ferry"),
            folder.path(),
        );
        Self { folder }
    }

    /// The show with its models. They are trained once for all tests of the process.
    pub(crate) fn trained() -> Self {
        static MODEL_FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
        let files = MODEL_FILES.get_or_init(|| {
            let theatre = Self::untrained();
            theatre.run(&["train"]).expect_success();
            theatre.models()
        });
        let theatre = Self::untrained();
        fs::create_dir(theatre.path(MODELS)).unwrap();
        for (name, bytes) in files {
            fs::write(theatre.path(MODELS).join(name), bytes).unwrap();
        }
        theatre
    }

    /// Every model file of the show, by name.
    pub(crate) fn models(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path(MODELS)).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    /// A file of the workspace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Puts one piece of text in the place of another, which must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no «{from}»");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// The program, ready to run in the workspace.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        command.args(args).current_dir(self.folder.path());
        command
    }

    /// Runs the program in the workspace.
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&self.command(args).output().unwrap())
    }

    /// The events of a log, which must be whole.
    pub(crate) fn events(&self, log: &str) -> Vec<Event> {
        let log = read_log(&self.path(log)).unwrap();
        assert_eq!(log.torn, None);
        log.events
    }
}

/// The program with an environment that is the same everywhere, and nothing on its standard input.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telenovela"));
    command
        .stdin(Stdio::null())
        .env("LC_ALL", "C.UTF-8")
        .env_remove("NO_GRAPHICS")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Checks the exit code, and that standard error tells each of these, however its lines are broken.
    #[track_caller]
    pub(crate) fn expect_failure(self, code: i32, told: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        let unwrapped = in_one_line(&self.stderr);
        for piece in told {
            assert!(
                unwrapped.contains(piece),
                "no «{piece}» in:\n{}",
                self.stderr
            );
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// A report without the breaks of its lines and the frame around them.
fn in_one_line(report: &str) -> String {
    let words = report
        .split_whitespace()
        .filter(|word| !matches!(*word, "│" | "×" | "·"));
    words.collect::<Vec<_>>().join(" ")
}

/// The lines that were spoken.
pub(crate) fn spoken(events: &[Event]) -> impl Iterator<Item = &Spoken> {
    events.iter().filter_map(|event| match &event.kind {
        EventKind::Utterance(spoken) => Some(spoken),
        _ => None,
    })
}

/// Copies what is in a folder, and in those within it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

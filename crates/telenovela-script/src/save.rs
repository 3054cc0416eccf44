//! Writing files so that a crash leaves the old one or the new one, and the log of a performance.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::event::{Event, EventKind, EventSink, FORMAT_VERSION, Playbill};

/// What to do when the file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// Leave it and fail.
    Refuse,
    /// Put the new one in its place.
    Replace,
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// It is there already, and nobody said that it may go.
    #[error("{} exists already; `--force` replaces it", .0.display())]
    Exists(PathBuf),
    /// A folder, a device or a pipe, which no file may take the place of.
    #[error("{} is no regular file, and stays what it is", .0.display())]
    NoFile(PathBuf),
    /// The disk failed.
    #[error("{} cannot be written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk failed, or the file is not there.
    #[error("{} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line before the last is no event, or not the one whose turn it is.
    #[error("{}:{line}: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

/// Writes a whole file: into a temporary one beside it, to the disk, and then by renaming. Missing folders are made.
///
/// # Errors
/// When the file exists and must not be replaced, when something else than a file has its name, or the disk fails.
pub fn save(path: &Path, content: &[u8], if_exists: IfExists) -> Result<(), SaveError> {
    let failed = |source| SaveError::Io {
        path: path.to_owned(),
        source,
    };
    // Renaming would put a file in the place of `/dev/null` as well, for whoever may write there.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(SaveError::NoFile(path.to_owned()));
    }
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .permissions_of_new_file()
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let renamed = match if_exists {
        IfExists::Refuse => file.persist_noclobber(path),
        IfExists::Replace => file.persist(path),
    };
    renamed.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => SaveError::Exists(path.to_owned()),
        _ => failed(error.error),
    })?;
    sync_folder(folder).map_err(failed)
}

/// Gives a file that [`save`] has written another name, in the place of whatever file has it, so that it outlasts a crash. Both names lie on one disk.
///
/// # Errors
/// When something else than a file has the name, or the disk fails.
pub fn rename(from: &Path, to: &Path) -> Result<(), SaveError> {
    let failed = |source| SaveError::Io {
        path: to.to_owned(),
        source,
    };
    if to.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(SaveError::NoFile(to.to_owned()));
    }
    let folder = folder_of(to);
    fs::create_dir_all(folder).map_err(failed)?;
    fs::rename(from, to).map_err(failed)?;
    sync_folder(folder).map_err(failed)
}

/// Temporary files are private by default; what is saved here is meant to be read like any other file.
trait PermissionsOfNewFile {
    fn permissions_of_new_file(&mut self) -> &mut Self;
}

impl PermissionsOfNewFile for tempfile::Builder<'_, '_> {
    #[cfg(unix)]
    fn permissions_of_new_file(&mut self) -> &mut Self {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask still takes away what the user does not want to give.
        self.permissions(fs::Permissions::from_mode(0o666))
    }

    #[cfg(not(unix))]
    fn permissions_of_new_file(&mut self) -> &mut Self {
        self
    }
}

/// Writes a performance to its log as it happens: one line of JSON, one write, per event.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    path: PathBuf,
    /// The first event, which the file holds from its beginning on, until the performance begins with it.
    header: Option<Vec<u8>>,
}

impl LogWriter {
    /// Begins a log with the event that every log begins with: whatever happens, there is no log without it, and so none that nobody could go on with.
    /// Missing folders are made.
    ///
    /// # Errors
    /// When the file exists and must not be replaced, or the disk fails.
    pub fn create(path: &Path, if_exists: IfExists, header: &Event) -> Result<Self, SaveError> {
        let failed = |source: io::Error| SaveError::Io {
            path: path.to_owned(),
            source,
        };
        let line = line_of(header).map_err(failed)?;
        // A device or a pipe takes the log as it comes.
        let is_file = path.metadata().map_or(true, |there| there.is_file());
        match if_exists {
            _ if is_file => save(path, &line, if_exists)?,
            IfExists::Refuse => return Err(SaveError::Exists(path.to_owned())),
            IfExists::Replace => {}
        }
        let mut options = OpenOptions::new();
        let file = options.append(true).open(path).map_err(failed)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            header: is_file.then_some(line),
        })
    }

    /// Goes on with a log where it breaks off; a torn last line is cut off.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn go_on(path: &Path, log: &Log) -> Result<Self, SaveError> {
        let failed = |source: io::Error| SaveError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        file.set_len(log.whole_bytes).map_err(failed)?;
        file.seek(io::SeekFrom::End(0)).map_err(failed)?;
        let mut writer = Self {
            file,
            path: path.to_owned(),
            header: None,
        };
        if !log.ends_in_line_feed {
            writer.file.write_all(b"\n").map_err(failed)?;
        }
        Ok(writer)
    }
}

impl EventSink for LogWriter {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let line = line_of(event)?;
        if self.header.take().is_some_and(|header| header == line) {
            return Ok(());
        }
        self.file.write_all(&line)
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        let log = read_log(&self.path).map_err(io::Error::other)?;
        Ok(log.events)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// An event as it stands in a log.
fn line_of(event: &Event) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    Ok(line)
}

/// A log as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Everything that was written whole.
    pub events: Vec<Event>,
    /// The last line, from 1, when it was cut off in the middle and is left out; a crash does that.
    pub torn: Option<usize>,
    /// Bytes up to the end of the last whole event.
    pub whole_bytes: u64,
    /// Whether a line feed stands there; a crash may cut off nothing but that.
    ends_in_line_feed: bool,
}

impl Log {
    /// What the first event says.
    pub fn playbill(&self) -> Option<&Playbill> {
        match &self.events.first()?.kind {
            EventKind::PerformanceStarted(playbill) => Some(playbill),
            _ => None,
        }
    }

    /// Whether the performance came to its end.
    pub fn is_complete(&self) -> bool {
        let last = self.events.last().map(|event| &event.kind);
        matches!(last, Some(EventKind::PerformanceEnded { .. }))
    }
}

/// Reads the log of a performance.
///
/// # Errors
/// When it cannot be read, when any line but a torn last one is damaged, when events are missing, or when it is of another format.
pub fn read_log(path: &Path) -> Result<Log, LogError> {
    let bytes = fs::read(path).map_err(|source| LogError::Io {
        path: path.to_owned(),
        source,
    })?;
    parse_log(&bytes).map_err(|(line, message)| LogError::Damaged {
        path: path.to_owned(),
        line,
        message,
    })
}

fn parse_log(bytes: &[u8]) -> Result<Log, (usize, String)> {
    let mut events: Vec<Event> = Vec::new();
    let mut torn = None;
    let (mut whole_bytes, mut ends_in_line_feed) = (0, true);
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = i + 1;
        let event: Event = match serde_json::from_slice(line) {
            Ok(event) => event,
            // Only the last line can lack its line feed.
            Err(_) if !line.ends_with(b"\n") => {
                torn = Some(number);
                break;
            }
            Err(error) => return Err((number, format!("this is no event: {error}"))),
        };
        if event.seq != events.len() as u64 {
            let message = format!(
                "event {} stands here, where event {} should",
                event.seq,
                events.len()
            );
            return Err((number, message));
        }
        match (&event.kind, number) {
            (EventKind::PerformanceStarted(playbill), 1) if playbill.format == FORMAT_VERSION => {}
            (EventKind::PerformanceStarted(playbill), 1) => {
                let message = format!(
                    "the log has format {}, and this program reads format {FORMAT_VERSION}",
                    playbill.format
                );
                return Err((number, message));
            }
            (EventKind::PerformanceStarted(_), _) => {
                return Err((number, String::from("a second performance begins here")));
            }
            (_, 1) => {
                return Err((
                    number,
                    String::from("a log begins with `performance_started`"),
                ));
            }
            _ => {}
        }
        whole_bytes += line.len() as u64;
        ends_in_line_feed = line.ends_with(b"\n");
        events.push(event);
    }
    if events.is_empty() {
        return Err((
            1,
            String::from("the log holds no event: nothing was performed yet"),
        ));
    }
    Ok(Log {
        events,
        torn,
        whole_bytes,
        ends_in_line_feed,
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a new name in a folder survive a crash.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be opened, let alone synced, here.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::performance;

    #[test]
    fn a_saved_file_is_replaced_only_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/down/a.txt");
        save(&path, b"one", IfExists::Refuse).unwrap();
        let refused = save(&path, b"two", IfExists::Refuse).unwrap_err();
        assert!(matches!(refused, SaveError::Exists(_)), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        save(&path, b"three", IfExists::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "a temporary file was left behind");
        let other = folder.path().join("b.txt");
        save(&other, b"four", IfExists::Refuse).unwrap();
        rename(&other, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"four");
        assert!(!other.exists());
    }

    #[test]
    fn what_is_no_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        for if_exists in [IfExists::Refuse, IfExists::Replace] {
            let refused = save(&path, b"one", if_exists).unwrap_err();
            assert!(matches!(refused, SaveError::NoFile(_)), "{refused}");
        }
        let file = folder.path().join("file");
        save(&file, b"one", IfExists::Refuse).unwrap();
        let refused = rename(&file, &path).unwrap_err();
        assert!(matches!(refused, SaveError::NoFile(_)), "{refused}");
        assert!(path.is_dir());
        // A socket stands for every device and pipe: it can be made without help.
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt as _;
            let path = folder.path().join("b");
            let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
            let refused = save(&path, b"one", IfExists::Replace).unwrap_err();
            assert!(matches!(refused, SaveError::NoFile(_)), "{refused}");
            assert!(path.metadata().unwrap().file_type().is_socket());
        }
    }

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("performances/x.jsonl");
        let header = &performance()[0];
        let mut log = LogWriter::create(&path, IfExists::Refuse, header).unwrap();
        // Whoever is killed from here on leaves a log that one can go on with.
        assert_eq!(read_log(&path).unwrap().events, performance()[..1]);
        for event in performance() {
            log.write(&event).unwrap();
        }
        log.sync().unwrap();
        let read = read_log(&path).unwrap();
        assert_eq!(read.events, performance());
        assert_eq!(read.torn, None);
        assert!(matches!(
            LogWriter::create(&path, IfExists::Refuse, header),
            Err(SaveError::Exists(_))
        ));
        LogWriter::create(&path, IfExists::Replace, header).unwrap();
        assert_eq!(read_log(&path).unwrap().events, performance()[..1]);
    }

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in performance() {
            bytes.extend(serde_json::to_vec(&event).unwrap());
            bytes.push(b'\n');
        }
        bytes
    }

    #[test]
    fn a_torn_last_line_is_left_out_wherever_it_was_torn() {
        let bytes = written();
        let events = performance();
        let last = serde_json::to_vec(events.last().unwrap()).unwrap().len() + 1;
        for cut in 2..last {
            let log = parse_log(&bytes[..bytes.len() - cut]).unwrap();
            assert_eq!(log.events.len(), events.len() - 1);
            assert_eq!(log.torn, (cut < last).then_some(events.len()));
        }
        // Without its line feed alone, the event is whole.
        let log = parse_log(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!((log.events.len(), log.torn), (events.len(), None));
    }

    #[test]
    fn other_damage_is_told_with_its_line() {
        let text = String::from_utf8(written()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let garbled = format!("{}\n{{\"seq\":1,\n{}\n", lines[0], lines[2]);
        assert_eq!(parse_log(garbled.as_bytes()).unwrap_err().0, 2);
        let gap = format!("{}\n{}\n", lines[0], lines[2]);
        let (line, message) = parse_log(gap.as_bytes()).unwrap_err();
        assert_eq!(line, 2);
        assert_eq!(message, "event 2 stands here, where event 1 should");
        let newer = text.replacen("\"format\":2", "\"format\":9", 1);
        assert!(
            parse_log(newer.as_bytes())
                .unwrap_err()
                .1
                .contains("format 9")
        );
        assert!(parse_log(b"").is_err());
    }
}

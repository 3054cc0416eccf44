//! One training of a model at a time, whatever the number of processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Held while a model is trained: a file that the system has locked for this process, and unlocks when the process ends, however it ends. The file
/// tells who holds it.
#[derive(Debug)]
pub(super) struct Lock {
    /// Locked as long as it is open.
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits until nobody else holds it. `waiting` is told once, with the number of the process that does.
    pub(super) fn take(path: &Path, waiting: impl FnOnce(Option<u32>)) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut waiting = Some(waiting);
        let mut vanished = 0;
        loop {
            let mut file = match open(path, folder) {
                // Another process has removed the empty folder between making it and opening the file. That it is there again by now says nothing,
                // so the error alone counts; only where it never ends, as with a link to nowhere, is it told.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && vanished < MOST_VANISHED =>
                {
                    vanished += 1;
                    continue;
                }
                file => file?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if let Some(waiting) = waiting.take() {
                        waiting(holder(&mut file));
                    }
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever held it may have removed the file while this process waited for it; a lock on that is worth nothing.
            if is_at(&file, path) {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                return Ok(Self {
                    _file: file,
                    path: path.to_owned(),
                });
            }
        }
    }
}

/// How often the folder may vanish under somebody who opens a lock in it.
const MOST_VANISHED: usize = 10_000;

/// Opens the file, and makes it and its folder where they are missing.
fn open(path: &Path, folder: &Path) -> io::Result<File> {
    match fs::create_dir_all(folder) {
        // It was there, and is gone again or is no folder: opening the file tells which.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

/// The process that holds a lock, as far as its file can be read.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), path.metadata()) {
        (Ok(here), Ok(there)) => (here.dev(), here.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// The file is never removed here, because it could not be while it is open.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked, so nobody else has taken it. What cannot be removed only stays lying about.
        #[cfg(unix)]
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent() {
            // Fails as long as there is anything in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn only_one_holds_it_and_nothing_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".training/clara.lock");
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = Lock::take(&path, |_| ()).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 8 * 50);
        assert_eq!(cfg!(unix), !path.parent().unwrap().exists());
    }

    #[test]
    fn what_a_dead_process_left_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clara.lock");
        fs::write(&path, "4194304\n").unwrap();
        let lock = Lock::take(&path, |_| panic!("nobody holds it")).unwrap();
        let told = fs::read_to_string(&path).unwrap();
        assert_eq!(told, format!("{}\n", std::process::id()));
        drop(lock);
    }

    #[test]
    fn who_has_to_wait_is_told_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clara.lock");
        let lock = Lock::take(&path, |_| ()).unwrap();
        let (send, told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| Lock::take(&path, move |who| send.send(who).unwrap()).unwrap());
            let who = told.recv().unwrap();
            assert_eq!(who, cfg!(unix).then(std::process::id));
            drop(lock);
        });
    }
}

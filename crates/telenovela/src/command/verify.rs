//! `telenovela verify`

use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use telenovela_script::event::{Event, EventSink};
use telenovela_script::load::Workspace;
use telenovela_script::save::{Log, read_log};
use telenovela_stage::director::{Again, perform_again};

use super::export::latest;
use super::play::{is_played_from, join, piece_of, produce, runtime};
use super::{print, shown};
use crate::cli::Verify;
use crate::failure::Failure;

/// Performs a log again and compares every byte.
pub(super) fn run(workspace: &Workspace, args: &Verify) -> Result<ExitCode, Failure> {
    let path = match &args.log {
        Some(path) => path.clone(),
        None => latest(&workspace.performances())?,
    };
    let log = read_log(&path)?;
    let piece = match &args.scene {
        Some(name) => workspace.find_piece(name)?,
        None => piece_of(workspace, &path, &log)?,
    };
    let seed = log.playbill().map_or(0, |playbill| playbill.seed);
    let (production, _) = produce(workspace, &piece, seed)?;
    is_played_from(&production.playbill, &path, &log)?;
    let text = std::fs::read(&path).map_err(|source| Failure::Io {
        what: shown(&path),
        source,
    })?;
    let compared = Arc::new(Mutex::new(Compared::default()));
    let sink = Comparing {
        lines: text
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        events: log.events.clone(),
        compared: Arc::clone(&compared),
    };
    let ended = runtime()?.block_on(async {
        let past = log.events.clone();
        let mut performance = perform_again(production, Box::new(sink), past, Again::Verify)?;
        while performance.events.recv().await.is_some() {}
        join(performance.ended).await
    });
    let compared = match compared.lock() {
        Ok(compared) => compared.clone(),
        Err(lock) => lock.into_inner().clone(),
    };
    tell(&log, &compared, ended.err())
}

fn tell(log: &Log, compared: &Compared, failed: Option<Failure>) -> Result<ExitCode, Failure> {
    let n_events = log.events.len();
    if let Some(other) = &compared.other {
        print(&format!(
            "Line {} is another one.\n  in the log: {}\n  now:        {}\n",
            compared.n_same + 1,
            other.0,
            other.1
        ))?;
        return Ok(ExitCode::FAILURE);
    }
    if compared.n_same < n_events {
        return Err(failed.unwrap_or_else(|| {
            Failure::Input(format!(
                "the performance ends after {} of {n_events} events",
                compared.n_same
            ))
        }));
    }
    let end = if log.is_complete() {
        ""
    } else {
        "; the log breaks off there, and goes on with: telenovela play --resume LOG"
    };
    print(&format!("Every byte agrees: {n_events} events{end}.\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// How far log and performance agree.
#[derive(Clone, Debug, Default)]
struct Compared {
    n_same: usize,
    /// The first line that is another one: in the log, and now.
    other: Option<(String, String)>,
}

/// Compares what happens with what is in the log, and stops at the first difference or where the log breaks off.
struct Comparing {
    lines: Vec<Vec<u8>>,
    events: Vec<Event>,
    compared: Arc<Mutex<Compared>>,
}

impl EventSink for Comparing {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let now = serde_json::to_vec(event)?;
        let mut compared = self
            .compared
            .lock()
            .unwrap_or_else(|lock| lock.into_inner());
        if compared.n_same == self.events.len() {
            return Err(io::Error::other("the log breaks off here"));
        }
        let then = &self.lines[compared.n_same];
        if *then == now {
            compared.n_same += 1;
            return Ok(());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        compared.other = Some((text(then), text(&now)));
        Err(io::Error::other("the performance is another one"))
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        Ok(self.events.clone())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

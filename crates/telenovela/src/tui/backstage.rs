//! What the screen wants done, done: wishes go to the director, questions to the prompter, transcripts to the disk. Answers come back.

use std::path::{Path, PathBuf};
use std::sync::mpsc as std_mpsc;
use std::thread;

use telenovela_script::export::{ExportFormat, render};
use telenovela_script::save::{IfExists, SaveError, read_log, save};
use telenovela_stage::director::DirectorHandle;
use telenovela_stage::error::Refusal;
use telenovela_stage::prompter::Prompter;
use tokio::sync::mpsc;

use super::app::Effect;
use super::inspector::Insight;
use crate::language::{Language, Phrase};

/// What the screen is told in answer to an effect.
#[derive(Debug)]
pub enum Answer {
    /// It is not done, for this reason.
    Refused(String),
    /// It is done; this is what the user may want to know.
    Told(String),
    /// How a take came about.
    Explained {
        /// The turn of its line.
        turn: u64,
        /// Which.
        take: Option<usize>,
        /// What is known of it.
        insight: Insight,
    },
}

/// Finds the prompter when it is first asked for: its minds may have to be loaded. The reason is for the user.
pub type FindPrompter = Box<dyn FnOnce() -> Result<Prompter, String> + Send>;

/// Everything behind the screen.
pub struct Backstage {
    /// Who takes wishes; `None` in a replay, where nothing can be changed.
    pub director: Option<DirectorHandle>,
    /// Who knows how lines came about.
    pub prompter: FindPrompter,
    /// The log of the performance, which holds every event before the screen does.
    pub log: PathBuf,
    /// What the user is told in.
    pub language: Language,
}

/// A question for the prompter: a turn and a take.
type Question = (u64, Option<usize>);

impl Backstage {
    /// Does what the screen wants, until the screen closes; the performance is then stopped, if it is not over.
    pub async fn serve(self, mut effects: mpsc::Receiver<Effect>, answers: mpsc::Sender<Answer>) {
        let Self {
            director,
            prompter,
            log,
            language,
        } = self;
        let questions = ask_prompter(prompter, log.clone(), language, answers.clone());
        while let Some(effect) = effects.recv().await {
            let answer = match (effect, &director) {
                (Effect::Stop | Effect::Quit, _) => break,
                (Effect::Explain { turn, take }, _) => {
                    // Without a thread for the prompter there is no answer, and the screen goes on waiting for one.
                    let _ = questions.send((turn, take));
                    None
                }
                (Effect::Export(format), _) => {
                    let log = log.clone();
                    let written = tokio::task::spawn_blocking(move || export(&log, format));
                    // It does not panic; a runtime that is shutting down tells nobody anything.
                    let written = written.await.ok();
                    written.map(|written| exported(written, language))
                }
                // The terminal is the screen's own business.
                (Effect::Suspend, _) => None,
                (Effect::Shown(seq), Some(director)) => {
                    director.shown(seq);
                    None
                }
                (Effect::Shown(_), None) => None,
                (Effect::Say { .. } | Effect::Do(_), None) => Some(Answer::Refused(
                    language.say(Phrase::RefusedReplay).to_owned(),
                )),
                (
                    Effect::Say {
                        speaker,
                        delivery,
                        text,
                    },
                    Some(director),
                ) => refusal(director.say(speaker, delivery, text).await, language),
                (Effect::Do(command), Some(director)) => {
                    refusal(director.command(command).await, language)
                }
            };
            if let Some(answer) = answer {
                // A screen that has closed meanwhile need not know.
                let _ = answers.send(answer).await;
            }
        }
        if let Some(director) = director {
            director.stop();
        }
    }
}

/// Starts the thread of the prompter: a mind at work blocks. It answers the newest question, and ends with the screen.
fn ask_prompter(
    find: FindPrompter,
    log: PathBuf,
    language: Language,
    answers: mpsc::Sender<Answer>,
) -> std_mpsc::Sender<Question> {
    let (sender, questions) = std_mpsc::channel::<Question>();
    let work = move || {
        let mut find = Some(find);
        let mut found = None;
        while let Ok(mut question) = questions.recv() {
            // Who browses quickly wants to know about what is looked at now.
            while let Ok(newer) = questions.try_recv() {
                question = newer;
            }
            if let Some(find) = find.take() {
                found = Some(find());
            }
            let insight = match &found {
                Some(Ok(prompter)) => explain(prompter, &log, question, language),
                Some(Err(why)) => Insight::Unknown(why.clone()),
                None => return,
            };
            let (turn, take) = question;
            let answer = Answer::Explained {
                turn,
                take,
                insight,
            };
            if answers.blocking_send(answer).is_err() {
                return;
            }
        }
    };
    // Without a thread the questions go nowhere.
    let _ = thread::Builder::new()
        .name("prompter".to_owned())
        .spawn(work);
    sender
}

fn explain(prompter: &Prompter, log: &Path, (turn, take): Question, language: Language) -> Insight {
    let events = match read_log(log) {
        Ok(log) => log.events,
        Err(error) => return Insight::Unknown(error.to_string()),
    };
    match prompter.explain(&events, turn, take) {
        Some(explanation) => Insight::Known(explanation),
        None => Insight::Unknown(language.say(Phrase::NothingInside).to_owned()),
    }
}

/// Writes the performance so far beside its log, under the first name that is free.
pub fn export(log: &Path, format: ExportFormat) -> Result<PathBuf, String> {
    let events = read_log(log).map_err(|error| error.to_string())?.events;
    let transcript = render(&events, format);
    let stem = log.file_stem().unwrap_or_default().to_string_lossy();
    let mut number = 1;
    loop {
        let name = match number {
            1 => format!("{stem}.{}", format.extension()),
            n => format!("{stem}-{n}.{}", format.extension()),
        };
        let path = log.with_file_name(name);
        match save(&path, transcript.as_bytes(), IfExists::Refuse) {
            Ok(()) => return Ok(path),
            Err(SaveError::Exists(_)) => number += 1,
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn exported(written: Result<PathBuf, String>, language: Language) -> Answer {
    match written {
        Ok(path) => {
            let path = path.display().to_string();
            Answer::Told(language.fill(Phrase::Exported, &[&path]))
        }
        Err(why) => Answer::Refused(language.fill(Phrase::NotExported, &[&why])),
    }
}

fn refusal(done: Result<(), Refusal>, language: Language) -> Option<Answer> {
    let said = |phrase: Phrase| language.say(phrase).to_owned();
    let reason = match done.err()? {
        Refusal::UnknownSpeaker { speaker, cast } => {
            language.fill(Phrase::RefusedUnknown, &[speaker.as_str(), &cast])
        }
        Refusal::CannotSpeak(speaker) => language.fill(Phrase::RefusedCannot, &[speaker.as_str()]),
        Refusal::Empty => said(Phrase::RefusedEmpty),
        Refusal::NoRoom => said(Phrase::RefusedNoRoom),
        Refusal::NoTake => said(Phrase::RefusedNoTake),
        Refusal::NoSuchLine { .. } => said(Phrase::NoSuchLine),
        Refusal::NoSuchTake { .. } => said(Phrase::NoOtherTake),
        Refusal::Ended => said(Phrase::IsOver),
        // Reasons that are added later are told in their own words.
        other => other.to_string(),
    };
    Some(Answer::Refused(reason))
}

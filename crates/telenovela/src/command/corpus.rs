//! `telenovela corpus`

mod lines;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use telenovela_lm::corpus::Corpus;
use telenovela_lm::measure::diversity::reference_words;
use telenovela_lm::measure::identify::Lead;
use telenovela_lm::measure::spoken::Place;
use telenovela_lm::measure::{Report, measure};
use telenovela_script::character::{Character, Lines};
use telenovela_script::load::Workspace;
use telenovela_script::script::{Script, ScriptScene, Turn};
use telenovela_script::show::{Show, ShowId};

use super::print;
use crate::cli;
use crate::failure::Failure;

/// Speakers that are told from each other, as many as in the published figures.
const LEADS: usize = 6;

/// Measures the scripts of a show.
pub(super) fn run(workspace: &Workspace, args: &cli::Corpus) -> Result<ExitCode, Failure> {
    let show = workspace.load_show(&the_show(workspace, args.show.as_deref())?)?;
    let scripts = workspace.load_scripts(&show)?;
    let corpus = Corpus::new(&scripts);
    let split = corpus.split(show.recipe.seed).map_err(Failure::Model)?;
    let sources = Sources::new(&show, &scripts);
    if args.lines {
        print(&lines::json_lines(&sources, &split))?;
        return Ok(ExitCode::SUCCESS);
    }
    let characters = workspace.load_characters(&show.id)?;
    let reference = match &args.against {
        Some(path) => Some(read_reference(path)?),
        None => None,
    };
    let report = measure(
        &corpus,
        &split,
        &leads(&characters, &corpus),
        &names(&characters),
        reference.as_deref(),
    );
    if args.json {
        let document = document(&show, &report, &sources);
        print(&format!("{document:#}\n"))?;
    } else {
        print(&table::render(&show, &report))?;
        if args.details {
            print(&table::details(&report, &sources))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The show that is named, or the only one.
fn the_show(workspace: &Workspace, name: Option<&str>) -> Result<ShowId, Failure> {
    if let Some(name) = name {
        return Ok(workspace.find_show(name)?);
    }
    let shows: Vec<&ShowId> = workspace.shows().collect();
    match shows[..] {
        [only] => Ok(only.clone()),
        _ => {
            let names: Vec<&str> = shows.iter().map(|show| show.as_str()).collect();
            Err(Failure::Input(format!(
                "name the show to measure: one of {}",
                names.join(", ")
            )))
        }
    }
}

fn read_reference(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Io {
        what: path.display().to_string(),
        source,
    })?;
    let words = reference_words(&text);
    if words.is_empty() {
        return Err(Failure::Input(format!(
            "{}: no words to measure against",
            path.display()
        )));
    }
    Ok(words)
}

/// The characters on stage with most to say in the scripts, at most [`LEADS`].
fn leads(characters: &[Character], corpus: &Corpus) -> Vec<Lead> {
    let chars = corpus.chars_by_speaker();
    let mut leads: Vec<(usize, Lead)> = characters
        .iter()
        .filter(|character| !character.offstage)
        .filter_map(|character| {
            let Lines::Speakers(cues) = &character.lines else {
                return None;
            };
            let said = cues.iter().filter_map(|cue| chars.get(cue.as_str())).sum();
            let lead = Lead {
                name: character.name.clone(),
                cues: cues.clone(),
            };
            Some((said, lead))
        })
        .collect();
    leads.sort_by_key(|(said, _)| std::cmp::Reverse(*said));
    leads.truncate(LEADS);
    leads.into_iter().map(|(_, lead)| lead).collect()
}

/// What the characters are called, where that is a name and not «girl» or «my dear».
fn names(characters: &[Character]) -> Vec<String> {
    let called = characters
        .iter()
        .flat_map(|character| std::iter::once(&character.name).chain(&character.aliases));
    let is_name = |name: &&String| name.chars().next().is_some_and(char::is_uppercase);
    called.filter(is_name).cloned().collect()
}

/// The script scenes behind those of the corpus, so that a figure can say where.
struct Sources<'a> {
    scenes: Vec<Source<'a>>,
}

/// A script scene and where it stands.
struct Source<'a> {
    path: &'a PathBuf,
    script: &'a Script,
    /// From 1, in its script.
    number: usize,
    scene: &'a ScriptScene,
}

impl<'a> Sources<'a> {
    fn new(show: &'a Show, scripts: &'a [Script]) -> Self {
        let scenes = show.scripts.iter().zip(scripts).flat_map(|(path, script)| {
            let scenes = script.scenes.iter().enumerate();
            scenes.map(move |(at, scene)| Source {
                path,
                script,
                number: at + 1,
                scene,
            })
        });
        // A corpus leaves out scenes in which nothing happens.
        Self {
            scenes: scenes
                .filter(|source| !source.scene.turns.is_empty())
                .collect(),
        }
    }

    fn turn(&self, place: Place) -> &'a Turn {
        &self.scenes[place.scene].scene.turns[place.turn]
    }

    /// `scripts/episode-01.fountain:12`, without the folders that all share.
    fn place(&self, place: Place) -> String {
        let name = self.scenes[place.scene].path.file_name();
        let name = name.unwrap_or_default().to_string_lossy();
        format!("{name}:{}", self.turn(place).line)
    }

    /// A line with its speaker.
    fn quote(&self, place: Place) -> String {
        let turn = self.turn(place);
        let speaker = turn.speaker.as_deref().unwrap_or_default();
        format!("{speaker}: {}", turn.text)
    }
}

/// The report, with the place and the words of each line that it names.
fn document(show: &Show, report: &Report, sources: &Sources<'_>) -> Value {
    let line = |place: Place| {
        let turn = sources.turn(place);
        json!({"place": sources.place(place), "speaker": turn.speaker, "text": turn.text})
    };
    let pairs = report.repeats.pairs.iter().map(|pair| {
        json!({"first": line(pair.first), "second": line(pair.second), "edits": pair.edits, "verbatim": pair.verbatim})
    });
    let weakest = report.weakest.iter().map(|weakest| {
        json!({"begins": line(weakest.place), "distinct_2": weakest.distinct_2, "pairs": weakest.pairs})
    });
    let mut document = json!({"show": show.id, "title": show.title, "report": report});
    let found = &mut document["report"];
    found["repeats"]["pairs"] = pairs.collect();
    found["repeats"]["unique_share"] = json!(report.repeats.unique_share());
    found["repeats"]["near_share"] = json!(report.repeats.near_share());
    found["weakest"] = weakest.collect();
    if let Some(against) = &report.against {
        found["against"]["ratio"] = json!(against.ratio());
    }
    if let Some(identification) = &report.identification {
        let answers = identification.answers.iter().map(|answer| {
            json!({
                "line": line(answer.place),
                "taken_for": identification.leads[answer.taken_for],
                "probability": answer.probability,
            })
        });
        found["identification"]["answers"] = answers.collect();
    }
    document
}

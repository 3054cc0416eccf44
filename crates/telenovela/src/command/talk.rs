//! The models of the talk ([`telenovela_lm::talk`]): where they lie, how they write, and what held-out lines cost under them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use telenovela_lm::corpus::{ACTION, Split};
use telenovela_lm::error::Error;
use telenovela_lm::network::Network;
use telenovela_lm::talk::{CHARS, EPOCHS, TalkText, write};
use telenovela_lm::train::Facts;
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::{Character, CharacterId, Lines};
use telenovela_script::load::Workspace;
use telenovela_script::script::Script;
use telenovela_script::show::{Show, ShowId};

use super::{note, print};
use crate::cli::Say;
use crate::failure::Failure;

/// Of what writes without being told otherwise: in the middle of the four of Keras's example.
const TEMPERATURE: f32 = 0.5;

/// The model of one show, or of several together.
pub(super) struct TalkModel {
    /// At least one, sorted, each once.
    shows: Vec<ShowId>,
    /// Where its files lie.
    pub(super) folder: PathBuf,
}

impl TalkModel {
    /// That of shows, in any order.
    pub(super) fn of(workspace: &Workspace, mut shows: Vec<ShowId>) -> Self {
        shows.sort();
        shows.dedup();
        let name = joined(&shows, "+");
        let folder = match shows.as_slice() {
            [show] => workspace.model_path(show, "talk").with_extension(""),
            _ => workspace.root().join("talk").join(name),
        };
        Self { shows, folder }
    }

    /// The weights after an epoch.
    pub(super) fn epoch(&self, epoch: usize) -> PathBuf {
        self.folder.join(format!("epoch-{epoch:02}.safetensors"))
    }

    /// The weights of the epoch with the lowest loss, written when all are over.
    pub(super) fn best(&self) -> PathBuf {
        self.folder.join("best.safetensors")
    }

    /// What is to be typed to train it.
    pub(super) fn command(&self) -> String {
        format!("--recipe talk {}", joined(&self.shows, " "))
    }

    /// Its text, as it is read so many times.
    pub(super) fn text(&self, workspace: &Workspace, epochs: usize) -> Result<TalkText, Failure> {
        let mut read: Vec<(Show, Vec<Script>)> = Vec::new();
        for id in &self.shows {
            let show = workspace.load_show(id)?;
            let scripts = workspace.load_scripts(&show)?;
            read.push((show, scripts));
        }
        let shows = read
            .iter()
            .map(|(show, scripts)| (show, scripts.as_slice()));
        TalkText::new(&shows.collect::<Vec<_>>(), epochs).map_err(Failure::Model)
    }

    /// The weights after an epoch, or the best.
    fn load(&self, epoch: Option<u16>) -> Result<(Weights, Card), Failure> {
        let path = epoch.map_or_else(|| self.best(), |epoch| self.epoch(epoch.into()));
        Weights::load(&path).map_err(|error| match error {
            Error::Missing { path } => {
                let name = joined(&self.shows, "+");
                let who = match epoch {
                    Some(epoch) => format!("epoch {epoch} of the talk's model of `{name}`"),
                    None => format!("the talk's model of `{name}`"),
                };
                let train = match epoch {
                    Some(epoch) if usize::from(epoch) > EPOCHS => {
                        format!("{} --epochs {epoch}", self.command())
                    }
                    _ => self.command(),
                };
                Failure::ModelMissing { who, path, train }
            }
            other => Failure::ModelUnusable {
                reason: other.to_string(),
                train: self.command(),
            },
        })
    }
}

fn joined(shows: &[ShowId], by: &str) -> String {
    let ids: Vec<&str> = shows.iter().map(ShowId::as_str).collect();
    ids.join(by)
}

/// `say --recipe talk`: reads a passage of the training text, and writes on.
pub(super) fn say(workspace: &Workspace, args: &Say, prime: &str) -> Result<ExitCode, Failure> {
    let shows = args.name.split('+').map(|name| workspace.find_show(name));
    let model = TalkModel::of(workspace, shows.collect::<Result<_, _>>()?);
    let (weights, card) = model.load(args.epoch)?;
    let text = model.text(workspace, card.recipe.epochs)?;
    if card.fingerprint != Facts::of_talk(&text).fingerprint() {
        note(&format!(
            "The talk's model of `{}` is older than the scripts. Train it: telenovela train {}",
            text.show.id,
            model.command()
        ));
    }
    let seed = args
        .seed
        .unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let temperature = args.temperature.unwrap_or(TEMPERATURE);
    let chars = args.chars.map_or(CHARS, usize::from);
    let written = (|| {
        let tokenizer = card.tokenizer()?;
        let read = text.passage(&tokenizer, seed)?;
        let network = Network::new(&weights);
        let prime = prime.to_lowercase();
        write(
            &network,
            &tokenizer,
            &read,
            &prime,
            chars,
            temperature,
            seed,
        )
    })()
    .map_err(Failure::Model)?;
    if args.json {
        let epoch = card.scores.epoch;
        let document = json!({"name": text.show.id, "seed": seed, "epoch": epoch, "temperature": temperature, "text": written});
        print(&format!("{document:#}\n"))?;
    } else {
        print(&format!("{written}\n"))?;
        if args.seed.is_none() {
            note(&format!("Again: the same command with --seed {seed}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What held-out lines of each character of a show cost under the talk's model of that show, in bits per character; `None` when it has none that is up to date. Which lines,
/// `held_out` chooses from the split. Who has none there is left out.
///
/// The model reads them in lower case: an easier text than the same lines under any other model.
pub(super) fn bits_by_character(
    workspace: &Workspace,
    show: &Show,
    characters: &[Character],
    held_out: fn(&Split) -> &[usize],
) -> Result<Option<BTreeMap<CharacterId, f64>>, Failure> {
    let model = TalkModel::of(workspace, vec![show.id.clone()]);
    let Ok((weights, card)) = Weights::load(&model.best()) else {
        return Ok(None);
    };
    let text = model.text(workspace, card.recipe.epochs)?;
    if card.fingerprint != Facts::of_talk(&text).fingerprint() {
        return Ok(None);
    }
    let network = Network::new(&weights);
    let mut bits = BTreeMap::new();
    for character in characters {
        let cues = match &character.lines {
            Lines::Speakers(cues) => cues.clone(),
            Lines::Action => vec![ACTION.to_owned()],
            Lines::Inline(_) => continue,
        };
        let scenes = held_out(text.split());
        let cost = text.cost_of(&network, text.tokenizer(), scenes, &cues);
        let cost = cost.map_err(Failure::Model)?;
        if cost.chars > 0 {
            bits.insert(character.id.clone(), cost.per_char());
        }
    }
    Ok(Some(bits))
}

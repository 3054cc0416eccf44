//! Where a training stands, kept on the disk so that it can go on from there as if nothing had happened.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use telenovela_script::save::{IfExists, SaveError, rename, save};

use super::facts::Facts;
use super::progress::Metrics;
use crate::error::{Error, Result};
use crate::weights::{Card, Weights};

/// Of the file. Counts incompatible changes.
const FORMAT: u32 = 1;
/// All metadata is one JSON document under this key, as in a model's file.
const KEY: &str = "telenovela-checkpoint";
/// How many checkpoints are kept. Each holds the best weights so far as well; the older is there in case the disk has spoiled the newer.
const KEPT: usize = 2;
/// The largest share of its time that a training may spend on checkpoints.
const SHARE: f64 = 0.02;

/// Where a training keeps its checkpoints, and how often it writes one.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    cadence: Cadence,
}

/// How often a checkpoint is written. Nothing that is trained depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// As often as costs no more than a fiftieth of the time.
    Cheap,
    /// After so many steps, and after each epoch.
    Steps(usize),
}

/// A place in a training, and every number that it needs to go on from there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checkpoint {
    pub(super) notes: Notes,
    /// By name, as (shape, numbers).
    pub(super) tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

/// What stands in a checkpoint beside its tensors.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Notes {
    format: u32,
    /// What the training depends on.
    pub(super) facts: Facts,
    pub(super) place: Place,
    /// Of every epoch that is over.
    pub(super) history: Vec<Metrics>,
}

/// Where in its passes a training stands.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Place {
    /// Epochs that are over, weights judged.
    pub(super) epochs: usize,
    /// Passes of the epoch that are over.
    pub(super) passes: usize,
    /// Windows of the pass that have been read.
    pub(super) windows: usize,
    /// Windows read in all passes.
    pub(super) step: usize,
    /// Optimizer steps taken; a window in which nothing is learned has none.
    pub(super) updates: usize,
    /// Characters of text read in all passes.
    pub(super) chars: f64,
    /// Where the stream of the scenes' order stood when the pass began.
    pub(super) order: u64,
    /// Where the stream of hidden speakers stood when the pass began.
    pub(super) hide: u64,
    /// Where the stream of the dropout masks stands.
    pub(super) dropout: u64,
    /// Of the epoch so far.
    pub(super) sum: Sum,
}

/// Sums over the steps of an epoch.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Sum {
    /// Loss, in nats.
    pub(super) loss: f64,
    /// Weight of the targets.
    pub(super) weight: f64,
    /// Gradient norm before clipping.
    pub(super) norm: f64,
    /// Steps.
    pub(super) steps: usize,
    /// Learning rate of the last step.
    pub(super) lr: f32,
}

impl Checkpoint {
    /// One without tensors.
    pub(super) fn new(facts: &Facts, place: Place, history: &[Metrics]) -> Self {
        Self {
            notes: Notes {
                format: FORMAT,
                facts: facts.clone(),
                place,
                history: history.to_vec(),
            },
            tensors: BTreeMap::new(),
        }
    }

    pub(super) fn put(&mut self, name: String, shape: &[usize], numbers: Vec<f32>) {
        self.tensors.insert(name, (shape.to_vec(), numbers));
    }

    /// Takes out the numbers of a tensor that must have this shape.
    pub(super) fn take(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> std::result::Result<Vec<f32>, String> {
        match self.tensors.remove(name) {
            Some((found, numbers)) if found == shape => Ok(numbers),
            Some((found, _)) => Err(format!("`{name}` is {found:?}, not {shape:?}")),
            None => Err(missing(name)),
        }
    }

    /// Takes out a tensor as it is.
    pub(super) fn take_tensor(&mut self, name: &str) -> std::result::Result<Tensor, String> {
        let (shape, numbers) = self.tensors.remove(name).ok_or_else(|| missing(name))?;
        Tensor::from_vec(numbers, shape, &Device::Cpu).map_err(|error| error.to_string())
    }

    /// The file: a safetensors document, tensors in 32 bits.
    fn to_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        let bytes: Vec<(&str, &[usize], Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, numbers))| {
                let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
                (name.as_str(), shape.as_slice(), bytes)
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?))
            })
            .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| error.to_string())?;
        let json = serde_json::to_string(&self.notes).map_err(|error| error.to_string())?;
        let metadata = HashMap::from([(KEY.to_owned(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let json = metadata
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(KEY))
            .ok_or_else(|| format!("its metadata has no `{KEY}`"))?;
        let notes: Notes = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if notes.format != FORMAT {
            return Err(format!(
                "its format is {}, this program reads {FORMAT}",
                notes.format
            ));
        }
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(format!("`{name}` is {:?}, not F32", view.dtype()));
            }
            let numbers = view
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            tensors.insert(name, (view.shape().to_vec(), numbers));
        }
        Ok(Self { notes, tensors })
    }
}

fn missing(name: &str) -> String {
    format!("it has no tensor `{name}`")
}

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoiled {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Checkpoints {
    /// Keeps them in a folder of their own.
    pub fn new(folder: PathBuf, cadence: Cadence) -> Self {
        Self { folder, cadence }
    }

    /// Writes the model that came of it to its file: whole among the checkpoints first, so that a process which ends meanwhile leaves nothing beside the
    /// models, then in its place.
    ///
    /// # Errors
    /// When the disk refuses; the old file is then untouched.
    pub fn publish(&self, weights: &Weights, card: &Card, path: &Path) -> Result<()> {
        let whole = self.folder.join("model.safetensors");
        weights.save(&whole, card)?;
        Ok(rename(&whole, path)?)
    }

    /// Removes them all, and the folder; nothing is left to do where there is none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Save(SaveError::Io {
            path: self.folder.clone(),
            source,
        })
    }

    fn path(&self, step: usize) -> PathBuf {
        self.folder.join(format!("step-{step:09}.safetensors"))
    }

    pub(super) fn spoiled(&self, step: usize, reason: String) -> Spoiled {
        Spoiled {
            path: self.path(step),
            reason,
        }
    }

    /// Every file of the folder: the steps of checkpoints, the latest first, and what else lies there.
    fn list(&self) -> Result<(Vec<usize>, Vec<PathBuf>)> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((Vec::new(), Vec::new()));
            }
            entries => entries.map_err(|error| self.failed(error))?,
        };
        let (mut steps, mut others) = (Vec::new(), Vec::new());
        for entry in entries {
            let path = entry.map_err(|error| self.failed(error))?.path();
            let step = path
                .file_name()
                .and_then(|name| name.to_str()?.strip_prefix("step-"))
                .and_then(|name| name.strip_suffix(".safetensors")?.parse().ok())
                .filter(|&step| self.path(step) == path);
            match step {
                Some(step) => steps.push(step),
                None => others.push(path),
            }
        }
        steps.sort_unstable_by(|a, b| b.cmp(a));
        Ok((steps, others))
    }

    /// Checkpoints that can be read, the latest first, and those that cannot. What a process that was ended while writing has left is removed.
    pub(super) fn read(&self) -> Result<(Vec<Checkpoint>, Vec<Spoiled>)> {
        let (steps, others) = self.list()?;
        for path in others {
            std::fs::remove_file(path).map_err(|error| self.failed(error))?;
        }
        let (mut found, mut spoiled) = (Vec::new(), Vec::new());
        for step in steps {
            let bytes = std::fs::read(self.path(step)).map_err(|error| self.failed(error))?;
            match Checkpoint::from_bytes(&bytes) {
                Ok(checkpoint) => found.push(checkpoint),
                Err(reason) => spoiled.push(self.spoiled(step, reason)),
            }
        }
        Ok((found, spoiled))
    }

    /// Writes a checkpoint whole, then removes those that are too old.
    fn write(&self, checkpoint: &Checkpoint) -> Result<()> {
        let path = self.path(checkpoint.notes.place.step);
        let bytes = checkpoint.to_bytes().map_err(|reason| Error::Unusable {
            path: path.clone(),
            reason,
        })?;
        save(&path, &bytes, IfExists::Replace)?;
        let (steps, _) = self.list()?;
        for &step in steps.iter().skip(KEPT) {
            std::fs::remove_file(self.path(step)).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }
}

/// Writes the checkpoints of one training when they are due.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    to: Option<&'a Checkpoints>,
    /// When the last one was written, or the training begun.
    since: Instant,
    /// What the last one cost.
    cost: Duration,
    steps: usize,
}

impl<'a> Keeper<'a> {
    /// `bytes` is about the size of a checkpoint.
    pub(super) fn new(to: Option<&'a Checkpoints>, bytes: usize) -> Self {
        // Before the first has been measured: a slow disk, and a flush that takes its time.
        const BYTES_PER_SECOND: f64 = 2e8;
        const FLUSH: f64 = 0.02;
        Self {
            to,
            since: Instant::now(),
            cost: Duration::from_secs_f64(FLUSH + bytes as f64 / BYTES_PER_SECOND),
            steps: 0,
        }
    }

    /// Whether one is due after this step.
    pub(super) fn is_due(&mut self, epoch_is_over: bool) -> bool {
        let Some(to) = self.to else { return false };
        match to.cadence {
            Cadence::Cheap => self.since.elapsed().mul_f64(SHARE) >= self.cost,
            Cadence::Steps(n) => {
                self.steps += usize::from(!epoch_is_over);
                epoch_is_over || self.steps.is_multiple_of(n.max(1))
            }
        }
    }

    pub(super) fn write(&mut self, make: impl FnOnce() -> Result<Checkpoint>) -> Result<()> {
        if let Some(to) = self.to {
            let began = Instant::now();
            to.write(&make()?)?;
            self.cost = began.elapsed();
            self.since = Instant::now();
        }
        Ok(())
    }
}

//! A model's file: safetensors under PyTorch's names, with everything that `say` needs in its metadata.
//!
//! Matrices are held in eight bits with one scale per row (`<name>.scale`): `w[row][column] = int8[row][column] · scale[row]`. Vectors stay in 32 bits.
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use telenovela_script::save::{IfExists, save};
use telenovela_script::show::{ModelSize, Recipe, Unit};

use crate::corpus::SlotTable;
use crate::error::{Error, Result};
use crate::punctuation::Punctuation;
use crate::tokenizer::{Slot, Tokenizer};

/// Of the file. Counts incompatible changes.
const FORMAT: u32 = 1;
/// All metadata is one JSON document under this key: the library writes its map of metadata in no fixed order, and our files are the same
/// bytes for the same training.
const KEY: &str = "telenovela";

/// Named tensors of one model, rounded to what the file holds.
#[derive(Clone, Debug)]
pub struct Weights {
    /// The shape.
    pub size: ModelSize,
    tensors: BTreeMap<String, Rounded>,
}

/// A tensor, rounded to what the file holds.
#[derive(Clone, Debug)]
struct Rounded {
    shape: Vec<usize>,
    numbers: Vec<f32>,
    /// Per row of a matrix; empty for a vector.
    scales: Vec<f32>,
}

impl Rounded {
    /// Rounds each row of a matrix to multiples of its largest number over 127.
    fn new(shape: Vec<usize>, mut numbers: Vec<f32>) -> Self {
        let mut scales = Vec::new();
        if let [_, width] = shape[..] {
            // The speakers' matrix of a model without vectors of theirs has no columns.
            if width == 0 {
                scales = vec![1.0; shape[0]];
            }
            for row in numbers.chunks_exact_mut(width.max(1)) {
                let largest = row.iter().fold(0f32, |largest, x| largest.max(x.abs()));
                let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
                for x in row {
                    *x = (*x / scale).round() * scale;
                }
                scales.push(scale);
            }
        }
        Self {
            shape,
            numbers,
            scales,
        }
    }

    /// The bytes of a matrix, as the file holds them.
    fn eighths(&self) -> Vec<u8> {
        let width = self.numbers.len() / self.scales.len().max(1);
        let rows = self.numbers.chunks_exact(width.max(1)).zip(&self.scales);
        rows.flat_map(|(row, scale)| row.iter().map(move |x| (x / scale).round() as i8 as u8))
            .collect()
    }
}

/// What a model file says about itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Card {
    /// [`FORMAT`] of the file.
    pub format: u32,
    /// The show.
    pub show: String,
    /// The character; `None` is the ensemble, or a plot line.
    pub character: Option<String>,
    /// The plot line, if it is the model of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plot: Option<String>,
    /// SHA-256 of the ensemble's numbers, where the file holds only the tensors that are not the ensemble's; it then has neither lexicon nor tokenizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Its slot; `<other>` for the ensemble.
    pub slot: Slot,
    /// What a token is.
    pub unit: Unit,
    /// The shape.
    pub size: ModelSize,
    /// Who has which slot.
    pub slots: SlotTable,
    /// How it was trained.
    pub recipe: Recipe,
    /// SHA-256 of all that its training depended on, in hexadecimal.
    pub fingerprint: String,
    /// Held-out figures.
    pub scores: Scores,
    /// Figures of every epoch of its training.
    #[serde(default)]
    pub history: Vec<crate::train::Metrics>,
    /// Words of the show's scripts, sorted, separated by line breaks.
    pub lexicon: String,
    /// How its lines end.
    #[serde(default)]
    pub punctuation: Punctuation,
    /// Hugging Face `tokenizer.json`.
    pub tokenizer: String,
}

/// Held-out figures of a model, of its rounded weights.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// Epochs until the weights that were kept.
    pub epoch: usize,
    /// Bits per character on the dev split: own lines for a character, all lines for the ensemble.
    pub dev_bits: f64,
    /// Bits per character on the test split, likewise; computed once.
    pub test_bits: f64,
    /// The same test lines under count tables.
    pub count_tables: Option<crate::count_table::CountTableBits>,
    /// How much dearer, in bits per character, other people's dev lines are than own ones when spoken as this character.
    pub voice_gap: f64,
    /// The same under the ensemble.
    pub ensemble_voice_gap: f64,
    /// Characters of its own training lines.
    pub train_chars: usize,
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn numbers_of(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// Ends the name of a matrix's scales.
const SCALE: &str = ".scale";

impl Weights {
    /// Takes named tensors, as (name, shape, numbers), and rounds them to what the file holds.
    pub fn new(
        size: ModelSize,
        tensors: impl IntoIterator<Item = (String, Vec<usize>, Vec<f32>)>,
    ) -> Self {
        let round = |(name, shape, numbers)| (name, Rounded::new(shape, numbers));
        Self {
            size,
            tensors: tensors.into_iter().map(round).collect(),
        }
    }

    /// Takes named tensors as they are. A network multiplies them in f32 or bfloat16; a file could not hold them.
    pub(crate) fn unrounded(
        size: ModelSize,
        tensors: impl IntoIterator<Item = (String, Vec<usize>, Vec<f32>)>,
    ) -> Self {
        let keep = |(name, shape, numbers): (String, Vec<usize>, Vec<f32>)| {
            let scales = match shape[..] {
                [rows, _] => vec![1.0; rows],
                _ => Vec::new(),
            };
            let kept = Rounded {
                shape,
                numbers,
                scales,
            };
            (name, kept)
        };
        Self {
            size,
            tensors: tensors.into_iter().map(keep).collect(),
        }
    }

    /// The numbers of a tensor. Names are checked where a file is read, so one that is missing is a mistake of this crate.
    pub fn tensor(&self, name: &str) -> &[f32] {
        &self
            .tensors
            .get(name)
            .unwrap_or_else(|| panic!("the model has no tensor `{name}`"))
            .numbers
    }

    /// The numbers of a matrix and the scale of each row, of which they are multiples. Names as in [`Weights::tensor`].
    pub fn matrix(&self, name: &str) -> (&[f32], &[f32]) {
        let matrix = &self.tensors.get(name);
        let matrix = matrix.unwrap_or_else(|| panic!("the model has no tensor `{name}`"));
        (&matrix.numbers, &matrix.scales)
    }

    /// Names, shapes and numbers, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.tensors.iter().map(|(name, tensor)| {
            (
                name.as_str(),
                tensor.shape.as_slice(),
                tensor.numbers.as_slice(),
            )
        })
    }

    /// SHA-256 of all numbers, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (_, _, numbers) in self.iter() {
            hasher.update(bytes_of(numbers));
        }
        hex(&hasher.finalize())
    }

    /// Whether every number is one.
    pub fn is_finite(&self) -> bool {
        self.iter()
            .all(|(_, _, numbers)| numbers.iter().all(|x| x.is_finite()))
    }

    /// Writes the file: complete under a temporary name first, then renamed over the old one.
    ///
    /// # Errors
    /// When the disk refuses; the old file is then untouched.
    pub fn save(&self, path: &Path, card: &Card) -> Result<()> {
        let mut parts: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for (name, tensor) in &self.tensors {
            if tensor.scales.is_empty() {
                parts.insert(
                    name.clone(),
                    (Dtype::F32, tensor.shape.clone(), bytes_of(&tensor.numbers)),
                );
            } else {
                parts.insert(
                    name.clone(),
                    (Dtype::I8, tensor.shape.clone(), tensor.eighths()),
                );
                parts.insert(
                    format!("{name}{SCALE}"),
                    (
                        Dtype::F32,
                        vec![tensor.scales.len()],
                        bytes_of(&tensor.scales),
                    ),
                );
            }
        }
        let unusable = |reason: String| Error::Unusable {
            path: path.to_owned(),
            reason,
        };
        let mut views = Vec::new();
        for (name, (dtype, shape, bytes)) in &parts {
            let view = TensorView::new(*dtype, shape.clone(), bytes)
                .map_err(|error| unusable(error.to_string()))?;
            views.push((name.as_str(), view));
        }
        let json = serde_json::to_string(card).map_err(|error| unusable(error.to_string()))?;
        let metadata = HashMap::from([(KEY.to_owned(), json)]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|error| unusable(error.to_string()))?;
        save(path, &file, IfExists::Replace)?;
        Ok(())
    }

    /// The same with those tensors of `base` that `is_kept` names: what was not learned is then what it was, to the bit, however often it was rounded.
    #[must_use]
    pub fn keeping(mut self, base: &Self, is_kept: impl Fn(&str) -> bool) -> Self {
        for (name, tensor) in &mut self.tensors {
            if is_kept(name)
                && let Some(kept) = base.tensors.get(name)
            {
                *tensor = kept.clone();
            }
        }
        self
    }

    /// The tensors that are others than those of `base`. Only good for a file that is read [over](Self::load_over) that.
    #[must_use]
    pub fn without(&self, base: &Self) -> Self {
        let is_other = |name: &str, tensor: &Rounded| {
            let same = base.tensors.get(name);
            same.is_none_or(|same| same.numbers != tensor.numbers)
        };
        let tensors = self.tensors.iter();
        Self {
            size: self.size,
            tensors: tensors
                .filter(|(name, tensor)| is_other(name, tensor))
                .map(|(name, tensor)| (name.clone(), tensor.clone()))
                .collect(),
        }
    }

    /// Reads a file back.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, [`Error::Unusable`] when it is damaged, not ours, or holds only what differs from an ensemble.
    pub fn load(path: &Path) -> Result<(Self, Card)> {
        Self::load_onto(path, None)
    }

    /// Reads the file of a model that holds only the tensors that are not those of `base`, the ensemble it grew from.
    ///
    /// # Errors
    /// As [`load`](Self::load); and when it grew from other numbers.
    pub fn load_over(path: &Path, base: &Self) -> Result<(Self, Card)> {
        Self::load_onto(path, Some(base))
    }

    fn load_onto(path: &Path, base: Option<&Self>) -> Result<(Self, Card)> {
        let bytes = read(path)?;
        let unusable = |reason: String| Error::Unusable {
            path: path.to_owned(),
            reason,
        };
        let card = card_of(path, &bytes)?;
        match (&card.base, base) {
            (Some(_), None) => {
                let reason = "it holds only what differs from the ensemble of its show";
                return Err(unusable(reason.into()));
            }
            (Some(digest), Some(base)) if *digest != base.digest() => {
                return Err(unusable("it grew from another ensemble".into()));
            }
            _ => {}
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|error| unusable(error.to_string()))?;
        let part = |name: &str, dtype: Dtype, shape: &[usize]| -> Result<Vec<u8>> {
            let view = file
                .tensor(name)
                .map_err(|_| unusable(format!("it has no tensor `{name}`")))?;
            if view.dtype() != dtype || view.shape() != shape {
                let (found, at) = (view.dtype(), view.shape());
                return Err(unusable(format!(
                    "`{name}` is {found:?} {at:?}, not {dtype:?} {shape:?}"
                )));
            }
            Ok(view.data().to_vec())
        };
        if !is_sane(&card) {
            return Err(unusable("its shape or its slots make no sense".into()));
        }
        let base = base.filter(|_| card.base.is_some());
        let n_vocab = match file.tensor("head.bias") {
            Ok(view) => view.shape().first().copied().unwrap_or(0),
            Err(_) => base.map_or(0, |base| base.tensor("head.bias").len()),
        };
        let mut tensors = BTreeMap::new();
        for (name, shape) in shapes(card.size, n_vocab, card.slots.n_slots() + 1) {
            if let Some(base) = base
                && file.tensor(&name).is_err()
                && let Some(tensor) = base.tensors.get(&name)
                && tensor.shape == shape
            {
                tensors.insert(name, tensor.clone());
                continue;
            }
            let tensor = if let [rows, width] = shape[..] {
                let scales = numbers_of(&part(&format!("{name}{SCALE}"), Dtype::F32, &[rows])?);
                let bytes = part(&name, Dtype::I8, &shape)?;
                let rows = bytes.chunks_exact(width.max(1)).zip(&scales);
                let numbers = rows
                    .flat_map(|(row, scale)| row.iter().map(move |&b| f32::from(b as i8) * scale))
                    .collect();
                Rounded {
                    shape,
                    numbers,
                    scales,
                }
            } else {
                Rounded {
                    numbers: numbers_of(&part(&name, Dtype::F32, &shape)?),
                    shape,
                    scales: Vec::new(),
                }
            };
            tensors.insert(name, tensor);
        }
        let weights = Self {
            size: card.size,
            tensors,
        };
        if !weights.is_finite() {
            return Err(unusable("it holds numbers that are not finite".into()));
        }
        Ok((weights, card))
    }
}

impl Card {
    /// Reads the metadata alone.
    ///
    /// # Errors
    /// As [`Weights::load`].
    pub fn load(path: &Path) -> Result<Self> {
        card_of(path, &read(path)?)
    }

    /// A card of this version of the format.
    pub fn current_format() -> u32 {
        FORMAT
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// When the JSON is not one of ours.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        Tokenizer::from_json(&self.tokenizer, self.unit)
    }
}

/// SHA-256 of a model file, in hexadecimal.
///
/// # Errors
/// As [`Weights::load`].
pub fn sha256_of_file(path: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(read(path)?)))
}

/// SHA-256 of parts, each preceded by its length, in hexadecimal.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every tensor of a model with its shape.
pub fn shapes(size: ModelSize, n_vocab: usize, n_slots: usize) -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        ("embedding.weight".to_owned(), vec![n_vocab, size.n_embd]),
        ("head.bias".to_owned(), vec![n_vocab]),
        (
            "projection.weight".to_owned(),
            vec![size.n_embd, size.n_hidden + size.n_speaker],
        ),
        ("speaker.weight".to_owned(), vec![n_slots, size.n_speaker]),
    ];
    for layer in 0..size.n_layer {
        let n_below = if layer == 0 {
            size.n_embd
        } else {
            size.n_hidden
        };
        let n_gates = 4 * size.n_hidden;
        shapes.push((
            format!("lstm.{layer}.weight_ih_l0"),
            vec![n_gates, n_below + size.n_speaker],
        ));
        shapes.push((
            format!("lstm.{layer}.weight_hh_l0"),
            vec![n_gates, size.n_hidden],
        ));
        shapes.push((format!("lstm.{layer}.bias_ih_l0"), vec![n_gates]));
    }
    shapes
}

/// Whether shape and slots are such that no size overflows and no speaker is out of reach.
fn is_sane(card: &Card) -> bool {
    const MOST: usize = 1 << 16;
    const MOST_LAYERS: usize = 64;
    let size = card.size;
    let widths = [size.n_embd, size.n_hidden];
    widths.iter().all(|width| (1..=MOST).contains(width))
        && size.n_speaker <= MOST
        && (1..=MOST_LAYERS).contains(&size.n_layer)
        && card.slots.spare <= MOST
        && card.slot.0 <= card.slots.n_slots()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Missing {
            path: path.to_owned(),
        },
        _ => Error::Io {
            path: path.to_owned(),
            source,
        },
    })
}

fn card_of(path: &Path, bytes: &[u8]) -> Result<Card> {
    let unusable = |reason: String| Error::Unusable {
        path: path.to_owned(),
        reason,
    };
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| unusable(error.to_string()))?;
    let json = metadata
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(KEY))
        .ok_or_else(|| unusable(format!("its metadata has no `{KEY}`")))?;
    let card: Card = serde_json::from_str(json).map_err(|error| unusable(error.to_string()))?;
    if card.format != FORMAT {
        return Err(unusable(format!(
            "its format is {}, this program reads {FORMAT}; train it again",
            card.format
        )));
    }
    Ok(card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_twice_changes_nothing_and_the_file_holds_every_bit() {
        let numbers = vec![0.5, -0.25, 0.013, 0.0, 0.0, 0.0];
        let rounded = Rounded::new(vec![2, 3], numbers.clone());
        let again: Vec<f32> = rounded
            .eighths()
            .iter()
            .zip([0, 0, 0, 1, 1, 1])
            .map(|(&b, row): (_, usize)| f32::from(b as i8) * rounded.scales[row])
            .collect();
        assert_eq!(again, rounded.numbers);
        for (rounded, number) in rounded.numbers.iter().zip(numbers) {
            assert!((rounded - number).abs() <= 0.5 / 254.0 + 1e-7);
        }
    }
}

//! A model's file: safetensors under PyTorch's names, in bfloat16, with everything that `say` needs in its metadata.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use telenovela_script::show::{ModelSize, Recipe, Unit};

use crate::corpus::SlotTable;
use crate::error::{Error, Result};
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
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

/// What a model file says about itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Card {
    /// [`FORMAT`] of the file.
    pub format: u32,
    /// The show.
    pub show: String,
    /// The character; `None` is the ensemble.
    pub character: Option<String>,
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
    /// The kernel that trained it: training sums in the kernel's order.
    pub kernel: String,
    /// Held-out figures.
    pub scores: Scores,
    /// Words of the show's scripts, sorted, separated by line breaks.
    pub lexicon: String,
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

/// Rounds to the nearest bfloat16, ties to even.
fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

fn from_bf16(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

impl Weights {
    /// Takes named tensors, as (shape, numbers), and rounds them to bfloat16.
    pub fn new(
        size: ModelSize,
        tensors: impl IntoIterator<Item = (String, Vec<usize>, Vec<f32>)>,
    ) -> Self {
        let round = |(name, shape, mut numbers): (String, Vec<usize>, Vec<f32>)| {
            for x in &mut numbers {
                *x = from_bf16(to_bf16(*x));
            }
            (name, (shape, numbers))
        };
        Self {
            size,
            tensors: tensors.into_iter().map(round).collect(),
        }
    }

    /// The numbers of a tensor. Names are checked where a file is read, so one that is missing is a mistake of this crate.
    pub fn tensor(&self, name: &str) -> &[f32] {
        &self
            .tensors
            .get(name)
            .unwrap_or_else(|| panic!("the model has no tensor `{name}`"))
            .1
    }

    /// Names, shapes and numbers, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.tensors
            .iter()
            .map(|(name, (shape, numbers))| (name.as_str(), shape.as_slice(), numbers.as_slice()))
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
        let bytes: BTreeMap<&str, (Vec<usize>, Vec<u8>)> = self
            .iter()
            .map(|(name, shape, numbers)| {
                let bytes = numbers
                    .iter()
                    .flat_map(|&x| to_bf16(x).to_le_bytes())
                    .collect();
                (name, (shape.to_vec(), bytes))
            })
            .collect();
        let unusable = |reason: String| Error::Unusable {
            path: path.to_owned(),
            reason,
        };
        let mut views = Vec::new();
        for (name, (shape, bytes)) in &bytes {
            let view = TensorView::new(Dtype::BF16, shape.clone(), bytes)
                .map_err(|error| unusable(error.to_string()))?;
            views.push((*name, view));
        }
        let json = serde_json::to_string(card).map_err(|error| unusable(error.to_string()))?;
        let metadata = HashMap::from([(KEY.to_owned(), json)]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|error| unusable(error.to_string()))?;
        write_atomically(path, &file).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads a file back.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, [`Error::Unusable`] when it is damaged or not ours.
    pub fn load(path: &Path) -> Result<(Self, Card)> {
        let bytes = read(path)?;
        let unusable = |reason: String| Error::Unusable {
            path: path.to_owned(),
            reason,
        };
        let card = card_of(path, &bytes)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| unusable(error.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::BF16 {
                return Err(unusable(format!(
                    "`{name}` is {:?}, not BF16",
                    view.dtype()
                )));
            }
            let numbers: Vec<f32> = view
                .data()
                .chunks_exact(2)
                .map(|b| from_bf16(u16::from_le_bytes([b[0], b[1]])))
                .collect();
            tensors.insert(name.to_owned(), (view.shape().to_vec(), numbers));
        }
        let weights = Self {
            size: card.size,
            tensors,
        };
        let n_vocab = weights
            .tensors
            .get("head.bias")
            .map_or(0, |(shape, _)| shape[0]);
        for (name, shape) in shapes(card.size, n_vocab, card.slots.n_slots() + 1) {
            match weights.tensors.get(&name) {
                Some((found, _)) if *found == shape => {}
                Some((found, _)) => {
                    return Err(unusable(format!(
                        "`{name}` has shape {found:?}, not {shape:?}"
                    )));
                }
                None => return Err(unusable(format!("it has no tensor `{name}`"))),
            }
        }
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

/// Temporary file beside the target, written whole, synced, renamed, the folder synced.
fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are born private; a model is as public as any other file of the workspace.
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

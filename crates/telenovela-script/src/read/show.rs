//! `show.yaml`.

use std::path::{Component, Path, PathBuf};

use super::skip_extensions;
use crate::problem::Problems;
use crate::show::{
    ModelSize, PlotLine, PlotLineId, Precision, Recipe, Show, ShowId, TokenizerSpec, Unit,
};
use crate::yaml::{Mapping, Reader, Value, parse};

/// Reads a show. `path` is that of its file within the workspace; `is_inside` says what is wrong with a file that it names, or nothing.
pub(crate) fn show(
    path: &Path,
    text: &str,
    id: ShowId,
    is_inside: &dyn Fn(&Path) -> Result<(), String>,
) -> Result<Show, Problems> {
    let (source, node) = parse(path, text)?;
    let reader = Reader::new(source);
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = reader.root(&node).mapping().and_then(|mut top| {
        let title = top.require("title").and_then(|v| v.text());
        let logline = top.take("logline").and_then(|v| v.text());
        let language = top.take("language").map(|v| language(&v));
        let scripts = top.require("scripts").and_then(|v| {
            let scripts = v.list_of(|v| script(v, folder, is_inside))?;
            if v.list().is_some_and(|items| items.is_empty()) {
                v.complain("a show needs a script to learn from");
            }
            Some(scripts)
        });
        let plot_lines = plot_lines(&mut top);
        let tokenizer = tokenizer(top.mapping("tokenizer"));
        let model = model(top.mapping("model"));
        let recipe = recipe(top.mapping("recipe"));
        skip_extensions(&mut top);
        top.finish();
        Some(Show {
            id,
            title: title?,
            logline: logline.unwrap_or_default(),
            language: language.unwrap_or_else(|| Some(String::from("en")))?,
            scripts: scripts?,
            plot_lines,
            tokenizer,
            model,
            recipe,
        })
    });
    reader.finish(read)
}

/// A BCP 47 tag by its looks.
fn language(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or("");
    let fits = (2..=3).contains(&primary.len())
        && primary.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        });
    if !fits {
        value.reader().complain_helpfully(
            value.span(),
            format!("`{text}` is no language tag"),
            Some(String::from("such as `en`, `es` or `es-MX`")),
        );
        return None;
    }
    Some(text)
}

fn script(
    value: &Value<'_>,
    folder: &Path,
    is_inside: &dyn Fn(&Path) -> Result<(), String>,
) -> Option<PathBuf> {
    let text = value.text()?;
    let named = Path::new(&text);
    let is_plain = named
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && !text.contains(['\\', ':']);
    if !is_plain {
        value.reader().complain_helpfully(
            value.span(),
            format!("`{text}` leads out of the show's folder"),
            Some(String::from(
                "name a file below the folder of this file, with `/` between folders",
            )),
        );
        return None;
    }
    let path = folder.join(named);
    if let Err(why) = is_inside(&path) {
        value.complain(why);
        return None;
    }
    Some(path)
}

fn plot_lines(top: &mut Mapping<'_>) -> Vec<PlotLine> {
    let mut plot_lines: Vec<PlotLine> = Vec::new();
    for value in top.list_of("plot_lines", |v| Some(v.clone())) {
        let Some(mut fields) = value.mapping() else {
            continue;
        };
        let id = fields.require("id").and_then(|v| v.id());
        let title = fields.take("title").and_then(|v| v.text());
        fields.finish();
        let Some(id) = id else {
            continue;
        };
        if plot_lines.iter().any(|other| other.id.as_str() == id.value) {
            value.reader().complain(
                id.span,
                format!("the plot line `{}` stands here a second time", id.value),
            );
            continue;
        }
        plot_lines.push(PlotLine {
            title: title.unwrap_or_else(|| id.value.clone()),
            id: PlotLineId::new(id.value),
        });
    }
    plot_lines
}

fn tokenizer(fields: Option<Mapping<'_>>) -> TokenizerSpec {
    let mut spec = TokenizerSpec {
        unit: Unit::Word,
        min_count: 2,
        max_vocab: 3000,
    };
    let Some(mut fields) = fields else {
        return spec;
    };
    let units = [
        ("word", Unit::Word),
        ("subword", Unit::Subword),
        ("char", Unit::Char),
    ];
    if let Some(unit) = fields.take("unit").and_then(|v| v.choice(&units)) {
        spec.unit = unit;
    }
    spec.min_count = fields.integer_or("min_count", 1..=1000, spec.min_count);
    spec.max_vocab = fields.integer_or("max_vocab", 256..=65_536, spec.max_vocab);
    fields.finish();
    spec
}

fn model(fields: Option<Mapping<'_>>) -> ModelSize {
    let mut size = ModelSize {
        n_embd: 96,
        n_speaker: 16,
        n_hidden: 192,
        n_layer: 2,
    };
    let Some(mut fields) = fields else {
        return size;
    };
    size.n_embd = fields.integer_or("n_embd", 1..=4096, size.n_embd);
    size.n_speaker = fields.integer_or("n_speaker", 1..=1024, size.n_speaker);
    size.n_hidden = fields.integer_or("n_hidden", 1..=4096, size.n_hidden);
    size.n_layer = fields.integer_or("n_layer", 1..=8, size.n_layer);
    fields.finish();
    size
}

fn recipe(fields: Option<Mapping<'_>>) -> Recipe {
    let mut recipe = Recipe {
        seed: 1,
        batch: 16,
        bptt: 48,
        epochs: 30,
        character_epochs: 6,
        lr: 2.0e-3,
        character_lr: 5.0e-4,
        others_weight: 0.2,
        clip: 1.0,
        weight_decay: 0.01,
        ema: 0.998,
        dropout_in: 0.2,
        dropout_hidden: 0.25,
        dropout_out: 0.3,
        weight_drop: 0.3,
        hide_speaker: 0.05,
        spare_speakers: 8,
        precision: Precision::F32,
    };
    let Some(mut fields) = fields else {
        return recipe;
    };
    const RATE: std::ops::RangeInclusive<f64> = 1e-7..=1.0;
    // A dropout of 1 would leave nothing.
    const DROPOUT: std::ops::RangeInclusive<f64> = 0.0..=0.95;
    recipe.seed = fields.integer_or("seed", 0..=i64::MAX, recipe.seed);
    recipe.batch = fields.integer_or("batch", 1..=1024, recipe.batch);
    recipe.bptt = fields.integer_or("bptt", 1..=1024, recipe.bptt);
    recipe.epochs = fields.integer_or("epochs", 1..=10_000, recipe.epochs);
    recipe.character_epochs =
        fields.integer_or("character_epochs", 1..=10_000, recipe.character_epochs);
    recipe.lr = fields.number_or("lr", RATE, recipe.lr);
    recipe.character_lr = fields.number_or("character_lr", RATE, recipe.character_lr);
    recipe.others_weight = fields.number_or("others_weight", 0.0..=1.0, recipe.others_weight);
    recipe.clip = fields.number_or("clip", 1e-3..=1000.0, recipe.clip);
    recipe.weight_decay = fields.number_or("weight_decay", 0.0..=1.0, recipe.weight_decay);
    recipe.ema = fields.number_or("ema", 0.0..=0.99999, recipe.ema);
    recipe.dropout_in = fields.number_or("dropout_in", DROPOUT, recipe.dropout_in);
    recipe.dropout_hidden = fields.number_or("dropout_hidden", DROPOUT, recipe.dropout_hidden);
    recipe.dropout_out = fields.number_or("dropout_out", DROPOUT, recipe.dropout_out);
    recipe.weight_drop = fields.number_or("weight_drop", DROPOUT, recipe.weight_drop);
    recipe.hide_speaker = fields.number_or("hide_speaker", DROPOUT, recipe.hide_speaker);
    let precisions = [("f32", Precision::F32), ("bf16", Precision::Bf16)];
    if let Some(precision) = fields.take("precision").and_then(|v| v.choice(&precisions)) {
        recipe.precision = precision;
    }
    recipe.spare_speakers = fields.integer_or("spare_speakers", 0..=256, recipe.spare_speakers);
    fields.finish();
    recipe
}

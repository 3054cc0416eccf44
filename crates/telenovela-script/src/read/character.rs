//! A character's YAML.

use std::path::Path;

use super::skip_extensions;
use crate::character::{Base, Bond, Character, CharacterId, Color, Delivery, Lines, Turns};
use crate::problem::{Problems, Source, suggestion};
use crate::show::ShowId;
use crate::voice::{Sampling, ScoreWeights};
use crate::yaml::{At, Mapping, Reader, Value, parse};

/// A character with the places that only the scripts can prove wrong.
#[derive(Debug)]
pub(crate) struct CharacterFile {
    pub(crate) character: Character,
    pub(crate) source: Source,
    /// Where each of its speaker names stands; `@action` included.
    pub(crate) speakers: Vec<At<String>>,
}

const COLORS: [(&str, Color); 13] = [
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
];

/// Reads a character. `people` are the ids of everybody in the show.
pub(crate) fn character(
    path: &Path,
    text: &str,
    show: ShowId,
    id: CharacterId,
    people: &[&str],
) -> Result<CharacterFile, Problems> {
    let (source, node) = parse(path, text)?;
    let reader = Reader::new(source.clone());
    let mut speakers = Vec::new();
    let read = reader.root(&node).mapping().and_then(|mut top| {
        let name = top.require("name").and_then(|v| v.text());
        let aliases = top.list_of("aliases", Value::text);
        let offstage = top.boolean_or("offstage", false);
        let role = top.take("role").and_then(|v| v.text());
        let description = top.take("description").and_then(|v| v.text());
        let color = top.take("color").and_then(|v| v.choice(&COLORS));
        let lines = top.require("lines").and_then(|v| lines(&v, &mut speakers));
        let bases = [("ensemble", Base::Ensemble), ("none", Base::None)];
        let base = top.take("base").and_then(|v| v.choice(&bases));
        let sampling = sampling(top.mapping("sampling"));
        let weights = weights(top.mapping("weights"));
        let turns = turns(top.mapping("turns"));
        let delivery = delivery(top.mapping("delivery"));
        let fallback_lines = top.list_of("fallback_lines", Value::spoken);
        let bonds = top.list_of("bonds", |v| bond(v, people));
        let secrets = top.list_of("secrets", Value::text);
        skip_extensions(&mut top);
        top.finish();
        Some(Character {
            id,
            show,
            name: name?,
            aliases,
            offstage,
            role: role.unwrap_or_default(),
            description: description.unwrap_or_default(),
            color: color.unwrap_or(Color::Gray),
            lines: lines?,
            base: base.unwrap_or(Base::Ensemble),
            sampling,
            weights,
            turns,
            delivery,
            fallback_lines,
            bonds,
            secrets,
        })
    });
    let character = reader.finish(read)?;
    Ok(CharacterFile {
        character,
        source,
        speakers,
    })
}

/// `speakers: [A, B]`, `speaker: "@action"` or `inline: [a line, another]`; exactly one.
fn lines(value: &Value<'_>, places: &mut Vec<At<String>>) -> Option<Lines> {
    let mut fields = value.mapping()?;
    let many = fields.take("speakers");
    let one = fields.take("speaker");
    let inline = fields.take("inline");
    fields.finish();
    let named = |v: &Value<'_>| {
        v.text().map(|value| At {
            value,
            span: v.span(),
        })
    };
    match (many, one, inline) {
        (Some(many), None, None) => {
            let names = many.list_of(named)?;
            if names.is_empty() {
                many.complain("a character needs a speaker whose lines it learns");
                return None;
            }
            let speakers = names.iter().map(|at| at.value.clone()).collect();
            *places = names;
            Some(Lines::Speakers(speakers))
        }
        (None, Some(one), None) => {
            let name = named(&one)?;
            let lines = if name.value == "@action" {
                Lines::Action
            } else {
                Lines::Speakers(vec![name.value.clone()])
            };
            places.push(name);
            Some(lines)
        }
        (None, None, Some(inline)) => {
            let lines = inline.list_of(Value::spoken)?;
            if lines.is_empty() {
                inline.complain("a character needs lines to learn");
                return None;
            }
            Some(Lines::Inline(lines))
        }
        _ => {
            value.reader().complain_helpfully(
                value.span(),
                "`lines` must say in one way where the lines come from",
                Some(String::from(
                    "one of `speakers: [NAME]`, `speaker: \"@action\"` or `inline: [a line, another line]`",
                )),
            );
            None
        }
    }
}

fn sampling(fields: Option<Mapping<'_>>) -> Sampling {
    let mut sampling = Sampling::default();
    let Some(mut fields) = fields else {
        return sampling;
    };
    sampling.temperature = fields.number_or("temperature", 0.05..=5.0, sampling.temperature);
    sampling.min_p = fields.number_or("min_p", 0.0..=1.0, sampling.min_p);
    sampling.repetition_penalty =
        fields.number_or("repetition_penalty", 1.0..=5.0, sampling.repetition_penalty);
    sampling.max_chars = fields.integer_or("max_chars", 8..=2000, sampling.max_chars);
    sampling.lexicon_only = fields.boolean_or("lexicon_only", sampling.lexicon_only);
    fields.finish();
    sampling
}

fn weights(fields: Option<Mapping<'_>>) -> ScoreWeights {
    let mut weights = ScoreWeights::default();
    let Some(mut fields) = fields else {
        return weights;
    };
    let mut read = |name, weight: &mut f32| {
        *weight = fields.number_or(name, 0.0..=100.0, *weight);
    };
    read("fluency", &mut weights.fluency);
    read("cue", &mut weights.cue);
    read("voice", &mut weights.voice);
    read("plot", &mut weights.plot);
    read("motifs", &mut weights.motifs);
    read("length", &mut weights.length);
    read("loops", &mut weights.loops);
    read("unknown_words", &mut weights.unknown_words);
    read("copied_words", &mut weights.copied_words);
    read("is_copy", &mut weights.is_copy);
    read("unfinished", &mut weights.unfinished);
    fields.finish();
    weights
}

fn turns(fields: Option<Mapping<'_>>) -> Turns {
    let mut turns = Turns {
        talkativeness: 0.6,
        max_repeat: 1,
        max_idle: 5,
    };
    let Some(mut fields) = fields else {
        return turns;
    };
    turns.talkativeness = fields.number_or("talkativeness", 0.0..=1.0, turns.talkativeness);
    turns.max_repeat = fields.integer_or("max_repeat", 1..=100, turns.max_repeat);
    turns.max_idle = fields.integer_or("max_idle", 1..=1000, turns.max_idle);
    fields.finish();
    turns
}

fn delivery(fields: Option<Mapping<'_>>) -> Delivery {
    let mut delivery = Delivery {
        cps: 32.0,
        pause_scale: 1.0,
    };
    let Some(mut fields) = fields else {
        return delivery;
    };
    delivery.cps = fields.number_or("cps", 1.0..=1000.0, delivery.cps);
    delivery.pause_scale = fields.number_or("pause_scale", 0.0..=10.0, delivery.pause_scale);
    fields.finish();
    delivery
}

fn bond(value: &Value<'_>, people: &[&str]) -> Option<Bond> {
    let mut fields = value.mapping()?;
    let to = fields.require("to").and_then(|v| v.id());
    let kind = fields.require("kind").and_then(|v| v.text());
    fields.finish();
    let to = to?;
    if !people.contains(&to.value.as_str()) {
        value.reader().complain_helpfully(
            to.span,
            format!("the show has no character `{}`", to.value),
            suggestion(&to.value, people),
        );
        return None;
    }
    Some(Bond {
        to: CharacterId::new(to.value),
        kind: kind?,
    })
}

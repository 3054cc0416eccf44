//! `telenovela say`

mod explain;

use std::process::ExitCode;

use serde_json::json;
use telenovela_lm::network::Numbers;
use telenovela_lm::tokenizer::Token;
use telenovela_lm::voice::{LstmVoice, Step};
use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::{Provenance, Utterance};
use telenovela_script::load::Workspace;
use telenovela_script::scene::{BeatId, SceneId};
use telenovela_script::script::{split_spoken, spoken};
use telenovela_script::text::{is_allowed, one_line};
use telenovela_script::voice::{Cue, Sampling, ScoreWeights, Take, Voice};
use telenovela_stage::seed::Address;

use super::library::Library;
use super::{note, print, show_or_character, talk};
use crate::cli::{Look, RecipeName, Say};
use crate::failure::Failure;

/// Prints lines with their score cards, the best first.
pub(super) fn run(workspace: &Workspace, args: &Say, look: Look) -> Result<ExitCode, Failure> {
    let prime = primed(&args.prime)?;
    if args.recipe == Some(RecipeName::Talk) || args.epoch.is_some() {
        return talk::say(workspace, args, prime.as_deref().unwrap_or(""));
    }
    let (show_id, who) = show_or_character(workspace, &args.name)?;
    let mut library = Library::open(workspace, workspace.load_show(&show_id)?)?;
    let character = match who {
        Some(id) => Some(workspace.load_character(&show_id, &id)?),
        None => None,
    };
    let voice = listener(&mut library, character.as_ref(), args)?;
    let mut sampling = character
        .as_ref()
        .map_or_else(Sampling::default, |character| character.sampling);
    if let Some(chars) = args.chars {
        sampling.max_chars = usize::from(chars);
    }
    if let Some(temperature) = args.temperature {
        sampling.temperature = temperature;
    }
    if args.likeliest {
        library.multiply_in(Numbers::F32);
        let exact = listener(&mut library, character.as_ref(), args)?;
        return likeliest(&exact, &voice, args, prime.as_deref(), sampling.max_chars);
    }
    let cue = Cue {
        prime,
        sampling,
        weights: character
            .as_ref()
            .map_or_else(ScoreWeights::default, |character| character.weights),
        said: args.cue.iter().map(|cue| one_line(cue)).collect(),
        ..Cue::plain(BeatId::new("say"))
    };
    let seed = args
        .seed
        .unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let address = Address {
        seed,
        scene: &SceneId::new("say"),
        beat: &cue.beat,
        turn: 0,
        attempt: 0,
        branch: 0,
        retake: 0,
    };
    // The same lines whether or not the show is named with the character.
    let speaker = character.as_ref().map_or_else(
        || CharacterId::new(show_id.as_str()),
        |character| character.id.clone(),
    );
    let seeds: Vec<u64> = (0..usize::from(args.takes))
        .map(|take| address.take_seed(&speaker, take))
        .collect();
    let mut takes = voice
        .takes(&cue, &seeds)
        .map_err(|error| Failure::ModelUnusable {
            reason: error.to_string(),
            train: args.name.clone(),
        })?;
    takes.sort_by(|a, b| b.score.total.total_cmp(&a.score.total));
    let best = takes.first().filter(|_| args.explain);
    let explained = best.map(|best| (best, voice.explain(best)));
    if args.json {
        let mut document = json!({"name": args.name, "seed": seed, "cue": args.cue, "prime": args.prime, "takes": takes});
        if let Some((_, explanation)) = explained {
            document["explanation"] = json!(explanation);
        }
        print(&format!("{document:#}\n"))?;
    } else {
        let mut told: String = takes.iter().map(card).collect();
        if let Some((best, explanation)) = explained {
            let best_take = spoken(best.delivery.as_deref(), &best.text);
            told.push_str(&format!("\n{best_take}\n"));
            told.push_str(&explain::explained(
                &explanation,
                &best.score,
                &cue.weights,
                look.language(),
            ));
        }
        print(&told)?;
        if args.seed.is_none() {
            note(&format!("Again: the same command with --seed {seed}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who is asked for, after hearing the cue.
fn listener(
    library: &mut Library<'_>,
    character: Option<&Character>,
    args: &Say,
) -> Result<LstmVoice, Failure> {
    let mut voice = match character {
        Some(character) => library.voice(character)?,
        None => library.ensemble_voice()?,
    };
    if let Some(cue) = &args.cue {
        voice.hear(&heard(cue, &library.characters));
    }
    Ok(voice)
}

/// Prints the line that is likeliest when the weights are multiplied exactly, how it comes about, and how far the stage is from it, which rounds what
/// goes into a product.
fn likeliest(
    exact: &LstmVoice,
    on_stage: &LstmVoice,
    args: &Say,
    prime: Option<&str>,
    max_chars: usize,
) -> Result<ExitCode, Failure> {
    let given = exact
        .encode(prime.unwrap_or(""))
        .map_err(|error| Failure::ModelUnusable {
            reason: error.to_string(),
            train: args.name.clone(),
        })?;
    let steps = exact.likeliest(&given, max_chars);
    let tokens: Vec<Token> = steps.iter().map(|step| step.token).collect();
    let rounded = on_stage.likeliest(&tokens, max_chars);
    let logits = |steps: &[Step]| -> Vec<f32> {
        let all = steps.iter().flat_map(|step| &step.logits);
        all.copied().collect()
    };
    let differences = logits(&steps).into_iter().zip(logits(&rounded));
    let rounding = differences.fold(0f32, |largest, (a, b)| largest.max((a - b).abs()));
    let text: String = steps.iter().map(|step| step.text.as_str()).collect();
    if args.json {
        let document = json!({"name": args.name, "cue": args.cue, "prime": args.prime, "text": text, "rounding_on_stage": rounding, "steps": steps});
        print(&format!("{document}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = format!("{text}\n\n");
    for step in &steps {
        let candidates = step.candidates.iter();
        let candidates = candidates.map(|(text, p)| format!("{:>5.1} % {text:12}", 100.0 * p));
        let candidates = candidates.collect::<Vec<_>>().join(" ");
        page.push_str(&format!("{:14} {}\n", step.text, candidates.trim_end()));
    }
    page.push_str(&format!(
        "\nOn stage, numbers are rounded on their way: there these logits differ by up to {rounding:.0e}.\n"
    ));
    print(&page)?;
    Ok(ExitCode::SUCCESS)
}

/// The first words of every line, if any.
fn primed(prime: &str) -> Result<Option<String>, Failure> {
    let prime = one_line(prime);
    if let Some(c) = prime.chars().find(|c| !is_allowed(*c)) {
        return Err(Failure::Input(format!(
            "--prime: the models cannot write the character U+{:04X}",
            c as u32
        )));
    }
    Ok(Some(prime).filter(|prime| !prime.is_empty()))
}

/// A cue as heard: by whom its prefix says, or by somebody unknown.
fn heard(cue: &str, characters: &[Character]) -> Utterance {
    let line = one_line(cue);
    let named = line.split_once(':').and_then(|(name, text)| {
        let name = name.trim().to_lowercase();
        let is_meant = |character: &&Character| {
            character.id.as_str() == name || character.name.to_lowercase() == name
        };
        characters
            .iter()
            .find(is_meant)
            .map(|character| (character.id.clone(), text.trim().to_owned()))
    });
    let (speaker, line) = named.unwrap_or_else(|| (CharacterId::new("somebody"), line));
    let (delivery, text) = split_spoken(&line);
    Utterance {
        turn: 0,
        name: speaker.to_string(),
        speaker,
        delivery,
        text,
        pause_ms: 0,
        provenance: Provenance::Injected,
    }
}

fn card(take: &Take) -> String {
    let score = &take.score;
    format!(
        "{}\n    total {:+.2}: fluency {:+.2}, cue {:+.2}, voice {:+.2}, length {:+.2}, loops {}, unknown words {}, longest run copied {} words{}\n",
        spoken(take.delivery.as_deref(), &take.text),
        score.total,
        score.fluency,
        score.cue,
        score.voice,
        score.length,
        score.loops,
        score.unknown_words,
        score.copied_words,
        if score.finished { "" } else { ", cut off" }
    )
}

//! Training a show as small as a show can be, and what comes of it: files, voices, figures.

mod plots;
mod resume;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use telenovela_lm::copies::CopyIndex;
use telenovela_lm::error::Error;
use telenovela_lm::lexicon::Lexicon;
use telenovela_lm::rng::{Purpose, Random};
use telenovela_lm::tokenizer::Slot;
use telenovela_lm::train::{Conduct, Material, train_character, train_ensemble};
use telenovela_lm::voice::{LstmVoice, Speakers};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::{Base, Character, CharacterId, Color, Delivery, Lines, Turns};
use telenovela_script::event::{Provenance, Utterance};
use telenovela_script::scene::BeatId;
use telenovela_script::script::{Script, ScriptScene, Turn};
use telenovela_script::show::{ModelSize, Precision, Recipe, Show, ShowId, TokenizerSpec, Unit};
use telenovela_script::voice::{Cue, Sampling, ScoreWeights, Take, Voice};

fn show(unit: Unit) -> Show {
    Show {
        id: ShowId::new("ferry"),
        title: "The Last Ferry".into(),
        logline: String::new(),
        language: "en".into(),
        scripts: Vec::new(),
        plot_lines: Vec::new(),
        tokenizer: TokenizerSpec {
            unit,
            min_count: 2,
            max_vocab: 500,
        },
        model: ModelSize {
            n_embd: 7,
            n_speaker: 2,
            n_hidden: 9,
            n_layer: 1,
        },
        recipe: Recipe {
            seed: 1,
            batch: 4,
            bptt: 24,
            epochs: 2,
            character_epochs: 1,
            lr: 1e-2,
            character_lr: 2e-3,
            others_weight: 0.2,
            clip: 1.0,
            weight_decay: 0.01,
            ema: 0.9,
            dropout_in: 0.1,
            dropout_hidden: 0.1,
            dropout_out: 0.1,
            weight_drop: 0.1,
            hide_speaker: 0.1,
            spare_speakers: 2,
            precision: Precision::F32,
        },
    }
}

/// Twenty scenes. Clara and Odette speak in all of them, the judge in six; each scene has a word that no other has.
fn scripts() -> Vec<Script> {
    let turn = |speaker: &str, text: String| Turn {
        speaker: (!speaker.is_empty()).then(|| speaker.to_owned()),
        delivery: None,
        text,
        line: 1,
    };
    let scene = |number: usize| {
        let rare = ["abc", "def", "ghi", "jkl", "mno"][number % 5];
        let mark = format!("z{rare}{}", ["q", "w", "x", "k"][number / 5]);
        let mut turns = vec![
            turn("", "Fog on the river.".into()),
            turn(
                "CLARA",
                format!("The ferry leaves with the {mark}, sister."),
            ),
            turn(
                "ODETTE",
                "I saw nothing, and it will cost you extra.".into(),
            ),
            turn("CLARA", "Then the river saw it for you.".into()),
        ];
        if number.is_multiple_of(3) {
            turns.push(turn("JUDGE", "Objection to the rope.".into()));
        }
        ScriptScene {
            turns,
            ..ScriptScene::default()
        }
    };
    vec![Script {
        scenes: (0..20).map(scene).collect(),
        ..Script::default()
    }]
}

fn character(id: &str, lines: Lines) -> Character {
    Character {
        id: CharacterId::new(id),
        show: ShowId::new("ferry"),
        name: id.into(),
        aliases: Vec::new(),
        offstage: false,
        role: String::new(),
        description: String::new(),
        color: Color::Cyan,
        lines,
        base: Base::Ensemble,
        sampling: Sampling::default(),
        weights: ScoreWeights::default(),
        turns: Turns {
            talkativeness: 0.5,
            max_repeat: 1,
            max_idle: 8,
        },
        delivery: Delivery {
            cps: 30.0,
            pause_scale: 1.0,
        },
        fallback_lines: Vec::new(),
        bonds: Vec::new(),
        secrets: Vec::new(),
    }
}

fn speaker(cue: &str) -> Lines {
    Lines::Speakers(vec![cue.to_owned()])
}

/// A show with its ensemble.
struct Company {
    show: Show,
    scripts: Vec<Script>,
    material: Material,
    ensemble: (Weights, Card),
}

impl Company {
    fn new(show: Show) -> Self {
        Self::of(show, scripts())
    }

    fn of(show: Show, scripts: Vec<Script>) -> Self {
        let material = Material::new(&show, &scripts).unwrap();
        let ensemble = train_ensemble(&show, &material, &Conduct::default(), &mut |_| ()).unwrap();
        Self {
            show,
            scripts,
            material,
            ensemble,
        }
    }

    fn train(&self, character: &Character) -> Result<(Weights, Card), Error> {
        train_character(
            &self.show,
            &self.material,
            character,
            &self.ensemble.0,
            &Conduct::default(),
            &mut |_| (),
        )
    }

    fn voice(&self, own: &(Weights, Card), ensemble: Option<&(Weights, Card)>) -> LstmVoice {
        let mut speakers = Speakers::default();
        let mut speaker = |(weights, card): &(Weights, Card)| speakers.of(weights, card.clone());
        let own = speaker(own).unwrap();
        let cast = HashMap::from([
            (CharacterId::new("clara"), own.slots.slot("CLARA")),
            (CharacterId::new("odette"), own.slots.slot("ODETTE")),
        ]);
        LstmVoice::new(
            CharacterId::new("clara"),
            own,
            ensemble.map(|ensemble| speaker(ensemble).unwrap()),
            Arc::new(cast),
            Arc::new(CopyIndex::new(
                self.scripts[0].scenes[0]
                    .turns
                    .iter()
                    .map(|turn| turn.text.as_str()),
            )),
        )
    }
}

fn utterance(speaker: &str, text: &str) -> Utterance {
    Utterance {
        turn: 0,
        speaker: CharacterId::new(speaker),
        name: speaker.to_owned(),
        delivery: None,
        text: text.to_owned(),
        pause_ms: 0,
        provenance: Provenance::Injected,
    }
}

fn cue(prime: Option<&str>) -> Cue {
    Cue {
        prime: prime.map(str::to_owned),
        motifs: vec!["river".into()],
        said: vec!["The ferry leaves.".into()],
        ..Cue::plain(BeatId::new("one"))
    }
}

fn takes(voice: &dyn Voice, seeds: &[u64]) -> Vec<Take> {
    voice.takes(&cue(None), seeds).unwrap()
}

#[test]
fn every_unit_and_depth_trains_speaks_and_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for (unit, n_layer) in [
        (Unit::Char, 1),
        (Unit::Subword, 3),
        (Unit::Word, 1),
        (Unit::Word, 3),
    ] {
        let mut show = show(unit);
        show.model.n_layer = n_layer;
        let company = Company::new(show);
        let clara = company
            .train(&character("clara", speaker("CLARA")))
            .unwrap();
        assert!(clara.1.scores.test_bits > 0.5 && clara.1.scores.test_bits < 9.0);

        let path = folder.path().join(format!("{unit}-{n_layer}.safetensors"));
        clara.0.save(&path, &clara.1).unwrap();
        let read = Weights::load(&path).unwrap();
        assert!(read.1 == clara.1);
        assert!(read.0.iter().eq(clara.0.iter()), "{unit}");
        // What was read back is written as the same bytes.
        let again = folder.path().join("again.safetensors");
        read.0.save(&again, &clara.1).unwrap();
        assert_eq!(
            std::fs::read(&path).unwrap(),
            std::fs::read(&again).unwrap()
        );

        let voice = company.voice(&read, Some(&company.ensemble));
        for prime in [None, Some(""), Some("The"), Some("Zorblax"), Some("łł ł")] {
            let takes = voice.takes(&cue(prime), &[1, 2]).unwrap();
            assert_eq!(takes.len(), 2);
            for take in takes {
                let explained = voice.explain(&take).tokens;
                assert!(explained.iter().all(|token| token.surprise.is_finite()));
                let remembered = |hidden: &[f32]| {
                    !hidden.is_empty() && hidden.iter().all(|number| number.abs() <= 1.0)
                };
                assert!(explained.iter().all(|token| remembered(&token.hidden)));
            }
        }
    }
}

#[test]
fn the_same_training_gives_the_same_weights_and_figures() {
    let (one, two) = (
        Company::new(show(Unit::Word)),
        Company::new(show(Unit::Word)),
    );
    assert!(one.ensemble.0.iter().eq(two.ensemble.0.iter()));
    assert_eq!(one.ensemble.1, two.ensemble.1);
    let clara = character("clara", speaker("CLARA"));
    let (one, two) = (one.train(&clara).unwrap(), two.train(&clara).unwrap());
    assert!(one.0.iter().eq(two.0.iter()));
    assert_eq!(one.1, two.1);
}

#[test]
fn words_that_only_held_out_scenes_have_are_in_no_vocabulary_and_no_lexicon() {
    let company = Company::new(show(Unit::Word));
    let card = &company.ensemble.1;
    let lexicon = Lexicon::from_joined(&card.lexicon);
    let marks: Vec<&str> = company.scripts[0]
        .scenes
        .iter()
        .map(|scene| {
            let text = &scene.turns[1].text;
            let at = text.find(" z").unwrap();
            &text[at + 1..at + 6]
        })
        .collect();
    let known = marks.iter().filter(|mark| lexicon.contains(mark)).count();
    // Of twenty scenes one is tuned on and two are reported on.
    assert_eq!((marks.len(), known), (20, 17));
    for mark in marks.iter().filter(|mark| !lexicon.contains(mark)) {
        assert!(!card.tokenizer.contains(&format!("\" {mark}\"")), "{mark}");
    }
}

#[test]
fn who_says_too_little_for_a_slot_is_not_mistaken_for_others_without_one() {
    let company = Company::new(show(Unit::Word));
    let slots = &company.ensemble.1.slots;
    assert_eq!(slots.slot("JUDGE"), Slot::OTHER);
    let (_, card) = company
        .train(&character("judge", speaker("JUDGE")))
        .unwrap();
    assert_eq!(card.slot, slots.first_spare());
    assert!(card.slot.0 <= slots.n_slots());
}

#[test]
fn without_spare_slots_a_newcomer_is_somebody_else() {
    let mut show = show(Unit::Word);
    show.recipe.spare_speakers = 0;
    let company = Company::new(show);
    let lines = (0..6).map(|n| format!("Line {n} of a gull.")).collect();
    let gull = character("gull", Lines::Inline(lines));
    let (_, card) = company.train(&gull).unwrap();
    assert_eq!(card.slot, Slot::OTHER);
}

#[test]
fn six_lines_are_enough_and_five_are_not() {
    let company = Company::new(show(Unit::Word));
    let gull = |n: usize| {
        let lines = (0..n).map(|n| format!("Line {n} of a gull.")).collect();
        character("gull", Lines::Inline(lines))
    };
    let (_, card) = company.train(&gull(6)).unwrap();
    assert_eq!(card.slot, company.ensemble.1.slots.first_spare());
    assert!(Lexicon::from_joined(&card.lexicon).contains("gull"));
    match company.train(&gull(5)) {
        Err(Error::TooFewLines { lines, need, .. }) => assert_eq!((lines, need), (5, 6)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn takes_leave_the_mind_as_it_was_and_what_is_heard_does_not() {
    let company = Company::new(show(Unit::Word));
    let clara = company
        .train(&character("clara", speaker("CLARA")))
        .unwrap();
    let mut voice = company.voice(&clara, Some(&company.ensemble));
    let first = takes(&voice, &[1, 2, 3]);
    assert_eq!(takes(&voice, &[1, 2, 3]), first);
    // A take depends on its own seed, not on its company.
    assert_eq!(takes(&voice, &[3, 1]), [first[2].clone(), first[0].clone()]);
    assert!(takes(&voice, &[]).is_empty());
    assert!(first.iter().all(|take| take.score.cue == 0.0));

    let fork = voice.fork();
    voice.hear(&utterance("odette", "I saw nothing."));
    assert_eq!(takes(fork.as_ref(), &[1, 2, 3]), first);
    let after = takes(&voice, &[1, 2, 3]);
    assert!(after.iter().any(|take| take.score.cue != 0.0));
    // Who said it matters.
    let mut other = fork;
    other.hear(&utterance("somebody", "I saw nothing."));
    assert_ne!(takes(other.as_ref(), &[1, 2, 3]), after);
    assert!((0.0..=1.0).contains(&voice.bid()));
}

#[test]
fn who_has_never_learned_its_turns_bids_as_one_of_those_heard() {
    let company = Company::new(show(Unit::Word));
    let mut voice = company.voice(&company.ensemble, None).bidding_evenly();
    assert_eq!(voice.bid(), 1.0);
    voice.hear(&utterance("ada", "The ferry is late."));
    voice.hear(&utterance("bruno", "It is always late."));
    voice.hear(&utterance("ada", "Not always."));
    assert_eq!(voice.bid(), 1.0 / 3.0);
}

#[test]
fn an_ensemble_of_another_vocabulary_is_left_out() {
    let company = Company::new(show(Unit::Word));
    let clara = company
        .train(&character("clara", speaker("CLARA")))
        .unwrap();
    let mut fewer = show(Unit::Word);
    fewer.tokenizer.min_count = 30;
    fewer.recipe.spare_speakers = 0;
    let later = Company::new(fewer);
    let mut alone = company.voice(&clara, None);
    let mut beside = company.voice(&clara, Some(&later.ensemble));
    for voice in [&mut alone, &mut beside] {
        voice.hear(&utterance(
            "odette",
            "I saw nothing, and it will cost you extra.",
        ));
    }
    assert_eq!(takes(&alone, &[1, 2]), takes(&beside, &[1, 2]));
}

/// Loads a file and lets it speak; whatever is wrong with it must be an error.
fn try_out(company: &Company, path: &Path) -> Result<(), Error> {
    let (weights, card) = Weights::load(path)?;
    Speakers::default().load(path)?;
    let voice = company.voice(&(weights, card), None);
    // Weights that are wild numbers may speak or fail, but they may not take the program down.
    let _ = voice.takes(&cue(Some("The")), &[1]);
    Ok(())
}

#[test]
fn a_damaged_file_is_refused_or_speaks_but_never_panics() {
    let company = Company::new(show(Unit::Char));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    assert!(matches!(
        try_out(&company, &path),
        Err(Error::Missing { .. })
    ));
    let (weights, card) = &company.ensemble;
    weights.save(&path, card).unwrap();
    try_out(&company, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for n in [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..n]).unwrap();
        let outcome = try_out(&company, &path);
        assert!(matches!(outcome, Err(Error::Unusable { .. })), "{n}");
    }
    let mut random = Random::new(11, Purpose::Order);
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        let at = random.below(damaged.len());
        damaged[at] ^= 1 << random.below(8);
        std::fs::write(&path, &damaged).unwrap();
        let _ = try_out(&company, &path);
    }
    // Other digits in what the file says of itself are the likeliest to be believed.
    let digits: Vec<usize> = (8..bytes.len() / 2)
        .filter(|&at| bytes[at].is_ascii_digit())
        .collect();
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        damaged[digits[random.below(digits.len())]] = b'0' + random.below(10) as u8;
        std::fs::write(&path, &damaged).unwrap();
        let _ = try_out(&company, &path);
    }
}

#[test]
fn a_card_that_contradicts_its_weights_is_refused() {
    let company = Company::new(show(Unit::Char));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let (weights, card) = &company.ensemble;
    let refused = |change: &dyn Fn(&mut Card)| {
        let mut card = card.clone();
        change(&mut card);
        weights.save(&path, &card).unwrap();
        let outcome = Speakers::default().load(&path);
        matches!(outcome, Err(Error::Unusable { .. }))
    };
    assert!(!refused(&|_| ()));
    assert!(refused(&|card| card.slot = Slot(card.slots.n_slots() + 1)));
    assert!(refused(&|card| card.slots.spare += 1));
    assert!(refused(&|card| card.slots.spare = usize::MAX));
    assert!(refused(&|card| card.size.n_layer = usize::MAX));
    assert!(refused(&|card| card.size.n_hidden = 0));
    assert!(refused(&|card| card.format += 1));
    assert!(refused(&|card| {
        let other = Company::new(show(Unit::Word));
        card.tokenizer = other.ensemble.1.tokenizer;
        card.unit = Unit::Word;
    }));
}

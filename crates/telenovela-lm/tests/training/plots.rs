//! Models of plot lines: small, nothing without their ensemble, and heard where a cue asks for them.

use std::path::Path;

use telenovela_lm::train::train_plot;
use telenovela_lm::voice::Speaker;
use telenovela_script::show::PlotLineId;

use super::*;

fn fog() -> PlotLineId {
    PlotLineId::new("fog")
}

/// A company whose every other scene is about fog, at length.
fn company(seed: u64) -> Company {
    let mut show = show(Unit::Word);
    show.recipe.seed = seed;
    let mut scripts = scripts();
    for scene in scripts[0].scenes.iter_mut().step_by(2) {
        scene.plot_lines = vec![fog()];
        let more = "Fog, and fog, and nothing in the fog but the bell of another boat.";
        let turn = scene.turns[1].clone();
        scene.turns.extend((0..20).map(|_| Turn {
            text: more.into(),
            ..turn.clone()
        }));
    }
    Company::of(show, scripts)
}

fn trained(company: &Company, plot: &PlotLineId) -> Result<(Weights, Card), Error> {
    let (show, material) = (&company.show, &company.material);
    let conduct = Conduct::default();
    train_plot(
        show,
        material,
        plot,
        &company.ensemble.0,
        &conduct,
        &mut |_| (),
    )
}

fn saved(company: &Company, path: &Path) {
    let (weights, card) = trained(company, &fog()).unwrap();
    weights.save(path, &card).unwrap();
}

#[test]
fn it_holds_what_differs_from_its_ensemble_and_is_read_over_that_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fog.safetensors");
    let company = company(1);
    saved(&company, &path);
    let (weights, card) = trained(&company, &fog()).unwrap();
    let names: Vec<&str> = weights.iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["head.bias", "projection.weight"]);
    assert_eq!(card.plot.as_deref(), Some("fog"));

    let alone = Weights::load(&path).unwrap_err().to_string();
    assert!(
        alone.contains("only what differs from the ensemble"),
        "{alone}"
    );
    let stranger = self::company(2).ensemble.0;
    let other = Weights::load_over(&path, &stranger)
        .unwrap_err()
        .to_string();
    assert!(other.contains("grew from another ensemble"), "{other}");

    let base = &company.ensemble.0;
    let (read, _) = Weights::load_over(&path, base).unwrap();
    for (name, _, numbers) in read.iter() {
        let own = weights.iter().find(|(known, _, _)| *known == name);
        let expected = own.map_or(base.tensor(name), |(_, _, numbers)| numbers);
        assert_eq!(numbers, expected, "{name}");
    }
}

#[test]
fn a_plot_line_of_which_the_scripts_tell_little_has_no_model() {
    let company = company(1);
    assert!(company.material.tells(&fog()));
    let fire = PlotLineId::new("fire");
    assert!(!company.material.tells(&fire));
    let error = trained(&company, &fire).unwrap_err().to_string();
    assert!(
        error.contains("0 characters") && error.contains("8000"),
        "{error}"
    );
}

#[test]
fn it_is_heard_where_a_cue_asks_for_it_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fog.safetensors");
    let company = company(1);
    saved(&company, &path);
    let clara = company
        .train(&character("clara", speaker("CLARA")))
        .unwrap();
    let model: Speaker = Speakers::default()
        .load_plot(&path, &company.ensemble)
        .unwrap();
    let plain = company.voice(&clara, Some(&company.ensemble));
    let voice = plain.clone().with_plots([(fog(), model.clone())]);
    let asking = Cue {
        plot: vec![(fog(), 0.7)],
        ..cue(None)
    };
    let seeds: Vec<u64> = (0..12).collect();
    // Nobody asks: as if there were no such model; and who asks where there is none gets what the speaker has.
    assert_eq!(takes(&voice, &seeds), takes(&plain, &seeds));
    assert_eq!(plain.takes(&asking, &seeds).unwrap(), takes(&plain, &seeds));
    let mixed = voice.takes(&asking, &seeds).unwrap();
    assert!(mixed.iter().any(|take| take.score.plot != 0.0));
    assert!(
        takes(&voice, &seeds)
            .iter()
            .all(|take| take.score.plot == 0.0)
    );
    // A take of a mix does not depend on its company either.
    assert_eq!(voice.takes(&asking, &seeds[5..6]).unwrap(), mixed[5..6]);
    // Without an ensemble there is nothing that a plot line could differ from.
    let lonely = company.voice(&clara, None).with_plots([(fog(), model)]);
    assert_eq!(
        lonely.takes(&asking, &seeds).unwrap(),
        takes(&lonely, &seeds)
    );
}

#[test]
fn minds_that_share_an_ensemble_remember_what_each_has_heard() {
    let company = company(1);
    let clara = company
        .train(&character("clara", speaker("CLARA")))
        .unwrap();
    let seeds = [1, 2, 3];
    let lines = [
        ("odette", "I saw nothing."),
        ("clara", "Then the river saw it."),
        ("odette", "It will cost you extra."),
    ];
    let after = |voice: &LstmVoice, heard: &[(&str, &str)]| {
        let mut voice = voice.clone();
        for (who, text) in heard {
            voice.hear(&utterance(who, text));
        }
        takes(&voice, &seeds)
    };
    // A copy of a mind shares the ensemble with it; a mind of its own does not.
    let shared = company.voice(&clara, Some(&company.ensemble));
    for heard in [&lines[..], &lines[1..], &lines[..2], &lines[..]] {
        let alone = company.voice(&clara, Some(&company.ensemble));
        assert_eq!(after(&shared, heard), after(&alone, heard));
    }
}

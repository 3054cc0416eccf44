//! A training that is broken off anywhere, and what it goes on to.

use std::cell::RefCell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use telenovela_lm::error::Error;
use telenovela_lm::train::{
    Cadence, Checkpoints, Conduct, Facts, Material, Metrics, Progress, train_character,
    train_ensemble,
};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::{Base, Character, Lines};
use telenovela_script::show::{Show, Unit};
use telenovela_script::voice::Interest;
use tempfile::TempDir;

use crate::{character, scripts, show, speaker};

/// What is trained.
enum Who {
    Ensemble,
    Character(Box<(Character, Weights)>),
}

/// A training of a small show.
struct Training {
    show: Show,
    material: Material,
    who: Who,
}

impl Training {
    fn ensemble(show: Show) -> Self {
        let material = Material::new(&show, &scripts()).unwrap();
        Self {
            show,
            material,
            who: Who::Ensemble,
        }
    }

    fn character(show: Show, character: Character) -> Self {
        let Self { show, material, .. } = Self::ensemble(show);
        let (ensemble, _) =
            train_ensemble(&show, &material, &Conduct::default(), &mut |_| ()).unwrap();
        Self {
            show,
            material,
            who: Who::Character(Box::new((character, ensemble))),
        }
    }

    fn run(
        &self,
        checkpoints: Option<&Checkpoints>,
        report: &mut dyn FnMut(Progress),
    ) -> Result<(Weights, Card), Error> {
        self.run_on(1, checkpoints, report)
    }

    fn run_on(
        &self,
        threads: usize,
        checkpoints: Option<&Checkpoints>,
        report: &mut dyn FnMut(Progress),
    ) -> Result<(Weights, Card), Error> {
        let conduct = Conduct {
            threads,
            checkpoints: checkpoints.cloned(),
            ..Conduct::default()
        };
        self.conducted(conduct, report)
    }

    fn conducted(
        &self,
        conduct: Conduct,
        report: &mut dyn FnMut(Progress),
    ) -> Result<(Weights, Card), Error> {
        let (show, material) = (&self.show, &self.material);
        match &self.who {
            Who::Ensemble => train_ensemble(show, material, &conduct, report),
            Who::Character(one) => {
                let (character, ensemble) = one.as_ref();
                train_character(show, material, character, ensemble, &conduct, report)
            }
        }
    }
}

fn each_step(folder: &Path) -> Checkpoints {
    Checkpoints::new(folder.to_owned(), Cadence::Steps(1))
}

/// Names and bytes of the files in a folder, sorted.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().into(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (name, bytes) in files(from) {
        fs::write(to.join(name), bytes).unwrap();
    }
}

#[track_caller]
fn assert_same(one: &(Weights, Card), two: &(Weights, Card)) {
    assert!(one.0.iter().eq(two.0.iter()), "other weights");
    assert_eq!(one.1, two.1);
}

/// Breaks a training off at every step of it, or at each so-many-th, goes on from there, and compares all that is left.
fn goes_on_from_every_step(training: &Training, stride: usize) {
    let plain = training.run(None, &mut |_| ()).unwrap();
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole");
    let at_step = |step: usize| folder.path().join(step.to_string());
    let mut told: Vec<Metrics> = Vec::new();
    let mut steps: Vec<usize> = Vec::new();
    let unbroken = training.run(Some(&each_step(&whole)), &mut |progress| match progress {
        Progress::Saved { step } => {
            // What a process that is ended now would leave on the disk. At the end of an epoch there are two such moments, one step.
            copy(&whole, &at_step(steps.len()));
            steps.push(step);
        }
        Progress::Epoch { metrics, .. } => told.push(metrics),
        _ => {}
    });
    assert_same(&plain, &unbroken.unwrap());
    assert_eq!(told, plain.1.history);
    assert!(steps.len() > 12, "{steps:?}");

    for (moment, &stopped) in steps.iter().enumerate().rev().step_by(stride) {
        let dead = at_step(moment);
        let mut first = None;
        // On another number of threads, too.
        let threads = 1 + moment % 3;
        let resumed = training.run_on(threads, Some(&each_step(&dead)), &mut |progress| {
            if let Progress::Resumed { step, .. } = progress {
                first = Some(step);
            }
        });
        assert_same(&plain, &resumed.unwrap());
        assert_eq!(first, Some(stopped));
        // Moments, averages and streams stand where they stood.
        assert!(files(&dead) == files(&whole), "stopped at step {stopped}");
    }
}

#[test]
fn a_training_that_nobody_waits_for_keeps_its_place_and_ends() {
    let training = Training::ensemble(show(Unit::Word));
    let plain = training.run(None, &mut |_| ()).unwrap();
    let folder = TempDir::new().unwrap();
    let place = Checkpoints::new(folder.path().join("stopped"), Cadence::Steps(1_000_000));
    let interest = Interest::default();
    let conduct = Conduct {
        checkpoints: Some(place.clone()),
        interest: interest.clone(),
        ..Conduct::default()
    };
    let mut n_steps = 0;
    let stopped = training.conducted(conduct, &mut |progress| {
        n_steps += usize::from(matches!(progress, Progress::Step { .. }));
        if n_steps == 5 {
            interest.lose();
        }
    });
    assert!(
        matches!(stopped, Err(Error::Stopped { step: 5, .. })),
        "{stopped:?}"
    );
    let mut from = None;
    let resumed = training.run_on(1, Some(&place), &mut |progress| {
        if let Progress::Resumed { step, .. } = progress {
            from = Some(step);
        }
    });
    assert_same(&plain, &resumed.unwrap());
    assert_eq!(from, Some(5));
}

#[test]
fn an_ensemble_goes_on_from_every_step_as_if_nothing_had_happened() {
    for (unit, n_layer) in [(Unit::Word, 2), (Unit::Char, 1)] {
        let mut show = show(unit);
        show.model.n_layer = n_layer;
        show.recipe.bptt = if unit == Unit::Word { 12 } else { 40 };
        goes_on_from_every_step(&Training::ensemble(show), 1);
    }
}

/// Shares nothing with the length of a pass, so that it comes by every kind of place.
const STRIDE: usize = 23;

fn two_epochs() -> Show {
    let mut show = show(Unit::Word);
    show.recipe.character_epochs = 2;
    show
}

#[test]
fn a_character_with_little_text_goes_on_as_if_nothing_had_happened() {
    // Several passes in each epoch, most parameters frozen.
    let clara = character("clara", speaker("CLARA"));
    goes_on_from_every_step(&Training::character(two_epochs(), clara), STRIDE);
}

#[test]
fn a_character_from_nothing_goes_on_as_if_nothing_had_happened() {
    let mut odette = character("odette", speaker("ODETTE"));
    odette.base = Base::None;
    goes_on_from_every_step(&Training::character(two_epochs(), odette), STRIDE);
}

#[test]
fn a_character_of_typed_lines_goes_on_as_if_nothing_had_happened() {
    let lines = (0..40).map(|n| format!("Line {n} of a gull, and more."));
    let gull = character("gull", Lines::Inline(lines.collect()));
    goes_on_from_every_step(&Training::character(two_epochs(), gull), STRIDE);
}

#[test]
fn a_training_that_is_broken_off_again_and_again_comes_to_the_same_end() {
    let training = Training::ensemble(show(Unit::Word));
    let plain = training.run(None, &mut |_| ()).unwrap();
    let folder = TempDir::new().unwrap();
    let mut deaths = 0;
    let survived = loop {
        let left = RefCell::new(3);
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            training.run(Some(&each_step(folder.path())), &mut |progress| {
                if let Progress::Step { .. } = progress {
                    *left.borrow_mut() -= 1;
                    // As good as any end: nothing of this attempt is left but its files.
                    assert!(*left.borrow() > 0, "broken off on purpose");
                }
            })
        }));
        match attempt {
            Ok(outcome) => break outcome.unwrap(),
            Err(_) => deaths += 1,
        }
        // What a process leaves that is ended while it writes.
        fs::write(folder.path().join(".tmpAbCdEf"), b"half a checkpo").unwrap();
    };
    assert!(deaths > 5, "{deaths}");
    assert_same(&plain, &survived);
    let names: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// A training stopped somewhere in the middle.
fn stopped(training: &Training, folder: &Path) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut left = 9;
        training.run(Some(&each_step(folder)), &mut |progress| {
            if let Progress::Saved { .. } = progress {
                left -= 1;
                assert!(left > 0, "broken off on purpose");
            }
        })
    }));
    assert!(outcome.is_err());
}

#[test]
fn another_recipe_is_refused_with_what_has_changed_and_anew_means_anew() {
    let folder = TempDir::new().unwrap();
    let training = Training::ensemble(show(Unit::Word));
    stopped(&training, folder.path());
    let before = files(folder.path());
    let mut other = show(Unit::Word);
    other.recipe.lr = 5e-3;
    other.tokenizer.min_count = 3;
    let other = Training::ensemble(other);
    let checkpoints = each_step(folder.path());
    let error = other.run(Some(&checkpoints), &mut |_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the training of `the ensemble` stands at step 9 and cannot go on from there, because this has changed since:\n  \
         recipe.lr: was 0.01, is 0.005\n  tokenizer.min_count: was 2, is 3"
    );
    assert!(files(folder.path()) == before);
    // A field that only characters depend on is no change.
    let mut same = show(Unit::Word);
    same.recipe.character_lr = 9e-3;
    let same = Training::ensemble(same);
    let (_, card) = same.run(Some(&checkpoints), &mut |_| ()).unwrap();
    assert_eq!(card.history.len(), 2);

    checkpoints.clear().unwrap();
    assert!(!folder.path().exists());
    checkpoints.clear().unwrap();
    assert_same(
        &other.run(None, &mut |_| ()).unwrap(),
        &other.run(Some(&checkpoints), &mut |_| ()).unwrap(),
    );
}

#[test]
fn a_character_does_not_go_on_from_another_ensemble() {
    let folder = TempDir::new().unwrap();
    let mut training = Training::character(show(Unit::Word), character("clara", speaker("CLARA")));
    stopped(&training, folder.path());
    let Who::Character(one) = &training.who else {
        unreachable!()
    };
    let (clara, ensemble) = one.as_ref();
    let scaled = ensemble.iter().map(|(name, shape, numbers)| {
        let numbers = numbers.iter().map(|x| x * 1.5).collect();
        (name.to_owned(), shape.to_vec(), numbers)
    });
    let other = Weights::new(ensemble.size, scaled);
    training.who = Who::Character(Box::new((clara.clone(), other)));
    match training.run(Some(&each_step(folder.path())), &mut |_| ()) {
        Err(Error::Changed { who, changes, .. }) => {
            let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
            assert_eq!((who.as_str(), names), ("clara", vec!["ensemble"]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_spoiled_checkpoint_is_passed_over_for_the_one_before_it() {
    let folder = TempDir::new().unwrap();
    let training = Training::ensemble(show(Unit::Word));
    let plain = training.run(None, &mut |_| ()).unwrap();
    stopped(&training, folder.path());
    let kept = files(folder.path());
    let [older, newer] = &kept[..] else {
        panic!("{} files", kept.len())
    };
    // Cut off, then both; each time with what is begun from.
    let cut = |(name, bytes): &(PathBuf, Vec<u8>)| {
        fs::write(folder.path().join(name), &bytes[..bytes.len() / 2]).unwrap();
    };
    for (spoil, expected) in [(vec![newer], Some(8)), (vec![older, newer], None)] {
        let attempt = TempDir::new().unwrap();
        for file in spoil.iter().copied() {
            cut(file);
        }
        copy(folder.path(), attempt.path());
        let (mut spoiled, mut resumed) = (0, None);
        let outcome = training.run(
            Some(&each_step(attempt.path())),
            &mut |progress| match progress {
                Progress::Spoiled(_) => spoiled += 1,
                Progress::Resumed { step, .. } => resumed = Some(step),
                _ => {}
            },
        );
        assert_same(&plain, &outcome.unwrap());
        assert_eq!((spoiled, resumed), (spoil.len(), expected));
    }
}

#[test]
fn damage_to_a_checkpoint_never_takes_the_program_down() {
    let folder = TempDir::new().unwrap();
    let training = Training::ensemble(show(Unit::Word));
    stopped(&training, folder.path());
    let (name, bytes) = files(folder.path()).pop().unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let attempt = TempDir::new().unwrap();
    for at in (0..header).step_by(61).chain([header, bytes.len() - 1]) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 7);
        fs::write(attempt.path().join(&name), damaged).unwrap();
        // It goes on, begins anew or refuses; what it must not do is panic.
        let first_step = catch_unwind(AssertUnwindSafe(|| {
            let checkpoints = Checkpoints::new(attempt.path().to_owned(), Cadence::Cheap);
            training.run(Some(&checkpoints), &mut |_| ())
        }));
        assert!(first_step.is_ok(), "byte {at}");
    }
}

#[test]
fn a_disk_that_refuses_leaves_the_last_checkpoint_and_says_so() {
    let folder = TempDir::new().unwrap();
    let training = Training::ensemble(show(Unit::Word));
    let plain = training.run(None, &mut |_| ()).unwrap();
    let checkpoints = each_step(folder.path());
    // A folder that has the name of the sixth stands for every refusal: it holds for the superuser too.
    let sixth = folder.path().join("step-000000006.safetensors");
    let error = training
        .run(Some(&checkpoints), &mut |progress| {
            if let Progress::Saved { step: 5 } = progress {
                fs::create_dir(&sixth).unwrap();
            }
        })
        .unwrap_err();
    assert!(matches!(error, Error::Save(_)), "{error}");
    assert!(error.to_string().contains("step-000000006"), "{error}");
    fs::remove_dir(&sixth).unwrap();
    let mut resumed = None;
    let outcome = training.run(Some(&checkpoints), &mut |progress| {
        if let Progress::Resumed { step, .. } = progress {
            resumed = Some(step);
        }
    });
    assert_same(&plain, &outcome.unwrap());
    assert_eq!(resumed, Some(5));
    // Where there can be no folder at all, nothing is begun.
    let nowhere = each_step(&folder.path().join("step-000000040.safetensors/x"));
    fs::write(folder.path().join("step-000000040.safetensors"), b"").unwrap();
    let error = training.run(Some(&nowhere), &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::Save(_)), "{error}");
}

#[test]
fn facts_are_the_same_until_something_that_matters_changes() {
    let (show, scripts) = (show(Unit::Word), scripts());
    let ensemble = Facts::of_ensemble(&show, &scripts);
    let clara = character("clara", speaker("CLARA"));
    let facts = |show: &Show, clara: &Character| Facts::of_character(show, clara, &ensemble);
    let mut other = show.clone();
    other.title = "Another title".into();
    other.recipe.character_lr = 9e-3;
    assert_eq!(Facts::of_ensemble(&other, &scripts), ensemble);
    let changes = facts(&show, &clara).changes(&facts(&other, &clara));
    let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
    assert_eq!(names, ["recipe.character_lr"]);
    other.recipe.ema = 0.5;
    assert_ne!(Facts::of_ensemble(&other, &scripts), ensemble);
    let mut renamed = clara.clone();
    renamed.name = "Clara the Second".into();
    assert_eq!(facts(&show, &renamed), facts(&show, &clara));
    renamed.lines = speaker("CLARITA");
    assert_ne!(facts(&show, &renamed), facts(&show, &clara));
    let mut cut = scripts.clone();
    cut[0].scenes[3].turns.pop();
    assert_ne!(Facts::of_ensemble(&show, &cut), ensemble);
}

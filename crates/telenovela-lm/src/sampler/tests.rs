//! Whatever a model would like to say, a line keeps to the rules.

use telenovela_script::show::{ModelSize, TokenizerSpec, Unit};

use super::*;
use crate::lexicon::words;
use crate::model::Model;

const LINES: [&str; 4] = [
    "Listen. The salt is white, and the bell can't lie.",
    "(softly) The salt… is Inés's salt—and mine!",
    "¿Salt? Salt is not a question.",
    "(aside) Listen to the bell.",
];
const UNITS: [Unit; 3] = [Unit::Char, Unit::Subword, Unit::Word];

/// An untrained model, which draws whatever it is not kept from.
struct Stage {
    network: Network,
    tokenizer: Tokenizer,
    lexicon: Lexicon,
    punctuation: Punctuation,
}

impl Stage {
    fn new(unit: Unit) -> Self {
        let spec = TokenizerSpec {
            unit,
            min_count: 2,
            max_vocab: 600,
        };
        let tokenizer = Tokenizer::train(spec, 2, LINES.into_iter()).unwrap();
        let size = ModelSize {
            n_embd: 8,
            n_speaker: 2,
            n_hidden: 12,
            n_layer: 1,
        };
        let model = Model::init(size, tokenizer.n_vocab(), 3, 3).unwrap();
        Self {
            network: Network::new(&model.averaged()),
            tokenizer,
            lexicon: Lexicon::new(LINES),
            punctuation: Punctuation::default(),
        }
    }

    fn writing(&self) -> Writing<'_> {
        Writing {
            tokenizer: &self.tokenizer,
            lexicon: &self.lexicon,
            punctuation: &self.punctuation,
        }
    }

    fn draw(&self, prime: &str, sampling: Sampling, seeds: &[u64]) -> Vec<Draft> {
        let request = Request {
            slot: Slot(1),
            prime,
            sampling,
            penalized: &[],
        };
        let state = self.network.zero_state(1);
        let own = Primed {
            network: &self.network,
            state: &state,
        };
        draw(self.writing(), own, &request, seeds).unwrap()
    }
}

fn seeds() -> Vec<u64> {
    (0..40).collect()
}

#[test]
fn every_word_of_a_finished_line_is_known_in_every_unit() {
    for unit in UNITS {
        let stage = Stage::new(unit);
        let mut n_finished = 0;
        for draft in stage.draw("", Sampling::default(), &seeds()) {
            let line = stage.tokenizer.decode(&draft.tokens);
            if draft.finished {
                n_finished += 1;
                for word in words(&line) {
                    assert!(stage.lexicon.knows(word), "{unit}: `{word}` in `{line}`");
                }
            }
        }
        assert!(n_finished > 0, "{unit}");
    }
}

#[test]
fn no_tag_is_drawn_and_deliveries_are_closed_before_a_line_ends() {
    for unit in UNITS {
        let stage = Stage::new(unit);
        let sampling = Sampling {
            lexicon_only: false,
            temperature: 2.0,
            ..Sampling::default()
        };
        for draft in stage.draw("", sampling, &seeds()) {
            let (last, before) = draft.tokens.split_last().unwrap();
            assert!(!before.iter().any(|&t| stage.tokenizer.is_special(t)));
            assert_eq!(*last == stage.tokenizer.end_of_line(), draft.finished);
            let line = stage.tokenizer.decode(&draft.tokens);
            let mut depth = 0;
            for c in line.chars() {
                depth += i32::from(c == '(') - i32::from(c == ')');
                assert!((0..=1).contains(&depth), "{unit}: {line}");
            }
            assert!(!draft.finished || depth == 0, "{unit}: {line}");
            assert!(!draft.finished || words(&line).next().is_some());
        }
    }
}

#[test]
fn a_take_depends_on_its_own_seed_alone() {
    let stage = Stage::new(Unit::Word);
    let together = stage.draw("The", Sampling::default(), &[5, 9, 7]);
    assert_eq!(stage.draw("The", Sampling::default(), &[9]), together[1..2]);
    assert_eq!(
        stage.draw("The", Sampling::default(), &[7, 5]),
        [together[2].clone(), together[0].clone()]
    );
    assert_ne!(together[0], together[1]);
    assert!(stage.draw("The", Sampling::default(), &[]).is_empty());
}

#[test]
fn a_line_is_cut_off_at_its_longest_and_the_prime_counts() {
    let stage = Stage::new(Unit::Char);
    let sampling = Sampling {
        max_chars: 12,
        ..Sampling::default()
    };
    for draft in stage.draw("The salt", sampling, &seeds()) {
        let line = stage.tokenizer.decode(&draft.tokens);
        assert!(line.starts_with("The salt") && line.chars().count() <= 12);
    }
    // A prime that is longer than the line may be is cut off like any other.
    let cut = stage.draw("The salt is white, and", sampling, &[1]);
    assert_eq!(stage.tokenizer.decode(&cut[0].tokens), "The salt is ");
    assert!(!cut[0].finished);
}

#[test]
fn a_line_goes_on_after_a_first_word_that_nobody_knows() {
    for unit in UNITS {
        let stage = Stage::new(unit);
        for draft in stage.draw("Zorblax", Sampling::default(), &seeds()) {
            let line = stage.tokenizer.decode(&draft.tokens);
            let mut said = words(&line);
            assert_eq!(said.next(), Some("Zorblax"), "{unit}: {line}");
            assert!(said.all(|word| !draft.finished || stage.lexicon.knows(word)));
        }
        let lines = stage.draw("Zorblax", Sampling::default(), &seeds());
        assert!(
            lines
                .iter()
                .any(|draft| { words(&stage.tokenizer.decode(&draft.tokens)).count() > 1 })
        );
    }
}

#[test]
fn a_prime_that_begins_a_known_word_is_brought_to_its_end() {
    let stage = Stage::new(Unit::Char);
    for draft in stage.draw("Lis", Sampling::default(), &seeds()) {
        let line = stage.tokenizer.decode(&draft.tokens);
        assert!(
            !draft.finished || words(&line).next() == Some("Listen"),
            "{line}"
        );
    }
}

#[test]
fn characters_that_no_model_writes_leave_the_prime_silently() {
    let stage = Stage::new(Unit::Char);
    let draft = &stage.draw("łThe", Sampling::default(), &[1])[0];
    assert!(stage.tokenizer.decode(&draft.tokens).starts_with("The"));
}

#[test]
fn a_model_mixed_in_says_its_share() {
    let stage = Stage::new(Unit::Word);
    let n_vocab = stage.tokenizer.n_vocab();
    let other = Model::init(stage.network.size(), n_vocab, 3, 4).unwrap();
    let other = Network::new(&other.averaged());
    let state = stage.network.zero_state(1);
    let [own, other] = [&stage.network, &other].map(|network| Primed {
        network,
        state: &state,
    });
    let request = Request {
        slot: Slot(1),
        prime: "",
        sampling: Sampling::default(),
        penalized: &[],
    };
    let tokens = |drafts: Vec<Draft>| -> Vec<Vec<Token>> {
        drafts.into_iter().map(|draft| draft.tokens).collect()
    };
    let mixed = |share: f32| {
        let mixed = [(other, share)];
        let (writing, seeds) = (stage.writing(), seeds());
        tokens(draw_while(writing, own, &mixed, &request, &seeds, || true).unwrap())
    };
    let alone = |primed| tokens(draw(stage.writing(), primed, &request, &seeds()).unwrap());
    assert_ne!(alone(own), alone(other));
    assert_eq!(mixed(0.0), alone(own));
    assert_eq!(mixed(1.0), alone(other));
    let half = mixed(0.5);
    assert!(half != alone(own) && half != alone(other));
}

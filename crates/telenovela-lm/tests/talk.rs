//! The network of the talk against what it stands for: one-hot rows, an LSTM and a dense layer.

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::rnn::{LSTMConfig, RNN};
use candle_nn::{Module, VarBuilder, VarMap};
use telenovela_lm::compute::Compute;
use telenovela_lm::kernel::Precision;
use telenovela_lm::lstm::{Masks, lstm, lstm_of_tokens};
use telenovela_lm::model::{Model, Window};
use telenovela_lm::network::Network;
use telenovela_lm::rng::{Purpose, Random};
use telenovela_lm::talk::{TalkText, fresh_model, one_hot, recipe, write};
use telenovela_lm::tokenizer::Slot;
use telenovela_lm::train::{Conduct, Progress, train_talk};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::script::{Script, ScriptScene, Turn};
use telenovela_script::show::{ModelSize, Recipe, Show, ShowId, TokenizerSpec, Unit};

const N_VOCAB: usize = 11;
const TIME: usize = 9;
const BATCH: usize = 3;

/// Largest absolute difference.
fn distance(a: &Tensor, b: &Tensor) -> f32 {
    let apart = (a - b).unwrap().abs().unwrap();
    apart.max_all().unwrap().to_scalar().unwrap()
}

/// Characters of some lanes, time-major, and what comes after each.
fn window() -> Window {
    let token = |at: usize| ((at * at + at / 5) % N_VOCAB) as u32;
    let n = TIME * BATCH;
    Window {
        time: TIME,
        batch: BATCH,
        tokens: (0..n).map(token).collect(),
        slots: vec![Slot::OTHER; n],
        targets: (BATCH..n + BATCH).map(token).collect(),
        weights: vec![1.0; n],
    }
}

/// One-hot rows of tokens, `(n, N_VOCAB)`.
fn rows(tokens: &[u32]) -> Tensor {
    let numbers = tokens.iter().flat_map(|&token| one_hot(token, N_VOCAB));
    Tensor::from_vec(
        numbers.collect::<Vec<f32>>(),
        (tokens.len(), N_VOCAB),
        &Device::Cpu,
    )
    .unwrap()
}

/// Without anything dropped.
fn plain_recipe() -> Recipe {
    Recipe {
        dropout_out: 0.0,
        ..recipe(1, 1)
    }
}

#[test]
fn a_one_hot_row_times_the_weights_is_what_is_looked_up() {
    const N_HIDDEN: usize = 13;
    let mut random = Random::new(3, Purpose::Init);
    let mut drawn = |shape: &[usize]| {
        let numbers = (0..shape.iter().product()).map(|_| 0.4 * random.normal());
        Tensor::from_vec(numbers.collect::<Vec<f32>>(), shape, &Device::Cpu).unwrap()
    };
    let weights = Var::from_tensor(&drawn(&[4 * N_HIDDEN, N_VOCAB + N_HIDDEN + 1])).unwrap();
    let state = drawn(&[2, BATCH, N_HIDDEN]);
    let mix = drawn(&[TIME * BATCH, N_HIDDEN]);
    let nobody = Tensor::zeros((TIME * BATCH, 0), DType::F32, &Device::Cpu).unwrap();
    let tokens = window().tokens;
    let identity = rows(&(0..N_VOCAB as u32).collect::<Vec<_>>());
    let compute = Compute::new(1, Precision::F32);

    let (multiplied, last) = lstm(
        &compute,
        &rows(&tokens),
        &nobody,
        &weights,
        &state,
        Masks::default(),
    )
    .unwrap();
    let (looked_up, last_too) = lstm_of_tokens(
        &compute,
        (&identity, tokens),
        &nobody,
        &weights,
        &state,
        Masks::default(),
    )
    .unwrap();
    // A sum of zeros and one number is that number, in any order: the same to the bit.
    assert_eq!(distance(&multiplied.result, &looked_up.result), 0.0);
    assert_eq!(distance(&last, &last_too), 0.0);
    let gradient = |hidden: &Tensor| {
        let loss = (hidden * &mix).unwrap().sum_all().unwrap();
        loss.backward().unwrap().get(&weights).unwrap().clone()
    };
    // Here several numbers are summed, in another order.
    let (of_product, of_table) = (gradient(&multiplied.result), gradient(&looked_up.result));
    assert!(distance(&of_product, &of_table) < 1e-6);
    assert!(
        of_product
            .abs()
            .unwrap()
            .max_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap()
            > 0.1
    );
}

/// A parameter of a model as it is trained.
fn parameter<'a>(model: &'a Model, name: &str) -> &'a Tensor {
    let found = model.parameters.iter().find(|p| p.name == name);
    found.unwrap().var.as_tensor()
}

#[test]
fn the_whole_network_is_candles_lstm_and_dense_layer_over_one_hot_rows() {
    let model = fresh_model(N_VOCAB, 5).unwrap();
    let ModelSize { n_hidden, .. } = model.size;
    let weights = parameter(&model, "lstm.0.weights");
    let columns = |from, n| weights.narrow(1, from, n).unwrap().contiguous().unwrap();

    let map = VarMap::new();
    let theirs = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let layer = candle_nn::lstm(N_VOCAB, n_hidden, LSTMConfig::default(), theirs.pp("lstm"));
    let dense = candle_nn::linear(n_hidden, N_VOCAB, theirs.pp("dense")).unwrap();
    let vars = map.data().lock().unwrap().clone();
    let bias = columns(N_VOCAB + n_hidden, 1).squeeze(1).unwrap();
    for (name, tensor) in [
        ("lstm.weight_ih_l0", columns(0, N_VOCAB)),
        ("lstm.weight_hh_l0", columns(N_VOCAB, n_hidden)),
        ("lstm.bias_ih_l0", bias.clone()),
        ("lstm.bias_hh_l0", bias.zeros_like().unwrap()),
        (
            "dense.weight",
            parameter(&model, "projection.weight").clone(),
        ),
        ("dense.bias", parameter(&model, "head.bias").clone()),
    ] {
        vars[name].set(&tensor).unwrap();
    }

    let window = window();
    // Time-major as ours, batch-major as theirs.
    let inputs = rows(&window.tokens)
        .reshape((TIME, BATCH, N_VOCAB))
        .unwrap();
    let inputs = inputs.transpose(0, 1).unwrap().contiguous().unwrap();
    let states = layer.unwrap().seq(&inputs).unwrap();
    let hidden: Vec<Tensor> = states.iter().map(|state| state.h().clone()).collect();
    let logits = dense.forward(&Tensor::cat(&hidden, 0).unwrap()).unwrap();
    let n = TIME * BATCH;
    let targets = Tensor::from_vec(window.targets.clone(), n, &Device::Cpu).unwrap();
    let theirs = candle_nn::loss::cross_entropy(&logits, &targets).unwrap();

    let mut random = Random::new(1, Purpose::Dropout);
    let state = model.zero_state(BATCH).unwrap();
    let ours = model
        .loss(&window, &state, &plain_recipe(), &mut random)
        .unwrap();
    let mean = theirs.to_scalar::<f32>().unwrap();
    assert!((ours.nats / n as f32 - mean).abs() < 1e-5);

    let of_ours = model.gradients(&ours, 1.0 / n as f32).unwrap();
    let of_theirs = theirs.backward().unwrap();
    let of_layer = &of_ours["lstm.0.weights"];
    let of_columns = |from, n| of_layer.narrow(1, from, n).unwrap();
    for (name, ours) in [
        ("lstm.weight_ih_l0", of_columns(0, N_VOCAB)),
        ("lstm.weight_hh_l0", of_columns(N_VOCAB, n_hidden)),
        (
            "lstm.bias_ih_l0",
            of_columns(N_VOCAB + n_hidden, 1).squeeze(1).unwrap(),
        ),
        ("dense.weight", of_ours["projection.weight"].clone()),
        ("dense.bias", of_ours["head.bias"].clone()),
    ] {
        let theirs = of_theirs.get(&vars[name]).unwrap();
        assert!(distance(&ours, theirs) < 1e-6, "{name}");
        let largest = theirs.abs().unwrap().max_all().unwrap();
        assert!(largest.to_scalar::<f32>().unwrap() > 1e-3, "{name}");
    }
}

fn show(id: &str) -> Show {
    Show {
        id: ShowId::new(id),
        title: id.into(),
        logline: String::new(),
        language: "en".into(),
        scripts: Vec::new(),
        plot_lines: Vec::new(),
        tokenizer: TokenizerSpec {
            unit: Unit::Word,
            min_count: 2,
            max_vocab: 500,
        },
        model: ModelSize {
            n_embd: 7,
            n_speaker: 2,
            n_hidden: 9,
            n_layer: 2,
        },
        recipe: recipe(1, 9),
    }
}

/// Ten scenes of action and two speakers.
fn scripts(place: &str) -> Vec<Script> {
    let turn = |speaker: Option<&str>, delivery: Option<&str>, text: String| Turn {
        speaker: speaker.map(str::to_owned),
        delivery: delivery.map(str::to_owned),
        text,
        line: 1,
    };
    let scene = |number: usize| ScriptScene {
        turns: vec![
            turn(None, None, format!("Fog on the {place}.")),
            turn(Some("INÉS"), Some("Softly"), format!("Salt {number}!")),
            turn(Some("René"), None, "I am NOBODY now.".into()),
        ],
        ..ScriptScene::default()
    };
    vec![Script {
        scenes: (0..10).map(scene).collect(),
        ..Script::default()
    }]
}

fn text() -> TalkText {
    TalkText::new(&[(&show("ferry"), &scripts("river"))], 2).unwrap()
}

/// What tokens say, marks included.
fn read(text: &TalkText, tokens: &[u32]) -> String {
    let tokenizer = text.tokenizer();
    let piece = |&token: &u32| match token {
        token if token == tokenizer.scene() => "[".to_owned(),
        token if token == tokenizer.end_of_line() => "\n".to_owned(),
        token => tokenizer.text(token).to_owned(),
    };
    tokens.iter().map(piece).collect()
}

#[test]
fn the_text_is_in_lower_case_with_names_and_a_line_for_each_turn() {
    let text = text();
    let tokenizer = text.tokenizer();
    let passages = (0..50).map(|seed| text.passage(tokenizer, seed).unwrap());
    let passages: Vec<String> = passages.map(|tokens| read(&text, &tokens)).collect();
    // A scene up to one of its lines, each of them by and by.
    let begins = |n: usize| passages.iter().filter(move |p| p.lines().count() == n);
    assert_eq!(begins(1).count() + begins(2).count(), 50);
    let longest = begins(2).next().unwrap();
    assert!(
        longest.starts_with("[fog on the river.\ninés: (softly) salt "),
        "{longest}"
    );
    assert!(
        begins(1).any(|p| p == "["),
        "none from the start of a scene"
    );
    assert!(begins(1).any(|p| p == "[fog on the river.\n"));
    // The characters of the text and no others, sorted, after the marks of every tokenizer.
    let known: String = (4..tokenizer.n_vocab() as u32)
        .map(|token| tokenizer.text(token))
        .collect();
    assert_eq!(known, " !().0123456789:abdefghilmnorstvwyé");
}

#[test]
fn what_lines_cost_is_counted_without_the_names() {
    let text = text();
    let tokenizer = text.tokenizer();
    let model = fresh_model(tokenizer.n_vocab(), 1).unwrap();
    let network = Network::new(&model.averaged());
    let cost = |cues: &[&str]| {
        let cues: Vec<String> = cues.iter().map(|&cue| cue.to_owned()).collect();
        let scenes = &text.split().test;
        text.cost_of(&network, tokenizer, scenes, &cues).unwrap()
    };
    assert_eq!(text.split().test.len(), 1);
    let (ines, rene) = (cost(&["INÉS"]), cost(&["René"]));
    assert_eq!(ines.chars, "(softly) salt 0!\n".chars().count());
    assert_eq!(rene.chars, "i am nobody now.\n".chars().count());
    let both = cost(&["INÉS", "René"]);
    assert_eq!(both.chars, ines.chars + rene.chars);
    assert!((both.bits - ines.bits - rene.bits).abs() < 1e-6 * both.bits);
    // Nothing is known yet.
    assert!((ines.per_char() - (tokenizer.n_vocab() as f64).log2()).abs() < 0.5);
    assert_eq!(cost(&["NOBODY"]).chars, 0);
}

#[test]
fn as_many_characters_as_asked_for_are_written_and_cold_ones_are_the_likeliest() {
    // An epoch of so little text is a single step.
    let text = TalkText::new(&[(&show("ferry"), &scripts("river"))], 30).unwrap();
    let tokenizer = text.tokenizer();
    let (weights, _) = train_talk(&text, &Conduct::default(), &|_, _| Ok(()), &mut |_| ()).unwrap();
    let network = Network::new(&weights);
    let write = |prime: &str, temperature, seed| {
        let read = text.passage(tokenizer, 1).unwrap();
        write(&network, tokenizer, &read, prime, 60, temperature, seed).unwrap()
    };
    for temperature in [0.2, 1.0, 5.0] {
        let written = write("", temperature, 7);
        assert_eq!(written.chars().count(), 60, "{written}");
        assert_eq!(written, write("", temperature, 7));
        assert!(write("fog ", temperature, 7).starts_with("fog "));
    }
    assert_ne!(write("", 1.0, 7), write("", 1.0, 8));
    // No chance is left, whatever the seed.
    assert_eq!(write("", 1e-4, 7), write("", 1e-4, 8));
}

#[test]
fn every_epoch_is_kept_and_the_one_with_the_lowest_training_loss_is_chosen() {
    let text = text();
    let kept: RefCell<Vec<(Weights, Card)>> = RefCell::default();
    let keep = |weights: &Weights, card: &Card| {
        kept.borrow_mut().push((weights.clone(), card.clone()));
        Ok(())
    };
    let mut little_text = None;
    let (weights, card) = train_talk(&text, &Conduct::default(), &keep, &mut |progress| {
        if let Progress::Started {
            little_text: it, ..
        } = progress
        {
            little_text = Some(it);
        }
    })
    .unwrap();
    assert_eq!(little_text, Some(false));
    let kept = kept.into_inner();
    assert_eq!(kept.len(), 2);
    for (n, (weights, of_epoch)) in kept.iter().enumerate() {
        assert_eq!(of_epoch.scores.epoch, n + 1);
        assert_eq!(of_epoch.history, card.history[..=n]);
        // The rows stay one-hot, in eight bits too.
        let n_vocab = text.tokenizer().n_vocab();
        let rows = weights.tensor("embedding.weight").chunks_exact(n_vocab);
        for (token, row) in (0..).zip(rows) {
            assert_eq!(row, one_hot(token, n_vocab));
        }
    }
    let losses = card.history.iter().map(|metrics| metrics.train_bits);
    let lowest = losses.fold(f64::INFINITY, f64::min);
    let chosen = card.scores.epoch;
    assert_eq!(card.history[chosen - 1].train_bits, lowest);
    assert!(weights.iter().eq(kept[chosen - 1].0.iter()));
    assert!(card.history.iter().all(|metrics| metrics.lr == 1e-3));
    // Read back from a file it is the same.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    weights.save(&path, &card).unwrap();
    let (read, read_card) = Weights::load(&path).unwrap();
    assert!(read_card == card && read.iter().eq(weights.iter()));
}

#[test]
fn several_shows_are_one_text_and_each_is_split_as_by_itself() {
    let (ferry, salt) = (show("ferry"), show("salt"));
    let (river, sea) = (scripts("river"), scripts("sea"));
    let both = TalkText::new(&[(&ferry, &river), (&salt, &sea)], 2).unwrap();
    assert_eq!(both.show.id.as_str(), "ferry+salt");
    let one = text();
    let (alone, together) = (one.split(), both.split());
    let twice = |scenes: &[usize]| -> Vec<usize> {
        let shifted = scenes.iter().map(|scene| scene + 10);
        scenes.iter().copied().chain(shifted).collect()
    };
    assert_eq!(together.train, twice(&alone.train));
    assert_eq!(together.dev, twice(&alone.dev));
    assert_eq!(together.test, twice(&alone.test));
}

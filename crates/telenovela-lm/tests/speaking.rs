//! The speaking path against candle-nn's own LSTM over the same weights, and the promises that logs are built on.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_nn::rnn::{LSTMConfig, RNN};
use telenovela_lm::model::{Model, Window};
use telenovela_lm::network::{Network, Scratch};
use telenovela_lm::rng::{Purpose, Random};
use telenovela_lm::tokenizer::Slot;
use telenovela_lm::weights::Weights;
use telenovela_script::show::{ModelSize, Precision, Recipe};

const SIZE: ModelSize = ModelSize {
    n_embd: 11,
    n_speaker: 3,
    n_hidden: 13,
    n_layer: 2,
};
const N_VOCAB: usize = 70;
const N_SLOTS: usize = 4;

fn weights() -> Weights {
    Model::init(SIZE, N_VOCAB, N_SLOTS, 5).unwrap().averaged()
}

fn tokens_and_slots(n: usize) -> (Vec<u32>, Vec<Slot>) {
    let mut random = Random::new(1, Purpose::Order);
    (0..n)
        .map(|_| (random.below(N_VOCAB) as u32, Slot(random.below(N_SLOTS))))
        .unzip()
}

/// Logits after each token, `(time, n_vocab)`.
fn spoken(network: &Network, tokens: &[u32], slots: &[Slot]) -> Vec<Vec<f32>> {
    let mut state = network.zero_state(1);
    let (mut scratch, mut logits) = (Scratch::default(), Vec::new());
    tokens
        .iter()
        .zip(slots)
        .map(|(&token, &slot)| {
            network.step(&[token], &[slot], &mut state, &mut scratch);
            network.logits(&[slot], &state, &mut scratch, &mut logits);
            logits[..N_VOCAB].to_vec()
        })
        .collect()
}

#[test]
fn logits_agree_with_candle_nn_step_by_step() {
    let weights = weights();
    let tensor = |name: &str| {
        let (_, shape, numbers) = weights.iter().find(|(known, _, _)| *known == name).unwrap();
        Tensor::from_slice(numbers, shape, &Device::Cpu).unwrap()
    };
    let (tokens, slots) = tokens_and_slots(20);
    let n = tokens.len();
    let slot_ids = Tensor::from_vec(
        slots.iter().map(|slot| slot.0 as u32).collect::<Vec<_>>(),
        n,
        &Device::Cpu,
    )
    .unwrap();
    let speaker = tensor("speaker.weight").index_select(&slot_ids, 0).unwrap();
    let ids = Tensor::from_slice(&tokens, n, &Device::Cpu).unwrap();
    let mut x = tensor("embedding.weight").index_select(&ids, 0).unwrap();
    for layer in 0..SIZE.n_layer {
        let input = Tensor::cat(&[&x, &speaker], 1).unwrap();
        let names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"];
        let mut tensors: std::collections::HashMap<String, Tensor> = names
            .iter()
            .map(|name| ((*name).to_owned(), tensor(&format!("lstm.{layer}.{name}"))))
            .collect();
        // PyTorch has two biases where one does.
        let zeros = Tensor::zeros(4 * SIZE.n_hidden, DType::F32, &Device::Cpu).unwrap();
        tensors.insert("bias_hh_l0".to_owned(), zeros);
        let builder = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let lstm = candle_nn::lstm(
            input.dim(1).unwrap(),
            SIZE.n_hidden,
            LSTMConfig::default(),
            builder,
        )
        .unwrap();
        let states = lstm.seq(&input.unsqueeze(0).unwrap()).unwrap();
        x = Tensor::cat(&states.iter().map(|state| state.h()).collect::<Vec<_>>(), 0).unwrap();
    }
    let output = Tensor::cat(&[&x, &speaker], 1).unwrap();
    let output = output
        .matmul(&tensor("projection.weight").t().unwrap())
        .unwrap();
    let logits = output
        .matmul(&tensor("embedding.weight").t().unwrap())
        .unwrap();
    let expected = logits
        .broadcast_add(&tensor("head.bias"))
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    for (ours, theirs) in spoken(&Network::new(&weights), &tokens, &slots)
        .iter()
        .zip(&expected)
    {
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() < 1e-5, "{ours} for {theirs}");
        }
    }
}

#[test]
fn training_and_speaking_are_the_same_model() {
    let (tokens, slots) = tokens_and_slots(9);
    let weights = weights();
    let model = Model::from_weights(&weights).unwrap();
    let targets: Vec<u32> = tokens.iter().rev().copied().collect();
    let window = Window {
        time: tokens.len(),
        batch: 1,
        tokens: tokens.clone(),
        slots: slots.clone(),
        targets: targets.clone(),
        weights: vec![1.0; tokens.len()],
    };
    let mut random = Random::new(1, Purpose::Dropout);
    let loss = model
        .loss(
            &window,
            &model.zero_state(1).unwrap(),
            &recipe(),
            &mut random,
        )
        .unwrap();
    let mut expected = 0.0;
    for (mut logits, target) in spoken(&Network::new(&weights), &tokens, &slots)
        .into_iter()
        .zip(targets)
    {
        telenovela_lm::network::log_softmax(&mut logits, &mut Vec::new());
        expected -= logits[target as usize];
    }
    assert!((loss.nats - expected).abs() < 1e-4);
}

#[test]
fn a_lane_speaks_the_same_bytes_alone_and_in_company() {
    let network = Network::new(&weights());
    let (tokens, slots) = tokens_and_slots(12);
    let alone = spoken(&network, &tokens, &slots);
    let mut state = network.zero_state(1).repeat(3, SIZE);
    let (mut scratch, mut logits) = (Scratch::default(), Vec::new());
    for (step, (&token, &slot)) in tokens.iter().zip(&slots).enumerate() {
        network.step(
            &[1, token, 2],
            &[Slot(1), slot, Slot(2)],
            &mut state,
            &mut scratch,
        );
        network.logits(&[Slot(1), slot, Slot(2)], &state, &mut scratch, &mut logits);
        let stride = network.logits_stride();
        assert_eq!(logits[stride..stride + N_VOCAB], alone[step]);
    }
}

#[test]
fn one_tiny_scene_can_be_learned_by_heart() {
    let mut model = Model::init(SIZE, N_VOCAB, N_SLOTS, 5).unwrap();
    let (tokens, slots) = tokens_and_slots(12);
    let window = Window {
        time: 11,
        batch: 1,
        tokens: tokens[..11].to_vec(),
        slots: slots[..11].to_vec(),
        targets: tokens[1..].to_vec(),
        weights: vec![1.0; 11],
    };
    let mut random = Random::new(1, Purpose::Dropout);
    let mut optimizer = telenovela_lm::optim::AdamW::new(0.0, 1.0, 0.9);
    let mut last = f32::INFINITY;
    for _ in 0..150 {
        let loss = model
            .loss(
                &window,
                &model.zero_state(1).unwrap(),
                &recipe(),
                &mut random,
            )
            .unwrap();
        last = loss.nats;
        let grads = model.gradients(&loss, 1.0).unwrap();
        optimizer.step(&mut model.parameters, &grads, 2e-2).unwrap();
    }
    assert!(last < 0.2, "{last} nats left in eleven targets");
}

#[test]
fn a_new_slot_begins_as_anybody() {
    let mut model = Model::from_weights(&weights()).unwrap();
    let (tokens, _) = tokens_and_slots(6);
    let after_tag = |model: &Model, tag: u32, slot: Slot| {
        let tokens: Vec<u32> = [tag].into_iter().chain(tokens.clone()).collect();
        spoken(
            &Network::new(&model.averaged()),
            &tokens,
            &vec![slot; tokens.len()],
        )
    };
    let (tag, other_tag) = (9, 3);
    assert_ne!(
        after_tag(&model, tag, Slot(3)),
        after_tag(&model, other_tag, Slot::OTHER)
    );
    model.begin_as_anybody(Slot(3), tag, other_tag).unwrap();
    let (new, anybody) = (
        after_tag(&model, tag, Slot(3)),
        after_tag(&model, other_tag, Slot::OTHER),
    );
    assert_eq!(new.last(), anybody.last());
}

/// Without dropout, so that training computes what speaking does.
fn recipe() -> Recipe {
    Recipe {
        seed: 1,
        batch: 1,
        bptt: 16,
        epochs: 1,
        character_epochs: 1,
        lr: 1e-3,
        character_lr: 1e-3,
        others_weight: 0.2,
        clip: 1.0,
        weight_decay: 0.0,
        ema: 0.9,
        dropout_in: 0.0,
        dropout_hidden: 0.0,
        dropout_out: 0.0,
        weight_drop: 0.0,
        hide_speaker: 0.1,
        spare_speakers: 1,
        precision: Precision::F32,
    }
}

//! The fused LSTM against three independent sources: candle-nn's step by step, finite differences, and PyTorch.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::rnn::{LSTMConfig, LSTMState, RNN};
use candle_nn::{VarBuilder, VarMap};
use telenovela_lm::compute::Compute;
use telenovela_lm::kernel::Precision;
use telenovela_lm::linear::linear_beside;
use telenovela_lm::loss::cross_entropy;
use telenovela_lm::lstm::{Masks, lstm, lstm_of_tokens};
use telenovela_lm::rng::{Purpose, Random};

fn tensor(shape: &[usize], random: &mut Random) -> Tensor {
    let numbers: Vec<f32> = (0..shape.iter().product())
        .map(|_| 0.5 * random.normal())
        .collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// The columns of a layer's matrix: of the input, of the recurrence, and the bias.
fn joined(w_ih: &Tensor, w_hh: &Tensor, bias: &Tensor) -> Tensor {
    Tensor::cat(&[w_ih, w_hh, &bias.unsqueeze(1).unwrap()], 1).unwrap()
}

fn nobody(n_rows: usize) -> Tensor {
    Tensor::zeros((n_rows, 0), DType::F32, &Device::Cpu).unwrap()
}

/// Largest absolute difference.
fn distance(a: &Tensor, b: &Tensor) -> f32 {
    (a - b)
        .unwrap()
        .abs()
        .unwrap()
        .flatten_all()
        .unwrap()
        .max(0)
        .unwrap()
        .to_scalar()
        .unwrap()
}

#[test]
fn forward_and_gradients_agree_with_candle_nn_for_odd_sizes() {
    for (time, batch, n_in, n_hidden, threads) in [
        (1, 1, 3, 5, 1),
        (2, 3, 4, 7, 2),
        (64, 1, 6, 9, 1),
        (33, 5, 17, 13, 3),
        (300, 2, 8, 16, 1),
        (7, 37, 33, 40, 2),
    ] {
        let mut random = Random::new(time as u64, Purpose::Init);
        let x = Var::from_tensor(&tensor(&[batch, time, n_in], &mut random)).unwrap();
        let map = VarMap::new();
        let theirs = candle_nn::lstm(
            n_in,
            n_hidden,
            LSTMConfig::default(),
            VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu),
        )
        .unwrap();
        let vars = map.data().lock().unwrap().clone();
        for var in vars.values() {
            var.set(&tensor(var.dims(), &mut random)).unwrap();
        }
        let (w_ih, w_hh) = (&vars["weight_ih_l0"], &vars["weight_hh_l0"]);
        let bias = (vars["bias_ih_l0"].as_tensor() + vars["bias_hh_l0"].as_tensor()).unwrap();
        let state = tensor(&[2, batch, n_hidden], &mut random);
        let mix = tensor(&[time, batch, n_hidden], &mut random);

        let start = LSTMState::new(state.get(0).unwrap(), state.get(1).unwrap());
        let states = theirs.seq_init(&x, &start).unwrap();
        let expected =
            Tensor::stack(&states.iter().map(|s| s.h().clone()).collect::<Vec<_>>(), 0).unwrap();
        let expected_grads = (&expected * &mix)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap();

        let rows = x
            .transpose(0, 1)
            .unwrap()
            .contiguous()
            .unwrap()
            .reshape((time * batch, n_in))
            .unwrap();
        let rows = Var::from_tensor(&rows).unwrap();
        let weights = Var::from_tensor(&joined(w_ih, w_hh, &bias)).unwrap();
        let (layer, last) = lstm(
            &Compute::new(threads, Precision::F32),
            &rows,
            &nobody(time * batch),
            &weights,
            &state,
            Masks::default(),
        )
        .unwrap();
        let hidden = layer.result.reshape((time, batch, n_hidden)).unwrap();
        let grads = (&hidden * &mix)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap();

        assert!(distance(&hidden, &expected) < 1e-5);
        assert!(distance(&last.get(0).unwrap(), states.last().unwrap().h()) < 1e-5);
        assert!(distance(&last.get(1).unwrap(), states.last().unwrap().c()) < 1e-5);
        let of_weights = grads.get(&weights).unwrap();
        let columns = |from, n| of_weights.narrow(1, from, n).unwrap();
        let of_x = grads.get(&rows).unwrap();
        let of_x = of_x.reshape((time, batch, n_in)).unwrap();
        let of_x = of_x.transpose(0, 1).unwrap().contiguous().unwrap();
        for (tensor, ours) in [
            (w_ih.as_tensor(), columns(0, n_in)),
            (w_hh.as_tensor(), columns(n_in, n_hidden)),
            (
                vars["bias_ih_l0"].as_tensor(),
                columns(n_in + n_hidden, 1).squeeze(1).unwrap(),
            ),
            (x.as_tensor(), of_x),
        ] {
            let theirs = expected_grads.get(tensor).unwrap();
            let scale = theirs
                .abs()
                .unwrap()
                .flatten_all()
                .unwrap()
                .max(0)
                .unwrap()
                .to_scalar::<f32>()
                .unwrap()
                .max(1.0);
            assert!(
                distance(&ours, theirs) < 2e-5 * scale,
                "{:?} at {time} steps",
                tensor.dims()
            );
        }
    }
}

/// A value of a whole layer with everything in it: a speaker beside the input, masks of both kinds.
fn layer_value(compute: &Compute, inputs: &[Tensor; 3], state: &Tensor, mix: &Tensor) -> Tensor {
    let masks = Masks {
        input: vec![0.0, 2.0, 1.5, 1.0, 0.0, 1.0, 0.5, 3.0],
        weights: (0..36).map(|i| (i % 3) as f32).collect(),
    };
    let [input, speaker, weights] = inputs;
    let (layer, _) = lstm(compute, input, speaker, weights, state, masks).unwrap();
    (layer.result * mix).unwrap().sum_all().unwrap()
}

fn layer_inputs(random: &mut Random) -> ([Tensor; 3], Tensor, Tensor) {
    let (time, batch, n_in, n_speaker, n_hidden) = (5, 2, 4, 2, 3);
    let inputs = [
        tensor(&[time * batch, n_in], random),
        tensor(&[time * batch, n_speaker], random),
        tensor(&[4 * n_hidden, n_in + n_speaker + n_hidden + 1], random),
    ];
    let state = tensor(&[2, batch, n_hidden], random);
    (inputs, state, tensor(&[time * batch, n_hidden], random))
}

#[test]
fn gradients_agree_with_finite_differences_under_masks() {
    let mut random = Random::new(5, Purpose::Init);
    let (inputs, state, mix) = layer_inputs(&mut random);
    let compute = Compute::default();
    assert_gradients(&inputs, &mut random, |inputs| {
        layer_value(&compute, inputs, &state, &mix)
    });
}

#[test]
fn bfloat16_comes_close_to_f32() {
    let mut random = Random::new(5, Purpose::Init);
    let (inputs, state, mix) = layer_inputs(&mut random);
    let weights = Var::from_tensor(&inputs[2]).unwrap();
    let tracked = [
        inputs[0].clone(),
        inputs[1].clone(),
        weights.as_tensor().clone(),
    ];
    let grads = [Precision::F32, Precision::Bf16].map(|precision| {
        let value = layer_value(&Compute::new(1, precision), &tracked, &state, &mix);
        value.backward().unwrap().get(&weights).unwrap().clone()
    });
    let far = distance(&grads[0], &grads[1]);
    assert!(far < 2e-2, "{far} apart");
    assert!(far > 0.0, "bfloat16 rounds");
}

#[test]
fn a_projection_agrees_with_finite_differences() {
    let mut random = Random::new(6, Purpose::Init);
    let (x, mix) = (tensor(&[6, 5], &mut random), tensor(&[6, 3], &mut random));
    let mask: Vec<f32> = (0..10).map(|i| (i % 3) as f32).collect();
    let compute = Compute::new(2, Precision::F32);
    for (n_speaker, mask) in [(2, mask), (0, Vec::new())] {
        let speaker = tensor(&[6, n_speaker], &mut random);
        let w = tensor(&[3, 5 + n_speaker], &mut random);
        assert_gradients(&[x.clone(), speaker, w], &mut random, |[x, speaker, w]| {
            let y = linear_beside(&compute, x, speaker, w, mask.clone()).unwrap();
            (y.result * &mix).unwrap().sum_all().unwrap()
        });
    }
}

#[test]
fn a_loss_agrees_with_finite_differences() {
    let mut random = Random::new(7, Purpose::Init);
    let n = 150; // some chunks, and a part of one
    let x = tensor(&[n, 5], &mut random);
    let (w, bias) = (tensor(&[7, 5], &mut random), tensor(&[7], &mut random));
    let targets: Vec<u32> = (0..n as u32).map(|i| i % 7).collect();
    let weights: Vec<f32> = (0..n).map(|i| (i % 4) as f32 / n as f32).collect();
    let compute = Compute::new(2, Precision::F32);
    assert_gradients(&[x, w, bias], &mut random, |[x, w, bias]| {
        let head = [x, w, bias];
        let loss = cross_entropy(&compute, head, targets.clone(), weights.clone());
        loss.unwrap().result
    });
}

#[test]
fn tokens_that_are_looked_up_are_rows_of_their_table() {
    let mut random = Random::new(11, Purpose::Init);
    let (time, batch, n_in, n_hidden, n_tokens) = (9, 19, 6, 8, 5);
    let tokens: Vec<u32> = (0..time * batch)
        .map(|i| (i * i % n_tokens) as u32)
        .collect();
    for n_speaker in [0, 3] {
        let speaker = Var::from_tensor(&tensor(&[time * batch, n_speaker], &mut random)).unwrap();
        let table = Var::from_tensor(&tensor(&[n_tokens, n_in], &mut random)).unwrap();
        let n_columns = n_in + n_speaker + n_hidden + 1;
        let weights = Var::from_tensor(&tensor(&[4 * n_hidden, n_columns], &mut random)).unwrap();
        let state = tensor(&[2, batch, n_hidden], &mut random);
        let masks = Masks {
            input: Vec::new(),
            weights: (0..4 * n_hidden * n_hidden)
                .map(|i| (i % 2) as f32 * 2.0)
                .collect(),
        };
        let compute = Compute::new(2, Precision::F32);
        let ids = Tensor::from_vec(tokens.clone(), time * batch, &Device::Cpu).unwrap();
        let rows = table.index_select(&ids, 0).unwrap();
        let of_rows = lstm(&compute, &rows, &speaker, &weights, &state, masks.clone()).unwrap();
        let looked_up = (table.as_tensor(), tokens.clone());
        let of_table =
            lstm_of_tokens(&compute, looked_up, &speaker, &weights, &state, masks).unwrap();
        assert!(distance(&of_rows.0.result, &of_table.0.result) < 1e-5);
        assert!(distance(&of_rows.1, &of_table.1) < 1e-5);
        let gradients = |hidden: &Tensor| {
            let grads = hidden.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [&table, &speaker, &weights].map(|var| grads.get(var).unwrap().clone())
        };
        let (expected, found) = (gradients(&of_rows.0.result), gradients(&of_table.0.result));
        for (expected, found) in expected.iter().zip(&found) {
            if expected.elem_count() > 0 {
                assert!(distance(expected, found) < 1e-4, "{:?}", expected.dims());
            }
        }
    }
}

/// Checks each input's gradient along a random direction against the central difference of the value.
fn assert_gradients(
    inputs: &[Tensor; 3],
    random: &mut Random,
    value: impl Fn(&[Tensor; 3]) -> Tensor,
) {
    let vars = inputs.each_ref().map(|t| Var::from_tensor(t).unwrap());
    let tracked = vars.each_ref().map(|var| var.as_tensor().clone());
    let grads = value(&tracked).backward().unwrap();
    for which in 0..3 {
        let direction = tensor(inputs[which].dims(), random);
        let at = |step: f64| {
            let mut moved = inputs.clone();
            moved[which] = (&inputs[which] + (&direction * step).unwrap()).unwrap();
            f64::from(value(&moved).to_scalar::<f32>().unwrap())
        };
        let step = 1e-2;
        let numeric = (at(step) - at(-step)) / (2.0 * step);
        let analytic = (grads.get(&vars[which]).unwrap() * &direction)
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap();
        let error = (numeric - f64::from(analytic)).abs() / numeric.abs().max(0.1);
        assert!(
            error < 2e-3,
            "input {which}: {numeric} by differences, {analytic} by backward"
        );
    }
}

#[test]
fn threads_change_no_byte_of_a_step() {
    let (time, batch, n_in, n_hidden) = (9, 50, 12, 24);
    for precision in [Precision::F32, Precision::Bf16] {
        let run = |threads| {
            let mut random = Random::new(8, Purpose::Init);
            let input = Var::from_tensor(&tensor(&[time * batch, n_in], &mut random)).unwrap();
            let weights = tensor(&[4 * n_hidden, n_in + n_hidden + 1], &mut random);
            let weights = Var::from_tensor(&weights).unwrap();
            let state = tensor(&[2, batch, n_hidden], &mut random);
            let compute = Compute::new(threads, precision);
            let speaker = nobody(time * batch);
            let (layer, last) = lstm(
                &compute,
                &input,
                &speaker,
                &weights,
                &state,
                Masks::default(),
            )
            .unwrap();
            let hidden = &layer.result;
            let grads = hidden.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [
                hidden,
                &last,
                grads.get(&input).unwrap(),
                grads.get(&weights).unwrap(),
            ]
            .map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap())
        };
        let alone = run(1);
        assert_eq!(alone, run(2));
        assert_eq!(alone, run(8));
    }
}

/// Figures of PyTorch 2.15.0:
///
/// ```python
/// import torch
/// lstm = torch.nn.LSTM(2, 3)
/// with torch.no_grad():
///     for name, n in (("weight_ih_l0", 24), ("weight_hh_l0", 36), ("bias_ih_l0", 12)):
///         p = getattr(lstm, name)
///         p.copy_(torch.sin(torch.arange(n, dtype=torch.float32) + len(name)).reshape(p.shape) * 0.5)
///     lstm.bias_hh_l0.zero_()
/// x = torch.cos(torch.arange(8, dtype=torch.float32)).reshape(4, 1, 2)
/// y, (h, c) = lstm(x)
/// y.sum().backward()
/// print(y.flatten().tolist(), c.flatten().tolist())
/// print(lstm.weight_hh_l0.grad.flatten().tolist())
/// ```
#[test]
fn forward_and_gradient_agree_with_pytorch() {
    let sine = |shape: &[usize], offset: usize| {
        let numbers = (0..shape.iter().product())
            .map(|i| ((i + offset) as f32).sin() * 0.5)
            .collect();
        Tensor::from_vec::<_, f32>(numbers, shape, &Device::Cpu).unwrap()
    };
    let (w_ih, w_hh, bias) = (sine(&[12, 2], 12), sine(&[12, 3], 12), sine(&[12], 10));
    let weights = Var::from_tensor(&joined(&w_ih, &w_hh, &bias)).unwrap();
    let x = Tensor::from_vec(
        (0..8).map(|i| (i as f32).cos()).collect::<Vec<_>>(),
        (4, 2),
        &Device::Cpu,
    )
    .unwrap();
    let state = Tensor::zeros((2, 1, 3), DType::F32, &Device::Cpu).unwrap();
    let compute = Compute::default();
    let (layer, last) = lstm(&compute, &x, &nobody(4), &weights, &state, Masks::default()).unwrap();
    let hidden = &layer.result;
    let grads = hidden.sum_all().unwrap().backward().unwrap();
    let close = |tensor: &Tensor, expected: &[f32]| {
        let expected = Tensor::from_vec(expected.to_vec(), tensor.dims(), &Device::Cpu).unwrap();
        let far = distance(tensor, &expected);
        assert!(far < 2e-6, "{far} apart: {tensor}");
    };
    close(hidden, &PYTORCH_Y);
    close(&last.get(1).unwrap(), &PYTORCH_C);
    let of_w_hh = grads.get(&weights).unwrap().narrow(1, 2, 3).unwrap();
    close(&of_w_hh.contiguous().unwrap(), &PYTORCH_GRAD_W_HH);
}

#[test]
fn cross_entropy_weighs_its_targets_and_its_gradient_sums_to_nothing() {
    let mut random = Random::new(9, Purpose::Init);
    // Over the unit matrix, what comes in are the logits.
    let logits = Var::from_tensor(&tensor(&[3, 5], &mut random)).unwrap();
    let unit = Tensor::eye(5, DType::F32, &Device::Cpu).unwrap();
    let bias = Tensor::zeros(5, DType::F32, &Device::Cpu).unwrap();
    let head = [logits.as_tensor(), &unit, &bias];
    let weights = vec![1.0, 0.2, 0.0];
    let loss = cross_entropy(&Compute::default(), head, vec![1, 4, 0], weights).unwrap();
    let loss = loss.result;
    let log_softmax = candle_nn::ops::log_softmax(&logits, 1)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let expected = -log_softmax[0][1] - 0.2 * log_softmax[1][4];
    assert!((loss.to_scalar::<f32>().unwrap() - expected).abs() < 1e-5);
    let grads = loss.backward().unwrap();
    let grads = grads.get(&logits).unwrap().to_vec2::<f32>().unwrap();
    assert!((grads[0][1] - (log_softmax[0][1].exp() - 1.0)).abs() < 1e-5);
    assert!(grads.iter().all(|row| row.iter().sum::<f32>().abs() < 1e-5));
    assert_eq!(grads[2], [0.0; 5]);
}

const PYTORCH_Y: [f32; 12] = [
    -0.08068382,
    0.0624157,
    -0.0849946,
    -0.04947598,
    -0.0795659,
    -0.08990821,
    0.01190494,
    -0.1702572,
    -0.1442958,
    -0.07188064,
    -0.06304408,
    -0.1610591,
];
const PYTORCH_C: [f32; 3] = [-0.2054296, -0.08295391, -0.2723358];
const PYTORCH_GRAD_W_HH: [f32; 36] = [
    -0.004195776,
    0.007086526,
    0.001583406,
    0.02116493,
    -0.00679787,
    0.02083996,
    0.005588935,
    0.01386859,
    0.01714315,
    0.005120198,
    -0.002466451,
    0.005687109,
    7.004809e-5,
    0.01178312,
    0.007886687,
    0.003362577,
    0.006773787,
    0.01067958,
    -0.04975104,
    -0.01972995,
    -0.08038538,
    -0.01624056,
    -0.08535092,
    -0.09207129,
    -0.05865077,
    -0.003849889,
    -0.09190413,
    4.314089e-4,
    0.006477365,
    0.007517078,
    0.006247902,
    0.005178642,
    0.01137247,
    0.00525554,
    0.01323314,
    0.01775978,
];

//! burn on one workload: its `Lstm`, autodiff and Adam as they come, on its CPU backend «flex». Its clipping is per tensor, not global; it has no other.
//! `burn T1 --text FILE`, `burn G1-256`; RAYON_NUM_THREADS says on how many threads.

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, Lstm, LstmConfig, LstmState};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use peers::{Asked, CLIP, LEARNING_RATE, SEED, Windows, answer, chance, draw};
use telenovela_lm::bench::{CHARS, N_EMBD, N_VOCAB, TEMPERATURE, rates};

#[derive(Module, Debug)]
struct Net {
    embedding: Embedding,
    layers: Vec<Lstm>,
    head: Linear,
}

impl Net {
    fn new(n_layer: usize, n_hidden: usize, device: &Device) -> Self {
        let layer = |layer: usize| {
            let n_in = if layer == 0 { N_EMBD } else { n_hidden };
            LstmConfig::new(n_in, n_hidden, true).init(device)
        };
        Self {
            embedding: EmbeddingConfig::new(N_VOCAB, N_EMBD).init(device),
            layers: (0..n_layer).map(layer).collect(),
            head: LinearConfig::new(n_hidden, N_VOCAB).init(device),
        }
    }

    /// `tokens` is (batch, time); logits are (batch · time, n_vocab).
    fn forward(&self, tokens: Tensor<2, Int>, state: &mut Vec<Option<LstmState<2>>>) -> Tensor<2> {
        let [batch, time] = tokens.dims();
        let mut x = self.embedding.forward(tokens);
        for (layer, state) in self.layers.iter().zip(state) {
            let (hidden, after) = layer.forward(x, state.take());
            *state = Some(LstmState::new(after.cell.detach(), after.hidden.detach()));
            x = hidden;
        }
        let logits = self.head.forward(x);
        logits.reshape([batch * time, N_VOCAB])
    }
}

fn ids(numbers: Vec<u32>, shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    let numbers: Vec<i32> = numbers.into_iter().map(|number| number as i32).collect();
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked = Asked::from_args();
    if let Some(workload) = asked.train() {
        let device = Device::flex().autodiff();
        device.seed(SEED);
        let mut net = Net::new(workload.n_layer, workload.n_hidden, &device);
        let clip = GradientClippingConfig::Norm(CLIP as f32);
        let mut optimizer = AdamConfig::new()
            .with_epsilon(1e-8)
            .with_grad_clipping(Some(clip))
            .init();
        let cross_entropy = CrossEntropyLossConfig::new().init(&device);
        let mut windows = Windows::new(asked.tokens(), workload);
        let mut state = vec![None; workload.n_layer];
        let mut last = 0.0;
        let measured = rates(asked.seconds, || {
            let (fresh, inputs, targets) = windows.next_window();
            if fresh {
                state.fill(None);
            }
            let shape = [workload.batch, workload.time];
            let logits = net.forward(ids(inputs, shape, &device), &mut state);
            let targets = ids(targets, shape, &device).reshape([workload.chars_per_step()]);
            let loss = cross_entropy.forward(logits, targets);
            last = loss.clone().into_scalar::<f32>();
            let grads = GradientsParams::from_grads(loss.backward(), &net);
            net = optimizer.step(LEARNING_RATE, net.clone(), grads);
            Ok(workload.chars_per_step())
        })?;
        answer(&asked, &measured, Some(last));
    } else if let Some(workload) = asked.speak() {
        let device = Device::flex();
        let net = Net::new(2, workload.n_hidden, &device);
        let mut state = vec![None; 2];
        let (mut tokens, mut random) = (vec![0u32; workload.lanes], chance());
        let measured = rates(asked.seconds, || {
            for _ in 0..CHARS / workload.lanes {
                let inputs = ids(tokens.clone(), [workload.lanes, 1], &device);
                let logits = net.forward(inputs, &mut state) / TEMPERATURE;
                let probabilities = softmax(logits, 1).into_data();
                let probabilities = probabilities
                    .try_to_vec::<f32>()
                    .expect("probabilities are single precision");
                tokens = draw(&probabilities, N_VOCAB, &mut random);
            }
            Ok(CHARS / workload.lanes * workload.lanes)
        })?;
        answer(&asked, &measured, None);
    } else {
        return Err(format!("there is no workload {}", asked.workload).into());
    }
    Ok(())
}

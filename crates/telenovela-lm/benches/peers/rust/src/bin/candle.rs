//! candle-nn on one workload: its `lstm`, autograd and AdamW as they come, candle's products on AVX-512 as in the theatre.
//! `candle T1 --text FILE`, `candle G1-256`; RAYON_NUM_THREADS says on how many threads.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use candle_nn::rnn::{LSTM, LSTMConfig, LSTMState, RNN, lstm};
use candle_nn::{Embedding, Linear, Module, VarBuilder, VarMap, embedding, linear};
use peers::{Asked, CLIP, LEARNING_RATE, Windows, answer, chance, draw};
use telenovela_lm::bench::{CHARS, N_EMBD, N_VOCAB, TEMPERATURE, rates};

struct Net {
    embedding: Embedding,
    layers: Vec<LSTM>,
    head: Linear,
}

impl Net {
    fn new(n_layer: usize, n_hidden: usize, vb: &VarBuilder) -> Result<Self> {
        let layers = (0..n_layer).map(|layer| {
            let n_in = if layer == 0 { N_EMBD } else { n_hidden };
            lstm(
                n_in,
                n_hidden,
                LSTMConfig::default(),
                vb.pp(format!("lstm.{layer}")),
            )
        });
        Ok(Self {
            embedding: embedding(N_VOCAB, N_EMBD, vb.pp("embedding"))?,
            layers: layers.collect::<Result<_>>()?,
            head: linear(n_hidden, N_VOCAB, vb.pp("head"))?,
        })
    }

    fn zero_state(&self, batch: usize) -> Result<Vec<LSTMState>> {
        self.layers
            .iter()
            .map(|layer| layer.zero_state(batch))
            .collect()
    }

    /// `tokens` is (batch, time); logits are (batch, time, n_vocab).
    fn forward(&self, tokens: &Tensor, state: &mut [LSTMState]) -> Result<Tensor> {
        let mut x = self.embedding.forward(tokens)?;
        for (layer, state) in self.layers.iter().zip(state) {
            let states = layer.seq_init(&x, state)?;
            x = layer.states_to_tensor(&states)?;
            if let Some(last) = states.last() {
                *state = LSTMState::new(last.h.detach(), last.c.detach());
            }
        }
        self.head.forward(&x)
    }
}

/// candle has no clipping of its own.
fn clip(vars: &[Var], grads: &mut GradStore) -> Result<()> {
    let mut square = 0f64;
    for var in vars {
        if let Some(grad) = grads.get(var) {
            square += f64::from(grad.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let norm = square.sqrt();
    if norm > CLIP {
        for var in vars {
            if let Some(grad) = grads.remove(var) {
                grads.insert(var, (grad * (CLIP / norm))?);
            }
        }
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let asked = Asked::from_args();
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    if let Some(workload) = asked.train() {
        let net = Net::new(workload.n_layer, workload.n_hidden, &vb)?;
        let vars = map.all_vars();
        let params = ParamsAdamW {
            lr: LEARNING_RATE,
            weight_decay: 0.0,
            ..ParamsAdamW::default()
        };
        let mut optimizer = AdamW::new(vars.clone(), params)?;
        let mut windows = Windows::new(asked.tokens(), workload);
        let mut state = net.zero_state(workload.batch)?;
        let mut last = 0.0;
        let measured = rates(asked.seconds, || {
            let (fresh, inputs, targets) = windows.next_window();
            if fresh {
                state = net.zero_state(workload.batch)?;
            }
            let shape = (workload.batch, workload.time);
            let inputs = Tensor::from_vec(inputs, shape, &Device::Cpu)?;
            let targets = Tensor::from_vec(targets, workload.chars_per_step(), &Device::Cpu)?;
            let logits = net.forward(&inputs, &mut state)?;
            let logits = logits.reshape((workload.chars_per_step(), N_VOCAB))?;
            let loss = candle_nn::loss::cross_entropy(&logits, &targets)?;
            let mut grads = loss.backward()?;
            clip(&vars, &mut grads)?;
            optimizer.step(&grads)?;
            last = loss.to_scalar::<f32>()?;
            Ok(workload.chars_per_step())
        })?;
        answer(&asked, &measured, Some(last));
    } else if let Some(workload) = asked.speak() {
        let net = Net::new(2, workload.n_hidden, &vb)?;
        let mut state = net.zero_state(workload.lanes)?;
        let (mut tokens, mut random) = (vec![0u32; workload.lanes], chance());
        let measured = rates(asked.seconds, || {
            for _ in 0..CHARS / workload.lanes {
                let inputs = Tensor::from_slice(&tokens, workload.lanes, &Device::Cpu)?;
                let mut x = net.embedding.forward(&inputs)?;
                for (layer, state) in net.layers.iter().zip(&mut state) {
                    let after = layer.step(&x, state)?;
                    // The weights are variables, so every step would hang on the one before it.
                    *state = LSTMState::new(after.h.detach(), after.c.detach());
                    x = state.h.clone();
                }
                let logits = (net.head.forward(&x)? / f64::from(TEMPERATURE))?;
                let probabilities = candle_nn::ops::softmax_last_dim(&logits)?;
                let probabilities = probabilities.flatten_all()?.to_vec1::<f32>()?;
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

//! AdamW, gradient clipping, a learning-rate schedule and averaged weights. candle's own optimizer can neither save its moments nor clip, and
//! its `VarMap` has no fixed order.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Tensor, Var};

use crate::compute::with_numbers;
use crate::error::Result;
use crate::kernel::adamw::{Stride, adamw, add_squares};
use crate::kernel::threads;
use crate::math::cos_of_turns;

/// Gradients of parameters by name.
pub type Gradients = BTreeMap<String, Tensor>;

/// A trainable tensor with its moments and its average, all in 32 bits.
#[derive(Debug)]
pub struct Parameter {
    /// PyTorch's name of it.
    pub name: String,
    /// The tensor in the graph, which holds the numbers.
    pub var: Var,
    moment: Vec<f32>,
    square: Vec<f32>,
    average: Vec<f32>,
    /// Frozen parameters keep their numbers.
    pub frozen: bool,
}

impl Parameter {
    /// Makes a parameter of numbers.
    ///
    /// # Errors
    /// When there are not as many numbers as the shape asks for.
    pub fn new(name: String, shape: &[usize], numbers: Vec<f32>) -> Result<Self> {
        let var = Var::from_tensor(&Tensor::from_slice(&numbers, shape, &Device::Cpu)?)?;
        Ok(Self {
            name,
            var,
            moment: vec![0.0; numbers.len()],
            square: vec![0.0; numbers.len()],
            average: numbers,
            frozen: false,
        })
    }

    /// The averaged numbers.
    pub fn average(&self) -> &[f32] {
        &self.average
    }

    /// Puts other numbers, as many, in the place of the average.
    pub fn set_average(&mut self, average: Vec<f32>) {
        self.average = average;
    }

    /// Everything that a step reads and changes: the numbers, both moments and the average.
    ///
    /// # Errors
    /// When the tensor cannot be read.
    pub fn memory(&self) -> Result<[Vec<f32>; 4]> {
        let numbers = self.var.flatten_all()?.to_vec1()?;
        let [moment, square, average] = [&self.moment, &self.square, &self.average].map(Vec::clone);
        Ok([numbers, moment, square, average])
    }

    /// Goes back to a [`memory`](Self::memory).
    ///
    /// # Errors
    /// When there are not as many numbers as the shape asks for.
    pub fn recall(&mut self, memory: [Vec<f32>; 4]) -> Result<()> {
        let [numbers, moment, square, average] = memory;
        let tensor = Tensor::from_vec(numbers, self.var.shape(), &Device::Cpu)?;
        self.var.set(&tensor)?;
        [self.moment, self.square, self.average] = [moment, square, average];
        Ok(())
    }

    /// Copies a row of a matrix over another, before training begins.
    ///
    /// # Errors
    /// When the tensor cannot be set.
    pub fn copy_row(&mut self, from: usize, to: usize) -> Result<()> {
        let width = self.var.dim(1)?;
        let copy = |numbers: &mut [f32]| {
            numbers.copy_within(from * width..(from + 1) * width, to * width);
        };
        copy(&mut self.average);
        change(&self.var, copy)
    }
}

/// Changes the numbers of a variable where they lie: [`Var::set`] would copy them.
fn change(var: &Var, change: impl FnMut(&mut [f32])) -> Result<()> {
    struct Change<F>(RefCell<F>);

    impl<F: FnMut(&mut [f32])> InplaceOp1 for Change<F> {
        fn name(&self) -> &'static str {
            "change"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
            match (storage, layout.contiguous_offsets()) {
                (CpuStorage::F32(numbers), Some((start, end))) => {
                    (self.0.borrow_mut())(&mut numbers[start..end]);
                    Ok(())
                }
                _ => Err(candle_core::Error::Msg(
                    "a parameter must be contiguous and in f32".into(),
                )),
            }
        }
    }

    Ok(var.inplace_op1(&Change(RefCell::new(change)))?)
}

/// AdamW (Loshchilov and Hutter 2019) with β = (0.9, 0.999), ε = 1e-8, over parameters in the order given.
#[derive(Debug)]
pub struct AdamW {
    /// Decoupled weight decay; biases are not decayed.
    pub weight_decay: f32,
    /// Bound of the global gradient norm.
    pub clip: f32,
    /// Decay of the average (exponential, bias-corrected by warming up: min(decay, (1 + t) / (10 + t))).
    pub ema: f32,
    /// Threads that take a step together; their number never shows in the results.
    pub threads: usize,
    step: usize,
}

impl AdamW {
    /// An optimizer that has not taken a step.
    pub fn new(weight_decay: f32, clip: f32, ema: f32) -> Self {
        Self {
            weight_decay,
            clip,
            ema,
            threads: 1,
            step: 0,
        }
    }

    /// An optimizer that has taken so many steps.
    pub fn after(self, steps: usize) -> Self {
        Self {
            step: steps,
            ..self
        }
    }

    /// Steps taken.
    pub fn steps(&self) -> usize {
        self.step
    }

    /// Takes a step and returns the gradient norm before clipping. A parameter without a gradient stays where it is.
    ///
    /// # Errors
    /// When a gradient cannot be read.
    pub fn step(
        &mut self,
        parameters: &mut [Parameter],
        grads: &Gradients,
        lr: f32,
    ) -> Result<f32> {
        const BETA1: f32 = 0.9;
        const BETA2: f32 = 0.999;
        const EPSILON: f32 = 1e-8;
        let mut gradients = Vec::with_capacity(parameters.len());
        let mut square_norm = 0f64;
        for parameter in parameters.iter() {
            let gradient = match grads.get(&parameter.name) {
                // Of a model without speakers' vectors there is an empty parameter, which candle would not change in place.
                Some(gradient) if !parameter.frozen && gradient.elem_count() > 0 => {
                    Some(gradient.contiguous()?)
                }
                _ => None,
            };
            if let Some(gradient) = &gradient {
                with_numbers([gradient], |[g]| add_squares(&mut square_norm, g))?;
            }
            gradients.push(gradient);
        }
        let norm = square_norm.sqrt() as f32;
        let scale = if norm > self.clip {
            self.clip / norm
        } else {
            1.0
        };
        self.step += 1;
        let correct = |beta| (1.0 / (1.0 - power(beta, self.step))) as f32;
        let (correct1, correct2) = (correct(BETA1.into()), correct(BETA2.into()));
        let t = self.step as f32;
        let ema = self.ema.min((1.0 + t) / (10.0 + t));
        for (parameter, gradient) in parameters.iter_mut().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let decay = if parameter.var.rank() > 1 {
                self.weight_decay
            } else {
                0.0
            };
            let stride = Stride {
                lr,
                decay,
                scale,
                beta1: BETA1,
                beta2: BETA2,
                correct1,
                correct2,
                epsilon: EPSILON,
                ema,
            };
            let Parameter {
                var,
                moment,
                square,
                average,
                ..
            } = parameter;
            with_numbers([&gradient], |[gradient]| {
                change(var, |numbers| {
                    let n = numbers.len().div_ceil(self.threads).max(1);
                    let parts = (numbers.chunks_mut(n).zip(moment.chunks_mut(n)))
                        .zip(square.chunks_mut(n).zip(average.chunks_mut(n)))
                        .zip(gradient.chunks(n));
                    threads::for_each(self.threads, parts, |(((numbers, m), (s, a)), gradient)| {
                        adamw(stride, [numbers, m, s, a], gradient);
                    });
                })
            })??;
        }
        Ok(norm)
    }
}

/// x^n by squaring: `powi` may round as it likes, and differently on each machine.
fn power(mut x: f64, mut n: usize) -> f64 {
    let mut product = 1.0;
    while n > 0 {
        if n % 2 == 1 {
            product *= x;
        }
        x *= x;
        n /= 2;
    }
    product
}

/// Learning rate at a step: linear warm-up over the first twentieth, then a cosine down to a fortieth of the peak.
pub fn learning_rate(peak: f32, step: usize, n_steps: usize) -> f32 {
    let warmup = (n_steps / 20).max(1);
    if step < warmup {
        return peak * (step + 1) as f32 / warmup as f32;
    }
    // The number of steps is an estimate; past it the rate stays down.
    let progress = ((step - warmup) as f32 / (n_steps - warmup).max(1) as f32).min(1.0);
    let floor = peak / 40.0;
    floor + (peak - floor) * 0.5 * (1.0 + cos_of_turns(0.5 * progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import torch
    /// x = torch.tensor([[1.0, -2.0]], requires_grad=True)
    /// opt = torch.optim.AdamW([x], lr=0.1, weight_decay=0.01)
    /// for _ in range(3):
    ///     opt.zero_grad(); ((x - 0.5) ** 2).sum().backward()
    ///     torch.nn.utils.clip_grad_norm_([x], 1.0); opt.step()
    /// print(x)
    /// ```
    #[test]
    fn three_steps_agree_with_pytorch() {
        let mut parameters = [Parameter::new("x".into(), &[1, 2], vec![1.0, -2.0]).unwrap()];
        let mut optimizer = AdamW::new(0.01, 1.0, 0.9);
        for _ in 0..3 {
            let x = parameters[0].var.as_tensor();
            let loss = (x - 0.5).unwrap().sqr().unwrap().sum_all().unwrap();
            let of_x = loss.backward().unwrap().get(x).unwrap().clone();
            let grads = Gradients::from([("x".into(), of_x)]);
            optimizer.step(&mut parameters, &grads, 0.1).unwrap();
        }
        let [numbers, ..] = parameters[0].memory().unwrap();
        for (ours, theirs) in numbers.iter().zip(PYTORCH) {
            assert!((ours - theirs).abs() < 1e-5, "{numbers:?}");
        }
    }

    const PYTORCH: [f32; 2] = [0.700_941_3, -1.694_253_2];

    #[test]
    fn powers_are_those_of_repeated_multiplication() {
        let mut product = 1.0f64;
        for n in 0..2000 {
            assert!((power(0.999, n) - product).abs() < 1e-13);
            product *= 0.999;
        }
        assert_eq!(power(0.9, 1_000_000), 0.0);
    }

    #[test]
    fn the_learning_rate_warms_up_and_comes_down() {
        assert!((learning_rate(1.0, 0, 100) - 0.2).abs() < 1e-6);
        assert!((learning_rate(1.0, 5, 100) - 1.0).abs() < 1e-6);
        assert!((learning_rate(1.0, 100, 100) - 0.025).abs() < 1e-6);
        assert!((learning_rate(1.0, 140, 100) - 0.025).abs() < 1e-6);
    }
}

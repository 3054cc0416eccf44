//! The logits and their cross-entropy, with a weight per target, as one candle operation: the logits of a window are the largest thing there is
//! beside the states, and nobody but the loss wants them.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::applied::Applied;
use crate::compute::{Compute, multiply, numbers_of, with_numbers};
use crate::kernel::buffer::Buffer;
use crate::kernel::product::{Format, Left, Right, in_precision, multiply as multiply_packed};
use crate::kernel::{self, Matrix, threads};
use crate::math::ln;
use crate::tokenizer::Token;

/// Rows whose logits are computed and used while they are in the cache: whole blocks of every format.
const CHUNK_ROWS: usize = 64;

/// `Σ weight_i · -ln softmax(x_i wᵀ + bias)[target_i]`, a scalar, in nats. `x` is `(n, n_in)`, `w` `(n_vocab, n_in)`, `bias` `(n_vocab)`; rows of weight 0 are
/// padding and cost nothing.
///
/// # Errors
/// When shapes disagree, there are not as many targets and weights as rows, or tensors are not `f32` on the CPU.
pub fn cross_entropy(
    compute: &Compute,
    [x, w, bias]: [&Tensor; 3],
    targets: Vec<Token>,
    weights: Vec<f32>,
) -> Result<Applied> {
    let ((n, n_in), n_vocab) = (x.dims2()?, w.dim(0)?);
    let fits = w.dims() == [n_vocab, n_in]
        && bias.dims() == [n_vocab]
        && targets.len() == n
        && weights.len() == n
        && targets.iter().all(|&target| (target as usize) < n_vocab);
    if !fits {
        return Err(Error::Msg(format!(
            "cross-entropy: x {:?}, w {:?}, bias {:?}, {} targets and {} weights do not fit together",
            x.dims(),
            w.dims(),
            bias.dims(),
            targets.len(),
            weights.len()
        )));
    }
    let op = CrossEntropy {
        compute: compute.clone(),
        n,
        n_in,
        n_vocab,
        targets,
        weights,
        grad: Mutex::default(),
    };
    Applied::new(op, [x, w, bias])
}

struct CrossEntropy {
    compute: Compute,
    n: usize,
    n_in: usize,
    n_vocab: usize,
    targets: Vec<Token>,
    weights: Vec<f32>,
    /// Of the logits, found on the way forward, `(n, n_vocab)`.
    grad: Mutex<Option<Buffer<f32>>>,
}

impl CrossEntropy {
    /// The loss, and the gradient of the logits.
    fn forward<F: Format>(&self, [x, w, bias]: [&[f32]; 3]) -> (f64, Buffer<f32>) {
        let (compute, n_vocab) = (&self.compute, self.n_vocab);
        let mut right = Right::<F>::new(&compute.shelf, self.n_in, n_vocab);
        right.pack(compute.threads, Matrix::rows(w, self.n_in).transposed());
        let mut grad = compute.shelf.take::<f32>(self.n * n_vocab);
        let mut losses = vec![0f64; self.n];
        let parts = grad
            .chunks_mut((CHUNK_ROWS * n_vocab).max(1))
            .zip(losses.chunks_mut(CHUNK_ROWS))
            .enumerate();
        threads::for_each(compute.threads, parts, |(at, (rows, losses))| {
            let first = at * CHUNK_ROWS;
            for row in rows.chunks_exact_mut(n_vocab) {
                row.copy_from_slice(bias);
            }
            let mut left = Left::<F>::new(&compute.shelf, losses.len(), self.n_in);
            left.pack(1, Matrix::rows(&x[first * self.n_in..], self.n_in));
            multiply_packed(rows, &left, 0, &right, true);
            for (at, (row, loss)) in rows.chunks_exact_mut(n_vocab).zip(losses).enumerate() {
                *loss = row_loss(row, self.targets[first + at], self.weights[first + at]);
            }
        });
        // In order of rows, whoever computed them.
        (losses.iter().sum(), grad)
    }

    /// Gradients of x, w and bias from that of the logits.
    fn backward(&self, x: &[f32], w: &[f32], grad: &[f32]) -> [Vec<f32>; 3] {
        let (n, n_in, n_vocab) = (self.n, self.n_in, self.n_vocab);
        let (mut dx, mut dw) = (vec![0f32; n * n_in], vec![0f32; n_vocab * n_in]);
        let logits = Matrix::rows(grad, n_vocab);
        let (x, w) = (Matrix::rows(x, n_in), Matrix::rows(w, n_in));
        let shape = (n, n_vocab, n_in);
        multiply(&self.compute, &mut dx, logits, w, shape, false);
        let shape = (n_vocab, n, n_in);
        multiply(&self.compute, &mut dw, logits.transposed(), x, shape, false);
        let mut db = vec![0f32; n_vocab];
        let width = n_vocab.div_ceil(self.compute.threads).max(1);
        let parts = db.chunks_mut(width).enumerate();
        threads::for_each(self.compute.threads, parts, |(at, sums)| {
            kernel::add_rows(sums, &grad[at * width..], n_vocab);
        });
        [dx, dw, db]
    }
}

/// The loss of a row of logits, which becomes its gradient.
fn row_loss(row: &mut [f32], target: Token, weight: f32) -> f64 {
    if weight == 0.0 {
        row.fill(0.0);
        return 0.0;
    }
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let of_target = row[target as usize];
    kernel::exp_minus(row, max);
    let sum: f32 = row.iter().sum();
    let scale = weight / sum;
    for x in row.iter_mut() {
        *x *= scale;
    }
    row[target as usize] -= weight;
    f64::from(weight) * f64::from(ln(sum) + max - of_target)
}

impl CustomOp3 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (numbers_of(x, x_layout)?, numbers_of(w, w_layout)?);
        let operands = [x, w, numbers_of(bias, bias_layout)?];
        let (loss, grad) = in_precision!(self.compute.precision, F => self.forward::<F>(operands));
        *self.grad.lock().map_err(|_| panicked())? = Some(grad);
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _bias: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let scale = grad.to_scalar::<f32>()?;
        let grad = self.grad.lock().map_err(|_| panicked())?.take();
        let mut grad =
            grad.ok_or_else(|| Error::Msg("cross-entropy: backward runs once per forward".into()))?;
        if scale != 1.0 {
            for grad in grad.iter_mut() {
                *grad *= scale;
            }
        }
        let [dx, dw, db] = with_numbers([x, w], |[x, w]| self.backward(x, w, &grad))?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, (self.n, self.n_in), device)?),
            Some(Tensor::from_vec(dw, (self.n_vocab, self.n_in), device)?),
            Some(Tensor::from_vec(db, self.n_vocab, device)?),
        ))
    }
}

fn panicked() -> Error {
    Error::Msg("cross-entropy: another thread panicked".into())
}

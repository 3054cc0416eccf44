//! Cross-entropy with a weight per target, as one candle operation.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

use crate::kernel;
use crate::math::ln;
use crate::tokenizer::Token;

/// `Σ weight_i · -ln softmax(logits_i)[target_i]`, a scalar, in nats. `logits` is `(n, n_vocab)`; rows of weight 0 are padding and cost nothing.
///
/// # Errors
/// When there are not as many targets and weights as rows.
pub fn cross_entropy(logits: &Tensor, targets: Vec<Token>, weights: Vec<f32>) -> Result<Tensor> {
    logits.contiguous()?.apply_op1(CrossEntropy {
        targets,
        weights,
        grad: Mutex::default(),
    })
}

struct CrossEntropy {
    targets: Vec<Token>,
    weights: Vec<f32>,
    /// Of the logits, found on the way forward.
    grad: Mutex<Vec<f32>>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, n_vocab) = layout.shape().dims2()?;
        if self.targets.len() != n || self.weights.len() != n {
            return Err(Error::Msg(format!(
                "cross-entropy: {n} rows of logits, {} targets, {} weights",
                self.targets.len(),
                self.weights.len()
            )));
        }
        let (start, end) = layout
            .contiguous_offsets()
            .ok_or_else(|| Error::Msg("cross-entropy: logits must be contiguous".into()))?;
        let logits = &logits.as_slice::<f32>()?[start..end];
        let mut grad = vec![0f32; logits.len()];
        let mut loss = 0f64;
        let rows = logits
            .chunks_exact(n_vocab)
            .zip(grad.chunks_exact_mut(n_vocab));
        for ((logits, grad), (&target, &weight)) in rows.zip(self.targets.iter().zip(&self.weights))
        {
            if weight == 0.0 {
                continue;
            }
            let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            kernel::exp_minus(grad, logits, max);
            let sum: f32 = grad.iter().sum();
            let scale = weight / sum;
            for grad in grad.iter_mut() {
                *grad *= scale;
            }
            grad[target as usize] -= weight;
            loss += f64::from(weight) * f64::from(ln(sum) + max - logits[target as usize]);
        }
        *self
            .grad
            .lock()
            .map_err(|_| Error::Msg("cross-entropy: another thread panicked".into()))? = grad;
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = grad.to_scalar::<f32>()?;
        let mut grad = std::mem::take(
            &mut *self
                .grad
                .lock()
                .map_err(|_| Error::Msg("cross-entropy: another thread panicked".into()))?,
        );
        if scale != 1.0 {
            for grad in &mut grad {
                *grad *= scale;
            }
        }
        Ok(Some(Tensor::from_vec(
            grad,
            logits.shape(),
            logits.device(),
        )?))
    }
}

//! The recurrence of an LSTM over a whole sequence as one candle operation with its own backward.
//!
//! candle-nn builds some fifteen graph nodes per step; here a layer is one node, whatever the length. The input projection `x W_ihᵀ + b` of
//! all steps is an ordinary matrix product before it, so its gradient is candle's.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::kernel::{self, Matrix};

/// Runs one LSTM layer over a sequence.
///
/// * `projected`: `(time, batch, 4 · hidden)`, `x W_ihᵀ + b`; gates in PyTorch's order: input, forget, cell, output.
/// * `w_hh`: `(4 · hidden, hidden)`.
/// * `state`: `(2, batch, hidden)`, h and c before the first step.
///
/// Returns h after every step, `(time, batch, hidden)`, and the state after the last one as plain numbers, `(2, batch, hidden)`: it is detached,
/// so that back-propagation through time ends at the window.
///
/// # Errors
/// When shapes disagree, or tensors are not `f32` on the CPU.
pub fn lstm(projected: &Tensor, w_hh: &Tensor, state: &Tensor) -> Result<(Tensor, Tensor)> {
    let saved = Arc::new(Mutex::new(Saved::default()));
    let op = LstmSequence {
        saved: Arc::clone(&saved),
    };
    let hidden =
        projected
            .contiguous()?
            .apply_op3(&w_hh.contiguous()?, &state.contiguous()?, op)?;
    let last = {
        let saved = lock(&saved)?;
        let (time, batch, n_hidden) = hidden.dims3()?;
        let h = hidden.narrow(0, time - 1, 1)?.detach();
        let c = saved.c[time * batch * n_hidden..].to_vec();
        let c = Tensor::from_vec(c, (1, batch, n_hidden), hidden.device())?;
        Tensor::cat(&[h, c], 0)?
    };
    Ok((hidden, last))
}

/// What the backward pass needs and the forward pass has at hand.
#[derive(Default)]
struct Saved {
    /// Activated gates, `(time, batch, 4 · hidden)`.
    gates: Vec<f32>,
    /// Cells, `(time + 1, batch, hidden)`; the first is the one before the sequence.
    c: Vec<f32>,
}

struct LstmSequence {
    saved: Arc<Mutex<Saved>>,
}

fn lock(saved: &Mutex<Saved>) -> Result<std::sync::MutexGuard<'_, Saved>> {
    saved
        .lock()
        .map_err(|_| Error::Msg("lstm: another thread panicked in this operation".into()))
}

fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("lstm: tensors must be contiguous".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

impl CustomOp3 for LstmSequence {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn cpu_fwd(
        &self,
        projected: &CpuStorage,
        projected_layout: &Layout,
        w_hh: &CpuStorage,
        w_hh_layout: &Layout,
        state: &CpuStorage,
        state_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (time, batch, n_gates) = projected_layout.shape().dims3()?;
        let n_hidden = n_gates / 4;
        if w_hh_layout.shape().dims() != [n_gates, n_hidden]
            || state_layout.shape().dims() != [2, batch, n_hidden]
        {
            return Err(Error::Msg(format!(
                "lstm: projected is {:?}, so w_hh must be ({n_gates}, {n_hidden}) and state (2, {batch}, {n_hidden}), not {:?} and {:?}",
                projected_layout.shape().dims(),
                w_hh_layout.shape().dims(),
                state_layout.shape().dims()
            )));
        }
        let mut gates = numbers(projected, projected_layout)?.to_vec();
        let w_hh = numbers(w_hh, w_hh_layout)?;
        let (h0, c0) = numbers(state, state_layout)?.split_at(batch * n_hidden);
        // Transposed once, so that every step reads its rows in order.
        let mut w_hh_t = vec![0f32; w_hh.len()];
        for (row, w) in w_hh.chunks_exact(n_hidden).enumerate() {
            for (column, &w) in w.iter().enumerate() {
                w_hh_t[column * n_gates + row] = w;
            }
        }
        let width = batch * n_hidden;
        let mut h = vec![0f32; time * width];
        let mut c = vec![0f32; (time + 1) * width];
        c[..width].copy_from_slice(c0);
        for (step, gates) in gates.chunks_exact_mut(batch * n_gates).enumerate() {
            let (done, rest) = h.split_at_mut(step * width);
            let before = if step == 0 {
                h0
            } else {
                &done[(step - 1) * width..]
            };
            kernel::matmul(
                gates,
                Matrix::rows(before, n_hidden),
                Matrix::rows(&w_hh_t, n_gates),
                (batch, n_gates, n_hidden),
                true,
            );
            let (c_before, c_rest) = c.split_at_mut((step + 1) * width);
            let c = &mut c_rest[..width];
            c.copy_from_slice(&c_before[step * width..]);
            let lanes = gates.chunks_exact_mut(n_gates);
            let lanes = lanes
                .zip(c.chunks_exact_mut(n_hidden))
                .zip(rest.chunks_exact_mut(n_hidden));
            for ((gates, c), h) in lanes {
                kernel::cell_forward(gates, c, h);
            }
        }
        *lock(&self.saved)? = Saved { gates, c };
        Ok((CpuStorage::F32(h), Shape::from((time, batch, n_hidden))))
    }

    fn bwd(
        &self,
        projected: &Tensor,
        w_hh: &Tensor,
        state: &Tensor,
        hidden: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (time, batch, n_gates) = projected.dims3()?;
        let n_hidden = n_gates / 4;
        let width = batch * n_hidden;
        let w_hh = w_hh.flatten_all()?.to_vec1::<f32>()?;
        let h = hidden.flatten_all()?.to_vec1::<f32>()?;
        let grad = grad.flatten_all()?.to_vec1::<f32>()?;
        let h0 = state.get(0)?.flatten_all()?.to_vec1::<f32>()?;
        let saved = std::mem::take(&mut *lock(&self.saved)?);
        if saved.gates.is_empty() {
            return Err(Error::Msg("lstm: backward runs once per forward".into()));
        }
        let mut gates = saved.gates;
        let mut dh = vec![0f32; width];
        let mut dc = vec![0f32; width];
        for step in (0..time).rev() {
            for (dh, grad) in dh.iter_mut().zip(&grad[step * width..]) {
                *dh += grad;
            }
            let gates = &mut gates[step * batch * n_gates..(step + 1) * batch * n_gates];
            let c_before = &saved.c[step * width..(step + 1) * width];
            let c = &saved.c[(step + 1) * width..(step + 2) * width];
            for lane in 0..batch {
                let span = lane * n_hidden..(lane + 1) * n_hidden;
                kernel::cell_backward(
                    &mut gates[lane * n_gates..(lane + 1) * n_gates],
                    &c[span.clone()],
                    &c_before[span.clone()],
                    &dh[span.clone()],
                    &mut dc[span],
                );
            }
            kernel::matmul(
                &mut dh,
                Matrix::rows(gates, n_gates),
                Matrix::rows(&w_hh, n_hidden),
                (batch, n_hidden, n_gates),
                false,
            );
        }
        // `gates` now holds the gradient of `projected`. One product over all steps gives that of the recurrent weights.
        let mut h_before = h0;
        h_before.extend_from_slice(&h[..(time - 1) * width]);
        let mut dw = vec![0f32; n_gates * n_hidden];
        kernel::matmul(
            &mut dw,
            Matrix::rows(&gates, n_gates).transposed(),
            Matrix::rows(&h_before, n_hidden),
            (n_gates, n_hidden, time * batch),
            false,
        );
        dh.extend_from_slice(&dc);
        let device = projected.device();
        Ok((
            Some(Tensor::from_vec(gates, (time, batch, n_gates), device)?),
            Some(Tensor::from_vec(dw, (n_gates, n_hidden), device)?),
            Some(Tensor::from_vec(dh, (2, batch, n_hidden), device)?),
        ))
    }
}

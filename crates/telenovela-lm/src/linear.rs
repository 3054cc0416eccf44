//! A linear layer as one candle operation, over the products of [`crate::kernel`].

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::compute::{Compute, multiply, with_numbers};
use crate::kernel::{self, Matrix, threads};

/// `x wᵀ + bias`. `x` is `(n, n_in)`, `w` is `(n_out, n_in)`, `bias` is `(n_out)`; gives `(n, n_out)`.
///
/// # Errors
/// When shapes disagree, or tensors are not `f32` on the CPU.
pub fn linear(compute: &Compute, x: &Tensor, w: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (n, n_in) = x.dims2()?;
    let n_out = w.dim(0)?;
    if w.dims() != [n_out, n_in] || bias.dims() != [n_out] {
        return Err(Error::Msg(format!(
            "linear: x {:?}, w {:?} and bias {:?} do not fit together",
            x.dims(),
            w.dims(),
            bias.dims()
        )));
    }
    let op = Linear {
        compute: compute.clone(),
        n,
        n_in,
        n_out,
    };
    x.contiguous()?
        .apply_op3(&w.contiguous()?, &bias.contiguous()?, op)
}

/// `[x ∘ mask | speaker] wᵀ`: as [`linear`], with what stands beside the input in a model and a mask of what drops out. `x` is `(time · batch, n_in)`,
/// `speaker` `(time · batch, n_speaker)`, `w` `(n_out, n_in + n_speaker)`, `mask` `(batch, n_in)` or empty.
///
/// # Errors
/// As [`linear`].
pub fn linear_beside(
    compute: &Compute,
    x: &Tensor,
    speaker: &Tensor,
    w: &Tensor,
    mask: Vec<f32>,
) -> Result<Tensor> {
    let ((n, n_in), n_speaker, n_out) = (x.dims2()?, speaker.dim(1)?, w.dim(0)?);
    let fits = speaker.dim(0)? == n
        && w.dims() == [n_out, n_in + n_speaker]
        && mask.len().is_multiple_of(n_in.max(1));
    if !fits {
        return Err(Error::Msg(format!(
            "linear: x {:?}, speaker {:?} and w {:?} do not fit together",
            x.dims(),
            speaker.dims(),
            w.dims()
        )));
    }
    let op = LinearBeside {
        linear: Linear {
            compute: compute.clone(),
            n,
            n_in: n_in + n_speaker,
            n_out,
        },
        n_x: n_in,
        mask,
    };
    x.contiguous()?
        .apply_op3(&speaker.contiguous()?, &w.contiguous()?, op)
}

struct Linear {
    compute: Compute,
    n: usize,
    n_in: usize,
    n_out: usize,
}

impl Linear {
    fn forward(&self, x: &[f32], w: &[f32], bias: &[f32]) -> (CpuStorage, Shape) {
        let mut y = Vec::with_capacity(self.n * self.n_out);
        for _ in 0..self.n {
            y.extend_from_slice(bias);
        }
        if bias.is_empty() {
            y.resize(self.n * self.n_out, 0.0);
        }
        let w = Matrix::rows(w, self.n_in).transposed();
        let shape = (self.n, self.n_in, self.n_out);
        let x = Matrix::rows(x, self.n_in);
        multiply(&self.compute, &mut y, x, w, shape, true);
        (CpuStorage::F32(y), Shape::from((self.n, self.n_out)))
    }

    /// Gradients of x and w from that of the result.
    fn backward(&self, x: &[f32], w: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut dx = vec![0f32; self.n * self.n_in];
        let mut dw = vec![0f32; self.n_out * self.n_in];
        let grad = Matrix::rows(grad, self.n_out);
        let (x, w) = (Matrix::rows(x, self.n_in), Matrix::rows(w, self.n_in));
        let (n, n_in, n_out) = (self.n, self.n_in, self.n_out);
        multiply(&self.compute, &mut dx, grad, w, (n, n_out, n_in), false);
        let shape = (n_out, n, n_in);
        multiply(&self.compute, &mut dw, grad.transposed(), x, shape, false);
        (dx, dw)
    }
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("linear: tensors must be contiguous".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
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
        let (x, w) = (slice(x, x_layout)?, slice(w, w_layout)?);
        Ok(self.forward(x, w, slice(bias, bias_layout)?))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, db) = with_numbers([x, w, &grad.contiguous()?], |[x, w, grad]| {
            let (dx, dw) = self.backward(x, w, grad);
            let mut db = vec![0f32; self.n_out];
            let width = self.n_out.div_ceil(self.compute.threads).max(1);
            let parts = db.chunks_mut(width).enumerate();
            threads::for_each(self.compute.threads, parts, |(at, sums)| {
                kernel::add_rows(sums, &grad[at * width..], self.n_out);
            });
            (dx, dw, db)
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, (self.n, self.n_in), device)?),
            Some(Tensor::from_vec(dw, (self.n_out, self.n_in), device)?),
            Some(Tensor::from_vec(db, self.n_out, device)?),
        ))
    }
}

struct LinearBeside {
    linear: Linear,
    /// Width of x; the speaker's numbers come after.
    n_x: usize,
    /// `(batch, n_x)`, or empty.
    mask: Vec<f32>,
}

impl LinearBeside {
    fn beside(&self, x: &[f32], speaker: &[f32]) -> Vec<f32> {
        let (n_in, n_speaker) = (self.linear.n_in, self.linear.n_in - self.n_x);
        let mut both = self.linear.compute.take(self.linear.n * n_in);
        for (at, row) in both.chunks_exact_mut(n_in.max(1)).enumerate() {
            row[..self.n_x].copy_from_slice(&x[at * self.n_x..(at + 1) * self.n_x]);
            row[self.n_x..].copy_from_slice(&speaker[at * n_speaker..(at + 1) * n_speaker]);
        }
        self.drop(&mut both);
        both
    }

    fn drop(&self, rows: &mut [f32]) {
        let lanes = self.mask.chunks_exact(self.n_x.max(1)).cycle();
        for (row, mask) in rows.chunks_exact_mut(self.linear.n_in.max(1)).zip(lanes) {
            for (x, mask) in row.iter_mut().zip(mask) {
                *x *= mask;
            }
        }
    }
}

impl CustomOp3 for LinearBeside {
    fn name(&self) -> &'static str {
        "linear-beside"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        speaker: &CpuStorage,
        speaker_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let both = self.beside(slice(x, x_layout)?, slice(speaker, speaker_layout)?);
        let result = self.linear.forward(&both, slice(w, w_layout)?, &[]);
        self.linear.compute.give(both);
        Ok(result)
    }

    fn bwd(
        &self,
        x: &Tensor,
        speaker: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (mut both, dw) = with_numbers([x, speaker, w, &grad], |[x, speaker, w, grad]| {
            let both = self.beside(x, speaker);
            let grads = self.linear.backward(&both, w, grad);
            self.linear.compute.give(both);
            grads
        })?;
        self.drop(&mut both);
        let (n, n_in) = (self.linear.n, self.linear.n_in);
        let mut dx = Vec::with_capacity(n * self.n_x);
        let mut d_speaker = Vec::with_capacity(n * (n_in - self.n_x));
        for row in both.chunks_exact(n_in.max(1)) {
            dx.extend_from_slice(&row[..self.n_x]);
            d_speaker.extend_from_slice(&row[self.n_x..]);
        }
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, (n, self.n_x), device)?),
            Some(Tensor::from_vec(d_speaker, (n, n_in - self.n_x), device)?),
            Some(Tensor::from_vec(dw, (self.linear.n_out, n_in), device)?),
        ))
    }
}

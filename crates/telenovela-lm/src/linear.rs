//! The projection as one candle operation, over the products of [`crate::kernel`].

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::applied::Applied;
use crate::compute::{Compute, multiply, numbers_of, with_numbers};
use crate::kernel::Matrix;
use crate::kernel::buffer::Buffer;

/// `[x ∘ mask | speaker] wᵀ`. `x` is `(time · batch, n_in)`, `speaker` `(time · batch, n_speaker)`, `w` `(n_out, n_in + n_speaker)`, `mask`, of what drops
/// out, `(batch, n_in)` or empty; results in `(time · batch, n_out)`.
///
/// # Errors
/// When shapes disagree, or tensors are not `f32` on the CPU.
pub fn linear_beside(
    compute: &Compute,
    x: &Tensor,
    speaker: &Tensor,
    w: &Tensor,
    mask: Vec<f32>,
) -> Result<Applied> {
    let ((n, n_x), n_speaker, n_out) = (x.dims2()?, speaker.dim(1)?, w.dim(0)?);
    let fits = speaker.dim(0)? == n
        && w.dims() == [n_out, n_x + n_speaker]
        && mask.len().is_multiple_of(n_x.max(1));
    if !fits {
        return Err(Error::Msg(format!(
            "linear: x {:?}, speaker {:?} and w {:?} do not fit together",
            x.dims(),
            speaker.dims(),
            w.dims()
        )));
    }
    let op = LinearBeside {
        compute: compute.clone(),
        n,
        n_x,
        n_speaker,
        n_out,
        mask,
    };
    Applied::new(op, [x, speaker, w])
}

struct LinearBeside {
    compute: Compute,
    n: usize,
    n_x: usize,
    n_speaker: usize,
    n_out: usize,
    /// `(batch, n_x)`, or empty.
    mask: Vec<f32>,
}

impl LinearBeside {
    fn n_in(&self) -> usize {
        self.n_x + self.n_speaker
    }

    /// x with what stands beside it, `(n, n_in)`, where that is not x itself.
    fn beside(&self, x: &[f32], speaker: &[f32]) -> Option<Buffer<f32>> {
        if self.n_speaker == 0 && self.mask.is_empty() {
            return None;
        }
        let mut both = self.compute.shelf.take(self.n * self.n_in());
        for (at, row) in both.chunks_exact_mut(self.n_in().max(1)).enumerate() {
            let (of_x, of_speaker) = row.split_at_mut(self.n_x);
            of_x.copy_from_slice(&x[at * self.n_x..][..self.n_x]);
            of_speaker.copy_from_slice(&speaker[at * self.n_speaker..][..self.n_speaker]);
        }
        self.drop(&mut both, self.n_in());
        Some(both)
    }

    /// Multiplies the first `n_x` numbers of rows of `stride` by their lane's mask.
    fn drop(&self, rows: &mut [f32], stride: usize) {
        let lanes = self.mask.chunks_exact(self.n_x.max(1)).cycle();
        for (row, mask) in rows.chunks_exact_mut(stride.max(1)).zip(lanes) {
            for (x, mask) in row.iter_mut().zip(mask) {
                *x *= mask;
            }
        }
    }

    /// Gradients of x, the speaker and w from that of the result.
    fn backward(&self, [x, speaker, w, grad]: [&[f32]; 4]) -> [Vec<f32>; 3] {
        let (n, n_in, n_out) = (self.n, self.n_in(), self.n_out);
        let both = self.beside(x, speaker);
        let (x, w) = (
            Matrix::rows(both.as_deref().unwrap_or(x), n_in),
            Matrix::rows(w, n_in),
        );
        let grad = Matrix::rows(grad, n_out);
        let mut dw = vec![0f32; n_out * n_in];
        let shape = (n_out, n, n_in);
        multiply(&self.compute, &mut dw, grad.transposed(), x, shape, false);
        let mut dx = vec![0f32; n * self.n_x];
        let mut d_speaker = vec![0f32; n * self.n_speaker];
        let shape = (n, n_out, n_in);
        if self.n_speaker == 0 {
            multiply(&self.compute, &mut dx, grad, w, shape, false);
            self.drop(&mut dx, n_in);
        } else {
            let mut both = self.compute.shelf.take::<f32>(n * n_in);
            multiply(&self.compute, &mut both, grad, w, shape, false);
            self.drop(&mut both, n_in);
            for (at, row) in both.chunks_exact(n_in).enumerate() {
                let (of_x, of_speaker) = row.split_at(self.n_x);
                dx[at * self.n_x..][..self.n_x].copy_from_slice(of_x);
                d_speaker[at * self.n_speaker..][..self.n_speaker].copy_from_slice(of_speaker);
            }
        }
        [dx, d_speaker, dw]
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
        let x = numbers_of(x, x_layout)?;
        let both = self.beside(x, numbers_of(speaker, speaker_layout)?);
        let x = Matrix::rows(both.as_deref().unwrap_or(x), self.n_in());
        let w = Matrix::rows(numbers_of(w, w_layout)?, self.n_in()).transposed();
        let mut y = vec![0f32; self.n * self.n_out];
        let shape = (self.n, self.n_in(), self.n_out);
        multiply(&self.compute, &mut y, x, w, shape, false);
        Ok((CpuStorage::F32(y), Shape::from((self.n, self.n_out))))
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
        let [dx, d_speaker, dw] =
            with_numbers([x, speaker, w, &grad], |numbers| self.backward(numbers))?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, (self.n, self.n_x), device)?),
            Some(Tensor::from_vec(
                d_speaker,
                (self.n, self.n_speaker),
                device,
            )?),
            Some(Tensor::from_vec(dw, (self.n_out, self.n_in()), device)?),
        ))
    }
}

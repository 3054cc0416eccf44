//! How a training step is computed: on how many threads, in which numbers, in which memory.

use candle_core::{CpuStorage, Error, Layout, Storage, Tensor};

use crate::kernel::buffer::Shelf;
use crate::kernel::product::{Format, Left, Right, in_precision, multiply_on};
use crate::kernel::{Matrix, Precision};

/// Threads and numbers of the products of a training step, and the memory that steps use again. Clones share the memory.
///
/// The number of threads never shows in the results.
#[derive(Clone, Debug)]
pub struct Compute {
    /// Threads, at least 1.
    pub threads: usize,
    /// Numbers.
    pub precision: Precision,
    /// Memory.
    pub shelf: Shelf,
}

impl Default for Compute {
    fn default() -> Self {
        Self::new(1, Precision::F32)
    }
}

impl Compute {
    /// With empty memory.
    pub fn new(threads: usize, precision: Precision) -> Self {
        Self {
            threads: threads.max(1),
            precision,
            shelf: Shelf::default(),
        }
    }
}

/// `c = a · b` or `c += a · b`, of shapes `(m, k)` and `(k, n)`.
pub fn multiply(
    compute: &Compute,
    c: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    shape: (usize, usize, usize),
    add: bool,
) {
    fn packed<F: Format>(
        compute: &Compute,
        c: &mut [f32],
        [a, b]: [Matrix<'_>; 2],
        (m, k, n): (usize, usize, usize),
        add: bool,
    ) {
        let mut left = Left::<F>::new(&compute.shelf, m, k);
        left.pack(compute.threads, a);
        let mut right = Right::<F>::new(&compute.shelf, k, n);
        right.pack(compute.threads, b);
        multiply_on(compute.threads, c, &left, &right, add);
    }
    in_precision!(compute.precision, F => packed::<F>(compute, c, [a, b], shape, add));
}

/// The numbers of a contiguous operand.
pub(crate) fn numbers_of<'a>(
    storage: &'a CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("tensors must be contiguous".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Lends the numbers of contiguous tensors out.
pub(crate) fn with_numbers<const N: usize, T>(
    tensors: [&Tensor; N],
    use_them: impl FnOnce([&[f32]; N]) -> T,
) -> candle_core::Result<T> {
    let storages = tensors.map(Tensor::storage_and_layout);
    let mut numbers = [&[] as &[f32]; N];
    for (numbers, (storage, layout)) in numbers.iter_mut().zip(&storages) {
        let (Storage::Cpu(storage), Some((start, end))) = (&**storage, layout.contiguous_offsets())
        else {
            return Err(Error::Msg(
                "tensors must be contiguous and on the CPU".into(),
            ));
        };
        *numbers = &storage.as_slice::<f32>()?[start..end];
    }
    Ok(use_them(numbers))
}

//! How a training step is computed: on how many threads, in which numbers, in which memory.

use std::sync::{Arc, Mutex};

use candle_core::{Error, Storage, Tensor};

use crate::kernel::product::{Format, Left, Right, in_precision, multiply_on};
use crate::kernel::{Matrix, Precision};

/// Threads and numbers of the products of a training step, and memory that steps reuse: its large buffers would otherwise be given back to the
/// system and cleared by it again at every step. Clones share the memory.
///
/// The number of threads never shows in the results.
#[derive(Clone, Debug)]
pub struct Compute {
    /// Threads, at least 1.
    pub threads: usize,
    /// Numbers.
    pub precision: Precision,
    shelf: Arc<Mutex<Shelf>>,
}

/// Buffers that nobody uses now.
#[derive(Debug, Default)]
pub struct Shelf {
    floats: Vec<Vec<f32>>,
    pairs: Vec<Vec<u32>>,
}

/// Numbers that buffers are kept of.
pub trait Kept: Copy + Default {
    /// Where buffers of this type lie.
    fn of(shelf: &mut Shelf) -> &mut Vec<Vec<Self>>;
}

impl Kept for f32 {
    fn of(shelf: &mut Shelf) -> &mut Vec<Vec<f32>> {
        &mut shelf.floats
    }
}

impl Kept for u32 {
    fn of(shelf: &mut Shelf) -> &mut Vec<Vec<u32>> {
        &mut shelf.pairs
    }
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
            shelf: Arc::default(),
        }
    }

    /// A buffer of `len` numbers that hold anything.
    pub fn take<N: Kept>(&self, len: usize) -> Vec<N> {
        let mut buffer = match self.shelf.lock() {
            Ok(mut shelf) => {
                let buffers = N::of(&mut shelf);
                // The smallest that is large enough, or else the largest: then sizes settle after one step.
                let fits =
                    |buffer: &Vec<N>| (buffer.capacity() < len, buffer.capacity().abs_diff(len));
                let best = (0..buffers.len()).min_by_key(|&at| fits(&buffers[at]));
                best.map(|at| buffers.swap_remove(at)).unwrap_or_default()
            }
            // Somebody panicked with the shelf in hand; memory is then merely not reused.
            Err(_) => Vec::new(),
        };
        if buffer.capacity() < len {
            // Growing in place would copy what nobody wants.
            buffer = Vec::with_capacity(len);
        }
        buffer.resize(len, N::default());
        buffer
    }

    /// Puts a buffer back.
    pub fn give<N: Kept>(&self, buffer: Vec<N>) {
        if buffer.capacity() > 0
            && let Ok(mut shelf) = self.shelf.lock()
        {
            N::of(&mut shelf).push(buffer);
        }
    }

    /// Memory for a left operand, `(m, k)`.
    pub(crate) fn left<F: Format>(&self, m: usize, k: usize) -> Left<F>
    where
        F::Number: Kept,
    {
        Left::new(self.take(Left::<F>::len(m, k)), m, k)
    }

    /// Memory for a right operand, `(k, n)`.
    pub(crate) fn right<F: Format>(&self, k: usize, n: usize) -> Right<F>
    where
        F::Number: Kept,
    {
        Right::new(self.take(Right::<F>::len(k, n)), k, n)
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
    fn packed<F: Format<Number: Kept>>(
        compute: &Compute,
        c: &mut [f32],
        [a, b]: [Matrix<'_>; 2],
        (m, k, n): (usize, usize, usize),
        add: bool,
    ) {
        let mut left = compute.left::<F>(m, k);
        left.pack(compute.threads, a);
        let mut right = compute.right::<F>(k, n);
        right.pack(compute.threads, b);
        multiply_on(compute.threads, c, &left, &right, add);
        compute.give(left.into_data());
        compute.give(right.into_data());
    }
    in_precision!(compute.precision, F => packed::<F>(compute, c, [a, b], shape, add));
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

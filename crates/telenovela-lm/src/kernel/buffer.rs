//! Memory for the large operands and results of a step, which the next step uses again: it would otherwise be given back to the system and cleared by
//! it every time. It begins with a cache line, so that no vector of sixteen numbers is read from two.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// Buffers that nobody uses now. Clones share them.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<Kinds>>);

/// Buffers by what they hold.
#[derive(Default)]
pub struct Kinds {
    floats: Vec<Vec<f32>>,
    pairs: Vec<Vec<u32>>,
}

/// Numbers that buffers hold.
pub trait Number: Copy + Default + Send + Sync + fmt::Debug + 'static {
    /// Where the buffers of this type lie.
    fn of(kinds: &mut Kinds) -> &mut Vec<Vec<Self>>;
}

impl Number for f32 {
    fn of(kinds: &mut Kinds) -> &mut Vec<Vec<f32>> {
        &mut kinds.floats
    }
}

impl Number for u32 {
    fn of(kinds: &mut Kinds) -> &mut Vec<Vec<u32>> {
        &mut kinds.pairs
    }
}

/// Numbers that go back to their shelf when they are dropped.
pub struct Buffer<N: Number> {
    data: Vec<N>,
    start: usize,
    len: usize,
    shelf: Shelf,
}

impl Shelf {
    /// A buffer of `len` numbers that hold anything.
    pub fn take<N: Number>(&self, len: usize) -> Buffer<N> {
        // Room to begin with a line.
        let room = len + LINE / size_of::<N>();
        let kept = match self.0.lock() {
            Ok(mut kinds) => {
                let buffers = N::of(&mut kinds);
                // The smallest that is large enough, or else the largest: then sizes settle after one step.
                let fits = |data: &Vec<N>| (data.len() < room, data.len().abs_diff(room));
                let best = (0..buffers.len()).min_by_key(|&at| fits(&buffers[at]));
                best.map(|at| buffers.swap_remove(at)).unwrap_or_default()
            }
            // Somebody panicked with the shelf in hand; memory is then merely not used again.
            Err(_) => Vec::new(),
        };
        let data = if kept.len() < room {
            drop(kept); // first, so that its place can be had
            vec![N::default(); room]
        } else {
            kept
        };
        let beyond = data.as_ptr().addr() % LINE;
        Buffer {
            start: (LINE - beyond) % LINE / size_of::<N>(),
            data,
            len,
            shelf: self.clone(),
        }
    }

    /// A buffer of zeros.
    pub fn zeros<N: Number>(&self, len: usize) -> Buffer<N> {
        let mut buffer = self.take(len);
        buffer.fill(N::default());
        buffer
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

impl<N: Number> fmt::Debug for Buffer<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<N: Number> Buffer<N> {
    /// Changes how many numbers there are; those that remain hold anything.
    pub fn set_len(&mut self, len: usize) {
        if self.start + len > self.data.len() {
            *self = self.shelf.clone().take(len);
        }
        self.len = len;
    }
}

impl<N: Number> Deref for Buffer<N> {
    type Target = [N];

    fn deref(&self) -> &[N] {
        &self.data[self.start..self.start + self.len]
    }
}

impl<N: Number> DerefMut for Buffer<N> {
    fn deref_mut(&mut self) -> &mut [N] {
        &mut self.data[self.start..self.start + self.len]
    }
}

impl<N: Number> Drop for Buffer<N> {
    fn drop(&mut self) {
        if let Ok(mut kinds) = self.shelf.0.lock() {
            N::of(&mut kinds).push(std::mem::take(&mut self.data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_with_a_line_and_is_used_again() {
        let shelf = Shelf::default();
        let mut first = shelf.zeros::<f32>(100);
        assert_eq!(first.as_ptr().addr() % LINE, 0);
        assert_eq!(*first, [0.0; 100]);
        first[99] = 1.0;
        let place = first.as_ptr();
        drop(first);
        let mut again = shelf.take::<f32>(90);
        assert_eq!(again.as_ptr(), place);
        again.set_len(100);
        assert_eq!((again.as_ptr(), again[99]), (place, 1.0));
        again.set_len(1000);
        assert_eq!((again.len(), again.as_ptr().addr() % LINE), (1000, 0));
        assert_eq!(shelf.take::<u32>(3).len(), 3, "of another kind");
    }
}

//! What is packed: numbers where they lie.

/// A matrix within slices: lines of numbers side by side, which are its rows, or its columns once it is transposed.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    head: &'a [f32],
    data: &'a [f32],
    /// Numbers from one line to the next.
    stride: usize,
    /// Lines that lie one after the other, before a jump.
    group: usize,
    /// Numbers from one group to the next.
    jump: usize,
    is_transposed: bool,
}

impl<'a> Matrix<'a> {
    /// Rows that begin `stride` numbers apart.
    pub fn rows(data: &'a [f32], stride: usize) -> Self {
        Self::groups(data, stride, usize::MAX, 0)
    }

    /// Groups of so many rows, `stride` numbers apart, that begin `jump` numbers apart: some lanes of a batch at every step.
    pub fn groups(data: &'a [f32], stride: usize, group: usize, jump: usize) -> Self {
        Self {
            head: &[],
            data,
            stride,
            group,
            jump,
            is_transposed: false,
        }
    }

    /// The same groups with another before them, whose rows lie elsewhere.
    #[must_use]
    pub fn after(self, head: &'a [f32]) -> Self {
        Self { head, ..self }
    }

    /// The same numbers with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            is_transposed: !self.is_transposed,
            ..self
        }
    }

    /// Whether lines are columns.
    pub fn is_transposed(self) -> bool {
        self.is_transposed
    }

    /// A line, and what follows it.
    #[inline]
    pub fn line(self, at: usize) -> &'a [f32] {
        if self.group == usize::MAX {
            return &self.data[at * self.stride..];
        }
        let (group, within) = (at / self.group, at % self.group * self.stride);
        match (self.head.is_empty(), group) {
            (true, _) => &self.data[group * self.jump + within..],
            (false, 0) => &self.head[within..],
            (false, _) => &self.data[(group - 1) * self.jump + within..],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_groups_and_before_them() {
        let data: Vec<f32> = (0..24u8).map(f32::from).collect();
        let rows = Matrix::rows(&data, 4);
        assert_eq!(rows.line(2)[..4], [8.0, 9.0, 10.0, 11.0]);
        // Two of three lanes, two numbers each, over four steps.
        let lanes = Matrix::groups(&data[2..], 2, 2, 6);
        let firsts: Vec<f32> = (0..8).map(|at| lanes.line(at)[0]).collect();
        assert_eq!(firsts, [2.0, 4.0, 8.0, 10.0, 14.0, 16.0, 20.0, 22.0]);
        let head = [-4.0, -3.0, -2.0, -1.0];
        let later = lanes.after(&head);
        let firsts: Vec<f32> = (0..4).map(|at| later.line(at)[0]).collect();
        assert_eq!(firsts, [-4.0, -2.0, 2.0, 4.0]);
        assert!(later.transposed().is_transposed());
    }
}

//! Curves out of dots: two by four to a cell, as the Braille patterns of Unicode have them.

/// The rows of a picture, `columns` cells wide and `rows` high, of a curve through points of 0 (bottom) to 1 (top), which stand at equal distances from the
/// first column to the last. Between two points the curve is smooth and never leaves their range. Nothing where there is no point or no cell.
pub fn curve(points: &[f32], columns: usize, rows: usize) -> Vec<String> {
    let mut picture = Picture::new(columns, rows);
    picture.draw(points, 1.0);
    picture.rows()
}

/// Cells of dots, on which several curves may be drawn.
#[derive(Clone, Debug)]
pub struct Picture {
    columns: usize,
    rows: usize,
    /// Of each cell, row by row: the bits of its Braille pattern.
    cells: Vec<u8>,
}

impl Picture {
    /// With no dots.
    pub fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            rows,
            cells: vec![0; columns * rows],
        }
    }

    /// Draws a curve through points that stand at equal distances over the first `share` of the width.
    pub fn draw(&mut self, points: &[f32], share: f64) {
        if points.is_empty() || self.cells.is_empty() {
            return;
        }
        let width = ((self.columns * 2) as f64 * share.clamp(0.0, 1.0)).round() as usize;
        let mut before = None;
        for x in 0..width.max(1) {
            let y = self.row_of(at(points, x, width));
            // Steps are filled, so that a steep curve has no gaps.
            let from = before.unwrap_or(y);
            for y in y.min(from)..=y.max(from) {
                self.dot(x, y);
            }
            before = Some(y);
        }
    }

    /// Draws a dotted line across the first `share` of the width.
    pub fn rule(&mut self, height: f32, share: f64) {
        if self.cells.is_empty() {
            return;
        }
        let width = ((self.columns * 2) as f64 * share.clamp(0.0, 1.0)).round() as usize;
        let y = self.row_of(height);
        for x in (0..width).step_by(3) {
            self.dot(x, y);
        }
    }

    /// As text, one string for each row.
    pub fn rows(&self) -> Vec<String> {
        let symbol = |bits: &u8| match bits {
            0 => ' ',
            // The 256 patterns stand in the order of their bits from U+2800 on; all of them are characters.
            bits => char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' '),
        };
        self.cells
            .chunks(self.columns.max(1))
            .map(|row| row.iter().map(symbol).collect())
            .collect()
    }

    /// Row of dots, from the top, for a height of 0 to 1.
    fn row_of(&self, height: f32) -> usize {
        let last = (self.rows * 4).saturating_sub(1);
        let height = if height.is_finite() { height } else { 0.0 };
        last - ((height.clamp(0.0, 1.0) * last as f32).round() as usize).min(last)
    }

    fn dot(&mut self, x: usize, y: usize) {
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let cell = (y / 4) * self.columns + (x / 2).min(self.columns - 1);
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell |= BITS[y % 4][x % 2];
        }
    }
}

/// The column of the picture in which a point stands.
pub fn column_of(index: usize, n_points: usize, columns: usize) -> usize {
    match n_points {
        0 | 1 => 0,
        n => index * columns.saturating_sub(1) / (n - 1),
    }
}

/// The height of the curve at one of `width` places.
fn at(points: &[f32], x: usize, width: usize) -> f32 {
    let n_spans = points.len() - 1;
    if n_spans == 0 || width <= 1 {
        return points[0];
    }
    let along = x as f32 / (width - 1) as f32 * n_spans as f32;
    let span = (along as usize).min(n_spans - 1);
    let t = along - span as f32;
    // Smoothstep: level at the points themselves.
    let t = t * t * (3.0 - 2.0 * t);
    points[span] + (points[span + 1] - points[span]) * t
}

/// A column of eight heights, for a share of 0 to 1; a space for nothing.
pub fn bar(share: f32) -> char {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let share = if share.is_finite() { share } else { 0.0 };
    BARS[((share.clamp(0.0, 1.0) * 8.0).ceil() as usize).min(8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_from_its_first_point_to_its_last() {
        let rows = curve(&[0.0, 1.0], 4, 2);
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row.chars().count() == 4));
        assert_eq!(rows[0].chars().next(), Some(' '));
        assert_ne!(rows[0].chars().last(), Some(' '));
        assert_ne!(rows[1].chars().next(), Some(' '));
        assert_eq!(rows[1].chars().last(), Some(' '));
    }

    #[test]
    fn strange_curves_are_drawn_all_the_same() {
        assert!(curve(&[], 4, 2).iter().all(|row| row.trim().is_empty()));
        assert!(curve(&[0.5], 0, 2).is_empty());
        assert!(curve(&[0.5, f32::NAN, f32::INFINITY, -3.0], 7, 3).len() == 3);
        assert!(curve(&[1.0], 1, 1) == ["⠉"]);
    }

    #[test]
    fn points_stand_from_the_first_column_to_the_last() {
        assert_eq!([column_of(0, 4, 31), column_of(3, 4, 31)], [0, 30]);
        assert_eq!(column_of(0, 1, 31), 0);
    }

    #[test]
    fn a_bar_is_never_empty_where_there_is_something() {
        assert_eq!(
            [bar(0.0), bar(0.01), bar(1.0), bar(9.0)],
            [' ', '▁', '█', '█']
        );
    }
}

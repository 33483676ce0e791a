//! Knots: the positions of the soft bins of a column.

use serde::{Deserialize, Serialize};

/// The share of the knots that lie where the data do; the others are spread evenly.
const DENSE: f64 = 0.25;

/// Strictly increasing numbers, none or at least two, with a table that finds the interval of a number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub(super) struct Knots {
    pub(super) values: Vec<f32>,
    /// Cells of equal width over the range of the knots: for each cell the last interval that starts at or before it.
    cells: Vec<u16>,
    cells_per_unit: f32,
}

impl Knots {
    /// How many times as many cells as knots there are.
    const CELLS: usize = 4;

    pub(super) fn new(values: Vec<f32>) -> Knots {
        let [first, .., last] = values[..] else {
            return Knots::default();
        };
        let count = Self::CELLS * values.len();
        let cells_per_unit = count as f32 / (last - first);
        let start = |cell: usize| first + cell as f32 / cells_per_unit;
        let interval = |cell| values[1..values.len() - 1].partition_point(|knot| *knot <= start(cell)) as u16;
        let cells = (0..count).map(interval).collect();
        Knots { values, cells, cells_per_unit }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the interval that holds `z`, or the one nearest to it.
    #[inline]
    pub(super) fn interval(&self, z: f32) -> usize {
        let cell = ((z - self.values[0]) * self.cells_per_unit) as usize; // negative numbers become 0
        // By rounding, a cell may start a little later than it should.
        let mut interval = usize::from(self.cells[cell.min(self.cells.len() - 1)]).saturating_sub(1);
        while interval + 2 < self.values.len() && self.values[interval + 1] <= z {
            interval += 1;
        }
        interval
    }
}

impl TryFrom<Vec<f32>> for Knots {
    type Error = String;

    fn try_from(values: Vec<f32>) -> Result<Knots, String> {
        let increasing = values.windows(2).all(|pair| pair[0] < pair[1] && (pair[1] - pair[0]).is_finite());
        let range = values.last().zip(values.first()).map_or(0.0, |(last, first)| last - first);
        if values.len() == 1 || values.len() > usize::from(u16::MAX) || !increasing || !range.is_finite() {
            return Err(format!(
                "the {} knots of a column must be none, or 2 to {} that increase",
                values.len(),
                u16::MAX
            ));
        }
        Ok(Knots::new(values))
    }
}

impl From<Knots> for Vec<f32> {
    fn from(knots: Knots) -> Vec<f32> {
        knots.values
    }
}

/// Places at most `count` knots for a sample that is `sorted`: at each value if there are few different ones; otherwise at
/// equal steps of a weighted average of two distribution functions, that of the sample and that of a uniform distribution
/// over its range. The first puts resolution where the data are, the second keeps it where only an unusual data set would
/// have data.
pub(super) fn place_knots(sorted: &[f32], count: usize) -> Vec<f32> {
    if count < 2 || sorted.is_empty() {
        return Vec::new();
    }
    let mut knots: Vec<f32> = Vec::with_capacity(count);
    for value in sorted {
        if knots.last() != Some(value) {
            knots.push(*value);
            if knots.len() > count {
                break;
            }
        }
    }
    if knots.len() <= count {
        return if knots.len() >= 2 { knots } else { Vec::new() };
    }

    let last = sorted.len() - 1;
    let tail = (0.0005 * last as f64).round() as usize;
    let (low, high) = (f64::from(sorted[tail]), f64::from(sorted[last - tail]));
    if high <= low {
        return vec![sorted[0], sorted[last]];
    }
    let level = |index: usize| {
        let value = f64::from(sorted[index]);
        DENSE * (index - tail) as f64 / (last - 2 * tail) as f64 + (1.0 - DENSE) * (value - low) / (high - low)
    };
    knots.clear();
    let closest = (1e-3 * (high - low) / count as f64) as f32;
    let mut index = tail;
    for step in 0..count {
        let wanted = step as f64 / (count - 1) as f64;
        while index + 1 < last - tail && level(index + 1) < wanted {
            index += 1;
        }
        let (below, above) = (level(index), level(index + 1));
        let share = ((wanted - below) / (above - below).max(1e-12)).clamp(0.0, 1.0);
        let (left, right) = (f64::from(sorted[index]), f64::from(sorted[index + 1]));
        let knot = (left + share * (right - left)) as f32;
        if knots.last().is_none_or(|previous| knot > previous + closest) {
            knots.push(knot);
        }
    }
    knots
}

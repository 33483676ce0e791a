//! How one column of numbers is standardised.

use serde::{Deserialize, Serialize};

use super::knots::{Knots, place_knots};

/// The largest |z| that [`squash`] leaves as it is.
pub(super) const LINEAR: f32 = 4.0;

/// Returns `z` as it is where |z| is at most [`LINEAR`], and beyond grows like its logarithm, with a continuous slope.
#[inline]
pub(super) fn squash(z: f32) -> f32 {
    #[cold]
    fn far(z: f32) -> f32 {
        let z = z.clamp(-1e30, 1e30);
        (LINEAR + (z.abs() - (LINEAR - 1.0)).ln()).copysign(z)
    }
    if z.abs() <= LINEAR { z } else { far(z) }
}

/// How one column of numbers is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) centre: f32,
    pub(super) scale: f32,
    /// The positions of the soft bins in units of z. There are none if the column is constant or its rows are too wide for
    /// them.
    pub(super) knots: Knots,
}

impl Column {
    /// Fits a column to a sample of its values, with at most `knots` knots.
    pub(super) fn fit(mut values: Vec<f32>, knots: usize) -> Column {
        values.sort_by(f32::total_cmp);
        let (centre, scale) = robust_location(&values);
        let mut column = Column { centre, scale, knots: Knots::default() };
        for value in &mut values {
            *value = column.standardise(*value);
        }
        column.knots = Knots::new(place_knots(&values, knots));
        column
    }

    /// Returns z for a value of the column.
    #[inline]
    pub(super) fn standardise(&self, value: f32) -> f32 {
        squash((value - self.centre) / self.scale)
    }

    /// Returns the knot at or below `z`, and the share of the knot above it.
    #[inline]
    pub(super) fn bin(&self, z: f32) -> (usize, f32) {
        let knot = self.knots.interval(z);
        let (low, high) = (self.knots.values[knot], self.knots.values[knot + 1]);
        (knot, ((z - low) / (high - low)).clamp(0.0, 1.0))
    }
}

/// Returns the median and a scale: the standard deviation of a Gaussian with the same interquartile range. If that vanishes
/// since most values are equal, the scale is the standard deviation itself, or 1 for a constant. `sorted` may be empty.
fn robust_location(sorted: &[f32]) -> (f32, f32) {
    let Some(last) = sorted.len().checked_sub(1) else {
        return (0.0, 1.0);
    };
    let quantile = |share: f64| sorted[(share * last as f64).round() as usize];
    let centre = quantile(0.5);
    let spread = (quantile(0.75) - quantile(0.25)) / 1.349;
    if spread > 0.0 && spread.is_finite() {
        return (centre, spread);
    }
    let square = |value: &f32| (f64::from(*value) - f64::from(centre)).powi(2);
    let sd = (sorted.iter().map(square).sum::<f64>() / sorted.len() as f64).sqrt() as f32;
    (centre, if sd > 0.0 && sd.is_finite() { sd } else { 1.0 })
}

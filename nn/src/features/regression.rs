//! The linear posterior of a model, by least squares: what needs no training.

use serde::{Deserialize, Serialize};

use crate::checks::{finite, same};
use crate::kernels::{View, product};
use hierarch_core::linear::Cholesky;

/// What a pooled moment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MomentKind {
    /// How many rows there are.
    Size,
    /// A mean over rows.
    Mean,
    /// A mean of products over rows.
    Product,
}

/// Solves x B = y by least squares, with a weight for each row, and returns B (`columns` x `dims`). A small ridge makes
/// columns that say the same share the coefficient. `x` is row-major with `columns` columns, `y` with `dims`. `None` if `x`
/// has fewer than four rows for each column, or the solution is not finite.
fn least_squares(x: &[f64], columns: usize, y: &[f64], dims: usize, weights: &[f64]) -> Option<Vec<f64>> {
    const RIDGE: f64 = 1e-6;
    let rows = y.len() / dims.max(1);
    if columns == 0 || rows < 4 * columns {
        return None;
    }
    // Normal equations.
    let rows = x.chunks_exact(columns).zip(weights);
    let weighted: Vec<f64> = rows.flat_map(|(row, weight)| row.iter().map(move |x| weight * x)).collect();
    let left = View::new(&weighted, columns).transposed();
    let mut a = product(left, View::new(x, columns));
    let mut b = product(left, View::new(y, dims));
    let ridge = RIDGE * weights.iter().sum::<f64>();
    (0..columns).for_each(|i| a[i * columns + i] += ridge);
    let a = Cholesky::new(a, columns)?;
    for dim in 0..dims {
        let mut of_dim: Vec<f64> = b.iter().skip(dim).step_by(dims).copied().collect();
        a.solve(&mut of_dim);
        b.iter_mut().skip(dim).step_by(dims).zip(of_dim).for_each(|(b, x)| *b = x);
    }
    b.iter().all(|b| b.is_finite()).then_some(b)
}

/// Means that are linear in some numbers x, and logarithms of standard deviations that are linear in others z, of D numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Prediction {
    /// Columns of x times D.
    pub(super) mean: Vec<f64>,
    /// Columns of z times D.
    pub(super) log_sd: Vec<f64>,
}

/// Fits the mean of y as a linear function of x, and the logarithm of its standard deviation as one of z, by least squares in
/// turns: the more accurate the prediction of a row is, the more it weighs. `None` if there are too few rows.
fn predict(
    (x, x_columns): (&[f64], usize),
    (z, z_columns): (&[f64], usize),
    y: &[f64],
    dims: usize,
) -> Option<Prediction> {
    const TURNS: usize = 3;
    /// Minus the mean logarithm of the square of a standard normal number.
    const LOG_SQUARE: f64 = 1.270_362_845;
    let rows = y.len() / dims.max(1);
    let mut weights = vec![1.0; rows];
    let uniform = weights.clone();
    let mut found = None;
    for _ in 0..TURNS {
        let mean = least_squares(x, x_columns, y, dims, &weights)?;
        let residual = |(x, y): (&[f64], &[f64])| -> Vec<f64> {
            let told = |dim: usize| x.iter().zip(mean[dim..].iter().step_by(dims)).map(|(x, b)| x * b).sum::<f64>();
            y.iter().enumerate().map(|(dim, y)| ((y - told(dim)).powi(2) + 1e-12).ln() + LOG_SQUARE).collect()
        };
        let log_squares: Vec<f64> = x.chunks_exact(x_columns).zip(y.chunks_exact(dims)).flat_map(residual).collect();
        let log_variance = least_squares(z, z_columns, &log_squares, dims, &uniform)?;
        for (weight, z) in weights.iter_mut().zip(z.chunks_exact(z_columns)) {
            let told: f64 = z.iter().zip(log_variance.chunks_exact(dims)).map(|(z, b)| z * b.iter().sum::<f64>()).sum();
            *weight = (-told / dims as f64).clamp(-20.0, 20.0).exp();
        }
        found = Some(Prediction { mean, log_sd: log_variance.into_iter().map(|b| 0.5 * b).collect() });
    }
    found
}

/// The linear posterior of a model: the mean of each target as a linear function of what is pooled over the plates, and the
/// logarithm of its standard deviation as one of their sizes. It is fitted once, to the pilot sample. What the network
/// learns is the distribution of what is left, in units of its standard deviation. So its posterior is that of a linear
/// model from the first step on, and errors weigh alike for data sets of all sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Linear {
    pub(super) dims: usize,
    /// The columns of each plate's moments that are read for the mean, and those that are read for the standard deviation.
    pub(super) means: Vec<Vec<usize>>,
    pub(super) sizes: Vec<Vec<usize>>,
    pub(super) prediction: Prediction,
}

impl Linear {
    /// The least logarithm of a standard deviation in units of the prior's: targets have no more than single precision.
    pub(super) const LEAST: f64 = -9.0;

    /// Fits to the moments of each plate and to standardised targets; `told` says what the moments are. Whether only means
    /// are read or products, too, is decided by which of them, fitted to half of the sample, predicts the other half
    /// better. `None` if the sample is too small for either.
    pub(super) fn fit(
        told: &[Vec<(usize, MomentKind)>],
        moments: &[&[f32]],
        targets: &[f32],
        dims: usize,
    ) -> Option<Linear> {
        let pick = |kinds: &[MomentKind]| -> Vec<Vec<usize>> {
            let of = |told: &Vec<(usize, MomentKind)>| -> Vec<usize> {
                told.iter().filter(|(_, kind)| kinds.contains(kind)).map(|(at, _)| *at).collect()
            };
            told.iter().map(of).collect()
        };
        let sets = targets.len() / dims.max(1);
        let y: Vec<f64> = targets.iter().map(|target| f64::from(*target)).collect();
        let sizes = pick(&[MomentKind::Size]);
        let (z, z_columns) = design(sets, moments, &sizes);
        let middle = sets / 2;
        let mut best: Option<(f64, Vec<Vec<usize>>)> = None;
        for means in [
            pick(&[MomentKind::Size, MomentKind::Mean]),
            pick(&[MomentKind::Size, MomentKind::Mean, MomentKind::Product]),
        ] {
            let (x, x_columns) = design(sets, moments, &means);
            let (known, held_out) = x.split_at(middle * x_columns);
            let (z_known, z_held_out) = z.split_at(middle * z_columns);
            let (y_known, y_held_out) = y.split_at(middle * dims);
            let Some(found) = predict((known, x_columns), (z_known, z_columns), y_known, dims) else { continue };
            let rows = held_out.chunks_exact(x_columns).zip(z_held_out.chunks_exact(z_columns));
            let said = rows.flat_map(|(x, z)| found.of(x, z, dims));
            let loss =
                said.zip(y_held_out).map(|((mean, log_sd), y)| log_sd + 0.5 * ((y - mean) / log_sd.exp()).powi(2));
            let loss: f64 = loss.sum();
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, means));
            }
        }
        let (_, means) = best?;
        let (x, x_columns) = design(sets, moments, &means);
        let prediction = predict((&x, x_columns), (&z, z_columns), &y, dims)?;
        Some(Linear { dims, means, sizes, prediction })
    }

    /// Checks what stands in a file; `moments` are how many there are of each plate, and `dims` the number of targets.
    pub(super) fn check(&self, moments: &[usize], dims: usize) -> Result<(), String> {
        let Prediction { mean, log_sd } = &self.prediction;
        same("reader.linear.dims", &self.dims, &dims)?;
        for (name, columns, numbers) in [("mean", &self.means, mean), ("log_sd", &self.sizes, log_sd)] {
            let name = format!("reader.linear.{name}");
            same(&format!("the number of plates of {name}"), &columns.len(), &moments.len())?;
            for (columns, moments) in columns.iter().zip(moments) {
                if let Some(column) = columns.iter().find(|column| *column >= moments) {
                    return Err(format!("{name} reads moment {column} of a plate that has {moments}"));
                }
            }
            let due = (1 + columns.iter().map(Vec::len).sum::<usize>()).checked_mul(dims);
            same(&format!("the length of {name}"), &Some(numbers.len()), &due)?;
            finite(&name, numbers)?;
        }
        Ok(())
    }

    /// Predicts the mean of each target of each data set, and the logarithm of its standard deviation, from the moments of
    /// each plate.
    pub(super) fn predict(&self, sets: usize, moments: &[&[f32]]) -> Vec<(f64, f64)> {
        let (x, x_columns) = design(sets, moments, &self.means);
        let (z, z_columns) = design(sets, moments, &self.sizes);
        let rows = x.chunks_exact(x_columns).zip(z.chunks_exact(z_columns));
        rows.flat_map(|(x, z)| self.prediction.of(x, z, self.dims)).collect()
    }
}

impl Prediction {
    /// Returns mean and logarithm of the standard deviation of each of the D numbers.
    fn of(&self, x: &[f64], z: &[f64], dims: usize) -> impl Iterator<Item = (f64, f64)> {
        let mut said = vec![(0.0, 0.0); dims];
        for (x, b) in x.iter().zip(self.mean.chunks_exact(dims)) {
            said.iter_mut().zip(b).for_each(|(said, b)| said.0 += x * b);
        }
        for (z, b) in z.iter().zip(self.log_sd.chunks_exact(dims)) {
            said.iter_mut().zip(b).for_each(|(said, b)| said.1 += z * b);
        }
        said.into_iter().map(|(mean, log_sd)| (mean, log_sd.max(Linear::LEAST)))
    }
}

/// Returns a matrix with a row for each data set, and its number of columns. A row is 1, then `columns` of the moments of each
/// plate.
fn design(sets: usize, moments: &[&[f32]], columns: &[Vec<usize>]) -> (Vec<f64>, usize) {
    let width = 1 + columns.iter().map(Vec::len).sum::<usize>();
    let mut rows = Vec::with_capacity(sets * width);
    for set in 0..sets {
        rows.push(1.0);
        for (moments, columns) in moments.iter().zip(columns) {
            let own = &moments[moments.len() / sets * set..];
            rows.extend(columns.iter().map(|column| f64::from(own[*column])));
        }
    }
    (rows, width)
}

#[cfg(test)]
mod tests {
    use super::{least_squares, predict};

    #[test]
    fn a_line_is_found() {
        let x: Vec<f64> = (0..40).flat_map(|i| [1.0, f64::from(i) / 10.0, f64::from(i % 7)]).collect();
        let y: Vec<f64> = x.chunks_exact(3).flat_map(|x| [0.5 + 2.0 * x[1] - x[2], x[2]]).collect();
        let found = least_squares(&x, 3, &y, 2, &[1.0; 40]).unwrap();
        for (found, expected) in found.iter().zip([0.5, 0.0, 2.0, 0.0, -1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        assert_eq!(least_squares(&x[..9], 3, &y[..6], 2, &[1.0; 3]), None);
    }

    /// y = 2 x + noise of sd exp(z): the noise is sqrt(2) sin, whose mean square is 1.
    #[test]
    fn accurate_rows_weigh_more() {
        let z = |i: usize| if i.is_multiple_of(2) { -4.0 } else { 1.0 };
        let noise = |i: usize| f64::exp(z(i)) * 2.0_f64.sqrt() * (1.7 * i as f64).sin();
        let x: Vec<f64> = (0..2000).flat_map(|i| [1.0, (0.37 * i as f64).cos()]).collect();
        let sizes: Vec<f64> = (0..2000).flat_map(|i| [1.0, z(i)]).collect();
        let y: Vec<f64> = x.chunks_exact(2).enumerate().map(|(i, x)| 2.0 * x[1] + noise(i)).collect();
        let found = predict((&x, 2), (&sizes, 2), &y, 1).unwrap();
        assert!((found.mean[1] - 2.0).abs() < 2e-3, "{:?}", found.mean);
        assert!((found.log_sd[1] - 1.0).abs() < 0.05, "{:?}", found.log_sd);
    }
}

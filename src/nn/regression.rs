//! Least squares: where training starts from.

/// The solution B (columns of x times `dims`) of x B = y in the sense of least squares, with a weight for each row and a
/// small ridge, so that columns that say the same share the weight. `x` is row-major with so many columns, `y` with `dims`.
/// Nothing if `x` has fewer than four rows for each column, or is not finite.
pub(super) fn least_squares(x: &[f64], columns: usize, y: &[f64], dims: usize, weights: &[f64]) -> Option<Vec<f64>> {
    const RIDGE: f64 = 1e-6;
    let rows = y.len() / dims.max(1);
    if columns == 0 || rows < 4 * columns {
        return None;
    }
    // Normal equations, lower triangle.
    let mut a = vec![0.0; columns * columns];
    let mut b = vec![0.0; columns * dims];
    for ((x, y), weight) in x.chunks_exact(columns).zip(y.chunks_exact(dims)).zip(weights) {
        for i in 0..columns {
            let weighted = weight * x[i];
            a[i * columns..][..=i].iter_mut().zip(x).for_each(|(a, other)| *a += weighted * other);
            b[i * dims..][..dims].iter_mut().zip(y).for_each(|(b, y)| *b += weighted * y);
        }
    }
    let ridge = RIDGE * weights.iter().sum::<f64>();
    (0..columns).for_each(|i| a[i * columns + i] += ridge);
    // Cholesky: a = l l^T, in place.
    for i in 0..columns {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| a[i * columns + k] * a[j * columns + k]).sum();
            let left = a[i * columns + j] - dot;
            a[i * columns + j] = if i == j { left.sqrt() } else { left / a[j * columns + j] };
        }
    }
    for dim in 0..dims {
        for i in 0..columns {
            let known: f64 = (0..i).map(|k| a[i * columns + k] * b[k * dims + dim]).sum();
            b[i * dims + dim] = (b[i * dims + dim] - known) / a[i * columns + i];
        }
        for i in (0..columns).rev() {
            let known: f64 = (i + 1..columns).map(|k| a[k * columns + i] * b[k * dims + dim]).sum();
            b[i * dims + dim] = (b[i * dims + dim] - known) / a[i * columns + i];
        }
    }
    b.iter().all(|b| b.is_finite()).then_some(b)
}

/// A linear prediction whose accuracy depends on the row.
pub(super) struct Prediction {
    /// Coefficients of the mean, columns of x times D.
    pub(super) mean: Vec<f64>,
    /// Coefficients of the logarithm of the standard deviation, columns of z times D.
    pub(super) log_sd: Vec<f64>,
}

/// The mean of y as a linear function of x, and the logarithm of its standard deviation as one of z, by least squares in
/// turns: each row weighs as much as its prediction is accurate.
pub(super) fn predict(
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

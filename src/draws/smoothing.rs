//! Pareto smoothing of importance weights: Vehtari, Simpson, Gelman, Yao & Gabry, *Pareto smoothed importance sampling*
//! (Journal of Machine Learning Research 2024, arXiv 1507.02646), with the same steps as ArviZ and R's `loo`.

/// Grid points of the fit, besides the square root of the number of values.
const GRID: usize = 30;
/// The scale of the fit's prior, in quartiles of the values (Zhang & Stephens 2009).
const QUARTILES: f64 = 3.0;
/// The number of values that the prior, a shape of 1/2, counts as.
const PRIOR: f64 = 10.0;
/// A tail of at most this many values does not determine a shape.
const FEW: usize = 4;

/// Replaces the largest weights by the expected order statistics of the generalised Pareto distribution that fits them,
/// and returns its shape, k-hat. The weights are given as logarithms, of which the largest is 0 or less; -inf is a
/// weight of zero. No logarithm is raised above 0.
///
/// `efficiency` is the number of independent draws that the draws are worth, over their number: 1 for independent draws, and
/// less for those of a Markov chain. The tail then holds more of them.
///
/// Returns -inf if the tail is flat, that is, if more weights share the largest value than a tail holds; returns
/// infinity if all but a few weights are negligible.
pub(crate) fn smooth(log_weights: &mut [f64], efficiency: f64) -> f64 {
    let n = log_weights.len();
    let tail = (n as f64 / 5.0).min(3.0 * (n as f64 / efficiency).sqrt()).ceil() as usize;
    if tail + 1 > n {
        return f64::INFINITY;
    }
    let mut order: Vec<usize> = (0..n).collect();
    let (above, cutoff, _) = order.select_nth_unstable_by(tail, |&a, &b| log_weights[b].total_cmp(&log_weights[a]));
    let cutoff = log_weights[*cutoff].max(f64::MIN_POSITIVE.ln());
    above.sort_unstable_by(|&a, &b| log_weights[a].total_cmp(&log_weights[b]));
    let above = &above[above.partition_point(|&i| log_weights[i] <= cutoff)..];
    let Some(&largest) = above.last() else { return f64::NEG_INFINITY };
    if above.len() <= FEW {
        return f64::INFINITY;
    }
    let top = log_weights[largest];
    // exp(x) - exp(cutoff), in units of the latter, without cancellation.
    let excess: Vec<f64> = above.iter().map(|&i| (log_weights[i] - cutoff).exp_m1()).collect();
    let Some((shape, scale)) = fit_generalised_pareto(&excess) else { return f64::INFINITY };
    let n = above.len() as f64;
    for (i, &at) in above.iter().enumerate() {
        let p = (i as f64 + 0.5) / n;
        let quantile = if shape == 0.0 { -(-p).ln_1p() } else { (-shape * (-p).ln_1p()).exp_m1() / shape };
        log_weights[at] = (cutoff + (scale * quantile).ln_1p()).min(top);
    }
    shape
}

/// Returns the shape k and the scale of a generalised Pareto distribution, by the posterior mean of Zhang & Stephens,
/// *A new and efficient estimation method for the generalized Pareto distribution* (Technometrics 2009). A prior worth
/// ten values shrinks the shape towards 1/2. `values` are positive and ascend. `None` if they do not determine a shape.
fn fit_generalised_pareto(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let grid = GRID + n.sqrt() as usize;
    let (quartile, largest) = (values[(n / 4.0 + 0.5) as usize - 1], values[values.len() - 1]);
    // b = -k / scale, and the k that maximises the likelihood for it.
    let shape = |b: f64| values.iter().map(|x| (-b * x).ln_1p()).sum::<f64>() / n;
    let candidates: Vec<(f64, f64)> = (1..=grid)
        .map(|i| {
            let b = 1.0 / largest + (1.0 - (grid as f64 / (i as f64 - 0.5)).sqrt()) / (QUARTILES * quartile);
            let k = shape(b);
            (b, n * ((-b / k).ln() - k - 1.0))
        })
        .collect();
    let highest = candidates.iter().map(|c| c.1).fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (b, log_likelihood) in candidates {
        let weight = (log_likelihood - highest).exp();
        sum += weight;
        weighted += weight * b;
    }
    let b = weighted / sum;
    let k = shape(b);
    let scale = -k / b;
    let k = (n * k + PRIOR * 0.5) / (n + PRIOR);
    (k.is_finite() && scale.is_finite()).then_some((k, scale))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns uniform numbers on [0, 1) from a 64-bit linear congruential generator, which Python reproduces to the
    /// bit.
    pub fn uniform(mut seed: u64, n: usize) -> Vec<f64> {
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..n).map(|_| next()).collect()
    }

    /// Returns k-hat, the effective sample size and the largest normalised log weight.
    fn smoothed(log_weights: impl Iterator<Item = f64>) -> [f64; 3] {
        let mut log_weights: Vec<f64> = log_weights.collect();
        let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        log_weights.iter_mut().for_each(|w| *w -= highest);
        let k = smooth(&mut log_weights, 1.0);
        let sum: f64 = log_weights.iter().map(|w| w.exp()).sum();
        let squares: f64 = log_weights.iter().map(|w| (w.exp() / sum).powi(2)).sum();
        [k, 1.0 / squares, log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max) - sum.ln()]
    }

    /// Compares with ArviZ 0.23.4, by these lines of Python, where `u(n)` are the numbers of `uniform(7, n)`:
    ///
    /// ```text
    /// lw, k = arviz.psislw(-shape * numpy.log(u(n)))
    /// print(k, 1 / numpy.exp(2 * lw).sum(), lw.max())
    /// ```
    #[test]
    fn as_arviz_does_it() {
        let heavy = |n, shape: f64| smoothed(uniform(7, n).into_iter().map(move |u| -shape * u.ln()));
        let light = |u: f64| -800.0 * u * u;
        let cases = [
            (heavy(100, 0.1), [0.15768950756348418, 98.90054205991368, -4.269462485732093]),
            (heavy(100, 1.5), [0.7738673783117834, 8.622634204705934, -1.2344951967506754]),
            (heavy(1000, 0.5), [0.42908661333097875, 601.0540034542748, -4.355753043399646]),
            (heavy(4000, 0.9), [0.9242100480402192, 39.200955321891826, -1.9688583950012746]),
            (heavy(4000, 1.5), [1.4963389332384907, 2.681385591194625, -0.5186510208472292]),
            (
                smoothed(uniform(7, 2000).into_iter().map(|u| -40.0 * u)),
                [0.14344523791710026, 94.37534389501174, -3.840049305747697],
            ),
            (
                smoothed(uniform(7, 2000).into_iter().map(light)),
                [-0.7404535934623305, 100.21308195731423, -4.2284172580495945],
            ),
        ];
        for (found, expected) in cases {
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-9 * b.abs(), "{found:?} {expected:?}");
            }
        }
    }

    /// Weights u^-k have the tail of a Pareto distribution of shape k. The error of the fit, from 1000 values and a
    /// prior worth ten, is about (1 + k) / sqrt(1000).
    #[test]
    fn known_shapes_are_found() {
        for shape in [0.05, 0.3, 0.7, 1.0, 2.0] {
            let n = 111_112; // 3 sqrt(n) = 1000
            let [k, ..] = smoothed(uniform(3, n).into_iter().map(|u| -shape * u.ln()));
            let error = (1.0 + shape) / 1000_f64.sqrt();
            assert!((k - shape).abs() < 4.0 * error, "{shape}: {k}");
        }
    }

    #[test]
    fn odd_weights() {
        let [k, size, _] = smoothed(std::iter::repeat_n(-3.0, 1000));
        assert!(k == f64::NEG_INFINITY && (size - 1000.0).abs() < 1e-9, "{k} {size}");
        // One draw has all the weight; or a handful.
        let one = (0..1000).map(|i| if i == 5 { 0.0 } else { -900.0 });
        assert_eq!(smoothed(one), [f64::INFINITY, 1.0, 0.0]);
        let handful = (0..1000).map(|i| if i < 3 { f64::from(i) } else { f64::NEG_INFINITY });
        assert_eq!(smoothed(handful)[0], f64::INFINITY);
        assert_eq!(smoothed([0.0].into_iter())[0], f64::INFINITY);
        // As many draws without weight as there may be, and a tail that differs in the last digits alone.
        let [k, size, _] = smoothed((0..1000).map(|i| if i % 2 == 0 { 0.0 } else { f64::NEG_INFINITY }));
        assert!(k == f64::NEG_INFINITY && (size - 500.0).abs() < 1e-9, "{k} {size}");
        let [k, size, _] = smoothed(uniform(1, 1000).into_iter().map(|u| 1e-15 * u));
        assert!(k < 0.5 && (size - 1000.0).abs() < 1e-6, "{k} {size}");
    }
}

//! Poisson noise, drawn exactly.

use rand::{Rng, RngExt};

/// Replaces the expected counts of an image by independent Poisson counts.
///
/// The draws are exact to the rounding of f64, up to 2^24 counts, beyond which f32 has no odd numbers. An invalid mean
/// (a negative number, infinity or NaN) becomes NaN.
pub fn poisson_noise<R: Rng + ?Sized>(image: &mut [f32], rng: &mut R) {
    for pixel in image {
        *pixel = draw(f64::from(*pixel), rng) as f32;
    }
}

/// Draws a count with a mean.
#[inline]
fn draw<R: Rng + ?Sized>(mean: f64, rng: &mut R) -> f64 {
    if (0.0..10.0).contains(&mean) {
        draw_small(mean, rng)
    } else if mean >= 10.0 && mean.is_finite() {
        draw_large(mean, rng)
    } else {
        f64::NAN
    }
}

/// Draws by inversion: the count at which the cumulative probability exceeds a uniform number.
fn draw_small<R: Rng + ?Sized>(mean: f64, rng: &mut R) -> f64 {
    let (mut left, mut probability, mut k) = (rng.random::<f64>(), (-mean).exp(), 0.0);
    // By rounding, the uniform number may exceed the sum of all probabilities: no count is larger than the one whose
    // probability vanishes.
    while left >= probability && probability > 0.0 {
        left -= probability;
        k += 1.0;
        probability *= mean / k;
    }
    k
}

/// Draws by transformed rejection with squeeze (Hoermann 1993, algorithm PTRS): a rational function of a uniform number
/// has nearly the right distribution, and four in five of its values are accepted without computing the probability.
/// For means from 10.
#[inline]
fn draw_large<R: Rng + ?Sized>(mean: f64, rng: &mut R) -> f64 {
    let b = 0.931 + 2.53 * mean.sqrt();
    let a = -0.059 + 0.02483 * b;
    let squeeze = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let (u, v) = (rng.random::<f64>() - 0.5, rng.random::<f64>());
        let s = 0.5 - u.abs();
        let k = ((2.0 * a / s + b) * u + mean + 0.43).floor();
        if (s >= 0.07 && v <= squeeze) || accepts(mean, (a, b), (s, v), k) {
            return k;
        }
    }
}

/// Returns whether v is below the ratio of the probability of k and the density from which k was drawn.
#[inline(never)]
fn accepts(mean: f64, (a, b): (f64, f64), (s, v): (f64, f64), k: f64) -> bool {
    if k < 0.0 || (s < 0.013 && v > s) {
        return false;
    }
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    v * inverse_alpha <= (a / (s * s) + b) * probability(mean, k)
}

/// Returns mean^k exp(-mean) / k!, without the cancellation of large logarithms.
fn probability(mean: f64, k: f64) -> f64 {
    // 1/k! = exp(k - tail(k)) / (k^k sqrt(2 pi k)), with Stirling's series as the tail: good to 2e-14 from k = 16.
    if k < 16.0 {
        return (1..=k as u32).fold((-mean).exp(), |p, i| p * mean / f64::from(i));
    }
    let square = 1.0 / (k * k);
    let tail = (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / k;
    let excess = (mean - k) / k;
    (k * (excess.ln_1p() - excess) - tail).exp() / (2.0 * std::f64::consts::PI * k).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hierarch::simulate::stream;
    use hierarch_core::distributions::{Cdf, Poisson};
    use hierarch_margins::{seed, within};
    use statrs::distribution::{ChiSquared, ContinuousCDF, Discrete};

    #[test]
    fn probabilities_are_those_of_the_distribution() {
        for mean in [10.0, 13.7, 255.0, 4e3, 1e5] {
            let exact = statrs::distribution::Poisson::new(mean).unwrap();
            let sd = f64::sqrt(mean);
            for step in -40..=40 {
                let k = (mean + 0.25 * f64::from(step) * sd).floor().max(0.0);
                // The reference loses digits to the cancellation of logarithms as large as k ln(k).
                let error = probability(mean, k) / exact.pmf(k as u64) - 1.0;
                assert!(error.abs() < 1e-14 * (100.0 + k * k.max(1.0).ln()), "{k} of {mean}: {error:e}");
            }
        }
    }

    /// Pearson's chi-square of a million draws with the exact probabilities. A right sampler fails with a probability
    /// of 1e-6 at each of 8 means; for a mean of zero all draws are zero.
    #[test]
    fn draws_have_the_exact_probabilities() {
        const DRAWS: usize = 1_000_000;
        for (index, mean) in [0.0, 0.02, 1.0, 5.0, 9.99, 10.0, 30.0, 255.0, 20_000.0].into_iter().enumerate() {
            let mut rng = stream(seed(7), index as u64);
            let mut counts = vec![mean as f32; DRAWS];
            let mean = f64::from(mean as f32);
            poisson_noise(&mut counts, &mut rng);
            // Bins of counts from one edge up to the next, each of at least 1e-4 of the draws.
            let cdf = |k: f64| Poisson::new(mean).cdf(k);
            let (mut edges, mut below) = (vec![], 0.0);
            let last = (mean + 8.0 * mean.sqrt() + 8.0).floor();
            let mut k = (mean - 8.0 * mean.sqrt()).floor().max(0.0);
            while k <= last {
                if cdf(k) - below >= 1e-4 && 1.0 - cdf(k) >= 1e-4 {
                    edges.push(k);
                    below = cdf(k);
                }
                k += 1.0;
            }
            let mut seen = vec![0.0; edges.len() + 1];
            for count in counts {
                seen[edges.partition_point(|edge| *edge < f64::from(count))] += 1.0;
            }
            let (mut chi2, mut below) = (0.0, 0.0);
            for (bin, seen) in seen.iter().enumerate() {
                let to = edges.get(bin).map_or(1.0, |edge| cdf(*edge));
                let expected = DRAWS as f64 * (to - below);
                chi2 += (seen - expected).powi(2) / expected;
                below = to;
            }
            if edges.is_empty() {
                assert_eq!(mean, 0.0);
                assert_eq!(seen, [DRAWS as f64]);
                continue;
            }
            let p = 1.0 - ChiSquared::new(edges.len() as f64).unwrap().cdf(chi2);
            within!(-p.ln(), -1e-6f64.ln(), "mean {mean}: chi-square {chi2:.1} of {} bins", edges.len() + 1);
        }
    }

    #[test]
    fn what_is_no_mean_becomes_nan() {
        let mut image = [f32::NAN, -1.0, f32::INFINITY, 0.0];
        poisson_noise(&mut image, &mut stream(1, 0));
        assert!(image[..3].iter().all(|x| x.is_nan()), "{image:?}");
        assert_eq!(image[3], 0.0);
    }
}

//! A mixture of Student t distributions that is fitted to weighted draws: a posterior may have several modes, or bend.

use crate::autodiff::log_sum_exp;
use crate::draws::{StudentT, cumulative, pick};
use crate::simulate::Stream;

/// The degrees of freedom.
const FREEDOM: f64 = 5.0;
/// The most parts, and the draws that each has to be worth for each of its numbers.
const PARTS: usize = 3;
const DRAWS_EACH: f64 = 20.0;
/// The steps of the fit.
const STEPS: usize = 15;

/// A mixture of Student t distributions.
pub(super) struct Mixture {
    shares: Vec<f64>,
    parts: Vec<StudentT>,
}

impl Mixture {
    /// Fits a mixture to draws of `numbers` numbers, whose weights sum to 1, by expectation and maximisation from parts around draws of them.
    pub fn fit(draws: &[&[f64]], weights: &[f64], numbers: usize, rng: &mut Stream) -> Self {
        let whole = StudentT::weighted(draws, weights, numbers, FREEDOM);
        let enough = DRAWS_EACH * (numbers + 1) as f64;
        let most = (worth(weights) / enough) as usize;
        let mut fitted = Self { shares: vec![1.0], parts: vec![whole] };
        if most < 2 {
            return fitted;
        }
        let below = cumulative(weights);
        let count = most.min(PARTS);
        let parts = (0..count).map(|_| fitted.parts[0].around(draws[pick(&below, rng)].to_vec()));
        fitted = Self { parts: parts.collect(), shares: vec![(count as f64).recip(); count] };
        for _ in 0..STEPS {
            let mut own = vec![vec![0.0; draws.len()]; fitted.parts.len()];
            for (i, (draw, weight)) in draws.iter().zip(weights).enumerate().filter(|(_, (_, weight))| **weight > 0.0) {
                let logs = fitted.log_densities_of_parts(draw);
                let sum = log_sum_exp(&logs);
                own.iter_mut().zip(logs).for_each(|(own, log)| own[i] = weight * (log - sum).exp());
            }
            let part = |own: Vec<f64>| {
                let share: f64 = own.iter().sum();
                let own: Vec<f64> = own.iter().map(|w| w / share).collect();
                // A part that next to nothing belongs to ends.
                (share > 0.0 && worth(&own) >= enough)
                    .then(|| (share, StudentT::weighted(draws, &own, numbers, FREEDOM)))
            };
            let (shares, parts): (Vec<f64>, Vec<StudentT>) = own.into_iter().filter_map(part).unzip();
            if parts.is_empty() {
                return Self { shares: vec![1.0], parts: vec![StudentT::weighted(draws, weights, numbers, FREEDOM)] };
            }
            let total: f64 = shares.iter().sum();
            fitted = Self { shares: shares.iter().map(|share| share / total).collect(), parts };
        }
        fitted
    }

    /// Returns a draw.
    pub fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        self.parts[pick(&cumulative(&self.shares), rng)].draw(rng).0
    }

    /// Returns the log density at `x`.
    pub fn log_density(&self, x: &[f64]) -> f64 {
        log_sum_exp(&self.log_densities_of_parts(x))
    }

    fn log_densities_of_parts(&self, x: &[f64]) -> Vec<f64> {
        self.parts.iter().zip(&self.shares).map(|(part, share)| share.ln() + part.log_density(x)).collect()
    }
}

/// Returns the number of draws that draws with these weights, which sum to 1, are worth.
fn worth(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w * w).sum::<f64>().recip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::{Draw, Normal};
    use crate::model::{Purpose, stream_for};

    /// Two modes that are far apart are two parts, and the density is that of the draws.
    #[test]
    fn modes_are_parts() {
        let mut rng = stream_for(Purpose::Refinement, hierarch_margins::seed(1), 0, 0);
        let normal = Normal::new(0.0, 1.0);
        let draws: Vec<[f64; 2]> = (0..2000)
            .map(|i| {
                let [a, b] = [(); 2].map(|()| normal.draw(&mut rng));
                if i % 4 == 0 { [a + 20.0, b] } else { [a, a + 0.5 * b - 10.0] }
            })
            .collect();
        let draws: Vec<&[f64]> = draws.iter().map(|draw| &draw[..]).collect();
        let mixture = Mixture::fit(&draws, &vec![1.0 / 2000.0; 2000], 2, &mut rng);
        let far = |x: &[f64]| x[0] > 10.0;
        let drawn: Vec<Vec<f64>> = (0..4000).map(|_| mixture.draw(&mut rng)).collect();
        let share = drawn.iter().filter(|x| far(x)).count() as f64 / 4000.0;
        hierarch_margins::within!((share - 0.25).abs(), 0.05, "{share}");
        // The mean of the inverse density over draws in a box is its area.
        let inside = |x: &&Vec<f64>| (18.0..22.0).contains(&x[0]) && (-2.0..2.0).contains(&x[1]);
        let area = drawn.iter().filter(inside).map(|x| (-mixture.log_density(x)).exp()).sum::<f64>() / 4000.0;
        hierarch_margins::within!((area / 16.0 - 1.0).abs(), 0.3, "{area}");
    }
}

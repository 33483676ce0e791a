//! What is known exactly: the profile likelihood ratio, and the statistic that the network learns.
//!
//! With the densities f of an event under signal and under background, both multiplied by the number of events per unit of mu
//! and of nu, the extended likelihood is ln L = sum of ln(mu s(x) + nu b(x)) - mu s - nu b: concave, so Newton's method finds
//! its maximum. `ProfileLikelihood` finds the same for any model, and takes longer; the example compares them.

use std::ops::RangeInclusive;

use hierarch::distributions::{Distribution, Normal};

use crate::OnOff;

/// Where the model has likelihoods: the supports of its globals.
pub const MU: RangeInclusive<f64> = 0.0..=12.0;
pub const NU: RangeInclusive<f64> = 0.5..=2.0;
/// Halvings of a step that would make the likelihood smaller, and steps, at most.
const HALVINGS: usize = 40;
const STEPS: usize = 100;
/// Nats that a last step gains.
const LAST: f64 = 1e-11;

/// Expected events per unit of mu and of nu, in all and per unit of x.
fn totals(model: &OnOff) -> [f64; 2] {
    [model.signal, 2.0 * model.background]
}

fn rates(model: &OnOff, x: f64) -> [f64; 2] {
    let [s, b] = totals(model);
    [s * Normal::new(-7.0, 2.0).log_density(x).exp(), b * Normal::new(0.0, 3.0).log_density(x).exp()]
}

/// Expected events per unit of x, at (mu, nu).
pub fn rate(model: &OnOff, x: f64, at: [f64; 2]) -> f64 {
    let [s, b] = rates(model, x);
    s * at[0] + b * at[1]
}

/// The likelihood of one data set.
pub struct Likelihood {
    totals: [f64; 2],
    /// At each event.
    rates: Vec<[f64; 2]>,
}

impl Likelihood {
    pub fn new(model: &OnOff, x: &[f64]) -> Self {
        Self { totals: totals(model), rates: x.iter().map(|x| rates(model, *x)).collect() }
    }

    /// The natural logarithm of the likelihood.
    fn log(&self, at: [f64; 2]) -> f64 {
        // Logarithms are slow: one for every eight events.
        let product = |events: &[[f64; 2]]| events.iter().map(|r| r[0] * at[0] + r[1] * at[1]).product::<f64>().ln();
        self.rates.chunks(8).map(product).sum::<f64>() - self.totals[0] * at[0] - self.totals[1] * at[1]
    }

    /// The largest logarithm of the likelihood within the supports, at a fixed mu or at any.
    fn maximum(&self, mu: Option<f64>) -> f64 {
        let bounds = [mu.map_or(MU, |mu| mu..=mu), NU];
        let mut at = [mu.unwrap_or(5.0), 1.0];
        let mut value = self.log(at);
        for _ in 0..STEPS {
            let (mut gradient, mut curvature) = (self.totals.map(|total| -total), [0.0; 3]);
            for [s, b] in &self.rates {
                let inverse = 1.0 / (s * at[0] + b * at[1]);
                let (s, b) = (s * inverse, b * inverse);
                gradient = [gradient[0] + s, gradient[1] + b];
                curvature = [curvature[0] + s * s, curvature[1] + s * b, curvature[2] + b * b];
            }
            // A number at its bound stays there if the likelihood rises beyond it.
            let stays = |i: usize| {
                let (low, high) = (*bounds[i].start(), *bounds[i].end());
                low == high || (at[i] == low && gradient[i] <= 0.0) || (at[i] == high && gradient[i] >= 0.0)
            };
            let [g, h] = [gradient, [curvature[0], curvature[2]]];
            let step = match (stays(0), stays(1)) {
                (true, true) => break,
                (true, false) => [0.0, g[1] / h[1]],
                (false, true) => [g[0] / h[0], 0.0],
                (false, false) => {
                    let (mixed, det) = (curvature[1], h[0] * h[1] - curvature[1].powi(2));
                    [(h[1] * g[0] - mixed * g[1]) / det, (h[0] * g[1] - mixed * g[0]) / det]
                }
            };
            let moved = |share: f64| {
                let to = |i: usize| (at[i] + share * step[i]).clamp(*bounds[i].start(), *bounds[i].end());
                [to(0), to(1)]
            };
            let shares = (0..HALVINGS).map(|halving| 0.5_f64.powi(halving as i32));
            let better = shares.map(|share| (self.log(moved(share)), moved(share))).find(|(new, _)| *new > value);
            let Some((new, place)) = better else { break };
            let gain = new - value;
            (value, at) = (new, place);
            if gain < LAST {
                break;
            }
        }
        value
    }

    /// -2 ln [max L(mu, nu) / max L], for each of some mu.
    pub fn profile(&self, mu: &[f64]) -> Vec<f64> {
        let best = self.maximum(None);
        mu.iter().map(|mu| 2.0 * (best - self.maximum(Some(*mu))).max(0.0)).collect()
    }

    /// What the network learns: ln of the mean likelihood at mu +- delta over that at mu, both averaged over the prior of nu.
    pub fn best_learned(&self, mu: f64, delta: RangeInclusive<f64>) -> f64 {
        let average = |mu: f64| log_mean_exp(&middles(NU, 30).map(|nu| self.log([mu, nu])).collect::<Vec<_>>());
        let others: Vec<f64> = middles(delta, 10).flat_map(|d| [average(mu - d), average(mu + d)]).collect();
        log_mean_exp(&others) - average(mu)
    }
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest + (values.iter().map(|x| (x - highest).exp()).sum::<f64>() / values.len() as f64).ln()
}

/// Middles of equal parts of a range.
fn middles(range: RangeInclusive<f64>, parts: u32) -> impl Iterator<Item = f64> {
    let width = (range.end() - range.start()) / f64::from(parts);
    (0..parts).map(move |i| range.start() + width * (f64::from(i) + 0.5))
}

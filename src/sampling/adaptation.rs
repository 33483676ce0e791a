//! Adaptation of a chain during its warm-up: the scale of each number and the step size.

use serde::{Deserialize, Serialize};

use super::trajectory::{Position, Transition, Walker};

/// The fraction of the warm-up in which scales are soon forgotten, since the chain is still on its way to the
/// posterior, and the fraction after which they are fixed.
const EARLY: f64 = 0.3;
const LATE: f64 = 0.85;
/// The number of draws after which the draws behind a scale are forgotten: early, and later.
const SOON: usize = 10;
const LATER: usize = 80;

/// The warm-up of a chain.
///
/// The scale of a number is the fourth root of the variance of its draws divided by that of its gradients, which is
/// exact for a Normal distribution after a few draws (as in nutpie, a sampler for PyMC). Two estimates grow side by
/// side, and the older is used; after a while the younger replaces it, so that the way to the posterior is forgotten.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Adaptation {
    warmup: usize,
    done: usize,
    step: StepSize,
    used: Moments,
    next: Moments,
}

impl Adaptation {
    /// Makes the adaptation for `warmup` steps, from the initial step size `step`.
    pub(super) fn new(warmup: usize, target_accept: f64, step: f64) -> Self {
        Self {
            warmup,
            done: 0,
            step: StepSize::new(target_accept, step),
            used: Moments::default(),
            next: Moments::default(),
        }
    }

    /// Returns the initial scales: a number with a large gradient varies little.
    pub(super) fn first_scales(position: &Position) -> Vec<f64> {
        position.gradient.iter().map(|g| clamped(1.0 / g.abs()).unwrap_or(1.0)).collect()
    }

    /// Learns from a transition of the warm-up and sets what the next one uses.
    pub(super) fn learn(&mut self, position: &Position, transition: Transition, walker: &mut Walker) {
        let share = self.done as f64 / self.warmup as f64;
        self.done += 1;
        self.step.learn(transition.accept);
        if share < LATE {
            if transition.moved && !transition.diverged {
                self.used.add(position);
                self.next.add(position);
            }
            let length = if share < EARLY { SOON } else { LATER };
            if self.next.count >= length {
                self.used = std::mem::take(&mut self.next);
            }
            self.used.scales(&mut walker.scale);
        }
        walker.step = if self.done < self.warmup { self.step.next() } else { self.step.mean() };
    }
}

/// Means and sums of squared deviations of the draws and of their gradients.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Moments {
    count: usize,
    /// For each number: mean and sum of squared deviations of the draws, then of the gradients.
    of: Vec<[f64; 4]>,
}

impl Moments {
    fn add(&mut self, position: &Position) {
        self.count += 1;
        self.of.resize(position.q.len(), [0.0; 4]);
        let n = self.count as f64;
        for ([mean, squares, slope, slope_squares], (q, g)) in
            self.of.iter_mut().zip(position.q.iter().zip(&position.gradient))
        {
            for (mean, squares, x) in [(mean, squares, q), (slope, slope_squares, g)] {
                let deviation = x - *mean;
                *mean += deviation / n;
                *squares += deviation * (x - *mean);
            }
        }
    }

    /// Sets the scales from these draws, if there are at least three.
    fn scales(&self, scales: &mut [f64]) {
        if self.count < 3 {
            return;
        }
        for (scale, [_, squares, _, slope_squares]) in scales.iter_mut().zip(&self.of) {
            *scale = clamped((squares / slope_squares).sqrt()).unwrap_or(*scale);
        }
    }
}

/// Returns the square root of a variance, which is clamped to sensible bounds; `None` if it is not finite.
fn clamped(variance: f64) -> Option<f64> {
    variance.is_finite().then(|| variance.clamp(1e-20, 1e20).sqrt())
}

/// The step size by dual averaging (Hoffman and Gelman 2014, section 3.2), with their constants.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StepSize {
    target: f64,
    centre: f64,
    count: f64,
    error: f64,
    log_step: f64,
    log_mean: f64,
}

impl StepSize {
    fn new(target: f64, step: f64) -> Self {
        Self { target, centre: (10.0 * step).ln(), count: 0.0, error: 0.0, log_step: step.ln(), log_mean: 0.0 }
    }

    fn learn(&mut self, accept: f64) {
        self.count += 1.0;
        let weight = 1.0 / (self.count + 10.0);
        self.error += weight * (self.target - accept - self.error);
        self.log_step = self.centre - self.count.sqrt() / 0.05 * self.error;
        self.log_mean += self.count.powf(-0.75) * (self.log_step - self.log_mean);
    }

    fn next(&self) -> f64 {
        self.log_step.exp()
    }

    fn mean(&self) -> f64 {
        self.log_mean.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::seed;
    use hierarch_margins::within;

    #[test]
    fn scales_and_acceptance_are_found() {
        let sds = [1e-3, 1.0, 1e3];
        let mut normal = |q: &[f64], gradient: &mut [f64]| {
            (0..3).for_each(|i| gradient[i] = -q[i] / (sds[i] * sds[i]));
            -0.5 * q.iter().zip(sds).map(|(q, sd)| (q / sd).powi(2)).sum::<f64>()
        };
        for target in [0.6, 0.8, 0.95] {
            let mut rng = stream(seed(1), 0);
            let mut position = Position::new(vec![1.0, 1.0, 1.0], &mut normal);
            let mut walker = Walker::new(Adaptation::first_scales(&position));
            walker.find_step(&position, &mut normal, &mut rng);
            let mut adaptation = Adaptation::new(1000, target, walker.step);
            for _ in 0..1000 {
                let transition = walker.transition(&mut position, &mut normal, &mut rng);
                adaptation.learn(&position, transition, &mut walker);
            }
            for (scale, sd) in walker.scale.iter().zip(sds) {
                // For a Normal density the ratio is exact from the first draws on.
                assert!((scale / sd - 1.0).abs() < 1e-9, "{:?}", walker.scale);
            }
            let mut accept = 0.0;
            for _ in 0..2000 {
                accept += walker.transition(&mut position, &mut normal, &mut rng).accept / 2000.0;
            }
            // The acceptance falls ever faster as the step grows, so the mean log step is accepted more often than the
            // steps were on average: by 0.1 at worst in 20 seeds.
            within!((accept - target).abs(), 0.15, "aimed at {target}");
        }
    }
}

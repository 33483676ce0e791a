//! Adaptation of a chain during its warm-up: the scale of each number, directions that are long or short, and the step size.

use serde::{Deserialize, Serialize};

use super::low_rank::{LowRank, Recent};
use super::metric::Metric;
use super::trajectory::{Position, Transition, Walker};

/// The fraction of the warm-up in which scales are soon forgotten, since the chain is still on its way to the
/// posterior, and the fraction after which they are fixed.
const EARLY: f64 = 0.3;
const LATE: f64 = 0.85;
/// The number of draws after which the draws behind a scale are forgotten: early, and later.
const SOON: usize = 10;
const LATER: usize = 80;
/// What `LATER` is for directions, which are more than scales; and the number of draws between two searches for them: early,
/// and later.
const LATER_DIRECTIONS: usize = 160;
const SEARCH_SOON: usize = 10;
const SEARCH_LATER: usize = 40;

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
    #[serde(skip)]
    pub(super) metric: Metric,
    /// The draws behind the scales, for the directions.
    #[serde(skip)]
    pub(super) recent: Recent,
}

impl Adaptation {
    /// Makes the adaptation of a metric for `warmup` steps, from the initial step size `step`.
    pub(super) fn new(warmup: usize, target_accept: f64, step: f64, metric: Metric) -> Self {
        Self {
            warmup,
            done: 0,
            step: StepSize::new(target_accept, step),
            used: Moments::default(),
            next: Moments::default(),
            metric,
            recent: Recent::default(),
        }
    }

    /// Returns the initial scales: a number with a large gradient varies little.
    pub(super) fn first_scales(position: &Position) -> Vec<f64> {
        position.gradient.iter().map(|g| sd(1.0 / g.abs()).unwrap_or(1.0)).collect()
    }

    /// Learns from a transition of the warm-up and sets what the next one uses.
    pub(super) fn learn(&mut self, position: &Position, transition: Transition, walker: &mut Walker) {
        let share = self.done as f64 / self.warmup as f64;
        self.done += 1;
        self.step.learn(transition.accept);
        if share < LATE {
            let added = transition.moved && !transition.diverged;
            if added {
                self.used.add(position);
                self.next.add(position);
            }
            let later = if self.metric == Metric::Diagonal { LATER } else { LATER_DIRECTIONS };
            let (length, search) = if share < EARLY { (SOON, SEARCH_SOON) } else { (later, SEARCH_LATER) };
            if self.next.count >= length {
                self.used = std::mem::take(&mut self.next);
            }
            match self.metric {
                Metric::Diagonal => self.used.scales(&mut walker.scale),
                Metric::LowRank => {
                    if added {
                        self.recent.add(&position.q, &position.gradient, self.used.count);
                    }
                    self.recent.keep(self.used.count);
                    let last = self.done as f64 / self.warmup as f64 >= LATE;
                    if self.used.count < SOON {
                        self.used.scales(&mut walker.scale);
                    } else if last || (added && self.used.count.is_multiple_of(search)) {
                        // Directions are in units of the scales, so that both change together.
                        self.used.scales(&mut walker.scale);
                        walker.low_rank = LowRank::new(&self.recent, &mut walker.scale);
                    }
                    if last {
                        self.recent = Recent::default();
                    }
                }
            }
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
            *scale = sd((squares / slope_squares).sqrt()).unwrap_or(*scale);
        }
    }
}

/// Returns the square root of a variance; `None` if that is no scale, or one whose powers are beyond the numbers of a computer. Masses in
/// kg have sds of 1e-30, and distances in m of 1e25.
fn sd(variance: f64) -> Option<f64> {
    (1e-140..1e140).contains(&variance).then(|| variance.sqrt())
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
    use crate::draws::diagnostics::ess_bulk;
    use crate::sampling::trajectory::Gradient;
    use crate::simulate::stream;
    use hierarch_margins::seed;
    use hierarch_margins::within;
    use rand::RngExt;
    use rand_distr::StandardNormal;

    /// Runs a chain of 1000 draws after a warm-up of 1000 steps, from a point within (-2, 2). Returns the draws of each number,
    /// and the number of gradients that these draws took.
    fn chain(metric: Metric, dimension: usize, seed: u64, density: &mut Gradient<'_>) -> (Vec<Vec<f64>>, usize) {
        let mut gradients = 0;
        let mut counted = |q: &[f64], gradient: &mut [f64]| {
            gradients += 1;
            density(q, gradient)
        };
        let mut rng = stream(seed, 0);
        let start = (0..dimension).map(|_| rng.random_range(-2.0..2.0)).collect();
        let mut position = Position::new(start, &mut counted);
        let mut walker = Walker::new(Adaptation::first_scales(&position));
        walker.find_step(&position, &mut counted, &mut rng);
        let mut adaptation = Adaptation::new(1000, 0.8, walker.step, metric);
        for _ in 0..1000 {
            let transition = walker.transition(&mut position, &mut counted, &mut rng);
            adaptation.learn(&position, transition, &mut walker);
        }
        assert_eq!(adaptation.recent.draws(), 0);
        let mut draws = vec![Vec::new(); dimension];
        gradients = 0;
        for _ in 0..1000 {
            walker.transition(
                &mut position,
                &mut |q, gradient| {
                    gradients += 1;
                    density(q, gradient)
                },
                &mut rng,
            );
            draws.iter_mut().zip(&position.q).for_each(|(draws, q)| draws.push(*q));
        }
        (draws, gradients)
    }

    /// Returns the smallest effective number of draws over the number of gradients.
    fn efficiency((draws, gradients): &(Vec<Vec<f64>>, usize)) -> f64 {
        draws.iter().map(|draws| ess_bulk(&[draws])).fold(f64::INFINITY, f64::min) / *gradients as f64
    }

    /// Numbers of sd 1 that are all correlated by `rho`, around their place in the list.
    fn correlated(rho: f64) -> impl Fn(&[f64], &mut [f64]) -> f64 {
        move |q, gradient| {
            let n = q.len() as f64;
            let sum: f64 = q.iter().enumerate().map(|(i, q)| q - i as f64).sum();
            let mut value = 0.0;
            for (i, (q, g)) in q.iter().zip(gradient).enumerate() {
                let x = q - i as f64;
                *g = -(x - rho * sum / (1.0 - rho + n * rho)) / (1.0 - rho);
                value += 0.5 * x * *g;
            }
            value
        }
    }

    /// The posterior of intercept, two slopes and log sd of a regression, 434 rows, one covariate of mean 100 and sd 15 and one
    /// of zeros and ones.
    fn regression(seed: u64) -> impl Fn(&[f64], &mut [f64]) -> f64 {
        let mut rng = stream(seed, 1);
        let rows: Vec<[f64; 3]> = (0..434)
            .map(|_| {
                let [z, e]: [f64; 2] = std::array::from_fn(|_| rng.sample(StandardNormal));
                let (x, of_school) = (100.0 + 15.0 * z, f64::from(u8::from(rng.random_bool(0.8))));
                [x, of_school, 25.0 + 0.6 * x + 6.0 * of_school + 18.0 * e]
            })
            .collect();
        move |q, gradient| {
            let precision = (-2.0 * q[3]).exp();
            let (mut squares, mut by) = (0.0, [0.0; 3]);
            for [x, school, y] in &rows {
                let rest = y - q[0] - q[1] * x - q[2] * school;
                squares += rest * rest;
                [1.0, *x, *school].iter().zip(&mut by).for_each(|(x, by)| *by += rest * x);
            }
            let n = rows.len() as f64;
            (0..3).for_each(|k| gradient[k] = precision * by[k] - q[k] / 1e4);
            gradient[3] = precision * squares - n;
            -0.5 * precision * squares - n * q[3] - (0..3).map(|k| 0.5 * q[k] * q[k] / 1e4).sum::<f64>()
        }
    }

    /// Independent numbers of the logistic distribution.
    fn logistic(q: &[f64], gradient: &mut [f64]) -> f64 {
        let of = |(q, g): (&f64, &mut f64)| {
            let e = (-q.abs()).exp();
            *g = -q.signum() * (1.0 - e) / (1.0 + e);
            -q.abs() - 2.0 * e.ln_1p()
        };
        q.iter().zip(gradient).map(of).sum()
    }

    /// A random walk of steps of sd 0.1 from a Normal number, each place observed with an error of sd 1.
    fn walk(q: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut value = 0.0;
        for i in 0..q.len() {
            let (before, sd) = if i == 0 { (0.0, 1.0) } else { (q[i - 1], 0.1) };
            let (step, miss) = (q[i] - before, (0.1 * i as f64).sin() - q[i]);
            value -= 0.5 * (step / sd).powi(2) + 0.5 * miss * miss;
            gradient[i] += miss - step / (sd * sd);
            if i > 0 {
                gradient[i - 1] += step / (sd * sd);
            }
        }
        value
    }

    /// Eight schools, not centred: mean, log sd and standard effects.
    fn schools(q: &[f64], gradient: &mut [f64]) -> f64 {
        const Y: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
        const SD: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
        let (mu, tau) = (q[0], q[1].exp());
        let mut value = -0.5 * (mu / 5.0).powi(2) - (1.0 + (tau / 5.0).powi(2)).ln() + q[1];
        gradient[0] = -mu / 25.0;
        gradient[1] = 1.0 - 2.0 * tau * tau / (25.0 + tau * tau);
        for i in 0..8 {
            let z = q[2 + i];
            let rest = (Y[i] - mu - tau * z) / SD[i];
            value -= 0.5 * rest * rest + 0.5 * z * z;
            let by = rest / SD[i];
            gradient[0] += by;
            gradient[1] += by * tau * z;
            gradient[2 + i] = by * tau - z;
        }
        value
    }

    #[test]
    fn directions_of_correlated_numbers_are_found() {
        let density = correlated(0.99);
        let [diagonal, low_rank] =
            [Metric::Diagonal, Metric::LowRank].map(|metric| chain(metric, 50, seed(4), &mut |q, g| density(q, g)));
        // 150 to 300 times as many in ten seeds.
        let gain = efficiency(&low_rank) / efficiency(&diagonal);
        within!(20.0 / gain, 1.0, "{} and {}", efficiency(&diagonal), efficiency(&low_rank));
        let draws = &low_rank.0;
        let mean = |x: &mut dyn Iterator<Item = f64>| x.sum::<f64>() / 1000.0;
        let centred: Vec<Vec<f64>> =
            draws.iter().enumerate().map(|(i, draws)| draws.iter().map(|q| q - i as f64).collect()).collect();
        // All means err together, and all sds, by 0.03 and 0.02.
        for (i, x) in centred.iter().enumerate() {
            within!(mean(&mut x.iter().copied()).abs(), 0.2, "number {i}");
            within!((mean(&mut x.iter().map(|x| x * x)) - 1.0).abs(), 0.3, "number {i}");
            let square = mean(&mut x.iter().zip(&centred[(i + 1) % 50]).map(|(x, y)| (x - y).powi(2)));
            // The variance of a difference is 2 (1 - rho).
            within!((square / 0.02 - 1.0).abs(), 0.3, "number {i}");
        }
    }

    #[test]
    fn independent_numbers_are_sampled_as_well_without_directions_as_with() {
        let density = correlated(0.0);
        let [diagonal, low_rank] = [Metric::Diagonal, Metric::LowRank].map(|metric| {
            let chains = (0..8).map(|k| efficiency(&chain(metric, 5, seed(10 * k), &mut |q, g| density(q, g))));
            chains.sum::<f64>() / 8.0
        });
        within!(diagonal / low_rank, 1.3, "{diagonal}, {low_rank}");
    }

    #[test]
    #[ignore = "prints effective draws for each gradient, by metric"]
    fn table_of_metrics() {
        let (line, near, apart) = (regression(1), correlated(0.99), correlated(0.0));
        type Case<'a> = (&'a str, usize, &'a dyn Fn(&[f64], &mut [f64]) -> f64);
        let densities: [Case<'_>; 9] = [
            ("50 numbers of correlation 0.99", 50, &near),
            ("500 numbers of correlation 0.99", 500, &near),
            ("regression, covariate not centred", 4, &line),
            ("5 independent Normal numbers", 5, &apart),
            ("1000 independent Normal numbers", 1000, &apart),
            ("100 logistic numbers", 100, &logistic),
            ("1000 logistic numbers", 1000, &logistic),
            ("random walk of 300 steps", 300, &walk),
            ("eight schools, not centred", 10, &schools),
        ];
        for (name, dimension, density) in densities {
            let chains = if dimension < 200 { 16 } else { 4 };
            let found = [Metric::Diagonal, Metric::LowRank].map(|metric| {
                let begun = std::time::Instant::now();
                let runs = (0..chains).map(|k| efficiency(&chain(metric, dimension, k, &mut |q, g| density(q, g))));
                (runs.sum::<f64>() / chains as f64, begun.elapsed().as_secs_f64() / chains as f64)
            });
            let [(diagonal, time), (low_rank, with)] = found;
            let ratio = low_rank / diagonal;
            println!("{name:36} {diagonal:9.5} {low_rank:9.5}  x {ratio:6.2}; {time:.3} s, {with:.3} s a chain");
        }
    }

    #[test]
    fn scales_and_acceptance_are_found() {
        // A mass in kg and a distance in m are as good as other numbers.
        let cases = [([1e-3, 1.0, 1e3], [1.0; 3]), ([1e-29, 1.0, 1e25], [1e-28, 1.0, -1e25])];
        for ((sds, start), target) in cases.into_iter().flat_map(|case| [0.6, 0.8, 0.95].map(|target| (case, target))) {
            let mut normal = |q: &[f64], gradient: &mut [f64]| {
                (0..3).for_each(|i| gradient[i] = -q[i] / (sds[i] * sds[i]));
                -0.5 * q.iter().zip(sds).map(|(q, sd)| (q / sd).powi(2)).sum::<f64>()
            };
            let mut rng = stream(seed(1), 0);
            let mut position = Position::new(start.to_vec(), &mut normal);
            let mut walker = Walker::new(Adaptation::first_scales(&position));
            walker.find_step(&position, &mut normal, &mut rng);
            let mut adaptation = Adaptation::new(1000, target, walker.step, Metric::Diagonal);
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

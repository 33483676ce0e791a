//! How far a posterior is off, in shift and in width, from the ranks of true values.
//!
//! Let a posterior be normal with the mean m and the sd s where the right one is N(m + a s, (b s)^2). Then the normal
//! score of the true value, z = (truth - m) / s, is distributed as N(a, b^2), and a rank among L draws is binomial with
//! L trials and the probability Phi(z). So the likelihood of the ranks is that of N(a, b^2) seen through the binomial,
//! for any L. For a posterior that is right it is that of uniform ranks, whatever the posterior's form. Its maximum
//! estimates a and ln b, and its ratios test them.

use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

/// Beyond this score every draw is on one side.
const END: f64 = 6.5;
/// Steps of the maximisation, and the gain below which it stops.
const STEPS: usize = 100;
const GAIN: f64 = 1e-10;
/// The largest |ln b|: a width that is wrong by a factor of ten.
const WIDEST: f64 = 2.3;

/// P(z > x) for a standard normal z.
pub(super) fn above(x: f64) -> f64 {
    0.5 * erfc(x * std::f64::consts::FRAC_1_SQRT_2)
}

fn density(t: f64) -> f64 {
    (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt()
}

/// The likelihood of ranks as a function of a and ln b.
pub(super) struct RankLikelihood {
    /// Scores at which the integral is summed, their spacing, and for each rank its probability there.
    scores: Vec<f64>,
    step: f64,
    ranks: Vec<Rank>,
    simulations: f64,
}

/// A rank that occurs.
struct Rank {
    count: f64,
    /// Its probability at the scores from `first` on; zero at all others.
    first: usize,
    probabilities: Vec<f64>,
    /// Whether all draws are on one side: below the true value, above it.
    all: [bool; 2],
}

/// A position (a, ln b) with the log likelihood there, its gradient and the information (2 x 2, empirical).
#[derive(Clone, Copy)]
pub(super) struct Fit {
    pub(super) at: [f64; 2],
    pub(super) value: f64,
    gradient: [f64; 2],
    information: [[f64; 2]; 2],
}

impl RankLikelihood {
    /// Creates the likelihood of `ranks` among `draws` draws.
    pub(super) fn new(ranks: &[usize], draws: usize) -> Self {
        let mut counts = vec![0.0; draws + 1];
        ranks.iter().for_each(|rank| counts[*rank] += 1.0);
        Self::of_counts(&counts)
    }

    /// Creates the likelihood from how often each rank occurs.
    fn of_counts(counts: &[f64]) -> Self {
        let draws = (counts.len() - 1) as f64;
        // The probability of a rank, as a function of the score, is at least about 1.25 / sqrt(L) wide.
        let step = (0.5 / draws.sqrt()).min(0.04);
        let half = (END / step).ceil() as i32;
        let scores: Vec<f64> = (-half..=half).map(|i| f64::from(i) * step).collect();
        let logs: Vec<[f64; 2]> = scores.iter().map(|z| [above(-z).ln(), above(*z).ln()]).collect();
        let rank = |(rank, count): (usize, &f64)| {
            let below = rank as f64;
            let ways = ln_gamma(draws + 1.0) - ln_gamma(below + 1.0) - ln_gamma(draws - below + 1.0);
            let at = |[of_below, of_above]: &[f64; 2]| (ways + below * of_below + (draws - below) * of_above).exp();
            // From its most probable score to either side, as far as it matters.
            let most = scores.partition_point(|z| above(-z) * draws < below);
            let matters = |p: &f64| *p > 1e-14;
            let mut probabilities: Vec<f64> = logs[..most].iter().rev().map(at).take_while(matters).collect();
            let first = most - probabilities.len();
            probabilities.reverse();
            probabilities.extend(logs[most..].iter().map(at).take_while(matters));
            Rank { count: *count, first, probabilities, all: [rank + 1 == counts.len(), rank == 0] }
        };
        let ranks = counts.iter().enumerate().filter(|(_, count)| **count > 0.0).map(rank).collect();
        Self { scores, step, ranks, simulations: counts.iter().sum() }
    }

    /// The density of N(a, b^2) with its derivatives by a and ln b, at each score times the step, and beyond the last
    /// score on either side.
    fn nodes(&self, [a, log_b]: [f64; 2]) -> (Vec<[f64; 3]>, [[f64; 3]; 2]) {
        let b = log_b.exp();
        let node = |z: &f64| {
            let t = (z - a) / b;
            let p = density(t) / b * self.step;
            [p, p * t / b, p * (t * t - 1.0)]
        };
        let end = self.scores.last().copied().unwrap_or(END) + 0.5 * self.step;
        let tail = |side: f64| {
            let t = (end - side * a) / b;
            [above(t), side * density(t) / b, density(t) * t]
        };
        (self.scores.iter().map(node).collect(), [tail(1.0), tail(-1.0)])
    }

    /// The log likelihood and its derivatives.
    fn at(&self, at: [f64; 2]) -> Fit {
        let (nodes, tails) = self.nodes(at);
        let mut fit = Fit { at, value: 0.0, gradient: [0.0; 2], information: [[0.0; 2]; 2] };
        for rank in &self.ranks {
            let sum = rank.integrals(&nodes, &tails);
            let score = [sum[1] / sum[0], sum[2] / sum[0]];
            fit.value += rank.count * sum[0].ln();
            for i in 0..2 {
                fit.gradient[i] += rank.count * score[i];
                (0..2).for_each(|j| fit.information[i][j] += rank.count * score[i] * score[j]);
            }
        }
        fit
    }

    /// Returns the maximum, with one of the two held where `held` is given, by the method of scoring.
    pub(super) fn maximum(&self, held: [Option<f64>; 2]) -> Fit {
        let mut fit = self.at(held.map(|held| held.unwrap_or(0.0)));
        for _ in 0..STEPS {
            let step = fit.step(held);
            let gain = step[0] * fit.gradient[0] + step[1] * fit.gradient[1];
            let mut length = 1.0;
            let next = loop {
                let to = |i: usize, most: f64| (fit.at[i] + length * step[i]).clamp(-most, most);
                let to = [to(0, END), to(1, WIDEST)];
                let next = self.at(to);
                if next.value >= fit.value || length < 1e-6 {
                    break next;
                }
                length *= 0.5;
            };
            // No step leads away from a NaN.
            if gain.is_nan() || next.value.is_nan() || gain < GAIN || next.value - fit.value < 0.1 * GAIN {
                break;
            }
            fit = next;
        }
        fit
    }

    /// Returns how far the maximum `best` is from where one of the two, a or ln b, is held: the signed root of the
    /// likelihood ratio, which is standard normal if the held value is true.
    pub(super) fn deviate(&self, best: &Fit, which: usize, held: f64) -> f64 {
        let ratio = best.value - self.maximum(only(which, held)).value;
        let root = (2.0 * ratio).max(0.0).sqrt().copysign(best.at[which] - held);
        // The estimated width is too small, since the mean is estimated, too; for a normal sample by this on average.
        if which == 1 { root + 5.0 / (3.0 * (2.0 * self.simulations).sqrt()) } else { root }
    }

    /// For ranks among `draws` draws where a and ln b are `truth`: over n simulations the
    /// [`deviate`](RankLikelihood::deviate) from where one of them is held has the mean sqrt(n) times the first number
    /// returned, and the second as its sd.
    pub(super) fn power(draws: usize, truth: [f64; 2], which: usize, held: f64) -> (f64, f64) {
        let all = Self::of_counts(&vec![1.0; draws + 1]);
        let probable = all.log_probabilities(truth);
        let counts: Vec<f64> = probable.iter().map(|log| log.exp()).collect();
        let nearest = Self::of_counts(&counts).maximum(only(which, held)).at;
        let ratios = probable.iter().zip(all.log_probabilities(nearest)).map(|(p, q)| p - q);
        let (mean, square) = ratios
            .zip(&counts)
            .fold((0.0, 0.0), |(mean, square), (ratio, p)| (mean + p * ratio, square + p * ratio * ratio));
        ((2.0 * mean).sqrt(), ((square - mean * mean) / (2.0 * mean)).sqrt())
    }

    /// Returns ln of the probability of each rank that occurs.
    fn log_probabilities(&self, at: [f64; 2]) -> Vec<f64> {
        let (nodes, tails) = self.nodes(at);
        self.ranks.iter().map(|rank| rank.integrals(&nodes, &tails)[0].ln()).collect()
    }
}

/// Holds one of the two.
fn only(which: usize, at: f64) -> [Option<f64>; 2] {
    let mut held = [None, None];
    held[which] = Some(at);
    held
}

impl Rank {
    /// Returns its probability, and the derivatives of that.
    fn integrals(&self, nodes: &[[f64; 3]], tails: &[[f64; 3]; 2]) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (probability, node) in self.probabilities.iter().zip(&nodes[self.first..]) {
            sum.iter_mut().zip(node).for_each(|(sum, x)| *sum += probability * x);
        }
        for (tail, _) in tails.iter().zip(self.all).filter(|(_, all)| *all) {
            sum.iter_mut().zip(tail).for_each(|(sum, x)| *sum += x);
        }
        sum
    }
}

impl Fit {
    /// Returns the estimate of the maximum from the gradient and the information.
    fn step(&self, held: [Option<f64>; 2]) -> [f64; 2] {
        // A little is added where all ranks are the same, since they determine one number only.
        let more = 1e-6 * (self.information[0][0] + self.information[1][1]);
        let ([g, h], [[gg, gh], [_, hh]]) = (self.gradient, self.information);
        let (gg, hh) = (gg + more, hh + more);
        match held.map(|held| held.is_some()) {
            [true, true] => [0.0, 0.0],
            [true, false] => [0.0, h / hh],
            [false, true] => [g / gg, 0.0],
            [false, false] => {
                let determinant = gg * hh - gh * gh;
                [(hh * g - gh * h) / determinant, (gg * h - gh * g) / determinant]
            }
        }
    }

    /// Returns the standard errors of a and of ln b.
    pub(super) fn errors(&self) -> [f64; 2] {
        let [[gg, gh], [_, hh]] = self.information;
        let determinant = gg * hh - gh * gh;
        [(hh / determinant).sqrt(), (gg / determinant).sqrt()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::{seed, within};
    use rand_distr::{Binomial, Distribution, Normal};

    /// The likelihood of a single rank.
    fn one(rank: usize, draws: usize, at: [f64; 2]) -> Fit {
        let mut counts = vec![0.0; draws + 1];
        counts[rank] = 1.0;
        RankLikelihood::of_counts(&counts).at(at)
    }

    /// The mean over all ranks of the probability under N(a, b^2) is one, its derivatives are those by finite
    /// differences, and a posterior that is right makes every rank as probable as any other.
    #[test]
    fn probabilities_of_ranks() {
        for draws in [1, 20, 400] {
            let one = |rank, at| one(rank, draws, at);
            for at in [[0.0, 0.0], [0.4, -0.3], [-2.0, 0.8], [0.0, -2.3]] {
                let sum: f64 = (0..=draws).map(|rank| one(rank, at).value.exp()).sum();
                // What is beyond the last score is known but for a part of a step.
                assert!((sum - 1.0).abs() < 1e-5, "{draws} {at:?}: {sum}");
            }
            for rank in [0, draws / 3, draws] {
                assert!((one(rank, [0.0, 0.0]).value + (draws as f64 + 1.0).ln()).abs() < 1e-9, "{draws} {rank}");
                for (a, log_b) in [(0.0, 0.0), (0.3, -0.2), (-0.4, 0.4)] {
                    let by = [
                        one(rank, [a + 1e-5, log_b]).value - one(rank, [a - 1e-5, log_b]).value,
                        one(rank, [a, log_b + 1e-5]).value - one(rank, [a, log_b - 1e-5]).value,
                    ];
                    let gradient = one(rank, [a, log_b]).gradient;
                    let off = (0..2).map(|i| (by[i] / 2e-5 - gradient[i]).abs()).fold(0.0, f64::max);
                    assert!(off < 1e-7 * (1.0 + gradient[0].abs() + gradient[1].abs()), "{draws} {rank}: {off}");
                }
            }
        }
    }

    /// Ranks of a known shift and width, few draws or many: the estimates are right to 4.5 standard errors, and these
    /// agree with Fisher's information of a rank, the mean square of its derivative. That of a number itself is 1 and
    /// 2.
    #[test]
    fn shift_and_width_are_found() {
        let (n, mut rng) = (20_000, stream(seed(1), 0));
        let mut of_fewer = [0.0; 2];
        for draws in [20, 100, 400] {
            for (a, b) in [(0.0, 1.0), (0.1, 1.05), (-0.3, 0.7), (1.0, 2.0)] {
                let rank = |_| {
                    let z: f64 = Normal::new(a, b).unwrap().sample(&mut rng);
                    Binomial::new(draws, above(-z)).unwrap().sample(&mut rng) as usize
                };
                let ranks: Vec<usize> = (0..n).map(rank).collect();
                let fit = RankLikelihood::new(&ranks, draws as usize).maximum([None, None]);
                let errors = fit.errors();
                for (i, truth) in [a, b.ln()].into_iter().enumerate() {
                    within!((fit.at[i] - truth).abs(), 4.5 * errors[i], "{draws}: {:?} +- {errors:?}", fit.at);
                }
                if (a, b) == (0.0, 1.0) {
                    let gradients: Vec<[f64; 2]> =
                        (0..=draws as usize).map(|rank| one(rank, draws as usize, [0.0, 0.0]).gradient).collect();
                    for (i, of_a_number) in [1.0, 2.0].into_iter().enumerate() {
                        let information = gradients.iter().map(|g| g[i] * g[i]).sum::<f64>() / gradients.len() as f64;
                        assert!(of_fewer[i] < information && information < of_a_number, "{draws}: {information}");
                        of_fewer[i] = information;
                        let off = errors[i] * (information * f64::from(n)).sqrt() - 1.0;
                        within!(off.abs(), 0.03, "{draws}: {off}");
                    }
                }
            }
        }
    }

    /// All true values below every draw, or all in the middle: the estimates stay in their bounds, and are finite.
    #[test]
    fn ranks_of_nothing_but_extremes() {
        for ranks in [vec![0; 100], vec![20; 100], vec![10; 100], [vec![0; 50], vec![20; 50]].concat()] {
            let fit = RankLikelihood::new(&ranks, 20).maximum([None, None]);
            assert!(fit.at.iter().chain([&fit.value]).all(|x| x.is_finite()), "{:?}", fit.at);
            if ranks[0] == 10 {
                assert!(fit.at[1] < -1.0, "{:?}", fit.at);
            } else if ranks[0] == ranks[99] {
                assert!(fit.at[0].abs() > 2.0, "{:?}", fit.at);
            } else {
                assert!(fit.at[1] > 1.0, "{:?}", fit.at);
            }
        }
    }
}

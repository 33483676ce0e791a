//! Simulation-based calibration (Talts et al., arXiv 1804.06788): if the posterior is right, all ranks of the true
//! value among its draws are equally likely.

use std::fmt;

use rand::RngExt;

use super::normal_scores::{Deviates, NormalScores, two_sided};
use super::{Calibration, CalibrationTrial};
use crate::simulate::stream;

/// Separates the random order of ties from simulations with the seed 0, from which the true values may come.
const TIES: u64 = 0x7469_6573_0000_0000;

/// The ranks of a parameter's true values among the draws of its posterior, over simulations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The parameter; `log density` for the rank of the posterior density at the truth.
    pub name: String,
    /// For each simulation, the number of draws below the true value, 0 to `draws`; ties are broken at random.
    pub ranks: Vec<usize>,
    /// The number of draws for each simulation.
    pub draws: usize,
}

/// A number with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// One standard error.
    pub error: f64,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ± {:.digits$}", self.value, self.error)
    }
}

/// The rank of a value among draws. Ties are broken at random, each simulation with its own numbers.
pub(super) fn rank(simulation: usize, truth: f64, draws: impl IntoIterator<Item = f64>) -> usize {
    let (mut below, mut ties) = (0, 0);
    for x in draws {
        below += usize::from(x < truth);
        ties += usize::from(x == truth);
    }
    below + if ties == 0 { 0 } else { stream(TIES, simulation as u64).random_range(0..=ties) }
}

impl Ranks {
    /// Returns the p-value of the ranks if all are equally likely. It combines two tests: of the mean of the normal
    /// scores, near the most powerful test of a shift, and of their mean square given the mean, likewise for a wrong
    /// width. The tails are those of the exact distribution, by saddlepoint: right to a few per cent down to one in a
    /// million and beyond.
    pub fn p_value(&self) -> f64 {
        self.deviates().p_value()
    }

    /// Returns the p-value of a shift alone, in either direction.
    pub fn p_shift(&self) -> f64 {
        two_sided(self.deviates().shift)
    }

    /// Returns the p-value of a wrong width alone, in either direction, whatever the shift.
    pub fn p_width(&self) -> f64 {
        two_sided(self.deviates().width)
    }

    /// Returns by how much the posterior is shifted, in its standard deviations: positive where it is too high.
    pub fn shift(&self) -> Estimate {
        let scores = NormalScores::new(self.draws);
        let [mean, variance, _] = self.moments(&scores);
        let n = self.ranks.len() as f64;
        Estimate { value: -mean / scores.second, error: (variance / n).sqrt() / scores.second }
    }

    /// Returns the posterior's width over the right one: 0.9 where it is too narrow by 10 %.
    pub fn width(&self) -> Estimate {
        let scores = NormalScores::new(self.draws);
        let [_, variance, fourth] = self.moments(&scores);
        // With few draws the extreme scores are cut off, so that the variance grows more slowly than the squared width.
        let power = scores.second / (scores.fourth - scores.second.powi(2));
        let value = (scores.second / variance).powf(power);
        let relative = ((fourth / variance.powi(2) - 1.0).max(0.0) / self.ranks.len() as f64).sqrt();
        Estimate { value, error: value * power * relative }
    }

    /// Returns what is wrong in words, `too narrow by 10 % ± 2 %` or `shifted high by 0.20 ± 0.03 sd` or both; `None`
    /// if the p-value is not below `alarm`.
    pub fn verdict(&self, alarm: f64) -> Option<String> {
        (self.p_value() < alarm).then(|| self.words())
    }

    /// Returns the deviation in words: of width and shift the less likely one, and both where both are unlikely.
    pub(super) fn words(&self) -> String {
        const UNLIKELY: f64 = 1e-2;
        let (shift, width) = (self.shift(), self.width());
        let (of_shift, of_width) = (self.p_shift(), self.p_width());
        let mut words = Vec::new();
        if of_width < UNLIKELY || of_width <= of_shift {
            let side = if width.value < 1.0 { "narrow" } else { "wide" };
            let (by, error) = (100.0 * (width.value - 1.0).abs(), 100.0 * width.error);
            words.push(format!("too {side} by {by:.0} % ± {error:.0} %"));
        }
        if of_shift < UNLIKELY || of_shift < of_width {
            let side = if shift.value < 0.0 { "low" } else { "high" };
            words.push(format!("shifted {side} by {:.2} ± {:.2} sd", shift.value.abs(), shift.error));
        }
        words.join(" and ")
    }

    fn deviates(&self) -> Deviates {
        let scores = NormalScores::new(self.draws);
        scores.deviates(&[scores.group(1.0, self.ranks.iter().copied())])
    }

    /// The mean, variance and fourth central moment of the normal scores.
    fn moments(&self, scores: &NormalScores) -> [f64; 3] {
        let n = self.ranks.len() as f64;
        let mean = self.ranks.iter().map(|rank| scores.of(*rank)).sum::<f64>() / n;
        let central = |power| self.ranks.iter().map(|rank| (scores.of(*rank) - mean).powi(power)).sum::<f64>() / n;
        [mean, central(2), central(4)]
    }
}

impl CalibrationTrial {
    /// Returns the rank of the true value of a parameter; `None` if the simulation has no true value.
    pub(super) fn rank(&self, simulation: usize, parameter: usize) -> Option<usize> {
        let truth = self.truth[parameter];
        (!truth.is_nan()).then(|| rank(simulation, truth, self.draws[parameter].iter().copied()))
    }

    /// Returns the rank of the log density at the true values, where it is known.
    pub(super) fn log_density_rank(&self, simulation: usize) -> Option<usize> {
        let at = self.log_densities.as_ref()?;
        Some(rank(simulation, at.truth, at.draws.iter().copied()))
    }
}

impl Calibration {
    /// Returns the ranks of each parameter.
    pub fn ranks(&self) -> Vec<Ranks> {
        (0..self.names.len()).map(|p| self.ranked(&self.names[p], |i, one| one.rank(i, p))).collect()
    }

    /// Returns the ranks of the posterior density at the true values among the densities at the draws, where it is
    /// known. They are low where the posterior is too narrow or shifted: the true values lie where its density is
    /// small.
    pub fn log_density_ranks(&self) -> Option<Ranks> {
        let ranks = self.ranked("log density", |i, one| one.log_density_rank(i));
        (!ranks.ranks.is_empty()).then_some(ranks)
    }

    /// Returns the smallest p-value over the parameters.
    pub fn p_min(&self) -> f64 {
        self.ranks().iter().map(Ranks::p_value).fold(1.0, f64::min)
    }

    /// Collects the ranks over simulations that have one.
    pub(super) fn ranked(&self, name: &str, rank: impl Fn(usize, &CalibrationTrial) -> Option<usize>) -> Ranks {
        let ranks = self.judged.iter().enumerate().filter_map(|(i, one)| rank(i, one)).collect();
        Ranks { name: name.to_owned(), ranks, draws: self.draws }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hierarch_margins::{seed, within};
    use rand_distr::{Distribution, StandardNormal};

    /// True values from N(shift, width^2) among draws from N(0, 1).
    fn ranks(simulations: usize, draws: usize, shift: f64, width: f64) -> Ranks {
        let rank_of = |i: usize| {
            let mut rng = stream(seed(5), i as u64);
            let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
            let truth = shift + width * normal();
            rank(i, truth, (0..draws).map(|_| normal()))
        };
        of((0..simulations).map(rank_of).collect(), draws)
    }

    fn of(ranks: Vec<usize>, draws: usize) -> Ranks {
        Ranks { name: "x".to_owned(), ranks, draws }
    }

    /// The estimates agree with the posterior's shift and width, with few draws and with many: within four standard
    /// errors, and one per cent for the blur of few draws.
    #[test]
    fn shift_and_width_are_estimated() {
        for draws in [20, 100, 400] {
            for (shift, width) in [(0.0, 1.0), (-0.2, 1.0), (0.0, 0.9), (0.0, 1.1), (0.1, 1.1)] {
                let one = ranks(40_000, draws, shift, width);
                let (of_shift, of_width) = (one.shift(), one.width());
                let (shift, width) = (-shift, 1.0 / width);
                // The shift is in units of the posterior's width.
                within!((of_shift.value - shift).abs(), 4.0 * of_shift.error, "{draws}: {of_shift:.4}, {shift}");
                within!((of_width.value - width).abs(), 4.0 * of_width.error + 0.01, "{draws}: {of_width:.4}, {width}");
            }
        }
        // Their errors agree with their scatter.
        let some: Vec<Ranks> =
            ranks(40_000, 100, -0.1, 0.9).ranks.chunks(200).map(|each| of(each.to_vec(), 100)).collect();
        let scatter = |of: fn(&Ranks) -> Estimate| {
            let all: Vec<Estimate> = some.iter().map(of).collect();
            let n = all.len() as f64;
            let mean = all.iter().map(|e| e.value).sum::<f64>() / n;
            let square = all.iter().map(|e| (e.value - mean).powi(2)).sum::<f64>() / n;
            square.sqrt() / (all.iter().map(|e| e.error).sum::<f64>() / n)
        };
        // 200 of them: the scatter is known to 5 %.
        within!((scatter(Ranks::shift) - 1.0).abs(), 0.2);
        within!((scatter(Ranks::width) - 1.0).abs(), 0.2);
    }

    #[test]
    fn a_verdict_says_which_way() {
        let verdict = |shift, width| ranks(4000, 100, shift, width).verdict(1e-3);
        assert_eq!(verdict(0.0, 1.0), None);
        let narrow = verdict(0.0, 1.0 / 0.8).unwrap();
        assert!(narrow.starts_with("too narrow by ") && !narrow.contains("shifted"), "{narrow}");
        let wide = verdict(0.0, 1.0 / 1.2).unwrap();
        assert!(wide.starts_with("too wide by ") && !wide.contains("shifted"), "{wide}");
        assert!(verdict(-0.2, 1.0).unwrap().starts_with("shifted high by 0."));
        assert!(verdict(0.2, 1.0).unwrap().starts_with("shifted low by 0."));
        let both = verdict(0.2, 0.8).unwrap();
        assert!(both.contains("too wide by ") && both.contains(" and shifted low by 0."), "{both}");
    }

    /// Ties take any rank among them, all equally often.
    #[test]
    fn ties_are_broken_at_random() {
        let found: Vec<usize> = (0..3000).map(|i| rank(seed(i) as usize, 1.0, [0.0, 1.0, 1.0, 2.0])).collect();
        for at in 1..=3 {
            let times = found.iter().filter(|rank| **rank == at).count();
            within!((times as f64 - 1000.0).abs(), 4.0 * (3000.0f64 * 2.0 / 9.0).sqrt(), "{at}");
        }
        assert!(found.iter().all(|rank| (1..=3).contains(rank)));
    }
}

//! The empirical distribution of ranks with simultaneous bands: Säilynoja, Bürkner & Vehtari, *Graphical test for
//! discrete uniformity and its applications* (Statistics and Computing 2022, arXiv 2103.10522).

use statrs::distribution::{Binomial, DiscreteCDF};
use statrs::function::factorial::ln_factorial;

use super::Ranks;

/// The largest number of points at which the empirical distribution is evaluated.
const POINTS: usize = 100;
/// Below this, one minus the probability of staying inside is rounding.
const ROUNDING: f64 = 1e-10;

/// The empirical distribution function of ranks minus the uniform one, and the simultaneous bands: it stays within them
/// at all points at once.
#[derive(Clone, Debug, PartialEq)]
pub struct EcdfBands {
    /// The points: fractions of the ranks, in (0, 1).
    pub at: Vec<f64>,
    /// The share of the ranks at or below each point, minus the fraction.
    pub difference: Vec<f64>,
    /// The lower band.
    pub low: Vec<f64>,
    /// The upper band.
    pub high: Vec<f64>,
}

impl Ranks {
    /// Returns the empirical distribution function minus the uniform one, at up to 100 points. It is inside the bands
    /// at all of them with the probability `coverage` (0.95, say) or a little more, since counts are whole.
    pub fn ecdf(&self, coverage: f64) -> EcdfBands {
        let uniform = UniformCounts::new(self.ranks.len(), self.draws);
        let bands = uniform.bands(coverage);
        let n = self.ranks.len() as f64;
        let less = |counts: Vec<usize>| counts.iter().zip(&uniform.at).map(|(c, at)| *c as f64 / n - at).collect();
        let (low, high) = bands.into_iter().unzip();
        EcdfBands { difference: less(self.counts(&uniform)), low: less(low), high: less(high), at: uniform.at.clone() }
    }

    /// Returns the p-value of the empirical distribution function. At each point the deviation is measured by its tail
    /// probability; the p-value is how often uniform ranks have, at some point, a deviation as improbable as the
    /// largest one here. Exact.
    pub fn ecdf_p_value(&self) -> f64 {
        if self.ranks.is_empty() {
            return 1.0;
        }
        let uniform = UniformCounts::new(self.ranks.len(), self.draws);
        let counts = self.counts(&uniform);
        let least = counts.iter().enumerate().map(|(k, c)| uniform.tail(k, *c)).fold(1.0, f64::min);
        let out = 1.0 - uniform.inside(&uniform.intervals(least));
        // Far out: the sum over the points is an upper bound.
        if out > ROUNDING { out } else { (2.0 * least * counts.len() as f64).min(1.0) }
    }

    /// Returns how many ranks are at or below each point.
    fn counts(&self, uniform: &UniformCounts) -> Vec<usize> {
        let mut sorted = self.ranks.clone();
        sorted.sort_unstable();
        uniform.levels.iter().map(|level| sorted.partition_point(|rank| rank < level)).collect()
    }
}

/// How many of n uniform ranks are at or below each point.
struct UniformCounts {
    n: usize,
    /// Ranks below `levels` are counted at each point; `at` is this fraction of all.
    levels: Vec<usize>,
    at: Vec<f64>,
    binomials: Vec<Binomial>,
}

impl UniformCounts {
    fn new(n: usize, draws: usize) -> Self {
        let points = draws.min(POINTS);
        let levels: Vec<usize> = (1..=points).map(|k| (k * (draws + 1)).div_ceil(points + 1)).collect();
        let at: Vec<f64> = levels.iter().map(|level| *level as f64 / (draws + 1) as f64).collect();
        let binomials = at.iter().filter_map(|at| Binomial::new(*at, n as u64).ok()).collect();
        Self { n, levels, at, binomials }
    }

    /// Returns the probability of a count as low, or as high, whichever is smaller.
    fn tail(&self, point: usize, count: usize) -> f64 {
        self.below(point, count).min(self.above(point, count))
    }

    fn below(&self, point: usize, count: usize) -> f64 {
        self.binomials[point].cdf(count as u64)
    }

    fn above(&self, point: usize, count: usize) -> f64 {
        if count == 0 { 1.0 } else { self.binomials[point].sf(count as u64 - 1) }
    }

    /// Returns at each point the first and the last count whose tails are larger than `tail`.
    fn intervals(&self, tail: f64) -> Vec<(usize, usize)> {
        let interval = |k: usize| {
            let (mut least, mut most) = (0, self.n);
            let (mut low, mut high) = (0, self.n);
            while least < high {
                let middle = (least + high) / 2;
                if self.below(k, middle) > tail { high = middle } else { least = middle + 1 }
            }
            while low < most {
                let middle = (low + most).div_ceil(2);
                if self.above(k, middle) > tail { low = middle } else { most = middle - 1 }
            }
            (least, most)
        };
        (0..self.levels.len()).map(interval).collect()
    }

    /// Returns the probability that the counts are inside `intervals` at all points. Given their total n, uniform ranks
    /// are a Poisson process, whose increments are independent of the past: the paper's recursion (its section 2.2)
    /// with one table for each step.
    fn inside(&self, intervals: &[(usize, usize)]) -> f64 {
        let n = self.n as f64;
        let poisson = |mean: f64, count: usize| (count as f64 * mean.ln() - mean - ln_factorial(count as u64)).exp();
        let (mut from, mut mass, mut at) = (0, vec![1.0], 0.0);
        let last = (self.n, self.n);
        for ((low, high), to) in intervals.iter().chain([&last]).zip(self.at.iter().chain([&1.0])) {
            if low > high {
                return 0.0;
            }
            let mean = n * (to - at);
            let steps: Vec<f64> = (0..=high.saturating_sub(from)).map(|count| poisson(mean, count)).collect();
            let mut next = vec![0.0; high - low + 1];
            for (a, mass) in mass.iter().enumerate() {
                let start = (from + a).max(*low);
                let Some(places) = next.get_mut(start - low..) else { continue };
                let steps = &steps[start - from - a..];
                places.iter_mut().zip(steps).for_each(|(place, step)| *place += mass * step);
            }
            (from, mass, at) = (*low, next, *to);
        }
        mass[0] / poisson(n, self.n)
    }

    /// Returns the narrowest intervals, with one tail probability at all points, that contain all counts with this
    /// probability.
    fn bands(&self, coverage: f64) -> Vec<(usize, usize)> {
        let alarm = 1.0 - coverage;
        // By Bonferroni the lower end contains enough.
        let (mut enough, mut tail) = ((0.5 * alarm / self.levels.len() as f64).ln(), (0.5 * alarm).ln());
        for _ in 0..30 {
            let middle = 0.5 * (enough + tail);
            if self.inside(&self.intervals(middle.exp())) >= coverage { enough = middle } else { tail = middle }
        }
        self.intervals(enough.exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream;
    use hierarch_margins::{seed, within};
    use rand::RngExt;

    fn ranks(ranks: Vec<usize>, draws: usize) -> Ranks {
        Ranks { name: String::new(), ranks, draws }
    }

    /// Over all the ranks that there can be, the share with a p-value of at most p is p.
    #[test]
    fn p_values_are_exact() {
        for (n, draws) in [(5, 3), (8, 2), (3, 9usize)] {
            let levels = draws + 1;
            let all =
                (0..levels.pow(n as u32)).map(|code| (0..n).map(|i| code / levels.pow(i as u32) % levels).collect());
            let mut found: Vec<f64> = all.map(|each| ranks(each, draws).ecdf_p_value()).collect();
            found.sort_by(f64::total_cmp);
            for p in &found {
                let share = found.partition_point(|x| *x <= p + 1e-12) as f64 / found.len() as f64;
                assert!((share - p).abs() < 1e-12, "{n} of {draws}: {share} {p}");
            }
        }
    }

    /// Against independent simulation: the bands contain the whole function as often as stated, within four standard
    /// errors and the effect of whole counts; and p-values below 0.01 are one in a hundred.
    #[test]
    fn bands_hold_at_all_points_at_once() {
        const TIMES: u64 = 4000;
        for (n, draws) in [(100, 400), (1000, 100)] {
            let mut held = 0.0;
            let mut alarms = 0.0;
            let mut bands = None;
            for time in 0..TIMES {
                let mut rng = stream(seed(3), time);
                let drawn = ranks((0..n).map(|_| rng.random_range(0..=draws)).collect(), draws);
                let EcdfBands { low, high, .. } = bands.get_or_insert_with(|| drawn.ecdf(0.95));
                // Counted here anew, since the bands of one size are always the same.
                let mut counts = vec![0usize; draws + 1];
                drawn.ranks.iter().for_each(|rank| counts[*rank] += 1);
                let points = low.len();
                let inside = |k: usize| {
                    let level = ((k + 1) * (draws + 1)).div_ceil(points + 1);
                    let share = counts[..level].iter().sum::<usize>() as f64 / n as f64;
                    let less = share - level as f64 / (draws + 1) as f64;
                    low[k] - 1e-9 <= less && less <= high[k] + 1e-9
                };
                held += f64::from(u8::from((0..points).all(inside)));
                if time < TIMES / 8 {
                    alarms += f64::from(u8::from(drawn.ecdf_p_value() <= 0.05));
                }
            }
            let held = held / TIMES as f64;
            let error = (0.95f64 * 0.05 / TIMES as f64).sqrt();
            within!(0.95 - 4.0 * error, held);
            within!(held, 0.96 + 4.0 * error);
            within!((alarms - 25.0f64).abs(), 4.0 * 24f64.sqrt());
        }
    }
}

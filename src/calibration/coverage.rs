//! Expected coverage: how often regions of a given credibility contain the true values.

use super::{Calibration, Coverage, Ranks};

impl Ranks {
    /// Returns for each of `levels` how often the central interval contains the true value.
    ///
    /// The interval of level a contains the ranks between (1 - a) / 2 and (1 + a) / 2 of all. A rank at its edge counts
    /// in part, so that the share is the level on average where all ranks are equally likely, with any number of draws.
    pub fn central_coverage(&self, levels: &[f64]) -> Vec<Coverage> {
        self.coverage(levels, |level| [0.5 * (1.0 - level), 0.5 * (1.0 + level)])
    }

    /// Returns for each of `levels` how often the highest part of the ranks contains the rank. For ranks of the log
    /// density this is how often the region of highest density with that credibility contains the true values.
    pub fn highest_coverage(&self, levels: &[f64]) -> Vec<Coverage> {
        self.coverage(levels, |level| [1.0 - level, 1.0])
    }

    /// Returns for each of `levels` how often the lowest part of the ranks contains the rank. For [`Calibration::tarp`]
    /// this is how often the ball around the reference with that credibility contains the true values.
    pub fn lowest_coverage(&self, levels: &[f64]) -> Vec<Coverage> {
        self.coverage(levels, |level| [0.0, level])
    }

    fn coverage(&self, levels: &[f64], part: impl Fn(f64) -> [f64; 2]) -> Vec<Coverage> {
        let (n, cells) = (self.ranks.len() as f64, (self.draws + 1) as f64);
        let of = |level: &f64| {
            let [low, high] = part(*level).map(|x| x * cells);
            let inside = |rank: usize| ((rank as f64 + 1.0).min(high) - (rank as f64).max(low)).max(0.0);
            let share = self.ranks.iter().map(|rank| inside(*rank)).sum::<f64>() / n;
            Coverage { level: *level, share, error: (level * (1.0 - level) / n).sqrt() }
        };
        levels.iter().map(of).collect()
    }
}

impl Calibration {
    /// Returns for each of `levels` how often the regions contain the true values. They are the region of highest
    /// density of all parameters together, named `log density`, where the posterior density is known, and the central
    /// interval of each parameter by its name.
    pub fn coverage(&self, levels: &[f64]) -> Vec<(String, Vec<Coverage>)> {
        let together = self.log_density_ranks().map(|ranks| (ranks.name.clone(), ranks.highest_coverage(levels)));
        let each = self.ranks().into_iter().map(|ranks| (ranks.name.clone(), ranks.central_coverage(levels)));
        together.into_iter().chain(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part of uniform ranks contains its share, whole or not; of ranks at one end it contains all or none.
    #[test]
    fn a_part_holds_its_share() {
        let of = |ranks: Vec<usize>| Ranks { name: String::new(), ranks, draws: 9 };
        let levels = [0.05, 0.33, 0.68, 0.95];
        let uniform = of((0..10).collect());
        for part in [Ranks::central_coverage, Ranks::highest_coverage, Ranks::lowest_coverage] {
            for c in part(&uniform, &levels) {
                assert!(
                    (c.share - c.level).abs() < 1e-12
                        && (c.error - (c.level * (1.0 - c.level) / 10.0).sqrt()).abs() < 1e-12
                );
            }
        }
        let share = |of: Vec<Coverage>| of[0].share;
        let (low, middle, high) = (of(vec![0; 4]), of(vec![4; 4]), of(vec![9; 4]));
        assert_eq!([&low, &middle, &high].map(|r| share(r.highest_coverage(&[0.1]))), [0.0, 0.0, 1.0]);
        assert_eq!([&low, &middle, &high].map(|r| share(r.lowest_coverage(&[0.1]))), [1.0, 0.0, 0.0]);
        // The middle tenth is half of each of the two ranks in the middle.
        assert_eq!([&low, &middle, &high].map(|r| (10.0 * share(r.central_coverage(&[0.1]))).round()), [0.0, 5.0, 0.0]);
    }
}

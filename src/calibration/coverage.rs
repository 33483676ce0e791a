//! Expected coverage: how often regions of a given credibility hold the true values.

use super::{Calibration, Coverage, Ranks};

impl Ranks {
    /// How often the central interval of each level holds the true value.
    ///
    /// The interval of level a holds the ranks between (1 - a) / 2 and (1 + a) / 2 of all; a rank at its edge counts in part,
    /// so that the share is `level` on average where all ranks are equally likely, with any number of draws.
    pub fn central_coverage(&self, levels: &[f64]) -> Vec<Coverage> {
        self.coverage(levels, |level| [0.5 * (1.0 - level), 0.5 * (1.0 + level)])
    }

    /// How often the highest part of each level holds the rank: for ranks of the log density, how often the region of highest
    /// density with that credibility holds the true values.
    pub fn highest_coverage(&self, levels: &[f64]) -> Vec<Coverage> {
        self.coverage(levels, |level| [1.0 - level, 1.0])
    }

    /// How often the lowest part of each level holds the rank: for [`Calibration::tarp`], how often the ball around the
    /// reference with that credibility holds the true values.
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
    /// How often the regions of each level hold the true values: of highest density of all parameters together, named `log
    /// density`, where the posterior density is known, and the central interval of each parameter by its name.
    pub fn coverage(&self, levels: &[f64]) -> Vec<(String, Vec<Coverage>)> {
        let together = self.log_density_ranks().map(|ranks| (ranks.name.clone(), ranks.highest_coverage(levels)));
        let each = self.ranks().into_iter().map(|ranks| (ranks.name.clone(), ranks.central_coverage(levels)));
        together.into_iter().chain(each).collect()
    }
}

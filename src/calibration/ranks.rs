//! Simulation-based calibration (Talts et al., arXiv 1804.06788): where the true value ranks among the draws of a posterior
//! that is right, every rank is as likely as any other.

use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

use super::Calibration;
use crate::simulate::stream;

/// The ranks of a parameter's true values among the draws of its posterior, over simulations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The parameter; `log density` for the rank of the posterior density at the truth.
    pub name: String,
    /// For each simulation, how many draws are below the true value, 0 to `draws`; ties are broken at random.
    pub ranks: Vec<usize>,
    /// How many draws there are.
    pub draws: usize,
}

impl Ranks {
    /// From the true values, and the draws given each data set.
    fn new<'a>(name: &str, draws: usize, each: impl Iterator<Item = (f64, &'a [f64])>) -> Self {
        let rank = |(i, (truth, draws)): (usize, (f64, &[f64]))| {
            let below = draws.iter().filter(|x| **x < truth).count();
            let ties = draws.iter().filter(|x| **x == truth).count();
            below + if ties == 0 { 0 } else { stream(0, i as u64).random_range(0..=ties) }
        };
        Self { name: name.to_owned(), ranks: each.enumerate().map(rank).collect(), draws }
    }

    /// The p-value of the ranks if all are equally likely: from the mean and the mean square of their normal scores together,
    /// which is near the most powerful test of a shift and of a wrong width.
    pub fn p_value(&self) -> f64 {
        let standard = Normal::standard();
        let levels = self.draws + 1;
        let scores: Vec<f64> =
            (0..levels).map(|rank| standard.inverse_cdf((rank as f64 + 0.5) / levels as f64)).collect();
        let moment = |power: i32| scores.iter().map(|z| z.powi(power)).sum::<f64>() / levels as f64;
        let (second, fourth) = (moment(2), moment(4));
        let n = self.ranks.len() as f64;
        let over = |power: i32| self.ranks.iter().map(|rank| scores[*rank].powi(power)).sum::<f64>() / n;
        let shift = over(1) * (n / second).sqrt();
        let width = (over(2) - second) * (n / (fourth - second * second)).sqrt();
        // Chi-squared with two degrees of freedom.
        (-0.5 * (shift * shift + width * width)).exp()
    }
}

impl Calibration {
    /// The ranks of each parameter.
    pub fn ranks(&self) -> Vec<Ranks> {
        let of = |(p, name): (usize, &String)| {
            let told = self.judged.iter().filter(move |one| !one.truth[p].is_nan());
            Ranks::new(name, self.draws, told.map(move |one| (one.truth[p], one.draws[p].as_slice())))
        };
        self.names.iter().enumerate().map(of).collect()
    }

    /// The least p-value over the parameters.
    pub fn p_min(&self) -> f64 {
        self.ranks().iter().map(Ranks::p_value).fold(1.0, f64::min)
    }
}

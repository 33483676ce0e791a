//! A posterior as draws by name, whatever it was inferred with.

use super::{Chains, Summary, WeightedDraws};
use crate::model::Model;

/// A posterior that reports and checks can read: [`WeightedDraws`], [`Chains`], what neural estimators conclude, or draws by name.
pub trait Inferred {
    /// The names of its numbers.
    fn names(&self) -> Vec<String>;
    /// Draws: for each name `count`, or where there are fewer, these; those of one name belong to those of the others.
    fn draws(&self, count: usize) -> Vec<Vec<f64>>;
    /// Mean, sd and quantiles of every number.
    fn summary(&self) -> Summary;
    /// Why it may be wrong, in words.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
    /// How it came about, in words; empty if there is nothing to say.
    fn about(&self) -> String {
        String::new()
    }
}

impl<M: Model> Inferred for WeightedDraws<M> {
    fn names(&self) -> Vec<String> {
        self.names().to_vec()
    }

    fn draws(&self, count: usize) -> Vec<Vec<f64>> {
        self.sample(count, 0)
    }

    fn summary(&self) -> Summary {
        self.summary()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings()
    }

    fn about(&self) -> String {
        format!(
            "importance sampling, effective sample size {:.0}, k-hat {:.2}, log evidence {:.3} ± {:.3}",
            self.effective_sample_size(),
            self.k_hat(),
            self.log_evidence(),
            self.log_evidence_error()
        )
    }
}

impl<M: Model> Inferred for Chains<M> {
    fn names(&self) -> Vec<String> {
        self.names().to_vec()
    }

    fn draws(&self, count: usize) -> Vec<Vec<f64>> {
        let step = (self.chains() * self.draws_per_chain()).div_ceil(count.max(1)).max(1);
        let thinned =
            |name: &String| self.get(name).unwrap_or_default().iter().flatten().step_by(step).copied().collect();
        self.names().iter().map(thinned).collect()
    }

    fn summary(&self) -> Summary {
        self.summary()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings()
    }

    fn about(&self) -> String {
        format!(
            "{} chains of {} draws, {} divergences, {:.1} s",
            self.chains(),
            self.draws_per_chain(),
            self.divergences(),
            self.time().as_secs_f64()
        )
    }
}

/// Draws of your own, such as those of an exact posterior.
impl Inferred for [(String, Vec<f64>)] {
    fn names(&self) -> Vec<String> {
        self.iter().map(|(name, _)| name.clone()).collect()
    }

    fn draws(&self, count: usize) -> Vec<Vec<f64>> {
        let most = self.iter().map(|(_, draws)| draws.len()).max().unwrap_or(0);
        let step = most.div_ceil(count.max(1)).max(1);
        self.iter().map(|(_, draws)| draws.iter().step_by(step).copied().collect()).collect()
    }

    fn summary(&self) -> Summary {
        Summary::from_draws(self.iter().map(|(name, draws)| (name.as_str(), draws.as_slice())))
    }
}

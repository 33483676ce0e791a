//! Draws by name, with what they are worth.

use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Summary, diagnostics};
use crate::model::{AsNumbers, Model};

/// The draws of several Markov chains for one data set.
///
/// Printed, it is a table of each variable's mean, sd, quantiles, R-hat and effective sample sizes, with a line for each
/// sign that the draws are not to be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Chains<M> {
    any: AnyChains,
    #[serde(skip)]
    model: PhantomData<fn() -> M>,
}

/// The chains of some model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnyChains {
    pub(super) names: Vec<String>,
    /// Variables x chains x draws.
    pub(super) draws: Vec<Vec<Vec<f64>>>,
    pub(super) divergences: usize,
    pub(super) time: Duration,
}

impl<M: Model> Chains<M> {
    pub(super) fn of(any: AnyChains) -> Self {
        Self { any, model: PhantomData }
    }

    /// The names of the variables: `mass`, `mu[2]` for a component, `slope[17]` for the element of a plate, `pair[1][17]` for
    /// both. First the globals, then the locals, then the `let`s outside plates and in plates with continuous locals.
    pub fn names(&self) -> &[String] {
        self.any.names()
    }

    /// The draws of a variable, a `Vec` for each chain; nothing if there is none of that name.
    pub fn get(&self, name: &str) -> Option<&[Vec<f64>]> {
        self.any.get(name)
    }

    /// The globals of every draw, chain after chain.
    pub fn globals(&self) -> impl Iterator<Item = M::Globals> + '_ {
        self.any.rows().map(|numbers| M::Globals::from_numbers(&numbers))
    }

    /// How many chains there are.
    pub fn chains(&self) -> usize {
        self.any.chains()
    }

    /// How many draws a chain has.
    pub fn draws_per_chain(&self) -> usize {
        self.any.draws_per_chain()
    }

    /// How many of the draws ended in a divergence: where there are more than a few, a part of the posterior is missed.
    pub fn divergences(&self) -> usize {
        self.any.divergences()
    }

    /// How long warm-up and draws took together.
    pub fn time(&self) -> Duration {
        self.any.time()
    }

    /// The largest R-hat of any variable; 1 where chains agree.
    pub fn rhat_max(&self) -> f64 {
        self.any.rhat_max()
    }

    /// Mean, sd, quantiles and diagnostics of every variable.
    pub fn summary(&self) -> Summary {
        self.any.summary()
    }

    /// Why the draws may be wrong, in words; empty where nothing speaks against them.
    pub fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }
}

impl AnyChains {
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[Vec<f64>]> {
        self.names.iter().position(|n| n == name).map(|i| self.draws[i].as_slice())
    }

    /// The numbers of every draw, chain after chain. The globals come first.
    fn rows(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        let (chains, draws) = (self.chains(), self.draws_per_chain());
        (0..chains * draws).map(move |k| self.draws.iter().map(|v| v[k / draws][k % draws]).collect())
    }

    pub(crate) fn chains(&self) -> usize {
        self.draws.first().map_or(0, Vec::len)
    }

    pub(crate) fn draws_per_chain(&self) -> usize {
        self.draws.first().and_then(|v| v.first()).map_or(0, Vec::len)
    }

    pub(crate) fn divergences(&self) -> usize {
        self.divergences
    }

    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    pub(crate) fn rhat_max(&self) -> f64 {
        self.draws.iter().map(|v| diagnostics::rhat(v)).fold(f64::NAN, f64::max)
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary::from_chains(self.names.iter().map(String::as_str).zip(self.draws.iter().map(Vec::as_slice)))
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let total = self.chains() * self.draws_per_chain();
        if self.divergences > 0 {
            warnings.push(format!(
                "{} of {total} draws diverged: parts of the posterior may be missed; write the model in a non-centred form \
                 or raise `target_accept`",
                self.divergences
            ));
        }
        let worst = |value: fn(&[Vec<f64>]) -> f64, better: fn(&f64, &f64) -> bool| {
            let mut worst: Option<(f64, &str)> = None;
            for (name, draws) in self.names.iter().zip(&self.draws) {
                let x = value(draws);
                if x.is_finite() && worst.is_none_or(|(w, _)| better(&w, &x)) {
                    worst = Some((x, name));
                }
            }
            worst
        };
        if let Some((rhat, name)) = worst(diagnostics::rhat, |w, x| x > w)
            && rhat > 1.01
        {
            warnings.push(format!("R-hat of `{name}` is {rhat:.3}, above 1.01: the chains disagree; run them longer"));
        }
        let ess = |d: &[Vec<f64>]| diagnostics::ess_bulk(d).min(diagnostics::ess_tail(d));
        let needed = 100.0 * self.chains() as f64;
        if let Some((ess, name)) = worst(ess, |w, x| x < w)
            && ess < needed
        {
            warnings.push(format!(
                "the effective sample size of `{name}` is {ess:.0}, below {needed:.0}: run the chains longer"
            ));
        }
        warnings
    }
}

impl<M: Model> std::fmt::Display for Chains<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.any.fmt(f)
    }
}

impl std::fmt::Display for AnyChains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.summary())?;
        self.warnings().iter().try_for_each(|w| writeln!(f, "warning: {w}"))
    }
}

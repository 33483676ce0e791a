//! Markov chains: draws by name, with diagnostics.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::draws::{Draws, Inferred, diagnostics};
use crate::model::{AsNumbers, Model, Name, UnknownName};

/// The draws of several Markov chains for one data set.
///
/// `Display` prints a table of each variable's mean, sd, quantiles, R-hat and effective sample sizes, and the warnings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Chains<M> {
    any: AnyChains,
    #[serde(skip)]
    model: PhantomData<fn() -> M>,
}

/// The chains of any model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnyChains {
    /// The draws of all chains, one chain after the other.
    pub(super) draws: Draws,
    pub(super) chains: usize,
    pub(super) divergences: usize,
    pub(super) time: Duration,
}

impl<M: Model> Chains<M> {
    pub(super) fn of(any: AnyChains) -> Self {
        Self { any, model: PhantomData }
    }

    /// Returns the draws of the variable `name`, chain by chain.
    ///
    /// # Errors
    /// There is no variable of that name.
    pub fn by_chain(&self, name: impl Into<Name>) -> Result<Vec<&[f64]>, UnknownName> {
        Ok(self.any.draws.split(self.any.draws.get(name)?))
    }

    /// Returns the globals of every draw, chain after chain.
    pub fn globals(&self) -> impl Iterator<Item = M::Globals> + '_ {
        self.any.rows().map(|numbers| M::Globals::from_numbers(&numbers))
    }

    /// Returns the number of chains.
    pub fn chains(&self) -> usize {
        self.any.chains
    }

    /// Returns the number of draws of each chain.
    pub fn draws_per_chain(&self) -> usize {
        self.any.draws_per_chain()
    }

    /// Returns the number of draws that ended in a divergence: if there are more than a few, a part of the posterior is
    /// missed.
    pub fn divergences(&self) -> usize {
        self.any.divergences
    }

    /// Returns the time that warm-up and draws took together.
    pub fn time(&self) -> Duration {
        self.any.time
    }

    /// Returns the largest R-hat of any variable; it is about 1 if the chains agree.
    pub fn rhat_max(&self) -> f64 {
        self.any.rhat_max()
    }
}

impl AnyChains {
    /// Returns the numbers of every draw, chain after chain. The globals come first.
    fn rows(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        (0..self.chains * self.draws_per_chain()).map(|k| self.draws.row(k))
    }

    /// Returns the chains of each variable, with its name.
    fn variables(&self) -> impl Iterator<Item = (&str, Vec<&[f64]>)> {
        let chains = self.draws.columns().iter().map(|column| self.draws.split(column));
        self.draws.names().iter().map(String::as_str).zip(chains)
    }

    fn draws_per_chain(&self) -> usize {
        self.draws.columns().first().map_or(0, Vec::len) / self.chains.max(1)
    }

    fn rhat_max(&self) -> f64 {
        self.variables().map(|(_, chains)| diagnostics::rhat(&chains)).fold(f64::NAN, f64::max)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let total = self.chains * self.draws_per_chain();
        if self.divergences > 0 {
            warnings.push(format!(
                "{} of {total} draws diverged: parts of the posterior may be missed; write the model in a non-centred form \
                 or raise `target_accept`",
                self.divergences
            ));
        }
        let worst = |value: fn(&[&[f64]]) -> f64, better: fn(&f64, &f64) -> bool| {
            let mut worst: Option<(f64, &str)> = None;
            for (name, chains) in self.variables() {
                let x = value(&chains);
                if x.is_finite() && worst.is_none_or(|(w, _)| better(&w, &x)) {
                    worst = Some((x, name));
                }
            }
            worst
        };
        if let Some((rhat, name)) = worst(|chains| diagnostics::rhat(chains), |w, x| x > w)
            && rhat > 1.01
        {
            warnings.push(format!("R-hat of `{name}` is {rhat:.3}, above 1.01: the chains disagree; run them longer"));
        }
        let ess = |d: &[&[f64]]| diagnostics::ess_bulk(d).min(diagnostics::ess_tail(d));
        let needed = 100.0 * self.chains as f64;
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

impl<M: Model> Inferred for Chains<M> {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(&self.any.draws)
    }

    fn warnings(&self) -> Vec<String> {
        self.any.warnings()
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

impl<M: Model> std::fmt::Display for Chains<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.any.fmt(f)
    }
}

impl std::fmt::Display for AnyChains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.draws.summary())?;
        self.warnings().iter().try_for_each(|w| writeln!(f, "warning: {w}"))
    }
}

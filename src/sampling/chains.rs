//! Markov chains: draws by name, with diagnostics.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::trajectory::DEPTH;
use crate::draws::{
    DiscreteDraws, DiscreteError, Draws, Inferred, LogLikelihood, LogLikelihoodError, PowerScaling, SampleStats,
    diagnostics, discrete, group_log_likelihood, log_likelihood, power_scaling,
};
use crate::model::{Likelihood, Model, Name, UnknownName, globals_of};

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
#[serde(try_from = "Unchecked")]
pub(crate) struct AnyChains {
    /// The draws of all chains, one chain after the other.
    pub(super) draws: Draws,
    pub(super) chains: usize,
    pub(super) divergences: usize,
    /// The number of draws whose trajectory reached the largest number of doublings.
    pub(super) cut: usize,
    /// The number of points at which the log density was finite and its gradient was not.
    pub(super) without_slope: usize,
    /// The estimated fraction of missing information of each chain.
    pub(super) bfmi: Vec<f64>,
    pub(super) time: Duration,
    pub(super) stats: SampleStats,
    /// What speaks against the density itself, where a network has learned it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) doubts: Vec<String>,
}

/// Chains as read from a file, not yet checked.
#[derive(Deserialize)]
struct Unchecked {
    draws: Draws,
    chains: usize,
    divergences: usize,
    cut: usize,
    without_slope: usize,
    bfmi: Vec<f64>,
    time: Duration,
    // Chains that an earlier version wrote have none.
    #[serde(default)]
    stats: SampleStats,
    #[serde(default)]
    doubts: Vec<String>,
}

impl TryFrom<Unchecked> for AnyChains {
    type Error = String;

    fn try_from(read: Unchecked) -> Result<Self, String> {
        let Unchecked { draws, chains, divergences, cut, without_slope, bfmi, time, stats, doubts } = read;
        if draws.chains() != chains || bfmi.len() != chains {
            let (of_draws, of_bfmi) = (draws.chains(), bfmi.len());
            return Err(format!("draws of {of_draws} chains and the energies of {of_bfmi} are not of {chains} chains"));
        }
        let count = draws.columns().first().map_or(0, Vec::len);
        if !stats.are_of(0) && !stats.are_of(count) {
            return Err(format!("the statistics of the draws are not of {count} draws"));
        }
        Ok(Self { draws, chains, divergences, cut, without_slope, bfmi, time, stats, doubts })
    }
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
        self.any.rows().map(|numbers| globals_of(&numbers, self.any.draws.names()))
    }

    /// Returns the log likelihood of each element of `plate` at every draw, for [`loo`](LogLikelihood::loo) and
    /// [`waic`](LogLikelihood::waic). The chains keep no data, so `model` and `data` are those that they were run for.
    ///
    /// A row is an element of the plate: all its own observed numbers together, and the random number of elements of a plate
    /// inside it, but not the observations of that plate. It is given the globals and the continuous locals of the draw,
    /// whether they are its own, those of the element around it, or read by an index. Discrete locals are summed out; a discrete
    /// global has its value of the draw. Where
    /// rows share one, or it is also behind other observations, the row is given these: log p(row | draw, all other
    /// data), which leaving a row out asks for (Bürkner, Gabry & Vehtari, *Efficient leave-one-out cross-validation for
    /// Bayesian non-factorized normal and Student-t models*, Computational Statistics 2021). In all other models the
    /// rows of all plates with observations, the log prior and the log densities of the locals sum to
    /// [`log_density`](crate::model::log_density).
    ///
    /// Of a model without continuous locals the data may also be others, as held-out data are; `loo` and `waic` are then
    /// not defined.
    ///
    /// # Errors
    /// There is no plate of that name, or it has no observation, an implicit one or no element; the data do not fit the
    /// model, or have other sizes than the draws; or a log likelihood is not finite, also since the chains have no draws
    /// of a variable.
    ///
    /// ```
    /// use hierarch::draws::{LogLikelihood, LogLikelihoodError};
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Flux {
    ///         global rate ~ Gamma(2.0, 1.0);
    ///         plate events(1..=100) {
    ///             observe energy ~ Exponential(rate);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (model, data) = (Flux::default(), FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 5.0] } });
    /// let chains = model.nuts(&data).run()?;
    /// let rows: LogLikelihood = chains.log_likelihood(&model, &data, Flux::EVENTS)?;
    /// assert_eq!((rows.rows(), rows.draws()), (5, 4000));
    /// println!("{}", rows.loo());
    /// let error = chains.log_likelihood(&model, &data, "event").unwrap_err();
    /// assert!(matches!(error, LogLikelihoodError::Plate(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_likelihood(
        &self,
        model: &M,
        data: &M::Data,
        plate: impl Into<Name>,
    ) -> Result<LogLikelihood, LogLikelihoodError> {
        log_likelihood(model, data, &self.any.draws, plate.into().as_str())
    }

    /// Returns the log likelihood of each element of an outermost `plate`, a group, with all observations in it and inside
    /// it, at the globals of every draw. Of it, [`loo`](LogLikelihood::loo) is leave-one-group-out cross-validation: how
    /// well a new group is predicted. `model` and `data` are those that the chains were run for.
    ///
    /// The continuous locals of the group and inside it are integrated out, by importance sampling at `points` points that
    /// `seed` decides on; a few hundred will do for a few locals. They are draws of a Student t distribution with the
    /// moments that these locals have over all draws, in unconstrained space.
    /// [`integration_errors`](LogLikelihood::integration_errors) says how exact it is, and grows with the number of locals.
    /// Discrete locals are summed out; locals of other plates that it reads by an index are those of the draw. It takes draws
    /// times points evaluations of the model.
    ///
    /// # Errors
    /// Those of [`log_likelihood`](Chains::log_likelihood); fewer than 2 points; the plate is inside another; or another plate reads elements of
    /// it, or of a plate inside it, by an index.
    ///
    /// ```
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Schools {
    ///         global mu ~ Normal(0.0, 1.0);
    ///         global tau ~ HalfNormal(1.0);
    ///         plate schools(2..=20) {
    ///             local theta ~ Normal(mu, tau);
    ///             plate pupils(1..=20) {
    ///                 observe y ~ Normal(theta, 0.5);
    ///             }
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Schools::default();
    /// let data = model.simulate(1).size(Schools::SCHOOLS, 6).size(Schools::PUPILS, 3).seed(1).one()?.data;
    /// let chains = model.nuts(&data).run()?;
    /// let schools = chains.group_log_likelihood(&model, &data, Schools::SCHOOLS, 200, 1)?;
    /// assert_eq!(schools.rows(), 6); // of 3 pupils each
    /// assert!(schools.integration_errors().iter().all(|error| *error < 0.2));
    /// println!("{}", schools.loo());
    /// # Ok(())
    /// # }
    /// ```
    pub fn group_log_likelihood(
        &self,
        model: &M,
        data: &M::Data,
        plate: impl Into<Name>,
        points: usize,
        seed: u64,
    ) -> Result<LogLikelihood, LogLikelihoodError> {
        group_log_likelihood(model, data, &self.any.draws, plate.into().as_str(), (points, seed))
    }

    /// Returns how much the posterior of each global depends on the prior and on the likelihood: how far it moves when one of them
    /// counts a little more or less, by weights of the draws (power-scaling). A posterior that both move may be caught between
    /// a prior and data that disagree; one that the prior alone moves has learned little. The prior is that of the globals; what
    /// is observed counts as the likelihood, given the continuous locals of the draw. `model` and `data` are those that the chains were run
    /// for.
    ///
    /// # Errors
    /// The data do not fit the model, or have other sizes than the draws; or a density is not finite.
    ///
    /// ```
    /// use hierarch::draws::PowerScaling;
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Mean {
    ///         param prior: f64 = 0.0;
    ///         global mu ~ Normal(prior, 1.0);
    ///         plate rows(1..=100) {
    ///             observe x ~ Normal(mu, 1.0);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let data = MeanData { rows: MeanRows { x: vec![0.2, -0.4, 0.9, 0.1, -0.3] } };
    /// let model = Mean { prior: 10.0 };
    /// let power: PowerScaling = model.nuts(&data).run()?.power_scaling(&model, &data)?;
    /// assert_eq!(power.rows[0].diagnosis(), Some("the prior and the data may disagree"));
    /// println!("{power}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn power_scaling(&self, model: &M, data: &M::Data) -> Result<PowerScaling, LogLikelihoodError> {
        power_scaling(model, data, &self.any.draws)
    }

    /// Returns the posterior of the discrete locals, which the density sums out, and of discrete observations that others depend on where
    /// they are missing: the probabilities of their values, and a draw of
    /// all of them for each draw of the chains, by `seed`: of the states of a sequence, whole paths. Given the globals and the continuous locals of a draw both are exact.
    /// The chains keep no data, so `model` and `data` are those that they were run for.
    ///
    /// # Errors
    /// There is no discrete local; the data do not fit the model, or have other sizes than the draws; or no value of a local is
    /// possible at a draw.
    ///
    /// ```
    /// use hierarch::draws::{DiscreteDraws, DiscreteError};
    /// use hierarch::prelude::*;
    ///
    /// model! {
    ///     pub Peak {
    ///         global fraction ~ Uniform(0.0, 1.0);
    ///         plate events(1..=100) {
    ///             local signal ~ Bernoulli(fraction);
    ///             observe x ~ if signal { Normal(3.0, 0.5) } else { Exponential(1.0) };
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (model, data) = (Peak::default(), PeakData { events: PeakEvents { x: vec![0.1, 2.9, 0.7, 3.2, 5.0] } });
    /// let chains = model.nuts(&data).run()?;
    /// let discrete: DiscreteDraws = chains.discrete(&model, &data, 1)?;
    /// let signal = discrete.probabilities(Peak::SIGNAL)?;
    /// assert!(signal[1][1] > 0.8 && signal[4][1] < 0.1); // the probabilities of yes at 2.9 and at 5.0
    /// assert!((discrete.draws().mean("signal[1]")? - signal[1][1]).abs() < 0.1);
    /// println!("{discrete}");
    /// let unknown = PeakData { events: PeakEvents { x: vec![f64::NAN] } };
    /// let error: DiscreteError = chains.discrete(&model, &unknown, 1).unwrap_err();
    /// assert!(matches!(error, DiscreteError::Data(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn discrete(&self, model: &M, data: &M::Data, seed: u64) -> Result<DiscreteDraws, DiscreteError>
    where
        M: Likelihood,
    {
        discrete(model, data, &self.any.draws, seed)
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

    /// Returns the number of draws whose trajectory was still growing when it reached its largest length, 1,023 steps.
    pub fn cut_trajectories(&self) -> usize {
        self.any.cut
    }

    /// Returns the estimated fraction of missing information of each chain: see [`bfmi`](diagnostics::bfmi).
    pub fn bfmi(&self) -> &[f64] {
        &self.any.bfmi
    }

    /// Returns what the sampler says of each draw: energy, tree depth, step size and others.
    pub fn sample_stats(&self) -> &SampleStats {
        &self.any.stats
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

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.doubts.clone();
        let total = self.chains * self.draws_per_chain();
        if self.without_slope > 0 {
            warnings.push(format!(
                "at {} points the log density was finite and its gradient was not, and the chains could not go there: a \
                 part of the posterior is missing; look for 0 times infinity in a `let` or an argument, such as `x.ln()` of \
                 data that hold a zero",
                self.without_slope
            ));
        }
        if self.divergences > 0 {
            warnings.push(format!(
                "{} of {total} draws diverged: parts of the posterior may be missed; write the model in a non-centred form \
                 or raise `target_accept`",
                self.divergences
            ));
        }
        if let Some((chain, bfmi)) = self.bfmi.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))
            && *bfmi < LEAST_BFMI
        {
            warnings.push(format!(
                "E-BFMI of chain {chain} is {bfmi:.2}, below {LEAST_BFMI}: the chains reach the tails of the posterior too \
                 slowly; write the model in another form (a scale and what it scales as two standard variables, say)"
            ));
        }
        if self.cut > 0 {
            warnings.push(format!(
                "{} of {total} trajectories reached their largest length, {} steps: the posterior is long and narrow; \
                 sample with `.metric(Metric::LowRank)`, centre covariates, or write the model in another form",
                self.cut,
                (1 << DEPTH) - 1
            ));
        }
        let worst = |value: fn(&[&[f64]]) -> f64, better: fn(&f64, &f64) -> bool| {
            let mut worst: Option<(f64, &str)> = None;
            for (name, chains) in self.variables() {
                let x = value(&chains);
                if !x.is_nan() && worst.is_none_or(|(w, _)| better(&w, &x)) {
                    worst = Some((x, name));
                }
            }
            worst
        };
        if let Some((rhat, name)) = worst(|chains| diagnostics::rhat(chains), |w, x| x > w)
            && rhat > 1.01
        {
            let advice = self.modes().unwrap_or_else(|| "the chains disagree; run them longer".to_owned());
            warnings.push(format!("R-hat of `{name}` is {rhat:.3}, above 1.01: {advice}"));
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

/// The fraction of missing information below which there is a warning, and the R-hats above which chains differ from each
/// other, and below which a chain agrees with itself.
const LEAST_BFMI: f64 = 0.3;
const APART: f64 = 1.1;
const AT_REST: f64 = 1.05;

impl AnyChains {
    /// Says that the posterior has several modes, if each chain agrees with itself and they differ from each other.
    fn modes(&self) -> Option<String> {
        let apart: Vec<(&str, Vec<&[f64]>)> =
            self.variables().filter(|(_, chains)| diagnostics::rhat(chains) > APART).collect();
        let at_rest = |chain: &&[f64]| diagnostics::rhat(&[chain]).max(1.0) < AT_REST;
        if apart.is_empty() || !apart.iter().all(|(_, chains)| chains.iter().all(at_rest)) {
            return None;
        }
        let names: Vec<String> = apart.iter().take(4).map(|(name, _)| format!("`{name}`")).collect();
        let more = if apart.len() > 4 { format!(" and {} more", apart.len() - 4) } else { String::new() };
        let exchanged = apart.iter().enumerate().find_map(|(i, (a, of_a))| {
            apart[i + 1..].iter().find(|(_, of_b)| exchange(of_a, of_b)).map(|(b, _)| (*a, *b))
        });
        let advice = match exchanged {
            Some((a, b)) => format!(
                "`{a}` and `{b}` exchange their values, so the model is the same with both exchanged: fix their order, with the \
                 second as the first plus a positive global"
            ),
            None => "start them from a posterior that holds all modes, `.start_from(..)`, or leave out what makes them"
                .into(),
        };
        Some(format!(
            "each chain agrees with itself, and they differ from each other in {}{more}: the posterior has several modes, \
             which longer chains do not join; {advice}",
            names.join(", ")
        ))
    }
}

/// Returns whether two chains have exchanged the values of two variables.
fn exchange(a: &[&[f64]], b: &[&[f64]]) -> bool {
    let moments = |chain: &&[f64]| {
        let mean = chain.iter().sum::<f64>() / chain.len() as f64;
        (mean, (chain.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / chain.len() as f64).sqrt())
    };
    let [a, b] = [a, b].map(|chains| chains.iter().map(moments).collect::<Vec<_>>());
    let near = |(x, sd): (f64, f64), (y, other): (f64, f64)| (x - y).abs() <= sd.max(other);
    (0..a.len()).any(|i| (0..i).any(|j| near(a[i], b[j]) && near(b[i], a[j]) && !near(a[i], a[j])))
}

impl<M: Model> Inferred for Chains<M> {
    fn as_draws(&self) -> Cow<'_, Draws> {
        Cow::Borrowed(&self.any.draws)
    }

    fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }

    fn stats(&self) -> Option<&SampleStats> {
        Some(&self.any.stats)
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

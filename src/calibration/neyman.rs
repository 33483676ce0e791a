//! The construction of Neyman, *Outline of a theory of statistical estimation* (Philosophical Transactions A, 1937):
//! from any test statistic, confidence sets of a parameter with the stated coverage.

use std::error::Error;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use super::construction::{AnyNeyman, Coverage, EstimateOf, Learning, scalar};
use super::critical::Critical;
use super::neyman_error::NeymanError;
use crate::model::typed;
use crate::model::{AnyData, Model, Name};
use crate::simulate::Simulate;

/// The critical values of a test statistic as functions of the parameter of interest, from simulations.
///
/// The statistic t(data, value) must be large where the data disagree with the value: a [profile likelihood
/// ratio](crate::sampling::ProfileLikelihood), or a learned statistic. A value is in the confidence set if t is at most
/// its critical value, the quantile of t under this value. Nuisance parameters are drawn from their prior, so coverage
/// is exact on average over them. At a fixed value of them it is right as far as t depends on them little;
/// [`coverage`](Neyman::coverage) measures it. Where t depends on them more, [`following`](Neyman::following) makes
/// critical values a function of an estimate of one of them.
///
/// ```
/// use hierarch::calibration::{Coverage, Neyman, NeymanError};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Uniform(0.0, 50.0);
///         nuisance background ~ Normal(3.0, 0.3);
///         observe count ~ Poisson(rate + background);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// // How far the count is from what is expected, in units of its sd.
/// let far = |data: &FluxData, rate: f64| {
///     let expected = rate + 3.0;
///     Ok::<_, std::convert::Infallible>((data.count as f64 - expected).abs() / expected.sqrt())
/// };
/// let neyman = Neyman::new(model.simulate(10_000).seed(1), "rate", 0.0..=50.0, &[0.68, 0.95], far)?;
/// let sets = neyman.confidence_sets(&FluxData { count: 20 })?;
/// println!("68 %: {:?}, 95 %: {:?}", sets[0], sets[1]);
/// let coverage: Vec<Coverage> = neyman.coverage(&FluxGlobals { rate: 15.0, background: 3.2 }, 1000, 2)?;
/// assert!(coverage[1].level == 0.95 && coverage[1].share > 0.85);
/// let beyond = neyman.coverage(&FluxGlobals { rate: 60.0, background: 3.2 }, 1000, 2);
/// assert!(matches!(beyond, Err(NeymanError::Outside { high, .. }) if high == 50.0));
/// # Ok(())
/// # }
/// ```
pub struct Neyman<'a, M: Model> {
    any: AnyNeyman<'a>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> std::fmt::Debug for Neyman<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AnyNeyman { slot, critical, .. } = &self.any;
        f.debug_struct("Neyman").field("interest", &slot.name).field("critical", critical).finish()
    }
}

/// The construction of confidence sets, of which no simulation is run yet: for those that the jobs of an array run together, see
/// [`shard`](Construction::shard). [`Neyman::new`] and [`Neyman::following`] run all of them.
#[must_use = "nothing is simulated before `run`"]
pub struct Construction<'a, M: Model> {
    pub(super) any: AnyNeyman<'a>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> std::fmt::Debug for Construction<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Construction").field("interest", &self.any.slot.name).field("levels", &self.any.levels).finish()
    }
}

impl<'a, M: Model> Construction<'a, M> {
    /// Prepares what [`Neyman::new`] runs.
    ///
    /// # Errors
    /// An invalid global, range or level; another global whose prior depends on `interest`; fewer than 200 simulations.
    pub fn new<E: Into<Box<dyn Error + Send + Sync>>, G>(
        simulate: Simulate<'a, M, G>,
        interest: impl Into<Name>,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: impl Fn(&M::Data, f64) -> Result<f64, E> + Sync + 'a,
    ) -> Result<Self, NeymanError> {
        let statistic = move |data: &dyn AnyData, value| statistic(typed(data), value).map_err(Into::into);
        let (simulate, interest) = (simulate.any().clone(), interest.into());
        let any = AnyNeyman::prepare(simulate, interest.as_str(), range, levels, Box::new(statistic), None)?;
        Ok(Self { any, model: PhantomData })
    }

    /// Prepares what [`Neyman::following`] runs.
    ///
    /// # Errors
    /// Those of [`new`](Construction::new); a `nuisance` that is not another scalar global.
    pub fn following<E: Into<Box<dyn Error + Send + Sync>>, G>(
        simulate: Simulate<'a, M, G>,
        interest: impl Into<Name>,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: impl Fn(&M::Data, f64) -> Result<f64, E> + Sync + 'a,
        nuisance: impl Into<Name>,
        estimate: impl Fn(&M::Data, f64) -> f64 + Sync + 'a,
    ) -> Result<Self, NeymanError> {
        let (interest, nuisance) = (interest.into(), nuisance.into());
        let simulate = simulate.any().clone();
        let slot = scalar(simulate.source.model, nuisance.as_str())?;
        if nuisance == interest {
            return Err(NeymanError::Both(slot.name));
        }
        let statistic = move |data: &dyn AnyData, value| statistic(typed(data), value).map_err(Into::into);
        let estimate = Box::new(move |data: &dyn AnyData, value| estimate(typed(data), value));
        let nuisance = Some((slot, estimate as Box<EstimateOf<'a>>));
        let any = AnyNeyman::prepare(simulate, interest.as_str(), range, levels, Box::new(statistic), nuisance)?;
        Ok(Self { any, model: PhantomData })
    }

    /// Runs all simulations, and learns the critical values.
    ///
    /// # Errors
    /// An error of the simulations, of the statistic or of the estimate.
    pub fn run(self) -> Result<Neyman<'a, M>, NeymanError> {
        let (sets, places, _) = self.any.identity();
        let learning = self.any.learning(0..sets, 0..places)?;
        self.learned(learning)
    }

    /// Learns the critical values from the statistics of all simulations.
    pub(super) fn learned(self, learning: Learning) -> Result<Neyman<'a, M>, NeymanError> {
        Ok(Neyman { any: self.any.learned(&learning)?, model: PhantomData })
    }
}

impl<'a, M: Model> Neyman<'a, M> {
    /// Learns the critical values of `statistic` at each of `levels` (0.95, say) from simulations. In these the scalar
    /// global `interest` is spread evenly over `range`; the other globals, all sizes and covariates are those of
    /// `simulate`.
    ///
    /// # Errors
    /// An invalid global, range or level; another global whose prior depends on `interest`; fewer than 200 simulations;
    /// an error of the simulations or of the statistic.
    pub fn new<E: Into<Box<dyn Error + Send + Sync>>, G>(
        simulate: Simulate<'a, M, G>,
        interest: impl Into<Name>,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: impl Fn(&M::Data, f64) -> Result<f64, E> + Sync + 'a,
    ) -> Result<Self, NeymanError> {
        Construction::new(simulate, interest, range, levels, statistic)?.run()
    }

    /// Learns critical values that also depend on an estimate of the global `nuisance`: `estimate` returns it, in the
    /// units of `nuisance`, from data and a value of `interest`. This is the hybrid resampling of Chuang & Lai
    /// (Statistica Sinica 2000), which physicists call the profile construction: the critical value is the quantile of
    /// t where both parameters have these values. Where the estimate is off, coverage is right as far as critical
    /// values vary little over its error. A statistic that does not depend on the nuisance parameter loses nothing.
    ///
    /// # Errors
    /// Those of [`new`](Neyman::new); a `nuisance` that is not another scalar global; an estimate that is not finite.
    pub fn following<E: Into<Box<dyn Error + Send + Sync>>, G>(
        simulate: Simulate<'a, M, G>,
        interest: impl Into<Name>,
        range: RangeInclusive<f64>,
        levels: &[f64],
        statistic: impl Fn(&M::Data, f64) -> Result<f64, E> + Sync + 'a,
        nuisance: impl Into<Name>,
        estimate: impl Fn(&M::Data, f64) -> f64 + Sync + 'a,
    ) -> Result<Self, NeymanError> {
        Construction::following(simulate, interest, range, levels, statistic, nuisance, estimate)?.run()
    }

    /// Returns whether the sets are randomised: where a statistic has only few values, as that of a count, a uniform number
    /// from the seed and the data decides whether a value at the edge belongs to the set. The coverage is then right on
    /// average over data sets; without it no set of counts has the stated coverage everywhere.
    pub fn is_randomised(&self) -> bool {
        self.any.critical.iter().any(Critical::is_randomised)
    }

    /// Returns for each level the critical value of the statistic at `value` of the parameter. It depends on `data`
    /// only where critical values [follow](Neyman::following) an estimate.
    ///
    /// # Errors
    /// An estimate that is not finite.
    pub fn critical_values(&self, data: &M::Data, value: f64) -> Result<Vec<f64>, NeymanError> {
        self.any.critical_values(data, value)
    }

    /// Returns for each level the confidence set given `data`, as intervals: none where the data disagree with every
    /// value, several where the statistic has several minima. An interval that reaches an end of the range may continue
    /// beyond it.
    ///
    /// # Errors
    /// A statistic that fails or is not finite.
    pub fn confidence_sets(&self, data: &M::Data) -> Result<Vec<Vec<RangeInclusive<f64>>>, NeymanError> {
        self.any.confidence_sets(data)
    }

    /// Returns for each level the share of `sets` data sets, simulated at `globals`, whose confidence set contains the
    /// true value.
    ///
    /// # Errors
    /// Zero data sets; a true value outside the range of the critical values; an error of the simulations or of the
    /// statistic.
    pub fn coverage(&self, globals: &M::Globals, sets: usize, seed: u64) -> Result<Vec<Coverage>, NeymanError> {
        self.any.coverage(globals, sets, seed)
    }
}

//! How much data tell of the globals: the mutual information of data and globals, which is the expected gain of an observation.
//!
//! It is the mean over simulations of ln p(globals | data) - ln p(globals). With the density q of a neural posterior in the place of
//! the exact one it is a lower bound (Barber and Agakov, *The IM algorithm*, 2003); what it lacks is the mean divergence of the two.
//!
//! Where the likelihood is known, it is also the mean of ln p(data | globals) - ln p(data). The mean of importance weights is p(data)
//! on average, and its logarithm less than ln p(data) on average: that is an upper bound (Foster and others, *Variational Bayesian
//! Optimal Experimental Design*, 2019), and the better the posterior, the nearer are the two.

use std::f64::consts::LN_2;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::Estimate;
use crate::draws::Inferred;
use crate::estimators::{InferenceError, Posterior, PosteriorEstimator};
use crate::model::{Kind, Likelihood, Model, Name, Plate, Role, global_names, log_density, log_prior, typed};
use crate::progress::Progress;
use crate::sampling::SampleError;
use crate::simulate::{Simulate, SimulateError, Simulated, Simulation, SimulationSource};

/// The default number of simulated data sets, and the smallest.
const SIMULATIONS: usize = 1000;
const FEWEST: usize = 20;
/// Separates these simulations from those of a user, and of a training, with the same seed.
const APART: u64 = 0x696e_666f_726d_0000;
/// The k-hat above which, and the number of effective draws of 4,000 below which, the mean of importance weights cannot be trusted. Weights
/// that are nearly equal have a mean whatever their tail.
const HEAVY: f64 = 0.7;
const FEW: f64 = 1000.0;

/// Why the information of data is not known.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InformationError {
    /// The model cannot be simulated.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// Too few simulations.
    #[error(
        "{simulations} simulations are too few: at least {FEWEST} are needed, and 1000 for an error of some hundredths of a bit"
    )]
    Few {
        /// How many were requested.
        simulations: usize,
    },
    /// The estimator does not infer all globals.
    #[error(
        "the estimator does not infer `{global}`, and the prior density of the other globals alone is not known: train one for all \
         globals"
    )]
    NotInferred {
        /// A global that it does not infer.
        global: String,
    },
    /// The elements have latent variables, over which the likelihood is an integral.
    #[error(
        "there is no upper bound, since the likelihood of the globals is an integral over `{local}`: leave out `upper_bound()`"
    )]
    Local {
        /// A local.
        local: String,
    },
    /// The posterior of a simulation cannot be computed.
    #[error("simulation {simulation}: {error}")]
    Posterior {
        /// The simulation, counted from 0.
        simulation: usize,
        /// The error.
        error: Box<InferenceError>,
    },
    /// The evidence of a simulation cannot be computed.
    #[error("the evidence of simulation {simulation}: {error}")]
    Evidence {
        /// The simulation, counted from 0.
        simulation: usize,
        /// The error.
        error: SampleError,
    },
}

hierarch_core::debug_as_message!(InformationError);

/// What computes ln p(data | globals) - ln p(data) of a simulation, and tells whether p(data) may be too small.
type Exact<M> = fn(&M, &Posterior<M>, &Simulation<M>) -> Result<(f64, bool), SampleError>;

/// The information of data to compute; made by [`PosteriorEstimator::information`].
#[must_use = "nothing is simulated before `run` or `curve`"]
pub struct InformationGain<'a, M: Model> {
    simulate: Simulate<'a, M>,
    estimator: &'a PosteriorEstimator<M>,
    exact: Option<Exact<M>>,
}

impl<M: Model> Clone for InformationGain<'_, M> {
    fn clone(&self) -> Self {
        Self { simulate: self.simulate.clone(), estimator: self.estimator, exact: self.exact }
    }
}

impl<'a, M: Model> Simulated<'a, M> for InformationGain<'a, M> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.simulate.any_mut().source
    }
}

impl<M: Model> PosteriorEstimator<M> {
    /// Returns what computes how much data tell of the globals, on average over 1000 data sets simulated from the prior, with the sizes
    /// that it was trained for. More data tell more, and a design that tells more is the better one.
    ///
    /// ```
    /// use hierarch::calibration::{Information, InformationCurve};
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
    /// let model = Flux::default();
    /// let estimator = model.npe().train(Budget::simulations(20_000))?; // far too short, for an example
    /// let curve: InformationCurve = estimator.information().simulations(200).curve(Flux::EVENTS, &[1, 10, 100])?;
    /// println!("{curve}");
    /// assert!(curve.points[2].1.lower.value > curve.points[0].1.lower.value);
    ///
    /// // Two bounds, where there is a likelihood.
    /// let one: Information = estimator.information().simulations(50).size(Flux::EVENTS, 30).upper_bound().run()?;
    /// println!("{one}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn information(&self) -> InformationGain<'_, M> {
        let simulate = Simulate::new(self.model(), SIMULATIONS);
        let gain = InformationGain { simulate, estimator: self, exact: None };
        self.sizes().iter().fold(gain, |gain, (plate, size)| gain.size(plate, *size))
    }
}

impl<M: Model> InformationGain<'_, M> {
    /// Sets the number of simulated data sets.
    pub fn simulations(mut self, simulations: usize) -> Self {
        self.simulate.any_mut().sets = simulations;
        self
    }

    /// Computes an upper bound too, by the evidence of each data set from importance sampling, in some ten milliseconds each.
    pub fn upper_bound(self) -> Self
    where
        M: Likelihood,
    {
        Self { exact: Some(exact), ..self }
    }

    /// Computes the information for each number of elements of a plate at the top.
    ///
    /// # Errors
    /// Those of [`run`](Self::run); a plate that the model does not have, or a size that it does not allow.
    pub fn curve(&self, plate: impl Into<Name>, sizes: &[usize]) -> Result<InformationCurve, InformationError> {
        let plate = plate.into();
        let at = |&size: &usize| Ok((size, self.clone().size(plate.clone(), size).run()?));
        let points = sizes.iter().map(at).collect::<Result<_, InformationError>>()?;
        Ok(InformationCurve { plate: plate.to_string(), points })
    }

    /// Computes the information, on all cores.
    ///
    /// # Errors
    /// A model that cannot be simulated, a posterior that does not infer all globals; for an upper bound continuous locals.
    pub fn run(&self) -> Result<Information, InformationError> {
        let mut simulate = self.simulate.any().clone();
        simulate.source.seed ^= APART;
        simulate.source = simulate.source.with_gaps_of_training();
        if simulate.sets < FEWEST {
            return Err(InformationError::Few { simulations: simulate.sets });
        }
        let specification = simulate.source.model.specification();
        if let (Some(local), Some(_)) = (continuous_local(&specification.plates), self.exact) {
            return Err(InformationError::Local { local });
        }
        let globals = global_names(&specification);
        let fixed = simulate.fixed()?;
        let (progress, done) = (Progress::new("simulating", simulate.sets as u64), AtomicU64::new(0));
        let one = |i: usize| {
            let simulation = simulate.draw(&fixed, i)?;
            let simulation: &Simulation<M> = typed(&*simulation);
            let posterior = self.estimator.condition(&simulation.data);
            let posterior =
                posterior.map_err(|error| InformationError::Posterior { simulation: i, error: Box::new(error) })?;
            let inferred = posterior.names();
            if let Some(global) = globals.iter().find(|name| !inferred.contains(name)) {
                return Err(InformationError::NotInferred { global: global.clone() });
            }
            let model = self.estimator.model();
            let lower = posterior.log_density(&simulation.globals) - log_prior(model, &simulation.globals);
            let exact = self.exact.map(|exact| exact(model, &posterior, simulation)).transpose();
            let exact = exact.map_err(|error| InformationError::Evidence { simulation: i, error })?;
            progress.set(done.fetch_add(1, Ordering::Relaxed) + 1, String::new);
            Ok((lower, exact))
        };
        let all = (0..simulate.sets).into_par_iter().map(one).collect::<Result<Vec<_>, InformationError>>()?;
        let lower: Vec<f64> = all.iter().map(|one| one.0).collect();
        let exact: Option<Vec<(f64, bool)>> = all.iter().map(|one| one.1).collect();
        let (upper, heavy): (Vec<f64>, Vec<bool>) = exact.unwrap_or_default().into_iter().unzip();
        Ok(Information {
            lower: mean(&lower),
            upper: (!upper.is_empty()).then(|| mean(&upper)),
            simulations: simulate.sets,
            heavy: heavy.into_iter().filter(|heavy| *heavy).count(),
        })
    }
}

/// Computes ln p(data | globals) - ln p(data) of a simulation without continuous locals, and tells whether p(data) may be too small.
fn exact<M: Likelihood>(
    model: &M,
    posterior: &Posterior<M>,
    Simulation { globals, locals, data, .. }: &Simulation<M>,
) -> Result<(f64, bool), SampleError> {
    let weighted = posterior.importance_sample(model, data)?;
    let joint = log_density(model, globals, locals, data)?;
    let (k_hat, few) = (weighted.k_hat(), weighted.effective_sample_size() < FEW);
    Ok((joint - log_prior(model, globals) - weighted.evidence().log, few && (k_hat.is_nan() || k_hat > HEAVY)))
}

/// Returns the first continuous local of some plates.
fn continuous_local(plates: &[Plate]) -> Option<String> {
    plates.iter().find_map(|plate| {
        let local = plate.variables.iter().find(|v| v.role == Role::Local && v.kind == Kind::Real);
        local.map(|v| v.name.clone()).or_else(|| continuous_local(&plate.plates))
    })
}

/// Returns the mean with its standard error.
fn mean(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - value).powi(2)).sum();
    Estimate { value, error: (squares / (n - 1.0) / n).sqrt() }
}

/// How much data tell of the globals, in nats: between the two bounds. `Display` writes it in bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Information {
    /// A lower bound: what the neural posterior makes of the data.
    pub lower: Estimate,
    /// An upper bound, if it was asked for.
    pub upper: Option<Estimate>,
    /// The number of simulations.
    pub simulations: usize,
    /// The number of simulations whose evidence may be too small, since k-hat is above 0.7 and less than a quarter of the draws are
    /// effective: with it the upper bound is too large.
    pub heavy: usize,
}

/// The information for some numbers of elements of a plate. `Display` writes a table in bits.
#[derive(Clone, Debug, PartialEq)]
pub struct InformationCurve {
    /// The plate.
    pub plate: String,
    /// The numbers of elements, and how much as many tell.
    pub points: Vec<(usize, Information)>,
}

fn bits(nats: Estimate) -> Estimate {
    Estimate { value: nats.value / LN_2, error: nats.error / LN_2 }
}

impl fmt::Display for Information {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the data tell at least {:.3} bits of the globals", bits(self.lower))?;
        match self.upper {
            Some(upper) => write!(f, ", and at most {:.3}", bits(upper)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for InformationCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.plate.chars().count().max(6);
        writeln!(f, "{:>width$}  {:>15}  {:>15}  {:>8}", self.plate, "bits at least", "at most", "for each")?;
        for (size, point) in &self.points {
            let lower = bits(point.lower);
            let upper = point.upper.map_or("not known".to_owned(), |upper| format!("{:.3}", bits(upper)));
            let each = lower.value / *size as f64;
            writeln!(f, "{size:>width$}  {:>15}  {upper:>15}  {each:>8.4}", format!("{lower:.3}"))?;
        }
        let heavy: usize = self.points.iter().map(|point| point.1.heavy).sum();
        if heavy > 0 {
            let all: usize = self.points.iter().map(|point| point.1.simulations).sum();
            writeln!(
                f,
                "warning: the evidence of {heavy} of {all} simulations may be too small (k-hat above {HEAVY}, few effective draws), \
                 which makes the upper bounds too large: train longer"
            )?;
        }
        Ok(())
    }
}

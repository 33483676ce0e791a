//! What can be calibrated: anything that draws from a posterior given data.

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::draws::Inferred;
use crate::model::{Likelihood, Model};
use crate::sampling::{Chains, SamplingExt};
use crate::simulate::Simulation;

/// The error type of an estimator.
pub type EstimatorError = Box<dyn Error + Send + Sync>;

/// Draws from an estimator's posterior given a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The names of the numbers: `mass`, `mu[2]` for a component, `slope[17]` for the element of a plate, `pair[17][1]`
    /// for both.
    pub names: Vec<String>,
    /// The draws for each name.
    pub draws: Vec<Vec<f64>>,
    /// ln of the posterior density, up to a constant, where it is known.
    pub log_densities: Option<LogDensities>,
}

/// ln of a posterior density, up to a constant for each data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogDensities {
    /// At the values with which the data were simulated.
    pub truth: f64,
    /// At each draw.
    pub draws: Vec<f64>,
}

/// Anything that draws from a posterior given data: neural posteriors and ratios, [`NutsEstimator`], and a closure that
/// takes data, a number of draws and a seed, and returns the draws by name.
///
/// ```
/// use hierarch::calibration::{Calibrate, Drawn, Estimator, EstimatorError, LogDensities};
/// use hierarch::distributions::{Distribution, Draw, Normal};
/// use hierarch::prelude::*;
/// use hierarch::simulate::stream;
///
/// model! {
///     pub Weight {
///         global mean ~ Normal(0.0, 1.0);
///         observe x ~ Normal(mean, 1.0);
///     }
/// }
///
/// /// The posterior in closed form.
/// struct Exact;
///
/// impl Estimator<Weight> for Exact {
///     fn draw(&self, simulation: &Simulation<Weight>, count: usize, seed: u64) -> Result<Drawn, EstimatorError> {
///         let posterior = Normal::new(0.5 * simulation.data.x, 0.5_f64.sqrt());
///         let mut rng = stream(seed, 0);
///         let draws: Vec<f64> = (0..count).map(|_| posterior.draw(&mut rng)).collect();
///         let log_densities = LogDensities {
///             truth: posterior.log_density(simulation.globals.mean),
///             draws: draws.iter().map(|mean| posterior.log_density(*mean)).collect(),
///         };
///         Ok(Drawn { names: vec!["mean".to_owned()], draws: vec![draws], log_densities: Some(log_densities) })
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let calibration = Calibrate::new(&Weight::default(), &Exact).simulations(200).draws(50).run()?;
/// assert!(calibration.p_min() > 1e-6);
/// assert_eq!(calibration.log_density_ranks().unwrap().ranks.len(), 200);
/// # Ok(())
/// # }
/// ```
pub trait Estimator<M: Model>: Sync {
    /// Returns `count` independent draws given the data of `simulation`. Only the log density may use its true values.
    ///
    /// # Errors
    /// Any error of the estimator.
    fn draw(&self, simulation: &Simulation<M>, count: usize, seed: u64) -> Result<Drawn, EstimatorError>;
}

impl<M, F, E> Estimator<M> for F
where
    M: Model,
    E: Into<EstimatorError>,
    F: Fn(&M::Data, usize, u64) -> Result<Vec<(String, Vec<f64>)>, E> + Sync,
{
    fn draw(&self, simulation: &Simulation<M>, count: usize, seed: u64) -> Result<Drawn, EstimatorError> {
        let (names, draws) = self(&simulation.data, count, seed).map_err(Into::into)?.into_iter().unzip();
        Ok(Drawn { names, draws, log_densities: None })
    }
}

/// NUTS as an estimator: it runs two chains for each data set, thinned to the requested number of draws.
#[derive(Clone, Copy, Debug)]
pub struct NutsEstimator<'a, M: Model> {
    model: &'a M,
    warmup: usize,
    thin: usize,
}

impl<'a, M: Likelihood> NutsEstimator<'a, M> {
    /// Creates an estimator with a warm-up of 500 steps. It keeps every fifth draw, so that the draws are nearly
    /// independent.
    pub fn new(model: &'a M) -> Self {
        Self { model, warmup: 500, thin: 5 }
    }

    /// Sets the number of steps that adapt a chain.
    pub fn warmup(mut self, steps: usize) -> Self {
        self.warmup = steps;
        self
    }

    /// Keeps one of `thin` draws of a chain; `thin` is at least 1. Ranks among draws that depend on each other are too
    /// often extreme.
    pub fn thin(mut self, thin: usize) -> Self {
        self.thin = thin.max(1);
        self
    }
}

impl<M: Likelihood> Estimator<M> for NutsEstimator<'_, M> {
    fn draw(&self, simulation: &Simulation<M>, count: usize, seed: u64) -> Result<Drawn, EstimatorError> {
        const CHAINS: usize = 2;
        let each = count.div_ceil(CHAINS);
        let nuts = self.model.nuts(&simulation.data).seed(seed).chains(CHAINS).warmup(self.warmup);
        let chains: Chains<M> = nuts.draws((each * self.thin).max(4)).run()?;
        let all = chains.as_draws();
        let kept = |column: &Vec<f64>| -> Vec<f64> {
            let thinned = |chain: &'_ [f64]| chain.iter().skip(self.thin - 1).step_by(self.thin).copied().collect();
            let thinned = all.split(column).into_iter().map(thinned).collect::<Vec<Vec<f64>>>();
            thinned.into_iter().flatten().take(count).collect()
        };
        let names = all.names().to_vec();
        let draws = all.columns().iter().map(kept).collect();
        Ok(Drawn { names, draws, log_densities: None })
    }
}

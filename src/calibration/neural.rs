//! Calibration and typicality of neural estimators.

use super::{Calibrate, Drawn, Estimator, EstimatorError, LogDensities, TypicalityTest};
use crate::draws::Inferred;
use crate::estimators::{JointEstimator, PosteriorEstimator, RatioEstimator};
use crate::model::{AsNumbers, Model};
use crate::simulate::Simulation;

impl<M: Model> Estimator<M> for PosteriorEstimator<M> {
    fn draw(&self, simulation: &Simulation<M>, count: usize, seed: u64) -> Result<Drawn, EstimatorError> {
        let posterior = self.condition(&simulation.data)?;
        let (draws, log_densities) = posterior.sample_with_log_density(count, seed);
        let truth = posterior.log_density(&simulation.globals);
        let names = posterior.names();
        Ok(Drawn { names, draws, log_densities: Some(LogDensities { truth, draws: log_densities }) })
    }
}

impl<M: Model> Estimator<M> for JointEstimator<M> {
    fn draw(&self, simulation: &Simulation<M>, count: usize, seed: u64) -> Result<Drawn, EstimatorError> {
        let joint = self.condition(&simulation.data)?;
        let names = joint.names();
        let Some((draws, log_densities)) = joint.sample_with_log_density(count, seed) else {
            return Ok(Drawn { names, draws: joint.sample(count, seed), log_densities: None });
        };
        let truth = joint.log_density(&simulation.globals, &simulation.locals)?;
        Ok(Drawn { names, draws, log_densities: Some(LogDensities { truth, draws: log_densities }) })
    }
}

impl<M: Model> Estimator<M> for RatioEstimator<M> {
    fn draw(&self, simulation: &Simulation<M>, count: usize, seed: u64) -> Result<Drawn, EstimatorError> {
        let posterior = self.condition(&simulation.data)?;
        let names = posterior.names();
        let draws = posterior.sample_with(&simulation.globals, count, seed);
        let truth = posterior.log_posterior(&simulation.globals);
        let log_densities = truth.and_then(|truth| {
            let lengths = self.model().lengths();
            let at = |i: usize| {
                let numbers: Vec<f64> = draws.iter().map(|column| column[i]).collect();
                M::Globals::from_lengths(&numbers, &lengths)
            };
            let draws = (0..count).map(|i| posterior.log_posterior(&at(i))).collect::<Option<_>>()?;
            Some(LogDensities { truth, draws })
        });
        Ok(Drawn { names, draws, log_densities })
    }
}

impl<M: Model> PosteriorEstimator<M> {
    /// Returns a calibration of the posterior, on simulations from the prior with the sizes that it was trained for.
    pub fn calibrate(&self) -> Calibrate<'_, M, Self> {
        Calibrate::of(self.model(), self).sizes(self.sizes())
    }

    /// Returns a test of whether data are like the simulations of the model that the estimator was trained on.
    ///
    /// ```
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
    /// let estimator = model.npe().train(Budget::simulations(2_000))?; // far too short, for an example
    /// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 7e5, 0.3] } };
    /// for warning in estimator.typicality().of(&data)?.warnings() {
    ///     println!("{warning}"); // ... `largest energy` is 700000 ...
    /// }
    /// # assert!(!estimator.typicality().of(&data)?.warnings().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn typicality(&self) -> TypicalityTest<'_, M> {
        TypicalityTest::new(self.model())
    }
}

impl<M: Model> JointEstimator<M> {
    /// Returns a calibration of the posterior of globals and locals, on simulations from the prior with the sizes that
    /// it was trained for.
    pub fn calibrate(&self) -> Calibrate<'_, M, Self> {
        Calibrate::of(self.model(), self).sizes(self.sizes())
    }

    /// Returns a test of whether data are like simulations of the model: see [`PosteriorEstimator::typicality`].
    pub fn typicality(&self) -> TypicalityTest<'_, M> {
        TypicalityTest::new(self.model())
    }
}

impl<M: Model> RatioEstimator<M> {
    /// Returns a calibration of the posterior, on simulations from the prior with the sizes that it was trained for.
    pub fn calibrate(&self) -> Calibrate<'_, M, Self> {
        Calibrate::of(self.model(), self).sizes(self.sizes())
    }

    /// Returns a test of whether data are like simulations of the model: see [`PosteriorEstimator::typicality`].
    pub fn typicality(&self) -> TypicalityTest<'_, M> {
        TypicalityTest::new(self.model())
    }
}

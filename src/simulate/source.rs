//! The settings that all builders with simulations share.

use crate::model::{AnyData, AnyModel, Fixed, MissingValues, Model, Name, SimulateError};

/// The settings of a model's simulations: seed, sizes of plates, covariates.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct SimulationSource<'a> {
    pub(crate) model: &'a dyn AnyModel,
    pub(crate) seed: u64,
    /// The sizes that are fixed.
    pub(crate) sizes: Vec<(String, usize)>,
    /// The data set from whose rows covariates are drawn.
    pub(crate) covariates: Option<&'a dyn AnyData>,
    /// The share of values that are missing, of observations that may be.
    pub(crate) missing: Option<f64>,
}

/// The share of values that are missing in what an estimator is trained on and checked with, of observations that may be.
const MISSING: f64 = 0.2;

impl<'a> SimulationSource<'a> {
    pub(crate) fn new(model: &'a dyn AnyModel) -> Self {
        Self { model, seed: 0, sizes: Vec::new(), covariates: None, missing: None }
    }

    /// Returns what is held fixed in each simulation.
    ///
    /// # Errors
    /// A plate does not exist, or the covariates do not fit the model.
    pub(crate) fn fixed(&self) -> Result<Fixed<'a>, SimulateError> {
        if let Some(data) = self.covariates {
            self.model.check(data)?;
        }
        let fixed =
            Fixed::new(&self.model.specification(), &self.sizes, None, self.covariates.map(|data| (data, false)))?;
        Ok(fixed.with_missing(self.missing()?.unwrap_or(MissingValues::Share(MISSING))))
    }

    /// Returns which values are missing, if that was said.
    ///
    /// # Errors
    /// The share is none, or no observation of the model may be missing.
    pub(crate) fn missing(&self) -> Result<Option<MissingValues>, SimulateError> {
        match self.missing {
            None => Ok(None),
            Some(_) if !self.model.specification().has_missing() => Err(SimulateError::NothingMissing),
            Some(share) if (0.0..=1.0).contains(&share) => Ok(Some(MissingValues::Share(share))),
            Some(share) => Err(SimulateError::MissingShare { share }),
        }
    }

    /// Lets values be missing as in what an estimator is trained on.
    pub(crate) fn with_gaps_of_training(self) -> Self {
        let missing = self.missing.or_else(|| self.model.specification().has_missing().then_some(MISSING));
        Self { missing, ..self }
    }

    /// Describes the sizes and covariates in a text that is the same for the same simulations.
    pub(crate) fn describe(&self) -> String {
        let covariates = self.covariates.map(|data| data.frame().digest());
        let missing = self.missing.map_or(String::new(), |share| format!(", missing {share}"));
        format!("sizes {:?}, covariates {covariates:?}{missing}", self.sizes)
    }
}

/// The settings of every builder that simulates a model: seed, sizes of plates and covariates, in any order. In scope
/// with the prelude.
pub trait Simulated<'a, M: Model>: Sized {
    #[doc(hidden)]
    fn source_mut(&mut self) -> &mut SimulationSource<'a>;

    /// Sets the seed of the simulations, and of the training with them; the default is 0. The same seed gives the same
    /// numbers.
    fn seed(mut self, seed: u64) -> Self {
        self.source_mut().seed = seed;
        self
    }

    /// Fixes the size of `plate` to `elements`. Without it each simulation draws a size: from the plate's range, half
    /// of the time uniformly and half log-uniformly, or from its distribution. An estimator that was trained for one
    /// size refuses data of another.
    fn size(mut self, plate: impl Into<Name>, elements: usize) -> Self {
        self.source_mut().sizes.push((plate.into().to_string(), elements));
        self
    }

    /// Lets values of observations be missing that may be, `observe y: Option ~ ..`: each with a probability that is drawn for each
    /// simulation and observation from all between 0 and 1, and is `share` on average. Without it, those of an estimator's
    /// simulations are missing with a share of 0.2, and those of `simulate` where they are missing in the data whose design they
    /// take.
    fn missing(mut self, share: f64) -> Self {
        self.source_mut().missing = Some(share);
        self
    }

    /// Draws the covariates of each element from the rows of `data`.
    fn covariates_from(mut self, data: &'a M::Data) -> Self {
        self.source_mut().covariates = Some(data);
        self
    }
}

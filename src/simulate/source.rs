//! The settings that all builders with simulations share.

use crate::model::{AnyData, AnyModel, Fixed, Model, Name, SimulateError};

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
}

impl<'a> SimulationSource<'a> {
    pub(crate) fn new(model: &'a dyn AnyModel) -> Self {
        Self { model, seed: 0, sizes: Vec::new(), covariates: None }
    }

    /// Returns what is held fixed in each simulation.
    ///
    /// # Errors
    /// A plate does not exist, or the covariates do not fit the model.
    pub(crate) fn fixed(&self) -> Result<Fixed<'a>, SimulateError> {
        if let Some(data) = self.covariates {
            self.model.check(data)?;
        }
        Fixed::new(&self.model.specification(), &self.sizes, None, self.covariates.map(|data| (data, false)))
    }

    /// Describes the sizes and covariates in a text that is the same for the same simulations.
    pub(crate) fn describe(&self) -> String {
        let covariates = self.covariates.map(|data| data.frame().digest());
        format!("sizes {:?}, covariates {covariates:?}", self.sizes)
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

    /// Draws the covariates of each element from the rows of `data`.
    fn covariates_from(mut self, data: &'a M::Data) -> Self {
        self.source_mut().covariates = Some(data);
        self
    }
}

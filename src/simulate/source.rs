//! Which data sets are simulated: what every builder that simulates has in common.

use crate::model::{AnyData, AnyModel, Fixed, Model, Name, SimulateError};

/// The simulations of a model that something learns from: seed, sizes of plates, covariates.
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

    /// What is held fixed of each simulation.
    ///
    /// # Errors
    /// A plate that does not exist, or covariates that do not fit the model.
    pub(crate) fn fixed(&self) -> Result<Fixed<'a>, SimulateError> {
        if let Some(data) = self.covariates {
            self.model.check(data)?;
        }
        Fixed::new(&self.model.specification(), &self.sizes, None, self.covariates.map(|data| (data, false)))
    }

    /// Names the sizes and covariates in words: the same for the same simulations.
    pub(crate) fn describe(&self) -> String {
        let covariates = self.covariates.map(|data| data.frame().digest());
        format!("sizes {:?}, covariates {covariates:?}", self.sizes)
    }
}

/// What simulates a model takes a seed, sizes of plates and covariates, in any order. In scope with the prelude.
pub trait Simulated<'a, M: Model>: Sized {
    #[doc(hidden)]
    fn source_mut(&mut self) -> &mut SimulationSource<'a>;

    /// Sets the seed of the simulations, and of what is learned from them; 0 if none is set. The same seed gives the same
    /// numbers.
    fn seed(mut self, seed: u64) -> Self {
        self.source_mut().seed = seed;
        self
    }

    /// Fixes the size of a plate. Else a size is drawn: from its range, half uniformly and half log-uniformly, or from its
    /// distribution. An estimator that was trained for one size refuses data of another.
    fn size(mut self, plate: impl Into<Name>, elements: usize) -> Self {
        self.source_mut().sizes.push((plate.into().to_string(), elements));
        self
    }

    /// Draws the covariates of each element from the rows of a data set.
    fn covariates_from(mut self, data: &'a M::Data) -> Self {
        self.source_mut().covariates = Some(data);
        self
    }
}

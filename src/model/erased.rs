//! A model without its types.
//!
//! Code that is generic over a model is compiled again for each model, in the crate of its user. Code that does not
//! need the model's types therefore works with the traits of this file, and is compiled once, in this library: a model
//! is a `&dyn AnyModel`; its data, globals and locals are `&dyn AnyData`, `&dyn AnyGlobals` and `&dyn AnyLocals`. The
//! functions that users call are generic: they ensure that all of these come from one model, and that the model gets
//! its own types back.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use super::erased_data::{AnyData, AnyGlobals, AnyLocals, typed};
use super::{
    AsNumbers, DataSet, Fixed, Frame, LocalSet, Model, Plan, SimulateError, Simulation, Specification, Stream, Walk,
};

impl<D: DataSet> AnyData for D {
    fn frame(&self) -> Frame<'_> {
        DataSet::frame(self)
    }
}

impl<L: LocalSet> AnyLocals for L {
    fn frame(&self) -> Frame<'_> {
        LocalSet::frame(self)
    }
}

impl<G: AsNumbers + Send + Sync + 'static> AnyGlobals for G {
    fn to_numbers(&self) -> Vec<f64> {
        AsNumbers::to_numbers(self)
    }

    fn lengths(&self) -> Vec<(&'static str, usize)> {
        AsNumbers::lengths(self)
    }
}

/// A simulated data set of any model, with the latent variables that it was drawn from.
pub(crate) trait AnySimulation: Any + Send + Sync {
    fn globals(&self) -> &dyn AnyGlobals;
    fn locals(&self) -> &dyn AnyLocals;
    fn data(&self) -> &dyn AnyData;
}

impl Debug for dyn AnySimulation + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("globals", &self.globals())
            .field("data", &self.data())
            .finish_non_exhaustive()
    }
}

impl<M: Model> AnySimulation for Simulation<M> {
    fn globals(&self) -> &dyn AnyGlobals {
        &self.globals
    }

    fn locals(&self) -> &dyn AnyLocals {
        &self.locals
    }

    fn data(&self) -> &dyn AnyData {
        &self.data
    }
}

/// A model. Callers use the methods of `dyn AnyModel` below; those of the trait have other names, since a type that is
/// a [`Model`] has both.
pub(crate) trait AnyModel: Any + Debug + Send + Sync {
    fn any_specification(&self) -> Specification;
    fn any_dimension(&self, data: &dyn AnyData) -> usize;
    fn any_globals(&self, numbers: &[f64]) -> Box<dyn AnyGlobals>;
    fn any_lengths(&self) -> Vec<usize>;
    fn any_draw(&self, fixed: &Fixed<'_>, rng: &mut Stream) -> Result<Box<dyn AnySimulation>, SimulateError>;
    fn any_walk(
        &self,
        data: Option<&dyn AnyData>,
        globals: Option<&dyn AnyGlobals>,
        locals: Option<&dyn AnyLocals>,
        walk: &mut dyn Walk,
    );
    fn is(&self, other: &dyn AnyModel) -> bool;
    fn any_clone(&self) -> Arc<dyn AnyModel>;
}

impl<M: Model> AnyModel for M {
    fn any_specification(&self) -> Specification {
        self.specification()
    }

    fn any_dimension(&self, data: &dyn AnyData) -> usize {
        self.dimension(typed(data))
    }

    fn any_globals(&self, numbers: &[f64]) -> Box<dyn AnyGlobals> {
        Box::new(M::Globals::from_lengths(numbers, &self.lengths()))
    }

    fn any_lengths(&self) -> Vec<usize> {
        self.lengths()
    }

    fn any_draw(&self, fixed: &Fixed<'_>, rng: &mut Stream) -> Result<Box<dyn AnySimulation>, SimulateError> {
        Ok(Box::new(self.draw(&Plan::of(fixed), rng)?))
    }

    fn any_walk(
        &self,
        data: Option<&dyn AnyData>,
        globals: Option<&dyn AnyGlobals>,
        locals: Option<&dyn AnyLocals>,
        walk: &mut dyn Walk,
    ) {
        self.walk(
            data.map(|data| typed(data)),
            globals.map(|globals| typed(globals)),
            locals.map(|locals| typed(locals)),
            walk,
        );
    }

    fn is(&self, other: &dyn AnyModel) -> bool {
        (other as &dyn Any).downcast_ref::<M>().is_some_and(|other| self == other)
    }

    fn any_clone(&self) -> Arc<dyn AnyModel> {
        Arc::new(self.clone())
    }
}

impl dyn AnyModel + '_ {
    /// Returns names, shapes, supports and plates, as data.
    pub(crate) fn specification(&self) -> Specification {
        self.any_specification()
    }

    /// Returns the number of unconstrained numbers of all latent variables of a data set.
    pub(crate) fn dimension(&self, data: &dyn AnyData) -> usize {
        self.any_dimension(data)
    }

    /// Returns the globals from their numbers; a missing number is NaN.
    pub(crate) fn globals(&self, numbers: &[f64]) -> Box<dyn AnyGlobals> {
        self.any_globals(numbers)
    }

    /// Returns the lengths of the globals that are sizes of the model.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.any_lengths()
    }

    /// Draws one data set. A draw that the model cannot be simulated at is skipped, and counted in `fixed`.
    pub(crate) fn draw(&self, fixed: &Fixed<'_>, rng: &mut Stream) -> Result<Box<dyn AnySimulation>, SimulateError> {
        fixed.skipped.retry(|| self.any_draw(fixed, rng))
    }

    /// Draws the globals alone from their prior; returns their numbers.
    pub(crate) fn draw_globals(&self, fixed: &Fixed<'_>, rng: &mut Stream) -> Result<Vec<f64>, SimulateError> {
        let fixed = Fixed { only_globals: true, ..fixed.clone() };
        fixed.skipped.retry(|| match self.any_draw(&fixed, rng) {
            Err(SimulateError::OnlyGlobals { numbers }) => Ok(numbers),
            // A model without globals.
            Ok(simulation) => Ok(simulation.globals().to_numbers()),
            Err(error) => Err(error),
        })
    }

    /// Runs the model's statements on plain numbers.
    pub(crate) fn walk(
        &self,
        data: Option<&dyn AnyData>,
        globals: Option<&dyn AnyGlobals>,
        locals: Option<&dyn AnyLocals>,
        walk: &mut dyn Walk,
    ) {
        self.any_walk(data, globals, locals, walk);
    }
}

//! A model without its types.
//!
//! What is generic over a model is compiled again for each model, in the crate of its user. So whatever need not know the
//! model's types works with the traits of this file, and is compiled once, in this library: a model is a `&dyn AnyModel`,
//! its data, globals and locals are `&dyn AnyData`, `&dyn AnyGlobals` and `&dyn AnyLocals`. They are made from the types of
//! one model, and what is handed back to that model are its own types again: the functions that users call are generic and
//! see to that.

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
}

/// A simulated data set of some model, with the latent variables that it was drawn from.
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

/// A model. Its methods are those that follow for `dyn AnyModel`; these here have names of their own, since a type that is a
/// [`Model`] has both.
pub(crate) trait AnyModel: Any + Debug + Send + Sync {
    fn any_specification(&self) -> Specification;
    fn any_dimension(&self, data: &dyn AnyData) -> usize;
    fn any_globals(&self, numbers: &[f64]) -> Box<dyn AnyGlobals>;
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
        Box::new(M::Globals::from_numbers(numbers))
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
    /// Names, shapes, supports and plates, as data.
    pub(crate) fn specification(&self) -> Specification {
        self.any_specification()
    }

    /// How many unconstrained numbers stand for the latent variables of a data set.
    pub(crate) fn dimension(&self, data: &dyn AnyData) -> usize {
        self.any_dimension(data)
    }

    /// The globals from as many numbers; what is missing is NaN.
    pub(crate) fn globals(&self, numbers: &[f64]) -> Box<dyn AnyGlobals> {
        self.any_globals(numbers)
    }

    /// Draws one data set.
    pub(crate) fn draw(&self, fixed: &Fixed<'_>, rng: &mut Stream) -> Result<Box<dyn AnySimulation>, SimulateError> {
        self.any_draw(fixed, rng)
    }

    /// Runs the statements on plain numbers.
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

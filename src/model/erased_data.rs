//! Data, globals and locals of a model without their types: see [`erased`](super::erased).

use std::any::Any;
use std::fmt::Debug;

use super::Frame;

/// A data set of some model.
pub(crate) trait AnyData: Any + Send + Sync {
    fn frame(&self) -> Frame<'_>;
}

impl Debug for dyn AnyData + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.frame().fmt(f)
    }
}

/// The locals of a data set of some model.
pub(crate) trait AnyLocals: Any + Send + Sync {
    fn frame(&self) -> Frame<'_>;
}

/// The globals of some model.
pub(crate) trait AnyGlobals: Any + Send + Sync {
    fn to_numbers(&self) -> Vec<f64>;
}

impl Debug for dyn AnyGlobals + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_numbers().fmt(f)
    }
}

/// Something of a model as the type that it is.
///
/// Whoever calls a function of this library with a model and data, say, has both as types of one model, and they stay
/// together: no other type comes here.
pub(crate) fn typed<T: Any>(something: &dyn Any) -> &T {
    match something.downcast_ref() {
        Some(typed) => typed,
        None => unreachable!("a {} was handed to another model", std::any::type_name::<T>()),
    }
}

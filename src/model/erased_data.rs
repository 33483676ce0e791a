//! Data, globals and locals of a model without their types: see [`erased`](super::erased).

use std::any::Any;
use std::fmt::Debug;

use super::Frame;

/// A data set of any model.
pub(crate) trait AnyData: Any + Send + Sync {
    fn frame(&self) -> Frame<'_>;
}

impl Debug for dyn AnyData + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.frame().fmt(f)
    }
}

/// The locals of a data set of any model.
pub(crate) trait AnyLocals: Any + Send + Sync {
    fn frame(&self) -> Frame<'_>;
}

/// The globals of any model.
pub(crate) trait AnyGlobals: Any + Send + Sync {
    fn to_numbers(&self) -> Vec<f64>;
    fn lengths(&self) -> Vec<(&'static str, usize)>;
}

impl Debug for dyn AnyGlobals + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_numbers().fmt(f)
    }
}

/// Returns data, globals or locals as the type `T` of their model.
///
/// Callers of this library pass a model and, for example, data as types of one model, and the two stay together: no
/// other type can arrive here.
pub(crate) fn typed<T: Any>(something: &dyn Any) -> &T {
    match something.downcast_ref() {
        Some(typed) => typed,
        None => of_another_model(std::any::type_name::<T>()),
    }
}

/// Does what [`typed`] does, with what is owned.
pub(crate) fn into_typed<T: Any>(something: Box<dyn Any>) -> T {
    match something.downcast() {
        Ok(typed) => *typed,
        Err(_) => of_another_model(std::any::type_name::<T>()),
    }
}

/// Compiled once, not for each type.
fn of_another_model(name: &str) -> ! {
    unreachable!("a {name} was handed to another model")
}

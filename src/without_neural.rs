//! What stands in for the estimators where the library is built without networks: the compiler then says what they need.

use std::convert::Infallible;

use crate::model::Model;

/// What no model is where the library is built without networks: the message is all there is of it.
#[diagnostic::on_unimplemented(
    message = "neural estimators need the feature `neural` of hierarch, which is off",
    label = "needs the feature `neural`",
    note = "in Cargo.toml, leave out `default-features = false`, or say `features = [\"neural\"]`"
)]
pub trait Neural {}

/// The estimators' names, which need the feature `neural`.
pub trait EstimatorExt: Model {
    /// Needs the feature `neural`.
    fn npe(&self) -> Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

    /// Needs the feature `neural`.
    fn joint_npe(&self) -> Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

    /// Needs the feature `neural`.
    fn nre(&self) -> Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }

    /// Needs the feature `neural`.
    fn test_statistic(&self, _: &str) -> Infallible
    where
        Self: Neural,
    {
        unreachable!("no type is `Neural`")
    }
}

impl<M: Model> EstimatorExt for M {}

//! What stands in for graphs of ONNX where the library is built without them: the compiler then says what they need.

use std::convert::Infallible;
use std::path::Path;

use super::PosteriorEstimator;
use crate::model::Model;

/// What no estimator is where the library is built without graphs: the message is all there is of it.
#[diagnostic::on_unimplemented(
    message = "graphs of ONNX need the feature `onnx` of hierarch, which is off",
    label = "needs the feature `onnx`",
    note = "in Cargo.toml: `features = [\"onnx\"]`"
)]
pub trait Onnx {}

impl<M: Model> PosteriorEstimator<M> {
    /// Needs the feature `onnx`.
    pub fn export_onnx(&self, _: impl AsRef<Path>) -> Result<(), Infallible>
    where
        Self: Onnx,
    {
        unreachable!("no type is `Onnx`")
    }
}

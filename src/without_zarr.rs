//! What stands in for stores where the library is built without them: the compiler then says what they need.

use std::convert::Infallible;
use std::path::Path;

use crate::draws::Inferred;
use crate::model::Model;
use crate::sampling::Nuts;

/// What no posterior is where the library is built without stores: the message is all there is of it.
#[diagnostic::on_unimplemented(
    message = "stores that ArviZ opens need the feature `zarr` of hierarch, which is off",
    label = "needs the feature `zarr`",
    note = "in Cargo.toml: `features = [\"zarr\"]`"
)]
pub trait Zarr {}

/// Needs the feature `zarr`.
pub trait SaveExt: Inferred {
    /// Needs the feature `zarr`.
    fn save<M: Model>(&self, _: &M, _: &M::Data, _: impl AsRef<Path>) -> Result<(), Infallible>
    where
        Self: Zarr,
    {
        unreachable!("no type is `Zarr`")
    }
}

impl<P: Inferred + ?Sized> SaveExt for P {}

/// Needs the feature `zarr`.
pub trait StoreExt: Sized {
    /// Needs the feature `zarr`.
    fn store(self, _: impl AsRef<Path>) -> Self
    where
        Self: Zarr,
    {
        unreachable!("no type is `Zarr`")
    }
}

impl<M: Model> StoreExt for Nuts<'_, M> {}

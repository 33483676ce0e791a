//! Stores of arrays in the format Zarr 2, with the conventions by which xarray reads dimensions and coordinates: folders with JSON
//! beside plain numbers.
//!
//! It is written here, and not by a crate: `zarrs`, with its file store alone, is 136 crates, and what is needed of the format is a
//! description and a file of numbers. Version 2, since `arviz.from_zarr` of ArviZ 0.2x reads no other; ArviZ 1.x reads both. Nothing
//! is compressed: draws are noise in all but their first bits.

mod array;
mod group;
mod grow;

pub(crate) use array::{Array, Numbers};
pub(crate) use group::{Group, first_double, write_store};
pub(crate) use grow::Growing;

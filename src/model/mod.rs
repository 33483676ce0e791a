//! Models: the traits that `model!` implements, specifications, densities and checks of data.

mod blame;
mod by_group;
mod check;
mod compared;
mod data_error;
mod density;
mod design;
pub(crate) mod diagram;
mod draw;
mod erased;
mod erased_data;
mod filter;
mod fixed;
mod frame;
mod least_squares;
mod missing;
mod name;
#[doc(hidden)]
pub mod of_columns;
mod own;
mod prepared;
mod quantity;
mod reads;
mod scratch;
mod simulate_error;
mod skipped;
mod slots;
pub(crate) mod specification;
mod stream;
mod traits;
mod transform;
mod vectors;
#[doc(hidden)]
pub mod walk;

pub(crate) use by_group::{GroupDensities, Groups};
pub(crate) use check::{Extent, allowed, check_local_frames, columns, groups};
pub use check::{check, check_locals};
#[doc(hidden)]
pub use compared::{add_compared, normalize, write_shares};
pub use data_error::DataError;
pub use density::Density;
pub(crate) use density::{AnyDensity, Densities, Factor};
#[doc(hidden)]
pub use draw::{CheckDrawn, Drawn, DrawnFrom, Failure, Outcome, output, remember};
pub use draw::{draw, draw_index, draw_of_plate};
pub(crate) use erased::{AnyModel, AnySimulation};
pub(crate) use erased_data::{AnyData, AnyGlobals, AnyLocals, into_typed, typed};
pub(crate) use fixed::{Fixed, MissingValues};
pub use frame::{Column, ColumnType, Frame, Values};
#[doc(hidden)]
pub use least_squares::{Rows, Unknowns};
#[doc(hidden)]
pub use missing::{gather, missing, ranks, spread};
pub use name::{Name, UnknownName};
#[doc(hidden)]
pub use own::{draw_own, draw_own_open, latent_own, latent_own_open, observe_own, observe_own_open};
pub use prepared::{DensityPlan, PlanStep};
#[doc(hidden)]
pub use prepared::{Prepared, Weights, distinct, outer_elements};
#[doc(hidden)]
pub use quantity::{Quantity, QuantityNumber, random};
#[doc(hidden)]
pub use reads::{Indexed, KnownSize, Read, Reads, Sequence, UnknownSize};
#[doc(hidden)]
pub use scratch::Scratch;
pub use simulate_error::SimulateError;
pub(crate) use skipped::Skipped;
pub use slots::{GlobalSlot, LocalRange, LocalSlot, LocalValues, global_slots, local_ranges, local_slots};
pub use specification::{Kind, Missing, Plate, PlateSize, Role, Specification, Variable};
pub(crate) use stream::{Purpose, stream_for};
pub use stream::{Stream, stream};
pub(crate) use traits::globals_of;
pub use traits::{
    AsNumbers, DataSet, DensityPart, Explicit, Generative, Likelihood, LocalSet, Model, Plan, Simulable, Simulation,
};
pub(crate) use transform::{component_names, global_names, in_element, inferred_places};
pub use transform::{
    constrain, constrain_with_derived, derived_names, log_density, log_jacobian, log_jacobian_of_all, log_prior, names,
    unconstrain,
};
pub use vectors::Vectors;
#[doc(hidden)]
pub use vectors::{repeat, told};
#[doc(hidden)]
pub use walk::{Derived, DerivedNumbers, DerivedOther, Place, Slot, Walk};

//! Strategies for property tests with [`proptest`](mod@proptest): globals from a model's prior, whole simulations with
//! sizes from the ranges of its plates, and random conjugate models with their exact posteriors. With the feature
//! `proptest`.
//!
//! ```
//! use hierarch::calibration::strategies::simulations;
//! use hierarch::prelude::*;
//! use proptest::prelude::*;
//!
//! model! {
//!     pub Flux {
//!         global rate ~ Gamma(2.0, 1.0);
//!         plate events(1..=10) {
//!             observe energy ~ Exponential(rate);
//!         }
//!     }
//! }
//!
//! proptest! {
//!     // In a file of tests with the attribute `test`.
//!     fn energies_are_positive(simulation in simulations(&Flux::default())) {
//!         prop_assert!(simulation.globals.rate > 0.0);
//!         prop_assert!(simulation.data.events.energy.iter().all(|energy| *energy > 0.0));
//!     }
//! }
//! # energies_are_positive();
//! ```

mod conjugate;

pub use conjugate::*;

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use crate::model::{Model, Plate, PlateSize};
use crate::simulate::{Fixed, Plan, Simulation, stream};

/// Sizes up to this many above the smallest: half of all, since faults are most likely there.
const FEW: usize = 4;

/// Returns the globals of `model`, drawn from its prior. A failure is reported for the smallest seed that a bisection
/// finds.
///
/// # Panics
/// A test panics if the globals cannot be drawn, for instance if a parameter of a distribution is invalid.
pub fn prior<M: Model>(model: &M) -> impl Strategy<Value = M::Globals> + use<M> {
    let model = model.clone();
    any::<u64>().prop_map(move |seed| {
        let fixed = Fixed::new(&model.specification(), &[], None, None).map(Fixed::without_elements);
        let drawn = fixed.and_then(|fixed| model.draw(&Plan::of(&fixed), &mut stream(seed, 0)));
        drawn.unwrap_or_else(|error| panic!("the prior of `{}`: {error}", model.specification().name)).globals
    })
}

/// Returns sizes by name, as for [`Simulated::size`](crate::simulate::Simulated::size), of the plates at the top of
/// `model` that have a range. Failures are reported for the smallest sizes.
pub fn sizes<M: Model>(model: &M) -> impl Strategy<Value = Vec<(String, usize)>> + use<M> {
    let of_plate = |plate: &Plate| match plate.size {
        PlateSize::Range(low, high) => Some((plate.name.clone(), low, high)),
        PlateSize::Fixed(_) | PlateSize::Random { .. } => None,
    };
    let ranges: Vec<_> = model.specification().plates.iter().filter_map(of_plate).collect();
    let size = |(name, low, high): (String, usize, usize)| -> BoxedStrategy<(String, usize)> {
        let few = high.min(low + FEW);
        prop_oneof![low..=few, low..=high].prop_map(move |size| (name.clone(), size)).boxed()
    };
    ranges.into_iter().map(size).collect::<Vec<_>>()
}

/// Returns simulations of `model`: globals and locals from its prior, the sizes of plates at the top from their ranges,
/// those of plates inside drawn for each element, and data given all these.
///
/// # Panics
/// A test panics if the model cannot be simulated, for instance if no distribution of a covariate is given.
pub fn simulations<M: Model>(model: &M) -> impl Strategy<Value = Simulation<M>> + use<M> {
    let own = model.clone();
    (any::<u64>(), sizes(model)).prop_map(move |(seed, sizes)| {
        let fixed = Fixed::new(&own.specification(), &sizes, None, None);
        let drawn = fixed.and_then(|fixed| own.draw(&Plan::of(&fixed), &mut stream(seed, 0)));
        drawn.unwrap_or_else(|error| panic!("`{}`: {error}", own.specification().name))
    })
}

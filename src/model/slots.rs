//! The positions of each latent variable's numbers, among the unconstrained numbers and among the values.

use std::borrow::Borrow;
use std::ops::Range;

use super::erased::AnyModel;
use super::transform::component_names;
use super::walk::{Scalar, Vector};
use super::{Frame, Kind, Model, Role, Slot, Specification, Variable, Walk, specification};
use crate::distributions::Support;

/// The positions of a global's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalSlot {
    /// The global's name.
    pub name: String,
    /// Whether it is a nuisance parameter.
    pub nuisance: bool,
    /// The names of its components: `mass` alone, or `mu[0]`, `mu[1]`, ...
    pub components: Vec<String>,
    /// Whether it lies between two bounds.
    pub bounded: bool,
    /// Its positions among the unconstrained numbers of the globals; none of a discrete one.
    pub free: Range<usize>,
    /// Its positions among the values of the globals.
    pub values: Range<usize>,
}

/// Returns the positions of each global's numbers, in the order of the declaration.
pub fn global_slots<M: Model>(model: &M) -> Vec<GlobalSlot> {
    (model as &dyn AnyModel).global_slots()
}

fn slots_of_globals(model: &dyn AnyModel) -> Vec<GlobalSlot> {
    let slots = Slots::of(model, false);
    let specification = model.specification();
    let globals = specification.variables.iter().filter(|v| matches!(v.role, Role::Global | Role::Nuisance));
    let (mut value, mut end) = (0, 0);
    globals
        .map(|v| {
            let values = value..value + v.len();
            value = values.end;
            // A discrete global has no unconstrained number.
            let free = if v.kind == Kind::Real { slots.free(v) } else { end..end };
            end = free.end;
            GlobalSlot {
                name: v.name.clone(),
                bounded: slots.bounded(v),
                nuisance: v.role == Role::Nuisance,
                components: component_names(v),
                free,
                values,
            }
        })
        .collect()
}

/// A local of a plate that is in the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSlot {
    /// Its name.
    pub name: String,
    /// The path to its plate in the frames of the data and of the locals: `[1, 0]` is `frame.plates[1].plates[0]`.
    pub plate: Vec<usize>,
    /// The position of its column in its plate, in the frame of the locals.
    pub column: usize,
    /// The number of numbers in its value for one element; 1 for a scalar.
    pub width: usize,
    /// The type of its values.
    pub values: LocalValues,
}

impl LocalSlot {
    /// Returns whether its values lie between two bounds.
    pub(crate) fn is_bounded(&self) -> bool {
        matches!(self.values, LocalValues::Continuous { bounded: true, .. })
    }
}

/// The type of a local's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalValues {
    /// Real numbers, which are among the unconstrained numbers of a data set.
    Continuous {
        /// The number of unconstrained numbers for its value in one element: `width`, and one fewer for a simplex.
        free: usize,
        /// Whether it lies between two bounds. Where the data choose among distributions, whether it does with the
        /// distribution that is chosen for an element whose data are all NaN.
        bounded: bool,
    },
    /// Whole numbers, or `true` and `false`.
    Discrete {
        /// The number of possible values, which are 0, 1, ...; `None` if it is infinite or depends on the data.
        categories: Option<usize>,
    },
}

/// Returns the locals of a model, plate by plate from the outside in, in the order of the declaration. Locals of plates
/// that are not in the data are left out.
///
/// It runs the model's statements for one imagined element of each plate, with data and latent variables that are NaN.
pub fn local_slots<M: Model>(model: &M) -> Vec<LocalSlot> {
    (model as &dyn AnyModel).local_slots()
}

impl dyn AnyModel + '_ {
    /// See [`global_slots`].
    pub(crate) fn global_slots(&self) -> Vec<GlobalSlot> {
        slots_of_globals(self)
    }

    /// See [`local_slots`].
    pub(crate) fn local_slots(&self) -> Vec<LocalSlot> {
        slots_of_locals(self)
    }
}

fn slots_of_locals(model: &dyn AnyModel) -> Vec<LocalSlot> {
    fn visit(
        all: &Specification,
        plates: &[specification::Plate],
        outer: &[usize],
        slots: &Slots,
        found: &mut Vec<LocalSlot>,
    ) {
        for (i, plate) in all.data_plates(plates).enumerate() {
            let path = [outer, &[i]].concat();
            let locals = plate.variables.iter().filter(|v| v.role == Role::Local);
            found.extend(locals.enumerate().map(|(column, v)| LocalSlot {
                name: v.name.clone(),
                plate: path.clone(),
                column,
                width: v.len(),
                values: match v.kind {
                    Kind::Real => LocalValues::Continuous { free: slots.free(v).len(), bounded: slots.bounded(v) },
                    Kind::Bool => LocalValues::Discrete { categories: Some(2) },
                    _ => LocalValues::Discrete { categories: slots.categories(v) },
                },
            }));
            visit(all, &plate.plates, &path, slots, found);
        }
    }
    let (slots, specification, mut found) = (Slots::of(model, true), model.specification(), Vec::new());
    visit(&specification, &specification.plates, &[], &slots, &mut found);
    found
}

/// The positions of a continuous local's numbers for one data set: component `c` of element `i` is number `c * elements
/// + i` of each range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRange {
    /// The number of elements of its plate, over all outer elements.
    pub elements: usize,
    /// Its positions among the unconstrained numbers of all latent variables.
    pub free: Range<usize>,
    /// Its positions among the values that [`constrain`](super::constrain) returns.
    pub values: Range<usize>,
}

/// Returns the positions of each local's numbers for the data set with the frame `data`; `None` for a discrete local,
/// which has no unconstrained numbers. `globals` and `locals` are all those of the model. The globals' numbers come
/// first, then those of the locals in their order.
///
/// ```
/// use hierarch::model::{GlobalSlot, LocalRange, LocalSlot, LocalValues};
/// use hierarch::model::{global_slots, local_ranges, local_slots, unconstrain};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Schools {
///         global mu ~ Normal(0.0, 1.0);
///         global tau ~ HalfNormal(1.0);
///         plate schools(2..=20) {
///             local theta ~ Normal(mu, tau);
///             observe y ~ Normal(theta, 0.5);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Schools::default();
/// let globals: Vec<GlobalSlot> = global_slots(&model);
/// assert_eq!((globals[1].name.as_str(), globals[1].free.clone()), ("tau", 1..2));
/// let locals: Vec<LocalSlot> = local_slots(&model);
/// assert_eq!((locals[0].name.as_str(), locals[0].width), ("theta", 1));
/// assert_eq!(locals[0].values, LocalValues::Continuous { free: 1, bounded: false });
///
/// // Where the numbers of `theta` are among those of a data set with three schools.
/// let set = model.simulate(1).size(Schools::SCHOOLS, 3).one()?;
/// let ranges: Vec<Option<LocalRange>> = local_ranges(&globals, &locals, &set.data.frame());
/// let theta = ranges[0].as_ref().unwrap();
/// assert_eq!((theta.elements, theta.free.clone()), (3, 2..5));
/// let q = unconstrain(&model, &set.globals, Some((&set.locals, &set.data)));
/// assert_eq!(q[theta.free.clone()], set.locals.schools.theta); // a number of the whole line is free as it is
/// # Ok(())
/// # }
/// ```
pub fn local_ranges<G: Borrow<GlobalSlot>>(
    globals: &[G],
    locals: &[LocalSlot],
    data: &Frame<'_>,
) -> Vec<Option<LocalRange>> {
    let (mut free, mut value) = globals.last().map(Borrow::borrow).map_or((0, 0), |g| (g.free.end, g.values.end));
    locals
        .iter()
        .map(|local| {
            let LocalValues::Continuous { free: numbers, .. } = local.values else { return None };
            let elements = local.plate.iter().fold(data, |frame, &i| &frame.plates[i]).size;
            let range = LocalRange {
                elements,
                free: free..free + numbers * elements,
                values: value..value + local.width * elements,
            };
            (free, value) = (range.free.end, range.values.end);
            Some(range)
        })
        .collect()
}

/// Finds the positions of each latent variable's unconstrained numbers; the values do not matter.
struct Slots {
    /// Whether to go into the plates.
    locals: bool,
    free: Vec<(&'static str, Range<usize>)>,
    bounded: Vec<&'static str>,
    categories: Vec<(&'static str, Option<usize>)>,
}

impl Slots {
    fn of(model: &dyn AnyModel, locals: bool) -> Self {
        let mut slots = Self { locals, free: Vec::new(), bounded: Vec::new(), categories: Vec::new() };
        model.walk(None, None, None, &mut slots);
        slots
    }

    /// Returns the positions of a variable's unconstrained numbers, for one element.
    fn free(&self, v: &Variable) -> Range<usize> {
        let mut runs = self.free.iter().filter(|(name, _)| *name == v.name).map(|(_, free)| free);
        let first = runs.next().cloned().unwrap_or(0..0);
        runs.fold(first, |all, run| all.start.min(run.start)..all.end.max(run.end))
    }

    fn bounded(&self, v: &Variable) -> bool {
        self.bounded.iter().any(|name| *name == v.name)
    }

    fn categories(&self, v: &Variable) -> Option<usize> {
        self.categories.iter().find(|(name, _)| *name == v.name)?.1
    }
}

impl Walk for Slots {
    fn latent(&mut self, name: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        if matches!(distribution.support(), Support::Interval(..)) {
            self.bounded.push(name);
        }
        self.free.push((name, slot.free..slot.free + 1));
        f64::NAN
    }

    fn latent_vector(
        &mut self,
        name: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        let free = distribution.support().free(value.len());
        self.free.push((name, slot.free..slot.free + free));
    }

    fn imagines_data(&self) -> bool {
        self.locals
    }

    fn discrete(&mut self, name: &'static str, supports: &[Support<f64>]) {
        let categories = |support: &Support<f64>| match *support {
            Support::Whole(low, high) if low >= 0.0 && high.is_finite() => Some(high as usize + 1),
            _ => None,
        };
        let first = supports.first().and_then(categories);
        let same = supports.iter().all(|support| categories(support) == first);
        self.categories.push((name, first.filter(|_| same)));
    }

    /// No support depends on a discrete local that is summed out, so any value of it will do.
    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }
}

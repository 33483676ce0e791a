//! Where the numbers of each latent variable are, among the unconstrained ones and among the values.

use std::ops::Range;

use super::erased::AnyModel;
use super::transform::component_names;
use super::walk::{Scalar, Vector};
use super::{Frame, Kind, Model, Role, Slot, Specification, Variable, Walk, specification};
use crate::distributions::Support;

/// Where a global's numbers are.
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
    /// Its place among the unconstrained numbers of the globals.
    pub free: Range<usize>,
    /// Its place among the values of the globals.
    pub values: Range<usize>,
}

/// Where the numbers of each global are, in the order of the declaration.
pub fn global_slots<M: Model>(model: &M) -> Vec<GlobalSlot> {
    (model as &dyn AnyModel).global_slots()
}

fn slots_of_globals(model: &dyn AnyModel) -> Vec<GlobalSlot> {
    let slots = Slots::of(model, false);
    let specification = model.specification();
    let globals = specification.variables.iter().filter(|v| matches!(v.role, Role::Global | Role::Nuisance));
    let mut value = 0;
    globals
        .map(|v| {
            let values = value..value + v.len();
            value = values.end;
            GlobalSlot {
                name: v.name.clone(),
                bounded: slots.bounded(v),
                nuisance: v.role == Role::Nuisance,
                components: component_names(v),
                free: slots.free(v),
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
    /// Where its plate is in the frames of the data and of the locals: `[1, 0]` is `frame.plates[1].plates[0]`.
    pub plate: Vec<usize>,
    /// Which of its plate's columns in the frame of the locals it is.
    pub column: usize,
    /// How many numbers its value in an element has; 1 for a scalar.
    pub width: usize,
    /// What its values are.
    pub values: LocalValues,
}

/// What the values of a local are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalValues {
    /// Real numbers, which stand among the unconstrained numbers of a data set.
    Continuous {
        /// How many unconstrained numbers stand for its value in an element: one for each, and one fewer for a simplex.
        free: usize,
        /// Whether it lies between two bounds. Where the data choose among distributions, whether the chosen one does in an
        /// element of which nothing is known.
        bounded: bool,
    },
    /// Whole numbers, or true and false.
    Discrete {
        /// How many values there are, 0, 1, ...; nothing if that is infinite, or depends on the data.
        categories: Option<usize>,
    },
}

/// The locals of a model, plate by plate from the outside in, in the order of the declaration; those of plates that are not
/// in the data are left out.
///
/// It runs the statements for an imagined element of each plate, with data and latent variables that are NaN.
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

/// Where the numbers of a continuous local are for one data set: component `c` of element `i` is number
/// `c * elements + i` of each range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRange {
    /// How many elements its plate has, over all outer elements.
    pub elements: usize,
    /// Its place among the unconstrained numbers of all latent variables.
    pub free: Range<usize>,
    /// Its place among the values that [`constrain`](super::constrain) gives.
    pub values: Range<usize>,
}

/// Where the numbers of each local are for the data set of a frame, given all globals and locals of the model; nothing for a
/// discrete one, which has none. The globals come first, then the locals in their order.
pub fn local_ranges(globals: &[GlobalSlot], locals: &[LocalSlot], data: &Frame<'_>) -> Vec<Option<LocalRange>> {
    let mut free = globals.last().map_or(0, |g| g.free.end);
    let mut value = globals.last().map_or(0, |g| g.values.end);
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

/// Finds the unconstrained numbers of each latent variable; the values are of no interest.
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

    /// The place of a variable, of one element.
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
        let free = value.len() - usize::from(distribution.support() == Support::Simplex);
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

    /// No support depends on what is summed out: any of its values does.
    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }
}

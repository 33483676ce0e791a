//! The joint density of a model in factors: one for each group of elements, and one for what is in none.

use std::collections::HashMap;

use super::erased::AnyModel;
use super::transform::inferred_places;
use super::walk::{Scalar, Vector};
use super::{Frame, LocalValues, Place, Slot, Walk, local_ranges};
use crate::autodiff::LogSum;

/// The groups that elements of outermost plates are in, with all that is inside them.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// The number of groups.
    pub count: usize,
    /// The group of each element of a plate that has groups.
    elements: HashMap<&'static str, Vec<usize>>,
    /// The group of each unconstrained number; `None` for globals and locals of other plates.
    pub owners: Vec<Option<usize>>,
}

impl Groups {
    /// Makes `count` groups, where `of` gives the group of each element of an outermost plate; `None` for a plate that has none.
    pub fn new(
        model: &dyn AnyModel,
        frame: &Frame<'_>,
        count: usize,
        of: impl Fn(&Frame<'_>) -> Option<Vec<usize>>,
    ) -> Self {
        fn add(frame: &Frame<'_>, of: Vec<usize>, all: &mut HashMap<&'static str, Vec<usize>>) {
            for inner in &frame.plates {
                let offsets = inner.offsets.as_deref().unwrap_or_default();
                let of_inner = offsets.windows(2).zip(&of).flat_map(|(w, group)| vec![*group; w[1] - w[0]]).collect();
                add(inner, of_inner, all);
            }
            all.insert(frame.name, of);
        }
        let mut elements = HashMap::new();
        for plate in &frame.plates {
            if let Some(of) = of(plate) {
                add(plate, of, &mut elements);
            }
        }
        let (globals, locals) = (model.global_slots(), model.local_slots());
        let ranges = local_ranges(&globals, &locals, frame);
        let mut owners = vec![None; globals.last().map_or(0, |global| global.free.end)];
        for (local, range) in locals.iter().zip(ranges) {
            let (LocalValues::Continuous { free, .. }, Some(range)) = (local.values, range) else { continue };
            owners.resize(range.free.end, None);
            let plate = local.plate.iter().fold(frame, |frame, &at| &frame.plates[at]);
            let Some(groups) = elements.get(plate.name) else { continue };
            for component in 0..free {
                let numbers = &mut owners[range.free.start + component * range.elements..][..range.elements];
                numbers.iter_mut().zip(groups).for_each(|(owner, group)| *owner = Some(*group));
            }
        }
        // What is missing belongs to its element, as a local does.
        owners.extend(
            inferred_places(&model.specification().plates, frame)
                .into_iter()
                .map(|(plate, _, element)| elements.get(plate).and_then(|groups| groups.get(element)).copied()),
        );
        Self { count, elements, owners }
    }

    /// Returns the positions of the unconstrained numbers of each group.
    pub fn numbers(&self) -> Vec<Vec<usize>> {
        let mut numbers = vec![Vec::new(); self.count];
        for (at, owner) in self.owners.iter().enumerate() {
            if let Some(group) = owner {
                numbers[*group].push(at);
            }
        }
        numbers
    }

    fn of(&self, place: &Place) -> Option<usize> {
        place.plate.and_then(|(plate, element)| self.elements.get(plate)?.get(element).copied())
    }
}

/// Sums the log density of each group's observations and locals, Jacobians included, with discrete locals summed out.
pub(crate) struct GroupDensities<'a> {
    groups: &'a Groups,
    /// The unconstrained numbers.
    q: &'a [f64],
    /// The values of what belongs to no group, where they do not follow from `q`: NaN where a discrete global is to be summed out.
    given: Option<&'a dyn Fn(Slot) -> f64>,
    /// The log density of each group.
    pub joint: Vec<f64>,
    /// The log density of all that belongs to no group: of the globals, and of observations.
    pub rest: f64,
    /// For each discrete local that is being summed out, the log density at its value so far, and the group it is in.
    branches: Vec<(f64, Option<usize>)>,
}

impl<'a> GroupDensities<'a> {
    /// Begins at `joint` for each group.
    pub fn new(
        groups: &'a Groups,
        q: &'a [f64],
        given: Option<&'a dyn Fn(Slot) -> f64>,
        joint: Vec<f64>,
    ) -> GroupDensities<'a> {
        Self { groups, q, given, joint, rest: 0.0, branches: Vec::new() }
    }

    fn add(&mut self, group: Option<usize>, log_density: f64) {
        match (self.branches.last_mut(), group) {
            (Some(branch), _) => {
                branch.0 += log_density;
                branch.1 = branch.1.or(group);
            }
            (None, Some(group)) => self.joint[group] += log_density,
            (None, None) => self.rest += log_density,
        }
    }

    /// Adds the density of what is not latent. It is not computed for what belongs to no group where only the groups are asked for,
    /// which is where the values outside of them are given.
    fn observed(&mut self, place: &Place, log_density: impl FnOnce() -> f64) {
        let group = self.groups.of(place);
        if group.is_some() || self.given.is_none() {
            self.add(group, log_density());
        }
    }
}

impl Walk for GroupDensities<'_> {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let group = self.groups.owners.get(slot.free).copied().flatten();
        if let (None, Some(given)) = (group, self.given) {
            return given(slot);
        }
        let support = distribution.support();
        let (x, log_slope) = support.constrain(self.q[slot.free]);
        let x = support.inside(x);
        self.add(group, distribution.log_density(x) + log_slope);
        x
    }

    fn latent_vector(
        &mut self,
        _: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        let group = self.groups.owners.get(slot.free).copied().flatten();
        if let (None, Some(given)) = (group, self.given) {
            value.iter_mut().enumerate().for_each(|(c, x)| *x = given(slot.component(c)));
            return;
        }
        let support = distribution.support();
        let q: Vec<f64> = (0..support.free(value.len())).map(|c| self.q[slot.component(c).free]).collect();
        let log_jacobian = distribution.constrain(&q, value);
        self.add(group, distribution.log_density(value) + log_jacobian);
    }

    fn observe(&mut self, place: &Place, distribution: &dyn Scalar, x: f64) {
        self.observed(place, || distribution.log_density(x));
    }

    fn add_factor(&mut self, place: &Place, log_density: f64) {
        self.observed(place, || log_density);
    }

    fn observe_vector(&mut self, place: &Place, distribution: &dyn Vector, x: &[f64]) {
        self.observed(place, || distribution.log_density(x));
    }

    fn term(&mut self, log_probability: f64) {
        self.add(None, log_probability);
    }

    fn discrete_value(&mut self, place: &Place, _: usize, log_probability: f64) {
        self.add(self.groups.of(place), log_probability);
    }

    fn branch(&self) -> Option<f64> {
        self.branches.last().map(|(log_density, _)| *log_density)
    }

    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        match self.given.map_or(f64::NAN, |given| given(slot)) {
            value if value.is_nan() => self.sum_out_all(categories, body),
            value => body(self, value as usize),
        }
    }

    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let (mut sum, mut group) = (LogSum::new(), None);
        for k in 0..categories {
            self.branches.push((0.0, None));
            body(self, k);
            if let Some((log_density, of)) = self.branches.pop() {
                sum.push(log_density);
                group = group.or(of);
            }
        }
        self.add(group, sum.finish());
    }
}

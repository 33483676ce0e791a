//! What one network for locals infers, what it reads of an element, and elements of fresh simulations to train it on.

use rand::RngExt;

use super::hierarchy::{EncodedData, Hierarchy, Latents, PlateLatents};
use super::link::Link;
use crate::model::AnyModel;
use crate::model::{Purpose, stream_for};
use crate::nn::{Batch, Network, TrainingSource};
use crate::simulate::{Fixed, SimulateError};

/// The most elements that are learned from in one simulated data set: neighbours share their globals.
const ELEMENTS: usize = 4;
/// The most simulations in a row without an element that are skipped.
pub(super) const EMPTY: u64 = 10_000;

/// What one network for locals infers: the continuous locals of a plate, or one of its discrete ones given those
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) plate: usize,
    /// Which of the discrete locals; `None`: the continuous ones.
    pub(super) discrete: Option<usize>,
}

impl Task {
    /// Returns all tasks of a hierarchy in the order in which a draw needs them: plates from the outside in, and the
    /// continuous locals of each first. Their density is then theirs alone, with the discrete ones summed out as in the
    /// model's density.
    pub(super) fn all(hierarchy: &Hierarchy) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (plate, own) in hierarchy.plates.iter().enumerate() {
            tasks.extend((own.numbers() > 0).then_some(Task { plate, discrete: None }));
            tasks.extend((0..own.discrete.len()).map(|at| Task { plate, discrete: Some(at) }));
        }
        tasks
    }

    /// Returns the count of numbers of the element's own locals that are drawn before.
    pub(super) fn known(self, hierarchy: &Hierarchy) -> usize {
        self.discrete.map_or(0, |at| hierarchy.plates[self.plate].numbers() + at)
    }

    pub(super) fn targets(self, hierarchy: &Hierarchy) -> usize {
        if self.discrete.is_some() { 1 } else { hierarchy.plates[self.plate].numbers() }
    }

    /// Returns the slot and the number of categories of the discrete local; `None` for continuous ones.
    pub(super) fn category(self, hierarchy: &Hierarchy) -> Option<(usize, usize)> {
        self.discrete.map(|at| hierarchy.plates[self.plate].discrete[at])
    }

    pub(super) fn name(self, hierarchy: &Hierarchy) -> String {
        let plate = &hierarchy.plates[self.plate].name;
        match self.category(hierarchy) {
            Some((slot, _)) => format!("{plate}.{}", hierarchy.slots[slot].name),
            None => plate.clone(),
        }
    }

    /// Returns an empty batch for the network, and room for the targets of `elements` elements.
    pub(super) fn batch(self, hierarchy: &Hierarchy, elements: usize) -> (Batch, Vec<f32>) {
        let (width, plates) = hierarchy.shape(self.plate, self.known(hierarchy));
        (Batch::empty(width, &plates), Vec::with_capacity(elements * self.targets(hierarchy)))
    }

    /// Adds an element to the batch `to` that the network reads, and what is inferred of it to `targets`.
    pub(super) fn push(
        self,
        hierarchy: &Hierarchy,
        (parts, latents): (&EncodedData, &Latents),
        element: usize,
        to: &mut Batch,
        targets: &mut Vec<f32>,
    ) {
        let place = hierarchy.place(parts, self.plate, element);
        hierarchy.push_outside(parts, latents, &place, 0, &mut to.globals);
        self.push_known(hierarchy, &latents.plates[self.plate], element, &mut to.globals);
        hierarchy.push_inside(parts, &place, &mut to.plates);
        to.sets += 1;
        self.push_targets(hierarchy, &latents.plates[self.plate], element, targets);
    }

    /// Adds to `to`, which the network reads, the element's own locals that are drawn before.
    pub(super) fn push_known(self, hierarchy: &Hierarchy, own: &PlateLatents, at: usize, to: &mut Vec<f32>) {
        let Some(before) = self.discrete else { return };
        let numbers = hierarchy.plates[self.plate].numbers();
        let discrete = hierarchy.plates[self.plate].discrete.len();
        to.extend_from_slice(&own.numbers[at * numbers..(at + 1) * numbers]);
        to.extend_from_slice(&own.categories[at * discrete..][..before]);
    }

    /// Returns the names of the numbers that the network infers; none if it infers a category.
    pub(super) fn names(self, hierarchy: &Hierarchy) -> Vec<String> {
        let plate = &hierarchy.plates[self.plate];
        let of = |(slot, links): &(usize, Vec<Link>)| {
            let name = &hierarchy.slots[*slot].name;
            let named = |c| if links.len() == 1 { name.clone() } else { format!("{name}[{c}]") };
            (0..links.len()).map(named).collect::<Vec<_>>()
        };
        if self.discrete.is_some() { Vec::new() } else { plate.continuous.iter().flat_map(of).collect() }
    }

    /// Adds to `to` the element's own locals that the network infers.
    pub(super) fn push_targets(self, hierarchy: &Hierarchy, own: &PlateLatents, at: usize, to: &mut Vec<f32>) {
        let numbers = hierarchy.plates[self.plate].numbers();
        match self.discrete {
            None => to.extend_from_slice(&own.numbers[at * numbers..(at + 1) * numbers]),
            Some(discrete) => {
                let count = hierarchy.plates[self.plate].discrete.len();
                to.push(own.categories[at * count + discrete]);
            }
        }
    }
}

/// Elements of fresh simulations.
pub(super) struct FreshElements<'a> {
    pub(super) model: &'a dyn AnyModel,
    pub(super) fixed: &'a Fixed<'a>,
    pub(super) hierarchy: &'a Hierarchy,
    pub(super) task: Task,
    pub(super) seed: u64,
}

impl TrainingSource for FreshElements<'_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let (hierarchy, plate) = (self.hierarchy, self.task.plate);
        let (mut batch, mut targets) = self.task.batch(hierarchy, sets);
        // EMPTY places for each element.
        let task = (plate as u64) << 8 | self.task.discrete.map_or(0, |at| at as u64 + 1);
        let mut empty = 0;
        let mut place = first as u64 * (EMPTY + 1);
        while batch.sets < sets {
            let mut rng = stream_for(Purpose::Locals(task), self.seed, step, place);
            place += 1;
            let simulation = self.model.draw(self.fixed, &mut rng)?;
            let parts = hierarchy.parts(&simulation.data().frame());
            let elements = hierarchy.elements(&parts, plate);
            if elements == 0 {
                empty += 1;
                if empty > EMPTY {
                    return Err(SimulateError::NoElements { plate: hierarchy.plates[plate].name.clone() });
                }
                continue;
            }
            empty = 0;
            let latents = hierarchy.latents(self.model, &*simulation);
            for _ in 0..ELEMENTS.min(elements).min(sets - batch.sets) {
                let element = rng.random_range(0..elements);
                self.task.push(hierarchy, (&parts, &latents), element, &mut batch, &mut targets);
            }
        }
        Ok((batch, targets))
    }
}

#[derive(Debug)]
pub(super) struct LocalNetwork {
    pub(super) task: Task,
    pub(super) network: Network,
}

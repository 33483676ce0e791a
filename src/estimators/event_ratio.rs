//! Ratios of single elements of a plate: given the globals, elements are independent, so the product of their ratios is
//! the ratio of the data,
//!
//! ```text
//! ln p(data | globals) = sum over elements of r(x_i; globals) + what does not depend on the globals,
//! ```
//!
//! for any number of elements, whatever number the network was trained for. A ratio that also depends on the continuous
//! locals of the element replaces the density that an implicit observation lacks, beside the densities that the model
//! knows.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::config::{TrainingContext, settings};
use super::encode::width_of;
use super::hierarchy::{EncodedData, Hierarchy};
use super::link::Link;
use super::npe::AnyNpe;
use super::posterior_estimator::doubts;
use super::ratio::{Nre, RatioFactor};
use super::reach::Beyond;
use super::training::Training;
use super::units::{Units, places};
use super::{InferenceError, RequestError, file, sizes};
use crate::model::Frame;
use crate::model::typed;
use crate::model::{
    AnyData, AnyLocals, AnyModel, AnySimulation, Density, Explicit, Factor, Model, Name, Plate, PlateSize, Role,
    Specification, UnknownName, Variable, check_locals, local_ranges,
};
use crate::model::{Purpose, stream_for};
use crate::nn::{
    Batch, Budget, ElementNetworks, Network, Output, PlateShape, Ratio, Shape, TrainingRecord, TrainingSource,
};
use crate::sampling::Nuts;
use crate::simulate::{Fixed, SimulateError, Simulation, stream};

const EVENT: &str = "hierarch.event_ratio";

/// A ratio of single elements to be trained; made by `model.nre().per_event("events")` or `.implicit("images")`.
///
/// ```
/// use hierarch::estimators::{EventNre, EventRatio};
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let training: EventNre<'_, Flux> = model.nre().per_event(Flux::EVENTS);
/// let ratio: EventRatio<Flux> = training.train(Budget::simulations(500))?; // far too short, for an example
/// let set = model.simulate(1).size(Flux::EVENTS, 5).seed(1).one()?;
/// let each = ratio.log_ratios(&set.data, &set.globals, &set.locals)?; // a number for each event
/// assert_eq!(each.len(), 5);
/// let chains = ratio.nuts(&set.data)?.chains(2).warmup(200).draws(200).run()?; // the posterior, by their sum
/// assert_eq!(chains.names(), ["rate"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct EventNre<'a, M: Model> {
    nre: Nre<'a, M>,
    plate: String,
    /// Whether the ratio is that of the implicit observations alone, given the continuous locals.
    implicit: bool,
}

impl<'a, M: Model> Nre<'a, M> {
    /// Learns the ratio of one element of `plate`, as a function of all globals; the locals are integrated over. The
    /// plate must hold all that is observed.
    pub fn per_event(self, plate: impl Into<Name>) -> EventNre<'a, M> {
        EventNre { nre: self, plate: plate.into().to_string(), implicit: false }
    }

    /// Learns the ratio of the implicit observations in one element of `plate`, as a function of all globals and the
    /// element's continuous locals: it can replace their missing density. All implicit observations must be in the
    /// plate, and their functions must not read anything that is observed.
    pub fn implicit(self, plate: impl Into<Name>) -> EventNre<'a, M> {
        EventNre { nre: self, plate: plate.into().to_string(), implicit: true }
    }
}

impl<M: Model> EventNre<'_, M> {
    /// Trains on fresh simulations of single elements, on all cores, until the budget is spent. A budget of data sets
    /// counts elements.
    ///
    /// # Errors
    /// A model that the ratios of single elements do not fully describe, or that cannot be simulated; a training that
    /// diverges; a checkpoint of another training.
    pub fn train(self, budget: Budget) -> Result<EventRatio<M>, InferenceError> {
        let output = self.nre.output();
        AnyEventRatio::train(self.nre.npe.any, output, &self.plate, self.implicit, budget).map(EventRatio::of)
    }
}

impl AnyEventRatio {
    fn train(
        npe: AnyNpe<'_>,
        output: Output,
        plate: &str,
        implicit: bool,
        budget: Budget,
    ) -> Result<Self, InferenceError> {
        let AnyNpe { source: simulated, globals, setup, bank, .. } = npe;
        let (model, seed) = (simulated.model, simulated.seed);
        let unusable = |what: &str| RequestError::PerEvent { plate: plate.to_owned(), what: what.to_owned() }.into();
        if globals.is_some() {
            return Err(unusable("elements share all globals, and all are needed: do not choose among them"));
        }
        if bank.is_some() {
            return Err(unusable("elements are drawn one by one, not from a bank"));
        }
        if setup.networks.names().next().is_some() {
            return Err(unusable("an element is read as a whole, not by an element network of your own"));
        }
        sizes::refuse_random(&model.specification(), &simulated.sizes)?;
        sizes::refuse_whole_plates(&model.specification())?;
        let fixed = simulated.fixed()?;
        let elements = ElementReader::new(model, plate, implicit, Units::of(model, &fixed)?)?;
        let (width, plates) = elements.shape();
        let shape = Shape { width, plates, targets: elements.targets() };
        let context = TrainingContext { shape: &shape, budget, seed, of_elements: false, bank: None };
        let settings = settings(&setup.network, &setup.training, &context, Some(output))?;
        let fixed = fixed.without_elements();
        let empty = model.draw(&fixed, &mut stream(0, 0))?;
        let skipped = fixed.skipped.clone();
        let fixed = fixed.with_single_element(&model.specification(), plate);
        let training = Training {
            model,
            of: format!(
                "{model:?} ({}), ratio of single {plate}, implicit {implicit}",
                model.specification().fingerprint()
            ),
            settings: &settings,
            networks: &[],
            flips: &[],
            known: None,
            images: None,
            checkpoint: setup.checkpoint.as_deref(),
            names: Vec::new(),
            skipped: Some(&skipped),
            of_several: false,
        };
        let source = Single { model, fixed, elements: &elements, seed: settings.seed };
        let network = training.fit(&shape, &source, &simulated.describe())?;
        Ok(Self { model: model.any_clone(), elements, network, empty })
    }
}

/// How single elements of a plate are read, and what their ratio is a function of.
#[derive(Clone, Debug)]
struct ElementReader {
    hierarchy: Hierarchy,
    plate: usize,
    implicit: bool,
    /// Which of the numbers outside plates, and then of those of a row, are read.
    read: Vec<bool>,
}

impl ElementReader {
    fn new(model: &dyn AnyModel, name: &str, implicit: bool, units: Units) -> Result<Self, InferenceError> {
        let specification = model.specification();
        let hierarchy = Hierarchy::new(model, false, units);
        let unusable = |what: String| RequestError::PerEvent { plate: name.to_owned(), what }.into();
        let plates: Vec<&Plate> = specification.data_plates(&specification.plates).collect();
        let known: Vec<&str> = plates.iter().map(|plate| plate.name.as_str()).collect();
        let own = plates[UnknownName::find("plate at the top of the data", name, &known)?];
        let plate = hierarchy.plates.iter().position(|plate| plate.name == name).unwrap_or(0);
        if let Some(index) = own.variables.iter().find(|v| v.role == Role::Index) {
            return Err(unusable(format!("its elements name elements of another plate by `{}`", index.name)));
        }
        if own.is_sequence() {
            return Err(unusable("its elements depend on those before them".to_owned()));
        }
        if implicit {
            if let Some(other) = observed(&specification, name).into_iter().find(|v| v.implicit) {
                return Err(unusable(format!("`{}`, which is implicit, is not directly in it", other.name)));
            }
            if !own.variables.iter().any(|v| v.implicit) {
                return Err(unusable("it has no implicit observation: use `per_event`".to_owned()));
            }
            let observations: Vec<&str> =
                own.variables.iter().filter(|v| v.role == Role::Observed).map(|v| v.name.as_str()).collect();
            let mut variables = own.variables.iter().filter(|v| v.implicit);
            if let Some(v) = variables.find(|v| v.parents.iter().any(|parent| observations.contains(&parent.as_str())))
            {
                return Err(unusable(format!("`{}` depends on what is observed", v.name)));
            }
        } else {
            let nested = |v: &Variable| contains(own, &v.name);
            if let Some(other) = observed(&specification, name).into_iter().find(|v| !nested(v)) {
                return Err(unusable(format!("`{}` is observed, too, and not in it", other.name)));
            }
            if matches!(own.size, PlateSize::Random { .. }) {
                return Err(unusable("its number of elements holds information about the globals, too".to_owned()));
            }
        }
        // Read are the covariates outside plates; and of the element, its covariates and what the ratio is of.
        let reads = |v: &Variable, inside: bool| match v.role {
            Role::Given => true,
            Role::Observed => inside && (!implicit || v.implicit),
            _ => false,
        };
        let outside = specification.variables.iter().filter(|v| v.in_data()).map(|v| (v, false));
        let inside = own.variables.iter().filter(|v| v.in_data()).map(|v| (v, true));
        let read = outside.chain(inside).flat_map(|(v, inside)| std::iter::repeat_n(reads(v, inside), width_of(v)));
        let read = read.collect();
        Ok(Self { hierarchy, plate, implicit, read })
    }

    fn shape(&self) -> (usize, Vec<PlateShape>) {
        let (_, plates) = self.hierarchy.shape(self.plate, 0);
        (self.read.iter().filter(|read| **read).count(), if self.implicit { Vec::new() } else { plates })
    }

    fn targets(&self) -> usize {
        let globals: usize = self.hierarchy.globals.iter().map(|g| g.free.len()).sum();
        globals + if self.implicit { self.hierarchy.plates[self.plate].numbers() } else { 0 }
    }

    /// Adds an element to a batch.
    fn push(&self, parts: &EncodedData, element: usize, batch: &mut Batch) {
        let mut numbers = Vec::with_capacity(self.read.len());
        let place = self.hierarchy.place(parts, self.plate, element);
        self.hierarchy.push_outside(parts, &Default::default(), &place, 0, &mut numbers);
        batch.globals.extend(numbers.iter().zip(&self.read).filter(|(_, read)| **read).map(|(x, _)| *x));
        if !self.implicit {
            self.hierarchy.push_inside(parts, &place, &mut batch.plates);
        }
        batch.sets += 1;
    }

    fn batch(&self) -> Batch {
        let (width, plates) = self.shape();
        Batch::empty(width, &plates)
    }

    /// Returns the unconstrained numbers of a density that the ratios of a data set's elements depend on, and for each
    /// element and each target, the index of its number among them.
    fn places(&self, frame: &Frame<'_>) -> (Vec<(usize, Link)>, Vec<usize>) {
        let hierarchy = &self.hierarchy;
        let mut all: Vec<(usize, Link)> = places(&hierarchy.globals).collect();
        let (globals, mut of) = (all.len(), Vec::new());
        let ranges = local_ranges(&hierarchy.globals, &hierarchy.slots, frame);
        let own = &hierarchy.plates[self.plate];
        for element in 0..own.size(frame) {
            of.extend(0..globals);
            for (slot, links) in own.continuous.iter().filter(|_| self.implicit) {
                let Some(range) = &ranges[*slot] else { continue };
                for (component, link) in links.iter().enumerate() {
                    of.push(all.len());
                    all.push((range.free.start + component * range.elements + element, *link));
                }
            }
        }
        (all, of)
    }
}

/// Returns what is observed, except the variables directly in the plate `but`.
fn observed<'a>(specification: &'a Specification, but: &str) -> Vec<&'a Variable> {
    fn visit<'a>(plates: &'a [crate::model::Plate], but: &str, found: &mut Vec<&'a Variable>) {
        for plate in plates {
            if plate.name != but {
                found.extend(plate.variables.iter().filter(|v| v.role == Role::Observed));
            }
            visit(&plate.plates, but, found);
        }
    }
    let mut found: Vec<&Variable> = specification.variables.iter().filter(|v| v.role == Role::Observed).collect();
    visit(&specification.plates, but, &mut found);
    found
}

/// Returns whether a variable is in a plate, or in one inside it.
fn contains(plate: &crate::model::Plate, name: &str) -> bool {
    plate.variables.iter().any(|v| v.name == name) || plate.plates.iter().any(|inner| contains(inner, name))
}

/// Single elements, each of a data set of its own: elements of one data set share its globals and cannot be told apart
/// by them.
struct Single<'a, 'b> {
    model: &'a dyn AnyModel,
    fixed: Fixed<'a>,
    elements: &'b ElementReader,
    seed: u64,
}

impl TrainingSource for Single<'_, '_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let ElementReader { hierarchy, plate, implicit, .. } = self.elements;
        let mut batch = self.elements.batch();
        let mut targets = Vec::with_capacity(sets * self.elements.targets());
        for place in first..first + sets {
            let mut rng = stream_for(Purpose::Training, self.seed, step, place as u64);
            let simulation = self.model.draw(&self.fixed, &mut rng)?;
            self.elements.push(&hierarchy.parts(&simulation.data().frame()), 0, &mut batch);
            let latents = hierarchy.latents(self.model, &*simulation);
            targets.extend_from_slice(&latents.globals);
            if *implicit {
                targets.extend_from_slice(&latents.plates[*plate].numbers);
            }
        }
        Ok((batch, targets))
    }
}

/// A learned ratio of single elements of a plate.
#[derive(Clone, Debug)]
pub struct EventRatio<M: Model> {
    any: Arc<AnyEventRatio>,
    model: PhantomData<fn() -> M>,
}

/// A learned ratio of single elements of a plate of some model.
#[derive(Debug)]
struct AnyEventRatio {
    model: Arc<dyn AnyModel>,
    elements: ElementReader,
    network: Network,
    /// A simulation without elements.
    empty: Box<dyn AnySimulation>,
}

impl AnyEventRatio {
    fn ratio(&self, data: &dyn AnyData) -> Result<Ratio, InferenceError> {
        self.model.check(data)?;
        let parts = self.elements.hierarchy.parts(&data.frame());
        let mut batch = self.elements.batch();
        for element in 0..self.elements.hierarchy.elements(&parts, self.elements.plate) {
            self.elements.push(&parts, element, &mut batch);
        }
        Ok(self.network.ratios(&batch)?)
    }

    /// Returns the ratios of a data set's elements as a factor of a density.
    fn factor(&self, data: &dyn AnyData) -> Result<Box<dyn Factor>, InferenceError> {
        let (places, of) = self.elements.places(&data.frame());
        Ok(Box::new(RatioFactor::new(self.ratio(data)?, of, places)))
    }

    /// Returns ln of the ratio of each element, at the unconstrained numbers `q`.
    fn log_ratios(&self, data: &dyn AnyData, q: &[f64]) -> Result<Vec<f64>, InferenceError> {
        let ratio = self.ratio(data)?;
        let (places, of) = self.elements.places(&data.frame());
        let dims = ratio.dims();
        let each = of.chunks_exact(dims).enumerate().map(|(element, of)| {
            let point: Vec<f64> = of.iter().map(|&place| places[place].1.forward(q[places[place].0])).collect();
            ratio.log_ratios(element, &point)[0]
        });
        Ok(each.collect())
    }

    /// Returns what speaks against the ratios: their training, and what of `data` is beyond it.
    fn doubts(&self, data: Option<&dyn AnyData>) -> Vec<String> {
        let beyond = data.map(|data| self.elements.hierarchy.units.reach.beyond(&data.frame(), true));
        doubts(&self.network).into_iter().chain(beyond.into_iter().flat_map(Beyond::warnings)).collect()
    }

    fn save(&self, path: &Path) -> Result<(), InferenceError> {
        let ElementReader { hierarchy, plate, implicit, .. } = &self.elements;
        let what = (EVENT, (&hierarchy.plates[*plate].name, implicit));
        file::save(&self.network, (&*self.model, &hierarchy.units), what, path)
    }

    fn load(model: &dyn AnyModel, path: &Path) -> Result<Self, InferenceError> {
        let (network, units, (plate, implicit)): (_, _, (String, bool)) =
            file::load(model, EVENT, path, &ElementNetworks::default())?;
        let elements = ElementReader::new(model, &plate, implicit, units)?;
        let (width, plates) = elements.shape();
        let shape = Shape { width, plates, targets: elements.targets() };
        file::check(&network, &shape, file::ratio, path)?;
        let fixed = Fixed::new(&model.specification(), &[], None, None)?.without_elements();
        let empty = model.draw(&fixed, &mut stream(0, 0))?;
        Ok(Self { model: model.any_clone(), elements, network, empty })
    }
}

impl<M: Model> EventRatio<M> {
    fn of(any: AnyEventRatio) -> Self {
        Self { any: Arc::new(any), model: PhantomData }
    }

    /// Returns ln of the ratio of each element of `data`, at `globals`; for implicit observations, also at the
    /// continuous locals in `locals`, which are otherwise ignored.
    ///
    /// # Errors
    /// Data that do not fit the model, or locals that do not belong to them.
    pub fn log_ratios(
        &self,
        data: &M::Data,
        globals: &M::Globals,
        locals: &M::Locals,
    ) -> Result<Vec<f64>, InferenceError> {
        let any = &*self.any;
        any.model.check(data)?;
        let locals = if any.elements.implicit {
            check_locals::<M>(locals, data)?;
            Some((locals as &dyn AnyLocals, data as &dyn AnyData))
        } else {
            None
        };
        any.log_ratios(data, &any.model.unconstrain(globals, locals))
    }

    /// Samples the posterior given `data`, a data set of any size: the posterior of the globals, by the prior and the
    /// ratios of all elements; or, for the ratio of implicit observations, that of the globals and all continuous
    /// locals, by the model's own density of everything else and the ratios. The warnings of the chains include those of the ratio.
    ///
    /// # Errors
    /// Data that do not fit the model.
    pub fn nuts<'a>(&'a self, data: &'a M::Data) -> Result<Nuts<'a, M>, InferenceError>
    where
        M: Explicit,
    {
        let (model, factor) = (typed(&*self.any.model), self.any.factor(data)?);
        if self.any.elements.implicit {
            let density = Density::explicit(model, data)?.with_factor(factor);
            return Ok(Nuts::over((model, data), density, self.any.doubts(Some(data)), None));
        }
        let empty = &typed::<Simulation<M>>(&*self.any.empty).data;
        let density = Density::of_globals(model, empty).with_factor(factor);
        Ok(Nuts::over((model, empty), density, self.any.doubts(Some(data)), None))
    }

    /// Writes the ratio to the file `path` in the safetensors format, completely or not at all. The header names the
    /// model.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any.save(path.as_ref())
    }

    /// Reads a ratio from the file `path`, which was saved for the same model with the same params as `model`.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds something else, such as the ratio of another model.
    pub fn load(model: &M, path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        AnyEventRatio::load(model, path.as_ref()).map(Self::of)
    }

    /// Returns the records of the training. The losses are those of telling elements apart, in nats.
    pub fn history(&self) -> &[TrainingRecord] {
        self.any.network.history()
    }

    /// Returns warnings about the training, in words; none if all seems well.
    pub fn warnings(&self) -> Vec<String> {
        self.any.doubts(None)
    }
}

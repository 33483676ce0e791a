//! Joint posteriors of globals and locals: one network for the globals, and for each plate networks that judge one element.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::RngExt;

use super::bank::{AnyBank, BankElements};
use super::config::{NetworkConfig, TrainingConfig, TrainingContext, settings};
use super::hierarchy::{EncodedData, Hierarchy, Latents, PlateLatents};
use super::joint_posterior::AnyJointPosterior;
use super::mirror::{Axis, Flip, Mirror};
use super::npe::AnyNpe;
use super::posterior::AnyPosterior;
use super::posterior_estimator::{AnyPosteriorEstimator, FINGERPRINT, MODEL, SIZES, doubts};
use super::training::Training;
use super::{Bank, InferenceError, JointPosterior, PosteriorEstimator, sizes};
use crate::model::erased::typed;
use crate::model::{AnyData, AnyModel, Model, Specification};
use crate::nn::{Batch, Budget, ElementNetworks, Network, Output, Prediction, Shape, TrainingSource};
use crate::simulate::{Fixed, SimulateError, stream};

/// FreshElements that are learned from of one simulated data set: neighbours share their globals.
const ELEMENTS: usize = 4;
/// Simulations without an element that are passed over.
pub(super) const EMPTY: u64 = 10_000;
/// The share of a budget of time that the globals get, unless another is asked for.
const GLOBALS: f64 = 0.5;

const LOCAL: &str = "hierarch.local";
const HIERARCHY: &str = "hierarch.hierarchy";

/// A joint posterior to be trained; made by `model.joint_npe()`.
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct JointNpe<'a, M: Model> {
    any: AnyJointNpe<'a>,
    model: PhantomData<fn() -> M>,
}

/// A joint posterior of some model to be trained.
#[derive(Clone, Debug)]
struct AnyJointNpe<'a> {
    model: &'a dyn AnyModel,
    context: bool,
    sizes: Vec<(String, usize)>,
    covariates: Option<&'a dyn AnyData>,
    /// What the locals and the globals learn from, in place of fresh simulations.
    bank: Option<&'a AnyBank>,
    global_bank: Option<&'a AnyBank>,
    /// Of a budget of time, what the globals get.
    share: f64,
    seed: u64,
    globals: (NetworkConfig, TrainingConfig),
    locals: (NetworkConfig, TrainingConfig),
    mirrors: Vec<Mirror>,
    checkpoints: Option<PathBuf>,
}

impl<'a, M: Model> JointNpe<'a, M> {
    /// A posterior over all globals and locals, for any size in the plates' ranges, from seed 0.
    pub fn new(model: &'a M) -> Self {
        let any = AnyJointNpe {
            model,
            context: true,
            sizes: Vec::new(),
            covariates: None,
            bank: None,
            global_bank: None,
            share: GLOBALS,
            seed: 0,
            globals: Default::default(),
            locals: Default::default(),
            mirrors: Vec::new(),
            checkpoints: None,
        };
        Self { any, model: PhantomData }
    }

    /// Judges each element by its own data alone (with those of the elements around it and outside plates), all other latent
    /// variables being integrated over: what the locals' posteriors would be without the hierarchy. The posterior is then
    /// one of locals only.
    pub fn without_hierarchy(mut self) -> Self {
        self.any.context = false;
        self
    }

    /// The seed of the simulations and of the networks' first weights.
    pub fn seed(mut self, seed: u64) -> Self {
        self.any.seed = seed;
        self
    }

    /// Trains for one size of a plate instead of its whole range; data of another size are then an error.
    pub fn size(mut self, plate: &str, elements: usize) -> Self {
        self.any.sizes.push((plate.to_owned(), elements));
        self
    }

    /// Draws the covariates of simulated elements from the rows of a data set.
    pub fn covariates_from(mut self, data: &'a M::Data) -> Self {
        self.any.covariates = Some(data);
        self
    }

    /// The sizes of the network of the globals, and the family of its posterior; what is left out follows the model.
    pub fn global_network(mut self, config: NetworkConfig) -> Self {
        self.any.globals.0 = config;
        self
    }

    /// How the network of the globals is trained.
    pub fn global_training(mut self, config: TrainingConfig) -> Self {
        self.any.globals.1 = config;
        self
    }

    /// The sizes of the networks of the locals, and the family of their posteriors; what is left out follows the model. An
    /// element says less than a data set: by default these networks are smaller.
    pub fn local_network(mut self, config: NetworkConfig) -> Self {
        self.any.locals.0 = config;
        self
    }

    /// How the networks of the locals are trained.
    pub fn local_training(mut self, config: TrainingConfig) -> Self {
        self.any.locals.1 = config;
        self
    }

    /// Learns from the simulations of a bank, over and over, instead of fresh ones: the globals from data sets, the locals
    /// from single elements of these. A tenth of the data sets, with their elements, are held out; each training stops when
    /// the loss on those stops falling, and [`JointEstimator::warnings`] tells if it has risen. The sizes and covariates are
    /// those of the bank.
    pub fn bank(mut self, bank: &'a Bank<M>) -> Self {
        self = self.local_bank(bank);
        self.any.global_bank = Some(&bank.any);
        self
    }

    /// The same for the locals alone, while the globals learn from fresh simulations: a bank has many more elements than data
    /// sets, and can have enough of those to learn the locals from, and too few of these for the globals.
    pub fn local_bank(mut self, bank: &'a Bank<M>) -> Self {
        (self.any.bank, self.any.global_bank) = (Some(&bank.any), None);
        self
    }

    /// Says that an element is as likely when the columns of its image are in the other order and some of its locals, whose
    /// support is the real line, have the other sign: `.mirror_x("lenses.image", &["x"])`. All else must stay as it is: the
    /// other data of the element and what is around it, of which none may tell left from right. Each image that is learned
    /// from is then mirrored or not, at random; those of one plate that have the same mirror, together.
    pub fn mirror_x(self, image: &str, changes_sign: &[&str]) -> Self {
        self.mirror(image, Axis::X, changes_sign)
    }

    /// The same for the rows of the image.
    pub fn mirror_y(self, image: &str, changes_sign: &[&str]) -> Self {
        self.mirror(image, Axis::Y, changes_sign)
    }

    fn mirror(mut self, image: &str, axis: Axis, changes_sign: &[&str]) -> Self {
        let changes_sign = changes_sign.iter().map(|&name| name.to_owned()).collect();
        self.any.mirrors.push(Mirror { image: image.to_owned(), axis, changes_sign });
        self
    }

    /// The share of a budget of time that the network of the globals gets, in place of half of it.
    pub fn share_of_globals(mut self, share: f64) -> Self {
        self.any.share = share;
        self
    }

    /// Writes the states of the trainings to files in a folder every few seconds and at their ends. Where files exist
    /// already, the trainings go on from there.
    pub fn checkpoints(mut self, folder: impl AsRef<Path>) -> Self {
        self.any.checkpoints = Some(folder.as_ref().to_owned());
        self
    }

    /// Trains on fresh simulations, or on those of a [`bank`](JointNpe::bank), on all cores, until the budget is spent: first
    /// the locals, then the globals, whose network starts from the layers for images of one of a plate, if both read the
    /// same. Of a time, the globals get half or [their share](JointNpe::share_of_globals), and the networks of the locals equal
    /// shares of the rest; a number of data sets is that of each network (of elements, for locals).
    ///
    /// # Errors
    /// A model that cannot be simulated, or has no locals that can be inferred; a bank that is of another model or too small;
    /// a share that leaves nothing for the globals or the locals; a training that diverges; a checkpoint of another training.
    pub fn train(self, budget: Budget) -> Result<JointEstimator<M>, InferenceError> {
        self.any.train(budget).map(JointEstimator::of)
    }
}

impl AnyJointNpe<'_> {
    fn train(mut self, budget: Budget) -> Result<AnyJointEstimator, InferenceError> {
        if let Some(bank) = self.bank {
            bank.check(self.model)?;
            (self.sizes, self.covariates) = (bank.sizes().to_vec(), bank.covariates());
        }
        let hierarchy = Hierarchy::new(self.model, self.context);
        let tasks = Task::all(&hierarchy);
        if tasks.is_empty() {
            return Err(InferenceError::NoLocals);
        }
        if let Some(data) = self.covariates {
            self.model.check(data)?;
        }
        if let Some(name) = hierarchy.unknown_above() {
            return Err(InferenceError::UnknownAbove { name: name.to_owned() });
        }
        sizes::refuse_random(&self.model.specification(), &self.sizes)?;
        let with_globals = self.context && !hierarchy.globals.is_empty();
        if !(self.share > 0.0 && self.share < 1.0) {
            return Err(InferenceError::Share { share: self.share });
        }
        let global_share = if with_globals { self.share } else { 0.0 };
        let (of_globals, of_locals) = match budget {
            Budget::Time(time) => {
                let share = |share: f64| Budget::seconds(time.as_secs_f64() * share);
                (share(global_share), share((1.0 - global_share) / tasks.len() as f64))
            }
            sets => (sets, sets),
        };
        let fixed = Fixed::new(self.model, &self.sizes, None, self.covariates.map(|data| (data, false)))?;
        if !self.context {
            supports_stand_alone(self.model, &fixed, self.seed)?;
        }
        let flips = Flip::of_elements(&self.mirrors, self.model, &hierarchy, &fixed, self.seed)?;
        let networks = tasks.into_iter().map(|task| {
            let network = self.train_task(&hierarchy, task, of_locals, &fixed, &flips[task.plate])?;
            Ok(LocalNetwork { task, network })
        });
        let networks = networks.collect::<Result<Vec<_>, InferenceError>>()?;
        let train_globals = || self.train_globals(&hierarchy, &networks, of_globals);
        let globals = with_globals.then(train_globals).transpose()?;
        let model = self.model.any_clone();
        Ok(AnyJointEstimator { model, hierarchy, globals: globals.map(Arc::new), networks, sizes: self.sizes })
    }

    fn checkpoint(&self, name: &str) -> Option<PathBuf> {
        self.checkpoints.as_ref().map(|folder| folder.join(format!("{name}.training.safetensors")))
    }

    /// An image tells more of the element that it is of than of the globals, and so locals are learned first: how to read
    /// images is known by then.
    fn train_globals(
        &self,
        hierarchy: &Hierarchy,
        locals: &[LocalNetwork],
        budget: Budget,
    ) -> Result<AnyPosteriorEstimator, InferenceError> {
        let names = hierarchy.globals.iter().map(|g| g.name.clone()).collect();
        let mut npe = AnyNpe::new(self.model);
        npe.globals = Some(names);
        npe.seed = self.seed;
        (npe.network, npe.training) = self.globals.clone();
        npe.sizes.clone_from(&self.sizes);
        npe.covariates = self.covariates;
        npe.bank = self.global_bank;
        let (plates, layers) = (&hierarchy.data_shape().plates, &self.globals.0);
        npe.images = locals
            .iter()
            .map(|local| &local.network)
            .find(|network| network.reads_images(plates, &layers.images, layers.activation));
        npe.checkpoint = self.checkpoint("globals");
        npe.mirrors = self.mirrors.clone();
        npe.train(budget)
    }

    fn train_task(
        &self,
        hierarchy: &Hierarchy,
        task: Task,
        budget: Budget,
        fixed: &Fixed<'_>,
        flips: &[Flip],
    ) -> Result<Network, InferenceError> {
        let (width, plates) = hierarchy.shape(task.plate, task.known(hierarchy));
        let shape = Shape { width, plates, targets: task.targets(hierarchy) };
        let output = task.category(hierarchy).map(|(_, categories)| Output::Categories(categories));
        let of_bank = self.bank.map(|bank| bank.elements(hierarchy, task)).transpose()?;
        let bank = of_bank.as_ref().map(BankElements::counts);
        let context = TrainingContext { shape: &shape, budget, seed: self.seed, of_elements: true, bank };
        let settings = settings(&self.locals.0, &self.locals.1, &context, output)?;
        let name = task.name(hierarchy);
        let checkpoint = self.checkpoint(&name);
        let training = Training {
            of: format!(
                "{:?} ({}), locals {name}, hierarchy {}",
                self.model,
                self.model.specification().fingerprint(),
                self.context
            ),
            settings: &settings,
            networks: &[],
            flips,
            known: task.discrete.map(|_| task.known(hierarchy)),
            images: None,
            checkpoint: checkpoint.as_deref(),
        };
        if let Some(source) = of_bank.map(|elements| elements.for_training(&settings)) {
            return training.fit(&shape, &source, &source.simulation());
        }
        let source = FreshElements { model: self.model, fixed, hierarchy, task, seed: self.seed };
        let covariates = self.covariates.map(|data| data.frame().digest());
        training.fit(&shape, &source, &format!("sizes {:?}, covariates {covariates:?}", self.sizes))
    }
}

/// What one network of locals infers: the continuous locals of a plate, or one of its discrete ones given those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) plate: usize,
    /// Which of the discrete locals; nothing: the continuous ones.
    pub(super) discrete: Option<usize>,
}

impl Task {
    /// All tasks of a hierarchy in the order in which a draw takes them: plates from the outside in, and the continuous
    /// locals of each first, whose density is then theirs alone, with the discrete ones summed out as in that of the model.
    pub(super) fn all(hierarchy: &Hierarchy) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (plate, own) in hierarchy.plates.iter().enumerate() {
            tasks.extend((own.numbers() > 0).then_some(Task { plate, discrete: None }));
            tasks.extend((0..own.discrete.len()).map(|at| Task { plate, discrete: Some(at) }));
        }
        tasks
    }

    /// How many numbers of the element's own locals are known before.
    fn known(self, hierarchy: &Hierarchy) -> usize {
        self.discrete.map_or(0, |at| hierarchy.plates[self.plate].numbers() + at)
    }

    fn targets(self, hierarchy: &Hierarchy) -> usize {
        if self.discrete.is_some() { 1 } else { hierarchy.plates[self.plate].numbers() }
    }

    /// The slot and the number of categories of a discrete local.
    pub(super) fn category(self, hierarchy: &Hierarchy) -> Option<(usize, usize)> {
        self.discrete.map(|at| hierarchy.plates[self.plate].discrete[at])
    }

    fn name(self, hierarchy: &Hierarchy) -> String {
        let plate = &hierarchy.plates[self.plate].name;
        match self.category(hierarchy) {
            Some((slot, _)) => format!("{plate}.{}", hierarchy.slots[slot].name),
            None => plate.clone(),
        }
    }

    /// Nothing, as its network reads it, and room for the targets of so many elements.
    pub(super) fn batch(self, hierarchy: &Hierarchy, elements: usize) -> (Batch, Vec<f32>) {
        let (width, plates) = hierarchy.shape(self.plate, self.known(hierarchy));
        (Batch::empty(width, &plates), Vec::with_capacity(elements * self.targets(hierarchy)))
    }

    /// Adds an element to what its network reads, and what is to be inferred of it to the targets.
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

    /// Adds the element's own locals that are known before to what its network reads.
    fn push_known(self, hierarchy: &Hierarchy, own: &PlateLatents, at: usize, to: &mut Vec<f32>) {
        let Some(before) = self.discrete else { return };
        let numbers = hierarchy.plates[self.plate].numbers();
        let discrete = hierarchy.plates[self.plate].discrete.len();
        to.extend_from_slice(&own.numbers[at * numbers..(at + 1) * numbers]);
        to.extend_from_slice(&own.categories[at * discrete..][..before]);
    }

    /// The element's own locals that the network infers.
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
struct FreshElements<'a> {
    model: &'a dyn AnyModel,
    fixed: &'a Fixed<'a>,
    hierarchy: &'a Hierarchy,
    task: Task,
    seed: u64,
}

impl TrainingSource for FreshElements<'_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let (hierarchy, plate) = (self.hierarchy, self.task.plate);
        let (mut batch, mut targets) = self.task.batch(hierarchy, sets);
        // Apart from the streams of other networks and of `simulate` by the seed; EMPTY places for each element.
        let task = (plate as u64) << 8 | self.task.discrete.map_or(0, |at| at as u64 + 1);
        let key = step.wrapping_add(2).wrapping_mul(0x9fb2_1c65_1e98_df25).wrapping_add((task + 1) << 32);
        let mut empty = 0;
        let mut place = first as u64 * (EMPTY + 1);
        while batch.sets < sets {
            let mut rng = stream(self.seed.wrapping_add(key), place);
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

/// An amortized posterior over the globals and locals of a model.
///
/// It factorises as the model does, from the outside in: the globals given all data; then the locals of each element given
/// its own part of the data and what is around it. Locals of nested plates are conditioned on those of the plates around;
/// where rows name elements of several plates (or two of one), each element's locals are told by themselves, though they
/// depend on each other; and so where an observation reads a plate whole, or several elements read one that is only
/// simulated. Discrete locals of infinite support are not inferred.
///
/// ```
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
/// let estimator = model.joint_npe().train(Budget::simulations(2_000))?; // far too short, for an example
/// let data = SchoolsData { schools: SchoolsSchools { y: vec![0.3, -1.2, 0.9] } };
/// let posterior = estimator.condition(&data)?;
/// println!("{posterior}"); // mu, tau, theta[0], theta[1], theta[2]
/// for draw in posterior.draws(3, 1)? {
///     let log_density = posterior.log_density(&draw.globals, &draw.locals)?;
///     println!("{} {:?} {log_density}", draw.globals.mu, draw.locals.schools.theta);
/// }
/// println!("{}", posterior.importance_sample(&model, &data)?); // exact
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct JointEstimator<M: Model> {
    any: Arc<AnyJointEstimator>,
    globals: Option<PosteriorEstimator<M>>,
}

/// An amortized posterior over the globals and locals of some model.
#[derive(Debug)]
pub(crate) struct AnyJointEstimator {
    pub(super) model: Arc<dyn AnyModel>,
    pub(super) hierarchy: Hierarchy,
    /// Without the hierarchy there is none of the globals.
    globals: Option<Arc<AnyPosteriorEstimator>>,
    pub(super) networks: Vec<LocalNetwork>,
    /// Plates whose size is one alone.
    sizes: Vec<(String, usize)>,
}

impl<M: Model> JointEstimator<M> {
    fn of(any: AnyJointEstimator) -> Self {
        let globals = any.globals.clone().map(PosteriorEstimator::of_shared);
        Self { any: Arc::new(any), globals }
    }

    /// What is believed of globals and locals given a data set of any size in the model's ranges.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn condition(&self, data: &M::Data) -> Result<JointPosterior<M>, InferenceError> {
        AnyJointPosterior::new(self.any.clone(), Arc::new(data.clone())).map(JointPosterior::of)
    }

    /// The model it was trained for.
    pub fn model(&self) -> &M {
        typed(&*self.any.model)
    }

    /// The sizes that it was trained for, where these are one alone.
    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        self.any.sizes()
    }

    /// The posterior of the globals; nothing where each element was judged alone.
    pub fn globals(&self) -> Option<&PosteriorEstimator<M>> {
        self.globals.as_ref()
    }

    /// What is doubtful about the trainings, in words; nothing if all seems well.
    pub fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }

    /// Writes the posterior to files in a folder, each whole or not at all.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any.save(folder.as_ref())
    }

    /// Reads a posterior that was saved for this model, with these params.
    ///
    /// # Errors
    /// A file that is missing, is damaged, or holds something else, such as the posterior of another model.
    pub fn load(model: &M, folder: impl AsRef<Path>) -> Result<Self, InferenceError> {
        AnyJointEstimator::load(model, folder.as_ref()).map(Self::of)
    }
}

impl AnyJointEstimator {
    /// What is believed of the globals given a data set, which is checked.
    pub(super) fn condition_globals(&self, data: &dyn AnyData) -> Result<Option<AnyPosterior>, InferenceError> {
        self.model.check(data)?;
        sizes::check(&self.sizes, &data.frame())?;
        self.globals.as_ref().map(|estimator| estimator.condition(data)).transpose()
    }

    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        &self.sizes
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let globals = self.globals.iter().flat_map(|globals| globals.warnings());
        let locals = self.networks.iter().flat_map(|local| {
            let name = local.task.name(&self.hierarchy);
            doubts(&local.network).into_iter().map(move |doubt| format!("the locals of `{name}`: {doubt}"))
        });
        globals.chain(locals).collect()
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<(), InferenceError> {
        let specification = self.model.specification();
        for LocalNetwork { task, network } in &self.networks {
            let name = task.name(&self.hierarchy);
            let metadata = metadata(&specification, &name, self.hierarchy.context, &self.sizes);
            network.save(folder.join(format!("{name}.safetensors")), &metadata)?;
        }
        if let Some(globals) = &self.globals {
            globals.save(&folder.join("globals.safetensors"))?;
        }
        Ok(())
    }

    pub(crate) fn load(model: &dyn AnyModel, folder: &Path) -> Result<Self, InferenceError> {
        let specification = model.specification();
        let mut hierarchy = Hierarchy::new(model, true);
        let (mut sizes, mut networks) = (Vec::new(), Vec::new());
        for task in Task::all(&hierarchy) {
            let name = task.name(&hierarchy);
            let path = folder.join(format!("{name}.safetensors"));
            let (network, found) = Network::load(&path)?;
            // What the first file says of the whole, the others must say, too.
            if networks.is_empty() {
                hierarchy.context = found.get(HIERARCHY).is_some_and(|around| around == "true");
                sizes = found.get(SIZES).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            }
            let expected = metadata(&specification, &name, hierarchy.context, &sizes);
            let (width, plates) = hierarchy.shape(task.plate, task.known(&hierarchy));
            let shape = Shape { width, plates, targets: task.targets(&hierarchy) };
            if found != expected || *network.shape() != shape {
                let text = |entries: &BTreeMap<String, String>| {
                    let entry = |key: &str| entries.get(key).map_or("?", String::as_str);
                    let (model, print, local) = (entry(MODEL), entry(FINGERPRINT), entry(LOCAL));
                    format!(
                        "`{model}` ({print}), locals {local}, hierarchy {}, sizes {}",
                        entry(HIERARCHY),
                        entry(SIZES)
                    )
                };
                let (saved, expected) = (text(&found), text(&expected));
                return Err(InferenceError::OtherModel { path, saved, expected });
            }
            networks.push(LocalNetwork { task, network });
        }
        let with_globals = hierarchy.context && !hierarchy.globals.is_empty();
        let path = folder.join("globals.safetensors");
        let read = || AnyPosteriorEstimator::read(model, &path, ElementNetworks::default(), false);
        let globals = with_globals.then(read).transpose()?.map(Arc::new);
        if networks.is_empty() {
            return Err(InferenceError::NoLocals);
        }
        Ok(Self { model: model.any_clone(), hierarchy, globals, networks, sizes })
    }
}

/// Checks that no support of a local depends on a global, which nothing tells where each element is judged alone.
fn supports_stand_alone(model: &dyn AnyModel, fixed: &Fixed<'_>, seed: u64) -> Result<(), InferenceError> {
    let simulation = model.draw(fixed, &mut stream(seed, 0))?;
    let data = simulation.data();
    let globals = model.global_slots().last().map_or((0, 0), |g| (g.free.end, g.values.end));
    let mut q = vec![0.0; model.dimension(data)];
    q[..globals.0].fill(f64::NAN);
    let mut values = Vec::new();
    model.constrain(Some(data), &q, &mut values);
    match values.iter().skip(globals.1).position(|x| x.is_nan()) {
        Some(at) => {
            let name = model.names(Some(data)).swap_remove(globals.1 + at);
            Err(InferenceError::OpenSupport { name })
        }
        None => Ok(()),
    }
}

fn metadata(
    specification: &Specification,
    name: &str,
    context: bool,
    sizes: &[(String, usize)],
) -> BTreeMap<String, String> {
    BTreeMap::from([
        (MODEL.to_owned(), specification.name.clone()),
        (FINGERPRINT.to_owned(), specification.fingerprint()),
        (LOCAL.to_owned(), name.to_owned()),
        (HIERARCHY.to_owned(), context.to_string()),
        (SIZES.to_owned(), serde_json::json!(sizes).to_string()),
    ])
}

/// What a network believes of an element at each draw; once for all, where it reads nothing that differs between draws.
///
/// The data have been checked and draws are finite, which leaves nothing that could be wrong: no estimate stands for what
/// cannot be.
pub(super) fn judge(
    of: &AnyJointEstimator,
    local: &LocalNetwork,
    parts: &EncodedData,
    latents: &Latents,
    own: &PlateLatents,
    element: usize,
) -> Vec<Prediction> {
    let (hierarchy, task) = (&of.hierarchy, local.task);
    let place = hierarchy.place(parts, task.plate, element);
    let mut outside = Vec::new();
    for draw in 0..latents.draws {
        hierarchy.push_outside(parts, latents, &place, draw, &mut outside);
        task.push_known(hierarchy, own, draw, &mut outside);
    }
    let mut inside = task.batch(hierarchy, 0).0.plates;
    hierarchy.push_inside(parts, &place, &mut inside);
    local.network.predict_outside(&inside, &outside).unwrap_or_default()
}

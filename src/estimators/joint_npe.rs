//! Neural estimation of joint posteriors: one network for the globals, and for each plate networks of its locals.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bank::AnyBank;
use super::bank_source::BankElements;
use super::config::{NetworkConfig, TrainingConfig, TrainingContext, settings};
use super::hierarchy::Hierarchy;
use super::joint_networks::AnyJointEstimator;
use super::local_task::{FreshElements, LocalNetwork, Task};
use super::mirror::{Axis, Flip, Mirror};
use super::npe::AnyNpe;
use super::posterior_estimator::AnyPosteriorEstimator;
use super::targets::continuous;
use super::training::Training;
use super::units::Units;
use super::{Bank, InferenceError, JointEstimator, RequestError, sizes};
use crate::model::{AnyModel, Model};
use crate::nn::{Budget, Network, Output, Shape};
use crate::simulate::{Fixed, Simulated, SimulationSource, stream};

/// The share of a budget of time that the globals get where none is set.
const GLOBALS: f64 = 0.5;

/// A joint posterior estimator to be trained; made by `model.joint_npe()`.
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct JointNpe<'a, M: Model> {
    any: AnyJointNpe<'a>,
    model: PhantomData<fn() -> M>,
}

/// A joint posterior estimator of some model, to be trained.
#[derive(Clone, Debug)]
struct AnyJointNpe<'a> {
    source: SimulationSource<'a>,
    context: bool,
    /// The banks that locals and globals are trained on, instead of fresh simulations.
    bank: Option<&'a AnyBank>,
    global_bank: Option<&'a AnyBank>,
    /// The share of the budget that the globals get, if it is set.
    share: Option<f64>,
    globals: (NetworkConfig, TrainingConfig),
    locals: (NetworkConfig, TrainingConfig),
    mirrors: Vec<Mirror>,
    checkpoints: Option<PathBuf>,
}

impl<'a, M: Model> JointNpe<'a, M> {
    /// Prepares an estimator for all globals and locals, for any size in the plates' ranges, from seed 0.
    pub fn new(model: &'a M) -> Self {
        let any = AnyJointNpe {
            source: SimulationSource::new(model),
            context: true,
            bank: None,
            global_bank: None,
            share: None,
            globals: Default::default(),
            locals: Default::default(),
            mirrors: Vec::new(),
            checkpoints: None,
        };
        Self { any, model: PhantomData }
    }

    /// Infers each element from its own data alone (with those of the elements around it and outside plates); all other
    /// latent variables are integrated over. This gives the posteriors that the locals would have without the
    /// hierarchy. The joint posterior is then one of locals only.
    pub fn without_hierarchy(mut self) -> Self {
        self.any.context = false;
        self
    }

    /// Sets the sizes of the network for the globals, and the family of its posterior; what is left out follows the
    /// model.
    pub fn global_network(mut self, config: NetworkConfig) -> Self {
        self.any.globals.0 = config;
        self
    }

    /// Sets how the network for the globals is trained.
    pub fn global_training(mut self, config: TrainingConfig) -> Self {
        self.any.globals.1 = config;
        self
    }

    /// Sets the sizes of the networks for the locals, and the family of their posteriors; what is left out follows the
    /// model. An element holds less information than a data set: by default these networks are smaller.
    pub fn local_network(mut self, config: NetworkConfig) -> Self {
        self.any.locals.0 = config;
        self
    }

    /// Sets how the networks for the locals are trained.
    pub fn local_training(mut self, config: TrainingConfig) -> Self {
        self.any.locals.1 = config;
        self
    }

    /// Trains on the simulations of `bank`, over and over, instead of fresh ones: the globals on data sets, the locals
    /// on single elements of these. A tenth of the data sets, with their elements, are held out; each training stops
    /// when the loss on those stops falling, and [`JointEstimator::warnings`] reports if it has risen. The sizes and
    /// covariates are those of the bank.
    pub fn bank(mut self, bank: &'a Bank<M>) -> Self {
        self = self.local_bank(bank);
        self.any.global_bank = Some(&bank.any);
        self
    }

    /// Trains only the locals on the simulations of `bank`, and the globals on fresh simulations: a bank has many more
    /// elements than data sets, and can have enough elements for the locals but too few data sets for the globals.
    pub fn local_bank(mut self, bank: &'a Bank<M>) -> Self {
        (self.any.bank, self.any.global_bank) = (Some(&bank.any), None);
        self
    }

    /// Declares that an element is as likely if the columns of `image` are in reverse order and the locals
    /// `changes_sign`, whose support is the real line, have the other sign: `.mirror_x("lenses.image", &["x"])`. All
    /// else must stay as it is: the other data of the element and what is around it, none of which may distinguish left
    /// from right. Each image in training is then mirrored or not, at random; images of one plate with the same mirror
    /// are mirrored together.
    pub fn mirror_x(self, image: &str, changes_sign: &[&str]) -> Self {
        self.mirror(image, Axis::X, changes_sign)
    }

    /// Declares the symmetry of [`mirror_x`](JointNpe::mirror_x) for the rows of the image.
    pub fn mirror_y(self, image: &str, changes_sign: &[&str]) -> Self {
        self.mirror(image, Axis::Y, changes_sign)
    }

    fn mirror(mut self, image: &str, axis: Axis, changes_sign: &[&str]) -> Self {
        let changes_sign = changes_sign.iter().map(|&name| name.to_owned()).collect();
        self.any.mirrors.push(Mirror { image: image.to_owned(), axis, changes_sign });
        self
    }

    /// Sets the share of the budget that the network for the globals gets. By default it is half of a budget of time, and each
    /// network sees all of a budget of data sets.
    pub fn share_of_globals(mut self, share: f64) -> Self {
        self.any.share = Some(share);
        self
    }

    /// Writes the states of the trainings to files in `folder` every few seconds and at their ends. If files exist
    /// already, the trainings resume from them.
    pub fn checkpoints(mut self, folder: impl AsRef<Path>) -> Self {
        self.any.checkpoints = Some(folder.as_ref().to_owned());
        self
    }

    /// Trains on fresh simulations, or on those of a [`bank`](JointNpe::bank), on all cores, until the budget is spent.
    /// The locals are trained first, then the globals, whose network starts from the image layers of a network for
    /// locals, if both read the same images. Of a budget of time, the globals get half or [their
    /// share](JointNpe::share_of_globals), and the networks for the locals equal shares of the rest; a budget of data
    /// sets is that of each network (of elements, for locals).
    ///
    /// # Errors
    /// A model that cannot be simulated, or has no locals that can be inferred; a bank of another model, or one that is
    /// too small; a share that leaves nothing for the globals or the locals; a training that diverges; a checkpoint of
    /// another training.
    pub fn train(self, budget: Budget) -> Result<JointEstimator<M>, InferenceError> {
        self.any.train(budget).map(JointEstimator::of)
    }
}

impl<'a, M: Model> Simulated<'a, M> for JointNpe<'a, M> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.any.source
    }
}

impl AnyJointNpe<'_> {
    fn train(mut self, budget: Budget) -> Result<AnyJointEstimator, InferenceError> {
        continuous(&self.source.model.global_slots())?;
        if let Some(bank) = self.bank {
            bank.check(self.source.model)?;
            (self.source.sizes, self.source.covariates) = (bank.sizes().to_vec(), bank.covariates());
        }
        sizes::refuse_whole_plates(&self.source.model.specification())?;
        let fixed = self.source.fixed()?;
        let units = match self.bank {
            Some(bank) => bank.units().clone(),
            None => Units::of(self.source.model, &fixed)?,
        };
        let hierarchy = Hierarchy::new(self.source.model, self.context, units);
        let tasks = Task::all(&hierarchy);
        if tasks.is_empty() {
            return Err(RequestError::NoLocals.into());
        }
        if let Some(name) = hierarchy.unknown_above() {
            return Err(RequestError::UnknownAbove { name: name.to_owned() }.into());
        }
        sizes::refuse_random(&self.source.model.specification(), &self.source.sizes)?;
        let with_globals = self.context && !hierarchy.globals.is_empty();
        if let Some(share) = self.share.filter(|share| !(*share > 0.0 && *share < 1.0)) {
            return Err(RequestError::Share { share }.into());
        }
        let global_share = if with_globals { self.share.unwrap_or(GLOBALS) } else { 0.0 };
        let (of_globals, of_locals) = match budget {
            Budget::Time(time) => {
                let share = |share: f64| Budget::seconds(time.as_secs_f64() * share);
                (share(global_share), share((1.0 - global_share) / tasks.len() as f64))
            }
            Budget::Simulations(sets) if self.share.is_some() => {
                let share = |share: f64| Budget::simulations((sets as f64 * share).round() as u64);
                (share(global_share), share((1.0 - global_share) / tasks.len() as f64))
            }
            sets => (sets, sets),
        };
        if !self.context {
            supports_stand_alone(self.source.model, &fixed, self.source.seed)?;
        }
        let flips = Flip::of_elements(&self.mirrors, self.source.model, &hierarchy, &fixed, self.source.seed)?;
        let networks = tasks.into_iter().map(|task| {
            let network = self.train_task(&hierarchy, task, of_locals, &fixed, &flips[task.plate])?;
            Ok(LocalNetwork { task, network })
        });
        let networks = networks.collect::<Result<Vec<_>, InferenceError>>()?;
        let train_globals = || self.train_globals(&hierarchy, &networks, of_globals);
        let globals = with_globals.then(train_globals).transpose()?;
        let model = self.source.model.any_clone();
        Ok(AnyJointEstimator { model, hierarchy, globals: globals.map(Arc::new), networks, sizes: self.source.sizes })
    }

    fn checkpoint(&self, name: &str) -> Option<PathBuf> {
        self.checkpoints.as_ref().map(|folder| folder.join(format!("{name}.training.safetensors")))
    }

    /// An image tells more about the element that it shows than about the globals. So the locals are trained first, and
    /// the network for the globals starts from layers that can read images.
    fn train_globals(
        &self,
        hierarchy: &Hierarchy,
        locals: &[LocalNetwork],
        budget: Budget,
    ) -> Result<AnyPosteriorEstimator, InferenceError> {
        let names = hierarchy.globals.iter().map(|g| g.name.clone()).collect();
        let mut npe = AnyNpe::new(self.source.model);
        npe.globals = Some(names);
        (npe.setup.network, npe.setup.training) = self.globals.clone();
        npe.source.clone_from(&self.source);
        npe.bank = self.global_bank;
        let (plates, layers) = (&hierarchy.data_shape().plates, &self.globals.0);
        npe.images = locals
            .iter()
            .map(|local| &local.network)
            .find(|network| network.reads_images(plates, &layers.images, layers.activation));
        npe.setup.checkpoint = self.checkpoint("globals");
        npe.mirrors = self.mirrors.clone();
        // The networks for the locals read draws of the globals as this one gives them.
        npe.units = Some(hierarchy.units.clone());
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
        let context = TrainingContext { shape: &shape, budget, seed: self.source.seed, of_elements: true, bank };
        let settings = settings(&self.locals.0, &self.locals.1, &context, output)?;
        let name = task.name(hierarchy);
        let checkpoint = self.checkpoint(&name);
        let training = Training {
            model: self.source.model,
            of: format!(
                "{:?} ({}), locals {name}, hierarchy {}",
                self.source.model,
                self.source.model.specification().fingerprint(),
                self.context
            ),
            settings: &settings,
            networks: &[],
            flips,
            known: task.discrete.map(|_| task.known(hierarchy)),
            images: None,
            checkpoint: checkpoint.as_deref(),
            names: task.names(hierarchy),
            skipped: Some(self.bank.map_or(&*fixed.skipped, AnyBank::skipped)),
            of_several: false,
        };
        if let Some(source) = of_bank.map(|elements| elements.for_training(&settings)) {
            return training.fit(&shape, &source, &source.simulation());
        }
        let source = FreshElements { model: self.source.model, fixed, hierarchy, task, seed: self.source.seed };
        training.fit(&shape, &source, &self.source.describe())
    }
}

/// Checks that no support of a local depends on a global, which is unknown where each element is inferred alone.
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
            Err(RequestError::OpenSupport { name }.into())
        }
        None => Ok(()),
    }
}

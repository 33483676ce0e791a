//! Neural posterior estimation: a network that maps a data set to a distribution over the globals, trained on
//! simulations by maximising the mean log density of the true globals (Papamakarios & Murray 2016; Lueckmann et al.
//! 2017), with deep sets over the plates (Zaheer et al. 2017; Heinrich et al. 2023).

use std::marker::PhantomData;
use std::path::PathBuf;

use super::bank::AnyBank;
use super::config::{TrainingContext, settings};
use super::element_networks::user_networks;
use super::encode::DataEncoder;
use super::mirror::{Axis, Flip, Mirror};
use super::posterior_estimator::AnyPosteriorEstimator;
use super::search::{Trial, judge, search};
use super::targets::{closed, continuous, pick};
use super::trainable::{Trainable, TrainingSetup};
use super::training::Training;
use super::units::{Target, Units, push_targets};
use super::{Bank, InferenceError, PosteriorEstimator, RequestError, sizes};
use crate::model::{AnyModel, GlobalSlot, Model, Name, Purpose, stream_for};
use crate::nn::{Architecture, Batch, Budget, Family, Network, Output, Settings, Shape, TrainingSource, VALIDATION};
use crate::simulate::{Fixed, SimulateError, Simulated, SimulationSource};

/// A posterior estimator to be trained; made by `model.npe()`.
///
/// ```
/// use hierarch::estimators::Npe;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         nuisance background ~ LogNormal(0.0, 0.2);
///         plate days(1..=30) {
///             observe count ~ Poisson(rate + background);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let npe: Npe<'_, Flux> = model.npe().size(Flux::DAYS, 5).seed(1);
/// let estimator: PosteriorEstimator<Flux> = npe.train(Budget::simulations(500))?; // far too short, for an example
/// let posterior: Posterior<Flux> = estimator.condition(&FluxData { days: FluxDays { count: vec![3, 5, 2, 4, 4] } })?;
/// assert_eq!(posterior.names(), ["rate"]); // nuisance parameters are integrated over
/// assert!(posterior.quantile(Flux::RATE, 0.05)? < posterior.quantile(Flux::RATE, 0.95)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct Npe<'a, M: Model> {
    pub(super) any: AnyNpe<'a>,
    model: PhantomData<fn() -> M>,
}

/// A posterior estimator of some model, to be trained.
#[derive(Clone, Debug)]
pub(super) struct AnyNpe<'a> {
    pub(super) source: SimulationSource<'a>,
    pub(super) globals: Option<Vec<String>>,
    pub(super) setup: TrainingSetup,
    /// What the network returns, if it is no posterior.
    pub(super) output: Option<Output>,
    pub(super) bank: Option<&'a AnyBank>,
    pub(super) mirrors: Vec<Mirror>,
    /// The units of its numbers, if they are not those of its own simulations.
    pub(super) units: Option<Units>,
    /// A network that reads the same images: the image layers of this one start from its layers.
    pub(super) images: Option<&'a Network>,
    /// The number of networks, if it is set.
    pub(super) members: Option<usize>,
}

impl<'a> AnyNpe<'a> {
    pub(super) fn new(model: &'a dyn AnyModel) -> Self {
        Self {
            source: SimulationSource::new(model),
            globals: None,
            setup: TrainingSetup::default(),
            output: None,
            bank: None,
            mirrors: Vec::new(),
            units: None,
            images: None,
            members: None,
        }
    }
}

impl<'a, M: Model> Npe<'a, M> {
    /// Prepares an estimator for all globals, for any size in the plates' ranges, from seed 0.
    pub fn new(model: &'a M) -> Self {
        Self { any: AnyNpe::new(model), model: PhantomData }
    }

    /// Infers only the globals `names`; the others are integrated over. Nuisance parameters are never inferred unless
    /// named.
    pub fn globals<N: Into<Name>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.any.globals = Some(names.into_iter().map(|name| name.into().to_string()).collect());
        self
    }

    /// Declares that a data set is as likely if the columns of one of its images are in reverse order, whatever the
    /// globals: `lenses.image` names the image `image` of the plate `lenses`. Each image in training is then mirrored
    /// or not, at random.
    pub fn mirror_x(mut self, image: &str) -> Self {
        self.any.mirrors.push(Mirror { image: image.to_owned(), axis: Axis::X, changes_sign: Vec::new() });
        self
    }

    /// Declares the symmetry of [`mirror_x`](Npe::mirror_x) for the rows of the image.
    pub fn mirror_y(mut self, image: &str) -> Self {
        self.any.mirrors.push(Mirror { image: image.to_owned(), axis: Axis::Y, changes_sign: Vec::new() });
        self
    }

    /// Trains an ensemble of `members` networks, each with initial weights and simulations of its own. The posterior is
    /// the average of theirs: a mixture, wider where they disagree. The members share a budget of time; a budget of
    /// data sets is that of each.
    pub fn ensemble(mut self, members: usize) -> Self {
        self.any.members = Some(members);
        self
    }

    /// Trains on the simulations of `bank`, over and over, instead of fresh ones. A tenth of them are held out;
    /// training stops when the loss on those stops falling, and [`PosteriorEstimator::warnings`] reports if it has
    /// risen. The sizes and covariates are those of the bank.
    ///
    /// With a budget of time, or [until it has converged](Budget::until_converged), the held-out simulations also tell for how
    /// long to train and how to read plates: networks are trained anew, each for longer, until that no longer pays, then more of
    /// the best length, until the budget is spent. The posterior is the average of the best of them. A budget of data sets, a
    /// [checkpoint](Trainable::checkpoint) or an [`ensemble`](Npe::ensemble) keep to the networks that they name, and what you
    /// set in [`network`](Trainable::network) and [`training`](Trainable::training) stays as it is.
    pub fn bank(mut self, bank: &'a Bank<M>) -> Self {
        self.any.bank = Some(&bank.any);
        self
    }

    /// Trains on fresh simulations, or on those of a [`bank`](Npe::bank), on all cores, until the budget is spent.
    ///
    /// # Errors
    /// A model that cannot be simulated, a global that does not exist, a training that diverges, or a checkpoint of
    /// another training.
    pub fn train(self, budget: Budget) -> Result<PosteriorEstimator<M>, InferenceError> {
        self.any.train(budget).map(PosteriorEstimator::of)
    }
}

impl<'a, M: Model> Simulated<'a, M> for Npe<'a, M> {
    fn source_mut(&mut self) -> &mut SimulationSource<'a> {
        &mut self.any.source
    }
}

impl<M: Model> Trainable for Npe<'_, M> {
    fn setup_mut(&mut self) -> &mut TrainingSetup {
        &mut self.any.setup
    }
}

impl AnyNpe<'_> {
    pub(super) fn train(self, budget: Budget) -> Result<AnyPosteriorEstimator, InferenceError> {
        let model = self.source.model;
        sizes::refuse_whole_plates(&model.specification())?;
        let slots = self.targets()?;
        let units = match (&self.units, self.bank) {
            (Some(units), _) => units.clone(),
            (None, Some(bank)) => bank.units().clone(),
            (None, None) => Units::of(model, &self.source.fixed()?)?,
        };
        let encoder = DataEncoder::new(&model.specification(), &units);
        let (width, plates) = encoder.shape();
        let shape = Shape { width, plates, targets: slots.iter().map(|t| t.free.len()).sum() };
        let sizes = self.bank.map_or(self.source.sizes.as_slice(), AnyBank::sizes);
        sizes::refuse_random(&self.source.model.specification(), sizes)?;
        if self.members == Some(0) {
            return Err(RequestError::EmptyEnsemble.into());
        }
        let members = self.members.unwrap_or(1);
        let (seed, sizes) = (self.source.seed, sizes.to_vec());
        let bank = self.bank.map(|bank| (bank.training(), bank.validation()));
        let own_budget = match budget {
            Budget::Time(time) => Budget::seconds(time.as_secs_f64() / members as f64),
            simulations => simulations,
        };
        let context = TrainingContext { shape: &shape, budget: own_budget, seed, of_elements: false, bank };
        let settings = settings(&self.setup.network, &self.setup.training, &context, self.output)?;
        // With fresh simulations a flow learns any shape in probits, which are closer to a posterior at the very edge of its prior.
        // Other networks read draws in the units that they were told.
        let flow = matches!(settings.architecture.output, Output::Density(Family::Nsf { .. }));
        let units = if flow && self.bank.is_some() && self.units.is_none() { units.for_flow() } else { units };
        let targets = units.targets(model, slots);
        let searched = self.bank.filter(|_| self.searches(budget));
        let member = |member: usize, settings: &Settings| {
            let seed = seed_of_member(seed, member);
            self.train_member(
                member,
                &Settings { seed, ..settings.clone() },
                &shape,
                &encoder,
                &targets,
                searched.is_some(),
            )
        };
        let networks = match searched {
            None => (0..members).map(|number| member(number, &settings)).collect::<Result<_, _>>()?,
            Some(bank) => {
                let (batch, values) =
                    bank.source(model, &targets, &settings)?.draw(VALIDATION, 0, settings.validation)?;
                let train = |number: usize, settings: &Settings| {
                    let network = member(number, settings)?;
                    Ok(Trial { losses: network.losses(&batch, &values)?, network })
                };
                let mut networks = search(&self.candidates(&settings, &shape), budget, &train)?;
                judge(&mut networks, &batch, &values, &names_of(&targets))?;
                networks
            }
        };
        Ok(AnyPosteriorEstimator::new(model.any_clone(), networks, encoder, (targets, units), sizes))
    }

    /// Returns whether the bank is to tell how long to train, and how many networks. A number of data sets is what one network
    /// sees; and what a checkpoint holds is one network.
    fn searches(&self, budget: Budget) -> bool {
        let one = self.units.is_some() || self.output.is_some() || self.setup.checkpoint.is_some();
        self.members.is_none() && !one && !matches!(budget, Budget::Simulations(_))
    }

    /// Returns the settings that a search begins with: `settings`, and the same with a histogram of the rows of plates.
    fn candidates(&self, settings: &Settings, shape: &Shape) -> Vec<Settings> {
        // The best weights are kept, but none is stopped: the loss may fall again once the learning rate does.
        let patience = self.setup.training.patience.unwrap_or(usize::MAX);
        let settings = Settings { patience: Some(patience), ..settings.clone() };
        let mut candidates = vec![settings.clone()];
        if self.setup.network.bins.is_none() && !shape.plates.is_empty() {
            let architecture = Architecture { bins: Architecture::sized(shape).bins, ..settings.architecture.clone() };
            candidates.push(Settings { architecture, ..settings });
        }
        candidates
    }

    fn train_member(
        &self,
        member: usize,
        settings: &Settings,
        shape: &Shape,
        encoder: &DataEncoder,
        targets: &[Target],
        of_several: bool,
    ) -> Result<Network, InferenceError> {
        let names: Vec<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        let checkpoint = self.setup.checkpoint.as_ref().map(|path| match member {
            0 => path.clone(),
            _ => {
                let mut name = path.clone().into_os_string();
                name.push(format!(".{member}"));
                PathBuf::from(name)
            }
        });
        let specification = self.source.model.specification();
        let flips = Flip::of_sets(&self.mirrors, &specification, encoder)?;
        let fixed = self.source.fixed()?;
        let training = Training {
            model: self.source.model,
            of: format!("{:?} ({}), {names:?}", self.source.model, specification.fingerprint()),
            settings,
            networks: &user_networks(&specification, shape, &self.setup.networks)?,
            flips: &flips,
            known: None,
            images: self.images,
            checkpoint: checkpoint.as_deref(),
            names: names_of(targets),
            skipped: Some(self.bank.map_or(&*fixed.skipped, AnyBank::skipped)),
            of_several,
        };
        if let Some(bank) = self.bank {
            let source = bank.source(self.source.model, targets, settings)?;
            return training.fit(shape, &source, &bank.simulation());
        }
        let source = Simulations { model: self.source.model, fixed: &fixed, encoder, targets, seed: settings.seed };
        training.fit(shape, &source, &format!("fresh simulations, {}", self.source.describe()))
    }

    fn targets(&self) -> Result<Vec<GlobalSlot>, InferenceError> {
        let all = self.source.model.global_slots();
        let targets = match &self.globals {
            None => all.into_iter().filter(|g| !g.nuisance).collect(),
            Some(names) => pick(all, names)?,
        };
        if targets.is_empty() {
            return Err(RequestError::NothingToInfer.into());
        }
        continuous(&targets)?;
        closed(self.source.model, &targets)?;
        Ok(targets)
    }
}

/// Returns the seed of a member of an ensemble.
pub(super) fn seed_of_member(seed: u64, member: usize) -> u64 {
    seed.wrapping_add((member as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Returns the names of the numbers that are inferred.
fn names_of(targets: &[Target]) -> Vec<String> {
    targets.iter().flat_map(|t| t.components.iter().take(t.free.len())).cloned().collect()
}

/// Fresh simulations for each step of the training.
struct Simulations<'a> {
    model: &'a dyn AnyModel,
    fixed: &'a Fixed<'a>,
    encoder: &'a DataEncoder,
    targets: &'a [Target],
    seed: u64,
}

impl TrainingSource for Simulations<'_> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let mut batch = self.encoder.batch();
        let mut targets = Vec::with_capacity(sets * self.targets.len());
        for place in first..first + sets {
            let mut rng = stream_for(Purpose::Training, self.seed, step, place as u64);
            let simulation = self.model.draw(self.fixed, &mut rng)?;
            self.encoder.push(&simulation.data().frame(), &mut batch);
            push_targets(&self.model.unconstrain(simulation.globals(), None), self.targets, &mut targets);
        }
        Ok((batch, targets))
    }
}

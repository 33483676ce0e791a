//! Neural posterior estimation: a network that maps a data set to a distribution over the globals, trained on simulations
//! by maximising the mean log density of the true globals (Papamakarios & Murray 2016; Lueckmann et al. 2017), with deep
//! sets over the plates (Zaheer et al. 2017; Heinrich et al. 2023).

use std::path::{Path, PathBuf};

use super::encode::Encoder;
use super::link::push_targets;
use super::training::Training;
use super::{Bank, InferenceError, Posterior};
use crate::model::{GlobalSlot, Model, Specification, global_slots, unconstrain};
use crate::nn::{Architecture, Batch, Budget, Own, RowNetworks, Settings, Shape, Source};
use crate::simulate::{Plan, SimulateError, stream};

/// A posterior to be trained; made by `model.npe()`.
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct Npe<'a, M: Model> {
    model: &'a M,
    globals: Option<Vec<String>>,
    sizes: Vec<(String, usize)>,
    covariates: Option<&'a M::Data>,
    settings: Settings,
    bank: Option<&'a Bank<M>>,
    checkpoint: Option<PathBuf>,
    networks: RowNetworks,
}

impl<'a, M: Model> Npe<'a, M> {
    /// A posterior over all globals, for any size in the plates' ranges, from seed 0.
    pub fn new(model: &'a M) -> Self {
        let settings = Settings::new(Budget::sets(0));
        Self {
            model,
            globals: None,
            sizes: Vec::new(),
            covariates: None,
            settings,
            bank: None,
            checkpoint: None,
            networks: RowNetworks::default(),
        }
    }

    /// Infers these globals only, the others being integrated over. Nuisance parameters are never inferred unless named.
    pub fn globals(mut self, names: &[&str]) -> Self {
        self.globals = Some(names.iter().map(|n| (*n).to_owned()).collect());
        self
    }

    /// The seed of the simulations and of the network's first weights.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Trains for one size of a plate instead of its whole range.
    pub fn size(mut self, plate: &str, elements: usize) -> Self {
        self.sizes.push((plate.to_owned(), elements));
        self
    }

    /// Draws the covariates of simulated elements from the rows of a data set.
    pub fn given(mut self, data: &'a M::Data) -> Self {
        self.covariates = Some(data);
        self
    }

    /// Changes the sizes of the network, or how it is trained. Sizes and a family that are left as they are follow the model:
    /// see [`Architecture::sized`].
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Reads the rows of some plates with networks of your own.
    pub fn row_networks(mut self, networks: RowNetworks) -> Self {
        self.networks = networks;
        self
    }

    /// Learns from the simulations of a bank, over and over, instead of fresh ones. A tenth of them are held out; training
    /// stops when the loss on those stops falling, and [`Posterior::warnings`] tells if it has risen. The sizes and
    /// covariates are those of the bank.
    pub fn bank(mut self, bank: &'a Bank<M>) -> Self {
        self.bank = Some(bank);
        self.settings.patience.get_or_insert(5);
        self.settings.weight_decay = self.settings.weight_decay.max(0.01);
        self
    }

    /// Writes the state of the training to a file every few seconds and at its end. Where the file exists already, the
    /// training goes on from there; with a budget of data sets the outcome is the same to the bit as without interruption.
    pub fn checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(path.as_ref().to_owned());
        self
    }

    /// Trains on fresh simulations, on all cores, until the budget is spent.
    ///
    /// # Errors
    /// A model that cannot be simulated, a global that does not exist, a training that diverges, or a checkpoint of another
    /// training.
    pub fn train(mut self, budget: Budget) -> Result<Posterior<M>, InferenceError> {
        let targets = self.targets()?;
        self.settings.budget = budget;
        let encoder = Encoder::new(&self.model.specification());
        let (width, plates) = encoder.shape();
        let shape = Shape { width, plates, targets: targets.iter().map(|t| t.free.len()).sum() };
        let (default, family) = (Architecture::default(), self.settings.architecture.family);
        if self.settings.architecture == (Architecture { family, ..default.clone() }) {
            let sized = Architecture::sized(&shape);
            let family = if family == default.family { sized.family } else { family };
            self.settings.architecture = Architecture { family, ..sized };
        }
        if let Some(bank) = self.bank {
            self.settings.validation = self.settings.validation.min(bank.validation());
            self.settings.pilot = self.settings.pilot.min(bank.training());
        }
        let names: Vec<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        let training = Training {
            of: format!("{:?}, {names:?}", self.model),
            settings: &self.settings,
            networks: &own_networks(&self.model.specification(), &shape, &self.networks)?,
            checkpoint: self.checkpoint.as_deref(),
        };
        let network = match self.bank {
            Some(bank) => {
                let source = bank.source(self.model, &targets, self.settings.sets, self.settings.seed)?;
                training.fit(&shape, &source, bank.simulation())?
            }
            None => {
                if let Some(data) = self.covariates {
                    crate::model::check(self.model, data)?;
                }
                let plan = Plan::new(self.model, &self.sizes, None, self.covariates.map(|d| (d, false)))?;
                let (seed, encoder, targets) = (self.settings.seed, &encoder, &targets);
                let source = Simulations { model: self.model, plan: &plan, encoder, targets, seed };
                let covariates = self.covariates.map(|data| serde_json::json!(data).to_string());
                let simulations = format!("fresh simulations, sizes {:?}, covariates {covariates:?}", self.sizes);
                training.fit(&shape, &source, &simulations)?
            }
        };
        Ok(Posterior::new(self.model.clone(), network, encoder, targets))
    }

    fn targets(&self) -> Result<Vec<GlobalSlot>, InferenceError> {
        let all = global_slots(self.model);
        let targets = match &self.globals {
            None => all.into_iter().filter(|g| !g.nuisance).collect(),
            Some(names) => pick(all, names)?,
        };
        if targets.is_empty() {
            return Err(InferenceError::NothingToInfer);
        }
        closed(self.model, &targets)?;
        Ok(targets)
    }
}

/// The user's networks in the order in which a network reads the data.
pub(super) fn own_networks(
    specification: &Specification,
    shape: &Shape,
    networks: &RowNetworks,
) -> Result<Vec<Option<Own>>, InferenceError> {
    let plates: Vec<&str> = specification.data_plates(&specification.plates).map(|plate| plate.name.as_str()).collect();
    match networks.names().find(|name| !plates.contains(name)) {
        None => Ok(networks.in_order(shape.width > 0, plates.into_iter())),
        Some(name) => {
            let known = plates.iter().map(|plate| format!("`{plate}`")).collect::<Vec<_>>().join(", ");
            Err(InferenceError::UnknownPlate { name: name.to_owned(), known })
        }
    }
}

/// The globals of some names, in the order of the declaration.
pub(super) fn pick(all: Vec<GlobalSlot>, names: &[String]) -> Result<Vec<GlobalSlot>, InferenceError> {
    if let Some(name) = names.iter().find(|n| !all.iter().any(|g| g.name == **n)) {
        let known = all.iter().map(|g| format!("`{}`", g.name)).collect::<Vec<_>>().join(", ");
        return Err(InferenceError::UnknownGlobal { name: name.clone(), known });
    }
    Ok(all.into_iter().filter(|g| names.contains(&g.name)).collect())
}

/// Checks that the support of each target depends on targets alone.
fn closed<M: Model>(model: &M, targets: &[GlobalSlot]) -> Result<(), InferenceError> {
    let free = global_slots(model).iter().map(|g| g.free.end).max().unwrap_or(0);
    let mut q = vec![f64::NAN; free];
    targets.iter().for_each(|t| q[t.free.clone()].fill(0.0));
    let mut values = Vec::new();
    crate::model::constrain(model, None, &q, &mut values);
    match targets.iter().find(|t| values[t.values.clone()].iter().any(|x| x.is_nan())) {
        None => Ok(()),
        Some(open) => Err(InferenceError::OpenSupport { name: open.name.clone() }),
    }
}

/// Fresh simulations for each step of the training.
struct Simulations<'a, M: Model> {
    model: &'a M,
    plan: &'a Plan<'a, M>,
    encoder: &'a Encoder,
    targets: &'a [GlobalSlot],
    seed: u64,
}

impl<M: Model> Source for Simulations<'_, M> {
    type Error = SimulateError;

    fn draw(&self, step: u64, first: usize, sets: usize) -> Result<(Batch, Vec<f32>), SimulateError> {
        let mut batch = self.encoder.batch();
        let mut targets = Vec::with_capacity(sets * self.targets.len());
        for place in first..first + sets {
            // One stream for each (step, place), apart from those of `simulate` by the seed.
            let mut rng = stream(
                self.seed.wrapping_add((step.wrapping_add(2)).wrapping_mul(0x9fb2_1c65_1e98_df25)),
                place as u64,
            );
            let simulation = self.model.draw(self.plan, &mut rng)?;
            self.encoder.push(&simulation.data, &mut batch);
            push_targets(&unconstrain(self.model, &simulation.globals, None), self.targets, &mut targets);
        }
        Ok((batch, targets))
    }
}

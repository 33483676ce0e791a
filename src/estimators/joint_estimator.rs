//! Joint posteriors of globals and locals: one network for the globals, and for each plate networks that infer one
//! element.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::file::{FINGERPRINT, MODEL, SIZES, TRIAL, UNITS};
use super::hierarchy::Hierarchy;
use super::joint_distribution::AnyJointPosterior;
use super::joint_networks::AnyJointEstimator;
use super::local_task::{LocalNetwork, Task};
use super::posterior::AnyPosterior;
use super::posterior_estimator::{AnyPosteriorEstimator, doubts};
use super::trial;
use super::units::Units;
use super::{FileError, InferenceError, JointPosterior, PosteriorEstimator, RequestError, file, sizes};
use crate::files::{atomic_write_set, read_set};
use crate::model::{AnyData, AnyModel, Model, Plate, Role, Specification, typed};
use crate::nn::{self, ElementNetworks, Network, Output, Shape};

const LOCAL: &str = "hierarch.local";
const HIERARCHY: &str = "hierarch.hierarchy";

/// An amortized posterior over the globals and locals of a model.
///
/// It factorises as the model does, from the outside in: the globals given all data; then the locals of each element
/// given its own part of the data and what is around it. Locals of nested plates are conditioned on those of the plates
/// around. If rows name elements of several plates (or two of one), each element's locals are inferred separately,
/// though they depend on each other; and likewise if an observation reads a whole plate, or if several elements read
/// one that is only simulated. Discrete locals of infinite support are not inferred.
///
/// ```
/// use hierarch::estimators::{JointDraw, JointNpe};
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
/// let npe: JointNpe<'_, Schools> = model.joint_npe();
/// let estimator: JointEstimator<Schools> = npe.train(Budget::simulations(2_000))?; // far too short, for an example
/// let data = SchoolsData { schools: SchoolsSchools { y: vec![0.3, -1.2, 0.9] } };
/// let posterior: JointPosterior<Schools> = estimator.condition(&data)?;
/// println!("{posterior}");
/// assert_eq!(posterior.names(), ["mu", "tau", "theta[0]", "theta[1]", "theta[2]"]);
/// for JointDraw { globals, locals } in posterior.draws(3, 1)? {
///     let log_density = posterior.log_density(&globals, &locals)?;
///     println!("{} {:?} {log_density}", globals.mu, locals.schools.theta);
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

impl<M: Model> JointEstimator<M> {
    pub(super) fn of(any: AnyJointEstimator) -> Self {
        let globals = any.globals.clone().map(PosteriorEstimator::of_shared);
        Self { any: Arc::new(any), globals }
    }

    /// Returns the posterior of globals and locals given `data`, a data set of any size in the model's ranges.
    ///
    /// # Errors
    /// Data that do not fit the model; a size that was not trained for, where one was fixed.
    pub fn condition(&self, data: &M::Data) -> Result<JointPosterior<M>, InferenceError> {
        AnyJointPosterior::new(self.any.clone(), Arc::new(data.clone())).map(JointPosterior::of)
    }

    /// Returns the model that the estimator was trained for.
    pub fn model(&self) -> &M {
        typed(&*self.any.model)
    }

    /// Returns the plates whose size was fixed in training, with that size.
    pub(crate) fn sizes(&self) -> &[(String, usize)] {
        self.any.sizes()
    }

    /// Returns the posterior estimator of the globals; `None` where the model has none, or each element is inferred alone.
    pub fn globals(&self) -> Option<&PosteriorEstimator<M>> {
        self.globals.as_ref()
    }

    /// Returns warnings about the trainings, in words; none if all seems well.
    pub fn warnings(&self) -> Vec<String> {
        self.any.warnings()
    }

    /// Writes the estimator to files in `folder`, all of them or none.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), InferenceError> {
        self.any.save(folder.as_ref())
    }

    /// Reads an estimator from `folder`, which was saved for the same model with the same params as `model`.
    ///
    /// # Errors
    /// A file that is missing, is damaged, or holds something else, such as the estimator of another model.
    pub fn load(model: &M, folder: impl AsRef<Path>) -> Result<Self, InferenceError> {
        AnyJointEstimator::load(model, folder.as_ref()).map(Self::of)
    }
}

impl AnyJointEstimator {
    /// Checks a data set, and returns the posterior of the globals given it; `None` where each element is inferred
    /// alone.
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
        globals.chain(locals).chain(self.hierarchy.crossed()).chain(self.sequence()).collect()
    }

    /// Says which locals depend on those before them, and are drawn as if they did not; `None` if there are none.
    fn sequence(&self) -> Option<String> {
        fn find(plates: &[Plate]) -> Option<&Plate> {
            let local = |plate: &Plate| plate.variables.iter().any(|v| v.role == Role::Local);
            plates.iter().find_map(|p| if p.is_sequence() && local(p) { Some(p) } else { find(&p.plates) })
        }
        let name = find(&self.model.specification().plates)?.name.clone();
        Some(format!(
            "the locals of `{name}` depend on those before them; this posterior draws each given the globals and the data around it, \
             independent of its neighbours: for paths of them, sample with `nuts()`"
        ))
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<(), InferenceError> {
        let specification = self.model.specification();
        let trial = trial::trial(&*self.model);
        let failed = |path, source| nn::Error::Io { action: "write", path, source }.into();
        atomic_write_set(folder, failed, |folder| {
            for LocalNetwork { task, network } in &self.networks {
                let name = task.name(&self.hierarchy);
                let mut metadata = metadata(&specification, &name, &self.hierarchy, &self.sizes);
                metadata.insert(TRIAL.to_owned(), trial.clone());
                network.save(folder.join(format!("{name}.safetensors")), &metadata)?;
            }
            self.globals.iter().try_for_each(|globals| globals.save(&folder.join("globals.safetensors")))
        })
    }

    pub(crate) fn load(model: &dyn AnyModel, folder: &Path) -> Result<Self, InferenceError> {
        let failed = |(path, source)| nn::Error::Io { action: "complete", path, source };
        read_set(folder, |folder| Self::read(model, folder)).map_err(failed)?
    }

    fn read(model: &dyn AnyModel, folder: &Path) -> Result<Self, InferenceError> {
        let specification = model.specification();
        let mut hierarchy = Hierarchy::new(model, true, Units::plain(model));
        let (mut sizes, mut networks) = (Vec::new(), Vec::new());
        for task in Task::all(&hierarchy) {
            let name = task.name(&hierarchy);
            let path = folder.join(format!("{name}.safetensors"));
            let (network, mut found) = Network::load(&path)?;
            let trial = found.remove(TRIAL);
            // All files must name the same hierarchy, units and sizes as the first one.
            if networks.is_empty() {
                let context = found.get(HIERARCHY).is_some_and(|around| around == "true");
                let unusable = |what| FileError::NotAPosterior { path: path.clone(), what };
                let units = found.get(UNITS).ok_or_else(|| unusable(format!("its header has no `{UNITS}`")))?;
                hierarchy = Hierarchy::new(model, context, Units::from_text(model, units).map_err(unusable)?);
                let text = found.get(SIZES).ok_or_else(|| unusable(format!("its header has no `{SIZES}`")))?;
                sizes = sizes::from_text(&specification, text).map_err(unusable)?;
            }
            let expected = metadata(&specification, &name, &hierarchy, &sizes);
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
                return Err(FileError::OtherModel { path, saved, expected }.into());
            }
            let due = |output| match task.category(&hierarchy) {
                Some((_, categories)) => output == Output::Categories(categories),
                None => file::density(output),
            };
            file::check(&network, &shape, due, &path)?;
            if networks.is_empty() {
                trial::check(model, trial.as_ref(), &path)?;
            }
            networks.push(LocalNetwork { task, network });
        }
        let with_globals = hierarchy.context && !hierarchy.globals.is_empty();
        let path = folder.join("globals.safetensors");
        let read = || AnyPosteriorEstimator::read(model, &path, ElementNetworks::default(), false);
        let globals = with_globals.then(read).transpose()?.map(Arc::new);
        if networks.is_empty() {
            return Err(RequestError::NoLocals.into());
        }
        if globals.as_ref().is_some_and(|globals| *globals.units() != hierarchy.units) {
            let what = "its numbers are in other units than those of the files beside it".to_owned();
            return Err(FileError::NotAPosterior { path, what }.into());
        }
        Ok(Self { model: model.any_clone(), hierarchy, globals, networks, sizes })
    }
}

fn metadata(
    specification: &Specification,
    name: &str,
    hierarchy: &Hierarchy,
    sizes: &[(String, usize)],
) -> BTreeMap<String, String> {
    BTreeMap::from([
        (MODEL.to_owned(), specification.name.clone()),
        (FINGERPRINT.to_owned(), specification.fingerprint()),
        (LOCAL.to_owned(), name.to_owned()),
        (HIERARCHY.to_owned(), hierarchy.context.to_string()),
        (UNITS.to_owned(), hierarchy.units.to_text()),
        (SIZES.to_owned(), serde_json::json!(sizes).to_string()),
    ])
}

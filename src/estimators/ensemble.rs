//! Ensembles of which the jobs of an array train the members.

use std::path::{Path, PathBuf};

use super::bank::AnyBank;
use super::npe::{AnyNpe, Npe, seed_of_member};
use super::posterior_estimator::{AnyPosteriorEstimator, PosteriorEstimator};
use super::{InferenceError, RequestError};
use crate::files::{exists, remove};
use crate::model::Model;
use crate::nn::{self, Budget};
use crate::shards::{Shard, Sharded, Shards, Work};

/// An ensemble, of which the jobs of an array train the members. [`Npe::ensemble`] trains all of them in one program, and comes to the
/// same, to the bit, with a budget of simulations. A budget of time is here that of each member.
///
/// ```
/// use hierarch::estimators::Ensemble;
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
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let model = Flux::default();
/// // Far too short, for an example.
/// let ensemble = || Ensemble::new(model.npe().seed(1), 2, Budget::simulations(500));
/// # for index in [1, 0] {
/// # let shard = Shard::new(index, 2)?;
/// // In the program of an array: `.shard(Shard::from_env()?)`.
/// ensemble().shard(shard).train(folder)?;
/// # }
/// // When all are there.
/// let estimator: PosteriorEstimator<Flux> = ensemble().merge(folder)?;
/// # assert_eq!(estimator.model(), &model);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is trained before `train`"]
pub struct Ensemble<'a, M: Model> {
    npe: Npe<'a, M>,
    members: usize,
    budget: Budget,
}

impl<'a, M: Model> Ensemble<'a, M> {
    /// Prepares `members` trainings as `npe` says, each with initial weights and simulations of its own, and with `budget`.
    pub fn new(npe: Npe<'a, M>, members: usize, budget: Budget) -> Self {
        Self { npe, members, budget }
    }

    /// Takes one shard of the members, to [`train`](Sharded::train) them: the page of [`shards`](crate::shards) says how. There are
    /// at most as many shards as members that have something to do.
    pub fn shard(self, shard: Shard) -> Sharded<Self> {
        Sharded { work: self, shard }
    }

    /// Returns the ensemble whose members are in `folder`.
    ///
    /// # Errors
    /// Shards that are missing, or of another ensemble: of another model, seed, number of members, configuration or budget; a file
    /// that is damaged or was removed; no members.
    pub fn merge(&self, folder: impl AsRef<Path>) -> Result<PosteriorEstimator<M>, InferenceError> {
        let (any, folder) = (&self.npe.any, folder.as_ref());
        Shards::complete(folder, &self.work())?;
        let read = |member| {
            let networks = any.setup.networks.clone();
            AnyPosteriorEstimator::read(any.source.model, &file(folder, member), networks, false)
        };
        let members = (0..self.members).map(read).collect::<Result<Vec<_>, _>>()?;
        let joined = AnyPosteriorEstimator::joined(members);
        joined.map(PosteriorEstimator::of).ok_or(RequestError::EmptyEnsemble.into())
    }

    fn work(&self) -> Work {
        let AnyNpe { source, globals, setup, bank, mirrors, .. } = &self.npe.any;
        let specification = source.model.specification();
        let (name, fingerprint, budget) = (&specification.name, specification.fingerprint(), self.budget);
        let simulations = bank.map_or_else(|| source.describe(), AnyBank::simulation);
        let how = format!("{:?}, {:?}, {mirrors:?}", setup.network, setup.training);
        let what = format!("globals {globals:?}, seed {}, {simulations}, {budget:?}, {how}", source.seed);
        Work::new(format!("members of an ensemble of `{name}` ({fingerprint}), {what}"), self.members)
    }
}

impl<M: Model> Sharded<Ensemble<'_, M>> {
    /// Trains the members of this shard one after the other, on all cores, and writes each into `folder`. A training that is killed, or
    /// asked to end, goes on when the shard is run again. Returns which shards there are now; when all are there, [`Ensemble::merge`]
    /// reads them.
    ///
    /// # Errors
    /// Those of [`Npe::train`]; a folder that holds shards of another ensemble, or of another number.
    pub fn train(self, folder: impl AsRef<Path>) -> Result<Shards, InferenceError> {
        let (Self { work: ensemble, shard }, folder) = (self, folder.as_ref());
        let mut shards = Shards::begin(folder, ensemble.work(), shard)?;
        if shards.is_there(shard) {
            return Ok(shards);
        }
        for member in shard.range(ensemble.members) {
            let path = file(folder, member);
            if exists(&path).map_err(|source| nn::Error::Io { action: "read", path: path.clone(), source })? {
                continue;
            }
            let checkpoint = shards.folder().join(format!("{member:05}.training"));
            let mut one = ensemble.npe.any.clone();
            one.source.seed = seed_of_member(one.source.seed, member);
            one.setup.checkpoint = Some(checkpoint.clone());
            one.train(ensemble.budget)?.save(&path)?;
            // That it fails changes nothing but the space that it takes.
            let _ = remove(&checkpoint);
        }
        shards.write(shard, &())?;
        Ok(shards)
    }
}

/// Returns the file of a member.
fn file(folder: &Path, member: usize) -> PathBuf {
    folder.join(format!("{member:05}.safetensors"))
}

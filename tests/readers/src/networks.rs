//! Files with networks, trainings and simulations.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hierarch::estimators::EventRatio;
use hierarch::nn::{ImageEncoder, Trunk};
use hierarch::prelude::*;
use serde_json::Value;

use super::edit::{edit, safetensors, with_header};
use super::folder;
use super::models::{Events, Nested, Picture, Rated};

/// Data sets in a training, and in a bank, which is not read with fewer.
const SETS: u64 = 16;
const BANK: usize = 640;

/// Files by name, and what reads them.
struct Saved {
    files: Vec<(String, Vec<u8>)>,
    read: fn(&Path),
}

fn network(family: Option<Family>) -> NetworkConfig {
    NetworkConfig {
        bins: Some(4),
        element_layers: Some(vec![4]),
        images: ImageEncoder { channels: vec![2], width: 4, ..ImageEncoder::default() },
        trunk: Some(Trunk::Residual { width: 4, blocks: 1 }),
        family,
        ..NetworkConfig::default()
    }
}

fn training() -> TrainingConfig {
    let (batch_size, chunks, pilot, validation) = (Some(8), Some(1), Some(32), Some(16));
    TrainingConfig { batch_size, chunks, pilot, validation, ..TrainingConfig::default() }
}

fn budget() -> Budget {
    Budget::simulations(SETS)
}

fn one<M: Generative>(model: &M) -> M::Data {
    model.simulate(1).seed(3).one().expect("a simulation").data
}

/// Trains, and returns the files that `write` writes to a path.
fn saved(write: impl FnOnce(&Path), read: fn(&Path)) -> Saved {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    write(&path);
    let folder = if path.is_dir() { path } else { folder.path().to_owned() };
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder).expect("files").map(|entry| entry.expect("a file").path()).collect();
    names.sort();
    let file = |path: PathBuf| {
        (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read(path).expect("a file"))
    };
    Saved { files: names.into_iter().map(file).collect(), read }
}

impl Saved {
    /// Changes one of the files, and reads all.
    fn read(&self, input: &[u8]) {
        let (which, input) = input.split_first().map_or((0, input), |(first, rest)| (usize::from(*first), rest));
        let folder = folder();
        for (at, (name, bytes)) in self.files.iter().enumerate() {
            let changed = match which % self.files.len() == at {
                false => bytes.clone(),
                true if name.ends_with(".json") => json(bytes, input),
                true => safetensors(bytes, input),
            };
            fs::write(folder.join(name), changed).expect("room for a file");
        }
        (self.read)(&folder);
    }
}

fn json(right: &[u8], input: &[u8]) -> Vec<u8> {
    if input.starts_with(b"[") {
        return input.to_vec();
    }
    let mut value: Value = serde_json::from_slice(right).unwrap_or_default();
    edit(&mut value, input);
    value.to_string().into_bytes()
}

/// Reads estimators of each kind, and conditions them on data.
pub(super) fn posterior(input: &[u8]) {
    static SAVED: OnceLock<Vec<Saved>> = OnceLock::new();
    let saved = SAVED.get_or_init(|| {
        let (nested, picture, rated, events) =
            (Nested::default(), Picture::default(), Rated::default(), Events::default());
        let attention = NetworkConfig {
            encoder: Encoder::Attention { width: 4, heads: 2, blocks: 1, inducing: 2 },
            ..network(Some(Family::Nsf { steps: 1, width: 4, bins: 4 }))
        };
        let causal = NetworkConfig { encoder: Encoder::Causal { width: 4, heads: 2, blocks: 1 }, ..network(None) };
        let maf = network(Some(Family::Maf { steps: 1, width: 4 }));
        vec![
            saved(|to| posterior_of(&nested, network(None), to), |from| draw(&Nested::default(), from)),
            saved(|to| posterior_of(&nested, attention, to), |from| draw(&Nested::default(), from)),
            saved(|to| posterior_of(&picture, maf, to), |from| draw(&Picture::default(), from)),
            saved(|to| posterior_of(&events, causal, to), |from| draw(&Events::default(), from)),
            saved(
                |to| {
                    let nre = nested.nre().others(3).network(network(None)).training(training());
                    nre.train(budget()).and_then(|ratio| ratio.save(to)).expect("a ratio");
                },
                |from| drop(RatioEstimator::load(&Nested::default(), from.join("file"))),
            ),
            saved(
                |to| {
                    let statistic = nested.test_statistic("mean").network(network(None)).training(training());
                    statistic.train(budget()).and_then(|statistic| statistic.save(to)).expect("a statistic");
                },
                |from| {
                    let model = Nested::default();
                    let statistic = TestStatistic::load(&model, from.join("file"));
                    drop(statistic.map(|statistic| statistic.evaluate(&one(&model), 0.5)));
                },
            ),
            saved(
                |to| {
                    let nre = events.nre().others(3).network(network(None)).training(training());
                    nre.per_event("events").train(budget()).and_then(|ratio| ratio.save(to)).expect("a ratio");
                },
                |from| {
                    let model = Events::default();
                    let ratio = EventRatio::load(&model, from.join("file"));
                    let set = model.simulate(1).seed(3).one().expect("a simulation");
                    drop(ratio.map(|ratio| ratio.log_ratios(&set.data, &set.globals, &set.locals)));
                },
            ),
            saved(
                |to| {
                    let joint = rated.joint_npe().global_network(network(None)).local_network(network(None));
                    let joint = joint.global_training(training()).local_training(training());
                    joint.train(budget()).and_then(|joint| joint.save(to)).expect("a joint posterior");
                },
                |from| {
                    let model = Rated::default();
                    let joint = JointEstimator::load(&model, from);
                    let posterior = joint.and_then(|joint| joint.condition(&one(&model)));
                    drop(posterior.map(|posterior| posterior.draws(2, 1)));
                },
            ),
        ]
    });
    let Some((kind, input)) = input.split_first() else { return };
    saved[usize::from(*kind) % saved.len()].read(input);
}

/// Returns the error of reading a posterior with another value at a place of the header of its network; empty if it is read.
pub fn refused(place: &str, value: Value) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (model, path) = (Nested::default(), folder.path().join("file"));
    posterior_of(&model, network(None), &path);
    let right = fs::read(&path).expect("a file");
    let changed = with_header(&right, "hierarch.networks", |header| match header[0].pointer_mut(place) {
        Some(old) => *old = value,
        None => panic!("there is nothing at {place} of {header}"),
    });
    fs::write(&path, changed).expect("room for a file");
    PosteriorEstimator::load(&model, &path).map_or_else(|error| error.to_string(), |_| String::new())
}

fn posterior_of<M: Generative>(model: &M, network: NetworkConfig, to: &Path) {
    let npe = model.npe().network(network).training(training());
    npe.train(budget()).and_then(|estimator| estimator.save(to)).expect("a posterior");
}

fn draw<M: Generative>(model: &M, from: &Path) {
    let estimator = PosteriorEstimator::load(model, from.join("file"));
    let posterior = estimator.and_then(|estimator| estimator.condition(&one(model)));
    drop(posterior.map(|posterior| posterior.sample(4, 1)));
}

/// Reads a training that was interrupted, and ends it.
pub(super) fn checkpoint(input: &[u8]) {
    fn train(at: &Path) -> Result<PosteriorEstimator<Nested>, InferenceError> {
        let model = Nested::default();
        model.npe().network(network(None)).training(training()).checkpoint(at).train(budget())
    }
    static SAVED: OnceLock<Saved> = OnceLock::new();
    let write = |to: &Path| drop(train(to).expect("a training"));
    SAVED.get_or_init(|| saved(write, |from| drop(train(&from.join("file"))))).read(input);
}

/// Reads a bank, and trains on it.
pub(super) fn bank(input: &[u8]) {
    fn simulate(folder: &Path) -> Result<Bank<Rated>, InferenceError> {
        Rated::default().simulate(BANK).seed(1).bank(folder)
    }
    static SAVED: OnceLock<Saved> = OnceLock::new();
    let saved = SAVED.get_or_init(|| {
        saved(
            |to| drop(simulate(to).expect("a bank")),
            |from| {
                let Ok(bank) = simulate(from) else { return };
                let model = Rated::default();
                let joint = model.joint_npe().global_network(network(None)).local_network(network(None));
                let joint = joint.global_training(training()).local_training(training());
                drop(joint.bank(&bank).train(budget()));
            },
        )
    });
    saved.read(input);
}

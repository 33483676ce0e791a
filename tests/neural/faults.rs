//! Trainings, banks and files under faults of the disk, and killed at any moment.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use hierarch::prelude::*;
use hierarch_core::files::faults;
use hierarch_tests::kills;

model! {
    /// A number and counts, so that shards hold both.
    Shop {
        global rate ~ Gamma(2.0, 1.0);
        plate days(1..=8) {
            local mood ~ Normal(0.0, 0.3);
            observe visitors ~ Poisson(rate * mood.exp());
        }
    }
}

/// Returns a hash of the names and bytes of the files in a folder, of those that are whole.
fn hash_of_files(folder: &Path) -> u64 {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_none_or(|extension| extension != "part"));
    names.sort();
    let mut hasher = DefaultHasher::new();
    for path in names {
        (path.file_name(), std::fs::read(&path).unwrap()).hash(&mut hasher);
    }
    hasher.finish()
}

fn fill(folder: &Path, sets: usize) -> Result<(), InferenceError> {
    Shop::default().simulate(sets).seed(4).bank(folder).map(|bank| assert_eq!(bank.len(), sets))
}

/// Whatever step of writing fails, the bank is the same when it is filled again.
#[test]
fn a_bank_survives_any_fault_of_the_disk() {
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path(), 1_300).unwrap();
    for killed in [false, true] {
        for n in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (filled, failed) = faults::at(n, killed, || fill(folder.path(), 1_300));
            // A temporary file that cannot be removed is no fault of the bank.
            assert!(filled.is_err() || !failed || !killed, "step {n}");
            if let Err(error) = filled {
                assert!(error.to_string().contains("a fault for a test"), "{error}");
            }
            fill(folder.path(), 1_300).unwrap();
            assert_eq!(hash_of_files(folder.path()), hash_of_files(whole.path()), "step {n}");
            if !failed {
                assert!(n > 10, "{n}");
                break;
            }
        }
    }
}

/// A simulator that fails now and then leaves what was simulated, and a smaller bank is the beginning of a larger one.
#[test]
fn a_bank_grows() {
    let [whole, grown] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    fill(whole.path(), 1_300).unwrap();
    for sets in [300, 800, 1_024, 1_300] {
        fill(grown.path(), sets).unwrap();
    }
    assert_eq!(hash_of_files(grown.path()), hash_of_files(whole.path()));
}

fn train(checkpoint: Option<&Path>, simulations: u64) -> Result<PosteriorEstimator<Shop>, InferenceError> {
    let model = Shop::default();
    let npe = model.npe().seed(2);
    checkpoint.map_or(npe.clone(), |path| npe.checkpoint(path)).train(Budget::simulations(simulations))
}

/// Returns a hash of what a posterior says.
fn belief(estimator: &PosteriorEstimator<Shop>) -> u64 {
    let data = ShopData { days: ShopDays { visitors: vec![3, 0, 2] } };
    let draws = estimator.condition(&data).unwrap().sample(100, 1);
    let mut hasher = DefaultHasher::new();
    draws.iter().flatten().for_each(|x| x.to_bits().hash(&mut hasher));
    hasher.finish()
}

/// A checkpoint that cannot be written at the beginning is an error, one that cannot be written later is tried again; what is in
/// the file is never a part of a training.
#[test]
fn a_training_survives_any_fault_of_the_disk() {
    let whole = belief(&train(None, 4_000).unwrap());
    let mut at_its_end = 0;
    for n in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("training");
        let (trained, failed) = faults::at(n, false, || train(Some(&path), 4_000));
        match trained {
            Ok(estimator) => {
                assert_eq!(belief(&estimator), whole);
                at_its_end += usize::from(estimator.warnings().iter().any(|w| w.contains("is not in its checkpoint")));
            }
            Err(error) => assert!(n < 5 && error.to_string().contains("a fault for a test"), "step {n}: {error}"),
        }
        assert_eq!(belief(&train(Some(&path), 4_000).unwrap()), whole, "step {n}");
        if !failed {
            assert!(n > 5, "{n}");
            break;
        }
    }
    assert!(at_its_end > 0);
}

#[test]
fn a_bank_and_a_training_that_are_killed_go_on_as_if_they_had_not_been() {
    let run = |folder: &Path| {
        fill(&folder.join("bank"), 10_000).unwrap();
        let trained = belief(&train(Some(&folder.join("training")), 20_000).unwrap());
        hash_of_files(&folder.join("bank")) ^ trained
    };
    if let Some(folder) = kills::folder() {
        return kills::finish(run(&folder));
    }
    let whole = tempfile::tempdir().unwrap();
    let expected = run(whole.path());
    let test = "faults::a_bank_and_a_training_that_are_killed_go_on_as_if_they_had_not_been";
    for result in kills::results(test, 3, Duration::from_millis(800), 2) {
        assert_eq!(result, expected);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_a_training_and_leaves() {
    let run = |path: &Path| belief(&train(Some(path), 60_000).unwrap());
    if let Some(folder) = kills::folder() {
        return kills::finish(run(&folder.join("training")));
    }
    let test = "faults::ctrl_c_saves_a_training_and_leaves";
    let (said, result) = kills::interrupted(test, "training", Duration::from_millis(200));
    assert!(said.contains("interrupted; what was done is in"), "{said}");
    assert_eq!(result, belief(&train(None, 60_000).unwrap()));
}

/// Two programs that fill one folder do not hinder each other.
#[test]
fn two_writers_share_a_bank() {
    let [whole, shared] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    fill(whole.path(), 3_000).unwrap();
    std::thread::scope(|scope| {
        for sets in [3_000, 2_000, 3_000] {
            let folder = shared.path();
            scope.spawn(move || fill(folder, sets).unwrap());
        }
    });
    assert_eq!(hash_of_files(shared.path()), hash_of_files(whole.path()));
}

/// All files of a joint posterior are of one training.
#[test]
fn a_joint_posterior_is_saved_whole() {
    let train = |seed| Shop::default().joint_npe().seed(seed).train(Budget::simulations(1_000)).unwrap();
    let [old, new] = [1, 2].map(train);
    let places = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [old_files, new_files, _] = places.each_ref().map(|place| place.path().join("shop"));
    old.save(&old_files).unwrap();
    new.save(&new_files).unwrap();
    let [old_hash, new_hash] = [&old_files, &new_files].map(|folder| hash_of_files(folder));
    assert_ne!(old_hash, new_hash);
    for killed in [false, true] {
        for n in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("shop");
            old.save(&path).unwrap();
            let (saved, failed) = faults::at(n, killed, || new.save(&path));
            JointEstimator::load(&Shop::default(), &path).unwrap();
            let found = hash_of_files(&path);
            assert!(found == new_hash || (found == old_hash && saved.is_err()), "step {n}");
            if !failed {
                assert!(n > 10, "{n}");
                break;
            }
        }
    }
}

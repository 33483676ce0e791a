//! Banks that the jobs of an array fill together, against one that a single program fills.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use hierarch::estimators::{BankError, Ensemble};
use hierarch::prelude::*;
use hierarch::shards::{ShardError, Shards};
use hierarch_core::files::faults;
use hierarch_tests::kills;

model! {
    /// Plates of random size, one of them inside an element; counts that are now and then too large for two bytes.
    Shop {
        param spread: f64 = 0.3;
        global rate ~ Gamma(2.0, 1.0);
        global large ~ LogNormal(2.0, 3.0);
        plate days(n ~ Poisson(2.0)) {
            local mood ~ Normal(0.0, spread);
            observe visitors ~ Poisson(rate * mood.exp());
            observe steps ~ Poisson(large);
            plate sales(1..=3) {
                observe price ~ LogNormal(mood, 1.0);
            }
        }
    }
}

fn shard(index: usize, count: usize) -> Shard {
    Shard::new(index, count).unwrap()
}

fn simulations(model: &Shop, sets: usize) -> hierarch::simulate::Simulate<'_, Shop> {
    model.simulate(sets).seed(4)
}

fn run(folder: &Path, sets: usize, shard: Shard) -> Result<Shards, InferenceError> {
    simulations(&Shop::default(), sets).shard(shard).bank(folder)
}

fn merge(folder: &Path, sets: usize) -> Result<Bank<Shop>, InferenceError> {
    simulations(&Shop::default(), sets).bank(folder)
}

/// Returns the names and bytes of the files of a bank.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let mut files: Vec<_> = files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .filter(|(name, _)| !name.ends_with(".part"))
        .collect();
    files.sort();
    files
}

fn alone(sets: usize) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(merge(folder.path(), sets).unwrap().len(), sets);
    files(folder.path())
}

/// In any order, one twice, at another number of threads; with files that several shards share, that lie in one, and with fewer data
/// sets than shards.
#[test]
fn seven_shards_are_a_bank_to_the_bit() {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for sets in [5, 700, 2_500, 7 * 1_024] {
        let (folder, expected) = (tempfile::tempdir().unwrap(), alone(sets));
        let folder = folder.path();
        for index in [3, 6, 0, 3, 5, 1] {
            one_thread.install(|| run(folder, sets, shard(index, 7))).unwrap();
        }
        let shards = run(folder, sets, shard(4, 7)).unwrap();
        assert_eq!((shards.missing().to_string(), shards.count()), ("2".to_owned(), 7));
        if sets > 5 {
            let error = merge(folder, sets).unwrap_err();
            assert!(matches!(error, InferenceError::Shards(ShardError::Missing { .. })), "{error}");
            assert!(error.to_string().contains("has 6 of 7 shards, and lacks 2: "), "{error}");
        }
        assert!(run(folder, sets, shard(2, 7)).unwrap().missing().is_empty());
        assert_eq!(merge(folder, sets).unwrap().len(), sets);
        assert!(files(folder) == expected, "{sets}");
        // What was put together is removed; a shard that is run once more, since the batch system lost it, does nothing.
        let left = || std::fs::read_dir(folder.join("shards")).unwrap().count();
        assert_eq!(left(), 8);
        assert!(run(folder, sets, shard(3, 7)).unwrap().missing().is_empty());
        assert_eq!(left(), 8);
        assert_eq!(merge(folder, sets).unwrap().len(), sets);
    }
}

/// A file that is deleted, since it is damaged, is simulated anew, and a bank of shards grows as any other.
#[test]
fn a_bank_of_shards_is_a_bank() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Units first, of which the first shard makes use.
    merge(folder, 256).unwrap();
    for index in 0..3 {
        run(folder, 1_500, shard(index, 3)).unwrap();
    }
    // A part of it is there, whatever was asked for.
    assert_eq!(merge(folder, 600).unwrap().len(), 600);
    std::fs::remove_file(folder.join("00000.safetensors")).unwrap();
    merge(folder, 1_500).unwrap();
    assert!(files(folder) == alone(1_500));
    merge(folder, 2_100).unwrap();
    assert!(files(folder) == alone(2_100));
}

/// Whatever step of writing fails, and in a program that is killed all that follow, the shard is the same when it is run again.
#[test]
fn a_shard_survives_any_fault_of_the_disk() {
    let expected = alone(1_300);
    for killed in [false, true] {
        for n in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            run(folder, 1_300, shard(0, 2)).unwrap();
            let (result, failed) = faults::at(n, killed, || run(folder, 1_300, shard(1, 2)));
            if let Err(error) = result {
                assert!(error.to_string().contains("a fault for a test"), "{error}");
                assert_eq!(Shards::open(folder).unwrap().missing().to_string(), "1");
                // Where all but the last word of the shard is there, so is the bank.
                match merge(folder, 1_300) {
                    Err(InferenceError::Shards(ShardError::Missing { .. })) => {}
                    merged => assert!(merged.is_ok() && files(folder) == expected, "step {n}"),
                }
            }
            run(folder, 1_300, shard(1, 2)).unwrap();
            merge(folder, 1_300).unwrap();
            assert!(files(folder) == expected, "step {n}");
            if !failed {
                assert!(n > 10, "{n}");
                break;
            }
        }
    }
}

#[test]
fn a_shard_that_is_killed_goes_on_as_if_it_had_not_been() {
    const SETS: usize = 20_000;
    // The first file is whole, the last has a piece.
    let hash = |folder: &Path| {
        run(folder, SETS, shard(0, 3)).unwrap();
        let pieces = files(&folder.join("shards")).into_iter().filter(|(name, _)| name != "plan.txt");
        let mut hasher = DefaultHasher::new();
        (files(folder), pieces.collect::<Vec<_>>()).hash(&mut hasher);
        hasher.finish()
    };
    if let Some(folder) = kills::folder() {
        return kills::finish(hash(&folder));
    }
    let whole = tempfile::tempdir().unwrap();
    let expected = hash(whole.path());
    let names: Vec<String> = files(&whole.path().join("shards")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["00000-of-3", "00006.0000-0522.safetensors", "plan.txt"]);
    let test = "shards::a_shard_that_is_killed_goes_on_as_if_it_had_not_been";
    for result in kills::results(test, 3, Duration::from_millis(400), 3) {
        assert_eq!(result, expected);
    }
}

/// Shards that are not of one bank say so, and what is there stays as it is.
#[test]
fn shards_of_other_banks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, 1_300, shard(0, 2)).unwrap();
    let text = |result: Result<Shards, InferenceError>| result.unwrap_err().to_string();
    let model = Shop::default();
    let error = text(run(folder, 1_300, shard(1, 3)));
    assert!(error.contains("shards is cut into 2 shards counted from 0, and this is one of 3 shards"), "{error}");
    assert!(error.contains("set HIERARCH_SHARDS=0-1 in the script"), "{error}");
    let error = text(run(folder, 1_400, shard(1, 2)));
    assert!(error.contains("holds 1300 of") && error.contains("this is 1400 of"), "{error}");
    let error = text(model.simulate(1_300).seed(5).shard(shard(1, 2)).bank(folder));
    assert!(error.contains("seed 4") && error.contains("seed 5"), "{error}");
    let other = Shop { spread: 0.4 };
    let error = text(other.simulate(1_300).seed(4).shard(shard(1, 2)).bank(folder));
    assert!(error.contains("holds 1300 of simulations of `Shop`"), "{error}");
    assert!(other.simulate(1_300).seed(4).bank(folder).is_err());
    run(folder, 1_300, shard(1, 2)).unwrap();
    merge(folder, 1_300).unwrap();
    assert!(files(folder) == alone(1_300));

    // The folder of a bank that is not of shards.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    merge(folder, 1_300).unwrap();
    let error = model.simulate(1_300).seed(5).shard(shard(1, 2)).bank(folder).unwrap_err();
    assert!(matches!(error, InferenceError::Bank(BankError::OtherSimulations { .. })), "{error}");
    assert!(merge(folder, 1_300).is_ok() && files(folder) == alone(1_300));
}

/// Members that are trained apart are the ensemble that one program trains, also where a member was interrupted at its end.
#[test]
fn shards_are_an_ensemble_to_the_bit() {
    let (model, folder) = (Shop::default(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let npe = |seed: u64| model.npe().globals(["rate"]).seed(seed);
    let ensemble = |seed: u64, budget: u64| Ensemble::new(npe(seed), 3, Budget::simulations(budget));
    let train = |index: usize| ensemble(2, 600).shard(shard(index, 2)).train(folder);
    train(1).unwrap();
    let error = ensemble(2, 600).merge(folder).unwrap_err().to_string();
    assert!(error.contains("has 1 of 2 shards, and lacks 0: "), "{error}");
    train(0).unwrap();
    // A shard that was killed before its last word.
    std::fs::remove_file(folder.join("shards/00001-of-2")).unwrap();
    std::fs::remove_file(folder.join("00002.safetensors")).unwrap();
    train(1).unwrap();
    let data = model.simulate(1).seed(9).one().unwrap().data;
    let draws = |estimator: &PosteriorEstimator<Shop>| estimator.condition(&data).unwrap().sample(100, 1);
    let merged = ensemble(2, 600).merge(folder).unwrap();
    let alone = npe(2).ensemble(3).train(Budget::simulations(600)).unwrap();
    assert_eq!(draws(&merged), draws(&alone));
    assert_eq!(merged.warnings(), alone.warnings());
    for other in [ensemble(3, 600), ensemble(2, 700)] {
        assert!(matches!(other.merge(folder), Err(InferenceError::Shards(ShardError::OtherWork { .. }))));
    }
}

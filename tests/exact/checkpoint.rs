//! Chains that are interrupted go on as if they had not been, and sets of tables are read whole.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hierarch::prelude::*;
use hierarch::sampling::Metric;
use hierarch_core::files::faults;
use hierarch_tests::kills;
use hierarch_tests::models::{Resonance, ResonanceData, ResonanceEvents};

fn data() -> ResonanceData {
    let x = (0..150).map(|i| if i % 5 == 0 { 1.0 + 0.002 * f64::from(i) } else { f64::from(i % 37) / 12.0 - 1.5 });
    ResonanceData { events: ResonanceEvents { x: x.collect() } }
}

fn hash<M: Model>(chains: &Chains<M>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in ["fraction", "mass"] {
        chains.by_chain(name).unwrap().concat().iter().for_each(|x| x.to_bits().hash(&mut hasher));
    }
    (chains.divergences(), chains.cut_trajectories()).hash(&mut hasher);
    chains.bfmi().iter().for_each(|x| x.to_bits().hash(&mut hasher));
    hasher.finish()
}

fn sample(draws: usize, path: Option<&Path>) -> Result<Chains<Resonance>, SampleError> {
    let (model, data) = (Resonance::default(), data());
    let nuts = model.nuts(&data).warmup(200).draws(draws).seed(3);
    path.map_or(nuts.clone(), |path| nuts.checkpoint(path)).run()
}

#[test]
fn chains_go_on_from_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/chains");
    let whole = hash(&sample(500, None).unwrap());
    sample(200, Some(&path)).unwrap();
    assert_eq!(hash(&sample(500, Some(&path)).unwrap()), whole);
    assert_eq!(hash(&sample(500, Some(&path)).unwrap()), whole);
    let error = sample(400, Some(&path)).unwrap_err().to_string();
    assert!(error.contains("it holds 500 draws of a chain"), "{error}");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

/// The metric of low rank is saved with the chains, in the warm-up and after it, and chains of another metric are others.
#[test]
fn chains_with_directions_go_on_from_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chains");
    let model = Slanted::default();
    let points = |i: u32| (95.0 + f64::from(i % 11), f64::from(i % 7));
    let (x, y) = (0..60).map(points).unzip();
    let data = SlantedData { points: SlantedPoints { x, y } };
    let nuts = || model.nuts(&data).warmup(200).chains(2).seed(5).metric(Metric::LowRank);
    let slope = |chains: &Chains<Slanted>| chains.by_chain("slope").unwrap().concat();
    let whole = nuts().draws(60).run().unwrap();
    nuts().draws(20).checkpoint(&path).run().unwrap();
    let resumed = nuts().draws(60).checkpoint(&path).run().unwrap();
    assert_eq!(slope(&whole), slope(&resumed));
    let diagonal = nuts().metric(Metric::Diagonal).draws(60);
    assert_ne!(slope(&whole), slope(&diagonal.clone().run().unwrap()));
    let error = diagonal.checkpoint(&path).run().unwrap_err().to_string();
    assert!(error.contains("other chains") && error.contains("metric of low rank"), "{error}");
}

/// Chains with directions that are killed, often in the warm-up, go on as if they had not been.
#[test]
fn chains_with_directions_that_are_killed_go_on_as_if_they_had_not_been() {
    let run = |path: Option<&Path>| {
        let (model, data) = (Resonance::default(), data());
        let nuts = model.nuts(&data).warmup(20_000).draws(20_000).seed(3).metric(Metric::LowRank);
        hash(&path.map_or(nuts.clone(), |path| nuts.checkpoint(path)).run().unwrap())
    };
    if let Some(folder) = kills::folder() {
        return kills::finish(run(Some(&folder.join("chains"))));
    }
    let test = "checkpoint::chains_with_directions_that_are_killed_go_on_as_if_they_had_not_been";
    let whole = run(None);
    for result in kills::results(test, 2, Duration::from_millis(700), 1) {
        assert_eq!(result, whole);
    }
}

model! {
    Slanted {
        global intercept ~ Normal(0.0, 100.0);
        global slope ~ Normal(0.0, 100.0);
        plate points(1..=100) {
            given x: f64 ~ Uniform(90.0, 110.0);
            observe y ~ Normal(intercept + slope * x, 1.0);
        }
    }
}

static SLOPE: AtomicU64 = AtomicU64::new(2);

fn line<T: Real>(x: T) -> T {
    x * SLOPE.load(Relaxed) as f64
}

model! {
    Line {
        global a ~ Normal(0.0, 1.0);
        plate points(1..=50) { observe y ~ Normal(line(a), 1.0); }
    }
}

#[test]
fn a_file_of_other_chains_or_of_another_density_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chains");
    let (model, data) = (Line::default(), LineData { points: LinePoints { y: vec![1.0, 2.5] } });
    let nuts = || model.nuts(&data).draws(50).checkpoint(&path);
    nuts().run().unwrap();
    let refused = |nuts: hierarch::sampling::Nuts<'_, Line>, words: &[&str]| {
        let error = nuts.run().unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    refused(nuts().seed(1), &["other chains", "seed 0", "seed 1", "chains: it is"]);
    refused(nuts().chains(3), &["other chains"]);
    let other = LineData { points: LinePoints { y: vec![1.0, 2.6] } };
    refused(model.nuts(&other).draws(50).checkpoint(&path), &["other chains", "data"]);
    SLOPE.store(3, Relaxed);
    refused(nuts().draws(60), &["a function, a constant or a param of the model has changed"]);
    SLOPE.store(2, Relaxed);
    nuts().draws(60).run().unwrap();

    let whole = std::fs::read(&path).unwrap();
    for length in [0, 5, 18, 40, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        refused(nuts().draws(60), &["it is damaged"]);
    }
    for at in (0..whole.len()).step_by(97) {
        let mut other = whole.clone();
        other[at] ^= 4;
        std::fs::write(&path, other).unwrap();
        refused(nuts().draws(60), &["damaged"]);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    refused(nuts(), &["it cannot be read"]);
}

#[test]
fn chains_that_are_killed_go_on_as_if_they_had_not_been() {
    let run = |path: Option<&Path>| hash(&sample(40_000, path).unwrap());
    if let Some(folder) = kills::folder() {
        return kills::finish(run(Some(&folder.join("chains"))));
    }
    let test = "checkpoint::chains_that_are_killed_go_on_as_if_they_had_not_been";
    let whole = run(None);
    for result in kills::results(test, 2, Duration::from_millis(700), 1) {
        assert_eq!(result, whole);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_chains_and_leaves() {
    let run = |path: Option<&Path>| hash(&sample(40_000, path).unwrap());
    if let Some(folder) = kills::folder() {
        return kills::finish(run(Some(&folder.join("chains"))));
    }
    let (said, result) =
        kills::interrupted("checkpoint::ctrl_c_saves_chains_and_leaves", "chains", Duration::from_millis(100));
    assert!(said.contains("interrupted; the draws so far are in") && said.contains("run the program again"), "{said}");
    assert_eq!(result, run(None));
}

model! {
    Groups {
        global mu ~ Normal(0.0, 1.0);
        observe total ~ Normal(mu, 1.0);
        plate groups(1..=20) {
            local theta ~ Normal(mu, 1.0);
            observe mean ~ Normal(theta, 1.0);
            plate members(1..=20) { observe x ~ Normal(theta, 1.0); }
        }
    }
}

/// Whatever step of writing fails, the folder holds the old tables or the new ones.
#[test]
fn tables_of_a_folder_are_of_one_data_set() {
    let model = Groups::default();
    let [old, new] = [1, 2].map(|seed| model.simulate(1).seed(seed).one().unwrap().data);
    for killed in [false, true] {
        for n in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("data");
            old.to_csv(&path).unwrap();
            let (written, failed) = faults::at(n, killed, || new.to_csv(&path));
            let found = GroupsData::from_csv(&path).unwrap();
            assert!(found == new || (found == old && written.is_err()), "step {n}");
            if !failed {
                assert!(n > 10, "{n}");
                break;
            }
        }
    }
}

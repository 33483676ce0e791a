//! Stores of Zarr: what they hold, what is refused, and chains that go on from theirs. Other tools read them in `read_by_arviz.py`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use hierarch::io::SaveError;
use hierarch::prelude::*;
use hierarch_core::files::faults;
use serde_json::Value;

#[allow(dead_code)]
#[path = "../../tests/shared/kills.rs"]
mod kills;

model! {
    Resonance {
        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);
        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, 0.1) } else { (0.0, 1.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}

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
    let stats = chains.sample_stats();
    stats.energy.iter().chain(&stats.lp).chain(&stats.acceptance_rate).for_each(|x| x.to_bits().hash(&mut hasher));
    (&stats.tree_depth, &stats.n_steps, &stats.diverging).hash(&mut hasher);
    hasher.finish()
}

fn sample(draws: usize, path: Option<&Path>) -> Result<Chains<Resonance>, SampleError> {
    let (model, data) = (Resonance::default(), data());
    let nuts = model.nuts(&data).warmup(200).draws(draws).seed(3);
    path.map_or(nuts.clone(), |path| nuts.store(path)).run()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The numbers of a chain in files of draws.
fn numbers(folder: &Path, chain: usize) -> Vec<f64> {
    let read = |chunk: usize| fs::read(folder.join(format!("{chain}.{chunk}"))).ok();
    let bytes: Vec<u8> = (0..).map_while(read).flatten().collect();
    bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x)).collect()
}

#[test]
fn chains_go_on_from_their_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/run.zarr");
    let whole = sample(500, None).unwrap();
    sample(210, Some(&path)).unwrap();
    let shape = || json(&path.join(".zmetadata"))["metadata"]["posterior/mass/.zarray"]["shape"].clone();
    assert_eq!(shape(), serde_json::json!([4, 210]));
    for _ in 0..2 {
        assert_eq!(hash(&sample(500, Some(&path)).unwrap()), hash(&whole));
        assert_eq!(shape(), serde_json::json!([4, 500]));
    }
    for chain in 0..4 {
        let found = numbers(&path.join("posterior/mass"), chain);
        assert_eq!(found[..500], *whole.by_chain("mass").unwrap()[chain]);
        assert!(found.len() == 600 && found[500..].iter().all(|x| x.is_nan()));
    }
    let error = sample(400, Some(&path)).unwrap_err().to_string();
    assert!(error.contains("it holds 500 draws of a chain"), "{error}");
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    let (model, data) = (Resonance::default(), data());
    let other = model.nuts(&data).warmup(200).draws(600).seed(4).store(&path).run().unwrap_err().to_string();
    assert!(other.contains("other chains") && other.contains("seed 3"), "{other}");
    fs::write(path.join("posterior/mass/1.1"), "short").unwrap();
    let damaged = sample(600, Some(&path)).unwrap_err().to_string();
    assert!(damaged.contains("draws are missing") && damaged.contains("1.1 (it has 5 bytes"), "{damaged}");

    // What was saved whole is not what chains go on from.
    whole.save(&model, &data, &path).unwrap();
    let error = sample(600, Some(&path)).unwrap_err().to_string();
    assert!(error.contains("chains do not go on from"), "{error}");
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/thesis.tex"), "years of work").unwrap();
    let error = sample(600, Some(&folder.path().join("other"))).unwrap_err().to_string();
    assert!(error.contains("no store of Zarr"), "{error}");
    let error = whole.save(&model, &data, folder.path().join("other")).unwrap_err();
    assert!(matches!(error, SaveError::File { .. }) && error.to_string().contains("is not overwritten"), "{error}");
    assert!(folder.path().join("other/thesis.tex").exists());
}

#[test]
fn chains_that_are_killed_go_on_from_their_store_as_if_they_had_not_been() {
    let run = |path: Option<&Path>| hash(&sample(10_000, path).unwrap());
    if let Some(folder) = kills::folder() {
        return kills::finish(run(Some(&folder.join("run.zarr"))));
    }
    let test = "chains_that_are_killed_go_on_from_their_store_as_if_they_had_not_been";
    let whole = run(None);
    for result in kills::results(test, 4, Duration::from_millis(700), 1) {
        assert_eq!(result, whole);
    }
}

model! {
    Groups {
        global mu ~ Normal(0.0, 1.0);
        global draw ~ Normal(0.0, 1.0);
        plate groups(1..=20) {
            local theta ~ Normal(mu, 1.0);
            observe mean ~ Normal(theta + draw, 1.0);
        }
    }
}

model! {
    /// Vectors in a plate, drawn and derived.
    Pairs {
        global mu ~ Normal(0.0, 1.0);
        plate pairs(1..=20) {
            local pair[2] ~ Normal(mu, 1.0);
            let triple = [pair[0], pair[1], pair[0] + pair[1]];
            observe seen[2] ~ Normal(triple[2], 1.0);
        }
    }
}

#[test]
fn vectors_in_a_plate_have_its_elements_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zarr");
    let model = Pairs::default();
    let data = PairsData { pairs: PairsPairs { seen: vec![[0.1, 0.2], [1.0, 2.0], [-3.0, 0.5]] } };
    let chains = model.nuts(&data).chains(1).draws(50).run().unwrap();
    let all = InferenceData::new(&model, &data, &chains).prior(20, 1).unwrap().posterior_predictive(1).unwrap();
    all.save(&path).unwrap();
    for (array, draws, width) in [
        ("posterior/pair", 50, 2),
        ("posterior/triple", 50, 3),
        ("unconstrained_posterior/pair", 50, 2),
        ("prior/pair", 20, 2),
        ("prior_predictive/seen", 20, 2),
        ("posterior_predictive/seen", 50, 2),
    ] {
        let described = json(&path.join(array).join(".zarray"));
        assert_eq!(described["shape"], serde_json::json!([1, draws, 3, width]), "{array}");
        let dims = json(&path.join(array).join(".zattrs"))["_ARRAY_DIMENSIONS"].clone();
        assert_eq!(dims[2], "pairs", "{array}");
        let bytes = fs::read(path.join(array).join("0.0.0.0")).unwrap();
        assert_eq!(bytes.len(), 8 * draws * 3 * width, "{array}");
        if array.starts_with("posterior/") {
            let name = array.split('/').next_back().unwrap();
            let found = bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x));
            for (at, x) in found.enumerate() {
                let (draw, i, c) = (at / (3 * width), at / width % 3, at % width);
                assert_eq!(x, chains.by_chain(format!("{name}[{i}][{c}]")).unwrap()[0][draw]);
            }
        }
    }
}

model! {
    Games {
        global mu ~ Normal(0.0, 1.0);
        plate draw(1..=20) {
            observe goals ~ Normal(mu, 1.0);
        }
    }
}

#[test]
fn names_that_arviz_has_itself_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zarr");
    let (model, data) = (Groups::default(), GroupsData { groups: GroupsGroups { mean: vec![0.1, 0.2] } });
    let chains = model.nuts(&data).chains(2).draws(100).run().unwrap();
    let error = chains.save(&model, &data, &path).unwrap_err().to_string();
    assert!(error.contains("`draw` in the group `posterior` is the name of two things"), "{error}");
    let error = model.nuts(&data).store(&path).run().unwrap_err().to_string();
    assert!(error.contains("`draw` in the group `posterior`"), "{error}");
    let labels = InferenceData::new(&model, &data, &chains).labels(Groups::GROUPS, ["a"]).save(&path).unwrap_err();
    assert_eq!(labels.to_string(), "the plate `groups` has 2 elements, and 1 labels: give one to each");
    let labels = InferenceData::new(&model, &data, &chains).labels("group", ["a"]).save(&path).unwrap_err();
    assert!(labels.to_string().contains("there is no plate `group`; there are `groups`"), "{labels}");
    let (model, data) = (Games::default(), GamesData { draw: GamesDraw { goals: vec![0.1, 0.2] } });
    let error = model.nuts(&data).store(&path).run().unwrap_err().to_string();
    assert!(error.contains("`draw` in the group `posterior` is the name of two things"), "{error}");
    assert!(!path.exists());
}

/// Whatever step of writing fails, the folder holds the old store or the new one.
#[test]
fn a_store_is_whole_whatever_step_fails() {
    let model = Resonance::default();
    let data = ResonanceData { events: ResonanceEvents { x: vec![0.1, 1.2, 0.4] } };
    let [old, new] = [50, 60].map(|draws| model.nuts(&data).chains(1).warmup(50).draws(draws).run().unwrap());
    let save = |chains: &Chains<Resonance>, path: &Path| {
        InferenceData::new(&model, &data, chains).without_log_likelihood().save(path)
    };
    for n in (0..).step_by(23) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.zarr");
        save(&old, &path).unwrap();
        let (written, failed) = faults::at(n, false, || save(&new, &path));
        let draws = numbers(&path.join("posterior/mass"), 0).len();
        let described = json(&path.join(".zmetadata"))["metadata"]["posterior/mass/.zarray"]["shape"][1].clone();
        assert_eq!(described, draws);
        assert!(draws == 60 || (draws == 50 && written.is_err()), "step {n}");
        if !failed {
            assert!(n > 100, "{n}");
            break;
        }
    }
}

//! Banks of simulations, of which posteriors of globals and locals learn.

use std::path::{Path, PathBuf};

use hierarch::distributions::Poisson;
use hierarch::prelude::*;
use hierarch::simulate::{Stream, draw};
use hierarch_tests::models::{Deep, ItemResponse, Radon, Resonance, Sessions};
use hierarch_tests::{seed, within};

/// Photons in the pixels of an image, and the offset of a read-out.
fn expose(brightness: f64, offset: f64, rng: &mut Stream) -> [f32; 64] {
    std::array::from_fn(|_| (draw("image", &Poisson::new(brightness), rng).unwrap() as f64 + offset) as f32)
}

model! {
    pub Images {
        param offset: f64 = 0.0;
        global mean ~ Normal(2.0, 0.5);
        plate images(1..=4) {
            local brightness ~ LogNormal(mean, 0.5);
            observe image: [f32; 64] ~ expose(brightness, offset);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    names
}

fn small() -> TrainingConfig {
    TrainingConfig { pilot: Some(256), validation: Some(64), batch_size: Some(64), ..Default::default() }
}

/// Hierarchies of every shape learn from a bank, and to the same numbers: from one that was interrupted in its last shard and
/// lost its first, and at any number of threads.
#[test]
fn a_joint_posterior_learns_from_a_bank_of_any_model() {
    fn check<M: Generative>(model: &M, sizes: &[(&str, usize)]) {
        let folder = tempfile::tempdir().unwrap();
        let bank = |sets: usize| {
            let simulations =
                sizes.iter().fold(model.simulate(sets).seed(seed(4)), |all, (plate, n)| all.size(plate, *n));
            simulations.bank(folder.path()).unwrap()
        };
        let data = {
            let simulations = sizes.iter().fold(model.simulate(1).seed(seed(9)), |all, (plate, n)| all.size(plate, *n));
            simulations.one().unwrap().data
        };
        let draws = |bank: &Bank<M>, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let npe = model.joint_npe().seed(seed(1)).global_training(small()).local_training(small()).bank(bank);
            let joint = pool.install(|| npe.train(Budget::simulations(640))).unwrap();
            let posterior = joint.condition(&data).unwrap();
            (posterior.sample(20, 1), posterior.names().to_vec())
        };
        bank(1100);
        let first = draws(&bank(1400), 1);
        std::fs::remove_file(&files(folder.path())[0]).unwrap();
        assert_eq!(draws(&bank(1400), 3), first);
        assert!(first.0.iter().flatten().all(|x| x.is_finite()));
    }
    check(&Radon::default(), &[("counties", 4)]);
    check(&Sessions::default(), &[("people", 3)]);
    check(&ItemResponse::default(), &[("subjects", 5), ("items", 3), ("answers", 20)]);
    check(&Deep::default(), &[]);
    check(&Images::default(), &[]);
}

/// What is not of the bank's kind is an error that says what to do.
#[test]
fn a_bank_that_does_not_serve_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let model = Images::default();
    let simulate = |sets: usize| model.simulate(sets).seed(4);
    let bank = simulate(700).bank(folder.path()).unwrap();
    let text = |error: InferenceError| error.to_string();

    let offset = Images { offset: 0.5 };
    let error = text(offset.joint_npe().bank(&bank).train(Budget::simulations(64)).unwrap_err());
    assert!(error.contains("offset: 0.0") && error.contains("offset: 0.5"), "{error}");
    let few = simulate(100).bank(folder.path()).unwrap();
    assert_eq!(few.len(), 100);
    for alone in [false, true] {
        let npe = model.joint_npe().bank(&few);
        let npe = if alone { npe.without_hierarchy() } else { npe };
        let error = text(npe.train(Budget::simulations(64)).unwrap_err());
        assert!(error.contains("100 data sets is too small to train from: simulate at least 640"), "{error}");
    }
    let fixed = model.simulate(700).size("images", 1).bank(tempfile::tempdir().unwrap().path()).unwrap();
    let joint =
        model.joint_npe().global_training(small()).local_training(small()).bank(&fixed).train(Budget::simulations(64));
    let data = model.simulate(1).size("images", 2).one().unwrap().data;
    let error = text(joint.unwrap().condition(&data).unwrap_err());
    assert!(error.contains("`images` has 2 elements") && error.contains("for 1 alone"), "{error}");

    let error = text(simulate(700).seed(5).bank(folder.path()).unwrap_err());
    assert!(error.contains("seed 4") && error.contains("seed 5") && error.contains("Use another folder"), "{error}");
    let error = text(Resonance::default().simulate(700).seed(4).bank(folder.path()).unwrap_err());
    assert!(error.contains("00000.safetensors holds data sets of `Images`"), "{error}");

    // Not a folder `s3:`.
    let error = text(simulate(700).bank("s3://bucket/bank").unwrap_err());
    assert!(
        error.starts_with("cannot create s3://bucket/bank: ") && error.contains("feature `object_store`"),
        "{error}"
    );
    assert!(!Path::new("s3:").exists());

    let file = &files(folder.path())[0];
    let bytes = std::fs::read(file).unwrap();
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(file, damaged).unwrap();
    let error = text(simulate(700).bank(folder.path()).unwrap_err());
    assert!(error.contains("00000.safetensors is damaged: its checksum") && error.contains("Delete it"), "{error}");
    std::fs::write(file, &bytes[..bytes.len() - 9]).unwrap();
    let error = text(simulate(700).bank(folder.path()).unwrap_err());
    assert!(error.contains("cut short"), "{error}");
}

/// Images of counts take two bytes a pixel, those of other numbers four; what is read is what was simulated either way.
#[test]
fn counts_take_half_the_disk() {
    let [counts, others] = [0.0, 0.5].map(|offset| {
        let folder = tempfile::tempdir().unwrap();
        Images { offset }.simulate(1000).size("images", 4).bank(folder.path()).unwrap();
        std::fs::metadata(&files(folder.path())[0]).unwrap().len() as f64
    });
    let pixels = 1000.0 * 4.0 * 64.0;
    assert!(counts < 1.1 * 2.0 * pixels && others > 4.0 * pixels, "{counts} bytes, {others} bytes");
}

model! {
    /// Data sets in which hardly any plate has an element.
    pub Rare {
        global mu ~ Normal(0.0, 1.0);
        plate events(n ~ Poisson(0.05)) {
            local x ~ Normal(mu, 1.0);
            observe y ~ Normal(x, 1.0);
        }
    }
}

#[test]
fn too_few_elements_are_an_error() {
    let model = Rare::default();
    let bank = model.simulate(700).bank(tempfile::tempdir().unwrap().path()).unwrap();
    let npe = model.joint_npe().global_training(small()).local_training(small()).bank(&bank);
    let error = npe.train(Budget::simulations(64)).unwrap_err().to_string();
    assert!(error.contains("elements of the plate `events`, too few") && error.contains("at least 64"), "{error}");
}

model! {
    /// A share that may be at the edge of its prior, and a discrete nuisance parameter, over which networks integrate.
    pub Share {
        global share ~ Uniform(0.0, 1.0);
        nuisance loud ~ Bernoulli(0.5);
        let sd = if loud { 0.3 } else { 0.1 };
        plate events(4) {
            observe x ~ Normal(share, sd);
        }
    }
}

/// Mean and sd of the exact posterior, by the rule of midpoints.
fn exact_share(x: &[f64]) -> (f64, f64) {
    let density = |share: f64, sd: f64| {
        let chi2: f64 = x.iter().map(|x| ((x - share) / sd).powi(2)).sum();
        (-0.5 * chi2).exp() / sd.powi(x.len() as i32)
    };
    let points = (0..2000).map(|i| (f64::from(i) + 0.5) / 2000.0);
    let weighted: Vec<(f64, f64)> = points.map(|p| (p, density(p, 0.1) + density(p, 0.3))).collect();
    let total: f64 = weighted.iter().map(|(_, w)| w).sum();
    let moment = |power| weighted.iter().map(|(p, w)| p.powi(power) * w).sum::<f64>() / total;
    (moment(1), (moment(2) - moment(1).powi(2)).sqrt())
}

/// The held-out simulations of a small bank say how long to train, and how many networks; nothing is learned by heart.
#[test]
fn a_small_bank_says_how_to_learn_from_it() {
    let (model, folder) = (Share {}, tempfile::tempdir().unwrap());
    let bank = model.simulate(4_000).seed(seed(3)).bank(folder.path()).unwrap();
    let train = |most| model.npe().bank(&bank).seed(seed(1)).train(Budget::until_converged(most)).unwrap();
    let estimator = train(240_000);
    let edge = Share {}.simulate(50).at(&ShareGlobals { share: 0.01, loud: false }).seed(seed(8)).run().unwrap();
    let (mut off, mut width, mut sets) = (0.0, 0.0, 0.0);
    for simulation in model.simulate(150).seed(seed(7)).run().unwrap().into_iter().chain(edge) {
        let posterior = estimator.condition(&simulation.data).unwrap();
        let (mean, sd) = exact_share(&simulation.data.events.x);
        off += (posterior.mean(Share::SHARE).unwrap() - mean).abs() / sd;
        width += (posterior.sd(Share::SHARE).unwrap() / sd).ln();
        sets += 1.0;
    }
    within!(off / sets, 0.25, "means are off by {} sds", off / sets);
    within!((width / sets).abs(), 0.1, "sds are off by a factor of exp({})", width / sets);
    // With hardly any time it says that there was too little.
    let warnings = train(8_000).warnings();
    assert!(warnings.iter().any(|warning| warning.contains("train longer")), "{warnings:?}");
}

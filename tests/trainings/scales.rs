//! Numbers far from one, and priors without a variance: what f32 and means of draws would spoil.

use hierarch::calibration::Calibrate;
use hierarch::model::AsNumbers;
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

model! {
    /// Julian dates to a hundredth of a day.
    Dates {
        global t0 ~ Normal(2459000.0, 0.5);
        plate obs(50) {
            observe t ~ Normal(t0, 0.01);
        }
    }
}

model! {
    Billions {
        global rate ~ Gamma(2.0, 1e-9);
        plate bins(3) {
            observe n ~ Poisson(rate);
        }
    }
}

model! {
    Heavy {
        global theta ~ Cauchy(0.0, 1.0);
        observe y ~ Normal(theta, 0.5);
    }
}

/// Returns the mean and sd of (truth - posterior mean) / posterior sd over simulations: 0 and 1.
fn scores<M: Generative>(model: &M, estimator: &PosteriorEstimator<M>, name: &str, sets: usize) -> [f64; 2] {
    let simulations = model.simulate(sets).seed(seed(101)).run().unwrap();
    let z = simulations.iter().map(|simulation| {
        let posterior = estimator.condition(&simulation.data).unwrap();
        (simulation.globals.to_numbers()[0] - posterior.mean(name).unwrap()) / posterior.sd(name).unwrap()
    });
    let z: Vec<f64> = z.collect();
    let mean = z.iter().sum::<f64>() / sets as f64;
    [mean, (z.iter().map(|z| z * z).sum::<f64>() / sets as f64).sqrt()]
}

#[test]
fn dates() {
    let model = Dates::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(30_000)).unwrap();
    let [mean, sd] = scores(&model, &estimator, "t0", 1000);
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let posterior = estimator.condition(&data).unwrap();
    let exact = (4.0_f64 + 50.0 / 1e-4).sqrt().recip();
    within!((posterior.sd("t0").unwrap() / exact - 1.0).abs(), 0.2);
    within!(mean.abs(), 0.2);
    within!((sd - 1.0).abs(), 0.2);
}

#[test]
fn billions() {
    let model = Billions::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(600_000)).unwrap();
    let [mean, sd] = scores(&model, &estimator, "rate", 1000);
    let data = BillionsData { bins: BillionsBins { n: vec![1_000_000_000, 1_000_040_000, 999_975_000] } };
    let posterior = estimator.condition(&data).unwrap();
    eprintln!(
        "billions {mean} {sd} {} {}",
        posterior.mean("rate").unwrap() - 1000005000.0,
        posterior.sd("rate").unwrap()
    );
    // The exact posterior is a gamma distribution of this sd and of mean 1000005000.
    within!((posterior.mean("rate").unwrap() - 1_000_005_000.0).abs(), 18258.0);
    within!((posterior.sd("rate").unwrap() / 18258.0 - 1.0).abs(), 0.3);
    within!(mean.abs(), 0.2);
    within!((sd - 1.0).abs(), 0.2);
}

#[test]
fn heavy_tails() {
    let model = Heavy::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(150_000)).unwrap();
    let calibration = Calibrate::new(&model, &estimator).simulations(1000).seed(seed(3)).run().unwrap();
    within!(-calibration.p_min().ln(), -1e-5_f64.ln());
    // In the middle and far out, beside the data's own sd of 0.5.
    for (y, off, width) in [(0.3, 0.15, 0.6), (5.0, 0.2, 0.8), (50.0, 1.5, 5.0)] {
        let posterior = estimator.condition(&HeavyData { y }).unwrap();
        within!((posterior.mean("theta").unwrap() - y).abs(), off, "{y}");
        within!(posterior.sd("theta").unwrap(), width, "{y}");
    }
}

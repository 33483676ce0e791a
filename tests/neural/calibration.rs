//! Calibration of every kind of network.

use hierarch::assert_calibrated;
use hierarch::calibration::strategies::NormalMeans;
use hierarch::calibration::{Calibrate, NutsEstimator};
use hierarch::prelude::*;
use hierarch_tests::seed;

type Columns = Vec<(String, Vec<f64>)>;

/// Networks that learned for a few seconds, judged by a stated tolerance: 10 % of width and 0.2 sd of shift (globals), 15 %
/// and 0.3 sd (a ratio, and a joint posterior with its locals).
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn every_network_is_calibrated() {
    every_network(60_000, [0.1, 0.2], [0.15, 0.3]);
}

#[test]
fn every_network_is_an_estimator() {
    every_network(15_000, [0.3, 0.4], [0.4, 0.5]);
}

/// After so many data sets, within such a width and shift: of a posterior, and of a ratio and a joint posterior.
fn every_network(sets: u64, globals: [f64; 2], others: [f64; 2]) {
    let model = NormalMeans { least: 1, most: 10, ..NormalMeans::default() };
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    let calibration = estimator.calibrate().simulations(500).draws(100).seed(seed(0)).run().unwrap();
    assert_eq!(calibration.names(), ["mu"]);
    assert!(calibration.judged().iter().all(|one| one.log_densities.is_some()));
    assert_calibrated!(calibration, width = globals[0], shift = globals[1]);
    // One that is not told of half of the data is calibrated, too: it is a posterior given the other half.
    let half = |data: &<NormalMeans as Model>::Data, count, seed| -> Result<Columns, String> {
        let mut halved = data.clone();
        halved.groups.x.truncate(data.groups.x.len().div_ceil(2));
        let mut columns = estimator.condition(&halved).unwrap().sample(count, seed);
        Ok(vec![("mu".to_owned(), columns.remove(0))])
    };
    assert_calibrated!(
        Calibrate::new(&model, &half).simulations(500).draws(100).seed(seed(0)).run().unwrap(),
        width = 1.5 * globals[0],
        shift = globals[1]
    );

    let ratio = model.nre().seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    let calibration = ratio.calibrate().simulations(300).draws(100).seed(seed(0)).run().unwrap();
    assert_eq!(calibration.names(), ["mu"]);
    assert_calibrated!(calibration, width = others[0], shift = others[1]);

    let joint = model.joint_npe().seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    let calibration = joint.calibrate().simulations(500).draws(100).seed(seed(0)).run().unwrap();
    assert_eq!(calibration.names(), ["mu", "theta"]);
    assert_calibrated!(calibration, width = others[0], shift = others[1]);
}

#[test]
fn the_same_seed_gives_the_same_calibration_on_any_number_of_threads() {
    let model = NormalMeans { least: 1, most: 4, ..NormalMeans::default() };
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(2_000)).unwrap();
    let joint = model.joint_npe().seed(seed(1)).train(Budget::simulations(2_000)).unwrap();
    let nuts = NutsEstimator::new(&model).warmup(100);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [
                estimator.calibrate().simulations(40).draws(20).seed(seed(3)).run().unwrap().ranks(),
                joint.calibrate().simulations(40).draws(20).seed(seed(3)).run().unwrap().ranks(),
                Calibrate::new(&model, &nuts).simulations(20).draws(20).seed(seed(3)).run().unwrap().ranks(),
            ]
        })
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one, two);
    let other = estimator.calibrate().simulations(40).draws(20).seed(seed(4)).run().unwrap().ranks();
    assert_ne!(one[0], other);
}

//! Calibration of joint posteriors with discrete locals.

use hierarch::assert_calibrated;
use hierarch::prelude::*;
use hierarch_tests::seed;

model! {
    /// A discrete local and a continuous one.
    pub Kinds {
        global share ~ Beta(2.0, 2.0);
        plate events(1..=8) {
            local kind ~ Bernoulli(share);
            local height ~ Normal(if kind { 2.0 } else { 0.0 }, 1.0);
            observe x ~ Normal(height, 0.5);
        }
    }
}

/// Discrete locals have ranks, too, with ties broken at random.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn discrete_locals_are_calibrated() {
    discrete_locals(60_000, 0.15, 0.3);
}

#[test]
fn discrete_locals_are_calibrated_roughly() {
    discrete_locals(15_000, 0.4, 0.5);
}

fn discrete_locals(sets: u64, width: f64, shift: f64) {
    let model = Kinds::default();
    let joint = model.joint_npe().seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    let calibration = joint.calibrate().simulations(500).draws(100).seed(seed(0)).run().unwrap();
    assert_eq!(calibration.names(), ["share", "kind", "height"]);
    assert_calibrated!(calibration, width = width, shift = shift);
}

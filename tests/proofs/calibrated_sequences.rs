//! NUTS on sequences is calibrated: an autoregression, a hidden Markov chain, and a walk that is seen with noise. The numbers of
//! simulations are few; a shift or a width that is off by a half is found.

use hierarch::assert_calibrated;
use hierarch::calibration::{Calibrate, NutsEstimator};
use hierarch::prelude::*;
use hierarch_tests::seed;

model! {
    pub Autoregression {
        global phi ~ Uniform(-1, 1);
        global sd ~ LogNormal(0, 0.5);
        plate days(30) {
            observe y ~ Normal(phi * prev(y, 1, 0.0), sd);
        }
    }
}

model! {
    pub Hidden {
        global stay[2] ~ Beta(4, 2);
        global mu[2] ~ Ordered(Normal(0, 2));
        plate days(30) {
            local high ~ Bernoulli(if is_first() { 0.5 } else if prev(high) { stay[1] } else { 1 - stay[0] });
            observe y ~ Normal(mu[if high { 1 } else { 0 }], 1);
        }
    }
}

model! {
    pub Wander {
        global step ~ LogNormal(0, 0.5);
        global noise ~ LogNormal(0, 0.5);
        plate days(20) {
            local level ~ Normal(prev(level, 1, 0.0), step);
            observe y ~ Normal(level, noise);
        }
    }
}

/// So many simulations; more of them with `HIERARCH_TEST_SIMULATIONS`.
fn simulations() -> usize {
    std::env::var("HIERARCH_TEST_SIMULATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(150)
}

fn calibrated<M: Likelihood + Generative + Default>() {
    let model = M::default();
    let nuts = NutsEstimator::new(&model).warmup(200);
    let calibration = Calibrate::new(&model, &nuts).simulations(simulations()).draws(30).seed(seed(5)).run().unwrap();
    println!("{}", calibration.summary());
    assert_calibrated!(calibration, width = 0.0, shift = 0.0, false_alarm = 1e-4, catch_width = 0.6, catch_shift = 0.6);
}

#[test]
fn an_autoregression_is_calibrated() {
    calibrated::<Autoregression>();
}

#[test]
fn a_hidden_chain_is_calibrated() {
    calibrated::<Hidden>();
}

#[test]
fn a_walk_is_calibrated() {
    calibrated::<Wander>();
}

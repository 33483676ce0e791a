//! A simulator that changes while its declaration does not.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hierarch::distributions::{Draw, Normal};
use hierarch::estimators::{BankError, FileError};
use hierarch::prelude::*;
use hierarch_tests::seed;

/// What a constant in the code of a user is.
static VERSION: AtomicU64 = AtomicU64::new(0);

fn pair(mean: f64, rng: &mut Stream) -> [f64; 2] {
    let shift = VERSION.load(Relaxed) as f64;
    [(); 2].map(|()| Normal::new(mean + shift, 1.0).draw(rng))
}

model! {
    Changing {
        global mean ~ Normal(0.0, 1.0);
        plate groups(1..=20) {
            local own ~ Normal(mean, 1.0);
            observe x: [f64; 2] ~ pair(own);
        }
    }
}

fn is_other<T>(result: Result<T, InferenceError>) {
    match result.map(|_| ()) {
        Err(InferenceError::File(FileError::OtherSimulator { agree: 0, of: 8, .. })) => {}
        other => panic!("{other:?}"),
    }
}

/// Posteriors, joint posteriors, statistics, checkpoints and banks of the old simulator are refused by the new one.
#[test]
fn files_of_a_simulator_that_has_changed_are_refused() {
    let (model, folder) = (Changing::default(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    let budget = Budget::simulations(256);
    let train = || model.npe().seed(seed(1)).checkpoint(path("checkpoint")).train(budget);
    train().unwrap().save(path("posterior")).unwrap();
    let joint = model.joint_npe().seed(seed(1)).train(budget).unwrap();
    joint.save(path("joint")).unwrap();
    let statistic = model.test_statistic("mean").seed(seed(1)).train(budget).unwrap();
    statistic.save(path("statistic")).unwrap();
    let bank = |sets: usize| model.simulate(sets).seed(seed(2)).bank(path("bank"));
    bank(700).unwrap();

    assert!(PosteriorEstimator::load(&model, path("posterior")).is_ok());
    assert!(JointEstimator::load(&model, path("joint")).is_ok());
    assert!(TestStatistic::load(&model, path("statistic")).is_ok());
    assert!(train().is_ok() && bank(800).is_ok());
    VERSION.store(1, Relaxed);
    is_other(PosteriorEstimator::load(&model, path("posterior")));
    is_other(JointEstimator::load(&model, path("joint")));
    is_other(TestStatistic::load(&model, path("statistic")));
    is_other(train());
    is_other(bank(900));
    VERSION.store(0, Relaxed);
    assert_eq!(bank(1500).unwrap().len(), 1500);

    // What is not the file of this bank stays as it is.
    let other = model.simulate(700).seed(seed(3)).bank(path("bank"));
    assert!(matches!(other, Err(InferenceError::Bank(BankError::OtherSimulations { .. }))), "{other:?}");
    assert_eq!(bank(1500).unwrap().len(), 1500);
}

model! {
    Steady {
        global mean ~ Normal(0.0, 1.0);
        plate groups(1..=20) {
            given t ~ Normal(0.0, 1.0);
            observe x ~ Normal(mean * t, 1.0);
        }
    }
}

/// A statistic with networks of one's own can be read again.
#[test]
fn a_statistic_with_networks_of_its_own_is_read_again() {
    use hierarch::dfdx::prelude::*;
    use hierarch::estimators::ElementNetworks;
    let (model, folder) = (Steady::default(), tempfile::tempdir().unwrap());
    type Own = (Linear<2, 16>, Tanh, Linear<16, 8>);
    let own = || ElementNetworks::default().plate::<_, 2, 8>("groups", Cpu::default().build_module::<Own, f32>());
    let training = model.test_statistic("mean").seed(seed(1)).element_networks(own());
    let statistic = training.train(Budget::simulations(512)).unwrap();
    let path = folder.path().join("statistic");
    statistic.save(&path).unwrap();
    let again = TestStatistic::load_with(&model, &path, own()).unwrap();
    let data = model.simulate(1).seed(seed(4)).one().unwrap().data;
    assert_eq!(again.evaluate(&data, 0.3).unwrap(), statistic.evaluate(&data, 0.3).unwrap());
    assert!(TestStatistic::load(&model, &path).unwrap_err().to_string().contains("element network"));
}

//! Calibrations, and work of one's own, that the jobs of an array do together, against one program.

use std::convert::Infallible;

use hierarch::calibration::{Calibrate, Calibration, CalibrationError, Construction, NeymanError, NutsEstimator};
use hierarch::prelude::*;
use hierarch::shards::{Items, ShardError, Shards};

model! {
    /// A plate without elements now and then, so that its local has no rank there.
    Tides {
        global mean ~ Normal(0.0, 1.0);
        plate ports(0..=3) {
            local level ~ Normal(mean, 1.0);
            observe height ~ Normal(level, 0.5);
        }
    }
}

fn shard(index: usize, count: usize) -> Shard {
    Shard::new(index, count).unwrap()
}

/// Returns all that a calibration says, where each number is written so that it can be read again.
fn said(calibration: &Calibration) -> String {
    format!("{:?} {:?} {}\n{}", calibration.names(), calibration.judged(), calibration.draws(), calibration.summary())
}

#[test]
fn seven_shards_are_a_calibration_to_the_bit() {
    let (model, folder) = (Tides::default(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let nuts = NutsEstimator::new(&model).warmup(100).thin(1);
    let calibrate = |simulations: usize| Calibrate::new(&model, &nuts).simulations(simulations).draws(20).seed(3);
    let run = |index: usize| calibrate(60).shard(shard(index, 7)).run(folder);
    for index in [3, 6, 0, 3, 5, 1] {
        run(index).unwrap();
    }
    assert_eq!(run(4).unwrap().missing().to_string(), "2");
    let error = calibrate(60).merge(folder).unwrap_err();
    assert!(matches!(error, CalibrationError::Shards(ShardError::Missing { .. })), "{error}");
    assert!(error.to_string().contains("has 6 of 7 shards, and lacks 2: "), "{error}");
    assert!(run(2).unwrap().missing().is_empty());
    assert_eq!(said(&calibrate(60).merge(folder).unwrap()), said(&calibrate(60).run().unwrap()));

    // What is of another calibration.
    let error = calibrate(60).seed(4).shard(shard(2, 7)).run(folder).unwrap_err().to_string();
    assert!(error.contains("seed 3") && error.contains("seed 4"), "{error}");
    for other in [calibrate(61), calibrate(60).draws(21), calibrate(60).size("ports", 2)] {
        let error = other.merge(folder).unwrap_err();
        assert!(matches!(error, CalibrationError::Shards(ShardError::OtherWork { .. })), "{error}");
        assert!(other.shard(shard(2, 7)).run(folder).is_err());
    }
    assert!(calibrate(60).shard(shard(2, 8)).run(folder).unwrap_err().to_string().contains("this is one of 8 shards"));
    // A mistake leaves no folder behind.
    let empty = folder.join("empty");
    assert!(matches!(calibrate(10).shard(shard(0, 7)).run(&empty), Err(CalibrationError::Few { .. })));
    assert!(!empty.exists());
}

model! {
    /// A count, whose statistic is discrete, with a nuisance parameter.
    Flux {
        global rate ~ Uniform(0.0, 50.0);
        nuisance background ~ Normal(3.0, 0.3);
        observe count ~ Poisson(rate + background);
    }
}

/// Shards do not depend on the levels, and there may be more of them than places at which it is seen whether a statistic is discrete.
#[test]
fn shards_are_a_construction_to_the_bit() {
    let (model, folder) = (Flux::default(), tempfile::tempdir().unwrap());
    let far =
        |data: &FluxData, rate: f64| Ok::<_, Infallible>((data.count as f64 - rate - 3.0).abs() / (rate + 3.0).sqrt());
    let guess = |data: &FluxData, rate: f64| (data.count as f64 - rate).clamp(2.0, 4.0);
    let simulate = |seed: u64| model.simulate(600).seed(seed);
    let construct =
        |seed: u64, levels: &[f64]| Construction::new(simulate(seed), "rate", 0.0..=50.0, levels, far).unwrap();
    let following =
        || Construction::following(simulate(2), "rate", 0.0..=50.0, &[0.9], far, "background", guess).unwrap();
    for index in (0..70).rev() {
        construct(2, &[0.5]).shard(shard(index, 70)).run(folder.path()).unwrap();
        if index > 60 {
            let error = construct(2, &[0.9]).merge(folder.path()).unwrap_err();
            assert!(matches!(error, NeymanError::Shards(ShardError::Missing { .. })), "{error}");
        }
    }
    let merged = construct(2, &[0.9, 0.95]).merge(folder.path()).unwrap();
    assert!(merged.is_randomised());
    assert_eq!(format!("{merged:?}"), format!("{:?}", construct(2, &[0.9, 0.95]).run().unwrap()));
    for error in [construct(3, &[0.9]).merge(folder.path()), following().merge(folder.path())] {
        assert!(matches!(error, Err(NeymanError::Shards(ShardError::OtherWork { .. }))), "{error:?}");
    }
    let folder = folder.path().join("following");
    for index in 0..3 {
        following().shard(shard(index, 3)).run(&folder).unwrap();
    }
    let merged = following().merge(&folder).unwrap();
    assert_eq!(format!("{merged:?}"), format!("{:?}", following().run().unwrap()));
}

#[test]
fn pieces_of_work_are_put_together_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let squares = || Items::new("squares", 100);
    let run =
        |index: usize, count: usize| squares().shard(shard(index, count)).run(folder, |i| Ok((i, (i * i) as f64)));
    assert!(matches!(squares().merge::<f64>(folder), Err(ShardError::NoShards { .. })));
    for index in (0..7).rev() {
        run(index, 7).unwrap();
    }
    assert!(Shards::open(folder).unwrap().missing().is_empty());
    let all: Vec<(usize, f64)> = squares().merge(folder).unwrap();
    assert_eq!(all, (0..100).map(|i| (i, (i * i) as f64)).collect::<Vec<_>>());
    // Read as what they are not.
    let error = squares().merge::<String>(folder).unwrap_err().to_string();
    assert!(error.contains("shards/00000-of-7 is damaged"), "{error}");
    // A piece that fails is named, and nothing of its shard is there.
    let cubes = folder.join("cubes");
    let failing = |i: usize| if i == 31 { Err("no cube".into()) } else { Ok(i.pow(3)) };
    let error = Items::new("cubes", 100).shard(shard(2, 7)).run(&cubes, failing).unwrap_err().to_string();
    assert_eq!(error, "number 31 of the work failed: no cube");
    assert_eq!(Shards::open(&cubes).unwrap().missing().to_string(), "0-6");
}

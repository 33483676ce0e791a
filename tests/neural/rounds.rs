//! Posteriors of one data set that are learned in rounds.

use hierarch::prelude::*;
use hierarch_tests::{seed, within};

hierarch::model! {
    pub Means {
        global mu[2] ~ Normal(0.0, 10.0);
        plate rows(1..=10) {
            observe y[i in 0..2] ~ Normal(mu[i], 1.0);
        }
    }
}

fn data() -> MeansData {
    MeansData { rows: MeansRows { y: (0..8).map(|i| [4.0 + 0.3 * f64::from(i), -7.0 - 0.1 * f64::from(i)]).collect() } }
}

/// The exact posterior is learned of 2,400 simulations of a prior that is 28 times as wide; what is in the folder is not done again.
#[test]
fn rounds_learn_where_the_posterior_is() {
    let (model, data, folder) = (Means::default(), data(), tempfile::tempdir().unwrap());
    let rounds = || model.npe().seed(seed(1)).rounds(3).simulations(2_400);
    let learn = || rounds().for_data(&data, folder.path(), Budget::simulations(20_000)).unwrap();
    let posterior = learn();
    let precision = 8.0 + 0.01;
    for (k, sum) in [8.0 * 4.0 + 0.3 * 28.0, -8.0 * 7.0 - 0.1 * 28.0].into_iter().enumerate() {
        let name = format!("mu[{k}]");
        let sd = (1.0_f64 / precision).sqrt();
        let (mean, width) = (posterior.mean(name.as_str()).unwrap(), posterior.sd(name.as_str()).unwrap());
        within!((mean - sum / precision).abs() / sd, 0.5, "{mean}");
        within!((width / sd).ln().abs(), 0.4, "{width} {sd}");
    }
    let again = learn();
    assert_eq!(again.mean("mu[0]").unwrap(), posterior.mean("mu[0]").unwrap());
    // Without the last network, what it is learned of is still there.
    let own = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(own.join("round-2.safetensors")).unwrap();
    assert_eq!(learn().mean("mu[0]").unwrap(), posterior.mean("mu[0]").unwrap());
}

#[test]
fn what_rounds_cannot_do_is_an_error() {
    let (model, data, folder) = (Means::default(), data(), tempfile::tempdir().unwrap());
    let budget = Budget::simulations(100);
    let error = |rounds: usize, simulations: usize| {
        let rounds = model.npe().rounds(rounds).simulations(simulations);
        rounds.for_data(&data, folder.path(), budget).unwrap_err().to_string()
    };
    assert!(error(0, 10_000).contains("10000 simulations in 0 rounds"));
    assert!(error(5, 3_000).contains("each round needs as many"));
    let path = folder.path().join("checkpoint");
    let with = model.npe().checkpoint(path).rounds(2).for_data(&data, folder.path(), budget).unwrap_err().to_string();
    assert!(with.contains("leave `.checkpoint(..)` out"), "{with}");
}

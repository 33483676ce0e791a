//! Neural posteriors that are off, refined until the weights can be trusted.

use hierarch::prelude::*;
use hierarch::sampling::{Evidence, Road};
use hierarch_tests::{seed, within};

model! {
    pub Groups {
        param centre: f64 = 0.0;
        global mu ~ Normal(centre, 1.0);
        plate groups(1..=64) {
            local theta ~ Normal(mu, 1.5);
            observe y ~ Normal(theta, 1.0);
        }
    }
}

/// Trained for a moment, and for another prior: weights of all 65 numbers at once are worth nothing, and the refined posterior of globals
/// and of locals is exact.
#[test]
fn a_posterior_of_another_prior_becomes_exact() {
    let (trained, model) = (Groups::default(), Groups { centre: 6.0 });
    let data = model.simulate(1).size("groups", 64).seed(seed(3)).one().unwrap().data;
    let y = &data.groups.y;
    let precision = 1.0 + 64.0 / 3.25;
    let (mean, sd) = ((6.0 + y.iter().sum::<f64>() / 3.25) / precision, f64::sqrt(1.0 / precision));
    let normal =
        |x: f64, mean: f64, sd: f64| -0.5 * ((x - mean) / sd).powi(2) - (sd * std::f64::consts::TAU.sqrt()).ln();
    let log_evidence =
        normal(0.0, 6.0, 1.0) + y.iter().map(|y| normal(*y, 0.0, 3.25_f64.sqrt())).sum::<f64>() - normal(0.0, mean, sd);
    let own = 1.0 / (1.0 / 2.25 + 1.0);
    let theta = (own * (mean / 2.25 + y[7]), (own + (own / 2.25 * sd).powi(2)).sqrt());

    let joint = trained.joint_npe().seed(seed(1)).train(Budget::simulations(200)).unwrap().condition(&data).unwrap();
    let globals = trained.npe().seed(seed(1)).train(Budget::simulations(200)).unwrap().condition(&data).unwrap();
    let plain = joint.importance_sample(&model, &data).unwrap();
    println!("{}", plain.about());
    assert!(plain.k_hat() > 0.7, "{}", plain.about());
    for refined in [joint.refine_until(&model, &data, 0.5), globals.refine_until(&model, &data, 0.5)] {
        let refined = refined.unwrap();
        println!("{}", refined.about());
        assert!(matches!(refined.road(), Road::Adaptive { by_element: true, .. }), "{}", refined.about());
        let weighted = refined.weighted().unwrap();
        let share = weighted.effective_sample_size() / weighted.as_draws().weights().len() as f64;
        within!(0.3, share, "{}", refined.about());
        for (name, (mean, sd)) in [("mu", (mean, sd)), ("theta[7]", theta)] {
            let errors = (weighted.mcse_mean(name).unwrap(), weighted.mcse_sd(name).unwrap());
            within!((weighted.mean(name).unwrap() - mean).abs() / errors.0, 4.5, "{name}");
            within!((weighted.sd(name).unwrap() - sd).abs() / errors.1, 4.5, "{name}");
        }
        let Evidence { log, error } = refined.evidence().unwrap();
        within!((log - log_evidence).abs() / error, 4.5, "{log} +- {error}, {log_evidence}");
    }
}

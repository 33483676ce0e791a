//! Beliefs of networks refined by importance sampling.

use hierarch::distributions::{Distribution, Normal};
use hierarch::draws::diagnostics::{mcse_mean, mcse_sd};
use hierarch::model::unconstrain;
use hierarch::prelude::*;
use hierarch::sampling::{Proposal, importance_sample};
use hierarch_tests::models::*;
use hierarch_tests::{seed, within};

/// A poor posterior, trained for seconds, is exact once refined: against NUTS, and the evidence against quadrature.
#[test]
fn a_refined_belief_is_exact() {
    let model = Resonance::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(20_000)).unwrap();
    let truth = ResonanceGlobals { fraction: 0.2, mass: 2.5 };
    // One data set, whatever the seed: the error that is left depends on it more than on the training.
    let data = model.simulate(1).at(&truth).size("events", 100).seed(4).one().unwrap().data;
    let posterior = estimator.condition(&data).unwrap();
    let refined = importance_sample(&model, &data, &posterior, 200_000, seed(1)).unwrap();
    println!("{posterior}\n{refined}");
    assert!(refined.warnings().is_empty(), "{refined}");
    let chains = model.nuts(&data).seed(seed(1)).draws(10_000).run().unwrap();
    let mut off = 0.0_f64;
    for name in ["fraction", "mass"] {
        let row = chains.summary().rows.into_iter().find(|r| r.name == name).unwrap();
        let draws = chains.by_chain(name).unwrap();
        // Twice the naive error, as above.
        let error = 2.0 * row.sd / refined.effective_sample_size().sqrt();
        let (mean, sd) = (refined.mean(name).unwrap(), refined.sd(name).unwrap());
        within!((mean - row.mean).abs(), 4.0 * error.hypot(mcse_mean(&draws)), "{name}: {mean} {}", row.mean);
        within!((sd - row.sd).abs(), 4.0 * error.hypot(mcse_sd(&draws)), "{name}: {sd} {}", row.sd);
        within!(error, 0.05 * row.sd, "{name}: the error {error} is too large to tell");
        off = off
            .max((posterior.mean(name).unwrap() - mean).abs() / sd)
            .max((posterior.sd(name).unwrap() / sd - 1.0).abs());
    }
    within!(0.1, off, "the belief was good before: nothing is shown, {off}");

    // The integral of likelihood times prior by the rule of midpoints.
    let (mut sum, fractions) = (0.0, 200);
    let log_at = |fraction: f64, mass: f64| {
        let each = data.events.x.iter().map(|x| {
            let (peak, flat) = (Normal::new(mass, model.width), Normal::new(0.0, 1.0));
            (fraction * peak.log_density(*x).exp() + (1.0 - fraction) * flat.log_density(*x).exp()).ln()
        });
        each.sum::<f64>() + Normal::new(1.0, 2.0).log_density(mass)
    };
    let top = log_at(0.2, 2.5);
    let step = 0.01;
    for j in 0..1600 {
        let mass = -7.0 + step * (f64::from(j) + 0.5);
        for i in 0..fractions {
            let fraction = (f64::from(i) + 0.5) / f64::from(fractions);
            sum += (log_at(fraction, mass) - top).exp() * step / f64::from(fractions);
        }
    }
    let (exact, error) = (top + sum.ln(), refined.evidence().error);
    within!(error, 0.02, "{error}");
    within!((refined.evidence().log - exact).abs(), 4.0 * error, "{} +- {error}, {exact}", refined.evidence().log);
}

#[test]
fn what_cannot_be_refined_says_why() {
    // A model with locals, and a posterior of some globals alone.
    let model = Radon::default();
    let estimator = model.npe().train(Budget::simulations(600)).unwrap();
    let data = model.simulate(1).size("counties", 40).seed(seed(2)).one().unwrap().data;
    let error = estimator.condition(&data).unwrap().importance_sample(&model, &data).unwrap_err().to_string();
    assert!(error.contains("lacks `intercept[0]`, `intercept[1]`, ") && error.contains("and 35 more"), "{error}");
    let model = Resonance::default();
    let estimator = model.npe().globals(["fraction"]).train(Budget::simulations(600)).unwrap();
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let error = estimator.condition(&data).unwrap().importance_sample(&model, &data).unwrap_err().to_string();
    assert!(error.contains("lacks `mass`, but importance sampling needs all latent variables"), "{error}");
}

/// A posterior's log density of its draws is that of the posterior, but for the Jacobian.
#[test]
fn a_belief_knows_the_density_of_its_draws() {
    let model = Counting::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(2_000)).unwrap();
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let posterior = estimator.condition(&data).unwrap();
    let mut rng = hierarch::simulate::stream(seed(4), 0);
    let (mut q, mut log_density) = (vec![0.0; 5 * 100], vec![0.0; 100]);
    posterior.draw(&mut rng, &mut q, &mut log_density);
    let globals = ["rate", "centre", "share"];
    for (q, log_density) in q.chunks(5).zip(&log_density) {
        let mut values = Vec::new();
        hierarch::model::constrain(&model, None, q, &mut values);
        let values: CountingGlobals = hierarch::model::AsNumbers::from_numbers(&values);
        let expected = posterior.log_density(&values) + hierarch::model::log_jacobian(&model, q, &globals);
        within!((log_density - expected).abs(), 1e-6, "{log_density} {expected}");
        assert!(unconstrain(&model, &values, None).iter().zip(q).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

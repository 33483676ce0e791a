//! Learned ratios: against exact ones, their posteriors by weights and by chains, saved and loaded, and what they refuse.

use hierarch::distributions::{Distribution, Normal, Truncated};
use hierarch::estimators::Nre;
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

model! {
    /// Two means, of which one lies between bounds.
    pub Pair {
        global a ~ Normal(0.0, 1.0);
        global b ~ Uniform(-1.0, 1.0);
        plate events(1..=10) {
            observe x ~ Normal(a, 1.0);
            observe y ~ Normal(b, 1.0);
        }
    }
}

/// The posterior of `a` is Gaussian, of a mean and an sd, that of `b` a Gaussian cut off at the bounds.
fn exact(data: &PairData) -> ((f64, f64), Truncated<Normal<f64>, f64>) {
    let n = data.events.x.len() as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
    let precision = 1.0 + n;
    let a = (mean(&data.events.x) * n / precision, precision.recip().sqrt());
    (a, Truncated::new(Normal::new(mean(&data.events.y), n.recip().sqrt()), -1.0, 1.0))
}

/// Mean and sd of a density on an interval, by the rule of midpoints.
fn moments(low: f64, high: f64, log_density: impl Fn(f64) -> f64) -> (f64, f64) {
    let points: Vec<f64> = (0..2000).map(|i| low + (high - low) * (f64::from(i) + 0.5) / 2000.0).collect();
    let weights: Vec<f64> = points.iter().map(|x| log_density(*x).exp()).collect();
    let sum = |of: &dyn Fn(f64) -> f64| points.iter().zip(&weights).map(|(x, w)| w * of(*x)).sum::<f64>();
    let mean = sum(&|x| x) / sum(&|_| 1.0);
    (mean, (sum(&|x| (x - mean).powi(2)) / sum(&|_| 1.0)).sqrt())
}

/// How much is learned, and what is then asserted: ln of the ratio within so many nats on average over the posterior, and the
/// posterior within so many of the exact one.
struct Asked {
    sets: u64,
    ratio: f64,
    posterior: f64,
}

const EXACT: Asked = Asked { sets: 700_000, ratio: 0.1, posterior: 0.02 };
const ROUGH: Asked = Asked { sets: 40_000, ratio: 0.5, posterior: 0.2 };

fn check(name: &str, nre: Nre<'_, Pair>, up_to_a_factor: bool, asked: &Asked) -> RatioEstimator<Pair> {
    let estimator = nre.seed(seed(1)).train(Budget::simulations(asked.sets)).unwrap();
    let model = Pair::default();
    for n in [1, 4, 10] {
        let sets = model.simulate(20).size("events", n).seed(seed(7)).run().unwrap();
        let (mut off, mut divergence, mut factor) = (0.0, 0.0, 0.0);
        for s in &sets {
            let (a, b) = exact(&s.data);
            let (mean, sd) = moments(-1.0, 1.0, |x| b.log_density(x));
            let posterior = estimator.condition(&s.data).unwrap();
            // A grid over both, with the exact posterior as weights.
            let mut errors = Vec::new();
            for i in 0..40 {
                for j in 0..40 {
                    let (low, high) = ((mean - 4.0 * sd).max(-1.0), (mean + 4.0 * sd).min(1.0));
                    let at = PairGlobals {
                        a: a.0 + a.1 * (8.0 * (f64::from(i) + 0.5) / 40.0 - 4.0),
                        b: low + (high - low) * (f64::from(j) + 0.5) / 40.0,
                    };
                    let log_posterior = Normal::new(a.0, a.1).log_density(at.a) + b.log_density(at.b);
                    let log_prior = Normal::new(0.0, 1.0).log_density(at.a) - 2.0_f64.ln();
                    let error = posterior.log_ratio(&at) - (log_posterior - log_prior);
                    errors.push((log_posterior.exp(), error));
                    let density = posterior.log_posterior(&at).unwrap() - (log_prior + posterior.log_ratio(&at));
                    assert!((density + posterior.weighted().evidence().log).abs() < 1e-9);
                }
            }
            let mass: f64 = errors.iter().map(|(w, _)| w).sum();
            let mean_of = |of: &dyn Fn(f64) -> f64| errors.iter().map(|(w, e)| w / mass * of(*e)).sum::<f64>();
            let own = mean_of(&f64::exp).ln();
            let shift = if up_to_a_factor { own } else { 0.0 };
            off += mean_of(&|e| (e - shift).abs()) / sets.len() as f64;
            divergence += (own - mean_of(&|e| e)) / sets.len() as f64;
            factor += own / sets.len() as f64;
        }
        println!("{name}, n = {n}: off by {off:.4} nats, KL {divergence:.5}, ln factor {factor:.4}");
        within!(off, asked.ratio, "{name}, n = {n}: ln ratio is off by {off}");
        within!(divergence, asked.posterior, "{name}, n = {n}: the posterior is off by {divergence} nats");
    }
    estimator
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn the_ratio_of_a_conjugate_model_is_learned() {
    ratio_of_a_conjugate_model(&EXACT, 0.1, 0.07);
}

#[test]
fn the_ratio_of_a_conjugate_model_is_learned_roughly() {
    ratio_of_a_conjugate_model(&ROUGH, 0.5, 0.45);
}

/// Its posteriors, by weights and by chains, have means within so many sds and sds within such a share.
fn ratio_of_a_conjugate_model(asked: &Asked, sds: f64, share: f64) {
    let model = Pair::default();
    let estimator = check("NRE-C", model.nre(), false, asked);
    // One data set, whatever the seed: how many prior draws are near depends on it.
    let data = model.simulate(1).size("events", 8).seed(8).one().unwrap().data;
    let posterior = estimator.condition(&data).unwrap();
    let (a, b) = exact(&data);
    let (mean, sd) = moments(-1.0, 1.0, |x| b.log_density(x));
    let chains = posterior.nuts().seed(seed(1)).run().unwrap();
    println!("{posterior}\n{chains}");
    let summary = chains.summary();
    for (name, mean, sd) in [("a", a.0, a.1), ("b", mean, sd)] {
        let row = summary.rows.iter().find(|row| row.name == name).unwrap();
        for (found, of) in [(posterior.mean(name).unwrap(), posterior.sd(name).unwrap()), (row.mean, row.sd)] {
            within!((found - mean).abs(), sds * sd, "{name}: mean {found}, exact {mean} +- {sd}");
            within!((of / sd - 1.0).abs(), share, "{name}: sd {of}, exact {sd}");
        }
    }
    assert!(posterior.weighted().warnings().is_empty(), "{posterior}");
    within!(1000.0, posterior.weighted().effective_sample_size());
    within!(chains.rhat_max() - 1.0, 0.01);
    assert_eq!(chains.divergences(), 0);
    // Draws of the one are as those of the other: within 5 standard errors.
    let draws = posterior.sample(2000, seed(3)).swap_remove(1);
    let quantile = posterior.quantile("b", 0.3).unwrap();
    let share = draws.iter().filter(|b| **b < quantile).count() as f64 / 2000.0;
    within!((share - 0.3).abs(), 5.0 * (0.21_f64 / 1000.0).sqrt(), "{share}");
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn the_ratio_up_to_a_factor_is_learned() {
    check("NRE-B", Pair::default().nre().up_to_a_factor(), true, &EXACT);
}

#[test]
fn the_ratio_up_to_a_factor_is_learned_roughly() {
    check("NRE-B", Pair::default().nre().up_to_a_factor(), true, &ROUGH);
}

/// A short training is unsure; balance makes it less sure still, never surer.
#[test]
fn a_balanced_ratio_is_cautious() {
    let model = Pair::default();
    let sets = model.simulate(50).size("events", 10).seed(seed(9)).run().unwrap();
    let sd = |nre: Nre<'_, Pair>| {
        let estimator = nre.others(3).seed(seed(2)).train(Budget::simulations(8_000)).unwrap();
        sets.iter().map(|s| estimator.condition(&s.data).unwrap().sd("a").unwrap()).sum::<f64>() / 50.0
    };
    let (plain, balanced) = (sd(model.nre()), sd(model.nre().balanced(100.0)));
    println!("sd {plain:.3}, balanced {balanced:.3}, exact {:.3}", 11.0_f64.recip().sqrt());
    within!(plain, balanced, "{balanced} {plain}");
}

#[test]
fn a_saved_ratio_is_the_same_when_loaded_and_is_no_posterior() {
    let model = Pair::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratio.safetensors");
    let estimator = model.nre().globals(["a"]).train(Budget::simulations(2_000)).unwrap();
    estimator.save(&path).unwrap();
    let loaded = RatioEstimator::load(&model, &path).unwrap();
    let data = model.simulate(1).one().unwrap().data;
    let at = PairGlobals { a: 0.3, b: f64::NAN };
    let (one, other) = (estimator.condition(&data).unwrap(), loaded.condition(&data).unwrap());
    assert_eq!(one.log_ratio(&at), other.log_ratio(&at));
    assert_eq!((one.names(), one.log_posterior(&at)), (vec!["a".to_owned()], None));
    // What was not inferred has no draws.
    let chains = one.nuts().chains(1).draws(50).run().unwrap();
    assert!(chains.globals().all(|g| g.a.is_finite() && g.b.is_nan()));

    let error = PosteriorEstimator::load(&model, &path).unwrap_err().to_string();
    assert!(error.contains("it is a ratio"), "{error}");
    model.npe().train(Budget::simulations(1_000)).unwrap().save(&path).unwrap();
    let error = RatioEstimator::load(&model, &path).unwrap_err().to_string();
    assert!(error.contains("PosteriorEstimator::load"), "{error}");
    let error = model.nre().others(64).train(Budget::simulations(1_000)).unwrap_err().to_string();
    assert!(error.contains("the output has 64 others, it can have at most 63"), "{error}");
    let error = model.nre().others(40).train(Budget::simulations(1_000)).unwrap_err().to_string();
    assert!(error.contains("41 data sets are needed"), "{error}");
    let error = model.nre().gamma(0.0).train(Budget::simulations(1_000)).unwrap_err().to_string();
    assert!(error.contains("gamma are 0"), "{error}");
}

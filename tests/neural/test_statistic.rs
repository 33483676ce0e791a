//! Learned test statistics against the best ones there are, the ratio of the average likelihoods.

use hierarch::distributions::{Distribution, Normal, Poisson};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

model! {
    /// A count with a signal over a background, and a count of the background alone.
    pub OnOff {
        global mu ~ Uniform(0.0, 10.0);
        nuisance nu ~ Uniform(0.5, 2.0);
        observe on ~ Poisson(10.0 * mu + 20.0 * nu);
        observe off ~ Poisson(20.0 * nu);
    }
}

model! {
    /// Events of two kinds.
    pub Kinds {
        global fraction ~ Uniform(0.0, 1.0);
        plate events(40) {
            local signal ~ Bernoulli(fraction);
            let mean = if signal { 1.0 } else { -1.0 };
            observe x ~ Normal(mean, 0.8);
        }
    }
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest + (values.iter().map(|x| (x - highest).exp()).sum::<f64>() / values.len() as f64).ln()
}

/// Middles of equal parts of an interval.
fn middles(low: f64, high: f64, parts: u32) -> impl Iterator<Item = f64> + Clone {
    (0..parts).map(move |i| low + (high - low) * (f64::from(i) + 0.5) / f64::from(parts))
}

/// Of pairs of a learned and the exact statistic: the mean distance, and the correlation.
fn compare(pairs: &[(f64, f64)]) -> (f64, f64) {
    let n = pairs.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (a, b) = (mean(&|p| p.0), mean(&|p| p.1));
    let covariance = mean(&|p| (p.0 - a) * (p.1 - b));
    let variances = mean(&|p| (p.0 - a).powi(2)) * mean(&|p| (p.1 - b).powi(2));
    (mean(&|p| (p.0 - p.1).abs()), covariance / variances.sqrt())
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn nuisance_parameters_are_averaged_over() {
    nuisance_is_averaged_over(2_000_000, 0.1, 0.99);
}

#[test]
fn nuisance_parameters_are_averaged_over_roughly() {
    nuisance_is_averaged_over(60_000, 0.5, 0.9);
}

/// After so many data sets: off by so many nats on average, and such a correlation with the exact statistic at least.
fn nuisance_is_averaged_over(sets: u64, nats: f64, least: f64) {
    let model = OnOff::default();
    let statistic = model
        .test_statistic("mu")
        .hypotheses(3.0..=7.0)
        .delta(0.5..=2.0)
        .seed(seed(1))
        .train(Budget::simulations(sets))
        .unwrap();
    let likelihood = |data: &OnOffData, mu: f64| {
        let of = |nu: f64| {
            Poisson::new(10.0 * mu + 20.0 * nu).log_density(data.on as f64)
                + Poisson::new(20.0 * nu).log_density(data.off as f64)
        };
        log_mean_exp(&middles(0.5, 2.0, 200).map(of).collect::<Vec<_>>())
    };
    let sets = model.simulate(200).seed(seed(3)).run().unwrap();
    // Data at any signal, and hypotheses that an analysis would ask about: within 2.5 of the true one.
    let mut pairs = Vec::new();
    for s in &sets {
        for mu in [3.0, 4.0, 5.0, 6.0, 7.0].into_iter().filter(|mu| (mu - s.globals.mu).abs() < 2.5) {
            let delta = middles(0.5, 2.0, 40);
            let others: Vec<f64> =
                delta.flat_map(|d| [likelihood(&s.data, mu - d), likelihood(&s.data, mu + d)]).collect();
            let exact = log_mean_exp(&others) - likelihood(&s.data, mu);
            pairs.push((statistic.evaluate(&s.data, mu).unwrap(), exact));
        }
    }
    let (off, correlation) = compare(&pairs);
    println!("{} pairs: off by {off:.4}, correlation {correlation:.5}", pairs.len());
    within!(off, nats, "off by {off}, correlation {correlation}");
    within!(1.0 - correlation, 1.0 - least, "off by {off}, correlation {correlation}");

    // Several values at once are the same as one by one.
    let data = &sets[0].data;
    let both = statistic.evaluate_at(data, &[4.0, 5.5]).unwrap();
    within!((both[0] - statistic.evaluate(data, 4.0).unwrap()).abs(), 1e-9);
    let error = statistic.evaluate(data, -1.0).unwrap_err().to_string();
    assert!(error.contains("`mu` cannot be -1"), "{error}");
}

/// A learned histogram of 12 bins says of the events what their values do.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_learned_histogram_is_enough() {
    histogram_is_enough(2_000_000, 0.15, 0.98);
}

#[test]
fn a_learned_histogram_is_roughly_enough() {
    histogram_is_enough(40_000, 0.6, 0.9);
}

/// After so many data sets: off by so many nats on average, and such a correlation with the exact statistic at least.
fn histogram_is_enough(sets: u64, nats: f64, least: f64) {
    let model = Kinds::default();
    let training = model.test_statistic("fraction").hypotheses(0.3..=0.7).delta(0.1..=0.3);
    let statistic =
        training.network(NetworkConfig::learned_histogram(12)).seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    let likelihood = |data: &KindsData, fraction: f64| {
        let of = |x: &f64| {
            let part = |mean: f64| Normal::new(mean, 0.8).log_density(*x).exp();
            (fraction * part(1.0) + (1.0 - fraction) * part(-1.0)).ln()
        };
        data.events.x.iter().map(of).sum::<f64>()
    };
    let mut pairs = Vec::new();
    for s in model.simulate(300).seed(seed(3)).run().unwrap() {
        for at in [0.3, 0.4, 0.5, 0.6, 0.7].into_iter().filter(|at| (at - s.globals.fraction).abs() < 0.3) {
            let delta = middles(0.1, 0.3, 40);
            let others: Vec<f64> =
                delta.flat_map(|d| [likelihood(&s.data, at - d), likelihood(&s.data, at + d)]).collect();
            pairs.push((statistic.evaluate(&s.data, at).unwrap(), log_mean_exp(&others) - likelihood(&s.data, at)));
        }
    }
    let (off, correlation) = compare(&pairs);
    println!("{} pairs: off by {off:.4}, correlation {correlation:.5}", pairs.len());
    within!(off, nats, "off by {off}, correlation {correlation}");
    within!(1.0 - correlation, 1.0 - least, "off by {off}, correlation {correlation}");
}

#[test]
fn a_saved_statistic_is_the_same_when_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statistic.safetensors");
    let model = OnOff::default();
    let statistic = model.test_statistic("mu").train(Budget::simulations(2_000)).unwrap();
    statistic.save(&path).unwrap();
    let loaded = TestStatistic::load(&model, &path).unwrap();
    let data = OnOffData { on: 70, off: 21 };
    assert_eq!(statistic.evaluate(&data, 5.0).unwrap(), loaded.evaluate(&data, 5.0).unwrap());
}

#[test]
fn what_makes_no_sense_is_an_error() {
    let model = OnOff::default();
    let fails = |name: &str, delta: std::ops::RangeInclusive<f64>, hypotheses: std::ops::RangeInclusive<f64>| {
        let training = model.test_statistic(name).delta(delta).hypotheses(hypotheses);
        training.train(Budget::simulations(500)).unwrap_err().to_string()
    };
    let error = fails("mass", 0.5..=2.0, 3.0..=7.0);
    assert!(error.contains("no scalar global `mass`") && error.contains("`mu`, `nu`"), "{error}");
    let error = fails("mu", -1.0..=2.0, 3.0..=7.0);
    assert!(error.contains("distances of alternatives range from -1 to 2"), "{error}");
    let error = fails("mu", 0.5..=2.0, 7.0..=3.0);
    assert!(error.contains("hypotheses range from 7 to 3"), "{error}");
    let error = fails("mu", 20.0..=30.0, 3.0..=7.0);
    assert!(error.contains("no value of `mu`") && error.contains("smaller distances"), "{error}");
}

//! Data and draws at the edges of functions and of supports: posteriors by quadrature.

use hierarch::calibration::{Calibrate, NutsEstimator};
use hierarch::model::{Density, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};
use statrs::function::beta::ln_beta;

/// Returns the integral of exp(f) over [a, b] by the trapezoidal rule, exact here to more digits than are asserted.
fn integral(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let steps = 40_000;
    let h = (b - a) / steps as f64;
    (0..=steps).map(|i| if i % steps == 0 { 0.5 } else { 1.0 } * f(a + h * i as f64) * h).sum()
}

/// Returns the mean and the sd of a density, given up to a factor by its logarithm.
fn moments(log: impl Fn(f64) -> f64, a: f64, b: f64) -> [f64; 2] {
    let [whole, mean, square] = [0, 1, 2].map(|k| integral(|x| x.powi(k) * log(x).exp(), a, b));
    let mean = mean / whole;
    [mean, (square / whole - mean * mean).sqrt()]
}

model! {
    Power {
        global beta ~ Uniform(0.0, 2.0);
        plate points(1..=20) {
            given t: f64;
            observe y ~ Normal(t.powf(beta), 0.1);
        }
    }
}

model! {
    Root {
        global a ~ Normal(0.0, 10.0);
        global b ~ Normal(0.0, 10.0);
        plate points(1..=20) {
            given t: f64;
            let scale = (t * t).sqrt() + t.ln().exp() + (1.0 - t * t).acos() + t.atan2(0.0 * t);
            observe y ~ Normal(a + b * t.sqrt() + 0.0 * scale, 1.0);
        }
    }
}

const TIMES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const SEEN: [f64; 5] = [0.0, 0.287, 0.536, 0.772, 1.0];

/// 0 to the power of beta does not change with beta, though its slope by the base is infinite.
#[test]
fn a_power_of_zero() {
    let data = PowerData { points: PowerPoints { t: TIMES.into(), y: SEEN.into() } };
    let log = |beta: f64| -> f64 {
        TIMES.iter().zip(SEEN).skip(1).map(|(t, y)| -50.0 * (y - t.powf(beta)).powi(2)).sum::<f64>()
    };
    let [mean, sd] = moments(log, 0.0, 2.0);
    within!((mean - 0.944).abs(), 1e-3, "{mean}");
    let chains = Power::default().nuts(&data).seed(seed(1)).run().unwrap();
    // Five standard errors of at least 1,000 effective draws.
    within!((chains.mean("beta").unwrap() - mean).abs(), 5.0 * sd / 1000_f64.sqrt(), "{mean}\n{chains}");
    within!((chains.sd("beta").unwrap() / sd - 1.0).abs(), 5.0 / 1000_f64.sqrt(), "{sd}\n{chains}");
}

#[test]
fn steep_functions_of_data_at_their_edges() {
    let data = RootData { points: RootPoints { t: TIMES.into(), y: SEEN.into() } };
    let model = Root::default();
    let density = Density::new(&model, &data).unwrap();
    let (mut gradient, h) = ([0.0; 2], 1e-4);
    let mut at = |q: [f64; 2]| (density.clone().gradient(&q, &mut gradient), gradient);
    let (_, exact) = at([0.3, -0.7]);
    for (k, exact) in exact.into_iter().enumerate() {
        let mut moved = |by: f64| {
            let mut q = [0.3, -0.7];
            q[k] += by;
            at(q).0
        };
        let slope = (moved(h) - moved(-h)) / (2.0 * h);
        within!((exact - slope).abs(), 1e-6 * slope.abs(), "{k}: {exact}, not {slope}");
    }
}

model! {
    Coins {
        plate coins(1..=2000) {
            local p ~ Beta(0.1, 0.1);
            observe k ~ Binomial(20, p);
        }
    }
}

/// ln of the evidence of `k` of 20: a beta-binomial probability.
fn beta_binomial(k: f64) -> f64 {
    let ln_choose = statrs::function::factorial::ln_binomial(20, k as u64);
    ln_choose + ln_beta(k + 0.1, 20.1 - k) - ln_beta(0.1, 0.1)
}

/// The density of p goes on in its logit where p itself is rounded to 1: the evidence of 20 of 20 is that of none.
#[test]
fn both_sides_of_a_support_reach_as_far() {
    let model = Coins::default();
    for k in [0, 1, 10, 19, 20] {
        let data = CoinsData { coins: CoinsCoins { k: vec![k] } };
        let density = Density::new(&model, &data).unwrap();
        let log = |q: f64| density.clone().gradient(&[q], &mut [0.0]);
        let evidence = integral(|q| log(q).exp(), -600.0, 600.0).ln();
        within!((evidence - beta_binomial(k as f64)).abs(), 1e-6, "{k}: {evidence}");
    }
    within!((beta_binomial(20.0) - -1.026).abs(), 1e-3);
}

/// All simulations of a prior that piles up at its edges have a finite density, and so have posteriors.
#[test]
fn draws_at_the_edge_have_a_density() {
    let model = Coins::default();
    let sets = model.simulate(200).size("coins", 100).seed(seed(2)).run().unwrap();
    for set in &sets {
        let q = unconstrain(&model, &set.globals, Some((&set.locals, &set.data)));
        let mut density = Density::new(&model, &set.data).unwrap();
        let mut gradient = vec![0.0; q.len()];
        let value = density.gradient(&q, &mut gradient);
        assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{value} at {q:?}");
    }
    let data = CoinsData { coins: CoinsCoins { k: vec![20, 0, 7] } };
    let chains = model.nuts(&data).seed(seed(3)).run().unwrap();
    // 7 of 20: Beta(7.1, 13.1).
    within!((chains.mean("p[2]").unwrap() - 7.1 / 20.2).abs(), 0.01, "{chains}");
    let nuts = NutsEstimator::new(&model).warmup(200);
    let calibration = Calibrate::new(&model, &nuts).size("coins", 3).simulations(40).draws(40).seed(seed(4)).run();
    let p = calibration.unwrap().p_min();
    assert!(p > 1e-6, "{p}");
}

model! {
    Twins {
        global mu[2] ~ Normal(0.0, 5.0);
        plate events(1..=200) {
            observe x ~ Mixture([0.5, 0.5], [Normal(mu[0], 0.3), Normal(mu[1], 0.3)]);
        }
    }
}

/// Chains that have found different labels of the same two peaks are not told to run longer.
#[test]
fn exchanged_labels_are_named() {
    let x = (0..60).map(|i| if i % 2 == 0 { -2.0 } else { 2.0 } + 0.3 * (0.7 * f64::from(i)).sin()).collect();
    let data = TwinsData { events: TwinsEvents { x } };
    // With eight chains all have the same labels once in 128 seeds.
    let chains = Twins::default().nuts(&data).seed(seed(5)).chains(8).run().unwrap();
    let warnings = chains.warnings().join("\n");
    assert!(warnings.contains("several modes") && warnings.contains("`mu[0]` and `mu[1]` exchange"), "{chains}");
    assert!(!warnings.contains("run them longer"), "{warnings}");
}

/// A function whose value is finite everywhere, and whose gradient is not where x is above 1.
fn without_slope<T: Real>(x: T) -> T {
    let nothing = x * 0.0;
    if x.value() > 1.0 { x + (nothing.recip()).recip() } else { x }
}

model! {
    Broken {
        global x ~ Normal(0.0, 1.0);
        let y = without_slope(x);
        observe seen ~ Normal(y, 1.0);
    }
}

/// A point where only the gradient is missing is no divergence: a part of the posterior is cut off.
#[test]
fn a_gradient_that_is_missing_is_said() {
    let chains = Broken::default().nuts(&BrokenData { seen: 1.0 }).seed(seed(6)).run().unwrap();
    let warnings = chains.warnings().join("\n");
    assert!(warnings.contains("the log density was finite and its gradient was not"), "{chains}");
}

//! Joint posteriors of globals and locals, against exact ones.

#![allow(missing_docs)]

use hierarch::prelude::*;

model! {
    /// Normal random effects.
    pub Schools {
        global mu ~ Normal(0.0, 1.0);
        global tau ~ HalfNormal(1.0);
        plate schools(2..=20) {
            given sigma ~ Uniform(0.3, 1.5);
            local theta ~ Normal(mu, tau);
            observe y ~ Normal(theta, sigma);
        }
    }
}

/// Exact means and sds of mu, tau and each theta, by quadrature over tau: given it, all else is Gaussian.
fn exact(data: &SchoolsData) -> Vec<(f64, f64)> {
    let (y, sigma) = (&data.schools.y, &data.schools.sigma);
    let n = y.len();
    let mut sums = vec![(0.0, 0.0); n + 2];
    let mut total = 0.0;
    let mut terms = Vec::new();
    for i in 0..2000 {
        let tau = (f64::from(i) + 0.5) * 5.0 / 2000.0;
        // mu ~ N(0, 1), y_i ~ N(mu, tau^2 + sigma_i^2).
        let (mut precision, mut weighted, mut log_marginal) = (1.0, 0.0, -0.5 * tau * tau);
        for (y, sigma) in y.iter().zip(sigma) {
            let variance = tau * tau + sigma * sigma;
            precision += 1.0 / variance;
            weighted += y / variance;
            log_marginal -= 0.5 * (variance.ln() + y * y / variance);
        }
        log_marginal += 0.5 * (weighted * weighted / precision - precision.ln());
        let (mean, variance) = (weighted / precision, 1.0 / precision);
        let mut moments = vec![(mean, variance), (tau, 0.0)];
        for (y, sigma) in y.iter().zip(sigma) {
            // theta_i given mu is Gaussian with a mean that is linear in mu.
            let pull = tau * tau / (tau * tau + sigma * sigma);
            let own = pull * sigma * sigma;
            moments.push((pull * y + (1.0 - pull) * mean, own + (1.0 - pull).powi(2) * variance));
        }
        terms.push((log_marginal, moments));
    }
    let highest = terms.iter().map(|t| t.0).fold(f64::NEG_INFINITY, f64::max);
    for (log_marginal, moments) in terms {
        let weight = (log_marginal - highest).exp();
        total += weight;
        for (sum, (mean, variance)) in sums.iter_mut().zip(moments) {
            sum.0 += weight * mean;
            sum.1 += weight * (variance + mean * mean);
        }
    }
    sums.iter().map(|(m, s)| (m / total, (s / total - (m / total).powi(2)).sqrt())).collect()
}

/// The posterior of a school's theta from its own y alone: the prior is that of N(mu, tau) with both integrated over.
fn exact_alone(y: f64, sigma: f64) -> (f64, f64) {
    let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
    for i in 0..2000 {
        let tau = (f64::from(i) + 0.5) * 5.0 / 2000.0;
        let prior = 1.0 + tau * tau;
        let variance = prior + sigma * sigma;
        let weight = (-0.5 * (tau * tau + variance.ln() + y * y / variance)).exp();
        let (mean, own) = (y * prior / variance, prior * sigma * sigma / variance);
        total += weight;
        first += weight * mean;
        second += weight * (own + mean * mean);
    }
    (first / total, (second / total - (first / total).powi(2)).sqrt())
}

/// Means within 0.05 sd and sds within 3 % on average over data sets and schools, with the hierarchy and without.
#[test]
fn locals_are_those_of_a_normal_random_effects_model() {
    let model = Schools::default();
    let joint = model.joint_npe().seed(1).train(Budget::sets(400_000)).unwrap();
    let alone = model.joint_npe().each_alone().seed(2).train(Budget::sets(400_000)).unwrap();
    let sets = model.simulate(40).size("schools", 8).seed(3).run().unwrap();
    let (mut shift, mut ratio, mut shift_alone, mut ratio_alone) = (0.0, 0.0, 0.0, 0.0);
    let mut gain = 0.0;
    for set in &sets {
        let exact = exact(&set.data);
        let (belief, single) = (joint.condition(&set.data).unwrap(), alone.condition(&set.data).unwrap());
        let (told, told_alone) = (belief.summary(), single.summary());
        for i in 0..8 {
            let name = format!("theta[{i}]");
            let row = |summary: &hierarch::sampling::Summary| {
                let row = summary.rows.iter().find(|r| r.name == name).unwrap();
                (row.mean, row.sd)
            };
            let ((mean, sd), (expected, expected_sd)) = (row(&told), exact[2 + i]);
            shift += ((mean - expected) / expected_sd).abs() / 320.0;
            ratio += sd / expected_sd / 320.0;
            let ((mean, sd), (expected, alone_sd)) =
                (row(&told_alone), exact_alone(set.data.schools.y[i], set.data.schools.sigma[i]));
            shift_alone += ((mean - expected) / alone_sd).abs() / 320.0;
            ratio_alone += sd / alone_sd / 320.0;
            gain += expected_sd / alone_sd / 320.0;
        }
    }
    println!(
        "with the hierarchy: shift {shift:.4}, sd ratio {ratio:.4}; alone: {shift_alone:.4}, {ratio_alone:.4}; gain {gain:.3}"
    );
    assert!(shift < 0.05 && (ratio - 1.0).abs() < 0.03, "with the hierarchy: shift {shift}, ratio {ratio}");
    assert!(shift_alone < 0.05 && (ratio_alone - 1.0).abs() < 0.03, "alone: shift {shift_alone}, ratio {ratio_alone}");
}

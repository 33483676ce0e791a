//! Vectors and matrices that are one draw: ordered numbers, numbers that sum to zero, factors of correlation matrices; globals of
//! two dimensions.

use hierarch::distributions::{Dirichlet, Distribution, Normal, ZeroSumNormal};
use hierarch::model::{AsNumbers, log_density, names};
use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score, check_statements};
use hierarch_tests::{agrees, seed};

model! {
    /// A mixture: its first component is the one with the smaller mean.
    pub Mixed {
        global mu[2] ~ Ordered(Normal(0.0, 2.0));
        global sd[2] ~ LogNormal(0.0, 0.5);
        global theta ~ Beta(5.0, 5.0);
        plate rows(1..=20) {
            local second ~ Bernoulli(theta);
            observe y ~ if second { Normal(mu[1], sd[1]) } else { Normal(mu[0], sd[0]) };
        }
    }
}

model! {
    /// Intercepts and slopes that vary together, effects beside a mean, and coefficients by kind.
    pub Slopes {
        global eta ~ Gamma(4.0, 2.0);
        global correlations[3][3] ~ LkjCholesky(eta);
        global tau[3] ~ LogNormal(0.0, 0.3);
        global mu[3] ~ Normal(0.0, 1.0);
        global scale ~ LogNormal(0.0, 0.3);
        global effect[4] ~ ZeroSumNormal(scale);
        global b[i in 0..4][j in 0..2] ~ Normal(mu[j], 1.0 + i as f64);
        let factor = diag(tau) * correlations;
        plate groups(4) {
            given kind ~ Categorical([0.2, 0.3, 0.2, 0.3]);
            local beta[3] ~ MvNormalCholesky(mu, factor);
            local own[2] ~ ZeroSumNormal(scale);
            observe pair[i in 0..2] ~ Normal(own[i], 1.0);
            plate rows(3) {
                given x ~ Normal(0.0, 1.0);
                observe y ~ Normal(dot(beta, [1.0, x, x * x]) + b[kind][1] * x + b[2][0] + effect[kind] + own[1], 0.5);
            }
        }
    }
}

model! {
    /// Ordered numbers above a bound, below one, and between two, of which one varies.
    pub Bounds {
        global top ~ Uniform(3.0, 4.0);
        global cuts[3] ~ Ordered(Uniform(-2.0, top));
        global below[2] ~ Ordered(Truncated(Normal(0.0, 1.0), f64::NEG_INFINITY, 1.0));
        plate rows(5) {
            local times[2] ~ Ordered(Exponential(1.0));
            observe y[i in 0..3] ~ Normal(cuts[i] + times[0] - times[1] + below[0] * below[1], 1.0);
        }
    }
}

model! {
    /// Matrices of which each row is a draw: probabilities, numbers in order, numbers whose sum is zero.
    pub ByRow {
        global share[k in 0..2][3] ~ Dirichlet([1.0 + k as f64, 2.0, 3.0]);
        global mean[2][2] ~ MvNormal([1.0, 2.0], diag([4.0, 0.5]));
        global cuts[3][2] ~ Ordered(Normal(0.0, 1.0));
        global effect[2][3] ~ ZeroSumNormal(1.0);
        plate rows(4) {
            local c ~ Categorical(share[1]);
            observe y[2] ~ MvNormalCholesky([mean[0][1] * share[1][0] + effect[1][c], cuts[2][1]], diag([0.5, 1.0]));
        }
    }
}

/// The gradient is right, and the density is that of the statements on plain numbers and of the map's Jacobian.
fn check<M: Likelihood + Generative>(model: &M) {
    check_gradient(model, 10);
    check_statements(model);
}

#[test]
fn densities_of_vectors_are_those_of_their_draws() {
    check(&Mixed::default());
    check(&Slopes::default());
    check(&Bounds::default());
    check(&ByRow::default());
    check_score(&Mixed::default(), &[("rows", 10)], 4000);
    check_score(&Slopes::default(), &[], 4000);
    check_score(&Bounds::default(), &[], 4000);
    check_score(&ByRow::default(), &[], 4000);
}

/// Each row has the distribution of a vector of its own.
#[test]
fn rows_are_drawn_one_by_one() {
    let set = ByRow::default().simulate(1).seed(seed(7)).one().unwrap().globals;
    let of = |row: [f64; 3], k: f64| Dirichlet::new([1.0 + k, 2.0, 3.0]).log_density(row);
    let expected = of(set.share[0], 0.0)
        + of(set.share[1], 1.0)
        + set
            .mean
            .map(|row| Normal::new(1.0, 2.0).log_density(row[0]) + Normal::new(2.0, 0.5_f64.sqrt()).log_density(row[1]))
            .iter()
            .sum::<f64>()
        + set
            .cuts
            .map(|row| 2.0_f64.ln() + row.map(|x| Normal::new(0.0, 1.0).log_density(x)).iter().sum::<f64>())
            .iter()
            .sum::<f64>()
        + set.effect.map(|row| ZeroSumNormal::new(1.0).log_density(row)).iter().sum::<f64>();
    let found = hierarch::model::log_prior(&ByRow::default(), &set);
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");
    assert!(set.cuts.iter().all(|row| row.is_sorted()));
}

model! {
    /// Priors alone.
    pub Priors {
        global factor_of[3][3] ~ LkjCholesky(2.0);
        let last = factor_of[2][0] * factor_of[1][0] + factor_of[2][1] * factor_of[1][1];
        global effect[3] ~ ZeroSumNormal(0.5);
        global cuts[3] ~ Ordered(Uniform(0.0, 1.0));
        factor 0;
    }
}

/// Correlations have a beta distribution on (-1, 1), the same for all pairs; ordered uniform numbers those of order statistics.
#[test]
fn vectors_have_their_known_marginals() {
    let chains = Priors::default().nuts(&PriorsData {}).draws(10_000).seed(seed(5)).run().unwrap();
    // Beta(eta - 1 + K / 2, the same).
    let sd = (1.0_f64 / 6.0).sqrt();
    agrees(&chains, "last", 0.0, sd, 4.5);
    agrees(&chains, "factor_of[1][0]", 0.0, sd, 4.5);
    agrees(&chains, "factor_of[2][0]", 0.0, sd, 4.5);
    agrees(&chains, "effect[2]", 0.0, 0.5 * (2.0_f64 / 3.0).sqrt(), 4.5);
    for k in 0..3 {
        let a = f64::from(k + 1);
        let b = 4.0 - a;
        agrees(&chains, &format!("cuts[{k}]"), a / 4.0, (a * b / (16.0 * 5.0)).sqrt(), 4.5);
    }
}

/// Names, values and files of a global of two dimensions, and what is not a vector of its kind.
#[test]
fn matrices_have_rows_and_columns() {
    let model = Slopes::default();
    let set = model.simulate(1).seed(seed(6)).one().unwrap();
    let names = names(&model, None);
    let at = names.iter().position(|name| name == "b[3][1]").unwrap();
    assert_eq!(set.globals.to_numbers()[at], set.globals.b[3][1]);
    assert_eq!(names[1..4], ["correlations[0][0]", "correlations[0][1]", "correlations[0][2]"]);
    let text = serde_json::to_string(&set.globals).unwrap();
    assert_eq!(serde_json::from_str::<SlopesGlobals>(&text).unwrap(), set.globals);
    for globals in [
        SlopesGlobals { effect: [0.0, 0.1, 0.2, 0.3], ..set.globals.clone() },
        SlopesGlobals { correlations: [[1.0; 3]; 3], ..set.globals.clone() },
    ] {
        let error = model.simulate(1).at(&globals).one().unwrap_err().to_string();
        assert!(error.contains("outside its support"), "{error}");
    }
}

model! {
    /// What an element picks of vectors of the plate around: of a local, of data and of a `let`, by data and by what is summed out.
    pub Picked {
        global mu ~ Normal(0.0, 1.0);
        plate people(1..=6) {
            local theta[3] ~ Normal(mu, 1.0);
            given w[2] ~ Normal(0.0, 1.0);
            let both = [theta[0], 2.0 * w[1]];
            plate answers(1..=4) {
                given dimension ~ Categorical([0.5, 0.2, 0.3]);
                given side ~ Categorical([0.5, 0.5]);
                local kind ~ Categorical([0.3, 0.7]);
                observe yes ~ BernoulliLogit(theta[dimension] + w[side] + both[side] + theta[kind] + both[kind]);
            }
        }
    }
}

#[test]
fn numbers_of_vectors_of_the_plate_around_are_picked() {
    let model = Picked::default();
    let normal = |x: f64, mean: f64| Normal::new(mean, 1.0).log_density(x);
    for set in model.simulate(5).seed(seed(11)).run().unwrap() {
        let (mu, people, locals) = (set.globals.mu, &set.data.people, &set.locals.people);
        let mut expected = normal(mu, 0.0);
        for (i, theta) in locals.theta.iter().enumerate() {
            expected += theta.iter().map(|x| normal(*x, mu)).sum::<f64>();
            let (w, answers) = (people.w[i], &people.answers);
            let both = [theta[0], 2.0 * w[1]];
            for j in answers.offsets[i]..answers.offsets[i + 1] {
                let of = |kind: usize| {
                    let side = answers.side[j];
                    let logit = theta[answers.dimension[j]] + w[side] + both[side] + theta[kind] + both[kind];
                    1.0 / (1.0 + if answers.yes[j] { (-logit).exp() } else { logit.exp() })
                };
                expected += (0.3 * of(0) + 0.7 * of(1)).ln();
            }
        }
        let found = log_density(&model, &set.globals, &set.locals, &set.data).unwrap();
        assert!((found - expected).abs() < 1e-10 * expected.abs(), "{found} {expected}");
    }
    check_gradient(&model, 5);
    check_score(&model, &[("people", 2), ("answers", 3)], 20_000);
}

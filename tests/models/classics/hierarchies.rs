//! Groups that differ: intercepts, slopes and effects that share a distribution.

use hierarch::prelude::*;

use super::exact::{Coefficients, all_known, grid, normal, over_normal, sample_closely, successes, under_normal};

model! {
    /// Growth of rats, each by its own line.
    pub Rats {
        global alpha ~ Normal(0, 2);
        global beta ~ Normal(0, 2);
        global sigma_alpha ~ LogNormal(-1, 0.5);
        global sigma_beta ~ LogNormal(-1, 0.5);
        global sigma ~ LogNormal(-1, 0.5);
        plate rats(1..=30) {
            local a ~ Normal(alpha, sigma_alpha);
            local b ~ Normal(beta, sigma_beta);
            plate weeks(1..=5) {
                given t: f64;
                observe weight ~ Normal(a + b * t, sigma);
            }
        }
    }
}

#[test]
fn rats() {
    let weight = [[-1.4, 0.3, 1.6], [-0.9, 0.9, 2.0], [-1.3, -0.3, 1.2], [-0.7, 0.5, 1.3]];
    let times = [-1.0, 0.0, 1.0];
    let exact = |[sigma_alpha, sigma_beta, sigma]: [f64; 3]| {
        let mut posterior = Coefficients::new(10);
        (0..2).for_each(|i| posterior.row(&[(i, 1.0)], 0.0, 2.0));
        for (rat, weight) in weight.iter().enumerate() {
            let (a, b) = (2 + 2 * rat, 3 + 2 * rat);
            posterior.row(&[(a, 1.0), (0, -1.0)], 0.0, sigma_alpha);
            posterior.row(&[(b, 1.0), (1, -1.0)], 0.0, sigma_beta);
            times.iter().zip(weight).for_each(|(t, y)| posterior.row(&[(a, 1.0), (b, *t)], *y, sigma));
        }
        posterior.solve()
    };
    // Of the logarithms of the sds.
    let over = grid([(-3.2, 1.2), (-3.2, 1.2), (-3.2, 0.5)], 16, |log_sds| {
        exact(log_sds.map(f64::exp)).0 + log_sds.iter().map(|log| normal(*log, -1.0, 0.5)).sum::<f64>()
    });
    let mut known: Vec<_> = [0, 1, 2, 7].map(|i| over.mixed(|log_sds| exact(log_sds.map(f64::exp)).1[i])).into();
    known.extend((0..3).map(|i| over.of(|log_sds| log_sds[i].exp())));
    let weeks =
        RatsWeeks { t: times.repeat(4), weight: weight.concat(), offsets: (0..=4).map(|rat| 3 * rat).collect() };
    let names = ["alpha", "beta", "a[0]", "b[2]", "sigma_alpha", "sigma_beta", "sigma"];
    all_known(&sample_closely::<Rats>(&RatsData { rats: RatsRats { weeks } }), &names, &known);
}

model! {
    /// Radon in houses of counties, of which the soil is known.
    pub Radon {
        global mu ~ Normal(0, 2);
        global of_uranium ~ Normal(0, 1);
        global of_floor ~ Normal(0, 1);
        global tau ~ HalfNormal(1);
        global sigma ~ HalfNormal(1);
        plate counties(1..=100) {
            given uranium: f64;
            local eta ~ Normal(0, 1);
            let intercept = mu + of_uranium * uranium + tau * eta;
            plate houses(1..=50) {
                given floor: f64;
                observe radon ~ Normal(intercept + of_floor * floor, sigma);
            }
        }
    }
}

#[test]
fn radon() {
    let uranium = [-0.8, -0.2, 0.1, 0.6, 0.9];
    let houses: [&[(f64, f64)]; 5] = [
        &[(0.0, 0.6), (1.0, -0.3)],
        &[(0.0, 1.4), (0.0, 0.7), (1.0, 0.9)],
        &[(0.0, 1.0)],
        &[(0.0, 2.1), (1.0, 0.8), (0.0, 1.3)],
        &[(0.0, 1.6), (0.0, 2.4)],
    ];
    let exact = |[tau, sigma]: [f64; 2]| {
        let mut posterior = Coefficients::new(8);
        for (i, sd) in [2.0, 1.0, 1.0].into_iter().enumerate() {
            posterior.row(&[(i, 1.0)], 0.0, sd);
        }
        for (county, houses) in houses.iter().enumerate() {
            posterior.row(&[(3 + county, 1.0), (0, -1.0), (1, -uranium[county])], 0.0, tau);
            houses.iter().for_each(|(floor, y)| posterior.row(&[(3 + county, 1.0), (2, *floor)], *y, sigma));
        }
        posterior.solve()
    };
    let over = grid([(0.0, 4.0), (0.0, 3.0)], 80, |sds| {
        exact(sds).0 + sds.iter().map(|sd| normal(*sd, 0.0, 1.0)).sum::<f64>()
    });
    let mut known: Vec<_> = [0, 1, 2, 5].map(|i| over.mixed(|sds| exact(sds).1[i])).into();
    known.extend(over.axes());
    let (floor, radon) = houses.concat().into_iter().unzip();
    let houses = RadonHouses { floor, radon, offsets: vec![0, 2, 5, 6, 9, 11] };
    let data = RadonData { counties: RadonCounties { uranium: uranium.to_vec(), houses } };
    all_known(
        &sample_closely::<Radon>(&data),
        &["mu", "of_uranium", "of_floor", "intercept[2]", "tau", "sigma"],
        &known,
    );
}

model! {
    /// Waiting times in cafes, where those that are slow in the morning gain more by the afternoon.
    pub Cafes {
        param sigma: f64 = 0.4;
        global mu[2] ~ Normal(0, 2);
        global tau[2] ~ LogNormal(-0.7, 0.5);
        global correlations[2][2] ~ LkjCholesky(2);
        let factor = diag(tau) * correlations;
        plate cafes(1..=20) {
            local z[2] ~ Normal(0, 1);
            let own = matvec(factor, z);
            let intercept = mu[0] + own[0];
            let slope = mu[1] + own[1];
            plate visits(1..=10) {
                given afternoon: f64;
                observe wait ~ Normal(intercept + slope * afternoon, sigma);
            }
        }
    }
}

#[test]
fn cafes() {
    let wait = [[1.9, 0.6, 2.2, 0.5], [0.6, 0.1, 0.2, 0.3], [1.4, 0.7, 1.1, 0.4], [2.4, 0.4, 2.7, 1.0]];
    let afternoon = [0.0, 1.0, 0.0, 1.0];
    let exact = |[log_a, log_b, rho]: [f64; 3]| {
        let (tau_a, tau_b) = (log_a.exp(), log_b.exp());
        let mut posterior = Coefficients::new(10);
        (0..2).for_each(|i| posterior.row(&[(i, 1.0)], 0.0, 2.0));
        for (cafe, wait) in wait.iter().enumerate() {
            let (a, b) = (2 + 2 * cafe, 3 + 2 * cafe);
            // The slope given the intercept.
            let by = rho * tau_b / tau_a;
            posterior.row(&[(a, 1.0), (0, -1.0)], 0.0, tau_a);
            posterior.row(&[(b, 1.0), (1, -1.0), (a, -by), (0, by)], 0.0, tau_b * (1.0 - rho * rho).sqrt());
            afternoon.iter().zip(wait).for_each(|(x, y)| posterior.row(&[(a, 1.0), (b, *x)], *y, 0.4));
        }
        posterior.solve()
    };
    let over = grid([(-2.7, 1.5), (-2.9, 1.5), (-1.0, 1.0)], 20, |at| {
        let prior = normal(at[0], -0.7, 0.5) + normal(at[1], -0.7, 0.5) + (1.0 - at[2] * at[2]).ln();
        prior + exact(at).0
    });
    let mut known: Vec<_> = [0, 1, 2, 9].map(|i| over.mixed(|at| exact(at).1[i])).into();
    known.extend([over.of(|at| at[0].exp()), over.of(|at| at[1].exp()), over.axes()[2]]);
    let visits = CafesVisits {
        afternoon: afternoon.repeat(4),
        wait: wait.concat(),
        offsets: (0..=4).map(|cafe| 4 * cafe).collect(),
    };
    let names = ["mu[0]", "mu[1]", "intercept[0]", "slope[3]", "tau[0]", "tau[1]", "correlations[1][0]"];
    all_known(&sample_closely::<Cafes>(&CafesData { cafes: CafesCafes { visits } }), &names, &known);
}

model! {
    /// Tadpoles that survive in tanks.
    pub Tadpoles {
        global mean ~ Normal(0, 1.5);
        global sd ~ Exponential(1);
        plate tanks(1..=48) {
            given density: u64;
            local z ~ Normal(0, 1);
            let alpha = mean + sd * z;
            let survival = alpha.sigmoid();
            observe alive ~ Binomial(density, logit = alpha);
        }
    }
}

#[test]
fn tadpoles() {
    let (density, alive) = (vec![10, 10, 25, 25, 35, 10], vec![9, 10, 17, 20, 13, 7]);
    let tank = |[mean, sd]: [f64; 2], i: usize, z: f64| successes(alive[i], density[i], mean + sd * z);
    let over = grid([(-3.0, 5.0), (0.0, 5.0)], 60, |at| {
        normal(at[0], 0.0, 1.5) - at[1] + (0..6).map(|i| over_normal(|z| tank(at, i, z))).sum::<f64>()
    });
    let survival = |i| over.mixed(|at| under_normal(|z| tank(at, i, z), |z| 1.0 / (1.0 + (-at[0] - at[1] * z).exp())));
    let [mean, sd] = over.axes();
    let known = [mean, sd, survival(1), survival(4)];
    let tanks = TadpolesTanks { density: density.clone(), alive: alive.clone() };
    let names = ["mean", "sd", "survival[1]", "survival[4]"];
    all_known(&sample_closely::<Tadpoles>(&TadpolesData { tanks }), &names, &known);
}

model! {
    /// Seeds of two kinds on two extracts, with plates that differ.
    pub Seeds {
        global a[2][2] ~ Normal(0, 1);
        global sigma ~ HalfNormal(0.5);
        let of_extract = a[0][1] - a[0][0];
        plate plates(1..=21) {
            given kind: usize;
            given extract: usize;
            given sown: u64;
            local z ~ Normal(0, 1);
            observe grown ~ Binomial(sown, logit = a[kind][extract] + sigma * z);
        }
    }
}

/// Given the sd, the four cells of the table are independent.
#[test]
fn seeds() {
    let (sown, grown) = (vec![19, 12, 11, 16, 20, 15, 13, 8], vec![5, 4, 8, 7, 6, 5, 8, 2]);
    let cell = |sigma: f64, cell: usize, a: f64| {
        [2 * cell, 2 * cell + 1].map(|i| over_normal(|z| successes(grown[i], sown[i], a + sigma * z))).iter().sum()
    };
    let over = grid([(0.0, 2.5)], 40, |[sigma]| {
        normal(sigma, 0.0, 0.5) + (0..4).map(|i| over_normal(|a| cell(sigma, i, a))).sum::<f64>()
    });
    // The mean of a logit that may be negative by that of a number that is not.
    let logit = |i| {
        over.mixed(|[sigma]| {
            let (mean, sd) = under_normal(|a| cell(sigma, i, a), |a| a + 10.0);
            (mean - 10.0, sd)
        })
    };
    let difference = over.mixed(|[sigma]| {
        let [low, high] = [0, 1].map(|i| under_normal(|a| cell(sigma, i, a), |a| a + 10.0));
        (high.0 - low.0, high.1.hypot(low.1))
    });
    let known = [logit(0), logit(1), logit(3), difference, over.axes()[0]];
    let plates = SeedsPlates {
        kind: vec![0, 0, 0, 0, 1, 1, 1, 1],
        extract: vec![0, 0, 1, 1, 0, 0, 1, 1],
        sown: sown.clone(),
        grown: grown.clone(),
    };
    let names = ["a[0][0]", "a[0][1]", "a[1][1]", "of_extract", "sigma"];
    all_known(&sample_closely::<Seeds>(&SeedsData { plates }), &names, &known);
}

model! {
    /// A variance between treatments, whose effects sum to zero.
    pub Treatments {
        global mean ~ Normal(0, 5);
        global scale ~ HalfNormal(1);
        global sigma ~ HalfNormal(1);
        global effect[4] ~ ZeroSumNormal(scale);
        plate plots(1..=100) {
            given treatment: usize;
            observe harvest ~ Normal(mean + effect[treatment], sigma);
        }
    }
}

#[test]
fn treatments() {
    let treatment = vec![0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3];
    let harvest = vec![3.1, 2.6, 2.9, 3.7, 3.3, 4.2, 2.0, 2.5, 1.8, 3.2, 3.0, 3.7];
    let exact = |[scale, sigma]: [f64; 2]| {
        let mut posterior = Coefficients::new(5);
        posterior.row(&[(4, 1.0)], 0.0, 5.0);
        (0..4).for_each(|k| posterior.row(&[(k, 1.0)], 0.0, scale));
        // Independent effects given that their sum is zero, where its density is 1 / scale times a constant.
        posterior.row(&[(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)], 0.0, 1e-4);
        treatment.iter().zip(&harvest).for_each(|(k, y)| posterior.row(&[(4, 1.0), (*k, 1.0)], *y, sigma));
        let (log, known) = posterior.solve();
        (log + scale.ln(), known)
    };
    let over = grid([(0.0, 4.0), (0.0, 2.0)], 80, |sds| {
        exact(sds).0 + sds.iter().map(|sd| normal(*sd, 0.0, 1.0)).sum::<f64>()
    });
    let mut known: Vec<_> = [4, 0, 3].map(|i| over.mixed(|sds| exact(sds).1[i])).into();
    known.extend(over.axes());
    let plots = TreatmentsPlots { treatment: treatment.clone(), harvest: harvest.clone() };
    let names = ["mean", "effect[0]", "effect[3]", "scale", "sigma"];
    all_known(&sample_closely::<Treatments>(&TreatmentsData { plots }), &names, &known);
}

model! {
    /// Samples of a drug on dishes: two effects that cross, in long form.
    pub Penicillin {
        global mean ~ Normal(0, 5);
        global sd_dish ~ LogNormal(-0.5, 0.5);
        global sd_batch ~ LogNormal(-0.5, 0.5);
        global sigma ~ LogNormal(-1, 0.5);
        plate dishes(1..=24) {
            local of_dish ~ Normal(0, sd_dish);
        }
        plate batches(1..=6) {
            local of_batch ~ Normal(0, sd_batch);
        }
        plate readings(1..=144) {
            given dish: index(dishes);
            given batch: index(batches);
            observe diameter ~ Normal(mean + of_dish[dish] + of_batch[batch], sigma);
        }
    }
}

#[test]
fn penicillin() {
    let diameter = [[2.7, 2.3, 1.6], [2.8, 2.1, 1.9], [3.4, 3.0, 2.3], [2.6, 1.6, 1.4]];
    let exact = |[sd_dish, sd_batch, sigma]: [f64; 3]| {
        let mut posterior = Coefficients::new(8);
        posterior.row(&[(0, 1.0)], 0.0, 5.0);
        (1..5).for_each(|i| posterior.row(&[(i, 1.0)], 0.0, sd_dish));
        (5..8).for_each(|i| posterior.row(&[(i, 1.0)], 0.0, sd_batch));
        for (dish, diameters) in diameter.iter().enumerate() {
            for (batch, y) in diameters.iter().enumerate() {
                posterior.row(&[(0, 1.0), (1 + dish, 1.0), (5 + batch, 1.0)], *y, sigma);
            }
        }
        posterior.solve()
    };
    let over = grid([(-2.7, 1.5), (-2.7, 1.5), (-2.9, 0.2)], 16, |logs| {
        let prior = normal(logs[0], -0.5, 0.5) + normal(logs[1], -0.5, 0.5) + normal(logs[2], -1.0, 0.5);
        prior + exact(logs.map(f64::exp)).0
    });
    let mut known: Vec<_> = [0, 3, 5].map(|i| over.mixed(|logs| exact(logs.map(f64::exp)).1[i])).into();
    known.extend((0..3).map(|i| over.of(|logs| logs[i].exp())));
    let data = PenicillinData {
        dishes: PenicillinDishes { size: 4 },
        batches: PenicillinBatches { size: 3 },
        readings: PenicillinReadings {
            dish: (0..12).map(|i| i / 3).collect(),
            batch: (0..12).map(|i| i % 3).collect(),
            diameter: diameter.concat(),
        },
    };
    let names = ["mean", "of_dish[2]", "of_batch[0]", "sd_dish", "sd_batch", "sigma"];
    all_known(&sample_closely::<Penicillin>(&data), &names, &known);
}

model! {
    /// Trials of a drug: deaths with it and without it.
    pub Blocker {
        global effect ~ Normal(0, 1);
        global tau ~ LogNormal(-1, 0.5);
        plate trials(1..=22) {
            given n: u64;
            given n_treated: u64;
            local base ~ Normal(-2, 1);
            local z ~ Normal(0, 1);
            observe deaths ~ Binomial(n, logit = base);
            observe deaths_treated ~ Binomial(n_treated, logit = base + effect + tau * z);
        }
    }
}

#[test]
fn blocker() {
    let n = vec![[39, 38], [116, 114], [93, 69], [52, 53], [31, 29]];
    let deaths = vec![[3, 3], [14, 7], [11, 5], [9, 6], [8, 2]];
    let over = grid([(-3.0, 2.0), (-3.0, 1.2)], 24, |[effect, log_tau]| {
        let trial = |i: usize| {
            over_normal(|z| {
                let base = -2.0 + z;
                let with = |own| successes(deaths[i][1], n[i][1], base + effect + log_tau.exp() * own);
                successes(deaths[i][0], n[i][0], base) + over_normal(with)
            })
        };
        normal(effect, 0.0, 1.0) + normal(log_tau, -1.0, 0.5) + (0..5).map(trial).sum::<f64>()
    });
    let known = [over.axes()[0], over.of(|[_, log_tau]| log_tau.exp())];
    let arm = |numbers: &[[u64; 2]], arm: usize| numbers.iter().map(|numbers| numbers[arm]).collect();
    let trials = BlockerTrials {
        n: arm(&n, 0),
        n_treated: arm(&n, 1),
        deaths: arm(&deaths, 0),
        deaths_treated: arm(&deaths, 1),
    };
    let data = BlockerData { trials };
    all_known(&sample_closely::<Blocker>(&data), &["effect", "tau"], &known);
}

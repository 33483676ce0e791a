//! Counts: rates, shares, tables, and numbers with too many zeros or too much spread.

use hierarch::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::exact::{all_known, beta, gamma, grid, normal, over_normal, poisson, sample, sample_closely, successes};

model! {
    /// Tools of islands by population and contact, with an intercept for each kind.
    pub Tools {
        global a[2] ~ Normal(3, 0.5);
        global b ~ Normal(0, 0.2);
        plate islands(1..=20) {
            given log_population: f64;
            given contact: bool;
            observe tools ~ Poisson(log_rate = a[if contact { 1 } else { 0 }] + b * log_population);
        }
    }
}

#[test]
fn tools() {
    let log_population = vec![-1.3, -1.1, -0.6, 0.1, 0.3, -0.2, 0.6, 1.2];
    let contact = vec![false, false, false, true, true, true, false, true];
    let tools = vec![13, 22, 24, 43, 33, 29, 35, 55];
    let over = grid([(2.0, 5.0), (2.0, 5.0), (-0.6, 1.2)], 60, |[low, high, b]| {
        let row = |i: usize| poisson(tools[i], if contact[i] { high } else { low } + b * log_population[i]);
        normal(low, 3.0, 0.5) + normal(high, 3.0, 0.5) + normal(b, 0.0, 0.2) + (0..8).map(row).sum::<f64>()
    });
    let islands =
        ToolsIslands { log_population: log_population.clone(), contact: contact.clone(), tools: tools.clone() };
    all_known(&sample::<Tools>(&ToolsData { islands }), &["a[0]", "a[1]", "b"], &over.axes());
}

model! {
    /// Manuscripts of two monasteries, one counted by day and one by week.
    pub Manuscripts {
        global a ~ Normal(0, 1);
        global b ~ Normal(0, 1);
        plate reports(1..=50) {
            given days: f64;
            given second: bool;
            let per_day = a + if second { b } else { 0.0 };
            observe finished ~ Poisson(log_rate = days.ln() + per_day);
        }
    }
}

#[test]
fn manuscripts() {
    let days = vec![1.0, 1.0, 1.0, 1.0, 1.0, 7.0, 7.0];
    let second = vec![false, false, false, false, false, true, true];
    let finished = vec![2, 0, 1, 3, 1, 4, 2];
    let over = grid([(-3.0, 3.0), (-4.0, 3.0)], 150, |[a, b]| {
        let row = |i: usize| poisson(finished[i], days[i].ln() + a + if second[i] { b } else { 0.0 });
        normal(a, 0.0, 1.0) + normal(b, 0.0, 1.0) + (0..7).map(row).sum::<f64>()
    });
    let reports = ManuscriptsReports { days: days.clone(), second: second.clone(), finished: finished.clone() };
    all_known(&sample::<Manuscripts>(&ManuscriptsData { reports }), &["a", "b"], &over.axes());
}

model! {
    /// Admissions, binomial.
    pub Admissions {
        global a[2] ~ Normal(0, 1.5);
        let difference = a[1] - a[0];
        plate departments(1..=12) {
            given applications: u64;
            given gender: usize;
            observe admitted ~ Binomial(applications, logit = a[gender]);
        }
    }
}

model! {
    /// The same with departments that differ: beta-binomial.
    pub AdmissionsThatDiffer {
        global a[2] ~ Normal(0, 1.5);
        global theta ~ Exponential(0.2);
        plate departments(1..=12) {
            given applications: u64;
            given gender: usize;
            let share = a[gender].sigmoid();
            observe admitted ~ BetaBinomial(applications, share * theta, (1 - share) * theta);
        }
    }
}

model! {
    /// The same with the share of each department.
    pub AdmissionsByShare {
        global a[2] ~ Normal(0, 1.5);
        global theta ~ Exponential(0.2);
        plate departments(1..=12) {
            given applications: u64;
            given gender: usize;
            local share ~ Beta(mean = a[gender].sigmoid(), precision = theta);
            observe admitted ~ Binomial(applications, share);
        }
    }
}

const APPLICATIONS: [u64; 6] = [82, 11, 56, 32, 59, 37];
const ADMITTED: [u64; 6] = [51, 8, 30, 11, 14, 3];
const GENDER: [usize; 6] = [0, 1, 0, 1, 0, 1];

#[test]
fn admissions() {
    let over = grid([(-3.0, 3.0); 2], 150, |a| {
        let row = |i: usize| successes(ADMITTED[i], APPLICATIONS[i], a[GENDER[i]]);
        normal(a[0], 0.0, 1.5) + normal(a[1], 0.0, 1.5) + (0..6).map(row).sum::<f64>()
    });
    let [first, second] = over.axes();
    let departments = AdmissionsDepartments {
        applications: APPLICATIONS.to_vec(),
        gender: GENDER.to_vec(),
        admitted: ADMITTED.to_vec(),
    };
    let chains = sample::<Admissions>(&AdmissionsData { departments });
    all_known(&chains, &["a[0]", "a[1]", "difference"], &[first, second, over.of(|[a, b]| b - a)]);
}

#[test]
fn admissions_that_differ() {
    let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let over = grid([(-6.0, 6.0), (-6.0, 6.0), (0.0, 60.0)], 60, |[first, second, theta]| {
        let row = |i: usize| {
            let share = 1.0 / (1.0 + (-[first, second][GENDER[i]]).exp());
            let (a, b) = (share * theta, (1.0 - share) * theta);
            ln_beta(a + ADMITTED[i] as f64, b + (APPLICATIONS[i] - ADMITTED[i]) as f64) - ln_beta(a, b)
        };
        normal(first, 0.0, 1.5) + normal(second, 0.0, 1.5) - 0.2 * theta + (0..6).map(row).sum::<f64>()
    });
    let (applications, gender, admitted) = (APPLICATIONS.to_vec(), GENDER.to_vec(), ADMITTED.to_vec());
    let departments = AdmissionsThatDifferDepartments { applications, gender, admitted };
    let chains = sample::<AdmissionsThatDiffer>(&AdmissionsThatDifferData { departments });
    all_known(&chains, &["a[0]", "a[1]", "theta"], &over.axes());

    let (applications, gender, admitted) = (APPLICATIONS.to_vec(), GENDER.to_vec(), ADMITTED.to_vec());
    let departments = AdmissionsByShareDepartments { applications, gender, admitted };
    let chains = sample::<AdmissionsByShare>(&AdmissionsByShareData { departments });
    all_known(&chains, &["a[0]", "a[1]", "theta"], &over.axes());
}

model! {
    /// Failures of pumps over their times of operation.
    pub Pumps {
        global alpha ~ Exponential(1);
        global beta ~ Gamma(0.1, 1);
        plate pumps(1..=20) {
            given time: f64;
            local theta ~ Gamma(alpha, beta);
            observe failures ~ Poisson(theta * time);
        }
    }
}

/// Without the rates the failures are negative binomial.
#[test]
fn pumps() {
    let time = vec![94.3, 15.7, 62.9, 126.0, 5.24, 31.4, 1.05, 1.05, 2.1, 10.5];
    let failures = vec![5, 1, 5, 14, 3, 19, 1, 1, 4, 22];
    // Of the logarithms, since the density is steep at zero.
    let over = grid([(-3.0, 2.0), (-6.0, 3.0)], 200, |[log_alpha, log_beta]| {
        let (alpha, beta) = (log_alpha.exp(), log_beta.exp());
        let row = |(t, x): (&f64, &u64)| {
            let x = *x as f64;
            ln_gamma(alpha + x) - ln_gamma(alpha) + alpha * log_beta - (alpha + x) * (beta + t).ln()
        };
        log_alpha - alpha + 0.1 * log_beta - beta + time.iter().zip(&failures).map(row).sum::<f64>()
    });
    let theta = |i: usize| over.mixed(|[a, b]| gamma(a.exp() + failures[i] as f64, b.exp() + time[i]));
    let known = [over.of(|[a, _]| a.exp()), over.of(|[_, b]| b.exp()), theta(0), theta(6), theta(9)];
    let chains = sample::<Pumps>(&PumpsData { pumps: PumpsPumps { time: time.clone(), failures: failures.clone() } });
    all_known(&chains, &["alpha", "beta", "theta[0]", "theta[6]", "theta[9]"], &known);
}

model! {
    /// Colonies of salmonella by the dose of quinoline, with too much spread.
    pub Salmonella {
        global alpha ~ Normal(3, 1);
        global beta ~ Normal(0, 1);
        global gamma ~ Normal(0, 1);
        global sigma ~ HalfNormal(0.5);
        plate plates(1..=50) {
            given dose: f64;
            local extra ~ Normal(0, sigma);
            observe colonies ~ Poisson(log_rate = alpha + beta * (dose + 10).ln() - gamma * dose / 1000 + extra);
        }
    }
}

#[test]
fn salmonella() {
    let dose = vec![0.0, 0.0, 33.0, 33.0, 100.0, 100.0, 333.0, 333.0, 1000.0, 1000.0];
    let colonies = vec![15, 29, 16, 26, 33, 41, 41, 60, 20, 42];
    // Around the mean logarithm of the dose the axes are nearly independent.
    let centre = 4.5;
    let over = grid([(2.2, 4.4), (-0.3, 1.1), (-1.5, 3.5), (0.0, 1.2)], 16, |[level, beta, gamma, sigma]| {
        let alpha = level - beta * centre;
        let row = |i: usize| {
            let mean = alpha + beta * (dose[i] + 10.0_f64).ln() - gamma * dose[i] / 1000.0;
            over_normal(|z| poisson(colonies[i], mean + sigma * z))
        };
        normal(alpha, 3.0, 1.0)
            + normal(beta, 0.0, 1.0)
            + normal(gamma, 0.0, 1.0)
            + normal(sigma, 0.0, 0.5)
            + (0..10).map(row).sum::<f64>()
    });
    let [_, beta, gamma, sigma] = over.axes();
    let known = [over.of(|[level, beta, ..]| level - beta * centre), beta, gamma, sigma];
    let plates = SalmonellaPlates { dose: dose.clone(), colonies: colonies.clone() };
    all_known(&sample::<Salmonella>(&SalmonellaData { plates }), &["alpha", "beta", "gamma", "sigma"], &known);
}

model! {
    /// Manuscripts of monks who drink on some days, by hand.
    pub Monks {
        global drinks ~ Beta(2, 6);
        global rate ~ Gamma(2, 1);
        plate days(1..=400) {
            local idle ~ Bernoulli(drinks);
            observe finished ~ Poisson(if idle { 0.0 } else { rate });
        }
    }
}

model! {
    /// The same by a distribution.
    pub MonksInflated {
        global drinks ~ Beta(2, 6);
        global rate ~ Gamma(2, 1);
        plate days(1..=400) {
            observe finished ~ ZeroInflated(drinks, Poisson(rate));
        }
    }
}

#[test]
fn monks() {
    let finished = vec![0, 0, 1, 0, 2, 3, 0, 1, 0, 1, 2, 0];
    let over = grid([(0.0, 1.0), (0.0, 6.0)], 300, |[p, rate]| {
        let zero = (p + (1.0 - p) * (-rate).exp()).ln();
        let row = |k: &u64| if *k == 0 { zero } else { (1.0 - p).ln() + poisson(*k, rate.ln()) };
        p.ln() + 5.0 * (1.0 - p).ln() + rate.ln() - rate + finished.iter().map(row).sum::<f64>()
    });
    let names = ["drinks", "rate"];
    let chains = sample::<MonksInflated>(&MonksInflatedData { days: MonksInflatedDays { finished: finished.clone() } });
    all_known(&chains, &names, &over.axes());
    let chains = sample::<Monks>(&MonksData { days: MonksDays { finished: finished.clone() } });
    all_known(&chains, &names, &over.axes());
}

model! {
    /// Seizures of patients who differ, under two treatments.
    pub Epilepsy {
        global a[2] ~ Normal(1, 1);
        global sigma ~ HalfNormal(1);
        plate patients(1..=60) {
            given treated: usize;
            local b ~ Normal(0, 1);
            plate visits(4) {
                observe seizures ~ Poisson(log_rate = a[treated] + sigma * b);
            }
        }
    }
}

/// Given the sd, the two treatments are independent.
#[test]
fn epilepsy() {
    let seizures: [[u64; 4]; 6] =
        [[5, 3, 3, 3], [2, 4, 0, 5], [14, 8, 11, 10], [1, 0, 2, 2], [3, 1, 4, 2], [7, 9, 5, 4]];
    let treated = [0, 0, 0, 1, 1, 1];
    let over = grid([(-2.0, 4.0), (-2.0, 4.0), (0.0, 3.5)], 30, |[first, second, sigma]| {
        let patient = |i: usize| {
            let level = [first, second][treated[i]];
            over_normal(|z| seizures[i].iter().map(|k| poisson(*k, level + sigma * z)).sum())
        };
        normal(first, 1.0, 1.0) + normal(second, 1.0, 1.0) + normal(sigma, 0.0, 1.0) + (0..6).map(patient).sum::<f64>()
    });
    let patients = EpilepsyPatients {
        treated: treated.to_vec(),
        visits: EpilepsyVisits { seizures: seizures.concat(), offsets: (0..=6).map(|i| 4 * i).collect() },
    };
    all_known(&sample_closely::<Epilepsy>(&EpilepsyData { patients }), &["a[0]", "a[1]", "sigma"], &over.axes());
}

model! {
    /// Two shares of a table, and what is said of them.
    pub Table {
        global p[2] ~ Beta(1, 1);
        let difference = p[1] - p[0];
        let log_odds_ratio = p[1].logit() - p[0].logit();
        plate groups(2) {
            given n: u64;
            given group: usize;
            observe ill ~ Binomial(n, p[group]);
        }
    }
}

#[test]
fn two_by_two_table() {
    let data = TableData { groups: TableGroups { n: vec![20, 15], group: vec![0, 1], ill: vec![4, 9] } };
    let (first, second) = (beta(5.0, 17.0), beta(10.0, 7.0));
    let difference = (second.0 - first.0, first.1.hypot(second.1));
    // The logarithm of a gamma variable has the variance of the trigamma function, and a logit is a difference of two.
    let trigamma = |a: u32| std::f64::consts::PI.powi(2) / 6.0 - (1..a).map(|k| f64::from(k).powi(-2)).sum::<f64>();
    let harmonic = |a: u32| (1..a).map(|k| f64::from(k).recip()).sum::<f64>();
    let log_odds = (
        harmonic(10) - harmonic(7) - harmonic(5) + harmonic(17),
        (trigamma(10) + trigamma(7) + trigamma(5) + trigamma(17)).sqrt(),
    );
    let known = [first, second, difference, log_odds];
    all_known(&sample::<Table>(&data), &["p[0]", "p[1]", "difference", "log_odds_ratio"], &known);
}

model! {
    /// Shares of three kinds, seen in counts.
    pub Shares {
        global share[3] ~ Dirichlet([1, 1, 1]);
        plate towns(1..=10) {
            given n: u64;
            observe votes[3] ~ Multinomial(n, share);
        }
    }
}

#[test]
fn shares() {
    let towns = SharesTowns { n: vec![10, 14], votes: vec![[5, 3, 2], [6, 7, 1]] };
    let known = [beta(12.0, 15.0), beta(11.0, 16.0), beta(4.0, 23.0)];
    all_known(&sample::<Shares>(&SharesData { towns }), &["share[0]", "share[1]", "share[2]"], &known);
}

model! {
    /// A rate before a known year, and one after.
    pub Change {
        param year: f64 = 1900.0;
        global rate[2] ~ Gamma(2, 1);
        let ratio = rate[1] / rate[0];
        plate years(1..=200) {
            given at: f64;
            observe disasters ~ Poisson(if at < year { rate[0] } else { rate[1] });
        }
    }
}

model! {
    /// The same where the year is one of ten.
    pub ChangeAtSomeYear {
        global rate[2] ~ Gamma(2, 1);
        plate once(1) {
            local change ~ Categorical([0.1; 10]);
            plate years(10) {
                given at: usize;
                observe disasters ~ Poisson(if at < change { rate[0] } else { rate[1] });
            }
        }
    }
}

#[test]
fn changes_of_rates() {
    let disasters: [u64; 10] = [4, 5, 3, 6, 4, 1, 2, 0, 1, 1];
    let split = |at: usize| {
        let sum = |counts: &[u64]| 2.0 + counts.iter().sum::<u64>() as f64;
        let (before, after) = disasters.split_at(at);
        [(sum(before), 1.0 + before.len() as f64), (sum(after), 1.0 + after.len() as f64)]
    };

    let [(a, b), (c, d)] = split(5);
    // A ratio of gamma variables is one of two independent ones: of c and of 1 / a.
    let inverse = (b / (a - 1.0), b / ((a - 1.0) * (a - 2.0).sqrt()));
    let upper = gamma(c, d);
    let square = (upper.0.powi(2) + upper.1.powi(2)) * (inverse.0.powi(2) + inverse.1.powi(2));
    let mean = upper.0 * inverse.0;
    let years = ChangeYears { at: (0..10).map(|i| 1895.0 + f64::from(i)).collect(), disasters: disasters.to_vec() };
    let known = [gamma(a, b), upper, (mean, (square - mean * mean).sqrt())];
    all_known(&sample::<Change>(&ChangeData { years }), &["rate[0]", "rate[1]", "ratio"], &known);

    // The year as the axis of a grid.
    let over = grid([(0.0, 10.0)], 10, |[year]| {
        split(year as usize).iter().map(|(shape, rate)| ln_gamma(*shape) - shape * rate.ln()).sum()
    });
    let rate = |i: usize| {
        over.mixed(|[year]| {
            let (shape, rate) = split(year as usize)[i];
            gamma(shape, rate)
        })
    };
    let years = ChangeAtSomeYearYears { at: (0..10).collect(), disasters: disasters.to_vec(), offsets: vec![0, 10] };
    let once = ChangeAtSomeYearOnce { years };
    all_known(
        &sample::<ChangeAtSomeYear>(&ChangeAtSomeYearData { once }),
        &["rate[0]", "rate[1]"],
        &[rate(0), rate(1)],
    );
}

model! {
    /// The prior of Jeffreys, as a factor.
    pub Jeffreys {
        global p ~ Flat(0, 1);
        factor -0.5 * (p * (1 - p)).ln();
        observe k ~ Binomial(12, p);
    }
}

#[test]
fn jeffreys() {
    all_known(&sample::<Jeffreys>(&JeffreysData { k: 3 }), &["p"], &[beta(3.5, 9.5)]);
}

model! {
    /// Disasters of coal mines by year, which became rarer from some year on.
    pub Mines {
        global change ~ DiscreteUniform(0, 60);
        global early ~ Gamma(2, 1);
        global late ~ Gamma(2, 1);
        plate years(1..=200) {
            given year: u64;
            observe disasters ~ Poisson(if year < change { early } else { late });
        }
    }
}

/// Given the year of the change both rates have gamma distributions.
#[test]
fn mines() {
    let disasters = vec![
        4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2,
        1, 3, 2, 2, 1, 1, 1, 1, 3, 0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2,
    ];
    let counts = |y: &[u64]| (2.0 + y.iter().sum::<u64>() as f64, 1.0 + y.len() as f64);
    let over = grid([(-0.5, 60.5)], 61, |[change]| {
        let parts = disasters.split_at(change.round() as usize);
        let log = |(shape, rate): (f64, f64)| ln_gamma(shape) - shape * rate.ln();
        log(counts(parts.0)) + log(counts(parts.1))
    });
    let of = |part: usize| {
        over.mixed(|[change]| {
            let parts = disasters.split_at(change.round() as usize);
            let (shape, rate) = counts([parts.0, parts.1][part]);
            gamma(shape, rate)
        })
    };
    let exact = [over.axes()[0], of(0), of(1)];
    let data = MinesData { years: MinesYears { year: (0..60).collect(), disasters: disasters.clone() } };
    all_known(&sample::<Mines>(&data), &["change", "early", "late"], &exact);
}

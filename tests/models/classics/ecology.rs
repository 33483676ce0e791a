//! Animals and plants that are not always seen.

use hierarch::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::exact::{Coefficients, all_known, beta, grid, normal, over_normal, poisson, sample, sample_closely};

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
}

model! {
    /// Sites that have the species, where it may be missed on each visit.
    pub Occupancy {
        global psi ~ Beta(1, 1);
        global p ~ Beta(1, 1);
        plate sites(1..=100) {
            given visits: u64;
            local present ~ Bernoulli(psi);
            observe seen ~ Binomial(visits, if present { p } else { 0.0 });
        }
    }
}

#[test]
fn occupancy() {
    let (visits, seen) = (vec![3, 3, 3, 3, 2, 3, 3, 1, 3, 3], vec![0, 2, 1, 0, 0, 3, 0, 1, 0, 1]);
    let over = grid([(0.0, 1.0); 2], 200, |[psi, p]| {
        let row = |(n, k): (&u64, &u64)| {
            let here = psi * p.powi(*k as i32) * (1.0 - p).powi((*n - *k) as i32);
            (here + if *k == 0 { 1.0 - psi } else { 0.0 }).ln()
        };
        visits.iter().zip(&seen).map(row).sum()
    });
    let sites = OccupancySites { visits: visits.clone(), seen: seen.clone() };
    all_known(&sample::<Occupancy>(&OccupancyData { sites }), &["psi", "p"], &over.axes());
}

model! {
    /// Repeated counts at sites: the numbers of animals are at most 11.
    pub Counts {
        global mean ~ Gamma(2, 0.5);
        global p ~ Beta(2, 2);
        plate sites(1..=20) {
            local n ~ Truncated(Poisson(mean), 0, 11);
            observe count[3] ~ Binomial(n, p);
        }
    }
}

#[test]
fn counts_of_abundances() {
    let count: Vec<[u64; 3]> = vec![[2, 3, 1], [0, 1, 1], [4, 2, 3], [1, 0, 2], [3, 3, 2]];
    let over = grid([(0.0, 40.0), (0.0, 1.0)], 80, |[mean, p]| {
        let site = |count: &[u64; 3]| {
            let of = |n: u64| {
                let seen = count.iter().map(|k| {
                    if *k > n {
                        f64::NEG_INFINITY
                    } else {
                        ln_choose(n, *k) + *k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()
                    }
                });
                (poisson(n, mean.ln()) - ln_gamma(n as f64 + 1.0) + seen.sum::<f64>()).exp()
            };
            // Of all numbers up to 11.
            let all: f64 = (0..12).map(|n| (poisson(n, mean.ln()) - ln_gamma(n as f64 + 1.0)).exp()).sum();
            ((0..12).map(of).sum::<f64>() / all).ln()
        };
        mean.ln() - 0.5 * mean + (p * (1.0 - p)).ln() + count.iter().map(site).sum::<f64>()
    });
    let data = CountsData { sites: CountsSites { count: count.clone() } };
    all_known(&sample::<Counts>(&data), &["mean", "p"], &over.axes());
}

model! {
    /// Capture and recapture: of 30 candidates some are animals, and of these some were never seen.
    pub Capture {
        global omega ~ Beta(1, 1);
        global p ~ Beta(1, 1);
        plate candidates(30) {
            local real ~ Bernoulli(omega);
            observe captures ~ Binomial(4, if real { p } else { 0.0 });
        }
    }
}

/// The number of animals in the place of the candidates: summed out, with the beta integral over omega.
#[test]
fn capture_and_recapture() {
    let captures = [1, 2, 1, 3, 1, 2, 1, 1, 4, 2];
    let seen: u64 = captures.iter().sum();
    let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    // Animals n, and p with the density p^seen (1 - p)^(4 n - seen).
    let over = grid([(9.5, 30.5)], 21, |[n]| {
        let n = n.round();
        let ways = ln_choose(20, n as u64 - 10);
        ways + ln_beta(n + 1.0, 31.0 - n) + ln_beta(1.0 + seen as f64, 1.0 + 4.0 * n - seen as f64)
    });
    let omega = over.mixed(|[n]| beta(n + 1.0, 31.0 - n));
    let p = over.mixed(|[n]| beta(1.0 + seen as f64, 1.0 + 4.0 * n - seen as f64));
    let captures = [&captures[..], &[0; 20]].concat();
    let data = CaptureData { candidates: CaptureCandidates { captures } };
    all_known(&sample::<Capture>(&data), &["omega", "p"], &[omega, p]);
}

/// The probabilities that an animal of year 0 of 3 is seen next in year 1, 2 or 3, or never.
fn next_seen<T: Real>(phi: T, p: T) -> [T; 4] {
    let missed = phi * (1.0 - p);
    let once = phi * p;
    let (first, second, third) = (once, once * missed, once * missed * missed);
    [first, second, third, 1.0 - first - second - third]
}

model! {
    /// Survival from marks that are seen again: Cormack, Jolly and Seber, with animals of one release.
    pub Marks {
        global phi ~ Beta(1, 1);
        global p ~ Beta(1, 1);
        observe again[4] ~ Multinomial(40, next_seen(phi, p));
    }
}

#[test]
fn marks() {
    let again = [16, 6, 2, 16];
    let over = grid([(0.0, 1.0); 2], 300, |[phi, p]| {
        // Never: dead at once, or missed and the same again.
        let mut never = 1.0;
        (0..3).for_each(|_| never = 1.0 - phi + phi * (1.0 - p) * never);
        let missed: f64 = phi * (1.0 - p);
        let cell = |k: i32| (phi * p).ln() + f64::from(k) * missed.ln();
        16.0 * cell(0) + 6.0 * cell(1) + 2.0 * cell(2) + 16.0 * f64::ln(never)
    });
    all_known(&sample::<Marks>(&MarksData { again }), &["phi", "p"], &over.axes());
}

model! {
    /// Counts at sites that differ, with a covariate.
    pub Birds {
        global alpha ~ Normal(1, 1);
        global beta ~ Normal(0, 1);
        global sd ~ HalfNormal(1);
        plate sites(1..=100) {
            given forest: f64;
            local eps ~ Normal(0, 1);
            plate surveys(2) {
                observe count ~ Poisson(log_rate = alpha + beta * forest + sd * eps);
            }
        }
    }
}

#[test]
fn birds() {
    let forest = [-1.2, -0.6, 0.0, 0.5, 0.9, 1.3];
    let count = [[1, 0], [3, 2], [1, 1], [6, 4], [3, 5], [8, 11]];
    let over = grid([(-2.0, 3.5), (-1.5, 3.5), (0.0, 3.0)], 24, |[alpha, beta, sd]| {
        let site = |i: usize| {
            let of = |z| count[i].iter().map(|k| poisson(*k, alpha + beta * forest[i] + sd * z)).sum();
            over_normal(of)
        };
        let prior = normal(alpha, 1.0, 1.0) + normal(beta, 0.0, 1.0) + normal(sd, 0.0, 1.0);
        prior + (0..6).map(site).sum::<f64>()
    });
    let surveys = BirdsSurveys { count: count.concat(), offsets: (0..=6).map(|i| 2 * i).collect() };
    let data = BirdsData { sites: BirdsSites { forest: forest.to_vec(), surveys } };
    all_known(&sample_closely::<Birds>(&data), &["alpha", "beta", "sd"], &over.axes());
}

/// A walk from `start` by `drift` and steps.
fn path<T: Real>(start: T, drift: T, sd: T, step: [T; 6]) -> [T; 6] {
    let mut at = start;
    step.map(|step| {
        at = at + drift + sd * step;
        at
    })
}

model! {
    /// Logarithms of the numbers of ibexes, that walk and are seen with errors: a model of states.
    pub Ibexes {
        global start ~ Normal(0, 2);
        global drift ~ Normal(0, 1);
        global sd ~ LogNormal(-1, 0.5);
        global step[6] ~ Normal(0, 1);
        let log_size = path(start, drift, sd, step);
        plate years(1..=6) {
            given year: usize;
            observe seen ~ Normal(log_size[year], 0.3);
        }
    }
}

#[test]
fn ibexes() {
    let seen = [0.4, 0.5, 1.3, 1.4, 2.2, 2.0];
    let exact = |sd: f64| {
        // The start, the drift, and the states.
        let mut posterior = Coefficients::new(8);
        posterior.row(&[(0, 1.0)], 0.0, 2.0);
        posterior.row(&[(1, 1.0)], 0.0, 1.0);
        for (i, y) in seen.iter().enumerate() {
            let before = if i == 0 { 0 } else { 1 + i };
            posterior.row(&[(2 + i, 1.0), (before, -1.0), (1, -1.0)], 0.0, sd);
            posterior.row(&[(2 + i, 1.0)], *y, 0.3);
        }
        posterior.solve()
    };
    let over = grid([(-4.0, 2.0)], 200, |[log_sd]| exact(log_sd.exp()).0 + normal(log_sd, -1.0, 0.5));
    let mut known: Vec<_> = [0, 1, 4, 7].map(|i| over.mixed(|[log_sd]| exact(log_sd.exp()).1[i])).into();
    known.push(over.of(|[log_sd]| log_sd.exp()));
    let years = IbexesYears { year: (0..6).collect(), seen: seen.to_vec() };
    let names = ["start", "drift", "log_size[2]", "log_size[5]", "sd"];
    all_known(&sample_closely::<Ibexes>(&IbexesData { years }), &names, &known);
}

model! {
    /// Distances of animals from a line, of which those that are near are seen more often, up to 1.
    pub Distances {
        global sigma ~ LogNormal(-0.5, 0.5);
        plate sightings(1..=100) {
            observe distance ~ Truncated(HalfNormal(sigma), high = 1.0);
        }
    }
}

#[test]
fn distances() {
    let distance = vec![0.1, 0.05, 0.3, 0.22, 0.6, 0.15, 0.41, 0.9];
    let over = grid([(0.05, 4.0)], 2000, |[sigma]| {
        let within = statrs::function::erf::erf(1.0 / (sigma * std::f64::consts::SQRT_2));
        let row = |x: &f64| -0.5 * (x / sigma).powi(2) - sigma.ln() - within.ln();
        normal(sigma.ln(), -0.5, 0.5) - sigma.ln() + distance.iter().map(row).sum::<f64>()
    });
    let data = DistancesData { sightings: DistancesSightings { distance: distance.clone() } };
    all_known(&sample::<Distances>(&data), &["sigma"], &over.axes());
}

model! {
    /// Fish that are removed in three passes, of a number that is not known.
    pub Removal {
        global p ~ Beta(2, 2);
        plate streams(1..=5) {
            local fish ~ Binomial(30, 0.5);
            observe first ~ Binomial(fish, p);
            observe second ~ Binomial(fish - first, p);
        }
    }
}

#[test]
fn removal() {
    let (first, second) = (vec![8, 5, 10], vec![4, 4, 2]);
    let over = grid([(0.0, 1.0)], 1000, |[p]| {
        let stream = |(a, b): (&u64, &u64)| {
            let of = |n: u64| {
                let left = n - a;
                if *b > left {
                    return 0.0;
                }
                let missed = (left + left - b) as f64;
                let ways = ln_choose(30, n) + ln_choose(n, *a) + ln_choose(left, *b);
                (ways + (a + b) as f64 * p.ln() + missed * (-p).ln_1p()).exp()
            };
            (*a..=30).map(of).sum::<f64>().ln()
        };
        (p * (1.0 - p)).ln() + first.iter().zip(&second).map(stream).sum::<f64>()
    });
    let streams = RemovalStreams { first: first.clone(), second: second.clone() };
    all_known(&sample::<Removal>(&RemovalData { streams }), &["p"], &over.axes());
}

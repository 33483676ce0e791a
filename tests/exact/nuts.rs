//! NUTS against exact posteriors.

use std::sync::atomic::{AtomicUsize, Ordering};

use hierarch::draws::diagnostics::ess_bulk;
use hierarch::prelude::*;
use hierarch_tests::models::*;
use hierarch_tests::{agrees, seed, within};
use rayon::prelude::*;

model! {
    pub ConjugateNormal {
        global theta[3] ~ Normal(0.0, 3.0);
        plate events(1..=200) {
            observe x[i in 0..3] ~ Normal(theta[i], [2.0, 4.0, 6.0][i]);
        }
    }
}

#[test]
fn conjugate_normal() {
    let model = ConjugateNormal::default();
    let data = model.simulate(1).size("events", 40).seed(seed(5)).one().unwrap().data;
    let chains = model.nuts(&data).seed(seed(1)).draws(10_000).run().unwrap();
    for (i, sd) in [2.0_f64, 4.0, 6.0].into_iter().enumerate() {
        let (n, sum) = (data.events.len() as f64, data.events.x.iter().map(|x| x[i]).sum::<f64>());
        let precision = 1.0 / 9.0 + n / (sd * sd);
        agrees(&chains, &format!("theta[{i}]"), sum / (sd * sd) / precision, precision.recip().sqrt(), 4.0);
    }
}

model! {
    pub BetaBinomial {
        global p ~ Beta(2.0, 5.0);
        plate trials(1..=20) {
            given n: u64;
            observe k ~ Binomial(n, p);
        }
    }
}

#[test]
fn beta_binomial() {
    let data = BetaBinomialData { trials: BetaBinomialTrials { n: vec![10, 3, 25], k: vec![1, 0, 5] } };
    let chains = BetaBinomial::default().nuts(&data).seed(seed(2)).draws(10_000).run().unwrap();
    let (a, b) = (2.0 + 6.0, 5.0 + 32.0);
    let n: f64 = a + b;
    agrees(&chains, "p", a / n, (a * b / (n * n * (n + 1.0))).sqrt(), 4.0);
}

model! {
    pub GammaPoisson {
        global rate ~ Gamma(3.0, 0.5);
        plate days(1..=50) {
            observe calls ~ Poisson(rate);
        }
    }
}

#[test]
fn gamma_poisson() {
    let data = GammaPoissonData { days: GammaPoissonDays { calls: vec![4, 7, 1, 9, 5] } };
    let chains = GammaPoisson::default().nuts(&data).seed(seed(3)).draws(10_000).run().unwrap();
    let (shape, rate): (f64, f64) = (3.0 + 26.0, 0.5 + 5.0);
    agrees(&chains, "rate", shape / rate, shape.sqrt() / rate, 4.0);
}

/// The exact posterior of `resonance` on a grid: (mean, sd) of the fraction and of the mass.
fn resonance_by_quadrature(x: &[f64], width: f64) -> [(f64, f64); 2] {
    let log_normal = |x: f64, mean: f64, sd: f64| {
        -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
    };
    // The mass is finely resolved where it matters: steps of a twentieth of the resonance's width.
    let (fractions, step) = (400, width / 20.0);
    let masses: Vec<f64> = (0..).map(|i| -9.0 + step * i as f64).take_while(|m| *m < 11.0).collect();
    let background: Vec<f64> = x.iter().map(|&x| log_normal(x, 0.0, 1.0).exp()).collect();
    let mut log_weights = vec![0.0; masses.len() * fractions];
    for (j, &mass) in masses.iter().enumerate() {
        let peak: Vec<f64> = x.iter().map(|&x| log_normal(x, mass, width).exp()).collect();
        for i in 0..fractions {
            let f = (i as f64 + 0.5) / fractions as f64;
            let log_likelihood: f64 = peak.iter().zip(&background).map(|(s, b)| (f * s + (1.0 - f) * b).ln()).sum();
            log_weights[j * fractions + i] = log_likelihood + log_normal(mass, 1.0, 2.0);
        }
    }
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sums = [0.0; 5];
    for (j, &mass) in masses.iter().enumerate() {
        for i in 0..fractions {
            let f = (i as f64 + 0.5) / fractions as f64;
            let w = (log_weights[j * fractions + i] - top).exp();
            [1.0, f, f * f, mass, mass * mass].iter().zip(&mut sums).for_each(|(x, sum)| *sum += w * x);
        }
    }
    let [n, f, ff, m, mm] = sums;
    [(f / n, (ff / n - (f / n).powi(2)).sqrt()), (m / n, (mm / n - (m / n).powi(2)).sqrt())]
}

#[test]
fn resonance() {
    let model = Resonance::default();
    // A mass of 2.5, where the background is thin: one mode, so that the chains' own error estimate can be believed.
    let truth = ResonanceGlobals { fraction: 0.2, mass: 2.5 };
    let data = model.simulate(1).at(&truth).size("events", 100).seed(seed(4)).one().unwrap().data;
    let [fraction, mass] = resonance_by_quadrature(&data.events.x, model.width);
    let chains = model.nuts(&data).seed(seed(4)).draws(20_000).run().unwrap();
    agrees(&chains, "fraction", fraction.0, fraction.1, 3.0);
    agrees(&chains, "mass", mass.0, mass.1, 3.0);
}

const SCHOOL_EFFECTS: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
const SCHOOL_ERRORS: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];

/// Means and sds of mu and tau, by quadrature over tau: given tau, everything is normal.
fn eight_schools_by_quadrature() -> [(f64, f64); 2] {
    let mut sums = [0.0; 5];
    let n = 400_000;
    for i in 0..n {
        // tau = tan(pi u / 2) 5 has the prior's half-Cauchy distribution for uniform u.
        let tau = 5.0 * (std::f64::consts::FRAC_PI_2 * (i as f64 + 0.5) / n as f64).tan();
        let (mut precision, mut weighted, mut log_weight, mut squares) = (1.0 / 25.0, 0.0, 0.0, 0.0);
        for (y, s) in SCHOOL_EFFECTS.iter().zip(SCHOOL_ERRORS) {
            let v = s * s + tau * tau;
            precision += 1.0 / v;
            weighted += y / v;
            squares += y * y / v;
            log_weight -= 0.5 * v.ln();
        }
        let mu = weighted / precision;
        let w = (log_weight - 0.5 * precision.ln() - 0.5 * (squares - weighted * mu) + 25.0).exp();
        [1.0, mu, mu * mu + 1.0 / precision, tau, tau * tau].iter().zip(&mut sums).for_each(|(x, s)| *s += w * x);
    }
    let [n, m, mm, t, tt] = sums;
    [(m / n, (mm / n - (m / n).powi(2)).sqrt()), (t / n, (tt / n - (t / n).powi(2)).sqrt())]
}

#[test]
fn eight_schools() {
    let model = EightSchools::default();
    let data =
        EightSchoolsData { schools: EightSchoolsSchools { sigma: SCHOOL_ERRORS.into(), y: SCHOOL_EFFECTS.into() } };
    let [mu, tau] = eight_schools_by_quadrature();
    // posteriordb, eight_schools_noncentered: mu 4.41 (3.31), tau 3.6 (3.2).
    within!((mu.0 - 4.41).abs(), 0.05, "{mu:?}");
    within!((mu.1 - 3.31).abs(), 0.05, "{mu:?}");
    within!((tau.0 - 3.6).abs(), 0.05, "{tau:?}");
    within!((tau.1 - 3.2).abs(), 0.1, "{tau:?}");
    // With larger steps one chain in some hundred stays for dozens of draws where tau is above 40.
    let chains = model.nuts(&data).seed(seed(5)).draws(20_000).target_accept(0.99).run().unwrap();
    agrees(&chains, "mu", mu.0, mu.1, 4.0);
    agrees(&chains, "tau", tau.0, tau.1, 4.0);
    // A `let` is drawn with what it depends on.
    let draw = |name: &str| chains.by_chain(name).unwrap()[1][17];
    assert_eq!(draw("theta[3]"), draw("mu") + draw("tau") * draw("eta[3]"));
}

#[test]
fn centred_eight_schools_come_with_warnings() {
    let data = EightSchoolsCentredData {
        schools: EightSchoolsCentredSchools { sigma: SCHOOL_ERRORS.into(), y: SCHOOL_EFFECTS.into() },
    };
    let chains = EightSchoolsCentred::default().nuts(&data).seed(seed(6)).run().unwrap();
    assert!(chains.divergences() > 0);
    let warnings = chains.warnings().join("\n");
    assert!(warnings.contains("diverged") && warnings.contains("non-centred"), "{warnings}");
}

/// The squares of (posterior mean - truth) / posterior sd have mean 1 over simulations from the prior: 65 subjects' and
/// items' latents of one crossed model, for each of some data sets (false alarms at 5 standard errors: 6e-7).
#[test]
#[ignore = "long: many chains or fits"]
fn item_response_of_many_data_sets() {
    item_response_scores(40);
}

#[test]
fn item_response() {
    item_response_scores(6);
}

fn item_response_scores(sets: u64) {
    let model = ItemResponse::default();
    let (mut sum, mut n) = (0.0, 0.0);
    for set in 0..sets {
        let simulate = model.simulate(1).size("subjects", 20).size("items", 15).size("answers", 300);
        let simulation = simulate.seed(seed(set)).one().unwrap();
        let chains = model.nuts(&simulation.data).seed(seed(set)).draws(500).warmup(500).run().unwrap();
        let rows = chains.summary().rows;
        let mut score = |name: String, truth: f64| {
            let row = rows.iter().find(|r| r.name == name).unwrap();
            sum += ((row.mean - truth) / row.sd).powi(2);
            n += 1.0;
        };
        let locals = &simulation.locals;
        locals.subjects.ability.iter().enumerate().for_each(|(i, a)| score(format!("ability[{i}]"), *a));
        locals.items.raw.iter().enumerate().for_each(|(i, r)| score(format!("raw[{i}]"), *r));
        locals
            .items
            .discrimination
            .iter()
            .enumerate()
            .for_each(|(i, d)| score(format!("discrimination[{i}]"), d.ln().exp()));
    }
    let mean: f64 = sum / n;
    // The squares have a variance near 2; those of one data set are correlated a little, so 3 is taken.
    let error = (3.0 / n).sqrt();
    within!((mean - 1.0).abs(), 5.0 * error, "{mean} +- {error}");
}

/// Ranks of the truth among thinned draws are uniform over simulated data sets (Talts et al. 2018): chi-square over ten
/// bins of 500 ranks, with a false-alarm rate of 1e-6 for each of three parameters.
#[test]
#[ignore = "long: many chains or fits"]
fn ranks_are_uniform() {
    let model = Radon::default();
    let simulations = model.simulate(500).size("counties", 6).size("houses", 4).seed(seed(8)).run().unwrap();
    let (names, kept) = (["mu", "tau", "slope"], 99);
    let mut counts = [[0usize; 10]; 3];
    for (set, simulation) in simulations.iter().enumerate() {
        let chains = model
            .nuts(&simulation.data)
            .seed(seed(set as u64))
            .chains(2)
            .warmup(500)
            .draws(1000)
            .target_accept(0.9)
            .run()
            .unwrap();
        let truth = [simulation.globals.mu, simulation.globals.tau, simulation.globals.slope];
        for ((name, truth), counts) in names.iter().zip(truth).zip(&mut counts) {
            let draws = chains.by_chain(name).unwrap();
            // Thinned to what is as good as independent.
            let all = draws.concat();
            let every = (all.len() as f64 / ess_bulk(&draws).clamp(kept as f64, all.len() as f64)).ceil() as usize;
            let thinned: Vec<f64> = all.into_iter().step_by(every).collect();
            let below = thinned.iter().filter(|x| **x < truth).count() as f64;
            let rank = below / (thinned.len() as f64 + 1.0);
            counts[((rank * 10.0) as usize).min(9)] += 1;
        }
    }
    for (name, counts) in names.iter().zip(&counts) {
        let chi_square: f64 = counts.iter().map(|&c| (c as f64 - 50.0).powi(2) / 50.0).sum();
        // The quantile of chi-square with 9 degrees of freedom at 1 - 1e-6.
        within!(chi_square, 45.1, "{name}: {chi_square}, {counts:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_draws_on_any_number_of_threads() {
    let model = Resonance::default();
    let data = model.simulate(1).size("events", 50).seed(seed(1)).one().unwrap().data;
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.nuts(&data).seed(seed(9)).warmup(200).draws(200).run().unwrap())
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one.by_chain("fraction"), two.by_chain("fraction"));
    assert_eq!(one.by_chain("mass"), two.by_chain("mass"));
}

fn total<T: Real>(numbers: &[T]) -> T {
    numbers.iter().fold(T::from(0.0), |sum, x| sum + *x)
}

model! {
    pub Wide {
        global mu[120] ~ Normal(0.0, 1.0);
        plate events(1..=10) {
            let total = total(&mu);
            observe x ~ Normal(total, 1.0);
        }
    }
}

/// A number with 120 derivatives, in lanes, takes more stack than a thread has unasked.
#[test]
fn a_long_vector_of_globals_fits_on_the_stack() {
    let data = WideData { events: WideEvents { x: vec![1.0, 2.0] } };
    let chains = Wide::default().nuts(&data).seed(seed(1)).chains(2).warmup(60).draws(20).run().unwrap();
    assert_eq!(chains.names().len(), 120);
}

/// How many threads there are that have worked out a density, now and at most.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

thread_local! {
    static COUNTED: Counted = {
        MOST.fetch_max(LIVE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Counted
    };
}

fn counted<T: Real>(x: T) -> T {
    COUNTED.with(|_| x)
}

model! {
    pub CountsThreads {
        global mu ~ Normal(0.0, 1.0);
        plate events(1..=10) {
            let centre = counted(mu);
            observe x ~ Normal(centre, 1.0);
        }
    }
}

/// A run has threads of its own. Those of a hundred runs side by side must not all be there at once, as they were when each
/// worker that waited for a run took up another.
#[test]
fn runs_side_by_side_wait_for_each_other() {
    let model = CountsThreads::default();
    let data = CountsThreadsData { events: CountsThreadsEvents { x: vec![0.3, 1.1, -0.4] } };
    let run = |own: u64| model.nuts(&data).seed(own).chains(1).warmup(100).draws(100).run().unwrap();
    let workers = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let runs: Vec<_> = workers.install(|| (0..100).into_par_iter().map(run).collect());
    // One for each worker; and some that are through and have not ended yet.
    let most = MOST.load(Ordering::SeqCst);
    assert!((1..=20).contains(&most), "{most} threads at once");
    assert_eq!(runs[42].by_chain("mu"), run(42).by_chain("mu"));
}

#[test]
fn an_acceptance_that_no_chain_can_have_is_an_error() {
    let data = Resonance::default().simulate(1).one().unwrap().data;
    for value in [0.0, 1.0, f64::NAN, -3.0] {
        let error = Resonance::default().nuts(&data).target_accept(value).run().unwrap_err().to_string();
        assert!(error.contains("target_accept is") && error.contains("from 0.05 to 0.999"), "{error}");
    }
}

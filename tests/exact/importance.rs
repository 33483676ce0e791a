//! Posteriors refined by importance sampling: against closed forms, quadrature and NUTS; and proposals that are not to be
//! trusted.

use hierarch::distributions::{Distribution, Draw, Normal};
use hierarch::prelude::*;
use hierarch::sampling::{Proposal, importance_sample};
use hierarch::simulate::Stream;
use hierarch_tests::models::*;
use hierarch_tests::{seed, within};
use rand::RngExt;

/// Independent normal numbers in the unconstrained space.
struct Gaussian {
    names: Vec<&'static str>,
    mean: Vec<f64>,
    sd: Vec<f64>,
}

impl Proposal for Gaussian {
    fn latent_names(&self) -> Vec<String> {
        self.names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        for (q, log_density) in q.chunks_mut(self.mean.len()).zip(log_density) {
            *log_density = 0.0;
            for ((q, mean), sd) in q.iter_mut().zip(&self.mean).zip(&self.sd) {
                let noise: f64 = rng.sample(rand_distr::StandardNormal);
                *q = mean + sd * noise;
                *log_density += Normal::new(*mean, *sd).log_density(*q);
            }
        }
    }
}

model! {
    pub Means {
        global theta[3] ~ Normal(0.0, 3.0);
        plate events(1..=200) {
            observe x[i in 0..3] ~ Normal(theta[i], [2.0, 4.0, 6.0][i]);
        }
    }
}

/// Data of `Means`, the exact mean and sd of each posterior, and the log evidence.
fn means() -> (MeansData, Vec<(f64, f64)>, f64) {
    let data = Means::default().simulate(1).size("events", 40).seed(seed(5)).one().unwrap().data;
    let mut log_evidence = 0.0;
    let exact = [2.0_f64, 4.0, 6.0].iter().enumerate().map(|(i, sd)| {
        let n = data.events.len() as f64;
        let (mut sum, mut log_likelihood_at_zero) = (0.0, 0.0);
        for x in &data.events.x {
            sum += x[i];
            log_likelihood_at_zero += Normal::new(0.0, *sd).log_density(x[i]);
        }
        let precision = 1.0 / 9.0 + n / (sd * sd);
        let (mean, sd) = (sum / (sd * sd) / precision, precision.recip().sqrt());
        // evidence = prior(0) likelihood(0) / posterior(0)
        log_evidence +=
            Normal::new(0.0, 3.0).log_density(0.0) + log_likelihood_at_zero - Normal::new(mean, sd).log_density(0.0);
        (mean, sd)
    });
    let exact = exact.collect();
    (data, exact, log_evidence)
}

/// A proposal that is `wide` times as wide as the posterior and `shift` of its sds off, in each number.
fn proposal(exact: &[(f64, f64)], wide: f64, shift: f64) -> Gaussian {
    Gaussian {
        names: vec!["theta[0]", "theta[1]", "theta[2]"],
        mean: exact.iter().map(|(mean, sd)| mean + shift * sd).collect(),
        sd: exact.iter().map(|(_, sd)| wide * sd).collect(),
    }
}

/// Moments, quantiles, evidence and effective sample size from proposals of several widths, all within four standard errors
/// (a false alarm in 1000 runs or so, were the seeds not fixed).
#[test]
fn a_conjugate_posterior_and_its_evidence() {
    let (model, (data, exact, log_evidence)) = (Means::default(), means());
    for (wide, shift) in [(1.05, 0.0), (1.3, 0.0), (1.5, 0.5), (0.9, 0.1)] {
        let n = 100_000;
        let refined = importance_sample(&model, &data, &proposal(&exact, wide, shift), n, seed(1)).unwrap();
        let size = refined.effective_sample_size();
        for (i, (mean, sd)) in exact.iter().enumerate() {
            let name = format!("theta[{i}]");
            // Twice the naive error: a weighted mean varies more than the effective sample size says.
            let error = 2.0 * sd / size.sqrt();
            within!((refined.mean(&name).unwrap() - mean).abs(), 4.0 * error, "{wide} {shift} {name}");
            within!((refined.sd(&name).unwrap() - sd).abs(), 4.0 * error, "{wide} {shift} {name}");
            let upper = refined.quantile(&name, 0.841_344_746).unwrap();
            within!((upper - mean - sd).abs(), 4.0 * error, "{wide} {shift} {name}");
        }
        let (found, error) = (refined.evidence().log, refined.evidence().error);
        within!((found - log_evidence).abs(), 4.0 * error + 1e-9, "{wide}: {found} +- {error}, {log_evidence}");
        within!(error, 0.01);
        assert!(refined.warnings().is_empty(), "{refined}");
        if shift == 0.0 && wide > 0.9 {
            // The mean of the squared weights is (wide^2 / sqrt(2 wide^2 - 1)) in each of three dimensions.
            let share = ((2.0 * wide * wide - 1.0_f64).sqrt() / (wide * wide)).powi(3);
            within!((size / (share * f64::from(n as u32)) - 1.0).abs(), 0.02, "{wide}: {size}");
        }
    }
}

model! {
    pub Calls {
        global rate ~ Gamma(3.0, 0.5);
        plate days(1..=50) {
            observe calls ~ Poisson(rate);
        }
    }
}

/// With a Jacobian: the unconstrained number is the logarithm of the rate.
#[test]
fn the_evidence_of_a_gamma_poisson_model() {
    let data = CallsData { days: CallsDays { calls: vec![4, 7, 1, 9, 5] } };
    let proposal = Gaussian { names: vec!["rate"], mean: vec![5.0_f64.ln()], sd: vec![0.25] };
    let refined = importance_sample(&Calls::default(), &data, &proposal, 100_000, seed(2)).unwrap();
    let ln_factorial = |k: u64| (1..=k).map(|i| (i as f64).ln()).sum::<f64>();
    // Gamma(3 + 26) / Gamma(3) 0.5^3 / 5.5^29 / the product of k!
    let log_evidence = ln_factorial(28) - ln_factorial(2) + 3.0 * 0.5_f64.ln()
        - 29.0 * 5.5_f64.ln()
        - data.days.calls.iter().map(|k| ln_factorial(*k)).sum::<f64>();
    let error = refined.evidence().error;
    within!(error, 0.003, "{refined}\n{log_evidence}");
    within!((refined.evidence().log - log_evidence).abs(), 4.0 * error, "{refined}\n{log_evidence}");
    within!((refined.mean("rate").unwrap() - 29.0 / 5.5).abs(), 0.02, "{refined}");
}

/// The shape of the weights' tail is 1 - wide^2 for a Gaussian that is so much narrower than a Gaussian posterior. Of 100,000
/// draws k-hat has an error of 0.06, and the bound is 0.7.
#[test]
fn a_narrow_or_displaced_proposal_is_flagged() {
    let (model, (data, exact, _)) = (Means::default(), means());
    for (wide, shift, flagged) in
        [(0.1, 0.0, true), (0.2, 0.0, true), (0.6, 2.0, true), (1.0, 6.0, true), (0.8, 0.0, false), (1.2, 0.3, false)]
    {
        let refined = importance_sample(&model, &data, &proposal(&exact, wide, shift), 100_000, seed(1)).unwrap();
        let warned = refined.warnings().iter().any(|w| w.contains("k-hat") && w.contains("nuts()"));
        assert_eq!(warned, flagged, "{wide} {shift}: {refined}");
        assert_eq!(refined.to_string().contains("warning: k-hat"), flagged);
        assert_eq!(refined.k_hat() > 0.7, flagged, "{wide} {shift}: {}", refined.k_hat());
    }
    // Few draws are held to a stricter bound: 1 - 1 / log10(100) = 0.5.
    let warned = |own: u64| {
        let refined = importance_sample(&model, &data, &proposal(&exact, 0.3, 0.0), 100, seed(own)).unwrap();
        refined.warnings().iter().any(|warning| warning.contains("above 0.50"))
    };
    // So few draws say little of k-hat: one of twenty is flagged at least.
    assert!((0..20).any(warned));
}

#[test]
fn draws_of_a_refined_posterior() {
    let (model, (data, exact, _)) = (Means::default(), means());
    let refined = importance_sample(&model, &data, &proposal(&exact, 1.4, 0.5), 20_000, seed(1)).unwrap();
    let draws = refined.sample(20_000, seed(3));
    assert_eq!(refined.names(), ["theta[0]", "theta[1]", "theta[2]"]);
    for (i, (mean, sd)) in exact.iter().enumerate() {
        let n = draws[i].len() as f64;
        let found = draws[i].iter().sum::<f64>() / n;
        within!((found - mean).abs(), 8.0 * sd / n.sqrt(), "{found} {mean}");
        let row = &refined.summary().rows[i];
        assert_eq!((row.mean, row.sd), (refined.mean(&row.name).unwrap(), refined.sd(&row.name).unwrap()));
        assert_eq!(row.q95, refined.quantile(&row.name, 0.95).unwrap());
    }
    let typed = refined.globals(20, 3);
    let same = refined.sample(20, 3);
    assert!((0..20).all(|k| (0..3).all(|i| typed[k].theta[i] == same[i][k])));
    assert!(refined.mean("mu").is_err());
}

#[test]
fn the_same_on_any_number_of_threads() {
    let (model, (data, exact, _)) = (Means::default(), means());
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| importance_sample(&model, &data, &proposal(&exact, 1.4, 0.5), 1_111, seed(1)).unwrap())
    };
    let (one, three) = (run(1), run(3));
    assert_eq!(
        (one.sample(9, 1), one.evidence().log, one.k_hat()),
        (three.sample(9, 1), three.evidence().log, three.k_hat())
    );
}

/// A model with locals is refined by a proposal of all of them, here the prior; its `let`s come along.
#[test]
fn locals_and_what_depends_on_them() {
    struct Prior;
    impl Proposal for Prior {
        fn latent_names(&self) -> Vec<String> {
            ["mu", "tau", "eta[0]", "eta[1]"].map(str::to_owned).into()
        }
        fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
            let mu = Normal::new(0.0, 5.0);
            let tau = Normal::new(1.0, 1.0);
            let eta = Normal::new(0.0, 1.0);
            for (q, log_density) in q.chunks_mut(4).zip(log_density) {
                let priors = [&mu, &tau, &eta, &eta];
                q.iter_mut().zip(priors).for_each(|(q, prior)| *q = prior.draw(rng));
                *log_density = q.iter().zip(priors).map(|(q, prior)| prior.log_density(*q)).sum();
            }
        }
    }
    let schools = EightSchoolsSchools { sigma: vec![10.0, 12.0], y: vec![8.0, -3.0] };
    let (model, data) = (EightSchools::default(), EightSchoolsData { schools });
    let refined = importance_sample(&model, &data, &Prior, 100_000, seed(1)).unwrap();
    assert_eq!(refined.names(), ["mu", "tau", "eta[0]", "eta[1]", "theta[0]", "theta[1]"]);
    let draws = refined.sample(10, 2);
    assert!((0..10).all(|k| draws[4][k] == draws[0][k] + draws[1][k] * draws[2][k]));
    let chains = model.nuts(&data).seed(seed(1)).target_accept(0.95).draws(5000).run().unwrap();
    for row in chains.summary().rows {
        let error = 2.0 * row.sd * (1.0 / refined.effective_sample_size() + 1.0 / row.ess_bulk.unwrap()).sqrt();
        within!((refined.mean(&row.name).unwrap() - row.mean).abs(), 4.0 * error, "{}\n{refined}", row.name);
    }
}

#[test]
fn what_cannot_be_refined_says_why() {
    let (model, (data, exact, _)) = (Means::default(), means());
    let good = || proposal(&exact, 1.2, 0.0);
    let refuse = |data: &MeansData, proposal: &dyn Proposal, draws: usize| {
        importance_sample(&model, data, proposal, draws, seed(1)).unwrap_err().to_string()
    };
    assert_eq!(refuse(&data, &good(), 99), "the number of draws is 99, but must be at least 100");
    let bad = MeansData { events: MeansEvents { x: vec![[0.0, f64::NAN, 1.0]] } };
    assert!(refuse(&bad, &good(), 1000).contains("`x`"));
    let missing = Gaussian { names: vec!["theta[0]", "theta[2]"], ..good() };
    assert!(refuse(&data, &missing, 1000).contains("lacks `theta[1]`, but"));
    let surplus = Gaussian { names: vec!["theta[0]", "theta[1]", "theta[2]", "x"], ..good() };
    assert!(refuse(&data, &surplus, 1000).contains("is a distribution of `x`, which"));
    let infinite = Gaussian { sd: vec![1.0, f64::INFINITY, 1.0], ..good() };
    assert!(refuse(&data, &infinite, 1000).contains("all must be finite"));
    let far = Gaussian { mean: vec![1e200; 3], ..good() };
    let error = refuse(&data, &far, 1000);
    assert!(error.contains("none of the 1000 draws") && error.contains("-inf"), "{error}");
}

fn root<T: Real>(x: T) -> T {
    x.sqrt()
}

model! {
    /// NaN where theta is negative.
    pub Rooted {
        global theta ~ Normal(1.0, 1.0);
        plate events(1..=9) {
            let mean = root(theta);
            observe x ~ Normal(mean, 1.0);
        }
    }
}

#[test]
fn draws_without_a_density_are_told_of() {
    let (model, data) = (Rooted::default(), RootedData { events: RootedEvents { x: vec![1.0, 1.5] } });
    let proposal = |mean| Gaussian { names: vec!["theta"], mean: vec![mean], sd: vec![1.5] };
    let refined = importance_sample(&model, &data, &proposal(1.0), 4000, seed(1)).unwrap();
    let warnings = refined.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("of 4000 draws the model's log density is NaN"),
        "{warnings:?}"
    );
    assert!(refined.sample(4000, seed(1))[0].iter().all(|theta| *theta >= 0.0));
    let error = importance_sample(&model, &data, &proposal(-50.0), 4000, seed(1)).unwrap_err().to_string();
    assert!(error.contains("none of the 4000 draws") && error.contains("NaN"), "{error}");
}

model! {
    /// A line through points that are far from the origin: intercept and slope are correlated to six digits.
    pub Line {
        global intercept ~ Normal(0.0, 5000.0);
        global slope ~ Normal(0.0, 5.0);
        plate points(1..=50) {
            given x: f64;
            observe y ~ Normal(intercept + slope * x, 1.0);
        }
    }
}

/// The exact posterior of `Line`, half as wide again.
struct LinePosterior {
    mean: [f64; 2],
    /// The Cholesky factor of the covariance: sd of the intercept, the slope's covariance by that, and what is left of it.
    factor: [f64; 3],
}

impl LinePosterior {
    fn new(data: &LineData) -> Self {
        let n = data.points.len() as f64;
        let (x, y) = (&data.points.x, &data.points.y);
        let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(*x, *y)).sum::<f64>();
        let (a, b, c) = (n + 5000.0_f64.powi(-2), sum(&|x, _| x), sum(&|x, _| x * x) + 5.0_f64.powi(-2));
        let (u, v) = (sum(&|_, y| y), sum(&|x, y| x * y));
        let determinant = a * c - b * b;
        let covariance = [c / determinant, -b / determinant, a / determinant];
        let first = covariance[0].sqrt();
        let across = covariance[1] / first;
        let mean = [(c * u - b * v) / determinant, (a * v - b * u) / determinant];
        Self { mean, factor: [first, across, c.recip().sqrt()] }
    }
}

impl Proposal for LinePosterior {
    fn latent_names(&self) -> Vec<String> {
        ["intercept", "slope"].map(str::to_owned).into()
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        let noise = Normal::new(0.0, 1.5);
        let [first, across, rest] = self.factor;
        for (q, log_density) in q.chunks_mut(2).zip(log_density) {
            let (a, b) = (noise.draw(rng), noise.draw(rng));
            q[0] = self.mean[0] + first * a;
            q[1] = self.mean[1] + across * a + rest * b;
            *log_density = noise.log_density(a) + noise.log_density(b) - (first * rest).ln();
        }
    }
}

/// With the metric of a refined posterior, chains of a tenth of the warm-up are worth at least as much as with all of it, and
/// far more than without the metric.
#[test]
fn nuts_takes_the_metric_of_a_refined_posterior() {
    let points = LinePoints { x: (0..20).map(|i| 1000.0 + 0.1 * f64::from(i)).collect(), y: vec![] };
    let y = (0..20).map(|i| 3.0 + (f64::from(i) * 1.7).sin()).collect();
    let (model, data) = (Line::default(), LineData { points: LinePoints { y, ..points } });
    let exact = LinePosterior::new(&data);
    let refined = importance_sample(&model, &data, &exact, 4000, seed(1)).unwrap();
    assert!(refined.warnings().is_empty(), "{refined}");
    let worth = |chains: &Chains<Line>| {
        let rows = chains.summary().rows;
        let least = |of: fn(&hierarch::draws::SummaryRow) -> f64| rows.iter().map(of).fold(f64::INFINITY, f64::min);
        (chains.rhat_max(), least(|r| r.ess_bulk.unwrap()).min(least(|r| r.ess_tail.unwrap())))
    };
    let started = model.nuts(&data).seed(seed(2)).start_from(&refined).run().unwrap();
    let (from_nowhere, short) =
        (model.nuts(&data).seed(seed(2)).run().unwrap(), model.nuts(&data).seed(seed(2)).warmup(100).run().unwrap());
    println!("{:?} {:?} {:?}", worth(&started), worth(&from_nowhere), worth(&short));
    println!("{:?} {:?} {:?}", started.time(), from_nowhere.time(), short.time());
    let (rhat, size) = worth(&started);
    within!(rhat - 1.0, 0.01, "{started}");
    assert_eq!(started.divergences(), 0, "{started}");
    within!(1500.0, size, "{size} {:?}", worth(&from_nowhere));
    within!(0.8 * worth(&from_nowhere).1, size, "{size} {:?}", worth(&from_nowhere));
    within!(5.0 * worth(&short).1, size, "the metric made no difference: {:?}", worth(&short));
    for (row, (mean, sd)) in started
        .summary()
        .rows
        .iter()
        .zip(exact.mean.iter().zip([exact.factor[0], exact.factor[1].hypot(exact.factor[2])]))
    {
        within!((row.mean - mean).abs(), 4.0 * sd / row.ess_bulk.unwrap().sqrt(), "{started}");
        within!((row.sd / sd - 1.0).abs(), 0.1, "{started}");
    }
}

model! {
    /// Two places, between which the density is lower by a hundred thousand million nats: no chain goes from one to the other.
    pub Islands {
        global place ~ Mixture([0.5, 0.5], [Normal(0.0, 1.0), Normal(1e6, 1.0)]);
        observe x ~ Normal(0.0 * place, 1.0);
    }
}

/// Chains start where the refined posterior is, and without one between -2 and 2.
#[test]
fn nuts_starts_where_a_refined_posterior_is() {
    let (model, data) = (Islands::default(), IslandsData { x: 0.3 });
    let proposal = Gaussian { names: vec!["place"], mean: vec![1e6], sd: vec![1.5] };
    let refined = importance_sample(&model, &data, &proposal, 4000, seed(1)).unwrap();
    let chains = model.nuts(&data).seed(seed(1)).start_from(&refined).run().unwrap();
    assert!(chains.by_chain("place").unwrap().concat().iter().all(|place| (place - 1e6).abs() < 100.0), "{chains}");
    let elsewhere = model.nuts(&data).seed(seed(1)).run().unwrap();
    assert!(elsewhere.by_chain("place").unwrap().concat().iter().all(|place| place.abs() < 100.0), "{elsewhere}");
}

/// A narrow peak far from where chains start by themselves: they find it from a refined posterior, also if its weights cannot
/// be trusted.
#[test]
fn nuts_starts_from_a_refined_posterior() {
    let model = Resonance::default();
    let truth = ResonanceGlobals { fraction: 0.2, mass: 6.0 };
    let data = model.simulate(1).at(&truth).size("events", 100).seed(seed(4)).one().unwrap().data;
    let peak: Vec<f64> = data.events.x.iter().copied().filter(|x| *x > 4.5).collect();
    let n = peak.len() as f64;
    let posterior_mean = peak.iter().sum::<f64>() / n;
    for (wide, trusted) in [(1.5, true), (0.2, false)] {
        let proposal = Gaussian {
            names: vec!["fraction", "mass"],
            mean: vec![(n / (100.0 - n)).ln(), posterior_mean],
            sd: vec![0.25 * wide, 0.1 / n.sqrt() * wide],
        };
        // So many draws that k-hat, 0.96 of the narrow one, is four of its errors above what is trusted.
        let refined = importance_sample(&model, &data, &proposal, 100_000, seed(1)).unwrap();
        assert_eq!(refined.warnings().is_empty(), trusted, "{refined}");
        let chains = model.nuts(&data).seed(seed(1)).start_from(&refined).draws(4000).run().unwrap();
        let rows = chains.summary().rows;
        println!("{chains}");
        // The events are told apart for certain: fraction ~ Beta(1 + n, 101 - n), and a normal mass.
        let (a, b) = (1.0 + n, 101.0 - n);
        let fraction = (a / (a + b), (a * b / ((a + b).powi(2) * (a + b + 1.0))).sqrt());
        let precision = n / 0.01 + 0.25;
        let mass = ((posterior_mean * n / 0.01 + 0.25) / precision, precision.recip().sqrt());
        for (row, (mean, sd)) in rows.iter().zip([fraction, mass]) {
            within!(row.rhat.unwrap() - 1.0, 0.01, "{chains}");
            within!(4000.0, row.ess_bulk.unwrap(), "{chains}");
            within!((row.mean - mean).abs(), 4.0 * sd / row.ess_bulk.unwrap().sqrt(), "{chains} {mean}");
            within!((row.sd / sd - 1.0).abs(), 0.05, "{chains} {sd}");
        }
    }

    // A posterior of other data, and too short a warm-up.
    let schools =
        |n: usize| EightSchoolsData { schools: EightSchoolsSchools { sigma: vec![10.0; n], y: vec![1.0; n] } };
    let names = vec!["mu", "tau", "eta[0]", "eta[1]"];
    let proposal = Gaussian { names, mean: vec![0.0; 4], sd: vec![1.0; 4] };
    let refined = importance_sample(&EightSchools::default(), &schools(2), &proposal, 4000, seed(1)).unwrap();
    let (model, three) = (EightSchools::default(), schools(3));
    let error = model.nuts(&three).start_from(&refined).run().unwrap_err().to_string();
    assert!(error.contains("has 4 unconstrained numbers and the model with these data 5"), "{error}");
}

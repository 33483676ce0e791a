//! A signal over a background of unknown scale, by frequentist inference (arXiv 2306.12584): a learned test statistic of the
//! signal strength beside the exact profile likelihood ratio, their power, and the coverage of their confidence sets.
//!
//! `cargo run --release --example on_off`

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod exact;

use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::Parser;
use common::{Options, Output, Result, report};
use exact::Likelihood;
use hierarch::calibration::Neyman;
use hierarch::draws::diagnostics::quantile;
use hierarch::plot::{self, Axes, Figure, Mark, Series};
use hierarch::prelude::*;
use rayon::prelude::*;
use serde_json::{Value, json};

model! {
    /// Signal events of unknown strength mu among background events of unknown scale nu.
    pub OnOff {
        /// Expected signal events at mu = 1.
        param signal: f64 = 10.0;
        /// Half of the expected background events at nu = 1.
        param background: f64 = 50.0;

        global mu ~ Uniform(0.0, 12.0);
        nuisance nu ~ Uniform(0.5, 2.0);

        let expected = signal * mu + 2.0 * background * nu;
        plate events(n ~ Poisson(expected)) {
            local is_signal ~ Bernoulli(signal * mu / expected);
            let (mean, sd) = if is_signal { (-7.0, 2.0) } else { (0.0, 3.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}

/// The strengths that are tested, and how far from them the alternatives are that the statistic learns from.
const TESTED: RangeInclusive<f64> = 3.0..=7.0;
const DELTA: RangeInclusive<f64> = 0.5..=2.0;
/// The strength that the power is of rejecting, the strengths that are true instead, and those of the summary.
const NULL: f64 = 5.0;
const TRUE: [f64; 12] = [2.5, 3.0, 3.5, 4.0, 4.25, 4.5, 5.5, 5.75, 6.0, 6.5, 7.0, 7.5];
const SUMMARY: [f64; 4] = [3.0, 3.5, 6.5, 7.0];
/// The backgrounds at which tests are compared.
const NUS: [f64; 3] = [0.75, 1.0, 1.5];
/// The chance of rejecting what is true.
const SIZE: f64 = 0.05;
/// Confidence levels, and where coverage is looked at: each background with each strength.
const LEVELS: [f64; 3] = [0.68, 0.9, 0.95];
const COVERED_NUS: [f64; 7] = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0];
const COVERED_MUS: [f64; 3] = [4.0, 5.0, 6.0];

/// A test statistic of a data set and a strength.
type Statistic<'a> = &'a (dyn Fn(&OnOffData, f64) -> std::result::Result<f64, InferenceError> + Sync);
type Sets<'a> = Neyman<'a, OnOff>;

/// Tests a signal strength whatever the background.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Bins of the learned histogram; 24 by default
    #[arg(long)]
    bins: Option<usize>,
    /// Simulated data sets that the statistic learns from
    #[arg(long)]
    train_sets: Option<u64>,
    /// Simulated data sets for each power; a fifth for each coverage, and 20 times as many for critical values
    #[arg(long)]
    sets: Option<usize>,
    /// The paper's sizes: 10 bins, three layers of 256 for an event, 15,000 steps of 200 data sets (hours)
    #[arg(long)]
    paper: bool,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = &arguments.options;
    let model = OnOff::default();
    let out = Output::new("on_off", options);
    out.figure("plates", &plot::plate_diagram(&model.specification()))?;

    let statistic = train(&model, arguments)?;
    statistic.save(out.path("statistic.safetensors"))?;
    out.training(statistic.history())?;

    let sets = arguments.sets.unwrap_or(if options.quick { 500 } else { 10_000 });
    let learned: Statistic<'_> = &|data, mu| statistic.evaluate(data, mu);
    let exact: Statistic<'_> = &|data, mu| Ok(Likelihood::new(&model, &data.events.x).profile(&[mu])[0]);

    let checked = check_exact(&model, options)?;
    println!("\nthe exact statistic is off that of `ProfileLikelihood` by at most {checked:.1e}");
    println!("tests of mu = {NULL} on {sets} data sets at each of {} points ...", (TRUE.len() + 1) * NUS.len());
    let agreement = agreement(&out, &model, learned, sets, options.seed)?;
    let powers = [power(&model, learned, sets, options.seed)?, power(&model, exact, sets, options.seed)?];
    let summary = |powers: &[f64]| {
        let of = TRUE.iter().zip(powers).filter(|(mu, _)| SUMMARY.contains(mu)).map(|(_, power)| power);
        of.sum::<f64>() / SUMMARY.len() as f64
    };
    let (power_learned, power_exact) = (summary(&powers[0]), summary(&powers[1]));
    println!("Spearman's correlation with the exact statistic, at mu = {NULL}:");
    println!("{:>6}{:>10}{:>26}", "nu", "learned", "what it learns, exactly");
    agreement.iter().for_each(|a| println!("{:>6}{:>10.4}{:>26.4}", a.nu, a.spearman, a.best));
    println!("\npower at {} %, mean over nu = {NUS:?}:", 100.0 * SIZE);
    println!("{:>6}{:>10}{:>10}", "mu", "learned", "exact");
    for (mu, (learned, exact)) in TRUE.iter().zip(powers[0].iter().zip(&powers[1])) {
        println!("{mu:>6}{learned:>10.4}{exact:>10.4}");
    }
    println!("mean over {SUMMARY:?}: learned {power_learned:.4}, exact {power_exact:.4}");
    let power_curves = plot_power(&powers)?;
    out.figure("power", &power_curves)?;

    let simulations = if options.quick { 5_000 } else { 20 * sets };
    println!("\nconfidence sets, with critical values from {simulations} data sets ...");
    let simulate = || model.simulate(simulations).seed(options.seed ^ 0x6372_6974);
    // What needs no likelihood: the events beyond those that are expected of the signal that is tested.
    let nu = |data: &OnOffData, mu: f64| (data.events.len() as f64 - model.signal * mu) / (2.0 * model.background);
    let of_learned = Neyman::following(simulate(), "mu", TESTED, &LEVELS, learned, "nu", nu)?;
    let of_exact = Neyman::following(simulate(), "mu", TESTED, &LEVELS, exact, "nu", nu)?;
    let coverages = [coverage(&of_learned, sets, options.seed)?, coverage(&of_exact, sets, options.seed)?];
    let coverage_curves = plot_coverage(&coverages)?;
    out.figure("coverage", &coverage_curves)?;
    println!("coverage over nu = {COVERED_NUS:?}, of {} data sets each:", coverages[0].sets);
    println!("{:>6}{:>10}{:>10}{:>10}{:>12}{:>10}", "level", "learned", "least", "exact", "least", "error");
    for (level, (learned, exact)) in LEVELS.iter().zip(coverages[0].summaries().zip(coverages[1].summaries())) {
        let error = coverages[0].error(*level);
        let (a, b, c, d) = (learned.1, learned.0, exact.1, exact.0);
        println!("{level:>6}{a:>10.4}{b:>10.4}{c:>10.4}{d:>12.4}{error:>10.4}");
    }

    let one = one_data_set(&out, &model, (learned, &of_learned), (exact, &of_exact), options.seed)?;

    out.report(
        Report::new(&model)
            .title("A signal strength whatever the background")
            .training("the statistic", statistic.history())
            .figure(
                "The power of 5 % tests of μ = 5, mean over backgrounds, each calibrated at its own.",
                &power_curves,
            )
            .figure("The coverage of confidence sets at each background, beside what they say.", &coverage_curves)
            .setting("seed", options.seed)
            .setting("data sets for each power", sets)
            .setting("data sets for critical values", simulations),
    )?;
    let last = statistic.history().last().copied();
    let by_mu = TRUE.iter().zip(powers[0].iter().zip(&powers[1]));
    out.summary(&json!({
        "spearman": agreement.iter().map(|a| a.spearman).fold(f64::INFINITY, f64::min),
        "spearman_of_what_is_learned": agreement.iter().map(|a| a.best).fold(f64::INFINITY, f64::min),
        "agreement": agreement.iter().map(Agreement::json).collect::<Vec<_>>(),
        "power_learned": power_learned, "power_exact": power_exact,
        "power": by_mu.map(|(mu, (a, b))| json!({ "mu": mu, "learned": a, "exact": b })).collect::<Vec<_>>(),
        "coverage": coverages[0].json(), "coverage_exact": coverages[1].json(),
        "data_set": one, "exact_off_max": checked,
        "train_seconds": last.map(|r| r.seconds), "sets_seen": last.map(|r| r.sets),
    }))
}

/// The learned statistic.
fn train(model: &OnOff, arguments: &Arguments) -> Result<TestStatistic<OnOff>> {
    let (paper, quick) = (arguments.paper, arguments.options.quick);
    let default = if quick {
        100_000
    } else if paper {
        3_000_000
    } else {
        4_000_000
    };
    let sets = arguments.train_sets.unwrap_or(default);
    let bins = arguments.bins.unwrap_or(if paper { 10 } else { 24 });
    println!("training the statistic on {sets} data sets ...");
    let training = model.test_statistic("mu").hypotheses(TESTED).delta(DELTA).seed(arguments.options.seed);
    let mut network = NetworkConfig::learned_histogram(bins);
    let mut config = TrainingConfig::default();
    if paper {
        network.element_layers = Some(vec![256, 256, 256, bins]);
        config.batch_size = Some(200);
    }
    let statistic = training.network(network).training(config).train(Budget::simulations(sets))?;
    if let Some(last) = statistic.history().last() {
        println!("{:.0} s; loss {:.4} nats", last.seconds, last.validation);
    }
    Ok(statistic)
}

/// How far the example's exact statistic is from the one that the library finds for any model, at most.
fn check_exact(model: &OnOff, options: &Options) -> Result<f64> {
    let ratio = ProfileLikelihood::new(model, ["mu"])?;
    let drawn = model.simulate(if options.quick { 20 } else { 200 }).seed(options.seed ^ 0x6c72).run()?;
    let off = |s: &Simulation<OnOff>| {
        let mu = [3.0, NULL, 7.0];
        let general = ratio.curve(&s.data, &mu.map(|mu| [mu]))?;
        let own = Likelihood::new(model, &s.data.events.x).profile(&mu);
        Ok(own.iter().zip(general).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
    };
    let all = drawn.par_iter().map(off).collect::<std::result::Result<Vec<f64>, FitError>>()?;
    Ok(all.into_iter().fold(0.0, f64::max))
}

/// How well the learned statistic orders data sets as the exact one does.
struct Agreement {
    nu: f64,
    /// Spearman's correlation of the learned and the exact statistic.
    spearman: f64,
    /// The same of the statistic that the network approximates.
    best: f64,
}

impl Agreement {
    fn json(&self) -> Value {
        json!({ "nu": self.nu, "spearman": self.spearman, "spearman_of_what_is_learned": self.best })
    }
}

/// Compares the learned statistic with the exact one where the null is true.
fn agreement(out: &Output, model: &OnOff, learned: Statistic<'_>, sets: usize, seed: u64) -> Result<Vec<Agreement>> {
    let mut all = Vec::new();
    for (i, nu) in NUS.into_iter().enumerate() {
        let globals = OnOffGlobals { mu: NULL, nu };
        let drawn = model.simulate(sets).at(&globals).seed(seed ^ (0x7370_6500 + i as u64)).run()?;
        let of = |s: &Simulation<OnOff>| {
            let likelihood = Likelihood::new(model, &s.data.events.x);
            Ok([learned(&s.data, NULL)?, likelihood.profile(&[NULL])[0], likelihood.best_learned(NULL, DELTA)])
        };
        let each = drawn.par_iter().map(of).collect::<std::result::Result<Vec<_>, InferenceError>>()?;
        let column = |k: usize| each.iter().map(|row: &[f64; 3]| row[k]).collect::<Vec<f64>>();
        let (learned, exact, best) = (column(0), column(1), column(2));
        if nu == 1.0 {
            let pairs = |t: &[f64]| exact.iter().copied().zip(t.iter().copied()).take(2000).collect::<Vec<_>>();
            let (learned, best) = (pairs(&learned), pairs(&best));
            let series = [
                Series::new("learned", Mark::Points, &learned),
                Series::new("what is learned, by quadrature", Mark::Points, &best),
            ];
            let axes = Axes {
                x: "exact profile likelihood ratio, −2 ln λ(5)",
                y: "test statistic t(data, 5)",
                ..Axes::default()
            };
            out.figure("statistic", &plot::lines(&axes, &series)?)?;
        }
        all.push(Agreement { nu, spearman: spearman(&learned, &exact), best: spearman(&best, &exact) });
    }
    Ok(all)
}

/// The power against each of the true strengths, mean over backgrounds, of tests that are calibrated at each.
fn power(model: &OnOff, statistic: Statistic<'_>, sets: usize, seed: u64) -> Result<Vec<f64>> {
    let mut powers = vec![0.0; TRUE.len()];
    for (i, nu) in NUS.into_iter().enumerate() {
        let at = |mu: f64, k: usize| -> Result<Vec<f64>> {
            let seed = seed ^ (0x706f_7700 + (32 * i + k) as u64);
            let drawn = model.simulate(sets).at(&OnOffGlobals { mu, nu }).seed(seed).run()?;
            Ok(drawn
                .par_iter()
                .map(|s| statistic(&s.data, NULL))
                .collect::<std::result::Result<_, InferenceError>>()?)
        };
        let mut null = at(NULL, 0)?;
        null.sort_unstable_by(f64::total_cmp);
        let critical = quantile(&null, 1.0 - SIZE);
        for (k, (mu, power)) in TRUE.into_iter().zip(&mut powers).enumerate() {
            let rejected = at(mu, k + 1)?.into_iter().filter(|t| *t > critical).count();
            *power += rejected as f64 / (sets * NUS.len()) as f64;
        }
    }
    Ok(powers)
}

/// How often confidence sets hold the true strength.
struct Covered {
    /// Data sets at each background, of several strengths.
    sets: usize,
    /// For each background, the share at each level.
    shares: Vec<Vec<f64>>,
}

impl Covered {
    /// For each level the least share and the mean, over backgrounds.
    fn summaries(&self) -> impl Iterator<Item = (f64, f64)> {
        (0..LEVELS.len()).map(|level| {
            let of = || self.shares.iter().map(|shares| shares[level]);
            (of().fold(f64::INFINITY, f64::min), of().sum::<f64>() / self.shares.len() as f64)
        })
    }

    /// The standard error of a share, if the level is right.
    fn error(&self, level: f64) -> f64 {
        (level * (1.0 - level) / self.sets as f64).sqrt()
    }

    fn json(&self) -> Vec<Value> {
        let row = |(i, (min, mean)): (usize, (f64, f64))| {
            let level = LEVELS[i];
            let max = self.shares.iter().map(|shares| shares[i]).fold(0.0, f64::max);
            json!({
                "level": level, "nominal": level, "min": min, "mean": mean, "max": max,
                "sets": self.sets, "binomial_error": self.error(level),
            })
        };
        self.summaries().enumerate().map(row).collect()
    }
}

fn coverage(neyman: &Sets<'_>, sets: usize, seed: u64) -> Result<Covered> {
    let sets = (sets / 5).max(1);
    let mut all = Vec::new();
    for (i, nu) in COVERED_NUS.into_iter().enumerate() {
        let mut shares = vec![0.0; LEVELS.len()];
        for (j, mu) in COVERED_MUS.into_iter().enumerate() {
            let seed = seed ^ (0x636f_7600 + (8 * i + j) as u64);
            let found = neyman.coverage(&OnOffGlobals { mu, nu }, sets, seed)?;
            shares.iter_mut().zip(found).for_each(|(sum, c)| *sum += c.share / COVERED_MUS.len() as f64);
        }
        all.push(shares);
    }
    Ok(Covered { sets: sets * COVERED_MUS.len(), shares: all })
}

fn plot_power(powers: &[Vec<f64>; 2]) -> Result<Figure> {
    // At the null it is the size of the test.
    let curve = |powers: &[f64]| {
        let mut points: Vec<(f64, f64)> = TRUE.into_iter().zip(powers.iter().copied()).collect();
        points.push((NULL, SIZE));
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let (learned, exact) = (curve(&powers[0]), curve(&powers[1]));
    let series = [
        Series::new("learned statistic", Mark::LinePoints, &learned),
        Series::new("exact profile likelihood ratio", Mark::Dashed, &exact),
    ];
    let axes = Axes { x: "true signal strength μ", y: "power of a 5 % test of μ = 5", ..Axes::default() };
    Ok(plot::lines(&axes, &series)?)
}

fn plot_coverage(coverages: &[Covered; 2]) -> Result<Figure> {
    // All levels on one scale: how far a share is from its level, in errors that it has if the level is right.
    let mut curves = Vec::new();
    for (name, mark, covered) in [("learned", Mark::LinePoints, &coverages[0]), ("exact", Mark::Dashed, &coverages[1])]
    {
        for (i, level) in LEVELS.into_iter().enumerate() {
            let off = |shares: &Vec<f64>| (shares[i] - level) / covered.error(level);
            let points: Vec<(f64, f64)> = COVERED_NUS.into_iter().zip(covered.shares.iter().map(off)).collect();
            curves.push((format!("{name}, {:.0} %", 100.0 * level), mark, points));
        }
    }
    let mut series: Vec<Series<'_>> =
        curves.iter().map(|(name, mark, points)| Series::new(name, *mark, points)).collect();
    let (nominal, band) = (COVERED_NUS.map(|nu| (nu, 0.0)), [(-3.0, 3.0); COVERED_NUS.len()]);
    series.push(Series::new("as it says, ± 3 errors", Mark::Thin, &nominal).band(&band));
    let axes = Axes { x: "background scale ν", y: "coverage less its level, binomial errors", ..Axes::default() };
    Ok(plot::lines(&axes, &series)?)
}

/// One data set: its fit, and the confidence sets of both statistics.
fn one_data_set(
    out: &Output,
    model: &OnOff,
    (learned, of_learned): (Statistic<'_>, &Sets<'_>),
    (exact, of_exact): (Statistic<'_>, &Sets<'_>),
    seed: u64,
) -> Result<Value> {
    let truth = OnOffGlobals { mu: NULL, nu: 1.0 };
    let data = model.simulate(1).at(&truth).seed(seed).one()?.data;
    data.to_csv(out.path("data.csv"))?;
    let best = ProfileLikelihood::new(model, ["mu"])?.maximum(&data)?.globals;
    println!(
        "\none data set of {} events, true mu = {NULL}; most likely mu = {:.3}, nu = {:.3}",
        data.events.len(),
        best.mu,
        best.nu
    );
    let sets = [of_learned.confidence_sets(&data)?, of_exact.confidence_sets(&data)?];
    for (i, level) in LEVELS.into_iter().enumerate() {
        let text = |sets: &Vec<Vec<RangeInclusive<f64>>>| {
            let parts = sets[i].iter().map(|part| format!("{:.2} to {:.2}", part.start(), part.end()));
            parts.collect::<Vec<_>>().join(", ")
        };
        println!("{level}: learned {}; exact {}", text(&sets[0]), text(&sets[1]));
    }

    let (low, high, bins) = (-15.0, 10.0, 25);
    let width = (high - low) / bins as f64;
    let edges: Vec<f64> = (0..=bins).map(|i| low + width * i as f64).collect();
    let mut counts = vec![0.0; bins];
    for x in data.events.x.iter().filter(|x| (low..high).contains(*x)) {
        counts[((x - low) / width) as usize] += 1.0;
    }
    let curve = |mu: f64, nu: f64| -> Vec<(f64, f64)> {
        let at = |i: u32| low + (high - low) * f64::from(i) / 400.0;
        (0..=400).map(|i| (at(i), width * exact::rate(model, at(i), [mu, nu]))).collect()
    };
    let (all, rest) = (curve(best.mu, best.nu), curve(0.0, best.nu));
    let fits = [Series::new("most likely", Mark::Line, &all), Series::new("its background", Mark::Dashed, &rest)];
    let axes = Axes { x: "x", y: "events per bin", ..Axes::default() };
    out.figure("data", &plot::data_with_fit(&axes, &edges, &counts, &fits)?)?;

    // Below 0 is inside the confidence set.
    let (mut of_data, mut of_fit) = (Vec::new(), Vec::new());
    let last = LEVELS.len() - 1;
    for i in 0..=80 {
        let mu = TESTED.start() + (TESTED.end() - TESTED.start()) * f64::from(i) / 80.0;
        let t = learned(&data, mu)?;
        of_data.push((mu, t - of_learned.critical_values(&data, mu)?[last]));
        let t = exact(&data, mu)?;
        of_fit.push((mu, t - of_exact.critical_values(&data, mu)?[last]));
    }
    let edge = [(*TESTED.start(), 0.0), (*TESTED.end(), 0.0)];
    let series = [
        Series::new("learned", Mark::Line, &of_data),
        Series::new("exact profile likelihood ratio", Mark::Dashed, &of_fit),
        Series::new("below: in the confidence set", Mark::Thin, &edge),
    ];
    let axes = Axes { x: "signal strength μ", y: "statistic less its 95 % critical value", ..Axes::default() };
    out.figure("confidence", &plot::lines(&axes, &series)?)?;
    let ends = |sets: &Vec<Vec<RangeInclusive<f64>>>| -> Value {
        let parts = |set: &Vec<RangeInclusive<f64>>| set.iter().map(|p| [*p.start(), *p.end()]).collect::<Vec<_>>();
        LEVELS.iter().zip(sets).map(|(level, set)| json!({ "level": level, "mu": parts(set) })).collect()
    };
    Ok(json!({
        "events": data.events.len(), "most_likely": { "mu": best.mu, "nu": best.nu },
        "learned": ends(&sets[0]), "exact": ends(&sets[1]),
    }))
}

/// Spearman's rank correlation.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let ranks = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|i, j| values[*i].total_cmp(&values[*j]));
        let mut ranks = vec![0.0; values.len()];
        order.into_iter().enumerate().for_each(|(rank, i)| ranks[i] = rank as f64);
        ranks
    };
    // Ranks without ties, whose variance is known.
    let n = a.len() as f64;
    let squares: f64 = ranks(a).iter().zip(ranks(b)).map(|(a, b)| (a - b).powi(2)).sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0))
}

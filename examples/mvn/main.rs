//! The mean of normal draws (arXiv 2306.12584, section 4.1): a deep set, and a transformer that says what is believed after
//! every element, beside the exact posterior at every size of data set, up to five times larger than any they have seen.
//!
//! `cargo run --release --example mvn`

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod exact;

use std::process::ExitCode;

use clap::Parser;
use common::{Options, Output, Result, budget, report};
use exact::Exact;
use hierarch::calibration::Calibration;
use hierarch::distributions::{Distribution, Normal};
use hierarch::draws::diagnostics::quantile;
use hierarch::plot::{self, Axes, Mark, Panel, Series};
use hierarch::prelude::*;
use rayon::prelude::*;
use serde_json::{Value, json};

model! {
    /// Draws from a normal distribution of unknown mean, five to an element.
    pub Mvn {
        /// The most elements in a data set.
        param longest: usize = 200;

        global theta[3] ~ Normal(0.0, 3.0);

        plate elements(1..=longest) {
            plate draws(5) {
                observe x[3] ~ MvNormal(theta, [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]);
            }
        }
    }
}

/// The numbers of the model that the exact posterior depends on.
const PRIOR_SD: f64 = 3.0;
const VARIANCES: [f64; 3] = [2.0, 4.0, 6.0];
const DRAWS: usize = 5;

/// The sizes of data set at which widths are judged, within what is trained for, and those that are only looked at: the rest
/// of the curve, and what lies beyond.
const JUDGED: [usize; 8] = [1, 2, 5, 10, 20, 50, 100, 200];
const BETWEEN: [usize; 10] = [3, 4, 7, 14, 30, 40, 70, 85, 140, 170];
const BEYOND: [usize; 6] = [250, 300, 400, 500, 700, 1000];
/// The sizes at which the posterior about one data set is shown.
const SHOWN: [usize; 3] = [1, 10, 200];

/// Infers the mean of normal draws from data sets of any size.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Seconds of training, for each of the two posteriors; without, they see 2 and half a million data sets
    #[arg(long)]
    train_seconds: Option<f64>,
    /// The paper's sizes: rows read by layers of 256, a transformer of 6 blocks, and 50 epochs of 50,000 data sets (a day)
    #[arg(long)]
    paper: bool,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = &arguments.options;
    let model = Mvn::default();
    let out = Output::new("mvn", options);
    out.figure("plates", &plot::plate_diagram(&model.specification()))?;

    // Longer than until they have converged to 0.02 nats: the distance from the exact posterior is what is shown.
    let budget = |usual| match arguments.paper {
        true => Budget::simulations(2_500_000),
        false => budget(arguments.train_seconds, options, Budget::simulations(usual), 20_000),
    };
    let (of_deep_set, of_transformer) = (budget(2_000_000), budget(500_000));
    let encoder = match arguments.paper {
        true => Encoder::Causal { width: 128, heads: 4, blocks: 6 },
        false => Encoder::Causal { width: 32, heads: 4, blocks: 2 },
    };
    let npe = || model.npe().seed(options.seed);
    println!("training the deep set ({of_deep_set}) ...");
    let deep_set = match arguments.paper {
        true => {
            let network = NetworkConfig { element_layers: Some(vec![256, 256]), ..Default::default() };
            npe().network(network).train(of_deep_set)?
        }
        false => npe().train(of_deep_set)?,
    };
    println!("training the transformer ({of_transformer}) ...");
    let transformer = npe().network(NetworkConfig { encoder, ..Default::default() }).train(of_transformer)?;

    println!("comparing them with the exact posterior ...");
    let sets = if options.quick { 50 } else { 400 };
    let longest = *BEYOND.last().unwrap_or(&model.longest);
    let long = Mvn { longest }.simulate(sets).seed(options.seed ^ 0x6d76_6e00).size("elements", longest).run()?;
    let long: Vec<&MvnData> = long.iter().map(|s| &s.data).collect();
    let mut lengths = [&JUDGED[..], &BETWEEN, &BEYOND].concat();
    lengths.sort_unstable();
    let mut judged = Vec::new();
    for (name, estimator) in [("deep set", &deep_set), ("transformer", &transformer)] {
        judged.push(Judged::new(name, estimator, &long, &lengths, options)?);
    }

    table(&judged);
    plot_widths(&out, &judged)?;
    plot_errors(&out, &judged)?;
    // One that starts on the wrong side of the truth, so that there is something to see.
    let truth = MvnGlobals { theta: [2.0, -1.0, 0.5] };
    let one = model.simulate(1).seed(options.seed).at(&truth).size("elements", model.longest).one()?.data;
    plot_contraction(&out, &judged, &one, &truth)?;
    plot_marginals(&out, &judged, &one, &truth)?;
    out.training(deep_set.history())?;

    let check =
        PredictiveCheck::new(&model, &one).seed(options.seed).posterior(deep_set.condition(&one)?.globals(1000, 0))?;
    let mut report = Report::new(&model)
        .title("The mean of normal draws")
        .data(&one)
        .truth(&model, &truth)
        .posterior("exact", &Draws::new(Exact::new(&one.elements).sample(4000, options.seed)))
        .setting("seed", options.seed)
        .predictive(&check);
    for judged in &judged {
        let estimator = judged.estimator;
        report = report
            .posterior(judged.name, &estimator.condition(&one)?)
            .training(judged.name, estimator.history())
            .warnings(judged.name, estimator.warnings())
            .calibration(judged.name, &judged.calibration);
    }
    out.report(report)?;

    let seconds: f64 = [&deep_set, &transformer].iter().map(|p| p.history().last().map_or(0.0, |r| r.seconds)).sum();
    out.summary(&json!({
        "deep_set": judged[0].summary(), "transformer": judged[1].summary(), "train_seconds": seconds,
    }))
}

/// The beginning of a data set.
fn beginning(data: &MvnData, elements: usize) -> MvnData {
    let draws = &data.elements.draws;
    let draws = MvnDraws { offsets: draws.offsets[..=elements].to_vec(), x: draws.x[..DRAWS * elements].to_vec() };
    MvnData { elements: MvnElements { draws } }
}

/// A posterior beside the exact one.
struct Judged<'a> {
    name: &'a str,
    estimator: &'a PosteriorEstimator<Mvn>,
    /// For each length and dimension, the sd over the exact one, of each data set, ascending.
    ratios: Vec<(usize, [Vec<f64>; 3])>,
    /// Mean and standard error of KL(exact || learned) in nats, over data sets of sizes as in training.
    divergence: (f64, f64),
    calibration: Calibration,
}

impl<'a> Judged<'a> {
    fn new(
        name: &'a str,
        estimator: &'a PosteriorEstimator<Mvn>,
        long: &[&MvnData],
        lengths: &[usize],
        options: &Options,
    ) -> Result<Self> {
        let each = long.par_iter().map(|data| -> std::result::Result<Vec<[f64; 3]>, InferenceError> {
            let ratios = |(posterior, length): (Posterior<Mvn>, &usize)| {
                let (summary, exact) = (posterior.summary(), exact::sd(*length));
                std::array::from_fn(|k| summary.rows[k].sd / exact[k])
            };
            Ok(after(estimator, data, lengths)?.into_iter().zip(lengths).map(ratios).collect())
        });
        let each = each.collect::<std::result::Result<Vec<_>, _>>()?;
        let ratios = |(i, length): (usize, &usize)| {
            let of = |k: usize| {
                let mut ratios: Vec<f64> = each.iter().map(|ratios| ratios[i][k]).collect();
                ratios.sort_by(f64::total_cmp);
                ratios
            };
            (*length, std::array::from_fn(of))
        };
        let ratios = lengths.iter().enumerate().map(ratios).collect();

        let sets = if options.quick { 100 } else { 2000 };
        let simulations = estimator.model().simulate(sets).seed(options.seed ^ 0x6b6c).run()?;
        let divergence = simulations.par_iter().map(|s| -> std::result::Result<f64, InferenceError> {
            let posterior = estimator.condition(&s.data)?;
            Ok(Exact::new(&s.data.elements).divergence(|theta| posterior.log_density(theta)))
        });
        let each = divergence.collect::<std::result::Result<Vec<f64>, _>>()?;
        let n = each.len() as f64;
        let mean = each.iter().sum::<f64>() / n;
        let variance = each.iter().map(|kl| (kl - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let calibration =
            estimator.calibrate().simulations(if options.quick { 100 } else { 1000 }).seed(options.seed).run()?;
        Ok(Self { name, estimator, ratios, divergence: (mean, (variance / n).sqrt()), calibration })
    }

    /// The relative error of the median sd of each dimension, at a length.
    fn errors(&self, length: usize) -> [f64; 3] {
        let at = self.ratios.iter().find(|(at, _)| *at == length);
        at.map_or([f64::NAN; 3], |(_, ratios)| std::array::from_fn(|k| quantile(&ratios[k], 0.5) - 1.0))
    }

    fn error_max(&self) -> f64 {
        JUDGED.iter().flat_map(|length| self.errors(*length)).fold(0.0, |max: f64, error| max.max(error.abs()))
    }

    fn summary(&self) -> Value {
        let last = self.estimator.history().last();
        let errors = |lengths: &[usize]| -> Vec<Value> {
            lengths.iter().map(|length| json!({ "length": length, "sd_error": self.errors(*length) })).collect()
        };
        json!({
            "sd_error_max": self.error_max(), "kl_nats": self.divergence.0, "kl_nats_sd": self.divergence.1,
            "sbc_p_min": self.calibration.p_min(), "train_seconds": last.map(|r| r.seconds), "sets_seen": last.map(|r| r.sets),
            "sd_errors": errors(&JUDGED), "sd_errors_beyond_training": errors(&BEYOND),
        })
    }
}

/// What is believed after so many elements of a data set: by a transformer from one pass over the data, by a deep set from
/// sums to which what is new is added. Lengths ascend, and may be beyond those of the training.
fn after(
    estimator: &PosteriorEstimator<Mvn>,
    data: &MvnData,
    lengths: &[usize],
) -> std::result::Result<Vec<Posterior<Mvn>>, InferenceError> {
    let estimator = estimator.any_size();
    if let Ok(all) = estimator.condition_prefixes(data) {
        let mut all: Vec<Option<Posterior<Mvn>>> = all.into_iter().map(Some).collect();
        return Ok(lengths.iter().filter_map(|length| all[length - 1].take()).collect());
    }
    lengths.iter().map(|length| estimator.condition(&beginning(data, *length))).collect()
}

fn table(judged: &[Judged]) {
    println!("\nerror of the sd in % (median over data sets, worst of three dimensions), by elements:");
    print!("{:<12}", "");
    JUDGED.iter().chain(&BEYOND).for_each(|length| print!("{length:>7}"));
    println!();
    for one in judged {
        print!("{:<12}", one.name);
        for length in JUDGED.iter().chain(&BEYOND) {
            let worst = one
                .errors(*length)
                .into_iter()
                .fold(0.0, |worst: f64, e| if e.abs() > worst.abs() { e } else { worst });
            print!("{:>7.2}", 100.0 * worst);
        }
        println!();
    }
    println!("(trained on 1 to 200)");
    for one in judged {
        println!(
            "{:<12} KL(exact || learned) {:.5} +- {:.5} nats, at sizes as trained; largest error of the sd {:.2} %; \
             least p-value of the ranks {:.3}",
            one.name,
            one.divergence.0,
            one.divergence.1,
            100.0 * one.error_max(),
            one.calibration.p_min()
        );
    }
}

/// The predicted sd and the exact one as data sets grow.
fn plot_widths(out: &Output, judged: &[Judged]) -> Result<()> {
    let longest = judged[0].ratios.last().map_or(1, |(length, _)| *length);
    let exact: Vec<Vec<(f64, f64)>> =
        (0..3).map(|k| (1..=longest).map(|n| (n as f64, exact::sd(n)[k])).collect()).collect();
    let found = |one: &Judged| -> Vec<(f64, f64)> {
        let point =
            |(n, ratios): &(usize, [Vec<f64>; 3]), k: usize| (*n as f64, quantile(&ratios[k], 0.5) * exact::sd(*n)[k]);
        (0..3).flat_map(|k| one.ratios.iter().map(move |at| point(at, k))).collect()
    };
    let found: Vec<Vec<(f64, f64)>> = judged.iter().map(found).collect();
    let labels = ["exact, variance 2", "exact, variance 4", "exact, variance 6"];
    let mut series: Vec<Series> =
        exact.iter().zip(labels).map(|(line, label)| Series::new(label, Mark::Line, line)).collect();
    series.extend(found.iter().zip(judged).map(|(points, one)| Series::new(one.name, Mark::Points, points)));
    let edge = [(200.0, exact::sd(longest)[0]), (200.0, exact::sd(1)[2])];
    series.push(Series::new("end of training", Mark::Dashed, &edge));
    let axes = Axes { x: "elements", y: "posterior sd", log_x: true, log_y: true, ..Axes::default() };
    out.figure("widths", &plot::lines(&axes, &series)?)
}

/// The same as a ratio, of all dimensions together: the median over data sets, and where nine in ten of them lie.
fn plot_errors(out: &Output, judged: &[Judged]) -> Result<()> {
    let mut curves = Vec::new();
    for one in judged {
        let (mut curve, mut band) = (Vec::new(), Vec::new());
        for (n, ratios) in &one.ratios {
            let mut all = ratios.concat();
            all.sort_by(f64::total_cmp);
            curve.push((*n as f64, quantile(&all, 0.5)));
            band.push((quantile(&all, 0.05), quantile(&all, 0.95)));
        }
        curves.push((one.name, curve, band));
    }
    let (low, high) = curves
        .iter()
        .flat_map(|(_, _, band)| band)
        .fold((0.98_f64, 1.02_f64), |(low, high), band| (low.min(band.0), high.max(band.1)));
    let edge = [(200.0, low), (200.0, high)];
    let one = [(1.0, 1.0), (1000.0, 1.0)];
    let mut series: Vec<Series> =
        curves.iter().map(|(name, curve, band)| Series::new(name, Mark::LinePoints, curve).band(band)).collect();
    series.push(Series::new("exact", Mark::Line, &one));
    series.push(Series::new("end of training", Mark::Dashed, &edge));
    let axes = Axes { x: "elements", y: "predicted sd / exact sd", log_x: true, ..Axes::default() };
    out.figure("width-errors", &plot::lines(&axes, &series)?)
}

/// What is believed of the first mean of one data set after every element: where nine tenths of the probability lie.
fn plot_contraction(out: &Output, judged: &[Judged], data: &MvnData, truth: &MvnGlobals) -> Result<()> {
    /// The 95 % quantile of a standard normal number.
    const Q95: f64 = 1.644_853_627;
    let longest = data.elements.draws.x.len() / DRAWS;
    let lengths: Vec<usize> = (1..=longest).collect();
    let exact = |n: &usize| {
        let Exact { mean, sd } = Exact::new(&beginning(data, *n).elements);
        ((*n as f64, mean[0]), (mean[0] - Q95 * sd[0], mean[0] + Q95 * sd[0]))
    };
    let (curve, band): (Vec<_>, Vec<_>) = lengths.iter().map(exact).unzip();
    let mut series = vec![Series::new("exact, median and 5 to 95 %", Mark::Line, &curve).band(&band)];
    // There along the lower end of the interval, and back along the upper one.
    let outline = |one: &Judged| -> Result<Vec<(f64, f64)>> {
        let posteriors = after(one.estimator, data, &lengths)?;
        let end = |probability: f64| -> Vec<(f64, f64)> {
            let value = |posterior: &Posterior<Mvn>| posterior.quantile("theta[0]", probability).unwrap_or(f64::NAN);
            posteriors.par_iter().zip(&lengths).map(|(posterior, n)| (*n as f64, value(posterior))).collect()
        };
        Ok(end(0.05).into_iter().chain(end(0.95).into_iter().rev()).collect())
    };
    let outlines = judged.iter().map(outline).collect::<Result<Vec<_>>>()?;
    let labels: Vec<String> = judged.iter().map(|one| format!("{}, 5 to 95 %", one.name)).collect();
    let marks = [Mark::Thin, Mark::Dashed];
    series.extend(outlines.iter().zip(&labels).zip(marks).map(|((line, label), mark)| Series::new(label, mark, line)));
    let line = [(1.0, truth.theta[0]), (longest as f64, truth.theta[0])];
    series.push(Series::new("truth", Mark::Thin, &line));
    let axes = Axes { x: "elements", y: "theta[0]", log_x: true, ..Axes::default() };
    out.figure("contraction", &plot::lines(&axes, &series)?)
}

/// The marginals of one data set, by how many of its elements have been seen.
fn plot_marginals(out: &Output, judged: &[Judged], data: &MvnData, truth: &MvnGlobals) -> Result<()> {
    let posteriors =
        judged.iter().map(|one| after(one.estimator, data, &SHOWN)).collect::<std::result::Result<Vec<_>, _>>()?;
    let draws: Vec<Vec<Vec<Vec<f64>>>> = posteriors
        .iter()
        .map(|posteriors| posteriors.iter().map(|posterior| posterior.sample(40_000, 0)).collect())
        .collect();
    let names: Vec<String> = SHOWN
        .iter()
        .flat_map(|n| (0..3).map(move |k| format!("theta[{k}], {n} element{}", if *n == 1 { "" } else { "s" })))
        .collect();
    let densities: Vec<Vec<(f64, f64)>> = SHOWN
        .iter()
        .flat_map(|n| {
            let exact = Exact::new(&beginning(data, *n).elements);
            (0..3).map(move |k| {
                let density = Normal::new(exact.mean[k], exact.sd[k]);
                let at = |i: i32| exact.mean[k] + exact.sd[k] * f64::from(i) / 25.0;
                (-100..=100).map(|i| (at(i), density.log_density(at(i)).exp())).collect()
            })
        })
        .collect();
    let panel = |i: usize| {
        let mut shown = vec![("exact", plot::Marginal::Density(&densities[i]))];
        shown.extend(
            judged.iter().zip(&draws).map(|(one, draws)| (one.name, plot::Marginal::Draws(&draws[i / 3][i % 3]))),
        );
        Panel { parameter: &names[i], posteriors: shown, lines: vec![("truth", truth.theta[i % 3])], range: None }
    };
    let panels: Vec<Panel> = (0..names.len()).map(panel).collect();
    out.figure("marginals", &plot::marginals("", &panels)?)
}

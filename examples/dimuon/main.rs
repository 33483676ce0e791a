//! The Z boson in 500 collisions recorded by the CMS experiment in 2010: a resonance of unknown mass, width and fraction on
//! a falling background, by NUTS and by an amortized neural posterior.
//!
//! `cargo run --release --example dimuon`, or with data of your own: `-- --data FILE --column NAME`.

#[path = "../common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{Options, Output, Result, budget, mean_and_sd, report};
use hierarch::distributions::{Cauchy, Distribution, Truncated, TruncatedExponential};
use hierarch::draws::Summary;
use hierarch::io::read_column;
use hierarch::model::Density;
use hierarch::plot::{self, Axes, Panel};
use hierarch::prelude::*;
use serde_json::json;

model! {
    /// A Breit-Wigner (Cauchy) resonance on an exponential background, in a window of invariant mass in GeV.
    pub Dimuon {
        /// Whether the peak is a Gaussian with sd `half_width` instead of a Breit-Wigner.
        param gaussian: bool = false;
        /// The window.
        param low: f64 = 60.0;
        param high: f64 = 120.0;
        /// Where the peak may be.
        param mass_low: f64 = 80.0;
        param mass_high: f64 = 100.0;
        /// The sizes of data set that a posterior is trained for.
        param fewest: usize = 100;
        param most: usize = 1000;

        global mass ~ Uniform(mass_low, mass_high);
        global half_width ~ LogNormal(0.7, 0.5);
        global fraction ~ Uniform(0.0, 1.0);
        /// How fast the background falls, in 1 / GeV.
        global slope ~ Normal(0.05, 0.03);

        plate events(fewest..=most) {
            local signal ~ Bernoulli(fraction);
            observe mass_gev ~ if !signal {
                TruncatedExponential(slope, low, high)
            } else if gaussian {
                TruncatedNormal(mass, half_width, low, high)
            } else {
                Truncated(Cauchy(mass, half_width), low, high)
            };
        }
    }
}

/// Finds a resonance in invariant masses.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// A CSV file of your own
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dimuon/cms_dimuon_2010.csv"))]
    data: PathBuf,
    /// Its column of invariant masses in GeV
    #[arg(long, default_value = "mass_gev")]
    column: String,
    /// The window of mass, GeV
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], default_values_t = [60.0, 120.0])]
    window: Vec<f64>,
    /// Where the peak may be, GeV
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], default_values_t = [80.0, 100.0])]
    peak: Vec<f64>,
    /// Seconds of training, in place of training until it has converged
    #[arg(long)]
    train_seconds: Option<f64>,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = &arguments.options;
    let [low, high] = [arguments.window[0], arguments.window[1]];
    let [mass_low, mass_high] = [arguments.peak[0], arguments.peak[1]];
    if !(low < mass_low && mass_low < mass_high && mass_high < high) {
        return Err(
            format!("--peak {mass_low} {mass_high} must lie inside --window {low} {high}, low end first").into()
        );
    }
    let all = read_column(&arguments.data, &arguments.column)?;
    let masses: Vec<f64> = all.iter().copied().filter(|m| (low..high).contains(m)).collect();
    let events = masses.len();
    println!("{events} of {} events lie within {low} to {high} GeV", all.len());
    if events < 20 {
        return Err(format!("{events} events are too few to find a peak in: widen --window, or check --column").into());
    }
    let (fewest, most) = (100.min(events), 1000.max(events * 5 / 4));
    let model = Dimuon { gaussian: false, low, high, mass_low, mass_high, fewest, most };
    let data = DimuonData { events: DimuonEvents { mass_gev: masses } };
    let out = Output::new("dimuon", options);
    out.figure("plates", &plot::plate_diagram(&model.specification()))?;

    let (warmup, draws) = if options.quick { (300, 300) } else { (1000, 2000) };
    let chains = model.nuts(&data).seed(options.seed).warmup(warmup).draws(draws).run()?;
    println!("\nNUTS, the exact posterior ({:.1} s):\n{chains}", chains.time().as_secs_f64());

    let other = Dimuon { gaussian: true, ..model.clone() };
    let other_chains = other.nuts(&data).seed(options.seed).warmup(warmup).draws(draws).run()?;
    let gain = best_log_likelihood(&model, &data, &chains)? - best_log_likelihood(&other, &data, &other_chains)?;
    let (better, worse) = if gain > 0.0 { ("Breit-Wigner", "Gaussian") } else { ("Gaussian", "Breit-Wigner") };
    println!(
        "the data prefer the {better} shape: its best log likelihood is {:.1} above that of the {worse}\n",
        gain.abs()
    );

    let budget = budget(arguments.train_seconds, options, Budget::until_converged(2_000_000), 50_000);
    println!("training the neural posterior ({budget}) ...");
    let estimator = model.npe().seed(options.seed).train(budget)?;
    estimator.save(out.path("posterior.safetensors"))?;
    let started = Instant::now();
    let posterior = estimator.condition(&data)?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    println!("\nthe neural posterior ({milliseconds:.2} ms on data it has not seen):\n{posterior}");
    compare(&chains, "neural", &posterior.summary());
    let started = Instant::now();
    let refined = posterior.importance_sample(&model, &data)?;
    let refining = started.elapsed().as_secs_f64() * 1e3;
    println!("\nthe same, refined to the exact posterior by importance sampling ({refining:.0} ms):\n{refined}");
    compare(&chains, "refined", &refined.summary());
    out.training(estimator.history())?;

    println!("\ndata replicated from the exact posterior, and beside them the real ones:");
    let cut = tail(&model, &chains);
    let above = format!("events above {cut:.1} GeV");
    let check = PredictiveCheck::new(&model, &data)
        .seed(options.seed)
        .statistic(&above, |data| data.events.mass_gev.iter().filter(|m| **m > cut).count() as f64)
        .posterior(chains.globals())?;
    println!("{check}");
    let typicality = estimator.typicality().seed(options.seed).of(&data)?;
    println!("{typicality}\n");
    let simulations = if options.quick { 100 } else { 500 };
    let calibration = estimator.calibrate().seed(options.seed).simulations(simulations).run()?;
    println!("calibration of the neural posterior ({:.1} s):\n{calibration}", calibration.time().as_secs_f64());

    plot_posteriors(&out, &chains, &posterior)?;
    let bins = 60;
    let axes = Axes { x: "invariant mass [GeV]", y: "events per bin", ..Axes::default() };
    let draws: Vec<DimuonGlobals> = chains.globals().step_by(20).collect();
    let events_per_bin = events as f64 * (high - low) / bins as f64;
    out.fit("fit", &axes, (low, high, bins), &data.events.mass_gev, &draws, |g, m| {
        let peak = Truncated::new(Cauchy::new(g.mass, g.half_width), low, high).log_density(m).exp();
        let rest = TruncatedExponential::new(g.slope, low, high).log_density(m).exp();
        events_per_bin * (g.fraction * peak + (1.0 - g.fraction) * rest)
    })?;

    out.report(
        Report::new(&model)
            .title("The Z boson in 500 collisions of CMS")
            .note("A Breit-Wigner resonance on a falling background, in invariant masses of two muons of opposite charge.")
            .data(&data)
            .typicality(&typicality)
            .posterior("NUTS", &chains)
            .posterior("neural", &posterior)
            .posterior("refined", &refined)
            .training("neural", estimator.history())
            .warnings("neural", estimator.warnings())
            .calibration("neural", &calibration)
            .predictive(&check)
            .setting("seed", options.seed)
            .setting("data", arguments.data.file_name().unwrap_or_default().display())
            .setting("window", format!("{low} to {high} GeV, {events} of {} events", all.len()))
            .setting("preferred shape", format!("{better}, by {:.1} in log likelihood", gain.abs()))
            .timing("NUTS", chains.time().as_secs_f64())
            .timing("training", estimator.history().last().map_or(0.0, |r| r.seconds))
            .timing("the neural posterior", milliseconds / 1e3)
            .timing("refining it", refining / 1e3)
            .timing("calibration", calibration.time().as_secs_f64()),
    )?;

    let nuts = chains.summary();
    let npe = posterior.summary();
    out.summary(&json!({
        "events": events,
        "nuts": {
            "mass": mean_and_sd(&nuts, "mass"), "half_width": mean_and_sd(&nuts, "half_width"), "fraction": mean_and_sd(&nuts, "fraction"),
            "rhat_max": chains.rhat_max(), "divergences": chains.divergences(), "seconds": chains.time().as_secs_f64(),
        },
        "npe": {
            "mass": mean_and_sd(&npe, "mass"), "half_width": mean_and_sd(&npe, "half_width"), "fraction": mean_and_sd(&npe, "fraction"),
            "milliseconds": milliseconds, "train_seconds": estimator.history().last().map(|r| r.seconds),
            "sets_seen": estimator.history().last().map(|r| r.sets),
        },
        "refined": {
            "mass": mean_and_sd(&refined.summary(), "mass"), "half_width": mean_and_sd(&refined.summary(), "half_width"),
            "fraction": mean_and_sd(&refined.summary(), "fraction"), "k_hat": refined.k_hat(),
            "effective_sample_size": refined.effective_sample_size(), "log_evidence": refined.evidence().log,
            "milliseconds": refining,
        },
        "calibration": {
            "simulations": simulations, "sbc_p_min": calibration.p_min(), "seconds": calibration.time().as_secs_f64(),
        },
        "typicality": { "p_value": typicality.p_value },
        "predictive": { "p_min": check.compared().iter().map(|c| c.p_value()).fold(1.0, f64::min) },
        "shape": { "preferred": better, "log_likelihood_gain": gain.abs() },
    }))
}

/// How far a posterior is from the exact one, in units of its standard deviation.
fn compare(chains: &Chains<Dimuon>, what: &str, estimator: &Summary) {
    let exact = chains.summary();
    for row in &estimator.rows {
        if let Some(exact) = exact.rows.iter().find(|r| r.name == row.name) {
            let (shift, ratio) = ((row.mean - exact.mean) / exact.sd, row.sd / exact.sd);
            println!("{:<10} {what} against NUTS: mean off by {shift:5.2} sd, sd times {ratio:.2}", row.name);
        }
    }
}

/// Where the model is most exposed: five half widths above the peak. A neural posterior has seen the model's data only, so
/// where real data differ from them it may be off where NUTS is not.
fn tail(model: &Dimuon, chains: &Chains<Dimuon>) -> f64 {
    let (mut sum, mut draws) = (0.0, 0.0);
    for globals in chains.globals() {
        sum += globals.mass + 5.0 * globals.half_width;
        draws += 1.0;
    }
    (sum / draws).min(model.high)
}

/// The log likelihood at the best of the draws, latents of single events summed out: the joint density over the prior's.
fn best_log_likelihood(model: &Dimuon, data: &DimuonData, chains: &Chains<Dimuon>) -> Result<f64> {
    let mut density = Density::new(model, data)?;
    let mut gradient = vec![0.0; density.dimension()];
    let likelihood = chains.globals().map(|globals| {
        let q = hierarch::model::unconstrain(model, &globals, None);
        density.gradient(&q, &mut gradient) - density.prior_gradient(&q, &mut gradient)
    });
    Ok(likelihood.fold(f64::NEG_INFINITY, f64::max))
}

fn plot_posteriors(out: &Output, chains: &Chains<Dimuon>, posterior: &Posterior<Dimuon>) -> Result<()> {
    let neural = posterior.sample(20_000, 0);
    let names = posterior.names();
    let exact: Vec<Vec<f64>> = names.iter().map(|n| Ok(chains.as_draws().get(n)?.to_vec())).collect::<Result<_>>()?;
    let panels: Vec<Panel> = names
        .iter()
        .zip(exact.iter().zip(&neural))
        .map(|(name, (exact, neural))| Panel {
            parameter: match name.as_str() {
                "mass" => "mass [GeV]",
                "half_width" => "half width [GeV]",
                "slope" => "slope of the background [1 / GeV]",
                other => other,
            },
            posteriors: vec![("NUTS", plot::Marginal::Draws(exact)), ("neural", plot::Marginal::Draws(neural))],
            lines: if *name == "mass" { vec![("Z boson, 91.19", 91.1876)] } else { Vec::new() },
            range: None,
        })
        .collect();
    out.figure("posteriors", &plot::marginals("", &panels)?)
}

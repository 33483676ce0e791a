//! A narrow resonance of unknown mass on a smooth background (arXiv 2306.12584, section 4.2). One simulated data set of 100
//! events, by NUTS and by an amortized deep set; then the paper's second experiment: the posterior of the fraction of events
//! from the resonance, at 18 true masses, by five ways:
//!
//! - exact, by quadrature;
//! - NUTS on the events;
//! - an amortized deep set on the events;
//! - NUTS on what a classifier says of each event, where it was trained for a resonance of the nominal mass (the nominal
//!   statistic);
//! - the same, where it was trained with the mass marginalised over its prior (the marginal statistic).
//!
//! The deep set follows the exact posterior; what the classifiers leave of an event is not enough for that.
//!
//! `cargo run --release --example resonance`

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod exact;
mod excess;
mod model;
mod one;
mod scan;
mod statistic;

use std::process::ExitCode;

use clap::Parser;
use common::{Options, Output, Result, budget, report};
use excess::excess;
use hierarch::plot;
use hierarch::prelude::*;
use model::{Resonance, ResonanceGlobals};
use one::One;
use scan::Scan;
use serde_json::json;

/// Infers a resonance from simulated events.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// The paper's sizes: 300 epochs of 500,000 data sets for each posterior (a day), 1000 data sets at each mass
    #[arg(long, conflicts_with_all = ["quick", "train_seconds"])]
    paper: bool,
    /// How many events are seen, 1 to 200
    #[arg(long, default_value_t = 100)]
    events: usize,
    /// The true mass of the one data set; the scan has its own
    #[arg(long, default_value_t = 2.0, allow_hyphen_values = true)]
    mass: f64,
    /// The true fraction of events from the resonance, 0 to 1
    #[arg(long, default_value_t = 0.2)]
    fraction: f64,
    /// Data sets at each mass of the scan
    #[arg(long)]
    sets: Option<usize>,
    /// Seconds of training, for each of the two posteriors; without, they see 10 and 20 million data sets
    #[arg(long)]
    train_seconds: Option<f64>,
}

/// How much of everything.
struct Sizes {
    /// Of the training of the joint posterior, and of that of the fraction's.
    joint: Budget,
    fraction: Budget,
    /// Warm-up and draws of NUTS on the one data set.
    one: (usize, usize),
    /// Data sets for the mean distance from the exact posterior.
    compared: usize,
    /// Simulations of the calibration.
    simulations: usize,
    /// Data sets at each mass of the scan; warm-up and draws of NUTS there.
    sets: usize,
    nuts: (usize, usize),
}

impl Arguments {
    fn sizes(&self) -> Sizes {
        // Longer than until it has converged to 0.02 nats: the distance from the exact posterior is what is shown.
        let budget = |sets, quick| budget(self.train_seconds, &self.options, Budget::simulations(sets), quick);
        let published = Budget::simulations(300 * 500_000);
        let (usual, quick) = ((1000, 5000), (300, 300));
        let mut sizes = if self.paper {
            Sizes {
                joint: published,
                fraction: published,
                one: usual,
                compared: 2000,
                simulations: 1000,
                sets: 1000,
                nuts: usual,
            }
        } else if self.options.quick {
            Sizes {
                joint: budget(0, 50_000),
                fraction: budget(0, 50_000),
                one: quick,
                compared: 200,
                simulations: 1000,
                sets: 20,
                nuts: quick,
            }
        } else {
            let (joint, fraction) = (budget(10_000_000, 0), budget(20_000_000, 0));
            Sizes { joint, fraction, one: usual, compared: 2000, simulations: 1000, sets: 200, nuts: (1000, 2000) }
        };
        sizes.sets = self.sets.unwrap_or(sizes.sets);
        sizes
    }
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let (options, sizes) = (&arguments.options, arguments.sizes());
    let (seed, events, fraction) = (options.seed, arguments.events, arguments.fraction);
    let model = Resonance::default();
    let truth = ResonanceGlobals { fraction, mass: arguments.mass };
    let simulations = model.simulate(1).seed(seed).at(&truth).size("events", events).run()?;
    let data = &simulations[0].data;
    let out = Output::new("resonance", options);
    data.to_csv(out.path("data.csv"))?;
    out.figure("plates", &plot::plate_diagram(&model.specification()))?;
    let (warmup, draws) = sizes.one;
    let one = One { seed, warmup, draws, budget: sizes.joint };
    let (mut summary, report) = one.run(&model, data, &truth, &out)?;

    // The paper's question is the fraction alone, whatever the mass.
    println!("\ntraining a posterior of the fraction alone ({}) ...", sizes.fraction);
    let estimator = model.npe().globals(["fraction"]).seed(seed).train(sizes.fraction)?;
    estimator.save(out.path("fraction.safetensors"))?;
    println!("comparing it with the exact one on {} simulated data sets ...", sizes.compared);
    let at_size = excess(&estimator, sizes.compared, Some(events), seed)?;
    let at_any = excess(&estimator, sizes.compared, None, seed)?;
    println!("\nmean negative log posterior of the true fraction, above the exact posterior's:");
    println!("{events} events: {at_size}\nany number of events: {at_any}");

    let calibration = estimator.calibrate().simulations(sizes.simulations).seed(seed).run()?;
    println!("ranks of the true fraction in {} simulations: p-value {:.3}", sizes.simulations, calibration.p_min());

    println!("\n{} data sets of {events} events at each of {} masses:", sizes.sets, scan::masses().len());
    let (warmup, draws) = sizes.nuts;
    let scan = Scan { seed, sets: sizes.sets, events, fraction, warmup, draws };
    let positions = scan.run(&estimator)?;
    let [sd, mean] = scan::figures(&positions)?;
    out.figure("scan-sd", &sd)?;
    out.figure("scan-mean", &mean)?;
    let [error, nuts_error] = scan::sd_errors_max(&positions);
    let speedup = scan.speedup(&estimator)?;
    println!(
        "\nthe median sd is off by at most {:.1} % for the deep set, {:.1} % for NUTS",
        1e2 * error,
        1e2 * nuts_error
    );
    let off = scan::nuts_off(&positions);
    println!("the mean of NUTS is off by more than half an sd in {:.1} % of the data sets", 1e2 * off);
    println!("NUTS takes {speedup:.0} times as long as the deep set for a posterior, from the data to mean and sd");

    out.report(
        report
            .training("deep set, of the fraction alone", estimator.history())
            .warnings("deep set, of the fraction alone", estimator.warnings())
            .calibration("the deep set, of the fraction alone", &calibration)
            .figure("The median sd of the fraction's posterior at each true mass.", &sd)
            .figure("The median of its mean.", &mean)
            .setting("data sets at each mass", sizes.sets),
    )?;
    let last = estimator.history().last();
    let more = json!({
        "excess_nll_nats": at_size.mean, "excess_nll_nats_sd": at_size.sd,
        "excess_nll_nats_any_size": at_any.mean, "kl_nats": at_size.kl, "kl_nats_any_size": at_any.kl,
        "train_seconds": last.map(|r| r.seconds), "sets_seen": last.map(|r| r.sets),
        "step_milliseconds": last.map(|r| 1e3 * r.seconds / r.step as f64),
        "sbc_p_min": calibration.p_min(), "sbc_simulations": sizes.simulations,
        "scan": scan::as_json(&positions), "scan_sets": sizes.sets,
        "deep_set_sd_error_max": error, "nuts_sd_error_max": nuts_error, "nuts_off_share": off,
        "speedup_over_nuts": speedup,
    });
    if let (Some(summary), serde_json::Value::Object(more)) = (summary.as_object_mut(), more) {
        summary.extend(more);
    }
    out.summary(&summary)
}

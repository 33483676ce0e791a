//! Pulses of one population, whose light a program in Python draws: how many simulations there are a second, and what is learned
//! from them beside the exact posterior of the same model with a density.
//!
//! `cargo run --release --example external`, where `python3` has NumPy; `--python PATH` names another Python.

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{Options, Output, Result, budget, report};
use hierarch::external::Program;
use hierarch::prelude::*;
use serde_json::{Value, json};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python/pulses.py");

model! {
    /// Pulses whose light a program draws.
    pub Pulses {
        param simulator: External;
        global mean ~ Normal(1.0, 0.5);
        global spread ~ HalfNormal(0.5);
        plate pulses(1..=20) {
            local height ~ Normal(mean, spread);
            local width ~ LogNormal(median = 1.0, sigma = 0.3);
            observe light: [f64; 10] ~ external(simulator, [height, width]);
        }
    }
}

model! {
    /// The same with the density that the program draws from.
    pub PulsesKnown {
        global mean ~ Normal(1.0, 0.5);
        global spread ~ HalfNormal(0.5);
        plate pulses(1..=20) {
            local height ~ Normal(mean, spread);
            local width ~ LogNormal(median = 1.0, sigma = 0.3);
            observe light[i in 0..10] ~ Normal(height * (-0.5 * ((i as f64 - 4.5) / 1.5 / width).square()).exp(), 0.2);
        }
    }
}

/// Learns from simulations of a program in Python.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// The Python that runs the simulator, which has NumPy
    #[arg(long, default_value = "python3")]
    python: String,
    /// Seconds of training; without, it sees 50,000 data sets, of ten pulses on average
    #[arg(long)]
    train_seconds: Option<f64>,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = &arguments.options;
    let out = Output::new("external", options);
    let program = || Program::new([arguments.python.as_str(), SCRIPT]);
    let speeds = [1, 2].map(|workers| speed(program().workers(workers), options));
    let speeds = speeds.into_iter().collect::<Result<Vec<f64>>>()?;
    println!("simulations a second: {:.0} with one process, {:.0} with two", speeds[0], speeds[1]);

    let model = Pulses { simulator: program().spawn()? };
    let set = model.simulate(1).size(Pulses::PULSES, 12).seed(options.seed).one()?;
    let estimator = model.joint_npe().seed(options.seed).train(budget(
        arguments.train_seconds,
        options,
        Budget::simulations(50_000),
        2000,
    ))?;
    let learned = estimator.condition(&set.data)?;
    println!("{learned}");

    let light = set.data.pulses.light.clone();
    let chains = PulsesKnown::default().nuts(&PulsesKnownData { pulses: PulsesKnownPulses { light } }).seed(1).run()?;
    println!("with the density of what the program draws, exactly:\n{chains}");
    let beside = |name: &str| -> Result<Value> {
        let (learned, exact) = ((learned.mean(name)?, learned.sd(name)?), (chains.mean(name)?, chains.sd(name)?));
        Ok(json!({ "mean": learned.0, "sd": learned.1, "exact mean": exact.0, "exact sd": exact.1 }))
    };
    out.summary(&json!({
        "simulations a second": speeds,
        "mean": beside("mean")?,
        "spread": beside("spread")?,
        "height[0]": beside("height[0]")?,
    }))
}

/// Counts simulations a second, on as many threads as there are processes.
fn speed(program: Program, options: &Options) -> Result<f64> {
    let model = Pulses { simulator: program.spawn()? };
    let simulations = |sets| model.simulate(sets).size(Pulses::PULSES, 20).seed(options.seed);
    // Processes that are still to be started.
    simulations(100).run()?;
    let (sets, begun) = (if options.quick { 1000 } else { 5000 }, Instant::now());
    simulations(sets).run()?;
    Ok((20 * sets) as f64 / begun.elapsed().as_secs_f64())
}

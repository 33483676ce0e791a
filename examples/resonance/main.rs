//! A narrow resonance of unknown mass on a smooth background (arXiv 2306.12584, section 4.2): one simulated data set of 100
//! events, by NUTS and by an amortized deep set.
//!
//! `cargo run --release --example resonance`

#[path = "../common/mod.rs"]
mod common;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{Options, Output, Result, mean_and_sd, report};
use hierarch::plot::{self, Axes, Panel};
use hierarch::prelude::*;
use hierarch::sampling::diagnostics::ess_bulk;
use serde_json::json;

model! {
    /// A narrow resonance of unknown mass on a smooth background.
    pub Resonance {
        /// The standard deviation of the resonance; that of the background is 1.
        param width: f64 = 0.1;

        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);

        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, width) } else { (0.0, 1.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}

/// Infers a resonance from simulated events.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// How many events are seen, 1 to 200
    #[arg(long, default_value_t = 100)]
    events: usize,
    /// The true mass
    #[arg(long, default_value_t = 2.0, allow_hyphen_values = true)]
    mass: f64,
    /// The true fraction of events from the resonance, 0 to 1
    #[arg(long, default_value_t = 0.2)]
    fraction: f64,
    /// Seconds of training
    #[arg(long)]
    train_seconds: Option<f64>,
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = &arguments.options;
    let model = Resonance::default();
    let truth = ResonanceGlobals { fraction: arguments.fraction, mass: arguments.mass };
    let simulations = model.simulate(1).seed(options.seed).at(&truth).size("events", arguments.events).run()?;
    let data = &simulations[0].data;
    let out = Output::new("resonance", options);
    data.to_csv(out.path("data.csv"))?;
    out.picture("plates", &plot::plate_diagram(&model.specification()))?;

    let (warmup, draws) = if options.quick { (300, 300) } else { (1000, 5000) };
    let chains = model.nuts(data).seed(options.seed).chains(2).warmup(warmup).draws(draws).run()?;
    println!("\nNUTS, the exact posterior ({:.2} s):\n{chains}", chains.time().as_secs_f64());

    let seconds = arguments.train_seconds.unwrap_or(if options.quick { 5.0 } else { 90.0 });
    println!("training the deep set for {seconds} s ...");
    let posterior = model.npe().seed(options.seed).train(Budget::seconds(seconds))?;
    posterior.save(out.path("posterior.safetensors"))?;
    let started = Instant::now();
    let belief = posterior.condition(data)?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    println!("\nthe deep set ({milliseconds:.2} ms on data it has not seen):\n{belief}");

    out.training(posterior.history())?;
    picture_posteriors(&out, &chains, &belief, &truth)?;
    let x = &data.events.x;
    let (low, high) = x.iter().fold((-3.5_f64, 3.5_f64), |(low, high), x| (low.min(*x), high.max(*x)));
    let bins = ((high - low) / 0.2).round() as usize;
    let axes = Axes { x: "x", y: "events per bin", ..Axes::default() };
    let draws: Vec<ResonanceGlobals> = chains.globals().step_by(20).collect();
    let events_per_bin = x.len() as f64 * (high - low) / bins as f64;
    out.fit("data", &axes, (low, high, bins), x, &draws, |g, x| {
        let peak = Normal::new(g.mass, model.width).log_density(x).exp();
        let rest = Normal::new(0.0, 1.0).log_density(x).exp();
        events_per_bin * (g.fraction * peak + (1.0 - g.fraction) * rest)
    })?;

    let nuts = chains.summary();
    let npe = belief.summary();
    let ess = chains.get("fraction").map_or(f64::NAN, ess_bulk);
    out.summary(&json!({
        "events": data.events.len(),
        "truth": { "fraction": truth.fraction, "mass": truth.mass },
        "nuts": {
            "fraction": mean_and_sd(&nuts, "fraction"), "mass": mean_and_sd(&nuts, "mass"), "rhat_max": chains.rhat_max(),
            "seconds": chains.time().as_secs_f64(), "ess_per_second": ess / chains.time().as_secs_f64(),
        },
        "npe": { "fraction": mean_and_sd(&npe, "fraction"), "mass": mean_and_sd(&npe, "mass"), "milliseconds": milliseconds },
        "train_seconds": posterior.history().last().map(|r| r.seconds),
        "sets_seen": posterior.history().last().map(|r| r.sets),
    }))
}

fn picture_posteriors(
    out: &Output,
    chains: &Chains<Resonance>,
    belief: &Belief<Resonance>,
    truth: &ResonanceGlobals,
) -> Result<()> {
    let neural = belief.sample(20_000, 0);
    let exact: Vec<Vec<f64>> =
        ["fraction", "mass"].iter().map(|n| chains.get(n).map_or(Vec::new(), |c| c.concat())).collect();
    let panel = |i: usize, parameter, truth| Panel {
        parameter,
        beliefs: vec![("NUTS", plot::Belief::Draws(&exact[i])), ("deep set", plot::Belief::Draws(&neural[i]))],
        lines: vec![("truth", truth)],
        range: None,
    };
    let panels = [panel(0, "fraction", truth.fraction), panel(1, "mass", truth.mass)];
    out.picture("posteriors", &plot::marginals("", &panels)?)
}

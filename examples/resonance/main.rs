//! A narrow resonance of unknown mass on a smooth background (arXiv 2306.12584, section 4.2): one simulated data set of 100
//! events, by NUTS and by an amortized deep set.
//!
//! `cargo run --release --example resonance`

#[allow(dead_code, reason = "each example uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod exact;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use common::{Options, Output, Result, mean_and_sd, report};
use hierarch::plot::{self, Axes, Panel};
use hierarch::prelude::*;
use hierarch::sampling::diagnostics::ess_bulk;
use rayon::prelude::*;
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
    /// Seconds of training, for each of the two posteriors
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

    let seconds = arguments.train_seconds.unwrap_or(if options.quick { 4.0 } else { 60.0 });
    println!("training the deep set for {seconds} s ...");
    let posterior = model.npe().seed(options.seed).train(Budget::seconds(seconds))?;
    posterior.save(out.path("posterior.safetensors"))?;
    let started = Instant::now();
    let belief = posterior.condition(data)?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    println!("\nthe deep set ({milliseconds:.2} ms on data it has not seen):\n{belief}");
    posterior.warnings().iter().for_each(|warning| println!("warning: {warning}"));

    // The paper's question is the fraction alone, whatever the mass.
    let seconds = arguments.train_seconds.unwrap_or(if options.quick { 4.0 } else { 170.0 });
    println!("\ntraining a posterior of the fraction alone for {seconds} s ...");
    let of_fraction = model.npe().globals(&["fraction"]).seed(options.seed).train(Budget::seconds(seconds))?;
    let (sets, last) = (if options.quick { 200 } else { 2000 }, of_fraction.history().last().copied());
    println!("comparing it with the exact one on {sets} simulated data sets ...");
    let at_size = excess(&of_fraction, sets, Some(arguments.events), options.seed)?;
    let at_any = excess(&of_fraction, sets, None, options.seed)?;
    println!("\nmean negative log posterior of the true fraction, above the exact posterior's:");
    println!("{} events: {at_size}\nany number of events: {at_any}", arguments.events);

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
        "excess_nll_nats": at_size.mean, "excess_nll_nats_sd": at_size.sd,
        "excess_nll_nats_any_size": at_any.mean, "kl_nats": at_size.kl, "kl_nats_any_size": at_any.kl,
        "train_seconds": last.map(|r| r.seconds), "sets_seen": last.map(|r| r.sets),
        "step_milliseconds": last.map(|r| 1e3 * r.seconds / r.step as f64),
    }))
}

/// How far a posterior is from the exact one, in nats.
struct Excess {
    /// Mean over data sets of ln p - ln q at the true fraction.
    mean: f64,
    /// The standard deviation of that mean.
    sd: f64,
    /// Mean over data sets of the divergence KL(p || q): what `mean` tends to, with less noise.
    kl: f64,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4} +- {:.4} nats (mean KL divergence {:.4})", self.mean, self.sd, self.kl)
    }
}

/// The fraction's posterior against the exact one, on data sets simulated from the prior.
fn excess(posterior: &Posterior<Resonance>, sets: usize, events: Option<usize>, seed: u64) -> Result<Excess> {
    let model = posterior.model();
    // Not those of the training, nor those that are shown.
    let simulate = model.simulate(sets).seed(seed ^ 0x6578_6163_7400);
    let drawn = match events {
        Some(events) => simulate.size("events", events).run()?,
        None => simulate.run()?,
    };
    let compare = |s: &Simulation<Resonance>| -> std::result::Result<(f64, f64), InferenceError> {
        let (exact, at_truth) = exact::log_posterior(&s.data.events.x, model.width, s.globals.fraction);
        let belief = posterior.condition(&s.data)?;
        let log_q = |fraction| belief.log_density_of("fraction", fraction).unwrap_or(f64::NAN);
        let n = exact.len() as f64;
        let middles = exact.iter().enumerate().map(|(i, log_p)| ((i as f64 + 0.5) / n, log_p));
        let kl =
            middles.filter(|(_, log_p)| **log_p > -30.0).map(|(x, log_p)| log_p.exp() * (log_p - log_q(x)) / n).sum();
        Ok((at_truth - log_q(s.globals.fraction), kl))
    };
    let each = drawn.par_iter().map(compare).collect::<std::result::Result<Vec<_>, _>>()?;
    let n = each.len() as f64;
    let mean = each.iter().map(|(excess, _)| excess).sum::<f64>() / n;
    let variance = each.iter().map(|(excess, _)| (excess - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Ok(Excess { mean, sd: (variance / n).sqrt(), kl: each.iter().map(|(_, kl)| kl).sum::<f64>() / n })
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

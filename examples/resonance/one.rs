//! One data set: NUTS beside the amortized joint posterior of fraction and mass.

use std::time::Instant;

use hierarch::distributions::{Distribution, Normal};
use hierarch::draws::diagnostics::ess_bulk;
use hierarch::plot::{self, Axes, Panel};
use hierarch::prelude::*;
use serde_json::{Value, json};

use crate::common::{Output, Result, mean_and_sd};
use crate::model::{Resonance, ResonanceData, ResonanceGlobals};

/// Draws of NUTS, and the training of the joint posterior.
pub struct One {
    pub seed: u64,
    pub warmup: usize,
    pub draws: usize,
    pub budget: Budget,
}

impl One {
    /// Infers, prints and draws; what goes into `summary.json` comes back, and into `report.html`.
    pub fn run(
        &self,
        model: &Resonance,
        data: &ResonanceData,
        truth: &ResonanceGlobals,
        out: &Output,
    ) -> Result<(Value, Report)> {
        let nuts = model.nuts(data).seed(self.seed).chains(2).warmup(self.warmup).draws(self.draws);
        let chains = nuts.run()?;
        println!("\nNUTS, the exact posterior ({:.2} s):\n{chains}", chains.time().as_secs_f64());

        println!("training the deep set ({}) ...", self.budget);
        let estimator = model.npe().seed(self.seed).train(self.budget)?;
        estimator.save(out.path("posterior.safetensors"))?;
        let started = Instant::now();
        let posterior = estimator.condition(data)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        println!("\nthe deep set ({milliseconds:.2} ms on data it has not seen):\n{posterior}");
        estimator.warnings().iter().for_each(|warning| println!("warning: {warning}"));

        out.training(estimator.history())?;
        out.figure("posteriors", &marginals(&chains, &posterior, truth)?)?;
        fit(model, data, &chains, out)?;

        let check = PredictiveCheck::new(model, data).seed(self.seed).posterior(chains.globals())?;
        let report = Report::new(model)
            .title("A narrow resonance on a smooth background")
            .data(data)
            .truth(model, truth)
            .posterior("NUTS", &chains)
            .posterior("deep set", &posterior)
            .training("deep set", estimator.history())
            .warnings("deep set", estimator.warnings())
            .predictive(&check)
            .setting("seed", self.seed)
            .timing("NUTS", chains.time().as_secs_f64())
            .timing("a posterior of the deep set", milliseconds / 1e3);

        let (nuts, npe, seconds) = (chains.summary(), posterior.summary(), chains.time().as_secs_f64());
        let ess = ess_bulk(&chains.by_chain("fraction")?);
        let of = |summary, name| mean_and_sd(summary, name);
        let summary = json!({
            "events": data.events.len(),
            "truth": { "fraction": truth.fraction, "mass": truth.mass },
            "nuts": {
                "fraction": of(&nuts, "fraction"), "mass": of(&nuts, "mass"), "rhat_max": chains.rhat_max(),
                "seconds": seconds, "ess_per_second": ess / seconds,
            },
            "npe": { "fraction": of(&npe, "fraction"), "mass": of(&npe, "mass"), "milliseconds": milliseconds },
        });
        Ok((summary, report))
    }
}

fn marginals(
    chains: &Chains<Resonance>,
    posterior: &Posterior<Resonance>,
    truth: &ResonanceGlobals,
) -> Result<plot::Figure> {
    let neural = posterior.sample(20_000, 0);
    let exact: Vec<Vec<f64>> =
        ["fraction", "mass"].iter().map(|n| Ok(chains.as_draws().get(n)?.to_vec())).collect::<Result<_>>()?;
    let panel = |i: usize, parameter, truth| Panel {
        parameter,
        posteriors: vec![("NUTS", plot::Marginal::Draws(&exact[i])), ("deep set", plot::Marginal::Draws(&neural[i]))],
        lines: vec![("truth", truth)],
        range: None,
    };
    let panels = [panel(0, "fraction", truth.fraction), panel(1, "mass", truth.mass)];
    Ok(plot::marginals("", &panels)?)
}

/// The events with what the posterior expects.
fn fit(model: &Resonance, data: &ResonanceData, chains: &Chains<Resonance>, out: &Output) -> Result<()> {
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
    })
}

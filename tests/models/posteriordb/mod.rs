//! Posteriors with reference draws, from the public collection posteriordb: each model as its Stan program reads.
//!
//! `Posterior::check` compares at 4.5 standard errors: a false alarm in 150,000 comparisons of normal numbers, so with the 184 of
//! all tests here in one of 800 sets of reference draws.

mod dynamics;
mod gaussian_process;
mod mixture;
mod regression;
mod schools;
mod series;

use std::time::Instant;

use hierarch::draws::diagnostics::{mcse_mean, mcse_sd, rhat};
use hierarch::prelude::*;
use hierarch::sampling::Nuts;
use hierarch_tests::{seed, within};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A posterior of `tests/data/posteriordb/`: the data, and what the reference draws say of each parameter.
struct Posterior {
    name: String,
    data: Value,
    reference: serde_json::Map<String, Value>,
    draws: f64,
}

impl Posterior {
    fn read(file: &str) -> Self {
        let path = format!("{}/data/posteriordb/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut whole: Value = serde_json::from_str(&text).unwrap();
        let Value::Object(reference) = whole["reference"].take() else { panic!("{path}: no reference") };
        let name = whole["posterior"].as_str().unwrap().to_owned();
        Self { name, draws: whole["draws"].as_f64().unwrap(), data: whole["data"].take(), reference }
    }

    /// A number, column or matrix of the data.
    fn get<T: DeserializeOwned>(&self, name: &str) -> T {
        T::deserialize(&self.data[name]).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.name))
    }

    /// Mean and sd of every parameter agree with those of the reference within their Monte Carlo errors, which are small.
    fn check<M: Model>(&self, nuts: Nuts<'_, M>) {
        self.check_but(nuts, &[]);
    }

    /// Does the same, but for the parameters in `tailed`, whose sd a few far draws make: of these as many draws as should are below
    /// the quantiles of the reference.
    fn check_but<M: Model>(&self, nuts: Nuts<'_, M>, tailed: &[&str]) {
        let begun = Instant::now();
        let chains = nuts.draws(10_000).seed(seed(1)).run().unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        let mut worst: f64 = 0.0;
        for (name, reference) in &self.reference {
            let (mean, sd) = (reference["mean"].as_f64().unwrap(), reference["sd"].as_f64().unwrap());
            let name = in_rust(name);
            let draws = chains.by_chain(name.as_str()).unwrap();
            within!(rhat(&draws) - 1.0, 0.01, "{name}");
            if tailed.contains(&name.as_str()) {
                for (quantile, share) in [("q05", 0.05), ("q95", 0.95)] {
                    let bound = reference[quantile].as_f64().unwrap();
                    let is_below = |chain: &&[f64]| chain.iter().map(|x| f64::from(u8::from(*x < bound))).collect();
                    let below: Vec<Vec<f64>> = draws.iter().map(is_below).collect();
                    let below: Vec<&[f64]> = below.iter().map(Vec::as_slice).collect();
                    let all = below.concat();
                    let own = all.iter().sum::<f64>() / all.len() as f64;
                    let error = mcse_mean(&below).hypot((share * (1.0 - share) / self.draws).sqrt());
                    within!(
                        (own - share).abs(),
                        4.5 * error,
                        "{name}: {own} of the draws below {bound}, not {share} +- {error}"
                    );
                    within!(error, 0.01, "{name}: too few draws");
                }
                continue;
            }
            let (own_mean, own_sd) = (chains.mean(name.as_str()).unwrap(), chains.sd(name.as_str()).unwrap());
            let all = draws.concat();
            let fourth = all.iter().map(|x| ((x - own_mean) / own_sd).powi(4)).sum::<f64>() / all.len() as f64;
            // The reference draws are as good as independent; an sd's error follows from the fourth moment.
            let e_mean = mcse_mean(&draws).hypot(sd / self.draws.sqrt());
            let e_sd = mcse_sd(&draws).hypot(sd * ((fourth - 1.0) / (4.0 * self.draws)).sqrt());
            within!((own_mean - mean).abs(), 4.5 * e_mean, "{name}: mean {own_mean}, not {mean} +- {e_mean}");
            within!((own_sd - sd).abs(), 4.5 * e_sd, "{name}: sd {own_sd}, not {sd} +- {e_sd}");
            // The reference's errors are what they are; the chains' own are not much larger.
            within!(mcse_mean(&draws).max(mcse_sd(&draws)), 0.02 * sd, "{name}: too few draws");
            worst = worst.max((own_mean - mean).abs() / sd);
        }
        let name = &self.name;
        println!("{{\"posterior\": \"{name}\", \"worst_error_sd\": {worst:.4}, \"seconds\": {seconds:.2}}}");
    }
}

/// The name of a parameter of Stan, `beta[1]`, in Rust, `beta[0]`.
fn in_rust(name: &str) -> String {
    match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((vector, at)) => format!("{vector}[{}]", at.parse::<usize>().unwrap() - 1),
        None => name.to_lowercase(),
    }
}

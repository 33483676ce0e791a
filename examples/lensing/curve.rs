//! What more simulations, and more time to learn from them, would bring: shorter trainings judged on the same test sets.

use hierarch::nn::Budget;
use hierarch::plot::{self, Axes, Mark, Series};
use serde_json::{Value, json};

use crate::common::{Options, Output, Result};
use crate::judge::{Judged, LOCALS};
use crate::model::Lensing;

/// The parts of the simulations that are learned from, in as large a part of the time, and how many sets these must have.
const PARTS: [usize; 3] = [16, 4, 1];
const LEAST: usize = 640;

/// Trains on each part.
pub fn run(out: &Output, model: &Lensing, sets: usize, seconds: f64, options: &Options) -> Result<()> {
    let tests = super::tests(model, options)?;
    let (mut points, mut rows) = (Vec::new(), Vec::new());
    for part in PARTS.into_iter().filter(|part| sets / part >= LEAST) {
        let bank = super::bank(out, model, sets / part, options)?;
        let estimator = super::train(model, &bank, Budget::seconds(seconds / part as f64), options.seed)?;
        // The globals learned from fresh ones.
        let fresh = estimator.globals().and_then(|globals| globals.history().last()).map_or(0, |record| record.sets);
        let simulated = bank.len() as u64 + fresh;
        let judged = Judged::new(&estimator, &tests)?;
        println!("\nfrom {simulated} simulated sets");
        judged.print();
        let (_, globals) = judged.globals[judged.globals.len() - 1];
        points.push((simulated as f64, globals[1].error, judged.locals[2].0.error));
        let locals = LOCALS.iter().zip(&judged.locals);
        let local_error: Value = locals.map(|((name, _), (with, _))| ((*name).to_owned(), json!(with.error))).collect();
        rows.push(json!({
            "sets": simulated, "sets_in_bank": bank.len(), "train_seconds": seconds / part as f64,
            "sigma_sub": globals[1].sd, "sigma_sub_error": globals[1].error, "local_error": local_error,
        }));
    }
    let of = |f: fn(&(f64, f64, f64)) -> f64| -> Vec<(f64, f64)> { points.iter().map(|p| (p.0, f(p))).collect() };
    let (sigma_sub, theta_e) = (of(|p| p.1), of(|p| p.2));
    let series = [
        Series::new("sigma_sub, from 25 images", Mark::LinePoints, &sigma_sub),
        Series::new("theta_e of one lens among 25", Mark::LinePoints, &theta_e),
    ];
    let axes = Axes {
        x: "simulated sets of images",
        y: "root mean square error / prior's standard deviation",
        log_x: true,
        ..Axes::default()
    };
    out.figure("curve", &plot::lines(&axes, &series)?)?;
    out.json("curve.json", &Value::Array(rows))
}

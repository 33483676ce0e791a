use hierarch::draws::diagnostics::{mcse_mean, mcse_sd};
use hierarch::prelude::*;

use crate::within;

/// Mean and sd of a variable within `errors` Monte Carlo errors of the exact ones, which are `errors` far from a false alarm.
pub fn agrees<M: Model>(chains: &Chains<M>, name: &str, mean: f64, sd: f64, errors: f64) {
    let draws = chains.by_chain(name).unwrap();
    let row = chains.summary().rows.into_iter().find(|r| r.name == name).unwrap();
    within!(row.rhat.unwrap() - 1.0, 0.01, "{name}: R-hat {:?}", row.rhat);
    let (e_mean, e_sd) = (mcse_mean(&draws), mcse_sd(&draws));
    within!((row.mean - mean).abs(), errors * e_mean, "{name}: mean {} +- {e_mean}, exact {mean}", row.mean);
    within!((row.sd - sd).abs(), errors * e_sd, "{name}: sd {} +- {e_sd}, exact {sd}", row.sd);
    // A real error of 2 % of the sd must not hide behind the Monte Carlo error.
    within!(e_sd, 0.02 * sd, "{name}: the Monte Carlo error {e_sd} of the sd {sd} is too large to tell");
}

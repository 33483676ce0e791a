//! Whether to trust an inference: calibration of any estimator on simulations from the prior, and confidence sets with
//! the stated coverage.
//!
//! # The checks
//!
//! `posterior.calibrate().run()` returns a [`Calibration`]: simulations from the prior, each with draws given its data.
//! If the posterior is right, the true values of a simulation are distributed as one more draw. So their rank among the
//! draws, by any number, depends on nothing but how wrong the posterior is. Every check is of such [`Ranks`]:
//!
//! | check | ranks of | finds |
//! | --- | --- | --- |
//! | parameters, [`Calibration::ranks`] | each parameter | shift and width of marginals |
//! | log density, [`Calibration::log_density_ranks`] | the posterior density, where it is known | wrong width, all parameters together |
//! | ellipsoids, [`Calibration::ellipsoid_ranks`] | the distance from the centre | the same, from draws alone |
//! | TARP, [`Calibration::tarp`] | the distance from a random point | anything, weakly |
//! | pairs, [`Calibration::pairs`] | sum and difference of two parameters | wrong correlations |
//! | local, [`Calibration::local`] | each of the first two kinds, along features of the data | what is right on average alone |
//!
//! [`Calibration::summary`] makes all checks, and prints as a table with warnings. A check of several tests has the
//! smallest of their p-values times their number. [`Ranks::p_value`] tests shift and width by normal scores: near the
//! most powerful test of either, and exact in the tails (its deviates are from saddlepoints; measured false-alarm rates
//! are within 10 % of one in a million, with 20 to 1000 simulations). [`Ranks::ecdf`] shows every deviation that ranks
//! can have, and detects less.
//!
//! ```
//! use hierarch::calibration::{Calibrate, Calibration, CalibrationRow, CalibrationSummary, Check, NutsEstimator};
//! use hierarch::calibration::{EcdfBands, Estimate, Local, LocalBin, Pair, Ranks};
//! use hierarch::prelude::*;
//!
//! model! {
//!     pub Treatment {
//!         global level ~ Normal(0.0, 1.0);
//!         global rise ~ Normal(0.0, 1.0);
//!         plate patients(5..=10) {
//!             observe before ~ Normal(level, 1.0);
//!             observe after ~ Normal(level + rise, 1.0);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Treatment::default();
//! let nuts = NutsEstimator::new(&model).warmup(200); // or a posterior that was trained: `posterior.calibrate()`
//! let calibration: Calibration = Calibrate::new(&model, &nuts).simulations(40).draws(20).run()?; // better 1000, 400
//! let summary: CalibrationSummary = calibration.summary();
//! println!("{summary}");
//! let row: &CalibrationRow = &summary.rows[0];
//! assert_eq!((row.name.as_str(), row.coverage[0].level), ("level", 0.68));
//! let check: &Check = &summary.checks[0];
//! println!("{}: p = {}, {}", check.name, check.p_value, check.finding);
//!
//! // One parameter by itself.
//! let ranks: &Ranks = &calibration.ranks()[0];
//! assert_eq!((ranks.name.as_str(), ranks.ranks.len(), ranks.draws), ("level", 40, 20));
//! let width: Estimate = ranks.width();
//! println!("its posterior's width over the right one: {width}");
//! let bands: EcdfBands = ranks.ecdf(0.95);
//! assert_eq!(bands.at.len(), bands.difference.len());
//!
//! // Two together: the data say more of their sum than of either.
//! let pair: &Pair = &calibration.pairs()[0];
//! assert_eq!(pair.sum.name, "level + rise");
//! assert!(pair.correlation < 0.0);
//!
//! // One along a feature of the data.
//! let local: &Local = &calibration.local()[0];
//! println!("{} along {}: p = {}", local.parameter, local.feature, local.p_value);
//! let lowest: &LocalBin = &local.bins[0];
//! assert!(lowest.low <= lowest.high);
//! # Ok(())
//! # }
//! ```
//!
//! # What they find
//!
//! A conjugate model has two parameters with a correlation of 0.5; each simulation has 400 draws. The table gives the
//! share of 200 seeds in which a posterior with a fault is found at a false-alarm rate of one in a thousand. Each fault
//! is found at least 19 times in 20 by the check meant for it:
//!
//! | the posterior is, simulations | one parameter | its ECDF | parameters | log density | ellipsoids | TARP | pairs | local | all |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | too narrow by 10 %, 1000 | 0.93 | 0.33 | 0.98 | 1.00 | 1.00 | 0.74 | 0.99 | 0.01 | 0.99 |
//! | too wide by 10 %, 1000 | 0.76 | 0.13 | 0.88 | 0.98 | 0.98 | 0.48 | 0.93 | 0.00 | 0.97 |
//! | shifted by 0.2 sd, 1000 | 1.00 | 0.98 | 1.00 | 0.00 | 0.00 | 0.01 | 0.00 | 0.00 | 1.00 |
//! | without the correlation, 4000 | 0.00 | 0.00 | 0.00 | 0.83 | 0.81 | 0.04 | 1.00 | 0.01 | 1.00 |
//! | shifted by 0.2 sd, up in one half of the data, down in the other, 4000 | 0.04 | 0.01 | 0.07 | 0.04 | 0.04 | 0.70 | 0.14 | 1.00 | 1.00 |
//! | too wide by 10 % in one half of the data, too narrow in the other, 4000 | 0.02 | 0.01 | 0.01 | 0.05 | 0.04 | 0.01 | 0.01 | 1.00 | 1.00 |
//!
//! A width that is wrong by 10 % is hard to see in one parameter with 1000 simulations. The best test of width alone,
//! that of the variance of 1000 exact normal scores, finds 0.93 of those too narrow and 0.81 of those too wide. All
//! parameters together detect it better.
//!
//! A right posterior passes as often as stated; alarms among 1000 seeds, with 1000 simulations each:
//!
//! | alarms of 1000 at | one parameter | its ECDF | parameters | log density | ellipsoids | TARP | pairs | local | all |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | 0.001 | 2 | 1 | 2 | 1 | 1 | 0 | 0 | 1 | 0 |
//! | 0.01 | 9 | 6 | 10 | 10 | 8 | 5 | 8 | 13 | 6 |
//! | 0.05 | 43 | 49 | 44 | 49 | 43 | 56 | 58 | 48 | 38 |
//!
//! The number of simulations that finds a fault 19 times in 20 at a false-alarm rate of one in a million, and the share
//! that it finds in 200 other seeds:
//!
//! | the posterior is | check | simulations | found |
//! | --- | --- | --- | --- |
//! | too narrow by 10 % | log density | 1200 | 0.97 |
//! | too wide by 10 % | log density | 1550 | 0.95 |
//! | shifted by 0.2 sd | one parameter | 1300 | 0.97 |
//! | without the correlation | pairs | 250 | 0.99 |
//! | shifted by 0.2 sd, up in one half of the data, down in the other | local | 1600 | 0.97 |
//! | too wide by 10 % in one half of the data, too narrow in the other | local | 2200 | 0.98 |
//! | too narrow by 10 % | one parameter | 2050 | 0.97 |
//! | too wide by 10 % | one parameter | 2500 | 0.95 |
//!
//! The tables are made by `cargo test --release -p hierarch-tests --test proofs power::table -- --ignored --nocapture`.

mod assert;
mod c2st;
mod calibrate;
mod calibrate_shards;
mod construction;
mod coverage;
mod critical;
mod data_statistics;
mod ecdf;
mod ellipsoids;
mod estimator;
#[cfg(feature = "neural")]
mod information;
mod local;
mod misfit;
#[cfg(feature = "neural")]
mod neural;
mod neyman;
mod neyman_error;
mod neyman_shards;
mod normal_scores;
mod pairs;
mod predictive;
mod quantiles;
mod ranks;
#[cfg(feature = "proptest")]
pub mod strategies;
mod summary;
mod tarp;
mod typicality;

pub use assert::{Finding, Findings, Miscalibrated, Tolerance};
pub use c2st::{TwoSample, TwoSampleError, c2st};
pub use calibrate::{Calibrate, Calibration, CalibrationError, CalibrationTrial};
pub use construction::Coverage;
pub use data_statistics::data_statistics;
pub use ecdf::EcdfBands;
pub use estimator::{Drawn, Estimator, EstimatorError, LogDensities, NutsEstimator};
#[cfg(feature = "neural")]
pub use information::{Information, InformationCurve, InformationError, InformationGain};
pub use local::{Local, LocalBin};
pub use neyman::{Construction, Neyman};
pub use neyman_error::NeymanError;
pub use pairs::Pair;
pub use predictive::{Compared, Predictive, PredictiveCheck, PredictiveError};
pub(crate) use predictive::{number, p_text};
pub use ranks::{Estimate, Ranks};
pub use summary::{CalibrationRow, CalibrationSummary, Check};
pub use typicality::{Outlier, Typicality, TypicalityError, TypicalityTest};

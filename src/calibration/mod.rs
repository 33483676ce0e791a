//! Whether to believe an inference: calibration of any estimator on simulations from the prior, and confidence sets that
//! cover what they promise.

mod assert;
mod c2st;
mod calibrate;
mod coverage;
mod data_statistics;
mod ecdf;
mod ellipsoids;
mod estimator;
mod linear;
mod local;
mod misfit;
mod neyman;
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
pub use calibrate::{Calibrate, Calibration, CalibrationError, Judged};
pub use data_statistics::data_statistics;
pub use ecdf::EcdfBands;
pub use estimator::{Drawn, Estimator, EstimatorError, LogDensities, NutsEstimator};
pub use local::{Local, LocalBin};
pub use neyman::{Coverage, Neyman, NeymanError};
pub use pairs::Pair;
pub use predictive::{Compared, Predictive, PredictiveCheck, PredictiveError};
pub(crate) use predictive::{number, p_text};
pub use ranks::{Estimate, Ranks};
pub use summary::{CalibrationRow, CalibrationSummary, Check};
pub use typicality::{Outlier, Typicality, TypicalityError, TypicalityTest};

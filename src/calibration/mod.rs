//! Whether to believe an inference: calibration of any estimator on simulations from the prior, and confidence sets that
//! cover what they promise.

mod calibrate;
mod data_statistics;
mod estimator;
mod neyman;
mod quantiles;
mod ranks;

pub use calibrate::{Calibrate, Calibration, CalibrationError, Judged};
pub use data_statistics::data_statistics;
pub use estimator::{Drawn, Estimator, EstimatorError, LogDensities, NutsEstimator};
pub use neyman::{Coverage, Neyman, NeymanError};
pub use ranks::Ranks;

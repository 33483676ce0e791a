//! What trains networks.

#![allow(missing_docs)]

mod bank;
mod calibration;
mod dimuon;
mod event_ratio;
mod families;
mod joint;
mod mvn;
mod npe;
mod nre;
mod pictures;
mod properties;
mod refine;
mod report;
mod test_statistic;

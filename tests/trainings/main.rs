//! What trains networks for more than a few seconds: families of densities, ratios, joint posteriors, images, missing data, data of
//! unusual scale, banks, and what networks say of themselves. Not built by `cargo test --workspace`.

#![allow(missing_docs)]

mod bank;
mod calibration;
mod doubts;
mod event_ratio;
mod families;
mod images;
mod information;
mod joint;
mod missing;
mod mvn;
mod nre;
mod scales;
mod sequences;

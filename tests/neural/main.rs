//! What trains networks.

#![allow(missing_docs)]

mod bank;
mod calibration;
mod dimuon;
mod doubts;
mod event_ratio;
mod external;
mod families;
mod faults;
mod identity;
mod images;
mod importance;
mod information;
mod joint;
mod missing;
mod mvn;
mod npe;
mod nre;
mod properties;
mod reach;
mod refine;
mod report;
mod round_trip;
mod rounds;
mod scales;
mod sequences;
mod shards;
mod test_statistic;

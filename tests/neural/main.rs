//! Networks in trainings of seconds. Longer ones are in `tests/trainings/`.

#![allow(missing_docs)]

mod calibration;
mod dimuon;
mod external;
mod faults;
mod identity;
mod importance;
mod joint;
mod npe;
mod properties;
mod reach;
mod refine;
mod report;
mod round_trip;
mod rounds;
mod shards;
mod test_statistic;

//! Models of textbooks: each against a closed form or quadrature.

mod categories;
mod counts;
mod ecology;
mod epidemics;
mod exact;
mod hierarchies;
mod measurement;
mod mixtures;
mod regressions;
mod series;
mod spatial;
mod states;
mod survival;

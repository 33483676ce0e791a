//! Models of textbooks and of posteriordb, as a user would write them, against posteriors that are known.

#![allow(missing_docs)]

mod classics;
mod posteriordb;

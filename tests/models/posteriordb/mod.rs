//! Posteriors with reference draws, from the public collection posteriordb.

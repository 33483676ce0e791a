//! The steps of a training by number, and the two samples that are drawn besides.

/// The `step` of [`TrainingSource::draw`](super::TrainingSource::draw) for the pilot sample, to
/// which standardisation and bins are fitted.
pub const PILOT: u64 = u64::MAX;
/// The `step` of [`TrainingSource::draw`](super::TrainingSource::draw) for the validation
/// sample, whose data sets are held out.
pub const VALIDATION: u64 = u64::MAX - 1;

/// Names a step in words.
pub(crate) fn phase(step: u64) -> String {
    match step {
        PILOT => "the pilot sample".to_owned(),
        VALIDATION => "the validation sample".to_owned(),
        step => format!("step {step}"),
    }
}

//! What can be wrong with a lens, a source or a cosmology.

/// What is wrong, its value, and what it must be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LensingError {
    /// A parameter has a value that means nothing.
    #[error("{of}: {parameter} is {value}, but must be {requirement}")]
    Parameter {
        /// What it is a parameter of.
        of: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// What it must be, with the unit.
        requirement: &'static str,
    },
    /// The source is not behind the lens.
    #[error("the source at redshift {source_redshift} is not behind the lens at redshift {lens_redshift}")]
    Order {
        /// The lens's redshift.
        lens_redshift: f64,
        /// The source's redshift.
        source_redshift: f64,
    },
}

/// An error unless `holds`.
pub(super) fn require(
    holds: bool,
    of: &'static str,
    parameter: &'static str,
    value: f64,
    requirement: &'static str,
) -> Result<(), LensingError> {
    if holds { Ok(()) } else { Err(LensingError::Parameter { of, parameter, value, requirement }) }
}

/// An error unless `value` is a finite number.
pub(super) fn require_finite(of: &'static str, parameter: &'static str, value: f64) -> Result<(), LensingError> {
    require(value.is_finite(), of, parameter, value, "finite")
}

/// An error unless `value` is a finite number above zero.
pub(super) fn require_positive(of: &'static str, parameter: &'static str, value: f64) -> Result<(), LensingError> {
    require(value > 0.0 && value.is_finite(), of, parameter, value, "positive and finite")
}

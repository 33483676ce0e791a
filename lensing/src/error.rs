//! Errors of a lens, a source or a cosmology.

/// An invalid parameter, its value, and the requirement.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LensingError {
    /// A parameter has an invalid value.
    #[error("{of}: {parameter} is {value}, but must be {requirement}")]
    Parameter {
        /// What has the parameter.
        of: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// The requirement, with the unit.
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

hierarch_core::debug_as_message!(LensingError);

/// Returns an error unless `holds`.
pub(super) fn require(
    holds: bool,
    of: &'static str,
    parameter: &'static str,
    value: f64,
    requirement: &'static str,
) -> Result<(), LensingError> {
    if holds { Ok(()) } else { Err(LensingError::Parameter { of, parameter, value, requirement }) }
}

/// Returns an error unless `value` is a finite number.
pub(super) fn require_finite(of: &'static str, parameter: &'static str, value: f64) -> Result<(), LensingError> {
    require(value.is_finite(), of, parameter, value, "finite")
}

/// Returns an error unless `value` is a finite number above zero.
pub(super) fn require_positive(of: &'static str, parameter: &'static str, value: f64) -> Result<(), LensingError> {
    require(value > 0.0 && value.is_finite(), of, parameter, value, "positive and finite")
}

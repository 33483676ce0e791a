//! What the numbers of a file must be.

/// Checks that what stands in a file is what the rest of the file asks for.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(name: &str, found: &T, due: &T) -> Result<(), String> {
    if found == due { Ok(()) } else { Err(format!("{name} is {found:?} where {due:?} is due")) }
}

/// Checks that numbers in a file are finite.
pub(crate) fn finite<T: Copy + Into<f64>>(name: &str, values: &[T]) -> Result<(), String> {
    let wrong = values.iter().map(|value| (*value).into()).find(|value: &f64| !value.is_finite());
    wrong.map_or(Ok(()), |value| Err(format!("{name} holds {value}, every number must be finite")))
}

/// Checks a scale in a file.
pub(crate) fn positive(name: &str, value: f32) -> Result<(), String> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(format!("{name} is {value}, it must be positive")) }
}

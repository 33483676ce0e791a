//! The plates that an estimator can be trained for, and their sizes.

use super::{InferenceError, RequestError};
use crate::model::Frame;
use crate::model::{Plate, PlateSize, Specification};

/// Refuses to fix a size that is random: the likelihood of the size would be lost.
pub(super) fn refuse_random(specification: &Specification, sizes: &[(String, usize)]) -> Result<(), InferenceError> {
    let random = |name: &String| {
        let plate = find(&specification.plates, name)?;
        matches!(plate.size, PlateSize::Random { .. }).then(|| name.clone())
    };
    match sizes.iter().find_map(|(name, _)| random(name)) {
        Some(plate) => Err(RequestError::RandomSize { plate }.into()),
        None => Ok(()),
    }
}

/// Refuses a model in which the elements of a plate are not exchangeable.
pub(super) fn refuse_whole_plates(specification: &Specification) -> Result<(), InferenceError> {
    fn find(plates: &[Plate]) -> Option<(String, String)> {
        plates.iter().find_map(|plate| {
            let own = plate.variables.iter().find(|v| v.is_of_a_plate()).map(|v| (plate.name.clone(), v.name.clone()));
            own.or_else(|| find(&plate.plates))
        })
    }
    match find(&specification.plates) {
        Some((plate, variable)) => Err(RequestError::OfAPlate { plate, variable }.into()),
        None => Ok(()),
    }
}

/// Reads the entry of a file that holds the sizes that were fixed in training.
///
/// # Errors
/// A size of something other than a plate, or one that the plate cannot have or that is random.
pub(super) fn from_text(specification: &Specification, text: &str) -> Result<Vec<(String, usize)>, String> {
    let sizes: Vec<(String, usize)> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    check_saved(specification, &sizes)?;
    Ok(sizes)
}

/// Checks sizes that stand in a file, as [`from_text`] does.
pub(super) fn check_saved(specification: &Specification, sizes: &[(String, usize)]) -> Result<(), String> {
    let allows = |(name, size): &&(String, usize)| {
        find(&specification.plates, name)
            .is_some_and(|plate| !matches!(plate.size, PlateSize::Random { .. }) && plate.size.allows(*size))
    };
    match sizes.iter().find(|size| !allows(size)) {
        Some((name, size)) => Err(format!("it fixes the size of `{name}` to {size}, which the model does not allow")),
        None => Ok(()),
    }
}

fn find<'a>(plates: &'a [Plate], name: &str) -> Option<&'a Plate> {
    plates.iter().find_map(|plate| if plate.name == name { Some(plate) } else { find(&plate.plates, name) })
}

/// The most elements of a plate that a network reads: a position beyond is not exact in its numbers.
const MOST_ELEMENTS: usize = 1 << 24;

/// Checks that the plates whose size was fixed in training have that size; the others may have any that a network can count.
pub(super) fn check(sizes: &[(String, usize)], frame: &Frame<'_>) -> Result<(), InferenceError> {
    for plate in &frame.plates {
        if plate.size > MOST_ELEMENTS {
            let (plate, elements) = (plate.name.to_owned(), plate.size);
            return Err(RequestError::TooManyElements { plate, elements, most: MOST_ELEMENTS }.into());
        }
        if let Some((_, trained)) = sizes.iter().find(|(name, _)| *name == plate.name) {
            let each: Vec<usize> = match &plate.offsets {
                Some(offsets) => offsets.windows(2).map(|pair| pair[1] - pair[0]).collect(),
                None => vec![plate.size],
            };
            if let Some(size) = each.into_iter().find(|size| size != trained) {
                return Err(RequestError::OtherSize { plate: plate.name.to_owned(), size, trained: *trained }.into());
            }
        }
        check(sizes, plate)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_that_networks_cannot_count_is_refused() {
        let plate = |size| Frame { name: "stars", size, offsets: None, columns: Vec::new(), plates: Vec::new() };
        let top = |size| Frame { plates: vec![plate(size)], ..plate(1) };
        check(&[], &top(MOST_ELEMENTS)).unwrap();
        let error = check(&[], &top(MOST_ELEMENTS + 1)).unwrap_err().to_string();
        assert!(error.contains("`stars` has 16777217 elements"), "{error}");
    }
}

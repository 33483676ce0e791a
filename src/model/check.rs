//! Checks that a model could have generated a data set.

use std::cell::RefCell;
use std::ops::Range;

use super::erased::AnyModel;
use super::erased_data::AnyData;
use super::walk::{Scalar, Vector};
use super::{
    Column, DataError, DataSet, Frame, LocalSet, Model, Place, PlateSize, Slot, Specification, Values, Walk,
    specification,
};
use crate::distributions::Support;

/// Checks the shape of a data set, the sizes of its plates, that its numbers are finite, that indices are positions of
/// elements, and that observations lie within their supports, as far as these do not depend on latent variables.
///
/// # Errors
/// The first error, with its place.
pub fn check<M: Model>(model: &M, data: &M::Data) -> Result<(), DataError> {
    (model as &dyn AnyModel).check(data)
}

/// The extent of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// Plates at the top may have any size.
    Part,
}

impl dyn AnyModel + '_ {
    /// See [`check`].
    pub(crate) fn check(&self, data: &dyn AnyData) -> Result<(), DataError> {
        self.check_with(&self.specification(), data, Extent::Whole)
    }

    /// Checks a data set with the `specification` of the model, which the caller already has; see [`check`].
    pub(crate) fn check_with(
        &self,
        specification: &Specification,
        data: &dyn AnyData,
        extent: Extent,
    ) -> Result<(), DataError> {
        let frame = data.frame();
        columns(&frame)?;
        widths(&specification.variables, &frame)?;
        plates(&specification.plates, &frame, extent)?;
        let mut visitor = Check { error: RefCell::new(None), is_state_before: false };
        self.walk(Some(data), None, None, &mut visitor);
        visitor.error.into_inner().map_or(Ok(()), Err)
    }
}

/// Checks that `locals` have as many elements as `data`.
///
/// # Errors
/// The first local with another number of elements, with both numbers.
pub fn check_locals<M: Model>(locals: &M::Locals, data: &M::Data) -> Result<(), DataError> {
    check_local_frames(&LocalSet::frame(locals), &DataSet::frame(data))
}

/// See [`check_locals`].
pub(crate) fn check_local_frames(locals: &Frame<'_>, data: &Frame<'_>) -> Result<(), DataError> {
    fn check(locals: &Frame<'_>, data: &Frame<'_>) -> Result<(), DataError> {
        for (locals, data) in locals.plates.iter().zip(&data.plates) {
            for Column { name, width, values, .. } in &locals.columns {
                if values.len() != data.size * width {
                    let what = format!(
                        "the local `{name}` has {} elements, but the plate `{}` has {} in the data: these are locals of another data set",
                        values.len() / (*width).max(1),
                        data.name,
                        data.size
                    );
                    return Err(DataError::Shape { what });
                }
            }
            check(locals, data)?;
        }
        Ok(())
    }
    check(locals, data)
}

fn plates(plates: &[specification::Plate], outer: &Frame<'_>, extent: Extent) -> Result<(), DataError> {
    for frame in &outer.plates {
        let Some(plate) = plates.iter().find(|p| p.name == frame.name) else { continue };
        match &frame.offsets {
            None if extent == Extent::Part => (),
            None => allowed(plate, frame.size, None)?,
            Some(offsets) => {
                for (i, size) in groups(frame, offsets, outer)?.into_iter().enumerate() {
                    allowed(plate, size, Some((outer.name, i)))?;
                }
            }
        }
        columns(frame)?;
        widths(&plate.variables, frame)?;
        self::plates(&plate.plates, frame, extent)?;
    }
    Ok(())
}

/// Returns the sizes of a plate inside the elements of another, from its offsets.
pub(crate) fn groups(frame: &Frame<'_>, offsets: &[usize], outer: &Frame<'_>) -> Result<Vec<usize>, DataError> {
    let wrong =
        |what: String| Err(DataError::Shape { what: format!("the offsets of the plate `{}` {what}", frame.name) });
    if offsets.len() != outer.size + 1 {
        let (n, needed) = (offsets.len(), outer.size + 1);
        return wrong(format!("are {n}, but the {} elements of `{}` need {needed}", outer.size, outer.name));
    }
    if offsets[0] != 0 {
        return wrong(format!("begin with {}, not with 0", offsets[0]));
    }
    if let Some(i) = offsets.windows(2).position(|w| w[1] < w[0]) {
        return wrong(format!("fall from {} to {} after element {i}", offsets[i], offsets[i + 1]));
    }
    if offsets[outer.size] != frame.size {
        return wrong(format!(
            "end at {}, but there are {} elements: a column may have been cut short",
            offsets[outer.size], frame.size
        ));
    }
    Ok(offsets.windows(2).map(|w| w[1] - w[0]).collect())
}

pub(crate) fn allowed(
    plate: &specification::Plate,
    size: usize,
    within: Option<(&str, usize)>,
) -> Result<(), DataError> {
    if plate.size.allows(size) {
        return Ok(());
    }
    let allowed = match &plate.size {
        PlateSize::Fixed(n) => format!("exactly {n}"),
        PlateSize::Range(low, high) => format!("{low} to {high}"),
        PlateSize::Random { .. } => "any number".to_owned(),
    };
    let element = within.map_or(String::new(), |(outer, i)| format!(" in element {i} of `{outer}`"));
    Err(DataError::PlateSize { plate: plate.name.clone(), size, element, allowed })
}

/// Checks that vectors have the lengths that they have in the model.
fn widths(variables: &[specification::Variable], frame: &Frame<'_>) -> Result<(), DataError> {
    for Column { name, width, .. } in frame.columns.iter().filter(|_| frame.size > 0) {
        let Some(variable) = variables.iter().find(|v| v.name == *name).filter(|v| v.len() != *width) else { continue };
        let of = if frame.name.is_empty() { String::new() } else { format!(" of the plate `{}`", frame.name) };
        let what = format!(
            "`{name}`{of} has {width} numbers in the data, and {} in the model: `for_data(&data)` makes a model of the data's sizes",
            variable.len()
        );
        return Err(DataError::Shape { what });
    }
    Ok(())
}

pub(crate) fn columns(frame: &Frame<'_>) -> Result<(), DataError> {
    for column @ Column { name, width, values, .. } in &frame.columns {
        if values.len() != frame.size * width {
            let what = format!(
                "the column `{name}` of the plate `{}` has {} elements, but the plate has {}",
                frame.name,
                values.len() / (*width).max(1),
                frame.size
            );
            return Err(DataError::Shape { what });
        }
        if let Values::Real(_) | Values::Pixels(_) = values
            && let Some(i) = (0..values.len()).find(|&i| column.is_there(i) && !values.get(i).is_finite())
        {
            let plate = (!frame.name.is_empty()).then_some((frame.name, i / width));
            let mut place = Place { variable: name, plate }.to_string();
            if *width > 1 {
                place = format!("component {} of {place}", i % width);
            }
            return Err(DataError::NotFinite { place, value: values.get(i) });
        }
    }
    Ok(())
}

/// Walks with latent variables that are NaN, so that a bound is a number only if it depends on none of them.
struct Check {
    error: RefCell<Option<DataError>>,
    /// Whether the next sum is over the states of the element before.
    is_state_before: bool,
}

impl Check {
    fn report(&self, error: DataError) {
        self.error.borrow_mut().get_or_insert(error);
    }

    /// Visits `values` of a discrete local up to the first for which all is possible; returns those that are left.
    fn possible(&mut self, mut values: Range<usize>, body: &mut dyn FnMut(&mut dyn Walk, usize)) -> Range<usize> {
        let before = self.error.take();
        let mut first = None;
        for k in values.by_ref() {
            body(self, k);
            match self.error.take() {
                None => {
                    first = None;
                    break;
                }
                Some(error) => first = first.or(Some(error)),
            }
        }
        self.error = RefCell::new(before.or(first));
        values
    }

    fn inside(&self, place: &Place, component: Option<usize>, support: Support<f64>, x: f64) {
        if !support.contains(x) {
            let place = component.map_or(place.to_string(), |c| format!("component {c} of {place}"));
            self.report(DataError::OutsideSupport { place, value: x, support: support.describe() });
        }
    }
}

impl Walk for Check {
    fn latent(&mut self, _: &'static str, _: Slot, _: &dyn Scalar, _: Option<f64>) -> f64 {
        f64::NAN
    }

    fn latent_vector(&mut self, _: &'static str, _: Slot, _: &dyn Vector, _: Option<&[f64]>, _: &mut [f64]) {}

    fn observe(&mut self, place: &Place, distribution: &dyn Scalar, x: f64) {
        self.inside(place, None, distribution.support(), x);
    }

    fn observe_vector(&mut self, place: &Place, distribution: &dyn Vector, x: &[f64]) {
        let support = distribution.support();
        for (c, &x) in x.iter().enumerate() {
            self.inside(place, Some(c), support, x);
        }
        if let Some((what, value, support)) = support.misfit(x) {
            let (place, support) = (format!("{what} of {place}"), support.to_owned());
            self.report(DataError::OutsideSupport { place, value, support });
        }
        if let Some((what, value, support)) = distribution.impossible(x) {
            self.report(DataError::OutsideSupport { place: format!("{what} of {place}"), value, support });
        }
    }

    fn state_before(&mut self) {
        self.is_state_before = true;
    }

    /// An observation is possible if it is possible for one value of the discrete local. Of a count that depends on the one before,
    /// the others say how far it may reach.
    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        match std::mem::take(&mut self.is_state_before) {
            true => self.sum_out_all(categories, body),
            false => _ = self.possible(0..categories, body),
        }
    }

    fn sum_out_all(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let rest = self.possible(0..categories, body);
        let known = self.error.take();
        rest.for_each(|k| body(self, k));
        self.error = RefCell::new(known);
    }

    fn outside(&mut self, error: DataError) {
        self.error = RefCell::new(Some(error));
    }

    fn index(&self, place: &Place, index: usize, size: usize) -> usize {
        if index < size {
            return index;
        }
        self.report(DataError::Index { place: place.to_string(), index, size });
        0
    }
}

//! A data set as a table with nested lists.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, ListArray, RecordBatch, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;

use crate::model::{Column, DataError, Frame, Values, columns, groups};

/// Makes the table of a data set.
pub(super) fn batch(top: &Frame<'_>, path: &Path) -> Result<RecordBatch, DataError> {
    let wrong = |what: String| DataError::Table { path: path.to_owned(), what };
    sound(top)?;
    let mut table: Vec<(String, ArrayRef)> = Vec::new();
    match rows_of(top) {
        Some(plate) => {
            for column in &top.columns {
                let one = values(column).map_err(wrong)?;
                let repeated = arrow_select::take::take(&one, &UInt64Array::from(vec![0; plate.size]), None);
                table.push((plain(column.name), repeated.map_err(|error| wrong(error.to_string()))?));
            }
            add(plate, &[], &mut table).map_err(wrong)?;
        }
        None => add(top, &[], &mut table).map_err(wrong)?,
    }
    RecordBatch::try_from_iter(table).map_err(|error| wrong(error.to_string()))
}

/// Returns the plate whose elements are the rows, which is the only outermost one; `None` where the data set is one row.
pub(super) fn rows_of<'a, 'b>(top: &'a Frame<'b>) -> Option<&'a Frame<'b>> {
    match top.plates.as_slice() {
        [plate] if !is_bare(plate) => Some(plate),
        _ => None,
    }
}

/// Returns whether a plate is in the data only because of an index.
fn is_bare(plate: &Frame<'_>) -> bool {
    plate.columns.is_empty() && plate.plates.is_empty()
}

/// Checks the lengths of the columns, so that the file can be read again.
fn sound(frame: &Frame<'_>) -> Result<(), DataError> {
    columns(frame)?;
    for plate in &frame.plates {
        if let Some(offsets) = &plate.offsets {
            groups(plate, offsets, frame)?;
        }
        sound(plate)?;
    }
    Ok(())
}

/// Adds the columns of a frame and of the plates inside it; `outer` holds where the lists of each plate around it begin, the outermost
/// first.
fn add(frame: &Frame<'_>, outer: &[Vec<usize>], table: &mut Vec<(String, ArrayRef)>) -> Result<(), String> {
    for column in &frame.columns {
        table.push((plain(column.name), in_lists(values(column)?, outer)?));
    }
    for plate in &frame.plates {
        let offsets = plate.offsets.as_ref().map_or_else(|| vec![0, plate.size], |offsets| offsets.to_vec());
        if is_bare(plate) {
            let sizes = UInt64Array::from_iter_values(offsets.windows(2).map(|ends| (ends[1] - ends[0]) as u64));
            table.push((plain(plate.name), in_lists(Arc::new(sizes), outer)?));
            continue;
        }
        add(plate, &[outer, &[offsets]].concat(), table)?;
    }
    Ok(())
}

fn in_lists(values: ArrayRef, outer: &[Vec<usize>]) -> Result<ArrayRef, String> {
    outer.iter().rev().try_fold(values, |values, offsets| {
        let narrow = |at: &usize| i32::try_from(*at).map_err(|_| format!("a list of {at} elements is too long"));
        let offsets: Vec<i32> = offsets.iter().map(narrow).collect::<Result<_, _>>()?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let list = ListArray::try_new(item(&values), offsets, values, None);
        list.map(|list| Arc::new(list) as ArrayRef).map_err(|error| error.to_string())
    })
}

fn item(values: &ArrayRef) -> Arc<Field> {
    Arc::new(Field::new_list_field(values.data_type().clone(), values.null_count() > 0))
}

fn values(column: &Column<'_>) -> Result<ArrayRef, String> {
    let there = column.there.as_ref().map(|there| NullBuffer::from(there.to_vec()));
    let whole = |x: &[usize]| x.iter().map(|&x| x as u64).collect();
    let values: ArrayRef = match &column.values {
        Values::Real(x) => Arc::new(Float64Array::new(x.to_vec().into(), there)),
        Values::Count(x) => Arc::new(UInt64Array::new(x.to_vec().into(), there)),
        Values::Bool(x) => Arc::new(BooleanArray::new(x.to_vec().into(), there)),
        Values::Category(x) => Arc::new(UInt64Array::new(whole(x), there)),
        Values::Pixels(x) => Arc::new(Float32Array::new(x.to_vec().into(), there)),
    };
    if column.width == 1 {
        return Ok(values);
    }
    let width = i32::try_from(column.width).map_err(|_| format!("`{}` is too wide", column.name))?;
    let list = FixedSizeListArray::try_new(item(&values), width, values, None);
    list.map(|list| Arc::new(list) as ArrayRef).map_err(|error| error.to_string())
}

/// Returns a name of the model as it is written in a file, without `r#`.
pub(super) fn plain(name: &str) -> String {
    name.trim_start_matches("r#").to_owned()
}

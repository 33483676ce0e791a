//! Columns of Arrow as numbers, and as lists of them.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// The numbers of a column.
pub(super) enum Leaf {
    Real(Vec<f64>),
    Whole(Vec<i64>),
    Bool(Vec<bool>),
}

/// Reads a column of numbers, or says what it is instead.
pub(super) fn leaf(array: &ArrayRef) -> Result<Leaf, String> {
    no_gaps(array)?;
    with_gaps(array)
}

/// Reads numbers of which some may not be there: those are any.
pub(super) fn with_gaps(array: &ArrayRef) -> Result<Leaf, String> {
    macro_rules! whole {
        ($($kind:ident),*) => {
            match array.data_type() {
                DataType::Boolean => Leaf::Bool(array.as_boolean().values().iter().collect()),
                DataType::Float64 => Leaf::Real(array.as_primitive::<Float64Type>().values().to_vec()),
                DataType::Float32 => {
                    Leaf::Real(array.as_primitive::<Float32Type>().values().iter().map(|&x| f64::from(x)).collect())
                }
                DataType::UInt64 => {
                    let values = array.as_primitive::<UInt64Type>().values().iter();
                    let values = values.map(|&x| i64::try_from(x).map_err(|_| format!("holds {x}, which is too large")));
                    Leaf::Whole(values.collect::<Result<_, _>>()?)
                }
                $(kind if *kind == <$kind as arrow_array::types::ArrowPrimitiveType>::DATA_TYPE => {
                    Leaf::Whole(array.as_primitive::<$kind>().values().iter().map(|&x| i64::from(x)).collect())
                })*
                other => return Err(format!("is of the type {other}, and not of numbers")),
            }
        };
    }
    Ok(whole!(Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type))
}

/// Reads a column of lists: the position at which each list begins, with the last end, and what is in all of them; or says what
/// it is instead.
pub(super) fn lists(array: &ArrayRef) -> Result<(Vec<usize>, ArrayRef), String> {
    no_gaps(array)?;
    // An array may be a part of a longer one.
    let of = |offsets: Vec<usize>, values: &ArrayRef| {
        let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        (offsets.into_iter().map(|at| at - first).collect(), values.slice(first, last - first))
    };
    Ok(match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            of(list.value_offsets().iter().map(|&at| at as usize).collect(), list.values())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            of(list.value_offsets().iter().map(|&at| at as usize).collect(), list.values())
        }
        DataType::FixedSizeList(_, size) => {
            let size = *size as usize;
            let list = array.as_fixed_size_list();
            // Its values are those of this part alone.
            ((0..=list.len()).map(|i| i * size).collect(), list.values().clone())
        }
        other => return Err(format!("is of the type {other}, and not of lists")),
    })
}

fn no_gaps(array: &ArrayRef) -> Result<(), String> {
    match (0..array.len()).find(|&i| array.is_null(i)) {
        Some(at) => Err(format!("has no entry at position {at}, counted from 0: leave the row out, or fill it in")),
        None => Ok(()),
    }
}

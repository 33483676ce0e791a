//! What `data let` makes of a column: the words `mean(x)`, `sd(x)`, `sum(x)`, `min(x)` and `max(x)`, of the values that are there.

use super::DataError;

/// A value in a column of the data.
pub trait Entry {
    /// Returns it as a number; `None` if it is missing.
    fn entry(&self) -> Option<f64>;
}

macro_rules! entries {
    ($($x:ty => $number:expr),*) => {
        $(impl Entry for $x {
            fn entry(&self) -> Option<f64> {
                let number: fn(&$x) -> f64 = $number;
                Some(number(self))
            }
        })*
    };
}
entries!(f64 => |x| *x, u64 => |x| *x as f64, usize => |x| *x as f64, bool => |x| f64::from(u8::from(*x)));

impl<X: Entry> Entry for Option<X> {
    fn entry(&self) -> Option<f64> {
        self.as_ref().and_then(X::entry)
    }
}

fn entries(x: &[impl Entry]) -> impl Iterator<Item = f64> {
    x.iter().filter_map(Entry::entry)
}

/// Returns the sum.
pub fn sum(x: &[impl Entry]) -> f64 {
    entries(x).sum()
}

/// Returns the mean.
pub fn mean(x: &[impl Entry]) -> f64 {
    sum(x) / entries(x).count() as f64
}

/// Returns the standard deviation, by one less than the number of values.
pub fn sd(x: &[impl Entry]) -> f64 {
    let mean = mean(x);
    let squares: f64 = entries(x).map(|x| (x - mean).powi(2)).sum();
    (squares / (entries(x).count() as f64 - 1.0)).sqrt()
}

/// Returns the smallest.
pub fn min(x: &[impl Entry]) -> f64 {
    entries(x).fold(f64::INFINITY, f64::min)
}

/// Returns the largest.
pub fn max(x: &[impl Entry]) -> f64 {
    entries(x).fold(f64::NEG_INFINITY, f64::max)
}

/// Returns what the model keeps of data.
///
/// # Errors
/// It is not finite.
pub fn kept(name: &str, value: f64) -> Result<f64, DataError> {
    if value.is_finite() {
        return Ok(value);
    }
    let what = format!(
        "`data let {name}` is {value} with these data: are there too few of them, or one that is not finite? Set the field `{name}` of the \
         model where they do not tell it"
    );
    Err(DataError::Shape { what })
}

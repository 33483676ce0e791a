//! Truth values in JSON: `true` and `false`, or 1 and 0 as tables have them.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// One truth value.
#[derive(Clone, Copy)]
struct Truth(bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrZero;
        impl Visitor<'_> for OneOrZero {
            type Value = bool;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`true`, `false`, 1 or 0")
            }

            fn visit_bool<E: Error>(self, x: bool) -> Result<bool, E> {
                Ok(x)
            }

            fn visit_u64<E: Error>(self, x: u64) -> Result<bool, E> {
                if x < 2 { Ok(x == 1) } else { Err(E::invalid_value(Unexpected::Unsigned(x), &self)) }
            }

            fn visit_f64<E: Error>(self, x: f64) -> Result<bool, E> {
                if x == 0.0 || x == 1.0 { Ok(x == 1.0) } else { Err(E::invalid_value(Unexpected::Float(x), &self)) }
            }
        }
        // What is in bytes has no types to tell apart.
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(OneOrZero).map(Truth),
            false => bool::deserialize(deserializer).map(Truth),
        }
    }
}

/// Reads one.
///
/// # Errors
/// It is neither.
pub fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Truth::deserialize(deserializer).map(|truth| truth.0)
}

/// Reads a column of them.
///
/// # Errors
/// One of them is neither.
pub fn column<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<bool>, D::Error> {
    Ok(Vec::<Truth>::deserialize(deserializer)?.into_iter().map(|truth| truth.0).collect())
}

/// Reads one that may be missing.
///
/// # Errors
/// It is neither.
pub fn one_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(Option::<Truth>::deserialize(deserializer)?.map(|truth| truth.0))
}

/// Reads a column of them, of which some may be missing.
///
/// # Errors
/// One of them is neither.
pub fn column_with_gaps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<bool>>, D::Error> {
    Ok(Vec::<Option<Truth>>::deserialize(deserializer)?.into_iter().map(|truth| truth.map(|truth| truth.0)).collect())
}

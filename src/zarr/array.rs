//! An array with named dimensions.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::files::atomic_write;

/// The numbers, or the texts, of an array, the last dimension first.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    Real(Vec<f64>),
    Single(Vec<f32>),
    Whole(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

impl Numbers {
    pub(super) fn data_type(&self) -> String {
        match self {
            Self::Real(_) => "<f8".to_owned(),
            Self::Single(_) => "<f4".to_owned(),
            Self::Whole(_) => "<i8".to_owned(),
            Self::Bool(_) => "|b1".to_owned(),
            Self::Text(texts) => format!("<U{}", longest(texts)),
        }
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Real(x) => x.len(),
            Self::Single(x) => x.len(),
            Self::Whole(x) => x.len(),
            Self::Bool(x) => x.len(),
            Self::Text(x) => x.len(),
        }
    }

    /// Returns the bytes of all of them, those of each number from the least to the most significant.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Real(x) => x.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Single(x) => x.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Whole(x) => x.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Bool(x) => x.iter().map(|x| u8::from(*x)).collect(),
            Self::Text(texts) => {
                let longest = longest(texts);
                let padded = |text: &String| {
                    let rest = std::iter::repeat_n(0, longest - text.chars().count());
                    text.chars().map(u32::from).chain(rest).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
                };
                texts.iter().flat_map(padded).collect()
            }
        }
    }
}

/// Returns the length of the longest text, in characters; at least 1.
fn longest(texts: &[String]) -> usize {
    texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1)
}

/// An array with a name for itself and for each of its dimensions.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) name: String,
    pub(crate) dims: Vec<String>,
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: Numbers,
}

impl Array {
    /// Makes an array of one dimension.
    pub(crate) fn of_one_dimension(name: &str, dim: &str, numbers: Numbers) -> Self {
        Self { name: name.to_owned(), dims: vec![dim.to_owned()], shape: vec![numbers.len()], numbers }
    }

    /// The description that stands beside the numbers.
    pub(super) fn description(&self) -> Value {
        // A chain is a file, so that one of them is read without the others.
        let mut chunks: Vec<usize> = self.shape.iter().map(|n| (*n).max(1)).collect();
        if self.is_by_chain() {
            chunks[0] = 1;
        }
        description(&self.shape, &chunks, &self.numbers.data_type(), &Value::Null)
    }

    fn is_by_chain(&self) -> bool {
        self.dims.first().is_some_and(|dim| dim == "chain") && self.dims.len() > 1
    }

    /// Writes the numbers to the folder of the array.
    pub(super) fn write_numbers(&self, folder: &Path) -> io::Result<()> {
        let bytes = self.numbers.bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        let rest = vec!["0"; self.dims.len().saturating_sub(1)];
        if self.is_by_chain() {
            let chains = bytes.chunks(bytes.len() / self.shape[0]);
            return chains.enumerate().try_for_each(|(chain, bytes)| {
                let chain = chain.to_string();
                let name: Vec<&str> = std::iter::once(chain.as_str()).chain(rest.iter().copied()).collect();
                atomic_write(&folder.join(name.join(".")), bytes)
            });
        }
        let name = std::iter::once("0").chain(rest).collect::<Vec<_>>().join(".");
        atomic_write(&folder.join(name), &bytes)
    }
}

/// The description of an array whose numbers are not compressed; `missing` is the value of what has no file.
pub(super) fn description(shape: &[usize], chunks: &[usize], data_type: &str, missing: &Value) -> Value {
    json!({
        "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": data_type, "order": "C", "compressor": null, "filters": null,
        "fill_value": missing,
    })
}

/// What is said of an array or a group beside its description.
pub(super) fn attributes(dims: Option<&[String]>, said: &[(String, Value)]) -> Value {
    let mut attributes: Map<String, Value> = said.iter().cloned().collect();
    if let Some(dims) = dims {
        // Where xarray looks for the names of dimensions.
        attributes.insert("_ARRAY_DIMENSIONS".to_owned(), json!(dims));
    }
    Value::Object(attributes)
}

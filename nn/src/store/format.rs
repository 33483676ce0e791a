//! A safetensors file: matrices by name, metadata, and a checksum over both.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{self, Dtype, SafeTensors, TensorInfo, TensorView, serialize};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::checks::finite;
use crate::error::Error;
use crate::packed::Numbers;
use hierarch_core::files::{self, atomic_write};
use hierarch_core::hash::{NOTHING, fnv};

/// Entries in the header of a file, for whoever opens it.
pub type Metadata = BTreeMap<String, String>;

/// Version of the layout of weights and metadata.
pub(super) const FORMAT: u32 = 6;
/// The key of the checksum over everything else.
const CHECKSUM: &str = "hierarch.checksum";

/// A matrix as it is in a file.
pub(super) struct Matrix<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Vec<usize>,
    pub(super) values: StoredValues<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum StoredValues<'a> {
    Single(&'a [f32]),
    Counts(&'a [u16]),
}

impl StoredValues<'_> {
    fn dtype(self) -> Dtype {
        match self {
            StoredValues::Single(_) => Dtype::F32,
            StoredValues::Counts(_) => Dtype::U16,
        }
    }

    /// Returns the bytes in the order of the format: the lowest first.
    fn bytes(self) -> Vec<u8> {
        fn all<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
            let mut all = Vec::with_capacity(values.len() * N);
            values.iter().for_each(|value| all.extend_from_slice(&bytes(*value)));
            all
        }
        match self {
            StoredValues::Single(values) => all(values, f32::to_le_bytes),
            StoredValues::Counts(values) => all(values, u16::to_le_bytes),
        }
    }
}

/// A file that was read whole, and whose checksum is right.
pub(super) struct File {
    bytes: Vec<u8>,
    /// What stands in the header of each matrix, and where the first of them begins.
    header: tensor::Metadata,
    start: usize,
    pub(super) metadata: Metadata,
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    // Numbers, text and lists of them: nothing that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}

/// Writes a file with a checksum over its metadata and matrices.
pub(super) fn write<'a>(
    path: &Path,
    mut metadata: Metadata,
    matrices: impl Iterator<Item = Matrix<'a>>,
) -> Result<(), Error> {
    let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
    let mut matrices: Vec<(&str, Vec<usize>, Dtype, Vec<u8>)> =
        matrices.map(|Matrix { name, shape, values }| (name, shape, values.dtype(), values.bytes())).collect();
    matrices.sort_by_key(|(name, ..)| *name);
    metadata.insert(CHECKSUM.to_owned(), checksum(&metadata, matrices.iter().map(|(.., bytes)| bytes.as_slice())));
    let views =
        matrices.iter().map(|(name, shape, dtype, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?)));
    let bytes = views
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .and_then(|views| serialize(views, Some(metadata.into_iter().collect::<HashMap<_, _>>())))
        .map_err(|error| failed(std::io::Error::other(error)))?;
    atomic_write(path, &in_order(bytes)).map_err(failed)
}

/// Returns a file with the entries of its header in the order of their names. The crate writes metadata in the order of a hash
/// map, with which the same numbers would be other bytes each time.
fn in_order(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize);
    if let Some(header) = bytes.get_mut(8..).and_then(|rest| rest.get_mut(..length))
        && let Ok(entries) = serde_json::from_slice::<serde_json::Value>(header)
        && let sorted = entries.to_string()
        && sorted.len() <= length
    {
        header.fill(b' ');
        header[..sorted.len()].copy_from_slice(sorted.as_bytes());
    }
    bytes
}

/// Reads a file, and checks that it is not damaged.
pub(super) fn read(path: &Path) -> Result<File, Error> {
    let bytes = files::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    File::new(bytes).map_err(|reason| Error::Corrupt { path: path.to_owned(), reason })
}

impl File {
    fn new(bytes: Vec<u8>) -> Result<File, String> {
        let damaged =
            |error: safetensors::SafeTensorError| format!("it is cut short or not a safetensors file ({error})");
        let (length, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let mut metadata: Metadata =
            header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let recorded = metadata.remove(CHECKSUM).ok_or("it was not written by hierarch")?;
        let file = File { bytes, header, start: size_of::<u64>() + length, metadata };
        let matrices: BTreeMap<String, &TensorInfo> = file.header.tensors().into_iter().collect();
        if recorded != checksum(&file.metadata, matrices.values().map(|matrix| file.data(matrix))) {
            return Err("its checksum does not match its contents".to_owned());
        }
        Ok(file)
    }

    /// Returns the bytes of a matrix, which the header has been checked against.
    fn data(&self, matrix: &TensorInfo) -> &[u8] {
        let (start, end) = matrix.data_offsets;
        self.bytes.get(self.start + start..self.start + end).unwrap_or_default()
    }

    /// Takes an entry out of the metadata.
    pub(super) fn json<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, String> {
        let text = self.metadata.remove(key).ok_or_else(|| format!("its header has no `{key}`"))?;
        serde_json::from_str(&text).map_err(|error| format!("its header is not readable ({error})"))
    }

    /// Takes the header of a network, or of several, out of the metadata.
    ///
    /// # Errors
    /// If it has another format than this version of the library writes.
    pub(super) fn header<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let text = self.metadata.get(key).map_or("", String::as_str);
        let one = || serde_json::from_str(text).map(|one: Format| vec![one]);
        let formats: Vec<Format> = serde_json::from_str(text).or_else(|_| one()).unwrap_or_default();
        match formats.iter().find(|found| found.format != FORMAT) {
            Some(Format { format }) => Err(format!(
                "it has format {format}, and this version of hierarch reads format {FORMAT}: train anew, or read it with the \
                 version that wrote it"
            )),
            None => self.json(key),
        }
    }

    /// Tells whether there is a matrix of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    /// Returns how many weights the file can hold.
    pub(super) fn room(&self) -> usize {
        self.bytes.len() / size_of::<f32>()
    }

    /// Returns the matrix of this name; it must have the given shape, and finite numbers.
    pub(super) fn matrix(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let matrix = self.header.info(name).ok_or_else(|| format!("`{name}` is missing"))?;
        let TensorInfo { dtype, shape: found, .. } = matrix;
        if found != shape || *dtype != Dtype::F32 {
            return Err(format!("`{name}` is {dtype:?} of shape {found:?} where F32 of shape {shape:?} is due"));
        }
        let values = singles(self.data(matrix));
        finite(&format!("`{name}`"), &values)?;
        Ok(values)
    }

    /// Returns where in the file each matrix begins.
    pub(super) fn places(&self) -> impl Iterator<Item = (String, u64)> {
        self.header.tensors().into_iter().map(|(name, matrix)| (name, (self.start + matrix.data_offsets.0) as u64))
    }

    /// Returns all lists of the file.
    pub(super) fn numbers(&self) -> Result<BTreeMap<String, Numbers>, String> {
        let lists = self.header.tensors().into_iter().map(|(name, list)| match (list.dtype, list.shape.len()) {
            (Dtype::F32, 1) => Ok((name, Numbers::Single(singles(self.data(list))))),
            (Dtype::U16, 1) => {
                let counts = self.data(list).as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
                Ok((name, Numbers::Counts(counts.collect())))
            }
            (dtype, _) => Err(format!("`{name}` is {dtype:?} of shape {:?} where a list is due", list.shape)),
        });
        lists.collect()
    }
}

fn singles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Returns a hash of a file in hexadecimal (FNV-1a with 64 bits): enough to notice accidents.
fn checksum<'a>(metadata: &'a Metadata, matrices: impl Iterator<Item = &'a [u8]>) -> String {
    let texts = metadata.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    format!("{:016x}", fnv(NOTHING, texts.chain(matrices).flatten().map(|byte| u64::from(*byte))))
}

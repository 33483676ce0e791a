//! Networks in files.
//!
//! A file is a [safetensors](https://github.com/huggingface/safetensors) file: the weight matrices by name, and in the
//! header's metadata, as JSON, everything else that the network is. It can be inspected with any tool that reads the format.
//! A file is written whole or not at all: beside its place first, then renamed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use super::features::Reader;
use super::graph::Weights;
use super::network::Plan;
use super::train::Record;
use super::{Architecture, Error, Network, Shape};
use crate::whole_file::write_whole;

/// Version of the layout of weights and metadata.
const FORMAT: u32 = 1;
/// The key of the network's own metadata; the caller's stand beside it.
const NETWORK: &str = "hierarch.network";
/// The key of the checksum over everything else.
const CHECKSUM: &str = "hierarch.checksum";

/// All of a network but its weights.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    shape: Shape,
    architecture: Architecture,
    reader: Reader,
    history: Vec<Record>,
}

impl Network {
    /// Writes the network to a file, with `metadata` for whoever opens it: a fingerprint of the model, names, a date.
    /// What stood there before is replaced, in one piece.
    ///
    /// # Errors
    /// If the file cannot be written; whatever stood there before is then still there.
    pub fn save(&self, path: impl AsRef<Path>, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
        let path = path.as_ref();
        let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
        let bytes = self.to_bytes(metadata).map_err(|reason| failed(std::io::Error::other(reason)))?;
        write_whole(path, &bytes).map_err(failed)
    }

    /// Reads a network, and the metadata that were saved with it.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or does not hold a network of this version of the library.
    pub fn load(path: impl AsRef<Path>) -> Result<(Network, BTreeMap<String, String>), Error> {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
        Network::from_bytes(&bytes).map_err(|reason| Error::Corrupt { path: path.to_owned(), reason })
    }

    fn to_bytes(&self, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, String> {
        let header = Header {
            format: FORMAT,
            shape: self.shape.clone(),
            architecture: self.architecture.clone(),
            reader: self.reader.clone(),
            history: self.history.clone(),
        };
        let mut metadata = metadata.clone();
        metadata.insert(NETWORK.to_owned(), serde_json::to_string(&header).map_err(|error| error.to_string())?);
        let matrices: Vec<(&str, Vec<usize>, Vec<u8>)> = self
            .plan
            .parameters
            .iter()
            .map(|parameter| {
                let values = &self.weights.values[parameter.slot.range()];
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (parameter.name.as_str(), vec![parameter.slot.rows, parameter.slot.columns], bytes)
            })
            .collect();
        let checksum = checksum(&metadata, matrices.iter().map(|(_, _, bytes)| bytes.as_slice()));
        metadata.insert(CHECKSUM.to_owned(), checksum);

        let views = matrices.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|error| error.to_string())?;
            Ok((*name, view))
        });
        let views = views.collect::<Result<Vec<_>, String>>()?;
        serialize(views, Some(metadata.into_iter().collect::<HashMap<_, _>>())).map_err(|error| error.to_string())
    }

    fn from_bytes(bytes: &[u8]) -> Result<(Network, BTreeMap<String, String>), String> {
        let damaged =
            |error: safetensors::SafeTensorError| format!("it is cut short or not a safetensors file ({error})");
        let (_, file) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let mut metadata: BTreeMap<String, String> =
            file.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let recorded = metadata.remove(CHECKSUM);
        let text = metadata.get(NETWORK).ok_or("it was not written by hierarch")?;
        let header: Header =
            serde_json::from_str(text).map_err(|error| format!("its header is not readable ({error})"))?;
        if header.format != FORMAT {
            return Err(format!("it has format {}, this library reads format {FORMAT}", header.format));
        }

        if !header.reader.fits(&header.shape) {
            return Err("its parts contradict each other".to_owned());
        }

        let plan = Plan::new(&header.reader, &header.architecture);
        let mut weights = Vec::with_capacity(plan.length());
        let mut matrices = Vec::with_capacity(plan.parameters.len());
        for parameter in &plan.parameters {
            let tensor = tensors.tensor(&parameter.name).map_err(|_| format!("`{}` is missing", parameter.name))?;
            let shape = [parameter.slot.rows, parameter.slot.columns];
            if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
                return Err(format!(
                    "`{}` is {:?} of shape {:?} where F32 of shape {shape:?} is due",
                    parameter.name,
                    tensor.dtype(),
                    tensor.shape()
                ));
            }
            matrices.push(tensor.data());
            weights.extend(
                tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            );
        }
        if recorded.as_deref() != Some(checksum(&metadata, matrices.into_iter()).as_str()) {
            return Err("its checksum does not match its contents".to_owned());
        }
        metadata.remove(NETWORK);
        let network = Network {
            shape: header.shape,
            architecture: header.architecture,
            reader: header.reader,
            plan,
            weights: Arc::new(Weights::new(weights)),
            history: header.history,
        };
        Ok((network, metadata))
    }
}

/// FNV-1a, 64 bits, in hexadecimal: enough to notice an accident.
fn checksum<'a>(metadata: &'a BTreeMap<String, String>, matrices: impl Iterator<Item = &'a [u8]>) -> String {
    let texts = metadata.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in texts.chain(matrices).flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

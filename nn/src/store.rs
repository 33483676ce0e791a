//! Networks, trainings that are not at their end, and simulated data sets, in files.
//!
//! A file is a [safetensors](https://github.com/huggingface/safetensors) file: the weight matrices by name, and in the
//! header's metadata, as JSON, everything else that the network is. It can be inspected with any tool that reads the format.
//! A file is written whole or not at all: beside its place first, then renamed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::element_network::{ElementNetworkShape, UserNetwork};
use super::features::FeatureExtractor;
use super::graph::Weights;
use super::network::Layout;
use super::optimise::Optimiser;
use super::packed::Numbers;
use super::train::{State, TrainingRecord};
use super::{Architecture, Error, Network, Settings, Shape, TrainError, Trainer, TrainingSource};
use hierarch_core::files::atomic_write;
use hierarch_core::hash::{NOTHING, fnv};

/// Entries in the header of a file, for whoever opens it.
pub type Metadata = BTreeMap<String, String>;

/// Version of the layout of weights and metadata.
const FORMAT: u32 = 5;
/// The keys of the network's own metadata, or of those of several networks; the caller's stand beside it.
const NETWORK: &str = "hierarch.network";
const NETWORKS: &str = "hierarch.networks";
/// The keys of a training that is not at its end.
const TRAINING: &str = "hierarch.training";
const SETTINGS: &str = "hierarch.settings";
/// The key of the checksum over everything else.
const CHECKSUM: &str = "hierarch.checksum";

/// All of a network but its weights.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    shape: Shape,
    architecture: Architecture,
    reader: FeatureExtractor,
    /// The user's networks of rows, for each level.
    own: Vec<Option<ElementNetworkShape>>,
    history: Vec<TrainingRecord>,
    registers: Vec<String>,
}

impl Network {
    /// Writes the network to a file, with `metadata` for whoever opens it: a fingerprint of the model, names, a date.
    /// What stood there before is replaced, in one piece.
    ///
    /// # Errors
    /// If the file cannot be written; whatever stood there before is then still there.
    pub fn save(&self, path: impl AsRef<Path>, metadata: &Metadata) -> Result<(), Error> {
        Network::save_all(std::slice::from_ref(self), path.as_ref(), metadata)
    }

    /// The same for several networks in one file.
    pub fn save_all(networks: &[Network], path: &Path, metadata: &Metadata) -> Result<(), Error> {
        let mut metadata = metadata.clone();
        let headers: Vec<Header> = networks.iter().map(Network::header).collect();
        metadata.insert(NETWORKS.to_owned(), json(&headers));
        let mut named = Vec::new();
        for (index, network) in networks.iter().enumerate() {
            for parameter in &network.plan.parameters {
                named.push((member_name(networks.len(), index, &parameter.name), network, parameter.slot));
            }
        }
        let matrices = named.iter().map(|(name, network, slot)| Matrix {
            name: name.as_str(),
            shape: vec![slot.rows, slot.columns],
            values: StoredValues::Single(&network.weights.values[slot.range()]),
        });
        write(path, metadata, matrices)
    }

    /// Reads a network, and the metadata that were saved with it.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or does not hold one network of this version of the library.
    pub fn load(path: impl AsRef<Path>) -> Result<(Network, Metadata), Error> {
        let path = path.as_ref();
        let (mut networks, metadata) = Network::load_all(path, &[])?;
        match (networks.pop(), networks.len()) {
            (Some(network), 0) => Ok((network, metadata)),
            (_, others) => {
                let reason = format!("it holds {} networks where one is due", others + 1);
                Err(Error::Corrupt { path: path.to_owned(), reason })
            }
        }
    }

    /// Reads all networks of a file, with networks of the user's own for the rows of some plates.
    pub fn load_all(path: &Path, own: &[Option<UserNetwork>]) -> Result<(Vec<Network>, Metadata), Error> {
        let mut file = read(path)?;
        let corrupt = |reason| Error::Corrupt { path: path.to_owned(), reason };
        let headers: Vec<Header> = file.header(NETWORKS).map_err(corrupt)?;
        let count = headers.len();
        let networks = headers.into_iter().enumerate().map(|(index, header)| {
            Network::from_file(&file, header, |name| member_name(count, index, name), own).map_err(corrupt)
        });
        let networks: Vec<Network> = networks.collect::<Result<_, Error>>()?;
        if networks.is_empty() {
            return Err(corrupt("it holds no network".to_owned()));
        }
        Ok((networks, file.metadata))
    }

    fn header(&self) -> Header {
        Header {
            format: FORMAT,
            shape: self.shape.clone(),
            architecture: self.architecture.clone(),
            reader: self.reader.clone(),
            own: self.plan.own_shapes(),
            history: self.history.clone(),
            registers: self.registers.clone(),
        }
    }

    fn from_file(
        file: &File,
        header: Header,
        in_file: impl Fn(&str) -> String,
        own: &[Option<UserNetwork>],
    ) -> Result<Network, String> {
        if !header.reader.fits(&header.shape) {
            return Err("its parts contradict each other".to_owned());
        }
        let found = |level| own.get(level).and_then(|own: &Option<UserNetwork>| own.as_ref()).map(|own| own.0.shape());
        if let Some(level) = (0..header.own.len()).find(|level| header.own[*level] != found(*level)) {
            return Err(format!(
                "it was trained with {:?} as the network of rows of plate {level}, and is read with {:?}",
                header.own[level],
                found(level)
            ));
        }
        let plan = Layout::new(&header.reader, &header.architecture, own).map_err(|error| error.to_string())?;
        let mut weights = Vec::with_capacity(plan.length());
        for parameter in &plan.parameters {
            weights.extend(file.matrix(&in_file(&parameter.name), &[parameter.slot.rows, parameter.slot.columns])?);
        }
        Ok(Network {
            shape: header.shape,
            architecture: header.architecture,
            reader: header.reader,
            plan,
            weights: Arc::new(Weights::new(weights)),
            history: header.history,
            registers: header.registers,
        })
    }
}

/// The name of a matrix in a file of so many networks.
fn member_name(networks: usize, index: usize, name: &str) -> String {
    if networks == 1 { name.to_owned() } else { format!("{index}.{name}") }
}

impl<'a, S: TrainingSource> Trainer<'a, S> {
    /// Writes all that the training is to a file, so that [`resume`](Trainer::resume) goes on as if nothing had happened.
    /// `metadata` are for whoever opens it. What stood there before is replaced, in one piece.
    ///
    /// # Errors
    /// If the file cannot be written; whatever stood there before is then still there.
    pub fn save(&self, path: impl AsRef<Path>, metadata: &Metadata) -> Result<(), Error> {
        let mut metadata = metadata.clone();
        metadata.insert(NETWORK.to_owned(), json(&self.network.header()));
        metadata.insert(TRAINING.to_owned(), json(&State { seconds: self.seconds(), ..self.state }));
        metadata.insert(SETTINGS.to_owned(), json(&self.settings));
        let Optimiser { weights, average, first, second, .. } = &self.optimiser;
        let named = [("weights", &weights.values), ("average", average), ("first", first), ("second", second)];
        let best = self.best.as_ref().map(|best| ("best", best));
        let matrices = named.into_iter().chain(best);
        let matrices = matrices.map(|(name, values)| Matrix {
            name,
            shape: vec![values.len()],
            values: StoredValues::Single(values),
        });
        write(path.as_ref(), metadata, matrices)
    }

    /// Goes on with a training of which [`save`](Trainer::save) wrote the state. With the same source and a budget of data
    /// sets, the weights at the end are those of a training that was never interrupted, if this machine's instruction set is
    /// the same ([`Network::registers`] tells).
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or was written with other settings or for another shape.
    pub fn resume(
        shape: &'a Shape,
        source: &'a S,
        settings: &Settings,
        path: impl AsRef<Path>,
    ) -> Result<(Self, Metadata), TrainError<S::Error>> {
        Trainer::resume_with_networks(shape, source, settings, &[], path.as_ref())
    }

    /// The same with networks of the user's own for the rows of some plates.
    pub fn resume_with_networks(
        shape: &'a Shape,
        source: &'a S,
        settings: &Settings,
        own: &[Option<UserNetwork>],
        path: &Path,
    ) -> Result<(Self, Metadata), TrainError<S::Error>> {
        let corrupt = |reason| TrainError::Checkpoint(Error::Corrupt { path: path.to_owned(), reason });
        let mut file = read(path).map_err(TrainError::Checkpoint)?;
        let header: Header = file.header(NETWORK).map_err(corrupt)?;
        let saved: Settings = file.json(SETTINGS).map_err(corrupt)?;
        if saved != *settings {
            let (saved, asked) = (Box::new(saved), Box::new(settings.clone()));
            return Err(TrainError::OtherSettings { path: path.to_owned(), saved, asked });
        }
        if header.shape != *shape || !header.reader.fits(shape) {
            return Err(corrupt("it is of a network of another shape".to_owned()));
        }
        let state: State = file.json(TRAINING).map_err(corrupt)?;
        let mut trainer = Trainer::prepare(shape, source, settings, header.reader, own)?;
        let length = trainer.optimiser.average.len();
        let vector = |name: &str| file.matrix(name, &[length]).map_err(corrupt);
        let (weights, average) = (vector("weights")?, vector("average")?);
        let (first, second) = (vector("first")?, vector("second")?);
        trainer.best = if file.has("best") { Some(vector("best")?) } else { None };
        trainer.optimiser.restore(weights, average, first, second, state.step);
        trainer.network.history = header.history;
        trainer.state = state;
        let now = std::mem::replace(&mut trainer.network.registers, header.registers);
        if !trainer.done() {
            trainer.network.registers.extend(now);
            trainer.network.registers.dedup();
        }
        Ok((trainer, file.metadata))
    }
}

/// Writes lists of numbers by their names to a file.
///
/// # Errors
/// If the file cannot be written; whatever stood there before is then still there.
pub fn save_numbers(path: &Path, lists: &[(String, Cow<'_, Numbers>)], metadata: Metadata) -> Result<(), Error> {
    let matrices = lists.iter().map(|(name, numbers)| {
        let values = match &**numbers {
            Numbers::Single(all) => StoredValues::Single(all),
            Numbers::Counts(all) => StoredValues::Counts(all),
        };
        Matrix { name, shape: vec![numbers.len()], values }
    });
    write(path, metadata, matrices)
}

/// Reads all lists of numbers of a file, and the metadata that were saved with them.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds anything else.
pub fn load_numbers(path: &Path) -> Result<(BTreeMap<String, Numbers>, Metadata), Error> {
    let file = read(path)?;
    let corrupt = |reason| Error::Corrupt { path: path.to_owned(), reason };
    Ok((file.numbers().map_err(corrupt)?, file.metadata))
}

// ---- the format --------------------------------------------------------------------------------------------------------

struct Matrix<'a> {
    name: &'a str,
    shape: Vec<usize>,
    values: StoredValues<'a>,
}

#[derive(Clone, Copy)]
enum StoredValues<'a> {
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

    /// In the order of the format: the lowest byte first.
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

/// A file that was read whole, with its checksum found right.
struct File {
    bytes: Vec<u8>,
    metadata: Metadata,
}

fn json<T: Serialize>(value: &T) -> String {
    // Numbers, text and lists of them: nothing that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}

fn write<'a>(path: &Path, mut metadata: Metadata, matrices: impl Iterator<Item = Matrix<'a>>) -> Result<(), Error> {
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
    atomic_write(path, &bytes).map_err(failed)
}

fn read(path: &Path) -> Result<File, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    File::new(bytes).map_err(|reason| Error::Corrupt { path: path.to_owned(), reason })
}

impl File {
    fn new(bytes: Vec<u8>) -> Result<File, String> {
        let damaged =
            |error: safetensors::SafeTensorError| format!("it is cut short or not a safetensors file ({error})");
        let (_, file) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let mut metadata: Metadata =
            file.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let recorded = metadata.remove(CHECKSUM).ok_or("it was not written by hierarch")?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let mut views = tensors.tensors();
        views.sort_by(|a, b| a.0.cmp(&b.0));
        if recorded != checksum(&metadata, views.iter().map(|(_, view)| view.data())) {
            return Err("its checksum does not match its contents".to_owned());
        }
        Ok(File { bytes, metadata })
    }

    /// Takes an entry off the metadata.
    fn json<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, String> {
        let text = self.metadata.remove(key).ok_or_else(|| format!("its header has no `{key}`"))?;
        serde_json::from_str(&text).map_err(|error| format!("its header is not readable ({error})"))
    }

    /// Takes the header of a network, or of several, off the metadata.
    ///
    /// # Errors
    /// It has another format than this version of the library writes.
    fn header<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, String> {
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

    fn has(&self, name: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).is_ok_and(|tensors| tensors.tensor(name).is_ok())
    }

    fn matrix(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|error| error.to_string())?;
        let tensor = tensors.tensor(name).map_err(|_| format!("`{name}` is missing"))?;
        let (dtype, found) = (tensor.dtype(), tensor.shape());
        if found != shape || dtype != Dtype::F32 {
            return Err(format!("`{name}` is {dtype:?} of shape {found:?} where F32 of shape {shape:?} is due"));
        }
        Ok(singles(tensor.data()))
    }

    /// All of the file's lists.
    fn numbers(&self) -> Result<BTreeMap<String, Numbers>, String> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|error| error.to_string())?;
        let lists = tensors.tensors().into_iter().map(|(name, tensor)| match (tensor.dtype(), tensor.shape().len()) {
            (Dtype::F32, 1) => Ok((name, Numbers::Single(singles(tensor.data())))),
            (Dtype::U16, 1) => {
                let counts = tensor.data().as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
                Ok((name, Numbers::Counts(counts.collect())))
            }
            (dtype, _) => Err(format!("`{name}` is {dtype:?} of shape {:?} where a list is due", tensor.shape())),
        });
        lists.collect()
    }
}

fn singles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// FNV-1a, 64 bits, in hexadecimal: enough to notice an accident.
fn checksum<'a>(metadata: &'a Metadata, matrices: impl Iterator<Item = &'a [u8]>) -> String {
    let texts = metadata.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    format!("{:016x}", fnv(NOTHING, texts.chain(matrices).flatten().map(|byte| u64::from(*byte))))
}

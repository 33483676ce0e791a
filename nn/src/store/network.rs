//! Networks in files.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::format::{FORMAT, File, Matrix, Metadata, StoredValues, json, read, write};
use crate::architecture::Architecture;
use crate::checks::same;
use crate::element_network::{ElementNetworkShape, UserNetwork};
use crate::error::Error;
use crate::features::FeatureExtractor;
use crate::layout::Layout;
use crate::network::Network;
use crate::progress::TrainingRecord;
use crate::shape::Shape;
use crate::weights::Weights;

/// The key of the headers of the networks; the metadata of the caller have other keys.
const NETWORKS: &str = "hierarch.networks";

/// All of a network but its weights.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    pub(super) shape: Shape,
    pub(super) architecture: Architecture,
    pub(super) reader: FeatureExtractor,
    /// The user's element networks, level by level.
    own: Vec<Option<ElementNetworkShape>>,
    pub(super) history: Vec<TrainingRecord>,
    pub(super) registers: Vec<String>,
    pub(super) remarks: Vec<String>,
}

impl Header {
    /// Checks that its parts belong together, before anything is computed with one of them.
    pub(super) fn check(&self) -> Result<(), String> {
        self.architecture.check(&self.shape)?;
        self.reader.check(&self.shape, &self.architecture)?;
        same("the number of own networks", &self.own.len(), &self.reader.levels.len())
    }
}

impl Network {
    /// Writes the network to a file, with `metadata` for whoever opens it: a fingerprint of the model, names, a date.
    /// A file that was there before is replaced as a whole.
    ///
    /// # Errors
    /// If the file cannot be written; a file that was there before is then still there.
    pub fn save(&self, path: impl AsRef<Path>, metadata: &Metadata) -> Result<(), Error> {
        Network::save_all(std::slice::from_ref(self), path.as_ref(), metadata)
    }

    /// Writes several networks to one file, as [`save`](Network::save) does.
    ///
    /// # Errors
    /// Those of [`save`](Network::save).
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

    /// Reads all networks of a file, with the element networks of the user's own that they were trained with: empty, or one
    /// entry for each plate, as in [`Trainer::with_networks`](crate::Trainer::with_networks).
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, does not hold networks of this version of the library, or was trained with
    /// other element networks.
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

    /// Returns all of the network but its weights.
    pub(super) fn header(&self) -> Header {
        Header {
            format: FORMAT,
            shape: self.shape.clone(),
            architecture: self.architecture.clone(),
            reader: self.reader.clone(),
            own: self.plan.own_shapes(),
            history: self.history.clone(),
            registers: self.registers.clone(),
            remarks: self.remarks.clone(),
        }
    }

    /// Returns the network of a header; `in_file` turns the name of a matrix into its name in the file.
    fn from_file(
        file: &File,
        header: Header,
        in_file: impl Fn(&str) -> String,
        own: &[Option<UserNetwork>],
    ) -> Result<Network, String> {
        header.check()?;
        let found = |level| own.get(level).and_then(|own: &Option<UserNetwork>| own.as_ref()).map(|own| own.0.shape());
        if let Some(level) = (0..header.own.len()).find(|level| header.own[*level] != found(*level)) {
            return Err(format!(
                "it was trained with {:?} as the element network of plate {level}, and is read with {:?}",
                header.own[level],
                found(level)
            ));
        }
        let plan =
            Layout::new(&header.reader, &header.architecture, own, file.room()).map_err(|error| error.to_string())?;
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
            remarks: header.remarks,
        })
    }
}

/// Returns the name of a matrix of network `index` in a file of `networks` networks.
fn member_name(networks: usize, index: usize, name: &str) -> String {
    if networks == 1 { name.to_owned() } else { format!("{index}.{name}") }
}

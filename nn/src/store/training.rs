//! Trainings that are not at their end, in files.

use std::path::Path;

use super::format::{Matrix, Metadata, StoredValues, json, read, write};
use super::network::Header;
use crate::element_network::UserNetwork;
use crate::error::{Error, TrainError};
use crate::optimise::Optimiser;
use crate::settings::Settings;
use crate::shape::Shape;
use crate::source::TrainingSource;
use crate::train::{State, Trainer};

/// The keys of the header of the network, of the state of the training, and of its settings.
const NETWORK: &str = "hierarch.network";
const TRAINING: &str = "hierarch.training";
const SETTINGS: &str = "hierarch.settings";

impl<'a, S: TrainingSource> Trainer<'a, S> {
    /// Writes the state of the training to a file, so that [`resume`](Trainer::resume) can go on as if nothing had happened.
    /// `metadata` are for whoever opens the file. A file that was there before is replaced as a whole.
    ///
    /// # Errors
    /// If the file cannot be written; a file that was there before is then still there.
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

    /// Goes on with a training whose state [`save`](Trainer::save) wrote to a file. With the same source, a budget of data
    /// sets, and the same vector registers, the weights at the end are those of a training that was never interrupted;
    /// [`Network::registers`](crate::Network::registers) tells on which registers it ran.
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

    /// Goes on with a training that has element networks of the user's own, as in [`Trainer::with_networks`].
    ///
    /// # Errors
    /// Those of [`resume`](Trainer::resume).
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
        if header.shape != *shape || header.architecture != settings.architecture {
            return Err(corrupt("it is of a network of another shape".to_owned()));
        }
        header.check().map_err(corrupt)?;
        let state: State = file.json(TRAINING).map_err(corrupt)?;
        state.check(settings.batch_size).map_err(corrupt)?;
        if let Some(record) = header.history.iter().find(|record| record.step > state.step || record.sets > state.sets)
        {
            return Err(corrupt(format!("its history has step {}, where {} are done", record.step, state.step)));
        }
        let mut trainer = Trainer::prepare(shape, source, settings, header.reader, own)?;
        let length = trainer.optimiser.average.len();
        let vector = |name: &str| file.matrix(name, &[length]).map_err(corrupt);
        let (weights, average) = (vector("weights")?, vector("average")?);
        let (first, second) = (vector("first")?, vector("second")?);
        if let Some(square) = second.iter().find(|square| **square < 0.0) {
            return Err(corrupt(format!("`second` holds {square}, a mean of squares")));
        }
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

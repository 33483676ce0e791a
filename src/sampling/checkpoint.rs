//! Chains that are not at their end, in a file.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::SampleError;
use super::adaptation::Adaptation;
use super::low_rank::{LowRank, Recent};
use super::metric::Metric;
use super::trajectory::{Position, Walker};
use crate::files::{SaveClock, atomic_write};
use crate::hash::{NOTHING, fnv};
use crate::interrupt::Interruptible;
use crate::simulate::Stream;

/// The first line of a file, with the version of what follows: raised when that changes.
const FIRST_LINE: &[u8] = b"hierarch chains 1\n";

/// What a chain has drawn so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Run {
    /// The draws of each value.
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) divergences: usize,
    /// The number of trajectories that reached the largest number of doublings.
    pub(super) cut: usize,
    /// The number of points with a finite density whose gradient is not finite.
    pub(super) without_slope: usize,
    /// The energy at the start of each trajectory.
    pub(super) energies: Vec<f64>,
}

/// A chain between two transitions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ChainState {
    /// How many transitions it has made, those of the warm-up included.
    pub(super) done: usize,
    pub(super) rng: Stream,
    pub(super) position: Position,
    pub(super) walker: Walker,
    pub(super) adaptation: Adaptation,
    pub(super) run: Run,
}

impl ChainState {
    /// Tells whether its parts belong to chains of that dimension and warm-up.
    fn fits(&self, dimension: usize, warmup: usize) -> bool {
        let Self { done, position, walker, adaptation, run, .. } = self;
        let draws = done.saturating_sub(warmup);
        position.q.len() == dimension
            && position.gradient.len() == dimension
            && walker.scale.len() == dimension
            && walker.low_rank.as_ref().is_none_or(|low_rank| low_rank.fits(dimension))
            && adaptation.recent.fits(dimension)
            && run.energies.len() == draws
            && run.columns.iter().all(|column| column.len() == draws)
            && (draws == 0) == run.columns.is_empty()
    }
}

/// What a chain knows of directions. It follows the states in a file, where the metric is not diagonal.
#[derive(Deserialize, Serialize)]
struct Directions {
    metric: Metric,
    found: Option<LowRank>,
    recent: Recent,
}

impl Directions {
    fn of(state: &ChainState) -> Self {
        let ChainState { walker, adaptation, .. } = state;
        Self { metric: adaptation.metric, found: walker.low_rank.clone(), recent: adaptation.recent.clone() }
    }

    fn give_to(self, state: &mut ChainState) {
        (state.adaptation.metric, state.adaptation.recent) = (self.metric, self.recent);
        state.walker.low_rank = self.found;
    }
}

/// The file of some chains, and the state that each had last.
#[derive(Debug)]
pub(super) struct Checkpoint<'a> {
    path: &'a Path,
    identity: String,
    states: Mutex<Vec<Option<ChainState>>>,
    work: Interruptible,
}

impl<'a> Checkpoint<'a> {
    /// Reads the chains of a file, whose `identity` must be that; if there is no file, none has begun.
    ///
    /// # Errors
    /// A file that cannot be read or written, that is damaged, or that is of other chains.
    pub(super) fn open(
        path: &'a Path,
        identity: String,
        chains: usize,
        dimension: usize,
        (warmup, draws): (usize, usize),
    ) -> Result<Self, SampleError> {
        let failed = |what: String| SampleError::Checkpoint { path: path.to_owned(), what };
        let states = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => vec![None; chains],
            Err(error) => return Err(failed(format!("it cannot be read ({error})"))),
            Ok(bytes) => {
                let damaged =
                    || failed("it is damaged, or not a checkpoint of chains: delete it to begin anew".to_owned());
                let (body, sum) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
                let body = body.strip_prefix(FIRST_LINE).ok_or_else(damaged)?;
                if checksum(body).to_le_bytes() != *sum {
                    return Err(damaged());
                }
                let ((of, mut states), rest): ((String, Vec<Option<ChainState>>), _) =
                    postcard::take_from_bytes(body).map_err(|_| damaged())?;
                if of != identity {
                    let what = format!(
                        "it is of other chains ({of}; asked for were {identity}): use another file, or delete it to begin anew"
                    );
                    return Err(failed(what));
                }
                if !rest.is_empty() {
                    let directions: Vec<Directions> = postcard::from_bytes(rest).map_err(|_| damaged())?;
                    if directions.len() != states.iter().flatten().count() {
                        return Err(damaged());
                    }
                    states.iter_mut().flatten().zip(directions).for_each(|(state, of)| of.give_to(state));
                }
                if states.len() != chains || !states.iter().flatten().all(|state| state.fits(dimension, warmup)) {
                    return Err(damaged());
                }
                if let Some(longest) =
                    states.iter().flatten().map(|state| state.done).max().filter(|n| *n > warmup + draws)
                {
                    let longest = longest - warmup;
                    return Err(failed(format!(
                        "it holds {longest} draws of a chain: ask for as many, or use another file"
                    )));
                }
                states
            }
        };
        let checkpoint = Self { path, identity, states: Mutex::new(states), work: Interruptible::begin() };
        // A path that cannot be written is found before the chains run.
        checkpoint.write(&checkpoint.states()).map_err(|error| failed(format!("it cannot be written ({error})")))?;
        Ok(checkpoint)
    }

    fn states(&self) -> MutexGuard<'_, Vec<Option<ChainState>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what a chain was when it was saved last.
    pub(super) fn state(&self, chain: usize) -> Option<ChainState> {
        self.states()[chain].clone()
    }

    /// Checks that the density is what it was when a chain was saved: a function or a param that the model's text does not show
    /// may have changed.
    ///
    /// # Errors
    /// It is another.
    pub(super) fn check_density(&self, saved: f64, now: f64) -> Result<(), SampleError> {
        // Other instruction sets round otherwise.
        if (saved - now).abs() <= 1e-6 + 1e-9 * saved.abs() || saved.to_bits() == now.to_bits() {
            return Ok(());
        }
        let what = format!(
            "a chain was saved where the log density was {saved}, and now it is {now}: a function, a constant or a param of the \
             model has changed since; delete the file to begin anew"
        );
        Err(SampleError::Checkpoint { path: self.path.to_owned(), what })
    }

    /// Returns how many transitions all chains have made.
    pub(super) fn done(&self) -> u64 {
        self.states().iter().flatten().map(|state| state.done as u64).sum()
    }

    /// Saves a chain if it is time, if it is at its `end`, or if the work is asked to end.
    ///
    /// # Errors
    /// The work is asked to end.
    pub(super) fn keep(
        &self,
        chain: usize,
        state: &ChainState,
        end: bool,
        clock: &mut SaveClock,
    ) -> Result<(), SampleError> {
        let must_end = self.work.must_end() && !end;
        if end || must_end || clock.is_due() {
            clock.save(|| {
                let mut states = self.states();
                states[chain] = Some(state.clone());
                // A disk that is full or away for a while is no reason to end chains of hours: it is tried again.
                let written = self.write(&states);
                match written {
                    Err(error) if must_end => Err(SampleError::Checkpoint {
                        path: self.path.to_owned(),
                        what: format!("it cannot be written ({error})"),
                    }),
                    _ => Ok(()),
                }
            })?;
        }
        if must_end { Err(SampleError::Interrupted { path: self.path.to_owned() }) } else { Ok(()) }
    }

    fn write(&self, states: &[Option<ChainState>]) -> std::io::Result<()> {
        let mut body = postcard::to_stdvec(&(&self.identity, states)).map_err(std::io::Error::other)?;
        if states.iter().flatten().any(|state| state.adaptation.metric != Metric::Diagonal) {
            let directions: Vec<Directions> = states.iter().flatten().map(Directions::of).collect();
            body.extend(postcard::to_stdvec(&directions).map_err(std::io::Error::other)?);
        }
        let bytes = [FIRST_LINE, &body, &checksum(&body).to_le_bytes()].concat();
        atomic_write(self.path, &bytes)
    }
}

fn checksum(body: &[u8]) -> u64 {
    fnv(NOTHING, body.iter().map(|byte| u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of chains with a diagonal metric has the bytes that it had before there were directions.
    #[test]
    fn directions_change_no_file_without_them() {
        let file = include_bytes!("../../tests/golden/chains");
        let body = file[..file.len() - 8].strip_prefix(FIRST_LINE).unwrap();
        let ((identity, states), rest): ((String, Vec<Option<ChainState>>), _) =
            postcard::take_from_bytes(body).unwrap();
        assert!(rest.is_empty() && states.iter().flatten().count() == 2);
        assert_eq!(postcard::to_stdvec(&(identity, states)).unwrap(), body);
    }
}

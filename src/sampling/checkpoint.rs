//! Chains that are not at their end, in a file.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::SampleError;
use super::adaptation::Adaptation;
use super::low_rank::{LowRank, Recent};
use super::metric::Metric;
use super::trajectory::{Position, Walker};
use crate::draws::SampleStats;
use crate::files::{SaveClock, atomic_write, read};
use crate::hash::{NOTHING, fnv};
use crate::interrupt::Interruptible;
use crate::simulate::Stream;

/// The first line of a file, with the version of what follows: raised when that changes.
const FIRST_LINE: &[u8] = b"hierarch chains 2\n";
/// The first line of files that have no statistics of the draws.
const FIRST_LINE_1: &[u8] = b"hierarch chains 1\n";

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
    /// What is said of each draw; of fewer draws, or of none, where an earlier version began the chain. In a file it follows the
    /// states.
    #[serde(skip)]
    pub(super) stats: SampleStats,
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
            && (run.stats.are_of(run.stats.len()) && run.stats.len() <= draws)
            && run.columns.iter().all(|column| column.len() == draws)
            && (draws == 0) == run.columns.is_empty()
    }
}

impl ChainState {
    /// Returns the state alone, whose draws are elsewhere.
    fn without_draws(&self) -> Self {
        let Self { done, rng, position, walker, adaptation, run } = self;
        let Run { divergences, cut, without_slope, .. } = *run;
        let run = Run { divergences, cut, without_slope, ..Run::default() };
        let (position, walker, adaptation) = (position.clone(), walker.clone(), adaptation.clone());
        Self { done: *done, rng: rng.clone(), position, walker, adaptation, run }
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

/// Where the draws of chains are, if they are not in the file of their states: the file then says how many of them count.
pub(super) trait DrawStore: std::fmt::Debug + Send + Sync {
    /// Makes the store, with `draws` draws of the longest chain, which are there.
    fn begin(&self, draws: usize) -> Result<(), (PathBuf, io::Error)>;
    /// Says that the longest chain has `draws` draws.
    fn describe(&self, draws: usize) -> Result<(), (PathBuf, io::Error)>;
    /// Writes the draws of a chain from the first number to the second.
    fn write(&self, chain: usize, range: (usize, usize), run: &Run) -> Result<(), (PathBuf, io::Error)>;
    /// Reads the first `draws` draws of a chain.
    fn read(&self, chain: usize, draws: usize, run: &mut Run) -> Result<(), (PathBuf, io::Error)>;
}

/// The file of some chains, and the state that each had last.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    identity: String,
    states: Mutex<States>,
    store: Option<Box<dyn DrawStore>>,
    warmup: usize,
    work: Interruptible,
}

/// The state of each chain, without its draws if these are elsewhere, and how many of them are there.
#[derive(Debug)]
struct States {
    chains: Vec<Option<ChainState>>,
    stored: Vec<usize>,
}

impl Checkpoint {
    /// Reads the chains of a file, whose `identity` must be that; if there is no file, none has begun. Their draws are in `store` if
    /// there is one.
    ///
    /// # Errors
    /// A file that cannot be read or written, that is damaged, or that is of other chains.
    pub(super) fn open(
        path: &Path,
        identity: String,
        (chains, dimension): (usize, usize),
        (warmup, draws): (usize, usize),
        store: Option<Box<dyn DrawStore>>,
    ) -> Result<Self, SampleError> {
        let failed = |what: String| SampleError::Checkpoint { path: path.to_owned(), what };
        let states = match read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => vec![None; chains],
            Err(error) => return Err(failed(format!("it cannot be read ({error})"))),
            Ok(bytes) => {
                let damaged =
                    || failed("it is damaged, or not a checkpoint of chains: delete it to begin anew".to_owned());
                let (body, sum) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
                let with_stats = body.starts_with(FIRST_LINE);
                let body = body.strip_prefix(if with_stats { FIRST_LINE } else { FIRST_LINE_1 }).ok_or_else(damaged)?;
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
                let begun = states.iter().flatten().count();
                if !rest.is_empty() {
                    let (directions, rest): (Vec<Directions>, _) =
                        postcard::take_from_bytes(rest).map_err(|_| damaged())?;
                    let stats: Vec<SampleStats> = match with_stats {
                        true => postcard::from_bytes(rest).map_err(|_| damaged())?,
                        false => vec![SampleStats::default(); begun],
                    };
                    if (!directions.is_empty() && directions.len() != begun) || stats.len() != begun {
                        return Err(damaged());
                    }
                    states.iter_mut().flatten().zip(directions).for_each(|(state, of)| of.give_to(state));
                    states.iter_mut().flatten().zip(stats).for_each(|(state, stats)| state.run.stats = stats);
                }
                if let Some(store) = &store {
                    for (chain, state) in states.iter_mut().enumerate() {
                        let Some(state) = state else { continue };
                        let draws = state.done.saturating_sub(warmup);
                        store.read(chain, draws, &mut state.run).map_err(|(path, error)| {
                            failed(format!(
                                "draws are missing, {} ({error}): remove the store to begin anew",
                                path.display()
                            ))
                        })?;
                    }
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
        let stored = states.iter().map(|s| s.as_ref().map_or(0, |s| s.done.saturating_sub(warmup))).collect();
        let states = Mutex::new(States { chains: states, stored });
        let work = Interruptible::begin();
        let checkpoint = Self { path: path.to_owned(), identity, states, store, warmup, work };
        // A path that cannot be written is found before the chains run.
        checkpoint.begin().map_err(|error| failed(format!("it cannot be written ({error})")))?;
        Ok(checkpoint)
    }

    fn begin(&self) -> io::Result<()> {
        let states = self.states();
        // The file comes first: a store without it is not one that chains go on from.
        self.write(&states.chains)?;
        let longest = states.stored.iter().copied().max().unwrap_or(0);
        self.store.as_ref().map_or(Ok(()), |store| store.begin(longest)).map_err(of_path)
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what a chain was when it was saved last.
    pub(super) fn state(&self, chain: usize) -> Option<ChainState> {
        self.states().chains[chain].clone()
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
        Err(SampleError::Checkpoint { path: self.path.clone(), what })
    }

    /// Returns how many transitions all chains have made.
    pub(super) fn done(&self) -> u64 {
        self.states().chains.iter().flatten().map(|state| state.done as u64).sum()
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
                // A disk that is full or away for a while is no reason to end chains of hours: it is tried again.
                match self.put(chain, state) {
                    Err(error) if must_end => Err(SampleError::Checkpoint {
                        path: self.path.clone(),
                        what: format!("it cannot be written ({error})"),
                    }),
                    _ => Ok(()),
                }
            })?;
        }
        if must_end { Err(SampleError::Interrupted { path: self.path.clone() }) } else { Ok(()) }
    }

    /// Keeps the state of a chain: its draws first, so that the state never speaks of some that are not there.
    fn put(&self, chain: usize, state: &ChainState) -> io::Result<()> {
        let mut states = self.states();
        states.chains[chain] = Some(match &self.store {
            None => state.clone(),
            Some(store) => {
                let (before, now) = (states.stored[chain], state.done.saturating_sub(self.warmup));
                if now > before {
                    store.write(chain, (before, now), &state.run).map_err(of_path)?;
                }
                if states.stored.iter().all(|stored| *stored < now) {
                    store.describe(now).map_err(of_path)?;
                }
                states.stored[chain] = now;
                state.without_draws()
            }
        });
        self.write(&states.chains)
    }

    fn write(&self, states: &[Option<ChainState>]) -> io::Result<()> {
        let mut body = postcard::to_stdvec(&(&self.identity, states)).map_err(io::Error::other)?;
        let is_diagonal = |state: &ChainState| state.adaptation.metric == Metric::Diagonal;
        let directions: Vec<Directions> = match states.iter().flatten().all(is_diagonal) {
            true => Vec::new(),
            false => states.iter().flatten().map(Directions::of).collect(),
        };
        let stats: Vec<&SampleStats> = states.iter().flatten().map(|state| &state.run.stats).collect();
        body.extend(postcard::to_stdvec(&(directions, stats)).map_err(io::Error::other)?);
        let bytes = [FIRST_LINE, &body, &checksum(&body).to_le_bytes()].concat();
        atomic_write(&self.path, &bytes)
    }
}

/// An error with the file that it is of.
fn of_path((path, error): (PathBuf, io::Error)) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn checksum(body: &[u8]) -> u64 {
    fnv(NOTHING, body.iter().map(|byte| u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states of chains with a diagonal metric have the bytes that they had before there were directions and statistics.
    #[test]
    fn directions_change_no_file_without_them() {
        let file = include_bytes!("../../tests/golden/chains");
        let body = file[..file.len() - 8].strip_prefix(FIRST_LINE_1).unwrap();
        let ((identity, states), rest): ((String, Vec<Option<ChainState>>), _) =
            postcard::take_from_bytes(body).unwrap();
        assert!(rest.is_empty() && states.iter().flatten().count() == 2);
        assert_eq!(postcard::to_stdvec(&(identity, states)).unwrap(), body);
    }
}

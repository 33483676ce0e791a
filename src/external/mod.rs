//! Simulators that are programs of their own, in Python, C++, Fortran or what else there is.
//!
//! A function that draws an observation may ask a program: [`external`] hands it numbers and a seed, and returns the numbers that it
//! answers with. The program runs in processes of its own, one for each core, which are started once and then asked again and again.
//!
//! ```no_run
//! use hierarch::prelude::*;
//!
//! model! {
//!     /// Pulses of one population, whose light `pulses.py` draws.
//!     pub Pulses {
//!         param simulator: External;
//!         global mean ~ Normal(1.0, 0.5);
//!         global spread ~ HalfNormal(0.5);
//!         plate pulses(1..=20) {
//!             local height ~ Normal(mean, spread);
//!             local width ~ LogNormal(median = 1.0, sigma = 0.3);
//!             observe light: [f64; 10] ~ external(simulator, [height, width]);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Pulses { simulator: External::spawn(["python3", "pulses.py"])? };
//! let set = model.simulate(1).seed(1).one()?; // and `npe`, `joint_npe`, `bank`, `calibrate` as of any other model
//! # Ok(())
//! # }
//! ```
//!
//! `pulses.py`, with `hierarch_simulator.py` beside it, which is in `clients/python/` of this repository and needs NumPy alone:
//!
//! ```python
#![doc = include_str!("../../clients/python/pulses.py")]
//! ```
//!
//! What is handed over are numbers, arrays, `Vec`s and tuples of them, one after the other: `external(simulator, (mass, mu))` with
//! `global mu[3]` hands over four. `observe image: [[f32; 64]; 48] ~ external(..)` takes 48 rows of 64 numbers back. Where numbers are to
//! be made first, or a plate inside the element is handed over whole, a function of Rust stands between, which takes the simulator by
//! `&External` and returns what `external` returns.
//!
//! # What the program must keep to
//!
//! - All of its random numbers come from the generator, or the seed, that it is handed, and nothing is kept from one simulation to
//!   the next: then the same seed gives the same numbers at any number of threads. The first simulation is run twice, and an error
//!   says where the two differ.
//! - What it prints goes to its standard error; the Python client sees to that. The last lines are in the message if it ends.
//! - A failure is an answer: an exception in Python. It is counted as a simulation that could not be drawn, with its parameters, and
//!   another is drawn in its place, as with a function of Rust that returns an `Err`. So it is if a value is not finite, if the
//!   program crashes, and if it takes longer than [`Program::time_limit`]: then another process is started. If more than a share of
//!   the simulations fail, [`Program::failures`], or many in a row, all ends with an error. In a hierarchy the whole data set is drawn
//!   anew where one element fails, so that of large data sets even a small share of failures costs most.
//!
//! There is no density of what a program draws, so there is no `nuts`: the compiler says that the model has no likelihood.
//!
//! A program is the same for files of estimators, banks and checkpoints if its command and its version are. The version is what it
//! announces: with the Python client a hash of the script, or what `run(simulate, version="2.1")` says. A model that is read from a
//! file starts the program again when it is first simulated, and refuses another version.
//!
//! Libraries of linear algebra start one thread in each process, unless a variable such as `OMP_NUM_THREADS` is set: there is a
//! process for each core already.
//!
#![doc = include_str!("protocol.md")]
//! A program in C that keeps to it:
//!
//! ```c
#![doc = include_str!("../../clients/c/simulator.c")]
//! ```

mod error;
mod numbers;
mod pool;
mod process;
mod worker;

pub use error::ExternalError;
pub use numbers::{Observed, Parameters};

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::Stream;
use pool::{Pool, Settings};

/// A program that simulates, which is not running yet: its command and what is set of it.
///
/// ```no_run
/// use std::time::Duration;
///
/// use hierarch::external::Program;
///
/// # fn main() -> Result<(), hierarch::external::ExternalError> {
/// let program = Program::new(["./simulate_stars", "--fast"]).time_limit(Duration::from_secs(5)).failures(0.2);
/// let simulator = program.spawn()?;
/// println!("version {}", simulator.version());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    command: Vec<String>,
    settings: Settings,
}

impl Program {
    /// Names a program and its arguments.
    pub fn new(command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let settings = Settings { time_limit: Duration::from_secs(60), workers, failures: 0.05 };
        Self { command: command.into_iter().map(Into::into).collect(), settings }
    }

    /// Sets how long one simulation may take; the default is a minute. One that takes longer is ended, and counted as failed: a
    /// limit that simulations come near to makes results depend on the computer.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.time_limit = limit;
        self
    }

    /// Sets how many processes run at most; the default is one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// Sets the share of simulations that may fail; the default is 0.05. Of the first 100, 5 may. A program that
    /// fails many times in a row ends the work, too: as many times as chance would bring about once in 10^9, which is 7 with 0.05.
    pub fn failures(mut self, share: f64) -> Self {
        self.settings.failures = share;
        self
    }

    /// Starts a first process.
    ///
    /// # Errors
    /// The program is not found, ends at once, or does not begin as a simulator does; a setting makes no sense.
    pub fn spawn(self) -> Result<External, ExternalError> {
        let Settings { time_limit, workers, failures } = self.settings;
        let refuse = |what, value, instead| Err(ExternalError::Setting { what, value, instead });
        if time_limit.is_zero() {
            return refuse("the time limit", format!("{time_limit:?}"), "give a time above zero");
        }
        if workers == 0 {
            return refuse("the number of workers", workers.to_string(), "give one at least");
        }
        if !(0.0..=1.0).contains(&failures) {
            return refuse("the share of failures", failures.to_string(), "give a number from 0 to 1");
        }
        let pool = Pool::new(self.command, self.settings, None)?;
        pool.begin()?;
        Ok(External { pool: Arc::new(pool) })
    }
}

/// A program that simulates, as a `param` of a model; its clones share the processes, which end when the last of them is dropped.
/// [The page of this module](self) has an example.
#[derive(Clone)]
pub struct External {
    pool: Arc<Pool>,
}

impl External {
    /// Starts a first process of a program, named by its command and arguments, with the settings that a [`Program`] has without more.
    ///
    /// # Errors
    /// The program is not found, ends at once, or does not begin as a simulator does.
    pub fn spawn(command: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, ExternalError> {
        Program::new(command).spawn()
    }

    /// Returns the program and its arguments.
    pub fn command(&self) -> &[String] {
        &self.pool.command
    }

    /// Returns the version that the program announces.
    pub fn version(&self) -> &str {
        self.pool.version()
    }
}

/// Draws an observation by a program, from its parameters: `observe x: [f64; 10] ~ external(simulator, [a, b]);`. The seed that the
/// program is handed is one number from `rng`.
///
/// # Errors
/// The program cannot be asked, or the simulation fails.
pub fn external<T: Observed>(
    simulator: &External,
    parameters: impl Parameters,
    rng: &mut Stream,
) -> Result<T, ExternalError> {
    let mut numbers = Vec::new();
    parameters.push(&mut numbers);
    simulator.pool.draw(&numbers, rng.random())
}

/// The command and the version, by which files know the simulator.
impl std::fmt::Debug for External {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("External").field("command", &self.command()).field("version", &self.version()).finish()
    }
}

impl PartialEq for External {
    fn eq(&self, other: &Self) -> bool {
        (self.command(), self.version()) == (other.command(), other.version())
    }
}

impl Serialize for External {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.command(), self.version()).serialize(to)
    }
}

/// No process runs before the first simulation.
impl<'de> Deserialize<'de> for External {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (command, version) = <(Vec<String>, String)>::deserialize(from)?;
        let Program { command, settings } = Program::new(command);
        let pool = Pool::new(command, settings, Some(version)).map_err(serde::de::Error::custom)?;
        Ok(Self { pool: Arc::new(pool) })
    }
}

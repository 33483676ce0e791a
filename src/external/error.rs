//! Why a program drew nothing.

use std::io;
use std::time::Duration;

use crate::model::{Drawn, Failure, Outcome};

/// Why a program could not be started, or did not draw.
///
/// ```
/// use hierarch::prelude::*;
///
/// let error = External::spawn(["simulate_stars", "--fast"]).unwrap_err();
/// assert!(error.to_string().starts_with("`simulate_stars --fast` cannot be started: "));
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    /// No command.
    #[error("the command of the simulator is empty: `External::spawn([\"python3\", \"sim.py\"])`")]
    NoCommand,
    /// A setting that makes no sense.
    #[error("{what} is {value}: {instead}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Its value.
        value: String,
        /// What may stand there.
        instead: &'static str,
    },
    /// The program could not be started at all.
    #[error("`{command}` cannot be started: {error}. Is the program installed, and found from this folder?")]
    Start {
        /// The command.
        command: String,
        /// The error of the system.
        error: io::Error,
    },
    /// The program ended, or closed its pipes, before it could be asked for anything.
    #[error("`{command}` ended before its first simulation ({status}){said}")]
    EndedAtOnce {
        /// The command.
        command: String,
        /// The status that it ended with.
        status: String,
        /// What it wrote to its standard error last.
        said: String,
    },
    /// The program runs, and is not ready in time.
    #[error("`{command}` was not ready for its first simulation within {limit:?}, and was ended{said}")]
    NotReady {
        /// The command.
        command: String,
        /// The time that it had.
        limit: Duration,
        /// What it wrote to its standard error last.
        said: String,
    },
    /// What the program wrote first is not how a simulator begins.
    #[error(
        "`{command}` wrote {found:?} where a simulator begins with the lines `hierarch simulator 1`, `version ..`, \
         `parameters ..` and an empty one: see the protocol in the documentation of `hierarch::external`. What it prints \
         besides belongs on its standard error"
    )]
    Beginning {
        /// The command.
        command: String,
        /// What it wrote.
        found: String,
    },
    /// The program speaks another version of the protocol.
    #[error(
        "`{command}` speaks version {found} of the protocol, and this library version 1: take the client that belongs to it"
    )]
    Protocol {
        /// The command.
        command: String,
        /// The version of the program.
        found: String,
    },
    /// The program is not the one that it was.
    #[error(
        "`{command}` says that its version is `{found}`, and was `{expected}` before: the program was changed while the model was in \
         use or saved; spawn it anew, and simulate all of it anew"
    )]
    OtherVersion {
        /// The command.
        command: String,
        /// The version that it now has.
        found: String,
        /// The version that it had.
        expected: String,
    },
    /// The program takes other parameters than the model has for it.
    #[error("`{command}` takes {expected} parameters ({names}), and the model hands it {found}")]
    Count {
        /// The command.
        command: String,
        /// How many it takes.
        expected: usize,
        /// Their names.
        names: String,
        /// How many the model has.
        found: usize,
    },
    /// The program returned another number of values than the observation has.
    #[error("`{command}` returned {found} numbers, and the observation has {expected}")]
    Length {
        /// The command.
        command: String,
        /// How many it returned.
        found: usize,
        /// How many the observation has.
        expected: usize,
    },
    /// A reply that no simulator sends.
    #[error("`{command}` replied with the kind {kind}, which is none of the protocol's: 8, 4 or 0")]
    Reply {
        /// The command.
        command: String,
        /// The first number of the reply.
        kind: u32,
    },
    /// A value that the observation cannot have.
    #[error("`{command}` returned {value} at position {position} where {due} is due, with {at}")]
    Value {
        /// The command.
        command: String,
        /// The value.
        value: f64,
        /// Its position among all that were returned.
        position: usize,
        /// What the value must be.
        due: &'static str,
        /// The parameters and the seed.
        at: String,
    },
    /// The program says that it cannot simulate at these parameters.
    #[error("`{command}` failed with {at}: {message}")]
    Failed {
        /// The command.
        command: String,
        /// The parameters and the seed.
        at: String,
        /// Its message.
        message: String,
    },
    /// The program ended in the middle of a simulation.
    #[error("`{command}` ended in a simulation ({status}) with {at}{said}")]
    Ended {
        /// The command.
        command: String,
        /// The status that it ended with.
        status: String,
        /// The parameters and the seed.
        at: String,
        /// What it wrote to its standard error last.
        said: String,
    },
    /// The time limit has passed.
    #[error(
        "`{command}` took longer than {limit:?} with {at}, and was ended: `Program::time_limit` sets the limit{said}"
    )]
    Late {
        /// The command.
        command: String,
        /// The limit.
        limit: Duration,
        /// The parameters and the seed.
        at: String,
        /// What it wrote to its standard error last.
        said: String,
    },
    /// The same seed gave other numbers.
    #[error(
        "`{command}` returned {first} and then {second} at position {position} when it was asked twice with {at}: the same seed must \
         give the same numbers. Let it draw all of its random numbers from the generator or the seed that it is handed, and keep nothing \
         from one simulation to the next"
    )]
    NotRepeatable {
        /// The command.
        command: String,
        /// The value of the first time.
        first: f64,
        /// The value of the second time.
        second: f64,
        /// Its position.
        position: usize,
        /// The parameters and the seed.
        at: String,
    },
    /// More simulations failed than may.
    #[error(
        "{failed} of {asked} simulations of `{command}` failed, a share above {most}, which `Program::failures` sets; the last: {last}"
    )]
    TooManyFailures {
        /// The command.
        command: String,
        /// How many failed.
        failed: u64,
        /// How many were asked for.
        asked: u64,
        /// The largest share.
        most: f64,
        /// The message of the last failure.
        last: String,
    },
}

hierarch_core::debug_as_message!(ExternalError);

impl ExternalError {
    /// Returns whether only this simulation failed, so that another may succeed.
    pub fn is_of_one_draw(&self) -> bool {
        matches!(self, Self::Value { .. } | Self::Failed { .. } | Self::Ended { .. } | Self::Late { .. })
    }

    /// Returns whether the process cannot be asked again, since it ended or nobody knows what it will say next.
    pub(super) fn leaves_no_worker(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Late { .. } | Self::Length { .. } | Self::Reply { .. })
    }
}

impl<T: Drawn> Outcome for Result<T, ExternalError> {
    type Drawn = T;
    fn outcome(self) -> Result<T, Failure> {
        self.map_err(|error| Failure { message: error.to_string(), of_one_draw: error.is_of_one_draw() })
    }
}

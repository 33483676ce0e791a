//! The processes of one program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::ExternalError;
use super::numbers::Observed;
use super::process::{Watch, lock};
use super::worker::{Broken, Hello, Numbers, Reply, Worker};

/// The fewest simulations after which a share of failures is believed, and how improbable as many failures in a row must be.
const FEWEST: u64 = 100;
const IMPROBABLE: f64 = 1e-9;
/// How far the numbers of two runs with one seed may be apart: sums in another order differ by a few last bits.
const SAME: f64 = 1e-6;
/// How many parameters a message names.
const NAMED: usize = 16;

/// What a user sets.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) time_limit: Duration,
    pub(super) workers: usize,
    pub(super) failures: f64,
}

/// The processes of one program, which are started as they are needed.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) command: Vec<String>,
    settings: Settings,
    /// The version that the program had before, if it was known then.
    expected: Option<String>,
    hello: OnceLock<Hello>,
    workers: Mutex<Workers>,
    free: Condvar,
    watch: Watch,
    failures: Mutex<Failures>,
    /// Whether a simulation was repeated, and gave the same numbers.
    repeated: AtomicBool,
}

/// How many simulations were asked for, and how many failed.
#[derive(Debug, Default)]
struct Failures {
    asked: u64,
    failed: u64,
    in_a_row: u32,
}

impl Failures {
    /// Counts a simulation. Returns how many have failed, and of how many, if they are too many for a share of at most `most`:
    /// counting then begins anew, since whoever asks stops.
    fn count(&mut self, has_failed: bool, most: f64) -> Option<(u64, u64)> {
        self.asked += 1;
        if !has_failed {
            self.in_a_row = 0;
            return None;
        }
        self.failed += 1;
        self.in_a_row += 1;
        let in_a_row = most < 1.0 && most.powf(f64::from(self.in_a_row)) < IMPROBABLE;
        let in_all = self.failed as f64 > most * self.asked.max(FEWEST) as f64;
        let counts = if in_all { (self.failed, self.asked) } else { (self.in_a_row.into(), self.in_a_row.into()) };
        (in_a_row || in_all).then(|| {
            *self = Self::default();
            counts
        })
    }
}

#[derive(Debug, Default)]
struct Workers {
    idle: Vec<Worker>,
    /// How many there are, idle or not.
    count: usize,
}

impl Pool {
    /// Makes a pool without processes.
    pub(super) fn new(
        command: Vec<String>,
        settings: Settings,
        expected: Option<String>,
    ) -> Result<Self, ExternalError> {
        let watch = Watch::new(settings.time_limit)
            .map_err(|error| ExternalError::Start { command: command.join(" "), error })?;
        Ok(Self {
            command,
            settings,
            expected,
            hello: OnceLock::new(),
            workers: Mutex::default(),
            free: Condvar::new(),
            watch,
            failures: Mutex::default(),
            repeated: AtomicBool::new(false),
        })
    }

    /// Starts the first process.
    pub(super) fn begin(&self) -> Result<(), ExternalError> {
        self.put(self.take()?);
        Ok(())
    }

    /// Returns the version that the program says it has.
    pub(super) fn version(&self) -> &str {
        self.hello.get().map(|hello| hello.version.as_str()).or(self.expected.as_deref()).unwrap_or_default()
    }

    /// Asks a process for one simulation.
    pub(super) fn draw<T: Observed>(&self, parameters: &[f64], seed: u64) -> Result<T, ExternalError> {
        let mut worker = self.take()?;
        let drawn = self.draw_by(&mut worker, parameters, seed);
        match &drawn {
            Err(error) if error.leaves_no_worker() => self.discard(worker),
            _ => self.put(worker),
        }
        let failure = drawn.as_ref().err().filter(|error| error.is_of_one_draw());
        let too_many = lock(&self.failures).count(failure.is_some(), self.settings.failures);
        match (too_many, failure) {
            (Some((failed, asked)), Some(last)) => {
                let (command, most, last) = (self.name(), self.settings.failures, last.to_string());
                Err(ExternalError::TooManyFailures { command, failed, asked, most, last })
            }
            _ => drawn,
        }
    }

    fn draw_by<T: Observed>(&self, worker: &mut Worker, parameters: &[f64], seed: u64) -> Result<T, ExternalError> {
        self.check_count(parameters)?;
        let mut numbers = self.ask::<T>(worker, parameters, seed)?;
        if !self.repeated.load(Ordering::Relaxed) {
            let first: Vec<f64> = numbers.iter().collect();
            numbers = self.ask::<T>(worker, parameters, seed)?;
            let apart = |(_, (a, b)): &(usize, (&f64, f64))| (*a - b).abs() > SAME * a.abs().max(b.abs());
            if let Some((position, (&first, second))) = first.iter().zip(numbers.iter()).enumerate().find(apart) {
                let (command, at) = (self.name(), self.at(parameters, seed));
                return Err(ExternalError::NotRepeatable { command, first, second, position, at });
            }
            self.repeated.store(true, Ordering::Relaxed);
        }
        let mut numbers = numbers.iter();
        Ok(T::read(&mut || numbers.next().unwrap_or(f64::NAN)))
    }

    /// Asks for one simulation, and checks each number of it.
    fn ask<'w, T: Observed>(
        &self,
        worker: &'w mut Worker,
        parameters: &[f64],
        seed: u64,
    ) -> Result<Numbers<'w>, ExternalError> {
        let limit = self.settings.time_limit;
        let reply = worker.ask(parameters, seed, limit, T::COUNT);
        if let Ok(Reply::Numbers(numbers)) = reply
            && numbers.iter().all(T::fits)
        {
            return Ok(numbers);
        }
        let (command, at) = (self.name(), self.at(parameters, seed));
        Err(match reply {
            Ok(Reply::Numbers(numbers)) => {
                let wrong = numbers.iter().enumerate().find(|(_, x)| !T::fits(*x));
                let (position, value) = wrong.unwrap_or_default();
                ExternalError::Value { command, value, position, due: T::WHAT, at }
            }
            Ok(Reply::Failed(message)) => ExternalError::Failed { command, at, message },
            Err(Broken::Ended { status, said }) => ExternalError::Ended { command, status, at, said },
            Err(Broken::Late { said }) => ExternalError::Late { command, limit, at, said },
            Err(Broken::Kind(kind)) => ExternalError::Reply { command, kind },
            Err(Broken::Length(found)) => ExternalError::Length { command, found, expected: T::COUNT },
        })
    }

    fn check_count(&self, parameters: &[f64]) -> Result<(), ExternalError> {
        let names = self.hello.get().and_then(|hello| hello.parameters.as_ref());
        match names {
            Some(names) if names.len() != parameters.len() => Err(ExternalError::Count {
                command: self.name(),
                expected: names.len(),
                names: names.join(", "),
                found: parameters.len(),
            }),
            _ => Ok(()),
        }
    }

    fn name(&self) -> String {
        self.command.join(" ")
    }

    /// Names the parameters and the seed.
    fn at(&self, parameters: &[f64], seed: u64) -> String {
        let names = self.hello.get().and_then(|hello| hello.parameters.as_deref()).unwrap_or_default();
        let mut at = String::new();
        for (i, parameter) in parameters.iter().enumerate().take(NAMED) {
            at += &match names.get(i) {
                Some(name) => format!("{name} = {parameter}, "),
                None => format!("parameter {i} = {parameter}, "),
            };
        }
        if parameters.len() > NAMED {
            at += "..., ";
        }
        format!("{at}seed = {seed}")
    }

    /// Takes an idle process, starts one, or waits until one is idle.
    fn take(&self) -> Result<Worker, ExternalError> {
        let mut workers = lock(&self.workers);
        loop {
            if let Some(worker) = workers.idle.pop() {
                return Ok(worker);
            }
            if workers.count < self.settings.workers {
                break;
            }
            workers = self.free.wait(workers).unwrap_or_else(PoisonError::into_inner);
        }
        workers.count += 1;
        drop(workers);
        let started = self.start();
        if started.is_err() {
            self.one_less();
        }
        started
    }

    fn start(&self) -> Result<Worker, ExternalError> {
        let (worker, hello) = Worker::start(&self.command, &self.watch, self.settings.time_limit)?;
        let known = self.hello.get_or_init(|| hello.clone());
        let expected = self.expected.as_ref().unwrap_or(&known.version);
        if hello.version != *expected {
            let (command, found, expected) = (self.name(), hello.version, expected.clone());
            return Err(ExternalError::OtherVersion { command, found, expected });
        }
        Ok(worker)
    }

    fn put(&self, worker: Worker) {
        lock(&self.workers).idle.push(worker);
        self.free.notify_one();
    }

    fn discard(&self, worker: Worker) {
        drop(worker);
        self.one_less();
    }

    fn one_less(&self) {
        lock(&self.workers).count -= 1;
        self.free.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let workers = std::mem::take(&mut lock(&self.workers).idle);
        // All end at the same time.
        let closed: Vec<_> = workers.into_iter().map(Worker::close).collect();
        closed.iter().for_each(|process| {
            process.status();
        });
    }
}

//! One process of a program, and the protocol that it speaks.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::ExternalError;
use super::process::{Process, Said, Watch, apart};

/// How long a program may take until it is ready: large libraries are read meanwhile.
const READY: Duration = Duration::from_secs(60);
/// How long the lines at the beginning may be, and a message of a failure.
const LONGEST: u64 = 1 << 16;
/// The version of the protocol.
const PROTOCOL: &str = "1";
/// Variables that are 1 where they are not set: how many threads libraries of linear algebra start, of which there is a process for
/// each core already, and what the order of sets in Python follows from, which is to be one in all processes.
const ONE: [&str; 5] =
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "PYTHONHASHSEED"];

/// What a program says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hello {
    pub(super) version: String,
    /// The names of the parameters, if it takes a certain number.
    pub(super) parameters: Option<Vec<String>>,
}

/// The reply to a request.
#[derive(Debug)]
pub(super) enum Reply<'a> {
    /// Numbers of a width in bytes.
    Numbers(Numbers<'a>),
    /// A message, why there are none.
    Failed(String),
}

/// Numbers as they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    bytes: &'a [u8],
    single: bool,
}

impl Numbers<'_> {
    /// Returns an iterator over the numbers.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = f64> {
        let width = if self.single { 4 } else { 8 };
        self.bytes.chunks_exact(width).map(|bytes| match *bytes {
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => f64::NAN,
        })
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Broken {
    /// The process ended, with its status and what it said last.
    Ended { status: String, said: String },
    /// The process was ended since it was late.
    Late { said: String },
    /// No kind of reply.
    Kind(u32),
    /// Another number of numbers than expected.
    Length(usize),
}

/// One process, with its pipes.
#[derive(Debug)]
pub(super) struct Worker {
    // Dropped before the process, which thereby sees the end of its work.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    said: Said,
    bytes: Vec<u8>,
    process: Arc<Process>,
}

impl Worker {
    /// Starts a process, and reads what it says of itself.
    pub(super) fn start(command: &[String], watch: &Watch, limit: Duration) -> Result<(Self, Hello), ExternalError> {
        let name = command.join(" ");
        let start = |error| ExternalError::Start { command: name.clone(), error };
        let (program, arguments) = command.split_first().ok_or(ExternalError::NoCommand)?;
        let mut to_run = Command::new(program);
        to_run.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for variable in ONE.iter().filter(|variable| std::env::var_os(variable).is_none()) {
            to_run.env(variable, "1");
        }
        apart(&mut to_run);
        let mut child = to_run.spawn().map_err(start)?;
        let closed = || start(io::ErrorKind::BrokenPipe.into());
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or_else(closed)?);
        let stderr = child.stderr.take();
        let process = Arc::new(Process::new(child));
        let said = stderr.map_or_else(|| Ok(Said::default()), Said::of).map_err(start)?;
        let output = BufReader::with_capacity(LONGEST as usize, output);
        let mut worker = Self { input, output, said, bytes: Vec::new(), process };
        let limit = limit.max(READY);
        worker.process.begin(limit);
        watch.add(&worker.process);
        let text = worker.beginning();
        if worker.process.end() {
            return Err(ExternalError::NotReady { command: name, limit, said: worker.said.last() });
        }
        let hello = match text {
            Some(text) => read_hello(&name, &text)?,
            None => {
                worker.input = None;
                let status = worker.process.status();
                return Err(ExternalError::EndedAtOnce { command: name, status, said: worker.said.last() });
            }
        };
        Ok((worker, hello))
    }

    /// Reads the lines up to an empty one, or up to one that shows that this is no simulator; `None` if the program ends before.
    fn beginning(&mut self) -> Option<String> {
        let mut text = Vec::new();
        let mut output = (&mut self.output).take(LONGEST);
        loop {
            let line = text.len();
            match output.read_until(b'\n', &mut text) {
                Ok(0) if text.is_empty() || output.limit() > 0 => return None,
                Err(_) => return None,
                Ok(_) => {}
            }
            let line = &text[line..];
            let no_simulator = !text.starts_with(b"hierarch simulator ");
            if no_simulator || line.trim_ascii().is_empty() || !line.ends_with(b"\n") {
                return Some(String::from_utf8_lossy(&text).into_owned());
            }
        }
    }

    /// Asks for the numbers of one simulation, `expected` many.
    pub(super) fn ask(
        &mut self,
        parameters: &[f64],
        seed: u64,
        limit: Duration,
        expected: usize,
    ) -> Result<Reply<'_>, Broken> {
        self.process.begin(limit);
        let replied = self.exchange(parameters, seed, expected);
        if self.process.end() {
            return Err(Broken::Late { said: self.said.last() });
        }
        match replied {
            Ok(Ok(0)) => Ok(Reply::Failed(String::from_utf8_lossy(&self.bytes).trim().to_owned())),
            Ok(Ok(kind)) => Ok(Reply::Numbers(Numbers { bytes: &self.bytes, single: kind == 4 })),
            Ok(Err(broken)) => Err(broken),
            Err(_) => {
                self.input = None;
                Err(Broken::Ended { status: self.process.status(), said: self.said.last() })
            }
        }
    }

    /// Writes a request and reads the reply to it: the kind, and its bytes into `self.bytes`.
    fn exchange(&mut self, parameters: &[f64], seed: u64, expected: usize) -> io::Result<Result<u32, Broken>> {
        self.bytes.clear();
        self.bytes.extend_from_slice(&seed.to_le_bytes());
        self.bytes.extend_from_slice(&(parameters.len() as u64).to_le_bytes());
        self.bytes.extend(parameters.iter().flat_map(|parameter| parameter.to_le_bytes()));
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(&self.bytes)?;
        let (kind, count) = (self.number()?, self.number()? as usize);
        let bytes = match kind {
            4 | 8 if count == expected => count * kind as usize,
            4 | 8 => return Ok(Err(Broken::Length(count))),
            0 if count as u64 <= LONGEST => count,
            _ => return Ok(Err(Broken::Kind(kind))),
        };
        self.bytes.resize(bytes, 0);
        self.output.read_exact(&mut self.bytes)?;
        Ok(Ok(kind))
    }

    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.output.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Tells the process that its work is done; its end may be waited for.
    pub(super) fn close(self) -> Arc<Process> {
        self.process
    }
}

/// Reads what a program says of itself: lines of a word and what it says.
fn read_hello(command: &str, text: &str) -> Result<Hello, ExternalError> {
    let command = command.to_owned();
    let mut lines = text.lines().map(str::trim_end);
    let protocol = lines.next().and_then(|line| line.strip_prefix("hierarch simulator "));
    let mut hello = Hello::default();
    match protocol {
        Some(PROTOCOL) => {}
        Some(found) => return Err(ExternalError::Protocol { command, found: found.to_owned() }),
        None => return Err(ExternalError::Beginning { command, found: text.chars().take(200).collect() }),
    }
    for line in lines.filter(|line| !line.is_empty()) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("version", version) => hello.version = version.to_owned(),
            ("parameters", names) => hello.parameters = Some(names.split_whitespace().map(str::to_owned).collect()),
            _ => return Err(ExternalError::Beginning { command, found: line.to_owned() }),
        }
    }
    Ok(hello)
}

//! Processes that are ended when they take too long, and what they say last.

use std::io::Read;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How long a process is waited for that was asked to end, or whose pipes are closed.
const GRACE: Duration = Duration::from_secs(1);
/// How much is kept of what a process writes to its standard error, and how many lines of it are shown.
const KEPT: usize = 4096;
const SHOWN: usize = 8;

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process, and until when its reply is due.
#[derive(Debug)]
pub(super) struct Process(Mutex<State>);

#[derive(Debug)]
struct State {
    child: Child,
    due: Option<Instant>,
    late: bool,
}

impl Process {
    pub(super) fn new(child: Child) -> Self {
        Self(Mutex::new(State { child, due: None, late: false }))
    }

    /// Begins to wait for a reply, which is due within `limit`.
    pub(super) fn begin(&self, limit: Duration) {
        lock(&self.0).due = Instant::now().checked_add(limit);
    }

    /// Ends the waiting; returns whether the process was ended since it was late.
    pub(super) fn end(&self) -> bool {
        let mut state = lock(&self.0);
        state.due = None;
        state.late
    }

    /// Ends the process if it is late, else returns when it will be.
    fn check(&self, now: Instant) -> Option<Instant> {
        let mut state = lock(&self.0);
        let due = state.due?;
        if due > now {
            return Some(due);
        }
        (state.due, state.late) = (None, true);
        kill(&mut state.child);
        None
    }

    /// Waits for the end of a process whose pipes are closed, which is ended if it does not; says how it ended.
    pub(super) fn status(&self) -> String {
        let begun = Instant::now();
        loop {
            let mut state = lock(&self.0);
            match state.child.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) if begun.elapsed() < GRACE => {}
                _ => {
                    kill(&mut state.child);
                    let _ = state.child.wait();
                    return "it closed its pipes".to_owned();
                }
            }
            drop(state);
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !matches!(state.child.try_wait(), Ok(Some(_))) {
            kill(&mut state.child);
            let _ = state.child.wait();
        }
    }
}

/// Ends a process with those that it has started: a shell or a launcher may stand between this program and the simulator, which
/// would else keep the pipes open.
fn kill(child: &mut Child) {
    let id = child.id().to_string();
    let mut all = match cfg!(windows) {
        true => Command::new("taskkill"),
        false => Command::new("kill"),
    };
    match cfg!(windows) {
        true => all.args(["/T", "/F", "/PID", &id]),
        false => all.args(["-KILL", "--", &format!("-{id}")]),
    };
    let _ = all.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = child.kill();
}

/// Lets a process have a group of its own, so that Ctrl-C reaches this program alone, which saves its work; its workers end when it
/// does.
pub(super) fn apart(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(command, 0x200);
}

/// Ends the processes that are late, by a thread of its own.
#[derive(Debug)]
pub(super) struct Watch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    state: Mutex<WatchState>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct WatchState {
    processes: Vec<Weak<Process>>,
    is_closed: bool,
}

impl Watch {
    /// Begins to watch processes whose replies are never due in less than `shortest`.
    pub(super) fn new(shortest: Duration) -> std::io::Result<Self> {
        let watched = Arc::new(Watched::default());
        let of_thread = watched.clone();
        thread::Builder::new().name("time limit".to_owned()).spawn(move || of_thread.run(shortest))?;
        Ok(Self(watched))
    }

    pub(super) fn add(&self, process: &Arc<Process>) {
        let processes = &mut lock(&self.0.state).processes;
        processes.retain(|process| process.strong_count() > 0);
        processes.push(Arc::downgrade(process));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.0.state).is_closed = true;
        self.0.closed.notify_all();
    }
}

impl Watched {
    /// Sleeps until the first reply is due. None that is asked for meanwhile is due before `shortest` has passed.
    fn run(&self, shortest: Duration) {
        let mut state = lock(&self.state);
        while !state.is_closed {
            let now = Instant::now();
            let due = state.processes.iter().filter_map(|process| process.upgrade()?.check(now)).min();
            let sleep = due.map_or(shortest, |due| due.saturating_duration_since(now).min(shortest));
            state = self.closed.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The end of what a process writes to its standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct Said(Arc<Ending>);

#[derive(Debug, Default)]
struct Ending {
    tail: Mutex<Tail>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct Tail {
    kept: Vec<u8>,
    is_closed: bool,
}

impl Said {
    /// Keeps the end of what comes from `stderr`, by a thread of its own.
    pub(super) fn of(mut stderr: ChildStderr) -> std::io::Result<Self> {
        let said = Self::default();
        let Self(ending) = said.clone();
        thread::Builder::new().name("standard error".to_owned()).spawn(move || {
            let mut piece = [0; KEPT];
            while let Ok(count @ 1..) = stderr.read(&mut piece) {
                let kept = &mut lock(&ending.tail).kept;
                kept.extend_from_slice(&piece[..count]);
                let above = kept.len().saturating_sub(KEPT);
                kept.drain(..above);
            }
            lock(&ending.tail).is_closed = true;
            ending.closed.notify_all();
        })?;
        Ok(said)
    }

    /// Returns the last lines, with what stands before them in a message; empty if there are none. The process has ended, and a
    /// moment is left for them to come.
    pub(super) fn last(&self) -> String {
        let Ending { tail, closed } = &*self.0;
        let waited = closed.wait_timeout_while(lock(tail), GRACE / 4, |tail| !tail.is_closed);
        let text = String::from_utf8_lossy(&waited.unwrap_or_else(PoisonError::into_inner).0.kept).into_owned();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match lines.len() {
            0 => String::new(),
            n => format!("; it said:\n{}", lines[n.saturating_sub(SHOWN)..].join("\n")),
        }
    }
}

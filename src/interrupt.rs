//! Ctrl-C during work that is saved: the work is saved once more and ends with an error. A second one ends the program at once,
//! and so does the first when no such work is running.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// What signals read, which are handled as they always are where there is no `working`.
#[derive(Default)]
struct Signals {
    idle: Arc<AtomicBool>,
    asked: Arc<AtomicBool>,
    /// How many pieces of work run.
    working: Mutex<usize>,
}

/// Registers the signals when work that is saved runs for the first time: before that, nothing of the program is touched.
fn signals() -> &'static Signals {
    static SIGNALS: OnceLock<Signals> = OnceLock::new();
    SIGNALS.get_or_init(|| {
        let signals = Signals::default();
        signals.idle.store(true, Ordering::SeqCst);
        for signal in [SIGINT, SIGTERM] {
            // In this order: idle, or asked before, it does what it always does; else it is noted. A system that has no such
            // signal ends the program, and what was saved last is kept.
            let _ = flag::register_conditional_default(signal, signals.idle.clone())
                .and_then(|_| flag::register_conditional_default(signal, signals.asked.clone()))
                .and_then(|_| flag::register(signal, signals.asked.clone()));
        }
        signals
    })
}

/// Work that is saved, while it runs.
#[derive(Debug, Default)]
pub(crate) struct Interruptible {
    heeded: AtomicBool,
}

impl Interruptible {
    /// Begins the work: Ctrl-C now asks it to end.
    pub(crate) fn begin() -> Self {
        let signals = signals();
        let mut working = signals.working.lock().unwrap_or_else(PoisonError::into_inner);
        *working += 1;
        signals.idle.store(false, Ordering::SeqCst);
        Self::default()
    }

    /// Tells whether the work is asked to end: it saves what it has, and returns an error.
    pub(crate) fn must_end(&self) -> bool {
        let asked = signals().asked.load(Ordering::SeqCst);
        self.heeded.fetch_or(asked, Ordering::SeqCst);
        asked
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        let signals = signals();
        let mut working = signals.working.lock().unwrap_or_else(PoisonError::into_inner);
        *working -= 1;
        if *working > 0 {
            return;
        }
        signals.idle.store(true, Ordering::SeqCst);
        // The work was at its end before it could heed it.
        if signals.asked.swap(false, Ordering::SeqCst) && !*self.heeded.get_mut() {
            let _ = low_level::emulate_default_handler(SIGINT);
        }
    }
}

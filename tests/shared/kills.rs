//! Programs that are killed: a test runs itself again in a process of its own, kills that at random moments, and lets it go on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const FOLDER: &str = "HIERARCH_KILLED_IN";

/// Returns the folder to work in, if this process is the one that is killed.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Tells the test in the other process what the work has come to.
pub fn finish(result: u64) {
    println!("\nresult {result:016x}");
}

/// Runs `test` again and again in another process, which is killed after random times below `longest`, as often as `kills`, or
/// the environment variable `HIERARCH_KILLS`, says. Returns what it has come to whenever it was not killed before its end: the
/// last time, it is not killed.
pub fn results(test: &str, kills: usize, longest: Duration, seed: u64) -> Vec<u64> {
    let kills = std::env::var("HIERARCH_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(kills);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut folder = tempfile::tempdir().unwrap();
    let (mut killed, mut results) = (0, Vec::new());
    while killed < kills {
        let mut child = start(test, folder.path());
        sleep(longest.mul_f64(rng.random()));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
            child.wait().unwrap();
        } else {
            results.push(result(child));
            folder = tempfile::tempdir().unwrap();
        }
    }
    results.push(result(start(test, folder.path())));
    results
}

/// Runs `test` in another process, to which Ctrl-C is sent after a time, as soon as there is `file` in its folder; then lets it
/// go on. Returns what the first run printed, and what the second has come to.
#[cfg(unix)]
pub fn interrupted(test: &str, file: &str, after: Duration) -> (String, u64) {
    let folder = tempfile::tempdir().unwrap();
    let child = start(test, folder.path());
    while !folder.path().join(file).exists() {
        sleep(Duration::from_millis(5));
    }
    sleep(after);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(101), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (said, result(start(test, folder.path())))
}

fn start(test: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(FOLDER, folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn result(child: Child) -> u64 {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let result = said.lines().find_map(|line| line.strip_prefix("result "));
    u64::from_str_radix(result.unwrap_or_else(|| panic!("{output:?}")), 16).unwrap()
}

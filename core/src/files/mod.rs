//! Files that are written completely or not at all, one by one and as sets, and how often long work is saved.
//!
//! A path may be an address, as `s3://bucket/bank`: a file is then an object of a store. What has no meaning there, as locks, is left
//! out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

mod address;
#[doc(hidden)]
pub mod faults;
mod folder;
#[cfg_attr(not(feature = "object_store"), path = "no_object.rs")]
mod object;
mod object_set;
mod parts;

use address::object;
pub use address::{is_address, local};
use faults::{step, write_all};
pub use folder::atomic_write_folder;
pub use parts::Parts;

/// The folder, inside that of a set of files, which holds those that are complete and do not have their names yet.
const SET: &str = ".hierarch-set";
/// The age from which a temporary file that nobody writes is what a program left that was killed.
const STALE: Duration = Duration::from_secs(60);

/// Writes a file in one step, and creates its folders if needed: it is written under a temporary name in the same
/// folder, then renamed. A reader sees the old file or the new one, never a part.
///
/// # Errors
/// Those of the system.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(object) = object(path)? {
        return object.write(bytes);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?.to_string_lossy();
    create(folder)?;
    remove_stale(folder, &name);
    let part = folder.join(temporary(&name));
    let named = write(&part, bytes).and_then(|()| rename(&part, path));
    if named.is_err() {
        discard(&part);
    }
    sync(folder);
    named
}

/// Reads a file whole.
///
/// # Errors
/// Those of the system; `NotFound` where there is no file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    match object(path)? {
        Some(object) => object.read(),
        None => fs::read(path),
    }
}

/// Tells whether there is a file.
///
/// # Errors
/// Those of the system.
pub fn exists(path: &Path) -> io::Result<bool> {
    match object(path)? {
        Some(object) => object.exists(),
        None => path.try_exists(),
    }
}

/// Removes a file.
///
/// # Errors
/// Those of the system.
pub fn remove(path: &Path) -> io::Result<()> {
    match object(path)? {
        Some(object) => object.remove(),
        None => fs::remove_file(path),
    }
}

/// Returns the names of the files in a folder; of a store, a folder that holds none is one that is not there.
///
/// # Errors
/// Those of the system.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    if let Some(object) = object(folder)? {
        return object.names();
    }
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

/// Creates a folder, and those around it. In a store a folder is what names begin with, and nothing is to be created.
///
/// # Errors
/// Those of the system.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    match object(folder)? {
        Some(_) => Ok(()),
        None => fs::create_dir_all(folder),
    }
}

/// Writes the files of a set, which belong together: `write` writes them into the folder that it is given, and from there
/// they are moved into `folder`; [`read_set`] sees all of the old ones or all of the new ones. The set is written from when
/// the folder of the new ones has the name of a set: whoever comes next moves what a program that is killed has not moved.
/// `failed` makes the error of a path.
///
/// # Errors
/// Those of `write` and of the system.
pub fn atomic_write_set<E>(
    folder: &Path,
    failed: impl Fn(PathBuf, io::Error) -> E,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(object) = object(folder).map_err(|error| failed(folder.to_owned(), error))? {
        return object_set::write((folder, &object), &format!("set-{}", tag()), failed, write);
    }
    create(folder).map_err(|error| failed(folder.to_owned(), error))?;
    let _alone = hold(folder, true, || ());
    complete_set(folder).map_err(|(path, error)| failed(path, error))?;
    remove_stale(folder, SET);
    let part = folder.join(temporary(SET));
    let written = create(&part).map_err(|error| failed(part.clone(), error)).and_then(|()| {
        let _held = hold(&part, true, || ());
        write(&part)?;
        let ready = all_can_be_moved(&part, folder).and_then(|()| {
            sync(&part);
            rename(&part, &folder.join(SET)).map_err(|error| (folder.to_owned(), error))
        });
        ready.map_err(|(path, error)| failed(path, error))
    });
    if written.is_err() {
        discard(&part);
    }
    written?;
    complete_set(folder).map_err(|(path, error)| failed(path, error))
}

/// Checks that no folder is in the way of a file of a set.
fn all_can_be_moved(part: &Path, folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    for entry in fs::read_dir(part).map_err(|error| (part.to_owned(), error))? {
        let place = folder.join(entry.map_err(|error| (part.to_owned(), error))?.file_name());
        if place.is_dir() {
            return Err((place, io::ErrorKind::IsADirectory.into()));
        }
    }
    Ok(())
}

/// Calls `read`, which reads a set of files, with the folder that they are in, while nobody writes it.
///
/// # Errors
/// Those of the system where a set is to be completed first, with the path that they concern.
pub fn read_set<T>(folder: &Path, read: impl Fn(&Path) -> T) -> Result<T, (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    if let Some(object) = object(folder).map_err(failed)? {
        return object_set::read((folder, &object), read).map_err(failed);
    }
    loop {
        let shared = hold(folder, false, || ());
        if !folder.join(SET).is_dir() {
            return Ok(read(folder));
        }
        drop(shared);
        let _alone = hold(folder, true, || ());
        complete_set(folder)?;
    }
}

/// Moves the files of a set that is complete to their places.
fn complete_set(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let set = folder.join(SET);
    let entries = match fs::read_dir(&set) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| (set.clone(), error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| (set.clone(), error))?;
        let place = folder.join(entry.file_name());
        rename(&entry.path(), &place).map_err(|error| (place, error))?;
    }
    sync(folder);
    step().and_then(|()| fs::remove_dir(&set)).map_err(|error| (set, error))
}

/// Holds a folder until what is returned is dropped: alone, or together with others that do not ask for it alone. Calls
/// `waiting` now and then while another process, or thread, holds it. `None` where the file system, or the store, has no locks: what is
/// written there is still whole, but two that write the same do so twice.
pub fn hold(folder: &Path, alone: bool, mut waiting: impl FnMut()) -> Option<File> {
    if is_address(folder) {
        return None;
    }
    let file = File::open(openable(folder)).ok()?;
    loop {
        match if alone { file.try_lock() } else { file.try_lock_shared() } {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => {
                waiting();
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::Error(_)) => return None,
        }
    }
}

/// Returns the path by which a folder can be opened: the folder of `a.txt` has the path of no letters.
fn openable(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Returns a name that no other thread or process writes to, on any machine: programs in containers all have the same number.
fn temporary(name: &str) -> String {
    format!("{name}.{}.part", tag())
}

fn tag() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}.{}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Removes what programs that were killed have left of `name`: temporary files that are old and that nobody holds.
fn remove_stale(folder: &Path, name: &str) {
    for entry in fs::read_dir(openable(folder)).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let tag = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".part"));
        let tag = tag.and_then(|tag| tag.split_once('.'));
        let is_ours = tag.is_some_and(|(process, count)| process.parse::<u64>().and(count.parse::<u64>()).is_ok());
        let is_old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok().filter(|age| *age > STALE);
        if is_ours && is_old().is_some() && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            discard(&entry.path());
        }
    }
}

/// Removes a temporary file or folder. That it fails changes nothing but the space that it takes.
fn discard(part: &Path) {
    if step().is_ok() {
        let _ = fs::remove_file(part).or_else(|_| fs::remove_dir_all(part));
    }
}

fn create(folder: &Path) -> io::Result<()> {
    step()?;
    fs::create_dir_all(folder)
}

/// Writes a new file, which is held while it is written.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    step()?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // Without locks the file is not taken for one that was left, since it is young.
    let _ = file.try_lock();
    write_all(&mut file, bytes)?;
    step()?;
    file.sync_all()
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step()?;
    fs::rename(from, to)
}

/// Writes the names in a folder to the disk. Not all systems can: what a power cut then undoes is undone whole.
fn sync(folder: &Path) {
    let _ = File::open(openable(folder)).and_then(|folder| folder.sync_all());
}

/// When long work is saved: what can be lost is at most a hundredth of it, or ten seconds, and saving takes at most a
/// twentieth of the time.
#[derive(Debug)]
pub struct SaveClock {
    begun: Instant,
    saved: Instant,
    took: Duration,
}

impl Default for SaveClock {
    fn default() -> Self {
        let now = Instant::now();
        Self { begun: now, saved: now, took: Duration::ZERO }
    }
}

impl SaveClock {
    /// Tells whether it is time to save.
    pub fn is_due(&self) -> bool {
        let often = (self.begun.elapsed() / 100).clamp(Duration::from_millis(50), Duration::from_secs(10));
        self.saved.elapsed() > often.max(20 * self.took)
    }

    /// Calls `save`.
    pub fn save<T>(&mut self, save: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let saved = save();
        self.saved = Instant::now();
        self.took = self.saved - start;
        saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write_set(folder: &Path, names: &[&str], text: &str) -> Result<(), (PathBuf, io::Error)> {
        let write = |folder: &Path| {
            names.iter().try_for_each(|name| {
                let path = folder.join(name);
                atomic_write(&path, text.as_bytes()).map_err(|error| (path, error))
            })
        };
        atomic_write_set(folder, |path, error| (path, error), write)
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.txt");
        atomic_write(&path, b"one").unwrap();
        atomic_write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(&folder.path().join("new")), ["a.txt"]);
    }

    #[test]
    fn a_set_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write_set(folder, &["a", "b"], "old").unwrap();
        assert_eq!(names(folder), ["a", "b"]);
        fs::create_dir(folder.join("c")).unwrap();
        let (path, _) = write_set(folder, &["a", "c"], "new").unwrap_err();
        assert_eq!(path, folder.join("c"));
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"old");
        assert_eq!(names(folder), ["a", "b", "c"]);
    }

    /// Where the n-th step fails, alone or with all that follow (as in a program that is killed), a reader finds the old
    /// file or the new one, and the next write leaves nothing behind but what is not old enough.
    #[test]
    fn whatever_step_fails_a_reader_finds_old_or_new() {
        for killed in [false, true] {
            for n in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("a.txt");
                atomic_write(&path, b"old").unwrap();
                let (written, failed) = faults::at(n, killed, || atomic_write(&path, b"new"));
                assert_eq!(fs::read(&path).unwrap(), if written.is_ok() { b"new" } else { b"old" });
                if !killed {
                    // Removing the temporary file may be what fails.
                    assert!(names(folder.path()).len() == 1 || written.is_err());
                }
                atomic_write(&path, b"newer").unwrap();
                assert_eq!(fs::read(&path).unwrap(), b"newer");
                if !failed {
                    assert!(n >= 5, "{n}");
                    break;
                }
            }
        }
    }

    #[test]
    fn whatever_step_fails_a_reader_finds_an_old_set_or_a_new_one() {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        for killed in [false, true] {
            for n in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let folder = folder.path();
                let read = || {
                    let read = || NAMES.map(|name| fs::read_to_string(folder.join(name)).unwrap());
                    read_set(folder, |_| read()).unwrap()
                };
                write_set(folder, &NAMES, "old").unwrap();
                let (written, failed) = faults::at(n, killed, || write_set(folder, &NAMES, "new"));
                let found = read();
                assert!(found == ["new"; 3] || (found == ["old"; 3] && written.is_err()), "{found:?}");
                write_set(folder, &NAMES, "newer").unwrap();
                assert_eq!(read(), ["newer"; 3]);
                if !failed {
                    assert!(n >= 10, "{n}");
                    break;
                }
            }
        }
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let old = |name: &str| {
            let file = File::create(folder.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - 2 * STALE).unwrap();
            file
        };
        for name in ["a.7.0.part", "b.7.0.part", "a.x.part", "a.7.part"] {
            old(name);
        }
        let held = old("a.8.1.part");
        held.lock().unwrap();
        fs::write(folder.join("a.9.2.part"), "young").unwrap();
        atomic_write(&folder.join("a"), b"whole").unwrap();
        let left = ["a", "a.7.part", "a.8.1.part", "a.9.2.part", "a.x.part", "b.7.0.part"];
        assert_eq!(names(folder), left);
    }

    #[test]
    fn a_set_is_not_read_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        const NAMES: [&str; 4] = ["a", "b", "c", "d"];
        write_set(folder, &NAMES, "0").unwrap();
        std::thread::scope(|scope| {
            for first in [0, 1000] {
                scope.spawn(move || {
                    (first..first + 30).for_each(|i| write_set(folder, &NAMES, &i.to_string()).unwrap());
                });
            }
            for _ in 0..100 {
                let texts = read_set(folder, |folder| NAMES.map(|name| fs::read(folder.join(name)).unwrap()));
                let texts = texts.unwrap();
                assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
            }
        });
    }
}

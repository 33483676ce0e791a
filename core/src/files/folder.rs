//! Folders that are written completely or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{create, discard, hold, remove_stale, rename, sync, temporary};

/// Writes a folder, with all that is in it, and creates the folders around it if needed: `write` fills the folder that it is given,
/// which then takes the name `path`. A folder of that name is put aside first, and removed at the end. Who reads by that name
/// finds the old folder or the new one, and none for the moment between two renames; never a part. `failed` makes the error of
/// a path.
///
/// # Errors
/// Those of `write` and of the system.
pub fn atomic_write_folder<E>(
    path: &Path,
    failed: impl Fn(PathBuf, io::Error) -> E,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let around = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().ok_or_else(|| failed(path.to_owned(), io::Error::other("it names no folder")))?;
    let name = name.to_string_lossy();
    create(around).map_err(|error| failed(around.to_owned(), error))?;
    remove_stale(around, &name);
    let part = around.join(temporary(&name));
    let written = create(&part).map_err(|error| failed(part.clone(), error)).and_then(|()| {
        let _held = hold(&part, true, || ());
        write(&part)?;
        sync(&part);
        let _alone = hold(around, true, || ());
        replace(path, &part, &around.join(temporary(&name))).map_err(|error| failed(path.to_owned(), error))
    });
    if written.is_err() {
        discard(&part);
    }
    sync(around);
    written
}

/// Gives `new` the name `path`; what has that name is moved to `aside`, and removed. Where that fails it has its name again.
fn replace(path: &Path, new: &Path, aside: &Path) -> io::Result<()> {
    let _old = hold(path, true, || ());
    match rename(path, aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return rename(new, path),
        other => other?,
    }
    if let Err(error) = rename(new, path) {
        // Not counted as a step of its own: a disk that is away for good keeps the old folder beside its place.
        fs::rename(aside, path)?;
        return Err(error);
    }
    discard(aside);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{atomic_write, faults};
    use super::*;

    fn write_folder(path: &Path, names: &[&str]) -> Result<(), (PathBuf, io::Error)> {
        let write = |folder: &Path| {
            names.iter().try_for_each(|name| {
                let path = folder.join(name);
                atomic_write(&path, name.as_bytes()).map_err(|error| (path, error))
            })
        };
        atomic_write_folder(path, |path, error| (path, error), write)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A step that fails leaves the old folder or the new one. A program that is killed between the two renames leaves both beside
    /// the place, and the next write succeeds.
    #[test]
    fn whatever_step_fails_a_reader_finds_an_old_folder_or_a_new_one() {
        for killed in [false, true] {
            for n in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("around/store");
                write_folder(&path, &["a", "b"]).unwrap();
                let (written, failed) = faults::at(n, killed, || write_folder(&path, &["b", "c/d"]));
                let found = names(&path);
                let whole = if written.is_ok() { ["b", "c"] } else { ["a", "b"] };
                assert!(found == whole, "step {n}: {found:?}");
                write_folder(&path, &["e"]).unwrap();
                assert_eq!(names(&path), ["e"]);
                if !failed {
                    assert!(n > 10, "{n}");
                    assert_eq!(names(path.parent().unwrap()), ["store"]);
                    break;
                }
            }
        }
    }
}

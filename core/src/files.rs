//! Files that are written completely or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io::Write};

/// Writes a file in one step, and creates its folders if needed: it is written under a temporary name in the same
/// folder, then renamed. A reader sees the old file or the new one, never a part.
///
/// # Errors
/// Those of the system; the previous file, if any, is then unchanged.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic_write_all(&[(path.to_owned(), bytes)]).map_err(|(_, error)| error)
}

/// Writes several files that belong together: none gets its name before all are on the disk.
///
/// # Errors
/// Those of the system, with the file that they concern.
pub fn atomic_write_all<B: AsRef<[u8]>>(files: &[(PathBuf, B)]) -> Result<(), (PathBuf, io::Error)> {
    let mut parts = Vec::with_capacity(files.len());
    let written = files.iter().try_for_each(|(path, bytes)| {
        write_part(path, bytes.as_ref(), &mut parts).map_err(|error| (path.clone(), error))
    });
    let named = written.and_then(|()| {
        let mut pairs = parts.iter().zip(files);
        pairs.try_for_each(|(part, (path, _))| fs::rename(part, path).map_err(|error| (path.clone(), error)))
    });
    if named.is_err() {
        for part in &parts {
            // The first error is the one that matters; a temporary file that has its final name already no longer
            // exists.
            let _ = fs::remove_file(part);
        }
    }
    named
}

fn write_part(path: &Path, bytes: &[u8], parts: &mut Vec<PathBuf>) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{count}.part", std::process::id()));
    let part = PathBuf::from(name);
    let mut file = fs::File::create(&part)?;
    parts.push(part);
    file.write_all(bytes)?;
    file.sync_all()
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
    fn writes_all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad) = (folder.path().join("a"), folder.path().join("a/b"));
        fs::write(&good, "old").unwrap();
        let (path, _) = atomic_write_all(&[(good.clone(), "new"), (bad.clone(), "new")]).unwrap_err();
        assert_eq!(path, bad);
        assert_eq!(fs::read(&good).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
    }
}

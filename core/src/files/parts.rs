//! Parts of a file that are read when they are needed.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use super::is_address;

/// How many bytes are read at a time.
const PIECE: usize = 16_384;

/// A file that is not written any more, and of which parts are read from any thread. It is opened for each part: of a large set
/// of files few may be open at a time.
#[derive(Debug)]
pub struct Parts {
    path: PathBuf,
    /// When it was written, and how many bytes it has.
    state: (SystemTime, u64),
    failed: OnceLock<io::Error>,
}

impl Parts {
    /// Takes a file; `None` in an object store, and on a system that does not read parts.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(path: &Path) -> io::Result<Option<Self>> {
        if is_address(path) || !cfg!(any(unix, windows)) {
            return Ok(None);
        }
        let state = state(&path.metadata()?)?;
        Ok(Some(Self { path: path.to_owned(), state, failed: OnceLock::new() }))
    }

    /// Reads as many bytes as there is room for, from the byte `start` on, piece by piece: `take` gets a multiple of 4 bytes, except in the
    /// last piece. Where they cannot be read they are zeros, and [`failed`](Self::failed) says why.
    pub fn read(&self, start: u64, length: usize, mut take: impl FnMut(&[u8])) {
        let mut buffer = [0; PIECE];
        let mut file = self.open().map_err(|error| _ = self.failed.set(error)).ok();
        let mut done = 0;
        while done < length {
            let piece = &mut buffer[..(length - done).min(PIECE)];
            if let Some(open) = &file
                && let Err(error) = read_exact_at(open, piece, start + done as u64)
            {
                _ = self.failed.set(error);
                file = None;
            }
            if file.is_none() {
                piece.fill(0);
            }
            take(piece);
            done += piece.len();
        }
    }

    fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        if state(&file.metadata()?)? != self.state {
            return Err(io::Error::other("another program has written it anew since it was opened"));
        }
        Ok(file)
    }

    /// Returns the file and the first error of reading it, if there was one.
    pub fn failed(&self) -> Option<(&Path, &io::Error)> {
        self.failed.get().map(|error| (self.path.as_path(), error))
    }
}

fn state(metadata: &Metadata) -> io::Result<(SystemTime, u64)> {
    Ok((metadata.modified()?, metadata.len()))
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (bytes, start) = (&mut bytes[read..], start + read as u64),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_file_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers");
        let bytes: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &bytes).unwrap();
        let parts = Parts::new(&path).unwrap().unwrap();
        let read = |start: usize, length: usize| {
            let mut all = Vec::new();
            parts.read(start as u64, length, |piece| all.extend_from_slice(piece));
            all
        };
        for (start, length) in [(0, 0), (0, 4), (8, 16_384), (12, 16_388), (0, 160_000), (159_996, 4)] {
            assert_eq!(read(start, length), bytes[start..start + length]);
        }
        assert!(parts.failed().is_none());
        // Past the end there is nothing.
        assert_eq!(read(159_996, 8), [0; 8]);
        assert_eq!(parts.failed().unwrap().1.kind(), io::ErrorKind::UnexpectedEof);

        let parts = Parts::new(&path).unwrap().unwrap();
        std::fs::write(&path, &bytes[..100]).unwrap();
        let mut all = Vec::new();
        parts.read(0, 8, |piece| all.extend_from_slice(piece));
        assert_eq!(all, [0; 8]);
        let (failed, error) = parts.failed().unwrap();
        assert_eq!(
            (failed, error.to_string().as_str()),
            (path.as_path(), "another program has written it anew since it was opened")
        );
    }
}

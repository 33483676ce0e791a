//! The readers of files and of models, as functions of bytes. `fuzz/` looks for bytes with which one of them panics, hangs or
//! takes all memory; `tests/replay.rs` runs them on what was found.
//!
//! Most bytes are no file. So the input says how to change a small file that is right (`edit`), and what is checked before
//! the change matters, a checksum or a length, is then put right. An input that is JSON or a file by itself is read as it is.

mod data;
mod edit;
mod images;
mod models;
mod networks;

use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

pub use networks::refused;

/// A reader of files, as a function of an input.
pub type Reader = fn(&[u8]);

/// All readers, by the names of their targets and of the folders of their inputs.
pub const READERS: [(&str, Reader); 8] = [
    ("bank", networks::bank),
    ("checkpoint", networks::checkpoint),
    ("csv", data::csv),
    ("fits", images::fits),
    ("model", models::expand),
    ("npy", images::npy),
    ("posterior", networks::posterior),
    ("serde", data::serde),
];

/// Runs the reader of a name on an input.
pub fn read(name: &str, input: &[u8]) {
    READERS.iter().filter(|(known, _)| *known == name).for_each(|(_, read)| read(input));
}

/// Returns an empty folder, the same one for each input of a thread.
fn folder() -> PathBuf {
    thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });
    FOLDER.with(|cell| {
        let folder = cell.get_or_init(|| tempfile::tempdir().expect("a folder for files")).path().join("files");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("an empty folder for files");
        folder
    })
}

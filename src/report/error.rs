//! The errors of writing a report.

use std::path::PathBuf;

use crate::plot::PlotError;

/// Why a report cannot be written.
///
/// ```
/// use hierarch::report::{Report, ReportError};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let program = std::env::current_exe()?; // a file, so there can be no folder of this name
/// let error = Report::default().title("A survey").save(program.join("report.html")).unwrap_err();
/// assert!(matches!(&error, ReportError::Write { path, .. } if path.ends_with("report.html")));
/// println!("{error}");
/// # Ok(())
/// # }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A figure could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}

hierarch_core::debug_as_message!(ReportError);

//! Figures of posteriors, data, training and models, as SVG and PNG.
//!
//! No fonts or libraries of the system are needed: the font is embedded, text is measured with it, and the PNG is drawn
//! from the SVG itself, with the font's outlines in place of text. Each figure is a function of plain slices that
//! returns a [`Figure`]; [`Figure::save`] writes it.

mod calibration;
mod charts;
mod geometry;
mod histograms;
mod images;
mod marginals;
mod outlines;
mod pairs;
mod plate_marks;
mod plates;
mod scale;
mod window;

pub use calibration::{
    EcdfPanel, LocalCurve, LocalPanel, RankPanel, coverage_curve, ecdf_difference, local_coverage, rank_histograms,
};
pub(crate) use charts::training_curve_in;
pub use charts::{Axes, Mark, Series, data_with_fit, lines, trace, training_curve};
pub use histograms::{HistogramPanel, histograms};
pub use images::{ImageAxes, ImagePanel, images};
pub(crate) use marginals::marginals_in;
pub use marginals::{Marginal, Panel, marginals};
pub use pairs::pairs;
pub use plates::plate_diagram;

use crate::files::atomic_write;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use resvg::{tiny_skia, usvg};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Why a figure cannot be drawn or written.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The drawing library failed.
    #[error("cannot draw the figure: {0}")]
    Draw(String),
    /// The numbers of bins and edges of a histogram do not match.
    #[error("{counts} bins need {} edges, not {edges}", counts + 1)]
    Bins {
        /// The number of edges.
        edges: usize,
        /// The number of bins.
        counts: usize,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}

hierarch_core::debug_as_message!(PlotError);

/// A finished figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    svg: String,
}

impl Figure {
    #[cfg(test)]
    pub(crate) fn from_svg(svg: String) -> Self {
        Self { svg }
    }

    /// Returns the figure as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Returns the figure as the bytes of a PNG file, at two dots for each unit of the SVG.
    ///
    /// # Errors
    /// [`PlotError::Draw`] if the figure is too large to draw.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let tree =
            usvg::Tree::from_str(&outlines::outlined(&self.svg)?, &usvg::Options::default()).map_err(draw_error)?;
        let size = tree.size().to_int_size();
        let mut pixels = tiny_skia::Pixmap::new(size.width() * 2, size.height() * 2)
            .ok_or_else(|| draw_error("the figure is too large"))?;
        resvg::render(&tree, tiny_skia::Transform::from_scale(2.0, 2.0), &mut pixels.as_mut());
        pixels.encode_png().map_err(draw_error)
    }

    /// Writes `path.svg` and `path.png`, each completely or not at all, and creates their folder if needed.
    ///
    /// `path` has no extension; the two extensions are appended to it.
    ///
    /// # Errors
    /// [`PlotError::Write`] with the file that could not be written, [`PlotError::Draw`] as for [`Figure::png`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        let png = self.png()?;
        for (suffix, bytes) in [(".svg", self.svg.as_bytes()), (".png", png.as_slice())] {
            let path = with_suffix(path.as_ref(), suffix);
            atomic_write(&path, bytes).map_err(|source| PlotError::Write { path, source })?;
        }
        Ok(())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn draw_error(error: impl ToString) -> PlotError {
    PlotError::Draw(error.to_string())
}

const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");
/// The fonts that the SVG requests: where the first is missing, the reader gets one of nearly the same widths.
const FAMILIES: &str = "DejaVu Sans, Verdana, sans-serif";

/// Whether plotters accepted the embedded font.
static REGISTERED: LazyLock<bool> = LazyLock::new(|| register_font(FAMILIES, FontStyle::Normal, FONT).is_ok());

/// The text style of `size` pixels.
fn font(size: f64) -> TextStyle<'static> {
    LazyLock::force(&REGISTERED);
    // plotters writes a 1.24th of the given size into the SVG.
    (FAMILIES, size * 1.24 * SCALE).into_font().color(&INK)
}

/// The width of `text` in pixels; an overestimate rather than an underestimate.
fn width(text: &str, size: f64) -> f64 {
    font(size).font.box_size(text).map_or(0.6 * size * text.chars().count() as f64, |(w, _)| f64::from(w) / SCALE)
}

/// plotters places things at integer coordinates only: the canvas is this many times the figure, for smooth curves.
const SCALE: f64 = 4.0;

/// `x` pixels on the canvas.
fn px(x: f64) -> i32 {
    (x * SCALE).round() as i32
}

const INK: RGBColor = RGBColor(30, 30, 30);
const GRID: RGBColor = RGBColor(225, 225, 225);

/// The colours of Okabe & Ito (2008), distinguishable with any colour vision.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

fn colour(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A figure of `width` by `height` pixels that `paint` draws on white.
fn figure(
    (width, height): (f64, f64),
    paint: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<Figure, PlotError> {
    figure_over((width, height), |area| paint(area).map(|()| String::new()))
}

/// Creates a figure where `paint` also returns SVG elements in units of the canvas, for what plotters cannot draw. They
/// are above the white background, and below all that plotters draws.
fn figure_over(
    (width, height): (f64, f64),
    paint: impl FnOnce(&Area<'_>) -> Result<String, PlotError>,
) -> Result<Figure, PlotError> {
    let mut svg = String::new();
    let size = (px(width) as u32, px(height) as u32);
    let below = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(draw_error)?;
        let below = paint(&area)?;
        area.present().map_err(draw_error)?;
        below
    };
    // The first element is the white background.
    let white = svg.find("/>").map_or(svg.len(), |at| at + 2);
    svg.insert_str(white, &below);
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    // Half an x-height lifts digits and capitals above the line on which they should be centred.
    let centred = svg.replace("dy=\"0.5ex\"", "dy=\"0.36em\"");
    Ok(Figure { svg: centred.replacen(&drawn, &format!("width=\"{width}\" height=\"{height}\""), 1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn saves_both_files_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let figure = training_curve(&[(100.0, 2.0), (1000.0, 1.0)], &[]).unwrap();
        figure.save(folder.path().join("new/a.b")).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path().join("new")).unwrap().map(|f| f.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.b.png", "a.b.svg"]);
        assert_eq!(fs::read_to_string(folder.path().join("new/a.b.svg")).unwrap(), figure.svg());
    }

    #[test]
    fn names_the_file_that_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let figure = training_curve(&[], &[]).unwrap();
        let error = figure.save(folder.path().join("file/a")).unwrap_err();
        assert!(error.to_string().contains("a.svg"), "{error}");
    }

    #[test]
    fn measures_text_with_the_embedded_font() {
        assert!(*REGISTERED);
        let (narrow, wide) = (width("iii", 16.0), width("WWW", 16.0));
        assert!(narrow > 5.0 && wide > 3.0 * narrow, "{narrow} {wide}");
    }
}

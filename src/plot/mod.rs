//! Figures of posteriors, data, training and models, as SVG and PNG.
//!
//! Nothing is asked of the system: the font is embedded, text is measured with it, and the PNG is drawn from the very SVG, with
//! the font's outlines in place of text. Each figure is a function of plain slices that returns a [`Figure`];
//! [`Figure::save`] writes it.

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

use crate::files::atomic_write_all;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use resvg::{tiny_skia, usvg};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Why a figure could not be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The drawing library refused.
    #[error("cannot draw the figure: {0}")]
    Draw(String),
    /// A histogram whose bins and edges do not belong together.
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
        /// What the system said.
        source: std::io::Error,
    },
}

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

    /// The figure as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The figure as the bytes of a PNG file, at two dots for each unit of the SVG.
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

    /// Writes `path.svg` and `path.png`, each whole or not at all, and the folder they are in if need be.
    ///
    /// `path` has no extension; what is added is added to its end.
    ///
    /// # Errors
    /// [`PlotError::Write`] with the file that could not be written, [`PlotError::Draw`] as for [`Figure::png`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        let png = self.png()?;
        let name = |suffix| with_suffix(path.as_ref(), suffix);
        atomic_write_all(&[(name(".svg"), self.svg.as_bytes()), (name(".png"), png.as_slice())])
            .map_err(|(path, source)| PlotError::Write { path, source })
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
/// What the SVG asks for: where the font is missing, the reader gets one of nearly the same widths.
const FAMILIES: &str = "DejaVu Sans, Verdana, sans-serif";

/// Whether plotters took the embedded font.
static REGISTERED: LazyLock<bool> = LazyLock::new(|| register_font(FAMILIES, FontStyle::Normal, FONT).is_ok());

/// The text style of `size` pixels.
fn font(size: f64) -> TextStyle<'static> {
    LazyLock::force(&REGISTERED);
    // plotters writes a 1.24th of the size it is given into the SVG.
    (FAMILIES, size * 1.24 * SCALE).into_font().color(&INK)
}

/// The width of `text` in pixels; a little too much rather than too little.
fn width(text: &str, size: f64) -> f64 {
    font(size).font.box_size(text).map_or(0.6 * size * text.chars().count() as f64, |(w, _)| f64::from(w) / SCALE)
}

/// plotters places things on whole units only: the canvas is this many times the figure, for smooth curves.
const SCALE: f64 = 4.0;

/// `x` pixels on the canvas.
fn px(x: f64) -> i32 {
    (x * SCALE).round() as i32
}

const INK: RGBColor = RGBColor(30, 30, 30);
const GRID: RGBColor = RGBColor(225, 225, 225);

/// The colours of Okabe & Ito (2008), told apart with any colour vision.
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

/// The same, where `paint` returns elements of SVG in units of the canvas, for what plotters has no words for. They stand on
/// the white, below all that it draws.
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
    // The first element is the white.
    let white = svg.find("/>").map_or(svg.len(), |at| at + 2);
    svg.insert_str(white, &below);
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    // Half an x-height lifts figures and capitals above the line they should be centred on.
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

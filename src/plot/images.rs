//! Images with points and curves drawn on top.

use super::charts::{Item, Mark, Series, framed, heading, legend_width, paint, widest};
use super::scale::{Scale, span};
use super::window::Window;
use super::{Area, Axes, Figure, INK, PlotError, colour, draw_error, figure_over, font, px, width};
use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

/// The side of a square image in pixels, and the gap between two images.
const SIDE: f64 = 256.0;
const GAP: f64 = 16.0;
/// The margin at the left, at the right and below.
const EDGE: f64 = 8.0;
/// The height above an image for its title, and below the last for numbers and the name of the axis.
const TITLE: f64 = 28.0;
const BELOW: f64 = 54.0;
/// The width of the colour bar.
const BAR: f64 = 18.0;
/// The least and the greatest radius of a point.
const RADII: Range<f64> = 2.5..9.0;
/// The number of colours.
const LEVELS: usize = 256;

/// The colours of viridis (Smith & van der Walt 2015, CC0) at equal steps, perceptually uniform with any colour vision;
/// interpolation between them is within 7 of 255 of the full table.
const VIRIDIS: [(u8, u8, u8); 16] = [
    (68, 1, 84),
    (72, 26, 108),
    (71, 47, 125),
    (65, 68, 135),
    (57, 86, 140),
    (49, 104, 142),
    (42, 120, 142),
    (35, 136, 142),
    (31, 152, 139),
    (34, 168, 132),
    (53, 183, 121),
    (84, 197, 104),
    (122, 209, 81),
    (165, 219, 54),
    (210, 226, 27),
    (253, 231, 37),
];

/// The words of a figure of images, and the size of their pixels.
#[derive(Clone, Copy, Debug)]
pub struct ImageAxes<'a> {
    /// The title above the images; may be empty.
    pub title: &'a str,
    /// The side of a pixel, in the unit of length.
    pub pixel: f64,
    /// The unit of length: `arcsec`.
    pub length: &'a str,
    /// What the colours mean: `photons`.
    pub value: &'a str,
    /// What the sizes of points mean: `log10 of the mass of a subhalo [solar masses]`.
    pub size: &'a str,
}

/// One image, and what is drawn on it in units of length, measured from its centre to the right and up.
#[derive(Clone, Copy, Debug)]
pub struct ImagePanel<'a, const HEIGHT: usize, const WIDTH: usize> {
    /// The title above it; may be empty.
    pub title: &'a str,
    /// The rows, the lowest first; pixels that are not finite stay white.
    pub pixels: &'a [[f32; WIDTH]; HEIGHT],
    /// Points (x, y, size), drawn as circles; those outside are left out.
    pub points: &'a [(f64, f64, f64)],
    /// Curves, such as a critical curve. Those of one label have one colour in all panels.
    pub curves: &'a [Series<'a>],
}

impl<'a, const HEIGHT: usize, const WIDTH: usize> ImagePanel<'a, HEIGHT, WIDTH> {
    /// Creates an image with nothing drawn on it.
    pub fn new(title: &'a str, pixels: &'a [[f32; WIDTH]; HEIGHT]) -> Self {
        Self { title, pixels, points: &[], curves: &[] }
    }
}

/// Draws images side by side, with one scale of colours (viridis) and one of sizes for all of them.
///
/// ```
/// use hierarch::plot::{ImageAxes, ImagePanel, Mark, Series, images};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pixels = [[0.0, 2.0, 1.0], [1.0, 5.0, 2.0]]; // two rows of three
/// let edge = [(-0.5, -0.5), (0.5, 0.5)];
/// let curves = [Series::new("edge", Mark::Dashed, &edge)];
/// let panel = ImagePanel { curves: &curves, ..ImagePanel::new("first", &pixels) };
/// let axes = ImageAxes { title: "two images", pixel: 0.5, length: "arcsec", value: "photons", size: "mass" };
/// let figure = images(&axes, &[panel, ImagePanel::new("second", &pixels)])?;
/// assert!(figure.svg().contains("two images") && figure.svg().contains("second"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`PlotError::Draw`].
pub fn images<const HEIGHT: usize, const WIDTH: usize>(
    axes: &ImageAxes<'_>,
    panels: &[ImagePanel<'_, HEIGHT, WIDTH>],
) -> Result<Figure, PlotError> {
    let columns = if panels.len() <= 3 { panels.len().max(1) } else { (panels.len() as f64).sqrt().ceil() as usize };
    let rows = panels.len().div_ceil(columns).max(1);
    let values = span(panels.iter().flat_map(|p| p.pixels.as_flattened()).map(|v| f64::from(*v)), false, 0.0);
    let extent = |pixels: usize| {
        let half = 0.5 * axes.pixel * pixels as f64;
        -half..half
    };
    let window = Window { x: extent(WIDTH), y: extent(HEIGHT), log: (false, false) };
    let scales = [&window.x, &window.y].map(|range| Scale::new(range, false, 4));
    let bar = Scale::new(&values, false, 6);
    let labels = labels(panels);
    let legend: Vec<_> = labels.iter().enumerate().map(|(i, (label, mark))| (*label, curve(i), *mark)).collect();
    let sizes = Sizes::new(axes.size, panels.iter().flat_map(|p| p.points).map(|p| p.2));

    let side = |pixels: usize| SIDE * pixels as f64 / HEIGHT.max(WIDTH).max(1) as f64;
    let (wide, high) = (side(WIDTH), side(HEIGHT));
    let at_y = 34.0 + widest(&scales[1]);
    let at_bar = GAP + BAR + widest(&bar) + 46.0;
    let content = EDGE + at_y + (wide + GAP) * columns as f64 - GAP + at_bar;
    // One image may be narrower than the title above it.
    let words = width(axes.title, 19.0).max(legend_width(&legend)).max(sizes.as_ref().map_or(0.0, Sizes::width));
    let across = content.max(words + 24.0);
    let left = (across - content) / 2.0 + EDGE + at_y;
    let lines = [(!axes.title.is_empty(), 30.0), (legend_width(&legend) > 0.0, 26.0), (sizes.is_some(), 30.0)];
    let above = 10.0 + lines.iter().filter(|line| line.0).map(|line| line.1).sum::<f64>();
    figure_over((across, above + (TITLE + high) * rows as f64 + BELOW + EDGE), |area| {
        heading(area, axes.title, &legend, across)?;
        if let Some(sizes) = &sizes {
            sizes.draw(area, (across / 2.0, above - 18.0))?;
        }
        let mut rasters = String::new();
        for (i, panel) in panels.iter().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let (x, y) = (left + (wide + GAP) * column as f64, above + TITLE + (high + TITLE) * row as f64);
            write_raster(&mut rasters, panel.pixels, &values, (x, y), (wide, high));
            let centred = font(16.0).pos(Pos::new(HPos::Center, VPos::Center));
            let title = Text::new(panel.title, (px(x + wide / 2.0), px(y - TITLE / 2.0)), centred);
            area.draw(&title).map_err(draw_error)?;

            // Numbers and names are at the left of a row, and below the last image of a column.
            let (at_y, at_x) =
                (if column == 0 { at_y } else { 0.0 }, if i + columns < panels.len() { 0.0 } else { BELOW });
            let name = |axis, room| if room > 0.0 { format!("{axis} [{}]", axes.length) } else { String::new() };
            let names = (name("x", at_x), name("y", at_y));
            let numbers = |scale: &Scale, room| if room > 0.0 { scale.clone() } else { scale.bare() };
            let scales = (numbers(&scales[0], at_x), numbers(&scales[1], at_y));
            let (corner, room) = ((px(x) - px(at_y), px(y)), (px(at_y) + px(wide), px(at_x) + px(high)));
            let framing = area.clone().shrink(corner, room);
            let names = Axes { x: &names.0, y: &names.1, ..Axes::default() };
            let drawn = framed(&framing, &names, scales, [0.0; 4], [at_y, at_x], false)?;

            let colour = |label| curve(labels.iter().position(|l| l.0 == label).unwrap_or(0));
            let curves = panel.curves.iter().map(|s| Item::Line(s.points.to_vec(), colour(s.label), s.mark));
            paint(area, &window, &|p| drawn.backend_coord(&p), &curves.collect::<Vec<_>>())?;
            if let Some(sizes) = &sizes {
                for &(x, y, size) in panel.points.iter().filter(|p| window.has((p.0, p.1)) && p.2.is_finite()) {
                    ring(area, drawn.backend_coord(&(x, y)), sizes.radius(size))?;
                }
            }
        }
        let corner = (across - (left - at_y - EDGE) - at_bar + GAP, above + TITLE);
        colour_bar(area, &mut rasters, axes.value, (&bar, &values), corner, (high + TITLE) * rows as f64 - TITLE)?;
        Ok(rasters)
    })
}

/// The labels of curves in the order of appearance, each once.
fn labels<'a, const HEIGHT: usize, const WIDTH: usize>(
    panels: &[ImagePanel<'a, HEIGHT, WIDTH>],
) -> Vec<(&'a str, Mark)> {
    let mut labels: Vec<(&str, Mark)> = vec![];
    for series in panels.iter().flat_map(|p| p.curves) {
        if labels.iter().all(|l| l.0 != series.label) {
            labels.push((series.label, series.mark));
        }
    }
    labels
}

/// The colour of a curve: colours that viridis does not contain come first.
fn curve(index: usize) -> RGBColor {
    colour(1 + 2 * index)
}

/// Writes pixels as one path for each colour, a line through all pixels of this colour: a third of the size of squares.
/// Edges are not smoothed, or white would show between pixels.
fn write_raster<const HEIGHT: usize, const WIDTH: usize>(
    svg: &mut String,
    pixels: &[[f32; WIDTH]; HEIGHT],
    values: &Range<f64>,
    corner: (f64, f64),
    size: (f64, f64),
) {
    let level = |value: f32| {
        let share = (f64::from(value) - values.start) / (values.end - values.start);
        value.is_finite().then_some((share.clamp(0.0, 1.0) * (LEVELS - 1) as f64).round() as usize)
    };
    let mut paths = BTreeMap::<usize, String>::new();
    for (row, pixels) in pixels.iter().rev().enumerate() {
        let mut column = 0;
        for run in pixels.chunk_by(|a, b| level(*a) == level(*b)) {
            if let Some(level) = level(run[0]) {
                // Writing to a string cannot fail.
                let _ = write!(paths.entry(level).or_default(), "M{column} {row}h{}", run.len());
            }
            column += run.len();
        }
    }
    let (wide, high) = (f64::from(px(size.0)) / WIDTH as f64, f64::from(px(size.1)) / HEIGHT as f64);
    let (x, y) = (f64::from(px(corner.0)), f64::from(px(corner.1)) + 0.5 * high);
    let place = format!("translate({x} {y}) scale({wide} {high})");
    let _ = write!(svg, "\n<g transform=\"{place}\" fill=\"none\" shape-rendering=\"crispEdges\">");
    for (level, path) in paths {
        let (r, g, b) = viridis(level);
        let _ = write!(svg, "\n<path stroke=\"#{r:02x}{g:02x}{b:02x}\" d=\"{path}\"/>");
    }
    svg.push_str("\n</g>");
}

/// The colour of a level.
fn viridis(level: usize) -> (u8, u8, u8) {
    let at = (level * (VIRIDIS.len() - 1)) as f64 / (LEVELS - 1) as f64;
    let (low, high) = (VIRIDIS[at.floor() as usize], VIRIDIS[at.ceil() as usize]);
    let between = |low: u8, high: u8| (f64::from(low) + (f64::from(high) - f64::from(low)) * at.fract()).round() as u8;
    (between(low.0, high.0), between(low.1, high.1), between(low.2, high.2))
}

/// Draws the scale of the colours, from the smallest value at the bottom to the largest.
fn colour_bar(
    area: &Area<'_>,
    rasters: &mut String,
    name: &str,
    (scale, values): (&Scale, &Range<f64>),
    (x, y): (f64, f64),
    height: f64,
) -> Result<(), PlotError> {
    let step = |i: usize| (values.start + (values.end - values.start) * (i as f64 + 0.5) / LEVELS as f64) as f32;
    let column: [[f32; 1]; LEVELS] = std::array::from_fn(|i| [step(i)]);
    write_raster(rasters, &column, values, (x, y), (BAR, height));
    let (right, bottom) = (x + BAR, y + height);
    let line = INK.stroke_width(px(1.0) as u32);
    let style = font(15.0).pos(Pos::new(HPos::Left, VPos::Center));
    for (tick, label) in ticks(scale) {
        let at = scale.map(&tick, (px(bottom), px(y)));
        let mark = PathElement::new([(px(right), at), (px(right + 5.0), at)], line);
        area.draw(&mark).map_err(draw_error)?;
        area.draw(&Text::new(label, (px(right + 9.0), at), style.clone())).map_err(draw_error)?;
    }
    let middle = (px(right + 12.0 + widest(scale) + 14.0), px((y + bottom) / 2.0));
    let upright = font(16.0).transform(FontTransform::Rotate270).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw(&Text::new(name, middle, upright)).map_err(draw_error)
}

/// The scale of the sizes of points.
struct Sizes<'a> {
    name: &'a str,
    range: Range<f64>,
    examples: Vec<(f64, String)>,
}

impl<'a> Sizes<'a> {
    /// Creates the scale for points of these sizes, if there are any.
    fn new(name: &'a str, sizes: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        sizes.clone().next()?;
        let range = span(sizes, false, 0.0);
        let scale = Scale::new(&range, false, 4);
        Some(Self { name, examples: ticks(&scale), range })
    }

    /// Returns the radius of a point, in pixels.
    fn radius(&self, size: f64) -> f64 {
        let share = (size - self.range.start) / (self.range.end - self.range.start);
        RADII.start + (RADII.end - RADII.start) * share
    }

    /// Returns the width of a word or a number and the gap after it.
    fn room(word: &str) -> f64 {
        width(word, 16.0) + 18.0
    }

    /// Returns the width of the legend.
    fn width(&self) -> f64 {
        Self::room(self.name) + self.examples.iter().map(|e| 2.0 * RADII.end + 8.0 + Self::room(&e.1)).sum::<f64>()
    }

    /// Draws the legend, in a row centred at a point.
    fn draw(&self, area: &Area<'_>, (x, y): (f64, f64)) -> Result<(), PlotError> {
        let style = font(16.0).pos(Pos::new(HPos::Left, VPos::Center));
        let write = |word: &str, x: f64| area.draw(&Text::new(word, (px(x), px(y)), style.clone())).map_err(draw_error);
        let mut x = x - self.width() / 2.0;
        write(self.name, x)?;
        x += Self::room(self.name);
        for (size, label) in &self.examples {
            let (middle, radius) = ((px(x + RADII.end), px(y)), self.radius(*size));
            let (r, g, b) = VIRIDIS[1];
            let dark = Circle::new(middle, px(radius), RGBColor(r, g, b).filled());
            area.draw(&dark).map_err(draw_error)?;
            ring(area, middle, radius)?;
            x += 2.0 * RADII.end + 8.0;
            write(label, x)?;
            x += Self::room(label);
        }
        Ok(())
    }
}

/// The numbers on an axis, with their text.
fn ticks(scale: &Scale) -> Vec<(f64, String)> {
    scale.key_points(BoldPoints(0)).into_iter().zip(scale.labels()).collect()
}

/// Draws a circle that is visible on any colour.
fn ring(area: &Area<'_>, at: (i32, i32), radius: f64) -> Result<(), PlotError> {
    for (colour, thickness) in [(INK, 3.0), (WHITE, 1.4)] {
        area.draw(&Circle::new(at, px(radius), colour.stroke_width(px(thickness) as u32))).map_err(draw_error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::tiny_skia::Pixmap;

    const AXES: ImageAxes<'static> =
        ImageAxes { title: "", pixel: 0.5, length: "arcsec", value: "photons", size: "size" };

    /// The colours of dots of a figure.
    fn dots(figure: &Figure) -> Vec<(u8, u8, u8)> {
        let pixels = Pixmap::decode_png(&figure.png().unwrap()).unwrap();
        pixels.pixels().iter().map(|p| (p.red(), p.green(), p.blue())).collect()
    }

    /// The smallest value is dark, the largest bright, and the first row is the lowest: in the bar and in the image
    /// alike.
    #[test]
    fn each_pixel_has_its_colour_and_its_place() {
        let pixels = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]];
        let figure = images(&AXES, &[ImagePanel::new("", &pixels)]).unwrap();
        let dots = Pixmap::decode_png(&figure.png().unwrap()).unwrap();
        let (left, top) = (EDGE + 34.0 + widest(&Scale::new(&(-0.5..0.5), false, 4)), 10.0 + TITLE);
        let side = SIDE / 3.0;
        for (row, pixels) in pixels.iter().enumerate() {
            for (column, value) in pixels.iter().enumerate() {
                let x = left + side * (column as f64 + 0.5);
                let y = top + side * (1.5 - row as f64);
                let dot = dots.pixel((2.0 * x) as u32, (2.0 * y) as u32).unwrap();
                let level = (value / 5.0 * 255.0).round() as usize;
                assert_eq!((dot.red(), dot.green(), dot.blue()), viridis(level), "row {row}, column {column}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_colours_are_those_of_the_table() {
        assert_eq!([viridis(0), viridis(17), viridis(255)], [VIRIDIS[0], VIRIDIS[1], VIRIDIS[15]]);
    }

    /// Neither white nor a mixture shows between pixels that do not fall on whole dots.
    #[test]
    fn nothing_shows_between_pixels() {
        let figure = images(&AXES, &[ImagePanel::new("", &[[1.0; 7]; 7])]).unwrap();
        let mixed = images(&AXES, &[ImagePanel::new("", &std::array::from_fn::<_, 7, _>(|i| [(i % 2) as f32; 7]))]);
        let flat = |figure: &Figure, levels: &[usize]| {
            let colours: Vec<_> = levels.iter().map(|level| viridis(*level)).collect();
            dots(figure).iter().filter(|dot| colours.contains(dot)).count()
        };
        // All dots except those below the axes' lines, which are a pixel wide.
        let least = (2.0 * SIDE - 4.0) * (2.0 * SIDE - 4.0);
        assert!(flat(&figure, &[128]) as f64 > least);
        assert!(flat(&mixed.unwrap(), &[0, 255]) as f64 > least);
    }

    #[test]
    fn draws_whatever_it_is_given() {
        let odd = [[f32::NAN, f32::INFINITY], [-1.0, 1e30]];
        let points = [(f64::NAN, 0.0, 1.0), (0.0, 0.0, f64::NAN), (1e9, 0.0, 1.0), (0.0, 0.0, -2.0)];
        let curve = [(f64::NAN, 0.0), (0.0, 0.0), (1e9, 1e9)];
        let curves = [Series::new("<&>", Mark::Dashed, &curve), Series::new("", Mark::Line, &[])];
        for pixels in [&odd, &[[f32::NAN; 2]; 2], &[[0.0; 2]; 2]] {
            for (points, curves) in [(&points[..], &curves[..]), (&points[..1], &[]), (&[], &curves[1..])] {
                let panel = ImagePanel { title: "<&>", pixels, points, curves };
                for panels in [&[panel; 5][..], &[panel], &[]] {
                    for pixel in [1.0, 0.0, f64::NAN] {
                        images(&ImageAxes { title: "<", pixel, ..AXES }, panels).unwrap().png().unwrap();
                    }
                }
            }
        }
        images::<0, 0>(&AXES, &[ImagePanel::new("", &[])]).unwrap().png().unwrap();
    }

    /// Six noisy images stay below a megabyte.
    #[test]
    fn noise_is_not_large() {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32
        };
        let pixels: [[f32; 64]; 64] = std::array::from_fn(|_| std::array::from_fn(|_| noise()));
        let figure = images(&AXES, &[ImagePanel::new("", &pixels); 6]).unwrap();
        assert!(figure.svg().len() < 500_000, "{}", figure.svg().len());
    }
}

//! Curves, points and histograms on a pair of axes.

use super::scale::{Scale, span};
use super::window::Window;
use super::{Area, Figure, GRID, INK, PlotError, SCALE, colour, draw_error, figure, font, px, width};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// Width and height of a figure with one chart.
const SIZE: (f64, f64) = (900.0, 600.0);

/// The words of a chart and the scales of its axes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Axes<'a> {
    /// The title above the chart; may be empty.
    pub title: &'a str,
    /// The name of the x axis, with the unit: `mass [GeV]`.
    pub x: &'a str,
    /// The name of the y axis, with the unit.
    pub y: &'a str,
    /// Whether x is logarithmic; points that are not positive are then left out.
    pub log_x: bool,
    /// Whether y is logarithmic.
    pub log_y: bool,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// A line through the points.
    Line,
    /// A thin line, for noisy series.
    Thin,
    /// A dashed line.
    Dashed,
    /// Dots.
    Points,
    /// Dots on a line.
    LinePoints,
}

impl Mark {
    fn has_dots(self) -> bool {
        matches!(self, Self::Points | Self::LinePoints)
    }
}

/// One labelled series of points, in the units of the axes.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Its name in the legend; empty for none.
    pub label: &'a str,
    /// How it is drawn.
    pub mark: Mark,
    /// (x, y); those that are not finite are left out.
    pub points: &'a [(f64, f64)],
    /// A shaded band (low, high), one for each point; or empty.
    pub band: &'a [(f64, f64)],
}

impl<'a> Series<'a> {
    /// Creates a series without a band.
    pub fn new(label: &'a str, mark: Mark, points: &'a [(f64, f64)]) -> Self {
        Self { label, mark, points, band: &[] }
    }

    /// Sets a band (low, high) for each point.
    pub fn band(self, band: &'a [(f64, f64)]) -> Self {
        Self { band, ..self }
    }
}

/// Draws any number of series on one pair of axes: curves with bands, or scattered points.
///
/// ```
/// use hierarch::plot::{Axes, Mark, Series, lines};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let curve: Vec<(f64, f64)> = (0..=50).map(|i| 0.1 * f64::from(i)).map(|t| (t, (-t).exp())).collect();
/// let (seen, errors) = ([(1.0, 0.4), (2.0, 0.1)], [(0.3, 0.5), (0.05, 0.15)]);
/// let series = [Series::new("fit", Mark::Line, &curve), Series::new("seen", Mark::Points, &seen).band(&errors)];
/// let figure = lines(&Axes { x: "time [s]", y: "activity", ..Axes::default() }, &series)?;
/// figure.save(std::env::temp_dir().join("hierarch-lines"))?; // .svg and .png
/// assert!(figure.svg().contains("time [s]"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`PlotError::Draw`].
pub fn lines(axes: &Axes<'_>, series: &[Series<'_>]) -> Result<Figure, PlotError> {
    let x = span(series.iter().flat_map(|s| s.points.iter().map(|p| p.0)), axes.log_x, 0.0);
    let points = series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let bands = series.iter().flat_map(|s| s.band.iter().flat_map(|b| [b.0, b.1]));
    let y = span(points.chain(bands), axes.log_y, 0.05);
    let padded = if series.iter().any(|s| s.mark.has_dots()) { span([x.start, x.end], axes.log_x, 0.03) } else { x };
    chart(axes, padded, y, None, series, SIZE)
}

/// Draws a histogram of data, as dots at the bins' centres with errors sqrt(count), under the curves of a fit.
///
/// `edges` has one number more than `counts`; the series `fits` are the expected counts in a bin as a function of x.
///
/// # Errors
/// [`PlotError::Bins`] if the lengths do not match, [`PlotError::Draw`].
pub fn data_with_fit(axes: &Axes<'_>, edges: &[f64], counts: &[f64], fits: &[Series<'_>]) -> Result<Figure, PlotError> {
    if edges.len() != counts.len() + 1 {
        return Err(PlotError::Bins { edges: edges.len(), counts: counts.len() });
    }
    let points: Vec<_> = edges.windows(2).zip(counts).map(|(e, c)| ((e[0] + e[1]) / 2.0, *c)).collect();
    let errors: Vec<_> = counts.iter().map(|c| (c - c.max(0.0).sqrt(), c + c.max(0.0).sqrt())).collect();
    let data = Series { label: "data", mark: Mark::Points, points: &points, band: &errors };
    let tops = fits.iter().flat_map(|s| s.points.iter().map(|p| p.1).chain(s.band.iter().map(|b| b.1)));
    let nought = (!axes.log_y).then_some(0.0);
    let y = span(tops.chain(errors.iter().map(|e| e.1)).chain(nought), axes.log_y, 0.04);
    let y = if axes.log_y { y } else { y.start.max(0.0)..y.end };
    chart(axes, span(edges.iter().copied(), axes.log_x, 0.0), y, Some(&data), fits, SIZE)
}

/// Draws the training and validation loss against the number of data sets seen (logarithmic): (data sets seen, loss in
/// nats).
///
/// More than 400 points of the training loss are shown as means of neighbours. If the loss starts far above its last
/// two decades, the start is cut off at the top, so that these can be read.
///
/// # Errors
/// [`PlotError::Draw`].
pub fn training_curve(training: &[(f64, f64)], validation: &[(f64, f64)]) -> Result<Figure, PlotError> {
    training_curve_in(training, validation, SIZE)
}

/// Draws the training curve on a figure of the width and height `size`.
pub(crate) fn training_curve_in(
    training: &[(f64, f64)],
    validation: &[(f64, f64)],
    size: (f64, f64),
) -> Result<Figure, PlotError> {
    let axes = Axes { title: "", x: "data sets seen", y: "loss [nats]", log_x: true, log_y: false };
    let training = thinned(training);
    let series =
        [Series::new("training", Mark::Line, &training), Series::new("validation", Mark::LinePoints, validation)];
    let shown = if validation.is_empty() { &series[..1] } else { &series };
    let points = || training.iter().chain(validation).filter(|p| p.0 > 0.0 && p.1.is_finite());
    let (x, y) = (span(points().map(|p| p.0), true, 0.0), span(points().map(|p| p.1), false, 0.0));
    let late = span(points().filter(|p| p.0 >= x.end / 100.0).map(|p| p.1), false, 0.0);
    let top = if y.end - y.start > 2.5 * (late.end - late.start) { late.end } else { y.end };
    let first = points().filter(|p| p.1 <= top).map(|p| p.0 / if top < y.end { 1.5 } else { 1.0 });
    let start = first.fold(f64::INFINITY, f64::min).clamp(x.start, x.end);
    chart(&axes, span([start, x.end], true, 0.02), span([y.start, top], false, 0.05), None, shown, size)
}

/// Returns points, x ascending, averaged over 200 equal steps of log x, if there are more than 400.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let usable: Vec<_> = points.iter().copied().filter(|p| p.0 > 0.0 && p.1.is_finite()).collect();
    let (Some(first), Some(last)) = (usable.first(), usable.last()) else { return vec![] };
    if usable.len() <= 400 {
        return usable;
    }
    let step = |p: &(f64, f64)| (200.0 * (p.0 / first.0).ln() / (last.0 / first.0).ln()).floor().min(199.0);
    let mean = |run: &[(f64, f64)]| {
        let n = run.len() as f64;
        (run.iter().map(|p| p.0).sum::<f64>() / n, run.iter().map(|p| p.1).sum::<f64>() / n)
    };
    usable.chunk_by(|a, b| step(a) == step(b)).map(mean).collect()
}

/// Draws the draws of one parameter in their order, with a colour for each chain; shape (chains, draws).
///
/// # Errors
/// [`PlotError::Draw`].
pub fn trace<C: AsRef<[f64]>>(parameter: &str, chains: &[C]) -> Result<Figure, PlotError> {
    let numbered = |c: &C| c.as_ref().iter().enumerate().map(|(i, x)| (i as f64, *x)).collect::<Vec<_>>();
    let points: Vec<_> = chains.iter().map(numbered).collect();
    let labels: Vec<_> = (1..=chains.len()).map(|k| format!("chain {k}")).collect();
    let series: Vec<_> = points.iter().zip(&labels).map(|(p, l)| Series::new(l, Mark::Thin, p)).collect();
    lines(&Axes { x: "draw", y: parameter, ..Axes::default() }, &series)
}

/// The width of a legend in one row, zero without entries.
pub(super) fn legend_width(entries: &[(&str, RGBColor, Mark)]) -> f64 {
    entries.iter().filter(|e| !e.0.is_empty()).map(needs).sum()
}

/// The width of an entry of a legend.
fn needs(entry: &(&str, RGBColor, Mark)) -> f64 {
    64.0 + width(entry.0, 16.0)
}

/// Draws title and legend above a chart, in as many rows as needed; returns their height in pixels.
pub(super) fn heading(
    area: &Area<'_>,
    title: &str,
    entries: &[(&str, RGBColor, Mark)],
    total: f64,
) -> Result<f64, PlotError> {
    let mut y = 10.0;
    let at = |h, v| Pos::new(h, v);
    if !title.is_empty() {
        let style = font(19.0).pos(at(HPos::Center, VPos::Center));
        area.draw(&Text::new(title, (px(total / 2.0), px(y + 12.0)), style)).map_err(draw_error)?;
        y += 30.0;
    }
    let entries: Vec<_> = entries.iter().filter(|e| !e.0.is_empty()).collect();
    let mut rest = &entries[..];
    while !rest.is_empty() {
        // As many as fit a row, and at least one.
        let mut sum = 0.0;
        let fits = rest.iter().take_while(|e| {
            sum += needs(e);
            sum <= total - 20.0
        });
        let (row, later) = rest.split_at(fits.count().max(1));
        let mut x = (total - row.iter().map(|e| needs(e)).sum::<f64>()) / 2.0 + 12.0;
        for entry in row {
            let (label, colour, mark) = **entry;
            let line = [(px(x), px(y + 12.0)), (px(x + 30.0), px(y + 12.0))];
            stroke(area, &[line.to_vec()], colour, mark)?;
            if mark.has_dots() {
                let dot = Circle::new((px(x + 15.0), px(y + 12.0)), px(3.5), colour.filled());
                area.draw(&dot).map_err(draw_error)?;
            }
            let style = font(16.0).pos(at(HPos::Left, VPos::Center));
            area.draw(&Text::new(label, (px(x + 38.0), px(y + 12.0)), style)).map_err(draw_error)?;
            x += needs(entry);
        }
        y += 26.0;
        rest = later;
    }
    Ok(y)
}

/// Lines in canvas units.
fn stroke(area: &Area<'_>, lines: &[Vec<(i32, i32)>], colour: RGBColor, mark: Mark) -> Result<(), PlotError> {
    let style = colour.stroke_width(px(if mark == Mark::Thin { 1.0 } else { 2.0 }) as u32);
    for line in lines {
        match mark {
            Mark::Points => {}
            Mark::Dashed => {
                for dash in dashes(line, 8.0 * SCALE, 5.0 * SCALE) {
                    area.draw(&PathElement::new(dash, style)).map_err(draw_error)?;
                }
            }
            _ => area.draw(&PathElement::new(line.clone(), style)).map_err(draw_error)?,
        }
    }
    Ok(())
}

/// The pieces of a line for a pattern of `on` and `off`; plotters' own dashes restart at each point.
fn dashes(line: &[(i32, i32)], on: f64, off: f64) -> Vec<Vec<(i32, i32)>> {
    let mut pieces: Vec<Vec<(i32, i32)>> = line.first().map(|p| vec![*p]).into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for ends in line.windows(2) {
        let (dx, dy) = (f64::from(ends[1].0 - ends[0].0), f64::from(ends[1].1 - ends[0].1));
        let length = dx.hypot(dy);
        let at = |s: f64| {
            let t = if length > 0.0 { s / length } else { 0.0 };
            (ends[0].0 + (t * dx).round() as i32, ends[0].1 + (t * dy).round() as i32)
        };
        let mut done = 0.0;
        while length - done > left {
            done += left;
            match pieces.last_mut() {
                Some(piece) if drawing => piece.push(at(done)),
                _ => pieces.push(vec![at(done)]),
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if let Some(piece) = pieces.last_mut().filter(|_| drawing) {
            piece.push(ends[1]);
        }
    }
    pieces
}

fn chart(
    axes: &Axes<'_>,
    x: Range<f64>,
    y: Range<f64>,
    data: Option<&Series<'_>>,
    series: &[Series<'_>],
    size: (f64, f64),
) -> Result<Figure, PlotError> {
    let coloured = series.iter().enumerate().map(|(i, s)| (s.label, colour(i), s.mark));
    let legend: Vec<_> = data.iter().map(|d| (d.label, INK, d.mark)).chain(coloured).collect();
    let (mut bands, mut lines, mut dots) = (vec![], vec![], vec![]);
    for (i, s) in series.iter().enumerate() {
        if !s.band.is_empty() {
            bands.push(Item::Band(bounded(s), colour(i)));
        }
        lines.push(Item::Line(s.points.to_vec(), colour(i), s.mark));
        if s.mark.has_dots() {
            dots.push(Item::Dots(s.points.to_vec(), colour(i)));
        }
    }
    if let Some(data) = data {
        lines.push(Item::Errors(bounded(data), INK));
        dots.push(Item::Dots(data.points.to_vec(), INK));
    }
    let items = bands.into_iter().chain(lines).chain(dots).collect();
    let chart = Chart { axes: *axes, window: Window { x, y, log: (axes.log_x, axes.log_y) }, y_numbers: true, items };
    charts(axes.title, &legend, &[chart], 1, size)
}

/// The points of a series with their bounds: (x, low, high).
fn bounded(series: &Series<'_>) -> Vec<(f64, f64, f64)> {
    series.points.iter().zip(series.band).map(|(p, b)| (p.0, b.0, b.1)).collect()
}

/// What is drawn between the axes of a chart.
pub(super) enum Item {
    /// A shaded band (x, low, high).
    Band(Vec<(f64, f64, f64)>, RGBColor),
    /// Bars from zero to a height, between edges; there is one more edge than heights.
    Bars(Vec<f64>, Vec<f64>, RGBColor),
    /// A line through points.
    Line(Vec<(f64, f64)>, RGBColor, Mark),
    /// Vertical lines (x, low, high).
    Errors(Vec<(f64, f64, f64)>, RGBColor),
    /// Dots.
    Dots(Vec<(f64, f64)>, RGBColor),
}

/// A pair of axes with the items between them.
pub(super) struct Chart<'a> {
    pub axes: Axes<'a>,
    pub window: Window,
    /// Whether the y axis has numbers.
    pub y_numbers: bool,
    pub items: Vec<Item>,
}

/// Draws charts in rows of `columns`, with one title and legend above them, on a figure of the width and height `size`.
/// The charts' own titles are not drawn.
pub(super) fn charts(
    title: &str,
    legend: &[(&str, RGBColor, Mark)],
    charts: &[Chart<'_>],
    columns: usize,
    size: (f64, f64),
) -> Result<Figure, PlotError> {
    let rows = charts.len().div_ceil(columns).max(1);
    figure(size, |area| {
        let top = heading(area, title, legend, size.0)?;
        let (_, area) = area.split_vertically(px(top));
        for (chart, area) in charts.iter().zip(area.split_evenly((rows, columns))) {
            let drawn = frame(&area, &chart.axes, &chart.window, chart.y_numbers)?;
            paint(&area, &chart.window, &|p| drawn.backend_coord(&p), &chart.items)?;
        }
        Ok(())
    })
}

/// The width and height of charts in rows of `columns`, below a legend.
pub(super) fn grid(charts: usize, columns: usize) -> (f64, f64) {
    (450.0 * columns as f64, 60.0 + 350.0 * charts.div_ceil(columns).max(1) as f64)
}

/// The number of charts in a row: three at most. Four look better as a square than as a row and a remainder.
pub(super) fn columns(charts: usize) -> usize {
    if charts == 4 { 2 } else { charts.clamp(1, 3) }
}

/// Draws the grid, numbers and names of a chart's axes; without numbers at y unless `y_numbers`.
fn frame<'a, 'b>(
    area: &'b Area<'a>,
    axes: &Axes<'_>,
    window: &Window,
    y_numbers: bool,
) -> Result<ChartContext<'b, SVGBackend<'a>, Cartesian2d<Scale, Scale>>, PlotError> {
    let (w, h) = area.dim_in_pixel();
    let x = Scale::new(&window.x, window.log.0, (f64::from(w) / SCALE / 90.0) as usize);
    let y = Scale::new(&window.y, window.log.1, if y_numbers { (f64::from(h) / SCALE / 55.0) as usize } else { 0 });
    // A number at either end of the x axis extends half its width beyond it.
    let beyond = widest(&x) / 2.0 + 8.0;
    let name = if axes.y.is_empty() { 0.0 } else { 26.0 };
    let left = name + if y_numbers { widest(&y) + 14.0 } else { 6.0 };
    framed(area, axes, (x, y), [(beyond - left).max(8.0), beyond.max(20.0), 8.0, 8.0], [left, 54.0], true)
}

/// The width of the widest number of an axis.
pub(super) fn widest(scale: &Scale) -> f64 {
    scale.labels().iter().map(|l| width(l, 15.0)).fold(0.0, f64::max)
}

/// Draws the axes with given margins (left, right, top, bottom), space for numbers and names at the left and below
/// (without it there are none), and with or without a grid.
pub(super) fn framed<'a, 'b>(
    area: &'b Area<'a>,
    axes: &Axes<'_>,
    (x, y): (Scale, Scale),
    [left, right, top, bottom]: [f64; 4],
    [at_y, at_x]: [f64; 2],
    grid: bool,
) -> Result<ChartContext<'b, SVGBackend<'a>, Cartesian2d<Scale, Scale>>, PlotError> {
    let (x_label, y_label) = (x.labeller(), y.labeller());
    let (columns, rows) = (x.labels().len(), y.labels().len());
    let mut chart = ChartBuilder::on(area)
        .margin_left(px(left))
        .margin_right(px(right))
        .margin_top(px(top))
        .margin_bottom(px(bottom))
        .x_label_area_size(px(at_x))
        .y_label_area_size(px(at_y))
        .build_cartesian_2d(x, y)
        .map_err(draw_error)?;
    let line = if grid { GRID.to_rgba() } else { TRANSPARENT };
    chart
        .configure_mesh()
        .x_labels(columns)
        .y_labels(rows)
        .max_light_lines(0)
        .bold_line_style(line.stroke_width(px(1.0) as u32))
        .axis_style(INK.stroke_width(px(1.0) as u32))
        .set_all_tick_mark_size(px(5.0))
        .label_style(font(15.0))
        .axis_desc_style(font(16.0))
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .x_desc(axes.x)
        .y_desc(axes.y)
        .draw()
        .map_err(draw_error)?;
    Ok(chart)
}

/// Draws the items between the axes, in order.
pub(super) fn paint(
    area: &Area<'_>,
    window: &Window,
    place: &dyn Fn((f64, f64)) -> (i32, i32),
    items: &[Item],
) -> Result<(), PlotError> {
    // A chart's coordinates are relative to the corner of the whole figure.
    let canvas = area.use_screen_coord();
    for item in items {
        match item {
            Item::Band(points, colour) => {
                let inside = points.iter().filter(|p| window.has_x(p.0) && p.1.is_finite() && p.2.is_finite());
                let edge: Vec<_> = inside.map(|p| (p.0, window.clamp_y(p.1), window.clamp_y(p.2))).collect();
                let (low, high) =
                    (edge.iter().map(|e| place((e.0, e.1))), edge.iter().rev().map(|e| place((e.0, e.2))));
                let outline: Vec<_> = low.chain(high).collect();
                canvas.draw(&Polygon::new(outline, colour.mix(0.2))).map_err(draw_error)?;
            }
            Item::Bars(edges, heights, colour) => {
                let top = edges.windows(2).zip(heights).flat_map(|(e, h)| [(e[0], *h), (e[1], *h)]);
                let ends = [edges.first(), edges.last()].map(|x| x.map(|x| (*x, 0.0)));
                let outline: Vec<_> = ends[0].into_iter().chain(top).chain(ends[1]).collect();
                let inside =
                    outline.iter().map(|p| place((p.0.clamp(window.x.start, window.x.end), window.clamp_y(p.1))));
                canvas.draw(&Polygon::new(inside.collect::<Vec<_>>(), colour.mix(0.35))).map_err(draw_error)?;
                stroke(&canvas, &placed(window, place, &outline), *colour, Mark::Line)?;
            }
            Item::Line(points, colour, mark) => stroke(&canvas, &placed(window, place, points), *colour, *mark)?,
            Item::Errors(points, colour) => {
                for p in points.iter().filter(|p| window.has_x(p.0) && p.1 <= window.y.end && p.2 >= window.y.start) {
                    let bar = [p.1, p.2].map(|y| place((p.0, window.clamp_y(y))));
                    canvas.draw(&PathElement::new(bar, colour.stroke_width(px(1.3) as u32))).map_err(draw_error)?;
                }
            }
            Item::Dots(points, colour) => {
                // Many dots are small and transparent.
                let (size, alpha) = if points.len() > 300 { (2.2, 0.5) } else { (3.5, 1.0) };
                for p in points.iter().filter(|p| window.has(**p)) {
                    let dot = Circle::new(place(*p), px(size), colour.mix(alpha).filled());
                    canvas.draw(&dot).map_err(draw_error)?;
                }
            }
        }
    }
    Ok(())
}

/// The pieces of a line that are inside, on the canvas.
fn placed(window: &Window, place: &dyn Fn((f64, f64)) -> (i32, i32), line: &[(f64, f64)]) -> Vec<Vec<(i32, i32)>> {
    window.clip(line).iter().map(|l| l.iter().map(|p| place(*p)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_whatever_it_is_given() {
        let odd = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (-1.0, 0.0), (2.0, 2.0)];
        for (log_x, log_y) in [(false, false), (true, false), (false, true), (true, true)] {
            let axes = Axes { log_x, log_y, ..Axes::default() };
            for points in [&odd[..], &odd[..1], &[], &[(5.0, 5.0)]] {
                lines(&axes, &[Series::new("<&>", Mark::LinePoints, points)]).unwrap().png().unwrap();
            }
        }
        assert!(matches!(data_with_fit(&Axes::default(), &[0.0], &[1.0], &[]), Err(PlotError::Bins { .. })));
    }
}

//! Posteriors of pairs of parameters.

use super::charts::{Axes, Item, Mark, framed, heading, paint, widest};
use super::marginals::{Marginal, bells, shown};
use super::scale::Scale;
use super::window::Window;
use super::{Figure, INK, Panel, PlotError, colour, figure, px};
use plotters::prelude::RGBColor;
use std::collections::HashMap;
use std::ops::Range;

/// The shares of the draws that contours contain.
const LEVELS: [f64; 2] = [0.5, 0.9];
/// Cells along each axis in which draws are counted, and the width of one panel in pixels.
const CELLS: usize = 80;
const PANEL: f64 = 190.0;

/// Draws the posteriors of all pairs of parameters: on the diagonal each parameter's marginal, below it the regions of
/// highest density that contain 50 % and 90 % of the draws, by a kernel density estimate.
///
/// The panels are those of [`marginals`](super::marginals). Each label has draws in every panel, and its i-th draws in
/// all panels belong together. A line is drawn as a cross where both parameters have it.
///
/// # Errors
/// [`PlotError::Draw`].
pub fn pairs(title: &str, panels: &[Panel<'_>]) -> Result<Figure, PlotError> {
    let n = panels.len().max(1);
    let ranges: Vec<Range<f64>> =
        panels.iter().map(|p| p.range.map_or_else(|| shown(p), |(low, high)| low..high)).collect();
    let labels: Vec<&str> = panels.first().map_or(vec![], |p| p.posteriors.iter().map(|b| b.0).collect());
    let mut legend: Vec<_> = labels.iter().enumerate().map(|(i, l)| (*l, colour(i), Mark::Line)).collect();
    legend.extend(panels.iter().find_map(|p| p.lines.first()).map(|l| (l.0, INK, Mark::Dashed)));
    let scales: Vec<Scale> = ranges.iter().map(|r| Scale::new(r, false, 4)).collect();
    let left = 48.0 + scales.iter().skip(1).map(widest).fold(0.0, f64::max);
    let (beyond, below) = (scales.iter().map(widest).fold(0.0, f64::max) / 2.0, 54.0);
    let size = (left + PANEL * n as f64 + beyond, PANEL * n as f64 + below + 60.0);
    figure(size, |area| {
        let top = heading(area, title, &legend, size.0)?;
        for (row, column) in (0..panels.len()).flat_map(|row| (0..=row).map(move |column| (row, column))) {
            let at_y = if column == 0 { left } else { 0.0 };
            let at_x = if row + 1 == panels.len() { below } else { 0.0 };
            let corner = (left - at_y + PANEL * column as f64, top + PANEL * row as f64);
            let room = (at_y + PANEL + if at_x > 0.0 { beyond } else { 0.0 }, PANEL + at_x);
            let (edge, right) = (if column == 0 { 8.0 } else { 0.0 }, if at_x > 0.0 { beyond } else { 0.0 });
            let area = area.clone().shrink((px(corner.0), px(corner.1)), (px(room.0), px(room.1)));
            let x = ranges[column].clone();
            let (y, items) =
                if row == column { marginal(&panels[row], &x) } else { pair(panels, row, column, &ranges) };
            let window = Window { x, y, log: (false, false) };
            let numbers = |scale: &Scale, room: f64| if room > 0.0 { scale.clone() } else { scale.bare() };
            let axes = Axes {
                x: if at_x > 0.0 { panels[column].parameter } else { "" },
                y: if at_y > 0.0 && row > 0 { panels[row].parameter } else { "" },
                ..Axes::default()
            };
            let y_scale = if row == column { Scale::new(&window.y, false, 0) } else { numbers(&scales[row], at_y) };
            let scales = (numbers(&scales[column], at_x), y_scale);
            let drawn = framed(&area, &axes, scales, [edge, right + 8.0, 8.0, 0.0], [at_y - edge, at_x], true)?;
            paint(&area, &window, &|p| drawn.backend_coord(&p), &items)?;
        }
        Ok(())
    })
}

/// The densities of one parameter, and the range of the y axis that they need.
fn marginal(panel: &Panel<'_>, x: &Range<f64>) -> (Range<f64>, Vec<Item>) {
    let (y, mut items) = bells(panel.posteriors.iter().map(|b| b.1).enumerate(), x);
    items.extend(panel.lines.iter().map(|l| Item::Line(vec![(l.1, 0.0), (l.1, y.end)], INK, Mark::Dashed)));
    (y, items)
}

/// The contours of two parameters.
fn pair(panels: &[Panel<'_>], row: usize, column: usize, ranges: &[Range<f64>]) -> (Range<f64>, Vec<Item>) {
    let (x, y) = (&ranges[column], &ranges[row]);
    let mut items = vec![];
    for (i, (label, posterior)) in panels[row].posteriors.iter().enumerate() {
        let of_column = panels[column].posteriors.iter().find(|b| b.0 == *label).map(|b| b.1);
        if let (Marginal::Draws(up), Some(Marginal::Draws(across))) = (posterior, of_column) {
            let points: Vec<_> = across.iter().copied().zip(up.iter().copied()).collect();
            items.extend(contours(&points, x, y, colour(i)));
        }
    }
    for (label, at) in &panels[row].lines {
        if let Some((_, across)) = panels[column].lines.iter().find(|l| l.0 == *label) {
            items.push(Item::Line(vec![(*across, y.start), (*across, y.end)], INK, Mark::Dashed));
            items.push(Item::Line(vec![(x.start, *at), (x.end, *at)], INK, Mark::Dashed));
        }
    }
    (y.clone(), items)
}

/// The outlines of the regions of highest density.
fn contours(points: &[(f64, f64)], x: &Range<f64>, y: &Range<f64>, colour: RGBColor) -> Vec<Item> {
    let at = |v: f64, r: &Range<f64>| (v - r.start) / (r.end - r.start) * CELLS as f64;
    let cells: Vec<(f64, f64)> =
        points.iter().map(|p| (at(p.0, x), at(p.1, y))).filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
    let density = smoothed(&cells);
    let back = |p: &(f64, f64)| {
        let of = |v: f64, r: &Range<f64>| r.start + v / CELLS as f64 * (r.end - r.start);
        (of(p.0, x), of(p.1, y))
    };
    let mut items = vec![];
    for (level, mark) in LEVELS.iter().zip([Mark::Line, Mark::Thin]) {
        for outline in outlines(&density, height(&density, *level)) {
            items.push(Item::Line(outline.iter().map(back).collect(), colour, mark));
        }
    }
    items
}

/// The density of points in units of cells, at the centres of cells with a border of empty cells: counts smoothed by a
/// Gaussian with the bandwidth of Scott (1992) for two dimensions, each axis with its own. It ends where the points do,
/// since there may be the edge of a support.
fn smoothed(points: &[(f64, f64)]) -> Vec<Vec<f64>> {
    const SIDE: usize = CELLS + 2;
    let mut density = vec![vec![0.0; SIDE]; SIDE];
    let n = points.len() as f64;
    for p in points {
        let inside = |v: f64| (0.0..CELLS as f64).contains(&v);
        if inside(p.0) && inside(p.1) {
            density[p.1 as usize + 1][p.0 as usize + 1] += 1.0;
        }
    }
    let kernel = |values: &dyn Fn(&(f64, f64)) -> f64| {
        let mean = points.iter().map(values).sum::<f64>() / n;
        let sd = (points.iter().map(|p| (values(p) - mean).powi(2)).sum::<f64>() / n).sqrt();
        let width = (sd * n.powf(-1.0 / 6.0)).clamp(0.5, CELLS as f64 / 8.0);
        let reach = (3.0 * width).ceil() as usize;
        let kernel: Vec<f64> = (0..=reach).map(|k| (-0.5 * (k as f64 / width).powi(2)).exp()).collect();
        let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f64>();
        kernel.into_iter().map(|k| k / sum).collect::<Vec<f64>>()
    };
    let held = |values: &dyn Fn(&(f64, f64)) -> f64| {
        let (low, high) = points.iter().map(values).fold((f64::INFINITY, 0f64), |(l, h), v| (l.min(v), h.max(v)));
        (low.max(0.0) as usize + 1).min(SIDE - 1)..(high as usize + 2).min(SIDE - 1)
    };
    let along = |line: &[f64], kernel: &[f64], inner: &Range<usize>| -> Vec<f64> {
        let weight = |i: usize, j: usize| kernel.get(i.abs_diff(j)).copied().unwrap_or(0.0);
        // The part that would leave is returned to the cells at the edge.
        let of = |i: usize| inner.clone().map(|j| line[j] * weight(i, j)).sum::<f64>();
        let share = |i: usize| inner.clone().map(|j| weight(i, j)).sum::<f64>();
        (0..SIDE).map(|i| if inner.contains(&i) { of(i) / share(i) } else { 0.0 }).collect()
    };
    let (across, up) = (kernel(&|p| p.0), kernel(&|p| p.1));
    let (of_x, of_y) = (held(&|p| p.0), held(&|p| p.1));
    density.iter_mut().for_each(|row| *row = along(row, &across, &of_x));
    for column in 0..SIDE {
        let line: Vec<f64> = density.iter().map(|row| row[column]).collect();
        density.iter_mut().zip(along(&line, &up, &of_y)).for_each(|(row, value)| row[column] = value);
    }
    density
}

/// The density above which the cells contain `share` of the total.
fn height(density: &[Vec<f64>], share: f64) -> f64 {
    let mut cells: Vec<f64> = density.concat();
    cells.sort_unstable_by(|a, b| b.total_cmp(a));
    let total: f64 = cells.iter().sum();
    let mut sum = 0.0;
    let last = cells.iter().position(|c| {
        sum += c;
        sum >= share * total
    });
    last.map_or(f64::INFINITY, |i| cells[i])
}

/// The contours of a function at `height`, given its values at the centres of cells: marching squares, joined end to
/// end.
fn outlines(density: &[Vec<f64>], height: f64) -> Vec<Vec<(f64, f64)>> {
    // An edge between neighbours is identified by the lower one and whether it goes up.
    type Edge = (usize, usize, bool);
    let crossing = |(row, column, up): Edge| {
        let (a, b) = (density[row][column], density[row + usize::from(up)][column + usize::from(!up)]);
        let t = (height - a) / (b - a);
        // The first cell is at -1/2.
        let (x, y) = (column as f64 - 0.5, row as f64 - 0.5);
        if up { (x, y + t) } else { (x + t, y) }
    };
    let mut next: HashMap<Edge, Edge> = HashMap::new();
    for row in 0..density.len().saturating_sub(1) {
        for column in 0..density[row].len() - 1 {
            let corners = [(0, 0), (0, 1), (1, 1), (1, 0)].map(|(r, c)| density[row + r][column + c] >= height);
            let edges: [Edge; 4] =
                [(row, column, false), (row, column + 1, true), (row + 1, column, false), (row, column, true)];
            // Around the square, a line enters where high values begin, and leaves where they end.
            for i in 0..4 {
                if !corners[i] && corners[(i + 1) % 4] {
                    let out = (1..4).map(|k| (i + k) % 4).find(|k| corners[*k] && !corners[(k + 1) % 4]);
                    if let Some(out) = out {
                        next.insert(edges[i], edges[out]);
                    }
                }
            }
        }
    }
    let mut lines = vec![];
    // In order, so that the figure is the same each time.
    let mut starts: Vec<Edge> = next.keys().copied().collect();
    starts.sort_unstable();
    for start in starts {
        let Some(mut at) = next.remove(&start) else { continue };
        let mut line = vec![crossing(start), crossing(at)];
        while let Some(to) = next.remove(&at) {
            line.push(crossing(to));
            at = to;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_whatever_it_is_given() {
        let some = [f64::NAN, f64::INFINITY, 1.0, 1.0];
        for posteriors in
            [[Marginal::Draws(&some); 2], [Marginal::Draws(&[]), Marginal::Density(&[(0.0, 1.0), (1.0, 0.0)])]]
        {
            let panel = |posterior| Panel {
                parameter: "a < b",
                posteriors: vec![("&", posterior)],
                lines: vec![("truth", f64::NAN)],
                range: None,
            };
            pairs("<&>", &posteriors.map(panel)).unwrap().png().unwrap();
        }
        pairs("", &[]).unwrap().png().unwrap();
    }

    /// A round hill is enclosed by one closed circle of the right radius.
    #[test]
    fn outlines_are_closed() {
        let hill = |r: usize, c: usize| -(r as f64 - 20.0).hypot(c as f64 - 15.0);
        let density: Vec<Vec<f64>> = (0..40).map(|r| (0..40).map(|c| hill(r, c)).collect()).collect();
        let lines = outlines(&density, -8.0);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        // The first cell is centred at -1/2.
        let radius = |p: &(f64, f64)| (p.0 - 14.5).hypot(p.1 - 19.5);
        assert!(lines[0].iter().all(|p| (radius(p) - 8.0).abs() < 0.05), "{lines:?}");
    }

    /// The contour of independent normals that contains 90 % is a circle of radius sqrt(-2 ln 0.1) = 2.15.
    #[test]
    fn contours_hold_their_share() {
        let normal = |i: usize, base: usize| {
            let (mut i, mut f, mut u) = (i + 1, 1.0, 0.0);
            while i > 0 {
                f /= base as f64;
                u += f * (i % base) as f64;
                i /= base;
            }
            u
        };
        let (mean, sd) = (CELLS as f64 / 2.0, CELLS as f64 / 10.0);
        let point = |i: usize| {
            let (r, angle) = ((-2.0 * normal(i, 2).ln()).sqrt(), std::f64::consts::TAU * normal(i, 3));
            (mean + sd * r * angle.cos(), mean + sd * r * angle.sin())
        };
        let density = smoothed(&(0..20_000).map(point).collect::<Vec<_>>());
        let lines = outlines(&density, height(&density, 0.9));
        assert_eq!(lines.len(), 1, "{lines:?}");
        for p in &lines[0] {
            let radius = (p.0 - mean).hypot(p.1 - mean) / sd;
            assert!((radius - 2.146).abs() < 0.15, "{radius}");
        }
    }
}

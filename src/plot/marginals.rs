//! Posteriors of single parameters, overlaid.

use super::charts::{Axes, Chart, Item, Mark, charts, columns, grid};
use super::scale::span;
use super::window::Window;
use super::{Figure, INK, PlotError, colour};
use crate::draws::diagnostics::quantile;
use std::ops::Range;

/// A posterior of one parameter.
#[derive(Clone, Copy, Debug)]
pub enum Marginal<'a> {
    /// Draws, shown as a kernel density estimate.
    Draws(&'a [f64]),
    /// A density as points (x, density), x ascending.
    Density(&'a [(f64, f64)]),
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// Its name, and unit if it has one: `mass [GeV]`.
    pub parameter: &'a str,
    /// Labelled posteriors. A label has the same colour in every panel.
    pub posteriors: Vec<(&'a str, Marginal<'a>)>,
    /// Labelled vertical lines, such as the truth.
    pub lines: Vec<(&'a str, f64)>,
    /// The range of the axis; if `None`, all that matters is shown.
    pub range: Option<(f64, f64)>,
}

/// Draws a panel for each parameter with its posteriors overlaid, at most three in a row.
///
/// ```
/// use hierarch::draws::Draws;
/// use hierarch::plot::{Figure, Marginal, Panel, marginals};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let draws: Vec<f64> = (0..1000).map(|i| 90.0 + f64::from(i).sin()).collect();
/// let draws = Draws::new([("mass", draws)]); // or `chains.as_draws()`
/// let density = [(88.0, 0.0), (90.0, 0.5), (92.0, 0.0)];
/// let panel = Panel {
///     parameter: "mass [GeV]",
///     posteriors: vec![("draws", Marginal::Draws(draws.get("mass")?)), ("theory", Marginal::Density(&density))],
///     lines: vec![("truth", 90.2)],
///     range: None,
/// };
/// let figure: Figure = marginals("", &[panel])?;
/// assert!(figure.svg().contains("mass [GeV]"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`PlotError::Draw`].
pub fn marginals(title: &str, panels: &[Panel<'_>]) -> Result<Figure, PlotError> {
    let columns = columns(panels.len());
    let size = if panels.len() <= 1 { (900.0, 600.0) } else { grid(panels.len(), columns) };
    marginals_in(title, panels, columns, size)
}

/// Draws the panels in rows of `columns`, on a figure of the width and height `size`.
pub(crate) fn marginals_in(
    title: &str,
    panels: &[Panel<'_>],
    columns: usize,
    size: (f64, f64),
) -> Result<Figure, PlotError> {
    let posteriors = distinct(panels.iter().flat_map(|p| p.posteriors.iter().map(|b| b.0)));
    let marks = distinct(panels.iter().flat_map(|p| p.lines.iter().map(|l| l.0)));
    let tone = |mark: usize| if mark == 0 { INK } else { colour(posteriors.len() + mark - 1) };
    let mut legend: Vec<_> = posteriors.iter().enumerate().map(|(i, b)| (*b, colour(i), Mark::Line)).collect();
    legend.extend(marks.iter().enumerate().map(|(i, m)| (*m, tone(i), Mark::Dashed)));
    let chart = |(i, panel): (usize, &'_ Panel<'_>)| {
        let x = panel.range.map_or_else(|| shown(panel), |(low, high)| span([low, high], false, 0.0));
        let (y, mut items) = bells(panel.posteriors.iter().map(|(l, b)| (place(&posteriors, l), *b)), &x);
        for (label, at) in &panel.lines {
            items.push(Item::Line(vec![(*at, 0.0), (*at, y.end)], tone(place(&marks, label)), Mark::Dashed));
        }
        let y_name = if i % columns == 0 { "posterior density" } else { "" };
        (Window { x, y, log: (false, false) }, y_name, items)
    };
    let drawn: Vec<_> = panels.iter().enumerate().map(chart).collect();
    let drawn = drawn.into_iter().zip(panels).map(|((window, y, items), panel)| {
        let axes = Axes { x: panel.parameter, y, ..Axes::default() };
        Chart { axes, window, y_numbers: false, items }
    });
    charts(title, &legend, &drawn.collect::<Vec<_>>(), columns, size)
}

/// The labels, each once, in the order in which they first appear.
fn distinct<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = vec![];
    for label in labels {
        if !seen.contains(&label) {
            seen.push(label);
        }
    }
    seen
}

fn place(seen: &[&str], label: &str) -> usize {
    seen.iter().position(|s| *s == label).unwrap_or(0)
}

/// The densities of posteriors over a range, each in the colour of its index, and the range of the y axis that they
/// need.
pub(super) fn bells<'a>(
    posteriors: impl Iterator<Item = (usize, Marginal<'a>)>,
    x: &Range<f64>,
) -> (Range<f64>, Vec<Item>) {
    let curves: Vec<_> = posteriors.map(|(i, posterior)| (colour(i), curve(posterior, x))).collect();
    let highest = curves.iter().flat_map(|c| &c.1).filter(|p| x.contains(&p.0)).map(|p| p.1);
    let y = 0.0..1.05 * span(highest.chain([0.0]), false, 0.0).end.max(1e-300);
    let drawn = curves.into_iter().flat_map(|(colour, curve)| {
        let filled = curve.iter().map(|p| (p.0, 0.0, p.1)).collect();
        [Item::Band(filled, colour), Item::Line(curve, colour, Mark::Line)]
    });
    (y, drawn.collect())
}

/// The range of an axis: the draws between their 0.1 % and 99.9 % quantiles and a margin, densities above 0.2 % of
/// their peak, and the lines.
pub(super) fn shown(panel: &Panel<'_>) -> Range<f64> {
    let ends = panel.posteriors.iter().flat_map(|(_, posterior)| match posterior {
        Marginal::Draws(draws) => {
            let sorted = sorted(draws);
            let [low, q25, q75, high] = [0.001, 0.25, 0.75, 0.999].map(|p| quantile(&sorted, p));
            // About two bandwidths, in which the estimate fades out.
            let room = 1.3 * (q75 - q25) * (sorted.len() as f64).powf(-0.2);
            vec![low - room, high + room]
        }
        Marginal::Density(points) => {
            let peak = points.iter().map(|p| p.1).filter(|d| d.is_finite()).fold(0.0, f64::max);
            points.iter().filter(|p| p.1 > 0.002 * peak).map(|p| p.0).collect()
        }
    });
    span(ends.chain(panel.lines.iter().map(|l| l.1)), false, 0.04)
}

fn sorted(draws: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = draws.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The density of a posterior over `range`, with vertical sides down to zero where it ends within.
fn curve(posterior: Marginal<'_>, range: &Range<f64>) -> Vec<(f64, f64)> {
    let inner = match posterior {
        Marginal::Density(points) => points.to_vec(),
        Marginal::Draws(draws) => kernel_density(&sorted(draws), range),
    };
    let first = inner.first().filter(|p| p.0 > range.start).map(|p| (p.0, 0.0));
    let last = inner.last().filter(|p| p.0 < range.end).map(|p| (p.0, 0.0));
    first.into_iter().chain(inner).chain(last).collect()
}

/// A Gaussian kernel density estimate of `sorted` draws, with the bandwidth of Silverman (1986, eq. 3.31).
///
/// Where the draws end while their density is still high, they end at an edge of the support. There the estimate is
/// mirrored, so that it does not fall towards the edge, and ends. Elsewhere it extends beyond the last draw.
fn kernel_density(sorted: &[f64], range: &Range<f64>) -> Vec<(f64, f64)> {
    const CELLS: usize = 2048;
    const STEPS: usize = 250;
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else { return vec![] };
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let sd = (sorted.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    let quartiles = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34;
    let spread = if quartiles > 0.0 { sd.min(quartiles) } else { sd };
    // Not below a pixel: draws with few distinct values would otherwise be needles without width.
    let h = (0.9 * spread * n.powf(-0.2)).max((range.end - range.start) / 300.0);
    let (low, high) = (range.start - 4.0 * h, range.end + 4.0 * h);
    let cell = (high - low) / CELLS as f64;
    let reach = (4.0 * h / cell).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach).map(|k| (-0.5 * (k as f64 * cell / h).powi(2)).exp()).collect();
    let norm = 1.0 / (n * h * std::f64::consts::TAU.sqrt());

    let mut counts = vec![0.0; CELLS];
    let mut add = |x: f64| {
        let at = ((x - low) / cell).floor();
        if (0.0..CELLS as f64).contains(&at) {
            counts[at as usize] += 1.0;
        }
    };
    sorted.iter().for_each(|x| add(*x));
    // Compares the draws within a bandwidth of an end with those about the median; with few draws any edge is chance.
    let within = |a: f64, b: f64| (sorted.partition_point(|x| *x <= b) - sorted.partition_point(|x| *x < a)) as f64;
    let middle = within(quantile(sorted, 0.5) - h / 2.0, quantile(sorted, 0.5) + h / 2.0);
    let edge = |count: f64| most - least > 8.0 * h && count > 0.2 * middle.max(100.0);
    let (left, right) = (edge(within(least, least + h)), edge(within(most - h, most)));
    if left {
        sorted.iter().for_each(|x| add(2.0 * least - x));
    }
    if right {
        sorted.iter().for_each(|x| add(2.0 * most - x));
    }

    let from = (if left { least } else { least - 4.0 * h }).max(range.start);
    let to = (if right { most } else { most + 4.0 * h }).min(range.end);
    let density = |i: usize| {
        let x = from + (to - from) * i as f64 / STEPS as f64;
        let centre = (((x - low) / cell).floor().max(0.0) as usize).min(CELLS - 1);
        let cells = centre.saturating_sub(reach)..(centre + reach + 1).min(CELLS);
        (x, norm * cells.map(|c| counts[c] * kernel[c.abs_diff(centre)]).sum::<f64>())
    };
    (0..=STEPS).map(density).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(n: usize) -> Vec<f64> {
        (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect()
    }

    #[test]
    fn density_of_a_uniform_is_one_up_to_its_edges() {
        let density = kernel_density(&uniform(10_000), &(-0.2..1.2));
        assert!(density.iter().all(|p| (p.1 - 1.0).abs() < 0.03), "{density:?}");
    }

    #[test]
    fn draws_whatever_it_is_given() {
        let draws = [f64::NAN, f64::INFINITY, 1.0, 1.0];
        for posterior in [
            Marginal::Draws(&draws),
            Marginal::Draws(&[]),
            Marginal::Density(&[]),
            Marginal::Density(&[(0.0, f64::NAN)]),
        ] {
            let panel = Panel {
                parameter: "a < b",
                posteriors: vec![("&", posterior)],
                lines: vec![("truth", f64::NAN)],
                range: None,
            };
            marginals("", &[panel]).unwrap().png().unwrap();
        }
        marginals("nothing", &[]).unwrap();
    }
}

//! Histograms: of data, and of replications with the observed value.

use super::charts::{Axes, Chart, Item, Mark, charts, columns, grid};
use super::scale::span;
use super::window::Window;
use super::{Figure, INK, PlotError, colour};
use crate::draws::diagnostics::quantile;

/// One histogram.
#[derive(Clone, Copy, Debug)]
pub struct HistogramPanel<'a> {
    /// The name of the quantity, with its unit: `mass [GeV]`.
    pub name: &'a str,
    /// The numbers; those that are not finite are left out.
    pub values: &'a [f64],
    /// A value marked by a line, such as that of the data among replications; `None` for no line.
    pub observed: Option<f64>,
}

/// Draws a histogram for each panel, at most three in a row. `count` names what is counted: `elements`, `replications`.
///
/// ```
/// use hierarch::plot::{HistogramPanel, histograms};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let replications = [4.0, 6.0, 5.0, 3.0, 5.0, 7.0, 4.0, 5.0]; // of a `calibration::Compared`, say
/// let panel = HistogramPanel { name: "largest energy", values: &replications, observed: Some(9.0) };
/// let figure = histograms("", "replications", &[panel])?;
/// assert!(figure.svg().contains("largest energy"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`PlotError::Draw`].
pub fn histograms(title: &str, count: &str, panels: &[HistogramPanel<'_>]) -> Result<Figure, PlotError> {
    let columns = columns(panels.len());
    let drawn: Vec<_> =
        panels.iter().enumerate().map(|(i, p)| histogram(p, if i % columns == 0 { count } else { "" })).collect();
    let observed = panels.iter().any(|p| p.observed.is_some());
    let legend = [(count, colour(0), Mark::Line), ("data", INK, Mark::Dashed)];
    charts(title, if observed { &legend } else { &[] }, &drawn, columns, grid(panels.len(), columns))
}

fn histogram<'a>(panel: &HistogramPanel<'a>, count: &'a str) -> Chart<'a> {
    let (edges, counts) = bins(panel.values);
    let top = 1.08 * counts.iter().copied().fold(1.0, f64::max);
    let x = span(edges.iter().copied().chain(panel.observed), false, 0.02);
    let mut items = vec![Item::Bars(edges, counts, colour(0))];
    if let Some(at) = panel.observed {
        items.push(Item::Line(vec![(at, 0.0), (at, top)], INK, Mark::Dashed));
    }
    let axes = Axes { x: panel.name, y: count, ..Axes::default() };
    Chart { axes, window: Window { x, y: 0.0..top, log: (false, false) }, y_numbers: true, items }
}

/// Equal bins and the number of values in each. Their width is by the rule of Freedman & Diaconis (1981), with 60 bins
/// at most, over the middle 99.8 % and values near it. Whole numbers have bins of their own where these are not too
/// many.
fn bins(values: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let all = span(sorted.iter().copied(), false, 0.0);
    let whole = sorted.iter().all(|x| x.fract() == 0.0);
    let (low, width, n) = if whole && all.end - all.start < 60.0 {
        let least = all.start.ceil();
        (least - 0.5, 1.0, (all.end.floor() - least) as usize + 1)
    } else {
        let [q0, q25, q75, q1] = [0.001, 0.25, 0.75, 0.999].map(|p| quantile(&sorted, p));
        let spread = (q1 - q0).max(1e-12 * (all.end - all.start));
        // A tail longer than the rest is cut off: its values are in the bins at the ends.
        let (low, high) = (all.start.max(q0 - 0.5 * spread), all.end.min(q1 + 0.5 * spread));
        let rule = 2.0 * (q75 - q25) / (sorted.len() as f64).cbrt();
        let n = ((high - low) / rule).ceil();
        let n = if n.is_finite() { n.clamp(8.0, 60.0) } else { 8.0 };
        let width = (high - low) / n;
        // Not finer than whole numbers.
        let width = if whole { width.ceil() } else { width };
        (if whole { low - 0.5 } else { low }, width, n as usize)
    };
    let mut counts = vec![0.0; n];
    sorted.iter().for_each(|x| counts[(((x - low) / width).max(0.0) as usize).min(n - 1)] += 1.0);
    ((0..=n).map(|i| low + width * i as f64).collect(), counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_all_values() {
        let many: Vec<f64> = (0..1000).map(|i| f64::from(i).sqrt()).collect();
        for values in [&[][..], &[3.0], &[0.25, 0.25], &[0.0, 1.0, 1.0, 4.0], &[1.0, 1e6, 2e6], &many, &[f64::NAN, 2.5]]
        {
            let (edges, counts) = bins(values);
            let finite = values.iter().filter(|x| x.is_finite()).count();
            assert_eq!((edges.len(), counts.iter().sum::<f64>()), (counts.len() + 1, finite as f64), "{values:?}");
            assert!(edges.windows(2).all(|e| e[1] > e[0]), "{edges:?}");
            for observed in [None, Some(7.0), Some(f64::NAN)] {
                histograms("", "&", &[HistogramPanel { name: "<", values, observed }]).unwrap().png().unwrap();
            }
        }
        let (edges, counts) = bins(&[0.0, 1.0, 1.0, 4.0]);
        assert_eq!((edges[0], &counts[..]), (-0.5, &[1.0, 2.0, 0.0, 0.0, 1.0][..]));
    }
}

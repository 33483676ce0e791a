//! Figures of calibration: ranks, coverage, and both by region of the data.

use super::charts::{Axes, Chart, Item, Mark, charts, columns, grid};
use super::scale::span;
use super::window::Window;
use super::{Figure, INK, PlotError, colour};
use statrs::distribution::{Binomial, DiscreteCDF};

/// The empirical distribution function of a parameter's ranks.
///
/// ```
/// use hierarch::calibration::Ranks;
/// use hierarch::plot::{EcdfPanel, RankPanel, ecdf_difference, rank_histograms};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // As of `calibration.ranks()`.
/// let ranks = Ranks { name: "mass".to_owned(), ranks: (0..=20).cycle().take(100).collect(), draws: 20 };
/// let ecdf = ranks.ecdf(0.95);
/// let bands: Vec<(f64, f64)> = ecdf.low.into_iter().zip(ecdf.high).collect();
/// let panel = EcdfPanel { parameter: &ranks.name, at: &ecdf.at, difference: &ecdf.difference, bands: &bands };
/// assert!(ecdf_difference("", &[panel])?.svg().contains("mass"));
///
/// let panel = RankPanel { parameter: &ranks.name, ranks: &ranks.ranks, draws: ranks.draws };
/// assert!(rank_histograms("", &[panel])?.svg().contains("mass"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EcdfPanel<'a> {
    /// Its name, with words on its calibration or a p-value if wanted.
    pub parameter: &'a str,
    /// The points: fractions of the ranks.
    pub at: &'a [f64],
    /// The share of the ranks at or below each point, minus the fraction.
    pub difference: &'a [f64],
    /// The simultaneous bands (low, high), at each point.
    pub bands: &'a [(f64, f64)],
}

/// Draws the difference between the empirical distribution of ranks and the uniform one, with simultaneous bands. It is
/// above them in the middle where the posterior is too high, and a wave that falls first where it is too wide.
///
/// # Errors
/// [`PlotError::Draw`].
pub fn ecdf_difference(title: &str, panels: &[EcdfPanel<'_>]) -> Result<Figure, PlotError> {
    let columns = columns(panels.len());
    let drawn: Vec<_> = panels.iter().enumerate().map(|(i, p)| ecdf_chart(p, i % columns == 0)).collect();
    charts(title, &[], &drawn, columns, grid(panels.len(), columns))
}

fn ecdf_chart<'a>(panel: &EcdfPanel<'a>, first: bool) -> Chart<'a> {
    let zero = |x: f64| (x, 0.0);
    let inner = panel.at.iter().zip(panel.difference).map(|(x, d)| (*x, *d));
    // Both functions are equal at 0 and 1.
    let line: Vec<_> = [zero(0.0)].into_iter().chain(inner).chain([zero(1.0)]).collect();
    let bands = panel.at.iter().zip(panel.bands).map(|(x, b)| (*x, b.0, b.1));
    let bands: Vec<_> = [(0.0, 0.0, 0.0)].into_iter().chain(bands).chain([(1.0, 0.0, 0.0)]).collect();
    let ends = bands.iter().flat_map(|b| [b.1, b.2]).chain(line.iter().map(|p| p.1));
    let most = ends.filter(|y| y.is_finite()).map(f64::abs).fold(1e-3, f64::max);
    let name = if first { "share of ranks below, less uniform" } else { "" };
    Chart {
        axes: Axes { x: panel.parameter, y: name, ..Axes::default() },
        window: Window { x: 0.0..1.0, y: -1.1 * most..1.1 * most, log: (false, false) },
        y_numbers: true,
        items: vec![
            Item::Band(bands, INK),
            Item::Line(vec![zero(0.0), zero(1.0)], INK, Mark::Dashed),
            Item::Line(line, colour(0), Mark::Line),
        ],
    }
}

/// The ranks of the true values of one parameter.
#[derive(Clone, Copy, Debug)]
pub struct RankPanel<'a> {
    /// Its name.
    pub parameter: &'a str,
    /// For each simulation the number of draws below the true value.
    pub ranks: &'a [usize],
    /// The number of draws for each simulation.
    pub draws: usize,
}

/// Draws histograms of ranks over the expected counts, with the band that contains 99 % of the bars where all ranks are
/// equally likely. They are high at both ends where the posterior is too narrow, high in the middle where it is too
/// wide, and sloped where it is shifted.
///
/// # Errors
/// [`PlotError::Draw`].
pub fn rank_histograms(title: &str, panels: &[RankPanel<'_>]) -> Result<Figure, PlotError> {
    let columns = columns(panels.len());
    let drawn: Vec<_> = panels.iter().enumerate().map(|(i, p)| rank_chart(p, i % columns == 0)).collect();
    charts(title, &[], &drawn, columns, grid(panels.len(), columns))
}

fn rank_chart<'a>(panel: &RankPanel<'a>, first: bool) -> Chart<'a> {
    let (n, levels) = (panel.ranks.len(), panel.draws + 1);
    // About 25 simulations to a bar.
    let bars = (n / 25).clamp(5, 20).min(levels);
    let from = |bar: usize| (bar * levels).div_ceil(bars);
    let share = |bar: usize| (from(bar + 1) - from(bar)) as f64 / levels as f64;
    let mut counts = vec![0.0; bars];
    panel.ranks.iter().for_each(|rank| counts[(rank.min(&panel.draws) * bars / levels).min(bars - 1)] += 1.0);
    let edges: Vec<f64> = (0..=bars).map(|bar| from(bar) as f64 / levels as f64).collect();
    let over = |bar: usize, count: f64| if n == 0 { 0.0 } else { count / (n as f64 * share(bar)) };
    let heights: Vec<f64> = counts.iter().enumerate().map(|(bar, count)| over(bar, *count)).collect();
    let band = |bar: usize| {
        let binomial = Binomial::new(share(bar), n as u64).ok();
        let at = |p: f64| binomial.map_or(0.0, |b| over(bar, b.inverse_cdf(p) as f64));
        [(edges[bar], at(0.005), at(0.995)), (edges[bar + 1], at(0.005), at(0.995))]
    };
    let band: Vec<_> = (0..bars).flat_map(band).collect();
    let top = heights.iter().copied().chain(band.iter().map(|b| b.2)).fold(1.2, f64::max);
    let name = if first { "simulations, over expected" } else { "" };
    Chart {
        axes: Axes { x: panel.parameter, y: name, ..Axes::default() },
        window: Window { x: 0.0..1.0, y: 0.0..1.05 * top, log: (false, false) },
        y_numbers: true,
        items: vec![
            Item::Bars(edges.clone(), heights, colour(0)),
            Item::Band(band, INK),
            Item::Line(vec![(0.0, 1.0), (1.0, 1.0)], INK, Mark::Dashed),
        ],
    }
}

/// Draws how often regions of a given credibility contain the true values: for each label its points (level, share). A
/// right posterior is on the diagonal, with the band of 95 % of the shares of `simulations` simulations at each level.
///
/// It is for expected coverage, of one parameter or of all together, and for the curve of TARP.
///
/// # Errors
/// [`PlotError::Draw`].
pub fn coverage_curve(title: &str, curves: &[(&str, &[(f64, f64)])], simulations: usize) -> Result<Figure, PlotError> {
    let binomial = |level: f64| {
        let n = simulations.max(1);
        let both = |b: Binomial| [0.025, 0.975].map(|p| b.inverse_cdf(p) as f64 / n as f64);
        let [low, high] = Binomial::new(level, n as u64).map_or([level; 2], both);
        (level, low, high)
    };
    let band: Vec<_> = (0..=100).map(|i| binomial(f64::from(i) / 100.0)).collect();
    let lines = curves.iter().enumerate().map(|(i, (_, points))| Item::Line(points.to_vec(), colour(i), Mark::Line));
    let chart = Chart {
        axes: Axes { x: "credibility of the region", y: "share that hold the truth", ..Axes::default() },
        window: Window { x: 0.0..1.0, y: 0.0..1.0, log: (false, false) },
        y_numbers: true,
        items: [Item::Band(band, INK), Item::Line(vec![(0.0, 0.0), (1.0, 1.0)], INK, Mark::Dashed)]
            .into_iter()
            .chain(lines)
            .collect(),
    };
    let legend: Vec<_> = curves.iter().enumerate().map(|(i, (label, _))| (*label, colour(i), Mark::Line)).collect();
    charts(title, &legend, &[chart], 1, (480.0, 520.0))
}

/// The coverage of one parameter along a feature of the data.
///
/// ```
/// use hierarch::plot::{LocalCurve, LocalPanel, local_coverage};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Of the bins of a `calibration::Local`: where the energy is low, 66 of 100 intervals hold the true value.
/// let points = [(0.5, 0.66, 0.05), (1.5, 0.71, 0.05), (2.5, 0.69, 0.05)];
/// let levels = vec![LocalCurve { level: 0.68, points: &points }];
/// let panel = LocalPanel { parameter: "rate", feature: "mean energy", levels };
/// let figure = local_coverage("", &[panel])?;
/// assert!(figure.svg().contains("mean energy") && figure.svg().contains("coverage of rate"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LocalPanel<'a> {
    /// The parameter.
    pub parameter: &'a str,
    /// The feature, with a p-value if wanted.
    pub feature: &'a str,
    /// A curve for each level of credibility.
    pub levels: Vec<LocalCurve<'a>>,
}

/// Coverage at one level.
#[derive(Clone, Copy, Debug)]
pub struct LocalCurve<'a> {
    /// The level.
    pub level: f64,
    /// (feature, share of true values inside, its standard error).
    pub points: &'a [(f64, f64, f64)],
}

/// Draws how often central intervals contain the true value in each region of the data, with errors of one standard
/// deviation; the level is dashed.
///
/// # Errors
/// [`PlotError::Draw`].
pub fn local_coverage(title: &str, panels: &[LocalPanel<'_>]) -> Result<Figure, PlotError> {
    let columns = columns(panels.len());
    let names: Vec<String> = panels.iter().map(|p| format!("coverage of {}", p.parameter)).collect();
    let drawn: Vec<_> = panels.iter().zip(&names).map(|(panel, name)| local_chart(panel, name)).collect();
    let mut levels: Vec<f64> = vec![];
    panels.iter().flat_map(|p| p.levels.iter().map(|l| l.level)).for_each(|l| {
        if !levels.contains(&l) {
            levels.push(l);
        }
    });
    let labels: Vec<String> = levels.iter().map(|l| format!("{} %", 100.0 * l)).collect();
    let legend: Vec<_> = labels.iter().enumerate().map(|(i, l)| (l.as_str(), colour(i), Mark::LinePoints)).collect();
    charts(title, &legend, &drawn, columns, grid(panels.len(), columns))
}

fn local_chart<'a>(panel: &LocalPanel<'a>, name: &'a str) -> Chart<'a> {
    let all = || panel.levels.iter().flat_map(|l| l.points);
    let x = span(all().map(|p| p.0), false, 0.05);
    let least = all().map(|p| p.1 - p.2).chain(panel.levels.iter().map(|l| l.level)).fold(1.0, f64::min);
    let mut items = vec![];
    for (i, LocalCurve { level, points }) in panel.levels.iter().enumerate() {
        items.push(Item::Line(vec![(x.start, *level), (x.end, *level)], colour(i), Mark::Dashed));
        let line: Vec<_> = points.iter().map(|p| (p.0, p.1)).collect();
        items.push(Item::Errors(points.iter().map(|p| (p.0, p.1 - p.2, p.1 + p.2)).collect(), colour(i)));
        items.push(Item::Line(line.clone(), colour(i), Mark::Thin));
        items.push(Item::Dots(line, colour(i)));
    }
    let window = Window { x, y: (least - 0.05).max(0.0)..1.02, log: (false, false) };
    Chart { axes: Axes { x: panel.feature, y: name, ..Axes::default() }, window, y_numbers: true, items }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_whatever_it_is_given() {
        let (odd, band) = ([f64::NAN, 0.5, f64::INFINITY], [(f64::NAN, 1.0), (-0.1, 0.1), (-1.0, f64::INFINITY)]);
        for n in [0, 1, 3] {
            let panel = EcdfPanel { parameter: "a < b", at: &[0.2, 0.5, 0.9][..n], difference: &odd, bands: &band };
            ecdf_difference("<&>", &[panel; 4]).unwrap().png().unwrap();
        }
        for (ranks, draws) in [(&[][..], 0), (&[0, 1, 7], 3), (&[0; 1000], 10)] {
            rank_histograms("", &[RankPanel { parameter: "", ranks, draws }]).unwrap().png().unwrap();
        }
        coverage_curve("", &[("&", &[(0.5, f64::NAN)]), ("", &[])], 0).unwrap().png().unwrap();
        let points = [(1.0, 0.5, f64::NAN), (f64::INFINITY, 0.2, 0.1)];
        for n in 0..=2 {
            let levels = vec![LocalCurve { level: 0.5, points: &points[..n] }];
            local_coverage("", &[LocalPanel { parameter: "", feature: "", levels }]).unwrap().png().unwrap();
        }
        for nothing in [ecdf_difference("", &[]), rank_histograms("", &[]), local_coverage("", &[])] {
            nothing.unwrap().png().unwrap();
        }
    }
}

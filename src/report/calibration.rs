//! The section about calibration.

use super::html::{Cell, Page};
use super::{FIGURES, PAIRS, Report, left_out};
use crate::calibration::{Calibration, CalibrationSummary, Coverage, Estimate, Local, p_text};
use crate::plot::{self, EcdfPanel, LocalCurve, LocalPanel, PlotError, RankPanel};

/// The probability with which the bands contain a whole empirical distribution.
const BANDS: f64 = 0.95;
/// The credibilities at which coverage by region is drawn.
const LEVELS: [f64; 2] = [0.5, 0.9];

impl Report {
    pub(super) fn write_calibrations(&self, page: &mut Page) -> Result<(), PlotError> {
        page.remark(
            "Data sets were simulated with globals from the prior, and the posterior given each was compared with the true \
             values. Where the posterior is right, all ranks of the true value among its draws are equally likely. A width \
             below 1 is too narrow; a positive shift is too high.",
        );
        for (label, calibration, summary) in &self.calibrations {
            page.subheading(&format!("Of {label}: {} simulations", summary.simulations));
            tables(page, summary);
            figures(page, calibration, summary)?;
        }
        Ok(())
    }
}

fn tables(page: &mut Page, summary: &CalibrationSummary) {
    let plus_minus = |e: &Estimate| format!("{:.2} ± {:.2}", e.value, e.error);
    let share = |c: Option<&Coverage>| {
        c.map_or(String::new(), |c| format!("{:.1} ± {:.1} %", 100.0 * c.share, 100.0 * c.error))
    };
    let mut columns = vec![("parameter".to_owned(), Cell::Code)];
    columns.extend(["p", "p of ECDF", "shift / sd", "width"].map(|name| (name.to_owned(), Cell::Number)));
    let levels = summary.rows.first().map_or(0, |row| row.coverage.len());
    let level = |i: usize| format!("in {:.0} %", 100.0 * summary.rows[0].coverage[i].level);
    columns.extend((0..levels).map(|i| (level(i), Cell::Number)));
    let row = |row: &crate::calibration::CalibrationRow| {
        let ranks = [p_text(row.p_value), p_text(row.ecdf_p_value), plus_minus(&row.shift), plus_minus(&row.width)];
        let shares = (0..levels).map(|i| share(row.coverage.get(i)));
        std::iter::once(row.name.clone()).chain(ranks).chain(shares).collect()
    };
    let named: Vec<(&str, Cell)> = columns.iter().map(|(name, cell)| (name.as_str(), *cell)).collect();
    page.table("", &named, &summary.rows.iter().map(row).collect::<Vec<_>>());
    let check =
        |check: &crate::calibration::Check| vec![check.name.to_owned(), p_text(check.p_value), check.finding.clone()];
    let columns = [("check", Cell::Text), ("p", Cell::Number), ("farthest off, if anything is", Cell::Text)];
    page.table("", &columns, &summary.checks.iter().map(check).collect::<Vec<_>>());
}

fn figures(page: &mut Page, calibration: &Calibration, summary: &CalibrationSummary) -> Result<(), PlotError> {
    let mut ranks = calibration.ranks();
    let parameters = ranks.len();
    ranks.truncate(FIGURES / 2);
    let mut figures = Vec::new();
    for ranks in &ranks {
        let bands = ranks.ecdf(BANDS);
        let both: Vec<(f64, f64)> = bands.low.iter().copied().zip(bands.high.iter().copied()).collect();
        let name = format!("rank of {}", ranks.name);
        let panel = EcdfPanel { parameter: &name, at: &bands.at, difference: &bands.difference, bands: &both };
        figures.push((format!("distribution of the ranks of {}", ranks.name), plot::ecdf_difference("", &[panel])?));
    }
    for ranks in &ranks {
        let name = format!("rank of {}", ranks.name);
        let panel = RankPanel { parameter: &name, ranks: &ranks.ranks, draws: ranks.draws };
        figures.push((format!("histogram of the ranks of {}", ranks.name), plot::rank_histograms("", &[panel])?));
    }
    page.remark(
        "Distribution functions of the ranks minus the uniform one, with bands that contain a whole function with a \
         probability of 95 %; and histograms of the ranks, with bands that contain 99 % of the bars.",
    );
    page.figures(&figures);
    left_out(page, if parameters > ranks.len() { 2 * parameters } else { 0 }, "of these");

    let levels: Vec<f64> = (1..50).map(|i| f64::from(i) / 50.0).collect();
    let points = |coverage: &[Coverage]| coverage.iter().map(|c| (c.level, c.share)).collect::<Vec<_>>();
    let density = calibration.log_density_ranks().map(|ranks| points(&ranks.highest_coverage(&levels)));
    let ellipsoids = points(&calibration.ellipsoid_ranks().highest_coverage(&levels));
    let tarp = points(&calibration.tarp(0).lowest_coverage(&levels));
    let mut together = Vec::new();
    together.extend(density.as_ref().map(|points| ("highest density", points.as_slice())));
    together.extend([("ellipsoids", ellipsoids.as_slice()), ("TARP", tarp.as_slice())]);
    let each: Vec<_> =
        ranks.iter().take(PAIRS).map(|r| (r.name.as_str(), points(&r.central_coverage(&levels)))).collect();
    let each: Vec<_> = each.iter().map(|(name, points)| (*name, points.as_slice())).collect();
    page.remark(
        "How often regions of a given credibility contain the true values: of all parameters together, and central \
         intervals of each. The band contains 95 % of the shares at a level.",
    );
    page.figures(&[
        ("coverage of all parameters together".to_owned(), plot::coverage_curve("", &together, summary.simulations)?),
        ("coverage of each parameter".to_owned(), plot::coverage_curve("", &each, summary.simulations)?),
    ]);

    let local = calibration.local();
    let worst = |name: &String| {
        let own = local.iter().filter(|l| l.parameter == *name);
        own.min_by(|a, b| a.p_value.total_cmp(&b.p_value))
    };
    let worst: Vec<&Local> = calibration.names().iter().filter_map(worst).take(FIGURES).collect();
    let figures = worst.into_iter().map(local_figure).collect::<Result<Vec<_>, PlotError>>()?;
    if !figures.is_empty() {
        page.remark(
            "Coverage in each region of the data: for each parameter, along the feature of the data with which coverage \
             changes most clearly. The p-value is the smallest among those of all features.");
        page.figures(&figures);
    }
    Ok(())
}

fn local_figure(local: &Local) -> Result<(String, plot::Figure), PlotError> {
    let at = |level: f64| -> Vec<(f64, f64, f64)> {
        let point = |bin: &crate::calibration::LocalBin| {
            let coverage = bin.ranks.central_coverage(&[level])[0];
            (0.5 * (bin.low + bin.high), coverage.share, coverage.error)
        };
        local.bins.iter().map(point).collect()
    };
    let levels = LEVELS.map(|level| (level, at(level)));
    let feature = format!("{} (p {})", local.feature.replace('`', ""), p_text(local.p_value));
    let panel = LocalPanel {
        parameter: &local.parameter,
        feature: &feature,
        levels: levels.iter().map(|(level, points)| LocalCurve { level: *level, points }).collect(),
    };
    Ok((format!("coverage of {} by {}", local.parameter, local.feature), plot::local_coverage("", &[panel])?))
}

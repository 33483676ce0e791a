//! Posteriors side by side: figures, a table, and where they differ.

use super::html::{Cell, Page};
use super::{FIGURES, PAIRS, Report, SHIFT, Shown, WIDTH, left_out};
use crate::draws::to_scale;
use crate::plot::{self, Panel, PlotError};

const POSTERIOR: [(&str, Cell); 12] = [
    ("parameter", Cell::Code),
    ("posterior", Cell::Text),
    ("truth", Cell::Number),
    ("mean", Cell::Number),
    ("sd", Cell::Number),
    ("5 %", Cell::Number),
    ("median", Cell::Number),
    ("95 %", Cell::Number),
    ("mean off / sd", Cell::Number),
    ("sd ratio", Cell::Number),
    ("R-hat", Cell::Number),
    ("ESS", Cell::Number),
];

impl Report {
    /// Describes, in words, where a posterior differs from the first one.
    pub(super) fn disagreements(&self) -> Vec<(String, String)> {
        let Some((first, others)) = self.posteriors.split_first() else { return Vec::new() };
        let mut found = Vec::new();
        for (other, row) in others.iter().flat_map(|o| o.summary.rows.iter().map(move |row| (o, row))) {
            let Some(of) = first.summary.rows.iter().find(|of| of.name == row.name) else { continue };
            let (shift, ratio) = ((row.mean - of.mean) / of.sd, row.sd / of.sd);
            if shift.abs() > SHIFT || !(1.0 / WIDTH..=WIDTH).contains(&ratio) {
                let (name, first) = (&row.name, &first.label);
                let what = format!("`{name}` is off by {shift:+.2} sd of {first}, with {ratio:.2} times its sd");
                found.push((other.label.clone(), what));
            }
        }
        found
    }

    pub(super) fn write_posteriors(&self, page: &mut Page) -> Result<(), PlotError> {
        for shown in self.posteriors.iter().filter(|shown| !shown.about.is_empty()) {
            page.remark(&format!("{}: {}.", shown.label, shown.about));
        }
        page.table("", &POSTERIOR, &self.posterior_rows());
        if let Some(shown) = self.posteriors.iter().find(|shown| shown.more > 0) {
            page.remark(&format!("{} more numbers, of locals and derived ones, are not shown.", shown.more));
        }
        let names = self.parameters();
        let panels: Vec<Panel<'_>> = names.iter().map(|name| self.panel(name)).collect();
        let alone = |panel: &Panel<'_>| {
            let figure = plot::marginals_in("", std::slice::from_ref(panel), 1, (450.0, 410.0))?;
            Ok((format!("posterior of {}", panel.parameter), figure))
        };
        let figures = panels.iter().take(FIGURES).map(alone).collect::<Result<Vec<_>, PlotError>>()?;
        page.figures(&figures);
        left_out(page, names.len(), "parameters");
        if names.len() > 1 {
            let shown = &panels[..names.len().min(PAIRS)];
            let mut caption = "Regions that hold 50 % and 90 % of the draws.".to_owned();
            if names.len() > PAIRS {
                caption += &format!(" The first {PAIRS} of {} parameters.", names.len());
            }
            page.figure("posteriors of pairs of parameters", &caption, &plot::pairs("", shown)?);
        }
        Ok(())
    }

    /// Returns the names of all parameters that any posterior contains.
    pub(super) fn parameters(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.posteriors.iter().flat_map(|shown| &shown.columns) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    pub(super) fn panel<'a>(&'a self, name: &'a str) -> Panel<'a> {
        let draws = |shown: &'a Shown| {
            let column = shown.columns.iter().find(|c| c.0 == name);
            (shown.label.as_str(), plot::Marginal::Draws(column.map_or(&[], |c| c.1.as_slice())))
        };
        let truth = self.truths.iter().filter(|t| t.0 == name).map(|t| ("truth", t.1));
        Panel {
            parameter: name,
            posteriors: self.posteriors.iter().map(draws).collect(),
            lines: truth.collect(),
            range: None,
        }
    }

    /// Returns for each parameter a row for each posterior.
    pub(super) fn posterior_rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for name in self.parameters() {
            let truth = self.truths.iter().find(|t| t.0 == name).map(|t| t.1);
            let mut first: Option<(f64, f64)> = None;
            for shown in &self.posteriors {
                let Some(row) = shown.summary.rows.iter().find(|row| row.name == name) else { continue };
                let scaled = |x: f64| to_scale(x, row.sd);
                let compared =
                    |text: &dyn Fn(f64, f64) -> String| first.map_or(String::new(), |(mean, sd)| text(mean, sd));
                rows.push(vec![
                    // The name is written once.
                    if first.is_none() { name.to_owned() } else { String::new() },
                    shown.label.clone(),
                    truth.map(scaled).unwrap_or_default(),
                    scaled(row.mean),
                    scaled(row.sd),
                    scaled(row.q05),
                    scaled(row.median),
                    scaled(row.q95),
                    compared(&|mean, sd| format!("{:+.2}", (row.mean - mean) / sd)),
                    compared(&|_, sd| format!("{:.2}", row.sd / sd)),
                    row.rhat.map(|x| format!("{x:.3}")).unwrap_or_default(),
                    row.ess_bulk.map(|x| format!("{x:.0}")).unwrap_or_default(),
                ]);
                first.get_or_insert((row.mean, row.sd));
            }
        }
        rows
    }
}

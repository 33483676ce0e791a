//! `report.html`: a model, data, posteriors, and the checks of whether to trust them, in one self-contained file.

mod calibration;
mod error;
mod html;
mod posteriors;
mod rows;

pub use error::ReportError;

use std::fmt::Display;
use std::path::Path;

use self::html::{Cell, Page, escape, marked};
use self::rows::{columns, duration, plate, variable};
use crate::calibration::{Calibration, CalibrationSummary, Predictive, Typicality, data_statistics, number, p_text};
use crate::draws::Inferred;
use crate::draws::Summary;
use crate::files::atomic_write;
use crate::model::DataSet;
use crate::model::{AsNumbers, Model, Specification, global_names};
use crate::plot::{self, Figure, HistogramPanel, PlotError};

/// The largest number of draws for a figure.
const DRAWS: usize = 4000;
/// The shift of a posterior's mean from that of the first, in its sd, and the ratio of their sds, beyond which there is
/// a warning.
const SHIFT: f64 = 0.5;
const WIDTH: f64 = 1.25;
/// The largest number of parameters in a figure of all pairs, and of figures side by side.
const PAIRS: usize = 6;
const FIGURES: usize = 24;

/// A report of one model. It shows what is added to it, and leaves out the other sections.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     /// Energies of a source.
///     pub Flux {
///         global rate ~ Gamma(2.0, 1.0);
///         plate events(1..=100) {
///             observe energy ~ Exponential(rate);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Flux::default();
/// let data = FluxData { events: FluxEvents { energy: vec![0.7, 0.1, 1.9, 0.4, 0.2, 0.3] } };
/// let chains = model.nuts(&data).seed(1).run()?;
/// let estimator = model.npe().seed(1).train(Budget::simulations(2_000))?; // far too short, for an example
/// let check = PredictiveCheck::new(&model, &data).posterior(chains.globals())?;
///
/// let folder = std::env::temp_dir().join("hierarch-report");
/// Report::new(&model)
///     .data(&data)
///     .posterior("NUTS", &chains)
///     .posterior("neural", &estimator.condition(&data)?)
///     .training("neural", estimator.history())
///     .warnings("neural", estimator.warnings())
///     .predictive(&check)
///     .calibration("neural", &estimator.calibrate().simulations(100).run()?)
///     .setting("seed", 1)
///     .note("The energies are made up.")
///     .save(folder.join("report.html"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is written before `save`"]
pub struct Report {
    title: String,
    specification: Option<Specification>,
    notes: Vec<String>,
    statistics: Vec<(String, f64)>,
    columns: Vec<(String, Vec<f64>)>,
    typicality: Option<Typicality>,
    truths: Vec<(String, f64)>,
    posteriors: Vec<Shown>,
    trainings: Vec<(String, Vec<Validation>)>,
    calibrations: Vec<(String, Calibration, CalibrationSummary)>,
    predictive: Vec<Predictive>,
    figures: Vec<(String, Figure)>,
    settings: Vec<(String, String)>,
    timings: Vec<(String, f64)>,
    /// The source of each warning, and its text.
    warnings: Vec<(String, String)>,
}

/// A validation during a training. Without the feature for networks there is none.
#[derive(Clone, Debug)]
struct Validation {
    sets: u64,
    seconds: f64,
    /// In nats, over the data sets since the last validation and over the held-out ones.
    loss: f64,
    validation: f64,
}

/// A posterior as it is shown.
#[derive(Clone, Debug)]
struct Shown {
    label: String,
    about: String,
    /// Its parameters with their draws.
    columns: Vec<(String, Vec<f64>)>,
    summary: Summary,
    /// How many further numbers it has, which are not shown.
    more: usize,
}

impl Report {
    /// Creates a report of `model`: its plate diagram, its variables, its name and fingerprint.
    pub fn new<M: Model>(model: &M) -> Self {
        let specification = model.specification();
        Self { title: specification.name.clone(), specification: Some(specification), ..Self::default() }
    }

    /// Creates a report without a model.
    pub(crate) fn titled(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Sets a title in place of the name of the model.
    pub fn title(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    /// Adds a paragraph at the top.
    pub fn note(mut self, text: &str) -> Self {
        self.notes.push(text.to_owned());
        self
    }

    /// Adds the data: sizes, plain statistics, and a histogram of each column.
    pub fn data<D: DataSet>(mut self, data: &D) -> Self {
        self.statistics = data_statistics(data);
        self.columns = columns(&data.frame());
        self
    }

    /// Adds a test of whether the data are like simulations of the model.
    pub fn typicality(mut self, typicality: &Typicality) -> Self {
        self.warnings.extend(typicality.warnings().into_iter().map(|warning| ("data".to_owned(), warning)));
        self.typicality = Some(typicality.clone());
        self
    }

    /// Adds the true values, with which the data were simulated, drawn as lines.
    pub fn truth<M: Model>(mut self, model: &M, globals: &M::Globals) -> Self {
        self.truths = global_names(&model.specification()).into_iter().zip(globals.to_numbers()).collect();
        self
    }

    /// Adds a posterior; the others are compared with the first one added. Its globals are shown, or all its parameters
    /// where there are no globals, as in draws without a model.
    pub fn posterior<P: Inferred + ?Sized>(mut self, label: &str, posterior: &P) -> Self {
        let globals = self.specification.as_ref().map(global_names).unwrap_or_default();
        let (all, mut draws) = (posterior.names(), posterior.thinned(DRAWS));
        let known = all.iter().any(|name| globals.contains(name));
        let shown: Vec<usize> = (0..all.len()).filter(|i| !known || globals.contains(&all[*i])).collect();
        let names: Vec<&String> = shown.iter().map(|i| &all[*i]).collect();
        let mut summary = posterior.summary();
        summary.rows.retain(|row| names.contains(&&row.name));
        let columns = shown.iter().map(|i| (all[*i].clone(), std::mem::take(&mut draws[*i]))).collect();
        self.warnings.extend(posterior.warnings().into_iter().map(|warning| (label.to_owned(), warning)));
        let more = all.len() - shown.len();
        self.posteriors.push(Shown { label: label.to_owned(), about: posterior.about(), columns, summary, more });
        self
    }

    /// Adds the course of a training, from `posterior.history()`.
    #[cfg(feature = "neural")]
    pub fn training(mut self, label: &str, history: &[crate::nn::TrainingRecord]) -> Self {
        let shown = |r: &crate::nn::TrainingRecord| Validation {
            sets: r.sets,
            seconds: r.seconds,
            loss: r.loss,
            validation: r.validation,
        };
        self.trainings.push((label.to_owned(), history.iter().map(shown).collect()));
        self
    }

    /// Adds a calibration, with all of its checks.
    pub fn calibration(mut self, label: &str, calibration: &Calibration) -> Self {
        let summary = calibration.summary();
        self.warnings.extend(summary.warnings().into_iter().map(|w| (format!("calibration of {label}"), w)));
        self.calibrations.push((label.to_owned(), calibration.clone(), summary));
        self
    }

    /// Adds a predictive check.
    pub fn predictive(mut self, check: &Predictive) -> Self {
        let source = format!("{} predictive check", check.source());
        self.warnings.extend(check.warnings().into_iter().map(|warning| (source.clone(), warning)));
        self.predictive.push(check.clone());
        self
    }

    /// Adds a figure of your own with a caption.
    pub fn figure(mut self, caption: &str, figure: &Figure) -> Self {
        self.figures.push((caption.to_owned(), figure.clone()));
        self
    }

    /// Adds warnings from any other source, such as `posterior.warnings()`.
    pub fn warnings(mut self, of: &str, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings.into_iter().map(|warning| (of.to_owned(), warning)));
        self
    }

    /// Adds a row to the table of what was run: a seed, a size, an option.
    pub fn setting(mut self, name: &str, value: impl Display) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds how long something took, in seconds.
    pub fn timing(mut self, what: &str, seconds: f64) -> Self {
        self.timings.push((what.to_owned(), seconds));
        self
    }

    /// Writes the report, completely or not at all, and creates its folder if needed. By custom it is named
    /// `report.html`.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        let (html, path) = (self.html()?, path.as_ref());
        atomic_write(path, html.as_bytes()).map_err(|source| ReportError::Write { path: path.to_owned(), source })
    }

    /// Returns the report as the text of the file.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    pub fn html(&self) -> Result<String, ReportError> {
        type Section = fn(&Report, &mut Page) -> Result<(), PlotError>;
        let sections: [(&str, &str, bool, Section); 8] = [
            ("model", "Model", self.specification.is_some(), Self::write_model),
            ("data", "Data", !self.statistics.is_empty() || self.typicality.is_some(), Self::write_data),
            ("posterior", "Posterior", !self.posteriors.is_empty(), Self::write_posteriors),
            ("figures", "Figures", !self.figures.is_empty(), Self::write_figures),
            ("training", "Training", !self.trainings.is_empty(), Self::write_trainings),
            ("calibration", "Calibration", !self.calibrations.is_empty(), Self::write_calibrations),
            ("predictive", "Predictive checks", !self.predictive.is_empty(), Self::write_predictive),
            ("run", "What was run", true, Self::write_run),
        ];
        let shown = || sections.iter().filter(|s| s.2);
        let mut page = Page::default();
        page.html += &format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n\
             <body>\n<h1>{title}</h1>\n<nav>{links}</nav>\n",
            title = escape(&self.title),
            style = include_str!("style.css"),
            links = shown().map(|s| format!("<a href=\"#{}\">{}</a>\n", s.0, s.1)).collect::<String>(),
        );
        self.write_warnings(&mut page);
        self.notes.iter().for_each(|note| page.paragraph(note));
        for (id, title, _, write) in shown() {
            page.heading(id, title);
            write(self, &mut page)?;
        }
        page.html += "</body>\n</html>\n";
        Ok(page.html)
    }

    fn write_warnings(&self, page: &mut Page) {
        let warnings: Vec<_> = self.warnings.iter().cloned().chain(self.disagreements()).collect();
        let checked = self.typicality.is_some()
            || !self.posteriors.is_empty()
            || !self.calibrations.is_empty()
            || !self.predictive.is_empty();
        if !warnings.is_empty() {
            let line = |(of, warning): &(String, String)| format!("<li>{}: {}</li>\n", escape(of), marked(warning));
            let lines: String = warnings.iter().map(line).collect();
            page.html += &format!("<div class=\"bad\"><strong>Warnings</strong>\n<ul>\n{lines}</ul></div>\n");
        } else if checked {
            page.html += "<div class=\"good\">No warnings: none of the checks below found anything wrong.</div>\n";
        }
    }

    fn write_model(&self, page: &mut Page) -> Result<(), PlotError> {
        let Some(specification) = &self.specification else { return Ok(()) };
        let says = format!("plate diagram of the model {}", specification.name);
        page.figure(&says, "", &plot::plate_diagram(specification));
        let mut rows = Vec::new();
        specification.variables.iter().for_each(|v| rows.push(variable(v, "")));
        specification.plates.iter().for_each(|p| plate(p, &mut rows));
        let columns =
            [("variable", Cell::Code), ("is", Cell::Text), ("plate", Cell::Code), ("definition", Cell::Definition)];
        page.table("Variables", &columns, &rows);
        if !specification.params.is_empty() {
            let rows: Vec<_> = specification.params.iter().map(|(n, v)| vec![n.clone(), v.clone()]).collect();
            page.table("Parameters that are fixed", &[("param", Cell::Code), ("value", Cell::Code)], &rows);
        }
        Ok(())
    }

    fn write_data(&self, page: &mut Page) -> Result<(), PlotError> {
        let scale = |value: f64| number(value, value.abs() / 100.0);
        let rows: Vec<_> = self.statistics.iter().map(|(name, value)| vec![name.clone(), scale(*value)]).collect();
        if !rows.is_empty() {
            page.table("", &[("statistic", Cell::Text), ("value", Cell::Number)], &rows);
        }
        let histogram = |(name, values): &(String, Vec<f64>)| {
            let panel = HistogramPanel { name, values, observed: None };
            Ok((format!("histogram of {name}"), plot::histograms("", "elements", &[panel])?))
        };
        let figures = self.columns.iter().take(FIGURES).map(histogram).collect::<Result<Vec<_>, PlotError>>()?;
        page.figures(&figures);
        left_out(page, self.columns.len(), "columns");
        if let Some(typicality) = &self.typicality {
            page.paragraph(&format!("Typicality: {typicality}."));
        }
        Ok(())
    }

    fn write_figures(&self, page: &mut Page) -> Result<(), PlotError> {
        self.figures.iter().for_each(|(caption, figure)| page.figure(caption, caption, figure));
        Ok(())
    }

    fn write_trainings(&self, page: &mut Page) -> Result<(), PlotError> {
        let mut rows = Vec::new();
        for (label, history) in &self.trainings {
            let curve = |loss: fn(&Validation) -> f64| -> Vec<(f64, f64)> {
                history.iter().map(|r| (r.sets as f64, loss(r))).collect()
            };
            let (loss, validation) = (curve(|r| r.loss), curve(|r| r.validation));
            let figure = plot::training_curve_in(&loss, &validation, (600.0, 420.0))?;
            page.figure(&format!("training of {label}"), label, &figure);
            if let Some(last) = history.last() {
                let best = history.iter().map(|r| r.validation).fold(f64::NAN, f64::min);
                rows.push(vec![
                    label.clone(),
                    last.sets.to_string(),
                    format!("{:.1}", last.seconds),
                    format!("{:.4}", last.loss),
                    format!("{:.4}", last.validation),
                    format!("{best:.4}"),
                ]);
            }
        }
        let columns = ["training", "data sets seen", "seconds", "loss [nats]", "validation", "best validation"];
        let columns: Vec<_> = columns.iter().enumerate().map(|(i, c)| (*c, number_but_first(i))).collect();
        page.table("", &columns, &rows);
        Ok(())
    }

    fn write_predictive(&self, page: &mut Page) -> Result<(), PlotError> {
        for check in &self.predictive {
            let (source, count) = (check.source(), check.replications());
            page.subheading(&format!("Replicated from the {source}"));
            let locals = if source == "posterior of the elements" { "of the same draws" } else { "drawn anew" };
            page.remark(&format!(
                "{count} data sets with the globals of as many draws, locals {locals}, and the sizes and covariates of the \
                 data. p: how extreme the data are among them, two-sided."
            ));
            let row = |c: &crate::calibration::Compared| {
                let sd = c.sd();
                let [observed, mean] = [c.observed, c.mean()].map(|x| number(x, sd));
                vec![c.name.clone(), observed, mean, number(sd, sd), p_text(c.p_value())]
            };
            let columns = ["statistic", "data", "mean", "sd", "p"];
            let columns: Vec<_> = columns.iter().enumerate().map(|(i, c)| (*c, number_but_first(i))).collect();
            page.table("", &columns, &check.compared().iter().map(row).collect::<Vec<_>>());
            // A statistic that does not vary gets no figure.
            let varies: Vec<_> = check.compared().iter().filter(|c| c.sd() > 0.0).collect();
            let histogram = |c: &&crate::calibration::Compared| {
                let name = format!("{} (p {})", c.name, p_text(c.p_value()));
                let panel = HistogramPanel { name: &name, values: &c.replications, observed: Some(c.observed) };
                Ok((format!("replications of {}", c.name), plot::histograms("", "replications", &[panel])?))
            };
            let figures = varies.iter().take(FIGURES).map(histogram).collect::<Result<Vec<_>, PlotError>>()?;
            page.figures(&figures);
            left_out(page, varies.len(), "statistics");
        }
        Ok(())
    }

    fn write_run(&self, page: &mut Page) -> Result<(), PlotError> {
        let mut rows = vec![vec!["library".to_owned(), format!("hierarch {}", env!("CARGO_PKG_VERSION"))]];
        if let Some(specification) = &self.specification {
            rows.push(vec!["model".to_owned(), specification.name.clone()]);
            rows.push(vec!["fingerprint of the model".to_owned(), specification.fingerprint()]);
        }
        for (label, history) in &self.trainings {
            rows.extend(history.last().map(|last| {
                let what = format!("{} data sets in {:.1} s", last.sets, last.seconds);
                vec![format!("training of {label}"), what]
            }));
        }
        for (label, calibration, summary) in &self.calibrations {
            let seconds = calibration.time().as_secs_f64();
            let what = format!("{} simulations, {} draws each, {seconds:.1} s", summary.simulations, summary.draws);
            rows.push(vec![format!("calibration of {label}"), what]);
        }
        let checks = self.predictive.iter();
        rows.extend(
            checks.map(|c| {
                vec![format!("{} predictive check", c.source()), format!("{} replications", c.replications())]
            }),
        );
        rows.extend(self.settings.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
        page.table("", &[("", Cell::Text), ("", Cell::Text)], &rows);
        if !self.timings.is_empty() {
            let rows: Vec<_> = self.timings.iter().map(|(what, s)| vec![what.clone(), duration(*s)]).collect();
            page.table("How long it took", &[("", Cell::Text), ("", Cell::Number)], &rows);
        }
        Ok(())
    }
}

fn number_but_first(column: usize) -> Cell {
    if column == 0 { Cell::Text } else { Cell::Number }
}

fn left_out(page: &mut Page, all: usize, what: &str) {
    if all > FIGURES {
        page.remark(&format!("Figures of the first {FIGURES} of {all} {what}."));
    }
}

impl Calibration {
    /// Writes a report of the calibration alone; [`Report`] writes one with model, data and posterior.
    ///
    /// ```no_run
    /// # use hierarch::prelude::*;
    /// # fn f<M: Model>(estimator: PosteriorEstimator<M>) -> Result<(), Box<dyn std::error::Error>> {
    /// estimator.calibrate().simulations(1000).run()?.report("report.html")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn report(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        Report::titled("Calibration").calibration("the posterior", self).save(path)
    }
}

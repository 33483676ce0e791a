//! What the examples share: their options, their output folder, their errors.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use hierarch::draws::Summary;
use hierarch::draws::diagnostics::quantile;
use hierarch::nn::{Budget, TrainingRecord};
use hierarch::plot::{self, Axes, Figure, Mark, Series};
use hierarch::report::Report;
use serde_json::{Value, json};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The options of every example.
#[derive(Args, Debug)]
pub struct Options {
    /// The seed of all random numbers: the same gives the same numbers, but for trainings bounded by time
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder for figures and summary.json
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Under a minute, through all of the code, with no promise of accuracy
    #[arg(long)]
    pub quick: bool,
}

/// Runs an example and says what went wrong, if anything did.
pub fn report(run: Result<()>) -> ExitCode {
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The budget of a training. With `--train-seconds` it is that time. Without, it counts data sets, so that every machine trains as
/// long: `quick` of them with `--quick`, and else the `usual` budget.
pub fn budget(seconds: Option<f64>, options: &Options, usual: Budget, quick: u64) -> Budget {
    match seconds {
        Some(seconds) => Budget::seconds(seconds),
        None if options.quick => Budget::simulations(quick),
        None => usual,
    }
}

/// Mean and sd of a variable, for `summary.json`.
pub fn mean_and_sd(summary: &Summary, name: &str) -> Value {
    let row = summary.rows.iter().find(|r| r.name == name);
    row.map_or(Value::Null, |r| json!({ "mean": r.mean, "sd": r.sd }))
}

/// The folder that an example writes to.
pub struct Output {
    folder: PathBuf,
}

impl Output {
    /// `out/<name>`, or what `--out` says.
    pub fn new(name: &str, options: &Options) -> Self {
        let folder = options.out.clone().unwrap_or_else(|| Path::new("out").join(name));
        println!("writing to {}", folder.display());
        Self { folder }
    }

    /// Writes a figure as SVG and as PNG.
    pub fn figure(&self, name: &str, figure: &Figure) -> Result<()> {
        Ok(figure.save(self.folder.join(name))?)
    }

    /// A histogram of data with equal bins, and the expected number of events in a bin at x over the draws of a posterior.
    pub fn fit<G>(
        &self,
        name: &str,
        axes: &Axes,
        (low, high, bins): (f64, f64, usize),
        data: &[f64],
        draws: &[G],
        expected: impl Fn(&G, f64) -> f64,
    ) -> Result<()> {
        let width = (high - low) / bins as f64;
        let edges: Vec<f64> = (0..=bins).map(|i| low + width * i as f64).collect();
        let mut counts = vec![0.0; bins];
        data.iter().for_each(|x| counts[(((x - low) / width) as usize).min(bins - 1)] += 1.0);
        let (mut curve, mut band) = (Vec::new(), Vec::new());
        for i in 0..=400 {
            let x = low + (high - low) * i as f64 / 400.0;
            let mut all: Vec<f64> = draws.iter().map(|g| expected(g, x)).collect();
            all.sort_by(f64::total_cmp);
            curve.push((x, quantile(&all, 0.5)));
            band.push((quantile(&all, 0.05), quantile(&all, 0.95)));
        }
        let fit = Series::new("posterior, median and 5 to 95 %", Mark::Line, &curve).band(&band);
        self.figure(name, &plot::data_with_fit(axes, &edges, &counts, &[fit])?)
    }

    /// The training curve of a posterior.
    pub fn training(&self, history: &[TrainingRecord]) -> Result<()> {
        let curve = |loss: fn(&TrainingRecord) -> f64| -> Vec<(f64, f64)> {
            history.iter().map(|r| (r.sets as f64, loss(r))).collect()
        };
        let figure = plot::training_curve(&curve(|r| r.loss), &curve(|r| r.validation))?;
        self.figure("training", &figure)
    }

    /// Writes `report.html`.
    pub fn report(&self, report: Report) -> Result<()> {
        let path = self.folder.join("report.html");
        report.save(&path)?;
        println!("the report, for a browser: {}", path.display());
        Ok(())
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes `summary.json`.
    pub fn summary(&self, summary: &Value) -> Result<()> {
        self.json("summary.json", summary)
    }

    /// Writes numbers to a file.
    pub fn json(&self, name: &str, value: &Value) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let part = self.folder.join(format!("{name}.part"));
        std::fs::write(&part, serde_json::to_string_pretty(value)? + "\n")?;
        Ok(std::fs::rename(part, self.folder.join(name))?)
    }
}

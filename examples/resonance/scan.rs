//! The paper's second experiment: how well the fraction is known, for a resonance of each of many true masses, by what is
//! kept of an event and by how the posterior is found.

use std::time::{Duration, Instant};

use hierarch::draws::diagnostics::quantile;
use hierarch::model::Likelihood;
use hierarch::plot::{self, Axes, Figure, Mark, Series};
use hierarch::prelude::*;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::common::Result;
use crate::exact::Exact;
use crate::model::{Resonance, ResonanceData, ResonanceGlobals};
use crate::statistic::{Classified, ClassifiedData, ClassifiedEvents, MARGINAL, NOMINAL, Statistic};

/// The ways to the posterior of the fraction: their names in `summary.json`, in the table, and in the figures.
const WAYS: [(&str, &str, &str); 5] = [
    ("exact", "exact", "exact"),
    ("nuts", "NUTS", "NUTS on x"),
    ("deep_set", "deep set", "deep set on x"),
    ("nominal", "nominal", "nominal statistic"),
    ("marginal", "marginal", "marginal statistic"),
];
const EXACT: usize = 0;
const NUTS: usize = 1;
const DEEP_SET: usize = 2;

/// Mean and sd of the fraction, by each way.
type Moments = [(f64, f64); WAYS.len()];

/// What is done at each mass.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    pub seed: u64,
    /// Data sets.
    pub sets: usize,
    /// Events in a data set, and the fraction of them that are from the resonance, on average.
    pub events: usize,
    pub fraction: f64,
    /// Of NUTS, one chain: in the same time it finds its way from mode to mode better than several short ones do.
    pub warmup: usize,
    pub draws: usize,
}

/// Medians over the data sets of one mass.
pub struct Position {
    mass: f64,
    medians: Moments,
    /// The share of data sets in which the mean of NUTS on x is more than half of the exact sd from the exact mean: a chain
    /// that has not found, or not left, one of the modes of the mass.
    nuts_off: f64,
}

/// -1, -0.75, ..., 2, and from there 2.2, 2.4, ..., 3.
pub fn masses() -> Vec<f64> {
    (-4..=8).map(|i| 0.25 * f64::from(i)).chain((1..=5).map(|i| 2.0 + 0.2 * f64::from(i))).collect()
}

impl Scan {
    /// All masses, one after the other, each with the data sets on all cores; prints a row for each.
    pub fn run(&self, estimator: &PosteriorEstimator<Resonance>) -> Result<Vec<Position>> {
        let names: String = WAYS.iter().map(|(_, name, _)| format!("{name:>10}")).collect();
        println!("{:>6}{:>50}{:>50}", "true", "median sd of the fraction", "median mean");
        println!("{:>6}{names}{names}", "mass");
        let position = |(i, mass): (usize, f64)| -> Result<Position> {
            let position = self.position(estimator, i as u64, mass)?;
            let row = |of: fn(&(f64, f64)) -> f64| -> String {
                position.medians.iter().map(|m| format!("{:>10.4}", of(m))).collect()
            };
            println!("{mass:>6.2}{}{}", row(|m| m.1), row(|m| m.0));
            Ok(position)
        };
        masses().into_iter().enumerate().map(position).collect()
    }

    fn position(&self, estimator: &PosteriorEstimator<Resonance>, index: u64, mass: f64) -> Result<Position> {
        let seed = self.seed ^ ((index + 1) << 32);
        let truth = ResonanceGlobals { fraction: self.fraction, mass };
        let simulate = estimator.model().simulate(self.sets).seed(seed).at(&truth);
        let simulations = simulate.size("events", self.events).run()?;
        // Chains of their own random numbers, not those of the data.
        let chains = |i: usize| !seed - i as u64;
        let each = simulations.par_iter().enumerate().map(|(i, s)| self.moments(estimator, &s.data, chains(i)));
        let each = each.collect::<std::result::Result<Vec<Moments>, InferenceError>>()?;
        let median = |way: usize, of: fn(&(f64, f64)) -> f64| {
            let mut all: Vec<f64> = each.iter().map(|moments| of(&moments[way])).collect();
            all.sort_by(f64::total_cmp);
            quantile(&all, 0.5)
        };
        let off = |m: &&Moments| (m[NUTS].0 - m[EXACT].0).abs() > 0.5 * m[EXACT].1;
        let nuts_off = each.iter().filter(off).count() as f64 / each.len() as f64;
        Ok(Position {
            mass,
            medians: std::array::from_fn(|way| (median(way, |m| m.0), median(way, |m| m.1))),
            nuts_off,
        })
    }

    /// By each way, for one data set.
    fn moments(
        &self,
        estimator: &PosteriorEstimator<Resonance>,
        data: &ResonanceData,
        seed: u64,
    ) -> std::result::Result<Moments, InferenceError> {
        let (model, x) = (estimator.model(), &data.events.x);
        let through = |variance: f64| {
            let statistic = Statistic::new(0.0, 1.0, variance);
            let data = ClassifiedData { events: ClassifiedEvents { s: x.iter().map(|x| statistic.of(*x)).collect() } };
            self.nuts(&Classified { width: model.width, variance }, &data, seed)
        };
        Ok([
            Exact::of_x(x, model.width, self.fraction).mean_and_sd(),
            self.nuts(model, data, seed)?,
            amortized(estimator, data)?,
            through(NOMINAL)?,
            through(MARGINAL)?,
        ])
    }

    fn nuts<M: Likelihood>(
        &self,
        model: &M,
        data: &M::Data,
        seed: u64,
    ) -> std::result::Result<(f64, f64), InferenceError> {
        let nuts = model.nuts(data).seed(seed).chains(1);
        let chains = nuts.warmup(self.warmup).draws(self.draws).run()?;
        Ok((chains.mean("fraction")?, chains.sd("fraction")?))
    }

    /// The time of a posterior by NUTS on x, with the settings of this scan, over that of an amortized one, from the data to
    /// mean and sd: each the median over 21 data sets from the prior, one after the other on one thread.
    pub fn speedup(&self, estimator: &PosteriorEstimator<Resonance>) -> Result<f64> {
        let simulations = estimator.model().simulate(21).seed(self.seed).size("events", self.events).run()?;
        let median = |run: &dyn Fn(&ResonanceData) -> Result<(f64, f64)>| -> Result<f64> {
            let time = |s: &Simulation<Resonance>| -> Result<Duration> {
                let started = Instant::now();
                std::hint::black_box(run(&s.data)?);
                Ok(started.elapsed())
            };
            let mut times = simulations.iter().map(time).collect::<Result<Vec<_>>>()?;
            times.sort();
            Ok(times[times.len() / 2].as_secs_f64())
        };
        let nuts = median(&|data| Ok(self.nuts(estimator.model(), data, self.seed)?))?;
        Ok(nuts / median(&|data| Ok(amortized(estimator, data)?))?)
    }
}

fn amortized(
    estimator: &PosteriorEstimator<Resonance>,
    data: &ResonanceData,
) -> std::result::Result<(f64, f64), InferenceError> {
    let summary = estimator.condition(data)?.summary();
    Ok(summary.rows.first().map_or((f64::NAN, f64::NAN), |row| (row.mean, row.sd)))
}

/// The largest |sd / exact sd - 1| of the medians over the masses, of the deep set and of NUTS on x.
pub fn sd_errors_max(scan: &[Position]) -> [f64; 2] {
    [DEEP_SET, NUTS]
        .map(|way| scan.iter().map(|p| (p.medians[way].1 / p.medians[EXACT].1 - 1.0).abs()).fold(0.0, f64::max))
}

/// The share of all data sets in which NUTS on x has not found its way.
pub fn nuts_off(scan: &[Position]) -> f64 {
    scan.iter().map(|p| p.nuts_off).sum::<f64>() / scan.len() as f64
}

/// For `summary.json`.
pub fn as_json(scan: &[Position]) -> Value {
    let position = |p: &Position| {
        let numbers = WAYS.iter().zip(&p.medians).flat_map(|((name, ..), (mean, sd))| {
            [(format!("{name}_mean"), json!(mean)), (format!("{name}_sd"), json!(sd))]
        });
        Value::Object(Map::from_iter(numbers.chain([("mass".to_owned(), json!(p.mass))])))
    };
    scan.iter().map(position).collect()
}

/// The sd of the fraction against the true mass, and its mean.
pub fn figures(scan: &[Position]) -> Result<[Figure; 2]> {
    let figure = |y: &str, of: fn(&(f64, f64)) -> f64| -> Result<Figure> {
        let curves: Vec<Vec<(f64, f64)>> =
            (0..WAYS.len()).map(|way| scan.iter().map(|p| (p.mass, of(&p.medians[way]))).collect()).collect();
        // NUTS lies on the exact curve: dots, and the curve under them.
        let marks = [Mark::Line, Mark::Points, Mark::LinePoints, Mark::LinePoints, Mark::LinePoints];
        let series: Vec<Series<'_>> = WAYS
            .iter()
            .zip(&curves)
            .zip(marks)
            .map(|(((.., label), points), mark)| Series::new(label, mark, points))
            .collect();
        let x = "true mass [sd of the background]";
        Ok(plot::lines(&Axes { x, y, ..Axes::default() }, &series)?)
    };
    Ok([
        figure("sd of the fraction's posterior, median over data sets", |m| m.1)?,
        figure("mean of the fraction's posterior, median over data sets", |m| m.0)?,
    ])
}

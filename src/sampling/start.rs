//! Where chains start.

use rand::RngExt;

use super::error::{STARTS, STEEP, UNKNOWN};
use super::metric::LinearMap;
use super::{AnyWeightedDraws, SampleError};
use crate::draws::{cumulative, pick};
use crate::hash::{NOTHING, fnv};
use crate::model::{AnyData, AnyDensity, AnyModel};
use crate::simulate::{Fixed, Stream, stream};
use crate::solve::take_failure;

/// The draws of the prior that tell its width, and the ratio of lengths from which on the shorter one is lost beside the longer.
const PRIOR: usize = 32;
const LOST: f64 = 1e6;

/// Returns a starting point where the density is finite: a draw of the known posterior if there is one, else uniform on
/// (-2, 2) in the unconstrained space as in Stan, but for globals of which that says nothing, else a draw of the prior.
pub(super) fn start(
    (model, data): (&dyn AnyModel, &dyn AnyData),
    chain: usize,
    known: Option<&Known<'_>>,
    density: &mut dyn AnyDensity,
    rng: &mut Stream,
) -> Result<Vec<f64>, SampleError> {
    let n = density.dimension();
    let mut gradient = vec![0.0; n];
    let (mut value, mut last) = (f64::NAN, vec![0.0; n]);
    let far = if known.is_some() { Vec::new() } else { far((model, data), rng.clone()) };
    for attempt in 0..STARTS {
        let q = if let Some(known) = known {
            known.draw(rng).to_vec()
        } else if attempt < STARTS / 2 {
            let mut q: Vec<f64> = (0..n).map(|_| rng.random_range(-2.0..2.0)).collect();
            far.iter().for_each(|(at, draws)| q[*at] = draws[attempt % draws.len()]);
            q
        } else {
            let seed = rng.random();
            let prior = Fixed::new(&model.specification(), &[], None, Some((data, true)));
            let Ok(drawn) = prior.and_then(|prior| model.draw(&prior, &mut stream(seed, 0))) else { continue };
            let mut q = model.unconstrain(drawn.globals(), Some((drawn.locals(), data)));
            // What is missing in the data is none of the locals that were drawn.
            q.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = rng.random_range(-2.0..2.0));
            q
        };
        if q.len() != n || q.iter().any(|x| !x.is_finite()) {
            continue;
        }
        let _ = take_failure();
        value = density.gradient(&q, &mut gradient);
        last.clone_from(&q);
        if value.is_finite() && gradient.iter().all(|g| g.is_finite()) {
            return Ok(q);
        }
    }
    // Of a solver that the density at the last point called.
    let failure = take_failure().map(|why| format!("; {why}"));
    let of = model.not_finite(data, &last).map(|of| format!(", {of}"));
    let unknown = if value.is_finite() { STEEP } else { UNKNOWN };
    Err(SampleError::NoStart { chain, value, of: of.unwrap_or(unknown.to_owned()) + &failure.unwrap_or_default() })
}

/// Finds the unconstrained numbers of globals whose prior is so narrow beside (-2, 2), or so far from there in its own width, that a
/// chain has lost the digits of the one when it comes from the other, as masses in kg are; with draws of the prior. A wide prior is
/// none of these: it may say nothing, as `Normal(0.0, 1e6)` of a coefficient, and its draws may be impossible.
fn far((model, data): (&dyn AnyModel, &dyn AnyData), mut rng: Stream) -> Vec<(usize, Vec<f64>)> {
    let prior = Fixed::new(&model.specification(), &[], None, Some((data, false))).map(Fixed::without_elements);
    // There is nothing to draw from a flat prior.
    let Ok(drawn) =
        prior.and_then(|prior| (0..PRIOR).map(|_| model.draw_globals(&prior, &mut rng)).collect::<Result<Vec<_>, _>>())
    else {
        return Vec::new();
    };
    let drawn: Vec<Vec<f64>> = drawn.iter().map(|numbers| model.unconstrain(&*model.globals(numbers), None)).collect();
    let of_globals = model.global_slots().last().map_or(0, |global| global.free.end);
    let draws = |at: usize| (at, drawn.iter().map(|q| q[at]).collect::<Vec<f64>>());
    let is_far = |(_, draws): &(usize, Vec<f64>)| {
        let (low, high) =
            draws.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), q| (low.min(*q), high.max(*q)));
        let (width, apart) = (high - low, (low - 2.0).max(-2.0 - high));
        width > 0.0 && width.is_finite() && (width < 1.0 / LOST || apart > LOST * width)
    };
    (0..of_globals).map(draws).filter(is_far).collect()
}

/// A known posterior: where chains start, and the metric of the space that they run in.
pub(super) struct Known<'a> {
    pub(super) metric: LinearMap,
    /// Unconstrained draws, one after the other, and the cumulative sums of their weights.
    q: &'a [f64],
    below: Vec<f64>,
}

impl<'a> Known<'a> {
    pub(super) fn new(refined: &'a AnyWeightedDraws, dimension: usize) -> Result<Self, SampleError> {
        let (q, weights) = refined.start();
        let found = q.len() / weights.len();
        if found != dimension {
            return Err(SampleError::OtherStart { found, dimension });
        }
        Ok(Self { metric: LinearMap::new(q, &weights), q, below: cumulative(&weights) })
    }

    /// Returns a hash of the draws and their weights.
    pub(super) fn hash(&self) -> u64 {
        fnv(NOTHING, self.q.iter().chain(&self.below).map(|x| x.to_bits()))
    }

    fn draw(&self, rng: &mut Stream) -> &[f64] {
        let dimension = self.q.len() / self.below.len();
        &self.q[pick(&self.below, rng) * dimension..][..dimension]
    }
}

#[cfg(test)]
mod tests {
    use hierarch_margins::{seed, within};

    use crate::prelude::*;
    use crate::sampling::Metric;

    model! {
        /// A mass in kg, a distance in m, a date in days and a number of no unit.
        pub Units {
            global mass ~ Normal(1.67e-27, 1e-28);
            global distance ~ Normal(3e25, 1e25);
            global date ~ Normal(2459000.5, 1e-4);
            global shift ~ Normal(0.0, 1.0);
            plate rows(1..=20) {
                observe m ~ Normal(mass, 1e-28);
                observe d ~ Normal(distance, 1e25);
                observe t ~ Normal(date, 1e-4);
                observe x ~ Normal(shift, 1.0);
            }
        }
    }

    #[test]
    fn chains_find_globals_of_any_unit() {
        let model = Units::default();
        let data = model.simulate(1).size("rows", 9).seed(seed(1)).one().unwrap().data;
        let rows = &data.rows;
        let of = [
            ("mass", 1.67e-27, 1e-28, &rows.m),
            ("distance", 3e25, 1e25, &rows.d),
            ("date", 2459000.5, 1e-4, &rows.t),
            ("shift", 0.0, 1.0, &rows.x),
        ];
        for metric in [Metric::Diagonal, Metric::LowRank] {
            let chains = model.nuts(&data).seed(seed(2)).metric(metric).run().unwrap();
            for (name, centre, unit, seen) in of {
                // The prior counts as one more row.
                let exact = seen.iter().map(|x| (x - centre) / unit).sum::<f64>() / 10.0;
                let (mean, sd) = (chains.mean(name).unwrap(), chains.sd(name).unwrap());
                within!(((mean - centre) / unit - exact).abs(), 0.05, "{name}, {metric:?}");
                within!((sd / unit - 0.1_f64.sqrt()).abs(), 0.03, "{name}, {metric:?}");
            }
        }
    }
}

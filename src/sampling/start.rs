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

/// Returns a starting point where the density is finite: a draw of the known posterior if there is one, else uniform on
/// (-2, 2) in the unconstrained space as in Stan, else a draw of the prior.
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
    for attempt in 0..STARTS {
        let q = if let Some(known) = known {
            known.draw(rng).to_vec()
        } else if attempt < STARTS / 2 {
            (0..n).map(|_| rng.random_range(-2.0..2.0)).collect()
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

//! The search for maxima of a likelihood: from draws of the prior, with a check of where it ends.

use rand::RngExt;

use super::error::UNKNOWN;
use super::fit_error::FitError;
use super::minimise::{Minimum, NoMinimum, minimise};
use super::newton::{Checked, check};
use crate::model::{AnyData, AnyDensity, AnyModel, DataError, GlobalSlot, Plate, PlateSize, Purpose, stream_for};
use crate::simulate::Fixed;

/// The number of draws of the prior from which the search chooses its starting points.
const DRAWS: usize = 256;
/// The largest number of starting points, and how often the best maximum must be found from them.
const STARTS: usize = 12;
const FOUND: usize = 3;
/// The largest difference of log likelihoods, in nats, that counts as the same maximum.
pub(super) const SAME: f64 = 1e-6;

/// A model, a data set of it, and a function that makes their density.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) model: &'a dyn AnyModel,
    pub(super) data: &'a dyn AnyData,
    pub(super) density: &'a (dyn Fn() -> Result<Box<dyn AnyDensity + 'a>, DataError> + Sync),
}

/// The search for maxima of the likelihood of one data set.
pub(super) struct Search<'a> {
    /// The names of the unconstrained numbers.
    names: &'a [String],
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    density: Box<dyn AnyDensity + 'a>,
    /// Unconstrained draws of the prior, and the standard deviation of each unconstrained number.
    draws: Vec<Vec<f64>>,
    scale: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> Search<'a> {
    pub(super) fn new(names: &'a [String], Given { model, data, density }: Given<'a>) -> Result<Self, FitError> {
        let density = density()?;
        let n = names.len();
        if density.dimension() > n {
            return Err(FitError::Locals { locals: density.dimension() - n });
        }
        let mut draws = prior(model, data);
        draws.retain(|q| q.len() == n && q.iter().all(|q| q.is_finite()));
        if draws.is_empty() {
            // There is nothing to draw from a flat prior.
            let mut rng = stream_for(Purpose::Search, 0, 1, 0);
            draws.extend((0..DRAWS).map(|_| (0..n).map(|_| rng.random_range(-2.0..2.0)).collect()));
        }
        let count = draws.len() as f64;
        let scale = |i: usize| {
            let mean = draws.iter().map(|q| q[i]).sum::<f64>() / count;
            let sd = (draws.iter().map(|q| (q[i] - mean).powi(2)).sum::<f64>() / count).sqrt();
            if sd > 0.0 && sd.is_finite() { sd } else { 1.0 }
        };
        let scale = (0..n).map(scale).collect();
        draws.push(vec![0.0; n]);
        Ok(Self { names, model, data, density, draws, scale, gradient: vec![0.0; n] })
    }

    /// Returns minus the log likelihood at the unconstrained numbers `q`, and leaves its gradient in `gradient`.
    fn value(&mut self, q: &[f64]) -> f64 {
        let value = self.density.likelihood_gradient(q, &mut self.gradient);
        self.gradient.iter_mut().for_each(|g| *g = -*g);
        -value
    }

    /// Returns the minimum of minus the log likelihood with the numbers `fixed`. The search starts from the best draws
    /// of the prior and from the positions `near`, all with the fixed numbers inserted.
    pub(super) fn maximum(&mut self, fixed: &[(usize, f64)], near: &[Vec<f64>]) -> Result<Checked, FitError> {
        let n = self.scale.len();
        let free: Vec<usize> = (0..n).filter(|i| fixed.iter().all(|(at, _)| at != i)).collect();
        let place = |mut q: Vec<f64>| {
            fixed.iter().for_each(|(at, value)| q[*at] = *value);
            q
        };
        let (mut last, mut at) = (f64::NAN, vec![0.0; n]);
        let mut score = |search: &mut Self, q: &[f64]| {
            at.copy_from_slice(q);
            last = search.value(q);
            (last.is_finite() && search.gradient.iter().all(|g| g.is_finite())).then_some(last)
        };
        let mut starts: Vec<(f64, Vec<f64>)> = Vec::new();
        let draws = if free.is_empty() { vec![vec![0.0; n]] } else { self.draws.clone() };
        let tried = draws.len() + near.len();
        for q in draws.into_iter().map(place) {
            starts.extend(score(self, &q).map(|value| (value, q)));
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts.truncate(STARTS);
        for q in near.iter().cloned().map(place) {
            if let Some(value) = score(self, &q) {
                starts.insert(0, (value, q));
            }
        }
        if starts.is_empty() {
            return Err(self.no_start(tried, last, &at));
        }
        if free.is_empty() {
            let (value, at) = starts.swap_remove(0);
            return Ok(Checked { minimum: Minimum { at, value }, flat: Vec::new() });
        }
        let scale: Vec<f64> = free.iter().map(|&i| self.scale[i]).collect();
        // Where each search ended, and whether it says that it is at a minimum.
        let mut ends: Vec<(Minimum, Option<NoMinimum>)> = Vec::new();
        for (_, start) in starts {
            let reduced: Vec<f64> = free.iter().map(|&i| start[i]).collect();
            ends.push(match minimise(&mut self.of_free(&free, &start), &reduced, &scale) {
                Ok(minimum) => (minimum, None),
                Err(no) => (Minimum { at: no.at.clone(), value: no.value }, Some(no)),
            });
            let found = || ends.iter().filter(|(_, no)| no.is_none()).map(|(end, _)| end.value);
            let least = found().fold(f64::INFINITY, f64::min);
            if found().filter(|value| *value < least + SAME).count() >= FOUND {
                break;
            }
        }
        ends.sort_by(|a, b| a.0.value.total_cmp(&b.0.value));
        let mut best: Option<Checked> = None;
        let mut failed: Option<(NoMinimum, bool)> = None;
        let fill = place(vec![0.0; n]);
        for (end, no) in ends {
            let before = end.value;
            let run = check(&mut self.of_free(&free, &fill), &end.at, &scale);
            // One search that ended at a minimum is as good as all; where one did not, the others may not have either.
            let done = matches!(&run, Ok(checked) if checked.minimum.value > before - SAME);
            match run {
                Ok(checked) if best.as_ref().is_none_or(|best| checked.minimum.value < best.minimum.value) => {
                    best = Some(checked);
                }
                Ok(_) => {}
                Err(end) => {
                    let rises = no.is_some();
                    let no = no.unwrap_or(end);
                    if failed.as_ref().is_none_or(|(failed, _)| no.value < failed.value) {
                        failed = Some((no, rises));
                    }
                }
            }
            if done {
                break;
            }
        }
        let whole = |at: &[f64], mut q: Vec<f64>| {
            free.iter().zip(at).for_each(|(&i, x)| q[i] = *x);
            q
        };
        match (best, failed) {
            // If one search fell below the others without finding a minimum, theirs are only local.
            (Some(best), Some((no, rises))) if no.value < best.minimum.value - SAME => {
                Err(self.no_maximum(&no, rises, &free, fixed))
            }
            (Some(Checked { minimum, flat }), _) => Ok(Checked {
                minimum: Minimum { at: whole(&minimum.at, fill), value: minimum.value },
                flat: flat.iter().map(|direction| whole(direction, vec![0.0; n])).collect(),
            }),
            (None, Some((no, rises))) => Err(self.no_maximum(&no, rises, &free, fixed)),
            (None, None) => Err(self.no_start(tried, last, &at)),
        }
    }

    fn no_start(&self, tried: usize, last: f64, at: &[f64]) -> FitError {
        let of = self.model.not_finite(self.data, at).map(|of| format!(", {of}"));
        FitError::NoStart { tried, value: -last, of: of.unwrap_or(UNKNOWN.to_owned()) }
    }

    /// Returns minus the log likelihood as a function of the `free` numbers alone, with its gradient; the others are as in `q`.
    fn of_free(&mut self, free: &[usize], q: &[f64]) -> impl FnMut(&[f64], &mut [f64]) -> f64 {
        let mut q = q.to_vec();
        move |x, gradient| {
            free.iter().zip(x).for_each(|(&i, x)| q[i] = *x);
            let value = self.value(&q);
            free.iter().zip(gradient).for_each(|(&i, g)| *g = self.gradient[i]);
            value
        }
    }

    /// Returns an error if other values of the globals are as likely as those at `best`. At the edge of a support the numbers may
    /// be anything, but the values hardly change.
    pub(super) fn check_unique(&self, best: &Checked) -> Result<(), FitError> {
        let best_at = &best.minimum.at;
        let away =
            |t: f64, direction: &[f64]| best_at.iter().zip(direction).map(|(q, d)| q + t * d).collect::<Vec<f64>>();
        for (direction, t) in best.flat.iter().flat_map(|direction| [(direction, 1.0), (direction, -1.0)]) {
            if let Some((_, name)) = self.change(best_at, &away(t, direction)).filter(|(change, _)| *change > SAME) {
                return Err(FitError::NotUnique { name });
            }
        }
        Ok(())
    }

    /// Returns the number that is most different at two positions, and by how much, in units of its range.
    fn change(&self, one: &[f64], other: &[f64]) -> Option<(f64, String)> {
        let values = |q: &[f64]| {
            let mut values = Vec::new();
            self.model.constrain(None, q, &mut values);
            values
        };
        let (one, other) = (values(one), values(other));
        let drawn: Vec<Vec<f64>> = self.draws.iter().map(|q| values(q)).collect();
        let change = |i: usize| {
            let all = || drawn.iter().map(|values| values[i]);
            let range = all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min);
            (other[i] - one[i]).abs() / (range + one[i].abs())
        };
        let slots = self.model.global_slots();
        let numbers = slots.iter().flat_map(|slot| slot.values.clone().zip(slot.components.clone()));
        numbers.map(|(i, name)| (change(i), name)).max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Returns an error if the likelihood goes on past `best` to infinity without ever falling again: along one number, or
    /// straight away from the middle of the prior or from zero. A number at the edge of its support is a maximum.
    pub(super) fn check_attained(&mut self, best: &Minimum, fixed: &[(usize, f64)]) -> Result<(), FitError> {
        let n = self.scale.len();
        let draws = &self.draws;
        let middle = (0..n).map(|i| draws.iter().map(|q| q[i]).sum::<f64>() / draws.len() as f64).collect();
        let mut directions = Vec::new();
        for centre in [middle, vec![0.0; n]] {
            let mut away: Vec<f64> = best.at.iter().zip(&centre).map(|(at, centre)| at - centre).collect();
            for (i, away) in away.iter_mut().enumerate() {
                if fixed.iter().any(|(at, _)| *at == i) || !self.is_unbounded(&best.at, i, *away) {
                    *away = 0.0;
                }
            }
            directions.extend((0..n).map(|i| (0..n).map(|k| if k == i { away[i] } else { 0.0 }).collect()));
            directions.push(away);
        }
        for direction in directions.into_iter().filter(|d: &Vec<f64>| d.iter().any(|d| *d != 0.0)) {
            let mut loss = |t: f64| {
                let q: Vec<f64> = best.at.iter().zip(&direction).map(|(at, d)| at + t * d).collect();
                self.value(&q) - best.value
            };
            // A number that the likelihood does not depend on falls on neither side.
            if [0.3, 1.0, 3.0, 10.0].iter().all(|&t| loss(t) < SAME) && loss(-0.9) > SAME {
                let far = |i: &usize| (direction[*i] / self.scale[*i]).abs();
                let most = (0..n).max_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0);
                let (name, value) = self.named_value(&best.at, most);
                return Err(FitError::AtInfinity { name, value });
            }
        }
        Ok(())
    }

    /// Returns whether the value of the unconstrained number `i` has no bound in the direction of `sign`.
    fn is_unbounded(&self, q: &[f64], i: usize, sign: f64) -> bool {
        let at = |far: f64| {
            let mut q = q.to_vec();
            q[i] = far.copysign(sign);
            self.named_value(&q, i).1
        };
        (at(600.0) - at(500.0)).abs() > 1.0
    }

    fn no_maximum(&self, no: &NoMinimum, rises: bool, free: &[usize], fixed: &[(usize, f64)]) -> FitError {
        let mut q = vec![0.0; self.scale.len()];
        fixed.iter().for_each(|(at, value)| q[*at] = *value);
        free.iter().zip(&no.at).for_each(|(&i, x)| q[i] = *x);
        let (name, value) = self.named_value(&q, free[no.steepest]);
        match rises {
            true => FitError::NoMaximum { name, value },
            false => FitError::NotConverged { name, value },
        }
    }

    /// Returns the name of the unconstrained number `i`, and its value at `q`.
    fn named_value(&self, q: &[f64], i: usize) -> (String, f64) {
        let mut values = Vec::new();
        self.model.constrain(None, q, &mut values);
        let name = self.names[i].clone();
        let slots = self.model.global_slots();
        let component =
            |slot: &GlobalSlot| slot.components.iter().position(|c| *c == name).map(|c| slot.values.start + c);
        let value = slots.iter().find_map(component).map_or(f64::NAN, |at| values[at]);
        (name, value)
    }
}

/// Returns unconstrained draws of the globals from their prior: those that can be drawn, with plates as small as
/// possible.
fn prior(model: &dyn AnyModel, data: &dyn AnyData) -> Vec<Vec<f64>> {
    fn least(plates: &[Plate], sizes: &mut Vec<(String, usize)>) {
        for plate in plates {
            match plate.size {
                PlateSize::Range(low, _) => sizes.push((plate.name.clone(), low)),
                PlateSize::Random { .. } => sizes.push((plate.name.clone(), 0)),
                PlateSize::Fixed(_) => {}
            }
            least(&plate.plates, sizes);
        }
    }
    let mut sizes = Vec::new();
    least(&model.specification().plates, &mut sizes);
    let Ok(fixed) = Fixed::new(&model.specification(), &sizes, None, Some((data, false))) else { return Vec::new() };
    let drawn = (0..DRAWS).filter_map(|i| model.draw(&fixed, &mut stream_for(Purpose::Search, 0, 0, i as u64)).ok());
    drawn.map(|simulation| model.unconstrain(simulation.globals(), None)).collect()
}

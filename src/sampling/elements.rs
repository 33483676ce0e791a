//! The locals of elements given the globals: elements that are independent of each other then are integrated over one by one.
//!
//! Given the globals the posterior of the locals is a product over groups of elements,
//!
//! ```text
//! p(locals | globals, data) = product over groups g of p(z_g, x_g | globals) / p(x_g | globals),
//! ```
//!
//! and K draws of z_g from a proposal that is near its factor give an unbiased estimate of p(x_g | globals): the mean of K weights.
//! The product of these estimates stands for the likelihood of the globals in their own weights, which stay exact: it is the
//! density of the globals and of all draws of the locals together, summed over which of the draws is meant (Andrieu & Roberts, *The
//! pseudo-marginal approach*, Annals of Statistics 2009). One of the K draws, chosen by its weight, is a draw of z_g. The variance
//! of the weights then does not grow with the number of elements, if K does.

use rand::RngExt;

use super::bump::Bump;
use crate::draws::{cumulative, has_discrete_global, pick};
use crate::model::{AnyData, AnyDensity, AnyModel, Frame, GroupDensities, Groups, Plate};
use crate::simulate::Stream;

/// The numbers that one group may have: of more, proposals of this kind miss too much.
const LARGEST: usize = 40;

/// The groups of elements of a data set, each independent of the others given the globals.
pub(super) struct Elements<'a> {
    model: &'a dyn AnyModel,
    data: &'a dyn AnyData,
    groups: Groups,
    /// The positions of the numbers of each group among all unconstrained numbers; those of globals come first.
    pub(super) numbers: Vec<Vec<usize>>,
    pub(super) globals: usize,
    /// The steps of a lattice, by the number of its dimensions.
    steps: Vec<Vec<f64>>,
}

impl<'a> Elements<'a> {
    /// Finds the groups, and checks at two points that they are independent; says why not if they are not.
    pub fn new(model: &'a dyn AnyModel, data: &'a dyn AnyData, density: &mut dyn AnyDensity) -> Result<Self, String> {
        let specification = model.specification();
        let frame = data.frame();
        let globals = model.global_slots().last().map_or(0, |global| global.free.end);
        if globals == density.dimension() {
            return Err("the model has no continuous locals".to_owned());
        }
        if globals == 0 {
            return Err("the model has no continuous globals".to_owned());
        }
        if has_discrete_global(&specification) {
            return Err("a discrete global joins all elements".to_owned());
        }
        let (groups, count) = joined(&specification.plates, &frame);
        let group = |plate: &Frame<'_>| {
            let at = frame.plates.iter().position(|other| other.name == plate.name)?;
            Some(groups[at].clone())
        };
        let groups = Groups::new(model, &frame, count, group);
        let numbers = groups.numbers();
        let largest = numbers.iter().map(Vec::len).max().unwrap_or(0);
        if largest > LARGEST {
            return Err(format!("{largest} locals depend on each other given the globals"));
        }
        let elements = Self { model, data, groups, numbers, globals, steps: (0..=largest).map(steps).collect() };
        elements.check(density)?;
        Ok(elements)
    }

    /// Checks that what a group adds to the density depends on its own locals alone, and that all add up to the density.
    fn check(&self, density: &mut dyn AnyDensity) -> Result<(), String> {
        let n = density.dimension();
        let point = |shift: f64| -> Vec<f64> {
            (0..n).map(|i| if i < self.globals { 0.1 } else { shift + 0.3 * ((i * 7919 % 13) as f64 / 13.0) }).collect()
        };
        let (one, other) = (point(0.1), point(-0.2));
        let mut mixed = one.clone();
        for numbers in self.numbers.iter().skip(1).step_by(2) {
            numbers.iter().for_each(|at| mixed[*at] = other[*at]);
        }
        let (of_one, of_other, of_mixed) =
            (self.log_densities(&one), self.log_densities(&other), self.log_densities(&mixed));
        let near = |a: f64, b: f64| !a.is_finite() || !b.is_finite() || (a - b).abs() <= 1e-8 * (1.0 + a.abs());
        let own = |(group, found): (usize, &f64)| {
            near(*found, if group % 2 == 0 { of_one.0[group] } else { of_other.0[group] })
        };
        if !of_mixed.0.iter().enumerate().all(own) || !near(of_one.1, of_mixed.1) {
            return Err("elements depend on the locals of others given the globals".to_owned());
        }
        let mut gradient = vec![0.0; n];
        let whole = density.gradient(&one, &mut gradient);
        let sum = of_one.0.iter().sum::<f64>() + of_one.1;
        match near(whole, sum) {
            true => Ok(()),
            false => Err("the density is not the product of those of its elements".to_owned()),
        }
    }

    /// Returns the log density of each group at `q`, and of the rest.
    pub fn log_densities(&self, q: &[f64]) -> (Vec<f64>, f64) {
        let mut visitor = GroupDensities::new(&self.groups, q, None, vec![0.0; self.groups.count]);
        self.model.walk(Some(self.data), None, None, &mut visitor);
        (visitor.joint, visitor.rest)
    }

    /// Estimates the log density of the globals at the beginning of `q` and of the data, by `draws` draws of the locals of each group
    /// around its bump, and replaces the locals in `q` by one of these. With `keep`, the locals in `q` count as one of the draws: then, if
    /// `q` is a draw of the posterior, the globals and all draws of the locals together are one of the density that is estimated.
    ///
    /// The draws of a group are a lattice with a random shift (Cranley & Patterson 1976): each by itself is a draw of the bump, and
    /// together they leave no gaps, so that their mean varies much less than that of independent ones.
    pub fn estimate(&self, bumps: &[Bump], q: &mut [f64], (draws, keep): (usize, bool), rng: &mut Stream) -> f64 {
        let shifts: Vec<Vec<f64>> = self
            .numbers
            .iter()
            .zip(bumps)
            .map(|(numbers, bump)| match keep {
                true => {
                    let kept: Vec<f64> = numbers.iter().map(|at| q[*at]).collect();
                    let at = rng.random_range(0..draws);
                    let lattice = self.lattice(numbers.len(), at, draws);
                    bump.shares(&kept).iter().zip(lattice).map(|(share, x)| (share - x).rem_euclid(1.0)).collect()
                }
                false => numbers.iter().map(|_| rng.random()).collect(),
            })
            .collect();
        let mut log_weights = vec![Vec::with_capacity(draws); self.groups.count];
        let mut tried = vec![Vec::with_capacity(draws); self.groups.count];
        let (mut at, mut rest) = (q.to_vec(), f64::NAN);
        for draw in 0..draws {
            for (group, numbers) in self.numbers.iter().enumerate() {
                let lattice = self.lattice(numbers.len(), draw, draws);
                let shares: Vec<f64> =
                    shifts[group].iter().zip(lattice).map(|(shift, x)| (shift + x).fract()).collect();
                let z = bumps[group].at(&shares);
                numbers.iter().zip(&z).for_each(|(to, z)| at[*to] = *z);
                tried[group].push(z);
            }
            let (joint, outside) = self.log_densities(&at);
            rest = outside;
            for (group, log_density) in joint.into_iter().enumerate() {
                let weight = log_density - bumps[group].log_density(&tried[group][draw]);
                log_weights[group].push(if weight.is_nan() { f64::NEG_INFINITY } else { weight });
            }
        }
        let mut log_density = rest;
        for ((weights, tried), numbers) in log_weights.iter().zip(&tried).zip(&self.numbers) {
            let highest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if !highest.is_finite() {
                return f64::NEG_INFINITY;
            }
            let each: Vec<f64> = weights.iter().map(|w| (w - highest).exp()).collect();
            let sum: f64 = each.iter().sum();
            log_density += highest + (sum / draws as f64).ln();
            let shares: Vec<f64> = each.iter().map(|w| w / sum).collect();
            let chosen = &tried[pick(&cumulative(&shares), rng)];
            numbers.iter().zip(chosen).for_each(|(to, z)| q[*to] = *z);
        }
        log_density
    }

    /// Returns the point `at` of a lattice of `count` points.
    fn lattice(&self, dimensions: usize, at: usize, count: usize) -> impl Iterator<Item = f64> {
        let first = (dimensions > 0).then_some(at as f64 / count as f64);
        let steps = self.steps.get(dimensions).map_or(&[][..], Vec::as_slice);
        first.into_iter().chain(steps.iter().map(move |step| at as f64 * step))
    }
}

/// Returns the steps of a lattice in the unit cube besides the first, which is the inverse of the number of points: the inverse powers of
/// the number x for which x^dimensions = x + 1, the golden ratio in two dimensions (Roberts 2018).
fn steps(dimensions: usize) -> Vec<f64> {
    let mut root = 2.0_f64;
    (0..60).for_each(|_| root = (1.0 + root).powf(1.0 / dimensions.max(2) as f64));
    (1..dimensions).map(|i| root.powi(-(i as i32))).collect()
}

/// Returns the group of each element of each outermost plate, and the number of groups. Elements are joined by an index, by the
/// order of a sequence, and by a variable whose values are one draw over the plate.
fn joined(plates: &[Plate], frame: &Frame<'_>) -> (Vec<Vec<usize>>, usize) {
    let starts: Vec<usize> = frame
        .plates
        .iter()
        .scan(0, |end, plate| {
            let start = *end;
            *end += plate.size;
            Some(start)
        })
        .collect();
    let count = frame.plates.iter().map(|plate| plate.size).sum();
    let mut parents: Vec<usize> = (0..count).collect();
    for (at, outer) in frame.plates.iter().enumerate() {
        let Some(plate) = plates.iter().find(|plate| plate.name == outer.name) else { continue };
        let own: Vec<usize> = (starts[at]..starts[at] + outer.size).collect();
        if plate.is_sequence() || of_all(plate) {
            own.windows(2).for_each(|pair| join(&mut parents, pair[0], pair[1]));
        }
        let named = |name: &str| {
            let at = frame.plates.iter().position(|plate| plate.name == name)?;
            Some((starts[at], frame.plates[at].size))
        };
        join_by_index(plate, outer, &own, &named, &mut parents);
    }
    let mut ids = vec![usize::MAX; count];
    let mut next = 0;
    let mut group = |element: usize| {
        let root = find(&mut parents, element);
        if ids[root] == usize::MAX {
            ids[root] = next;
            next += 1;
        }
        ids[root]
    };
    let groups: Vec<Vec<usize>> = frame
        .plates
        .iter()
        .zip(&starts)
        .map(|(plate, start)| (*start..start + plate.size).map(&mut group).collect())
        .collect();
    (groups, next)
}

/// Returns whether a plate, or one inside it, has a variable whose values are one draw over all elements.
fn of_all(plate: &Plate) -> bool {
    plate.variables.iter().any(|v| v.is_of_a_plate()) || plate.plates.iter().any(of_all)
}

/// Joins each outermost element, `owners` of the elements of `frame`, with those that are read by index in it.
fn join_by_index(
    plate: &Plate,
    frame: &Frame<'_>,
    owners: &[usize],
    named: &dyn Fn(&str) -> Option<(usize, usize)>,
    parents: &mut [usize],
) {
    for v in &plate.variables {
        let Some((start, size)) = v.index_of.as_deref().and_then(named) else { continue };
        let Some(column) = frame.columns.iter().find(|column| column.name == v.name) else { continue };
        for (i, owner) in owners.iter().enumerate() {
            let index = column.values.get(i) as usize;
            if index < size {
                join(parents, *owner, start + index);
            }
        }
    }
    for inner in &frame.plates {
        let Some(plate) = plate.plates.iter().find(|plate| plate.name == inner.name) else { continue };
        let offsets = inner.offsets.as_deref().unwrap_or_default();
        let of_inner: Vec<usize> =
            offsets.windows(2).zip(owners).flat_map(|(w, owner)| vec![*owner; w[1] - w[0]]).collect();
        join_by_index(plate, inner, &of_inner, named, parents);
    }
}

fn find(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

fn join(parents: &mut [usize], one: usize, other: usize) {
    let (one, other) = (find(parents, one), find(parents, other));
    parents[one.max(other)] = one.min(other);
}

//! A joint distribution over globals and locals, from the networks of a joint estimator and one data set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rand::RngExt;
use rayon::prelude::*;

use super::hierarchy::{EncodedData, Latents, PlateLatents};
use super::joint_networks::{AnyJointEstimator, judge};
use super::link::Link;
use super::posterior::AnyPosterior;
use super::units::{places, push_targets};
use super::{InferenceError, RequestError};
use crate::draws::Draws;
use crate::model::{
    AnyData, AnyGlobals, AnyLocals, Column, Frame, Kind, LocalRange, Role, UnknownName, Values, check_local_frames,
    inferred_places, local_ranges,
};
use crate::model::{AnyModel, Purpose, stream_for};
use crate::progress::Progress;
use crate::sampling::Proposal;
use crate::simulate::Stream;

/// The number of draws that represent the distribution, for means, sds and quantiles.
const POINTS: usize = 2000;

/// A joint distribution over globals and locals of some model.
#[derive(Debug)]
pub(crate) struct AnyJointPosterior {
    of: Arc<AnyJointEstimator>,
    data: Arc<dyn AnyData>,
    parts: EncodedData,
    /// The positions of the numbers of each continuous local.
    ranges: Vec<Option<LocalRange>>,
    pub(super) globals: Option<Arc<AnyPosterior>>,
    /// What of the data is beyond what the networks were trained on.
    beyond: Vec<String>,
    points: OnceLock<Points>,
}

/// The draws that represent the distribution.
#[derive(Clone, Debug)]
struct Points {
    draws: Draws,
    /// For each plate and each of its discrete locals, the mean probabilities of its categories, element after element.
    probabilities: Vec<Vec<Vec<f64>>>,
}

/// Some draws.
#[derive(Clone, Debug)]
struct JointDraws {
    /// The unconstrained numbers of all latent variables (draws x numbers), and the log density of each draw in that
    /// space, with discrete locals summed out.
    q: Vec<f64>,
    log_densities: Vec<f64>,
    latents: Latents,
    /// For each plate and each of its discrete locals, the mean probabilities of its categories, element after element.
    probabilities: Vec<Vec<Vec<f64>>>,
}

impl AnyJointPosterior {
    pub(super) fn new(of: Arc<AnyJointEstimator>, data: Arc<dyn AnyData>) -> Result<Self, InferenceError> {
        if let Some((_, name, _)) = inferred_places(&of.model.specification().plates, &data.frame()).into_iter().next()
        {
            return Err(RequestError::Missing { name }.into());
        }
        let globals = of.condition_globals(&*data)?.map(Arc::new);
        let parts = of.hierarchy.parts(&data.frame());
        of.hierarchy.check(&parts)?;
        let ranges = local_ranges(&of.hierarchy.globals, &of.hierarchy.slots, &data.frame());
        let beyond = of.hierarchy.units.reach.beyond(&data.frame(), true).warnings().collect();
        Ok(Self { of, data, parts, ranges, globals, beyond, points: OnceLock::new() })
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.of.warnings().into_iter().chain(self.beyond.clone()).collect()
    }

    pub(super) fn model(&self) -> &dyn AnyModel {
        &*self.of.model
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let hierarchy = &self.of.hierarchy;
        let mut names = self.continuous_names();
        for (plate, own) in hierarchy.plates.iter().enumerate() {
            let elements = hierarchy.elements(&self.parts, plate);
            for (slot, _) in &own.discrete {
                names.extend((0..elements).map(|i| format!("{}[{i}]", hierarchy.slots[*slot].name)));
            }
        }
        names
    }

    /// Returns the names of the globals and the continuous locals.
    fn continuous_names(&self) -> Vec<String> {
        let mut names = self.of.model.names(Some(&*self.data));
        if self.globals.is_none() {
            names.drain(..self.of.hierarchy.globals.last().map_or(0, |g| g.values.end));
        }
        names
    }

    pub(crate) fn sample(&self, count: usize, seed: u64) -> Vec<Vec<f64>> {
        if count == 0 {
            return vec![Vec::new(); self.names().len()];
        }
        let globals = self
            .globals
            .as_ref()
            .map(|posterior| posterior.estimate.sample(count, &mut stream_for(Purpose::Posterior, seed, 0, 0)));
        self.columns(&self.draw(globals, count, seed))
    }

    pub(crate) fn sample_with_log_density(&self, count: usize, seed: u64) -> Option<(Vec<Vec<f64>>, Vec<f64>)> {
        let globals = self.globals.as_ref()?.estimate.sample(count, &mut stream_for(Purpose::Posterior, seed, 0, 0));
        if self.of.hierarchy.plates.iter().any(|plate| !plate.discrete.is_empty()) {
            return None;
        }
        let drawn = self.draw(Some(globals), count, seed);
        let dimension = drawn.q.len() / count.max(1);
        let jacobian = |q: &[f64]| self.of.model.log_jacobian_of_all(&*self.data, q);
        let each = drawn.q.chunks_exact(dimension.max(1)).zip(&drawn.log_densities);
        let log_densities = each.map(|(q, log_density)| log_density - jacobian(q)).collect();
        Some((self.columns(&drawn), log_densities))
    }

    pub(crate) fn draws(&self, count: usize, seed: u64) -> Result<Vec<(Vec<f64>, Frame<'static>)>, InferenceError> {
        let hierarchy = &self.of.hierarchy;
        let inferred = |slot: usize| {
            let own = |own: &super::hierarchy::PlateParts| {
                own.continuous.iter().any(|c| c.0 == slot) || own.discrete.iter().any(|d| d.0 == slot)
            };
            hierarchy.plates.iter().any(own)
        };
        if let Some(slot) = (0..hierarchy.slots.len()).find(|slot| !inferred(*slot)) {
            return Err(RequestError::NotInferred { name: hierarchy.slots[slot].name.clone() }.into());
        }
        if let (None, Some(global)) = (&self.globals, hierarchy.globals.first()) {
            return Err(RequestError::NotInferred { name: global.name.clone() }.into());
        }
        let columns = self.sample(count, seed);
        let of_globals = hierarchy.globals.last().map_or(0, |g| g.values.end);
        let frame = self.data.frame();
        // The first column of each local.
        let mut next = self.of.model.names(Some(&*self.data)).len();
        let mut starts: Vec<usize> = self.ranges.iter().map(|r| r.as_ref().map_or(0, |r| r.values.start)).collect();
        for (plate, own) in hierarchy.plates.iter().enumerate() {
            for (slot, _) in &own.discrete {
                starts[*slot] = next;
                next += hierarchy.elements(&self.parts, plate);
            }
        }
        let specification = self.of.model.specification();
        let draw = |draw: usize| {
            let globals: Vec<f64> = columns[..of_globals].iter().map(|column| column[draw]).collect();
            let numbers = |slot: usize, elements: usize| -> Vec<f64> {
                let width = hierarchy.slots[slot].width;
                let of =
                    |element: usize, component: usize| columns[starts[slot] + component * elements + element][draw];
                (0..elements).flat_map(|element| (0..width).map(move |component| of(element, component))).collect()
            };
            let frame = locals_frame(&frame, &specification.plates, &specification, &mut 0, &numbers);
            (globals, frame)
        };
        Ok((0..count).map(draw).collect())
    }

    pub(crate) fn probabilities(&self, name: &str) -> Result<Vec<f64>, UnknownName> {
        let hierarchy = &self.of.hierarchy;
        let (mut names, mut all) = (Vec::new(), Vec::new());
        for (own, probabilities) in hierarchy.plates.iter().zip(&self.points().probabilities) {
            for ((slot, categories), of_all) in own.discrete.iter().zip(probabilities) {
                let local = &hierarchy.slots[*slot].name;
                names.extend((0..of_all.len() / categories).map(|element| format!("{local}[{element}]")));
                all.extend(of_all.chunks_exact(*categories));
            }
        }
        UnknownName::find("discrete local", name, &names).map(|at| all[at].to_vec())
    }

    pub(crate) fn log_density(&self, globals: &dyn AnyGlobals, locals: &dyn AnyLocals) -> Result<f64, InferenceError> {
        check_local_frames(&locals.frame(), &self.data.frame())?;
        let (hierarchy, model) = (&self.of.hierarchy, &self.of.model);
        if let (None, Some(global)) = (&self.globals, hierarchy.globals.first()) {
            return Err(RequestError::NotInferred { name: global.name.clone() }.into());
        }
        let latents = hierarchy.latents_of(&**model, globals, locals, &*self.data);
        let q = model.unconstrain(globals, Some((locals, &*self.data)));
        let mut at = Vec::new();
        push_targets(&q, &hierarchy.globals, &mut at);
        let at: Vec<f64> = at.into_iter().map(f64::from).collect();
        let mut log_density = self.globals.as_ref().map_or(0.0, |posterior| posterior.estimate.log_densities(&at)[0]);
        for local in &self.of.networks {
            let own = &latents.plates[local.task.plate];
            for element in 0..hierarchy.elements(&self.parts, local.task.plate) {
                let own = of_element(own, element, hierarchy.elements(&self.parts, local.task.plate));
                let mut targets = Vec::new();
                local.task.push_targets(hierarchy, &own, 0, &mut targets);
                let targets: Vec<f64> = targets.into_iter().map(f64::from).collect();
                let estimates = judge(&self.of, local, &self.parts, &latents, &own, element)?;
                log_density += estimates.first().map_or(f64::NAN, |estimate| estimate.log_densities(&targets)[0]);
            }
        }
        Ok(log_density + self.log_slopes(&q) - model.log_jacobian_of_all(&*self.data, &q))
    }

    /// Returns the draws that means, quantiles and tables are taken of.
    pub(crate) fn representative(&self) -> &Draws {
        &self.points().draws
    }

    fn points(&self) -> &Points {
        if let Some(points) = self.points.get() {
            return points;
        }
        // Computed before the cell is locked: threads that wait inside a parallel loop may call this function again.
        let globals = self.globals.as_ref().map(|posterior| posterior.estimate.points(POINTS));
        let width = self.globals.as_ref().map_or(1, |posterior| posterior.estimate.dims());
        let count = globals.as_ref().map_or(POINTS, |points| points.len() / width);
        // Random numbers differ between data sets: the same ones would make all results wrong in the same direction.
        let drawn = self.draw(globals, count, self.parts.data.hash());
        let draws = Draws::new(self.names().into_iter().zip(self.columns(&drawn)));
        let points = Points { draws, probabilities: drawn.probabilities };
        self.points.get_or_init(|| points)
    }

    /// Draws the locals, given `globals`: draws of what the network for the globals infers (draws x numbers).
    fn draw(&self, globals: Option<Vec<f64>>, count: usize, seed: u64) -> JointDraws {
        let hierarchy = &self.of.hierarchy;
        let mut log_densities = match (&self.globals, &globals) {
            (Some(posterior), Some(globals)) => posterior.estimate.log_densities(globals),
            _ => vec![0.0; count],
        };
        let mut latents = Latents {
            draws: count,
            globals: globals.iter().flatten().map(|z| *z as f32).collect(),
            plates: Vec::new(),
        };
        let mut probabilities = Vec::new();
        for (plate, own) in hierarchy.plates.iter().enumerate() {
            let (numbers, discrete) = (own.numbers(), own.discrete.len());
            let networks: Vec<_> = self.of.networks.iter().filter(|local| local.task.plate == plate).collect();
            let of_element = |element: usize| {
                let mut rng = stream_for(Purpose::Posterior, seed, plate as u64 + 1, element as u64);
                let mut own_latents =
                    PlateLatents { numbers: vec![f32::NAN; count * numbers], categories: vec![0.0; count * discrete] };
                let mut log_density = vec![0.0; count];
                let mut shares: Vec<Vec<f64>> = own.discrete.iter().map(|(_, k)| vec![0.0; *k]).collect();
                for local in &networks {
                    let Ok(estimates) = judge(&self.of, local, &self.parts, &latents, &own_latents, element) else {
                        // The data are checked, so it is the draws that are not finite; nor is what follows from them.
                        own_latents.numbers.fill(f32::NAN);
                        log_density.fill(f64::NAN);
                        continue;
                    };
                    for (draw, log_density) in log_density.iter_mut().enumerate() {
                        let Some(estimate) = estimates.get(draw).or(estimates.first()) else { continue };
                        let mut drawn = estimate.sample(1, &mut rng);
                        // Rounded to what networks read, and what the density is evaluated at.
                        drawn.iter_mut().for_each(|z| *z = f64::from(*z as f32));
                        match local.task.discrete {
                            None => {
                                *log_density += estimate.log_densities(&drawn)[0];
                                let to = &mut own_latents.numbers[draw * numbers..(draw + 1) * numbers];
                                to.iter_mut().zip(&drawn).for_each(|(to, z)| *to = *z as f32);
                            }
                            Some(at) => {
                                own_latents.categories[draw * discrete + at] = drawn[0] as f32;
                                let share = &mut shares[at];
                                for (k, share) in share.iter_mut().enumerate() {
                                    *share += estimate.log_densities(&[k as f64])[0].exp() / count as f64;
                                }
                            }
                        }
                    }
                }
                (own_latents, log_density, shares)
            };
            let elements = hierarchy.elements(&self.parts, plate);
            let (bar, done) = (Progress::new("drawing locals", elements as u64), AtomicU64::new(0));
            let counted = |element| {
                let drawn = of_element(element);
                bar.set(done.fetch_add(1, Ordering::Relaxed), || format!("elements of `{}`,", own.name));
                drawn
            };
            let drawn: Vec<_> = (0..elements).into_par_iter().map(counted).collect();
            let (mut all, mut of_all) = (PlateLatents::default(), vec![Vec::new(); discrete]);
            for (own, log_density, shares) in drawn {
                all.numbers.extend(own.numbers);
                all.categories.extend(own.categories);
                log_densities.iter_mut().zip(log_density).for_each(|(sum, log_density)| *sum += log_density);
                of_all.iter_mut().zip(shares).for_each(|(all, share)| all.extend(share));
            }
            latents.plates.push(all);
            probabilities.push(of_all);
        }
        let q = self.unconstrained(&latents, globals.as_deref());
        let dimension = q.len() / count.max(1);
        let slopes = q.par_chunks(dimension.max(1)).map(|q| self.log_slopes(q));
        let slopes: Vec<f64> = slopes.collect();
        log_densities.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
        JointDraws { q, log_densities, latents, probabilities }
    }

    /// Returns the unconstrained numbers of some draws.
    fn unconstrained(&self, latents: &Latents, globals: Option<&[f64]>) -> Vec<f64> {
        let hierarchy = &self.of.hierarchy;
        let dimension = self.of.model.dimension(&*self.data);
        let of_globals: usize = hierarchy.globals.iter().map(|g| g.free.len()).sum();
        let mut all = vec![f64::NAN; latents.draws * dimension];
        for (draw, q) in all.chunks_exact_mut(dimension.max(1)).enumerate() {
            if let Some(globals) = globals {
                let mut z = globals[draw * of_globals..].iter();
                for slot in &hierarchy.globals {
                    let numbers = q[slot.free.clone()].iter_mut().zip(&slot.links).zip(&mut z);
                    numbers.for_each(|((q, link), z)| *q = link.inverse(*z));
                }
            }
            for (own, latents_of) in hierarchy.plates.iter().zip(&latents.plates) {
                let (numbers, mut before) = (own.numbers(), 0);
                for (slot, links) in &own.continuous {
                    let Some(range) = &self.ranges[*slot] else { continue };
                    for element in 0..range.elements {
                        let z =
                            &latents_of.numbers[(element * latents.draws + draw) * numbers + before..][..links.len()];
                        for (component, (z, link)) in z.iter().zip(links).enumerate() {
                            q[range.free.start + component * range.elements + element] = link.inverse(f64::from(*z));
                        }
                    }
                    before += links.len();
                }
            }
        }
        all
    }

    /// Returns the sum of ln dz/dq over all inferred numbers.
    fn log_slopes(&self, q: &[f64]) -> f64 {
        let hierarchy = &self.of.hierarchy;
        let of_globals: f64 = match &self.globals {
            Some(_) => places(&hierarchy.globals).map(|(at, link)| link.log_slope(q[at])).sum(),
            None => 0.0,
        };
        let of_local = |(slot, links): &(usize, Vec<Link>)| {
            let range = self.ranges[*slot].as_ref()?;
            let components = q[range.free.clone()].chunks(range.elements.max(1)).zip(links);
            Some(components.flat_map(|(q, link)| q.iter().map(|q| link.log_slope(*q))).sum::<f64>())
        };
        let of_locals = hierarchy.plates.iter().flat_map(|plate| &plate.continuous).filter_map(of_local);
        of_globals + of_locals.sum::<f64>()
    }

    /// Returns the values of each name.
    fn columns(&self, drawn: &JointDraws) -> Vec<Vec<f64>> {
        let hierarchy = &self.of.hierarchy;
        let dimension = self.of.model.dimension(&*self.data).max(1);
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut values = Vec::new();
        for q in drawn.q.chunks_exact(dimension) {
            self.of.model.constrain(Some(&*self.data), q, &mut values);
            columns.resize_with(values.len(), || Vec::with_capacity(drawn.latents.draws));
            columns.iter_mut().zip(&values).for_each(|(column, x)| column.push(*x));
        }
        if self.globals.is_none() {
            columns.drain(..hierarchy.globals.last().map_or(0, |g| g.values.end));
        }
        for (own, latents) in hierarchy.plates.iter().zip(&drawn.latents.plates) {
            let count = own.discrete.len();
            for at in 0..count {
                let of_element = |codes: &[f32]| codes.iter().skip(at).step_by(count).map(|k| f64::from(*k)).collect();
                columns.extend(latents.categories.chunks_exact(drawn.latents.draws * count).map(of_element));
            }
        }
        columns
    }
}

/// A proposal for the globals and the continuous locals; the discrete ones are summed out. Continuous locals in a plate
/// below a discrete one are drawn given its value, and their density with it summed out is not known: they are left out
/// of the names, so that importance sampling refuses such a model.
impl Proposal for AnyJointPosterior {
    fn latent_names(&self) -> Vec<String> {
        let hierarchy = &self.of.hierarchy;
        let below: Vec<&str> = hierarchy.below_discrete().map(|slot| hierarchy.slots[slot].name.as_str()).collect();
        let known = |name: &String| !below.contains(&name.split('[').next().unwrap_or(name));
        self.continuous_names().into_iter().filter(known).collect()
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        let count = log_density.len();
        let globals = self.globals.as_ref().map(|posterior| posterior.estimate.sample(count, rng));
        let drawn = self.draw(globals, count, rng.random());
        q.copy_from_slice(&drawn.q);
        log_density.copy_from_slice(&drawn.log_densities);
    }
}

/// Returns the latent variables of one of `elements` elements.
fn of_element(all: &PlateLatents, element: usize, elements: usize) -> PlateLatents {
    let own = |values: &[f32]| {
        let each = values.len() / elements;
        values[element * each..(element + 1) * each].to_vec()
    };
    PlateLatents { numbers: own(&all.numbers), categories: own(&all.categories) }
}

/// Returns the locals as columns; `next` counts the slots in their order, and `numbers` returns the numbers of a slot
/// for a given number of elements.
fn locals_frame(
    data: &Frame<'_>,
    plates: &[crate::model::Plate],
    specification: &crate::model::Specification,
    next: &mut usize,
    numbers: &dyn Fn(usize, usize) -> Vec<f64>,
) -> Frame<'static> {
    let inner = specification.data_plates(plates).zip(&data.plates).map(|(plate, data)| {
        let locals = plate.variables.iter().filter(|v| v.role == Role::Local);
        let columns = locals.map(|v| {
            let values = numbers(*next, data.size);
            *next += 1;
            let values = match v.kind {
                Kind::Bool => Values::Bool(values.iter().map(|x| *x != 0.0).collect()),
                Kind::Category => Values::Category(values.iter().map(|x| *x as usize).collect()),
                Kind::Count => Values::Count(values.iter().map(|x| *x as u64).collect()),
                Kind::Real | Kind::Pixels => Values::Real(values.into()),
            };
            Column { name: "", width: v.len(), values, there: None }
        });
        let columns = columns.collect();
        let plates = locals_frame(data, &plate.plates, specification, next, numbers).plates;
        Frame { name: data.name, size: data.size, offsets: None, columns, plates }
    });
    let plates = inner.collect();
    Frame { name: data.name, size: data.size, offsets: None, columns: Vec::new(), plates }
}

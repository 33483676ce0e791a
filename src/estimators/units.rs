//! The units in which networks read data and latent variables.
//!
//! Networks compute in f32, which holds seven digits. What they read is therefore centred and scaled in f64, by the
//! median and the quartiles of some simulations of the prior (see [`Link`]): a time of 2459000.25 days, known to a hundredth of a day,
//! is read as well as one of 0.25.

use std::borrow::Borrow;
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::link::Link;
use super::reach::Reach;
use super::trial;
use super::{BankError, InferenceError};
use crate::files::{atomic_write, read};
use crate::model::{AnyModel, AnySimulation, Frame, GlobalSlot, LocalValues, Values, local_ranges};
use crate::model::{Kind, Plate, Purpose, Specification, Variable, stream_for};
use crate::nn;
use crate::simulate::{Fixed, SimulateError};

/// The number of simulations that units are taken from.
pub(super) const SIMULATIONS: usize = 256;
/// The most numbers of a column that quantiles are taken of.
const MOST: usize = 20_000;
/// Counts up to this one are read as they are, exactly.
const LARGE: f64 = (1 << 22) as f64;

/// The unit of a number of the data: as it is, or the link of it or of the logarithm of a large count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Unit {
    /// Read as it is.
    Plain,
    /// Read as a real number, or as ln(1 + x) of one.
    Linked {
        /// Whether the logarithm is read.
        log: bool,
        /// The link of it.
        link: Link,
    },
}

impl Unit {
    #[inline]
    pub(super) fn read(self, x: f64) -> f32 {
        match self {
            Self::Plain => x as f32,
            Self::Linked { log: false, link } => link.forward(x) as f32,
            Self::Linked { log: true, link } => link.forward(x.ln_1p()) as f32,
        }
    }

    fn fit(mut values: Vec<f64>, log: bool) -> Self {
        if log {
            values.iter_mut().for_each(|x| *x = x.ln_1p());
        }
        Self::Linked { log, link: Link::fit(false, &mut values) }
    }

    fn is_valid(&self) -> bool {
        matches!(self, Self::Plain) || matches!(self, Self::Linked { link, .. } if link.is_valid(false))
    }
}

/// A global, and the links of its unconstrained numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    slot: GlobalSlot,
    pub(super) links: Vec<Link>,
}

impl Deref for Target {
    type Target = GlobalSlot;

    fn deref(&self) -> &GlobalSlot {
        &self.slot
    }
}

impl Borrow<GlobalSlot> for Target {
    fn borrow(&self) -> &GlobalSlot {
        &self.slot
    }
}

/// Returns the positions of the unconstrained numbers of `targets`, and their links.
pub(super) fn places(targets: &[Target]) -> impl Iterator<Item = (usize, Link)> + '_ {
    targets.iter().flat_map(|target| target.free.clone().zip(target.links.iter().copied()))
}

/// Adds the numbers that a network infers of `targets`; `q` are all unconstrained numbers of a data set's globals.
pub(super) fn push_targets(q: &[f64], targets: &[Target], to: &mut Vec<f32>) {
    to.extend(places(targets).map(|(at, link)| link.forward(q[at]) as f32));
}

/// The units of all numbers of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Units {
    /// For each column of the data a unit for each component: the columns outside plates, then those of each plate, depth
    /// first.
    columns: Vec<Vec<Unit>>,
    /// For each global the links of its unconstrained numbers.
    globals: Vec<Vec<Link>>,
    /// For each local the links of its unconstrained numbers in one element; none for a discrete one.
    pub(super) locals: Vec<Vec<Link>>,
    /// What covariates were like. Files of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Reach::is_empty")]
    pub(super) reach: Reach,
}

impl Units {
    /// Takes the units from simulations of their own.
    ///
    /// # Errors
    /// A simulation cannot be drawn.
    pub(super) fn of(model: &dyn AnyModel, fixed: &Fixed<'_>) -> Result<Self, SimulateError> {
        let draw = |i| model.draw(fixed, &mut stream_for(Purpose::Units, 0, 0, i));
        let drawn = (0..SIMULATIONS as u64).into_par_iter().map(draw).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of_simulations(model, &drawn))
    }

    /// Returns the units of no simulations, for what only needs the layout of a model.
    pub(super) fn plain(model: &dyn AnyModel) -> Self {
        Self::of_simulations(model, &[])
    }

    /// Takes the units from `simulations` of the prior.
    pub(super) fn of_simulations(model: &dyn AnyModel, simulations: &[Box<dyn AnySimulation>]) -> Self {
        let (globals, locals) = (model.global_slots(), model.local_slots());
        let mut columns = Vec::new();
        let mut of_globals: Vec<Vec<Vec<f64>>> = globals.iter().map(|g| vec![Vec::new(); g.free.len()]).collect();
        let mut of_locals: Vec<Vec<Vec<f64>>> = locals
            .iter()
            .map(|slot| match slot.values {
                LocalValues::Continuous { free, .. } => vec![Vec::new(); free],
                LocalValues::Discrete { .. } => Vec::new(),
            })
            .collect();
        for simulation in simulations {
            let frame = simulation.data().frame();
            let mut at = 0;
            collect(&frame, &mut at, &mut columns);
            let q = model.unconstrain(simulation.globals(), Some((simulation.locals(), simulation.data())));
            for (slot, all) in globals.iter().zip(&mut of_globals) {
                slot.free.clone().zip(all).for_each(|(at, all)| add(all, q[at]));
            }
            let ranges = local_ranges(&globals, &locals, &frame);
            for (range, all) in ranges.iter().zip(&mut of_locals) {
                let Some(range) = range else { continue };
                for (component, all) in all.iter_mut().enumerate() {
                    let start = range.free.start + component * range.elements;
                    q[start..start + range.elements].iter().for_each(|&q| add(all, q));
                }
            }
        }
        let links = |numbers: Vec<Vec<f64>>, bounded: bool| {
            numbers.into_iter().map(|mut numbers| Link::fit(bounded, &mut numbers)).collect()
        };
        Self {
            columns: columns.into_iter().map(Gathered::units).collect(),
            globals: of_globals.into_iter().zip(&globals).map(|(all, slot)| links(all, slot.bounded)).collect(),
            locals: of_locals.into_iter().zip(&locals).map(|(all, slot)| links(all, slot.is_bounded())).collect(),
            reach: Reach::of(&model.specification(), simulations.iter().map(|simulation| simulation.data().frame())),
        }
    }

    /// Returns the units for a family of posteriors that can follow an edge.
    pub(super) fn for_flow(mut self) -> Self {
        self.globals.iter_mut().flatten().for_each(|link| *link = link.for_flow());
        self
    }

    /// Returns the globals `slots` of `model` with their links.
    pub(super) fn targets(&self, model: &dyn AnyModel, slots: Vec<GlobalSlot>) -> Vec<Target> {
        let all = model.global_slots();
        let links = |slot: &GlobalSlot| all.iter().position(|g| g.name == slot.name).map(|at| self.globals[at].clone());
        slots.into_iter().map(|slot| Target { links: links(&slot).unwrap_or_default(), slot }).collect()
    }

    /// Returns the first number of `data` that is too large for a network in its unit, and where it is.
    pub(super) fn unreadable(&self, data: &Frame<'_>) -> Option<(String, f64)> {
        fn find(frame: &Frame<'_>, columns: &mut std::slice::Iter<'_, Vec<Unit>>) -> Option<(String, f64)> {
            for column in &frame.columns {
                let units = columns.next()?;
                let there = (0..column.values.len()).zip(units.iter().cycle()).filter(|(i, _)| column.is_there(*i));
                let wrong =
                    there.map(|(i, unit)| (i, unit, column.get(i))).find(|(_, unit, x)| !unit.read(*x).is_finite());
                if let Some((i, _, x)) = wrong {
                    let element = i / column.width.max(1);
                    let place = match frame.name {
                        "" => format!("`{}`", column.name),
                        plate => format!("`{}` of element {element} of the plate `{plate}`", column.name),
                    };
                    return Some((place, x));
                }
            }
            frame.plates.iter().find_map(|plate| find(plate, columns))
        }
        find(data, &mut self.columns.iter())
    }

    /// Returns the units of each column, in the order of `columns`.
    pub(super) fn columns(&self) -> impl Iterator<Item = Arc<[Unit]>> + '_ {
        // Without simulations there are no columns, and no data are read.
        self.columns.iter().map(|units| units.as_slice().into())
    }

    /// Reads the units of the simulations that `identity` identifies from a file that [`write`](Units::write) has written;
    /// `None` if there is no file, or it is of other simulations: their shards say of which.
    pub(super) fn of_file(model: &dyn AnyModel, path: &Path, identity: &str) -> Result<Option<Self>, InferenceError> {
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(nn::Error::Io { action: "read", path: path.to_owned(), source }.into()),
        };
        let damaged = |reason| BankError::DamagedShard { path: path.to_owned(), reason };
        type Parts = (String, String, String);
        let (of, trial, units): Parts = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if of != identity {
            return Ok(None);
        }
        trial::check(model, Some(&trial), path)?;
        Ok(Some(Self::from_text(model, &units).map_err(damaged)?))
    }

    /// Writes the units of the simulations that `identity` identifies to a file, as a whole or not at all.
    pub(super) fn write(&self, model: &dyn AnyModel, path: &Path, identity: &str) -> Result<(), InferenceError> {
        let text = serde_json::json!((identity, trial::trial(model), self.to_text())).to_string();
        let failed = |source| nn::Error::Io { action: "write", path: path.to_owned(), source };
        Ok(atomic_write(path, text.as_bytes()).map_err(failed)?)
    }

    /// Returns the units as an entry of a file.
    pub(super) fn to_text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Reads the entry of a file that [`to_text`](Units::to_text) has made for `model`.
    pub(super) fn from_text(model: &dyn AnyModel, text: &str) -> Result<Self, String> {
        let units: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let globals = model.global_slots().into_iter().map(|slot| (slot.name, slot.free.len(), slot.bounded));
        let locals = model.local_slots().into_iter().map(|slot| match slot.values {
            LocalValues::Continuous { free, bounded } => (slot.name, free, bounded),
            LocalValues::Discrete { .. } => (slot.name, 0, false),
        });
        fit_links("globals", &units.globals, &globals.collect::<Vec<_>>())?;
        fit_links("locals", &units.locals, &locals.collect::<Vec<_>>())?;
        let specification = model.specification();
        let mut columns = Vec::new();
        add_columns(&specification, &specification.variables, &specification.plates, &mut columns);
        if units.columns.len() != columns.len() {
            return Err(format!(
                "its units are of {} columns, where the model has {}",
                units.columns.len(),
                columns.len()
            ));
        }
        for (units, (name, width)) in units.columns.iter().zip(columns) {
            if units.len() != width || !units.iter().all(Unit::is_valid) {
                return Err(format!("its units {units:?} are not those of the {width} numbers of `{name}`"));
            }
        }
        Ok(units)
    }
}

/// Checks that links in a file are those of the variables `due`: names, how many numbers, and whether these are bounded.
fn fit_links(what: &str, found: &[Vec<Link>], due: &[(String, usize, bool)]) -> Result<(), String> {
    if found.len() != due.len() {
        return Err(format!("its units are of {} {what}, where the model has {}", found.len(), due.len()));
    }
    let fits = |links: &[Link], free: usize, bounded| links.len() == free && links.iter().all(|l| l.is_valid(bounded));
    match found.iter().zip(due).find(|(links, (_, free, bounded))| !fits(links, *free, *bounded)) {
        Some((links, (name, free, _))) => {
            Err(format!("its units {links:?} are not those of the {free} unconstrained numbers of `{name}`"))
        }
        None => Ok(()),
    }
}

/// Adds the names of the columns of the data, and for each of how many numbers there are units, depth first.
fn add_columns<'a>(
    specification: &'a Specification,
    variables: &'a [Variable],
    plates: &'a [Plate],
    to: &mut Vec<(&'a str, usize)>,
) {
    let width = |variable: &Variable| if variable.kind == Kind::Pixels { 0 } else { variable.len() };
    to.extend(variables.iter().filter(|v| v.in_data()).map(|v| (v.name.as_str(), width(v))));
    for plate in specification.data_plates(plates) {
        add_columns(specification, &plate.variables, &plate.plates, to);
    }
}

/// The numbers of one column: for each component, and whether they are read as they are.
struct Gathered {
    components: Vec<Vec<f64>>,
    /// Whether they are real numbers. Pixels are standardised as a whole by the layers that read them.
    real: bool,
    pixels: bool,
}

impl Gathered {
    fn units(self) -> Vec<Unit> {
        let large = self.components.iter().flatten().any(|x| x.abs() > LARGE);
        let plain = self.pixels || !(self.real || large);
        // A rate is known to a share of itself, so that large counts are read by their logarithm.
        let unit = |values: Vec<f64>| if plain { Unit::Plain } else { Unit::fit(values, !self.real) };
        self.components.into_iter().map(unit).collect()
    }
}

fn add(to: &mut Vec<f64>, x: f64) {
    if to.len() < MOST && x.is_finite() {
        to.push(x);
    }
}

/// Adds the numbers of a frame to those of other frames of the same model; `at` is the next column.
fn collect(frame: &Frame<'_>, at: &mut usize, to: &mut Vec<Gathered>) {
    for column in &frame.columns {
        if to.len() == *at {
            let (real, pixels) = (matches!(column.values, Values::Real(_)), matches!(column.values, Values::Pixels(_)));
            to.push(Gathered { components: vec![Vec::new(); if pixels { 0 } else { column.width }], real, pixels });
        }
        let gathered = &mut to[*at];
        *at += 1;
        if gathered.pixels {
            continue;
        }
        for i in (0..column.values.len()).filter(|&i| column.is_there(i)) {
            add(&mut gathered.components[i % column.width], column.values.get(i));
        }
    }
    frame.plates.iter().for_each(|plate| collect(plate, at, to));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimators::encode::DataEncoder;
    use crate::estimators::hierarchy::Hierarchy;
    use crate::prelude::*;

    crate::model! {
        /// The same model in any unit, and with any zero.
        Moved {
            param zero: f64 = 0.0;
            param unit: f64 = 1.0;
            global centre ~ Normal(zero, 3.0 * unit);
            global width ~ Gamma(2.0, 1.0 / unit);
            global peak ~ Cauchy(zero, unit);
            observe first ~ Normal(centre, unit);
            plate events(1..=30) {
                local inner ~ Normal(centre, width);
                given way: bool ~ Bernoulli(0.5);
                observe x ~ Normal(inner, unit);
                plate hits(1..=5) {
                    observe y ~ Cauchy(inner, unit);
                }
            }
        }
    }

    fn units_of(model: &Moved) -> Units {
        let simulate = model.simulate(1);
        let fixed = simulate.any().fixed().unwrap();
        Units::of(model, &fixed).unwrap()
    }

    /// All that networks read of 50 simulations.
    fn read(model: &Moved) -> Vec<f64> {
        let units = units_of(model);
        let text = units.to_text();
        assert_eq!(Units::from_text(model, &text).unwrap(), units);
        let encoder = DataEncoder::new(&model.specification(), &units);
        let hierarchy = Hierarchy::new(model, true, units);
        let mut batch = encoder.batch();
        let mut all: Vec<f32> = Vec::new();
        for simulation in model.simulate(50).seed(7).run().unwrap() {
            encoder.push(&DataSet::frame(&simulation.data), &mut batch);
            let latents = hierarchy.latents(model, &simulation);
            all.extend(latents.globals);
            latents.plates.iter().for_each(|plate| all.extend(&plate.numbers));
        }
        all.extend(&batch.globals);
        all.extend(&batch.plates[0].features);
        all.extend(&batch.plates[0].children[0].features);
        all.into_iter().map(f64::from).collect()
    }

    /// What reaches a network does not depend on where the zero of a scale is, nor on its unit.
    #[test]
    fn zero_and_unit_do_not_matter() {
        let plain = read(&Moved { zero: 0.0, unit: 1.0 });
        assert!(plain.len() > 2000 && plain.iter().all(|x| x.is_finite()));
        for (zero, unit) in [(1e7, 1.0), (-1e7, 1.0), (0.0, 1e-9), (0.0, 1e9), (1e-2, 1e-9)] {
            let moved = read(&Moved { zero, unit });
            for (at, (a, b)) in plain.iter().zip(&moved).enumerate() {
                assert!((a - b).abs() < 1e-6 * a.abs().max(1.0), "{at} at {zero}, {unit}: {a}, {b}");
            }
        }
    }

    #[test]
    fn files_with_units_that_cannot_be_are_refused() {
        let model = Moved { zero: 0.0, unit: 1.0 };
        let units = units_of(&model);
        let text = units.to_text();
        for (from, to) in [("\"scale\":", "\"scale\":-"), ("\"scale\":", "\"scale\":1e999,\"s\":"), ("[", "{")] {
            assert!(text.contains(from), "{text}");
            assert!(Units::from_text(&model, &text.replacen(from, to, 1)).is_err(), "{to}");
        }
        let with = |change: fn(&mut Units)| {
            let mut changed = units.clone();
            change(&mut changed);
            Units::from_text(&model, &changed.to_text()).unwrap_err()
        };
        assert!(with(|units| drop(units.columns.pop())).contains("of 3 columns, where the model has 4"));
        assert!(with(|units| units.columns[0].clear()).contains("not those of the 1 numbers of `first`"));
        assert!(
            with(|units| units.globals[0].clear()).contains("not those of the 1 unconstrained numbers of `centre`")
        );
        assert!(with(|units| drop(units.locals.pop())).contains("of 0 locals, where the model has 1"));
    }
}

//! What is known of the discrete variables that a density sums out: exactly at each draw of everything else, by a walk over the
//! model's statements.

use std::collections::HashMap;

use rand::RngExt;
use rayon::prelude::*;

use super::Draws;
use super::log_likelihood::LogLikelihoodError;
use super::pointwise::columns;
use super::states::{Pairs, add_scaled, backward};
use crate::model::walk::{Scalar, Vector};
use crate::model::{
    AnyData, AnyModel, DataError, Kind, Name, Place, Plate, Purpose, Role, Slot, Specification, Stream, UnknownName,
    Variable, Walk, stream_for,
};

/// The number of draws that are walked over before what was found is added up.
const BLOCK: usize = 256;

/// The probability of the largest value of a count above which its bound matters.
const AT_BOUND: f64 = 1e-3;

/// The posterior of the discrete locals that are summed out of a density.
/// [`Chains::discrete`](crate::sampling::Chains::discrete) makes it.
///
/// `Display` prints, for each local, its most probable value with its probability, and its mean.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscreteDraws {
    locals: Vec<DiscreteLocal>,
    draws: Draws,
}

/// A discrete local, with the posterior probability of each value in each element.
#[derive(Clone, Debug, PartialEq)]
struct DiscreteLocal {
    name: &'static str,
    /// Whether it has a bound that is not its own.
    truncated: bool,
    probabilities: Vec<Vec<f64>>,
}

/// Why nothing is known of the discrete locals.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DiscreteError {
    /// The data do not fit the model.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The draws are not those of the data.
    #[error(transparent)]
    Draws(LogLikelihoodError),
    /// There is nothing to find.
    #[error("`{model}` has no discrete local with an element in the data: all its locals are in the draws")]
    NoDiscrete {
        /// The model.
        model: String,
    },
    /// A local depends on its value in the element before, and its elements have another one.
    #[error(
        "`{name}` depends on its value in the element before, and its elements have another discrete local: the probabilities of both \
         are not worked out together: write the other one as a `Mixture`"
    )]
    State {
        /// The local.
        name: String,
    },
    /// A draw gives no value of a discrete local a probability.
    #[error(
        "no value of {place} has a probability at draw {draw}, counted from 0: its own distribution, or what depends on it, is \
         impossible or NaN there"
    )]
    Impossible {
        /// The local.
        place: String,
        /// The draw.
        draw: usize,
    },
}

hierarch_core::debug_as_message!(DiscreteError);

impl DiscreteDraws {
    /// Returns the names of the locals, in the order of the declaration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.locals.iter().map(|local| local.name)
    }

    /// Returns, for each element of the plate of the local `name`, the posterior probability of each of its values 0, 1, ...:
    /// the mean over the draws of what each draw makes of it, which is more exact than how often a value was drawn. Of a
    /// Bernoulli these are the probabilities of no and of yes.
    ///
    /// # Errors
    /// There is no discrete local of that name.
    pub fn probabilities(&self, name: impl Into<Name>) -> Result<&[Vec<f64>], UnknownName> {
        let names: Vec<&str> = self.names().collect();
        UnknownName::find("discrete local", name.into().as_str(), &names)
            .map(|at| self.locals[at].probabilities.as_slice())
    }

    /// Returns the draws of every discrete local, as `signal[17]`, one for each draw of everything else. They are draws of all
    /// together: of two locals of one element, the pairs.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Says which counts are near a bound that [`Truncated`](crate::distributions::Truncated) has given them, so that a larger
    /// bound would change the posterior; empty if there are none.
    pub fn warnings(&self) -> Vec<String> {
        let at_bound = |local: &DiscreteLocal| {
            let last = |values: &Vec<f64>| (values.len() - 1, values.last().copied().unwrap_or(0.0));
            let largest = local.probabilities.iter().map(last).enumerate().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
            largest.filter(|(_, (_, probability))| local.truncated && *probability > AT_BOUND)
        };
        let found = self.locals.iter().filter_map(|local| at_bound(local).map(|found| (local.name, found)));
        found
            .map(|(name, (element, (bound, probability)))| {
                format!(
                    "`{name}[{element}]` is at its bound, {bound}, with the probability {probability:.2}: with a larger bound the \
                     posterior is another"
                )
            })
            .collect()
    }
}

impl std::fmt::Display for DiscreteDraws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rows = vec![["".to_owned(), "most probable".to_owned(), "with".to_owned(), "mean".to_owned()]];
        for DiscreteLocal { name, probabilities, .. } in &self.locals {
            for (element, values) in probabilities.iter().enumerate() {
                let most = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                let (value, probability) = most.map_or((0, f64::NAN), |(value, p)| (value, *p));
                let mean: f64 = values.iter().enumerate().map(|(value, p)| value as f64 * p).sum();
                rows.push([
                    format!("{name}[{element}]"),
                    value.to_string(),
                    format!("{probability:.3}"),
                    format!("{mean:.3}"),
                ]);
            }
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [first, a, b, c] = [0, 1, 2, 3].map(width);
        for row in &rows {
            writeln!(f, "{:<first$}  {:>a$}  {:>b$}  {:>c$}", row[0], row[1], row[2], row[3])?;
        }
        self.warnings().iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

/// See [`Chains::discrete`](crate::sampling::Chains::discrete).
pub(crate) fn discrete(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    draws: &Draws,
    seed: u64,
) -> Result<DiscreteDraws, DiscreteError> {
    model.check(data)?;
    let columns = columns(model, data, draws).map_err(DiscreteError::Draws)?;
    let count = draws.columns().first().map_or(0, Vec::len);
    let (mut found, mut place_of) = (Vec::new(), HashMap::new());
    for start in (0..count).step_by(BLOCK) {
        let block: Vec<(Vec<Found>, Option<&'static str>)> = (start..count.min(start + BLOCK))
            .into_par_iter()
            .map(|draw| {
                let number = |at: usize| columns.get(at).map_or(f64::NAN, |column| column[draw]);
                let rng = stream_for(Purpose::Discrete, seed, 0, draw as u64);
                given(model, data, &number, Choice::Draw(rng))
            })
            .collect();
        for (draw, (of_draw, beside)) in (start..).zip(block) {
            if let Some(name) = beside {
                return Err(DiscreteError::State { name: name.to_owned() });
            }
            let weight = draws.weights().get(draw).copied().unwrap_or(1.0 / count as f64);
            for Found { place, chosen, probabilities, .. } in of_draw {
                // A global has draws already.
                let Some((plate, element)) = place.plate else { continue };
                if probabilities.iter().any(|p| p.is_nan()) {
                    return Err(DiscreteError::Impossible { place: place.to_string(), draw });
                }
                let at = *place_of.entry((place.variable, element)).or_insert_with(|| {
                    found.push((place.variable, plate, element, Vec::new(), vec![f64::NAN; count]));
                    found.len() - 1
                });
                let (_, _, _, sums, chosen_at) = &mut found[at];
                add_scaled(sums, &probabilities, weight);
                chosen_at[draw] = chosen as f64;
            }
        }
    }
    let specification = model.specification();
    let mut locals: Vec<DiscreteLocal> = discrete_locals(&specification, &specification.plates, &found);
    found.sort_by_key(|(name, _, element, ..)| (locals.iter().position(|local| local.name == *name), *element));
    let mut named = Vec::with_capacity(found.len());
    for (name, _, element, sums, chosen) in found {
        if let Some(local) = locals.iter_mut().find(|local| local.name == name) {
            local.probabilities.push(sums);
        }
        named.push((format!("{name}[{element}]"), chosen));
    }
    if locals.is_empty() {
        return Err(DiscreteError::NoDiscrete { model: specification.name });
    }
    let drawn = Draws::new(named);
    let drawn = if draws.weights().is_empty() { drawn } else { drawn.weighted(draws.weights().to_vec()) };
    Ok(DiscreteDraws { locals, draws: drawn.of_chains(draws.chains()) })
}

/// What is known of one element of a discrete local: name, plate, element, the probabilities so far, the values so far.
type Known = (&'static str, &'static str, usize, Vec<f64>, Vec<f64>);

/// Lists the discrete locals among `found`, in the order of the declaration.
fn discrete_locals(specification: &Specification, plates: &[Plate], found: &[Known]) -> Vec<DiscreteLocal> {
    let mut all = Vec::new();
    for plate in specification.data_plates(plates) {
        for variable in &plate.variables {
            let Some((name, ..)) = found.iter().find(|(name, of, ..)| *name == variable.name && *of == plate.name)
            else {
                continue;
            };
            let truncated = variable.kind == Kind::Count && variable.definition.starts_with("Truncated");
            all.push(DiscreteLocal { name, truncated, probabilities: Vec::new() });
        }
        all.extend(discrete_locals(specification, &plate.plates, found));
    }
    all
}

/// Finds the discrete variables given everything else: `number` is the value at a position among the model's values. Those whose
/// value is a number there are known.
/// With them goes the name of a state that depends on the one before, if its elements have other discrete locals: what is found of both
/// is wrong.
fn given(
    model: &dyn AnyModel,
    data: &dyn AnyData,
    number: &dyn Fn(usize) -> f64,
    choice: Choice,
) -> (Vec<Found>, Option<&'static str>) {
    let branches = vec![Branch::default()];
    let mut visitor = Given { number, choice, branches, is_state_before: false, beside: None };
    model.walk(Some(data), None, None, &mut visitor);
    (visitor.close().found, visitor.beside)
}

/// Tells whether a model has a global that has no value where everything continuous has one.
pub(crate) fn has_discrete_global(specification: &Specification) -> bool {
    let global = |v: &&Variable| matches!(v.role, Role::Global | Role::Nuisance);
    specification.variables.iter().filter(global).any(|v| v.kind != Kind::Real)
}

/// Writes the discrete globals given everything else to `values`, those of a model's latent variables, where they are NaN.
pub(crate) fn fill_discrete_globals(model: &dyn AnyModel, data: &dyn AnyData, values: &mut [f64], choice: Choice) {
    let found = given(model, data, &|at| values.get(at).copied().unwrap_or(f64::NAN), choice).0;
    for Found { slot, chosen, .. } in found {
        if let Some(value) = slot.and_then(|at| values.get_mut(at)) {
            *value = chosen as f64;
        }
    }
}

/// How one value of each discrete variable is chosen.
pub(crate) enum Choice {
    Draw(Stream),
    MostProbable,
}

/// A discrete variable given everything that is continuous.
struct Found {
    place: Place,
    /// The position of a global among the model's values.
    slot: Option<usize>,
    /// One of its values, chosen with those of all others.
    chosen: usize,
    /// The probability of each value, whatever the other discrete variables are.
    probabilities: Vec<f64>,
}

/// What is added up for one value of a discrete variable.
#[derive(Default)]
struct Branch {
    log_density: f64,
    /// The variable itself.
    place: Option<Place>,
    /// Its value, if that is in the data, and of how many it is one.
    recorded: Option<(usize, usize)>,
    /// The discrete variables inside it.
    found: Vec<Found>,
    /// The elements of hidden Markov chains inside it, in order.
    elements: Vec<(Place, Pairs)>,
}

struct Given<'a> {
    number: &'a dyn Fn(usize) -> f64,
    choice: Choice,
    /// That outside of all discrete variables, and that of the value at hand of each that is being summed over.
    branches: Vec<Branch>,
    /// Whether the next sum is over the states of the element before.
    is_state_before: bool,
    /// The state of a chain beside which its elements have another discrete local.
    beside: Option<&'static str>,
}

impl Given<'_> {
    fn add(&mut self, log_density: impl FnOnce() -> f64) {
        // Outside of all discrete variables nothing depends on them.
        if self.branches.len() > 1
            && let Some(branch) = self.branches.last_mut()
        {
            branch.log_density += log_density();
        }
    }

    /// Ends the innermost branch: its chains are known now.
    fn close(&mut self) -> Branch {
        let mut branch = self.branches.pop().unwrap_or_default();
        let elements = std::mem::take(&mut branch.elements);
        // A chain begins where there is no state before.
        for chain in elements.chunk_by(|_, (_, next)| next.0.len() > 1) {
            let pairs: Vec<&Pairs> = chain.iter().map(|(_, pairs)| pairs).collect();
            let states = backward(&pairs, &mut |probabilities| self.choose(probabilities));
            branch.found.extend(chain.iter().zip(states).map(|((place, _), (probabilities, chosen))| Found {
                place: *place,
                slot: None,
                chosen,
                probabilities,
            }));
        }
        branch
    }

    /// Visits the states of the element before, each with those of the element at hand inside it.
    fn sum_states(&mut self, states: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let mut rows = Vec::with_capacity(states);
        let mut state = None;
        for before in 0..states {
            self.branches.push(Branch::default());
            body(self, before);
            let branch = self.close();
            let mut found = branch.found.into_iter();
            let Some(own) = found.next() else { return };
            if found.next().is_some() {
                self.beside = Some(own.place.variable);
            }
            state = Some(own.place);
            rows.push((branch.log_density, own.probabilities));
        }
        let Some(place) = state else { return };
        let largest = rows.iter().map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max);
        let weighed = |(log, probabilities): (f64, Vec<f64>)| -> Vec<f64> {
            match (log - largest).exp() {
                0.0 => vec![0.0; probabilities.len()],
                weight => probabilities.into_iter().map(|p| weight * p).collect(),
            }
        };
        let rows: Vec<Vec<f64>> = rows.into_iter().map(weighed).collect();
        let sum: f64 = rows.iter().flatten().sum();
        if let Some(outer) = self.branches.last_mut() {
            outer.log_density += largest + sum.ln();
            outer.elements.push((place, Pairs(rows)));
        }
    }

    fn choose(&mut self, probabilities: &[f64]) -> usize {
        let mut left: f64 = match &mut self.choice {
            Choice::Draw(rng) => rng.random(),
            Choice::MostProbable => {
                let most = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                return most.map_or(0, |(value, _)| value);
            }
        };
        let last = probabilities.iter().rposition(|p| *p > 0.0).unwrap_or(0);
        let reached = |p: &f64| {
            left -= p;
            left < 0.0
        };
        probabilities.iter().position(reached).unwrap_or(last)
    }
}

impl Walk for Given<'_> {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let x = (self.number)(slot.value);
        self.add(|| distribution.log_density(x));
        x
    }

    fn latent_vector(
        &mut self,
        _: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        value.iter_mut().enumerate().for_each(|(c, x)| *x = (self.number)(slot.component(c).value));
        self.add(|| distribution.log_density(value));
    }

    fn observe(&mut self, _: &Place, distribution: &dyn Scalar, x: f64) {
        self.add(|| distribution.log_density(x));
    }

    fn observe_vector(&mut self, _: &Place, distribution: &dyn Vector, x: &[f64]) {
        self.add(|| distribution.log_density(x));
    }

    fn term(&mut self, log_probability: f64) {
        self.add(|| log_probability);
    }

    fn discrete_value(&mut self, place: &Place, _: usize, log_probability: f64) {
        if let Some(branch) = self.branches.last_mut() {
            branch.place = Some(*place);
        }
        self.term(log_probability);
    }

    fn recorded(&mut self, place: &Place, value: usize, categories: usize) {
        if let Some(branch) = self.branches.last_mut() {
            (branch.place, branch.recorded) = (Some(*place), Some((value, categories)));
        }
    }

    fn state_before(&mut self) {
        self.is_state_before = true;
    }

    fn branch(&self) -> Option<f64> {
        self.branches.last().map(|branch| branch.log_density)
    }

    /// A discrete global that has a value keeps it.
    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        match (self.number)(slot.value) {
            value if value.is_nan() => {
                let at = self.branches.last().map_or(0, |branch| branch.found.len());
                self.sum_out(categories, body);
                if let Some(found) = self.branches.last_mut().and_then(|branch| branch.found.get_mut(at)) {
                    found.slot = Some(slot.value);
                }
            }
            value => body(self, value as usize),
        }
    }

    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        if std::mem::take(&mut self.is_state_before) {
            return self.sum_states(categories, body);
        }
        let mut values = Vec::with_capacity(categories);
        for k in 0..categories {
            self.branches.push(Branch::default());
            body(self, k);
            values.push(self.close());
        }
        let Some(place) = values.iter().find_map(|branch| branch.place) else { return };
        let largest = values.iter().map(|branch| branch.log_density).fold(f64::NEG_INFINITY, f64::max);
        let mut probabilities: Vec<f64> = values.iter().map(|branch| (branch.log_density - largest).exp()).collect();
        let sum: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= sum);
        let chosen = self.choose(&probabilities);
        let recorded = values.first().and_then(|branch| branch.recorded);
        // What is inside was found in each branch in the same order.
        let mut inside: Vec<Found> = Vec::new();
        for (k, branch) in values.into_iter().enumerate() {
            for (at, found) in branch.found.into_iter().enumerate() {
                let same = |other: &Found| other.place == found.place;
                let at = if inside.get(at).is_some_and(same) { Some(at) } else { inside.iter().position(same) };
                let at = at.unwrap_or_else(|| {
                    inside.push(Found { probabilities: Vec::new(), chosen: 0, ..found });
                    inside.len() - 1
                });
                if probabilities[k] > 0.0 {
                    add_scaled(&mut inside[at].probabilities, &found.probabilities, probabilities[k]);
                }
                if k == chosen {
                    inside[at].chosen = found.chosen;
                }
            }
        }
        let total = largest + sum.ln();
        let (chosen, probabilities) = match recorded {
            Some((value, categories)) => (value, (0..categories).map(|k| f64::from(u8::from(k == value))).collect()),
            None => (chosen, probabilities),
        };
        if let Some(outer) = self.branches.last_mut() {
            outer.log_density += total;
            outer.found.push(Found { place, slot: None, chosen, probabilities });
            outer.found.extend(inside);
        }
    }
}

//! Maps between the values of a model's latent variables and unconstrained numbers; the log density at given values.

use super::erased::AnyModel;
use super::erased_data::{AnyData, AnyGlobals, AnyLocals};
use super::walk::{Scalar, Vector};
use super::{
    DataError, Frame, Likelihood, Missing, Model, Place, Purpose, Role, Slot, Specification, Stream, Walk, check,
    check_locals, specification, stream_for,
};
use crate::autodiff::LogSum;

/// Returns the log of the joint density of the latent variables and the data in constrained space: the sum of the
/// statements' log densities, without Jacobians. Discrete locals and globals are summed out, whatever their values in `locals` and
/// `globals`.
///
/// # Errors
/// The data do not fit the model, or `locals` do not fit the data; values are missing that others depend on.
pub fn log_density<M: Likelihood>(
    model: &M,
    globals: &M::Globals,
    locals: &M::Locals,
    data: &M::Data,
) -> Result<f64, DataError> {
    check(model, data)?;
    check_locals::<M>(locals, data)?;
    let mut visitor = Known { log_density: 0.0, unknown: None };
    model.walk(Some(data), Some(globals), Some(locals), &mut visitor);
    match visitor.unknown {
        None => Ok(visitor.log_density),
        Some(name) => {
            let what = format!(
                "values of `{name}` are missing in the data, and others depend on them: `Density` is the density at their values too"
            );
            Err(DataError::Shape { what })
        }
    }
}

/// Returns the log density of the prior of all globals in constrained space.
pub fn log_prior<M: Model>(model: &M, globals: &M::Globals) -> f64 {
    any(model).log_prior(globals)
}

/// Returns the unconstrained numbers of the globals, and of the continuous locals if `with` gives the locals and their
/// data set. A number outside its variable's support becomes NaN.
///
/// # Panics
/// There are fewer locals than elements of the data (see [`check_locals`]).
pub fn unconstrain<M: Model>(model: &M, globals: &M::Globals, with: Option<(&M::Locals, &M::Data)>) -> Vec<f64> {
    any(model).unconstrain(globals, with.map(|(locals, data)| (locals as &dyn AnyLocals, data as &dyn AnyData)))
}

/// Sets `values` to the values of the latent variables at the unconstrained numbers `q`: the globals, and the
/// continuous locals if `data` is given. A discrete global is NaN, since it is summed out. A simplex has one component more than unconstrained numbers; otherwise the
/// order is the same.
pub fn constrain<M: Model>(model: &M, data: Option<&M::Data>, q: &[f64], values: &mut Vec<f64>) {
    any(model).constrain(any_data::<M>(data), q, values);
}

/// Sets `values` as [`constrain`] does, and appends the `let`s that depend on latent variables: outside plates, and in
/// plates with continuous locals. A `let` that depends on a discrete local is left out, since that local is summed out
/// and has no value.
///
/// Without continuous locals the data change nothing, and may be left out to save time.
pub fn constrain_with_derived<M: Model>(model: &M, data: Option<&M::Data>, q: &[f64], values: &mut Vec<f64>) {
    any(model).constrain_with_derived(any_data::<M>(data), q, values);
}

/// Returns the names of the `let`s that [`constrain_with_derived`] appends to the latent variables.
pub fn derived_names<M: Model>(model: &M, data: &M::Data) -> Vec<String> {
    any(model).derived_names(data)
}

/// Returns the logarithm of the Jacobian determinant of the map from the unconstrained numbers `q` to the values of
/// `globals`.
pub fn log_jacobian<M: Model>(model: &M, q: &[f64], globals: &[&str]) -> f64 {
    any(model).log_jacobian(q, globals)
}

/// Returns the logarithm of the Jacobian determinant of the map from `q` to the values of all latent variables given
/// `data`: the globals and the continuous locals.
pub fn log_jacobian_of_all<M: Model>(model: &M, data: &M::Data, q: &[f64]) -> f64 {
    any(model).log_jacobian_of_all(data, q)
}

/// Returns the names of the numbers that [`constrain`] gives: `mass`, `mu[2]`, and for locals of an element
/// `theta[17]` and `slope[17][0]`, as the data have them.
pub fn names<M: Model>(model: &M, data: Option<&M::Data>) -> Vec<String> {
    any(model).names(any_data::<M>(data))
}

fn any<M: Model>(model: &M) -> &dyn AnyModel {
    model
}

fn any_data<M: Model>(data: Option<&M::Data>) -> Option<&dyn AnyData> {
    data.map(|data| data as &dyn AnyData)
}

/// The implementation of the functions above.
impl dyn AnyModel + '_ {
    pub(crate) fn log_prior(&self, globals: &dyn AnyGlobals) -> f64 {
        let mut visitor = Known { log_density: 0.0, unknown: None };
        self.walk(None, Some(globals), None, &mut visitor);
        visitor.log_density
    }

    pub(crate) fn unconstrain(
        &self,
        globals: &dyn AnyGlobals,
        with: Option<(&dyn AnyLocals, &dyn AnyData)>,
    ) -> Vec<f64> {
        let mut visitor = ToUnconstrained { free: Vec::with_capacity(with.map_or(0, |w| self.dimension(w.1))) };
        self.walk(with.map(|w| w.1), Some(globals), with.map(|w| w.0), &mut visitor);
        visitor.free
    }

    pub(crate) fn constrain(&self, data: Option<&dyn AnyData>, q: &[f64], values: &mut Vec<f64>) {
        values.clear();
        self.walk(data, None, None, &mut FromUnconstrained::new(q, values));
    }

    pub(crate) fn constrain_with_derived(&self, data: Option<&dyn AnyData>, q: &[f64], values: &mut Vec<f64>) {
        values.clear();
        let mut visitor = FromUnconstrained::new(q, values);
        self.walk(data, None, None, &mut visitor);
        let derived = visitor.derived;
        values.extend(derived);
    }

    pub(crate) fn derived_names(&self, data: &dyn AnyData) -> Vec<String> {
        let q = vec![0.0; self.dimension(data)];
        let mut values = Vec::new();
        let mut visitor = FromUnconstrained::new(&q, &mut values);
        visitor.names = Some(Vec::new());
        self.walk(Some(data), None, None, &mut visitor);
        visitor.names.unwrap_or_default()
    }

    pub(crate) fn log_jacobian(&self, q: &[f64], globals: &[&str]) -> f64 {
        let mut values = Vec::new();
        let mut visitor = FromUnconstrained::new(q, &mut values);
        visitor.counted = Some(globals);
        self.walk(None, None, None, &mut visitor);
        visitor.log_jacobian
    }

    pub(crate) fn log_jacobian_of_all(&self, data: &dyn AnyData, q: &[f64]) -> f64 {
        let mut values = Vec::new();
        let mut visitor = FromUnconstrained::new(q, &mut values);
        self.walk(Some(data), None, None, &mut visitor);
        visitor.log_jacobian
    }

    pub(crate) fn names(&self, data: Option<&dyn AnyData>) -> Vec<String> {
        let specification = self.specification();
        let mut names = global_names(&specification);
        if let Some(data) = data {
            local_names(&specification.plates, &data.frame(), &mut names);
            let missing = inferred_places(&specification.plates, &data.frame());
            names.extend(missing.into_iter().map(|(_, name, _)| name));
        }
        names
    }
}

pub(crate) fn global_names(specification: &Specification) -> Vec<String> {
    let globals = specification.variables.iter().filter(|v| matches!(v.role, Role::Global | Role::Nuisance));
    globals.flat_map(component_names).collect()
}

pub(crate) fn component_names(v: &specification::Variable) -> Vec<String> {
    match v.shape.as_slice() {
        [] => vec![v.name.clone()],
        [rows, columns] if v.kind == specification::Kind::Real => {
            (0..rows * columns).map(|i| format!("{}[{}][{}]", v.name, i / columns, i % columns)).collect()
        }
        _ => (0..v.len()).map(|c| format!("{}[{c}]", v.name)).collect(),
    }
}

/// Names the number `component` of a variable, one of its [`component_names`], in the element `i` of its plate: of `pair[1]` that is
/// `pair[17][1]`.
pub(crate) fn in_element(v: &specification::Variable, component: &str, i: usize) -> String {
    format!("{}[{i}]{}", v.name, &component[v.name.len()..])
}

fn local_names(plates: &[specification::Plate], outer: &Frame<'_>, names: &mut Vec<String>) {
    for frame in &outer.plates {
        let Some(plate) = plates.iter().find(|p| p.name == frame.name) else { continue };
        let continuous =
            plate.variables.iter().filter(|v| v.role == Role::Local && v.kind == specification::Kind::Real);
        for v in continuous {
            for component in component_names(v) {
                names.extend((0..frame.size).map(|i| in_element(v, &component, i)));
            }
        }
        local_names(&plate.plates, frame, names);
    }
}

/// Lists the values that are missing and inferred, in the order of their numbers, which come after those of all locals: the plate,
/// the name of the number and the element.
pub(crate) fn inferred_places<'a>(
    plates: &'a [specification::Plate],
    outer: &Frame<'_>,
) -> Vec<(&'a str, String, usize)> {
    let mut places = Vec::new();
    for frame in &outer.plates {
        let Some(plate) = plates.iter().find(|p| p.name == frame.name) else { continue };
        for v in plate.variables.iter().filter(|v| v.missing == Missing::Inferred) {
            let Some(column) = frame.columns.iter().find(|column| column.name == v.name) else { continue };
            let (names, width) = (component_names(v), column.width.max(1));
            let missing = (0..frame.size * width).filter(|&i| !column.is_there(i));
            places
                .extend(missing.map(|i| (plate.name.as_str(), in_element(v, &names[i % width], i / width), i / width)));
        }
        places.extend(inferred_places(&plate.plates, frame));
    }
    places
}

fn place_number(numbers: &mut Vec<f64>, at: usize, x: f64) {
    if numbers.len() <= at {
        numbers.resize(at + 1, f64::NAN);
    }
    numbers[at] = x;
}

/// Copies the known components of a vector to `value`, if there are any.
fn copy(known: Option<&[f64]>, value: &mut [f64]) {
    if let Some(known) = known {
        value.copy_from_slice(known);
    }
}

/// Sums the log density at known latent variables.
struct Known {
    log_density: f64,
    /// A variable that has no value.
    unknown: Option<&'static str>,
}

impl Walk for Known {
    fn latent(&mut self, name: &'static str, _: Slot, distribution: &dyn Scalar, known: Option<f64>) -> f64 {
        let Some(x) = known else {
            self.unknown = Some(name);
            return f64::NAN;
        };
        self.log_density += distribution.log_density(x);
        x
    }

    fn latent_vector(
        &mut self,
        name: &'static str,
        _: Slot,
        distribution: &dyn Vector,
        known: Option<&[f64]>,
        value: &mut [f64],
    ) {
        copy(known, value);
        self.unknown = if known.is_none() { Some(name) } else { self.unknown };
        self.log_density += distribution.log_density(value);
    }

    fn observe(&mut self, _: &Place, distribution: &dyn Scalar, x: f64) {
        self.log_density += distribution.log_density(x);
    }

    fn observe_vector(&mut self, _: &Place, distribution: &dyn Vector, x: &[f64]) {
        self.log_density += distribution.log_density(x);
    }

    fn term(&mut self, log_probability: f64) {
        self.log_density += log_probability;
    }

    fn branch(&self) -> Option<f64> {
        Some(self.log_density)
    }

    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let before = self.log_density;
        let mut sum = LogSum::new();
        for k in 0..categories {
            self.log_density = 0.0;
            body(self, k);
            sum.push(self.log_density);
        }
        self.log_density = before + sum.finish();
    }
}

/// Finds the unconstrained numbers of known latent variables.
struct ToUnconstrained {
    free: Vec<f64>,
}

impl Walk for ToUnconstrained {
    fn latent(&mut self, _: &'static str, slot: Slot, distribution: &dyn Scalar, known: Option<f64>) -> f64 {
        let x = known.unwrap_or(f64::NAN);
        place_number(&mut self.free, slot.free, distribution.support().unconstrain(x));
        x
    }

    fn latent_vector(
        &mut self,
        _: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        known: Option<&[f64]>,
        value: &mut [f64],
    ) {
        copy(known, value);
        for (c, q) in distribution.unconstrain(value).into_iter().enumerate() {
            place_number(&mut self.free, slot.component(c).free, q);
        }
    }

    /// No support depends on a discrete local that is summed out, so any value of it will do.
    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }
}

/// Finds the values of latent variables from their unconstrained numbers.
pub(super) struct FromUnconstrained<'a> {
    q: &'a [f64],
    values: &'a mut Vec<f64>,
    /// The variables whose Jacobian counts; `None` for all.
    counted: Option<&'a [&'a str]>,
    log_jacobian: f64,
    /// The numbers of the `let`s and quantities, and their names if they are wanted.
    derived: Vec<f64>,
    names: Option<Vec<String>>,
    /// What quantities are drawn from, once one is.
    rng: Option<Stream>,
}

impl<'a> FromUnconstrained<'a> {
    pub(super) fn new(q: &'a [f64], values: &'a mut Vec<f64>) -> Self {
        Self { q, values, counted: None, log_jacobian: 0.0, derived: Vec::new(), names: None, rng: None }
    }

    fn count(&mut self, name: &str, log_jacobian: f64) {
        if self.counted.is_none_or(|names| names.contains(&name)) {
            self.log_jacobian += log_jacobian;
        }
    }
}

impl Walk for FromUnconstrained<'_> {
    fn latent(&mut self, name: &'static str, slot: Slot, distribution: &dyn Scalar, _: Option<f64>) -> f64 {
        let support = distribution.support();
        let (x, log_slope) = support.constrain(self.q[slot.free]);
        // A value that is rounded to its bound has no finite density.
        let x = support.inside(x);
        self.count(name, log_slope);
        place_number(self.values, slot.value, x);
        x
    }

    fn latent_vector(
        &mut self,
        name: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        _: Option<&[f64]>,
        value: &mut [f64],
    ) {
        let support = distribution.support();
        let q: Vec<f64> = (0..support.free(value.len())).map(|c| self.q[slot.component(c).free]).collect();
        let log_jacobian = distribution.constrain(&q, value);
        self.count(name, log_jacobian);
        for (c, &x) in value.iter().enumerate() {
            place_number(self.values, slot.component(c).value, x);
        }
    }

    /// A discrete local that is summed out has no value: the statements after it take its first category, on which no
    /// support depends.
    fn sum_out(&mut self, _: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        body(self, 0);
    }

    /// A discrete global has no value either before one is drawn.
    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        place_number(self.values, slot.value, f64::NAN);
        self.sum_out(categories, body);
    }

    /// The stream is that of the place: the same draw of a posterior has the same quantities, whoever asks and on whatever thread.
    fn random(&mut self, draw: &mut dyn FnMut(&mut Stream) -> f64) -> f64 {
        let q = self.q;
        draw(self.rng.get_or_insert_with(|| {
            let at = q
                .iter()
                .fold(q.len() as u64, |at, q| at.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ q.to_bits());
            stream_for(Purpose::Quantity, at, 0, 0)
        }))
    }

    fn derived(&mut self, name: &'static str, element: Option<usize>, numbers: &[f64]) {
        self.derived.extend_from_slice(numbers);
        if let Some(names) = &mut self.names {
            let element = element.map_or(String::new(), |i| format!("[{i}]"));
            match numbers {
                [_] => names.push(format!("{name}{element}")),
                _ => names.extend((0..numbers.len()).map(|c| format!("{name}{element}[{c}]"))),
            }
        }
    }
}

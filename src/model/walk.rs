//! A visitor of a model's statements on plain numbers.

pub use super::filter::Filter;
use super::{DataError, Stream};
use crate::autodiff::in_rows;
use crate::distributions::{Distribution, Draw, ParameterError, Support};
use crate::fields::Field;

/// The place of a variable, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The variable's name.
    pub variable: &'static str,
    /// Its plate and the element in it; `None` outside plates.
    pub plate: Option<(&'static str, usize)>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.plate {
            None => write!(f, "`{}`", self.variable),
            Some((plate, element)) => write!(f, "`{}` of element {element} of the plate `{plate}`", self.variable),
        }
    }
}

/// The positions of a latent variable's numbers: component `c` of element `i` is at `start + c * stride + i`, where
/// `start` is `free` or `value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The position of the first among the unconstrained numbers.
    pub free: usize,
    /// The position of the first among the values.
    pub value: usize,
    /// The number of elements of the plate; 1 outside plates.
    pub stride: usize,
}

impl Slot {
    /// Returns the slot of `element`.
    pub fn at(self, element: usize) -> Self {
        Self { free: self.free + element, value: self.value + element, ..self }
    }

    /// Returns the slot that lies `free` unconstrained numbers and `values` values further on.
    pub fn after(self, free: usize, values: usize) -> Self {
        Self { free: self.free + free * self.stride, value: self.value + values * self.stride, ..self }
    }

    /// Returns the slot of component `c`.
    pub fn component(self, c: usize) -> Self {
        Self { free: self.free + c * self.stride, value: self.value + c * self.stride, ..self }
    }
}

/// The distribution of a number, as a walk needs it. Every distribution over numbers implements it; walks take it as a
/// trait object, so that they are compiled once for each model, whatever the visitor.
pub trait Scalar {
    /// Returns the support of the number.
    fn support(&self) -> Support<f64>;
    /// Returns the log density at `x`.
    fn log_density(&self, x: f64) -> f64;
    /// Returns what is wrong with the parameters.
    ///
    /// # Errors
    /// The first invalid parameter.
    fn check(&self) -> Result<(), ParameterError>;
}

impl<D: Draw + Distribution<f64, Value = f64>> Scalar for D {
    fn support(&self) -> Support<f64> {
        Distribution::support(self)
    }

    fn log_density(&self, x: f64) -> f64 {
        Distribution::log_density(self, x)
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.check_density()
    }
}

/// The distribution of a vector that is one draw, as a walk needs it.
pub trait Vector {
    /// Returns the support of the components.
    fn support(&self) -> Support<f64>;
    /// Returns the log density at the vector `x`.
    fn log_density(&self, x: &[f64]) -> f64;

    /// Returns what is wrong with the parameters.
    ///
    /// # Errors
    /// The first invalid parameter.
    fn check(&self) -> Result<(), ParameterError> {
        Ok(())
    }

    /// Says why `x` as a whole is impossible; see [`Draw::impossible`].
    fn impossible(&self, x: &[f64]) -> Option<(&'static str, f64, String)> {
        let _ = x;
        None
    }

    /// Writes the vector at its unconstrained numbers, and returns the logarithm of the Jacobian determinant.
    fn constrain(&self, q: &[f64], value: &mut [f64]) -> f64 {
        self.support().constrain_vector(q, value)
    }

    /// Returns the unconstrained numbers of a vector.
    fn unconstrain(&self, value: &[f64]) -> Vec<f64> {
        self.support().unconstrain_vector(value)
    }
}

/// A density over all elements of a plate at once, with its arguments.
#[derive(Debug)]
pub struct Whole<'a>(pub &'a dyn Field, pub &'a [f64]);

impl Vector for Whole<'_> {
    fn support(&self) -> Support<f64> {
        Support::Real
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        self.0.log_density(self.1, x)
    }

    fn constrain(&self, q: &[f64], value: &mut [f64]) -> f64 {
        self.0.constrain(self.1, q, value)
    }

    fn unconstrain(&self, value: &[f64]) -> Vec<f64> {
        let mut free = vec![0.0; value.len()];
        self.0.unconstrain(self.1, value, &mut free);
        free
    }
}

/// A distribution over `[f64; N]` as one over slices of length `N`.
struct Sliced<'a, D, const N: usize>(&'a D);

impl<D: Draw + Distribution<f64, Value = [f64; N]>, const N: usize> Vector for Sliced<'_, D, N> {
    fn support(&self) -> Support<f64> {
        self.0.support()
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        x.try_into().map_or(f64::NAN, |x| self.0.log_density(x))
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.0.check_density()
    }

    fn impossible(&self, x: &[f64]) -> Option<(&'static str, f64, String)> {
        self.0.impossible(&x.try_into().ok()?)
    }
}

/// A distribution over matrices as one over their numbers, row by row.
struct InOneRow<'a, D, const N: usize, const C: usize, const R: usize>(&'a D);

impl<D: Draw + Distribution<f64, Value = [[f64; C]; R]>, const N: usize, const C: usize, const R: usize> Vector
    for InOneRow<'_, D, N, C, R>
{
    fn support(&self) -> Support<f64> {
        self.0.support()
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        x.try_into().map_or(f64::NAN, |x: [f64; N]| self.0.log_density(in_rows(x)))
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.0.check_density()
    }
}

/// A visitor of a model's statements, which gives the latent variables their values.
pub trait Walk {
    /// Returns the value of a continuous latent number; `known` is that value if the walk was given values.
    fn latent(&mut self, name: &'static str, slot: Slot, distribution: &dyn Scalar, known: Option<f64>) -> f64;

    /// Writes the value of a continuous latent vector that is one draw to `value`, which is full of NaN before.
    fn latent_vector(
        &mut self,
        name: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        known: Option<&[f64]>,
        value: &mut [f64],
    );

    /// Visits an observed number.
    fn observe(&mut self, place: &Place, distribution: &dyn Scalar, x: f64) {
        let _ = (place, distribution, x);
    }

    /// Visits an observed vector that is one draw.
    fn observe_vector(&mut self, place: &Place, distribution: &dyn Vector, x: &[f64]) {
        let _ = (place, distribution, x);
    }

    /// Visits the log probability of a discrete local's value.
    fn term(&mut self, log_probability: f64) {
        let _ = log_probability;
    }

    /// Visits a value of a discrete variable that is summed out, and its log probability.
    fn discrete_value(&mut self, place: &Place, value: usize, log_probability: f64) {
        let _ = (place, value);
        self.term(log_probability);
    }

    /// Visits the value of a discrete observation that is summed out where it is missing, and is one of `categories`: what is visited
    /// for it is the one term of a [`Walk::sum_out`].
    fn recorded(&mut self, place: &Place, value: usize, categories: usize) {
        let _ = (place, value, categories);
    }

    /// Visits what a `factor` adds to the log density.
    fn add_factor(&mut self, place: &Place, log_density: f64) {
        let _ = place;
        self.term(log_density);
    }

    /// Visits a discrete local with the values `0..categories`: runs `body`, the rest of its element, for one or all of
    /// them.
    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize));

    /// Says that the [`Walk::sum_out`] that follows is over the values that a discrete local may have had in the element before.
    fn state_before(&mut self) {}

    /// Does what [`Walk::sum_out`] does, where every value matters: one of them may be the position in an array.
    fn sum_out_all(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        self.sum_out(categories, body);
    }

    /// Returns the log density of what was visited of the value at hand of the innermost discrete local; `None` if it is not
    /// wanted.
    fn branch(&self) -> Option<f64> {
        None
    }

    /// Does what [`Walk::sum_out_all`] does for a discrete global, whose value is at `slot` where it has one.
    fn sum_out_global(&mut self, slot: Slot, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let _ = slot;
        self.sum_out_all(categories, body);
    }

    /// Visits the first read outside of an array, at the end.
    fn outside(&mut self, error: DataError) {
        let _ = error;
    }

    /// Returns whether to go on into the plates if there is no data set. Each plate then has one element, whose data
    /// are all NaN (`true` and 0 where code branches or indexes).
    fn imagines_data(&self) -> bool {
        false
    }

    /// Visits a discrete local of an imagined element, with the support of every distribution that it may have;
    /// `supports` is empty if they depend on what a pattern binds.
    fn discrete(&mut self, name: &'static str, supports: &[Support<f64>]) {
        let _ = (name, supports);
    }

    /// Visits a `let` that depends on latent variables, in an element of a plate or outside plates.
    fn derived(&mut self, name: &'static str, element: Option<usize>, numbers: &[f64]) {
        let _ = (name, element, numbers);
    }

    /// Returns one number that `draw` draws, for a quantity; NaN where nobody asks for it.
    fn random(&mut self, draw: &mut dyn FnMut(&mut Stream) -> f64) -> f64 {
        let _ = draw;
        f64::NAN
    }

    /// Visits an index into a sequence of length `size`; returns an index that is within it, or 0.
    fn index(&self, place: &Place, index: usize, size: usize) -> usize {
        let _ = place;
        index.min(size.saturating_sub(1))
    }
}

/// Calls [`Walk::latent`], for the code of `model!`: the trait bound fixes the scalar type of the distribution. `walk`
/// is the last argument, since those before it may use it to read an index.
pub fn latent<D: Draw + Distribution<f64, Value = f64>>(
    name: &'static str,
    slot: Slot,
    distribution: &D,
    known: Option<f64>,
    walk: &mut dyn Walk,
) -> f64 {
    walk.latent(name, slot, distribution, known)
}

/// Calls [`Walk::latent_vector`], for the code of `model!`.
pub fn latent_vector<D: Draw + Distribution<f64, Value = [f64; N]>, const N: usize>(
    name: &'static str,
    slot: Slot,
    distribution: &D,
    known: Option<[f64; N]>,
    walk: &mut dyn Walk,
) -> [f64; N] {
    let mut value = [f64::NAN; N];
    walk.latent_vector(name, slot, &Sliced(distribution), known.as_ref().map(|x| x.as_slice()), &mut value);
    value
}

/// A distribution over vectors of a length that is known when the program runs.
struct Open<'a, D>(&'a D);

impl<D: Draw + Distribution<f64, Value = Vec<f64>>> Vector for Open<'_, D> {
    fn support(&self) -> Support<f64> {
        self.0.support()
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        self.0.log_density(x.to_vec())
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.0.check_density()
    }

    fn impossible(&self, x: &[f64]) -> Option<(&'static str, f64, String)> {
        self.0.impossible(&x.to_vec())
    }
}

/// Calls [`Walk::latent_vector`] for a vector of `len` numbers, for the code of `model!`.
pub fn latent_open<D: Draw + Distribution<f64, Value = Vec<f64>>>(
    name: &'static str,
    slot: Slot,
    (distribution, len): (&D, usize),
    known: Option<&[f64]>,
    walk: &mut dyn Walk,
) -> Vec<f64> {
    let mut value = vec![f64::NAN; len];
    // A vector of another length has numbers that are not known.
    let known = known.map(|known| {
        let mut known = known.to_vec();
        known.resize(len, f64::NAN);
        known
    });
    walk.latent_vector(name, slot, &Open(distribution), known.as_deref(), &mut value);
    value
}

/// Calls [`Walk::observe_vector`] for a vector whose length is known when the program runs, for the code of `model!`.
pub fn observe_open<D: Draw + Distribution<f64, Value = Vec<f64>>>(
    place: &Place,
    distribution: &D,
    x: &[f64],
    walk: &mut dyn Walk,
) {
    walk.observe_vector(place, &Open(distribution), x);
}

/// Calls [`Walk::latent_vector`] for a matrix of `N` numbers, for the code of `model!`.
pub fn latent_matrix<
    D: Draw + Distribution<f64, Value = [[f64; C]; R]>,
    const N: usize,
    const C: usize,
    const R: usize,
>(
    name: &'static str,
    slot: Slot,
    distribution: &D,
    known: Option<[f64; N]>,
    walk: &mut dyn Walk,
) -> [f64; N] {
    let mut value = [f64::NAN; N];
    walk.latent_vector(
        name,
        slot,
        &InOneRow::<_, N, C, R>(distribution),
        known.as_ref().map(|x| x.as_slice()),
        &mut value,
    );
    value
}

/// Calls [`Walk::latent_vector`] for all elements of a plate, as many as `place` says, for the code of `model!`. What does not fit
/// them is an error where there are data; `known` are the values if the walk was given values.
pub fn latent_of_plate(
    place: Place,
    slot: Slot,
    whole: &Whole<'_>,
    (are_data, known): (bool, Option<&[f64]>),
    walk: &mut dyn Walk,
) -> Vec<f64> {
    let (plate, elements) = place.plate.unwrap_or_default();
    if let Some(misfit) = whole.0.misfit().filter(|_| are_data) {
        walk.outside(DataError::Shape { what: format!("`{}` of the plate `{plate}`: {misfit}", place.variable) });
    }
    let mut values = vec![f64::NAN; elements];
    walk.latent_vector(place.variable, Slot { stride: 1, ..slot }, whole, known, &mut values);
    values
}

/// Calls [`Walk::observe`], for the code of `model!`.
pub fn observe<D: Draw + Distribution<f64, Value = f64>>(place: &Place, distribution: &D, x: f64, walk: &mut dyn Walk) {
    walk.observe(place, distribution, x);
}

/// Returns whether a vector that is one draw is there; a part of one is an error.
pub fn is_whole(place: &Place, x: &[f64], walk: &mut dyn Walk) -> bool {
    let there = x.iter().filter(|x| !x.is_nan()).count();
    if there > 0 && there < x.len() {
        walk.outside(DataError::MissingInPart { place: place.to_string() });
    }
    there == x.len()
}

/// Says that what a sequence begins with is missing.
pub fn no_beginning(place: &Place, walk: &mut dyn Walk) {
    walk.outside(DataError::MissingBeginning { place: place.to_string() });
}

/// Calls [`Walk::observe_vector`], for the code of `model!`.
pub fn observe_vector<D: Draw + Distribution<f64, Value = [f64; N]>, const N: usize>(
    place: &Place,
    distribution: &D,
    x: [f64; N],
    walk: &mut dyn Walk,
) {
    walk.observe_vector(place, &Sliced(distribution), &x);
}

/// The value of a `let`, of any type. A method call on `&&Derived(..)` finds [`DerivedNumbers`] for a number or a
/// vector of numbers, and [`DerivedOther`] for the rest, since method lookup tries fewer dereferences first.
#[derive(Debug)]
pub struct Derived<'a, T>(pub &'a T);

/// Gives the numbers of a `let`.
pub trait DerivedNumbers {
    /// Calls `see` with the numbers.
    fn show(&self, see: &mut dyn FnMut(&[f64]));
}

impl DerivedNumbers for &Derived<'_, f64> {
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        see(std::slice::from_ref(self.0));
    }
}

impl DerivedNumbers for &Derived<'_, Vec<f64>> {
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        see(self.0);
    }
}

impl<const N: usize> DerivedNumbers for &Derived<'_, [f64; N]> {
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        see(self.0);
    }
}

/// Skips a `let` that is neither a number nor a vector of numbers.
pub trait DerivedOther {
    /// Does nothing.
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        let _ = see;
    }
}

impl<T> DerivedOther for Derived<'_, T> {}

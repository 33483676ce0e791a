//! A visitor of a model's statements on plain numbers.

use crate::distributions::{Distribution, Support};

/// Where a variable is, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The variable's name.
    pub variable: &'static str,
    /// Its plate and the element of it; nothing outside plates.
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

/// Where the numbers of a latent variable are: component `c` of element `i` is at `start + c * stride + i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The first among the unconstrained numbers.
    pub free: usize,
    /// The first among the values.
    pub value: usize,
    /// The number of elements of the plate; 1 outside plates.
    pub stride: usize,
}

impl Slot {
    /// The slot of an element.
    pub fn at(self, element: usize) -> Self {
        Self { free: self.free + element, value: self.value + element, ..self }
    }

    /// The slot of a component.
    pub fn component(self, c: usize) -> Self {
        Self { free: self.free + c * self.stride, value: self.value + c * self.stride, ..self }
    }
}

/// What a walk asks of the distribution of a number. Every distribution over numbers is one; behind a pointer, so that a
/// walk is compiled once for a model, whatever its visitor.
pub trait Scalar {
    /// Where the number may lie.
    fn support(&self) -> Support<f64>;
    /// The log density of a value.
    fn log_density(&self, x: f64) -> f64;
}

impl<D: Distribution<f64, Value = f64>> Scalar for D {
    fn support(&self) -> Support<f64> {
        Distribution::support(self)
    }

    fn log_density(&self, x: f64) -> f64 {
        Distribution::log_density(self, x)
    }
}

/// What a walk asks of the distribution of a vector that is one draw.
pub trait Vector {
    /// Where the components may lie.
    fn support(&self) -> Support<f64>;
    /// The log density of a vector.
    fn log_density(&self, x: &[f64]) -> f64;
}

/// A distribution over `[f64; N]` as one over slices of that length.
struct Sliced<'a, D, const N: usize>(&'a D);

impl<D: Distribution<f64, Value = [f64; N]>, const N: usize> Vector for Sliced<'_, D, N> {
    fn support(&self) -> Support<f64> {
        self.0.support()
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        x.try_into().map_or(f64::NAN, |x| self.0.log_density(x))
    }
}

/// What a walk over a model's statements asks of its visitor. The visitor says what the latent variables are.
pub trait Walk {
    /// The value of a continuous latent number; `known` is it where the walk was given values.
    fn latent(&mut self, name: &'static str, slot: Slot, distribution: &dyn Scalar, known: Option<f64>) -> f64;

    /// The value of a continuous latent vector that is one draw goes to `value`, which is full of NaN.
    fn latent_vector(
        &mut self,
        name: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        known: Option<&[f64]>,
        value: &mut [f64],
    );

    /// An observed number.
    fn observe(&mut self, place: &Place, distribution: &dyn Scalar, x: f64) {
        let _ = (place, distribution, x);
    }

    /// An observed vector that is one draw.
    fn observe_vector(&mut self, place: &Place, distribution: &dyn Vector, x: &[f64]) {
        let _ = (place, distribution, x);
    }

    /// The log probability of a discrete local's value.
    fn term(&mut self, log_probability: f64) {
        let _ = log_probability;
    }

    /// A discrete local: runs the rest of its element for its values.
    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize));

    /// Whether to go on into the plates where there is no data set: each then has one element, of which all data are NaN
    /// (`true` and 0 where code branches or indexes).
    fn imagines_data(&self) -> bool {
        false
    }

    /// A discrete local of an imagined element, with the support of every distribution that it may have; none where they
    /// depend on what a pattern binds.
    fn discrete(&mut self, name: &'static str, supports: &[Support<f64>]) {
        let _ = (name, supports);
    }

    /// A named function of latent variables, of an element of a plate or outside plates.
    fn derived(&mut self, name: &'static str, element: Option<usize>, numbers: &[f64]) {
        let _ = (name, element, numbers);
    }

    /// An index into something of a size; gives back an index that is within it, or 0.
    fn index(&self, place: &Place, index: usize, size: usize) -> usize {
        let _ = place;
        index.min(size.saturating_sub(1))
    }
}

/// [`Walk::latent`] as the macro calls it: the bound says which scalar a distribution is of. The walk comes last,
/// since the arguments before it may read an index by it.
pub fn latent<D: Distribution<f64, Value = f64>>(
    name: &'static str,
    slot: Slot,
    distribution: &D,
    known: Option<f64>,
    walk: &mut dyn Walk,
) -> f64 {
    walk.latent(name, slot, distribution, known)
}

/// [`Walk::latent_vector`] as the macro calls it.
pub fn latent_vector<D: Distribution<f64, Value = [f64; N]>, const N: usize>(
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

/// [`Walk::observe`] as the macro calls it.
pub fn observe<D: Distribution<f64, Value = f64>>(place: &Place, distribution: &D, x: f64, walk: &mut dyn Walk) {
    walk.observe(place, distribution, x);
}

/// [`Walk::observe_vector`] as the macro calls it.
pub fn observe_vector<D: Distribution<f64, Value = [f64; N]>, const N: usize>(
    place: &Place,
    distribution: &D,
    x: [f64; N],
    walk: &mut dyn Walk,
) {
    walk.observe_vector(place, &Sliced(distribution), &x);
}

/// The value of a `let`, of whatever type. A method call on `&&Derived(..)` finds [`DerivedNumbers`] for a number or a vector
/// of numbers, and [`DerivedOther`] for the rest, since method lookup tries fewer dereferences first.
#[derive(Debug)]
pub struct Derived<'a, T>(pub &'a T);

/// Shows the numbers of a `let`.
pub trait DerivedNumbers {
    /// Calls `see` with the numbers.
    fn show(&self, see: &mut dyn FnMut(&[f64]));
}

impl DerivedNumbers for &Derived<'_, f64> {
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        see(std::slice::from_ref(self.0));
    }
}

impl<const N: usize> DerivedNumbers for &Derived<'_, [f64; N]> {
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        see(self.0);
    }
}

/// Passes over a `let` that is no number.
pub trait DerivedOther {
    /// Does nothing.
    fn show(&self, see: &mut dyn FnMut(&[f64])) {
        let _ = see;
    }
}

impl<T> DerivedOther for Derived<'_, T> {}

//! Which statement of a model has no finite density at a point, and why.

use super::erased::AnyModel;
use super::erased_data::AnyData;
use super::transform::FromUnconstrained;
use super::walk::{Scalar, Vector};
use super::{Place, Slot, Walk, specification};
use crate::distributions::ParameterError;

/// How many numbers of a vector a message shows.
const SHOWN: usize = 12;

impl dyn AnyModel + '_ {
    /// Says in words, as the end of a sentence about the log density, which variable has none that is finite at the unconstrained
    /// numbers `q`, and why; `None` if each has.
    pub(crate) fn not_finite(&self, data: &dyn AnyData, q: &[f64]) -> Option<String> {
        let mut values = Vec::new();
        let mut visitor = Blame { values: FromUnconstrained::new(q, &mut values), found: None };
        self.walk(Some(data), None, None, &mut visitor);
        let Found { variable, place, value, log_density, error, .. } = visitor.found?;
        let specification = self.specification();
        let definition = definition(&specification.variables, &specification.plates, variable);
        let under = definition.map_or(String::new(), |definition| format!(" under `{definition}`"));
        let value = match value.as_deref() {
            None => String::new(),
            Some([x]) => format!(", which is {x},"),
            Some(x) if x.len() <= SHOWN => format!(", which is {x:?},"),
            Some(x) => format!(", which begins with {:?},", &x[..SHOWN]),
        };
        let why = match error {
            Some(error) => format!("{error}; correct what it is worked out from: a covariate, a `let`, or a prior"),
            None if log_density == f64::NEG_INFINITY => {
                "that value is impossible there; correct it in the data, or take a distribution that allows it"
                    .to_owned()
            }
            None => "a `let` may give NaN, or the numbers may be too large".to_owned(),
        };
        Some(format!("where that of {place}{value}{under} is {log_density}: {why}"))
    }
}

/// Returns the definition of a variable where it is short enough to be shown.
fn definition<'a>(
    variables: &'a [specification::Variable],
    plates: &'a [specification::Plate],
    name: &str,
) -> Option<&'a str> {
    let own = variables.iter().find(|v| v.name == name).map(|v| v.definition.as_str());
    let own = own.filter(|definition| !definition.is_empty() && definition.len() < 100 && !definition.contains('\n'));
    own.or_else(|| plates.iter().find_map(|plate| self::definition(&plate.variables, &plate.plates, name)))
}

struct Found {
    variable: &'static str,
    place: String,
    value: Option<Vec<f64>>,
    log_density: f64,
    error: Option<ParameterError>,
    /// Whether the value of a discrete variable that is summed out is impossible, and nothing else.
    is_discrete: bool,
}

/// Finds the first statement whose log density is not finite.
struct Blame<'a> {
    values: FromUnconstrained<'a>,
    found: Option<Found>,
}

impl Blame<'_> {
    fn see(&mut self, log_density: f64, found: impl FnOnce() -> Found) {
        if self.found.is_none() && !log_density.is_finite() {
            self.found = Some(found());
        }
    }
}

fn of_latent(variable: &'static str, log_density: f64, error: Option<ParameterError>) -> Found {
    Found { variable, place: format!("`{variable}`"), value: None, log_density, error, is_discrete: false }
}

fn of_place(place: &Place, value: Option<&[f64]>, log_density: f64, error: Option<ParameterError>) -> Found {
    let value = value.map(<[f64]>::to_vec);
    Found { variable: place.variable, place: place.to_string(), value, log_density, error, is_discrete: false }
}

impl Walk for Blame<'_> {
    fn latent(&mut self, name: &'static str, slot: Slot, distribution: &dyn Scalar, known: Option<f64>) -> f64 {
        let x = self.values.latent(name, slot, distribution, known);
        let log_density = distribution.log_density(x);
        self.see(log_density, || of_latent(name, log_density, distribution.check().err()));
        x
    }

    fn latent_vector(
        &mut self,
        name: &'static str,
        slot: Slot,
        distribution: &dyn Vector,
        known: Option<&[f64]>,
        value: &mut [f64],
    ) {
        self.values.latent_vector(name, slot, distribution, known, value);
        let log_density = distribution.log_density(value);
        self.see(log_density, || of_latent(name, log_density, distribution.check().err()));
    }

    fn observe(&mut self, place: &Place, distribution: &dyn Scalar, x: f64) {
        let log_density = distribution.log_density(x);
        self.see(log_density, || of_place(place, Some(&[x]), log_density, distribution.check().err()));
    }

    fn observe_vector(&mut self, place: &Place, distribution: &dyn Vector, x: &[f64]) {
        let log_density = distribution.log_density(x);
        self.see(log_density, || of_place(place, Some(x), log_density, distribution.check().err()));
    }

    fn add_factor(&mut self, place: &Place, log_density: f64) {
        self.see(log_density, || of_place(place, None, log_density, None));
    }

    fn discrete_value(&mut self, place: &Place, value: usize, log_density: f64) {
        self.see(log_density, || Found {
            is_discrete: true,
            ..of_place(place, Some(&[value as f64]), log_density, None)
        });
    }

    /// One of the values of a discrete variable may well be impossible, and not all.
    fn sum_out(&mut self, categories: usize, body: &mut dyn FnMut(&mut dyn Walk, usize)) {
        let before = self.found.take();
        let mut first: Option<Found> = None;
        for k in 0..categories {
            body(self, k);
            match self.found.take() {
                None => {
                    first = None;
                    break;
                }
                Some(found) if first.as_ref().is_none_or(|first| first.is_discrete && !found.is_discrete) => {
                    first = Some(found);
                }
                Some(_) => {}
            }
        }
        self.found = before.or(first);
    }
}

//! Vectors of a distribution of the user's, on plain numbers: by the type of its draws, one draw, or one for each number.

use super::walk::{Place, Scalar, Slot, Vector, Walk};
use super::{DataError, SimulateError, Stream};
use crate::distributions::own::{Fits, FitsAny, OwnDraw, own_misfit};
use crate::distributions::{Draw, ParameterError, Support};

/// A distribution of the user's, of one number or of a whole vector.
struct Own<'a, D>(&'a D);

impl<D: Draw> Scalar for Own<'_, D>
where
    D::Value: OwnDraw<f64>,
{
    fn support(&self) -> Support<f64> {
        self.0.support()
    }

    fn log_density(&self, x: f64) -> f64 {
        <D::Value as OwnDraw<f64>>::log_density(self.0, &[x])
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.0.check_density()
    }
}

impl<D: Draw> Vector for Own<'_, D>
where
    D::Value: OwnDraw<f64>,
{
    fn support(&self) -> Support<f64> {
        self.0.support()
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        <D::Value as OwnDraw<f64>>::log_density(self.0, x)
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.0.check_density()
    }
}

fn drawn<D: Draw>(
    variable: &'static str,
    distribution: &D,
    x: &mut [f64],
    is_latent: bool,
    rng: &mut Stream,
) -> Result<(), SimulateError>
where
    D::Value: OwnDraw<f64>,
{
    if let Err(error) = distribution.check() {
        return Err(SimulateError::Parameter { variable, error });
    }
    if let Some(requirement) = own_misfit(distribution, x.len()).filter(|_| is_latent) {
        let value = distribution.support().describe();
        let error = ParameterError { distribution: "it", parameter: "the support", value, requirement };
        return Err(SimulateError::Parameter { variable, error });
    }
    let found = <D::Value as OwnDraw<f64>>::draw(distribution, x, rng);
    if found != x.len() {
        return Err(SimulateError::DrawnLength { variable, found, expected: x.len() });
    }
    match x.iter().find(|x| !x.is_finite()) {
        Some(&value) => Err(SimulateError::Infinite { variable, value }),
        None => Ok(()),
    }
}

/// Draws a vector, for the code of `model!`.
///
/// # Errors
/// A parameter is not valid, a latent vector cannot have the support, or what was drawn has another length or is not finite.
pub fn draw_own<D: Draw, const N: usize>(
    variable: &'static str,
    distribution: &D,
    is_latent: bool,
    rng: &mut Stream,
) -> Result<[f64; N], SimulateError>
where
    D::Value: OwnDraw<f64> + Fits<f64, N>,
{
    let mut x = [0.0; N];
    drawn(variable, distribution, &mut x, is_latent, rng)?;
    Ok(x)
}

/// Draws a vector of `len` numbers, for the code of `model!`.
///
/// # Errors
/// As of [`draw_own`].
pub fn draw_own_open<D: Draw>(
    variable: &'static str,
    distribution: &D,
    len: usize,
    is_latent: bool,
    rng: &mut Stream,
) -> Result<Vec<f64>, SimulateError>
where
    D::Value: OwnDraw<f64> + FitsAny<f64>,
{
    let mut x = vec![0.0; len];
    drawn(variable, distribution, &mut x, is_latent, rng)?;
    Ok(x)
}

fn walked<D: Draw>(
    name: &'static str,
    slot: Slot,
    distribution: &D,
    known: Option<&[f64]>,
    walk: &mut dyn Walk,
    value: &mut [f64],
) where
    D::Value: OwnDraw<f64>,
{
    if let Some(requirement) = own_misfit(distribution, value.len()) {
        let support = distribution.support().describe();
        walk.outside(DataError::Shape {
            what: format!("the support of `{name}` is {support}, but must be {requirement}"),
        });
        return;
    }
    if <D::Value as OwnDraw<f64>>::WHOLE {
        return walk.latent_vector(name, slot, &Own(distribution), known, value);
    }
    for (c, value) in value.iter_mut().enumerate() {
        let known = known.map(|known| known.get(c).copied().unwrap_or(f64::NAN));
        *value = walk.latent(name, slot.component(c), &Own(distribution), known);
    }
}

/// Visits a latent vector, for the code of `model!`.
pub fn latent_own<D: Draw, const N: usize>(
    name: &'static str,
    slot: Slot,
    distribution: &D,
    known: Option<[f64; N]>,
    walk: &mut dyn Walk,
) -> [f64; N]
where
    D::Value: OwnDraw<f64> + Fits<f64, N>,
{
    let mut value = [f64::NAN; N];
    walked(name, slot, distribution, known.as_ref().map(|x| x.as_slice()), walk, &mut value);
    value
}

/// Visits a latent vector of `len` numbers, for the code of `model!`.
pub fn latent_own_open<D: Draw>(
    name: &'static str,
    slot: Slot,
    (distribution, len): (&D, usize),
    known: Option<&[f64]>,
    walk: &mut dyn Walk,
) -> Vec<f64>
where
    D::Value: OwnDraw<f64> + FitsAny<f64>,
{
    let mut value = vec![f64::NAN; len];
    // A vector of another length has numbers that are not known.
    let known = known.map(|known| {
        let mut known = known.to_vec();
        known.resize(len, f64::NAN);
        known
    });
    walked(name, slot, distribution, known.as_deref(), walk, &mut value);
    value
}

fn seen<D: Draw>(place: &Place, distribution: &D, x: &[f64], walk: &mut dyn Walk)
where
    D::Value: OwnDraw<f64>,
{
    if <D::Value as OwnDraw<f64>>::WHOLE {
        return walk.observe_vector(place, &Own(distribution), x);
    }
    x.iter().for_each(|&x| walk.observe(place, &Own(distribution), x));
}

/// Visits an observed vector, for the code of `model!`.
pub fn observe_own<D: Draw, const N: usize>(place: &Place, distribution: &D, x: [f64; N], walk: &mut dyn Walk)
where
    D::Value: OwnDraw<f64> + Fits<f64, N>,
{
    seen(place, distribution, &x, walk);
}

/// Visits an observed vector whose length is known when the program runs, for the code of `model!`.
pub fn observe_own_open<D: Draw>(place: &Place, distribution: &D, x: &[f64], walk: &mut dyn Walk)
where
    D::Value: OwnDraw<f64> + FitsAny<f64>,
{
    seen(place, distribution, x, walk);
}

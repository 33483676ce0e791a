//! The solution of a differential equation at some times.

use super::explicit::Explicit;
use super::failure::keep;
use super::stiff::Stiff;
use super::times::{Initial, Times};
use super::tolerance::Tolerance;
use crate::autodiff::Real;

/// Solves dy/dt = `rhs`(t, y, `theta`) and returns the state y at each of the `times`, `states[time][component]`.
///
/// The solution starts from `initial`: an array is the state at time zero, `(t0, y0)` that at another. The times are best in order,
/// as each is reached from the one before; they may lie before the start, and may be unknowns. An array of times gives an array of
/// states, and a `Vec` (a `param` of a model) a `Vec`. `theta` is anything that is `Copy` and is handed to `rhs` as it is.
///
/// Derivatives with respect to the start, the times and `theta` are those of the steps themselves, each as exact as `tolerance` says.
///
/// The method is that of Dormand and Prince, of order 5, with steps that it chooses itself. Where parts of the state decay much faster
/// than the solution changes, the equation is stiff and takes very many steps: that is what [`ode_stiff`] is for.
///
/// Where `rhs` is not finite, no step is short enough, or there are too many steps, the rest of the states are NaN: a density then
/// rejects the point.
///
/// ```
/// use hierarch_core::autodiff::Real;
/// use hierarch_core::solve::{Tolerance, ode};
///
/// fn decay<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
///     [-rate * y]
/// }
///
/// // From 3 at time 1.
/// let states = ode(decay, (1.0, [3.0]), [1.5, 2.0], 0.7, Tolerance::default());
/// assert!((states[1][0] - 3.0 * f64::exp(-0.7)).abs() < 1e-5);
/// ```
#[inline(always)]
pub fn ode<T: Real, P: Copy, S: Times<T, N>, const N: usize>(
    rhs: impl Fn(T, [T; N], P) -> [T; N],
    initial: impl Initial<T, N>,
    times: S,
    theta: P,
    tolerance: Tolerance,
) -> S::States {
    let mut states = times.states();
    let mut point = match Explicit::new(&rhs, initial.start(), theta, tolerance) {
        Ok(point) => point,
        Err(failure) => {
            keep::<T>(failure);
            return states;
        }
    };
    for i in 0..times.count() {
        if let Err(failure) = point.advance(&rhs, times.time(i), theta, tolerance) {
            keep::<T>(failure);
            break;
        }
        S::put(&mut states, i, point.state);
    }
    states
}

/// Does what [`ode`] does for stiff equations: those with parts that decay much faster than the solution changes.
///
/// The method is Radau IIA of order 5, which is stable whatever the step. A step solves an equation for its stages, and takes some ten
/// times as long as one of [`ode`]. The Jacobian of `rhs` that it needs is made from differences; it decides how fast that equation is
/// solved, but the solution and its derivatives do not depend on it.
///
/// ```
/// use hierarch_core::autodiff::Real;
/// use hierarch_core::solve::{Tolerance, ode_stiff};
///
/// /// Chemical reactions whose rates differ by a factor of 10^9 (Robertson).
/// fn reactions<T: Real>(_: T, [a, b, c]: [T; 3], k: [T; 3]) -> [T; 3] {
///     let (slow, fast, back) = (k[0] * a, k[1] * b * b, k[2] * b * c);
///     [back - slow, slow - back - fast, fast]
/// }
///
/// let tolerance = Tolerance::default().absolute(1e-12);
/// let [[a, b, _]] = ode_stiff(reactions, [1.0, 0.0, 0.0], [40.0], [0.04, 3e7, 1e4], tolerance);
/// assert!((a - 0.715827).abs() < 1e-6 && (b - 9.1855e-6).abs() < 1e-9);
/// ```
#[inline(always)]
pub fn ode_stiff<T: Real, P: Copy, S: Times<T, N>, const N: usize>(
    rhs: impl Fn(T, [T; N], P) -> [T; N],
    initial: impl Initial<T, N>,
    times: S,
    theta: P,
    tolerance: Tolerance,
) -> S::States {
    let mut states = times.states();
    let mut point = match Stiff::new(&rhs, initial.start(), theta, tolerance) {
        Ok(point) => point,
        Err(failure) => {
            keep::<T>(failure);
            return states;
        }
    };
    for i in 0..times.count() {
        if let Err(failure) = point.advance(&rhs, times.time(i), theta) {
            keep::<T>(failure);
            break;
        }
        S::put(&mut states, i, point.state);
    }
    states
}

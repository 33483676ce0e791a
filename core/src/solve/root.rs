//! The root of a function.

use super::failure::{Failure, keep};
use crate::autodiff::{Lanes, MOST_LANES, Real};

/// More rounds than it takes to halve all numbers to two neighbours.
const ROUNDS: usize = 2_200;

/// Finds the x between `low` and `high` with `f`(x) = 0, to the precision of the numbers. Where there are several, it finds one.
///
/// Its derivatives are those of the equation, -(df/da) / (df/dx) for each unknown a that `f` depends on; those of `low` and `high` do
/// not matter.
///
/// Where `f` has the same sign at both ends, or is NaN, the root is NaN: a density then rejects the point.
///
/// ```
/// use hierarch_core::autodiff::{Dual, Real};
/// use hierarch_core::solve::root;
///
/// // x e^x = a at a = 2: the derivative of x with respect to a is x / (a (1 + x)).
/// let a = Dual::<f64, 1>::variable(2.0, 0);
/// let x = root(|x: Dual<f64, 1>| x * x.exp() - a, Dual::from(0.0), Dual::from(2.0));
/// assert!((x.value - 0.852605502).abs() < 1e-9);
/// assert!((x.partials[0] - x.value / (2.0 * (1.0 + x.value))).abs() < 1e-12);
/// ```
#[inline(always)]
pub fn root<T: Real>(f: impl Fn(T) -> T, low: T, high: T) -> T {
    let zero = T::Lanes::splat(0.0);
    let plain = |x: T::Lanes| T::from_parts(|k| if k == 0 { x } else { zero });
    let (low, high) = (low.part(0), high.part(0));
    let (at_low, at_high) = (f(plain(low)).part(0), f(plain(high)).part(0));
    let mut brackets = [Bracket::default(); MOST_LANES];
    let brackets = &mut brackets[..T::Lanes::WIDTH];
    for (l, bracket) in brackets.iter_mut().enumerate() {
        *bracket = Bracket::new((low.lane(l), at_low.lane(l)), (high.lane(l), at_high.lane(l)));
    }
    for _ in 0..ROUNDS {
        if brackets.iter().all(|bracket| bracket.done) {
            break;
        }
        let next = T::Lanes::from_fn(|l| brackets[l].next);
        let there = f(plain(next)).part(0);
        for (l, bracket) in brackets.iter_mut().enumerate() {
            bracket.narrow(there.lane(l));
        }
    }
    for (l, _) in brackets.iter().enumerate().filter(|(_, bracket)| bracket.best.is_nan()) {
        keep::<T>(Failure::NoRoot { low: low.lane(l), high: high.lane(l) });
    }
    let x = T::Lanes::from_fn(|l| brackets[l].best);
    if T::PARTS == 1 {
        return plain(x);
    }
    // The slope by x is the difference that a derivative of x makes, in the place of the first.
    let fixed = f(plain(x));
    let along = f(T::from_parts(|k| if k == 0 { x } else { T::Lanes::splat(if k == 1 { 1.0 } else { 0.0 }) }));
    let slope = along.part(1) - fixed.part(1);
    T::from_parts(|k| if k == 0 { x } else { -(fixed.part(k) / slope) })
}

/// Two points between which a function changes its sign, by Chandrupatla's method (Adv. Eng. Software 28, 1997): inverse quadratic
/// interpolation where that is safe, else halving.
#[derive(Clone, Copy, Default)]
struct Bracket {
    /// The last point, the one across, and the one before, with the values there.
    last: (f64, f64),
    across: (f64, f64),
    before: (f64, f64),
    next: f64,
    best: f64,
    done: bool,
}

impl Bracket {
    fn new(low: (f64, f64), high: (f64, f64)) -> Self {
        let mut new = Self { last: low, across: high, before: high, ..Self::default() };
        if low.1 == 0.0 || high.1 == 0.0 {
            new.best = if low.1 == 0.0 { low.0 } else { high.0 };
            new.done = true;
        } else if (low.1 < 0.0) == (high.1 < 0.0) || low.1.is_nan() || high.1.is_nan() {
            new.best = f64::NAN;
            new.done = true;
        }
        new.next = if new.done { new.best } else { 0.5 * low.0 + 0.5 * high.0 };
        new
    }

    /// Takes the value at `next`.
    fn narrow(&mut self, value: f64) {
        if self.done {
            return;
        }
        let new = (self.next, value);
        if (value < 0.0) == (self.last.1 < 0.0) {
            self.before = self.last;
        } else {
            self.before = self.across;
            self.across = self.last;
        }
        self.last = new;
        let (a, b, c) = (self.last, self.across, self.before);
        self.best = if a.1.abs() < b.1.abs() { a.0 } else { b.0 };
        let width = (b.0 - a.0).abs();
        // Half a unit in the last place on either side cannot be told apart.
        let least = 2.0 * f64::EPSILON * self.best.abs() + f64::MIN_POSITIVE;
        if value.is_nan() {
            self.best = f64::NAN;
        }
        self.done = value == 0.0 || width <= least || value.is_nan();
        let (xi, phi) = ((a.0 - b.0) / (c.0 - b.0), (a.1 - b.1) / (c.1 - b.1));
        let t = if phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi {
            a.1 / (b.1 - a.1) * c.1 / (b.1 - c.1) + (c.0 - a.0) / (b.0 - a.0) * a.1 / (c.1 - a.1) * b.1 / (c.1 - b.1)
        } else {
            0.5
        };
        let edge = 0.5 * least / width;
        let t = if t.is_finite() && edge < 0.5 { t.clamp(edge, 1.0 - edge) } else { 0.5 };
        self.next = if self.done { self.best } else { (1.0 - t) * a.0 + t * b.0 };
    }
}

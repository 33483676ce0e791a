//! The integral of a function.

use super::error::Errors;
use super::failure::{Failure, keep};
use super::stretch::place;
use super::tolerance::Tolerance;
use crate::autodiff::{Lanes, Real};

/// The error of an integral beside that of the absolute value.
const RELATIVE: f64 = 1e-10;
/// Halvings after which an integral is given up.
const HALVINGS: usize = 500;

/// Distances from the middle of the points of the rules by Gauss and Kronrod, and the weights there of the latter, of 21 points
/// (R. Piessens and others, QUADPACK, 1983).
const KRONROD: [(f64, f64); 10] = [
    (0.995_657_163_025_808_1, 0.011_694_638_867_371_874),
    (0.973_906_528_517_171_7, 0.032_558_162_307_964_725),
    (0.930_157_491_355_708_2, 0.054_755_896_574_351_995),
    (0.865_063_366_688_984_5, 0.075_039_674_810_919_96),
    (0.780_817_726_586_416_9, 0.093_125_454_583_697_6),
    (0.679_409_568_299_024_4, 0.109_387_158_802_297_64),
    (0.562_757_134_668_604_7, 0.123_491_976_262_065_85),
    (0.433_395_394_129_247_2, 0.134_709_217_311_473_34),
    (0.294_392_862_701_460_2, 0.142_775_938_577_060_09),
    (0.148_874_338_981_631_22, 0.147_739_104_901_338_49),
];
/// The weight of the middle.
const MIDDLE: f64 = 0.149_445_554_002_916_9;
/// The weights of every second point, from the second on, by the rule of Gauss, of 10 points.
const GAUSS: [f64; 5] = [
    0.066_671_344_308_688_14,
    0.149_451_349_150_580_6,
    0.219_086_362_515_982_04,
    0.269_266_719_309_996_35,
    0.295_524_224_714_752_87,
];

/// Integrates `f` from `low` to `high`, either of which may be infinite.
///
/// The interval is halved where `f` is least smooth, until the error of the integral is 1e-10 of that of |`f`|, and so for each
/// derivative. These are with respect to what `f` depends on and to both ends. At an end `f` may be infinite, if its integral is finite.
///
/// Where that is not reached after 500 halvings, or `f` is not finite elsewhere, the integral is NaN: a density then rejects the point.
///
/// ```
/// use hierarch_core::autodiff::{Dual, Real};
/// use hierarch_core::solve::integral;
///
/// // The integral of a e^(-a x) from 0 to b is 1 - e^(-a b).
/// let (a, b) = (Dual::<f64, 2>::variable(2.0, 0), Dual::variable(0.5, 1));
/// let p = integral(|x: Dual<f64, 2>| a * (-a * x).exp(), Dual::from(0.0), b);
/// let rest = f64::exp(-1.0);
/// assert!((p.value - (1.0 - rest)).abs() < 1e-12);
/// assert!((p.partials[0] - 0.5 * rest).abs() < 1e-10 && (p.partials[1] - 2.0 * rest).abs() < 1e-10);
///
/// assert!((integral(|x: f64| (-x * x).exp(), f64::NEG_INFINITY, f64::INFINITY).powi(2) - std::f64::consts::PI).abs() < 1e-10);
/// ```
#[inline(always)]
pub fn integral<T: Real>(f: impl Fn(T) -> T, low: T, high: T) -> T {
    let (from_below, to_above) = (is(low, f64::NEG_INFINITY), is(high, f64::INFINITY));
    let length = high - low;
    // The integrand over shares of the interval, which are the same in all lanes.
    let of_share = |share: f64| {
        if !from_below && !to_above {
            return length * f(low + length * share);
        }
        // x = s / (1 - s) and dx = ds / (1 - s)^2, away from the end that is finite, or from zero on both sides.
        let (out, slope) = (share / (1.0 - share), 1.0 / ((1.0 - share) * (1.0 - share)));
        let middle = T::from(0.0);
        let below = if from_below { f(if to_above { middle } else { high } - out) } else { middle };
        let above = if to_above { f(if from_below { middle } else { low } + out) } else { middle };
        (below + above) * slope
    };
    let tolerance = Tolerance { relative: RELATIVE, absolute: f64::MIN_POSITIVE, steps: HALVINGS };
    let mut pieces: Vec<Piece<T>> = Vec::new();
    let mut new = [Some((0.0, 1.0)), None];
    for _ in 0..tolerance.steps {
        for (from, to) in new.into_iter().flatten() {
            pieces.push(Piece::new(&of_share, from, to));
        }
        let zero = T::from(0.0);
        let (mut sum, mut size, mut error) = (zero, zero, zero);
        for piece in &pieces {
            sum += piece.sum;
            size += piece.size;
            error += piece.error;
        }
        let mut errors = Errors::new(tolerance);
        errors.add(error, size, size);
        if errors.largest() <= 1.0 {
            return sum;
        }
        let (mut worst, mut most) = (0, -1.0);
        for (at, piece) in pieces.iter().enumerate() {
            let mut errors = Errors::new(tolerance);
            errors.add(piece.error, size, size);
            let own = errors.largest();
            if own > most {
                (worst, most) = (at, own);
            }
        }
        let Piece { from, to, .. } = pieces.swap_remove(worst);
        let middle = 0.5 * (from + to);
        new = [Some((from, middle)), Some((middle, to))];
    }
    keep::<T>(Failure::Unsettled { low: place(low), high: place(high) });
    T::from(f64::NAN)
}

/// Tells whether an end is that number. Lanes in which it is not are run by themselves.
#[inline(always)]
fn is<T: Real>(end: T, number: f64) -> bool {
    let value = end.part(0);
    T::Lanes::from_fn(|l| f64::from(u8::from(value.lane(l) == number))).uniform() == 1.0
}

/// A part of the interval.
struct Piece<T> {
    from: f64,
    to: f64,
    sum: T,
    /// The integral of the absolute value, and the error: of each derivative, too.
    size: T,
    error: T,
}

impl<T: Real> Piece<T> {
    #[inline(always)]
    fn new(f: &impl Fn(f64) -> T, from: f64, to: f64) -> Self {
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        let absolute = |x: T| T::from_parts(|k| x.part(k).abs());
        let zero = T::from(0.0);
        let (mut sum, mut size, mut coarse) = (zero, zero, zero);
        for at in 0..2 * KRONROD.len() + 1 {
            let ((distance, weight), sign) = match at {
                0 => ((0.0, MIDDLE), 1.0),
                _ => (KRONROD[(at - 1) / 2], if at % 2 == 1 { 1.0 } else { -1.0 }),
            };
            let value = f(middle + sign * distance * half) * half;
            sum += value * weight;
            size += absolute(value) * weight;
            // The points of Gauss's rule are the second, fourth and so on from the end.
            if at > 0 && (at - 1) / 2 % 2 == 1 {
                coarse += value * GAUSS[(at - 1) / 4];
            }
        }
        Self { from, to, sum, size, error: absolute(sum - coarse) }
    }
}

//! Monotone maps of one number to another: what flows are made of.
//!
//! A rational-quadratic spline (Durkan et al., arXiv 1906.04032) maps [-BOUND, BOUND] onto itself through K bins, with a
//! slope of 1 at both ends and the identity beyond. Its 3 K - 1 parameters are K widths and K heights before their softmax,
//! and K - 1 slopes at the inner knots before their softplus; zeros stand for the identity.

use super::kernels::Number;

/// The largest number of bins of a spline.
pub(super) const BINS: usize = 32;
/// Half the length of the interval that a spline bends.
pub(super) const BOUND: f32 = 5.0;
/// The least width and height of a bin, as a share of the interval, and the least slope at a knot.
pub(super) const LEAST: f32 = 1e-3;
/// ln(e^(1 - LEAST) - 1): where the softplus is 1 - LEAST.
pub(super) const UNIT_SLOPE: f32 = 0.539_742_4;
/// The largest logarithm of the slope of an affine map.
pub(super) const STEEPEST: f32 = 3.0;

/// A family of monotone maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    /// z = exp(a) x + b
    Affine,
    /// A spline with this number of bins.
    Spline(usize),
}

impl Map {
    /// Returns how many parameters a map has.
    pub(super) fn parameters(self) -> usize {
        match self {
            Map::Affine => 2,
            Map::Spline(bins) => 3 * bins - 1,
        }
    }

    /// Computes z(x) and ln dz/dx.
    pub(super) fn forward<E: Number>(self, x: E, parameters: &[E]) -> (E, E) {
        match self {
            Map::Affine => {
                let (a, _) = soft_bound(parameters[0]);
                (a.exp() * x + parameters[1], a)
            }
            Map::Spline(bins) => {
                if x.abs() >= E::number(BOUND) {
                    return (x, E::zero());
                }
                let knots = Knots::new(bins, parameters);
                let bin = knots.bin(find(&knots.x[..=bins], x));
                let (z, log_slope, _) = bin.forward(x);
                (z, log_slope)
            }
        }
    }

    /// Computes x(z).
    pub(super) fn inverse<E: Number>(self, z: E, parameters: &[E]) -> E {
        match self {
            Map::Affine => (z - parameters[1]) * (-soft_bound(parameters[0]).0).exp(),
            Map::Spline(bins) => {
                if z.abs() >= E::number(BOUND) {
                    return z;
                }
                let knots = Knots::new(bins, parameters);
                knots.bin(find(&knots.y[..=bins], z)).inverse(z)
            }
        }
    }

    /// Turns the gradients with respect to z and ln dz/dx, `dz` and `dl`, into the gradient with respect to x, which is
    /// returned, and the one with respect to the parameters, which is written to `gradient`.
    pub(super) fn backward<E: Number>(self, x: E, parameters: &[E], (dz, dl): (E, E), gradient: &mut [E]) -> E {
        match self {
            Map::Affine => {
                let (a, slope) = soft_bound(parameters[0]);
                let scale = a.exp();
                gradient[0] = (dz * scale * x + dl) * slope;
                gradient[1] = dz;
                dz * scale
            }
            Map::Spline(bins) => {
                gradient.fill(E::zero());
                if x.abs() >= E::number(BOUND) {
                    return dz;
                }
                let knots = Knots::new(bins, parameters);
                let at = find(&knots.x[..=bins], x);
                let bin = knots.bin(at);
                let (_, _, inner) = bin.forward(x);
                let (by_x, by_bin) = bin.backward(&inner, dz, dl);
                knots.backward(at, &by_bin, gradient);
                by_x
            }
        }
    }
}

/// Computes STEEPEST tanh(x / STEEPEST), and its derivative.
fn soft_bound<E: Number>(x: E) -> (E, E) {
    let share = (x / E::number(STEEPEST)).tanh();
    (E::number(STEEPEST) * share, E::one() - share * share)
}

/// Returns the bin that holds `x`, or the one nearest to it.
fn find<E: Number>(knots: &[E], x: E) -> usize {
    knots[1..knots.len() - 1].iter().take_while(|knot| **knot <= x).count()
}

/// The knots of a spline.
struct Knots<E> {
    bins: usize,
    x: [E; BINS + 1],
    y: [E; BINS + 1],
    slopes: [E; BINS + 1],
    /// Widths and heights after the softmax, and the slopes' derivatives by their parameters.
    widths: [E; BINS],
    heights: [E; BINS],
    bends: [E; BINS + 1],
}

impl<E: Number> Knots<E> {
    fn new(bins: usize, parameters: &[E]) -> Self {
        let zeros = [E::zero(); BINS];
        let ones = [E::one(); BINS + 1];
        let mut knots =
            Knots { bins, x: ones, y: ones, slopes: ones, widths: zeros, heights: zeros, bends: [E::zero(); BINS + 1] };
        place(&parameters[..bins], &mut knots.widths, &mut knots.x);
        place(&parameters[bins..2 * bins], &mut knots.heights, &mut knots.y);
        for (at, raw) in parameters[2 * bins..].iter().enumerate() {
            let u = *raw + E::number(UNIT_SLOPE);
            let e = (-u.abs()).exp();
            knots.slopes[at + 1] = E::number(LEAST) + u.max(E::zero()) + e.ln_1p();
            knots.bends[at + 1] = if u > E::zero() { E::one() / (E::one() + e) } else { e / (E::one() + e) };
        }
        knots
    }

    fn bin(&self, at: usize) -> Bin<E> {
        let (x, y) = (self.x[at], self.y[at]);
        let (width, height) = (self.x[at + 1] - x, self.y[at + 1] - y);
        Bin { x, y, width, height, left: self.slopes[at], right: self.slopes[at + 1] }
    }

    /// Turns the gradient with respect to the numbers of bin `at` into the gradient with respect to all parameters.
    fn backward(&self, at: usize, by: &Bin<E>, gradient: &mut [E]) {
        let bins = self.bins;
        let (widths, rest) = gradient.split_at_mut(bins);
        let (heights, slopes) = rest.split_at_mut(bins);
        spread(&self.widths[..bins], at, by.x, by.width, widths);
        spread(&self.heights[..bins], at, by.y, by.height, heights);
        if at > 0 {
            slopes[at - 1] = by.left * self.bends[at];
        }
        if at + 1 < bins {
            slopes[at] = by.right * self.bends[at + 1];
        }
    }
}

/// Computes the shares after a softmax, and the knots whose distances they are.
fn place<E: Number>(raw: &[E], shares: &mut [E; BINS], knots: &mut [E; BINS + 1]) {
    let bins = raw.len();
    let highest = raw.iter().copied().fold(E::neg_infinity(), E::max);
    let mut sum = E::zero();
    for (share, raw) in shares.iter_mut().zip(raw) {
        *share = (*raw - highest).exp();
        sum += *share;
    }
    let (least, length) = (E::number(LEAST), E::number(2.0 * BOUND));
    let free = E::one() - least * E::number(bins as f32);
    knots[0] = E::number(-BOUND);
    for at in 0..bins {
        shares[at] /= sum;
        knots[at + 1] = knots[at] + length * (least + free * shares[at]);
    }
    knots[bins] = E::number(BOUND);
}

/// Computes the gradient with respect to the numbers before a softmax, from the gradients with respect to the place of knot
/// `at` and to the length of the bin after it.
fn spread<E: Number>(shares: &[E], at: usize, by_knot: E, by_length: E, gradient: &mut [E]) {
    let bins = shares.len();
    let scale = E::number(2.0 * BOUND) * (E::one() - E::number(LEAST) * E::number(bins as f32));
    let by_share = |bin: usize| match bin.cmp(&at) {
        std::cmp::Ordering::Less => by_knot * scale,
        std::cmp::Ordering::Equal => by_length * scale,
        std::cmp::Ordering::Greater => E::zero(),
    };
    let mean: E = shares.iter().enumerate().map(|(bin, share)| *share * by_share(bin)).sum();
    for (bin, (gradient, share)) in gradient.iter_mut().zip(shares).enumerate() {
        *gradient = *share * (by_share(bin) - mean);
    }
}

/// One bin of a spline, or the gradient with respect to its numbers.
struct Bin<E> {
    /// Its left end.
    x: E,
    y: E,
    width: E,
    height: E,
    /// The slopes at its ends.
    left: E,
    right: E,
}

/// What the forward pass of a bin computes on its way.
struct Inner<E> {
    /// The place in the bin, 0 to 1, and place (1 - place).
    place: E,
    product: E,
    mean_slope: E,
    bend: E,
    numerator: E,
    denominator: E,
    slope: E,
}

impl<E: Number> Bin<E> {
    fn forward(&self, x: E) -> (E, E, Inner<E>) {
        let two = E::number(2.0);
        let place = (x - self.x) / self.width;
        let product = place * (E::one() - place);
        let mean_slope = self.height / self.width;
        let bend = self.left + self.right - two * mean_slope;
        let numerator = mean_slope * place * place + self.left * product;
        let denominator = mean_slope + bend * product;
        let rest = E::one() - place;
        let slope = self.right * place * place + two * mean_slope * product + self.left * rest * rest;
        let z = self.y + self.height * numerator / denominator;
        let log_slope = two * (mean_slope / denominator).ln() + slope.ln();
        (z, log_slope, Inner { place, product, mean_slope, bend, numerator, denominator, slope })
    }

    fn inverse(&self, z: E) -> E {
        let two = E::number(2.0);
        let up = z - self.y;
        let mean_slope = self.height / self.width;
        let bend = up * (self.left + self.right - two * mean_slope);
        let a = self.height * (mean_slope - self.left) + bend;
        let b = self.height * self.left - bend;
        let c = -mean_slope * up;
        let root = (b * b - E::number(4.0) * a * c).max(E::zero()).sqrt();
        let place = (two * c / (-b - root)).max(E::zero()).min(E::one());
        self.x + place * self.width
    }

    /// Returns the gradients with respect to the argument and to the numbers of the bin.
    fn backward(&self, inner: &Inner<E>, dz: E, dl: E) -> (E, Bin<E>) {
        let two = E::number(2.0);
        let Inner { place, product, mean_slope, bend, numerator, denominator, slope } = *inner;
        let rest = E::one() - place;
        let by_numerator = dz * self.height / denominator;
        let by_denominator = -(dz * self.height * numerator / denominator + two * dl) / denominator;
        let by_slope = dl / slope;
        let by_bend = by_denominator * product;
        let by_product = by_numerator * self.left + by_denominator * bend + by_slope * two * mean_slope;
        let by_mean_slope = by_numerator * place * place + by_denominator - two * by_bend
            + by_slope * two * product
            + two * dl / mean_slope;
        let by_place = by_numerator * two * mean_slope * place
            + by_slope * two * (self.right * place - self.left * rest)
            + by_product * (E::one() - two * place);
        let by_x = by_place / self.width;
        let by_bin = Bin {
            x: -by_x,
            y: dz,
            width: -(by_mean_slope * mean_slope + by_place * place) / self.width,
            height: dz * numerator / denominator + by_mean_slope / self.width,
            left: by_numerator * product + by_bend + by_slope * rest * rest,
            right: by_bend + by_slope * place * place,
        };
        (by_x, by_bin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(map: Map, seed: usize) -> Vec<f64> {
        (0..map.parameters()).map(|i| 1.5 * (1.7 * (i * 7 + 13 * seed) as f64).sin()).collect()
    }

    const MAPS: [Map; 4] = [Map::Affine, Map::Spline(1), Map::Spline(5), Map::Spline(BINS)];

    #[test]
    fn maps_rise_and_turn_back() {
        for (map, seed) in MAPS.into_iter().flat_map(|map| (0..5).map(move |seed| (map, seed))) {
            let parameters = parameters(map, seed);
            let mut before = f64::NEG_INFINITY;
            for i in -650..=650 {
                let x = f64::from(i) / 100.0 + 1e-3;
                let (z, log_slope) = map.forward(x, &parameters);
                assert!(z > before);
                before = z;
                assert!((map.inverse(z, &parameters) - x).abs() < 1e-9, "{map:?} {x}");
                let step = 1e-6;
                let slope =
                    (map.forward(x + step, &parameters).0 - map.forward(x - step, &parameters).0) / (2.0 * step);
                assert!((slope.ln() - log_slope).abs() < 1e-4, "{map:?} {x}: {} {log_slope}", slope.ln());
            }
        }
    }

    #[test]
    fn zeros_are_the_identity() {
        for map in MAPS {
            let zeros = vec![0.0; map.parameters()];
            for x in [-6.0_f64, -4.9, -0.3, 0.0, 2.0, 5.0] {
                let (z, log_slope) = map.forward(x, &zeros);
                assert!((z - x).abs() < 1e-6 && log_slope.abs() < 1e-6, "{map:?} {x}: {z} {log_slope}");
            }
        }
    }

    #[test]
    fn gradients_are_those_of_their_differences() {
        for (map, seed) in MAPS.into_iter().flat_map(|map| (0..5).map(move |seed| (map, seed))) {
            let parameters = parameters(map, seed);
            for x in [-5.5, -3.1, -0.2, 0.9, 4.2] {
                let (dz, dl) = (0.7, -1.3);
                let value = |x: f64, parameters: &[f64]| {
                    let (z, log_slope) = map.forward(x, parameters);
                    dz * z + dl * log_slope
                };
                let mut gradient = vec![0.0; parameters.len()];
                let by_x = map.backward(x, &parameters, (dz, dl), &mut gradient);
                let step = 1e-5;
                let close = |found: f64, expected: f64| {
                    assert!(
                        (found - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                        "{map:?} {x}: {found} {expected}"
                    );
                };
                close(by_x, (value(x + step, &parameters) - value(x - step, &parameters)) / (2.0 * step));
                for at in 0..parameters.len() {
                    let moved = |by: f64| {
                        let mut parameters = parameters.clone();
                        parameters[at] += by;
                        value(x, &parameters)
                    };
                    close(gradient[at], (moved(step) - moved(-step)) / (2.0 * step));
                }
            }
        }
    }
}

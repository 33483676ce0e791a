//! Logarithms of the regularised incomplete gamma and beta functions with their derivatives, exact in both tails.
//!
//! Of the two tails the one that is not near one is worked out: x^a exp(-x) / Gamma(a), or x^a (1 - x)^b / B(a, b), times a series or a
//! continued fraction (DLMF 8.7.1, 8.9.2 and 8.17.22). Those are differentiated term by term. The other tail is its complement.
//! About as many terms are needed as the root of the largest shape.

use std::f64::consts::{LN_2, PI};

use super::lanes::MOST_LANES;
use super::special::{digamma, ln_gamma};
use super::{Lanes, functions};

/// The logarithms of the lower and of the upper tail, each followed by its derivatives with respect to the arguments.
pub type LogTails<const N: usize> = [[f64; N]; 2];

/// So many terms suffice for shapes up to 1e10.
const MOST_TERMS: usize = 1_000_000;

/// A change this small, of a value or of its derivative, is one of rounding.
const SETTLED: f64 = f64::EPSILON;

/// Returns the tails of the gamma function of `shape` at `x`, P(shape, x) and Q(shape, x), with their derivatives with respect to both.
/// Where a tail is zero, it has no derivative. NaN for a shape that is not positive or a negative `x`.
pub fn gamma(shape: f64, x: f64) -> LogTails<3> {
    const NONE: [f64; 3] = [f64::NEG_INFINITY, 0.0, 0.0];
    if !(shape > 0.0 && x >= 0.0) {
        return [[f64::NAN; 3]; 2];
    }
    if x == f64::INFINITY {
        return [[0.0; 3], NONE];
    }
    if x == 0.0 || shape == f64::INFINITY {
        // The density at zero, which may be infinite.
        let slope = if shape < 1.0 { f64::MIN } else { -f64::from(u8::from(shape == 1.0)) };
        return [NONE, [0.0, 0.0, slope]];
    }
    let offset = (x - shape) / shape;
    let log_ratio = if offset.abs() < 0.5 { offset.ln_1p() } else { (x / shape).ln() };
    let log = 0.5 * (shape / (2.0 * PI)).ln() - shape * above_log(offset, log_ratio) - beyond_stirling(shape);
    let by_shape = log_ratio + below_log(shape);
    if x < shape + 1.0 {
        let (sum, slope) = gamma_series(shape, x);
        let inverse = 1.0 / shape;
        let lower = [log + (sum * inverse).ln(), by_shape - inverse + slope, shape / (x * sum)];
        [lower, complement(lower)]
    } else {
        let mut fraction = Fraction::new(x + 1.0 - shape, [-1.0]);
        let settled = (1..MOST_TERMS).any(|i| {
            let n = i as f64;
            fraction.step((n * (shape - n), [n]), (x + 1.0 - shape + 2.0 * n, [-1.0]))
        });
        let [value, slope] = if settled { [fraction.value, fraction.log_slopes[0]] } else { [f64::NAN; 2] };
        let upper = [log + value.ln(), by_shape + slope, -1.0 / (x * value)];
        [complement(upper), upper]
    }
}

/// Returns the tails of the beta function of shapes `a` and `b` at x = 1 / (1 + exp(-`logit`)), I_x(a, b) and I_{1-x}(b, a), with their
/// derivatives with respect to `a`, `b` and `logit`. By the logit, since neither x nor 1 - x may be rounded to one. Where a tail is
/// zero, it has no derivative. NaN for a shape that is not positive.
pub fn beta(a: f64, b: f64, logit: f64) -> LogTails<4> {
    const NONE: [f64; 4] = [f64::NEG_INFINITY, 0.0, 0.0, 0.0];
    if !(a > 0.0 && b > 0.0) || logit.is_nan() {
        return [[f64::NAN; 4]; 2];
    }
    if logit == f64::NEG_INFINITY || a == f64::INFINITY {
        return [NONE, [0.0; 4]];
    }
    if logit == f64::INFINITY || b == f64::INFINITY {
        return [[0.0; 4], NONE];
    }
    let ((x, _), (y, _)) = (functions::sigmoid(logit), functions::sigmoid(-logit));
    if x * (b + 1.0) > y * (a + 1.0) {
        let swapped = |[value, by_b, by_a, by_logit]: [f64; 4]| [value, by_a, by_b, -by_logit];
        let [upper, lower] = beta(b, a, -logit);
        return [swapped(lower), swapped(upper)];
    }
    let n = a + b;
    let (of_x, of_y) = (x * (b / a) - y, y * (a / b) - x);
    let log_ratio = |offset: f64, logit: f64, share: f64| {
        if offset.abs() < 0.5 { offset.ln_1p() } else { -functions::softplus(-logit).0 - share.ln() }
    };
    let (log_x, log_y) = (log_ratio(of_x, logit, a / n), log_ratio(of_y, -logit, b / n));
    let log = 0.5 * (a / n * (b / (2.0 * PI))).ln()
        - (a * above_log(of_x, log_x) + b * above_log(of_y, log_y))
        - (beyond_stirling(a) + beyond_stirling(b) - beyond_stirling(n));
    let (value, [by_a, by_b]) = beta_fraction(a, b, x);
    let lower = [
        log + (value / a).ln(),
        log_x + (below_log(a) - below_log(n)) - 1.0 / a + by_a,
        log_y + (below_log(b) - below_log(n)) + by_b,
        a / value,
    ];
    [lower, complement(lower)]
}

/// Returns the `tails` at each lane of the arguments. Lanes that are alike are worked out once.
#[inline(always)]
pub fn in_lanes<V: Lanes, const A: usize, const N: usize>(
    arguments: [V; A],
    tails: fn([f64; A]) -> LogTails<N>,
) -> [[V; N]; 2] {
    let mut results = [[[0.0; MOST_LANES]; N]; 2];
    let (mut last, mut of_last) = ([f64::NAN; A], [[f64::NAN; N]; 2]);
    for i in 0..V::WIDTH {
        let mut at = last;
        for (x, argument) in at.iter_mut().zip(arguments) {
            *x = argument.lane(i);
        }
        if at != last {
            (last, of_last) = (at, tails(at));
        }
        for (tail, of_last) in results.iter_mut().zip(of_last) {
            for (lanes, number) in tail.iter_mut().zip(of_last) {
                lanes[i] = number;
            }
        }
    }
    let mut registers = [[V::splat(0.0); N]; 2];
    for (tail, result) in registers.iter_mut().zip(&results) {
        for (register, lanes) in tail.iter_mut().zip(result) {
            *register = V::load(lanes);
        }
    }
    registers
}

/// Returns 1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ..., and the derivative of its logarithm with respect to `a`.
fn gamma_series(a: f64, x: f64) -> (f64, f64) {
    let (mut term, mut log_slope) = (1.0, 0.0);
    let (mut sum, mut slope) = (1.0, 0.0);
    for n in 1..MOST_TERMS {
        let inverse = 1.0 / (a + n as f64);
        term *= x * inverse;
        log_slope -= inverse;
        sum += term;
        slope += term * log_slope;
        if term <= SETTLED * sum && (term * log_slope).abs() <= SETTLED * slope.abs() {
            return (sum, slope / sum);
        }
    }
    (f64::NAN, f64::NAN)
}

/// Returns the continued fraction of I_x(a, b), without a I_x(a, b) = x^a (1 - x)^b / B(a, b) times it, and the derivatives of its
/// logarithm with respect to `a` and `b`.
fn beta_fraction(a: f64, b: f64, x: f64) -> (f64, [f64; 2]) {
    const ONE: (f64, [f64; 2]) = (1.0, [0.0; 2]);
    let mut fraction = Fraction::new(1.0, [0.0; 2]);
    for i in 0..MOST_TERMS {
        let m = i as f64;
        let even = a + 2.0 * m;
        if i > 0 {
            let unit = m * x / ((even - 1.0) * even);
            let coefficient = unit * (b - m);
            fraction.step((coefficient, [-coefficient * (1.0 / (even - 1.0) + 1.0 / even), unit]), ONE);
        }
        let by_b = -(a + m) * x / (even * (even + 1.0));
        let coefficient = by_b * (a + b + m);
        let by_a = by_b + coefficient * (1.0 / (a + m) - 1.0 / even - 1.0 / (even + 1.0));
        if fraction.step((coefficient, [by_a, by_b]), ONE) {
            return (fraction.value, fraction.log_slopes);
        }
    }
    (f64::NAN, [f64::NAN; 2])
}

/// A continued fraction 1 / (b_0 + a_1 / (b_1 + a_2 / (b_2 + ...))), from its front (Lentz), and the derivatives of its logarithm with
/// respect to `K` arguments.
struct Fraction<const K: usize> {
    value: f64,
    log_slopes: [f64; K],
    /// The ratios of successive numerators, and of successive denominators upside down, with the derivatives of their logarithms.
    c: (f64, [f64; K]),
    d: (f64, [f64; K]),
}

impl<const K: usize> Fraction<K> {
    fn new(b: f64, slopes: [f64; K]) -> Self {
        let value = 1.0 / b;
        let log_slopes = slopes.map(|slope| -slope * value);
        Self { value, log_slopes, c: (f64::INFINITY, [0.0; K]), d: (value, log_slopes) }
    }

    /// Takes the next a and b with their derivatives; tells whether the fraction no longer changes.
    fn step(&mut self, (a, a_slopes): (f64, [f64; K]), (b, b_slopes): (f64, [f64; K])) -> bool {
        let ((c, c_slopes), (d, d_slopes)) = (self.c, self.d);
        self.d.0 = 1.0 / (a * d + b);
        self.c.0 = b + a / c;
        let factor = self.c.0 * self.d.0;
        self.value *= factor;
        let mut settled = (factor - 1.0).abs() <= SETTLED;
        for k in 0..K {
            self.d.1[k] = -((a_slopes[k] + a * d_slopes[k]) * d + b_slopes[k]) * self.d.0;
            self.c.1[k] = (b_slopes[k] + (a_slopes[k] - a * c_slopes[k]) / c) / self.c.0;
            let change = self.c.1[k] + self.d.1[k];
            self.log_slopes[k] += change;
            settled &= change.abs() <= SETTLED * (self.log_slopes[k].abs() + self.c.1[k].abs());
        }
        settled
    }
}

/// Returns ln(1 - p) and its derivatives from those of ln(p).
fn complement<const N: usize>(log: [f64; N]) -> [f64; N] {
    // Rounding may have put a probability of one above it.
    let p = if log[0] > 0.0 { 0.0 } else { log[0] };
    let factor = -1.0 / (-p).exp_m1();
    let mut other = log.map(|slope| slope * factor);
    other[0] = if p > -LN_2 { (-p.exp_m1()).ln() } else { (-p.exp()).ln_1p() };
    other
}

/// Returns u - ln(1 + u), where the logarithm is at hand for a large `u`.
fn above_log(u: f64, log: f64) -> f64 {
    if u.abs() >= 0.5 {
        return u - log;
    }
    // ln(1 + u) = 2 artanh(r).
    let r = u / (2.0 + u);
    let square = r * r;
    let series = (0..16).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 3));
    r * (u - 2.0 * square * series)
}

/// The least number at which Stirling's series has all its digits with the terms below.
const LARGE: f64 = 16.0;

/// Returns ln(Gamma(a)) - (a - 1/2) ln(a) + a - ln(2 pi) / 2.
fn beyond_stirling(a: f64) -> f64 {
    if a < LARGE {
        return ln_gamma(a) - (a - 0.5) * a.ln() + a - 0.5 * (2.0 * PI).ln();
    }
    let square = 1.0 / (a * a);
    let tail = square * (1.0 / 1680.0 - square / 1188.0);
    (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - tail))) / a
}

/// Returns ln(a) less the derivative of ln(Gamma(a)).
fn below_log(a: f64) -> f64 {
    if a < LARGE {
        return a.ln() - digamma(a);
    }
    let square = 1.0 / (a * a);
    let tail = square * (1.0 / 252.0 - square * (1.0 / 240.0 - square / 132.0));
    0.5 / a + square * (1.0 / 12.0 - square * (1.0 / 120.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) -> bool {
        got == want || (got - want).abs() <= relative * want.abs() + 1e-300
    }

    /// Both tails and their derivatives in 120 digits or more (mpmath), from the series of one tail and differences.
    #[test]
    #[rustfmt::skip]
    fn agree_with_fifty_digits() {
        let of_gamma: &[(f64, f64, [f64; 6])] = &[
            (0.001, 0.3, [-0.0009062486075557979, -0.9068203840003617, 0.0024700823093976756, -7.00664997837023, 1000.1775849930698, -2.7243773988063404]),
            (0.001, 40.0, [-1.0412296580236109e-22, -1.0456947631800669e-19, 1.0666283363556516e-22, -50.6164696676727, 1004.2883000134008, -1.0243929647377223]),
            (0.4, 1e-30, [-27.51140820175618, -69.01616824523626, 4e+29, -1.1270604979866611e-12, 7.778539695165099e-11, -4.5082419919491846e+17]),
            (0.4, 1.39, [-0.07345923413409465, -0.25128604418625367, 0.09918179180879975, -2.6475294473119018, 3.2966501364332026, -1.3011771845786237]),
            (1.0, 2.0, [-0.14541345786885906, -0.25538850138172997, 0.15651764274966565, -2.0, 1.6316914623497007, -1.0]),
            (2.5, 0.1, [-7.028636973111805, -3.4139944835678895, 24.29028468371672, -0.0008865316418876733, 0.00302795612605533, -0.021543654117104086]),
            (2.5, 12.0, [-0.00021713651587981176, -0.00040558113049990783, 0.00019217468934053114, -8.435092863084193, 1.8676596021330845, -0.8849447788446043]),
            (15.9, 16.9, [-0.4637459002201537, -0.15047762039173643, 0.14445686209612277, -0.9913466162844841, 0.2550386462202033, -0.24483429795276693]),
            (100.0, 40.0, [-34.35125653497946, -0.9276055250289098, 1.5160634238894612, -1.2062542053086521e-15, 1.1189280654336632e-15, -1.828757880581297e-15]),
            (100.0, 101.0, [-0.5925848295230625, -0.0715004599635879, 0.07102741336213347, -0.8049647055383894, 0.0884187241398769, -0.08783374640713776]),
            (100.0, 900.0, [-4.847460068461206e-255, -1.0681278466002982e-254, 4.3149032953646e-255, -585.580743842934, 2.203479412960627, -0.8901369447968113]),
            (1000000.0, 860000.0, [-10828.750359495209, -0.15082953196496518, 0.16279783985387464, 0.0, 0.0, 0.0]),
            (1000000.0, 999999.0, [-0.6936792453198279, -0.0007983092665435581, 0.000798309532646922, -0.6926153987424344, 0.0007974604395535447, -0.0007974607053739659]),
            (1000000.0, 1001500.0, [-0.06920121915685327, -0.00013884972767865683, 0.0001387456972547471, -2.7051378824834647, 0.0019378393917347846, -0.0019363875037349916]),
            (1000000.0, 1140000.0, [0.0, 0.0, 0.0, -8977.59823279028, 0.13103590443295912, -0.1228141596213373]),
        ];
        for (shape, x, want) in of_gamma {
            for (k, (got, want)) in gamma(*shape, *x).concat().into_iter().zip(*want).enumerate() {
                assert!(close(got, want, 1e-11), "gamma({shape}, {x}), {k}: {got:e}, not {want:e}");
            }
        }
        let of_beta: &[(f64, f64, f64, [f64; 8])] = &[
            (0.001, 0.001, 0.7, [-0.6924484215354854, -499.3026797254664, 500.00020044003713, 0.0009977989373103433, -0.693846428190017, 500.0011963460237, -500.6996928811379, -0.0009991948423795267]),
            (0.001, 20.0, -3.0, [-0.00023994874408230787, -0.24020319891747388, 1.988718530360027e-05, 0.0003787008396612187, -8.335205195727601, 1000.9403581609043, -0.08287102948798343, -1.5780678850016783]),
            (0.5, 0.5, -40.0, [-20.451582705289454, -40.61370563888011, 1.3862943611198906, 0.5, -1.312171150792347e-09, 5.3292132901075146e-08, -1.8190554683610843e-09, -6.560855758266217e-10]),
            (3.0, 0.5, 2.0, [-0.9106898015577489, -0.21082064633339712, 1.738794115686049, 0.5498571519426955, -0.5145770815938936, 0.14186771439927998, -1.1700881829818175, -0.37001583454423914]),
            (0.5, 30.0, -8.0, [-2.18619109055988, -4.639903395183904, 0.016694031362026122, 0.49659944190699556, -0.11917082070673009, 0.5872370404797498, -0.0021128357070726877, -0.06285078841771899]),
            (0.5, 30.0, 1.0, [-9.252703930545606e-19, -4.684794559643297e-18, 1.2302425094537517e-18, 2.0411888049917344e-17, -41.52420094126303, 5.063162719578177, -1.3296032367278046, -22.06045735726217]),
            (20.0, 30.0, -0.4, [-0.6631755523020103, -0.13518458973903247, 0.09011810369982766, 2.6677454748788523, -0.7240449363351688, 0.14366878698535576, -0.0957739241504422, -2.835173425472569]),
            (20.0, 30.0, -6.0, [-89.1447920664454, -5.1211734539300995, 0.5151942463184896, 19.882274408213682, -1.9271198070295444e-39, 9.869114798302598e-39, -9.928410365480193e-40, -3.8315524820865203e-38]),
            (2.0, 5.0, 9.0, [-1.7162752513131364e-19, -2.4884226230415557e-19, 1.5160649062080113e-18, 8.58014088236357e-19, -43.20896037582113, 1.449897166050517, -8.833460163502663, -4.999280200421717]),
            (400.0, 3.0, 4.7, [-1.2128545917197546, -0.005317922613109538, 0.6793790910566773, 2.122845304765458, -0.3528924804090352, 0.0022504284707378685, -0.28749836358449266, -0.8983416759468349]),
            (10000.0, 0.5, 9.2, [-1.8632069649486191, -0.0001330668875663858, 2.4852299801785263, 1.3305683926804244, -0.16862481886548214, 2.4441188679287104e-05, -0.4564770091782655, -0.24439343048415238]),
            (1000000.0, 1000000.0, 0.001, [-0.2741080749270355, -0.0002889060362852644, 0.0002890505254076265, 288.97816043885496, -1.4281581767622604, 0.000916123886792558, -0.0009165820632227898, -916.3525931940184]),
            (1000000.0, 1000000.0, -0.2, [-9989.245049977586, -0.1049969549523682, 0.09501307735902129, 99672.960946653, 0.0, 0.0, 0.0, 0.0]),
            (1000000.0, 20.0, 11.0, [-0.27424389035593366, -1.7209291741000753e-06, 0.09481912867708803, 1.72093115166592, -1.4277276266440762, 5.453993533333516e-06, -0.300502148736938, -5.4539998006636825]),
        ];
        for (a, b, logit, want) in of_beta {
            for (k, (got, want)) in beta(*a, *b, *logit).concat().into_iter().zip(*want).enumerate() {
                assert!(close(got, want, 1e-11), "beta({a}, {b}, {logit}), {k}: {got:e}, not {want:e}");
            }
        }
    }

    /// Of whole shapes the functions are finite sums.
    #[test]
    fn agree_with_closed_forms() {
        for x in [1e-300_f64, 1e-9, 0.3, 1.7, 30.0, 700.0, 1e5, 1e300] {
            let [[p, _, p_slope], [q, _, q_slope]] = gamma(1.0, x);
            assert!(close(q, -x, 1e-13) && close(q_slope, -1.0, 1e-13), "{x}: {q:e} {q_slope:e}");
            let below = if x < 1.0 { (-(-x).exp_m1()).ln() } else { (-(-x).exp()).ln_1p() };
            assert!(close(p, below, 1e-13) && close(p_slope, 1.0 / x.exp_m1(), 1e-13), "{x}: {p:e} {p_slope:e}");
            assert!(x < 0.1 || close(gamma(2.0, x)[1][0], x.ln_1p() - x, 1e-13), "{x}");
        }
        for logit in [-700.0_f64, -30.0, -1.2, 0.0, 0.4, 2.0, 50.0, 700.0] {
            let log_x = -functions::softplus(-logit).0;
            for b in [0.001, 0.5, 1.0, 7.0, 1e5] {
                // A logarithm near zero has the rounding of its terms, of Stirling's formula.
                let want = b * log_x;
                assert!(close(beta(b, 1.0, logit)[0][0], want, 1e-11), "{b} {logit}");
                assert!(close(beta(1.0, b, -logit)[1][0], want, 1e-11), "{b} {logit}");
            }
        }
    }

    #[test]
    fn ends_are_exact() {
        let none = f64::NEG_INFINITY;
        assert_eq!(gamma(2.0, 0.0), [[none, 0.0, 0.0], [0.0, 0.0, 0.0]]);
        assert_eq!(gamma(1.0, 0.0), [[none, 0.0, 0.0], [0.0, 0.0, -1.0]]);
        assert_eq!(gamma(2.0, f64::INFINITY), [[0.0; 3], [none, 0.0, 0.0]]);
        assert_eq!(gamma(f64::INFINITY, 2.0), [[none, 0.0, 0.0], [0.0; 3]]);
        assert_eq!(beta(2.0, 3.0, none), [[none, 0.0, 0.0, 0.0], [0.0; 4]]);
        assert_eq!(beta(2.0, 3.0, f64::INFINITY), [[0.0; 4], [none, 0.0, 0.0, 0.0]]);
        for bad in [-1.0, 0.0, f64::NAN] {
            assert!(gamma(bad, 1.0).concat().iter().all(|x| x.is_nan()));
            assert!(beta(bad, 1.0, 0.3).concat().iter().chain(&beta(1.0, bad, 0.3).concat()).all(|x| x.is_nan()));
        }
        assert!(gamma(1.0, -1.0)[0][0].is_nan() && gamma(1.0, f64::NAN)[0][0].is_nan());
        assert!(beta(1.0, 1.0, f64::NAN)[0][0].is_nan());
    }
}

//! Every distribution: its density against independent formulas and 50-digit arithmetic, its draws against its cumulative
//! distribution, its derivatives against finite differences, its total probability, and its values in SIMD lanes.
//!
//! All randomness has a fixed seed. Statistical tests are set so that a right sampler would fail one with probability 1e-6.

#![allow(missing_docs)]

use std::f64::consts::{LN_2, PI};

use hierarch::autodiff::{Dual, Lanes, Real, WithLanes, with_lanes};
use hierarch::distributions::*;
use hierarch_tests::{seed, within};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use statrs::distribution::{self as peer, Continuous, ContinuousCDF, Discrete};
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

const INFINITY: f64 = f64::INFINITY;
const NEG_INFINITY: f64 = f64::NEG_INFINITY;

/// One partial derivative at a time: every distribution is compiled for these, in each kind of register.
type D = Dual<f64, 1>;

type Plain = fn(&[f64], f64) -> f64;
type Differentiable = fn(&[D], D) -> D;
/// The values at several x with their derivatives by the number of that slot, and whether the lanes ever parted.
type InLanes = fn(&[f64], &[f64], usize) -> (Vec<D>, bool);
type Between = fn(&[f64], f64, f64) -> f64;
type DifferentiableBetween = fn(&[D], D, D) -> D;

/// So many that draws whose scale is wrong by 2 % fail (see `the_sampler_test_notices_two_percent`).
const DRAWS: usize = 700_000;

/// One distribution over numbers, at one choice of its parameters.
struct Case {
    name: &'static str,
    parameters: Vec<f64>,
    /// Slots of parameters that are whole numbers and have no derivative.
    whole_parameters: &'static [usize],
    /// Where to look besides at draws.
    points: Vec<f64>,
    /// The log density, from somewhere else.
    exact: Plain,
    plain: Plain,
    /// The value at an unconstrained number, and the log density there.
    unconstrained: fn(&[f64], f64) -> (f64, f64),
    dual: Differentiable,
    lanes: InLanes,
    support: fn(&[f64]) -> Support<f64>,
    draw: fn(&[f64], usize, u64) -> Vec<f64>,
    check: fn(&[f64]) -> Result<(), ParameterError>,
    cdf: Option<Plain>,
    dual_cdf: Option<Differentiable>,
    log_between: Option<Between>,
    dual_between: Option<DifferentiableBetween>,
}

impl Case {
    fn log_density(&self, x: f64) -> f64 {
        (self.plain)(&self.parameters, x)
    }
    fn support(&self) -> Support<f64> {
        (self.support)(&self.parameters)
    }
    fn is_whole(&self) -> bool {
        matches!(self.support(), Support::Whole(..))
    }
    fn draws(&self, n: usize) -> Vec<f64> {
        (self.draw)(&self.parameters, n, seed(2026))
    }
    /// The points of the table, and where draws fall.
    fn all_points(&self) -> Vec<f64> {
        let mut points = self.points.clone();
        points.extend(self.draws(25));
        points
    }
    /// Points that are in no support like this one.
    fn points_outside(&self) -> Vec<f64> {
        let below = |x: f64| vec![x - 1e-9 * x.abs().max(1e-3), x - 1.0, x - 1e6];
        let above = |x: f64| vec![x + 1e-9 * x.abs().max(1e-3), x + 1.0, x + 1e6];
        match self.support() {
            Support::Above(low) => below(low),
            Support::Below(high) => above(high),
            Support::Interval(low, high) => [below(low), above(high)].concat(),
            Support::Whole(low, high) if high < INFINITY => {
                vec![low - 1.0, low - 0.5, low + 0.5, 0.5 * (low + high) + 0.25, high + 1.0, -1e9, 1e9]
            }
            Support::Whole(NEG_INFINITY, _) => vec![-3.75, -0.5, 0.5, 7.25],
            Support::Whole(low, _) => vec![low - 1.0, low - 0.5, low + 0.5, low + 7.25, -1e9],
            _ => vec![],
        }
    }
    fn title(&self) -> String {
        format!("{}{:?}", self.name, self.parameters)
    }
}

type Cdfs = (Option<Plain>, Option<Differentiable>, Option<Between>, Option<DifferentiableBetween>);

/// The functions of a case about its cumulative distribution: generic over the scalar, or none.
macro_rules! cdf {
    (generic, $p:ident, $build:expr) => {{
        fn cdf<T: Real>($p: &[T], x: T) -> T {
            $build.cdf(x)
        }
        fn log_between<T: Real>($p: &[T], low: T, high: T) -> T {
            $build.log_between(low, high)
        }
        (Some(cdf::<f64> as _), Some(cdf::<D> as _), Some(log_between::<f64> as _), Some(log_between::<D> as _))
    }};
    (none, $p:ident, $build:expr) => {
        (None, None, None, None)
    };
}

/// Adds the cases of one distribution.
macro_rules! family {
    (
        $cases:ident, $name:literal, $cdf:ident, $parameters:expr, whole $whole:expr,
        |$p:ident| $build:expr, points $points:expr, |$x:ident| $exact:expr
    ) => {{
        // Into the lanes, to be compiled for their registers.
        #[inline(always)]
        fn log_density<T: Real>($p: &[T], x: T) -> T {
            $build.log_density(x)
        }
        struct Work<'a>(&'a [f64], &'a [f64], usize);
        impl WithLanes for Work<'_> {
            type Output = (Vec<D>, bool);
            #[inline(always)]
            fn run<V: Lanes>(self) -> Self::Output {
                let Self(parameters, xs, slot) = self;
                let parameters = variables::<V>(parameters, slot);
                let mut results = vec![];
                for xs in xs.chunks(V::WIDTH) {
                    let y = log_density(&parameters, variable(V::load(&whole_lanes(xs)), parameters.len() == slot));
                    lanes_of(y, xs.len(), &mut results);
                }
                (results, V::take_divergence())
            }
        }
        fn unconstrained($p: &[f64], q: f64) -> (f64, f64) {
            #[allow(dead_code)]
            type T = f64;
            $build.at_unconstrained(q)
        }
        fn support($p: &[f64]) -> Support<f64> {
            #[allow(dead_code)]
            type T = f64;
            $build.support()
        }
        fn draw($p: &[f64], n: usize, seed: u64) -> Vec<f64> {
            #[allow(dead_code)]
            type T = f64;
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let distribution = $build;
            (0..n).map(|_| distribution.draw(&mut rng)).collect()
        }
        fn check($p: &[f64]) -> Result<(), ParameterError> {
            #[allow(dead_code)]
            type T = f64;
            $build.check()
        }
        fn exact($p: &[f64], $x: f64) -> f64 {
            $exact
        }
        let (cdf, dual_cdf, log_between, dual_between): Cdfs = cdf!($cdf, $p, $build);
        for $p in $parameters {
            $cases.push(Case {
                name: $name,
                parameters: $p.to_vec(),
                whole_parameters: &$whole,
                points: $points.to_vec(),
                exact,
                plain: log_density::<f64>,
                unconstrained,
                dual: log_density::<D>,
                lanes: |p, xs, slot| with_lanes(Work(p, xs, slot)),
                support,
                draw,
                check,
                cdf,
                dual_cdf,
                log_between,
                dual_between,
            });
        }
    }};
}

/// A number that derivatives are taken by, or one that they are not.
#[inline(always)]
fn variable<V: Lanes>(x: V, by: bool) -> Dual<V, 1> {
    if by { Dual::variable(x, 0) } else { Dual::constant(x) }
}

/// The parameters, of which one is what derivatives are taken by. Like the next two not into each case, to be compiled once.
#[inline(never)]
fn variables<V: Lanes>(parameters: &[f64], slot: usize) -> Vec<Dual<V, 1>> {
    parameters.iter().enumerate().map(|(k, &p)| variable(V::splat(p), k == slot)).collect()
}

/// Numbers for all lanes: the last again for those that are too many.
#[inline(never)]
fn whole_lanes(xs: &[f64]) -> [f64; 8] {
    std::array::from_fn(|i| xs[i.min(xs.len() - 1)])
}

#[inline(never)]
fn lanes_of<V: Lanes>(y: Dual<V, 1>, count: usize, results: &mut Vec<D>) {
    results.extend((0..count).map(|i| lane(y, i)));
}

/// The number of one lane.
#[inline(always)]
fn lane<V: Lanes>(y: Dual<V, 1>, i: usize) -> D {
    D { value: y.value.lane(i), partials: y.partials.map(|p| p.lane(i)) }
}

/// The value of `f` at some numbers, and all its partial derivatives.
fn value_and_gradient(f: impl Fn(&[D]) -> D, at: &[f64]) -> (f64, Vec<f64>) {
    let by = |slot| f(&at.iter().enumerate().map(|(k, &x)| variable(x, k == slot)).collect::<Vec<_>>());
    (by(0).value, (0..at.len()).map(|slot| by(slot).partials[0]).collect())
}

/// The same for a function of parameters and of x, which comes last.
fn by_all(f: Differentiable, at: &[f64]) -> (f64, Vec<f64>) {
    value_and_gradient(|at| f(&at[..at.len() - 1], at[at.len() - 1]), at)
}

fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(NEG_INFINITY, f64::max);
    largest + terms.iter().map(|t| (t - largest).exp()).sum::<f64>().ln()
}

/// The integral of `f` from `a` to `b` by five nodes (Gauss-Legendre).
fn panel(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    const NODES: [(f64, f64); 5] = [
        (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    ];
    let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
    NODES.into_iter().map(|(node, weight)| half * weight * f(middle + half * node)).sum()
}

/// The integral of `f` from `a` to `b`, on many panels.
fn integrate(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let panels = 1000;
    let at = |i: i32| a + (b - a) * f64::from(i) / f64::from(panels);
    (0..panels).map(|i| panel(&f, at(i), at(i + 1))).sum()
}

/// The cumulative distribution of a case that has none of its own: the integral of its density, over where it draws and as far again.
fn integrated_cdf(case: &Case, draws: &[f64]) -> impl Fn(f64) -> f64 + use<> {
    let first = draws.iter().copied().fold(INFINITY, f64::min);
    let last = draws.iter().copied().fold(NEG_INFINITY, f64::max);
    let (low, high) = match case.support() {
        Support::Interval(low, high) => (low, high),
        _ => (NEG_INFINITY, INFINITY),
    };
    let low = low.max(first - (last - first));
    let (panels, step) = (4000, (high.min(last + (last - first)) - low) / 4000.0);
    let (plain, parameters) = (case.plain, case.parameters.clone());
    let density = move |x| plain(&parameters, x).exp();
    let mut sums = vec![0.0];
    for i in 0..panels {
        let start = low + step * f64::from(i);
        sums.push(sums[i as usize] + panel(&density, start, start + step));
    }
    assert_close(sums[panels as usize], 1.0, 1e-9, 0.0, || case.title());
    move |x| {
        let i = (((x - low) / step) as usize).min(panels as usize - 1);
        sums[i] + panel(&density, low + step * i as f64, x)
    }
}

/// The probability of a standard normal number between two.
fn normal_mass(a: f64, b: f64) -> f64 {
    integrate(|z| (-0.5 * z * z).exp(), a.max(-40.0), b.min(40.0)) / (2.0 * PI).sqrt()
}

// After the macros, which they use.
mod continuous;
mod counts;
mod grouped;
mod reference;
mod skellam;

use continuous::continuous;
use counts::discrete;
use reference::REFERENCE;

/// Numbers of which single values have a probability.
fn recorded() -> Vec<Case> {
    let mut c = vec![];
    family!(c, "Censored(Weibull)", none, [[1.4, 3.0, 0.0, 4.0], [0.7, 3.0, 0.5, INFINITY], [3.0, 1.0, NEG_INFINITY, 1.5]], whole [],
    |p| Censored::new(Weibull::new(p[0], p[1]), p[2], p[3]), points [p[2].max(0.25), p[3].min(6.0)],
    |x| match (x / p[1]).powf(p[0]) {
        power if x == p[2] => (-(-power).exp_m1()).ln(),
        power if x == p[3] => -power,
        _ => peer::Weibull::new(p[0], p[1]).unwrap().ln_pdf(x),
    });
    family!(c, "Censored(Normal)", none, [[1.0, 2.0, -1.5, 2.5], [0.0, 1.0, 0.3, 7.0], [0.0, 1.0, NEG_INFINITY, -0.2]], whole [],
    |p| Censored::new(Normal::new(p[0], p[1]), p[2], p[3]), points [p[2].max(-6.0), p[3]],
    |x| match (x - p[0]) / p[1] {
        z if x == p[2] => normal_mass(NEG_INFINITY, z).ln(),
        z if x == p[3] => normal_mass(z, INFINITY).ln(),
        _ => peer::Normal::new(p[0], p[1]).unwrap().ln_pdf(x),
    });
    family!(c, "Censored(Gamma)", none, [[2.5, 3.0, 0.2, 1.5], [0.4, 1.0, 0.01, 2.0], [40.0, 2.0, 18.0, INFINITY]], whole [],
    |p| Censored::new(Gamma::new(p[0], p[1]), p[2], p[3]), points [p[2], p[3].min(30.0)],
    |x| match p[1] * x {
        t if x == p[2] => gamma_lr(p[0], t).ln(),
        t if x == p[3] => gamma_ur(p[0], t).ln(),
        t => p[0] * p[1].ln() - ln_gamma(p[0]) + (p[0] - 1.0) * x.ln() - t,
    });
    family!(c, "Censored(StudentT)", none, [[3.0, 0.5, 2.0, -1.0, 4.0], [1.0, 0.0, 1.0, NEG_INFINITY, 0.0]], whole [],
    |p| Censored::new(StudentT::new(p[0], p[1], p[2]), p[3], p[4]), points [p[3].max(-9.0), p[4]],
    |x| {
        let t = peer::StudentsT::new(p[1], p[2], p[0]).unwrap();
        let below = |x: f64| if p[0] == 1.0 { 0.5 + (x / p[2]).atan() / PI } else { t.cdf(x) };
        if x == p[3] { below(x).ln() } else if x == p[4] { (1.0 - below(x)).ln() } else { t.ln_pdf(x) }
    });
    family!(c, "Rounded(Normal)", none, [[1.0, 2.0, 0.5], [0.3, 0.9, 1.0], [20.0, 5.0, 0.1]], whole [],
    |p| Rounded::new(Normal::new(p[0], p[1]), p[2]), points [0.0, 40.0 * p[2]],
    |x| {
        let z = |x: f64| (x - p[0]) / p[1];
        // The tail where the normalised interval is far above the mean.
        normal_mass(z(x - 0.5 * p[2]), z(x + 0.5 * p[2])).ln()
    });
    family!(c, "Rounded(Poisson)", none, [[65.0, 10.0], [3.0, 2.5]], whole [1],
    |p| Rounded::new(Poisson::new(p[0]), p[1]), points [0.0, 4.0 * p[1]],
    |x| {
        let (low, high) = (x - 0.5 * p[1], x + 0.5 * p[1]);
        let counts = (0..400).filter(|&k| low < k as f64 && k as f64 <= high);
        counts.map(|k| peer::Poisson::new(p[0]).unwrap().pmf(k)).sum::<f64>().ln()
    });
    c
}

fn all() -> Vec<Case> {
    let mut cases = continuous();
    cases.extend(discrete());
    cases.extend(recorded());
    cases
}

#[track_caller]
fn assert_close(got: f64, want: f64, relative: f64, absolute: f64, what: impl Fn() -> String) {
    let close = got == want || (got - want).abs() <= relative * want.abs() + absolute;
    assert!(close, "{}: {got:e}, not {want:e}", what());
}

#[test]
fn log_densities_agree_with_other_formulas() {
    for case in all() {
        for x in case.all_points() {
            let (got, want) = (case.log_density(x), (case.exact)(&case.parameters, x));
            // Terms as large as k ln(rate) cancel in a count's probability, in the peer's too.
            let rounding = if case.is_whole() { 1e-13 + 4e-15 * x.abs() } else { 1e-12 };
            assert_close(got, want, 1e-10, rounding, || format!("{} at {x:e}", case.title()));
        }
    }
}

#[test]
fn parameters_of_the_table_are_accepted() {
    for case in all() {
        assert_eq!((case.check)(&case.parameters), Ok(()), "{}", case.title());
    }
}

#[test]
fn log_densities_agree_with_fifty_digits() {
    let cases = all();
    for &(name, parameters, x, want) in REFERENCE {
        let case = cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
        // The rounding of the largest term: of the data's factorial, or of the powers of a narrow density.
        let size = if case.is_whole() { x * x.max(1.0).ln() } else { parameters[0].abs() };
        let got = (case.plain)(parameters, x);
        assert_close(got, want, 1e-12, 1e-15 * (4.0 + size), || format!("{name}{parameters:?} at {x:e}"));
    }
}

#[test]
fn outside_the_support_the_log_density_is_minus_infinity() {
    for case in all() {
        let constants: Vec<D> = case.parameters.iter().map(|&p| D::constant(p)).collect();
        for x in case.points_outside() {
            if case.name.starts_with("Rounded") && x.abs() < 1e-9 {
                continue; // what the rounding of a decimal may do
            }
            assert_eq!(case.log_density(x), NEG_INFINITY, "{} at {x}", case.title());
            assert_eq!((case.dual)(&constants, D::constant(x)).value, NEG_INFINITY, "{} at {x}", case.title());
        }
        assert!(case.all_points().iter().all(|&x| case.support().contains(x)), "{}", case.title());
    }
}

/// The derivative of `f` at zero by differences of fourth order, and how far rounding may put it off.
fn slope(f: impl Fn(f64) -> f64, h: f64) -> (f64, f64) {
    let y = [f(-2.0 * h), f(-h), f(h), f(2.0 * h)];
    let size = y.iter().fold(1.0, |size: f64, y| size.max(y.abs()));
    ((8.0 * (y[2] - y[1]) - (y[3] - y[0])) / (12.0 * h), 2e-14 * size / h)
}

/// Compares a gradient with differences of `plain`, at those numbers whose slot is not to be skipped.
fn check_gradient(
    title: &str,
    gradient: &[f64],
    plain: impl Fn(usize, f64) -> f64,
    at: &[f64],
    skip: &[usize],
    scales: &[f64],
) {
    for slot in (0..at.len()).filter(|slot| !skip.contains(slot) && at[*slot].is_finite()) {
        let h = 2.5e-4 * scales[slot];
        if [-2.0, 2.0].iter().any(|step| !plain(slot, step * h).is_finite()) {
            continue;
        }
        let (want, rounding) = slope(|d| plain(slot, d), h);
        assert_close(gradient[slot], want, 1e-6, 1e-8 + rounding, || format!("{title}: slot {slot} at {at:?}"));
    }
}

/// Where a support of numbers begins and ends.
fn ends(support: Support<f64>) -> (f64, f64) {
    match support {
        Support::Interval(low, high) => (low, high),
        Support::Above(low) => (low, INFINITY),
        Support::Below(high) => (NEG_INFINITY, high),
        _ => (NEG_INFINITY, INFINITY),
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for case in all() {
        let p = &case.parameters;
        let (low, high, spread) = {
            let mut draws = case.draws(1000);
            draws.sort_by(f64::total_cmp);
            (draws[0], draws[999], draws[750] - draws[250])
        };
        for x in case.all_points() {
            let mut at = p.clone();
            at.push(x);
            // A step in x that is small against its distance from the ends, where densities are steep.
            let x_scale = spread
                .min(0.3 * (x - low).abs().max(low.abs() * 1e-3))
                .min(0.3 * (high - x).abs().max(1e-3 * high.abs()));
            let x_scale = if x_scale > 0.0 { x_scale } else { spread };
            // A step in a parameter that does not carry it past x, if it is a bound.
            let scale = |p: f64| {
                if p == 0.0 { 1.0 } else { p.abs().min(1.0).max(1e-2 * p.abs()) }.min(if p == x {
                    1.0
                } else {
                    200.0 * (x - p).abs()
                })
            };
            let mut scales: Vec<f64> = p.iter().map(|&p| scale(p)).collect();
            scales.push(if x > 0.0 && low > 0.0 { x_scale.min(0.3 * x) } else { x_scale });
            let mut skip = case.whole_parameters.to_vec();
            // A rounded record is one of single numbers as well.
            if case.is_whole() || case.name.starts_with("Rounded") {
                skip.push(p.len());
            }
            let moved = |f: Plain, slot: usize, step: f64| {
                let mut at = at.clone();
                at[slot] += step;
                f(&at[..p.len()], at[p.len()])
            };
            let (value, gradient) = by_all(case.dual, &at);
            assert_eq!(value.to_bits(), case.log_density(x).to_bits(), "{} at {x}", case.title());
            check_gradient(&case.title(), &gradient, |slot, step| moved(case.plain, slot, step), &at, &skip, &scales);

            // A step over an end of the support, where a cdf has a kink.
            let (start, end) = ends(case.support());
            let at_an_end = (x - start).min(end - x) < 1e-3 * scales[p.len()];
            if let (Some(cdf), Some(dual_cdf), false) = (case.cdf, case.dual_cdf, at_an_end) {
                let (_, gradient) = by_all(dual_cdf, &at);
                let title = format!("cdf of {}", case.title());
                check_gradient(&title, &gradient, |slot, step| moved(cdf, slot, step), &at, &skip, &scales);
                if !case.is_whole() {
                    let density = case.log_density(x).exp();
                    assert_close(gradient[p.len()], density, 1e-9, 1e-13, || format!("{title}: density at {x:e}"));
                }
            }
        }
    }
}

#[test]
fn gradients_of_intervals_agree_with_finite_differences() {
    for case in all() {
        let (Some(log_between), Some(dual_between)) = (case.log_between, case.dual_between) else { continue };
        let p = &case.parameters;
        let mut draws = case.draws(1000);
        draws.sort_by(f64::total_cmp);
        let [first, second, third] = [100, 400, 800].map(|i| draws[i]);
        let spread = if third > first { third - first } else { 1.0 };
        for (low, high) in [
            (NEG_INFINITY, first),
            (NEG_INFINITY, third),
            (first, second),
            (first, third),
            (second, third),
            (third, INFINITY),
        ] {
            let at: Vec<f64> = p.iter().copied().chain([low, high]).collect();
            let f = |at: &[f64]| log_between(&at[..p.len()], at[p.len()], at[p.len() + 1]);
            let (value, gradient) =
                value_and_gradient(|at| dual_between(&at[..p.len()], at[p.len()], at[p.len() + 1]), &at);
            let title = format!("{} from {low} to {high}", case.title());
            assert_eq!(value.to_bits(), f(&at).to_bits(), "{title}");
            let mut skip = case.whole_parameters.to_vec();
            if case.is_whole() {
                skip.extend([p.len(), p.len() + 1]);
            }
            // A parameter that is a bound has its step at a distance from the interval.
            let scale = |p: f64| if p == 0.0 { 1.0 } else { p.abs().min(1.0).max(1e-2 * p.abs()) };
            let apart = |p: f64| {
                if case.is_whole() {
                    INFINITY
                } else {
                    [first, second, third].iter().fold(INFINITY, |least: f64, x| least.min((x - p).abs()))
                }
            };
            let mut scales: Vec<f64> = p.iter().map(|&p| scale(p).min(10.0 * apart(p))).collect();
            // A step in an end that is small against its distance from the other and from the ends of the support.
            let (start, end) = ends(case.support());
            scales.extend([low, high].map(|x| 0.1 * spread.min(high - low).min(x - start).min(end - x)));
            let moved = |slot: usize, step: f64| {
                let mut at = at.clone();
                at[slot] += step;
                f(&at)
            };
            check_gradient(&title, &gradient, moved, &at, &skip, &scales);
        }
    }
}

#[test]
fn lanes_agree_with_plain_numbers() {
    for case in all() {
        let mut xs = case.all_points();
        xs.extend(case.points_outside());
        for slot in 0..=case.parameters.len() {
            let (wide, diverged) = (case.lanes)(&case.parameters, &xs, slot);
            assert!(!diverged, "{} branches on its value", case.title());
            let parameters: Vec<D> = case.parameters.iter().enumerate().map(|(k, &p)| variable(p, k == slot)).collect();
            for (&x, wide) in xs.iter().zip(wide) {
                let plain = (case.dual)(&parameters, variable(x, parameters.len() == slot));
                let title = || format!("{} at {x:e}, slot {slot}", case.title());
                assert_close(wide.value, plain.value, 1e-12, 1e-13, title);
                if plain.value > NEG_INFINITY {
                    assert_close(wide.partials[0], plain.partials[0], 1e-10, 1e-11, title);
                }
            }
        }
    }
}

/// The middle and the width of what is drawn, as unconstrained numbers.
fn unconstrained_spread(case: &Case) -> (f64, f64) {
    let mut q: Vec<f64> = case.draws(2000).iter().map(|&x| case.support().unconstrain(x)).collect();
    q.sort_by(f64::total_cmp);
    (q[1000], q[1500] - q[500])
}

#[test]
fn densities_integrate_to_one() {
    for case in continuous() {
        let support = case.support();
        let (middle, width) = unconstrained_spread(&case);
        // The trapezoidal rule in t, q = middle + width sinh(t), which reaches far into any tail.
        let step: f64 = 1.0 / 1024.0;
        let n = (32.0 / step) as i64;
        let mut sum = 0.0;
        for i in -n..=n {
            let t = i as f64 * step;
            let (x, log_jacobian) = support.constrain(middle + width * t.sinh());
            let log = case.log_density(x) + log_jacobian + (width * t.cosh()).ln();
            // Far out, numbers leave the range of f64.
            if x.is_finite() && log_jacobian > -700.0 && !log.is_nan() {
                sum += step * log.exp();
            }
        }
        assert_close(sum, 1.0, 1e-6, 0.0, || format!("the integral of {}", case.title()));
    }
}

#[test]
fn probabilities_sum_to_one() {
    for case in discrete() {
        let Support::Whole(low, high) = case.support() else { panic!("{}", case.title()) };
        let largest = case.draws(10_000).into_iter().fold(0.0, |largest: f64, k| largest.max(k.abs()));
        let last = high.min(3.0 * largest + 100.0);
        let mut sum = 0.0;
        let mut k = low.max(-last);
        while k <= last {
            sum += case.log_density(k).exp();
            k += 1.0;
        }
        assert_close(sum, 1.0, 1e-8, 0.0, || format!("the sum of {}", case.title()));
    }
}

/// The largest distance of the draws' distribution from the one stated, times the root of their number. A right sampler's
/// exceeds 2.694 with probability 1e-6 (Kolmogorov).
///
/// One in some hundred draws is looked at, which makes the distance smaller by as many parts of their number at most.
fn kolmogorov_smirnov(mut draws: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    draws.sort_unstable_by(f64::total_cmp);
    let n = draws.len() as f64;
    let distance = draws.iter().enumerate().step_by(draws.len().div_ceil(4000)).fold(0.0, |largest: f64, (i, x)| {
        let u = cdf(*x);
        largest.max((u - i as f64 / n).abs()).max((u - (i + 1) as f64 / n).abs())
    });
    distance * n.sqrt()
}

const LARGEST_DISTANCE: f64 = 2.694;

#[test]
fn continuous_draws_follow_their_cdf() {
    continuous().into_par_iter().for_each(|case| {
        let support = case.support();
        let draws = case.draws(DRAWS);
        assert!(draws.iter().all(|&x| support.contains(x)), "{} draws what it cannot", case.title());
        let distance = match case.cdf {
            Some(cdf) => kolmogorov_smirnov(draws, |x| cdf(&case.parameters, x)),
            None => {
                let cdf = integrated_cdf(&case, &draws);
                kolmogorov_smirnov(draws, cdf)
            }
        };
        within!(distance, LARGEST_DISTANCE, "{}: distance {distance}", case.title());
    });
}

#[test]
fn the_sampler_test_notices_two_percent() {
    let cases = continuous();
    for (name, scale) in [("Normal", 1), ("Cauchy", 1), ("Exponential", 0), ("Laplace", 1)] {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        for factor in [0.98, 1.02] {
            let mut wrong = case.parameters.clone();
            wrong[scale] *= factor;
            let cdf = case.cdf.unwrap();
            let distance = kolmogorov_smirnov(case.draws(DRAWS), |x| cdf(&wrong, x));
            within!(LARGEST_DISTANCE, distance, "{name}: distance {distance}");
        }
    }
}

#[test]
fn continuous_cdfs_are_integrals_of_their_densities() {
    for case in continuous() {
        let (Some(cdf), Some(log_between)) = (case.cdf, case.log_between) else { continue };
        let p = &case.parameters;
        let mut x = case.draws(9);
        x.sort_by(f64::total_cmp);
        for pair in x.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let between = cdf(p, b) - cdf(p, a);
            let support = case.support();
            let integrand = |q: f64| {
                let (x, log_jacobian) = support.constrain(q);
                (case.log_density(x) + log_jacobian).exp()
            };
            let integral = integrate(integrand, support.unconstrain(a), support.unconstrain(b)).abs();
            let title = || format!("{} from {a} to {b}", case.title());
            assert_close(between, integral, 1e-8, 1e-11, title);
            assert_close(log_between(p, a, b).exp(), integral, 1e-8, 1e-11, title);
        }
        let (low, high, x) = (NEG_INFINITY, INFINITY, x[4]);
        let title = || format!("{} around {x}", case.title());
        assert_close(cdf(p, x) + log_between(p, x, high).exp(), 1.0, 0.0, 1e-10, title);
        assert_close(cdf(p, x), log_between(p, low, x).exp(), 0.0, 1e-10, title);
        assert_close(log_between(p, low, high), 0.0, 0.0, 1e-10, title);
        let (first, last) = match case.support() {
            Support::Interval(low, high) => (low, high),
            Support::Above(low) => (low, 1e300),
            Support::Below(high) => (-1e300, high),
            _ => (-1e300, 1e300),
        };
        assert_close(cdf(p, first), 0.0, 0.0, 1e-30, title);
        assert_close(cdf(p, last), 1.0, 1e-12, 0.0, title);
    }
}

#[test]
fn discrete_cdfs_are_sums_of_their_probabilities() {
    for case in discrete() {
        let (Some(cdf), Some(log_between)) = (case.cdf, case.log_between) else { continue };
        let p = &case.parameters;
        let Support::Whole(low, high) = case.support() else { panic!("{}", case.title()) };
        assert_eq!(cdf(p, low - 0.5), 0.0, "{}", case.title());
        for k in case.all_points() {
            let pmf = case.log_density(k).exp();
            let title = || format!("{} at {k}", case.title());
            // The largest terms of the probability cancel.
            let rounding = 1e-11 + 4e-15 * k;
            assert_close(cdf(p, k) - cdf(p, k - 1.0), pmf, rounding, 1e-15, title);
            assert_eq!(cdf(p, k + 0.5), cdf(p, if k < high { k + 0.5 } else { high }), "{}", title());
            assert_close(log_between(p, k - 1.0, k).exp(), pmf, rounding, 1e-15, title);
            assert_close(log_between(p, k, INFINITY).exp(), 1.0 - cdf(p, k), 0.0, 1e-12, title);
        }
        assert_close(cdf(p, high.min(1e12)), 1.0, 1e-12, 0.0, || case.title());
    }
}

/// The probability of a chi-square statistic this large, from counts and the probabilities they should have. Cells that
/// expect little are put together.
fn chi_square(observed: &[f64], probabilities: &[f64]) -> f64 {
    let n: f64 = observed.iter().sum();
    let (mut statistic, mut cells) = (0.0, 0.0);
    let (mut seen, mut expected) = (0.0, 0.0);
    let mut rest: Vec<f64> =
        probabilities.iter().rev().scan(0.0, |sum, p| Some(std::mem::replace(sum, *sum + n * p))).collect();
    rest.reverse();
    for ((&o, &p), rest) in observed.iter().zip(probabilities).zip(rest) {
        seen += o;
        expected += n * p;
        if expected >= 50.0 && rest >= 50.0 || rest == 0.0 && (seen > 0.0 || expected > 0.0) {
            statistic += (seen - expected).powi(2) / expected;
            cells += 1.0;
            (seen, expected) = (0.0, 0.0);
        }
    }
    if cells < 2.0 { 1.0 } else { gamma_ur(0.5 * (cells - 1.0), 0.5 * statistic) }
}

#[test]
fn discrete_draws_have_their_probabilities() {
    discrete().into_par_iter().for_each(|case| {
        let draws = case.draws(DRAWS);
        assert!(draws.iter().all(|&k| case.support().contains(k)), "{} draws what it cannot", case.title());
        let first = draws.iter().copied().fold(INFINITY, f64::min);
        let last = draws.iter().copied().fold(0.0, f64::max);
        let cells = (last - first) as usize + 1;
        let mut observed = vec![0.0; cells + 1];
        draws.iter().for_each(|k| observed[(k - first) as usize] += 1.0);
        let mut probabilities: Vec<f64> =
            (0..cells).map(|i| (case.exact)(&case.parameters, first + i as f64).exp()).collect();
        // What was never drawn.
        probabilities.push((1.0 - probabilities.iter().sum::<f64>()).max(0.0));
        let probability = chi_square(&observed, &probabilities);
        within!(-probability.ln(), -1e-6_f64.ln(), "{}: {probability:e}", case.title());
    });
}

/// What is recorded of a number has a density between the limits and a probability at each, and the mean of the gradient is zero.
#[test]
fn records_have_probability_one() {
    recorded().into_par_iter().for_each(|case| {
        let p = &case.parameters;
        let at = |x: f64| p.iter().copied().chain([x]).collect::<Vec<_>>();
        let term = |x: f64| {
            let (log, gradient) = by_all(case.dual, &at(x));
            gradient[..p.len()].iter().map(|g| g * log.exp()).chain([log.exp()]).collect::<Vec<f64>>()
        };
        let mut sums = vec![0.0; p.len() + 1];
        let mut add = |x: f64, weight: f64| {
            if case.log_density(x) > NEG_INFINITY {
                sums.iter_mut().zip(term(x)).for_each(|(sum, term)| *sum += weight * term);
            }
        };
        let mut draws = case.draws(1000);
        draws.sort_by(f64::total_cmp);
        if case.name.starts_with("Rounded") {
            let step = *p.last().unwrap();
            let first = (draws[0] / step).round() as i32;
            let last = (draws[999] / step).round() as i32;
            let margin = 10 + 2 * (last - first);
            (first - margin..=last + margin).for_each(|k| add(f64::from(k) * step, 1.0));
        } else {
            let (low, high) = (p[p.len() - 2], p[p.len() - 1]);
            [low, high].iter().filter(|x| x.is_finite()).for_each(|&x| add(x, 1.0));
            // Over a long half-line in t, x = low + t^4 or high - t^4: densities are steep at an end, or have long tails.
            let (origin, sign) = if low.is_finite() { (low, 1.0) } else { (high, -1.0) };
            let length = if low.is_finite() && high.is_finite() { high - low } else { 1e12 };
            let n = 400_000;
            let end = length.powf(0.25);
            for i in 0..n {
                let t = end * (i as f64 + 0.5) / n as f64;
                add(origin + sign * t.powi(4), 4.0 * t.powi(3) * end / n as f64);
            }
        }
        let title = || case.title();
        assert_close(sums[p.len()], 1.0, 1e-6, 0.0, title);
        // Limits that are data, and steps, have no such mean.
        let inner = p.len() - if case.name.starts_with("Rounded") { 1 } else { 2 };
        for (slot, sum) in sums.iter().take(inner).enumerate() {
            assert_close(*sum, 0.0, 0.0, 1e-6, || format!("{}: the mean of derivative {slot}", case.title()));
        }
    });
}

#[test]
fn draws_of_records_have_their_probabilities() {
    for case in recorded() {
        let p = &case.parameters;
        let draws = case.draws(DRAWS);
        assert!(draws.iter().all(|&x| case.support().contains(x)), "{} draws what it cannot", case.title());
        let first = draws.iter().copied().fold(INFINITY, f64::min);
        let last = draws.iter().copied().fold(NEG_INFINITY, f64::max);
        // Every multiple of a step; of censored numbers the limits, and all between.
        let values: Vec<f64> = if case.name.starts_with("Rounded") {
            let step = *p.last().unwrap();
            (0..=((last - first) / step).round() as i32).map(|k| first + f64::from(k) * step).collect()
        } else {
            vec![p[p.len() - 2], p[p.len() - 1]]
        };
        let near = |x: f64, value: f64| x == value || (x - value).abs() < 1e-9;
        let mut observed: Vec<f64> =
            values.iter().map(|&value| draws.iter().filter(|&&x| near(x, value)).count() as f64).collect();
        observed.push(DRAWS as f64 - observed.iter().sum::<f64>());
        let mut probabilities: Vec<f64> =
            values.iter().map(|&value| if value.is_finite() { (case.exact)(p, value).exp() } else { 0.0 }).collect();
        probabilities.push((1.0 - probabilities.iter().sum::<f64>()).max(0.0));
        let probability = chi_square(&observed, &probabilities);
        within!(-probability.ln(), -1e-6_f64.ln(), "{}: {probability:e}", case.title());
    }
}

#[test]
fn limits_of_a_censored_number_may_be_those_of_its_distribution() {
    // All time is seen, and nothing is recorded at zero.
    let whole = Censored::new(Exponential::new(2.0), 0.0, INFINITY);
    assert_eq!((whole.support(), whole.log_density(0.0)), (Support::Above(0.0), NEG_INFINITY));
    assert_eq!(whole.log_density(1.0), Exponential::new(2.0).log_density(1.0));
    // Nothing is: all is recorded as the upper limit.
    let none = Censored::new(Exponential::new(2.0), NEG_INFINITY, -1.0);
    assert_eq!(none.log_density(-1.0), 0.0);
    assert_eq!(Censored::new(Poisson::new(2.0), 1.0, 9.0).support(), Support::Whole(1.0, 9.0));
    assert_eq!(Rounded::new(Exponential::new(2.0), 0.5).support(), Support::Above(0.0));
    let message = Censored::new(Poisson::new(2.0), 0.5, 9.0).check().unwrap_err().to_string();
    assert_eq!(message, "Censored: the lower limit is 0.5, but must be whole or infinite, as the values are whole");
    // The derivative of the branch that is not taken does not show, infinite as it may be.
    let by_shape = |x: f64, high: f64| {
        let lifetime = Weibull::new(D::variable(1.5, 0), D::constant(2.0));
        Censored::new(lifetime, D::constant(0.0), D::constant(high)).log_density(D::constant(x)).partials[0]
    };
    let log = 1.5_f64.ln();
    assert_close(by_shape(3.0, 3.0), -(1.5_f64.powf(1.5)) * log, 1e-14, 0.0, || "at the upper limit".to_owned());
    let inside = 1.0 / 1.5 + log * (1.0 - 1.5_f64.powf(1.5));
    assert_close(by_shape(3.0, INFINITY), inside, 1e-14, 0.0, || "without a limit".to_owned());
    assert_eq!(by_shape(0.0, 3.0), 0.0);
}

#[test]
fn the_difference_of_a_cdf_is_exact_in_the_tails() {
    let reference = [
        (Normal::new(0.0, 1.0).log_between(10.0, 11.0), -53.231_310_225_583_12),
        (Normal::new(0.0, 1.0).log_between(-30.0, -29.0), -424.787_419_909_730_3),
        (Normal::new(0.0, 1.0).log_between(30.0, INFINITY), -454.3212439563432),
        (HalfNormal::new(2.0).log_between(20.0, INFINITY), -52.538_137_969_952_52),
        (LogNormal::new(0.0, 1.0).log_between(0.0, 1e-9), -218.67938416756837),
        (Cauchy::new(0.0, 1.0).log_between(1e12, 2e12), -29.468898182337894),
        (Cauchy::new(0.0, 1.0).log_between(1e12, INFINITY), -28.775751001777948),
        (HalfCauchy::new(1.0).log_between(1e12, 2e12), -28.775751001777948),
        (Laplace::new(0.0, 1.0).log_between(50.0, 51.0), -51.151_822_325_947_03),
        (Laplace::new(0.0, 1.0).log_between(-900.0, -800.0), -800.693_147_180_56),
        (Laplace::new(0.0, 1.0).log_between(-1.0, 2.0), -0.28982752188877612),
        (Logistic::new(0.0, 1.0).log_between(50.0, 51.0), -50.458_675_145_387_08),
        (Exponential::new(2.0).log_between(400.0, 401.0), -800.145_413_457_868_8),
        (Weibull::new(2.0, 1.0).log_between(30.0, 30.001), -902.843_244_549_731),
        (Pareto::new(1.0, 2.0).log_between(1e10, 2e10), -46.339383932332695),
        (Gamma::new(3.0, 1.0).log_between(60.0, 70.0), -52.471192246174818),
        (Beta::new(2.0, 5.0).log_between(0.9999, 1.0), -44.260_025_727_459_16),
        (Poisson::new(1.0).log_between(16.0, INFINITY), -34.448_094_974_596_39),
        (Poisson::new(1.0).log_between(16.0, 20.0), -34.448_101_863_364_266),
        (Binomial::new(40.0, 0.1).log_between(25.0, 40.0), -37.415_587_685_539_11),
        (NegativeBinomial::new(2.0, 1.5).log_between(150.0, INFINITY), -82.289_375_188_453_53),
        (Geometric::new(0.3).log_between(200.0, 210.0), -71.720_317_893_883_97),
        (StudentT::new(5.0, 0.0, 1.0).log_between(1e5, INFINITY), -55.314_371_090_109_09),
        (StudentT::new(5.0, 0.0, 1.0).log_between(1e5, 2e5), -55.346_119_788_449_59),
        (Gumbel::new(0.0, 1.0).log_between(40.0, 41.0), -40.45867514538708),
        (Gumbel::new(0.0, 1.0).log_between(-5.0, -4.5), -90.01713130052181),
        (Gumbel::new(0.0, 1.0).log_between(800.0, INFINITY), -800.0),
        (GeneralizedExtremeValue::new(0.0, 1.0, 0.2).log_between(100000.0, 200000.0), -49.54944048711243),
        (GeneralizedExtremeValue::new(0.0, 1.0, 1e-10).log_between(30.0, INFINITY), -29.999999955000046),
        (GeneralizedExtremeValue::new(0.0, 1.0, -0.5).log_between(1.999, INFINITY), -15.201805044084383),
        (Frechet::new(2.0, 1.0).log_between(10000000000.0, 20000000000.0), -46.339383932332694),
        (Frechet::new(2.0, 1.0).log_between(0.03, 0.04), -625.0),
        (GeneralizedPareto::new(0.0, 1.0, 0.5).log_between(1000000000.0, INFINITY), -40.060237316772934),
        (GeneralizedPareto::new(0.0, 1.0, -0.1).log_between(1e-12, 2e-12), -27.631021115929897),
        (AsymmetricLaplace::new(0.0, 1.0, 2.0).log_between(50.0, 51.0), -101.75485137030296),
        (AsymmetricLaplace::new(0.0, 1.0, 2.0).log_between(-900.0, -800.0), -400.2231435513142),
        (AsymmetricLaplace::new(0.0, 1.0, 2.0).log_between(-1.0, 2.0), -0.6711658607855341),
        (LogitNormal::new(0.0, 1.0).log_between(1e-12, 1e-10), -269.15233889809247),
        (Kumaraswamy::new(2.0, 5.0).log_between(1e-10, 2e-10), -43.343651658778704),
        (Kumaraswamy::new(2.0, 5.0).log_between(0.9999, 1.0), -42.586215963331945),
        (LogLogistic::new(3.0, 1.0).log_between(10000000000.0, INFINITY), -69.07755278982137),
        (LogLogistic::new(3.0, 1.0).log_between(1e-10, 2e-10), -67.13164264076606),
        (Rayleigh::new(1.0).log_between(40.0, 41.0), -800.0),
        (ExpModNormal::new(0.0, 1.0, 2.0).log_between(-30.0, -29.0), -427.5304034145653),
        (ExpModNormal::new(0.0, 1.0, 2.0).log_between(300.0, 301.0), -598.1454134578688),
        (InverseGaussian::new(1.0, 1.0).log_between(0.001, 0.002), -252.33608153854735),
        (InverseGaussian::new(1.0, 1.0).log_between(200.0, 300.0), -107.19048898758662),
        (InverseGaussian::new(1.0, 400.0).log_between(0.2, 0.3), -330.3970121553745),
        (HalfStudentT::new(5.0, 1.0).log_between(1e5, INFINITY), -54.621223909549144),
        // exp(-180) (1 - exp(-90)) / (1 - exp(-900)), and (1/3^99 - 1/4^99) / (1 - 1/10^99).
        (TruncatedExponential::new(90.0, 0.0, 10.0).log_between(2.0, 3.0), -180.0),
        (PowerLaw::new(-100.0, 1.0, 10.0).log_between(3.0, 4.0), -99.0 * 3_f64.ln() + (-(0.75_f64.powi(99))).ln_1p()),
    ];
    for (i, (got, want)) in reference.into_iter().enumerate() {
        assert_close(got, want, 1e-11, 0.0, || format!("{i}"));
    }
}

#[test]
fn an_empty_interval_has_no_probability() {
    for case in all() {
        let Some(log_between) = case.log_between else { continue };
        let between = |low, high| log_between(&case.parameters, low, high);
        for (low, high) in [(3.0, 2.0), (0.7, 0.6), (-1.0, -2.0), (1e3, 10.0)] {
            assert_eq!(between(low, high), NEG_INFINITY, "{} from {low} to {high}", case.title());
        }
        // Beyond the support there is none either.
        let (low, high) = match case.support() {
            Support::Above(low) => (Some(low), None),
            Support::Below(high) => (None, Some(high)),
            Support::Interval(low, high) => (Some(low), Some(high)),
            Support::Whole(low, high) => (Some(low - 1.0), Some(high).filter(|high| high.is_finite())),
            _ => (None, None),
        };
        if let Some(low) = low {
            assert_eq!(between(low - 2.0, low - 1.0), NEG_INFINITY, "below {}", case.title());
        }
        if let Some(high) = high {
            assert_eq!(between(high + 1.0, high + 2.0), NEG_INFINITY, "above {}", case.title());
        }
    }
    let parts = Mixture::new([0.5, 0.5], [Uniform::new(0.0, 1.0), Uniform::new(2.0, 3.0)]);
    assert_close(Truncated::new(parts, 1.5, 2.5).log_density(2.2), LN_2, 1e-14, 0.0, || "a part alone".to_owned());
}

#[test]
fn the_density_of_the_unconstrained_number_is_that_of_the_value() {
    for case in all().into_iter().filter(|case| !case.is_whole()) {
        let support = case.support();
        for x in case.all_points().into_iter().filter(|&x| support.contains(x) && support.inside(x) == x) {
            let q = support.unconstrain(x);
            if matches!(support, Support::Interval(..)) && q > 12.0 {
                continue; // the value has lost digits to its bound
            }
            let (value, log) = (case.unconstrained)(&case.parameters, q);
            let (again, log_slope) = support.constrain(q);
            assert_close(value, again, 1e-12, 0.0, || format!("{} at {q}", case.title()));
            let expected = case.log_density(again) + log_slope;
            assert_close(log, expected, 1e-9, 1e-9, || format!("{} at {q}", case.title()));
        }
    }
    // To the end of the range, where the value itself is rounded to its bound: against the leading term.
    let beta = |q: f64| Beta::new(0.1, 0.1).at_unconstrained(q).1;
    assert_eq!(beta(600.0), beta(-600.0));
    assert_close(beta(600.0), beta(60.0) - 54.0, 1e-14, 0.0, || "Beta".to_owned());
    let gamma = |q: f64| Gamma::new(0.01, 1.0).at_unconstrained(q).1;
    assert_close(gamma(-5000.0), gamma(-50.0) - 49.5, 1e-13, 0.0, || "Gamma".to_owned());
    let weibull = |q: f64| Weibull::new(0.02, 1.0).at_unconstrained(q).1;
    assert_close(weibull(-5000.0) - weibull(-4000.0), -20.0, 1e-13, 0.0, || "Weibull".to_owned());
}

#[test]
fn draws_lie_inside_an_open_support() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(5));
    let mut least = |draw: &mut dyn FnMut(&mut Xoshiro256PlusPlus) -> [f64; 2]| {
        (0..20_000).map(|_| draw(&mut rng)).for_each(|[x, q]| {
            assert!(x > 0.0 && q.is_finite(), "{x}, unconstrained {q}");
        });
    };
    // 1.3 % of the first would be rounded to 1, and a tenth of a percent of the others to 0 or infinity.
    let beta = Beta::new(0.1, 0.1);
    least(&mut |rng| {
        let x = beta.draw(rng);
        assert!(x < 1.0);
        [x, beta.support().unconstrain(x)]
    });
    let gamma = Gamma::new(0.01, 1.0);
    least(&mut |rng| [gamma.draw(rng)].map(|x| [x, gamma.support().unconstrain(x)])[0]);
    let inverse = InverseGamma::new(0.01, 1.0);
    least(&mut |rng| [inverse.draw(rng)].map(|x| [x, inverse.support().unconstrain(x)])[0]);
    let weibull = Weibull::new(0.01, 1.0);
    least(&mut |rng| [weibull.draw(rng)].map(|x| [x, weibull.support().unconstrain(x)])[0]);
    let frechet = Frechet::new(0.01, 1.0);
    least(&mut |rng| [frechet.draw(rng)].map(|x| [x, frechet.support().unconstrain(x)])[0]);
    let survival = LogLogistic::new(0.01, 1.0);
    least(&mut |rng| [survival.draw(rng)].map(|x| [x, survival.support().unconstrain(x)])[0]);
    let share = LogitNormal::new(0.0, 500.0);
    least(&mut |rng| [share.draw(rng)].map(|x| [x, share.support().unconstrain(x)])[0]);
    let share = Kumaraswamy::new(0.01, 0.1);
    least(&mut |rng| [share.draw(rng)].map(|x| [x, share.support().unconstrain(x)])[0]);
    let excess = GeneralizedPareto::new(0.0, 1.0, -20.0);
    least(&mut |rng| [excess.draw(rng)].map(|x| [x, excess.support().unconstrain(x)])[0]);
    let simplex = Dirichlet::new([0.1; 10]);
    for _ in 0..20_000 {
        let x = simplex.draw(&mut rng);
        let q = unconstrain_simplex(x);
        assert!(q[..9].iter().all(|q| q.is_finite()), "{x:?}: {q:?}");
        let (again, _) = constrain_simplex(q);
        for (x, again) in x.into_iter().zip(again) {
            assert!((x - again).abs() <= 1e-9 * x.max(1e-300), "{x}, not {again}");
        }
    }
}

#[test]
fn finite_densities_at_an_edge_are_finite() {
    let ln = f64::ln;
    for (got, want) in [
        (Gamma::new(1.0, 3.0).log_density(0.0), ln(3.0)),
        (Weibull::new(1.0, 2.0).log_density(0.0), -LN_2),
        (Beta::new(1.0, 4.0).log_density(0.0), ln(4.0)),
        (Beta::new(5.0, 1.0).log_density(1.0), ln(5.0)),
        (Beta::new(1.0, 1.0).log_density(1.0), 0.0),
        (Exponential::new(2.0).log_density(0.0), LN_2),
        (Kumaraswamy::new(1.0, 4.0).log_density(0.0), ln(4.0)),
        (Kumaraswamy::new(5.0, 1.0).log_density(1.0), ln(5.0)),
        (Kumaraswamy::new(2.0, 3.0).log_density(1.0), NEG_INFINITY),
        (LogLogistic::new(1.0, 2.0).log_density(0.0), -LN_2),
        (GeneralizedPareto::new(0.0, 2.0, 0.5).log_density(0.0), -LN_2),
        (ChiSquared::new(2.0).log_density(0.0), -LN_2),
        (Rayleigh::new(2.0).log_density(0.0), NEG_INFINITY),
        (Gamma::new(2.0, 3.0).log_density(0.0), NEG_INFINITY),
        (Beta::new(2.0, 3.0).log_density(1.0), NEG_INFINITY),
    ] {
        assert!(got == want || (got - want).abs() < 1e-14, "{got}, not {want}");
    }
}

#[test]
fn what_does_not_sum_to_one_has_no_density() {
    assert_eq!(Categorical::new([0.2, 0.2]).log_density(0.0), NEG_INFINITY);
    assert_eq!(Multinomial::new(2.0, [0.2, 0.2]).log_density([1.0, 1.0]), NEG_INFINITY);
    let mixture = Mixture::new([0.5, 0.6], [Normal::new(0.0, 1.0), Normal::new(1.0, 1.0)]);
    assert_eq!(mixture.log_density(0.3), NEG_INFINITY);
}

#[test]
fn an_infinite_slope_does_not_count_where_nothing_depends() {
    type D = Dual<f64, 2>;
    let (zero, one) = (D::constant(0.0), D::constant(1.0));
    let (a, b) = (D::variable(0.7, 0), D::variable(0.4, 1));
    let cases: [(&str, D, f64, [f64; 2]); 8] = [
        ("sqrt", a + b * zero.sqrt(), 0.7, [1.0, 0.0]),
        ("powf", a * zero.powf(b), 0.0, [0.0, 0.0]),
        ("powf constant", a + b * zero.powf(D::constant(0.5)), 0.7, [1.0, 0.0]),
        ("acos", a + b * one.acos(), 0.7, [1.0, 0.0]),
        ("asin", b * one.asin(), 0.4 * std::f64::consts::FRAC_PI_2, [0.0, std::f64::consts::FRAC_PI_2]),
        ("atan2", a + b * zero.atan2(zero), 0.7, [1.0, 0.0]),
        ("ln", a + b * zero.ln().exp(), 0.7, [1.0, 0.0]),
        ("tanh", a * (b / zero).tanh(), 0.7, [1.0, 0.0]),
    ];
    for (name, got, value, partials) in cases {
        assert!((got.value - value).abs() < 1e-15 && got.partials == partials, "{name}: {got:?}");
    }
}

/// Compares value and derivatives of a function of many numbers: plain, in lanes, and by differences.
macro_rules! check_function {
    ($title:literal, $at:expr, |$v:ident| $body:expr) => {{
        #[inline(always)]
        fn f<T: Real>($v: &[T]) -> T {
            $body
        }
        struct Work<'a>(&'a [f64], usize);
        impl WithLanes for Work<'_> {
            type Output = Vec<D>;
            #[inline(always)]
            fn run<V: Lanes>(self) -> Self::Output {
                let Self(at, slot) = self;
                // A little different in each lane.
                let number = |x: f64| V::from_fn(|i| x * (1.0 + 1e-3 * i as f64));
                let at: Vec<Dual<V, 1>> = at.iter().enumerate().map(|(k, &x)| variable(number(x), k == slot)).collect();
                let y = f(&at);
                assert!(!V::take_divergence(), concat!($title, " branches on its value"));
                (0..V::WIDTH).map(|i| lane(y, i)).collect()
            }
        }
        let at: Vec<f64> = $at.to_vec();
        check_function($title, &at, &f::<f64>, &f::<D>, &|slot| with_lanes(Work(&at, slot)));
        f(&at)
    }};
}

fn check_function(
    title: &str,
    at: &[f64],
    f: &dyn Fn(&[f64]) -> f64,
    dual: &dyn Fn(&[D]) -> D,
    in_lanes: &dyn Fn(usize) -> Vec<D>,
) {
    let title = |k| move || format!("{title}: slot {k}");
    for k in 0..at.len() {
        for (i, wide) in in_lanes(k).into_iter().enumerate() {
            let at: Vec<f64> = at.iter().map(|x| x * (1.0 + 1e-3 * i as f64)).collect();
            let (value, gradient) = value_and_gradient(dual, &at);
            assert_eq!(value.to_bits(), f(&at).to_bits(), "{}", title(k)());
            assert_close(wide.value, value, 1e-12, 1e-13, title(k));
            assert_close(wide.partials[0], gradient[k], 1e-10, 1e-11, title(k));
            let moved = |step: f64| {
                let mut at = at.clone();
                at[k] += step;
                f(&at)
            };
            let (want, rounding) = slope(moved, 1e-4);
            assert_close(gradient[k], want, 1e-6, 1e-8 + rounding, title(k));
        }
    }
}

#[test]
fn multivariate_normal_densities() {
    // By the inverse and the determinant of a two by two matrix.
    let (a, b, c) = (2.0, 0.6, 0.5);
    let (x, y) = (1.3 - 1.0, -0.4 + 2.0);
    let determinant = a * c - b * b;
    let want =
        -0.5 * (c * x * x - 2.0 * b * x * y + a * y * y) / determinant - 0.5 * f64::ln(determinant) - (2.0 * PI).ln();
    let got = check_function!("MvNormal", [1.0, -2.0, 2.0, 0.6, 0.5, 1.3, -0.4], |v| {
        MvNormal::new([v[0], v[1]], [[v[2], v[3]], [v[3], v[4]]]).log_density([v[5], v[6]])
    });
    assert_close(got, want, 1e-14, 0.0, || "MvNormal".into());
    let (l, m) = (a.sqrt(), b / a.sqrt());
    let got = check_function!("MvNormalCholesky", [1.0, -2.0, l, m, f64::sqrt(c - m * m), 1.3, -0.4], |v| {
        MvNormalCholesky::new([v[0], v[1]], [[v[2], T::from(f64::NAN)], [v[3], v[4]]]).log_density([v[5], v[6]])
    });
    assert_close(got, want, 1e-14, 0.0, || "MvNormalCholesky".into());
    // Three numbers: a normal number, a second given the first, a third given both.
    let got =
        MvNormal::new([0.0; 3], [[4.0, 2.0, -2.0], [2.0, 10.0, 2.0], [-2.0, 2.0, 6.0]]).log_density([1.0, 2.0, -3.0]);
    let normal = |mean: f64, sd: f64, x: f64| peer::Normal::new(mean, sd).unwrap().ln_pdf(x);
    let want = normal(0.0, 2.0, 1.0) + normal(0.5, 3.0, 2.0) + normal(0.0, 2.0, -3.0);
    let third_mean = -0.5 * 1.0 + (2.0 - 0.5) / 3.0;
    let want = want - normal(0.0, 2.0, -3.0) + normal(third_mean, 2.0, -3.0);
    assert_close(got, want, 1e-14, 0.0, || "MvNormal in three dimensions".into());
    assert_eq!(MvNormal::new([0.0; 2], [[1.0; 2]; 2]).support(), Support::Real);
    assert!(MvNormal::new([0.0; 2], [[1.0, 2.0], [2.0, 1.0]]).log_density([0.0; 2]).is_nan());
}

#[test]
fn multivariate_normal_draws() {
    let (mean, covariance) = ([1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]]);
    let factor = [[2f64.sqrt(), 0.0], [0.6 / 2f64.sqrt(), (0.5f64 - 0.18).sqrt()]];
    let standard = Normal::new(0.0, 1.0);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(7));
    for cholesky in [false, true] {
        let draws: Vec<[f64; 2]> = (0..DRAWS)
            .map(|_| match cholesky {
                false => MvNormal::new(mean, covariance).draw(&mut rng),
                true => MvNormalCholesky::new(mean, factor).draw(&mut rng),
            })
            .collect();
        // Each of these combinations is normal with the variance that the covariance says.
        for [a, b] in [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0], [1.0, 2.0]] {
            let variance: f64 = a * a * 2.0 + 2.0 * a * b * 0.6 + b * b * 0.5;
            let z = |[x, y]: &[f64; 2]| (a * (x - 1.0) + b * (y + 2.0)) / variance.sqrt();
            let distance = kolmogorov_smirnov(draws.iter().map(z).collect(), |z| standard.cdf(z));
            within!(distance, LARGEST_DISTANCE, "{a}, {b}: {distance}");
        }
    }
}

#[test]
fn dirichlet_densities() {
    let got = check_function!("Dirichlet", [0.7, 2.0, 3.5, 0.3, -0.8], |v| {
        // On the simplex, so that a step stays there.
        let (x, _) = constrain_simplex([v[3], v[4], T::from(0.0)]);
        Dirichlet::new([v[0], v[1], v[2]]).log_density(x)
    });
    let (x, _) = constrain_simplex([0.3, -0.8, 0.0]);
    // mpmath: ln Gamma(6.2) - ln Gamma(0.7) - ln Gamma(2) - ln Gamma(3.5). That of statrs is off by 1.4e-14.
    let norm = 3.6704579389585534;
    let want = norm - 0.3 * x[0].ln() + x[1].ln() + 2.5 * x[2].ln();
    assert_close(got, want, 1e-13, 1e-14, || "Dirichlet".into());
    for x in [1e-9, 0.2, 0.999] {
        let (got, want) =
            (Dirichlet::new([0.4, 3.0]).log_density([x, 1.0 - x]), peer::Beta::new(0.4, 3.0).unwrap().ln_pdf(x));
        assert_close(got, want, 1e-12, 1e-13, || format!("Dirichlet of two at {x}"));
    }
    let dirichlet = Dirichlet::new([0.8, 2.0, 3.0]);
    for x in [[0.5, 0.5, 0.0], [0.5, 0.6, -0.1], [0.5, 0.3, 0.1], [0.5, 0.3, 0.3]] {
        assert_eq!(dirichlet.log_density(x), NEG_INFINITY, "{x:?}");
    }
    assert_eq!(dirichlet.support(), Support::Simplex);
    // The trapezoidal rule over unconstrained numbers.
    let (n, step) = (300, 0.15);
    let mut sum = 0.0;
    for i in -n..=n {
        for j in -n..=n {
            let (x, log_jacobian) = constrain_simplex([step * i as f64, step * j as f64, 0.0]);
            sum += step * step * (dirichlet.log_density(x) + log_jacobian).exp();
        }
    }
    assert_close(sum, 1.0, 1e-9, 0.0, || "the integral of Dirichlet".into());
}

#[test]
fn dirichlet_draws() {
    let a = [0.4, 1.0, 3.0];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(8));
    let draws: Vec<[f64; 3]> = (0..DRAWS).map(|_| Dirichlet::new(a).draw(&mut rng)).collect();
    assert!(draws.iter().all(|x| (x.iter().sum::<f64>() - 1.0).abs() < 1e-14));
    for i in 0..3 {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        let one = Beta::new(a[i], a[j] + a[k]);
        let pair = Beta::new(a[i], a[j]);
        for distance in [
            kolmogorov_smirnov(draws.iter().map(|x| x[i]).collect(), |x| one.cdf(x)),
            kolmogorov_smirnov(draws.iter().map(|x| x[i] / (x[i] + x[j])).collect(), |x| pair.cdf(x)),
        ] {
            within!(distance, LARGEST_DISTANCE, "{i}: {distance}");
        }
    }
    // All gamma numbers of a shape this small underflow, but not their ratios.
    let tiny: Vec<[f64; 3]> = (0..1000).map(|_| Dirichlet::new([1e-4; 3]).draw(&mut rng)).collect();
    assert!(tiny.iter().all(|x| (x.iter().sum::<f64>() - 1.0).abs() < 1e-14));
}

/// All counts of three categories whose sum is n.
fn three_counts(n: i32) -> Vec<[f64; 3]> {
    (0..=n).flat_map(|i| (0..=n - i).map(move |j| [i as f64, j as f64, (n - i - j) as f64])).collect()
}

#[test]
fn multinomial_probabilities_and_draws() {
    let p = [0.2, 0.5, 0.3];
    let multinomial = Multinomial::new(6.0, p);
    let factorial = |k: f64| (1..=k as i32).map(f64::from).product::<f64>();
    let counts = three_counts(6);
    let mut sum = 0.0;
    for k in &counts {
        let want = factorial(6.0) / k.iter().map(|&k| factorial(k)).product::<f64>()
            * p.iter().zip(k).map(|(p, k)| p.powi(*k as i32)).product::<f64>();
        let got = multinomial.log_density(*k);
        assert_close(got, want.ln(), 1e-12, 0.0, || format!("Multinomial at {k:?}"));
        sum += got.exp();
    }
    assert_close(sum, 1.0, 1e-13, 0.0, || "the sum of Multinomial".into());
    for k in [[6.0, 1.0, 0.0], [6.0, 1.0, -1.0], [5.5, 0.5, 0.0], [2.0, 2.0, 1.0]] {
        assert_eq!(multinomial.log_density(k), NEG_INFINITY, "{k:?}");
    }
    // The third probability is what is left.
    check_function!("Multinomial", p[..2], |v| {
        Multinomial::new(T::from(6.0), [v[0], v[1], T::from(1.0) - v[0] - v[1]]).log_density([
            T::from(1.0),
            T::from(5.0),
            T::from(0.0),
        ])
    });
    assert_eq!(Multinomial::new(3.0, [0.0, 1.0]).log_density([0.0, 3.0]), 0.0);
    assert_eq!(Multinomial::new(3.0, [0.0, 1.0]).log_density([1.0, 2.0]), NEG_INFINITY);
    assert_eq!(multinomial.support(), Support::Whole(0.0, 6.0));

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(9));
    let mut observed = vec![0.0; counts.len()];
    for _ in 0..DRAWS {
        let draw = multinomial.draw(&mut rng);
        observed[counts.iter().position(|k| *k == draw).expect("counts that sum to six")] += 1.0;
    }
    let probabilities: Vec<f64> = counts.iter().map(|k| multinomial.log_density(*k).exp()).collect();
    let probability = chi_square(&observed, &probabilities);
    within!(-probability.ln(), -1e-6_f64.ln(), "{probability:e}");
    assert_eq!(Multinomial::new(9.0, [0.0, 1.0, 0.0]).draw(&mut rng), [0.0, 9.0, 0.0]);
    assert_eq!(Multinomial::new(0.0, [0.5, 0.5]).draw(&mut rng), [0.0, 0.0]);
}

#[test]
fn dirichlet_multinomial_probabilities_and_draws() {
    let a = [0.4, 1.0, 3.0];
    let distribution = DirichletMultinomial::new(6.0, a);
    let rising = |a: f64, n: f64| (0..n as usize).map(|i| a + i as f64).product::<f64>();
    let counts = three_counts(6);
    let mut sum = 0.0;
    for k in &counts {
        let each = a.iter().zip(k).map(|(&a, &k)| rising(a, k) / rising(1.0, k)).product::<f64>();
        let want = rising(1.0, 6.0) / rising(4.4, 6.0) * each;
        let got = distribution.log_density(*k);
        assert_close(got, want.ln(), 1e-12, 1e-13, || format!("DirichletMultinomial at {k:?}"));
        sum += got.exp();
    }
    assert_close(sum, 1.0, 1e-13, 0.0, || "the sum of DirichletMultinomial".into());
    for k in [[6.0, 1.0, 0.0], [6.0, 1.0, -1.0], [5.5, 0.5, 0.0], [2.0, 2.0, 1.0]] {
        assert_eq!(distribution.log_density(k), NEG_INFINITY, "{k:?}");
    }
    // Of two categories it is beta-binomial, also where the concentrations are large (50 digits, mpmath).
    let (of_two, want) = (DirichletMultinomial::new(20.0, [3e6, 7e6]), -1.8062935120626205);
    assert_close(of_two.log_density([7.0, 13.0]), want, 1e-12, 0.0, || "of two".into());
    check_function!("DirichletMultinomial", a, |v| {
        DirichletMultinomial::new(T::from(6.0), [v[0], v[1], v[2]]).log_density([1.0, 5.0, 0.0].map(T::from))
    });
    assert_eq!(distribution.support(), Support::Whole(0.0, 6.0));

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(10));
    let mut observed = vec![0.0; counts.len()];
    for _ in 0..DRAWS {
        let draw = distribution.draw(&mut rng);
        observed[counts.iter().position(|k| *k == draw).expect("counts that sum to six")] += 1.0;
    }
    let probabilities: Vec<f64> = counts.iter().map(|k| distribution.log_density(*k).exp()).collect();
    let probability = chi_square(&observed, &probabilities);
    within!(-probability.ln(), -1e-6_f64.ln(), "{probability:e}");
}

#[test]
fn multivariate_student_t_densities_and_draws() {
    // By the inverse and the determinant of a two by two matrix.
    let (dof, a, b, c) = (3.5, 2.0, 0.6, 0.5);
    let (x, y) = (1.3 - 1.0, -0.4 + 2.0);
    let determinant: f64 = a * c - b * b;
    let square = (c * x * x - 2.0 * b * x * y + a * y * y) / determinant;
    let norm = ln_gamma(0.5 * dof + 1.0) - ln_gamma(0.5 * dof) - (PI * dof).ln() - 0.5 * determinant.ln();
    let want = norm - (0.5 * dof + 1.0) * f64::ln(1.0 + square / dof);
    let got = check_function!("MvStudentT", [dof, 1.0, -2.0, a, b, c, 1.3, -0.4], |v| {
        MvStudentT::new(v[0], [v[1], v[2]], [[v[3], v[4]], [v[4], v[5]]]).log_density([v[6], v[7]])
    });
    assert_close(got, want, 1e-13, 0.0, || "MvStudentT".into());
    let (one, of_one) = (StudentT::new(dof, 1.0, 2.0), MvStudentT::new(dof, [1.0], [[4.0]]));
    assert_close(of_one.log_density([7.0]), one.log_density(7.0), 1e-14, 0.0, || "of one number".into());
    assert_eq!(of_one.support(), Support::Real);

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(11));
    let distribution = MvStudentT::new(dof, [1.0, -2.0], [[a, b], [b, c]]);
    let draws: Vec<[f64; 2]> = (0..DRAWS).map(|_| distribution.draw(&mut rng)).collect();
    for [i, j] in [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -2.0]] {
        let scale: f64 = i * i * a + 2.0 * i * j * b + j * j * c;
        let line = StudentT::new(dof, i - 2.0 * j, scale.sqrt());
        let distance = kolmogorov_smirnov(draws.iter().map(|x| i * x[0] + j * x[1]).collect(), |x| line.cdf(x));
        within!(distance, LARGEST_DISTANCE, "{i}, {j}: {distance}");
    }
    // The same number stretches both, so that they are not independent even where the matrix is diagonal.
    let whitened = |[x, y]: &[f64; 2]| {
        ((x - 1.0).powi(2) * c - 2.0 * b * (x - 1.0) * (y + 2.0) + (y + 2.0).powi(2) * a) / determinant
    };
    // P(z'z > r) = (1 + r / dof)^(-dof / 2) for two numbers.
    let distance = kolmogorov_smirnov(draws.iter().map(whitened).collect(), |r| 1.0 - (1.0 + r / dof).powf(-0.5 * dof));
    within!(distance, LARGEST_DISTANCE, "the length: {distance}");
}

#[test]
fn certain_counts_have_probability_one() {
    let one = |x: f64| if x == 0.0 { 0.0 } else { NEG_INFINITY };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(1));
    for k in [0.0, 1.0, 2.0, 30.0] {
        assert_eq!(Poisson::new(0.0).log_density(k), one(k));
        assert_eq!(NegativeBinomial::new(0.0, 2.0).log_density(k), one(k));
        assert_eq!(Binomial::new(0.0, 0.3).log_density(k), one(k));
        assert_eq!(BinomialLogit::new(0.0, 0.3).log_density(k), one(k));
        assert_eq!(Binomial::new(30.0, 0.0).log_density(k), one(k));
        assert_eq!(Binomial::new(30.0, 1.0).log_density(k), one(30.0 - k));
        assert_eq!(Geometric::new(1.0).log_density(k), one(k));
        assert_eq!(ZeroInflated::new(1.0, Poisson::new(2.0)).log_density(k), one(k));
        assert_eq!(ZeroInflated::new(0.0, Poisson::new(0.0)).log_density(k), one(k));
        assert_eq!(Hurdle::new(1.0, Poisson::new(2.0)).log_density(k), one(k));
        assert_eq!(DiscreteUniform::new(30.0, 30.0).log_density(k), one(30.0 - k));
        assert_eq!(Hypergeometric::new(30.0, 40.0, 40.0).log_density(k), one(30.0 - k));
        assert_eq!(BetaBinomial::new(0.0, 0.3, 2.0).log_density(k), one(k));
        assert_eq!(OrderedLogistic::new(0.3, [0.0; 0]).log_density(k), one(k));
        assert_eq!(OrderedProbit::new(0.3, [0.0; 0]).log_density(k), one(k));
        assert_eq!(Poisson::new(0.0).cdf(k), 1.0);
        assert_eq!(Geometric::new(1.0).cdf(k), 1.0);
        assert_eq!(Binomial::new(30.0, 0.0).cdf(k), 1.0);
        assert_eq!(Binomial::new(30.0, 1.0).cdf(k), if k == 30.0 { 1.0 } else { 0.0 });
    }
    for x in [0.0, 1.0] {
        assert_eq!(Bernoulli::new(0.0).log_density(x), one(x));
        assert_eq!(Bernoulli::new(1.0).log_density(x), one(1.0 - x));
        assert_eq!(Categorical::new([1.0, 0.0]).log_density(x), one(x));
    }
    for _ in 0..100 {
        assert_eq!(Poisson::new(0.0).draw(&mut rng), 0.0);
        assert_eq!(NegativeBinomial::new(0.0, 2.0).draw(&mut rng), 0.0);
        assert_eq!(Binomial::new(0.0, 0.3).draw(&mut rng), 0.0);
        assert_eq!(Binomial::new(30.0, 1.0).draw(&mut rng), 30.0);
        assert_eq!(Binomial::new(30.0, 0.0).draw(&mut rng), 0.0);
        assert_eq!(Geometric::new(1.0).draw(&mut rng), 0.0);
        assert_eq!(Bernoulli::new(0.0).draw(&mut rng), 0.0);
        assert_eq!(Bernoulli::new(1.0).draw(&mut rng), 1.0);
        assert_eq!(Categorical::new([0.0, 1.0, 0.0]).draw(&mut rng), 1.0);
    }
    // At the edge, where one of the terms is 0 ln 0, derivatives are right as well.
    let rate = Poisson::new(D::variable(0.0, 0)).log_density(D::constant(0.0));
    assert_eq!((rate.value, rate.partials[0]), (0.0, -1.0));
    let p = Binomial::new(D::constant(5.0), D::variable(0.0, 0)).log_density(D::constant(0.0));
    assert_eq!((p.value, p.partials[0]), (0.0, -5.0));
}

#[test]
fn finite_distributions_say_how_many_values_they_have() {
    assert_eq!(Bernoulli::new(0.3).categories(), 2);
    assert_eq!(BernoulliLogit::new(0.3).categories(), 2);
    assert_eq!(Categorical::new([0.3, 0.3, 0.4]).categories(), 3);
    assert_eq!(CategoricalLogit::new([0.0; 5]).categories(), 5);
    assert_eq!(Binomial::new(7.0, 0.3).categories(), 8);
    assert_eq!(BinomialLogit::new(D::constant(7.0), D::constant(0.3)).categories(), 8);
    assert_eq!(BernoulliProbit::new(0.3).categories() + BernoulliCloglog::new(0.3).categories(), 4);
    assert_eq!(OrderedLogistic::new(0.3, [0.0, 1.0]).categories(), 3);
    assert_eq!(OrderedProbit::new(0.3, [0.0; 0]).categories(), 1);
    assert_eq!(BetaBinomial::new(7.0, 0.3, 1.0).categories(), 8);
    assert_eq!(DiscreteUniform::new(2.0, 4.0).categories(), 5);
    assert_eq!(Hypergeometric::new(7.0, 3.0, 20.0).categories(), 4);
    assert_eq!(ZeroInflated::new(0.5, Binomial::new(7.0, 0.3)).categories(), 8);
    assert_eq!(Hurdle::new(0.5, Binomial::new(7.0, 0.3)).categories(), 8);
}

#[test]
fn supports_of_truncated_and_mixed_distributions() {
    let exponential = Exponential::new(1.0);
    assert_eq!(Truncated::new(exponential, -1.0, 2.0).support(), Support::Interval(0.0, 2.0));
    assert_eq!(Truncated::new(exponential, 1.0, INFINITY).support(), Support::Above(1.0));
    assert_eq!(Truncated::new(Normal::new(0.0, 1.0), NEG_INFINITY, 1.0).support(), Support::Below(1.0));
    assert_eq!(Truncated::new(Normal::new(0.0, 1.0), NEG_INFINITY, INFINITY).support(), Support::Real);
    assert_eq!(Truncated::new(Geometric::new(0.5), 0.5, 3.5).support(), Support::Whole(1.0, 3.0));
    assert_eq!(TruncatedNormal::new(0.0, 1.0, 0.0, INFINITY).support(), Support::Above(0.0));
    let uniforms = [Uniform::new(0.0, 1.0), Uniform::new(3.0, 4.0)];
    assert_eq!(Mixture::new([0.5, 0.5], uniforms).support(), Support::Interval(0.0, 4.0));
    assert_eq!(Mixture::new([0.5, 0.5], uniforms).log_density(2.0), NEG_INFINITY);
    // A bound that is not known stays so.
    let Support::Interval(low, high) = Truncated::new(Uniform::new(0.0, f64::NAN), -1.0, 2.0).support() else {
        panic!()
    };
    assert!(low == 0.0 && high.is_nan());
}

/// What nonsense a parameter is, `check` says; a draw does not panic, and no density comes out that could be taken for one.
macro_rules! refused {
    ($($distribution:expr => $parameter:literal),* $(,)?) => {{
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(3));
        $({
            let distribution = $distribution;
            let message = distribution.check().expect_err(stringify!($distribution)).to_string();
            assert!(message.contains($parameter), "{}: {message}", stringify!($distribution));
            assert!(message.contains(", but must be "), "{message}");
            distribution.draw(&mut rng);
            for x in [-2.0, 0.0, 0.5, 1.0, 2.0] {
                let log = distribution.log_density(x);
                assert!(log.is_nan() || log == NEG_INFINITY, "{} has log density {log} at {x}", stringify!($distribution));
            }
        })*
    }};
}

#[test]
fn parameters_without_sense_are_refused() {
    let nan = f64::NAN;
    refused!(
        Normal::new(nan, 1.0) => "the mean",
        Normal::new(0.0, -1.0) => "the standard deviation",
        Normal::new(0.0, nan) => "the standard deviation",
        HalfNormal::new(-1.0) => "the standard deviation",
        LogNormal::new(nan, 1.0) => "mu",
        LogNormal::new(0.0, -1.0) => "sigma",
        Cauchy::new(nan, 1.0) => "the location",
        Cauchy::new(0.0, -1.0) => "the scale",
        HalfCauchy::new(-2.0) => "the scale",
        StudentT::new(-1.0, 0.0, 1.0) => "the number of degrees of freedom",
        StudentT::new(3.0, nan, 1.0) => "the location",
        StudentT::new(3.0, 0.0, -1.0) => "the scale",
        Laplace::new(nan, 1.0) => "the location",
        Laplace::new(0.0, -1.0) => "the scale",
        Logistic::new(nan, 1.0) => "the location",
        Logistic::new(0.0, -1.0) => "the scale",
        Uniform::new(1.0, 0.0) => "the lower bound",
        Uniform::new(0.0, INFINITY) => "the upper bound",
        LogUniform::new(-1.0, 2.0) => "the lower bound",
        LogUniform::new(2.0, 1.0) => "the lower bound",
        LogUniform::new(2.0, INFINITY) => "the upper bound",
        Beta::new(-1.0, 1.5) => "alpha",
        Beta::new(1.5, nan) => "beta",
        Gamma::new(-1.5, 1.0) => "the shape",
        Gamma::new(1.0, -1.0) => "the rate",
        InverseGamma::new(-1.5, 1.0) => "the shape",
        InverseGamma::new(1.0, -1.0) => "the scale",
        Exponential::new(-1.0) => "the rate",
        Weibull::new(-1.0, 1.0) => "the shape",
        Weibull::new(1.0, -1.0) => "the scale",
        Pareto::new(-1.0, 1.0) => "the minimum",
        Pareto::new(1.0, -1.0) => "the shape",
        PowerLaw::new(nan, 1.0, 2.0) => "the slope",
        PowerLaw::new(1.0, -1.0, 2.0) => "the lower bound",
        PowerLaw::new(1.0, 2.0, 1.0) => "the lower bound",
        PowerLaw::new(1.0, 1.0, INFINITY) => "the upper bound",
        TruncatedExponential::new(nan, 0.0, 1.0) => "the rate",
        TruncatedExponential::new(1.0, 1.0, 0.0) => "the lower bound",
        TruncatedExponential::new(1.0, 0.0, INFINITY) => "the upper bound",
        TruncatedNormal::new(nan, 1.0, 0.0, 1.0) => "the mean",
        TruncatedNormal::new(0.0, -1.0, 0.0, 1.0) => "the standard deviation",
        TruncatedNormal::new(0.0, 1.0, 1.0, 0.0) => "the lower bound",
        Truncated::new(Normal::new(0.0, -1.0), 0.0, 1.0) => "the standard deviation",
        Truncated::new(Normal::new(0.0, 1.0), 1.0, 0.0) => "the lower bound",
        Truncated::new(Uniform::new(0.0, 1.0), 2.0, 3.0) => "ln P",
        Censored::new(Normal::new(0.0, -1.0), 0.0, 1.0) => "the standard deviation",
        Censored::new(Normal::new(0.0, 1.0), 1.0, 0.0) => "the lower limit",
        Censored::new(Normal::new(0.0, 1.0), nan, 1.0) => "the lower limit",
        Rounded::new(Normal::new(0.0, -1.0), 1.0) => "the standard deviation",
        Rounded::new(Normal::new(0.0, 1.0), -1.0) => "the step",
        Rounded::new(Normal::new(0.0, 1.0), 0.0) => "the step",
        Bernoulli::new(-0.1) => "the probability",
        Bernoulli::new(1.1) => "the probability",
        BernoulliLogit::new(nan) => "the logit",
        Binomial::new(2.5, 0.5) => "n",
        Binomial::new(-1.0, 0.5) => "n",
        Binomial::new(2.0, -0.5) => "the probability",
        Binomial::new(2.0, 1.5) => "the probability",
        BinomialLogit::new(2.5, 0.5) => "n",
        BinomialLogit::new(2.0, nan) => "the logit",
        Poisson::new(-1.0) => "the rate",
        Poisson::new(nan) => "the rate",
        PoissonLog::new(nan) => "the logarithm of the rate",
        NegativeBinomial::new(-1.0, 2.0) => "the mean",
        NegativeBinomial::new(1.0, -2.0) => "the shape",
        Geometric::new(0.0) => "the probability",
        Geometric::new(1.5) => "the probability",
        HalfStudentT::new(-1.0, 1.0) => "the number of degrees of freedom",
        HalfStudentT::new(3.0, -1.0) => "the scale",
        SkewNormal::new(nan, 1.0, 0.0) => "the location",
        SkewNormal::new(0.0, -1.0, 0.0) => "the scale",
        SkewNormal::new(0.0, 1.0, nan) => "the slant",
        ExpModNormal::new(nan, 1.0, 1.0) => "the mean",
        ExpModNormal::new(0.0, -1.0, 1.0) => "the standard deviation",
        ExpModNormal::new(0.0, 1.0, -1.0) => "the rate",
        ExpModNormal::new(0.0, -1.0, -1.0) => "the standard deviation",
        AsymmetricLaplace::new(nan, 1.0, 1.0) => "the location",
        AsymmetricLaplace::new(0.0, -1.0, 1.0) => "the scale",
        AsymmetricLaplace::new(0.0, 1.0, -1.0) => "the asymmetry",
        InverseGaussian::new(-1.0, 1.0) => "the mean",
        InverseGaussian::new(1.0, -1.0) => "the shape",
        Gumbel::new(nan, 1.0) => "the location",
        Gumbel::new(0.0, -1.0) => "the scale",
        GeneralizedExtremeValue::new(nan, 1.0, 0.1) => "the location",
        GeneralizedExtremeValue::new(0.0, -1.0, 0.1) => "the scale",
        GeneralizedExtremeValue::new(0.0, 1.0, nan) => "the shape",
        Frechet::new(-1.0, 1.0) => "the shape",
        Frechet::new(1.0, -1.0) => "the scale",
        GeneralizedPareto::new(nan, 1.0, 0.1) => "the location",
        GeneralizedPareto::new(0.0, -1.0, 0.1) => "the scale",
        GeneralizedPareto::new(0.0, 1.0, nan) => "the shape",
        VonMises::new(nan, 1.0) => "the mean",
        VonMises::new(0.0, -1.0) => "the concentration",
        VonMises::new(0.0, INFINITY) => "the concentration",
        BetaProportion::new(1.5, 1.0) => "the mean",
        BetaProportion::new(-1.0, -1.0) => "the mean",
        BetaProportion::new(0.5, -1.0) => "the precision",
        Kumaraswamy::new(-1.0, 1.0) => "a",
        Kumaraswamy::new(1.0, -1.0) => "b",
        LogitNormal::new(nan, 1.0) => "mu",
        LogitNormal::new(0.0, -1.0) => "sigma",
        ChiSquared::new(-1.0) => "the number of degrees of freedom",
        InverseChiSquared::new(-1.0) => "the number of degrees of freedom",
        ScaledInverseChiSquared::new(-1.0, 1.0) => "the number of degrees of freedom",
        ScaledInverseChiSquared::new(1.0, -1.0) => "the scale",
        Rayleigh::new(-1.0) => "the scale",
        LogLogistic::new(-1.0, 1.0) => "the shape",
        LogLogistic::new(1.0, -1.0) => "the scale",
        BernoulliProbit::new(nan) => "the probit",
        BernoulliCloglog::new(nan) => "eta",
        OrderedLogistic::new(nan, [0.0, 1.0]) => "eta",
        OrderedLogistic::new(0.0, [1.0, 0.0]) => "the vector of cutpoints",
        OrderedLogistic::new(0.0, [nan, 0.0]) => "the vector of cutpoints",
        OrderedProbit::new(nan, [0.0, 1.0]) => "eta",
        OrderedProbit::new(0.0, [0.0, 0.0]) => "the vector of cutpoints",
        DiscreteUniform::new(0.5, 2.0) => "the lower bound",
        DiscreteUniform::new(-2.0, 2.0) => "the lower bound",
        DiscreteUniform::new(0.0, 2.5) => "the upper bound",
        DiscreteUniform::new(3.0, 2.0) => "the lower bound",
        BetaBinomial::new(2.5, 1.0, 1.0) => "n",
        BetaBinomial::new(2.0, -1.5, 1.0) => "alpha",
        BetaBinomial::new(2.0, 1.0, -1.5) => "beta",
        Hypergeometric::new(0.5, 2.0, 4.0) => "n",
        Hypergeometric::new(5.0, 2.0, 4.0) => "n",
        Hypergeometric::new(2.0, -2.0, 4.0) => "the number of successes",
        Hypergeometric::new(2.0, 5.0, 4.0) => "the number of successes",
        Hypergeometric::new(2.0, 2.0, nan) => "the population",
        NegativeBinomialLog::new(nan, 2.0) => "the logarithm of the mean",
        NegativeBinomialLog::new(1.0, -2.0) => "the shape",
        ZeroInflated::new(-0.5, Poisson::new(1.0)) => "the probability",
        ZeroInflated::new(1.5, Poisson::new(1.0)) => "the probability",
        ZeroInflated::new(0.5, Poisson::new(nan)) => "the rate",
        Hurdle::new(-0.5, Poisson::new(1.0)) => "the probability",
        Hurdle::new(1.5, Poisson::new(1.0)) => "the probability",
        Hurdle::new(0.5, Poisson::new(nan)) => "the rate",
        Hurdle::new(0.5, Poisson::new(0.0)) => "ln P",
        CategoricalLogit::new([0.0, nan]) => "the vector of logits",
        Mixture::new([0.5, nan], [Normal::new(0.0, 1.0), Normal::new(0.0, 1.0)]) => "the vector of weights",
        Mixture::new([0.5, 0.5], [Normal::new(0.0, 1.0), Normal::new(0.0, -1.0)]) => "the standard deviation",
    );
    let message = Normal::new(0.0, -1.0).check().unwrap_err().to_string();
    assert_eq!(message, "Normal: the standard deviation is -1.0, but must be positive and finite");

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed(4));
    // Probabilities are not brought to a sum of one behind anyone's back.
    for weights in [[0.5, 0.4], [0.7, 0.4], [0.5, 0.5 + 1e-6]] {
        assert!(Categorical::new(weights).check().is_err() && Categorical::new(weights).draw(&mut rng).is_nan());
        assert!(
            Multinomial::new(3.0, weights).check().is_err()
                && Multinomial::new(3.0, weights).draw(&mut rng)[0].is_nan()
        );
        let mixture = Mixture::new(weights, [Normal::new(0.0, 1.0); 2]);
        assert!(mixture.check().is_err() && mixture.draw(&mut rng).is_nan());
    }
    assert_eq!(Categorical::new([0.1; 10]).check(), Ok(()));
    let message = Categorical::new([0.7, -0.1, 0.4]).check().unwrap_err().to_string();
    assert!(
        message.ends_with("is [0.7, -0.1, 0.4], but must be of numbers between 0 and 1 whose sum is 1"),
        "{message}"
    );
    assert!(Categorical::new([0.7, -0.1, 0.4]).log_density(1.0).is_nan());
    assert!(Multinomial::new(0.5, [0.5, 0.5]).check().is_err());
    assert!(Dirichlet::new([1.0, 0.0]).check().is_err() && Dirichlet::new([1.0, 0.0]).draw(&mut rng)[0].is_nan());
    for covariance in [[[1.0, 0.5], [0.4, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, nan], [nan, 1.0]]] {
        assert!(MvNormal::new([0.0; 2], covariance).check().is_err(), "{covariance:?}");
        MvNormal::new([0.0; 2], covariance).draw(&mut rng);
    }
    assert!(MvNormal::new([0.0, nan], [[1.0, 0.0], [0.0, 1.0]]).check().is_err());
    assert_eq!(MvNormal::new([0.0; 2], [[2.0, 0.5], [0.5, 1.0]]).check(), Ok(()));
    assert_eq!(MvNormalCholesky::new([0.0; 2], [[2.0, 0.0], [0.5, 1.0]]).check(), Ok(()));
    assert!(MvNormalCholesky::new([0.0; 2], [[2.0, 0.0], [0.5, -1.0]]).check().is_err());
    assert!(MvNormalCholesky::new([0.0; 2], [[2.0, 0.0], [nan, 1.0]]).check().is_err());
    assert!(DirichletMultinomial::new(0.5, [1.0, 1.0]).check().is_err());
    assert!(DirichletMultinomial::new(2.0, [1.0, 0.0]).check().is_err());
    assert!(DirichletMultinomial::new(2.0, [1.0, 0.0]).draw(&mut rng)[0].is_nan());
    let matrix = [[2.0, 0.5], [0.5, 1.0]];
    assert_eq!(MvStudentT::new(3.0, [0.0; 2], matrix).check(), Ok(()));
    for (dof, mean, matrix) in [(-3.0, 0.0, matrix), (3.0, nan, matrix), (3.0, 0.0, [[1.0, 2.0], [2.0, 1.0]])] {
        let student = MvStudentT::new(dof, [mean, 0.0], matrix);
        assert!(student.check().is_err() && student.log_density([0.3, 0.2]).is_nan(), "{student:?}");
        student.draw(&mut rng);
    }
}

#[test]
fn supports_map_unconstrained_numbers() {
    for (support, largest) in [
        (Support::Real, 1e6),
        (Support::Above(-2.5), 15.0),
        (Support::Below(3.0), 15.0),
        (Support::Interval(-2.0, 5.0), 15.0),
        (Support::Above(0.0), 600.0),
        (Support::Interval(0.0, 3.0), 15.0),
    ] {
        for i in -20..=20 {
            let q = largest * i as f64 / 20.0;
            let (x, log_jacobian) = support.constrain(q);
            let title = || format!("{support:?} at {q}");
            assert!(support.contains(x), "{}", title());
            assert_close(support.unconstrain(x), q, 1e-12, 1e-15 * largest.min(30.0).exp(), title);
            let plain = |step: f64| support.constrain(q + step).0;
            let (want, rounding) = slope(plain, 1e-3);
            assert_close(log_jacobian.exp(), want.abs(), 1e-9, rounding, title);
        }
    }
    // Deep in the lower end of an interval from zero, as in the tail of a small probability.
    let unit = Support::Interval(0.0, 1.0);
    for q in [-700.0, -300.0, -40.0] {
        assert_close(unit.unconstrain(unit.constrain(q).0), q, 1e-14, 0.0, || format!("{q}"));
        assert_close(unit.constrain(q).1, q, 1e-14, 0.0, || format!("{q}"));
        assert_close(unit.constrain(-q).1, q, 1e-14, 0.0, || format!("{q}"));
    }
    // In the middle, where a map made of absolute values could lose its derivative.
    let (low, high) = (D::constant(0.0), D::constant(4.0));
    let (x, log_jacobian) = Support::Interval(low, high).constrain(D::variable(0.0, 0));
    assert_eq!((x.value, x.partials[0]), (2.0, 1.0));
    assert_eq!((log_jacobian.value, log_jacobian.partials[0]), (0.0, 0.0));
}

#[test]
fn simplices_map_unconstrained_numbers() {
    let cases =
        [[0.0; 4], [1.0, -2.0, 0.5, 0.0], [-8.0, 3.0, 4.0, 0.0], [5.0, 5.0, -5.0, 0.0], [-40.0, -30.0, 1.0, 0.0]];
    for q in cases {
        let (x, log_jacobian) = constrain_simplex(q);
        assert_close(x.iter().sum(), 1.0, 1e-15, 0.0, || format!("{q:?}"));
        assert!(x.iter().all(|&x| Support::Simplex.contains(x)));
        for (got, want) in unconstrain_simplex(x).into_iter().zip(q) {
            assert_close(got, want, 1e-9, 1e-12, || format!("{q:?}"));
        }
        // The determinant of the first three rows and columns.
        let j: [Vec<f64>; 4] = std::array::from_fn(|i| {
            value_and_gradient(|q| constrain_simplex(std::array::from_fn::<_, 4, _>(|k| q[k])).0[i], &q).1
        });
        let minor = |a: usize, b: usize| j[1][a] * j[2][b] - j[1][b] * j[2][a];
        let determinant = j[0][0] * minor(1, 2) - j[0][1] * minor(0, 2) + j[0][2] * minor(0, 1);
        assert_close(log_jacobian, determinant.ln(), 1e-12, 1e-12, || format!("{q:?}"));
        for (i, row) in j.iter().enumerate().take(3) {
            for k in 0..3 {
                let moved = |step: f64| {
                    let mut q = q;
                    q[k] += step;
                    constrain_simplex(q).0[i]
                };
                let (want, rounding) = slope(moved, 1e-3);
                assert_close(row[k], want, 1e-9, 1e-12 + rounding, || format!("{q:?}, {i}, {k}"));
            }
        }
    }
    assert_eq!(constrain_simplex([0.0; 4]).0.map(|x| (4.0 * x * 1e12).round()), [1e12; 4]);
    assert_eq!(constrain_simplex([0.3]), ([1.0], 0.0));
}

/// The table of the macro names every distribution of the library, with as many arguments as its constructor has, and of each
/// the kind of support that it has.
#[test]
fn the_table_of_the_macro_is_that_of_the_library() {
    let table = include_str!("../../macros/src/builtin.rs");
    let library = include_str!("../../core/src/distributions/mod.rs");
    let of_plates = |line: &&str| line.contains("Draws::Plate") || line.contains("Draws::Kernel");
    let rows = table.lines().filter(|line| !of_plates(line)).filter_map(|line| line.trim().strip_prefix("row(\""));
    let rows: Vec<(&str, usize, &str)> = rows
        .map(|row| {
            let (name, rest) = row.split_once('"').unwrap();
            let (arguments, rest) = rest.split_once("],").unwrap();
            (name, arguments.matches('"').count() / 2, rest.rsplit_once("Support::").unwrap().1.trim_end_matches("),"))
        })
        .collect();
    let exported = library.split("pub use ").skip(1).flat_map(|of| {
        let (module, names) = of.split_once(';').unwrap().0.split_once("::").unwrap();
        let names = names.trim_matches(['{', '}']).split(',').map(str::trim);
        names.filter(move |_| !["support", "normal"].contains(&module)).collect::<Vec<_>>()
    });
    let mut exported: Vec<&str> = exported.chain(["Normal"]).collect();
    let mut named: Vec<&str> = rows.iter().map(|row| row.0).collect();
    exported.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, exported);
    for case in all() {
        let Some((_, arguments, support)) = rows.iter().find(|row| row.0 == case.name) else {
            // One of another distribution: `Truncated(Cauchy(..), ..)`.
            let with = ["Truncated", "Mixture", "ZeroInflated", "Hurdle", "Censored", "Rounded", "Grouped"];
            assert!(with.iter().any(|outer| case.name.starts_with(outer)), "{}", case.name);
            continue;
        };
        // Vectors of parameters count as one argument.
        assert!(*arguments <= case.parameters.len(), "{}", case.title());
        let found = case.support();
        let as_told = match *support {
            "Real" => found == Support::Real,
            "Positive" => found == Support::Above(0.0),
            "Unit" => found == Support::Interval(0.0, 1.0),
            "Angle" => found == Support::Interval(-PI, PI),
            "Whole" => case.is_whole(),
            // A bound may be infinite.
            "Arguments" => !case.is_whole(),
            other => panic!("{}: {other}", case.name),
        };
        assert!(as_told, "{}: {found:?} is not {support}", case.title());
    }
}

//! Against closed forms, tight references and finite differences, one number at a time and in lanes.

use super::*;
use crate::autodiff::{Dual, Lanes, Real, WithLanes, with_lanes};

fn close(own: f64, exact: f64, tolerance: f64, what: &str) {
    assert!((own - exact).abs() <= tolerance * exact.abs().max(1.0), "{what}: {own}, not {exact}");
}

fn tight() -> Tolerance {
    Tolerance::default().relative(1e-11).absolute(1e-11)
}

fn decay<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
    [-rate * y]
}

fn spring<T: Real>(_: T, [x, v]: [T; 2], [omega, friction]: [T; 2]) -> [T; 2] {
    [v, -omega * omega * x - friction * v]
}

fn lotka<T: Real>(_: T, [u, v]: [T; 2], theta: [T; 4]) -> [T; 2] {
    [(theta[0] - theta[1] * v) * u, (theta[3] * u - theta[2]) * v]
}

fn van_der_pol<T: Real>(_: T, [x, v]: [T; 2], mu: T) -> [T; 2] {
    [v, mu * (1.0 - x * x) * v - x]
}

fn robertson<T: Real>(_: T, [a, b, c]: [T; 3], k: [T; 3]) -> [T; 3] {
    let (slow, fast, back) = (k[0] * a, k[1] * b * b, k[2] * b * c);
    [back - slow, slow - back - fast, fast]
}

/// Forced, with a closed form: y' = -rate (y - cos t).
fn forced<T: Real>(t: T, [y]: [T; 1], rate: T) -> [T; 1] {
    [-rate * (y - t.cos())]
}

fn forced_exact(t: f64, y0: f64, rate: f64) -> f64 {
    let of = |t: f64| (rate * rate * t.cos() + rate * t.sin()) / (1.0 + rate * rate);
    of(t) + (y0 - of(0.0)) * (-rate * t).exp()
}

#[test]
fn closed_forms() {
    for (tolerance, bound) in [(Tolerance::default(), 3e-5), (tight(), 1e-9)] {
        for (states, what) in [
            (ode(decay, [2.0], [0.0, 0.1, 1.0, 5.0, 30.0], 0.8, tolerance), "ode"),
            (ode_stiff(decay, [2.0], [0.0, 0.1, 1.0, 5.0, 30.0], 0.8, tolerance), "ode_stiff"),
        ] {
            for ([y], t) in states.into_iter().zip([0.0, 0.1, 1.0, 5.0, 30.0]) {
                close(y, 2.0 * f64::exp(-0.8 * t), bound, what);
            }
        }
        let times = [0.5, 3.0, 20.0];
        for states in [
            ode(spring, [1.0, 0.0], times, [2.0, 0.0], tolerance),
            ode_stiff(spring, [1.0, 0.0], times, [2.0, 0.0], tolerance),
        ] {
            for ([x, v], t) in states.into_iter().zip(times) {
                close(x, f64::cos(2.0 * t), 10.0 * bound, "x");
                close(v, -2.0 * f64::sin(2.0 * t), 10.0 * bound, "v");
            }
        }
        for rate in [1.0, 1e3, 1e6] {
            let [[y]] = ode_stiff(forced, [2.0], [4.0], rate, tolerance);
            close(y, forced_exact(4.0, 2.0, rate), 10.0 * bound, "forced");
        }
    }
}

#[test]
fn a_solution_starts_at_any_time_and_goes_in_any_direction() {
    let times = [1.0, -2.0, -2.0, 3.0];
    let exact = times.map(|t| 2.0 * f64::exp(-0.8 * (t - 1.0)));
    let array = ode(decay, (1.0, [2.0]), times, 0.8, tight());
    let list = ode(decay, (1.0, [2.0]), &times.to_vec(), 0.8, tight());
    let stiff = ode_stiff(decay, (1.0, [2.0]), &times[..], 0.8, tight());
    for i in 0..times.len() {
        for own in [array[i], list[i], stiff[i]] {
            close(own[0], exact[i], 1e-9, "decay");
        }
    }
}

#[test]
fn stiff_equations_agree_with_published_solutions() {
    // Hairer and Wanner II, and the test set of Bari: Robertson's reactions at 40 and 1e11, van der Pol's oscillator.
    let tolerance = Tolerance::default().relative(1e-10).absolute(1e-16);
    let [[a, b, c], [far_a, far_b, far_c]] =
        ode_stiff(robertson, [1.0, 0.0, 0.0], [40.0, 1e11], [0.04, 3e7, 1e4], tolerance);
    close(a, 0.715_827_068_718_790_5, 1e-8, "a");
    close(b * 1e5, 0.918_553_475_557_0, 1e-6, "b");
    close(c, 0.284_163_745_746_0, 1e-7, "c");
    close(far_a * 1e8, 2.083_340_149_701_255, 1e-6, "a at 1e11");
    close(far_b * 1e14, 8.333_360_770_334_713, 1e-6, "b at 1e11");
    close(far_c, 0.999_999_979_166_505_1, 1e-9, "c at 1e11");
    // The limit cycle at mu = 1000 is slow for a time of about 0.807 mu, and both methods agree where neither is hopeless.
    let times = [1.0, 5.0, 20.0];
    let stiff = ode_stiff(van_der_pol, [2.0, 0.0], times, 50.0, tight());
    let other = ode(van_der_pol, [2.0, 0.0], times, 50.0, tight().steps(1_000_000));
    for (stiff, other) in stiff.as_flattened().iter().zip(other.as_flattened()) {
        close(*stiff, *other, 1e-8, "van der Pol");
    }
}

/// Compares all derivatives of `f` with differences of plain numbers.
fn slopes<const K: usize, const M: usize>(
    f: impl Fn([Dual<f64, K>; K]) -> [Dual<f64, K>; M],
    plain: impl Fn([f64; K]) -> [f64; M],
    at: [f64; K],
    tolerance: f64,
    what: &str,
) {
    let own = f(std::array::from_fn(|k| Dual::variable(at[k], k)));
    for k in 0..K {
        let h = 1e-3 * at[k].abs().max(0.01);
        let moved = |by: f64| {
            let mut at = at;
            at[k] += by;
            plain(at)
        };
        let (a, b, c, d) = (moved(h), moved(-h), moved(2.0 * h), moved(-2.0 * h));
        for (i, own) in own.iter().enumerate() {
            let slope = (8.0 * (a[i] - b[i]) - (c[i] - d[i])) / (12.0 * h);
            let scale = slope.abs().max(1.0);
            assert!(
                (own.partials[k] - slope).abs() <= tolerance * scale,
                "{what}: {i} by {k}: {}, not {slope}",
                own.partials[k]
            );
        }
    }
}

const LYNXES: [f64; 6] = [0.55, 0.028, 0.8, 0.024, 34.0, 5.9];
const YEARS: [f64; 4] = [1.0, 5.0, 12.0, 20.0];

fn lynxes<T: Real>([a, b, c, d, u, v]: [T; 6], tolerance: Tolerance) -> [T; 8] {
    let states = ode(lotka, [u, v], YEARS.map(T::from), [a, b, c, d], tolerance);
    std::array::from_fn(|i| states[i / 2][i % 2])
}

fn lynxes_stiff<T: Real>([a, b, c, d, u, v]: [T; 6], tolerance: Tolerance) -> [T; 8] {
    let states = ode_stiff(lotka, [u, v], YEARS.map(T::from), [a, b, c, d], tolerance);
    std::array::from_fn(|i| states[i / 2][i % 2])
}

/// Three rates, the time of the start and the only time.
fn reactions<T: Real>([k0, k1, k2, start, end]: [T; 5], tolerance: Tolerance) -> [T; 2] {
    let one = T::from(1.0);
    let zero = T::from(0.0);
    let k = [k0 * 0.04, k1 * 3e7, k2 * 1e4];
    let states = ode_stiff(robertson, (start, [one, zero, zero]), [end], k, tolerance);
    [states[0][0], states[0][1] * 1e5]
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let tighter = Tolerance::default().relative(1e-13).absolute(1e-13).steps(1_000_000);
    slopes(|x| lynxes(x, tight()), |x| lynxes(x, tighter), LYNXES, 1e-7, "lynxes");
    slopes(|x| lynxes_stiff(x, tight()), |x| lynxes(x, tighter), LYNXES, 1e-7, "lynxes, stiff");
    // Those that the default tolerance gives are as good as it says.
    slopes(|x| lynxes(x, Tolerance::default()), |x| lynxes(x, tighter), LYNXES, 3e-5, "lynxes, by default");
    let fine = Tolerance::default().relative(1e-10).absolute(1e-14);
    let finer = Tolerance::default().relative(1e-12).absolute(1e-15);
    let at = [1.0, 1.0, 1.0, 0.5, 30.0];
    slopes(|x| reactions(x, fine), |x| reactions(x, finer), at, 1e-6, "reactions");
    // The time of the start and both of two times, by both solvers.
    fn times<T: Real>([start, first, second, rate]: [T; 4], stiff: bool) -> [T; 2] {
        let (from, times) = ((start, [T::from(2.0)]), [first, second]);
        let [[a], [b]] =
            if stiff { ode_stiff(forced, from, times, rate, tight()) } else { ode(forced, from, times, rate, tight()) };
        [a, b]
    }
    for stiff in [false, true] {
        let at = [0.3, 1.1, 2.9, 1.7];
        slopes(|x| times(x, stiff), |x| times(x, stiff), at, 1e-7, "times");
        // A time that is that of the start has a derivative, too.
        let [y, _] = times([0.3, 0.3, 2.9, 1.7].map(|t| Dual::<f64, 1>::variable(t, usize::from(t != 0.3))), stiff);
        close(y.partials[0], 0.0, 1e-12, "both together");
    }
}

/// The value stays where it is, and its derivatives grow: a solver that looks at values alone takes one step over all.
#[test]
fn derivatives_of_a_solution_at_rest_are_exact() {
    fn away<T: Real>(_: T, [y]: [T; 1], rate: T) -> [T; 1] {
        [rate * (y - 1.0)]
    }
    let start = Dual::<f64, 1>::variable(1.0, 0);
    let one = Dual::from(1.0);
    for [[y]] in [
        ode(away, [start], [one * 5.0], one, Tolerance::default()),
        ode_stiff(away, [start], [one * 5.0], one, Tolerance::default()),
    ] {
        close(y.value, 1.0, 1e-12, "value");
        close(y.partials[0], f64::exp(5.0), 1e-6, "derivative");
    }
}

#[test]
fn lanes_agree_with_one_number_at_a_time() {
    struct Both;
    impl WithLanes for Both {
        type Output = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            // Rates, starts and times differ between lanes.
            fn all<T: Real>([rate, y0, t]: [T; 3]) -> [T; 4] {
                let [[a]] = ode(forced, [y0], [t], rate, tight());
                let [[b], [_]] = ode_stiff(forced, [y0], [t, t + 1.0], rate, tight());
                let c = root(|x| x.exp() + rate * x - y0, T::from(-10.0), t + 5.0);
                let d = integral(|x| (-rate * x * x).exp() * x, y0, t + 2.0);
                [a, b, c, d]
            }
            let at = |i: usize| [0.5 + 0.4 * i as f64, 1.0 + 0.1 * i as f64, 2.0 - 0.2 * i as f64];
            let lanes: [V; 3] = [0, 1, 2].map(|k| V::from_fn(|i| at(i)[k]));
            let wide = all([0, 1, 2].map(|k| Dual::<V, 3>::variable(lanes[k], k)));
            assert!(!V::take_divergence());
            for i in 0..V::WIDTH {
                let plain = all([0, 1, 2].map(|k| Dual::<f64, 3>::variable(at(i)[k], k)));
                for (wide, plain) in wide.iter().zip(plain) {
                    close(wide.value.lane(i), plain.value, 1e-9, "value");
                    for k in 0..3 {
                        close(wide.partials[k].lane(i), plain.partials[k], 1e-8, "derivative");
                    }
                }
            }
        }
    }
    with_lanes(Both);
}

#[test]
fn what_cannot_be_solved_is_nan_and_says_why() {
    fn blow_up<T: Real>(_: T, [y]: [T; 1], (): ()) -> [T; 1] {
        [y * y]
    }
    fn logarithm<T: Real>(_: T, [y]: [T; 1], (): ()) -> [T; 1] {
        [y.ln()]
    }
    let _ = take_failure();
    let default = Tolerance::default();
    for (solver, states) in [
        ("ode", ode(blow_up, [1.0], [0.5, 2.0, 3.0], (), default)),
        ("ode_stiff", ode_stiff(blow_up, [1.0], [0.5, 2.0, 3.0], (), default)),
    ] {
        close(states[0][0], 2.0, 1e-6, solver);
        assert!(states[1][0].is_nan() && states[2][0].is_nan(), "{solver}: {states:?}");
    }
    let said = take_failure().unwrap();
    assert!(said.starts_with("`ode_stiff` gave up at time 1.0") && said.contains("may be infinite"), "{said}");
    assert!(take_failure().is_none());
    assert!(ode(logarithm, [-1.0], [1.0], (), default)[0][0].is_nan());
    assert_eq!(take_failure().unwrap(), "`ode` gave up at 0, where the function that it was given is not finite");
    assert!(ode(decay, [1.0], [1.0, f64::NAN], 1.0, default)[1][0].is_nan());
    let [[y]] = ode(forced, [1.0], [1e3], 1e6, default.steps(500));
    assert!(y.is_nan());
    let said = take_failure().unwrap();
    assert!(said.contains("after 500 steps: `ode_stiff` is for stiff equations"), "{said}");
    assert!(root(|x: f64| x * x + 1.0, -1.0, 1.0).is_nan());
    assert_eq!(
        take_failure().unwrap(),
        "`root` found none between -1 and 1, where the function has the same sign or is NaN"
    );
    assert!(integral(|x: f64| 1.0 / x, 0.0, 1.0).is_nan());
    assert!(take_failure().unwrap().starts_with("`integral` from 0 to 1 does not settle"));
}

#[test]
fn roots() {
    for (f, low, high, exact) in [
        ((|x| x * x - 2.0) as fn(f64) -> f64, 0.0, 2.0, 2f64.sqrt()),
        (|x| x.powi(9), -1.0, 4.0, 0.0),
        (|x| x.exp() - 1e-300, -800.0, 700.0, -300.0 * std::f64::consts::LN_10),
        (|x| if x < 0.1 { -1.0 } else { 1.0 }, -1e300, 1e300, 0.1),
        (|x| 1.0 / x - 0.5, f64::MIN_POSITIVE, 1e9, 2.0),
        (|x| x - 3.0, 3.0, 5.0, 3.0),
        (|x| 3.0 - x, 5.0, 1.0, 3.0),
    ] {
        let x = root(f, low, high);
        assert!((x - exact).abs() <= 1e-14 * exact.abs() + 1e-30, "{x}, not {exact}");
    }
    fn solution<T: Real>([a, b]: [T; 2]) -> [T; 1] {
        [root(|x| x * x * x + a * x - b, T::from(0.0), T::from(10.0))]
    }
    slopes(solution, solution, [1.3, 4.0], 1e-9, "cubic");
}

#[test]
fn integrals() {
    let (zero, endless) = (0.0, f64::INFINITY);
    let pi = std::f64::consts::PI;
    for (f, low, high, exact) in [
        ((|x| x.powi(19)) as fn(f64) -> f64, -1.0, 2.0, (2f64.powi(20) - 1.0) / 20.0),
        (|x| x.powi(31), 0.0, 1.0, 1.0 / 32.0),
        (f64::exp, 1.0, zero, 1.0 - f64::exp(1.0)),
        (|x| 1.0 / x.sqrt(), zero, 4.0, 4.0),
        (|x| (x - 0.3).abs(), zero, 1.0, 0.29),
        (f64::sin, -2.0, 2.0, zero),
        (|_| 0.0, zero, 1.0, zero),
        (|x| 1e-30 * x, zero, 1.0, 0.5e-30),
        (|x| (-x).exp(), 2.0, endless, f64::exp(-2.0)),
        (|x| x.exp(), -endless, -1.0, f64::exp(-1.0)),
        (|x| (-0.5 * (x - 3.0) * (x - 3.0)).exp(), -endless, endless, (2.0 * pi).sqrt()),
        (|x| 1.0 / (1.0 + x * x), -endless, endless, pi),
    ] {
        let own = integral(f, low, high);
        assert!(
            (own - exact).abs() <= 1e-9 * exact.abs().max(1e-40) + if exact == 0.0 { 1e-12 } else { 0.0 },
            "{own}, not {exact}"
        );
    }
    fn all<T: Real>([a, low, high]: [T; 3]) -> [T; 2] {
        let f = |x: T| (a * x).sin() / (1.0 + x * x);
        [integral(f, low, high), integral(|x| (-a * x).exp() * x, low, T::from(f64::INFINITY))]
    }
    slopes(all, all, [1.3, 0.2, 4.0], 1e-8, "integral");
}

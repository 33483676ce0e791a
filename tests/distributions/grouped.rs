//! The interval in which a number falls: against sums and integrals of the density of the number.

use super::*;

/// The logarithm of the integral of the exponential of `log` from `a` to `b`, where both ends may be far out in a tail.
fn log_integral(log: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let largest = (0..=1000).map(|i| log(a + (b - a) * f64::from(i) / 1000.0)).fold(NEG_INFINITY, f64::max);
    largest + integrate(|x| (log(x) - largest).exp(), a, b).ln()
}

/// The ends of category `k` among `cutpoints`, as far as numbers are from `low` to `high`.
fn ends_of(k: f64, cutpoints: &[f64], low: f64, high: f64) -> (f64, f64) {
    let at = |k: usize| cutpoints.get(k).copied().unwrap_or(high);
    let k = k as usize;
    (if k == 0 { low } else { at(k - 1).max(low) }, at(k).min(high))
}

pub fn cases() -> Vec<Case> {
    let mut c = vec![];
    family!(c, "Grouped(Weibull)", none, [[1.4, 3.0, 0.5, 2.0, 4.0], [0.7, 3.0, 0.01, 20.0, 60.0], [3.0, 1.0, 0.2, 0.2, INFINITY]], whole [],
    |p| Grouped::new(Weibull::new(p[0], p[1]), [p[2], p[3], p[4]]), points [0.0, 1.0, 2.0, 3.0],
    |x| {
        let (low, high) = ends_of(x, &p[2..], 0.0, INFINITY);
        let alive = |t: f64| -(t / p[1]).powf(p[0]);
        if low < high { alive(low) + (-(alive(high) - alive(low)).exp()).ln_1p() } else { NEG_INFINITY }
    });
    family!(c, "Grouped(Normal)", none, [[1.0, 2.0, -1.5, 2.5], [0.0, 1.0, -9.0, -8.0], [0.0, 1.0, 8.0, 9.0], [0.3, 0.5, NEG_INFINITY, 1.0]], whole [],
    |p| Grouped::new(Normal::new(p[0], p[1]), [p[2], p[3]]), points [0.0, 1.0, 2.0],
    |x| {
        let (low, high) = ends_of(x, &p[2..], p[0] - 40.0 * p[1], p[0] + 40.0 * p[1]);
        if low < high { log_integral(|x| peer::Normal::new(p[0], p[1]).unwrap().ln_pdf(x), low, high) } else { NEG_INFINITY }
    });
    family!(c, "Grouped(Gamma)", none, [[2.5, 3.0, 0.2, 1.5], [40.0, 2.0, 5.0, 50.0]], whole [],
    |p| Grouped::new(Gamma::new(p[0], p[1]), [p[2], p[3]]), points [0.0, 1.0, 2.0],
    |x| {
        let (low, high) = ends_of(x, &p[2..], 0.0, p[3] + 30.0 / p[1]);
        let log = |x: f64| p[0] * p[1].ln() - ln_gamma(p[0]) + (p[0] - 1.0) * x.ln() - p[1] * x;
        log_integral(log, low, high)
    });
    family!(c, "Grouped(Poisson)", none, [[4.2, 1.0, 3.0, 8.0], [30.0, 10.5, 29.0, 60.0]], whole [1, 2, 3],
    |p| Grouped::new(Poisson::new(p[0]), [p[1], p[2], p[3]]), points [0.0, 1.0, 2.0, 3.0],
    |x| {
        let (low, high) = ends_of(x, &p[1..], -1.0, 200.0);
        let counts = (0..200).filter(|&k| low < f64::from(k) && f64::from(k) <= high);
        log_sum_exp(&counts.map(|k| peer::Poisson::new(p[0]).unwrap().ln_pmf(k as u64)).collect::<Vec<_>>())
    });
    c
}

/// With the noise of a regression of ordered categories it is that one; without cutpoints there is one category.
#[test]
fn groups_of_noise_are_ordered_categories() {
    let cutpoints = [-1.5, 0.2, 3.0];
    let (probit, logistic) = (OrderedProbit::new(0.4, cutpoints), OrderedLogistic::new(0.4, cutpoints));
    let groups = (Grouped::new(Normal::new(0.4, 1.0), cutpoints), Grouped::new(Logistic::new(0.4, 1.0), cutpoints));
    for k in [0.0, 1.0, 2.0, 3.0] {
        assert_close(groups.0.log_density(k), probit.log_density(k), 1e-13, 0.0, || format!("{k}"));
        assert_close(groups.1.log_density(k), logistic.log_density(k), 1e-13, 0.0, || format!("{k}"));
        let open = open::Grouped::new(Normal::new(0.4, 1.0), cutpoints);
        assert_eq!(open.log_density(k), groups.0.log_density(k));
        assert_eq!((open.categories(), open.support()), (4, groups.0.support()));
    }
    let one = Grouped::new(Normal::new(0.4, 1.0), []);
    assert_eq!([0.0, 1.0].map(|k| one.log_density(k)), [0.0, NEG_INFINITY]);
    assert_eq!(Finite::<f64>::categories(&one), 1);
}

#[test]
fn groups_without_sense_are_refused() {
    let error = |cutpoints| Grouped::new(Normal::new(0.0, 1.0), cutpoints).check().unwrap_err().to_string();
    let must = "must be of numbers from the smallest to the largest";
    assert_eq!(error([2.0, 1.0]), format!("Grouped: the vector of cutpoints is [2.0, 1.0], but {must}"));
    assert!(error([f64::NAN, 1.0]).ends_with(must));
    assert!(Grouped::new(Normal::new(0.0, -1.0), [1.0]).check().unwrap_err().to_string().starts_with("Normal"));
    assert!(open::Grouped::new(Normal::new(0.0, 1.0), [2.0, 1.0]).check().is_err());
    assert_eq!(Grouped::new(Normal::new(0.0, 1.0), [2.0, 1.0]).log_density(1.0), NEG_INFINITY);
    // The tail of a parameter without sense looks like a probability.
    assert!(Grouped::new(Weibull::new(-1.0, 1.0), [1.0, 2.0]).log_density(0.0).is_nan());
}

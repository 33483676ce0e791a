//! The difference of two Poisson counts: against the sum over both.

use super::*;

pub fn cases() -> Vec<Case> {
    let mut c = vec![];
    family!(c, "Skellam", none, [[1.3, 0.9], [30.0, 42.0], [0.01, 3.0], [1e-4, 1e-4], [250.0, 180.0]], whole [],
    |p| Skellam::new(p[0], p[1]), points [0.0, 1.0, -1.0, 40.0, -40.0, (p[0] - p[1]).round()],
    |x| {
        let log = |k: f64, mu: f64| k * mu.ln() - mu - ln_gamma(k + 1.0);
        let both = |k: i32| log(f64::from(k) + x.max(0.0), p[0]) + log(f64::from(k) + (-x).max(0.0), p[1]);
        log_sum_exp(&(0..1200).map(both).collect::<Vec<_>>())
    });
    family!(c, "ZeroInflated(Skellam)", none, [[0.2, 1.3, 0.9]], whole [],
        |p| ZeroInflated::new(p[0], Skellam::new(p[1], p[2])), points [0.0, 1.0, -2.0],
        |x| ((1.0 - p[0]) * Skellam::new(p[1], p[2]).log_density(x).exp() + if x == 0.0 { p[0] } else { 0.0 }).ln());
    c
}

/// Without one of the counts it is the other.
#[test]
fn differences_from_nothing_are_counts() {
    for k in [0.0, 1.0, 7.0] {
        let count = Poisson::new(2.5).log_density(k);
        assert_close(Skellam::new(2.5, 0.0).log_density(k), count, 1e-14, 0.0, || format!("{k}"));
        assert_close(Skellam::new(0.0, 2.5).log_density(-k), count, 1e-14, 0.0, || format!("{k}"));
    }
    assert_eq!(Skellam::new(2.5, 0.0).log_density(-1.0), NEG_INFINITY);
    assert_eq!(Skellam::new(0.0, 0.0).log_density(0.0), 0.0);
    for (mu1, mu2) in [(-1.0, -1.0), (-1.0, 2.0), (2.0, -1.0)] {
        assert!(Skellam::new(mu1, mu2).log_density(0.0) == NEG_INFINITY, "{mu1} {mu2}");
        assert!(Skellam::new(mu1, mu2).check().is_err());
    }
    for k in [INFINITY, NEG_INFINITY] {
        assert_eq!(Skellam::new(1.0, 2.0).log_density(k), NEG_INFINITY);
    }
    assert_eq!(Skellam::new(1.0, 2.0).support().describe(), "whole numbers");
}

//! The checks of calibration, on posteriors that are exact or wrong in a known way. What they find how often is in `power.rs`.

use hierarch::calibration::{Calibration, CalibrationTrial, LogDensities};
use hierarch::simulate::stream;
use hierarch_tests::faulty::{NoCorrelation, Right, Shift, ShiftByHalf, Width, WidthByHalf, calibration};
use hierarch_tests::{seed, within};
use rand::RngExt;

fn names() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned()]
}

/// Each fault is named by the check that should, in words and with its size, within four standard errors (one per cent of width,
/// 0.02 sd, 0.02 of correlation at 4000 simulations).
#[test]
fn a_table_says_what_is_wrong() {
    let of = |fault| calibration(seed(1), 4000, fault).summary();
    let narrow = of(Width(0.9));
    let row = &narrow.rows[0];
    within!((row.width.value - 0.9).abs(), 4.0 * row.width.error, "{}", row.width);
    within!(row.width.error, 0.012, "{}", row.width);
    within!((row.shift.value).abs(), 4.0 * row.shift.error, "{}", row.shift);
    within!(row.shift.error, 0.02, "{}", row.shift);
    // Central intervals of 0.9 times their width.
    within!((row.coverage[0].share - 0.629).abs(), 4.0 * 0.0077);
    within!((row.coverage[1].share - 0.922).abs(), 4.0 * 0.0043);
    let text = narrow.to_string();
    for words in [
        "4000 simulations, 400 draws each",
        "Not calibrated.",
        "parameters (p = ",
        "too narrow by ",
        "regions of highest density",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let shifted = of(Shift(0.2));
    let row = &shifted.rows[1];
    within!((row.shift.value - 0.2).abs(), 4.0 * row.shift.error, "{}", row.shift);
    assert!(shifted.to_string().contains(": shifted high by 0."), "{shifted}");

    let right = of(Right);
    within!(-right.p_value().ln(), -1e-3_f64.ln());
    assert!(right.warnings().is_empty());
    assert!(right.to_string().ends_with("No check is alarmed: no p-value is below 0.001."), "{right}");
}

#[test]
fn a_missed_correlation_is_estimated() {
    let pair = calibration(seed(1), 4000, NoCorrelation).pairs().remove(0);
    let right = pair.right_correlation();
    // Five standard errors of the mean over 4000 simulations of a correlation of 400 draws.
    within!(pair.correlation.abs(), 5.0 / (4000.0 * 400.0_f64).sqrt(), "{right}");
    within!((right.value - 0.5).abs(), 4.0 * right.error, "{right}");
    within!(right.error, 0.02, "{right}");
    let words = pair.verdict(1e-6).unwrap();
    assert!(words.contains("`a + b` is too narrow by ") && words.contains("`a - b` is too wide by "), "{words}");
    assert!(words.contains("0.00, and should be about 0."), "{words}");
    // One that is there is estimated too; and one that is right is left alone.
    let pair = calibration(seed(1), 4000, Right).pairs().remove(0);
    within!((pair.correlation - 0.5).abs(), 0.005);
    within!((pair.right_correlation().value - 0.5).abs(), 0.08);
    assert_eq!(pair.verdict(1e-3), None);
}

#[test]
fn local_checks_say_where() {
    for (fault, low, high) in [
        (ShiftByHalf(0.2), "low shifted low by 0.", "high shifted high by 0."),
        (WidthByHalf(0.1), "low too narrow by ", "high too wide by "),
    ] {
        let all = calibration(seed(1), 4000, fault).local();
        // Each of two parameters by two statistics of the data and by its own mean and sd; the log density by the two.
        assert!(all.len() <= 10 && all.len() >= 8, "{}", all.len());
        let one = all.iter().find(|one| one.parameter == "a" && one.feature == "`y`").unwrap();
        let words = one.verdict(1e-6).unwrap();
        assert!(one.straight && words.contains(low) && words.contains(high), "{words}");
        assert_eq!(one.bins.len(), 10);
        assert!(one.bins.iter().all(|bin| bin.low <= bin.high && bin.ranks.ranks.len() == 400));
        assert!(one.bins.windows(2).all(|bins| bins[0].high < bins[1].low));
    }
}

/// CalibrationTrial simulations, each changed.
fn changed(calibration: &Calibration, change: impl Fn(usize, &mut CalibrationTrial)) -> Calibration {
    let mut judged = calibration.judged().to_vec();
    judged.iter_mut().enumerate().for_each(|(i, one)| change(i, one));
    Calibration::from_judged(calibration.names().to_vec(), judged).unwrap()
}

/// What is wrong at both ends and right on average, and in the middle the other way, is found by the bent trend; equal features
/// stay in one bin.
#[test]
fn what_is_wrong_at_both_ends_is_found() {
    let right = calibration(seed(2), 4000, Right);
    let side = |one: &CalibrationTrial| if one.statistics[0].1.abs() > 0.75 { 1.0 } else { -1.0 };
    let bent = changed(&right, |_, one| {
        let shift = 0.1 * side(one);
        one.draws[0].iter_mut().for_each(|x| *x += shift);
    });
    let find = |of: &Calibration, feature: &str| {
        of.local().into_iter().find(|one| one.parameter == "a" && one.feature == feature).unwrap()
    };
    let found = find(&bent, "`y`");
    let words = found.verdict(1e-6).unwrap();
    assert!(
        !found.straight && words.contains("in the middle shifted low") && words.contains("at either end shifted high"),
        "{words}"
    );
    // Without its sign, the same feature has a straight trend. Two values make two bins.
    let folded = changed(&bent, |_, one| one.statistics[0].1 = one.statistics[0].1.abs());
    assert!(find(&folded, "`y`").straight);
    let two = find(&changed(&bent, |_, one| one.statistics[0].1 = side(one)), "`y`");
    assert!(two.bins.len() == 2 && two.p_value < 1e-6 && two.bins[0].high == -1.0 && two.bins[1].low == 1.0);
    let constant = changed(&bent, |_, one| one.statistics[0].1 = 7.0);
    assert!(constant.local().iter().all(|one| one.feature != "`y`"));
}

/// Units and origins of the parameters do not matter.
#[test]
fn units_do_not_matter() {
    let metres = calibration(seed(3), 300, Right);
    let inches = |x: &mut f64| *x = *x * 39.37 + 1000.0;
    let other = changed(&metres, |_, one| {
        inches(&mut one.truth[0]);
        one.draws[0].iter_mut().for_each(inches);
    });
    assert_eq!(metres.ranks(), other.ranks());
    assert_eq!(metres.tarp(1), other.tarp(1));
    assert_eq!(metres.pairs()[0].sum, other.pairs()[0].sum);
    assert_eq!(metres.pairs()[0].difference, other.pairs()[0].difference);
    assert_eq!(metres.ellipsoid_ranks(), other.ellipsoid_ranks());
    assert!(metres.tarp(1) != metres.tarp(2));
}

/// Of a normal posterior, ellipsoids are the regions of highest density: the ranks differ by what the centre and covariance of
/// 400 draws differ from the exact ones.
#[test]
fn ellipsoids_are_regions_of_highest_density() {
    let one = calibration(seed(4), 1000, Width(0.9));
    let (density, ellipsoids) = (one.log_density_ranks().unwrap(), one.ellipsoid_ranks());
    let pairs = || density.ranks.iter().zip(&ellipsoids.ranks).map(|(a, b)| *a as f64 - *b as f64);
    let rms = (pairs().map(|x| x * x).sum::<f64>() / 1000.0).sqrt();
    within!(rms, 0.05 * 400.0, "{rms}");
    // 1 - exp(-0.81 q / 2) with q the quantile of the level.
    for (level, c) in [0.68f64, 0.95].iter().zip(ellipsoids.highest_coverage(&[0.68, 0.95])) {
        let exact = 1.0 - (1.0 - level).powf(0.81);
        within!((c.share - exact).abs(), 5.0 * (exact * (1.0 - exact) / 1000.0).sqrt(), "{level}: {} {exact}", c.share);
    }
}

/// A simulation without a true value of a parameter, an empty plate say, is left out of what needs it and counts for the rest.
#[test]
fn a_parameter_may_be_missing() {
    let all = calibration(seed(5), 200, Right);
    let some = changed(&all, |i, one| {
        if i % 4 == 0 {
            (one.truth[1], one.draws[1]) = (f64::NAN, Vec::new());
        }
        if i == 8 {
            (one.truth[0], one.draws[0]) = (f64::NAN, Vec::new());
        }
    });
    let sizes: Vec<usize> = some.ranks().iter().map(|ranks| ranks.ranks.len()).collect();
    assert_eq!(sizes, [199, 150]);
    assert_eq!(some.pairs()[0].sum.ranks.len(), 150);
    assert_eq!(some.ellipsoid_ranks().ranks.len(), 199);
    // The reference may be of the one that knows nothing.
    assert!((190..=199).contains(&some.tarp(1).ranks.len()));
    assert!(some.local().iter().filter(|one| one.parameter == "b").all(|one| one.p_value.is_finite()));
    within!(1e-3, some.summary().p_value());
}

#[test]
fn the_same_on_any_number_of_threads() {
    let one = calibration(seed(6), 200, Right);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(alone.install(|| one.summary()), one.summary());
    assert_eq!(one.to_string(), one.summary().to_string());
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let judged = || calibration(seed(7), 30, Right).judged().to_vec();
    let says = |change: &dyn Fn(&mut CalibrationTrial)| {
        let mut all = judged();
        change(&mut all[3]);
        Calibration::from_judged(names(), all).unwrap_err().to_string()
    };
    let of_three = "on simulation 3 the estimator gave ";
    assert_eq!(says(&|one| one.draws[1].truncate(399)), format!("{of_three}399 draws of `b`, not 400"));
    assert_eq!(says(&|one| one.draws[0][5] = f64::NAN), format!("{of_three}a draw of `a` that is NaN"));
    assert_eq!(says(&|one| one.truth[0] = f64::NAN), format!("{of_three}400 draws of `a`, not 0"));
    assert!(says(&|one| one.truth.truncate(1)).contains("1 true values and draws of 2 parameters, not 2"));
    assert!(
        says(&|one| one.log_densities = Some(LogDensities { truth: 0.0, draws: vec![0.0] }))
            .contains("1 log densities for 400")
    );
    let few = Calibration::from_judged(names(), judged()[..19].to_vec()).unwrap_err();
    assert!(few.to_string().contains("the simulations are 19"), "{few}");
    assert!(Calibration::from_judged(names(), Vec::new()).unwrap_err().to_string().contains("the simulations are 0"));
}

/// Without a density all else is as before.
#[test]
fn draws_alone_are_enough() {
    let known = calibration(seed(8), 100, Right);
    let unknown = changed(&known, |_, one| one.log_densities = None);
    assert!(unknown.log_density_ranks().is_none());
    let (with, without) = (known.summary(), unknown.summary());
    assert_eq!((with.checks.len(), without.checks.len()), (6, 5));
    assert_eq!(with.rows, without.rows);
    // Ranks of one parameter alone: no pairs.
    let mut rng = stream(seed(1), 1);
    let one = |_| CalibrationTrial {
        truth: vec![rng.random()],
        draws: vec![(0..40).map(|_| rng.random()).collect()],
        log_densities: None,
        statistics: Vec::new(),
    };
    let single = Calibration::from_judged(vec!["x".to_owned()], (0..100).map(one).collect()).unwrap();
    let checks: Vec<&str> = single.summary().checks.iter().map(|check| check.name).collect();
    assert_eq!(checks, ["parameters", "ellipsoids", "TARP", "local"]);
    within!(1e-3, single.summary().p_value());
}

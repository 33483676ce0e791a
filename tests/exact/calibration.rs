//! Calibration of every kind of estimator, and the assertion about it: that it passes what is right as often as it says,
//! finds what is wrong, and says what.

use hierarch::assert_calibrated;
use hierarch::calibration::strategies::{Conjugate, NormalMeans, NormalNormal};
use hierarch::calibration::{
    Calibrate, Calibration, CalibrationError, Drawn, Estimator, EstimatorError, Miscalibrated, NutsEstimator, Tolerance,
};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

type Columns = Vec<(String, Vec<f64>)>;

/// The exact posterior of a conjugate model, stretched about its mean and shifted by so much of its sd.
fn wrong<M: Conjugate>(model: &M, width: f64, shift: f64) -> impl Fn(&M::Data, usize, u64) -> Result<Columns, String> {
    move |data, count, seed| {
        let exact = model.exact(data);
        let mut columns = exact.sample(count, seed);
        for ((_, column), marginal) in columns.iter_mut().zip(exact.marginals()) {
            let (mean, sd) = (marginal.mean(), marginal.sd());
            column.iter_mut().for_each(|x| *x = mean + shift * sd + width * (*x - mean));
        }
        Ok(columns)
    }
}

fn calibrate<M: Generative, E: Estimator<M>>(model: &M, estimator: &E) -> Calibration {
    Calibrate::new(model, estimator).simulations(1000).draws(100).seed(seed(1)).run().unwrap()
}

#[test]
fn an_exact_closure_passes_and_wrong_ones_are_described() {
    let model = NormalMeans::default();
    let calibration = calibrate(&model, &wrong(&model, 1.0, 0.0));
    assert_eq!(calibration.names(), ["mu", "theta"]);
    assert_calibrated!(calibration, width = 0.0, shift = 0.0);

    let message = |width, shift| {
        let error = calibrate(&model, &wrong(&model, width, shift)).check(&Tolerance::default()).unwrap_err();
        error.to_string()
    };
    let narrow = message(0.8, 0.0);
    println!("{narrow}");
    assert!(narrow.contains("2 of 2 parameters: further off than 5 % of width or 0.1 sd of shift"), "{narrow}");
    assert!(narrow.contains("`mu` is too narrow") && narrow.contains("`theta` is too narrow"), "{narrow}");
    assert!(
        narrow.contains("overconfident") && !narrow.contains("too wide") && !narrow.contains("shifted"),
        "{narrow}"
    );
    // Too often in the outermost bins.
    let count = |start: &str| -> usize {
        let line = narrow.lines().find(|line| line.starts_with(start)).unwrap();
        line[start.len()..].split_whitespace().next().unwrap().parse().unwrap()
    };
    assert!(count("  0 to   9") > 130 && count(" 90 to 100") > 130, "{narrow}");
    let wide = message(1.3, 0.0);
    assert!(wide.contains("`mu` is too wide") && !wide.contains("too narrow"), "{wide}");
    let up = message(1.0, 0.5);
    assert!(up.contains("`theta` is shifted high by 0.") && !up.contains("too narrow"), "{up}");
    let both = message(0.7, -0.5);
    assert!(both.contains("too narrow by") && both.contains(" and shifted low by 0."), "{both}");
}

/// 15 % of width is 10 % beyond the tolerance; with a false alarm in a million it takes 3000 simulations to be sure.
#[test]
fn fifteen_percent_are_found() {
    let model = NormalNormal::default();
    let narrow = wrong(&model, 0.85, 0.0);
    let calibration = Calibrate::new(&model, &narrow).simulations(3000).draws(100).seed(seed(0)).run().unwrap();
    let tolerance = Tolerance { catch_width: 1.0 / 0.85 - 1.0, ..Tolerance::default() };
    assert!(tolerance.simulations(100, 1) <= 3000, "{}", tolerance.simulations(100, 1));
    let error = calibration.check(&tolerance).unwrap_err();
    let Miscalibrated::Off(findings) = &error else { panic!("{error}") };
    let width = findings.off[0].width;
    within!((width.value - 0.85).abs(), 4.0 * width.error, "{width}");
    within!(width.error, 0.015, "{width}");
    // What is allowed is no failure.
    assert_calibrated!(calibration, width = 0.2);
    let message = std::panic::catch_unwind(|| assert_calibrated!(calibration)).unwrap_err();
    assert!(message.downcast_ref::<String>().unwrap().contains("`mu` is too narrow"));
}

#[test]
fn what_cannot_be_checked_is_an_error() {
    let model = NormalNormal::default();
    let calibration = calibrate(&model, &wrong(&model, 1.0, 0.0));
    let error = |tolerance: Tolerance<'_>| calibration.check(&tolerance).unwrap_err().to_string();
    let default = Tolerance::default;
    let unknown = error(Tolerance { parameters: vec!["mu", "sigma"], ..default() });
    assert_eq!(unknown, "there is no parameter of the calibration `sigma`; there are `mu`");
    let ten_percent = Tolerance { catch_width: 0.1, ..default() };
    let few = error(ten_percent.clone());
    assert!(few.contains("1000 simulations of `mu` are too few: a width that is wrong by 10 %"), "{few}");
    assert!(few.contains(&format!("It takes {};", ten_percent.simulations(100, 1))), "{few}");
    for (tolerance, part) in [
        (Tolerance { width: -0.1, ..default() }, "`width` is -0.1, but must be a finite number, and not negative"),
        (Tolerance { shift: f64::NAN, ..default() }, "`shift` is NaN"),
        (Tolerance { false_alarm: 0.0, ..default() }, "`false_alarm` is 0, but must be between 0 and 1"),
        (
            Tolerance { catch_width: 0.05, ..default() },
            "`catch_width` is 0.05, but must be a finite number, and larger",
        ),
        (Tolerance { catch_shift: 0.1, ..default() }, "`catch_shift` is 0.1"),
    ] {
        let found = error(tolerance);
        assert!(found.contains(part), "{found}");
    }
    let small = Calibrate::new(&model, &wrong(&model, 1.0, 0.0)).simulations(20).draws(20).run().unwrap();
    let error = small.check(&default()).unwrap_err();
    assert!(matches!(&error, Miscalibrated::TooFew { simulations: 20, .. }), "{error}");
    assert!(error.to_string().contains("wrong by 100 %, or a shift of 1 sd"), "{error}");
}

#[test]
fn estimators_that_give_nonsense() {
    let model = NormalNormal::default();
    let run = |draws: fn(usize) -> Result<Columns, String>| {
        let estimator = move |_: &_, count: usize, _: u64| draws(count);
        Calibrate::new(&model, &estimator).simulations(20).draws(20).run().unwrap_err().to_string()
    };
    let column = |name: &str, count| (name.to_owned(), vec![0.5; count]);
    for (found, parts) in [
        (run(|n| Ok(vec![("mu".to_owned(), vec![f64::NAN; n])])), ["on simulation", "gave a draw of `mu` that is NaN"]),
        (run(|_| Ok(vec![("mu".to_owned(), vec![1.0; 19])])), ["on simulation", "gave 19 draws of `mu`, not 20"]),
        (run(|_| Err("no convergence".to_owned())), ["the estimator failed on simulation", ": no convergence"]),
    ] {
        assert!(parts.iter().all(|part| found.contains(part)), "{found}");
    }
    let unknown = run(|count| Ok(vec![("nu".to_owned(), vec![0.5; count]), ("tau".to_owned(), vec![0.5; count])]));
    assert!(unknown.contains("the estimator names nu, tau, none of which is a latent variable"), "{unknown}");
    assert!(unknown.contains("its variables are mu"), "{unknown}");
    assert!(run(|_| Ok(Vec::new())).contains("names nothing, none"));
    // More than the model knows is no error.
    let more = |_: &_, count: usize, _: u64| Ok::<_, String>(vec![column("mu", count), column("extra", count)]);
    assert_eq!(Calibrate::new(&model, &more).simulations(20).draws(20).run().unwrap().names(), ["mu"]);

    let few = |simulations, draws| {
        let calibrate = Calibrate::new(&model, &more).simulations(simulations).draws(draws);
        calibrate.run().unwrap_err()
    };
    assert!(matches!(few(19, 20), CalibrationError::Few { value: 19, .. }));
    assert!(matches!(few(20, 19), CalibrationError::Few { value: 19, .. }));

    /// Draws that are right, with log densities that are not.
    struct Densities(fn(usize) -> hierarch::calibration::LogDensities);
    impl Estimator<NormalNormal> for Densities {
        fn draw(&self, _: &Simulation<NormalNormal>, count: usize, _: u64) -> Result<Drawn, EstimatorError> {
            let (names, draws) = (vec!["mu".to_owned()], vec![vec![0.0; count]]);
            Ok(Drawn { names, draws, log_densities: Some(self.0(count)) })
        }
    }
    let densities =
        |of| Calibrate::new(&model, &Densities(of)).simulations(20).draws(20).run().unwrap_err().to_string();
    use hierarch::calibration::LogDensities;
    let nan = densities(|count| LogDensities { truth: 0.0, draws: vec![f64::NAN; count] });
    assert!(nan.contains("20 log densities for 20 draws, 20 of them NaN"), "{nan}");
    let one = densities(|_| LogDensities { truth: 0.0, draws: vec![0.0] });
    assert!(one.contains("1 log densities for 20 draws"), "{one}");
    let truth = densities(|count| LogDensities { truth: f64::NAN, draws: vec![0.0; count] });
    assert!(truth.contains("and NaN at the true values"), "{truth}");
}

/// Shift and width of NUTS on models with locals, as close as 1500 simulations tell (2.6 % of a sd, 1.8 % of width), at a
/// false-alarm rate of one in ten thousand each: draws that hang together would be ranks that are too extreme, which is too narrow.
#[test]
fn nuts_is_calibrated_with_locals() {
    let model = NormalMeans { least: 1, most: 6, ..NormalMeans::default() };
    let nuts = NutsEstimator::new(&model).warmup(300);
    let calibration = Calibrate::new(&model, &nuts).simulations(1500).draws(60).seed(seed(3)).run().unwrap();
    assert_eq!(calibration.names(), ["mu", "theta"]);
    assert_calibrated!(calibration, width = 0.0, shift = 0.0, false_alarm = 1e-4, catch_width = 0.2, catch_shift = 0.2);
}

//! Data unlike what a network learned from are found, and others are not.

use hierarch::calibration::{Typicality, TypicalityError, TypicalityTest};
use hierarch::prelude::*;
use hierarch_tests::models::*;
use hierarch_tests::{seed, within};
use rayon::prelude::*;

/// Data sets of a model of one size.
fn simulate<M: Generative>(model: &M, plate: &str, size: usize, sets: usize, own: u64) -> Vec<M::Data> {
    let simulations = model.simulate(sets).size(plate, size).seed(seed(own)).run().unwrap();
    simulations.into_iter().map(|simulation| simulation.data).collect()
}

/// p-values of data from the model are uniform: the largest distance to their distribution is below the bound of Massart,
/// at a false-alarm rate of 1e-6, for each of three kinds of models; and so many warnings as are stated.
#[test]
fn data_from_the_model_are_typical() {
    fn check<M: Model>(model: &M, data: &[M::Data]) {
        let test = |(i, data): (usize, &M::Data)| {
            TypicalityTest::new(model).simulations(200).seed(seed(i as u64)).of(data).unwrap()
        };
        let found: Vec<Typicality> = data.par_iter().enumerate().map(test).collect();
        let n = found.len() as f64;
        let mut p: Vec<f64> = found.iter().map(|one| one.p_value).collect();
        p.sort_by(f64::total_cmp);
        // The p-values are multiples of 1 / 201, and at most so probable as they say.
        let far = p.iter().enumerate().map(|(i, p)| (p - (i as f64 + 0.5) / n).abs()).fold(0.0, f64::max);
        let bound = (2e6_f64.ln() / (2.0 * n)).sqrt() + 1.0 / 201.0;
        let warnings = found.iter().filter(|one| !one.warnings().is_empty()).count() as f64;
        println!("{}: {far:.3} < {bound:.3}, {warnings} warnings of {n}", model.specification().name);
        within!(far, bound, "{far}");
        // Below 1 / 100 are one of 201 ranks.
        let expected = n / 201.0;
        within!(warnings, expected + 4.5 * expected.sqrt() + 2.0, "{warnings}");
    }
    check(&Resonance::default(), &simulate(&Resonance::default(), "events", 50, 250, 1));
    // Nested plates with covariates; a random size.
    let radon = Radon::default();
    let data: Vec<_> = radon.simulate(60).seed(seed(2)).run().unwrap().into_iter().map(|s| s.data).collect();
    check(&radon, &data);
    let counting = Counting::default();
    let data: Vec<_> = counting.simulate(150).seed(seed(3)).run().unwrap().into_iter().map(|s| s.data).collect();
    check(&counting, &data);
}

model! {
    /// As `Resonance`, but for the background.
    pub WideBackground {
        global fraction ~ Uniform(0.0, 1.0);
        global mass ~ Normal(1.0, 2.0);
        plate events(1..=200) {
            local signal ~ Bernoulli(fraction);
            let (mean, sd) = if signal { (mass, 0.1) } else { (0.0, 2.0) };
            observe x ~ Normal(mean, sd);
        }
    }
}

#[test]
fn data_that_the_model_does_not_make_are_found() {
    let model = Resonance::default();
    // With ties among the statistics the p-value is a few parts of 4000.
    let test = TypicalityTest::new(&model).simulations(4000).seed(seed(5));
    let mut data = simulate(&model, "events", 100, 1, 4).remove(0);
    let typical = test.of(&data).unwrap();
    assert_eq!(typical.warnings().is_empty(), typical.p_value >= 0.01);
    data.events.x[17] = 50.0;
    let found = test.of(&data).unwrap();
    println!("{found}");
    within!(found.p_value, 0.01);
    assert_eq!(found.outliers[0].name, "largest x");
    let warning = found.warnings().remove(0);
    assert!(
        warning.contains("`largest x` is 50.0000, but") && warning.contains("unlike all 4000 simulations"),
        "{warning}"
    );

    // A background of twice the sd, with a signal anywhere: of a fifth of the events (56 of 60 were found), or of half, which
    // leaves half of the background to tell by (43).
    for (fraction, least) in [(0.2, 45), (0.5, 30)] {
        let found: Vec<Typicality> = (0..60)
            .into_par_iter()
            .map(|i| {
                let globals = WideBackgroundGlobals { fraction, mass: -3.0 + 0.13 * i as f64 };
                let wide = WideBackground::default();
                let simulate = wide.simulate(1).at(&globals).size("events", 100).seed(seed(i));
                let x = simulate.one().unwrap().data.events.x;
                TypicalityTest::new(&model).seed(seed(5)).of(&ResonanceData { events: ResonanceEvents { x } }).unwrap()
            })
            .collect();
        let warned = found.iter().filter(|one| !one.warnings().is_empty()).count();
        println!("background of twice the sd, fraction {fraction}: {warned} of 60");
        println!("{}", found.iter().find(|one| !one.warnings().is_empty()).unwrap());
        assert!(warned >= least, "{warned}");
    }
}

#[test]
fn what_cannot_be_judged() {
    let model = Resonance::default();
    let data = ResonanceData { events: ResonanceEvents { x: vec![f64::NAN] } };
    assert!(matches!(TypicalityTest::new(&model).of(&data), Err(TypicalityError::Data(_))));
    let data = ResonanceData { events: ResonanceEvents { x: vec![0.5] } };
    let error = TypicalityTest::new(&model).simulations(99).of(&data).unwrap_err();
    assert_eq!(error.to_string(), "99 simulations are too few: at least 100 are needed for a p-value of 1 %");
    // The same seed, the same on any number of threads.
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| TypicalityTest::new(&model).seed(seed(3)).of(&data).unwrap())
    };
    assert_eq!(run(1), run(2));
}

model! {
    Curve {
        global a ~ Normal(0.0, 1.0);
        global s ~ HalfNormal(1.0);
        plate rows(60) {
            given dose ~ Uniform(0.0, 10.0);
            observe y ~ Normal(a + 0.1 * dose, s);
        }
    }
}

/// A standard deviation of zero is not far from a small one, but no simulation has it.
#[test]
fn a_column_whose_numbers_are_all_equal_is_not_typical() {
    let model = Curve::default();
    let mut data = model.simulate(1).seed(seed(4)).one().unwrap().data;
    data.rows.y = vec![0.7; 60];
    let found = TypicalityTest::new(&model).seed(seed(5)).of(&data).unwrap();
    assert!(found.outliers.iter().any(|outlier| outlier.name == "whether all y are equal"), "{found}");
    assert!(!found.warnings().is_empty(), "{found}");
}

//! The simulator: the same on any number of threads, and what it can be told.

use hierarch::prelude::*;
use hierarch::simulate::SimulateError;
use hierarch_tests::models::*;
use hierarch_tests::{seed, within};

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn the_same_to_the_bit_on_any_number_of_threads_and_in_any_number() {
    let model = Sessions::default();
    let run = |threads, sets| on_threads(threads, || model.simulate(sets).seed(seed(3)).run().unwrap());
    let (one, two, fewer) = (run(1, 200), run(2, 200), run(2, 20));
    assert_eq!(one, two);
    assert_eq!(&one[..20], fewer);
    assert_ne!(one[..20], model.simulate(20).seed(seed(4)).run().unwrap());
}

#[test]
fn sizes_cover_the_range_and_can_be_fixed() {
    let model = Resonance::default();
    let sizes: Vec<usize> = model.simulate(20_000).run().unwrap().iter().map(|s| s.data.events.len()).collect();
    assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&1), Some(&200)));
    // Half uniform and half log-uniform: the share below 14, within 5 standard errors.
    let below = sizes.iter().filter(|n| **n < 14).count() as f64 / 20_000.0;
    let expected = 0.5 * (14_f64.ln() / 201_f64.ln() + 13.0 / 200.0);
    within!((below - expected).abs(), 5.0 * (0.25_f64 / 20_000.0).sqrt(), "{below} {expected}");
    assert!(model.simulate(3).size("events", 7).run().unwrap().iter().all(|s| s.data.events.len() == 7));
}

#[test]
fn globals_and_covariates_can_be_fixed() {
    let model = EightSchools::default();
    let truth = EightSchoolsGlobals { mu: 3.0, tau: 2.0 };
    let sigma = vec![1.0, 2.0, 3.0];
    let data = EightSchoolsData { schools: EightSchoolsSchools { sigma: sigma.clone(), y: vec![0.0; 3] } };
    for s in model.simulate(50).at(&truth).same_design_as(&data).run().unwrap() {
        assert_eq!(s.globals, truth);
        assert_eq!(s.data.schools.sigma, sigma);
    }
    for s in model.simulate(50).covariates_from(&data).size("schools", 9).run().unwrap() {
        assert_eq!(s.data.schools.len(), 9);
        assert!(s.data.schools.sigma.iter().all(|x| sigma.contains(x)));
    }
}

/// One data set is the first of many, and covariates come from one place.
#[test]
fn one_data_set_is_the_first_of_many() {
    let model = Resonance::default();
    let simulate = |count| model.simulate(count).seed(5).size(Resonance::EVENTS, 30);
    assert_eq!(simulate(1).one().unwrap(), simulate(40).run().unwrap()[0]);
    let schools = EightSchools::default();
    let data = EightSchoolsData { schools: EightSchoolsSchools { sigma: vec![1.0, 2.0], y: vec![0.0; 2] } };
    let both = schools.simulate(1).same_design_as(&data).covariates_from(&data).one().unwrap_err();
    assert!(both.to_string().contains("remove one of the two calls"), "{both}");
}

#[test]
fn what_cannot_be_simulated_says_why() {
    let schools = EightSchools::default();
    let error = schools.simulate(1).run().unwrap_err();
    assert!(
        matches!(error, SimulateError::NoCovariate { variable: "sigma" })
            && error.to_string().contains("same_design_as(&data)")
    );
    let error = Resonance::default().simulate(1).size("event", 3).run().unwrap_err();
    assert!(error.to_string().contains("no plate `event`; there are `events`"), "{error}");
    let error = Resonance::default().simulate(1).size("events", 201).run().unwrap_err();
    assert!(error.to_string().contains("201 elements: the model allows 1 to 200"), "{error}");
    let error = Resonance { width: -0.1 }.simulate(50).run().unwrap_err();
    assert!(error.to_string().contains("`x` cannot be drawn: Normal: the standard deviation is -0.1"), "{error}");
}

model! {
    /// Half of the variances are infinite, and so no deviation can be drawn.
    Wide {
        global s2 ~ LogNormal(0.0, 10000.0);
        global b ~ Normal(0.0, s2.sqrt());
        observe y ~ Normal(b, 1.0);
    }
}

/// What went astray is named, and not what was drawn from it.
#[test]
fn the_cause_of_an_impossible_draw_is_named() {
    let error = Wide::default().simulate(10_000).run().unwrap_err().to_string();
    assert!(error.contains("`s2` was drawn as inf") && error.contains("lighter tails"), "{error}");
}

fn sometimes(a: f64, b: [f64; 2], rng: &mut hierarch::simulate::Stream) -> [f64; 3] {
    let z: f64 = hierarch::distributions::Draw::draw(&hierarch::distributions::Normal::new(a, 1.0), rng);
    [z, if z > 8.0 { f64::NAN } else { b[0] }, b[1]]
}

model! {
    Sometimes {
        global a ~ Normal(0.0, 1.0);
        global b[2] ~ Normal(0.0, 1.0);
        plate events(2) {
            observe x: [f64; 3] ~ sometimes(a, b);
        }
    }
}

/// A function of one's own that returns NaN is named, with the globals at which it does; now and then it may.
#[test]
fn a_function_that_returns_nan_is_named_with_its_globals() {
    let model = Sometimes::default();
    assert_eq!(model.simulate(20_000).run().unwrap().len(), 20_000);
    let error = model.simulate(1).at(&SometimesGlobals { a: 50.0, b: [0.5, -0.25] }).one().unwrap_err().to_string();
    assert!(error.contains("the function that draws `x` returned NaN"), "{error}");
    assert!(error.contains("a: 50.0, b: [0.5, -0.25]"), "{error}");
}

/// A `main` that returns an error prints its `Debug` text: the message.
#[test]
fn errors_print_their_message_at_the_end_of_main() {
    let error = Resonance::default().simulate(1).size("evens", 3).one().unwrap_err();
    assert_eq!(format!("{error:?}"), "there is no plate `evens`; there are `events`");
    let main = || -> Result<(), Box<dyn std::error::Error>> { Ok(Err(error)?) };
    assert_eq!(format!("{:?}", main().unwrap_err()), "there is no plate `evens`; there are `events`");
}

/// Globals that a simulation is asked for are those of the model; the edge of a support may be.
#[test]
fn globals_outside_their_support_are_refused() {
    let at = |fraction: f64, mass: f64| {
        Resonance::default()
            .simulate(1)
            .at(&ResonanceGlobals { fraction, mass })
            .one()
            .map_err(|error| error.to_string())
    };
    assert!(at(0.0, 1.0).is_ok() && at(1.0, 1.0).is_ok());
    for (fraction, mass, message) in [
        (1.5, 1.0, "`fraction` is fixed at 1.5, which is outside its support"),
        (-0.1, 1.0, "`fraction` is fixed at -0.1, which is outside its support"),
        (0.5, f64::NAN, "`mass` is fixed at NaN, which is outside its support"),
    ] {
        assert_eq!(at(fraction, mass).unwrap_err(), message);
    }
}

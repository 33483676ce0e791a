//! How much data tell of the globals: bounds around closed forms, and what is refused.

use hierarch::calibration::InformationError;
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

model! {
    /// A normal mean and a scale of the noise that is known.
    pub Level {
        global level ~ Normal(0.0, 2.0);
        plate rows(1..=50) {
            observe y ~ Normal(level, 1.0);
        }
    }
}

/// The information of `n` rows is half of ln(1 + 4 n): the variance of the prior over that of the posterior.
#[test]
fn bounds_are_around_the_information_of_a_normal_mean() {
    let estimator = Level::default().npe().seed(seed(1)).train(Budget::simulations(150_000)).unwrap();
    let curve = estimator.information().seed(seed(2)).upper_bound().curve(Level::ROWS, &[1, 7, 50]).unwrap();
    assert_eq!(curve.points.iter().map(|point| point.0).collect::<Vec<_>>(), [1, 7, 50]);
    for (n, point) in &curve.points {
        let (exact, upper) = (0.5 * (1.0 + 4.0 * *n as f64).ln(), point.upper.unwrap());
        // Below and above, but for the scatter; and not far, since the network is nearly right: a nat is an sd 2.7 times too wide.
        within!(((point.lower.value - exact) / point.lower.error).max(0.0), 4.5, "{n}: {exact}\n{curve}");
        within!(((exact - upper.value) / upper.error).max(0.0), 4.5, "{n}: {exact}\n{curve}");
        within!((exact - point.lower.value - 4.5 * point.lower.error).max(0.0), 0.05, "{n}: {exact}\n{curve}");
        within!((upper.value - exact - 4.5 * upper.error).max(0.0), 0.01, "{n}: {exact}\n{curve}");
        within!(upper.error, 0.05, "{n}");
        assert_eq!((point.simulations, point.heavy), (1000, 0));
    }
    let text = curve.to_string();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("  rows"), "{text}");

    let alone = estimator.information().seed(seed(2)).size(Level::ROWS, 7).run().unwrap();
    assert_eq!((alone.lower, alone.upper), (curve.points[1].1.lower, None));
    let few = estimator.information().simulations(5).run().unwrap_err();
    assert!(few.to_string().starts_with("5 simulations are too few"), "{few}");
    let none = estimator.information().curve("events", &[1]).unwrap_err();
    assert!(none.to_string().contains("events") && none.to_string().contains("rows"), "{none}");
    let large = estimator.information().curve(Level::ROWS, &[51]).unwrap_err();
    assert!(large.to_string().contains("`rows` cannot have 51 elements"), "{large}");
}

model! {
    /// Locals, and a global of no interest.
    pub Groups {
        global mean ~ Normal(0.0, 1.0);
        nuisance shift ~ Normal(0.0, 1.0);
        plate groups(1..=3) {
            local own ~ Normal(mean, 1.0);
            observe y ~ Normal(own + shift, 1.0);
        }
    }
}

#[test]
fn what_has_no_bound_says_why() {
    let estimator = Groups::default().npe().train(Budget::simulations(300)).unwrap();
    let error = estimator.information().simulations(20).run().unwrap_err();
    assert!(matches!(&error, InformationError::NotInferred { global } if global == "shift"), "{error}");
    let error = estimator.information().simulations(20).upper_bound().run().unwrap_err();
    assert!(matches!(&error, InformationError::Local { local } if local == "own"), "{error}");
}

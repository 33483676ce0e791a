//! Predictions at covariates and groups of one's own, against closed forms.

use hierarch::draws::PredictError;
use hierarch::prelude::*;
use hierarch_tests::seed;

model! {
    /// Groups that hold rows, all normal, with sds that are known: every prediction is normal.
    pub Plants {
        global slope ~ Normal(0.0, 2.0);
        observe soil[2] ~ Normal(slope, 3.0);
        plate plants(1..=10) {
            local start ~ Normal(1.0, 0.8);
            plate days(0..=50) {
                given t: f64;
                observe height ~ Normal(start + slope * t, 0.5);
            }
        }
    }
}

fn data(offsets: &[usize], t: &[f64], height: &[f64]) -> PlantsData {
    let days = PlantsDays { offsets: offsets.to_vec(), t: t.to_vec(), height: height.to_vec() };
    PlantsData { soil: [0.5, -0.5], plants: PlantsPlants { days } }
}

model! {
    /// Elements of which there may be none.
    pub Visits {
        global mean ~ Normal(0.0, 1.0);
        observe control ~ Normal(mean, 1.0);
        plate visits(0..=5) {
            local length ~ Normal(mean, 1.0);
            observe y ~ Normal(length, 0.5);
        }
    }
}

/// Data that have none of the elements that the draws know are data with the same ones.
#[test]
fn no_elements_are_the_same_ones() {
    let visits = |y: &[f64]| VisitsData { control: 0.3, visits: VisitsVisits { y: y.to_vec() } };
    let model = Visits::default();
    let chains = model.nuts(&visits(&[0.5, 1.0])).warmup(100).draws(50).run().unwrap();
    let predicted = Prediction::new(&model, &visits(&[])).same("visits").from(&chains).unwrap();
    assert_eq!(predicted.names(), ["control"]);
}

/// The prediction of a plant that was seen, of another, and of what is outside: means and sds from the normal posterior of the
/// slope and the starts, by Gauss elimination. Five errors of 4000 draws (false alarms: 1e-6), which are 1.1 % of an sd.
#[test]
fn predictions_are_those_of_the_exact_posterior() {
    let (offsets, t) = ([0, 3, 5], [0.0, 1.0, 2.0, 0.0, 1.5]);
    let y = [1.1, 2.4, 3.2, 0.2, 2.1];
    let seen = data(&offsets, &t, &y);
    let model = Plants::default();
    let chains = model.nuts(&seen).draws(4000).seed(seed(1)).run().unwrap();
    let new = data(&[0, 1, 2, 3], &[3.0, 3.0, 3.0], &[0.0; 3]);
    let predicted = Prediction::new(&model, &new).same("plants").draws(16_000).seed(seed(2)).from(&chains).unwrap();
    assert_eq!(predicted.names(), ["soil[0]", "soil[1]", "height[0]", "height[1]", "height[2]"]);

    // The precision of (slope, start of 0, start of 1) and the precision times the mean.
    let mut p = [[0.25 + 2.0 / 9.0, 0.0, 0.0], [0.0, 1.0 / 0.64, 0.0], [0.0, 0.0, 1.0 / 0.64]];
    let mut h = [0.0, 1.0 / 0.64, 1.0 / 0.64];
    for (i, (t, y)) in t.iter().zip(y).enumerate() {
        let plant = 1 + usize::from(i >= 3);
        p[0][0] += t * t / 0.25;
        p[plant][plant] += 1.0 / 0.25;
        p[0][plant] += t / 0.25;
        p[plant][0] += t / 0.25;
        h[0] += t * y / 0.25;
        h[plant] += y / 0.25;
    }
    // The starts are eliminated, each given the slope.
    let precision = p[0][0] - p[0][1] * p[0][1] / p[1][1] - p[0][2] * p[0][2] / p[2][2];
    let slope = (h[0] - p[0][1] * h[1] / p[1][1] - p[0][2] * h[2] / p[2][2]) / precision;
    let variance = 1.0 / precision;
    let of_plant = |k: usize| {
        let given = (h[k] - p[0][k] * slope) / p[k][k];
        let by = 3.0 - p[0][k] / p[k][k];
        (given + 3.0 * slope, (1.0 / p[k][k] + by * by * variance + 0.25).sqrt())
    };
    let exact = [
        ("soil[0]", slope, (variance + 9.0).sqrt()),
        ("height[0]", of_plant(1).0, of_plant(1).1),
        ("height[1]", of_plant(2).0, of_plant(2).1),
        ("height[2]", 1.0 + 3.0 * slope, (0.64 + 9.0 * variance + 0.25).sqrt()),
    ];
    for (name, mean, sd) in exact {
        let found = (predicted.mean(name).unwrap(), predicted.sd(name).unwrap());
        assert!((found.0 - mean).abs() < 5.0 * sd / 4000.0_f64.sqrt(), "{name}: {found:?}, not {mean}");
        assert!((found.1 / sd - 1.0).abs() < 5.0 / 8000.0_f64.sqrt(), "{name}: {found:?}, not {sd}");
    }
    // Without a word of them, all are other plants.
    let others = Prediction::new(&model, &new).draws(16_000).from(&chains).unwrap();
    assert!((others.sd("height[0]").unwrap() / exact[3].2 - 1.0).abs() < 0.06);
}

#[test]
fn what_cannot_be_predicted_says_why() {
    let model = Plants::default();
    let new = data(&[0, 1], &[3.0], &[0.0]);
    let globals = Draws::new([("slope".to_owned(), vec![0.5; 10])]);
    let predicted = Prediction::new(&model, &new).from(&globals).unwrap();
    assert_eq!(predicted.get("soil[0]").unwrap().len(), 10);
    let error = Prediction::new(&model, &new).same("plants").from(&globals).unwrap_err();
    assert!(matches!(&error, PredictError::NoLocals { plate } if plate == "plants"), "{error}");
    let error = Prediction::new(&model, &new).same("weeks").from(&globals).unwrap_err();
    assert!(matches!(error, PredictError::Unknown(_)), "{error}");
    let error = Prediction::new(&model, &new).same("days").from(&globals).unwrap_err();
    assert!(matches!(&error, PredictError::NoLocals { plate } if plate == "days"), "{error}");
    let none = Draws::new([("other".to_owned(), vec![0.5; 10])]);
    let error = Prediction::new(&model, &new).from(&none).unwrap_err();
    assert!(error.to_string().contains("`slope` has no finite value"), "{error}");
    let wrong = data(&[0, 2], &[3.0], &[0.0]);
    let error = Prediction::new(&model, &wrong).from(&globals).unwrap_err();
    assert!(matches!(error, PredictError::Simulate(_)), "{error}");
}

model! {
    pub Classes {
        global mean ~ Normal(0.0, 1.0);
        plate classes(1..=5) {
            local level ~ Normal(mean, 10.0);
            plate pupils(1..=9) {
                local ability[2] ~ Normal(level, 10.0);
                observe score ~ Normal(ability[0] - ability[1], 1e-6);
            }
        }
    }
}

/// Pupils that are the same keep their abilities, and are drawn anew unless they are said to be the same.
#[test]
fn elements_of_a_plate_inside_another_are_the_same() {
    let model = Classes::default();
    let data = |offsets: &[usize]| ClassesData {
        classes: ClassesClasses {
            pupils: ClassesPupils { offsets: offsets.to_vec(), score: vec![0.0; *offsets.last().unwrap()] },
        },
    };
    let numbers = |name: &str, of: f64| (name.to_owned(), vec![of; 50]);
    let mut draws = vec![numbers("mean", 0.0), numbers("level[0]", 1.0), numbers("level[1]", 2.0)];
    for pupil in 0..3 {
        draws.push(numbers(&format!("ability[{pupil}][0]"), 10.0 * pupil as f64));
        draws.push(numbers(&format!("ability[{pupil}][1]"), 1.0));
    }
    let draws = Draws::new(draws);
    let known = data(&[0, 2, 3]);
    let predicted = Prediction::new(&model, &known).same("classes").same("pupils").from(&draws).unwrap();
    for pupil in 0..3 {
        let scores = predicted.get(format!("score[{pupil}]")).unwrap();
        assert!(scores.iter().all(|y| (y - (10.0 * pupil as f64 - 1.0)).abs() < 1e-4), "{scores:?}");
    }
    let others = Prediction::new(&model, &known).same("classes").from(&draws).unwrap();
    let spread = others.get("score[0]").unwrap().iter().map(|y| y.powi(2)).sum::<f64>() / 50.0;
    assert!((50.0..600.0).contains(&spread), "{spread}, not 200");
    let error = Prediction::new(&model, &data(&[0, 3, 4])).same("pupils").from(&draws).unwrap_err();
    assert!(error.to_string().contains("4 elements of `pupils`, of which the draws know 3"), "{error}");
}

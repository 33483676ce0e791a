//! Networks that are trained with missing values, against the exact posterior of what is there.

use hierarch::prelude::*;
use hierarch_tests::{seed, within};

model! {
    /// Two measurements of a row, of which either may be missing, and one before all.
    pub Gaps {
        global theta ~ Normal(0.0, 1.0);
        observe first: Option ~ Normal(theta, 2.0);
        plate rows(1..=6) {
            observe x: Option ~ Normal(theta, 1.0);
            observe y: Option ~ Normal(-theta, 2.0);
        }
    }
}

/// The mean and the sd of the posterior.
fn exact(data: &GapsData) -> (f64, f64) {
    let there = |column: &[Option<f64>], sign: f64, sd: f64| {
        column.iter().flatten().fold((0.0, 0.0), |(n, sum), x| (n + 1.0 / (sd * sd), sum + sign * x / (sd * sd)))
    };
    let terms = [there(&[data.first], 1.0, 2.0), there(&data.rows.x, 1.0, 1.0), there(&data.rows.y, -1.0, 2.0)];
    let precision = 1.0 + terms.iter().map(|term| term.0).sum::<f64>();
    (terms.iter().map(|term| term.1).sum::<f64>() / precision, precision.recip().sqrt())
}

/// Patterns of what is missing: of the first, and of the values of `x` and `y` in row `i` of `n`.
type Pattern = fn(usize, usize) -> [bool; 3];
const PATTERNS: [(&str, Pattern); 8] = [
    ("nothing", |_, _| [false; 3]),
    ("everything", |_, _| [true; 3]),
    ("x", |_, _| [false, true, false]),
    ("y", |_, _| [true, false, true]),
    ("half of x", |i, _| [true, i % 2 == 0, false]),
    ("either", |i, _| [false, i % 2 == 0, i % 2 == 1]),
    ("all but one", |i, n| [true, i + 1 < n, true]),
    ("the first half", |i, n| [false, 2 * i < n, 2 * i < n]),
];

/// After this many simulations, means and sds are off by at most this share of an sd.
fn check(sets: u64, bound: f64) {
    let model = Gaps::default();
    let estimator = model.npe().missing(0.4).seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    for (what, pattern) in PATTERNS {
        for rows in [1, 3, 6] {
            let tests = model.simulate(200).size(Gaps::ROWS, rows).seed(seed(7)).run().unwrap();
            let (mut off, mut ratio) = (0.0, 0.0);
            for s in &tests {
                let mut data = s.data.clone();
                for i in 0..rows {
                    let [first, x, y] = pattern(i, rows);
                    data.first = data.first.filter(|_| !first);
                    data.rows.x[i] = data.rows.x[i].filter(|_| !x);
                    data.rows.y[i] = data.rows.y[i].filter(|_| !y);
                }
                let (mean, sd) = exact(&data);
                let found = &estimator.condition(&data).unwrap().summary().rows[0];
                off += ((found.mean - mean) / sd).powi(2) / 200.0;
                ratio += (found.sd / sd - 1.0) / 200.0;
            }
            // The largest sets are the rarest, and their posteriors the narrowest.
            let bound = if rows == 6 { 2.0 * bound } else { bound };
            println!("missing {what}, {rows} rows: means off by {:.3} sd, sd by {ratio:.3}", off.sqrt());
            within!(off.sqrt(), bound, "missing {what}, {rows} rows: means off by {} sd", off.sqrt());
            within!(ratio.abs(), bound, "missing {what}, {rows} rows: sd off by {ratio}");
        }
    }
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn posteriors_are_those_of_what_is_there() {
    check(4_000_000, 0.05);
}

#[test]
fn posteriors_are_roughly_those_of_what_is_there() {
    check(300_000, 0.2);
}

model! {
    /// A local of each row, a covariate with gaps, and counts.
    pub Levels {
        global mu ~ Normal(0.0, 1.0);
        plate rows(1..=5) {
            local level ~ Normal(mu, 1.0);
            observe x: Option ~ Normal(level, 0.5);
            observe age: Option ~ Normal(0.0, 1.0);
            observe n: Option ~ Poisson((0.3 * age).exp());
            missing n ~ Bernoulli(0.5);
        }
    }
}

/// Joint posteriors, files, calibration and importance sampling of data with gaps, or a line that says why not.
#[test]
fn whatever_reads_data_reads_gaps() {
    let model = Levels::default();
    let estimator = model.joint_npe().missing(0.3).seed(seed(2)).train(Budget::simulations(4000)).unwrap();
    let set = model.simulate(1).size(Levels::ROWS, 4).seed(seed(3)).one().unwrap();
    let mut data = set.data;
    data.rows.x[1] = None;
    data.rows.n[2] = None;
    let posterior = estimator.condition(&data).unwrap();
    assert!(posterior.sd("level[1]").unwrap() > 1.3 * posterior.sd("level[0]").unwrap());
    // A value that others depend on.
    data.rows.age[3] = None;
    let error = estimator.condition(&data).unwrap_err().to_string();
    assert!(error.contains("`age[3]` is missing") && error.contains("`nuts()` infers it"), "{error}");
    let globals = model.npe().seed(seed(4)).train(Budget::simulations(4000)).unwrap();
    let posterior = globals.condition(&data).unwrap();
    assert!(posterior.mean("mu").unwrap().is_finite());
    let error = posterior.importance_sample(&model, &data).unwrap_err().to_string();
    assert!(error.contains("age[3]"), "{error}");

    // All that is missing is left out, and the weights are those of the exact posterior.
    let model = Gaps::default();
    let estimator = model.npe().missing(0.4).seed(seed(5)).train(Budget::simulations(20_000)).unwrap();
    let set = model.simulate(1).size(Gaps::ROWS, 5).missing(0.5).seed(seed(6)).one().unwrap();
    let (mean, sd) = exact(&set.data);
    let weighted = estimator.condition(&set.data).unwrap().importance_sample(&model, &set.data).unwrap();
    within!((weighted.mean("theta").unwrap() - mean).abs(), 0.15 * sd);
    within!((weighted.sd("theta").unwrap() / sd - 1.0).abs(), 0.15);
    let calibration = estimator.calibrate().simulations(200).run().unwrap();
    assert!(calibration.p_min().is_finite());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gaps.safetensors");
    estimator.save(&path).unwrap();
    let again = PosteriorEstimator::<Gaps>::load(&model, &path).unwrap();
    let means = [&estimator, &again].map(|e| e.condition(&set.data).unwrap().mean("theta").unwrap());
    assert_eq!(means[0], means[1]);
}

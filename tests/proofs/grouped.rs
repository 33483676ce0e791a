//! Values of which only the interval between cutpoints is known: as observations, as locals, and in data.

use hierarch::prelude::*;
use hierarch_tests::density::{check_gradient, check_score, check_statements};
use hierarch_tests::{seed, within};

model! {
    /// Times of events between two visits, of which the second may never have been, and by classes that all have in common.
    pub Visits {
        global scale ~ LogNormal(median = 3.0, sigma = 0.5);
        global shape ~ LogNormal(median = 1.5, sigma = 0.3);
        global mean ~ LogNormal(median = 20.0, sigma = 0.3);
        plate patients(1..=60) {
            given low ~ Uniform(0.5, 3.0);
            given high ~ Uniform(low, low + 3.0);
            observe when: Option ~ Grouped(Weibull(shape, scale), [low, high]);
        }
        plate households(1..=60) {
            local size ~ Grouped(Normal(scale, 1.0), [2, 4]);
            observe income ~ Grouped(distribution = Gamma(mean = mean, sd = 5.0 + size as f64), cutpoints = [10.0, 20.0, 40.0]);
            observe rooms ~ Grouped(Poisson(scale), [2.0, f64::INFINITY]);
        }
    }
}

model! {
    /// The same of a number of visits that is known when the program runs.
    pub ManyVisits {
        size K;
        global scale ~ LogNormal(median = 3.0, sigma = 0.5);
        plate patients(1..=60) {
            given visits[K] ~ Ordered(Uniform(0.0, 6.0));
            observe visit ~ Grouped(Weibull(2.0, scale), visits);
        }
    }
}

fn check<M: Likelihood + Generative>(model: &M, plates: &[(&str, usize)]) {
    check_gradient(model, 10);
    check_score(model, plates, 2000);
    check_statements(model);
}

#[test]
fn densities_of_groups_are_those_of_their_draws() {
    check(&Visits::default(), &[("patients", 20), ("households", 20)]);
    check(&ManyVisits { K: 4 }, &[("patients", 20)]);
}

model! {
    pub Lifetimes {
        global shape ~ LogNormal(median = 1.5, sigma = 0.5);
        global scale ~ LogNormal(median = 3.0, sigma = 0.5);
        plate units(1..=100) {
            given low: f64;
            given high: f64;
            observe failed ~ Grouped(Weibull(shape, scale), [low, high]);
        }
    }
}

/// Parts that failed before, between and after two inspections each.
const UNITS: &str =
    "low,high,failed\n1,2,1\n2,4,1\n0.5,1,0\n3,5,2\n1,3,1\n2,3,1\n2,2.5,2\n0,6,2\n1,1.5,0\n2,3,1\n3,4,1\n1,2,2\n";

/// On a grid of the logarithms of both, with the likelihood written out.
#[test]
fn chains_find_the_posterior_of_lifetimes_between_inspections() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("units.csv"), UNITS).unwrap();
    let data = LifetimesData::from_csv(folder.path().join("units.csv")).unwrap();
    assert_eq!(data.units.failed[..3], [1, 1, 0]);
    let model = Lifetimes::default();
    let chains = model.nuts(&data).draws(4000).seed(seed(3)).run().unwrap();

    let rows: Vec<(f64, f64, usize)> = data.units.rows().map(|row| (row.low, row.high, row.failed)).collect();
    let log_posterior = |a: f64, b: f64| {
        let (shape, scale) = (a.exp(), b.exp());
        let alive = |t: f64| (-(t / scale).powf(shape)).exp();
        let log_prior = -0.5 * ((a - 1.5_f64.ln()) / 0.5).powi(2) - 0.5 * ((b - 3.0_f64.ln()) / 0.5).powi(2);
        let of = |&(low, high, failed): &(f64, f64, usize)| match failed {
            0 => 1.0 - alive(low),
            1 => alive(low) - alive(high),
            _ => alive(high),
        };
        log_prior + rows.iter().map(|row| of(row).ln()).sum::<f64>()
    };
    let (n, mut sums) = (400, [0.0; 6]);
    for i in 0..n {
        for j in 0..n {
            let at = |k: i32, middle: f64| middle.ln() + 3.0 * (f64::from(k) / f64::from(n) - 0.5);
            let (a, b) = (at(i, 1.5), at(j, 3.0));
            let weight = log_posterior(a, b).exp();
            let (shape, scale) = (a.exp(), b.exp());
            let outlasted = [1.0, 2.0].map(|t: f64| (-(t / scale).powf(shape)).exp()).iter().sum::<f64>();
            for (sum, x) in sums.iter_mut().zip([1.0, shape, scale, shape * shape, scale * scale, outlasted]) {
                *sum += weight * x;
            }
        }
    }
    for (i, name) in ["shape", "scale"].into_iter().enumerate() {
        let mean = sums[1 + i] / sums[0];
        let sd = (sums[3 + i] / sums[0] - mean * mean).sqrt();
        within!((chains.mean(name).unwrap() - mean).abs(), 0.08 * sd, "{name}: not {mean}");
        within!((chains.sd(name).unwrap() / sd - 1.0).abs(), 0.08, "{name}: not {sd}");
    }

    // Predictions are those of the same inspections: one for each that a part outlasts.
    let predicted = Prediction::new(&model, &data).seed(seed(4)).from(&chains).unwrap();
    within!((predicted.mean("failed[0]").unwrap() - sums[5] / sums[0]).abs(), 0.06);
}

#[test]
fn data_of_groups_are_checked() {
    let units = |failed: usize, low: f64| LifetimesUnits { low: vec![low], high: vec![2.0], failed: vec![failed] };
    let error = |failed, low| {
        let chains = Lifetimes::default().nuts(&LifetimesData { units: units(failed, low) }).draws(10).run();
        chains.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(
        error(3, 1.0),
        "`failed` of element 0 of the plate `units` is 3, outside the support of its distribution: whole numbers from 0 to 2"
    );
    // The ends the wrong way round.
    let backwards = error(1, 3.0);
    assert!(backwards.contains("that of `failed` of element 0 of the plate `units`, which is 1, under"), "{backwards}");
}

#[test]
fn groups_are_in_the_specification_and_in_files() {
    let model = Visits::default();
    let specification = model.specification();
    let patients = &specification.plates[0];
    let when = patients.variables.iter().find(|v| v.name == "when").unwrap();
    assert_eq!(when.definition, "Grouped(Weibull(shape, scale), [low, high])");
    assert_eq!(when.parents, ["shape", "scale", "low", "high"]);
    assert!(specification.mermaid().contains("when"));
    let data = model.simulate(1).seed(seed(5)).one().unwrap().data;
    let text = serde_json::to_string(&data).unwrap();
    assert_eq!(serde_json::from_str::<VisitsData>(&text).unwrap(), data);
}

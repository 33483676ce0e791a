//! Covariates, sizes and numbers of which a network has seen nothing alike: they are said, and others are not.

use hierarch::prelude::*;
use hierarch_tests::{seed, within};

model! {
    /// Counts at exposures that lie far from one; `site` is the same everywhere in training.
    Sites {
        global rate ~ LogNormal(median = 1e-6, sigma = 1.0);
        given site ~ Uniform(0.1, 0.1 + 1e-15);
        plate rows(1..=40) {
            given exposure ~ Uniform(1e6, 5e6);
            given treated ~ Bernoulli(0.3);
            given x[2] ~ Normal(0.0, 1.0);
            local effect ~ Normal(0.0, 0.1);
            observe n ~ Poisson(log_rate = (rate * exposure).ln() + effect + 0.1 * x[1] + site + if treated { 0.3 } else { 0.0 });
        }
    }
}

fn alike(elements: usize) -> SitesData {
    Sites::default().simulate(1).size(Sites::ROWS, elements).seed(seed(3)).one().unwrap().data
}

/// Returns the share of 1,000 data sets of the model whose posteriors have such warnings.
fn share_warned(estimator: &PosteriorEstimator<Sites>, such: fn(&[String]) -> bool) -> f64 {
    let simulations = Sites::default().simulate(1000).seed(seed(2)).run().unwrap();
    let warned = |data| such(&estimator.condition(data).unwrap().warnings());
    let share = simulations.iter().filter(|simulation| warned(&simulation.data)).count() as f64 / 1000.0;
    println!("{share} of the data sets are warned of");
    share
}

fn about_covariates(warnings: &[String]) -> Vec<&String> {
    warnings.iter().filter(|warning| warning.contains("covariate")).collect()
}

#[test]
fn covariates_unlike_those_of_the_training_are_said() {
    let model = Sites::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    estimator.save(folder.path().join("sites")).unwrap();
    let loaded = PosteriorEstimator::load(&model, folder.path().join("sites")).unwrap();
    let joint = model.joint_npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    let said = |data: &SitesData, part: &str| {
        for warnings in [
            estimator.condition(data).unwrap().warnings(),
            loaded.condition(data).unwrap().warnings(),
            joint.condition(data).unwrap().warnings(),
        ] {
            let found = about_covariates(&warnings);
            assert!(found.len() == 1 && found[0].contains(part), "no {part:?} in {warnings:?}");
        }
    };
    let mut data = alike(30);
    data.rows.exposure[7] = 1e8;
    said(&data, "`exposure` of element 7 of the plate `rows` is 100000000, but 1.00");
    let mut data = alike(30);
    data.rows.exposure = vec![2e6; 30];
    said(&data, "the sd of the covariate `exposure` is 0, but ");
    let mut data = alike(3);
    data.rows.x[1][1] = 2020.0;
    said(&data, "`x[1]` of element 1 of the plate `rows` is 2020, but -");
    let mut data = alike(3);
    data.site = 0.2;
    said(&data, "the covariate `site` is 0.2000, but 0.1000 to 0.1000 in 256 simulations");
}

/// An observation in another unit is far beyond all that were simulated.
#[test]
fn observations_far_beyond_those_of_the_training_are_said() {
    let model = Sites::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    estimator.save(folder.path().join("sites")).unwrap();
    let loaded = PosteriorEstimator::load(&model, folder.path().join("sites")).unwrap();
    let joint = model.joint_npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    let ratio = model.nre().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    let mut data = alike(30);
    data.rows.n[4] = 100_000_000;
    for warnings in [
        estimator.condition(&data).unwrap().warnings(),
        loaded.condition(&data).unwrap().warnings(),
        joint.condition(&data).unwrap().warnings(),
        ratio.condition(&data).unwrap().warnings(),
    ] {
        let said = |warning: &&String| warning.contains("`n` of element 4 of the plate `rows` is 100000000, but 0 to ");
        assert_eq!(warnings.iter().filter(said).count(), 1, "{warnings:?}");
    }
    within!(share_warned(&estimator, |warnings| warnings.iter().any(|warning| warning.contains("unit"))), 0.01);
}

/// The posterior of a summary has the warnings that the posterior of its data has, about sizes and about single elements.
#[test]
fn summaries_say_what_their_data_do() {
    let estimator = Sites::default().npe().seed(seed(1)).train(Budget::simulations(512)).unwrap().any_size();
    let (mut data, like) = (alike(25), alike(25));
    data.rows.exposure[7] = 1e8;
    data.rows.n[4] = 100_000_000;
    let says = |summary: &DataSummary<Sites>| {
        let text = serde_json::to_string(summary).unwrap();
        let summary: DataSummary<Sites> = serde_json::from_str(&text).unwrap();
        let warnings = estimator.condition_on(&summary).unwrap().warnings();
        ["`exposure` of element 7", "`n` of element 4", "`rows` has 50 elements, but the model allows 1 to 40"]
            .map(|part| warnings.iter().any(|warning| warning.contains(part)))
    };
    let [first, second] =
        [&data, &SitesData { site: data.site, ..like }].map(|part| estimator.summarize(part).unwrap());
    assert_eq!((says(&first), says(&second)), ([true, true, false], [false; 3]));
    for (a, b) in [(&first, &second), (&second, &first)] {
        let mut both = a.clone();
        both.merge(b).unwrap();
        assert_eq!(says(&both), [true; 3]);
    }
}

/// Data from the model itself are warned of once in a hundred times for each of the five covariates, at most.
#[test]
fn covariates_like_those_of_the_training_are_not() {
    let model = Sites::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    within!(share_warned(&estimator, |warnings| !about_covariates(warnings).is_empty()), 0.05);
}

#[test]
fn sizes_beyond_those_of_the_training_are_said() {
    let estimator = Sites::default().npe().seed(seed(1)).train(Budget::simulations(512)).unwrap().any_size();
    let data = alike(40);
    let says = |data: &SitesData| {
        let warnings = estimator.condition(data).unwrap().warnings();
        warnings
            .iter()
            .any(|warning| warning.contains("`rows` has 80 elements, but the model allows 1 to 40: of such sizes"))
    };
    assert!(!says(&data));
    let twice = |x: &[f64]| [x, x].concat();
    let rows = SitesRows {
        exposure: twice(&data.rows.exposure),
        treated: data.rows.treated.repeat(2),
        x: data.rows.x.repeat(2),
        n: data.rows.n.repeat(2),
    };
    assert!(says(&SitesData { rows, ..data }));
}

#[test]
fn a_number_that_no_network_can_read_is_named() {
    let estimator = Sites::default().npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    let mut data = alike(5);
    data.rows.exposure[2] = 1e300;
    let error = estimator.condition(&data).unwrap_err().to_string();
    assert!(error.contains("`exposure` of element 2 of the plate `rows` is 1e300, and so far"), "{error}");
}

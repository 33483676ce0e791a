//! What a trained estimator says against itself.

use hierarch::prelude::*;
use hierarch_tests::models::*;
use hierarch_tests::seed;

model! {
    /// The posterior is linear in the mean of the data: the start of a training is its end.
    Linear {
        global mean ~ Normal(0.0, 1.0);
        plate events(1..=50) {
            observe x ~ Normal(mean, 1.0);
        }
    }
}

fn says(warnings: &[String], what: &str) -> bool {
    warnings.iter().any(|warning| warning.contains(what))
}

/// The loss of `Resonance` falls by 0.3 nats in the second half of 60,000 data sets, and that of `Linear` by 0.001.
#[test]
fn a_network_says_that_it_goes_on_learning() {
    let model = Resonance::default();
    let first = model.npe().seed(seed(1)).train(Budget::simulations(1)).unwrap();
    assert!(says(&first.warnings(), "too few to tell"), "{:?}", first.warnings());
    let data = model.simulate(1).seed(seed(3)).one().unwrap().data;
    let posterior = first.condition(&data).unwrap();
    assert!(posterior.to_string().contains("\nwarning: ") && says(&posterior.warnings(), "too few to tell"));

    let folder = tempfile::tempdir().unwrap();
    let early = model.npe().seed(seed(1)).train(Budget::simulations(60_000)).unwrap();
    assert!(says(&early.warnings(), "would fall on"), "{:?}", early.warnings());
    early.save(folder.path().join("early")).unwrap();
    let again = PosteriorEstimator::load(&model, folder.path().join("early")).unwrap();
    assert_eq!(again.warnings(), early.warnings());

    let done = Linear::default().npe().seed(seed(1)).train(Budget::simulations(60_000)).unwrap();
    assert_eq!(done.warnings(), [""; 0]);
    assert!(says(
        &Linear::default().nre().seed(seed(1)).train(Budget::simulations(512)).unwrap().warnings(),
        "too few"
    ));
}

/// What was learned is no better for chains than it is, and what they are run over says so of them, too.
#[test]
fn chains_over_ratios_and_statistics_say_what_is_wrong_with_these() {
    let model = Linear::default();
    let mut data = model.simulate(1).seed(seed(3)).one().unwrap().data;
    let budget = Budget::simulations(512);
    let all = model.nre().seed(seed(1)).train(budget).unwrap();
    let each = model.nre().seed(seed(1)).per_event("events").train(budget).unwrap();
    let statistic = model.test_statistic("mean").seed(seed(1)).train(budget).unwrap();
    assert!(says(&each.warnings(), "too few") && says(&statistic.warnings(), "too few"));
    let chains = |data: &LinearData| {
        let posterior = all.condition(data).unwrap();
        let of_all = posterior.nuts().warmup(50).draws(50).run().unwrap();
        [of_all, each.nuts(data).unwrap().warmup(50).draws(50).run().unwrap()]
    };
    for chains in chains(&data) {
        assert!(says(&chains.warnings(), "too few to tell") && chains.to_string().contains("too few to tell"));
        let text = serde_json::to_string(&chains).unwrap();
        let read: Chains<Linear> = serde_json::from_str(&text).unwrap();
        assert_eq!(read.warnings(), chains.warnings());
        assert!(!says(&chains.warnings(), "`x` of element 0"));
    }
    data.events.x[0] = 1e4;
    chains(&data)
        .iter()
        .for_each(|chains| assert!(says(&chains.warnings(), "`x` of element 0 of the plate `events` is 10000")));
}

#[test]
fn a_training_stops_when_it_has_converged() {
    let model = Linear::default();
    let train = |most| model.npe().seed(seed(2)).train(Budget::until_converged(most)).unwrap();
    let (done, again) = (train(4_000_000), train(4_000_000));
    let seen = |estimator: &PosteriorEstimator<Linear>| estimator.history().last().unwrap().sets;
    assert!((100_000..1_000_000).contains(&seen(&done)), "{}", seen(&done));
    assert_eq!(done.warnings(), [""; 0]);
    let data = model.simulate(1).seed(seed(3)).one().unwrap().data;
    let draws = |estimator: &PosteriorEstimator<Linear>| estimator.condition(&data).unwrap().sample(20, 1);
    assert_eq!((seen(&done), draws(&done)), (seen(&again), draws(&again)));
    // The most is the end, and said to be too early.
    let cut = train(20_000);
    assert!((20_000..20_300).contains(&seen(&cut)), "{}", seen(&cut));
    assert!(says(&cut.warnings(), "too few to tell"), "{:?}", cut.warnings());
}

/// Interrupted and resumed, with the learning rate on its plateau or falling, it is the same training.
#[test]
fn a_training_until_it_has_converged_goes_on_where_it_was_stopped() {
    let model = Linear::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let train = || model.npe().seed(seed(2)).training(TrainingConfig { batch_size: Some(64), ..Default::default() });
    let whole = train().train(Budget::until_converged(100_000)).unwrap();
    let first = train().checkpoint(&path).train(Budget::until_converged(100_000)).unwrap();
    let resumed = train().checkpoint(&path).train(Budget::until_converged(100_000)).unwrap();
    let data = model.simulate(1).seed(seed(3)).one().unwrap().data;
    let draws = |estimator: &PosteriorEstimator<Linear>| estimator.condition(&data).unwrap().sample(20, 1);
    assert_eq!(draws(&first), draws(&whole));
    assert_eq!(draws(&resumed), draws(&whole));
}

model! {
    Crossed {
        plate subjects(2..=5) {
            local ability ~ Normal(0.0, 1.0);
        }
        plate items(2..=5) {
            local difficulty ~ Normal(0.0, 1.0);
        }
        plate answers(1..=20) {
            given subject: index(subjects);
            given item: index(items);
            observe y ~ Normal(ability[subject] - difficulty[item], 0.5);
        }
    }
}

/// The exact correlation of a subject and an item is not zero; the joint posterior's is.
#[test]
fn what_crossed_plates_lack_is_said() {
    let model = Crossed::default();
    let joint = model.joint_npe().seed(seed(1)).train(Budget::simulations(512)).unwrap();
    assert!(says(&joint.warnings(), "`subjects` and `items` are joined by `answers`"), "{:?}", joint.warnings());
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    assert!(says(&joint.condition(&data).unwrap().warnings(), "correlations are missing"));
}

model! {
    /// The largest rate that a Poisson number can have is passed once in 30,000 draws.
    Extreme {
        global scale ~ Cauchy(0.0, 1e15);
        plate days(3) {
            observe n ~ Poisson(scale.abs());
        }
    }
}

#[test]
fn one_extreme_draw_is_skipped_and_counted() {
    let model = Extreme::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(200_000)).unwrap();
    let warnings = estimator.warnings();
    assert!(
        says(&warnings, "simulations could not be drawn") && says(&warnings, "Poisson: the rate is"),
        "{warnings:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    let bank = model.simulate(200_000).seed(seed(2)).bank(folder.path()).unwrap();
    assert_eq!(bank.len(), 200_000);
}

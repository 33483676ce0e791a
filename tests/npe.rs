//! The amortized posterior: against exact ones, saved and loaded, and what it refuses.

mod models;

use hierarch::prelude::*;
use models::*;

model! {
    pub Gauss {
        global theta ~ Normal(0.0, 1.0);
        global other ~ Normal(0.0, 1.0);
        nuisance spread ~ Uniform(0.99, 1.01);
        plate events(1..=50) {
            observe x ~ Normal(theta, spread);
        }
    }
}

#[test]
fn a_conjugate_posterior_is_learned_at_every_size() {
    let model = Gauss::default();
    let posterior = model.npe().globals(&["theta"]).seed(1).train(Budget::sets(1_200_000)).unwrap();
    for n in [1, 5, 20, 50] {
        let (mut squares, mut ratio) = (0.0, 0.0);
        let sets = model.simulate(200).size("events", n).seed(7).run().unwrap();
        for s in &sets {
            let precision = 1.0 + n as f64;
            let (mean, sd) = (s.data.events.x.iter().sum::<f64>() / precision, precision.recip().sqrt());
            let belief = posterior.condition(&s.data).unwrap();
            assert_eq!(belief.names(), ["theta"]);
            squares += ((belief.mean("theta").unwrap() - mean) / sd).powi(2) / sets.len() as f64;
            ratio += belief.sd("theta").unwrap() / sd / sets.len() as f64;
        }
        assert!(squares.sqrt() < 0.12 && (ratio - 1.0).abs() < 0.04, "n = {n}: {} {ratio}", squares.sqrt());
    }
}

/// Draws, quantiles and the density of a belief are those of one distribution, and it stays within the support.
#[test]
fn a_belief_is_one_distribution() {
    let model = Resonance::default();
    let posterior = model.npe().seed(1).train(Budget::sets(5_000)).unwrap();
    let data = model.simulate(1).seed(2).run().unwrap().remove(0).data;
    let belief = posterior.condition(&data).unwrap();
    let draws = belief.sample(20_000, 1);
    assert!(draws[0].iter().all(|f| (0.0..=1.0).contains(f)));
    for (name, draws) in belief.names().iter().zip(&draws) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let sd = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((belief.mean(name).unwrap() - mean).abs() < 5.0 * sd / n.sqrt(), "{name}");
        assert!((belief.sd(name).unwrap() / sd - 1.0).abs() < 0.05, "{name}");
        let below = draws.iter().filter(|x| **x < belief.quantile(name, 0.25).unwrap()).count() as f64 / n;
        assert!((below - 0.25).abs() < 5.0 * (0.1875 / n).sqrt(), "{name}: {below}");
    }
    // The density integrates to one over the constrained space.
    let (mut integral, mass) = (0.0, belief.mean("mass").unwrap());
    let (sd, n) = (belief.sd("mass").unwrap(), 400);
    for i in 0..n {
        for j in 0..n {
            let fraction = (i as f64 + 0.5) / n as f64;
            let at = mass + sd * (16.0 * (j as f64 + 0.5) / n as f64 - 8.0);
            integral += belief.log_density(&ResonanceGlobals { fraction, mass: at }).exp() * 16.0 * sd / (n * n) as f64;
        }
    }
    assert!((integral - 1.0).abs() < 2e-3, "{integral}");
    let typed = belief.globals(5, 1);
    assert_eq!(typed[3].fraction, belief.sample(5, 1)[0][3]);
}

#[test]
fn saved_and_loaded_it_is_the_same_and_another_models_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("posterior.safetensors");
    let model = Counting::default();
    let posterior = model.npe().seed(1).train(Budget::sets(2_000)).unwrap();
    posterior.save(&path).unwrap();
    let loaded = Posterior::load(&model, &path).unwrap();
    let data = model.simulate(1).seed(2).run().unwrap().remove(0).data;
    let (a, b) = (posterior.condition(&data).unwrap(), loaded.condition(&data).unwrap());
    assert_eq!(a.sample(10, 1), b.sample(10, 1));
    assert_eq!(posterior.history(), loaded.history());

    let error = Posterior::load(&Resonance::default(), &path).unwrap_err();
    assert!(matches!(error, InferenceError::OtherModel { .. }), "{error}");
    assert!(error.to_string().contains("`Counting`") && error.to_string().contains("`Resonance`"), "{error}");

    // The same model with another param is another model.
    let narrow = Resonance { width: 0.05 };
    narrow.npe().train(Budget::sets(1_000)).unwrap().save(&path).unwrap();
    assert!(matches!(Posterior::load(&Resonance::default(), &path), Err(InferenceError::OtherModel { .. })));

    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&path, &bytes).unwrap();
    let error = Posterior::load(&narrow, &path).unwrap_err();
    assert!(
        matches!(error, InferenceError::Network(_)) && error.to_string().contains("posterior.safetensors"),
        "{error}"
    );
    std::fs::write(&path, b"not a network").unwrap();
    assert!(matches!(Posterior::load(&narrow, &path), Err(InferenceError::Network(_))));
    assert!(matches!(Posterior::load(&narrow, folder.path().join("absent")), Err(InferenceError::Network(_))));
}

#[test]
fn the_same_seed_trains_the_same_posterior_on_any_number_of_threads() {
    let model = Radon::default();
    let data = model.simulate(1).seed(3).run().unwrap().remove(0).data;
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.npe().seed(5).train(Budget::sets(3_000)).unwrap().condition(&data).unwrap().sample(3, 1))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn every_model_can_be_trained() {
    fn check<M: Model>(model: &M) {
        let posterior = model.npe().train(Budget::sets(600)).unwrap();
        for s in model.simulate(5).seed(9).run().unwrap() {
            let belief = posterior.condition(&s.data).unwrap();
            assert!(belief.summary().rows.iter().all(|r| r.mean.is_finite() && r.sd >= 0.0));
        }
    }
    check(&ItemResponse::default());
    check(&Sessions::default());
    check(&Detectors::default());
    check(&Groups::default());
    check(&Changepoint::default());
    check(&Own::default());
    check(&Peak::default());
    check(&Deep::default());
}

#[test]
fn what_cannot_be_inferred_says_why() {
    let model = Resonance::default();
    let error = model.npe().globals(&["masss"]).train(Budget::sets(100)).unwrap_err();
    assert!(error.to_string().contains("no global `masss`; its globals are `fraction`, `mass`"), "{error}");
    let error = EightSchools::default().npe().train(Budget::sets(100)).unwrap_err();
    assert!(error.to_string().contains("`sigma` has no distribution"), "{error}");
    let posterior = model.npe().train(Budget::sets(600)).unwrap();
    for (x, what) in [(vec![], "`events` has 0 elements"), (vec![0.0; 201], "201 elements"), (vec![f64::NAN], "`x`")] {
        let error = posterior.condition(&ResonanceData { events: ResonanceEvents { x } }).unwrap_err();
        assert!(matches!(error, InferenceError::Data(_)) && error.to_string().contains(what), "{error}");
    }
}

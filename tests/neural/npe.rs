//! The amortized posterior: against exact ones, saved and loaded, and what it refuses.

use hierarch::distributions::{Distribution, Normal};
use hierarch::estimators::{Bank, DataSummary, ElementNetworks, Npe};
use hierarch::estimators::{BankError, FileError, RequestError};
use hierarch::nn::Encoder;
use hierarch::prelude::*;
use hierarch_tests::models::*;
use hierarch_tests::{seed, within};

model! {
    pub Gauss {
        global theta ~ Normal(0.0, 1.0);
        global other ~ Normal(0.0, 1.0);
        nuisance spread ~ Uniform(0.99, 1.01);
        plate events(1..=200) {
            observe x ~ Normal(theta, spread);
        }
    }
}

/// Where how much is learned does not matter.
fn small<M: Model>(npe: Npe<'_, M>) -> Npe<'_, M> {
    npe.training(TrainingConfig { pilot: Some(256), validation: Some(256), ..Default::default() })
}

/// Mean and sd within 1.5 % of the exact sd, and a mean KL divergence below 0.004 nats, at every size.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_conjugate_posterior_is_learned_at_every_size() {
    learned_at_every_size(3_000_000, 0.004, 0.015);
}

#[test]
fn a_conjugate_posterior_is_learned_roughly() {
    learned_at_every_size(20_000, 0.1, 0.15);
}

/// After so many data sets, within so many nats and such a share of the exact sd.
fn learned_at_every_size(sets: u64, nats: f64, share: f64) {
    let model = Gauss::default();
    let estimator = model.npe().globals(["theta"]).seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    for n in [1, 2, 5, 10, 20, 50, 100, 200] {
        let sets = model.simulate(300).size("events", n).seed(seed(7)).run().unwrap();
        let (mut kl, mut ratio) = (0.0, 0.0);
        for s in &sets {
            let precision = 1.0 + n as f64;
            let (mean, sd) = (s.data.events.x.iter().sum::<f64>() / precision, precision.recip().sqrt());
            let exact = Normal::new(mean, sd);
            let posterior = estimator.condition(&s.data).unwrap();
            assert_eq!(posterior.names(), ["theta"]);
            ratio += posterior.sd("theta").unwrap() / sd / sets.len() as f64;
            // The integral of p ln(p / q) over 5 sd to either side, by the rule of midpoints.
            for i in 0..200 {
                let x = mean + sd * (10.0 * (f64::from(i) + 0.5) / 200.0 - 5.0);
                let log_p = exact.log_density(x);
                let log_q = posterior.log_density_of("theta", x).unwrap();
                kl += log_p.exp() * (log_p - log_q) * sd * 10.0 / 200.0 / sets.len() as f64;
            }
        }
        println!("n = {n}: KL {kl:.5}, sd ratio {ratio:.4}");
        within!(kl, nats, "n = {n}: KL {kl}, sd ratio {ratio}");
        within!((ratio - 1.0).abs(), share, "n = {n}: KL {kl}, sd ratio {ratio}");
    }
}

/// Draws, quantiles and the density of a posterior are those of one distribution, and it stays within the support.
#[test]
fn a_belief_is_one_distribution() {
    let model = Resonance::default();
    let estimator = model.npe().seed(seed(1)).train(Budget::simulations(5_000)).unwrap();
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let posterior = estimator.condition(&data).unwrap();
    let draws = posterior.sample(20_000, seed(1));
    assert!(draws[0].iter().all(|f| (0.0..=1.0).contains(f)));
    for (name, draws) in posterior.names().iter().zip(&draws) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let sd = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        within!((posterior.mean(name).unwrap() - mean).abs(), 5.0 * sd / n.sqrt(), "{name}");
        within!((posterior.sd(name).unwrap() / sd - 1.0).abs(), 0.05, "{name}");
        let quarter = posterior.quantile(name, 0.25).unwrap();
        let below = draws.iter().filter(|x| **x < quarter).count() as f64 / n;
        within!((below - 0.25).abs(), 5.0 * (0.1875 / n).sqrt(), "{name}: {below}");
    }
    // The density integrates to one over the constrained space.
    let (mut integral, mass) = (0.0, posterior.mean("mass").unwrap());
    let (sd, n) = (posterior.sd("mass").unwrap(), 160);
    for i in 0..n {
        for j in 0..n {
            let fraction = (i as f64 + 0.5) / n as f64;
            let at = mass + sd * (16.0 * (j as f64 + 0.5) / n as f64 - 8.0);
            integral +=
                posterior.log_density(&ResonanceGlobals { fraction, mass: at }).exp() * 16.0 * sd / (n * n) as f64;
        }
    }
    within!((integral - 1.0).abs(), 2e-3, "{integral}");
    // So does that of one of them; and it is the other's integral.
    let middles = (0..1000).map(|i| (f64::from(i) + 0.5) / 1000.0);
    let one: f64 = middles.map(|x| posterior.log_density_of("fraction", x).unwrap().exp() / 1000.0).sum();
    within!((one - 1.0).abs(), 2e-3, "{one}");
    let joint = |i: i32| {
        let at = mass + sd * (16.0 * (f64::from(i) + 0.5) / 2000.0 - 8.0);
        posterior.log_density(&ResonanceGlobals { fraction: 0.3, mass: at }).exp() * 16.0 * sd / 2000.0
    };
    let marginal = posterior.log_density_of("fraction", 0.3).unwrap().exp();
    within!(((0..2000).map(joint).sum::<f64>() / marginal - 1.0).abs(), 1e-3);
    assert_eq!(posterior.log_density_of("width", 0.1), None);
    let typed = posterior.globals(5, 1);
    assert_eq!(typed[3].fraction, posterior.sample(5, 1)[0][3]);
}

#[test]
fn saved_and_loaded_it_is_the_same_and_another_models_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("posterior.safetensors");
    let model = Counting::default();
    let estimator = small(model.npe()).seed(seed(1)).train(Budget::simulations(600)).unwrap();
    estimator.save(&path).unwrap();
    let loaded = PosteriorEstimator::load(&model, &path).unwrap();
    let data = model.simulate(1).seed(seed(2)).one().unwrap().data;
    let (a, b) = (estimator.condition(&data).unwrap(), loaded.condition(&data).unwrap());
    assert_eq!(a.sample(10, 1), b.sample(10, 1));
    assert_eq!(estimator.history(), loaded.history());

    let error = PosteriorEstimator::load(&Resonance::default(), &path).unwrap_err();
    assert!(matches!(error, InferenceError::File(FileError::OtherModel { .. })), "{error}");
    assert!(error.to_string().contains("`Counting`") && error.to_string().contains("`Resonance`"), "{error}");

    // The same model with another param is another model.
    let narrow = Resonance { width: 0.05 };
    small(narrow.npe()).train(Budget::simulations(600)).unwrap().save(&path).unwrap();
    assert!(matches!(
        PosteriorEstimator::load(&Resonance::default(), &path),
        Err(InferenceError::File(FileError::OtherModel { .. }))
    ));

    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&path, &bytes).unwrap();
    let error = PosteriorEstimator::load(&narrow, &path).unwrap_err();
    assert!(
        matches!(error, InferenceError::Network(_)) && error.to_string().contains("posterior.safetensors"),
        "{error}"
    );
    std::fs::write(&path, b"not a network").unwrap();
    assert!(matches!(PosteriorEstimator::load(&narrow, &path), Err(InferenceError::Network(_))));
    assert!(matches!(PosteriorEstimator::load(&narrow, folder.path().join("absent")), Err(InferenceError::Network(_))));
}

#[test]
fn the_same_seed_trains_the_same_posterior_on_any_number_of_threads() {
    let model = Radon::default();
    let data = model.simulate(1).seed(seed(3)).one().unwrap().data;
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            small(model.npe())
                .seed(seed(5))
                .train(Budget::simulations(1_024))
                .unwrap()
                .condition(&data)
                .unwrap()
                .sample(3, 1)
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn every_model_can_be_trained() {
    fn check<M: Generative>(model: &M, sizes: &[(&str, usize)]) {
        let npe = sizes.iter().fold(small(model.npe()), |npe, (plate, n)| npe.size(plate, *n));
        let estimator = npe.train(Budget::simulations(600)).unwrap();
        let sets = sizes.iter().fold(model.simulate(5).seed(seed(9)), |all, (plate, n)| all.size(plate, *n));
        for s in sets.run().unwrap() {
            let posterior = estimator.condition(&s.data).unwrap();
            assert!(posterior.summary().rows.iter().all(|r| r.mean.is_finite() && r.sd >= 0.0));
        }
    }
    check(&ItemResponse::default(), &[("subjects", 20), ("items", 10), ("answers", 100)]);
    check(&Sessions::default(), &[]);
    check(&Detectors::default(), &[]);
    check(&Groups::default(), &[("samples", 40)]);
    check(&Changepoint::default(), &[]);
    check(&UserNetwork::default(), &[]);
    check(&Peak::default(), &[("events", 100)]);
    check(&Deep::default(), &[]);
}

#[test]
fn what_cannot_be_inferred_says_why() {
    let model = Resonance::default();
    let error = model.npe().globals(["masss"]).train(Budget::simulations(100)).unwrap_err();
    assert!(error.to_string().contains("no global `masss`; there are `fraction`, `mass`"), "{error}");
    let error = EightSchools::default().npe().train(Budget::simulations(100)).unwrap_err();
    assert!(error.to_string().contains("`sigma` has no distribution"), "{error}");
    let estimator = model.npe().train(Budget::simulations(600)).unwrap();
    for (x, what) in [(vec![], "`events` has 0 elements"), (vec![0.0; 201], "201 elements"), (vec![f64::NAN], "`x`")] {
        let error = estimator.condition(&ResonanceData { events: ResonanceEvents { x } }).unwrap_err();
        assert!(matches!(error, InferenceError::Data(_)) && error.to_string().contains(what), "{error}");
    }
}

/// Parts of the data, summarized one by one and merged in another order, say what all of the data at once say.
#[test]
fn summaries_of_parts_add_up() {
    let model = Radon::default();
    let estimator = small(model.npe()).size("counties", 5).seed(seed(1)).train(Budget::simulations(600)).unwrap();
    let data = model.simulate(1).size("counties", 5).seed(seed(3)).one().unwrap().data;
    let whole = estimator.condition(&data).unwrap();
    let summary = estimator.summarize(&data).unwrap();
    assert_eq!(estimator.condition_on(&summary).unwrap().sample(5, 1), whole.sample(5, 1));

    let model = Resonance::default();
    let estimator = small(model.npe()).seed(seed(1)).train(Budget::simulations(600)).unwrap();
    let x = model.simulate(1).size("events", 150).seed(seed(3)).one().unwrap().data.events.x;
    let part = |x: &[f64]| estimator.summarize(&ResonanceData { events: ResonanceEvents { x: x.to_vec() } }).unwrap();
    let (mut a, b, empty) = (part(&x[..40]), part(&x[40..]), part(&[]));
    let mut turned = b.clone();
    a.merge(&b).unwrap();
    turned.merge(&empty).unwrap();
    turned.merge(&part(&x[..40])).unwrap();
    assert_eq!(a, turned);
    assert_eq!(a.sizes(), [150]);
    // On paper and back.
    let a: DataSummary<Resonance> = serde_json::from_str(&serde_json::to_string(&a).unwrap()).unwrap();
    let merged = estimator.condition_on(&a).unwrap();
    let whole = estimator.condition(&ResonanceData { events: ResonanceEvents { x: x.clone() } }).unwrap();
    for (merged, whole) in merged.sample(50, 1).concat().iter().zip(whole.sample(50, 1).concat()) {
        within!((merged - whole).abs(), 1e-5 * whole.abs().max(1.0), "{merged} and {whole}");
    }

    // Sizes are those of the whole, and only of the whole.
    let error = estimator.condition_on(&empty).unwrap_err();
    assert!(error.to_string().contains("`events` has 0 elements"), "{error}");
    let mut many = a.clone();
    many.merge(&a).unwrap();
    assert!(estimator.condition_on(&many).unwrap_err().to_string().contains("300 elements"));
    let bad = ResonanceData { events: ResonanceEvents { x: vec![f64::NAN] } };
    assert!(matches!(estimator.summarize(&bad), Err(InferenceError::Data(_))));
    let other = small(model.npe()).seed(seed(2)).train(Budget::simulations(600)).unwrap();
    assert!(matches!(other.condition_on(&a), Err(InferenceError::File(FileError::OtherPosterior { .. }))));
    let foreign = other.summarize(&ResonanceData { events: ResonanceEvents { x } }).unwrap();
    assert!(matches!(many.merge(&foreign), Err(InferenceError::File(FileError::OtherPosterior { .. }))));

    let model = ItemResponse::default();
    let items = [("subjects", 20), ("items", 10), ("answers", 100)];
    let npe = items.iter().fold(small(model.npe()), |npe, (plate, n)| npe.size(plate, *n));
    let estimator = npe.train(Budget::simulations(600)).unwrap();
    let data =
        items.iter().fold(model.simulate(1).seed(seed(9)), |all, (plate, n)| all.size(plate, *n)).one().unwrap().data;
    let error = estimator.summarize(&data).unwrap_err();
    assert!(matches!(error, InferenceError::Request(RequestError::NoParts { .. })), "{error}");
}

#[test]
fn a_bank_is_simulated_once_and_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let model = Gauss::default();
    let simulate = |sets: usize| model.simulate(sets).seed(seed(4)).size("events", 20);
    let bank = simulate(2500).bank(folder.path()).unwrap();
    assert_eq!(bank.len(), 2500);
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        names.sort();
        names
    };
    // Three shards, and the units of their numbers.
    assert_eq!(files().len(), 4);

    // A training from it, and one from a bank of which a file was lost and the last is of a smaller bank.
    let train = |bank: &Bank<Gauss>| {
        // Sizes with which it learns the simulations by heart.
        let network = NetworkConfig { bins: Some(96), family: Some(Family::nsf()), ..Default::default() };
        let training = TrainingConfig { weight_decay: Some(0.0), ..Default::default() };
        let npe = model.npe().globals(["theta"]).network(network).training(training).bank(bank);
        let estimator = npe.train(Budget::simulations(100_000)).unwrap();
        let data = model.simulate(1).seed(seed(8)).size("events", 20).one().unwrap().data;
        (estimator.condition(&data).unwrap().sample(3, 1), estimator)
    };
    let (first, estimator) = train(&bank);
    std::fs::remove_file(&files()[1]).unwrap();
    simulate(2100).bank(tempfile::tempdir().unwrap().path()).unwrap();
    assert_eq!(simulate(2100).bank(folder.path()).unwrap().len(), 2100);
    assert_eq!(train(&simulate(2500).bank(folder.path()).unwrap()).0, first);
    // It has been learned by heart, and says so; the weights are those of before.
    assert!(estimator.warnings().iter().any(|w| w.contains("overfitting")), "{:?}", estimator.history());
    let (mut off, sets) = (0.0, model.simulate(200).seed(seed(9)).size("events", 20).run().unwrap());
    for s in &sets {
        let mean = estimator.condition(&s.data).unwrap().mean("theta").unwrap();
        off += ((mean - s.data.events.x.iter().sum::<f64>() / 21.0).powi(2) * 21.0 / sets.len() as f64).sqrt() / 14.0;
    }
    within!(off, 1.0, "{off}");

    let error = model.simulate(2500).seed(5).size("events", 20).bank(folder.path()).unwrap_err();
    assert!(
        matches!(error, InferenceError::Bank(BankError::OtherSimulations { .. }))
            && error.to_string().contains("seed 5"),
        "{error}"
    );
    let error = Radon::default().simulate(10).bank(folder.path()).unwrap_err();
    assert!(error.to_string().contains("00000.safetensors"), "{error}");
    let bytes = std::fs::read(&files()[0]).unwrap();
    std::fs::write(&files()[0], &bytes[..bytes.len() - 9]).unwrap();
    let error = simulate(2500).bank(folder.path()).unwrap_err();
    assert!(error.to_string().contains("cut short"), "{error}");
    let small = model.simulate(100).bank(tempfile::tempdir().unwrap().path()).unwrap();
    let error = model.npe().bank(&small).train(Budget::simulations(100)).unwrap_err();
    assert!(error.to_string().contains("100 data sets is too small"), "{error}");
}

#[test]
fn a_training_with_a_checkpoint_is_not_run_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    let model = Resonance::default();
    let train =
        |model: &Resonance, own| model.npe().seed(seed(own)).checkpoint(&path).train(Budget::simulations(20_000));
    let data = model.simulate(1).seed(seed(8)).one().unwrap().data;
    let draws = |estimator: &PosteriorEstimator<Resonance>| estimator.condition(&data).unwrap().sample(3, 1);
    let first = train(&model, 1).unwrap();
    let again = train(&model, 1).unwrap();
    assert_eq!(draws(&first), draws(&again));
    // To the second: it was read, not run.
    assert_eq!(first.history(), again.history());
    assert_eq!(draws(&first), draws(&model.npe().seed(seed(1)).train(Budget::simulations(20_000)).unwrap()));
    let error = train(&model, 2).unwrap_err();
    assert!(
        error.to_string().contains("other settings") && error.to_string().contains("training.safetensors"),
        "{error}"
    );
    let error = train(&Resonance { width: 0.2 }, 1).unwrap_err();
    assert!(matches!(error, InferenceError::File(FileError::OtherTraining { .. })), "{error}");
    std::fs::write(&path, "something else").unwrap();
    assert!(train(&model, 1).unwrap_err().to_string().contains("training.safetensors"));
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_network_of_ones_own_learns_from_the_rows() {
    a_network_of_ones_own(300_000, 0.15);
}

#[test]
fn a_network_of_ones_own_reads_the_rows() {
    a_network_of_ones_own(20_000, 0.8);
}

/// After so many data sets, means are off by so many sd. Those of the prior are off by 4.4.
fn a_network_of_ones_own(sets: u64, sds: f64) {
    use hierarch::dfdx::prelude::*;
    type Network = (Linear<1, 32>, Tanh, Linear<32, 32>, Tanh);
    let device = Cpu::seed_from_u64(seed(3));
    let module = device.build_module::<Network, f32>();
    let networks = || ElementNetworks::default().plate::<_, 1, 32>("events", module.clone());
    let model = Gauss::default();
    // Nothing is pooled but what the module makes.
    let npe = || {
        model.npe().globals(["theta"]).network(NetworkConfig { bins: Some(0), ..Default::default() }).size("events", 20)
    };
    let estimator = npe().element_networks(networks()).train(Budget::simulations(sets)).unwrap();
    let sets = model.simulate(200).seed(seed(9)).size("events", 20).run().unwrap();
    let off = |estimator: &PosteriorEstimator<Gauss>| -> f64 {
        let square = |s: &Simulation<Gauss>| {
            let mean = estimator.condition(&s.data).unwrap().mean("theta").unwrap();
            (mean - s.data.events.x.iter().sum::<f64>() / 21.0).powi(2) * 21.0
        };
        (sets.iter().map(square).sum::<f64>() / sets.len() as f64).sqrt()
    };
    println!("off by {:.4} sd", off(&estimator));
    within!(off(&estimator), sds, "{}", off(&estimator));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    estimator.save(&path).unwrap();
    let loaded = PosteriorEstimator::load_with(&model, &path, networks()).unwrap();
    assert_eq!(off(&loaded), off(&estimator));
    let error = PosteriorEstimator::load(&model, &path).unwrap_err();
    assert!(error.to_string().contains("element network"), "{error}");
    let wide = ElementNetworks::default().plate::<_, 2, 4>("events", device.build_module::<Linear<2, 4>, f32>());
    let error = npe().element_networks(wide).train(Budget::simulations(600)).unwrap_err();
    assert!(error.to_string().contains("reads 2 numbers"), "{error}");
    let lost = ElementNetworks::default().plate::<_, 1, 4>("event", device.build_module::<Linear<1, 4>, f32>());
    let error = npe().element_networks(lost).train(Budget::simulations(600)).unwrap_err();
    assert!(error.to_string().contains("`event`") && error.to_string().contains("`events`"), "{error}");
}

/// An ensemble is the mixture of its members, saved and loaded as one, and goes on where it was stopped.
#[test]
fn an_ensemble_is_the_mixture_of_its_members() {
    let model = Gauss::default();
    let folder = tempfile::tempdir().unwrap();
    let npe = || model.npe().globals(["theta"]).seed(seed(1));
    let checkpoint = folder.path().join("training.safetensors");
    let ensemble = || npe().ensemble(3).checkpoint(&checkpoint).train(Budget::simulations(4_000)).unwrap();
    let together = ensemble();
    let first = npe().train(Budget::simulations(4_000)).unwrap();
    let data = GaussData { events: GaussEvents { x: vec![0.3, -0.2, 1.1, 0.4] } };
    let (posterior, of_first) = (together.condition(&data).unwrap(), first.condition(&data).unwrap());
    let at = |theta| GaussGlobals { theta, other: 0.0, spread: 1.0 };
    // The density integrates to 1 and contains that of the first member.
    let (mut mass, mut least) = (0.0, f64::INFINITY);
    for i in 0..4000 {
        let theta = -4.0 + 8.0 * (f64::from(i) + 0.5) / 4000.0;
        let density = posterior.log_density(&at(theta)).exp();
        mass += density * 8.0 / 4000.0;
        least = least.min(density - of_first.log_density(&at(theta)).exp() / 3.0);
    }
    within!((mass - 1.0).abs(), 1e-4, "mass {mass}, least {least}");
    within!(-1e-9, least, "mass {mass}, least {least}");
    // Draws have its mean and sd: five standard errors.
    let draws = posterior.sample(40_000, seed(3)).swap_remove(0);
    let (mean, sd) = (posterior.mean("theta").unwrap(), posterior.sd("theta").unwrap());
    let drawn = draws.iter().sum::<f64>() / 40_000.0;
    within!((drawn - mean).abs(), 5.0 * sd / 200.0, "{drawn} {mean}");

    assert_eq!(ensemble().condition(&data).unwrap().sample(10, 1), posterior.sample(10, 1));
    let path = folder.path().join("ensemble.safetensors");
    together.save(&path).unwrap();
    let loaded = PosteriorEstimator::load(&model, &path).unwrap();
    assert_eq!(loaded.condition(&data).unwrap().sample(10, 1), posterior.sample(10, 1));
    let part = |x: &[f64]| GaussData { events: GaussEvents { x: x.to_vec() } };
    let mut summary = loaded.summarize(&part(&[0.3, -0.2])).unwrap();
    summary.merge(&together.summarize(&part(&[1.1, 0.4])).unwrap()).unwrap();
    let streamed = loaded.condition_on(&summary).unwrap();
    within!((streamed.mean("theta").unwrap() - mean).abs(), 1e-4);
    // Trained for one size, it does not answer for others.
    let fixed = npe().size("events", 4).train(Budget::simulations(256)).unwrap();
    assert!(fixed.condition(&data).is_ok());
    let error = fixed.condition(&part(&[0.3])).unwrap_err().to_string();
    assert!(error.contains("`events` has 1 elements") && error.contains("for 4 alone"), "{error}");
    let none = npe().ensemble(0).train(Budget::simulations(100)).unwrap_err().to_string();
    assert!(none.contains("at least 1"), "{none}");
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_causal_posterior_is_exact_after_every_element() {
    causal(100_000, 100, 0.1, 0.05);
}

#[test]
fn a_causal_posterior_says_what_is_believed_after_every_element() {
    causal(20_000, 20, 0.3, 0.15);
}

/// Trained on so many data sets of a size: the mean within so many exact sds and the sd within such a share of it, on average
/// over 40 data sets, after every element.
fn causal(sets: u64, size: usize, sds: f64, share: f64) {
    let model = Gauss::default();
    let encoder = Encoder::Causal { width: 32, heads: 2, blocks: 1 };
    // Of a plate that has one size only, too, every beginning is learned.
    let npe =
        model.npe().globals(["theta"]).size("events", size).network(NetworkConfig { encoder, ..Default::default() });
    let estimator = npe.seed(seed(1)).train(Budget::simulations(sets)).unwrap();
    let sets = model.simulate(40).size("events", size).seed(seed(7)).run().unwrap();
    let posteriors: Vec<_> = sets.iter().map(|s| estimator.condition_prefixes(&s.data).unwrap()).collect();
    for seen in 1..=size {
        let (mut off, mut ratio) = (0.0, 0.0);
        for (s, posteriors) in sets.iter().zip(&posteriors) {
            assert_eq!(posteriors.len(), size);
            let precision = 1.0 + seen as f64;
            let (mean, sd) = (s.data.events.x[..seen].iter().sum::<f64>() / precision, precision.recip().sqrt());
            off += ((posteriors[seen - 1].mean("theta").unwrap() - mean) / sd).abs() / sets.len() as f64;
            ratio += posteriors[seen - 1].sd("theta").unwrap() / sd / sets.len() as f64;
        }
        println!("after {seen}: mean off by {off:.4} sd, sd ratio {ratio:.4}");
        within!(off, sds, "after {seen}: {off}");
        within!((ratio - 1.0).abs(), share, "after {seen}: {ratio}");
    }
    let data = &sets[0].data;
    let (last, whole) = (&posteriors[0][size - 1], estimator.condition(data).unwrap());
    within!((last.mean("theta").unwrap() - whole.mean("theta").unwrap()).abs(), 1e-5);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("causal.safetensors");
    estimator.save(&path).unwrap();
    let loaded = PosteriorEstimator::load(&model, &path).unwrap();
    assert_eq!(loaded.condition(data).unwrap().mean("theta"), whole.mean("theta"));
    assert_eq!(loaded.condition_prefixes(data).unwrap()[7].sd("theta"), posteriors[0][7].sd("theta"));
    let bad = GaussData { events: GaussEvents { x: vec![f64::NAN] } };
    assert!(matches!(estimator.condition_prefixes(&bad), Err(InferenceError::Data(_))));
    let error = estimator.summarize(data).unwrap_err().to_string();
    assert!(error.contains("attention"), "{error}");
}

#[test]
fn attention_where_it_cannot_be_says_why() {
    use hierarch::dfdx::prelude::*;
    let model = Gauss::default();
    let npe = || model.npe().globals(["theta"]).size("events", 5);
    let data = GaussData { events: GaussEvents { x: vec![0.1; 5] } };
    let deep_set = npe().train(Budget::simulations(600)).unwrap();
    let error = deep_set.condition_prefixes(&data).unwrap_err().to_string();
    assert!(error.contains("CAUSAL"), "{error}");

    let attention = || npe().network(NetworkConfig { encoder: Encoder::ATTENTION, ..Default::default() });
    let estimator = attention().train(Budget::simulations(600)).unwrap();
    assert!(estimator.condition(&data).is_ok());
    assert!(estimator.condition_prefixes(&data).is_err() && estimator.summarize(&data).is_err());
    let networks =
        ElementNetworks::default().plate::<_, 1, 4>("events", Cpu::default().build_module::<Linear<1, 4>, f32>());
    let error = attention().element_networks(networks).train(Budget::simulations(600)).unwrap_err().to_string();
    assert!(error.contains("one or the other"), "{error}");
}

/// A model that differs in one number of one prior is another model.
#[test]
fn the_arguments_of_distributions_are_part_of_the_fingerprint() {
    mod wider {
        use hierarch::prelude::*;
        model! {
            pub Gauss {
                global theta ~ Normal(0.0, 1.5);
                global other ~ Normal(0.0, 1.0);
                nuisance spread ~ Uniform(0.99, 1.01);
                plate events(1..=200) {
                    observe x ~ Normal(theta, spread);
                }
            }
        }
    }
    let (here, there) = (Gauss::default().specification(), wider::Gauss::default().specification());
    assert_eq!(here.variables[0].definition, "Normal(0.0, 1.0)");
    assert_eq!(there.variables[0].definition, "Normal(0.0, 1.5)");
    assert_ne!(here.fingerprint(), there.fingerprint());
}

model! {
    pub Winds {
        global up[3] ~ UnitVector;
        global noise ~ HalfNormal(1.0);
        plate days(1..=9) {
            observe wind[3] ~ VonMisesFisher(up, 5.0);
            observe speed ~ Normal(0.0, noise);
        }
    }
}

#[test]
fn a_direction_is_refused_as_one() {
    let winds = Winds::default();
    let error = winds.npe().train(Budget::simulations(200)).unwrap_err().to_string();
    assert!(error.starts_with("`up` is a direction, and networks infer none"), "{error}");
    assert!(winds.npe().globals(["noise"]).train(Budget::simulations(200)).is_ok());
}

//! Ratios of single elements: summed over a plate, and in the place of a density that is missing, against exact posteriors.

use hierarch::distributions::{Distribution, Normal};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};

use hierarch::simulate::Stream;

model! {
    pub Shift {
        global mu ~ Normal(0.0, 1.0);
        plate events(1..=60) {
            local own ~ Normal(mu, 0.6);
            observe x ~ Normal(own, 0.8);
        }
    }
}

/// The posterior of a mean given numbers around it with an sd, after a prior N(0, 1).
fn conjugate(x: &[f64], sd: f64) -> (f64, f64) {
    let precision = 1.0 + x.len() as f64 / (sd * sd);
    (x.iter().sum::<f64>() / (sd * sd) / precision, precision.recip().sqrt())
}

/// From one event to sixty, from a network that has never seen more than one.
#[test]
#[ignore = "long: a training to a stated accuracy"]
fn ratios_of_events_multiply_to_that_of_the_data() {
    ratios_multiply(1_500_000, &[1, 10, 60], [0.15, 0.1, 0.15]);
}

#[test]
fn ratios_of_events_multiply_roughly() {
    ratios_multiply(50_000, &[1, 10], [0.5, 0.3, 0.9]);
}

/// After so many data sets: the posterior's mean within so many sds, its sd within such a share, and each ln ratio within so
/// many nats.
fn ratios_multiply(sets: u64, sizes: &[usize], [sds, share, nats]: [f64; 3]) {
    let model = Shift::default();
    let ratio = model.nre().seed(seed(1)).per_event("events").train(Budget::simulations(sets)).unwrap();
    for &n in sizes {
        let s = model.simulate(1).size("events", n).seed(seed(5)).one().unwrap();
        let (mean, sd) = conjugate(&s.data.events.x, 1.0);
        let chains = ratio.nuts(&s.data).unwrap().chains(2).seed(seed(1)).run().unwrap();
        let row = chains.summary().rows.remove(0);
        println!("n = {n}: {:.3} +- {:.3}, exact {mean:.3} +- {sd:.3}", row.mean, row.sd);
        within!((row.mean - mean).abs(), sds * sd, "n = {n}: mean {} for {mean} +- {sd}", row.mean);
        within!((row.sd / sd - 1.0).abs(), share, "n = {n}: sd {} for {sd}", row.sd);
        // Each is ln N(x; mu, 1) - ln N(x; 0, sqrt 2).
        let at = ShiftGlobals { mu: mean };
        for (found, x) in ratio.log_ratios(&s.data, &at, &s.locals).unwrap().iter().zip(&s.data.events.x) {
            let exact = Normal::new(mean, 1.0).log_density(*x) - Normal::new(0.0, 2.0_f64.sqrt()).log_density(*x);
            within!((found - exact).abs(), nats, "{x}: {found}, exact {exact}");
        }
    }
}

/// Three pixels, each a number and noise: a normal distribution that the model does not know of.
fn render(brightness: f64, rng: &mut Stream) -> [f32; 3] {
    std::array::from_fn(|_| hierarch::simulate::draw("image", &Normal::new(brightness, 0.6), rng).unwrap() as f32)
}

model! {
    pub Hidden {
        global mu ~ Normal(0.0, 1.0);
        plate images(1..=40) {
            local brightness ~ Normal(mu, 0.5);
            observe image: [f32; 3] ~ render(brightness);
        }
        plate stars(1..=10) {
            observe flux ~ Normal(mu, 1.0);
        }
    }
}

model! {
    /// The same with the density that is missing.
    pub Known {
        global mu ~ Normal(0.0, 1.0);
        plate images(1..=40) {
            local brightness ~ Normal(mu, 0.5);
            observe image[3] ~ Normal(brightness, 0.6);
        }
        plate stars(1..=10) {
            observe flux ~ Normal(mu, 1.0);
        }
    }
}

#[test]
#[ignore = "long: a training to a stated accuracy"]
fn a_ratio_stands_in_for_a_density() {
    ratio_instead_of_density(1_500_000, &[1, 20], 0.15, 0.1);
}

#[test]
fn a_ratio_stands_in_roughly_for_a_density() {
    ratio_instead_of_density(50_000, &[1, 5], 0.4, 0.3);
}

/// After so many data sets: means within so many sds, sds within such a share.
fn ratio_instead_of_density(sets: u64, sizes: &[usize], sds: f64, share: f64) {
    let model = Hidden::default();
    let ratio = model.nre().seed(seed(1)).implicit("images").train(Budget::simulations(sets)).unwrap();
    for &n in sizes {
        let data = model.simulate(1).size("images", n).size("stars", 5).seed(seed(6)).one().unwrap().data;
        let known = KnownData {
            images: KnownImages { image: data.images.image.iter().map(|image| image.map(f64::from)).collect() },
            stars: KnownStars { flux: data.stars.flux.clone() },
        };
        let twin = Known::default();
        let exact = twin.nuts(&known).chains(2).draws(2000).seed(seed(1)).run().unwrap();
        let found = ratio.nuts(&data).unwrap().chains(2).draws(2000).seed(seed(2)).run().unwrap();
        println!("{exact}\n{found}");
        assert_eq!(found.names(), exact.names());
        within!(found.rhat_max() - 1.0, 0.02);
        for (found, exact) in found.summary().rows.iter().zip(&exact.summary().rows) {
            within!(
                (found.mean - exact.mean).abs(),
                sds * exact.sd,
                "n = {n}, {}: mean {} for {} +- {}",
                found.name,
                found.mean,
                exact.mean,
                exact.sd
            );
            within!((found.sd / exact.sd - 1.0).abs(), share, "n = {n}, {}: {} for {}", found.name, found.sd, exact.sd);
        }
    }
}

#[test]
fn a_saved_ratio_is_the_same_when_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratio.safetensors");
    let model = Hidden::default();
    let ratio = model.nre().implicit("images").train(Budget::simulations(2_000)).unwrap();
    ratio.save(&path).unwrap();
    let loaded = hierarch::estimators::EventRatio::load(&model, &path).unwrap();
    let s = model.simulate(1).one().unwrap();
    let of =
        |ratio: &hierarch::estimators::EventRatio<Hidden>| ratio.log_ratios(&s.data, &s.globals, &s.locals).unwrap();
    assert_eq!(of(&ratio), of(&loaded));
    let error = TestStatistic::load(&model, &path).unwrap_err().to_string();
    assert!(error.contains("its header has no `hierarch.statistic`"), "{error}");
    let error = hierarch::estimators::EventRatio::load(&Shift::default(), &path).unwrap_err().to_string();
    assert!(error.contains("`Hidden`") && error.contains("`Shift`"), "{error}");
}

#[test]
fn what_elements_do_not_tell_is_an_error() {
    let model = Hidden::default();
    let fails = |training: hierarch::estimators::EventNre<'_, Hidden>| {
        training.train(Budget::simulations(500)).unwrap_err().to_string()
    };
    let error = fails(model.nre().per_event("images"));
    assert!(error.contains("`flux` is observed, too"), "{error}");
    let error = fails(model.nre().implicit("stars"));
    assert!(error.contains("`image`, which is implicit, is not directly in it"), "{error}");
    let error = fails(model.nre().implicit("planets"));
    assert!(error.contains("no plate at the top of the data `planets`; there are `images`, `stars`"), "{error}");
    let error = fails(model.nre().globals(["mu"]).implicit("images"));
    assert!(error.contains("all are needed"), "{error}");
    let error = Known::default().nre().implicit("images").train(Budget::simulations(500)).unwrap_err().to_string();
    assert!(error.contains("use `per_event`"), "{error}");
}

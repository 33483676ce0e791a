//! Properties that hold of any simulation of a model, and of random models against their exact posteriors.
//!
//! Seeds are fixed, so that a test that passes once passes always. Statistical bounds are five standard errors wide: a false
//! alarm in two million for each.

use hierarch::calibration::strategies::{Conjugate, NormalNormal, Visit, conjugate, prior, simulations, sizes};
use hierarch::calibration::{Calibrate, Tolerance};
use hierarch::draws::diagnostics::mcse_mean;
use hierarch::io::{read_csv, write_csv};
use hierarch::model::{AsNumbers, Density, PlateSize, log_density, unconstrain};
use hierarch::model::{DataSet, LocalSet};
use hierarch::prelude::*;
use hierarch_tests::models::*;
use hierarch_tests::properties::{cases, simulate};
use hierarch_tests::slope;
use hierarch_tests::within;
use proptest::prelude::*;

/// The numbers of a simulation in the order in which an exact posterior names them.
fn latents<M: Model>(globals: &M::Globals, locals: &M::Locals) -> Vec<f64> {
    let frame = locals.frame();
    let columns = frame.plates.iter().flat_map(|plate| &plate.columns);
    let of_locals = columns.flat_map(|column| (0..column.values.len()).map(|i| column.values.get(i)));
    globals.to_numbers().into_iter().chain(of_locals).collect()
}

/// The joint density is that of the exact posterior, up to the evidence, which is the same at any latents.
struct DensityIsExact(u64);

impl Visit for DensityIsExact {
    type Output = ();
    fn visit<M: Conjugate>(self, model: &M) {
        let data = simulate(model, self.0).data;
        let exact = model.exact(&data);
        let evidence = |seed: u64| {
            let other = model.simulate(1).seed(seed).same_design_as(&data).one().unwrap();
            let joint = log_density(model, &other.globals, &other.locals, &data).unwrap();
            joint - exact.log_density(&latents::<M>(&other.globals, &other.locals))
        };
        let (one, other) = (evidence(self.0 ^ 1), evidence(self.0 ^ 2));
        within!((one - other).abs(), 1e-9 * (1.0 + one.abs()), "{model:?}: {one} {other}");
    }
}

/// Draws, quantiles and moments of the exact posterior are those of its distribution function.
struct ExactIsOneDistribution(u64);

impl Visit for ExactIsOneDistribution {
    type Output = ();
    fn visit<M: Conjugate>(self, model: &M) {
        const DRAWS: usize = 4_000;
        let data = simulate(model, self.0).data;
        let exact = model.exact(&data);
        for ((name, draws), marginal) in exact.sample(DRAWS, self.0).iter().zip(exact.marginals()) {
            assert_eq!(exact.marginal(name), Some(marginal));
            for p in [0.01, 0.5, 0.9] {
                within!((marginal.cdf(marginal.quantile(p)) - p).abs(), 1e-6, "{marginal:?}");
            }
            let n = DRAWS as f64;
            let below = |p: f64| draws.iter().filter(|x| **x < marginal.quantile(p)).count() as f64 / n;
            for p in [0.1, 0.5, 0.9] {
                within!((below(p) - p).abs(), 5.0 * (p * (1.0 - p) / n).sqrt(), "{marginal:?}: {} {p}", below(p));
            }
            // Moments by the rule of midpoints over probabilities.
            let steps = 4_000;
            let points = (0..steps).map(|i| marginal.quantile((f64::from(i) + 0.5) / f64::from(steps)));
            let (mean, sd) = (marginal.mean(), marginal.sd());
            let z: Vec<f64> = points.map(|x| (x - mean) / sd).collect();
            let moment = |power| z.iter().map(|z| z.powi(power)).sum::<f64>() / f64::from(steps);
            within!(moment(1).abs(), 2e-3, "{marginal:?}: {} {}", moment(1), moment(2));
            within!((moment(2) - 1.0).abs(), 0.01, "{marginal:?}: {} {}", moment(1), moment(2));
        }
    }
}

/// Draws of NUTS, each as its exact probability, have the mean 1/2 and the mean square about it 1/12.
struct NutsIsExact(u64);

impl Visit for NutsIsExact {
    type Output = ();
    fn visit<M: Conjugate>(self, model: &M) {
        let data = simulate(model, self.0).data;
        let chains = model.nuts(&data).seed(self.0).chains(2).warmup(500).draws(1500).run().unwrap();
        let exact = model.exact(&data);
        for (name, marginal) in exact.names().iter().zip(exact.marginals()) {
            let by = |of: fn(f64) -> f64| -> Vec<Vec<f64>> {
                let chains = chains.by_chain(name).unwrap().into_iter();
                chains.map(|chain| chain.iter().map(|x| of(marginal.cdf(*x))).collect()).collect()
            };
            for (of, expected) in [((|u| u) as fn(f64) -> f64, 0.5), (|u| (u - 0.5).powi(2), 1.0 / 12.0)] {
                let draws = by(of);
                let mean = draws.concat().iter().sum::<f64>() / draws.concat().len() as f64;
                let error = mcse_mean(&draws);
                within!((mean - expected).abs(), 5.0 * error, "{model:?} {name}: {mean} +- {error}, not {expected}");
            }
        }
    }
}

/// The gradient at a simulation's latents is that of the density, by finite differences of fourth order.
fn gradient_is_that_of_the_density<M: Likelihood>(model: &M, simulation: &Simulation<M>) {
    let q = unconstrain(model, &simulation.globals, Some((&simulation.locals, &simulation.data)));
    let mut density = Density::new(model, &simulation.data).unwrap();
    let (mut gradient, mut scratch) = (vec![0.0; q.len()], vec![0.0; q.len()]);
    let value = density.gradient(&q, &mut gradient);
    assert!(value.is_finite(), "{value}");
    for (i, by) in gradient.iter().enumerate() {
        let slope = slope(&q, i, 1e-3, |q| density.gradient(q, &mut scratch));
        // Of the rounding of the density, a part in 10^15, this makes 10^12.
        let error = (by - slope).abs();
        within!(error, 1e-5 * by.abs().max(1.0) + 1e-11 * value.abs(), "{i}: {by} {slope}");
    }
}

struct GradientIsThatOfTheDensity(u64);

impl Visit for GradientIsThatOfTheDensity {
    type Output = ();
    fn visit<M: Conjugate>(self, model: &M) {
        gradient_is_that_of_the_density(model, &simulate(model, self.0));
    }
}

/// The exact sampler is calibrated, with no tolerance.
struct ExactIsCalibrated(u64);

impl Visit for ExactIsCalibrated {
    type Output = ();
    fn visit<M: Conjugate>(self, model: &M) {
        let exact = |data: &M::Data, count, seed| Ok::<_, String>(model.exact(data).sample(count, seed));
        let calibration = Calibrate::new(model, &exact).simulations(200).draws(50).seed(self.0).run().unwrap();
        let tolerance = Tolerance { width: 0.0, shift: 0.0, ..Tolerance::default() };
        calibration.check(&tolerance).unwrap_or_else(|error| panic!("{model:?}: {error}"));
        within!(1e-6, calibration.p_min());
    }
}

/// Written and read again, data are the same.
fn survives_files<D: DataSet>(model: &D::Model, data: &D) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    write_csv(data, &path).unwrap();
    assert_eq!(read_csv::<D>(model, &path, &[]).unwrap(), *data);
    assert_eq!(serde_json::from_str::<D>(&serde_json::to_string(data).unwrap()).unwrap(), *data);
}

/// Sizes of plates at the top are within their ranges, or as they are fixed; and the model accepts its simulations.
fn fits<M: Model>(model: &M, simulation: &Simulation<M>) {
    hierarch::model::check(model, &simulation.data).unwrap();
    hierarch::model::check_locals::<M>(&simulation.locals, &simulation.data).unwrap();
    let (specification, frame) = (model.specification(), simulation.data.frame());
    for plate in &specification.plates {
        let Some(found) = frame.plates.iter().find(|one| one.name == plate.name) else { continue };
        if !matches!(plate.size, PlateSize::Random { .. }) {
            assert!(plate.size.allows(found.size), "{} of `{}`", found.size, plate.name);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn densities_are_those_of_exact_posteriors(model in conjugate(), seed in any::<u64>()) {
        model.visit(DensityIsExact(seed));
    }

    #[test]
    fn gradients_of_random_models(model in conjugate(), seed in any::<u64>()) {
        model.visit(GradientIsThatOfTheDensity(seed));
    }

}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn simulations_fit_and_survive_files(
        radon in simulations(&Radon::default()),
        sessions in simulations(&Sessions::default()),
        groups in simulations(&Groups::default()),
        counting in simulations(&Counting::default()),
    ) {
        fits(&Radon::default(), &radon);
        survives_files(&Radon::default(), &radon.data);
        fits(&Sessions::default(), &sessions);
        survives_files(&Sessions::default(), &sessions.data);
        fits(&Groups::default(), &groups);
        survives_files(&Groups::default(), &groups.data);
        fits(&Counting::default(), &counting);
        survives_files(&Counting::default(), &counting.data);
    }

    #[test]
    fn draws_of_the_prior_are_within_its_support(
        resonance in prior(&Resonance::default()),
        counting in prior(&Counting::default()),
        of_plates in sizes(&Radon::default()),
    ) {
        prop_assert!((0.0..1.0).contains(&resonance.fraction));
        prop_assert!((counting.share.iter().sum::<f64>() - 1.0).abs() < 1e-12 && counting.rate > 0.0);
        prop_assert!(matches!(&of_plates[..], [(name, size)] if name == "counties" && (1..=100).contains(size)));
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn gradients_at_draws_of_the_prior(
        detectors in simulations(&Detectors::default()),
        mut siblings in simulations(&Siblings::default()),
        changepoint in simulations(&Regression::default()),
    ) {
        gradient_is_that_of_the_density(&Detectors::default(), &detectors);
        // A difference across the kink of Laplace's density says nothing.
        for o in &mut siblings.data.other.o {
            *o += if (*o - siblings.globals.m).abs() < 0.01 { 0.1 } else { 0.0 };
        }
        gradient_is_that_of_the_density(&Siblings::default(), &siblings);
        gradient_is_that_of_the_density(&Regression::default(), &changepoint);
    }

    #[test]
    fn exact_posteriors_are_distributions(model in conjugate(), seed in any::<u64>()) {
        model.visit(ExactIsOneDistribution(seed));
    }

    #[test]
    fn nuts_is_exact(model in conjugate(), seed in any::<u64>()) {
        model.visit(NutsIsExact(seed));
    }

    #[test]
    fn exact_posteriors_are_calibrated(model in conjugate(), seed in any::<u64>()) {
        model.visit(ExactIsCalibrated(seed));
    }
}

/// What fails is reported for the least sizes and the least parameters.
#[test]
fn failures_are_reported_for_small_cases() {
    use proptest::test_runner::{TestError, TestRunner};
    let mut runner = TestRunner::new(cases(100));
    let strategy = simulations(&NormalNormal { least: 2, most: 200, ..NormalNormal::default() });
    let outcome = runner.run(&strategy, |simulation| {
        prop_assert!(simulation.data.events.x.len() < 17);
        Ok(())
    });
    let Err(TestError::Fail(_, simulation)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(simulation.data.events.x.len(), 17);
}

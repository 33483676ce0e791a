//! The explicit part of an implicit model's density: against the same models with the density that the functions draw from,
//! against models without the implicit observations, and against finite differences.

use hierarch::autodiff::log_sum_exp;
use hierarch::distributions::Normal;
use hierarch::model::DataSet;
use hierarch::model::{Density, Explicit, constrain, global_slots, local_ranges, local_slots, unconstrain};
use hierarch::prelude::*;
use hierarch::simulate::Stream;
use hierarch_tests::slope;
use rand::RngExt;

/// What only a function that draws needs may be computed with plain numbers.
fn tilt(share: f64) -> f64 {
    0.5 * share
}

fn normal(mean: f64, sd: f64, rng: &mut Stream) -> f64 {
    hierarch::simulate::draw("x", &Normal::new(mean, sd), rng).unwrap()
}

fn expose(light: f64, colour: f64, double: bool, tilt: f64, rng: &mut Stream) -> [f64; 2] {
    [0.0, 1.0].map(|i| normal(light + (colour + if double { 1.0 } else { 0.0 }) * i + tilt, 0.3, rng))
}

model! {
    /// Nested plates. Of the discrete locals, `cloudy` feeds only what has a density, `double` only the function.
    pub Photos {
        global shift ~ Normal(0.0, 1.0);
        global spread ~ LogNormal(0.0, 0.3);
        global share ~ Beta(2.0, 2.0);
        let tilted = tilt(share);
        plate fields(1..=6) {
            local sky ~ Normal(shift, spread);
            local cloudy ~ Bernoulli(share);
            let dimmed = if cloudy { sky - 1.0 } else { sky };
            observe haze ~ Normal(dimmed, 0.5);
            plate stars(0..=12) {
                local flux ~ Gamma(3.0, 2.0);
                local colour ~ Uniform(0.0, 2.0);
                local double ~ Bernoulli(share);
                observe photons ~ Poisson(if cloudy { flux } else { 4.0 * flux });
                observe image: [f64; 2] ~ expose(sky + flux, colour, double, tilted);
            }
        }
    }
}

model! {
    /// The same with the density that `expose` draws from.
    pub PhotosKnown {
        global shift ~ Normal(0.0, 1.0);
        global spread ~ LogNormal(0.0, 0.3);
        global share ~ Beta(2.0, 2.0);
        plate fields(1..=6) {
            local sky ~ Normal(shift, spread);
            local cloudy ~ Bernoulli(share);
            let dimmed = if cloudy { sky - 1.0 } else { sky };
            observe haze ~ Normal(dimmed, 0.5);
            plate stars(0..=12) {
                local flux ~ Gamma(3.0, 2.0);
                local colour ~ Uniform(0.0, 2.0);
                local double ~ Bernoulli(share);
                observe photons ~ Poisson(if cloudy { flux } else { 4.0 * flux });
                let steep = colour + if double { 1.0 } else { 0.0 };
                observe image[i in 0..2] ~ Normal(sky + flux + steep * i as f64 + 0.5 * share, 0.3);
            }
        }
    }
}

fn record(gain: f64, hits: f64, weight: usize, grains: SurveyGrainsLocals, blur: f64, rng: &mut Stream) -> f64 {
    normal(gain + hits + weight as f64 + grains.size.iter().sum::<f64>(), blur, rng)
}

fn photograph(trace: f64, rng: &mut Stream) -> [f32; 64] {
    [0; 64].map(|_| normal(trace, 1.0, rng) as f32)
}

model! {
    /// What is read by index, a random size, a count without a bound and another discrete local after it, a plate that is only
    /// simulated, an observation that depends on one without a density, and one of which nothing is left.
    pub Survey {
        global rate ~ Gamma(3.0, 1.0);
        global level ~ Normal(0.0, 1.0);
        observe bias: [f32; 64] ~ photograph(level);
        plate sites(1..=5) {
            local gain ~ Normal(level, 0.5);
            let boosted = 2.0 * gain;
            let blurred = tilt(gain);
        }
        plate shots(n ~ Poisson(3.0 * rate)) {
            given site: index(sites);
            given warm: f64 ~ Normal(0.0, 1.0);
            local hits ~ Poisson(rate);
            local weight ~ Categorical([0.5 / (1.0 + hits), 1.0 - 0.5 / (1.0 + hits)]);
            plate grains(k ~ Poisson(1.0 + hits)) {
                local size ~ Exponential(rate);
            }
            local blur ~ HalfNormal(1.0);
            local late ~ Bernoulli(0.3);
            observe trace: f64 ~ record(blurred[site], hits, weight, grains, blur);
            observe y ~ Normal(boosted[site] + trace + if late { warm } else { 0.0 }, 1.0);
        }
        plate darks(1..=9) {
            local flicker ~ Poisson(rate);
            observe dark: [f32; 64] ~ photograph(level + flicker);
        }
    }
}

model! {
    /// What of it has a density.
    pub SurveyRest {
        global rate ~ Gamma(3.0, 1.0);
        global level ~ Normal(0.0, 1.0);
        plate sites(1..=5) {
            local gain ~ Normal(level, 0.5);
            let boosted = 2.0 * gain;
        }
        plate shots(n ~ Poisson(3.0 * rate)) {
            given site: index(sites);
            given warm: f64;
            local blur ~ HalfNormal(1.0);
            local late ~ Bernoulli(0.3);
            given trace: f64;
            observe y ~ Normal(boosted[site] + trace + if late { warm } else { 0.0 }, 1.0);
        }
    }
}

model! {
    /// Nothing but globals and a function of them.
    pub Sky {
        global level ~ Normal(1.0, 2.0);
        nuisance noise ~ Exponential(3.0);
        let scaled = tilt(noise);
        plate darks(1..=9) {
            local flicker ~ Poisson(noise);
            observe dark: [f32; 64] ~ photograph(level + flicker * scaled);
        }
    }
}

fn log_normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

/// Positions all around the latents of a simulation.
fn positions(q: &[f64], seed: u64) -> Vec<Vec<f64>> {
    let mut rng = hierarch::simulate::stream(seed, 0);
    (0..4).map(|_| q.iter().map(|q| q + 2.0 * rng.random::<f64>() - 1.0).collect()).collect()
}

/// The gradient at random positions: equal with and without lanes, and to fourth-order finite differences of the value.
fn check_gradient<M: Explicit + Generative>(model: &M) {
    for (i, s) in (0..).zip(model.simulate(4).seed(7).run().unwrap()) {
        let mut density = Density::explicit(model, &s.data).unwrap();
        let simulated = unconstrain(model, &s.globals, Some((&s.locals, &s.data)));
        assert_eq!((simulated.len(), model.dimension(&s.data)), (density.dimension(), density.dimension()));
        for q in positions(&simulated, i) {
            let (mut gradient, mut plain, mut scratch) = (vec![0.0; q.len()], vec![0.0; q.len()], vec![0.0; q.len()]);
            let value = density.gradient(&q, &mut gradient);
            let plain_value = density.gradient_without_lanes(&q, &mut plain);
            assert!((value - plain_value).abs() < 1e-10 * value.abs().max(1.0), "{value} {plain_value}");
            for i in 0..q.len() {
                assert!((gradient[i] - plain[i]).abs() < 1e-9 * gradient[i].abs().max(1.0));
                let slope = slope(&q, i, 1e-3, |q| density.gradient(q, &mut scratch));
                assert!(
                    (gradient[i] - slope).abs() < 1e-5 * gradient[i].abs().max(1.0),
                    "{i}: {} {slope}",
                    gradient[i]
                );
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    check_gradient(&Photos::default());
    check_gradient(&Survey::default());
    check_gradient(&Sky::default());
}

/// The log density of the images of `Photos`, the discrete local behind them summed out by hand.
fn log_density_of_images(data: &PhotosData, q: &[f64]) -> f64 {
    let (model, mut values) = (Photos::default(), Vec::new());
    constrain(&model, Some(data), q, &mut values);
    let ranges = local_ranges(&global_slots(&model), &local_slots(&model), &data.frame());
    let local = |i: usize| &values[ranges[i].as_ref().unwrap().values.clone()];
    let (share, sky, flux, colour) = (values[2], local(0), local(2), local(3));
    let (stars, mut total) = (&data.fields.stars, 0.0);
    for (sky, range) in sky.iter().zip(stars.offsets.windows(2)) {
        for star in range[0]..range[1] {
            let light = sky + flux[star] + 0.5 * share;
            let single_and_double = [(1.0 - share, colour[star]), (share, colour[star] + 1.0)].map(|(p, steep)| {
                p.ln()
                    + log_normal(stars.image[star][0], light, 0.3)
                    + log_normal(stars.image[star][1], light + steep, 0.3)
            });
            total += log_sum_exp(&single_and_double);
        }
    }
    total
}

#[test]
fn explicit_and_implicit_part_are_the_whole() {
    let (model, known) = (Photos::default(), PhotosKnown::default());
    for (i, s) in (0..).zip(model.simulate(10).seed(1).run().unwrap()) {
        let data = PhotosKnownData::from_frame(s.data.frame()).unwrap();
        let (mut part, mut whole) = (Density::explicit(&model, &s.data).unwrap(), Density::new(&known, &data).unwrap());
        let simulated = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        for q in positions(&simulated, i) {
            let (mut of_part, mut of_whole) = (vec![0.0; q.len()], vec![0.0; q.len()]);
            let (a, b) = (part.gradient(&q, &mut of_part), whole.gradient(&q, &mut of_whole));
            let sum = a + log_density_of_images(&s.data, &q);
            assert!((sum - b).abs() < 1e-10 * b.abs().max(1.0), "{sum} {b}");
            for j in 0..q.len() {
                let slope = slope(&q, j, 1e-3, |q| log_density_of_images(&s.data, q));
                let error = of_part[j] + slope - of_whole[j];
                assert!(error.abs() < 1e-6 * of_whole[j].abs().max(1.0), "{j}: {} {slope} {}", of_part[j], of_whole[j]);
            }
        }
    }
}

#[test]
fn what_feeds_the_function_alone_is_left_out() {
    let (model, rest) = (Survey::default(), SurveyRest::default());
    for (i, s) in (0..).zip(model.simulate(20).seed(2).run().unwrap()) {
        let (sites, shots) = (s.data.sites.clone(), s.data.shots.clone());
        let data = SurveyRestData {
            sites: SurveyRestSites { size: sites.len() },
            shots: SurveyRestShots { site: shots.site, warm: shots.warm, trace: shots.trace, y: shots.y },
        };
        let (mut part, mut whole) = (Density::explicit(&model, &s.data).unwrap(), Density::new(&rest, &data).unwrap());
        let simulated = unconstrain(&model, &s.globals, Some((&s.locals, &s.data)));
        for q in positions(&simulated, i) {
            let (mut of_part, mut of_whole) = (vec![0.0; q.len()], vec![0.0; q.len()]);
            let (a, b) = (part.gradient(&q, &mut of_part), whole.gradient(&q, &mut of_whole));
            assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{a} {b}");
            assert!(of_part.iter().zip(&of_whole).all(|(x, y)| (x - y).abs() < 1e-12 * y.abs().max(1.0)));
            let (a, b) = (part.prior_gradient(&q, &mut of_part), whole.prior_gradient(&q, &mut of_whole));
            assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{a} {b}");
            assert_eq!(of_part, of_whole);
        }
    }
}

/// Where a function draws everything that is seen, the explicit part is the prior of the globals.
#[test]
fn prior_of_the_globals() {
    let model = Sky::default();
    let data = &model.simulate(1).one().unwrap().data;
    let mut density = Density::explicit(&model, data).unwrap();
    for q in positions(&[0.5, -1.0], 0) {
        // The rate of the exponential is 3; it is positive, so its unconstrained number is the logarithm.
        let value = log_normal(q[0], 1.0, 2.0) + 3.0_f64.ln() - 3.0 * q[1].exp() + q[1];
        let slopes = [-(q[0] - 1.0) / 4.0, 1.0 - 3.0 * q[1].exp()];
        let (mut prior, mut all) = ([0.0; 2], [0.0; 2]);
        for (found, gradient) in
            [(density.prior_gradient(&q, &mut prior), prior), (density.gradient(&q, &mut all), all)]
        {
            assert!((found - value).abs() < 1e-12 * value.abs().max(1.0), "{found} {value}");
            assert!(gradient.iter().zip(slopes).all(|(x, y)| (x - y).abs() < 1e-12 * y.abs().max(1.0)));
        }
    }
}

//! The models of lens images: what the simulator draws, and the density of images without subhaloes.

#[path = "../../examples/lensing/model.rs"]
mod model;
use std::f64::consts::{PI, TAU};

use hierarch::distributions::Draw;
use hierarch::distributions::{Distribution, Normal, Poisson};
use hierarch::model::{Density, log_density, names, unconstrain};
use hierarch::prelude::*;
use hierarch::sampling::{Proposal, importance_sample};
use hierarch::simulate::{Stream, stream};
use hierarch_lensing::{Nfw, sanchez_conde_prada_2014};
use hierarch_tests::slope;
use hierarch_tests::{seed, within};
use model::*;

/// theta_x, theta_y, theta_e and q.
type Lens = [f64; 4];

/// An image of a lens without subhaloes.
fn image(setup: &Setup, [theta_x, theta_y, theta_e, q]: Lens, seed: u64) -> Image {
    setup.photograph(&galaxy(theta_x, theta_y, theta_e, q), &[], &mut stream(seed, 0))
}

#[test]
fn images_are_of_the_subhaloes_of_the_prior() {
    let model = Lensing::default();
    let truth = LensingGlobals { beta: -1.9, sigma_sub: 10.0 };
    let sets = model.simulate(200).at(&truth).size("lenses", 2).seed(seed(1)).run().unwrap();
    let (mut seen, mut expected) = (0.0, 0.0);
    // Cumulative probabilities, which are uniform: of the masses, the squared radii and the angles.
    let mut uniform = [vec![], vec![], vec![]];
    // Pearson's chi-square of all pixels about their expected counts, and its mean and variance.
    let (mut chi2, mut pixels, mut variance) = (0.0, 0.0, 0.0);
    for set in &sets {
        let (lenses, subhaloes) = (&set.locals.lenses, &set.locals.lenses.subhaloes);
        assert_eq!(set.data.lenses.image.len(), 2);
        for (i, ends) in subhaloes.offsets.windows(2).enumerate() {
            seen += (ends[1] - ends[0]) as f64;
            // The area of the ring between theta_E - 0.2 and theta_E + 0.2.
            expected += truth.sigma_sub * 4.0 * PI * 0.2 * lenses.theta_e[i];
            let [inner, outer] = [(lenses.theta_e[i] - 0.2).powi(2), (lenses.theta_e[i] + 0.2).powi(2)];
            let mut haloes = vec![];
            for j in ends[0]..ends[1] {
                let [log10_mass, squared, angle] =
                    [subhaloes.log10_mass[j], subhaloes.radius_squared[j], subhaloes.angle[j]];
                let below = |x: f64| x.powf(truth.beta + 1.0);
                uniform[0].push((below(log10_mass) - below(8.0)) / (below(12.0) - below(8.0)));
                uniform[1].push((squared - inner) / (outer - inner));
                uniform[2].push(angle / TAU);
                let center = [
                    lenses.theta_x[i] + squared.sqrt() * angle.cos(),
                    lenses.theta_y[i] + squared.sqrt() * angle.sin(),
                ];
                let mass = f64::powf(10.0, log10_mass);
                let concentration = sanchez_conde_prada_2014(mass, 0.6774);
                haloes.push(Nfw::from_m200(center, mass, concentration, &model.setup.geometry));
            }
            let lens = galaxy(lenses.theta_x[i], lenses.theta_y[i], lenses.theta_e[i], lenses.q[i]);
            let means = model.setup.camera.expected_counts(&lens, &haloes, &model.setup.source);
            for (counts, mean) in set.data.lenses.image[i].as_flattened().iter().zip(means.as_flattened()) {
                assert!(counts.fract() == 0.0);
                let mean = f64::from(*mean);
                chi2 += (f64::from(*counts) - mean).powi(2) / mean;
                pixels += 1.0;
                variance += 2.0 + 1.0 / mean;
            }
        }
    }
    // Each of these gives a false alarm once in 1e6.
    within!((seen - expected).abs(), 4.9 * f64::sqrt(expected), "{seen} {expected}");
    within!(f64::abs(chi2 - pixels), 4.9 * f64::sqrt(variance), "{chi2} {pixels}");
    for (u, of) in uniform.iter_mut().zip(["mass", "radius", "angle"]) {
        u.sort_by(f64::total_cmp);
        let n = u.len() as f64;
        // Kolmogorov and Smirnov's distance, by which a power that is off by 0.4 shows.
        let distance = u.iter().enumerate().map(|(i, u)| (u - i as f64 / n).max((i as f64 + 1.0) / n - u));
        let distance = distance.fold(0.0, f64::max);
        assert!(u[0] >= 0.0 && u[u.len() - 1] <= 1.0, "{of}");
        within!(distance, f64::sqrt(f64::ln(2e6) / (2.0 * n)), "{of}: {distance}");
    }
}

/// The locals of lenses.
fn locals(lenses: &[Lens]) -> SmoothLensLocals {
    let column = |i: usize| lenses.iter().map(|lens| lens[i]).collect();
    let mut locals = SmoothLensLocals::default();
    locals.lenses.theta_x = column(0);
    locals.lenses.theta_y = column(1);
    locals.lenses.theta_e = column(2);
    locals.lenses.q = column(3);
    locals
}

/// Two images, and lenses that they are and are not of.
fn two_images(setup: &Setup) -> ([Image; 2], [[Lens; 2]; 2]) {
    let truth = [[0.1, -0.2, 1.8, 0.7], [-0.3, 0.1, 2.2, 0.9]];
    ([image(setup, truth[0], 1), image(setup, truth[1], 2)], [truth, [[0.0, 0.1, 2.0, 0.6], [0.2, 0.0, 1.7, 0.8]]])
}

#[test]
fn the_density_of_a_smooth_lens_is_that_of_the_camera_s_images() {
    let model = SmoothLens::default();
    let setup = &model.setup;
    let (images, lenses) = two_images(setup);
    let data = setup.pixels(&images);
    for lenses in lenses {
        let mut expected = 0.0;
        for (image, [theta_x, theta_y, theta_e, q]) in images.iter().zip(lenses) {
            let means = setup.camera.expected_counts(&galaxy(theta_x, theta_y, theta_e, q), &[], &setup.source);
            let pixels = image.as_flattened().iter().zip(means.as_flattened());
            expected += pixels.map(|(k, mean)| Poisson::new(f64::from(*mean)).log_density(f64::from(*k))).sum::<f64>();
            let center = Normal::new(0.0, 0.2);
            expected +=
                center.log_density(theta_x) + center.log_density(theta_y) - f64::ln(2.5 - 1.5) - f64::ln(0.99 - 0.5);
        }
        let density = log_density(&model, &SmoothLensGlobals {}, &locals(&lenses), &data).unwrap();
        // Means in f32 are off by 6e-8.
        within!((density / expected - 1.0).abs(), 1e-7, "{density} {expected}");
    }
}

#[test]
fn the_gradient_of_a_smooth_lens_is_that_of_finite_differences() {
    let model = SmoothLens::default();
    let (images, lenses) = two_images(&model.setup);
    let data = model.setup.pixels(&images);
    let mut density = Density::new(&model, &data).unwrap();
    for lenses in lenses {
        let q = unconstrain(&model, &SmoothLensGlobals {}, Some((&locals(&lenses), &data)));
        let (mut gradient, mut scratch) = (vec![0.0; q.len()], vec![0.0; q.len()]);
        density.gradient(&q, &mut gradient);
        for (i, exact) in gradient.iter().enumerate() {
            let by_differences = slope(&q, i, 1e-4, |q| density.gradient(q, &mut scratch));
            within!((exact - by_differences).abs(), 1e-7 * exact.abs() + 1e-4, "{i}: {exact} {by_differences}");
        }
    }
}

/// Independent Gaussians about some unconstrained numbers.
struct About {
    names: Vec<String>,
    q: Vec<f64>,
    sds: [f64; 4],
}

impl Proposal for About {
    fn latent_names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn draw(&self, rng: &mut Stream, q: &mut [f64], log_density: &mut [f64]) {
        for (q, log_density) in q.chunks_exact_mut(4).zip(log_density) {
            *log_density = 0.0;
            for ((q, middle), sd) in q.iter_mut().zip(&self.q).zip(self.sds) {
                let normal = Normal::new(*middle, sd);
                *q = normal.draw(rng);
                *log_density += normal.log_density(*q);
            }
        }
    }
}

#[test]
#[ignore = "long: many chains or fits"]
fn nuts_finds_a_smooth_lens() {
    // A chain that starts ten standard deviations of the prior from the lens, as chains may, can end in a mode of a wrong
    // centre that holds nothing, and stay there: these start from importance weights on draws near it.
    let model = SmoothLens { setup: Setup::exposed(10.0) };
    let truth = [0.1, -0.2, 1.8, 0.7];
    let data = model.setup.pixels(&[image(&model.setup, truth, 1)]);
    let q = unconstrain(&model, &SmoothLensGlobals {}, Some((&locals(&[truth]), &data)));
    let about = About { names: names(&model, Some(&data)), q, sds: [0.1, 0.1, 0.5, 0.9] };
    let refined = importance_sample(&model, &data, &about, 100_000, seed(1)).unwrap();
    within!(refined.k_hat(), 0.7, "{refined}");
    within!(1000.0, refined.effective_sample_size(), "{refined}");
    let chains = model.nuts(&data).seed(seed(1)).start_from(&refined).run().unwrap();
    let weighted = refined.summary();
    for ((row, truth), weighted) in chains.summary().rows.iter().zip(truth).zip(&weighted.rows) {
        within!(row.rhat.unwrap() - 1.0, 0.01, "{row:?}");
        // A false alarm once in a million, for each of the four.
        within!((row.mean - truth).abs(), 4.9 * row.sd, "{row:?}");
        // Five errors of a thousand effective draws beside as many of NUTS.
        within!((row.mean - weighted.mean).abs(), 0.2 * row.sd, "{row:?} {weighted:?}");
        within!((row.sd / weighted.sd - 1.0).abs(), 0.15, "{row:?} {weighted:?}");
    }
}

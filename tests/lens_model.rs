//! The models of lens images: what the simulator draws, and the density of images without subhaloes.

#[path = "../examples/lensing/model.rs"]
mod model;
mod slope;

use hierarch::lensing::poisson_noise;
use hierarch::model::{Density, log_density, unconstrain};
use hierarch::prelude::*;
use hierarch::simulate::stream;
use model::*;
use slope::slope;

/// theta_x, theta_y, theta_e and q.
type Lens = [f64; 4];

/// An image of a lens without subhaloes.
fn image(setup: &Setup, [theta_x, theta_y, theta_e, q]: Lens, seed: u64) -> Image {
    let lens = galaxy(theta_x, theta_y, theta_e, q);
    let mut image = setup.camera.expected_counts(&lens, &[], &setup.source);
    poisson_noise(image.as_flattened_mut(), &mut stream(seed, 0));
    image
}

#[test]
fn images_have_the_counts_and_the_subhaloes_of_the_prior() {
    let model = Lensing::default();
    let truth = LensingGlobals { beta: -1.9, sigma_sub: 10.0 };
    let sets = model.simulate(200).at(&truth).size("lenses", 2).seed(1).run().unwrap();
    let (mut seen, mut expected) = (0.0, 0.0);
    for set in &sets {
        let lenses = &set.locals.lenses;
        for (i, ends) in lenses.subhaloes.offsets.windows(2).enumerate() {
            seen += (ends[1] - ends[0]) as f64;
            // The area of the ring between theta_E - 0.2 and theta_E + 0.2.
            expected += truth.sigma_sub * 4.0 * std::f64::consts::PI * 0.2 * lenses.theta_e[i];
        }
        assert!(lenses.subhaloes.mass.iter().all(|mass| (1e8..=1e12).contains(mass)));
        assert_eq!(set.data.lenses.image.len(), 2);
        for picture in &set.data.lenses.image {
            let counts: Vec<f32> = picture.iter().flatten().copied().collect();
            assert!(counts.iter().all(|counts| counts.fract() == 0.0 && *counts > 100.0));
        }
    }
    // A false alarm once in 1e6.
    assert!((seen - expected).abs() < 4.9 * f64::sqrt(expected), "{seen} {expected}");
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
        assert!((density / expected - 1.0).abs() < 1e-7, "{density} {expected}");
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
            assert!((exact - by_differences).abs() < 1e-7 * exact.abs() + 1e-4, "{i}: {exact} {by_differences}");
        }
    }
}

#[test]
fn nuts_finds_a_smooth_lens() {
    // A short exposure: in the experiment's, a chain that starts ten standard deviations of the prior from the lens, as
    // chains may, can end in a mode of a wrong centre that holds nothing, and stay there.
    let model = SmoothLens { setup: Setup::exposed(10.0) };
    let truth = [0.1, -0.2, 1.8, 0.7];
    let data = model.setup.pixels(&[image(&model.setup, truth, 1)]);
    let chains = model.nuts(&data).seed(1).run().unwrap();
    for (row, truth) in chains.summary().rows.iter().zip(truth) {
        assert!(row.rhat.is_some_and(|rhat| rhat < 1.01), "{row:?}");
        // A false alarm once in a million, for each of the four.
        assert!((row.mean - truth).abs() < 4.9 * row.sd, "{row:?}");
    }
}

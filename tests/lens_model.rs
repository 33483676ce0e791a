//! The models of lens images: what the simulator draws, and the density of images without subhaloes.

#[path = "../examples/lensing/model.rs"]
mod model;
mod slope;

use hierarch::lensing::*;
use hierarch::model::Density;
use hierarch::prelude::*;
use hierarch::simulate::stream;
use model::*;
use slope::slope;

/// An image of a lens without subhaloes.
fn image(setup: &Setup, [theta_x, theta_y, theta_e, q]: [f64; 4], seed: u64) -> [[f32; SIDE]; SIDE] {
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

#[test]
fn the_density_of_a_smooth_lens_is_that_of_the_pixels() {
    let (model, truth) = (SmoothLens::default(), [0.1, -0.2, 1.8, 0.7]);
    let setup = &model.setup;
    let images = [image(setup, truth, 1), image(setup, [-0.3, 0.1, 2.2, 0.9], 2)];
    let data = setup.pixels(&images);
    let mut density = Density::new(&model, &data).unwrap();
    // theta_x, theta_y of both lenses as they are; theta_E and q by the logit of where they are in their intervals.
    let logit = |x: f64, low: f64, high: f64| ((x - low) / (high - x)).ln();
    let position =
        |[theta_x, theta_y, theta_e, q]: [f64; 4]| [theta_x, theta_y, logit(theta_e, 1.5, 2.5), logit(q, 0.5, 0.99)];
    // Columns of the plate, one after the other.
    let transposed = |a: [f64; 4], b: [f64; 4]| -> Vec<f64> {
        position(a).into_iter().zip(position(b)).flat_map(|(a, b)| [a, b]).collect()
    };
    let log_probability = |image: &[[f32; SIDE]; SIDE], lens: [f64; 4]| -> f64 {
        let lens = galaxy(lens[0], lens[1], lens[2], lens[3]);
        let expected = setup.camera.expected_counts(&lens, &[], &setup.source);
        let pixels = image.as_flattened().iter().zip(expected.as_flattened());
        pixels.map(|(counts, mean)| Poisson::new(f64::from(*mean)).log_density(f64::from(*counts))).sum()
    };
    let (a, b) = ([[0.1, -0.2, 1.8, 0.7], [-0.3, 0.1, 2.2, 0.9]], [[0.0, 0.1, 2.0, 0.6], [0.2, 0.0, 1.7, 0.8]]);
    let mut gradient = vec![0.0; 8];
    let mut at = |lenses: [[f64; 4]; 2]| {
        let q = transposed(lenses[0], lenses[1]);
        density.gradient(&q, &mut gradient) - density.prior_gradient(&q, &mut gradient)
    };
    let _ = &mut at;
    let [first, second] = [a, b].map(|lenses| {
        let of_images: f64 = images.iter().zip(lenses).map(|(image, lens)| log_probability(image, lens)).sum();
        (at(lenses), of_images)
    });
    println!("{first:?} {second:?}");
    let q = transposed(b[0], b[1]);
    let mut gradient = vec![0.0; 8];
    density.gradient(&q, &mut gradient);
    for (i, derivative) in gradient.clone().iter().enumerate() {
        let mut scratch = vec![0.0; 8];
        let by_difference = slope(&q, i, 1e-4, |q| density.gradient(q, &mut scratch));
        println!("{i} {derivative} {by_difference}");
    }
    let t = std::time::Instant::now();
    for _ in 0..100 {
        density.gradient(&q, &mut gradient);
    }
    println!("gradient {:?}", t.elapsed() / 100);
}

#[test]
fn nuts_finds_a_smooth_lens() {
    let model = SmoothLens::default();
    let truth = [0.1, -0.2, 1.8, 0.7];
    let data = model.setup.pixels(&[image(&model.setup, truth, 1)]);
    let t = std::time::Instant::now();
    let chains = model.nuts(&data).seed(1).run().unwrap();
    println!("{:?}\n{chains}", t.elapsed());
}

//! The camera: light that is conserved, Einstein rings where they belong, and the counts that the same sums in f64
//! give.

use std::f64::consts::{LN_2, TAU};

use hierarch::autodiff::Real;
use hierarch::distributions::{Draw, Normal, PowerLaw};
use hierarch::simulate::{Stream, stream};
use hierarch_lensing::*;
use rand::RngExt;

/// The total of an image.
fn sum(image: &[f32]) -> f64 {
    image.iter().map(|x| f64::from(*x)).sum()
}

/// A round source of 1000 counts.
fn source(center: [f64; 2], half_light_radius: f64, index: f64) -> Sersic<f64> {
    Sersic::try_new(Ellipse::round(center), half_light_radius, index, 1000.0).unwrap()
}

/// The largest relative difference of an image from the sums in f64, halo by halo.
fn difference<const HEIGHT: usize, const WIDTH: usize>(
    (camera, sky): (&Camera<HEIGHT, WIDTH>, f64),
    lenses: &[&dyn Deflector<f64>],
    sources: &[Sersic<f64>],
    image: &[[f32; WIDTH]; HEIGHT],
) -> f64 {
    let [left, right] = [camera.position(0, 0), camera.position(0, 1)];
    let area = (right[0] - left[0]).powi(2);
    let mut worst = 0.0;
    for (y, row) in image.iter().enumerate() {
        for (x, counts) in row.iter().enumerate() {
            let seen = source_position(lenses, camera.position(y, x));
            let exact = area * (sky + sources.iter().map(|source| source.brightness(seen)).sum::<f64>());
            worst = f64::max(worst, (f64::from(*counts) / exact - 1.0).abs());
        }
    }
    worst
}

/// A main lens and subhaloes about its Einstein radius, as the example `lensing` draws them.
fn lens(rng: &mut Stream, count: usize) -> (Sie<f64>, Vec<Nfw<f64>>) {
    let geometry = Geometry::new(&Cosmology::PLANCK_2015, 0.2, 1.0).unwrap();
    let center = [0, 1].map(|_| Normal::new(0.0, 0.2).draw(rng));
    let (axis_ratio, einstein_radius) = (rng.random_range(0.5..0.99), rng.random_range(1.5..2.5));
    let [inner, outer] = [einstein_radius - 0.2, einstein_radius + 0.2];
    let haloes = (0..count).map(|_| {
        let (radius, angle) = (f64::sqrt(rng.random_range(inner * inner..outer * outer)), rng.random_range(0.0..TAU));
        // log10 of the mass has the power law, and -1.9 makes the heaviest.
        let mass = f64::powf(10.0, PowerLaw::new(-1.9, 8.0, 12.0).draw(rng));
        let place = [center[0] + radius * angle.cos(), center[1] + radius * angle.sin()];
        Nfw::from_m200(place, mass, sanchez_conde_prada_2014(mass, 0.6774), &geometry)
    });
    let haloes = haloes.collect();
    (Sie { ellipse: Ellipse::along_x(center, axis_ratio), einstein_radius }, haloes)
}

/// The main lens and the subhaloes, for the sums in f64.
fn deflectors<'a>(main: &'a Sie<f64>, haloes: &'a [Nfw<f64>]) -> Vec<&'a dyn Deflector<f64>> {
    std::iter::once(main as &dyn Deflector<f64>).chain(haloes.iter().map(|halo| halo as _)).collect()
}

#[test]
fn pixels_are_centred_one_scale_apart_about_the_origin() {
    let camera = Camera::<4, 3>::new(0.1, 0.0).unwrap();
    let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() < 1e-15 && (a[1] - b[1]).abs() < 1e-15;
    assert!(near(camera.position(0, 0), [-0.1, -0.15]), "{:?}", camera.position(0, 0));
    assert!(near(camera.position(3, 2), [0.1, 0.15]), "{:?}", camera.position(3, 2));
    // x grows along a row and y from row to row.
    let image = camera.expected_counts(&(), &[], &source([0.1, -0.05], 0.02, 0.5));
    let brightest = image.as_flattened().iter().copied().fold(0.0, f32::max);
    assert_eq!(image[1][2], brightest);
}

#[test]
fn without_a_lens_all_light_arrives() {
    // What is left is the error of looking at the centres of pixels, largest where the profile has a cusp.
    let camera = Camera::<256, 256>::new(0.05, 0.0).unwrap();
    let blurred = camera.clone().psf(0.3).unwrap();
    for (index, tolerance) in [(0.5, 1e-6), (1.0, 5e-4)] {
        for camera in [&camera, &blurred] {
            let image = camera.expected_counts(&(), &[], &source([0.0, 0.0], 0.4, index));
            let lost = sum(image.as_flattened()) / 1000.0 - 1.0;
            assert!(lost.abs() < tolerance, "n = {index}: {lost:e}");
        }
    }
}

#[test]
fn the_sky_is_the_same_everywhere_with_and_without_a_psf() {
    let camera = Camera::<20, 30>::new(0.1, 25_500.0).unwrap();
    for camera in [camera.clone(), camera.psf(0.5).unwrap()] {
        let image = camera.expected_counts(&(), &[], &());
        assert!(image.as_flattened().iter().all(|counts| (counts - 255.0).abs() < 1e-4));
    }
}

#[test]
fn the_ring_of_a_source_on_the_axis_is_at_the_einstein_radius() {
    let camera = Camera::<200, 200>::new(0.03, 0.0).unwrap();
    let isothermal = Sie { ellipse: Ellipse::round([0.0, 0.0]), einstein_radius: 1.7 };
    // A halo by itself: its Einstein radius is where the deflection is the radius, found by bisection.
    let halo = Nfw { center: [0.0, 0.0], scale_radius: 3.0, scale_convergence: 0.5 };
    let (mut low, mut high) = (0.1, 10.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if halo.deflection([middle, 0.0])[0] > middle { low = middle } else { high = middle }
    }
    let source = source([0.0, 0.0], 0.1, 0.5);
    // The radius of the brightest pixel, and the mean radius of the light.
    let ring = |image: &[[f32; 200]; 200]| {
        let (mut light, mut moment, mut brightest) = (0.0, 0.0, (0.0, 0.0));
        for (y, row) in image.iter().enumerate() {
            for (x, counts) in row.iter().enumerate() {
                let [x, y] = camera.position(y, x);
                let (radius, counts) = (x.hypot(y), f64::from(*counts));
                light += counts;
                moment += radius * counts;
                if counts > brightest.0 {
                    brightest = (counts, radius);
                }
            }
        }
        (brightest.1, moment / light)
    };
    let (brightest, mean) = ring(&camera.expected_counts(&isothermal, &[], &source));
    // Of 40,000 pixels one is this close to the ring.
    assert!((brightest - 1.7).abs() < 0.005, "{brightest}");
    // A Gaussian with a variance s^2 along each axis, n = 1/2, is seen at theta_E + b with its brightness at |b|: the
    // mean radius is theta_E + s^2 / theta_E, for s far below theta_E.
    let variance = 0.1 * 0.1 / (2.0 * LN_2);
    assert!((mean - (1.7 + variance / 1.7)).abs() < 1e-5, "{mean}");
    let (brightest, _) = ring(&camera.expected_counts(&(), &[halo], &source));
    assert!((brightest - low).abs() < 0.005, "{brightest} {low}");
}

#[test]
#[ignore = "long: as many haloes as there may be, in steps of two"]
fn counts_are_those_of_the_sums_in_f64_for_any_number_of_haloes() {
    counts_are_those_of_the_sums(2);
}

#[test]
fn counts_are_those_of_the_sums_in_f64() {
    counts_are_those_of_the_sums(20);
}

fn counts_are_those_of_the_sums(step: usize) {
    let mut rng = stream(1, 0);
    let sky = 25_500.0;
    let camera = Camera::<64, 64>::new(0.1, sky).unwrap();
    let source = Sersic::try_new(Ellipse::round([0.0, 0.0]), 0.4, 1.0, 16_000.0).unwrap();
    let (mut worst, mut most) = (0.0, 0.0);
    for count in (0..=160).step_by(step) {
        let (main, haloes) = lens(&mut rng, count);
        let image = camera.expected_counts(&main, &haloes, &source);
        let error = difference((&camera, sky), &deflectors(&main, &haloes), &[source], &image);
        // The largest sum of the haloes' deflections, without regard to direction.
        let of = |halo: &Nfw<f64>, at| halo.deflection(at).into_iter().fold(0.0, f64::hypot);
        let at = |pixel: usize| camera.position(pixel / 64, pixel % 64);
        let sums = (0..64 * 64).map(|pixel| haloes.iter().map(|halo| of(halo, at(pixel))).sum());
        let by_haloes: f64 = sums.fold(0.0, f64::max);
        assert!(by_haloes > 1.0 || error < 1e-6, "{count} haloes, {by_haloes} arcsec: {error:e}");
        (worst, most) = (f64::max(worst, error), f64::max(most, by_haloes));
    }
    // 2.0e-6 where a product and a sum are rounded once. Elsewhere a deflection may be off by half as much again.
    assert!(worst < 3e-6, "{worst:e}");
    assert!(most > 5.0, "{most} arcsec");
}

#[test]
fn an_image_of_256_by_256_pixels_fits_the_stack_of_a_thread_of_rayon() {
    let camera = Camera::<256, 256>::new(0.05, 1.0).unwrap().psf(0.2).unwrap();
    let (main, haloes) = lens(&mut stream(3, 0), 2);
    let make = move || sum(camera.expected_counts(&main, &haloes, &()).as_flattened());
    let total = std::thread::Builder::new().stack_size(2 << 20).spawn(make).unwrap().join().unwrap();
    assert!((total / (256.0 * 256.0 * 0.05 * 0.05) - 1.0).abs() < 1e-6, "{total}");
}

#[test]
fn haloes_on_pixels_and_off_the_image_are_as_good_as_any() {
    let sky = 1000.0;
    // Neither width nor number of pixels is a multiple of the lanes of a register.
    let camera = Camera::<13, 21>::new(0.1, sky).unwrap();
    let halo = |center, scale_radius| Nfw { center, scale_radius, scale_convergence: 0.3 };
    let [first, last] = [camera.position(0, 0), camera.position(12, 20)];
    let haloes = [
        halo(camera.position(6, 10), 0.3),
        halo(first, 0.01),
        halo(last, 5.0),
        halo([-30.0, 2.0], 0.5),
        // A pixel at its scale radius.
        halo([first[0] + 0.4, first[1]], 0.4),
    ];
    let main = Sie { ellipse: Ellipse::new([0.0, 0.0], 0.7, 0.4), einstein_radius: 0.6 };
    let sources = [source([0.05, 0.0], 0.3, 1.0), source([-0.1, 0.2], 0.2, 0.5)];
    let image = camera.expected_counts(&main, &haloes, &sources[..]);
    // Where the source is steep the counts follow rays that f32 puts 1e-7 arcsec off.
    let worst = difference((&camera, sky), &deflectors(&main, &haloes), &sources, &image);
    assert!(worst < 1e-5, "{worst:e}");
}

/// A round sheet of mass, which deflects as all of it would at the centre where a position is outside.
struct Sheet {
    convergence: f64,
    radius: f64,
}

impl Lens for Sheet {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, [x, y]: [T; 2]) -> [T; 2] {
        let square = x * x + y * y;
        let inside = T::from(self.convergence);
        let mean = if square < T::from(self.radius.powi(2)) { inside } else { inside * self.radius.powi(2) / square };
        [x * mean, y * mean]
    }
}

#[test]
fn a_lens_of_ones_own_may_branch() {
    let camera = Camera::<32, 33>::new(0.1, 1000.0).unwrap();
    let (sheet, source) = (Sheet { convergence: 0.5, radius: 0.8 }, source([0.1, 0.0], 0.3, 1.0));
    let image = camera.expected_counts(&sheet, &[], &source);
    for (y, row) in image.iter().enumerate() {
        for (x, counts) in row.iter().enumerate() {
            let [x, y] = camera.position(y, x);
            let [by_x, by_y] = sheet.deflection_at([x, y]);
            let exact = camera.counts(source.brightness([x - by_x, y - by_y]));
            assert!((f64::from(*counts) / exact - 1.0).abs() < 1e-6, "{counts} {exact} at {x} {y}");
        }
    }
}

#[test]
fn lenses_and_sources_add_up() {
    let sky = 1000.0;
    let camera = Camera::<32, 32>::new(0.1, sky).unwrap();
    let (mut rng, shear) = (stream(2, 0), Shear { gamma1: 0.05, gamma2: -0.02 });
    let (first, haloes) = lens(&mut rng, 3);
    let (second, _) = lens(&mut rng, 0);
    let sources = (source([0.1, 0.2], 0.4, 1.0), source([-0.3, 0.0], 0.3, 4.0));
    let image = camera.expected_counts(
        &(&[first, second][..], shear, Sis { center: [1.0, 1.0], einstein_radius: 0.2 }),
        &haloes,
        &sources,
    );
    let other = Sis { center: [1.0, 1.0], einstein_radius: 0.2 };
    let mut all: Vec<&dyn Deflector<f64>> = vec![&first, &second, &shear, &other];
    all.extend(haloes.iter().map(|halo| halo as &dyn Deflector<f64>));
    let worst = difference((&camera, sky), &all, &[sources.0, sources.1], &image);
    assert!(worst < 1e-5, "{worst:e}");
    // A subhalo is the lens that it is.
    let as_lens = camera.expected_counts(&(first, haloes[0]), &haloes[1..], &sources);
    let as_halo = camera.expected_counts(&first, &haloes, &sources);
    for (a, b) in as_lens.as_flattened().iter().zip(as_halo.as_flattened()) {
        assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
    }
    // A lens of one's own: a sheet of convergence 1/2 magnifies by two along each axis.
    let seen = camera.expected_counts(&Sheet { convergence: 0.5, radius: 9.0 }, &[], &source([0.0, 0.0], 0.1, 0.5));
    let large = camera.expected_counts(&(), &[], &Sersic::new(Ellipse::round([0.0, 0.0]), 0.2, 0.5, 4000.0));
    for (a, b) in seen.as_flattened().iter().zip(large.as_flattened()) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
}

#[test]
fn the_same_stream_makes_the_same_image() {
    let image = [[255.0; 16]; 8];
    let noisy = |seed| {
        let mut image = image;
        poisson_noise(image.as_flattened_mut(), &mut stream(seed, 0));
        image
    };
    assert_eq!(noisy(1), noisy(1));
    assert_ne!(noisy(1), noisy(2));
}

#[test]
fn a_camera_without_pixels_or_with_a_dark_sky_is_an_error() {
    type Small = Camera<2, 2>;
    let message = |result: Result<Small, LensingError>| result.unwrap_err().to_string();
    assert_eq!(message(Small::new(0.0, 1.0)), "Camera: pixel_scale is 0, but must be positive and finite");
    assert_eq!(message(Small::new(0.1, -1.0)), "Camera: sky is -1, but must be zero or more, and finite");
    let camera = Small::new(0.1, 1.0).unwrap();
    assert_eq!(message(camera.psf(f64::NAN)), "GaussianPsf: full_width is NaN, but must be positive and finite");
}

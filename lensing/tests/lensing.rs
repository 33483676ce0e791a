//! Strong lenses: every formula against a closed form of another kind, an identity, quadrature or finite differences.
//!
//! `benches/peers/lensing.py` holds the same against lenstronomy and astropy.

use std::f64::consts::{FRAC_PI_2, LN_2, PI, TAU};

use hierarch::autodiff::Dual;
use hierarch::model::{Density, unconstrain};
use hierarch::prelude::*;
use hierarch_lensing::*;
use hierarch_tests::slope;
use hierarch_tests::{seed, within};
use serde_json::json;
use statrs::function::gamma::gamma_lr;

/// The integral of `f` from `a` to `b`: Simpson's rule.
fn integrate(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let panels = 4000;
    let h = (b - a) / panels as f64;
    let weighted = |i: usize| {
        let weight = if i == 0 || i == panels { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
        weight * f(a + h * i as f64)
    };
    h / 3.0 * (0..=panels).map(weighted).sum::<f64>()
}

/// Two numbers differ by no more than `tolerance` of the larger.
#[track_caller]
fn agree(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * a.abs().max(b.abs()), "{a} and {b} differ by {:.1e}", (a / b - 1.0).abs());
}

/// Positions around a lens at the origin: on the axes and off, far inside and far outside, and all around.
fn positions() -> Vec<[f64; 2]> {
    let radii = [1e-3, 0.05, 0.3, 0.7, 1.0, 1.01, 1.7, 4.0, 30.0];
    radii
        .iter()
        .flat_map(|r| (0..16).map(move |i| (i as f64 * TAU / 16.0, r)).map(|(t, r)| [r * t.cos(), r * t.sin()]))
        .collect()
}

fn geometry() -> Geometry {
    Geometry::new(&Cosmology::PLANCK_2015, 0.2, 1.0).unwrap()
}

// Distances.

/// astropy 8.0.2: `from astropy.cosmology import Planck15 as P`, then `P.comoving_distance(z)`,
/// `P.angular_diameter_distance(z)` and `P.efunc(z)`, in Mpc.
const PLANCK_15: [(f64, f64, f64, f64); 6] = [
    (0.1, 432.1244883487781, 392.8404439534346, 1.0498982145260896),
    (0.2, 842.8497132884485, 702.3747610737071, 1.1067845991973866),
    (0.5, 1945.5612620818997, 1297.0408413879331, 1.3168086541442332),
    (1.0, 3395.905311975348, 1697.952655987674, 1.7786410222418745),
    (2.0, 5311.538547934008, 1770.5128493113361, 3.006329995241187),
    (3.0, 6509.795544646135, 1627.4488861615337, 4.5256601216593175),
];

#[test]
fn distances_are_those_of_astropy() {
    let cosmology = Cosmology::PLANCK_2015;
    for (z, comoving, angular, rate) in PLANCK_15 {
        agree(cosmology.comoving_distance(z), comoving, 1e-8);
        agree(cosmology.angular_diameter_distance(z), angular, 1e-8);
        agree(cosmology.expansion_rate(z), rate, 1e-8);
    }
    // `P.angular_diameter_distance(0.2, 1)` in Mpc, `P.critical_density(0.2)` in Msun / Mpc^3 and, from these and the
    // constants of astropy, c^2 D_s / (4 pi G D_l D_ls) in Msun / kpc^2. (lenstronomy's `sigma_crit` is 2.8e-4 lower,
    // by an older G and solar mass.)
    let geometry = geometry();
    agree(cosmology.angular_diameter_distance_between(0.2, 1.0), 1276.5277993434497, 1e-8);
    agree(geometry.lens_source_distance, 1276.5277993434497, 1e-8);
    agree(geometry.critical_density, 156004420845.23074, 1e-8);
    agree(geometry.critical_surface_density(), 3149175436.55162, 1e-8);
    agree(geometry.critical_mass_per_square_arcsec(), 36516099660.131676, 1e-8);
}

#[test]
fn distances_without_dark_energy_are_in_closed_form() {
    // Einstein and de Sitter: 2 c / H0 (1 - 1 / sqrt(1 + z)).
    let cosmology = Cosmology::flat_lambda_cdm(70.0, 1.0).unwrap();
    for (z, tolerance) in [(1e-6, 1e-9), (0.3, 1e-13), (3.0, 1e-13), (1000.0, 1e-10)] {
        let exact = 2.0 * 299_792.458 / 70.0 * (1.0 - 1.0 / f64::sqrt(1.0 + z));
        agree(cosmology.comoving_distance(z), exact, tolerance);
    }
}

/// 32 nodes against many, with every kind of matter.
#[test]
fn the_quadrature_has_converged() {
    let cosmology = Cosmology::PLANCK_2015;
    for (z, tolerance) in [(0.2, 1e-12), (3.0, 1e-12), (1000.0, 1e-9)] {
        let log_integrand = |u: f64| u.exp() / cosmology.expansion_rate(u.exp_m1());
        let exact = 299_792.458 / cosmology.hubble * integrate(log_integrand, 0.0, f64::ln_1p(z));
        agree(cosmology.comoving_distance(z), exact, tolerance);
    }
}

// Deflectors.

/// Every kind of deflector, with a name for messages. Their centres are the origin or (0.02, -0.01).
fn deflectors() -> Vec<(&'static str, Box<dyn Deflector<f64>>)> {
    let sie = |q, angle| Box::new(Sie { ellipse: Ellipse::new([0.02, -0.01], q, angle), einstein_radius: 1.3 });
    vec![
        ("SIE", sie(0.6, 0.0)),
        ("turned SIE", sie(0.3, 0.7)),
        ("almost round SIE", sie(1.0 - 1e-9, 2.0)),
        ("round SIE", sie(1.0, 0.3)),
        ("SIS", Box::new(Sis { center: [0.02, -0.01], einstein_radius: 1.3 })),
        ("NFW", Box::new(Nfw { center: [0.0, 0.0], scale_radius: 1.0, scale_convergence: 0.4 })),
        ("wide NFW", Box::new(Nfw { center: [0.02, -0.01], scale_radius: 50.0, scale_convergence: 0.1 })),
        ("narrow NFW", Box::new(Nfw { center: [0.02, -0.01], scale_radius: 0.01, scale_convergence: 5.0 })),
        ("shear", Box::new(Shear { gamma1: 0.05, gamma2: -0.03 })),
    ]
}

#[test]
fn the_deflection_is_the_gradient_of_the_potential_and_its_divergence_twice_the_convergence() {
    for (name, deflector) in deflectors() {
        for at in positions() {
            let [x, y] = at;
            let distance = (x - 0.02).hypot(y + 0.01).min(x.hypot(y));
            let step = 3e-3 * distance;
            let deflection = deflector.deflection(at);
            let size = deflection[0].hypot(deflection[1]);
            let jacobian =
                [0, 1].map(|of| [0, 1].map(|by| slope(&at, by, step, |p| deflector.deflection([p[0], p[1]])[of])));
            // What rounding of the potential, some 1e-16 of it, makes of its slope.
            let rounding = 1e-15 * deflector.potential(at).abs() / step;
            for (i, along) in deflection.into_iter().enumerate() {
                let gradient = slope(&at, i, step, |p| deflector.potential([p[0], p[1]]));
                let error = (gradient - along).abs();
                within!(error, 1e-8 * size + rounding, "{name} at {at:?}: {gradient} {along}");
            }
            let strain = size / distance;
            let half_laplacian = 0.5 * (jacobian[0][0] + jacobian[1][1]);
            let convergence = deflector.convergence(at);
            within!(
                (half_laplacian - convergence).abs(),
                1e-8 * strain,
                "{name} at {at:?}: {half_laplacian} {convergence}"
            );
            let curl = jacobian[0][1] - jacobian[1][0];
            within!(curl.abs(), 1e-8 * strain, "{name} at {at:?}: curl {curl}");
        }
    }
}

#[test]
fn nothing_is_lost_at_the_centre() {
    for (name, deflector) in deflectors() {
        for center in [[0.0, 0.0], [0.02, -0.01]] {
            let deflection = deflector.deflection(center);
            assert!(deflection.iter().all(|d| d.is_finite()), "{name}: {deflection:?}");
            assert!(deflector.potential(center).is_finite() && deflector.convergence(center) >= 0.0, "{name}");
        }
    }
    let sie = Sie { ellipse: Ellipse::new([0.5, 0.5], 0.6, 0.4), einstein_radius: 1.0 };
    let nfw = Nfw { center: [0.5, 0.5], scale_radius: 0.7, scale_convergence: 0.1 };
    assert_eq!((sie.deflection([0.5; 2]), sie.potential([0.5; 2])), ([0.0; 2], 0.0));
    assert_eq!((nfw.deflection([0.5; 2]), nfw.potential([0.5; 2]) < 1e-290), ([0.0; 2], true));
}

/// The deflection in polar form (Kormann et al. 1994, equation 27a, where the major axis is along y): theta_E sqrt(q) /
/// e times (arcsin(e cos t), arsinh(e sin t / q)).
#[test]
fn the_sie_deflects_as_in_kormanns_form() {
    for q in [0.05, 0.2, 0.5, 0.7, 0.9, 0.98, 0.99, 0.999, 1.0 - 1e-6, 1.0 - 1e-10] {
        let e = f64::sqrt((1.0 - q) * (1.0 + q));
        let sie = Sie { ellipse: Ellipse::along_x([0.0, 0.0], q), einstein_radius: 1.7 };
        for i in 0..40 {
            let t = i as f64 * TAU / 40.0 + 0.01;
            for r in [1e-6, 0.5, 1e3] {
                let [x, y] = sie.deflection([r * t.cos(), r * t.sin()]);
                let scale = 1.7 * q.sqrt() / e;
                agree(x, scale * (e * t.cos()).asin(), 1e-12);
                agree(y, scale * (e * t.sin() / q).asinh(), 1e-12);
            }
        }
    }
}

#[test]
fn a_round_sie_is_the_sis() {
    let center = [0.3, -0.2];
    let sis = Sis { center, einstein_radius: 1.7 };
    for (q, tolerance) in [(1.0, 1e-15), (1.0 - 1e-12, 1e-11), (1.0 - 1e-6, 1e-5)] {
        let sie = Sie { ellipse: Ellipse::new(center, q, 0.5), einstein_radius: 1.7 };
        for at in positions() {
            let (ours, exact) = (sie.deflection(at), sis.deflection(at));
            within!(
                (ours[0] - exact[0]).hypot(ours[1] - exact[1]),
                1.7 * tolerance,
                "{q} at {at:?}: {ours:?} {exact:?}"
            );
            agree(sie.convergence(at), sis.convergence(at), 2.0 * tolerance);
            agree(sie.potential(at), sis.potential(at), 2.0 * tolerance);
        }
    }
}

/// By Gauss's theorem the flux of the deflection out of a curve is twice the convergence inside: 2 pi theta_E^2 for the
/// ellipse of area pi theta_E^2, at any axis ratio.
#[test]
fn the_einstein_radius_is_that_of_the_ellipse_with_a_mean_convergence_of_one() {
    for q in [0.3, 0.8, 1.0] {
        let ellipse = Ellipse::new([0.1, 0.2], q, 0.4);
        let sie = Sie { ellipse, einstein_radius: 1.5 };
        let (a, b) = (1.5 / q.sqrt(), 1.5 * q.sqrt());
        let at = |t: f64| ellipse.from_axes([a * t.cos(), b * t.sin()]);
        let nodes = 400;
        let flux = |i: usize| {
            let t = i as f64 * TAU / nodes as f64;
            let [x, y] = at(t);
            agree(ellipse.radius([x + 0.1, y + 0.2]), 1.5, 1e-14);
            let [along_x, along_y] = sie.deflection([x + 0.1, y + 0.2]);
            // The derivative of a point on an ellipse by t is the point a quarter turn further.
            let [dx, dy] = at(t + FRAC_PI_2);
            (along_x * dy - along_y * dx) * TAU / nodes as f64
        };
        agree((0..nodes).map(flux).sum(), TAU * 1.5 * 1.5, 1e-12);
    }
}

/// A source behind the centre of a round lens is seen as a ring at the Einstein radius; the critical curve of any SIE,
/// where images stretch to infinity, is where its convergence is one half.
#[test]
fn rings_are_where_they_belong() {
    let center = [0.1, -0.3];
    let round = Sie { ellipse: Ellipse::round(center), einstein_radius: 1.5 };
    let sis = Sis { center, einstein_radius: 1.5 };
    for i in 0..12 {
        let t = i as f64;
        let on_ring = [center[0] + 1.5 * t.cos(), center[1] + 1.5 * t.sin()];
        for lens in [&round as &dyn Deflector<f64>, &sis] {
            let [x, y] = source_position(&[lens], on_ring);
            within!((x - center[0]).hypot(y - center[1]), 1e-15);
        }
        let flat = Sie { ellipse: Ellipse::new(center, 0.5, 0.4), einstein_radius: 1.5 };
        let [dx, dy] = flat.ellipse.from_axes([1.5 * t.cos() / f64::sqrt(0.5), 1.5 * t.sin() * f64::sqrt(0.5)]);
        let at = [center[0] + dx, center[1] + dy];
        agree(flat.convergence(at), 0.5, 1e-13);
        let lens: [&dyn Deflector<f64>; 1] = [&flat];
        let derivative = |of: usize, by: usize| slope(&at, by, 1e-3, |p| source_position(&lens, [p[0], p[1]])[of]);
        let determinant = derivative(0, 0) * derivative(1, 1) - derivative(0, 1) * derivative(1, 0);
        within!(determinant.abs(), 1e-9, "{determinant}");
    }
}

#[test]
fn deflections_of_several_lenses_add() {
    let (sis, shear) = (Sis { center: [0.0, 0.0], einstein_radius: 1.0 }, Shear { gamma1: 0.1, gamma2: 0.2 });
    assert_eq!(source_position(&[&sis, &shear], [3.0, 4.0]), [3.0 - 0.6 - (0.3 + 0.8), 4.0 - 0.8 - (0.6 - 0.4)]);
}

/// The formulas of Wright & Brainerd (2000, equations 11 and 13), where they are well conditioned.
#[test]
fn the_nfw_is_that_of_wright_and_brainerd() {
    let (scale_radius, scale_convergence) = (0.8, 0.3);
    let nfw = Nfw { center: [0.0, 0.0], scale_radius, scale_convergence };
    for x in [0.05, 0.1, 0.3, 0.5, 0.69, 0.71, 0.9, 1.1, 1.5, 3.0, 10.0, 100.0] {
        let term = if x < 1.0 {
            2.0 / f64::sqrt(1.0 - x * x) * f64::sqrt((1.0 - x) / (1.0 + x)).atanh()
        } else {
            2.0 / f64::sqrt(x * x - 1.0) * f64::sqrt((x - 1.0) / (1.0 + x)).atan()
        };
        let at = [0.6 * x * scale_radius, -0.8 * x * scale_radius];
        agree(nfw.convergence(at), 2.0 * scale_convergence * (1.0 - term) / (x * x - 1.0), 1e-13);
        let mean = 4.0 * scale_convergence * (term + f64::ln(x / 2.0)) / (x * x);
        let [along_x, along_y] = nfw.deflection(at);
        agree(along_x, mean * at[0], 1e-12);
        agree(along_y, mean * at[1], 1e-12);
    }
    // At the scale radius, and near the centre to the second order.
    let [at_scale, _] = nfw.deflection([scale_radius, 0.0]);
    agree(at_scale, 4.0 * scale_convergence * scale_radius * (1.0 - LN_2), 1e-15);
    agree(nfw.convergence([0.0, scale_radius]), 2.0 / 3.0 * scale_convergence, 1e-15);
    for x in [1e-6, 1e-9, 1e-30, 1e-100] {
        let log = f64::ln(2.0 / x);
        let [along_x, _] = nfw.deflection([x * scale_radius, 0.0]);
        agree(along_x, 4.0 * scale_convergence * scale_radius * x / 2.0 * (log - 0.5), 1e-11);
        agree(nfw.convergence([0.0, x * scale_radius]), 2.0 * scale_convergence * (log - 1.0), 1e-10);
        let potential = 2.0 * scale_convergence * scale_radius.powi(2) * x * x / 2.0 * log;
        agree(nfw.potential([x * scale_radius, 0.0]), potential, 1e-10);
    }
}

/// Where formulas take turns (x^2 = 1/2, 1 - 1/32, 1 + 1/32), both give the same number.
#[test]
fn the_nfw_has_no_seams() {
    let nfw = Nfw { center: [0.0, 0.0], scale_radius: 1.0, scale_convergence: 1.0 };
    for x2 in [0.5, 1.0 - 1.0 / 32.0, 1.0, 1.0 + 1.0 / 32.0] {
        let seam = f64::sqrt(x2);
        let sides = [seam * (1.0 - 4e-16), seam * (1.0 + 4e-16)].map(|x| [x, 0.0]);
        let [below, above] = sides.map(|at| [nfw.deflection(at)[0], nfw.potential(at), nfw.convergence(at)]);
        for (below, above) in below.into_iter().zip(above) {
            agree(below, above, 5e-14);
        }
    }
}

#[test]
fn an_nfw_halo_has_its_mass() {
    let geometry = geometry();
    let mass_scale = geometry.critical_mass_per_square_arcsec();
    for (m200, concentration) in [(1e8, 15.7), (1e12, 8.0), (1e15, 5.0)] {
        let nfw = Nfw::try_from_m200([0.3, 0.0], m200, concentration, &geometry).unwrap();
        // In the sphere of radius r200: the integral of the density over r = exp(u), and the mean density.
        let scale = nfw.scale_radius * geometry.kpc_per_arcsec();
        let density = nfw.scale_convergence * geometry.critical_surface_density() / scale;
        let shell = |u: f64| {
            let r = u.exp();
            4.0 * PI * (r * scale).powi(3) * density / (r * (1.0 + r) * (1.0 + r))
        };
        agree(integrate(shell, -30.0, concentration.ln()), m200, 1e-9);
        let r200 = 1e-3 * concentration * scale;
        agree(m200 / (4.0 / 3.0 * PI * r200.powi(3)), 200.0 * geometry.critical_density, 1e-12);

        // In a cylinder: the integral of the convergence, and the deflection at its edge times pi theta.
        for x in [0.01, 0.5, 1.0, 2.0, 50.0] {
            let radius = x * nfw.scale_radius;
            let enclosed = nfw.enclosed_mass(radius, &geometry);
            let ring = |u: f64| TAU * (2.0 * u).exp() * nfw.convergence([0.3 + u.exp(), 0.0]);
            agree(enclosed, mass_scale * integrate(ring, radius.ln() - 25.0, radius.ln()), 1e-8);
            let [_, edge] = nfw.deflection([0.3, radius]);
            agree(enclosed, mass_scale * PI * radius * edge, 1e-13);
        }
        assert!((0.0..1e-250).contains(&nfw.enclosed_mass(0.0, &geometry)));
    }
}

/// numpy: `np.polyval(c[::-1], np.log(m * 0.6774))` with the six coefficients.
#[test]
fn concentrations_are_those_of_sanchez_conde_and_prada() {
    let values =
        [(1e-6, 59.72164464291118), (1e8, 15.722075942729795), (1e10, 11.546118739914267), (1e12, 7.9920105427823565)];
    for (m200, concentration) in values {
        agree(sanchez_conde_prada_2014(m200, 0.6774), concentration, 1e-12);
    }
}

// Light.

#[test]
fn half_of_a_sersic_profiles_light_is_inside_its_half_light_radius() {
    for n in [0.25, 0.3, 0.5, 0.7, 1.0, 2.0, 4.0, 6.0, 10.0, 15.0, 20.0] {
        agree(gamma_lr(2.0 * n, half_light_exponent(n)), 0.5, 1e-12);
    }
    agree(half_light_exponent(0.5), LN_2, 1e-14);

    for n in [0.5, 1.0, 1.5, 2.5, 4.0, 6.0] {
        let (half_light_radius, flux) = (0.4, 7.0);
        let ellipse = Ellipse::new([0.0, 0.0], 0.6, 0.7);
        let source = Sersic::try_new(ellipse, half_light_radius, n, flux).unwrap();
        // Rings of radius R = r_e u^n, on which the brightness is the same all around.
        let ring = |u: f64| {
            let r = half_light_radius * u.powf(n);
            let brightness = [0.0, 1.0, 2.0, 4.0].map(|t: f64| {
                source.brightness(ellipse.from_axes([r * t.cos() / f64::sqrt(0.6), r * t.sin() * f64::sqrt(0.6)]))
            });
            brightness.iter().for_each(|b| agree(*b, brightness[0], 1e-10));
            TAU * r * brightness[0] * n * half_light_radius * u.powf(n - 1.0)
        };
        let from = 1e-12;
        agree(integrate(ring, from, 1.0), 0.5 * flux, 1e-6);
        let far = 50.0 / half_light_exponent(n) + 1.0;
        agree(integrate(ring, from, far), flux, 1e-6);
    }
}

/// A Gaussian, whose sum over any fine grid is its integral; turned and flattened.
#[test]
fn a_sersic_source_has_its_flux_on_a_grid() {
    let source = Sersic::try_new(Ellipse::new([0.03, -0.02], 0.5, 0.4), 0.4, 0.5, 3.0).unwrap();
    let step = 0.05;
    let sum: f64 = (-100..=100)
        .flat_map(|i| (-100..=100).map(move |j| [step * i as f64, step * j as f64]))
        .map(|at| source.brightness(at) * step * step)
        .sum();
    agree(sum, 3.0, 1e-12);
}

#[test]
fn magnitudes_are_counts() {
    let photometry = Photometry { zero_point: 25.5, exposure: 1610.0 }.check().unwrap();
    agree(photometry.counts(25.5), 1610.0, 1e-15);
    agree(photometry.counts(23.0), 16_100.0, 1e-14);
    // 10^(0.4 * 3) * 1610
    agree(photometry.counts(22.5), 25_516.780_4, 1e-8);
}

// Derivatives.

/// What is computed from parameters and a position: everything that is generic, one after the other.
fn everything<T: Real>(p: &[T]) -> Vec<T> {
    let [x, y, q, angle, radius, strength] = *p else { unreachable!("six numbers") };
    let (center, at) = ([T::from(0.1), T::from(-0.2)], [x, y]);
    let ellipse = Ellipse::new(center, q, angle);
    let halo = Nfw::from_m200(center, strength * 1e12, sanchez_conde_prada_2014(strength * 1e12, 0.7), &geometry());
    let deflectors: [&dyn Deflector<T>; 5] = [
        &Sie { ellipse, einstein_radius: radius },
        &Sis { center, einstein_radius: radius },
        &Nfw { center, scale_radius: radius, scale_convergence: strength },
        &halo,
        &Shear { gamma1: strength, gamma2: radius },
    ];
    let mut results: Vec<T> = Vec::new();
    for deflector in deflectors {
        results.extend(deflector.deflection(at));
        results.extend([deflector.potential(at), deflector.convergence(at)]);
    }
    results.push(halo.enclosed_mass(radius, &geometry()).ln());
    results.push(Sersic::new(ellipse, radius, strength * 5.0, T::from(2.0)).brightness(at).ln());
    results.push(half_light_exponent(strength * 5.0));
    results.push(Photometry { zero_point: 25.0, exposure: 10.0 }.counts(radius));
    results
}

#[test]
fn dual_numbers_have_the_derivatives_of_finite_differences() {
    // At q = 1 and at the scale radius, where the formulas that everybody writes are 0 / 0; inside and outside.
    let points = [
        [1.0, 0.7, 0.6, 0.3, 1.2, 0.3],
        [1.0, 0.7, 1.0, 0.3, 1.2, 0.3],
        [0.9, -0.2, 0.99, 1.0, 0.8, 0.9],
        [-0.5, -1.0, 0.3, 2.0, 1.0, 0.2],
        [0.11, -0.19, 0.8, 0.5, 2.0, 0.4],
        [20.0, 30.0, 0.95, 0.5, 0.7, 0.12],
    ];
    for point in points {
        let duals: [Dual<f64, 6>; 6] = std::array::from_fn(|i| Dual::variable(point[i], i));
        let (with, without) = (everything(&duals), everything(&point));
        for (of, (dual, plain)) in with.iter().zip(&without).enumerate() {
            agree(dual.value, *plain, 1e-14);
            let scale = dual.partials.iter().fold(plain.abs(), |a, b| a.max(b.abs()));
            for (by, partial) in dual.partials.iter().enumerate() {
                let step = if by < 2 { 1e-3 * (point[0] - 0.1).hypot(point[1] + 0.2) } else { 1e-3 * point[by] };
                let slope = slope(&point, by, step, |p| everything(p)[of]);
                assert!(
                    (partial - slope).abs() <= 1e-8 * scale,
                    "result {of} by number {by} at {point:?}: {partial} {slope}"
                );
            }
        }
    }
}

#[test]
fn derivatives_are_finite_at_the_centre() {
    let point = [0.1, -0.2, 0.8, 0.5, 2.0, 0.4];
    let duals: [Dual<f64, 6>; 6] = std::array::from_fn(|i| Dual::variable(point[i], i));
    for lens in 0..4 {
        for (i, result) in everything(&duals)[4 * lens..][..3].iter().enumerate() {
            assert!(result.partials.iter().all(|p| p.is_finite()), "lens {lens}, result {i}: {:?}", result.partials);
        }
    }
}

/// The deflection along one direction, as a model uses it.
fn along<T: Real>(einstein_radius: T, axis_ratio: T, position: [T; 2], direction: usize) -> T {
    let sie = Sie { ellipse: Ellipse::along_x([T::from(0.0); 2], axis_ratio), einstein_radius };
    sie.deflection(position)[direction]
}

model! {
    /// An SIE whose deflections are measured here and there.
    pub Deflections {
        param sd: f64 = 0.02;
        global einstein_radius ~ Uniform(0.5, 3.0);
        global axis_ratio ~ Uniform(0.3, 1.0);
        plate places(1..=1000) {
            given x ~ Normal(0.0, 1.5);
            given y ~ Normal(0.0, 1.5);
            observe along_x ~ Normal(along(einstein_radius, axis_ratio, [x, y], 0), sd);
            observe along_y ~ Normal(along(einstein_radius, axis_ratio, [x, y], 1), sd);
        }
    }
}

/// Everything that a user of `model!` wants: the gradient in lanes and without, against finite differences, also where
/// lanes are on different sides of a formula; and the truth from NUTS, within 5 posterior standard deviations.
#[test]
fn a_model_takes_an_sie() {
    let model = Deflections::default();
    for truth in [
        DeflectionsGlobals { einstein_radius: 1.4, axis_ratio: 0.7 },
        DeflectionsGlobals { einstein_radius: 0.9, axis_ratio: 0.995 },
    ] {
        let simulations = model.simulate(1).at(&truth).size("places", 100).seed(seed(3)).run().unwrap();
        let data = &simulations[0].data;
        let q = unconstrain(&model, &truth, None);
        let mut density = Density::new(&model, data).unwrap();
        let [mut gradient, mut plain, mut scratch] = [[0.0; 2]; 3];
        density.gradient(&q, &mut gradient);
        density.gradient_without_lanes(&q, &mut plain);
        for i in 0..2 {
            agree(gradient[i], plain[i], 1e-9);
            let slope = slope(&q, i, 1e-3, |q| density.gradient(q, &mut scratch));
            within!((gradient[i] - slope).abs(), 1e-5 * gradient[i].abs().max(1.0), "{i}: {} {slope}", gradient[i]);
        }
        let chains = model.nuts(data).seed(seed(1)).warmup(300).draws(300).run().unwrap();
        for (row, truth) in chains.summary().rows.iter().zip([truth.einstein_radius, truth.axis_ratio]) {
            within!((row.mean - truth).abs(), 5.0 * row.sd, "{}: {} +- {}, true {truth}", row.name, row.mean, row.sd);
        }
    }
}

// Wrong input.

#[test]
fn what_means_nothing_is_an_error_that_says_so() {
    let nan = f64::NAN;
    let planck = Cosmology::PLANCK_2015;
    let geometry = geometry();
    let round = Ellipse::round([0.0, 0.0]);
    let sie = |q, theta_e| Sie { ellipse: Ellipse::along_x([0.0, 0.0], q), einstein_radius: theta_e }.check();
    let said: Vec<(String, &str)> = [
        (Cosmology::flat_lambda_cdm(-70.0, 0.3).err(), "Cosmology: hubble is -70, but must be positive and finite"),
        (Cosmology::flat_lambda_cdm(70.0, 1.5).err(), "Cosmology: omega_m is 1.5, but must be in (0, 1]"),
        (
            Cosmology { neutrino_masses: [0.0, 0.0, -0.1], ..planck }.check().err(),
            "Cosmology: a neutrino mass is -0.1, but must be zero or more, and finite",
        ),
        (
            Cosmology { cmb_temperature: 0.0, ..planck }.check().err(),
            "Cosmology: a neutrino mass is 0.06, but must be zero where cmb_temperature is",
        ),
        (Geometry::new(&planck, 0.0, 1.0).err(), "Geometry: lens_redshift is 0, but must be positive and finite"),
        (Geometry::new(&planck, 0.2, nan).err(), "Geometry: source_redshift is NaN, but must be positive and finite"),
        (Geometry::new(&planck, 0.5, 0.5).err(), "the source at redshift 0.5 is not behind the lens at redshift 0.5"),
        (sie(0.0, 1.0).err(), "Sie: axis_ratio is 0, but must be in (0, 1]"),
        (sie(1.1, 1.0).err(), "Sie: axis_ratio is 1.1, but must be in (0, 1]"),
        (sie(0.5, -1.0).err(), "Sie: einstein_radius is -1, but must be positive and finite"),
        (
            Sie { ellipse: Ellipse { major_axis: [1.0, 1.0], ..round }, einstein_radius: 1.0 }.check().err(),
            "Sie: the length of major_axis is 1.4142135623730951, but must be one: (cos, sin) of the position angle",
        ),
        (
            Sis { center: [nan, 0.0], einstein_radius: 1.0 }.check().err(),
            "Sis: the x of the center is NaN, but must be finite",
        ),
        (
            Nfw::try_from_m200([0.0; 2], -1e10, 10.0, &geometry).err(),
            "Nfw: m200 is -10000000000, but must be positive and finite",
        ),
        (
            Nfw::try_from_m200([0.0; 2], 1e10, 0.0, &geometry).err(),
            "Nfw: concentration is 0, but must be positive and finite",
        ),
        (
            Nfw { center: [0.0; 2], scale_radius: 1.0, scale_convergence: f64::INFINITY }.check().err(),
            "Nfw: scale_convergence is inf, but must be positive and finite",
        ),
        (Shear { gamma1: 0.0, gamma2: nan }.check().err(), "Shear: gamma2 is NaN, but must be finite"),
        (
            Sersic::try_new(round, 0.0, 1.0, 1.0).err(),
            "Sersic: half_light_radius is 0, but must be positive and finite",
        ),
        (Sersic::try_new(round, 1.0, 0.1, 1.0).err(), "Sersic: index is 0.1, but must be in [0.25, 20]"),
        (Sersic::try_new(round, 1.0, 1.0, -2.0).err(), "Sersic: flux is -2, but must be zero or more, and finite"),
        (
            Photometry { zero_point: 25.0, exposure: 0.0 }.check().err(),
            "Photometry: exposure is 0, but must be positive and finite",
        ),
    ]
    .into_iter()
    .map(|(error, expected)| (error.map(|e| e.to_string()).unwrap_or_default(), expected))
    .collect();
    for (said, expected) in said {
        assert_eq!(said, expected);
    }
}

#[test]
fn sources_and_cameras_are_checked_where_they_are_read() {
    let source = Sersic::try_new(Ellipse::new([0.1, 0.0], 0.7, 0.3), 0.4, 1.3, 10.0).unwrap();
    let camera = Camera::<4, 4>::new(0.1, 3.0).unwrap().psf(0.3).unwrap();
    assert_eq!(serde_json::from_value::<Sersic<f64>>(json!(source)).unwrap(), source);
    assert_eq!(serde_json::from_value::<Camera<4, 4>>(json!(camera)).unwrap(), camera);
    let mut file = json!(source);
    file["index"] = json!(0.1);
    let error = serde_json::from_value::<Sersic<f64>>(file).unwrap_err().to_string();
    assert_eq!(error, "Sersic: index is 0.1, but must be in [0.25, 20]");
    let mut file = json!(camera);
    file["pixel_scale"] = json!(0.0);
    let error = serde_json::from_value::<Camera<4, 4>>(file).unwrap_err().to_string();
    assert_eq!(error, "Camera: pixel_scale is 0, but must be positive and finite");
}

/// What `benches/peers/lensing.py` holds against lenstronomy and astropy: a JSON object on a line for each thing, with
/// its parameters and the values at `positions`.
#[test]
#[ignore = "prints numbers for benches/peers/lensing.py"]
fn table_for_peers() {
    let (cosmology, geometry) = (Cosmology::PLANCK_2015, geometry());
    let mut positions = positions();
    positions.retain(|[x, y]| x.hypot(*y) > 0.04);
    println!("{}", json!({"positions": positions}));
    let center = [0.02, -0.01];
    let print = |name: &str, parameters: serde_json::Value, deflector: &dyn Deflector<f64>| {
        let line = json!({
            "deflector": name,
            "parameters": parameters,
            "deflection": positions.iter().map(|at| deflector.deflection(*at)).collect::<Vec<_>>(),
            "potential": positions.iter().map(|at| deflector.potential(*at)).collect::<Vec<_>>(),
            "convergence": positions.iter().map(|at| deflector.convergence(*at)).collect::<Vec<_>>(),
        });
        println!("{line}");
    };
    for (q, angle) in [(0.99, 0.0), (0.8, 0.0), (0.5, 0.7), (0.3, 2.5)] {
        let sie = Sie { ellipse: Ellipse::new(center, q, angle), einstein_radius: 1.3 };
        print("SIE", json!({"center": center, "theta_E": 1.3, "q": q, "angle": angle}), &sie);
    }
    print("SIS", json!({"center": center, "theta_E": 1.3}), &Sis { center, einstein_radius: 1.3 });
    print("SHEAR", json!({"gamma1": 0.05, "gamma2": -0.03}), &Shear { gamma1: 0.05, gamma2: -0.03 });
    for m200 in [1e8, 1e10, 1e12] {
        let concentration = sanchez_conde_prada_2014(m200, cosmology.hubble / 100.0);
        let nfw = Nfw::try_from_m200(center, m200, concentration, &geometry).unwrap();
        print("NFW", json!({"center": center, "m200": m200, "concentration": concentration}), &nfw);
    }
    for (n, q, angle) in [(0.5, 1.0, 0.0), (1.0, 0.6, 0.4), (2.5, 0.8, 2.0), (4.0, 0.5, 1.0)] {
        let source = Sersic::try_new(Ellipse::new(center, q, angle), 0.4, n, 10.0).unwrap();
        let line = json!({
            "sersic": {"center": center, "R_sersic": 0.4, "n_sersic": n, "q": q, "angle": angle},
            "flux": 10.0,
            "brightness": positions.iter().map(|at| source.brightness(*at)).collect::<Vec<_>>(),
        });
        println!("{line}");
    }
    let photometry = Photometry { zero_point: 25.5, exposure: 1610.0 };
    let counts = photometry.counts(23.0);
    println!("{}", json!({"magnitude": 23.0, "photometry": photometry, "counts": counts}));
    for z in [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 6.0] {
        let (distance, density) = (cosmology.comoving_distance(z), cosmology.critical_density(z));
        println!("{}", json!({"redshift": z, "comoving_distance": distance, "critical_density": density}));
    }
    println!("{}", json!({"geometry": geometry}));
}

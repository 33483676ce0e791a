//! The population of dark matter subhaloes, seen through what it does to images of strong lenses (arXiv 2306.12584,
//! section 4.3); and a lens without subhaloes, whose images have a density.

use std::f64::consts::{PI, TAU};

use hierarch::prelude::*;
use hierarch::simulate::Stream;
use hierarch_lensing::{
    Camera, Cosmology, Deflector, Ellipse, Geometry, Light, Nfw, Photometry, Sersic, Sie, poisson_noise,
    sanchez_conde_prada_2014,
};
use serde::{Deserialize, Serialize};

/// Rows and columns of an image.
pub const SIDE: usize = 64;

/// The counts of each pixel, or the expected ones.
pub type Image = [[f32; SIDE]; SIDE];

/// What is the same in all images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The telescope, with the sky.
    pub camera: Camera<SIDE, SIDE>,
    /// The distances.
    pub geometry: Geometry,
    /// The Hubble constant in 100 km/s/Mpc.
    pub h: f64,
    /// The galaxy behind the lens.
    pub source: Sersic<f64>,
    /// The lowest and the highest of the subhaloes' masses, as log10 of Msun.
    pub log10_masses: [f64; 2],
    /// Half the width in arcsec of the ring around the Einstein radius where subhaloes are.
    pub half_width: f64,
}

impl Setup {
    /// The published one: 64 x 64 pixels of 0.1 arcsec, an exponential disc of magnitude 23, a sky of magnitude 22.5
    /// per arcsec^2, 1610 s of exposure, a lens at redshift 0.2 and a source at 1.
    ///
    /// As in the published code (github.com/smsharma/hierarchical-inference), it is log10 of a subhalo's mass that follows
    /// a power law, on [8, 12], so that `beta` is not the slope of dn / dm. Concentrations are those of the relation at
    /// z = 0, unscaled, as there; at redshift z they would be about c / (1 + z).
    pub fn published() -> Self {
        Self::exposed(1610.0)
    }

    /// The published one with another exposure, in seconds.
    pub fn exposed(seconds: f64) -> Self {
        let exposure = Photometry { zero_point: 25.5, exposure: seconds };
        let cosmology = Cosmology::PLANCK_2015;
        Self {
            camera: Camera::new(0.1, exposure.counts(22.5)).expect("the pixels have a size"),
            geometry: Geometry::new(&cosmology, 0.2, 1.0).expect("the source is behind the lens"),
            h: cosmology.hubble / 100.0,
            source: Sersic::new(Ellipse::round([0.0, 0.0]), 0.4, 1.0, exposure.counts(23.0)),
            log10_masses: [8.0, 12.0],
            half_width: 0.2,
        }
    }

    /// An image of a lens with some subhaloes: the counts of each pixel.
    pub fn photograph(&self, lens: &Sie<f64>, subhaloes: &[Nfw<f64>], rng: &mut Stream) -> Image {
        let mut image = self.camera.expected_counts(lens, subhaloes, &self.source);
        poisson_noise(image.as_flattened_mut(), rng);
        image
    }

    /// The squares of the radii between which there are subhaloes.
    fn ring<T: Real>(&self, theta_e: T) -> [T; 2] {
        [(theta_e - self.half_width).square(), (theta_e + self.half_width).square()]
    }

    /// The expected counts of the pixel at a position, in an image of a lens without subhaloes.
    #[inline(always)]
    pub fn expected_counts<T: Real>(&self, [x, y]: [T; 2], lens: Sie<T>) -> T {
        let [by_x, by_y] = lens.deflection([x, y]);
        self.camera.counts(self.source.brightness_at([x - by_x, y - by_y]))
    }

    /// Images as data of [`SmoothLens`].
    pub fn pixels(&self, images: &[Image]) -> SmoothLensData {
        let mut pixels = SmoothLensPixels { offsets: vec![0], x: vec![], y: vec![], counts: vec![] };
        for image in images {
            for (pixel, counts) in image.as_flattened().iter().enumerate() {
                let [x, y] = self.camera.position(pixel / SIDE, pixel % SIDE);
                pixels.x.push(x);
                pixels.y.push(y);
                pixels.counts.push(*counts as u64);
            }
            pixels.offsets.push(pixels.x.len());
        }
        SmoothLensData { lenses: SmoothLensLenses { pixels } }
    }
}

/// The main lens, its major axis along x. As in the published code, `theta_e` is measured along that axis: the Einstein radius
/// of [`Sie`], and of lenstronomy, is sqrt(q) of it.
#[inline(always)]
pub fn galaxy<T: Real>(theta_x: T, theta_y: T, theta_e: T, q: T) -> Sie<T> {
    Sie { ellipse: Ellipse::along_x([theta_x, theta_y], q), einstein_radius: theta_e * q.sqrt() }
}

/// The centre of a subhalo, (x, y) in arcsec: at a radius and an angle about the centre of its lens.
pub fn subhalo_center([theta_x, theta_y]: [f64; 2], radius_squared: f64, angle: f64) -> [f64; 2] {
    let (radius, (sin, cos)) = (radius_squared.sqrt(), angle.sin_cos());
    [theta_x + radius * cos, theta_y + radius * sin]
}

/// One image.
fn photograph(setup: &Setup, lens: Sie<f64>, subhaloes: LensingSubhaloesLocals, rng: &mut Stream) -> Image {
    let columns = subhaloes.radius_squared.iter().zip(&subhaloes.angle).zip(&subhaloes.log10_mass);
    let haloes: Vec<Nfw<f64>> = columns
        .map(|((radius_squared, angle), log10_mass)| {
            let mass = 10.0_f64.powf(*log10_mass);
            let center = subhalo_center(lens.ellipse.center, *radius_squared, *angle);
            Nfw::from_m200(center, mass, sanchez_conde_prada_2014(mass, setup.h), &setup.geometry)
        })
        .collect();
    setup.photograph(&lens, &haloes, rng)
}

model! {
    /// Images of lenses with subhaloes of a common population.
    ///
    /// Since log10 of the mass follows the power law (see [`Setup::published`]), subhaloes are heavier than those of
    /// dn / dm ~ m^beta: beta hardly matters, and where they are many they carry the ring out of the image.
    pub Lensing {
        param setup: Setup = Setup::published();
        // The power of the subhaloes' log10 mass, and their number per arcsec^2.
        global beta ~ Uniform(-2.5, -1.9);
        global sigma_sub ~ Uniform(0.0, 20.0);
        plate lenses(1..=25) {
            local theta_x ~ Normal(0.0, 0.2);
            local theta_y ~ Normal(0.0, 0.2);
            local theta_e ~ Uniform(1.5, 2.5);
            local q ~ Uniform(0.5, 0.99);
            let [inner, outer] = setup.ring(theta_e);
            plate subhaloes(n_sub ~ Poisson(PI * (outer - inner) * sigma_sub)) {
                local radius_squared ~ Uniform(inner, outer);
                local angle ~ Uniform(0.0, TAU);
                local log10_mass ~ PowerLaw(beta, setup.log10_masses[0], setup.log10_masses[1]);
            }
            observe image: [[f32; 64]; 64] ~ photograph(setup, galaxy(theta_x, theta_y, theta_e, q), subhaloes);
        }
    }
}

model! {
    /// Images of lenses without subhaloes: each pixel is Poisson, about what the camera expects where it is.
    pub SmoothLens {
        param setup: Setup = Setup::published();
        plate lenses(1..=25) {
            local theta_x ~ Normal(0.0, 0.2);
            local theta_y ~ Normal(0.0, 0.2);
            local theta_e ~ Uniform(1.5, 2.5);
            local q ~ Uniform(0.5, 0.99);
            plate pixels(4096) {
                given x: f64;
                given y: f64;
                observe counts ~ Poisson(setup.expected_counts([x, y], galaxy(theta_x, theta_y, theta_e, q)));
            }
        }
    }
}

//! Distances in a flat universe, and the scales that follow for a lens and a source.

use std::f64::consts::PI;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::LensingError;
use super::error::{require, require_positive};

/// The speed of light in km/s.
const LIGHT: f64 = 299_792.458;
/// Newton's constant in Mpc (km/s)^2 / Msun: CODATA 2018, with the nominal solar mass parameter of the IAU (2015).
const NEWTON: f64 = 4.300_917_270_036_279e-9;
/// The Stefan-Boltzmann constant in W/m^2/K^4.
const STEFAN_BOLTZMANN: f64 = 5.670_374_419e-8;
/// The solar mass in kg, of the same two constants as [`NEWTON`].
const SUN: f64 = 1.988_409_870_698_051e30;
/// One Mpc in m.
const MPC: f64 = 3.085_677_581_491_367e22;
/// One arcsecond in radians.
const ARCSEC: f64 = PI / 648_000.0;

/// A flat universe with matter, radiation, neutrinos and a cosmological constant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cosmology {
    /// The Hubble constant in km/s/Mpc.
    pub hubble: f64,
    /// Matter today over the critical density: baryons and cold dark matter, without neutrinos.
    pub omega_m: f64,
    /// The temperature of the cosmic microwave background today in K. Zero leaves out photons and (massless) neutrinos.
    pub cmb_temperature: f64,
    /// The effective number of neutrinos, three species together.
    pub effective_neutrinos: f64,
    /// The mass of each species of neutrinos in eV.
    pub neutrino_masses: [f64; 3],
}

impl Cosmology {
    /// Planck 2015 (Ade et al. 2016, table 4, TT, TE, EE + lowP + lensing + ext), with the values of
    /// `astropy.cosmology.Planck15`.
    ///
    /// Photons and neutrinos matter: without them distances are 2e-4 too long at z = 0.2, 9e-4 at z = 1 and 1.6e-3 at z
    /// = 3.
    pub const PLANCK_2015: Self = Self {
        hubble: 67.74,
        omega_m: 0.3075,
        cmb_temperature: 2.7255,
        effective_neutrinos: 3.046,
        neutrino_masses: [0.0, 0.0, 0.06],
    };

    /// Creates a universe with matter and a cosmological constant alone.
    ///
    /// # Errors
    ///
    /// If `hubble` (km/s/Mpc) is not positive or `omega_m` not in (0, 1].
    pub fn flat_lambda_cdm(hubble: f64, omega_m: f64) -> Result<Self, LensingError> {
        Self { hubble, omega_m, cmb_temperature: 0.0, effective_neutrinos: 0.0, neutrino_masses: [0.0; 3] }.check()
    }

    /// Returns the cosmology if its numbers are valid.
    ///
    /// # Errors
    ///
    /// The first invalid number, by its name.
    pub fn check(self) -> Result<Self, LensingError> {
        let of = "Cosmology";
        let amount =
            |name, value: f64| require(value >= 0.0 && value.is_finite(), of, name, value, "zero or more, and finite");
        require_positive(of, "hubble", self.hubble)?;
        require(self.omega_m > 0.0 && self.omega_m <= 1.0, of, "omega_m", self.omega_m, "in (0, 1]")?;
        amount("cmb_temperature", self.cmb_temperature)?;
        amount("effective_neutrinos", self.effective_neutrinos)?;
        for mass in self.neutrino_masses {
            amount("a neutrino mass", mass)?;
            let warm = self.cmb_temperature > 0.0 || mass == 0.0;
            require(warm, of, "a neutrino mass", mass, "zero where cmb_temperature is")?;
        }
        Ok(self)
    }

    /// Returns H(z) / H0.
    pub fn expansion_rate(&self, z: f64) -> f64 {
        let a = 1.0 / (1.0 + z);
        let now = self.omega_photons();
        let lambda = 1.0 - self.omega_m - now * self.relativistic(1.0);
        (lambda + (self.omega_m + now * self.relativistic(a) / a) / a.powi(3)).sqrt()
    }

    /// Returns the density of photons today over the critical density: 4 sigma T^4 / c^3 over 3 H0^2 / (8 pi G).
    fn omega_photons(&self) -> f64 {
        let density = 4.0 * STEFAN_BOLTZMANN * self.cmb_temperature.powi(4) / (1e3 * LIGHT).powi(3);
        density * (MPC * MPC * MPC / SUN) / self.critical_density_now()
    }

    /// Returns the density of photons and neutrinos over that of photons, at the scale factor `a`: massive neutrinos by
    /// the fit of Komatsu et al. (2011, equations 25 and 26), which is good to 3e-3 of their own density.
    fn relativistic(&self, a: f64) -> f64 {
        // Boltzmann's constant in eV/K.
        let temperature = 8.617_333_262e-5 * self.cmb_temperature * (4.0_f64 / 11.0).cbrt();
        let species = |mass: &f64| {
            // Avoids 0 / 0 for a massless neutrino in a universe without temperature.
            let mass = if *mass > 0.0 { mass / temperature } else { 0.0 };
            (1.0 + (0.3173 * mass * a).powf(1.83)).powf(1.0 / 1.83)
        };
        let massless = 7.0 / 8.0 * (4.0_f64 / 11.0).powf(4.0 / 3.0) * self.effective_neutrinos / 3.0;
        1.0 + massless * self.neutrino_masses.iter().map(species).sum::<f64>()
    }

    fn critical_density_now(&self) -> f64 {
        3.0 * self.hubble.powi(2) / (8.0 * PI * NEWTON)
    }

    /// Returns the critical density 3 H(z)^2 / (8 pi G) in Msun/Mpc^3.
    pub fn critical_density(&self, z: f64) -> f64 {
        self.critical_density_now() * self.expansion_rate(z).powi(2)
    }

    /// Returns the comoving distance to redshift `z` in Mpc.
    pub fn comoving_distance(&self, z: f64) -> f64 {
        // c dz / H over ln(1 + z), where the integrand is as smooth at high redshift as at low.
        let half = 0.5 * z.ln_1p();
        let integrand = |node: f64| {
            let stretch = (half * (1.0 + node)).exp();
            stretch / self.expansion_rate(stretch - 1.0)
        };
        LIGHT / self.hubble * half * LEGENDRE.iter().map(|(node, weight)| weight * integrand(*node)).sum::<f64>()
    }

    /// Returns the angular diameter distance to redshift `z` in Mpc.
    pub fn angular_diameter_distance(&self, z: f64) -> f64 {
        self.angular_diameter_distance_between(0.0, z)
    }

    /// Returns the angular diameter distance in Mpc of an object at redshift `z2` for an observer at redshift `z1` <=
    /// `z2`. It is not the difference of their distances from us; their comoving distances may be subtracted, where
    /// space is flat.
    pub fn angular_diameter_distance_between(&self, z1: f64, z2: f64) -> f64 {
        (self.comoving_distance(z2) - self.comoving_distance(z1)) / (1.0 + z2)
    }
}

/// Nodes in [-1, 1] and weights of the Gauss-Legendre rule. Distances to z = 3 are exact to rounding, to z = 1000 to
/// 1e-9.
static LEGENDRE: LazyLock<[(f64, f64); 32]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        // Newton's method on P_n, from Tricomi's approximation of its roots.
        let mut x = (PI * (i as f64 + 0.75) / 32.5).cos();
        let mut slope = 0.0;
        for _ in 0..6 {
            let (mut before, mut p) = (1.0, x);
            for n in 2..=32 {
                let n = n as f64;
                (before, p) = (p, ((2.0 * n - 1.0) * x * p - (n - 1.0) * before) / n);
            }
            slope = 32.0 * (x * p - before) / (x * x - 1.0);
            x -= p / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    })
});

/// A lens, a source behind it, and the observer at redshift zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// The redshift of the lens.
    pub lens_redshift: f64,
    /// The redshift of the source.
    pub source_redshift: f64,
    /// The angular diameter distance D_l to the lens in Mpc.
    pub lens_distance: f64,
    /// The angular diameter distance D_s to the source in Mpc.
    pub source_distance: f64,
    /// The angular diameter distance D_ls from the lens to the source in Mpc.
    pub lens_source_distance: f64,
    /// The critical density of the universe at the lens, in Msun/Mpc^3.
    pub critical_density: f64,
}

impl Geometry {
    /// Creates the geometry of a lens and a source in a cosmology, by their redshifts.
    ///
    /// # Errors
    ///
    /// If the cosmology is invalid, the lens is not at a positive redshift or the source not behind it.
    pub fn new(cosmology: &Cosmology, lens_redshift: f64, source_redshift: f64) -> Result<Self, LensingError> {
        let cosmology = cosmology.check()?;
        require_positive("Geometry", "lens_redshift", lens_redshift)?;
        require_positive("Geometry", "source_redshift", source_redshift)?;
        if source_redshift <= lens_redshift {
            return Err(LensingError::Order { lens_redshift, source_redshift });
        }
        Ok(Self {
            lens_redshift,
            source_redshift,
            lens_distance: cosmology.angular_diameter_distance(lens_redshift),
            source_distance: cosmology.angular_diameter_distance(source_redshift),
            lens_source_distance: cosmology.angular_diameter_distance_between(lens_redshift, source_redshift),
            critical_density: cosmology.critical_density(lens_redshift),
        })
    }

    /// Returns the length at the lens of one arcsecond, in kpc.
    pub fn kpc_per_arcsec(&self) -> f64 {
        1e3 * self.lens_distance * ARCSEC
    }

    /// Returns the critical surface density c^2 / (4 pi G) D_s / (D_l D_ls), in Msun/kpc^2: where the convergence is
    /// one.
    pub fn critical_surface_density(&self) -> f64 {
        let distance = self.lens_distance * self.lens_source_distance / self.source_distance;
        1e-6 * LIGHT * LIGHT / (4.0 * PI * NEWTON * distance)
    }

    /// Returns the critical surface density in Msun/arcsec^2: the mass of a convergence of one over a square arcsecond.
    pub fn critical_mass_per_square_arcsec(&self) -> f64 {
        self.critical_surface_density() * self.kpc_per_arcsec().powi(2)
    }
}

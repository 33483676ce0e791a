//! Images of sources behind a lens, fast enough for training on millions of them.

use serde::{Deserialize, Serialize};

use super::error::{require, require_positive};
use super::kernels::{RUN, Run, add_nfw_deflections};
use super::{GaussianPsf, Lens, LensingError, Light, Nfw};
use hierarch_core::autodiff::{Dual, Lanes, Real, WithLanes, with_lanes};

/// A detector of `HEIGHT` rows of `WIDTH` square pixels, with the origin in its middle.
///
/// Its images are `[[f32; WIDTH]; HEIGHT]`: x increases along a row, and y from row to row. They are on the stack, two
/// at a time where there is a point spread function: 256 x 256 pixels fit the 2 MiB of a thread of rayon, 1024 x 1024
/// do not.
///
/// ```
/// use hierarch_lensing::*;
/// use hierarch::simulate::stream;
///
/// # fn main() -> Result<(), LensingError> {
/// let exposure = Photometry { zero_point: 25.5, exposure: 1610.0 }.check()?;
/// let camera = Camera::<64, 64>::new(0.1, exposure.counts(22.5))?.psf(0.15)?;
///
/// let galaxy = Sie { ellipse: Ellipse::along_x([0.1, 0.0], 0.8), einstein_radius: 2.0 }.check()?;
/// let shear = Shear { gamma1: 0.03, gamma2: -0.01 }.check()?;
/// let geometry = Geometry::new(&Cosmology::PLANCK_2015, 0.2, 1.0)?;
/// let halo = Nfw::try_from_m200([1.9, 0.6], 1e10, sanchez_conde_prada_2014(1e10, 0.6774), &geometry)?;
/// let source = Sersic::try_new(Ellipse::round([0.0, 0.0]), 0.4, 1.0, exposure.counts(23.0))?;
///
/// let mut image = camera.expected_counts(&(galaxy, shear), &[halo], &source);
/// poisson_noise(image.as_flattened_mut(), &mut stream(1, 0));
/// # assert!(image.as_flattened().iter().all(|counts| counts.fract() == 0.0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Camera<const HEIGHT: usize, const WIDTH: usize> {
    pixel_scale: f64,
    sky: f64,
    psf: Option<GaussianPsf>,
}

/// A camera as read from a file, not yet checked.
#[derive(Deserialize)]
struct Unchecked {
    pixel_scale: f64,
    sky: f64,
    psf: Option<GaussianPsf>,
}

impl<const HEIGHT: usize, const WIDTH: usize> TryFrom<Unchecked> for Camera<HEIGHT, WIDTH> {
    type Error = LensingError;

    fn try_from(Unchecked { pixel_scale, sky, psf }: Unchecked) -> Result<Self, LensingError> {
        Ok(Self { psf, ..Self::new(pixel_scale, sky)? })
    }
}

impl<const HEIGHT: usize, const WIDTH: usize> Camera<HEIGHT, WIDTH> {
    /// Creates a camera with pixels of side `pixel_scale` in arcsec, and a sky of `sky` counts per arcsec^2.
    ///
    /// # Errors
    ///
    /// If the scale is not positive or the sky is negative.
    pub fn new(pixel_scale: f64, sky: f64) -> Result<Self, LensingError> {
        require_positive("Camera", "pixel_scale", pixel_scale)?;
        require(sky >= 0.0 && sky.is_finite(), "Camera", "sky", sky, "zero or more, and finite")?;
        Ok(Self { pixel_scale, sky, psf: None })
    }

    /// Sets a Gaussian point spread function with the full width at half maximum `full_width` in arcsec.
    ///
    /// # Errors
    ///
    /// If the width is not positive and finite, or more than 10,000 pixels.
    pub fn psf(self, full_width: f64) -> Result<Self, LensingError> {
        Ok(Self { psf: Some(GaussianPsf::new(full_width, self.pixel_scale)?), ..self })
    }

    /// Returns the centre (x, y) of a pixel in arcsec.
    #[inline(always)]
    pub fn position(&self, row: usize, column: usize) -> [f64; 2] {
        let from_middle = |i: usize, count: usize| (i as f64 - 0.5 * (count as f64 - 1.0)) * self.pixel_scale;
        [from_middle(column, WIDTH), from_middle(row, HEIGHT)]
    }

    /// Returns the expected counts of a pixel for the surface brightness at its centre, in counts per arcsec^2, and the
    /// sky: the value of an image there without a point spread function.
    #[inline(always)]
    pub fn counts<T: Real>(&self, brightness: T) -> T {
        (brightness + self.sky) * (self.pixel_scale * self.pixel_scale)
    }

    /// Returns the expected counts of the sources `light` behind `lens` and subhaloes, with the sky, which is equally
    /// bright up to the edge.
    ///
    /// Light is traced back from the centre of each pixel. The cost is that of the subhaloes and increases only with
    /// their number: they deflect in f32, a register of pixels at a time, and the rest in f64. Nothing is allocated.
    ///
    /// In f32 a halo's deflection has a relative error of up to 1.2e-6, and the counts change with the brightness over
    /// that distance. In images of the example `lensing`, the source fades by a factor e in 0.24 arcsec, and the sky is
    /// about as bright. There counts agree with those of the same sums in f64 to 1e-6, relative, where the haloes'
    /// deflections add up to an arcsecond or less; of 81 images with up to 160 haloes, whose deflections add up to 6
    /// arcsec, the worst pixel is off by 2.0e-6.
    pub fn expected_counts<L: Lens + ?Sized, S: Light + ?Sized>(
        &self,
        lens: &L,
        subhaloes: &[Nfw<f64>],
        light: &S,
    ) -> [[f32; WIDTH]; HEIGHT] {
        let mut image = [[0.0; WIDTH]; HEIGHT];
        for (run, pixels) in image.as_flattened_mut().chunks_mut(RUN).enumerate() {
            // The last run extends beyond the last pixel of the image, and is cut off there.
            let centers: [_; RUN] = std::array::from_fn(|i| {
                let pixel = run * RUN + i;
                self.position(pixel / WIDTH, pixel % WIDTH)
            });
            let positions = [0, 1].map(|axis| centers.map(|center| center[axis]));
            let mut deflections = [[0.0; RUN]; 2];
            add_nfw_deflections(subhaloes, &positions.map(|run| run.map(|x| x as f32)), &mut deflections);
            let brightness = with_lanes(Trace { lens, light, positions: &positions, deflections: &deflections });
            pixels.copy_from_slice(&brightness[..pixels.len()]);
        }
        let area = (self.pixel_scale * self.pixel_scale) as f32;
        if let Some(psf) = &self.psf {
            psf.blur(&mut image);
        }
        for pixel in image.as_flattened_mut() {
            *pixel = (*pixel + self.sky as f32) * area;
        }
        image
    }
}

/// The observed brightness at some positions, where the subhaloes' deflections are known.
struct Trace<'a, L: ?Sized, S: ?Sized> {
    lens: &'a L,
    light: &'a S,
    positions: &'a [[f64; RUN]; 2],
    deflections: &'a [Run; 2],
}

impl<L: Lens + ?Sized, S: Light + ?Sized> Trace<'_, L, S> {
    /// Returns the brightness at one position for each lane.
    #[inline(always)]
    fn brightness<V: Lanes>(&self, first: usize) -> V {
        let position = self.positions.each_ref().map(|run| Dual::<V, 0>::constant(V::load(&run[first..])));
        let by_haloes = self.deflections.each_ref().map(|run| V::from_fn(|i| f64::from(run[first + i])));
        let by_lens = self.lens.deflection_at(position);
        let source = [0, 1].map(|axis| position[axis] - by_lens[axis] - Dual::constant(by_haloes[axis]));
        self.light.brightness_at(source).value
    }
}

impl<L: Lens + ?Sized, S: Light + ?Sized> WithLanes for Trace<'_, L, S> {
    type Output = Run;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Run {
        let mut brightness = [0.0; RUN];
        for first in (0..RUN).step_by(V::WIDTH) {
            let lanes = self.brightness::<V>(first);
            // For a lens with a branch on which the lanes disagree.
            let diverged = V::take_divergence();
            for i in 0..V::WIDTH {
                let seen = if diverged { self.brightness::<f64>(first + i) } else { lanes.lane(i) };
                brightness[first + i] = seen as f32;
            }
        }
        brightness
    }
}

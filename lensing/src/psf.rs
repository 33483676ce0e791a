//! The image of a point after the atmosphere and the telescope.

use serde::{Deserialize, Serialize};

use hierarch_core::simd::dispatch;

use super::LensingError;
use super::error::{require, require_positive};

/// A round Gaussian, sampled at the pixels.
///
/// It ends four standard deviations from its centre and sums to one. Light carried over the edge of the image is lost,
/// and none comes in from there. Because it is sampled, it has the requested width only from about two pixels of full
/// width at half maximum (0.85 pixels of standard deviation, to 2e-3), and is too narrow below.
///
/// ```
/// use hierarch_lensing::GaussianPsf;
///
/// // The full width at half maximum is two pixels: one pixel from the centre there is half of the light.
/// let weights: Vec<f32> = GaussianPsf::new(0.2, 0.1)?.into();
/// assert!((weights[1] / weights[0] - 0.5).abs() < 1e-5);
/// # Ok::<(), hierarch_lensing::LensingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub struct GaussianPsf {
    /// The weights of pixels at distances 0, 1, 2, ..., along one axis.
    weights: Vec<f32>,
}

impl GaussianPsf {
    /// The largest full width at half maximum in pixels: wider than any image, and with few enough weights for a cache.
    const WIDEST: f64 = 10_000.0;

    /// Creates a Gaussian with the full width at half maximum `full_width`, on pixels of side `pixel_scale`, both in
    /// arcsec.
    ///
    /// # Errors
    ///
    /// If one of them is not positive and finite, or the width is more than 10,000 pixels.
    pub fn new(full_width: f64, pixel_scale: f64) -> Result<Self, LensingError> {
        require_positive("GaussianPsf", "full_width", full_width)?;
        require_positive("GaussianPsf", "pixel_scale", pixel_scale)?;
        let pixels = full_width / pixel_scale;
        let sane = pixels > 0.0 && pixels <= Self::WIDEST;
        require(sane, "GaussianPsf", "full_width / pixel_scale", pixels, "above zero and at most 10,000")?;
        let sd = pixels / (8.0 * std::f64::consts::LN_2).sqrt();
        let weights = (0..=(4.0 * sd).ceil() as usize).map(|i| (-0.5 * (i as f64 / sd).powi(2)).exp());
        let weights: Vec<f64> = weights.collect();
        let sum = 2.0 * weights.iter().sum::<f64>() - weights[0];
        Ok(Self { weights: weights.iter().map(|w| (w / sum) as f32).collect() })
    }

    /// Convolves an image with the Gaussian, along the rows and then along the columns.
    pub(super) fn blur<const HEIGHT: usize, const WIDTH: usize>(&self, image: &mut [[f32; WIDTH]; HEIGHT]) {
        dispatch(
            #[inline(always)]
            || {
                let mut rows = [[0.0; WIDTH]; HEIGHT];
                for (output, row) in rows.iter_mut().zip(image.iter()) {
                    for (i, weight) in self.weights.iter().enumerate().take(WIDTH) {
                        add_scaled(&mut output[i..], row, *weight);
                        if i > 0 {
                            add_scaled(output, &row[i..], *weight);
                        }
                    }
                }
                for (y, output) in image.iter_mut().enumerate() {
                    *output = [0.0; WIDTH];
                    for (other, row) in rows.iter().enumerate() {
                        if let Some(weight) = self.weights.get(other.abs_diff(y)) {
                            add_scaled(output, row, *weight);
                        }
                    }
                }
            },
        );
    }
}

impl TryFrom<Vec<f32>> for GaussianPsf {
    type Error = LensingError;

    /// Creates it from the weights in a file: none is negative, and on both sides they sum to one.
    fn try_from(weights: Vec<f32>) -> Result<Self, LensingError> {
        let mut sum = 0.0 - weights.first().map_or(0.0, |weight| f64::from(*weight));
        for weight in weights.iter().map(|weight| f64::from(*weight)) {
            require(weight >= 0.0, "GaussianPsf", "a weight", weight, "zero or more")?;
            sum += 2.0 * weight;
        }
        require((sum - 1.0).abs() < 1e-3, "GaussianPsf", "the sum of the weights", sum, "one")?;
        Ok(Self { weights })
    }
}

impl From<GaussianPsf> for Vec<f32> {
    fn from(psf: GaussianPsf) -> Self {
        psf.weights
    }
}

/// Adds values times a weight, up to the end of the shorter slice.
#[inline(always)]
fn add_scaled(output: &mut [f32], values: &[f32], weight: f32) {
    for (output, value) in output.iter_mut().zip(values) {
        *output += weight * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_gaussian_of_the_stated_width() {
        // In pixels of 0.05 arcsec.
        for (full_width, tolerance) in [(0.1, 2e-3), (0.2, 2e-3), (0.3, 2e-3)] {
            let psf = GaussianPsf::new(full_width, 0.05).unwrap();
            let mut image = [[0.0f32; 50]; 43];
            image[20][25] = 1000.0;
            psf.blur(&mut image);
            let moment = |f: fn(f64, f64) -> f64| -> f64 {
                let pixels = image.iter().enumerate().flat_map(|(y, row)| row.iter().enumerate().map(move |x| (y, x)));
                pixels.map(|(y, (x, v))| f(x as f64 - 25.0, y as f64 - 20.0) * f64::from(*v)).sum::<f64>() / 1000.0
            };
            let variance = (full_width / 0.05).powi(2) / (8.0 * std::f64::consts::LN_2);
            assert!((moment(|_, _| 1.0) - 1.0).abs() < 1e-6);
            assert!(
                moment(|x, _| x).abs() < 1e-6 && moment(|_, y| y).abs() < 1e-6 && moment(|x, y| x * y).abs() < 1e-6
            );
            for axis in [moment(|x, _| x * x), moment(|_, y| y * y)] {
                assert!((axis / variance - 1.0).abs() < tolerance, "{full_width}: {axis} for {variance}");
            }
        }
    }

    #[test]
    fn what_goes_over_the_edge_is_lost() {
        let psf = GaussianPsf::new(3.0, 1.0).unwrap();
        let mut image = [[1.0f32; 64]; 3];
        psf.blur(&mut image);
        let (inner, edge) = (image[1][30], image[1][0]);
        // At the left edge half of the light of a uniform sky is missing, except for half of the pixel itself.
        let expected = 0.5 * f64::from(inner) * (1.0 + f64::from(psf.weights[0]));
        assert!((f64::from(edge) - expected).abs() < 1e-6, "{edge} {expected}");
        assert!(inner < 1.0);
    }

    #[test]
    fn widths_that_are_none_are_errors() {
        for (width, scale) in [(0.0, 0.1), (f64::NAN, 0.1), (0.1, -1.0), (0.1, f64::INFINITY)] {
            assert!(GaussianPsf::new(width, scale).is_err(), "{width} {scale}");
        }
        // Each is a number, but their ratio is not.
        for (width, scale) in [(1e300, 1.0), (1e300, 1e-300), (1e-300, 1e300)] {
            let error = GaussianPsf::new(width, scale).unwrap_err().to_string();
            assert!(error.starts_with("GaussianPsf: full_width / pixel_scale is "), "{error}");
        }
        assert!(GaussianPsf::new(1e4, 1.0).is_ok());
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_no_other() {
        let psf = GaussianPsf::new(0.3, 0.1).unwrap();
        let text = serde_json::to_string(&psf).unwrap();
        assert_eq!(serde_json::from_str::<GaussianPsf>(&text).unwrap(), psf);
        let error = |text| serde_json::from_str::<GaussianPsf>(text).unwrap_err().to_string();
        assert_eq!(error("[]"), "GaussianPsf: the sum of the weights is 0, but must be one");
        assert_eq!(error("[0.5, 0.5]"), "GaussianPsf: the sum of the weights is 1.5, but must be one");
        assert_eq!(error("[2.0, -0.5]"), "GaussianPsf: a weight is -0.5, but must be zero or more");
    }
}

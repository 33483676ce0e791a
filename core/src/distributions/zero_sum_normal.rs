//! Normal numbers that sum to zero.

use rand::Rng;

use super::numeric::lost;
use super::{Distribution, Draw, LN_SQRT_2_PI, Normal, ParameterError, Support, is_positive, require};
use crate::autodiff::Real;

/// N normal numbers given that their sum is zero: effects of groups beside a mean. Each has the variance sd^2 (1 - 1 / N), and two of
/// them the covariance -sd^2 / N. The density, exp(-(x_1^2 + ... + x_N^2) / (2 sd^2)) / (2 pi sd^2)^((N - 1) / 2), is with respect to
/// the area of the plane of such vectors.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal, ZeroSumNormal};
///
/// // Two such numbers, a and -a, are one: sqrt(2) a is normal.
/// let effects = ZeroSumNormal::new(0.5_f64);
/// let expected = Normal::new(0.0, 0.5).log_density(2.0_f64.sqrt() * 0.3);
/// assert!((effects.log_density([0.3, -0.3]) - expected).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ZeroSumNormal<T, const N: usize> {
    sd: T,
}

impl<T: Real, const N: usize> ZeroSumNormal<T, N> {
    /// Creates ZeroSumNormal(sd) of N numbers, with a positive sd.
    #[inline(always)]
    pub fn new(sd: T) -> Self {
        Self { sd }
    }
}

impl<T: Real, const N: usize> Distribution<T> for ZeroSumNormal<T, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        Support::ZeroSum
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        let (mut sum, mut squares, mut size) = (T::from(0.0), T::from(0.0), T::from(1.0));
        let precision = self.sd.recip();
        for x in x {
            sum += x;
            size += x.abs();
            squares += (x * precision).square();
        }
        let log = -squares * 0.5 - (self.sd.ln() + LN_SQRT_2_PI) * (N as f64 - 1.0);
        (size * 1e-8).if_lt(sum.abs(), lost(), log)
    }
}

impl<const N: usize> Draw for ZeroSumNormal<f64, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        let one = Normal::new(0.0, self.sd);
        let x = [(); N].map(|()| one.draw(rng));
        let mean = x.iter().sum::<f64>() / N as f64;
        x.map(|x| x - mean)
    }

    fn check(&self) -> Result<(), ParameterError> {
        require(is_positive(self.sd), "ZeroSumNormal", "the sd", self.sd, "positive and finite")
    }
}

//! Numbers in their order: N draws of a distribution, sorted. Density N! f(x_1) ... f(x_N) for x_1 < ... < x_N.

use rand::Rng;

use super::numeric::unless;
use super::{Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// N numbers from the smallest to the largest, each drawn from one distribution before they were sorted: means of the components
/// of a mixture, cut points, times of events.
///
/// ```
/// use hierarch_core::distributions::{Distribution, Normal, Ordered};
///
/// // The order takes half of the plane away.
/// let one = Normal::new(0.0_f64, 1.0);
/// let expected = 2.0_f64.ln() + one.log_density(-0.5) + one.log_density(1.0);
/// assert!((Ordered::new(one).log_density([-0.5, 1.0]) - expected).abs() < 1e-12);
/// assert_eq!(Ordered::new(one).log_density([1.0, -0.5]), f64::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ordered<D, const N: usize> {
    inner: D,
}

impl<D, const N: usize> Ordered<D, N> {
    /// Creates Ordered(inner) of N numbers.
    #[inline(always)]
    pub fn new(inner: D) -> Self {
        Self { inner }
    }
}

impl<T: Real, D: Distribution<T, Value = T>, const N: usize> Distribution<T> for Ordered<D, N> {
    type Value = [T; N];

    #[inline(always)]
    fn support(&self) -> Support<T> {
        let (low, high, _) = self.inner.support().bounds();
        Support::Ordered(low, high)
    }

    #[inline(always)]
    fn log_density(&self, x: [T; N]) -> T {
        let (zero, one) = (T::from(0.0), T::from(1.0));
        let (mut log, mut bad) = (T::from((1..=N).map(|k| (k as f64).ln()).sum::<f64>()), zero);
        for k in 0..N {
            log += self.inner.log_density(x[k]);
            if k > 0 {
                bad = x[k - 1].if_lt(x[k], bad, one);
            }
        }
        unless(bad, log)
    }
}

impl<D: Draw + Distribution<f64, Value = f64>, const N: usize> Draw for Ordered<D, N> {
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [f64; N] {
        let mut x = [(); N].map(|()| self.inner.draw(rng));
        x.sort_by(f64::total_cmp);
        // Draws that agree to the last digit are no two numbers.
        for k in 1..N {
            x[k] = x[k].max(x[k - 1].next_up());
        }
        x
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.inner.check()?;
        let whole = matches!(self.inner.support(), Support::Whole(..));
        require(!whole, "Ordered", "the distribution", self.inner.support(), "continuous")
    }
}

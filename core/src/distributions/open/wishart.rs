//! Covariance matrices and their factors.

use rand::Rng;

use crate::autodiff::{Matrix, Real};
use crate::distributions::wishart::Matrices;
use crate::distributions::{Distribution, Draw, ParameterError, Support};

/// Declares a distribution over matrices, whose numbers are a vector, row by row.
macro_rules! distribution {
    ($name:ident, $by:ident, $inverse:literal, $link:literal) => {
        #[doc = $link]
        #[derive(Clone, Debug)]
        pub struct $name<T> {
            matrices: Matrices<T>,
        }

        impl<T: Real> $name<T> {
            /// Creates the distribution by its degrees of freedom and the scale matrix, or its factor.
            pub fn new(dof: T, scale: impl AsRef<Matrix<T>>) -> Self {
                let scale = scale.as_ref();
                let (rows, numbers) = (scale.rows(), scale.as_flat().to_vec());
                Self { matrices: Matrices::$by(stringify!($name), $inverse, dof, numbers, rows) }
            }
        }

        impl<T: Real> Distribution<T> for $name<T> {
            type Value = Vec<T>;

            fn support(&self) -> Support<T> {
                self.matrices.support()
            }

            fn log_density(&self, x: Vec<T>) -> T {
                self.matrices.log_density(&x)
            }
        }

        impl Draw for $name<f64> {
            fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
                self.matrices.draw(rng)
            }

            fn check(&self) -> Result<(), ParameterError> {
                self.matrices.check()
            }
        }
    };
}

distribution!(Wishart, by_scale, false, "See [`Wishart`](crate::distributions::Wishart).");
distribution!(InverseWishart, by_scale, true, "See [`InverseWishart`](crate::distributions::InverseWishart).");
distribution!(WishartCholesky, by_factor, false, "See [`WishartCholesky`](crate::distributions::WishartCholesky).");
distribution!(
    InverseWishartCholesky,
    by_factor,
    true,
    "See [`InverseWishartCholesky`](crate::distributions::InverseWishartCholesky)."
);

//! The Wishart distribution of covariance matrices W of K numbers and its inverse, by a scale matrix S = C C', and both of the lower
//! factor L of W = L L'. With d degrees of freedom and G(x) the multivariate gamma function, the density of a Wishart matrix is
//! det(W)^((d - K - 1) / 2) exp(-tr(S^-1 W) / 2) / (2^(d K / 2) det(S)^(d / 2) G(d / 2)), and that of an inverse one
//! det(S)^(d / 2) det(W)^(-(d + K + 1) / 2) exp(-tr(S W^-1) / 2) / (2^(d K / 2) G(d / 2)), with respect to the numbers that are not above
//! the diagonal. That of L has the factor 2^K L_11^K L_22^(K - 1) ... L_KK more.

use rand::Rng;
use rand_distr::{ChiSquared, Distribution as _, StandardNormal};

use super::matrix_support::{cholesky, no_covariance, no_factor};
use super::numeric::{LN_2, LN_PI};
use super::{Distribution, Draw, ParameterError, Support, require};
use crate::autodiff::Real;

/// One of the four distributions, over the numbers of a matrix, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Matrices<T> {
    name: &'static str,
    rows: usize,
    dof: T,
    /// The scale matrix, or its factor.
    scale: Vec<T>,
    /// Its factor.
    factor: Vec<T>,
    inverse: bool,
    /// Whether a draw is the factor of the matrix.
    of_factor: bool,
}

/// Returns `A^-1 B` of lower triangular matrices of `n` rows.
fn solve<T: Real>(a: &[T], b: &[T], n: usize) -> Vec<T> {
    let mut x = vec![T::from(0.0); n * n];
    for j in 0..n {
        for i in j..n {
            let mut rest = b[i * n + j];
            for k in j..i {
                rest -= a[i * n + k] * x[k * n + j];
            }
            x[i * n + j] = rest / a[i * n + i];
        }
    }
    x
}

impl<T: Real> Matrices<T> {
    /// Creates the distribution of the matrix itself by its scale matrix, of that many `rows`.
    pub(crate) fn by_scale(name: &'static str, inverse: bool, dof: T, scale: Vec<T>, rows: usize) -> Self {
        let factor = cholesky(&scale, rows);
        Self { name, rows, dof, scale, factor, inverse, of_factor: false }
    }

    /// Creates the distribution of the factor by that of the scale matrix.
    pub(crate) fn by_factor(name: &'static str, inverse: bool, dof: T, scale: Vec<T>, rows: usize) -> Self {
        Self { name, rows, dof, factor: scale.clone(), scale, inverse, of_factor: true }
    }

    pub(crate) fn support(&self) -> Support<T> {
        if self.of_factor { Support::CovarianceFactor } else { Support::Covariance }
    }

    pub(crate) fn log_density(&self, x: &[T]) -> T {
        let (n, k) = (self.rows, self.rows as f64);
        let half = self.dof * 0.5;
        let own = if self.of_factor { None } else { Some(cholesky(x, n)) };
        let l = own.as_deref().unwrap_or(x);
        let (a, b) = if self.inverse { (l, &self.factor[..]) } else { (&self.factor[..], l) };
        let z = solve(a, b, n);
        let mut log = T::inner(&z, &z) * -0.5 - half * (k * LN_2) - 0.25 * k * (k - 1.0) * LN_PI;
        // Half the logarithms of the determinants.
        let (mut of_scale, mut of_matrix) = (T::from(0.0), T::from(0.0));
        for i in 0..n {
            log -= (half - 0.5 * i as f64).ln_gamma();
            of_scale += self.factor[i * n + i].ln();
            of_matrix += l[i * n + i].ln();
        }
        log += match self.inverse {
            true => self.dof * of_scale - (self.dof + (k + 1.0)) * of_matrix,
            false => (self.dof - (k + 1.0)) * of_matrix - self.dof * of_scale,
        };
        if self.of_factor {
            log += k * LN_2;
            for i in 0..n {
                log += x[i * n + i].ln() * (n - i) as f64;
            }
        }
        // Below this many degrees of freedom there is no such distribution, though gamma functions may have a value.
        self.dof.if_le(T::from(k - 1.0), T::from(f64::NAN), log)
    }
}

impl Matrices<f64> {
    /// Draws by Bartlett's factor A of a matrix whose scale is the identity: C A is one of a Wishart matrix, and C A'^-1 leads to an
    /// inverse one.
    pub(crate) fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let n = self.rows;
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..i {
                a[i * n + j] = StandardNormal.sample(rng);
            }
            let square = ChiSquared::new(self.dof - i as f64).map_or(f64::NAN, |chi| chi.sample(rng));
            a[i * n + i] = f64::max(square.sqrt(), f64::MIN_POSITIVE);
        }
        let product = |x: &[f64], y: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            let number = |at: usize| (0..n).map(|k| x[at / n * n + k] * y(k, at % n)).sum();
            (0..n * n).map(number).collect()
        };
        let factor = if self.inverse {
            let mut identity = vec![0.0; n * n];
            (0..n).for_each(|i| identity[i * n + i] = 1.0);
            let inverse = solve(&a, &identity, n);
            let by = product(&self.factor, &|i, j| inverse[j * n + i]);
            cholesky(&product(&by, &|i, j| by[j * n + i]), n)
        } else {
            product(&self.factor, &|i, j| a[i * n + j])
        };
        if self.of_factor { factor } else { product(&factor, &|i, j| factor[j * n + i]) }
    }

    pub(crate) fn check(&self) -> Result<(), ParameterError> {
        let enough = self.dof > self.rows as f64 - 1.0 && self.dof.is_finite();
        let requirement = "above the number of rows less one, and finite";
        require(enough, self.name, "the number of degrees of freedom", self.dof, requirement)?;
        let whole = self.scale.len() == self.rows * self.rows && self.rows > 0;
        require(whole, self.name, "the number of numbers of the scale matrix", self.scale.len(), "a square")?;
        let (what, misfit) = match self.of_factor {
            // What is above the diagonal is not read.
            true => {
                let read = |at: usize| if at % self.rows <= at / self.rows { self.scale[at] } else { 0.0 };
                ("the factor of the scale matrix", no_factor(&(0..self.scale.len()).map(read).collect::<Vec<_>>()))
            }
            false => ("the scale matrix", no_covariance(&self.scale)),
        };
        let requirement = misfit.map_or("", |(.., requirement)| requirement);
        require(misfit.is_none(), self.name, what, &self.scale, requirement)?;
        require(self.scale.iter().all(|x| x.is_finite()), self.name, what, &self.scale, "of finite numbers")
    }
}

/// Declares a distribution over matrices of K rows.
macro_rules! distribution {
    ($(#[$docs:meta])* $name:ident, $by:ident, $inverse:literal, $scale:literal) => {
        $(#[$docs])*
        #[derive(Clone, Debug)]
        pub struct $name<T, const K: usize> {
            matrices: Matrices<T>,
        }

        impl<T: Real, const K: usize> $name<T, K> {
            #[doc = concat!("Creates ", stringify!($name), "(dof, ", $scale, "), with dof > K - 1. ")]
            /// [`diag`](crate::autodiff::diag) makes a diagonal matrix.
            pub fn new(dof: T, scale: impl Into<[[T; K]; K]>) -> Self {
                let scale = scale.into().concat();
                Self { matrices: Matrices::$by(stringify!($name), $inverse, dof, scale, K) }
            }
        }

        impl<T: Real, const K: usize> Distribution<T> for $name<T, K> {
            type Value = [[T; K]; K];

            fn support(&self) -> Support<T> {
                self.matrices.support()
            }

            fn log_density(&self, x: [[T; K]; K]) -> T {
                self.matrices.log_density(&x.concat())
            }
        }

        impl<const K: usize> Draw for $name<f64, K> {
            fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> [[f64; K]; K] {
                let drawn = self.matrices.draw(rng);
                std::array::from_fn(|i| std::array::from_fn(|j| drawn[i * K + j]))
            }

            fn check(&self) -> Result<(), ParameterError> {
                self.matrices.check()
            }
        }
    };
}

distribution!(
    /// A covariance matrix of K numbers, of which the mean is dof times the scale matrix: the conjugate prior of the precision of normal
    /// numbers.
    ///
    /// ```
    /// use hierarch_core::distributions::{ChiSquared, Distribution, Wishart};
    ///
    /// // Of one number it is a chi-square number times the scale.
    /// let variance = Wishart::new(5.0_f64, [[1.0]]);
    /// assert!((variance.log_density([[2.5]]) - ChiSquared::new(5.0).log_density(2.5)).abs() < 1e-12);
    /// ```
    Wishart, by_scale, false, "scale_matrix"
);
distribution!(
    /// A covariance matrix of K numbers whose inverse has a [`Wishart`] distribution with the inverse scale matrix: the conjugate prior
    /// of the covariance of normal numbers. Its mean is the scale matrix over dof - K - 1.
    ///
    /// ```
    /// use hierarch_core::distributions::{Distribution, InverseGamma, InverseWishart};
    ///
    /// let variance = InverseWishart::new(5.0_f64, [[3.0]]);
    /// assert!((variance.log_density([[2.5]]) - InverseGamma::new(2.5, 1.5).log_density(2.5)).abs() < 1e-12);
    /// ```
    InverseWishart, by_scale, true, "scale_matrix"
);
distribution!(
    /// The lower factor of a covariance matrix that has a [`Wishart`] distribution, by the factor of its scale matrix: Stan's
    /// `wishart_cholesky`.
    ///
    /// ```
    /// use hierarch_core::distributions::{Distribution, Wishart, WishartCholesky};
    ///
    /// // The matrix is the square, whose derivative is twice the factor.
    /// let sd = WishartCholesky::new(5.0_f64, [[3.0]]).log_density([[1.5]]);
    /// assert!((sd - Wishart::new(5.0, [[9.0]]).log_density([[2.25]]) - 3.0_f64.ln()).abs() < 1e-12);
    /// ```
    WishartCholesky, by_factor, false, "factor"
);
distribution!(
    /// The lower factor of a covariance matrix that has an [`InverseWishart`] distribution, by the factor of its scale matrix: Stan's
    /// `inv_wishart_cholesky`.
    ///
    /// ```
    /// use hierarch_core::distributions::{Distribution, InverseWishart, InverseWishartCholesky};
    ///
    /// let sd = InverseWishartCholesky::new(5.0_f64, [[3.0]]).log_density([[1.5]]);
    /// assert!((sd - InverseWishart::new(5.0, [[9.0]]).log_density([[2.25]]) - 3.0_f64.ln()).abs() < 1e-12);
    /// ```
    InverseWishartCholesky, by_factor, true, "factor"
);

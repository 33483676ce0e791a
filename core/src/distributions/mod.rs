//! Distributions: each has draws, a log density and a support; one file for each family.
//!
//! Each is generic over its scalar, so that one implementation serves the simulator (on `f64`) and the density (on
//! numbers with derivatives, several at a time). A draw is always a number: `false` and `true` are 0 and 1, counts and
//! categories are whole numbers. A type of your own that implements [`Distribution`] and [`Draw`] may stand after `~`
//! in a model. Where its methods are `#[inline(always)]` and pass no closures to other functions, the density runs on
//! vector registers, several elements of a plate at a time; otherwise it is equally right, and several times slower.

mod bernoulli;
mod beta;
mod beta_binomial;
mod binomial;
mod categorical;
mod cauchy;
mod censored;
mod chi_squared;
mod dirichlet;
mod discrete_uniform;
mod exp_mod_normal;
mod exponential;
mod extreme_value;
mod flat;
mod gamma;
mod geometric;
mod grouped;
mod half_normal;
mod hypergeometric;
mod inverse_gaussian;
mod kumaraswamy;
mod laplace;
mod lkj_cholesky;
mod log_normal;
mod logistic;
mod logit_normal;
mod matrix_normal;
mod matrix_support;
mod mixture;
mod multinomial;
mod mv_normal;
mod mv_student_t;
mod negative_binomial;
mod normal;
mod numeric;
#[doc(hidden)]
pub mod open;
mod ordered;
mod ordered_categories;
#[doc(hidden)]
pub mod own;
mod pareto;
mod poisson;
mod power_law;
mod rounded;
mod skellam;
mod skew_normal;
mod student_t;
mod support;
mod truncated;
mod truncated_normal;
mod uniform;
mod unit_vector;
mod vector_support;
mod von_mises;
mod weibull;
mod weighted;
mod wishart;
mod zero_inflated;
mod zero_sum_normal;

pub use bernoulli::{Bernoulli, BernoulliCloglog, BernoulliLogit, BernoulliProbit};
pub use beta::{Beta, BetaProportion};
pub use beta_binomial::BetaBinomial;
pub use binomial::{Binomial, BinomialLogit};
pub use categorical::{Categorical, CategoricalLogit};
pub use cauchy::{Cauchy, HalfCauchy};
pub use censored::Censored;
pub use chi_squared::{ChiSquared, InverseChiSquared, ScaledInverseChiSquared};
pub use dirichlet::Dirichlet;
pub use discrete_uniform::DiscreteUniform;
pub use exp_mod_normal::ExpModNormal;
pub use exponential::{Exponential, TruncatedExponential};
pub use extreme_value::{Frechet, GeneralizedExtremeValue, Gumbel};
pub use flat::Flat;
pub use gamma::{Gamma, InverseGamma};
pub use geometric::Geometric;
pub use grouped::Grouped;
pub use half_normal::HalfNormal;
pub use hypergeometric::Hypergeometric;
pub use inverse_gaussian::InverseGaussian;
pub use kumaraswamy::Kumaraswamy;
pub use laplace::{AsymmetricLaplace, Laplace};
pub use lkj_cholesky::LkjCholesky;
pub use log_normal::LogNormal;
pub use logistic::{LogLogistic, Logistic};
pub use logit_normal::LogitNormal;
pub use matrix_normal::MatrixNormal;
pub use mixture::Mixture;
pub use multinomial::{DirichletMultinomial, Multinomial};
pub use mv_normal::{MvNormal, MvNormalCholesky};
pub use mv_student_t::MvStudentT;
pub use negative_binomial::{NegativeBinomial, NegativeBinomialLog};
#[doc(hidden)]
pub use normal::LN_SQRT_2_PI;
pub use normal::Normal;
pub use ordered::Ordered;
pub use ordered_categories::{OrderedLogistic, OrderedProbit};
pub use pareto::{GeneralizedPareto, Pareto};
pub use poisson::{Poisson, PoissonLog};
pub use power_law::PowerLaw;
pub use rounded::Rounded;
pub use skellam::Skellam;
pub use skew_normal::SkewNormal;
pub use student_t::{HalfStudentT, StudentT};
pub use support::{Support, constrain_simplex, unconstrain_simplex};
#[doc(hidden)]
pub use support::{break_stick, mend_stick};
pub use truncated::Truncated;
pub use truncated_normal::TruncatedNormal;
pub use uniform::{LogUniform, Uniform};
pub use unit_vector::{UnitVector, VonMisesFisher};
pub use von_mises::VonMises;
pub use weibull::{Rayleigh, Weibull};
pub use weighted::Weighted;
pub use wishart::{InverseWishart, InverseWishartCholesky, Wishart, WishartCholesky};
pub use zero_inflated::{Hurdle, ZeroInflated};
pub use zero_sum_normal::ZeroSumNormal;

use rand::Rng;

use crate::autodiff::Real;

/// A distribution with parameters of type `T`.
///
/// Its constructor does not check the parameters. An invalid parameter (a negative scale, say) gives a log density of
/// NaN or minus infinity, which a sampler rejects; [`Draw::check`] returns an error that describes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no distribution over numbers of the type `{T}`",
    note = "where an argument of it is an `f64`, that comes from a function that takes or returns `f64`: the density runs on numbers \
            with derivatives, `Dual`, so write `fn f<T: Real>(x: T) -> T`",
    note = "a distribution of your own implements `Distribution<T>` for every `T: Real`"
)]
pub trait Distribution<T: Real> {
    /// The type of a draw: `T`, or `[T; N]` for a vector.
    type Value;

    /// Returns the values that have a positive density.
    fn support(&self) -> Support<T>;

    /// Returns the logarithm of the density at `x`, or of the probability of a whole number; minus infinity outside the
    /// support.
    fn log_density(&self, x: Self::Value) -> T;

    /// Returns the value at the unconstrained number `q` (see [`Support::constrain`]) and the logarithm of the density of
    /// `q`, the Jacobian included. A distribution whose density is written in `q` is exact where the value is rounded to
    /// its bound, too.
    #[inline(always)]
    fn at_unconstrained(&self, q: T) -> (T, T)
    where
        Self: Distribution<T, Value = T>,
    {
        let (x, log_slope) = self.support().constrain(q);
        (x, log_slope + self.log_density(x))
    }
}

/// A distribution that can be drawn from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be drawn from, so nothing can be simulated",
    note = "a distribution of your own, `Own<T>`, implements `Draw` for `Own<f64>`"
)]
pub trait Draw: Distribution<f64> {
    /// Returns one draw.
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Self::Value;

    /// Checks the parameters. Simulators call it before they draw.
    ///
    /// # Errors
    /// The first invalid parameter, with its value and the requirement.
    fn check(&self) -> Result<(), ParameterError> {
        Ok(())
    }

    /// Does what [`check`](Draw::check) does where a density is wanted, and no draws.
    ///
    /// # Errors
    /// The first invalid parameter.
    #[doc(hidden)]
    fn check_density(&self) -> Result<(), ParameterError> {
        self.check()
    }

    /// Says why `x`, each number of which is in the support, is impossible whatever parameters that are NaN may be: a number that
    /// shows it, and what that must be.
    #[doc(hidden)]
    fn impossible(&self, x: &Self::Value) -> Option<(&'static str, f64, String)> {
        let _ = x;
        None
    }
}

/// A distribution of which every draw is finite unless its scale is among the largest numbers, so that simulators do not
/// check it.
#[doc(hidden)]
pub trait FiniteDraws {}

impl FiniteDraws for AsymmetricLaplace<f64> {}
impl FiniteDraws for Bernoulli<f64> {}
impl FiniteDraws for BernoulliCloglog<f64> {}
impl FiniteDraws for BernoulliLogit<f64> {}
impl FiniteDraws for BernoulliProbit<f64> {}
impl FiniteDraws for Beta<f64> {}
impl FiniteDraws for BetaBinomial<f64> {}
impl FiniteDraws for BetaProportion<f64> {}
impl FiniteDraws for Binomial<f64> {}
impl FiniteDraws for BinomialLogit<f64> {}
impl FiniteDraws for DiscreteUniform<f64> {}
impl FiniteDraws for ExpModNormal<f64> {}
impl FiniteDraws for Exponential<f64> {}
impl FiniteDraws for Gumbel<f64> {}
impl FiniteDraws for HalfNormal<f64> {}
impl FiniteDraws for Kumaraswamy<f64> {}
impl FiniteDraws for Laplace<f64> {}
impl FiniteDraws for Logistic<f64> {}
impl FiniteDraws for LogitNormal<f64> {}
impl FiniteDraws for Normal<f64> {}
impl FiniteDraws for Poisson<f64> {}
impl FiniteDraws for PoissonLog<f64> {}
impl FiniteDraws for Rayleigh<f64> {}
impl FiniteDraws for Skellam<f64> {}
impl FiniteDraws for SkewNormal<f64> {}
impl FiniteDraws for Uniform<f64> {}
impl FiniteDraws for VonMises<f64> {}

/// A distribution over the real numbers, or over whole ones, whose cumulative probability is known for scalars `T`.
pub trait Cdf<T: Real>: Distribution<T, Value = T> {
    /// Returns the probability of a value not above `x`: of any number, so that it is 0 below the support and 1 above. `Rounded` and
    /// `Censored` ask for it there.
    fn cdf(&self, x: T) -> T;

    /// Returns the logarithm of the probability of a value above `low` and not above `high`, either of which may be
    /// infinite: the normalisation of [`Truncated`]. It is minus infinity if the interval is empty. Far out in a tail both
    /// cumulative probabilities are nearly equal; a distribution that can avoid their difference does.
    #[inline(always)]
    fn log_between(&self, low: T, high: T) -> T {
        // An infinite bound is not a number at which to differentiate.
        let below = if numeric::is_unbounded_below(low) { T::from(0.0) } else { self.cdf(low) };
        let up_to = if numeric::is_unbounded_above(high) { T::from(1.0) } else { self.cdf(high) };
        high.if_le(low, numeric::lost(), numeric::ln_width(up_to - below))
    }
}

/// A distribution over 0, 1, ..., `categories() - 1`: a local of this kind is summed out in the density.
#[diagnostic::on_unimplemented(
    message = "the values of `{Self}` are not known to be finitely many, so the density cannot sum over them",
    note = "a distribution of your own over finitely many values implements `Finite`"
)]
pub trait Finite<T: Real>: Distribution<T, Value = T> {
    /// Returns the number of values.
    fn categories(&self) -> usize;

    /// Returns what all [`log_term`](Finite::log_term)s have beyond the log densities: it is worked out once for all values.
    #[inline(always)]
    fn log_total(&self) -> T {
        T::from(0.0)
    }

    /// Returns the log density at `value` plus [`log_total`](Finite::log_total).
    #[inline(always)]
    fn log_term(&self, value: T) -> T {
        self.log_density(value)
    }
}

/// An invalid parameter of a distribution.
#[derive(Clone, PartialEq, thiserror::Error)]
#[error("{distribution}: {parameter} is {value}, but must be {requirement}")]
pub struct ParameterError {
    /// The distribution's name.
    pub distribution: &'static str,
    /// The parameter's name.
    pub parameter: &'static str,
    /// Its value, as text.
    pub value: String,
    /// What it must be, such as `positive and finite`.
    pub requirement: &'static str,
}

crate::debug_as_message!(ParameterError);

/// Returns an error unless `holds`; for the checks of distributions.
pub(crate) fn require(
    holds: bool,
    distribution: &'static str,
    parameter: &'static str,
    value: impl std::fmt::Debug,
    requirement: &'static str,
) -> Result<(), ParameterError> {
    if holds {
        Ok(())
    } else {
        Err(ParameterError { distribution, parameter, value: format!("{value:?}"), requirement })
    }
}

/// Whether `x` is a number above zero that a scale may be.
pub(crate) fn is_positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

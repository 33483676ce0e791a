//! Hierarchical simulation-based inference from one declaration.
//!
//! A model is written once, in [`model!`]: global variables, local variables on plates, and what is observed. From that
//! declaration come
//!
//! - a parallel simulator, the same to the bit on any number of threads ([`simulate`](simulate::SimulateExt::simulate)),
//! - the log density and its gradient, discrete variables summed out ([`model::Density`]), with NUTS over it
//!   ([`nuts`](sampling::SamplingExt::nuts)) where every observation has a density,
//! - the exact posterior and the evidence from any posterior, by importance sampling with a diagnostic
//!   ([`sampling::importance_sample`]), in rounds that adapt and by chains where they fail ([`sampling::refine_until`]), Bayes factors
//!   ([`sampling::Evidence`]), the profile likelihood ratio ([`sampling::ProfileLikelihood`]), and confidence sets that cover
//!   ([`calibration::Neyman`]),
//! - amortized neural posteriors over the globals ([`npe`](estimators::EstimatorExt::npe)) and over globals and locals together
//!   ([`joint_npe`](estimators::EstimatorExt::joint_npe)), mixtures or flows ([`nn::Family`]) behind deep sets or transformers
//!   ([`nn::Encoder`]); and where there is a likelihood, the exact posterior from them
//!   ([`Posterior::importance_sample`](estimators::Posterior::importance_sample)),
//! - maximum likelihood and profile likelihood ratios ([`sampling::ProfileLikelihood`]), and confidence sets from any
//!   statistic ([`calibration::Neyman`]),
//! - simulations, calibrations and other independent work cut into the jobs of an array, the same to the bit ([`shards`]),
//! - simulators of your own as functions, or as programs in Python, C++ or Fortran ([`external`]),
//! - typed data with serde and CSV ([`io`]), and the specification as data, with plate diagrams ([`model::Specification`],
//!   [`plot`]).
//!
//! ```
//! use hierarch::prelude::*;
//!
//! model! {
//!     /// A narrow resonance of unknown mass on a smooth background.
//!     pub Resonance {
//!         param width: f64 = 0.1;
//!         global fraction ~ Uniform(0.0, 1.0);
//!         global mass ~ Normal(1.0, 2.0);
//!         plate events(1..=200) {
//!             local signal ~ Bernoulli(fraction);
//!             let (mean, sd) = if signal { (mass, width) } else { (0.0, 1.0) };
//!             observe x ~ Normal(mean, sd);
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Resonance::default();
//! let truth = ResonanceGlobals { fraction: 0.2, mass: 2.5 };
//! let data = model.simulate(1).at(&truth).size(Resonance::EVENTS, 100).seed(1).one()?.data;
//!
//! let chains = model.nuts(&data).seed(1).run()?; // exact
//! println!("{chains}");
//! let estimator = model.npe().seed(1).train(Budget::simulations(2_000))?; // amortized: `Budget::minutes(1.0)` for a useful one
//! println!("{}", estimator.condition(&data)?);
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]
// Where a feature is off, what it alone uses of the rest is idle.
#![cfg_attr(not(all(feature = "neural", feature = "plot")), allow(dead_code, unused_imports))]

// The macro's output names the crate as its users do.
extern crate self as hierarch;

pub mod calibration;
pub mod draws;
#[cfg(feature = "neural")]
pub mod estimators;
pub mod external;
mod interrupt;
pub mod io;
pub mod model;
#[cfg(feature = "plot")]
pub mod plot;
pub mod prelude;
mod progress;
#[cfg(feature = "plot")]
pub mod report;
pub mod sampling;
pub mod shards;
pub mod simulate;
#[cfg(not(feature = "neural"))]
mod without_neural;
#[cfg(not(feature = "zarr"))]
mod without_zarr;
#[cfg(feature = "zarr")]
mod zarr;

/// ```
/// use hierarch::distributions::{Distribution, Draw, Support};
/// use hierarch::prelude::*;
/// use hierarch::rand::{Rng, RngExt};
///
/// /// Density proportional to 1 - (x / radius)^2 on (-radius, radius).
/// pub struct Parabola<T> {
///     radius: T,
/// }
///
/// impl<T: Real> Parabola<T> {
///     #[inline(always)]
///     pub fn new(radius: T) -> Self {
///         Self { radius }
///     }
/// }
///
/// impl<T: Real> Distribution<T> for Parabola<T> {
///     type Value = T;
///     #[inline(always)]
///     fn support(&self) -> Support<T> {
///         Support::Interval(-self.radius, self.radius)
///     }
///     #[inline(always)]
///     fn log_density(&self, x: T) -> T {
///         (-(x / self.radius).square()).ln_1p() + (self.radius.recip() * 0.75).ln()
///     }
/// }
///
/// impl Draw for Parabola<f64> {
///     fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
///         // The middle of three uniform numbers.
///         let mut u = [(); 3].map(|_| rng.random_range(-1.0..1.0));
///         u.sort_by(f64::total_cmp);
///         self.radius * u[1]
///     }
/// }
/// ```
#[doc(inline)]
pub use hierarch_core::distributions;
#[doc(inline)]
pub use hierarch_core::fields;
#[doc(inline)]
pub use hierarch_core::{autodiff, simd, solve};
use hierarch_core::{files, hash, linear};
#[cfg(feature = "neural")]
#[doc(inline)]
pub use hierarch_nn as nn;
/// The modules that [`estimators::ElementNetworks`] take, in the version that they take them from.
#[cfg(feature = "neural")]
pub use hierarch_nn::dfdx;
/// The random numbers that a [`distributions::Draw`] of your own takes, in the version that it takes them from.
pub use rand;

/// What the code that `model!` makes calls. No part of the interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::autodiff::{
        Block, Blocks, Cast, Chain, Dual, Kept, Lanes, Lift, LogSum, Matrix, Promote, Taped, absorb,
        dot as inner_product, from, in_one_row, in_rows, log_sum_exp, mixed, open_diag, open_dot as open_product,
        open_matvec, scatter, slots,
    };
    pub use crate::distributions::own::{
        own_at_unconstrained, own_at_unconstrained_open, own_log_density, own_log_density_open, own_number,
    };
    pub use crate::io::{array, arrays, image, images, read_csv, read_csv_of_any_size, truth, write_csv};
    pub use crate::model::of_columns::{self as columns, kept};
    pub use crate::model::{
        AsNumbers, CheckDrawn, Column, DataError, DataSet, Derived, DrawnFrom, Frame, Indexed, LocalSet, Name, Place,
        Plan, Prepared, Quantity, Read, Reads, Rows, Scratch, SimulateError, Simulation, Slot, Stream, Unknowns, Walk,
        add_compared, distinct, draw, draw_index, draw_of_plate, draw_own, draw_own_open, gather, latent_own,
        latent_own_open, missing, normalize, observe_own, observe_own_open, outer_elements, output, random, ranks,
        remember, repeat, spread, told, walk, write_shares,
    };
    pub use serde;
}

/// The model of the README, compiled with the documentation's examples.
#[cfg(all(doctest, feature = "neural"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// Declares a hierarchical model.
///
/// ```text
/// model! {
///     /// Documentation of the model.
///     pub Name {
///         param width: f64 = 0.1;                   // a field of the struct, with its default
///         global mass ~ Normal(1.0, 2.0);           // latent, shared by the whole data set
///         nuisance noise ~ HalfNormal(1.0);         // the same, of no interest of its own
///         global mu[3] ~ Normal(0.0, 3.0);          // three of them
///         observe control ~ Poisson(10.0);          // seen once
///
///         plate counties(1..=100) {                 // conditionally independent given what is outside
///             given uranium: f64;                   // a covariate: known, and handed in with the data
///             local intercept ~ Normal(mass, 1.0);  // latent, one for each element
///             plate houses(1..=50) {                // a plate in each element, of any size in the range
///                 given floor ~ Bernoulli(0.7);     // a covariate that the simulator can draw
///                 let mean = intercept + 0.5 * uranium;
///                 observe radon ~ Normal(mean, width);
///             }
///         }
///     }
/// }
/// ```
///
/// # Statements
///
/// - **`param name: Type = default;`** A number, `bool`, array or any other type with `Clone`, `Debug`, `PartialEq` and serde;
///   a field of the struct `Name`. If every param has a default, `Name` has one. A matrix is `[[f64; 2]; 3]` or `Vec<Vec<f64>>`:
///   `effect[group][1]`, `MvNormal(mean, covariance)`, `matvec(loadings, f)`, `diag(tau) * factor`. To a function of your own it is
///   handed as it is, `&[[f64; 2]; 3]`.
/// - **`size K;`** A length of vectors that is a field of the struct: see [Sizes known when the program
///   runs](#sizes-known-when-the-program-runs).
/// - **`data let center = mean(x);`** A field of the struct that is worked out once, of columns of the data: see [What a model keeps of
///   data](#what-a-model-keeps-of-data).
/// - **`global`, `nuisance`, `local`** Latent variables: continuous ones are sampled, each in its own support. Those with finitely
///   many values, such as a `Bernoulli`, a `Categorical` or a `Binomial`, are summed out of the density exactly: see [Discrete
///   variables](#discrete-variables). In what depends on it a Bernoulli is a `bool` and a category a `usize`, to branch on and index
///   with; a count is a number.
/// - **`observe`** What is seen. `observe image: [f32; 64] ~ render(a, b);` names a function that draws it from the values of
///   its arguments and a last one, `&mut hierarch::simulate::Stream`: the model then has no likelihood, and only `npe` infers
///   it. An image has rows and columns: `observe image: [[f32; 64]; 48] ~ render(a, b);` draws 48 rows of 64 pixels. The
///   function may take a plate inside the element whole, a column for each local: `spots: NameSpotsLocals`. The density of
///   everything else is [`Density::explicit`](model::Density::explicit).
///   The size of what is drawn is your own: `[f64; 10]` as well. Such a function, which a simulator of yours becomes:
///
///   ```
///   use hierarch::distributions::{Draw, Normal};
///   use hierarch::prelude::*;
///
///   fn walk(drift: f64, noise: f64, rng: &mut Stream) -> [f64; 10] {
///       let mut at = 0.0;
///       [(); 10].map(|()| {
///           at += Normal::new(drift, noise).draw(rng);
///           at
///       })
///   }
///
///   model! {
///       pub Walk {
///           global drift ~ Normal(0.0, 1.0);
///           global noise ~ HalfNormal(1.0);
///           observe path: [f64; 10] ~ walk(drift, noise);
///       }
///   }
///   # assert!(Walk::default().simulate(1).one().unwrap().data.path[9].is_finite());
///   ```
///   A function that cannot draw at some values returns a `Result`, such as `Result<[f64; 10], String>`: a simulation with an error
///   is counted, and another is drawn in its place. A program of another language, in Python, C++ or Fortran, draws by
///   `observe path: [f64; 10] ~ external(simulator, [drift, noise]);`: see [`crate::external`].
///   What may be missing is `observe y: Option ~ ..`: see [Missing values](#missing-values).
/// - **`given name: f64;`** (or `u64`, `bool`, `usize`) A covariate. Simulations take it from data, `.covariates_from(&data)`, or draw it
///   from the distribution behind `~`, which has no part in the density.
/// - **`given subject: index(subjects);`** The element's own element of another plate: `ability[subject]` reads a variable or a
///   `let` of that plate.
/// - **`let pattern = expression;`** A name for a function of other variables: ordinary Rust, run on plain numbers and on
///   numbers with derivatives. Functions called in it are generic: `fn f<T: Real>(x: T) -> T`. Literals, `2 * x` as well as
///   `2.0 * x`, constants in capitals, `count as f64` and functions such as `f64::exp(x)` become that scalar by themselves. Data
///   whose position is outside of an array, `effect[group]`, are refused as those outside of a support are.
///   `dot(x, beta)` is the inner product of two vectors, `matvec(m, x)` that of a matrix, such as the response of a detector that is a
///   param, and a vector, and `sum(i in 0..3, f(x[i]))` a [sum](#sums). Sums of data times
///   unknowns, written as `dot` or out, `a + b * x + effect[site]`, also behind an `if` on data, are worked out for all elements of
///   a plate at once, and Normal observations with such a mean as few rows, for each outer element where the plate is in another:
///   what was found is in [`Density::plan`](model::Density::plan).
/// - **`quantity name = expression;`**, **`quantity name ~ ..;`** What is worked out or drawn at each draw of a posterior, and has no
///   part in the density: see [Quantities](#quantities).
/// - **`factor expression;`** A number that is added to the log density, outside plates or for each element of one: a prior by a
///   formula, a penalty, a likelihood that no distribution has. Nothing is drawn from it: see [Densities that nothing is drawn
///   from](#densities-that-nothing-is-drawn-from).
/// - **`plate name(size) { ... }`** Elements that are independent given what is outside. The size is fixed, `(100)`, may be any
///   in a range, `(1..=200)`, or is random, `(n ~ Poisson(rate))`, and then adds its own term to the density. Elements that depend on
///   those before them are [sequences](#sequences).
///
/// # Distributions
///
/// After `~` stands any of [`distributions`], or a type of your own that implements
/// [`Distribution`](distributions::Distribution) and [`Draw`](distributions::Draw): `Name(a, b)` is `Name::new(a, b)`. An `if`
/// or a `match` may choose among distributions: `observe m ~ if signal { Cauchy(m0, w) } else { Exponential(0.1) };`.
///
/// The arguments of the library's distributions have names, since the order of two numbers is soon mistaken. Names stand in any
/// order, behind the arguments without one, which keep their places; and they choose among parametrisations:
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Waiting {
///         global mean ~ Gamma(mean = 3.0, sd = 1.0); // Gamma(9.0, 3.0)
///         global share ~ Beta(mean = 0.3, precision = 10.0); // Beta(3.0, 7.0)
///         global shift ~ Normal(0.0, precision = 4.0); // Normal(0.0, 0.5)
///         plate visits(n ~ Poisson(rate = 20.0)) {
///             local late ~ Bernoulli(probability = share);
///             observe minutes ~ if late { Gamma(shape = 2.0, mean = mean) } else { Exponential(mean = mean) };
///             observe delay ~ Truncated(Normal(mean = shift, sd = 1.0), low = 0.0);
///         }
///     }
/// }
/// # assert!(Waiting::default().simulate(1).one().is_ok());
/// ```
///
/// | by position or by name | by name alone |
/// | --- | --- |
/// | `Normal(mean, sd)` | `Normal(mean, variance)`, `Normal(mean, precision)`: the precision is 1 / variance |
/// | `LogNormal(mu, sigma)`, of the logarithm | `LogNormal(median, sigma)`; `LogNormal(mean, sd)` of the number itself |
/// | `HalfNormal(sd)`, of the whole normal distribution | `HalfNormal(mean)` |
/// | `StudentT(dof, location, scale)` | `StudentT(dof, mean, sd)`, with dof > 2 |
/// | `Laplace(location, scale)` | `Laplace(mean, sd)` |
/// | `Logistic(location, scale)` | `Logistic(mean, sd)` |
/// | `Beta(alpha, beta)` | `Beta(mean, precision)`: the precision is alpha + beta; `Beta(mean, sd)`, with sd^2 < mean (1 - mean) |
/// | `Gamma(shape, rate)` | `Gamma(shape, scale)`: the scale is 1 / rate; `Gamma(mean, shape)`, `Gamma(mean, sd)` |
/// | `InverseGamma(shape, scale)` | `InverseGamma(mean, sd)` |
/// | `Exponential(rate)` | `Exponential(mean)`, `Exponential(scale)`: both are 1 / rate |
/// | `Weibull(shape, scale)` | `Weibull(mean, shape)` |
/// | `TruncatedNormal(mean, sd, low, high)` | `TruncatedNormal(mean, variance, low, high)`, `TruncatedNormal(mean, precision, low, high)`: all of the whole normal distribution |
/// | `TruncatedExponential(rate, low, high)` | `TruncatedExponential(scale, low, high)` |
/// | `Flat(low, high)` | `Flat(low)`, `Flat(high)` |
/// | `Truncated(distribution, low, high)` | `Truncated(distribution, low)`, `Truncated(distribution, high)` |
/// | `Bernoulli(probability)` | `Bernoulli(logit)` is `BernoulliLogit(logit)` |
/// | `Categorical(probabilities)` | `Categorical(logits)` is `CategoricalLogit(logits)` |
/// | `Binomial(n, probability)` | `Binomial(n, logit)` is `BinomialLogit(n, logit)` |
/// | `Poisson(rate)` | `Poisson(mean)`; `Poisson(log_rate)` is `PoissonLog(log_rate)` |
/// | `NegativeBinomial(mean, shape)`, Stan's `neg_binomial_2` and PyMC's `mu`, `alpha` | `NegativeBinomial(log_mean, shape)`, Stan's `neg_binomial_2_log`; `NegativeBinomial(alpha, beta)`, Stan's `neg_binomial`: the mean is alpha / beta and the shape alpha; `NegativeBinomial(n, probability)`, scipy's `nbinom`: failures before `n` successes |
/// | `Geometric(probability)` | `Geometric(mean)`: of failures, (1 - probability) / probability |
/// | `MvNormal(mean, covariance)` | `MvNormal(mean, factor)` is `MvNormalCholesky(mean, factor)` |
///
/// The others have the names of their own arguments alone: `Uniform(low, high)`, `Cauchy(location, scale)`. A name that a distribution
/// has not is an error that lists those that it has. An argument may be worked out more than once, so a long one is bound by a
/// `let` first.
///
/// `x[3] ~ Normal(..)` are three independent draws, `x[i in 0..3] ~ Normal(mu[i], 1.0)` three with their own arguments;
/// `x[3] ~ MvNormal(..)`, `Dirichlet(..)`, `Ordered(..)`, `ZeroSumNormal(..)`, `UnitVector` and `Multinomial(..)` are one draw of a vector. A global
/// may have two dimensions, `b[4][2] ~ Normal(0, 1)` or `b[i in 0..4][j in 0..2] ~ Normal(mu[j], tau[j])`, and is then read as
/// `b[i][j]`; of `steps[3][3] ~ Dirichlet(..)`, and of what else draws a vector, each row `steps[i]` is a draw. A distribution of your own over other
/// values than reals says so by a type: `observe k: u64 ~ Own(..)`; one over vectors is in [Vectors of a distribution of your
/// own](#vectors-of-a-distribution-of-your-own).
///
/// Ordered means tell the components of a mixture apart; effects that sum to zero stand beside a mean; intercepts and slopes vary
/// together, with the correlations of a Cholesky factor:
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Waits {
///         global mean[2] ~ Ordered(Normal(0.0, 5.0));
///         global share ~ Beta(2.0, 2.0);
///         plate rows(1..=500) {
///             local late ~ Bernoulli(share);
///             observe y ~ Normal(if late { mean[1] } else { mean[0] }, 1.0);
///         }
///     }
/// }
///
/// model! {
///     pub Cafes {
///         global mu[2] ~ Normal(0.0, 5.0);
///         global tau[2] ~ HalfNormal(2.0);
///         global correlation[2][2] ~ LkjCholesky(2.0);
///         global weekday[7] ~ ZeroSumNormal(1.0);
///         global sd ~ HalfNormal(1.0);
///         let factor = diag(tau) * correlation;
///         plate cafes(1..=50) {
///             local b[2] ~ MvNormalCholesky(mu, factor);
///             plate visits(1..=20) {
///                 given afternoon ~ Bernoulli(0.5);
///                 given day ~ Categorical([1.0 / 7.0; 7]);
///                 let shift = if afternoon { b[1] } else { 0.0 };
///                 observe wait ~ Normal(b[0] + shift + weekday[day], sd);
///             }
///         }
///     }
/// }
/// # assert!(Waits::default().simulate(1).one().unwrap().globals.mean.is_sorted());
/// # let cafes = Cafes::default().simulate(1).one().unwrap();
/// # assert!(cafes.globals.weekday.iter().sum::<f64>().abs() < 1e-12);
/// ```
///
/// What is recorded of a number is not always the number: `Censored(Weibull(a, b), 0, upper)` is recorded as `upper` where it is beyond,
/// `Rounded(Normal(mu, sd), 0.5)` as the nearest multiple of 0.5, and a `Truncated(Poisson(rate), 1, f64::INFINITY)` is not recorded at
/// all outside its limits. Limits may be data of each element: a patient still alive at `upper` has `t` equal to `upper`.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Survival {
///         global scale ~ LogNormal(median = 3.0, sigma = 1.0);
///         global shape ~ LogNormal(median = 1.0, sigma = 0.5);
///         plate patients(1..=500) {
///             given upper ~ Uniform(1.0, 5.0);
///             observe t ~ Censored(Weibull(shape, scale), 0, upper);
///         }
///     }
/// }
/// # let patients = Survival::default().simulate(1).one().unwrap().data.patients;
/// # assert!(patients.rows().all(|patient| patient.t <= patient.upper));
/// ```
///
/// Where only the interval is known, `Grouped(distribution, cutpoints)` is the number of cutpoints below the value: 0 not above the
/// first, 1 above the first and not above the second, and so on. Cutpoints may be data of each element. Who was free of a disease at
/// one visit and had it at the next has `when` equal to 1 below; who had it at the first visit has 0 (left-censored), and who was
/// free of it at the last 2 (right-censored). With a vector of all visits, `given visits[5]: f64;`, whoever came to fewer repeats
/// the last one.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Onset {
///         global scale ~ LogNormal(median = 3.0, sigma = 1.0);
///         global shape ~ LogNormal(median = 1.0, sigma = 0.5);
///         plate patients(1..=500) {
///             given low: f64;
///             given high: f64;
///             observe when ~ Grouped(Weibull(shape, scale), [low, high]);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let patients = OnsetPatients {
///     low: vec![1.0, 2.0, 0.5, 2.0],
///     high: vec![2.0, 4.0, 1.0, 3.0],
///     when: vec![1, 1, 0, 2], // in (1, 2], in (2, 4], not after 0.5, after 3
/// };
/// let chains = Onset::default().nuts(&OnsetData { patients }).run()?;
/// assert!((1.0..5.0).contains(&chains.mean(Onset::SCALE)?));
/// # Ok(())
/// # }
/// ```
///
/// `Skellam(mu1, mu2)` is the difference of two Poisson counts, a whole number of either sign, which is an `f64` in data: of a match
/// `observe lead ~ Skellam(f64::exp(home + better), f64::exp(-better))`, the goals of the hosts less those of their guests.
///
#[doc = include_str!("language/sizes.md")]
#[doc = include_str!("language/data_let.md")]
#[doc = include_str!("language/quantities.md")]
#[doc = include_str!("language/own_vectors.md")]
#[doc = include_str!("language/directions.md")]
#[doc = include_str!("language/sequences.md")]
#[doc = include_str!("language/solvers.md")]
#[doc = include_str!("language/discrete.md")]
#[doc = include_str!("language/whole_plates.md")]
#[doc = include_str!("language/missing.md")]
/// # Densities that nothing is drawn from
///
/// `global b ~ Flat;` has the density 1 everywhere, `Flat(0..)` above a bound, `Flat(..1.0)` below one; `Weighted(Normal(mu, sd), w)` is a
/// density to the power `w`, as that of an answer that stands for `w` people; and there is `factor`. NUTS and `maximize` take them.
/// A model with a flat prior has no `simulate(n).run()` but `simulate(n).at(&globals).run()`, and no estimator that is trained on
/// simulations; one with a weight, or with a factor of data or locals, has no simulator at all. The compiler says so. A flat prior
/// that the data say nothing of makes the posterior improper, and [`nuts`](sampling::SamplingExt::nuts) says so.
///
/// ```
/// use hierarch::prelude::*;
///
/// model! {
///     pub Line {
///         global a ~ Flat;
///         global b ~ Flat;
///         global sd ~ Flat(0..);
///         factor -sd.ln();
///         plate rows(1..=100) {
///             given x: f64;
///             observe y ~ Normal(a + b * x, sd);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rows = LineRows { x: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], y: vec![1.1, 2.9, 5.2, 7.1, 8.8, 11.0] };
/// let chains = Line::default().nuts(&LineData { rows }).run()?;
/// assert!((chains.mean(Line::B)? - 1.974).abs() < 0.05); // that of least squares
/// # Ok(())
/// # }
/// ```
///
/// A name is any of Rust: in capitals, `R0`, or a word of the language, `r#type`, which tables and draws call `type`.
///
/// # Messages
///
/// A mistake is an error at the word where it is, which says what to write. Where the mistake is in Rust outside of `model!`, the
/// compiler speaks:
///
/// | it says | write |
/// | --- | --- |
/// | ``expected `f64`, found `Dual<..>` `` at an argument | The function takes plain numbers, `fn f(x: f64) -> f64`, and the density runs on numbers with derivatives: `fn f<T: Real>(x: T) -> T`. |
/// | `` `Normal<f64>` is no distribution over numbers of the type `Dual<..>` `` | The same of a function that returns `f64`. |
/// | ``cannot multiply `{integer}` by `T` `` | In a function of your own, a number has a point: `2.0 * x`. (In `model!`, `2 * x` does.) |
/// | ``cannot multiply `f64` by `bool` `` | A covariate of yes or no chooses: `let effect = if treated { b } else { 0.0 };`. One that is to be a number is `given treated: f64;`. |
/// | ``expected type parameter `T`, found floating-point number`` | Where a `T` must stand, in an `else` or as an argument: `T::from(0.5)`. |
/// | ``no method named `log10` found for type parameter `T` `` | What numbers with derivatives can do is in [`Real`](autodiff::Real): `x.ln() / std::f64::consts::LN_10`. |
/// | ``a value of type `Line<..>` cannot be carried into a plate`` | Numbers, arrays, tuples and `Vec`s can: bind its fields by `let`s. |
/// | ``cannot find type `Logarithmic` in this scope`` | The library has no such distribution: see [`distributions`] for those that it has, and for one of your own. |
/// | `` `{integer}` is no number that a density can be computed with`` | `f(2.0)`: the argument of a generic function has a point. |
///
/// # What it makes
///
/// For `Name` with a plate `events`: `Name` (the params), `NameGlobals`, `NameLocals`, `NameData` with `from_csv` and `to_csv`,
/// `NameEvents` (the columns of the plate in the data, and `rows()`), `NameEventsLocals`; a constant of each name,
/// `Name::EVENTS`, for functions that take the [`Name`](model::Name) of a plate or variable (`Name::THETA.at(3)` for one number); and the implementations of
/// [`Model`](model::Model) and, where there are such, of [`Explicit`](model::Explicit) and
/// [`Likelihood`](model::Likelihood). A plate inside another holds the elements of all outer elements one after the other, and
/// `offsets` says where each one's begin.
pub use hierarch_macros::model;

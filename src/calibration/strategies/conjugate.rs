//! Random models whose posterior is known in closed form.

use proptest::prelude::*;
use statrs::distribution::{Beta as BetaCurve, ContinuousCDF, Gamma as GammaCurve, Normal as NormalCurve};

use crate::distributions::{Beta, Dirichlet, Distribution, Draw, Gamma, Normal};
use crate::model;
use crate::model::{Generative, Likelihood};
use crate::simulate::{Stream, stream};

/// A model with a conjugate prior.
pub trait Conjugate: Generative + Likelihood {
    /// Returns the exact posterior of the globals and locals given `data`.
    fn exact(&self, data: &Self::Data) -> Exact;
}

/// The distribution of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Marginal {
    /// A normal distribution.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        sd: f64,
    },
    /// A gamma distribution, with the mean shape / rate.
    Gamma {
        /// Its shape.
        shape: f64,
        /// Its rate.
        rate: f64,
    },
    /// A beta distribution, with the mean a / (a + b).
    Beta {
        /// Its first shape.
        a: f64,
        /// Its second shape.
        b: f64,
    },
}

impl Marginal {
    /// Returns the mean.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Normal { mean, .. } => mean,
            Self::Gamma { shape, rate } => shape / rate,
            Self::Beta { a, b } => a / (a + b),
        }
    }

    /// Returns the standard deviation.
    pub fn sd(&self) -> f64 {
        match *self {
            Self::Normal { sd, .. } => sd,
            Self::Gamma { shape, rate } => shape.sqrt() / rate,
            Self::Beta { a, b } => (a * b / (a + b + 1.0)).sqrt() / (a + b),
        }
    }

    /// Returns the probability of values up to `x`. NaN for invalid parameters.
    pub fn cdf(&self, x: f64) -> f64 {
        self.curve().map_or(f64::NAN, |curve| curve.cdf(x))
    }

    /// Returns the value up to which the probability is `probability`. NaN for invalid parameters or an invalid
    /// probability.
    pub fn quantile(&self, probability: f64) -> f64 {
        if !(0.0..=1.0).contains(&probability) {
            return f64::NAN;
        }
        self.curve().map_or(f64::NAN, |curve| curve.inverse_cdf(probability))
    }

    fn curve(&self) -> Option<Box<dyn ContinuousCDF<f64, f64>>> {
        Some(match *self {
            Self::Normal { mean, sd } => Box::new(NormalCurve::new(mean, sd).ok()?),
            Self::Gamma { shape, rate } => Box::new(GammaCurve::new(shape, rate).ok()?),
            Self::Beta { a, b } => Box::new(BetaCurve::new(a, b).ok()?),
        })
    }

    /// Returns ln of the density at `x`.
    pub fn log_density(&self, x: f64) -> f64 {
        match *self {
            Self::Normal { mean, sd } => Normal::new(mean, sd).log_density(x),
            Self::Gamma { shape, rate } => Gamma::new(shape, rate).log_density(x),
            Self::Beta { a, b } => Beta::new(a, b).log_density(x),
        }
    }

    fn draw(&self, rng: &mut Stream) -> f64 {
        match *self {
            Self::Normal { mean, sd } => Normal::new(mean, sd).draw(rng),
            Self::Gamma { shape, rate } => Gamma::new(shape, rate).draw(rng),
            Self::Beta { a, b } => Beta::new(a, b).draw(rng),
        }
    }
}

/// The exact posterior of a [`Conjugate`] model given a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    names: Vec<String>,
    marginals: Vec<Marginal>,
    joint: Joint,
}

/// How the numbers of a posterior depend on each other.
#[derive(Clone, Debug, PartialEq)]
enum Joint {
    /// There is only one number.
    One,
    /// Dirichlet, with this concentration.
    Simplex([f64; CATEGORIES]),
    /// The first is normal, and each other is normal given it: with the mean slope * first + offset, and this sd.
    Line { slope: f64, offsets: Vec<f64>, sd: f64 },
}

impl Exact {
    fn one(name: &str, marginal: Marginal) -> Self {
        Self { names: vec![name.to_owned()], marginals: vec![marginal], joint: Joint::One }
    }

    /// Returns the names of the numbers: those of the globals, then of the locals, with `theta[3]` for that of an
    /// element.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the distribution of each number, in the order of the names.
    pub fn marginals(&self) -> &[Marginal] {
        &self.marginals
    }

    /// Returns the distribution of the number `name`; `None` if there is none of that name.
    pub fn marginal(&self, name: &str) -> Option<&Marginal> {
        self.names.iter().position(|own| own == name).map(|at| &self.marginals[at])
    }

    /// Returns each name with `count` independent draws, from `seed`: what a closure used as an
    /// [`Estimator`](crate::calibration::Estimator) must return.
    pub fn sample(&self, count: usize, seed: u64) -> Vec<(String, Vec<f64>)> {
        let mut rng = stream(seed, 0);
        let mut columns: Vec<(String, Vec<f64>)> =
            self.names.iter().map(|name| (name.clone(), Vec::with_capacity(count))).collect();
        for _ in 0..count {
            let values: Vec<f64> = match &self.joint {
                Joint::One => self.marginals.iter().map(|marginal| marginal.draw(&mut rng)).collect(),
                Joint::Simplex(concentration) => Dirichlet::new(*concentration).draw(&mut rng).to_vec(),
                Joint::Line { slope, offsets, sd } => {
                    let first = self.marginals[0].draw(&mut rng);
                    let other = |offset: &f64| Normal::new(slope * first + offset, *sd).draw(&mut rng);
                    std::iter::once(first).chain(offsets.iter().map(other)).collect()
                }
            };
            columns.iter_mut().zip(values).for_each(|((_, column), value)| column.push(value));
        }
        columns
    }

    /// Returns ln of the joint density at `values`, in the order of the names; for numbers that sum to one, with
    /// respect to all but the last. NaN if `values` has another length.
    pub fn log_density(&self, values: &[f64]) -> f64 {
        if values.len() != self.names.len() {
            return f64::NAN;
        }
        match &self.joint {
            Joint::One => self.marginals[0].log_density(values[0]),
            Joint::Simplex(concentration) => {
                let values = <[f64; CATEGORIES]>::try_from(values);
                values.map_or(f64::NAN, |values| Dirichlet::new(*concentration).log_density(values))
            }
            Joint::Line { slope, offsets, sd } => {
                let other =
                    |(value, offset): (&f64, &f64)| Normal::new(slope * values[0] + offset, *sd).log_density(*value);
                self.marginals[0].log_density(values[0]) + values[1..].iter().zip(offsets).map(other).sum::<f64>()
            }
        }
    }
}

const CATEGORIES: usize = 3;

model! {
    /// Normal numbers of known sd, with a normal prior of their mean.
    pub NormalNormal {
        param mean: f64 = 0.0;
        param sd: f64 = 1.0;
        param noise: f64 = 1.0;
        param least: usize = 1;
        param most: usize = 20;
        global mu ~ Normal(mean, sd);
        plate events(least..=most) {
            observe x ~ Normal(mu, noise);
        }
    }
}

model! {
    /// Poisson counts, with a gamma prior of their mean.
    pub GammaPoisson {
        param shape: f64 = 2.0;
        param rate: f64 = 1.0;
        param least: usize = 1;
        param most: usize = 20;
        global intensity ~ Gamma(shape, rate);
        plate events(least..=most) {
            observe count ~ Poisson(intensity);
        }
    }
}

model! {
    /// Times between events, with a gamma prior of their rate.
    pub GammaExponential {
        param shape: f64 = 2.0;
        param rate: f64 = 1.0;
        param least: usize = 1;
        param most: usize = 20;
        global intensity ~ Gamma(shape, rate);
        plate events(least..=most) {
            observe time ~ Exponential(intensity);
        }
    }
}

model! {
    /// Successes in a number of trials (in one trial, a Bernoulli variable), with a beta prior of their probability.
    pub BetaBinomial {
        param a: f64 = 1.0;
        param b: f64 = 1.0;
        param trials: u64 = 1;
        param least: usize = 1;
        param most: usize = 20;
        global probability ~ Beta(a, b);
        plate events(least..=most) {
            observe successes ~ Binomial(trials as f64, probability);
        }
    }
}

model! {
    /// Categories, with a Dirichlet prior of their probabilities.
    pub DirichletCategorical {
        param concentration: [f64; 3] = [1.0, 1.0, 1.0];
        param least: usize = 1;
        param most: usize = 20;
        global share[3] ~ Dirichlet(concentration);
        plate events(least..=most) {
            observe category ~ Categorical(share);
        }
    }
}

model! {
    /// A hierarchy: the means of groups are normal about a common mean with a normal prior, and each is observed once.
    pub NormalMeans {
        param mean: f64 = 0.0;
        param sd: f64 = 1.0;
        param spread: f64 = 1.0;
        param noise: f64 = 1.0;
        param least: usize = 1;
        param most: usize = 20;
        global mu ~ Normal(mean, sd);
        plate groups(least..=most) {
            local theta ~ Normal(mu, spread);
            observe x ~ Normal(theta, noise);
        }
    }
}

/// The posterior mean and sd of a number with a normal prior, observed `count` times with `noise`, with the total
/// `sum`.
fn normal_posterior((mean, sd): (f64, f64), noise: f64, count: usize, sum: f64) -> (f64, f64) {
    let (prior, each) = (sd.powi(-2), noise.powi(-2));
    let precision = prior + count as f64 * each;
    ((prior * mean + each * sum) / precision, precision.sqrt().recip())
}

impl Conjugate for NormalNormal {
    fn exact(&self, data: &Self::Data) -> Exact {
        let x = &data.events.x;
        let (mean, sd) = normal_posterior((self.mean, self.sd), self.noise, x.len(), x.iter().sum());
        Exact::one("mu", Marginal::Normal { mean, sd })
    }
}

impl Conjugate for GammaPoisson {
    fn exact(&self, data: &Self::Data) -> Exact {
        let counts = &data.events.count;
        let (shape, rate) = (self.shape + counts.iter().sum::<u64>() as f64, self.rate + counts.len() as f64);
        Exact::one("intensity", Marginal::Gamma { shape, rate })
    }
}

impl Conjugate for GammaExponential {
    fn exact(&self, data: &Self::Data) -> Exact {
        let times = &data.events.time;
        let (shape, rate) = (self.shape + times.len() as f64, self.rate + times.iter().sum::<f64>());
        Exact::one("intensity", Marginal::Gamma { shape, rate })
    }
}

impl Conjugate for BetaBinomial {
    fn exact(&self, data: &Self::Data) -> Exact {
        let successes = data.events.successes.iter().sum::<u64>() as f64;
        let trials = (self.trials * data.events.successes.len() as u64) as f64;
        Exact::one("probability", Marginal::Beta { a: self.a + successes, b: self.b + trials - successes })
    }
}

impl Conjugate for DirichletCategorical {
    fn exact(&self, data: &Self::Data) -> Exact {
        let mut concentration = self.concentration;
        data.events.category.iter().for_each(|category| concentration[*category] += 1.0);
        let total: f64 = concentration.iter().sum();
        let names = (0..CATEGORIES).map(|i| format!("share[{i}]")).collect();
        let marginals = concentration.iter().map(|a| Marginal::Beta { a: *a, b: total - a }).collect();
        Exact { names, marginals, joint: Joint::Simplex(concentration) }
    }
}

impl Conjugate for NormalMeans {
    fn exact(&self, data: &Self::Data) -> Exact {
        let x = &data.groups.x;
        let around = self.spread.hypot(self.noise);
        let (mean, sd) = normal_posterior((self.mean, self.sd), around, x.len(), x.iter().sum());
        // Given mu, each theta is normal with a prior about mu, observed once: linear in mu.
        let given = |mu: f64, x: f64| normal_posterior((mu, self.spread), self.noise, 1, x);
        let (slope, own) = (given(1.0, 0.0).0, given(0.0, 0.0).1);
        let offsets: Vec<f64> = x.iter().map(|x| given(0.0, *x).0).collect();
        let of_theta = |offset: &f64| Marginal::Normal { mean: slope * mean + offset, sd: own.hypot(slope * sd) };
        let marginals = std::iter::once(Marginal::Normal { mean, sd }).chain(offsets.iter().map(of_theta)).collect();
        let names = std::iter::once("mu".to_owned()).chain((0..x.len()).map(|i| format!("theta[{i}]"))).collect();
        Exact { names, marginals, joint: Joint::Line { slope, offsets, sd: own } }
    }
}

/// Ranges of sizes: the smallest is 0 to 8, the largest up to 30.
fn range() -> impl Strategy<Value = (usize, usize)> {
    (0_usize..=8, 1_usize..=22).prop_map(|(least, more)| (least, least + more))
}

/// Scales, such as sds, rates and concentrations.
fn scale() -> impl Strategy<Value = f64> {
    0.3..3.0
}

/// Returns random models of normal numbers.
pub fn normal_normal() -> impl Strategy<Value = NormalNormal> {
    (-3.0..3.0, scale(), scale(), range()).prop_map(|(mean, sd, noise, (least, most))| NormalNormal {
        mean,
        sd,
        noise,
        least,
        most,
    })
}

/// Returns random models of counts.
pub fn gamma_poisson() -> impl Strategy<Value = GammaPoisson> {
    let shape = 0.5..6.0;
    (shape, scale(), range()).prop_map(|(shape, rate, (least, most))| GammaPoisson { shape, rate, least, most })
}

/// Returns random models of times between events.
pub fn gamma_exponential() -> impl Strategy<Value = GammaExponential> {
    let shape = 0.5..6.0;
    (shape, scale(), range()).prop_map(|(shape, rate, (least, most))| GammaExponential { shape, rate, least, most })
}

/// Returns random models of successes.
pub fn beta_binomial() -> impl Strategy<Value = BetaBinomial> {
    let shape = || 0.5..4.0;
    (shape(), shape(), 1_u64..=5, range()).prop_map(|(a, b, trials, (least, most))| BetaBinomial {
        a,
        b,
        trials,
        least,
        most,
    })
}

/// Returns random models of categories.
pub fn dirichlet_categorical() -> impl Strategy<Value = DirichletCategorical> {
    let shape = || 0.5..4.0;
    let concentration = [shape(), shape(), shape()];
    (concentration, range()).prop_map(|(concentration, (least, most))| DirichletCategorical {
        concentration,
        least,
        most,
    })
}

/// Returns random hierarchies of means.
pub fn normal_means() -> impl Strategy<Value = NormalMeans> {
    (-3.0..3.0, scale(), scale(), scale(), range()).prop_map(|(mean, sd, spread, noise, (least, most))| NormalMeans {
        mean,
        sd,
        spread,
        noise,
        least,
        most,
    })
}

/// Any of the conjugate models: [`visit`](AnyConjugate::visit) passes it on with its type.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyConjugate {
    /// Normal numbers.
    NormalNormal(NormalNormal),
    /// Counts.
    GammaPoisson(GammaPoisson),
    /// Times between events.
    GammaExponential(GammaExponential),
    /// Successes.
    BetaBinomial(BetaBinomial),
    /// Categories.
    DirichletCategorical(DirichletCategorical),
    /// A hierarchy, with locals.
    NormalMeans(NormalMeans),
}

/// An operation on any conjugate model.
pub trait Visit {
    /// The result of the operation.
    type Output;
    /// Applies the operation to `model`.
    fn visit<M: Conjugate>(self, model: &M) -> Self::Output;
}

impl AnyConjugate {
    /// Applies the operation `with` to the model.
    pub fn visit<V: Visit>(&self, with: V) -> V::Output {
        match self {
            Self::NormalNormal(model) => with.visit(model),
            Self::GammaPoisson(model) => with.visit(model),
            Self::GammaExponential(model) => with.visit(model),
            Self::BetaBinomial(model) => with.visit(model),
            Self::DirichletCategorical(model) => with.visit(model),
            Self::NormalMeans(model) => with.visit(model),
        }
    }
}

/// Returns random conjugate models, of any kind.
///
/// ```
/// use hierarch::calibration::strategies::{AnyConjugate, Conjugate, Visit, conjugate};
/// use hierarch::simulate::{SimulateExt, Simulated};
/// use proptest::prelude::*;
///
/// /// The quartiles of an exact posterior are in order.
/// struct HasQuantiles(u64);
///
/// impl Visit for HasQuantiles {
///     type Output = ();
///     fn visit<M: Conjugate>(self, model: &M) {
///         let data = model.simulate(1).seed(self.0).one().unwrap().data;
///         for marginal in model.exact(&data).marginals() {
///             assert!(marginal.quantile(0.25) < marginal.quantile(0.75));
///         }
///     }
/// }
///
/// proptest! {
///     // In a file of tests with the attribute `test`.
///     fn quantiles_rise(model in conjugate(), seed in any::<u64>()) {
///         model.visit(HasQuantiles(seed));
///     }
/// }
/// # quantiles_rise();
/// ```
pub fn conjugate() -> impl Strategy<Value = AnyConjugate> {
    prop_oneof![
        normal_normal().prop_map(AnyConjugate::NormalNormal),
        gamma_poisson().prop_map(AnyConjugate::GammaPoisson),
        gamma_exponential().prop_map(AnyConjugate::GammaExponential),
        beta_binomial().prop_map(AnyConjugate::BetaBinomial),
        dirichlet_categorical().prop_map(AnyConjugate::DirichletCategorical),
        normal_means().prop_map(AnyConjugate::NormalMeans),
    ]
}

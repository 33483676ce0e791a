//! Arguments by name: each parametrisation has the moments that its names say, and the density of the call by position;
//! the order of names changes no bit; and the documentation lists them all.

use hierarch::model::{DataSet, Density, Generative, unconstrain};
use hierarch::prelude::*;
use hierarch_tests::{seed, within};
use statrs::function::gamma::gamma;

#[path = "../../macros/src/parametrisation.rs"]
mod parametrisation;

model! {
    /// The table of parametrisations: numbers of any sign, and those that are made of them.
    pub Signed {
        global m ~ Gamma(shape = 9.0, rate = 3.0);
        global s ~ Gamma(mean = 1.0, sd = 0.5);
        global k ~ Gamma(mean = 3.0, sd = 0.5);
        global t ~ Normal(mean = 0.0, sd = 0.5);
        plate rows(1..=200_000) {
            observe normal_variance ~ Normal(mean = m, variance = s);
            observe normal_precision ~ Normal(m, precision = k);
            observe log_normal_median ~ LogNormal(median = m, sigma = s / 3.0);
            observe log_normal_mean ~ LogNormal(sd = s, mean = m);
            observe half_normal ~ HalfNormal(mean = m);
            observe student_t ~ StudentT(dof = 9.0 + k, mean = t, sd = s);
            observe laplace ~ Laplace(mean = t, sd = s);
            observe logistic ~ Logistic(mean = t, sd = s);
            observe mv_normal[2] ~ MvNormal(mean = [m, t], factor = [[s, 0.0], [t, k]]);
        }
    }
}

model! {
    /// The same by position, with the parameters worked out by hand.
    pub SignedByPosition {
        global m ~ Gamma(9.0, 3.0);
        global s ~ Gamma(4.0, 4.0);
        global k ~ Gamma(36.0, 12.0);
        global t ~ Normal(0.0, 0.5);
        plate rows(1..=200_000) {
            observe normal_variance ~ Normal(m, s.powf(0.5));
            observe normal_precision ~ Normal(m, k.powf(-0.5));
            observe log_normal_median ~ LogNormal(m.ln(), s / 3.0);
            let spread = (1.0 + s * s / (m * m)).ln();
            observe log_normal_mean ~ LogNormal(m.ln() - spread / 2.0, spread.sqrt());
            observe half_normal ~ HalfNormal(m / 0.797_884_560_802_865_4);
            observe student_t ~ StudentT(9.0 + k, t, s * (1.0 - 2.0 / (9.0 + k)).sqrt());
            observe laplace ~ Laplace(t, s / 1.414_213_562_373_095);
            observe logistic ~ Logistic(t, s * 0.551_328_895_421_792_1);
            observe mv_normal[2] ~ MvNormalCholesky([m, t], [[s, 0.0], [t, k]]);
        }
    }
}

model! {
    /// The table of parametrisations: positive numbers and shares.
    pub Positive {
        global m ~ Gamma(shape = 9.0, rate = 3.0);
        global s ~ Gamma(mean = 1.0, sd = 0.5);
        global k ~ Gamma(mean = 3.0, sd = 0.5);
        global p ~ Beta(mean = 0.4, precision = 12.0);
        plate rows(1..=200_000) {
            observe beta_precision ~ Beta(mean = p, precision = k + 1.0);
            observe beta_sd ~ Beta(mean = p, sd = 0.5 * p * (1.0 - p));
            observe gamma_scale ~ Gamma(k, scale = s);
            observe gamma_shape ~ Gamma(mean = m, shape = k);
            observe gamma_sd ~ Gamma(mean = m, sd = s);
            observe inverse_gamma ~ InverseGamma(mean = 2.0 * m, sd = s);
            observe exponential_mean ~ Exponential(mean = m);
            observe exponential_scale ~ Exponential(scale = m);
            observe weibull ~ Weibull(mean = m, shape = k);
        }
    }
}

model! {
    /// The same by position, with the parameters worked out by hand.
    pub PositiveByPosition {
        global m ~ Gamma(9.0, 3.0);
        global s ~ Gamma(4.0, 4.0);
        global k ~ Gamma(36.0, 12.0);
        global p ~ Beta(4.8, 7.2);
        plate rows(1..=200_000) {
            observe beta_precision ~ Beta(p + p * k, (1.0 + k) - p * (1.0 + k));
            let total = 4.0 / (p * (1.0 - p)) - 1.0;
            observe beta_sd ~ Beta(p * total, total - p * total);
            observe gamma_scale ~ Gamma(k, s.recip());
            observe gamma_shape ~ Gamma(k, k / m);
            observe gamma_sd ~ Gamma(m * m / (s * s), m / (s * s));
            let shape = 2.0 + 4.0 * m * m / (s * s);
            observe inverse_gamma ~ InverseGamma(shape, 2.0 * m * (shape - 1.0));
            observe exponential_mean ~ Exponential(m.recip());
            observe exponential_scale ~ Exponential(m.recip());
            observe weibull ~ Weibull(k, m / (f64::ln_gamma(1.0 / k) - k.ln()).exp());
        }
    }
}

model! {
    /// The table of parametrisations: what is cut off.
    pub Cut {
        global m ~ Gamma(shape = 9.0, rate = 3.0);
        global s ~ Gamma(mean = 1.0, sd = 0.5);
        global k ~ Gamma(mean = 3.0, sd = 0.5);
        global t ~ Normal(mean = 0.0, sd = 0.5);
        plate rows(1..=200_000) {
            observe truncated_variance ~ TruncatedNormal(mean = t, variance = s, low = t, high = t + 50.0);
            observe truncated_precision ~ TruncatedNormal(t, precision = k, low = t, high = t + 50.0);
            observe truncated_exponential ~ TruncatedExponential(scale = m, low = 0.0, high = 300.0);
            observe truncated_low ~ Truncated(Normal(mean = t, sd = s), low = t);
            observe truncated_high ~ Truncated(high = t, distribution = Normal(mean = t, sd = s));
        }
    }
}

model! {
    /// The same by position, with the parameters worked out by hand.
    pub CutByPosition {
        global m ~ Gamma(9.0, 3.0);
        global s ~ Gamma(4.0, 4.0);
        global k ~ Gamma(36.0, 12.0);
        global t ~ Normal(0.0, 0.5);
        plate rows(1..=200_000) {
            observe truncated_variance ~ TruncatedNormal(t, s.powf(0.5), t, t + 50.0);
            observe truncated_precision ~ TruncatedNormal(t, k.powf(-0.5), t, t + 50.0);
            observe truncated_exponential ~ TruncatedExponential(m.recip(), 0.0, 300.0);
            observe truncated_low ~ Truncated(Normal(t, s), t, f64::INFINITY);
            observe truncated_high ~ Truncated(Normal(t, s), f64::NEG_INFINITY, t);
        }
    }
}

model! {
    /// The table of parametrisations: counts and categories.
    pub Count {
        global m ~ Gamma(shape = 9.0, rate = 3.0);
        global s ~ Gamma(mean = 1.0, sd = 0.5);
        global k ~ Gamma(mean = 3.0, sd = 0.5);
        global p ~ Beta(mean = 0.4, precision = 12.0);
        global t ~ Normal(mean = 0.0, sd = 0.5);
        plate rows(1..=200_000) {
            observe bernoulli ~ Bernoulli(logit = t);
            observe categorical ~ Categorical(logits = [0.0, t, s]);
            observe binomial ~ Binomial(7.0, logit = t);
            observe poisson_mean ~ Poisson(mean = m);
            observe poisson_log ~ Poisson(log_rate = t);
            observe negative_binomial_log ~ NegativeBinomial(log_mean = t, shape = k);
            observe negative_binomial_alpha ~ NegativeBinomial(alpha = k, beta = s);
            observe negative_binomial_n ~ NegativeBinomial(n = k, probability = p);
            observe geometric ~ Geometric(mean = m);
        }
    }
}

model! {
    /// The same by position, with the parameters worked out by hand.
    pub CountByPosition {
        global m ~ Gamma(9.0, 3.0);
        global s ~ Gamma(4.0, 4.0);
        global k ~ Gamma(36.0, 12.0);
        global p ~ Beta(4.8, 7.2);
        global t ~ Normal(0.0, 0.5);
        plate rows(1..=200_000) {
            observe bernoulli ~ BernoulliLogit(t);
            observe categorical ~ CategoricalLogit([0.0, t, s]);
            observe binomial ~ BinomialLogit(7.0, t);
            observe poisson_mean ~ Poisson(m);
            observe poisson_log ~ PoissonLog(t);
            observe negative_binomial_log ~ NegativeBinomial(t.exp(), k);
            observe negative_binomial_alpha ~ NegativeBinomial(k / s, k);
            observe negative_binomial_n ~ NegativeBinomial(k / p - k, k);
            observe geometric ~ Geometric((m + 1.0).recip());
        }
    }
}

const M: f64 = 2.9;
const S: f64 = 1.2;
const K: f64 = 3.3;
const P: f64 = 0.35;
const T: f64 = 0.4;

/// The mean and the variance of each variable, from what its names say.
fn moments() -> Vec<(&'static str, f64, f64)> {
    let (m, s, k, p, t) = (M, S, K, P, T);
    let (positive, square) = (1.0 / (1.0 + (-t).exp()), |x: f64| x * x);
    let half = |sd: f64| (t + sd * (2.0 / std::f64::consts::PI).sqrt(), sd * sd * (1.0 - 2.0 / std::f64::consts::PI));
    let weights = [1.0, t.exp(), s.exp()];
    let share = |i: usize| weights[i] / weights.iter().sum::<f64>();
    let category = share(1) + 2.0 * share(2);
    let log_variance = square(s / 3.0);
    let median_mean = m * (log_variance / 2.0).exp();
    vec![
        ("normal_variance", m, s),
        ("normal_precision", m, 1.0 / k),
        ("log_normal_median", median_mean, square(median_mean) * log_variance.exp_m1()),
        ("log_normal_mean", m, s * s),
        ("half_normal", m, m * m * (std::f64::consts::PI / 2.0 - 1.0)),
        ("student_t", t, s * s),
        ("laplace", t, s * s),
        ("logistic", t, s * s),
        ("mv_normal", m, s * s),
        ("mv_normal", t, t * t + k * k),
        ("beta_precision", p, p * (1.0 - p) / (k + 2.0)),
        ("beta_sd", p, square(0.5 * p * (1.0 - p))),
        ("gamma_scale", k * s, k * s * s),
        ("gamma_shape", m, m * m / k),
        ("gamma_sd", m, s * s),
        ("inverse_gamma", 2.0 * m, s * s),
        ("exponential_mean", m, m * m),
        ("exponential_scale", m, m * m),
        ("weibull", m, m * m * (gamma(1.0 + 2.0 / k) / square(gamma(1.0 + 1.0 / k)) - 1.0)),
        ("truncated_variance", half(s.sqrt()).0, half(s.sqrt()).1),
        ("truncated_precision", half(k.sqrt().recip()).0, half(k.sqrt().recip()).1),
        ("truncated_exponential", m, m * m),
        ("truncated_low", half(s).0, half(s).1),
        ("truncated_high", 2.0 * t - half(s).0, half(s).1),
        ("bernoulli", positive, positive * (1.0 - positive)),
        ("categorical", category, share(1) + 4.0 * share(2) - square(category)),
        ("binomial", 7.0 * positive, 7.0 * positive * (1.0 - positive)),
        ("poisson_mean", m, m),
        ("poisson_log", t.exp(), t.exp()),
        ("negative_binomial_log", t.exp(), t.exp() + (2.0 * t).exp() / k),
        ("negative_binomial_alpha", k / s, k * (s + 1.0) / (s * s)),
        ("negative_binomial_n", k * (1.0 - p) / p, k * (1.0 - p) / (p * p)),
        ("geometric", m, m * (m + 1.0)),
    ]
}

/// The columns of 200,000 rows of `model` at these globals, a component of a vector each.
fn columns<M: Generative>(model: &M, truth: &M::Globals) -> Vec<(&'static str, Vec<f64>)> {
    let data = model.simulate(1).at(truth).size("rows", 200_000).seed(seed(1)).one().unwrap().data;
    let mut components = Vec::new();
    for column in &data.frame().plates[0].columns {
        for at in 0..column.width {
            let numbers = (at..column.values.len()).step_by(column.width).map(|i| column.values.get(i));
            components.push((column.name, numbers.collect()));
        }
    }
    components
}

#[test]
fn each_parametrisation_has_the_moments_of_its_names() {
    let components = [
        columns(&Signed::default(), &SignedGlobals { m: M, s: S, k: K, t: T }),
        columns(&Positive::default(), &PositiveGlobals { m: M, s: S, k: K, p: P }),
        columns(&Cut::default(), &CutGlobals { m: M, s: S, k: K, t: T }),
        columns(&Count::default(), &CountGlobals { m: M, s: S, k: K, p: P, t: T }),
    ]
    .concat();
    let moments = moments();
    assert_eq!(components.len(), moments.len());
    for ((name, numbers), (of, mean, variance)) in components.iter().zip(moments) {
        assert_eq!(*name, of);
        let n = numbers.len() as f64;
        let found = numbers.iter().sum::<f64>() / n;
        let moment = |power| numbers.iter().map(|x| (x - found).powi(power)).sum::<f64>() / n;
        // Five standard errors.
        within!((found - mean).abs(), 5.0 * (variance / n).sqrt(), "the mean of {name}: {found} {mean}");
        let error = 5.0 * ((moment(4) - moment(2).powi(2)) / n).sqrt();
        within!((moment(2) - variance).abs(), error, "the variance of {name}: {} {variance}", moment(2));
    }
}

/// The density of `model`, of the data of another, with its gradient.
fn density<M: Likelihood>(model: &M, frame: hierarch::model::Frame, q: &[f64]) -> (f64, Vec<f64>) {
    let data = M::Data::from_frame(frame).unwrap();
    let mut gradient = vec![0.0; q.len()];
    let value = Density::new(model, &data).unwrap().gradient(q, &mut gradient);
    (value, gradient)
}

/// The densities of `named` and of `positional`, of the same sets and with their gradients, are the same.
fn densities_agree<M: Likelihood + Generative, N: Likelihood>(named: &M, positional: &N) {
    for simulation in named.simulate(10).size("rows", 40).seed(seed(2)).run().unwrap() {
        let q = unconstrain(named, &simulation.globals, None);
        let (a, by_name) = density(named, simulation.data.frame(), &q);
        let (b, by_position) = density(positional, simulation.data.frame(), &q);
        within!((a - b).abs(), 1e-11 * a.abs(), "{a} {b}");
        for (a, b) in by_name.iter().zip(&by_position) {
            within!((a - b).abs(), 1e-9 * a.abs().max(100.0), "{by_name:?} {by_position:?}");
        }
    }
}

#[test]
fn each_parametrisation_has_the_density_of_the_call_by_position() {
    densities_agree(&Signed::default(), &SignedByPosition::default());
    densities_agree(&Positive::default(), &PositiveByPosition::default());
    densities_agree(&Cut::default(), &CutByPosition::default());
    densities_agree(&Count::default(), &CountByPosition::default());
}

model! {
    /// Whole literals, in one order.
    pub OneOrder {
        global slope ~ Normal(mean = 0, variance = 4);
        global height ~ StudentT(dof = 3, location = 0, scale = 2);
        global noise ~ Exponential(mean = 2);
        plate rows(30) {
            given x ~ Uniform(low = -1, high = 1);
            local outlier ~ Bernoulli(probability = 0.1);
            observe y ~ if outlier {
                Normal(mean = height + slope * x, sd = 10 * noise)
            } else {
                Normal(mean = height + slope * x, sd = noise)
            };
            observe z ~ Mixture(
                weights = [0.5, 0.5],
                components = [
                    Truncated(Normal(mean = slope, sd = noise), low = -9, high = 9),
                    Truncated(Normal(0, precision = 4), -9, 9)
                ]
            );
            observe n ~ NegativeBinomial(mean = 3, shape = 1 + noise);
        }
    }
}

model! {
    /// The same in another order, or by position.
    pub OtherOrder {
        global slope ~ Normal(variance = 4.0, mean = 0.0);
        global height ~ StudentT(scale = 2.0, dof = 3.0, location = 0.0);
        global noise ~ Exponential(1.0 / 2.0);
        plate rows(30) {
            given x ~ Uniform(high = 1.0, low = -1.0);
            local outlier ~ Bernoulli(0.1);
            observe y ~ if outlier {
                Normal(sd = 10.0 * noise, mean = height + slope * x)
            } else {
                Normal(height + slope * x, sd = noise)
            };
            observe z ~ Mixture(
                components = [
                    Truncated(high = 9.0, low = -9.0, distribution = Normal(sd = noise, mean = slope)),
                    Truncated(Normal(0.0, precision = 4.0), high = 9.0, low = -9.0)
                ],
                weights = [0.5, 0.5]
            );
            observe n ~ NegativeBinomial(shape = 1.0 + noise, mean = 3.0);
        }
    }
}

#[test]
fn the_order_of_names_changes_no_bit() {
    let (one, other) = (OneOrder::default(), OtherOrder::default());
    let sets = one.simulate(20).seed(3).run().unwrap();
    for (a, b) in sets.iter().zip(&other.simulate(20).seed(3).run().unwrap()) {
        assert_eq!(a.data.frame(), b.data.frame());
        let q = unconstrain(&one, &a.globals, None);
        assert_eq!(q, unconstrain(&other, &b.globals, None));
        assert_eq!(density(&one, a.data.frame(), &q), density(&other, a.data.frame(), &q));
    }
}

model! {
    /// Normal observations with a linear mean and one sd, in three parametrisations.
    pub Lines {
        global slope ~ Normal(mean = 0.0, sd = 1.0);
        global height ~ Normal(mean = 0.0, sd = 1.0);
        global noise ~ Exponential(mean = 2.0);
        plate rows(30) {
            given x ~ Uniform(low = -1.0, high = 1.0);
            observe y ~ Normal(sd = noise, mean = height + slope * x);
            observe of_variance ~ Normal(mean = height + slope * x, variance = noise);
            observe of_precision ~ Normal(height + slope * x, precision = noise);
        }
    }
}

/// All three are worked out as few rows, as by position.
#[test]
fn linear_predictors_are_found_by_name() {
    let data = Lines::default().simulate(1).one().unwrap().data;
    let plan = Density::new(&Lines::default(), &data).unwrap().plan().to_string();
    assert_eq!(plan, "rows: 30 normal observations as 2 rows of 2 columns (least squares)\n".repeat(3));
}

model! {
    /// Priors from and up to a bound, of which nothing is drawn.
    pub Flats {
        global a ~ Flat(low = 0.0);
        global b ~ Flat(high = 1.0);
        observe x ~ Normal(a, 1.0);
        observe y ~ Normal(b, 1.0);
    }
}

model! {
    /// The same, as ranges.
    pub Ranges {
        global a ~ Flat(0.0..);
        global b ~ Flat(..1.0);
        observe x ~ Normal(a, 1.0);
        observe y ~ Normal(b, 1.0);
    }
}

#[test]
fn flat_priors_have_bounds_by_name() {
    let data = FlatsData { x: 1.0, y: -2.0 };
    for q in [[0.3, -0.7], [-2.0, 1.5]] {
        assert_eq!(density(&Flats::default(), data.frame(), &q), density(&Ranges::default(), data.frame(), &q));
    }
}

#[test]
fn a_definition_is_shown_as_it_was_written() {
    let specification = OneOrder::default().specification();
    assert_eq!(specification.variables[0].definition, "Normal(mean = 0, variance = 4)");
    let y = &specification.plates[0].variables[2];
    assert_eq!(
        y.definition,
        "if outlier { Normal(mean = height + slope * x, sd = 10 * noise) } else { \
         Normal(mean = height + slope * x, sd = noise) }"
    );
    assert_eq!(y.parents, ["outlier", "height", "slope", "x", "noise"]);
}

/// A row of the table that no variable of these models has is untested, and one that the documentation has not is
/// unknown.
#[test]
fn every_parametrisation_is_tested_and_documented() {
    let specifications = [
        Signed::default().specification(),
        Positive::default().specification(),
        Cut::default().specification(),
        Count::default().specification(),
    ];
    let flats = Flats::default().specification().variables;
    let documentation = include_str!("../../src/lib.rs");
    for row in parametrisation::OTHER {
        let arguments = row.arguments.join(", ");
        let signature = format!("{}({arguments})", row.name);
        assert!(documentation.contains(&format!("`{signature}`")), "{signature} is not documented");
        let names = |definition: &str| {
            let (name, given) = definition.split_once('(').unwrap();
            let named = row.arguments.iter().filter(|a| given.contains(&format!("{a} =")));
            // Without a name is the first argument at most.
            name == row.name && row.arguments.len() - named.count() <= usize::from(!given.starts_with(row.arguments[0]))
        };
        assert!(
            specifications.iter().flat_map(|s| &s.plates[0].variables).chain(&flats).any(|v| names(&v.definition)),
            "{signature} is not tested: {}",
            row.call
        );
    }
}

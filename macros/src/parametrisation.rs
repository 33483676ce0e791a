//! Other parametrisations of the library's distributions than those of `builtin`: the names of the arguments, and the
//! call that is meant.

pub struct Parametrisation {
    /// The distribution as a model calls it.
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    /// The call by position, of this distribution or of another, in which the arguments stand by their names.
    pub call: &'static str,
}

const fn by(name: &'static str, arguments: &'static [&'static str], call: &'static str) -> Parametrisation {
    Parametrisation { name, arguments, call }
}

// Functions are written `f64::sqrt(x)`, in which a whole literal is a number.
pub const OTHER: &[Parametrisation] = &[
    by("Normal", &["mean", "variance"], "Normal(mean, f64::sqrt(variance))"),
    by("Normal", &["mean", "precision"], "Normal(mean, 1.0 / f64::sqrt(precision))"),
    by("LogNormal", &["median", "sigma"], "LogNormal(f64::ln(median), sigma)"),
    by(
        "LogNormal",
        &["mean", "sd"],
        "LogNormal(f64::ln(mean) - 0.5 * f64::ln_1p(f64::square(sd / mean)), \
         f64::sqrt(f64::ln_1p(f64::square(sd / mean))))",
    ),
    by("HalfNormal", &["mean"], "HalfNormal(mean * f64::sqrt(0.5 * ::core::f64::consts::PI))"),
    by("StudentT", &["dof", "mean", "sd"], "StudentT(dof, mean, sd * f64::sqrt((dof - 2.0) / dof))"),
    by("Laplace", &["mean", "sd"], "Laplace(mean, sd * f64::sqrt(0.5))"),
    by("Logistic", &["mean", "sd"], "Logistic(mean, sd * f64::sqrt(3.0) / ::core::f64::consts::PI)"),
    by("Beta", &["mean", "precision"], "Beta(mean * precision, (1.0 - mean) * precision)"),
    by(
        "Beta",
        &["mean", "sd"],
        "Beta(mean * (mean * (1.0 - mean) / f64::square(sd) - 1.0), \
         (1.0 - mean) * (mean * (1.0 - mean) / f64::square(sd) - 1.0))",
    ),
    by("Gamma", &["shape", "scale"], "Gamma(shape, 1.0 / scale)"),
    by("Gamma", &["mean", "shape"], "Gamma(shape, shape / mean)"),
    by("Gamma", &["mean", "sd"], "Gamma(f64::square(mean / sd), mean / f64::square(sd))"),
    by(
        "InverseGamma",
        &["mean", "sd"],
        "InverseGamma(2.0 + f64::square(mean / sd), mean * (1.0 + f64::square(mean / sd)))",
    ),
    by("Exponential", &["mean"], "Exponential(1.0 / mean)"),
    by("Exponential", &["scale"], "Exponential(1.0 / scale)"),
    by("Weibull", &["mean", "shape"], "Weibull(shape, mean / f64::exp(f64::ln_gamma(1.0 + 1.0 / shape)))"),
    by(
        "TruncatedNormal",
        &["mean", "variance", "low", "high"],
        "TruncatedNormal(mean, f64::sqrt(variance), low, high)",
    ),
    by(
        "TruncatedNormal",
        &["mean", "precision", "low", "high"],
        "TruncatedNormal(mean, 1.0 / f64::sqrt(precision), low, high)",
    ),
    by("TruncatedExponential", &["scale", "low", "high"], "TruncatedExponential(1.0 / scale, low, high)"),
    by("Flat", &["low"], "Flat(low, f64::INFINITY)"),
    by("Flat", &["high"], "Flat(f64::NEG_INFINITY, high)"),
    by("Truncated", &["distribution", "low"], "Truncated(distribution, low, f64::INFINITY)"),
    by("Truncated", &["distribution", "high"], "Truncated(distribution, f64::NEG_INFINITY, high)"),
    by("Bernoulli", &["logit"], "BernoulliLogit(logit)"),
    by("Categorical", &["logits"], "CategoricalLogit(logits)"),
    by("Binomial", &["n", "logit"], "BinomialLogit(n, logit)"),
    by("Poisson", &["mean"], "Poisson(mean)"),
    by("Poisson", &["log_rate"], "PoissonLog(log_rate)"),
    by("NegativeBinomial", &["log_mean", "shape"], "NegativeBinomial(f64::exp(log_mean), shape)"),
    by("NegativeBinomial", &["alpha", "beta"], "NegativeBinomial(alpha / beta, alpha)"),
    by("NegativeBinomial", &["n", "probability"], "NegativeBinomial(n * (1.0 - probability) / probability, n)"),
    by("Geometric", &["mean"], "Geometric(1.0 / (1.0 + mean))"),
    by("MvNormal", &["mean", "factor"], "MvNormalCholesky(mean, factor)"),
];

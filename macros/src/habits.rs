//! What other tools call statements and the arguments of distributions.

/// Words with which statements start in other tools and in Rust, with what to write.
const STATEMENTS: &[(&[&str], &str)] = &[
    (&["target", "potential"], "what is added to the log density is a `factor`: `factor -0.5 * x * x;`"),
    (
        &["generated", "quantities", "derived", "deterministic"],
        "what is worked out at each draw of a posterior is a `quantity`: `quantity effect = beta / sigma;`",
    ),
    (
        &["functions", "fn"],
        "a function is declared in Rust, outside of `model!`, for numbers with derivatives too: `fn f<T: Real>(x: T) -> T`",
    ),
    (
        &["data"],
        "data are declared where they are used: `observe y ~ Normal(mu, sigma);` what has a distribution, `given x: f64;` a covariate, \
         and both for each row in a plate, `plate rows(1..=1000) { .. }`",
    ),
    (
        &["parameters", "model"],
        "a model has no blocks: a parameter is declared with its prior, `global mu ~ Normal(0.0, 1.0);`, or in a plate `local theta ~ ..`",
    ),
    (
        &["transformed", "var"],
        "what is worked out of other variables is a `let`: `let ratio = a / b;`, and what is worked out once, of whole columns of the data, \
         `data let center = mean(x);`",
    ),
    (
        &["real", "int", "vector", "row_vector", "matrix", "array", "simplex", "ordered", "cholesky_factor_corr"],
        "a variable has no type but its distribution: `global mu ~ Normal(0.0, 1.0);`, `global beta[3] ~ Normal(0.0, 1.0);`, \
         `global share[3] ~ Dirichlet([1.0; 3]);`",
    ),
    (
        &["sample", "rv", "latent", "parameter"],
        "a latent variable is a `global`, shared by all data, or a `local` of an element of a plate: `global mu ~ Normal(0.0, 1.0);`",
    ),
    (&["covariate", "input"], "a covariate is `given`: `given x: f64;`"),
    (&["observed", "obs"], "what is seen is `observe`: `observe y ~ Normal(mu, sigma);`"),
    (
        &["for", "while", "loop"],
        "a loop over data is a plate, `plate rows(1..=1000) { observe y ~ Normal(mu, sigma); }`; a sum in an expression is \
         `sum(i in 0..3, x[i] * beta[i])`; one of numbers of a vector is `beta[i in 0..3] ~ Normal(mu[i], 1.0)`",
    ),
    (
        &["if", "match"],
        "a choice stands in an expression: `let mean = if treated { a } else { b };`, or among distributions, `observe y ~ if late { .. } \
         else { .. };`",
    ),
    (
        &["const", "static"],
        "a constant is declared outside of `model!`, `const K: usize = 3;`; a length that data tell is `size K;`, and another number \
         `param width: f64 = 0.1;`",
    ),
];

/// Says what to write for a statement that starts with `word`; `None` if that is not known.
pub fn instead(word: &str) -> Option<&'static str> {
    STATEMENTS.iter().find(|(words, _)| words.contains(&word)).map(|(_, instead)| *instead)
}

/// Words of other tools, in small letters, with the names that they may stand for here, the likeliest first.
const WORDS: &[(&[&str], &[&str])] = &[
    (&["loc", "mu"], &["mu", "location", "mean", "rate"]),
    (&["location"], &["mu", "mean"]),
    (&["m", "expectation"], &["mean", "minimum"]),
    (&["mean", "median"], &["location"]),
    (&["log_mu", "eta"], &["log_mean", "log_rate", "logit"]),
    (&["sigma", "s"], &["sigma", "scale", "sd", "covariance"]),
    (&["std", "stdev", "stddev", "std_dev", "standard_deviation"], &["sd", "sigma", "scale"]),
    (&["scale"], &["sigma", "sd", "minimum"]),
    (&["sd"], &["scale", "sigma"]),
    (&["var", "sigma2", "sigma_sq"], &["variance"]),
    (&["tau"], &["precision"]),
    (&["kappa", "phi"], &["precision", "shape"]),
    (&["cov", "covariance_matrix"], &["covariance"]),
    (&["cholesky", "chol", "scale_tril", "l"], &["factor"]),
    (&["lam", "lambda", "lambda_"], &["rate", "scale", "precision"]),
    (&["log_lam", "log_lambda"], &["log_rate"]),
    (&["alpha"], &["shape", "location", "concentrations", "slope"]),
    (&["beta"], &["rate", "scale"]),
    (&["theta"], &["scale", "probability", "probabilities"]),
    (&["a"], &["alpha", "shape", "low", "concentrations"]),
    (&["b"], &["beta", "high", "scale", "shape"]),
    (&["c", "k", "r"], &["shape", "n"]),
    (&["concentration"], &["shape", "concentrations", "precision"]),
    (&["concentration1"], &["alpha"]),
    (&["concentration0"], &["beta"]),
    (&["df", "nu", "degrees_of_freedom"], &["dof"]),
    (&["p", "prob", "probs", "pvals"], &["probability", "probabilities", "weights"]),
    (&["logits", "logit", "logit_p", "log_odds"], &["logit", "logits"]),
    (&["total_count", "trials", "count", "size"], &["n"]),
    (&["lower", "lo", "min", "minimum", "left", "start"], &["low"]),
    (&["upper", "hi", "max", "maximum", "right", "stop", "end"], &["high"]),
    (&["x_m", "xm", "min"], &["minimum"]),
    (&["index", "exponent", "power", "gamma"], &["slope", "shape"]),
    (&["w", "mix", "mixing_distribution"], &["weights"]),
    (&["dist", "base", "inner"], &["distribution"]),
    (&["dists", "comp_dists", "distributions", "component_distribution"], &["components"]),
];

/// Finds which of `names` an argument is that other tools call `word`; `None` if that is not known.
pub fn meant(word: &str, names: &[&'static str]) -> Option<&'static str> {
    let word = word.to_lowercase();
    let rows = WORDS.iter().filter(|(words, _)| words.contains(&word.as_str()));
    rows.flat_map(|(_, here)| *here).find_map(|here| names.iter().find(|name| *name == here).copied())
}

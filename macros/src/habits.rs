//! What other tools call the arguments of distributions.

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

//! What is known of the distributions of the library by their names.

/// What a distribution draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Draws {
    Real,
    /// A positive number or one between bounds is real too; these are whole.
    Bool,
    Category,
    /// A count up to a known number.
    FiniteCount,
    Count,
    RealVector,
    Simplex,
    CountVector,
}

pub struct Builtin {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    pub draws: Draws,
}

const fn entry(name: &'static str, arguments: &'static [&'static str], draws: Draws) -> Builtin {
    Builtin { name, arguments, draws }
}

pub const BUILTIN: &[Builtin] = &[
    entry("Normal", &["mean", "sd"], Draws::Real),
    entry("LogNormal", &["mu", "sigma"], Draws::Real),
    entry("HalfNormal", &["sd"], Draws::Real),
    entry("Cauchy", &["location", "scale"], Draws::Real),
    entry("HalfCauchy", &["scale"], Draws::Real),
    entry("StudentT", &["dof", "location", "scale"], Draws::Real),
    entry("Laplace", &["location", "scale"], Draws::Real),
    entry("Logistic", &["location", "scale"], Draws::Real),
    entry("Uniform", &["low", "high"], Draws::Real),
    entry("LogUniform", &["low", "high"], Draws::Real),
    entry("Beta", &["alpha", "beta"], Draws::Real),
    entry("Gamma", &["shape", "rate"], Draws::Real),
    entry("InverseGamma", &["shape", "scale"], Draws::Real),
    entry("Exponential", &["rate"], Draws::Real),
    entry("Weibull", &["shape", "scale"], Draws::Real),
    entry("Pareto", &["minimum", "shape"], Draws::Real),
    entry("PowerLaw", &["slope", "low", "high"], Draws::Real),
    entry("TruncatedNormal", &["mean", "sd", "low", "high"], Draws::Real),
    entry("TruncatedExponential", &["rate", "low", "high"], Draws::Real),
    entry("Truncated", &["distribution", "low", "high"], Draws::Real),
    entry("Mixture", &["weights", "components"], Draws::Real),
    entry("Bernoulli", &["probability"], Draws::Bool),
    entry("BernoulliLogit", &["logit"], Draws::Bool),
    entry("Categorical", &["probabilities"], Draws::Category),
    entry("CategoricalLogit", &["logits"], Draws::Category),
    entry("Binomial", &["n", "probability"], Draws::FiniteCount),
    entry("BinomialLogit", &["n", "logit"], Draws::FiniteCount),
    entry("Poisson", &["rate"], Draws::Count),
    entry("PoissonLog", &["log_rate"], Draws::Count),
    entry("NegativeBinomial", &["mean", "shape"], Draws::Count),
    entry("Geometric", &["probability"], Draws::Count),
    entry("Multinomial", &["n", "probabilities"], Draws::CountVector),
    entry("Dirichlet", &["concentrations"], Draws::Simplex),
    entry("MvNormal", &["mean", "covariance"], Draws::RealVector),
    entry("MvNormalCholesky", &["mean", "factor"], Draws::RealVector),
];

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|builtin| builtin.name)
}

pub fn find(name: &str) -> Option<&'static Builtin> {
    BUILTIN.iter().find(|b| b.name == name)
}

/// The known name nearest to a misspelt one, if any is near.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (distance(&name.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(d, k)| *d <= 2.min(k.len() / 2))
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

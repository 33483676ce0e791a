//! The distributions of the library: the name of each, its arguments, what it draws, and where it has a density.

use syn::{Expr, ExprCall};

/// What a distribution draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Draws {
    /// A number that need not be whole, also one that is positive or between bounds.
    Real,
    Bool,
    Category,
    /// A count up to a known number.
    FiniteCount,
    Count,
    RealVector,
    Simplex,
    CountVector,
}

impl Draws {
    /// Tells whether one draw is a vector.
    pub fn is_vector(self) -> bool {
        matches!(self, Self::RealVector | Self::Simplex | Self::CountVector)
    }

    /// Tells whether what is drawn has finitely many values, which a density can sum over.
    pub fn is_finite(self) -> bool {
        matches!(self, Self::Bool | Self::Category | Self::FiniteCount)
    }
}

/// Where a distribution has a density.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// All numbers, or all vectors of numbers.
    Real,
    Positive,
    /// Between zero and one.
    Unit,
    Simplex,
    /// Arguments are its bounds, or it is that of a distribution in the arguments.
    Arguments,
    /// Whole numbers.
    Whole,
}

impl Support {
    /// Tells whether it is the same whatever the arguments, for a variable with derivatives.
    pub fn is_fixed(self) -> bool {
        match self {
            Self::Real | Self::Positive | Self::Unit | Self::Simplex => true,
            Self::Arguments | Self::Whole => false,
        }
    }
}

pub struct Builtin {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    pub draws: Draws,
    pub support: Support,
}

const fn row(name: &'static str, arguments: &'static [&'static str], draws: Draws, support: Support) -> Builtin {
    Builtin { name, arguments, draws, support }
}

const BUILTIN: &[Builtin] = &[
    row("Normal", &["mean", "sd"], Draws::Real, Support::Real),
    row("LogNormal", &["mu", "sigma"], Draws::Real, Support::Positive),
    row("HalfNormal", &["sd"], Draws::Real, Support::Positive),
    row("Cauchy", &["location", "scale"], Draws::Real, Support::Real),
    row("HalfCauchy", &["scale"], Draws::Real, Support::Positive),
    row("StudentT", &["dof", "location", "scale"], Draws::Real, Support::Real),
    row("Laplace", &["location", "scale"], Draws::Real, Support::Real),
    row("Logistic", &["location", "scale"], Draws::Real, Support::Real),
    row("Uniform", &["low", "high"], Draws::Real, Support::Arguments),
    row("LogUniform", &["low", "high"], Draws::Real, Support::Arguments),
    row("Beta", &["alpha", "beta"], Draws::Real, Support::Unit),
    row("Gamma", &["shape", "rate"], Draws::Real, Support::Positive),
    row("InverseGamma", &["shape", "scale"], Draws::Real, Support::Positive),
    row("Exponential", &["rate"], Draws::Real, Support::Positive),
    row("Weibull", &["shape", "scale"], Draws::Real, Support::Positive),
    row("Pareto", &["minimum", "shape"], Draws::Real, Support::Arguments),
    row("PowerLaw", &["slope", "low", "high"], Draws::Real, Support::Arguments),
    row("TruncatedNormal", &["mean", "sd", "low", "high"], Draws::Real, Support::Arguments),
    row("TruncatedExponential", &["rate", "low", "high"], Draws::Real, Support::Arguments),
    row("Truncated", &["distribution", "low", "high"], Draws::Real, Support::Arguments),
    row("Censored", &["distribution", "low", "high"], Draws::Real, Support::Arguments),
    row("Rounded", &["distribution", "step"], Draws::Real, Support::Arguments),
    row("Mixture", &["weights", "components"], Draws::Real, Support::Arguments),
    row("Bernoulli", &["probability"], Draws::Bool, Support::Whole),
    row("BernoulliLogit", &["logit"], Draws::Bool, Support::Whole),
    row("Categorical", &["probabilities"], Draws::Category, Support::Whole),
    row("CategoricalLogit", &["logits"], Draws::Category, Support::Whole),
    row("Binomial", &["n", "probability"], Draws::FiniteCount, Support::Whole),
    row("BinomialLogit", &["n", "logit"], Draws::FiniteCount, Support::Whole),
    row("Poisson", &["rate"], Draws::Count, Support::Whole),
    row("PoissonLog", &["log_rate"], Draws::Count, Support::Whole),
    row("NegativeBinomial", &["mean", "shape"], Draws::Count, Support::Whole),
    row("Geometric", &["probability"], Draws::Count, Support::Whole),
    row("Multinomial", &["n", "probabilities"], Draws::CountVector, Support::Whole),
    row("Dirichlet", &["concentrations"], Draws::Simplex, Support::Simplex),
    row("MvNormal", &["mean", "covariance"], Draws::RealVector, Support::Real),
    row("MvNormalCholesky", &["mean", "factor"], Draws::RealVector, Support::Real),
];

impl Builtin {
    /// Writes it with the names of its arguments.
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.arguments.join(", "))
    }
}

/// Lists the names of all distributions.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|builtin| builtin.name)
}

/// Finds a distribution by its `name`; `None` if the library has none of that name.
pub fn find(name: &str) -> Option<&'static Builtin> {
    BUILTIN.iter().find(|b| b.name == name)
}

/// Tells whether `Name(arguments)` is of a distribution of what is recorded of a number, which has a probability at single values,
/// or of one with such a distribution inside.
pub fn is_record(call: &ExprCall) -> bool {
    let inside = |expr: &Expr| matches!(expr, Expr::Call(inner) if is_record(inner));
    of(call).is_some_and(|builtin| ["Censored", "Rounded"].contains(&builtin.name))
        || call.args.iter().any(|argument| match argument {
            Expr::Array(array) => array.elems.iter().any(inside),
            other => inside(other),
        })
}

/// Finds the distribution that `Name(arguments)` is of; `None` if that is none of the library's.
pub fn of(call: &ExprCall) -> Option<&'static Builtin> {
    let Expr::Path(path) = &*call.func else { return None };
    find(&path.path.get_ident()?.to_string())
}

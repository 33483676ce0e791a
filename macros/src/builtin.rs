//! The distributions of the library: the name of each, its arguments, what it draws, and where it has a density.

use syn::{Expr, ExprCall, ExprPath};

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
    /// A whole number that may be negative.
    Whole,
    RealVector,
    Simplex,
    /// Numbers that sum to zero.
    ZeroSum,
    /// A matrix, row by row, of which all numbers are free.
    Matrix,
    /// A matrix, row by row, of which the numbers below the diagonal are free.
    CorrelationFactor,
    /// A matrix, row by row, of which the numbers that are not above the diagonal are free.
    Covariance,
    CountVector,
    /// The numbers of all elements of a plate.
    Plate,
    /// Nothing: it is a covariance as a function of the distance of two elements.
    Kernel,
}

impl Draws {
    /// Tells whether one draw is a vector.
    pub fn is_vector(self) -> bool {
        matches!(self, Self::RealVector | Self::Simplex | Self::ZeroSum | Self::CountVector) || self.is_matrix()
    }

    /// Tells whether one draw is a matrix.
    pub fn is_matrix(self) -> bool {
        matches!(self, Self::Matrix | Self::CorrelationFactor | Self::Covariance)
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
    /// Between minus pi and pi.
    Angle,
    Simplex,
    ZeroSum,
    CorrelationFactor,
    Direction,
    /// Covariance matrices, or their factors.
    Covariance,
    /// Arguments are its bounds, or it is that of a distribution in the arguments.
    Arguments,
    /// Whole numbers.
    Whole,
}

impl Support {
    /// Tells whether it is the same whatever the arguments, for a variable with derivatives.
    pub fn is_fixed(self) -> bool {
        match self {
            Self::Real
            | Self::Positive
            | Self::Unit
            | Self::Angle
            | Self::Simplex
            | Self::ZeroSum
            | Self::CorrelationFactor
            | Self::Direction
            | Self::Covariance => true,
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
    row("HalfStudentT", &["dof", "scale"], Draws::Real, Support::Positive),
    row("SkewNormal", &["location", "scale", "slant"], Draws::Real, Support::Real),
    row("ExpModNormal", &["mean", "sd", "rate"], Draws::Real, Support::Real),
    row("Laplace", &["location", "scale"], Draws::Real, Support::Real),
    row("AsymmetricLaplace", &["location", "scale", "asymmetry"], Draws::Real, Support::Real),
    row("Logistic", &["location", "scale"], Draws::Real, Support::Real),
    row("Gumbel", &["location", "scale"], Draws::Real, Support::Real),
    row("GeneralizedExtremeValue", &["location", "scale", "shape"], Draws::Real, Support::Arguments),
    row("Frechet", &["shape", "scale"], Draws::Real, Support::Positive),
    row("VonMises", &["mean", "concentration"], Draws::Real, Support::Angle),
    row("Uniform", &["low", "high"], Draws::Real, Support::Arguments),
    row("LogUniform", &["low", "high"], Draws::Real, Support::Arguments),
    row("Beta", &["alpha", "beta"], Draws::Real, Support::Unit),
    row("BetaProportion", &["mean", "precision"], Draws::Real, Support::Unit),
    row("Kumaraswamy", &["a", "b"], Draws::Real, Support::Unit),
    row("LogitNormal", &["mu", "sigma"], Draws::Real, Support::Unit),
    row("Gamma", &["shape", "rate"], Draws::Real, Support::Positive),
    row("InverseGamma", &["shape", "scale"], Draws::Real, Support::Positive),
    row("ChiSquared", &["dof"], Draws::Real, Support::Positive),
    row("InverseChiSquared", &["dof"], Draws::Real, Support::Positive),
    row("ScaledInverseChiSquared", &["dof", "scale"], Draws::Real, Support::Positive),
    row("InverseGaussian", &["mean", "shape"], Draws::Real, Support::Positive),
    row("Exponential", &["rate"], Draws::Real, Support::Positive),
    row("Weibull", &["shape", "scale"], Draws::Real, Support::Positive),
    row("Rayleigh", &["scale"], Draws::Real, Support::Positive),
    row("LogLogistic", &["shape", "scale"], Draws::Real, Support::Positive),
    row("Pareto", &["minimum", "shape"], Draws::Real, Support::Arguments),
    row("GeneralizedPareto", &["location", "scale", "shape"], Draws::Real, Support::Arguments),
    row("PowerLaw", &["slope", "low", "high"], Draws::Real, Support::Arguments),
    row("TruncatedNormal", &["mean", "sd", "low", "high"], Draws::Real, Support::Arguments),
    row("TruncatedExponential", &["rate", "low", "high"], Draws::Real, Support::Arguments),
    row("Flat", &["low", "high"], Draws::Real, Support::Arguments),
    row("Weighted", &["distribution", "weight"], Draws::Real, Support::Arguments),
    row("Truncated", &["distribution", "low", "high"], Draws::Real, Support::Arguments),
    row("Censored", &["distribution", "low", "high"], Draws::Real, Support::Arguments),
    row("Rounded", &["distribution", "step"], Draws::Real, Support::Arguments),
    row("Mixture", &["weights", "components"], Draws::Real, Support::Arguments),
    row("Bernoulli", &["probability"], Draws::Bool, Support::Whole),
    row("BernoulliLogit", &["logit"], Draws::Bool, Support::Whole),
    row("BernoulliProbit", &["probit"], Draws::Bool, Support::Whole),
    row("BernoulliCloglog", &["eta"], Draws::Bool, Support::Whole),
    row("Categorical", &["probabilities"], Draws::Category, Support::Whole),
    row("CategoricalLogit", &["logits"], Draws::Category, Support::Whole),
    row("OrderedLogistic", &["eta", "cutpoints"], Draws::Category, Support::Whole),
    row("OrderedProbit", &["eta", "cutpoints"], Draws::Category, Support::Whole),
    row("Grouped", &["distribution", "cutpoints"], Draws::Category, Support::Whole),
    row("DiscreteUniform", &["low", "high"], Draws::FiniteCount, Support::Whole),
    row("Binomial", &["n", "probability"], Draws::FiniteCount, Support::Whole),
    row("BinomialLogit", &["n", "logit"], Draws::FiniteCount, Support::Whole),
    row("BetaBinomial", &["n", "alpha", "beta"], Draws::FiniteCount, Support::Whole),
    row("Hypergeometric", &["n", "successes", "population"], Draws::FiniteCount, Support::Whole),
    row("Poisson", &["rate"], Draws::Count, Support::Whole),
    row("PoissonLog", &["log_rate"], Draws::Count, Support::Whole),
    row("NegativeBinomial", &["mean", "shape"], Draws::Count, Support::Whole),
    row("NegativeBinomialLog", &["log_mean", "shape"], Draws::Count, Support::Whole),
    row("Geometric", &["probability"], Draws::Count, Support::Whole),
    row("Skellam", &["mu1", "mu2"], Draws::Whole, Support::Whole),
    row("ZeroInflated", &["probability", "distribution"], Draws::Count, Support::Whole),
    row("Hurdle", &["probability", "distribution"], Draws::Count, Support::Whole),
    row("Multinomial", &["n", "probabilities"], Draws::CountVector, Support::Whole),
    row("DirichletMultinomial", &["n", "concentrations"], Draws::CountVector, Support::Whole),
    row("Dirichlet", &["concentrations"], Draws::Simplex, Support::Simplex),
    row("Ordered", &["distribution"], Draws::RealVector, Support::Arguments),
    row("ZeroSumNormal", &["sd"], Draws::ZeroSum, Support::ZeroSum),
    row("LkjCholesky", &["eta"], Draws::CorrelationFactor, Support::CorrelationFactor),
    row("Wishart", &["dof", "scale_matrix"], Draws::Covariance, Support::Covariance),
    row("InverseWishart", &["dof", "scale_matrix"], Draws::Covariance, Support::Covariance),
    row("WishartCholesky", &["dof", "factor"], Draws::Covariance, Support::Covariance),
    row("InverseWishartCholesky", &["dof", "factor"], Draws::Covariance, Support::Covariance),
    row("MatrixNormal", &["mean", "row_factor", "column_factor"], Draws::Matrix, Support::Real),
    row("UnitVector", &[], Draws::RealVector, Support::Direction),
    row("VonMisesFisher", &["mean", "concentration"], Draws::RealVector, Support::Direction),
    row("MvNormal", &["mean", "covariance"], Draws::RealVector, Support::Real),
    row("MvNormalCholesky", &["mean", "factor"], Draws::RealVector, Support::Real),
    row("MvStudentT", &["dof", "mean", "scale_matrix"], Draws::RealVector, Support::Real),
    row("GaussianProcess", &["x", "kernel"], Draws::Plate, Support::Real),
    row("Icar", &["edges"], Draws::Plate, Support::Real),
    row("ScaledIcar", &["edges"], Draws::Plate, Support::Real),
    row("Car", &["edges", "alpha", "tau"], Draws::Plate, Support::Real),
    row("RandomWalk", &["sd"], Draws::Plate, Support::Real),
    row("RandomWalk2", &["sd"], Draws::Plate, Support::Real),
    row("SquaredExponential", &["amplitude", "length"], Draws::Kernel, Support::Real),
    row("Matern12", &["amplitude", "length"], Draws::Kernel, Support::Real),
    row("Matern32", &["amplitude", "length"], Draws::Kernel, Support::Real),
    row("Matern52", &["amplitude", "length"], Draws::Kernel, Support::Real),
    row("Periodic", &["amplitude", "length", "period"], Draws::Kernel, Support::Real),
];

impl Builtin {
    /// Tells whether the argument at a position is a number, and no vector or distribution.
    pub fn takes_a_number(&self, position: usize) -> bool {
        let others =
            ["distribution", "weights", "components", "probabilities", "logits", "cutpoints", "x", "kernel", "edges"];
        let of_numbers = !self.draws.is_vector() || matches!(self.draws, Draws::ZeroSum | Draws::CorrelationFactor);
        of_numbers && self.arguments.get(position).is_some_and(|name| !others.contains(name))
    }

    /// Tells whether the argument at a position is a distribution.
    pub fn takes_a_distribution(&self, position: usize) -> bool {
        self.arguments.get(position) == Some(&"distribution")
    }

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

/// Tells whether `path` is that of a distribution of vectors whose length is known only when the program runs, as `open` writes it.
pub fn is_open(path: &ExprPath) -> bool {
    path.path.segments.len() == 4 && path.path.segments.iter().nth(2).is_some_and(|segment| segment.ident == "open")
}

/// Finds the distribution that `Name(arguments)` is of; `None` if that is none of the library's.
pub fn of(call: &ExprCall) -> Option<&'static Builtin> {
    let Expr::Path(path) = &*call.func else { return None };
    if is_open(path) {
        return find(&path.path.segments.last()?.ident.to_string());
    }
    find(&path.path.get_ident()?.to_string())
}

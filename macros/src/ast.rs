//! A model as it is written.

use syn::{Attribute, Expr, Ident, Pat, Type, Visibility};

/// `pub Name { statements }`.
#[derive(Clone)]
pub struct Model {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub body: Vec<Statement>,
}

// A model has a few dozen statements, so the difference in size costs nothing.
#[derive(Clone)]
#[allow(clippy::large_enum_variant)]
pub enum Statement {
    Param(Param),
    Variable(Variable),
    Let(Let),
    /// `factor -0.5 * x.square();`, the expression.
    Factor(Expr),
    Plate(Plate),
    /// What `sequence` makes of a `prev` or an `is_first`.
    Lag(Lag),
}

/// What the elements of a plate read of those before them.
#[derive(Clone)]
pub struct Lag {
    /// What stands for it in expressions.
    pub local: Ident,
    /// How many elements before.
    pub steps: usize,
    pub earlier: Earlier,
}

#[derive(Clone)]
pub enum Earlier {
    /// `prev(of, steps, initial)`
    Value { of: Ident, initial: Initial },
    /// `is_first(steps)`: whether there is no such element.
    IsFirst,
}

/// What stands for the value of an element that there is not.
#[derive(Clone)]
pub enum Initial {
    Value(Expr),
    /// It is not read, since `is_first` is asked.
    Unread,
    /// What reads it has no density there: it is conditioned on.
    Missing,
}

/// `param width: f64 = 0.1;`, `size K;`, or `data let center = mean(x);`
#[derive(Clone)]
pub struct Param {
    pub attributes: Vec<Attribute>,
    pub name: Ident,
    pub ty: Type,
    pub default: Option<Expr>,
    /// Whether it is a length, `size K;`, which data may tell.
    pub is_size: bool,
    /// What makes it of the columns of the data: `data let`.
    pub of_data: Option<Expr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Global,
    Nuisance,
    Local,
    Observe,
    Given,
}

impl Role {
    /// Tells whether it is that of a variable that is neither observed nor given.
    pub fn latent(self) -> bool {
        matches!(self, Self::Global | Self::Nuisance | Self::Local)
    }

    pub fn keyword(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Nuisance => "nuisance",
            Self::Local => "local",
            Self::Observe => "observe",
            Self::Given => "given",
        }
    }
}

/// `global mu[3] ~ Normal(0.0, 3.0);` and its kin.
#[derive(Clone)]
pub struct Variable {
    pub attributes: Vec<Attribute>,
    pub role: Role,
    pub name: Ident,
    pub shape: Option<Shape>,
    /// The second dimension of a matrix.
    pub columns: Option<Shape>,
    pub ty: Option<Type>,
    /// The plate in `given subject: index(subjects);`.
    pub index_of: Option<Ident>,
    /// What stands after `~`.
    pub definition: Option<Expr>,
    /// The definition as it was written; empty if there is none.
    pub source: String,
    /// The first element of the plate in which it has a density: those before are conditioned on.
    pub begins_at: usize,
    pub missing: Missing,
    /// What draws in simulations whether a value is missing, `Bernoulli(0.2)`, if the model says so.
    pub mechanism: Option<Expr>,
    /// This as it was written; empty if there is none.
    pub mechanism_source: String,
}

/// Whether values of an observation may be missing, and what the density makes of those that are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    Never,
    /// Nothing depends on them, so that they say nothing.
    LeftOut,
    /// Others depend on them, so that they are inferred with them.
    Inferred,
    /// Others depend on them, and their values are counts, categories or truth values, so that they are summed out.
    SummedOut,
}

/// `[3]`, the same distribution for each, or `[i in 0..3]`, with the position known to the distribution's arguments.
#[derive(Clone)]
pub struct Shape {
    pub position: Option<Ident>,
    pub len: Expr,
}

/// `let (mean, sd) = ...;`
#[derive(Clone)]
pub struct Let {
    pub pat: Pat,
    pub expr: Expr,
    /// What it is where it has no part in the density.
    pub quantity: Option<Quantity>,
}

/// How a quantity comes about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// `quantity effect = beta / sigma;`
    Computed,
    /// `quantity next ~ Normal(mu, sigma);`
    Drawn,
}

/// `plate events(1..=200) { statements }`.
#[derive(Clone)]
pub struct Plate {
    pub attributes: Vec<Attribute>,
    pub name: Ident,
    pub size: Size,
    /// The distribution of a random size as it was written; empty for others.
    pub size_source: String,
    pub body: Vec<Statement>,
}

#[derive(Clone)]
pub enum Size {
    Fixed(Expr),
    Range(Expr, Expr),
    Random(Ident, Expr),
}

/// Tells whether something is observed in `body` or in a plate of it, or a factor of data says something of it.
pub fn has_observation(body: &[Statement]) -> bool {
    let factor = body.iter().any(|s| matches!(s, Statement::Factor(_)));
    body.iter().any(|s| match s {
        Statement::Variable(v) if factor && v.role == Role::Given => true,
        Statement::Variable(v) => v.role == Role::Observe,
        Statement::Plate(p) => has_observation(&p.body),
        _ => false,
    })
}

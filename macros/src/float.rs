//! The functions of `f64`: which of them numbers with derivatives have, and what stands for the others.

use proc_macro2::Ident;
use syn::{BinOp, Error, Expr, Lit, LitFloat, UnOp};

use crate::names::is_capital;

/// The functions of the library's `Real`.
const OF_REAL: &[&str] = &[
    "value",
    "exp",
    "exp_m1",
    "ln",
    "ln_1p",
    "sqrt",
    "powi",
    "powf",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "abs",
    "floor",
    "ln_gamma",
    "ln_factorial",
    "erf",
    "normal_cdf",
    "ln_normal_cdf",
    "ln_incomplete_gamma",
    "ln_incomplete_beta",
    "log_mean_exp",
    "if_lt",
    "if_le",
    "recip",
    "square",
    "max",
    "min",
    "sigmoid",
    "softplus",
    "logit",
];

/// What to write for the functions of `f64` that `Real` has not.
const INSTEAD: &[(&str, &str)] = &[
    ("log10", "write `x.ln() / std::f64::consts::LN_10`"),
    ("log2", "write `x.ln() / std::f64::consts::LN_2`"),
    ("log", "write `x.ln()`, or `x.ln() / base.ln()`"),
    ("exp2", "write `(x * std::f64::consts::LN_2).exp()`"),
    ("cbrt", "write `x.powf(1.0 / 3.0)`"),
    ("hypot", "write `(x * x + y * y).sqrt()`"),
    ("clamp", "write `x.max(low).min(high)`"),
    ("mul_add", "write `x * a + b`"),
    ("ceil", "write `-(-x).floor()`"),
    ("round", "write `(x + 0.5).floor()`"),
    ("trunc", "write `x.floor()`, which has no derivative either"),
    ("fract", "write `x - x.floor()`"),
    ("signum", "write `if x < 0.0 { -1.0 } else { 1.0 }`"),
    ("to_radians", "write `x * (std::f64::consts::PI / 180.0)`"),
    ("to_degrees", "write `x * (180.0 / std::f64::consts::PI)`"),
    ("asinh", "write `(x + (x * x + 1.0).sqrt()).ln()`"),
    ("acosh", "write `(x + (x * x - 1.0).sqrt()).ln()`"),
    ("atanh", "write `0.5 * ((1.0 + x) / (1.0 - x)).ln()`"),
    ("sin_cos", "write `(x.sin(), x.cos())`"),
    ("rem_euclid", "write `x - (x / y).floor() * y`"),
];

/// Tells whether numbers with derivatives have a function of this `name`.
pub fn is_of_real(name: &str) -> bool {
    OF_REAL.contains(&name)
}

/// Tells whether real numbers alone have a function of this `name`, which whole ones have not.
pub fn is_of_real_alone(name: &str) -> bool {
    is_of_real(name) && !["value", "abs", "max", "min"].contains(&name)
}

/// Writes the whole literals of sums and products as real numbers in an expression that is one, whatever else is in it.
pub fn write_real(expr: &mut Expr) {
    match expr {
        Expr::Paren(paren) => write_real(&mut paren.expr),
        Expr::Group(group) => write_real(&mut group.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => write_real(&mut unary.expr),
        Expr::Binary(binary)
            if matches!(binary.op, BinOp::Add(_) | BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Div(_) | BinOp::Rem(_)) =>
        {
            for side in [&mut *binary.left, &mut *binary.right] {
                match side {
                    Expr::Lit(lit) => lit.lit = real_literal(&lit.lit),
                    other => write_real(other),
                }
            }
        }
        _ => {}
    }
}

/// Writes a literal as that of a real number, if it is of a whole one without a type.
fn real_literal(lit: &Lit) -> Lit {
    match lit {
        Lit::Int(int) if int.suffix().is_empty() => {
            Lit::Float(LitFloat::new(&format!("{}.0", int.base10_digits()), int.span()))
        }
        other => other.clone(),
    }
}

/// Says what to write for the function `name` of `f64`; `None` if it is no such function that numbers with derivatives lack.
pub fn without_derivative(name: &str) -> Option<&'static str> {
    INSTEAD.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
}

/// Takes `f64::exp` apart; `None` if `function` is none of `f64`.
pub fn of_float(function: &Expr) -> Option<&Ident> {
    let Expr::Path(path) = function else { return None };
    let mut segments = path.path.segments.iter().rev();
    let (name, ty) = (segments.next()?, segments.next()?);
    (ty.ident == "f64" && !is_capital(&name.ident)).then_some(&name.ident)
}

/// Tells whether `function` is `f64::exp` or another that numbers with derivatives have too.
pub fn float_function(function: &Expr) -> bool {
    of_float(function).is_some_and(|name| is_of_real(&name.to_string()))
}

/// Says what is wrong with a function of `f64` that numbers with derivatives have not.
pub fn plain_function(function: &Expr) -> Option<Error> {
    let name = of_float(function)?;
    let instead = without_derivative(&name.to_string())?;
    let message =
        format!("`f64::{name}` is for plain numbers, and a density runs on numbers with derivatives: {instead}");
    Some(Error::new_spanned(function, message))
}

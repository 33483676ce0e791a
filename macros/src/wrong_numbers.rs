//! What is wrong with an expression of numbers, in words.

use quote::ToTokens;
use syn::{BinOp, Error, Expr, ExprBinary};

use crate::builtin::Builtin;

/// Says that a side of `op` is a vector.
pub fn no_arithmetic(side: &Expr, op: &BinOp) -> Error {
    let (text, part, op) = (side.to_token_stream(), part(side, "0"), op.to_token_stream());
    let message = format!(
        "`{text}` has several numbers, and `{op}` takes one: `{part}` is one of them, and `dot(x, y)` the sum of products"
    );
    Error::new_spanned(side, message)
}

/// Says that an argument of the distribution `of` is a vector where it takes a number.
pub fn no_number(argument: &Expr, of: &Builtin, at: usize) -> Error {
    let (text, part) = (argument.to_token_stream(), part(argument, "i"));
    let (name, place) = (of.name, of.arguments[at]);
    Error::new_spanned(
        argument,
        format!(
            "`{text}` has several numbers, and the {place} of `{name}` is one: where each number of a vector has its own, write \
             `x[i in 0..3] ~ {name}(..)` with `{part}`"
        ),
    )
}

/// Writes a number of the vector `of`.
fn part(of: &Expr, index: &str) -> String {
    let text = of.to_token_stream();
    match of {
        Expr::Path(_) | Expr::Array(_) | Expr::Index(_) => format!("{text}[{index}]"),
        _ => format!("({text})[{index}]"),
    }
}

/// Says that `^` is no power.
pub fn no_power(binary: &ExprBinary) -> Error {
    let (base, power) = (binary.left.to_token_stream(), binary.right.to_token_stream());
    let message =
        format!("`^` is no power in Rust: write `({base}).powi({power})`, or `.powf(..)` if that is no whole number");
    Error::new_spanned(binary.op, message)
}

/// Says that `expr` is a number where a whole one is needed.
pub fn whole(expr: &Expr) -> Error {
    let text = expr.to_token_stream();
    Error::new_spanned(
        expr,
        format!(
            "`{text}` is a number with derivatives here, as counts are: where a whole one is needed, a covariate is `given k: usize;` \
             and a local a `Categorical`"
        ),
    )
}

//! What is wrong with an expression of numbers, in words.

use quote::ToTokens;
use syn::{BinOp, Error, Expr, ExprBinary};

use crate::builtin::{self, Builtin};
use crate::value::Value;

/// Says that a side of `op` is a vector.
pub fn no_arithmetic(side: &Expr, op: &BinOp) -> Error {
    let (text, part, op) = (side.to_token_stream(), part(side, "0"), op.to_token_stream());
    let message = format!(
        "`{text}` has several numbers, and `{op}` takes one: `{part}` is one of them, and `dot(x, y)` the sum of products"
    );
    Error::new_spanned(side, message)
}

/// Says what is wrong with the argument number `at` of the distribution `of`, with its value; `None` if nothing is.
pub fn wrong_argument(argument: &Expr, value: &Value, of: &Builtin, at: usize) -> Option<Error> {
    let call = if let Expr::Call(call) = argument { Some(call) } else { None };
    let is_distribution = call.is_some_and(|call| builtin::of(call).is_some());
    let (is_vector, is_number) = (matches!(value, Value::Array { .. }), matches!(value, Value::Real));
    if of.takes_a_number(at) {
        return match (is_distribution, is_vector) {
            (true, _) => Some(distribution_as_number(argument, of, at)),
            (_, true) => Some(no_number(argument, of, at)),
            _ => None,
        };
    }
    // A call may be of a distribution of the user's.
    let is_plain = call.is_none() && (matches!(argument, Expr::Lit(_)) || is_vector || is_number);
    (of.takes_a_distribution(at) && is_plain).then(|| no_distribution(argument, of))
}

/// Says that an argument of the distribution `of` is a vector where it takes a number.
fn no_number(argument: &Expr, of: &Builtin, at: usize) -> Error {
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

/// Says that an argument of the distribution `of` is a distribution where it takes a number.
fn distribution_as_number(argument: &Expr, of: &Builtin, at: usize) -> Error {
    let (text, place, signature) = (argument.to_token_stream(), of.arguments[at], of.signature());
    let name = of.name;
    Error::new_spanned(
        argument,
        format!(
            "`{text}` is a distribution, and the {place} of `{name}` is a number: the arguments are `{signature}`, and a number that is \
             drawn is a variable of its own, `global {place} ~ {text};`"
        ),
    )
}

/// Says that an argument of the distribution `of` is a number where it takes a distribution.
fn no_distribution(argument: &Expr, of: &Builtin) -> Error {
    let (text, signature, name) = (argument.to_token_stream(), of.signature(), of.name);
    Error::new_spanned(
        argument,
        format!("`{text}` is no distribution, and `{name}` takes one here: the arguments are `{signature}`"),
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

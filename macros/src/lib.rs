//! The `model!` macro of hierarch: parse, check, lower, emit. A model is an `ast` as it is written, and a `tree` by what it means.

mod any_length;
mod ast;
mod builtin;
mod chain;
mod check;
mod definition;
mod discrete;
mod eliminate;
mod elsewhere;
mod emit;
mod expand;
mod explicit;
mod field;
mod flat;
mod float;
mod generative;
mod habits;
mod kind;
mod linear;
mod lower;
mod missing;
mod named;
mod names;
mod nearest;
mod numbers;
mod open;
mod parametrisation;
mod parse;
mod predictor;
mod quantity;
mod reads;
mod sequence;
mod solvers;
mod source;
mod split;
mod sums;
mod tree;
mod value;
mod wrong_numbers;

use proc_macro::TokenStream;

/// Declares a hierarchical model; see the documentation of `hierarch::model!`.
#[proc_macro]
pub fn model(input: TokenStream) -> TokenStream {
    expand::expand(input.into()).into()
}

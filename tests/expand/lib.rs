//! The modules of `macros/`: what a crate of macros has, nothing but the compiler can call.

#![allow(missing_docs)]

#[path = "../../macros/src/any_length.rs"]
mod any_length;
#[path = "../../macros/src/ast.rs"]
mod ast;
#[path = "../../macros/src/builtin.rs"]
mod builtin;
#[path = "../../macros/src/chain.rs"]
mod chain;
#[path = "../../macros/src/check/mod.rs"]
mod check;
#[path = "../../macros/src/definition.rs"]
mod definition;
#[path = "../../macros/src/discrete.rs"]
mod discrete;
#[path = "../../macros/src/eliminate.rs"]
mod eliminate;
#[path = "../../macros/src/elsewhere.rs"]
mod elsewhere;
#[path = "../../macros/src/emit/mod.rs"]
mod emit;
#[path = "../../macros/src/expand.rs"]
mod expand;
#[path = "../../macros/src/explicit.rs"]
mod explicit;
#[path = "../../macros/src/field.rs"]
mod field;
#[path = "../../macros/src/flat.rs"]
mod flat;
#[path = "../../macros/src/float.rs"]
mod float;
#[path = "../../macros/src/generative.rs"]
mod generative;
#[path = "../../macros/src/habits.rs"]
mod habits;
#[path = "../../macros/src/kind.rs"]
mod kind;
#[path = "../../macros/src/linear/mod.rs"]
mod linear;
#[path = "../../macros/src/lower.rs"]
mod lower;
#[path = "../../macros/src/missing.rs"]
mod missing;
#[path = "../../macros/src/named.rs"]
mod named;
#[path = "../../macros/src/names.rs"]
mod names;
#[path = "../../macros/src/nearest.rs"]
mod nearest;
#[path = "../../macros/src/numbers.rs"]
mod numbers;
#[path = "../../macros/src/open.rs"]
mod open;
#[path = "../../macros/src/parametrisation.rs"]
mod parametrisation;
#[path = "../../macros/src/parse.rs"]
mod parse;
#[path = "../../macros/src/predictor.rs"]
mod predictor;
#[path = "../../macros/src/quantity.rs"]
mod quantity;
#[path = "../../macros/src/reads.rs"]
mod reads;
#[path = "../../macros/src/sequence.rs"]
mod sequence;
#[path = "../../macros/src/solvers.rs"]
mod solvers;
#[path = "../../macros/src/source.rs"]
mod source;
#[path = "../../macros/src/split.rs"]
mod split;
#[path = "../../macros/src/sums.rs"]
mod sums;
#[path = "../../macros/src/tree.rs"]
mod tree;
#[path = "../../macros/src/value.rs"]
mod value;
#[path = "../../macros/src/wrong_numbers.rs"]
mod wrong_numbers;

pub use expand::expand;

//! The `model!` macro of hierarch: parse, check, lower, emit. A model is an `ast` as it is written, and a `tree` by what it means.

mod ast;
mod builtin;
mod check;
mod definition;
mod elsewhere;
mod emit;
mod explicit;
mod float;
mod kind;
mod lower;
mod names;
mod nearest;
mod numbers;
mod parse;
mod reads;
mod source;
mod tree;
mod value;

use proc_macro::TokenStream;

/// Declares a hierarchical model; see the documentation of `hierarch::model!`.
#[proc_macro]
pub fn model(input: TokenStream) -> TokenStream {
    let model = match syn::parse::<ast::Model>(input) {
        Ok(model) => model,
        Err(error) => return error.into_compile_error().into(),
    };
    let found = check::check(&model).err();
    let (tree, of_numbers) = lower::lower(model);
    let mistakes = found.into_iter().chain(of_numbers).reduce(|mut all, next| {
        all.combine(next);
        all
    });
    match mistakes {
        None => emit::emit(&tree).into(),
        Some(mistakes) => {
            let mut mistakes = mistakes.into_compile_error();
            mistakes.extend(emit::stub::emit(tree));
            mistakes.into()
        }
    }
}

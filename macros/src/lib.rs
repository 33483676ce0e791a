//! The `model!` macro of hierarch: parse, check, lower, emit. A model is an `ast` as it is written, and a `tree` by what it means.

mod ast;
mod builtin;
mod check;
mod definition;
mod emit;
mod explicit;
mod kind;
mod lower;
mod names;
mod nearest;
mod parse;
mod reads;
mod source;
mod tree;

use proc_macro::TokenStream;

/// Declares a hierarchical model; see the documentation of `hierarch::model!`.
#[proc_macro]
pub fn model(input: TokenStream) -> TokenStream {
    let model = match syn::parse::<ast::Model>(input) {
        Ok(model) => model,
        Err(error) => return error.into_compile_error().into(),
    };
    let mistakes = check::check(&model).err().map(syn::Error::into_compile_error);
    let tree = lower::lower(model);
    match mistakes {
        None => emit::emit(&tree).into(),
        Some(mut mistakes) => {
            mistakes.extend(emit::stub::emit(tree));
            mistakes.into()
        }
    }
}

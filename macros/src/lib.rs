//! The `model!` macro of hierarch: parse, check, lower, emit, one file for each pass.

mod ast;
mod builtin;
mod check;
mod emit;
mod explicit;
mod parse;
mod rewrite;
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
    let tree = tree::Tree::new(model);
    match mistakes {
        None => emit::emit(&tree).into(),
        Some(mut mistakes) => {
            mistakes.extend(emit::stub::emit(tree));
            mistakes.into()
        }
    }
}

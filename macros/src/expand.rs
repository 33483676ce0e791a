//! The macro as an ordinary function, which also runs outside of a compiler.

use proc_macro2::TokenStream;

use crate::{ast, check, emit, lower};

/// Returns the code of a model, or its mistakes.
pub fn expand(input: TokenStream) -> TokenStream {
    let model = match syn::parse2::<ast::Model>(input) {
        Ok(model) => model,
        Err(error) => return error.into_compile_error(),
    };
    let mistakes = check::check(&model).err().map(syn::Error::into_compile_error);
    let tree = lower::lower(model);
    match mistakes {
        None => emit::emit(&tree),
        Some(mut mistakes) => {
            mistakes.extend(emit::stub::emit(tree));
            mistakes
        }
    }
}

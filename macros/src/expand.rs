//! The macro as an ordinary function, which also runs outside of a compiler.

use proc_macro2::TokenStream;
use syn::Error;

use crate::{ast, check, discrete, emit, flat, lower, missing, named, open, quantity, sequence, sums};

/// Returns the code of a model, or its mistakes.
pub fn expand(input: TokenStream) -> TokenStream {
    let mut model = match sums::write(input).and_then(syn::parse2::<ast::Model>) {
        Ok(model) => model,
        Err(error) => return error.into_compile_error(),
    };
    let of_names = named::resolve(&mut model);
    let of_sequences = sequence::resolve(&mut model);
    flat::write_bounds(&mut model.body);
    missing::mark(&mut model.body);
    let found = check::check(&model).err();
    // What is worked out of draws has no part in what makes them.
    let shown = quantity::any(&model.body).then(|| lower::lower(model.clone()));
    quantity::leave_out(&mut model.body);
    let (tree, of_numbers) = lower::lower(model);
    let (shown, of_numbers) = shown.map_or((None, of_numbers), |(shown, mistakes)| (Some(shown), mistakes));
    let of_sums = discrete::mistakes(&tree);
    let all = of_names.into_iter().chain(of_sequences).chain(found).chain(of_numbers).chain(of_sums);
    let mistakes = combined(all);
    // What is looked for last is not looked for in what has other mistakes.
    let mistakes = mistakes.or_else(|| combined(open::mistakes(&tree)));
    match mistakes {
        None => emit::emit(&tree, shown.as_ref().unwrap_or(&tree)),
        Some(mistakes) => {
            let mut mistakes = mistakes.into_compile_error();
            mistakes.extend(emit::stub::emit(tree));
            mistakes
        }
    }
}

fn combined(mistakes: impl IntoIterator<Item = Error>) -> Option<Error> {
    mistakes.into_iter().reduce(|mut all, next| {
        all.combine(next);
        all
    })
}

//! From the lowered model to Rust: its types, and the implementations of the library's traits for them.

mod clash;
mod density;
mod draw;
mod handles;
mod specification;
pub mod stub;
mod types;
mod walk;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::ast::Role;
use crate::explicit::explicit;
use crate::rewrite::{Lift, bound};
use crate::tree::{Definition, Kind, Plate, Tree, Variable, pattern, plates};

/// Everything that one `model!` stands for.
pub fn emit(tree: &Tree) -> TokenStream {
    let (types, handles, clash) = (types::emit(tree), handles::emit(tree), clash::emit(tree));
    let name = &tree.name;
    let names = Names::new(tree);
    let (globals, locals, data) = (&names.globals, &names.locals, &names.data);
    let specification = specification::emit(tree);
    let draw = draw::emit(tree);
    let walk = walk::emit(tree);
    let dimension = density::dimension(tree);
    let density = density(tree);
    quote! {
        #types

        #handles

        #clash

        #[automatically_derived]
        #[allow(unused_variables, unused_mut, unused_parens, unused_braces, clippy::all)]
        impl ::hierarch::model::Model for #name {
            type Globals = #globals;
            type Locals = #locals;
            type Data = #data;
            #specification
            #draw
            #walk
            #dimension
        }

        #density
    }
}

/// The implementations of `Explicit`, and of `Likelihood` where nothing is left out of it.
fn density(tree: &Tree) -> TokenStream {
    let name = &tree.name;
    let explicit = match if tree.implicit { explicit(tree) } else { Ok(tree.clone()) } {
        Ok(tree) => density::emit(&tree),
        Err(why) => return no_density(name, &why),
    };
    let likelihood = (!tree.implicit).then(|| {
        quote! {
            #[automatically_derived]
            impl ::hierarch::model::Likelihood for #name {}
        }
    });
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, unused_mut, unused_parens, unused_braces, non_upper_case_globals, clippy::all)]
        impl ::hierarch::model::Explicit for #name { #explicit }

        #likelihood
    }
}

/// Tells whoever asks for a density why there is none: `Explicit` hangs on a trait of the model's own that nothing implements
/// and whose message is the reason. A bound that never holds is an error where it stands unless a lifetime is left open in
/// it, and the compiler gives its message only where the type is not that of `Explicit`: hence a tuple.
fn no_density(name: &Ident, why: &str) -> TokenStream {
    quote! {
        const _: () = {
            #[doc(hidden)]
            #[diagnostic::on_unimplemented(message = #why, label = "no such density")]
            pub trait Density {
                fn log_density(&self) -> f64;
            }

            #[automatically_derived]
            impl ::hierarch::model::Explicit for #name
            where
                for<'a> (&'a #name,): Density,
            {
                fn log_density_lanes<V: ::hierarch::autodiff::Lanes>(
                    &self,
                    _: &Self::Data,
                    _: &[f64],
                    _: &mut [f64],
                    _: &mut ::hierarch::model::Scratch,
                    _: ::hierarch::model::DensityPart,
                ) -> f64 {
                    (self,).log_density()
                }
            }
        };
    }
}

/// The names of the generated types.
pub struct Names {
    pub globals: Ident,
    pub locals: Ident,
    pub data: Ident,
}

impl Names {
    pub fn new(tree: &Tree) -> Self {
        let name = &tree.name;
        Self {
            globals: format_ident!("{name}Globals"),
            locals: format_ident!("{name}Locals"),
            data: format_ident!("{name}Data"),
        }
    }
}

/// `ResonanceEvents`, the columns of the plate `events` in the data.
pub fn plate_data(tree: &Tree, plate: &Plate) -> Ident {
    format_ident!("{}{}", tree.name, camel(&plate.name))
}

/// `ResonanceEventsLocals`, its latent columns.
pub fn plate_locals(tree: &Tree, plate: &Plate) -> Ident {
    format_ident!("{}{}Locals", tree.name, camel(&plate.name))
}

fn camel(name: &Ident) -> String {
    let text = name.to_string();
    let words = text.trim_start_matches("r#").split('_');
    words
        .map(|w| {
            let mut letters = w.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

/// An identifier of the generated code, which no user's name can meet.
pub fn hidden(text: &str) -> Ident {
    Ident::new(&format!("__{text}"), Span::mixed_site())
}

/// The tokens that `f` makes of the distribution; where it is a choice, of each, behind the same choice.
pub fn choose(definition: &Definition, lift: &Lift, f: &dyn Fn(TokenStream) -> TokenStream) -> TokenStream {
    match definition {
        Definition::Distribution(call) | Definition::Implicit(call) => f(lift.construct(call)),
        Definition::If { condition, yes, no } => {
            let condition = lift.expr(condition);
            let (yes, no) = (choose(yes, lift, f), choose(no, lift, f));
            quote!(if #condition { #yes } else { #no })
        }
        Definition::Match { value, arms } => {
            let value = lift.expr(value);
            let arms = arms.iter().map(|(arm, definition)| {
                let (pat, guard) = pattern(arm);
                let guard = guard.map(|g| {
                    let guard = lift.expr(g);
                    quote!(if #guard)
                });
                let body = choose(definition, lift, f);
                quote!(#pat #guard => { #body })
            });
            quote!(match #value { #(#arms)* })
        }
    }
}

/// The tokens that `f` makes of every distribution that may be chosen; none where one of them needs what a pattern binds.
pub fn each(definition: &Definition, lift: &Lift, f: &dyn Fn(TokenStream) -> TokenStream) -> Vec<TokenStream> {
    fn calls(definition: &Definition) -> Option<Vec<&syn::ExprCall>> {
        match definition {
            Definition::Distribution(call) | Definition::Implicit(call) => Some(vec![call]),
            Definition::If { yes, no, .. } => Some([calls(yes)?, calls(no)?].concat()),
            Definition::Match { arms, .. } => {
                let arms = arms.iter().map(|(arm, d)| bound(pattern(arm).0).is_empty().then(|| calls(d))?);
                Some(arms.collect::<Option<Vec<_>>>()?.concat())
            }
        }
    }
    calls(definition).unwrap_or_default().into_iter().map(|call| f(lift.construct(call))).collect()
}

/// A drawn number, or vector of numbers, as the value that the rest of the model sees: `bool` and `usize` to branch on and
/// index with, and numbers otherwise.
pub fn seen(variable: &Variable, drawn: TokenStream) -> TokenStream {
    let one = |x: TokenStream| match variable.kind {
        Kind::Bool => quote!((#x) != 0.0),
        Kind::Category => quote!((#x) as usize),
        Kind::Real | Kind::Count | Kind::Pixels => x,
    };
    if variable.shape.is_some() && variable.kind.structural() {
        let inner = one(quote!(x));
        return quote!((#drawn).map(|x: f64| #inner));
    }
    one(drawn)
}

/// What is seen, as it stands in a column.
pub fn stored(variable: &Variable, seen: TokenStream) -> TokenStream {
    match (variable.kind, &variable.shape) {
        (Kind::Count, None) => quote!((#seen) as u64),
        (Kind::Count, Some(_)) => quote!((#seen).map(|x: f64| x as u64)),
        _ => seen,
    }
}

/// A value of a column as a number, or a vector of numbers.
pub fn number(variable: &Variable, stored: TokenStream) -> TokenStream {
    let one = |x: TokenStream| match variable.kind {
        Kind::Real => x,
        Kind::Count | Kind::Category | Kind::Pixels => quote!((#x) as f64),
        Kind::Bool => quote!((#x) as u8 as f64),
    };
    match (variable.kind, &variable.shape) {
        (Kind::Real, _) | (_, None) => one(stored),
        (kind, Some(_)) => {
            let ty = kind.rust();
            let inner = one(quote!(x));
            quote!((#stored).map(|x: #ty| #inner))
        }
    }
}

/// The place of a variable in errors.
pub fn place(variable: &Ident, plate: Option<&Plate>, element: TokenStream) -> TokenStream {
    let name = variable.to_string();
    let plate = match plate {
        None => quote!(::core::option::Option::None),
        Some(p) => {
            let name = p.name.to_string();
            quote!(::core::option::Option::Some((#name, #element)))
        }
    };
    quote!(::hierarch::model::Place { variable: #name, plate: #plate })
}

/// Binds the params for code that runs on a scalar: numbers become that scalar, everything else is borrowed.
pub fn bind_params(tree: &Tree, scalar: &TokenStream) -> TokenStream {
    let bindings = tree.params.iter().map(|p| {
        let (name, ty) = (&p.name, &p.ty);
        let plain = |ty: &syn::Type| match ty {
            syn::Type::Path(path) => path
                .path
                .get_ident()
                .is_some_and(|i| ["f64", "bool", "usize", "u64", "i64", "u32", "i32"].iter().any(|t| i == t)),
            _ => false,
        };
        let lifted = match ty {
            syn::Type::Array(array) => plain(&array.elem),
            ty => plain(ty),
        };
        if lifted {
            quote!(let #name = ::hierarch::autodiff::Lift::<#scalar>::lift(self.#name);)
        } else {
            quote!(let #name = &self.#name;)
        }
    });
    quote!(#(#bindings)*)
}

/// Every plate of some steps with those inside it, from the outside in, in the order of the declaration.
pub fn all_plates(steps: &[crate::tree::Step]) -> Vec<&Plate> {
    plates(steps).flat_map(|p| std::iter::once(p).chain(all_plates(&p.steps))).collect()
}

/// The field path of each plate that is in the data, from the data set: `counties.houses`.
pub fn data_path(tree: &Tree, plate: &Plate) -> TokenStream {
    fn find(steps: &[crate::tree::Step], name: &Ident) -> Option<Vec<Ident>> {
        plates(steps).find_map(|p| {
            if p.name == *name {
                return Some(vec![p.name.clone()]);
            }
            let mut path = vec![p.name.clone()];
            path.extend(find(&p.steps, name)?);
            Some(path)
        })
    }
    let path = find(&tree.root, &plate.name).unwrap_or_default();
    quote!(#(#path).*)
}

pub fn is_global(variable: &Variable) -> bool {
    matches!(variable.role, Role::Global | Role::Nuisance)
}

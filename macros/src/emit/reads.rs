//! Arrays that are read at a position which data, a discrete local or a vector's position gives: it may be outside of them.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprIndex};

use crate::definition::Definition;
use crate::names::{plain_indices, text, variables};
use crate::source::source;
use crate::tree::{Step, Tree};

/// One such read, for the error.
pub struct Read<'a> {
    pub tree: &'a Tree,
    pub index: &'a ExprIndex,
    /// What gives the position.
    pub by: &'a Ident,
    pub element: &'a dyn Fn(&str) -> TokenStream,
}

impl Read<'_> {
    pub fn emit(&self) -> TokenStream {
        let (variable, array) = (text(self.by), source(&self.index.expr));
        let read = source(&Expr::Index(self.index.clone()));
        let plate = self.tree.symbols.get(&self.by.to_string()).and_then(|symbol| symbol.plate.as_deref());
        let plate = match plate {
            None => quote!(::core::option::Option::None),
            Some(plate) => {
                let (name, element) = (plate.trim_start_matches("r#"), (self.element)(plate));
                quote!(::core::option::Option::Some((#name, #element)))
            }
        };
        quote! {
            ::hierarch::__private::Read {
                read: #read,
                array: #array,
                place: ::hierarch::__private::Place { variable: #variable, plate: #plate },
            }
        }
    }
}

/// Emits what notes the first read outside of an array.
pub fn note() -> TokenStream {
    quote!(let __reads = &::hierarch::__private::Reads::default();)
}

/// Emits the length of `array`; that of something else than an array is unknown, and taken as without end.
pub fn size(array: &TokenStream) -> TokenStream {
    quote!({
        use ::hierarch::model::{KnownSize as _, UnknownSize as _};
        (&&::hierarch::__private::Indexed(&#array)).size()
    })
}

/// Finds what gives the position `at`: data rather than something else of the model; `None` if nothing of the model is in it.
pub fn is_checked(tree: &Tree, at: &Expr) -> Option<Ident> {
    if matches!(at, Expr::Range(_) | Expr::Reference(_) | Expr::Array(_)) {
        return None;
    }
    let symbol = |name: &Ident| tree.symbols.get(&name.to_string());
    // What is read by index itself may be of another plate.
    let read: Vec<Ident> = plain_indices(at).into_iter().map(|(values, _)| values).collect();
    let names = variables(at).into_iter().filter(|n| !read.contains(n));
    let names = names.filter(|n| symbol(n).is_some() || tree.positions.contains(&n.to_string()));
    let is_data = |name: &Ident| symbol(name).is_some_and(|s| s.role.is_some_and(|role| !role.latent()));
    let (data, other): (Vec<Ident>, Vec<Ident>) = names.partition(is_data);
    data.into_iter().chain(other).next()
}

/// Finds what is indexed, and how many times.
pub fn root(index: &ExprIndex) -> (&Expr, usize) {
    match &*index.expr {
        Expr::Index(inner) => {
            let (array, depth) = root(inner);
            (array, depth + 1)
        }
        array => (array, 1),
    }
}

/// Emits a position, by what `lift` makes of the parts of `at`. Where it would be below zero it wraps around, and is outside of
/// every array.
pub fn position(at: &Expr, lift: &dyn Fn(&Expr) -> TokenStream) -> TokenStream {
    match at {
        Expr::Paren(paren) => position(&paren.expr, lift),
        Expr::Binary(binary) => {
            let (a, b) = (position(&binary.left, lift), position(&binary.right, lift));
            match binary.op {
                BinOp::Add(_) => quote!(usize::wrapping_add(#a, #b)),
                BinOp::Sub(_) => quote!(usize::wrapping_sub(#a, #b)),
                BinOp::Mul(_) => quote!(usize::wrapping_mul(#a, #b)),
                _ => lift(at),
            }
        }
        _ => lift(at),
    }
}

/// Tells whether an array is read among `steps` at a position that may be outside of it, by a name that is `wanted`.
pub fn any(tree: &Tree, steps: &[&Step], wanted: &dyn Fn(&Ident) -> bool) -> bool {
    struct Reads<'a>(&'a dyn Fn(&Expr) -> bool, bool);
    impl<'ast> Visit<'ast> for Reads<'_> {
        fn visit_expr_index(&mut self, index: &'ast ExprIndex) {
            self.1 |= self.0(&index.index);
            visit::visit_expr_index(self, index);
        }
    }
    let is_read = |at: &Expr| is_checked(tree, at).is_some() && variables(at).iter().any(wanted);
    let mut reads = Reads(&is_read, false);
    for step in steps {
        match step {
            Step::Variable(v) => {
                let all = v.definition.iter().flat_map(Definition::expressions);
                all.for_each(|expr| reads.visit_expr(expr));
            }
            Step::Let { expr, .. } | Step::Factor(expr) => reads.visit_expr(expr),
            Step::Lag(lag) => lag.initial().into_iter().for_each(|expr| reads.visit_expr(expr)),
            Step::Plate(p) => reads.1 |= any(tree, &p.steps.iter().collect::<Vec<_>>(), wanted),
        }
    }
    reads.1
}

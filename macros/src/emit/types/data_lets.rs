//! `data let center = mean(x);`: a field of the model that is worked out of columns of the data.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::visit_mut::{VisitMut, visit_expr_mut};
use syn::{Expr, parse_quote};

use crate::ast::Param;
use crate::emit::names::data_path;
use crate::names::{text, variables as names_in};
use crate::tree::{Tree, Variable, all_plates, variables};

/// Functions of one column that are words of the language.
const OF_COLUMN: [&str; 5] = ["mean", "sd", "sum", "min", "max"];

/// Tells whether the model has one.
pub fn any(tree: &Tree) -> bool {
    tree.params.iter().any(|p| p.of_data.is_some())
}

/// Finds where in the data the variable called `name` stands; `None` if they have none.
fn column(tree: &Tree, name: &Ident) -> Option<TokenStream> {
    let of = |v: &Variable| v.in_data() && v.name == *name;
    if variables(&tree.root).any(of) {
        return Some(quote!(#name));
    }
    let plate = all_plates(&tree.root).into_iter().find(|plate| plate.variables().any(of))?;
    let path = data_path(tree, plate);
    Some(quote!(#path.#name))
}

/// Emits what binds the columns that are read.
pub fn columns(tree: &Tree) -> TokenStream {
    let mut names: Vec<Ident> = tree.params.iter().filter_map(|p| p.of_data.as_ref()).flat_map(names_in).collect();
    names.sort();
    names.dedup();
    let one = |name: &Ident| column(tree, name).map(|column| quote!(let #name = &__data.#column;));
    names.iter().filter_map(one).collect()
}

/// Emits what binds the field `param`, which `expr` works out.
pub fn value(tree: &Tree, param: &Param, expr: &Expr) -> TokenStream {
    let (name, ty, mut expr) = (&param.name, &param.ty, expr.clone());
    Words(tree).visit_expr_mut(&mut expr);
    let number: syn::Type = parse_quote!(f64);
    if *ty != number {
        return quote!(let #name: #ty = #expr;);
    }
    let text = text(name);
    quote!(let #name: #ty = ::hierarch::__private::kept(#text, #expr)?;)
}

/// Makes the words of the language in code functions of the library.
struct Words<'a>(&'a Tree);

impl VisitMut for Words<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_expr_mut(self, expr);
        let Expr::Call(call) = expr else { return };
        let (Expr::Path(function), Some(Expr::Path(of)), 1) = (&*call.func, call.args.first(), call.args.len()) else {
            return;
        };
        let (Some(word), Some(of)) = (function.path.get_ident(), of.path.get_ident()) else { return };
        if OF_COLUMN.iter().any(|known| word == known) && column(self.0, of).is_some() {
            *expr = parse_quote!(::hierarch::__private::columns::#word(#of));
        }
    }
}

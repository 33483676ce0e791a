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

/// Finds the variable of the data called `name`, and where it stands in them.
fn column<'a>(tree: &'a Tree, name: &Ident) -> Option<(&'a Variable, TokenStream)> {
    let of = |v: &&Variable| v.in_data() && v.name == *name;
    let outside = variables(&tree.root).find(of).map(|v| (v, quote!()));
    outside.or_else(|| {
        all_plates(&tree.root).into_iter().find_map(|plate| {
            let path = data_path(tree, plate);
            plate.variables().find(of).map(|v| (v, quote!(#path.)))
        })
    })
}

/// Emits what binds the columns that are read.
pub fn columns(tree: &Tree) -> TokenStream {
    let mut names: Vec<Ident> = tree.params.iter().filter_map(|p| p.of_data.as_ref()).flat_map(names_in).collect();
    names.sort();
    names.dedup();
    let one = |name: &Ident| column(tree, name).map(|(_, path)| quote!(let #name = &__data.#path #name;));
    names.iter().filter_map(one).collect()
}

/// Emits what binds the field `param`, which `expr` works out.
pub fn value(tree: &Tree, param: &Param, expr: &Expr) -> TokenStream {
    let (name, ty, mut expr) = (&param.name, &param.ty, expr.clone());
    Words(tree).visit_expr_mut(&mut expr);
    let number: syn::Type = parse_quote!(f64);
    let finite = (*ty == number).then(|| {
        let text = text(name);
        quote!(let #name = ::hierarch::__private::kept(#text, #name)?;)
    });
    quote!(let #name: #ty = #expr; #finite)
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

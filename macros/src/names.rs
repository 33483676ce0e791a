//! The names in a piece of code: which it mentions, which are variables, which are read by index, and which a pattern binds.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit::Visit;
use syn::{Expr, ExprAssign, ExprCall, ExprField, ExprIndex, ExprPath, Pat, parse_quote};

use crate::solvers;

/// Writes `name` as a user reads it: one that is a word of Rust without its `r#`.
pub fn text(name: &Ident) -> String {
    name.unraw().to_string()
}

/// Tells whether `name` begins with a capital: where it is not declared, it is a constant, a type or a variant.
pub fn is_capital(name: &Ident) -> bool {
    name.to_string().starts_with(char::is_uppercase)
}

/// Lists every identifier in `tokens`, also inside macros: more than the variables, never less.
pub fn identifiers(tokens: &impl ToTokens) -> Vec<Ident> {
    fn collect(tokens: TokenStream, found: &mut Vec<Ident>) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => found.push(ident),
                TokenTree::Group(group) => collect(group.stream(), found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(tokens.to_token_stream(), &mut found);
    found
}

/// Lists the names that `pat` binds.
pub fn bound(pat: &Pat) -> Vec<Ident> {
    struct Bound(Vec<Ident>);
    impl<'a> Visit<'a> for Bound {
        fn visit_pat_ident(&mut self, pat: &'a syn::PatIdent) {
            self.0.push(pat.ident.clone());
            syn::visit::visit_pat_ident(self, pat);
        }
    }
    let mut found = Bound(Vec::new());
    found.visit_pat(pat);
    found.0
}

/// Lists the names in `expr` that stand for values and that `expr` does not bind: variables, and constants in capitals.
pub fn variables(expr: &Expr) -> Vec<Ident> {
    struct Names {
        found: Vec<Ident>,
        bound: HashSet<String>,
    }
    impl<'a> Visit<'a> for Names {
        fn visit_expr_path(&mut self, path: &'a ExprPath) {
            if let Some(name) = path.path.get_ident()
                && name != "self"
            {
                self.found.push(name.clone());
            }
        }
        fn visit_expr_call(&mut self, call: &'a ExprCall) {
            // The function itself is no variable.
            if !matches!(&*call.func, Expr::Path(_)) {
                self.visit_expr(&call.func);
            }
            // Nor is one that a solver is handed.
            let handed = solvers::of(call).is_some() && matches!(call.args.first(), Some(Expr::Path(_)));
            call.args.iter().skip(usize::from(handed)).for_each(|a| self.visit_expr(a));
        }
        fn visit_expr_assign(&mut self, assign: &'a ExprAssign) {
            // What is assigned to is bound where it stands.
            self.visit_expr(&assign.right);
        }
        fn visit_pat(&mut self, pat: &'a Pat) {
            self.bound.extend(bound(pat).iter().map(Ident::to_string));
            syn::visit::visit_pat(self, pat);
        }
    }
    let mut names = Names { found: Vec::new(), bound: HashSet::new() };
    names.visit_expr(expr);
    names.found.retain(|name| !names.bound.contains(&name.to_string()));
    names.found
}

/// Takes `values[index]` apart into (values, index); `None` if either is more than a name.
pub fn plain_index(expr: &ExprIndex) -> Option<(&Ident, &Ident)> {
    let (Expr::Path(values), Expr::Path(index)) = (&*expr.expr, &*expr.index) else { return None };
    Some((values.path.get_ident()?, index.path.get_ident()?))
}

/// Lists (values, index) of every `values[index]` in `expr` where both are names.
pub fn plain_indices(expr: &Expr) -> Vec<(Ident, Ident)> {
    struct Indices(Vec<(Ident, Ident)>);
    impl<'a> Visit<'a> for Indices {
        fn visit_expr_index(&mut self, index: &'a ExprIndex) {
            if let Some((values, position)) = plain_index(index) {
                self.0.push((values.clone(), position.clone()));
            }
            syn::visit::visit_expr_index(self, index);
        }
    }
    let mut found = Indices(Vec::new());
    found.visit_expr(expr);
    found.0
}

/// Lists (values, index) of every part of a `values[index]` that `expr` takes: `values[index][0]` or `values[index].0`.
pub fn parts_of_indices(expr: &Expr) -> Vec<(Ident, Ident)> {
    struct Parts(Vec<(Ident, Ident)>);
    impl Parts {
        fn see(&mut self, base: &Expr) {
            if let Expr::Index(index) = base
                && let Some((values, position)) = plain_index(index)
            {
                self.0.push((values.clone(), position.clone()));
            }
        }
    }
    impl<'a> Visit<'a> for Parts {
        fn visit_expr_index(&mut self, index: &'a ExprIndex) {
            self.see(&index.expr);
            syn::visit::visit_expr_index(self, index);
        }
        fn visit_expr_field(&mut self, field: &'a ExprField) {
            self.see(&field.base);
            syn::visit::visit_expr_field(self, field);
        }
    }
    let mut found = Parts(Vec::new());
    found.visit_expr(expr);
    found.0
}

/// Tells whether `call` is `dot(a, b)`, as it is written or as it is emitted.
pub fn is_dot(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let is_ours = |name: &Ident| name == "inner_product" || name == "open_product";
    let emitted = path.path.segments.last().is_some_and(|s| is_ours(&s.ident)) && path.path.segments.len() == 3;
    call.args.len() == 2 && (path.path.is_ident("dot") || emitted)
}

/// Writes a borrow of `expr`: of a product, `diag(tau) * factor`, the whole.
pub fn borrowed(expr: &Expr) -> Expr {
    match expr {
        Expr::Binary(_) => parse_quote!(&(#expr)),
        _ => parse_quote!(&#expr),
    }
}

/// Finds the function of the library that `function` names, for vectors of any length if they are `open`; `None` if it names another.
pub fn of_matrices(function: &Expr, open: bool) -> Option<Expr> {
    let Expr::Path(path) = function else { return None };
    let name = path.path.get_ident()?.to_string();
    match (name.as_str(), open) {
        ("diag", true) => Some(parse_quote!(::hierarch::__private::open_diag)),
        ("diag", false) => Some(parse_quote!(::hierarch::autodiff::diag)),
        ("matvec", true) => Some(parse_quote!(::hierarch::__private::open_matvec)),
        ("matvec", false) => Some(parse_quote!(::hierarch::autodiff::matvec)),
        _ => None,
    }
}

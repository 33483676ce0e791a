//! What user expressions mention, and what they become where they run.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Expr, ExprCall, ExprCast, ExprIndex, ExprPath, Lit, Pat, UnOp};

use crate::builtin;

/// Every identifier in some tokens, also inside macros: more than the variables, never less.
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

/// The names that a pattern binds.
pub fn bound(pat: &Pat) -> Vec<Ident> {
    struct Bound(Vec<Ident>);
    impl<'a> Visit<'a> for Bound {
        fn visit_pat_ident(&mut self, pat: &'a syn::PatIdent) {
            // A single capitalised word is a constant or a variant.
            if !pat.ident.to_string().starts_with(char::is_uppercase) {
                self.0.push(pat.ident.clone());
            }
            syn::visit::visit_pat_ident(self, pat);
        }
    }
    let mut found = Bound(Vec::new());
    found.visit_pat(pat);
    found.0
}

/// The lower-case names that stand for values in an expression and are not bound by it: variables of the model.
pub fn variables(expr: &Expr) -> Vec<Ident> {
    struct Names {
        found: Vec<Ident>,
        bound: HashSet<String>,
    }
    impl<'a> Visit<'a> for Names {
        fn visit_expr_path(&mut self, path: &'a ExprPath) {
            if let Some(name) = path.path.get_ident()
                && !name.to_string().starts_with(char::is_uppercase)
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
            call.args.iter().for_each(|a| self.visit_expr(a));
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

/// `values[index]` with both plain names: (values, index).
pub fn plain_index(expr: &ExprIndex) -> Option<(&Ident, &Ident)> {
    let (Expr::Path(values), Expr::Path(index)) = (&*expr.expr, &*expr.index) else { return None };
    Some((values.path.get_ident()?, index.path.get_ident()?))
}

/// Every `values[index]` with both plain names in an expression.
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

/// Makes an expression run on another scalar than `f64`: float literals, constants and `as f64` become that scalar.
pub struct Lift<'a> {
    /// The scalar's type.
    pub scalar: &'a TokenStream,
    /// What stands for `values[index]`, where that is no plain indexing.
    pub index: &'a dyn Fn(&Ident, &Ident) -> Option<TokenStream>,
}

impl Lift<'_> {
    pub fn expr(&self, expr: &Expr) -> TokenStream {
        let mut expr = expr.clone();
        LiftVisitor(self).visit_expr_mut(&mut expr);
        expr.to_token_stream()
    }

    /// An argument of a distribution: `0` counts as `0.0` there, and a distribution may stand inside (`Truncated(Normal(..), ..)`).
    pub fn argument(&self, expr: &Expr) -> TokenStream {
        let scalar = self.scalar;
        match expr {
            Expr::Lit(lit) if matches!(lit.lit, Lit::Int(_)) => {
                quote!(<#scalar as ::core::convert::From<f64>>::from(#lit as f64))
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) && is_number(&unary.expr) => {
                let inner = self.argument(&unary.expr);
                quote!((-#inner))
            }
            Expr::Array(array) => {
                let elements = array.elems.iter().map(|e| self.argument(e));
                quote!([#(#elements),*])
            }
            Expr::Call(call) if constructor(call).is_some() => self.construct(call),
            other => self.expr(other),
        }
    }

    /// The distribution that `Name(arguments)` or `Name::constructor(arguments)` stands for.
    pub fn construct(&self, call: &ExprCall) -> TokenStream {
        let function = constructor(call).unwrap_or_else(|| call.func.to_token_stream());
        let arguments = call.args.iter().map(|a| self.argument(a));
        quote!(#function(#(#arguments),*))
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(lit) if matches!(lit.lit, Lit::Int(_) | Lit::Float(_)))
}

/// The function that makes the distribution in a call whose name starts with a capital: `Name` stands for `Name::new`.
/// The library's own names win over what else is in scope, since rand_distr and statrs have types of the same names.
fn constructor(call: &ExprCall) -> Option<TokenStream> {
    let Expr::Path(path) = &*call.func else { return None };
    let last = path.path.segments.last()?.ident.clone();
    if !last.to_string().starts_with(char::is_uppercase) || ["Some", "Ok", "Err"].iter().any(|w| last == w) {
        return None;
    }
    if path.path.get_ident().is_some() && builtin::find(&last.to_string()).is_some() {
        return Some(quote!(::hierarch::distributions::#last::new));
    }
    // A misspelt name of the library's: the compiler finds the right one where it is in scope.
    if path.path.get_ident().is_some() && builtin::nearest(&last.to_string(), builtin::names()).is_some() {
        return Some(quote!({
            #[allow(unused_imports)]
            use ::hierarch::distributions::*;
            #path::new
        }));
    }
    Some(quote!(#path::new))
}

struct LiftVisitor<'a, 'b>(&'a Lift<'b>);

impl VisitMut for LiftVisitor<'_, '_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let scalar = self.0.scalar;
        match expr {
            Expr::Lit(lit) if matches!(lit.lit, Lit::Float(_)) => {
                *expr = Expr::Verbatim(quote!(<#scalar as ::core::convert::From<f64>>::from(#lit)));
            }
            Expr::Cast(ExprCast { ty, .. }) if is_f64(ty) => {
                syn::visit_mut::visit_expr_mut(self, expr);
                *expr = Expr::Verbatim(quote!(<#scalar as ::core::convert::From<f64>>::from(#expr)));
            }
            Expr::Path(path) if is_constant(path) => {
                *expr = Expr::Verbatim(quote!(::hierarch::autodiff::Lift::<#scalar>::lift(#path)));
            }
            Expr::Index(index) => {
                if let Some(other) = plain_index(index).and_then(|(values, at)| (self.0.index)(values, at)) {
                    *expr = Expr::Verbatim(other);
                } else {
                    syn::visit_mut::visit_expr_mut(self, expr);
                }
            }
            // A constant that is called, or whose field is read, is no number.
            Expr::Call(ExprCall { func, args, .. }) if matches!(&**func, Expr::Path(_)) => {
                args.iter_mut().for_each(|a| self.visit_expr_mut(a));
            }
            Expr::Field(field) if matches!(&*field.base, Expr::Path(_)) => {}
            _ => syn::visit_mut::visit_expr_mut(self, expr),
        }
    }

    // Literals of patterns are compared, not computed with.
    fn visit_pat_mut(&mut self, _: &mut Pat) {}
}

fn is_f64(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.is_ident("f64"))
}

/// Whether a path ends in a name in capitals, such as `LIMIT` or `std::f64::consts::PI`.
fn is_constant(path: &ExprPath) -> bool {
    path.path.segments.last().is_some_and(|segment| {
        let name = segment.ident.to_string();
        name.len() > 1
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_uppercase())
    })
}

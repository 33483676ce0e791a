//! What an expression of the user becomes where it runs on another scalar than `f64`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::visit_mut::VisitMut;
use syn::{Expr, ExprCall, ExprCast, ExprPath, Lit, Pat, UnOp};

use crate::builtin;
use crate::names::plain_index;
use crate::nearest::nearest;

/// Makes an expression run on another scalar: float literals, constants and `as f64` become that scalar.
pub struct Lift<'a> {
    /// The scalar's type.
    pub scalar: &'a TokenStream,
    /// What stands for `values[index]`; `None` if that is indexing as in any Rust.
    pub index: &'a dyn Fn(&Ident, &Ident) -> Option<TokenStream>,
}

impl Lift<'_> {
    /// Lifts the whole of `expr`.
    pub fn expr(&self, expr: &Expr) -> TokenStream {
        let mut expr = expr.clone();
        LiftVisitor(self).visit_expr_mut(&mut expr);
        expr.to_token_stream()
    }

    /// Lifts an argument of a distribution: `0` counts as `0.0` there, and a distribution may stand inside, as in
    /// `Truncated(Normal(..), ..)`.
    fn argument(&self, expr: &Expr) -> TokenStream {
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

    /// Constructs the distribution that `Name(arguments)` or `Name::constructor(arguments)` stands for.
    pub fn construct(&self, call: &ExprCall) -> TokenStream {
        let function = constructor(call).unwrap_or_else(|| call.func.to_token_stream());
        let arguments = call.args.iter().map(|a| self.argument(a));
        quote!(#function(#(#arguments),*))
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(lit) if matches!(lit.lit, Lit::Int(_) | Lit::Float(_)))
}

/// Names the function that makes the distribution of `call`: `Name` stands for `Name::new`. `None` if `call` is of something
/// else. The library's own names win over what else is in scope, since rand_distr and statrs have types of the same names.
fn constructor(call: &ExprCall) -> Option<TokenStream> {
    let Expr::Path(path) = &*call.func else { return None };
    let last = path.path.segments.last()?.ident.clone();
    if !last.to_string().starts_with(char::is_uppercase) || ["Some", "Ok", "Err"].iter().any(|w| last == w) {
        return None;
    }
    if builtin::of(call).is_some() {
        return Some(quote!(::hierarch::distributions::#last::new));
    }
    // A misspelt name of the library's: the compiler finds the right one where it is in scope.
    if path.path.get_ident().is_some() && nearest(&last.to_string(), builtin::names()).is_some() {
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
                *expr = Expr::Verbatim(quote!(::hierarch::__private::Lift::<#scalar>::lift(#path)));
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

/// Tells whether a path ends in a name in capitals, such as `LIMIT` or `std::f64::consts::PI`.
fn is_constant(path: &ExprPath) -> bool {
    path.path.segments.last().is_some_and(|segment| {
        let name = segment.ident.to_string();
        name.len() > 1
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_uppercase())
    })
}

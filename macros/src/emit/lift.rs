//! What an expression of the user becomes where it runs on another scalar than `f64`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::visit_mut::VisitMut;
use syn::{Expr, ExprCall, ExprCast, ExprIndex, ExprPath, Lit, Pat, UnOp};

use super::reads::{Read, is_checked, position, root, size};
use super::reduce;
use crate::builtin;
use crate::elsewhere;
use crate::float::{is_of_real, of_float};
use crate::names::{is_dot, plain_index};
use crate::nearest::nearest;
use crate::sums;
use crate::tree::{Symbol, Tree};
use crate::value::Value;

/// Makes an expression run on another scalar: float literals, constants, functions of `f64` and `as f64` become that scalar.
pub struct Lift<'a> {
    pub tree: &'a Tree,
    /// The scalar's type.
    pub scalar: &'a TokenStream,
    /// What stands for `values[index]`; `None` if that is indexing as in any Rust.
    pub index: &'a dyn Fn(&Ident, &Ident) -> Option<TokenStream>,
    /// Whether the code runs beside other code of the same expressions, which says what is wrong with them.
    pub silent: bool,
    /// The element at hand of the named plate.
    pub element: &'a dyn Fn(&str) -> TokenStream,
}

impl Lift<'_> {
    /// Lifts the whole of `expr`.
    pub fn expr(&self, expr: &Expr) -> TokenStream {
        let mut expr = expr.clone();
        LiftVisitor(self).visit_expr_mut(&mut expr);
        expr.to_token_stream()
    }

    /// Lifts an argument of a distribution, of one of the library's if it is `known`: `0` counts as `0.0` there, and a distribution
    /// may stand inside, as in `Truncated(Normal(..), ..)`.
    fn argument(&self, expr: &Expr, known: bool) -> TokenStream {
        let scalar = self.scalar;
        match expr {
            // The number of a category, as of one that is the `n` of a `Binomial`.
            Expr::Path(path) if known && path.path.get_ident().is_some_and(|name| self.tree.is_category(name)) => {
                quote!(::hierarch::__private::Cast::<#scalar>::cast(#path))
            }
            // `3usize` says that it is no number to compute with.
            Expr::Lit(lit) if matches!(&lit.lit, Lit::Int(int) if int.suffix().is_empty()) => {
                quote!(<#scalar as ::core::convert::From<f64>>::from(#lit as f64))
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) && is_number(&unary.expr) => {
                let inner = self.argument(&unary.expr, known);
                quote!((-#inner))
            }
            Expr::Array(array) => {
                let elements = array.elems.iter().map(|e| self.argument(e, known));
                quote!([#(#elements),*])
            }
            Expr::Reference(reference) => {
                let inner = self.of_params(&reference.expr).unwrap_or_else(|| self.argument(&reference.expr, known));
                quote!(&#inner)
            }
            Expr::Call(call) if constructor(call, self.silent).is_some() => self.construct(call),
            // A matrix of the params, whole.
            Expr::Path(path) if self.plain(expr).is_some_and(|s| s.value.is_fixed()) => {
                quote!(::hierarch::__private::Lift::<#scalar>::lift(*#path))
            }
            other => self.expr(other),
        }
    }

    /// Lifts what is a matrix or a `Vec` of the params, or a row of one, which code borrows in plain numbers; `None` for all else.
    fn of_params(&self, expr: &Expr) -> Option<TokenStream> {
        let scalar = self.scalar;
        let (value, place) = match expr {
            Expr::Paren(paren) => return self.of_params(&paren.expr),
            Expr::Reference(reference) => return self.of_params(&reference.expr).map(|inner| quote!(&#inner)),
            Expr::Path(path) => (&self.plain(expr)?.value, quote!((*#path))),
            Expr::Index(index) => {
                let (array, depth) = root(index);
                (self.plain(array)?.value.at_depth(depth), LiftVisitor(self).place(index))
            }
            _ => return None,
        };
        let of_numbers = |value: &Value| matches!(value, Value::Array { of, .. } if **of == Value::Real);
        match value {
            value if value.is_fixed() => Some(quote!(::hierarch::__private::Lift::<#scalar>::lift(#place))),
            value if of_numbers(value) => Some(quote! {
                #place.iter().map(|&x| <#scalar as ::core::convert::From<f64>>::from(x)).collect::<::std::vec::Vec<_>>()
            }),
            Value::Array { of, fixed: false } if of_numbers(of) => {
                Some(quote!(::hierarch::__private::Matrix::of_rows(&#place)))
            }
            _ => None,
        }
    }

    /// Finds the param that `expr` names, if code borrows it as it is.
    fn plain(&self, expr: &Expr) -> Option<&Symbol> {
        let Expr::Path(path) = expr else { return None };
        self.tree.symbols.get(&path.path.get_ident()?.to_string()).filter(|symbol| symbol.plain)
    }

    /// Constructs the distribution that `Name(arguments)` or `Name::constructor(arguments)` stands for.
    pub fn construct(&self, call: &ExprCall) -> TokenStream {
        let function = constructor(call, self.silent).unwrap_or_else(|| call.func.to_token_stream());
        let known = builtin::of(call).is_some();
        let arguments = call.args.iter().map(|a| self.argument(a, known));
        quote!(#function(#(#arguments),*))
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(lit) if matches!(lit.lit, Lit::Int(_) | Lit::Float(_)))
}

/// Names the function that makes the distribution of `call`: `Name` stands for `Name::new`. `None` if `call` is of something
/// else. The library's own names win over what else is in scope, since rand_distr and statrs have types of the same names.
fn constructor(call: &ExprCall, silent: bool) -> Option<TokenStream> {
    let Expr::Path(path) = &*call.func else { return None };
    let last = path.path.segments.last()?.ident.clone();
    if !last.to_string().starts_with(char::is_uppercase) || ["Some", "Ok", "Err"].iter().any(|w| last == w) {
        return None;
    }
    if builtin::is_open(path) {
        return Some(quote!(#path::new));
    }
    if builtin::of(call).is_some() {
        return Some(quote!(::hierarch::distributions::#last::new));
    }
    if let Some(why) = path.path.get_ident().and_then(elsewhere::advice) {
        return Some(elsewhere::stand_in(&last, call.args.len(), (!silent).then_some(why.as_str())));
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

impl LiftVisitor<'_, '_> {
    /// Tells whether `path` is a constant: in capitals, and none of the model's names.
    fn is_constant(&self, path: &ExprPath) -> bool {
        let declared = |name: &Ident| self.0.tree.symbols.contains_key(&name.to_string());
        is_capitals(path) && !path.path.get_ident().is_some_and(declared)
    }

    /// Lifts an argument of one of the library's functions, or a side of an operator, in its place.
    fn operand(&mut self, expr: &mut Expr) {
        match self.0.of_params(expr) {
            Some(numbers) => *expr = Expr::Verbatim(numbers),
            None => self.visit_expr_mut(expr),
        }
    }

    /// Emits what `index` reads.
    fn read(&mut self, index: &ExprIndex) -> TokenStream {
        let (scalar, place) = (self.0.scalar, self.place(index));
        let (array, depth) = root(index);
        match self.0.plain(array).map(|symbol| symbol.value.at_depth(depth)) {
            // Of a matrix or a `Vec` of the params, which is in plain numbers.
            Some(value) if value.is_fixed() => quote!(::hierarch::__private::Lift::<#scalar>::lift(#place)),
            _ => place,
        }
    }

    /// Emits `index` as a place: what the position is outside of is noted, and the first element read instead.
    fn place(&mut self, index: &ExprIndex) -> TokenStream {
        if let Some(other) = plain_index(index).and_then(|(values, at)| (self.0.index)(values, at)) {
            return other;
        }
        let base = match &*index.expr {
            Expr::Index(inner) => self.place(inner),
            other => self.0.expr(other),
        };
        let Some(by) = is_checked(self.0.tree, &index.index) else {
            let at = self.0.expr(&index.index);
            return quote!(#base[#at]);
        };
        let at = position(&index.index, &|expr| self.0.expr(expr));
        let read = Read { tree: self.0.tree, index, by: &by, element: self.0.element }.emit();
        match root(index).0 {
            Expr::Path(_) | Expr::Field(_) => {
                let size = size(&base);
                quote!(#base[__reads.position(&#read, #at, #size)])
            }
            _ => {
                let size = size(&quote!(*__base));
                quote!(match &(#base) {
                    __base => __base[__reads.position(&#read, #at, #size)],
                })
            }
        }
    }
}

impl VisitMut for LiftVisitor<'_, '_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let scalar = self.0.scalar;
        match expr {
            Expr::Lit(lit) if matches!(lit.lit, Lit::Float(_)) => {
                *expr = Expr::Verbatim(quote!(<#scalar as ::core::convert::From<f64>>::from(#lit)));
            }
            Expr::Cast(ExprCast { ty, expr: number, .. }) if is_f64(ty) => {
                self.visit_expr_mut(number);
                *expr = Expr::Verbatim(quote!(::hierarch::__private::Cast::<#scalar>::cast(#number)));
            }
            Expr::Path(path) if self.is_constant(path) => {
                *expr = Expr::Verbatim(quote!(::hierarch::__private::Lift::<#scalar>::lift(#path)));
            }
            Expr::Path(_) => {
                if let Some(name) = of_float(expr).filter(|name| is_of_real(&name.to_string())) {
                    *expr = Expr::Verbatim(quote!(<#scalar as ::hierarch::autodiff::Real>::#name));
                }
            }
            Expr::Index(index) => *expr = Expr::Verbatim(self.read(index)),
            Expr::Call(call) if sums::of(call).is_some() => {
                let sum = sums::of(call).map(|sum| reduce::emit(&sum, scalar, &self.0.expr(sum.body)));
                *expr = Expr::Verbatim(sum.unwrap_or_default());
            }
            Expr::Call(ExprCall { func, args, .. })
                if args.len() == 1 && of_float(func).is_some_and(|name| name == "from") =>
            {
                args.iter_mut().for_each(|a| self.visit_expr_mut(a));
                *expr = Expr::Verbatim(quote!(::hierarch::__private::Cast::<#scalar>::cast(#args)));
            }
            Expr::Call(call) if is_dot(call) => call.args.iter_mut().for_each(|side| self.operand(side)),
            // A constant that is called, or whose field is read, is no number.
            Expr::Call(ExprCall { func, args, .. }) if matches!(&**func, Expr::Path(_)) => {
                if of_float(func).is_some() {
                    self.visit_expr_mut(func);
                }
                match is_of_matrices(func) {
                    true => args.iter_mut().for_each(|a| self.operand(a)),
                    false => args.iter_mut().for_each(|a| self.visit_expr_mut(a)),
                }
            }
            Expr::Binary(binary) => {
                self.operand(&mut binary.left);
                self.operand(&mut binary.right);
            }
            Expr::Field(field) if matches!(&*field.base, Expr::Path(_)) => {}
            _ => syn::visit_mut::visit_expr_mut(self, expr),
        }
    }

    // Literals of patterns are compared, not computed with.
    fn visit_pat_mut(&mut self, _: &mut Pat) {}
}

/// Tells whether `function` is one of the library's on matrices, as `Numbers` writes it.
fn is_of_matrices(function: &Expr) -> bool {
    const NAMES: [&str; 4] = ["matvec", "open_matvec", "diag", "open_diag"];
    let Expr::Path(path) = function else { return false };
    path.path.segments.first().is_some_and(|first| first.ident == "hierarch")
        && path.path.segments.last().is_some_and(|last| NAMES.iter().any(|name| last.ident == name))
}

fn is_f64(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.is_ident("f64"))
}

/// Tells whether a path ends in a name in capitals, such as `LIMIT` or `std::f64::consts::PI`.
fn is_capitals(path: &ExprPath) -> bool {
    path.path.segments.last().is_some_and(|segment| {
        let name = segment.ident.to_string();
        name.len() > 1
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_uppercase())
    })
}

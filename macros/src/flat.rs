//! `UnitVector` without parentheses; `Flat`, `Flat(0.0..)` and `Flat(..1.0)`: the prior over all numbers, or from or up to a bound, with both its bounds.

use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprCall, ExprRange, parse_quote_spanned, spanned::Spanned};

use crate::ast::Statement;

/// Writes the bounds of flat priors out.
pub fn write_bounds(body: &mut [Statement]) {
    for statement in body {
        match statement {
            Statement::Variable(v) => v.definition.iter_mut().for_each(|definition| Bounds.visit_expr_mut(definition)),
            Statement::Plate(p) => write_bounds(&mut p.body),
            _ => {}
        }
    }
}

struct Bounds;

impl VisitMut for Bounds {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let span = expr.span();
        match expr {
            Expr::Path(path) if path.path.is_ident("Flat") => {
                *expr = parse_quote_spanned!(span=> #path(f64::NEG_INFINITY, f64::INFINITY));
            }
            Expr::Path(path) if path.path.is_ident("UnitVector") => *expr = parse_quote_spanned!(span=> #path()),
            Expr::Call(call) if matches!(&*call.func, Expr::Path(p) if p.path.is_ident("UnitVector")) => {}
            Expr::Call(ExprCall { func, args, .. }) if matches!(&**func, Expr::Path(p) if p.path.is_ident("Flat")) => {
                if let Some(Expr::Range(ExprRange { start, end, .. })) = args.first()
                    && args.len() == 1
                {
                    let low = start.clone().unwrap_or_else(|| parse_quote_spanned!(span=> f64::NEG_INFINITY));
                    let high = end.clone().unwrap_or_else(|| parse_quote_spanned!(span=> f64::INFINITY));
                    *args = [*low, *high].into_iter().collect();
                }
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }
}

//! A quantity: what it reads has a value in a draw, and what draws it draws one number.

use proc_macro2::Ident;
use syn::{Expr, Pat};

use super::scope::{Checker, What};
use crate::ast::Quantity;
use crate::builtin::Draws;
use crate::definition::Definition;
use crate::names::{bound, identifiers, text};

impl Checker {
    pub fn quantity(&mut self, pat: &Pat, expr: &Expr, quantity: Quantity) {
        self.in_quantity = true;
        self.expression(expr, &[]);
        self.in_quantity = false;
        let is_unknown = |name: &Ident| self.known.get(&name.to_string()).is_some_and(|known| known.unknown);
        if let Some(of) = identifiers(expr).into_iter().find(is_unknown) {
            let message = format!(
                "`{0}` is summed out, or worked out of what is, so that it has no value in a draw and a quantity cannot read it: \
                 `chains.discrete(..)` draws it",
                text(&of)
            );
            self.report(&of, message);
        }
        if quantity == Quantity::Drawn {
            self.drawn(pat, expr);
        }
        for name in bound(pat) {
            self.declare(&name, What::Quantity, false);
        }
    }

    fn drawn(&mut self, pat: &Pat, expr: &Expr) {
        let name = bound(pat).first().map(text).unwrap_or_default();
        match Definition::read(expr) {
            Err(other) => self.report(other, format!("a distribution stands here: `quantity {name} ~ Normal(mu, sigma);`")),
            Ok(read) if read.is_implicit() => self.report(
                expr,
                format!(
                    "a quantity is drawn from a distribution, `quantity {name} ~ Normal(mu, sigma);`; what a function works out is \
                     `quantity {name} = ..;`"
                ),
            ),
            Ok(read) if read.draws().is_some_and(Draws::is_vector) => {
                self.report(expr, "a quantity that is drawn is one number, and this distribution draws a vector");
            }
            Ok(_) => {}
        }
    }
}

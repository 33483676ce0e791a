//! A density over all elements of a plate at once: where it may stand, and what it may depend on.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Expr, ExprCall};

use super::scope::{Checker, What};
use crate::ast::{Role, Statement, Variable};
use crate::builtin::{self, Draws};
use crate::definition::Definition;
use crate::field::{Field, Of};

impl Checker {
    /// Checks the variable `v`, which `call` is the definition of.
    pub fn field(&mut self, v: &Variable, call: &ExprCall) {
        let (name, of) = (&v.name, call.func.to_token_stream());
        if v.role != Role::Local || self.path.is_empty() {
            let message = format!(
                "`{of}` is a density over all elements of a plate, and of nothing else: write `local {name} ~ {of}(..);` in a plate"
            );
            self.report(&call.func, message);
            return;
        }
        if let Some(shape) = &v.shape {
            self.report(
                &shape.len,
                format!("`{of}` has one number for each element: leave the length of `{name}` out"),
            );
        }
        if let Some(ty) = &v.ty {
            self.report(ty, format!("`{of}` has one number for each element: leave the type of `{name}` out"));
        }
        match Field::read(call) {
            Err(error) => self.report_error(error),
            Ok(field) => {
                field.arguments.iter().for_each(|argument| self.same_for_all(call, argument));
                match &field.of {
                    Of::Map(_, edges) => self.edges(edges),
                    Of::Places(x, _) => self.places(x),
                    Of::Elements(_) => {}
                }
            }
        }
        for late in std::mem::take(&mut self.drawn_in_turn) {
            let message = format!(
                "`{late}` is drawn after other variables of its element, and `{name}` is drawn for all elements at once, when all \
                 covariates are known: let `{late}` depend on other covariates and on what is outside of the plate"
            );
            self.report(&late, message);
        }
        self.fields.push(name.clone());
    }

    /// Checks a number that the density depends on.
    fn same_for_all(&mut self, call: &ExprCall, argument: &Expr) {
        self.expression(argument, &[]);
        let names = self.names(argument);
        let own = |name: &&Ident| self.known.get(&name.to_string()).is_some_and(|known| !known.path.is_empty());
        if let Some(own) = names.iter().find(own) {
            let of = call.func.to_token_stream();
            let message = format!(
                "`{own}` belongs to an element of a plate, and the arguments of `{of}` are the same for all: they may depend on params \
                 and globals"
            );
            self.report(own, message);
        }
    }

    fn edges(&mut self, edges: &Expr) {
        for name in self.names(edges) {
            let message = match self.known.get(&name.to_string()).map(|known| &known.what) {
                Some(What::Param) => continue,
                Some(what) => format!(
                    "the pairs of neighbours are a param, `param {name}: Vec<(usize, usize)>;`, or a constant, and `{name}` is {}",
                    what.describe()
                ),
                None => self.unknown(&name),
            };
            self.report(&name, message);
        }
    }

    fn places(&mut self, x: &Ident) {
        let message = match self.known.get(&x.to_string()) {
            Some(known) if known.path == self.path && matches!(known.what, What::Variable(Role::Given, _)) => return,
            Some(known) => format!(
                "the place of an element is a covariate of its plate, `given x: f64;`, and `{x}` is {}",
                known.what.describe()
            ),
            None => self.unknown(x),
        };
        self.report(x, message);
    }

    /// Checks a covariate, where a density over the whole plate needs all covariates before.
    pub fn covariate(&mut self, v: &Variable) {
        if let Some(field) = self.fields.first() {
            let message = format!(
                "`{field}` is drawn for all elements at once, when all covariates are known: declare `{}` above `{field}`",
                v.name
            );
            self.report(&v.name, message);
        }
        let mentioned = v.definition.as_ref().map_or(Vec::new(), |definition| self.names(definition));
        let in_turn = mentioned.iter().filter_map(|name| self.known.get(&name.to_string())).any(|known| {
            !known.path.is_empty()
                && !matches!(known.what, What::Variable(Role::Given, _) | What::Index(_) | What::Size)
        });
        if in_turn {
            self.drawn_in_turn.push(v.name.clone());
        }
    }

    /// Reports where an element of a plate with the statements `body` reads those before it, and something of it is drawn for all
    /// elements at once.
    pub fn no_sequence(&mut self, body: &[Statement]) {
        let Some(field) = self.fields.first().cloned() else { return };
        for statement in body {
            if let Statement::Lag(lag) = statement {
                let message = format!(
                    "`{field}` is drawn for all elements of the plate at once, and `prev` reads them in turn: put `{field}` into a plate \
                     of its own, and read it by an index"
                );
                self.report(&lag.local, message);
            }
        }
    }

    /// Reports a density over a whole plate, or a kernel, that stands where a distribution of one number does.
    pub fn stands_alone(&mut self, definition: &Definition) {
        for call in definition.calls() {
            self.stands_alone_in(call);
        }
    }

    fn stands_alone_in(&mut self, call: &ExprCall) {
        let of = call.func.to_token_stream();
        match builtin::of(call).map(|known| known.draws) {
            Some(Draws::Plate) => self.report(
                &call.func,
                format!("`{of}` is a density over all elements of a plate: it stands alone, `local x ~ {of}(..);`"),
            ),
            Some(Draws::Kernel) => self.report(
                &call.func,
                format!("`{of}` is a kernel: write `local f ~ GaussianProcess(x, {of}(..));`, with a covariate `x`"),
            ),
            _ => {}
        }
        for argument in &call.args {
            if let Expr::Call(inner) = argument {
                self.stands_alone_in(inner);
            }
        }
    }
}

//! `data let center = mean(x);`: it reads data, and the params above it.

use syn::{Expr, Ident};

use super::scope::{Checker, What};
use crate::ast::Role;
use crate::names::text;
use crate::nearest::nearest;

impl Checker {
    /// Checks the names in `expr` that are known; columns may be declared below.
    pub fn data_let(&mut self, expr: &Expr) {
        for name in self.names(expr) {
            if self.known.contains_key(&name.to_string()) {
                self.of_data(&name);
            } else {
                self.columns.push(name);
            }
        }
    }

    /// Checks the names in `data let`s that were not known there, when all are.
    pub fn columns(&mut self) {
        for name in std::mem::take(&mut self.columns) {
            match self.known.get(&name.to_string()).map(|known| &known.what) {
                Some(What::Param | What::Length) => {
                    let message = format!("`{0}` is declared below: move it above this line", text(&name));
                    self.report(&name, message);
                }
                Some(_) => self.of_data(&name),
                None => {
                    let near = nearest(&text(&name), self.known.keys().map(String::as_str));
                    let meant = near.map(|near| format!(": is `{near}` meant?")).unwrap_or_default();
                    self.report(&name, format!("nothing of the data is called `{}`{meant}", text(&name)));
                }
            }
        }
    }

    fn of_data(&mut self, name: &Ident) {
        let Some(known) = self.known.get(&name.to_string()) else { return };
        let allowed = match &known.what {
            What::Param | What::Length | What::Index(_) => true,
            What::Variable(role, _) => matches!(role, Role::Observe | Role::Given),
            _ => false,
        };
        if !allowed {
            let message = format!(
                "`{}` is {}, and a `data let` is worked out once, of the columns of covariates and observations: `data let center = \
                 mean(x);`",
                text(name),
                known.what.describe()
            );
            self.report(name, message);
        }
    }
}

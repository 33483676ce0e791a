//! The size of a plate.

use syn::Expr;

use super::scope::{Checker, What};
use crate::ast::{Plate, Role, Statement, has_observation};
use crate::builtin::Draws;
use crate::definition::Definition;

impl Checker {
    /// Checks the `ends` of a size that is not random: no random variable may be in them.
    pub fn size(&mut self, plate: &Plate, ends: &[&Expr]) {
        for name in ends.iter().flat_map(|end| self.names(end)).collect::<Vec<_>>() {
            let message = match self.known.get(&name.to_string()).map(|n| &n.what) {
                Some(What::Param | What::Length) => continue,
                Some(what) => format!(
                    "the size of a plate is known before anything is drawn, but `{name}` is {}: make it a `param`, or draw the size, `plate {}(n ~ Poisson(rate))`",
                    what.describe(),
                    plate.name
                ),
                None => self.unknown(&name),
            };
            self.report(&name, message);
        }
    }

    /// Checks a random size, which is drawn from `distribution`.
    pub fn random_size(&mut self, plate: &Plate, distribution: &Expr) {
        const NO_COUNTS: &str = "a random size has a distribution over counts, such as `n ~ Poisson(rate)`";
        let definition = match Definition::read(distribution) {
            Ok(definition) if !definition.is_implicit() => definition,
            _ => return self.report(distribution, NO_COUNTS),
        };
        for part in definition.expressions() {
            self.expression(part, &[]);
        }
        self.calls(&definition);
        if definition.draws().is_some_and(|d| !matches!(d, Draws::Count | Draws::FiniteCount)) {
            self.report(distribution, NO_COUNTS);
        }
        if !self.implicit && !has_data(&plate.body) {
            self.report(
                &plate.name,
                "the size of a plate in which nothing is seen cannot be random: it would have to be inferred",
            );
        }
    }
}

/// Tells whether an element of the plate has anything in the data.
fn has_data(body: &[Statement]) -> bool {
    body.iter().any(|s| match s {
        Statement::Variable(v) => matches!(v.role, Role::Observe | Role::Given),
        Statement::Plate(p) => has_observation(&p.body),
        _ => false,
    })
}

//! Observations that may be missing: which of them may be read by others.

use super::scope::{Checker, What};
use super::variable::read;
use crate::ast::{Missing, Statement, Variable};
use crate::builtin::{Draws, is_record};
use crate::definition::Definition;
use crate::kind::Kind;
use crate::names::identifiers;

impl Checker {
    /// Checks an observation `v` that may be missing, and that may depend on what is `summed` out.
    pub fn missing(&mut self, v: &Variable, summed: bool) {
        let name = &v.name;
        let Some(definition) = read(v) else { return };
        if definition.is_implicit() {
            let message = format!(
                "`{name}` is drawn by a function, so that there is no density that would leave it out: leave the element out of the data"
            );
            return self.report(name, message);
        }
        if v.missing != Missing::Inferred {
            return;
        }
        let vector = v.shape.is_some()
            || definition.draws().is_some_and(Draws::is_vector)
            || matches!(v.ty, Some(syn::Type::Array(_)));
        let kind = Kind::of(v.ty.as_ref(), Some(&definition));
        let record = definition.calls().into_iter().any(is_record);
        let message = if self.path.is_empty() {
            format!(
                "other variables depend on `{name}`, so that it is inferred where it is missing: put it into a plate with what depends on \
                 it, `plate once(1) {{ .. }}`"
            )
        } else if definition.draws_whole_numbers() {
            format!(
                "other variables depend on `{name}`, which has infinitely many values, so that it cannot be summed out where it is missing: \
                 leave these elements out of the data"
            )
        } else if kind != Kind::Real {
            match self.not_summed_out(v, &definition, vector) {
                Some(message) => message,
                None => return,
            }
        } else if record {
            format!(
                "other variables depend on `{name}`, and where it is missing there is no record that they could depend on: let them depend \
                 on a `local` with the distribution inside"
            )
        } else if let Some(message) = self.not_inferred(v, &definition, vector) {
            message
        } else if summed && !definition.has_fixed_support() {
            format!(
                "`{name}` is inferred where it is missing, so the values that it can take must not depend on a discrete local, which is \
                 summed out: use distributions with one and the same support"
            )
        } else {
            return;
        };
        self.report(name, message);
    }

    /// Says what is wrong with an observation `v` that others depend on where it is missing, if it is a vector; `None` if nothing is.
    fn not_inferred(&self, v: &Variable, definition: &Definition, vector: bool) -> Option<String> {
        let name = &v.name;
        let one_draw = v.shape.is_none() || definition.draws().is_some_and(Draws::is_vector);
        let open = |len: &syn::Expr| {
            identifiers(len).iter().any(|at| self.known.get(&at.to_string()).is_some_and(|at| at.what == What::Length))
        };
        let why = if !vector {
            return None;
        } else if one_draw && !definition.is_over_all_numbers() {
            "which of vectors that are one draw only those over all numbers can be, such as `MvNormal`: leave the elements where \
             it is missing out of the data"
        } else if v.shape.as_ref().is_some_and(|shape| open(&shape.len)) {
            "which needs a constant length"
        } else if v.begins_at > 0 {
            "in the first elements too: say what the sequence begins with, `prev(x, 1, 0.0)`"
        } else {
            return None;
        };
        Some(format!("other variables depend on `{name}`, so that it is inferred where it is missing, {why}"))
    }

    /// Says what is wrong with a discrete observation `v` that others depend on where it is missing; `None` if it can be summed out.
    fn not_summed_out(&self, v: &Variable, definition: &Definition, vector: bool) -> Option<String> {
        let name = &v.name;
        let why = if vector {
            "which only single values are: put its components into a plate of fixed size"
        } else if definition.draws() == Some(Draws::Count) {
            "and it has infinitely many values: give it a bound that is so large that it does not matter, `Truncated(.., 0, 100)`"
        } else if self.implicit {
            "of which there is no density beside what a function draws: leave the element out of the data"
        } else if v.begins_at > 0 {
            "in the first elements too: say what the sequence begins with, `prev(x, 1, 0.0)`"
        } else {
            return None;
        };
        Some(format!("other variables depend on `{name}`, so that it is summed out where it is missing, {why}"))
    }

    /// Checks how the observations in `body` come to be missing, of which all of their element may be read.
    pub fn mechanisms(&mut self, body: &[Statement]) {
        for statement in body {
            let Statement::Variable(Variable { name, mechanism: Some(mechanism), .. }) = statement else { continue };
            let Ok(definition) = Definition::read(mechanism) else {
                self.report(mechanism, "a distribution stands here, of whether the value is missing: `Bernoulli(0.2)`");
                continue;
            };
            if let Some(word) = identifiers(mechanism).iter().find(|word| *word == "prev" || *word == "is_first") {
                let message =
                    format!("what `{name}` is missing by is of its own element: bind what is before by a `let`");
                self.report(word, message);
                continue;
            }
            definition.expressions().into_iter().for_each(|part| {
                self.expression(part, &[]);
            });
            self.calls(&definition);
            if definition.draws() != Some(Draws::Bool) {
                self.report(
                    mechanism,
                    format!("whether `{name}` is missing is yes or no: `missing {name} ~ Bernoulli(0.2);`"),
                );
            }
        }
    }
}

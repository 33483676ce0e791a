//! What elements of a plate read of those before them.

use proc_macro2::Ident;

use super::scope::{Checker, What};
use crate::ast::{Earlier, Initial, Lag, Missing, Role, Statement, Variable};
use crate::definition::Definition;
use crate::field;
use crate::kind::Kind;

impl Checker {
    /// Checks what is read of an element before, in a plate with the statements `body`, and declares what stands for it.
    pub fn lag(&mut self, lag: &Lag, body: &[Statement]) {
        let summed = match &lag.earlier {
            Earlier::IsFirst => false,
            Earlier::Value { of, initial } => {
                if let Initial::Value(initial) = initial {
                    self.expression(initial, &[]);
                }
                match variable(body, of) {
                    Some(v) => self.earlier_variable(v, lag, body),
                    None => false,
                }
            }
        };
        self.stand_in(&lag.local, summed);
    }

    /// Checks that the variable `v` can be read from the elements after; tells whether it is summed out.
    fn earlier_variable(&mut self, v: &Variable, lag: &Lag, body: &[Statement]) -> bool {
        let definition = v.definition.as_ref().and_then(|d| Definition::read(d).ok());
        let kind = match &v.index_of {
            Some(_) => Kind::Category,
            None => Kind::of(v.ty.as_ref(), definition.as_ref()),
        };
        let vector = v.shape.is_some() || matches!(v.ty, Some(syn::Type::Array(_)));
        if kind == Kind::Pixels || kind.structural() && vector {
            let message = format!("`prev` reads numbers, and vectors of numbers: `{}` is neither", v.name);
            self.report(&lag.local, message);
        }
        if field::call(v).is_some() {
            let message = format!(
                "the values of `{}` in all elements are one draw, and not one after the other: `prev` cannot read them",
                v.name
            );
            self.report(&lag.local, message);
            return false;
        }
        if v.role != Role::Local && v.missing != Missing::Inferred {
            return false;
        }
        if kind != Kind::Real {
            self.chain(v, lag, body);
            return true;
        }
        if vector && v.missing == Missing::Inferred {
            let message = format!(
                "`{}` is a vector that may be missing, and `prev` reads single numbers that may be: put its components into plates, or \
                 variables, of their own",
                v.name
            );
            self.report(&lag.local, message);
            return false;
        }
        let read = definition.is_some_and(|d| {
            d.has_fixed_support() && (!d.draws().is_some_and(|x| x.is_vector()) || d.is_over_all_numbers())
        });
        if !read && !self.implicit {
            let message = format!(
                "`{0}` is read from the element after, so its values must not be bounded by other variables, nor by each other: give \
                 `{0}` a distribution over all numbers, all positive ones or those between 0 and 1, and transform it in a `let`",
                v.name
            );
            self.report(&lag.local, message);
        }
        false
    }

    /// Checks a discrete local that depends on its value before, which is summed out along the plate.
    fn chain(&mut self, v: &Variable, lag: &Lag, body: &[Statement]) {
        if self.implicit {
            return;
        }
        if lag.steps > 1 {
            let what =
                if v.role == Role::Local { "a discrete local" } else { "what is summed out where it is missing" };
            let message = format!(
                "{what} can depend on the element before alone: write the last two values of `{}` as one, with a value for each \
                 pair",
                v.name
            );
            self.report(&lag.local, message);
        }
        let discrete = |other: &&Variable| {
            let definition = other.definition.as_ref().and_then(|d| Definition::read(d).ok());
            let summed = other.role == Role::Local || other.missing == Missing::Inferred;
            summed && Kind::of(other.ty.as_ref(), definition.as_ref()) != Kind::Real
        };
        let other = body.iter().filter_map(as_variable).filter(discrete).find(|other| other.name != v.name);
        if let Some(other) = other {
            let message = format!(
                "`{}` is {} beside `{}`, which depends on its value before: write both as one, with a value for each pair",
                other.name,
                if other.role == Role::Local { "a discrete local" } else { "summed out where it is missing" },
                v.name
            );
            self.report(&other.name, message);
        }
    }

    /// Checks the `let`s in `body` that are read from elements after: none may depend on what is summed out.
    pub fn carried(&mut self, body: &[Statement]) {
        for statement in body {
            let Statement::Lag(lag) = statement else { continue };
            let of = lag.of().filter(|of| self.known.get(&of.to_string()).is_some_and(|known| known.what == What::Let));
            let Some(of) = of else { continue };
            self.in_order.extend(self.path.last().cloned());
            if self.known[&of.to_string()].summed {
                let message = format!(
                    "`{of}` depends on a discrete local, which is summed out, so that it has no value of its own in the element before"
                );
                self.report(&lag.local, message);
            }
        }
    }
}

fn as_variable(statement: &Statement) -> Option<&Variable> {
    match statement {
        Statement::Variable(v) => Some(v),
        _ => None,
    }
}

fn variable<'a>(body: &'a [Statement], name: &Ident) -> Option<&'a Variable> {
    body.iter().filter_map(as_variable).find(|v| v.name == *name)
}

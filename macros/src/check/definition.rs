//! What stands after `~`: the arguments of each distribution, and whether the variable may have such a distribution.

use proc_macro2::Ident;
use syn::{Expr, ExprCall, Path, Type};

use super::scope::Checker;
use crate::ast::{Role, Variable};
use crate::builtin::{self, Builtin, Draws, is_record};
use crate::definition::Definition;
use crate::elsewhere;
use crate::field;
use crate::kind::Kind;

impl Checker {
    /// Checks `expr`, the definition of `v`; tells whether it depends on a variable that is summed out.
    pub fn definition(&mut self, v: &Variable, expr: &Expr) -> bool {
        if let Some(call) = field::call(v) {
            self.field(v, call);
            return false;
        }
        let definition = match Definition::read(expr) {
            Ok(definition) => definition,
            Err(part) => {
                self.report(part, no_distribution(part));
                return false;
            }
        };
        let positions: Vec<&Ident> = v.shape.iter().chain(&v.columns).filter_map(|s| s.position.as_ref()).collect();
        let mut summed = false;
        for part in definition.expressions() {
            summed |= self.expression(part, &positions);
        }
        self.calls(&definition);
        self.stands_alone(&definition);
        if let Definition::Implicit(call) = &definition {
            self.drawn_by_function(v, call);
        }
        if definition.draws().is_some_and(Draws::is_vector) {
            self.drawn_vector(v, definition.draws().is_some_and(Draws::is_matrix));
        }
        if let Some(ty) = v.ty.as_ref().filter(|ty| Kind::of(Some(ty), None) != Kind::Real)
            && definition.draws_whole_numbers()
        {
            self.report(ty, "its values may be negative, so that they are of `f64`, which needs no type here");
        }
        if v.role.latent() {
            if let Some(call) = definition.calls().into_iter().find(|call| is_record(call) && !self.implicit) {
                let message = format!(
                    "`{}` is a record of a number, of which single values have a probability: only an observation can be. Draw the \
                     number itself, from the distribution inside",
                    v.name
                );
                self.report(&call.func, message);
            } else if definition.draws_whole_numbers() {
                let message = format!(
                    "`{}` has infinitely many values, so it cannot be summed out of the density: only an observation can be such a \
                     difference. Draw both counts, with bounds, `local n ~ Truncated(Poisson(rate), 0, 100);`",
                    v.name
                );
                self.report(&v.name, message);
            } else if Kind::of(v.ty.as_ref(), Some(&definition)) != Kind::Real {
                self.discrete_latent(v, definition.draws());
            } else if summed && !definition.has_fixed_support() {
                let message = format!(
                    "the values that `{}` can take must not depend on a discrete local, which is summed out: use distributions with one and the same support",
                    v.name
                );
                self.report(&v.name, message);
            }
        }
        summed
    }

    fn drawn_by_function(&mut self, v: &Variable, call: &ExprCall) {
        let name = match &*call.func {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        let misspelt = name.filter(|_| v.role != Role::Observe || v.ty.is_none()).and_then(elsewhere::misspelt);
        if let Some(message) = misspelt {
            self.report(&call.func, message);
        } else if v.role != Role::Observe {
            let message =
                format!("`{}` is drawn by a function, so it has no density: only an observation can be", v.name);
            self.report(&v.name, message);
        } else if v.ty.is_none() {
            let message = format!("what a function draws needs a type: `observe {}: [f32; 64] ~ ...`", v.name);
            self.report(&v.name, message);
        }
    }

    fn drawn_vector(&mut self, v: &Variable, is_matrix: bool) {
        if is_matrix && (v.columns.is_none() || v.role == Role::Local) {
            let message =
                format!("this distribution draws a matrix: say its rows and columns, `global {}[3][3]`", v.name);
            self.report(&v.name, message);
        } else if v.shape.is_none() && !matches!(v.ty, Some(Type::Array(_))) {
            let message = format!("this distribution draws a vector: say its length, `{}[3]`", v.name);
            self.report(&v.name, message);
        }
        // Of a matrix, each row is a draw with arguments of its own.
        let row = v.shape.as_ref().filter(|_| is_matrix || v.columns.is_none());
        if let Some(position) = row.into_iter().chain(&v.columns).find_map(|s| s.position.as_ref()) {
            self.report(position, "the whole vector is one draw here: write `[3]`");
        }
    }

    fn discrete_latent(&mut self, v: &Variable, draws: Option<Draws>) {
        let role = v.role.keyword();
        if v.role != Role::Local && self.implicit {
            let message = format!(
                "`{0}` is discrete, and a network infers continuous globals alone: give its probability one, `{role} p ~ Beta(1.0, 1.0);`, \
                 or draw it in `plate once(1) {{ local {0} ~ ..; }}` with all that depends on it, where `joint_npe` infers it",
                v.name
            );
            self.report(&v.name, message);
        } else if v.shape.is_some() {
            let instead = match v.role {
                Role::Local => "into a plate of fixed size",
                _ => "as a `local` into a plate of fixed size, and what depends on each too,",
            };
            let message = format!("a discrete {role} is one value: put `{}` {instead} instead", v.name);
            self.report(&v.name, message);
        } else if draws == Some(Draws::Count) && !self.implicit {
            let message = format!(
                "`{0}` has infinitely many values, so it cannot be summed out of the density: give it a bound, \
                 `{role} {0} ~ Truncated(.., 0, 100);`, or use a distribution with finitely many (Bernoulli, Categorical, Binomial), or \
                 a continuous one",
                v.name
            );
            self.report(&v.name, message);
        }
    }

    /// Checks the number of arguments of every distribution in `definition`.
    pub fn calls(&mut self, definition: &Definition) {
        definition.calls().into_iter().for_each(|call| self.call(call));
    }

    /// Checks the number of arguments of one of the library's distributions, and of those inside it.
    fn call(&mut self, call: &ExprCall) {
        if let Some(known) = builtin::of(call)
            && known.arguments.len() != call.args.len()
        {
            let message = format!(
                "{} takes {} argument{}, ({}), not {}",
                known.name,
                known.arguments.len(),
                if known.arguments.len() == 1 { "" } else { "s" },
                known.arguments.join(", "),
                call.args.len()
            );
            self.report(call, message);
        }
        if builtin::of(call).is_some_and(|known| known.name == "Hurdle")
            && let Some(inner @ Expr::Call(_)) = call.args.iter().nth(1)
            && Definition::read(inner).is_ok_and(|inner| inner.draws_whole_numbers())
        {
            self.report(inner, "behind a hurdle are counts, which are not negative: `ZeroInflated` takes differences");
        }
        for argument in &call.args {
            match argument {
                Expr::Call(inner) => self.call(inner),
                Expr::Array(array) => array.elems.iter().for_each(|e| {
                    if let Expr::Call(inner) = e {
                        self.call(inner);
                    }
                }),
                _ => {}
            }
        }
    }
}

/// Writes the distribution `path` with the names of its arguments; `None` if it is none of the library's.
fn signature(path: &Path) -> Option<String> {
    builtin::find(&path.get_ident()?.to_string()).map(Builtin::signature)
}

/// Says what stands after `~` in place of `part`, which is no call.
fn no_distribution(part: &Expr) -> String {
    let path = match part {
        Expr::Struct(literal) => Some(&literal.path),
        Expr::Path(path) => Some(&path.path),
        _ => None,
    };
    match path.and_then(signature) {
        Some(signature) => format!("a distribution takes its arguments in parentheses, in their order or by their names, `a = 1.0`: `{signature}`"),
        None => "a distribution stands here, such as `Normal(0.0, 1.0)`, or an `if` or `match` between distributions with no other \
                 statements"
            .to_owned(),
    }
}

//! The solvers of the library, whose first argument is a function.

use syn::visit::Visit;
use syn::{Expr, ExprCall};

use crate::definition::Definition;
use crate::tree::{Plate, Step};
use crate::value::Value::{self, Array, Other, Real, Tuple};

/// What a solver takes and returns.
pub struct Solver {
    /// What the function takes, as far as that is known.
    pub function: Vec<Value>,
    /// What the function returns.
    pub returned: Value,
    /// What each argument after the function is.
    pub arguments: Vec<Value>,
    /// What the solver returns.
    pub value: Value,
}

/// Finds the solver that `call` is of; `None` if it is of something else, as a function of the user by the same name may be.
pub fn of(call: &ExprCall) -> Option<Solver> {
    let Expr::Path(path) = &*call.func else { return None };
    let (function, rest) = (call.args.first()?, call.args.len() - 1);
    if !matches!(function, Expr::Path(_) | Expr::Closure(_)) {
        return None;
    }
    let state = Value::array(Real, true);
    match (path.path.segments.last()?.ident.to_string().as_str(), rest) {
        ("ode" | "ode_stiff", 4) => {
            let start = match &call.args[1] {
                Expr::Tuple(_) => Tuple(vec![Real, state.clone()]),
                _ => state.clone(),
            };
            Some(Solver {
                function: vec![Real, state.clone(), Other],
                returned: state.clone(),
                arguments: vec![start, Value::array(Real, true), Other, Other],
                value: Array { of: Box::new(state), fixed: true },
            })
        }
        ("root" | "integral", 2) => {
            Some(Solver { function: vec![Real], returned: Real, arguments: vec![Real; 2], value: Real })
        }
        _ => None,
    }
}

/// Tells whether an element of `plate` itself calls a solver.
///
/// Its elements are then run one at a time. What a solver is handed is called by reference and is not compiled for the registers of
/// several lanes, in which it would take longer than without; and lanes would share the steps of the slowest.
pub fn any(plate: &Plate) -> bool {
    struct Calls(bool);
    impl<'a> Visit<'a> for Calls {
        fn visit_expr_call(&mut self, call: &'a ExprCall) {
            self.0 |= of(call).is_some();
            syn::visit::visit_expr_call(self, call);
        }
    }
    let mut calls = Calls(false);
    for step in &plate.steps {
        match step {
            Step::Variable(v) => {
                v.definition.iter().flat_map(Definition::expressions).for_each(|e| calls.visit_expr(e))
            }
            Step::Let { expr, .. } | Step::Factor(expr) => calls.visit_expr(expr),
            Step::Plate(_) | Step::Lag(_) => {}
        }
    }
    calls.0
}
